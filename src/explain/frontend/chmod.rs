//! Permission bits of `--chmod`: octal, or symbolic as in `chmod(1)`.

use crate::format::go_text;

/// Permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chmod {
    /// In octal.
    Bits(i32),
    /// As text, such as `u+x`.
    Symbolic(String),
}

impl Chmod {
    /// Parses permission bits.
    ///
    /// # Errors
    /// If they are malformed, in BuildKit's words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let not_octal = || {
            format!(
                "invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
            )
        };
        if let Some(bits) = go_text::parse_uint(text, 8) {
            let bits = i32::try_from(bits).ok().filter(|bits| *bits <= 0o7777);
            return bits.map(Self::Bits).ok_or_else(not_octal);
        }
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(not_octal());
        }
        if text.split(',').all(is_clause) {
            Ok(Self::Symbolic(text.to_owned()))
        } else {
            Err("invalid syntax".to_owned())
        }
    }
}

/// Returns whether a text is a clause: classes of users, then operators with permissions.
fn is_clause(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['a', 'u', 'g', 'o']);
    loop {
        let Some(after) = rest.strip_prefix(['+', '-', '=']) else {
            return false;
        };
        rest = after.trim_start_matches(['r', 's', 't', 'w', 'X', 'x', 'u', 'g', 'o']);
        if rest.is_empty() {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chmod_accepts_octal_and_symbolic_modes() {
        assert_eq!(Chmod::parse("0755"), Ok(Chmod::Bits(0o755)));
        for text in ["u=rwX,go=rX", "+x", "a-w+X", "g=u", "u="] {
            assert_eq!(
                Chmod::parse(text),
                Ok(Chmod::Symbolic(text.to_owned())),
                "{text}"
            );
        }
        for text in ["", "u", "u+x,", ",u+x", "z+x", "u+q"] {
            assert_eq!(
                Chmod::parse(text),
                Err("invalid syntax".to_owned()),
                "{text}"
            );
        }
        assert!(
            Chmod::parse("0999")
                .unwrap_err()
                .starts_with("invalid chmod parameter: '0999'")
        );
        assert!(Chmod::parse("+7").is_err());
    }
}
