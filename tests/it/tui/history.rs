//! What the list of sources says of earlier scans.

use std::fs;
use std::path::Path;

use cachelens::source::Source;
use cachelens::tui::OpenedSource;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

#[test]
fn sources_show_changes_since_the_last_scan() {
    let state = tempfile::tempdir().unwrap();
    let layout = Fixture::named("mini").layout("local.json");
    let source = || {
        let path = layout.path();
        let parsed = Source::parse(path.to_str().unwrap(), &Path::is_dir).unwrap();
        let source = Some(parsed.source);
        vec![OpenedSource {
            source,
            ..local("./mini", path)
        }]
    };
    let size = (200, 30);
    let journey = Journey::remembering(state.path(), source(), size);
    journey.hides(" in 3d");
    drop(journey);
    // All journeys take place at one moment: the record is made three days older.
    let mut files = fs::read_dir(state.path().join("history")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("2026-11-22T", "2026-11-19T")).unwrap();
    let mut journey = Journey::remembering(state.path(), source(), size);
    journey.shows("no change in 3d ████████");
    journey.press("i");
    for text in [
        "Since last time",
        "scanned    3d ago",
        "no change, as many refs",
        "+0 B a day, over 3d",
    ] {
        journey.shows(text);
    }
}

#[test]
fn the_start_screen_offers_recent_sources() {
    let state = tempfile::tempdir().unwrap();
    let layout = Fixture::named("mini").layout("local.json");
    let path = layout.path().to_str().unwrap();
    let parsed = Source::parse(path, &Path::is_dir).unwrap();
    let source = OpenedSource {
        source: Some(parsed.source),
        ..local("./mini", layout.path())
    };
    let size = (120, 30);
    drop(Journey::remembering(state.path(), vec![source], size));
    let mut journey = Journey::remembering(state.path(), Vec::new(), size);
    journey.shows("Again: /");
    journey.press("j j j enter");
    journey.shows("1 source");
    journey.shows("ready");
}

#[test]
fn the_name_of_a_registry_is_whole_at_100_columns() {
    let layout = Fixture::named("mini").layout("local.json");
    let name = "registry.example.com:5000/platform/team/app";
    let sources = vec![local(name, layout.path())];
    let journey = Journey::new(sources, (100, 24));
    journey.shows(name);
}

#[test]
fn the_order_and_the_filter_of_a_source_are_remembered() {
    let state = tempfile::tempdir().unwrap();
    let layout = Fixture::named("mini").layout("local.json");
    let open = |label: &str| {
        let sources = vec![local(label, layout.path())];
        let mut journey = Journey::remembering(state.path(), sources, (120, 30));
        journey.press("enter");
        journey
    };
    let refs = |journey: &Journey| {
        let screen = journey.screen();
        let names = ["c01", "c02", "c03"];
        let mut found: Vec<_> = names
            .into_iter()
            .filter_map(|name| Some((screen.find(&format!(" {name} "))?, name)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let mut journey = open("./mini");
    let before = refs(&journey);
    assert_eq!(before.len(), 3, "{}", journey.screen());
    journey.press("S / '!ref:c02 enter");
    let wanted = refs(&journey);
    assert_eq!(wanted.len(), 2, "{}", journey.screen());
    drop(journey);
    let text = fs::read_to_string(state.path().join("views.toml")).unwrap();
    assert!(text.contains("!ref:c02"), "{text}");
    // Another source of the same run has its own.
    assert_eq!(refs(&open("./other")), before);
    let mut journey = open("./mini");
    assert_eq!(refs(&journey), wanted, "{}", journey.screen());
    // Back to what is usual, which needs no memory.
    journey.press("esc S");
    assert_eq!(refs(&journey), before);
    drop(journey);
    let text = fs::read_to_string(state.path().join("views.toml")).unwrap();
    assert!(!text.contains("./mini"), "{text}");
    // Without a state directory, nothing is kept.
    let sources = || vec![local("./mini", layout.path())];
    let mut journey = Journey::new(sources(), (120, 30));
    journey.press("enter S / '!ref:c02 enter");
    drop(journey);
    let mut journey = Journey::new(sources(), (120, 30));
    journey.press("enter");
    assert_eq!(refs(&journey), before);
}

#[test]
fn the_evidence_that_was_given_last_is_offered_again() {
    let state = tempfile::tempdir().unwrap();
    let shop = Fixture::named("shop");
    let layout = shop.layout("local.json");
    let open = |keys| {
        let sources = vec![local("./shop", layout.path())];
        let mut journey = Journey::remembering(state.path(), sources, (120, 30));
        journey.press(keys);
        journey
    };
    let path = shop.path("provenance/c07.json");
    let mut journey = open("enter / 'c07 enter w");
    journey.press(&format!("'{} enter", path.display()));
    journey.shows("✓ ");
    drop(journey);
    // The filter is remembered, too.
    let mut journey = open("enter w");
    journey.shows("ctrl-p recall");
    journey.hides("c07.json");
    journey.press("ctrl-p");
    journey.shows("provenance/c07.json");
    journey.press("enter");
    journey.shows("✓ ");
}

#[test]
fn the_dockerfile_of_the_directory_is_offered_as_evidence() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Fixture::named("shop");
    let layout = shop.layout("local.json");
    let sources = || vec![local("./shop", layout.path())];
    let keys = "enter / 'c07 enter w";
    let mut journey = Journey::in_directory(directory.path(), sources(), (120, 30));
    journey.press(keys);
    journey.hides("the Dockerfile here");
    fs::write(
        directory.path().join("Dockerfile"),
        "FROM scratch\nCOPY app /\n",
    )
    .unwrap();
    let mut journey = Journey::in_directory(directory.path(), sources(), (120, 30));
    journey.press(keys);
    journey.shows("docker buildx build .  the Dockerfile here");
    journey.press("ctrl-p enter enter");
    journey.shows("COPY app /");
}

#[test]
fn nearby_evidence_is_picked_from_a_list() {
    let directory = tempfile::tempdir().unwrap();
    let mini = Fixture::named("mini");
    let layout = mini.layout("local.json");
    let record = directory.path().join("run.dockerbuild");
    fs::copy(mini.path("dockerbuild/c02.dockerbuild"), &record).unwrap();
    fs::create_dir(directory.path().join("logs")).unwrap();
    fs::write(directory.path().join("logs/last.rawjson"), "{}").unwrap();
    fs::write(directory.path().join("package.json"), "{}").unwrap();
    let sources = vec![local("./mini", layout.path())];
    let mut journey = Journey::in_directory(directory.path(), sources, (120, 30));
    journey.press("enter / 'c01 enter w");
    journey.shows("near here, down picks:");
    journey.shows("run.dockerbuild  a build record");
    journey.shows("logs/last.rawjson  a log");
    journey.hides("package.json");
    let is_picked = |journey: &Journey| journey.line("▸ ").contains("run.dockerbuild");
    journey.press("down");
    if !is_picked(&journey) {
        journey.press("down");
    }
    assert!(is_picked(&journey), "{}", journey.screen());
    journey.press("enter");
    journey.shows("✓ ");
    journey.press("enter");
    journey.shows("./mini › c01 › why");
    journey.hides("near here");
    journey.shows("STEP▴");
}
