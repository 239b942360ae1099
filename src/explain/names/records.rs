//! Which steps the records of a cache belong to.

use super::StepName;
use crate::explain::keys::{ContentKey, StepKeys};
use crate::explain::matching::{Certainty, Matches};
use crate::format::cache_config::{CacheGraph, Record, RecordIndex};
use crate::format::provenance::{Build, StepIndex};

/// What a record has to do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName {
    /// How sure that is.
    pub certainty: Certainty,
    /// The step.
    pub step: StepIndex,
    /// What the record is to it.
    pub role: Role,
}

/// What a record is to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The key of one of its outputs.
    Key {
        /// Which output.
        output: u32,
    },
    /// The content of the files that it uses of one of its inputs.
    Files {
        /// The place of the input.
        input: usize,
    },
}

impl RecordName {
    /// Returns the name in words, given the names of the steps.
    pub fn text(&self, steps: &[StepName]) -> String {
        let step = steps.get(self.step.at()).map(|name| name.text.as_str()).unwrap_or_default();
        match self.role {
            Role::Key { .. } => step.to_owned(),
            Role::Files { .. } => format!("files of {step}"),
        }
    }
}

/// Names the records of a cache: for each, the steps that it belongs to most surely, in the steps' order.
///
/// A record without a name has nothing to do with this build.
pub fn of_records(build: &Build, keys: &[StepKeys], graph: &CacheGraph, matches: &Matches) -> Vec<Vec<RecordName>> {
    let mut names: Vec<Vec<RecordName>> = vec![Vec::new(); graph.records.len()];
    for (at, records) in matches.iter() {
        for &(record, certainty) in records {
            names[record.at()].push(RecordName { certainty, step: at.step, role: Role::Key { output: at.output } });
        }
    }
    names.iter_mut().for_each(keep_surest);
    // What stands below the named records: sources by keys that are not known, and the content of files.
    let mut roots = Vec::new();
    for (record, names) in graph.records.iter().zip(&names) {
        roots.extend(names.iter().flat_map(|name| roots_below(build, keys, graph, matches, record, name)));
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

/// Names the roots that a record of a step links, as far as its inputs tell what they are.
fn roots_below(
    build: &Build,
    keys: &[StepKeys],
    graph: &CacheGraph,
    matches: &Matches,
    record: &Record,
    name: &RecordName,
) -> Vec<(RecordIndex, RecordName)> {
    let mut found = Vec::new();
    let (Role::Key { .. }, Some(step), Some(keys)) = (name.role, build.step(name.step), keys.get(name.step.at()))
    else {
        return found;
    };
    for (place, ((links, &input), uses)) in graph.inputs(record).zip(&step.inputs).zip(&keys.inputs).enumerate() {
        let is_root_step = build.step(input.step).is_some_and(|below| below.inputs.is_empty());
        for link in links {
            let Some(root) = graph.target(link).filter(|root| graph.records[root.at()].input_count() == 0) else {
                continue;
            };
            let is_files = link.selector.is_none() && uses.content != ContentKey::Never;
            let (step, role) = match is_files {
                true => (name.step, Role::Files { input: place }),
                false if is_root_step => (input.step, Role::Key { output: input.output }),
                false => continue,
            };
            // What stands beside a key of a source is another key of it: an image has two.
            let certainty = matches.link(graph, link, input, uses).unwrap_or(Certainty::Assumed);
            found.push((root, RecordName { certainty: certainty.min(name.certainty), step, role }));
        }
    }
    found
}
