//! Previous versions of refs, in stores that do not list them with their refs.

use async_trait::async_trait;
use jiff::Timestamp;

use super::RemoteError;
use crate::backend::ListedRef;

/// Content that a ref had before.
#[derive(Debug, Clone)]
pub struct StoreVersion {
    /// Its documents can be read from the store's reader.
    pub listed_ref: ListedRef,
    pub written: Option<Timestamp>,
}

/// A store that keeps the previous versions of its refs.
#[async_trait]
pub trait PreviousVersions: Send + Sync {
    /// Returns the readable previous versions of a ref, the newest first.
    ///
    /// # Errors
    /// Fails if the store does not list them.
    async fn versions_of(&self, name: &str) -> Result<Vec<StoreVersion>, RemoteError>;

    /// Returns whether the store lists every version that a ref had, so the versions before and
    /// after each one are known.
    fn lists_all(&self) -> bool {
        true
    }
}
