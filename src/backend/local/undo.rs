//! Restores from the trash of a layout.

use std::collections::HashSet;
use std::io;

use async_trait::async_trait;

use super::dir::DirPlace;
use super::folders::Layout;
use super::prune::{NOT_PLAIN, failed, working};
use super::trash::LocalTrash;
use super::{LocalCache, blocking};
use crate::backend::{
    ObjectName, Outcome, PlanId, PruneError, RefTarget, RestoreObjects, RestoreRefs,
};
use crate::format::digest::Digest;

impl LocalCache {
    pub(super) fn put_blobs_back(
        &self,
        wanted: &HashSet<Digest>,
    ) -> Result<Vec<Digest>, PruneError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let layout = self.open_layout()?;
        let Some(trash) = LocalTrash::find(&self.dir, &layout)? else {
            return Ok(Vec::new());
        };
        let mut back = Vec::new();
        let mut fault = None;
        for plan in trash.runs()? {
            trash.each_blob(&plan, |digest, place| {
                if !wanted.contains(&digest) {
                    return;
                }
                match restore_blob(&layout, digest, &place) {
                    Ok(true) => back.push(digest),
                    Ok(false) => {}
                    // Continue: the other blobs are needed, too.
                    Err(source) => {
                        fault = Some(PruneError::Io {
                            doing: "restore",
                            place: place.shown(),
                            source,
                        });
                    }
                }
            })?;
        }
        match fault {
            None => Ok(back),
            Some(source) => Err(PruneError::PartlyRestored {
                back,
                source: Box::new(source),
            }),
        }
    }

    fn restore_all(&self, plan: &PlanId, objects: &[ObjectName]) -> Vec<Outcome> {
        let restored = self.layout().map(|layout| {
            let restore =
                |name| restore(&layout, plan, name).unwrap_or_else(|error| failed(&error));
            objects.iter().map(restore).collect()
        });
        restored.unwrap_or_else(|error| objects.iter().map(|_| failed(&error)).collect())
    }
}

#[async_trait]
impl RestoreRefs for LocalCache {
    async fn restore_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let cache = self.clone();
        let plan = run.clone();
        working(move || cache.give_refs_back(&plan, &refs)).await
    }
}

#[async_trait]
impl RestoreObjects for LocalCache {
    async fn restore_objects(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome> {
        let cache = self.clone();
        let plan = run.clone();
        let count = objects.len();
        blocking(move || cache.restore_all(&plan, &objects))
            .await
            .unwrap_or_else(|| vec![Outcome::Cancelled; count])
    }
}

fn restore_blob(layout: &Layout, digest: Digest, place: &DirPlace) -> io::Result<bool> {
    match layout.place(&ObjectName::Blob(digest))? {
        Some(to) => move_back(place, &to),
        None => Ok(false),
    }
}

/// Restores an object that the run of `plan` moved to the trash.
fn restore(layout: &Layout, plan: &PlanId, name: &ObjectName) -> io::Result<Outcome> {
    let gone = || Outcome::Failed("it is no longer in the trash".to_owned());
    let from = match layout.trash_place(plan, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        from => match from? {
            None => {
                let why = "the trash was emptied, so its objects cannot be restored";
                return Ok(Outcome::Failed(why.to_owned()));
            }
            from => from,
        },
    };
    let Some(to) = layout.place(name)? else {
        return Ok(gone());
    };
    if let Some(from) = from
        && move_back(&from, &to)?
    {
        return Ok(Outcome::Done);
    }
    Ok(if to.facts().is_ok() {
        Outcome::AlreadyGone
    } else {
        gone()
    })
}

/// Moves an object from the trash to its place in the layout; returns false if it is not in the
/// trash, or if the layout has the object already.
fn move_back(place: &DirPlace, to: &DirPlace) -> io::Result<bool> {
    let found = match place.facts() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    if !found.is_file() && !found.is_folder() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, NOT_PLAIN));
    }
    if to.facts().is_ok() {
        return Ok(false);
    }
    place.move_to(to)?;
    Ok(true)
}
