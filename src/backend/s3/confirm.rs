//! Checks objects again that the service reported as deleted. Some services report that and keep
//! the object, which must not count as freed.

use futures_util::{StreamExt as _, stream};

use super::objects::Now;
use super::pages::ObjectPage;
use super::prune::S3Pruner;
use crate::backend::{ObjectTarget, Outcome, RemoteError};

/// The error for an object that still exists after its deletion.
pub(super) const STILL_THERE: &str =
    "the service says that it has deleted it, and it is still there";
/// The number of pages of a listing that are always read to find objects. If that is
/// not enough, each object is checked by itself.
const PAGES: usize = 2;
/// One more page is read for this many objects.
const OBJECTS_A_PAGE: usize = 16;

/// An object that the service reported as deleted.
struct DeletedObject<'t> {
    key: String,
    target: &'t ObjectTarget,
    outcome: &'t mut Outcome,
}

impl DeletedObject<'_> {
    /// Returns whether the object is the deleted one, and not one written since.
    fn is(&self, modified: Option<i64>, size: u64) -> bool {
        modified == Some(self.target.modified.as_second()) && size == self.target.size
    }
}

impl S3Pruner {
    /// Turns the outcomes of blobs that still exist into failures.
    pub(super) async fn confirm(&self, objects: &[ObjectTarget], outcomes: &mut [Outcome]) {
        let done = objects.iter().zip(outcomes.iter_mut());
        let done = done.filter(|(_, outcome)| **outcome == Outcome::Done);
        let mut deleted: Vec<DeletedObject<'_>> = done
            .filter_map(|(target, outcome)| {
                Some(DeletedObject {
                    key: self.client().blob_key(&target.name)?,
                    target,
                    outcome,
                })
            })
            .collect();
        deleted.sort_by(|a, b| a.key.cmp(&b.key));
        let suspects = match self.suspects(&deleted).await {
            Ok(suspects) => suspects,
            Err(error) => {
                tracing::debug!(%error, "checking the deleted objects one by one");
                vec![true; deleted.len()]
            }
        };
        let looks: Vec<_> = deleted
            .into_iter()
            .zip(suspects)
            .filter_map(|(deleted, is_suspect)| is_suspect.then_some(deleted))
            .map(|deleted| async move {
                let is_same = |now: &Now| deleted.is(now.modified, now.size);
                match self.client().is_still(&deleted.key, is_same).await {
                    Ok(false) => {}
                    Ok(true) => *deleted.outcome = Outcome::Failed(STILL_THERE.to_owned()),
                    Err(error) => {
                        *deleted.outcome = Outcome::Failed(format!(
                            "it cannot be confirmed that it is deleted: {}",
                            error.in_one_line_with_hint()
                        ));
                    }
                }
            })
            .collect();
        stream::iter(looks)
            .buffer_unordered(self.client().at_once())
            .collect::<()>()
            .await;
    }

    /// Lists the keys of `deleted`, which are in ascending order. Returns for each whether it may
    /// still exist.
    async fn suspects(&self, deleted: &[DeletedObject<'_>]) -> Result<Vec<bool>, RemoteError> {
        let mut suspects = vec![true; deleted.len()];
        let Some(first) = deleted.first() else {
            return Ok(suspects);
        };
        let lister = self.client().lister().await?;
        let mut after = first.key[..first.key.len() - 1].to_owned();
        let mut decided = 0;
        for _ in 0..PAGES + deleted.len() / OBJECTS_A_PAGE {
            let ObjectPage { objects, goes_on } =
                lister.page(self.client().blobs_at(), &after).await?;
            for listed in &objects {
                while deleted
                    .get(decided)
                    .is_some_and(|deleted| deleted.key < listed.key)
                {
                    suspects[decided] = false;
                    decided += 1;
                }
                let Some(deleted) = deleted.get(decided) else {
                    return Ok(suspects);
                };
                if deleted.key == listed.key {
                    let modified = listed.modified.map(jiff::Timestamp::as_second);
                    suspects[decided] = deleted.is(modified, listed.size);
                    decided += 1;
                }
            }
            match objects.last() {
                Some(last) if goes_on => after.clone_from(&last.key),
                _ => {
                    suspects[decided..].fill(false);
                    return Ok(suspects);
                }
            }
        }
        Ok(suspects)
    }
}
