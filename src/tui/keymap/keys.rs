//! Keys in one form, whatever the terminal reports, and as text.

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyModifiers};

/// Removes shift from keys that are not letters: some terminals report it with `?`, others do not.
pub(super) fn plain(mut key: KeyCombination) -> KeyCombination {
    key = key.normalized();
    if matches!(key.codes.first(), KeyCode::Char(character) if !character.is_alphabetic()) {
        key.modifiers.remove(KeyModifiers::SHIFT);
    }
    key
}

/// Returns a key as text: `ctrl-d`, `G`, `pagedown`.
pub(super) fn shown(key: KeyCombination) -> String {
    let format = crokey::KeyCombinationFormat::default()
        .with_lowercase_modifiers()
        .with_implicit_shift();
    let text = format.to_string(key).replace("Hyphen", "-");
    if text.chars().count() == 1 || key.modifiers.contains(KeyModifiers::CONTROL) {
        text
    } else {
        text.to_lowercase()
    }
}
