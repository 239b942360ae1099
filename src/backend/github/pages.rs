//! Lists that GitHub returns as arrays, page by page, with links to more pages in the `Link` header
//! (GitHub's documentation, *Using pagination in the REST API*).

use std::collections::HashSet;
use std::hash::Hash;

use futures_util::{StreamExt as _, stream};
use reqwest::header::{HeaderMap, LINK};
use serde::de::DeserializeOwned;

use super::{BOUNDS, PER_PAGE};
use crate::backend::RemoteError;
use crate::backend::http::HttpAnswer;
use crate::backend::listing::{self, BrokenListing, PagedListing};

/// A page of a list.
#[derive(Debug)]
pub(in crate::backend) struct ApiPage<T> {
    items: Vec<T>,
    /// The number of the last page, if the header contains it.
    last: Option<u64>,
    /// Whether another page follows.
    continues: bool,
}

impl<T: DeserializeOwned> ApiPage<T> {
    /// Parses an answer, which must be a complete array.
    pub(in crate::backend) fn read(answer: &HttpAnswer, what: &str) -> Result<Self, RemoteError> {
        let items: Vec<T> = answer.json(what)?;
        // A proxy may drop the header. Then a full page is followed by a request for the next.
        let is_full = items.len() as u64 >= PER_PAGE;
        Ok(Self {
            last: number_of(&answer.headers, "last"),
            continues: if answer.headers.contains_key(LINK) {
                has(&answer.headers, "next")
            } else {
                is_full
            },
            items,
        })
    }
}

/// Adds the page number and the page size to a query.
pub(in crate::backend) fn numbered<'a>(
    query: &[(&'a str, String)],
    number: u64,
) -> Vec<(&'a str, String)> {
    let mut query = query.to_vec();
    query.push(("per_page", PER_PAGE.to_string()));
    query.push(("page", number.to_string()));
    query
}

/// Reads a list: the first page alone, then `concurrency` pages at once if the header names the
/// last.
///
/// # Errors
/// Fails if a page cannot be read, or if the list is still incomplete after several readings.
pub(in crate::backend) async fn list<T, K, F>(
    what: &str,
    concurrency: usize,
    page: impl Fn(u64) -> F,
    key: impl Fn(&T) -> K,
) -> Result<Vec<T>, RemoteError>
where
    K: Eq + Hash + Clone,
    F: Future<Output = Result<ApiPage<T>, RemoteError>>,
{
    let mut restarts = 0;
    loop {
        match read_once(concurrency, &page, &key).await? {
            Ok(found) => return Ok(found),
            Err(broken) if broken.may_pass() && restarts < listing::RESTARTS => restarts += 1,
            Err(broken) => return Err(broken.into_remote(what)),
        }
    }
}

async fn read_once<T, K, F>(
    concurrency: usize,
    page: &impl Fn(u64) -> F,
    key: &impl Fn(&T) -> K,
) -> Result<Result<Vec<T>, BrokenListing>, RemoteError>
where
    K: Eq + Hash + Clone,
    F: Future<Output = Result<ApiPage<T>, RemoteError>>,
{
    let mut listing = PagedListing::new(BOUNDS);
    let mut found = Vec::new();
    let mut number = 1;
    let mut ahead = 1;
    loop {
        // Collected, because a closure over references inside a stream makes the future not `Send`.
        let pages: Vec<_> = (number..=ahead).map(page).collect();
        let mut reading = stream::iter(pages).buffered(concurrency.max(1));
        let mut continues = false;
        while let Some(read) = reading.next().await {
            let read = read?;
            continues = read.continues;
            if number == 1 {
                ahead = read.last.unwrap_or(1).min(BOUNDS.pages as u64);
            }
            let keys: Vec<K> = read.items.iter().map(key).collect();
            let mut new: HashSet<K> = match listing.page(keys, continues) {
                Ok(new) => new.into_iter().collect(),
                Err(broken) => return Ok(Err(broken)),
            };
            // An entry that moves to a later page during the listing is read twice.
            found.extend(read.items.into_iter().filter(|item| new.remove(&key(item))));
            number += 1;
            if !continues {
                break;
            }
        }
        if !continues {
            return Ok(Ok(found));
        }
        ahead = ahead.max(number);
    }
}

fn has(headers: &HeaderMap, rel: &str) -> bool {
    link(headers, rel).is_some()
}

fn number_of(headers: &HeaderMap, rel: &str) -> Option<u64> {
    let address = link(headers, rel)?;
    let number = address
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("page="))?;
    number.parse().ok()
}

/// Returns the address of a link.
fn link<'a>(headers: &'a HeaderMap, rel: &str) -> Option<&'a str> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let rel = format!("rel=\"{rel}\"");
    let link = links.split(',').find(|link| link.contains(&rel))?;
    link.trim().strip_prefix('<')?.split('>').next()
}
