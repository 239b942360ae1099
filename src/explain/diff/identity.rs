//! Finds the records that have the same key, within a configuration and across several.
//!
//! Two records have the same key if their operation is the same and, at every input, some key with
//! the same selector is common to both. BuildKit merges such records on import (`CacheChains.Add`
//! in `cache/remotecache/v1/chains.go`). This module adds the records of several configurations to
//! one such store.

use std::collections::{HashMap, HashSet};

use crate::format::cache_config::{CacheGraph, Record, RecordIndex};
use crate::format::digest::DigestText;

/// How many keys are looked at for one configuration before each record counts as a key of its own.
/// Real ones need a few per record; a hostile one could need their square.
const MOST_LOOKS: usize = 4_000_000;

/// A key, as a number. Two numbers may later be found to mean one key: see [`KeyIds::settled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct KeyId(u32);

/// How a key is used: by which operation, as which of its inputs, and which part of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct KeyUse {
    by: DigestText,
    inputs: usize,
    input: usize,
    selector: Option<DigestText>,
}

/// All keys so far.
#[derive(Default)]
pub(super) struct KeyIds {
    /// For each number, the number that it was merged into; its own if it was not merged.
    merged: Vec<u32>,
    roots: HashMap<DigestText, KeyId>,
    /// For each key, its users.
    users: HashMap<KeyId, HashMap<KeyUse, Vec<KeyId>>>,
}

impl KeyIds {
    /// Adds the records of a configuration and returns their keys, by index. A record in a loop, or
    /// above one, has a key of its own.
    pub(super) fn of_graph(&mut self, graph: &CacheGraph) -> Vec<KeyId> {
        let mut keys: Vec<Option<KeyId>> = vec![None; graph.records.len()];
        let mut looks = MOST_LOOKS;
        for index in above_their_inputs(graph) {
            keys[index.at()] = Some(self.add(graph, &graph.records[index.at()], &keys, &mut looks));
        }
        keys.into_iter()
            .map(|key| key.unwrap_or_else(|| self.new_key()))
            .collect()
    }

    /// Returns the number that represents a key after all mergers.
    pub(super) fn settled(&self, key: KeyId) -> KeyId {
        let mut place = key.0;
        while self.merged[place as usize] != place {
            place = self.merged[place as usize];
        }
        KeyId(place)
    }

    fn new_key(&mut self) -> KeyId {
        // A configuration has fewer than 2^32 records, and so have several of them together.
        let key = u32::try_from(self.merged.len()).unwrap_or(u32::MAX);
        self.merged.push(key);
        KeyId(key)
    }

    fn add(
        &mut self,
        graph: &CacheGraph,
        record: &Record,
        keys: &[Option<KeyId>],
        looks: &mut usize,
    ) -> KeyId {
        if record.input_count() == 0 {
            if let Some(known) = self.roots.get(&record.digest) {
                return *known;
            }
            let key = self.new_key();
            self.roots.insert(record.digest.clone(), key);
            return key;
        }
        let uses: Vec<Vec<(KeyId, KeyUse)>> = graph
            .inputs(record)
            .enumerate()
            .map(|(input, links)| {
                let target = |link| graph.target(link).and_then(|target| keys[target.at()]);
                let found = links
                    .iter()
                    .filter_map(|link| Some((link, self.settled(target(link)?))));
                let by = &record.digest;
                let inputs = record.input_count();
                found
                    .map(|(link, of)| {
                        (
                            of,
                            KeyUse {
                                by: by.clone(),
                                inputs,
                                input,
                                selector: link.selector.clone(),
                            },
                        )
                    })
                    .collect()
            })
            .collect();
        let mut same = self.common(&uses, looks).into_iter();
        let key = same.next().unwrap_or_else(|| self.new_key());
        for other in same {
            self.merge(other, key);
        }
        for (of, how) in uses.into_iter().flatten() {
            let known = self
                .users
                .entry(self.settled(of))
                .or_default()
                .entry(how)
                .or_default();
            if known.last() != Some(&key) {
                known.push(key);
            }
        }
        key
    }

    fn merge(&mut self, other: KeyId, into: KeyId) {
        self.merged[other.0 as usize] = into.0;
        for (how, users) in self.users.remove(&other).unwrap_or_default() {
            self.users
                .entry(into)
                .or_default()
                .entry(how)
                .or_default()
                .extend(users);
        }
    }

    /// Returns the keys that use one of the entries in `uses` at every input.
    fn common<'a>(&'a self, uses: &'a [Vec<(KeyId, KeyUse)>], looks: &mut usize) -> Vec<KeyId> {
        let lists = |uses: &'a [(KeyId, KeyUse)]| {
            uses.iter()
                .filter_map(|(of, how)| self.users.get(of)?.get(how))
        };
        // Start with the input that has the fewest users: mostly nothing remains after it.
        let count = |uses: &'a [(KeyId, KeyUse)]| lists(uses).map(Vec::len).sum::<usize>();
        let mut by_input: Vec<(usize, &[(KeyId, KeyUse)])> =
            uses.iter().map(|uses| (count(uses), &uses[..])).collect();
        by_input.sort_by_key(|(count, _)| *count);
        let mut common: Option<HashSet<KeyId>> = None;
        for (count, uses) in by_input {
            let Some(left) = looks.checked_sub(count) else {
                return Vec::new();
            };
            *looks = left;
            let found = lists(uses).flatten().map(|key| self.settled(*key));
            let both: HashSet<KeyId> = match &common {
                Some(common) => found.filter(|key| common.contains(key)).collect(),
                None => found.collect(),
            };
            if both.is_empty() {
                return Vec::new();
            }
            common = Some(both);
        }
        let mut common: Vec<KeyId> = common.unwrap_or_default().into_iter().collect();
        common.sort_unstable();
        common
    }
}

/// Orders the records of a configuration, each after its inputs. Records in a loop, and those above
/// one, are left out.
fn above_their_inputs(graph: &CacheGraph) -> Vec<RecordIndex> {
    let mut missing = vec![0_usize; graph.records.len()];
    let mut users: Vec<Vec<RecordIndex>> = vec![Vec::new(); graph.records.len()];
    for (index, record) in graph.indexed_records() {
        for target in graph
            .inputs(record)
            .flatten()
            .filter_map(|link| graph.target(link))
        {
            missing[index.at()] += 1;
            users[target.at()].push(index);
        }
    }
    let indexes = (0..).map(RecordIndex).zip(&missing);
    let mut order: Vec<RecordIndex> = indexes
        .filter(|(_, missing)| **missing == 0)
        .map(|(index, _)| index)
        .collect();
    let mut next = 0;
    while let Some(&ready) = order.get(next) {
        next += 1;
        for user in &users[ready.at()] {
            missing[user.at()] -= 1;
            if missing[user.at()] == 0 {
                order.push(*user);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(records: &str) -> CacheGraph {
        CacheGraph::parse(format!(r#"{{"records":[{records}]}}"#).as_bytes()).unwrap()
    }

    fn settled(graphs: &[&CacheGraph]) -> Vec<Vec<KeyId>> {
        let mut keys = KeyIds::default();
        let of_each: Vec<Vec<KeyId>> = graphs.iter().map(|graph| keys.of_graph(graph)).collect();
        of_each
            .into_iter()
            .map(|of| of.into_iter().map(|key| keys.settled(key)).collect())
            .collect()
    }

    #[test]
    fn one_common_link_at_every_input_makes_one_key() {
        let both = graph(
            r#"{"digest":"a"},{"digest":"b"},{"digest":"op","inputs":[[{"link":0},{"link":1}]]}"#,
        );
        let only_b = graph(r#"{"digest":"op","inputs":[[{"link":1}]]},{"digest":"b"}"#);
        let only_c = graph(r#"{"digest":"c"},{"digest":"op","inputs":[[{"link":0}]]}"#);
        let keys = settled(&[&both, &only_b, &only_c]);
        assert_eq!(keys[0][2], keys[1][0]);
        assert_eq!(keys[0][1], keys[1][1]);
        assert_ne!(keys[0][2], keys[2][1]);
    }

    #[test]
    fn keys_differ_by_the_selector_and_position_of_inputs() {
        let keys = settled(&[&graph(
            r#"{"digest":"a"},{"digest":"op","inputs":[[{"link":0}]]},{"digest":"op","inputs":[[{"link":0,"selector":"s"}]]},
               {"digest":"op","inputs":[[{"link":0}],[{"link":0}]]},{"digest":"op","inputs":[[{"link":0}]]}"#,
        )]);
        assert_eq!(keys[0][1], keys[0][4]);
        assert_eq!(keys[0].iter().collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn a_record_with_two_keys_joins_their_dependents() {
        let apart = graph(
            r#"{"digest":"a"},{"digest":"b"},{"digest":"op","inputs":[[{"link":0}]]},{"digest":"op","inputs":[[{"link":1}]]},
               {"digest":"top","inputs":[[{"link":3}]]}"#,
        );
        let joint = graph(
            r#"{"digest":"a"},{"digest":"b"},{"digest":"op","inputs":[[{"link":0},{"link":1}]]},
               {"digest":"top","inputs":[[{"link":2}]]}"#,
        );
        let keys = settled(&[&apart, &joint]);
        assert_eq!(keys[0][2], keys[0][3]);
        assert_eq!(keys[0][4], keys[1][3]);
    }

    #[test]
    fn loops_and_dangling_links_are_tolerated() {
        let keys = settled(&[&graph(
            r#"{"digest":"x","inputs":[[{"link":1}]]},{"digest":"x","inputs":[[{"link":0}]]},{"digest":"x","inputs":[[{"link":9}]]},
               {"digest":"x","inputs":[[]]}"#,
        )]);
        assert_eq!(keys[0].iter().collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn a_hostile_configuration_is_compared_in_bounded_time() {
        // Each has the same record below, with content of its own.
        let record = |n: usize| {
            let content = 2 + 2 * n;
            format!(
                r#"{{"digest":"c{n}"}},{{"digest":"op","inputs":[[{{"link":0}}],[{{"link":{content}}}]]}}"#
            )
        };
        let below = r#"{"digest":"a"},{"digest":"b"}"#.to_owned();
        let records = std::iter::once(below)
            .chain((0..6_000).map(record))
            .collect::<Vec<_>>()
            .join(",");
        let keys = settled(&[&graph(&records)]);
        assert_eq!(keys[0].iter().collect::<HashSet<_>>().len(), keys[0].len());
    }
}
