//! Decides which records are steps, which are further keys of a step, and which are neither.

use std::collections::HashMap;

use super::super::cache::{RecordKind, RefCache};
use super::{label, step_label};
use crate::format::cache_config::RecordIndex;
use crate::format::digest::DigestText;
use crate::inventory::labels::{Labels, RecordLabel};

/// The role of each record, by index.
pub(super) struct Folded {
    /// The record whose row represents it; itself, if it has its own row.
    pub row_of: Vec<RecordIndex>,
    /// Whether it is the key of file content, which is not a step.
    pub hidden: Vec<bool>,
}

impl Folded {
    /// Returns whether a record has its own row.
    pub(super) fn is_step(&self, record: RecordIndex) -> bool {
        self.row_of[record.at()] == record && !self.hidden[record.at()]
    }
}

pub(super) fn fold(cache: &RefCache, labels: &Labels) -> Folded {
    let hidden = content_keys(cache, labels);
    let mut row_of: Vec<RecordIndex> = cache
        .graph
        .indexed_records()
        .map(|(index, _)| index)
        .collect();
    fold_sources(cache, labels, &hidden, &mut row_of);
    fold_twins(cache, labels, &mut row_of);
    Folded { row_of, hidden }
}

/// Returns which roots are keys of content.
///
/// The format uses one form for the key of a source and for the key of files, so this function
/// looks at how they are used. A step that copies from another step links to it with a selector,
/// and also to its content without one. For files of the build context there is only the content.
/// Only a first input, which a step builds on, has no such content key.
/// step stands on, its first input, has no content key of that kind.
fn content_keys(cache: &RefCache, labels: &Labels) -> Vec<bool> {
    let graph = &cache.graph;
    let mut used_as_content = vec![false; graph.records.len()];
    let mut used_as_source = vec![false; graph.records.len()];
    for (index, record) in graph.indexed_records() {
        let copies_to_nothing =
            record.input_count() == 1 && step_label(labels, index).is_some_and(is_copy);
        for (place, links) in graph.inputs(record).enumerate() {
            let is_content =
                place > 0 || copies_to_nothing || links.iter().any(|link| link.selector.is_some());
            for link in links {
                let Some(target) = graph.target(link) else {
                    continue;
                };
                let content = link.selector.is_none() && is_content;
                let used = if content {
                    &mut used_as_content
                } else {
                    &mut used_as_source
                };
                used[target.at()] = true;
            }
        }
    }
    let is_content = |index: RecordIndex| {
        let guessed = || used_as_content[index.at()] && !used_as_source[index.at()];
        let is_root = cache.records[index.at()].kind == RecordKind::Root;
        is_root && label(labels, index).map_or_else(guessed, |label| !label.is_step)
    };
    graph
        .indexed_records()
        .map(|(index, _)| is_content(index))
        .collect()
}

fn is_copy(label: &RecordLabel) -> bool {
    ["COPY ", "ADD "].iter().any(|word| {
        label
            .text
            .get(..word.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    })
}

/// Folds the keys of one source into one row: an image has a key for its digest and a key for its
/// content, and every step on it links to both.
fn fold_sources(cache: &RefCache, labels: &Labels, hidden: &[bool], row_of: &mut [RecordIndex]) {
    for record in &cache.graph.records {
        let Some(links) = cache.graph.input(record, 0) else {
            continue;
        };
        let sources = links
            .iter()
            .filter(|link| link.selector.is_none())
            .filter_map(|link| cache.graph.target(link));
        let mut first: Option<RecordIndex> = None;
        for source in sources {
            if cache.records[source.at()].kind != RecordKind::Root || hidden[source.at()] {
                continue;
            }
            let row = find(row_of, source);
            match first {
                None => first = Some(row),
                Some(first) if first == row => {}
                Some(other) => {
                    // A named key represents the others.
                    let rank = |index: RecordIndex| (step_label(labels, index).is_none(), index);
                    let (row, twin) = if rank(row) < rank(other) {
                        (row, other)
                    } else {
                        (other, row)
                    };
                    row_of[twin.at()] = row;
                    first = Some(row);
                }
            }
        }
    }
    for place in 0..row_of.len() {
        row_of[place] = find(row_of, row_of[place]);
    }
}

/// Finds the representative of a record, and shortens the path to it.
fn find(row_of: &mut [RecordIndex], mut record: RecordIndex) -> RecordIndex {
    while row_of[record.at()] != record {
        row_of[record.at()] = row_of[row_of[record.at()].at()];
        record = row_of[record.at()];
    }
    record
}

/// Folds records that are only another key of a step into the row of that step.
///
/// With a name, these are all keys of one instruction apart from the record with its result: a
/// `COPY --link` has two. Without a name, these are keys that earlier builds left of an operation
/// that now has a result. A key that a record with a result builds on stays, because it belongs to
/// another step.
/// story.
fn fold_twins(cache: &RefCache, labels: &Labels, row_of: &mut [RecordIndex]) {
    let graph = &cache.graph;
    let has_result = |index: RecordIndex| cache.records[index.at()].result.is_some();
    let operations = || {
        graph
            .indexed_records()
            .filter(|(_, record)| record.input_count() > 0)
    };
    let mut carries = vec![false; graph.records.len()];
    let mut by_operation: HashMap<&DigestText, RecordIndex> = HashMap::new();
    let mut by_words: HashMap<Words<'_>, RecordIndex> = HashMap::new();
    let rank = |index: RecordIndex| {
        (
            has_result(index),
            step_label(labels, index).map(|label| label.certainty),
        )
    };
    for (index, record) in operations() {
        if let Some(words) = words(labels, index) {
            let best = by_words.entry(words).or_insert(index);
            if rank(*best) < rank(index) {
                *best = index;
            }
        }
        if has_result(index) {
            by_operation.entry(&record.digest).or_insert(index);
            let targets = graph
                .inputs(record)
                .flatten()
                .filter_map(|link| graph.target(link));
            targets.for_each(|target| carries[target.at()] = true);
        }
    }
    for (index, record) in operations().filter(|(index, _)| !has_result(*index)) {
        let row = match words(labels, index) {
            Some(words) => by_words.get(&words),
            None if carries[index.at()] => None,
            None => by_operation.get(&record.digest),
        };
        if let Some(row) = row {
            row_of[index.at()] = *row;
        }
    }
}

/// The text and position of a step; two records with equal values are the same step.
type Words<'a> = (&'a str, Option<(&'a str, u32)>);

fn words(labels: &Labels, record: RecordIndex) -> Option<Words<'_>> {
    let label = step_label(labels, record)?;
    let place = label
        .places
        .first()
        .map(|place| (place.file.as_str(), place.first_line));
    Some((&label.text, place))
}
