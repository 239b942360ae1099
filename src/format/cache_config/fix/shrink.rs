//! A cheap test before a configuration is compacted.

use std::collections::HashSet;

use crate::format::cache_config::{CacheGraph, LayerIndex, ResultLayers};

/// Returns whether compaction could find anything to merge or to remove: records with the same key,
/// a record that leads to no result, or a layer that is listed twice or that no result needs.
/// Compaction itself costs more than reading the configuration.
pub fn may_shrink(graph: &CacheGraph) -> bool {
    has_equal_keys(graph) || has_useless_record(graph) || has_spare_layer(graph)
}

fn has_equal_keys(graph: &CacheGraph) -> bool {
    let mut keys = HashSet::new();
    !graph
        .records
        .iter()
        .all(|record| keys.insert(&record.digest))
}

/// Without a loop, each record leads to one that is no input of another.
fn has_useless_record(graph: &CacheGraph) -> bool {
    let mut is_input = vec![false; graph.records.len()];
    for record in &graph.records {
        for link in graph.inputs(record).flatten() {
            if let Some(target) = graph.target(link) {
                is_input[target.at()] = true;
            }
        }
    }
    let mut records = graph.records.iter().zip(is_input);
    records.any(|(record, is_input)| record.results.is_empty() && !is_input)
}

fn has_spare_layer(graph: &CacheGraph) -> bool {
    let mut is_needed = vec![false; graph.layers.len()];
    let results = graph.records.iter().flat_map(|record| &record.results);
    let tops = results.flat_map(|result| match &result.layers {
        ResultLayers::Top(top) => std::slice::from_ref(top),
        ResultLayers::Chain(chain) => chain.as_slice(),
    });
    for top in tops {
        let mut layer = graph.layer_at(*top);
        // The layers below a needed one are needed already.
        while let Some(index) = layer.filter(|index| !is_needed[index.at()]) {
            is_needed[index.at()] = true;
            layer = graph.layers[index.at()].parent.layer().map(LayerIndex);
        }
    }
    let mut blobs = HashSet::new();
    let mut layers = graph.layers.iter().zip(is_needed);
    layers.any(|(layer, is_needed)| !is_needed || !blobs.insert(&layer.blob))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(layers: &str, records: &str) -> CacheGraph {
        let text = format!(r#"{{"layers":[{layers}],"records":[{records}]}}"#);
        CacheGraph::parse(text.as_bytes()).unwrap()
    }

    fn record(key: char, result: Option<u32>, input: Option<u32>) -> String {
        let key = key.to_string().repeat(64);
        let results = result.map_or(String::new(), |layer| {
            format!(r#","layers":[{{"layer":{layer},"createdAt":"2026-01-01T00:00:00Z"}}]"#)
        });
        let inputs = input.map_or(String::new(), |link| {
            format!(r#","inputs":[[{{"link":{link}}}]]"#)
        });
        format!(r#"{{"digest":"sha256:{key}"{results}{inputs}}}"#)
    }

    fn layer(blob: char, parent: i32) -> String {
        let blob = blob.to_string().repeat(64);
        format!(r#"{{"blob":"sha256:{blob}","parent":{parent}}}"#)
    }

    #[test]
    fn only_configurations_that_shrink_are_compacted() {
        let two = format!("{},{}", layer('1', -1), layer('2', 0));
        let root = record('a', None, None);
        let leaf = record('b', Some(1), Some(0));
        assert!(!may_shrink(&graph(&two, &format!("{root},{leaf}"))));
        let useless = record('c', None, Some(0));
        assert!(may_shrink(&graph(
            &two,
            &format!("{root},{leaf},{useless}")
        )));
        let twin = record('b', None, Some(0));
        assert!(may_shrink(&graph(&two, &format!("{root},{leaf},{twin}"))));
        let unused = format!("{two},{}", layer('3', -1));
        assert!(may_shrink(&graph(&unused, &format!("{root},{leaf}"))));
        let again = record('d', Some(2), Some(0));
        let repeated = format!("{two},{}", layer('2', 0));
        assert!(may_shrink(&graph(
            &repeated,
            &format!("{root},{leaf},{again}")
        )));
    }
}
