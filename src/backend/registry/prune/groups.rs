//! What is to go, sorted by the manifests behind it, and what must stay whatever goes.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt as _, stream};

use crate::backend::registry::{RegistryCache, manifests};
use crate::backend::{BackendError, CacheReader as _, Outcome, PruneError, RefTarget, RemoteError, RemoteKind, Skip};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::format::manifest::{DOCUMENT_LIMIT, Document};

/// How deep indexes in indexes are followed.
const DEEPEST: usize = 8;

/// Tags with one manifest that all are to go.
pub(super) struct Group {
    pub(super) digest: Digest,
    /// The tags; none for a manifest without any.
    pub(super) tags: Vec<String>,
    /// The tags with the same manifest that stay.
    pub(super) siblings: Vec<String>,
    /// Why the manifest itself must stay.
    pub(super) stays: Option<Skip>,
    /// The targets that this is about: those of the tags, in their order, and one without a tag.
    pub(super) places: Vec<usize>,
    pub(super) untagged: Vec<usize>,
}

impl Group {
    /// Gives the same outcome to all that this is about.
    pub(super) fn all(&self, outcome: Outcome) -> Fate {
        Fate { tags: vec![outcome.clone(); self.tags.len()], rest: outcome }
    }
}

/// What became of a group.
pub(super) struct Fate {
    /// Of each tag, in their order.
    pub(super) tags: Vec<Outcome>,
    /// Of the manifest itself.
    pub(super) rest: Outcome,
}

/// The targets of one manifest.
#[derive(Default)]
struct Going {
    tags: Vec<String>,
    places: Vec<usize>,
    untagged: Vec<usize>,
}

impl RegistryCache {
    /// Sorts targets by what the tags point to at this moment. Those of which nothing is left to do get their outcome.
    /// Groups of which everything may go come first: what they teach of the registry endangers nothing.
    pub(super) async fn groups(
        &self,
        refs: &[RefTarget],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<Group>, PruneError> {
        let roots = self.roots().await?.entries;
        let digest_of = |root: &Root| root.descriptor.digest.valid();
        let tagged = roots.iter().filter_map(|root| Some((root.names.first()?, digest_of(root))));
        let now: HashMap<&String, Option<Digest>> = tagged.collect();
        let mut going: BTreeMap<Digest, Going> = BTreeMap::new();
        for (place, target) in refs.iter().enumerate() {
            let tag = target.names.first();
            match tag.map(|tag| now.get(tag)) {
                Some(None) => super::set(outcomes, place, Outcome::AlreadyGone),
                Some(Some(found)) if *found != Some(target.digest) => {
                    super::set(outcomes, place, Outcome::Skipped(Skip::Changed));
                }
                Some(Some(_)) | None => {
                    let group = going.entry(target.digest).or_default();
                    match tag {
                        Some(tag) => {
                            group.tags.push(tag.clone());
                            group.places.push(place);
                        }
                        None => group.untagged.push(place),
                    }
                }
            }
        }
        let leaves: HashSet<&String> = going.values().flat_map(|group| &group.tags).collect();
        let untagged = refs.iter().filter(|target| target.names.is_empty());
        let leaves_untagged: HashSet<Digest> = untagged.map(|target| target.digest).collect();
        let goes = |root: &Root| match root.names.first() {
            Some(tag) => leaves.contains(tag),
            None => digest_of(root).is_some_and(|digest| leaves_untagged.contains(&digest)),
        };
        let kept: Vec<&Root> = roots.iter().filter(|root| !goes(root)).collect();
        let unreadable = kept.iter().any(|root| digest_of(root).is_none());
        // What an index names that goes, too, has its turn when that has gone.
        let named = self.named_by(&roots.iter().collect::<Vec<_>>()).await;
        let mut groups = Vec::new();
        for (digest, Going { tags, places, untagged }) in going {
            let same = kept.iter().filter(|root| digest_of(root) == Some(digest));
            let siblings: Vec<String> = same.filter_map(|root| root.names.first().cloned()).collect();
            let stays = match &named {
                _ if !siblings.is_empty() => Some(Skip::SharedManifest),
                Ok(named) if named.contains(&digest) => Some(Skip::Named),
                Ok(_) if !unreadable => None,
                Ok(_) | Err(_) => Some(Skip::Undetermined),
            };
            groups.push(Group { digest, tags, siblings, stays, places, untagged });
        }
        groups.sort_by_key(|group| (group.stays.is_some(), group.digest));
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

    /// Tells whether something refers to a manifest: a signature, or an attestation of its own.
    pub(super) async fn has_referrers(&self, digest: Digest) -> Result<bool, RemoteError> {
        let told = self.learned.lock().await.tells_referrers;
        if told != Some(false) {
            match manifests::referrers(self.http().await?, self.repository(), digest).await? {
                Some(referrers) => {
                    self.learned.lock().await.tells_referrers = Some(true);
                    return Ok(!referrers.is_empty());
                }
                None => self.learned.lock().await.tells_referrers = Some(false),
            }
        }
        let tag = manifests::referrers_tag(digest);
        Ok(self.seen.lock().is_ok_and(|seen| seen.listed.contains(&tag)))
    }
}
