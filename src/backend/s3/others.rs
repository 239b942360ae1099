//! Lists objects under a cache's prefix that do not belong to it. The distribution of their names
//! is unknown, so the listing is divided by folders: a folder with more than one page is listed
//! folder by folder, several at once.

use std::future::Future;
use std::pin::Pin;

use futures_util::{StreamExt as _, stream};

use super::ListedObject;
use super::pages::{FolderLevel, Lister, ObjectPage};
use crate::backend::RemoteError;
use crate::backend::bucket::Places;

/// How many folders are listed at once.
const AT_ONCE: usize = 8;
/// How deep folders are followed. Deeper ones are listed as one.
const MOST_LEVELS: usize = 6;
/// The pages of one level that are read to find its folders. If there are more, the level is listed
/// as one.
const LEVEL_PAGES: usize = 1;

/// Receives pages; returns false to end the listing.
pub(super) trait Take: Sync {
    /// Receives one page.
    fn take(&self, page: Vec<ListedObject>) -> impl Future<Output = bool> + Send;
}

/// The listing of objects that do not belong to the cache.
pub(super) struct OtherObjects<'a, T> {
    pub(super) lister: Lister<'a>,
    pub(super) places: &'a Places,
    pub(super) into: &'a T,
}

impl<T> Clone for OtherObjects<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OtherObjects<'_, T> {}

type OtherListing<'a> = Pin<Box<dyn Future<Output = Result<(), RemoteError>> + Send + 'a>>;

impl<'a, T: Take> OtherObjects<'a, T> {
    /// Lists all of them.
    ///
    /// # Errors
    /// Fails if the bucket cannot be listed.
    pub(super) fn list(self) -> OtherListing<'a> {
        self.around(self.places.prefix.clone(), 0)
    }

    /// Lists the objects below a prefix, except for the blobs and manifests there.
    fn around(self, prefix: String, depth: usize) -> OtherListing<'a> {
        Box::pin(async move {
            let FolderLevel {
                objects,
                mut folders,
                goes_on,
            } = self.lister.level(&prefix, LEVEL_PAGES).await?;
            if goes_on {
                return self.between(&prefix).await;
            }
            self.hand_over(objects).await;
            folders.retain(|folder| !self.places.is_listed(folder));
            self.each(folders, String::new(), depth).await
        })
    }

    /// Lists everything in a folder that comes after a key.
    fn folder(self, folder: String, after: String, depth: usize) -> OtherListing<'a> {
        Box::pin(async move {
            let ObjectPage { objects, goes_on } = self.lister.page(&folder, &after).await?;
            let last = objects
                .last()
                .map(|last| last.key.clone())
                .unwrap_or_default();
            self.hand_over(objects).await;
            if !goes_on {
                return Ok(());
            }
            let mut level = FolderLevel::default();
            if depth < MOST_LEVELS {
                level = self.lister.level(&folder, LEVEL_PAGES).await?;
            }
            if level.goes_on || level.folders.len() < 2 {
                return self.rest(&folder, last).await;
            }
            level.objects.retain(|listed| listed.key > last);
            self.hand_over(level.objects).await;
            // The page contains the folders whose keys all come before its last key.
            level
                .folders
                .retain(|sub| *sub > last || last.starts_with(sub.as_str()));
            self.each(level.folders, last, depth).await
        })
    }

    /// Lists folders, as far as their keys come after another key.
    async fn each(
        self,
        folders: Vec<String>,
        after: String,
        depth: usize,
    ) -> Result<(), RemoteError> {
        let listings = folders.into_iter().map(|folder| {
            if self.places.is_below(&folder) && depth < MOST_LEVELS {
                self.around(folder, depth + 1)
            } else {
                self.folder(folder, after.clone(), depth + 1)
            }
        });
        let mut listing = stream::iter(listings).buffer_unordered(AT_ONCE);
        while let Some(listed) = listing.next().await {
            listed?;
        }
        Ok(())
    }

    /// Lists the rest of a folder, page by page.
    async fn rest(self, folder: &str, mut after: String) -> Result<(), RemoteError> {
        loop {
            let ObjectPage { objects, goes_on } = self.lister.page(folder, &after).await?;
            if let Some(last) = objects.last() {
                after.clone_from(&last.key);
            }
            if !self.hand_over(objects).await || !goes_on {
                return Ok(());
            }
        }
    }

    /// Lists the objects under a prefix except blobs and manifests, page by page.
    async fn between(self, prefix: &str) -> Result<(), RemoteError> {
        let own = self.places.own();
        let mut after = String::new();
        loop {
            let ObjectPage { objects, goes_on } = self.lister.page(prefix, &after).await?;
            let Some(last) = objects.last().map(|last| last.key.clone()) else {
                return Ok(());
            };
            if !self.hand_over(objects).await || !goes_on {
                return Ok(());
            }
            let mut listed = [&self.places.blobs, &self.places.manifests, &own].into_iter();
            let listed =
                listed.find(|place| place.len() > prefix.len() && last.starts_with(place.as_str()));
            // Names of blobs and most names of manifests come before a tilde. Others are filtered
            // out.
            after = listed
                .map_or_else(|| last.clone(), |place| format!("{place}~"))
                .max(last);
        }
    }

    /// Sends objects that no other listing contains; returns false to end the listing.
    async fn hand_over(&self, mut objects: Vec<ListedObject>) -> bool {
        objects.retain(|listed| !self.places.is_listed(&listed.key));
        objects.is_empty() || self.into.take(objects).await
    }
}
