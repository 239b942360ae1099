//! The patterns of rules: a glob, or a regular expression between slashes; `!` in front negates
//! either.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::text::escape::visible;
use crate::text::pattern::{Case, Glob, GlobError, has_glob_syntax, regex};

/// The longest pattern in bytes: more than people write, and short enough for fast matching.
const MAX_LENGTH: usize = 1024;

/// A case-sensitive pattern. It prints as written.
#[derive(Debug, Clone)]
pub struct RefPattern {
    written: Box<str>,
    negated: bool,
    form: RefPatternForm,
}

#[derive(Debug, Clone)]
enum RefPatternForm {
    Glob(Glob),
    Regex(Regex),
}

impl RefPatternForm {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefPatternError {
    /// The text is empty, or there is nothing after `!`.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// The text is too long.
    #[error("the pattern has more than {MAX_LENGTH} bytes")]
    TooLong,
    /// It starts like a regular expression, but does not end like one.
    #[error("`{}` begins with a slash, as a regular expression, and does not end with one", visible(.0))]
    Unclosed(Box<str>),
    /// The regular expression is invalid, or takes too much memory.
    #[error("`{}` is not a regular expression that can be used: {why}", visible(.pattern))]
    Regex { pattern: Box<str>, why: Box<str> },
    /// The regular expression has look-around.
    #[error(
        "`{}` uses look-around (`(?=`, `(?!`, `(?<`), which is not supported; to leave names out, write a rule of its own \
         for them before this one", visible(.0)
    )]
    LookAround(Box<str>),
    /// The regular expression has a backreference.
    #[error(
        "`{}` uses a backreference, which is not supported; write the alternatives out instead", visible(.0)
    )]
    Backreference(Box<str>),
    /// The glob is invalid.
    #[error("`{}` is not a glob: {why}", visible(.pattern))]
    Glob { pattern: Box<str>, why: GlobError },
    /// A second `!` at the start.
    #[error("`!` stands once, in front of the whole pattern")]
    TwiceNegated,
    /// A regular expression for grouping refs has no capture.
    #[error(
        "`{}` captures nothing: put the part that refs of a group share in parentheses, as in `/^v(\\d+)\\./`", visible(.0)
    )]
    NoCapture(Box<str>),
}

impl RefPatternError {
    fn regex(pattern: &str, error: &regex::Error) -> Self {
        let text = error.to_string();
        let pattern = Box::<str>::from(pattern);
        if text.contains("look-around") {
            return Self::LookAround(pattern);
        }
        if text.contains("backreference") {
            return Self::Backreference(pattern);
        }
        let why = match error {
            regex::Error::CompiledTooBig(_) => "it takes too much memory",
            _ => text.lines().last().map_or("it cannot be read", |line| {
                line.trim_start_matches("error: ")
            }),
        };
        let why = visible(why).as_ref().into();
        Self::Regex { pattern, why }
    }
}

impl RefPattern {
    /// Returns whether its form matches every name, or every name with exceptions.
    pub fn takes_all(&self) -> bool {
        self.negated || self.matches_anything()
    }

    /// Returns whether it matches every name, even names that have nothing in common.
    pub fn matches_anything(&self) -> bool {
        const UNLIKE: [&str; 3] = ["q", "\u{1}~#", "Z0/z:9_-.x"];
        let matches = |text: &&str| self.form.is_match(text);
        !self.negated && UNLIKE.iter().all(matches)
    }

    /// Makes a pattern that matches only `text`.
    ///
    /// # Errors
    /// If the text is empty or too long.
    pub fn exactly(text: &str) -> Result<Self, RefPatternError> {
        if is_plain(text) {
            text.parse()
        } else {
            format!("/^{}$/", regex::escape(text)).parse()
        }
    }

    /// Makes a pattern that matches all texts that start with `text`.
    ///
    /// # Errors
    /// If the text is too long.
    pub fn beginning(text: &str) -> Result<Self, RefPatternError> {
        if is_plain(text) {
            format!("{text}*").parse()
        } else {
            format!("/^{}/", regex::escape(text)).parse()
        }
    }

    /// Returns whether one of `texts` matches; for a negated pattern, whether none has its form.
    pub fn matches_any<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        texts.into_iter().any(|text| self.form.is_match(text)) != self.negated
    }

    /// Returns whether the pattern matches all texts except those of its form.
    pub fn is_negated(&self) -> bool {
        self.negated
    }

    /// Returns the only text that it matches, unless it is a glob or a regular expression.
    pub fn word(&self) -> Option<&str> {
        let form = self.written_form();
        (!form.starts_with('/') && !has_glob_syntax(form)).then_some(form)
    }

    fn written_form(&self) -> &str {
        self.written.strip_prefix('!').unwrap_or(&self.written)
    }
}

/// Returns whether `text` has no character with a special meaning in a pattern.
fn is_plain(text: &str) -> bool {
    !text.starts_with(['/', '!']) && !has_glob_syntax(text)
}

impl FromStr for RefPattern {
    type Err = RefPatternError;

    fn from_str(text: &str) -> Result<Self, RefPatternError> {
        if text.len() > MAX_LENGTH {
            return Err(RefPatternError::TooLong);
        }
        let written = text.strip_prefix('!').unwrap_or(text);
        let form = match written.strip_prefix('/') {
            _ if written.is_empty() => return Err(RefPatternError::Empty),
            Some(rest) => RefPatternForm::Regex(between_slashes(written, rest)?),
            None if written.starts_with('!') => return Err(RefPatternError::TwiceNegated),
            None => {
                let glob =
                    Glob::new(written, Case::Sensitive).map_err(|why| RefPatternError::Glob {
                        pattern: written.into(),
                        why,
                    })?;
                RefPatternForm::Glob(glob)
            }
        };
        Ok(Self {
            written: text.into(),
            negated: written.len() < text.len(),
            form,
        })
    }
}

/// Compiles the regular expression of `form`; `rest` is the text after its first slash.
fn between_slashes(form: &str, rest: &str) -> Result<Regex, RefPatternError> {
    let inner = rest
        .strip_suffix('/')
        .ok_or_else(|| RefPatternError::Unclosed(form.into()))?;
    if inner.is_empty() {
        return Err(RefPatternError::Empty);
    }
    regex(inner, Case::Sensitive).map_err(|error| RefPatternError::regex(inner, &error))
}

/// A regular expression whose captures group refs. It prints as written.
#[derive(Debug, Clone)]
pub struct Captures {
    written: Box<str>,
    regex: Regex,
}

impl Captures {
    /// Returns the captures of a text; `None` if the expression does not match.
    pub fn of<'t>(&self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let found = self.regex.captures(text)?;
        let parts = found.iter().skip(1);
        Some(parts.map(|part| part.map(|part| part.as_str())).collect())
    }
}

impl FromStr for Captures {
    type Err = RefPatternError;

    fn from_str(text: &str) -> Result<Self, RefPatternError> {
        if text.len() > MAX_LENGTH {
            return Err(RefPatternError::TooLong);
        }
        let rest = text.strip_prefix('/').ok_or(RefPatternError::Empty)?;
        let regex = between_slashes(text, rest)?;
        if regex.captures_len() < 2 {
            return Err(RefPatternError::NoCapture(text.into()));
        }
        Ok(Self {
            written: text.into(),
            regex,
        })
    }
}

impl fmt::Display for Captures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for Captures {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Captures {}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for RefPattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for RefPattern {}
