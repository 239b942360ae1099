//! A listing is complete, or it is an error.
//!
//! Deletions rely on listings: a ref that is missing from a listing may share blobs that are
//! deleted. So every listing of a registry or of GitHub passes through [`PagedListing`], which
//! checks these rules:
//!
//! - Each page is a complete document with its required fields. [`crate::backend::http`] compares
//!   the length of the body with `Content-Length` and parses to the end of the JSON.
//! - A page that announces more pages has at least one new key.
//! - The number of pages and keys is bounded, and more tightly for pages with few new keys.
//! - If the service counts its entries, as many were listed.
//!
//! A store that changes between two pages can break a rule without a fault, so a listing is read
//! again up to [`RESTARTS`] times. A list that is still incomplete is reported.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use super::{RemoteError, RemoteKind};

/// The number of times that an incomplete listing is read again.
pub(super) const RESTARTS: usize = 3;
/// A page with fewer new keys than this is thin.
const THIN: usize = 10;
/// The number of thin pages that a listing may have before its last one. No service pages like
/// that, and without the limit a server could keep a client busy without end.
const MOST_THIN: usize = 200;

/// The bounds of a listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListBounds {
    pub(super) pages: usize,
    pub(super) keys: usize,
}

/// The keys of a listing, page by page.
#[derive(Debug)]
pub(super) struct PagedListing<K> {
    bounds: ListBounds,
    seen: HashSet<K>,
    pages: usize,
    thin: usize,
    promised: u64,
}

/// Why a listing is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenListing {
    /// A page announces more pages and has no new key.
    NothingNew,
    /// It has more pages or keys than any store.
    Endless(Bound),
    /// Its keys have more than this many bytes in total.
    TooLong(usize),
    /// Fewer entries were listed than the service counts.
    Fewer {
        /// The count of the service.
        promised: u64,
        /// The number of listed entries.
        listed: u64,
    },
}

/// The bound that a listing exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Pages(usize),
    Keys(usize),
    Thin(usize),
}

impl BrokenListing {
    /// Describes the listing of `what` as incomplete.
    pub(super) fn into_remote(self, what: &str) -> RemoteError {
        let message = match self {
            Self::NothingNew | Self::Endless(_) | Self::TooLong(_) => {
                format!("{what}: the list has no end")
            }
            Self::Fewer { .. } => format!("{what}: the list is not whole"),
        };
        RemoteError::new(RemoteKind::BadAnswer, message).because(self.to_string())
    }

    /// Returns whether a change of the store during the listing explains it.
    pub(super) fn may_pass(self) -> bool {
        match self {
            Self::NothingNew | Self::Fewer { .. } => true,
            Self::Endless(_) | Self::TooLong(_) => false,
        }
    }
}

impl fmt::Display for BrokenListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingNew => f.write_str("a page has nothing new and links to another page"),
            Self::Endless(Bound::Pages(most)) => write!(f, "it has more than {most} pages"),
            Self::Endless(Bound::Keys(most)) => write!(f, "it has more than {most} entries"),
            Self::Endless(Bound::Thin(most)) => {
                write!(
                    f,
                    "more than {most} of its pages have fewer than {THIN} new entries"
                )
            }
            Self::TooLong(most) => write!(f, "its names are longer than {most} bytes in total"),
            Self::Fewer { promised, listed } => {
                write!(f, "{promised} counted, {listed} listed")
            }
        }
    }
}

impl<K: Eq + Hash + Clone> PagedListing<K> {
    pub(super) fn new(bounds: ListBounds) -> Self {
        Self {
            bounds,
            seen: HashSet::new(),
            pages: 0,
            thin: 0,
            promised: 0,
        }
    }

    /// Returns the number of different keys so far.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Notes the service's count of entries. The largest count must be reached: entries that were
    /// deleted since have moved others to pages that were already read.
    pub(super) fn promise(&mut self, count: u64) {
        self.promised = self.promised.max(count);
    }

    /// Adds a page and returns its new keys in order. `continues` announces more pages.
    ///
    /// # Errors
    /// Fails if the listing cannot become complete.
    pub(super) fn page(
        &mut self,
        keys: impl IntoIterator<Item = K>,
        continues: bool,
    ) -> Result<Vec<K>, BrokenListing> {
        let new: Vec<K> = keys
            .into_iter()
            .filter(|key| self.seen.insert(key.clone()))
            .collect();
        self.pages += 1;
        if self.seen.len() > self.bounds.keys {
            return Err(BrokenListing::Endless(Bound::Keys(self.bounds.keys)));
        }
        if !continues {
            return Ok(new);
        }
        if new.is_empty() {
            return Err(BrokenListing::NothingNew);
        }
        self.thin += usize::from(new.len() < THIN);
        if self.thin > MOST_THIN {
            return Err(BrokenListing::Endless(Bound::Thin(MOST_THIN)));
        }
        if self.pages >= self.bounds.pages {
            return Err(BrokenListing::Endless(Bound::Pages(self.bounds.pages)));
        }
        Ok(new)
    }

    /// Checks the listing after its last page.
    ///
    /// # Errors
    /// Fails if the service counts more entries than were listed.
    pub(super) fn end(&self) -> Result<(), BrokenListing> {
        let listed = self.seen.len() as u64;
        if listed < self.promised {
            return Err(BrokenListing::Fewer {
                promised: self.promised,
                listed,
            });
        }
        Ok(())
    }
}

/// Parses a list whose field is `null` if it is empty. Unlike an `Option`, the field is required: a
/// document without it says nothing about the contents.
pub(super) fn required<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    let list: Option<Vec<T>> = serde::Deserialize::deserialize(deserializer)?;
    Ok(list.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: ListBounds = ListBounds {
        pages: 1_000,
        keys: 5_000,
    };

    #[test]
    fn keys_are_returned_once_and_in_order() {
        let mut listing = PagedListing::new(BOUNDS);
        assert_eq!(listing.page([3, 1, 3], true), Ok(vec![3, 1]));
        assert_eq!(listing.page([1, 2], false), Ok(vec![2]));
        assert_eq!(listing.len(), 3);
        assert_eq!(listing.end(), Ok(()));
    }

    #[test]
    fn a_page_without_new_keys_is_the_last_or_an_error() {
        let mut listing = PagedListing::new(BOUNDS);
        listing.page([1, 2], true).unwrap();
        assert_eq!(listing.page([2, 1], true), Err(BrokenListing::NothingNew));
        let mut listing = PagedListing::<u64>::new(BOUNDS);
        assert_eq!(listing.page([], true), Err(BrokenListing::NothingNew));
        assert_eq!(PagedListing::<u64>::new(BOUNDS).page([], false), Ok(vec![]));
    }

    #[test]
    fn the_largest_count_has_to_be_reached() {
        let mut listing = PagedListing::new(BOUNDS);
        listing.promise(3);
        listing.page([1], true).unwrap();
        listing.promise(2);
        listing.page([2], false).unwrap();
        let fewer = BrokenListing::Fewer {
            promised: 3,
            listed: 2,
        };
        assert_eq!(listing.end(), Err(fewer));
        assert!(fewer.may_pass());
    }

    #[test]
    fn a_listing_ends_however_new_its_keys_are() {
        for (size, bound) in [
            (1, Bound::Thin(MOST_THIN)),
            (10, Bound::Keys(BOUNDS.keys)),
            (20, Bound::Keys(BOUNDS.keys)),
        ] {
            let mut listing = PagedListing::new(BOUNDS);
            let broken = (0_usize..)
                .find_map(|page| {
                    let keys = page * size..(page + 1) * size;
                    listing.page(keys, true).err()
                })
                .unwrap();
            assert_eq!(broken, BrokenListing::Endless(bound), "{size}");
            assert!(!broken.may_pass());
        }
        let mut listing = PagedListing::new(ListBounds {
            pages: 2,
            keys: 5_000,
        });
        listing.page(0..50, true).unwrap();
        assert_eq!(
            listing.page(50..100, true),
            Err(BrokenListing::Endless(Bound::Pages(2)))
        );
    }
}
