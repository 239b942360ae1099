//! The tokens of a pipeline.

use crate::find::quoted::{LiteralQuotes, push_escaped};
use crate::format::located::{Located, TextPlace};

/// A part of a pipeline.
#[derive(Debug, Clone)]
pub(super) enum JenkinsToken {
    Word(String, TextPlace),
    /// A string; the flag says whether `$` is replaced.
    Text(Located, bool),
    Sign(char),
    Line,
}

pub(super) fn tokens(source: &Located) -> Vec<JenkinsToken> {
    let text = source.as_str();
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(first) = text[position..].chars().next() {
        let rest = &text[position..];
        if rest.starts_with("//") {
            position += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            position += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if first == '\n' {
            found.push(JenkinsToken::Line);
            position += 1;
        } else if first.is_whitespace() {
            position += first.len_utf8();
        } else if first == '\'' || first == '"' {
            let (token, length) = string(source, position, first);
            found.push(token);
            position += length;
        } else if first == '_' || first.is_alphabetic() {
            let length = rest
                .find(|c: char| !(c == '_' || c == '.' || c.is_alphanumeric()))
                .unwrap_or(rest.len());
            found.push(JenkinsToken::Word(
                rest[..length].to_owned(),
                source.place_at(position),
            ));
            position += length;
        } else {
            found.push(JenkinsToken::Sign(first));
            position += first.len_utf8();
        }
    }
    found
}

/// Parses a string. Returns it with the length of its source.
fn string(source: &Located, start: usize, quote: char) -> (JenkinsToken, usize) {
    let text = source.as_str();
    let quotes = LiteralQuotes::of(&text[start..], quote);
    let mut position = start + quotes.length();
    let mut out = Located::new("", source.place_at(position));
    while let Some(character) = text[position..].chars().next() {
        let place = source.place_at(position);
        if quotes.close(&text[position..]) {
            position += quotes.length();
            break;
        }
        if quotes.break_off(&text[position..]) {
            break;
        }
        // An expression may hold quotes: `${list.join(" ")}`.
        let rest = &text[position..];
        if quote == '"'
            && rest.starts_with("${")
            && let Some(length) = rest.find(['}', '\n'])
            && rest[length..].starts_with('}')
        {
            out.push_str(&rest[..=length], place);
            position += length + 1;
            continue;
        }
        position += character.len_utf8();
        if character != '\\' {
            out.push_char(character, place);
            continue;
        }
        let rest = &text[position..];
        position += if rest.starts_with('$') {
            out.push_str("\u{1}$", place);
            1
        } else {
            push_escaped(&mut out, rest, place)
        };
    }
    let interpolated = quote == '"';
    if !interpolated && out.as_str().contains('\u{1}') {
        let clean = out.as_str().replace('\u{1}', "");
        out = out.with_text(clean);
    }
    (JenkinsToken::Text(out, interpolated), position - start)
}
