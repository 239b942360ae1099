//! `semvercmp`: constraints on semantic versions.

use super::arguments::CallArguments;
use super::{CallError, Called};
use crate::format::bake::value::BakeValue;

/// A version, perhaps with missing parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SemanticVersion {
    numbers: [u64; 3],
    /// How many numbers are given.
    given: usize,
    pre: String,
}

/// Returns whether a version satisfies a constraint.
pub(super) fn compare(given: &CallArguments<'_>) -> Called {
    let text = given.text(0)?;
    let version = parse(&text).ok_or("the version is not valid")?;
    let constraints = given.text(1)?;
    let mut matched = false;
    for alternative in constraints.split("||") {
        let mut all = true;
        for (operator, wanted) in conditions(alternative)? {
            all &= satisfies(&version, operator, &wanted)?;
        }
        matched |= all;
    }
    Ok(BakeValue::Truth(matched))
}

fn parse(text: &str) -> Option<SemanticVersion> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(text, _)| text);
    let (numbers, pre) = text.split_once('-').unwrap_or((text, ""));
    let is_pre = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !pre.chars().all(is_pre) || text.ends_with('-') {
        return None;
    }
    let mut version = SemanticVersion {
        pre: pre.to_owned(),
        ..SemanticVersion::default()
    };
    for part in numbers.split('.') {
        let number = part.parse().ok().filter(|_| !part.starts_with('+'))?;
        *version.numbers.get_mut(version.given)? = number;
        version.given += 1;
    }
    Some(version)
}

/// Splits an alternative into operators with their versions.
fn conditions(text: &str) -> Result<Vec<(&str, SemanticVersion)>, CallError> {
    let unsupported = || CallError::gap(format!("the constraint {text} is not supported"));
    let mut found = Vec::new();
    if text.contains(" - ") {
        let (from, to) = text.split_once(" - ").ok_or_else(unsupported)?;
        let from = parse(from.trim()).ok_or_else(unsupported)?;
        let to = parse(to.trim()).ok_or_else(unsupported)?;
        return Ok(vec![(">=", from), ("<=", to)]);
    }
    let mut rest = text.trim();
    while !rest.is_empty() {
        let length = rest
            .find(|c: char| !matches!(c, '<' | '>' | '=' | '!' | '~' | '^'))
            .ok_or_else(unsupported)?;
        let (operator, after) = rest.split_at(length);
        let after = after.trim_start();
        let end = after
            .find(|c: char| c == ',' || c.is_whitespace() || "<>=!~^".contains(c))
            .unwrap_or(after.len());
        let version = wanted(&after[..end]).ok_or_else(unsupported)?;
        found.push((operator, version));
        rest = after[end..].trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    if found.is_empty() {
        return Err("the constraint is empty".into());
    }
    Ok(found)
}

/// Parses the version of a constraint; `x` and `*` stand for missing parts.
fn wanted(text: &str) -> Option<SemanticVersion> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let known = text
        .split('.')
        .take_while(|part| !matches!(*part, "x" | "X" | "*"));
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        return Some(SemanticVersion::default());
    }
    parse(&known.join("."))
}

fn satisfies(
    version: &SemanticVersion,
    operator: &str,
    wanted: &SemanticVersion,
) -> Result<bool, CallError> {
    // A version before a release satisfies only constraints that name one.
    if !version.pre.is_empty() && wanted.pre.is_empty() {
        return Ok(false);
    }
    let order = ordered(version, wanted)?;
    let given = wanted.given;
    let same = |count: usize| version.numbers[..count] == wanted.numbers[..count];
    let is_partial = given < 3;
    Ok(match operator {
        "" | "=" | "~" | "~>" | "^" if given == 0 => true,
        "" | "=" if is_partial => same(given),
        "" | "=" => order.is_eq(),
        "!=" if is_partial => given != 0 && !same(given),
        "!=" => order.is_ne(),
        ">" if is_partial => order.is_gt() && !same(given),
        ">" => order.is_gt(),
        "<" => order.is_lt(),
        ">=" | "=>" => order.is_ge(),
        "<=" | "=<" if is_partial => order.is_le() || same(given),
        "<=" | "=<" => order.is_le(),
        "~" | "~>" => order.is_ge() && same(given.min(2)),
        "^" => order.is_ge() && same(leading(wanted)),
        other => return Err(format!("there is no operator {other}").into()),
    })
}

/// How many numbers `^` keeps: up to the first that is not zero.
fn leading(wanted: &SemanticVersion) -> usize {
    let first = wanted.numbers.iter().position(|number| *number > 0);
    first
        .map_or(wanted.given, |first| first + 1)
        .min(wanted.given.max(1))
}

fn ordered(a: &SemanticVersion, b: &SemanticVersion) -> Result<std::cmp::Ordering, CallError> {
    let numbers = a.numbers.cmp(&b.numbers);
    if numbers.is_ne() || a.pre == b.pre {
        return Ok(numbers);
    }
    match (a.pre.is_empty(), b.pre.is_empty()) {
        (true, false) => Ok(std::cmp::Ordering::Greater),
        (false, true) => Ok(std::cmp::Ordering::Less),
        _ => Err(CallError::gap("the order of two versions before a release")),
    }
}
