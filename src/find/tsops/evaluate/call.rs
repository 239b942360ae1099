//! Calls of functions and methods.

use oxc_ast::ast::{Argument, CallExpression, Expression};

use super::{JsScope, TsopsEvaluator};
use crate::find::tsops::value::Js;
use crate::format::located::{Located, TextPlace};

impl<'a> TsopsEvaluator<'_, 'a> {
    pub(super) fn call(
        &self,
        call: &'a CallExpression<'a>,
        place: TextPlace,
        scope: JsScope<'_, 'a>,
    ) -> Js<'a> {
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

    fn object_function(&self, method: &str, arguments: &[Js<'a>], place: TextPlace) -> Js<'a> {
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

    fn method(
        &self,
        object: &Js<'a>,
        method: &str,
        arguments: &[Js<'a>],
        place: TextPlace,
    ) -> Js<'a> {
        let value = match object {
            Js::List(items) => self.list_method(items, method, arguments, place),
            Js::Text(_) if method == "concat" => {
                let append = |whole, part| self.appended(whole, part, place);
                Some(arguments.iter().fold(object.clone(), append))
            }
            Js::Text(text) => text_method(text, object.is_open(), method, arguments),
            _ => None,
        };
        value.unwrap_or_else(|| self.unknown_method(object, method, place))
    }

    fn unknown_method(&self, object: &Js<'a>, method: &str, place: TextPlace) -> Js<'a> {
        let is_replacement = matches!(method, "replace" | "replaceAll");
        match object {
            Js::Text(text) if is_replacement && !object.is_open() => {
                self.unknown(&format!("{}.{method}(…)", text.as_str()), place)
            }
            Js::Text(text) => {
                let name = self.session.unknowns.names_in(text.as_str()).join(", ");
                self.unknown(&format!("{name}.{method}(…)"), place)
            }
            _ => self.unknown(&format!("{method}(…)"), place),
        }
    }

    /// Calls a method of an array. Returns `None` for unknown methods.
    fn list_method(
        &self,
        items: &[Js<'a>],
        method: &str,
        arguments: &[Js<'a>],
        place: TextPlace,
    ) -> Option<Js<'a>> {
        let function = match arguments.first() {
            Some(Js::Function(function)) => Some(function),
            _ => None,
        };
        Some(match method {
            "map" => {
                let Some(function) = function else {
                    return Some(Js::List(items.to_vec()));
                };
                let index = |at: usize| Js::Number(at as f64, place);
                let mapped = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.apply(function, vec![item.clone(), index(at)]));
                Js::List(mapped.collect())
            }
            "filter" => {
                let truth = |item: &Js<'a>| match function {
                    Some(function) => self.apply(function, vec![item.clone()]).truth(),
                    None => item.truth(),
                };
                let kept = items.iter().filter(|item| truth(item) != Some(false));
                Js::List(kept.cloned().collect())
            }
            "join" => {
                let separator = text_of(arguments, 0).unwrap_or_else(|| ",".to_owned());
                let texts: Vec<String> = items
                    .iter()
                    .filter_map(Js::text)
                    .map(|text| text.as_str().to_owned())
                    .collect();
                Js::Text(Located::new(texts.join(&separator), place))
            }
            "includes" => {
                let wanted = text_of(arguments, 0);
                let mut texts = items.iter().map(Js::text);
                let is_there =
                    texts.any(|text| text.map(|text| text.as_str().to_owned()) == wanted);
                Js::Truth(is_there, place)
            }
            _ => return None,
        })
    }
}

/// Calls a method of a text. Returns `None` for unknown methods. A text that is `open` holds
/// unknown parts.
fn text_method<'a>(
    text: &Located,
    is_open: bool,
    method: &str,
    arguments: &[Js<'a>],
) -> Option<Js<'a>> {
    let value = text.as_str();
    Some(Js::Text(match method {
        "toLowerCase" => text.with_text(value.to_lowercase()),
        "toUpperCase" => text.with_text(value.to_uppercase()),
        "trim" | "toString" => text.trimmed(),
        "replace" | "replaceAll" if !is_open => {
            let from = text_of(arguments, 0)?;
            let to = text_of(arguments, 1)?;
            match method {
                "replace" => text.with_text(value.replacen(&from, &to, 1)),
                _ if from.is_empty() => return None,
                _ => text.with_text(value.replace(&from, &to)),
            }
        }
        _ => return None,
    }))
}

/// Returns the text of an argument.
fn text_of(arguments: &[Js<'_>], index: usize) -> Option<String> {
    let text = arguments.get(index)?.text()?;
    Some(text.as_str().to_owned())
}
