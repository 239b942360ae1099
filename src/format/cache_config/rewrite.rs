//! Writes a cache configuration again without some of its results.
//!
//! The rest is written back verbatim: times, annotations and the order of everything. Records that
//! lead to no result any more are dropped, and so are layers that no result needs. A record that a
//! kept one links to is always kept. No input loses a link, so every kept result is found by the
//! same keys as before.

use super::document::{ConfigDocument, LayerDocument, RecordDocument};
use super::import::{self, Refusal};
use super::{CacheConfigError, CacheGraph, Parent, RecordIndex};

/// A configuration without some of the results of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The new configuration.
    pub text: String,
    /// The old index of each record.
    pub records: Vec<RecordIndex>,
    /// The old index of each layer.
    pub layers: Vec<usize>,
}

/// Why a configuration cannot be written again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// It cannot be read.
    #[error(transparent)]
    Config(#[from] CacheConfigError),
    /// BuildKit refuses it already.
    #[error("BuildKit refuses it as it stands: {0}")]
    Refused(#[from] Refusal),
    /// It holds fields that this program does not know and would lose.
    #[error("a part of it would be lost: {0}")]
    Unknown(String),
    /// The new configuration would be wrong: a bug of this program.
    #[error("the rewritten cache is not as expected: {0}")]
    Unsound(&'static str),
}

/// Writes `text` again without the results of the records for which `goes` holds.
///
/// # Errors
/// If BuildKit does not import the configuration, or it cannot be written again without losing
/// other parts.
pub fn without_results(
    text: &str,
    goes: impl Fn(RecordIndex) -> bool,
) -> Result<Rewritten, RewriteError> {
    let graph = CacheGraph::parse(text.as_bytes())?;
    import::simulate(&graph, |_| true)?;
    let config: ConfigDocument<'_> =
        serde_json::from_str(text).map_err(|error| RewriteError::Unknown(error.to_string()))?;
    if (config.layers.len(), config.records.len()) != (graph.layers.len(), graph.records.len()) {
        return Err(RewriteError::Unsound("it reads in two ways"));
    }
    let (records, layers) = needed(&graph, &goes);
    let places = NewPlaces {
        records: new_places(&records),
        layers: new_places(&layers),
    };
    let mut new = ConfigDocument {
        layers: Vec::new(),
        records: Vec::new(),
    };
    for (old, layer) in config.layers.iter().enumerate() {
        if layers[old] {
            new.layers
                .push(places.rewrite_layer(layer, graph.layers[old].parent)?);
        }
    }
    for (index, record) in (0..).map(RecordIndex).zip(&config.records) {
        if records[index.at()] {
            new.records
                .push(places.rewrite_record(record, goes(index))?);
        }
    }
    let kept = |kept: &[bool]| {
        kept.iter()
            .enumerate()
            .filter(|(_, kept)| **kept)
            .map(|(old, _)| old)
            .collect()
    };
    let records: Vec<usize> = kept(&records);
    let rewritten = Rewritten {
        text: serde_json::to_string(&new)
            .map_err(|error| RewriteError::Unknown(error.to_string()))?,
        records: records
            .into_iter()
            .filter_map(|old| Some(RecordIndex(u32::try_from(old).ok()?)))
            .collect(),
        layers: kept(&layers),
    };
    prove(&graph, &rewritten, goes)?;
    Ok(rewritten)
}

/// The new places of records and layers, by their old ones; `None` for those that are dropped.
struct NewPlaces {
    records: Vec<Option<i64>>,
    layers: Vec<Option<i64>>,
}

impl NewPlaces {
    fn rewrite_layer<'a>(
        &self,
        layer: &LayerDocument<'a>,
        parent: Parent,
    ) -> Result<LayerDocument<'a>, RewriteError> {
        let parent = match parent {
            Parent::Layer(below) => place(&self.layers, below.0.into())?,
            Parent::Bottom | Parent::OutOfRange(_) => layer.parent,
        };
        Ok(LayerDocument {
            parent,
            ..layer.clone()
        })
    }

    /// Rewrites a record; without its results if `drops_results` is set.
    fn rewrite_record<'a>(
        &self,
        record: &RecordDocument<'a>,
        drops_results: bool,
    ) -> Result<RecordDocument<'a>, RewriteError> {
        let mut record = record.clone();
        if drops_results {
            record.layers = Vec::new();
            record.chains = Vec::new();
        }
        for result in &mut record.layers {
            result.layer = place(&self.layers, result.layer)?;
        }
        for layer in record.chains.iter_mut().flat_map(|chain| &mut chain.layers) {
            *layer = place(&self.layers, *layer)?;
        }
        for link in record.inputs.iter_mut().flatten().flatten() {
            link.link = place(&self.records, link.link)?;
        }
        Ok(record)
    }
}

fn place(places: &[Option<i64>], old: i64) -> Result<i64, RewriteError> {
    let old = usize::try_from(old).ok();
    let new = old.and_then(|old| *places.get(old)?);
    new.ok_or(RewriteError::Unsound("a place is lost"))
}

/// Returns which records and layers stay: records with a result that stays and everything below
/// them, and the layers of such results with everything below them. Both graphs are known to be
/// without loops.
fn needed(graph: &CacheGraph, goes: &impl Fn(RecordIndex) -> bool) -> (Vec<bool>, Vec<bool>) {
    let mut records = vec![false; graph.records.len()];
    let mut layers = vec![false; graph.layers.len()];
    let with_results = graph
        .indexed_records()
        .filter(|(index, record)| !record.results.is_empty() && !goes(*index));
    let mut open: Vec<RecordIndex> = Vec::new();
    for (index, record) in with_results {
        open.push(index);
        for result in &record.results {
            // The layers below a listed layer stay too, because the layer holds their index.
            let tops = match &result.layers {
                super::ResultLayers::Top(top) => std::slice::from_ref(top),
                super::ResultLayers::Chain(chain) => chain.as_slice(),
            };
            for top in tops {
                let mut layer = graph.layer_at(*top);
                while let Some(at) = layer.filter(|at| !layers[at.at()]) {
                    layers[at.at()] = true;
                    layer = graph.layers[at.at()].parent.layer().map(super::LayerIndex);
                }
            }
        }
    }
    while let Some(index) = open.pop() {
        if std::mem::replace(&mut records[index.at()], true) {
            continue;
        }
        let links = graph.inputs(&graph.records[index.at()]).flatten();
        open.extend(
            links
                .filter_map(|link| graph.target(link))
                .filter(|target| !records[target.at()]),
        );
    }
    (records, layers)
}

fn new_places(kept: &[bool]) -> Vec<Option<i64>> {
    let mut next = 0..;
    kept.iter()
        .map(|kept| if *kept { next.next() } else { None })
        .collect()
}

/// Proves that the new configuration equals the old one without the dropped results, by reading it
/// as BuildKit would.
fn prove(
    old: &CacheGraph,
    new: &Rewritten,
    goes: impl Fn(RecordIndex) -> bool,
) -> Result<(), RewriteError> {
    let unsound = |what| Err(RewriteError::Unsound(what));
    let graph = CacheGraph::parse(new.text.as_bytes())?;
    import::simulate(&graph, |_| true)?;
    if graph.records.len() != new.records.len() || !new.records.is_sorted() {
        return unsound("its records are others");
    }
    for (record, before) in graph.records.iter().zip(&new.records) {
        let origin = &old.records[before.at()];
        let alike = record.digest == origin.digest
            && graph.inputs(record).len() == old.inputs(origin).len();
        let links = graph
            .inputs(record)
            .zip(old.inputs(origin))
            .all(|(new_links, old_links)| {
                let same = |(link, before): (&super::Link, &super::Link)| {
                    let target = graph.target(link).map(|target| new.records[target.at()]);
                    link.selector == before.selector
                        && target.is_some()
                        && target == old.target(before)
                };
                new_links.len() == old_links.len() && new_links.iter().zip(old_links).all(same)
            });
        if !alike || !links {
            return unsound("a key is another");
        }
        if results(&graph, record)
            != if goes(*before) {
                Vec::new()
            } else {
                results(old, origin)
            }
        {
            return unsound("a result is another");
        }
    }
    let mut kept = new.records.iter().peekable();
    for (index, record) in old.indexed_records() {
        let is_kept = kept.next_if(|kept| **kept == index).is_some();
        if !is_kept && !goes(index) && !record.results.is_empty() {
            return unsound("a result is lost");
        }
    }
    Ok(())
}

/// The content of a result: the blobs of its layers from the top down, and its time.
type ResultContent<'a> = (Vec<&'a super::DigestText>, Option<jiff::Timestamp>);

fn results<'a>(graph: &'a CacheGraph, record: &super::Record) -> Vec<ResultContent<'a>> {
    let blobs = |layers: &super::ResultLayers| match layers {
        super::ResultLayers::Top(top) => {
            let below = |at: &super::LayerIndex| {
                graph.layers[at.at()].parent.layer().map(super::LayerIndex)
            };
            let chain = std::iter::successors(graph.layer_at(*top), below).take(graph.layers.len());
            chain.map(|at| &graph.layers[at.at()].blob).collect()
        }
        super::ResultLayers::Chain(chain) => {
            let layers = chain
                .iter()
                .rev()
                .filter_map(|layer| graph.layer_at(*layer));
            layers.map(|at| &graph.layers[at.at()].blob).collect()
        }
    };
    record
        .results
        .iter()
        .map(|result| (blobs(&result.layers), result.created))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:b"},{"blob":"sha256:c","parent":1},{"blob":"sha256:d","parent":-1,"annotations":{"diffID":"x", "size":3}}],"records":[{"digest":"sha256:root"},{"layers":[{"layer":1,"createdAt":"2026-01-02T03:04:05.1+02:00"}],"digest":"sha256:one","inputs":[[{"link":0}]]},{"layers":[{"layer":2,"createdAt":"0001-01-01T00:00:00Z"}],"digest":"sha256:two","inputs":[[{"selector":"sha256:s","link":1},{"link":4}]]},{"layers":[{"layer":3,"createdAt":"2026-01-02T03:04:05Z"}],"digest":"sha256:aside","inputs":[[{"link":0}]]},{"digest":"sha256:content"},{"digest":"sha256:ghost","inputs":[[{"link":3}]]}]}"#;

    fn without(gone: &[u32]) -> String {
        without_results(CONFIG, |index| gone.contains(&index.0))
            .unwrap()
            .text
    }

    #[test]
    fn a_result_below_another_leaves_its_key_and_its_layer() {
        insta::assert_snapshot!(without(&[1]), @r#"
        {"layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:b"},{"blob":"sha256:c","parent":1},{"blob":"sha256:d","parent":-1,"annotations":{"diffID":"x", "size":3}}],"records":[{"digest":"sha256:root"},{"digest":"sha256:one","inputs":[[{"link":0}]]},{"layers":[{"layer":2,"createdAt":"0001-01-01T00:00:00Z"}],"digest":"sha256:two","inputs":[[{"selector":"sha256:s","link":1},{"link":4}]]},{"layers":[{"layer":3,"createdAt":"2026-01-02T03:04:05Z"}],"digest":"sha256:aside","inputs":[[{"link":0}]]},{"digest":"sha256:content"}]}
        "#);
    }

    #[test]
    fn records_without_dependents_are_removed_with_their_layers() {
        insta::assert_snapshot!(without(&[2, 3]), @r#"
        {"layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:b"}],"records":[{"digest":"sha256:root"},{"layers":[{"layer":1,"createdAt":"2026-01-02T03:04:05.1+02:00"}],"digest":"sha256:one","inputs":[[{"link":0}]]}]}
        "#);
    }

    #[test]
    fn nothing_is_left_without_results() {
        assert_eq!(without(&[1, 2, 3]), "{}");
    }

    #[test]
    fn configurations_that_would_lose_data_are_not_rewritten() {
        let rewrite = |text: &str| without_results(text, |_| false).unwrap_err();
        assert!(matches!(
            rewrite(r#"{"records":[{"digest":"a"}],"future":1}"#),
            RewriteError::Unknown(_)
        ));
        assert!(matches!(
            rewrite(r#"{"records":[{"digest":"a","inputs":[[]]}]}"#),
            RewriteError::Refused(_)
        ));
        assert!(matches!(
            rewrite(r#"{"records":[{"digest":"a","inputs":[[{"link":0}]]}]}"#),
            RewriteError::Refused(_)
        ));
        assert!(matches!(rewrite("["), RewriteError::Config(_)));
    }
}
