//! Text with the semantics of Go: bytes that need not be UTF-8, and Go's rules for case, quoting
//! and white space.
//!
//! A Dockerfile may hold any bytes, and BuildKit keeps them until some code needs characters.
//! [`from_bytes`] keeps them too: a byte that is no part of a character becomes one of the last 128
//! characters of Unicode (a private use area), and [`to_bytes`] converts it back. If a file uses
//! one of those characters itself, its bytes are kept in the same way.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// The character for the byte 0; only those for bytes from 0x80 on are used.
const FIRST: u32 = 0x0010_FF00;

static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{L}$").ok());
static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").ok());
static PRINTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());

/// Converts bytes to text without losing any.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_marker(character) {
                text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(marker));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(marker));
    }
    text
}

/// Returns the original bytes of the text.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !has_markers(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        if is_marker(character) {
            // The low byte is the original byte.
            bytes.push(u32::from(character).to_le_bytes()[0]);
        } else {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Cow::Owned(bytes)
}

/// Returns the text with U+FFFD for each byte that is no part of a character, as Go ranges over a
/// string.
pub fn lossy(text: &str) -> Cow<'_, str> {
    if !has_markers(text) {
        return Cow::Borrowed(text);
    }
    let bytes = to_bytes(text);
    let mut whole = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        whole.push_str(chunk.valid());
        whole.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(whole)
}

/// Returns whether the bytes of a text are UTF-8.
pub fn is_utf8(text: &str) -> bool {
    !has_markers(text) || std::str::from_utf8(&to_bytes(text)).is_ok()
}

fn marker(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_marker(character: char) -> bool {
    u32::from(character) >= FIRST + 0x80
}

fn has_markers(text: &str) -> bool {
    text.contains(is_marker)
}

/// Returns whether a character is a letter: `unicode.IsLetter`.
pub fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphabetic()
    } else {
        has_class(&LETTER, character)
    }
}

/// Returns whether a character is a decimal digit: `unicode.IsDigit`.
pub fn is_digit(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_digit()
    } else {
        has_class(&DIGIT, character)
    }
}

fn has_class(class: &LazyLock<Option<Regex>>, character: char) -> bool {
    class
        .as_ref()
        .is_some_and(|class| class.is_match(character.encode_utf8(&mut [0; 4])))
}

/// Converts a text to lower case, character by character: `strings.ToLower`.
pub fn lower(text: &str) -> String {
    text.chars()
        .map(|character| character.to_lowercase().next().unwrap_or(character))
        .collect()
}

/// Converts a text to upper case, character by character: `strings.ToUpper`.
pub fn upper(text: &str) -> String {
    text.chars().map(upper_character).collect()
}

/// A character whose upper case has several characters stays unchanged.
fn upper_character(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

/// Compares ignoring case: `strings.EqualFold`.
pub fn equal_fold(a: &str, b: &str) -> bool {
    a == b || lower(&upper(a)) == lower(&upper(b))
}

/// Quotes a text as `%q` does.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for chunk in to_bytes(text).utf8_chunks() {
        for character in chunk.valid().chars() {
            quote_character(character, &mut quoted);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(quoted, "\\x{byte:02x}");
        }
    }
    quoted.push('"');
    quoted
}

fn quote_character(character: char, quoted: &mut String) {
    // Writing to a String cannot fail.
    let _ = match character {
        '"' | '\\' => write!(quoted, "\\{character}"),
        '\x07' => write!(quoted, "\\a"),
        '\x08' => write!(quoted, "\\b"),
        '\x0c' => write!(quoted, "\\f"),
        '\n' => write!(quoted, "\\n"),
        '\r' => write!(quoted, "\\r"),
        '\t' => write!(quoted, "\\t"),
        '\x0b' => write!(quoted, "\\v"),
        ' '..='~' => write!(quoted, "{character}"),
        '\0'..='\x1f' | '\x7f' => write!(quoted, "\\x{:02x}", u32::from(character)),
        _ if has_class(&PRINTED, character) => write!(quoted, "{character}"),
        '\0'..='\u{ffff}' => write!(quoted, "\\u{:04x}", u32::from(character)),
        _ => write!(quoted, "\\U{:08x}", u32::from(character)),
    };
}

/// Parses a boolean: `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Parses a signed number: `strconv.ParseInt` in base 10.
pub fn parse_int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Parses an unsigned number: `strconv.ParseUint` with 32 bits.
pub fn parse_uint(text: &str, base: u32) -> Option<u32> {
    let plain = !text.is_empty() && text.chars().all(|character| character.is_digit(base));
    plain
        .then(|| u32::from_str_radix(text, base).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_mapping_and_quoting_are_those_of_go() {
        assert_eq!(
            (lower("AİΣ\u{212a}").as_str(), upper("aßſ").as_str()),
            ("aiσk", "AßS")
        );
        assert!(equal_fold("AS", "aſ") && !equal_fold("a", "b"));
        let text = from_bytes(b"a\"\\\x01\x7f\xff\xc3\xa9\n\xc2\xa0\xf4\x8f\xbf\xbf");
        assert_eq!(quote(&text), r#""a\"\\\x01\x7f\xffé\n\u00a0\U0010ffff""#);
    }

    proptest::proptest! {
        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60), tail in "[\u{10ff70}-\u{10ffff}]{0,3}") {
            let bytes = [bytes, tail.into_bytes()].concat();
            let text = from_bytes(&bytes);
            proptest::prop_assert_eq!(&*to_bytes(&text), &bytes[..]);
            proptest::prop_assert_eq!(is_utf8(&text), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
