//! Rules and sources are added to a configuration, and nothing in it is lost.

use std::fs;
use std::path::PathBuf;

use cachelens::backend::local::LocalCache;
use cachelens::config;
use cachelens::source::Source;
use cachelens::tui::OpenedSource;
use cachelens::tui::pruning::Pruning;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

const CONFIG: &str = "\
# The caches of this repository.
sources = ['./cache'] # written by CI

[ui]
theme = 'light'

[retention]
grace = '1h'

# Nobody touches main.
[[retention.rule]]
name = 'main'
match = { ref = 'main' }
action = 'protect'
";

/// A store of fifteen refs and a configuration in its own folder.
struct Setup {
    layout: TempDir,
    folder: TempDir,
}

impl Setup {
    fn new(config: Option<&str>) -> Self {
        let setup = Self {
            layout: Fixture::named("shop").layout("local.json"),
            folder: TempDir::new().unwrap(),
        };
        if let Some(config) = config {
            fs::write(setup.config(), config).unwrap();
        }
        setup
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("cachelens.toml")
    }

    fn read(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn journey(&self, size: (u16, u16)) -> Journey {
        let policy = match config::load(&self.config()) {
            Ok(loaded) => loaded.layer.retention.unwrap_or_default().policy(),
            Err(_) => config::Retention::default().policy(),
        };
        let pruning = Pruning {
            policy,
            ..Pruning::default()
        };
        let named = Source::parse(self.layout.path().to_str().unwrap(), &|_| true).unwrap();
        let source = OpenedSource {
            reader: Ok(std::sync::Arc::new(LocalCache::new(self.layout.path()))),
            source: Some(named.source),
            ..local("./cache", self.layout.path())
        };
        Journey::with_config(&self.config(), pruning, vec![source], size)
    }
}

#[test]
fn a_rule_is_merged_into_the_configuration_and_used_at_once() {
    let setup = Setup::new(Some(CONFIG));
    let mut journey = setup.journey((100, 40));
    journey.press("enter");
    journey.hides("drop");
    // Two of the refs `c0*` are marked, and the plan makes a rule from them.
    journey.press("/ 'c0 enter space space p space space R W enter");
    let screen = journey.screen();
    for line in [
        "  action = 'protect'",
        "+ [[retention.rule]]",
        "+ match = { ref = \"c0*\" }",
        "The old file is kept next to it",
    ] {
        assert!(screen.contains(line), "{line:?} is not in\n{screen}");
    }
    assert_eq!(setup.read(), CONFIG);
    journey.press("y");
    let after = setup.read();
    assert!(after.starts_with(CONFIG), "{after}");
    assert!(after.contains("match = { ref = \"c0*\" }"), "{after}");
    let backup = setup.folder.path().join("cachelens.toml.bak");
    assert_eq!(fs::read_to_string(backup).unwrap(), CONFIG);
    journey.shows("the old file is");
    // Back on the refs, the rule already decides.
    journey.press("q");
    journey.shows_in("c01", "drop");
    journey.press("esc q p");
    let plan = journey.line("deletes");
    assert!(plan.contains("9 refs"), "{}", journey.screen());
}

#[test]
fn answering_no_leaves_the_configuration_unchanged() {
    let setup = Setup::new(Some(CONFIG));
    let mut journey = setup.journey((60, 16));
    for answer in ["n", "esc", "q"] {
        journey
            .press("enter space p R W enter")
            .press(answer)
            .press("q q q");
        assert_eq!(setup.read(), CONFIG, "{answer}");
        assert_eq!(fs::read_dir(setup.folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_broken_configuration_is_reported_and_not_changed() {
    let broken = "[ui]\nthme = 'light'\n";
    let setup = Setup::new(Some(broken));
    let mut journey = setup.journey((120, 40));
    journey.press("W enter");
    let screen = journey.screen();
    assert!(
        screen.contains(":2:1: unknown key `thme` in [ui]"),
        "{screen}"
    );
    assert!(screen.contains("did you mean `theme`?"), "{screen}");
    journey.press("y enter");
    assert_eq!(setup.read(), broken);
    assert_eq!(fs::read_dir(setup.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_source_is_added_to_a_new_and_to_an_old_configuration() {
    let setup = Setup::new(None);
    let mut journey = setup.journey((100, 30));
    journey.press("W enter");
    journey.shows("This is a new file.");
    journey.press("y");
    let loaded = config::load(&setup.config()).unwrap();
    let sources = loaded.layer.sources.unwrap();
    assert_eq!(sources.len(), 1);
    let shown = sources[0].value.to_string();
    assert_eq!(shown, setup.layout.path().to_str().unwrap());
    journey.press("W enter");
    journey.shows("it is already there");
    journey.press("esc");

    let setup = Setup::new(Some(CONFIG));
    setup.journey((100, 30)).press("W enter y");
    let after = setup.read();
    assert!(after.contains("# written by CI"), "{after}");
    let sources = config::load(&setup.config())
        .unwrap()
        .layer
        .sources
        .unwrap();
    assert_eq!(sources.len(), 2);
}

#[test]
fn a_file_that_changes_after_the_diff_is_not_overwritten() {
    let setup = Setup::new(Some(CONFIG));
    let mut journey = setup.journey((100, 30));
    journey.press("W enter");
    fs::write(setup.config(), "# somebody else\n").unwrap();
    journey.press("y");
    journey.shows("has changed since the diff was made");
    assert_eq!(setup.read(), "# somebody else\n");
}
