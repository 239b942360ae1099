//! Parts of a text that are known only when a build runs.
//!
//! Each part becomes one character of Unicode's last private plane, which lexers, splitters and
//! string functions treat like any letter. [`Unknowns`] keeps the meaning of each character.

use std::cell::RefCell;

const FIRST: u32 = 0x10_0000;
const COUNT: usize = 0xfffd;

/// The marks for unknown parts.
#[derive(Debug, Default)]
pub struct Unknowns {
    names: RefCell<Vec<String>>,
}

impl Unknowns {
    /// Returns the mark for `expression`.
    pub fn mark(&self, expression: &str) -> char {
        let mut names = self.names.borrow_mut();
        let known = names.iter().rev().take(256).position(|n| n == expression);
        let index = match known {
            Some(back) => names.len() - 1 - back,
            None if names.len() < COUNT => {
                names.push(expression.to_owned());
                names.len() - 1
            }
            None => COUNT - 1,
        };
        let code = FIRST + u32::try_from(index).unwrap_or_default();
        char::from_u32(code).unwrap_or('*')
    }

    /// Returns the expression of a mark.
    pub fn name(&self, mark: char) -> Option<String> {
        let index = (mark as u32).checked_sub(FIRST)?;
        let names = self.names.borrow();
        names.get(usize::try_from(index).ok()?).cloned()
    }

    /// Returns the expressions of all marks in a text, each once.
    pub fn names_in(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for name in text.chars().filter_map(|c| self.name(c)) {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }
}

/// Whether a character is a mark of an unknown part.
pub fn is_mark(character: char) -> bool {
    character as u32 >= FIRST
}

/// Whether a text has unknown parts.
pub fn has_mark(text: &str) -> bool {
    text.chars().any(is_mark)
}

/// Returns the mark if the text is a single unknown part.
pub fn only_mark(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let first = characters.next()?;
    (is_mark(first) && characters.next().is_none()).then_some(first)
}

/// Returns a text as a pattern: `*` for each run of unknown parts.
pub fn to_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    let mut last_was_mark = false;
    for character in text.chars() {
        let mark = is_mark(character);
        if !mark {
            pattern.push(character);
        } else if !last_was_mark {
            pattern.push('*');
        }
        last_was_mark = mark;
    }
    pattern
}

/// Replaces the characters that this module uses, in text from outside.
pub fn without_marks(text: String) -> String {
    if has_mark(&text) {
        let clean = |c| if is_mark(c) { '\u{fffd}' } else { c };
        text.chars().map(clean).collect()
    } else {
        text
    }
}
