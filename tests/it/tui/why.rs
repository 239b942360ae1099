//! Why steps ran, in the UI.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachelens::source::RefSelector;
use cachelens::text::escape::must_be_written_out;
use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

const LEAST: (u16, u16) = (60, 16);
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const HUGE: (u16, u16) = (200, 60);

/// A history, with its caches and the files that were built.
struct History {
    set: &'static str,
    cache: TempDir,
    trees: TempDir,
}

impl History {
    fn of(set: &'static str) -> Self {
        let fixture = Fixture::named(set);
        Self {
            set,
            cache: fixture.layout("local.json"),
            trees: fixture.trees(),
        }
    }

    fn file(&self, path: &str) -> String {
        format!("tests/fixtures/{}/{path}", self.set)
    }

    fn tree(&self, commit: &str) -> PathBuf {
        self.trees.path().join("tree").join(commit)
    }

    /// All evidence of a commit, and of the previous one if requested.
    fn evidence(&self, before: &str, now: &str) -> NamedEvidence {
        NamedEvidence::new(
            vec![
                self.file(&format!("provenance/{now}.json")),
                self.file(&format!("logs/{now}.rawjson")),
            ],
            vec![self.file(&format!("provenance/{before}.json"))],
            vec![self.tree(now).to_string_lossy().into_owned()],
        )
    }

    fn source(&self, select: Option<&str>) -> OpenedSource {
        let select = select.map(|name| RefSelector::Name(name.to_owned()));
        OpenedSource {
            select,
            ..local("./cache", self.cache.path())
        }
    }

    /// The build of `now`, explained by the cache of `before` at the start of the program.
    fn explained(&self, before: &str, now: &str, size: (u16, u16)) -> Journey {
        Journey::explaining(
            self.evidence(before, now),
            vec![self.source(Some(before))],
            size,
        )
    }
}

/// A step that runs now has no record in the ref: it is found by its name.
#[test]
fn it_stands_on_the_step_from_which_it_was_asked() {
    let shop = History::of("shop");
    let mut journey = Journey::new(vec![shop.source(None)], USUAL);
    journey.press("enter / 'c06 enter w");
    journey.press(&format!("'{} enter", shop.file("provenance/c07.json")));
    journey.press("enter");
    journey.shows_in("▸", "FROM");
    journey.press("q enter / 'npm enter w");
    let line = journey.line("▸");
    assert!(line.contains("RUN npm"), "{}", journey.screen());
}

/// The screen without the line that contains paths of the test.
fn screen(journey: &Journey) -> String {
    let screen = journey.screen();
    screen
        .lines()
        .filter(|line| !line.contains("context "))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn results_that_were_dropped_in_the_least_room() {
    let shop = History::of("shop");
    insta::assert_snapshot!(screen(&shop.explained("c07", "c08", LEAST)), @r"
     ./cache › c07 › why          16 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       0.6s lost  6 ✓ hit  9 ✗ miss  build provenance/c08.json…
       1  RUN go build -trimpath ./api :16: its command
          changed: `go build ./api` became `go build
          -trimpath ./api`
          … A shows 7 more lines
    ────────────────────────────────────────────────────────────
       STEP▴                                 LINE  WHY
       ✗ miss    COPY go.mod ./                13  2 result-dro…
       ✗ miss    RUN go mod download           14  2 result-dro…
       ✗ miss    COPY api ./api                15  2 result-dro…
    ▸  ✗ miss  ▸ RUN go build -trimpath ./…    16  1 command
    ─────────────────────────────────────────────────── 11/12 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because …
     enter open  A causes  T stages  right unfold  left fold
    ");
}

#[test]
fn results_that_were_dropped() {
    let shop = History::of("shop");
    let mut journey = shop.explained("c07", "c08", USUAL);
    insta::assert_snapshot!(screen(&journey), @r"
     ./cache › c07 › why                              16 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       0.6s lost  6 ✓ hit  9 ✗ miss  build provenance/c08.json, logs/c08.rawjson ·…
       1  RUN go build -trimpath ./api :16: its command changed: `go build
          ./api` became `go build -trimpath ./api`
          0.4s lost · 4 later steps re-run because of it
       2  WORKDIR /src :12 and 3 more steps, each: the cache holds its key but
          no longer its result; `c04`, `c03`, `c02` and 1 more of the same
          source still have it
          0.2s lost  → import `c04`, or run the step again and export
    ────────────────────────────────────────────────────────────────────────────────
       STEP▴                                          LINE    TIME  WHY
       ✓ hit     COPY package.json package-lock.jso…     3       –
       ✓ hit     RUN npm ci                              4       –
       ✓ hit     COPY web ./web                          7       –
       ✓ hit     RUN npm run build                       9    0.5s
       ✗ miss    WORKDIR /src                           12    0.0s  2 result-dropped
       ✗ miss    COPY go.mod ./                         13    0.0s  2 result-dropped
       ✗ miss    RUN go mod download                    14    0.1s  2 result-dropped
       ✗ miss    COPY api ./api                         15    0.1s  2 result-dropped
    ▸  ✗ miss  ▸ RUN go build -trimpath ./api  +4       16    0.2s  1 command
    ─────────────────────────────────────────────────────────────────────── 11/12 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  n evidence  / filter
    ");
    insta::assert_snapshot!(screen(journey.press("A")), @r"
    ╭ Details ─────────────────────────────────────────────────────────────────────╮
    │ 1                                                                            │
    │ RUN go build -trimpath ./api :16: its command changed: `go build ./api`      │
    │ became `go build -trimpath ./api`                                            │
    │ 0.4s lost · 4 later steps re-run because of it                               │
    │                                                                              │
    │ 2                                                                            │
    │ WORKDIR /src :12 and 3 more steps, each: the cache holds its key but no      │
    │ longer its result; `c04`, `c03`, `c02` and 1 more of the same source still   │
    │ have it                                                                      │
    │ 0.2s lost  → import `c04`, or run the step again and export                  │
    │ · WORKDIR /src :12                                                           │
    │ · COPY go.mod ./ :13                                                         │
    │ · RUN go mod download :14                                                    │
    │ · COPY api ./api :15                                                         │
    │                                                                              │
    │ Evidence                                                                     │
    │ build      tests/fixtures/shop/provenance/c08.json                           │
    │ build      tests/fixtures/shop/logs/c08.rawjson                              │
    │ baseline   tests/fixtures/shop/provenance/c07.json                           │
    ╰──────────────────────────────────────────────────────────────────────────────╯
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     esc close
    ");
}

#[test]
fn results_that_were_dropped_with_details_beside() {
    let shop = History::of("shop");
    insta::assert_snapshot!(screen(shop.explained("c07", "c08", LARGE).press("G k l")), @r"
     ./cache › c07 › why                                                                      16 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       1  RUN go build -trimpath ./api :16: its command changed: `go build ./api` became `go build -trimpath ./api`
          0.4s lost · 4 later steps re-run because of it
       2  WORKDIR /src :12 and 3 more steps, each: the cache holds its key but no longer its result; `c04`, `c03`, `c02`
          and 1 more of the same source still have it
          0.2s lost  → import `c04`, or run the step again and export
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       STEP▴                                             LINE    TIME  WHY              │ RUN go build -trimpath ./api
       ·         FROM 127.0.0.1:5055/base:latest AS de…     1    0.1s                   │ Dockerfile:16 · stage api
       ✓ hit     WORKDIR /app                               2       –                   │
       ✓ hit     COPY package.json package-lock.json ./     3       –                   │ verdict    ✗ it ran, as the log
       ✓ hit     RUN npm ci                                 4       –                   │            says
       ✓ hit     COPY web ./web                             7       –                   │ in cache   nothing of it
       ✓ hit     RUN npm run build                          9    0.5s                   │ took       0.2s
       ✗ miss    WORKDIR /src                              12    0.0s  2 result-dropped │
       ✗ miss    COPY go.mod ./                            13    0.0s  2 result-dropped │ Why
       ✗ miss    RUN go mod download                       14    0.1s  2 result-dropped │ its command changed: `go build
       ✗ miss    COPY api ./api                            15    0.1s  2 result-dropped │ ./api` became `go build -trimpath
    ▸  ✗ miss  ▾ RUN go build -trimpath ./api              16    0.2s  1 command        │ ./api`
       ✗ miss    └ COPY --from=api /src/bin /usr/local…    24    0.1s  ↑ 1              │
       ✗ miss    └ COPY --from=web /app/dist /srv          25    0.1s  ↑ 1              │ The instruction
       ✗ miss    └ COPY --from=test /report.txt /srv/r…    26    0.1s  ↑ 1              │ − RUN go build ./api
       ✗ miss    └ COPY assets /srv/assets                 27    0.0s  ↑ 1              │ + RUN go build -trimpath ./api
       ✓ hit     RUN npm test && echo ok > /report.txt     20    0.3s                   │
                                                                                        │ Runs because of it
                                                                                        │ COPY --from=api /src/bin
                                                                                        │ /usr/local/bin :24
                                                                                        │ COPY --from=web /app/dist /srv
                                                                                        │ :25
                                                                                        │ COPY --from=test /report.txt
                                                                                        │ /srv/report.txt :26
                                                                                        │ COPY assets /srv/assets :27
                                                                                        │
                                                                                        │ Keys
                                                                                        │ … tab scrolls, i shows all
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── 11/16 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  n evidence  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn results_that_were_dropped_with_room_for_all() {
    let shop = History::of("shop");
    insta::assert_snapshot!(screen(shop.explained("c07", "c08", HUGE).press("j j j j j j j")), @r"
     ./cache › c07 › why                                                                                                                                                      16 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       1  RUN go build -trimpath ./api :16: its command changed: `go build ./api` became `go build -trimpath ./api`                   ████████████████████████████████████████████████████████████    0.4s
          0.4s lost · 4 later steps re-run because of it
       2  WORKDIR /src :12 and 3 more steps, each: the cache holds its key but no longer its result; `c04`, `c03`, `c02` and 1 more of the same source still have it
          0.2s lost  → import `c04`, or run the step again and export
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       STEP▴                                                                LINE  IN CACHE        TIME  WHY                 │ RUN npm test && echo ok > /report.txt
       ·         FROM 127.0.0.1:5055/base:latest AS deps                       1  key only        0.1s                      │ Dockerfile:20 · stage test
       ✓ hit     WORKDIR /app                                                  2  result             –                      │
       ✓ hit     COPY package.json package-lock.json ./                        3  result             –                      │ verdict    ✓ it did not run, as the log says
       ✓ hit     RUN npm ci                                                    4  result             –                      │ in cache   its result, which can be loaded
       ✓ hit     COPY web ./web                                                7  result             –                      │ took       0.3s
       ✓ hit     RUN npm run build                                             9  result          0.5s                      │
       ✗ miss    WORKDIR /src                                                 12  key only        0.0s  2 result-dropped    │ Keys
       ✗ miss    COPY go.mod ./                                               13  key only        0.0s  2 result-dropped    │ operation  sha256:53d126a3d73c061bc29cd131b011deee05ccb34a3a74abc9d5e6491373f
       ✗ miss    RUN go mod download                                          14  key only        0.1s  2 result-dropped    │            169fc
       ✗ miss    COPY api ./api                                               15  key only        0.1s  2 result-dropped    │ vertex     sha256:96f8f7cf53472346f6cf83776814519460fc1e86645d9a7d0900156ec79
       ✗ miss  ▾ RUN go build -trimpath ./api                                 16  –               0.2s  1 command           │            0de0c
       ✗ miss    └ COPY --from=api /src/bin /usr/local/bin                    24  –               0.1s  ↑ 1                 │
       ✗ miss    └ COPY --from=web /app/dist /srv                             25  –               0.1s  ↑ 1                 │
       ✗ miss    └ COPY --from=test /report.txt /srv/report.txt               26  –               0.1s  ↑ 1                 │
       ✗ miss    └ COPY assets /srv/assets                                    27  –               0.0s  ↑ 1                 │
    ▸  ✓ hit     RUN npm test && echo ok > /report.txt                        20  result          0.3s                      │
                                                                                                                            │
                                                                                                                            │
    ─── stages: ✗1 first miss of cause 1  ✗↑1 because of it  ✓ hit  █ time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
            ╭──────────────────────────────────╮
            │                                  │   ╭─────────────────────────────────────────────────────────────────────────┬──────────────────────────────────────╮
            │                                  │   │                                      ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╋━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┫
            │                                  │   │                                      ┃                                  │   ╭──────────────────────────────────┫
            │                                  ▾   │                                      ┃                                  ▾   │                                  ▾
       deps                               ✓   web                                ✓   api                        ✗ 5  0.4s   test                               ✓   final                      ✗ 4  0.2s
       ────────────────────────────────────   ────────────────────────────────────   ────────────────────────────────────   ────────────────────────────────────   ────────────────────────────────────
       ·   FROM 127.0.0.1:5055/base:latest…   ✓   COPY web ./web                     ✗2  WORKDIR /src                       ✓   RUN npm test && echo ok > /repo…   ✗↑1 COPY --from=api /src/bin /usr/l…
       │   ████████▌ 0.1s                     │                                      ┃   the cache holds its key but no …       ██████████████████▋ 0.3s           ┃   ███▌ 0.1s
       │                                      ✓   RUN npm run build                  ┃   █ 0.0s                                                                    ┃
       ✓   WORKDIR /app                           ███████████████████████████ 0.5s   ┃                                                                             ✗↑1 COPY --from=web /app/dist /srv
       │                                                                             ✗2  COPY go.mod ./                                                            ┃   ███▌ 0.1s
       ✓   COPY package.json package-lock.…                                          ┃   the cache holds its key but no …                                          ┃
       │                                                                             ┃   █ 0.0s                                                                    ✗↑1 COPY --from=test /report.txt /s…
       ✓   RUN npm ci                                                                ┃                                                                             ┃   ███▊ 0.1s
                                                                                     ✗2  RUN go mod download                                                       ┃
                                                                                     ┃   the cache holds its key but no …                                          ✗↑1 COPY assets /srv/assets
                                                                                     ┃   ███████ 0.1s                                                                  █▉ 0.0s
                                                                                     ┃
                                                                                     ✗2  COPY api ./api
                                                                                     ┃   the cache holds its key but no …
                                                                                     ┃   ███ 0.1s
                                                                                     ┃
                                                                                     ✗1  RUN go build -trimpath ./api
                                                                                         its command changed: `go build …
                                                                                         ██████████ 0.2s



    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 16/16 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  n evidence  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

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
      │ build     its record, provenance, log, image, or its command             │
      │ ›                                                                        │
      │ baseline  the same of an earlier build: what changed since               │
      │ context   the folder, or NAME=FOLDER: which files changed                │
      │                                                                          │
      │ docker buildx history export -o run.dockerbuild  writes a build record,  │
      │ which has it all                                                         │
      │ docker buildx imagetools inspect IMAGE --format '{{json                  │
      │ .Provenance.SLSA}}' > provenance.json  that of an image                  │
      ╰──────────────────────────────────────────────────────────────────────────╯






    ────────────────────────────────────────────────────────────────────────────────
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter add, go on  tab complete  down next  up previous  ctrl-p before
    ");
    journey.press("'tests/fixtures/shop/prov tab");
    assert!(
        journey
            .screen()
            .contains("› tests/fixtures/shop/provenance/ "),
        "{}",
        journey.screen()
    );
    journey.press("tab");
    assert!(
        journey
            .screen()
            .contains("› tests/fixtures/shop/provenance/c "),
        "{}",
        journey.screen()
    );
    journey.shows("c01.json  c02.json");
    journey.press("'08.json enter");
    journey.shows_in("✓ tests", "c08.json  provenance, 18 steps");
    journey.press("'tests/fixtures/shop/logs/c08.rawjson enter down 'tests/fixtures/shop/provenance/c07.json enter");
    journey.press(&format!("down '{} enter", shop.tree("c08").display()));
    assert!(
        journey
            .screen()
            .contains("the main context, with a .dockerignore"),
        "{}",
        journey.screen()
    );
    journey.press("enter");
    assert!(
        journey
            .screen()
            .contains("1  RUN go build -trimpath ./api :16: its command changed"),
        "{}",
        journey.screen()
    );
    // The same evidence explains another ref, and names its steps.
    journey.press("q / ctrl-u 'c06 enter w");
    journey.shows_in("› why", "c06 › why");
    journey.shows("✗ miss");
    journey.press("q enter");
    let named = "named from tests/fixtures/shop/provenance/c08.json and 2 more";
    journey.shows(named);
    // Earlier input is recalled.
    journey.press("n up ctrl-p ctrl-p");
    assert!(
        journey
            .screen()
            .contains("│ › tests/fixtures/shop/provenance/c07.json"),
        "{}",
        journey.screen()
    );
}

#[test]
fn evidence_that_is_none_is_said_to_be_none() {
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
        assert!(
            journey.line("! ").contains(fault),
            "{path}\n{}",
            journey.screen()
        );
    }
    // The options of a build are evidence, to which a build command or a Dockerfile adds the steps.
    let options = write("min.json", br#"{"buildType":"x"}"#);
    journey.press(&format!("ctrl-u '{options} enter"));
    journey.shows("options of a build, no steps (mode=min)");
    journey.press("ctrl-u down down 'README.md enter");
    journey.shows_in("! ", "it is no directory");
    journey.press("esc");
    insta::assert_snapshot!(journey.resize(80, 24).screen(), @r"
     ./cache › refs                          15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████████████████ 1.9 MiB  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────
       REF                 AGE▴     SIZE          ONLY HERE  LAYERS  STEPS
    ▸  c15             12h 52m  95.9 KiB  █░        6.0 KiB       6     4 ✓  11 ○
       c14             12h 52m   237 KiB  ██░░░    97.1 KiB      17    15 ✓
       c13             12h 53m   237 KiB  ███░░░    140 KiB      17    15 ✓
       c12             12h 53m   206 KiB  █░░░░    41.1 KiB      15    13 ✓   2 ○
       c11             12h 53m   237 KiB  █░░░░    72.4 KiB      17    15 ✓
       c10             12h 53m   237 KiB  ████░     190 KiB      17    15 ✓
       c09             12h 53m   174 KiB  █░░░     33.8 KiB      12    10 ✓   5 ○
       c08             12h 53m   237 KiB  █░░░░    72.6 KiB      17    15 ✓
       c07             12h 53m   174 KiB  █░░░      9.2 KiB      12    10 ✓   5 ○
       c06             12h 53m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○
       c05             12h 54m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○
       c04             12h 54m   237 KiB  ██░░░     110 KiB      17    15 ✓
       c03             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
       c02             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
       c01             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
    ──────────────────────────────────────────────────────────────────────── 1/15 ──
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap
    ");
}

#[test]
fn a_log_alone_tells_no_steps() {
    let shop = History::of("shop");
    let evidence = NamedEvidence::new(vec![shop.file("logs/c08.rawjson")], Vec::new(), Vec::new());
    let journey = Journey::explaining(evidence, vec![shop.source(Some("c07"))], USUAL);
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c07 › why                   1 piece of evidence · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────

       STEP▴                                       LINE     TIME  WHY

       ! the evidence does not describe the build's steps
       give its provenance (mode=max), its build record, or its LLB definition

       n changes the evidence, r tries again












    ────────────────────────────────────────────────────────────────────────────────
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  n evidence  / filter
    ");
}

#[test]
fn what_is_open_says_what_settles_it() {
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
    assert!(
        journey
            .screen()
            .contains("│ the files that it takes are not given"),
        "{}",
        journey.screen()
    );
    let settles = "16 steps are undecided; n takes what settles them: the context as a folder, a log of the build";
    journey.shows(settles);
}

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
        "path,kind,detail\nsrc/alias.rs,link-target,main.rs → lib/mod.rs\n"
    );
}

#[test]
fn steps_fold_are_filtered_copied_and_written_down() {
    let shop = History::of("shop");
    let mut journey = shop.explained("c07", "c08", LARGE);
    journey.press("G k");
    journey.shows_in("▸  ✗", "▸ RUN go build -trimpath");
    journey.hides("└ COPY assets");
    journey.press("l j j");
    journey.shows_in("▸  ✗", "└ COPY --from=web");
    journey.press("h");
    journey.shows_in("▸  ✗", "▾ RUN go build");
    journey.press("h");
    journey.hides("└ COPY assets");
    journey.press("/ 'state:miss enter");
    assert!(
        journey
            .screen()
            .contains("9 of 16 steps · filter state:miss"),
        "{}",
        journey.screen()
    );
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("why.json");
    journey
        .press("e ctrl-u")
        .press(&format!("'{} enter", path.display()));
    let written: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let rows = written["rows"].as_array().unwrap();
    let of = |field: &str| {
        rows.iter()
            .map(|row| row[field].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows.len(), 9);
    assert!(
        of("verdict").iter().all(|verdict| verdict == "\"miss\""),
        "{rows:?}"
    );
    assert_eq!(of("root").iter().filter(|root| *root == "true").count(), 5);
    assert_eq!(rows[4]["name"], "RUN go build -trimpath ./api");
    assert_eq!(
        (&rows[4]["cause"], &rows[4]["line"]),
        (&"command".into(), &16.into())
    );
    journey.press("esc s down down down enter");
    journey.shows("TIME▾");
    journey.press("/ 'trimpath enter y");
    let copied = "Dockerfile:16 RUN go build -trimpath ./api: its command changed: `go build ./api` became `go build -trimpath ./api`";
    assert_eq!(journey.copied(), Some(copied));
}

#[test]
fn an_explanation_is_stopped_and_begun_again() {
    let shop = History::of("shop");
    let mut journey =
        Journey::explaining(shop.evidence("c07", "c08"), vec![shop.source(None)], USUAL);
    // The first `w` has evidence from the command line.
    journey.press("enter / 'c07 enter");
    journey.press_at_once("w esc");
    journey.shows("It was stopped; r begins again.");
    journey.press("r");
    journey.shows("its command changed");
    // An existing result stays, even if a job is stopped.
    journey.press_at_once("r esc");
    journey.shows("its command changed");
    // Keys are answered during an explanation, and leaving the screen ends it.
    journey.press_at_once("r j j q");
    journey.shows_in("› refs", "./cache");
}

#[test]
fn the_record_of_a_build_names_its_cache() {
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
    insta::assert_snapshot!(journey.screen(), @r"
     the caches of a build › why                   ./cache#c02 · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       0.1s lost  4 ✓ hit  2 ✗ miss  build dockerbuild/c03.dockerbuild · baseline …
       1  RUN go build -race :6: its command changed: `go build` became `go
          build -race`
          0.1s lost · 1 later step re-runs because of it
       ·  the files of the context `context` are not given: --context DIR, or
          --context NAME=DIR, does
    ────────────────────────────────────────────────────────────────────────────────
       STEP▴                                             LINE    TIME  WHY
       ·         FROM 127.0.0.1:5055/base:latest AS bu…     1    0.0s
       ✓ hit     WORKDIR /src                               2       –
       ✓ hit     COPY go.mod ./                             3       –
       ✓ hit     RUN go mod download                        4       –
       ✓ hit     COPY main.go ./                            5    0.2s
    ▸  ✗ miss  ▸ RUN go build -race  +1                     6    0.1s  1 command





    ───────────────────────────────────────────────────────────────────────── 6/6 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  n evidence  / filter
    ");
    journey.press("q");
    journey.shows("Open the demo");
    // An unreachable cache is reported.
    let journey = Journey::explaining(given(), Vec::new(), USUAL);
    journey.shows("! type=registry,");
    assert!(
        journey
            .screen()
            .contains("n changes the evidence, r tries again"),
        "{}",
        journey.screen()
    );
    // From the list of sources, the UI prompts for the record.
    let mut journey = Journey::recorded(NamedEvidence::default(), mini.source(Some("c02")), USUAL);
    journey
        .press("d")
        .press("w")
        .press(&format!("'{record} enter"));
    journey.shows_in("✓ …ini", "build record, provenance, log, name…");
    journey.press("enter");
    journey.shows("1  RUN go build -race :6");
}

/// Finds the files of the steps in a statement.
fn infos(value: &mut Value) -> Option<&mut Value> {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("infos") {
                fields.get_mut("infos")
            } else {
                fields.values_mut().find_map(infos)
            }
        }
        Value::Array(items) => items.iter_mut().find_map(infos),
        _ => None,
    }
}

/// The provenance of a build whose Dockerfile contains terminal control sequences.
fn steering_provenance() -> Vec<u8> {
    let text = fs::read_to_string("tests/fixtures/shop/provenance/c08.json").unwrap();
    let mut statement: Value = serde_json::from_str(&text).unwrap();
    let info = &mut infos(&mut statement).unwrap()[0];
    let file = String::from_utf8(STANDARD.decode(info["data"].as_str().unwrap()).unwrap()).unwrap();
    let file = file
        .replace("RUN ", "RUN \u{1b}[2J\u{1b}]0;x\u{7}\u{202e}")
        .replace("COPY ", "COPY 漢\u{301}\u{301}\u{200b} ");
    info["data"] = STANDARD.encode(file).into();
    info["filename"] = "Dock\u{1b}[31mer\nfile".into();
    statement.to_string().into_bytes()
}

#[test]
fn evidence_never_steers_the_terminal() {
    let shop = History::of("shop");
    let folder = TempDir::new().unwrap();
    let provenance = folder.path().join("\u{1b}[31mbuild\u{202e}.json");
    fs::write(&provenance, steering_provenance()).unwrap();
    let web = shop.tree("c08").join("web");
    for name in [
        &b"\x1b[2Jwipe"[..],
        b"two\nlines",
        "gpj.\u{202e}exe".as_bytes(),
        b"\xff\xfe",
        &[b'x'; 250],
    ] {
        fs::write(web.join(Path::new(std::ffi::OsStr::from_bytes(name))), "x").unwrap();
    }
    let evidence = || {
        let mut given = shop.evidence("c07", "c08");
        given.items[0].text = provenance.to_string_lossy().into_owned();
        given
    };
    for size in [LEAST, USUAL, LARGE] {
        let mut journey = Journey::explaining(evidence(), vec![shop.source(Some("c07"))], size);
        for keys in [
            "",
            "c",
            "esc j j j j enter",
            "i",
            "esc q",
            "G l",
            "i",
            "esc y n",
            "esc q enter",
        ] {
            journey.press(keys);
            for cell in journey.buffer().content() {
                assert!(
                    !cell.symbol().chars().any(must_be_written_out),
                    "{:?}\n{}",
                    cell.symbol(),
                    journey.screen()
                );
            }
            for line in journey.screen().lines() {
                assert!(
                    unicode_width::UnicodeWidthStr::width(line) <= usize::from(size.0),
                    "{line:?}"
                );
            }
        }
    }
    // Without the log, the current files are the evidence.
    let mut given = evidence();
    given.items.remove(1);
    let mut journey = Journey::explaining(given, vec![shop.source(Some("c07"))], USUAL);
    journey.press("g j j j j");
    journey.shows_in("▸  ✗", "COPY 漢");
    journey.press("enter");
    for shown in ["web/␛[2Jwipe", "web/two␊lines", "web/gpj.<U+202E>exe"] {
        journey.line(shown);
    }
}
