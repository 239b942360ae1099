//! A rule is edited while the refs show its effect.

use std::fs;
use std::path::Path;

use cachelens::config;
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use super::prune::{LABEL, Store};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local, prunable};

/// A store with the refs c00 to c14, the newest last, without a policy and a grace period.
fn shop(config: &TempDir, size: (u16, u16)) -> (TempDir, Journey) {
    let layout = Fixture::named("shop").layout("local.json");
    let mut pruning = Pruning::default();
    pruning.policy.grace = SignedDuration::ZERO;
    let sources = vec![local("./shop", layout.path())];
    let file = config.path().join("cachelens.toml");
    let journey = Journey::with_config(&file, pruning, sources, size);
    (layout, journey)
}

/// Returns the numbers of refs that the rule keeps and drops, from the screen.
fn effect(journey: &Journey) -> (String, String) {
    let line = journey.line("keeps");
    let count = |word: &str| {
        let (_, rest) = line.split_once(word).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    (count("keeps "), count("drops "))
}

#[test]
fn each_change_of_a_rule_shows_its_effect_at_once() {
    let config = TempDir::new().unwrap();
    let (layout, mut journey) = shop(&config, (100, 30));
    let before = fs::read_dir(layout.path().join("blobs/sha256"))
        .unwrap()
        .count();
    let count = |journey: &Journey| effect(journey).1.parse::<usize>().unwrap();
    let refs = journey.press("enter G R").screen();
    assert!(refs.contains("keep last"), "{refs}");
    // About refs like the one under the cursor; the newest five of them are kept.
    journey.press("enter ctrl-u 'c* enter");
    let dropped = count(&journey);
    assert!(dropped > 0, "{}", journey.screen());
    journey.press("right right - -");
    assert_eq!(count(&journey), dropped + 2, "{}", journey.screen());
    journey.press("+");
    assert_eq!(count(&journey), dropped + 1, "{}", journey.screen());
    // Protected refs always stay.
    journey.press("left -");
    assert_eq!(count(&journey), 0, "{}", journey.screen());
    journey.press("- ");
    let (kept, all) = effect(&journey);
    assert_eq!(kept, "0", "{}", journey.screen());
    assert_eq!(all, "15", "{}", journey.screen());
    // Nothing was written, and nothing deleted.
    assert_eq!(fs::read_dir(config.path()).unwrap().count(), 0);
    let after = fs::read_dir(layout.path().join("blobs/sha256"))
        .unwrap()
        .count();
    assert_eq!(after, before);
}

#[test]
fn invalid_values_are_reported_and_change_nothing() {
    let config = TempDir::new().unwrap();
    let (_layout, mut journey) = shop(&config, (100, 30));
    journey.press("enter G R");
    let before = journey.line("action");
    let cases = [
        ("enter ctrl-u '/( enter", "does not end with one"),
        ("enter ctrl-u enter", "an empty pattern"),
        (
            "right enter ctrl-u 'remove enter",
            "write keep, drop or protect",
        ),
        ("right enter ctrl-u '0 enter", "write how many to keep"),
        ("right enter ctrl-u 'soon enter", "is not a duration"),
    ];
    for (keys, words) in cases {
        journey.press(keys);
        journey.shows(words);
    }
    journey.press("right right");
    assert_eq!(journey.line("action"), before);
}

#[test]
fn the_rule_is_saved_by_few_keys_and_decides_from_then_on() {
    let config = TempDir::new().unwrap();
    let (_layout, mut journey) = shop(&config, (100, 30));
    journey.press("enter G space k space");
    // Nine keys: the rule, its number, the file, the consent.
    journey.press("R right right - - W enter y");
    let file = config.path().join("cachelens.toml");
    let loaded = config::load(&file).unwrap();
    let policy = loaded.layer.retention.unwrap_or_default().policy();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("last = 3"), "{text}");
    assert_eq!(policy.rules.len(), 1);
    // The UI returns to the refs, which show the effect of the rule.
    let screen = journey.screen();
    assert!(
        screen.contains("keep  #1 of last 3") && !screen.contains("keep last"),
        "{screen}"
    );
}

/// Calls the newest ref of a store `main`, and the others `pr-1` to `pr-14`.
fn rename(layout: &Path) {
    let path = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for entry in index["manifests"].as_array_mut().unwrap() {
        let name = &mut entry["annotations"]["org.opencontainers.image.ref.name"];
        let number: u32 = name.as_str().unwrap()[1..].parse().unwrap();
        *name = match number {
            15 => "main".to_owned(),
            number => format!("pr-{number}"),
        }
        .into();
    }
    fs::write(path, index.to_string()).unwrap();
}

#[test]
fn the_newest_five_pull_requests_and_main_are_kept_by_six_keys() {
    let config = TempDir::new().unwrap();
    let file = config.path().join("cachelens.toml");
    fs::write(&file, "[retention]\ngrace = \"1h\"\n").unwrap();
    let store = Store::shop();
    rename(store.layout.path());
    let before = store.refs();
    let pruning = store.pruning(DeletionAccess::Write, Vec::new());
    let sources = vec![prunable(LABEL, store.layout.path())];
    let mut journey = Journey::with_config(&file, pruning, sources, (120, 40));
    journey.press("enter G R");
    journey.shows_in("action", "refs ‹pr-*›  action  keep   keep last  5");
    assert_eq!(effect(&journey), ("6".to_owned(), "9".to_owned()));
    journey.press("W enter y");
    let text = fs::read_to_string(&file).unwrap();
    for part in ["grace = \"1h\"", "pr-*", "last = 5"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert_eq!(store.refs(), before);
    // The plan of the policy drops the others, and the run leaves the six.
    journey.press("p");
    journey.shows_in("deletes", "9 refs");
    journey.press("enter y");
    journey.shows("the run broke no kept ref");
    let kept = ["main", "pr-10", "pr-11", "pr-12", "pr-13", "pr-14"];
    assert_eq!(store.refs().into_iter().collect::<Vec<_>>(), kept);
}

#[test]
fn a_rule_that_was_not_added_remains_in_the_editor() {
    let config = TempDir::new().unwrap();
    let (_layout, mut journey) = shop(&config, (100, 30));
    // The first rule is not added; a second one is, from the plan that the first one led to.
    journey.press("enter G space k space R W esc right right - - - - p R W enter y");
    assert!(config.path().join("cachelens.toml").exists());
    let screen = journey.screen();
    assert!(screen.contains("› plan"), "{screen}");
    journey.press("q");
    journey.shows("keep last");
}

#[test]
fn the_rule_is_tried_on_a_new_scan() {
    let config = TempDir::new().unwrap();
    let (layout, mut journey) = shop(&config, (100, 30));
    journey.press("enter G R");
    journey.shows("1/15");
    let index = layout.path().join("index.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    document["manifests"].as_array_mut().unwrap().pop();
    fs::write(&index, document.to_string()).unwrap();
    journey.press("r");
    journey.shows("1/14");
    let (kept, dropped) = effect(&journey);
    let all = kept.parse::<u32>().unwrap() + dropped.parse::<u32>().unwrap();
    assert_eq!(all, 14, "{}", journey.screen());
}

#[test]
fn a_plan_follows_the_policy_with_the_rule() {
    let config = TempDir::new().unwrap();
    let (_layout, mut journey) = shop(&config, (120, 40));
    journey.press("enter G R enter ctrl-u 'c* enter right right - - -");
    let (_, dropped) = effect(&journey);
    journey.press("p");
    let plan = journey.line("deletes");
    assert!(
        plan.contains(&format!("{dropped} refs")),
        "{}",
        journey.screen()
    );
    journey.shows("the policy with the rule");
}

#[test]
fn the_editor_at_80() {
    let config = TempDir::new().unwrap();
    let (_layout, mut journey) = shop(&config, (80, 24));
    journey.press("enter G space k space R right right - -");
    insta::assert_snapshot!(journey.screen(), @r"
     ./shop › refs › rule                                        read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     refs  c0*   action  keep   keep last ‹3›  keep within  –   budget  –
     █████████████▒▒▒▒▒▒▒▒▒▒  keeps 9 refs · 1.1 MiB   drops 6 refs · frees 822 KiB
     the only rule; it decides about 9 refs
    ────────────────────────────────────────────────────────────────────────────────
       REF          POLICY                         AGE▴     SIZE          ONLY HERE
    ▸  c15          keep  no rule              12h 52m  95.9 KiB  █░        6.0 KiB▐
       c14          keep  no rule              12h 52m   237 KiB  ██░░░    97.1 KiB▐
       c13          keep  no rule              12h 53m   237 KiB  ███░░░    140 KiB▐
       c12          keep  no rule              12h 53m   206 KiB  █░░░░    41.1 KiB▐
       c11          keep  no rule              12h 53m   237 KiB  █░░░░    72.4 KiB▐
       c10          keep  no rule              12h 53m   237 KiB  ████░     190 KiB▐
       c09          keep  #1 of last 3 · re…   12h 53m   174 KiB  █░░░     33.8 KiB▐
       c08          keep  #2 of last 3 · re…   12h 53m   237 KiB  █░░░░    72.6 KiB▐
       c07          keep  #3 of last 3 · re…   12h 53m   174 KiB  █░░░      9.2 KiB▐
       c06          drop  12h 53m old, past…   12h 53m   174 KiB  █░░░     46.2 KiB▐
       c05          drop  12h 54m old, past…   12h 54m   174 KiB  █░░░     46.2 KiB▐
       c04          drop  12h 54m old, past…   12h 54m   237 KiB  ██░░░     110 KiB▐
       c03          drop  12h 54m old, past…   12h 54m   237 KiB  ████░     190 KiB▐
       c02          drop  12h 54m old, past…   12h 54m   237 KiB  ████░     190 KiB
    ──────────────────────────────────────────────────────────────────────── 1/15 ──
     there is no other rule; nothing is written yet
     right field  + more  - less  enter type  W add to configuration  p plan
    ");
}

#[test]
fn the_editor_at_60() {
    let config = TempDir::new().unwrap();
    let (_layout, mut journey) = shop(&config, (60, 16));
    journey.press("enter G space k space R right right - -");
    insta::assert_snapshot!(journey.screen(), @r"
     ./shop › refs › rule                    read-only · ? help
    ────────────────────────────────────────────────────────────
     refs  c0*   action  keep   keep last ‹3›  keep within  –
     keeps 9 refs · 1.1 MiB   drops 6 refs · frees 822 KiB
     the only rule; it decides about 9 refs
    ────────────────────────────────────────────────────────────
       REF           POLICY                       AGE▴     SIZE
    ▸  c15           keep  no rule            12h 52m  95.9 KiB▐
       c14           keep  no rule            12h 52m   237 KiB▐
       c13           keep  no rule            12h 53m   237 KiB
       c12           keep  no rule            12h 53m   206 KiB
       c11           keep  no rule            12h 53m   237 KiB
       c10           keep  no rule            12h 53m   237 KiB
    ──────────────────────────────────────────────────── 1/15 ──
     there is no other rule; nothing is written yet
     right field  + more  - less  enter type
    ");
}

#[test]
fn the_budget_drops_more_refs_with_each_step_and_is_saved() {
    let config = TempDir::new().unwrap();
    let file = config.path().join("cachelens.toml");
    fs::write(&file, "[retention.budget]\nmax_refs = 15\n").unwrap();
    let layout = Fixture::named("shop").layout("local.json");
    let mut pruning = Pruning::default();
    pruning.policy.grace = SignedDuration::ZERO;
    pruning.policy.budget.max_refs = Some(15);
    let sources = vec![local("./shop", layout.path())];
    let mut journey = Journey::with_config(&file, pruning, sources, (120, 40));
    let count = |journey: &Journey| effect(journey).1.parse::<usize>().unwrap();
    journey.press("enter G R right - right right right");
    journey.shows("budget ‹–›");
    let without = count(&journey);
    let bar = |journey: &Journey| journey.line("keeps").matches('▒').count();
    let mut before = (without, bar(&journey));
    for budget in ["1MiB", "900KiB", "800KiB"] {
        journey.press("-");
        journey.shows(&format!("budget ‹{budget}›"));
        let after = (count(&journey), bar(&journey));
        assert!(
            after.0 > before.0 && after.1 >= before.1,
            "{}",
            journey.screen()
        );
        before = after;
    }
    assert!(before.1 > 0, "{}", journey.screen());
    // The list shows the same verdicts.
    let dropped = journey.screen().matches(" drop  ").count();
    assert_eq!(dropped, before.0, "{}", journey.screen());
    journey.press("enter ctrl-u '2KiB enter");
    journey.shows("! budget cannot be met");
    journey.press("enter ctrl-u '– enter");
    assert_eq!(count(&journey), without, "{}", journey.screen());
    journey.press("- W enter");
    journey.shows("+ max_size = \"1MiB\"");
    journey.press("y");
    let loaded = config::load(&file).unwrap();
    let budget = loaded.layer.retention.unwrap_or_default().policy().budget;
    assert_eq!(
        (budget.max_size, budget.max_refs),
        (Some(1 << 20), Some(15))
    );
    // The next rule starts with the budget in use.
    journey.press("R");
    journey.shows("budget  1MiB");
}

#[test]
fn the_field_with_the_keys_is_visible_at_every_size() {
    let config = TempDir::new().unwrap();
    for size in [(60, 16), (80, 24), (200, 60)] {
        let (_layout, mut journey) = shop(&config, size);
        journey.press("enter G R enter ctrl-u 'a-pattern-that-has-very-many-characters-* enter");
        for value in ["a-pattern", "keep", "5", "–", "–", "a-pattern"] {
            journey.shows(&format!("‹{value}"));
            journey.press("right");
        }
    }
}
