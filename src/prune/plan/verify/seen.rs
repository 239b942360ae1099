//! Finds items that a plan deletes twice.

use std::collections::HashSet;

use super::digest;
use crate::backend::ObjectName;
use crate::inventory::digest_in_trash;
use crate::prune::plan::{DeletionTarget, Plan};

/// The items seen so far. Blobs in the order of their names need no memory, because duplicates
/// would be neighbours.
pub(super) struct SeenItems {
    others: HashSet<DeletionTarget>,
    blobs_in_order: bool,
    trash_in_order: bool,
}

impl SeenItems {
    pub(super) fn of(plan: &Plan) -> Self {
        let blobs = || plan.objects().filter_map(|name| digest(&name));
        let trash = || plan.objects().filter_map(trashed_blob);
        Self {
            others: HashSet::new(),
            blobs_in_order: blobs().zip(blobs().skip(1)).all(|(one, next)| one < next),
            trash_in_order: trash().zip(trash().skip(1)).all(|(one, next)| one < next),
        }
    }

    pub(super) fn is_new(&mut self, target: &DeletionTarget) -> bool {
        let is_in_order = match target {
            DeletionTarget::Object(object) => match &object.name {
                ObjectName::Blob(_) => self.blobs_in_order,
                ObjectName::Trashed(name) => self.trash_in_order && digest_in_trash(name).is_some(),
                ObjectName::Partial(_) | ObjectName::Entry(_) => false,
            },
            DeletionTarget::Ref(_) | DeletionTarget::Rewrite(_) => false,
        };
        is_in_order || self.others.insert(target.clone())
    }
}

/// Returns the name of a blob in the trash.
fn trashed_blob(name: ObjectName) -> Option<String> {
    match name {
        ObjectName::Trashed(name) => digest_in_trash(&name).is_some().then_some(name),
        ObjectName::Blob(_) | ObjectName::Partial(_) | ObjectName::Entry(_) => None,
    }
}
