//! Why a text is no filter, in words.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::MAX_LENGTH;
use crate::text::escape::visible;

/// A problem in a filter, and its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct FilterError {
    /// The bytes of the filter with the problem.
    pub span: Range<usize>,
    pub problem: FilterProblem,
}

impl FilterError {
    /// Returns `filter` and a second line that points at the problem.
    pub fn pointed_out(&self, filter: &str) -> String {
        let before = visible(filter.get(..self.span.start).unwrap_or_default()).width();
        let fault = visible(filter.get(self.span.clone()).unwrap_or_default()).width();
        format!(
            "{}\n{}{}",
            visible(filter),
            " ".repeat(before),
            "^".repeat(fault.max(1))
        )
    }
}

/// A problem with a term.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterProblem {
    #[error("the filter has more than {MAX_LENGTH} bytes")]
    TooLong,
    /// A `!` with no term after it, or with another `!`.
    #[error("`!` must be directly in front of the term that it negates")]
    NothingNegated,
    /// A quote that is not closed, or that is followed by text.
    #[error("a quote ends with `\"` and a blank; a quote inside is written twice")]
    Unquoted,
    /// No field name before an operator.
    #[error("the operator needs a field in front of it; text in quotes is searched in names")]
    NoField,
    /// An unknown field name before an operator.
    #[error("there is no field `{}`{}; in quotes it is looked for in names", visible(.name), nearest_hint(*.nearest))]
    UnknownField {
        /// The unknown name.
        name: Box<str>,
        /// The most similar field.
        nearest: Option<&'static str>,
    },
    /// An unknown value of `state`.
    #[error("there is no state `{}`{}", visible(.name), nearest_hint(*.nearest))]
    UnknownState {
        /// The unknown name.
        name: Box<str>,
        /// The most similar state.
        nearest: Option<&'static str>,
    },
    /// The field does not support the operator.
    #[error("`{field}` takes {operators}")]
    WrongOperator {
        field: &'static str,
        /// The operators that the field supports.
        operators: &'static str,
    },
    /// No value after the operator.
    #[error("a value follows the operator")]
    NoValue,
    /// The field cannot have this value.
    #[error("{}", visible(.0))]
    WrongValue(Box<str>),
    /// The regular expression is invalid, or needs too much memory.
    #[error("`{}` is not a regular expression that can be used", visible(.0))]
    WrongPattern(Box<str>),
}

fn nearest_hint(nearest: Option<&str>) -> String {
    nearest
        .map(|nearest| format!(" (did you mean `{nearest}`?)"))
        .unwrap_or_default()
}
