//! Lists, pipelines and compound commands.

use super::{Assigned, Assignment, Command, Join, List, Simple, Step, Word};
use crate::format::located::{Located, Place};

/// The deepest nesting of commands; deeper ones are skipped.
const DEPTH: usize = 40;

/// Parses a script.
pub fn parse(source: &Located) -> List {
    Parser::new(source, 0).list(&[])
}

/// Parses a script from start to end.
pub(super) struct Parser<'s> {
    located: &'s Located,
    pub(super) source: &'s str,
    pub(super) position: usize,
    depth: usize,
    /// The end of the here-documents that start after the current line.
    skip_to: Option<usize>,
    /// The last location, with the offset where it starts.
    seen: (usize, Place),
}

impl<'s> Parser<'s> {
    fn new(located: &'s Located, depth: usize) -> Self {
        Self {
            located,
            source: located.as_str(),
            position: 0,
            depth,
            skip_to: None,
            seen: (0, located.place()),
        }
    }

    pub(super) fn rest(&self) -> &'s str {
        &self.source[self.position..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn place(&mut self) -> Place {
        if self.seen.0 != self.position {
            self.seen = (self.position, self.located.place_at(self.position));
        }
        self.seen.1
    }

    /// Advances by one character; after a line break, also skips the here-documents of that line.
    pub(super) fn advance(&mut self) {
        let Some(character) = self.peek() else { return };
        self.position += character.len_utf8();
        if character == '\n'
            && let Some(end) = self.skip_to.take()
        {
            self.position = self.position.max(end);
        }
    }

    /// Enters a nested construct. Returns false if it is nested too deeply.
    pub(super) fn enter(&mut self) -> bool {
        if self.depth >= DEPTH {
            self.position = self.source.len();
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn name(&mut self) -> String {
        let rest = self.rest();
        let end = rest
            .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let starts_well = rest.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
        if !starts_well {
            return String::new();
        }
        self.position += end;
        rest[..end].to_owned()
    }

    /// Reads nested brackets up to and including the closing text. Returns the text between.
    pub(super) fn balanced(&mut self, opening: usize, closing: &str) -> String {
        self.position = (self.position + opening).min(self.source.len());
        let start = self.position;
        let mut depth = 0usize;
        while let Some(character) = self.peek() {
            if depth == 0 && self.rest().starts_with(closing) {
                let inner = self.source[start..self.position].to_owned();
                self.position += closing.len();
                return inner;
            }
            match character {
                '\\' => self.advance(),
                '(' | '{' => depth += 1,
                ')' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.advance();
        }
        self.source[start..self.position].to_owned()
    }

    /// Parses commands inside of others.
    pub(super) fn nested(&mut self, ends: &[&str]) -> List {
        if !self.enter() {
            return List::new();
        }
        let list = self.list(ends);
        self.leave();
        list
    }

    pub(super) fn parse_inner(&self, source: &str, place: Place) -> List {
        if self.depth >= DEPTH {
            return List::new();
        }
        let located = Located::lines(source, place);
        Parser::new(&located, self.depth + 1).list(&[])
    }

    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.advance(),
                Some('\\') if self.rest().starts_with("\\\n") => {
                    self.advance();
                    self.advance();
                }
                Some('\\') if self.rest().starts_with("\\\r\n") => {
                    for _ in 0..3 {
                        self.advance();
                    }
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.advance();
                    }
                }
                _ => return,
            }
        }
    }

    fn gaps(&mut self) {
        loop {
            self.blanks();
            match self.peek() {
                Some('\n' | ';') if !self.rest().starts_with(";;") => self.advance(),
                _ => return,
            }
        }
    }

    /// Returns whether one of the words is here as a keyword.
    fn at_keyword(&self, words: &[&str]) -> bool {
        let rest = self.rest();
        words.iter().any(|word| {
            rest.strip_prefix(word).is_some_and(|after| {
                after
                    .chars()
                    .next()
                    .is_none_or(|c| c.is_whitespace() || ";&|()<>".contains(c))
            })
        })
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.gaps();
        let here = self.at_keyword(&[word]);
        if here {
            self.position += word.len();
        }
        here
    }

    /// Parses steps up to a keyword of `ends`, a closing bracket, or the end of an arm of `case`.
    fn list(&mut self, ends: &[&str]) -> List {
        let mut list = List::new();
        let mut join = Join::Always;
        loop {
            self.gaps();
            let Some(character) = self.peek() else {
                return list;
            };
            if character == ')' || self.rest().starts_with(";;") || self.at_keyword(ends) {
                return list;
            }
            let before = self.position;
            let pipeline = self.pipeline();
            if !pipeline.is_empty() {
                list.push(Step { join, pipeline });
            }
            self.blanks();
            join = Join::Always;
            if self.rest().starts_with("&&") {
                self.position += 2;
                join = Join::And;
            } else if self.rest().starts_with("||") {
                self.position += 2;
                join = Join::Or;
            } else if self.peek() == Some('&') || self.position == before {
                self.advance();
            }
        }
    }

    fn pipeline(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        loop {
            self.gaps_in_pipeline(!commands.is_empty());
            if self.at_keyword(&["!"]) {
                self.advance();
                self.blanks();
            }
            commands.extend(self.command());
            self.blanks();
            if self.peek() == Some('|') && !self.rest().starts_with("||") {
                self.advance();
                if self.peek() == Some('&') {
                    self.advance();
                }
            } else {
                return commands;
            }
        }
    }

    fn gaps_in_pipeline(&mut self, after_pipe: bool) {
        if after_pipe {
            self.gaps();
        } else {
            self.blanks();
        }
    }

    fn command(&mut self) -> Option<Command> {
        if self.at_keyword(&[
            "if", "for", "select", "while", "until", "case", "function", "{",
        ]) || self.peek() == Some('(')
        {
            if !self.enter() {
                return None;
            }
            let command = self.compound();
            self.leave();
            self.redirections(&mut Simple::default());
            return command;
        }
        self.simple()
    }

    fn compound(&mut self) -> Option<Command> {
        if self.rest().starts_with("((") {
            self.balanced(2, "))");
            return None;
        }
        if self.peek() == Some('(') {
            self.advance();
            let list = self.list(&[]);
            if self.peek() == Some(')') {
                self.advance();
            }
            return Some(Command::Group(list));
        }
        if self.keyword("{") {
            return Some(Command::Group(self.braces()));
        }
        if self.keyword("if") {
            return Some(self.conditional());
        }
        if self.keyword("while") || self.keyword("until") {
            let condition = self.list(&["do"]);
            let body = self.body();
            return Some(Command::While { condition, body });
        }
        if self.keyword("case") {
            return self.case();
        }
        if self.keyword("function") {
            self.blanks();
            let name = self.word()?.literal()?;
            if self.rest().starts_with("()") {
                self.position += 2;
            }
            return self.function(name);
        }
        if self.keyword("for") || self.keyword("select") {
            return Some(self.repeated());
        }
        None
    }

    fn braces(&mut self) -> List {
        let list = self.list(&["}"]);
        self.keyword("}");
        list
    }

    fn body(&mut self) -> List {
        if !self.keyword("do") {
            return List::new();
        }
        let list = self.list(&["done"]);
        self.keyword("done");
        list
    }

    fn conditional(&mut self) -> Command {
        let mut arms = Vec::new();
        let mut otherwise = List::new();
        loop {
            let condition = self.list(&["then", "fi"]);
            self.keyword("then");
            let body = self.list(&["elif", "else", "fi"]);
            arms.push((condition, body));
            if self.keyword("elif") {
                continue;
            }
            if self.keyword("else") {
                otherwise = self.list(&["fi"]);
            }
            self.keyword("fi");
            return Command::If { arms, otherwise };
        }
    }

    fn repeated(&mut self) -> Command {
        self.blanks();
        if self.rest().starts_with("((") {
            self.balanced(2, "))");
            let condition = List::new();
            let body = self.body();
            return Command::While { condition, body };
        }
        let variable = self.name();
        let mut words = Vec::new();
        if self.keyword("in") {
            loop {
                self.blanks();
                let Some(word) = self.word() else { break };
                words.push(word);
            }
        }
        let body = self.body();
        Command::For {
            variable,
            words,
            body,
        }
    }

    fn case(&mut self) -> Option<Command> {
        self.blanks();
        let subject = self.word()?;
        self.keyword("in");
        let mut arms = Vec::new();
        loop {
            self.gaps();
            if self.keyword("esac") || self.peek().is_none() {
                return Some(Command::Case { subject, arms });
            }
            if self.peek() == Some('(') {
                self.advance();
            }
            let patterns = self.patterns();
            let before = self.position;
            let list = self.list(&["esac"]);
            arms.push((patterns, list));
            if self.rest().starts_with(";;") {
                self.position += 2;
                if self.peek() == Some('&') {
                    self.advance();
                }
            } else if self.position == before && !self.at_keyword(&["esac"]) {
                self.advance();
            }
        }
    }

    fn patterns(&mut self) -> Vec<Word> {
        let mut patterns = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some('|') => self.advance(),
                Some(')') => {
                    self.advance();
                    return patterns;
                }
                None | Some('\n') => return patterns,
                _ => match self.word() {
                    Some(word) => patterns.push(word),
                    None => self.advance(),
                },
            }
        }
    }

    fn function(&mut self, name: String) -> Option<Command> {
        self.gaps();
        let body = match self.command()? {
            Command::Group(list) => list,
            other => vec![Step {
                join: Join::Always,
                pipeline: vec![other],
            }],
        };
        Some(Command::Function { name, body })
    }

    fn simple(&mut self) -> Option<Command> {
        let mut simple = Simple {
            place: self.place(),
            ..Simple::default()
        };
        let start = self.position;
        loop {
            self.blanks();
            if self.redirections(&mut simple) {
                continue;
            }
            if simple.words.is_empty()
                && let Some(assignment) = self.assignment()
            {
                simple.assignments.push(assignment);
                continue;
            }
            if simple.words.is_empty() && self.rest().starts_with("[[") {
                simple.words.push(self.double_brackets());
                continue;
            }
            let Some(word) = self.word() else { break };
            let is_first = simple.words.is_empty();
            if is_first && self.rest().starts_with("()") {
                self.position += 2;
                if !self.enter() {
                    return None;
                }
                let function = self.function(word.literal().unwrap_or_default());
                self.leave();
                return function;
            }
            if declares(&simple.words)
                && let Some(assignment) = self.declared(&word)
            {
                simple.assignments.push(assignment);
            } else {
                simple.words.push(word);
            }
        }
        (self.position > start).then_some(Command::Simple(simple))
    }

    /// Converts `NAME=value` after `export` and similar commands into an assignment.
    fn declared(&mut self, word: &Word) -> Option<Assignment> {
        let text = word.literal_prefix()?;
        let name_end = text.find('=')?;
        let (name, append) = assigned_name(&text[..name_end])?;
        let mut value = word.clone();
        value.drop_front(name_end + 1);
        if value.parts.is_empty() && self.peek() == Some('(') {
            return Some(Assignment {
                name,
                append,
                value: Assigned::Array(self.array()),
            });
        }
        Some(Assignment {
            name,
            append,
            value: Assigned::Scalar(value),
        })
    }

    fn assignment(&mut self) -> Option<Assignment> {
        let rest = self.rest();
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric())?;
        let mut tail = &rest[end..];
        let mut length = end;
        if tail.starts_with('[') {
            let close = tail.find(']')?;
            length += close + 1;
            tail = &tail[close + 1..];
        }
        let append = tail.starts_with("+=");
        length += if append { 2 } else { 1 };
        if !append && !tail.starts_with('=') {
            return None;
        }
        let (name, _) = assigned_name(&rest[..end])?;
        self.position += length;
        if self.peek() == Some('(') {
            let value = Assigned::Array(self.array());
            return Some(Assignment {
                name,
                append,
                value,
            });
        }
        let place = self.place();
        let word = self.word().unwrap_or(Word {
            place,
            ..Word::default()
        });
        let value = Assigned::Scalar(word);
        Some(Assignment {
            name,
            append,
            value,
        })
    }

    fn array(&mut self) -> Vec<Word> {
        self.advance();
        let mut words = Vec::new();
        loop {
            self.gaps();
            match self.peek() {
                None => return words,
                Some(')') => {
                    self.advance();
                    return words;
                }
                _ => match self.word() {
                    Some(word) => words.push(word),
                    None => self.advance(),
                },
            }
        }
    }

    fn double_brackets(&mut self) -> Word {
        let place = self.place();
        let rest = self.rest();
        let end = rest.find("]]").map_or(rest.len(), |at| at + 2);
        let end = rest[..end]
            .find('\n')
            .filter(|_| !rest[..end].contains("]]"))
            .unwrap_or(end);
        self.position += end;
        let text = Located::new(&rest[..end], place);
        Word {
            parts: vec![super::Part::Text {
                text,
                quoted: false,
            }],
            place,
            source: rest[..end].chars().take(60).collect(),
        }
    }

    /// Parses one redirection. Returns false if there is none.
    fn redirections(&mut self, simple: &mut Simple) -> bool {
        self.blanks();
        let rest = self.rest();
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let operator = &rest[digits..];
        let operator = operator
            .strip_prefix('&')
            .filter(|o| o.starts_with('>'))
            .unwrap_or(operator);
        if !operator.starts_with(['<', '>'])
            || operator.starts_with("<(")
            || operator.starts_with(">(")
        {
            if operator.starts_with("<(") || operator.starts_with(">(") {
                self.position += digits + 2;
                self.nested(&[]);
                self.advance();
                return true;
            }
            return false;
        }
        self.position = self.source.len() - operator.len();
        if operator.starts_with("<<<") {
            self.position += 3;
            self.blanks();
            let text = self
                .word()
                .and_then(|word| word.literal().map(|text| (text, word.place)));
            if let Some((text, place)) = text {
                simple.inputs.push(Located::new(text, place));
            }
        } else if operator.starts_with("<<") {
            self.position += 2;
            self.heredoc(simple);
        } else {
            let is_output = operator.starts_with('>');
            let operator_end = operator
                .find(|c| !matches!(c, '<' | '>' | '&' | '|'))
                .unwrap_or(operator.len());
            self.position += operator_end;
            self.blanks();
            if let Some(word) = self.word()
                && is_output
            {
                simple.outputs.push(word);
            }
        }
        true
    }

    fn heredoc(&mut self, simple: &mut Simple) {
        let dash = self.peek() == Some('-');
        if dash {
            self.advance();
        }
        self.blanks();
        let Some(delimiter) = self.word().and_then(|word| word.literal()) else {
            return;
        };
        let line_end = self.rest().find('\n').map(|at| self.position + at + 1);
        let Some(start) = self.skip_to.or(line_end) else {
            return;
        };
        let mut position = start;
        let mut end = self.source.len();
        let mut next = end;
        while position < self.source.len() {
            let line_end = self.source[position..]
                .find('\n')
                .map_or(self.source.len(), |at| position + at);
            let line = self.source[position..line_end].trim_end_matches('\r');
            let line = if dash {
                line.trim_start_matches('\t')
            } else {
                line
            };
            let after = (line_end + 1).min(self.source.len());
            if line.trim_start() == delimiter {
                end = position;
                next = after;
                break;
            }
            position = after.max(position + 1);
        }
        simple.inputs.push(self.located.slice(start.min(end), end));
        self.skip_to = Some(next);
    }
}

fn declares(words: &[Word]) -> bool {
    words.first().and_then(Word::bare).is_some_and(|word| {
        matches!(
            word,
            "export" | "local" | "readonly" | "declare" | "typeset" | "env" | "set" | "setenv"
        )
    })
}

fn assigned_name(text: &str) -> Option<(String, bool)> {
    let append = text.ends_with('+');
    let name = text.trim_end_matches('+');
    let valid = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    valid.then(|| (name.to_owned(), append))
}

impl Word {
    /// The text before the first variable or quote.
    fn literal_prefix(&self) -> Option<&str> {
        match self.parts.first()? {
            super::Part::Text {
                text,
                quoted: false,
            } => Some(text.as_str()),
            _ => None,
        }
    }

    fn drop_front(&mut self, length: usize) {
        if let Some(super::Part::Text { text, .. }) = self.parts.first_mut() {
            *text = text.slice(length.min(text.len()), text.len());
            if text.is_empty() {
                self.parts.remove(0);
            }
        }
    }
}
