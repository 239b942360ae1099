//! What a plan deletes and keeps, item by item, each with its reasons.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::backend::{ObjectName, ObjectTarget, RefTarget};
use crate::prune::records::Rewrite;
use crate::retention::Reason;
use crate::units::Age;

/// Something that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// What goes, and how it must still be found.
    #[serde(flatten, with = "document")]
    pub target: Target,
    /// Why, the reason that weighs most first.
    pub reasons: Vec<Why>,
}

/// What goes, with its precondition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A ref. It frees nothing itself: the blobs are items of their own.
    Ref(RefTarget),
    /// Results of a ref that stays. They free nothing yet: a later run finds what nothing reaches any more.
    Rewrite(Box<Rewrite>),
    /// A blob, an unfinished upload, or something in the trash.
    Object(ObjectTarget),
}

/// What kind of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A ref.
    Ref,
    /// Results of a ref that stays.
    Results,
    /// A blob.
    Blob,
    /// An unfinished upload.
    Partial,
    /// Something in the trash.
    Object,
    /// An entry of a store that deletes by entry.
    Entry,
}

impl Kind {
    /// Returns the word for it, as JSON and tables show it.
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

impl Target {
    /// Returns what kind of thing it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ref(_) => Kind::Ref,
            Self::Rewrite(_) => Kind::Results,
            Self::Object(object) => match object.name {
                ObjectName::Blob(_) => Kind::Blob,
                ObjectName::Partial(_) => Kind::Partial,
                ObjectName::Trashed(_) => Kind::Object,
                ObjectName::Entry(_) => Kind::Entry,
            },
        }
    }

    /// Returns what people call it.
    pub fn name(&self) -> String {
        match self {
            Self::Ref(target) => called(target),
            Self::Rewrite(rewrite) => called(&rewrite.documents.from),
            Self::Object(ObjectTarget { name: ObjectName::Blob(digest), .. }) => digest.to_string(),
            Self::Object(ObjectTarget {
                name: ObjectName::Partial(name) | ObjectName::Trashed(name) | ObjectName::Entry(name),
                ..
            }) => name.clone(),
        }
    }

    /// Returns the bytes that the store holds no longer when it has gone.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Ref(target) => target.bytes,
            Self::Rewrite(_) => 0,
            Self::Object(object) => object.size,
        }
    }
}

fn called(target: &RefTarget) -> String {
    target.names.first().cloned().unwrap_or_else(|| target.digest.to_string())
}

/// A target as a flat JSON object, with the fields that every item of a plan has.
mod document {
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Kind, Target};
    use crate::backend::{ObjectName, ObjectTarget, RefRewrite, RefTarget};
    use crate::format::digest::Digest;
    use crate::prune::records::{DroppedResult, Rewrite};

    #[derive(Serialize, Deserialize)]
    struct Item {
        kind: Kind,
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

    /// What is written in the place of what a ref points to.
    #[derive(Serialize, Deserialize)]
    struct Rewriting {
        filter: String,
        results: Vec<DroppedResult>,
        later_bytes: u64,
        documents: Vec<String>,
    }

    fn names_of(item: &Item) -> Vec<String> {
        if item.untagged { Vec::new() } else { [vec![item.name.clone()], item.aliases.clone()].concat() }
    }

    pub(super) fn serialize<S: Serializer>(target: &Target, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, name, bytes) = (target.kind(), target.name(), target.bytes());
        let (aliases, untagged, digest, modified, rewrite) = (Vec::new(), false, None, None, None);
        let none = Item { kind, name, aliases, untagged, digest, bytes, modified, rewrite };
        let aliases = |target: &RefTarget| target.names.iter().skip(1).cloned().collect();
        match target {
            Target::Ref(target) => Item {
                aliases: aliases(target),
                untagged: target.names.is_empty(),
                digest: Some(target.digest),
                ..none
            },
            Target::Rewrite(rewrite) => {
                let from = &rewrite.documents.from;
                Item {
                    aliases: aliases(from),
                    untagged: from.names.is_empty(),
                    digest: Some(from.digest),
                    rewrite: Some(Rewriting {
                        filter: rewrite.filter.clone(),
                        results: rewrite.results.clone(),
                        later_bytes: rewrite.later_bytes,
                        documents: rewrite.documents.documents.clone(),
                    }),
                    ..none
                }
            }
            Target::Object(object) => {
                let digest = if let ObjectName::Blob(digest) = object.name { Some(digest) } else { None };
                Item { digest, modified: Some(object.modified), ..none }
            }
        }
        .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
        let item = Item::deserialize(deserializer)?;
        let missing = D::Error::missing_field;
        let name = match item.kind {
            Kind::Ref => {
                let (names, digest) = (names_of(&item), item.digest.ok_or_else(|| missing("digest"))?);
                return Ok(Target::Ref(RefTarget { names, digest, bytes: item.bytes }));
            }
            Kind::Results => {
                let (names, digest) = (names_of(&item), item.digest.ok_or_else(|| missing("digest"))?);
                let Rewriting { filter, results, later_bytes, documents } =
                    item.rewrite.ok_or_else(|| missing("rewrite"))?;
                let documents = RefRewrite { from: RefTarget { names, digest, bytes: 0 }, documents };
                return Ok(Target::Rewrite(Box::new(Rewrite { documents, filter, results, later_bytes })));
            }
            Kind::Blob => ObjectName::Blob(item.digest.ok_or_else(|| missing("digest"))?),
            Kind::Partial => ObjectName::Partial(item.name),
            Kind::Object => ObjectName::Trashed(item.name),
            Kind::Entry => ObjectName::Entry(item.name),
        };
        let modified = item.modified.ok_or_else(|| missing("modified"))?;
        Ok(Target::Object(ObjectTarget { name, size: item.bytes, modified }))
    }
}

/// Something that stays, and is no live blob: those are only counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// What a ref points to, as it stands there.
    pub digest: Option<String>,
    /// Of a ref, how many blobs it names that were not stored when the plan was made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing_blobs: u64,
    /// Why, the reason that weighs most first.
    pub reasons: Vec<Why>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why something stays or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Why {
    /// The policy says so.
    Policy(Reason),
    /// The state of the store says so.
    Store(StoreReason),
}

/// What the state of a store says about something in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum StoreReason {
    /// It goes: no ref reaches it.
    Orphan {
        /// How long ago it was last written.
        unchanged: SignedDuration,
    },
    /// It goes: only refs reach it that go, or went a short time ago, and the blobs are not to wait.
    FreedNow,
    /// They go: a filter chose these results of a ref that stays.
    ChosenResults {
        /// How many.
        results: usize,
        /// The filter.
        filter: String,
    },
    /// It goes: an upload that was left unfinished.
    Unfinished {
        /// How long ago something of it was last written.
        unchanged: SignedDuration,
    },
    /// It goes: an earlier prune put it into the trash.
    Trashed {
        /// How long ago.
        ago: SignedDuration,
    },
    /// It stays: a ref that stays is the same entry.
    SameAsKept,
    /// It stays: a ref cannot be read, which may name it.
    Undetermined,
    /// It stays: a ref names it again, and this plan puts it back.
    NamedAgain,
    /// It stays until what the trash holds has been put back: that may name it.
    AwaitsPutBack,
    /// It stays: a person has left it out of the plan.
    LeftOut,
    /// It stays: it does not lie in the store in a way that can be deleted safely.
    Unsupported {
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Why {
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
            Self::Orphan { unchanged } => write!(f, "no ref reaches it; written {}", Age(*unchanged).ago()),
            Self::FreedNow => f.write_str("only refs that go reach it"),
            Self::ChosenResults { results, filter } => {
                let results = if *results == 1 { "1 result".to_owned() } else { format!("{results} results") };
                write!(f, "{results} of it: `{}` chose them", crate::format::text::visible(filter))
            }
            Self::Unfinished { unchanged } => write!(f, "an unfinished upload, left {}", Age(*unchanged).ago()),
            Self::Trashed { ago } => write!(f, "in the trash for {}", Age(*ago)),
            Self::SameAsKept => f.write_str("another entry that stays is the same"),
            Self::Undetermined => f.write_str("a ref that cannot be read may name it"),
            Self::NamedAgain => f.write_str("a ref names it again: it is put back"),
            Self::AwaitsPutBack => f.write_str("something is put back first, which may name it"),
            Self::LeftOut => f.write_str("left out by hand"),
            Self::Unsupported { why } => f.write_str(why),
        }
    }
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        Self::Policy(reason)
    }
}

impl From<StoreReason> for Why {
    fn from(reason: StoreReason) -> Self {
        Self::Store(reason)
    }
}
