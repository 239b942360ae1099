//! How large the layers are that steps write, as far as a build or a cache has them.

use std::collections::HashMap;

use super::cause::{CauseFacts, ComparedBuild};
use super::keys::root;
use crate::format::digest::Digest;
use crate::format::provenance::{Step, StepIndex};
use crate::inventory::cache::RefCache;

/// How many outputs of a step are looked up.
const OUTPUTS: u32 = 8;

/// Returns the size of the layer that each step writes, by place: the one that the build attests,
/// else the one that a cache holds of the same operation, else of the operation that the step was
/// in the earlier build, which `pairs` has. `None` where none of them has it.
pub fn of_steps(facts: &CauseFacts<'_>, pairs: &[Option<StepIndex>]) -> Vec<Option<u64>> {
    let cached = cached(facts.caches);
    let of_key = |key: &Digest| {
        let sizes = (0..OUTPUTS).filter_map(|output| cached.get(&root(key, output)));
        sizes.copied().max()
    };
    let of = |described: &ComparedBuild<'_>, step: StepIndex| {
        let attested = described.build.step(step).and_then(attested);
        attested.or_else(|| {
            let keys = described.keys.get(step.at())?;
            keys.digests.iter().find_map(of_key)
        })
    };
    let before = |step: StepIndex| {
        let earlier = pairs.get(step.at()).copied().flatten()?;
        of(facts.before.as_ref()?, earlier)
    };
    let steps = (0..).map(StepIndex).take(facts.now.build.steps.len());
    let sizes = steps.map(|step| of(&facts.now, step).or_else(|| before(step)));
    sizes.collect()
}

/// Returns the sizes of the layers of all results, by the digest of their records.
fn cached(caches: &[&RefCache]) -> HashMap<Digest, u64> {
    let mut sizes: HashMap<Digest, u64> = HashMap::new();
    for cache in caches {
        for (record, detail) in cache.graph.records.iter().zip(&cache.records) {
            let Some(digest) = record.digest.valid() else {
                continue;
            };
            if let Some(found) = &detail.sizes {
                let size = sizes.entry(digest).or_default();
                *size = found.layer_bytes.max(*size);
            }
        }
    }
    sizes
}

fn attested(step: &Step) -> Option<u64> {
    let mut chains = step.layers.values().flatten();
    chains.find_map(|chain| chain.last()?.size())
}
