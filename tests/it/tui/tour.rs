//! The moving picture of the README, drawn by the program itself. `.ci/pictures` writes it again.

use std::fs;
use std::path::Path;

use cachelens::source::RefSelector;
use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};
use crate::support::picture::Picture;

/// Set by `.ci/pictures`.
const WRITE: &str = "CACHELENS_WRITE_PICTURES";

#[test]
fn the_picture_of_the_readme_is_current() {
    let shop = Fixture::named("shop");
    let cache = shop.layout("local.json");
    let trees = shop.trees();
    let file = |path: &str| format!("tests/fixtures/shop/{path}");
    let context = trees.path().join("tree/c07").to_string_lossy().into_owned();
    let evidence = NamedEvidence::new(
        vec![file("provenance/c07.json"), file("logs/c07.rawjson")],
        vec![file("provenance/c06.json")],
        vec![context],
    );
    let source = |select: Option<&str>| OpenedSource {
        select: select.map(|name| RefSelector::Name(name.to_owned())),
        ..local("./cache", cache.path())
    };
    let size = (100, 24);
    let mut picture = Picture::default();

    let mut journey = Journey::new(vec![source(None)], size);
    picture.show(journey.buffer(), 2);
    journey.press("enter");
    picture.show(journey.buffer(), 4);
    journey.press("down down enter");
    picture.show(journey.buffer(), 4);

    let mut journey = Journey::explaining(evidence, vec![source(Some("c06"))], size);
    picture.show(journey.buffer(), 6);
    let screen = journey.screen();
    assert!(screen.contains("package-lock.json"), "{screen}");
    journey.press("G");
    picture.show(journey.buffer(), 3);

    let drawn =
        picture.svg("cachelens: the refs of a cache, the steps of one, and why a build missed it");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/tour.svg");
    assert!(
        !drawn.contains("/tmp"),
        "the picture names a folder of the test"
    );
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "assets/tour.svg is not as the program draws it: run .ci/pictures"
    );
}
