//! Opens the store of a source. Every opening passes through [`admit`].

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    Access, BackendError, CachePruner, CacheReader, RemoteError, RemoteKind, SharedPruner,
    SharedReader, demo, gha, local, memory, registry, registry_dir, s3,
};
use crate::source::{Source, SourceLocation, Trust};
use crate::text::escape::visible;
use crate::text::shell;

/// Returns whether a source may mean several stores: a whole registry or bucket means every cache
/// that is found in it. A ref belongs to a single store.
pub fn may_be_several(source: &Source) -> bool {
    source.select.is_none()
        && match &source.location {
            SourceLocation::Registry(registry) => registry.is_whole_registry(),
            SourceLocation::S3(s3) => s3.is_whole_bucket(),
            SourceLocation::Local(_)
            | SourceLocation::RegistryDir(_)
            | SourceLocation::Gha(_)
            | SourceLocation::Demo => false,
        }
}

/// Sends the stores of a source to `found` as they are found, or nothing if the source is one
/// store. Returns why the search was incomplete, if it was.
///
/// # Errors
/// Fails if the service cannot be asked.
pub async fn find_stores(
    source: &Source,
    access: &Access,
    found: mpsc::Sender<Source>,
) -> Result<Option<&'static str>, BackendError> {
    let (source, access) = admit(source, access).map_err(OpenError::into_backend)?;
    let source = &source;
    let access = &access;
    match &source.location {
        SourceLocation::Registry(registry) => {
            for location in registry::repositories(registry, access).await? {
                // A send error means the receiver is gone.
                let _ = found
                    .send(Source {
                        location: SourceLocation::Registry(location),
                        ..source.clone()
                    })
                    .await;
            }
            Ok(None)
        }
        SourceLocation::S3(s3) => {
            let (sender, mut caches) = mpsc::channel(1);
            let sent = async {
                while let Some(location) = caches.recv().await {
                    let _ = found
                        .send(Source {
                            location: SourceLocation::S3(location),
                            ..source.clone()
                        })
                        .await;
                }
            };
            let (search, ()) = tokio::join!(s3::discover::caches(s3, access, sender), sent);
            Ok(match search? {
                s3::discover::BucketSearch::Whole => None,
                s3::discover::BucketSearch::Part => Some(
                    "it has more folders than are followed: a cache in one of the others is opened by its prefix",
                ),
            })
        }
        SourceLocation::Local(_)
        | SourceLocation::RegistryDir(_)
        | SourceLocation::Gha(_)
        | SourceLocation::Demo => Ok(None),
    }
}

/// Returns the stores of a source, and why the search was incomplete, if it was.
///
/// # Errors
/// Fails if the service cannot be asked.
pub async fn expand(
    source: Source,
    access: &Access,
) -> Result<(Vec<Source>, Option<&'static str>), BackendError> {
    let (mut source, access) = admit(&source, access).map_err(OpenError::into_backend)?;
    let access = &access;
    if let SourceLocation::Gha(gha) = &mut source.location {
        gha.repository = Some(gha::repository(gha)?);
    }
    if !may_be_several(&source) {
        return Ok((vec![source], None));
    }
    let (sender, mut found) = mpsc::channel(1);
    let all = async {
        let mut all = Vec::new();
        while let Some(store) = found.recv().await {
            all.push(store);
        }
        all
    };
    let (incomplete, mut all) = tokio::join!(find_stores(&source, access, sender), all);
    let incomplete = incomplete?;
    // Reading a bucket without a cache reports the contents of the bucket.
    if all.is_empty() && matches!(source.location, SourceLocation::S3(_)) {
        all.push(source);
    }
    Ok((all, incomplete))
}

/// Decides how a source may be accessed. Every opening passes through here.
///
/// A source found in a file is contacted only with the user's consent, and never with credentials
/// that another person's file would send somewhere: see [`Source::without_borrowed_credentials`]. A
/// login or a client certificate on the command line is for the sources on the command line.
///
/// # Errors
/// Fails if the source was found in a file and the user has not opened it.
fn admit(source: &Source, access: &Access) -> Result<(Source, Access), OpenError> {
    let mut access = access.clone();
    if source.trust == Trust::Named {
        return Ok((source.clone(), access));
    }
    if !source.may_be_contacted() {
        return Err(OpenError::NotNamed(Box::new(source.clone())));
    }
    access.registry.login = None;
    access.registry.client_certificate = None;
    access.registry.plain_http = false;
    Ok((source.clone().without_borrowed_credentials(), access))
}

/// Creates the reader of a source; nothing is read yet.
///
/// # Errors
/// Fails if this build does not support sources of that kind.
pub fn open(source: &Source, access: &Access) -> Result<SharedReader, OpenError> {
    Ok(OpenedStore::of(source, access)?.reader)
}

/// Creates the pruner of a source; nothing is read yet. Returns `None` for a source that does not
/// support deletions.
pub fn open_pruner(source: &Source, access: &Access) -> Option<SharedPruner> {
    OpenedStore::of(source, access).ok()?.pruner
}

/// A store that is not read yet.
struct OpenedStore {
    reader: SharedReader,
    /// `None` for a store that does not support deletions.
    pruner: Option<SharedPruner>,
}

impl OpenedStore {
    fn of(source: &Source, access: &Access) -> Result<Self, OpenError> {
        let (source, access) = admit(source, access)?;
        let access = &access;
        Ok(match &source.location {
            SourceLocation::Local(local) => Self::both(local::LocalCache::new(&local.dir)),
            SourceLocation::Demo => match demo::open() {
                Ok(copy) => Self::both(copy),
                // If the copy cannot be written, the demo can still be viewed.
                Err(error) => {
                    tracing::warn!(%error, "the demo cannot be copied to a directory");
                    Self::read_only(memory::demo(Timestamp::now())?)
                }
            },
            SourceLocation::Gha(gha) => Self::both(gha::GhaCache::new(gha, access)),
            SourceLocation::S3(s3) => Self {
                reader: Arc::new(s3::S3Reader::new(s3, access)),
                pruner: Some(Arc::new(s3::S3Pruner::new(s3, access))),
            },
            SourceLocation::Registry(registry) => {
                // Only the full list shows which tags match a pattern.
                let select = source.select.as_ref().filter(|select| !select.is_pattern());
                Self {
                    reader: Arc::new(registry::RegistryReader::new(registry, select, access)),
                    pruner: Some(Arc::new(registry::RegistryPruner::new(registry, access))),
                }
            }
            SourceLocation::RegistryDir(store) => Self::read_only(registry_dir::RegistryDir::new(
                &store.dir,
                access.concurrency,
            )),
        })
    }

    fn both(cache: impl CachePruner + 'static) -> Self {
        let cache = Arc::new(cache);
        Self {
            reader: Arc::clone(&cache) as SharedReader,
            pruner: Some(cache),
        }
    }

    fn read_only(reader: impl CacheReader + 'static) -> Self {
        Self {
            reader: Arc::new(reader),
            pruner: None,
        }
    }
}

/// Why a source cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The built-in demo is damaged.
    #[error("the built-in demo cannot be unpacked")]
    Demo(#[from] std::io::Error),
    /// It was found in a file, and the user has not opened it.
    #[error("{} is not contacted: a file names it, and you did not", visible(&.0.to_string()))]
    NotNamed(Box<Source>),
}

impl OpenError {
    /// Returns the hint.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Demo(_) => None,
            Self::NotNamed(source) => {
                let name = source.to_string();
                Some(format!(
                    "to open it, name it: {}; a configuration file of yours is named with --config",
                    shell::word(&visible(&name))
                ))
            }
        }
    }

    fn into_backend(self) -> BackendError {
        let hint = self.hint();
        let error = RemoteError::new(RemoteKind::Unauthorized, self.to_string());
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
        .into()
    }
}
