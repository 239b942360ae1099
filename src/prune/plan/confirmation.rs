//! Whether a plan must be confirmed by typing the name of its source.

use std::fmt;

use super::{FreedBlobs, ItemKind, Plan};
use crate::text::units::{Size, grouped};

/// A plan that frees more bytes than this must be confirmed by typing.
const MANY_BYTES: u64 = 1 << 30;
/// The same holds for a plan that deletes more refs than this.
const MANY_REFS: usize = 10;
/// The same holds for a plan that deletes more objects than this.
const MANY_OBJECTS: u64 = 10_000;

/// Why a plan must be confirmed by typing the name of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedReason {
    /// It deletes every ref.
    EveryRef,
    /// It deletes blobs together with their refs, so running builds may fail.
    FreedNow,
    /// It empties the trash without a grace period.
    YoungTrash,
    /// It deletes many refs.
    ManyRefs(usize),
    /// It frees many bytes.
    ManyBytes(u64),
    /// It deletes many objects, such as most blobs of a large cache of small layers.
    ManyObjects(u64),
}

impl TypedReason {
    /// Returns whether the name must be typed although the user has written `--yes`.
    ///
    /// A script writes `--yes` for plans of any size. The other reasons are about refs that every
    /// build loses at once, so a script has to name the source with `--confirm`.
    pub fn outweighs_yes(self) -> bool {
        match self {
            Self::EveryRef | Self::FreedNow => true,
            Self::YoungTrash | Self::ManyRefs(_) | Self::ManyBytes(_) | Self::ManyObjects(_) => {
                false
            }
        }
    }
}

impl fmt::Display for TypedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryRef => f.write_str("the plan deletes every ref"),
            Self::FreedNow => f.write_str("the plan deletes blobs together with their refs"),
            Self::YoungTrash => f.write_str("the plan empties the trash without a grace period"),
            Self::ManyRefs(refs) => {
                write!(f, "the plan deletes {} refs", grouped(*refs as u64))
            }
            Self::ManyBytes(bytes) => write!(f, "the plan frees {}", Size(*bytes)),
            Self::ManyObjects(count) => write!(f, "the plan deletes {} objects", grouped(*count)),
        }
    }
}

impl Plan {
    /// Returns the gravest reason to ask for the name of the source before the plan is carried out;
    /// `None` if a simple confirmation is enough.
    pub fn needs_typed_confirmation(&self) -> Option<TypedReason> {
        if self.drops_every_ref {
            Some(TypedReason::EveryRef)
        } else if self.freed_blobs == FreedBlobs::DeleteNow {
            Some(TypedReason::FreedNow)
        } else if self.empties_young_trash() {
            Some(TypedReason::YoungTrash)
        } else if self.refs() > MANY_REFS {
            Some(TypedReason::ManyRefs(self.refs()))
        } else if self.frees_bytes > MANY_BYTES {
            Some(TypedReason::ManyBytes(self.frees_bytes))
        } else if self.frees_objects > MANY_OBJECTS {
            Some(TypedReason::ManyObjects(self.frees_objects))
        } else {
            None
        }
    }

    /// Returns whether it deletes only objects in the trash, regardless of their age.
    fn empties_young_trash(&self) -> bool {
        let mut items = self.delete.iter();
        self.grace.is_zero()
            && !self.delete.is_empty()
            && items.all(|item| item.target.kind() == ItemKind::Object)
    }
}
