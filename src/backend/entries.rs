//! The entries of a store with a quota other than refs and blobs, and facts around it:
//! GitHub's caches are entries of their own, shared with other tools, and GitHub itself evicts
//! them.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::format::digest::Digest;
use crate::text::escape::visible;

/// An entry of a store that deletes by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEntry {
    /// The name by which it is deleted: its number, its branch and its key.
    pub name: String,
    /// The text that rules match: the key, or the name of the ref of a previous index.
    pub label: String,
    /// Its kind.
    pub kind: CacheEntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub created: Timestamp,
    /// When it was last asked for.
    pub used: Option<Timestamp>,
    /// The branch or pull request that wrote it, in full.
    pub branch: String,
}

impl StoreEntry {
    /// Returns when it was last written or asked for. An exporter that finds a layer asks for it
    /// and writes nothing.
    pub fn touched(&self) -> Timestamp {
        self.used
            .map_or(self.created, |used| used.max(self.created))
    }
}

/// The beginning of the key of a layer's entry; its digest follows. From BuildKit's
/// `cache/remotecache/gha/gha.go`.
pub const BLOB_KEY: &str = "buildkit-blob-1-";

/// Returns the digest of the blob in an entry, from the key at the end of the entry's name.
pub fn blob_in_entry(name: &str) -> Option<Digest> {
    let key = name.splitn(3, ':').nth(2)?;
    key.strip_prefix(BLOB_KEY)?.parse().ok()
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheEntryKind {
    /// An index that a newer one has superseded; the newest previous one is 1.
    Previous(u32),
    /// A layer.
    Blob(Digest),
    /// Another entry of the same layer, on another branch.
    Copy(Digest),
    /// The signature of an index.
    Signature,
    /// Of another tool.
    Foreign(&'static str),
}

impl CacheEntryKind {
    /// Returns the word for the group that it belongs to.
    pub fn word(self) -> &'static str {
        match self {
            Self::Previous(_) => "superseded index",
            Self::Blob(_) | Self::Copy(_) => "blobs",
            Self::Signature => "signatures",
            Self::Foreign(tool) => tool,
        }
    }

    /// Returns the layer that it is.
    pub fn digest(self) -> Option<Digest> {
        match self {
            Self::Blob(digest) | Self::Copy(digest) => Some(digest),
            Self::Previous(_) | Self::Signature | Self::Foreign(_) => None,
        }
    }
}

/// The facts around a store with a quota.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaFacts {
    /// The quota in bytes.
    pub limit: u64,
    /// Whether the service said so; else it is the default.
    pub limit_is_told: bool,
    /// The bytes that the service counts, some minutes late.
    pub counted_bytes: Option<u64>,
    /// How long an entry stays that is not used.
    pub idle: SignedDuration,
    /// The default branch, in full.
    pub default_branch: Option<String>,
    /// Whether branches and pull requests still are there, by their full names; one that is not
    /// known is absent.
    pub branches: HashMap<String, CacheBranch>,
    /// The facts that could not be read, and why.
    pub unknown: Vec<String>,
    /// Whether the token of the job may write entries; none outside a job, or where the token does
    /// not say.
    pub job_writes: Option<bool>,
}

/// A branch or pull request that has written entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheBranch {
    /// Whether it was deleted, or the pull request closed.
    pub is_gone: bool,
    /// The branch that a pull request is to be merged into, in full.
    pub base: Option<String>,
}

/// Returns a branch as people call it: `main`, `pull/7/merge`.
pub fn short_branch(branch: &str) -> &str {
    branch
        .strip_prefix("refs/heads/")
        .or_else(|| branch.strip_prefix("refs/"))
        .unwrap_or(branch)
}

impl QuotaFacts {
    /// Returns the branches whose caches a build on `branch` reads, its own first: of a pull
    /// request also its base's, of all the default branch's. Without the rest, the
    /// default branch is not known.
    pub fn readable(&self, branch: &str) -> Vec<String> {
        let mut readable = vec![branch.to_owned()];
        let base = self
            .branches
            .get(branch)
            .and_then(|branch| branch.base.clone());
        for other in base.into_iter().chain(self.default_branch.clone()) {
            if !readable.contains(&other) {
                readable.push(other);
            }
        }
        readable
    }

    /// Returns whether a branch is known to have been deleted, or a pull request closed.
    pub fn is_gone(&self, branch: &str) -> bool {
        self.branches
            .get(branch)
            .is_some_and(|branch| branch.is_gone)
    }
}

/// The target and the cost of deletions, in a store where each is a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionCost {
    /// The repository.
    pub repository: String,
    /// The account that the token belongs to, where that is known.
    pub account: Option<String>,
    /// Where the token was found.
    pub token: Option<&'static str>,
    /// How many are sent in a minute, at most.
    pub a_minute: usize,
    /// How many requests may still be sent, where that is known.
    pub left: Option<RequestBudget>,
}

/// How many requests a token may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBudget {
    /// How many.
    pub remaining: u64,
    /// When there are more again.
    pub reset: Option<Timestamp>,
}

impl DeletionCost {
    /// Returns a sentence about the cost of deletions.
    pub fn of(&self, deletions: usize) -> String {
        let requests = if deletions == 1 {
            "1 request".to_owned()
        } else {
            format!("{deletions} requests")
        };
        let who = match (&self.account, self.token) {
            (Some(account), _) => format!(" as {}", visible(account)),
            (None, Some(token)) => format!(" with the token from {token}"),
            (None, None) => String::new(),
        };
        let repository = visible(&self.repository);
        let mut text = format!("{repository}{who}: deleting takes {requests}");
        if let minutes @ 1.. = deletions.saturating_sub(1) / self.a_minute.max(1) {
            text = format!("{text}, at least {minutes} min at the pace that GitHub allows");
        }
        if let Some(budget) = self.left {
            text = format!("{text}; {} more are allowed", budget.remaining);
            if let Some(reset) = budget.reset {
                text = format!("{text} until {}", reset.strftime("%H:%M UTC"));
            }
        }
        text
    }
}
