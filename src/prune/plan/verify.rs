//! Proves the invariants of every plan. Looks only at the result, and recomputes everything.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{DeletionTarget, FreedBlobs, ItemKind, Plan, Planning, age, ref_target};
use crate::backend::{
    CacheEntryKind, ObjectName, ObjectTarget, OtherObject, RefRewrite, StoreEntry,
};
use crate::format::cache_config::{CacheGraph, import};
use crate::format::digest::Digest;
use crate::format::manifest::{Descriptor, ManifestDocument};
use crate::inventory::blobs::BlobId;
use crate::inventory::{Inventory, RefEntry};

mod deleted;
mod seen;

use deleted::DeletedSet;
use seen::SeenItems;

/// A violated invariant. Names are escaped for display.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// An item precedes a ref.
    #[error("the ref `{0}` comes after an object, or after results")]
    RefAfterObject(String),
    /// An item appears twice.
    #[error("`{0}` is in it twice")]
    Twice(String),
    /// An item is younger than the grace period.
    #[error("`{0}` is younger than the grace")]
    TooYoung(String),
    /// The sums do not match the items.
    #[error("its sums are not those of its items")]
    Sums,
    /// Objects are deleted although the needed blobs are unknown.
    #[error("`{0}` is deleted although a ref cannot be read, or something must be restored first")]
    Undetermined(String),
    /// A ref that the inventory does not have in this form.
    #[error("there is no ref `{0}` as it says")]
    NoSuchRef(String),
    /// A ref that no verdict drops.
    #[error("no verdict drops the ref `{0}`")]
    NotDropped(String),
    /// An entry that a rule protects.
    #[error("`{0}` is deleted although a rule protects it")]
    Protected(String),
    /// Results are dropped although the replacement is not sound.
    #[error("the replacement of the ref `{0}` is not sound")]
    Rewrite(String),
    /// A ref that the plan also keeps.
    #[error("it deletes the ref `{0}` and keeps it as well")]
    KeptToo(String),
    /// An object that the inventory does not have in this form.
    #[error("there is no object `{0}` as it says")]
    NoSuchObject(String),
    /// An item that a kept ref reaches.
    #[error("`{name}` is deleted although the kept ref `{by}` reaches it")]
    Reached {
        /// The item.
        name: String,
        /// The ref.
        by: String,
    },
    /// A blob that must wait until the refs that reached it have been gone for a while.
    #[error("`{0}` is deleted in the same step as the refs that reach it")]
    OneStep(String),
}

/// Proves everything that the plan alone can prove.
pub(super) fn alone(plan: &Plan) -> Result<(), Violation> {
    let mut seen = SeenItems::of(plan);
    let kept: HashSet<(&str, &str)> = plan
        .keep
        .iter()
        .filter(|kept| kept.kind == ItemKind::Ref)
        .filter_map(|kept| Some((kept.name.as_str(), kept.digest.as_deref()?)))
        .collect();
    let mut bytes = 0_u64;
    let mut objects = 0_u64;
    let mut rewrites = 0_u64;
    for item in plan.delete.iter() {
        let name = || shown(&item.target);
        if !seen.is_new(&item.target) {
            return Err(Violation::Twice(name()));
        }
        match &item.target {
            DeletionTarget::Ref(_) | DeletionTarget::Rewrite(_) if objects > 0 => {
                return Err(Violation::RefAfterObject(name()));
            }
            DeletionTarget::Ref(_) if rewrites > 0 => {
                return Err(Violation::RefAfterObject(name()));
            }
            DeletionTarget::Ref(target) => {
                let digest = target.digest.to_string();
                if kept.contains(&(item.target.name().as_str(), digest.as_str())) {
                    return Err(Violation::KeptToo(name()));
                }
                bytes = bytes.saturating_add(target.bytes);
            }
            DeletionTarget::Rewrite(rewrite) if is_importable(&rewrite.documents) => rewrites += 1,
            DeletionTarget::Rewrite(_) => return Err(Violation::Rewrite(name())),
            DeletionTarget::Object(object) => {
                objects += 1;
                bytes = bytes.saturating_add(object.size);
                if age(object.modified, plan.created) < plan.grace {
                    return Err(Violation::TooYoung(name()));
                }
                // A rule that names an entry decides regardless of other facts; an entry that a ref
                // reaches is not covered by this.
                let needs_certainty =
                    !matches!(object.name, ObjectName::Partial(_) | ObjectName::Entry(_));
                if needs_certainty && (plan.undetermined || !plan.restored.is_empty()) {
                    return Err(Violation::Undetermined(name()));
                }
            }
        }
    }
    if (bytes, objects) != (plan.frees_bytes, plan.frees_objects) {
        return Err(Violation::Sums);
    }
    Ok(())
}

/// Proves a plan against its input.
pub(super) fn against(plan: &Plan, planning: &Planning<'_>) -> Result<(), Violation> {
    alone(plan)?;
    let inventory = planning.inventory;
    certainty(plan, inventory)?;
    let deleted = DeletedSet::of(plan, inventory);
    refs(planning, &deleted)?;
    rewrites(plan, planning, &deleted)?;
    reach(inventory, &deleted, plan.freed_blobs)?;
    if let Some(shared) = planning
        .recent
        .shared
        .iter()
        .find(|digest| deleted.has_blob(digest))
    {
        return Err(Violation::Reached {
            name: shared.to_string(),
            by: "of another cache with the same blobs".to_owned(),
        });
    }
    referrers(planning, &deleted, plan.freed_blobs)?;
    protection(plan, planning)?;
    let mut recent = planning.recent.blobs.iter();
    if plan.freed_blobs == FreedBlobs::Wait
        && let Some(waits) = recent.find(|digest| deleted.has_blob(digest))
    {
        return Err(Violation::OneStep(waits.to_string()));
    }
    objects(plan, planning)
}

/// Proves that no entry is deleted that a rule protects, neither by its name nor as a blob.
fn protection(plan: &Plan, planning: &Planning<'_>) -> Result<(), Violation> {
    let inventory = planning.inventory;
    let verdicts = planning.verdicts.refs.iter().skip(inventory.refs.len());
    let mut protected = HashSet::new();
    for (entry, verdict) in inventory.entries.iter().zip(verdicts) {
        if verdict.is_protected() {
            protected.insert(ObjectName::Entry(entry.name.clone()));
            if let CacheEntryKind::Blob(digest) = entry.kind {
                protected.insert(ObjectName::Blob(digest));
            }
        }
    }
    if protected.is_empty() {
        return Ok(());
    }
    match plan.delete.iter().find(|item| match &item.target {
        DeletionTarget::Object(object) => protected.contains(&object.name),
        DeletionTarget::Ref(_) | DeletionTarget::Rewrite(_) => false,
    }) {
        Some(item) => Err(Violation::Protected(shown(&item.target))),
        None => Ok(()),
    }
}

/// Proves that no blob is deleted while an unreadable ref may reference any blob, regardless of the
/// plan's own flag.
fn certainty(plan: &Plan, inventory: &Inventory) -> Result<(), Violation> {
    if !inventory.has_unreadable_ref() {
        return Ok(());
    }
    let mut objects = plan.objects();
    let uncertain =
        objects.find(|name| matches!(name, ObjectName::Blob(_) | ObjectName::Trashed(_)));
    match uncertain {
        Some(ObjectName::Blob(digest)) => Err(Violation::Undetermined(digest.to_string())),
        Some(ObjectName::Trashed(name)) => Err(Violation::Undetermined(
            crate::text::escape::visible(&name).into_owned(),
        )),
        Some(ObjectName::Partial(_) | ObjectName::Entry(_)) | None => Ok(()),
    }
}

fn refs(planning: &Planning<'_>, deleted: &DeletedSet<'_>) -> Result<(), Violation> {
    let mut found = HashSet::new();
    for (entry, verdict) in planning.inventory.refs.iter().zip(&planning.verdicts.refs) {
        let Some(target) = ref_target(entry).and_then(|target| deleted.refs.get(&target)) else {
            continue;
        };
        let shown = || crate::text::escape::visible(&entry.name).into_owned();
        // A repair deletes a ref whose manifest is gone, of which nothing is lost at any age.
        if planning.rewrites.repair.is_some() && entry.is_gone() && !verdict.is_protected() {
            found.insert(*target);
            continue;
        }
        if !verdict.is_drop() {
            return Err(Violation::NotDropped(shown()));
        }
        let changed: Option<Timestamp> = entry.created.map(|(time, _)| time).max(entry.modified);
        if changed.is_none_or(|changed| age(changed, planning.now) < planning.policy.grace) {
            return Err(Violation::TooYoung(shown()));
        }
        found.insert(*target);
    }
    match deleted.refs.iter().find(|target| !found.contains(**target)) {
        Some(target) => Err(Violation::NoSuchRef(shown(&DeletionTarget::Ref(
            (*target).clone(),
        )))),
        None => Ok(()),
    }
}

/// Proves that only unprotected kept refs that are old enough lose results, and that no deletion
/// removes their replacement.
fn rewrites(
    plan: &Plan,
    planning: &Planning<'_>,
    deleted: &DeletedSet<'_>,
) -> Result<(), Violation> {
    for rewrite in plan.delete.rewrites() {
        let from = &rewrite.documents.from;
        let name = || shown(&DeletionTarget::Ref(from.clone()));
        let entries = planning.inventory.refs.iter().zip(&planning.verdicts.refs);
        let mut found = entries.filter(|(entry, _)| ref_target(entry).as_ref() == Some(from));
        let (Some((entry, verdict)), None) = (found.next(), found.next()) else {
            return Err(Violation::NoSuchRef(name()));
        };
        let changed: Option<Timestamp> = entry.created.map(|(time, _)| time).max(entry.modified);
        // A repair drops only results that no build can use, and all blobs that the ref reached
        // stay for the grace period.
        let is_young =
            changed.is_none_or(|changed| age(changed, planning.now) < planning.policy.grace);
        if is_young && rewrite.fixes.is_empty() {
            return Err(Violation::TooYoung(name()));
        }
        let mut documents = rewrite.documents.documents.iter();
        let is_deleted = documents.any(|text| deleted.has_blob(&Digest::of(text.as_bytes())));
        if deleted.refs.contains(from) || verdict.is_drop() || verdict.is_protected() || is_deleted
        {
            return Err(Violation::Rewrite(name()));
        }
    }
    Ok(())
}

/// Returns whether BuildKit imports the documents: a configuration, and a manifest, if there is
/// one, that references it with all its layers.
pub(in crate::prune) fn is_importable(rewrite: &RefRewrite) -> bool {
    let (Some(config), rest) = (
        rewrite.documents.first(),
        rewrite.documents.get(1..).unwrap_or_default(),
    ) else {
        return false;
    };
    let Ok(graph) = CacheGraph::parse(config.as_bytes()) else {
        return false;
    };
    if import::simulate(&graph, |_| true).is_err() || rewrite.to().0 == rewrite.from.digest {
        return false;
    }
    let is_config = |descriptor: &Descriptor| {
        let is_it = descriptor.digest.valid() == Some(Digest::of(config.as_bytes()));
        is_it && descriptor.is_cache_config() && descriptor.size() == Some(config.len() as u64)
    };
    let holds_all = |layers: &[Descriptor]| {
        let held: HashSet<Digest> = layers
            .iter()
            .filter_map(|layer| layer.digest.valid())
            .collect();
        graph
            .layers
            .iter()
            .all(|layer| layer.blob.valid().is_none_or(|blob| held.contains(&blob)))
    };
    match rest {
        [] => true,
        [manifest] => match ManifestDocument::parse(manifest.as_bytes()) {
            Ok(ManifestDocument::Manifest { config, layers, .. }) => {
                is_config(&config) && holds_all(&layers)
            }
            Ok(ManifestDocument::Index { entries, .. }) => {
                entries.iter().any(is_config) && holds_all(&entries)
            }
            Ok(ManifestDocument::Schema1 { .. } | ManifestDocument::Artifact { .. }) | Err(_) => {
                false
            }
        },
        _ => false,
    }
}

/// Proves that no blob is deleted that a kept ref reaches; if blobs wait, that no ref at all
/// reaches.
fn reach(
    inventory: &Inventory,
    deleted: &DeletedSet<'_>,
    freed: FreedBlobs,
) -> Result<(), Violation> {
    for entry in inventory.refs.iter() {
        let Some(taken) = entry.reach.iter().find(|blob| deleted.has(**blob)) else {
            continue;
        };
        let taken = inventory.blobs.get(*taken).digest().to_string();
        if !deleted.has_ref(entry) {
            let by = crate::text::escape::visible(&entry.name).into_owned();
            return Err(Violation::Reached { name: taken, by });
        }
        if freed == FreedBlobs::Wait {
            return Err(Violation::OneStep(taken));
        }
    }
    Ok(())
}

/// Proves that no referrer of a kept blob is deleted; if blobs wait, no referrer of a blob that any
/// ref reaches.
fn referrers(
    planning: &Planning<'_>,
    deleted: &DeletedSet<'_>,
    freed: FreedBlobs,
) -> Result<(), Violation> {
    if planning.recent.referrers.is_empty() {
        return Ok(());
    }
    let blobs = &planning.inventory.blobs;
    let counts = |entry: &&RefEntry| freed == FreedBlobs::Wait || !deleted.has_ref(entry);
    let mut needed: HashSet<BlobId> = HashSet::new();
    for entry in planning.inventory.refs.iter().filter(counts) {
        needed.extend(entry.reach.iter());
    }
    let mut rest: Vec<_> = planning.recent.referrers.iter().collect();
    loop {
        let before = rest.len();
        let mut found = Vec::new();
        rest.retain(|referrer| {
            let is_needed = blobs
                .find(&referrer.subject)
                .is_some_and(|id| needed.contains(&id));
            if is_needed {
                found.push(*referrer);
            }
            !is_needed
        });
        for referrer in found {
            if let Some(taken) = referrer.blobs.iter().find(|blob| deleted.has_blob(blob)) {
                return Err(Violation::Reached {
                    name: taken.to_string(),
                    by: referrer.subject.to_string(),
                });
            }
            needed.extend(referrer.blobs.iter().filter_map(|blob| blobs.find(blob)));
        }
        if rest.len() == before {
            return Ok(());
        }
    }
}

/// Proves that the inventory has each object in the declared form; unknown objects never match.
fn objects(plan: &Plan, planning: &Planning<'_>) -> Result<(), Violation> {
    let inventory = planning.inventory;
    let is_same = |listed: &OtherObject, object: &ObjectTarget| {
        (listed.size, listed.modified) == (object.size, Some(object.modified))
    };
    let mut partial: Vec<&OtherObject> = inventory.partial.iter().collect();
    partial.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let is_partial = |name: &str, object: &ObjectTarget| {
        let same = partial.partition_point(|listed| listed.name.as_str() < name);
        let mut same = partial[same..]
            .iter()
            .take_while(|listed| listed.name == name);
        same.any(|listed| is_same(listed, object))
    };
    let entries: HashMap<&str, &StoreEntry> = inventory
        .entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry))
        .collect();
    let is_reached = |entry: &StoreEntry| {
        let blob = entry
            .kind
            .digest()
            .and_then(|digest| inventory.blobs.find(&digest));
        blob.is_some_and(|id| inventory.blobs.get(id).refs() > 0)
    };
    for item in plan.delete.iter() {
        let DeletionTarget::Object(object) = &item.target else {
            continue;
        };
        let is_blob = matches!(object.name, ObjectName::Blob(_));
        if is_blob && age(object.modified, planning.now) < planning.blob_grace() {
            return Err(Violation::TooYoung(shown(&item.target)));
        }
        let is_there = match &object.name {
            ObjectName::Blob(digest) => inventory.blobs.find(digest).is_some_and(|id| {
                let blob = inventory.blobs.get(id);
                let reached_unseen = blob.refs() > 0 && plan.freed_blobs == FreedBlobs::Wait;
                blob.is_stored()
                    && !reached_unseen
                    && (blob.size(), blob.modified()) == (Some(object.size), Some(object.modified))
            }),
            ObjectName::Partial(name) => is_partial(name, object),
            ObjectName::Trashed(name) => {
                let listed = inventory.trash.find(name);
                listed.is_some_and(|listed| is_same(&listed, object))
            }
            ObjectName::Entry(name) => entries.get(name.as_str()).is_some_and(|entry| {
                !is_reached(entry)
                    && (entry.size, entry.touched()) == (object.size, object.modified)
            }),
        };
        if !is_there {
            return Err(Violation::NoSuchObject(shown(&item.target)));
        }
    }
    Ok(())
}

fn digest(name: &ObjectName) -> Option<Digest> {
    match name {
        ObjectName::Blob(digest) => Some(*digest),
        ObjectName::Partial(_) | ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
    }
}

fn shown(target: &DeletionTarget) -> String {
    crate::text::escape::visible(&target.name()).into_owned()
}
