//! Reads the caches that a build imports.

use super::{Imported, WhyError};
use crate::inventory::cache::RefCache;
use crate::inventory::{DocumentFault, FaultKind, RefKind};
use crate::text::escape::visible;

/// The caches of the imported refs, each with the index of its ref; and the fault, if a build can
/// use none of them.
pub(super) type Loaded = (Vec<(usize, RefCache)>, Option<String>);

/// Reads the caches of all refs. A cache that a build would ignore as a whole is left out, with a
/// note.
///
/// # Errors
/// If no ref has a cache, or a store cannot be read.
pub(super) async fn load(
    imported: &[Imported<'_>],
    notes: &mut Vec<String>,
) -> Result<Loaded, WhyError> {
    let mut loaded = Vec::new();
    let mut refused = Vec::new();
    let mut without = None;
    for (place, imported) in imported.iter().enumerate() {
        let name = visible(&imported.entry.name).into_owned();
        let found = match RefCache::load(
            &**imported.reader,
            &imported.inventory.blobs,
            imported.entry,
        )
        .await
        {
            Ok(found) => found,
            Err(faults) => {
                let why: Vec<String> = faults.iter().map(ToString::to_string).collect();
                if !faults.iter().all(is_refused_by_builds) {
                    return Err(WhyError::NoCache { name, faults: why });
                }
                refused.push(format!(
                    "a build cannot import `{name}`: {}",
                    why.join("; ")
                ));
                continue;
            }
        };
        if found.is_empty() {
            let is_image = matches!(imported.entry.kind, RefKind::Image | RefKind::Inline);
            if is_image && imported.entry.faults.is_empty() {
                refused.push(format!(
                    "`{name}` is an image without a BuildKit cache, so a build finds nothing in it: export one with \
                     `--cache-to type=registry,ref=…,mode=max`, or with `--cache-to type=inline` in the image"
                ));
            } else {
                without = Some(name);
            }
            continue;
        }
        // A build ignores damaged parts. After a failed read, the build may get more than we know.
        let unread = imported
            .entry
            .faults
            .iter()
            .filter(|fault| !matches!(fault.kind, FaultKind::Undescribed(..)))
            .find(|fault| !is_refused_by_builds(fault));
        notes.extend(unread.map(|fault| {
            format!("part of `{name}` counts as empty, for it could not be read: {fault}")
        }));
        let too_large = imported
            .entry
            .faults
            .iter()
            .find(|fault| matches!(fault.kind, FaultKind::TooLargeToImport(_)));
        for cache in found {
            match (&cache.refusal, too_large) {
                (Some(refusal), _) => {
                    refused.push(format!("a build passes `{name}` over: {refusal}"));
                }
                (None, Some(fault)) => {
                    refused.push(format!("a build passes `{name}` over: {}", fault.kind));
                }
                (None, None) => loaded.push((place, cache)),
            }
        }
    }
    if let Some(name) = without {
        let what = format!(
            "`{name}` is an image without a BuildKit cache, so the build imported nothing from it: export one with --cache-to type=inline, or to a ref of its own with --cache-to type=registry,ref=…,mode=max"
        );
        if loaded.is_empty() && refused.is_empty() {
            return Ok((loaded, Some(what)));
        }
        notes.push(what);
    }
    if loaded.is_empty() {
        return Ok((loaded, refused.into_iter().next()));
    }
    notes.extend(refused);
    Ok((loaded, None))
}

/// Returns whether a build also fails to import for this reason, and continues without the cache.
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
