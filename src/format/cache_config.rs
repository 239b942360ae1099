//! The cache configuration: BuildKit's graph of cache keys, with their layers.
//!
//! The format is `application/vnd.buildkit.cacheconfig.v0` (`cache/remotecache/v1/types/spec.go` in
//! BuildKit). A *record* is a key: the digest of an operation, and the alternative records at each
//! of its inputs. A record may have *results*, each a chain of layers. One rule of the format is
//! easy to miss: a layer without `parent` has layer **0** as its parent; only `-1` means no parent.

use jiff::Timestamp;

use super::digest::DigestText;
use super::lenient::{self, LenientList, go_struct};
use super::manifest::{DocumentShape, FieldState};
use super::time::GoTime;
use crate::text::escape::visible;

mod document;
pub mod fix;
pub mod import;
pub mod inline;
pub mod reach;
pub mod rewrite;

/// The index of a record in its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordIndex(pub u32);

/// The index of a layer in its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerIndex(pub u32);

impl RecordIndex {
    /// Returns the index as `usize`.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

impl LayerIndex {
    /// Returns the index as `usize`.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// A cache configuration, with its lists flattened.
///
/// Links and layers are kept as in the document: they may be out of range or form loops.
/// [`import::simulate`] returns the result of BuildKit's import. Code that walks the graph must
/// handle loops.
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
    /// The layer below it.
    pub parent: Parent,
    /// Facts about the blob in S3, GitHub Actions and Azure caches, which have no manifest.
    pub annotations: Option<LayerAnnotations>,
}

/// The parent of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// None: the bottom of a chain, written as `-1`.
    Bottom,
    /// Another layer.
    Layer(LayerIndex),
    /// A number that is no index of a layer. BuildKit refuses the configuration if a result needs
    /// the layer.
    OutOfRange(i64),
}

impl Parent {
    /// Returns the index of the layer below, if there is one.
    pub fn layer(self) -> Option<u32> {
        match self {
            Self::Layer(index) => Some(index.0),
            Self::Bottom | Self::OutOfRange(_) => None,
        }
    }
}

/// The annotations that some backends write next to a layer's digest.
#[derive(Debug, Clone, Default)]
pub struct LayerAnnotations {
    /// The media type of the blob.
    pub media_type: String,
    /// The uncompressed digest; the importers of those backends refuse a layer without it.
    pub diff_id: Option<DigestText>,
    /// The compressed size in bytes, unless it is negative.
    pub size: Option<u64>,
    /// When the layer was created.
    pub created: Option<Timestamp>,
}

/// A cache key and its results.
#[derive(Debug, Clone)]
pub struct Record {
    /// The key of the operation's output (BuildKit's `CacheMap.Digest`, combined with the output's
    /// number).
    pub digest: DigestText,
    /// The results, in the document's order.
    pub results: Vec<CacheResult>,
    groups: Span,
}

/// A loadable result of a record.
#[derive(Debug, Clone)]
pub struct CacheResult {
    pub layers: ResultLayers,
    /// When the result was first saved; later exports keep this time.
    pub created: Option<Timestamp>,
}

/// The layers of a result. The numbers are as in the document, and may be out of range.
#[derive(Debug, Clone)]
pub enum ResultLayers {
    /// A top layer with all layers below it.
    Top(i64),
    /// A list from bottom to top, as in inline caches; parents are ignored.
    Chain(Vec<i64>),
}

/// One of the alternative records at an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The used part of the input: a hash of paths. `None` means all of it, or that the linked
    /// record is a content key.
    pub selector: Option<DigestText>,
    /// The index of the linked record, as in the document.
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

/// Why bytes are not a cache configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheConfigError {
    /// Not JSON of the format's shape.
    #[error("not a cache config: {0}")]
    Json(String),
    /// There are more lists than 32 bits can count.
    #[error("the cache config holds more links than can be counted")]
    TooManyLinks,
}

go_struct! {
    struct RawConfig {
        layers: LenientList<RawLayer> = "layers",
        records: LenientList<RawRecord> = "records",
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
        layers: LenientList<RawResult> = "layers",
        chains: LenientList<RawChain> = "chains",
        inputs: LenientList<LenientList<RawLink>> = "inputs",
    }
}
go_struct! {
    struct RawResult { layer: i64 = "layer", created_at: GoTime = "createdAt" }
}
go_struct! {
    struct RawChain { layers: LenientList<i64> = "layers", created_at: GoTime = "createdAt" }
}
go_struct! {
    struct RawLink { selector: String = "selector", link: i64 = "link" }
}

impl CacheGraph {
    /// Parses a configuration.
    ///
    /// # Errors
    /// If Go would not decode it. [`import::simulate`] finds the faults for which BuildKit refuses
    /// a decoded one.
    pub fn parse(bytes: &[u8]) -> Result<Self, CacheConfigError> {
        let raw: RawConfig =
            lenient::parse(bytes).map_err(|error| CacheConfigError::Json(error.to_string()))?;
        let layer_count = raw.layers.0.len();
        let layers = raw
            .layers
            .0
            .into_iter()
            .map(|layer| CacheLayer::from_raw(layer, layer_count))
            .collect();
        Self::assemble(layers, raw.records.0)
    }

    /// Returns why the configuration may have further layers that were not read from `bytes`.
    ///
    /// In S3 and GitHub's cache, the configuration is its own manifest: only its layers keep blobs
    /// from being orphans. BuildKit omits `layers` if there are none, so a damaged name of that
    /// field reads as an empty list.
    pub fn doubt(&self, bytes: &[u8]) -> Option<String> {
        let shape = match DocumentShape::of(bytes) {
            Ok(shape) => shape,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(unknown) = shape.unknown(&["layers", "records"]) {
            return Some(format!("its field `{}` is not known", visible(unknown)));
        }
        if shape.field("layers") == FieldState::Null {
            return Some("its `layers` are `null`".to_owned());
        }
        let is_there = |place: &i64| self.layer_at(*place).is_some();
        let results = self.records.iter().flat_map(|record| &record.results);
        let mut named = results.map(|result| match &result.layers {
            ResultLayers::Top(top) => is_there(top),
            ResultLayers::Chain(chain) => chain.iter().all(is_there),
        });
        let mut parents = self.layers.iter().map(|layer| layer.parent);
        let lacks_one = named.any(|is_there| !is_there)
            || parents.any(|parent| matches!(parent, Parent::OutOfRange(_)));
        lacks_one.then(|| "it needs a layer that it does not list".to_owned())
    }

    fn assemble(layers: Vec<CacheLayer>, raw: Vec<RawRecord>) -> Result<Self, CacheConfigError> {
        let mut graph = Self {
            layers,
            records: Vec::with_capacity(raw.len()),
            groups: Vec::new(),
            links: Vec::new(),
        };
        let count =
            |length: usize| u32::try_from(length).map_err(|_| CacheConfigError::TooManyLinks);
        for record in raw {
            let first_group = count(graph.groups.len())?;
            for group in record.inputs.0 {
                let start = count(graph.links.len())?;
                graph.links.extend(group.0.iter().map(Link::from_raw));
                graph.groups.push(Span {
                    start,
                    end: count(graph.links.len())?,
                });
            }
            let tops = record.layers.0.into_iter().map(|result| CacheResult {
                layers: ResultLayers::Top(result.layer),
                created: result.created_at.0,
            });
            let chains = record.chains.0.into_iter().map(|result| CacheResult {
                layers: ResultLayers::Chain(result.layers.0),
                created: result.created_at.0,
            });
            graph.records.push(Record {
                digest: record.digest,
                results: tops.chain(chains).collect(),
                groups: Span {
                    start: first_group,
                    end: count(graph.groups.len())?,
                },
            });
        }
        Ok(graph)
    }

    /// Returns the record at `index`, if it is in range.
    pub fn record(&self, index: RecordIndex) -> Option<&Record> {
        self.records.get(index.at())
    }

    /// Returns the alternative links at each input of `record`.
    pub fn inputs<'a>(
        &'a self,
        record: &Record,
    ) -> impl ExactSizeIterator<Item = &'a [Link]> + Clone + use<'a> {
        record
            .groups
            .of(&self.groups)
            .iter()
            .map(|group| group.of(&self.links))
    }

    /// Returns the alternative links at one input of `record`.
    pub fn input(&self, record: &Record, place: usize) -> Option<&[Link]> {
        record
            .groups
            .of(&self.groups)
            .get(place)
            .map(|group| group.of(&self.links))
    }

    /// Returns the target of `link`, unless it is out of range.
    pub fn target(&self, link: &Link) -> Option<RecordIndex> {
        let target = u32::try_from(link.target).ok()?;
        (target as usize)
            .lt(&self.records.len())
            .then_some(RecordIndex(target))
    }

    /// Returns the layer at an index of the document, unless it is out of range.
    pub fn layer_at(&self, place: i64) -> Option<LayerIndex> {
        let place = u32::try_from(place).ok()?;
        (place as usize)
            .lt(&self.layers.len())
            .then_some(LayerIndex(place))
    }

    /// Returns the records with their indexes.
    pub fn indexed_records(&self) -> impl Iterator<Item = (RecordIndex, &Record)> {
        (0..).map(RecordIndex).zip(&self.records)
    }

    /// Returns the newest time of a saved result, which is the age of the cache's content.
    pub fn newest_result(&self) -> Option<Timestamp> {
        self.records
            .iter()
            .flat_map(|record| &record.results)
            .filter_map(|result| result.created)
            .max()
    }
}

impl Record {
    /// Returns how many inputs the operation has. A record without inputs is a root: a source or
    /// the content of files.
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
        Self {
            blob: raw.blob,
            parent,
            annotations,
        }
    }
}

impl Link {
    fn from_raw(raw: &RawLink) -> Self {
        Self {
            selector: (!raw.selector.is_empty()).then(|| DigestText::from(raw.selector.as_str())),
            target: raw.link,
        }
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
        assert_eq!(
            parents,
            [
                Parent::Bottom,
                zero,
                Parent::OutOfRange(7),
                Parent::OutOfRange(-2)
            ]
        );
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
        assert_eq!(
            (record.input_count(), groups[0].len(), groups[1].len()),
            (2, 2, 1)
        );
        assert_eq!(graph.target(&groups[0][0]), Some(RecordIndex(0)));
        assert_eq!(graph.target(&groups[0][1]), None);
        assert_eq!(graph.target(&groups[1][0]), None);
        assert_eq!(
            graph
                .newest_result()
                .map(|time| time.to_string())
                .as_deref(),
            Some("2026-01-02T01:04:05Z")
        );
        assert!(
            matches!(&record.results[1].layers, ResultLayers::Chain(chain) if chain == &[0, 1])
        );
    }

    #[test]
    fn an_empty_cache_is_an_empty_object() {
        let graph = CacheGraph::parse(b"{}").unwrap();
        assert!(
            graph.layers.is_empty() && graph.records.is_empty() && graph.newest_result().is_none()
        );
    }
}
