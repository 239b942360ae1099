//! Deletes the manifests of refs and their tags, and checks each just before.

use std::collections::HashMap;
use std::time::Duration;

use super::groups::{GroupFate, TagGroup};
use super::manifests::{Head, ManifestDeletion};
use super::packages::{Packages, VersionState};
use super::prune::RegistryPruner;
use super::{manifests, push};
use crate::backend::http::Tries;
use crate::backend::{
    CacheReader as _, Obstacle, Outcome, PlanId, RemoteError, RemoteKind, Skip, Support,
};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::text::escape::visible;

/// How often to check whether a tag was deleted, and the pause between.
pub(super) const LOOKS: u32 = 4;
pub(super) const PAUSE: Duration = Duration::from_millis(200);
const STILL_THERE: &str = "the registry says that it is deleted, and it is still there";

impl RegistryPruner {
    /// Deletes the tags and the manifest of a group, and checks that the tags no longer exist.
    pub(super) async fn delete(
        &self,
        run: &PlanId,
        group: &TagGroup,
        versions: Option<&ActiveVersions<'_>>,
    ) -> GroupFate {
        match self.try_to_delete(run, group, versions).await {
            Ok(fate) => fate,
            Err(error) => group.all(Outcome::Failed(error.in_one_line_with_hint())),
        }
    }

    async fn try_to_delete(
        &self,
        run: &PlanId,
        group: &TagGroup,
        versions: Option<&ActiveVersions<'_>>,
    ) -> Result<GroupFate, RemoteError> {
        if let Support::No(why) = self.reader.learned.lock().await.support() {
            return Ok(group.all(Outcome::Failed(why.to_string())));
        }
        let Ok(bytes) = self.read_document(group.digest, DOCUMENT_LIMIT).await else {
            return Ok(group.all(Outcome::Skipped(Skip::Undetermined)));
        };
        // Save a copy before deleting. After a crash in between, an extra copy is harmless.
        if let Some(dropped) = self.dropped() {
            dropped
                .remember(run, group.digest, &bytes)
                .map_err(|error| {
                    RemoteError::new(RemoteKind::Unavailable, "the manifest cannot be remembered")
                        .because(error.to_string())
                })?;
        }
        if let Some(versions) = versions {
            return self.delete_version(group, versions).await;
        }
        let by_tag = self.reader.learned.lock().await.deletes_tags;
        if !group.tags.is_empty() && by_tag != Some(false) {
            match self.delete_tags(group, &bytes).await? {
                Some(fate) => return Ok(fate),
                None => self.reader.learned.lock().await.deletes_tags = Some(false),
            }
        }
        self.delete_manifest(group).await
    }

    /// Deletes a manifest by its digest, and with it all its tags.
    async fn delete_manifest(&self, group: &TagGroup) -> Result<GroupFate, RemoteError> {
        let http = self.reader.http().await?;
        let mut tries = Tries::new();
        let deleted = loop {
            if let Some(outcome) = self.must_stay(group).await? {
                return Ok(group.all(outcome));
            }
            let reference = group.digest.to_string();
            if let Some(deleted) =
                manifests::delete(http, self.reader.repository(), &reference, &mut tries).await?
            {
                break deleted;
            }
        };
        match deleted {
            ManifestDeletion::Absent if group.tags.is_empty() && !tries.may_have_worked() => {
                Ok(group.all(Outcome::AlreadyGone))
            }
            ManifestDeletion::Gone | ManifestDeletion::Absent => Ok(self.have_gone(group).await),
            ManifestDeletion::NotOffered => {
                let host = http.host().to_owned();
                let why = Obstacle::DeletionRefused { host };
                let failed = Outcome::Failed(why.to_string());
                self.reader.learned.lock().await.refuses = Some(why);
                Ok(group.all(failed))
            }
        }
    }

    /// Deletes a version of a package, and with it all its tags. GitHub's registry supports no
    /// deletions itself.
    async fn delete_version(
        &self,
        group: &TagGroup,
        versions: &ActiveVersions<'_>,
    ) -> Result<GroupFate, RemoteError> {
        let Some(id) = versions.ids.get(&group.digest) else {
            let stays = self.must_stay(group).await?;
            return Ok(group.all(stays.unwrap_or(Outcome::AlreadyGone)));
        };
        let mut tries = Tries::new();
        loop {
            if let Some(outcome) = self.must_stay(group).await? {
                return Ok(group.all(outcome));
            }
            let gone = if tries.may_have_worked() {
                Outcome::Done
            } else {
                Outcome::AlreadyGone
            };
            let Some(version) = versions.packages.version(*id).await? else {
                return Ok(group.all(gone));
            };
            if version.digest() != Some(group.digest)
                || !version.tags().iter().all(|tag| group.tags.contains(tag))
            {
                return Ok(group.all(Outcome::Skipped(Skip::Changed)));
            }
            match versions.packages.delete(*id, &mut tries).await? {
                Some(true) => return Ok(self.have_gone(group).await),
                Some(false) => return Ok(group.all(gone)),
                None => {}
            }
        }
    }

    /// Checks again, just before deleting a manifest, whether others need it. Returns the outcome
    /// if it must be kept.
    async fn must_stay(&self, group: &TagGroup) -> Result<Option<Outcome>, RemoteError> {
        if let Some(stays) = group.stays {
            return Ok(Some(Outcome::Skipped(stays)));
        }
        let http = self.reader.http().await?;
        for tag in &group.tags {
            match manifests::head(http, self.reader.repository(), tag).await? {
                Head::Points(tagged) if tagged.digest != group.digest => {
                    return Ok(Some(Outcome::Skipped(Skip::Changed)));
                }
                Head::Points(_) | Head::Absent | Head::NotReported => {}
            }
        }
        let is_subject = self.has_referrers(group.digest, &group.leaving).await?;
        Ok(is_subject.then_some(Outcome::Skipped(Skip::Named)))
    }

    /// Checks that the tags of a group no longer exist after the registry deleted their manifest.
    async fn have_gone(&self, group: &TagGroup) -> GroupFate {
        let mut tags = Vec::with_capacity(group.tags.len());
        for tag in &group.tags {
            tags.push(self.has_gone(group.digest, tag).await);
        }
        let rest = tags
            .iter()
            .find(|outcome| **outcome != Outcome::Done)
            .cloned()
            .unwrap_or(Outcome::Done);
        GroupFate { tags, rest }
    }

    /// Checks that a tag no longer exists after the registry reported its deletion. A service may
    /// take a moment to show that.
    async fn has_gone(&self, digest: Digest, tag: &str) -> Outcome {
        for looks in 0..=LOOKS {
            tokio::time::sleep(PAUSE * looks).await;
            let head = match self.reader.http().await {
                Ok(http) => manifests::head(http, self.reader.repository(), tag).await,
                Err(error) => Err(error),
            };
            match head {
                Ok(Head::Points(tagged)) if tagged.digest == digest => {}
                // A concurrent build pushed the tag again.
                Ok(_) => return Outcome::Done,
                // Only the registry's answer is known. A deleted tag that is not recorded as
                // deleted could not be restored.
                Err(error) => {
                    tracing::warn!(
                        error = error.in_one_line_with_hint(),
                        tag,
                        "could not check whether a tag was deleted"
                    );
                    return Outcome::Done;
                }
            }
        }
        Outcome::Failed(STILL_THERE.to_owned())
    }

    /// Deletes tags without their manifest; `None` if the registry does not support that.
    async fn delete_tags(
        &self,
        group: &TagGroup,
        bytes: &[u8],
    ) -> Result<Option<GroupFate>, RemoteError> {
        if group.stays.is_some() {
            self.find_out(bytes).await?;
            let learned = self.reader.learned.lock().await;
            if learned.deletes_tags == Some(false) {
                return Ok(None);
            }
        }
        // If deleting a tag also deletes its manifest, the rules for manifests apply to tags.
        let takes_all = self.reader.learned.lock().await.takes_manifests == Some(true);
        if takes_all && let Some(outcome) = self.must_stay(group).await? {
            return Ok(Some(group.all(outcome)));
        }
        let mut tags = Vec::with_capacity(group.tags.len());
        let mut wrong = None;
        for tag in &group.tags {
            // A changed tag says nothing about the next one, but a failure of the registry does.
            let outcome = match &wrong {
                Some(why) => Outcome::Failed(String::clone(why)),
                None => match self.delete_tag(group, tag, takes_all).await {
                    Ok(Some(outcome)) => outcome,
                    Ok(None) if tags.contains(&Outcome::Done) => {
                        let host = self.reader.location.host.clone();
                        Outcome::Failed(Obstacle::DeletionRefused { host }.to_string())
                    }
                    Ok(None) => return Ok(None),
                    Err(error) => Outcome::Failed(error.in_one_line_with_hint()),
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
                // It was deleted together with another tag.
                Outcome::AlreadyGone if deleted => *outcome = Outcome::Done,
                _ => {}
            }
        }
        if tags.contains(&Outcome::Done) {
            self.reader.learned.lock().await.deletes_tags = Some(true);
            match self.restore_kept(group, bytes).await {
                Ok(None) => {}
                Ok(Some(why)) => return Ok(Some(group.all(Outcome::Failed(why)))),
                Err(error) if group.stays.is_some() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "could not check whether the manifest was deleted, too");
                }
            }
        }
        let rest = tags
            .iter()
            .find(|outcome| **outcome != Outcome::Done)
            .cloned()
            .unwrap_or(Outcome::Done);
        Ok(Some(GroupFate { tags, rest }))
    }

    /// Deletes one tag while it points to the manifest of its group. Checks it before each attempt.
    /// Returns `None` if the registry does not support deleting tags.
    async fn delete_tag(
        &self,
        group: &TagGroup,
        tag: &str,
        takes_all: bool,
    ) -> Result<Option<Outcome>, RemoteError> {
        let http = self.reader.http().await?;
        let mut tries = Tries::new();
        loop {
            match manifests::head(http, self.reader.repository(), tag).await? {
                Head::Absent if tries.may_have_worked() => return Ok(Some(Outcome::Done)),
                Head::Absent => return Ok(Some(Outcome::AlreadyGone)),
                Head::Points(tagged) if tagged.digest != group.digest => {
                    return Ok(Some(Outcome::Skipped(Skip::Changed)));
                }
                Head::Points(_) | Head::NotReported => {}
            }
            match manifests::delete(http, self.reader.repository(), tag, &mut tries).await? {
                Some(ManifestDeletion::NotOffered) => return Ok(None),
                Some(ManifestDeletion::Gone | ManifestDeletion::Absent) => {
                    return Ok(Some(Outcome::Done));
                }
                None if takes_all => {
                    if let Some(outcome) = self.must_stay(group).await? {
                        return Ok(Some(outcome));
                    }
                }
                None => {}
            }
        }
    }

    /// Detects whether deleting a tag also deleted its manifest. If so, pushes the manifests that
    /// must be kept again, and returns a sentence about that.
    async fn restore_kept(
        &self,
        group: &TagGroup,
        bytes: &[u8],
    ) -> Result<Option<String>, RemoteError> {
        let known = self.reader.learned.lock().await.takes_manifests;
        if group.stays.is_none() && known.is_some() {
            return Ok(None);
        }
        let http = self.reader.http().await?;
        let head =
            manifests::head(http, self.reader.repository(), &group.digest.to_string()).await?;
        if head != Head::Absent {
            self.reader
                .learned
                .lock()
                .await
                .takes_manifests
                .get_or_insert(false);
            return Ok(None);
        }
        self.reader.learned.lock().await.takes_manifests = Some(true);
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
            back.push("a part of an index".to_owned());
        }
        let what = back.join(", ");
        Ok(Some(format!(
            "{} deletes a manifest with its tags: {what}, which is kept, was pushed again",
            http.host()
        )))
    }

    /// Pushes a manifest if there is none; returns whether it did.
    async fn push_absent(&self, reference: &str, bytes: &[u8]) -> Result<bool, RemoteError> {
        let http = self.reader.http().await?;
        let mut tries = Tries::new();
        while manifests::head(http, self.reader.repository(), reference).await? == Head::Absent {
            if push::manifest(http, self.reader.repository(), reference, bytes, &mut tries).await? {
                return Ok(true);
            }
        }
        Ok(tries.may_have_worked())
    }

    /// Lists the versions that GitHub can delete; `None` for other registries.
    pub(super) async fn versions(&self) -> Result<Option<ActiveVersions<'_>>, RemoteError> {
        let Some(packages) = self.reader.packages().await? else {
            return Ok(None);
        };
        let versions = packages.versions(VersionState::Active).await?;
        let ids = versions
            .iter()
            .filter_map(|version| Some((version.digest()?, version.id)))
            .collect();
        Ok(Some(ActiveVersions { packages, ids }))
    }
}

/// The versions of a package on GitHub, by digest.
pub(super) struct ActiveVersions<'a> {
    packages: &'a Packages,
    ids: HashMap<Digest, u64>,
}
