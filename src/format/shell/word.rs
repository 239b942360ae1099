//! Words: quotes, variables and substitutions.

use super::parse::Parser;
use super::{VariableChange, Word, WordPart};
use crate::format::located::{Located, TextPlace};

/// How many characters of a source are kept for display.
const SHOWN: usize = 60;

impl Parser<'_> {
    /// Parses a word. Returns `None` if no word starts here.
    pub(super) fn word(&mut self) -> Option<Word> {
        let start = self.position;
        let mut building = Building::new(self.place());
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\\' => self.escape(&mut building),
                '\'' => self.single_quoted(&mut building),
                '"' => self.double_quoted(&mut building),
                '$' => self.dollar(&mut building, false),
                '`' => self.backtick(&mut building, false),
                _ => {
                    building.push(character, self.place(), false);
                    self.advance();
                }
            }
            building.begun = true;
        }
        building.begun.then(|| {
            let source: String = self.source[start..self.position]
                .chars()
                .take(SHOWN)
                .collect();
            building.finish(source)
        })
    }

    fn escape(&mut self, building: &mut Building) {
        self.advance();
        match self.peek() {
            Some('\n') => self.advance(),
            Some('\r') if self.rest().starts_with("\r\n") => {
                self.advance();
                self.advance();
            }
            Some(character) => {
                building.push(character, self.place(), true);
                self.advance();
            }
            None => {}
        }
    }

    fn single_quoted(&mut self, building: &mut Building) {
        self.advance();
        building.quote();
        while let Some(character) = self.peek() {
            let place = self.place();
            self.advance();
            if character == '\'' {
                break;
            }
            building.push(character, place, true);
        }
    }

    pub(super) fn double_quoted(&mut self, building: &mut Building) {
        self.advance();
        building.quote();
        while let Some(character) = self.peek() {
            match character {
                '"' => {
                    self.advance();
                    break;
                }
                '\\' => {
                    let next = self.rest().chars().nth(1);
                    if next == Some('\n') {
                        self.advance();
                        self.advance();
                    } else if next.is_some_and(|c| matches!(c, '$' | '`' | '"' | '\\')) {
                        self.advance();
                        building.push(next.unwrap_or_default(), self.place(), true);
                        self.advance();
                    } else {
                        building.push('\\', self.place(), true);
                        self.advance();
                    }
                }
                '$' => self.dollar(building, true),
                '`' => self.backtick(building, true),
                _ => {
                    building.push(character, self.place(), true);
                    self.advance();
                }
            }
        }
    }

    /// Parses the part after a `$`.
    fn dollar(&mut self, building: &mut Building, quoted: bool) {
        let place = self.place();
        let mut ahead = self.rest().chars().skip(1);
        match ahead.next() {
            Some('(') if ahead.next() == Some('(') => {
                let inner = self.balanced(3, "))");
                let source = format!("$(({inner}))");
                building.variable("((".to_owned(), VariableChange::Edit(source), quoted, place);
            }
            Some('(') => {
                self.advance();
                self.advance();
                let start = self.position;
                let list = self.nested(&[]);
                let source = shown(&self.source[start..self.position]);
                if self.peek() == Some(')') {
                    self.advance();
                }
                building.substitution(list, source, quoted, place);
            }
            Some('{') => self.braced(building, quoted),
            Some('\'') if !quoted => {
                self.advance();
                self.ansi_quoted(building);
            }
            Some('"') if !quoted => self.advance(),
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                self.advance();
                let name = self.name();
                building.variable(name, VariableChange::None, quoted, place);
            }
            Some(c)
                if c.is_ascii_digit() || matches!(c, '@' | '*' | '#' | '?' | '!' | '$' | '-') =>
            {
                self.advance();
                self.advance();
                let change = if matches!(c, '@' | '*') {
                    VariableChange::Elements
                } else {
                    VariableChange::None
                };
                building.variable(c.to_string(), change, quoted, place);
            }
            _ => {
                building.push('$', place, quoted);
                self.advance();
            }
        }
    }

    fn ansi_quoted(&mut self, building: &mut Building) {
        self.advance();
        building.quote();
        while let Some(character) = self.peek() {
            let place = self.place();
            self.advance();
            match character {
                '\'' => break,
                '\\' => {
                    let escaped = match self.peek() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some(other) => other,
                        None => break,
                    };
                    building.push(escaped, place, true);
                    self.advance();
                }
                _ => building.push(character, place, true),
            }
        }
    }

    fn backtick(&mut self, building: &mut Building, quoted: bool) {
        let place = self.place();
        self.advance();
        let start = self.position;
        let mut end = start;
        while let Some(character) = self.peek() {
            if character == '`' {
                break;
            }
            self.advance();
            if character == '\\' {
                self.advance();
            }
            end = self.position;
        }
        self.advance();
        let inner = self.source[start..end.max(start)].to_owned();
        let list = self.parse_inner(&inner, place);
        let source = shown(&inner);
        building.substitution(list, source, quoted, place);
    }

    /// Reads `${…}`.
    fn braced(&mut self, building: &mut Building, quoted: bool) {
        let place = self.place();
        self.advance();
        self.advance();
        let start = self.position;
        let special = self.peek().filter(|c| matches!(c, '#' | '!'));
        if special.is_some() && self.rest().chars().nth(1) != Some('}') {
            let inner = self.balanced(0, "}");
            let change = VariableChange::Edit(format!("${{{inner}}}"));
            let name = inner.trim_start_matches(['#', '!']);
            let name: String = name
                .chars()
                .take_while(|c| *c == '_' || c.is_ascii_alphanumeric())
                .collect();
            building.variable(name, change, quoted, place);
            return;
        }
        let mut name = self.name();
        if name.is_empty() {
            if let Some(c) = self.peek().filter(|c| !matches!(c, '}')) {
                name.push(c);
                self.advance();
            }
            while self.peek().is_some_and(|c| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_digit())
            {
                name.extend(self.peek());
                self.advance();
            }
        }
        let elements = self.rest().starts_with("[@]") || self.rest().starts_with("[*]");
        if elements {
            for _ in 0..3 {
                self.advance();
            }
        }
        let change = self.change(start, elements || matches!(name.as_str(), "@" | "*"));
        building.variable(name, change, quoted, place);
    }

    fn change(&mut self, start: usize, elements: bool) -> VariableChange {
        let rest = self.rest();
        let (length, empty) = if rest.starts_with(':') {
            (2, true)
        } else {
            (1, false)
        };
        let operator = rest.chars().nth(length - 1);
        match operator {
            Some('}') if !empty => {
                self.advance();
                if elements {
                    VariableChange::Elements
                } else {
                    VariableChange::None
                }
            }
            Some('-' | '=') => {
                let word = self.operand(length);
                VariableChange::Default { empty, word }
            }
            Some('+') => VariableChange::Alternate(self.operand(length)),
            _ => {
                self.balanced(0, "}");
                let end = self.position.saturating_sub(1).max(start);
                let source = self.source.get(start..end).unwrap_or_default();
                if let Some(name) = source.split_once(":?").or_else(|| source.split_once('?')) {
                    let plain = name
                        .0
                        .chars()
                        .all(|c| c == '_' || c.is_ascii_alphanumeric());
                    if plain {
                        return VariableChange::None;
                    }
                }
                VariableChange::Edit(format!(
                    "${{{}}}",
                    source.chars().take(SHOWN).collect::<String>()
                ))
            }
        }
    }

    /// Parses the word after an operator in `${…}`, and the closing brace.
    fn operand(&mut self, operator: usize) -> Word {
        for _ in 0..operator {
            self.advance();
        }
        let start = self.position;
        let mut building = Building::new(self.place());
        if !self.enter() {
            return building.finish(String::new());
        }
        while let Some(character) = self.peek() {
            match character {
                '}' => {
                    self.advance();
                    break;
                }
                '\\' => self.escape(&mut building),
                '\'' => self.single_quoted(&mut building),
                '"' => self.double_quoted(&mut building),
                '$' => self.dollar(&mut building, false),
                '`' => self.backtick(&mut building, false),
                _ => {
                    building.push(character, self.place(), false);
                    self.advance();
                }
            }
        }
        self.leave();
        let source = self.source[start..self.position]
            .chars()
            .take(SHOWN)
            .collect();
        building.finish(source)
    }
}

/// Returns the start of a command, without anything that could be a secret.
fn shown(source: &str) -> String {
    let plain = |word: &&str| {
        word.len() <= 40
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
    };
    let words: Vec<&str> = source.split_whitespace().collect();
    let kept: Vec<&str> = words.iter().copied().take_while(plain).take(3).collect();
    let more = if kept.len() < words.len() { " …" } else { "" };
    // Filters after a pipe may replace characters.
    let filters = source.split('|').skip(1);
    let filters = filters.filter_map(|filter| filter.split_whitespace().next());
    let mut shown = format!("$({}{more}", kept.join(" "));
    for filter in filters.filter(plain).take(3) {
        shown.push_str(" | ");
        shown.push_str(filter);
        shown.push_str(" …");
    }
    shown + ")"
}

/// A word during parsing.
pub(super) struct Building {
    parts: Vec<WordPart>,
    text: Located,
    quoted: bool,
    begun: bool,
    place: TextPlace,
}

impl Building {
    fn new(place: TextPlace) -> Self {
        Self {
            parts: Vec::new(),
            text: Located::default(),
            quoted: false,
            begun: false,
            place,
        }
    }

    fn push(&mut self, character: char, place: TextPlace, quoted: bool) {
        if quoted != self.quoted {
            self.flush();
            self.quoted = quoted;
        }
        self.text.push_char(character, place);
    }

    /// Starts a quoted part, which counts even if it is empty.
    fn quote(&mut self) {
        self.flush();
        self.quoted = true;
    }

    fn flush(&mut self) {
        if !self.text.is_empty() || self.quoted {
            let text = std::mem::take(&mut self.text);
            let quoted = self.quoted;
            self.parts.push(WordPart::Text { text, quoted });
            self.quoted = false;
        }
    }

    fn variable(&mut self, name: String, change: VariableChange, quoted: bool, place: TextPlace) {
        self.flush();
        self.parts.push(WordPart::Variable {
            name,
            change,
            quoted,
            place,
        });
    }

    fn substitution(&mut self, list: super::List, source: String, quoted: bool, place: TextPlace) {
        self.flush();
        if list.is_empty() {
            return;
        }
        self.parts.push(WordPart::Substitution {
            list,
            source,
            quoted,
            place,
        });
    }

    fn finish(mut self, source: String) -> Word {
        self.flush();
        Word {
            parts: self.parts,
            place: self.place,
            source,
        }
    }
}
