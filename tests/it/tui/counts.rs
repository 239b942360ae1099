//! A number that two screens show is the same on both, and the one of the store.

use super::prune::{LABEL, Store, keep_last};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

/// Returns the number in front of `sign`; 0 if the sign is not there.
fn number_before(line: &str, sign: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let place = words.iter().position(|word| *word == sign);
    let number = place.and_then(|place| words.get(place.checked_sub(1)?));
    number.map_or(0, |number| number.replace(',', "").parse().unwrap())
}

/// Returns the word after `word`.
fn word_after(line: &str, word: &str) -> String {
    let mut words = line.split_whitespace().skip_while(|other| *other != word);
    words.nth(1).unwrap_or_default().to_owned()
}

#[test]
fn the_steps_of_a_ref_are_as_many_in_the_list_of_refs_as_inside() {
    for (set, list, refs) in [
        ("shop", "local.json", 15),
        ("kitchen", "local-latest.json", 1),
    ] {
        let layout = Fixture::named(set).layout(list);
        let mut journey = Journey::new(vec![local("./store", layout.path())], (120, 40));
        journey.press("enter g");
        for place in 1..=refs {
            let row = journey.line("▸");
            let row = row.split('│').next().unwrap();
            journey.press("enter");
            let screen = journey.screen();
            let inside = screen.lines().nth(2).unwrap();
            for sign in ["✓", "○"] {
                let outside = number_before(row, sign);
                assert_eq!(number_before(inside, sign), outside, "{row}\n{screen}");
            }
            assert!(number_before(row, "✓") > 0, "{row}");
            journey.press("q");
            if place < refs {
                journey.press("j");
            }
        }
        journey.shows(&format!(" {refs}/{refs} "));
    }
}

#[test]
fn the_kept_counts_of_a_plan_match_the_store_afterwards() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (120, 40));
    let kept = |journey: &Journey| {
        let tab = word_after(&journey.line("[ delete"), "keep");
        assert_eq!(word_after(&journey.line("keeps "), "keeps"), tab);
        tab
    };
    journey.press("p");
    assert_eq!(kept(&journey), "2");
    journey.press("right right");
    journey.shows(" 1/2 ");
    // An excluded ref is kept, too.
    journey.press("left left x");
    journey.shows("excluded by hand");
    assert_eq!(kept(&journey), "3");
    let line = journey.line("keeps 3 refs · ");
    let bytes = line.split(" · ").last().unwrap().trim().to_owned();
    journey.press("enter").press(&format!("'{LABEL} enter"));
    journey.shows("the run broke no kept ref");
    assert_eq!(store.refs().len(), 3);
    journey.press("q enter");
    journey.shows(&format!("{bytes} reached by 3 refs"));
}
