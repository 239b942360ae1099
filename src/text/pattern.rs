//! Compiles globs and regular expressions of users, within limits.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// A class of characters is not closed.
    #[error("`[` has no `]`")]
    OpenClass,
    /// Alternatives are not closed.
    #[error("`{{` has no `}}`")]
    OpenAlternatives,
    /// Alternatives are closed that were not opened.
    #[error("`}}` has no `{{`")]
    ClosedAlternatives,
    /// A class matches nothing.
    #[error("`[]` matches nothing")]
    EmptyClass,
    /// The end of a range is before its start.
    #[error("the range `{0}-{1}` is empty")]
    EmptyRange(char, char),
    /// There is nothing after a `\`.
    #[error("`\\` has no character after it")]
    Escape,
    /// The glob takes too much memory.
    #[error("it takes too much memory")]
    TooLarge,
}

/// Returns whether `text` has `*` or `?`, which make a word a glob in any input.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Returns whether any character of `text` has a special meaning in a glob.
pub fn has_glob_syntax(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// Returns whether the whole of `text` fits `pattern`, in which `*` is any text and nothing else has
/// a meaning. It needs no compiled pattern, so a list of names can be tested without keeping one.
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

/// Compiles a glob for a whole text: `*` is any text, including `/`; `?` is any character; `[abc]`
/// and `[a-c]` are one of those characters, `[!abc]` any other; `{main,release-*}` is one of
/// several globs. `\` escapes the next character.
///
/// # Errors
/// If it is malformed, or takes too much memory.
pub fn glob(glob: &str, case: Case) -> Result<Regex, GlobError> {
    let mut pattern = String::from("(?s)^");
    let mut depth = 0_usize;
    let mut rest = glob.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '*' => {
                while rest.next_if_eq(&'*').is_some() {}
                pattern.push_str(".*");
            }
            '?' => pattern.push('.'),
            '[' => class(&mut rest, &mut pattern)?,
            '{' => {
                depth += 1;
                pattern.push_str("(?:");
            }
            ',' if depth > 0 => pattern.push('|'),
            '}' => {
                depth = depth.checked_sub(1).ok_or(GlobError::ClosedAlternatives)?;
                pattern.push(')');
            }
            '\\' => literal(&mut pattern, rest.next().ok_or(GlobError::Escape)?),
            other => literal(&mut pattern, other),
        }
    }
    if depth > 0 {
        return Err(GlobError::OpenAlternatives);
    }
    pattern.push('$');
    regex(&pattern, case).map_err(|_| GlobError::TooLarge)
}

/// Compiles a glob in which only `*` and `?` are special.
///
/// # Errors
/// If it takes too much memory.
pub fn wildcards(glob: &str, case: Case) -> Result<Regex, GlobError> {
    let pattern = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
    regex(&format!("(?s)^{pattern}$"), case).map_err(|_| GlobError::TooLarge)
}

/// Parses a class after its `[`.
fn class(rest: &mut Peekable<Chars<'_>>, pattern: &mut String) -> Result<(), GlobError> {
    let is_negated = rest.next_if(|next| matches!(next, '!' | '^')).is_some();
    pattern.push_str(if is_negated { "[^" } else { "[" });
    let mut is_empty = true;
    loop {
        let mut first = rest.next().ok_or(GlobError::OpenClass)?;
        if first == ']' && !is_empty {
            break;
        }
        if first == ']' && !rest.clone().any(|next| next == ']') {
            return Err(GlobError::EmptyClass);
        }
        if first == '\\' {
            first = rest.next().ok_or(GlobError::Escape)?;
        }
        is_empty = false;
        let mut ahead = rest.clone();
        let is_range = ahead.next() == Some('-') && ahead.peek().is_some_and(|next| *next != ']');
        literal(pattern, first);
        if is_range {
            rest.next();
            let last = rest.next().ok_or(GlobError::OpenClass)?;
            if last < first {
                return Err(GlobError::EmptyRange(first, last));
            }
            pattern.push('-');
            literal(pattern, last);
        }
    }
    pattern.push(']');
    Ok(())
}

/// Writes a literal character, inside or outside a class.
fn literal(pattern: &mut String, character: char) {
    let _ = write!(pattern, r"\u{{{:X}}}", u32::from(character));
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
    fn stars_stand_for_any_text() {
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
            ("v?", "vä", "v12"),
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
            let glob = glob(pattern, Case::Sensitive).unwrap();
            assert!(glob.is_match(matching), "{pattern} {matching}");
            assert!(!glob.is_match(other), "{pattern} {other}");
        }
        assert!(glob("MAIN*", Case::Ignored).unwrap().is_match("mainly"));
    }

    #[test]
    fn half_a_glob_is_none() {
        for (pattern, error) in [
            ("v[0-9", GlobError::OpenClass),
            ("v[]", GlobError::EmptyClass),
            ("[!]", GlobError::EmptyClass),
            ("[c-a]", GlobError::EmptyRange('c', 'a')),
            ("{a,b", GlobError::OpenAlternatives),
            ("a}", GlobError::ClosedAlternatives),
            ("a\\", GlobError::Escape),
        ] {
            assert_eq!(
                glob(pattern, Case::Sensitive).unwrap_err(),
                error,
                "{pattern}"
            );
        }
    }
}
