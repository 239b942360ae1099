//! Evidence from a server: an artifact of a build, or the debug endpoint of a daemon.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Url;
use reqwest::header::ACCEPT;

use super::{FoundDocument, LoadError, MAX_SIZE};
use crate::backend::{Access, client_builder, within_origin};
use crate::format::evidence;

/// The path where a daemon with `--debugaddr` lists the texts behind its digests
/// (`cmd/buildkitd/debug.go` in BuildKit).
const DEBUG_DATA: &str = "/debug/cache/all";

/// Returns the address, if a piece of evidence is named by one.
pub fn address(text: &str) -> Option<Url> {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    Url::parse(text).ok().filter(|url| is_web && url.has_host())
}

/// Returns an address for display: without a login, and without a query, which may hold one.
pub fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Fetches evidence. The bare address of a daemon means its debug data.
///
/// # Errors
/// If there is no response, or it is no evidence.
pub async fn fetch(mut url: Url, access: &Access) -> Result<FoundDocument, LoadError> {
    if matches!(
        url.path(),
        "/" | "/debug" | "/debug/" | "/debug/cache" | "/debug/cache/"
    ) {
        url.set_path(DEBUG_DATA);
    }
    let path = PathBuf::from(shown(&url));
    // An error would name the whole address.
    let failed = |error: reqwest::Error| LoadError::Fetch(Arc::new(error.without_url()));
    let client = client_builder(access.timeout, within_origin())
        .build()
        .map_err(failed)?;
    let mut answer = client
        .get(url)
        .header(ACCEPT, "application/json, */*")
        .send()
        .await
        .map_err(failed)?;
    if answer.status().is_redirection() {
        return Err(LoadError::Redirected);
    }
    if !answer.status().is_success() {
        return Err(LoadError::Status(answer.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if (bytes.len() + chunk.len()) as u64 > MAX_SIZE {
            return Err(LoadError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    let document = evidence::read(&bytes).map_err(|error| LoadError::Content(Arc::new(error)))?;
    Ok(FoundDocument { path, document })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_credentials_and_queries() {
        let url = address("https://me:pat@ci.example:8443/a/run.dockerbuild?X-Amz-Signature=abc")
            .unwrap();
        assert_eq!(shown(&url), "https://ci.example:8443/a/run.dockerbuild");
        for other in [
            "build.json",
            "ghcr.io/a/b:1",
            "ftp://host/x",
            "http://",
            "-",
        ] {
            assert!(address(other).is_none(), "{other}");
        }
    }
}
