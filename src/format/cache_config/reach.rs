//! Proves that two cache configurations lead to the same results by the same keys.
//!
//! A key path is a record with one link for each of its inputs, and so on down to the roots. A
//! record *covers* one of the other configuration if both have the same digest and if, at each
//! input, for each link of the covered record the covering one has a link with the same selector to
//! a record that covers the linked one. Then every key path to the covered record leads to the
//! covering one too. A new configuration is sound if each record with a result is covered by one
//! with the same result, in both directions: no hit is lost, and no hit is added.
//!
//! If BuildKit refuses the old configuration, there are no hits to lose. Records that no key
//! reaches, and links among records in loops, need no proof.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{CacheGraph, LayerIndex, Link, Parent, Record, RecordIndex, ResultLayers};
use crate::format::digest::DigestText;

/// The most comparisons of links; only a hostile configuration needs more.
const MOST_STEPS: u64 = 200_000_000;

/// Proves that `new` leads to the same results as `old` by the same keys, except for results that
/// need a layer of `old` for which `is_lost` holds.
///
/// # Errors
/// The property that does not hold.
pub fn proves_equal(
    old: &CacheGraph,
    new: &CacheGraph,
    is_lost: &impl Fn(LayerIndex) -> bool,
) -> Result<(), &'static str> {
    let mut chains = HashMap::new();
    let old = ReachSide::new(old, is_lost, &mut chains);
    let new = ReachSide::new(new, &|_| false, &mut chains);
    if !new.is_plain() {
        return Err("it contains records that no key reaches, or a loop");
    }
    let mut steps = MOST_STEPS;
    if !is_covered(&old, &new, &mut steps)? {
        return Err("a result is lost, or a key that led to it");
    }
    if !is_covered(&new, &old, &mut steps)? {
        return Err("a result is found by a key that did not lead to it");
    }
    Ok(())
}

/// A result: the number of its chain of blobs, and its time.
type Content = (u32, Option<Timestamp>);

/// Chains of blobs by number: the top blob and the number of the chain below it.
type Chains<'a> = HashMap<(&'a DigestText, Option<u32>), u32>;

struct ReachSide<'a> {
    graph: &'a CacheGraph,
    /// Whether a key reaches each record.
    reached: Vec<bool>,
    /// Whether each record may be in a loop.
    loops: Vec<bool>,
    /// The results of each record that can be loaded.
    results: Vec<Vec<Content>>,
    /// The records that link to one, at which input and with which selector.
    users: HashMap<(u32, usize, Option<&'a DigestText>), Vec<RecordIndex>>,
    roots: HashMap<&'a DigestText, Vec<RecordIndex>>,
}

impl<'a> ReachSide<'a> {
    fn new(
        graph: &'a CacheGraph,
        is_lost: &impl Fn(LayerIndex) -> bool,
        chains: &mut Chains<'a>,
    ) -> Self {
        let numbers = chain_numbers(graph, is_lost, chains);
        let reached = what_keys_reach(graph);
        let results = graph.indexed_records().map(|(index, record)| {
            let is_reached = reached[index.at()];
            let results = record.results.iter().filter(|_| is_reached);
            results
                .filter_map(|result| {
                    let number = match &result.layers {
                        ResultLayers::Top(top) => numbers[graph.layer_at(*top)?.at()]?,
                        ResultLayers::Chain(list) => listed_number(graph, list, is_lost, chains)?,
                    };
                    Some((number, result.created))
                })
                .collect()
        });
        let results = results.collect();
        let mut side = Self {
            graph,
            loops: may_loop(graph, &reached),
            reached,
            results,
            users: HashMap::new(),
            roots: HashMap::new(),
        };
        for (index, record) in graph.indexed_records() {
            if record.input_count() == 0 {
                side.roots.entry(&record.digest).or_default().push(index);
            }
            for (input, links) in graph.inputs(record).enumerate() {
                for link in links {
                    if let Some(target) = graph.target(link) {
                        let key = (target.0, input, link.selector.as_ref());
                        side.users.entry(key).or_default().push(index);
                    }
                }
            }
        }
        side
    }

    /// Returns whether every record is reached and none is in a loop.
    fn is_plain(&self) -> bool {
        self.reached.iter().all(|reached| *reached) && !self.loops.contains(&true)
    }

    /// Returns the target of a link if a key path may use it.
    fn follow(&self, from: RecordIndex, link: &Link) -> Option<RecordIndex> {
        let target = self.graph.target(link)?;
        let is_loop = self.loops[from.at()] && self.loops[target.at()];
        (self.reached[target.at()] && !is_loop).then_some(target)
    }
}

/// Returns whether each record of `from` with a result is covered by one of `to` that has it.
fn is_covered(
    from: &ReachSide<'_>,
    to: &ReachSide<'_>,
    steps: &mut u64,
) -> Result<bool, &'static str> {
    let mut covers: Vec<Vec<RecordIndex>> = vec![Vec::new(); from.graph.records.len()];
    for index in below_first(from) {
        let record = &from.graph.records[index.at()];
        let mut found = Vec::new();
        for candidate in candidates(from, to, &covers, index, record, steps)? {
            if covers_it(from, to, &covers, (index, candidate), steps)? {
                found.push(candidate);
            }
        }
        found.sort_unstable();
        found.dedup();
        let is_there = |result: &Content| {
            let mut all = found.iter().flat_map(|other| &to.results[other.at()]);
            all.any(|other| other == result)
        };
        if !from.results[index.at()].iter().all(is_there) {
            return Ok(false);
        }
        covers[index.at()] = found;
    }
    Ok(true)
}

/// Returns the records that may cover one.
fn candidates(
    from: &ReachSide<'_>,
    to: &ReachSide<'_>,
    covers: &[Vec<RecordIndex>],
    index: RecordIndex,
    record: &Record,
    steps: &mut u64,
) -> Result<Vec<RecordIndex>, &'static str> {
    let alike = |other: &RecordIndex| {
        let other = &to.graph.records[other.at()];
        other.digest == record.digest && other.input_count() == record.input_count()
    };
    if record.input_count() == 0 {
        return Ok(to.roots.get(&record.digest).cloned().unwrap_or_default());
    }
    for (input, links) in from.graph.inputs(record).enumerate() {
        let mut links = links.iter();
        let first = links.find_map(|link| Some((link, from.follow(index, link)?)));
        let Some((link, target)) = first else {
            continue;
        };
        let mut found = Vec::new();
        for below in &covers[target.at()] {
            let key = (below.0, input, link.selector.as_ref());
            let users = to.users.get(&key).map_or(&[][..], Vec::as_slice);
            take(steps, users.len())?;
            found.extend(users.iter().copied().filter(alike));
        }
        found.sort_unstable();
        found.dedup();
        return Ok(found);
    }
    // All of its links are in loops.
    take(steps, to.graph.records.len())?;
    let all = (0..).map(RecordIndex).take(to.graph.records.len());
    Ok(all.filter(alike).collect())
}

/// Subtracts from the remaining steps.
fn take(steps: &mut u64, count: usize) -> Result<(), &'static str> {
    *steps = steps
        .checked_sub(count as u64)
        .ok_or("it is too tangled to be proved")?;
    Ok(())
}

fn covers_it(
    from: &ReachSide<'_>,
    to: &ReachSide<'_>,
    covers: &[Vec<RecordIndex>],
    (index, other): (RecordIndex, RecordIndex),
    steps: &mut u64,
) -> Result<bool, &'static str> {
    let record = &from.graph.records[index.at()];
    let groups = from.graph.inputs(record);
    for (links, others) in groups.zip(to.graph.inputs(&to.graph.records[other.at()])) {
        for link in links {
            let Some(target) = from.follow(index, link) else {
                continue;
            };
            take(steps, others.len())?;
            let is_same = |candidate: &Link| {
                candidate.selector == link.selector
                    && to
                        .graph
                        .target(candidate)
                        .is_some_and(|to| covers[target.at()].binary_search(&to).is_ok())
            };
            if !others.iter().any(is_same) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Returns the records that a key reaches, each after the records that it links to.
fn below_first(side: &ReachSide<'_>) -> Vec<RecordIndex> {
    let count = side.graph.records.len();
    let mut order = Vec::with_capacity(count);
    let mut is_done = vec![false; count];
    for first in (0..).map(RecordIndex).take(count) {
        let mut open = vec![(first, false)];
        while let Some((index, is_ready)) = open.pop() {
            if is_done[index.at()] || !side.reached[index.at()] {
                continue;
            }
            if is_ready {
                is_done[index.at()] = true;
                order.push(index);
                continue;
            }
            open.push((index, true));
            let links = side.graph.inputs(&side.graph.records[index.at()]).flatten();
            let targets = links.filter_map(|link| side.follow(index, link));
            open.extend(
                targets
                    .filter(|target| !is_done[target.at()])
                    .map(|target| (target, false)),
            );
        }
    }
    order
}

/// Returns for each record whether a key reaches it: each of its inputs has a link to a reached
/// record.
fn what_keys_reach(graph: &CacheGraph) -> Vec<bool> {
    let mut reached = vec![false; graph.records.len()];
    let mut users: HashMap<RecordIndex, Vec<(RecordIndex, usize)>> = HashMap::new();
    let mut open = Vec::new();
    for (index, record) in graph.indexed_records() {
        for (input, links) in graph.inputs(record).enumerate() {
            for target in links.iter().filter_map(|link| graph.target(link)) {
                users.entry(target).or_default().push((index, input));
            }
        }
        if record.input_count() == 0 {
            open.push(index);
        }
    }
    let mut met: HashMap<RecordIndex, HashSet<usize>> = HashMap::new();
    while let Some(index) = open.pop() {
        if std::mem::replace(&mut reached[index.at()], true) {
            continue;
        }
        for (user, input) in users.remove(&index).unwrap_or_default() {
            let inputs = met.entry(user).or_default();
            if inputs.insert(input) && inputs.len() == graph.records[user.at()].input_count() {
                open.push(user);
            }
        }
    }
    reached
}

/// Returns for each record whether it may be in a loop, or between two: these remain when records
/// without links, and records without users, are removed repeatedly.
fn may_loop(graph: &CacheGraph, reached: &[bool]) -> Vec<bool> {
    let mut left = reached.to_vec();
    let mut below = vec![Vec::new(); left.len()];
    let mut above = vec![Vec::new(); left.len()];
    for (index, record) in graph.indexed_records() {
        for link in graph.inputs(record).flatten() {
            if let Some(target) = graph.target(link)
                && reached[index.at()]
                && reached[target.at()]
            {
                below[index.at()].push(target.at());
                above[target.at()].push(index.at());
            }
        }
    }
    for (out, back) in [(&below, &above), (&above, &below)] {
        let mut degree: Vec<usize> = out
            .iter()
            .map(|targets| targets.iter().filter(|at| left[**at]).count())
            .collect();
        let mut open: Vec<usize> = (0..left.len())
            .filter(|at| left[*at] && degree[*at] == 0)
            .collect();
        while let Some(at) = open.pop() {
            left[at] = false;
            for user in back[at].iter().filter(|user| left[**user]) {
                degree[*user] -= 1;
                if degree[*user] == 0 {
                    open.push(*user);
                }
            }
        }
    }
    left
}

/// Numbers the chain of each layer; `None` for an incomplete chain, or one with a lost layer.
fn chain_numbers<'a>(
    graph: &'a CacheGraph,
    is_lost: &impl Fn(LayerIndex) -> bool,
    chains: &mut Chains<'a>,
) -> Vec<Option<u32>> {
    let mut numbers: Vec<Option<Option<u32>>> = vec![None; graph.layers.len()];
    for first in (0..).map(LayerIndex).take(graph.layers.len()) {
        let mut path = Vec::new();
        let mut next = Some(first);
        // A chain that is longer than the number of layers is a loop.
        while let Some(layer) = next.filter(|layer| numbers[layer.at()].is_none()) {
            if path.len() == graph.layers.len() {
                break;
            }
            path.push(layer);
            next = graph.layers[layer.at()].parent.layer().map(LayerIndex);
        }
        let goes_round = path.len() == graph.layers.len()
            && next.is_some_and(|layer| numbers[layer.at()].is_none());
        for layer in path.into_iter().rev() {
            if numbers[layer.at()].is_some() {
                continue;
            }
            let here = &graph.layers[layer.at()];
            let below = match here.parent {
                _ if goes_round || is_lost(layer) => None,
                Parent::Bottom => Some(None),
                Parent::Layer(below) => numbers[below.at()].flatten().map(Some),
                Parent::OutOfRange(_) => None,
            };
            numbers[layer.at()] = Some(below.map(|below| number(chains, &here.blob, below)));
        }
    }
    numbers.into_iter().map(Option::flatten).collect()
}

fn listed_number<'a>(
    graph: &'a CacheGraph,
    list: &[i64],
    is_lost: &impl Fn(LayerIndex) -> bool,
    chains: &mut Chains<'a>,
) -> Option<u32> {
    let mut below = None;
    for place in list {
        let layer = graph.layer_at(*place).filter(|layer| !is_lost(*layer))?;
        below = Some(number(chains, &graph.layers[layer.at()].blob, below));
    }
    // An empty list is a result too.
    Some(below.unwrap_or(u32::MAX))
}

fn number<'a>(chains: &mut Chains<'a>, blob: &'a DigestText, below: Option<u32>) -> u32 {
    let next = u32::try_from(chains.len()).unwrap_or(u32::MAX - 1);
    *chains.entry((blob, below)).or_insert(next)
}
