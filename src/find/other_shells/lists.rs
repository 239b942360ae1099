//! Lists and parameters of `PowerShell`.

use std::collections::HashSet;

/// The lists of a script: `$NAME = @('a', 'b')`.
#[derive(Default)]
pub(super) struct PowerShellLists {
    names: HashSet<String>,
    /// Whether the line is between `@(` and `)`.
    is_open: bool,
}

impl PowerShellLists {
    /// Converts a line of a list to elements of an array. Returns `None` for other lines.
    pub(super) fn of_line(&mut self, source: &str) -> Option<String> {
        if self.is_open {
            let (elements, is_closed) = elements(source);
            self.is_open = !is_closed;
            return Some(elements);
        }
        let (name, value) = source.trim_start().strip_prefix('$')?.split_once('=')?;
        let value = value.trim();
        let (name, operator) = match name.trim_end().strip_suffix('+') {
            Some(name) => (name.trim(), "+="),
            None => (name.trim(), "="),
        };
        if !name.chars().all(is_of_name) {
            return None;
        }
        let Some(inner) = value.strip_prefix("@(") else {
            let is_added = operator == "+=" && self.names.contains(name);
            return is_added.then(|| format!("{name}+=({})", elements(value).0));
        };
        self.names.insert(name.to_owned());
        let (elements, is_closed) = elements(inner);
        self.is_open = !is_closed;
        Some(format!("{name}{operator}({elements}"))
    }

    /// Converts the uses of lists in a command, `@NAME` and `$NAME`, to those of arrays.
    pub(super) fn used_in(&self, source: &str) -> String {
        if self.names.is_empty() {
            return source.to_owned();
        }
        let word = |word: &str| match word.strip_prefix(['@', '$']) {
            Some(name) if self.names.contains(name) => format!("\"${{{name}[@]}}\""),
            _ => word.to_owned(),
        };
        let words: Vec<String> = source.split(' ').map(word).collect();
        words.join(" ")
    }
}

fn is_of_name(character: char) -> bool {
    character == '_' || character.is_ascii_alphanumeric()
}

/// Replaces the commas between elements by blanks. Returns whether the list ends there.
fn elements(source: &str) -> (String, bool) {
    let mut out = String::new();
    let mut quote = None;
    let mut depth = 0;
    for character in source.chars() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, '#') => break,
            (None, ',') => {
                out.push(' ');
                continue;
            }
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => {
                out.push(')');
                return (out, true);
            }
            (None, ')') => depth -= 1,
            _ => {}
        }
        out.push(character);
    }
    (out, false)
}

/// Converts `[string]$NAME = "value"` of a parameter to an assignment.
pub(super) fn parameter_defaults(source: &str) -> String {
    let mut assignments = Vec::new();
    for parameter in source.split('$').skip(1) {
        let length = parameter.find(|c| !is_of_name(c));
        let (name, rest) = parameter.split_at(length.unwrap_or(parameter.len()));
        let Some(value) = rest.trim_start().strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            continue;
        };
        if let Some((text, _)) = value[1..].split_once(quote) {
            assignments.push(format!("{name}={quote}{text}{quote}"));
        }
    }
    assignments.join("; ")
}
