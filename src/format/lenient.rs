//! Parses JSON as Go's `encoding/json` does, which BuildKit uses for its own documents.
//!
//! Field names match ignoring case, `null` leaves the zero value, an unknown field is ignored, and
//! of a repeated field the last one counts. Input that Go refuses is refused: wrong types, numbers
//! out of range, anything after the document. Lists have a maximum length, so a small hostile
//! document cannot become a large value.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

/// The most elements that one list of a document may have.
pub const MAX_ITEMS: usize = 1_000_000;

/// Parses a whole document.
///
/// # Errors
/// The fault, with line and column.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        // Go replaces bytes that are not UTF-8; serde_json refuses them.
        Err(_) => serde_json::from_str(&replaced(bytes)),
    }
}

/// Replaces every byte that is no part of a character one by one, as Go does.
fn replaced(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// A list with at most [`MAX_ITEMS`] elements; `null` elements become zero values.
#[derive(Debug, Clone)]
pub struct LenientList<T>(pub Vec<T>);

impl<T> Default for LenientList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: serde::Deserialize<'de> + Default> serde::Deserialize<'de> for LenientList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: serde::Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
            type Value = LenientList<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut elements: A,
            ) -> Result<LenientList<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element::<Option<T>>()? {
                    if list.len() == MAX_ITEMS {
                        return Err(A::Error::custom(format_args!(
                            "a list has more than {MAX_ITEMS} elements"
                        )));
                    }
                    list.push(element.unwrap_or_default());
                }
                Ok(LenientList(list))
            }
        }
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

/// Parses a string with a function, without copying it.
pub struct LenientText<F>(pub F);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for LenientText<F> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        self.0(text).map_err(E::custom)
    }
}

/// Finds the index of a field in `names`, ignoring case as Go does.
pub struct FieldName(pub &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self
            .0
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// Declares a struct that deserializes as in Go: `struct Name { field: Type = "jsonName", … }`.
macro_rules! go_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty = $key:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type),* }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct LenientFields;
                impl<'de> serde::de::Visitor<'de> for LenientFields {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_unit<E>(self) -> Result<$name, E> {
                        Ok($name::default())
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        const NAMES: &[&str] = &[$($key),*];
                        let mut value = $name::default();
                        while let Some(field) = map.next_key_seed($crate::format::lenient::FieldName(NAMES))? {
                            let Some(field) = field.map(|place| NAMES[place]) else {
                                map.next_value::<serde::de::IgnoredAny>()?;
                                continue;
                            };
                            match field {
                                $($key => if let Some(read) = map.next_value::<Option<$type>>()? {
                                    value.$field = read;
                                },)*
                                _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(value)
                    }
                }
                deserializer.deserialize_any(LenientFields)
            }
        }
    };
}
pub(crate) use go_struct;

#[cfg(test)]
mod tests {
    use super::*;

    go_struct! {
        struct Sample { count: i64 = "count", names: LenientList<String> = "names", inner: Inner = "inner" }
    }
    go_struct! {
        struct Inner { flag: bool = "flag" }
    }

    #[test]
    fn reads_as_go_does() {
        let sample: Sample =
            parse(br#"{"COUNT":7,"names":["a",null],"Inner":{"flag":true,"x":[{}]},"count":8}"#)
                .unwrap();
        assert_eq!((sample.count, sample.inner.flag), (8, true));
        assert_eq!(sample.names.0, ["a", ""]);
        let broken: Sample = parse(b"{\"names\":[\"a\xe2\x82\",\"\xff\"]}").unwrap();
        assert_eq!(broken.names.0, ["a\u{fffd}\u{fffd}", "\u{fffd}"]);
        let zero: Sample = parse(b"null").unwrap();
        assert_eq!(zero.count, 0);
        let nulls: Sample = parse(br#"{"count":null,"names":null,"inner":null}"#).unwrap();
        assert_eq!(
            (nulls.count, nulls.names.0.len(), nulls.inner.flag),
            (0, 0, false)
        );
    }

    #[test]
    fn refuses_what_go_refuses() {
        for wrong in [
            &br#"{"count":"7"}"#[..],
            br#"{"count":1.5}"#,
            br#"{"count":9223372036854775808}"#,
            br#"{"names":{}}"#,
            br"{} {}",
            br#"{"count":1"#,
            b"",
            b"[]",
        ] {
            assert!(
                parse::<Sample>(wrong).is_err(),
                "{}",
                String::from_utf8_lossy(wrong)
            );
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = [b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat();
        assert!(parse::<Sample>(&deep).is_err());
        let ignored = [br#"{"x":"#.to_vec(), deep, b"}".to_vec()].concat();
        let _ = parse::<Sample>(&ignored);
    }
}
