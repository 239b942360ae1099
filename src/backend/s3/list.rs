//! Lists everything in a bucket except the manifests, and requests the facts about the bucket.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::ListedObject;
use super::discover;
use super::gather::Gathering;
use super::others::{OtherObjects, Take as _};
use super::pages::{Lister, MOST_UPLOADS, Uploads};
use super::read::S3Reader;
use super::spread;
use crate::backend::Totals;
use crate::backend::bucket::{Bucket, LifecycleRule, Noncurrent, Places, Reported, Versioning};
use crate::backend::{ObjectSender, OtherObject, RemoteError, RemoteKind, StoredObject};

/// The facts and lists other than the blobs.
struct BucketFacts {
    others: Result<(), RemoteError>,
    own: Result<Vec<ListedObject>, RemoteError>,
    versioning: Reported<Versioning>,
    noncurrent: Reported<Noncurrent>,
    uploads: Result<Uploads, RemoteError>,
    lifecycle: Reported<Option<Vec<LifecycleRule>>>,
}

impl BucketFacts {
    async fn ask(lister: Lister<'_>, places: &Places, gathering: &Gathering<'_>) -> Self {
        let own = places.own();
        let own = async { lister.all(&own).await };
        let versions = async {
            let versioning = lister.versioning().await;
            let noncurrent = match &versioning {
                Ok(Versioning::Off) => Ok(Noncurrent::default()),
                Ok(Versioning::On | Versioning::Suspended) => lister.noncurrent(places).await,
                Err(why) => Err(why.clone()),
            };
            (versioning, noncurrent)
        };
        let others = OtherObjects {
            lister,
            places,
            into: gathering,
        };
        let (others, own, (versioning, noncurrent), uploads, lifecycle) = tokio::join!(
            others.list(),
            own,
            versions,
            lister.uploads(&places.prefix),
            lister.lifecycle()
        );
        Self {
            others,
            own,
            versioning,
            noncurrent,
            uploads,
            lifecycle,
        }
    }
}

impl S3Reader {
    /// Lists everything except the manifests and requests the facts about the bucket, concurrently.
    pub(super) async fn list_all(
        &self,
        sender: &ObjectSender,
        cancel: &CancellationToken,
    ) -> Result<(), RemoteError> {
        let lister = self.client.lister().await?;
        let places = &self.client.places;
        let gathering = Gathering::new(places, sender.clone());
        let listed = self.listed.lock();
        let listed = listed.map(|listed| listed.clone()).unwrap_or_default();
        gathering.take(listed.strays).await;
        let first = listed.first_page_of_blobs;
        let manifests = listed.manifests;
        let at_once = self.client.access.s3.at_once;
        let blobs = spread::list(lister, &places.blobs, first, at_once, cancel, |page| {
            gathering.take(page)
        });
        let rest = async { Ok(BucketFacts::ask(lister, places, &gathering).await) };
        // Only an error with the blobs fails the listing. The rest may be forbidden.
        let ((), rest) = tokio::try_join!(blobs, rest)?;
        let uncounted = match (rest.others, rest.own) {
            (Ok(()), Ok(own)) => {
                gathering.take(own).await;
                None
            }
            (Err(error), _) | (_, Err(error)) => Some(error.in_one_line()),
        };
        let unlisted_uploads = send_uploads(rest.uploads, places, sender).await;
        let counts = gathering.into_counts();
        if manifests == 0 && counts.holds_something_else() && uncounted.is_none() {
            return Err(discover::no_cache(lister, places).await);
        }
        let is_empty = manifests == 0 && counts.is_empty() && uncounted.is_none();
        let elsewhere = if is_empty && !places.prefix.is_empty() {
            discover::prefixes(lister, "").await
        } else {
            Vec::new()
        };
        let bucket = Bucket {
            places: places.clone(),
            versioning: rest.versioning,
            noncurrent: rest.noncurrent,
            lifecycle: rest.lifecycle,
            unusual: counts.unusual,
            own: counts.own,
            unnamed: counts.unnamed,
            classes: sorted(counts.classes),
            uncounted,
            elsewhere,
            unlisted_uploads,
        };
        if let Ok(mut found) = self.bucket.lock() {
            *found = Some(Arc::new(bucket));
        }
        Ok(())
    }
}

/// Returns the storage classes with their totals, the largest first.
fn sorted(classes: HashMap<String, Totals>) -> Vec<(String, Totals)> {
    let mut classes: Vec<(String, Totals)> = classes.into_iter().collect();
    classes.sort_by(|(a, of_a), (b, of_b)| (of_b.bytes, a).cmp(&(of_a.bytes, b)));
    classes
}

/// Sends unfinished uploads; returns why they are not all known.
async fn send_uploads(
    uploads: Result<Uploads, RemoteError>,
    places: &Places,
    sender: &ObjectSender,
) -> Option<String> {
    match uploads {
        Ok(Uploads { found, goes_on }) => {
            let classified = |upload: OtherObject| {
                if places.is_for_cache(&upload.name) {
                    StoredObject::Partial(upload)
                } else {
                    // An upload of another program, which a prune does not abort.
                    StoredObject::Unknown(upload)
                }
            };
            let _ = sender
                .send(found.into_iter().map(classified).collect())
                .await;
            goes_on.then(|| format!("there are more than {MOST_UPLOADS}"))
        }
        // A service without multipart uploads has no unfinished ones.
        Err(error) if error.kind == RemoteKind::Unsupported => None,
        Err(error) => Some(error.in_one_line()),
    }
}
