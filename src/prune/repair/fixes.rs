//! The fixes of a repair, the findings it cannot fix, and the texts for both.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Remedies;
use crate::backend::RefTarget;
use crate::check::Code;
use crate::format::cache_config::fix::{Dropped, FixedConfig};
use crate::format::digest::Digest;
use crate::inventory::RefEntry;
use crate::inventory::cache::RefCache;
use crate::prune::records::RecordsError;
use crate::text::escape::visible;
use crate::text::plural::{counted, one_or};
use crate::text::units::Size;

/// The other parts of a repair plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    /// Whether to delete unfinished uploads.
    pub uploads: bool,
    /// The findings that cannot be fixed.
    pub not_fixed: Vec<NotFixed>,
    /// The refs that are deleted because their manifests are gone.
    pub gone: Vec<RefTarget>,
}

/// A finding that cannot be fixed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NotFixed {
    /// The ref, escaped for display; `None` if it is about the store.
    #[serde(rename = "ref")]
    pub ref_name: Option<String>,
    /// The kind of the finding.
    pub code: String,
    /// The reason, and advice.
    pub why: String,
}

impl NotFixed {
    /// Applies one reason to several findings about a ref.
    pub(super) fn each(entry: &RefEntry, codes: &[Code], why: &str) -> Vec<Self> {
        let mut codes = codes.to_vec();
        codes.sort_unstable();
        let each = codes.into_iter().map(|code| Self {
            ref_name: Some(visible(&entry.name).into_owned()),
            code: code.name().to_owned(),
            why: why.to_owned(),
        });
        each.collect()
    }

    /// Gives an error as the reason for several findings about a ref.
    pub(super) fn because(
        entry: &RefEntry,
        codes: Vec<Code>,
        remedies: &Remedies,
        error: &RecordsError,
    ) -> Vec<Self> {
        let cause = std::error::Error::source(error)
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        let codes = match remedies {
            Remedies {
                restore: Some(_), ..
            } if codes.is_empty() => vec![Code::ManifestMissing],
            _ if codes.is_empty() => vec![Code::Compactable],
            _ => codes,
        };
        Self::each(entry, &codes, &format!("{error}{cause}"))
    }
}

/// A fix of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Fix {
    /// Drops results that need blobs which no build can load.
    LostResults {
        /// The number of results.
        results: u64,
        /// The number of blobs.
        blobs: u64,
    },
    /// Drops results that need layers which do not exist or form a cycle.
    BrokenResults {
        /// The number of results.
        results: u64,
    },
    /// Drops links to records that do not exist.
    BrokenLinks {
        /// The number of links.
        links: u64,
    },
    /// Drops links that close a loop of records.
    LoopLinks {
        /// The number of links.
        links: u64,
    },
    /// Drops records that no key reaches, because one of their inputs has no alternative.
    UnreachedRecords {
        /// The number of records.
        records: u64,
        /// The number of their results.
        results: u64,
    },
    /// It points to a previous version again.
    Restored {
        /// The version's manifest.
        digest: Digest,
        /// When it was written or replaced, where that is known.
        time: Option<Timestamp>,
    },
    /// Drops layers from the manifest that no result needs.
    IdleLayers,
    /// Shrinks the configuration: equal records are merged, and records that lead to no result are
    /// dropped.
    Compacted {
        /// The number of records before.
        records_before: u64,
        /// The number of records after.
        records: u64,
        /// The size of the config before, in bytes.
        bytes_before: u64,
        /// The size of the config after, in bytes.
        bytes: u64,
    },
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostResults { results, blobs } => write!(
                f,
                "drops {}, which {} {} that cannot be loaded",
                counted(*results, "result"),
                one_or(*results, "needs", "need"),
                counted(*blobs, "blob"),
            ),
            Self::BrokenResults { results } => write!(
                f,
                "drops {} on layers that are missing or are their own parent",
                counted(*results, "result")
            ),
            Self::BrokenLinks { links } => write!(
                f,
                "drops {} to records that are not there",
                counted(*links, "link")
            ),
            Self::LoopLinks { links } => {
                write!(f, "cuts {} of loops of records", counted(*links, "link"))
            }
            Self::UnreachedRecords { records, results } => write!(
                f,
                "drops {} that no key matches, with {}",
                counted(*records, "record"),
                counted(*results, "result")
            ),
            Self::Restored { digest, time } => {
                write!(f, "restores the version {}", digest.short(12))?;
                match time {
                    Some(time) => write!(f, " of {}", time.strftime("%Y-%m-%d %H:%M UTC")),
                    None => Ok(()),
                }
            }
            Self::IdleLayers => f.write_str("drops layers that no result needs"),
            Self::Compacted {
                records_before,
                records,
                bytes_before,
                bytes,
            } => write!(
                f,
                "its config takes {} instead of {}, with {records} of {} and every hit",
                Size(*bytes),
                Size(*bytes_before),
                counted(*records_before, "record")
            ),
        }
    }
}

/// Returns the fixes applied to a ref.
pub(super) fn of(
    fixed: &FixedConfig,
    lost: &[bool],
    cache: &RefCache,
    bytes_before: usize,
    is_smaller: bool,
    lists_others: bool,
) -> Vec<Fix> {
    let dropped = &fixed.dropped;
    let lost_results = Fix::LostResults {
        results: dropped.lost_results,
        blobs: super::content::lost_blobs(lost, cache),
    };
    let unreached = Fix::UnreachedRecords {
        records: dropped.unreached_records,
        results: dropped.unreached_results,
    };
    let compacted = Fix::Compacted {
        records_before: fixed.records.0 as u64,
        records: fixed.records.1 as u64,
        bytes_before: bytes_before as u64,
        bytes: fixed.text.len() as u64,
    };
    let (results, links) = (dropped.broken_results, dropped.broken_links);
    let loop_links = dropped.loop_links;
    let all = [
        (dropped.lost_results > 0, lost_results),
        (results > 0, Fix::BrokenResults { results }),
        (links > 0, Fix::BrokenLinks { links }),
        (loop_links > 0, Fix::LoopLinks { links: loop_links }),
        (dropped.unreached_records > 0, unreached),
        (
            lists_others && *dropped == Dropped::default(),
            Fix::IdleLayers,
        ),
        (is_smaller, compacted),
    ];
    let done = all.into_iter().filter(|(is_done, _)| *is_done);
    done.map(|(_, fix)| fix).collect()
}

/// The findings that no repair fixes, with the reason and advice.
const NOT_MENDED: &[(&[Code], &str)] = &[
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
pub fn why_not(code: Code) -> Option<&'static str> {
    NOT_MENDED
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
            let explained = why_not(*code).is_some();
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
