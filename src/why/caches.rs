//! The caches that a build imports, read.

use super::{Imported, WhyError};
use crate::format::text::visible;
use crate::inventory::cache::RefCache;
use crate::inventory::{DocumentFault, FaultKind};

/// The caches of the imported refs, each with the place of its ref; and what is wrong where a build can use none of them.
pub(super) type Loaded = (Vec<(usize, RefCache)>, Option<String>);

/// Reads the caches of all refs. What a build would pass over as a whole is left out, with a note.
///
/// # Errors
/// When no ref has a cache, or a store does not hand one out.
pub(super) async fn load(imported: &[Imported<'_>], notes: &mut Vec<String>) -> Result<Loaded, WhyError> {
    let (mut loaded, mut refused, mut without) = (Vec::new(), Vec::new(), None);
    for (place, imported) in imported.iter().enumerate() {
        let name = visible(&imported.entry.name).into_owned();
        let found = match RefCache::load(&**imported.reader, &imported.inventory.blobs, imported.entry).await {
            Ok(found) => found,
            Err(faults) => {
                let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                if !faults.iter().all(is_refused_by_builds) {
                    return Err(WhyError::NoCache { name, faults: told });
                }
                refused.push(format!("a build cannot import `{name}`: {}", told.join("; ")));
                continue;
            }
        };
        if found.is_empty() {
            without = Some(name);
            continue;
        }
        // A build passes over what is damaged; what it would get is more than is known here, where reading failed.
        let unread = imported.entry.faults.iter().find(|fault| !is_refused_by_builds(fault));
        notes
            .extend(unread.map(|fault| format!("part of `{name}` counts as empty, for it could not be read: {fault}")));
        let too_large = imported.entry.faults.iter().find(|fault| matches!(fault.kind, FaultKind::TooLargeToImport(_)));
        for cache in found {
            match (&cache.refusal, too_large) {
                (Some(refusal), _) => refused.push(format!("a build passes `{name}` over: {refusal}")),
                (None, Some(fault)) => refused.push(format!("a build passes `{name}` over: {}", fault.kind)),
                (None, None) => loaded.push((place, cache)),
            }
        }
    }
    if let Some(name) = without {
        if loaded.is_empty() && refused.is_empty() {
            return Err(WhyError::NoCache { name, faults: Vec::new() });
        }
        notes.push(format!("`{name}` holds no cache"));
    }
    if loaded.is_empty() {
        return Ok((loaded, refused.into_iter().next()));
    }
    notes.extend(refused);
    Ok((loaded, None))
}

/// Tells whether a build fails to import for this reason, too, and goes on without.
fn is_refused_by_builds(fault: &DocumentFault) -> bool {
    matches!(
        fault.kind,
        FaultKind::ManifestAbsent
            | FaultKind::ConfigAbsent
            | FaultKind::ConfigUnreadable(_)
            | FaultKind::Refused(_)
            | FaultKind::TooLargeToImport(_)
    )
}
