//! Words that findings share.

use std::borrow::Cow;

/// Returns how many of something there are: `1 blob`, `2 blobs`.
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns `one` for one thing and `many` for several.
pub(super) fn one_or<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// Lists the first few of some names, and says how many more there are.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>, all: u64, most: usize) -> String {
    let shown: Vec<&str> = names.into_iter().take(most).collect();
    let text = shown.join(", ");
    match all.saturating_sub(shown.len() as u64) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Returns a text as one word of a shell's command line.
pub(super) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@%+=,#".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('#') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_stay_one() {
        for (text, word) in [
            ("./cache", "./cache"),
            ("s3://b/p?region=x&y", "'s3://b/p?region=x&y'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("a b", "'a b'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn lists_are_cut() {
        assert_eq!(listed(["a", "b"], 2, 3), "a, b");
        assert_eq!(listed(["a", "b", "c"], 9, 2), "a, b and 7 more");
    }
}
