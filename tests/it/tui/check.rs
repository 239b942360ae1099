//! The findings of a check, on the screen.

use cachelens::check::ignore::Ignore;
use cachelens::text::escape::must_be_written_out;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};
use crate::support::layout::LayoutBuilder;

type Size = (u16, u16);

/// A source that has lost a layer, with an unfinished upload.
fn damaged() -> (TempDir, Journey) {
    at((100, 36))
}

fn at(size: Size) -> (TempDir, Journey) {
    let layout = Fixture::named("mini").layout("local.json");
    damage(layout.path());
    let journey = Journey::new(vec![local("./mini", layout.path())], size);
    (layout, journey)
}

fn drawn(keys: &str, size: Size) -> String {
    let (_layout, mut journey) = at(size);
    journey.press(keys).screen()
}

#[test]
fn check_at_60() {
    insta::assert_snapshot!(drawn("c", (60, 16)), @r"
     ./mini › check                 3 refs · read-only · ? help
    ────────────────────────────────────────────────────────────
       SEVERITY▴  FINDING          WHAT
    ▸  ! error    blob-missing     1 of its 10 blobs is not sto…
       · info     unfinished-upl…  1 upload is not finished, th…

    ────────────────────────────────────────────────────────────
       blob-missing
       1 of its 10 blobs is not stored: builds that need `COPY
       d77d59e96cc3` fail

       to do      re-exporting will not fix this while the
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────── 1/2 ──
     1 error · 1 info · contents not verified
     enter go there  b blobs  f fix  V verify contents
    ");
}

#[test]
fn check_at_80() {
    insta::assert_snapshot!(drawn("c", (80, 24)), @r"
     ./mini › check                                     3 refs · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       SEVERITY▴  FINDING              COST  REF       WHAT
    ▸  ! error    blob-missing     30.3 KiB  c03       1 of its 10 blobs is not sto…
       · info     unfinished-upl…  68.4 KiB  –         1 upload is not finished, th…

    ────────────────────────────────────────────────────────────────────────────────
       blob-missing
       1 of its 10 blobs is not stored: builds that need `COPY d77d59e96cc3` fail

       to do      re-exporting will not fix this while the build also imports this
                  cache: `cachelens repair ./mini` removes unusable results and
                  keeps every other hit; or export to it once from a build that
                  does not import it, or delete it: `cachelens prune ./mini
                  --drop-ref c03`

       severity   ! error
       ref        c03
       about      sha256:e3f0942e5d1054d8fbea1289bd6fe33587c4f8f42269b9abd6a5790335
                  e3403a
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 1/2 ──
     1 error · 1 info · contents not verified
     enter go there  b blobs  f fix  V verify contents  / filter  s sort
    ");
}

#[test]
fn check_at_120() {
    insta::assert_snapshot!(drawn("c", (120, 40)), @r"
     ./mini › check                                                                             3 refs · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SEVERITY▴  FINDING                COST  REF       WHAT                           │ blob-missing
    ▸  ! error    blob-missing       30.3 KiB  c03       1 of its 10 blobs is not stor… │ 1 of its 10 blobs is not stored:
       · info     unfinished-uploa…  68.4 KiB  –         1 upload is not finished, the… │ builds that need `COPY
                                                                                        │ d77d59e96cc3` fail
                                                                                        │
                                                                                        │ to do      re-exporting will not
                                                                                        │            fix this while the
                                                                                        │            build also imports
                                                                                        │            this cache: `cachelens
                                                                                        │            repair ./mini` removes
                                                                                        │            unusable results and
                                                                                        │            keeps every other hit;
                                                                                        │            or export to it once
                                                                                        │            from a build that does
                                                                                        │            not import it, or
                                                                                        │            delete it: `cachelens
                                                                                        │            prune ./mini
                                                                                        │            --drop-ref c03`
                                                                                        │
                                                                                        │ severity   ! error
                                                                                        │ ref        c03
                                                                                        │ about      sha256:e3f0942e5d1054d
                                                                                        │            8fbea1289bd6fe33587c4f
                                                                                        │            8f42269b9abd6a5790335e
                                                                                        │            3403a
                                                                                        │ cost       30.3 KiB
                                                                                        │ source     ./mini
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/2 ──
     1 error · 1 info · contents not verified
     enter go there  b blobs  f fix  V verify contents  / filter  s sort  space mark  i details  e export  : command
    ");
}

#[test]
fn check_at_200() {
    insta::assert_snapshot!(drawn("c", (200, 60)), @r"
     ./mini › check                                                                                                                                                             3 refs · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SEVERITY▴  FINDING                 COST  REF       WHAT                                                              │ blob-missing
    ▸  ! error    blob-missing        30.3 KiB  c03       1 of its 10 blobs is not stored: builds that need `COPY d77d59e9… │ 1 of its 10 blobs is not stored: builds that need `COPY d77d59e96cc3` fail
       · info     unfinished-uploads  68.4 KiB  –         1 upload is not finished, the oldest begun 2d ago                 │
                                                                                                                            │ to do      re-exporting will not fix this while the build also imports this
    ─── what a check looks for, and how often it was found ──────────────────────────────────────────────────────────────── │            cache: `cachelens repair ./mini` removes unusable results and
          1  blob-missing                Blobs that a ref references are not stored.                                        │            keeps every other hit; or export to it once from a build that does
          1  unfinished-uploads          Uploads that were never finished.                                                  │            not import it, or delete it: `cachelens prune ./mini --drop-ref
          –  source-unreadable           The source cannot be opened or listed.                                             │            c03`
          –  manifest-missing            The manifest of a ref is not stored.                                               │
          –  manifest-unreadable         A manifest is damaged, or its bytes do not match its digest.                       │ severity   ! error
          –  config-missing              A cache configuration is not stored.                                               │ ref        c03
          –  config-unreadable           A cache configuration is damaged, or its bytes do not match its digest.            │ about      sha256:e3f0942e5d1054d8fbea1289bd6fe33587c4f8f42269b9abd6a5790335e
          –  blob-wrong-size             The size of stored blobs differs from the size in the ref.                         │            3403a
          –  blob-wrong-bytes            The bytes of blobs do not match their digests.                                     │ cost       30.3 KiB
          –  blob-unreadable             Stored blobs could not be read.                                                    │ source     ./mini
          –  layer-name-invalid          The name of a layer is not a digest.                                               │
          –  too-large-to-import         A manifest or configuration is larger than BuildKit can import.                    │
          –  record-loops                A record depends on itself.                                                        │
          –  link-broken                 A link points to a record that does not exist.                                     ├── enter opens c03 ────────────────────────────────────────────────────────────
          –  input-empty                 An input of a record has no links.                                                 │   STEP▴                                        SIZE              AGE   ALSO IN
          –  layer-out-of-range          A result or parent refers to a layer that does not exist.                          │     source · bb498f93 +1                          –                –         –
          –  layer-loops                 The parents of layers form a loop.                                                 │   ├ ✓ FILE · 57a5ab45                          92 B  ░        12h 8m    2 refs
          –  caches-merged               An index joins several caches, and BuildKit imports none of them.                  │   │ ✓ COPY · 9152319c                         144 B  ░        12h 8m    2 refs
          –  layer-undescribed           A layer lacks the annotations that a cache without manifests needs.                │   │ ✓ RUN · eb40ed05                       30.2 KiB  ░░░░░    12h 8m    2 refs
          –  lifecycle-expires-blobs     A lifecycle rule deletes blobs that manifests still reference.                     │   │ ✓ COPY · ec5c5279                         159 B  ░        12h 8m     1 ref
          –  lifecycle-archives          A lifecycle rule moves blobs or manifests to a class that builds cannot read.      │   │ ✓ RUN · 950c3ebe                       30.2 KiB  █████    12h 8m         –
          –  orphans-over-limit          Orphans exceed the limit of `--max-orphan`.                                        │   └ ! COPY · d77d59e9                      30.3 KiB  ██████   12h 8m         –
          –  size-over-limit             The store holds more than `--max-size` allows.                                     │
          –  age-over-limit              Refs are older than `--max-age` allows.                                            │─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ────────────────────────────
          –  limit-not-checked           A limit cannot be checked, because the store does not report the value.            │   COPY · d77d59e9        │ RUN · 950c3ebe
          –  keeps-changing              The refs changed during the scan, so findings may be out of date.                  │   30.3 KiB only here     │ 30.2 KiB only here
          –  inline-skipped              BuildKit skips an inline cache.                                                    │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  config-passed-over          BuildKit skips cache configurations of an index.                                   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  no-cache                    The ref is an image without a cache.                                               │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  no-refs                     The source has no ref that a build can import.                                     │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  empty-cache                 A cache has no result, for example after an empty export.                          │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  duplicate-name              Several refs have the same name.                                                   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  results-dropped             An import silently drops results.                                                  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  near-import-limit           A manifest or configuration will soon be too large to import.                      │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  update-too-old              Results of steps that update packages, which are older than `--max-update-age` a…  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  future-date                 Times are in the future.                                                           │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
          –  prefix-without-slash        A prefix of S3 keys does not end with a slash.                                     │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │───────────────────────────────────────────────────
          –  evicted-soon                The store will soon evict the cache.                                               │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ RUN · eb40ed05                         │ COPY · e…
          –  cache-read-only             The token of the job cannot write to the cache.                                    │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 30.2 KiB shared with other refs        │ 159 B sh…
          –  quota-full                  The quota is full, so the least recently used entries are evicted.                 │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░
          –  not-checked                 Something could not be checked, for the reason given.                              │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░
          –  lifecycle-leaves-blobs      A lifecycle rule deletes manifests and leaves their blobs.                         │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │──────────
          –  lifecycle-keeps-uploads     No lifecycle rule aborts unfinished uploads.                                       │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ COPY · 9…
          –  lifecycle-keeps-versions    No lifecycle rule deletes noncurrent versions.                                     │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ 144 B sh…
          –  blobs-elsewhere             A directory whose blobs are a symbolic link or a mount, so that a prune cannot m…  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░
          –  orphans                     Stored blobs are not reached by any ref.                                           │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░
          –  trash                       The trash holds objects that earlier prunes deleted.                               │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │──────────
          –  superseded-indexes          Superseded indexes are stored, and no build imports them.                          │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ FILE · 5…
          –  branch-gone                 Caches of deleted branches are stored, and no build reads them.                    │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ 92 B sha…
             … and 5 more                                                                                                   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/2 ──
     1 error · 1 info · contents not verified
     enter go there  b blobs  f fix  V verify contents  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn a_finding_opens_its_subject_and_back() {
    let (_layout, mut journey) = damaged();
    journey.press("enter c");
    journey.shows_in("▸", "blob-missing");
    journey.press("enter");
    let name = journey.line("./mini ›");
    assert!(!name.contains("check"), "{name}");
    journey.press("q b");
    journey.shows_in("▸", "! missing");
    journey.press("q G");
    journey.shows_in("▸", "unfinished-uploads");
    journey.press("enter");
    journey.shows("filter state:partial");
}

#[test]
fn findings_that_are_shown_again_have_their_filter_and_cursor() {
    let (_layout, mut journey) = damaged();
    journey.press("c G q J enter");
    journey.shows_in("▸", "unfinished-upl");
    journey.press("/ 'kind:info enter q J enter");
    journey.shows("filter kind:info");
    journey.shows_in("▸", "unfinished-upl");
}

#[test]
fn findings_are_filtered_sorted_copied_and_written_to_a_file() {
    let (_layout, mut journey) = damaged();
    let folder = TempDir::new().unwrap();
    journey.press("c / 'kind:info enter");
    journey.hides("blob-missing  ");
    journey.press("esc y");
    let copied = journey.copied().unwrap();
    assert!(
        copied.starts_with("error blob-missing in ./mini#"),
        "{copied}"
    );
    assert!(copied.contains("\nhint: "), "{copied}");
    let path = folder.path().join("findings.json");
    journey
        .press("e ctrl-u")
        .press(&format!("'{}", path.display()))
        .press("enter");
    let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["rows"][0]["code"], "blob-missing");
    journey.press("S");
    journey.shows("SEVERITY▾");
}

#[test]
fn layers_are_read_when_that_is_asked_for() {
    let layout = Fixture::named("mini").layout("local.json");
    let mut journey = Journey::new(vec![local("./mini", layout.path())], (100, 24));
    journey.press("c");
    journey.shows("Nothing found. 3 refs and 19 blobs were looked at.");
    journey.press("V");
    journey.shows("13 layers were read and are sound");
    damage(layout.path());
    journey.press("r");
    journey.shows("blob-missing");
}

#[test]
fn a_source_that_cannot_be_read_is_a_finding() {
    let mut journey = Journey::new(
        vec![local("./nothing", std::path::Path::new("/nothing/here"))],
        (100, 24),
    );
    journey.press("c");
    journey.shows_in("▸", "source-unreadable");
}

#[test]
fn control_characters_in_findings_are_escaped() {
    let folder = TempDir::new().unwrap();
    let mut layout = LayoutBuilder::new(folder.path());
    let lost = layout.chain(&[layout.layer("lost", 50)]);
    for name in [
        "\u{1b}[31mred\n",
        "gpj.\u{202e}exe",
        "漢字かな混じり文の名前がとても長くてはみ出す",
    ] {
        layout.tag(name, &lost);
    }
    layout.tag(&"long".repeat(2_500), &layout.cache(&json!({}), &[]));
    layout.lose(&lost);
    for size in [(60, 16), (120, 40)] {
        let mut journey = Journey::new(vec![local("./cache", folder.path())], size);
        for keys in ["c", "i", "esc G i", "esc y"] {
            journey.press(keys);
            for cell in journey.buffer().content() {
                assert!(
                    !cell.symbol().chars().any(must_be_written_out),
                    "{:?}\n{}",
                    cell.symbol(),
                    journey.screen()
                );
            }
        }
    }
}

#[test]
fn findings_that_the_configuration_ignores_are_counted_and_not_listed() {
    let layout = Fixture::named("mini").layout("local.json");
    damage(layout.path());
    let ignore = |until: &str| Ignore {
        code: "blob-*".parse().unwrap(),
        source: None,
        ref_name: Some("c03".parse().unwrap()),
        file: None,
        reason: "it is exported again tonight".to_owned(),
        until: Some(until.parse().unwrap()),
    };
    let begin = |until| {
        let sources = vec![local("./mini", layout.path())];
        let mut journey = Journey::ignoring(vec![ignore(until)], sources, (100, 16));
        journey.press("c").screen()
    };
    let ignored = begin("9999-12-31");
    assert!(!ignored.contains("blob-missing"), "{ignored}");
    assert!(ignored.contains("3 refs · 1 ignored"), "{ignored}");
    assert!(
        ignored.contains("1 info · contents not verified"),
        "{ignored}"
    );
    let over = begin("2000-01-01");
    assert!(over.contains("blob-missing"), "{over}");
    assert!(!over.contains("ignored"), "{over}");
}
