//! Classifies the objects of a listing, counts them, and sends them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::ListedObject;
use super::others::Take;
use super::places::KeyKind;
use crate::backend::Totals;
use crate::backend::bucket::Places;
use crate::backend::{ObjectSender, OtherKind, OtherObject, StoredObject};
use crate::format::digest::Digest;

/// The most objects outside the cache that are sent by name. Others are only counted.
const MOST_NAMED: u64 = 50_000;
/// The most blobs for which an unusual storage class is remembered.
const MOST_UNUSUAL: usize = 100_000;
/// The class that listings omit (`StorageClass` in Amazon's reference).
const USUAL: &str = "STANDARD";

/// Collects the pages of a listing.
pub(super) struct Gathering<'a> {
    places: &'a Places,
    sender: ObjectSender,
    counts: Mutex<ObjectCounts>,
}

/// The counts of a listing.
#[derive(Debug, Default)]
pub(super) struct ObjectCounts {
    pub(super) classes: HashMap<String, Totals>,
    pub(super) unusual: HashMap<Digest, String>,
    pub(super) own: Totals,
    pub(super) unnamed: Totals,
    named: u64,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(places: &'a Places, sender: ObjectSender) -> Self {
        Self {
            places,
            sender,
            counts: Mutex::default(),
        }
    }

    /// Returns the counts.
    pub(super) fn into_counts(self) -> ObjectCounts {
        self.counts
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self, page: Vec<ListedObject>) -> Vec<StoredObject> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        page.into_iter()
            .filter_map(|listed| counts.count(self.places, listed))
            .collect()
    }
}

impl Take for Gathering<'_> {
    async fn take(&self, page: Vec<ListedObject>) -> bool {
        let batch = self.counted(page);
        self.sender.send(batch).await.is_ok()
    }
}

impl ObjectCounts {
    /// Returns whether there are objects but neither blobs nor objects of cachelens.
    pub(super) fn holds_something_else(&self) -> bool {
        self.named > 0 && self.classes.is_empty() && self.own.count == 0
    }

    /// Returns whether there are no objects.
    pub(super) fn is_empty(&self) -> bool {
        self.named == 0 && self.classes.is_empty() && self.own.count == 0
    }

    /// Counts an object, and returns the object to send for it, if any.
    fn count(&mut self, places: &Places, listed: ListedObject) -> Option<StoredObject> {
        match places.kind(&listed) {
            KeyKind::Blob(digest) => {
                let class = listed.class.as_deref().unwrap_or(USUAL);
                match self.classes.get_mut(class) {
                    Some(sum) => sum.add(listed.size),
                    None => self
                        .classes
                        .entry(class.to_owned())
                        .or_default()
                        .add(listed.size),
                }
                if class != USUAL && self.unusual.len() < MOST_UNUSUAL {
                    self.unusual.insert(digest, class.to_owned());
                }
                Some(StoredObject::Blob {
                    digest,
                    size: listed.size,
                    modified: listed.modified,
                })
            }
            KeyKind::Manifest => None,
            KeyKind::Own => {
                self.own.add(listed.size);
                None
            }
            KeyKind::Unknown if self.named < MOST_NAMED => {
                self.named += 1;
                let name = listed.key;
                let size = listed.size;
                let modified = listed.modified;
                Some(StoredObject::Unknown(OtherObject {
                    name,
                    kind: OtherKind::File,
                    size,
                    modified,
                }))
            }
            KeyKind::Unknown => {
                self.unnamed.add(listed.size);
                None
            }
        }
    }
}
