//! Lists the tags of a repository and the repositories of a registry, page by page.

use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::auth::TokenScope;
use super::client::RegistryClient;
use super::link::{self, Next};
use crate::backend::listing::{self, BrokenListing, ListBounds, PagedListing};
use crate::backend::{RemoteError, RemoteKind};
use crate::text::escape::visible;

/// The number of names in a page.
const PAGE: usize = 1000;
/// The largest page that is read, in bytes.
const PAGE_LIMIT: u64 = 64 << 20;
/// The most bytes of all names.
const MOST_BYTES: usize = 256 << 20;
const TAGS: ListBounds = ListBounds {
    pages: 10_000,
    keys: 1_000_000,
};
/// A larger catalog could not be scanned in reasonable time.
const CATALOG: ListBounds = ListBounds {
    pages: 1_000,
    keys: 100_000,
};
/// The hint for a list that cannot be read completely.
const NAMED: &str =
    "the registry is at fault; a ref that is named with its tag can still be opened";

#[derive(Deserialize)]
struct Tags {
    // A repository whose tags were all deleted returns `null`.
    #[serde(deserialize_with = "listing::required")]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Catalog {
    #[serde(deserialize_with = "listing::required")]
    repositories: Vec<String>,
}

/// Lists the tags of a repository, in the order of the registry.
pub(super) async fn tags(
    registry: &RegistryClient,
    repository: &str,
) -> Result<Vec<String>, RemoteError> {
    let list = NameList {
        registry,
        path: format!("{repository}/tags/list"),
        scope: TokenScope::Pull(repository.to_owned()),
        what: format!("{}/{repository}", registry.host()),
        permission: "pull",
        bounds: TAGS,
    };
    list.read(|page: Tags| page.tags).await
}

/// Lists the repositories of a registry.
pub(super) async fn repositories(registry: &RegistryClient) -> Result<Vec<String>, RemoteError> {
    let list = NameList {
        registry,
        path: "_catalog".to_owned(),
        scope: TokenScope::Catalog,
        what: format!("the catalog of {}", registry.host()),
        permission: "list the catalog",
        bounds: CATALOG,
    };
    let read = list.read(|page: Catalog| page.repositories).await;
    read.map_err(|mut error| {
        if matches!(
            error.kind,
            RemoteKind::NotFound | RemoteKind::Unsupported | RemoteKind::Forbidden
        ) {
            error.hint = Some(format!(
                "many registries have no catalog: name a repository, as in {}/NAME",
                registry.host()
            ));
        }
        error
    })
}

/// A list of names that a registry returns page by page.
struct NameList<'a> {
    registry: &'a RegistryClient,
    path: String,
    scope: TokenScope,
    /// The subject in error messages.
    what: String,
    /// The permission that a token needs.
    permission: &'static str,
    bounds: ListBounds,
}

/// A page of a list.
struct NamePage {
    names: Vec<String>,
    next: Option<Url>,
}

impl NameList<'_> {
    /// Reads the list, and reads it again if the registry changed in between.
    async fn read<T: DeserializeOwned>(
        &self,
        names: impl Fn(T) -> Vec<String> + Send + Sync,
    ) -> Result<Vec<String>, RemoteError> {
        let mut restarts = 0;
        loop {
            match self.read_once(&names).await? {
                Ok(found) => return Ok(found),
                Err(broken) if broken.may_pass() && restarts < listing::RESTARTS => restarts += 1,
                Err(broken) => return Err(broken.into_remote(&self.what).hint(NAMED)),
            }
        }
    }

    async fn read_once<T: DeserializeOwned>(
        &self,
        names: &(impl Fn(T) -> Vec<String> + Send + Sync),
    ) -> Result<Result<Vec<String>, BrokenListing>, RemoteError> {
        let mut listing = PagedListing::new(self.bounds);
        let mut found = Vec::new();
        let mut bytes = 0;
        let mut address = self.registry.address(&self.path).await?;
        address
            .query_pairs_mut()
            .append_pair("n", &PAGE.to_string());
        // Whether the previous page did not announce this one.
        let mut is_guess = false;
        loop {
            let Some(NamePage { names, next }) = self.page(&address, names, is_guess).await? else {
                return Ok(Ok(found));
            };
            // The link of a full page may be lost, for example in a proxy.
            let guess = (names.len() >= PAGE && next.is_none())
                .then(|| after(&address, names.last()))
                .flatten();
            let new = match listing.page(names, next.is_some()) {
                Ok(new) => new,
                Err(broken) => return Ok(Err(broken)),
            };
            if is_guess && new.is_empty() {
                return Ok(Ok(found));
            }
            bytes += new.iter().map(String::len).sum::<usize>();
            found.extend(new);
            if bytes > MOST_BYTES {
                return Ok(Err(BrokenListing::TooLong(MOST_BYTES)));
            }
            is_guess = next.is_none();
            match next.or(guess) {
                Some(next) => address = next,
                None => return Ok(Ok(found)),
            }
        }
    }

    /// Reads one page. Returns `None` if a page that was not announced is refused: then there is
    /// none.
    async fn page<T: DeserializeOwned>(
        &self,
        address: &Url,
        names: &(impl Fn(T) -> Vec<String> + Send + Sync),
        is_guess: bool,
    ) -> Result<Option<NamePage>, RemoteError> {
        let make = |client: &reqwest::Client| client.get(address.clone());
        let answer = self.registry.send(&self.scope, PAGE_LIMIT, make).await?;
        let is_unknown = matches!(
            answer.status,
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        );
        if is_guess && is_unknown {
            return Ok(None);
        }
        if !answer.status.is_success() || answer.is_html() {
            let refusal = self.registry.refusal(&answer, &self.what, self.permission);
            return Err(refusal.await);
        }
        let page: T = answer.json(&self.what)?;
        let next = match link::next(&answer.headers, address) {
            Next::None => None,
            Next::At(next) => Some(next),
            Next::Elsewhere(text) => return Err(self.elsewhere(&text)),
        };
        Ok(Some(NamePage {
            names: names(page),
            next,
        }))
    }

    fn elsewhere(&self, text: &str) -> RemoteError {
        let text: String = visible(text).chars().take(200).collect();
        let message = format!("{}: the list continues on another host", self.what);
        RemoteError::new(RemoteKind::BadAnswer, message)
            .because(format!(
                "the link to its next page, `{text}`, names another host or is no address"
            ))
            .hint(NAMED)
    }
}

/// Creates the address of the page after a name (distribution specification, listing tags).
fn after(address: &Url, last: Option<&String>) -> Option<Url> {
    let mut next = address.clone();
    next.query_pairs_mut()
        .clear()
        .append_pair("n", &PAGE.to_string())
        .append_pair("last", last?);
    Some(next)
}
