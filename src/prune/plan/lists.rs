//! Turns fates into the items of a plan.

use std::collections::HashSet;

use jiff::SignedDuration;

use super::judge::{RefFate, blob_target, entry_target};
use super::{
    BlobFate, Deletion, DeletionTarget, Deletions, ItemKind, ItemReason, Judged, KeptItem,
    Planning, StoreReason, age, ref_target,
};
use crate::backend::{
    CacheEntryKind, ObjectName, ObjectTarget, Obstacle, OtherKind, OtherObject, RefTarget,
    StoreEntry, Support,
};
use crate::format::digest::Digest;
use crate::inventory::blobs::BlobId;
use crate::inventory::digest_in_trash;
use crate::retention::{Reason, Verdict};

/// The decision about an unfinished upload or an object in the trash.
enum ObjectFate {
    /// It is deleted; this much time has passed since its last change.
    Delete(DeletionTarget, SignedDuration),
    /// It is kept, for this reason.
    Keep(ItemReason),
}

/// The deletions and the kept items.
pub(super) struct Lists<'a> {
    planning: &'a Planning<'a>,
    judged: &'a Judged,
    /// Refs first.
    pub(super) delete: Deletions,
    pub(super) keep: Vec<KeptItem>,
}

impl<'a> Lists<'a> {
    /// Builds both lists, in an order that is independent of the store's.
    pub(super) fn new(planning: &'a Planning<'a>, judged: &'a Judged, fates: Vec<RefFate>) -> Self {
        let delete = Deletions::over(planning.inventory, planning.now);
        let mut lists = Self {
            planning,
            judged,
            delete,
            keep: Vec::new(),
        };
        lists.refs(fates);
        lists.rewrites();
        // A repair deletes only unfinished uploads.
        let repair = planning.rewrites.repair.as_ref();
        if repair.is_none() {
            lists.entries();
            lists.blobs();
        }
        if repair.is_none_or(|repair| repair.uploads) {
            lists.partial();
        }
        if repair.is_none() {
            lists.trash();
        }
        lists
    }

    fn refs(&mut self, fates: Vec<RefFate>) {
        let mut goes = Vec::new();
        let repair = self.planning.rewrites.repair.as_ref();
        let gone: HashSet<&RefTarget> = repair.iter().flat_map(|repair| &repair.gone).collect();
        for (entry, fate) in self.planning.inventory.refs.iter().zip(fates) {
            let is_gone = ref_target(entry)
                .filter(|target| gone.contains(target))
                .filter(|target| {
                    !self
                        .planning
                        .excluded
                        .contains(&DeletionTarget::Ref(target.clone()))
                });
            if let Some(target) = is_gone {
                goes.push((target, vec![StoreReason::ManifestMissing.into()]));
                continue;
            }
            match fate {
                RefFate::Delete(target, reasons) => goes.push((target, reasons)),
                RefFate::Keep(reasons) => self.keep.push(KeptItem {
                    kind: ItemKind::Ref,
                    name: entry.name.clone(),
                    digest: Some(entry.digest().to_string()),
                    missing_blobs: entry.sizes.missing_blobs,
                    reasons,
                }),
            }
        }
        goes.sort_by(|(a, _), (b, _)| (&a.names, &a.digest).cmp(&(&b.names, &b.digest)));
        for (target, reasons) in goes {
            self.delete.push(Deletion {
                target: DeletionTarget::Ref(target),
                reasons,
            });
        }
        self.keep
            .sort_by(|a, b| (&a.name, &a.digest).cmp(&(&b.name, &b.digest)));
    }

    /// Adds the entries that rules drop, and the entries on other branches of deleted blobs. Former
    /// contents come first.
    fn entries(&mut self) {
        let planning = self.planning;
        let inventory = planning.inventory;
        if planning.capabilities.delete_object != Support::Yes {
            return;
        }
        let verdicts = planning
            .verdicts
            .refs
            .get(inventory.refs.len()..)
            .unwrap_or_default();
        let is_old = |unchanged| unchanged >= planning.policy.grace;
        let mut goes = Vec::new();
        for (entry, verdict) in inventory.entries.iter().zip(verdicts) {
            let blob = entry
                .kind
                .digest()
                .and_then(|digest| inventory.blobs.find(&digest));
            let is_going =
                blob.and_then(|blob| self.judged.of_blob(blob)) == Some(BlobFate::Delete);
            let unchanged = age(entry.touched(), planning.now);
            let reasons: Vec<ItemReason> = match (verdict, entry.kind) {
                // The entry is listed already, as a blob.
                (_, CacheEntryKind::Blob(_)) if is_going => continue,
                (Verdict::Drop(reasons), _) => {
                    reasons.iter().cloned().map(ItemReason::from).collect()
                }
                (_, CacheEntryKind::Copy(_))
                    if is_going && is_old(unchanged) && !verdict.is_protected() =>
                {
                    vec![StoreReason::Orphan { unchanged }.into()]
                }
                // Entries without any rule may be as numerous as blobs.
                (Verdict::Keep(reasons), _) if reasons.iter().any(is_about_entries) => {
                    self.keep_entry(
                        entry,
                        reasons.iter().cloned().map(ItemReason::from).collect(),
                    );
                    continue;
                }
                _ => continue,
            };
            let target = entry_target(entry);
            if planning.excluded.contains(&target) {
                self.keep_entry(entry, vec![StoreReason::Excluded.into()]);
            } else {
                goes.push((entry, Deletion { target, reasons }));
            }
        }
        goes.sort_by_key(|(entry, _)| {
            (
                !matches!(entry.kind, CacheEntryKind::Previous(_)),
                entry.created,
                &entry.name,
            )
        });
        for (_, deletion) in goes {
            self.delete.push(deletion);
        }
    }

    fn keep_entry(&mut self, entry: &StoreEntry, reasons: Vec<ItemReason>) {
        let name = entry.name.clone();
        self.keep.push(KeptItem {
            kind: ItemKind::Entry,
            name,
            digest: None,
            missing_blobs: 0,
            reasons,
        });
    }

    /// Adds the results that kept refs lose.
    fn rewrites(&mut self) {
        let planning = self.planning;
        if planning.capabilities.delete_ref != Support::Yes {
            return;
        }
        let going: HashSet<&RefTarget> = self.delete.refs().collect();
        let mut rewrites: Vec<_> = planning
            .rewrites
            .refs
            .iter()
            .filter(|rewrite| !going.contains(&rewrite.documents.from))
            .collect();
        rewrites.sort_by(|a, b| a.documents.from.names.cmp(&b.documents.from.names));
        for rewrite in rewrites {
            let target = DeletionTarget::Rewrite(Box::new(rewrite.clone()));
            if !planning.excluded.contains(&target) {
                let fixes = rewrite.fixes.iter();
                let mut reasons: Vec<ItemReason> = fixes
                    .map(|fix| StoreReason::Fixed { fix: *fix }.into())
                    .collect();
                if reasons.is_empty() {
                    let results = rewrite.results.len();
                    let filter = rewrite.filter.clone();
                    reasons.push(StoreReason::ChosenResults { results, filter }.into());
                }
                self.delete.push(Deletion { target, reasons });
            }
        }
    }

    fn blobs(&mut self) {
        let judged = (0..).map(BlobId).zip(&self.judged.blobs);
        let goes = judged
            .filter(|(_, fate)| **fate == BlobFate::Delete)
            .map(|(blob, _)| blob);
        let blobs = &self.planning.inventory.blobs;
        self.delete.push_blobs(
            goes.filter(|blob| blob_target(blobs.get(*blob)).is_some())
                .collect(),
        );
    }

    fn partial(&mut self) {
        let planning = self.planning;
        for object in planning.inventory.partial.iter() {
            let stays = match (&planning.capabilities.delete_object, object.kind) {
                (Support::No(why), _) => Some(StoreReason::Unsupported { why: why.clone() }.into()),
                (Support::Yes, OtherKind::Symlink | OtherKind::Special) => Some(
                    StoreReason::Unsupported {
                        why: Obstacle::NotAFile,
                    }
                    .into(),
                ),
                (Support::Yes, OtherKind::Unlisted) => Some(
                    StoreReason::Unsupported {
                        why: Obstacle::PartlyReadable,
                    }
                    .into(),
                ),
                (Support::Yes, OtherKind::File | OtherKind::Upload) => None,
            };
            let name = ObjectName::Partial(object.name.clone());
            match self.decide(object, name, stays) {
                ObjectFate::Delete(target, unchanged) => self.delete.push(Deletion {
                    target,
                    reasons: vec![StoreReason::Unfinished { unchanged }.into()],
                }),
                ObjectFate::Keep(why) => {
                    self.keep_object(ItemKind::Partial, object.name.clone(), why);
                }
            }
        }
    }

    fn trash(&mut self) {
        let planning = self.planning;
        let back: HashSet<&Digest> = self.judged.restored.iter().collect();
        for (index, object) in (0..).zip(planning.inventory.trash.iter()) {
            let is_back =
                digest_in_trash(&object.name).is_some_and(|digest| back.contains(&digest));
            let stays = match &planning.capabilities.delete_object {
                _ if is_back => Some(StoreReason::ReferencedAgain.into()),
                Support::No(why) => Some(StoreReason::Unsupported { why: why.clone() }.into()),
                Support::Yes if self.judged.undetermined => Some(StoreReason::Undetermined.into()),
                Support::Yes if !back.is_empty() => Some(StoreReason::AwaitsRestore.into()),
                Support::Yes => None,
            };
            let name = ObjectName::Trashed(object.name.clone());
            match self.decide(&object, name, stays) {
                ObjectFate::Delete(..) => self.delete.push_trashed(index),
                ObjectFate::Keep(why) => self.keep_object(ItemKind::Object, object.name, why),
            }
        }
    }

    /// Decides about an object: it is deleted if nothing keeps it and it is old enough.
    fn decide(
        &self,
        object: &OtherObject,
        name: ObjectName,
        stays: Option<ItemReason>,
    ) -> ObjectFate {
        if let Some(why) = stays {
            return ObjectFate::Keep(why);
        }
        let Some(modified) = object.modified else {
            return ObjectFate::Keep(Reason::UnknownAge.into());
        };
        let grace = self.planning.policy.grace;
        let changed = age(modified, self.planning.now);
        if changed < grace {
            return ObjectFate::Keep(Reason::WithinGrace { changed, grace }.into());
        }
        let target = DeletionTarget::Object(ObjectTarget {
            name,
            size: object.size,
            modified,
        });
        if self.planning.excluded.contains(&target) {
            return ObjectFate::Keep(StoreReason::Excluded.into());
        }
        ObjectFate::Delete(target, changed)
    }

    fn keep_object(&mut self, kind: ItemKind, name: String, why: ItemReason) {
        self.keep.push(KeptItem {
            kind,
            name,
            digest: None,
            missing_blobs: 0,
            reasons: vec![why],
        });
    }
}

/// Returns whether a reason to keep an entry comes from a rule about it, or from a protection that
/// overrides such a rule.
fn is_about_entries(reason: &Reason) -> bool {
    !matches!(
        reason,
        Reason::NoRule | Reason::NotOnlyCache { .. } | Reason::Unreadable
    )
}
