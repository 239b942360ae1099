//! The location of a cache, and whether two declarations may have the same one.

use std::collections::HashSet;

use crate::find::cache_type::CacheType;
use crate::find::declaration::Declaration;

/// The location of a cache: its kind, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct CachePlace {
    pub(super) kind: CacheType,
    /// The parts of the name; each may be a pattern.
    pub(super) parts: Vec<String>,
}

/// Locations, to be searched by one of them. Those with an unknown part are few.
pub(super) struct PlaceIndex<'p> {
    known: HashSet<&'p CachePlace>,
    vague: Vec<&'p CachePlace>,
}

impl<'p> PlaceIndex<'p> {
    pub(super) fn new(places: impl Iterator<Item = &'p CachePlace>) -> Self {
        let (vague, known): (HashSet<_>, HashSet<_>) = places.partition(|place| place.is_vague());
        Self {
            known,
            vague: vague.into_iter().collect(),
        }
    }

    /// Whether it has exactly this location.
    pub(super) fn has(&self, place: &CachePlace) -> bool {
        self.known.contains(place) || self.vague.contains(&place)
    }

    /// Whether it has a location that may be the same.
    pub(super) fn may_have(&self, place: &CachePlace) -> bool {
        let is_same = |other: &&CachePlace| may_be_same(place, other);
        self.known.contains(place)
            || self.vague.iter().any(is_same)
            || (place.is_vague() && self.known.iter().any(is_same))
    }
}

impl CachePlace {
    /// Whether a part of it is not known, or a list of names.
    fn is_vague(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| part.contains(['*', ';']))
    }
}

/// Returns the location of a declaration. Returns `None` for inline caches and unknown locations.
pub(super) fn of(declaration: &Declaration) -> Option<CachePlace> {
    let kind = declaration.kind();
    let get = |name: &str| declaration.attribute(name).unwrap_or_default();
    let parts = match &kind {
        CacheType::Registry => {
            let reference = get("ref");
            let (repository, tag) = split_reference(&reference);
            vec![repository, tag]
        }
        CacheType::Gha => {
            let scope = get("scope");
            vec![if scope.is_empty() {
                "buildkit".to_owned()
            } else {
                scope
            }]
        }
        CacheType::S3 => {
            let name = get("name");
            let name = if name.is_empty() {
                "buildkit".to_owned()
            } else {
                name
            };
            vec![get("bucket"), get("prefix"), name]
        }
        CacheType::Azblob => {
            let name = get("name");
            let name = if name.is_empty() {
                "buildkit".to_owned()
            } else {
                name
            };
            vec![get("account_url"), get("container"), get("prefix"), name]
        }
        CacheType::Local => {
            let path = declaration
                .attribute("dest")
                .or_else(|| declaration.attribute("src"))
                .unwrap_or_default();
            vec![normal_path(&path)]
        }
        CacheType::Inline | CacheType::Other(_) => return None,
    };
    Some(CachePlace { kind, parts })
}

/// Splits a reference at its tag or digest; both get Docker's defaults.
pub(super) fn split_reference(reference: &str) -> (String, String) {
    let without_digest = reference.split('@').next().unwrap_or(reference);
    let slash = without_digest.rfind('/').map_or(0, |at| at + 1);
    let (repository, tag) = match without_digest[slash..].rfind(':') {
        Some(colon) => (
            &without_digest[..slash + colon],
            &without_digest[slash + colon + 1..],
        ),
        None => (without_digest, "latest"),
    };
    let first = repository.split('/').next().unwrap_or_default();
    let has_host =
        repository.contains('/') && (first.contains(['.', ':', '*']) || first == "localhost");
    let repository = if has_host || repository.starts_with('*') {
        repository.to_owned()
    } else if repository.contains('/') {
        format!("docker.io/{repository}")
    } else {
        format!("docker.io/library/{repository}")
    };
    (repository, tag.to_owned())
}

/// Returns a path without `./` and trailing slashes.
pub(super) fn normal_path(path: &str) -> String {
    let absolute = path.starts_with('/');
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let joined = parts.join("/");
    if absolute {
        format!("/{joined}")
    } else {
        joined
    }
}

/// Whether two locations may be the same. Names of an S3 or Azure export are lists.
pub(super) fn may_be_same(a: &CachePlace, b: &CachePlace) -> bool {
    if a.kind != b.kind || a.parts.len() != b.parts.len() {
        return false;
    }
    let last = a.parts.len() - 1;
    let lists = matches!(a.kind, CacheType::S3 | CacheType::Azblob);
    a.parts
        .iter()
        .zip(&b.parts)
        .enumerate()
        .all(|(index, (a, b))| {
            if lists && index == last {
                a.split(';').any(|a| b.split(';').any(|b| intersect(a, b)))
            } else {
                intersect(a, b)
            }
        })
}

/// Whether some text matches both patterns of `*`.
pub(super) fn intersect(a: &str, b: &str) -> bool {
    if !a.contains('*') && !b.contains('*') {
        return a == b;
    }
    let a: Vec<char> = a.chars().take(300).collect();
    let b: Vec<char> = b.chars().take(300).collect();
    let width = b.len() + 1;
    // Whether the rests from each pair of positions intersect, from the end to the start.
    let mut reachable = vec![false; (a.len() + 1) * width];
    for i in (0..=a.len()).rev() {
        for j in (0..=b.len()).rev() {
            let at = |i: usize, j: usize| reachable[i * width + j];
            let result = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some('*'), Some(_)) => at(i + 1, j) || at(i, j + 1),
                (Some('*'), None) => at(i + 1, j),
                (Some(_), Some('*')) => at(i, j + 1) || at(i + 1, j),
                (None, Some('*')) => at(i, j + 1),
                (Some(x), Some(y)) => x == y && at(i + 1, j + 1),
                _ => false,
            };
            reachable[i * width + j] = result;
        }
    }
    reachable[0]
}
