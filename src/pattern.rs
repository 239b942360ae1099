//! Globs and regular expressions as people write them, compiled within bounds.

use regex::{Regex, RegexBuilder};

/// The most memory that a compiled pattern takes, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Whether upper and lower case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They differ, as in tags.
    Sensitive,
    /// They are the same, as in a search.
    Ignored,
}

/// Tells whether `text` is more than itself when it is read as a glob.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Compiles a glob of a whole text, in which `*` is any text, `/` included, and `?` any character.
///
/// # Errors
/// When it takes too much memory.
pub fn glob(glob: &str, case: Case) -> Result<Regex, regex::Error> {
    let pattern = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
    regex(&format!("(?s)^{pattern}$"), case)
}

/// Compiles a regular expression that may match any part of a text.
///
/// # Errors
/// When it is not one, or takes too much memory.
pub fn regex(pattern: &str, case: Case) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(case == Case::Ignored)
        .size_limit(MAX_SIZE)
        .dfa_size_limit(MAX_SIZE)
        .build()
}
