//! The stage graph of an explained build.

use cachelens::source::RefSelector;
use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use cachelens::tui::message::Event;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

/// A build of the shop, explained by the cache of the commit before it.
fn explained(before: &str, now: &str, size: (u16, u16)) -> ([TempDir; 2], Journey) {
    let shop = Fixture::named("shop");
    let cache = shop.layout("local.json");
    let trees = shop.trees();
    let file = |path: String| format!("tests/fixtures/shop/{path}");
    let context = trees.path().join("tree").join(now);
    let evidence = NamedEvidence::new(
        vec![
            file(format!("provenance/{now}.json")),
            file(format!("logs/{now}.rawjson")),
        ],
        vec![file(format!("provenance/{before}.json"))],
        vec![context.to_string_lossy().into_owned()],
    );
    let source = OpenedSource {
        select: Some(RefSelector::Name(before.to_owned())),
        ..local("./cache", cache.path())
    };
    let journey = Journey::explaining(evidence, vec![source], size);
    ([cache, trees], journey)
}

/// The lines of the screen from the names of the stages on.
fn graph(journey: &Journey) -> String {
    let screen = journey.screen();
    let lines = screen.lines();
    let lines = lines.skip_while(|line| !line.contains("stages:"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_stages_at_60() {
    let (_folders, mut journey) = explained("c06", "c07", (60, 16));
    insta::assert_snapshot!(journey.press("T").screen(), @r"
     ./cache › c06 › why          16 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       0.7s lost  7 ✓ hit  8 ✗ miss  build provenance/c07.json…
       1  package-lock.json changed  ·  COPY package.json
          … A shows 2 more lines
    ────────────────────────────────────────────────────────────
    ─── stages: ✗1 first miss of cause 1  ✗↑1 because of it  ✓…─
       deps             ✗ 2  0.2s   web              ✗ 2   3 ›
       ──────────────────────────   ──────────────────────────
       ·   FROM 127.0.0.1:5055/b…   ✗↑1 COPY web ./web    0.1s
       ✓   WORKDIR /app      0.2s   ✗↑1 RUN npm run build 0.2s
       ✗1  COPY package.json pac…
       ✗↑1 RUN npm ci        0.1s
    ──────────────────────────────────────────────────── 3/16 ──
     ✓ in the cache  ✗ runs  ? undecided  · source …
     enter open  A causes  T stages  right unfold  left fold
    ");
}

#[test]
fn the_stages_at_80() {
    let (_folders, mut journey) = explained("c06", "c07", (80, 24));
    insta::assert_snapshot!(graph(journey.press("T")), @r"
    ─── stages: ✗1 first miss of cause 1  ✗↑1 because of it  ✓ hit  █ time ─────────
            ┏━━━━━━━━━━━━━━━━━━━━━┓                                            2 ›
            ┃                     ▾
       deps          ✗ 2  0.2s   web           ✗ 2  0.3s   api                   ✓
       ───────────────────────   ───────────────────────   ───────────────────────
       ·   FROM 127.0.0.1:505…   ✗↑1 COPY web ./web 0.1s   ✓   WORKDIR /src
       ✓   WORKDIR /app   0.2s   ✗↑1 RUN npm run build     ✓   COPY go.mod ./
       ✗1  COPY package.json …                             ✓   RUN go mod download
       ✗↑1 RUN npm ci     0.1s                             ✓   COPY api ./api
                                                           ✓   RUN go build ./api




    ──────────────────────────────────────────────────────────────────────── 3/16 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  B evidence  / filter
    ");
}

#[test]
fn the_stages_at_120() {
    let (_folders, mut journey) = explained("c06", "c07", (120, 40));
    insta::assert_snapshot!(graph(journey.press("T")), @r"
    ─── stages: ✗1 first miss of cause 1  ✗↑1 because of it  ✓ hit  █ time ──────────── │ COPY package.json
            ┏━━━━━━━━━━━━━━━━━━━━━━┓                                              2 ›   │ package-lock.json ./
            ┃                      ▾                                                    │ Dockerfile:3 · stage deps
       deps           ✗ 2  0.2s   web            ✗ 2  0.3s   api                    ✓   │
       ────────────────────────   ────────────────────────   ────────────────────────   │ verdict    ✗ it ran, as the log
       ·   FROM                   ✗↑1 COPY web ./web         ✓   WORKDIR /src           │            says
       │   127.0.0.1:5055/base:   ┃   not cached · 217 B     │   line 12 · key only     │ in cache   nothing of it
       │   line 1 · key only      ┃   because of COPY pac…   │                          │ took       0.0s
       │   ██ 0.0s                ┃   ██████▎ 0.1s           ✓   COPY go.mod ./         │
       │                          ┃                          │   line 13 · key only     │ Why
       ✓   WORKDIR /app           ✗↑1 RUN npm run build      │                          │ files changed: package-lock.json
       │   result · 92 B              not cached · 12.2 K…   ✓   RUN go mod download    │
       │   ██████████████▊ 0.2s       because of COPY pac…   │   line 14 · key only     │ 1 file
       │                              █████████████ 0.2s     │                          │ ~ package-lock.json  content 22
       ✗1  COPY package.json                                 ✓   COPY api ./api         │ bytes → 36 bytes
       ┃   package-lock.json ./                              │   line 15 · key only     │
       ┃   not cached · 216 B                                │                          │ Runs because of it
       ┃   files changed:                                    ✓   RUN go build ./api     │ RUN npm ci :4
       ┃   package-lock.json                                     line 16 · key only     │ COPY web ./web :7
       ┃   █▌ 0.0s                                                                      │ RUN npm run build :9
       ┃                                                                                │ RUN npm test && echo ok >
       ✗↑1 RUN npm ci                                                                   │ /report.txt :20
           not cached · 49.9 K…                                                         │ COPY --from=web /app/dist /srv
           because of COPY pac…                                                         │ :25
           ██████████▌ 0.1s                                                             │ COPY --from=test /report.txt
                                                                                        │ /srv/report.txt :26
                                                                                        │ COPY assets /srv/assets :27
                                                                                        │
                                                                                        │ Keys
                                                                                        │ operation  sha256:88e7ed0baa95a1e
                                                                                        │ … tab scrolls, i shows all
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 3/16 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  B evidence  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn the_stages_below_the_steps_at_200() {
    let (_folders, journey) = explained("c06", "c07", (200, 60));
    insta::assert_snapshot!(graph(&journey), @r"
    ─── stages: ✗1 first miss of cause 1  ✗↑1 because of it  ✓ hit  █ time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
            ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
            ┃                                  ┃   ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
            ┃                                  ┃   ┃                                      ╭──────────────────────────────────╋──────────────────────────────────────┫
            ┃                                  ┃   ┃                                      │                                  ┃   ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┫
            ┃                                  ▾   ┃                                      │                                  ▾   ┃                                  ▾
       deps                       ✗ 2  0.2s   web                        ✗ 2  0.3s   api                                ✓   test                       ✗ 1  0.2s   final                      ✗ 3  0.1s
       ────────────────────────────────────   ────────────────────────────────────   ────────────────────────────────────   ────────────────────────────────────   ────────────────────────────────────
       ·   FROM 127.0.0.1:5055/base:latest    ✗↑1 COPY web ./web                     ✓   WORKDIR /src                       ✗↑1 RUN npm test && echo ok >          ✓   COPY --from=api /src/bin
       │   AS deps                            ┃   line 7 · not cached · 217 B        │   line 12 · key only                     /report.txt                        │   /usr/local/bin
       │   line 1 · key only                  ┃   because of COPY package.json pa…   │                                          line 20 · not cached · 12.3 KiB    │   line 24 · result · 30.2 KiB
       │   ███▋ 0.0s                          ┃   ███████████▍ 0.1s                  ✓   COPY go.mod ./                         because of COPY package.json pa…   │   █████████████▉ 0.1s
       │                                      ┃                                      │   line 13 · key only                     ███████████████████████████ 0.2s   │
       ✓   WORKDIR /app                       ✗↑1 RUN npm run build                  │                                                                             ✗↑1 COPY --from=web /app/dist /srv
       │   line 2 · result · 92 B                 line 9 · not cached · 12.2 KiB     ✓   RUN go mod download                                                       ┃   line 25 · not known · 12.2 KiB
       │   ██████████████████████████▌ 0.2s       because of COPY package.json pa…   │   line 14 · key only                                                        ┃   because of COPY package.json pa…
       │                                          ███████████████████████▌ 0.2s      │                                                                             ┃   ███████▉ 0.1s
       ✗1  COPY package.json                                                         ✓   COPY api ./api                                                            ┃
       ┃   package-lock.json ./                                                      │   line 15 · key only                                                        ✗↑1 COPY --from=test /report.txt
       ┃   line 3 · not cached · 216 B                                               │                                                                             ┃   /srv/report.txt
       ┃   files changed: package-lock.json                                          ✓   RUN go build ./api                                                        ┃   line 26 · not known · 139 B
       ┃   ██▊ 0.0s                                                                      line 16 · key only                                                        ┃   because of COPY package.json pa…
       ┃                                                                                                                                                           ┃   ████▍ 0.0s
       ✗↑1 RUN npm ci                                                                                                                                              ┃
           line 4 · not cached · 49.9 KiB                                                                                                                          ✗↑1 COPY assets /srv/assets
           because of COPY package.json pa…                                                                                                                            line 27 · not known · 164 B
           ███████████████████ 0.1s                                                                                                                                    because of COPY package.json pa…
                                                                                                                                                                       ███▏ 0.0s

    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 3/16 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  B evidence  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn keys_move_along_a_stage_and_between_stages() {
    let (_folders, mut journey) = explained("c06", "c07", (120, 40));
    let step = |journey: &mut Journey| {
        journey.press("y");
        journey.copied().unwrap().to_owned()
    };
    journey.press("T g");
    assert!(step(&mut journey).contains("FROM"), "{}", journey.screen());
    journey.press("down");
    assert!(step(&mut journey).contains("WORKDIR /app"));
    journey.press("right");
    assert!(step(&mut journey).contains("RUN npm run build"));
    journey.press("up");
    assert!(step(&mut journey).contains("COPY web ./web"));
    journey.press("left G");
    assert!(step(&mut journey).contains("RUN npm ci"));
    // The list stands on the same step, which is unfolded for that.
    journey.press("T");
    journey.shows_in("▸", "RUN npm ci");
    journey.shows("STEP▴");
}

#[test]
fn a_step_of_the_graph_opens_its_files_and_a_filter_shows_the_list() {
    let (_folders, mut journey) = explained("c06", "c07", (120, 40));
    journey.press("T g");
    let screen = journey.screen();
    let y = screen.lines().position(|line| line.contains("✗1  COPY"));
    let y = y.unwrap_or_else(|| panic!("no first miss in\n{screen}"));
    let line = screen.lines().nth(y).unwrap();
    let x = line[..line.find("✗1  COPY").unwrap()].chars().count();
    let click = Event::Click(u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
    journey.event(click.clone());
    journey.shows("stages:");
    journey.event(click);
    journey.shows_in("why › ", "COPY");
    journey.press("q");
    journey.shows("stages:");
    journey.press("/ 'npm enter");
    journey.shows("STEP▴");
    journey.shows_in("▸", "npm");
}
