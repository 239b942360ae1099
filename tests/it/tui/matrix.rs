//! Every screen in every state that it can be in.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::prune::{LABEL, Store, keep_last};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local, memory};
use crate::support::made::many_refs;

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 60)];

/// A journey with the files behind it.
struct Opened {
    journey: Journey,
    _files: Vec<TempDir>,
}

impl Opened {
    fn new(journey: Journey, files: Vec<TempDir>) -> Self {
        Self {
            journey,
            _files: files,
        }
    }
}

/// A state of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing of it was read yet.
    Unread,
    /// It was read; the last key begins to read more.
    Reading,
    /// It has no ref and no blob.
    Empty,
    /// It cannot be read.
    Failed,
    /// A blob is missing, and an upload is unfinished.
    Damaged,
    /// The scan was stopped.
    Stopped,
    /// It was read, and nothing may be deleted.
    ReadOnly,
    /// It was read, and a policy deletes some of it.
    Writable,
    /// Its refs have names that are longer than any line.
    LongNames,
    /// It has more refs than are arranged at once.
    Many,
}

const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

fn empty() -> TempDir {
    let layout = TempDir::new().unwrap();
    fs::create_dir_all(layout.path().join("blobs/sha256")).unwrap();
    let version = r#"{"imageLayoutVersion":"1.0.0"}"#;
    fs::write(layout.path().join("oci-layout"), version).unwrap();
    fs::write(layout.path().join("index.json"), EMPTY_INDEX).unwrap();
    layout
}

fn long_names() -> TempDir {
    let layout = Fixture::named("shop").layout("local.json");
    let index = layout.path().join("index.json");
    let mut refs: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    for (number, entry) in (0..).zip(refs["manifests"].as_array_mut().unwrap()) {
        let name = format!("team/{}-{number}", "drop-the-old-ledger-".repeat(11));
        entry["annotations"]["org.opencontainers.image.ref.name"] = json!(name);
    }
    fs::write(&index, refs.to_string()).unwrap();
    layout
}

impl State {
    fn open(self, size: (u16, u16)) -> Opened {
        let shop = || Fixture::named("shop").layout("local.json");
        let over = |layout: TempDir| {
            let journey = Journey::new(vec![local(LABEL, layout.path())], size);
            Opened::new(journey, vec![layout])
        };
        match self {
            Self::Unread | Self::Stopped => {
                let layout = shop();
                let mut journey = Journey::begun(vec![local(LABEL, layout.path())], size);
                if self == Self::Stopped {
                    journey.press_at_once("esc");
                }
                Opened::new(journey, vec![layout])
            }
            Self::Empty => over(empty()),
            Self::Failed => over(TempDir::new().unwrap()),
            Self::Damaged => {
                let layout = Fixture::named("mini").layout("local.json");
                damage(layout.path());
                over(layout)
            }
            Self::ReadOnly | Self::Reading => over(shop()),
            Self::Writable => {
                let store = Store::shop();
                let journey = store.open(vec![keep_last(9)], size);
                Opened::new(journey, vec![store.layout, store.journals])
            }
            Self::LongNames => over(long_names()),
            Self::Many => Opened::new(
                Journey::new(vec![memory(LABEL, many_refs(25_000))], size),
                Vec::new(),
            ),
        }
    }
}

/// A screen in a state: the keys that lead there from the list of sources, a part of its path, and
/// words about the state.
type Case = (State, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (State::Unread, "", "cachelens", "reading refs"),
    (State::Unread, "enter", "refs", "reading refs"),
    (State::Unread, "b", "blobs", "reading"),
    (State::Unread, "c", "check", "scan"),
    (
        State::Unread,
        "p",
        "plan",
        "The plan is made when the scan has ended",
    ),
    (State::Unread, "t", "treemap", "reading"),
    (State::Unread, "H", "runs", "reading the journals"),
    (State::Unread, "F", "find", "searching"),
    (State::Unread, "J", "cachelens", "scan of ./cache"),
    (State::Reading, "enter enter", "c15", "eading"),
    (State::Reading, "b enter", "blob", "eading the layer"),
    (State::Reading, "enter G enter A", "all layers", "eading"),
    (State::Reading, "enter space j d", "→", "omparing"),
    (State::Reading, "c", "check", "hecking"),
    (State::Reading, "p", "plan", "Making the plan"),
    (
        State::Reading,
        "enter R",
        "rule",
        "asking what it does to each ref",
    ),
    (State::Reading, "r", "cachelens", "scanning, 182 blobs"),
    (State::Reading, "F", "find", "searching"),
    (State::Reading, "c J", "check", "check of ./cache"),
    (State::Empty, "", "cachelens", "nothing is stored"),
    (State::Empty, "enter", "refs", "There are no refs here"),
    (State::Empty, "b", "blobs", "Nothing is stored here."),
    (State::Empty, "c", "check", "no-refs"),
    (State::Empty, "p", "plan", "Nothing is deleted"),
    (State::Empty, "t", "treemap", ""),
    (State::Empty, "H", "runs", "Nothing was pruned yet."),
    (State::Empty, "J", "cachelens", "Nothing is at work."),
    (State::Failed, "", "cachelens", "failed"),
    (State::Failed, "enter", "cachelens", "x closes it"),
    (State::Failed, "c", "check", "source-unread"),
    (
        State::Failed,
        "p",
        "plan",
        "There is no plan, and nothing was changed.",
    ),
    (State::Failed, "x", "cachelens", "No source is open."),
    (State::Damaged, "", "cachelens", "broken"),
    (State::Damaged, "enter", "refs", "broken"),
    (State::Damaged, "b", "blobs", "missing"),
    (State::Damaged, "b m", "blobs", "missing"),
    (State::Damaged, "c", "check", "! error"),
    (State::Damaged, "p", "plan", "an unfinished upload"),
    (State::Damaged, "t", "treemap", "only"),
    (State::Stopped, "", "cachelens", "stopped"),
    (State::Stopped, "enter", "refs", "stopped"),
    (State::Stopped, "c", "check", "stopped"),
    (State::Stopped, "p", "plan", "The scan was stopped"),
    (State::ReadOnly, "", "cachelens", "read-only"),
    (State::ReadOnly, "enter", "refs", "read-only"),
    (State::ReadOnly, "enter enter", "c15", "read-only"),
    (State::ReadOnly, "b", "blobs", "read-only"),
    (State::ReadOnly, "c", "check", "read-only"),
    (State::ReadOnly, "p", "plan", "read-only"),
    (State::ReadOnly, "enter R", "rule", "read-only"),
    (State::ReadOnly, "t", "treemap", "read-only"),
    (State::ReadOnly, "H", "runs", "read-only"),
    (State::ReadOnly, "F", "find", "read-only"),
    (State::ReadOnly, "enter space j d", "→", "read-only"),
    (
        State::ReadOnly,
        "enter enter w",
        "c15",
        "Evidence of the build",
    ),
    (State::ReadOnly, "?", "", "Keys"),
    (State::ReadOnly, ":", "", "Commands"),
    (State::ReadOnly, "s", "cachelens", "SOURCE"),
    (State::Writable, "", "cachelens", "WRITE"),
    (State::Writable, "p", "plan", "[ delete"),
    (State::Writable, "p right", "plan", "[ wait"),
    (State::Writable, "p right right", "plan", "▸ 9 refs"),
    (
        State::Writable,
        "p enter",
        "plan",
        "wait: a run after 22 Nov 13:00 UTC",
    ),
    (State::Writable, "p enter y", "run", "✓"),
    (State::Writable, "p enter y q H", "runs", "✓ done"),
    (State::LongNames, "", "cachelens", "ready"),
    (State::LongNames, "enter", "refs", "-14"),
    (State::LongNames, "enter enter", "team/drop", "RUN"),
    (State::LongNames, "enter R", "rule", "drop-the-old"),
    (State::LongNames, "enter space j d", "→", "-12 → …"),
    (State::LongNames, "p", "plan", ""),
    (State::LongNames, "t", "treemap", "dger--1"),
    (State::Many, "", "cachelens", "25,000"),
    (State::Many, "enter", "refs", "/25,000 "),
    (State::Many, "enter G", "refs", " 25,000/25,000 "),
    (State::Many, "b", "blobs", "/25,000 "),
    (State::Many, "enter R", "rule", "25,000"),
    (State::Many, "c", "check", ""),
    (State::Many, "p", "plan", ""),
];

/// Returns what is wrong with a screen.
fn faults(journey: &Journey, path: &str, words: &str) -> Vec<String> {
    let screen = journey.screen();
    let width = usize::from(journey.buffer().area.width);
    let mut faults = Vec::new();
    for line in screen.lines() {
        if unicode_width::UnicodeWidthStr::width(line) > width {
            faults.push(format!("too wide: {line:?}"));
        }
    }
    let first = screen.lines().next().unwrap_or_default();
    // A large popup covers the path.
    let has_path = first.contains(path) && first.ends_with("? help");
    if !path.is_empty() && !has_path {
        faults.push(format!(
            "{path:?} or the key of the help is not in {first:?}"
        ));
    }
    let last = screen.lines().last().unwrap_or_default();
    if last.trim().is_empty() {
        faults.push("no keys".to_owned());
    }
    let plain = screen.replace('│', " ");
    let flat = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if !flat.contains(words) {
        faults.push(format!("no {words:?}"));
    }
    faults
}

#[test]
fn every_screen_is_drawn_in_every_state() {
    let mut wrong = Vec::new();
    for (state, keys, path, words) in CASES {
        // Many rows take long to arrange; the least room is enough for them.
        let sizes = if *state == State::Many {
            &SIZES[..1]
        } else {
            &SIZES[..]
        };
        for size in sizes.iter().copied() {
            let mut opened = state.open(size);
            let journey = &mut opened.journey;
            match state {
                State::Unread => journey.glimpse(keys),
                State::Reading => {
                    let (before, last) = keys.rsplit_once(' ').unwrap_or(("", keys));
                    journey.press(before).glimpse(last)
                }
                _ => journey.press(keys),
            };
            let faults = faults(journey, path, words);
            if !faults.is_empty() {
                let screen = journey.screen();
                wrong.push(format!("{state:?} {keys:?} {size:?}: {faults:?}\n{screen}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
