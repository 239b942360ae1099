//! Removes objects from a layout, each after a last check: moves them to the trash, or deletes
//! them.

use std::collections::HashMap;
use std::io;

use jiff::Timestamp;

use super::dir::DirPlace;
use super::folders::Layout;
use super::prune::{FoundObject, failed};
use super::trash::LocalTrash;
use super::{LocalCache, in_shares};
use crate::backend::{Disposal, ObjectName, ObjectTarget, Outcome, PlanId, Skip};

impl LocalCache {
    /// Removes unchanged objects with several threads. The outcomes are in the order of the
    /// objects.
    pub(super) fn remove_all(
        &self,
        plan: &PlanId,
        disposal: Disposal,
        targets: &[ObjectTarget],
    ) -> Vec<Outcome> {
        let layout = match self.layout() {
            Ok(layout) => layout,
            Err(error) => return targets.iter().map(|_| failed(&error)).collect(),
        };
        let trash = LocalTrash::find(&self.dir, &layout).ok().flatten();
        // The time of each run in the trash, read once per run.
        let mut times = HashMap::new();
        for target in targets {
            let ObjectName::Trashed(name) = &target.name else {
                continue;
            };
            if let (Some((run, _)), Some(trash)) = (ObjectName::of_trash(name), &trash) {
                times.entry(run).or_insert_with_key(|run| {
                    trash.read_run(run).ok().flatten().map(|run| run.since)
                });
            }
        }
        let removal = Removal {
            layout: &layout,
            plan,
            disposal,
            times,
        };
        in_shares(targets, |share| {
            share
                .iter()
                .map(|target| removal.remove(target))
                .collect::<Vec<_>>()
        })
        .into_iter()
        .flat_map(|(count, outcomes)| {
            let interrupted = || vec![Outcome::Failed("it was interrupted".to_owned()); count];
            outcomes.unwrap_or_else(interrupted)
        })
        .collect()
    }
}

/// The removal of objects in one run.
struct Removal<'a> {
    layout: &'a Layout,
    plan: &'a PlanId,
    disposal: Disposal,
    /// The times at which earlier runs moved objects to the trash.
    times: HashMap<PlanId, Option<Timestamp>>,
}

impl Removal<'_> {
    /// Checks an object again and removes it.
    fn remove(&self, target: &ObjectTarget) -> Outcome {
        match self.try_to(target) {
            Ok(outcome) => outcome,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::AlreadyGone,
            Err(error) => failed(&error),
        }
    }

    fn try_to(&self, target: &ObjectTarget) -> io::Result<Outcome> {
        if matches!(target.name, ObjectName::Entry(_)) {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        }
        let Some(place) = self.layout.place(&target.name)? else {
            let why = "its name does not lead into the cache";
            return Ok(Outcome::Failed(why.to_owned()));
        };
        let found = FoundObject::at(&place, &target.name)?;
        if !self.is_as_planned(target, &found) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let is_in_trash = matches!(target.name, ObjectName::Trashed(_));
        if self.disposal == Disposal::Trash && !is_in_trash {
            return self.discard(target, &place);
        }
        place.remove(&found.facts)?;
        Ok(Outcome::Done)
    }

    /// Moves an object to the trash.
    fn discard(&self, target: &ObjectTarget, place: &DirPlace) -> io::Result<Outcome> {
        let no_trash = || Outcome::Failed("the folder in the trash was deleted".to_owned());
        let to = match self.layout.trash_place(self.plan, &target.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(no_trash()),
            to => to?,
        };
        let Some(to) = to else {
            return Ok(no_trash());
        };
        match place.move_to(&to) {
            // The error is the same for a missing object and for a missing folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound && place.facts().is_ok() => {
                Ok(no_trash())
            }
            moved => moved.map(|()| Outcome::Done),
        }
    }

    fn is_as_planned(&self, target: &ObjectTarget, found: &FoundObject) -> bool {
        let modified = match &target.name {
            ObjectName::Entry(_) => None,
            ObjectName::Blob(_) | ObjectName::Partial(_) => Some(found.modified),
            ObjectName::Trashed(name) => ObjectName::of_trash(name)
                .and_then(|(run, _)| self.times.get(&run).copied().flatten()),
        };
        found.size == target.size && modified == Some(target.modified)
    }
}
