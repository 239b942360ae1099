//! The prompt for evidence, and what an explanation says of its evidence.

use std::fs;

use cachelens::tui::evidence::NamedEvidence;
use tempfile::TempDir;

use super::{HUGE, History, LARGE, USUAL};
use crate::support::fixture::Fixture;
use crate::support::http::serve_files;
use crate::support::journey::Journey;

#[test]
fn evidence_is_asked_for_once() {
    let shop = History::of("shop");
    let mut journey = Journey::new(vec![shop.source(None)], USUAL);
    journey.press("enter / 'c07 enter w");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c07 › why                           no evidence · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────

       STEP▴                                       LINE     TIME  WHY
      ╭ Evidence of the build ───────────────────────────────────────────────────╮
      │ build     record, provenance, log, image or command                      │
      │ ›                                                                        │
      │ baseline  the same of an earlier build                                   │
      │ context   the folder, or NAME=FOLDER                                     │
      │                                                                          │
      │ docker buildx history export -o run.dockerbuild  writes a build record,  │
      │ which has it all                                                         │
      │ docker buildx imagetools inspect IMAGE --format '{{json                  │
      │ .Provenance.SLSA}}' > provenance.json  that of an image                  │
      ╰──────────────────────────────────────────────────────────────────────────╯






    ────────────────────────────────────────────────────────────────────────────────
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter add, continue  tab complete  down next  up previous  ctrl-p recall
    ");
    journey.press("'tests/fixtures/shop/prov tab");
    journey.shows("› tests/fixtures/shop/provenance/ ");
    journey.press("tab");
    journey.shows("› tests/fixtures/shop/provenance/c ");
    journey.shows("c01.json  c02.json");
    journey.press("'08.json enter");
    journey.shows_in("✓ tests", "c08.json  provenance, 18 steps");
    journey.press("'tests/fixtures/shop/logs/c08.rawjson enter down 'tests/fixtures/shop/provenance/c07.json enter");
    journey.press(&format!("down '{} enter", shop.tree("c08").display()));
    journey.shows("the main context, with a .dockerignore");
    journey.press("enter");
    journey.shows("1  RUN go build -trimpath ./api  Dockerfile:16  ·  its command changed");
    // The same evidence explains another ref, and names its steps.
    journey.press("q / ctrl-u 'c06 enter w");
    journey.shows_in("› why", "c06 › why");
    journey.shows("✗ miss");
    journey.press("q enter");
    let named = "named from tests/fixtures/shop/provenance/c08.json and 2 more";
    journey.shows(named);
    // Earlier input is recalled.
    journey.press("B up ctrl-p ctrl-p");
    journey.shows("│ › tests/fixtures/shop/provenance/c07.json");
}

#[test]
fn files_without_evidence_are_refused_with_a_reason() {
    let shop = History::of("shop");
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_string_lossy().into_owned()
    };
    let provenance = fs::read("tests/fixtures/shop/provenance/c08.json").unwrap();
    let cases = [
        (write("empty", b" "), "it is empty"),
        (
            write("noise", &[0xff; 4096]),
            "it is no evidence of a build",
        ),
        (
            write("half.json", &provenance[..provenance.len() / 2]),
            "not provenance",
        ),
        (
            write(
                "large.json",
                &[b"{\"a\":\"", &vec![b'x'; 4 << 20][..], b"\"}"].concat(),
            ),
            "not provenance",
        ),
        (
            write("steering", b"\x1b[2J\x1b]0;x\x07"),
            "it is no evidence",
        ),
        ("tests/nowhere.json".to_owned(), "cannot read it"),
        ("/dev/zero".to_owned(), "neither a file nor a folder"),
        ("-".to_owned(), "cannot read it"),
        ("tests/fixtures".to_owned(), "no file in it is evidence"),
    ];
    let mut journey = Journey::new(vec![shop.source(None)], LARGE);
    journey.press("enter w enter");
    journey.shows("! a build is needed");
    for (path, fault) in cases {
        journey.press(&format!("ctrl-u '{path} enter"));
        journey.shows_in("! ", fault);
    }
    // The options of a build are evidence, to which a build command or a Dockerfile adds the steps.
    let options = write("min.json", br#"{"buildType":"x"}"#);
    journey.press(&format!("ctrl-u '{options} enter"));
    journey.shows("options of a build, no steps (mode=min)");
    journey.press("ctrl-u down down 'README.md enter");
    journey.shows_in("! ", "it is no directory");
    journey.press("esc");
    journey.resize(80, 24);
    journey.shows_in("▸", "c15");
    journey.shows_in("./cache", "› refs");
}

#[test]
fn a_log_alone_does_not_describe_steps() {
    let shop = History::of("shop");
    let evidence = NamedEvidence::new(vec![shop.file("logs/c08.rawjson")], Vec::new(), Vec::new());
    let journey = Journey::explaining(evidence, vec![shop.source(Some("c07"))], USUAL);
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c07 › why                   1 piece of evidence · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────

       STEP▴                                       LINE     TIME  WHY

       ! the evidence does not describe the build's steps
       give its provenance (mode=max), its build record, or its LLB definition

       B changes the evidence, r tries again












    ────────────────────────────────────────────────────────────────────────────────
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  B evidence  / filter
    ");
}

#[test]
fn undecided_steps_show_the_missing_evidence() {
    let kitchen = History::of("kitchen");
    let evidence = NamedEvidence::new(
        vec![kitchen.file("provenance/c05.json")],
        Vec::new(),
        Vec::new(),
    );
    let mut journey = Journey::explaining(evidence, vec![kitchen.source(Some("c04"))], HUGE);
    journey.press("/ 'state:unknown enter G");
    journey.shows_in("▸", "? undecided");
    journey.shows("Why it is undecided");
    journey.shows("│ the files that it uses are not given");
    let settles = "16 steps undecided. Press B and add the build context or a log of the build";
    journey.shows(settles);
    // The flags of the command line have no place here.
    journey.shows("build context not given (B, field \"context\")");
    journey.shows("context `extra` not given (B, field \"context\": extra=FOLDER)");
    journey.hides("--context");
}

#[test]
fn the_record_of_a_build_selects_its_cache() {
    let mini = History::of("mini");
    let record = mini.file("dockerbuild/c03.dockerbuild");
    let given = || {
        NamedEvidence::new(
            vec![record.clone()],
            vec![mini.file("dockerbuild/c02.dockerbuild")],
            Vec::new(),
        )
    };
    let mut journey = Journey::recorded(given(), mini.source(Some("c02")), USUAL);
    insta::assert_snapshot!(journey.screen(), @r#"
     the caches of a build › why                               ./cache#c02 · ? help
    ────────────────────────────────────────────────────────────────────────────────
       0.1s lost  4 ✓ hit  2 ✗ miss  build dockerbuild/c03.dockerbuild · baseline …
       1  RUN go build -race  Dockerfile:6  ·  its command changed: `go build`
          became `go build -race`
          1 later step re-runs because of it (0.1s lost).
       ·  build context not given (B, field "context")
    ────────────────────────────────────────────────────────────────────────────────
       STEP▴                                             LINE    TIME  WHY
       ·         FROM 127.0.0.1:5055/base:latest AS bu…     1    0.0s
       ✓ hit     WORKDIR /src                               2       –
       ✓ hit     COPY go.mod ./                             3       –
       ✓ hit     RUN go mod download                        4       –
       ✓ hit     COPY main.go ./                            5    0.2s
    ▸  ✗ miss  ▸ RUN go build -race  +1                     6    0.1s  1 command

    ────────────────────────────────────────────────────────────────────────────────
       RUN go build -race
       Dockerfile:6 · stage build

       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 6/6 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  B evidence  / filter
    "#);
    journey.press("q");
    journey.shows("Open the demo");
    // An unreachable cache is reported.
    let journey = Journey::explaining(given(), Vec::new(), USUAL);
    journey.shows("! type=registry,");
    journey.shows("B changes the evidence, r tries again");
    // From the list of sources, the UI prompts for the record.
    let mut journey = Journey::recorded(NamedEvidence::default(), mini.source(Some("c02")), USUAL);
    journey
        .press("d")
        .press("w")
        .press(&format!("'{record} enter"));
    journey.shows_in("✓ …ini", "build record, provenance, log, name…");
    journey.press("enter");
    journey.shows("1  RUN go build -race  Dockerfile:6");
}

#[test]
fn an_address_is_evidence_without_its_credentials_on_the_screen() {
    let fixture = Fixture::named("shop");
    let read = |name: &str| fs::read(fixture.path(format!("provenance/{name}.json"))).unwrap();
    let address = serve_files(vec![
        ("/c08.json", read("c08")),
        ("/c07.json", read("c07")),
        ("/notes.txt", b"no evidence".to_vec()),
    ]);
    let shop = History::of("shop");
    let mut journey = Journey::new(vec![shop.source(None)], LARGE);
    journey.press("enter / 'c07 enter w");
    let at = format!("'http://me:pat@{address}");
    for (path, fault) in [
        ("missing", "! the server answers with status 404"),
        ("notes.txt", "! it is no evidence of a build"),
    ] {
        journey.press(&format!("ctrl-u {at}/{path}?signature=abc enter"));
        journey.shows(fault);
    }
    journey.press(&format!("ctrl-u {at}/c08.json?signature=abc enter"));
    journey.shows_in(
        "✓ http",
        &format!("http://{address}/c08.json  provenance, 18 steps"),
    );
    journey.press(&format!("down {at}/c07.json enter enter"));
    journey.shows("RUN go build -trimpath ./api  Dockerfile:16  ·  its command changed");
    journey.shows("c08.json · baseline ");
    for secret in ["me:pat", "signature", "abc"] {
        journey.hides(secret);
    }
}

#[test]
fn a_folder_is_evidence_without_its_other_files() {
    let shop = History::of("shop");
    let folder = TempDir::new().unwrap();
    let provenance = "tests/fixtures/shop/provenance/c08.json";
    fs::copy(provenance, folder.path().join("build.json")).unwrap();
    fs::write(folder.path().join("notes.txt"), "no evidence").unwrap();
    let mut journey = Journey::new(vec![shop.source(None)], LARGE);
    journey.press("enter / 'c07 enter w");
    journey.press(&format!("'{} enter", folder.path().display()));
    journey.shows("provenance, 18 steps; 1 file not used");
    journey.press("enter A");
    journey.shows("notes.txt is not used: it is no evidence of a build");
}
