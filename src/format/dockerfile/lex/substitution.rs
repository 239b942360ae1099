//! Variables in a word: `$name`, `${name}` and `${name<modifier>word}`.

use super::{LexError, LexReader, pattern};
use crate::format::go_text;

fn error<T>(text: impl Into<String>) -> Result<T, LexError> {
    Err(LexError(text.into()))
}

/// Returns a character as Go converts it to a string; Go has no character at the end of the text.
fn shown(character: Option<char>) -> char {
    character.unwrap_or(char::REPLACEMENT_CHARACTER)
}

impl LexReader<'_> {
    /// Parses a substitution that starts with a dollar sign.
    pub(super) fn dollar(&mut self) -> Result<String, LexError> {
        self.input.take();
        if self.input.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return Ok(match self.variables.get(&name) {
                None if self.lexer.skip_unset => format!("${name}"),
                value => value.unwrap_or_default().to_owned(),
            });
        }
        self.input.take();
        match self.input.peek() {
            None => return error("syntax error: missing '}'"),
            Some('{' | '}' | ':') => return error("syntax error: bad substitution"),
            Some(_) => {}
        }
        let name = self.name();
        match self.input.take() {
            Some('}') => Ok(match self.variables.get(&name) {
                None if self.lexer.skip_unset => format!("${{{name}}}"),
                value => value.unwrap_or_default().to_owned(),
            }),
            Some(':') => {
                let modifier = self.input.take();
                self.modified(&name, modifier, true)
            }
            modifier @ Some('+' | '-' | '?' | '#' | '%') => self.modified(&name, modifier, false),
            Some('/') => self.replaced(&name),
            other => error(format!(
                "unsupported modifier ({}) in substitution",
                shown(other)
            )),
        }
    }

    /// Reads a name: letters, digits and underscores, or digits alone, or a single special
    /// character.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.input.peek() {
            if name.is_empty() && go_text::is_digit(character) {
                while let Some(digit) = self.input.peek().filter(|next| go_text::is_digit(*next)) {
                    name.push(digit);
                    self.input.take();
                }
                return name;
            }
            if name.is_empty() && matches!(character, '@' | '*' | '#' | '?' | '-' | '$' | '!') {
                self.input.take();
                return character.to_string();
            }
            if !go_text::is_letter(character) && !go_text::is_digit(character) && character != '_' {
                break;
            }
            name.push(character);
            self.input.take();
        }
        name
    }

    /// Reads the word of a modifier and applies it. With a colon, an empty value counts as unset.
    fn modified(
        &mut self,
        name: &str,
        modifier: Option<char>,
        with_colon: bool,
    ) -> Result<String, LexError> {
        let colon = if with_colon { ":" } else { "" };
        let written = format!("{colon}{}", shown(modifier));
        let unsupported = || error(format!("unsupported modifier ({written}) in substitution"));
        let is_trim = matches!(modifier, Some('#' | '%'));
        if with_colon && is_trim {
            return unsupported();
        }
        let word = match self.until(Some('}'), is_trim) {
            Ok((word, _)) => word,
            Err(_) if self.input.is_at_end() => return error("syntax error: missing '}'"),
            Err(error) => return Err(error),
        };
        let value = self.variables.get(name);
        if value.is_none() && self.lexer.skip_unset {
            return Ok(format!("${{{name}{written}{word}}}"));
        }
        let counts = value.filter(|value| !(with_colon && value.is_empty()));
        match modifier {
            Some('-') => Ok(counts.map_or(word, ToOwned::to_owned)),
            Some('+') => Ok(if counts.is_some() {
                word
            } else {
                String::new()
            }),
            Some('?') => match counts {
                Some(value) => Ok(value.to_owned()),
                None if !word.is_empty() => error(format!("{name}: {word}")),
                None if value.is_some() => error(format!("{name}: is not allowed to be empty")),
                None => error(format!("{name}: is not allowed to be unset")),
            },
            Some(sign @ ('#' | '%')) => {
                let (word, greedy) = word
                    .strip_prefix(sign)
                    .map_or((word.as_str(), false), |word| (word, true));
                let value = value.unwrap_or_default();
                if sign == '%' {
                    pattern::trim_suffix(word, value, greedy)
                } else {
                    pattern::trim_prefix(word, value, greedy)
                }
            }
            _ => unsupported(),
        }
    }

    /// Reads the pattern and the replacement of `${name/pattern/replacement}` and
    /// `${name//pattern/replacement}`.
    fn replaced(&mut self, name: &str) -> Result<String, LexError> {
        let all = self.input.peek() == Some('/');
        if all {
            self.input.take();
        }
        let searched = match self.until(Some('/'), true) {
            Ok((word, _)) => word,
            Err(_) if self.input.is_at_end() => return error("syntax error: missing '/' in ${}"),
            Err(error) => return Err(error),
        };
        let replacement = match self.until(Some('}'), true) {
            Ok((word, _)) => word,
            Err(_) if self.input.is_at_end() => return error("syntax error: missing '}'"),
            Err(error) => return Err(error),
        };
        match self.variables.get(name) {
            None if self.lexer.skip_unset => Ok(format!("${{{name}/{searched}/{replacement}}}")),
            value => pattern::replace(&searched, value.unwrap_or_default(), &replacement, all),
        }
    }
}
