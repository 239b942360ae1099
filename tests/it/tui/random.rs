//! The UI survives any input, at any size.

use cachelens::source::RefSelector;
use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use cachelens::tui::message::{Event, KeyPress, Wheel};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};

fn event() -> impl Strategy<Value = Event> {
    let keys = [
        "j",
        "k",
        "g",
        "G",
        "enter",
        "enter",
        "esc",
        "q",
        "b",
        "o",
        "m",
        "s",
        "S",
        "r",
        "/",
        "?",
        ":",
        "i",
        "y",
        "space",
        "*",
        "up",
        "down",
        "left",
        "right",
        "pageup",
        "pagedown",
        "home",
        "end",
        "backspace",
        "ctrl-d",
        "ctrl-u",
        "ctrl-n",
        "tab",
        "a",
        "d",
        "p",
        "x",
        "R",
        "n",
        "w",
        "c",
        "ctrl-p",
        "h",
        "l",
        "u",
        "1",
        "é",
        "漢",
        "~",
        "!",
        "\"",
        "M",
        "ctrl-l",
        "f5",
        "alt-x",
    ];
    prop_oneof![
        20 => prop::sample::select(keys.to_vec()).prop_map(|key| Event::Key(KeyPress::parse(key).unwrap())),
        1 => (0..250u16, 0..80u16).prop_map(|(width, height)| Event::Resize(width, height)),
        2 => (0..250u16, 0..80u16).prop_map(|(x, y)| Event::Click(x, y)),
        2 => (0..250u16, 0..80u16, any::<bool>())
            .prop_map(|(x, y, up)| Event::Scroll(x, y, if up { Wheel::Up } else { Wheel::Down })),
        1 => any::<String>().prop_map(Event::Paste),
        1 => Just(Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_typed_ends_in_a_panic(events in vec(event(), 1..60), explains in any::<bool>()) {
        let layout = Fixture::named("mini").layout("local.json");
        damage(layout.path());
        let mini = |path: &str| vec![format!("tests/fixtures/mini/{path}")];
        let evidence = NamedEvidence::new(mini("provenance/c03.json"), mini("provenance/c02.json"), mini("provenance"));
        let evidence = if explains { evidence } else { NamedEvidence::default() };
        let select = explains.then(|| RefSelector::Name("c02".to_owned()));
        let source = OpenedSource { select, ..local("./mini", layout.path()) };
        let mut journey = Journey::explaining(evidence, vec![source], (80, 24));
        for event in events {
            match event {
                Event::Resize(width, height) => journey.resize(width, height),
                event => journey.event(event),
            };
            if journey.is_over() {
                break;
            }
        }
    }
}
