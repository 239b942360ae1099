//! An explanation, drawn at four sizes: completely at the small ones, and the region that uses the
//! room at the large ones.

use super::{HUGE, History, LARGE, LEAST, USUAL, screen};
use crate::support::journey::region;

#[test]
fn results_that_were_dropped_in_the_least_room() {
    let shop = History::of("shop");
    insta::assert_snapshot!(screen(&shop.explained("c07", "c08", LEAST)), @r"
     ./cache › c07 › why          16 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       0.6s lost  6 ✓ hit  9 ✗ miss  build provenance/c08.json…
       1  RUN go build -trimpath ./api  Dockerfile:16  ·
          its command changed: `go build ./api` became `go
          build -trimpath ./api`
          … A shows 7 more lines
    ────────────────────────────────────────────────────────────
       STEP▴                                 LINE  WHY
       ✗ miss    COPY go.mod ./                13  2 result-dr…
       ✗ miss    RUN go mod download           14  2 result-dr…
       ✗ miss    COPY api ./api                15  2 result-dr…▐
    ▸  ✗ miss  ▸ RUN go build -trimpath ./…    16  1 command
    ─────────────────────────────────────────────────── 11/12 ──
     ✓ in the cache  ✗ runs  ? undecided  · source …
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
       1  RUN go build -trimpath ./api  Dockerfile:16  ·  its command changed:
          `go build ./api` became `go build -trimpath ./api`
          4 later steps re-run because of it (0.4s lost).
       2  WORKDIR /src  Dockerfile:12 and 3 more steps  ·  the cache holds its
          key but no longer its result; `c04`, `c03`, `c02` and 1 more of the
          same source still have it
          0.2s lost. Fix: import `c04`, or run the step again and export
    ────────────────────────────────────────────────────────────────────────────────
       STEP▴                                          LINE    TIME  WHY
       ✓ hit     COPY package.json package-lock.jso…     3       –
       ✓ hit     RUN npm ci                              4       –
       ✓ hit     COPY web ./web                          7       –                 ▐
       ✓ hit     RUN npm run build                       9    0.5s                 ▐
       ✗ miss    WORKDIR /src                           12    0.0s  2 result-dropp…▐
       ✗ miss    COPY go.mod ./                         13    0.0s  2 result-dropp…▐
       ✗ miss    RUN go mod download                    14    0.1s  2 result-dropp…▐
       ✗ miss    COPY api ./api                         15    0.1s  2 result-dropp…▐
    ▸  ✗ miss  ▸ RUN go build -trimpath ./api  +4       16    0.2s  1 command
    ─────────────────────────────────────────────────────────────────────── 11/12 ──
     ✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that
     enter open  A causes  T stages  right unfold  left fold  B evidence  / filter
    ");
    insta::assert_snapshot!(screen(journey.press("A")), @r"
    ╭ Details ─────────────────────────────────────────────────────────────────────╮
    │ 1                                                                            │
    │ RUN go build -trimpath ./api  Dockerfile:16  ·  its command changed: `go     │
    │ build ./api` became `go build -trimpath ./api`                               │
    │ 4 later steps re-run because of it (0.4s lost).                              │
    │                                                                              │
    │ 2                                                                            │
    │ WORKDIR /src  Dockerfile:12 and 3 more steps  ·  the cache holds its key but │
    │ no longer its result; `c04`, `c03`, `c02` and 1 more of the same source      │
    │ still have it                                                                │
    │ 0.2s lost. Fix: import `c04`, or run the step again and export               │
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
fn results_that_were_dropped_next_to_details() {
    let shop = History::of("shop");
    insta::assert_snapshot!(region(&screen(shop.explained("c07", "c08", LARGE).press("G k l")), 8..36, 0), @r"
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
                                                                                        │ … tab scrolls, i shows all
    ");
}

#[test]
fn results_that_were_dropped_with_room_for_all() {
    let shop = History::of("shop");
    insta::assert_snapshot!(region(&screen(shop.explained("c07", "c08", HUGE).press("j j j j j j j")), 2..26, 0), @r"
       1  RUN go build -trimpath ./api  Dockerfile:16  ·  its command changed: `go build ./api` became `go build -trimpath ./api`     ████████████████████████████████████████████████████████████    0.4s
          4 later steps re-run because of it (0.4s lost).
       2  WORKDIR /src  Dockerfile:12 and 3 more steps  ·  the cache holds its key but no longer its result; `c04`, `c03`, `c02` and 1 more of the same source still have it
          0.2s lost. Fix: import `c04`, or run the step again and export
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
    ");
}
