//! A listing is whole, or it is an error.
//!
//! Deletions rest on listings: a ref that a listing leaves out may share deleted blobs. So every
//! listing of a registry or of GitHub passes through [`PagedListing`], which holds it to these
//! rules:
//!
//! - Each page is a complete document with its required fields. [`crate::backend::http`] compares
//!   the length of the body with `Content-Length` and parses to the end of the JSON.
//! - A page that says that more follows brings at least one new key.
//! - The number of pages and keys is bounded, and more tightly for pages that bring next to nothing.
//! - Where the service counts its entries, as many were listed.
//!
//! A store that changes between two pages breaks a rule without being at fault, so a listing is
//! read again up to [`RESTARTS`] times. A list that is still not whole then is reported, never
//! assumed.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use super::{RemoteError, RemoteKind};

/// How often a listing that is not whole is read again.
pub(super) const RESTARTS: usize = 3;
/// A page with fewer new keys than this is thin.
const THIN: usize = 10;
/// How many thin pages a listing may have besides its last one. No service pages like that, and
/// without the limit a server could keep a client busy for as long as it likes.
const MOST_THIN: usize = 200;

/// How long a listing may be.
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

/// Why a listing is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenListing {
    /// A page says that more follows, and brings nothing new itself.
    NothingNew,
    /// It has more pages or keys than any store.
    Endless(Bound),
    /// Its keys are longer in total than this many bytes.
    TooLong(usize),
    /// Fewer entries were listed than the service counts.
    Fewer {
        /// How many the service counts.
        promised: u64,
        /// How many it listed.
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
    /// Describes the listing of `what` as not whole.
    pub(super) fn into_remote(self, what: &str) -> RemoteError {
        let message = match self {
            Self::NothingNew | Self::Endless(_) | Self::TooLong(_) => {
                format!("{what}: the list has no end")
            }
            Self::Fewer { .. } => format!("{what}: the list is not whole"),
        };
        RemoteError::new(RemoteKind::BadAnswer, message).because(self.to_string())
    }

    /// Returns whether a store that changed during the listing explains it.
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

    /// Returns how many different keys were listed so far.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Notes how many entries the service counts. The largest count is the one to reach: entries
    /// that were deleted since have moved others onto pages that were already read.
    pub(super) fn promise(&mut self, count: u64) {
        self.promised = self.promised.max(count);
    }

    /// Takes a page and returns its new keys in order. `continues` says that more pages follow.
    ///
    /// # Errors
    /// When the listing cannot become whole.
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
    /// When fewer entries came than the service counts.
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

/// Reads a list whose field is `null` when it is empty. Unlike an `Option`, the field must be
/// there: a document without it says nothing about the contents.
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
