//! The values that a variable may have.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::ScriptWord;
use crate::format::located::Located;

/// The most values of a variable that are kept.
pub(super) const MOST_VARIANTS: usize = 16;
/// The most elements of an array that are kept.
const MOST_ELEMENTS: usize = 500;

/// A value of a variable.
#[derive(Debug, Clone)]
pub(in crate::find) struct Variant {
    pub(in crate::find) text: Located,
    /// The conditions under which it has this value.
    pub(in crate::find) when: Vec<String>,
    /// Whether it cannot be changed from outside the script.
    pub(in crate::find) sure: bool,
}

impl Variant {
    pub(in crate::find) fn of(text: Located) -> Self {
        Self {
            text,
            when: Vec::new(),
            sure: false,
        }
    }
}

/// An element of an array.
pub(in crate::find) type Element = ScriptWord;

/// A variable.
#[derive(Debug, Clone)]
pub(in crate::find) enum Variable {
    Scalar(Vec<Variant>),
    Array(Vec<Element>),
}

impl Variable {
    /// Joins the values from two branches.
    fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Scalar(mine), Self::Scalar(theirs)) => Self::Scalar(unite(mine, theirs)),
            (Self::Array(mine), Self::Array(theirs)) => {
                let mut elements = mine;
                for element in theirs {
                    let known = elements.iter().any(|e| e.text == element.text);
                    if !known && elements.len() < MOST_ELEMENTS {
                        elements.push(element);
                    }
                }
                Self::Array(elements)
            }
            (Self::Array(elements), Self::Scalar(_)) | (Self::Scalar(_), Self::Array(elements)) => {
                Self::Array(elements)
            }
        }
    }
}

/// Joins variants. A list of flags is dropped if another variant extends it.
pub(super) fn unite(mut mine: Vec<Variant>, theirs: Vec<Variant>) -> Vec<Variant> {
    for variant in theirs {
        let text = variant.text.as_str();
        if let Some(known) = mine.iter_mut().find(|v| v.text.as_str() == text) {
            known.sure &= variant.sure;
            continue;
        }
        let extends = |long: &str, short: &str| {
            long.strip_prefix(short).is_some_and(|rest| {
                rest.starts_with([' ', '\n']) && rest.trim_start().starts_with('-')
            })
        };
        if mine.iter().any(|v| extends(v.text.as_str(), text)) {
            continue;
        }
        mine.retain(|v| !extends(text, v.text.as_str()));
        if mine.len() >= MOST_VARIANTS {
            mine.remove(0);
        }
        mine.push(variant);
    }
    mine
}

/// The variables of a script. A branch shares them until it changes one.
#[derive(Debug, Clone, Default)]
pub(super) struct ScriptVariables(Rc<HashMap<String, Variable>>);

impl Deref for ScriptVariables {
    type Target = HashMap<String, Variable>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for ScriptVariables {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Rc::make_mut(&mut self.0)
    }
}

impl FromIterator<(String, Variable)> for ScriptVariables {
    fn from_iter<T: IntoIterator<Item = (String, Variable)>>(variables: T) -> Self {
        Self(Rc::new(variables.into_iter().collect()))
    }
}

/// Joins the variables from several branches. A variable that a branch does not have counts as
/// empty there.
pub(super) fn merge(mut branches: Vec<ScriptVariables>) -> ScriptVariables {
    branches.dedup_by(|a, b| Rc::ptr_eq(&a.0, &b.0));
    if let [_] = branches.as_slice() {
        return branches.pop().unwrap_or_default();
    }
    let mut merged: HashMap<String, Variable> = HashMap::new();
    for branch in branches {
        for (name, variable) in Rc::unwrap_or_clone(branch.0) {
            let value = match merged.remove(&name) {
                Some(known) => known.merged(variable),
                None => variable,
            };
            merged.insert(name, value);
        }
    }
    for variable in merged.values_mut() {
        if let Variable::Scalar(variants) = variable
            && variants.len() > 1
        {
            for variant in variants {
                variant.sure = false;
            }
        }
    }
    merged.into_iter().collect()
}
