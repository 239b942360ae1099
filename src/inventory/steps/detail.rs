//! All facts about one step: its inputs, its users, the location of its bytes, and the refs that
//! keep them.

use super::super::cache::{LayerDetail, RefCache};
use super::super::{Inventory, RefId};
use super::{RecordStep, StepTree};
use crate::format::cache_config::{CacheGraph, CacheLayer, LayerIndex, RecordIndex};
use crate::format::digest::DigestText;

/// The maximum number of entries in a list of a detail; the rest are only counted.
const MOST: usize = 100;

/// The beginning of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStart<T> {
    /// The first entries.
    pub items: Vec<T>,
    /// The number of further entries.
    pub more: usize,
}

impl<T> ListStart<T> {
    fn of(mut all: impl Iterator<Item = T>) -> Self {
        let items = all.by_ref().take(MOST).collect();
        Self {
            items,
            more: all.count(),
        }
    }

    /// Returns the total number of entries.
    pub fn count(&self) -> usize {
        self.items.len() + self.more
    }
}

/// The records that link to each record, by any of their inputs.
#[derive(Debug, Clone, Default)]
pub struct StepUsers {
    /// The start of each record's users in `users`; the last element is the end.
    starts: Vec<usize>,
    users: Vec<RecordIndex>,
}

impl StepUsers {
    /// Inverts the links of `graph`.
    pub fn new(graph: &CacheGraph) -> Self {
        let links = || {
            graph.indexed_records().flat_map(|(index, record)| {
                let targets = graph
                    .inputs(record)
                    .flatten()
                    .filter_map(|link| graph.target(link));
                targets.map(move |target| (target, index))
            })
        };
        let mut starts = vec![0; graph.records.len() + 1];
        links().for_each(|(target, _)| starts[target.at() + 1] += 1);
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut users = vec![RecordIndex(0); starts[graph.records.len()]];
        let mut next = starts.clone();
        for (target, user) in links() {
            users[next[target.at()]] = user;
            next[target.at()] += 1;
        }
        Self { starts, users }
    }

    /// Returns the records that link to `record`, each once, in order.
    pub fn of(&self, record: RecordIndex) -> impl Iterator<Item = RecordIndex> {
        let range = self
            .starts
            .get(record.at())
            .zip(self.starts.get(record.at() + 1));
        let users = range
            .map(|(start, end)| &self.users[*start..*end])
            .unwrap_or_default();
        users
            .chunk_by(|one, next| one == next)
            .filter_map(|same| same.first().copied())
    }
}

/// One alternative for an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative<'a> {
    /// The linked record; `None` if the link is dangling.
    pub record: Option<RecordIndex>,
    /// The selector of the part that is used: a hash of paths.
    pub selector: Option<&'a DigestText>,
    /// Whether the record is the key of file content, which no row shows.
    pub is_content: bool,
}

/// All facts about a step.
pub struct StepDetail<'a> {
    pub step: RecordStep<'a>,
    /// The alternatives for each input.
    pub inputs: ListStart<ListStart<Alternative<'a>>>,
    /// The records that use it.
    pub users: ListStart<RecordIndex>,
    /// The layers of its result, from the top down.
    pub chain: ListStart<(LayerIndex, &'a CacheLayer, &'a LayerDetail)>,
    /// The blobs that its result needs and that the store lacks or holds with the wrong size.
    pub missing: ListStart<DigestText>,
    /// The refs that reference the blob of its top layer: the blob stays while one of them does.
    pub kept_by: ListStart<RefId>,
}

impl<'a> StepDetail<'a> {
    /// Collects all facts about `record`; `None` if it is not a record of `cache`.
    pub fn new(
        inventory: &'a Inventory,
        cache: &'a RefCache,
        tree: &'a StepTree,
        users: &StepUsers,
        record: RecordIndex,
    ) -> Option<Self> {
        let step = tree.step(cache, &inventory.blobs, record)?;
        let graph = &cache.graph;
        let alternative = |link: &'a crate::format::cache_config::Link| {
            let record = graph.target(link);
            let is_content =
                record.is_some_and(|record| tree.hidden.binary_search(&record).is_ok());
            Alternative {
                record,
                selector: link.selector.as_ref(),
                is_content,
            }
        };
        let chain = step
            .detail
            .result
            .iter()
            .flat_map(|result| cache.chain(result));
        Some(Self {
            inputs: ListStart::of(
                graph
                    .inputs(step.record)
                    .map(|links| ListStart::of(links.iter().map(alternative))),
            ),
            users: ListStart::of(users.of(record)),
            chain: ListStart::of(
                chain.map(|layer| (layer, &graph.layers[layer.at()], &cache.layers[layer.at()])),
            ),
            missing: ListStart::of(cache.missing_blobs(&inventory.blobs, record).into_iter()),
            kept_by: ListStart::of(
                step.blob()
                    .into_iter()
                    .flat_map(|blob| inventory.refs_of(blob.id()))
                    .map(|(id, _)| id),
            ),
            step,
        })
    }
}
