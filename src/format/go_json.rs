//! Writes JSON exactly as Go's `encoding/json` does, because BuildKit hashes that text.
//!
//! Struct fields are in the order of their declaration, without white space. `omitempty` drops
//! empty values, but never a pointer to an empty struct. Strings are escaped for HTML, and control
//! characters have the forms of Go 1.22 and later.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;

/// A value that Go can marshal.
pub trait GoJson {
    /// Appends the value to `out`.
    fn write(&self, out: &mut String);

    /// Returns whether `omitempty` drops the value; a struct is never dropped.
    fn is_empty(&self) -> bool {
        false
    }
}

/// Writes the fields of a struct, in the order of the calls.
#[derive(Debug)]
pub struct GoFields<'a> {
    out: &'a mut String,
    first: bool,
}

impl GoFields<'_> {
    /// Writes a field that is always there.
    pub fn always(&mut self, name: &str, value: &(impl GoJson + ?Sized)) -> &mut Self {
        self.out.push(if std::mem::take(&mut self.first) {
            '{'
        } else {
            ','
        });
        name.write(self.out);
        self.out.push(':');
        value.write(self.out);
        self
    }

    /// Writes a field with `omitempty`.
    pub fn unless_empty(&mut self, name: &str, value: &(impl GoJson + ?Sized)) -> &mut Self {
        if value.is_empty() {
            self
        } else {
            self.always(name, value)
        }
    }
}

/// Appends a struct with the fields that `write` writes.
pub fn object(out: &mut String, write: impl FnOnce(&mut GoFields<'_>)) {
    let mut fields = GoFields { out, first: true };
    write(&mut fields);
    let opened = !fields.first;
    out.push_str(if opened { "}" } else { "{}" });
}

/// Returns the text of a struct with the fields that `write` writes.
pub fn document(write: impl FnOnce(&mut GoFields<'_>)) -> String {
    let mut out = String::new();
    object(&mut out, write);
    out
}

/// A `[]byte`, which Go writes as base64.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl GoJson for Bytes<'_> {
    fn write(&self, out: &mut String) {
        out.push('"');
        base64::engine::general_purpose::STANDARD.encode_string(self.0, out);
        out.push('"');
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl GoJson for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for character in self.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(character));
                }
                _ => out.push(character),
            }
        }
        out.push('"');
    }

    fn is_empty(&self) -> bool {
        str::is_empty(self)
    }
}

impl GoJson for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }

    fn is_empty(&self) -> bool {
        str::is_empty(self)
    }
}

impl GoJson for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }

    fn is_empty(&self) -> bool {
        !self
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl GoJson for $integer {
            fn write(&self, out: &mut String) {
                // Writing to a String cannot fail.
                let _ = write!(out, "{self}");
            }

            fn is_empty(&self) -> bool {
                *self == 0
            }
        }
    )*};
}
integers!(i32, i64, u32);

/// A slice. An empty one without `omitempty` is `[]`, unlike Go's nil.
impl<T: GoJson> GoJson for [T] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (place, element) in self.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            element.write(out);
        }
        out.push(']');
    }

    fn is_empty(&self) -> bool {
        <[T]>::is_empty(self)
    }
}

impl<T: GoJson, const N: usize> GoJson for [T; N] {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }

    fn is_empty(&self) -> bool {
        N == 0
    }
}

/// A pointer: `null` for `None`; `Some` is never empty.
impl<T: GoJson> GoJson for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

/// A map with its keys sorted by bytes, as Go does.
impl<T: GoJson> GoJson for BTreeMap<String, T> {
    fn write(&self, out: &mut String) {
        object(out, |fields| {
            for (name, value) in self {
                fields.always(name, value);
            }
        });
    }

    fn is_empty(&self) -> bool {
        BTreeMap::is_empty(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go_does() {
        let mut out = String::new();
        "a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}<>&é\u{2028}\u{2029}/✓".write(&mut out);
        assert_eq!(
            out,
            "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f\u{7f}\\u003c\\u003e\\u0026é\\u2028\\u2029/✓\""
        );
    }

    /// Escapes one character by a lookup, the slow path.
    fn escaped(character: char) -> String {
        let short = [
            ('"', '"'),
            ('\\', '\\'),
            ('\n', 'n'),
            ('\r', 'r'),
            ('\t', 't'),
            ('\u{8}', 'b'),
            ('\u{c}', 'f'),
        ];
        if let Some((_, letter)) = short.iter().find(|(escaped, _)| *escaped == character) {
            return format!("\\{letter}");
        }
        let is_escaped = character < ' ' || "<>&\u{2028}\u{2029}".contains(character);
        if is_escaped {
            format!("\\u{:04x}", u32::from(character))
        } else {
            character.to_string()
        }
    }

    proptest::proptest! {
        #[test]
        fn any_escaped_text_parses_to_itself(text in "(?s).{0,40}|[\u{0}-\u{ff}\u{2020}-\u{2030}]{0,40}") {
            let mut out = String::new();
            text.as_str().write(&mut out);
            proptest::prop_assert_eq!(&out, &format!("\"{}\"", text.chars().map(escaped).collect::<String>()));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn empty_values_are_omitted_as_in_go_and_pointers_kept() {
        struct Empty;
        impl GoJson for Empty {
            fn write(&self, out: &mut String) {
                object(out, |_| ());
            }
        }
        let attrs = BTreeMap::from([("b".to_owned(), 2_i32), ("a".to_owned(), 1)]);
        let text = document(|fields| {
            fields
                .unless_empty("s", "")
                .unless_empty("n", &0_i64)
                .unless_empty("b", &false)
                .unless_empty("list", &[] as &[String])
                .unless_empty("none", &None::<Empty>)
                .unless_empty("pointer", &Some(Empty))
                .unless_empty("minus", &-1_i64)
                .unless_empty("bytes", &Bytes(b"hi"))
                .unless_empty("map", &attrs)
                .always("zero", &0_u32)
                .always("null", &None::<Empty>)
                .always("lists", &[[-1_i64, 0]]);
        });
        assert_eq!(
            text,
            r#"{"pointer":{},"minus":-1,"bytes":"aGk=","map":{"a":1,"b":2},"zero":0,"null":null,"lists":[[-1,0]]}"#
        );
    }
}
