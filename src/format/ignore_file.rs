//! `.dockerignore` files: `github.com/moby/patternmatcher/ignorefile`.

/// The largest file that is read, in bytes.
pub const MAX_SIZE: usize = 4 << 20;

/// The longest line, in bytes. Go's scanner refuses a longer one, and BuildKit then fails the
/// build.
const MAX_LINE: usize = 64 << 10;

/// A line is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} of the ignore file is too long")]
pub struct LineTooLong(pub usize);

/// Parses the patterns of a file, as BuildKit's frontend does.
///
/// # Errors
/// If a line is so long that the build would fail.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, LineTooLong> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut patterns = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.len() >= MAX_LINE {
            return Err(LineTooLong(at + 1));
        }
        // A comment is recognized before blanks are removed.
        if line.starts_with(b"#") {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (negated, pattern) = match line.strip_prefix('!') {
            Some(rest) => ("!", rest.trim()),
            None => ("", line),
        };
        let mut pattern = if pattern.is_empty() {
            String::new()
        } else {
            String::from_utf8_lossy(&super::go_path::clean(pattern.as_bytes())).into_owned()
        };
        if pattern.len() > 1 && pattern.starts_with('/') {
            pattern.remove(0);
        }
        patterns.push(format!("{negated}{pattern}"));
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_moby_does() {
        let text = "\u{feff}test1\r\n/test2\n/a/file/here\n\nlastfile\n# this is a comment\n  # no comment\n! /inverted/abs/path\n!\n! \n./x/../y/\n/";
        assert_eq!(
            parse(text.as_bytes()).unwrap(),
            [
                "test1",
                "test2",
                "a/file/here",
                "lastfile",
                "# no comment",
                "!inverted/abs/path",
                "!",
                "!",
                "y",
                "/"
            ]
        );
        assert_eq!(parse(b"").unwrap(), Vec::<String>::new());
        assert_eq!(
            parse(&[b"a\n".to_vec(), vec![b'x'; 70_000]].concat()),
            Err(LineTooLong(2))
        );
    }
}
