//! The attributes of a `type=…` string: split as buildx does, and consumed one by one by the
//! parsers of each kind.

use std::time::Duration;

use super::{Secret, SourceError, SourceWarning};
use crate::text::nearest::nearest;
use crate::text::units;

/// Attributes about how a build writes a cache, not where. BuildKit supports or ignores them in
/// every kind of cache (`util/compression/attrs.go`, `control/control.go`).
const ABOUT_WRITING: [&str; 7] = [
    "mode",
    "compression",
    "compression-level",
    "force-compression",
    "oci-mediatypes",
    "image-manifest",
    "ignore-error",
];

/// Attributes with their names in lower case, each present until it is taken.
#[derive(Default)]
pub(super) struct Attributes {
    left: Vec<(String, String)>,
    asked: Vec<&'static str>,
    warnings: Vec<SourceWarning>,
}

/// The remaining attributes after those with the location of a cache.
pub(super) struct Rest {
    /// The attributes for a build, which a reader ignores.
    pub ignored: Vec<(&'static str, String)>,
    /// Warnings about unknown attributes, and other oddities.
    pub warnings: Vec<SourceWarning>,
}

impl Attributes {
    /// Sets an attribute from its `name=value` form. As in buildx, names ignore case and the last
    /// one wins.
    pub fn set(&mut self, text: &str, position: usize) -> Result<(), SourceError> {
        let (name, value) = text
            .split_once('=')
            .ok_or(SourceError::NoEquals(position))?;
        self.insert(&name.to_lowercase(), value.to_owned());
        Ok(())
    }

    /// Sets the attribute `name`.
    pub fn insert(&mut self, name: &str, value: String) {
        match self.left.iter_mut().find(|(known, _)| known == name) {
            Some(attribute) => attribute.1 = value,
            None => self.left.push((name.to_owned(), value)),
        }
    }

    /// Takes an attribute that has a meaning even if it is empty.
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        let index = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.remove(index).1)
    }

    /// Takes an attribute; an empty one counts as absent.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name).filter(|value| !value.is_empty())
    }

    /// Takes an attribute with a secret value.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// Takes a boolean as Go's `strconv.ParseBool` accepts it; absent means false.
    pub fn flag(&mut self, name: &'static str) -> Result<bool, SourceError> {
        match self.text(name).as_deref() {
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some(_) => Err(SourceError::InvalidValue {
                name,
                expected: "true or false",
            }),
        }
    }

    /// Takes the address of a service. One with a user in it is refused, because addresses are
    /// shown and logged.
    pub fn address(&mut self, name: &'static str) -> Result<Option<String>, SourceError> {
        let Some(address) = self.text(name) else {
            return Ok(None);
        };
        let host = ["http://", "https://"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme))
            .and_then(|rest| {
                let host = rest.split(['/', '?', '#']).next()?;
                (!host.is_empty()
                    && !host.contains(['@', '\\'])
                    && !rest.contains(char::is_whitespace))
                .then_some(host)
            });
        match host {
            Some(_) => Ok(Some(address)),
            None => Err(SourceError::InvalidValue {
                name,
                expected: "an http:// or https:// address without a user",
            }),
        }
    }

    /// Adds the attribute that was probably meant to an error about a missing one.
    pub fn explain(&self, error: SourceError) -> SourceError {
        let SourceError::Missing { kind, name } = error else {
            return error;
        };
        // `src` and `dest` name the same directory.
        let wanted: &[&'static str] = match name {
            "src" => &["src", "dest"],
            _ => &[name],
        };
        let known = self.asked.iter().chain(&ABOUT_WRITING).copied();
        let known: Vec<&'static str> = known.collect();
        let meant = self.left.iter().find_map(|(found, _)| {
            let meant = nearest(found, wanted.iter().copied())?;
            (!known.contains(&found.as_str())).then(|| (found.clone(), meant))
        });
        match meant {
            Some((found, meant)) => SourceError::Misspelt {
                kind,
                name,
                found,
                meant,
            },
            None => SourceError::Missing { kind, name },
        }
    }

    /// Adds a warning.
    pub fn warn(&mut self, warning: SourceWarning) {
        self.warnings.push(warning);
    }

    /// Takes `touch_refresh`. BuildKit uses the default if it cannot parse the value
    /// (`cache/remotecache/s3/s3.go`).
    pub fn touch_refresh(&mut self, default: Duration) -> Duration {
        let Some(text) = self.text("touch_refresh") else {
            return default;
        };
        parse_go_duration(&text).unwrap_or_else(|| {
            self.warnings.push(SourceWarning::TouchRefresh);
            default
        })
    }

    /// Finishes the attributes. The remaining ones in `ignored` and those about writing are kept;
    /// all others cause warnings.
    pub fn finish(mut self, kind: &'static str, ignored: &[&'static str]) -> Rest {
        let about_writing: Vec<&'static str> =
            ABOUT_WRITING.iter().chain(ignored).copied().collect();
        let mut kept = Vec::new();
        for (name, value) in self.left {
            if let Some(known) = about_writing.iter().find(|known| **known == name) {
                kept.push((*known, value));
            } else {
                let nearest = nearest(&name, self.asked.iter().chain(&about_writing).copied());
                self.warnings.push(SourceWarning::UnknownAttribute {
                    kind,
                    name,
                    nearest,
                });
            }
        }
        Rest {
            ignored: kept,
            warnings: self.warnings,
        }
    }
}

/// Parses a duration in Go's notation. Its largest unit is the hour.
fn parse_go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let units_of_go = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's' | 'u' | 'µ' | 'n'));
    units_of_go
        .then(|| units::parse_duration(text).ok())
        .flatten()
}

/// Formats a duration for Go and for [`parse_go_duration`].
pub(super) fn print_go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    match (seconds, nanos) {
        (_, 1..) => format!("{seconds}s{nanos}ns"),
        (1.., 0) if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ => format!("{seconds}s"),
    }
}

/// Splits `a=1,"b=2,3"#ref` into its attributes and the ref, by the rules of CSV: a quoted
/// attribute is quoted as a whole, and a quote within it is doubled. The ref follows the last `#`
/// after the last comma, outside quotes.
pub(super) fn split(text: &str) -> Result<(Vec<String>, Option<&str>), SourceError> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let position = fields.len() + 1;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (field, after) = unquote(quoted).ok_or(SourceError::Quote(position))?;
            fields.push(field);
            match after.chars().next() {
                None => return Ok((fields, None)),
                Some('#') => return Ok((fields, Some(&after[1..]))),
                Some(',') => rest = &after[1..],
                Some(_) => return Err(SourceError::Quote(position)),
            }
        } else {
            let (field, after) = rest
                .split_once(',')
                .map_or((rest, None), |(field, after)| (field, Some(after)));
            let (field, selected) = match (after, field.rsplit_once('#')) {
                (None, Some((field, selected))) => (field, Some(selected)),
                _ => (field, None),
            };
            if field.contains('"') {
                return Err(SourceError::Quote(position));
            }
            fields.push(field.to_owned());
            match after {
                None => return Ok((fields, selected)),
                Some(after) => rest = after,
            }
        }
    }
}

/// Returns the text before the closing quote, and the text after it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_once('"')?;
        field.push_str(piece);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, after)),
        }
    }
}

/// Formats `name=value` for [`split`].
pub(super) fn quote(name: &str, value: &str) -> String {
    // A blank or a backslash at the end would be mistaken for one around the whole.
    let is_cut = value.ends_with('\\') || value.trim_end() != value;
    if is_cut || value.contains([',', '"', '#']) {
        format!("\"{name}={}\"", value.replace('"', "\"\""))
    } else {
        format!("{name}={value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_csv_does() {
        let cases: [(&str, &[&str], Option<&str>); 7] = [
            ("type=local,src=a", &["type=local", "src=a"], None),
            ("type=local,\"dest=a,b\"", &["type=local", "dest=a,b"], None),
            (
                "\"src=say \"\"hi\"\"\",type=local",
                &["src=say \"hi\"", "type=local"],
                None,
            ),
            (
                "type=local,src=a#b#c",
                &["type=local", "src=a#b"],
                Some("c"),
            ),
            ("type=local,\"src=a#b\"", &["type=local", "src=a#b"], None),
            (
                "type=local,\"src=a,b\"#x,y",
                &["type=local", "src=a,b"],
                Some("x,y"),
            ),
            ("src=a#b,type=local", &["src=a#b", "type=local"], None),
        ];
        for (text, fields, selected) in cases {
            assert_eq!(
                split(text),
                Ok((fields.iter().map(ToString::to_string).collect(), selected)),
                "{text}"
            );
        }
        for (text, position) in [("a=\"b\"", 1), ("a=1,\"b", 2), ("\"a\"b,c", 1)] {
            assert_eq!(split(text), Err(SourceError::Quote(position)), "{text}");
        }
    }

    #[test]
    fn reads_durations_as_go_does() {
        let cases = [
            ("24h", Some(Duration::from_hours(24))),
            ("1h30m", Some(Duration::from_mins(90))),
            ("1.5h", Some(Duration::from_mins(90))),
            ("0", Some(Duration::ZERO)),
            ("250ms", Some(Duration::from_millis(250))),
            ("30d", None),
            ("1M", None),
            ("", None),
            ("24", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_go_duration(text), expected, "{text}");
        }
        for duration in [
            Duration::ZERO,
            Duration::from_hours(48),
            Duration::from_secs(61),
            Duration::from_nanos(1),
        ] {
            assert_eq!(
                parse_go_duration(&print_go_duration(duration)),
                Some(duration)
            );
        }
    }
}
