//! Pattern lists as in `.dockerignore`: `github.com/moby/patternmatcher`.
//!
//! The last pattern that matches a path or one of its folders decides; one that starts with `!`
//! excludes the path from the match. `*` and `?` stop at a slash, `**` does not. Each pattern
//! becomes a regular expression exactly as in the original, including its oddities. A pattern that
//! Go and this program would interpret differently is refused.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

use super::go_path;

/// The most memory that a compiled pattern takes, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// The fault of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A lone `!`.
    #[error("the pattern `!` takes nothing out")]
    LoneExclamation,
    /// BuildKit refuses it too.
    #[error("the pattern `{0}` is malformed")]
    Malformed(String),
    /// It uses syntax that works differently here.
    #[error("the pattern `{0}` is not understood")]
    Unsupported(String),
}

/// A list of patterns.
#[derive(Debug, Clone, Default)]
pub struct PatternMatcher {
    patterns: Vec<Pattern>,
}

/// One of the patterns.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The pattern without its `!`, cleaned.
    text: String,
    /// Whether it excludes paths from the match.
    negated: bool,
    kind: PatternKind,
}

#[derive(Debug, Clone)]
enum PatternKind {
    Exact,
    Prefix(String),
    Suffix(String),
    Regex(Box<Regex>),
}

/// The patterns that matched a folder, for the paths below it.
#[derive(Debug, Clone, Default)]
pub struct MatchInfo(Vec<bool>);

impl PatternMatcher {
    /// Compiles a list of patterns. Blank ones are ignored.
    ///
    /// # Errors
    /// If a pattern cannot be compiled.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let patterns = patterns
            .iter()
            .filter_map(|pattern| Pattern::new(pattern.as_ref()).transpose());
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Returns whether a path matches, given the matches of its folder
    /// (`MatchesUsingParentResults`). Without a folder, all folders of the path are checked.
    pub fn matches(&self, path: &[u8], folder: Option<&MatchInfo>) -> (bool, MatchInfo) {
        let folder = folder.filter(|folder| !folder.0.is_empty());
        let text = go_path::characters(path);
        let mut info = vec![false; self.patterns.len()];
        let mut matched = false;
        for (at, pattern) in self.patterns.iter().enumerate() {
            let mut hit =
                folder.is_some_and(|folder| folder.0.get(at).copied().unwrap_or_default());
            if !hit {
                if pattern.negated != matched {
                    continue;
                }
                hit = pattern.matches(&text);
                if !hit && folder.is_none() {
                    let folders = text
                        .char_indices()
                        .filter(|(_, character)| *character == '/')
                        .map(|(at, _)| at);
                    hit = folders.into_iter().any(|end| pattern.matches(&text[..end]));
                }
            }
            info[at] = hit;
            if hit {
                matched = !pattern.negated;
            }
        }
        (matched, MatchInfo(info))
    }

    /// Returns whether any pattern excludes paths from the match.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.negated)
    }

    /// Returns the exclusion patterns, or the others, as path prefixes, if all of them are plain
    /// prefixes.
    pub fn prefixes(&self, exceptions: bool) -> Option<Vec<&str>> {
        let wanted = self
            .patterns
            .iter()
            .filter(|pattern| pattern.negated == exceptions);
        wanted
            .map(|pattern| {
                let text = pattern.text.strip_suffix("/**").unwrap_or(&pattern.text);
                let text = text.strip_suffix("/*").unwrap_or(text);
                (!text.contains(['*', '[', ']', '?', '^', '\\'])).then_some(text)
            })
            .collect()
    }
}

impl Pattern {
    fn new(pattern: &str) -> Result<Option<Self>, PatternError> {
        let pattern = pattern.trim();
        if pattern.is_empty() {
            return Ok(None);
        }
        let clean = String::from_utf8_lossy(&go_path::clean(pattern.as_bytes())).into_owned();
        let (negated, text) = match clean.strip_prefix('!') {
            Some("") => return Err(PatternError::LoneExclamation),
            Some(rest) => (true, rest.to_owned()),
            None => (false, clean),
        };
        go_path::matches(text.as_bytes(), b".")
            .map_err(|_| PatternError::Malformed(text.clone()))?;
        let kind = compile(&text)?;
        Ok(Some(Self {
            text,
            negated,
            kind,
        }))
    }

    fn matches(&self, path: &str) -> bool {
        match &self.kind {
            PatternKind::Exact => path == self.text,
            PatternKind::Prefix(prefix) => path.starts_with(prefix.as_str()),
            PatternKind::Suffix(suffix) => {
                path.ends_with(suffix.as_str())
                    || suffix.strip_prefix('/').is_some_and(|rest| path == rest)
            }
            PatternKind::Regex(regex) => regex.is_match(path),
        }
    }
}

/// The apparent type of a pattern during parsing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PatternForm {
    Exact,
    Prefix,
    Suffix,
    Regex,
}

fn compile(pattern: &str) -> Result<PatternKind, PatternError> {
    let (expression, seen) = expression_of(pattern);
    Ok(match seen {
        PatternForm::Exact => PatternKind::Exact,
        PatternForm::Prefix => PatternKind::Prefix(pattern[..pattern.len() - 2].to_owned()),
        PatternForm::Suffix => PatternKind::Suffix(pattern[2..].to_owned()),
        PatternForm::Regex => {
            let unsupported = || PatternError::Unsupported(pattern.to_owned());
            let expression = translate(&format!("{expression}$")).ok_or_else(unsupported)?;
            let mut builder = RegexBuilder::new(&expression);
            let regex = builder
                .size_limit(MAX_SIZE)
                .dfa_size_limit(MAX_SIZE)
                .build()
                .map_err(|_| unsupported())?;
            PatternKind::Regex(Box::new(regex))
        }
    })
}

/// Converts a pattern to an expression of Go's `regexp`, up to its end. A pattern of a simple form
/// needs no expression.
fn expression_of(pattern: &str) -> (String, PatternForm) {
    let mut expression = String::from("^");
    let mut seen = PatternForm::Exact;
    let mut characters = pattern.chars().peekable();
    let mut first = true;
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => {
                characters.next_if_eq(&'/');
                if characters.peek().is_some() {
                    expression.push_str("(.*/)?");
                    seen = PatternForm::Regex;
                } else if seen == PatternForm::Exact {
                    seen = PatternForm::Prefix;
                } else {
                    expression.push_str(".*");
                    seen = PatternForm::Regex;
                }
                if first {
                    seen = PatternForm::Suffix;
                }
            }
            '*' => {
                expression.push_str("[^/]*");
                seen = PatternForm::Regex;
            }
            '?' => {
                expression.push_str("[^/]");
                seen = PatternForm::Regex;
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => expression.extend(['\\', character]),
            '\\' => {
                expression.push('\\');
                if let Some(escaped) = characters.next() {
                    expression.push(escaped);
                    seen = PatternForm::Regex;
                }
            }
            '[' | ']' => {
                expression.push(character);
                seen = PatternForm::Regex;
            }
            _ => expression.push(character),
        }
        first = false;
    }
    (expression, seen)
}

/// Converts an expression of Go's `regexp` to an equivalent one for this program. Returns `None` if
/// that is not certain.
fn translate(expression: &str) -> Option<String> {
    let mut out = String::with_capacity(expression.len() * 2);
    let mut rest = expression;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '[' => rest = translate_class(rest, &mut out)?,
            '\\' => {
                let escaped = literal_escape(&mut rest)?;
                push_literal(escaped, &mut out);
            }
            ']' | '-' | '&' | '~' | '#' => push_literal(character, &mut out),
            _ => out.push(character),
        }
    }
    Some(out)
}

/// Reads the character after a backslash if it is a literal.
fn literal_escape(rest: &mut &str) -> Option<char> {
    let escaped = rest
        .chars()
        .next()
        .filter(|escaped| escaped.is_ascii() && !escaped.is_ascii_alphanumeric())?;
    *rest = &rest[1..];
    Some(escaped)
}

fn push_literal(character: char, out: &mut String) {
    out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

/// Converts a class whose `[` has been read; returns the text after its `]`.
fn translate_class<'a>(class: &'a str, out: &mut String) -> Option<&'a str> {
    out.push('[');
    let mut rest = class;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    loop {
        if !first && let Some(after) = rest.strip_prefix(']') {
            out.push(']');
            return Some(after);
        }
        // Go refuses a hyphen in the middle, and treats a named class differently.
        if rest.starts_with("[:") || (!first && rest.starts_with('-') && !rest.starts_with("-]")) {
            return None;
        }
        first = false;
        let low = class_character(&mut rest)?;
        push_code(low, out);
        if rest.starts_with('-') && !rest.starts_with("-]") {
            rest = &rest[1..];
            let high = class_character(&mut rest)?;
            if high < low {
                return None;
            }
            out.push('-');
            push_code(high, out);
        }
    }
}

fn class_character(rest: &mut &str) -> Option<char> {
    let character = rest.chars().next()?;
    *rest = &rest[character.len_utf8()..];
    if character == '\\' {
        literal_escape(rest)
    } else {
        Some(character)
    }
}

fn push_code(character: char, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\x{{{:x}}}", u32::from(character));
}

#[cfg(test)]
mod tests;
