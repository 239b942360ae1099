use std::collections::{BTreeMap, BTreeSet};

use crossterm::event::{KeyCode, KeyModifiers};

use super::*;
use KeyContext::{Global, List};

#[test]
fn no_two_actions_share_a_key() {
    let keymap = Keymap::built_in().unwrap();
    for contexts in TOGETHER {
        let mut taken = BTreeMap::new();
        for binding in contexts
            .iter()
            .flat_map(|context| keymap.bindings(*context))
        {
            for key in binding.keys() {
                if let Some(other) = taken.insert(key.clone(), binding.action) {
                    panic!(
                        "{key} is both {other:?} and {:?} in {contexts:?}",
                        binding.action
                    );
                }
            }
        }
    }
}

/// What a key stands for on every screen, by the actions that are its forms there.
const SAME: &[&[Action]] = &[
    // Goes on with the row.
    &[Action::Open, Action::CarryOut, Action::Resume, Action::Edit],
    // Goes one to the right, or into something.
    &[
        Action::Expand,
        Action::NextPart,
        Action::NextField,
        Action::Down,
    ],
    &[
        Action::Collapse,
        Action::PreviousPart,
        Action::PreviousField,
        Action::Up,
    ],
    // Reads what lies inside.
    &[Action::Verify, Action::Preview],
    // Takes the row out: of the plan or the list, or of the layer into a file.
    &[Action::LeaveOut, Action::Extract, Action::Remove],
    // Shows all of it: every cause, or the files of every layer.
    &[Action::Causes, Action::AllFiles],
    // Copies more than a name.
    &[Action::CopyCommand, Action::CopyRule],
];

#[test]
fn a_key_means_the_same_on_every_screen() {
    let keymap = Keymap::built_in().unwrap();
    let meaning = |action: Action| {
        let same = SAME.iter().find(|same| same.contains(&action));
        same.map_or(action, |same| same[0])
    };
    let mut meanings: BTreeMap<String, (KeyContext, Action)> = BTreeMap::new();
    // The start screen has no rows: `d` is the demo there.
    let screens = TOGETHER
        .iter()
        .filter(|contexts| contexts.contains(&List) || contexts.contains(&KeyContext::Treemap))
        .flat_map(|contexts| contexts.iter());
    for context in screens {
        for binding in keymap.bindings(*context) {
            for key in binding.keys() {
                let this = (*context, meaning(binding.action));
                let before = meanings.entry(key.clone()).or_insert(this);
                assert_eq!(before.1, this.1, "{key} in {:?} and {context:?}", before.0);
            }
        }
    }
}

#[test]
fn a_menu_gives_no_key_of_lists_another_meaning() {
    let keymap = Keymap::built_in().unwrap();
    for binding in keymap.bindings(KeyContext::Popup) {
        for key in binding.keys() {
            let pressed = KeyPress::parse(&key).unwrap();
            let elsewhere = keymap.action(&[List, Global], pressed.0);
            let is_same = match (elsewhere, binding.action) {
                // Both leave what is on top.
                (Some(Action::Back | Action::Escape), Action::Cancel) => true,
                (elsewhere, action) => elsewhere.is_none_or(|elsewhere| elsewhere == action),
            };
            assert!(is_same, "{key}: {elsewhere:?}, {:?}", binding.action);
        }
    }
}

#[test]
fn every_action_has_a_key_and_words() {
    let keymap = Keymap::built_in().unwrap();
    let bindings = || keymap.0.values().flatten();
    let bound: BTreeSet<Action> = bindings().map(|binding| binding.action).collect();
    assert_eq!(bound, Action::ALL.iter().copied().collect());
    for binding in bindings() {
        assert!(
            !binding.keys.is_empty() && !binding.text.is_empty(),
            "{binding:?}"
        );
    }
    let tested: BTreeSet<KeyContext> = TOGETHER
        .iter()
        .flat_map(|contexts| contexts.iter().copied())
        .collect();
    assert_eq!(tested, keymap.0.keys().copied().collect());
}

#[test]
fn keys_are_recognized_in_every_terminal_encoding() {
    let keymap = Keymap::built_in().unwrap();
    let event = |code, modifiers| crossterm::event::KeyEvent::new(code, modifiers).into();
    let cases = [
        (KeyCode::Char('?'), KeyModifiers::NONE, Action::Help),
        (KeyCode::Char('?'), KeyModifiers::SHIFT, Action::Help),
        (KeyCode::Char('G'), KeyModifiers::SHIFT, Action::Bottom),
        (KeyCode::Char('G'), KeyModifiers::NONE, Action::Bottom),
        (KeyCode::Char('g'), KeyModifiers::NONE, Action::Top),
        (KeyCode::Char(' '), KeyModifiers::NONE, Action::Mark),
        (KeyCode::Char('*'), KeyModifiers::SHIFT, Action::MarkAll),
        (
            KeyCode::Char('d'),
            KeyModifiers::CONTROL,
            Action::HalfPageDown,
        ),
        (KeyCode::PageDown, KeyModifiers::NONE, Action::PageDown),
    ];
    for (code, modifiers, action) in cases {
        assert_eq!(
            keymap.action(&[List, Global], event(code, modifiers)),
            Some(action),
            "{code:?} {modifiers:?}"
        );
    }
    let keys: Vec<String> = keymap
        .bindings(List)
        .iter()
        .flat_map(KeyBinding::keys)
        .collect();
    for expected in ["G", "ctrl-d", "pagedown", "space", "*", "home"] {
        assert!(
            keys.iter().any(|key| key == expected),
            "{expected} is not in {keys:?}"
        );
    }
}
