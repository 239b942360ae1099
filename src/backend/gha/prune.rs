//! Deletes entries by number. GitHub keeps no trash: deleted entries cannot be restored.

use std::collections::HashMap;

use async_trait::async_trait;

use super::entry::{EntryContent, ListedEntry};
use super::rest::DELETIONS_A_MINUTE;
use super::{GhaCache, RankedIndex, sort_out};
use crate::backend::http::Tries;
use crate::backend::listing::BrokenListing;
use crate::backend::{
    BackendError, CachePruner, DeleteObjects, Disposal, ObjectName, ObjectTarget, Outcome, PlanId,
    PruneAbilities, PruneError, RefRewrite, RefTarget, RemoteError, RemoteKind, RewriteRefs, Skip,
};
use crate::format::digest::Digest;

/// All entries at one moment.
struct EntryLook {
    /// By name.
    all: HashMap<String, ListedEntry>,
    /// The names of the entries of blobs. If a blob has several, the oldest, which the scan saw
    /// first.
    blobs: HashMap<Digest, String>,
}

impl EntryLook {
    fn find(&self, name: &ObjectName) -> Option<&ListedEntry> {
        match name {
            ObjectName::Blob(digest) => self.all.get(self.blobs.get(digest)?),
            ObjectName::Entry(name) => self.all.get(name),
            ObjectName::Partial(_) | ObjectName::Trashed(_) => None,
        }
    }
}

/// Accepts only a complete list: an entry missing from it would count as deleted.
pub(super) fn whole(
    (all, broken): (Vec<ListedEntry>, Option<BrokenListing>),
) -> Result<Vec<ListedEntry>, RemoteError> {
    match broken {
        None => Ok(all),
        Some(broken) => Err(RemoteError::new(
            RemoteKind::BadAnswer,
            format!("the list is not whole: {broken}"),
        )
        .hint("nothing is deleted by it; try again later")),
    }
}

/// Returns the outcome for an entry that does not exist: an earlier attempt of this run deleted it,
/// or it was already deleted.
fn absent(tries: &Tries) -> Outcome {
    if tries.may_have_worked() {
        Outcome::Done
    } else {
        Outcome::AlreadyGone
    }
}

impl GhaCache {
    /// Tries once to delete an entry. Returns `None` if time passed without an answer, so the
    /// caller must check the entry again.
    async fn delete(&self, id: u64, tries: &mut Tries) -> Option<Outcome> {
        let deleted = match self.rest().await {
            Ok(rest) => rest.delete(id, tries).await,
            Err(error) => Err(error),
        };
        match deleted {
            Ok(None) => None,
            Ok(Some(true)) => Some(Outcome::Done),
            Ok(Some(false)) => Some(Outcome::AlreadyGone),
            Err(error) => Some(Outcome::Failed(error.in_one_line_with_hint())),
        }
    }

    /// Lists all entries.
    async fn look(&self) -> Result<EntryLook, RemoteError> {
        let all = whole(self.rest().await?.list_all(None).await?)?;
        let mut blobs: HashMap<Digest, &ListedEntry> = HashMap::new();
        for listed in &all {
            if let EntryContent::Blob(digest) = listed.what() {
                let found = blobs.entry(digest).or_insert(listed);
                if (listed.created_at, listed.id) < (found.created_at, found.id) {
                    *found = listed;
                }
            }
        }
        let blobs = blobs
            .into_iter()
            .map(|(digest, listed)| (digest, listed.name()))
            .collect();
        Ok(EntryLook {
            blobs,
            all: all
                .into_iter()
                .map(|listed| (listed.name(), listed))
                .collect(),
        })
    }

    /// Checks the entries and deletes those that are unchanged, until one request is refused.
    async fn remove_some(
        &self,
        objects: &[ObjectTarget],
        refused: &mut Option<String>,
    ) -> Vec<Outcome> {
        if let Some(why) = refused {
            return vec![Outcome::Failed(why.clone()); objects.len()];
        }
        let mut look = match self.look().await {
            Ok(look) => look,
            Err(error) => {
                return vec![Outcome::Failed(error.in_one_line_with_hint()); objects.len()];
            }
        };
        let mut outcomes = Vec::with_capacity(objects.len());
        let mut doubtful = Vec::new();
        for target in objects {
            let mut tries = Tries::new();
            let (outcome, found) = loop {
                let found = look.find(&target.name);
                let is_same = found.is_none_or(|found| {
                    (found.size_in_bytes, found.touched()) == (target.size, target.modified)
                });
                let outcome = match (found, &*refused) {
                    _ if matches!(target.name, ObjectName::Partial(_) | ObjectName::Trashed(_)) => {
                        Some(Outcome::Skipped(Skip::Unsupported))
                    }
                    (None, _) => Some(absent(&tries)),
                    (Some(_), _) if !is_same => Some(Outcome::Skipped(Skip::Changed)),
                    (Some(_), Some(why)) => Some(Outcome::Failed(why.clone())),
                    (Some(found), None) => self.delete(found.id, &mut tries).await,
                };
                if let Some(outcome) = outcome {
                    break (outcome, found.map(ListedEntry::name));
                }
                // While we waited for GitHub, a job may have requested the entry and now relies on
                // it.
                match self.look().await {
                    Ok(new) => look = new,
                    Err(error) => break (Outcome::Failed(error.in_one_line_with_hint()), None),
                }
            };
            // A token that may not delete one entry may not delete any. More requests would only
            // use up its budget.
            if let Outcome::Failed(why) = &outcome {
                refused.get_or_insert_with(|| why.clone());
            }
            if let (Outcome::AlreadyGone, Some(name)) = (&outcome, found) {
                doubtful.push((outcomes.len(), name));
            }
            outcomes.push(outcome);
        }
        self.doubt(&mut outcomes, doubtful, refused).await;
        outcomes
    }

    /// Lists the indexes by the names of their entries.
    async fn indexes_by_name(&self) -> Result<HashMap<String, RankedIndex>, RemoteError> {
        let indexes = sort_out(whole(self.list_indexes().await?)?);
        Ok(indexes
            .into_iter()
            .map(|index| (index.listed.name(), index))
            .collect())
    }

    /// Checks entries that GitHub reported as absent: it reports the same to a token that may not
    /// delete them.
    async fn doubt(
        &self,
        outcomes: &mut [Outcome],
        doubtful: Vec<(usize, String)>,
        refused: &mut Option<String>,
    ) {
        if doubtful.is_empty() {
            return;
        }
        let Ok(look) = self.look().await else { return };
        for (place, _) in doubtful
            .into_iter()
            .filter(|(_, name)| look.all.contains_key(name))
        {
            let why = "GitHub lists it, and calls it absent when it is to be deleted (the token may lack `actions: write`)";
            outcomes[place] = Outcome::Failed(why.to_owned());
            refused.get_or_insert_with(|| why.to_owned());
        }
    }
}

#[async_trait]
impl DeleteObjects for GhaCache {
    async fn delete_objects(
        &self,
        _run: &PlanId,
        _disposal: Disposal,
        objects: Vec<ObjectTarget>,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(objects.len());
        let mut refused: Option<String> = None;
        // One chunk takes a minute. An older look would miss too many requests of jobs since.
        for some in objects.chunks(DELETIONS_A_MINUTE) {
            outcomes.extend(self.remove_some(some, &mut refused).await);
        }
        outcomes
    }
}

#[async_trait]
impl CachePruner for GhaCache {
    async fn delete_refs(
        &self,
        _run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut there = self.indexes_by_name().await.map_err(BackendError::from)?;
        let mut outcomes = Vec::with_capacity(refs.len());
        let mut doubtful = Vec::new();
        let mut refused: Option<String> = None;
        for target in refs {
            // The second name is that of the entry, whose content never changes.
            let name = target.names.get(1).map(String::as_str).unwrap_or_default();
            let mut tries = Tries::new();
            let (outcome, is_there) = loop {
                let found = there.get(name);
                let outcome = match (found, &refused) {
                    (None, _) => Some(absent(&tries)),
                    (Some(index), _) if index.steps_back > 0 => {
                        Some(Outcome::Skipped(Skip::Changed))
                    }
                    (Some(_), Some(why)) => Some(Outcome::Failed(why.clone())),
                    (Some(index), None) => self.delete(index.listed.id, &mut tries).await,
                };
                if let Some(outcome) = outcome {
                    break (outcome, found.is_some());
                }
                match self.indexes_by_name().await {
                    Ok(new) => there = new,
                    Err(error) => break (Outcome::Failed(error.in_one_line_with_hint()), false),
                }
            };
            match &outcome {
                Outcome::Failed(why) => refused = refused.or_else(|| Some(why.clone())),
                Outcome::AlreadyGone if is_there => {
                    doubtful.push((outcomes.len(), name.to_owned()));
                }
                _ => {}
            }
            outcomes.push(outcome);
        }
        self.doubt(&mut outcomes, doubtful, &mut refused).await;
        Ok(outcomes)
    }

    /// GitHub keeps nothing that was deleted, so nothing can be restored.
    fn prune_abilities(&self) -> PruneAbilities<'_> {
        PruneAbilities {
            objects: Some(self),
            rewrite: Some(self),
            ..PruneAbilities::default()
        }
    }
}

/// Only a job can write an index. Elsewhere each ref is skipped.
#[async_trait]
impl RewriteRefs for GhaCache {
    async fn rewrite_refs(
        &self,
        _run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(Outcome::of(self.rewrite(rewrite).await));
        }
        Ok(outcomes)
    }

    async fn restore_rewritten(
        &self,
        _run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(Outcome::of(self.undo_rewrite(rewrite).await));
        }
        Ok(outcomes)
    }
}
