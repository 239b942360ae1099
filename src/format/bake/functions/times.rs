//! Functions on times.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;

use super::arguments::CallArguments;
use super::{CallError, Called};
use crate::format::bake::value::BakeValue;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A time with the offset that it is written with.
#[derive(Debug, Clone, Copy)]
struct WrittenTime {
    local: DateTime,
    /// The offset in seconds.
    offset: i32,
}

/// Calls a function on times. Returns `None` for other functions.
pub(super) fn call(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "formatdate" => given.text(1).and_then(|text| {
            let moment = parse(&text).ok_or("an argument is no time in RFC 3339")?;
            formatted(given, moment)
        }),
        "formattimestamp" => format_timestamp(given),
        "timeadd" => time_add(given),
        "unixtimestampparse" => parts(given),
        _ => return None,
    })
}

/// Formats a time as RFC 3339, in UTC.
pub(in crate::format::bake) fn now(seconds: i64) -> Result<String, CallError> {
    Ok(shown(moment(seconds)?))
}

fn moment(seconds: i64) -> Result<WrittenTime, CallError> {
    let timestamp = Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
    Ok(WrittenTime {
        local: Offset::UTC.to_datetime(timestamp),
        offset: 0,
    })
}

fn parse(text: &str) -> Option<WrittenTime> {
    let (local, zone) = match text.strip_suffix('Z') {
        Some(local) => (local, "+00:00"),
        None => text.split_at_checked(text.len().checked_sub(6)?)?,
    };
    let is_shaped = local.len() >= 19
        && local.as_bytes().get(10) == Some(&b'T')
        && local.is_ascii()
        && matches!(local.as_bytes().get(19), None | Some(b'.'));
    let local: DateTime = local.parse().ok().filter(|_| is_shaped)?;
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Some(WrittenTime {
        local,
        offset: sign * seconds,
    })
}

fn shown(moment: WrittenTime) -> String {
    let local = moment.local.strftime("%Y-%m-%dT%H:%M:%S");
    format!("{local}{}", zone(moment.offset, ":", "Z"))
}

/// Formats an offset from UTC. `utc` stands for none.
fn zone(offset: i32, separator: &str, utc: &str) -> String {
    if offset == 0 && !utc.is_empty() {
        return utc.to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

fn format_timestamp(given: &CallArguments<'_>) -> Called {
    let (moment, seconds) = match given.get(1)? {
        BakeValue::Number(number) => {
            let seconds = super::arguments::whole(*number)?;
            (moment(seconds)?, seconds)
        }
        BakeValue::Text(text) => {
            let moment = parse(text.as_str()).ok_or("an argument is no time in RFC 3339")?;
            let utc = Offset::UTC.to_timestamp(moment.local).ok();
            let utc = utc.ok_or("a time is out of range")?.as_second();
            (moment, utc - i64::from(moment.offset))
        }
        _ => return Err("an argument is no time".into()),
    };
    if given.text(0)? == "X" {
        return Ok(given.made(&seconds.to_string()));
    }
    formatted(given, moment)
}

/// Formats a time by the pattern in the first argument.
fn formatted(given: &CallArguments<'_>, moment: WrittenTime) -> Called {
    let pattern = given.text(0)?;
    let mut out = String::new();
    let mut rest = pattern.as_str();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (text, after) = literal(&rest[1..]).ok_or("a quote is not closed")?;
            out.push_str(&text);
            rest = after;
            continue;
        }
        if !first.is_ascii_alphabetic() {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(first).len();
        let verb = word(moment, first, length).ok_or("the pattern has an unknown verb")?;
        out.push_str(&verb);
        rest = &rest[length..];
    }
    Ok(given.made(&out))
}

/// Reads quoted text. Two quotes are one.
fn literal(text: &str) -> Option<(String, &str)> {
    if let Some(after) = text.strip_prefix('\'') {
        return Some(("'".to_owned(), after));
    }
    let mut out = String::new();
    let mut rest = text;
    loop {
        let (head, tail) = rest.split_once('\'')?;
        out.push_str(head);
        match tail.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                rest = after;
            }
            None => return Some((out, tail)),
        }
    }
}

fn word(moment: WrittenTime, letter: char, length: usize) -> Option<String> {
    let local = moment.local;
    let padded = |number: i8| match length {
        1 => Some(number.to_string()),
        2 => Some(format!("{number:02}")),
        _ => None,
    };
    let name = |name: &str| match length {
        3 => Some(name[..3].to_owned()),
        4 => Some(name.to_owned()),
        _ => None,
    };
    match (letter, length) {
        ('Y', 2) => Some(format!("{:02}", local.year() % 100)),
        ('Y', 4) => Some(format!("{:04}", local.year())),
        ('M', 1 | 2) => padded(local.month()),
        ('M', _) => name(month(local)),
        ('D', _) => padded(local.day()),
        ('E', _) => name(weekday(local.weekday())),
        ('h', _) => padded(local.hour()),
        ('H', _) => padded(match local.hour() % 12 {
            0 => 12,
            hour => hour,
        }),
        ('A', 2) => Some(if local.hour() < 12 { "AM" } else { "PM" }.to_owned()),
        ('a', 2) => Some(if local.hour() < 12 { "am" } else { "pm" }.to_owned()),
        ('m', _) => padded(local.minute()),
        ('s', _) => padded(local.second()),
        ('Z', 1) => Some(zone(moment.offset, ":", "Z")),
        ('Z', 3) => Some(zone(moment.offset, "", "UTC")),
        ('Z', 4) => Some(zone(moment.offset, "", "")),
        ('Z', 5) => Some(zone(moment.offset, ":", "")),
        _ => None,
    }
}

fn month(local: DateTime) -> &'static str {
    let index = usize::try_from(local.month() - 1).unwrap_or(0);
    MONTHS.get(index).copied().unwrap_or_default()
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn time_add(given: &CallArguments<'_>) -> Called {
    let moment = parse(&given.text(0)?).ok_or("an argument is no time in RFC 3339")?;
    let added = duration(&given.text(1)?).ok_or("an argument is no duration")?;
    let span = jiff::SignedDuration::from_nanos(added);
    let local = moment
        .local
        .checked_add(span)
        .map_err(|error| error.to_string())?;
    Ok(given.made(&shown(WrittenTime { local, ..moment })))
}

/// Parses a duration as Go does, in nanoseconds.
fn duration(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[end..];
    }
    if total > 9e18 {
        return None;
    }
    #[allow(clippy::cast_possible_truncation)]
    let total = total as i64;
    Some(if is_negative { -total } else { total })
}

/// Returns the parts of a time in seconds since 1970.
fn parts(given: &CallArguments<'_>) -> Called {
    let moment = moment(given.whole(0)?)?;
    let local = moment.local;
    let week = local.date().iso_week_date();
    let number = |name: &str, number: i16| (name.to_owned(), BakeValue::Number(f64::from(number)));
    let text = |name: &str, text: &str| (name.to_owned(), given.made(text));
    let day = i16::from(local.weekday().to_sunday_zero_offset());
    Ok(BakeValue::Map(vec![
        number("year", local.year()),
        number("year_day", local.date().day_of_year()),
        number("day", i16::from(local.day())),
        number("month", i16::from(local.month())),
        text("month_name", month(local)),
        number("weekday", day),
        text("weekday_name", weekday(local.weekday())),
        number("hour", i16::from(local.hour())),
        number("minute", i16::from(local.minute())),
        number("second", i16::from(local.second())),
        text("rfc3339", &shown(moment)),
        number("iso_year", week.year()),
        number("iso_week", i16::from(week.week())),
    ]))
}
