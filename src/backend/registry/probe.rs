//! Detects how a registry deletes tags. Trying it with a kept tag would be a risk, so cachelens
//! pushes its own tags and deletes them.

use serde_json::{Value, json};

use super::delete::{LOOKS, PAUSE};
use super::manifests::{Head, ManifestDeletion};
use super::prune::RegistryPruner;
use super::{manifests, push};
use crate::backend::http::Tries;
use crate::backend::{RemoteError, RemoteKind};
use crate::format::digest::Digest;

/// The tags of the probe: the first is deleted, and the second shows the effect.
const PROBES: [&str; 2] = ["cachelens-probe-1", "cachelens-probe-2"];

impl RegistryPruner {
    /// Detects, unless it is known, whether deleting a tag also deletes its manifest and with it
    /// all other tags. `like` is a manifest of the repository.
    ///
    /// # Errors
    /// Fails if it cannot be detected. Then no tag may be deleted whose manifest must be kept.
    pub(super) async fn find_out(&self, like: &[u8]) -> Result<(), RemoteError> {
        // One probe at a time: a task that waits finds the result.
        let _alone = self.probing.lock().await;
        let learned = self.reader.learned.lock().await;
        if learned.takes_manifests.is_some() || learned.deletes_tags == Some(false) {
            return Ok(());
        }
        drop(learned);
        let found = self.try_out(like).await.map_err(|error| {
            let message =
                "others need the manifest, and a probe could not show whether the registry deletes it with a tag";
            let error = error
                .causes
                .iter()
                .fold(error.message.clone(), |all, cause| {
                    format!("{all}: {cause}")
                });
            RemoteError::new(RemoteKind::Unsupported, message).because(error)
        })?;
        let mut learned = self.reader.learned.lock().await;
        learned.deletes_tags = Some(found.is_some());
        learned.takes_manifests = found;
        Ok(())
    }

    /// Returns whether deleting a tag also deletes its manifest; `None` if the registry deletes no
    /// tags.
    async fn try_out(&self, like: &[u8]) -> Result<Option<bool>, RemoteError> {
        let unclear = |why: &str| {
            RemoteError::new(
                RemoteKind::BadAnswer,
                "cannot detect how the registry deletes tags",
            )
            .because(why)
        };
        let [first, second] = PROBES;
        // If the registry does not delete tags, nothing has to be pushed to detect that. This also
        // deletes tags that an earlier run left.
        if self.remove(first).await? == ManifestDeletion::NotOffered {
            return Ok(None);
        }
        let bytes = probe(like)
            .ok_or_else(|| unclear("its manifest has no form in which another can be made"))?;
        let digest = Digest::of(&bytes);
        for tag in PROBES {
            self.push_probe(tag, &bytes).await?;
        }
        let taken = match self.remove(first).await {
            Ok(ManifestDeletion::NotOffered) => Ok(None),
            Ok(ManifestDeletion::Gone | ManifestDeletion::Absent) => {
                self.is_taken(first, second, digest).await.map(Some)
            }
            Err(error) => Err(error),
        };
        // The pushed manifest has no use. If it cannot be deleted it does no harm.
        for reference in [first, second, &digest.to_string()] {
            if let Err(error) = self.remove(reference).await {
                tracing::debug!(%error, reference, "the probe could not be removed");
            }
        }
        taken?.map_or(Ok(None), |taken| {
            taken
                .map(Some)
                .ok_or_else(|| unclear("it still lists a tag that it deleted"))
        })
    }

    /// Returns whether `second` was deleted together with `first`; `None` if unknown.
    async fn is_taken(
        &self,
        first: &str,
        second: &str,
        digest: Digest,
    ) -> Result<Option<bool>, RemoteError> {
        let http = self.reader.http().await?;
        for looks in 0..=LOOKS {
            tokio::time::sleep(PAUSE * looks).await;
            if manifests::head(http, self.reader.repository(), first).await? != Head::Absent {
                continue;
            }
            return Ok(
                match manifests::now(http, self.reader.repository(), second).await? {
                    None => Some(true),
                    // Another run may be probing at the same time.
                    Some(found) => (found == digest).then_some(false),
                },
            );
        }
        Ok(None)
    }

    async fn push_probe(&self, tag: &str, bytes: &[u8]) -> Result<(), RemoteError> {
        let mut tries = Tries::new();
        while !push::manifest(
            self.reader.http().await?,
            self.reader.repository(),
            tag,
            bytes,
            &mut tries,
        )
        .await?
        {}
        Ok(())
    }

    async fn remove(&self, reference: &str) -> Result<ManifestDeletion, RemoteError> {
        let mut tries = Tries::new();
        loop {
            let http = self.reader.http().await?;
            if let Some(deleted) =
                manifests::delete(http, self.reader.repository(), reference, &mut tries).await?
            {
                return Ok(deleted);
            }
        }
    }
}

/// Creates a manifest with a new digest: it references the blobs of `like`, all of which the
/// registry has.
fn probe(like: &[u8]) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(like).ok()?;
    let fields = document.as_object_mut()?;
    // It must not refer to another manifest, as a signature does.
    fields.remove("subject");
    let mark = format!("{} {}", std::process::id(), jiff::Timestamp::now());
    fields.insert("annotations".to_owned(), json!({ "cachelens.probe": mark }));
    serde_json::to_vec(&document).ok()
}
