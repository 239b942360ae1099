//! An item of a plan, as a row shows it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::PlanRows;
use crate::backend::{ObjectName, RefTarget, short_branch};
use crate::format::digest::Digest;
use crate::inventory::filter::{FilterSubject, FilterTextField, NumberField};
use crate::inventory::{RefEntry, digest_in_trash};
use crate::prune::plan::{Deletion, DeletionTarget, ItemKind, KeptItem};
use crate::report::documents::{PLAN_ITEM_FIELDS, fields_of};
use crate::text::plural::one_or;
use crate::text::units::grouped;
use crate::tui::pruning::{KeptTrash, PlanChoice};
use crate::tui::rows::{Cell, Identity, moment};
use crate::tui::theme::TextRole;

/// The content of a row.
pub(super) enum Thing<'a> {
    Delete(Cow<'a, Deletion>),
    Kept(&'a KeptItem),
    Held(Digest),
    Trash(&'a KeptTrash),
    /// Items with this reason.
    Group(&'a str),
}

/// The name of an item.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name<'a> {
    Text(&'a str),
    Digest(Digest),
}

/// One item.
pub(super) struct PlanRow<'a> {
    pub(super) kind: ItemKind,
    pub(super) name: String,
    pub(super) bytes: Option<u64>,
    pub(super) entry: Option<&'a RefEntry>,
    pub(super) modified: Option<Timestamp>,
    pub(super) standing: Option<PlanChoice>,
    pub(super) reasons: Vec<String>,
}

impl Thing<'_> {
    /// Returns the initial sort key: a plan may have millions of items, so nothing is copied.
    pub(super) fn key(&self) -> (ItemKind, Name<'_>) {
        match self {
            Self::Delete(item) => (item.target.kind(), name(&item.target)),
            Self::Kept(kept) => (kept.kind, Name::Text(&kept.name)),
            Self::Held(digest) => (ItemKind::Blob, Name::Digest(*digest)),
            Self::Trash(trash) => (ItemKind::Object, Name::Text(&trash.run)),
            Self::Group(reason) => (ItemKind::Ref, Name::Text(reason)),
        }
    }

    /// Returns the fields of its document, for a table.
    pub(super) fn fields(&self, item: &PlanRow<'_>) -> Vec<(&'static str, Value)> {
        let kind = match self {
            Self::Delete(deletion) => return fields_of(&**deletion, &PLAN_ITEM_FIELDS),
            Self::Kept(kept) => return fields_of(kept, &PLAN_ITEM_FIELDS),
            Self::Held(_) | Self::Trash(_) => item.kind.word(),
            Self::Group(_) => "group",
        };
        let document = json!({
            "kind": kind,
            "name": item.name,
            "bytes": item.bytes,
            "modified": item.modified,
        });
        fields_of(&document, &PLAN_ITEM_FIELDS)
    }

    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::Delete(item) => match &item.target {
                DeletionTarget::Ref(target) => {
                    Identity::Ref(item.target.name(), target.digest.to_string())
                }
                DeletionTarget::Rewrite(rewrite) => Identity::Results(
                    item.target.name(),
                    rewrite.documents.from.digest.to_string(),
                ),
                DeletionTarget::Object(object) => match &object.name {
                    ObjectName::Blob(digest) => Identity::Blob(*digest),
                    ObjectName::Partial(name)
                    | ObjectName::Trashed(name)
                    | ObjectName::Entry(name) => Identity::Object(name.clone()),
                },
            },
            Self::Kept(kept) => match &kept.digest {
                Some(digest) => Identity::Ref(kept.name.clone(), digest.clone()),
                None => Identity::Object(kept.name.clone()),
            },
            Self::Held(digest) => Identity::Blob(*digest),
            Self::Trash(trash) => Identity::Object(trash.run.clone()),
            Self::Group(reason) => Identity::Group((*reason).to_owned()),
        }
    }
}

pub(super) fn name(target: &DeletionTarget) -> Name<'_> {
    fn called(target: &RefTarget) -> Name<'_> {
        target
            .names
            .first()
            .map_or(Name::Digest(target.digest), |name| Name::Text(name))
    }
    match target {
        DeletionTarget::Ref(target) => called(target),
        DeletionTarget::Rewrite(rewrite) => called(&rewrite.documents.from),
        DeletionTarget::Object(object) => match &object.name {
            ObjectName::Blob(digest) => Name::Digest(*digest),
            ObjectName::Partial(name) | ObjectName::Trashed(name) | ObjectName::Entry(name) => {
                Name::Text(name)
            }
        },
    }
}

/// Returns the distinctive part of a name: for an entry the key first, then the branch.
pub(in crate::tui::rows) fn short_name(kind: ItemKind, name: &str) -> String {
    let mut parts = name.splitn(3, ':').skip(1);
    match (kind, parts.next(), parts.next()) {
        (ItemKind::Entry, Some(branch), Some(key)) => format!("{key} on {}", short_branch(branch)),
        // In the trash, too, a blob is identified by its digest.
        (ItemKind::Object, ..) => {
            digest_in_trash(name).map_or_else(|| name.to_owned(), |digest| digest.to_string())
        }
        _ => name.to_owned(),
    }
}

impl PlanRows {
    /// Returns the trash of a run as one item.
    pub(super) fn trashed<'a>(&'a self, trash: &'a KeptTrash) -> PlanRow<'a> {
        let kept = &self.planned.plan.keep()[trash.first as usize];
        let grace = self.planned.plan.grace();
        let until = trash.since.and_then(|since| since.checked_add(grace).ok());
        let reasons = match until {
            Some(until) if kept.waits() => {
                vec![format!("a prune after {} deletes it", moment(until))]
            }
            _ => kept.reasons.iter().map(ToString::to_string).collect(),
        };
        let began = trash.since.map_or(trash.run.clone(), moment);
        let objects = one_or(trash.tally.count, "object", "objects");
        PlanRow {
            kind: ItemKind::Object,
            name: format!("run of {began}, {} {objects}", grouped(trash.tally.count)),
            bytes: Some(trash.tally.bytes),
            entry: None,
            modified: trash.since,
            standing: None,
            reasons,
        }
    }
}

impl PlanRow<'_> {
    pub(super) fn why(&self) -> Cell {
        match self.standing {
            Some(PlanChoice::Excluded) => Cell::new("excluded by hand", TextRole::Mark),
            Some(PlanChoice::Needed) => Cell::new("an excluded ref reaches it", TextRole::Mark),
            Some(PlanChoice::Deleted) | None => Cell::text(self.reasons.join("; ")),
        }
    }

    pub(super) fn stays(&self) -> bool {
        self.standing.is_some_and(|is| is != PlanChoice::Deleted)
    }

    /// Returns the display word for the kind.
    pub(super) fn kind_word(&self) -> &'static str {
        match self.kind {
            ItemKind::Object => "trash",
            kind => kind.word(),
        }
    }
}

impl FilterSubject for PlanRow<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.name)),
            FilterTextField::Kind => Some(test(self.kind.word())),
            FilterTextField::Ref => self.entry.map(|entry| entry.names().any(test)),
            FilterTextField::State
            | FilterTextField::Step
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Size => self.bytes,
            NumberField::Exclusive
            | NumberField::Layers
            | NumberField::Records
            | NumberField::Refs => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.modified
            .or_else(|| self.entry?.age().map(|(then, _)| then))
    }
}
