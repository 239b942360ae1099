//! The documents of GitHub's API, as far as cachelens uses them.

use serde::Deserialize;

use crate::backend::gha::entry::ListedEntry;

#[derive(Deserialize)]
pub(super) struct EntryPage {
    pub total_count: u64,
    pub actions_caches: Vec<ListedEntry>,
}

#[derive(Deserialize)]
pub(super) struct CacheUsage {
    pub active_caches_size_in_bytes: u64,
}

#[derive(Deserialize)]
pub(super) struct StorageLimit {
    pub max_cache_size_gb: u64,
}

#[derive(Deserialize)]
pub(super) struct CacheRetention {
    pub max_cache_retention_days: i64,
}

#[derive(Deserialize)]
pub(super) struct RepositoryInfo {
    pub default_branch: String,
}

#[derive(Deserialize)]
pub(super) struct BranchName {
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct PullRequest {
    pub number: u64,
    pub base: PullRequestBase,
}

#[derive(Deserialize)]
pub(super) struct PullRequestBase {
    #[serde(rename = "ref")]
    pub name: String,
}
