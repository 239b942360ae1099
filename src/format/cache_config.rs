//! The cache configuration: BuildKit's graph of cache keys and the layers that they lead to.
//!
//! The format is `application/vnd.buildkit.cacheconfig.v0` (`cache/remotecache/v1/types/spec.go` in BuildKit). A *record*
//! is a key: the digest of an operation, and for each of its inputs the records that may stand there. A record may carry
//! *results*, each a chain of layers. One rule of the format is easily missed: a layer without `parent` lies on layer **0**,
//! and only `-1` means that it lies on nothing.

use jiff::Timestamp;

use super::digest::DigestText;
use super::lenient::{self, List, go_struct};
use super::time::GoTime;

pub mod import;
pub mod inline;
pub mod rewrite;

/// The place of a record in its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordIndex(pub u32);

/// The place of a layer in its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerIndex(pub u32);

impl RecordIndex {
    /// Returns the place as an index of a slice.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

impl LayerIndex {
    /// Returns the place as an index of a slice.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// One cache configuration, with its lists flattened.
///
/// Links and layers are given as the document has them: out of range or in a loop where it is so. [`import::simulate`]
/// tells what BuildKit makes of it; everything that walks the graph must bear with loops.
#[derive(Debug, Clone, Default)]
pub struct CacheGraph {
    /// The layers, in the document's order.
    pub layers: Vec<CacheLayer>,
    /// The records, in the document's order.
    pub records: Vec<Record>,
    groups: Vec<Span>,
    links: Vec<Link>,
}

/// A layer of a configuration.
#[derive(Debug, Clone)]
pub struct CacheLayer {
    /// The compressed blob.
    pub blob: DigestText,
    /// What it lies on.
    pub parent: Parent,
    /// What S3, GitHub Actions and Azure caches say of the blob, having no manifest that would.
    pub annotations: Option<LayerAnnotations>,
}

/// What a layer lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// Nothing: the bottom of a chain, written as `-1`.
    Bottom,
    /// Another layer.
    Layer(LayerIndex),
    /// A number that is no layer's place; BuildKit refuses the configuration when a result needs the layer.
    OutOfRange(i64),
}

impl Parent {
    /// Returns the place of the layer below, when there is one.
    pub fn layer(self) -> Option<u32> {
        match self {
            Self::Layer(index) => Some(index.0),
            Self::Bottom | Self::OutOfRange(_) => None,
        }
    }
}

/// What some backends write beside a layer's digest.
#[derive(Debug, Clone, Default)]
pub struct LayerAnnotations {
    /// The media type of the blob.
    pub media_type: String,
    /// The uncompressed digest; those backends' importers refuse a layer without it.
    pub diff_id: Option<DigestText>,
    /// The compressed size in bytes, where it is not negative.
    pub size: Option<u64>,
    /// When the layer was made.
    pub created: Option<Timestamp>,
}

/// A cache key, and what it leads to.
#[derive(Debug, Clone)]
pub struct Record {
    /// The key of the operation's output (BuildKit's `CacheMap.Digest`, qualified by the output's number).
    pub digest: DigestText,
    /// The results, in the document's order.
    pub results: Vec<CacheResult>,
    groups: Span,
}

/// A loadable result of a record.
#[derive(Debug, Clone)]
pub struct CacheResult {
    /// Its layers.
    pub layers: ResultLayers,
    /// When the result was saved first; it survives later exports.
    pub created: Option<Timestamp>,
}

/// How a result names its layers. The numbers are as in the document, and may be out of range.
#[derive(Debug, Clone)]
pub enum ResultLayers {
    /// A top layer with everything that it lies on.
    Top(i64),
    /// A list from bottom to top, which inline caches use; parents are not followed.
    Chain(Vec<i64>),
}

/// One of the records that may stand at an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which part of the input is used: a hash of paths. None means all of it, or that the linked record is a content
    /// key.
    pub selector: Option<DigestText>,
    /// The place of the linked record, as in the document.
    pub target: i64,
}

/// A half-open range in one of the flattened lists.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of<T>(self, list: &[T]) -> &[T] {
        &list[self.start as usize..self.end as usize]
    }
}

/// Says why bytes are not a cache configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON of the format's shape.
    #[error("not a cache config: {0}")]
    Json(String),
    /// More lists than 32 bits count.
    #[error("the cache config holds more links than can be counted")]
    TooManyLinks,
}

go_struct! {
    struct RawConfig {
        layers: List<RawLayer> = "layers",
        records: List<RawRecord> = "records",
    }
}
go_struct! {
    struct RawLayer {
        blob: DigestText = "blob",
        parent: i64 = "parent",
        annotations: Option<RawAnnotations> = "annotations",
    }
}
go_struct! {
    struct RawAnnotations {
        media_type: String = "mediaType",
        diff_id: Option<DigestText> = "diffID",
        size: i64 = "size",
        created_at: GoTime = "createdAt",
    }
}
go_struct! {
    struct RawRecord {
        digest: DigestText = "digest",
        layers: List<RawResult> = "layers",
        chains: List<RawChain> = "chains",
        inputs: List<List<RawLink>> = "inputs",
    }
}
go_struct! {
    struct RawResult { layer: i64 = "layer", created_at: GoTime = "createdAt" }
}
go_struct! {
    struct RawChain { layers: List<i64> = "layers", created_at: GoTime = "createdAt" }
}
go_struct! {
    struct RawLink { selector: String = "selector", link: i64 = "link" }
}

impl CacheGraph {
    /// Parses a configuration.
    ///
    /// # Errors
    /// When Go would not decode it; what BuildKit refuses beyond that, [`import::simulate`] tells.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let raw: RawConfig = lenient::parse(bytes).map_err(|error| ConfigError::Json(error.to_string()))?;
        let layer_count = raw.layers.0.len();
        let layers = raw.layers.0.into_iter().map(|layer| CacheLayer::from_raw(layer, layer_count)).collect();
        Self::assemble(layers, raw.records.0)
    }

    fn assemble(layers: Vec<CacheLayer>, raw: Vec<RawRecord>) -> Result<Self, ConfigError> {
        let mut graph = Self { layers, records: Vec::with_capacity(raw.len()), groups: Vec::new(), links: Vec::new() };
        let count = |length: usize| u32::try_from(length).map_err(|_| ConfigError::TooManyLinks);
        for record in raw {
            let first_group = count(graph.groups.len())?;
            for group in record.inputs.0 {
                let start = count(graph.links.len())?;
                graph.links.extend(group.0.iter().map(Link::from_raw));
                graph.groups.push(Span { start, end: count(graph.links.len())? });
            }
            let tops = record
                .layers
                .0
                .into_iter()
                .map(|result| CacheResult { layers: ResultLayers::Top(result.layer), created: result.created_at.0 });
            let chains = record.chains.0.into_iter().map(|result| CacheResult {
                layers: ResultLayers::Chain(result.layers.0),
                created: result.created_at.0,
            });
            graph.records.push(Record {
                digest: record.digest,
                results: tops.chain(chains).collect(),
                groups: Span { start: first_group, end: count(graph.groups.len())? },
            });
        }
        Ok(graph)
    }

    /// Returns the record at `index`, when it is one of this configuration.
    pub fn record(&self, index: RecordIndex) -> Option<&Record> {
        self.records.get(index.at())
    }

    /// Returns, for each input of `record`, the links that may stand there.
    pub fn inputs<'a>(&'a self, record: &Record) -> impl ExactSizeIterator<Item = &'a [Link]> + Clone + use<'a> {
        record.groups.of(&self.groups).iter().map(|group| group.of(&self.links))
    }

    /// Returns the links that may stand at one input of `record`.
    pub fn input(&self, record: &Record, place: usize) -> Option<&[Link]> {
        record.groups.of(&self.groups).get(place).map(|group| group.of(&self.links))
    }

    /// Returns the record that `link` leads to, unless it is out of range.
    pub fn target(&self, link: &Link) -> Option<RecordIndex> {
        let target = u32::try_from(link.target).ok()?;
        (target as usize).lt(&self.records.len()).then_some(RecordIndex(target))
    }

    /// Returns the layer at a place given in the document, unless it is out of range.
    pub fn layer_at(&self, place: i64) -> Option<LayerIndex> {
        let place = u32::try_from(place).ok()?;
        (place as usize).lt(&self.layers.len()).then_some(LayerIndex(place))
    }

    /// Returns the records with their places.
    pub fn indexed_records(&self) -> impl Iterator<Item = (RecordIndex, &Record)> {
        (0..).map(RecordIndex).zip(&self.records)
    }

    /// Returns the newest time at which a result was saved, which is the age of the cache's content.
    pub fn newest_result(&self) -> Option<Timestamp> {
        self.records.iter().flat_map(|record| &record.results).filter_map(|result| result.created).max()
    }
}

impl Record {
    /// Returns how many inputs the operation has; a record without any is a root: a source or the content of files.
    pub fn input_count(&self) -> usize {
        (self.groups.end - self.groups.start) as usize
    }
}

impl CacheLayer {
    fn from_raw(raw: RawLayer, layer_count: usize) -> Self {
        let parent = match u32::try_from(raw.parent) {
            Ok(place) if (place as usize) < layer_count => Parent::Layer(LayerIndex(place)),
            _ if raw.parent == -1 => Parent::Bottom,
            _ => Parent::OutOfRange(raw.parent),
        };
        let annotations = raw.annotations.map(|annotations| LayerAnnotations {
            media_type: annotations.media_type,
            diff_id: annotations.diff_id,
            size: u64::try_from(annotations.size).ok(),
            created: annotations.created_at.0,
        });
        Self { blob: raw.blob, parent, annotations }
    }
}

impl Link {
    fn from_raw(raw: &RawLink) -> Self {
        Self { selector: (!raw.selector.is_empty()).then(|| DigestText::from(raw.selector.as_str())), target: raw.link }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_parent_is_layer_zero() {
        let text =
            br#"{"layers":[{"blob":"a","parent":-1},{"blob":"b"},{"blob":"c","parent":7},{"blob":"d","parent":-2}]}"#;
        let graph = CacheGraph::parse(text).unwrap();
        let parents: Vec<Parent> = graph.layers.iter().map(|layer| layer.parent).collect();
        let zero = Parent::Layer(LayerIndex(0));
        assert_eq!(parents, [Parent::Bottom, zero, Parent::OutOfRange(7), Parent::OutOfRange(-2)]);
    }

    #[test]
    fn keeps_records_groups_and_links_in_order() {
        let graph = CacheGraph::parse(
            br#"{"records":[{"digest":"x"},{"digest":"y","inputs":[[{"link":0},{"selector":"s","link":9}],[{"link":-1}]],
                 "layers":[{"layer":3,"createdAt":"2026-01-02T03:04:05+02:00"}],
                 "chains":[{"layers":[0,1],"createdAt":"0001-01-01T00:00:00Z"}]}]}"#,
        )
        .unwrap();
        let record = &graph.records[1];
        let groups: Vec<&[Link]> = graph.inputs(record).collect();
        assert_eq!((record.input_count(), groups[0].len(), groups[1].len()), (2, 2, 1));
        assert_eq!(graph.target(&groups[0][0]), Some(RecordIndex(0)));
        assert_eq!(graph.target(&groups[0][1]), None);
        assert_eq!(graph.target(&groups[1][0]), None);
        assert_eq!(graph.newest_result().map(|time| time.to_string()).as_deref(), Some("2026-01-02T01:04:05Z"));
        assert!(matches!(&record.results[1].layers, ResultLayers::Chain(chain) if chain == &[0, 1]));
    }

    #[test]
    fn an_empty_cache_is_an_empty_object() {
        let graph = CacheGraph::parse(b"{}").unwrap();
        assert!(graph.layers.is_empty() && graph.records.is_empty() && graph.newest_result().is_none());
    }
}
