//! The warnings of a plan, which a person should read before the run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backend::WithheldReason;
use crate::backend::{DeletionCost, Obstacle, UnlistedVersions};
use crate::inventory::StoreWarning;
use crate::prune::rewrite::RewriteWarning;
use crate::retention::PolicyWarning;
use crate::text::escape::visible;
use crate::text::plural::counted_in_groups;

/// A warning of a plan. Documents contain its text, so a plan from a file has only that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum PlanWarning {
    /// The deletions take many requests.
    Cost {
        /// The cost of one deletion.
        cost: DeletionCost,
        /// The number of deletions.
        deletions: usize,
    },
    /// The scan found something unusual.
    Store(StoreWarning),
    /// The policy may not do what its author expects.
    Policy(PolicyWarning),
    /// A rule counts previous versions, and the store lists none.
    NoGenerations {
        /// The name of the rule.
        rule: String,
        /// The number of previous versions that it keeps.
        generations: u32,
        /// Why the store lists none.
        why: UnlistedVersions,
    },
    /// The store withholds the content of a ref.
    WithheldRef {
        /// The name of the ref.
        name: String,
        why: WithheldReason,
    },
    /// The store withholds the content of several refs.
    WithheldRefs {
        /// Their number.
        refs: usize,
        why: WithheldReason,
    },
    /// Refs cannot be read, so no blob is deleted.
    UnreadableRefs(NamedRefs),
    /// Manifests of refs are not stored, so no blob is deleted.
    IncompleteRefs(NamedRefs),
    /// A recently deleted ref, or one of a cache with the same blobs, cannot be read.
    UnreadableOther,
    /// The store cannot delete blobs.
    NoBlobDeletion { why: Obstacle },
    /// Blobs are restored from the trash first, so no blob is deleted.
    RestoresFirst {
        /// The number of blobs.
        blobs: usize,
    },
    /// A ref is not written again, or not as asked for.
    Rewrite(RewriteWarning),
    /// There is no grace period.
    NoGrace,
    /// The run does not watch the store for builds that reference the blobs it moved.
    NoSettling,
    /// A warning of a plan that was read from a file.
    Saved(String),
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cost { cost, deletions } => f.write_str(&cost.of(*deletions)),
            Self::Store(warning) => warning.fmt(f),
            Self::Policy(warning) => warning.fmt(f),
            Self::Rewrite(warning) => warning.fmt(f),
            Self::NoGenerations {
                rule,
                generations,
                why,
            } => write!(
                f,
                "rule \"{}\": `generations = {generations}` has no effect here: {}",
                visible(rule),
                visible(&why.to_string())
            ),
            Self::WithheldRef { name, why } => {
                write!(f, "`{}`: {why}; {ONLY_A_RULE}", visible(name))
            }
            Self::WithheldRefs { refs, why } => write!(f, "{refs} refs: {why}; {ONLY_A_RULE}"),
            Self::UnreadableRefs(refs) => write!(
                f,
                "{refs} cannot be read, and may reference any blob: no blob is deleted"
            ),
            Self::IncompleteRefs(refs) => {
                let (have, manifests, them) = if refs.count == 1 {
                    ("has", "a manifest that is", "the ref is")
                } else {
                    ("have", "manifests that are", "these refs are")
                };
                write!(
                    f,
                    "{refs} {have} {manifests} not stored, and may reference any blob: no blob is deleted until \
                     {them} exported again or deleted from the cache"
                )
            }
            Self::NoBlobDeletion { why } => write!(f, "no blob is deleted: {why}"),
            Self::RestoresFirst { blobs: 1 } => f.write_str(
                "1 blob in the trash is referenced again: it is restored, and no blob is deleted",
            ),
            Self::RestoresFirst { blobs } => write!(
                f,
                "{blobs} blobs in the trash are referenced again: they are restored, and no blob is deleted"
            ),
            Self::UnreadableOther => f.write_str(UNREADABLE_OTHER),
            Self::NoGrace => f.write_str(NO_GRACE),
            Self::NoSettling => f.write_str(NO_SETTLING),
            Self::Saved(text) => f.write_str(text),
        }
    }
}

const UNREADABLE_OTHER: &str = "a ref that was deleted a short time ago, or one of another cache with the same blobs, \
    cannot be read: no blob is deleted";
const NO_GRACE: &str = "a grace of 0s disables the protection of running builds: objects that they upload or have \
    found stored may be deleted";
const NO_SETTLING: &str = "a settle time of 0s disables the protection of running builds: a build that found a blob \
    stored and references it after this run has a broken ref";
/// How entries of withheld refs can be deleted.
const ONLY_A_RULE: &str = "only a rule that names the kind `blob` deletes it";

/// The most refs that one warning names.
const MOST_NAMED: usize = 3;

/// Refs to which a warning applies. A damaged store may have thousands of them, so it names the
/// first ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRefs {
    /// The names of the first ones.
    first: Vec<String>,
    /// The number of all.
    count: usize,
}

impl NamedRefs {
    /// Collects refs by their names; `None` if there are none.
    pub(super) fn of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Option<Self> {
        let count = names.len();
        let first: Vec<String> = names.take(MOST_NAMED).map(str::to_owned).collect();
        (count > 0).then_some(Self { first, count })
    }
}

impl fmt::Display for NamedRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .first
            .iter()
            .map(|name| format!("`{}`", visible(name)))
            .collect();
        match (names.as_slice(), self.count - self.first.len()) {
            ([all @ .., last], 0) if !all.is_empty() => write!(f, "{} and {last}", all.join(", ")),
            (names, 0) => f.write_str(&names.join(", ")),
            (names, more) => write!(
                f,
                "{} and {}",
                names.join(", "),
                counted_in_groups(more as u64, "more ref", "more refs")
            ),
        }
    }
}

impl From<PlanWarning> for String {
    fn from(warning: PlanWarning) -> Self {
        warning.to_string()
    }
}

impl From<String> for PlanWarning {
    fn from(text: String) -> Self {
        Self::Saved(text)
    }
}
