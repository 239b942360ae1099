//! Inline caches: records in an image's configuration.
//!
//! The image has only the records, in `moby.buildkit.cache.v0`. Their layer numbers refer to the
//! image's own layers, each on top of the previous one (`cache/remotecache/import.go` in BuildKit).

use base64::Engine as _;

use super::{
    CacheConfigError, CacheGraph, CacheLayer, LayerAnnotations, LayerIndex, Parent, RawRecord,
};
use crate::format::lenient::{self, LenientList};
use crate::format::manifest::{Descriptor, ImageConfig};

/// Why an image has no usable inline cache although it may have one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InlineError {
    /// The value is not base64.
    #[error("the inline cache is not base64")]
    Encoding,
    /// The decoded value is not a list of records.
    #[error(transparent)]
    Config(#[from] CacheConfigError),
    /// BuildKit ignores an image whose layers and uncompressed digests differ in number.
    #[error("the image has {layers} layers but {diff_ids} uncompressed digests")]
    LayerCount {
        /// Layers of the manifest.
        layers: usize,
        /// Digests in the image's configuration.
        diff_ids: usize,
    },
}

/// Reads the inline cache of an image; `None` if it has none.
///
/// # Errors
/// If the image has one that BuildKit would not import.
pub fn read(
    config: &ImageConfig,
    layers: &[Descriptor],
) -> Result<Option<CacheGraph>, InlineError> {
    if config.inline_cache.is_empty() {
        return Ok(None);
    }
    let diff_ids = &config.rootfs.diff_ids.0;
    if diff_ids.len() != layers.len() {
        return Err(InlineError::LayerCount {
            layers: layers.len(),
            diff_ids: diff_ids.len(),
        });
    }
    // Go accepts line breaks inside base64, and nothing else.
    let encoded: String = config
        .inline_cache
        .chars()
        .filter(|character| !matches!(character, '\r' | '\n'))
        .collect();
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .map_err(|_| InlineError::Encoding)?;
    let records: LenientList<RawRecord> = lenient::parse::<Option<_>>(&decoded)
        .map_err(|error| CacheConfigError::Json(error.to_string()))?
        .unwrap_or_default();

    // The history entries with a layer are in the order of the layers.
    let mut times = config
        .history
        .0
        .iter()
        .filter(|entry| !entry.empty_layer)
        .map(|entry| entry.created.0);
    let mut parent = Parent::Bottom;
    let synthetic = (0..)
        .zip(layers)
        .zip(diff_ids)
        .map(|((place, layer), diff_id)| CacheLayer {
            blob: layer.digest.clone(),
            parent: std::mem::replace(&mut parent, Parent::Layer(LayerIndex(place))),
            annotations: Some(LayerAnnotations {
                media_type: layer.media_type.clone(),
                diff_id: Some(diff_id.clone()),
                size: layer.size(),
                created: times.next().flatten(),
            }),
        });
    Ok(Some(CacheGraph::assemble(synthetic.collect(), records.0)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::Digest;
    use crate::format::manifest::ManifestDocument;

    fn image(records: &str, diff_ids: usize) -> (ImageConfig, Vec<Descriptor>) {
        let diff_ids = vec![format!("\"{}\"", Digest::of(b"x")); diff_ids].join(",");
        let value = base64::engine::general_purpose::STANDARD.encode(records);
        let config = format!(
            r#"{{"rootfs":{{"diff_ids":[{diff_ids}]}},"moby.buildkit.cache.v0":"{value}"}}"#
        );
        let manifest = format!(
            r#"{{"config":{{}},"layers":[{{"digest":"{0}"}},{{"digest":"{0}"}}]}}"#,
            Digest::of(b"y")
        );
        let Ok(ManifestDocument::Manifest { layers, .. }) =
            ManifestDocument::parse(manifest.as_bytes())
        else {
            panic!()
        };
        (lenient::parse(config.as_bytes()).unwrap(), layers)
    }

    #[test]
    fn layers_are_those_of_the_image_each_on_the_one_before() {
        let (config, layers) = image(
            r#"[{"digest":"a"},{"digest":"b","layers":[{"layer":1}]}]"#,
            2,
        );
        let graph = read(&config, &layers).unwrap().unwrap();
        let parents: Vec<Parent> = graph.layers.iter().map(|layer| layer.parent).collect();
        assert_eq!(parents, [Parent::Bottom, Parent::Layer(LayerIndex(0))]);
        assert_eq!(graph.records.len(), 2);
    }

    #[test]
    fn a_skipped_inline_cache_has_a_reason() {
        let (config, layers) = image("[]", 1);
        assert_eq!(
            read(&config, &layers).unwrap_err(),
            InlineError::LayerCount {
                layers: 2,
                diff_ids: 1
            }
        );
        let (config, layers) = image("{}", 2);
        assert!(matches!(
            read(&config, &layers),
            Err(InlineError::Config(_))
        ));
        let broken = ImageConfig {
            inline_cache: "!".into(),
            ..ImageConfig::default()
        };
        assert_eq!(read(&broken, &[]).unwrap_err(), InlineError::Encoding);
        assert!(read(&ImageConfig::default(), &[]).unwrap().is_none());
    }
}
