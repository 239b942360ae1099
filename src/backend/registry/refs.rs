//! The refs of a repository: its tags, and their targets.

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::kept::Tagged;
use super::list;
use super::manifests::{self, Head};
use super::read::RegistryReader;
use crate::backend::{BackendError, ListedRefs, ListedRefsPart, RemoteError, RemoteKind};
use crate::backend::{ListedRef, ListedRefFacts};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::Descriptor;
use crate::source::{RefSelector, RegistryLocation};

/// The number of refs that are passed on at once.
const PART: usize = 32;
/// The number of tags that are looked up in one batch.
const LOOKS: usize = 4096;

impl RegistryReader {
    /// Lists the names of the selected refs.
    pub(super) async fn list(&self) -> Result<Vec<String>, RemoteError> {
        let names = match &self.select {
            None => {
                let mut tags = list::tags(self.http().await?, self.repository()).await?;
                tags.sort();
                tags
            }
            Some(RefSelector::Name(name)) => vec![name.clone()],
            Some(RefSelector::AnyOf(names)) => names.clone(),
            Some(RefSelector::Digest(_) | RefSelector::Glob(_)) => Vec::new(),
        };
        Ok(names)
    }

    /// Returns the target of a tag. Reads the manifest only if a HEAD does not show that the target
    /// is known. Returns `None` if the tag does not exist.
    pub(super) async fn look(&self, tag: &str) -> Result<Option<Tagged>, RemoteError> {
        let http = self.http().await?;
        let known = self
            .seen
            .lock()
            .ok()
            .and_then(|seen| seen.tags.get(tag).cloned());
        if known.is_some_and(|known| self.holds(known.digest)) {
            match manifests::head(http, self.repository(), tag).await? {
                Head::Absent => return Ok(None),
                Head::Points(tagged) if self.holds(tagged.digest) => {
                    let size = self
                        .document(tagged.digest)
                        .map_or(tagged.size, |bytes| bytes.len() as u64);
                    return Ok(Some(self.note(tag, Tagged { size, ..tagged })));
                }
                Head::Points(_) | Head::NotReported => {}
            }
        }
        let Some(manifest) = manifests::get(http, self.repository(), tag).await? else {
            return Ok(None);
        };
        let tagged = manifest.tagged();
        self.hold_manifest(&manifest);
        Ok(Some(self.note(tag, tagged)))
    }

    /// Creates the ref of a tag; `None` if the tag does not exist. An error that concerns only one
    /// tag is reported in its ref.
    async fn tag_ref(&self, tag: String) -> Result<Option<ListedRef>, RemoteError> {
        let why = if RegistryLocation::is_tag(&tag) {
            match self.look(&tag).await {
                Ok(tagged) => return Ok(tagged.map(|tagged| self.listed_ref(vec![tag], &tagged))),
                // If one tag was selected, there is nothing else to report.
                Err(error) if concerns_all(error.kind) || self.select.is_some() => {
                    return Err(error);
                }
                Err(error) => error
                    .causes
                    .iter()
                    .fold(error.message.clone(), |all, cause| {
                        format!("{all}: {cause}")
                    }),
            }
        } else {
            "the registry lists a tag that no build can name".to_owned()
        };
        let mut listed_ref = ListedRef::new(vec![tag], Descriptor::named(DigestText::from("")));
        listed_ref.facts = ListedRefFacts {
            unread: Some(why),
            ..self.root_facts()
        };
        Ok(Some(listed_ref))
    }

    /// Reads the last known targets of the tags from the disk.
    pub(super) fn recall_tags(&self, place: &str) {
        if let (Some(kept), Ok(mut seen)) = (&self.kept, self.seen.lock())
            && seen.tags.is_empty()
        {
            seen.tags = kept.tags(place);
        }
    }

    /// Lists the one ref that is selected by digest.
    pub(super) async fn list_digest(
        &self,
        digest: Digest,
        place: &str,
        parts: &mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let http = self.http().await?;
        let manifest = manifests::get(http, self.repository(), &digest.to_string()).await?;
        let manifest = manifest.ok_or_else(|| {
            RemoteError::new(
                RemoteKind::NotFound,
                format!("{place}@{digest} does not exist"),
            )
        })?;
        self.hold_manifest(&manifest);
        let tagged = Tagged {
            digest,
            ..manifest.tagged()
        };
        let listed_refs = ListedRefs {
            entries: vec![self.listed_ref(Vec::new(), &tagged)],
            fingerprint: digest,
        };
        ListedRefsPart::send_all(parts, &listed_refs).await;
        Ok(listed_refs)
    }

    /// Looks up tags, several at once, and sends their refs in order. `sent` is how many were sent.
    pub(super) async fn look_at_all(
        &self,
        listed: &[String],
        sent: &mut usize,
        parts: &mpsc::Sender<ListedRefsPart>,
    ) -> Result<Vec<ListedRef>, RemoteError> {
        let mut entries = Vec::new();
        // Limit the number of waiting requests, because each takes memory.
        for some in listed.chunks(LOOKS) {
            // Collected, because a closure over references inside a stream makes the future not
            // `Send`.
            let looks: Vec<_> = some.iter().map(|tag| self.tag_ref(tag.clone())).collect();
            let mut looking = stream::iter(looks).buffered(self.access.concurrency.max(1));
            while let Some(listed_ref) = looking.next().await {
                entries.extend(listed_ref?);
                // The first ref is sent at once, so there is something to show.
                if entries.len() == 1 || entries.len() >= *sent + PART {
                    let part = entries.get(*sent..).unwrap_or_default().to_vec();
                    *sent = entries.len();
                    let _ = parts.send(ListedRefsPart::Refs(part)).await;
                }
            }
        }
        Ok(entries)
    }

    /// Looks again at the listed tags that had no manifest. Those that are still listed and still
    /// have none were not deleted in between, and are noted. Returns the refs of the others.
    pub(super) async fn look_again(
        &self,
        listed: &[String],
        found: &[ListedRef],
    ) -> Result<Vec<ListedRef>, RemoteError> {
        let names: HashSet<&str> = found
            .iter()
            .flat_map(|entry| &entry.names)
            .map(String::as_str)
            .collect();
        let missing: Vec<&String> = listed
            .iter()
            .filter(|tag| !names.contains(tag.as_str()))
            .collect();
        let mut entries = Vec::new();
        let mut without_manifest = Vec::new();
        if !missing.is_empty() {
            let again = list::tags(self.http().await?, self.repository()).await?;
            let again: HashSet<&String> = again.iter().collect();
            let again: Vec<&String> = missing
                .into_iter()
                .filter(|tag| again.contains(tag))
                .collect();
            let looks: Vec<_> = again
                .iter()
                .map(|tag| self.tag_ref((*tag).clone()))
                .collect();
            let looking = stream::iter(looks).buffered(self.access.concurrency.max(1));
            let looked: Vec<_> = looking.collect().await;
            for (tag, entry) in again.into_iter().zip(looked) {
                match entry? {
                    Some(entry) => entries.push(entry),
                    None => without_manifest.push(tag.clone()),
                }
            }
        }
        if let Ok(mut seen) = self.seen.lock() {
            seen.without_manifest = without_manifest;
        }
        Ok(entries)
    }

    /// Notes the tags in the last listing.
    pub(super) fn note_listed(&self, listed: Vec<String>, entries: &[ListedRef]) {
        let Ok(mut seen) = self.seen.lock() else {
            return;
        };
        if self.select.is_none() {
            let names = entries.iter().flat_map(|listed_ref| &listed_ref.names);
            let there: HashSet<&str> = names.map(String::as_str).collect();
            seen.tags.retain(|tag, _| there.contains(tag.as_str()));
        }
        seen.listed = listed;
    }

    pub(super) async fn keep_tags(&self, place: &str) {
        let Some(kept) = self.kept.clone() else {
            return;
        };
        let Ok(tags) = self.seen.lock().map(|seen| seen.tags.clone()) else {
            return;
        };
        let place = place.to_owned();
        // Nothing waits for this write.
        let _ = tokio::task::spawn_blocking(move || {
            let mut all = kept.tags(&place);
            all.extend(tags);
            kept.put_tags(&place, &all);
        })
        .await;
    }
}

/// Returns whether an error with one tag concerns all tags.
fn concerns_all(kind: RemoteKind) -> bool {
    match kind {
        RemoteKind::Unauthorized | RemoteKind::Forbidden | RemoteKind::Throttled => true,
        RemoteKind::NotFound
        | RemoteKind::Unsupported
        | RemoteKind::Unavailable
        | RemoteKind::BadAnswer => false,
    }
}
