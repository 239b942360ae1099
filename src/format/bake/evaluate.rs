//! Evaluates expressions.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{
    BinaryOperator, Expression, ForExpr, ObjectKey, Traversal, TraversalOperator, UnaryOperator,
};
use hcl_edit::template::{Directive, Element, Template};

use super::read::{Declared, Definition, Definitions, FileText, Function, Source};
use super::value::{Value, each};
use super::{BakeError, Options, functions};
use crate::format::located::{Located, Place};

/// The deepest nesting of evaluations.
const DEPTH: usize = 120;
/// The most expressions that are evaluated.
const STEPS: usize = 2_000_000;
/// The longest text, in bytes.
const LONGEST: usize = 1 << 20;

type Evaluated = Result<Value, BakeError>;

/// The names that a function, a loop or a matrix defines.
pub(super) type Locals = Vec<(String, Value)>;

/// Evaluates the expressions of a set of definitions.
pub(super) struct Evaluator<'d> {
    pub(super) definitions: &'d Definitions,
    pub(super) options: &'d Options<'d>,
    values: RefCell<HashMap<String, Value>>,
    in_progress: RefCell<HashSet<String>>,
    depth: Cell<usize>,
    steps: Cell<usize>,
}

/// The location of an expression, and the names in scope.
#[derive(Clone, Copy)]
struct Scope<'s> {
    file: &'s Rc<FileText>,
    /// The location of expressions without one of their own, as in JSON.
    place: Option<Place>,
    locals: &'s Locals,
}

impl Scope<'_> {
    fn place(&self, expression: &Expression) -> Place {
        self.place.unwrap_or_else(|| {
            self.file
                .place(expression.span().map_or(0, |span| span.start))
        })
    }
}

impl<'d> Evaluator<'d> {
    pub(super) fn new(definitions: &'d Definitions, options: &'d Options<'d>) -> Self {
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
    pub(super) fn evaluate(&self, definition: &Definition, locals: &Locals) -> Evaluated {
        self.source(&definition.source, &definition.file, locals)
    }

    fn source(&self, source: &Source, file: &Rc<FileText>, locals: &Locals) -> Evaluated {
        let scope = |place| Scope {
            file,
            place,
            locals,
        };
        Ok(match source {
            Source::Hcl(expression) => self.expression(expression, scope(None))?,
            Source::Template(template, place) => {
                self.template(template, *place, scope(Some(*place)))?
            }
            Source::List(items) => {
                let items = items.iter().map(|item| self.source(item, file, locals));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Source::Map(entries) => {
                let entry = |(key, value): &(String, Source)| {
                    Ok((key.clone(), self.source(value, file, locals)?))
                };
                Value::Map(
                    entries
                        .iter()
                        .map(entry)
                        .collect::<Result<_, BakeError>>()?,
                )
            }
            Source::Number(number) => Value::Number(*number),
            Source::Truth(truth) => Value::Truth(*truth),
            Source::Null => Value::Null,
        })
    }

    fn expression(&self, expression: &Expression, scope: Scope<'_>) -> Evaluated {
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

    fn evaluate_kind(&self, expression: &Expression, place: Place, scope: Scope<'_>) -> Evaluated {
        match expression {
            Expression::Null(_) => Ok(Value::Null),
            Expression::Bool(truth) => Ok(Value::Truth(*truth.value())),
            Expression::Number(number) => {
                Ok(Value::Number(number.value().as_f64().unwrap_or_default()))
            }
            Expression::String(text) => Ok(Value::text(text.as_str(), place)),
            Expression::Array(items) => {
                let items = items.iter().map(|item| self.expression(item, scope));
                Ok(Value::List(items.collect::<Result<_, _>>()?))
            }
            Expression::Object(object) => {
                let mut entries = Vec::new();
                for (key, value) in object {
                    let key = match key {
                        ObjectKey::Ident(name) => name.as_str().to_owned(),
                        ObjectKey::Expression(key) => {
                            let key = self.expression(key, scope)?;
                            key.to_text()
                                .ok_or_else(|| BakeError::new(place, "a key is not text"))?
                        }
                    };
                    entries.push((key, self.expression(value.expr(), scope)?));
                }
                Ok(Value::Map(entries))
            }
            Expression::StringTemplate(template) => {
                let elements: Vec<&Element> = template.iter().collect();
                self.elements(&elements, place, scope)
            }
            Expression::HeredocTemplate(heredoc) => {
                let elements: Vec<&Element> = heredoc.template.iter().collect();
                let text = self.elements(&elements, place, scope)?;
                each(text, |value| match value {
                    Value::Text(text) => Ok(Value::text(
                        dedented(text.as_str(), heredoc.indent().is_some()),
                        place,
                    )),
                    value => Ok(value),
                })
            }
            Expression::Parenthesis(inner) => self.expression(inner.inner(), scope),
            Expression::Variable(name) => self.variable(name.as_str(), place, scope),
            Expression::Conditional(conditional) => {
                let condition = self.expression(&conditional.cond_expr, scope)?;
                let source = scope.file.source(conditional.cond_expr.span());
                choose(condition, &source, place, |truth| {
                    let branch = if truth {
                        &conditional.true_expr
                    } else {
                        &conditional.false_expr
                    };
                    self.expression(branch, scope)
                })
            }
            Expression::FuncCall(call) => {
                let mut arguments = Vec::new();
                for argument in &call.args {
                    arguments.push(self.expression(argument, scope));
                }
                if call.args.expand_final()
                    && let Some(Ok(last)) = arguments.pop()
                {
                    arguments.extend(last.list().unwrap_or_default().into_iter().map(Ok));
                }
                let source = scope.file.source(expression.span());
                self.call(call.name.name.as_str(), arguments, place, &source)
            }
            Expression::Traversal(traversal) => self.traversal(traversal, place, scope),
            Expression::UnaryOp(operation) => {
                let value = self.expression(&operation.expr, scope)?;
                let source = scope.file.source(expression.span());
                let operator = *operation.operator.value();
                each(value, |value| match operator {
                    UnaryOperator::Not if value.is_open() => Ok(self.open(&source, place)),
                    UnaryOperator::Not => {
                        let truth = value
                            .truth()
                            .ok_or_else(|| BakeError::new(place, "`!` needs true or false"))?;
                        Ok(Value::Truth(!truth))
                    }
                    UnaryOperator::Neg => {
                        let number = value
                            .number()
                            .ok_or_else(|| BakeError::new(place, "`-` needs a number"))?;
                        Ok(Value::Number(-number))
                    }
                })
            }
            Expression::BinaryOp(operation) => {
                let left = self.expression(&operation.lhs_expr, scope)?;
                let right = self.expression(&operation.rhs_expr, scope)?;
                let source = scope.file.source(expression.span());
                self.binary(*operation.operator.value(), left, &right, place, &source)
            }
            Expression::ForExpr(repeated) => self.repeated(repeated, place, scope),
        }
    }

    /// Returns a value for an unknown expression.
    pub(super) fn open(&self, source: &str, place: Place) -> Value {
        match self.options.unknowns {
            Some(unknowns) => Value::text(unknowns.mark(source), place),
            None => Value::text("", place),
        }
    }

    fn variable(&self, name: &str, place: Place, scope: Scope<'_>) -> Evaluated {
        if let Some((_, value)) = scope.locals.iter().rfind(|(local, _)| local == name) {
            return Ok(value.clone());
        }
        self.named(name, place)
    }

    /// Returns the value of a variable or a top-level attribute.
    pub(super) fn named(&self, name: &str, place: Place) -> Evaluated {
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

    fn define(&self, name: &str, place: Place) -> Evaluated {
        match name {
            "BAKE_CMD_CONTEXT" => return Ok(Value::text("cwd://", place)),
            "BAKE_LOCAL_PLATFORM" if self.options.unknowns.is_some() => {
                return Ok(self.open(name, place));
            }
            "BAKE_LOCAL_PLATFORM" => return Ok(Value::text("linux/amd64", place)),
            _ => {}
        }
        if let Some(definition) = self.definitions.attributes.get(name) {
            return self.evaluate(definition, &Locals::new());
        }
        let Some(declared) = self.definitions.variables.get(name) else {
            return match self.options.unknowns {
                Some(_) => Ok(self.open(name, place)),
                None => Err(BakeError::new(
                    place,
                    format!("the variable {name} does not exist"),
                )),
            };
        };
        self.declared(name, declared, place)
    }

    fn declared(&self, name: &str, declared: &Declared, place: Place) -> Evaluated {
        let given = (self.options.lookup)(name);
        let default = match &declared.default {
            Some(definition) => Some(self.evaluate(definition, &Locals::new())?),
            None => None,
        };
        let kind = declared
            .kind
            .as_deref()
            .filter(|kind| !kind.is_empty() && *kind != "any");
        let Some(given) = given else {
            return Ok(match default {
                Some(value) => converted(value, kind),
                None if self.options.unknowns.is_some() => self.open(name, place),
                None if kind.is_some() => Value::Null,
                None => Value::text("", place),
            });
        };
        let shape = match (kind, &default) {
            (Some(kind), _) => kind,
            (None, Some(Value::Truth(_))) => "bool",
            (None, Some(Value::Number(_))) => "number",
            (None, Some(Value::List(_) | Value::Map(_))) => "collection",
            _ => "string",
        };
        typed(name, &given, shape, place)
    }

    fn template(&self, template: &Template, place: Place, scope: Scope<'_>) -> Evaluated {
        let elements: Vec<&Element> = template.iter().collect();
        self.elements(&elements, place, scope)
    }

    fn elements(&self, elements: &[&Element], place: Place, scope: Scope<'_>) -> Evaluated {
        if let [Element::Interpolation(only)] = elements {
            return self.expression(&only.expr, scope);
        }
        let mut whole = Value::text("", place);
        for element in elements {
            let part = match element {
                Element::Literal(text) => Value::text(text.as_str(), place),
                Element::Interpolation(inner) => self.expression(&inner.expr, scope)?,
                Element::Directive(directive) => self.directive(directive, place, scope)?,
            };
            whole = self.appended(whole, &part, place)?;
        }
        Ok(whole)
    }

    /// Appends a value to a text, for each alternative of both.
    fn appended(&self, whole: Value, part: &Value, place: Place) -> Evaluated {
        each(whole, |before| {
            let before = before.to_text().unwrap_or_default();
            each(part.clone(), |part| {
                let text = match part.to_text() {
                    Some(text) => text,
                    None if self.options.unknowns.is_some() => self
                        .open("a value that is no text", place)
                        .to_text()
                        .unwrap_or_default(),
                    None => return Err(BakeError::new(place, "a value in a template is no text")),
                };
                if before.len() + text.len() > LONGEST {
                    return Err(BakeError::new(place, "a text becomes too long"));
                }
                Ok(Value::text(format!("{before}{text}"), place))
            })
        })
    }

    fn directive(&self, directive: &Directive, place: Place, scope: Scope<'_>) -> Evaluated {
        match directive {
            Directive::If(conditional) => {
                let condition = self.expression(&conditional.if_expr.cond_expr, scope)?;
                let source = scope.file.source(conditional.if_expr.cond_expr.span());
                choose(condition, &source, place, |truth| {
                    let template = if truth {
                        Some(&conditional.if_expr.template)
                    } else {
                        conditional
                            .else_expr
                            .as_ref()
                            .map(|otherwise| &otherwise.template)
                    };
                    match template {
                        Some(template) => self.template(template, place, scope),
                        None => Ok(Value::text("", place)),
                    }
                })
            }
            Directive::For(repeated) => {
                let repeated = &repeated.for_expr;
                let collection = self.expression(&repeated.collection_expr, scope)?;
                let mut whole = Value::text("", place);
                for (key, value) in pairs(&collection, place) {
                    let mut locals = scope.locals.clone();
                    if let Some(name) = &repeated.key_var {
                        locals.push((name.as_str().to_owned(), key));
                    }
                    locals.push((repeated.value_var.as_str().to_owned(), value));
                    let inner = Scope {
                        locals: &locals,
                        ..scope
                    };
                    let part = self.template(&repeated.template, place, inner)?;
                    whole = self.appended(whole, &part, place)?;
                }
                Ok(whole)
            }
        }
    }

    /// Calls a function. Arguments that failed matter only to `try` and `can`.
    fn call(&self, name: &str, arguments: Vec<Evaluated>, place: Place, source: &str) -> Evaluated {
        if name == "try" {
            let first = arguments.into_iter().find_map(Result::ok);
            return first.ok_or_else(|| BakeError::new(place, "no argument of try succeeds"));
        }
        if name == "can" {
            return Ok(Value::Truth(arguments.iter().all(Result::is_ok)));
        }
        let arguments: Vec<Value> = arguments.into_iter().collect::<Result<_, _>>()?;
        if let Some(function) = self.definitions.functions.get(name) {
            return self.user_function(name, function, arguments, place);
        }
        self.distribute(name, &arguments, place, source)
    }

    /// Calls a function once for each alternative of its arguments.
    fn distribute(&self, name: &str, arguments: &[Value], place: Place, source: &str) -> Evaluated {
        let either = arguments
            .iter()
            .position(|argument| matches!(argument, Value::Either(_)));
        if let Some(index) = either {
            return each(arguments[index].clone(), |value| {
                let mut arguments = arguments.to_vec();
                arguments[index] = value;
                self.distribute(name, &arguments, place, source)
            });
        }
        if arguments.iter().any(Value::is_open) && !functions::keeps_marks(name) {
            let marks: String = arguments.iter().map(marks_of).collect();
            let names = self
                .options
                .unknowns
                .map(|unknowns| unknowns.names_in(&marks))
                .unwrap_or_default();
            let source = if names.iter().all(|n| source.contains(n.as_str())) {
                source.to_owned()
            } else {
                format!("{source} with {}", names.join(", "))
            };
            return Ok(self.open(&source, place));
        }
        match functions::call(name, arguments, place) {
            Some(result) => {
                result.map_err(|message| BakeError::new(place, format!("{name}: {message}")))
            }
            None if self.options.unknowns.is_some() => Ok(self.open(source, place)),
            None => Err(BakeError::new(
                place,
                format!("the function {name} is not supported"),
            )),
        }
    }

    fn user_function(
        &self,
        name: &str,
        function: &Function,
        arguments: Vec<Value>,
        place: Place,
    ) -> Evaluated {
        let Some(result) = &function.result else {
            return Err(BakeError::new(
                place,
                format!("the function {name} has no result"),
            ));
        };
        let few = arguments.len() < function.params.len();
        let many = arguments.len() > function.params.len() && function.variadic.is_none();
        if few || many {
            return Err(BakeError::new(
                place,
                format!(
                    "the function {name} takes {} arguments",
                    function.params.len()
                ),
            ));
        }
        let mut arguments = arguments.into_iter();
        let mut locals: Locals = function
            .params
            .iter()
            .cloned()
            .zip(arguments.by_ref())
            .collect();
        if let Some(variadic) = &function.variadic {
            locals.push((variadic.clone(), Value::List(arguments.collect())));
        }
        self.evaluate(result, &locals)
    }

    fn traversal(&self, traversal: &Traversal, place: Place, scope: Scope<'_>) -> Evaluated {
        if let Expression::Variable(root) = &traversal.expr
            && root.as_str() == "target"
            && !scope.locals.iter().any(|(name, _)| name == "target")
        {
            return self.of_target(traversal, place);
        }
        let mut value = self.expression(&traversal.expr, scope)?;
        let mut operators = traversal.operators.iter();
        while let Some(operator) = operators.next() {
            value = match operator.value() {
                TraversalOperator::GetAttr(name) => self.member(value, name.as_str(), place)?,
                TraversalOperator::LegacyIndex(index) => {
                    self.member(value, &index.value().to_string(), place)?
                }
                TraversalOperator::Index(index) => {
                    let index = self.expression(index, scope)?;
                    if index.is_open() {
                        return Ok(self.open(&scope.file.source(traversal.span()), place));
                    }
                    let key = index.to_text().unwrap_or_default();
                    self.member(value, &key, place)?
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    let mut items = value.list().unwrap_or_default();
                    for operator in operators.by_ref() {
                        if let TraversalOperator::GetAttr(name) = operator.value() {
                            let members = items
                                .into_iter()
                                .map(|item| self.member(item, name.as_str(), place));
                            items = members.collect::<Result<_, _>>()?;
                        }
                    }
                    Value::List(items)
                }
            };
        }
        Ok(value)
    }

    /// Evaluates an attribute of another target: `target.NAME.ATTRIBUTE`.
    fn of_target(&self, traversal: &Traversal, place: Place) -> Evaluated {
        let mut names = traversal
            .operators
            .iter()
            .filter_map(|operator| match operator.value() {
                TraversalOperator::GetAttr(name) => Some(name.as_str()),
                _ => None,
            });
        let missing = || BakeError::new(place, "the target or its attribute does not exist");
        let target = names.next().ok_or_else(missing)?;
        let attribute = names.next().ok_or_else(missing)?;
        let mut blocks = self
            .definitions
            .targets
            .iter()
            .rev()
            .filter(|block| block.name == target);
        let definition = blocks
            .find_map(|block| block.attribute(attribute))
            .ok_or_else(missing)?;
        let key = format!("target.{target}.{attribute}");
        if !self.in_progress.borrow_mut().insert(key.clone()) {
            return Err(BakeError::new(place, format!("{key} refers to itself")));
        }
        let value = self.evaluate(definition, &Locals::new());
        self.in_progress.borrow_mut().remove(&key);
        let mut value = value?;
        for name in names {
            value = self.member(value, name, place)?;
        }
        Ok(value)
    }

    fn member(&self, value: Value, key: &str, place: Place) -> Evaluated {
        each(value, |value| {
            if let Value::Text(text) = &value
                && value.is_open()
            {
                return Ok(self.open(&format!("{}.{key}", self.shown(text.as_str())), place));
            }
            let found = match &value {
                Value::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                other => other.get(key),
            };
            found
                .cloned()
                .ok_or_else(|| BakeError::new(place, format!("there is no {key}")))
        })
    }

    fn shown(&self, text: &str) -> String {
        let names = self
            .options
            .unknowns
            .map(|unknowns| unknowns.names_in(text))
            .unwrap_or_default();
        names.join(", ")
    }

    fn repeated(&self, repeated: &ForExpr, place: Place, scope: Scope<'_>) -> Evaluated {
        let collection = self.expression(&repeated.intro.collection_expr, scope)?;
        each(collection, |collection| {
            if matches!(collection, Value::Text(_)) && collection.is_open() {
                return Ok(collection);
            }
            let mut items = Vec::new();
            let mut entries = Vec::new();
            for (key, value) in pairs(&collection, place) {
                let mut locals = scope.locals.clone();
                if let Some(name) = &repeated.intro.key_var {
                    locals.push((name.as_str().to_owned(), key));
                }
                locals.push((repeated.intro.value_var.as_str().to_owned(), value));
                let inner = Scope {
                    locals: &locals,
                    ..scope
                };
                if let Some(condition) = &repeated.cond {
                    let condition = self.expression(&condition.expr, inner)?;
                    if condition.truth() == Some(false) {
                        continue;
                    }
                }
                let value = self.expression(&repeated.value_expr, inner)?;
                match &repeated.key_expr {
                    Some(key) => {
                        let key = self.expression(key, inner)?.to_text().unwrap_or_default();
                        entries.retain(|(known, _)| *known != key);
                        entries.push((key, value));
                    }
                    None => items.push(value),
                }
            }
            Ok(if repeated.key_expr.is_some() {
                Value::Map(entries)
            } else {
                Value::List(items)
            })
        })
    }

    fn binary(
        &self,
        operator: BinaryOperator,
        left: Value,
        right: &Value,
        place: Place,
        source: &str,
    ) -> Evaluated {
        each(left, |left| {
            each(right.clone(), |right| {
                self.operation(operator, &left, &right, place, source)
            })
        })
    }

    fn operation(
        &self,
        operator: BinaryOperator,
        left: &Value,
        right: &Value,
        place: Place,
        source: &str,
    ) -> Evaluated {
        match operator {
            BinaryOperator::Eq => {
                return Ok(left
                    .equals(right)
                    .map_or_else(|| self.open(source, place), Value::Truth));
            }
            BinaryOperator::NotEq => {
                let equal = left.equals(right);
                return Ok(
                    equal.map_or_else(|| self.open(source, place), |equal| Value::Truth(!equal))
                );
            }
            BinaryOperator::And | BinaryOperator::Or => {
                let decisive = operator == BinaryOperator::Or;
                return Ok(match (left.truth(), right.truth()) {
                    (Some(truth), _) | (_, Some(truth)) if truth == decisive => {
                        Value::Truth(decisive)
                    }
                    (Some(_), Some(_)) => Value::Truth(!decisive),
                    _ => self.open(source, place),
                });
            }
            _ => {}
        }
        if left.is_open() || right.is_open() {
            return Ok(self.open(source, place));
        }
        let numbers = left.number().zip(right.number());
        let (left, right) =
            numbers.ok_or_else(|| BakeError::new(place, "the operator needs numbers"))?;
        Ok(match operator {
            BinaryOperator::Less => Value::Truth(left < right),
            BinaryOperator::LessEq => Value::Truth(left <= right),
            BinaryOperator::Greater => Value::Truth(left > right),
            BinaryOperator::GreaterEq => Value::Truth(left >= right),
            BinaryOperator::Plus => Value::Number(left + right),
            BinaryOperator::Minus => Value::Number(left - right),
            BinaryOperator::Mul => Value::Number(left * right),
            BinaryOperator::Div if right == 0.0 => {
                return Err(BakeError::new(place, "a division by zero"));
            }
            BinaryOperator::Div => Value::Number(left / right),
            _ => Value::Number(left % right),
        })
    }
}

/// Returns the branch of a known condition, and both branches of an unknown one.
fn choose(
    condition: Value,
    source: &str,
    place: Place,
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
                Value::Either(inner) => {
                    let named = inner
                        .into_iter()
                        .map(|(more, value)| (format!("{name} and {more}"), value));
                    alternatives.extend(named);
                }
                value => alternatives.push((name, value)),
            }
        }
        alternatives.truncate(super::value::MOST_ALTERNATIVES);
        Ok(Value::Either(alternatives))
    })
}

fn marks_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.as_str().to_owned(),
        Value::List(items) => items.iter().map(marks_of).collect(),
        Value::Map(entries) => entries.iter().map(|(_, value)| marks_of(value)).collect(),
        _ => String::new(),
    }
}

/// The keys and values of a list or a map.
fn pairs(collection: &Value, place: Place) -> Vec<(Value, Value)> {
    match collection {
        Value::List(items) => {
            let pair = |(index, value): (usize, &Value)| {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                (Value::Number(f64::from(index)), value.clone())
            };
            items.iter().enumerate().map(pair).collect()
        }
        Value::Map(entries) => {
            let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            sorted
                .into_iter()
                .map(|(key, value)| (Value::text(key.clone(), place), value.clone()))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Converts a default to the declared type of its variable.
fn converted(value: Value, kind: Option<&str>) -> Value {
    match (kind, &value) {
        (Some("bool"), Value::Text(_)) => value.truth().map_or(value, Value::Truth),
        (Some("number"), Value::Text(_)) => value.number().map_or(value, Value::Number),
        (Some("string"), Value::Truth(_) | Value::Number(_)) => {
            Value::text(value.to_text().unwrap_or_default(), Place::default())
        }
        _ => value,
    }
}

/// Converts a value of the environment.
fn typed(name: &str, given: &str, shape: &str, place: Place) -> Evaluated {
    let wrong = || BakeError::new(place, format!("the value of {name} is no {shape}"));
    Ok(match shape {
        "bool" => match given {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Truth(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Truth(false),
            _ => return Err(wrong()),
        },
        "number" => Value::Number(given.parse().map_err(|_| wrong())?),
        "list" | "set" | "tuple" => {
            let items = given.split(',').filter(|item| !item.is_empty());
            Value::List(items.map(|item| Value::text(item, place)).collect())
        }
        "map" => {
            let entries = given.split(',').filter_map(|item| item.split_once('='));
            Value::Map(
                entries
                    .map(|(key, value)| (key.to_owned(), Value::text(value, place)))
                    .collect(),
            )
        }
        "string" => Value::text(given, place),
        _ => {
            return Err(BakeError::new(
                place,
                format!("the variable {name} cannot be set from the environment"),
            ));
        }
    })
}

/// Removes the common indentation of a heredoc that starts with `<<-`.
fn dedented(text: &str, indented: bool) -> String {
    if !indented {
        return text.to_owned();
    }
    let lines = text.split('\n').filter(|line| !line.trim().is_empty());
    let indent = lines
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let cut: Vec<&str> = text
        .split('\n')
        .map(|line| line.get(indent..).unwrap_or_default())
        .collect();
    cut.join("\n")
}

/// Returns a text with its location, as for a cache entry.
pub(super) fn located(value: &Value) -> Option<Located> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}
