//! The parts of a deletion: targets with their preconditions, and outcomes.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RemoteError;
use crate::backend::ListedRef;
use crate::format::digest::Digest;

/// A ref to delete, and the manifest that it must still point to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefTarget {
    /// All its names, or none for an untagged ref.
    pub names: Vec<String>,
    pub digest: Digest,
    /// The bytes of the ref itself, if the store does not keep it as a blob.
    pub bytes: u64,
}

/// A ref to point to other documents, and the manifest that it must still point to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefRewrite {
    /// The current ref.
    pub from: RefTarget,
    /// The documents to store; the last one is the new target of the ref.
    pub documents: Vec<String>,
}

impl RefRewrite {
    /// Returns the new target of the ref, and its size in bytes.
    pub fn to(&self) -> (Digest, u64) {
        let root = self
            .documents
            .last()
            .map(String::as_bytes)
            .unwrap_or_default();
        (Digest::of(root), root.len() as u64)
    }
}

/// An object to delete, and the facts that must still hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectTarget {
    pub name: ObjectName,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified, or when it was moved to the trash.
    pub modified: Timestamp,
}

/// The name of an object in its store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectName {
    Blob(Digest),
    /// An unfinished upload.
    Partial(String),
    /// An object that an earlier run moved to the trash.
    Trashed(String),
    /// An entry of a store that deletes by entry, by its full name.
    Entry(String),
}

/// The folder in a layout for the trash of prunes.
pub(super) const TRASH: &str = ".cachelens-trash";

impl ObjectName {
    /// Parses the name of an object in the trash: the folder of a run, and in it a blob under its
    /// digest or an unfinished upload.
    pub fn of_trash(name: &str) -> Option<(PlanId, Self)> {
        let (run, rest) = name
            .strip_prefix(TRASH)?
            .strip_prefix('/')?
            .split_once('/')?;
        let run = run.parse().ok()?;
        if let Some(upload) = rest.strip_prefix("ingest/") {
            return is_one_name(upload).then(|| (run, Self::Partial(rest.to_owned())));
        }
        let (algorithm, hex) = rest.strip_prefix("blobs/")?.split_once('/')?;
        let digest = Digest::from_parts(algorithm, hex).ok()?;
        Some((run, Self::Blob(digest)))
    }
}

/// Returns whether a text is the name of one file, which leads to no other folder.
pub(super) fn is_one_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// The name of a plan and of its folder in the trash: its time and the start of its digest. A valid
/// file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanId(String);

impl PlanId {
    /// Creates the name of a plan made at `created` whose content has this `digest`.
    pub fn new(created: Timestamp, digest: &Digest) -> Self {
        Self(format!(
            "{}-{}",
            created.strftime("%Y%m%dT%H%M%SZ"),
            digest.short(8)
        ))
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
            Err(format!(
                "`{}` is not the name of a plan",
                crate::text::escape::visible(text)
            ))
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

/// The outcome for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    /// It was already deleted.
    AlreadyGone,
    Skipped(Skip),
    /// It could not be deleted.
    Failed(String),
    /// The run ended before it.
    Cancelled,
}

impl Outcome {
    /// Returns whether a resumed run tries the item again. It also tries items without an outcome.
    pub fn is_retried(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Cancelled | Self::Skipped(Skip::InUse) => true,
            Self::Done | Self::AlreadyGone | Self::Skipped(_) => false,
        }
    }

    /// Returns the outcome of an item; a failed request is an outcome, too.
    pub(super) fn of(result: Result<Self, RemoteError>) -> Self {
        result.unwrap_or_else(|error| Self::Failed(error.in_one_line_with_hint()))
    }
}

/// Why an item was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// It changed since the plan was made.
    #[error("it has changed since the plan was made")]
    Changed,
    /// A ref references it now.
    #[error("a ref references it now")]
    Named,
    /// A rule of the policy protects it.
    #[error("a rule protects it: change the policy, then make a new plan")]
    Protected,
    /// It is younger than the grace.
    #[error("it is younger than the grace")]
    Young,
    /// Another tag points to the same manifest, and the registry deletes only manifests.
    #[error("another tag has the same manifest, and the registry deletes no tag by itself")]
    SharedManifest,
    /// A ref that cannot be read may reference it.
    #[error("a ref that cannot be read may reference it")]
    Undetermined,
    /// Builds wrote to the store during the whole waiting time.
    #[error("builds kept writing to the cache")]
    InUse,
    /// The refs kept changing, so it was restored.
    #[error("the refs kept changing or were held by a build, and it was restored")]
    Unsettled,
    /// The store does not support deleting it.
    #[error("the store does not allow it")]
    Unsupported,
}

/// A ref that a run deleted recently. Builds that imported it may still be fetching its blobs.
#[derive(Debug, Clone)]
pub struct DroppedRef {
    pub listed_ref: ListedRef,
    /// When it was deleted.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_id_is_fit_for_a_file_name() {
        let id = PlanId::new("2026-11-22T00:59:18.5Z".parse().unwrap(), &Digest::of(b""));
        assert_eq!(id.to_string(), "20261122T005918Z-e3b0c442");
        assert_eq!(id.to_string().parse::<PlanId>(), Ok(id));
        for wrong in [
            "",
            ".",
            "..",
            "../../../../../../../etc/ssh",
            "20261122T005918Z-e3b0c44/",
            "20261122T005918Z-E3B0C442",
        ] {
            assert!(wrong.parse::<PlanId>().is_err(), "{wrong}");
        }
    }
}
