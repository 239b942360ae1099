//! Converts scripts of `PowerShell` and of `cmd` for the parser of shell scripts.
//!
//! Only the parts that build commands need are converted: continued lines, comments and variables.

mod lists;

use crate::format::located::Located;
use lists::PowerShellLists;

/// The longest line in which a command may be nested, in bytes.
const LONGEST_LINE: usize = 4096;

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
        } else {
            converted(source, &mut lists)
        };
        text.push_str(&rewritten, place);
        text.push_str("\n", place);
    }
    text
}

/// Converts a line outside of comments and parameters.
fn converted(source: &str, lists: &mut PowerShellLists) -> String {
    if let Some((test, command)) = one_line_if(source) {
        let command = converted(command, lists);
        return format!("if [ -n \"{}\" ]; then {command}; fi", variables(test));
    }
    match lists.of_line(source) {
        Some(list) => list,
        None => powershell_line(&lists.used_in(source)),
    }
}

/// Converts the variables of the environment.
fn variables(line: &str) -> String {
    line.replace("${env:", "${").replace("$env:", "$")
}

/// Splits `if (TEST) { COMMAND }` on one line: the command runs under the test.
fn one_line_if(line: &str) -> Option<(&str, &str)> {
    let (test, rest) = line
        .trim_start()
        .strip_prefix("if")?
        .trim_start()
        .strip_prefix('(')?
        .split_once(") {")?;
    let command = rest.trim_end().strip_suffix('}')?;
    let is_plain = !test.contains(['(', '[', '"', '\'', '`']);
    (is_plain && line.len() < LONGEST_LINE).then_some((test, command.trim()))
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
    line = variables(&line).replace("$($", "$(echo $");
    let (line, end) = match line.strip_suffix('`') {
        Some(head) => (head.to_owned(), "\\"),
        None => (line, ""),
    };
    // Before another character, a backtick escapes it. A name ends there.
    braced(&line).replace('`', "") + end
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
    if let Some(line) = batch_default(trimmed).or_else(|| batch_loop(trimmed)) {
        return line;
    }
    let mut line = with_slashes(trimmed);
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

/// Replaces backslashes, except in the absolute path of a local cache.
fn with_slashes(line: &str) -> String {
    let word = |word: &str| match word {
        word if word.contains("type=local") && word.contains(":\\") => word.replace('\\', r"\\"),
        word => word.replace('\\', "/"),
    };
    let words: Vec<String> = line.split(' ').map(word).collect();
    words.join(" ")
}

/// Converts `if "%NAME%"=="" set NAME=VALUE` and `if not defined NAME set NAME=VALUE`.
fn batch_default(line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let set = lower.find(" set ")?;
    let assignment = line[set + 5..].trim().trim_matches('"');
    let (name, value) = assignment.split_once('=')?;
    let lower_name = name.to_ascii_lowercase();
    let test = lower[..set].strip_prefix("if ")?.trim();
    let is_default = test == format!("not defined {lower_name}")
        || test.replace(' ', "") == format!("\"%{lower_name}%\"==\"\"");
    let value = with_variables(&value.replace('\\', "/"));
    (is_default && is_batch_name(name)).then(|| format!("{name}=\"${{{name}:-{value}}}\""))
}

/// Converts `for %%x in (one two) do COMMAND`.
fn batch_loop(line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    if line.len() > LONGEST_LINE {
        return None;
    }
    let rest = lower.strip_prefix("for %%")?;
    let variable = rest.chars().next().filter(char::is_ascii_alphabetic)?;
    let inside = rest[1..].trim_start().strip_prefix("in ")?.trim_start();
    let start = line.len() - inside.strip_prefix('(')?.len();
    let length = line[start..].find(')')?;
    let command = line[start + length + 1..].trim_start();
    let command = command
        .strip_prefix("do ")
        .or(command.strip_prefix("DO "))?;
    let words = with_variables(&line[start..start + length].replace(',', " "));
    let name = line.chars().nth("for %%".len()).unwrap_or(variable);
    let command = batch_line(command);
    Some(format!("for {name} in {words}; do {command}; done"))
}

fn is_batch_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// Converts `%NAME%` to `${NAME}`, and the `%%x` of a loop to `${x}`.
fn with_variables(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((head, tail)) = rest.split_once('%') {
        out.push_str(head);
        let variable = tail.strip_prefix('%').and_then(|rest| rest.chars().next());
        if let Some(variable) = variable.filter(char::is_ascii_alphabetic) {
            out.push_str(&format!("${{{variable}}}"));
            rest = &tail[2..];
            continue;
        }
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
