//! The steps of a ref and the files of its layers.

use std::fs;
use std::path::PathBuf;

use cachelens::backend::memory::{self, MemoryCache};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local, memory, now};

mod changes;
mod files;
mod named;

/// The sizes of the drawn screens.
const SMALL: (u16, u16) = (60, 16);
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const HUGE: (u16, u16) = (200, 60);

/// Returns a layout with every commit of `shop`.
fn shop() -> TempDir {
    Fixture::named("shop").layout("local.json")
}

/// Opens a ref of a layout by its name.
fn open(layout: &TempDir, name: &str, size: (u16, u16)) -> Journey {
    let mut journey = Journey::new(vec![local("./cache", layout.path())], size);
    journey.press(&format!("enter / '{name} enter enter"));
    journey
}

/// Returns the path of the blob whose digest begins with `digits`.
fn blob(layout: &TempDir, digits: &str) -> PathBuf {
    let stored = fs::read_dir(layout.path().join("blobs/sha256")).unwrap();
    let mut paths = stored.map(|entry| entry.unwrap().path());
    paths
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(digits)
        })
        .unwrap()
}

fn demo(size: (u16, u16)) -> Journey {
    let mut journey = Journey::new(vec![memory("demo", memory::demo(now()).unwrap())], size);
    journey.press("enter enter");
    journey
}

#[test]
fn a_missing_blob_breaks_the_steps_above_it() {
    let shop = shop();
    fs::remove_file(blob(&shop, "91bc5cba")).unwrap();
    let mut journey = open(&shop, "c15", LARGE);
    insta::assert_snapshot!(journey.press("j j").screen(), @r"
     ./cache › c15                                                                            15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       1 ✓  11 ○  3 !  steps are unnamed: press B to load a build record, provenance or image
       STEP▴                                SIZE              AGE   ALSO IN │ COPY · 5d74d000
         source · 8aa5db81                     –                –         – │
       ├ ✓ COPY · d77d59e9              30.2 KiB  ░░░░░░  12h 52m     1 ref │ state      ! a blob of its result is missing:
    ▸  │ ! COPY · 5d74d000              12.2 KiB  ░░      12h 52m     1 ref │            a build that loads it fails
       │ ! COPY · e0d7b2d4                 139 B  ░       12h 52m     1 ref │ missing    sha256:91bc5cbaa7657f9bdb1d25ca751
       │ ! COPY · 89d21dcb                 188 B  █       12h 52m         – │            054e98186efca730dd0e326e36f40ccfce
       ├ ○ FILE · 57a5ab45                     –                –         – │            c2d
       │ ○ COPY · 9152319c                     –                –         – │ created    12h 52m ago, 2026-11-21T23:07:03Z
       │ ○ RUN · e130a368                      –                –         – │ key        sha256:5d74d000bc05756635ef7f2b6e3
       │ ○ COPY · 4fdf24ec                     –                –         – │            e412fb3e7a024277e4a7b3bc5a4b29caf4
       │ ○ RUN · 826adb52                      –                –         – │            d35
       └ ○ FILE · 807b3e87                     –                –         – │
         ○ COPY · 1704e8bf                     –                –         – │ Layer
         ○ RUN · 91f5b186                      –                –         – │ blob       sha256:91bc5cbaa7657f9bdb1d25ca751
         ○ COPY · 91cc5c91                     –                –         – │            054e98186efca730dd0e326e36f40ccfce
         ├ ○ RUN · 55274cca                    –                –         – │            c2d
         └ ○ RUN · 9f8cf52d                    –                –         – │ unpacked   sha256:2feace1714bba4e49c61b8beac9
                                                                            │            1d0576c23ded17dff0ce1e0bd12651f9af
                                                                            │            a4f
                                                                            │ type       tar+gzip
                                                                            │ only here  0 B of its chain
                                                                            │
                                                                            │ Chain of 4 layers, 89.7 KiB
                                                                            │  12.2 KiB  91bc5cba  ! missing
                                                                            │  30.2 KiB  a1b79a3a  tar+gzip
                                                                            │  24.3 KiB  c35117ba  tar+gzip
                                                                            │  22.9 KiB  1a292d1e  tar+gzip
                                                                            │
                                                                            │ Inputs
                                                                            │ 1  ✓ COPY · d77d59e9
                                                                            │ 2  ○ RUN · 9f8cf52d · paths b3731a05
                                                                            │
                                                                            │ Used by
                                                                            │ … tab scrolls, i shows all
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 3/16 ──
     83.6 KiB in all · 6.0 KiB only here · made 12h 52m ago · ! 1 missing
     enter open  left fold  right unfold  w why  A all files  B names  / filter  s sort  space mark  i details  e export
    ");
    insta::assert_snapshot!(journey.press("enter").screen().lines().take(8).collect::<Vec<_>>().join("\n"), @r"
     ./cache › c15 › COPY · 5d74d000                                                           0 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       layer sha256:91bc5cbaa765 · ! the layer is not stored
       PATH                                                     SIZE▾ SHARE       FILES │
                                                                                        │
       ! the layer is not stored                                                        │
       A build that needs this layer fails, or runs the step again.                     │
       V shows how the blob begins                                                      │
    ");
}

#[test]
fn steps_fold_unfold_and_lead_to_their_parent() {
    let shop = shop();
    let mut journey = open(&shop, "c15", USUAL);
    let rows = |journey: &Journey| {
        journey
            .screen()
            .lines()
            .filter(|line| line.contains(" · "))
            .count()
    };
    let all = rows(&journey);
    // From the last step to its fork, to the base, which can be folded.
    journey.press("G h");
    journey.shows_in("▸", "COPY · 91cc5c91");
    journey.press("h");
    insta::assert_snapshot!(journey.line("91cc5c91"), @r"▸    ○ ▸2 COPY · 91cc5c91                           –                –         –");
    assert_eq!(rows(&journey), all - 2);
    journey.press("h h");
    journey.shows_in("source", "▸15");
    journey.press("l");
    assert_eq!(rows(&journey), all - 2);
    // The base of the first cache has two keys.
    let mut journey = open(&shop, "c01", USUAL);
    journey.shows_in("source", "+1");
    journey.press("l");
    journey.shows_in("8e629cdf", "≡");
    journey.press("left");
    journey.hides("8e629cdf");
}

#[test]
fn an_order_or_a_filter_flattens_the_tree_and_keeps_marks() {
    let shop = shop();
    let mut journey = open(&shop, "c01", USUAL);
    journey.press("j j space");
    let marked = journey.line("✱").replace('▸', " ");
    journey.press("s j enter");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c01                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  steps are unnamed: press B to load a build record, provenance or image
       STEP                                          SIZE▾             AGE   ALSO IN
       ✓ RUN · da55fffb                          49.9 KiB  ██████  12h 54m         –
       ✓ COPY · d77d59e9                         30.2 KiB  ███     12h 54m         –
    ▸  ✓ RUN · eb40ed05                          30.2 KiB  ███     12h 54m         –
       ✓ RUN · 765fb925                          30.2 KiB  ███     12h 54m         –
       ✓ RUN · 4fd7e03a                          12.3 KiB  █       12h 54m         –
       ✓ RUN · ab170239                          12.2 KiB  █       12h 54m         –
       ✓ COPY · 5d74d000                         12.2 KiB  █       12h 54m         –
       ✓ COPY · 1704e8bf                            213 B  █       12h 54m         –
       ✓ COPY · 91cc5c91                            209 B  █       12h 54m         –
       ✓ COPY · 4fdf24ec                            174 B  █       12h 54m         –
       ✓ COPY · 89d21dcb                            161 B  █       12h 54m         –
     ✱ ✓ COPY · 9152319c                            144 B  █       12h 54m         –
       ✓ COPY · e0d7b2d4                            139 B  █       12h 54m         –
       ✓ FILE · 57a5ab45                             92 B  █       12h 54m         –
       ✓ FILE · 807b3e87                             92 B  █       12h 54m         –
         source · 089e08d6                              –                –         –
       ≡ source · 8e629cdf                              –                –         –
    ──────────────────────────────────────────────────────────────────────── 3/17 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago · ✱ 1 marked, 144 B
     enter open  left fold  right unfold  w why  A all files  B names  / filter
    ");
    journey.press("S S / 'kind:RUN enter");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c01                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  steps are unnamed: press B to load a build record, provenance or image
       STEP                                          SIZE▾             AGE   ALSO IN
    ▸  ✓ RUN · da55fffb                          49.9 KiB  ██████  12h 54m         –
       ✓ RUN · eb40ed05                          30.2 KiB  ███     12h 54m         –
       ✓ RUN · 765fb925                          30.2 KiB  ███     12h 54m         –
       ✓ RUN · 4fd7e03a                          12.3 KiB  █       12h 54m         –
       ✓ RUN · ab170239                          12.2 KiB  █       12h 54m         –

    ────────────────────────────────────────────────────────────────────────────────
       RUN · da55fffb

       state      ✓ its result can be loaded
       created    12h 54m ago, 2026-11-21T23:05:25Z
       key        sha256:da55fffb9aa4fa793e2ad8919026326eb0a85f5c45401d3ed03265b939
                  5b6efe

       Layer
       blob       sha256:2ccb171284de29636a2981d3ebb147b8c8c2202de6d23b98ddf60ad14a
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 1/5 ──
     5 of 15 steps · filter kind:RUN · ✱ 1 marked, 144 B (1 hidden)
     enter open  left fold  right unfold  w why  A all files  B names  / filter
    ");
    journey.press("esc s k k k k enter");
    assert!(
        !marked.is_empty() && journey.screen().contains("├ ✓"),
        "{}",
        journey.screen()
    );
}

#[test]
fn platforms_have_a_head_each() {
    let fixture = Fixture::named("shop");
    let registry: Value = fixture.json("registry.json");
    let mut cache = MemoryCache::default();
    for digest in fixture.blobs() {
        cache.add_blob(fixture.blob(digest), None);
    }
    let image = |name: &str| image_manifest(&fixture, &registry, name);
    let index =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image("c01"), image("c05")]});
    let mut root = descriptor(&mut cache, INDEX, index.to_string().as_bytes());
    root["annotations"] = json!({"org.opencontainers.image.ref.name": "both"});
    cache
        .set_index(
            json!({"schemaVersion": 2, "manifests": [root]})
                .to_string()
                .as_bytes(),
        )
        .unwrap();
    let mut journey = Journey::new(vec![memory("made", cache)], USUAL);
    insta::assert_snapshot!(journey.press("enter enter enter").screen(), @r"
     made › both                                      30 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       8 ✓  22 ○  steps are unnamed: press B to load a build record, provenance or…
       STEP▴                                        SIZE              AGE   ALSO IN
    ▸  ▸ linux/amd64  15 steps                  42.7 KiB                           ▐
       ▾ linux/amd64  15 steps                  42.7 KiB                           ▐
         source · 089e08d6 +1                          –                –         –▐
       ├ ✓ COPY · d77d59e9                      30.2 KiB  █████   12h 54m         –▐
       │ ✓ COPY · 5d74d000                      12.2 KiB  ██      12h 54m         –▐
       │ ✓ COPY · e0d7b2d4                         139 B  █       12h 54m         –▐
       │ ✓ COPY · 89d21dcb                         161 B  █       12h 54m         –▐
       ├ ○ FILE · 57a5ab45                             –                –         –▐
       │ ○ COPY · 9152319c                             –                –         –▐
       │ ○ RUN · eb40ed05                              –                –         –▐
       │ ○ COPY · 4fdf24ec                             –                –         –▐
       │ ○ RUN · 765fb925                              –                –         –▐
       └ ○ FILE · 807b3e87                             –                –         –▐
         ○ COPY · 1704e8bf                             –                –         –▐
         ○ RUN · da55fffb                              –                –         –▐
         ○ COPY · 91cc5c91                             –                –         –▐
         ├ ○ RUN · 4fd7e03a                            –                –         –
    ──────────────────────────────────────────────────────────────────────── 1/18 ──
     150 KiB in all · 150 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter
    ");
}

#[test]
fn details_scroll_in_place() {
    let shop = shop();
    let mut journey = open(&shop, "c15", LARGE);
    journey.press("j j tab G");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c15                                                                            15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       4 ✓  11 ○  steps are unnamed: press B to load a build record, provenance or image
       STEP▴                                SIZE              AGE   ALSO IN ┃
         source · 8aa5db81                     –                –         – ┃ Layer
       ├ ✓ COPY · d77d59e9              30.2 KiB  ░░░░░░  12h 52m     1 ref ┃ blob       sha256:91bc5cbaa7657f9bdb1d25ca751
    ▸  │ ✓ COPY · 5d74d000              12.2 KiB  ░░      12h 52m     1 ref ┃            054e98186efca730dd0e326e36f40ccfce
       │ ✓ COPY · e0d7b2d4                 139 B  ░       12h 52m     1 ref ┃            c2d
       │ ✓ COPY · 89d21dcb                 188 B  █       12h 52m         – ┃ unpacked   sha256:2feace1714bba4e49c61b8beac9
       ├ ○ FILE · 57a5ab45                     –                –         – ┃            1d0576c23ded17dff0ce1e0bd12651f9af
       │ ○ COPY · 9152319c                     –                –         – ┃            a4f
       │ ○ RUN · e130a368                      –                –         – ┃ type       tar+gzip
       │ ○ COPY · 4fdf24ec                     –                –         – ┃ only here  0 B of its chain
       │ ○ RUN · 826adb52                      –                –         – ┃
       └ ○ FILE · 807b3e87                     –                –         – ┃ Chain of 4 layers, 89.7 KiB
         ○ COPY · 1704e8bf                     –                –         – ┃  12.2 KiB  91bc5cba  tar+gzip
         ○ RUN · 91f5b186                      –                –         – ┃  30.2 KiB  a1b79a3a  tar+gzip
         ○ COPY · 91cc5c91                     –                –         – ┃  24.3 KiB  c35117ba  tar+gzip
         ├ ○ RUN · 55274cca                    –                –         – ┃  22.9 KiB  1a292d1e  tar+gzip
         └ ○ RUN · 9f8cf52d                    –                –         – ┃
                                                                            ┃ Inputs
                                                                            ┃ 1  ✓ COPY · d77d59e9
                                                                            ┃ 2  ○ RUN · 9f8cf52d · paths b3731a05
                                                                            ┃
                                                                            ┃ Used by
                                                                            ┃ ✓ COPY · e0d7b2d4
                                                                            ┃
                                                                            ┃ Kept by
                                                                            ┃ the layer is kept while one of 2 refs is
                                                                            ┃ c14
                                                                            ┃ c15
                                                                            ┃
                                                                            ┃ ref c15
                                                                            ┃ └ manifest f621ad55
                                                                            ┃   └ config 8d00b3df
                                                                            ┃     └ record 4 · 5d74d000
                                                                            ┃       └ layer 91bc5cba
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 3/16 ──
     95.9 KiB in all · 6.0 KiB only here · made 12h 52m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter  s sort  space mark  i details  e export
    ");
    journey.press("esc j");
    journey.shows_in("▸", "e0d7b2d4");
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Adds a document, and returns its descriptor.
fn descriptor(cache: &mut MemoryCache, media_type: &str, bytes: &[u8]) -> Value {
    let digest = cache.add_blob(bytes, None);
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

/// Returns the descriptor of a commit's image manifest.
fn image_manifest(fixture: &Fixture, registry: &Value, name: &str) -> Value {
    let is_image =
        |pushed: &&Value| pushed["repository"] == "shop" && pushed["tags"] == json!([name]);
    let pushed = registry.as_array().unwrap().iter().find(is_image).unwrap();
    let index = fixture.blob(pushed["digest"].as_str().unwrap().parse().unwrap());
    let index: Value = serde_json::from_slice(&index).unwrap();
    index["manifests"][0].clone()
}

/// Creates an archive of empty files.
fn archive(paths: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for path in paths {
        let mut header = tar::Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, std::io::empty()).unwrap();
    }
    builder.into_inner().unwrap()
}
