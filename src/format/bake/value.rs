//! The values of expressions.

use crate::format::located::{Located, TextPlace};
use crate::format::unknown::has_mark;

/// How many alternatives of a value are kept.
pub(super) const MOST_ALTERNATIVES: usize = 16;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum BakeValue {
    Null,
    /// A boolean.
    Truth(bool),
    Number(f64),
    /// Text, possibly with unknown parts.
    Text(Located),
    /// A list or a tuple.
    List(Vec<BakeValue>),
    /// A set: its items are distinct and sorted.
    Set(Vec<BakeValue>),
    /// A map or an object, in source order.
    Map(Vec<(String, BakeValue)>),
    /// One of several values, each with its condition.
    Either(Vec<(String, BakeValue)>),
}

impl BakeValue {
    pub(super) fn text(text: impl Into<String>, place: TextPlace) -> Self {
        Self::Text(Located::new(text, place))
    }

    /// Returns the text of the value in a template.
    pub(super) fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.as_str().to_owned()),
            Self::Truth(truth) => Some(truth.to_string()),
            Self::Number(number) => Some(super::numbers::show(*number)),
            _ => None,
        }
    }

    /// Returns whether a part of the value is unknown.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Text(text) => has_mark(text.as_str()),
            Self::List(items) | Self::Set(items) => items.iter().any(Self::is_open),
            Self::Map(entries) => entries.iter().any(|(_, value)| value.is_open()),
            Self::Either(_) => true,
            _ => false,
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(*truth),
            Self::Text(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => super::numbers::parse(text.as_str()),
            _ => None,
        }
    }

    /// Converts a text, a number or a boolean to text.
    pub(super) fn as_text_value(&self) -> Option<Self> {
        match self {
            Self::Text(_) => Some(self.clone()),
            other => other
                .to_text()
                .map(|text| Self::text(text, TextPlace::default())),
        }
    }

    /// Returns the items of a list, or the values of a map.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) | Self::Set(items) => Some(items.clone()),
            Self::Map(entries) => Some(entries.iter().map(|(_, value)| value.clone()).collect()),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .rfind(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns whether two values are equal; `None` if a part is unknown.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        if self.is_open() || other.is_open() {
            return None;
        }
        let number = matches!(self, Self::Number(_)) && matches!(other, Self::Number(_));
        if number {
            return Some(self.number() == other.number());
        }
        Some(match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.as_str() == b.as_str(),
            (Self::List(a), Self::List(b)) | (Self::Set(a), Self::Set(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b) == Some(true))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| {
                        other
                            .get(key)
                            .is_some_and(|o| value.equals(o) == Some(true))
                    })
            }
            (a, b) => a == b,
        })
    }
}

/// Applies a function to each alternative of a value.
pub(super) fn each<E>(
    value: BakeValue,
    mut apply: impl FnMut(BakeValue) -> Result<BakeValue, E>,
) -> Result<BakeValue, E> {
    let BakeValue::Either(alternatives) = value else {
        return apply(value);
    };
    let mut results = Vec::new();
    for (condition, alternative) in alternatives {
        match apply(alternative)? {
            BakeValue::Either(inner) => {
                for (more, value) in inner {
                    let both = if more == condition {
                        more
                    } else {
                        format!("{condition} and {more}")
                    };
                    results.push((both, value));
                }
            }
            value => results.push((condition, value)),
        }
        if results.len() >= MOST_ALTERNATIVES {
            break;
        }
    }
    Ok(BakeValue::Either(results))
}
