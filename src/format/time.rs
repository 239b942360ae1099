//! Times in Go's format.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::lenient::LenientText;

/// A time from a document: RFC 3339 with any offset. Go's zero time means "unknown".
///
/// `time.Time` marshals its zero value as `0001-01-01T00:00:00Z`. BuildKit writes that for the
/// results of inline caches and for layers of unknown age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GoTime(pub Option<Timestamp>);

impl GoTime {
    /// Parses a time. As in Go, an empty string is an error.
    ///
    /// # Errors
    /// If `text` is not a time of RFC 3339 (offsets are allowed, fractions may have any number of
    /// digits).
    pub fn parse(text: &str) -> Result<Self, String> {
        let time: Timestamp = text.parse().map_err(|_| {
            format!(
                "`{}` is not a time of RFC 3339",
                crate::text::escape::visible(text)
            )
        })?;
        Ok(Self((!is_go_zero(time)).then_some(time)))
    }
}

fn is_go_zero(time: Timestamp) -> bool {
    const ZERO_SECONDS: i64 = -62_135_596_800;
    time.as_second() == ZERO_SECONDS && time.subsec_nanosecond() == 0
}

impl<'de> Deserialize<'de> for GoTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(LenientText(Self::parse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_fractions_and_the_zero_time_are_parsed() {
        let at = |text| GoTime::parse(text).unwrap().0.map(|time| time.to_string());
        assert_eq!(
            at("2026-11-21T23:05:24.719685339Z").as_deref(),
            Some("2026-11-21T23:05:24.719685339Z")
        );
        assert_eq!(
            at("2026-11-21T23:05:24.7+02:00").as_deref(),
            Some("2026-11-21T21:05:24.7Z")
        );
        assert_eq!(at("0001-01-01T00:00:00Z"), None);
        for wrong in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-21"] {
            assert!(GoTime::parse(wrong).is_err(), "{wrong}");
        }
    }
}
