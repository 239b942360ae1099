//! Counts the answers of services, to distinguish a silent service from a long list.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the answers to everything that is opened with one [`super::Access`]. Clones share the
/// count.
#[derive(Debug, Clone, Default)]
pub struct Activity(Arc<AtomicU64>);

impl Activity {
    /// Notes that a part of an answer arrived.
    pub(super) fn heard(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many parts of answers arrived so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Two values are equal if they share the count.
impl PartialEq for Activity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Activity {}
