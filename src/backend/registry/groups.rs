//! Groups the targets of a prune by manifest, with the reasons to keep some of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::manifests;
use super::prune::RegistryPruner;
use crate::backend::ListedRef;
use crate::backend::{
    BackendError, CacheReader as _, Outcome, PruneError, RefTarget, RemoteError, RemoteKind, Skip,
    all_refs,
};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// How deep nested indexes are followed.
const DEEPEST: usize = 8;

/// Tags of one manifest that are all to be deleted.
pub(super) struct TagGroup {
    pub(super) digest: Digest,
    /// The tags, or none for a manifest without a tag.
    pub(super) tags: Vec<String>,
    /// The tags of the same manifest that are kept.
    pub(super) siblings: Vec<String>,
    /// Why the manifest itself must be kept.
    pub(super) stays: Option<Skip>,
    /// The indexes of the targets: those of the tags, in their order, and one without a tag.
    pub(super) places: Vec<usize>,
    pub(super) untagged: Vec<usize>,
    /// Everything that is to be deleted.
    pub(super) leaving: Arc<Leaving>,
}

/// The tags and manifests that are deleted together.
#[derive(Default)]
pub(super) struct Leaving {
    tags: HashSet<String>,
    manifests: HashSet<Digest>,
}

impl TagGroup {
    /// Returns the same outcome for all targets of the group.
    pub(super) fn all(&self, outcome: Outcome) -> GroupFate {
        GroupFate {
            tags: vec![outcome.clone(); self.tags.len()],
            rest: outcome,
        }
    }
}

/// The outcomes of a group.
pub(super) struct GroupFate {
    /// The outcome of each tag, in their order.
    pub(super) tags: Vec<Outcome>,
    /// The outcome of the manifest itself.
    pub(super) rest: Outcome,
}

/// The targets of one manifest.
#[derive(Default)]
struct GroupTargets {
    tags: Vec<String>,
    places: Vec<usize>,
    untagged: Vec<usize>,
}

/// The refs that are not targets.
struct KeptRefs<'a> {
    refs: Vec<&'a ListedRef>,
    /// The manifests that they reference, and those that a deleted index references; or the error
    /// if these are not known.
    referenced: Result<HashSet<Digest>, BackendError>,
}

impl KeptRefs<'_> {
    /// Returns the tags of a manifest.
    fn tags_of(&self, digest: Digest) -> Vec<String> {
        self.refs
            .iter()
            .filter(|listed_ref| digest_of(listed_ref) == Some(digest))
            .filter_map(|listed_ref| listed_ref.names.first().cloned())
            .collect()
    }

    /// Returns why a manifest that is not the target of any of these refs must be kept.
    fn keeps(&self, digest: Digest) -> Option<Skip> {
        match &self.referenced {
            Ok(referenced) if referenced.contains(&digest) => Some(Skip::Named),
            Ok(_) if self.refs.iter().all(|found| digest_of(found).is_some()) => None,
            Ok(_) | Err(_) => Some(Skip::Undetermined),
        }
    }
}

fn digest_of(listed_ref: &ListedRef) -> Option<Digest> {
    listed_ref.descriptor.digest.valid()
}

/// Collects the targets of each manifest, by the current targets of their tags. Targets with
/// nothing left to delete get their outcome.
fn targets_by_manifest(
    refs: &[RefTarget],
    listed_refs: &[ListedRef],
    outcomes: &mut [Option<Outcome>],
) -> BTreeMap<Digest, GroupTargets> {
    let now: HashMap<&String, Option<Digest>> = listed_refs
        .iter()
        .filter_map(|listed_ref| Some((listed_ref.names.first()?, digest_of(listed_ref))))
        .collect();
    let mut targets: BTreeMap<Digest, GroupTargets> = BTreeMap::new();
    for (place, target) in refs.iter().enumerate() {
        let Some(tag) = target.names.first() else {
            let group = targets.entry(target.digest).or_default();
            group.untagged.push(place);
            continue;
        };
        match now.get(tag) {
            None => super::prune::set(outcomes, place, Outcome::AlreadyGone),
            Some(found) if *found != Some(target.digest) => {
                super::prune::set(outcomes, place, Outcome::Skipped(Skip::Changed));
            }
            Some(_) => {
                let group = targets.entry(target.digest).or_default();
                group.tags.push(tag.clone());
                group.places.push(place);
            }
        }
    }
    targets
}

impl RegistryPruner {
    /// Groups targets by the current targets of their tags. Targets with nothing left to delete get
    /// their outcome. Groups that can be deleted with their manifest come first: they show how the
    /// registry behaves without a risk for kept tags.
    pub(super) async fn groups(
        &self,
        refs: &[RefTarget],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<TagGroup>, PruneError> {
        let listed_refs = all_refs(self).await?.entries;
        let targets = targets_by_manifest(refs, &listed_refs, outcomes);
        let tags: HashSet<String> = targets
            .values()
            .flat_map(|group| group.tags.iter().cloned())
            .collect();
        let untagged: HashSet<Digest> = refs
            .iter()
            .filter(|target| target.names.is_empty())
            .map(|target| target.digest)
            .collect();
        let is_deleted = |listed_ref: &ListedRef| match listed_ref.names.first() {
            Some(tag) => tags.contains(tag),
            None => digest_of(listed_ref).is_some_and(|digest| untagged.contains(&digest)),
        };
        let (deleted, kept): (Vec<&ListedRef>, Vec<&ListedRef>) =
            listed_refs.iter().partition(|found| is_deleted(found));
        let kept = KeptRefs {
            referenced: self.referenced(&kept, &deleted).await,
            refs: kept,
        };
        let kept_by_tag: HashSet<Digest> = kept
            .refs
            .iter()
            .filter_map(|listed_ref| digest_of(listed_ref))
            .collect();
        let leaving = Arc::new(Leaving {
            tags,
            manifests: targets
                .keys()
                .filter(|digest| !kept_by_tag.contains(*digest))
                .copied()
                .collect(),
        });
        let group_of = |(digest, targets): (Digest, GroupTargets)| {
            let siblings = kept.tags_of(digest);
            let stays = if siblings.is_empty() {
                kept.keeps(digest)
            } else {
                Some(Skip::SharedManifest)
            };
            TagGroup {
                digest,
                tags: targets.tags,
                siblings,
                stays,
                places: targets.places,
                untagged: targets.untagged,
                leaving: Arc::clone(&leaving),
            }
        };
        let mut groups: Vec<TagGroup> = targets.into_iter().map(group_of).collect();
        groups.sort_by_key(|group| (group.stays.is_some(), group.digest));
        Ok(groups)
    }

    /// Returns the manifests that kept refs reference, and those in deleted indexes, which can be
    /// deleted after the index. A deleted signature does not keep its subject.
    async fn referenced(
        &self,
        kept: &[&ListedRef],
        deleted: &[&ListedRef],
    ) -> Result<HashSet<Digest>, BackendError> {
        let mut referenced = self.named_by(kept, true).await?;
        referenced.extend(self.named_by(deleted, false).await?);
        Ok(referenced)
    }

    /// Returns the manifests that refs reference besides their own: those in an index and, if
    /// `with_subjects` is set, their subjects.
    async fn named_by(
        &self,
        listed_refs: &[&ListedRef],
        with_subjects: bool,
    ) -> Result<HashSet<Digest>, BackendError> {
        let mut named = HashSet::new();
        let mut level: Vec<Digest> = listed_refs
            .iter()
            .filter_map(|listed_ref| listed_ref.descriptor.digest.valid())
            .collect();
        let mut seen = HashSet::new();
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            level.retain(|digest| seen.insert(*digest));
            let reads: Vec<_> = level
                .iter()
                .map(|digest| self.read_document(*digest, DOCUMENT_LIMIT))
                .collect();
            let mut reading = stream::iter(reads).buffered(self.access().concurrency.max(1));
            while let Some(bytes) = reading.next().await {
                let bytes = bytes.map_err(|error| unreadable(&error))?;
                // A document that cannot be parsed may reference any of the others.
                let document =
                    ManifestDocument::parse(&bytes).map_err(|error| unreadable(&error))?;
                let children = document.entries();
                named.extend(
                    children
                        .iter()
                        .chain(document.subject().filter(|_| with_subjects))
                        .filter_map(|child| child.digest.valid()),
                );
                let deeper = children.iter().filter(|child| child.is_manifest_like());
                next.extend(deeper.filter_map(|child| child.digest.valid()));
            }
            if next.is_empty() {
                return Ok(named);
            }
            level = next;
        }
        Err(RemoteError::new(RemoteKind::BadAnswer, "indexes are nested too deeply").into())
    }

    /// Returns whether a manifest has a referrer that is not deleted with it, such as a signature
    /// or an attestation.
    pub(super) async fn has_referrers(
        &self,
        digest: Digest,
        leaving: &Leaving,
    ) -> Result<bool, RemoteError> {
        let known = self.reader.learned.lock().await.lists_referrers;
        if known != Some(false) {
            match manifests::referrers(self.reader.http().await?, self.reader.repository(), digest)
                .await?
            {
                Some(referrers) => {
                    self.reader.learned.lock().await.lists_referrers = Some(true);
                    let stays = |referrer: &Descriptor| {
                        let digest = referrer.digest.valid();
                        digest.is_none_or(|digest| !leaving.manifests.contains(&digest))
                    };
                    return Ok(referrers.iter().any(stays));
                }
                None => self.reader.learned.lock().await.lists_referrers = Some(false),
            }
        }
        let tag = manifests::referrers_tag(digest);
        if leaving.tags.contains(&tag) {
            return Ok(false);
        }
        Ok(self
            .reader
            .seen
            .lock()
            .is_ok_and(|seen| seen.listed.contains(&tag)))
    }
}

fn unreadable(why: &dyn std::error::Error) -> RemoteError {
    let message = "a kept manifest cannot be read";
    RemoteError::new(RemoteKind::BadAnswer, message).because(why.to_string())
}
