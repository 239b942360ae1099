//! Evaluates expressions.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{Conditional, Expression, Object, ObjectKey, UnaryOp, UnaryOperator};
use hcl_edit::template::Element;

use super::read::{BakeDefinition, BakeSource, Definitions, FileText};
use super::templates::Edges;
use super::value::{BakeValue, each};
use super::{BakeError, BakeOptions, types};
use crate::format::located::{Located, TextPlace};

/// The deepest nesting of evaluations.
const DEPTH: usize = 120;
/// The most expressions that are evaluated.
const STEPS: usize = 2_000_000;
/// The largest number of a source whose digits a float holds.
const LARGEST_LITERAL: f64 = 9e15;

pub(super) type Evaluated = Result<BakeValue, BakeError>;

/// The names that a function, a loop or a matrix defines.
pub(super) type Locals = Vec<(String, BakeValue)>;

/// Evaluates the expressions of a set of definitions.
pub(super) struct Evaluator<'d> {
    pub(super) definitions: &'d Definitions,
    pub(super) options: &'d BakeOptions<'d>,
    values: RefCell<HashMap<String, BakeValue>>,
    pub(super) in_progress: RefCell<HashSet<String>>,
    depth: Cell<usize>,
    steps: Cell<usize>,
}

/// The location of an expression, and the names in scope.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) file: &'s Rc<FileText>,
    /// The location of expressions without one of their own, as in JSON.
    pub(super) place: Option<TextPlace>,
    pub(super) locals: &'s Locals,
}

impl Scope<'_> {
    fn place(&self, expression: &Expression) -> TextPlace {
        self.place.unwrap_or_else(|| {
            self.file
                .place(expression.span().map_or(0, |span| span.start))
        })
    }
}

impl<'d> Evaluator<'d> {
    pub(super) fn new(definitions: &'d Definitions, options: &'d BakeOptions<'d>) -> Self {
        Self {
            definitions,
            options,
            values: RefCell::default(),
            in_progress: RefCell::default(),
            depth: Cell::new(0),
            steps: Cell::new(0),
        }
    }

    /// Evaluates a definition.
    pub(super) fn evaluate(&self, definition: &BakeDefinition, locals: &Locals) -> Evaluated {
        self.source(&definition.source, &definition.file, locals)
    }

    fn source(&self, source: &BakeSource, file: &Rc<FileText>, locals: &Locals) -> Evaluated {
        let scope = |place| Scope {
            file,
            place,
            locals,
        };
        Ok(match source {
            BakeSource::Hcl(expression) => self.expression(expression, scope(None))?,
            BakeSource::Template(template, place) => {
                self.template(template, *place, scope(Some(*place)))?
            }
            BakeSource::List(items) => {
                let items = items.iter().map(|item| self.source(item, file, locals));
                BakeValue::List(items.collect::<Result<_, _>>()?)
            }
            BakeSource::Map(entries) => {
                let entry = |(key, value): &(String, BakeSource)| {
                    Ok((key.clone(), self.source(value, file, locals)?))
                };
                BakeValue::Map(
                    entries
                        .iter()
                        .map(entry)
                        .collect::<Result<_, BakeError>>()?,
                )
            }
            BakeSource::Number(number) => BakeValue::Number(*number),
            BakeSource::Truth(truth) => BakeValue::Truth(*truth),
            BakeSource::Null => BakeValue::Null,
        })
    }

    pub(super) fn expression(&self, expression: &Expression, scope: Scope<'_>) -> Evaluated {
        let place = scope.place(expression);
        self.steps.set(self.steps.get() + 1);
        if self.depth.get() >= DEPTH || self.steps.get() >= STEPS {
            return Err(BakeError::new(
                place,
                "the expression is nested too deeply or too large",
            ));
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.evaluate_kind(expression, place, scope);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn evaluate_kind(
        &self,
        expression: &Expression,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        match expression {
            Expression::Null(_) => Ok(BakeValue::Null),
            Expression::Bool(truth) => Ok(BakeValue::Truth(*truth.value())),
            Expression::Number(number) => literal(number.value().as_f64(), place),
            Expression::String(text) => Ok(BakeValue::text(text.as_str(), place)),
            Expression::Array(items) => {
                let items = items.iter().map(|item| self.expression(item, scope));
                Ok(BakeValue::List(items.collect::<Result<_, _>>()?))
            }
            Expression::Object(object) => self.object(object, place, scope),
            Expression::StringTemplate(template) => {
                let elements: Vec<&Element> = template.iter().collect();
                self.elements(&elements, Edges::default(), place, scope)
            }
            Expression::HeredocTemplate(heredoc) => {
                // The text begins on the line after `<<END`.
                let place = TextPlace::new(place.file, place.line + 1);
                self.template(&heredoc.template, place, scope)
            }
            Expression::Parenthesis(inner) => self.expression(inner.inner(), scope),
            Expression::Variable(name) => self.variable(name.as_str(), place, scope),
            Expression::Conditional(conditional) => self.conditional(conditional, place, scope),
            Expression::FuncCall(call) => self.function_call(call, place, scope),
            Expression::Traversal(traversal) => self.traversal(traversal, place, scope),
            Expression::UnaryOp(operation) => self.unary(operation, place, scope),
            Expression::BinaryOp(operation) => self.binary(operation, place, scope),
            Expression::ForExpr(repeated) => self.repeated(repeated, place, scope),
        }
    }

    fn object(&self, object: &Object, place: TextPlace, scope: Scope<'_>) -> Evaluated {
        let mut entries: Vec<(String, BakeValue)> = Vec::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(key) => {
                    let key = self.expression(key, scope)?;
                    key.to_text()
                        .ok_or_else(|| BakeError::new(place, "a key is not text"))?
                }
            };
            let value = self.expression(value.expr(), scope)?;
            entries.retain(|(known, _)| *known != key);
            entries.push((key, value));
        }
        Ok(BakeValue::Map(entries))
    }

    /// Evaluates a condition. Both branches have one type, so each may change the other.
    fn conditional(
        &self,
        conditional: &Conditional,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        let condition = self.expression(&conditional.cond_expr, scope)?;
        let source = scope.file.source(conditional.cond_expr.span());
        choose(condition, &source, place, |truth| {
            let [chosen, other] = if truth {
                [&conditional.true_expr, &conditional.false_expr]
            } else {
                [&conditional.false_expr, &conditional.true_expr]
            };
            let value = self.expression(chosen, scope)?;
            if self.options.unknowns.is_some() {
                return Ok(value);
            }
            let other = match self.expression(other, scope) {
                Ok(other) => other,
                Err(error) if error.is_gap => return Err(error),
                Err(_) => return Ok(value),
            };
            let unified = types::unify(vec![value, other]);
            let unified = unified.and_then(|values| values.into_iter().next());
            unified.ok_or_else(|| {
                BakeError::new(place, "the results of the condition have different types")
            })
        })
    }

    fn unary(&self, operation: &UnaryOp, place: TextPlace, scope: Scope<'_>) -> Evaluated {
        let value = self.expression(&operation.expr, scope)?;
        let source = scope.file.source(operation.span());
        let operator = *operation.operator.value();
        each(value, |value| match operator {
            UnaryOperator::Not if value.is_open() => Ok(self.open(&source, place)),
            UnaryOperator::Not => {
                let truth = value
                    .truth()
                    .ok_or_else(|| BakeError::new(place, "`!` needs true or false"))?;
                Ok(BakeValue::Truth(!truth))
            }
            UnaryOperator::Neg => {
                let number = value
                    .number()
                    .ok_or_else(|| BakeError::new(place, "`-` needs a number"))?;
                Ok(BakeValue::Number(-number))
            }
        })
    }

    /// Returns a value for an unknown expression.
    pub(super) fn open(&self, source: &str, place: TextPlace) -> BakeValue {
        match self.options.unknowns {
            Some(unknowns) => BakeValue::text(unknowns.mark(source), place),
            None => BakeValue::text("", place),
        }
    }

    fn variable(&self, name: &str, place: TextPlace, scope: Scope<'_>) -> Evaluated {
        if let Some((_, value)) = scope.locals.iter().rfind(|(local, _)| local == name) {
            return Ok(value.clone());
        }
        self.named(name, place)
    }

    /// Returns the value of a variable or a top-level attribute.
    pub(super) fn named(&self, name: &str, place: TextPlace) -> Evaluated {
        if let Some(value) = self.values.borrow().get(name) {
            return Ok(value.clone());
        }
        if !self.in_progress.borrow_mut().insert(name.to_owned()) {
            return Err(BakeError::new(
                place,
                format!("the variable {name} refers to itself"),
            ));
        }
        let value = self.define(name, place);
        self.in_progress.borrow_mut().remove(name);
        let value = value?;
        self.values
            .borrow_mut()
            .insert(name.to_owned(), value.clone());
        Ok(value)
    }
}

/// Returns the branch of a known condition, and both branches of an unknown one.
pub(super) fn choose(
    condition: BakeValue,
    source: &str,
    place: TextPlace,
    branch: impl Fn(bool) -> Evaluated,
) -> Evaluated {
    each(condition, |condition| {
        if let Some(truth) = condition.truth() {
            return branch(truth);
        }
        if !condition.is_open() {
            return Err(BakeError::new(
                place,
                "the condition is neither true nor false",
            ));
        }
        let mut alternatives = Vec::new();
        for (truth, name) in [(true, source.to_owned()), (false, format!("not {source}"))] {
            match branch(truth)? {
                BakeValue::Either(inner) => {
                    let named = inner
                        .into_iter()
                        .map(|(more, value)| (format!("{name} and {more}"), value));
                    alternatives.extend(named);
                }
                value => alternatives.push((name, value)),
            }
        }
        alternatives.truncate(super::value::MOST_ALTERNATIVES);
        Ok(BakeValue::Either(alternatives))
    })
}

/// Returns a text with its location, as for a cache entry.
pub(super) fn located(value: &BakeValue) -> Option<Located> {
    match value {
        BakeValue::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// Evaluates a number literal, unless it is too large for its digits to be exact.
fn literal(number: Option<f64>, place: TextPlace) -> Evaluated {
    let known = number.filter(|number| number.abs() < LARGEST_LITERAL);
    known
        .map(BakeValue::Number)
        .ok_or_else(|| BakeError::gap(place, "the digits of this number are not computed"))
}
