//! Reads the steps of a ref, and what names them.

use std::sync::Arc;

use super::evidence;
use crate::backend::CacheReader;
use crate::explain::evidence::Evidence;
use crate::inventory::cache::RefCache;
use crate::inventory::{Inventory, RefId};
use crate::tui::evidence::{Given, ImageProvenance};
use crate::tui::rows::steps::{Names, RefSteps};

/// Reads the configurations of the ref at `id`, and names the steps by what is given, else by what the store has.
///
/// # Errors
/// What is wrong with the ref, a sentence each.
pub(super) async fn load(
    reader: &dyn CacheReader,
    inventory: Arc<Inventory>,
    id: RefId,
    given: Given,
    images: &ImageProvenance,
) -> Result<RefSteps, Vec<String>> {
    let Some(entry) = inventory.get_ref(id) else { return Err(vec!["the ref is not there any more".to_owned()]) };
    let mut evidence = Evidence::default();
    for statement in reader.provenance(&entry.name).await {
        // What does not name steps is nobody's fault here; a build may have been told to say little.
        let _ = evidence.add(&statement);
    }
    let caches = RefCache::load(reader, &inventory.blobs, entry).await;
    let caches = caches.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let own = if evidence.is_empty() { Names::None } else { Names::Store };
    let steps = RefSteps::new(inventory, id, Arc::new(caches), &evidence, own);
    if given.is_empty() {
        return Ok(steps);
    }
    // What served for another ref is tried here; where it does not, the store's names are better than none.
    Ok(name(&steps, given, images).await.unwrap_or(steps))
}

/// Names steps by evidence.
///
/// # Errors
/// Why they have no names by it, in a sentence.
pub(super) async fn name(steps: &RefSteps, given: Given, images: &ImageProvenance) -> Result<RefSteps, String> {
    let evidence = evidence::for_names(&given, images).await?;
    let named = steps.named(&evidence, Names::Given(given));
    if named.counts.named == 0 {
        return Err("the build that it tells of has no step in this ref".to_owned());
    }
    Ok(named)
}
