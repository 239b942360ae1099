//! Scripts in Python: lists of words, and shell commands in strings.

use std::collections::HashMap;

use super::command::{self, CommandContext};
use super::embedded;
use super::repository::directory;
use super::script::{Invocation, ScriptWord};
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};

#[derive(Debug, Clone)]
enum PythonToken {
    Text(Located),
    Sign(char),
    Word,
}

/// Parses a script.
pub(super) fn read(session: &FindSession<'_>, path: &str, text: &str) {
    if !text.contains("docker") && !text.contains("buildctl") && !text.contains("nerdctl") {
        return;
    }
    let source = Located::lines(text, TextPlace::new(session.repository.number(path), 1));
    let tokens = tokens(session, &source, &constants(text));
    let around = CommandContext {
        directory: directory(path).to_owned(),
        ..CommandContext::default()
    };
    let mut list: Option<Vec<Located>> = None;
    let mut program: Vec<Located> = Vec::new();
    let mut previous = None;
    for token in &tokens {
        match token {
            PythonToken::Sign('[') => list = Some(Vec::new()),
            PythonToken::Sign(']') => {
                let Some(mut words) = list.take() else {
                    continue;
                };
                let is_flag = |word: &Located| word.as_str().starts_with("--");
                if words.first().is_some_and(is_flag) {
                    // `command += ["--flag", …]`
                    words.splice(0..0, program.iter().cloned());
                } else {
                    let before = words
                        .iter()
                        .take_while(|word| !word.as_str().starts_with('-'));
                    program = before.cloned().collect();
                }
                invoke(session, words, &around);
            }
            PythonToken::Text(text) => match &mut list {
                Some(words) => words.push(text.clone()),
                None if matches!(previous, Some('(' | '=')) => command_line(session, text, &around),
                None => {}
            },
            _ => {}
        }
        previous = match token {
            PythonToken::Sign(sign) => Some(*sign),
            _ => None,
        };
    }
}

fn invoke(session: &FindSession<'_>, words: Vec<Located>, around: &CommandContext) {
    let slot = |text: Located| {
        vec![vec![ScriptWord {
            text,
            when: Vec::new(),
        }]]
    };
    let invocation = Invocation {
        slots: words.into_iter().map(slot).collect(),
        ..Invocation::default()
    };
    command::declare(session, &invocation, around);
}

/// Follows a string that starts with the name of a build program.
fn command_line(session: &FindSession<'_>, text: &Located, around: &CommandContext) {
    let first = text.as_str().split_whitespace().next().unwrap_or_default();
    if matches!(first, "docker" | "docker-compose" | "buildctl" | "nerdctl") {
        embedded::run(session, text, &Vec::new(), around);
    }
}

/// Returns the variables that are set to one text.
fn constants(text: &str) -> HashMap<String, String> {
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
            _ => {
                // Set to anything else, it is no constant.
                constants.remove(name.trim());
            }
        }
    }
    constants
}

fn tokens(
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
                .find(|c: char| !(c == '_' || c.is_alphanumeric()))
                .unwrap_or(rest.len());
            rest[..length].clone_into(&mut prefix);
            position += length;
            if !text[position..].starts_with(['"', '\'']) || prefix.len() > 2 {
                found.push(PythonToken::Word);
                prefix.clear();
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
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let is_triple = text[start..].starts_with(&triple);
    let end = if is_triple { triple } else { quote.to_string() };
    let mut position = start + end.len();
    let mut out = Located::new("", source.place_at(start));
    while let Some(character) = text[position..].chars().next() {
        let place = source.place_at(position);
        if text[position..].starts_with(&end) {
            return (out, position + end.len() - start);
        }
        if character == '\n' && !is_triple {
            break;
        }
        position += character.len_utf8();
        if character != '\\' || raw {
            out.push_char(character, place);
            continue;
        }
        let Some(escaped) = text[position..].chars().next() else {
            break;
        };
        position += escaped.len_utf8();
        match escaped {
            '\n' => {}
            'n' => out.push_char('\n', place),
            other => out.push_char(other, place),
        }
    }
    (out, position - start)
}

/// Replaces `{expression}`.
fn interpolated(
    session: &FindSession<'_>,
    text: &Located,
    constants: &HashMap<String, String>,
) -> Located {
    embedded::substitute(text, "{", "}", |inner, place| match constants.get(inner) {
        Some(value) => Located::new(value, place),
        None => session.unknown(inner, place),
    })
}
