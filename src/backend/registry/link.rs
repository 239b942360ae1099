//! The link to the next page of a list, from the `Link` header of an answer.

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

/// The longest address of a next page that is accepted, in bytes.
const LONGEST_LINK: usize = 16 << 10;

/// The link to the next page of an answer (RFC 8288).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    None,
    /// The next page is at this address.
    At(Url),
    /// The next page is at an address that is not followed; this is its text.
    Elsewhere(String),
}

/// Finds the next page. Only a page on the same host is followed, because the request contains the
/// login. The last page is recognized only by the absence of a link.
pub(super) fn next(headers: &HeaderMap, address: &Url) -> Next {
    for value in headers.get_all(LINK) {
        let value = String::from_utf8_lossy(value.as_bytes());
        let mut rest = value.trim();
        while !rest.is_empty() {
            let Some((target, parameters)) =
                rest.strip_prefix('<').and_then(|rest| rest.split_once('>'))
            else {
                if rest.to_ascii_lowercase().contains("next") {
                    return Next::Elsewhere(rest.to_owned());
                }
                break;
            };
            let end = end_of(parameters);
            let (parameters, others) = parameters.split_at(end);
            if parameters.split(';').any(is_next) {
                return followed(target, address)
                    .map_or_else(|| Next::Elsewhere(target.to_owned()), Next::At);
            }
            rest = others.trim_start_matches([',', ' ', '\t']);
        }
    }
    Next::None
}

/// Returns the end of the parameters of a link: the first comma outside quotes.
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

/// Resolves the target of a link. A registry behind a proxy may not know its own scheme and port,
/// so those of the request are kept. The host must be the same.
fn followed(target: &str, address: &Url) -> Option<Url> {
    let target = address
        .join(target)
        .ok()
        .filter(|target| target.as_str().len() <= LONGEST_LINK)?;
    let is_web = matches!(target.scheme(), "http" | "https");
    if !is_web || target.host() != address.host() {
        return None;
    }
    let mut next = address.clone();
    next.set_path(target.path());
    next.set_query(target.query());
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
    fn the_next_page_has_to_be_on_the_same_host_and_path() {
        let last = "https://r.example/v2/app/tags/list?last=b&n=2";
        let at = Next::At(Url::parse(last).unwrap());
        for links in [
            &["</v2/app/tags/list?last=b&n=2>; rel=\"next\""][..],
            &["<https://r.example/v2/app/tags/list?last=b&n=2>;rel=next"],
            // Registries behind a proxy that ends TLS report `http`.
            &["<http://r.example/v2/app/tags/list?last=b&n=2>; rel=next"],
            &["<http://r.example:5000/v2/app/tags/list?last=b&n=2>; rel=next"],
            &["<//r.example/v2/app/tags/list?last=b&n=2>; title=\"a, b\"; Rel=\"last NEXT\""],
            &["</v2/first>; rel=\"first\", </v2/app/tags/list?last=b&n=2>; rel=\"next\""],
            &[
                "</v2/first>; rel=\"first\"",
                "</v2/app/tags/list?last=b&n=2>; rel=\"next\"",
            ],
        ] {
            assert_eq!(of(links), at, "{links:?}");
        }
    }

    #[test]
    fn only_the_absence_of_a_next_page_is_the_end() {
        for links in [
            &[][..],
            &["</v2/x>; rel=\"prev\""],
            &["</v2/x>"],
            &["nonsense"],
            &["</v2/x>; rel=\"next-archive\""],
        ] {
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
            assert!(matches!(of(&[link]), Next::Elsewhere(_)), "{link}");
        }
    }
}
