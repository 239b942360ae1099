//! Decides which entries below a path a pattern, or lists of patterns, include.

use super::{SelectError, Selector, is_within, relative, shown};
use crate::explain::context::ContextEntry;
use crate::format::go_path;
use crate::format::pattern_matcher::{MatchInfo, PatternError, PatternMatcher};

/// A file or the header of a folder that a list of patterns selects.
pub(super) struct Included {
    /// The path as in the selector, with a slash in front.
    pub(super) path: Vec<u8>,
    pub(super) place: usize,
}

/// A folder above the current entry.
struct Above {
    included: Included,
    counted: bool,
    include: MatchInfo,
    exclude: MatchInfo,
}

/// Whether an entry belongs to the path of a selector.
pub(super) enum InclusionCandidate {
    /// The entry has this path below the path of the selector.
    Path(Vec<u8>),
    /// The pattern does not match the entry.
    Unmatched,
    /// The entry and all later ones are not below the path.
    Outside,
}

/// The state of a walk through the entries, in their order.
pub(super) struct Inclusion<'a> {
    /// The path or pattern of the selector.
    path: &'a [u8],
    is_pattern: bool,
    include: Option<PatternMatcher>,
    exclude: Option<PatternMatcher>,
    /// The last folder or file that the pattern matches.
    matched: Option<Vec<u8>>,
    /// The folders above the current entry.
    above: Vec<Above>,
    pub(super) included: Vec<Included>,
}

impl<'a> Inclusion<'a> {
    pub(super) fn new(selector: &Selector, path: &'a [u8]) -> Result<Self, PatternError> {
        Ok(Self {
            path,
            is_pattern: selector.wildcard,
            include: matcher(&selector.include)?,
            exclude: matcher(&selector.exclude)?,
            matched: None,
            above: Vec::new(),
            included: Vec::new(),
        })
    }

    /// Forgets the folders that do not hold `name`.
    pub(super) fn leave_folders(&mut self, name: &[u8]) {
        while self
            .above
            .last()
            .is_some_and(|folder| !is_within(name, &folder.included.path))
        {
            self.above.pop();
        }
    }

    /// Compares an entry with the path or pattern.
    pub(super) fn candidate(&mut self, name: &[u8]) -> Result<InclusionCandidate, SelectError> {
        if !self.is_pattern {
            if name != self.path && !is_within(name, self.path) {
                return Ok(InclusionCandidate::Outside);
            }
            return Ok(InclusionCandidate::Path(relative(name, self.path).to_vec()));
        }
        if let Some(folder) = &self.matched
            && is_within(name, folder)
        {
            return Ok(InclusionCandidate::Path(relative(name, folder).to_vec()));
        }
        let malformed = |_| SelectError::Pattern(shown(self.path));
        if !go_path::matches(self.path, name).map_err(malformed)? {
            return Ok(InclusionCandidate::Unmatched);
        }
        self.matched = Some(name.to_vec());
        Ok(InclusionCandidate::Path(Vec::new()))
    }

    /// Includes an entry if the lists of patterns take it. `candidate` is its path below that of
    /// the selector.
    pub(super) fn visit(
        &mut self,
        name: Vec<u8>,
        candidate: &[u8],
        place: usize,
        entry: &ContextEntry,
    ) {
        let folder = self.above.last();
        let mut takes = true;
        let mut include_info = MatchInfo::default();
        let mut exclude_info = MatchInfo::default();
        if let Some(include) = &self.include {
            (takes, include_info) =
                include.matches(candidate, folder.map(|folder| &folder.include));
        }
        if takes && let Some(exclude) = &self.exclude {
            let (out, info) = exclude.matches(candidate, folder.map(|folder| &folder.exclude));
            (takes, exclude_info) = (!out, info);
        }
        if takes {
            self.include_folders();
            self.included.push(Included {
                path: name.clone(),
                place,
            });
        }
        if entry.is_directory() {
            self.above.push(Above {
                included: Included { path: name, place },
                counted: takes,
                include: include_info,
                exclude: exclude_info,
            });
        }
    }

    /// Includes the headers of the folders above an included entry.
    fn include_folders(&mut self) {
        for folder in self.above.iter_mut().filter(|folder| !folder.counted) {
            folder.counted = true;
            self.included.push(Included {
                path: folder.included.path.clone(),
                place: folder.included.place,
            });
        }
    }
}

fn matcher(patterns: &[String]) -> Result<Option<PatternMatcher>, PatternError> {
    if patterns.is_empty() {
        Ok(None)
    } else {
        PatternMatcher::new(patterns).map(Some)
    }
}
