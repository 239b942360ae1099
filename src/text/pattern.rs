//! Compiles globs and regular expressions of users, within limits.

use globset::GlobBuilder;
use regex::bytes;
use regex::{Regex, RegexBuilder};

/// The most memory that a compiled pattern takes, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Whether a pattern is case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Case matters, as in tags.
    Sensitive,
    /// Case is ignored, as in a search.
    Ignored,
}

/// Why a text is no glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    #[error("{0}")]
    Malformed(globset::ErrorKind),
    /// It takes too much memory.
    #[error("it takes too much memory")]
    TooLarge,
}

/// A compiled glob.
#[derive(Debug, Clone)]
pub struct Glob(bytes::Regex);

impl Glob {
    /// Compiles a glob for a whole text: `*` is any text, including `/`; `?` is any character of
    /// ASCII, and one byte of any other; `[abc]` and `[a-c]` are one of those characters, `[!abc]`
    /// any other; `{main,release-*}` is one of several globs. `\` escapes the next character.
    ///
    /// # Errors
    /// If it is malformed, or takes too much memory.
    pub fn new(glob: &str, case: Case) -> Result<Self, GlobError> {
        let parsed = GlobBuilder::new(glob)
            .case_insensitive(case == Case::Ignored)
            .literal_separator(false)
            .backslash_escape(true)
            .empty_alternates(true)
            .build()
            .map_err(|error| GlobError::Malformed(error.kind().clone()))?;
        // Its own matcher panics on a glob that takes too much memory.
        bytes::RegexBuilder::new(parsed.regex())
            .dot_matches_new_line(true)
            .size_limit(MAX_SIZE)
            .dfa_size_limit(MAX_SIZE)
            .build()
            .map(Self)
            .map_err(|_| GlobError::TooLarge)
    }

    /// Returns whether the whole of `text` fits the glob.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }
}

/// Returns whether `text` has `*` or `?`, which make a word a glob in any input.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Returns whether any character of `text` has a special meaning in a glob.
pub fn has_glob_syntax(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// Returns whether the whole of `text` fits `pattern`, in which `*` is any text and nothing else
/// has a meaning. It needs no compiled pattern, so a list of names can be tested without keeping
/// one.
pub fn fits_stars(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    true
}

/// Compiles a pattern in which only `*` and `?` are special.
///
/// # Errors
/// If it takes too much memory.
pub fn wildcards(pattern: &str, case: Case) -> Result<Regex, GlobError> {
    let pattern = regex::escape(pattern)
        .replace(r"\*", ".*")
        .replace(r"\?", ".");
    regex(&format!("(?s)^{pattern}$"), case).map_err(|_| GlobError::TooLarge)
}

/// Compiles a regular expression that may match any part of a text.
///
/// # Errors
/// If it is malformed, or takes too much memory.
pub fn regex(pattern: &str, case: Case) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(case == Case::Ignored)
        .size_limit(MAX_SIZE)
        .dfa_size_limit(MAX_SIZE)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_text() {
        for (pattern, text, fits) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("*", "", true),
            ("pr-*", "pr-1/x", true),
            ("pr-*", "xpr-1", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "acb", false),
            ("*-cache", "x-cache", true),
            ("*-cache", "x-cache-2", false),
            ("a*a", "a", false),
            ("**", "ä", true),
            ("v?[1]*", "v?[1]x", true),
        ] {
            assert_eq!(fits_stars(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, matching, other) in [
            ("pr-*", "pr-1/x", "xpr-1"),
            ("v?", "v1", "v12"),
            ("v[0-9]", "v7", "vx"),
            ("[!a-c]*", "dev", "abc"),
            ("[]x]", "]", "y"),
            ("[a-]", "-", "b"),
            ("{main,release-*}", "release-1", "mainly"),
            ("{a,b{1,2}}x", "b2x", "bx"),
            (r"\*\{", "*{", "a{"),
            ("a.b", "a.b", "axb"),
            ("a,b", "a,b", "a"),
            ("{,x}y", "y", "zy"),
        ] {
            let glob = Glob::new(pattern, Case::Sensitive).unwrap();
            assert!(glob.is_match(matching), "{pattern} {matching}");
            assert!(!glob.is_match(other), "{pattern} {other}");
        }
        assert!(
            Glob::new("MAIN*", Case::Ignored)
                .unwrap()
                .is_match("mainly")
        );
    }

    #[test]
    fn an_incomplete_glob_is_an_error() {
        use globset::ErrorKind;
        for (pattern, error) in [
            ("v[0-9", ErrorKind::UnclosedClass),
            ("v[]", ErrorKind::UnclosedClass),
            ("[!]", ErrorKind::UnclosedClass),
            ("[c-a]", ErrorKind::InvalidRange('c', 'a')),
            ("{a,b", ErrorKind::UnclosedAlternates),
            ("a}", ErrorKind::UnopenedAlternates),
            ("a\\", ErrorKind::DanglingEscape),
        ] {
            assert_eq!(
                Glob::new(pattern, Case::Sensitive).unwrap_err(),
                GlobError::Malformed(error),
                "{pattern}"
            );
        }
        let long = "?".repeat(1 << 20);
        let refused = Glob::new(&long, Case::Sensitive).unwrap_err();
        assert_eq!(refused, GlobError::TooLarge);
    }
}
