//! The tokens of a script.

use std::collections::HashMap;

use crate::find::embedded;
use crate::find::quoted::{LiteralQuotes, push_escaped};
use crate::find::session::FindSession;
use crate::format::located::Located;

/// A part of a script.
#[derive(Debug, Clone)]
pub(super) enum PythonToken {
    Text(Located),
    Sign(char),
    /// A name, with the members after it: `os.system`.
    Word(String),
}

/// Returns the variables that are set to one text.
pub(super) fn constants(text: &str) -> HashMap<String, String> {
    let mut constants = HashMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let name = name.trim_end();
        let value = value.trim();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let inner = quote.and_then(|quote| value[1..].strip_suffix(quote).map(|v| (v, quote)));
        let is_name = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
        match inner {
            Some((inner, quote)) if is_name && !inner.contains([quote, '\\', '{', '%']) => {
                constants.insert(name.to_owned(), inner.to_owned());
            }
            _ if is_name && let Some(default) = default_of(value) => {
                constants.insert(name.to_owned(), default);
            }
            _ => {
                // Set to anything else, it is no constant.
                constants.remove(name.trim());
            }
        }
    }
    constants
}

/// Returns the default of `os.environ.get("NAME", "default")` and `os.getenv("NAME", "default")`.
fn default_of(call: &str) -> Option<String> {
    let (function, arguments) = call.trim().split_once('(')?;
    let function = function
        .rsplit_once("environ.")
        .map_or(function, |(_, name)| name);
    let is_lookup = matches!(function.trim(), "get" | "getenv" | "os.getenv");
    let (_, default) = arguments.strip_suffix(')')?.split_once(',')?;
    let default = default.trim();
    let quote = default.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = default[1..].strip_suffix(quote)?;
    let is_plain = is_lookup && call.contains("env") && !inner.contains([quote, '\\']);
    is_plain.then(|| inner.to_owned())
}

pub(super) fn tokens(
    session: &FindSession<'_>,
    source: &Located,
    constants: &HashMap<String, String>,
) -> Vec<PythonToken> {
    let text = source.as_str();
    let mut found = Vec::new();
    let mut position = 0;
    let mut prefix = String::new();
    while let Some(first) = text[position..].chars().next() {
        if first == '#' {
            position += text[position..].find('\n').unwrap_or(text.len() - position);
        } else if first == '"' || first == '\'' {
            let formatted = prefix.contains(['f', 'F']);
            let raw = prefix.contains(['r', 'R']);
            let (string, length) = string(source, position, first, raw);
            let string = if formatted {
                interpolated(session, &string, constants)
            } else {
                let string = embedded::substitute(&string, "%s", "", |_, place| {
                    session.unknown("%s", place)
                });
                embedded::substitute(&string, "{", "}", |inner, place| {
                    session.unknown(&format!("{{{inner}}}"), place)
                })
            };
            // Adjacent strings are concatenated.
            match found.last_mut() {
                Some(PythonToken::Text(last)) => last.push(&string),
                _ => found.push(PythonToken::Text(string)),
            }
            position += length;
            prefix.clear();
        } else if first == '_' || first.is_alphanumeric() {
            let rest = &text[position..];
            let length = rest
                .find(|c: char| !(c == '_' || c == '.' || c.is_alphanumeric()))
                .unwrap_or(rest.len());
            rest[..length].clone_into(&mut prefix);
            position += length;
            if !text[position..].starts_with(['"', '\'']) || prefix.len() > 2 {
                found.push(PythonToken::Word(std::mem::take(&mut prefix)));
            }
        } else {
            if !first.is_whitespace() {
                found.push(PythonToken::Sign(first));
            }
            position += first.len_utf8();
        }
    }
    found
}

fn string(source: &Located, start: usize, quote: char, raw: bool) -> (Located, usize) {
    let text = source.as_str();
    let quotes = LiteralQuotes::of(&text[start..], quote);
    let mut position = start + quotes.length();
    let mut out = Located::new("", source.place_at(start));
    while let Some(character) = text[position..].chars().next() {
        let place = source.place_at(position);
        if quotes.close(&text[position..]) {
            return (out, position + quotes.length() - start);
        }
        if quotes.break_off(&text[position..]) {
            break;
        }
        position += character.len_utf8();
        if character != '\\' || raw {
            out.push_char(character, place);
            continue;
        }
        position += push_escaped(&mut out, &text[position..], place);
    }
    (out, position - start)
}

/// Replaces `{expression}`.
fn interpolated(
    session: &FindSession<'_>,
    text: &Located,
    constants: &HashMap<String, String>,
) -> Located {
    embedded::substitute(text, "{", "}", |inner, place| {
        let known = constants.get(inner).cloned();
        match known.or_else(|| default_of(inner)) {
            Some(value) => Located::new(value, place),
            None => session.unknown(inner, place),
        }
    })
}
