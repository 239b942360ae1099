//! Conditions: `if`, `else`, and the operators `?:` and `? … :`.
//!
//! A part with several values becomes a variable of the shell that runs it.

use super::{JenkinsReader, JenkinsToken, PipelineBlock};
use crate::find::embedded;
use crate::find::script::Variant;
use crate::format::located::Located;
use crate::format::unknown::has_mark;

/// The longest expression that is searched for `?`, and the longest condition, in tokens.
const LONGEST: usize = 500;
/// The deepest nesting of choices.
const DEPTH: usize = 16;

impl JenkinsReader<'_> {
    /// Returns the condition of a block in braces; `index` is that of the token after `if` or
    /// `else`.
    pub(super) fn block_condition(&mut self, word: &str, index: usize) -> Option<String> {
        if word == "else" {
            let condition = self.condition.take()?;
            return self.sign(index, '{').then(|| format!("not {condition}"));
        }
        if !self.sign(index, '(') {
            return None;
        }
        let mut depth = 0_usize;
        let mut end = index;
        loop {
            match self.tokens.get(end)? {
                JenkinsToken::Sign('(') => depth += 1,
                JenkinsToken::Sign(')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
            if end > index + LONGEST {
                return None;
            }
        }
        let has_block = self.sign(self.after_lines(end + 1), '{');
        has_block.then(|| source(&self.tokens[index + 1..end]))
    }

    /// Returns the conditions of the current block.
    pub(super) fn conditions(&self) -> Vec<String> {
        let condition = |block: &PipelineBlock| match block {
            PipelineBlock::Condition(condition) => Some(condition.clone()),
            _ => None,
        };
        self.blocks.iter().filter_map(condition).collect()
    }

    /// Returns the value that a text has under the conditions of the current block, and otherwise
    /// not at all.
    pub(super) fn conditional(&self, text: Located) -> Located {
        let when = self.conditions();
        if when.is_empty() {
            return text;
        }
        let empty = Variant {
            when: vec![format!("not {}", when.join(" and "))],
            ..Variant::of(Located::new("", text.place()))
        };
        let variant = Variant {
            when,
            ..Variant::of(text)
        };
        self.either(vec![variant, empty])
    }

    /// Returns a text that stands for several values.
    fn either(&self, variants: Vec<Variant>) -> Located {
        let place = variants
            .first()
            .map(|variant| variant.text.place())
            .unwrap_or_default();
        let mut values = Vec::new();
        for variant in variants {
            for mut value in self.alternatives(&variant.text) {
                value.when.splice(0..0, variant.when.iter().cloned());
                values.push(value);
            }
        }
        let part = embedded::part(&mut self.branches.borrow_mut(), values, place);
        part.unwrap_or_else(|| self.session.unknown("if", place))
    }

    /// Returns the values of a text.
    pub(super) fn alternatives(&self, text: &Located) -> Vec<Variant> {
        embedded::alternatives(text, &self.branches.borrow())
    }

    /// Reads `VALUE ?: DEFAULT` and `CONDITION ? VALUE : VALUE`. Returns the text and the index
    /// after it.
    pub(super) fn choice(&self, start: usize, name: &str) -> Option<(Located, usize)> {
        let mark = self.question_mark(start)?;
        let depth = self.calls.get();
        if depth > DEPTH {
            return None;
        }
        self.calls.set(depth + 1);
        let found = self.choice_at(start, mark, name);
        self.calls.set(depth);
        found
    }

    fn choice_at(&self, start: usize, mark: usize, name: &str) -> Option<(Located, usize)> {
        if self.sign(mark + 1, ':') {
            let (value, end) = self.joined_parts(start, name);
            if end != mark {
                return None;
            }
            let value = value?;
            let (default, end) = self.value(self.after_lines(mark + 2), name);
            let is_known = !has_mark(value.as_str());
            return Some((if is_known { value } else { default? }, end));
        }
        let condition = source(&self.tokens[start..mark]);
        let (yes, end) = self.joined_parts(self.after_lines(mark + 1), name);
        let end = self.after_lines(end);
        if !self.sign(end, ':') {
            return None;
        }
        let (no, end) = self.value(self.after_lines(end + 1), name);
        let yes = Variant {
            when: vec![condition.clone()],
            ..Variant::of(yes?)
        };
        let no = Variant {
            when: vec![format!("not {condition}")],
            ..Variant::of(no?)
        };
        Some((self.either(vec![yes, no]), end))
    }

    /// Finds the `?` of an expression. `?.` is no choice.
    fn question_mark(&self, start: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut index = start;
        loop {
            match self.tokens.get(index)? {
                JenkinsToken::Sign('(' | '[') => depth += 1,
                JenkinsToken::Sign(')' | ']') => depth = depth.checked_sub(1)?,
                JenkinsToken::Sign(',' | '{' | '}' | ':' | ';') | JenkinsToken::Line
                    if depth == 0 =>
                {
                    return None;
                }
                JenkinsToken::Sign('?') if depth == 0 && !self.sign(index + 1, '.') => {
                    return (index > start).then_some(index);
                }
                _ => {}
            }
            index += 1;
            if index > start + LONGEST {
                return None;
            }
        }
    }
}

/// Returns the source of an expression on one line.
fn source(tokens: &[JenkinsToken]) -> String {
    let is_operator = |c: char| matches!(c, '=' | '!' | '<' | '>' | '&' | '|' | '~');
    let mut text = String::new();
    for token in tokens {
        let part = match token {
            JenkinsToken::Word(word, _) => word.clone(),
            JenkinsToken::Text(value, _) => format!("'{}'", value.as_str()),
            JenkinsToken::Sign(sign) => sign.to_string(),
            JenkinsToken::Line => continue,
        };
        let last = text.chars().next_back();
        let is_part = matches!(token, JenkinsToken::Sign(sign) if is_operator(*sign));
        let was_part = last.is_some_and(is_operator);
        let is_closed = matches!(token, JenkinsToken::Sign(sign) if !is_operator(*sign));
        let needs_blank = match last {
            None | Some('(' | '!' | '[') => false,
            Some(_) => !is_closed && (is_part != was_part || (!is_part && !was_part)),
        };
        if needs_blank {
            text.push(' ');
        }
        text.push_str(&part);
    }
    text
}
