//! Deleting tags, and manifests by digest where a registry deletes no tags; writing manifests anew.
//!
//! What a registry stores of a deleted ref goes when the registry's own collection runs. Until then the manifest, of which
//! a copy is kept here, can be pushed again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::manifests::{Deleted, Head};
use super::{RegistryCache, manifests, push};
use crate::backend::{
    BackendError, CachePruner, CacheReader as _, Disposal, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId,
    PruneError, RefRewrite, RefTarget, RemoteError, RemoteKind, Skip, Support,
};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::format::manifest::{DOCUMENT_LIMIT, Document};

/// Why blobs cannot be deleted one by one.
pub(super) const COLLECTION: &str =
    "a registry frees space by its own collection (distribution: `registry garbage-collect CONFIG`)";
/// How deep indexes in indexes are followed.
const DEEPEST: usize = 8;

/// What deletions have taught of a registry.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Why it deletes nothing.
    refuses: Option<String>,
    /// Whether it deletes tags as such.
    deletes_tags: Option<bool>,
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

/// Tags with one manifest that all are to go.
struct Group {
    digest: Digest,
    /// The tags; none for a manifest without any.
    tags: Vec<String>,
    /// A tag with the same manifest that stays.
    sibling: Option<String>,
    /// Why the manifest itself must stay.
    stays: Option<Skip>,
}

impl RegistryCache {
    /// Sorts targets by what the tags point to at this moment. Those of which nothing is left to do get their outcome.
    async fn groups(
        &self,
        refs: &[RefTarget],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<(Group, Vec<usize>)>, PruneError> {
        let roots = self.roots().await?.entries;
        let digest_of = |root: &Root| root.descriptor.digest.valid();
        let now: HashMap<String, Option<Digest>> = roots.iter().map(|root| (root.name(), digest_of(root))).collect();
        let mut going: BTreeMap<Digest, (Vec<String>, Vec<usize>)> = BTreeMap::new();
        for (place, target) in refs.iter().enumerate() {
            let tag = target.names.first();
            match tag.map(|tag| now.get(tag)) {
                Some(None) => set(outcomes, place, Outcome::AlreadyGone),
                Some(Some(found)) if *found != Some(target.digest) => {
                    set(outcomes, place, Outcome::Skipped(Skip::Changed));
                }
                Some(Some(_)) | None => {
                    let group = going.entry(target.digest).or_default();
                    group.0.extend(tag.cloned());
                    group.1.push(place);
                }
            }
        }
        let leaves: HashSet<&String> = going.values().flat_map(|(tags, _)| tags).collect();
        let kept: Vec<&Root> = roots.iter().filter(|root| !leaves.contains(&root.name())).collect();
        let unreadable = kept.iter().any(|root| digest_of(root).is_none());
        let named = self.named_by(&kept).await;
        let mut groups = Vec::new();
        for (digest, (tags, places)) in going {
            let sibling = kept.iter().find(|root| digest_of(root) == Some(digest)).map(|root| root.name());
            let stays = match &named {
                _ if sibling.is_some() => Some(Skip::Named),
                Ok(named) if named.contains(&digest) => Some(Skip::Named),
                Ok(_) if !unreadable => None,
                Ok(_) | Err(_) => Some(Skip::Undetermined),
            };
            groups.push((Group { digest, tags, sibling, stays }, places));
        }
        Ok(groups)
    }

    /// Returns the manifests that refs name beyond their own: those in an index, and those that one is about.
    async fn named_by(&self, roots: &[&Root]) -> Result<HashSet<Digest>, BackendError> {
        let mut named = HashSet::new();
        let mut level: Vec<Digest> = roots.iter().filter_map(|root| root.descriptor.digest.valid()).collect();
        let mut seen = HashSet::new();
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            level.retain(|digest| seen.insert(*digest));
            let reads: Vec<_> = level.iter().map(|digest| self.read_document(*digest, DOCUMENT_LIMIT)).collect();
            let mut reading = stream::iter(reads).buffered(self.access.concurrency.max(1));
            while let Some(bytes) = reading.next().await {
                let bytes = bytes.map_err(|error| {
                    RemoteError::new(RemoteKind::BadAnswer, "a manifest that stays cannot be read")
                        .because(error.to_string())
                })?;
                let (children, subject) = match Document::parse(&bytes) {
                    Ok(Document::Index { entries, subject }) => (entries, subject),
                    Ok(Document::Manifest { subject, .. }) => (Vec::new(), subject),
                    Err(_) => continue,
                };
                named.extend(children.iter().chain(subject.as_deref()).filter_map(|child| child.digest.valid()));
                let deeper = children.iter().filter(|child| child.is_manifest_like());
                next.extend(deeper.filter_map(|child| child.digest.valid()));
            }
            if next.is_empty() {
                return Ok(named);
            }
            level = next;
        }
        Err(RemoteError::new(RemoteKind::BadAnswer, "indexes lie in each other too deeply").into())
    }

    /// Deletes what a group is about, and checks that its tags have gone.
    async fn delete(&self, run: &PlanId, group: &Group) -> Outcome {
        match self.try_to_delete(run, group).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(in_one_line(&error)),
        }
    }

    async fn try_to_delete(&self, run: &PlanId, group: &Group) -> Result<Outcome, RemoteError> {
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
        let by_tag = self.learned.lock().await.deletes_tags;
        if !group.tags.is_empty() && by_tag != Some(false) {
            match self.delete_tags(group, &bytes).await? {
                Some(outcome) => return Ok(outcome),
                None => self.learned.lock().await.deletes_tags = Some(false),
            }
        }
        if let Some(stays) = group.stays {
            return Ok(Outcome::Skipped(stays));
        }
        if self.has_referrers(group.digest).await? {
            return Ok(Outcome::Skipped(Skip::Named));
        }
        let http = self.http().await?;
        match manifests::delete(http, self.repository(), &group.digest.to_string()).await? {
            Deleted::Absent if group.tags.is_empty() => return Ok(Outcome::AlreadyGone),
            Deleted::Gone | Deleted::Absent => {}
            Deleted::NotOffered => {
                let why = format!(
                    "{} deletes nothing: its operator has to allow it (distribution: `storage: delete: enabled: true`, or REGISTRY_STORAGE_DELETE_ENABLED=true)",
                    http.host()
                );
                self.learned.lock().await.refuses = Some(why.clone());
                return Ok(Outcome::Failed(why));
            }
        }
        for tag in &group.tags {
            if let Head::Points(_) = manifests::head(http, self.repository(), tag).await? {
                return Ok(Outcome::Failed("the registry says that it is deleted, and it is still there".to_owned()));
            }
        }
        Ok(Outcome::Done)
    }

    /// Deletes tags as such; none when the registry does not do that.
    async fn delete_tags(&self, group: &Group, bytes: &[u8]) -> Result<Option<Outcome>, RemoteError> {
        let http = self.http().await?;
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
            if let Head::Points(_) = manifests::head(http, self.repository(), tag).await? {
                return Ok(Some(Outcome::Failed(
                    "the registry says that it is deleted, and it is still there".to_owned(),
                )));
            }
        }
        if let Some(sibling) = &group.sibling
            && manifests::head(http, self.repository(), sibling).await? == Head::Absent
        {
            // A registry that takes the manifest with one of its tags: what stays is pushed again, and nothing more goes.
            push::manifest(http, self.repository(), sibling, bytes).await?;
            let why = format!(
                "{} deletes a manifest with all its tags: `{sibling}`, which stays, was pushed again",
                http.host()
            );
            self.learned.lock().await.refuses = Some(why.clone());
            return Ok(Some(Outcome::Failed(why)));
        }
        self.learned.lock().await.deletes_tags = Some(true);
        Ok(Some(if deleted == 0 { Outcome::AlreadyGone } else { Outcome::Done }))
    }

    /// Tells whether something refers to a manifest: a signature, or an attestation of its own.
    async fn has_referrers(&self, digest: Digest) -> Result<bool, RemoteError> {
        let told = self.learned.lock().await.tells_referrers;
        if told != Some(false) {
            match manifests::referrers(self.http().await?, self.repository(), digest).await? {
                Some(count) => {
                    self.learned.lock().await.tells_referrers = Some(true);
                    return Ok(count > 0);
                }
                None => self.learned.lock().await.tells_referrers = Some(false),
            }
        }
        // Where there is no list, referrers are found by a tag (distribution specification, referrers tag schema).
        let tag = format!("{}-{}", digest.algorithm(), digest.hex());
        Ok(self.seen.lock().is_ok_and(|seen| seen.listed.contains(&tag)))
    }

    async fn give_back(
        &self,
        run: &PlanId,
        target: &RefTarget,
        replaces: Option<Digest>,
    ) -> Result<Outcome, RemoteError> {
        let http = self.http().await?;
        let Some(tag) = target.names.first() else { return Ok(Outcome::Skipped(Skip::Unsupported)) };
        match (manifests::head(http, self.repository(), tag).await?, replaces) {
            (Head::Points(tagged), _) if tagged.digest == target.digest => return Ok(Outcome::AlreadyGone),
            (Head::Points(tagged), replaces) if Some(tagged.digest) != replaces => {
                return Ok(Outcome::Skipped(Skip::Changed));
            }
            (Head::Absent, Some(_)) => return Ok(Outcome::Skipped(Skip::Changed)),
            (Head::Points(_) | Head::Absent | Head::Untold, _) => {}
        }
        let remembered = self.dropped().and_then(|dropped| dropped.recall(run, target.digest));
        let Some(bytes) = remembered else {
            return Ok(Outcome::Failed("its manifest is no longer remembered here".to_owned()));
        };
        push::manifest(http, self.repository(), tag, &bytes).await?;
        Ok(Outcome::Done)
    }

    async fn rewrite(&self, run: &PlanId, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
        let http = self.http().await?;
        let Some(tag) = rewrite.from.names.first() else { return Ok(Outcome::Skipped(Skip::Unsupported)) };
        let (to, _) = rewrite.to();
        let points_to = |head: &Head, digest: Digest| matches!(head, Head::Points(tagged) if tagged.digest == digest);
        let head = manifests::head(http, self.repository(), tag).await?;
        if points_to(&head, to) {
            return Ok(Outcome::AlreadyGone);
        }
        if !points_to(&head, rewrite.from.digest) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let Some((manifest, blobs)) = rewrite.documents.split_last() else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        if let (Some(dropped), Ok(old)) =
            (self.dropped(), self.read_document(rewrite.from.digest, DOCUMENT_LIMIT).await)
        {
            dropped.remember(run, rewrite.from.digest, &old).map_err(|error| {
                RemoteError::new(RemoteKind::Unavailable, "the manifest cannot be remembered")
                    .because(error.to_string())
            })?;
        }
        for blob in blobs {
            push::blob(http, self.repository(), blob.as_bytes()).await?;
        }
        // Pushing blobs takes a while, in which a build may have exported.
        if !points_to(&manifests::head(http, self.repository(), tag).await?, rewrite.from.digest) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        push::manifest(http, self.repository(), tag, manifest.as_bytes()).await?;
        Ok(Outcome::Done)
    }
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
        let mut groups = self.groups(&refs, &mut outcomes).await?.into_iter();
        // The first one alone: what it teaches of the registry spares the others their tries.
        if let Some((group, places)) = groups.next() {
            let outcome = self.delete(run, &group).await;
            for place in places {
                set(&mut outcomes, place, outcome.clone());
            }
        }
        let groups: Vec<_> = groups.collect();
        let deleting: Vec<_> = groups.iter().map(|(group, _)| self.delete(run, group)).collect();
        let mut deleting = stream::iter(deleting).buffered(self.access.concurrency.max(1));
        let mut done = Vec::with_capacity(groups.len());
        while let Some(outcome) = deleting.next().await {
            done.push(outcome);
        }
        for ((_, places), outcome) in groups.iter().zip(done) {
            for place in places {
                set(&mut outcomes, *place, outcome.clone());
            }
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
            outcomes.push(told(self.give_back(run, &rewrite.from, Some(rewrite.to().0)).await));
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
        let mut outcomes = Vec::with_capacity(refs.len());
        for target in &refs {
            outcomes.push(told(self.give_back(run, target, None).await));
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
