//! The digest of the files that a step uses: a path, a pattern, or a path without exclusions
//! (`cache/contenthash/checksum.go` in BuildKit).
//!
//! A path alone selects the file or the whole directory there. A pattern or a list of patterns
//! selects the flat list of all files and folder headers that match, each with its path.

use super::{ContextEntry, ContextEntryKind, ContextFiles, MAX_LINKS};
use crate::format::digest::{Digest, Hasher};
use crate::format::go_path;
use crate::format::pattern_matcher::PatternError;

mod inclusion;

use inclusion::{Included, Inclusion, InclusionCandidate};

/// The part of an input that a step uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// The path, or a pattern of paths.
    pub path: String,
    /// Whether it is a pattern.
    pub wildcard: bool,
    /// Whether a link at the end of the path is followed.
    pub follow_links: bool,
    /// Only paths that match one of these patterns are selected.
    pub include: Vec<String>,
    /// Paths that match one of these patterns are not selected.
    pub exclude: Vec<String>,
}

/// Why a digest cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The path does not exist; the build would fail.
    #[error("`{0}` is not there")]
    NotFound(String),
    /// Links form a loop.
    #[error("`{0}` leads through too many links")]
    TooManyLinks(String),
    /// A selected file could not be read.
    #[error("`{0}` could not be read")]
    Unknown(String),
    /// The selector is the root of a stage. Its header is unknown in all evidence.
    #[error("the digest of the root directory is not known")]
    Root,
    /// A pattern is malformed.
    #[error("the pattern `{0}` is malformed")]
    Pattern(String),
    /// A pattern of a list is malformed.
    #[error(transparent)]
    Patterns(#[from] PatternError),
}

impl Selector {
    /// Returns whether it selects a list of files and not one path.
    pub fn is_filter(&self) -> bool {
        self.wildcard || !self.include.is_empty() || !self.exclude.is_empty()
    }
}

impl ContextFiles {
    /// Computes the digest of the selected files.
    ///
    /// # Errors
    /// If the path does not exist, a file could not be read, or a pattern is malformed.
    pub fn checksum(&self, selector: &Selector) -> Result<Digest, SelectError> {
        let path = rooted(&selector.path);
        if !selector.is_filter() {
            return self.digest_at(&path, selector.follow_links);
        }
        let (prefix, included) = self.included(selector, &path)?;
        let mut digests = Vec::with_capacity(included.len());
        for found in &included {
            let entry = &self.entries[found.place];
            let is_link = matches!(entry.kind, ContextEntryKind::Symlink(_));
            digests.push(if is_link && selector.follow_links {
                self.digest_at(&found.path, true)?
            } else {
                entry
                    .digest
                    .ok_or_else(|| SelectError::Unknown(shown(&found.path)))?
            });
        }
        if let ([found], [digest]) = (included.as_slice(), digests.as_slice())
            && go_path::base(&path) == go_path::base(&found.path)
        {
            return Ok(*digest);
        }
        let mut hasher = Hasher::Sha256(Box::default());
        for (found, digest) in included.iter().zip(&digests) {
            match found
                .path
                .strip_prefix(prefix.as_slice())
                .unwrap_or(&found.path)
            {
                [] => hasher.update(b"\0"),
                relative => hasher.update(&super::key(relative)),
            }
            hasher.update(digest.to_string().as_bytes());
        }
        Ok(hasher.finish())
    }

    /// Returns the selected entries in order: for a directory all of its content, for a link its
    /// target.
    ///
    /// # Errors
    /// As [`ContextFiles::checksum`], except that unreadable files are returned as they are.
    pub fn selected(&self, selector: &Selector) -> Result<Vec<&ContextEntry>, SelectError> {
        let path = rooted(&selector.path);
        if !selector.is_filter() {
            let place = self
                .follow(&path, selector.follow_links)?
                .ok_or_else(|| SelectError::NotFound(shown(&path)))?;
            return Ok(self.entries[place..self.ends[place]].iter().collect());
        }
        let mut selected = Vec::new();
        for found in self.included(selector, &path)?.1 {
            let is_link = matches!(self.entries[found.place].kind, ContextEntryKind::Symlink(_));
            let target = if is_link && selector.follow_links {
                self.follow(&found.path, true)?
            } else {
                None
            };
            match target {
                Some(target) => selected.extend(&self.entries[target..self.ends[target]]),
                None => selected.push(&self.entries[found.place]),
            }
        }
        Ok(selected)
    }

    fn digest_at(&self, path: &[u8], follow: bool) -> Result<Digest, SelectError> {
        let place = self
            .follow(path, follow)?
            .ok_or_else(|| SelectError::NotFound(shown(path)))?;
        let unknown = || match self.entries[0].digest {
            None if place == 0 => SelectError::Root,
            _ => SelectError::Unknown(shown(path)),
        };
        self.digests[place].ok_or_else(unknown)
    }

    /// Resolves a path; a link at its end is followed only if `last` is set.
    fn follow(&self, path: &[u8], last: bool) -> Result<Option<usize>, SelectError> {
        let direct = self.place(path.strip_prefix(b"/").unwrap_or(path));
        let is_link =
            |place: usize| matches!(self.entries[place].kind, ContextEntryKind::Symlink(_));
        if direct.is_some_and(|place| !last || !is_link(place)) {
            return Ok(direct);
        }
        let mut current: Vec<u8> = Vec::new();
        let mut found = Some(0);
        let mut rest = path.to_vec();
        let mut followed = 0;
        while !rest.is_empty() {
            let (part, after) = match rest.iter().position(|byte| *byte == b'/') {
                Some(slash) => (rest[..slash].to_vec(), rest[slash + 1..].to_vec()),
                None => (rest.clone(), Vec::new()),
            };
            rest = after;
            let next = go_path::clean(&[b"/", current.as_slice(), b"/", part.as_slice()].concat());
            let next = next.strip_prefix(b"/").unwrap_or(&next).to_vec();
            found = self.place(&next);
            match found.map(|place| &self.entries[place].kind) {
                Some(ContextEntryKind::Symlink(_)) if !last && rest.is_empty() => break,
                Some(ContextEntryKind::Symlink(target)) => {
                    followed += 1;
                    if followed > MAX_LINKS {
                        return Err(SelectError::TooManyLinks(shown(path)));
                    }
                    if target.starts_with(b"/") {
                        current.clear();
                    }
                    rest = [target, b"/".as_slice(), rest.as_slice()].concat();
                }
                _ => current = next,
            }
        }
        Ok(found)
    }

    /// Lists the entries that a pattern or lists of patterns select, and returns the path before
    /// the pattern.
    fn included(
        &self,
        selector: &Selector,
        path: &[u8],
    ) -> Result<(Vec<u8>, Vec<Included>), SelectError> {
        // BuildKit omits the header of a folder whose path ends with a slash; here only the root's
        // does.
        let (skips_header, path) = if path == b"/" {
            (true, &[][..])
        } else {
            (false, path)
        };
        let mut inclusion = Inclusion::new(selector, path)?;
        let (prefix, start) = if selector.wildcard {
            let prefix = before_wildcards(path);
            let start = if prefix.is_empty() {
                Some(0)
            } else {
                self.follow(&prefix, true)?
            };
            (prefix, start)
        } else {
            (path.to_vec(), self.follow(path, false)?)
        };
        let Some(start) = start else {
            return Ok((prefix, Vec::new()));
        };
        let resolved = absolute(&self.entries[start].path);
        for (place, entry) in self.entries.iter().enumerate().skip(start) {
            let real = absolute(&entry.path);
            // The path as in the selector, which may go through a link.
            let name = match real.strip_prefix(resolved.as_slice()) {
                Some(rest) => [prefix.as_slice(), rest].concat(),
                None => real,
            };
            inclusion.leave_folders(&name);
            if skips_header && name.is_empty() {
                continue;
            }
            match inclusion.candidate(&name)? {
                InclusionCandidate::Path(relative) => {
                    inclusion.visit(name, &relative, place, entry);
                }
                InclusionCandidate::Unmatched => {}
                InclusionCandidate::Outside => break,
            }
        }
        Ok((prefix, inclusion.included))
    }
}

/// Cleans a path below the root, as Go's `path.Join("/", …)` does.
fn rooted(path: &str) -> Vec<u8> {
    go_path::clean(format!("/{path}").as_bytes())
}

fn absolute(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        Vec::new()
    } else {
        [b"/", path].concat()
    }
}

fn is_within(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn relative<'a>(path: &'a [u8], folder: &[u8]) -> &'a [u8] {
    let rest = path.strip_prefix(folder).unwrap_or(path);
    rest.strip_prefix(b"/").unwrap_or(rest)
}

/// Returns the folders before the first part with a wildcard.
fn before_wildcards(path: &[u8]) -> Vec<u8> {
    let is_plain = |part: &&[u8]| !go_path::contains_wildcards(&String::from_utf8_lossy(part));
    let parts = path
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty());
    parts
        .take_while(is_plain)
        .flat_map(|part| [b"/", part].concat())
        .collect()
}

fn shown(path: &[u8]) -> String {
    if path.is_empty() {
        "/".to_owned()
    } else {
        String::from_utf8_lossy(path).into_owned()
    }
}

#[cfg(test)]
mod tests;
