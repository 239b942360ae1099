//! Where the repository and the token come from when the source does not say: the environment, git's configuration, and
//! that of GitHub's own program `gh`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::backend::{RemoteError, RemoteKind};
use crate::source::{GithubRepository, Secret};

/// The largest configuration file that is read, in bytes.
const CONFIG_LIMIT: u64 = 1 << 20;
/// How long `gh` may take to say its token.
const GH_PATIENCE: Duration = Duration::from_secs(5);
const GITHUB_API: &str = "https://api.github.com";

/// A token, and where it was found.
#[derive(Debug, Clone)]
pub(in crate::backend) struct Token {
    pub(in crate::backend) secret: Secret,
    /// As messages name it.
    pub(in crate::backend) from: &'static str,
}

/// Returns the value of an environment variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Returns the address of GitHub's interface, without a slash at its end.
///
/// # Errors
/// When it is none, or would carry a token in the open.
pub(in crate::backend) fn api() -> Result<String, RemoteError> {
    let given = variable("GITHUB_API_URL").unwrap_or_else(|| GITHUB_API.to_owned());
    check_address("GITHUB_API_URL", &given)
}

/// Checks an address to which a token is sent.
pub(super) fn check_address(name: &str, given: &str) -> Result<String, RemoteError> {
    let shown = crate::format::text::visible(given).into_owned();
    let wrong = |why: &str| {
        RemoteError::new(RemoteKind::Unsupported, format!("{name} cannot be used")).because(format!("`{shown}` {why}"))
    };
    let url = reqwest::Url::parse(given).map_err(|_| wrong("is no address"))?;
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
        return Err(wrong("is not encrypted: a token would travel in the open").hint("use https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RemoteError::new(RemoteKind::Unsupported, format!("{name} must not hold a password")));
    }
    Ok(given.trim_end_matches('/').to_owned())
}

/// Returns the host by which `gh` and git know the service at `api`.
pub(in crate::backend) fn host_of(api: &str) -> Option<String> {
    let url = reqwest::Url::parse(api).ok()?;
    let host = url.host_str()?;
    Some(host.strip_prefix("api.").unwrap_or(host).to_owned())
}

/// Finds the repository: that of the job, else that of git's remote in the current directory.
///
/// # Errors
/// When there is none.
pub(super) fn repository(api: &str) -> Result<GithubRepository, RemoteError> {
    if let Some(name) = variable("GITHUB_REPOSITORY") {
        return name.parse().map_err(|_| {
            RemoteError::new(RemoteKind::Unsupported, "GITHUB_REPOSITORY does not name a repository")
                .hint("name one as gha:OWNER/REPOSITORY")
        });
    }
    let here = std::env::current_dir().ok();
    let config = here.as_deref().and_then(git_config);
    let remote = config.and_then(|config| remote(&config, &host_of(api)?));
    remote.ok_or_else(|| {
        RemoteError::new(RemoteKind::NotFound, "it is not said which repository is meant")
            .because("the current directory is in no git repository with a remote on GitHub")
            .hint("name it as gha:OWNER/REPOSITORY")
    })
}

/// Reads the configuration of the git repository around `from`.
fn git_config(from: &Path) -> Option<String> {
    let git = from.ancestors().map(|folder| folder.join(".git")).find(|path| path.exists())?;
    if git.is_dir() {
        return read(&git.join("config"));
    }
    // A worktree or a submodule: a file that says where the rest lies.
    let pointer = read(&git)?;
    let folder = git.parent()?.join(pointer.strip_prefix("gitdir:")?.trim());
    let common = read(&folder.join("commondir")).map_or_else(|| folder.clone(), |common| folder.join(common.trim()));
    read(&common.join("config"))
}

fn read(path: &Path) -> Option<String> {
    let is_small = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= CONFIG_LIMIT);
    is_small.then(|| std::fs::read_to_string(path).ok())?
}

/// Finds the remote on `host` in git's configuration: `origin`, else the first.
fn remote(config: &str, host: &str) -> Option<GithubRepository> {
    let (mut name, mut first) = (None, None);
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            name = section.strip_prefix("remote \"").and_then(|rest| rest.strip_suffix("\"]")).map(str::to_owned);
        } else if let (Some(name), Some((key, url))) = (&name, line.split_once('='))
            && key.trim() == "url"
            && let Some(found) = of_url(url.trim(), host)
        {
            if name == "origin" {
                return Some(found);
            }
            first.get_or_insert(found);
        }
    }
    first
}

/// Reads `https://HOST/OWNER/NAME.git`, `ssh://git@HOST/…` and `git@HOST:…`.
fn of_url(url: &str, host: &str) -> Option<GithubRepository> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    let path = rest.strip_prefix(host)?;
    let path = path.strip_prefix(':').or_else(|| path.strip_prefix('/'))?;
    let path = path.trim_start_matches(|character: char| character.is_ascii_digit()).trim_start_matches('/');
    path.trim_end_matches('/').trim_end_matches(".git").parse().ok()
}

/// Finds a token for `api`: that of the source, of the environment, of `gh`'s configuration, of `gh` itself.
pub(in crate::backend) async fn token(given: Option<&Secret>, api: &str) -> Option<Token> {
    if let Some(secret) = given {
        return Some(Token { secret: secret.clone(), from: "`ghtoken`" });
    }
    for from in ["GITHUB_TOKEN", "GH_TOKEN"] {
        if let Some(value) = variable(from) {
            return Some(Token { secret: Secret::new(value), from });
        }
    }
    let host = host_of(api)?;
    let hosts = gh_folder().and_then(|folder| read(&folder.join("hosts.yml")));
    if let Some(value) = hosts.and_then(|hosts| token_in(&hosts, &host)) {
        return Some(Token { secret: Secret::new(value), from: "gh's hosts.yml" });
    }
    let saying = tokio::task::spawn_blocking(move || {
        std::process::Command::new("gh")
            .args(["auth", "token", "--hostname", &host])
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .output()
    });
    let said = tokio::time::timeout(GH_PATIENCE, saying).await.ok()?.ok()?.ok()?;
    let value = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (said.status.success() && !value.is_empty()).then(|| Token { secret: Secret::new(value), from: "`gh auth token`" })
}

fn gh_folder() -> Option<PathBuf> {
    let named = variable("GH_CONFIG_DIR").map(PathBuf::from);
    let below = |name: &str, inner: &str| variable(name).map(|folder| PathBuf::from(folder).join(inner));
    named.or_else(|| below("XDG_CONFIG_HOME", "gh")).or_else(|| below("HOME", ".config/gh"))
}

/// Finds the token of `host` in `hosts.yml`, which has a mapping for each host.
fn token_in(hosts: &str, host: &str) -> Option<String> {
    let mut is_meant = false;
    for line in hosts.lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let (key, value) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
        if !is_indented {
            is_meant = key.trim_matches(['"', '\'']) == host;
        } else if is_meant && key == "oauth_token" {
            let value = value.trim().trim_matches(['"', '\'']);
            return (!value.is_empty()).then(|| value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_found_in_all_their_forms() {
        let of = |url: &str| of_url(url, "github.com").map(|found| found.to_string());
        for url in [
            "https://github.com/acme/shop.git",
            "https://x-access-token:secret@github.com/acme/shop",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com/acme/shop.git",
            "ssh://git@github.com:22/acme/shop.git/",
        ] {
            assert_eq!(of(url).as_deref(), Some("acme/shop"), "{url}");
        }
        for url in ["https://gitlab.com/acme/shop.git", "https://github.com.evil.example/acme/shop", "../shop", ""] {
            assert_eq!(of(url), None, "{url}");
        }
        let config = "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = git@github.com:me/shop.git\n[remote \"origin\"]\n\turl = git@github.com:acme/shop.git\n";
        assert_eq!(remote(config, "github.com").map(|found| found.to_string()).as_deref(), Some("acme/shop"));
        assert_eq!(remote(config, "ghe.example"), None);
    }

    #[test]
    fn the_token_of_the_right_host_is_taken() {
        let hosts = "ghe.example:\n    user: a\n    oauth_token: wrong\ngithub.com:\n    users:\n        a:\n    git_protocol: https\n    oauth_token: right\n";
        assert_eq!(token_in(hosts, "github.com").as_deref(), Some("right"));
        assert_eq!(token_in(hosts, "example.com"), None);
    }
}
