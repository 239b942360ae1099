//! The functions of bake files. Bake takes them from go-cty and go-cty-funcs; a function that is
//! missing here fails, and its error says that it is this program that does not support it.

mod arguments;
mod json;
mod lists;
mod network;
mod pattern;
mod printf;
mod text;
mod times;
mod versions;

use super::numbers;
use super::value::BakeValue;
use crate::format::located::TextPlace;
use arguments::CallArguments;

pub(super) use times::now;

/// The most items that a function may create.
const MOST_ITEMS: usize = 10_000;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) message: String,
    /// Whether bake could evaluate the call, and this program cannot.
    pub(super) is_gap: bool,
}

impl CallError {
    pub(super) fn gap(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_gap: true,
        }
    }
}

impl From<String> for CallError {
    fn from(message: String) -> Self {
        Self {
            message,
            is_gap: false,
        }
    }
}

impl From<&str> for CallError {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

pub(super) type Called = Result<BakeValue, CallError>;

/// Returns whether bake has a function.
pub(super) fn exists(name: &str) -> bool {
    arguments::signature(name).is_some()
}

/// Decodes a variable of the environment that holds JSON.
pub(super) fn from_json_text(text: &str, place: TextPlace) -> Called {
    json::decode(text, place)
}

/// Returns whether a function accepts arguments with unknown parts.
pub(super) fn keeps_marks(name: &str) -> bool {
    matches!(
        name,
        "lower"
            | "upper"
            | "title"
            | "trimspace"
            | "chomp"
            | "concat"
            | "compact"
            | "flatten"
            | "distinct"
            | "format"
            | "formatlist"
            | "join"
            | "merge"
            | "values"
            | "keys"
            | "setunion"
            | "reverselist"
            | "trimprefix"
            | "element"
            | "lookup"
            | "zipmap"
            | "coalesce"
            | "coalescelist"
            | "slice"
            | "notequal"
            | "equal"
            | "and"
            | "or"
            | "not"
            | "sanitize"
            | "replace"
            | "setproduct"
            | "reverse"
    )
}

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[BakeValue], place: TextPlace) -> Called {
    let values = arguments::conform(name, arguments)?;
    let given = CallArguments {
        values: &values,
        place,
    };
    let called = text::call(name, &given)
        .or_else(|| lists::call(name, &given))
        .or_else(|| times::call(name, &given))
        .or_else(|| network::call(name, &given));
    match called {
        Some(result) => result,
        None => basic(name, &given),
    }
}

/// Calls a function on numbers and booleans.
fn basic(name: &str, given: &CallArguments<'_>) -> Called {
    match name {
        "format" => Ok(given.made(&printf::format(given)?)),
        "formatlist" => printf::formatlist(given),
        "semvercmp" => versions::compare(given),
        "equal" | "notequal" => compare(given, name == "equal"),
        "and" | "or" | "not" => logic(given, name),
        "greaterthan" => Ok(BakeValue::Truth(given.number(0)? > given.number(1)?)),
        "greaterthanorequalto" => Ok(BakeValue::Truth(given.number(0)? >= given.number(1)?)),
        "lessthan" => Ok(BakeValue::Truth(given.number(0)? < given.number(1)?)),
        "lessthanorequalto" => Ok(BakeValue::Truth(given.number(0)? <= given.number(1)?)),
        "add" | "subtract" | "multiply" | "divide" | "modulo" => {
            numbers::compute(name, given.number(0)?, given.number(1)?)
        }
        "pow" => power(given.number(0)?, given.number(1)?),
        "min" | "max" => extreme(given, name == "min"),
        "parseint" => parse_integer(given),
        "negate" => given.number(0).map(|n| BakeValue::Number(-n)),
        "absolute" => given.number(0).map(|n| BakeValue::Number(n.abs())),
        "ceil" => given.number(0).map(|n| BakeValue::Number(n.ceil())),
        "floor" => given.number(0).map(|n| BakeValue::Number(n.floor())),
        "int" => given.number(0).map(|n| BakeValue::Number(n.trunc())),
        "signum" => given.whole(0).map(|n| BakeValue::Number(n.signum() as f64)),
        _ => Err(CallError::gap("this function is not supported")),
    }
}

fn compare(given: &CallArguments<'_>, wanted: bool) -> Called {
    let left = given.get(0)?;
    let right = given.get(1)?;
    Ok(match left.equals(right) {
        Some(equal) => BakeValue::Truth(equal == wanted),
        // The mark of the unknown argument stands for the result.
        None if left.is_open() => only_marks(left, given.place),
        None => only_marks(right, given.place),
    })
}

fn logic(given: &CallArguments<'_>, name: &str) -> Called {
    let truths: Vec<Option<bool>> = given.values.iter().map(BakeValue::truth).collect();
    let open = given.values.iter().find(|value| value.is_open());
    let decisive = name == "or";
    match (name, truths.as_slice(), open) {
        ("not", [Some(truth)], _) => Ok(BakeValue::Truth(!truth)),
        ("and" | "or", truths, _) if truths.contains(&Some(decisive)) => {
            Ok(BakeValue::Truth(decisive))
        }
        ("and" | "or", [Some(_), Some(_)], _) => Ok(BakeValue::Truth(!decisive)),
        (_, _, Some(value)) => Ok(only_marks(value, given.place)),
        _ => Err("the arguments are neither true nor false".into()),
    }
}

/// Raises a number to a whole power. Other results have digits that are not computed.
fn power(base: f64, exponent: f64) -> Called {
    let result = base.powf(exponent);
    let is_whole = |number: f64| number.fract() == 0.0 && numbers::is_exact(number);
    if is_whole(base) && is_whole(exponent) && is_whole(result) && exponent >= 0.0 {
        Ok(BakeValue::Number(result))
    } else {
        Err(CallError::gap("the digits of this number are not computed"))
    }
}

fn extreme(given: &CallArguments<'_>, is_least: bool) -> Called {
    let numbers: Vec<f64> = (0..given.values.len())
        .map(|index| given.number(index))
        .collect::<Result<_, _>>()?;
    let pick = if is_least { f64::min } else { f64::max };
    let found = numbers.into_iter().reduce(pick);
    found
        .map(BakeValue::Number)
        .ok_or_else(|| "an argument is missing".into())
}

fn parse_integer(given: &CallArguments<'_>) -> Called {
    let BakeValue::Text(text) = given.get(0)? else {
        return Err("an argument is no text".into());
    };
    let base = u32::try_from(given.whole(1)?).unwrap_or(0);
    if !(2..=36).contains(&base) {
        return Err(CallError::gap("the base is not supported"));
    }
    let text = text.as_str();
    let parsed = i64::from_str_radix(text, base).map_err(|_| {
        let digits = text.trim_start_matches(['-', '+']);
        // Bake also reads numbers that are too large for this program.
        if digits.chars().all(|c| c.is_digit(base)) && !digits.is_empty() {
            CallError::gap("the number is too large")
        } else {
            format!("{text} is no number").into()
        }
    })?;
    let number = parsed as f64;
    if numbers::is_exact(number) {
        Ok(BakeValue::Number(number))
    } else {
        Err(CallError::gap("the number is too large"))
    }
}

/// Returns the marks of a value.
fn only_marks(value: &BakeValue, place: TextPlace) -> BakeValue {
    match value {
        BakeValue::Text(text) => {
            let marks = text.as_str().chars();
            let marks: String = marks
                .filter(|c| crate::format::unknown::is_mark(*c))
                .collect();
            BakeValue::text(marks, place)
        }
        other => other.clone(),
    }
}
