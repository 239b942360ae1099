//! Converts scripts of `PowerShell` and of `cmd` for the parser of shell scripts.
//!
//! Only the parts that build commands need are converted: continued lines, comments and variables.

mod lists;

use crate::format::located::Located;
use lists::PowerShellLists;

/// Converts a script of `PowerShell`.
pub(super) fn from_powershell(script: &Located) -> Located {
    let mut text = Located::default();
    let mut in_comment = false;
    let mut in_parameters = false;
    let mut lists = PowerShellLists::default();
    for line in script.split_lines() {
        let place = line.trimmed().place();
        let source = line.as_str().trim_end();
        if in_comment || source.trim_start().starts_with("<#") {
            in_comment = !source.contains("#>");
            text.push_str("\n", place);
            continue;
        }
        let start = source.trim_start().to_lowercase();
        in_parameters |= start.starts_with("param(") || start.starts_with("param (");
        let rewritten = if in_parameters {
            in_parameters = !start.ends_with(')');
            lists::parameter_defaults(source)
        } else if let Some(list) = lists.of_line(source) {
            list
        } else {
            powershell_line(&lists.used_in(source))
        };
        text.push_str(&rewritten, place);
        text.push_str("\n", place);
    }
    text
}

fn powershell_line(source: &str) -> String {
    let trimmed = source.trim_start();
    let mut line = source.to_owned();
    if trimmed.starts_with('$')
        && let Some((name, value)) = trimmed.split_once('=')
        && !name.contains(['(', '[', '.'])
    {
        let name = name
            .trim()
            .trim_start_matches('$')
            .trim_start_matches("env:")
            .trim_end_matches('+')
            .trim();
        let plain = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if plain {
            line = format!("{name}={}", value.trim());
        }
    }
    line = line
        .replace("${env:", "${")
        .replace("$env:", "$")
        .replace("$($", "$(echo $");
    let (line, end) = match line.strip_suffix('`') {
        Some(head) => (head.to_owned(), "\\"),
        None => (line, ""),
    };
    // Before another character, a backtick escapes it. A name ends there.
    let line = braced(&line).replace('`', "");
    let line = match line.trim_start().strip_prefix("if (") {
        Some(_) => as_test(&line),
        None => line,
    };
    line + end
}

/// Writes `$NAME` before a backtick as `${NAME}`.
fn braced(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((head, tail)) = rest.split_once('$') {
        out.push_str(head);
        let length = tail
            .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
            .unwrap_or(tail.len());
        let (name, after) = tail.split_at(length);
        if !name.is_empty() && after.starts_with('`') {
            out.push_str(&format!("${{{name}}}"));
        } else {
            out.push('$');
            out.push_str(name);
        }
        rest = after;
    }
    out + rest
}

/// Converts `if (TEST) { COMMAND }` on one line: the command runs under the test.
fn as_test(line: &str) -> String {
    let found = line.split_once(") {").and_then(|(test, rest)| {
        let (_, test) = test.split_once('(')?;
        Some((test, rest.trim_end().strip_suffix('}')?))
    });
    match found {
        Some((test, command)) if !test.contains(['(', '[', '"', '\'']) => {
            format!("if [ -n \"{test}\" ]; then {command}; fi")
        }
        _ => line.to_owned(),
    }
}

/// Converts a script of `cmd`.
pub(super) fn from_batch(script: &Located) -> Located {
    let mut text = Located::default();
    for line in script.split_lines() {
        let place = line.trimmed().place();
        let rewritten = batch_line(line.as_str().trim_end());
        text.push_str(&rewritten, place);
        text.push_str("\n", place);
    }
    text
}

fn batch_line(source: &str) -> String {
    let trimmed = source.trim_start().trim_start_matches('@');
    let lower = trimmed.to_lowercase();
    if lower.starts_with("rem ")
        || lower == "rem"
        || trimmed.starts_with("::")
        || trimmed.starts_with(':')
    {
        return String::new();
    }
    let mut line = trimmed.replace('\\', "/");
    if lower.starts_with("set ") {
        let assignment = trimmed[4..].trim().trim_matches('"');
        if let Some((name, value)) = assignment.split_once('=') {
            let plain = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if plain {
                line = format!("{name}=\"{}\"", value.replace('\\', "/"));
            }
        }
    }
    line = with_variables(&line);
    match line.strip_suffix('^') {
        Some(head) => format!("{head}\\"),
        None => line,
    }
}

/// Converts `%NAME%` to `${NAME}`.
fn with_variables(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((head, tail)) = rest.split_once('%') {
        out.push_str(head);
        if let Some(argument) = tail.chars().next().filter(char::is_ascii_digit) {
            out.push('$');
            out.push(argument);
            rest = &tail[1..];
            continue;
        }
        match tail.split_once('%') {
            Some((name, after))
                if !name.is_empty()
                    && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) =>
            {
                out.push_str("${");
                out.push_str(name);
                out.push('}');
                rest = after;
            }
            _ => {
                out.push('%');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}
