//! Pipelines of Jenkins.
//!
//! A lexer for Groovy finds strings and braces; `sh` steps are shell scripts. The only other part
//! of the language that is evaluated is assignments of strings.

mod conditions;
mod functions;
mod lexer;
mod lists;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use functions::GroovyFunction;
use lexer::{JenkinsToken, tokens};

use super::command::CommandContext;
use super::embedded::{self, Environment};
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};

/// Parses a pipeline.
pub(super) fn read(session: &FindSession<'_>, path: &str, text: &str) {
    let source = Located::lines(text, TextPlace::new(session.repository.number(path), 1));
    let tokens = tokens(&source);
    let branches = RefCell::default();
    let mut reader = JenkinsReader {
        session,
        branches: &branches,
        condition: None,
        tokens: &tokens,
        variables: HashMap::new(),
        lists: HashMap::new(),
        parameters: HashMap::new(),
        environment: Vec::new(),
        blocks: Vec::new(),
        functions: functions::of(&tokens),
        calls: Cell::new(0),
    };
    reader.run();
}

#[derive(Debug, Clone)]
enum PipelineBlock {
    Stage(String),
    /// `environment`
    Environment,
    /// `if` or `else`, with its condition.
    Condition(String),
    Other,
}

struct JenkinsReader<'a> {
    session: &'a FindSession<'a>,
    tokens: &'a [JenkinsToken],
    variables: HashMap<String, Located>,
    /// The variables that hold lists of strings.
    lists: HashMap<String, Vec<Located>>,
    parameters: HashMap<String, Located>,
    environment: Environment,
    blocks: Vec<PipelineBlock>,
    functions: HashMap<String, GroovyFunction>,
    /// The calls that are being evaluated.
    calls: Cell<usize>,
    /// Parts with several values, as variables of the shell.
    branches: &'a RefCell<Environment>,
    /// The condition of the `if` that ended last.
    condition: Option<String>,
}

impl JenkinsReader<'_> {
    fn run(&mut self) {
        // The parameters may be declared after their first use.
        for (index, token) in self.tokens.iter().enumerate() {
            if let JenkinsToken::Word(word, _) = token
                && matches!(word.as_str(), "string" | "choice" | "booleanParam")
            {
                self.parameter(index + 1);
            }
        }
        let mut pending = PipelineBlock::Other;
        let mut index = 0;
        while index < self.tokens.len() {
            match &self.tokens[index] {
                JenkinsToken::Sign('{') => {
                    self.blocks
                        .push(std::mem::replace(&mut pending, PipelineBlock::Other));
                }
                JenkinsToken::Sign('}') => {
                    self.condition = match self.blocks.pop() {
                        Some(PipelineBlock::Condition(condition)) => Some(condition),
                        _ => None,
                    };
                }
                JenkinsToken::Word(word, _) => {
                    let word = word.clone();
                    index = self.word(&word, index, &mut pending);
                    continue;
                }
                _ => {}
            }
            index += 1;
        }
    }

    /// Handles a word and returns the index to continue at.
    fn word(&mut self, word: &str, index: usize, pending: &mut PipelineBlock) -> usize {
        let next = index + 1;
        match word {
            "stage" => {
                if let Some((name, _)) = self.string_after(next) {
                    *pending = PipelineBlock::Stage(name.as_str().to_owned());
                }
                next
            }
            "environment" if matches!(self.tokens.get(next), Some(JenkinsToken::Sign('{'))) => {
                *pending = PipelineBlock::Environment;
                next
            }
            "sh" | "bat" | "powershell" | "pwsh" => {
                if let Some((text, end)) = self.script_after(next) {
                    self.script(word, &text);
                    return end;
                }
                next
            }
            "if" | "else" => {
                if let Some(condition) = self.block_condition(word, next) {
                    *pending = PipelineBlock::Condition(condition);
                }
                next
            }
            "withEnv" => {
                self.with_env(next);
                next
            }
            "docker.build" => {
                self.docker_build(next);
                next
            }
            _ => self.assignment(word, index),
        }
    }

    fn assignment(&mut self, word: &str, index: usize) -> usize {
        let next = index + 1;
        if let Some(end) = self.list_change(word, next) {
            return end;
        }
        if !matches!(self.tokens.get(next), Some(JenkinsToken::Sign('=')))
            || matches!(self.tokens.get(next + 1), Some(JenkinsToken::Sign('=')))
        {
            return next;
        }
        // `def image = docker.build(…)`
        let builds = |token: &JenkinsToken| matches!(token, JenkinsToken::Word(word, _) if word == "docker.build");
        if self.tokens.get(next + 1).is_some_and(builds) {
            return next + 1;
        }
        let name = word.trim_start_matches("env.").to_owned();
        let (value, end) = self.value(next + 1, &name);
        let Some(value) = value else { return next + 1 };
        let in_environment = matches!(self.blocks.last(), Some(PipelineBlock::Environment))
            || word.starts_with("env.");
        if in_environment {
            let values = self.alternatives(&value);
            embedded::put_all(&mut self.environment, &name, values);
        }
        self.variables.insert(name, value);
        end
    }

    /// Reads strings and names joined by `+`, or the values of `?:`.
    fn value(&self, start: usize, name: &str) -> (Option<Located>, usize) {
        if let Some((text, end)) = self.choice(start, name) {
            return (Some(text), end);
        }
        self.joined_parts(start, name)
    }

    /// Reads strings and names joined by `+`.
    fn joined_parts(&self, start: usize, name: &str) -> (Option<Located>, usize) {
        let mut whole: Option<Located> = None;
        let mut index = start;
        loop {
            let part = match self.tokens.get(index) {
                Some(JenkinsToken::Text(text, interpolated)) => {
                    self.interpolated(text, *interpolated)
                }
                Some(JenkinsToken::Word(word, place)) => {
                    if matches!(self.tokens.get(index + 1), Some(JenkinsToken::Sign('('))) {
                        let called = self.joined(word, index + 2);
                        let called = called.or_else(|| self.call(word, index + 2));
                        let Some((text, end)) = called else {
                            let shown = format!("{name} = {word}(…)");
                            return (Some(self.session.unknown(&shown, *place)), index + 1);
                        };
                        index = end - 1;
                        text
                    } else {
                        self.lookup(word, *place).used_at(*place)
                    }
                }
                _ => return (whole, index),
            };
            match &mut whole {
                Some(whole) => whole.push(&part),
                None => whole = Some(part),
            }
            index += 1;
            if !matches!(self.tokens.get(index), Some(JenkinsToken::Sign('+'))) {
                return (whole, index);
            }
            index = self.after_lines(index + 1);
        }
    }

    /// `docker.build('image', 'flags')`
    fn docker_build(&self, start: usize) {
        if !matches!(self.tokens.get(start), Some(JenkinsToken::Sign('('))) {
            return;
        }
        let (_, end) = self.value(self.after_lines(start + 1), "image");
        if !matches!(self.tokens.get(end), Some(JenkinsToken::Sign(','))) {
            return;
        }
        if let (Some(flags), _) = self.value(self.after_lines(end + 1), "flags") {
            let mut script = Located::new("docker build ", flags.place());
            script.push(&flags);
            self.script("sh", &script);
        }
    }

    fn parameter(&mut self, start: usize) {
        let mut name = None;
        let mut default = None;
        let is_in_brackets = self.sign(start, '(');
        let mut index = start;
        while let Some(token) = self.tokens.get(index) {
            match token {
                JenkinsToken::Sign(')') if index > start => break,
                JenkinsToken::Line if index > start && !is_in_brackets => break,
                JenkinsToken::Word(word, _) => {
                    // The first choice is the default.
                    let value = index + 2 + usize::from(self.sign(index + 2, '['));
                    if let Some(JenkinsToken::Text(text, _)) =
                        self.tokens.get(self.after_lines(value))
                    {
                        match word.as_str() {
                            "name" => name = Some(text.as_str().to_owned()),
                            "defaultValue" => default = Some(text.clone()),
                            "choices" => default = text.split_lines().into_iter().next(),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
            index += 1;
        }
        if let (Some(name), Some(default)) = (name, default) {
            self.parameters.insert(name, default);
        }
    }

    /// Finds the string of `stage('X')`.
    fn string_after(&self, mut index: usize) -> Option<(Located, usize)> {
        if matches!(self.tokens.get(index), Some(JenkinsToken::Sign('('))) {
            index += 1;
        }
        match self.tokens.get(index) {
            Some(JenkinsToken::Text(text, interpolated)) => {
                Some((self.interpolated(text, *interpolated), index + 1))
            }
            _ => None,
        }
    }

    /// Finds the script of `sh '…'`, `sh(script: '…')`.
    fn script_after(&self, start: usize) -> Option<(Located, usize)> {
        let mut index = start;
        if matches!(self.tokens.get(index), Some(JenkinsToken::Sign('('))) {
            index += 1;
        }
        for _ in 0..12 {
            match self.tokens.get(index)? {
                JenkinsToken::Text(_, _) => {
                    let (value, end) = self.value(index, "script");
                    return value.map(|value| (value, end));
                }
                JenkinsToken::Word(name, _)
                    if matches!(self.tokens.get(index + 1), Some(JenkinsToken::Sign(':'))) =>
                {
                    index += 2;
                    if name == "script" {
                        let (value, end) = self.value(index, "script");
                        return value.map(|value| (value, end));
                    }
                    index += 1;
                }
                JenkinsToken::Word(_, _) => {
                    let (value, end) = self.value(index, "script");
                    return value.map(|value| (value, end));
                }
                JenkinsToken::Sign(',') => index += 1,
                JenkinsToken::Line | JenkinsToken::Sign(_) => return None,
            }
        }
        None
    }

    fn script(&self, step: &str, text: &Located) {
        let stage = self.blocks.iter().rev().find_map(|block| match block {
            PipelineBlock::Stage(name) => Some(name.clone()),
            _ => None,
        });
        let text = match step {
            "bat" => super::other_shells::from_batch(text),
            "powershell" | "pwsh" => super::other_shells::from_powershell(text),
            _ => text.clone(),
        };
        let around = CommandContext {
            target: stage,
            when: self.conditions(),
            ..CommandContext::default()
        };
        let mut environment = self.environment.clone();
        environment.extend(self.branches.borrow().iter().cloned());
        embedded::run(self.session, &text, &environment, &around);
    }

    fn lookup(&self, path: &str, place: TextPlace) -> Located {
        let path = path.strip_prefix("this.").unwrap_or(path);
        if let Some(name) = path.strip_prefix("params.") {
            return self
                .parameters
                .get(name)
                .cloned()
                .unwrap_or_else(|| self.session.unknown(path, place));
        }
        let name = path.strip_prefix("env.").unwrap_or(path);
        let known = self
            .variables
            .get(name)
            .cloned()
            .or_else(|| embedded::get(&self.environment, name));
        known.unwrap_or_else(|| self.session.unknown(name, place))
    }

    /// Replaces `$name` and `${expression}` in double-quoted strings.
    fn interpolated(&self, text: &Located, replaces: bool) -> Located {
        if !replaces {
            return text.clone();
        }
        let source = text.as_str();
        let mut out = Located::default();
        let mut position = 0;
        while let Some(found) = source[position..].find('$') {
            let start = position + found;
            out.push(&text.slice(position, start));
            let place = text.place_at(start);
            let rest = &source[start + 1..];
            // An escaped dollar is for the shell.
            if out.as_str().ends_with('\u{1}') {
                out = out.slice(0, out.len() - 1);
                out.push_char('$', place);
                position = start + 1;
            } else if let Some(inner) = rest.strip_prefix('{') {
                let end = inner.find('}').unwrap_or(inner.len());
                out.push(&self.expression(inner[..end].trim(), place));
                position = (start + 2 + end + 1).min(source.len());
            } else {
                let length = rest
                    .find(|c: char| !(c == '_' || c == '.' || c.is_ascii_alphanumeric()))
                    .unwrap_or(rest.len());
                let name = rest[..length].trim_end_matches('.');
                if name.is_empty() {
                    out.push_char('$', place);
                } else {
                    out.push(&self.lookup(name, place).used_at(place));
                }
                position = start + 1 + name.len();
            }
        }
        out.push(&text.slice(position, source.len()));
        out
    }
}
