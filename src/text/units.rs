//! Formats and parses sizes, ages and durations.

use std::fmt;
use std::time::Duration;

use humansize::{BINARY, format_size};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A number of bytes that prints as `1.4 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Use one decimal where it is useful: not for bytes, and not for three or more digits.
        let places = usize::from(self.0 >= 1024 && mantissa(self.0) < 100.0);
        f.pad(&format_size(
            self.0,
            BINARY.decimal_places(places).decimal_zeroes(places),
        ))
    }
}

/// Returns the number before the unit in the formatted size.
fn mantissa(bytes: u64) -> f64 {
    let mut value = bytes as f64;
    while value >= 1024.0 {
        value /= 1024.0;
    }
    value
}

/// Formats a number with commas between groups of three digits, as `612,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().copied().map(char::from));
    }
    text
}

/// A duration that prints as its two largest units: `3d 4h`, `11m`, `now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub SignedDuration);

impl Age {
    /// Returns the age at `now` of an event at `then`.
    pub fn between(then: Timestamp, now: Timestamp) -> Self {
        Self(now.duration_since(then))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 5] = [
            (365 * 86_400, "y"),
            (86_400, "d"),
            (3_600, "h"),
            (60, "m"),
            (1, "s"),
        ];
        let seconds = self.0.as_secs();
        if seconds < 0 {
            return f.pad("in the future");
        }
        let Some(first) = UNITS.iter().position(|(length, _)| seconds >= *length) else {
            return f.pad("now");
        };
        let (length, unit) = UNITS[first];
        let mut text = format!("{}{unit}", seconds / length);
        if let Some((next_length, next_unit)) = UNITS.get(first + 1) {
            let rest = seconds % length / next_length;
            // Seconds in addition to minutes are noise.
            if rest > 0 && *next_unit != "s" {
                text = format!("{text} {rest}{next_unit}");
            }
        }
        f.pad(&text)
    }
}

impl Age {
    /// Returns the age of an event: `3d 4h ago`, `just now`.
    pub fn ago(self) -> Ago {
        Ago(self)
    }
}

/// How long ago something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ago(Age);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0.as_secs() {
            0 => f.pad("just now"),
            ..0 => self.0.fmt(f),
            _ => f.pad(&format!("{} ago", self.0)),
        }
    }
}

/// A duration that prints exactly, to the nanosecond: `14d`, `1d 12h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact(pub SignedDuration);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400;
        let days = self.0.as_secs() / DAY;
        let rest = SignedDuration::new(self.0.as_secs() % DAY, self.0.subsec_nanos());
        match (days, rest.is_zero()) {
            (0, _) => write!(f, "{rest:#}"),
            (_, true) => write!(f, "{days}d"),
            (_, false) => write!(f, "{days}d {rest:#}"),
        }
    }
}

/// A number of bytes that prints exactly: `50GB`, `1GiB`, `1025`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactSize(pub u64);

impl fmt::Display for ExactSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 8] = [
            ("TiB", 1 << 40),
            ("TB", 1_000_000_000_000),
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
            ("kB", 1_000),
        ];
        match UNITS
            .into_iter()
            .find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes))
        {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => self.0.fmt(f),
        }
    }
}

/// Parses a size: `50GB` is decimal, `50GiB` binary, a bare number counts bytes.
///
/// # Errors
/// A sentence on the expected form, for display.
pub fn parse_size(text: &str) -> Result<u64, String> {
    text.trim()
        .parse::<bytesize::ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| {
            format!("`{text}` is not a size; write it as 500MB, 1.5GiB or a number of bytes")
        })
}

/// Parses a duration: `48h`, `30d`, `2w 3h`. A day is 24 hours, a month 30 days, a year 365.
///
/// # Errors
/// A sentence on the expected form, for display.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write it as 30d, 48h or 2w 3h");
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let years = i64::from(span.get_years());
    let months = i64::from(span.get_months());
    let days = years
        .checked_mul(365)
        .zip(months.checked_mul(30))
        .and_then(|(y, m)| y.checked_add(m))
        .ok_or_else(wrong)?;
    let rest = span
        .years(0)
        .months(0)
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    let whole = days
        .checked_mul(86_400)
        .map(SignedDuration::from_secs)
        .ok_or_else(wrong)?;
    let total = rest.checked_add(whole).ok_or_else(wrong)?;
    Duration::try_from(total).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three_digits() {
        let numbers = [0, 7, 999, 1_000, 612_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "612,000", "1,234,567"]);
    }

    #[test]
    fn sizes_are_printed_with_significant_digits() {
        let shown: Vec<String> = [0, 1023, 1024, 1536, 102_400, 1_503_238_554, u64::MAX]
            .into_iter()
            .map(|bytes| Size(bytes).to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "100 KiB", "1.4 GiB", "16.0 EiB"
            ]
        );
    }

    #[test]
    fn prints_the_two_largest_units_of_an_age() {
        let shown: Vec<String> = [-1, 0, 59, 60, 3_661, 273_600, 34_000_000]
            .into_iter()
            .map(|seconds| Age(SignedDuration::from_secs(seconds)).to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "in the future",
                "now",
                "59s",
                "1m",
                "1h 1m",
                "3d 4h",
                "1y 28d"
            ]
        );
    }

    #[test]
    fn exact_sizes_parse_to_themselves() {
        let durations = [
            ("48h", "2d"),
            ("36h", "1d 12h"),
            ("90s", "1m 30s"),
            ("1d 5ms", "1d 5ms"),
            ("0s", "0s"),
        ];
        for (written, printed) in durations {
            let duration = parse_duration(written).unwrap();
            let exact = Exact(SignedDuration::try_from(duration).unwrap()).to_string();
            assert_eq!(
                (exact.as_str(), parse_duration(&exact)),
                (printed, Ok(duration))
            );
        }
        for size in [
            "50GB",
            "1GiB",
            "1025",
            "0",
            "10MB",
            "3TiB",
            "7kB",
            "18446744073709551615",
        ] {
            assert_eq!(ExactSize(parse_size(size).unwrap()).to_string(), size);
        }
    }

    #[test]
    fn reads_decimal_and_binary_sizes() {
        assert_eq!(parse_size("50GB"), Ok(50_000_000_000));
        assert_eq!(parse_size("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(parse_size("42"), Ok(42));
        assert!(parse_size("much").is_err());
        assert!(parse_size("-1GB").is_err());
    }

    #[test]
    fn reads_durations_up_to_years() {
        assert_eq!(parse_duration("48h"), Ok(Duration::from_hours(48)));
        assert_eq!(
            parse_duration("2w 3h"),
            Ok(Duration::from_hours(14 * 24 + 3))
        );
        assert_eq!(parse_duration("30d"), Ok(Duration::from_hours(30 * 24)));
        assert_eq!(parse_duration("1y"), Ok(Duration::from_hours(365 * 24)));
        for wrong in ["", "soon", "-3h", "30"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
