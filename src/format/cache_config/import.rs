//! Simulates BuildKit's import of a cache configuration.
//!
//! Follows `cache/remotecache/v1/parse.go`: every record is parsed depth first, one fault refuses
//! the whole import, and a result with a layer that is not in the manifest is silently dropped.
//! Loops are found without recursion, in time and memory linear in the size of the configuration.

use super::{CacheGraph, LayerIndex, Parent, RecordIndex, ResultLayers};
use crate::format::digest::Digest;

/// Why BuildKit refuses a whole configuration. The build continues as if the cache were empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A record that links to itself, directly or not.
    #[error("record {} leads to itself", .0.0)]
    LoopingRecord(RecordIndex),
    /// A link to a record that does not exist.
    #[error("a link of record {} leads to record {target}, which is not there", .record.0)]
    NoSuchRecord {
        /// The record with the link.
        record: RecordIndex,
        /// The target of the link.
        target: i64,
    },
    /// An input without links.
    #[error("an input of record {} is empty", .0.0)]
    EmptyInput(RecordIndex),
    /// A result or a parent with a layer that does not exist.
    #[error("a result of record {} needs layer {layer}, which is not there", .record.0)]
    NoSuchLayer {
        /// The record of the result.
        record: RecordIndex,
        /// The index of the layer.
        layer: i64,
    },
    /// A layer without the annotations that the importers of a cache without a manifest need
    /// (`s3.go`, `gha.go`).
    #[error("layer {} has no annotations with an uncompressed digest", .0.0)]
    UndescribedLayer(LayerIndex),
    /// The configuration is one of several in an index, as `docker buildx imagetools create` makes
    /// from the caches of several jobs. BuildKit takes such an index for one of images, finds no
    /// inline cache in it, and imports nothing without a message (`cache/remotecache/import.go`).
    #[error("the ref is an index of cache manifests, from which BuildKit imports nothing")]
    OneOfSeveral,
    /// Layers whose parents form a loop.
    #[error("layer {} of a result of record {} is its own parent", .layer.0, .record.0)]
    LoopingLayer {
        /// The record of the result.
        record: RecordIndex,
        /// A layer of the loop.
        layer: LayerIndex,
    },
}

/// A result that BuildKit keeps: its layers from bottom to top are in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedResult {
    /// The layer and all layers below it.
    Top(LayerIndex),
    /// Exactly these layers, bottom first.
    Chain(Vec<LayerIndex>),
}

/// Simulates an import. Returns for each record the results that are kept: their index in
/// `results`, and their layers.
///
/// `described` returns whether the manifest's layers include a blob.
///
/// # Errors
/// The first fault for which BuildKit refuses the whole configuration.
pub fn simulate(
    graph: &CacheGraph,
    described: impl Fn(&Digest) -> bool,
) -> Result<Vec<Vec<(usize, ImportedResult)>>, Refusal> {
    let mut importer = Importer {
        graph,
        layers: LayerStates::new(graph, described),
        records: vec![WalkState::Unseen; graph.records.len()],
        kept: vec![Vec::new(); graph.records.len()],
    };
    for (index, _) in graph.indexed_records() {
        importer.record(index)?;
    }
    Ok(importer.kept)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WalkState {
    Unseen,
    Open,
    Done,
}

struct Importer<'a, D> {
    graph: &'a CacheGraph,
    layers: LayerStates<'a, D>,
    records: Vec<WalkState>,
    kept: Vec<Vec<(usize, ImportedResult)>>,
}

/// The position of the walk in an unfinished record: its next group and the next link in it.
struct OpenRecord {
    record: RecordIndex,
    group: usize,
    link: usize,
}

impl<D: Fn(&Digest) -> bool> Importer<'_, D> {
    fn record(&mut self, first: RecordIndex) -> Result<(), Refusal> {
        if self.records[first.at()] == WalkState::Done {
            return Ok(());
        }
        let graph = self.graph;
        self.records[first.at()] = WalkState::Open;
        let mut stack = vec![OpenRecord {
            record: first,
            group: 0,
            link: 0,
        }];
        while let Some(open) = stack.last_mut() {
            let record = &graph.records[open.record.at()];
            let Some(links) = graph.input(record, open.group) else {
                self.results(open.record)?;
                self.records[open.record.at()] = WalkState::Done;
                stack.pop();
                continue;
            };
            if links.is_empty() {
                return Err(Refusal::EmptyInput(open.record));
            }
            let Some(link) = links.get(open.link) else {
                (open.group, open.link) = (open.group + 1, 0);
                continue;
            };
            open.link += 1;
            let target = graph.target(link).ok_or(Refusal::NoSuchRecord {
                record: open.record,
                target: link.target,
            })?;
            match self.records[target.at()] {
                WalkState::Done => {}
                WalkState::Open => return Err(Refusal::LoopingRecord(target)),
                WalkState::Unseen => {
                    self.records[target.at()] = WalkState::Open;
                    stack.push(OpenRecord {
                        record: target,
                        group: 0,
                        link: 0,
                    });
                }
            }
        }
        Ok(())
    }

    fn results(&mut self, index: RecordIndex) -> Result<(), Refusal> {
        let graph = self.graph;
        for (place, result) in graph.records[index.at()].results.iter().enumerate() {
            let kept = match &result.layers {
                ResultLayers::Top(top) => self.layers.chain(index, *top)?.map(ImportedResult::Top),
                ResultLayers::Chain(places) => self
                    .layers
                    .listed(index, places)?
                    .map(ImportedResult::Chain),
            };
            self.kept[index.at()].extend(kept.map(|kept| (place, kept)));
        }
        Ok(())
    }
}

/// The state of the chain below a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChainState {
    Unseen,
    Open,
    Described,
    Dropped,
}

struct LayerStates<'a, D> {
    graph: &'a CacheGraph,
    described: D,
    states: Vec<ChainState>,
}

impl<'a, D: Fn(&Digest) -> bool> LayerStates<'a, D> {
    fn new(graph: &'a CacheGraph, described: D) -> Self {
        Self {
            graph,
            described,
            states: vec![ChainState::Unseen; graph.layers.len()],
        }
    }

    fn is_described(&self, layer: LayerIndex) -> bool {
        self.graph.layers[layer.at()]
            .blob
            .valid()
            .is_some_and(|digest| (self.described)(&digest))
    }

    /// Follows the parents of a top layer; `None` if one of them is not described.
    fn chain(&mut self, record: RecordIndex, top: i64) -> Result<Option<LayerIndex>, Refusal> {
        let no_such = |layer| Refusal::NoSuchLayer { record, layer };
        let top = self.graph.layer_at(top).ok_or(no_such(top))?;
        let mut path = Vec::new();
        let mut layer = top;
        let end = loop {
            match self.states[layer.at()] {
                ChainState::Open => return Err(Refusal::LoopingLayer { record, layer }),
                known @ (ChainState::Described | ChainState::Dropped) => break known,
                ChainState::Unseen => {}
            }
            if !self.is_described(layer) {
                self.states[layer.at()] = ChainState::Dropped;
                break ChainState::Dropped;
            }
            self.states[layer.at()] = ChainState::Open;
            path.push(layer);
            match self.graph.layers[layer.at()].parent {
                Parent::Bottom => break ChainState::Described,
                Parent::Layer(parent) => layer = parent,
                Parent::OutOfRange(place) => return Err(no_such(place)),
            }
        };
        for layer in path {
            self.states[layer.at()] = end;
        }
        Ok((end == ChainState::Described).then_some(top))
    }

    /// Checks the layers of an explicit list; `None` if one of them is not described.
    fn listed(
        &self,
        record: RecordIndex,
        places: &[i64],
    ) -> Result<Option<Vec<LayerIndex>>, Refusal> {
        let mut layers = Vec::with_capacity(places.len());
        for &place in places {
            let layer = self.graph.layer_at(place).ok_or(Refusal::NoSuchLayer {
                record,
                layer: place,
            })?;
            if !self.is_described(layer) {
                return Ok(None);
            }
            layers.push(layer);
        }
        Ok(Some(layers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> String {
        Digest::of(name.as_bytes()).to_string()
    }

    fn import(text: &str, missing: &str) -> Result<Vec<usize>, Refusal> {
        let graph = CacheGraph::parse(text.as_bytes()).unwrap();
        let missing = Digest::of(missing.as_bytes());
        simulate(&graph, |digest| *digest != missing)
            .map(|kept| kept.iter().map(Vec::len).collect())
    }

    #[test]
    fn each_fault_refuses_the_whole_import() {
        let a = digest("a");
        let cases = [
            (
                r#"{"records":[{"inputs":[[{"link":1}]]},{"inputs":[[{"link":0}]]}]}"#.to_owned(),
                Refusal::LoopingRecord(RecordIndex(0)),
            ),
            (
                r#"{"records":[{"inputs":[[{"link":0}]]}]}"#.to_owned(),
                Refusal::LoopingRecord(RecordIndex(0)),
            ),
            (
                r#"{"records":[{"inputs":[[{"link":5}]]}]}"#.to_owned(),
                Refusal::NoSuchRecord {
                    record: RecordIndex(0),
                    target: 5,
                },
            ),
            (
                r#"{"records":[{"inputs":[[{"link":-1}]]}]}"#.to_owned(),
                Refusal::NoSuchRecord {
                    record: RecordIndex(0),
                    target: -1,
                },
            ),
            (
                r#"{"records":[{},{"inputs":[[{"link":0}],[]]}]}"#.to_owned(),
                Refusal::EmptyInput(RecordIndex(1)),
            ),
            (
                r#"{"records":[{"inputs":[null]}]}"#.to_owned(),
                Refusal::EmptyInput(RecordIndex(0)),
            ),
            (
                r#"{"records":[{"layers":[{"layer":0}]}]}"#.to_owned(),
                Refusal::NoSuchLayer {
                    record: RecordIndex(0),
                    layer: 0,
                },
            ),
            (
                r#"{"records":[{"chains":[{"layers":[-1]}]}]}"#.to_owned(),
                Refusal::NoSuchLayer {
                    record: RecordIndex(0),
                    layer: -1,
                },
            ),
            (
                format!(
                    r#"{{"layers":[{{"blob":"{a}"}}],"records":[{{"layers":[{{"layer":0}}]}}]}}"#
                ),
                Refusal::LoopingLayer {
                    record: RecordIndex(0),
                    layer: LayerIndex(0),
                },
            ),
            (
                format!(
                    r#"{{"layers":[{{"blob":"{a}","parent":3}}],"records":[{{"layers":[{{"layer":0}}]}}]}}"#
                ),
                Refusal::NoSuchLayer {
                    record: RecordIndex(0),
                    layer: 3,
                },
            ),
        ];
        for (text, refusal) in cases {
            assert_eq!(import(&text, ""), Err(refusal), "{text}");
        }
    }

    #[test]
    fn faults_that_no_result_needs_are_ignored() {
        assert_eq!(
            import(r#"{"layers":[{"blob":"x","parent":9}],"records":[{}]}"#, ""),
            Ok(vec![0])
        );
    }

    #[test]
    fn results_without_described_layers_are_dropped() {
        let a = digest("a");
        let b = digest("b");
        let text = format!(
            r#"{{"layers":[{{"blob":"{a}","parent":-1}},{{"blob":"{b}"}},{{"blob":"../x","parent":-1}}],
                "records":[{{"layers":[{{"layer":0}}]}},{{"layers":[{{"layer":1}}]}},{{"layers":[{{"layer":2}}]}},
                {{"chains":[{{"layers":[1]}}]}}]}}"#
        );
        assert_eq!(import(&text, ""), Ok(vec![1, 1, 0, 1]));
        assert_eq!(import(&text, "a"), Ok(vec![0, 0, 0, 1]));
        assert_eq!(import(&text, "b"), Ok(vec![1, 0, 0, 0]));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_is_walked_without_recursion() {
        use std::fmt::Write as _;
        let blob = digest("a");
        let count = 100_000;
        let mut text = format!(r#"{{"layers":[{{"blob":"{blob}","parent":-1}}"#);
        for parent in 0..count {
            write!(text, r#",{{"blob":"{blob}","parent":{parent}}}"#).unwrap();
        }
        text.push_str(r#"],"records":["#);
        for link in 1..count {
            write!(
                text,
                r#"{{"layers":[{{"layer":{link}}}],"inputs":[[{{"link":{link}}}]]}},"#
            )
            .unwrap();
        }
        text.push_str("{}]}");
        let kept = import(&text, "").unwrap();
        assert_eq!(kept.iter().sum::<usize>(), count - 1);
    }
}
