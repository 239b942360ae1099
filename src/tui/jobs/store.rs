//! The stores behind the sources of the UI: each is there once, however often and by whichever name it is opened.

use std::fs;
use std::sync::{Arc, Mutex};

use super::lock;
use crate::backend::SharedReader;
use crate::source::{Location, RefSelector, Source};
use crate::tui::pruning::{Access, Deleting, MakePruner};
use crate::tui::world::{Admitted, SourceId, SourceInfo};
use crate::tui::{Finder, OpenedSource};

/// The stores of the sources, in the order in which the UI counts them.
pub(super) type Stores = Arc<Mutex<Vec<Store>>>;

/// What jobs need to know of a source.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) label: String,
    pub(super) kind: String,
    pub(super) source: Option<Source>,
    pub(super) reader: Option<SharedReader>,
    pub(super) pruner: Option<MakePruner>,
    pub(super) find: Option<Finder>,
    /// Where it lies, by whichever name it was opened; none where that is not known.
    place: Option<Location>,
    /// Which of its refs are read; none for all of them.
    select: Option<RefSelector>,
}

impl Store {
    /// Tells whether nothing would be seen in `other` that is not seen here.
    fn holds(&self, other: &Self) -> bool {
        let is_same = self.place.is_some() && self.place == other.place && self.find.is_some() == other.find.is_some();
        is_same && (self.select.is_none() || self.select == other.select)
    }
}

/// Gives a source its place among the stores, unless it has one already.
pub(super) fn admit(stores: &Stores, access: Access, source: OpenedSource) -> Admitted {
    let (store, info) = split(access, source);
    let mut stores = lock(stores);
    if let Some(place) = stores.iter().position(|known| known.holds(&store)) {
        return Admitted::Known(SourceId(place), info.select);
    }
    stores.push(store);
    Admitted::New(info)
}

/// Parts what jobs need to know of a source from what the UI is to know.
pub(super) fn split(access: Access, source: OpenedSource) -> (Store, SourceInfo) {
    let OpenedSource { label, kind, source, reader, select, find, pruner } = source;
    let (reader, fault) = match reader {
        Ok(reader) => (Some(reader), None),
        Err(fault) => (None, Some(fault)),
    };
    let deleting = match (access, &pruner) {
        (Access::ReadOnly, _) => {
            Deleting::Refused("this is read-only: start `cachelens --write` to carry a plan out".to_owned())
        }
        (Access::Write, None) => Deleting::Refused(format!("nothing can be deleted from a source of kind {kind}")),
        (Access::Write, Some(_)) => Deleting::Allowed,
    };
    let (is_search, place) = (find.is_some(), source.as_ref().map(place));
    let info =
        SourceInfo { label: label.clone(), kind: kind.clone(), fault, is_search, select: select.clone(), deleting };
    (Store { label, kind, source, reader, pruner, find, place, select }, info)
}

/// Returns where a source lies. A directory has many names, of which one is its own.
fn place(source: &Source) -> Location {
    let mut place = source.location.clone();
    if let Location::Local(local) | Location::RegistryDir(local) = &mut place
        && let Ok(own) = fs::canonicalize(&local.dir)
    {
        local.dir = own;
    }
    place
}
