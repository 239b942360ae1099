//! What becomes of each ref, each blob and each other object.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{FreedBlobs, Planning, StoreReason, Target, Why, age, ref_target};
use crate::backend::{ObjectName, ObjectTarget, RefTarget, Support};
use crate::format::digest::Digest;
use crate::inventory::blobs::{Blob, BlobId};
use crate::inventory::{Inventory, RefEntry, StoreWarning, Tally};
use crate::retention::{Reason, Verdict};

/// What becomes of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefFate {
    Stays(Vec<Why>),
    Goes(RefTarget, Vec<Why>),
}

impl RefFate {
    fn goes(&self) -> Option<&RefTarget> {
        match self {
            Self::Goes(target, _) => Some(target),
            Self::Stays(_) => None,
        }
    }
}

/// Which refs reach a blob. The greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    /// Refs that an earlier prune took out less than the grace ago.
    Recent,
    /// Refs that go.
    Dropped,
    /// A ref that stays.
    Kept,
}

/// What becomes of a blob. Only [`BlobFate::Goes`] is a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobFate {
    /// It is named and not stored: there is nothing to delete.
    Missing,
    /// It stays: a ref reaches it that stays.
    Live,
    /// It stays for now: only refs reach it that go, or went less than the grace ago.
    Waits,
    /// It is left to the store: only refs reach it that go, and a registry frees space by itself.
    Collected,
    /// It stays: it was written too recently.
    WithinGrace,
    /// It stays: nobody knows when it was written.
    UnknownAge,
    /// It stays: a ref cannot be read, which may name it.
    Undetermined,
    /// It stays until what the trash holds has been put back: that may name it.
    AwaitsPutBack,
    /// It stays: it does not lie in the store in a way that can be deleted safely.
    Unsupported,
    /// It stays: a person has left it out.
    LeftOut,
    /// It goes: nothing reaches it, and nothing did when the plan was made.
    Goes,
}

impl BlobFate {
    /// The fates of blobs that stay although no ref reaches them which stays.
    pub const HELD: [Self; 8] = [
        Self::Waits,
        Self::Collected,
        Self::WithinGrace,
        Self::UnknownAge,
        Self::Undetermined,
        Self::AwaitsPutBack,
        Self::Unsupported,
        Self::LeftOut,
    ];

    /// Says it as a person reads it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "named and not stored",
            Self::Live => "reached from a ref that stays",
            Self::Waits => "freed by refs that go or went; a later run takes them after the grace",
            Self::Collected => "freed by refs that go; the registry's own collection takes them",
            Self::WithinGrace => "written within the grace",
            Self::UnknownAge => "of unknown age",
            Self::Undetermined => "a ref that cannot be read may name them",
            Self::AwaitsPutBack => "something is put back first, which may name them",
            Self::Unsupported => "cannot be deleted safely here",
            Self::LeftOut => "left out by hand",
            Self::Goes => "no ref reaches them",
        }
    }
}

/// What becomes of everything in a store.
#[derive(Debug)]
pub struct Judged {
    /// In the order of the blob table.
    pub(super) blobs: Vec<BlobFate>,
    /// Blobs in the trash that a ref names and the store does not hold.
    pub(super) put_back: Vec<Digest>,
    /// Whether something could not be read that may name blobs.
    pub(super) undetermined: bool,
}

impl Judged {
    /// Judges everything.
    pub fn new(planning: &Planning<'_>) -> Self {
        Self::with_refs(planning).1
    }

    /// Judges everything, refs first; returns what becomes of those, in the inventory's order, and the rest.
    pub(super) fn with_refs(planning: &Planning<'_>) -> (Vec<RefFate>, Self) {
        let inventory = planning.inventory;
        let refs = judge_refs(planning);
        let reached = reached(planning, &refs);
        let put_back = inventory.awaited_from_trash();
        let undetermined = inventory.refs.iter().any(|entry| is_undetermined(inventory, entry, &put_back))
            || planning.recent.unreadable
            || inventory.warnings.contains(&StoreWarning::KeepsChanging);
        let hold = match &planning.capabilities.delete_object {
            Support::No(_) => Some(BlobFate::Unsupported),
            Support::Yes if undetermined => Some(BlobFate::Undetermined),
            Support::Yes if !put_back.is_empty() => Some(BlobFate::AwaitsPutBack),
            Support::Yes => None,
        };
        let blobs =
            inventory.blobs.iter().zip(reached).map(|(blob, reached)| judge_blob(planning, blob, reached, hold));
        let judged = Self { blobs: blobs.collect(), put_back, undetermined };
        (refs, judged)
    }

    /// Returns what becomes of a blob of the inventory.
    pub fn of_blob(&self, blob: BlobId) -> Option<BlobFate> {
        self.blobs.get(blob.0 as usize).copied()
    }

    pub(super) fn tally(&self, inventory: &Inventory, fate: BlobFate) -> Tally {
        let of_fate = inventory.blobs.iter().zip(&self.blobs).filter(|(_, found)| **found == fate);
        of_fate.map(|(blob, _)| blob.stored_size()).collect()
    }

    pub(super) fn warnings(&self, planning: &Planning<'_>) -> Vec<String> {
        let (inventory, mut warnings) = (planning.inventory, Vec::new());
        let unreadable = inventory.refs.iter().filter(|entry| is_undetermined(inventory, entry, &self.put_back));
        let (sealed, unreadable): (Vec<_>, Vec<_>) = unreadable.partition(|entry| entry.sealed().is_some());
        let name = |entry: &RefEntry| format!("`{}`", crate::format::text::visible(&entry.name));
        let of_all: BTreeMap<&str, Vec<&RefEntry>> = sealed.iter().fold(BTreeMap::new(), |mut of_all, entry| {
            of_all.entry(entry.sealed().unwrap_or_default()).or_default().push(entry);
            of_all
        });
        warnings.extend(of_all.into_iter().map(|(why, entries)| {
            let which = if let [entry] = entries[..] { name(entry) } else { format!("{} refs", entries.len()) };
            format!("{which}: {why}; a blob goes only by a rule that names the kind `blob`")
        }));
        let blocks = |entry: &&RefEntry| {
            let name = name(entry);
            if entry.absent_manifests().is_empty() {
                format!("{name} cannot be read, and may name any blob: no blob is deleted")
            } else {
                format!(
                    "{name} has a manifest that is not stored, and may name any blob: no blob is deleted until the ref \
                     is exported again or taken out of the cache"
                )
            }
        };
        warnings.extend(unreadable.iter().map(blocks));
        if planning.recent.unreadable {
            warnings.push("a ref that went a short time ago, or one of another cache with the same blobs, cannot be read: no blob is deleted".to_owned());
        }
        if let Support::No(why) = &planning.capabilities.delete_object {
            warnings.push(format!("no blob is deleted: {why}"));
        }
        if !self.put_back.is_empty() {
            let named = match self.put_back.len() {
                1 => "1 blob in the trash is named again: it is put back".to_owned(),
                count => format!("{count} blobs in the trash are named again: they are put back"),
            };
            warnings.push(format!("{named}, and no other goes"));
        }
        warnings
    }
}

/// Tells whether a ref may reach more than is known. What comes back from the trash is read before anything goes; and where
/// the store does not list its blobs, none goes that a manifest could name.
fn is_undetermined(inventory: &Inventory, entry: &RefEntry, put_back: &[Digest]) -> bool {
    let absent = entry.absent_manifests();
    let comes_back = absent.iter().all(|digest| put_back.binary_search(digest).is_ok());
    entry.is_unreadable() && (absent.is_empty() || !(comes_back || inventory.unlisted.is_some()))
}

/// Tells whether nothing is wrong but that the store does not hand out what its refs name.
pub(super) fn is_undetermined_by_seals_only(planning: &Planning<'_>) -> bool {
    let inventory = planning.inventory;
    !planning.recent.unreadable
        && !inventory.warnings.contains(&StoreWarning::KeepsChanging)
        && inventory.refs.iter().all(|entry| entry.sealed().is_some() || !entry.is_unreadable())
}

fn judge_refs(planning: &Planning<'_>) -> Vec<RefFate> {
    let entries = planning.inventory.refs.iter().zip(&planning.verdicts.refs);
    let mut fates: Vec<RefFate> = entries
        .map(|(entry, verdict)| {
            let reasons: Vec<Why> = verdict.reasons().iter().cloned().map(Why::from).collect();
            let target = ref_target(entry);
            match (verdict, target, &planning.capabilities.delete_ref) {
                (Verdict::Drop(_), Some(target), Support::Yes) => {
                    if planning.spared.contains(&Target::Ref(target.clone())) {
                        RefFate::Stays(vec![StoreReason::LeftOut.into()])
                    } else {
                        RefFate::Goes(target, reasons)
                    }
                }
                (Verdict::Drop(_), Some(_), Support::No(why)) => {
                    RefFate::Stays(vec![StoreReason::Unsupported { why: why.clone() }.into()])
                }
                (Verdict::Drop(_), None, _) => RefFate::Stays(vec![Reason::Unreadable.into()]),
                (Verdict::Keep(_) | Verdict::Undecided(_), _, _) => RefFate::Stays(reasons),
            }
        })
        .collect();
    // Entries that are the same cannot be told apart in the store: one that stays keeps all of them.
    let going: HashSet<&RefTarget> = fates.iter().filter_map(RefFate::goes).collect();
    let stay = planning.inventory.refs.iter().zip(&fates).filter(|(_, fate)| fate.goes().is_none());
    let same: HashSet<RefTarget> =
        stay.filter_map(|(entry, _)| ref_target(entry)).filter(|target| going.contains(target)).collect();
    for fate in &mut fates {
        if fate.goes().is_some_and(|target| same.contains(target)) {
            *fate = RefFate::Stays(vec![StoreReason::SameAsKept.into()]);
        }
    }
    fates
}

fn reached(planning: &Planning<'_>, refs: &[RefFate]) -> Vec<Reached> {
    let inventory = planning.inventory;
    let mut reached = vec![Reached::Nothing; inventory.blobs.len()];
    let mut mark = |blob: BlobId, by: Reached| {
        if let Some(reached) = reached.get_mut(blob.0 as usize) {
            *reached = by.max(*reached);
        }
    };
    let recent = planning.recent.blobs.iter().filter_map(|digest| inventory.blobs.find(digest));
    recent.for_each(|blob| mark(blob, Reached::Recent));
    let shared = planning.recent.beside.iter().filter_map(|digest| inventory.blobs.find(digest));
    shared.for_each(|blob| mark(blob, Reached::Kept));
    for (entry, fate) in inventory.refs.iter().zip(refs) {
        let by = match fate {
            RefFate::Stays(_) => Reached::Kept,
            RefFate::Goes(..) => Reached::Dropped,
        };
        entry.reach.iter().for_each(|blob| mark(*blob, by));
    }
    reached
}

fn judge_blob(planning: &Planning<'_>, blob: Blob<'_>, reached: Reached, hold: Option<BlobFate>) -> BlobFate {
    if !blob.is_stored() {
        return BlobFate::Missing;
    }
    match (reached, planning.freed_blobs, hold, blob.modified()) {
        (Reached::Kept, ..) => BlobFate::Live,
        (Reached::Dropped | Reached::Recent, ..) if planning.inventory.unlisted.is_some() => BlobFate::Collected,
        (Reached::Dropped | Reached::Recent, FreedBlobs::Wait, ..) => BlobFate::Waits,
        (_, _, Some(hold), _) => hold,
        (_, _, None, None) => BlobFate::UnknownAge,
        (_, _, None, Some(modified)) if age(modified, planning.now) < planning.blob_grace() => BlobFate::WithinGrace,
        (_, _, None, _)
            if blob_target(blob).is_some_and(|target| planning.spared.contains(&Target::Object(target))) =>
        {
            BlobFate::LeftOut
        }
        (Reached::Nothing, _, None, Some(_))
        | (Reached::Dropped | Reached::Recent, FreedBlobs::GoNow, None, Some(_)) => BlobFate::Goes,
    }
}

/// Returns a blob as what goes; none when it is not known well enough.
pub(super) fn blob_target(blob: Blob<'_>) -> Option<ObjectTarget> {
    Some(ObjectTarget { name: ObjectName::Blob(blob.digest()), size: blob.size()?, modified: blob.modified()? })
}

/// Returns the digest of a blob that an entry holds, by the key at the end of its name.
pub(in crate::prune) fn digest_in_entry(name: &str) -> Option<Digest> {
    name.splitn(3, ':').nth(2)?.strip_prefix("buildkit-blob-1-")?.parse().ok()
}
