//! Variables: their defaults, their types, and their values from the environment.

use super::declared::{Declared, VariableType};
use super::evaluate::{Evaluated, Evaluator, Locals};
use super::types::{self, Type};
use super::value::BakeValue;
use super::{BakeError, functions};
use crate::format::located::TextPlace;

/// A value from the environment, and whether it is JSON.
struct EnvironmentValue {
    text: String,
    is_json: bool,
}

impl Evaluator<'_> {
    /// Defines a variable or a top-level attribute.
    pub(super) fn define(&self, name: &str, place: TextPlace) -> Evaluated {
        match name {
            "BAKE_CMD_CONTEXT" => return Ok(BakeValue::text("cwd://", place)),
            "BAKE_LOCAL_PLATFORM" if self.options.unknowns.is_some() => {
                return Ok(self.open(name, place));
            }
            "BAKE_LOCAL_PLATFORM" => return Ok(BakeValue::text(self.options.platform, place)),
            _ => {}
        }
        let declared = self.definitions.variables.get(name);
        if let Some(definition) = self.definitions.attributes.get(name) {
            let value = self.evaluate(definition, &Locals::new())?;
            return match declared.and_then(|_| self.given(name, false)) {
                Some(given) => Self::untyped(name, &given.text, Some(&value), place),
                None => Ok(value),
            };
        }
        match declared {
            Some(declared) => self.declared(name, declared, place),
            None if self.options.unknowns.is_some() => Ok(self.open(name, place)),
            None => Err(BakeError::new(
                place,
                format!("the variable {name} does not exist"),
            )),
        }
    }

    fn declared(&self, name: &str, declared: &Declared, place: TextPlace) -> Evaluated {
        let to = match &declared.kind {
            VariableType::Unset => None,
            VariableType::Known(to) => Some(to),
            VariableType::Wrong if self.options.unknowns.is_some() => None,
            VariableType::Wrong => {
                let message = format!("the type of {name} is not valid");
                return Err(BakeError::new(declared.place, message));
            }
        };
        let given = self.given(name, to.is_some());
        let default = match &declared.default {
            Some(definition) => Some(self.evaluate(definition, &Locals::new())?),
            None => None,
        };
        let default = match (default, to) {
            (Some(value), Some(to)) => Some(types::convert(value, to).ok_or_else(|| {
                BakeError::new(
                    declared.place,
                    format!("the default of {name} has another type"),
                )
            })?),
            (value, _) => value,
        };
        match (given, to) {
            (Some(given), Some(to)) => typed(name, &given, to, place),
            (Some(given), None) => Self::untyped(name, &given.text, default.as_ref(), place),
            (None, to) => Ok(match (default, to) {
                (Some(value), _) => value,
                (None, _) if self.options.unknowns.is_some() => self.open(name, place),
                (None, Some(_)) => BakeValue::Null,
                (None, None) => BakeValue::text("", place),
            }),
        }
    }

    /// Looks up a variable in the environment. `NAME_JSON` holds its value as JSON.
    fn given(&self, name: &str, prefers_json: bool) -> Option<EnvironmentValue> {
        let lookup = self.options.lookup;
        let plain = lookup(name);
        if plain.is_none() || prefers_json {
            let json = format!("{name}_JSON");
            if !self.definitions.variables.contains_key(&json)
                && let Some(text) = lookup(&json)
            {
                let is_json = true;
                return Some(EnvironmentValue { text, is_json });
            }
        }
        let is_json = false;
        plain.map(|text| EnvironmentValue { text, is_json })
    }

    /// Converts a value of the environment to the type of the default.
    fn untyped(name: &str, text: &str, default: Option<&BakeValue>, place: TextPlace) -> Evaluated {
        let to = match default {
            Some(BakeValue::Truth(_)) => Type::Truth,
            Some(BakeValue::Number(_)) => Type::Number,
            Some(BakeValue::List(_) | BakeValue::Set(_) | BakeValue::Map(_)) => {
                let message = format!("the variable {name} cannot be set from the environment");
                return Err(BakeError::new(place, message));
            }
            _ => Type::Text,
        };
        primitive(name, text, &to, place)
    }

    /// Evaluates all variables and checks their rules, as bake does before anything else.
    pub(super) fn check_variables(&self) -> Result<(), BakeError> {
        for (name, declared) in &self.definitions.variables {
            self.named(name, declared.place)?;
        }
        for (name, definition) in &self.definitions.attributes {
            self.named(name, definition.file.place(0))?;
        }
        for declared in self.definitions.variables.values() {
            for (condition, _) in &declared.validations {
                let value = self.evaluate(condition, &Locals::new())?;
                if value.truth() != Some(true) {
                    let message = "a variable does not satisfy its validation";
                    return Err(BakeError::new(declared.place, message));
                }
            }
        }
        for (name, function) in &self.definitions.functions {
            if !function.has_params || function.result.is_none() {
                let message = format!("the function {name} lacks params or result");
                return Err(BakeError::new(function.place, message));
            }
        }
        Ok(())
    }
}

fn wrong(name: &str, shape: &str, place: TextPlace) -> BakeError {
    BakeError::new(place, format!("the value of {name} is no {shape}"))
}

/// Converts a value of the environment to a declared type.
fn typed(name: &str, given: &EnvironmentValue, to: &Type, place: TextPlace) -> Evaluated {
    let text = given.text.as_str();
    if given.is_json {
        let parsed = functions::from_json_text(text, place).map_err(|error| BakeError {
            place,
            message: format!("the value of {name}_JSON: {}", error.message),
            is_gap: error.is_gap,
        })?;
        return types::convert(parsed, to).ok_or_else(|| wrong(name, "value of its type", place));
    }
    let fields = || fields(text).ok_or_else(|| wrong(name, "list", place));
    let part = |field: &String, to: &Type| {
        if to.is_primitive() {
            primitive(name, field, to, place)
        } else {
            Err(wrong(name, "list of its type", place))
        }
    };
    match to {
        Type::List(inner) | Type::Set(inner) => {
            let items = fields()?;
            let items = items.iter().map(|field| part(field, inner));
            let items: Vec<BakeValue> = items.collect::<Result<_, _>>()?;
            if matches!(to, Type::List(_)) {
                return Ok(BakeValue::List(items));
            }
            types::set(items).ok_or_else(|| wrong(name, "set", place))
        }
        Type::Tuple(types) => {
            let items = fields()?;
            if items.len() != types.len() {
                return Err(wrong(name, "tuple of its length", place));
            }
            let items = items.iter().zip(types).map(|(field, to)| part(field, to));
            Ok(BakeValue::List(items.collect::<Result<_, _>>()?))
        }
        Type::Map(inner) => {
            let mut entries: Vec<(String, BakeValue)> = Vec::new();
            for field in fields()? {
                let (key, value) = field
                    .split_once(':')
                    .filter(|(_, value)| !value.contains(':') && !field.contains('"'))
                    .ok_or_else(|| wrong(name, "map", place))?;
                let value = part(&value.to_owned(), inner)?;
                entries.retain(|(known, _)| known != key);
                entries.push((key.to_owned(), value));
            }
            Ok(BakeValue::Map(entries))
        }
        to if to.is_primitive() => primitive(name, text, to, place),
        _ => Err(BakeError::new(
            place,
            format!("the variable {name} cannot be set from the environment"),
        )),
    }
}

fn primitive(name: &str, text: &str, to: &Type, place: TextPlace) -> Evaluated {
    Ok(match to {
        Type::Truth => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => BakeValue::Truth(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => BakeValue::Truth(false),
            _ => return Err(wrong(name, "boolean", place)),
        },
        Type::Number => {
            let number = super::numbers::parse(text).ok_or_else(|| wrong(name, "number", place))?;
            BakeValue::Number(number)
        }
        _ => BakeValue::text(text, place),
    })
}

/// Splits a line at its commas.
fn fields(text: &str) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let record = records.next()?.ok()?;
    let is_only = records.next().is_none();
    is_only.then(|| record.iter().map(str::to_owned).collect())
}
