//! Previous versions of refs from which builds get nothing, for the advice on their findings.

use jiff::Timestamp;

use super::CheckSubject;
use crate::backend::{CacheReader, Support};
use crate::inventory::previous::{self, PreviousVersion};
use crate::inventory::{FaultKind, RefEntry, RefId, RefKind};

/// No more refs are looked up than these: each lookup lists the versions of a ref and reads them.
const MOST_REFS: usize = 32;

/// A previous version that a repair can restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorableVersion {
    /// What `repair --restore` calls it.
    pub name: String,
    /// When it was written or replaced, where that is known.
    pub time: Option<Timestamp>,
}

/// Finds the newest previous version of each ref that has nothing for builds, in order. A store in
/// which no ref can be written has none to restore.
pub(super) async fn of_refs(
    subject: &CheckSubject<'_>,
    reader: &dyn CacheReader,
    refs: &[RefId],
) -> Vec<(RefId, RestorableVersion)> {
    let inventory = subject.inventory;
    let entries = refs
        .iter()
        .filter_map(|id| Some((*id, inventory.get_ref(*id)?)));
    let useless: Vec<(RefId, &RefEntry)> = entries
        .filter(|(_, entry)| is_useless(entry))
        .take(MOST_REFS)
        .collect();
    if useless.is_empty() || reader.facts().await.rewrite_ref != Support::Yes {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (id, entry) in useless {
        let known = previous::known(reader, inventory, entry).await;
        if let Some(version) = known.iter().find_map(restorable) {
            found.push((id, version));
        }
    }
    found
}

/// Returns whether a build gets nothing from a ref that is a cache or was one.
fn is_useless(entry: &RefEntry) -> bool {
    let is_grave = |kind: &FaultKind| {
        matches!(
            kind,
            FaultKind::ManifestAbsent
                | FaultKind::ManifestUnreadable(_)
                | FaultKind::ConfigAbsent
                | FaultKind::ConfigUnreadable(_)
                | FaultKind::TooLargeToImport(_)
        )
    };
    let is_empty = || {
        let counts = entry.counts();
        entry.kind == RefKind::Cache && counts.is_some_and(|counts| counts.results == 0)
    };
    entry.tagged
        && entry.withheld().is_none()
        && matches!(entry.kind, RefKind::Cache | RefKind::Unknown)
        && (entry.faults.iter().any(|fault| is_grave(&fault.kind)) || is_empty())
}

/// Returns how a version is named, if it is a cache whose documents can be read.
fn restorable(version: &PreviousVersion) -> Option<RestorableVersion> {
    let entry = &version.entry;
    // The records are counted only where the store was listed.
    let is_empty = entry.counts().is_some_and(|counts| counts.records == 0);
    if entry.kind != RefKind::Cache || entry.is_unreadable() || is_empty {
        return None;
    }
    // A version that had the name of the ref is named by its digest.
    let name = if entry.tagged {
        entry.digest().to_string()
    } else {
        entry.name.clone()
    };
    Some(RestorableVersion {
        name,
        time: version.time,
    })
}
