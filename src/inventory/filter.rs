//! The filter language of `--filter` and of `/` in the terminal UI:
//! `size>1G age>30d ref~^pr- state:orphan !shared`.
//!
//! Blanks separate terms, and all terms must hold; `!` before a term negates it.
//!
//! - Numbers, with `>` `>=` `<` `<=` `=` `:`: `size>1G`, `exclusive<=500MB`, `layers>=3`,
//!   `records=0`, `refs<2`.
//! - The time since creation, with `>` `>=` `<` `<=`: `age>30d`, `age<"2w 3h"`.
//! - Texts: `=` or `:` compare the whole text, `~` searches with a regular expression: `ref:pr-*`,
//!   `step~npm`, and `name`, `kind`, `platform`, `path` (of a file in a layer),
//!   `change` (`added`, `changed` or `deleted` by its layer). In a whole text,
//!   `*` matches any text and `?` any character.
//! - States: `state:orphan`, and `live`, `missing`, `undetermined`, `awaited`, `partial`, `unknown`
//!   for stored objects, `result`, `key-only`, `broken` for records.
//! - Digests by their first digits: `digest:5891b5`, `sha256:5891b5`.
//! - Flags: `live`, `orphan`, `missing` (the state), `shared` (more than one ref uses it), `tagged`
//!   (a tag names it).
//! - Any other word is searched in names: `main`, `"two words"`; with `*` or `?` it matches the
//!   whole name.
//!
//! Upper and lower case are the same. A value in quotes may hold blanks; `""` in it is one quote.
//! After an operator, single quotes do the same: `step~'apt-get (update|upgrade)'`.
//!
//! A row without a value for a field matches no term about that field, not even a negated one:
//! selected rows may be deleted, and an unknown age must not select a row.

mod parse;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

pub use self::parse::{FilterError, FilterProblem, STATES, fields};
use crate::format::digest::Digest;
use crate::text::pattern::Glob;

/// A row as a filter sees it. Values that the row does not have are `None`.
pub trait FilterSubject {
    /// Returns whether one of the row's values of `field` passes `test`; `None` if the row has
    /// none.
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        let _ = (field, test);
        None
    }

    /// Returns the number in `field`; sizes are bytes.
    fn number(&self, field: NumberField) -> Option<u64> {
        let _ = field;
        None
    }

    /// Returns the creation time of the row's subject.
    fn created(&self) -> Option<Timestamp> {
        None
    }

    /// Returns the digest of the row's subject.
    fn digest(&self) -> Option<Digest> {
        None
    }

    /// Returns whether a tag names it.
    fn tagged(&self) -> Option<bool> {
        None
    }

    /// Returns whether more than one ref uses it.
    fn shared(&self) -> Option<bool> {
        self.number(NumberField::Refs).map(|refs| refs > 1)
    }
}

/// A field that holds texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterTextField {
    /// The displayed name.
    Name,
    /// The refs that it belongs to; for a ref, its own name.
    Ref,
    /// The steps that created it.
    Step,
    /// Its kind, as JSON output names it.
    Kind,
    /// Its state, as JSON output names it.
    State,
    /// Its platforms, such as `linux/amd64`.
    Platform,
    /// The path of a file in its layer.
    Path,
    /// The change of a path by its layer.
    Change,
}

/// A field that holds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberField {
    /// Its size in bytes.
    Size,
    /// The bytes that nothing else uses.
    Exclusive,
    Layers,
    Records,
    /// The number of refs that use it.
    Refs,
}

/// A filter: rows that match every term pass.
///
/// It prints as the text that it was parsed from, with one blank between terms. That text parses to
/// an equal filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Parses a filter; an empty one matches everything.
    ///
    /// # Errors
    /// Returns the problem of the first wrong term, and its position.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::terms(text).map(|terms| Self { terms })
    }

    /// Returns whether the filter matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns whether `subject` matches every term at the time `now`.
    pub fn matches<S: FilterSubject + ?Sized>(&self, subject: &S, now: Timestamp) -> bool {
        self.terms
            .iter()
            .all(|term| term.test.holds(subject, now) == Some(!term.negated))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            write!(
                f,
                "{blank}{}{}",
                if term.negated { "!" } else { "" },
                term.written
            )?;
        }
        Ok(())
    }
}

/// A test, its expected result, and the source text.
#[derive(Debug, Clone)]
struct Term {
    negated: bool,
    test: Test,
    /// The source text of the term, without its `!`; the test is derived from it.
    written: Box<str>,
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        (self.negated, &self.written) == (other.negated, &other.written)
    }
}

impl Eq for Term {}

#[derive(Debug, Clone)]
enum Test {
    Number(NumberField, Comparison, u64),
    Age(Comparison, SignedDuration),
    Text(FilterTextField, FilterPattern),
    Digest(DigestPrefix),
    Shared,
    Tagged,
}

impl Test {
    /// Returns whether the test holds; `None` if `subject` has no value for it.
    fn holds<S: FilterSubject + ?Sized>(&self, subject: &S, now: Timestamp) -> Option<bool> {
        match self {
            Self::Number(field, comparison, limit) => subject
                .number(*field)
                .map(|number| comparison.holds(&number, limit)),
            Self::Age(comparison, limit) => subject
                .created()
                .map(|created| comparison.holds(&now.duration_since(created), limit)),
            Self::Text(field, pattern) => {
                subject.any_text(*field, &mut |text| pattern.matches(text))
            }
            Self::Digest(prefix) => subject.digest().map(|digest| prefix.begins(&digest)),
            Self::Shared => subject.shared(),
            Self::Tagged => subject.tagged(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Comparison {
    fn holds<T: Ord>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::Equal => value == limit,
            Self::AtLeast => value >= limit,
            Self::More => value > limit,
        }
    }
}

#[derive(Debug, Clone)]
enum FilterPattern {
    /// The whole text, in lower case.
    Whole(Box<str>),
    /// The whole text.
    Glob(Glob),
    /// A part of the text, or a pattern of the whole.
    Regex(Regex),
}

impl FilterPattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => text.chars().flat_map(char::to_lowercase).eq(whole.chars()),
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// The beginning of a digest, in hexadecimal digits.
#[derive(Debug, Clone)]
struct DigestPrefix {
    /// `sha256` or `sha512`, if written.
    algorithm: Option<&'static str>,
    /// The value of each digit.
    digits: Vec<u8>,
}

impl DigestPrefix {
    fn begins(&self, digest: &Digest) -> bool {
        let of_digest = digest
            .as_bytes()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf]);
        self.algorithm
            .is_none_or(|algorithm| algorithm == digest.algorithm())
            && self.digits.len() <= digest.as_bytes().len() * 2
            && self
                .digits
                .iter()
                .copied()
                .zip(of_digest)
                .all(|(wanted, found)| wanted == found)
    }
}

#[cfg(test)]
mod tests;
