//! Files of variables.
//!
//! The grammar is that of compose-go (`dotenv/parser.go`).

use super::interpolate;
use crate::format::located::{Located, TextPlace};

/// Why a file of variables cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvError {
    /// The line, from 1.
    pub line: u32,
    pub reason: String,
}

/// Parses a `.env` file. `outer` returns the values of variables that are set outside of the
/// file; they win over those of the file when a value refers to them.
///
/// # Errors
/// Returns an error for a name that is not valid, a value whose quote is not closed, and a
/// required variable that is not set.
pub fn parse(
    text: &str,
    outer: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Dotenv {
        rest: text,
        text,
        variables: Vec::new(),
        outer,
    };
    while parser.skip_to_statement() {
        parser.statement()?;
    }
    Ok(parser.variables)
}

struct Dotenv<'d> {
    text: &'d str,
    rest: &'d str,
    variables: Vec<(String, String)>,
    outer: &'d dyn Fn(&str) -> Option<String>,
}

impl Dotenv<'_> {
    fn error(&self, reason: impl Into<String>) -> DotenvError {
        let read = self.text.len() - self.rest.len();
        let lines = self.text[..read].matches('\n').count();
        DotenvError {
            line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
            reason: reason.into(),
        }
    }

    /// Skips blanks and comments. Returns whether a statement follows.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
        }
    }

    fn statement(&mut self) -> Result<(), DotenvError> {
        if let Some(after) = self.rest.strip_prefix("export")
            && after.starts_with(char::is_whitespace)
        {
            self.rest = after.trim_start_matches(is_blank);
        }
        let is_end = |c: char| matches!(c, '=' | ':' | '\n');
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let name = self.rest[..end].trim_end();
        let is_of_name = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
        if let Some(wrong) = name.chars().find(|c| !is_of_name(*c) && !is_blank(*c)) {
            let reason = format!("unexpected character {wrong:?} in variable name {name:?}");
            return Err(self.error(reason));
        }
        if name.contains(' ') {
            return Err(self.error("a variable name cannot contain a space"));
        }
        let name = name.to_owned();
        let has_value = self.rest[end..].starts_with(['=', ':']);
        let after = self.rest.get(end + 1..).unwrap_or_default();
        self.rest = after.trim_start_matches(is_blank);
        if has_value {
            let value = self.value()?;
            self.set(name, value);
        } else if let Some(value) = (self.outer)(&name) {
            self.set(name, value);
        }
        Ok(())
    }

    fn set(&mut self, name: String, value: String) {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value));
    }

    fn value(&mut self) -> Result<String, DotenvError> {
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            let value = line.split(" #").next().unwrap_or(line).trim_end();
            let value = self.expanded(value)?;
            self.rest = rest;
            return Ok(value);
        };
        let mut value = String::new();
        let mut escaped = false;
        for (offset, character) in self.rest.char_indices().skip(1) {
            if character == quote && !escaped {
                if quote == '"' {
                    value = self.expanded(&unescaped(&value))?;
                }
                self.rest = &self.rest[offset + 1..];
                return Ok(value);
            }
            if character == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && character != quote {
                value.push('\\');
            }
            escaped = false;
            value.push(character);
        }
        Err(self.error("a quoted value is not closed"))
    }

    fn expanded(&self, value: &str) -> Result<String, DotenvError> {
        let own = |name: &str| {
            let variable = self.variables.iter().find(|(known, _)| known == name);
            variable.map(|(_, value)| value.clone())
        };
        let lookup = |name: &str| (self.outer)(name).or_else(|| own(name));
        let text = Located::new(value, TextPlace::default());
        match interpolate(&text, &lookup, None) {
            Ok(text) => Ok(text.as_str().to_owned()),
            Err(reason) => Err(self.error(reason)),
        }
    }
}

/// Whether a character is a blank that does not end a line.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// Replaces the escape sequences of a value in double quotes.
fn unescaped(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((head, tail)) = rest.split_once('\\') {
        out.push_str(head);
        let escape = tail.chars().next().unwrap_or_default();
        let length = match escape {
            '0' => 1 + octal_digits(&tail[1..]),
            other => other.len_utf8().min(tail.len()),
        };
        match escape {
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            // The next step replaces `$$` by one dollar sign.
            '$' => out.push_str("$$"),
            '"' | '\\' => out.push(escape),
            '0' if let Ok(code) = u8::from_str_radix(&tail[1..length], 8) => {
                out.push(char::from(code));
            }
            _ => {
                out.push('\\');
                out.push_str(&tail[..length]);
            }
        }
        rest = &tail[length..];
    }
    out.push_str(rest);
    out
}

/// Counts the octal digits at the start, up to three.
fn octal_digits(text: &str) -> usize {
    let digits = text.bytes().take(3);
    digits
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        let outer = |name: &str| (name == "OUTER").then(|| "outside".to_owned());
        parse(text, &outer).unwrap()
    }

    fn value(text: &str) -> String {
        let found = parsed(text);
        found.last().map(|(_, value)| value.clone()).unwrap()
    }

    #[test]
    fn values_follow_the_grammar_of_compose() {
        assert_eq!(value("A=x#y # comment"), "x#y");
        assert_eq!(value("A='a # $B'"), "a # $B");
        assert_eq!(value("A=\"l1\nl2\""), "l1\nl2");
        assert_eq!(
            value(r#"A="tab\t\"q\" \$OUTER \0101\q""#),
            "tab\t\"q\" $OUTER A\\q"
        );
        assert_eq!(value(r"A=back\slash"), r"back\slash");
        assert_eq!(value("export  A : yaml"), "yaml");
        assert_eq!(value("A=1\nB=${A}-$OUTER-${C:-c}"), "1-outside-c");
        assert_eq!(value("OUTER=mine\nB=$OUTER"), "outside");
        assert_eq!(
            parsed("OUTER\nNONE\n"),
            [("OUTER".into(), "outside".into())]
        );
    }

    #[test]
    fn errors_have_their_line() {
        let outer = |_: &str| None;
        for (text, line) in [("A=1\nB!=2", 2), ("\n\nA='x", 3), ("A=${B:?no}", 1)] {
            assert_eq!(parse(text, &outer).unwrap_err().line, line, "{text}");
        }
    }
}
