//! `format` and `formatlist`.

use super::arguments::CallArguments;
use super::json;
use super::{CallError, Called, MOST_ITEMS};
use crate::format::bake::numbers;
use crate::format::bake::value::BakeValue;
use unicode_segmentation::UnicodeSegmentation as _;

/// The widest field.
const WIDEST: usize = 1000;

/// A verb with its flags.
#[derive(Debug, Default)]
struct FormatVerb {
    flags: String,
    width: Option<usize>,
    precision: Option<usize>,
    argument: Option<usize>,
    mode: char,
}

impl FormatVerb {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

/// Formats the arguments after the first by the pattern in the first.
pub(super) fn format(given: &CallArguments<'_>) -> Result<String, CallError> {
    let pattern = given.text(0)?;
    let mut out = String::new();
    let mut next = 1;
    let mut highest = 0;
    let mut rest = pattern.as_str();
    while let Some((head, tail)) = rest.split_once('%') {
        out.push_str(head);
        if let Some(after) = tail.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (verb, after) = parse(tail).ok_or("the pattern has an unknown verb")?;
        rest = after;
        let index = verb.argument.unwrap_or(next);
        let value = given.get(index)?;
        highest = highest.max(index);
        next = index + 1;
        out.push_str(&formatted(&verb, value)?);
    }
    out.push_str(rest);
    if highest + 1 < given.values.len() {
        return Err("there are too many arguments".into());
    }
    Ok(out)
}

fn parse(text: &str) -> Option<(FormatVerb, &str)> {
    let mut rest = text.trim_start_matches(['0', '#', '+', '-', ' ']);
    let mut verb = FormatVerb {
        flags: text[..text.len() - rest.len()].to_owned(),
        ..FormatVerb::default()
    };
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let length = digits(rest);
    if length > 0 {
        verb.width = Some(rest[..length].parse().ok()?);
        rest = &rest[length..];
    }
    if let Some(after) = rest.strip_prefix('.') {
        let length = digits(after);
        verb.precision = Some(if length == 0 {
            0
        } else {
            after[..length].parse().ok()?
        });
        rest = &after[length..];
    }
    if let Some(after) = rest.strip_prefix('[') {
        let (index, after) = after.split_once(']')?;
        verb.argument = Some(index.parse().ok().filter(|index| *index > 0)?);
        rest = after;
    }
    verb.mode = rest.chars().next().filter(char::is_ascii_alphabetic)?;
    Some((verb, &rest[1..]))
}

fn formatted(verb: &FormatVerb, value: &BakeValue) -> Result<String, CallError> {
    if verb.width.max(verb.precision).unwrap_or(0) > WIDEST {
        return Err(CallError::gap("a field is too wide"));
    }
    if verb.mode != 'v' && matches!(value, BakeValue::Null) {
        return Err("null cannot be formatted".into());
    }
    match verb.mode {
        'v' => Ok(padded(verb, &as_is(verb, value)?)),
        't' => value
            .truth()
            .map(|truth| truth.to_string())
            .ok_or_else(|| "an argument is neither true nor false".into()),
        's' | 'q' => {
            let text = value.to_text().ok_or("an argument is no text")?;
            let text = match verb.precision {
                Some(most) if most > 0 => text.graphemes(true).take(most).collect(),
                _ => text,
            };
            let text = if verb.mode == 'q' {
                json::quoted(&text)
            } else {
                text
            };
            Ok(padded(verb, &text))
        }
        'b' | 'd' | 'o' | 'x' | 'X' => {
            let number = value.number().ok_or("an argument is no number")?;
            integer(verb, super::arguments::whole(number)?)
        }
        'e' | 'E' | 'f' | 'g' | 'G' => {
            let number = value.number().ok_or("an argument is no number")?;
            float(verb, number)
        }
        other => Err(format!("there is no verb %{other}").into()),
    }
}

fn as_is(verb: &FormatVerb, value: &BakeValue) -> Result<String, CallError> {
    match value {
        BakeValue::Text(text) if !verb.has('#') => Ok(text.as_str().to_owned()),
        BakeValue::Number(number) if !verb.has('#') => Ok(general(*number, 'e')),
        value => json::encode(value),
    }
}

/// Pads with blanks, or with zeros on the left.
fn padded(verb: &FormatVerb, text: &str) -> String {
    let length = text.graphemes(true).count();
    let missing = verb.width.unwrap_or(0).saturating_sub(length);
    if verb.has('-') {
        return format!("{text}{}", " ".repeat(missing));
    }
    let fill = if verb.has('0') { "0" } else { " " };
    format!("{}{text}", fill.repeat(missing))
}

fn integer(verb: &FormatVerb, number: i64) -> Result<String, CallError> {
    if verb.has('#') || verb.precision.is_some() {
        return Err(CallError::gap("a flag of format is not supported"));
    }
    let size = number.unsigned_abs();
    let digits = match verb.mode {
        'b' => format!("{size:b}"),
        'o' => format!("{size:o}"),
        'x' => format!("{size:x}"),
        'X' => format!("{size:X}"),
        _ => size.to_string(),
    };
    Ok(signed(verb, number < 0, &digits))
}

/// Adds the sign, and pads: zeros stand between the sign and the digits.
fn signed(verb: &FormatVerb, is_negative: bool, digits: &str) -> String {
    let sign = match (is_negative, verb.has('+'), verb.has(' ')) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    let missing = verb
        .width
        .unwrap_or(0)
        .saturating_sub(sign.len() + digits.len());
    if verb.has('-') {
        format!("{sign}{digits}{}", " ".repeat(missing))
    } else if verb.has('0') {
        format!("{sign}{}{digits}", "0".repeat(missing))
    } else {
        format!("{}{sign}{digits}", " ".repeat(missing))
    }
}

fn float(verb: &FormatVerb, number: f64) -> Result<String, CallError> {
    if verb.has('#') || (verb.precision.is_some() || verb.mode != 'g') && !numbers::is_exact(number)
    {
        return Err(CallError::gap("the digits of this number are not computed"));
    }
    let size = number.abs();
    let digits = match (verb.mode, verb.precision) {
        ('f', precision) => format!("{size:.*}", precision.unwrap_or(6)),
        ('e', precision) => exponential(&format!("{size:.*e}", precision.unwrap_or(6)), 'e'),
        ('E', precision) => exponential(&format!("{size:.*e}", precision.unwrap_or(6)), 'E'),
        ('g', None) => general(size, 'e'),
        ('G', None) => general(size, 'E'),
        _ => return Err(CallError::gap("a precision for %g is not supported")),
    };
    Ok(signed(verb, number < 0.0, &digits))
}

/// Formats a number with as few digits as possible, and large or small ones with an exponent.
fn general(number: f64, letter: char) -> String {
    let scientific = format!("{number:e}");
    let exponent = scientific.split_once('e').map(|(_, exponent)| exponent);
    let exponent = exponent.and_then(|exponent| exponent.parse().ok());
    if (-4..6).contains(&exponent.unwrap_or(0i32)) {
        numbers::show(number)
    } else {
        exponential(&scientific, letter)
    }
}

/// Rewrites the exponent as in Go: with a sign and at least two digits.
fn exponential(text: &str, letter: char) -> String {
    let Some((digits, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}{letter}{sign}{exponent:0>2}")
}

/// Formats once for each item of the lists.
pub(super) fn formatlist(given: &CallArguments<'_>) -> Called {
    let mut length = None;
    for value in &given.values[1..] {
        if let BakeValue::List(items) | BakeValue::Set(items) = value {
            if length.is_some_and(|known| known != items.len()) {
                return Err("the lists differ in length".into());
            }
            length = Some(items.len());
        }
    }
    let mut items = Vec::new();
    for index in 0..length.unwrap_or(1).min(MOST_ITEMS) {
        let row = given.values.iter().map(|value| match value {
            BakeValue::List(items) | BakeValue::Set(items) => {
                items.get(index).cloned().unwrap_or(BakeValue::Null)
            }
            other => other.clone(),
        });
        let row: Vec<BakeValue> = row.collect();
        let given = CallArguments {
            values: &row,
            place: given.place,
        };
        items.push(given.made(&format(&given)?));
    }
    Ok(BakeValue::List(items))
}
