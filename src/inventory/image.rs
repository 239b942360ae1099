//! The layers of images, as their manifests list them.

use super::RefEntry;
use crate::backend::CacheReader;
use crate::format::digest::{Digest, DigestText};
use crate::format::lenient;
use crate::format::manifest::{
    DOCUMENT_LIMIT, Descriptor, ImageConfig, ManifestDocument, REFERENCE_TYPE,
};

/// The maximum number of manifests to read per ref.
const MOST_MANIFESTS: usize = 256;

/// A layer of an image.
#[derive(Debug, Clone)]
pub struct ImageLayer {
    /// The descriptor of the layer in the manifest.
    pub descriptor: Descriptor,
    /// The uncompressed digest at the same position in the image configuration.
    pub diff_id: Option<DigestText>,
}

/// Reads the layers of each image that a ref leads to, bottom first. Documents that cannot be read
/// are skipped, because the scan has already reported them.
pub async fn layers(reader: &dyn CacheReader, entry: &RefEntry) -> Vec<Vec<ImageLayer>> {
    let mut images = Vec::new();
    let mut queue: Vec<Digest> = entry.digest().valid().into_iter().collect();
    let mut read = 0;
    while let Some(digest) = queue.pop() {
        read += 1;
        if read > MOST_MANIFESTS {
            break;
        }
        let Ok(bytes) = reader.read_document(digest, DOCUMENT_LIMIT).await else {
            continue;
        };
        match ManifestDocument::parse(&bytes) {
            Ok(ManifestDocument::Index { entries, .. }) => {
                let images = entries
                    .iter()
                    .filter(|entry| entry.annotation(REFERENCE_TYPE).is_none());
                // Popped in the order of the index.
                queue.extend(images.rev().filter_map(|entry| entry.digest.valid()));
            }
            Ok(ManifestDocument::Manifest { config, layers, .. }) => {
                let diff_ids = diff_ids(reader, &config).await;
                let mut diff_ids = diff_ids.into_iter();
                let layer = |descriptor| ImageLayer {
                    descriptor,
                    diff_id: diff_ids.next(),
                };
                images.push(layers.into_iter().map(layer).collect());
            }
            Ok(ManifestDocument::Schema1 { layers }) => {
                let layer = |descriptor| ImageLayer {
                    descriptor,
                    diff_id: None,
                };
                images.push(layers.into_iter().map(layer).collect());
            }
            Ok(ManifestDocument::Artifact { .. }) | Err(_) => {}
        }
    }
    images
}

async fn diff_ids(reader: &dyn CacheReader, config: &Descriptor) -> Vec<DigestText> {
    let Some(digest) = config.digest.valid() else {
        return Vec::new();
    };
    let Ok(bytes) = reader.read_document(digest, DOCUMENT_LIMIT).await else {
        return Vec::new();
    };
    lenient::parse::<ImageConfig>(&bytes)
        .map_or_else(|_| Vec::new(), |config| config.rootfs.diff_ids.0)
}
