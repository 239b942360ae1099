//! Steps with names, from the store and from a file, and without.

use super::{HUGE, LARGE, SMALL, USUAL, demo, open, shop};

#[test]
fn steps_named_by_the_store() {
    insta::assert_snapshot!(demo(SMALL).screen(), @r"
     demo › main                  15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       15 ✓  named from the store's provenance
       STEP▴                                      SIZE      AGE
    ▸    FROM 127.0.0.1:5055/base:latest AS…         –        –▐
       ▾ deps  3 steps                        50.2 KiB         ▐
         ✓ WORKDIR /app                           92 B  47d 18h▐
         ✓ COPY package.json package-lock.j…     216 B  47d 18h
         ✓ RUN npm ci                         49.9 KiB  47d 18h
       ▾ web  2 steps                         12.4 KiB
         ✓ COPY web ./web                        215 B    3h 6m
         ✓ RUN npm run build                  12.2 KiB    3h 6m
       ▾ api  5 steps                         60.8 KiB
    ──────────────────────────────────────────────────── 1/21 ──
     237 KiB in all · 109 KiB only here · made 3h 5m ago
     enter open  left fold  right unfold  w why  A all files
    ");
    insta::assert_snapshot!(demo(USUAL).screen(), @r"
     demo › main                                      15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  named from the store's provenance
       STEP▴                                        SIZE              AGE   ALSO IN
    ▸    FROM 127.0.0.1:5055/base:latest AS d…         –                –         –▐
       ▾ deps  3 steps                          50.2 KiB                           ▐
         ✓ WORKDIR /app                             92 B  ░       47d 18h    4 refs▐
         ✓ COPY package.json package-lock.jso…     216 B  ░       47d 18h    2 refs▐
         ✓ RUN npm ci                           49.9 KiB  ░░░░░░  47d 18h    2 refs▐
       ▾ web  2 steps                           12.4 KiB                           ▐
         ✓ COPY web ./web                          215 B  █         3h 6m         –▐
         ✓ RUN npm run build                    12.2 KiB  █         3h 6m         –▐
       ▾ api  5 steps                           60.8 KiB                           ▐
         ✓ WORKDIR /src                             92 B  █         3h 5m         –▐
         ✓ COPY go.mod ./                          147 B  █         3h 5m         –▐
         ✓ RUN go mod download                  30.2 KiB  ███       3h 5m         –▐
         ✓ COPY api ./api                          174 B  █         3h 6m         –▐
         ✓ RUN go build ./api                   30.2 KiB  ███       3h 5m         –
       ▾ test  1 step                           12.3 KiB
         ✓ RUN npm test && echo ok > /report.…  12.3 KiB  █         3h 6m         –
       ▾ final  4 steps                         42.7 KiB
    ──────────────────────────────────────────────────────────────────────── 1/21 ──
     237 KiB in all · 109 KiB only here · made 3h 5m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter
    ");
}

#[test]
fn steps_named_by_the_store_next_to_details() {
    insta::assert_snapshot!(demo(LARGE).press("G").screen(), @r"
     demo › main                                                                              15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       15 ✓  named from the store's provenance
       STEP▴                                        SIZE      AGE   ALSO IN │ COPY assets /srv/assets
         FROM 127.0.0.1:5055/base:latest AS d…         –        –         – │ Dockerfile:27 · stage final
       ▾ deps  3 steps                          50.2 KiB                    │
         ✓ WORKDIR /app                             92 B  47d 18h    4 refs │ state      ✓ its result can be loaded
         ✓ COPY package.json package-lock.jso…     216 B  47d 18h    2 refs │ created    3h 7m ago, 2026-11-22T08:52:45Z
         ✓ RUN npm ci                           49.9 KiB  47d 18h    2 refs │ key        sha256:89d21dcbb0839f0aa1e2b463fc8
       ▾ web  2 steps                           12.4 KiB                    │            180bf431c7d798d7560ae5aa4352a521b4
         ✓ COPY web ./web                          215 B    3h 6m         – │            b82
         ✓ RUN npm run build                    12.2 KiB    3h 6m         – │ named      by its key, as far as the keys of
       ▾ api  5 steps                           60.8 KiB                    │            its files are known
         ✓ WORKDIR /src                             92 B    3h 5m         – │
         ✓ COPY go.mod ./                          147 B    3h 5m         – │ Layer
         ✓ RUN go mod download                  30.2 KiB    3h 5m         – │ blob       sha256:0eb24bc6e7a33bfa22a67679761
         ✓ COPY api ./api                          174 B    3h 6m         – │            7c57f039d75d83d87ef56dc7ffc408d499
         ✓ RUN go build ./api                   30.2 KiB    3h 5m         – │            006
       ▾ test  1 step                           12.3 KiB                    │ unpacked   sha256:5e3d762d0677f6980a43c8f4fdd
         ✓ RUN npm test && echo ok > /report.…  12.3 KiB    3h 6m         – │            15d5812cfa639a7af1cce0f1acd3f0fc25
       ▾ final  4 steps                         42.7 KiB                    │            eaf
         ✓ COPY --from=api /src/bin /usr/loca…  30.2 KiB  47d 18h    2 refs │ type       tar+gzip
         ✓ COPY --from=web /app/dist /srv       12.2 KiB    3h 5m         – │ only here  162 B of its chain
         ✓ COPY --from=test /report.txt /srv/…     140 B    3h 7m         – │
    ▸    ✓ COPY assets /srv/assets                 162 B    3h 7m         – │ Chain of 6 layers, 90.0 KiB
                                                                            │     162 B  0eb24bc6  tar+gzip
                                                                            │     140 B  1808385d  tar+gzip
                                                                            │  12.2 KiB  f20ce815  tar+gzip
                                                                            │  30.2 KiB  2f49a992  tar+gzip
                                                                            │  24.3 KiB  054ef814  tar+gzip
                                                                            │  22.9 KiB  1a292d1e  tar+gzip
                                                                            │
                                                                            │ Inputs
                                                                            │ 1  ✓ COPY --from=test /report.txt
                                                                            │ /srv/report.txt
                                                                            │ 2  files by their content · c0be4178
                                                                            │ … tab scrolls, i shows all
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── 21/21 ──
     237 KiB in all · 109 KiB only here · made 3h 5m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn steps_named_by_the_store_with_room_for_all() {
    insta::assert_snapshot!(demo(HUGE).press("j j j").screen(), @r"
     demo › main                                                                                                                                                              15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       15 ✓  named from the store's provenance
       STEP▴                                                                                SIZE              AGE   ALSO IN │ COPY package.json package-lock.json ./
         FROM 127.0.0.1:5055/base:latest AS deps +1                                            –                –         – │ Dockerfile:3 · stage deps
       ▾ deps  3 steps                                                                  50.2 KiB                            │
         ✓ WORKDIR /app                                                                     92 B  ░       47d 18h    4 refs │ state      ✓ its result can be loaded
    ▸    ✓ COPY package.json package-lock.json ./                                          216 B  ░       47d 18h    2 refs │ created    47d 18h ago, 2026-10-05T17:39:24Z
         ✓ RUN npm ci                                                                   49.9 KiB  ░░░░░░  47d 18h    2 refs │ key        sha256:1704e8bf5aa97b4302f7561717babb1945ac9b10aaaea2fdd90740006db
       ▾ web  2 steps                                                                   12.4 KiB                            │            989da
         ✓ COPY web ./web                                                                  215 B  █         3h 6m         – │ named      by its key, as far as the keys of its files are known
         ✓ RUN npm run build                                                            12.2 KiB  █         3h 6m         – │
       ▾ api  5 steps                                                                   60.8 KiB                            │ Layer
         ✓ WORKDIR /src                                                                     92 B  █         3h 5m         – │ blob       sha256:9428062753fdfee676a26044c7af09f5d4346f014fb8b425c07c0e93563
         ✓ COPY go.mod ./                                                                  147 B  █         3h 5m         – │            f4b06
         ✓ RUN go mod download                                                          30.2 KiB  ███       3h 5m         – │ unpacked   sha256:57d2a4f8c7daa879827ca39bffed37df3d08c3fcc1430cbb16f9b07a369
         ✓ COPY api ./api                                                                  174 B  █         3h 6m         – │            c4eae
         ✓ RUN go build ./api                                                           30.2 KiB  ███       3h 5m         – │ type       tar+gzip
       ▾ test  1 step                                                                   12.3 KiB                            │ only here  0 B of its chain
         ✓ RUN npm test && echo ok > /report.txt                                        12.3 KiB  █         3h 6m         – │
       ▾ final  4 steps                                                                 42.7 KiB                            │ … tab scrolls, i shows all
         ✓ COPY --from=api /src/bin /usr/local/bin                                      30.2 KiB  ░░░     47d 18h    2 refs ├── enter opens COPY package.json package-lock.json ./ ─────────────────────────
         ✓ COPY --from=web /app/dist /srv                                               12.2 KiB  █         3h 5m         – │   PATH                                             SIZE▾ SHARE   CHANGE
         ✓ COPY --from=test /report.txt /srv/report.txt                                    140 B  █         3h 7m         – │   ▾ app/                                           56 B  ██████  +2
         ✓ COPY assets /srv/assets                                                         162 B  █         3h 7m         – │       package.json                                 34 B  ███▋    added
                                                                                                                            │       package-lock.json                            22 B  ██▎     added
    ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ──────────────────────────────────────────────────────────────────── │
       RUN npm ci                                        │ RUN go mod downlo…│ RUN go build ./api                           │─── bytes of the files ────────────────────────────────────────────────────────
       49.9 KiB shared with other refs                   │ 30.2 KiB only here│ 30.2 KiB only here                           │   app/package.json                            │ app/package-lock.json
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   34 B                                        │ 22 B
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │────────────────────────────────────────────  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ RUN npm tes…│ RUN npm run build              │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 12.3 KiB on…│ 12.2 KiB only here             │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
      ───────────────────────────────────────────────────│ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       COPY --from=api /src/bin /usr/local/bin           │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       30.2 KiB shared with other refs                   │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │──────────────────────────────  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ COPY --from=web /…│ 3 more     │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ 12.2 KiB only here│ 605 B to…  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │──────────  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 5 more     │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 633 B to…  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 4/21 ──
     237 KiB in all · 109 KiB only here · made 3h 5m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn steps_without_names() {
    let shop = shop();
    insta::assert_snapshot!(open(&shop, "c01", SMALL).screen(), @r"
     ./cache › c01                15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       15 ✓  steps are unnamed: press B to load a build record…
       STEP▴                              SIZE              AGE
    ▸    source · 089e08d6 +1                –                –▐
       ├ ✓ FILE · 57a5ab45                92 B  █       12h 54m▐
       │ ✓ COPY · 9152319c               144 B  █       12h 54m▐
       │ ✓ RUN · eb40ed05             30.2 KiB  ███     12h 54m▐
       │ ✓ COPY · 4fdf24ec               174 B  █       12h 54m▐
       │ ✓ RUN · 765fb925             30.2 KiB  ███     12h 54m
       ├ ✓ FILE · 807b3e87                92 B  █       12h 54m
       │ ✓ COPY · 1704e8bf               213 B  █       12h 54m
       │ ✓ RUN · da55fffb             49.9 KiB  ██████  12h 54m
    ──────────────────────────────────────────────────── 1/16 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  A all files
    ");
    insta::assert_snapshot!(open(&shop, "c01", USUAL).screen(), @r"
     ./cache › c01                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  steps are unnamed: press B to load a build record, provenance or image
       STEP▴                                         SIZE              AGE   ALSO IN
    ▸    source · 089e08d6 +1                           –                –         –
       ├ ✓ FILE · 57a5ab45                           92 B  █       12h 54m         –
       │ ✓ COPY · 9152319c                          144 B  █       12h 54m         –
       │ ✓ RUN · eb40ed05                        30.2 KiB  ███     12h 54m         –
       │ ✓ COPY · 4fdf24ec                          174 B  █       12h 54m         –
       │ ✓ RUN · 765fb925                        30.2 KiB  ███     12h 54m         –
       ├ ✓ FILE · 807b3e87                           92 B  █       12h 54m         –
       │ ✓ COPY · 1704e8bf                          213 B  █       12h 54m         –
       │ ✓ RUN · da55fffb                        49.9 KiB  ██████  12h 54m         –
       │ ✓ COPY · 91cc5c91                          209 B  █       12h 54m         –
       │ ├ ✓ RUN · 4fd7e03a                      12.3 KiB  █       12h 54m         –
       │ └ ✓ RUN · ab170239                      12.2 KiB  █       12h 54m         –
       └ ✓ COPY · d77d59e9                       30.2 KiB  ███     12h 54m         –
         ✓ COPY · 5d74d000                       12.2 KiB  █       12h 54m         –
         ✓ COPY · e0d7b2d4                          139 B  █       12h 54m         –
         ✓ COPY · 89d21dcb                          161 B  █       12h 54m         –

    ──────────────────────────────────────────────────────────────────────── 1/16 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter
    ");
    insta::assert_snapshot!(open(&shop, "c01", LARGE).press("j j j").screen(), @r"
     ./cache › c01                                                                            15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       15 ✓  steps are unnamed: press B to load a build record, provenance or image
       STEP▴                                SIZE              AGE   ALSO IN │ RUN · eb40ed05
         source · 089e08d6 +1                  –                –         – │
       ├ ✓ FILE · 57a5ab45                  92 B  █       12h 54m         – │ state      ✓ its result can be loaded
       │ ✓ COPY · 9152319c                 144 B  █       12h 54m         – │ created    12h 54m ago, 2026-11-21T23:05:25Z
    ▸  │ ✓ RUN · eb40ed05               30.2 KiB  ███     12h 54m         – │ key        sha256:eb40ed05e2e0b69c7803db98715
       │ ✓ COPY · 4fdf24ec                 174 B  █       12h 54m         – │            01606b7a5513a32c13a050842902b0c67c
       │ ✓ RUN · 765fb925               30.2 KiB  ███     12h 54m         – │            dc4
       ├ ✓ FILE · 807b3e87                  92 B  █       12h 54m         – │
       │ ✓ COPY · 1704e8bf                 213 B  █       12h 54m         – │ Layer
       │ ✓ RUN · da55fffb               49.9 KiB  ██████  12h 54m         – │ blob       sha256:c79cf8ba11277da023b6557bc9b
       │ ✓ COPY · 91cc5c91                 209 B  █       12h 54m         – │            1124b72c2bde88b9e7f69b95af84551d6e
       │ ├ ✓ RUN · 4fd7e03a             12.3 KiB  █       12h 54m         – │            fbc
       │ └ ✓ RUN · ab170239             12.2 KiB  █       12h 54m         – │ unpacked   sha256:e6cbb90a1d4fca66d4c1e10e59a
       └ ✓ COPY · d77d59e9              30.2 KiB  ███     12h 54m         – │            83a07eea9406b631faaab3bb9d8df4616f
         ✓ COPY · 5d74d000              12.2 KiB  █       12h 54m         – │            b87
         ✓ COPY · e0d7b2d4                 139 B  █       12h 54m         – │ type       tar+gzip
         ✓ COPY · 89d21dcb                 161 B  █       12h 54m         – │ only here  0 B of its chain
                                                                            │
                                                                            │ Chain of 5 layers, 77.7 KiB
                                                                            │  30.2 KiB  c79cf8ba  tar+gzip
                                                                            │     144 B  70d657b4  tar+gzip
                                                                            │      92 B  e3af8043  tar+gzip
                                                                            │  24.3 KiB  054ef814  tar+gzip
                                                                            │  22.9 KiB  1a292d1e  tar+gzip
                                                                            │
                                                                            │ Inputs
                                                                            │ 1  ✓ COPY · 9152319c · all of it
                                                                            │
                                                                            │ Used by
                                                                            │ ✓ COPY · 4fdf24ec
                                                                            │
                                                                            │ Kept by
                                                                            │ the layer is kept while this ref is
                                                                            │ … tab scrolls, i shows all
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 4/16 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn steps_of_a_thinned_cache_named_by_a_file() {
    let shop = shop();
    let mut journey = open(&shop, "c09", USUAL);
    insta::assert_snapshot!(journey.press("B").screen(), @r"
     ./cache › c09                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       10 ✓  5 ○  steps are unnamed: press B to load a build record, provenance or…
       STEP▴                                         SIZE              AGE   ALSO IN
    ▸ ╭ Evidence of the build ───────────────────────────────────────────────────╮ –
      │ build     record, provenance, log, image or command                      │fs
      │ ›                                                                        │fs
      │ baseline  the same of an earlier build                                   │fs
      │ context   the folder, or NAME=FOLDER                                     │fs
      │                                                                          │fs
      │ docker buildx history export -o run.dockerbuild  writes a build record,  │ –
      │ which has it all                                                         │ef
      │ docker buildx imagetools inspect IMAGE --format '{{json                  │ –
      │ .Provenance.SLSA}}' > provenance.json  that of an image                  │ –
      ╰──────────────────────────────────────────────────────────────────────────╯ –
       └ ○ FILE · 57a5ab45                              –                –         –
         ○ COPY · 9152319c                              –                –         –
         ○ RUN · eb40ed05                               –                –         –
         ○ COPY · 4fdf24ec                              –                –         –
         ○ RUN · f71fe2ce                               –                –         –

    ──────────────────────────────────────────────────────────────────────── 1/16 ──
     174 KiB in all · 33.8 KiB only here · made 12h 53m ago
     enter add, continue  tab complete  down next  up previous  ctrl-p recall
    ");
    journey.press("'tests/fixtures/shop/provenance/c01.wrong enter");
    journey.shows_in("cannot read", "! cannot read it: No such file");
    journey.press("ctrl-u 'tests/fixtures/kitchen/provenance/c01.json enter");
    journey.shows_in("c01.json", "provenance, 23 steps");
    journey.press("enter");
    journey.shows_in(
        "no step",
        "! the build that it describes has no step in this ref",
    );
    journey.press("B up backspace ctrl-u 'tests/fixtures/shop/provenance/c09.json enter enter");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c09                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       10 ✓  5 ○  named from tests/fixtures/shop/provenance/c09.json
       STEP▴                                        SIZE              AGE   ALSO IN
    ▸    FROM 127.0.0.1:5055/base:latest AS d…         –                –         –▐
       ▾ deps  3 steps                          50.3 KiB                           ▐
         ✓ WORKDIR /app                             92 B  ░       12h 54m    5 refs▐
         ✓ COPY package.json package-lock.jso…     227 B  ░       12h 53m    2 refs▐
         ✓ RUN npm ci                           49.9 KiB  ░░░░░░  12h 53m    2 refs▐
       ▾ web  2 steps                           12.4 KiB                           ▐
         ✓ COPY web ./web                          217 B  ░       12h 53m    2 refs▐
         ✓ RUN npm run build                    12.2 KiB  █       12h 53m         –▐
       ▾ api  5 steps                                                              ▐
         ○ WORKDIR /src                                –                –         –▐
         ○ COPY go.mod ./                              –                –         –▐
         ○ RUN go mod download                         –                –         –▐
         ○ COPY api ./api                              –                –         –▐
         ○ RUN go build -trimpath ./api                –                –         –
       ▾ test  1 step                           12.3 KiB
         ✓ RUN npm test && echo ok > /report.…  12.3 KiB  ░       12h 53m    2 refs
       ▾ final  4 steps                         42.7 KiB
    ──────────────────────────────────────────────────────────────────────── 1/21 ──
     174 KiB in all · 33.8 KiB only here · made 12h 53m ago
     enter open  left fold  right unfold  w why  A all files  B names  / filter
    ");
    // A new scan keeps the names.
    journey.press("r");
    journey.shows_in("named from", "c09.json");
}
