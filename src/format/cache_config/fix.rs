//! Writes a cache configuration again so that BuildKit imports it, or so that it is smaller.
//!
//! [`fix`] drops the results that no build can load, the links and records for which BuildKit
//! refuses the whole configuration, and the records that lead to no result. Optionally it also
//! writes equal records and equal layers once. Everything else is written back verbatim.
//! [`super::reach`], which shares no code with this module, proves the result.
//!
//! In a loop of records, the links that lead back are cut, as BuildKit does when it writes a
//! configuration (`cache/remotecache/v1/utils.go`). A record counts as long as each of its inputs
//! has a link to one that counts; no key can match the others.

use super::document::{ConfigDocument, LayerDocument};
use super::import;
use super::reach;
use super::rewrite::RewriteError;
use super::{CacheGraph, LayerIndex, Parent, RecordIndex, ResultLayers};

mod compact;
mod shrink;

use compact::compact;
pub use shrink::may_shrink;

/// A configuration that was written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedConfig {
    /// The text of the new configuration.
    pub text: String,
    /// The counts of dropped parts.
    pub dropped: Dropped,
    /// The records that lost a result, by their index in the old configuration.
    pub losers: Vec<RecordIndex>,
    /// The number of records before and after.
    pub records: (usize, usize),
}

/// The counts of the dropped parts of a configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Results that need a layer which the caller marks as lost.
    pub lost_results: u64,
    /// Results that need a layer which does not exist, or whose parents form a loop.
    pub broken_results: u64,
    /// Results of records that are not reached by a key.
    pub unreached_results: u64,
    /// Links to records that do not exist.
    pub broken_links: u64,
    /// Links that lead back in a loop of records.
    pub loop_links: u64,
    /// Records that are not reached by a key: one of their inputs has no link to a reached record.
    pub unreached_records: u64,
}

impl Dropped {
    /// Returns whether BuildKit refused the configuration because of one of these parts.
    pub fn was_refused(&self) -> bool {
        *self
            != Self {
                lost_results: self.lost_results,
                ..Self::default()
            }
    }
}

/// Writes `text` again without the parts for which BuildKit refuses it, and without results that
/// need a layer for which `is_lost` holds.
///
/// # Errors
/// If the configuration cannot be read, or cannot be written again without losing other parts.
pub fn fix(
    text: &str,
    is_lost: impl Fn(LayerIndex) -> bool,
    is_compacted: bool,
) -> Result<FixedConfig, RewriteError> {
    let graph = CacheGraph::parse(text.as_bytes())?;
    let config: ConfigDocument<'_> =
        serde_json::from_str(text).map_err(|error| RewriteError::Unknown(error.to_string()))?;
    if (config.layers.len(), config.records.len()) != (graph.layers.len(), graph.records.len()) {
        return Err(RewriteError::Unsound("it reads in two ways"));
    }
    let mut work = FixWork::new(&graph, &is_lost);
    work.choose();
    let mut new = work.write(&config)?;
    if is_compacted {
        new = compact(&new);
    }
    let fixed = FixedConfig {
        text: serde_json::to_string(&new)
            .map_err(|error| RewriteError::Unknown(error.to_string()))?,
        dropped: work.dropped,
        losers: work.losers,
        records: (config.records.len(), new.records.len()),
    };
    let written = CacheGraph::parse(fixed.text.as_bytes())?;
    import::simulate(&written, |_| true)?;
    reach::proves_equal(&graph, &written, &is_lost).map_err(RewriteError::Unsound)?;
    Ok(fixed)
}

/// Decides which parts of a configuration are kept.
struct FixWork<'a, L> {
    graph: &'a CacheGraph,
    is_lost: &'a L,
    /// For each layer, whether all layers below exist and none is lost.
    chains: Vec<Chain>,
    /// For each record, when it is reached from the roots, as a counter.
    reached: Vec<Option<u32>>,
    /// For each record its loop: records of one loop have the same number.
    loops: Vec<u32>,
    records: Vec<bool>,
    layers: Vec<bool>,
    dropped: Dropped,
    losers: Vec<RecordIndex>,
}

/// The state of a layer and everything below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chain {
    Unseen,
    Open,
    Whole,
    Lost,
    Broken,
}

impl<'a, L: Fn(LayerIndex) -> bool> FixWork<'a, L> {
    fn new(graph: &'a CacheGraph, is_lost: &'a L) -> Self {
        Self {
            graph,
            is_lost,
            chains: chains(graph, is_lost),
            reached: reached(graph),
            loops: loops(graph),
            records: vec![false; graph.records.len()],
            layers: vec![false; graph.layers.len()],
            dropped: Dropped::default(),
            losers: Vec::new(),
        }
    }

    /// Returns the state of a result.
    fn chain(&self, layers: &ResultLayers) -> Chain {
        match layers {
            ResultLayers::Top(top) => self
                .graph
                .layer_at(*top)
                .map_or(Chain::Broken, |top| self.chains[top.at()]),
            ResultLayers::Chain(list) => {
                let mut worst = Chain::Whole;
                for place in list {
                    match self.graph.layer_at(*place) {
                        None => return Chain::Broken,
                        Some(layer) if (self.is_lost)(layer) => worst = Chain::Lost,
                        Some(_) => {}
                    }
                }
                worst
            }
        }
    }

    /// Returns whether a link of a record is kept.
    fn keeps(&self, record: RecordIndex, target: RecordIndex) -> bool {
        let from = self.reached[record.at()];
        let to = self.reached[target.at()];
        to.is_some() && (self.loops[record.at()] != self.loops[target.at()] || to < from)
    }

    /// Selects the results that stay, the records that lead to them, and the layers that they need.
    fn choose(&mut self) {
        let graph = self.graph;
        let mut open = Vec::new();
        for (index, record) in graph.indexed_records() {
            let is_reached = self.reached[index.at()].is_some();
            self.dropped.unreached_records += u64::from(!is_reached);
            let mut has_result = false;
            let mut loses = false;
            for result in &record.results {
                let counter = match self.chain(&result.layers) {
                    Chain::Whole if is_reached => {
                        has_result = true;
                        self.need(&result.layers);
                        continue;
                    }
                    Chain::Whole => &mut self.dropped.unreached_results,
                    Chain::Lost => &mut self.dropped.lost_results,
                    Chain::Broken | Chain::Open | Chain::Unseen => &mut self.dropped.broken_results,
                };
                *counter += 1;
                loses = true;
            }
            if has_result {
                open.push(index);
            }
            if loses {
                self.losers.push(index);
            }
            for link in graph.inputs(record).flatten() {
                match graph.target(link) {
                    None => self.dropped.broken_links += 1,
                    Some(target)
                        if self.reached[target.at()].is_some()
                            && is_reached
                            && !self.keeps(index, target) =>
                    {
                        self.dropped.loop_links += 1;
                    }
                    Some(_) => {}
                }
            }
        }
        while let Some(index) = open.pop() {
            if std::mem::replace(&mut self.records[index.at()], true) {
                continue;
            }
            for link in graph.inputs(&graph.records[index.at()]).flatten() {
                if let Some(target) = graph.target(link)
                    && self.keeps(index, target)
                    && !self.records[target.at()]
                {
                    open.push(target);
                }
            }
        }
    }

    fn need(&mut self, layers: &ResultLayers) {
        let list = match layers {
            ResultLayers::Top(top) => std::slice::from_ref(top),
            ResultLayers::Chain(list) => list.as_slice(),
        };
        for place in list {
            let mut next = self.graph.layer_at(*place);
            while let Some(layer) = next.filter(|layer| !self.layers[layer.at()]) {
                self.layers[layer.at()] = true;
                // A list does not follow parents, so a missing parent is not needed.
                next = match self.graph.layers[layer.at()].parent {
                    Parent::Layer(below) if self.chains[layer.at()] == Chain::Whole => Some(below),
                    _ => None,
                };
            }
        }
    }

    /// Writes the selected parts.
    fn write<'t>(&self, config: &ConfigDocument<'t>) -> Result<ConfigDocument<'t>, RewriteError> {
        let lost = || RewriteError::Unsound("a place is lost");
        let new_record = places(&self.records);
        let new_layer = places(&self.layers);
        let find = |of: &[Option<i64>], old: i64| {
            usize::try_from(old).ok().and_then(|old| *of.get(old)?)
        };
        let mut new = ConfigDocument::default();
        for (old, layer) in config.layers.iter().enumerate() {
            if !self.layers[old] {
                continue;
            }
            let parent = match self.graph.layers[old].parent {
                Parent::Layer(below) if self.chains[old] == Chain::Whole => {
                    find(&new_layer, below.0.into()).ok_or_else(lost)?
                }
                _ => -1,
            };
            new.layers.push(LayerDocument {
                parent,
                ..layer.clone()
            });
        }
        for (index, old) in (0..).map(RecordIndex).zip(&config.records) {
            if !self.records[index.at()] {
                continue;
            }
            let mut record = old.clone();
            record
                .layers
                .retain(|result| self.chain(&ResultLayers::Top(result.layer)) == Chain::Whole);
            record.chains.retain(|result| {
                self.chain(&ResultLayers::Chain(result.layers.clone())) == Chain::Whole
            });
            for result in &mut record.layers {
                result.layer = find(&new_layer, result.layer).ok_or_else(lost)?;
            }
            for layer in record.chains.iter_mut().flat_map(|chain| &mut chain.layers) {
                *layer = find(&new_layer, *layer).ok_or_else(lost)?;
            }
            for group in record.inputs.iter_mut().flatten() {
                group.retain(|link| {
                    let target = u32::try_from(link.link).ok().map(RecordIndex);
                    let is_there = |target: &RecordIndex| target.at() < self.records.len();
                    target
                        .filter(is_there)
                        .is_some_and(|target| self.keeps(index, target))
                });
                for link in group {
                    link.link = find(&new_record, link.link).ok_or_else(lost)?;
                }
            }
            new.records.push(record);
        }
        Ok(new)
    }
}

/// Follows each layer down, without recursion.
fn chains(graph: &CacheGraph, is_lost: &impl Fn(LayerIndex) -> bool) -> Vec<Chain> {
    let mut known = vec![Chain::Unseen; graph.layers.len()];
    for first in (0..).map(LayerIndex).take(graph.layers.len()) {
        let mut path = Vec::new();
        let mut layer = first;
        let mut end = loop {
            match known[layer.at()] {
                Chain::Unseen => {}
                Chain::Open => break Chain::Broken,
                end => break end,
            }
            known[layer.at()] = Chain::Open;
            path.push(layer);
            match graph.layers[layer.at()].parent {
                Parent::Bottom => break Chain::Whole,
                Parent::Layer(below) => layer = below,
                Parent::OutOfRange(_) => break Chain::Broken,
            }
        };
        for layer in path.into_iter().rev() {
            if end == Chain::Whole && is_lost(layer) {
                end = Chain::Lost;
            }
            known[layer.at()] = end;
        }
    }
    known
}

/// Counts from the roots up: a record is reached once each of its inputs has a link to a record
/// that was reached earlier.
fn reached(graph: &CacheGraph) -> Vec<Option<u32>> {
    let count = graph.records.len();
    let mut users: Vec<Vec<(u32, u32)>> = vec![Vec::new(); count];
    let mut waits: Vec<usize> = Vec::with_capacity(count);
    let mut has: Vec<Vec<bool>> = Vec::with_capacity(count);
    let mut queue = std::collections::VecDeque::new();
    for (index, record) in graph.indexed_records() {
        for (group, links) in (0..).zip(graph.inputs(record)) {
            for target in links.iter().filter_map(|link| graph.target(link)) {
                users[target.at()].push((index.0, group));
            }
        }
        waits.push(record.input_count());
        has.push(vec![false; record.input_count()]);
        if record.input_count() == 0 {
            queue.push_back(index);
        }
    }
    let mut reached = vec![None; count];
    let mut next = 0;
    while let Some(index) = queue.pop_front() {
        reached[index.at()] = Some(next);
        next += 1;
        for (user, group) in &users[index.at()] {
            let user = RecordIndex(*user);
            if !std::mem::replace(&mut has[user.at()][*group as usize], true) {
                waits[user.at()] -= 1;
                if waits[user.at()] == 0 {
                    queue.push_back(user);
                }
            }
        }
    }
    reached
}

/// Gives each record the number of its loop (Tarjan's strongly connected components, without
/// recursion); a record outside of any loop has a number of its own.
fn loops(graph: &CacheGraph) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let count = graph.records.len();
    let targets: Vec<Vec<RecordIndex>> = graph
        .records
        .iter()
        .map(|record| {
            let links = graph.inputs(record).flatten();
            links.filter_map(|link| graph.target(link)).collect()
        })
        .collect();
    let mut order = vec![NONE; count];
    let mut low = vec![NONE; count];
    let mut found = vec![NONE; count];
    let mut on_stack = vec![false; count];
    let mut stack = Vec::new();
    let mut next = 0;
    let mut components = 0;
    for first in (0..).map(RecordIndex).take(count) {
        if order[first.at()] != NONE {
            continue;
        }
        let mut path: Vec<(RecordIndex, usize)> = vec![(first, 0)];
        while let Some((record, place)) = path.last_mut() {
            let at = record.at();
            if *place == 0 {
                order[at] = next;
                low[at] = next;
                next += 1;
                stack.push(at);
                on_stack[at] = true;
            }
            if let Some(target) = targets[at].get(*place) {
                *place += 1;
                if order[target.at()] == NONE {
                    path.push((*target, 0));
                } else if on_stack[target.at()] {
                    low[at] = low[at].min(order[target.at()]);
                }
                continue;
            }
            if low[at] == order[at] {
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    found[member] = components;
                    if member == at {
                        break;
                    }
                }
                components += 1;
            }
            path.pop();
            if let Some((below, _)) = path.last() {
                low[below.at()] = low[below.at()].min(low[at]);
            }
        }
    }
    found
}

fn places(kept: &[bool]) -> Vec<Option<i64>> {
    let mut next = 0..;
    kept.iter()
        .map(|kept| if *kept { next.next() } else { None })
        .collect()
}

#[cfg(test)]
mod tests;
