//! The digest of the files that a step uses: a path, a pattern, or a path without exclusions
//! (`cache/contenthash/checksum.go` in BuildKit).
//!
//! A path alone selects the file or the whole directory there. A pattern or a list of patterns
//! selects the flat list of all files and folder headers that match, each with its path.

use super::{ContextFiles, Entry, EntryKind, MAX_LINKS};
use crate::format::digest::{Digest, Hasher};
use crate::format::go_path;
use crate::format::pattern_matcher::{MatchInfo, PatternError, PatternMatcher};

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

/// A file or the header of a folder that a list of patterns selects.
struct Included {
    /// The path as in the selector, with a slash in front.
    path: Vec<u8>,
    place: usize,
}

/// A folder above the current entry.
struct Above {
    included: Included,
    counted: bool,
    include: MatchInfo,
    exclude: MatchInfo,
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
            let is_link = matches!(entry.kind, EntryKind::Symlink(_));
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
    pub fn selected(&self, selector: &Selector) -> Result<Vec<&Entry>, SelectError> {
        let path = rooted(&selector.path);
        if !selector.is_filter() {
            let place = self
                .follow(&path, selector.follow_links)?
                .ok_or_else(|| SelectError::NotFound(shown(&path)))?;
            return Ok(self.entries[place..self.ends[place]].iter().collect());
        }
        let mut selected = Vec::new();
        for found in self.included(selector, &path)?.1 {
            let is_link = matches!(self.entries[found.place].kind, EntryKind::Symlink(_));
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
        let is_link = |place: usize| matches!(self.entries[place].kind, EntryKind::Symlink(_));
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
                Some(EntryKind::Symlink(_)) if !last && rest.is_empty() => break,
                Some(EntryKind::Symlink(target)) => {
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
        let include = matcher(&selector.include)?;
        let exclude = matcher(&selector.exclude)?;
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
        let mut included: Vec<Included> = Vec::new();
        let Some(start) = start else {
            return Ok((prefix, included));
        };
        let resolved = absolute(&self.entries[start].path);
        let mut above: Vec<Above> = Vec::new();
        let mut matched_folder: Option<Vec<u8>> = None;
        for place in start..self.entries.len() {
            let entry = &self.entries[place];
            let real = absolute(&entry.path);
            // The path as in the selector, which may go through a link.
            let name = match real.strip_prefix(resolved.as_slice()) {
                Some(rest) => [prefix.as_slice(), rest].concat(),
                None => real,
            };
            while above
                .last()
                .is_some_and(|folder| !is_within(&name, &folder.included.path))
            {
                above.pop();
            }
            if skips_header && name.is_empty() {
                continue;
            }
            let candidate = if selector.wildcard {
                if !matched_folder
                    .as_ref()
                    .is_some_and(|folder| is_within(&name, folder))
                {
                    let malformed = |_| SelectError::Pattern(shown(path));
                    if !go_path::matches(path, &name).map_err(malformed)? {
                        continue;
                    }
                    matched_folder = Some(name.clone());
                }
                matched_folder
                    .as_deref()
                    .map_or(&[][..], |folder| relative(&name, folder))
            } else {
                if name != path && !is_within(&name, path) {
                    break;
                }
                relative(&name, path)
            };
            let folder = above.last();
            let mut takes = true;
            let mut include_info = MatchInfo::default();
            let mut exclude_info = MatchInfo::default();
            if let Some(include) = &include {
                (takes, include_info) =
                    include.matches(candidate, folder.map(|folder| &folder.include));
            }
            if let Some(exclude) = exclude.as_ref().filter(|_| takes) {
                let (out, info) = exclude.matches(candidate, folder.map(|folder| &folder.exclude));
                (takes, exclude_info) = (!out, info);
            }
            if takes {
                for folder in above.iter_mut().filter(|folder| !folder.counted) {
                    folder.counted = true;
                    included.push(Included {
                        path: folder.included.path.clone(),
                        place: folder.included.place,
                    });
                }
                included.push(Included {
                    path: name.clone(),
                    place,
                });
            }
            if entry.is_directory() {
                let folder = Included { path: name, place };
                above.push(Above {
                    included: folder,
                    counted: takes,
                    include: include_info,
                    exclude: exclude_info,
                });
            }
        }
        Ok((prefix, included))
    }
}

fn matcher(patterns: &[String]) -> Result<Option<PatternMatcher>, PatternError> {
    if patterns.is_empty() {
        Ok(None)
    } else {
        PatternMatcher::new(patterns).map(Some)
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
mod tests {
    use super::super::tests::{file, folder, link};
    use super::*;

    fn files() -> ContextFiles {
        ContextFiles::of_context(vec![
            folder("scripts"),
            file("scripts/a.sh", "a"),
            file("scripts/b.sh", "b"),
            file("scripts/skip.txt", "s"),
            folder("docs"),
            file("docs/draft.tmp", "d"),
            file("docs/index.md", "i"),
            folder("docs/sub"),
            file("docs/sub/x.md", "x"),
            link("alias", "docs"),
            link("away", "/alias/../scripts/a.sh"),
            link("dangling", "nowhere"),
            link("loop1", "loop2"),
            link("loop2", "loop1"),
        ])
    }

    fn at(path: &str) -> Selector {
        Selector {
            path: path.into(),
            follow_links: true,
            ..Selector::default()
        }
    }

    fn listed(parts: &[(&str, &str)]) -> Digest {
        let files = files();
        let text: Vec<String> = parts
            .iter()
            .map(|(path, entry)| {
                format!(
                    "{path}{}",
                    files.entry(entry.as_bytes()).unwrap().digest.unwrap()
                )
            })
            .collect();
        Digest::of(text.concat().as_bytes())
    }

    #[test]
    fn links_are_followed_within_the_root() {
        let files = files();
        let same = |one: &str, other: &str| {
            assert_eq!(
                files.checksum(&at(one)),
                files.checksum(&at(other)),
                "{one}"
            );
        };
        same("/alias", "/docs");
        same("/alias/index.md", "/docs/index.md");
        same("away", "scripts/a.sh");
        same("/alias/sub/../../../docs/", "/docs");
        same("nowhere/../docs", "/docs");
        let unfollowed = Selector {
            follow_links: false,
            ..at("/alias")
        };
        assert_eq!(
            files.checksum(&unfollowed).unwrap(),
            files.entry(b"alias").unwrap().digest.unwrap()
        );
        assert_eq!(
            files.checksum(&at("/dangling")),
            Err(SelectError::NotFound("/dangling".into()))
        );
        assert_eq!(
            files.checksum(&at("/loop1")),
            Err(SelectError::TooManyLinks("/loop1".into()))
        );
        assert_eq!(
            files.checksum(&at("/docs/none")),
            Err(SelectError::NotFound("/docs/none".into()))
        );
    }

    #[test]
    fn patterns_list_what_they_match() {
        let files = files();
        let wildcard = |path: &str| Selector {
            wildcard: true,
            ..at(path)
        };
        let digest = |path: &str| files.checksum(&wildcard(path)).unwrap();
        assert_eq!(
            digest("/scripts/*.sh"),
            listed(&[("\0a.sh", "scripts/a.sh"), ("\0b.sh", "scripts/b.sh")])
        );
        assert_eq!(
            digest("/s*/a.sh"),
            files.entry(b"scripts/a.sh").unwrap().digest.unwrap()
        );
        assert_eq!(
            digest("/s*/a.s[h]"),
            listed(&[("\0scripts\0a.sh", "scripts/a.sh")])
        );
        assert_eq!(digest("/none*"), Digest::of(b""));
        assert_eq!(digest("/none/*"), Digest::of(b""));
        assert_eq!(
            digest("/alias/s*"),
            listed(&[("\0sub", "docs/sub"), ("\0sub\0x.md", "docs/sub/x.md")])
        );
        assert_eq!(
            files.checksum(&wildcard("/dang*")),
            Err(SelectError::NotFound("/dangling".into()))
        );
        assert_eq!(
            files.checksum(&wildcard("/[")),
            Err(SelectError::Pattern("/[".into()))
        );
        let names = |path: &str| -> Vec<String> {
            let selected = files.selected(&wildcard(path)).unwrap();
            selected
                .iter()
                .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
                .collect()
        };
        assert_eq!(
            names("/al*"),
            [
                "docs",
                "docs/draft.tmp",
                "docs/index.md",
                "docs/sub",
                "docs/sub/x.md"
            ]
        );
    }

    #[test]
    fn excluded_files_are_left_out_and_folders_come_in_with_their_files() {
        let files = files();
        let without = |path: &str, pattern: &str| {
            files
                .checksum(&Selector {
                    exclude: vec![pattern.into()],
                    ..at(path)
                })
                .unwrap()
        };
        let docs = [
            ("\0", "docs"),
            ("\0index.md", "docs/index.md"),
            ("\0sub", "docs/sub"),
        ];
        assert_eq!(
            without("/docs", "*.tmp"),
            listed(&[&docs[..], &[("\0sub\0x.md", "docs/sub/x.md")]].concat())
        );
        assert_eq!(without("/docs", "sub"), {
            listed(&[
                ("\0", "docs"),
                ("\0draft.tmp", "docs/draft.tmp"),
                ("\0index.md", "docs/index.md"),
            ])
        });
        let parents = Selector {
            include: vec!["docs/sub/*.md".into()],
            ..at("/")
        };
        let expected = [
            ("\0docs", "docs"),
            ("\0docs\0sub", "docs/sub"),
            ("\0docs\0sub\0x.md", "docs/sub/x.md"),
        ];
        assert_eq!(files.checksum(&parents).unwrap(), listed(&expected));
    }
}
