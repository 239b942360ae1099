//! Small text helpers that every module may use: units and durations, globs and regular
//! expressions, the nearest known word, escaping of untrusted text, masking of secrets, plurals,
//! and shell words.

pub mod causes;
pub mod escape;
pub mod nearest;
pub mod pattern;
pub mod plural;
pub mod secrets;
pub mod shell;
pub mod units;

/// Cuts a text to at most `most` characters; `…` takes the place of the rest.
pub fn shortened(text: &str, most: usize) -> String {
    if text.char_indices().nth(most).is_none() {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_texts_are_cut_to_the_width() {
        for (text, cut) in [("", ""), ("abc", "abc"), ("äbcd", "äb…")] {
            assert_eq!(super::shortened(text, 3), cut);
        }
    }
}
