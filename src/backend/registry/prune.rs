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

use super::manifests::{Deleted, Head};
use super::packages::{Packages, State};
use super::{RegistryCache, manifests, push};
use crate::backend::{
    CachePruner, CacheReader as _, Disposal, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId, PruneError,
    RefRewrite, RefTarget, RemoteError, RemoteKind, Skip, Support,
};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::format::text::visible;

mod back;
mod groups;

use back::DeletedVersions;
use groups::Group;

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
    async fn delete(&self, run: &PlanId, group: &Group, versions: Option<&Versions<'_>>) -> Outcome {
        match self.try_to_delete(run, group, versions).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(in_one_line(&error)),
        }
    }

    async fn try_to_delete(
        &self,
        run: &PlanId,
        group: &Group,
        versions: Option<&Versions<'_>>,
    ) -> Result<Outcome, RemoteError> {
        if let Support::No(why) = self.learned.lock().await.support() {
            return Ok(Outcome::Failed(why));
        }
        let Ok(bytes) = self.read_document(group.digest, DOCUMENT_LIMIT).await else {
            return Ok(Outcome::Skipped(Skip::Undetermined));
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
                Some(outcome) => return Ok(outcome),
                None => self.learned.lock().await.deletes_tags = Some(false),
            }
        }
        self.delete_manifest(group).await
    }

    /// Deletes a manifest by its digest, and with it all its tags.
    async fn delete_manifest(&self, group: &Group) -> Result<Outcome, RemoteError> {
        if let Some(outcome) = self.must_stay(group).await? {
            return Ok(outcome);
        }
        let http = self.http().await?;
        match manifests::delete(http, self.repository(), &group.digest.to_string()).await? {
            Deleted::Absent if group.tags.is_empty() => return Ok(Outcome::AlreadyGone),
            Deleted::Gone | Deleted::Absent => {}
            Deleted::NotOffered => {
                let why = refuses(http.host());
                self.learned.lock().await.refuses = Some(why.clone());
                return Ok(Outcome::Failed(why));
            }
        }
        self.have_gone(group).await
    }

    /// Deletes a version of a package, and with it all its tags: GitHub's registry itself deletes nothing.
    async fn delete_version(&self, group: &Group, versions: &Versions<'_>) -> Result<Outcome, RemoteError> {
        if let Some(outcome) = self.must_stay(group).await? {
            return Ok(outcome);
        }
        let Some(id) = versions.ids.get(&group.digest) else { return Ok(Outcome::AlreadyGone) };
        let Some(version) = versions.packages.version(*id).await? else { return Ok(Outcome::AlreadyGone) };
        if version.digest() != Some(group.digest) || !version.tags().iter().all(|tag| group.tags.contains(tag)) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        if !versions.packages.delete(*id).await? {
            return Ok(Outcome::AlreadyGone);
        }
        self.have_gone(group).await
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

    /// Checks that the tags of a group have gone. A service may take a moment to say so.
    async fn have_gone(&self, group: &Group) -> Result<Outcome, RemoteError> {
        let http = self.http().await?;
        for tag in &group.tags {
            let mut looks = 0;
            while let Head::Points(tagged) = manifests::head(http, self.repository(), tag).await? {
                // Pushed again since, by a build that does not wait for anybody.
                if tagged.digest != group.digest {
                    break;
                }
                if looks == LOOKS {
                    return Ok(Outcome::Failed(STILL_THERE.to_owned()));
                }
                looks += 1;
                tokio::time::sleep(PAUSE * looks).await;
            }
        }
        Ok(Outcome::Done)
    }

    /// Deletes tags as such; none when the registry does not do that.
    async fn delete_tags(&self, group: &Group, bytes: &[u8]) -> Result<Option<Outcome>, RemoteError> {
        let http = self.http().await?;
        // Where a tag takes its manifest along, what holds for a manifest holds for a tag.
        if self.learned.lock().await.takes_manifests == Some(true)
            && let Some(outcome) = self.must_stay(group).await?
        {
            return Ok(Some(outcome));
        }
        let mut deleted = 0;
        for tag in &group.tags {
            // The manifest's own tags go one by one, so that each is looked at again just before.
            match manifests::head(http, self.repository(), tag).await? {
                Head::Absent => continue,
                Head::Points(tagged) if tagged.digest != group.digest => {
                    return Ok(Some(Outcome::Skipped(Skip::Changed)));
                }
                Head::Points(_) | Head::Untold => {}
            }
            match manifests::delete(http, self.repository(), tag).await? {
                Deleted::NotOffered => return Ok(None),
                Deleted::Gone | Deleted::Absent => deleted += 1,
            }
        }
        if let Outcome::Failed(why) = self.have_gone(group).await? {
            return Ok(Some(Outcome::Failed(why)));
        }
        self.learned.lock().await.deletes_tags = Some(true);
        if let Some(why) = self.mend(group, bytes).await? {
            return Ok(Some(Outcome::Failed(why)));
        }
        Ok(Some(if deleted == 0 { Outcome::AlreadyGone } else { Outcome::Done }))
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
            if manifests::head(http, self.repository(), sibling).await? == Head::Absent {
                push::manifest(http, self.repository(), sibling, bytes).await?;
                back.push(format!("`{}`", visible(sibling)));
            }
        }
        if group.siblings.is_empty() {
            push::manifest(http, self.repository(), &group.digest.to_string(), bytes).await?;
            back.push("what an index names".to_owned());
        }
        let what = back.join(", ");
        Ok(Some(format!("{} deletes a manifest with its tags: {what}, which stays, was pushed again", http.host())))
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
        let conclude = |outcomes: &mut [Option<Outcome>], group: &Group, outcome: &Outcome| {
            group.places.iter().for_each(|place| set(outcomes, *place, outcome.clone()));
        };
        // The first one alone: what it teaches of the registry spares the others their tries.
        if let Some(group) = groups.next() {
            let outcome = self.delete(run, &group, versions.as_ref()).await;
            conclude(&mut outcomes, &group, &outcome);
        }
        let groups: Vec<_> = groups.collect();
        let deleting: Vec<_> = groups.iter().map(|group| self.delete(run, group, versions.as_ref())).collect();
        let mut deleting = stream::iter(deleting).buffered(self.access.concurrency.max(1));
        let mut done = Vec::with_capacity(groups.len());
        while let Some(outcome) = deleting.next().await {
            done.push(outcome);
        }
        for (group, outcome) in groups.iter().zip(done) {
            conclude(&mut outcomes, group, &outcome);
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
