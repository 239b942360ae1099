//! Deleting tags, and manifests by digest where a registry deletes no tags; writing manifests anew.
//!
//! What a registry stores of a deleted ref goes when the registry's own collection runs. Until then the manifest, of which
//! a copy is kept here, can be pushed again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::http::Tries;
use super::manifests::{Deleted, Head};
use super::packages::{Packages, State};
use super::{RegistryCache, manifests, push};
use crate::backend::gha::http as github;
use crate::backend::{
    CachePruner, CacheReader as _, Disposal, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId, PruneError,
    RefRewrite, RefTarget, RemoteError, RemoteKind, Skip, Support,
};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::format::text::visible;

mod back;
mod groups;
mod probe;

use back::DeletedVersions;
use groups::{Fate, Group};

/// What can be put back.
pub(super) const WAY_BACK: &str =
    "Manifests are kept here, and can be pushed again until the registry collects what they name.";
/// Why blobs cannot be deleted one by one.
pub(super) const COLLECTION: &str =
    "a registry frees space by its own collection (distribution: `registry garbage-collect CONFIG`)";
/// How often, and how long apart, a tag is looked at that should have gone.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);
const STILL_THERE: &str = "the registry says that it is deleted, and it is still there";

/// What deletions have taught of a registry.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Why it deletes nothing.
    refuses: Option<String>,
    /// Whether it deletes tags as such.
    deletes_tags: Option<bool>,
    /// Whether a tag that goes takes its manifest along, and with it all other tags.
    takes_manifests: Option<bool>,
    /// Whether it tells what refers to a manifest.
    tells_referrers: Option<bool>,
}

impl Learned {
    /// Returns whether refs can be deleted, as far as is known.
    pub(super) fn support(&self) -> Support {
        self.refuses.clone().map_or(Support::Yes, Support::No)
    }
}

/// A registry has nothing to hold: deleting a tag twice does no harm.
struct NoLease;

impl Lease for NoLease {}

impl RegistryCache {
    /// Deletes what a group is about, and checks that its tags have gone.
    async fn delete(&self, run: &PlanId, group: &Group, versions: Option<&Versions<'_>>) -> Fate {
        match self.try_to_delete(run, group, versions).await {
            Ok(fate) => fate,
            Err(error) => group.all(Outcome::Failed(in_one_line(&error))),
        }
    }

    async fn try_to_delete(
        &self,
        run: &PlanId,
        group: &Group,
        versions: Option<&Versions<'_>>,
    ) -> Result<Fate, RemoteError> {
        if let Support::No(why) = self.learned.lock().await.support() {
            return Ok(group.all(Outcome::Failed(why)));
        }
        let Ok(bytes) = self.read_document(group.digest, DOCUMENT_LIMIT).await else {
            return Ok(group.all(Outcome::Skipped(Skip::Undetermined)));
        };
        // First the memory, then the deed.
        if let Some(dropped) = self.dropped() {
            dropped.remember(run, group.digest, &bytes).map_err(|error| {
                RemoteError::new(RemoteKind::Unavailable, "the manifest cannot be remembered")
                    .because(error.to_string())
            })?;
        }
        if let Some(versions) = versions {
            return self.delete_version(group, versions).await;
        }
        let by_tag = self.learned.lock().await.deletes_tags;
        if !group.tags.is_empty() && by_tag != Some(false) {
            match self.delete_tags(group, &bytes).await? {
                Some(fate) => return Ok(fate),
                None => self.learned.lock().await.deletes_tags = Some(false),
            }
        }
        self.delete_manifest(group).await
    }

    /// Deletes a manifest by its digest, and with it all its tags.
    async fn delete_manifest(&self, group: &Group) -> Result<Fate, RemoteError> {
        let http = self.http().await?;
        let mut tries = Tries::new();
        let deleted = loop {
            if let Some(outcome) = self.must_stay(group).await? {
                return Ok(group.all(outcome));
            }
            let reference = group.digest.to_string();
            if let Some(deleted) = manifests::delete(http, self.repository(), &reference, &mut tries).await? {
                break deleted;
            }
        };
        match deleted {
            Deleted::Absent if group.tags.is_empty() && !tries.may_have_worked() => Ok(group.all(Outcome::AlreadyGone)),
            Deleted::Gone | Deleted::Absent => Ok(self.have_gone(group).await),
            Deleted::NotOffered => {
                let why = refuses(http.host());
                self.learned.lock().await.refuses = Some(why.clone());
                Ok(group.all(Outcome::Failed(why)))
            }
        }
    }

    /// Deletes a version of a package, and with it all its tags: GitHub's registry itself deletes nothing.
    async fn delete_version(&self, group: &Group, versions: &Versions<'_>) -> Result<Fate, RemoteError> {
        let Some(id) = versions.ids.get(&group.digest) else {
            let stays = self.must_stay(group).await?;
            return Ok(group.all(stays.unwrap_or(Outcome::AlreadyGone)));
        };
        let mut tries = github::Tries::new();
        loop {
            if let Some(outcome) = self.must_stay(group).await? {
                return Ok(group.all(outcome));
            }
            let gone = if tries.may_have_worked() { Outcome::Done } else { Outcome::AlreadyGone };
            let Some(version) = versions.packages.version(*id).await? else { return Ok(group.all(gone)) };
            if version.digest() != Some(group.digest) || !version.tags().iter().all(|tag| group.tags.contains(tag)) {
                return Ok(group.all(Outcome::Skipped(Skip::Changed)));
            }
            match versions.packages.delete(*id, &mut tries).await? {
                Some(true) => return Ok(self.have_gone(group).await),
                Some(false) => return Ok(group.all(gone)),
                None => {}
            }
        }
    }

    /// Looks once more at what a manifest is to others, just before it goes; returns the outcome when it has to stay.
    async fn must_stay(&self, group: &Group) -> Result<Option<Outcome>, RemoteError> {
        if let Some(stays) = group.stays {
            return Ok(Some(Outcome::Skipped(stays)));
        }
        let http = self.http().await?;
        for tag in &group.tags {
            match manifests::head(http, self.repository(), tag).await? {
                Head::Points(tagged) if tagged.digest != group.digest => {
                    return Ok(Some(Outcome::Skipped(Skip::Changed)));
                }
                Head::Points(_) | Head::Absent | Head::Untold => {}
            }
        }
        let is_subject = self.has_referrers(group.digest).await?;
        Ok(is_subject.then_some(Outcome::Skipped(Skip::Named)))
    }

    /// Checks that the tags of a group have gone, which the registry has deleted with their manifest.
    async fn have_gone(&self, group: &Group) -> Fate {
        let mut tags = Vec::with_capacity(group.tags.len());
        for tag in &group.tags {
            tags.push(self.has_gone(group.digest, tag).await);
        }
        let rest = tags.iter().find(|outcome| **outcome != Outcome::Done).cloned().unwrap_or(Outcome::Done);
        Fate { tags, rest }
    }

    /// Checks that a tag has gone which the registry says that it has deleted. A service may take a moment to say so.
    async fn has_gone(&self, digest: Digest, tag: &str) -> Outcome {
        for looks in 0..=LOOKS {
            tokio::time::sleep(PAUSE * looks).await;
            let head = match self.http().await {
                Ok(http) => manifests::head(http, self.repository(), tag).await,
                Err(error) => Err(error),
            };
            match head {
                Ok(Head::Points(tagged)) if tagged.digest == digest => {}
                // Pushed again since, by a build that does not wait for anybody.
                Ok(_) => return Outcome::Done,
                // The registry's word is what there is. A tag that went and is not noted could not be given back.
                Err(error) => {
                    tracing::warn!(error = in_one_line(&error), tag, "it cannot be seen whether a tag has gone");
                    return Outcome::Done;
                }
            }
        }
        Outcome::Failed(STILL_THERE.to_owned())
    }

    /// Deletes tags as such; none when the registry does not do that.
    async fn delete_tags(&self, group: &Group, bytes: &[u8]) -> Result<Option<Fate>, RemoteError> {
        if group.stays.is_some() {
            self.find_out(bytes).await?;
            let learned = self.learned.lock().await;
            if learned.deletes_tags == Some(false) {
                return Ok(None);
            }
        }
        // Where a tag takes its manifest along, what holds for a manifest holds for a tag.
        let takes_all = self.learned.lock().await.takes_manifests == Some(true);
        if takes_all && let Some(outcome) = self.must_stay(group).await? {
            return Ok(Some(group.all(outcome)));
        }
        let (mut tags, mut wrong) = (Vec::with_capacity(group.tags.len()), None);
        for tag in &group.tags {
            // That one has changed is no word about the next, and that the registry fails is.
            let outcome = match &wrong {
                Some(why) => Outcome::Failed(String::clone(why)),
                None => match self.delete_tag(group, tag, takes_all).await {
                    Ok(Some(outcome)) => outcome,
                    Ok(None) if tags.contains(&Outcome::Done) => Outcome::Failed(refuses(&self.location.host)),
                    Ok(None) => return Ok(None),
                    Err(error) => Outcome::Failed(in_one_line(&error)),
                },
            };
            if let Outcome::Failed(why) = &outcome {
                wrong.get_or_insert_with(|| why.clone());
            }
            tags.push(outcome);
        }
        let deleted = tags.contains(&Outcome::Done);
        for (tag, outcome) in group.tags.iter().zip(&mut tags) {
            match outcome {
                Outcome::Done => *outcome = self.has_gone(group.digest, tag).await,
                // It went along with another one.
                Outcome::AlreadyGone if deleted => *outcome = Outcome::Done,
                _ => {}
            }
        }
        if tags.contains(&Outcome::Done) {
            self.learned.lock().await.deletes_tags = Some(true);
            match self.mend(group, bytes).await {
                Ok(None) => {}
                Ok(Some(why)) => return Ok(Some(group.all(Outcome::Failed(why)))),
                Err(error) if group.stays.is_some() => return Err(error),
                Err(error) => tracing::debug!(%error, "it cannot be seen whether the manifest went, too"),
            }
        }
        let rest = tags.iter().find(|outcome| **outcome != Outcome::Done).cloned().unwrap_or(Outcome::Done);
        Ok(Some(Fate { tags, rest }))
    }

    /// Deletes one tag, as long as it points to the manifest of its group: each try has its own look before. None when the
    /// registry does not delete tags.
    async fn delete_tag(&self, group: &Group, tag: &str, takes_all: bool) -> Result<Option<Outcome>, RemoteError> {
        let http = self.http().await?;
        let mut tries = Tries::new();
        loop {
            match manifests::head(http, self.repository(), tag).await? {
                Head::Absent if tries.may_have_worked() => return Ok(Some(Outcome::Done)),
                Head::Absent => return Ok(Some(Outcome::AlreadyGone)),
                Head::Points(tagged) if tagged.digest != group.digest => {
                    return Ok(Some(Outcome::Skipped(Skip::Changed)));
                }
                Head::Points(_) | Head::Untold => {}
            }
            match manifests::delete(http, self.repository(), tag, &mut tries).await? {
                Some(Deleted::NotOffered) => return Ok(None),
                Some(Deleted::Gone | Deleted::Absent) => return Ok(Some(Outcome::Done)),
                None if takes_all => {
                    if let Some(outcome) = self.must_stay(group).await? {
                        return Ok(Some(outcome));
                    }
                }
                None => {}
            }
        }
    }

    /// Finds out whether a tag that went took its manifest along. What had to stay is pushed again; returns what happened.
    async fn mend(&self, group: &Group, bytes: &[u8]) -> Result<Option<String>, RemoteError> {
        let known = self.learned.lock().await.takes_manifests;
        if group.stays.is_none() && known.is_some() {
            return Ok(None);
        }
        let http = self.http().await?;
        let head = manifests::head(http, self.repository(), &group.digest.to_string()).await?;
        if head != Head::Absent {
            self.learned.lock().await.takes_manifests.get_or_insert(false);
            return Ok(None);
        }
        self.learned.lock().await.takes_manifests = Some(true);
        if group.stays.is_none() {
            return Ok(None);
        }
        let mut back = Vec::new();
        for sibling in &group.siblings {
            if self.push_absent(sibling, bytes).await? {
                back.push(format!("`{}`", visible(sibling)));
            }
        }
        if group.siblings.is_empty() {
            self.push_absent(&group.digest.to_string(), bytes).await?;
            back.push("what an index names".to_owned());
        }
        let what = back.join(", ");
        Ok(Some(format!("{} deletes a manifest with its tags: {what}, which stays, was pushed again", http.host())))
    }

    /// Puts a manifest where there is none; tells whether it did.
    async fn push_absent(&self, reference: &str, bytes: &[u8]) -> Result<bool, RemoteError> {
        let http = self.http().await?;
        let mut tries = Tries::new();
        while manifests::head(http, self.repository(), reference).await? == Head::Absent {
            if push::manifest(http, self.repository(), reference, bytes, &mut tries).await? {
                return Ok(true);
            }
        }
        Ok(tries.may_have_worked())
    }

    /// Lists what GitHub can delete; none elsewhere.
    async fn versions(&self) -> Result<Option<Versions<'_>>, RemoteError> {
        let Some(packages) = self.packages().await? else { return Ok(None) };
        let versions = packages.versions(State::Active).await?;
        let ids = versions.iter().filter_map(|version| Some((version.digest()?, version.id))).collect();
        Ok(Some(Versions { packages, ids }))
    }
}

/// The versions of a package on GitHub, by digest.
struct Versions<'a> {
    packages: &'a Packages,
    ids: HashMap<Digest, u64>,
}

/// Says that a registry deletes nothing, and how that is changed.
fn refuses(host: &str) -> String {
    format!(
        "{host} deletes nothing: its operator has to allow it (distribution: `storage: delete: enabled: true`, or REGISTRY_STORAGE_DELETE_ENABLED=true)"
    )
}

fn set(outcomes: &mut [Option<Outcome>], place: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}

fn told(outcome: Result<Outcome, RemoteError>) -> Outcome {
    outcome.unwrap_or_else(|error| Outcome::Failed(in_one_line(&error)))
}

/// Writes an error with its causes and what to do in one line.
fn in_one_line(error: &RemoteError) -> String {
    let causes = error.causes.iter().map(|cause| format!(": {cause}"));
    let hint = error.hint.iter().map(|hint| format!(" ({hint})"));
    std::iter::once(error.message.clone()).chain(causes).chain(hint).collect()
}

#[async_trait]
impl CachePruner for RegistryCache {
    async fn lease(&self) -> Result<Box<dyn Lease>, PruneError> {
        Ok(Box::new(NoLease))
    }

    async fn remove_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; refs.len()];
        let versions = match self.versions().await {
            Ok(versions) => versions,
            Err(error) => return Ok(vec![Outcome::Failed(in_one_line(&error)); refs.len()]),
        };
        let mut groups = self.groups(&refs, &mut outcomes).await?.into_iter();
        let conclude = |outcomes: &mut [Option<Outcome>], group: &Group, fate: Fate| {
            group.places.iter().zip(fate.tags).for_each(|(place, outcome)| set(outcomes, *place, outcome));
            group.untagged.iter().for_each(|place| set(outcomes, *place, fate.rest.clone()));
        };
        // The first one alone: what it teaches of the registry spares the others their tries.
        if let Some(group) = groups.next() {
            let fate = self.delete(run, &group, versions.as_ref()).await;
            conclude(&mut outcomes, &group, fate);
        }
        let groups: Vec<_> = groups.collect();
        let deleting: Vec<_> = groups.iter().map(|group| self.delete(run, group, versions.as_ref())).collect();
        let mut deleting = stream::iter(deleting).buffered(self.access.concurrency.max(1));
        let mut done = Vec::with_capacity(groups.len());
        while let Some(fate) = deleting.next().await {
            done.push(fate);
        }
        for (group, fate) in groups.iter().zip(done) {
            conclude(&mut outcomes, group, fate);
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Cancelled)).collect())
    }

    async fn rewrite_refs(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(told(self.rewrite(run, rewrite).await));
        }
        Ok(outcomes)
    }

    async fn restore_rewritten(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            let nothing = DeletedVersions::default();
            outcomes.push(told(self.give_back(run, &rewrite.from, Some(rewrite.to().0), &nothing).await));
        }
        Ok(outcomes)
    }

    async fn prepare(&self, _run: &PlanId) -> Result<(), PruneError> {
        Ok(())
    }

    async fn remove_objects(&self, _run: &PlanId, _disposal: Disposal, objects: Vec<ObjectTarget>) -> Vec<Outcome> {
        vec![Outcome::Skipped(Skip::Unsupported); objects.len()]
    }

    async fn in_trash(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool> {
        vec![false; objects.len()]
    }

    async fn put_back(&self, _blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError> {
        Ok(Vec::new())
    }

    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError> {
        Ok(self.roots().await?.fingerprint == fingerprint)
    }

    async fn restore_objects(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome> {
        vec![Outcome::Skipped(Skip::Unsupported); objects.len()]
    }

    async fn restore_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let deleted = match self.deleted_versions().await {
            Ok(deleted) => deleted,
            Err(error) => return Ok(vec![Outcome::Failed(in_one_line(&error)); refs.len()]),
        };
        let mut outcomes = Vec::with_capacity(refs.len());
        for target in &refs {
            outcomes.push(told(self.give_back(run, target, None, &deleted).await));
        }
        Ok(outcomes)
    }

    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        if let Some(dropped) = self.dropped() {
            dropped.forget(forget_before);
        }
        Ok(())
    }

    async fn footprint(&self, _objects: Vec<ObjectName>) -> Footprint {
        Footprint::default()
    }
}
