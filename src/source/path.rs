//! Encodes paths of any bytes as text, without loss.
//!
//! A name in a Unix file system is bytes, and need not be UTF-8. A source is text: it is typed,
//! saved in plans and shown. A byte that is not UTF-8 becomes a character at the end of Unicode's
//! last private area.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The character of byte 0. Only bytes from 0x80 on can be invalid by themselves.
const FIRST: u32 = 0x10_FF00;

/// Returns a text that [`from_text`] converts back to `path`. A UTF-8 path stays unchanged, unless
/// it holds one of the characters that encode bytes.
pub fn to_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if byte_of(character).is_some() {
                let mut buffer = [0; 4];
                let bytes = character.encode_utf8(&mut buffer).bytes();
                text.extend(bytes.filter_map(character_of));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(character_of));
    }
    text
}

/// Returns the path of a text, which [`to_text`] may have made.
pub fn from_text(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    OsString::from_vec(bytes).into()
}

fn character_of(byte: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(byte))
}

fn byte_of(character: char) -> Option<u8> {
    u32::from(character)
        .checked_sub(FIRST)
        .and_then(|byte| u8::try_from(byte).ok())
        .filter(|byte| !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn any_path_bytes_round_trip() {
        let private = "\u{10ff80}\u{10ffff}";
        let all: Vec<u8> = (1..=255).collect();
        let names = [
            b"plain/\xc3\xa9".as_slice(),
            b"caf\xe9\n\t",
            &all,
            b"\xf4\x8f\xbf",
            private.as_bytes(),
        ];
        for name in names {
            let path = Path::new(OsStr::from_bytes(name));
            assert_eq!(from_text(&to_text(path)), path);
        }
        assert_eq!(to_text(Path::new("plain/é")), "plain/é");
        assert_eq!(from_text("plain/é"), Path::new("plain/é"));
    }
}
