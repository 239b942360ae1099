//! The targets of a prune, grouped by their manifests, with the reasons to keep some of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use crate::backend::registry::manifests;
use crate::backend::registry::prune::RegistryPruner;
use crate::backend::{
    BackendError, CacheReader as _, Outcome, PruneError, RefTarget, RemoteError, RemoteKind, Skip,
    all_refs,
};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// How deep indexes in indexes are followed.
const DEEPEST: usize = 8;

/// Tags with one manifest that all are to go.
pub(super) struct TagGroup {
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
    /// Everything that is to go.
    pub(super) leaving: Arc<Leaving>,
}

/// The tags and manifests that are to go together.
#[derive(Default)]
pub(super) struct Leaving {
    tags: HashSet<String>,
    manifests: HashSet<Digest>,
}

impl TagGroup {
    /// Gives the same outcome to all that this is about.
    pub(super) fn all(&self, outcome: Outcome) -> GroupFate {
        GroupFate {
            tags: vec![outcome.clone(); self.tags.len()],
            rest: outcome,
        }
    }
}

/// The outcome of a group.
pub(super) struct GroupFate {
    /// Of each tag, in their order.
    pub(super) tags: Vec<Outcome>,
    /// Of the manifest itself.
    pub(super) rest: Outcome,
}

/// The targets of one manifest.
#[derive(Default)]
struct GroupTargets {
    tags: Vec<String>,
    places: Vec<usize>,
    untagged: Vec<usize>,
}

impl RegistryPruner {
    /// Groups targets by the current targets of their tags. Those with nothing left to do
    /// get their outcome. Groups of which everything may go come first: what they teach of the
    /// registry endangers nothing.
    pub(super) async fn groups(
        &self,
        refs: &[RefTarget],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<TagGroup>, PruneError> {
        let roots = all_refs(self).await?.entries;
        let digest_of = |root: &Root| root.descriptor.digest.valid();
        let tagged = roots
            .iter()
            .filter_map(|root| Some((root.names.first()?, digest_of(root))));
        let now: HashMap<&String, Option<Digest>> = tagged.collect();
        let mut going: BTreeMap<Digest, GroupTargets> = BTreeMap::new();
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
        let (gone, kept): (Vec<&Root>, Vec<&Root>) = roots.iter().partition(|root| goes(root));
        let unreadable = kept.iter().any(|root| digest_of(root).is_none());
        // What an index names that goes, too, has its turn when that has gone. A signature that
        // goes does not hold its subject.
        let named = match self.named_by(&kept, true).await {
            Ok(by_kept) => self.named_by(&gone, false).await.map(|by_gone| {
                by_kept
                    .union(&by_gone)
                    .copied()
                    .collect::<HashSet<Digest>>()
            }),
            Err(error) => Err(error),
        };
        let stays_by_tag: HashSet<Digest> =
            kept.iter().filter_map(|root| digest_of(root)).collect();
        let leaving = Arc::new(Leaving {
            tags: leaves.iter().copied().cloned().collect(),
            manifests: going
                .keys()
                .filter(|digest| !stays_by_tag.contains(*digest))
                .copied()
                .collect(),
        });
        let mut groups = Vec::new();
        for (
            digest,
            GroupTargets {
                tags,
                places,
                untagged,
            },
        ) in going
        {
            let same = kept.iter().filter(|root| digest_of(root) == Some(digest));
            let siblings: Vec<String> = same
                .filter_map(|root| root.names.first().cloned())
                .collect();
            let stays = match &named {
                _ if !siblings.is_empty() => Some(Skip::SharedManifest),
                Ok(named) if named.contains(&digest) => Some(Skip::Named),
                Ok(_) if !unreadable => None,
                Ok(_) | Err(_) => Some(Skip::Undetermined),
            };
            groups.push(TagGroup {
                digest,
                tags,
                siblings,
                stays,
                places,
                untagged,
                leaving: Arc::clone(&leaving),
            });
        }
        groups.sort_by_key(|group| (group.stays.is_some(), group.digest));
        Ok(groups)
    }

    /// Returns the manifests that refs name beyond their own: those in an index, and those that one
    /// is about where `with_subjects` says so.
    async fn named_by(
        &self,
        roots: &[&Root],
        with_subjects: bool,
    ) -> Result<HashSet<Digest>, BackendError> {
        let mut named = HashSet::new();
        let mut level: Vec<Digest> = roots
            .iter()
            .filter_map(|root| root.descriptor.digest.valid())
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
                // A document that is not understood may reference any of the others.
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
        Err(RemoteError::new(
            RemoteKind::BadAnswer,
            "indexes lie in each other too deeply",
        )
        .into())
    }

    /// Returns whether something refers to a manifest that does not go with it: a signature, or an
    /// attestation of its own.
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
    let message = "a manifest that stays cannot be read";
    RemoteError::new(RemoteKind::BadAnswer, message).because(why.to_string())
}
