//! Counts with their nouns.

use std::fmt::Display;

use super::units::grouped;

/// Returns `one` for one thing and `many` for several.
pub fn one_or<'a>(count: impl Copy + PartialEq + From<u8>, one: &'a str, many: &'a str) -> &'a str {
    if count == 1.into() { one } else { many }
}

/// Returns a count with its noun: `1 blob`, `2 blobs`.
pub fn counted(count: impl Copy + Display + PartialEq + From<u8>, what: &str) -> String {
    if count == 1.into() {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// Returns a count in groups of three digits with its noun: `1 entry`, `61,204 entries`.
pub fn counted_in_groups(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), one_or(count, one, many))
}

/// Returns a line for a list without a match: `none of the 9 refs matches`.
pub fn none_matches(count: impl Copy + Display + PartialEq + From<u8>, what: &str) -> String {
    if count == 1.into() {
        format!("the only {what} does not match\n")
    } else {
        format!("none of the {count} {what}s matches\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(counted(0_u64, "blob"), "0 blobs");
        assert_eq!(counted(1_usize, "blob"), "1 blob");
        assert_eq!(counted(2_u32, "blob"), "2 blobs");
        assert_eq!(one_or(1_usize, "is", "are"), "is");
        assert_eq!(one_or(0_u64, "is", "are"), "are");
        assert_eq!(
            none_matches(1_usize, "ref"),
            "the only ref does not match\n"
        );
        assert_eq!(none_matches(9_u64, "ref"), "none of the 9 refs matches\n");
        let entries = |count| counted_in_groups(count, "entry", "entries");
        assert_eq!(entries(1), "1 entry");
        assert_eq!(entries(61_204), "61,204 entries");
    }
}
