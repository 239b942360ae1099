//! Finds the step that each record of a cache belongs to.

use super::StepName;
use crate::explain::keys::{ContentKey, StepKeys};
use crate::explain::matching::Matches;
use crate::format::cache_config::{CacheGraph, Record, RecordIndex};
use crate::format::provenance::{Build, StepIndex};
use crate::inventory::labels::Certainty;

/// The relation of a record to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName {
    /// How sure it is.
    pub certainty: Certainty,
    pub step: StepIndex,
    /// The role of the record in the step.
    pub role: RecordRole,
}

/// The role of a record in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordRole {
    /// It is the key of one of the step's outputs.
    Key {
        /// The number of the output.
        output: u32,
    },
    /// It is the content of the files of one input that the step uses.
    Files {
        /// The index of the input.
        input: usize,
    },
}

impl RecordName {
    /// Returns the name as text, given the names of the steps.
    pub fn text(&self, steps: &[StepName]) -> String {
        let step = steps
            .get(self.step.at())
            .map(|name| name.text.as_str())
            .unwrap_or_default();
        match self.role {
            RecordRole::Key { .. } => step.to_owned(),
            RecordRole::Files { .. } => format!("files of {step}"),
        }
    }
}

/// Names the records of a cache: for each, its most certain steps, in the order of the steps.
///
/// A record without a name has no relation to this build.
pub fn of_records(
    build: &Build,
    keys: &[StepKeys],
    graph: &CacheGraph,
    matches: &Matches,
) -> Vec<Vec<RecordName>> {
    let mut names: Vec<Vec<RecordName>> = vec![Vec::new(); graph.records.len()];
    for (at, records) in matches.iter() {
        for &(record, certainty) in records {
            names[record.at()].push(RecordName {
                certainty,
                step: at.step,
                role: RecordRole::Key { output: at.output },
            });
        }
    }
    names.iter_mut().for_each(keep_surest);
    // The records below the named ones: sources with unknown keys, and the content of files.
    let mut roots = Vec::new();
    for (record, names) in graph.records.iter().zip(&names) {
        roots.extend(
            names
                .iter()
                .flat_map(|name| roots_below(build, keys, graph, matches, record, name)),
        );
    }
    for (root, name) in roots {
        names[root.at()].push(name);
    }
    names.iter_mut().for_each(keep_surest);
    names
}

fn keep_surest(names: &mut Vec<RecordName>) {
    if let Some(surest) = names.iter().map(|name| name.certainty).max() {
        names.retain(|name| name.certainty == surest);
        names.sort_unstable();
        names.dedup();
    }
}

/// Names the roots that a record of a step links to, as far as its inputs identify them.
fn roots_below(
    build: &Build,
    keys: &[StepKeys],
    graph: &CacheGraph,
    matches: &Matches,
    record: &Record,
    name: &RecordName,
) -> Vec<(RecordIndex, RecordName)> {
    let mut found = Vec::new();
    let (RecordRole::Key { .. }, Some(step), Some(keys)) =
        (name.role, build.step(name.step), keys.get(name.step.at()))
    else {
        return found;
    };
    for (place, ((links, &input), uses)) in graph
        .inputs(record)
        .zip(&step.inputs)
        .zip(&keys.inputs)
        .enumerate()
    {
        let is_root_step = build
            .step(input.step)
            .is_some_and(|below| below.inputs.is_empty());
        for link in links {
            let Some(root) = graph
                .target(link)
                .filter(|root| graph.records[root.at()].input_count() == 0)
            else {
                continue;
            };
            let is_files = link.selector.is_none() && uses.content != ContentKey::Never;
            let (step, role) = match is_files {
                true => (name.step, RecordRole::Files { input: place }),
                false if is_root_step => (
                    input.step,
                    RecordRole::Key {
                        output: input.output,
                    },
                ),
                false => continue,
            };
            // A root next to a key of a source is another key of the same source: an image has two.
            let certainty = matches
                .link(graph, link, input, uses)
                .unwrap_or(Certainty::Assumed);
            found.push((
                root,
                RecordName {
                    certainty: certainty.min(name.certainty),
                    step,
                    role,
                },
            ));
        }
    }
    found
}
