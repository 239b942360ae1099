//! The values of a configuration.

use oxc_ast::ast::{ArrowFunctionBody, FormalParameters, FunctionBody};

use super::module::ModuleId;
use crate::format::located::{Located, TextPlace};

/// The most alternatives of a value that are kept.
const MOST: usize = 16;

/// A value of `JavaScript`, as far as it is known.
#[derive(Debug, Clone)]
pub(super) enum Js<'a> {
    Undefined,
    Null,
    Truth(bool, TextPlace),
    Number(f64, TextPlace),
    /// Text, possibly with unknown parts.
    Text(Located),
    List(Vec<Js<'a>>),
    Map(Vec<(String, Js<'a>)>),
    Function(JsFunction<'a>),
    /// One of several values, each with its condition.
    Either(Vec<(String, Js<'a>)>),
}

/// A function with its scope.
#[derive(Debug, Clone)]
pub(super) struct JsFunction<'a> {
    pub(super) parameters: &'a FormalParameters<'a>,
    pub(super) body: JsBody<'a>,
    pub(super) module: ModuleId,
    pub(super) locals: Vec<(String, Js<'a>)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum JsBody<'a> {
    Arrow(&'a ArrowFunctionBody<'a>),
    Statements(&'a FunctionBody<'a>),
}

impl Js<'_> {
    /// Returns a property.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .rfind(|(name, _)| name == key)
                .map(|(_, value)| value.clone()),
            Self::List(items) if key == "length" => {
                Some(Self::Number(items.len() as f64, TextPlace::default()))
            }
            Self::List(items) => key
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index))
                .cloned(),
            Self::Either(alternatives) => {
                let found = alternatives.iter().map(|(condition, value)| {
                    (condition.clone(), value.get(key).unwrap_or(Self::Undefined))
                });
                Some(Self::Either(found.collect()))
            }
            _ => None,
        }
    }

    /// Returns the text of a value; of several, the first.
    pub(super) fn text(&self) -> Option<Located> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number, place) => Some(Located::new(number.to_string(), *place)),
            Self::Truth(truth, place) => Some(Located::new(truth.to_string(), *place)),
            Self::Either(alternatives) => alternatives.iter().find_map(|(_, value)| value.text()),
            _ => None,
        }
    }

    /// Returns the value; of several alternatives, the first that is defined.
    pub(super) fn first(&self) -> Self {
        match self {
            Self::Either(alternatives) => {
                let found = alternatives
                    .iter()
                    .map(|(_, value)| value.first())
                    .find(|value| !matches!(value, Self::Undefined | Self::Null));
                found.unwrap_or(Self::Undefined)
            }
            value => value.clone(),
        }
    }

    /// Returns the alternatives of a value and of its properties.
    pub(super) fn alternatives(&self) -> Vec<(Vec<String>, Self)> {
        match self {
            Self::Either(alternatives) => {
                let mut all = Vec::new();
                for (condition, value) in alternatives {
                    for (mut when, value) in value.alternatives() {
                        when.insert(0, condition.clone());
                        all.push((when, value));
                    }
                }
                all.truncate(MOST);
                all
            }
            Self::Map(entries) => {
                let either = entries
                    .iter()
                    .position(|(_, value)| matches!(value, Self::Either(_)));
                let Some(index) = either else {
                    return vec![(Vec::new(), self.clone())];
                };
                let mut all = Vec::new();
                for (when, value) in entries[index].1.alternatives() {
                    let mut copy = entries.clone();
                    copy[index].1 = value;
                    for (more, value) in Self::Map(copy).alternatives() {
                        all.push(([when.clone(), more].concat(), value));
                    }
                    if all.len() >= MOST {
                        break;
                    }
                }
                all
            }
            value => vec![(Vec::new(), value.clone())],
        }
    }

    /// Whether the value counts as true. Returns `None` if it is unknown.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Undefined | Self::Null => Some(false),
            Self::Truth(truth, _) => Some(*truth),
            Self::Number(number, _) => Some(*number != 0.0),
            Self::Text(text) if crate::format::unknown::has_mark(text.as_str()) => {
                crate::format::unknown::only_mark(text.as_str()).map_or(Some(true), |_| None)
            }
            Self::Text(text) => Some(!text.is_empty()),
            Self::List(_) | Self::Map(_) | Self::Function(_) => Some(true),
            Self::Either(_) => None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Text(text) => crate::format::unknown::has_mark(text.as_str()),
            Self::Either(_) => true,
            _ => false,
        }
    }

    pub(super) fn place(&self) -> Option<TextPlace> {
        match self {
            Self::Text(text) => Some(text.place()),
            Self::Truth(_, place) | Self::Number(_, place) => Some(*place),
            _ => None,
        }
    }

    /// Applies a function to each alternative.
    pub(super) fn each(self, mut apply: impl FnMut(Self) -> Self) -> Self {
        let Self::Either(alternatives) = self else {
            return apply(self);
        };
        let mut results = Vec::new();
        for (condition, value) in alternatives {
            match apply(value) {
                Self::Either(inner) => results.extend(inner.into_iter().map(|(more, value)| {
                    let both = if more == condition {
                        more
                    } else {
                        format!("{condition} and {more}")
                    };
                    (both, value)
                })),
                value => results.push((condition, value)),
            }
        }
        results.truncate(MOST);
        Self::Either(results)
    }
}
