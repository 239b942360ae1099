//! The repository and the token if the source does not specify them: from the environment, git, or
//! GitHub's program `gh`.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::remote;
use crate::backend::{RemoteError, RemoteKind};
use crate::source::{GithubRepository, Secret};
use crate::text::escape::visible;

/// How long `gh` may take to print its token.
const GH_PATIENCE: Duration = Duration::from_secs(5);
const GITHUB_API: &str = "https://api.github.com";

/// A token, and where it was found.
#[derive(Debug, Clone)]
pub(in crate::backend) struct GithubToken {
    pub(in crate::backend) secret: Secret,
    /// The name of the place in messages.
    pub(in crate::backend) from: &'static str,
}

/// Returns the value of an environment variable that is set and not empty.
pub(in crate::backend) fn variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// Returns the address of GitHub's API without a trailing slash: from the environment, otherwise
/// that of the host that `gh` uses.
///
/// # Errors
/// Fails if it is not an address, or would send a token unencrypted.
pub(in crate::backend) fn api() -> Result<String, RemoteError> {
    if let Some(given) = variable("GITHUB_API_URL") {
        return check_address("GITHUB_API_URL", &given);
    }
    match variable("GH_HOST") {
        Some(host) => check_address("GH_HOST", &api_of(&host)),
        None => Ok(GITHUB_API.to_owned()),
    }
}

/// Returns the address of the API of a host, by the same rules as `gh`.
fn api_of(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.as_str() {
        "github.com" => GITHUB_API.to_owned(),
        host if host.ends_with(".ghe.com") => format!("https://api.{host}"),
        host => format!("https://{host}/api/v3"),
    }
}

/// Checks an address to which a token is sent.
pub(in crate::backend) fn check_address(name: &str, given: &str) -> Result<String, RemoteError> {
    let shown = visible(given).into_owned();
    let wrong = |why: &str| {
        RemoteError::new(RemoteKind::Unsupported, format!("{name} cannot be used"))
            .because(format!("`{shown}` {why}"))
    };
    let url = reqwest::Url::parse(given).map_err(|_| wrong("is no address"))?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_local(&url)) {
        return Err(
            wrong("is not encrypted: a token would travel in the open").hint("use https://")
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RemoteError::new(
            RemoteKind::Unsupported,
            format!("{name} must not hold a password"),
        ));
    }
    Ok(given.trim_end_matches('/').to_owned())
}

fn is_local(url: &reqwest::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Returns the host name that `gh` and git use for the service at `api`.
pub(in crate::backend) fn host_of(api: &str) -> Option<String> {
    let url = reqwest::Url::parse(api).ok()?;
    let host = url.host_str()?;
    Some(host.strip_prefix("api.").unwrap_or(host).to_owned())
}

/// Finds the repository: that of the job, the one that `gh` is set to use, or that of a git remote
/// of the current directory.
///
/// # Errors
/// Fails if there is none.
pub(in crate::backend) fn repository(api: &str) -> Result<GithubRepository, RemoteError> {
    if let Some(name) = variable("GITHUB_REPOSITORY") {
        return name.parse().map_err(|_| {
            RemoteError::new(
                RemoteKind::Unsupported,
                "GITHUB_REPOSITORY does not name a repository",
            )
            .hint("name one as gha:OWNER/REPOSITORY")
        });
    }
    let host = host_of(api).unwrap_or_default();
    let named = variable("GH_REPO").and_then(|name| of_gh(&name, &host));
    named.or_else(|| of_git(&host)).ok_or_else(|| {
        let host = visible(&host).into_owned();
        RemoteError::new(
            RemoteKind::NotFound,
            "the source does not name a repository",
        )
        .because(format!(
            "git knows no remote of the current directory that is a repository on {host}"
        ))
        .hint("name it as gha:OWNER/REPOSITORY; another host is named by GH_HOST or GITHUB_API_URL")
    })
}

/// Parses `[HOST/]OWNER/REPOSITORY`, as `gh` does with `GH_REPO`.
fn of_gh(name: &str, host: &str) -> Option<GithubRepository> {
    let parsed = name.parse().ok().or_else(|| {
        let (at, rest) = name.split_once('/')?;
        rest.parse().ok().filter(|_| at.eq_ignore_ascii_case(host))
    });
    parsed.or_else(|| remote::of_address(name, host))
}

/// Returns the repository of a git remote of the current directory: `origin`, otherwise the first
/// on `host`. Runs git, which applies `insteadOf`, includes and worktrees.
fn of_git(host: &str) -> Option<GithubRepository> {
    let listed = git(&["remote"])?;
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_by_key(|name| *name != "origin");
    names.into_iter().find_map(|name| {
        let address = git(&["remote", "get-url", "--", name])?;
        remote::of_address(address.trim(), host)
    })
}

/// Runs git without prompts; returns its output.
fn git(arguments: &[&str]) -> Option<String> {
    let said = Command::new("git")
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    said.status
        .success()
        .then(|| String::from_utf8(said.stdout).ok())?
}

/// Returns the variables in which `gh` looks for the token of a host, in its order (its manual,
/// *help environment*). A token of github.com is not sent to any other server.
fn variables(api: &str, job: Option<&str>) -> Vec<&'static str> {
    let usual = ["GH_TOKEN", "GITHUB_TOKEN"];
    let enterprise = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
    let url = reqwest::Url::parse(api).ok();
    let host = host_of(api).unwrap_or_default();
    let is_local = url.as_ref().is_some_and(is_local);
    let is_github = host == "github.com" || host.ends_with(".ghe.com");
    if is_github {
        return usual.to_vec();
    }
    // A local server may be a proxy for any of them. In a job on an enterprise server, the job's
    // own token is for that server.
    if is_local {
        [usual, enterprise].concat()
    } else if job.and_then(host_of).is_some_and(|job| job == host) {
        [enterprise, usual].concat()
    } else {
        enterprise.to_vec()
    }
}

/// Finds a token for `api`: in the source, in the environment, or from `gh`, which knows the active
/// account of each host.
pub(in crate::backend) async fn token(given: Option<&Secret>, api: &str) -> Option<GithubToken> {
    if let Some(secret) = given {
        return Some(GithubToken {
            secret: secret.clone(),
            from: "`ghtoken`",
        });
    }
    let job = variable("GITHUB_ACTIONS").and_then(|_| variable("GITHUB_SERVER_URL"));
    for from in variables(api, job.as_deref()) {
        if let Some(value) = variable(from) {
            return Some(GithubToken {
                secret: Secret::new(value),
                from,
            });
        }
    }
    let host = host_of(api)?;
    let asking = tokio::task::spawn_blocking(move || {
        Command::new("gh")
            .args(["auth", "token", "--hostname", &host])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
    });
    let said = tokio::time::timeout(GH_PATIENCE, asking)
        .await
        .ok()?
        .ok()?
        .ok()?;
    let value = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (said.status.success() && !value.is_empty()).then(|| GithubToken {
        secret: Secret::new(value),
        from: "`gh auth token`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_looked_for_where_gh_does() {
        let usual = ["GH_TOKEN", "GITHUB_TOKEN"];
        let enterprise = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
        for (api, job, expected) in [
            (GITHUB_API, None, usual.to_vec()),
            ("https://api.acme.ghe.com", None, usual.to_vec()),
            ("https://ghe.example/api/v3", None, enterprise.to_vec()),
            (
                "https://ghe.example/api/v3",
                Some("https://github.com"),
                enterprise.to_vec(),
            ),
            (
                "https://ghe.example/api/v3",
                Some("https://ghe.example"),
                [enterprise, usual].concat(),
            ),
            ("http://127.0.0.1:8080", None, [usual, enterprise].concat()),
        ] {
            assert_eq!(variables(api, job), expected, "{api} {job:?}");
        }
    }

    #[test]
    fn a_host_has_the_api_that_gh_uses() {
        for (host, api) in [
            ("github.com", "https://api.github.com"),
            ("GitHub.com", "https://api.github.com"),
            ("acme.ghe.com", "https://api.acme.ghe.com"),
            ("ghe.example", "https://ghe.example/api/v3"),
        ] {
            assert_eq!(api_of(host), api);
        }
    }

    #[test]
    fn gh_accepts_a_repository_with_or_without_its_host() {
        let found = |name: &str| of_gh(name, "github.com").map(|found| found.to_string());
        assert_eq!(found("0x/1").as_deref(), Some("0x/1"));
        assert_eq!(found("github.com/0x/1").as_deref(), Some("0x/1"));
        assert_eq!(found("https://github.com/0x/1").as_deref(), Some("0x/1"));
        assert_eq!(found("ghe.example/0x/1"), None);
        assert_eq!(found("0x"), None);
    }
}
