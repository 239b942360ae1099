//! The fixes of a repair.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::digest::Digest;
use crate::text::plural::{counted, one_or};
use crate::text::units::Size;

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
