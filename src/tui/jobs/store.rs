//! The stores behind the sources of the UI. Each store exists once, however often and under
//! whatever name it is opened.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::lock;
use crate::backend::{SharedPruner, SharedReader};
use crate::source::{RefSelector, Source, SourceLocation, StoreKind};
use crate::text::shell;
use crate::tui::pruning::{Deleting, DeletionAccess};
use crate::tui::world::{Admitted, SourceFacts, SourceId};
use crate::tui::{Finder, OpenedSource, Waiting};

/// The stores of the sources, in the UI's numbering.
pub(super) type Stores = Arc<Mutex<Vec<SourceStore>>>;

/// The data about a source that jobs need.
#[derive(Clone)]
pub(super) struct SourceStore {
    pub(super) label: String,
    pub(super) kind: StoreKind,
    pub(super) source: Option<Source>,
    pub(super) reader: Option<SharedReader>,
    pub(super) pruner: Option<SharedPruner>,
    pub(super) find: Option<Finder>,
    /// The same as [`OpenedSource::copy_journals`].
    pub(super) copy_journals: Option<PathBuf>,
    /// Its location, independent of the name it was opened with; `None` if unknown.
    place: Option<SourceLocation>,
    /// The refs to read; `None` for all.
    select: Option<RefSelector>,
    /// Opens it, if a person has to consent first.
    pub(super) waiting: Option<Waiting>,
}

impl SourceStore {
    /// Returns whether `other` shows nothing that this store does not show.
    fn holds(&self, other: &Self) -> bool {
        // A waiting store is not contacted; the user has named the other one.
        let is_same = self.waiting.is_none()
            && self.place.is_some()
            && self.place == other.place
            && self.find.is_some() == other.find.is_some();
        is_same && (self.select.is_none() || self.select == other.select)
    }
}

impl SourceStore {
    /// Returns the source as it is scanned, by which records of its scans are kept.
    pub(super) fn scanned(&self) -> Option<Source> {
        let source = self.source.clone()?;
        Some(Source {
            select: self.select.clone(),
            ..source
        })
    }
}

/// Adds a source to the stores, unless it is known already.
pub(super) fn admit(stores: &Stores, access: DeletionAccess, source: OpenedSource) -> Admitted {
    let (store, info) = split(access, source);
    let mut stores = lock(stores);
    if let Some(place) = stores.iter().position(|known| known.holds(&store)) {
        return Admitted::Known(SourceId(place), info.select);
    }
    stores.push(store);
    Admitted::New(info)
}

/// Separates the data that jobs need from the data that the UI needs.
pub(super) fn split(access: DeletionAccess, source: OpenedSource) -> (SourceStore, SourceFacts) {
    let OpenedSource {
        label,
        kind,
        source,
        reader,
        select,
        find,
        copy_journals,
        evidence,
        evidence_of_refs,
        pruner,
        waiting,
    } = source;
    let (reader, fault) = match reader {
        Ok(reader) => (Some(reader), None),
        Err(_) if waiting.is_some() => (None, None),
        Err(fault) => (None, Some(Box::new(fault))),
    };
    let is_copy = copy_journals.is_some();
    let deleting = deleting(access, is_copy, &label, kind, pruner.is_some());
    let is_search = find.is_some();
    let place = source.as_ref().map(place);
    let info = SourceFacts {
        label: label.clone(),
        kind,
        fault,
        is_search,
        select: select.clone(),
        deleting,
        is_copy,
        evidence,
        evidence_of_refs,
        is_waiting: waiting.is_some(),
    };
    (
        SourceStore {
            label,
            kind,
            source,
            reader,
            pruner,
            find,
            copy_journals,
            place,
            // All refs are read to find those that fit a pattern.
            select: select.filter(|select| !select.is_pattern()),
            waiting,
        },
        info,
    )
}

/// Returns the location of a source. A directory can have many paths, one of which is canonical.
fn place(source: &Source) -> SourceLocation {
    let mut place = source.location.clone();
    if let SourceLocation::Local(local) | SourceLocation::RegistryDir(local) = &mut place
        && let Ok(own) = fs::canonicalize(&local.dir)
    {
        local.dir = own;
    }
    place
}

/// Returns whether a person may delete from a source; from a copy always.
fn deleting(
    access: DeletionAccess,
    is_copy: bool,
    label: &str,
    kind: StoreKind,
    has_pruner: bool,
) -> Deleting {
    let access = if is_copy {
        DeletionAccess::Write
    } else {
        access
    };
    match (access, has_pruner) {
        (DeletionAccess::ReadOnly, _) => Deleting::ReadOnly {
            command: format!("cachelens --write {}", shell::word(label)),
        },
        (DeletionAccess::Write, false) => Deleting::Refused(format!(
            "nothing can be deleted from a source of kind {kind}"
        )),
        (DeletionAccess::Write, true) => Deleting::Allowed,
    }
}
