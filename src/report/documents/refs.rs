//! A ref in JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::inventory::{Inventory, RecordCounts, RefEntry};

/// A ref.
#[derive(Debug, Serialize)]
pub struct RefDocument<'a> {
    name: &'a str,
    aliases: &'a [String],
    tagged: bool,
    /// 0 for the current content of the name; previous contents count from 1, the newest first.
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_of: Option<&'a str>,
    digest: Option<String>,
    kind: &'static str,
    bytes: Option<u64>,
    exclusive_bytes: Option<u64>,
    layers: Option<u32>,
    records: Option<u64>,
    results: Option<u64>,
    key_only: Option<u64>,
    broken: Option<u64>,
    missing_blobs: Option<u64>,
    missing_bytes: Option<u64>,
    resized_blobs: Option<u64>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
    last_used: Option<Timestamp>,
    age_from: Option<&'static str>,
    platforms: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    faults: Vec<String>,
}

impl<'a> RefDocument<'a> {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 24] = [
        "name",
        "aliases",
        "tagged",
        "generation",
        "previous_of",
        "digest",
        "kind",
        "bytes",
        "exclusive_bytes",
        "layers",
        "records",
        "results",
        "key_only",
        "broken",
        "missing_blobs",
        "missing_bytes",
        "resized_blobs",
        "created",
        "modified",
        "last_used",
        "age_from",
        "platforms",
        "branch",
        "faults",
    ];

    /// Returns the document of a ref in a complete scan.
    pub fn new(entry: &'a RefEntry, inventory: &Inventory) -> Self {
        // An image without an inline cache is known to have no records; for an unreadable config,
        // the number is unknown.
        let counts = entry.counts();
        let count = |of: fn(RecordCounts) -> u64| counts.map(of);
        let known = (!entry.is_unreadable()).then_some(&entry.sizes);
        let is_named = entry.withheld().is_none() && entry.facts().unread.is_none();
        let lacks = is_named.then_some(&entry.sizes);
        let known_of = |found: u64| inventory.missing(entry.sizes.missing_blobs).map(|_| found);
        Self {
            name: &entry.name,
            aliases: &entry.aliases,
            tagged: entry.tagged,
            generation: entry.facts().generation,
            previous_of: entry.facts().previous_of.as_deref(),
            digest: is_named.then(|| entry.digest().to_string()),
            kind: entry.kind.word(),
            bytes: known.map(|sizes| sizes.bytes),
            exclusive_bytes: known
                .and_then(|sizes| sizes.exclusive_bytes)
                .filter(|_| inventory.may_delete_blobs()),
            layers: known.map(|_| entry.layers),
            records: count(|counts| counts.records),
            results: count(|counts| counts.results),
            key_only: count(|counts| counts.key_only),
            broken: count(|counts| counts.broken),
            missing_blobs: lacks.and_then(|sizes| known_of(sizes.missing_blobs)),
            missing_bytes: lacks.and_then(|sizes| known_of(sizes.missing_bytes)),
            resized_blobs: lacks.and_then(|sizes| inventory.missing(sizes.resized_blobs)),
            created: entry.created.map(|(time, _)| time),
            modified: entry.modified,
            last_used: entry.facts().used,
            age_from: entry.age().map(|(_, from)| from.word()),
            platforms: &entry.platforms,
            branch: entry.facts().branch.as_deref(),
            faults: entry.faults.iter().map(ToString::to_string).collect(),
        }
    }

    /// Removes the numbers that are known only when the scan has ended.
    #[must_use]
    pub fn of_running_scan(self) -> Self {
        Self {
            bytes: None,
            exclusive_bytes: None,
            layers: None,
            missing_blobs: None,
            missing_bytes: None,
            resized_blobs: None,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_every_field_of_the_document() {
        let none: [String; 0] = [];
        let document = RefDocument {
            name: "main~1",
            aliases: &none,
            tagged: true,
            generation: 1,
            previous_of: Some("main"),
            digest: None,
            kind: "cache",
            bytes: None,
            exclusive_bytes: None,
            layers: None,
            records: None,
            results: None,
            key_only: None,
            broken: None,
            missing_blobs: None,
            missing_bytes: None,
            resized_blobs: None,
            created: None,
            modified: None,
            last_used: None,
            age_from: None,
            platforms: &none,
            branch: Some("refs/heads/main"),
            faults: Vec::new(),
        };
        let json = serde_json::to_value(&document).unwrap();
        let all: BTreeSet<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(all, RefDocument::FIELDS.into_iter().collect());
    }
}
