//! Regular expressions: `regex`, `regexall` and `regex_replace`.

use regex::{Captures, Regex, RegexBuilder};

use super::arguments::CallArguments;
use super::{CallError, Called, MOST_ITEMS};
use crate::format::bake::value::BakeValue;

/// Replaces the matches of a pattern.
pub(super) fn replace(given: &CallArguments<'_>) -> Called {
    let text = given.text(0)?;
    let regex = compiled(&given.text(1)?)?;
    let to = given.text(2)?;
    Ok(given.made(&regex.replace_all(&text, to.as_str())))
}

/// Returns the first match of a pattern.
pub(super) fn first(given: &CallArguments<'_>) -> Called {
    let regex = compiled(&given.text(0)?)?;
    check_groups(&regex)?;
    let text = given.text(1)?;
    let captures = regex.captures(&text).ok_or("the pattern does not match")?;
    Ok(matched(given, &regex, &captures))
}

/// Returns all matches of a pattern.
pub(super) fn all(given: &CallArguments<'_>) -> Called {
    let regex = compiled(&given.text(0)?)?;
    check_groups(&regex)?;
    let text = given.text(1)?;
    let found = regex.captures_iter(&text).take(MOST_ITEMS);
    let found = found.map(|captures| matched(given, &regex, &captures));
    Ok(BakeValue::List(found.collect()))
}

fn check_groups(regex: &Regex) -> Result<(), CallError> {
    let names: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
    if names.iter().any(Option::is_some) && names.iter().any(Option::is_none) {
        return Err("the pattern has groups with and without names".into());
    }
    Ok(())
}

/// Returns a match: its text, or its groups in a list or a map.
fn matched(given: &CallArguments<'_>, regex: &Regex, captures: &Captures<'_>) -> BakeValue {
    let value = |group: Option<regex::Match<'_>>| {
        group.map_or(BakeValue::Null, |group| given.made(group.as_str()))
    };
    if captures.len() == 1 {
        return value(captures.get(0));
    }
    let named: Vec<&str> = regex.capture_names().flatten().collect();
    if named.is_empty() {
        let groups = (1..captures.len()).map(|index| value(captures.get(index)));
        return BakeValue::List(groups.collect());
    }
    let group = |name: &&str| ((*name).to_owned(), value(captures.name(name)));
    BakeValue::Map(named.iter().map(group).collect())
}

fn compiled(pattern: &str) -> Result<Regex, CallError> {
    let unsupported = || CallError::gap(format!("the pattern {pattern} is not supported"));
    let translated = translated(pattern).ok_or_else(unsupported)?;
    let built = RegexBuilder::new(&translated).size_limit(1 << 20).build();
    built.map_err(|_| unsupported())
}

/// Rewrites a pattern of Go: there `\d`, `\s`, `\w` and `\b` mean ASCII only.
fn translated(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut in_class = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let escaped = characters.next()?;
                out.push_str(&escape(escaped, in_class)?);
            }
            '[' if in_class => {
                // `[:alpha:]` is the same in both; anything else is a plain bracket in Go.
                if characters.peek() != Some(&':') {
                    out.push('\\');
                }
                out.push('[');
                if characters.peek() == Some(&':') {
                    for character in characters.by_ref() {
                        out.push(character);
                        if character == ']' {
                            break;
                        }
                    }
                }
            }
            '[' => {
                in_class = true;
                out.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if characters.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            '-' if in_class && characters.peek() == Some(&'-') => return None,
            other => out.push(other),
        }
    }
    Some(out)
}

fn escape(escaped: char, in_class: bool) -> Option<String> {
    Some(match (escaped, in_class) {
        ('d', false) => "[0-9]".to_owned(),
        ('d', true) => "0-9".to_owned(),
        ('w', false) => "[0-9A-Za-z_]".to_owned(),
        ('w', true) => "0-9A-Za-z_".to_owned(),
        ('s', false) => "[\\t\\n\\f\\r ]".to_owned(),
        ('s', true) => "\\t\\n\\f\\r ".to_owned(),
        ('D', _) => "[^0-9]".to_owned(),
        ('W', _) => "[^0-9A-Za-z_]".to_owned(),
        ('S', _) => "[^\\t\\n\\f\\r ]".to_owned(),
        ('b', false) => "(?-u:\\b)".to_owned(),
        ('B' | 'Q' | 'E' | 'C', _) => return None,
        (other, _) => format!("\\{other}"),
    })
}
