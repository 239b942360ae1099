//! The changes of a layer to the layers below it, on the screen.

use std::fs;

use cachelens::backend::memory::MemoryCache;
use cachelens::backend::registry::RegistryAccess;
use cachelens::format::digest::Digest;
use serde_json::json;

use super::{HUGE, LARGE, MANIFEST, SMALL, USUAL, blob, descriptor, open, shop};
use crate::support::journey::{Journey, memory, registry};
use crate::support::made::archive;
use crate::support::registry::{DockerRegistry, Setup};

/// The files of a base, and of a step that adds, changes and deletes files.
const BASE: [(&str, &str); 5] = [
    ("app/config.json", "{\"a\": 1}"),
    ("app/server", "binary of the first version"),
    ("app/kept", "kept"),
    ("etc/motd", "welcome"),
    ("tmp/log", "line"),
];
const TOP: [(&str, &str); 6] = [
    ("app/config.json", "{\"a\": 2, \"b\": 3}"),
    ("app/server", "binary of the first version"),
    ("app/new/one", "1"),
    ("app/new/two", "2"),
    ("etc/.wh.motd", ""),
    ("tmp/.wh..wh..opq", ""),
];

/// Returns a store with a ref whose second step has `top` on the layer `base`; the base is not
/// stored unless `is_stored`.
fn made(is_stored: bool) -> (MemoryCache, Digest) {
    let mut cache = MemoryCache::default();
    let base = archive(&BASE);
    let top = archive(&TOP);
    if is_stored {
        cache.add_blob(base.clone(), None);
    }
    cache.add_blob(top.clone(), None);
    let (base_digest, top_digest) = (Digest::of(&base), Digest::of(&top));
    let record = |digest: &str, rest: &str| {
        format!(r#"{{"digest":"{}"{rest}}}"#, Digest::of(digest.as_bytes()))
    };
    let config = format!(
        r#"{{"layers":[{{"blob":"{base_digest}","parent":-1}},{{"blob":"{top_digest}","parent":0}}],"records":[{},{},{}]}}"#,
        record("source", ""),
        record("base", r#","inputs":[[{"link":0}]],"layers":[{"layer":0}]"#),
        record("run", r#","inputs":[[{"link":1}]],"layers":[{"layer":1}]"#),
    );
    let config_type = "application/vnd.buildkit.cacheconfig.v0";
    let layer = |digest: Digest, bytes: &[u8]| json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor(&mut cache, config_type, config.as_bytes()),
        "layers": [layer(base_digest, &base), layer(top_digest, &top)]});
    let mut root = descriptor(&mut cache, MANIFEST, manifest.to_string().as_bytes());
    root["annotations"] = json!({"org.opencontainers.image.ref.name": "main"});
    let index = json!({"schemaVersion": 2, "manifests": [root]});
    cache.set_index(index.to_string().as_bytes()).unwrap();
    (cache, top_digest)
}

/// Opens the files of the upper step.
fn upper(is_stored: bool, size: (u16, u16)) -> Journey {
    let (cache, _) = made(is_stored);
    let mut journey = Journey::new(vec![memory("made", cache)], size);
    journey.press("enter enter G enter");
    journey
}

#[test]
fn a_layer_shows_its_additions_changes_and_deletions() {
    insta::assert_snapshot!(upper(true, USUAL).press("l").screen(), @r"
     made › main › FILE · acba2551                     4 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:5838eb7b9ffd · 6.0 KiB stored
       PATH                                         SIZE▾ SHARE     FILES  CHANGE
    ▸  ▾ app/                                       45 B  ██████        4  +2 ~2
           server                                   27 B  ███▌          –  changed
           config.json                              16 B  ██▏           –  changed
         ▸ new/                                      2 B  ▎             2  added
       ▸ etc/                                        0 B              − 1  −1
         tmp/  − emptied first                       0 B              − 1  −1

    ────────────────────────────────────────────────────────────────────────────────
       app/

       kind       directory
       size       45 B (45 bytes)
       share      100 % of the layer
       files      4
       The layer has files in this folder and does not describe it.


    ───────────────────────────────────────────────────────────────────────── 1/6 ──
     45 B unpacked · 2 added · 2 changed (35 B before) · 2 deleted …
     enter open  V view  x extract  / filter  s sort  space mark  i details
    ");
    insta::assert_snapshot!(upper(true, SMALL).screen(), @r"
     made › main › FILE · acba…    4 files · read-only · ? help
    ────────────────────────────────────────────────────────────
       layer sha256:5838eb7b9ffd · 6.0 KiB stored
       PATH                                         SIZE▾ SHARE
    ▸  ▸ app/                                       45 B  ██████
       ▸ etc/                                        0 B
         tmp/  − emptied first                       0 B

    ────────────────────────────────────────────────────────────
       app/

       kind       directory
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────── 1/3 ──
     45 B unpacked · 2 added · 2 changed (35 B before) …
     enter open  V view  x extract  / filter  s sort
    ");
    let mut journey = upper(true, HUGE);
    journey.press("l / 'config enter G");
    let screen = journey.screen();
    let top: Vec<&str> = screen.lines().take(22).collect();
    insta::assert_snapshot!(top.join("\n"), @r"
     made › main › FILE · acba2551                                                                                                                                             4 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       layer sha256:5838eb7b9ffd · 6.0 KiB stored
       PATH                                             SIZE▾ SHARE       FILES  MODE        MODIFIED          CHANGE       │ app/config.json
       ▾ app/                                           16 B  ██████          1  –           –                 ~1           │
    ▸      config.json                                  16 B  ██████          –  -rw-r--r--  2026-11-18 11:06  changed      │ kind       file
                                                                                                                            │ change     changed
    ─── bytes of the files ──────────────────────────────────────────────────────────────────────────────────────────────── │ replaces   file, 8 B
       app/config.json                                                                                                      │ of         step FILE · cae66217
       16 B                                                                                                                 │ content    changed
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ size       16 B (16 bytes)
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ share      100 % of the files that match the filter
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ mode       -rw-r--r-- 0644
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ owner      0:0
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ modified   2026-11-18T11:06:40Z, 4d ago
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   ├── enter opens app/config.json ────────────────────────────────────────────────
    ");
}

#[test]
fn changes_filter_and_sort_the_files() {
    let mut journey = upper(true, LARGE);
    journey.press("/ 'change:changed enter");
    journey
        .shows("config.json")
        .shows("server")
        .hides("app/new")
        .hides("motd");
    journey.shows("2 changed (35 B before) · 1 with the same content");
    journey.press("esc / 'change:deleted enter");
    journey.shows("motd").hides("config.json");
    journey.press("esc s");
    journey.shows("CHANGE      ▾ most first");
    // The folder with the most changed files comes first.
    let screen = journey.press("j j j enter").screen();
    let at = |name: &str| {
        screen
            .find(name)
            .unwrap_or_else(|| panic!("{name}: {screen}"))
    };
    assert!(screen.contains("CHANGE▾"), "{screen}");
    assert!(
        at("▸ app/") < at("▸ etc/") && at("▸ etc/") < at("tmp/"),
        "{screen}"
    );
}

#[test]
fn a_missing_layer_below_leaves_changes_unknown() {
    let mut journey = upper(false, LARGE);
    journey.shows("! the layer below is not in the cache: changes are unknown");
    journey.shows_in("▸ app/", "?4");
    journey.press("l j i");
    journey.hides("replaces");
}

#[test]
fn exported_files_have_their_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("files.json");
    let mut journey = upper(true, LARGE);
    journey.press("/ 'change:changed enter e ctrl-u");
    journey.press(&format!("'{} enter", file.display()));
    let text = fs::read_to_string(&file).unwrap();
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = rows.as_array().or_else(|| rows["rows"].as_array()).unwrap();
    let server = rows.iter().find(|row| row["path"] == "app/server").unwrap();
    assert_eq!(server["change"], "changed");
    assert_eq!(server["replaces"]["bytes"], 27);
    assert_eq!(server["replaces"]["same_content"], true);
}

#[test]
fn blobs_find_the_layers_below_in_their_refs() {
    let (cache, top) = made(true);
    let mut journey = Journey::new(vec![memory("made", cache)], LARGE);
    journey.press(&format!("b / 'digest:{} enter enter", top.short(12)));
    journey.shows("2 added · 2 changed (35 B before) · 2 deleted · 1 with the same content");
    journey.press("/ 'server enter G");
    // The ref names no step, so the layer stands for it.
    journey
        .shows_in("of  ", "layer")
        .shows("sha256:23fa39a617cf");
}

#[test]
fn a_layer_that_no_ref_reaches_has_no_changes() {
    let mut cache = MemoryCache::default();
    let layer = cache.add_blob(archive(&TOP), None);
    let index = json!({"schemaVersion": 2, "manifests": []});
    cache.set_index(index.to_string().as_bytes()).unwrap();
    let mut journey = Journey::new(vec![memory("made", cache)], LARGE);
    journey.press(&format!("b / 'digest:{} enter enter", layer.short(12)));
    journey.shows("changes unknown: no ref has it");
    journey.hides("CHANGE");
}

#[test]
fn a_recorded_step_shows_what_it_replaces() {
    let shop = shop();
    let mut journey = open(&shop, "c15", LARGE);
    journey.press("j j j j enter");
    journey.shows("2 added").shows("CHANGE");
    // The layer is there, and one below it is not.
    fs::remove_file(blob(&shop, "1a292d1e")).unwrap();
    journey.press("q enter");
    journey.shows("below is not in the cache: changes are unknown");
}

#[test]
fn a_remote_store_is_read_on_request_only() {
    let store = DockerRegistry::with("shop", Setup::default());
    let source = format!("{}/shop-cache", store.host());
    let mut journey = Journey::new(vec![registry(&source, RegistryAccess::default())], LARGE);
    journey.press("enter / 'c15 enter enter j j j j enter");
    journey.shows("d compares with the layers below, reads ");
    journey.hides("CHANGE");
    journey.press("d");
    journey.shows("CHANGE").shows("2 added");
    journey.press("d");
    journey.shows("the layer is compared");
}
