//! The findings that a repair cannot fix, with the reasons.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::RewriteRefError;
use crate::backend::Obstacle;
use crate::check::Code;

/// A finding that cannot be fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFixed {
    /// The ref, escaped for display; `None` if it is about the store.
    #[serde(rename = "ref")]
    pub ref_name: Option<String>,
    /// The kind of the finding.
    pub code: Code,
    /// The reason, and advice.
    pub why: NotFixedReason,
}

/// Why a finding cannot be fixed. Documents contain its text, so a plan from a file has only that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum NotFixedReason {
    /// The ref has nothing that could be dropped without losing a hit.
    NothingToDrop,
    /// The store does not support that refs are written again.
    ReadOnly(Obstacle),
    /// The ref cannot be written again.
    Rewrite(RewriteRefError),
    /// The missing blobs may exist behind symbolic links.
    BehindLinks,
    /// No repair fixes findings of this kind.
    NoRepair(Code),
    /// The reason in a plan that was read from a file.
    Saved(String),
}

impl fmt::Display for NotFixedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToDrop => f.write_str("nothing of it can be dropped without losing a hit"),
            Self::ReadOnly(obstacle) => obstacle.fmt(f),
            Self::Rewrite(error) => {
                error.fmt(f)?;
                match error.source() {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
            Self::BehindLinks => {
                f.write_str("the blobs are symbolic links, which cachelens does not follow")
            }
            Self::NoRepair(code) => f.write_str(no_repair(*code).unwrap_or(NO_DAMAGE)),
            Self::Saved(text) => f.write_str(text),
        }
    }
}

impl From<NotFixedReason> for String {
    fn from(reason: NotFixedReason) -> Self {
        reason.to_string()
    }
}

impl From<String> for NotFixedReason {
    fn from(text: String) -> Self {
        Self::Saved(text)
    }
}

/// The reason for findings that are waste and no damage.
const NO_DAMAGE: &str = "it is not damage";

/// The findings that no repair fixes, with the reason and advice.
const WITHOUT_REPAIR: &[(&[Code], &str)] = &[
    (&[Code::SourceUnreadable], "nothing is known of the source"),
    (
        &[Code::BlobUnreadable],
        "the blobs may be sound: check again when the store answers",
    ),
    (
        &[Code::LifecycleExpiresBlobs, Code::LifecycleArchives],
        "cachelens does not change the rules of a bucket",
    ),
    (
        &[Code::KeepsChanging],
        "check again when no build exports to it",
    ),
    (
        &[Code::CachesMerged],
        "which of the caches a build wants is not known: import each ref by itself, and delete \
         this one",
    ),
    (
        &[Code::ConfigPassedOver],
        "which of the caches builds want is not known: import each ref by itself",
    ),
    (
        &[Code::InlineSkipped],
        "build and push the image again with an inline cache",
    ),
    (
        &[Code::NoCache, Code::NoRefs, Code::EmptyCache],
        "there is no content to write: export to it",
    ),
    (
        &[Code::DuplicateName],
        "it is not known which of them builds use: delete the others",
    ),
    (
        &[Code::FutureDate],
        "set the clocks; later exports then have correct dates",
    ),
    (
        &[Code::PrefixWithoutSlash],
        "change the prefix in the builds that use it",
    ),
    (
        &[Code::EvictedSoon, Code::QuotaFull],
        "the service evicts entries on its own: prune unneeded refs",
    ),
    (
        &[
            Code::OrphansOverLimit,
            Code::SizeOverLimit,
            Code::AgeOverLimit,
        ],
        "a given limit is exceeded: prune, or raise the limit",
    ),
    (
        &[Code::UpdateTooOld],
        "`prune --records` drops such results, so that the next build runs the step again",
    ),
    (
        &[Code::LimitNotChecked],
        "the store does not report the value that the limit applies to",
    ),
    (
        &[Code::CacheReadOnly],
        "give the job the permission to write",
    ),
    (
        &[Code::NearImportLimit],
        "`--compact` makes it smaller where something can be dropped",
    ),
];

/// Returns why no repair fixes findings of this kind, with advice; `None` if a repair does, or if
/// there is nothing to fix.
pub fn no_repair(code: Code) -> Option<&'static str> {
    WITHOUT_REPAIR
        .iter()
        .find(|(codes, _)| codes.contains(&code))
        .map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings that are no damage: a repair has nothing to fix, or a prune deletes the
    /// objects.
    const NO_DAMAGE: &[Code] = &[
        Code::NotChecked,
        Code::LifecycleLeavesBlobs,
        Code::LifecycleKeepsUploads,
        Code::LifecycleKeepsVersions,
        Code::BlobsElsewhere,
        Code::Orphans,
        Code::Trash,
        Code::SupersededIndexes,
        Code::BranchGone,
        Code::Invisible,
        Code::Thinned,
    ];

    #[test]
    fn each_finding_is_repaired_or_has_a_reason() {
        for code in Code::ALL {
            let fixed = Code::FIXABLE.contains(code) || Code::COMPACTION.contains(code);
            let explained = no_repair(*code).is_some();
            let harmless = NO_DAMAGE.contains(code);
            assert_ne!(
                harmless,
                fixed || explained,
                "{}: mended {fixed}, explained {explained}",
                code.name()
            );
        }
    }
}
