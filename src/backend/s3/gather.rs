//! What a listing of a bucket amounts to: each page is told apart, counted, and sent on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Listed;
use super::others::Take;
use super::places::Kind;
use crate::backend::bucket::{Places, Sum};
use crate::backend::{ObjectSender, OtherKind, OtherObject, StoredObject};
use crate::format::digest::Digest;

/// How many objects that are none of the cache's own are told by name; more are only counted.
const MOST_NAMED: u64 = 50_000;
/// Of how many blobs it is remembered that their class is not the usual one.
const MOST_UNUSUAL: usize = 100_000;
/// The class that a listing does not name (`StorageClass` in Amazon's reference).
const USUAL: &str = "STANDARD";

/// Takes pages.
pub(super) struct Gathering<'a> {
    places: &'a Places,
    sender: ObjectSender,
    counts: Mutex<Counts>,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) classes: HashMap<String, Sum>,
    pub(super) unusual: HashMap<Digest, String>,
    pub(super) own: Sum,
    pub(super) unnamed: Sum,
    named: u64,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(places: &'a Places, sender: ObjectSender) -> Self {
        Self { places, sender, counts: Mutex::default() }
    }

    /// Ends the taking.
    pub(super) fn into_counts(self) -> Counts {
        self.counts.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self, page: Vec<Listed>) -> Vec<StoredObject> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        page.into_iter().filter_map(|listed| counts.count(self.places, listed)).collect()
    }
}

impl Take for Gathering<'_> {
    async fn take(&self, page: Vec<Listed>) -> bool {
        let batch = self.told(page);
        self.sender.send(batch).await.is_ok()
    }
}

impl Counts {
    /// Tells whether there are objects, and neither blobs nor any that cachelens itself has left.
    pub(super) fn holds_something_else(&self) -> bool {
        self.named > 0 && self.classes.is_empty() && self.own.objects == 0
    }

    /// Tells whether there are no objects at all.
    pub(super) fn is_empty(&self) -> bool {
        self.named == 0 && self.classes.is_empty() && self.own.objects == 0
    }

    /// Counts an object, and makes of it what is told.
    fn count(&mut self, places: &Places, listed: Listed) -> Option<StoredObject> {
        match places.kind(&listed) {
            Kind::Blob(digest) => {
                let class = listed.class.as_deref().unwrap_or(USUAL);
                match self.classes.get_mut(class) {
                    Some(sum) => sum.add(listed.size),
                    None => self.classes.entry(class.to_owned()).or_default().add(listed.size),
                }
                if class != USUAL && self.unusual.len() < MOST_UNUSUAL {
                    self.unusual.insert(digest, class.to_owned());
                }
                Some(StoredObject::Blob { digest, size: listed.size, modified: listed.modified })
            }
            Kind::Manifest => None,
            Kind::Own => {
                self.own.add(listed.size);
                None
            }
            Kind::Unknown if self.named < MOST_NAMED => {
                self.named += 1;
                let (name, size, modified) = (listed.key, listed.size, listed.modified);
                Some(StoredObject::Unknown(OtherObject { name, kind: OtherKind::File, size, modified }))
            }
            Kind::Unknown => {
                self.unnamed.add(listed.size);
                None
            }
        }
    }
}
