//! The attributes of targets and groups, and the types of their values.

use super::BakeError;
use super::read::Named;
use super::value::BakeValue;
use crate::format::located::TextPlace;

/// The attributes of a target that bake knows and this program does not use.
pub(super) const OTHERS: [&str; 16] = [
    "inherits",
    "name",
    "matrix",
    "description",
    "annotations",
    "attest",
    "secret",
    "ssh",
    "output",
    "pull",
    "call",
    "entitlements",
    "resources",
    "policy",
    "group",
    "extra-hosts",
];

/// The attributes of a target that this program uses.
const USED: [&str; 17] = [
    "context",
    "dockerfile",
    "dockerfile-inline",
    "target",
    "network",
    "shm-size",
    "args",
    "labels",
    "contexts",
    "extra-hosts",
    "tags",
    "platforms",
    "no-cache",
    "no-cache-filter",
    "ulimits",
    "cache-from",
    "cache-to",
];

/// Returns whether a target has an attribute.
pub(super) fn is_attribute(name: &str) -> bool {
    USED.contains(&name) || OTHERS.contains(&name)
}

pub(super) fn check_group(block: &Named) -> Result<(), BakeError> {
    for key in ["name", "matrix"] {
        if block.attribute(key).is_some() {
            let message = format!("a group has no {key}");
            return Err(BakeError::new(block.place, message));
        }
    }
    if block.attribute("targets").is_none() {
        return Err(BakeError::new(block.place, "a group needs targets"));
    }
    check_name(&block.name, block.place)
}

pub(super) fn check_name(name: &str, place: TextPlace) -> Result<(), BakeError> {
    let is_valid = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_valid {
        Ok(())
    } else {
        Err(BakeError::new(
            place,
            format!("{name} is no name of a target"),
        ))
    }
}

/// Checks that a value has the type of its attribute. Unknown values have any type.
pub(super) fn check(key: &str, value: &BakeValue, place: TextPlace) -> Result<(), BakeError> {
    let is_text = |value: &BakeValue| value.is_open() || value.to_text().is_some();
    let is_valid = match (key, value) {
        (_, value) if value.is_open() => true,
        (_, BakeValue::Null) => true,
        (
            "inherits" | "tags" | "platforms" | "no-cache-filter" | "ulimits" | "targets"
            | "annotations" | "entitlements",
            value,
        ) => match value {
            BakeValue::List(items) | BakeValue::Set(items) => items.iter().all(is_text),
            _ => false,
        },
        ("args" | "labels" | "extra-hosts", BakeValue::Map(entries)) => entries
            .iter()
            .all(|(_, value)| matches!(value, BakeValue::Null) || is_text(value)),
        ("contexts", BakeValue::Map(entries)) => entries.iter().all(|(_, value)| is_text(value)),
        ("args" | "labels" | "extra-hosts" | "contexts", _) => false,
        ("no-cache" | "pull", value) => value.truth().is_some(),
        ("cache-from" | "cache-to", value) => {
            matches!(value, BakeValue::List(_) | BakeValue::Set(_))
        }
        _ => true,
    };
    if is_valid {
        Ok(())
    } else {
        Err(BakeError::new(place, format!("{key} has another type")))
    }
}
