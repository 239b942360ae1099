//! The second key of an image, from the uncompressed digests of its layers.
//!
//! A build's own description names an image by its manifest alone. The provenance lists the layers
//! of images below the exported ones. Caches that hold these layers, and image configs, have their
//! uncompressed digests. With the second key, all keys of the image are known.

use std::collections::{BTreeSet, HashMap};

use super::{StepKeys, source};
use crate::format::cache_config::CacheGraph;
use crate::format::digest::{Digest, DigestText};
use crate::format::llb::OpKind;
use crate::format::manifest::Descriptor;
use crate::format::provenance::{Build, StepIndex, StepOutput};

/// Facts about layers and images from caches and configs.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts {
    /// The uncompressed digests of layers, by the compressed ones.
    pub diff_ids: HashMap<Digest, Digest>,
}

impl ImageFacts {
    /// Adds the layers of a cache.
    pub fn add_cache(&mut self, graph: &CacheGraph) {
        for layer in &graph.layers {
            let diff_id = layer
                .annotations
                .as_ref()
                .and_then(|annotations| annotations.diff_id.as_ref());
            self.add(&layer.blob, diff_id);
        }
    }

    /// Adds the layers of a manifest.
    pub fn add_layers<'a>(&mut self, layers: impl IntoIterator<Item = &'a Descriptor>) {
        for layer in layers {
            self.add(&layer.digest, layer.diff_id().as_ref());
        }
    }

    fn add(&mut self, blob: &DigestText, diff_id: Option<&DigestText>) {
        if let Some((blob, diff_id)) = blob.valid().zip(diff_id.and_then(DigestText::valid)) {
            self.diff_ids.insert(blob, diff_id);
        }
    }

    /// Returns the uncompressed digests of a chain up to its last `above` layers; `None` if one is
    /// unknown.
    fn bottom(&self, chain: &[Descriptor], above: usize) -> Option<Vec<Digest>> {
        let bottom = &chain[..chain.len().checked_sub(above)?];
        bottom
            .iter()
            .map(|layer| self.diff_ids.get(&layer.digest.valid()?).copied())
            .collect()
    }
}

/// Sets the second keys of the images of a build, where the facts determine them.
pub fn fill(build: &Build, keys: &mut [StepKeys], facts: &ImageFacts) {
    for (index, step) in (0..).map(StepIndex).zip(&build.steps) {
        let Some(keys) = keys.get_mut(index.at()) else {
            continue;
        };
        let is_image = matches!(&step.op.kind, OpKind::Source(op) if matches!(op.scheme().0, "docker-image" | "oci-layout"));
        // Without the first key, the image is unknown.
        if !is_image || keys.digests.len() != 1 {
            continue;
        }
        let own = step
            .layers
            .get(&0)
            .into_iter()
            .flatten()
            .filter_map(|chain| facts.bottom(chain, 0));
        let configured = step.image_layers.clone();
        let found: BTreeSet<Vec<Digest>> = match configured {
            Some(layers) => BTreeSet::from([layers]),
            None => own.chain(below_others(build, index, facts)).collect(),
        };
        // If they disagree, nothing is known.
        if found.len() == 1
            && let Some(layers) = found.first()
            && let Some(chain) = source::image_chain(layers)
        {
            keys.digests.push(chain);
            keys.complete = true;
        }
    }
}

/// Finds the layers of an image below the layer that an operation added to it. Every operation adds
/// one layer, even an empty one.
fn below_others(build: &Build, image: StepIndex, facts: &ImageFacts) -> Vec<Vec<Digest>> {
    let base = StepOutput {
        step: image,
        output: 0,
    };
    let from_it = build
        .steps
        .iter()
        .filter(|step| step.inputs.first() == Some(&base) && goes_on(&step.op.kind));
    let chains = from_it.filter_map(|step| step.layers.get(&0)).flatten();
    chains.filter_map(|chain| facts.bottom(chain, 1)).collect()
}

/// Returns whether an operation adds its own layer to its first input.
fn goes_on(op: &OpKind) -> bool {
    match op {
        OpKind::Exec(op) => op.mounts.0.iter().any(|mount| {
            mount.dest == "/" && mount.input == 0 && mount.output == 0 && !mount.readonly
        }),
        OpKind::File(op) => op.actions.0.first().is_some_and(|action| action.input == 0),
        _ => false,
    }
}
