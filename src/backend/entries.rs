//! Entries of a store with a quota that are neither refs nor blobs, and the facts about the quota.
//! GitHub's caches are entries with their own names, shared with other tools, and GitHub itself
//! evicts them.

use std::collections::HashMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::format::digest::Digest;
use crate::text::escape::visible;

/// An entry of a store that deletes by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEntry {
    /// The name by which it is deleted: number, branch and key.
    pub name: String,
    /// The text that rules match: the key, or the name of the ref for a previous index.
    pub label: String,
    pub kind: CacheEntryKind,
    /// Its size in bytes.
    pub size: u64,
    pub created: Timestamp,
    /// When a job last requested it.
    pub used: Option<Timestamp>,
    /// The full name of the branch or pull request that wrote it.
    pub branch: String,
}

impl StoreEntry {
    /// Returns when it was last written or requested. An exporter that finds a layer requests it
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
    /// An index that a newer one superseded; 1 is the newest previous version.
    Previous(u32),
    /// A layer.
    Blob(Digest),
    /// Another entry for the same layer, written by another branch.
    Copy(Digest),
    Signature,
    /// An entry of another tool.
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

    /// Returns the digest of a layer.
    pub fn digest(self) -> Option<Digest> {
        match self {
            Self::Blob(digest) | Self::Copy(digest) => Some(digest),
            Self::Previous(_) | Self::Signature | Self::Foreign(_) => None,
        }
    }
}

/// The facts about the quota of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaFacts {
    /// The quota in bytes.
    pub limit: u64,
    /// Whether the service reported the limit. Otherwise it is the default.
    pub limit_is_reported: bool,
    /// The used bytes that the service reports, some minutes late.
    pub counted_bytes: Option<u64>,
    /// How long an unused entry is kept.
    pub idle: SignedDuration,
    /// The full name of the default branch.
    pub default_branch: Option<String>,
    /// The branches and pull requests by full name. One whose state is unknown is absent.
    pub branches: HashMap<String, CacheBranch>,
    /// The facts that could not be read.
    pub unknown: Vec<UnknownQuotaFact>,
    /// Whether the token of the job may write entries; `None` outside a job, or if the token does
    /// not say.
    pub job_writes: Option<bool>,
}

/// A fact about a quota that could not be read, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownQuotaFact {
    pub fact: QuotaFact,
    pub why: String,
}

/// A kind of fact about a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaFact {
    /// The used bytes.
    Usage,
    /// The branches.
    Branches,
    /// The open pull requests.
    PullRequests,
}

impl QuotaFacts {
    /// Returns whether a fact could be read.
    pub fn knows(&self, fact: QuotaFact) -> bool {
        self.unknown.iter().all(|unknown| unknown.fact != fact)
    }
}

impl fmt::Display for UnknownQuotaFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fact = match self.fact {
            QuotaFact::Usage => "the use of the quota",
            QuotaFact::Branches => "which branches there are",
            QuotaFact::PullRequests => "which pull requests are open",
        };
        write!(f, "{fact}: {}", self.why)
    }
}

/// A branch or pull request that has written entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheBranch {
    /// Whether it was deleted, or the pull request closed.
    pub is_gone: bool,
    /// The full name of the branch into which a pull request is merged.
    pub base: Option<String>,
}

/// Returns a branch name as people write it: `main`, `pull/7/merge`.
pub fn short_branch(branch: &str) -> &str {
    branch
        .strip_prefix("refs/heads/")
        .or_else(|| branch.strip_prefix("refs/"))
        .unwrap_or(branch)
}

impl QuotaFacts {
    /// Returns the branches whose caches a build on `branch` reads, its own first. A build of a
    /// pull request also reads its base branch, and every build reads the default branch. Branches
    /// that are not known are left out.
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

    /// Returns whether a branch was deleted, or a pull request closed.
    pub fn is_gone(&self, branch: &str) -> bool {
        self.branches
            .get(branch)
            .is_some_and(|branch| branch.is_gone)
    }
}

/// The target and the cost of deletions, in a store where each deletion is a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionCost {
    pub repository: String,
    /// The account of the token, if known.
    pub account: Option<String>,
    /// Where the token was found.
    pub token: Option<&'static str>,
    /// The most deletions per minute.
    pub a_minute: usize,
    /// The remaining request budget, if known.
    pub left: Option<RequestBudget>,
}

/// How many requests a token may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBudget {
    pub remaining: u64,
    /// When the budget is renewed.
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
