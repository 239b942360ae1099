//! The proof that a plan keeps what every plan must keep. It looks at the result only, and computes everything anew.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{FreedBlobs, Plan, Planning, Target, age, ref_target};
use crate::backend::{ObjectName, RefRewrite, RefTarget, StoreEntry};
use crate::format::cache_config::{CacheGraph, import};
use crate::format::digest::Digest;
use crate::format::manifest::{Descriptor, Document};
use crate::inventory::{Inventory, RefEntry};

/// A rule that a plan breaks. Names are fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Something comes before a ref.
    #[error("the ref `{0}` comes after an object")]
    RefAfterObject(String),
    /// Something is in it twice.
    #[error("`{0}` is in it twice")]
    Twice(String),
    /// Something is younger than the grace.
    #[error("`{0}` is younger than the grace")]
    TooYoung(String),
    /// The sums are not those of the items.
    #[error("its sums are not those of its items")]
    Sums,
    /// Objects go although it is not known which are needed.
    #[error("`{0}` goes although a ref cannot be read, or something is to be put back first")]
    Undetermined(String),
    /// A ref that the inventory does not have, or not like this.
    #[error("there is no ref `{0}` as it says")]
    NoSuchRef(String),
    /// A ref that no verdict drops.
    #[error("no verdict drops the ref `{0}`")]
    NotDropped(String),
    /// Results go although what would take their place is not sound.
    #[error("what would take the place of the ref `{0}` is not sound")]
    Rewrite(String),
    /// An object that the inventory does not have, or not like this.
    #[error("there is no object `{0}` as it says")]
    NoSuchObject(String),
    /// Something that a kept ref reaches.
    #[error("`{name}` goes although the ref `{by}`, which stays, reaches it")]
    Reached {
        /// What.
        name: String,
        /// By what.
        by: String,
    },
    /// Something that is to wait until the refs that reached it have been gone for a while.
    #[error("`{0}` goes in the same step as the refs that reach it")]
    OneStep(String),
}

/// Proves what can be proved of a plan by itself.
pub(super) fn alone(plan: &Plan) -> Result<(), Violation> {
    let mut seen = HashSet::with_capacity(plan.delete.len());
    let (mut bytes, mut objects) = (0_u64, 0_u64);
    for item in &plan.delete {
        let name = || shown(&item.target);
        if !seen.insert(&item.target) {
            return Err(Violation::Twice(name()));
        }
        match &item.target {
            Target::Ref(_) | Target::Rewrite(_) if objects > 0 => return Err(Violation::RefAfterObject(name())),
            Target::Ref(target) => bytes = bytes.saturating_add(target.bytes),
            Target::Rewrite(rewrite) if is_importable(&rewrite.documents) => {}
            Target::Rewrite(_) => return Err(Violation::Rewrite(name())),
            Target::Object(object) => {
                objects += 1;
                bytes = bytes.saturating_add(object.size);
                if age(object.modified, plan.created) < plan.grace {
                    return Err(Violation::TooYoung(name()));
                }
                // A rule that names an entry decides about it, whatever else is known; one that a ref reaches is no such.
                let needs_certainty = !matches!(object.name, ObjectName::Partial(_) | ObjectName::Entry(_));
                if needs_certainty && (plan.undetermined || !plan.put_back.is_empty()) {
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

/// Proves a plan against what it was made from.
pub(super) fn against(plan: &Plan, planning: &Planning<'_>) -> Result<(), Violation> {
    alone(plan)?;
    let inventory = planning.inventory;
    let going: HashSet<&RefTarget> = plan
        .delete
        .iter()
        .filter_map(|item| match &item.target {
            Target::Ref(target) => Some(target),
            Target::Object(_) | Target::Rewrite(_) => None,
        })
        .collect();
    refs(planning, &going)?;
    rewrites(plan, planning, &going)?;
    let goes = |entry: &RefEntry| ref_target(entry).is_some_and(|target| going.contains(&target));
    let blobs: HashSet<Digest> = plan.objects().filter_map(digest).collect();
    reach(inventory, &blobs, goes, plan.freed_blobs)?;
    if plan.freed_blobs == FreedBlobs::Wait
        && let Some(waits) = planning.recent.blobs.intersection(&blobs).next()
    {
        return Err(Violation::OneStep(waits.to_string()));
    }
    objects(plan, inventory)
}

fn refs(planning: &Planning<'_>, going: &HashSet<&RefTarget>) -> Result<(), Violation> {
    let mut found = HashSet::new();
    for (entry, verdict) in planning.inventory.refs.iter().zip(&planning.verdicts.refs) {
        let Some(target) = ref_target(entry).filter(|target| going.contains(target)) else { continue };
        let shown = || crate::format::text::visible(&entry.name).into_owned();
        if !verdict.is_drop() {
            return Err(Violation::NotDropped(shown()));
        }
        let changed: Option<Timestamp> = entry.created.map(|(time, _)| time).max(entry.modified);
        if changed.is_none_or(|changed| age(changed, planning.now) < planning.policy.grace) {
            return Err(Violation::TooYoung(shown()));
        }
        found.insert(target);
    }
    match going.iter().find(|target| !found.contains(**target)) {
        Some(target) => Err(Violation::NoSuchRef(shown(&Target::Ref((*target).clone())))),
        None => Ok(()),
    }
}

/// Proves that results go only from refs that stay, are not protected and are old enough, and that nothing goes which takes
/// their place.
fn rewrites(plan: &Plan, planning: &Planning<'_>, going: &HashSet<&RefTarget>) -> Result<(), Violation> {
    let deleted: HashSet<Digest> = plan.objects().filter_map(digest).collect();
    for item in &plan.delete {
        let Target::Rewrite(rewrite) = &item.target else { continue };
        let name = || shown(&item.target);
        let from = &rewrite.documents.from;
        let entries = planning.inventory.refs.iter().zip(&planning.verdicts.refs);
        let mut found = entries.filter(|(entry, _)| ref_target(entry).as_ref() == Some(from));
        let (Some((entry, verdict)), None) = (found.next(), found.next()) else {
            return Err(Violation::NoSuchRef(name()));
        };
        let is_protected =
            |reason: &crate::retention::Reason| matches!(reason, crate::retention::Reason::Protected { .. });
        let changed: Option<Timestamp> = entry.created.map(|(time, _)| time).max(entry.modified);
        if changed.is_none_or(|changed| age(changed, planning.now) < planning.policy.grace) {
            return Err(Violation::TooYoung(name()));
        }
        let replaced = rewrite.documents.documents.iter().any(|text| deleted.contains(&Digest::of(text.as_bytes())));
        if going.contains(from) || verdict.is_drop() || verdict.reasons().iter().any(is_protected) || replaced {
            return Err(Violation::Rewrite(name()));
        }
    }
    Ok(())
}

/// Tells whether BuildKit imports the documents: a configuration, and where there is one a manifest that names it with all
/// its layers.
fn is_importable(rewrite: &RefRewrite) -> bool {
    let (Some(config), rest) = (rewrite.documents.first(), rewrite.documents.get(1..).unwrap_or_default()) else {
        return false;
    };
    let Ok(graph) = CacheGraph::parse(config.as_bytes()) else { return false };
    if import::simulate(&graph, |_| true).is_err() || rewrite.to().0 == rewrite.from.digest {
        return false;
    }
    let is_config = |descriptor: &Descriptor| {
        let is_it = descriptor.digest.valid() == Some(Digest::of(config.as_bytes()));
        is_it && descriptor.is_cache_config() && descriptor.size() == Some(config.len() as u64)
    };
    let holds_all = |layers: &[Descriptor]| {
        let held: HashSet<Digest> = layers.iter().filter_map(|layer| layer.digest.valid()).collect();
        graph.layers.iter().all(|layer| layer.blob.valid().is_none_or(|blob| held.contains(&blob)))
    };
    match rest {
        [] => true,
        [manifest] => match Document::parse(manifest.as_bytes()) {
            Ok(Document::Manifest { config, layers, .. }) => is_config(&config) && holds_all(&layers),
            Ok(Document::Index { entries, .. }) => entries.iter().any(is_config) && holds_all(&entries),
            Err(_) => false,
        },
        _ => false,
    }
}

/// Proves that nothing goes which a ref reaches that stays, and in two steps nothing that any ref reaches.
fn reach(
    inventory: &Inventory,
    blobs: &HashSet<Digest>,
    goes: impl Fn(&RefEntry) -> bool,
    freed: FreedBlobs,
) -> Result<(), Violation> {
    for entry in inventory.refs.iter() {
        let named = entry.reach.iter().map(|id| inventory.blobs.get(*id).digest());
        let Some(taken) = named.into_iter().find(|digest| blobs.contains(digest)) else { continue };
        if !goes(entry) {
            let by = crate::format::text::visible(&entry.name).into_owned();
            return Err(Violation::Reached { name: taken.to_string(), by });
        }
        if freed == FreedBlobs::Wait {
            return Err(Violation::OneStep(taken.to_string()));
        }
    }
    Ok(())
}

/// Proves that each object is in the inventory, as what it is said to be; what is unknown is not.
fn objects(plan: &Plan, inventory: &Inventory) -> Result<(), Violation> {
    let lists = [&inventory.partial, &inventory.trash].map(|list| {
        list.iter().map(|object| (object.name.as_str(), object.size, object.modified)).collect::<HashSet<_>>()
    });
    let entries: HashMap<&str, &StoreEntry> =
        inventory.entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let is_reached = |entry: &StoreEntry| {
        let blob = entry.kind.digest().and_then(|digest| inventory.blobs.find(&digest));
        blob.is_some_and(|id| inventory.blobs.get(id).refs() > 0)
    };
    for item in &plan.delete {
        let Target::Object(object) = &item.target else { continue };
        let is_there = match &object.name {
            ObjectName::Blob(digest) => inventory.blobs.find(digest).is_some_and(|id| {
                let blob = inventory.blobs.get(id);
                let reached_unseen = blob.refs() > 0 && plan.freed_blobs == FreedBlobs::Wait;
                blob.is_stored()
                    && !reached_unseen
                    && (blob.size(), blob.modified()) == (Some(object.size), Some(object.modified))
            }),
            ObjectName::Partial(name) => lists[0].contains(&(name.as_str(), object.size, Some(object.modified))),
            ObjectName::Trashed(name) => lists[1].contains(&(name.as_str(), object.size, Some(object.modified))),
            ObjectName::Entry(name) => entries.get(name.as_str()).is_some_and(|entry| {
                !is_reached(entry) && (entry.size, entry.touched()) == (object.size, object.modified)
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

fn shown(target: &Target) -> String {
    crate::format::text::visible(&target.name()).into_owned()
}
