//! `jsonencode` and `jsondecode`.

use std::fmt::Write as _;

use super::CallError;
use crate::format::bake::numbers;
use crate::format::bake::value::BakeValue;
use crate::format::located::TextPlace;

/// Encodes a value as JSON, as Go does.
pub(super) fn encode(value: &BakeValue) -> Result<String, CallError> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &BakeValue, out: &mut String) -> Result<(), CallError> {
    match value {
        BakeValue::Null => out.push_str("null"),
        BakeValue::Truth(truth) => out.push_str(if *truth { "true" } else { "false" }),
        BakeValue::Number(number) => out.push_str(&numbers::show(*number)),
        BakeValue::Text(text) => out.push_str(&quoted(text.as_str())),
        BakeValue::List(items) | BakeValue::Set(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        BakeValue::Map(entries) => {
            let mut sorted: Vec<&(String, BakeValue)> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(key));
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
        BakeValue::Either(_) => return Err("a value is unknown".into()),
    }
    Ok(())
}

/// Quotes a text. Go escapes the characters that HTML gives a meaning.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Decodes JSON.
pub(super) fn decode(text: &str, place: TextPlace) -> Result<BakeValue, CallError> {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    from_json(&parsed, place)
}

fn from_json(value: &serde_json::Value, place: TextPlace) -> Result<BakeValue, CallError> {
    Ok(match value {
        serde_json::Value::Null => BakeValue::Null,
        serde_json::Value::Bool(truth) => BakeValue::Truth(*truth),
        serde_json::Value::Number(number) => {
            let float = number.as_f64().unwrap_or(f64::MAX);
            if float.fract() == 0.0 && !numbers::is_exact(float) {
                return Err(CallError::gap("the digits of this number are not computed"));
            }
            BakeValue::Number(float)
        }
        serde_json::Value::String(text) => BakeValue::text(text.as_str(), place),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| from_json(item, place));
            BakeValue::List(items.collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), from_json(value, place)?)));
            BakeValue::Map(entries.collect::<Result<_, CallError>>()?)
        }
    })
}
