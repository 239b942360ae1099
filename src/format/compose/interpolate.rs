//! Variables in the values of Compose files.
//!
//! The grammar is that of compose-go (`template/template.go`).

use crate::format::located::Located;
use crate::format::unknown::Unknowns;

/// The deepest nesting of defaults.
const DEPTH: usize = 16;

/// Replaces `$NAME` and `${NAME…}`; `$$` becomes a dollar sign.
///
/// # Errors
/// Returns an error for a template that is not valid, and for a required variable that is not
/// set. With `unknowns`, such a template stays as it is, and such a variable is unknown.
pub fn interpolate(
    text: &Located,
    lookup: &dyn Fn(&str) -> Option<String>,
    unknowns: Option<&Unknowns>,
) -> Result<Located, String> {
    if !text.as_str().contains('$') {
        return Ok(text.clone());
    }
    let interpolation = Interpolation { lookup, unknowns };
    let mut out = Located::default();
    for line in text.split_lines() {
        if !out.is_empty() {
            out.push_str("\n", line.place());
        }
        interpolation.replace_parts(line.as_str(), 0, &mut |part, start, is_literal| {
            if is_literal {
                out.push(&line.slice(start, start + part.len()));
            } else {
                out.push_str(part, line.place_at(start));
            }
        })?;
    }
    if out.is_empty() {
        return Ok(Located::new("", text.place()));
    }
    Ok(out)
}

struct Interpolation<'i> {
    lookup: &'i dyn Fn(&str) -> Option<String>,
    unknowns: Option<&'i Unknowns>,
}

impl Interpolation<'_> {
    fn replace(&self, text: &str, depth: usize) -> Result<String, String> {
        let mut out = String::new();
        self.replace_parts(text, depth, &mut |part, _, _| out.push_str(part))?;
        Ok(out)
    }

    /// Calls `emit` with each part of the result, the offset of its source in `text`, and whether it
    /// is the source itself.
    fn replace_parts(
        &self,
        text: &str,
        depth: usize,
        emit: &mut dyn FnMut(&str, usize, bool),
    ) -> Result<(), String> {
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('$') {
            let start = text.len() - rest.len();
            emit(head, start, true);
            let start = start + head.len();
            if let Some(after) = tail.strip_prefix('$') {
                emit("$", start, false);
                rest = after;
            } else if tail.starts_with('{') {
                match self.braced(tail, depth)? {
                    Some((value, after)) => {
                        emit(&value, start, false);
                        rest = after;
                    }
                    None => {
                        emit("$", start, true);
                        rest = tail;
                    }
                }
            } else {
                let length = name_length(tail);
                if length == 0 {
                    emit("$", start, true);
                } else {
                    emit(&self.value(&tail[..length]), start, false);
                }
                rest = &tail[length..];
            }
        }
        emit(rest, text.len() - rest.len(), true);
        Ok(())
    }

    /// Replaces the variable in braces at the start of `text`. Returns its value and the text
    /// after it; `None` if the template is not valid and stays.
    fn braced<'t>(&self, text: &'t str, depth: usize) -> Result<Option<(String, &'t str)>, String> {
        let invalid = || match self.unknowns {
            Some(_) => Ok(None),
            None => Err(format!("invalid template: ${text}")),
        };
        if depth >= DEPTH {
            return invalid();
        }
        let Some(end) = closing(text) else {
            return invalid();
        };
        let inner = &text[1..end];
        let length = name_length(inner);
        let (name, operation) = inner.split_at(length);
        if name.is_empty() {
            return invalid();
        }
        let (empty_counts, operation) = match operation.strip_prefix(':') {
            Some(operation) => (true, operation),
            None => (false, operation),
        };
        let known = (self.lookup)(name).filter(|value| !(empty_counts && value.is_empty()));
        let other = |text: &str| self.replace(text, depth + 1);
        let mut characters = operation.chars();
        let value = match (characters.next(), known) {
            (None, _) if empty_counts => return invalid(),
            (None, None) => self.unset(name),
            (Some('-' | '?') | None, Some(value)) => value,
            (Some('-'), None) | (Some('+'), Some(_)) => other(characters.as_str())?,
            (Some('+'), None) => String::new(),
            (Some('?'), None) => self.required(name, &other(characters.as_str())?)?,
            _ => return invalid(),
        };
        Ok(Some((value, &text[end + 1..])))
    }

    fn value(&self, name: &str) -> String {
        (self.lookup)(name).unwrap_or_else(|| self.unset(name))
    }

    fn unset(&self, name: &str) -> String {
        self.unknowns
            .map(|unknowns| unknowns.mark(name).to_string())
            .unwrap_or_default()
    }

    fn required(&self, name: &str, reason: &str) -> Result<String, String> {
        if self.unknowns.is_some() {
            return Ok(self.unset(name));
        }
        let mut error = format!("required variable {name} is missing a value");
        if !reason.is_empty() {
            error.push_str(": ");
            error.push_str(reason);
        }
        Err(error)
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
