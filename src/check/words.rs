//! Words that findings share.

pub(super) use crate::text::plural::{counted, one_or};
pub(super) use crate::text::shell::word as shell_word;

/// Lists the first names, and the number of further ones.
pub(super) fn listed<'a>(
    names: impl IntoIterator<Item = &'a str>,
    all: u64,
    most: usize,
) -> String {
    let shown: Vec<&str> = names.into_iter().take(most).collect();
    let text = shown.join(", ");
    match all.saturating_sub(shown.len() as u64) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut() {
        assert_eq!(listed(["a", "b"], 2, 3), "a, b");
        assert_eq!(listed(["a", "b", "c"], 9, 2), "a, b and 7 more");
    }
}
