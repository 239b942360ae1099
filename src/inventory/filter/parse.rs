//! Parses the text of a filter into terms.

use std::ops::Range;

use jiff::SignedDuration;
use regex::Regex;

use super::{Comparison, DigestPrefix, FilterPattern, FilterTextField, NumberField, Term, Test};
use crate::text::pattern::{self, Case, Glob, has_glob_syntax, is_glob};
use crate::text::units::{parse_duration, parse_size};

mod error;

pub use error::{FilterError, FilterProblem};

/// The maximum length of a filter in bytes: far more than people type, and short enough for fast
/// matching.
const MAX_LENGTH: usize = 1024;

/// The values of `state`: those of blobs and other objects, of records, and of build steps.
pub const STATES: [&str; 12] = [
    "live",
    "orphan",
    "missing",
    "undetermined",
    "awaited",
    "partial",
    "unknown",
    "result",
    "key-only",
    "broken",
    "hit",
    "miss",
];

const FIELDS: [(&str, FilterField); 15] = [
    ("size", FilterField::Size(NumberField::Size)),
    ("exclusive", FilterField::Size(NumberField::Exclusive)),
    ("age", FilterField::Age),
    ("ref", FilterField::Text(FilterTextField::Ref)),
    ("name", FilterField::Text(FilterTextField::Name)),
    ("step", FilterField::Text(FilterTextField::Step)),
    ("digest", FilterField::Digest),
    ("kind", FilterField::Text(FilterTextField::Kind)),
    ("state", FilterField::State),
    ("layers", FilterField::Count(NumberField::Layers)),
    ("records", FilterField::Count(NumberField::Records)),
    ("refs", FilterField::Count(NumberField::Refs)),
    ("platform", FilterField::Text(FilterTextField::Platform)),
    ("path", FilterField::Text(FilterTextField::Path)),
    ("change", FilterField::Text(FilterTextField::Change)),
];

/// Returns the names that can precede an operator.
pub fn fields() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().map(|(field, _)| field)
}

/// The operators; longer ones come before their prefixes.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::Compare(Comparison::AtLeast)),
    ("<=", Operator::Compare(Comparison::AtMost)),
    (">", Operator::Compare(Comparison::More)),
    ("<", Operator::Compare(Comparison::Less)),
    ("=", Operator::Compare(Comparison::Equal)),
    (":", Operator::Compare(Comparison::Equal)),
    ("~", Operator::Match),
];

/// The type of a field's value.
#[derive(Clone, Copy)]
enum FilterField {
    Size(NumberField),
    Count(NumberField),
    Age,
    Text(FilterTextField),
    State,
    Digest,
}

#[derive(Clone, Copy)]
enum Operator {
    Compare(Comparison),
    Match,
}

/// Parses all terms of a filter.
pub(super) fn terms(filter: &str) -> Result<Vec<Term>, FilterError> {
    if filter.len() > MAX_LENGTH {
        return Err(fault(0..filter.len(), FilterProblem::TooLong));
    }
    let mut terms = Vec::new();
    let mut at = skip_blanks(filter, 0);
    while at < filter.len() {
        let (term, end) = read_term(filter, at)?;
        terms.push(term);
        at = skip_blanks(filter, end);
    }
    Ok(terms)
}

fn fault(span: Range<usize>, problem: FilterProblem) -> FilterError {
    FilterError { span, problem }
}

fn skip_blanks(filter: &str, at: usize) -> usize {
    filter.len() - filter[at..].trim_start().len()
}

/// Parses the term that begins at `start`; also returns its end.
fn read_term(filter: &str, start: usize) -> Result<(Term, usize), FilterError> {
    let negated = filter[start..].starts_with('!');
    let word = start + usize::from(negated);
    if negated
        && filter[word..]
            .chars()
            .next()
            .is_none_or(|next| next == '!' || next.is_whitespace())
    {
        return Err(fault(start..word, FilterProblem::NothingNegated));
    }
    let (test, end) = read_test(filter, word)?;
    Ok((
        Term {
            negated,
            test,
            written: filter[word..end].into(),
        },
        end,
    ))
}

/// Parses a term without its `!`.
fn read_test(filter: &str, start: usize) -> Result<(Test, usize), FilterError> {
    let word = &filter[start..];
    let name_length = word
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .unwrap_or(word.len());
    let (name, rest) = word.split_at(name_length);
    let operator = OPERATORS
        .into_iter()
        .find(|(sign, _)| !is_algorithm(name) && rest.starts_with(sign));
    let Some((sign, operator)) = operator else {
        let (value, end) = read_value(filter, start, &['"'])?;
        let test = if word.starts_with('"') {
            contains(&value)
        } else {
            bare(&value)
        };
        return test
            .map(|test| (test, end))
            .map_err(|problem| fault(start..end, problem));
    };

    let sign_start = start + name_length;
    let value_start = sign_start + sign.len();
    if name.is_empty() {
        return Err(fault(sign_start..value_start, FilterProblem::NoField));
    }
    let (name, field) = field(name).ok_or_else(|| {
        let nearest = nearest(name, fields());
        fault(
            start..sign_start,
            FilterProblem::UnknownField {
                name: name.into(),
                nearest,
            },
        )
    })?;
    let (value, end) = read_value(filter, value_start, &['"', '\''])?;
    if end == value_start {
        return Err(fault(start..end, FilterProblem::NoValue));
    }
    let test = compare(name, field, operator, &value).map_err(|problem| match problem {
        FilterProblem::WrongOperator { .. } => fault(sign_start..value_start, problem),
        _ => fault(value_start..end, problem),
    })?;
    Ok((test, end))
}

/// Reads the value that begins at `start`, with or without one of these quotes; returns its end,
/// too.
fn read_value(filter: &str, start: usize, quotes: &[char]) -> Result<(String, usize), FilterError> {
    let text = &filter[start..];
    let quote = text.chars().next().filter(|first| quotes.contains(first));
    let Some((quote, quoted)) = quote.and_then(|quote| Some((quote, text.strip_prefix(quote)?)))
    else {
        let length = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..length].to_owned(), start + length));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        if character != quote {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else if characters
            .peek()
            .is_none_or(|(_, next)| next.is_whitespace())
        {
            // Each quote is one byte.
            return Ok((value, start + index + 2));
        } else {
            break;
        }
    }
    Err(fault(start..filter.len(), FilterProblem::Unquoted))
}

fn is_algorithm(name: &str) -> bool {
    ["sha256", "sha512"]
        .iter()
        .any(|algorithm| name.eq_ignore_ascii_case(algorithm))
}

fn field(name: &str) -> Option<(&'static str, FilterField)> {
    FIELDS
        .into_iter()
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
}

/// Returns the test for a word without an operator.
fn bare(word: &str) -> Result<Test, FilterProblem> {
    let lower = word.to_lowercase();
    match lower.as_str() {
        "shared" => Ok(Test::Shared),
        "tagged" => Ok(Test::Tagged),
        "live" | "orphan" | "missing" => Ok(Test::Text(
            FilterTextField::State,
            FilterPattern::Whole(lower.into()),
        )),
        _ if lower.starts_with("sha256:") || lower.starts_with("sha512:") => {
            digest_prefix(word).map(Test::Digest)
        }
        _ => contains(word),
    }
}

/// Returns the test that searches for `word` in names.
fn contains(word: &str) -> Result<Test, FilterProblem> {
    let pattern = if is_glob(word) {
        glob(word)
    } else {
        regex(&regex::escape(word)).map(FilterPattern::Regex)
    };
    pattern.map(|pattern| Test::Text(FilterTextField::Name, pattern))
}

fn compare(
    name: &'static str,
    field: FilterField,
    operator: Operator,
    value: &str,
) -> Result<Test, FilterProblem> {
    use Operator::{Compare, Match};
    let wrong_value = |message: String| FilterProblem::WrongValue(message.into());
    let wrong_operator = |operators| FilterProblem::WrongOperator {
        field: name,
        operators,
    };
    match (field, operator) {
        (FilterField::Size(field), Compare(comparison)) => parse_size(value)
            .map(|size| Test::Number(field, comparison, size))
            .map_err(wrong_value),
        (FilterField::Count(field), Compare(comparison)) => value
            .parse()
            .map(|count| Test::Number(field, comparison, count))
            .map_err(|_| wrong_value(format!("`{value}` is not a whole number"))),
        (FilterField::Size(_) | FilterField::Count(_), Match) => {
            Err(wrong_operator("`>`, `>=`, `<`, `<=`, `=` or `:`"))
        }
        (FilterField::Age, Match | Compare(Comparison::Equal)) => {
            Err(wrong_operator("`>`, `>=`, `<` or `<=`"))
        }
        (FilterField::Age, Compare(comparison)) => parse_duration(value)
            .and_then(|age| SignedDuration::try_from(age).map_err(|error| error.to_string()))
            .map(|age| Test::Age(comparison, age))
            .map_err(wrong_value),
        (FilterField::Text(field), Match) => {
            regex(value).map(|regex| Test::Text(field, FilterPattern::Regex(regex)))
        }
        (FilterField::Text(field), Compare(Comparison::Equal)) => {
            whole(field, value).map(|pattern| Test::Text(field, pattern))
        }
        (FilterField::Text(_), Compare(_)) => Err(wrong_operator("`=`, `:` or `~`")),
        (FilterField::State, Compare(Comparison::Equal)) => state(value),
        (FilterField::Digest, Compare(Comparison::Equal)) => digest_prefix(value).map(Test::Digest),
        (FilterField::State | FilterField::Digest, _) => Err(wrong_operator("`=` or `:`")),
    }
}

fn state(word: &str) -> Result<Test, FilterProblem> {
    let state = STATES
        .into_iter()
        .find(|state| state.eq_ignore_ascii_case(word))
        .ok_or_else(|| FilterProblem::UnknownState {
            name: word.into(),
            nearest: nearest(word, STATES.into_iter()),
        })?;
    Ok(Test::Text(
        FilterTextField::State,
        FilterPattern::Whole(state.into()),
    ))
}

fn digest_prefix(text: &str) -> Result<DigestPrefix, FilterProblem> {
    let wrong = || FilterProblem::WrongValue(format!("`{text}` is not how a digest begins").into());
    let (algorithm, hex) = match text.split_once(':') {
        Some((algorithm, hex)) if algorithm.eq_ignore_ascii_case("sha256") => (Some("sha256"), hex),
        Some((algorithm, hex)) if algorithm.eq_ignore_ascii_case("sha512") => (Some("sha512"), hex),
        Some(_) => return Err(wrong()),
        None => (None, text),
    };
    let digit = |character: char| {
        character
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let digits = hex
        .chars()
        .map(digit)
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(wrong)?;
    Ok(DigestPrefix { algorithm, digits })
}

fn whole(field: FilterTextField, text: &str) -> Result<FilterPattern, FilterProblem> {
    // The names of steps contain brackets and braces themselves.
    let is_glob = match field {
        FilterTextField::Step => is_glob(text),
        _ => has_glob_syntax(text),
    };
    if is_glob {
        return match field {
            FilterTextField::Step => wildcards(text),
            _ => glob(text),
        };
    }
    Ok(FilterPattern::Whole(
        text.chars().flat_map(char::to_lowercase).collect(),
    ))
}

/// Compiles a glob in which all characters but `*` and `?` stand for themselves.
fn glob(text: &str) -> Result<FilterPattern, FilterProblem> {
    match Glob::new(text, Case::Ignored) {
        Ok(glob) => Ok(FilterPattern::Glob(glob)),
        Err(_) => wildcards(text),
    }
}

fn wildcards(text: &str) -> Result<FilterPattern, FilterProblem> {
    pattern::wildcards(text, Case::Ignored)
        .map(FilterPattern::Regex)
        .map_err(|_| FilterProblem::WrongPattern(text.into()))
}

fn regex(text: &str) -> Result<Regex, FilterProblem> {
    pattern::regex(text, Case::Ignored).map_err(|_| FilterProblem::WrongPattern(text.into()))
}

/// Returns the word that `name` was probably meant to be.
fn nearest(name: &str, words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    words
        .map(|word| (edits(&name, word), word))
        .filter(|(edits, word)| *edits <= 2 && *edits * 2 < word.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Returns the number of letters to insert, drop or replace to turn `from` into `to`.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, from) in from.bytes().enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (column, to) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
