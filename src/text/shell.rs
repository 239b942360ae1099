//! Quotes texts as words of a shell's command line.

use std::borrow::Cow;

/// Returns a text as one word of a shell's command line.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@%+=,#".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('#') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_quoted_word_remains_one_word() {
        for (text, word) in [
            ("./cache", "./cache"),
            ("s3://b/p?region=x&y", "'s3://b/p?region=x&y'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("a b", "'a b'"),
        ] {
            assert_eq!(super::word(text), word);
        }
    }
}
