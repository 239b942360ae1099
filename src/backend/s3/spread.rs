//! Lists blobs in several ranges at once.
//!
//! Blobs are named by digests, which are distributed evenly. If there is more than one page, the
//! rest of the names is divided into ranges of a little less than a page each, which are listed at
//! once. A first page that was read with the manifests is used only for this division, because it
//! may be older than they are.

use std::future::Future;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::ListedObject;
use super::pages::{Lister, ObjectPage};
use crate::backend::RemoteError;

/// The algorithm in a blob's name, before its digits.
const ALGORITHM: &str = "sha256:";
/// The most ranges that are listed.
const MOST_RANGES: usize = 1024;
/// The number of ranges for each hundred pages. Names are distributed by chance, and a range should
/// fit into one page.
const RANGES_PER_100_PAGES: usize = 114;

/// The names after a key up to another key, inclusive. The last range has no end.
type Range = (String, Option<String>);

/// Returns the last key of the first page under `prefix`, if there are more pages.
pub(super) async fn first(lister: Lister<'_>, prefix: &str) -> Option<String> {
    // An error will show in the listing itself.
    let page = lister
        .page(prefix, "")
        .await
        .ok()
        .filter(|page| page.goes_on)?;
    page.objects.last().map(|last| last.key.clone())
}

/// Passes pages of the keys under `prefix` to `each` until all are listed, `cancel` fires, or
/// `each` returns false. `first` is the result of [`first`].
///
/// # Errors
/// Fails if the bucket cannot be listed.
pub(super) async fn list<F: Future<Output = bool> + Send>(
    lister: Lister<'_>,
    prefix: &str,
    first: Option<String>,
    at_once: usize,
    cancel: &CancellationToken,
    each: impl Fn(Vec<ListedObject>) -> F + Sync,
) -> Result<(), RemoteError> {
    let ranges = if let Some(last) = first {
        let mut ranges = cut(prefix, &last);
        ranges.insert(0, (String::new(), Some(last)));
        ranges
    } else {
        let ObjectPage { objects, goes_on } = lister.page(prefix, "").await?;
        let last = objects
            .last()
            .map(|last| last.key.clone())
            .unwrap_or_default();
        if !each(objects).await || !goes_on {
            return Ok(());
        }
        cut(prefix, &last)
    };
    let ranges: Vec<_> = ranges
        .into_iter()
        .map(|range| one(lister, prefix, range, cancel, &each))
        .collect();
    let mut listing = stream::iter(ranges).buffer_unordered(at_once.max(1));
    while let Some(listed) = listing.next().await {
        if !listed? || cancel.is_cancelled() {
            return Ok(());
        }
    }
    Ok(())
}

/// Lists a range; returns false to end the listing.
async fn one<F: Future<Output = bool> + Send>(
    lister: Lister<'_>,
    prefix: &str,
    (mut after, end): Range,
    cancel: &CancellationToken,
    each: &(impl Fn(Vec<ListedObject>) -> F + Sync),
) -> Result<bool, RemoteError> {
    loop {
        if cancel.is_cancelled() {
            return Ok(false);
        }
        let ObjectPage {
            mut objects,
            goes_on,
        } = lister.page(prefix, &after).await?;
        let whole = objects.len();
        objects.retain(|listed| end.as_ref().is_none_or(|end| listed.key <= *end));
        let is_over = objects.len() < whole;
        if let Some(last) = objects.last() {
            after.clone_from(&last.key);
        }
        if !each(objects).await {
            return Ok(false);
        }
        if is_over || !goes_on {
            return Ok(true);
        }
    }
}

/// Divides the names after `last`, the last key of the first page, into ranges of about a page
/// each.
pub(super) fn cut(prefix: &str, last: &str) -> Vec<Range> {
    let begin = format!("{prefix}{ALGORITHM}");
    // The extent of the first page shows how many pages there are.
    let reached = last
        .strip_prefix(&begin)
        .and_then(|hex| usize::from_str_radix(hex.get(..5)?, 16).ok());
    let Some(reached) = reached else {
        return vec![(last.to_owned(), None)];
    };
    let rest = (1 << 20) - reached;
    let count = (rest / reached.max(1) * RANGES_PER_100_PAGES / 100 + 1)
        .clamp(2, MOST_RANGES)
        .min(rest);
    let bound = |place: usize| format!("{begin}{:05x}", reached + rest * place / count);
    let mut ranges: Vec<Range> = (0..count)
        .map(|place| {
            let after = if place == 0 {
                last.to_owned()
            } else {
                bound(place)
            };
            (after, (place + 1 < count).then(|| bound(place + 1)))
        })
        .collect();
    ranges.dedup();
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_each_other_to_the_end() {
        for last in ["00001", "04f00", "80000", "ffffe", "fffff"] {
            let last = format!("p/sha256:{last}{}", "0".repeat(59));
            let ranges = cut("p/", &last);
            assert_eq!(ranges[0].0, last);
            assert_eq!(ranges.last().unwrap().1, None);
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].1.as_ref(), Some(&pair[1].0));
                assert!(pair[0].0 <= pair[1].0, "{pair:?}");
            }
            assert!(ranges.len() <= MOST_RANGES);
        }
    }

    #[test]
    fn keys_that_are_no_digests_are_listed_sequentially() {
        for last in ["p/notes", "p/sha256:xyz", "p/sha256:00", "q/sha256:80000"] {
            assert_eq!(cut("p/", last), [(last.to_owned(), None)]);
        }
    }
}
