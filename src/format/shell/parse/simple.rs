//! Simple commands: assignments, words and redirections.

use super::Parser;
use crate::format::located::Located;
use crate::format::shell::{Assigned, Assignment, ShellCommand, Simple, Word, WordPart};

impl Parser<'_> {
    pub(super) fn simple(&mut self) -> Option<ShellCommand> {
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
            if is_first && self.parentheses() {
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
        (self.position > start).then_some(ShellCommand::Simple(simple))
    }

    /// Reads the parentheses after the name of a function, `NAME()` or `NAME ( )`.
    fn parentheses(&mut self) -> bool {
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        let rest = self.rest();
        let inside = rest.trim_start_matches(is_blank).strip_prefix('(');
        let after = inside.and_then(|inside| inside.trim_start_matches(is_blank).strip_prefix(')'));
        let length = after.map(|after| rest.len() - after.len());
        self.position += length.unwrap_or_default();
        length.is_some()
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
        let mut index = None;
        if tail.starts_with('[') {
            let close = tail.find(']')?;
            index = Some(tail[1..close].trim_matches(['"', '\'']).to_owned());
            length += close + 1;
            tail = &tail[close + 1..];
        }
        let append = tail.starts_with("+=");
        length += if append { 2 } else { 1 };
        if !append && !tail.starts_with('=') {
            return None;
        }
        let (mut name, _) = assigned_name(&rest[..end])?;
        if let Some(index) = index {
            name = format!("{name}[{index}]");
        }
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
            parts: vec![WordPart::Text {
                text,
                quoted: false,
            }],
            place,
            source: rest[..end].chars().take(60).collect(),
        }
    }

    /// Parses one redirection. Returns false if there is none.
    pub(super) fn redirections(&mut self, simple: &mut Simple) -> bool {
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
            let start = self.position;
            if let Some(word) = self.word() {
                let written = || {
                    let raw = self.located.slice(start, self.position).trimmed();
                    let inner = raw.as_str().trim_matches('"').to_owned();
                    raw.with_text(inner)
                };
                let literal = word.literal().map(|text| Located::new(text, word.place));
                simple.inputs.push(literal.unwrap_or_else(written));
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
            WordPart::Text {
                text,
                quoted: false,
            } => Some(text.as_str()),
            _ => None,
        }
    }

    fn drop_front(&mut self, length: usize) {
        if let Some(WordPart::Text { text, .. }) = self.parts.first_mut() {
            *text = text.slice(length.min(text.len()), text.len());
            if text.is_empty() {
                self.parts.remove(0);
            }
        }
    }
}
