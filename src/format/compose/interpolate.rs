//! Variables in the values of Compose files.

use crate::format::located::{Located, Place};
use crate::format::unknown::Unknowns;

/// The deepest nesting of defaults.
const DEPTH: usize = 16;

/// Replaces `$NAME` and `${NAME…}`.
pub fn interpolate(
    text: &Located,
    lookup: &dyn Fn(&str) -> Option<String>,
    unknowns: Option<&Unknowns>,
) -> Located {
    if !text.as_str().contains('$') {
        return text.clone();
    }
    let interpolation = Interpolation {
        lookup,
        unknowns,
        place: text.place(),
    };
    let mut out = Located::default();
    for line in text.split_lines() {
        if !out.is_empty() {
            out.push_str("\n", line.place());
        }
        out.push_str(&interpolation.replace(line.as_str(), 0), line.place());
    }
    if out.is_empty() {
        Located::new("", text.place())
    } else {
        out
    }
}

struct Interpolation<'i> {
    lookup: &'i dyn Fn(&str) -> Option<String>,
    unknowns: Option<&'i Unknowns>,
    place: Place,
}

impl Interpolation<'_> {
    fn replace(&self, text: &str, depth: usize) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('$') {
            out.push_str(head);
            if let Some(after) = tail.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if tail.starts_with('{') && depth < DEPTH {
                let Some(end) = closing(tail) else {
                    out.push('$');
                    rest = tail;
                    continue;
                };
                out.push_str(&self.braced(&tail[1..end], depth));
                rest = &tail[end + 1..];
            } else {
                let length = name_length(tail);
                if length == 0 {
                    out.push('$');
                } else {
                    out.push_str(&self.value(&tail[..length]));
                }
                rest = &tail[length..];
            }
        }
        out.push_str(rest);
        out
    }

    fn value(&self, name: &str) -> String {
        let _ = self.place;
        (self.lookup)(name).unwrap_or_else(|| self.unset(name))
    }

    fn unset(&self, name: &str) -> String {
        self.unknowns
            .map(|unknowns| unknowns.mark(name).to_string())
            .unwrap_or_default()
    }

    fn braced(&self, inner: &str, depth: usize) -> String {
        let length = name_length(inner);
        let (name, operation) = inner.split_at(length);
        let known = (self.lookup)(name);
        let (empty_counts, operation) = match operation.strip_prefix(':') {
            Some(operation) => (true, operation),
            None => (false, operation),
        };
        let known = known.filter(|value| !(empty_counts && value.is_empty()));
        match operation.chars().next() {
            Some('-') => known.unwrap_or_else(|| self.replace(&operation[1..], depth + 1)),
            Some('+') => match known {
                Some(_) => self.replace(&operation[1..], depth + 1),
                None => String::new(),
            },
            _ => known.unwrap_or_else(|| self.unset(name)),
        }
    }
}

fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
        return 0;
    }
    text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
        .unwrap_or(text.len())
}

/// Returns the offset of the brace that closes the one at the start.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}
