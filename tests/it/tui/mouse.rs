//! Everything is reached with the mouse alone.

use std::fs;

use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use cachelens::tui::message::{Event, Wheel};
use cachelens::tui::pruning::DeletionAccess;
use tempfile::TempDir;

use super::prune::{LABEL, Store};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, prunable};

/// A hand on the mouse, and no keys.
struct Mouse(Journey);

impl Mouse {
    /// Returns the column and the line of a text; of several, the last one.
    #[track_caller]
    fn place(&self, text: &str) -> (u16, u16) {
        let screen = self.0.screen();
        let lines: Vec<&str> = screen.lines().collect();
        let y = lines.iter().rposition(|line| line.contains(text));
        let y = y.unwrap_or_else(|| panic!("{text:?} is not in\n{screen}"));
        let x = lines[y][..lines[y].find(text).unwrap()].chars().count();
        (u16::try_from(x).unwrap(), u16::try_from(y).unwrap())
    }

    #[track_caller]
    fn click(&mut self, text: &str) -> &mut Self {
        let (x, y) = self.place(text);
        self.0.event(Event::Click(x, y));
        self
    }

    /// Clicks the head of a column of the list.
    #[track_caller]
    fn head(&mut self, title: &str) -> &mut Self {
        let screen = self.0.screen();
        let mut lines = screen.lines().enumerate().skip(2);
        let found = lines.find_map(|(y, line)| Some((line.find(title)?, y, line)));
        let (at, y, line) = found.unwrap_or_else(|| panic!("{title:?} is not in\n{screen}"));
        let x = line[..at].chars().count();
        let click = Event::Click(u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
        self.0.event(click);
        self
    }

    /// Clicks a row of the list: it is selected, or opened if it was selected already.
    #[track_caller]
    fn row(&mut self, name: &str) -> &mut Self {
        let screen = self.0.screen();
        // The details next to the list are no rows.
        let is_row = |line: &str| line.split('│').next().unwrap().contains(name);
        let y = screen.lines().skip(3).position(is_row);
        let y = y.unwrap_or_else(|| panic!("{name:?} is no row of\n{screen}")) + 3;
        self.0.event(Event::Click(10, u16::try_from(y).unwrap()));
        self
    }

    /// Chooses a command from the list of commands.
    #[track_caller]
    fn command(&mut self, words: &str) -> &mut Self {
        self.click("command");
        for _ in 0..80 {
            if self.0.screen().contains(words) {
                return self.click(words);
            }
            self.0.event(Event::Scroll(40, 20, Wheel::Down));
        }
        panic!("{words:?} is no command in\n{}", self.0.screen());
    }

    /// Goes back, by a click on the path.
    fn back(&mut self) -> &mut Self {
        self.0.event(Event::Click(2, 0));
        self
    }

    #[track_caller]
    fn shows(&mut self, text: &str) -> &mut Self {
        let screen = self.0.screen();
        assert!(screen.contains(text), "{text:?} is not in\n{screen}");
        self
    }
}

/// A checkout that declares a cache.
fn checkout() -> TempDir {
    let checkout = TempDir::new().unwrap();
    let bake =
        "target \"web\" {\n  cache-to = [\"type=registry,ref=registry.example/shop:cache\"]\n}\n";
    fs::write(checkout.path().join("docker-bake.hcl"), bake).unwrap();
    checkout
}

#[test]
fn every_screen_a_prune_and_its_undo_work_by_mouse() {
    let store = Store::shop();
    let refs = store.refs();
    let blobs = store.blobs();
    let trees = Fixture::named("shop").trees();
    let file = |path: &str| format!("tests/fixtures/shop/{path}");
    let context = trees.path().join("tree/c07").to_string_lossy().into_owned();
    let source = OpenedSource {
        evidence: NamedEvidence::new(
            vec![file("provenance/c07.json"), file("logs/c07.rawjson")],
            vec![file("provenance/c06.json")],
            vec![context],
        ),
        ..prunable(LABEL, store.layout.path())
    };
    let checkout = checkout();
    let pruning = store.pruning(DeletionAccess::Write, Vec::new());
    let journey = Journey::with_directory(checkout.path(), pruning, vec![source], (160, 50));
    let mut mouse = Mouse(journey);

    // Sources, refs, the steps of one, the files of a layer, and the beginning of a file.
    mouse.shows("1 source").row(LABEL).shows("./cache › refs");
    mouse.head("AGE").shows("AGE▾").row("c06").row("c06");
    mouse.shows("./cache › c06").row("d77d59e9").row("d77d59e9");
    mouse.shows("layer sha256:").row("server");
    mouse.click("view").shows("╭");
    mouse.click("close").back().back().shows("./cache › refs");

    // Why, its stages, and the files behind a cause.
    mouse
        .click("why")
        .shows("./cache › c06 › why")
        .shows("lost");
    mouse.click("T stages").shows("first miss of cause 1");
    mouse.click("✗1  COPY").shows("why › COPY").back();
    mouse
        .click("✓   WORKDIR /app")
        .shows("first miss of cause 1");
    mouse.click("T stages").shows("STEP▴").back();

    // The blobs, a check and what it leads to, and the bytes as boxes.
    mouse.click("blobs").shows("./cache › blobs").back();
    mouse.click("check").shows("thinned").back();
    mouse.click("treemap").shows("./cache › treemap");
    mouse.click("c10").shows("▸ c10").back();

    // The difference of two refs, and a rule about refs.
    mouse.row("c05").click("mark").row("c08").click("diff");
    mouse.shows("c05 → c08").back();
    mouse
        .click("rule")
        .shows("refs › rule")
        .click("field")
        .click("more")
        .back();

    // What the directory declares, from the list of commands.
    mouse.command("Show the caches that this directory declares");
    mouse
        .shows("cachelens › find")
        .shows("registry.example/shop")
        .back();

    // A prune of the marked ref: nothing goes before the answer, and all comes back.
    mouse
        .shows("✱ 1 marked")
        .click("plan a prune")
        .shows("./cache › plan");
    mouse.click("carry out").shows("Please confirm").click("no");
    assert_eq!(store.refs(), refs);
    mouse
        .click("carry out")
        .click("yes")
        .shows("the run broke no kept ref");
    let left = store.refs();
    assert!(!left.contains("c05"));
    assert_eq!(left.len() + 1, refs.len());
    mouse.back().back();
    mouse.command("Show earlier runs").shows("✓ done");
    mouse.click("undo").click("yes");
    assert_eq!(store.refs(), refs, "{}", mouse.0.screen());
    assert_eq!(store.blobs(), blobs);
    mouse.back().shows("↶ undone");
}

#[test]
fn menus_are_clicked_and_scrolled() {
    let store = Store::shop();
    let mut mouse = Mouse(store.open(Vec::new(), (160, 30)));
    mouse.row(LABEL).click("sort").shows("Sort by");
    // A click next to the menu chooses nothing.
    mouse.0.event(Event::Click(1, 20));
    mouse.shows("Sort by");
    mouse.click("SIZE        ▾").shows("SIZE▾");
    mouse.command("Choose the columns").shows("[x] AGE");
    mouse.click("[x] AGE").shows("[ ] AGE").click("close");
    let head = mouse.0.line("ONLY HERE");
    assert!(!head.contains("AGE"), "{head}");
    // The wheel moves in texts, too.
    mouse.command("Show every key").shows("more below");
    let before = mouse.0.screen();
    for _ in 0..30 {
        mouse.0.event(Event::Scroll(50, 10, Wheel::Down));
    }
    assert_ne!(mouse.0.screen(), before);
}
