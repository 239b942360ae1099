//! Reads the steps of a ref, and what names them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::backend::CacheReader;
use crate::explain::evidence::Evidence;
use crate::inventory::cache::RefCache;
use crate::inventory::{Inventory, RefId};
use crate::tui::rows::steps::{Names, RefSteps};
use crate::units::Size;

/// The largest provenance file that is read, in bytes.
const PROVENANCE_LIMIT: u64 = 64 << 20;

/// Reads the configurations of the ref at `id`, and names the steps by the file of `names`, else by what the store has.
///
/// # Errors
/// What is wrong with the ref, a sentence each.
pub(super) async fn load(
    reader: &dyn CacheReader,
    inventory: Arc<Inventory>,
    id: RefId,
    names: &Names,
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
    // A file that served once is tried again; where it does not, the store's names are better than none.
    let by_file = match names {
        Names::File(path) => name(&steps, path).ok(),
        Names::None | Names::Store => None,
    };
    Ok(by_file.unwrap_or(steps))
}

/// Names steps by the provenance in a file.
///
/// # Errors
/// Why they have no names by it, in a sentence.
pub(super) fn name(steps: &RefSteps, path: &Path) -> Result<RefSteps, String> {
    let bytes = read_limited(path).map_err(|error| format!("cannot read the provenance: {error}"))?;
    let mut evidence = Evidence::default();
    evidence.add(&bytes).map_err(|error| match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    })?;
    let named = steps.named(&evidence, Names::File(path.to_owned()));
    if named.counts.named == 0 {
        return Err("the build that it tells of has no step in this ref".to_owned());
    }
    Ok(named)
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(PROVENANCE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PROVENANCE_LIMIT {
        return Err(io::Error::other(format!("it has more than {}", Size(PROVENANCE_LIMIT))));
    }
    Ok(bytes)
}
