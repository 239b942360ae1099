//! Completes the keys of images with what the caches hold of their layers.

use std::collections::BTreeSet;

use crate::explain::keys::image::ImageFacts;
use crate::explain::keys::{self, StepKeys};
use crate::format::digest::DigestText;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::cache::RefCache;

/// Computes the keys of a build, with those of images whose layers are known.
pub(super) fn of_build(build: &Build, images: &ImageFacts) -> Vec<StepKeys> {
    let mut keys = keys::of_build(build);
    keys::image::fill(build, &mut keys, images);
    keys
}

pub(super) fn facts(caches: &[&RefCache]) -> ImageFacts {
    let mut facts = ImageFacts::default();
    for cache in caches {
        for (layer, detail) in cache.graph.layers.iter().zip(&cache.layers) {
            let diff_id = detail.diff_id.as_ref().and_then(DigestText::valid);
            if let (Some(blob), Some(diff_id)) = (layer.blob.valid(), diff_id) {
                facts.diff_ids.insert(blob, diff_id);
            }
        }
    }
    facts
}

/// Marks the keys of an image as complete if no cache holds its layers. Every result on top of an
/// image holds the image's own layers.
pub(super) fn close(build: &Build, keys: &mut [StepKeys], caches: &[&RefCache]) {
    let blobs: BTreeSet<_> = caches
        .iter()
        .flat_map(|cache| &cache.graph.layers)
        .filter_map(|layer| layer.blob.valid())
        .collect();
    for (place, step) in build.steps.iter().enumerate() {
        let is_image = matches!(&step.op.kind, OpKind::Source(op) if matches!(op.scheme().0, "docker-image" | "oci-layout"));
        if !is_image || keys[place].complete || keys[place].digests.is_empty() {
            continue;
        }
        let base = StepOutput {
            step: StepIndex(u32::try_from(place).unwrap_or(u32::MAX)),
            output: 0,
        };
        let above = build
            .steps
            .iter()
            .filter(|step| step.inputs.first() == Some(&base));
        // Every operation adds one layer to its base.
        let below = above
            .flat_map(|step| step.layers.values())
            .flatten()
            .filter_map(|chain| chain.split_last());
        let own = step.layers.values().flatten().map(Vec::as_slice);
        let mut layers = own.chain(below.map(|(_, below)| below)).flatten();
        if layers.any(|layer| {
            layer
                .digest
                .valid()
                .is_none_or(|digest| !blobs.contains(&digest))
        }) {
            keys[place].complete = true;
        }
    }
}
