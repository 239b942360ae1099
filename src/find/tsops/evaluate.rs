//! Evaluates expressions of a configuration.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    ArrayExpression, ArrayExpressionElement, BinaryExpression, BinaryOperator, ChainElement,
    ConditionalExpression, Expression, FormalParameters, LogicalExpression, LogicalOperator,
    ObjectExpression, ObjectPropertyKind, TemplateLiteral, UnaryOperator,
};
use oxc_span::GetSpan;

use super::module::{Module, ModuleId};
use super::value::{Js, JsBody, JsFunction};
use crate::find::session::FindSession;
use crate::format::located::{Located, TextPlace};

mod apply;
mod call;
mod member;
mod modules;

/// The deepest nesting of evaluations.
const DEPTH: usize = 150;
/// The most expressions that are evaluated.
const STEPS: usize = 200_000;
/// The most modules that are read.
const MODULES: usize = 64;

type JsLocals<'a> = Vec<(String, Js<'a>)>;

/// The scope of an expression.
#[derive(Clone, Copy)]
struct JsScope<'s, 'a> {
    module: ModuleId,
    locals: &'s JsLocals<'a>,
}

impl<'a> JsScope<'_, 'a> {
    /// Makes a function that is defined here.
    fn function(self, parameters: &'a FormalParameters<'a>, body: JsBody<'a>) -> Js<'a> {
        Js::Function(JsFunction {
            parameters,
            body,
            module: self.module,
            locals: self.locals.clone(),
        })
    }
}

/// Evaluates the modules of one configuration.
pub(super) struct TsopsEvaluator<'s, 'a> {
    session: &'s FindSession<'s>,
    allocator: &'a Allocator,
    modules: RefCell<Vec<Rc<Module<'a>>>>,
    by_path: RefCell<HashMap<String, Option<ModuleId>>>,
    depth: Cell<usize>,
    steps: Cell<usize>,
}

impl<'s, 'a> TsopsEvaluator<'s, 'a> {
    pub(super) fn new(session: &'s FindSession<'s>, allocator: &'a Allocator) -> Self {
        Self {
            session,
            allocator,
            modules: RefCell::default(),
            by_path: RefCell::default(),
            depth: Cell::new(0),
            steps: Cell::new(0),
        }
    }

    /// Returns the default export of a file.
    pub(super) fn default_export(&self, path: &str) -> Option<Js<'a>> {
        let module = self.load(path)?;
        let value = self.exported(module, "default")?;
        Some(match value {
            Js::Function(function) => self.apply(&function, Vec::new()),
            value => value,
        })
    }

    fn unknown(&self, name: &str, place: TextPlace) -> Js<'a> {
        Js::Text(self.session.unknown(name, place))
    }

    fn shown(&self, expression: &Expression<'_>, module: ModuleId) -> String {
        let span = expression.span();
        let module = self.module(module);
        let text = module
            .source
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().take(80).collect()
    }

    fn evaluate(&self, expression: &'a Expression<'a>, scope: JsScope<'_, 'a>) -> Js<'a> {
        self.steps.set(self.steps.get() + 1);
        let place = self.module(scope.module).place(expression.span().start);
        if self.depth.get() >= DEPTH || self.steps.get() >= STEPS {
            return self.unknown("a value that is nested too deeply", place);
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.evaluate_kind(expression, place, scope);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn evaluate_kind(
        &self,
        expression: &'a Expression<'a>,
        place: TextPlace,
        scope: JsScope<'_, 'a>,
    ) -> Js<'a> {
        match expression {
            Expression::BooleanLiteral(truth) => Js::Truth(truth.value, place),
            Expression::NullLiteral(_) => Js::Null,
            Expression::NumericLiteral(number) => Js::Number(number.value, place),
            Expression::StringLiteral(text) => Js::Text(Located::new(text.value.as_str(), place)),
            Expression::TemplateLiteral(template) => self.template(template, place, scope),
            Expression::Identifier(name) => self.name(name.name.as_str(), place, scope),
            Expression::ObjectExpression(object) => self.object(object, scope),
            Expression::ArrayExpression(array) => self.array(array, scope),
            Expression::ArrowFunctionExpression(arrow) => {
                scope.function(&arrow.params, JsBody::Arrow(&arrow.body))
            }
            Expression::FunctionExpression(function) => match &function.body {
                Some(body) => scope.function(&function.params, JsBody::Statements(body)),
                None => Js::Undefined,
            },
            Expression::ConditionalExpression(conditional) => self.conditional(conditional, scope),
            Expression::LogicalExpression(logical) => self.logical(logical, scope),
            Expression::BinaryExpression(binary) => self.binary(binary, place, scope),
            Expression::UnaryExpression(unary) => {
                let value = self.evaluate(&unary.argument, scope);
                match (unary.operator, value.truth()) {
                    (UnaryOperator::LogicalNot, Some(truth)) => Js::Truth(!truth, place),
                    (UnaryOperator::Void, _) => Js::Undefined,
                    _ => self.unknown(&self.shown(expression, scope.module), place),
                }
            }
            Expression::StaticMemberExpression(member) => self.static_member(member, place, scope),
            Expression::ComputedMemberExpression(member) => self
                .computed_member(member, place, scope)
                .unwrap_or_else(|| self.unknown(&self.shown(expression, scope.module), place)),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(call, place, scope),
                ChainElement::StaticMemberExpression(member) => {
                    self.static_member(member, place, scope)
                }
                _ => self.unknown(&self.shown(expression, scope.module), place),
            },
            Expression::CallExpression(call) => self.call(call, place, scope),
            _ => match wrapped(expression) {
                Some(inner) => self.evaluate(inner, scope),
                None => self.unknown(&self.shown(expression, scope.module), place),
            },
        }
    }

    fn template(
        &self,
        template: &'a TemplateLiteral<'a>,
        place: TextPlace,
        scope: JsScope<'_, 'a>,
    ) -> Js<'a> {
        let mut whole = Js::Text(Located::new("", place));
        for (index, quasi) in template.quasis.iter().enumerate() {
            let literal = quasi
                .value
                .cooked
                .as_ref()
                .map_or_else(|| quasi.value.raw.as_str(), |text| text.as_str());
            whole = self.appended(whole, &Js::Text(Located::new(literal, place)), place);
            if let Some(inner) = template.expressions.get(index) {
                let value = self.evaluate(inner, scope);
                whole = self.appended(whole, &value, place);
            }
        }
        whole
    }

    fn array(&self, array: &'a ArrayExpression<'a>, scope: JsScope<'_, 'a>) -> Js<'a> {
        let mut items = Vec::new();
        for element in &array.elements {
            match element {
                ArrayExpressionElement::SpreadElement(spread) => {
                    match self.evaluate(&spread.argument, scope).first() {
                        Js::List(more) => items.extend(more),
                        other => items.push(other),
                    }
                }
                element => items.extend(
                    element
                        .as_expression()
                        .map(|inner| self.evaluate(inner, scope)),
                ),
            }
        }
        Js::List(items)
    }

    fn conditional(
        &self,
        conditional: &'a ConditionalExpression<'a>,
        scope: JsScope<'_, 'a>,
    ) -> Js<'a> {
        let test = self.evaluate(&conditional.test, scope);
        match test.truth() {
            Some(true) => self.evaluate(&conditional.consequent, scope),
            Some(false) => self.evaluate(&conditional.alternate, scope),
            None => {
                let condition = self.shown(&conditional.test, scope.module);
                Js::Either(vec![
                    (
                        condition.clone(),
                        self.evaluate(&conditional.consequent, scope),
                    ),
                    (
                        format!("not {condition}"),
                        self.evaluate(&conditional.alternate, scope),
                    ),
                ])
            }
        }
    }

    fn name(&self, name: &str, place: TextPlace, scope: JsScope<'_, 'a>) -> Js<'a> {
        if name == "undefined" {
            return Js::Undefined;
        }
        if let Some((_, value)) = scope.locals.iter().rfind(|(local, _)| local == name) {
            return value.clone();
        }
        let module = self.module(scope.module);
        match module.bindings.get(name) {
            Some(binding) => self.binding(*binding, scope.module),
            None => self.unknown(name, place),
        }
    }

    fn object(&self, object: &'a ObjectExpression<'a>, scope: JsScope<'_, 'a>) -> Js<'a> {
        let mut whole = Js::Map(Vec::new());
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let key = if property.computed {
                        property
                            .key
                            .as_expression()
                            .and_then(|key| self.evaluate(key, scope).text())
                    } else {
                        property
                            .key
                            .static_name()
                            .map(|name| Located::new(name.into_owned(), TextPlace::default()))
                    };
                    let Some(key) = key else { continue };
                    let value = self.evaluate(&property.value, scope);
                    whole = whole.each(|whole| {
                        let Js::Map(mut entries) = whole else {
                            return whole;
                        };
                        entries.retain(|(known, _)| known != key.as_str());
                        entries.push((key.as_str().to_owned(), value.clone()));
                        Js::Map(entries)
                    });
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    let value = self.evaluate(&spread.argument, scope);
                    whole = whole.each(|whole| {
                        let Js::Map(entries) = whole else {
                            return whole;
                        };
                        value.clone().each(|value| {
                            let mut entries = entries.clone();
                            if let Js::Map(more) = value {
                                for (key, value) in more {
                                    entries.retain(|(known, _)| *known != key);
                                    entries.push((key, value));
                                }
                            }
                            Js::Map(entries)
                        })
                    });
                }
            }
        }
        whole
    }

    fn appended(&self, whole: Js<'a>, part: &Js<'a>, place: TextPlace) -> Js<'a> {
        whole.each(|before| {
            let before = before
                .text()
                .map(|text| text.as_str().to_owned())
                .unwrap_or_default();
            part.clone().each(|part| {
                let text = match part.text() {
                    Some(text) => text.as_str().to_owned(),
                    None => self
                        .session
                        .unknowns
                        .mark("a value that is no text")
                        .to_string(),
                };
                if before.len() + text.len() > 1 << 16 {
                    return Js::Text(Located::new(before.clone(), place));
                }
                Js::Text(Located::new(format!("{before}{text}"), place))
            })
        })
    }

    fn logical(&self, logical: &'a LogicalExpression<'a>, scope: JsScope<'_, 'a>) -> Js<'a> {
        let left = self.evaluate(&logical.left, scope);
        let condition = self.shown(&logical.left, scope.module);
        left.each(|left| match (logical.operator, left.truth()) {
            (LogicalOperator::Coalesce, _) if matches!(left, Js::Undefined | Js::Null) => {
                self.evaluate(&logical.right, scope)
            }
            (LogicalOperator::Coalesce, Some(_))
            | (LogicalOperator::Or, Some(true))
            | (LogicalOperator::And, Some(false)) => left,
            (LogicalOperator::Or, Some(false)) | (LogicalOperator::And, Some(true)) => {
                self.evaluate(&logical.right, scope)
            }
            // A value from outside with a default: the default is used.
            (LogicalOperator::Coalesce | LogicalOperator::Or, None) => {
                let right = self.evaluate(&logical.right, scope);
                if right.is_open() || matches!(right, Js::Undefined | Js::Null) {
                    left
                } else {
                    right
                }
            }
            (LogicalOperator::And, None) => Js::Either(vec![
                (condition.clone(), self.evaluate(&logical.right, scope)),
                (format!("not {condition}"), Js::Undefined),
            ]),
        })
    }

    fn binary(
        &self,
        binary: &'a BinaryExpression<'a>,
        place: TextPlace,
        scope: JsScope<'_, 'a>,
    ) -> Js<'a> {
        let left = self.evaluate(&binary.left, scope);
        let right = self.evaluate(&binary.right, scope);
        let equal = match binary.operator {
            BinaryOperator::Equality | BinaryOperator::StrictEquality => true,
            BinaryOperator::Inequality | BinaryOperator::StrictInequality => false,
            BinaryOperator::Addition => return self.appended(left, &right, place),
            _ => return self.unknown("a calculation", place),
        };
        if left.is_open() || right.is_open() {
            let module = self.module(scope.module);
            let span = binary.span;
            let text = module
                .source
                .get(span.start as usize..span.end as usize)
                .unwrap_or_default();
            return self.unknown(text, place);
        }
        let same = match (&left, &right) {
            (Js::Undefined | Js::Null, Js::Undefined | Js::Null) => true,
            (left, right) => {
                left.text().is_some()
                    && left.text().map(|t| t.as_str().to_owned())
                        == right.text().map(|t| t.as_str().to_owned())
            }
        };
        Js::Truth(same == equal, place)
    }
}

/// Returns the expression that a wrapper such as parentheses, a type or `await` leaves as it is.
fn wrapped<'a>(expression: &'a Expression<'a>) -> Option<&'a Expression<'a>> {
    Some(match expression {
        Expression::ParenthesizedExpression(outer) => &outer.expression,
        Expression::TSAsExpression(outer) => &outer.expression,
        Expression::TSSatisfiesExpression(outer) => &outer.expression,
        Expression::TSTypeAssertion(outer) => &outer.expression,
        Expression::TSNonNullExpression(outer) => &outer.expression,
        Expression::TSInstantiationExpression(outer) => &outer.expression,
        Expression::AwaitExpression(outer) => &outer.argument,
        _ => return None,
    })
}
