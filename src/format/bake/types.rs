//! Types and conversions between them, as in HCL.

use hcl_edit::expr::{Expression, ObjectKey};

use super::value::BakeValue;

/// A type constraint, as in `type = list(string)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Any,
    Text,
    Number,
    Truth,
    List(Box<Self>),
    Set(Box<Self>),
    Map(Box<Self>),
    Tuple(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// The deepest nesting of types.
const DEPTH: usize = 32;

impl Type {
    /// Parses a constraint. Returns `None` if it is not one.
    pub(super) fn parse(expression: &Expression) -> Option<Self> {
        Self::parse_nested(expression, 0)
    }

    fn parse_nested(expression: &Expression, depth: usize) -> Option<Self> {
        if depth > DEPTH {
            return None;
        }
        match expression {
            Expression::Parenthesis(inner) => Self::parse_nested(inner.inner(), depth + 1),
            Expression::Variable(name) => match name.as_str() {
                "any" => Some(Self::Any),
                "string" => Some(Self::Text),
                "number" => Some(Self::Number),
                "bool" => Some(Self::Truth),
                _ => None,
            },
            Expression::FuncCall(call) => {
                let mut arguments = call.args.iter();
                let only = arguments.next()?;
                if arguments.next().is_some() {
                    return None;
                }
                let inner = || Self::parse_nested(only, depth + 1).map(Box::new);
                match (call.name.name.as_str(), only) {
                    ("list", _) => inner().map(Self::List),
                    ("set", _) => inner().map(Self::Set),
                    ("map", _) => inner().map(Self::Map),
                    ("tuple", Expression::Array(items)) => {
                        let items = items.iter().map(|item| Self::parse_nested(item, depth + 1));
                        items.collect::<Option<_>>().map(Self::Tuple)
                    }
                    ("object", Expression::Object(object)) => {
                        let attribute = |(key, value): (&ObjectKey, _)| {
                            let ObjectKey::Ident(name) = key else {
                                return None;
                            };
                            let value: &hcl_edit::expr::ObjectValue = value;
                            let inner = Self::parse_nested(value.expr(), depth + 1)?;
                            Some((name.as_str().to_owned(), inner))
                        };
                        let attributes = object.iter().map(attribute);
                        attributes.collect::<Option<_>>().map(Self::Object)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Returns whether values have no parts.
    pub(super) fn is_primitive(&self) -> bool {
        matches!(self, Self::Text | Self::Number | Self::Truth)
    }
}

/// Converts a value to a type. Returns `None` if that is not possible.
pub(super) fn convert(value: BakeValue, to: &Type) -> Option<BakeValue> {
    if value.is_open() || matches!(value, BakeValue::Null) {
        return Some(value);
    }
    match (to, value) {
        (Type::Any, value) => Some(value),
        (Type::Text, value) => value.as_text_value(),
        (Type::Number, value) => value.number().map(BakeValue::Number),
        (Type::Truth, value) => value.truth().map(BakeValue::Truth),
        (Type::List(inner), BakeValue::List(items) | BakeValue::Set(items)) => {
            elements(items, inner).map(BakeValue::List)
        }
        (Type::Set(inner), BakeValue::List(items) | BakeValue::Set(items)) => {
            elements(items, inner).and_then(set)
        }
        (Type::Map(inner), BakeValue::Map(entries)) => {
            let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
            let values = entries.into_iter().map(|(_, value)| value).collect();
            let values = elements(values, inner)?;
            Some(BakeValue::Map(keys.into_iter().zip(values).collect()))
        }
        (Type::Tuple(types), BakeValue::List(items)) if types.len() == items.len() => {
            let items = items.into_iter().zip(types);
            let items = items.map(|(item, to)| convert(item, to));
            items.collect::<Option<_>>().map(BakeValue::List)
        }
        (Type::Object(attributes), value @ BakeValue::Map(_)) => {
            let attribute = |(name, to): &(String, Type)| {
                let value = convert(value.get(name)?.clone(), to)?;
                Some((name.clone(), value))
            };
            let entries = attributes.iter().map(attribute);
            entries.collect::<Option<_>>().map(BakeValue::Map)
        }
        _ => None,
    }
}

fn elements(items: Vec<BakeValue>, to: &Type) -> Option<Vec<BakeValue>> {
    if *to == Type::Any {
        return unify(items);
    }
    items.into_iter().map(|item| convert(item, to)).collect()
}

/// The common type of the elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Common {
    Text,
    Number,
    Truth,
    List,
    Map,
}

/// Converts values to a type that all of them can have. Returns `None` if there is none.
pub(super) fn unify(items: Vec<BakeValue>) -> Option<Vec<BakeValue>> {
    let mut common = None;
    for item in &items {
        if item.is_open() {
            return Some(items);
        }
        let own = match item {
            BakeValue::Null | BakeValue::Either(_) => continue,
            BakeValue::Text(_) => Common::Text,
            BakeValue::Number(_) => Common::Number,
            BakeValue::Truth(_) => Common::Truth,
            BakeValue::List(_) | BakeValue::Set(_) => Common::List,
            BakeValue::Map(_) => Common::Map,
        };
        common = match (common, own) {
            (None, own) => Some(own),
            (Some(known), own) if known == own => Some(own),
            (Some(Common::Text), Common::Number | Common::Truth)
            | (Some(Common::Number | Common::Truth), Common::Text) => Some(Common::Text),
            _ => return None,
        };
    }
    match common {
        Some(Common::Text) => items
            .into_iter()
            .map(|item| convert(item, &Type::Text))
            .collect(),
        Some(Common::List) => unify_lists(items),
        Some(Common::Map) => unify_maps(items),
        _ => Some(items),
    }
}

fn unify_lists(items: Vec<BakeValue>) -> Option<Vec<BakeValue>> {
    let all: Vec<BakeValue> = items.iter().filter_map(BakeValue::list).flatten().collect();
    let mut all = unify(all)?.into_iter();
    let rebuilt = items.into_iter().map(|item| match item {
        BakeValue::List(own) => BakeValue::List(all.by_ref().take(own.len()).collect()),
        BakeValue::Set(own) => BakeValue::Set(all.by_ref().take(own.len()).collect()),
        other => other,
    });
    Some(rebuilt.collect())
}

fn unify_maps(items: Vec<BakeValue>) -> Option<Vec<BakeValue>> {
    let keys = |item: &BakeValue| -> Vec<String> {
        let BakeValue::Map(entries) = item else {
            return Vec::new();
        };
        let mut keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    };
    let mut maps = items
        .iter()
        .filter(|item| matches!(item, BakeValue::Map(_)));
    let first = maps.next().map(keys).unwrap_or_default();
    let alike = maps.all(|item| keys(item) == first);
    if !alike {
        let all: Vec<BakeValue> = items.iter().filter_map(BakeValue::list).flatten().collect();
        let mut all = unify(all)?.into_iter();
        let rebuilt = items.into_iter().map(|item| match item {
            BakeValue::Map(own) => {
                let own = own.into_iter().map(|(key, _)| key);
                BakeValue::Map(own.zip(all.by_ref()).collect())
            }
            other => other,
        });
        return Some(rebuilt.collect());
    }
    let mut columns = Vec::new();
    for key in &first {
        let column = items.iter().filter_map(|item| item.get(key).cloned());
        columns.push((key, unify(column.collect())?.into_iter()));
    }
    let rebuilt = items.into_iter().map(|item| match item {
        BakeValue::Map(_) => {
            let own = columns.iter_mut();
            let own = own.filter_map(|(key, column)| Some(((*key).clone(), column.next()?)));
            BakeValue::Map(own.collect())
        }
        other => other,
    });
    Some(rebuilt.collect())
}

/// Creates a set: its elements are distinct and in the order in which HCL iterates over them.
/// Returns `None` for more than one element that is itself a collection, whose order is that of
/// hashes.
pub(super) fn set(items: Vec<BakeValue>) -> Option<BakeValue> {
    let mut distinct: Vec<BakeValue> = Vec::new();
    for item in items {
        if !distinct
            .iter()
            .any(|known| known.equals(&item) == Some(true))
        {
            distinct.push(item);
        }
    }
    let plain = |item: &BakeValue| {
        matches!(
            item,
            BakeValue::Text(_) | BakeValue::Number(_) | BakeValue::Truth(_) | BakeValue::Null
        )
    };
    if distinct.len() > 1 && !distinct.iter().all(plain) {
        return None;
    }
    distinct.sort_by(|a, b| match (a, b) {
        (BakeValue::Number(a), BakeValue::Number(b)) => a.total_cmp(b),
        (BakeValue::Truth(a), BakeValue::Truth(b)) => a.cmp(b),
        // Null comes last.
        (BakeValue::Null, _) => std::cmp::Ordering::Greater,
        (_, BakeValue::Null) => std::cmp::Ordering::Less,
        (a, b) => a.to_text().cmp(&b.to_text()),
    });
    Some(BakeValue::Set(distinct))
}
