//! Checks whether builds can use a cache, and finds risks and wasted space.
//!
//! Each problem is a [`Finding`]: a stable [`Code`], a severity, its subject, and advice. Findings
//! come from an inventory ([`judge()`]), from a second look into the configurations of its refs
//! ([`look`]), and, on request, from reading every blob ([`verify`]). A part that could not be
//! checked is a finding, too, so that silence never stands for health.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::backend::{BlobAnswer, CacheReader, SharedReader};
use crate::format::digest::Digest;
use crate::inventory::blobs::{BlobId, BlobRole};
use crate::inventory::{Inventory, RefId};
use crate::source::{SourceLocation, StoreKind};

mod advice;
mod code;
mod elsewhere;
mod finding;
pub mod ignore;
mod judge;
pub mod lifecycle;
pub mod limits;
pub mod look;
mod previous;
pub mod updates;
pub mod verify;
mod words;

pub use advice::FindingAdvice;
pub use code::{Code, Severity};
pub use finding::Finding;
pub use judge::judge;
pub use previous::RestorableVersion;

use look::RefConfigFacts;
use verify::{BlobFault, ReadBlobs};

/// A source and the result of its scan.
#[derive(Debug, Clone, Copy)]
pub struct CheckSubject<'a> {
    /// The name of the source on the command line.
    pub source: &'a str,
    pub kind: StoreKind,
    /// Its location, if known.
    pub location: Option<&'a SourceLocation>,
    /// The result of the scan.
    pub inventory: &'a Inventory,
    /// The refs to check; `None` checks all refs and the rest of the store.
    pub only: Option<&'a [RefId]>,
}

impl CheckSubject<'_> {
    /// Returns the indexes of the refs to check.
    fn refs(&self) -> Vec<RefId> {
        match self.only {
            Some(only) => only.to_vec(),
            None => self.inventory.indexed_refs().map(|(id, _)| id).collect(),
        }
    }
}

/// Options of a check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Whether to read every blob and compare it with its digest.
    pub verify: bool,
    /// The number of refs or blobs to read at once.
    pub concurrency: usize,
    pub cancel: CancellationToken,
}

/// The progress of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckProgress {
    /// The check looks into refs.
    Refs {
        /// The number of finished refs.
        done: usize,
        /// The number of all refs.
        all: usize,
    },
    /// The check reads blobs.
    Blobs {
        /// The bytes read so far.
        read: u64,
        /// The total bytes, as far as known.
        all: u64,
    },
}

/// The result of a check, and its extent.
#[derive(Debug, Clone, Default)]
pub struct CheckResult {
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// The findings that the configuration ignores.
    pub ignored: Vec<ignore::Ignored<Finding>>,
    /// The number of refs that were examined.
    pub refs: usize,
    /// The number of blobs known to be stored.
    pub blobs: u64,
    /// The number of blobs that were read completely; `None` if reading was not requested.
    pub read: Option<u64>,
    /// The blobs that were read and turned out absent or different from their digests.
    pub damaged: HashSet<Digest>,
}

/// Checks a source; returns `None` if cancelled.
///
/// Anything that cannot be read becomes a finding.
pub async fn check(
    subject: &CheckSubject<'_>,
    reader: &SharedReader,
    options: &CheckOptions,
    now: Timestamp,
    mut observe: impl FnMut(CheckProgress) + Send,
) -> Option<CheckResult> {
    let refs = subject.refs();
    let looks = look::into(&**reader, subject.inventory, &refs, options, &mut observe).await?;
    let read = if options.verify {
        Some(verify::read(reader, subject.inventory, &refs, options, &mut observe).await?)
    } else {
        None
    };
    let vanished = vanished(&**reader, subject.inventory, &refs).await;
    let versions = previous::of_refs(subject, &**reader, &refs).await;
    let evidence = CheckInput {
        subject: *subject,
        vanished: &vanished,
        versions: &versions,
        looks: &looks,
        read: read.as_ref(),
    };
    let listed = subject
        .inventory
        .blobs
        .iter()
        .filter(|blob| subject.inventory.unlisted.is_none() && blob.is_stored());
    let mut findings = judge(&evidence, now);
    findings.extend(elsewhere::judge(subject, &**reader).await);
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    Some(CheckResult {
        findings,
        ignored: Vec::new(),
        refs: refs.len(),
        blobs: listed.count() as u64,
        damaged: read
            .iter()
            .flat_map(|read| damaged(subject, read))
            .collect(),
        read: read.map(|read| read.sound),
    })
}

/// Returns the blobs that were read and that no build can load.
fn damaged<'a>(
    subject: &CheckSubject<'a>,
    read: &'a ReadBlobs,
) -> impl Iterator<Item = Digest> + use<'a> {
    let inventory = subject.inventory;
    let is_damaged = |fault: &BlobFault| matches!(fault, BlobFault::Absent | BlobFault::WrongBytes);
    let faults = read
        .faults
        .iter()
        .filter(move |(_, fault)| is_damaged(fault));
    faults.map(|(id, _)| inventory.blobs.get(*id).digest())
}

/// Asks a store without a listing for the documents of refs, because documents in cachelens's own
/// disk cache may be gone from the store. A store that cannot be asked causes no finding here.
async fn vanished(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    refs: &[RefId],
) -> HashSet<Digest> {
    if inventory.unlisted.is_none() {
        return HashSet::new();
    }
    let reached = refs.iter().filter_map(|id| inventory.get_ref(*id));
    let reached: HashSet<BlobId> = reached
        .flat_map(|entry| entry.reach.iter().copied())
        .collect();
    let documents = reached.into_iter().map(|id| inventory.blobs.get(id));
    let documents = documents.filter(|blob| {
        matches!(
            blob.role(),
            BlobRole::Manifest | BlobRole::Index | BlobRole::CacheConfig | BlobRole::ImageConfig
        )
    });
    let documents = documents.map(|blob| blob.digest()).collect();
    let answers = reader
        .abilities()
        .ask_for(documents)
        .await
        .unwrap_or_default();
    answers
        .into_iter()
        .filter(|(_, answer)| *answer == BlobAnswer::Absent)
        .map(|(digest, _)| digest)
        .collect()
}

/// The input of all findings.
#[derive(Debug, Clone, Copy)]
pub struct CheckInput<'a> {
    /// The source and the result of its scan.
    pub subject: CheckSubject<'a>,
    /// The documents that could be read and that the store no longer holds.
    pub vanished: &'a HashSet<Digest>,
    /// Previous versions of refs from which builds get nothing, in the order of the refs.
    pub versions: &'a [(RefId, RestorableVersion)],
    /// The results of the second look into refs.
    pub looks: &'a [(RefId, RefConfigFacts)],
    /// The results of reading the blobs, if requested.
    pub read: Option<&'a ReadBlobs>,
}
