//! Values that only describe an image, or belong to features that are refused. They create no
//! operation, but BuildKit refuses malformed ones.

use super::flags::{InstructionFlags, Takes};
use super::mount;
use super::node::DockerfileNode;
use crate::format::go_text;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// Checks a `HEALTHCHECK`.
pub(super) fn health_check(node: &DockerfileNode) -> Result<(), String> {
    let Some((kind, command)) = node.arguments.split_first() else {
        return Err("HEALTHCHECK requires at least one argument".to_owned());
    };
    let kind = go_text::upper(kind);
    if kind == "NONE" {
        return match command {
            [] => Ok(()),
            _ => Err("HEALTHCHECK NONE takes no arguments".to_owned()),
        };
    }
    let intervals = ["interval", "timeout", "start-period", "start-interval"];
    let names = intervals.into_iter().chain(["retries"]);
    let known: Vec<_> = names.map(|name| (name, Takes::Value)).collect();
    let flags = InstructionFlags::parse(&node.flags, &known)?;
    if kind != "CMD" {
        return Err(format!(
            "Unknown type {} in HEALTHCHECK (try CMD)",
            go_text::quote(&kind)
        ));
    }
    if command.is_empty() {
        return Err("Missing command after HEALTHCHECK CMD".to_owned());
    }
    for name in intervals {
        let value = flags.value(name);
        if value.is_empty() {
            continue;
        }
        let duration = duration(&value)?;
        if duration != 0 && duration < MILLISECOND.cast_signed() {
            return Err(format!(
                "Interval {} cannot be less than 1ms",
                go_text::quote(name)
            ));
        }
    }
    retries(&flags.value("retries"))
}

fn retries(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let wrong = |reason: &str| {
        Err(format!(
            "strconv.ParseInt: parsing {}: {reason}",
            go_text::quote(text)
        ))
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("invalid syntax");
    }
    match text.parse::<i32>() {
        Err(_) => wrong("value out of range"),
        Ok(count) if count < 0 => Err(format!("--retries cannot be negative ({count})")),
        Ok(_) => Ok(()),
    }
}

/// Parses a duration as Go does, in nanoseconds.
fn duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quoted(text));
    let (mut rest, is_negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole_end = digits(rest);
        let (whole, after) = rest.split_at(whole_end);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_end = after.find(|next: char| next == '.' || next.is_ascii_digit());
        let (name, after) = after.split_at(unit_end.unwrap_or(after.len()));
        let whole = if whole.is_empty() {
            0
        } else {
            whole.parse::<u64>().map_err(|_| invalid())?
        };
        if whole > 1 << 63 {
            return Err(invalid());
        }
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {}", quoted(text)));
        }
        let unit = unit(name).ok_or_else(|| {
            format!(
                "time: unknown unit {} in duration {}",
                quoted(name),
                quoted(text)
            )
        })?;
        let part = whole
            .checked_mul(unit)
            .and_then(|part| part.checked_add(part_of(fraction, unit)));
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= 1 << 63)
            .ok_or_else(invalid)?;
        rest = after;
    }
    match i64::try_from(total) {
        Ok(total) => Ok(if is_negative { -total } else { total }),
        Err(_) if is_negative => Ok(i64::MIN),
        Err(_) => Err(invalid()),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => NANOSECOND,
        "us" | "µs" | "μs" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    })
}

/// Returns a fraction of a unit. Insignificant digits are dropped.
fn part_of(fraction: &str, unit: u64) -> u64 {
    let fraction = &fraction[..fraction.len().min(18)];
    let Ok(value) = fraction.parse::<u64>() else {
        return 0;
    };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or_default());
    let part = u128::from(value) * u128::from(unit) / scale;
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// Quotes a text as Go's `time` package does.
fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::from('"');
    for byte in go_text::to_bytes(text).iter() {
        // Writing to a String cannot fail.
        let _ = match byte {
            b'"' | b'\\' => write!(quoted, "\\{}", char::from(*byte)),
            b' '..=b'~' | 0x7f => write!(quoted, "{}", char::from(*byte)),
            _ => write!(quoted, "\\x{byte:02x}"),
        };
    }
    quoted.push('"');
    quoted
}

/// Checks a `--device` of `RUN`. A later check refuses every use of it.
pub(super) fn device(text: &str) -> Result<(), String> {
    let fields =
        mount::fields(text).map_err(|error| format!("failed to parse csv devices: {error}"))?;
    let mut name = String::new();
    for field in fields {
        let (key, value) = field
            .split_once('=')
            .map_or((&*field, None), |(k, v)| (k, Some(v)));
        let key = go_text::lower(key);
        match (key.as_str(), value) {
            ("required", None) => {}
            ("required", Some(value)) => {
                if go_text::parse_bool(value).is_none() {
                    return Err(format!("invalid value for {key}: {value}"));
                }
            }
            ("name", Some(_)) if !name.is_empty() => {
                return Err(format!("device name already set to {name}"));
            }
            ("name", Some(value)) => value.clone_into(&mut name),
            _ if name.is_empty() => name.clone_from(&field),
            (_, None) => return Err(format!("invalid field '{field}' must be a key=value pair")),
            (_, Some(_)) => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_as_in_go() {
        let good = [
            ("0", 0),
            ("1h2m3.5s", 3_723_500_000_000),
            ("-1.5ms", -1_500_000),
            (".5s", 500_000_000),
        ];
        for (text, expected) in good {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        let bad = [
            ("", r#"time: invalid duration """#),
            ("5", r#"time: missing unit in duration "5""#),
            ("5x", r#"time: unknown unit "x" in duration "5x""#),
            (".s", r#"time: invalid duration ".s""#),
            ("9999999999h", r#"time: invalid duration "9999999999h""#),
        ];
        for (text, expected) in bad {
            assert_eq!(duration(text), Err(expected.to_owned()), "{text}");
        }
    }
}
