//! Detects whether the background of the terminal is dark or light.
//!
//! The terminal is queried with OSC 11. Its answer arrives among the keys at any time, and nothing
//! waits for it, so no key press is lost. [`AnswerFilter`] removes the answer from the events and
//! passes all other events on.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyModifiers};
use serde::{Deserialize, Serialize};

use super::message::{Event, KeyPress};

/// The query for the background colour.
pub const QUESTION: &str = "\x1b]11;?\x1b\\";
/// The beginning of the answer, after `ESC ]`.
const PREFIX: &str = "11;rgb";
/// The maximum length of an answer.
const LONGEST: usize = 40;

/// The background of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Background {
    /// Needs light text.
    Dark,
    /// Needs dark text.
    Light,
}

impl Background {
    /// Parses the value of `COLORFGBG`, as in `15;0`: the last number is the palette index of the
    /// background.
    pub fn from_colorfgbg(value: &str) -> Option<Self> {
        let number: u8 = value.rsplit(';').next()?.trim().parse().ok()?;
        match number {
            7 | 9..=15 => Some(Self::Light),
            0..=6 | 8 => Some(Self::Dark),
            _ => None,
        }
    }

    /// Parses an X11 colour: `rgb:ffff/ffff/ffff`, or `rgba:` with a fourth part.
    fn from_colour(text: &str) -> Option<Self> {
        let parts = text
            .strip_prefix("rgba:")
            .or_else(|| text.strip_prefix("rgb:"))?;
        let part = |part: &str| {
            let most = (1_u32 << (4 * part.len().min(4))) - 1;
            let value = u32::from_str_radix(part, 16).ok()?;
            (1..=4).contains(&part.len()).then(|| value * 1000 / most)
        };
        let parts: Vec<u32> = parts.split('/').map(part).collect::<Option<_>>()?;
        let [red, green, blue, ..] = parts[..] else {
            return None;
        };
        // Perceived brightness of each colour (ITU-R BT.601).
        let brightness = (299 * red + 587 * green + 114 * blue) / 1000;
        Some(if brightness > 500 {
            Self::Light
        } else {
            Self::Dark
        })
    }
}

/// Removes the answer to [`QUESTION`] from the events of a terminal.
#[derive(Debug, Default)]
pub struct AnswerFilter {
    /// Events that may be the beginning of the answer.
    held: VecDeque<Event>,
    text: String,
    is_answered: bool,
}

impl AnswerFilter {
    /// Waits for the answer if `asked`, otherwise passes everything on.
    pub fn new(asked: bool) -> Self {
        Self {
            is_answered: !asked,
            ..Self::default()
        }
    }

    /// Accepts an event, and returns the events to pass on.
    pub fn push(&mut self, event: Event) -> VecDeque<Event> {
        if self.is_answered {
            return VecDeque::from([event]);
        }
        // Events other than keys come from elsewhere, and may arrive in between.
        let Event::Key(key) = &event else {
            return VecDeque::from([event]);
        };
        let part = AnswerPart::of(*key);
        match part {
            AnswerPart::Begin => {
                let passed = self.give_up();
                self.held.push_back(event);
                passed
            }
            _ if self.held.is_empty() => VecDeque::from([event]),
            AnswerPart::Text(character) => {
                self.held.push_back(event);
                self.text.push(character);
                if self.may_become_one() {
                    VecDeque::new()
                } else {
                    self.give_up()
                }
            }
            AnswerPart::End => {
                let colour = self.text.strip_prefix("11;");
                match colour.and_then(Background::from_colour) {
                    Some(background) => {
                        self.is_answered = true;
                        self.held.clear();
                        VecDeque::from([Event::Background(background)])
                    }
                    None => {
                        self.held.push_back(event);
                        self.give_up()
                    }
                }
            }
            AnswerPart::Other => {
                self.held.push_back(event);
                self.give_up()
            }
        }
    }

    fn may_become_one(&self) -> bool {
        let text = self.text.as_str();
        match text.strip_prefix(PREFIX) {
            Some(rest) => {
                let is_known = |character: char| {
                    character.is_ascii_hexdigit() || matches!(character, ':' | '/' | 'a')
                };
                text.len() <= LONGEST && rest.chars().all(is_known)
            }
            None => PREFIX.starts_with(text),
        }
    }

    /// Returns the held events, because they are not an answer.
    fn give_up(&mut self) -> VecDeque<Event> {
        self.text.clear();
        std::mem::take(&mut self.held)
    }
}

/// The part of an answer that a key may be. A terminal's `ESC ]` and `ESC \` arrive as keys with
/// alt.
enum AnswerPart {
    Begin,
    Text(char),
    End,
    Other,
}

impl AnswerPart {
    fn of(key: KeyPress) -> Self {
        let code = key.0.codes.first();
        let modifiers = key.0.modifiers;
        match *code {
            KeyCode::Char(']') if modifiers == KeyModifiers::ALT => Self::Begin,
            KeyCode::Char('\\') if modifiers == KeyModifiers::ALT => Self::End,
            KeyCode::Char('g') if modifiers == KeyModifiers::CONTROL => Self::End,
            KeyCode::Char(character) if modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
                Self::Text(character)
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of keys, separated by blanks.
    fn keys(text: &str) -> Vec<Event> {
        let key = |name: &str| Event::Key(KeyPress::parse(name).unwrap());
        text.split(' ').map(key).collect()
    }

    fn answer(colour: &str, end: &str) -> String {
        let letters: Vec<String> = colour.chars().map(String::from).collect();
        format!("alt-] 1 1 ; {} {end}", letters.join(" "))
    }

    fn passed(filter: &mut AnswerFilter, text: &str) -> Vec<Event> {
        keys(text)
            .into_iter()
            .flat_map(|event| filter.push(event))
            .collect()
    }

    #[test]
    fn a_terminal_reply_is_removed_and_every_key_is_kept() {
        for (colour, expected) in [
            ("rgb:ffff/ffff/ffff", Background::Light),
            ("rgb:0000/0000/0000", Background::Dark),
            ("rgb:fd/f6/e3", Background::Light),
            ("rgba:1e1e/1e1e/2e2e/ffff", Background::Dark),
        ] {
            for end in ["alt-\\", "ctrl-g"] {
                let mut filter = AnswerFilter::new(true);
                let typed = format!("j a {} k", answer(colour, end));
                let mut wanted = keys("j a");
                wanted.push(Event::Background(expected));
                wanted.extend(keys("k"));
                assert_eq!(passed(&mut filter, &typed), wanted, "{colour}");
            }
        }
    }

    #[test]
    fn other_input_is_passed_on_in_order() {
        for typed in [
            "alt-] j k",
            "alt-] 1 1 x",
            "alt-] 1 1 ; r g b : z",
            "alt-] 1 1 ; r g b : 1 / 2 alt-\\",
            "alt-] alt-] 1 q",
            "1 1 ; r g b : f / f / f ctrl-g",
            "alt-] 1 enter",
        ] {
            let mut filter = AnswerFilter::new(true);
            assert_eq!(passed(&mut filter, typed), keys(typed), "{typed}");
        }
        let mut unasked = AnswerFilter::new(false);
        let typed = answer("rgb:ff/ff/ff", "ctrl-g");
        assert_eq!(passed(&mut unasked, &typed), keys(&typed));
    }

    #[test]
    fn the_background_follows_from_the_palette_index_in_colorfgbg() {
        for (value, expected) in [
            ("15;0", Some(Background::Dark)),
            ("0;15", Some(Background::Light)),
            ("0;default;7", Some(Background::Light)),
            ("12;8", Some(Background::Dark)),
            ("default;default", None),
            ("", None),
        ] {
            assert_eq!(Background::from_colorfgbg(value), expected, "{value}");
        }
    }
}
