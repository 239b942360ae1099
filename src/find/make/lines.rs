//! Splits the text of a Makefile into lines, and the lines into parts.

use crate::format::located::Located;

/// Joins lines with a backslash at the end. Recipes keep the line break for the shell.
pub(super) fn logical_lines(source: &Located) -> Vec<Located> {
    let mut lines = Vec::new();
    let mut current: Option<Located> = None;
    for line in source.split_lines() {
        let text = line.as_str().trim_end_matches('\r');
        let line = line.slice(0, text.len());
        let mut whole = match current.take() {
            Some(mut whole) => {
                whole.push(&line);
                whole
            }
            None => line,
        };
        let backslashes = whole.as_str().len() - whole.as_str().trim_end_matches('\\').len();
        if backslashes % 2 == 1 && !whole.as_str().trim_start().starts_with('#') {
            let is_recipe = whole.as_str().starts_with('\t');
            let end = whole.len() - 1;
            let place = whole.place_at(end);
            whole = whole.slice(0, end);
            whole.push_str(if is_recipe { "\\\n" } else { " " }, place);
            current = Some(whole);
        } else {
            lines.push(whole);
        }
    }
    lines.extend(current);
    lines
}

pub(super) fn without_comment(text: &Located) -> Located {
    match text
        .as_str()
        .find(" #")
        .or_else(|| text.as_str().find("\t#"))
    {
        Some(at) => text.slice(0, at),
        None if text.as_str().starts_with('#') => text.slice(0, 0),
        None => text.clone(),
    }
}

/// Finds an assignment: the end of its name, and its operator.
pub(super) fn assignment(text: &str) -> Option<(usize, &'static str)> {
    let equals = outside(text, '=')?;
    for operator in [":::=", "::=", ":=", "?=", "+=", "!="] {
        let start = (equals + 1).checked_sub(operator.len());
        if let Some(start) = start
            && text.get(start..=equals) == Some(operator)
        {
            return valid_name(&text[..start]).then_some((start, operator));
        }
    }
    valid_name(&text[..equals]).then_some((equals, "="))
}

pub(super) fn assignment_of_target(text: &str) -> Option<(usize, &'static str)> {
    assignment(text).filter(|(end, _)| {
        let name = text[..*end].trim().trim_start_matches("export ").trim();
        !name.is_empty()
    })
}

fn valid_name(name: &str) -> bool {
    let name = name.trim().trim_start_matches("export ").trim();
    !name.is_empty() && !name.contains(char::is_whitespace)
}

pub(super) fn rule_colon(text: &str) -> Option<usize> {
    outside(text, ':')
}

/// Finds a character outside `$( … )`.
fn outside(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, character) in text.char_indices() {
        match character {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            c if c == wanted && depth == 0 => return Some(offset),
            '#' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Returns the offset of the bracket that closes the one at the start.
pub(super) fn closing(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0usize;
    for (offset, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return Some(offset);
            }
        }
    }
    None
}

pub(super) fn split_arguments(text: &Located) -> Vec<Located> {
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    for (offset, character) in text.as_str().char_indices() {
        match character {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.slice(start, offset));
                start = offset + 1;
            }
            _ => {}
        }
    }
    parts.push(text.slice(start, text.len()));
    parts
}
