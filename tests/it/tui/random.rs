//! The UI survives any input, at any size.

use std::collections::BTreeSet;

use cachelens::source::RefSelector;
use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use cachelens::tui::keymap::{KeyBinding, Keymap};
use cachelens::tui::message::{Event, KeyPress, Wheel};
use proptest::collection::vec;
use proptest::prelude::*;

use super::prune::Store;
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};

/// Keys without an action, and those that must come often.
const OTHERS: [&str; 12] = [
    "enter", "enter", "j", "space", "1", "é", "漢", "~", "!", "\"", "f5", "alt-x",
];

/// Returns every key of the key map, and some others.
fn keys() -> Vec<String> {
    let keymap = Keymap::built_in().unwrap();
    let contexts = keymap.contexts().collect::<Vec<_>>();
    let bindings = contexts
        .into_iter()
        .flat_map(|context| keymap.bindings(context));
    let keys: BTreeSet<String> = bindings.flat_map(KeyBinding::keys).collect();
    // It ends the program, and suspending would stop the test.
    let of_map = keys
        .into_iter()
        .filter(|key| !["ctrl-c", "ctrl-z"].contains(&key.as_str()));
    of_map.chain(OTHERS.map(str::to_owned)).collect()
}

/// Returns the keys without those that confirm, and without those that lead to a prompt for the name
/// of a file.
fn unconfirming() -> Vec<String> {
    let excluded = ["y", "x", ":", "ctrl-p"];
    let keys = keys().into_iter();
    keys.filter(|key| !excluded.contains(&key.as_str()))
        .collect()
}

#[test]
fn every_key_of_the_key_map_is_among_the_random_ones() {
    let keys = keys();
    for key in [
        "f", "A", "W", "C", "e", "+", "-", "[", "]", "x", "pagedown", "f1",
    ] {
        assert!(keys.contains(&key.to_owned()), "{key}");
    }
    for key in &keys {
        assert!(KeyPress::parse(key).is_some(), "{key}");
    }
}

/// Presses a key, mostly; or resizes, turns the wheel, pastes, or waits.
fn event(keys: Vec<String>) -> impl Strategy<Value = Event> {
    let key = prop::sample::select(keys);
    prop_oneof![
        20 => key.prop_map(|key| Event::Key(KeyPress::parse(&key).unwrap())),
        1 => (0..250u16, 0..80u16).prop_map(|(width, height)| Event::Resize(width, height)),
        2 => (0..250u16, 0..80u16, any::<bool>())
            .prop_map(|(x, y, up)| Event::Scroll(x, y, if up { Wheel::Up } else { Wheel::Down })),
        1 => any::<String>().prop_map(Event::Paste),
        1 => Just(Event::Tick),
    ]
}

fn click() -> impl Strategy<Value = Event> {
    (0..250u16, 0..80u16).prop_map(|(x, y)| Event::Click(x, y))
}

/// Gives an event to the UI.
fn give(journey: &mut Journey, event: Event) {
    match event {
        Event::Resize(width, height) => journey.resize(width, height),
        event => journey.event(event),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_typed_ends_in_a_panic(
        events in vec(prop_oneof![10 => event(keys()), 1 => click()], 1..60),
        explains in any::<bool>(),
    ) {
        let layout = Fixture::named("mini").layout("local.json");
        damage(layout.path());
        let mini = |path: &str| vec![format!("tests/fixtures/mini/{path}")];
        let evidence = NamedEvidence::new(mini("provenance/c03.json"), mini("provenance/c02.json"), mini("provenance"));
        let evidence = if explains { evidence } else { NamedEvidence::default() };
        let select = explains.then(|| RefSelector::Name("c02".to_owned()));
        let source = OpenedSource { select, ..local("./mini", layout.path()) };
        let mut journey = Journey::explaining(evidence, vec![source], (80, 24));
        for event in events {
            give(&mut journey, event);
            if journey.is_over() {
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, ..ProptestConfig::default() })]

    /// 10,000 events in all.
    #[test]
    fn nothing_is_deleted_without_its_confirmation(events in vec(event(unconfirming()), 400)) {
        let store = Store::waste();
        let before = (store.refs(), store.blobs());
        let open = || store.open(Vec::new(), (100, 30));
        let mut journey = open();
        for event in events {
            give(&mut journey, event);
            if journey.is_over() {
                journey = open();
            }
        }
        prop_assert_eq!((store.refs(), store.blobs()), before);
        prop_assert!(store.trash().is_empty() && store.journals().is_empty());
    }
}
