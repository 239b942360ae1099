//! Sources are closed, and opened again.

use std::fs;
use std::sync::Arc;

use cachelens::backend::local::LocalCache;
use cachelens::source::Source;
use cachelens::tui::OpenedSource;
use cachelens::tui::pruning::Pruning;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

/// Returns a directory as a source that a command can open again.
fn named(label: &str, layout: &TempDir) -> OpenedSource {
    let parsed = Source::parse(layout.path().to_str().unwrap(), &|_| true).unwrap();
    OpenedSource {
        reader: Ok(Arc::new(LocalCache::new(layout.path()))),
        source: Some(parsed.source),
        ..local(label, layout.path())
    }
}

#[test]
fn a_source_that_failed_is_removed_from_the_list() {
    let nothing = TempDir::new().unwrap();
    let shop = Fixture::named("shop").layout("local.json");
    let mini = Fixture::named("mini").layout("local.json");
    let sources = vec![
        named("./shop", &shop),
        named("./none", &nothing),
        named("./mini", &mini),
    ];
    let mut journey = Journey::new(sources, (80, 24));
    journey.shows("3 sources").shows("! 1 of 3 failed");
    journey.press("j enter");
    journey.shows("it cannot be read; i shows why, x closes it");
    journey.press("x");
    journey.shows("./none closed, nothing deleted; a opens it again");
    journey.shows("2 sources").hides("! failed").shows("2/2");
    // The other sources keep their screens.
    journey.press("/ 'mini enter enter");
    journey.shows("./mini › refs");
    journey.press("q esc :").press("'refs tab");
    journey.hides("none");
    // Its name opens it again.
    journey.press("esc a");
    journey.press(&format!("'{} enter", nothing.path().display()));
    journey.shows("3 sources").shows("! 1 of 3 failed");
}

#[test]
fn every_source_can_be_closed_and_another_one_opened() {
    let shop = Fixture::named("shop").layout("local.json");
    let mini = Fixture::named("mini").layout("local.json");
    let before = fs::read_dir(shop.path().join("blobs/sha256")).unwrap();
    let before = before.count();
    let mut journey = Journey::new(vec![named("./shop", &shop)], (60, 16));
    journey.press("x");
    journey.shows("0 sources").shows("No source is open.");
    // Keys about a source have none to act on.
    journey.press("enter p c b t E W x y r");
    journey.shows("No source is open.");
    journey
        .press("a")
        .press(&format!("'{} enter enter", mini.path().display()));
    journey.shows("› refs");
    let after = fs::read_dir(shop.path().join("blobs/sha256")).unwrap();
    assert_eq!(after.count(), before);
}

#[test]
fn a_source_with_running_work_is_not_closed() {
    let shop = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![named("./shop", &shop)], (80, 24));
    // The check is left while it is running.
    journey.press_at_once("c q x");
    journey.shows("1 source").shows("./shop");
    journey.press("x");
    journey.shows("0 sources");
}

#[test]
fn a_closed_source_is_removed_from_the_configuration_on_request() {
    let shop = Fixture::named("shop").layout("local.json");
    let mini = Fixture::named("mini").layout("local.json");
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("cachelens.toml");
    let text = format!(
        "sources = [\n  '{}', # the shop\n  '{}', # small\n]\n",
        shop.path().display(),
        mini.path().display()
    );
    fs::write(&config, &text).unwrap();
    for (key, is_removed) in [("n", false), ("y", true)] {
        let sources = vec![named("./shop", &shop), named("./mini", &mini)];
        let mut journey = Journey::with_config(&config, Pruning::default(), sources, (120, 40));
        journey.press("x");
        let line = journey.line("# the shop");
        assert!(line.contains("- "), "{}", journey.screen());
        journey.shows("The source is closed. Remove it from the configuration, too?");
        assert_eq!(fs::read_to_string(&config).unwrap(), text);
        journey.press(key);
        journey.shows("1 source").hides("./shop");
        let after = fs::read_to_string(&config).unwrap();
        assert_eq!(after.contains("# the shop"), !is_removed, "{after}");
        assert!(after.contains("# small"), "{after}");
    }
    let backup = folder.path().join("cachelens.toml.bak");
    assert_eq!(fs::read_to_string(backup).unwrap(), text);
}

#[test]
fn an_empty_list_of_sources_is_not_called_read_only() {
    let shop = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![named("./shop", &shop)], (80, 24));
    journey.shows_in("cachelens", "1 source · read-only · ? help");
    journey.press("x");
    journey.shows_in("cachelens", "0 sources · ? help");
    journey.hides("read-only");
    journey
        .press("a")
        .press(&format!("'{} enter", shop.path().display()));
    journey.shows_in("cachelens", "1 source · read-only · ? help");
}
