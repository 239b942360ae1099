//! A word-by-word text diff.

use crate::text::secrets;
use crate::tui::rows::{Cell, Piece};
use crate::tui::theme::TextRole;

/// The maximum number of words per side to compare; the rest counts as one word.
const MOST_WORDS: usize = 400;

/// Returns two lines: the old text after `−`, and the new text after `+`, with the changed words
/// highlighted. Likely secrets are masked.
pub fn lines(was: &str, is: &str) -> [Cell; 2] {
    let was = secrets::mask(was);
    let is = secrets::mask(is);
    let was = split(&was);
    let is = split(&is);
    let (kept_of_was, kept_of_is) = common(&was, &is);
    [
        side("− ", &was, &kept_of_was, TextRole::Missing),
        side("+ ", &is, &kept_of_is, TextRole::Good),
    ]
}

fn side(sign: &'static str, words: &[&str], kept: &[bool], role: TextRole) -> Cell {
    let mut cell = Cell::new(sign, role);
    for (word, kept) in words.iter().zip(kept) {
        // Blanks count as words here, so that a line keeps its spacing; unchanged words are dimmed.
        let role = if *kept { TextRole::Dim } else { role };
        match cell.0.last_mut() {
            Some(Piece(text, last)) if *last == role && !text.ends_with(sign) => {
                text.to_mut().push_str(word);
            }
            _ => cell = cell.and((*word).to_owned(), role),
        }
    }
    cell
}

/// Splits a text into words with their trailing blanks.
fn split(text: &str) -> Vec<&str> {
    let text = text.trim();
    let mut words: Vec<&str> = text
        .split_inclusive(char::is_whitespace)
        .take(MOST_WORDS)
        .collect();
    let used: usize = words.iter().map(|word| word.len()).sum();
    if used < text.len() {
        words.push(&text[used..]);
    }
    words
}

/// Returns which words of both texts are in their longest common subsequence.
fn common(was: &[&str], is: &[&str]) -> (Vec<bool>, Vec<bool>) {
    let same = |a: usize, b: usize| was[a].trim_end() == is[b].trim_end();
    let width = is.len() + 1;
    // The length of the longest common subsequence of the rest.
    let mut longest = vec![0u32; (was.len() + 1) * width];
    for a in (0..was.len()).rev() {
        for b in (0..is.len()).rev() {
            longest[a * width + b] = if same(a, b) {
                longest[(a + 1) * width + b + 1] + 1
            } else {
                longest[(a + 1) * width + b].max(longest[a * width + b + 1])
            };
        }
    }
    let mut kept_of_was = vec![false; was.len()];
    let mut kept_of_is = vec![false; is.len()];
    let mut a = 0;
    let mut b = 0;
    while a < was.len() && b < is.len() {
        if same(a, b) {
            (kept_of_was[a], kept_of_is[b]) = (true, true);
            (a, b) = (a + 1, b + 1);
        } else if longest[(a + 1) * width + b] >= longest[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    (kept_of_was, kept_of_is)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats the texts with the changed words in brackets.
    fn written(was: &str, is: &str) -> [String; 2] {
        lines(was, is).map(|line| {
            line.0
                .iter()
                .map(|Piece(text, role)| {
                    if *role == TextRole::Dim {
                        text.to_string()
                    } else {
                        format!("[{text}]")
                    }
                })
                .collect()
        })
    }

    #[test]
    fn changed_words_are_highlighted() {
        assert_eq!(
            written("RUN go build ./api", "RUN go build -trimpath ./api"),
            [
                "[− ]RUN go build ./api",
                "[+ ]RUN go build [-trimpath ]./api"
            ]
        );
        assert_eq!(written("a b", "c"), ["[− ][a b]", "[+ ][c]"]);
        assert_eq!(written("", "new"), ["[− ]", "[+ ][new]"]);
        assert_eq!(written(" same\n", "same"), ["[− ]same", "[+ ]same"]);
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(
            written("RUN login --token=abc1 -v", "RUN login --token=xyz2"),
            [
                "[− ]RUN login --token=(hidden) [-v]",
                "[+ ]RUN login --token=(hidden)"
            ]
        );
    }

    #[test]
    fn long_texts_are_compared_in_bounded_time() {
        let long = "x ".repeat(100_000);
        let other = "x ".repeat(90_000);
        assert!(lines(&long, &other)[0].0.len() < 4);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost(was in "\\PC{0,60}", is in "[a c]{0,30}") {
            let text = |line: &Cell| line.0.iter().skip(1).map(|piece| piece.0.to_string()).collect::<String>();
            let whole = |text: &str| secrets::mask(text).trim().to_owned();
            let [first, second] = lines(&was, &is);
            assert_eq!((text(&first), text(&second)), (whole(&was), whole(&is)));
        }
    }
}
