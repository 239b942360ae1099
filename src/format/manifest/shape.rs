//! The fields of a document, checked before conclusions are drawn from missing ones.
//!
//! Go ignores unknown fields and uses the last of repeated ones. A damaged or future document can
//! therefore parse as one without blob references. The deletion of its blobs must not depend on
//! that.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DocumentError;
use crate::format::lenient::FieldName;

/// The fields with blob references. None may occur twice in an object.
const NAMING: [&str; 12] = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "subject",
    "blobs",
    "fsLayers",
    "digest",
    "blobSum",
    "blob",
    "records",
];

/// The longest field name that is kept; all known names are shorter.
const LONGEST: usize = 32;

/// The fields of a document's root object.
#[derive(Debug, Default)]
pub(in crate::format) struct DocumentShape {
    /// The names in lower case, and whether the value is `null`.
    fields: Vec<(String, bool)>,
    has_more: bool,
}

/// The state of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum FieldState {
    /// The field is missing.
    Absent,
    /// The field is `null`.
    Null,
    /// The field has a value.
    Given,
}

impl DocumentShape {
    /// Reads the shape of a document.
    ///
    /// # Errors
    /// If it is no JSON, no object, or has a field with blob references twice.
    pub(in crate::format) fn of(bytes: &[u8]) -> Result<Self, DocumentError> {
        let text = String::from_utf8_lossy(bytes);
        let mut shape = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let read = RootVisitor(&mut shape)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end());
        match read {
            Ok(()) => Ok(shape),
            // A file that starts like an object is a damaged document, and not a file of another
            // kind.
            Err(error)
                if begins_as_object(bytes)
                    || serde_json::from_slice::<IgnoredAny>(bytes).is_ok() =>
            {
                Err(DocumentError::Json(error.to_string()))
            }
            Err(error) => Err(DocumentError::NotJson(error.to_string())),
        }
    }

    /// Returns the state of the field of that name, ignoring case.
    pub(in crate::format) fn field(&self, name: &str) -> FieldState {
        let found = self
            .fields
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name));
        match found {
            None => FieldState::Absent,
            Some((_, true)) => FieldState::Null,
            Some((_, false)) => FieldState::Given,
        }
    }

    /// Returns the first of `names` that has a value.
    pub(in crate::format) fn first_given(&self, names: &[&'static str]) -> Option<&'static str> {
        names
            .iter()
            .copied()
            .find(|name| self.field(name) == FieldState::Given)
    }

    /// Returns a field that is not in `known`.
    pub(in crate::format) fn unknown(&self, known: &[&str]) -> Option<&str> {
        let is_unknown = |name: &&str| !known.iter().any(|known| known.eq_ignore_ascii_case(name));
        let mut names = self.fields.iter().map(|(name, _)| name.as_str());
        names
            .find(is_unknown)
            .or_else(|| self.has_more.then_some("…"))
    }
}

fn begins_as_object(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'{')
}

/// Reads the root object.
struct RootVisitor<'a>(&'a mut DocumentShape);

impl<'de> DeserializeSeed<'de> for RootVisitor<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RootVisitor<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = SeenFields::default();
        while let Some(name) = map.next_key::<String>()? {
            seen.note(naming(&name))?;
            let is_null = map.next_value_seed(ValueVisitor)?;
            if name.len() > LONGEST {
                self.0.has_more = true;
            } else if self.0.field(&name) == FieldState::Absent {
                self.0.fields.push((name.to_lowercase(), is_null));
            }
        }
        Ok(())
    }
}

/// Reads any value; returns whether it is `null`.
struct ValueVisitor;

impl<'de> DeserializeSeed<'de> for ValueVisitor {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(true)
    }
    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        while elements.next_element_seed(ValueVisitor)?.is_some() {}
        Ok(false)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut seen = SeenFields::default();
        while let Some(place) = map.next_key_seed(FieldName(&NAMING))? {
            seen.note(place)?;
            map.next_value_seed(ValueVisitor)?;
        }
        Ok(false)
    }
}

/// The fields with blob references found so far in an object, one bit for each.
#[derive(Default)]
struct SeenFields(u16);

impl SeenFields {
    fn note<E: serde::de::Error>(&mut self, place: Option<usize>) -> Result<(), E> {
        let Some(place) = place else {
            return Ok(());
        };
        if self.0 & (1 << place) != 0 {
            let name = NAMING[place];
            return Err(E::custom(format_args!(
                "`{name}` stands twice in an object"
            )));
        }
        self.0 |= 1 << place;
        Ok(())
    }
}

fn naming(name: &str) -> Option<usize> {
    NAMING
        .iter()
        .position(|naming| naming.eq_ignore_ascii_case(name))
}
