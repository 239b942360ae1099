//! Evaluates expressions of a configuration.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, ArrayExpression, ArrayExpressionElement, BinaryExpression, BinaryOperator,
    BindingPattern, CallExpression, ChainElement, ConditionalExpression, Expression,
    FormalParameters, LogicalExpression, LogicalOperator, ObjectExpression, ObjectPropertyKind,
    Statement, TemplateLiteral, UnaryOperator,
};
use oxc_span::GetSpan;

use super::module::{Binding, Module, ModuleId, resolve};
use super::value::{Body, Function, Js};
use crate::find::session::Session;
use crate::format::located::{Located, Place};

/// The deepest nesting of evaluations.
const DEPTH: usize = 150;
/// The most expressions that are evaluated.
const STEPS: usize = 200_000;
/// The most modules that are read.
const MODULES: usize = 64;

type Locals<'a> = Vec<(String, Js<'a>)>;

/// The scope of an expression.
#[derive(Clone, Copy)]
struct Scope<'s, 'a> {
    module: ModuleId,
    locals: &'s Locals<'a>,
}

/// Evaluates the modules of one configuration.
pub(super) struct Evaluator<'s, 'a> {
    session: &'s Session<'s>,
    allocator: &'a Allocator,
    modules: RefCell<Vec<Rc<Module<'a>>>>,
    by_path: RefCell<HashMap<String, Option<ModuleId>>>,
    depth: Cell<usize>,
    steps: Cell<usize>,
}

impl<'s, 'a> Evaluator<'s, 'a> {
    pub(super) fn new(session: &'s Session<'s>, allocator: &'a Allocator) -> Self {
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

    fn load(&self, path: &str) -> Option<ModuleId> {
        if let Some(known) = self.by_path.borrow().get(path) {
            return *known;
        }
        if self.modules.borrow().len() >= MODULES {
            return None;
        }
        let module = Module::load(self.session, self.allocator, path);
        let id = module.map(|module| {
            let mut modules = self.modules.borrow_mut();
            modules.push(Rc::new(module));
            modules.len() - 1
        });
        self.by_path.borrow_mut().insert(path.to_owned(), id);
        id
    }

    fn module(&self, id: ModuleId) -> Rc<Module<'a>> {
        Rc::clone(&self.modules.borrow()[id])
    }

    fn exported(&self, id: ModuleId, name: &str) -> Option<Js<'a>> {
        let module = self.module(id);
        if name == "*" {
            let names: Vec<String> = module.exports.keys().cloned().collect();
            let entries = names
                .into_iter()
                .filter_map(|name| Some((name.clone(), self.exported(id, &name)?)));
            return Some(Js::Map(entries.collect()));
        }
        if let Some(binding) = module.exports.get(name) {
            return Some(self.binding(*binding, id));
        }
        if let Some(default) = module.exports.get("default")
            && module.bindings.is_empty()
        {
            return self.binding(*default, id).get(name);
        }
        let passed: Vec<&str> = module.passed_on.clone();
        passed.into_iter().find_map(|specifier| {
            let path = resolve(self.session, &module.path, specifier)?;
            self.exported(self.load(&path)?, name)
        })
    }

    fn binding(&self, binding: Binding<'a>, id: ModuleId) -> Js<'a> {
        let none = Locals::new();
        let scope = Scope {
            module: id,
            locals: &none,
        };
        match binding {
            Binding::Value(expression) => self.evaluate(expression, scope),
            Binding::Part(expression, name) => {
                let whole = self.evaluate(expression, scope);
                let place = self.module(id).place(expression.span().start);
                self.member(whole, name, place)
            }
            Binding::Function(function) => match &function.body {
                Some(body) => Js::Function(Function {
                    parameters: &function.params,
                    body: Body::Statements(body),
                    module: id,
                    locals: Vec::new(),
                }),
                None => Js::Undefined,
            },
            Binding::Import(specifier, name) => {
                let module = self.module(id);
                let path = resolve(self.session, &module.path, specifier);
                let value = path
                    .and_then(|path| self.load(&path))
                    .and_then(|other| self.exported(other, name));
                value.unwrap_or_else(|| self.unknown(name, Place::default()))
            }
        }
    }

    fn unknown(&self, name: &str, place: Place) -> Js<'a> {
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

    fn evaluate(&self, expression: &'a Expression<'a>, scope: Scope<'_, 'a>) -> Js<'a> {
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
        place: Place,
        scope: Scope<'_, 'a>,
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
            Expression::ArrowFunctionExpression(arrow) => Js::Function(Function {
                parameters: &arrow.params,
                body: Body::Arrow(&arrow.body),
                module: scope.module,
                locals: scope.locals.clone(),
            }),
            Expression::FunctionExpression(function) => match &function.body {
                Some(body) => Js::Function(Function {
                    parameters: &function.params,
                    body: Body::Statements(body),
                    module: scope.module,
                    locals: scope.locals.clone(),
                }),
                None => Js::Undefined,
            },
            Expression::ParenthesizedExpression(inner) => self.evaluate(&inner.expression, scope),
            Expression::TSAsExpression(inner) => self.evaluate(&inner.expression, scope),
            Expression::TSSatisfiesExpression(inner) => self.evaluate(&inner.expression, scope),
            Expression::TSTypeAssertion(inner) => self.evaluate(&inner.expression, scope),
            Expression::TSNonNullExpression(inner) => self.evaluate(&inner.expression, scope),
            Expression::TSInstantiationExpression(inner) => self.evaluate(&inner.expression, scope),
            Expression::AwaitExpression(inner) => self.evaluate(&inner.argument, scope),
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
            Expression::StaticMemberExpression(member) => {
                if is_environment(&member.object) {
                    return self.unknown(member.property.name.as_str(), place);
                }
                let object = self.evaluate(&member.object, scope);
                self.member(object, member.property.name.as_str(), place)
            }
            Expression::ComputedMemberExpression(member) => {
                let key = self.evaluate(&member.expression, scope);
                let key = key.text().map(|text| text.as_str().to_owned());
                if is_environment(&member.object) {
                    return self.unknown(&key.unwrap_or_default(), place);
                }
                let object = self.evaluate(&member.object, scope);
                match key {
                    Some(key) => self.member(object, &key, place),
                    None => self.unknown(&self.shown(expression, scope.module), place),
                }
            }
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(call, place, scope),
                ChainElement::StaticMemberExpression(member) => {
                    if is_environment(&member.object) {
                        return self.unknown(member.property.name.as_str(), place);
                    }
                    let object = self.evaluate(&member.object, scope);
                    self.member(object, member.property.name.as_str(), place)
                }
                _ => self.unknown(&self.shown(expression, scope.module), place),
            },
            Expression::CallExpression(call) => self.call(call, place, scope),
            _ => self.unknown(&self.shown(expression, scope.module), place),
        }
    }

    fn template(
        &self,
        template: &'a TemplateLiteral<'a>,
        place: Place,
        scope: Scope<'_, 'a>,
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

    fn array(&self, array: &'a ArrayExpression<'a>, scope: Scope<'_, 'a>) -> Js<'a> {
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
        scope: Scope<'_, 'a>,
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

    fn name(&self, name: &str, place: Place, scope: Scope<'_, 'a>) -> Js<'a> {
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

    fn object(&self, object: &'a ObjectExpression<'a>, scope: Scope<'_, 'a>) -> Js<'a> {
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
                            .map(|name| Located::new(name.into_owned(), Place::default()))
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

    fn appended(&self, whole: Js<'a>, part: &Js<'a>, place: Place) -> Js<'a> {
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

    fn member(&self, object: Js<'a>, name: &str, place: Place) -> Js<'a> {
        object.each(|object| match &object {
            Js::Text(text) if name == "length" => Js::Number(text.len() as f64, place),
            Js::Text(text) if object.is_open() => {
                let names = self.session.unknowns.names_in(text.as_str());
                self.unknown(&format!("{}.{name}", names.join("")), place)
            }
            object => object.get(name).unwrap_or(Js::Undefined),
        })
    }

    fn logical(&self, logical: &'a LogicalExpression<'a>, scope: Scope<'_, 'a>) -> Js<'a> {
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
        place: Place,
        scope: Scope<'_, 'a>,
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

    fn call(&self, call: &'a CallExpression<'a>, place: Place, scope: Scope<'_, 'a>) -> Js<'a> {
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            match argument {
                Argument::SpreadElement(spread) => {
                    if let Js::List(items) = self.evaluate(&spread.argument, scope).first() {
                        arguments.extend(items);
                    }
                }
                argument => arguments.extend(
                    argument
                        .as_expression()
                        .map(|inner| self.evaluate(inner, scope)),
                ),
            }
        }
        if let Expression::StaticMemberExpression(member) = &call.callee {
            let method = member.property.name.as_str();
            if let Expression::Identifier(global) = &member.object
                && global.name == "Object"
            {
                return self.object_function(method, &arguments, place);
            }
            let object = self.evaluate(&member.object, scope);
            if let Js::Map(_) = &object
                && let Some(Js::Function(function)) = object.get(method)
            {
                return self.apply(&function, arguments);
            }
            return self.method(&object, method, &arguments, place);
        }
        if let Js::Function(function) = self.evaluate(&call.callee, scope).first() {
            return self.apply(&function, arguments);
        }
        let name = self.shown(&call.callee, scope.module);
        // `defineConfig` and similar functions return their argument.
        match arguments.into_iter().next() {
            Some(argument @ (Js::Map(_) | Js::Function(_) | Js::Either(_))) => argument,
            Some(Js::Text(text)) if matches!(name.as_str(), "String") => Js::Text(text),
            _ => self.unknown(&format!("{name}(…)"), place),
        }
    }

    fn object_function(&self, method: &str, arguments: &[Js<'a>], place: Place) -> Js<'a> {
        match (method, arguments) {
            ("freeze" | "seal", [object, ..]) => object.clone(),
            ("assign", objects) => {
                let mut entries: Vec<(String, Js<'a>)> = Vec::new();
                for object in objects {
                    if let Js::Map(more) = object.first() {
                        for (key, value) in more {
                            entries.retain(|(known, _)| *known != key);
                            entries.push((key, value));
                        }
                    }
                }
                Js::Map(entries)
            }
            ("entries" | "keys" | "values", [object, ..]) => {
                let Js::Map(entries) = object.first() else {
                    return Js::List(Vec::new());
                };
                let item = |(key, value): (String, Js<'a>)| {
                    let key = Js::Text(Located::new(key, place));
                    match method {
                        "keys" => key,
                        "values" => value,
                        _ => Js::List(vec![key, value]),
                    }
                };
                Js::List(entries.into_iter().map(item).collect())
            }
            ("fromEntries", [Js::List(pairs)]) => {
                let entry = |pair: &Js<'a>| {
                    Some((pair.get("0")?.text()?.as_str().to_owned(), pair.get("1")?))
                };
                Js::Map(pairs.iter().filter_map(entry).collect())
            }
            _ => self.unknown(&format!("Object.{method}(…)"), place),
        }
    }

    fn method(&self, object: &Js<'a>, method: &str, arguments: &[Js<'a>], place: Place) -> Js<'a> {
        let argument = |index: usize| {
            arguments
                .get(index)
                .and_then(Js::text)
                .map(|text| text.as_str().to_owned())
        };
        match (object, method) {
            (Js::List(items), "map") => {
                let Some(Js::Function(function)) = arguments.first() else {
                    return object.clone();
                };
                let index = |at: usize| Js::Number(at as f64, place);
                let mapped = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.apply(function, vec![item.clone(), index(at)]));
                Js::List(mapped.collect())
            }
            (Js::List(items), "filter") => {
                let Some(Js::Function(function)) = arguments.first() else {
                    let kept = items.iter().filter(|item| item.truth() != Some(false));
                    return Js::List(kept.cloned().collect());
                };
                let kept = items.iter().filter(|item| {
                    self.apply(function, vec![(*item).clone()]).truth() != Some(false)
                });
                Js::List(kept.cloned().collect())
            }
            (Js::List(items), "join") => {
                let separator = argument(0).unwrap_or_else(|| ",".to_owned());
                let texts: Vec<String> = items
                    .iter()
                    .filter_map(Js::text)
                    .map(|text| text.as_str().to_owned())
                    .collect();
                Js::Text(Located::new(texts.join(&separator), place))
            }
            (Js::List(items), "includes") => {
                let wanted = argument(0);
                Js::Truth(
                    items
                        .iter()
                        .any(|item| item.text().map(|t| t.as_str().to_owned()) == wanted),
                    place,
                )
            }
            (Js::Text(text), "toLowerCase") => {
                Js::Text(text.with_text(text.as_str().to_lowercase()))
            }
            (Js::Text(text), "toUpperCase") => {
                Js::Text(text.with_text(text.as_str().to_uppercase()))
            }
            (Js::Text(text), "trim" | "toString") => Js::Text(text.trimmed()),
            (Js::Text(_), "concat") => arguments.iter().fold(object.clone(), |whole, part| {
                self.appended(whole, part, place)
            }),
            (Js::Text(text), "replace" | "replaceAll") if !object.is_open() => {
                match (argument(0), argument(1)) {
                    (Some(from), Some(to)) if method == "replace" => {
                        Js::Text(text.with_text(text.as_str().replacen(&from, &to, 1)))
                    }
                    (Some(from), Some(to)) if !from.is_empty() => {
                        Js::Text(text.with_text(text.as_str().replace(&from, &to)))
                    }
                    _ => self.unknown(&format!("{}.{method}(…)", text.as_str()), place),
                }
            }
            (Js::Text(text), _) => {
                let name = self.session.unknowns.names_in(text.as_str()).join(", ");
                self.unknown(&format!("{name}.{method}(…)"), place)
            }
            _ => self.unknown(&format!("{method}(…)"), place),
        }
    }

    /// Evaluates the body of a function for its arguments.
    fn apply(&self, function: &Function<'a>, arguments: Vec<Js<'a>>) -> Js<'a> {
        if self.depth.get() >= DEPTH {
            return Js::Undefined;
        }
        self.depth.set(self.depth.get() + 1);
        let mut locals = function.locals.clone();
        self.bind(function.parameters, arguments, function.module, &mut locals);
        let value = match function.body {
            Body::Arrow(body) => match body.as_expression() {
                Some(expression) => {
                    let scope = Scope {
                        module: function.module,
                        locals: &locals,
                    };
                    self.evaluate(expression, scope)
                }
                None => match body {
                    oxc_ast::ast::ArrowFunctionBody::FunctionBody(body) => self
                        .statements(&body.statements, function.module, &mut locals)
                        .unwrap_or(Js::Undefined),
                    _ => Js::Undefined,
                },
            },
            Body::Statements(body) => self
                .statements(&body.statements, function.module, &mut locals)
                .unwrap_or(Js::Undefined),
        };
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn bind(
        &self,
        parameters: &'a FormalParameters<'a>,
        arguments: Vec<Js<'a>>,
        module: ModuleId,
        locals: &mut Locals<'a>,
    ) {
        let mut arguments = arguments.into_iter();
        for parameter in &parameters.items {
            let mut value = arguments.next().unwrap_or(Js::Undefined);
            if let (Js::Undefined, Some(default)) = (&value, &parameter.initializer) {
                let scope = Scope { module, locals };
                value = self.evaluate(default, scope);
            }
            self.pattern(&parameter.pattern, value, module, locals);
        }
    }

    fn pattern(
        &self,
        pattern: &'a BindingPattern<'a>,
        value: Js<'a>,
        module: ModuleId,
        locals: &mut Locals<'a>,
    ) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => {
                locals.push((name.name.as_str().to_owned(), value));
            }
            BindingPattern::AssignmentPattern(assignment) => {
                let value = if matches!(value, Js::Undefined) {
                    let scope = Scope { module, locals };
                    self.evaluate(&assignment.right, scope)
                } else {
                    value
                };
                self.pattern(&assignment.left, value, module, locals);
            }
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    let Some(key) = property.key.static_name() else {
                        continue;
                    };
                    let part = self.member(value.clone(), &key, Place::default());
                    self.pattern(&property.value, part, module, locals);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    if let Some(element) = element {
                        let part = value.get(&index.to_string()).unwrap_or(Js::Undefined);
                        self.pattern(element, part, module, locals);
                    }
                }
            }
        }
    }

    /// Evaluates statements up to a `return`.
    fn statements(
        &self,
        statements: &'a [Statement<'a>],
        module: ModuleId,
        locals: &mut Locals<'a>,
    ) -> Option<Js<'a>> {
        for (index, statement) in statements.iter().enumerate() {
            match statement {
                Statement::VariableDeclaration(declaration) => {
                    for declarator in &declaration.declarations {
                        let scope = Scope { module, locals };
                        let value = declarator
                            .init
                            .as_ref()
                            .map_or(Js::Undefined, |value| self.evaluate(value, scope));
                        self.pattern(&declarator.id, value, module, locals);
                    }
                }
                Statement::ReturnStatement(returned) => {
                    let scope = Scope { module, locals };
                    return Some(
                        returned
                            .argument
                            .as_ref()
                            .map_or(Js::Undefined, |value| self.evaluate(value, scope)),
                    );
                }
                Statement::BlockStatement(block) => {
                    if let Some(value) = self.statements(&block.body, module, locals) {
                        return Some(value);
                    }
                }
                Statement::IfStatement(conditional) => {
                    let scope = Scope { module, locals };
                    let test = self.evaluate(&conditional.test, scope).truth();
                    let then = std::slice::from_ref(&conditional.consequent);
                    let otherwise = conditional.alternate.as_slice();
                    match test {
                        Some(truth) => {
                            let branch = if truth { then } else { otherwise };
                            if let Some(value) = self.statements(branch, module, locals) {
                                return Some(value);
                            }
                        }
                        None => {
                            let condition = self.shown(&conditional.test, module);
                            let first = self.statements(then, module, &mut locals.clone());
                            let Some(first) = first else { continue };
                            let second = self.statements(otherwise, module, &mut locals.clone());
                            let rest = &statements[index + 1..];
                            let second = second
                                .or_else(|| self.statements(rest, module, &mut locals.clone()));
                            let negated = format!("not {condition}");
                            return Some(Js::Either(vec![
                                (condition, first),
                                (negated, second.unwrap_or(Js::Undefined)),
                            ]));
                        }
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Whether an expression is `process.env` or similar.
fn is_environment(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::StaticMemberExpression(member) if member.property.name == "env" => {
            match &member.object {
                Expression::Identifier(name) => {
                    matches!(name.name.as_str(), "process" | "Bun")
                }
                Expression::ImportMeta(_) => true,
                _ => false,
            }
        }
        _ => false,
    }
}
