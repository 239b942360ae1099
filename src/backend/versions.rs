//! Previous versions of refs, in stores that keep them out of their lists of refs.

use async_trait::async_trait;
use jiff::Timestamp;

use super::RemoteError;
use crate::format::layout::ListedRef;

/// Content that a ref had before.
#[derive(Debug, Clone)]
pub struct StoreVersion {
    /// What it points to. Its documents can be read from the store's reader.
    pub listed_ref: ListedRef,
    /// When it was written.
    pub written: Option<Timestamp>,
}

/// A store that keeps the previous versions of its refs.
#[async_trait]
pub trait PreviousVersions: Send + Sync {
    /// Returns the previous versions of a ref that can be read, the newest first.
    ///
    /// # Errors
    /// When the store does not list them.
    async fn versions_of(&self, name: &str) -> Result<Vec<StoreVersion>, RemoteError>;

    /// Returns whether the store lists every version that a ref had, so that the ones before and
    /// after each are known.
    fn lists_all(&self) -> bool {
        true
    }
}
