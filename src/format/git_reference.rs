//! Git repositories as named in Dockerfiles and build contexts (`frontend/dockerfile/dfgitutil` and
//! `util/gitutil`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::go_text::{self, quote};
use super::go_url::{GoUrl, query_values};

static SCP_STYLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^([a-zA-Z0-9-_]+)@([a-zA-Z0-9-.]+):(.*?)(?:\?(.*?))?(?:#(.*))?$").ok()
});

/// A repository, and the selected part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitReference {
    /// The protocol: `https`, `http`, `git` or `ssh`.
    pub scheme: String,
    /// The host with its port.
    pub host: String,
    /// The path on the host.
    pub path: String,
    /// The address without the part after `?` or `#`.
    pub remote: String,
    /// A branch, a tag or a commit.
    pub reference: String,
    /// A directory in the repository.
    pub subdir: String,
    /// The required commit.
    pub checksum: String,
    /// Whether `.git` is kept.
    pub keep_git_dir: Option<bool>,
    /// Whether submodules are fetched.
    pub submodules: Option<bool>,
    /// The mode for the times of files.
    pub mtime: String,
    /// Whether the commit is fetched without resolving the branch.
    pub fetch_by_commit: bool,
    /// Whether the text may also be a local path: `github.com/…`, which is valid only for a build
    /// context.
    pub may_be_local: bool,
}

/// The text names a repository, but is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GitReferenceError(String);

impl GitReference {
    /// Parses a text; `None` if it names no repository.
    ///
    /// # Errors
    /// If an option is unknown, repeated or contradicts another.
    pub fn parse(text: &str) -> Result<Option<Self>, GitReferenceError> {
        if text.starts_with("./") || text.starts_with("../") {
            return Ok(None);
        }
        let may_be_local = text.starts_with("github.com/");
        let Some((mut found, query)) = parts(text, may_be_local) else {
            return Ok(None);
        };
        let is_web = matches!(found.scheme.as_str(), "http" | "https");
        if is_web && !may_be_local && found.path.strip_suffix(".git").is_none() {
            return Ok(None);
        }
        found.may_be_local = may_be_local;
        found.set_options(query).map_err(GitReferenceError)?;
        Ok(Some(found))
    }

    /// Returns the identifier of the source, without options.
    pub fn identifier(&self) -> String {
        let path = joined(&self.path);
        let mut id = format!("git://{}{path}", self.host);
        if !self.reference.is_empty() || !self.subdir.is_empty() {
            id.push('#');
            id.push_str(&self.reference);
            if !self.subdir.is_empty() {
                id.push(':');
                id.push_str(&self.subdir);
            }
        }
        id
    }

    /// Returns the attributes of the source, without those that have flags in `ADD`.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::from([
            ("git.fullurl", self.remote.as_str()),
            ("git.authtokensecret", "GIT_AUTH_TOKEN"),
            ("git.authheadersecret", "GIT_AUTH_HEADER"),
        ]);
        if self.scheme == "ssh" {
            attributes.insert("git.mountsshsock", "default");
        }
        if self.submodules == Some(false) {
            attributes.insert("git.skipsubmodules", "true");
        }
        if self.fetch_by_commit {
            attributes.insert("git.fetchbycommit", "true");
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        attributes.into_iter().map(owned).collect()
    }

    fn set_fragment(&mut self, fragment: &str) {
        let (reference, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
        reference.clone_into(&mut self.reference);
        joined(subdir)
            .trim_start_matches('/')
            .clone_into(&mut self.subdir);
    }

    fn set_options(&mut self, query: BTreeMap<String, Vec<String>>) -> Result<(), String> {
        let mut tag = String::new();
        let mut branch = String::new();
        for (name, values) in query {
            let [value] = <[String; 1]>::try_from(values)
                .map_err(|_| format!("query {} has multiple values", quote(&name)))?;
            let is_switch = matches!(
                name.as_str(),
                "submodules" | "keep-git-dir" | "fetch-by-commit"
            );
            if value.is_empty() && !is_switch {
                return Err(format!("query {} has no value", quote(&name)));
            }
            let switch = || match value.as_str() {
                "" => Ok(true),
                value => go_text::parse_bool(value)
                    .ok_or_else(|| format!("invalid {name} value: {}", quote(value))),
            };
            match name.as_str() {
                "ref" => self.set_reference(value)?,
                "tag" => tag = value,
                "branch" => branch = value,
                "subdir" => {
                    if !self.subdir.is_empty() && self.subdir != value {
                        let subdir = quote(&self.subdir);
                        let value = quote(&value);
                        return Err(format!("subdir conflicts: {subdir} vs {value}"));
                    }
                    self.subdir = value;
                }
                "checksum" | "commit" => self.checksum = value,
                "keep-git-dir" => self.keep_git_dir = Some(switch()?),
                "submodules" => self.submodules = Some(switch()?),
                "fetch-by-commit" => self.fetch_by_commit = switch()?,
                "mtime" if matches!(value.as_str(), "checkout" | "commit") => self.mtime = value,
                "mtime" => {
                    let value = quote(&value);
                    return Err(format!(
                        "invalid mtime value: {value} (must be \"checkout\" or \"commit\")"
                    ));
                }
                _ => return Err(format!("unexpected query {}", quote(&name))),
            }
        }
        if !tag.is_empty() {
            self.set_reference(below("refs/tags/", &tag))?;
        }
        if !branch.is_empty() {
            if !tag.is_empty() {
                return Err("branch conflicts with tag".to_owned());
            }
            self.set_reference(below("refs/heads/", &branch))?;
        }
        Ok(())
    }

    fn set_reference(&mut self, value: String) -> Result<(), String> {
        if !self.reference.is_empty() && self.reference != value {
            let reference = quote(&self.reference);
            let value = quote(&value);
            return Err(format!("ref conflicts: {reference} vs {value}"));
        }
        self.reference = value;
        Ok(())
    }
}

fn below(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) {
        name.to_owned()
    } else {
        format!("{prefix}{name}")
    }
}

/// Joins a path below the root: `path.Join("/", …)`.
fn joined(path: &str) -> String {
    let rooted = format!("/{path}");
    go_text::from_bytes(&super::go_path::clean(&go_text::to_bytes(&rooted)))
}

type Query = BTreeMap<String, Vec<String>>;

/// Splits a text into its parts; `None` if it names no repository.
fn parts(text: &str, may_be_local: bool) -> Option<(GitReference, Query)> {
    let protocol = text.find("://").map(|end| &text[..end]);
    let is_protocol =
        |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if let Some(protocol) = protocol.filter(is_protocol) {
        let known = matches!(
            protocol.to_ascii_lowercase().as_str(),
            "http" | "https" | "ssh" | "git"
        );
        return if known {
            Some(of_url(&GoUrl::parse(text)?))
        } else {
            None
        };
    }
    if may_be_local {
        let mut url = GoUrl::parse(text)?;
        "https".clone_into(&mut url.scheme);
        let (mut found, query) = of_url(&url);
        found.remote = found
            .remote
            .split_once("://")
            .map_or_else(String::new, |(_, rest)| rest.to_owned());
        return Some((found, query));
    }
    let found = SCP_STYLE.as_ref()?.captures(text)?;
    let part = |place| found.get(place).map_or("", |part| part.as_str());
    let (query, is_whole) = query_values(part(4));
    if !is_whole {
        return None;
    }
    let mut reference = GitReference {
        scheme: "ssh".to_owned(),
        host: part(2).to_owned(),
        path: part(3).to_owned(),
        remote: format!("{}@{}:{}", part(1), part(2), part(3)),
        ..GitReference::default()
    };
    reference.set_fragment(part(5));
    Some((reference, query))
}

fn of_url(url: &GoUrl) -> (GitReference, Query) {
    let mut reference = GitReference {
        scheme: url.scheme.clone(),
        host: url.host.clone(),
        path: url.path.clone(),
        remote: url.without_options().to_string(),
        ..GitReference::default()
    };
    reference.set_fragment(&url.fragment);
    (reference, query_values(&url.query).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_repositories_are_distinguished_from_files_and_downloads() {
        let identifier = |text: &str| {
            GitReference::parse(text)
                .unwrap()
                .map(|found| found.identifier())
        };
        let cases = [
            (
                "https://h.example/a/b.git#v1:sub/../x",
                Some("git://h.example/a/b.git#v1:x"),
            ),
            (
                "git@h.example:a/b.git?branch=main",
                Some("git://h.example/a/b.git#refs/heads/main"),
            ),
            (
                "ssh://git@h.example:22/a.git",
                Some("git://h.example:22/a.git"),
            ),
            ("https://h.example/a.tar", None),
            ("./a.git", None),
            ("ftp://h/a.git", None),
            ("a/b.git", None),
        ];
        for (text, expected) in cases {
            assert_eq!(identifier(text).as_deref(), expected, "{text}");
        }
        let error = |text: &str| GitReference::parse(text).unwrap_err().to_string();
        assert_eq!(error("https://h/a.git?ref="), "query \"ref\" has no value");
        assert_eq!(
            error("https://h/a.git?tag=a&branch=b"),
            "branch conflicts with tag"
        );
    }
}
