//! Where caches are stored, behind one trait that reads and one that deletes.
//!
//! A backend lists its refs, streams what it stores, and reads blobs. It verifies each blob against
//! its digest. It decides nothing: reach, waste and faults of refs are up to
//! the inventory. A [`CacheReader`] cannot delete.

use std::time::Duration;

mod activity;
mod attestations;
pub mod bucket;
mod capabilities;
pub mod demo;
mod entries;
mod error;
mod facts;
mod files;
pub mod gha;
mod github;
mod http;
pub mod layer_changes;
pub mod layer_content;
pub mod layer_files;
mod listed_ref;
mod listing;
pub mod local;
pub mod memory;
mod object;
mod obstacle;
mod open;
mod pauses;
mod prune_error;
mod pruner;
mod reader;
pub mod registry;
pub mod registry_dir;
mod remote;
pub mod s3;
mod target;
mod totals;
mod untagged;
mod verify;
mod versions;

pub use activity::Activity;
pub use capabilities::{Capabilities, Support, UndoLimit, Undoability};
pub use entries::{
    CacheBranch, CacheEntryKind, DeletionCost, QuotaFact, QuotaFacts, RequestBudget, StoreEntry,
    UnknownQuotaFact, blob_in_entry, short_branch,
};
pub use error::{BackendError, ReadError};
pub use facts::{StoreFacts, Surroundings, UnlistedVersions, Unseen};
pub(crate) use http::{client_builder, within_origin};
pub use listed_ref::{ListedRef, ListedRefFacts, WithheldReason};
pub use object::{ObjectSender, OtherKind, OtherObject, StoredObject};
pub use obstacle::Obstacle;
pub use open::{OpenError, expand, find_stores, may_be_several, open, open_pruner};
pub use pauses::{CurrentPause, Pause, PauseReport};
pub use prune_error::PruneError;
pub use pruner::{
    CachePruner, DeleteObjects, Disposal, Lease, PruneAbilities, RestoreObjects, RestoreRefs,
    RewriteRefs, SettleStore, SharedPruner, StoreActivity, TakeLease, Trash, WatchActivity,
};
pub use reader::{
    AskForBlobs, BlobAnswer, CacheReader, FindReferrers, Footprint, KeepProvenance, ListObjects,
    ListedRefs, ListedRefsPart, MeasureObjects, PriceDeletions, ReadAbilities, RememberRefs,
    ShareBlobs, SharedReader, all_refs,
};
pub use remote::{RemoteError, RemoteKind};
pub use target::{
    DroppedRef, ObjectName, ObjectTarget, Outcome, PlanId, RefRewrite, RefTarget, Skip,
};
pub use totals::Totals;
pub use verify::Verified;
pub use versions::{PreviousVersions, StoreVersion};

use reader::ReadThrough;

/// How stores are asked, apart from their sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// How many requests are under way at once.
    pub concurrency: usize,
    /// How long one request may take to be answered, with its retries and the pauses that the
    /// service asks for; also how long a service may be silent while its answer arrives.
    pub timeout: Duration,
    /// Whether nothing may be read where reading counts as a use.
    pub no_touch: bool,
    /// How registries are asked.
    pub registry: registry::RegistryAccess,
    /// How buckets are asked.
    pub s3: s3::S3Access,
    /// Where the pauses that services ask for are reported.
    pub pauses: PauseReport,
    /// Counts the answers of services.
    pub activity: Activity,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            concurrency: 8,
            timeout: Duration::from_secs(30),
            no_touch: false,
            registry: registry::RegistryAccess::default(),
            s3: s3::S3Access::default(),
            pauses: PauseReport::default(),
            activity: Activity::default(),
        }
    }
}
