//! Finds the changed part of an operation from the plain text that a daemon kept behind the keys of
//! a cache. No evidence of an earlier build is needed: a cached operation in the place of a changed
//! one shows the change.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::{CausePart, ComparedBuild, own};
use crate::explain::keys::{self, root};
use crate::explain::names::debug::operation;
use crate::format::cache_debug::{CacheDebug, Plain};
use crate::format::digest::Digest;
use crate::format::llb::OpKind;
use crate::format::provenance::StepIndex;
use crate::inventory::cache::RefCache;

/// Returns the texts of the cached operations that no step of the build has.
pub(super) fn left_over<'a>(
    debug: &'a [CacheDebug],
    caches: &[&RefCache],
    now: &ComparedBuild<'_>,
) -> BTreeSet<&'a str> {
    let digests = now.keys.iter().flat_map(|keys| &keys.digests);
    let used: HashSet<Digest> = digests
        .flat_map(|key| (0..8).map(move |output| root(key, output)))
        .collect();
    let records = caches
        .iter()
        .flat_map(|cache| &cache.graph.records)
        .filter_map(|record| record.digest.valid());
    let left = records.filter(|digest| !used.contains(digest));
    left.filter_map(
        |digest| match debug.iter().find_map(|debug| debug.of_record(&digest))? {
            Plain::Text(text) => Some(text.as_str()),
            _ => None,
        },
    )
    .collect()
}

/// Finds the one operation among `others` that differs from a step's in one part only, and returns
/// the difference. Empty if several do, or none: then the earlier operation is unknown.
pub(super) fn change(
    now: &ComparedBuild<'_>,
    step: StepIndex,
    others: &BTreeSet<&str>,
) -> Vec<CausePart> {
    let text = now
        .build
        .step(step)
        .and_then(|of| keys::preimage(now.build, of));
    let Some(text) = text else { return Vec::new() };
    let Some(other) = nearest(&text, others) else {
        return Vec::new();
    };
    match (operation(&text), operation(other)) {
        // Variables that the Dockerfile does not set come from an image.
        (Some(OpKind::Exec(is)), Some(OpKind::Exec(was))) => {
            own::exec(now, now.build, &is, &was, false, true)
        }
        (Some(OpKind::File(is)), Some(OpKind::File(was))) => {
            let mut changes = is
                .actions
                .0
                .iter()
                .zip(&was.actions.0)
                .map(|(is, was)| own::file(is, was, false, None));
            let found = changes.find(|parts| !parts.is_empty());
            found.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Returns the only operation among `others` that differs from `text` in one part.
fn nearest<'a>(text: &str, others: &BTreeSet<&'a str>) -> Option<&'a str> {
    let parts = parts(text)?;
    let differs_in_one = |other: &&&str| {
        self::parts(other).is_some_and(|theirs| {
            let names: BTreeSet<&String> = parts.keys().chain(theirs.keys()).collect();
            names
                .into_iter()
                .filter(|name| parts.get(*name) != theirs.get(*name))
                .count()
                == 1
        })
    };
    let mut near = others.iter().filter(differs_in_one);
    let (Some(other), None) = (near.next(), near.next()) else {
        return None;
    };
    Some(other)
}

/// Splits the text of an operation into the parts that people change one at a time.
fn parts(text: &str) -> Option<BTreeMap<String, Value>> {
    let Value::Object(fields) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let mut parts = BTreeMap::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("Exec", Value::Object(exec)) => {
                for (name, value) in exec {
                    match value {
                        Value::Object(fields) if name == "meta" => {
                            parts.extend(
                                fields
                                    .into_iter()
                                    .map(|(name, value)| (format!("meta {name}"), value)),
                            );
                        }
                        value => {
                            parts.insert(name, value);
                        }
                    }
                }
            }
            ("Actions", Value::Array(actions)) => {
                for (place, action) in actions.into_iter().enumerate() {
                    let action = crate::explain::names::debug::action(&action)?;
                    parts.extend(
                        action
                            .into_iter()
                            .map(|(name, value)| (format!("{place} {name}"), value)),
                    );
                }
            }
            (_, value) => {
                parts.insert(name, value);
            }
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_of_an_operation_has_its_parts() {
        let names = |text: &str| parts(text).map(|parts| parts.into_keys().collect::<Vec<_>>());
        let exec = r#"{"Type":"buildkit.exec.v0","Exec":{"meta":{"args":["a"],"cwd":"/"},"network":1},"OS":"linux"}"#;
        assert_eq!(
            names(exec).unwrap(),
            ["OS", "Type", "meta args", "meta cwd", "network"]
        );
        // {"path":"/app","mode":1}
        let file = r#"{"Type":"buildkit.file.v0","Actions":["eyJwYXRoIjoiL2FwcCIsIm1vZGUiOjF9"]}"#;
        assert_eq!(names(file).unwrap(), ["0 mode", "0 path", "Type"]);
        for text in ["", "[]", r#"{"Actions":["?"]}"#, r#"{"Actions":[1]}"#] {
            assert_eq!(names(text), None, "{text}");
        }
    }
}
