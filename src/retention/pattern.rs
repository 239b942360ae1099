//! The patterns of rules: a glob, a regular expression between slashes, either with `!` in front for all other texts.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::format::text::visible;
use crate::pattern::{Case, glob, regex};

/// The longest pattern in bytes: far more than a person writes, and too little to make matching slow.
const MAX_LENGTH: usize = 1024;

/// A pattern of a text, in which upper and lower case differ. It prints as it was written.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: Box<str>,
    negated: bool,
    regex: Regex,
}

/// Says why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing is written, or nothing after `!`.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// Longer than any that a person would write.
    #[error("the pattern has more than {MAX_LENGTH} bytes")]
    TooLong,
    /// It begins as a regular expression, and does not end as one.
    #[error("`{}` begins with a slash, as a regular expression, and does not end with one", visible(.0))]
    Unclosed(Box<str>),
    /// The regular expression is not one, or takes too much memory.
    #[error("`{}` is not a regular expression that can be used", visible(.0))]
    Regex(Box<str>),
    /// The glob has a character that means something in globs elsewhere.
    #[error("`{0}` means nothing in a glob, which knows `*` and `?`; write a regular expression between slashes")]
    Glob(char),
}

impl Pattern {
    /// Tells whether it is written so that it matches every name, or every name but some.
    pub fn takes_all(&self) -> bool {
        self.negated || self.written.chars().all(|written| written == '*')
    }

    /// Makes the pattern that matches `text` alone.
    ///
    /// # Errors
    /// When the text is empty or too long.
    pub fn exactly(text: &str) -> Result<Self, PatternError> {
        if is_plain(text) { text.parse() } else { format!("/^{}$/", regex::escape(text)).parse() }
    }

    /// Makes the pattern that matches all texts that begin with `text`.
    ///
    /// # Errors
    /// When the text is too long.
    pub fn beginning(text: &str) -> Result<Self, PatternError> {
        if is_plain(text) { format!("{text}*").parse() } else { format!("/^{}/", regex::escape(text)).parse() }
    }

    /// Tells whether one of `texts` has the form, or none when the pattern is negated.
    pub fn matches_any<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        texts.into_iter().any(|text| self.regex.is_match(text)) != self.negated
    }

    /// Tells whether the pattern means all texts but those of its form.
    pub fn is_negated(&self) -> bool {
        self.negated
    }

    /// Returns the text that it matches alone, when it is no glob and no regular expression.
    pub fn word(&self) -> Option<&str> {
        let form = self.form();
        (!form.starts_with('/') && !crate::pattern::is_glob(form)).then_some(form)
    }

    fn form(&self) -> &str {
        self.written.strip_prefix('!').unwrap_or(&self.written)
    }
}

/// Tells whether no character of `text` means anything but itself in a pattern.
fn is_plain(text: &str) -> bool {
    !text.starts_with('/') && !text.contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_LENGTH {
            return Err(PatternError::TooLong);
        }
        let form = text.strip_prefix('!').unwrap_or(text);
        let regex = match form.strip_prefix('/') {
            _ if form.is_empty() => return Err(PatternError::Empty),
            Some(rest) => {
                let inner = rest.strip_suffix('/').ok_or_else(|| PatternError::Unclosed(form.into()))?;
                if inner.is_empty() {
                    return Err(PatternError::Empty);
                }
                regex(inner, Case::Sensitive).map_err(|_| PatternError::Regex(inner.into()))?
            }
            None => {
                if let Some(strange) = form.chars().find(|character| r"[]{}\!".contains(*character)) {
                    return Err(PatternError::Glob(strange));
                }
                glob(form, Case::Sensitive).map_err(|_| PatternError::TooLong)?
            }
        };
        Ok(Self { written: text.into(), negated: form.len() < text.len(), regex })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Pattern {}
