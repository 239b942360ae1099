//! The tags of a repository, and the repositories of a registry, page by page.

use std::collections::HashSet;

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::auth::Scope;
use super::http::Http;
use crate::backend::{RemoteError, RemoteKind};
use crate::format::text::visible;

/// How many names are asked for at once.
const PAGE: usize = 1000;
/// How many names are taken at most.
const MOST: usize = 1_000_000;
/// How many pages are asked for at most.
const MOST_PAGES: usize = 100_000;
/// The largest page that is read, in bytes.
const PAGE_LIMIT: u64 = 64 << 20;

/// How long the names may be in all, in bytes.
const MOST_BYTES: usize = 256 << 20;
/// The longest address of a next page that is followed, in bytes.
const LONGEST_LINK: usize = 16 << 10;
/// What can be done about a list that cannot be read to its end.
const NAMED: &str = "the registry is at fault; a ref that is named with its tag can be opened all the same";

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
    let mut bytes = 0;
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
        bytes += found.iter().skip(before).map(String::len).sum::<usize>();
        if found.len() > MOST || bytes > MOST_BYTES {
            return Err(endless(what, &format!("it has more than {MOST} names, or they are too long")));
        }
        let next = match next(&answer.headers, &address) {
            Next::None => return Ok(found),
            Next::At(next) => next,
            Next::Beyond(told) => {
                let told: String = visible(&told).chars().take(200).collect();
                return Err(RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the list goes on elsewhere"))
                    .because(format!("`{told}` is to be its next page, and lies at another host or is no address"))
                    .hint(NAMED));
            }
        };
        // What lies behind is not known, so that what was told is not taken for all.
        if asked.contains(&next) || (told > 0 && found.len() == before) || asked.len() > MOST_PAGES {
            return Err(endless(what, "its pages go round in circles"));
        }
        address = next;
    }
}

fn endless(what: &str, why: &str) -> RemoteError {
    RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the list has no end")).because(why).hint(NAMED)
}

/// What an answer says of the next page (RFC 8288).
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// There is none.
    None,
    /// It lies here.
    At(Url),
    /// There is one, and it cannot be asked for: this is what was told of it.
    Beyond(String),
}

/// Finds the next page. Only one at the same place is followed, since it gets the login. That none is told is the one
/// sign of the end.
fn next(headers: &HeaderMap, address: &Url) -> Next {
    for value in headers.get_all(LINK) {
        let value = String::from_utf8_lossy(value.as_bytes());
        let mut rest = value.trim();
        while !rest.is_empty() {
            let Some((target, parameters)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
                if rest.to_ascii_lowercase().contains("next") {
                    return Next::Beyond(rest.to_owned());
                }
                break;
            };
            let end = end_of(parameters);
            let (parameters, others) = parameters.split_at(end);
            if parameters.split(';').any(is_next) {
                return followed(target, address).map_or_else(|| Next::Beyond(target.to_owned()), Next::At);
            }
            rest = others.trim_start_matches([',', ' ', '\t']);
        }
    }
    Next::None
}

/// Returns where the parameters of a link end: at a comma that does not stand between quotes.
fn end_of(parameters: &str) -> usize {
    let mut is_quoted = false;
    let is_end = |character: char| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    };
    parameters.find(is_end).unwrap_or(parameters.len())
}

fn is_next(parameter: &str) -> bool {
    let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
    let mut kinds = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && kinds.any(|kind| kind.eq_ignore_ascii_case("next"))
}

/// Makes an address of the target of a link. A registry behind a proxy may not know under which scheme and port it is
/// asked: what it says of them is not heeded, as long as the host is the same.
fn followed(target: &str, address: &Url) -> Option<Url> {
    let told = address.join(target).ok().filter(|told| told.as_str().len() <= LONGEST_LINK)?;
    let is_web = matches!(told.scheme(), "http" | "https");
    if !is_web || told.host() != address.host() {
        return None;
    }
    let mut next = address.clone();
    next.set_path(told.path());
    next.set_query(told.query());
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(links: &[&str]) -> Next {
        let at = Url::parse("https://r.example/v2/app/tags/list?n=2").unwrap();
        let mut headers = HeaderMap::new();
        for link in links {
            headers.append(LINK, link.parse().unwrap());
        }
        next(&headers, &at)
    }

    #[test]
    fn the_next_page_lies_at_the_same_place() {
        let last = "https://r.example/v2/app/tags/list?last=b&n=2";
        let at = Next::At(Url::parse(last).unwrap());
        for links in [
            &["</v2/app/tags/list?last=b&n=2>; rel=\"next\""][..],
            &["<https://r.example/v2/app/tags/list?last=b&n=2>;rel=next"],
            // As registries behind a proxy tell it that ends TLS for them.
            &["<http://r.example/v2/app/tags/list?last=b&n=2>; rel=next"],
            &["<http://r.example:5000/v2/app/tags/list?last=b&n=2>; rel=next"],
            &["<//r.example/v2/app/tags/list?last=b&n=2>; title=\"a, b\"; Rel=\"last NEXT\""],
            &["</v2/first>; rel=\"first\", </v2/app/tags/list?last=b&n=2>; rel=\"next\""],
            &["</v2/first>; rel=\"first\"", "</v2/app/tags/list?last=b&n=2>; rel=\"next\""],
        ] {
            assert_eq!(of(links), at, "{links:?}");
        }
    }

    #[test]
    fn only_the_absence_of_a_next_page_is_the_end() {
        for links in
            [&[][..], &["</v2/x>; rel=\"prev\""], &["</v2/x>"], &["nonsense"], &["</v2/x>; rel=\"next-archive\""]]
        {
            assert_eq!(of(links), Next::None, "{links:?}");
        }
        let long = format!("</v2/{}>; rel=next", "x".repeat(LONGEST_LINK));
        for link in [
            "<https://evil.example/v2/>; rel=\"next\"",
            "<ftp://r.example/v2/>; rel=\"next\"",
            "<http://[>; rel=\"next\"",
            "/v2/app/tags/list?last=b; rel=next",
            "</v2/first>; rel=\"first\", /v2/app/tags/list?last=b; rel=next",
            &long,
        ] {
            assert!(matches!(of(&[link]), Next::Beyond(_)), "{link}");
        }
    }
}
