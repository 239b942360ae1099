//! Keys that are typed before the rows that they are about are shown, and keys that do nothing.

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local, memory};
use crate::support::made::many_refs;

/// More refs than are filtered at once.
const MANY: u32 = 30_000;

#[test]
fn keys_wait_for_the_rows_of_a_filter_that_is_being_applied() {
    let mut journey = Journey::new(vec![memory("made", many_refs(MANY))], (100, 30));
    journey.press("enter");
    journey.press_at_once("/ 2 9 9 8 7 enter y");
    journey.shows("1/1");
    assert_eq!(journey.copied(), Some("pr-29987"));
    // The order of the keys stays, and a prompt that one of them opens has the next ones.
    journey.press("esc");
    journey.press_at_once("/ 1 2 3 4 5 enter space w");
    journey
        .shows("Evidence of the build")
        .shows("pr-12345 › why");
    journey.press("esc");
    journey.shows("1 marked");
    journey.press("esc");
    journey.press_at_once("/ 2 2 2 2 2 enter space / backspace backspace enter");
    journey.shows("filter 222");
}

#[test]
fn a_key_that_leaves_the_screen_does_not_wait() {
    let mut journey = Journey::new(vec![memory("made", many_refs(MANY))], (100, 30));
    journey.press("enter").press_at_once("/ 2 enter y q");
    journey.shows("1 source");
    assert_eq!(journey.copied(), None);
}

#[test]
fn the_message_about_an_unused_key_fits_every_width() {
    let layout = Fixture::named("shop").layout("local.json");
    let screens: [(&str, &[&str]); 5] = [
        (
            "",
            &[
                "f", "m", "o", "u", "A", "B", "C", "D", "R", "T", "V", "Y", "+", "-", "[", "]", "d",
            ],
        ),
        (
            "enter",
            &[
                "f", "m", "o", "u", "x", "A", "B", "C", "D", "T", "V", "W", "Y", "+", "]",
            ],
        ),
        (
            "b",
            &[
                "f", "u", "x", "d", "A", "B", "C", "D", "E", "R", "T", "V", "W", "Y", "-", "[",
            ],
        ),
        (
            "c",
            &[
                "d", "x", "o", "u", "A", "C", "E", "R", "T", "W", "Y", "+", "-", "[", "]",
            ],
        ),
        (
            "p",
            &["d", "f", "m", "o", "u", "A", "B", "E", "T", "V", "+", "-"],
        ),
    ];
    for size in [(60, 16), (80, 24), (120, 40)] {
        for (screen, keys) in screens {
            let mut journey = Journey::new(vec![local("./shop", layout.path())], size);
            journey.press(screen);
            for key in keys {
                journey.press(key);
                let message = journey.line(" ! ");
                assert!(message.contains(key), "{key} at {size:?}: {message}");
                assert!(!message.contains('…'), "{key} at {size:?}: {message}");
                assert!(
                    message.contains("nothing here"),
                    "{key} at {size:?}: {message}"
                );
            }
        }
    }
}
