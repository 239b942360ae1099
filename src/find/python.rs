//! Scripts in Python: lists of words, and shell commands in strings.
//!
//! A string counts only where a function runs it: `subprocess.run`, `os.system` and the like, and
//! functions of the script that pass their parameter on to those.

mod lexer;

use std::collections::{HashMap, HashSet};

use super::command::{self, CommandContext};
use super::embedded;
use super::repository::directory;
use super::script::Invocation;
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};
use lexer::PythonToken;

/// Parses a script.
pub(super) fn read(session: &FindSession<'_>, path: &str, text: &str) {
    if !text.contains("docker") && !text.contains("buildctl") && !text.contains("nerdctl") {
        return;
    }
    let source = Located::lines(text, TextPlace::new(session.repository.number(path), 1));
    let tokens = lexer::tokens(session, &source, &lexer::constants(text));
    let mut reader = PythonReader {
        session,
        runners: runners(&tokens),
        tokens: &tokens,
        around: CommandContext {
            directory: directory(path).to_owned(),
            ..CommandContext::default()
        },
        texts: HashMap::new(),
        lists: HashMap::new(),
        program: Vec::new(),
    };
    reader.run();
}

struct PythonReader<'a> {
    session: &'a FindSession<'a>,
    tokens: &'a [PythonToken],
    around: CommandContext,
    /// The functions of the script that run a command.
    runners: HashSet<String>,
    /// The variables that hold a string.
    texts: HashMap<String, Located>,
    /// The variables that hold a list, with the words before its first flag.
    lists: HashMap<String, Vec<Located>>,
    /// The words before the first flag of the last list.
    program: Vec<Located>,
}

impl PythonReader<'_> {
    fn run(&mut self) {
        let mut index = 0;
        while let Some(token) = self.tokens.get(index) {
            index += 1;
            match token {
                PythonToken::Word(name) => index = self.name(name, index),
                PythonToken::Sign('[') => index = self.list(None, index),
                _ => {}
            }
        }
    }

    fn sign(&self, index: usize, sign: char) -> bool {
        matches!(self.tokens.get(index), Some(PythonToken::Sign(found)) if *found == sign)
    }

    fn text(&self, index: usize) -> Option<&Located> {
        match self.tokens.get(index)? {
            PythonToken::Text(text) => Some(text),
            PythonToken::Word(name) => self.texts.get(name.trim_end_matches(".split")),
            PythonToken::Sign(_) => None,
        }
    }

    /// Handles a name and returns the index to continue at. `index` is that of the token after it.
    fn name(&mut self, name: &str, index: usize) -> usize {
        if self.sign(index, '=') && !self.sign(index + 1, '=') {
            return self.assignment(name, index + 1);
        }
        if self.sign(index, '+') && self.sign(index + 1, '=') {
            if self.sign(index + 2, '[') {
                return self.list(Some(name), index + 3);
            }
            if let Some(added) = self.text(index + 2).cloned()
                && let Some(text) = self.texts.get_mut(name)
            {
                text.push(&added);
            }
            return index + 2;
        }
        if !self.sign(index, '(') {
            return index;
        }
        if let Some(list) = name.strip_suffix(".append")
            && let Some(text) = self.text(index + 1)
        {
            let program = self.lists.get(list).cloned().unwrap_or_default();
            self.invoke(program.into_iter().chain([text.clone()]));
            return index + 2;
        }
        if let Some(list) = name.strip_suffix(".extend")
            && self.sign(index + 1, '[')
        {
            return self.list(Some(list), index + 2);
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if (is_runner(name) || self.runners.contains(last))
            && let Some(text) = self.text(index + 1)
        {
            command_line(self.session, text, &self.around);
        }
        index + 1
    }

    fn assignment(&mut self, name: &str, index: usize) -> usize {
        self.texts.remove(name);
        if self.sign(index, '[') {
            let end = self.list(None, index + 1);
            self.lists.insert(name.to_owned(), self.program.clone());
            return end;
        }
        self.lists.remove(name);
        if let Some(PythonToken::Text(text)) = self.tokens.get(index) {
            self.texts.insert(name.to_owned(), text.clone());
            return index + 1;
        }
        index
    }

    /// Reads a list and returns the index after it. `added_to` is the list that it extends.
    fn list(&mut self, added_to: Option<&str>, start: usize) -> usize {
        let mut words: Vec<Located> = Vec::new();
        let mut index = start;
        while let Some(token) = self.tokens.get(index) {
            match token {
                PythonToken::Sign('[') => match self.subscript(index) {
                    Some(end) => index = end,
                    None => return index,
                },
                PythonToken::Sign(']') => break,
                PythonToken::Text(text) => words.push(text.clone()),
                PythonToken::Word(name) if self.is_element(index) => {
                    let place = words.last().map(Located::place).unwrap_or_default();
                    let known = self.texts.get(name).cloned();
                    words.push(known.unwrap_or_else(|| self.session.unknown(name, place)));
                }
                PythonToken::Word(_) | PythonToken::Sign(_) => {}
            }
            index += 1;
        }
        if index == self.tokens.len() {
            return start;
        }
        let is_flag = |word: &Located| word.as_str().starts_with('-');
        if words.first().is_some_and(is_flag) {
            // `command += ["--flag", …]`
            let known = added_to.and_then(|name| self.lists.get(name));
            let program = known.unwrap_or(&self.program).clone();
            words.splice(0..0, program);
        } else {
            let before = words.iter().take_while(|word| !is_flag(word));
            self.program = before.cloned().collect();
        }
        self.invoke(words);
        index + 1
    }

    /// Returns the end of a subscript such as `[0]` that begins at `index`.
    fn subscript(&self, index: usize) -> Option<usize> {
        let before = self.tokens.get(index.checked_sub(1)?);
        let after = (1..4).find(|length| self.sign(index + length, ']'))?;
        matches!(before, Some(PythonToken::Word(_))).then_some(index + after)
    }

    /// Whether a token is a whole element of a list.
    fn is_element(&self, index: usize) -> bool {
        let is_after = |before| self.sign(before, '[') || self.sign(before, ',');
        index.checked_sub(1).is_some_and(is_after)
            && (self.sign(index + 1, ']') || self.sign(index + 1, ','))
    }

    fn invoke(&self, words: impl IntoIterator<Item = Located>) {
        let invocation = Invocation::of_words(words);
        command::declare(self.session, &invocation, &self.around);
    }
}

/// Follows a string that starts with the name of a build program.
fn command_line(session: &FindSession<'_>, text: &Located, around: &CommandContext) {
    let first = text.as_str().split_whitespace().next().unwrap_or_default();
    if matches!(first, "docker" | "docker-compose" | "buildctl" | "nerdctl") {
        embedded::run(session, text, &Vec::new(), around);
    }
}

/// Whether a function runs the command in its first argument.
fn is_runner(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((module, function)) => match function {
            // `c.run` of invoke, and the like.
            "run"
            | "sudo"
            | "check_call"
            | "check_output"
            | "Popen"
            | "getoutput"
            | "getstatusoutput"
            | "create_subprocess_shell" => true,
            "call" => module.ends_with("subprocess"),
            "system" | "popen" => module.ends_with("os"),
            "split" => module.ends_with("shlex"),
            _ => false,
        },
        None => matches!(
            name,
            "run"
                | "call"
                | "check_call"
                | "check_output"
                | "Popen"
                | "system"
                | "popen"
                | "getoutput"
                | "getstatusoutput"
                | "create_subprocess_shell"
        ),
    }
}

/// Returns the functions of a script that pass a parameter on to a function that runs it.
fn runners(tokens: &[PythonToken]) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut function: Option<&str> = None;
    let mut parameters: Vec<&str> = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        let PythonToken::Word(word) = token else {
            continue;
        };
        if let ("def", Some(PythonToken::Word(name))) = (word.as_str(), tokens.get(index)) {
            function = Some(name);
            parameters.clear();
            let list = tokens[index + 1..].iter();
            let until = list.take_while(|token| !matches!(token, PythonToken::Sign(')')));
            for token in until {
                if let PythonToken::Word(parameter) = token {
                    parameters.push(parameter);
                }
                index += 1;
            }
            continue;
        }
        if let (Some(PythonToken::Sign('(')), Some(PythonToken::Word(argument))) =
            (tokens.get(index), tokens.get(index + 1))
            && is_runner(word)
            && parameters.contains(&argument.trim_end_matches(".split"))
            && let Some(name) = function
        {
            found.insert(name.to_owned());
        }
    }
    found
}
