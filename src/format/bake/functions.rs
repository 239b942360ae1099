//! The functions of bake files.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512};

use super::value::Value;
use crate::format::located::Place;
use crate::format::unknown::is_mark;

/// The most items that a function may create.
const MOST_ITEMS: usize = 10_000;

type Called = Result<Value, String>;

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

/// Calls a function. Returns `None` if it is not supported.
pub(super) fn call(name: &str, arguments: &[Value], place: Place) -> Option<Called> {
    let given = Arguments { arguments, place };
    Some(match name {
        "lower" => given.map_text(0, str::to_lowercase),
        "upper" => given.map_text(0, str::to_uppercase),
        "title" => given.map_text(0, title),
        "trimspace" => given.map_text(0, |text| text.trim().to_owned()),
        "chomp" => given.map_text(0, |text| text.trim_end_matches(['\n', '\r']).to_owned()),
        "reverse" => given.map_text(0, |text| text.chars().rev().collect()),
        "sanitize" => given.map_text(0, sanitized),
        "basename" => given.map_text(0, |text| {
            text.trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        }),
        "dirname" => given.map_text(0, dirname),
        "md5" => given.map_text(0, |text| hex(&Md5::digest(text.as_bytes()))),
        "base64encode" => given.map_text(0, |text| STANDARD.encode(text)),
        "base64decode" => given.text(0).and_then(|text| {
            let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
            Ok(given.made(&String::from_utf8_lossy(&bytes)))
        }),
        "sha256" => given.map_text(0, |text| hex(&Sha256::digest(text.as_bytes()))),
        "sha512" => given.map_text(0, |text| hex(&Sha512::digest(text.as_bytes()))),
        "urlencode" => given.map_text(0, urlencoded),
        "replace" => given.replace(),
        "regex_replace" => given.regex_replace(),
        "regex" => given.regex(),
        "substr" => given.substr(),
        "strlen" => given.text(0).map(|text| number(text.chars().count())),
        "trim" => given.text(0).and_then(|text| {
            let cut = given.text(1)?;
            Ok(given.made(text.trim_matches(|c| cut.contains(c))))
        }),
        "trimprefix" => given.text(0).and_then(|text| {
            let prefix = given.text(1)?;
            Ok(given.made(text.strip_prefix(&prefix).unwrap_or(&text)))
        }),
        "trimsuffix" => given.text(0).and_then(|text| {
            let suffix = given.text(1)?;
            Ok(given.made(text.strip_suffix(&suffix).unwrap_or(&text)))
        }),
        "split" => given.split(),
        "join" => given.join(),
        "format" => given.format(0).map(|text| given.made(&text)),
        "formatlist" => given.formatlist(),
        "equal" => given.compare(true),
        "notequal" => given.compare(false),
        "and" | "or" | "not" => given.logic(name),
        "greaterthan" | "greaterthanorequalto" | "lessthan" | "lessthanorequalto" => {
            given.order(name)
        }
        "add" | "subtract" | "multiply" | "divide" | "modulo" | "pow" | "min" | "max" => {
            given.arithmetic(name)
        }
        "negate" => given.number(0).map(|n| Value::Number(-n)),
        "absolute" | "abs" => given.number(0).map(|n| Value::Number(n.abs())),
        "ceil" => given.number(0).map(|n| Value::Number(n.ceil())),
        "floor" => given.number(0).map(|n| Value::Number(n.floor())),
        "int" => given.number(0).map(|n| Value::Number(n.trunc())),
        "signum" => given
            .number(0)
            .map(|n| Value::Number(if n == 0.0 { 0.0 } else { n.signum() })),
        "parseint" => given.parseint(),
        "jsondecode" => given.text(0).and_then(|text| {
            let parsed: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok(from_json(&parsed, place))
        }),
        "jsonencode" => given
            .get(0)
            .map(|value| given.made(&to_json(value).to_string())),
        "homedir" | "timestamp" | "uuidv4" => return None,
        _ => return super::functions::collections(name, &given),
    })
}

#[expect(clippy::too_many_lines, reason = "one arm per function")]
fn collections(name: &str, given: &Arguments<'_>) -> Option<Called> {
    Some(match name {
        "concat" => given
            .all_lists()
            .map(|lists| Value::List(lists.into_iter().flatten().collect())),
        "compact" => given.list(0).map(|items| {
            let kept = items.into_iter().filter(|item| {
                !matches!(item, Value::Null) && item.to_text().as_deref() != Some("")
            });
            Value::List(kept.collect())
        }),
        "flatten" => given.list(0).map(|items| Value::List(flattened(items, 8))),
        "distinct" | "toset" => given.list(0).map(distinct),
        "setunion" => given
            .all_lists()
            .map(|lists| distinct(lists.into_iter().flatten().collect())),
        "setintersection" => given.all_lists().map(|lists| intersection(&lists)),
        "setsubtract" => given.list(0).and_then(|items| {
            let removed = given.list(1)?;
            Ok(Value::List(
                items
                    .into_iter()
                    .filter(|item| !has(&removed, item))
                    .collect(),
            ))
        }),
        "contains" | "sethaselement" => given
            .list(0)
            .and_then(|items| Ok(Value::Truth(has(&items, given.get(1)?)))),
        "length" => given.get(0).map(|value| match value {
            Value::Text(text) => number(text.as_str().chars().count()),
            other => number(other.list().unwrap_or_default().len()),
        }),
        "reverselist" => given
            .list(0)
            .map(|items| Value::List(items.into_iter().rev().collect())),
        "sort" => given.list(0).map(|mut items| {
            items.sort_by_key(|item| item.to_text().unwrap_or_default());
            Value::List(items)
        }),
        "element" => given.list(0).and_then(|items| {
            let index = whole(given.number(1)?);
            let length = items.len();
            items
                .into_iter()
                .nth(index.checked_rem(length).unwrap_or_default())
                .ok_or_else(|| "the list is empty".to_owned())
        }),
        "slice" => given.list(0).and_then(|items| {
            let end = given.number(2).map_or(items.len(), whole);
            let start = whole(given.number(1)?);
            let part = items
                .get(start..end)
                .ok_or("the range is outside of the list")?;
            Ok(Value::List(part.to_vec()))
        }),
        "index" => given.get(0).and_then(|collection| {
            let key = given.text(1)?;
            let item = match collection {
                Value::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                other => other.get(&key),
            };
            item.cloned()
                .ok_or_else(|| "there is no such element".to_owned())
        }),
        "indexof" => given.list(0).and_then(|items| {
            let wanted = given.get(1)?;
            let found = items
                .iter()
                .position(|item| item.equals(wanted) == Some(true));
            found
                .map(number)
                .ok_or_else(|| "there is no such item".to_owned())
        }),
        "hasindex" => given.get(0).and_then(|collection| {
            let key = given.text(1)?;
            Ok(Value::Truth(match collection {
                Value::List(items) => key.parse::<usize>().is_ok_and(|index| index < items.len()),
                other => other.get(&key).is_some(),
            }))
        }),
        "lookup" => given.get(0).and_then(|map| {
            let key = given.text(1)?;
            let found = map.get(&key).cloned();
            found
                .or_else(|| given.arguments.get(2).cloned())
                .ok_or_else(|| format!("there is no {key}"))
        }),
        "keys" => given.entries(0).map(|mut entries| {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::List(
                entries
                    .into_iter()
                    .map(|(key, _)| given.made(&key))
                    .collect(),
            )
        }),
        "values" => given.entries(0).map(|mut entries| {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::List(entries.into_iter().map(|(_, value)| value).collect())
        }),
        "merge" => given.merged(),
        "zipmap" => given.list(0).and_then(|keys| {
            let values = given.list(1)?;
            let keys = keys
                .into_iter()
                .map(|key| key.to_text().unwrap_or_default());
            Ok(Value::Map(keys.zip(values).collect()))
        }),
        "coalesce" => given.first(|value| !matches!(value, Value::Null)),
        "coalescelist" => given.first(|value| value.list().is_some_and(|items| !items.is_empty())),
        "range" => given.range(),
        "chunklist" => given.list(0).and_then(|items| {
            let size = whole(given.number(1)?).max(1);
            Ok(Value::List(
                items
                    .chunks(size)
                    .map(|chunk| Value::List(chunk.to_vec()))
                    .collect(),
            ))
        }),
        "setproduct" => given.all_lists().and_then(|lists| product(&lists)),
        "convert" => given.get(0).cloned(),
        _ => return None,
    })
}

struct Arguments<'a> {
    arguments: &'a [Value],
    place: Place,
}

impl Arguments<'_> {
    fn get(&self, index: usize) -> Result<&Value, String> {
        self.arguments
            .get(index)
            .ok_or_else(|| "an argument is missing".to_owned())
    }

    fn text(&self, index: usize) -> Result<String, String> {
        self.get(index)?
            .to_text()
            .ok_or_else(|| "an argument is no text".to_owned())
    }

    fn number(&self, index: usize) -> Result<f64, String> {
        self.get(index)?
            .number()
            .ok_or_else(|| "an argument is no number".to_owned())
    }

    fn list(&self, index: usize) -> Result<Vec<Value>, String> {
        self.get(index)?
            .list()
            .ok_or_else(|| "an argument is no list".to_owned())
    }

    fn entries(&self, index: usize) -> Result<Vec<(String, Value)>, String> {
        match self.get(index)? {
            Value::Map(entries) => Ok(entries.clone()),
            _ => Err("an argument is no map".to_owned()),
        }
    }

    fn all_lists(&self) -> Result<Vec<Vec<Value>>, String> {
        let present = (0..self.arguments.len())
            .filter(|index| !matches!(self.arguments[*index], Value::Null));
        present.map(|index| self.list(index)).collect()
    }

    fn made(&self, text: &str) -> Value {
        Value::text(text, self.place)
    }

    fn map_text(&self, index: usize, change: impl Fn(&str) -> String) -> Called {
        let text = self.text(index)?;
        Ok(self.made(&change(&text)))
    }

    fn replace(&self) -> Called {
        let (text, from, to) = (self.text(0)?, self.text(1)?, self.text(2)?);
        if from.is_empty() || from.chars().any(is_mark) {
            return Ok(self.made(&text));
        }
        Ok(self.made(&text.replace(&from, &to)))
    }

    fn regex_replace(&self) -> Called {
        let (text, pattern, to) = (self.text(0)?, self.text(1)?, self.text(2)?);
        let regex = compiled(&pattern)?;
        Ok(self.made(&regex.replace_all(&text, to.as_str())))
    }

    fn regex(&self) -> Called {
        let (pattern, text) = (self.text(0)?, self.text(1)?);
        let regex = compiled(&pattern)?;
        let captures = regex.captures(&text).ok_or("the pattern does not match")?;
        if captures.len() == 1 {
            return Ok(self.made(&captures[0]));
        }
        let named: Vec<&str> = regex.capture_names().flatten().collect();
        if named.is_empty() {
            let groups = captures
                .iter()
                .skip(1)
                .map(|group| self.made(group.map_or("", |m| m.as_str())));
            return Ok(Value::List(groups.collect()));
        }
        let value = |name: &&str| {
            (
                (*name).to_owned(),
                self.made(captures.name(name).map_or("", |m| m.as_str())),
            )
        };
        Ok(Value::Map(named.iter().map(value).collect()))
    }

    fn substr(&self) -> Called {
        let characters: Vec<char> = self.text(0)?.chars().collect();
        let offset = self.number(1)?;
        let start = if offset < 0.0 {
            characters.len().saturating_sub(whole(-offset))
        } else {
            whole(offset)
        };
        let length = self.number(2)?;
        let start = start.min(characters.len());
        let end = if length < 0.0 {
            characters.len()
        } else {
            (start + whole(length)).min(characters.len())
        };
        Ok(self.made(&characters[start..end].iter().collect::<String>()))
    }

    fn split(&self) -> Called {
        let (separator, text) = (self.text(0)?, self.text(1)?);
        let parts: Vec<Value> = if separator.is_empty() {
            text.chars().map(|c| self.made(&c.to_string())).collect()
        } else {
            text.split(&separator).map(|part| self.made(part)).collect()
        };
        Ok(Value::List(parts))
    }

    fn join(&self) -> Called {
        let separator = self.text(0)?;
        let mut texts = Vec::new();
        for index in 1..self.arguments.len() {
            for item in self.list(index)? {
                texts.push(item.to_text().ok_or("an item is no text")?);
            }
        }
        Ok(self.made(&texts.join(&separator)))
    }

    /// Formats like Go's `fmt.Sprintf`, with the verbs that bake files use.
    fn format(&self, first: usize) -> Result<String, String> {
        let pattern = self.text(first)?;
        let mut out = String::new();
        let mut next = first + 1;
        let mut rest = pattern.as_str();
        while let Some((head, tail)) = rest.split_once('%') {
            out.push_str(head);
            let end = tail
                .find(|c: char| c.is_ascii_alphabetic() || c == '%')
                .ok_or("a verb is missing")?;
            let verb = &tail[end..=end];
            let flags = &tail[..end];
            rest = &tail[end + 1..];
            if verb == "%" {
                out.push('%');
                continue;
            }
            let value = self.get(next)?;
            next += 1;
            let text = match verb {
                "s" | "v" | "d" | "t" | "g" => value
                    .to_text()
                    .unwrap_or_else(|| to_json(value).to_string()),
                "q" => {
                    serde_json::to_string(&value.to_text().unwrap_or_default()).unwrap_or_default()
                }
                "x" => format!("{:x}", whole(value.number().unwrap_or_default())),
                "f" => {
                    let digits = flags
                        .split_once('.')
                        .and_then(|(_, digits)| digits.parse().ok());
                    format!(
                        "{:.*}",
                        digits.unwrap_or(6usize).min(30),
                        value.number().unwrap_or_default()
                    )
                }
                _ => return Err(format!("the verb %{verb} is not supported")),
            };
            out.push_str(&padded(&text, flags));
        }
        out.push_str(rest);
        Ok(out)
    }

    fn formatlist(&self) -> Called {
        let lengths = self
            .arguments
            .iter()
            .skip(1)
            .filter_map(|value| match value {
                Value::List(items) => Some(items.len()),
                _ => None,
            });
        let length = lengths.max().unwrap_or(1);
        let mut items = Vec::new();
        for index in 0..length.min(MOST_ITEMS) {
            let row = self.arguments.iter().map(|value| match value {
                Value::List(items) => items
                    .get(index)
                    .cloned()
                    .ok_or("the lists differ in length"),
                other => Ok(other.clone()),
            });
            let row: Vec<Value> = row.collect::<Result<_, _>>()?;
            let given = Arguments {
                arguments: &row,
                place: self.place,
            };
            items.push(self.made(&given.format(0)?));
        }
        Ok(Value::List(items))
    }

    fn compare(&self, wanted: bool) -> Called {
        let (left, right) = (self.get(0)?, self.get(1)?);
        match left.equals(right) {
            Some(equal) => Ok(Value::Truth(equal == wanted)),
            // The mark of the unknown argument stands for the result.
            None => Ok(if left.is_open() {
                only_marks(left, self.place)
            } else {
                only_marks(right, self.place)
            }),
        }
    }

    fn logic(&self, name: &str) -> Called {
        let truths: Vec<Option<bool>> = self.arguments.iter().map(Value::truth).collect();
        let open = self.arguments.iter().find(|value| value.is_open());
        let decisive = name == "or";
        match (name, truths.as_slice(), open) {
            ("not", [Some(truth)], _) => Ok(Value::Truth(!truth)),
            ("and" | "or", truths, _) if truths.contains(&Some(decisive)) => {
                Ok(Value::Truth(decisive))
            }
            ("and" | "or", [Some(_), Some(_)], _) => Ok(Value::Truth(!decisive)),
            (_, _, Some(value)) => Ok(only_marks(value, self.place)),
            _ => Err("the arguments are neither true nor false".to_owned()),
        }
    }

    fn order(&self, name: &str) -> Called {
        let (left, right) = (self.number(0)?, self.number(1)?);
        Ok(Value::Truth(match name {
            "greaterthan" => left > right,
            "greaterthanorequalto" => left >= right,
            "lessthan" => left < right,
            _ => left <= right,
        }))
    }

    fn arithmetic(&self, name: &str) -> Called {
        if matches!(name, "min" | "max") {
            let numbers: Vec<f64> = (0..self.arguments.len())
                .map(|index| self.number(index))
                .collect::<Result<_, _>>()?;
            let pick = if name == "min" { f64::min } else { f64::max };
            return numbers
                .into_iter()
                .reduce(pick)
                .map(Value::Number)
                .ok_or_else(|| "an argument is missing".to_owned());
        }
        let (left, right) = (self.number(0)?, self.number(1)?);
        if matches!(name, "divide" | "modulo") && right == 0.0 {
            return Err("a division by zero".to_owned());
        }
        Ok(Value::Number(match name {
            "add" => left + right,
            "subtract" => left - right,
            "multiply" => left * right,
            "divide" => left / right,
            "modulo" => left % right,
            _ => left.powf(right),
        }))
    }

    fn parseint(&self) -> Called {
        let text = self.text(0)?;
        let base = u32::try_from(whole(self.number(1)?)).unwrap_or(10);
        if !(2..=36).contains(&base) {
            return Err("the base is out of range".to_owned());
        }
        let parsed =
            i64::from_str_radix(&text, base).map_err(|_| format!("{text} is no number"))?;
        Ok(Value::Number(parsed as f64))
    }

    fn merged(&self) -> Called {
        let mut merged: Vec<(String, Value)> = Vec::new();
        for index in 0..self.arguments.len() {
            if matches!(self.arguments[index], Value::Null) {
                continue;
            }
            for (key, value) in self.entries(index)? {
                merged.retain(|(known, _)| *known != key);
                merged.push((key, value));
            }
        }
        Ok(Value::Map(merged))
    }

    fn first(&self, wanted: impl Fn(&Value) -> bool) -> Called {
        let found = self.arguments.iter().find(|value| wanted(value));
        found
            .cloned()
            .ok_or_else(|| "no argument has a value".to_owned())
    }

    fn range(&self) -> Called {
        let numbers: Vec<f64> = (0..self.arguments.len())
            .map(|index| self.number(index))
            .collect::<Result<_, _>>()?;
        let (start, end, step) = match numbers.as_slice() {
            [end] => (0.0, *end, if *end < 0.0 { -1.0 } else { 1.0 }),
            [start, end] => (*start, *end, if end < start { -1.0 } else { 1.0 }),
            [start, end, step] => (*start, *end, *step),
            _ => return Err("an argument is missing".to_owned()),
        };
        if step == 0.0 {
            return Err("the step is zero".to_owned());
        }
        let mut items = Vec::new();
        let mut at = start;
        while (step > 0.0 && at < end) || (step < 0.0 && at > end) {
            if items.len() >= 1024 {
                return Err("the range is too long".to_owned());
            }
            items.push(Value::Number(at));
            at += step;
        }
        Ok(Value::List(items))
    }
}

fn only_marks(value: &Value, place: Place) -> Value {
    match value {
        Value::Text(text) => Value::text(
            text.as_str()
                .chars()
                .filter(|c| is_mark(*c))
                .collect::<String>(),
            place,
        ),
        other => other.clone(),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> usize {
    number.clamp(0.0, 1e9) as usize
}

fn number(count: usize) -> Value {
    Value::Number(count as f64)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn compiled(pattern: &str) -> Result<regex::Regex, String> {
    let built = regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build();
    built.map_err(|_| format!("the pattern {pattern} is not valid"))
}

fn padded(text: &str, flags: &str) -> String {
    let width: usize = flags
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_start_matches(['-', '+', '0', ' ', '#'])
        .parse()
        .unwrap_or(0);
    let width = width.min(1000);
    if flags.starts_with('-') {
        format!("{text:<width$}")
    } else if flags.starts_with('0') {
        format!("{text:0>width$}")
    } else {
        format!("{text:>width$}")
    }
}

fn title(text: &str) -> String {
    let mut previous = ' ';
    let change = |character: char| {
        let first = !previous.is_alphanumeric();
        previous = character;
        if first {
            character.to_uppercase().collect::<String>()
        } else {
            character.to_string()
        }
    };
    text.chars().map(change).collect()
}

fn sanitized(text: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || is_mark(c);
    text.chars()
        .map(|c| if keep(c) { c } else { '_' })
        .collect()
}

fn dirname(text: &str) -> String {
    match text.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => directory.to_owned(),
        None => ".".to_owned(),
    }
}

fn urlencoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn has(items: &[Value], wanted: &Value) -> bool {
    items.iter().any(|item| {
        item.equals(wanted) == Some(true)
            || item
                .to_text()
                .is_some_and(|text| Some(text) == wanted.to_text())
    })
}

fn distinct(items: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !has(&kept, &item) && kept.len() < MOST_ITEMS {
            kept.push(item);
        }
    }
    Value::List(kept)
}

fn intersection(lists: &[Vec<Value>]) -> Value {
    let Some((first, others)) = lists.split_first() else {
        return Value::List(Vec::new());
    };
    let common = first
        .iter()
        .filter(|item| others.iter().all(|other| has(other, item)));
    distinct(common.cloned().collect())
}

fn flattened(items: Vec<Value>, depth: usize) -> Vec<Value> {
    let mut flat = Vec::new();
    for item in items {
        match item {
            Value::List(inner) if depth > 0 => flat.extend(flattened(inner, depth - 1)),
            other => flat.push(other),
        }
    }
    flat
}

fn product(lists: &[Vec<Value>]) -> Called {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists {
        if rows.len().saturating_mul(list.len()) > MOST_ITEMS {
            return Err("the product is too large".to_owned());
        }
        let extend = |row: &Vec<Value>| {
            let row = row.clone();
            list.iter().map(move |item| {
                let mut row = row.clone();
                row.push(item.clone());
                row
            })
        };
        rows = rows.iter().flat_map(extend).collect();
    }
    Ok(Value::List(rows.into_iter().map(Value::List).collect()))
}

fn from_json(value: &serde_json::Value, place: Place) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Truth(*truth),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::text(text.as_str(), place),
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(|item| from_json(item, place)).collect())
        }
        serde_json::Value::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), from_json(value, place)))
                .collect(),
        ),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Either(_) => serde_json::Value::Null,
        Value::Truth(truth) => (*truth).into(),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            super::numbers::show(*number)
                .parse::<i64>()
                .map_or(serde_json::Value::Null, Into::into)
        }
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), to_json(value)));
            serde_json::Value::Object(entries.collect())
        }
    }
}
