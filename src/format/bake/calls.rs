//! Evaluates calls, operators and loops.

use hcl_edit::Span;
use hcl_edit::expr::{BinaryOp, BinaryOperator, Expression, ForExpr, FuncCall};

use super::evaluate::{Evaluated, Evaluator, Locals, Scope};
use super::read::Function;
use super::types::{self, Type};
use super::value::{BakeValue, each};
use super::{BakeError, functions, numbers};
use crate::format::located::TextPlace;

impl Evaluator<'_> {
    pub(super) fn function_call(
        &self,
        call: &FuncCall,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        let name = call.name.name.as_str();
        let is_own = self.definitions.functions.contains_key(name);
        if name == "convert" && !is_own {
            return self.conversion(call, place, scope);
        }
        let mut arguments = Vec::new();
        for argument in &call.args {
            arguments.push(self.expression(argument, scope));
        }
        if call.args.expand_final() {
            match arguments.pop() {
                Some(Ok(last)) => {
                    let items = last.list();
                    let items =
                        items.ok_or_else(|| BakeError::new(place, "the last argument is no list"));
                    match items {
                        Ok(items) => arguments.extend(items.into_iter().map(Ok)),
                        Err(error) => arguments.push(Err(error)),
                    }
                }
                Some(error) => arguments.push(error),
                None => {}
            }
        }
        let source = scope.file.source(call.span());
        self.call(name, arguments, place, &source)
    }

    /// Evaluates `convert(value, type)`.
    fn conversion(&self, call: &FuncCall, place: TextPlace, scope: Scope<'_>) -> Evaluated {
        let wrong = || BakeError::new(place, "convert needs a value and a type");
        let arguments: Vec<&Expression> = call.args.iter().collect();
        let [value, to] = arguments.as_slice() else {
            return Err(wrong());
        };
        let to = Type::parse(to).ok_or_else(wrong)?;
        let value = self.expression(value, scope)?;
        each(value, |value| {
            types::convert(value, &to)
                .ok_or_else(|| BakeError::new(place, "the value cannot be converted"))
        })
    }

    /// Calls a function. Arguments that failed matter only to `try` and `can`.
    fn call(
        &self,
        name: &str,
        arguments: Vec<Evaluated>,
        place: TextPlace,
        source: &str,
    ) -> Evaluated {
        let own = self.definitions.functions.get(name);
        if own.is_none() && matches!(name, "try" | "can") {
            return attempted(name, arguments, place);
        }
        let arguments: Vec<BakeValue> = arguments.into_iter().collect::<Result<_, _>>()?;
        if functions::exists(name) {
            return self.distribute(name, &arguments, place, source);
        }
        if let Some(function) = own {
            return self.user_function(name, function, arguments, place);
        }
        self.distribute(name, &arguments, place, source)
    }

    /// Calls a function once for each alternative of its arguments.
    fn distribute(
        &self,
        name: &str,
        arguments: &[BakeValue],
        place: TextPlace,
        source: &str,
    ) -> Evaluated {
        let either = arguments
            .iter()
            .position(|argument| matches!(argument, BakeValue::Either(_)));
        if let Some(index) = either {
            return each(arguments[index].clone(), |value| {
                let mut arguments = arguments.to_vec();
                arguments[index] = value;
                self.distribute(name, &arguments, place, source)
            });
        }
        if arguments.iter().any(BakeValue::is_open) && !functions::keeps_marks(name) {
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
        let is_lenient = self.options.unknowns.is_some();
        let called = match name {
            "timestamp" | "homedir" if !is_lenient => self.surroundings(name, place),
            _ => functions::call(name, arguments, place),
        };
        match called {
            Ok(value) => Ok(value),
            Err(error) if error.is_gap && is_lenient => Ok(self.open(source, place)),
            Err(_) if is_lenient && !functions::exists(name) => Ok(self.open(source, place)),
            Err(error) if !functions::exists(name) => Err(BakeError::new(place, error.message)),
            Err(error) => Err(BakeError {
                message: format!("{name}: {}", error.message),
                is_gap: error.is_gap,
                place,
            }),
        }
    }

    /// Returns what a function reads from the surroundings of the build.
    fn surroundings(
        &self,
        name: &str,
        place: TextPlace,
    ) -> Result<BakeValue, functions::CallError> {
        let text = match name {
            "timestamp" => functions::now(self.options.now)?,
            _ => (self.options.lookup)("HOME")
                .filter(|home| !home.is_empty())
                .ok_or_else(|| functions::CallError::gap("HOME is not set"))?,
        };
        Ok(BakeValue::text(text, place))
    }

    fn user_function(
        &self,
        name: &str,
        function: &Function,
        arguments: Vec<BakeValue>,
        place: TextPlace,
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
            locals.push((variadic.clone(), BakeValue::List(arguments.collect())));
        }
        self.evaluate(result, &locals)
    }

    pub(super) fn repeated(
        &self,
        repeated: &ForExpr,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        let collection = self.expression(&repeated.intro.collection_expr, scope)?;
        each(collection, |collection| {
            if matches!(collection, BakeValue::Text(_)) && collection.is_open() {
                return Ok(collection);
            }
            let mut items = Vec::new();
            let mut entries: Vec<(String, BakeValue)> = Vec::new();
            for (key, value) in pairs(&collection, place)? {
                let mut locals = scope.locals.clone();
                if let Some(name) = &repeated.intro.key_var {
                    locals.push((name.as_str().to_owned(), key));
                }
                locals.push((repeated.intro.value_var.as_str().to_owned(), value));
                let inner = Scope {
                    locals: &locals,
                    ..scope
                };
                if !self.is_included(repeated, place, inner)? {
                    continue;
                }
                let value = self.expression(&repeated.value_expr, inner)?;
                match &repeated.key_expr {
                    Some(key) => {
                        let key = self.expression(key, inner)?.to_text();
                        let key = key.ok_or_else(|| BakeError::new(place, "a key is not text"))?;
                        add_entry(&mut entries, key, value, repeated.grouping, place)?;
                    }
                    None => items.push(value),
                }
            }
            Ok(if repeated.key_expr.is_some() {
                BakeValue::Map(entries)
            } else {
                BakeValue::List(items)
            })
        })
    }

    fn is_included(
        &self,
        repeated: &ForExpr,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Result<bool, BakeError> {
        let Some(condition) = &repeated.cond else {
            return Ok(true);
        };
        let condition = self.expression(&condition.expr, scope)?;
        match condition.truth() {
            Some(truth) => Ok(truth),
            None if self.options.unknowns.is_some() => Ok(true),
            None => Err(BakeError::new(
                place,
                "the condition is neither true nor false",
            )),
        }
    }

    pub(super) fn binary(
        &self,
        operation: &BinaryOp,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        let operator = *operation.operator.value();
        let source = scope.file.source(operation.span());
        let left = self.expression(&operation.lhs_expr, scope);
        let right = self.expression(&operation.rhs_expr, scope);
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            // A side that decides the result makes the other one irrelevant, even if it fails.
            let decisive = operator == BinaryOperator::Or;
            let decides =
                |side: &Evaluated| side.as_ref().ok().and_then(BakeValue::truth) == Some(decisive);
            if decides(&left) || decides(&right) {
                return Ok(BakeValue::Truth(decisive));
            }
        }
        let right = right?;
        each(left?, |left| {
            each(right.clone(), |right| {
                self.operation(operator, &left, &right, place, &source)
            })
        })
    }

    fn operation(
        &self,
        operator: BinaryOperator,
        left: &BakeValue,
        right: &BakeValue,
        place: TextPlace,
        source: &str,
    ) -> Evaluated {
        if left.is_open() || right.is_open() {
            return Ok(self.open(source, place));
        }
        match operator {
            BinaryOperator::Eq => return Ok(BakeValue::Truth(left.equals(right) == Some(true))),
            BinaryOperator::NotEq => return Ok(BakeValue::Truth(left.equals(right) != Some(true))),
            BinaryOperator::And | BinaryOperator::Or => {
                let truths = left.truth().zip(right.truth());
                let (left, right) = truths
                    .ok_or_else(|| BakeError::new(place, "the operator needs true or false"))?;
                return Ok(BakeValue::Truth(match operator {
                    BinaryOperator::And => left && right,
                    _ => left || right,
                }));
            }
            _ => {}
        }
        let numbers = left.number().zip(right.number());
        let (left, right) =
            numbers.ok_or_else(|| BakeError::new(place, "the operator needs numbers"))?;
        let name = match operator {
            BinaryOperator::Less => return Ok(BakeValue::Truth(left < right)),
            BinaryOperator::LessEq => return Ok(BakeValue::Truth(left <= right)),
            BinaryOperator::Greater => return Ok(BakeValue::Truth(left > right)),
            BinaryOperator::GreaterEq => return Ok(BakeValue::Truth(left >= right)),
            BinaryOperator::Plus => "add",
            BinaryOperator::Minus => "subtract",
            BinaryOperator::Mul => "multiply",
            BinaryOperator::Div => "divide",
            _ => "modulo",
        };
        numbers::compute(name, left, right).map_err(|error| BakeError {
            place,
            message: error.message,
            is_gap: error.is_gap,
        })
    }
}

/// Evaluates `try` and `can`. A failure that is this program's own is not caught.
fn attempted(name: &str, arguments: Vec<Evaluated>, place: TextPlace) -> Evaluated {
    if name == "can" && arguments.len() != 1 {
        return Err(BakeError::new(place, "can takes one argument"));
    }
    for argument in arguments {
        match argument {
            Ok(_) if name == "can" => return Ok(BakeValue::Truth(true)),
            Ok(value) => return Ok(value),
            Err(error) if error.is_gap => return Err(error),
            Err(_) => {}
        }
    }
    if name == "can" {
        return Ok(BakeValue::Truth(false));
    }
    Err(BakeError::new(place, "no argument of try succeeds"))
}

fn add_entry(
    entries: &mut Vec<(String, BakeValue)>,
    key: String,
    value: BakeValue,
    is_grouped: bool,
    place: TextPlace,
) -> Result<(), BakeError> {
    let known = entries.iter_mut().find(|(known, _)| *known == key);
    match (known, is_grouped) {
        (Some((_, BakeValue::List(items))), true) => items.push(value),
        (None, true) => entries.push((key, BakeValue::List(vec![value]))),
        (None, false) => entries.push((key, value)),
        (Some(_), _) => return Err(BakeError::new(place, format!("the key {key} exists twice"))),
    }
    Ok(())
}

fn marks_of(value: &BakeValue) -> String {
    match value {
        BakeValue::Text(text) => text.as_str().to_owned(),
        BakeValue::List(items) | BakeValue::Set(items) => items.iter().map(marks_of).collect(),
        BakeValue::Map(entries) => entries.iter().map(|(_, value)| marks_of(value)).collect(),
        _ => String::new(),
    }
}

/// The keys and values of a list, a set or a map.
pub(super) fn pairs(
    collection: &BakeValue,
    place: TextPlace,
) -> Result<Vec<(BakeValue, BakeValue)>, BakeError> {
    Ok(match collection {
        BakeValue::List(items) => {
            let pair = |(index, value): (usize, &BakeValue)| {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                (BakeValue::Number(f64::from(index)), value.clone())
            };
            items.iter().enumerate().map(pair).collect()
        }
        BakeValue::Set(items) => {
            let pairs = items.iter().map(|item| (item.clone(), item.clone()));
            pairs.collect()
        }
        BakeValue::Map(entries) => {
            let mut sorted: Vec<&(String, BakeValue)> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            sorted
                .into_iter()
                .map(|(key, value)| (BakeValue::text(key.clone(), place), value.clone()))
                .collect()
        }
        value if value.is_open() => Vec::new(),
        _ => return Err(BakeError::new(place, "a loop needs a list or a map")),
    })
}
