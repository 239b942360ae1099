//! Finds the caches in a bucket: every prefix with both manifests and blobs named by digests below
//! it.

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::connect;
use super::pace::Pace;
use super::pages::{FolderLevel, Lister};
use crate::backend::bucket::Places;
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::S3Location;
use crate::text::escape::visible;

/// The names of the folders of manifests and blobs, by BuildKit's defaults.
const FOLDERS: (&str, &str) = ("manifests/", "blobs/");
/// How deep folders are followed.
const MOST_LEVELS: usize = 5;
/// The most folders that are listed.
const MOST_FOLDERS: usize = 5_000;
/// The most pages of a folder that are read.
const MOST_PAGES: usize = 10;
/// The number of folders that are listed at once.
const AT_ONCE: usize = 16;
/// The most names in an error.
const MOST_NAMED: usize = 5;

/// Whether the whole bucket was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backend) enum BucketSearch {
    Whole,
    /// It has too many folders.
    Part,
}

/// Sends the locations of caches in a bucket to `found`, as they are found.
///
/// # Errors
/// Fails if the bucket cannot be listed.
pub(in crate::backend) async fn caches(
    location: &S3Location,
    access: &Access,
    found: mpsc::Sender<S3Location>,
) -> Result<BucketSearch, RemoteError> {
    let client = connect::connect(location, access).await?;
    let pace = Pace::new(location, access);
    let lister = Lister {
        client: &client,
        location,
        pace: &pace,
    };
    let (prefixes, mut received) = mpsc::channel::<String>(AT_ONCE);
    let received = async {
        while let Some(prefix) = received.recv().await {
            if found
                .send(S3Location {
                    prefix,
                    ..location.clone()
                })
                .await
                .is_err()
            {
                break;
            }
        }
    };
    let (search, ()) = tokio::join!(search(lister, "", MOST_FOLDERS, prefixes), received);
    search
}

/// Looks below a prefix, level by level.
async fn search(
    lister: Lister<'_>,
    prefix: &str,
    most: usize,
    found: mpsc::Sender<String>,
) -> Result<BucketSearch, RemoteError> {
    let mut level = vec![prefix.to_owned()];
    let mut looked = 0;
    let mut extent = BucketSearch::Whole;
    for depth in 0..=MOST_LEVELS {
        looked += level.len();
        let looks = std::mem::take(&mut level)
            .into_iter()
            .map(|folder| look(lister, folder));
        let mut looking = stream::iter(looks).buffered(AT_ONCE);
        let mut below = Vec::new();
        while let Some(seen) = looking.next().await {
            let SeenFolder {
                caches,
                folders,
                is_whole,
            } = seen?;
            if !is_whole {
                extent = BucketSearch::Part;
            }
            for cache in caches {
                if found.send(cache).await.is_err() {
                    return Ok(BucketSearch::Part);
                }
            }
            // A folder may contain thousands of others, so only as many are kept as will be listed.
            let room = most.saturating_sub(looked + below.len());
            if folders.len() > room {
                extent = BucketSearch::Part;
            }
            below.extend(folders.into_iter().take(room));
        }
        if below.is_empty() {
            return Ok(extent);
        }
        if depth == MOST_LEVELS {
            extent = BucketSearch::Part;
        }
        level = below;
    }
    Ok(extent)
}

/// The contents of a folder.
struct SeenFolder {
    caches: Vec<String>,
    /// Folders that may contain more.
    folders: Vec<String>,
    is_whole: bool,
}

async fn look(lister: Lister<'_>, folder: String) -> Result<SeenFolder, RemoteError> {
    let FolderLevel {
        folders, goes_on, ..
    } = lister.level(&folder, MOST_PAGES).await?;
    let (manifests, blobs) = FOLDERS;
    let stems = folders
        .iter()
        .filter_map(|name| name.strip_suffix(manifests));
    let pairs: Vec<String> = stems
        .filter(|stem| folders.contains(&format!("{stem}{blobs}")))
        .map(str::to_owned)
        .collect();
    let mut caches = Vec::new();
    for stem in pairs {
        if has_blobs(lister, &format!("{stem}{blobs}")).await? {
            caches.push(stem);
        }
    }
    let is_of_cache = |name: &String| {
        let own = name.strip_suffix(super::undo::OWN).is_some();
        own || caches.iter().any(|stem| {
            name.strip_prefix(stem.as_str())
                .is_some_and(|rest| rest == manifests || rest == blobs)
        })
    };
    let folders = folders
        .iter()
        .filter(|name| !is_of_cache(name))
        .cloned()
        .collect();
    Ok(SeenFolder {
        caches,
        folders,
        is_whole: !goes_on,
    })
}

/// Returns whether the objects in a folder are named by digests.
async fn has_blobs(lister: Lister<'_>, folder: &str) -> Result<bool, RemoteError> {
    let page = lister.page(&format!("{folder}sha256:"), "").await?;
    Ok(page.objects.first().is_some_and(|listed| {
        let name = listed.key.strip_prefix(folder).unwrap_or_default();
        name.parse::<crate::format::digest::Digest>().is_ok()
    }))
}

/// Returns the prefixes of caches below a prefix that a short search finds.
pub(super) async fn prefixes(lister: Lister<'_>, below: &str) -> Vec<String> {
    let (sender, mut received) = mpsc::channel(1);
    let found = async {
        let mut found = Vec::new();
        while let Some(prefix) = received.recv().await {
            found.push(prefix);
        }
        found
    };
    // After an error of the search, the caches found so far are kept.
    let (_, found) = tokio::join!(search(lister, below, MOST_FOLDERS / 10, sender), found);
    found
}

/// Creates the error for a place without a cache: the expected names, the contents, and the places
/// that do have caches.
pub(super) async fn no_cache(lister: Lister<'_>, places: &Places) -> RemoteError {
    let at = format!("s3://{}/{}", places.bucket, places.prefix);
    let shown = visible(&at).into_owned();
    let error = RemoteError::new(
        RemoteKind::NotFound,
        format!("there is no cache in {shown}"),
    )
    .because(format!(
        "looked for {} and {}sha256:…, and found neither",
        visible(&places.manifests),
        visible(&places.blobs)
    ));
    let error = match lister.level(&places.prefix, 1).await {
        Ok(FolderLevel {
            objects,
            folders,
            goes_on,
        }) => {
            let mut names: Vec<String> = folders
                .into_iter()
                .chain(objects.into_iter().map(|listed| listed.key))
                .collect();
            names.sort_unstable();
            let more = names.len().saturating_sub(MOST_NAMED);
            let first: Vec<String> = names
                .iter()
                .take(MOST_NAMED)
                .map(|name| visible(name).into_owned())
                .collect();
            let more = match (more, goes_on) {
                (0, false) => String::new(),
                (more, false) => format!(" and {more} more"),
                (_, true) => " and many more".to_owned(),
            };
            error.because(format!("the names found there: {}{more}", first.join(", ")))
        }
        Err(_) => error,
    };
    let found = prefixes(lister, &places.prefix).await;
    let found: Vec<String> = found
        .iter()
        .map(|prefix| visible(prefix).into_owned())
        .collect();
    let caches = if found.len() > MOST_NAMED {
        format!(
            "{} and {} more",
            found[..MOST_NAMED].join(", "),
            found.len() - MOST_NAMED
        )
    } else {
        found.join(", ")
    };
    if found.is_empty() {
        error.hint(
            "use the settings of your builds: the bucket, and `prefix`, `manifests_prefix` and `blobs_prefix` if they set them",
        )
    } else {
        error.hint(format!("there are caches with the prefix {caches}"))
    }
}
