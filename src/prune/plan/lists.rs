//! The items of a plan: what was judged, put on the list on which it belongs.

use std::collections::HashSet;

use jiff::SignedDuration;

use super::judge::{RefFate, blob_target};
use super::{BlobFate, Deletion, Deletions, Judged, Kept, Kind, Planning, StoreReason, Target, Why, age};
use crate::backend::{EntryKind, ObjectName, ObjectTarget, OtherKind, OtherObject, RefTarget, StoreEntry, Support};
use crate::format::digest::Digest;
use crate::inventory::blobs::BlobId;
use crate::inventory::digest_in_trash;
use crate::retention::{Reason, Verdict};

/// What goes and what stays.
pub(super) struct Lists<'a> {
    planning: &'a Planning<'a>,
    judged: &'a Judged,
    /// Refs first.
    pub(super) delete: Deletions,
    pub(super) keep: Vec<Kept>,
}

impl<'a> Lists<'a> {
    /// Makes both lists, in an order that does not depend on the store's.
    pub(super) fn new(planning: &'a Planning<'a>, judged: &'a Judged, fates: Vec<RefFate>) -> Self {
        let delete = Deletions::over(&planning.inventory.blobs, planning.now);
        let mut lists = Self { planning, judged, delete, keep: Vec::new() };
        lists.refs(fates);
        lists.rewrites();
        lists.entries();
        lists.blobs();
        lists.partial();
        lists.trash();
        lists
    }

    fn refs(&mut self, fates: Vec<RefFate>) {
        let mut goes = Vec::new();
        for (entry, fate) in self.planning.inventory.refs.iter().zip(fates) {
            match fate {
                RefFate::Goes(target, reasons) => goes.push((target, reasons)),
                RefFate::Stays(reasons) => self.keep.push(Kept {
                    kind: Kind::Ref,
                    name: entry.name.clone(),
                    digest: Some(entry.digest().to_string()),
                    missing_blobs: entry.sizes.missing_blobs,
                    reasons,
                }),
            }
        }
        goes.sort_by(|(a, _), (b, _)| (&a.names, &a.digest).cmp(&(&b.names, &b.digest)));
        for (target, reasons) in goes {
            self.delete.push(Deletion { target: Target::Ref(target), reasons });
        }
        self.keep.sort_by(|a, b| (&a.name, &a.digest).cmp(&(&b.name, &b.digest)));
    }

    /// Puts entries on the list that rules let go, and those on other branches of blobs that go. Former contents first.
    fn entries(&mut self) {
        let planning = self.planning;
        let inventory = planning.inventory;
        if planning.capabilities.delete_object != Support::Yes {
            return;
        }
        let verdicts = planning.verdicts.refs.get(inventory.refs.len()..).unwrap_or_default();
        let mut goes = Vec::new();
        for (entry, verdict) in inventory.entries.iter().zip(verdicts) {
            let blob = entry.kind.digest().and_then(|digest| inventory.blobs.find(&digest));
            let is_going = blob.and_then(|blob| self.judged.of_blob(blob)) == Some(BlobFate::Goes);
            let unchanged = age(entry.touched(), planning.now);
            let reasons: Vec<Why> = match (verdict, entry.kind) {
                // It is an item already, as the blob that it is.
                (_, EntryKind::Blob(_)) if is_going => continue,
                (Verdict::Drop(reasons), _) => reasons.iter().cloned().map(Why::from).collect(),
                (_, EntryKind::Copy(_)) if is_going && unchanged >= planning.policy.grace => {
                    vec![StoreReason::Orphan { unchanged }.into()]
                }
                // Of those that nothing speaks of there may be as many as of blobs.
                (Verdict::Keep(reasons), _) if reasons.iter().any(is_about_entries) => {
                    self.keep_entry(entry, reasons.iter().cloned().map(Why::from).collect());
                    continue;
                }
                _ => continue,
            };
            let name = ObjectName::Entry(entry.name.clone());
            let target = Target::Object(ObjectTarget { name, size: entry.size, modified: entry.touched() });
            if planning.spared.contains(&target) {
                self.keep_entry(entry, vec![StoreReason::LeftOut.into()]);
            } else {
                goes.push((entry, Deletion { target, reasons }));
            }
        }
        goes.sort_by_key(|(entry, _)| (!matches!(entry.kind, EntryKind::Former(_)), entry.created, &entry.name));
        for (_, deletion) in goes {
            self.delete.push(deletion);
        }
    }

    fn keep_entry(&mut self, entry: &StoreEntry, reasons: Vec<Why>) {
        let name = entry.name.clone();
        self.keep.push(Kept { kind: Kind::Entry, name, digest: None, missing_blobs: 0, reasons });
    }

    /// Results go from refs that stay.
    fn rewrites(&mut self) {
        let planning = self.planning;
        if planning.capabilities.delete_ref != Support::Yes {
            return;
        }
        let going: HashSet<&RefTarget> = self.delete.refs().collect();
        let mut rewrites: Vec<_> =
            planning.rewrites.refs.iter().filter(|rewrite| !going.contains(&rewrite.documents.from)).collect();
        rewrites.sort_by(|a, b| a.documents.from.names.cmp(&b.documents.from.names));
        for rewrite in rewrites {
            let target = Target::Rewrite(Box::new(rewrite.clone()));
            if !planning.spared.contains(&target) {
                let (results, filter) = (rewrite.results.len(), rewrite.filter.clone());
                let reasons = vec![StoreReason::ChosenResults { results, filter }.into()];
                self.delete.push(Deletion { target, reasons });
            }
        }
    }

    fn blobs(&mut self) {
        let judged = (0..).map(BlobId).zip(&self.judged.blobs);
        let goes = judged.filter(|(_, fate)| **fate == BlobFate::Goes).map(|(blob, _)| blob);
        let blobs = &self.planning.inventory.blobs;
        self.delete.push_blobs(goes.filter(|blob| blob_target(blobs.get(*blob)).is_some()).collect());
    }

    fn partial(&mut self) {
        let planning = self.planning;
        for object in planning.inventory.partial.iter() {
            let stays = match (&planning.capabilities.delete_object, object.kind) {
                (Support::No(why), _) => Some(StoreReason::Unsupported { why: why.clone() }.into()),
                (Support::Yes, OtherKind::Symlink | OtherKind::Special) => {
                    Some(StoreReason::Unsupported { why: "it is not a plain file".to_owned() }.into())
                }
                (Support::Yes, OtherKind::Unlisted) => {
                    Some(StoreReason::Unsupported { why: "not all of it may be read".to_owned() }.into())
                }
                (Support::Yes, OtherKind::File | OtherKind::Upload) => None,
            };
            let name = ObjectName::Partial(object.name.clone());
            self.place(object, name, stays, |unchanged| StoreReason::Unfinished { unchanged });
        }
    }

    fn trash(&mut self) {
        let planning = self.planning;
        let back: HashSet<&Digest> = self.judged.put_back.iter().collect();
        for object in planning.inventory.trash.iter() {
            let is_back = digest_in_trash(&object.name).is_some_and(|digest| back.contains(&digest));
            let stays = match &planning.capabilities.delete_object {
                _ if is_back => Some(StoreReason::NamedAgain.into()),
                Support::No(why) => Some(StoreReason::Unsupported { why: why.clone() }.into()),
                Support::Yes if self.judged.undetermined => Some(StoreReason::Undetermined.into()),
                Support::Yes if !back.is_empty() => Some(StoreReason::AwaitsPutBack.into()),
                Support::Yes => None,
            };
            let name = ObjectName::Trashed(object.name.clone());
            self.place(object, name, stays, |ago| StoreReason::Trashed { ago });
        }
    }

    /// Puts an object on its list: it goes when nothing keeps it and it is old enough.
    fn place(
        &mut self,
        object: &OtherObject,
        name: ObjectName,
        stays: Option<Why>,
        goes: impl Fn(SignedDuration) -> StoreReason,
    ) {
        let grace = self.planning.policy.grace;
        let changed = object.modified.map(|modified| (modified, age(modified, self.planning.now)));
        let kind = if matches!(name, ObjectName::Partial(_)) { Kind::Partial } else { Kind::Object };
        let why = match (stays, changed) {
            (Some(why), _) => why,
            (None, None) => Reason::UnknownAge.into(),
            (None, Some((_, changed))) if changed < grace => Reason::WithinGrace { changed, grace }.into(),
            (None, Some((modified, changed))) => {
                let target = Target::Object(ObjectTarget { name, size: object.size, modified });
                if !self.planning.spared.contains(&target) {
                    self.delete.push(Deletion { target, reasons: vec![goes(changed).into()] });
                    return;
                }
                StoreReason::LeftOut.into()
            }
        };
        self.keep.push(Kept { kind, name: object.name.clone(), digest: None, missing_blobs: 0, reasons: vec![why] });
    }
}

/// Tells whether a reason to keep an entry comes from a rule that speaks of it, or from what keeps it although one would let
/// it go.
fn is_about_entries(reason: &Reason) -> bool {
    !matches!(reason, Reason::NoRule | Reason::NotOnlyCache { .. } | Reason::Unreadable)
}
