//! Escapes untrusted text for terminals.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::secrets::mask_values;

/// Returns `text` with every character escaped that could control a terminal or disguise other
/// characters.
///
/// Control characters become their picture (`␛` for escape, `␊` for a line feed). Characters that
/// reorder or hide text (the bidirectional controls of Unicode, zero-width characters, the
/// byte-order mark) become `<U+202E>`.
///
/// Values that look like secrets are masked too, because every text of a store or a build passes
/// through here before display.
pub fn visible(text: &str) -> Cow<'_, str> {
    let hidden = match mask_values(text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(hidden) => Some(hidden),
    };
    match hidden {
        None => written_out(text),
        Some(hidden) => Cow::Owned(written_out(&hidden).into_owned()),
    }
}

fn written_out(text: &str) -> Cow<'_, str> {
    if !text.chars().any(must_be_written_out) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            // The pictures of the C0 controls have the same order at U+2400.
            '\0'..='\x1f' => {
                shown.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('␀'));
            }
            '\x7f' => shown.push('␡'),
            _ if must_be_written_out(character) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "<U+{:04X}>", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Returns whether `character` controls a terminal, reorders text or has no width.
pub fn must_be_written_out(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_control_characters_are_escaped() {
        assert_eq!(visible("v1.2-héllo ✓"), "v1.2-héllo ✓");
        assert_eq!(visible("a\x1b[31m\nb\x7f"), "a␛[31m␊b␡");
        assert_eq!(visible("a\u{9b}31m"), "a<U+009B>31m");
        assert_eq!(visible("gpj.\u{202e}exe"), "gpj.<U+202E>exe");
        assert_eq!(visible("a\u{200b}b"), "a<U+200B>b");
    }
}
