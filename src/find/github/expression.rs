//! Expressions of GitHub workflows, evaluated as far as a file alone allows.

use std::collections::HashMap;

use crate::find::script::Variant;
use crate::find::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::tree::TreeNode;
use crate::format::unknown::has_mark;

mod evaluator;

/// The most values of one text that are kept.
const MOST: usize = 16;
/// The deepest nesting of expressions.
const DEPTH: usize = 32;

/// The names that expressions may refer to.
#[derive(Clone)]
pub(super) struct ExpressionContexts<'s> {
    session: &'s FindSession<'s>,
    pub(super) env: HashMap<String, Vec<Variant>>,
    /// The defaults of inputs.
    inputs: HashMap<String, Located>,
    /// The outputs of earlier steps and jobs, by `steps.id.name` and `needs.job.name`.
    pub(super) outputs: HashMap<String, Vec<Variant>>,
}

/// A value of an expression.
#[derive(Debug, Clone)]
enum ExpressionValue {
    Text(Located),
    Truth(bool),
    /// Unknown, with its source.
    Open(String),
}

/// A value and its conditions.
#[derive(Debug, Clone)]
struct ExpressionBranch {
    outcome: ExpressionValue,
    when: Vec<String>,
    /// Whether it is the default of an input, which a caller may replace.
    is_default: bool,
}

impl ExpressionBranch {
    fn new(outcome: ExpressionValue) -> Self {
        Self {
            outcome,
            when: Vec::new(),
            is_default: false,
        }
    }

    fn truth(&self) -> Option<bool> {
        match &self.outcome {
            ExpressionValue::Text(text) if self.is_default && text.is_empty() => None,
            ExpressionValue::Truth(_) if self.is_default => None,
            ExpressionValue::Text(text) if has_mark(text.as_str()) => Some(true),
            ExpressionValue::Text(text) => Some(!text.is_empty() && text.as_str() != "0"),
            ExpressionValue::Truth(truth) => Some(*truth),
            ExpressionValue::Open(_) => None,
        }
    }

    /// Whether it is a value of the matrix, which is not evaluated.
    fn is_of_matrix(&self) -> bool {
        matches!(&self.outcome, ExpressionValue::Open(source) if source.starts_with("matrix."))
    }

    fn under(mut self, condition: &str) -> Self {
        if !self.when.iter().any(|known| known == condition) {
            self.when.push(condition.to_owned());
        }
        self
    }

    fn with(mut self, conditions: &[String]) -> Self {
        for condition in conditions {
            self = self.under(condition);
        }
        self
    }
}

impl<'s> ExpressionContexts<'s> {
    pub(super) fn new(session: &'s FindSession<'s>) -> Self {
        Self {
            session,
            env: HashMap::new(),
            inputs: HashMap::new(),
            outputs: HashMap::new(),
        }
    }

    /// Adds the defaults of inputs.
    pub(super) fn inputs(&mut self, inputs: TreeNode<'_>) {
        for (name, input) in inputs.entries() {
            if let Some(default) = input.get("default").and_then(TreeNode::text) {
                let default = self.evaluate(default);
                if let [only] = default.as_slice() {
                    self.inputs
                        .insert(name.as_str().to_owned(), only.text.clone());
                }
            }
        }
    }

    /// Adds the inputs that a caller gives, as far as it gives one value. `outside` is what the
    /// caller knows.
    pub(super) fn given(&mut self, with: Option<TreeNode<'_>>, outside: &Self) {
        for (name, value) in with.into_iter().flat_map(TreeNode::entries) {
            let Some(text) = value.text() else { continue };
            if let [only] = outside.evaluate(text).as_slice() {
                self.inputs
                    .insert(name.as_str().to_owned(), only.text.clone());
            }
        }
    }

    /// Adds variables of the environment.
    pub(super) fn env(&mut self, env: Option<TreeNode<'_>>) {
        let mut added = Vec::new();
        for (name, value) in env.into_iter().flat_map(TreeNode::entries) {
            if let Some(text) = value.scalar() {
                added.push((name.as_str().to_owned(), self.evaluate(text)));
            }
        }
        self.env.extend(added);
    }

    /// Replaces the expressions of a text.
    pub(super) fn evaluate(&self, text: &Located) -> Vec<Variant> {
        let mut variants = vec![Variant {
            text: Located::default(),
            when: Vec::new(),
            sure: true,
        }];
        let source = text.as_str();
        let mut position = 0;
        while let Some(found) = source[position..].find("${{") {
            let start = position + found;
            let Some(end) = closing(&source[start..]).map(|end| start + end) else {
                break;
            };
            append(&mut variants, &text.slice(position, start));
            let place = text.place_at(start);
            let values = self.expression(&source[start + 3..end], place);
            variants = product(&variants, &values);
            position = end + 2;
        }
        append(&mut variants, &text.slice(position, source.len()));
        variants
    }

    /// Returns the values of an expression as text.
    fn expression(&self, source: &str, place: TextPlace) -> Vec<Variant> {
        let source = source.trim();
        let branches = match evaluator::evaluate(self, source, place) {
            Some(branches) if !branches.is_empty() => branches,
            _ => vec![ExpressionBranch::new(ExpressionValue::Open(shortened(
                source,
            )))],
        };
        let variant = |branch: ExpressionBranch| Variant {
            text: self.text_of(&branch.outcome, place),
            when: branch.when,
            sure: false,
        };
        branches.into_iter().map(variant).collect()
    }

    fn text_of(&self, outcome: &ExpressionValue, place: TextPlace) -> Located {
        match outcome {
            ExpressionValue::Text(text) => text.used_at(place),
            ExpressionValue::Truth(true) => Located::new("true", place),
            ExpressionValue::Truth(false) => Located::new("", place),
            ExpressionValue::Open(source) => self.session.unknown(source, place),
        }
    }

    fn context(&self, path: &str) -> Vec<ExpressionBranch> {
        let lower = path.to_lowercase();
        let is_default = path.starts_with("inputs.") || path.starts_with("github.event.inputs.");
        let variants = if let Some(name) = path.strip_prefix("env.") {
            self.env.get(name).cloned()
        } else if let Some(name) = path
            .strip_prefix("inputs.")
            .or_else(|| path.strip_prefix("github.event.inputs."))
        {
            self.inputs
                .get(name)
                .map(|text| vec![Variant::of(text.clone())])
        } else {
            // `steps.ID.outputs.NAME` and `needs.JOB.outputs.NAME`
            let output = lower.replace(".outputs.", ".");
            self.outputs.get(&output).cloned()
        };
        match variants {
            Some(variants) => {
                let branch = |variant: Variant| ExpressionBranch {
                    outcome: match variant.text.as_str() {
                        "true" => ExpressionValue::Truth(true),
                        "false" => ExpressionValue::Truth(false),
                        _ => ExpressionValue::Text(variant.text),
                    },
                    when: variant.when,
                    is_default,
                };
                variants.into_iter().map(branch).collect()
            }
            None => vec![ExpressionBranch::new(ExpressionValue::Open(
                path.to_owned(),
            ))],
        }
    }
}

fn append(variants: &mut [Variant], text: &Located) {
    for variant in variants {
        variant.text.push(text);
    }
}

fn product(before: &[Variant], values: &[Variant]) -> Vec<Variant> {
    let mut all = Vec::new();
    for first in before {
        for second in values {
            if all.len() >= MOST {
                return all;
            }
            let mut next = first.clone();
            next.text.push(&second.text);
            for condition in &second.when {
                if !next.when.contains(condition) {
                    next.when.push(condition.clone());
                }
            }
            next.sure = false;
            all.push(next);
        }
    }
    all
}

/// Returns the offset of the `}}` that closes an expression; strings may hold braces.
pub(super) fn closing(text: &str) -> Option<usize> {
    let mut in_string = false;
    for (offset, character) in text.char_indices().skip(3) {
        match character {
            '\'' => in_string = !in_string,
            '}' if !in_string && text[offset..].starts_with("}}") => return Some(offset),
            _ => {}
        }
    }
    text.find("}}")
}

fn shortened(source: &str) -> String {
    let joined: Vec<&str> = source.split_whitespace().collect();
    joined.join(" ").chars().take(100).collect()
}
