//! Deletes refs from the index, remembers them in the trash, and restores them.

use std::collections::HashSet;

use super::LocalCache;
use super::folders::Layout;
use super::trash::LocalTrash;
use crate::backend::{DroppedRef, Outcome, PlanId, PruneError, RefTarget, Skip};
use crate::format::layout::edit::{IndexText, parse_entry};
use crate::format::layout::{LayoutError, LayoutRef};

impl LocalCache {
    pub(super) fn read_dropped(&self) -> Result<Vec<DroppedRef>, PruneError> {
        // A listing reports a path that is not a folder.
        let Ok(layout) = self.layout() else {
            return Ok(Vec::new());
        };
        let Some(trash) = LocalTrash::find(&self.dir, &layout)? else {
            return Ok(Vec::new());
        };
        let mut dropped = Vec::new();
        for plan in trash.runs()? {
            let Some(run) = trash.read_run(&plan)? else {
                continue;
            };
            for text in &run.refs {
                let listed_ref = parse_entry(text).map_err(|source| self.index_error(source))?;
                dropped.push(DroppedRef {
                    listed_ref: listed_ref.into(),
                    since: run.since,
                });
            }
        }
        Ok(dropped)
    }

    pub(super) fn take_refs(
        &self,
        plan: &PlanId,
        refs: &[RefTarget],
    ) -> Result<Vec<Outcome>, PruneError> {
        let wanted: HashSet<RefTarget> = refs.iter().cloned().collect();
        let layout = self.open_layout()?;
        let index = self.hold_index(&layout)?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let found: HashSet<RefTarget> = text.layout_refs().filter_map(target_of).collect();
        let names: HashSet<&[String]> = refs.iter().map(|target| target.names.as_slice()).collect();
        let renamed: HashSet<Vec<String>> = text
            .layout_refs()
            .map(|listed_ref| listed_ref.names.clone())
            .filter(|found| names.contains(found.as_slice()))
            .collect();
        let taken = text.take(|listed_ref| {
            target_of(listed_ref).is_some_and(|target| wanted.contains(&target))
        });
        if !taken.is_empty() {
            let trash = LocalTrash::ensure(&self.dir, &layout)?;
            // Save a copy before deleting. After a crash in between, an extra copy is harmless.
            trash.remember(plan, taken)?;
            let new = text.to_text().map_err(|source| self.index_error(source))?;
            index.replace(&old, &new)?;
        }
        let outcome = |target: &RefTarget| {
            if found.contains(target) {
                Outcome::Done
            } else if !target.names.is_empty() && renamed.contains(&target.names) {
                Outcome::Skipped(Skip::Changed)
            } else {
                Outcome::AlreadyGone
            }
        };
        Ok(refs.iter().map(outcome).collect())
    }

    /// Returns the entries that a run removed from the index, with their targets.
    pub(super) fn remembered(
        &self,
        layout: &Layout,
        plan: &PlanId,
    ) -> Result<Vec<RememberedEntry>, PruneError> {
        let run = match LocalTrash::find(&self.dir, layout)? {
            Some(trash) => trash.read_run(plan)?,
            None => None,
        };
        let mut entries = Vec::new();
        for text in run.map(|run| run.refs).unwrap_or_default() {
            let listed_ref = parse_entry(&text).map_err(|source| self.index_error(source))?;
            entries.push((target_of(&listed_ref), text));
        }
        Ok(entries)
    }

    pub(super) fn give_refs_back(
        &self,
        plan: &PlanId,
        refs: &[RefTarget],
    ) -> Result<Vec<Outcome>, PruneError> {
        self.restore_in_index(plan, refs, |text, entries, target| {
            let taken = |listed_ref: &LayoutRef| {
                let mut names = listed_ref.names.iter();
                names.any(|name| target.names.contains(name))
            };
            let is_it = |found: &LayoutRef| target_of(found).as_ref() == Some(target);
            if text.layout_refs().any(is_it) {
                return Ok(Outcome::AlreadyGone);
            }
            if text.layout_refs().any(taken) {
                return Ok(Outcome::Skipped(Skip::Changed));
            }
            match entry_of(entries, target) {
                Some(entry) => {
                    text.add(entry)?;
                    Ok(Outcome::Done)
                }
                None => Ok(no_longer_there()),
            }
        })
    }

    /// Restores items of a run in the index, which is locked for that: `restore` changes the text of
    /// the index for one item, by the entries that the run removed. An outcome other than
    /// [`Outcome::Done`] means that it changed nothing.
    pub(super) fn restore_in_index<T>(
        &self,
        plan: &PlanId,
        items: &[T],
        restore: impl Fn(&mut IndexText, &[RememberedEntry], &T) -> Result<Outcome, LayoutError>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let fail = |source| self.index_error(source);
        let layout = self.open_layout()?;
        let entries = self.remembered(&layout, plan)?;
        let index = self.hold_index(&layout)?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(fail)?;
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            outcomes.push(restore(&mut text, &entries, item).map_err(fail)?);
        }
        if outcomes.contains(&Outcome::Done) {
            index.replace(&old, &text.to_text().map_err(fail)?)?;
        }
        Ok(outcomes)
    }
}

/// An entry that a run removed from the index, with its target; `None` if its digest is invalid.
pub(super) type RememberedEntry = (Option<RefTarget>, String);

/// Returns the entry of a target.
pub(super) fn entry_of<'a>(entries: &'a [RememberedEntry], target: &RefTarget) -> Option<&'a str> {
    let mut entries = entries.iter();
    let (_, entry) = entries.find(|(found, _)| found.as_ref() == Some(target))?;
    Some(entry)
}

pub(super) fn no_longer_there() -> Outcome {
    Outcome::Failed("it is no longer in the trash".to_owned())
}

/// Returns a ref as a target; `None` if its digest is invalid.
pub(super) fn target_of(listed_ref: &LayoutRef) -> Option<RefTarget> {
    Some(RefTarget {
        names: listed_ref.names.clone(),
        digest: listed_ref.descriptor.digest.valid()?,
        bytes: 0,
    })
}
