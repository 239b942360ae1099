//! The parameters of functions, and the conversion of arguments to them.

use super::CallError;
use crate::format::bake::types::{self, Type};
use crate::format::bake::value::BakeValue;
use crate::format::located::TextPlace;

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Text,
    Number,
    Truth,
    /// A list of text.
    Texts,
    /// A list with elements of one type.
    List,
    Set,
    /// Any value but null.
    Any,
    /// Any value.
    Nullable,
}

/// The parameters of a function, and the one that may be repeated.
type Signature = (&'static [Parameter], Option<Parameter>);

/// Returns the parameters of a function. Returns `None` if bake has no such function.
pub(super) fn signature(name: &str) -> Option<Signature> {
    use Parameter::{Any, List, Nullable, Number, Set, Text, Texts, Truth};
    Some(match name {
        "absolute" | "ceil" | "floor" | "int" | "negate" | "signum" | "unixtimestampparse" => {
            (&[Number], None)
        }
        "add"
        | "subtract"
        | "multiply"
        | "divide"
        | "modulo"
        | "pow"
        | "log"
        | "greaterthan"
        | "greaterthanorequalto"
        | "lessthan"
        | "lessthanorequalto" => (&[Number, Number], None),
        "max" | "min" | "range" => (&[], Some(Number)),
        "and" | "or" => (&[Truth, Truth], None),
        "not" => (&[Truth], None),
        "base64decode" | "base64encode" | "basename" | "bcrypt" | "chomp" | "cidrnetmask"
        | "csvdecode" | "dirname" | "jsondecode" | "lower" | "md5" | "reverse" | "sanitize"
        | "sha1" | "sha256" | "sha512" | "strlen" | "title" | "trimspace" | "upper"
        | "urlencode" => (&[Text], None),
        "formatdate" | "regex" | "regexall" | "semvercmp" | "split" | "timeadd" | "trim"
        | "trimprefix" | "trimsuffix" | "uuidv5" | "rsadecrypt" => (&[Text, Text], None),
        "formattimestamp" => (&[Text, Any], None),
        "regex_replace" | "replace" => (&[Text, Text, Text], None),
        "substr" | "cidrsubnet" => (&[Text, Number, Number], None),
        "indent" => (&[Number, Text], None),
        "join" => (&[Text], Some(Texts)),
        "cidrhost" => (&[Text, Number], None),
        "cidrsubnets" => (&[Text], Some(Number)),
        "format" | "formatlist" => (&[Text], Some(Nullable)),
        "jsonencode" => (&[Nullable], None),
        "coalesce" | "coalescelist" | "merge" => (&[], Some(Nullable)),
        "equal" | "notequal" => (&[Nullable, Nullable], None),
        "chunklist" => (&[List, Number], None),
        "compact" | "sort" => (&[Texts], None),
        "distinct" => (&[List], None),
        "zipmap" => (&[Texts, Any], None),
        "concat" | "setproduct" => (&[], Some(Any)),
        "contains" | "hasindex" | "index" | "indexof" => (&[Any, Any], None),
        "element" | "parseint" => (&[Any, Number], None),
        "slice" => (&[Any, Number, Number], None),
        "lookup" => (&[Any, Text, Any], None),
        "flatten" | "keys" | "values" | "length" | "reverselist" => (&[Any], None),
        "sethaselement" => (&[Set, Any], None),
        "setsubtract" => (&[Set, Set], None),
        "setintersection" | "setunion" | "setsymmetricdifference" => (&[Set], Some(Set)),
        "timestamp" | "homedir" | "uuidv4" => (&[], None),
        // Their parameter is a type that no expression has.
        "byteslen" | "bytesslice" => (&[Set, Set, Set, Set], None),
        _ => return None,
    })
}

/// Converts arguments to the parameters of a function.
pub(super) fn conform(name: &str, given: &[BakeValue]) -> Result<Vec<BakeValue>, CallError> {
    let Some((parameters, repeated)) = signature(name) else {
        return Err(format!("there is no function {name}").into());
    };
    if given.len() < parameters.len() {
        return Err("an argument is missing".into());
    }
    let mut converted = Vec::with_capacity(given.len());
    for (index, value) in given.iter().enumerate() {
        let parameter = parameters.get(index).copied().or(repeated);
        let parameter = parameter.ok_or("there are too many arguments")?;
        converted.push(argument(value, parameter)?);
    }
    Ok(converted)
}

fn argument(value: &BakeValue, parameter: Parameter) -> Result<BakeValue, CallError> {
    if value.is_open() || parameter == Parameter::Nullable {
        return Ok(value.clone());
    }
    if matches!(value, BakeValue::Null) {
        return Err("an argument is null".into());
    }
    let inner = |inner| Type::List(Box::new(inner));
    let (to, reason) = match parameter {
        Parameter::Text => (Type::Text, "an argument is no text"),
        Parameter::Number => (Type::Number, "an argument is no number"),
        Parameter::Truth => (Type::Truth, "an argument is neither true nor false"),
        Parameter::Texts => (inner(Type::Text), "an argument is no list of texts"),
        Parameter::List => (
            inner(Type::Any),
            "an argument is no list with elements of one type",
        ),
        Parameter::Set => return set(value),
        Parameter::Any | Parameter::Nullable => return Ok(value.clone()),
    };
    types::convert(value.clone(), &to).ok_or_else(|| reason.into())
}

fn set(value: &BakeValue) -> Result<BakeValue, CallError> {
    let items = match value {
        BakeValue::List(items) | BakeValue::Set(items) => items.clone(),
        _ => return Err("an argument is no set".into()),
    };
    let items = types::unify(items).ok_or("the elements of a set have several types")?;
    made_set(items)
}

/// Creates a set.
pub(super) fn made_set(items: Vec<BakeValue>) -> Result<BakeValue, CallError> {
    types::set(items).ok_or_else(|| CallError::gap("the order of a set of collections"))
}

/// The arguments of a call, converted to the parameters of the function.
pub(super) struct CallArguments<'a> {
    pub(super) values: &'a [BakeValue],
    pub(super) place: TextPlace,
}

impl CallArguments<'_> {
    pub(super) fn get(&self, index: usize) -> Result<&BakeValue, CallError> {
        self.values
            .get(index)
            .ok_or_else(|| "an argument is missing".into())
    }

    pub(super) fn text(&self, index: usize) -> Result<String, CallError> {
        self.get(index)?
            .to_text()
            .ok_or_else(|| "an argument is no text".into())
    }

    pub(super) fn number(&self, index: usize) -> Result<f64, CallError> {
        self.get(index)?
            .number()
            .ok_or_else(|| "an argument is no number".into())
    }

    /// An integer. A number with a fraction is an error.
    pub(super) fn whole(&self, index: usize) -> Result<i64, CallError> {
        whole(self.number(index)?)
    }

    /// The items of a list, a tuple or a set.
    pub(super) fn list(&self, index: usize) -> Result<Vec<BakeValue>, CallError> {
        match self.get(index)? {
            BakeValue::List(items) | BakeValue::Set(items) => Ok(items.clone()),
            _ => Err("an argument is no list".into()),
        }
    }

    /// The items of a list or a tuple, which have positions.
    pub(super) fn ordered(&self, index: usize) -> Result<Vec<BakeValue>, CallError> {
        match self.get(index)? {
            BakeValue::List(items) => Ok(items.clone()),
            _ => Err("an argument is no list".into()),
        }
    }

    pub(super) fn entries(&self, index: usize) -> Result<Vec<(String, BakeValue)>, CallError> {
        match self.get(index)? {
            BakeValue::Map(entries) => Ok(entries.clone()),
            _ => Err("an argument is no map".into()),
        }
    }

    pub(super) fn all_lists(&self) -> Result<Vec<Vec<BakeValue>>, CallError> {
        (0..self.values.len())
            .map(|index| self.list(index))
            .collect()
    }

    pub(super) fn made(&self, text: &str) -> BakeValue {
        BakeValue::text(text, self.place)
    }

    pub(super) fn map_text(&self, change: impl Fn(&str) -> String) -> Result<BakeValue, CallError> {
        let text = self.text(0)?;
        Ok(self.made(&change(&text)))
    }
}

/// Converts a number to an integer.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn whole(number: f64) -> Result<i64, CallError> {
    if number.fract() != 0.0 || number.abs() > 9e15 {
        return Err("an argument is no whole number".into());
    }
    Ok(number as i64)
}

/// Converts a count to a number.
pub(super) fn count(count: usize) -> BakeValue {
    BakeValue::Number(count as f64)
}
