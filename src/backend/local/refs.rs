//! Deletes refs from the index, remembers them in the trash, and restores them.

use std::collections::HashSet;

use super::LocalCache;
use super::folders::Layout;
use super::trash::LocalTrash;
use crate::backend::{DroppedRef, Outcome, PlanId, PruneError, RefTarget, Skip};
use crate::format::layout::ListedRef;
use crate::format::layout::edit::{IndexText, parse_entry};

impl LocalCache {
    pub(super) fn read_dropped(&self) -> Result<Vec<DroppedRef>, PruneError> {
        // A listing reports a path that is not a folder.
        let Ok(layout) = Layout::open(&self.dir) else {
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
                    listed_ref,
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
        let found: HashSet<RefTarget> = text.listed_refs().filter_map(target_of).collect();
        let names: HashSet<&[String]> = refs.iter().map(|target| target.names.as_slice()).collect();
        let renamed: HashSet<Vec<String>> = text
            .listed_refs()
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
    ) -> Result<Vec<(Option<RefTarget>, String)>, PruneError> {
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
        let layout = self.open_layout()?;
        let entries = self.remembered(&layout, plan)?;
        let index = self.hold_index(&layout)?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let mut outcomes = Vec::with_capacity(refs.len());
        let mut changed = false;
        for target in refs {
            let remembered = entries
                .iter()
                .find(|(found, _)| found.as_ref() == Some(target));
            let taken = |listed_ref: &ListedRef| {
                listed_ref
                    .names
                    .iter()
                    .any(|name| target.names.contains(name))
            };
            outcomes.push(
                if text
                    .listed_refs()
                    .any(|listed_ref| target_of(listed_ref).as_ref() == Some(target))
                {
                    Outcome::AlreadyGone
                } else if text.listed_refs().any(taken) {
                    Outcome::Skipped(Skip::Changed)
                } else if let Some((_, entry)) = remembered {
                    text.add(entry).map_err(|source| self.index_error(source))?;
                    changed = true;
                    Outcome::Done
                } else {
                    Outcome::Failed("it is no longer in the trash".to_owned())
                },
            );
        }
        if changed {
            index.replace(
                &old,
                &text.to_text().map_err(|source| self.index_error(source))?,
            )?;
        }
        Ok(outcomes)
    }
}

/// Returns a ref as a target; `None` if its digest is invalid.
pub(super) fn target_of(listed_ref: &ListedRef) -> Option<RefTarget> {
    Some(RefTarget {
        names: listed_ref.names.clone(),
        digest: listed_ref.descriptor.digest.valid()?,
        bytes: 0,
    })
}
