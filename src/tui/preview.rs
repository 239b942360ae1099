//! The beginning of a file as text, or as a hex dump if it is not text.

/// The number of bytes to show.
pub const MOST: u64 = 64 << 10;
/// The number of bytes to show of a file that is not text.
const MOST_BINARY: usize = 256;
/// The number of bytes per line of a dump.
const LINE: usize = 16;

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePreview {
    /// Its lines. Control characters are not escaped yet.
    pub lines: Vec<String>,
    /// Whether it is not text, so that the lines are a hex dump.
    pub is_binary: bool,
    /// Whether the file continues.
    pub is_cut: bool,
}

impl FilePreview {
    /// Shows `bytes`, the beginning of a file; it may be longer than [`MOST`].
    pub fn new(bytes: &[u8]) -> Self {
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        let is_cut = bytes.len() > most;
        let shown = &bytes[..bytes.len().min(most)];
        match text(shown, is_cut) {
            Some(text) => Self {
                lines: lines(text),
                is_binary: false,
                is_cut,
            },
            None => Self {
                lines: dump(&shown[..shown.len().min(MOST_BINARY)]),
                is_binary: true,
                is_cut: bytes.len() > MOST_BINARY,
            },
        }
    }
}

/// Decodes text. The last character may be cut off together with the bytes.
fn text(bytes: &[u8], is_cut: bool) -> Option<&str> {
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.replace('\t', "    "))
        .collect()
}

/// Formats bytes as hexadecimal numbers, with printable characters next to them.
fn dump(bytes: &[u8]) -> Vec<String> {
    let line = |(number, bytes): (usize, &[u8])| {
        let numbers: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = |byte: &u8| {
            let is_shown = byte.is_ascii_graphic() || *byte == b' ';
            if is_shown { char::from(*byte) } else { '.' }
        };
        let characters: String = bytes.iter().map(shown).collect();
        let start = number * LINE;
        let numbers = numbers.join(" ");
        format!("{start:04x}  {numbers:<47}  {characters}")
    };
    bytes.chunks(LINE).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_by_lines() {
        let preview = FilePreview::new("a\tb\r\n\u{1b}[31mé".as_bytes());
        assert_eq!(preview.lines, ["a    b", "\u{1b}[31mé"]);
        assert!(!preview.is_binary && !preview.is_cut);
        assert!(FilePreview::new(b"").lines.is_empty());
    }

    #[test]
    fn a_character_may_be_cut_off_at_the_end_only() {
        let mut bytes = vec![b'x'; usize::try_from(MOST).unwrap() - 1];
        bytes.extend("éa".as_bytes());
        let preview = FilePreview::new(&bytes);
        assert!(!preview.is_binary && preview.is_cut);
        assert_eq!(preview.lines[0].len() as u64, MOST - 1);
        assert!(FilePreview::new(&[b'a', 0xc3]).is_binary);
    }

    #[test]
    fn binary_content_is_shown_as_bytes() {
        let preview = FilePreview::new(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0");
        assert!(preview.is_binary && !preview.is_cut);
        let expected = [
            "0000  7f 45 4c 46 02 01 01 00 00 00 00 00 00 00 00 00  .ELF............",
            "0010  02 00                                            ..",
        ];
        assert_eq!(preview.lines, expected);
        assert_eq!(FilePreview::new(&[0; 5000]).lines.len(), MOST_BINARY / LINE);
    }
}
