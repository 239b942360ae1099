//! The order of the rows: by stage and line if names are known, else along the first input.

use std::collections::BTreeMap;

use super::super::cache::{RecordState, RefCache};
use super::fold::Folded;
use super::{Indent, RowKind, StageRow, StepRow, step_label};
use crate::format::cache_config::RecordIndex;
use crate::inventory::labels::{Labels, RecordLabel};

pub(super) fn rows(cache: &RefCache, labels: &Labels, folded: &Folded) -> Vec<StepRow> {
    let graph = &cache.graph;
    let mut writer = StepWriter {
        rows: Vec::with_capacity(graph.records.len()),
        twins: twins(cache, folded),
    };
    let steps = || {
        graph
            .indexed_records()
            .map(|(index, _)| index)
            .filter(|index| folded.is_step(*index))
    };

    let mut stages: BTreeMap<Option<StageRow>, Vec<RecordIndex>> = BTreeMap::new();
    for index in steps() {
        let Some(label) = step_label(labels, index) else {
            continue;
        };
        // A base image is not part of the stages on top of it.
        let is_base = graph.records[index.at()].input_count() == 0;
        let stage = if is_base { None } else { stage(label) };
        stages.entry(stage).or_default().push(index);
    }
    for (stage, mut members) in stages {
        members.sort_by_key(|index| (step_label(labels, *index).and_then(line), *index));
        match stage {
            Some(stage) => writer.group(RowKind::Stage(stage), |writer| {
                for index in members {
                    writer.step(index, Indent::at(1));
                }
            }),
            None => {
                for index in members {
                    writer.step(index, Indent::at(0));
                }
            }
        }
    }

    let forest = Forest::new(cache, folded, |index| step_label(labels, index).is_none());
    if writer.rows.is_empty() {
        forest.write(&mut writer, Indent::at(0));
    } else if !forest.tops.is_empty() {
        writer.group(RowKind::Unnamed, |writer| {
            forest.write(writer, Indent::at(1));
        });
    }
    writer.rows
}

fn stage(label: &RecordLabel) -> Option<StageRow> {
    let stage = label.places.first()?.stage.as_ref()?;
    Some(StageRow {
        index: stage.index,
        name: stage.to_string(),
    })
}

fn line(label: &RecordLabel) -> Option<u32> {
    label.places.first().map(|place| place.first_line)
}

/// Returns, for each record, the other records that share its row.
fn twins(cache: &RefCache, folded: &Folded) -> Vec<Vec<RecordIndex>> {
    let mut twins = vec![Vec::new(); cache.graph.records.len()];
    for (index, _) in cache.graph.indexed_records() {
        let row = folded.row_of[index.at()];
        if row != index {
            twins[row.at()].push(index);
        }
    }
    twins
}

struct StepWriter {
    rows: Vec<StepRow>,
    twins: Vec<Vec<RecordIndex>>,
}

impl StepWriter {
    /// Writes a header and its members.
    fn group(&mut self, kind: RowKind, members: impl FnOnce(&mut Self)) {
        let header = self.rows.len();
        self.rows.push(StepRow {
            kind,
            indent: Indent::at(0),
            twins: 0,
            below: 0,
        });
        members(self);
        self.close(header);
    }

    fn step(&mut self, index: RecordIndex, indent: Indent) {
        let twins = std::mem::take(&mut self.twins[index.at()]);
        self.rows.push(StepRow {
            kind: RowKind::Step(index),
            indent,
            twins: count(twins.len()),
            below: 0,
        });
        let inside = Indent {
            begins: false,
            ..indent.branch(true)
        };
        let twin = |index| StepRow {
            kind: RowKind::Twin(index),
            indent: inside,
            twins: 0,
            below: 0,
        };
        self.rows.extend(twins.into_iter().map(twin));
    }

    /// Puts all rows written since `place` below the row at that index.
    fn close(&mut self, place: usize) {
        self.rows[place].below = count(self.rows.len() - place - 1) - self.rows[place].twins;
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The steps as a forest: each step has at most one parent, without cycles.
struct Forest {
    tops: Vec<RecordIndex>,
    children: Vec<Vec<RecordIndex>>,
}

impl Forest {
    fn new(cache: &RefCache, folded: &Folded, is_member: impl Fn(RecordIndex) -> bool) -> Self {
        let graph = &cache.graph;
        let members: Vec<RecordIndex> = graph
            .indexed_records()
            .map(|(index, _)| index)
            .filter(|index| folded.is_step(*index) && is_member(*index))
            .collect();
        let mut parents: Vec<Option<RecordIndex>> = vec![None; graph.records.len()];
        for &index in &members {
            let links = graph
                .input(&graph.records[index.at()], 0)
                .unwrap_or_default();
            parents[index.at()] = links
                .iter()
                .filter_map(|link| graph.target(link))
                .filter(|target| !folded.hidden[target.at()])
                .map(|target| folded.row_of[target.at()])
                .filter(|parent| *parent != index && is_member(*parent))
                .min_by_key(|parent| {
                    (
                        cache.records[parent.at()].state != RecordState::Result,
                        *parent,
                    )
                });
        }
        open_circles(&members, &mut parents);

        let mut forest = Self {
            tops: Vec::new(),
            children: vec![Vec::new(); graph.records.len()],
        };
        for index in members {
            match parents[index.at()] {
                Some(parent) => forest.children[parent.at()].push(index),
                None => forest.tops.push(index),
            }
        }
        // In the order in which a build created them. Records without a time come last, but sources
        // come first.
        let is_root = |index: &RecordIndex| graph.records[index.at()].input_count() == 0;
        let order = |index: &RecordIndex| {
            let created = cache.records[index.at()].created;
            (!is_root(index), created.is_none(), created, *index)
        };
        // An image that is only a source of copied files comes after the images that steps build
        // on.
        forest.tops.sort_by_key(|top| {
            (
                is_root(top) && forest.children[top.at()].is_empty(),
                order(top),
            )
        });
        forest
            .children
            .iter_mut()
            .for_each(|children| children.sort_by_key(order));
        forest
    }

    /// Writes the steps from the bases upward. Uses an explicit stack, because the depth is
    /// unlimited.
    fn write(&self, writer: &mut StepWriter, indent: Indent) {
        enum Task {
            Enter(RecordIndex, Indent),
            Close(usize),
        }
        let mut stack: Vec<Task> = self
            .tops
            .iter()
            .rev()
            .map(|index| Task::Enter(*index, indent))
            .collect();
        while let Some(task) = stack.pop() {
            let (index, indent) = match task {
                Task::Enter(index, indent) => (index, indent),
                Task::Close(place) => {
                    writer.close(place);
                    continue;
                }
            };
            let place = writer.rows.len();
            writer.step(index, indent);
            match self.children[index.at()].as_slice() {
                [] => {}
                [next] => stack.push(Task::Enter(*next, indent.next())),
                [others @ .., last] => {
                    stack.push(Task::Close(place));
                    stack.push(Task::Enter(*last, indent.branch(true)));
                    stack.extend(
                        others
                            .iter()
                            .rev()
                            .map(|index| Task::Enter(*index, indent.branch(false))),
                    );
                }
            }
        }
    }
}

/// Removes the parent of one record in every cycle: the one at which the walk returns to itself.
fn open_circles(members: &[RecordIndex], parents: &mut [Option<RecordIndex>]) {
    // The walk that saw each record first.
    let mut seen: Vec<Option<RecordIndex>> = vec![None; parents.len()];
    for &start in members {
        let mut record = start;
        while seen[record.at()].is_none() {
            seen[record.at()] = Some(start);
            match parents[record.at()] {
                Some(parent) if seen[parent.at()] == Some(start) => parents[record.at()] = None,
                Some(parent) => record = parent,
                None => {}
            }
        }
    }
}
