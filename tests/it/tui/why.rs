//! Why steps ran, in the UI.

use std::fs;
use std::path::PathBuf;

use cachelens::source::RefSelector;
use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

mod drawn;
mod evidence;
mod files;

const LEAST: (u16, u16) = (60, 16);
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const HUGE: (u16, u16) = (200, 60);

/// A history, with its caches and the files that were built.
pub(super) struct History {
    set: &'static str,
    cache: TempDir,
    trees: TempDir,
}

impl History {
    pub(super) fn of(set: &'static str) -> Self {
        let fixture = Fixture::named(set);
        Self {
            set,
            cache: fixture.layout("local.json"),
            trees: fixture.trees(),
        }
    }

    fn file(&self, path: &str) -> String {
        format!("tests/fixtures/{}/{path}", self.set)
    }

    pub(super) fn tree(&self, commit: &str) -> PathBuf {
        self.trees.path().join("tree").join(commit)
    }

    /// All evidence of a commit, and of the previous one if requested.
    pub(super) fn evidence(&self, before: &str, now: &str) -> NamedEvidence {
        NamedEvidence::new(
            vec![
                self.file(&format!("provenance/{now}.json")),
                self.file(&format!("logs/{now}.rawjson")),
            ],
            vec![self.file(&format!("provenance/{before}.json"))],
            vec![self.tree(now).to_string_lossy().into_owned()],
        )
    }

    pub(super) fn source(&self, select: Option<&str>) -> OpenedSource {
        let select = select.map(|name| RefSelector::Name(name.to_owned()));
        OpenedSource {
            select,
            ..local("./cache", self.cache.path())
        }
    }

    /// The build of `now`, explained by the cache of `before` at the start of the program.
    fn explained(&self, before: &str, now: &str, size: (u16, u16)) -> Journey {
        Journey::explaining(
            self.evidence(before, now),
            vec![self.source(Some(before))],
            size,
        )
    }
}

/// A step that runs now has no record in the ref: it is found by its name.
#[test]
fn the_cursor_is_on_the_step_that_was_selected() {
    let shop = History::of("shop");
    let mut journey = Journey::new(vec![shop.source(None)], USUAL);
    journey.press("enter / 'c06 enter w");
    journey.press(&format!("'{} enter", shop.file("provenance/c07.json")));
    journey.press("enter");
    journey.shows_in("▸", "FROM");
    journey.press("q enter / 'npm enter w");
    let line = journey.line("▸");
    assert!(line.contains("RUN npm"), "{}", journey.screen());
}

/// The screen without the line that contains paths of the test.
fn screen(journey: &Journey) -> String {
    let screen = journey.screen();
    screen
        .lines()
        .filter(|line| !line.contains("context "))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn steps_fold_are_filtered_copied_and_written_down() {
    let shop = History::of("shop");
    let mut journey = shop.explained("c07", "c08", LARGE);
    journey.press("G k");
    journey.shows_in("▸  ✗", "▸ RUN go build -trimpath");
    journey.hides("└ COPY assets");
    journey.press("l j j");
    journey.shows_in("▸  ✗", "└ COPY --from=web");
    journey.press("h");
    journey.shows_in("▸  ✗", "▾ RUN go build");
    journey.press("h");
    journey.hides("└ COPY assets");
    journey.press("/ 'state:miss enter");
    journey.shows("9 of 16 steps · filter state:miss");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("why.json");
    journey
        .press("e ctrl-u")
        .press(&format!("'{} enter", path.display()));
    let written: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let rows = written["rows"].as_array().unwrap();
    let of = |field: &str| {
        rows.iter()
            .map(|row| row[field].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows.len(), 9);
    assert!(
        of("verdict").iter().all(|verdict| verdict == "\"miss\""),
        "{rows:?}"
    );
    let roots = rows.iter().filter(|row| row["cause"]["root"] == true);
    assert_eq!(roots.count(), 5);
    assert_eq!(rows[4]["name"], "RUN go build -trimpath ./api");
    assert_eq!(
        (&rows[4]["cause"]["kind"], &rows[4]["location"]["line"]),
        (&"command".into(), &16.into())
    );
    journey.press("esc s down down down enter");
    journey.shows("TIME▾");
    journey.press("/ 'trimpath enter y");
    let copied = "Dockerfile:16 RUN go build -trimpath ./api: its command changed: `go build ./api` became `go build -trimpath ./api`";
    assert_eq!(journey.copied(), Some(copied));
}

#[test]
fn an_explanation_is_stopped_and_begun_again() {
    let shop = History::of("shop");
    let mut journey =
        Journey::explaining(shop.evidence("c07", "c08"), vec![shop.source(None)], USUAL);
    // The first `w` has evidence from the command line.
    journey.press("enter / 'c07 enter");
    journey.press_at_once("w esc");
    journey.shows("It was stopped; r begins again.");
    journey.press("r");
    journey.shows("its command changed");
    // An existing result stays, even if a job is stopped.
    journey.press_at_once("r esc");
    journey.shows("its command changed");
    // Keys are answered during an explanation, which continues when the screen is left.
    journey.press_at_once("r j j q");
    journey.shows_in("› refs", "./cache");
    journey.shows("the explanation of c07 has ended; J shows it");
    journey.press("J enter");
    journey.shows("its command changed");
}
