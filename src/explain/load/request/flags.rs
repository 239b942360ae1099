//! Parses flags as Go's flag libraries do.

use super::RequestError;

/// The flags of a program.
pub(super) struct KnownFlags {
    /// Flags that take a value.
    pub(super) valued: &'static [&'static str],
    /// Flags without a value, which also accept `=true` and `=false`.
    pub(super) switches: &'static [&'static str],
    /// Letters with their flags.
    pub(super) short: &'static [(char, &'static str)],
}

/// A flag without its dashes, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedFlag {
    pub(super) name: String,
    pub(super) value: String,
}

/// The parsed words of a command.
#[derive(Debug, Default)]
pub(super) struct ParsedFlags {
    pub(super) flags: Vec<ParsedFlag>,
    pub(super) words: Vec<String>,
    pub(super) unknown: Vec<String>,
}

impl ParsedFlags {
    /// The values of a flag, in order.
    pub(super) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.flags
            .iter()
            .filter(move |flag| flag.name == name)
            .map(|flag| flag.value.as_str())
    }

    /// The last value of a flag.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.flags
            .iter()
            .rfind(|flag| flag.name == name)
            .map(|flag| flag.value.as_str())
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.last(name).is_some_and(is_true)
    }
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

/// Splits words into flags with their values, and other words.
pub(super) fn parse(words: &[String], known: &KnownFlags) -> Result<ParsedFlags, RequestError> {
    let mut parsed = ParsedFlags::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            parsed.words.extend(rest.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long
                .split_once('=')
                .map_or((long, None), |(n, v)| (n, Some(v)));
            long_flag(name, value, known, &mut rest, &mut parsed)?;
        } else if word.starts_with('-') && word.len() > 1 {
            short_flags(&word[1..], known, &mut rest, &mut parsed)?;
        } else {
            parsed.words.push(word.clone());
        }
    }
    Ok(parsed)
}

fn long_flag(
    name: &str,
    value: Option<&str>,
    known: &KnownFlags,
    rest: &mut std::slice::Iter<'_, String>,
    parsed: &mut ParsedFlags,
) -> Result<(), RequestError> {
    let value = if known.valued.contains(&name) {
        match value {
            Some(value) => value.to_owned(),
            None => rest
                .next()
                .cloned()
                .ok_or_else(|| missing(&format!("--{name}")))?,
        }
    } else if known.switches.contains(&name) {
        value.unwrap_or("true").to_owned()
    } else {
        parsed.unknown.push(format!("--{name}"));
        return Ok(());
    };
    parsed.flags.push(ParsedFlag {
        name: name.to_owned(),
        value,
    });
    Ok(())
}

/// Parses letters after one dash: switches may be joined, and a value may follow directly.
fn short_flags(
    letters: &str,
    known: &KnownFlags,
    rest: &mut std::slice::Iter<'_, String>,
    parsed: &mut ParsedFlags,
) -> Result<(), RequestError> {
    let mut position = 0;
    for letter in letters.chars() {
        position += letter.len_utf8();
        let Some((_, name)) = known.short.iter().find(|(short, _)| *short == letter) else {
            parsed.unknown.push(format!("-{letter}"));
            return Ok(());
        };
        if known.switches.contains(name) {
            parsed.flags.push(ParsedFlag {
                name: (*name).to_owned(),
                value: "true".to_owned(),
            });
            continue;
        }
        let tail = &letters[position..];
        let value = if tail.is_empty() {
            rest.next()
                .cloned()
                .ok_or_else(|| missing(&format!("-{letter}")))?
        } else {
            tail.strip_prefix('=').unwrap_or(tail).to_owned()
        };
        parsed.flags.push(ParsedFlag {
            name: (*name).to_owned(),
            value,
        });
        return Ok(());
    }
    Ok(())
}

fn missing(flag: &str) -> RequestError {
    RequestError::Flag {
        flag: flag.to_owned(),
        reason: "its value is missing".to_owned(),
    }
}
