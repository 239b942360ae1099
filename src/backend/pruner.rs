//! The trait that deletes, and what a deletion is made of.
//!
//! Only the executor of a plan takes a [`CachePruner`]. Each target carries its precondition: what the store must still
//! say of it when its turn comes.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BackendError, CacheReader};
use crate::format::digest::Digest;
use crate::format::layout::LayoutError;

/// Whether a store lets something be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// It does.
    Yes,
    /// It does not, and this is why.
    No(String),
}

/// What of what was deleted can be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// All of it, from a trash in the store, for as long as it lies there.
    Trash,
    /// Some of it, as this sentence says.
    Part(&'static str),
    /// Nothing.
    None,
}

/// What can be deleted from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether refs can be.
    pub delete_ref: Support,
    /// Whether blobs and unfinished uploads can be.
    pub delete_object: Support,
    /// What can be put back.
    pub way_back: WayBack,
    /// How long a blob that was written or touched may be relied on by a build that has not named it yet; on top of any
    /// grace.
    pub settling: SignedDuration,
}

impl Capabilities {
    /// A store from which nothing can be deleted.
    pub fn none(why: &str) -> Self {
        let no = || Support::No(why.to_owned());
        Self { delete_ref: no(), delete_object: no(), way_back: WayBack::Trash, settling: SignedDuration::ZERO }
    }
}

/// A ref that is to go, and the manifest that it must still point to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefTarget {
    /// All its names; none for an untagged one.
    pub names: Vec<String>,
    /// What it points to.
    pub digest: Digest,
    /// The bytes that it takes itself, where it is no blob of the store.
    pub bytes: u64,
}

/// A ref that is to point to other documents, and the manifest that it must still point to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefRewrite {
    /// The ref as it is.
    pub from: RefTarget,
    /// What is stored for it, the document that the ref points to last.
    pub documents: Vec<String>,
}

impl RefRewrite {
    /// Returns what the ref points to afterwards, and its size in bytes.
    pub fn to(&self) -> (Digest, u64) {
        let root = self.documents.last().map(String::as_bytes).unwrap_or_default();
        (Digest::of(root), root.len() as u64)
    }
}

/// An object that is to go, and how it must still be found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectTarget {
    /// Which.
    pub name: ObjectName,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified; of something in the trash, when it came there.
    pub modified: Timestamp,
}

/// What an object is called in its store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectName {
    /// A blob, by its digest.
    Blob(Digest),
    /// An unfinished upload.
    Partial(String),
    /// Something that an earlier run put into the trash.
    Trashed(String),
    /// An entry of a store that deletes by entry, by its whole name.
    Entry(String),
}

/// Where objects go that are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposal {
    /// Into the trash of the store, from where they can be put back.
    Trash,
    /// Away, at once.
    AtOnce,
}

/// The name of a plan, and of its folder in the trash: its time and the beginning of its digest. Fit to be a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanId(String);

impl PlanId {
    /// Names a plan that was made at `created` and whose content hashes to `digest`.
    pub fn new(created: Timestamp, digest: &Digest) -> Self {
        Self(format!("{}-{}", created.strftime("%Y%m%dT%H%M%SZ"), digest.short(8)))
    }
}

impl FromStr for PlanId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = |(place, character): (usize, char)| match place {
            8 => character == 'T',
            15 => character == 'Z',
            16 => character == '-',
            0..15 => character.is_ascii_digit(),
            _ => matches!(character, '0'..='9' | 'a'..='f'),
        };
        if text.len() == 25 && text.chars().enumerate().all(shape) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{}` is not the name of a plan", crate::format::text::visible(text)))
        }
    }
}

impl TryFrom<String> for PlanId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PlanId> for String {
    fn from(id: PlanId) -> Self {
        id.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was deleted.
    Done,
    /// It was not there any more.
    AlreadyGone,
    /// It was left, because it is not what the plan was made for any more.
    Skipped(Skip),
    /// It could not be deleted.
    Failed(String),
    /// Its turn did not come.
    Cancelled,
}

/// Why something was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// It is not as the plan saw it.
    #[error("it has changed since the plan was made")]
    Changed,
    /// A ref names it now.
    #[error("a ref names it now")]
    Named,
    /// Another tag stands for the same manifest, and the registry deletes manifests alone.
    #[error("another tag has the same manifest, and the registry deletes no tag by itself")]
    SharedManifest,
    /// A ref cannot be read, so that it may name it.
    #[error("a ref cannot be read, which may name it")]
    Undetermined,
    /// The refs did not come to rest, so that it was put back.
    #[error("the refs kept changing or were held by a build, and it was put back")]
    Unsettled,
    /// The store does not let it be deleted.
    #[error("the store does not allow it")]
    Unsupported,
}

/// A ref that a run took out of the store not long ago: builds that imported it may still be fetching its blobs.
#[derive(Debug, Clone)]
pub struct DroppedRef {
    /// What it was.
    pub root: crate::format::layout::Root,
    /// When it went.
    pub since: Timestamp,
}

/// What objects take on the disk, where that differs from their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Footprint {
    /// The bytes that the file system gives back when they are gone.
    pub disk_bytes: u64,
    /// How many have another name outside the store, and give nothing back.
    pub hard_linked: u64,
    /// How many take less room than their size: sparse or compressed files.
    pub sparse: u64,
}

/// Keeps other prunes out of a store for as long as it lives.
pub trait Lease: Send + Sync {}

/// Deletes from one cache store. Every method may be called again after a crash.
#[async_trait]
pub trait CachePruner: CacheReader {
    /// Keeps other prunes out.
    ///
    /// # Errors
    /// When another one is at work, or the store cannot be written.
    async fn lease(&self) -> Result<Box<dyn Lease>, PruneError>;

    /// Lets other prunes in again, where that takes more than to drop the lease.
    async fn release(&self) {}

    /// Takes refs out of the store, those that still are what they were, and remembers them in the trash of `run`.
    ///
    /// # Errors
    /// When none of them was taken.
    async fn remove_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError>;

    /// Stores the documents of refs and lets each ref point to them, those that still are what they were; what they
    /// pointed to is remembered in the trash of `run`.
    ///
    /// # Errors
    /// When none of them was changed.
    async fn rewrite_refs(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError>;

    /// Lets refs that [`Self::rewrite_refs`] changed in `run` point to what they did before.
    ///
    /// # Errors
    /// When none of them was changed.
    async fn restore_rewritten(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError>;

    /// Makes the trash of `run` ready; nothing can go there before.
    ///
    /// # Errors
    /// When it cannot be made.
    async fn prepare(&self, run: &PlanId) -> Result<(), PruneError>;

    /// Removes objects, those that still are what they were.
    async fn remove_objects(&self, run: &PlanId, disposal: Disposal, objects: Vec<ObjectTarget>) -> Vec<Outcome>;

    /// Returns which of `objects` are in the trash of `run`.
    async fn in_trash(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool>;

    /// Puts blobs back that are in the trash, whichever run put them there, and says which.
    ///
    /// # Errors
    /// When the trash cannot be read, or one of them not be put back.
    async fn put_back(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError>;

    /// Tells whether the refs are still those of `fingerprint`, while nobody can write them.
    ///
    /// # Errors
    /// When the refs cannot be read or held.
    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError>;

    /// Tells whether what was deleted at once may be put back none the less, by [`Self::put_back`].
    fn keeps_what_it_deletes(&self) -> bool {
        false
    }

    /// Returns how the store deletes, as far as it has shown and is worth knowing.
    fn manner(&self) -> Option<String> {
        None
    }

    /// Puts objects of `run` back from the trash.
    async fn restore_objects(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome>;

    /// Puts refs of `run` back, unless another of that name has come meanwhile.
    ///
    /// # Errors
    /// When none of them was put back.
    async fn restore_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError>;

    /// Makes what was done durable, and removes what is empty in the trash; the refs that went before `forget_before` are
    /// forgotten.
    ///
    /// # Errors
    /// When the system refuses.
    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError>;

    /// Returns what objects take on the disk.
    async fn footprint(&self, objects: Vec<ObjectName>) -> Footprint;
}

/// A pruner that several tasks share.
pub type SharedPruner = Arc<dyn CachePruner>;

/// Says why nothing could be deleted.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// Another prune holds the store.
    #[error("another prune is at work in {0}")]
    Busy(String),
    /// A build is writing the refs.
    #[error("{0} is held: a build is writing the refs at this moment")]
    IndexHeld(String),
    /// The store does not do what was asked for.
    #[error("{0}")]
    Refused(String),
    /// Something that is not cachelens's own lies where the trash should be.
    #[error("{0} is not a folder of cachelens")]
    TrashOccupied(String),
    /// The index is a link, or belongs to somebody as whom this program cannot write.
    #[error("{place} cannot be replaced: {why}")]
    Irreplaceable {
        /// The file.
        place: String,
        /// Why not.
        why: String,
    },
    /// The refs cannot be changed safely.
    #[error("cannot change {file}")]
    Layout {
        /// Which file.
        file: String,
        /// What is wrong with it.
        source: LayoutError,
    },
    /// The system refused an operation.
    #[error("cannot {doing} {place}")]
    Io {
        /// What was tried: `write`, `move`.
        doing: &'static str,
        /// On what.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Some of what was to come back has come back, and some could not.
    #[error("not everything could be put back")]
    PutBackInPart {
        /// What is back.
        back: Vec<Digest>,
        /// Why the rest is not.
        source: Box<PruneError>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_id_is_fit_for_a_file_name() {
        let id = PlanId::new("2026-11-22T00:59:18.5Z".parse().unwrap(), &Digest::of(b""));
        assert_eq!(id.to_string(), "20261122T005918Z-e3b0c442");
        assert_eq!(id.to_string().parse::<PlanId>(), Ok(id));
        for wrong in
            ["", ".", "..", "../../../../../../../etc/ssh", "20261122T005918Z-e3b0c44/", "20261122T005918Z-E3B0C442"]
        {
            assert!(wrong.parse::<PlanId>().is_err(), "{wrong}");
        }
    }
}
