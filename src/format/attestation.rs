//! Attestations of images in an OCI layout.
//!
//! BuildKit writes a manifest next to each image of an index. Its layers are in-toto statements
//! (`exporter/containerimage/attestations`). An annotation of each layer names the type of its
//! statement.

use super::digest::Digest;
use super::lenient;
use super::manifest::{Descriptor, LayoutIndex, ManifestDocument};

/// The media type of a statement.
const STATEMENT: &str = "application/vnd.in-toto+json";
/// The annotation with the type of a statement.
const PREDICATE: &str = "in-toto.io/predicate-type";
/// How many levels of nested indexes are read.
const DEPTH: u8 = 2;
/// The most manifests that are read.
const MOST_MANIFESTS: usize = 1_000;

/// Returns the statements of provenance of all images of a layout. `blob` reads a blob; blobs for
/// which it returns `None` are skipped.
pub fn provenance(index: &[u8], blob: &mut dyn FnMut(&Digest) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let Ok(index) = lenient::parse::<LayoutIndex>(index) else {
        return Vec::new();
    };
    let mut pending: Vec<(Descriptor, u8)> = Vec::new();
    pending.extend(index.manifests.0.into_iter().rev().map(|entry| (entry, 0)));
    let mut statements = Vec::new();
    let mut read = 0;
    while let Some((entry, depth)) = pending.pop() {
        read += 1;
        if read > MOST_MANIFESTS {
            break;
        }
        let bytes = entry.digest.valid().and_then(|digest| blob(&digest));
        match bytes.and_then(|bytes| ManifestDocument::parse(&bytes).ok()) {
            Some(ManifestDocument::Manifest { layers, .. }) => {
                let wanted = layers.iter().filter(|layer| is_provenance(layer));
                let digests = wanted.filter_map(|layer| layer.digest.valid());
                statements.extend(digests.filter_map(|digest| blob(&digest)));
            }
            Some(ManifestDocument::Index { entries, .. }) if depth < DEPTH => {
                let below = entries.into_iter().rev().map(|entry| (entry, depth + 1));
                pending.extend(below.take(MOST_MANIFESTS));
            }
            _ => {}
        }
    }
    statements
}

fn is_provenance(layer: &Descriptor) -> bool {
    let predicate = layer.annotation(PREDICATE);
    layer.media_type == STATEMENT
        && predicate.is_some_and(|text| text.starts_with("https://slsa.dev/provenance/"))
}
