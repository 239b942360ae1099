//! Sizes of layer chains, for all layers of a configuration at once.
//!
//! Layers form trees, each layer on its parent; a result is a path from a layer to a bottom layer.
//! One walk over the trees computes the size of every path, with each blob counted once. The time
//! is linear in the configuration, however deep the chains are.

use std::collections::{HashMap, HashSet};

use super::{BlobId, LayerDetail, ResultSizes, is_bottom};
use crate::format::cache_config::import::ImportedResult;
use crate::format::cache_config::{CacheGraph, LayerIndex};

pub(super) struct LayerSizes<'a> {
    layers: &'a [LayerDetail],
    by_layer: Vec<ResultSizes>,
    /// The blobs that exactly one record and no other ref uses; `None` if some refs are unknown.
    exclusive: Option<HashSet<BlobId>>,
}

/// The facts that the walk collects about a layer.
#[derive(Clone, Copy, Default)]
struct LayerVisit {
    parent: Option<usize>,
    /// Whether the layer's blob also appears on the path below it.
    repeats: bool,
    /// The number of results with this layer in their chain.
    users: u64,
}

impl<'a> LayerSizes<'a> {
    /// Measures the chains of `graph` for `results`. `is_own` returns whether no other ref has a
    /// blob, if that is known.
    pub(super) fn new<'r>(
        graph: &CacheGraph,
        layers: &'a [LayerDetail],
        results: impl Iterator<Item = &'r ImportedResult>,
        is_own: Option<impl Fn(BlobId) -> bool>,
    ) -> Self {
        let (order, mut visits) = walk(graph, layers);
        let blob_users = count_users(layers, &order, &mut visits, results);
        let exclusive: Option<HashSet<BlobId>> = is_own.map(|is_own| {
            let own = blob_users
                .into_iter()
                .filter(|(blob, users)| *users == 1 && is_own(*blob));
            own.map(|(blob, _)| blob).collect()
        });
        let by_layer = sum_up(layers, &order, &visits, exclusive.as_ref());
        Self {
            layers,
            by_layer,
            exclusive,
        }
    }

    /// Returns the sizes of a result.
    pub(super) fn of(&self, result: &ImportedResult) -> ResultSizes {
        match result {
            ImportedResult::Top(top) => self.by_layer[top.at()],
            ImportedResult::Chain(chain) => {
                let exclusive_bytes = self.exclusive.as_ref().map(|_| 0);
                let mut sizes = ResultSizes {
                    exclusive_bytes,
                    ..ResultSizes::default()
                };
                let mut seen = HashSet::new();
                for layer in chain.iter().map(|layer| &self.layers[layer.at()]) {
                    let bytes = layer.bytes.unwrap_or_default();
                    (sizes.layer_bytes, sizes.depth) = (bytes, sizes.depth + 1);
                    if layer.blob.is_some_and(|blob| !seen.insert(blob)) {
                        continue;
                    }
                    sizes.bytes = sizes.bytes.saturating_add(bytes);
                    if layer
                        .blob
                        .zip(self.exclusive.as_ref())
                        .is_some_and(|(blob, own)| own.contains(&blob))
                    {
                        sizes.exclusive_bytes =
                            sizes.exclusive_bytes.map(|own| own.saturating_add(bytes));
                    }
                }
                sizes
            }
        }
    }
}

/// Counts the records that use each blob, and in `visits` those that use each layer.
fn count_users<'r>(
    layers: &[LayerDetail],
    order: &[usize],
    visits: &mut [LayerVisit],
    results: impl Iterator<Item = &'r ImportedResult>,
) -> HashMap<BlobId, u64> {
    let mut blob_users: HashMap<BlobId, u64> = HashMap::new();
    for result in results {
        match result {
            ImportedResult::Top(top) => visits[top.at()].users += 1,
            ImportedResult::Chain(chain) => {
                let blobs = chain.iter().filter_map(|layer| layers[layer.at()].blob);
                let blobs: HashSet<BlobId> = blobs.collect();
                for blob in blobs {
                    *blob_users.entry(blob).or_default() += 1;
                }
            }
        }
    }
    for &layer in order.iter().rev() {
        let visit = visits[layer];
        if let Some(parent) = visit.parent {
            visits[parent].users += visit.users;
        }
        if !visit.repeats
            && let Some(blob) = layers[layer].blob
        {
            *blob_users.entry(blob).or_default() += visit.users;
        }
    }
    blob_users
}

/// Sums up the sizes of the chains below each layer.
fn sum_up(
    layers: &[LayerDetail],
    order: &[usize],
    visits: &[LayerVisit],
    exclusive: Option<&HashSet<BlobId>>,
) -> Vec<ResultSizes> {
    let nothing = ResultSizes {
        exclusive_bytes: exclusive.map(|_| 0),
        ..ResultSizes::default()
    };
    let mut by_layer = vec![nothing; layers.len()];
    for &layer in order {
        let visit = visits[layer];
        let below = visit.parent.map_or(nothing, |parent| by_layer[parent]);
        let bytes = layers[layer].bytes.unwrap_or_default();
        let added = if visit.repeats { 0 } else { bytes };
        let is_own = layers[layer]
            .blob
            .zip(exclusive)
            .is_some_and(|(blob, own)| own.contains(&blob));
        let own = if is_own { added } else { 0 };
        by_layer[layer] = ResultSizes {
            layer_bytes: bytes,
            bytes: below.bytes.saturating_add(added),
            exclusive_bytes: below.exclusive_bytes.map(|bytes| bytes.saturating_add(own)),
            depth: below.depth + 1,
        };
    }
    by_layer
}

/// Walks the trees from the bottom up. Returns the layers in an order with parents first, and the
/// facts of each visit. Layers in a cycle are on no tree.
fn walk(graph: &CacheGraph, layers: &[LayerDetail]) -> (Vec<usize>, Vec<LayerVisit>) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); layers.len()];
    for (layer, known) in graph.layers.iter().enumerate() {
        if let Some(parent) = known.parent.layer() {
            children[parent as usize].push(layer);
        }
    }
    let mut visits = vec![LayerVisit::default(); layers.len()];
    let mut order = Vec::with_capacity(layers.len());
    let mut on_path: HashSet<BlobId> = HashSet::new();
    // A layer is on the stack once to be entered, and once below its children to be left again.
    let mut stack: Vec<(usize, bool)> = (0..)
        .map(LayerIndex)
        .take(layers.len())
        .filter(|layer| is_bottom(graph, *layer))
        .map(|layer| (layer.at(), true))
        .collect();
    while let Some((layer, enters)) = stack.pop() {
        let blob = layers[layer].blob;
        if !enters {
            if !visits[layer].repeats
                && let Some(blob) = blob
            {
                on_path.remove(&blob);
            }
            continue;
        }
        visits[layer].repeats = blob.is_some_and(|blob| !on_path.insert(blob));
        order.push(layer);
        stack.push((layer, false));
        for &child in &children[layer] {
            visits[child].parent = Some(layer);
            stack.push((child, true));
        }
    }
    (order, visits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layers as (blob, parent); the size of blob N is 10 to the power of N.
    fn measure(layers: &[(u32, i64)], tops: &[u32], shared: &[u32]) -> Vec<(u64, u64)> {
        let text: Vec<String> = layers
            .iter()
            .map(|(_, parent)| format!(r#"{{"blob":"x","parent":{parent}}}"#))
            .collect();
        let graph =
            CacheGraph::parse(format!(r#"{{"layers":[{}]}}"#, text.join(",")).as_bytes()).unwrap();
        let details: Vec<LayerDetail> = layers
            .iter()
            .map(|(blob, _)| LayerDetail {
                blob: Some(BlobId(*blob)),
                media_type: String::new(),
                diff_id: None,
                created: None,
                bytes: Some(10_u64.pow(*blob)),
                is_stored: true,
            })
            .collect();
        let results: Vec<ImportedResult> = tops
            .iter()
            .map(|top| ImportedResult::Top(LayerIndex(*top)))
            .collect();
        let sizes = LayerSizes::new(
            &graph,
            &details,
            results.iter(),
            Some(|blob: BlobId| !shared.contains(&blob.0)),
        );
        let sizes = results.iter().map(|result| sizes.of(result));
        sizes
            .map(|sizes| (sizes.bytes, sizes.exclusive_bytes.unwrap()))
            .collect()
    }

    #[test]
    fn a_chain_counts_each_blob_once() {
        assert_eq!(measure(&[(0, -1), (1, 0), (2, 1)], &[2], &[]), [(111, 111)]);
        assert_eq!(measure(&[(0, -1), (1, 0), (0, 1)], &[2], &[]), [(11, 11)]);
    }

    #[test]
    fn layers_of_two_records_are_exclusive_to_neither() {
        let fork = [(0, -1), (1, 0), (2, 0)];
        assert_eq!(measure(&fork, &[1, 2], &[]), [(11, 10), (101, 100)]);
        assert_eq!(measure(&fork, &[0, 1], &[]), [(1, 0), (11, 10)]);
        // The same blob on two chains.
        assert_eq!(
            measure(&[(1, -1), (0, -1), (1, 1)], &[0, 2], &[]),
            [(10, 0), (11, 1)]
        );
        assert_eq!(measure(&fork, &[1, 2], &[2]), [(11, 10), (101, 0)]);
    }

    #[test]
    fn a_circle_has_no_size() {
        assert_eq!(measure(&[(0, 1), (1, 0)], &[], &[]), []);
    }
}
