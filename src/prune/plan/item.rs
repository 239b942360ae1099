//! The deleted and kept items of a plan, each with its reasons.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::backend::{ObjectName, ObjectTarget, Obstacle, RefTarget};
use crate::prune::rewrite::{Fix, Rewrite};
use crate::retention::Reason;
use crate::text::units::Age;

/// A deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The target, with the precondition for its deletion.
    #[serde(flatten, with = "document")]
    pub target: DeletionTarget,
    /// The reasons, the most important first.
    pub reasons: Vec<ItemReason>,
}

/// A target of a deletion, with its precondition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeletionTarget {
    /// A ref. Its deletion frees nothing by itself: the blobs are separate items.
    Ref(RefTarget),
    /// Results of a kept ref. Dropping them frees nothing yet: a later run finds the blobs that no
    /// ref reaches any more.
    Rewrite(Box<Rewrite>),
    /// A blob, an unfinished upload, or an object in the trash.
    Object(ObjectTarget),
}

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    Ref,
    /// Results of a kept ref.
    Results,
    Blob,
    /// An unfinished upload.
    Partial,
    /// An object in the trash.
    Object,
    /// An entry of a store that deletes by entry.
    Entry,
}

impl ItemKind {
    /// Returns the word that JSON and tables show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ref => "ref",
            Self::Results => "results",
            Self::Blob => "blob",
            Self::Partial => "partial",
            Self::Object => "object",
            Self::Entry => "entry",
        }
    }
}

impl DeletionTarget {
    /// Returns its kind.
    pub fn kind(&self) -> ItemKind {
        match self {
            Self::Ref(_) => ItemKind::Ref,
            Self::Rewrite(_) => ItemKind::Results,
            Self::Object(object) => match object.name {
                ObjectName::Blob(_) => ItemKind::Blob,
                ObjectName::Partial(_) => ItemKind::Partial,
                ObjectName::Trashed(_) => ItemKind::Object,
                ObjectName::Entry(_) => ItemKind::Entry,
            },
        }
    }

    /// Returns its display name.
    pub fn name(&self) -> String {
        match self {
            Self::Ref(target) => called(target),
            Self::Rewrite(rewrite) => called(&rewrite.documents.from),
            Self::Object(ObjectTarget {
                name: ObjectName::Blob(digest),
                ..
            }) => digest.to_string(),
            Self::Object(ObjectTarget {
                name:
                    ObjectName::Partial(name) | ObjectName::Trashed(name) | ObjectName::Entry(name),
                ..
            }) => name.clone(),
        }
    }

    /// Returns the bytes that its deletion frees in the store.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Ref(target) => target.bytes,
            Self::Rewrite(_) => 0,
            Self::Object(object) => object.size,
        }
    }
}

fn called(target: &RefTarget) -> String {
    target
        .names
        .first()
        .cloned()
        .unwrap_or_else(|| target.digest.to_string())
}

/// A target as a flat JSON object, with the fields common to all items of a plan.
mod document {
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{DeletionTarget, ItemKind};
    use crate::backend::{ObjectName, ObjectTarget, RefRewrite, RefTarget};
    use crate::format::digest::Digest;
    use crate::prune::rewrite::{DroppedResult, Fix, Rewrite};

    #[derive(Serialize, Deserialize)]
    struct ItemDocument {
        kind: ItemKind,
        name: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        aliases: Vec<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        untagged: bool,
        digest: Option<Digest>,
        bytes: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modified: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewrite: Option<Rewriting>,
    }

    /// The replacement for the digest of a ref.
    #[derive(Serialize, Deserialize)]
    struct Rewriting {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        filter: String,
        results: Vec<DroppedResult>,
        later_bytes: u64,
        #[serde(default)]
        later_blobs: u64,
        documents: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fixes: Vec<Fix>,
    }

    fn names_of(item: &ItemDocument) -> Vec<String> {
        if item.untagged {
            Vec::new()
        } else {
            [vec![item.name.clone()], item.aliases.clone()].concat()
        }
    }

    pub(super) fn serialize<S: Serializer>(
        target: &DeletionTarget,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let none = ItemDocument {
            kind: target.kind(),
            name: target.name(),
            aliases: Vec::new(),
            untagged: false,
            digest: None,
            bytes: target.bytes(),
            modified: None,
            rewrite: None,
        };
        let aliases = |target: &RefTarget| target.names.iter().skip(1).cloned().collect();
        match target {
            DeletionTarget::Ref(target) => ItemDocument {
                aliases: aliases(target),
                untagged: target.names.is_empty(),
                digest: Some(target.digest),
                ..none
            },
            DeletionTarget::Rewrite(rewrite) => {
                let from = &rewrite.documents.from;
                ItemDocument {
                    aliases: aliases(from),
                    untagged: from.names.is_empty(),
                    digest: Some(from.digest),
                    rewrite: Some(Rewriting {
                        filter: rewrite.filter.clone(),
                        results: rewrite.results.clone(),
                        later_bytes: rewrite.later_bytes,
                        later_blobs: rewrite.later_blobs,
                        documents: rewrite.documents.documents.clone(),
                        fixes: rewrite.fixes.clone(),
                    }),
                    ..none
                }
            }
            DeletionTarget::Object(object) => {
                let digest = if let ObjectName::Blob(digest) = object.name {
                    Some(digest)
                } else {
                    None
                };
                ItemDocument {
                    digest,
                    modified: Some(object.modified),
                    ..none
                }
            }
        }
        .serialize(serializer)
    }

    fn rewrite<E: serde::de::Error>(item: ItemDocument) -> Result<Rewrite, E> {
        let names = names_of(&item);
        let digest = item.digest.ok_or_else(|| E::missing_field("digest"))?;
        let written = item.rewrite.ok_or_else(|| E::missing_field("rewrite"))?;
        Ok(Rewrite {
            documents: RefRewrite {
                from: RefTarget {
                    names,
                    digest,
                    bytes: 0,
                },
                documents: written.documents,
            },
            filter: written.filter,
            results: written.results,
            later_bytes: written.later_bytes,
            later_blobs: written.later_blobs,
            fixes: written.fixes,
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DeletionTarget, D::Error> {
        let item = ItemDocument::deserialize(deserializer)?;
        let missing = D::Error::missing_field;
        let name = match item.kind {
            ItemKind::Ref => {
                let names = names_of(&item);
                let digest = item.digest.ok_or_else(|| missing("digest"))?;
                return Ok(DeletionTarget::Ref(RefTarget {
                    names,
                    digest,
                    bytes: item.bytes,
                }));
            }
            ItemKind::Results => {
                return Ok(DeletionTarget::Rewrite(Box::new(rewrite(item)?)));
            }
            ItemKind::Blob => ObjectName::Blob(item.digest.ok_or_else(|| missing("digest"))?),
            ItemKind::Partial => ObjectName::Partial(item.name),
            ItemKind::Object if ObjectName::of_trash(&item.name).is_some() => {
                ObjectName::Trashed(item.name)
            }
            ItemKind::Object => {
                let shown = crate::text::escape::visible(&item.name).into_owned();
                let message = format!("`{shown}` is not the name of something in the trash");
                return Err(D::Error::custom(message));
            }
            ItemKind::Entry => ObjectName::Entry(item.name),
        };
        let modified = item.modified.ok_or_else(|| missing("modified"))?;
        Ok(DeletionTarget::Object(ObjectTarget {
            name,
            size: item.bytes,
            modified,
        }))
    }
}

/// A kept item other than a live blob; those are only counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptItem {
    pub kind: ItemKind,
    /// Its display name.
    pub name: String,
    /// The digest of a ref, as stored.
    pub digest: Option<String>,
    /// For a ref, the number of referenced blobs that were not stored when the plan was made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing_blobs: u64,
    /// The reasons, the most important first.
    pub reasons: Vec<ItemReason>,
}

impl KeptItem {
    /// Returns the grace period that it waits for; `None` if time alone does not delete it. A young
    /// ref does not wait, because a later run asks the rules again.
    pub fn waits_for(&self) -> Option<SignedDuration> {
        if self.kind == ItemKind::Ref {
            return None;
        }
        self.reasons.iter().find_map(|reason| match reason {
            ItemReason::Policy(Reason::WithinGrace { grace, .. }) => Some(*grace),
            ItemReason::Policy(_) | ItemReason::Store(_) => None,
        })
    }

    /// Returns its most important reason, without what is particular to it.
    pub fn group_reason(&self) -> String {
        match self.reasons.first() {
            Some(ItemReason::Policy(reason)) => reason.of_group(),
            Some(ItemReason::Store(reason)) => reason.to_string(),
            None => "no reason given".to_owned(),
        }
    }

    /// Returns whether a later run deletes it when the grace period has passed.
    pub fn waits(&self) -> bool {
        self.waits_for().is_some()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why an item is kept or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ItemReason {
    /// The policy decides.
    Policy(Reason),
    /// The state of the store decides.
    Store(StoreReason),
}

/// A reason in the state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum StoreReason {
    /// Deleted: no ref reaches it.
    Orphan {
        /// The time since its last write.
        unchanged: SignedDuration,
    },
    /// Deleted: only deleted or recently deleted refs reach it, and the blobs are not to wait.
    FreedNow,
    /// Deleted: a filter chose these results of a kept ref.
    ChosenResults {
        /// The number of results.
        results: usize,
        filter: String,
    },
    /// Rewritten: a repair fixes a part of it.
    Fixed { fix: Fix },
    /// Deleted: its manifest is not stored, so no build can import it.
    ManifestMissing,
    /// Deleted: an unfinished upload.
    Unfinished {
        /// The time since the last write to it.
        unchanged: SignedDuration,
    },
    /// Deleted: an earlier prune moved it to the trash.
    Trashed {
        /// The time since then.
        ago: SignedDuration,
    },
    /// Kept: a kept ref is the same entry.
    SameAsKept,
    /// Kept: an unreadable ref may reference it.
    Undetermined,
    /// Kept: a ref references it again, and this plan restores it.
    ReferencedAgain,
    /// Kept until the trash has been restored, because restored blobs may reference it.
    AwaitsRestore,
    /// Kept: a person has excluded it from the plan.
    Excluded,
    /// Kept: it is stored in a way that cannot be deleted safely.
    Unsupported { why: Obstacle },
}

impl fmt::Display for ItemReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(reason) => reason.fmt(f),
            Self::Store(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for StoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orphan { unchanged } => {
                write!(f, "no ref reaches it; written {}", Age(*unchanged).ago())
            }
            Self::FreedNow => f.write_str("only deleted refs reach it"),
            Self::ChosenResults { results, filter } => {
                let results = if *results == 1 {
                    "1 result".to_owned()
                } else {
                    format!("{results} results")
                };
                write!(
                    f,
                    "{results} of it: `{}` chose them",
                    crate::text::escape::visible(filter)
                )
            }
            Self::Fixed { fix } => fix.fmt(f),
            Self::ManifestMissing => f.write_str("its manifest is missing: no build can import it"),
            Self::Unfinished { unchanged } => {
                write!(f, "an unfinished upload, left {}", Age(*unchanged).ago())
            }
            Self::Trashed { ago } => write!(f, "in the trash for {}", Age(*ago)),
            Self::SameAsKept => f.write_str("a kept entry is the same"),
            Self::Undetermined => f.write_str("a ref that cannot be read may reference it"),
            Self::ReferencedAgain => f.write_str("a ref references it again: it is restored"),
            Self::AwaitsRestore => f.write_str("something that is restored first may reference it"),
            Self::Excluded => f.write_str("excluded by hand"),
            Self::Unsupported { why } => why.fmt(f),
        }
    }
}

impl From<Reason> for ItemReason {
    fn from(reason: Reason) -> Self {
        Self::Policy(reason)
    }
}

impl From<StoreReason> for ItemReason {
    fn from(reason: StoreReason) -> Self {
        Self::Store(reason)
    }
}
