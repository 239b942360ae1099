//! Shell patterns of substitutions, which BuildKit converts to regular expressions of Go.

use regex::Regex;

use super::{LexError, MAX_LENGTH};
use crate::format::go_text;

/// The most work for one match: the length of the pattern times that of the value.
const MAX_WORK: usize = 1 << 24;

/// Removes the match of the pattern at the start.
pub(super) fn trim_prefix(pattern: &str, value: &str, greedy: bool) -> Result<String, LexError> {
    let regex = regex(pattern, value, greedy, true)?;
    Ok(value[regex.find(value).map_or(0, |found| found.end())..].to_owned())
}

/// Removes the match of the pattern at the end, by reversing both the value and the pattern.
pub(super) fn trim_suffix(pattern: &str, value: &str, greedy: bool) -> Result<String, LexError> {
    let turned: String = value.chars().rev().collect();
    let left = trim_prefix(&turned_pattern(pattern), &turned, greedy)?;
    Ok(left.chars().rev().collect())
}

/// Reverses a pattern but keeps each escape in front of its character.
fn turned_pattern(pattern: &str) -> String {
    let characters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let is_pair = characters[at] == '\\' && at + 1 != characters.len();
        let end = at + 1 + usize::from(is_pair);
        pieces.push(&characters[at..end]);
        at = end;
    }
    pieces.into_iter().rev().flatten().collect()
}

/// Replaces the first match, or all of them. For all matches, Go uses the replacement as a
/// template: `$0` is the match.
pub(super) fn replace(
    pattern: &str,
    value: &str,
    replacement: &str,
    all: bool,
) -> Result<String, LexError> {
    let regex = regex(pattern, value, true, false)?;
    let mut result = String::new();
    let mut end = 0;
    for found in regex
        .find_iter(value)
        .take(if all { usize::MAX } else { 1 })
    {
        result.push_str(&value[end..found.start()]);
        if all {
            expand(replacement, found.as_str(), &mut result)?;
        } else {
            result.push_str(replacement);
        }
        end = found.end();
    }
    result.push_str(&value[end..]);
    Ok(result)
}

/// Expands a template of Go's `regexp` for an expression without groups.
fn expand(template: &str, whole: &str, result: &mut String) -> Result<(), LexError> {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some((name, after)) = group(after) {
            if name == "0" {
                result.push_str(whole);
            }
            rest = after;
        } else {
            result.push('$');
            rest = after;
        }
        if result.len() > MAX_LENGTH {
            break;
        }
    }
    result.push_str(rest);
    if result.len() > MAX_LENGTH {
        Err(LexError(format!(
            "the text is longer than {MAX_LENGTH} bytes"
        )))
    } else {
        Ok(())
    }
}

/// Splits off the name of a group, which may be in braces.
fn group(text: &str) -> Option<(&str, &str)> {
    let (inner, in_braces) = text
        .strip_prefix('{')
        .map_or((text, false), |inner| (inner, true));
    let is_part = |character: char| {
        go_text::is_letter(character) || go_text::is_digit(character) || character == '_'
    };
    let end = inner
        .find(|character| !is_part(character))
        .unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    if in_braces {
        Some((name, rest.strip_prefix('}')?))
    } else {
        Some((name, rest))
    }
}

fn regex(pattern: &str, value: &str, greedy: bool, anchored: bool) -> Result<Regex, LexError> {
    if pattern.len().saturating_mul(value.len()) > MAX_WORK {
        return Err(LexError(
            "the pattern of a substitution is too long for its value".to_owned(),
        ));
    }
    let wrong = |error: String| {
        LexError(format!(
            "invalid pattern ({pattern}) in substitution: {error}"
        ))
    };
    let mut expression = if anchored {
        "^".to_owned()
    } else {
        String::new()
    };
    let mut characters = pattern
        .strip_prefix('\u{feff}')
        .unwrap_or(pattern)
        .chars()
        .peekable();
    while let Some(character) = characters.next() {
        let literal = match character {
            '*' => {
                expression.push_str(if greedy { ".*" } else { ".*?" });
                continue;
            }
            '?' => {
                expression.push('.');
                continue;
            }
            '\\' => match characters.peek() {
                // These are escaped for the substitution, not for the pattern.
                Some('}' | '/') => continue,
                Some('*' | '?' | '\\') => characters.next().unwrap_or_default(),
                other => {
                    return Err(wrong(format!(
                        "invalid escape '\\{}'",
                        other.unwrap_or(&char::REPLACEMENT_CHARACTER)
                    )));
                }
            },
            character => character,
        };
        expression.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
    }
    Regex::new(&expression).map_err(|error| wrong(error.to_string()))
}
