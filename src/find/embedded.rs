//! Scripts in other files, and the templates in them.

use super::command::{self, CommandContext};
use super::script::{Script, Variant};
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::tree::TreeNode;

/// Variables of the environment of a script.
pub(in crate::find) type Environment = Vec<(String, Vec<Variant>)>;

/// The most values of a part of a text.
const MOST_VALUES: usize = 16;
/// The most parts with several values in a file.
const MOST_PARTS: usize = 500;
/// The start of the names of such parts.
const PART: &str = "CONDITIONAL_PART_";

/// Adds a part with several values to an environment. Returns the variable of the shell that stands
/// for it, or `None` if there are too many.
pub(super) fn part(
    parts: &mut Environment,
    mut values: Vec<Variant>,
    place: TextPlace,
) -> Option<Located> {
    if parts.len() >= MOST_PARTS {
        return None;
    }
    values.truncate(MOST_VALUES);
    let name = format!("{PART}{}", parts.len());
    let text = Located::new(format!("${{{name}}}"), place);
    parts.push((name, values));
    Some(text)
}

/// Returns the values of a text with such parts.
pub(super) fn alternatives(text: &Located, parts: &Environment) -> Vec<Variant> {
    let source = text.as_str();
    let part = source.find(&format!("${{{PART}")).and_then(|start| {
        let end = start + source[start..].find('}')?;
        let name = &source[start + 2..end];
        let (_, values) = parts.iter().find(|(known, _)| known == name)?;
        Some((start, end + 1, values))
    });
    let Some((start, end, values)) = part else {
        return vec![Variant::of(text.clone())];
    };
    let mut variants = Vec::new();
    for tail in alternatives(&text.slice(end, text.len()), parts) {
        for value in values {
            let mut whole = text.slice(0, start);
            whole.push(&value.text);
            whole.push(&tail.text);
            let mut when = value.when.clone();
            when.extend(tail.when.iter().cloned());
            variants.push(Variant {
                when,
                ..Variant::of(whole)
            });
        }
    }
    variants.truncate(MOST_VALUES);
    variants
}

/// Follows a script and declares the caches of its commands.
pub(super) fn run(
    session: &FindSession<'_>,
    source: &Located,
    environment: &Environment,
    around: &CommandContext,
) {
    let mut script = Script::new(session, environment, &around.directory);
    // A script file has no target: the builds in it are found when it is read.
    script.follows_calls = around.target.is_some();
    script.follow(source);
    for invocation in &script.invocations {
        command::declare(session, invocation, around);
    }
}

/// Replaces each `open … close` by the result of `value` for the text between.
pub(super) fn substitute(
    text: &Located,
    open: &str,
    close: &str,
    mut value: impl FnMut(&str, TextPlace) -> Located,
) -> Located {
    let source = text.as_str();
    let mut out = Located::default();
    let mut position = 0;
    while let Some(found) = source[position..].find(open) {
        let start = position + found;
        let inner = start + open.len();
        let Some(length) = source[inner..].find(close) else {
            break;
        };
        out.push(&text.slice(position, start));
        let place = text.place_at(start);
        out.push(&value(source[inner..inner + length].trim(), place).used_at(place));
        position = inner + length + close.len();
    }
    out.push(&text.slice(position, source.len()));
    out
}

/// Adds the scalar entries of a map to an environment; later entries win.
pub(super) fn extend(
    environment: &mut Environment,
    node: Option<TreeNode<'_>>,
    mut value: impl FnMut(&Located) -> Located,
) {
    for (name, entry) in node.into_iter().flat_map(TreeNode::entries) {
        let nested = entry.get("value").or_else(|| entry.get("default"));
        let Some(text) = entry.text().or_else(|| nested.and_then(TreeNode::text)) else {
            continue;
        };
        put(environment, name.as_str(), value(text));
    }
}

/// Sets one variable.
pub(super) fn put(environment: &mut Environment, name: &str, text: Located) {
    put_all(environment, name, vec![Variant::of(text)]);
}

/// Sets one variable that may have several values.
pub(super) fn put_all(environment: &mut Environment, name: &str, values: Vec<Variant>) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.to_owned(), values));
}

/// Returns the value of a variable.
pub(super) fn get(environment: &Environment, name: &str) -> Option<Located> {
    let (_, variants) = environment.iter().rfind(|(known, _)| known == name)?;
    variants.first().map(|variant| variant.text.clone())
}

/// Joins commands of a list into one script.
pub(super) fn joined<'l>(commands: impl IntoIterator<Item = &'l Located>) -> Located {
    let mut script = Located::default();
    for command in commands {
        script.push(command);
        script.push_str("\n", command.place_at(command.len()));
    }
    script
}

/// Replaces `$NAME` and `${NAME}` by variables of an environment, as CI systems do.
pub(super) fn expanded(
    session: &FindSession<'_>,
    text: &Located,
    environment: &Environment,
) -> Located {
    let mut current = text.clone();
    for _ in 0..5 {
        if !current.as_str().contains('$') {
            return current;
        }
        let lookup = |name: &str| get(environment, name).map(|value| value.as_str().to_owned());
        let next = crate::format::compose::interpolate(&current, &lookup, Some(&session.unknowns));
        let next = next.unwrap_or_else(|_| current.clone());
        if next == current || next.len() > 1 << 16 {
            return next;
        }
        current = next;
    }
    current
}
