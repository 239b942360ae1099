//! Plain scalars as Compose prints them.
//!
//! Compose decodes YAML into Go values before it uses them as text, so `3.10` becomes `3.1` and
//! `0x10` becomes `16`. The rules are those of go-yaml v3 (`resolve.go`) and of Go's `%v`.

use jiff::civil::Date;

/// Returns the text of a plain scalar after decoding; `None` if it is the text itself.
///
/// # Errors
/// Returns an error for a time of day, whose form depends on its zone.
pub(super) fn decoded(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "True" | "TRUE" => return Ok(Some("true".to_owned())),
        "False" | "FALSE" => return Ok(Some("false".to_owned())),
        ".nan" | ".NaN" | ".NAN" => return Ok(Some("NaN".to_owned())),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Ok(Some("+Inf".to_owned()));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Ok(Some("-Inf".to_owned())),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Ok(None);
    }
    if let Some(printed) = date(text)? {
        return Ok(Some(printed));
    }
    let digits = text.replace('_', "");
    if let Some(number) = integer(&digits) {
        return Ok(Some(number.to_string()));
    }
    if is_float(&digits)
        && let Ok(number) = digits.parse::<f64>()
    {
        return Ok(Some(float(number)));
    }
    Ok(None)
}

/// Prints a date; `None` if the text is something else.
fn date(text: &str) -> Result<Option<String>, &'static str> {
    let (day, time) = match text.find(['T', 't', ' ']) {
        Some(end) => (&text[..end], &text[end..]),
        None => (text, ""),
    };
    let parts: Vec<&str> = day.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return Ok(None);
    };
    if year.len() != 4 {
        return Ok(None);
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
        return Ok(None);
    };
    match Date::new(year, month, day) {
        Ok(date) if time.is_empty() => Ok(Some(format!("{date} 00:00:00 +0000 UTC"))),
        Ok(_) => Err("a time without quotes; put it in quotes"),
        Err(_) => Ok(None),
    }
}

/// Whether go-yaml decodes a text as a float.
fn is_float(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(end) => (&digits[..end], Some(&digits[end + 1..])),
        None => (digits, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    is_digits(whole)
        && is_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|text| !text.is_empty() && is_digits(text))
}

/// Parses an integer as Go's `strconv.ParseInt(text, 0, 64)` does, and as `ParseUint` beyond.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let number = if negative { -number } else { number };
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// Formats a float as Go's `%v` does: the shortest text, with an exponent from a million on.
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_in_go() {
        for (text, printed) in [
            ("3.10", "3.1"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("100000.5", "100000.5"),
            ("1e6", "1e+06"),
            ("1234567.5", "1.2345675e+06"),
            ("0.00001", "1e-05"),
            (".5", "0.5"),
            ("0x10", "16"),
            ("007", "7"),
            ("08", "8"),
            ("0b11", "3"),
            ("0o17", "15"),
            ("1_000", "1000"),
            ("-0x1F", "-31"),
            ("+5", "5"),
            ("18446744073709551615", "18446744073709551615"),
            ("123456789012345678901", "1.2345678901234568e+20"),
            ("True", "true"),
            ("-.inf", "-Inf"),
            ("2024-1-02", "2024-01-02 00:00:00 +0000 UTC"),
        ] {
            assert_eq!(decoded(text), Ok(Some(printed.to_owned())), "{text}");
        }
    }

    #[test]
    fn other_scalars_remain_text() {
        for text in [
            "yes",
            "v1",
            "1.2.3",
            "-",
            "+",
            ".",
            "0x",
            "2024-13-01",
            "1:30",
            "",
        ] {
            assert_eq!(decoded(text), Ok(None), "{text}");
        }
        assert!(decoded("2024-01-02T03:04:05Z").is_err());
    }
}
