//! The tags of a repository, and the repositories of a registry, page by page.

use std::collections::HashSet;

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::auth::Scope;
use super::http::Http;
use crate::backend::{RemoteError, RemoteKind};

/// How many names are asked for at once.
const PAGE: usize = 1000;
/// How many names are taken at most.
const MOST: usize = 1_000_000;
/// How many pages are asked for at most.
const MOST_PAGES: usize = 100_000;
/// The largest page that is read, in bytes.
const PAGE_LIMIT: u64 = 64 << 20;

#[derive(Deserialize)]
struct Tags {
    // A repository whose tags have all gone answers `null`.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

/// Lists the tags of a repository, as the registry orders them.
pub(super) async fn tags(http: &Http, repository: &str) -> Result<Vec<String>, RemoteError> {
    let path = format!("{repository}/tags/list");
    let what = format!("{}/{repository}", http.host());
    let names = |page: Tags| page.tags.unwrap_or_default();
    all(http, &path, &Scope::Pull(repository.to_owned()), &what, "pull", names).await
}

/// Lists the repositories of a registry.
pub(super) async fn repositories(http: &Http) -> Result<Vec<String>, RemoteError> {
    let what = format!("the catalog of {}", http.host());
    let names = |page: Catalog| page.repositories.unwrap_or_default();
    all(http, "_catalog", &Scope::Catalog, &what, "list the catalog", names).await.map_err(|mut error| {
        if matches!(error.kind, RemoteKind::NotFound | RemoteKind::Unsupported | RemoteKind::Forbidden) {
            error.hint =
                Some(format!("many registries offer no catalog: name a repository, as in {}/NAME", http.host()));
        }
        error
    })
}

async fn all<T: DeserializeOwned>(
    http: &Http,
    path: &str,
    scope: &Scope,
    what: &str,
    permission: &str,
    names: impl Fn(T) -> Vec<String>,
) -> Result<Vec<String>, RemoteError> {
    let mut found = Vec::new();
    let mut known = HashSet::new();
    let mut asked = HashSet::new();
    let mut address = http.address(path).await?;
    address.query_pairs_mut().append_pair("n", &PAGE.to_string());
    loop {
        asked.insert(address.clone());
        let answer = http.send(scope, PAGE_LIMIT, |client| client.get(address.clone())).await?;
        if !answer.status.is_success() {
            return Err(http.refusal(&answer, what, permission).await);
        }
        let page: T = match serde_json::from_slice(&answer.body) {
            Ok(page) => page,
            Err(_) if super::http::is_html(&answer) => return Err(http.refusal(&answer, what, permission).await),
            Err(error) => {
                let message = format!("{what}: the list cannot be understood");
                return Err(RemoteError::new(RemoteKind::BadAnswer, message).because(error.to_string()));
            }
        };
        let names = names(page);
        let (told, before) = (names.len(), found.len());
        found.extend(names.into_iter().filter(|name| known.insert(name.clone())));
        if found.len() > MOST {
            return Err(endless(what, &format!("it has more than {MOST} names")));
        }
        let Some(next) = next(&answer.headers, &address) else { return Ok(found) };
        // What lies behind is not known, so that what was told is not taken for all.
        if asked.contains(&next) || (told > 0 && found.len() == before) || asked.len() > MOST_PAGES {
            return Err(endless(what, "its pages go round in circles"));
        }
        address = next;
    }
}

fn endless(what: &str, why: &str) -> RemoteError {
    RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the list has no end"))
        .because(why)
        .hint("the registry is at fault; a ref that is named with its tag can be opened all the same")
}

/// Returns the address of the next page (RFC 8288); only one at the same place, since it gets the login.
fn next(headers: &HeaderMap, address: &Url) -> Option<Url> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        let (target, parameters) = value.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|part| {
            let (name, value) = part.trim().split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        let next = address.join(target).ok().filter(|_| is_next)?;
        (next.origin() == address.origin()).then_some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_lies_at_the_same_place() {
        let at = Url::parse("https://r.example/v2/app/tags/list?n=2").unwrap();
        let follow = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, link.parse().unwrap());
            next(&headers, &at).map(String::from)
        };
        let last = "https://r.example/v2/app/tags/list?last=b&n=2";
        assert_eq!(follow("</v2/app/tags/list?last=b&n=2>; rel=\"next\"").as_deref(), Some(last));
        assert_eq!(follow(&format!("<{last}>;rel=next")).as_deref(), Some(last));
        for other in ["<https://evil.example/v2/>; rel=\"next\"", "</v2/x>; rel=\"prev\"", "</v2/x>", "nonsense"] {
            assert_eq!(follow(other), None, "{other}");
        }
    }
}
