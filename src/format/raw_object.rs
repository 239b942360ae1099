//! A JSON object whose fields keep their order and their text. One field can be changed without
//! touching the others.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer, de};
use serde_json::value::{RawValue, to_raw_value};

/// The fields of an object in order, including repeated names.
#[derive(Debug)]
pub struct RawObject<'a>(Vec<(String, RawField<'a>)>);

#[derive(Debug)]
enum RawField<'a> {
    Old(&'a RawValue),
    New(Box<RawValue>),
}

impl RawField<'_> {
    fn text(&self) -> &RawValue {
        match self {
            Self::Old(text) => text,
            Self::New(text) => text,
        }
    }
}

impl<'a> RawObject<'a> {
    /// Splits an object; `null` has no fields.
    ///
    /// # Errors
    /// If the text is no object.
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Returns the value of the only field of that name. Returns `None` if there is none, or a
    /// second one with the same name: Go ignores case.
    pub fn only(&self, name: &str) -> Option<&'a RawValue> {
        match self.0.get(self.place(name)?) {
            Some((_, RawField::Old(text))) => Some(text),
            _ => None,
        }
    }

    /// Sets the only field of that name. Returns `None` unless there is exactly one.
    pub fn set(&mut self, name: &str, value: &impl Serialize) -> Option<()> {
        let place = self.place(name)?;
        self.0[place].1 = RawField::New(to_raw_value(value).ok()?);
        Some(())
    }

    /// Writes the object.
    pub fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn place(&self, name: &str) -> Option<usize> {
        let mut places = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, (found, _))| found.eq_ignore_ascii_case(name));
        match (places.next(), places.next()) {
            (Some((place, (found, _))), None) if found == name => Some(place),
            _ => None,
        }
    }
}

impl Serialize for RawObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, field) in &self.0 {
            map.serialize_entry(name, field.text())?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = RawObject<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(name) = map.next_key()? {
                    fields.push((name, RawField::Old(map.next_value()?)));
                }
                Ok(RawObject(fields))
            }
            fn visit_unit<E: de::Error>(self) -> Result<RawObject<'de>, E> {
                Ok(RawObject(Vec::new()))
            }
        }
        deserializer.deserialize_any(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_parts_keep_their_text() {
        let mut object = RawObject::parse(r#"{"b": 1.50 ,"size":3,"a":{"x" : "\u00e9"}}"#).unwrap();
        assert_eq!(object.only("b").map(RawValue::get), Some("1.50"));
        object.set("size", &7).unwrap();
        assert_eq!(
            object.to_text().unwrap(),
            r#"{"b":1.50,"size":7,"a":{"x" : "\u00e9"}}"#
        );
    }

    #[test]
    fn a_name_that_is_there_twice_is_not_changed() {
        let mut object = RawObject::parse(r#"{"size":3,"Size":4,"Digest":5}"#).unwrap();
        assert!(
            object.set("size", &7).is_none()
                && object.set("digest", &7).is_none()
                && object.only("x").is_none()
        );
    }
}
