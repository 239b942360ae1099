//! The files that changed in the context of a step.

use std::fs;

use tempfile::TempDir;

use super::{History, USUAL};

#[test]
fn files_that_changed_are_listed() {
    let kitchen = History::of("kitchen");
    let mut journey = kitchen.explained("c07", "c08", USUAL);
    journey.press("/ 'state:miss enter enter");
    insta::assert_snapshot!(journey.screen(), @r"
     why › COPY --chown=1000:1000 src ./src             1 file · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       a link points elsewhere: src/alias.rs
    ────────────────────────────────────────────────────────────────────────────────
       PATH▴                               WHAT           FROM → TO
    ▸  src/alias.rs                        ~ link target  main.rs → lib/mod.rs

    ────────────────────────────────────────────────────────────────────────────────
       src/alias.rs

       what       ~ link target
       from, to   main.rs → lib/mod.rs









    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     + added  − removed  ~ changed
     enter open  / filter  s sort  space mark  i details  e export  : command
    ");
    journey.press("y");
    assert_eq!(journey.copied(), Some("src/alias.rs"));
    journey.press("enter");
    journey.shows("main.rs → lib/mod.rs");
    journey.press("esc / 'name~nothing enter");
    journey.shows("Nothing matches.");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changes.csv");
    journey
        .press("esc e ctrl-u")
        .press(&format!("'{} enter", path.display()));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "path,kind,detail,diff\nsrc/alias.rs,link-target,main.rs → lib/mod.rs,\n"
    );
}
