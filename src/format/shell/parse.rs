//! Lists, pipelines and compound commands.

use super::{Join, List, PipelineStep, ShellCommand, Simple};
use crate::format::located::{Located, TextPlace};

mod compound;
mod simple;

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
    seen: (usize, TextPlace),
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

    pub(super) fn place(&mut self) -> TextPlace {
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

    pub(super) fn parse_inner(&self, source: &str, place: TextPlace) -> List {
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
                list.push(PipelineStep { join, pipeline });
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

    fn pipeline(&mut self) -> Vec<ShellCommand> {
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

    fn command(&mut self) -> Option<ShellCommand> {
        if self.at_keyword(&[
            "if", "for", "select", "while", "until", "case", "function", "{",
        ]) || self.peek() == Some('(')
        {
            if !self.enter() {
                return None;
            }
            let command = self.compound();
            self.leave();
            let mut around = Simple::default();
            while self.redirections(&mut around) {}
            return match command {
                Some(command) if !around.outputs.is_empty() => Some(ShellCommand::Redirected {
                    command: Box::new(command),
                    outputs: around.outputs,
                }),
                command => command,
            };
        }
        self.simple()
    }
}
