//! The steps of a ref and the files of its layers.

use std::fs;
use std::path::PathBuf;

use cachelens::backend::memory::{self, MemoryCache};
use cachelens::format::digest::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local, memory};

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
    let mut journey = Journey::new(vec![memory("demo", memory::demo().unwrap())], size);
    journey.press("enter enter");
    journey
}

#[test]
fn named_by_the_store() {
    insta::assert_snapshot!(demo(SMALL).screen(), @r"
     demo › main                  15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       4 ✓  11 ○  named from the store's provenance
       STEP▴                                       SIZE      AGE
    ▸    FROM 127.0.0.1:5055/base:latest AS …         –        –
       ▾ deps  3 steps
         ○ WORKDIR /app                               –        –
         ○ COPY package.json package-lock.js…         –        –
         ○ RUN npm ci                                 –        –
       ▾ web  2 steps
         ○ COPY web ./web                             –        –
         ○ RUN npm run build                          –        –
       ▾ api  5 steps
    ──────────────────────────────────────────────────── 1/21 ──
     95.9 KiB in all · 6.0 KiB only here · made 12h 52m ago
     enter open  left fold  right unfold  w why  n names
    ");
    insta::assert_snapshot!(demo(USUAL).screen(), @r"
     demo › main                                      15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       4 ✓  11 ○  named from the store's provenance
       STEP▴                                                 SIZE      AGE   ALSO IN
    ▸    FROM 127.0.0.1:5055/base:latest AS deps                –        –         –
       ▾ deps  3 steps
         ○ WORKDIR /app                                         –        –         –
         ○ COPY package.json package-lock.json ./               –        –         –
         ○ RUN npm ci                                           –        –         –
       ▾ web  2 steps
         ○ COPY web ./web                                       –        –         –
         ○ RUN npm run build                                    –        –         –
       ▾ api  5 steps
         ○ WORKDIR /src                                         –        –         –
         ○ COPY go.mod ./                                       –        –         –
         ○ RUN go mod download -x                               –        –         –
         ○ COPY api ./api                                       –        –         –
         ○ RUN go build -trimpath ./api                         –        –         –
       ▾ test  1 step
         ○ RUN npm test && echo ok > /report.txt                –        –         –
       ▾ final  4 steps                                  42.8 KiB
    ──────────────────────────────────────────────────────────────────────── 1/21 ──
     95.9 KiB in all · 6.0 KiB only here · made 12h 52m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort
    ");
}

#[test]
fn named_by_the_store_with_details_beside() {
    insta::assert_snapshot!(demo(LARGE).press("G").screen(), @r"
     demo › main                                                                              15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       4 ✓  11 ○  named from the store's provenance
       STEP▴                                        SIZE      AGE   ALSO IN │ COPY assets /srv/assets
         FROM 127.0.0.1:5055/base:latest AS d…         –        –         – │ Dockerfile:27 · stage final
       ▾ deps  3 steps                                                      │
         ○ WORKDIR /app                                –        –         – │ state      ✓ its result can be loaded
         ○ COPY package.json package-lock.jso…         –        –         – │ created    12h 52m ago, 2026-11-21T23:07:12Z
         ○ RUN npm ci                                  –        –         – │ key        sha256:89d21dcbb0839f0aa1e2b463fc8
       ▾ web  2 steps                                                       │            180bf431c7d798d7560ae5aa4352a521b4
         ○ COPY web ./web                              –        –         – │            b82
         ○ RUN npm run build                           –        –         – │ named      by its key, as far as the keys of
       ▾ api  5 steps                                                       │            its files are known
         ○ WORKDIR /src                                –        –         – │
         ○ COPY go.mod ./                              –        –         – │ Layer
         ○ RUN go mod download -x                      –        –         – │ blob       sha256:30b7433d5cdaf68e154ba293fa7
         ○ COPY api ./api                              –        –         – │            fc14dc95de0b486686a94d911d8cd09a99
         ○ RUN go build -trimpath ./api                –        –         – │            8e0
       ▾ test  1 step                                                       │ unpacked   sha256:d727d1fb3bf38da32d2b3d72103
         ○ RUN npm test && echo ok > /report.…         –        –         – │            6c84bd3fca13a2c1bf53ca9a2771a58cd2
       ▾ final  4 steps                         42.8 KiB                    │            eab
         ✓ COPY --from=api /src/bin /usr/loca…  30.2 KiB  12h 52m     1 ref │ type       tar+gzip
         ✓ COPY --from=web /app/dist /srv       12.2 KiB  12h 52m     1 ref │ only here  188 B of its chain
         ✓ COPY --from=test /report.txt /srv/…     139 B  12h 52m     1 ref │
    ▸    ✓ COPY assets /srv/assets                 188 B  12h 52m         – │ Chain of 6 layers, 90.0 KiB
                                                                            │     188 B  30b7433d  tar+gzip
                                                                            │     139 B  883991aa  tar+gzip
                                                                            │  12.2 KiB  91bc5cba  tar+gzip
                                                                            │  30.2 KiB  a1b79a3a  tar+gzip
                                                                            │  24.3 KiB  c35117ba  tar+gzip
                                                                            │  22.9 KiB  1a292d1e  tar+gzip
                                                                            │
                                                                            │ Inputs
                                                                            │ 1  ✓ COPY --from=test /report.txt
                                                                            │ /srv/report.txt
                                                                            │ 2  files by their content · c5e1e4d6
                                                                            │ … tab scrolls, i shows all
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── 21/21 ──
     95.9 KiB in all · 6.0 KiB only here · made 12h 52m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort  space mark  i details  e export  : command
    ");
}

#[test]
fn named_by_the_store_with_room_for_all() {
    insta::assert_snapshot!(demo(HUGE).press("j j j").screen(), @r"
     demo › main                                                                                                                                                              15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       4 ✓  11 ○  named from the store's provenance
       STEP▴                                                                                        SIZE      AGE   ALSO IN │ COPY package.json package-lock.json ./
         FROM 127.0.0.1:5055/base:latest AS deps                                                       –        –         – │ Dockerfile:3 · stage deps
       ▾ deps  3 steps                                                                                                      │
         ○ WORKDIR /app                                                                                –        –         – │ state      ○ only its key is left: later steps match by it, and it runs again
    ▸    ○ COPY package.json package-lock.json ./                                                      –        –         – │            when it is needed
         ○ RUN npm ci                                                                                  –        –         – │ key        sha256:1704e8bf5aa97b4302f7561717babb1945ac9b10aaaea2fdd90740006db
       ▾ web  2 steps                                                                                                       │            989da
         ○ COPY web ./web                                                                              –        –         – │ named      by its key, as far as the keys of its files are known
         ○ RUN npm run build                                                                           –        –         – │
       ▾ api  5 steps                                                                                                       │ Inputs
         ○ WORKDIR /src                                                                                –        –         – │ 1  ○ WORKDIR /app
         ○ COPY go.mod ./                                                                              –        –         – │ 2  files by their content · ff98c4e3
         ○ RUN go mod download -x                                                                      –        –         – │
         ○ COPY api ./api                                                                              –        –         – │ Used by
         ○ RUN go build -trimpath ./api                                                                –        –         – │ ○ RUN npm ci
       ▾ test  1 step                                                                                                       │
         ○ RUN npm test && echo ok > /report.txt                                                       –        –         – │
       ▾ final  4 steps                                                                         42.8 KiB                    │
         ✓ COPY --from=api /src/bin /usr/local/bin                                              30.2 KiB  12h 52m     1 ref │
         ✓ COPY --from=web /app/dist /srv                                                       12.2 KiB  12h 52m     1 ref │
         ✓ COPY --from=test /report.txt /srv/report.txt                                            139 B  12h 52m     1 ref │
         ✓ COPY assets /srv/assets                                                                 188 B  12h 52m         – │
                                                                                                                            │
    ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ──────────────────────────────────────────────────────────────────── │
       COPY --from=api /src/bin /usr/local/bin                                         │ COPY --from=web /app/dist /srv     │
       30.2 KiB shared with other refs                                                 │ 12.2 KiB shared with other refs    │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │──────────────────────────────────  │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ COPY assets /srv/…│ COPY --from=…  │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ 188 B only here   │ 139 B shared…  │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ░░░░░░░░░░░░   │
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 4/21 ──
     95.9 KiB in all · 6.0 KiB only here · made 12h 52m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn without_names() {
    let shop = shop();
    insta::assert_snapshot!(open(&shop, "c01", SMALL).screen(), @r"
     ./cache › c01                15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────
       15 ✓  no names: n takes the build's record, provenance …
       STEP▴                                       SIZE      AGE
    ▸    source · 089e08d6 +1                         –        –
       ├ ✓ FILE · 57a5ab45                         92 B  12h 54m
       │ ✓ COPY · 9152319c                        144 B  12h 54m
       │ ✓ RUN · eb40ed05                      30.2 KiB  12h 54m
       │ ✓ COPY · 4fdf24ec                        174 B  12h 54m
       │ ✓ RUN · 765fb925                      30.2 KiB  12h 54m
       ├ ✓ FILE · 807b3e87                         92 B  12h 54m
       │ ✓ COPY · 1704e8bf                        213 B  12h 54m
       │ ✓ RUN · da55fffb                      49.9 KiB  12h 54m
    ──────────────────────────────────────────────────── 1/16 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  n names
    ");
    insta::assert_snapshot!(open(&shop, "c01", USUAL).screen(), @r"
     ./cache › c01                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  no names: n takes the build's record, provenance or image
       STEP▴                                                 SIZE      AGE   ALSO IN
    ▸    source · 089e08d6 +1                                   –        –         –
       ├ ✓ FILE · 57a5ab45                                   92 B  12h 54m         –
       │ ✓ COPY · 9152319c                                  144 B  12h 54m         –
       │ ✓ RUN · eb40ed05                                30.2 KiB  12h 54m         –
       │ ✓ COPY · 4fdf24ec                                  174 B  12h 54m         –
       │ ✓ RUN · 765fb925                                30.2 KiB  12h 54m         –
       ├ ✓ FILE · 807b3e87                                   92 B  12h 54m         –
       │ ✓ COPY · 1704e8bf                                  213 B  12h 54m         –
       │ ✓ RUN · da55fffb                                49.9 KiB  12h 54m         –
       │ ✓ COPY · 91cc5c91                                  209 B  12h 54m         –
       │ ├ ✓ RUN · 4fd7e03a                              12.3 KiB  12h 54m         –
       │ └ ✓ RUN · ab170239                              12.2 KiB  12h 54m         –
       └ ✓ COPY · d77d59e9                               30.2 KiB  12h 54m         –
         ✓ COPY · 5d74d000                               12.2 KiB  12h 54m         –
         ✓ COPY · e0d7b2d4                                  139 B  12h 54m         –
         ✓ COPY · 89d21dcb                                  161 B  12h 54m         –

    ──────────────────────────────────────────────────────────────────────── 1/16 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort
    ");
    insta::assert_snapshot!(open(&shop, "c01", LARGE).press("j j j").screen(), @r"
     ./cache › c01                                                                            15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       15 ✓  no names: n takes the build's record, provenance or image
       STEP▴                                        SIZE      AGE   ALSO IN │ RUN · eb40ed05
         source · 089e08d6 +1                          –        –         – │
       ├ ✓ FILE · 57a5ab45                          92 B  12h 54m         – │ state      ✓ its result can be loaded
       │ ✓ COPY · 9152319c                         144 B  12h 54m         – │ created    12h 54m ago, 2026-11-21T23:05:25Z
    ▸  │ ✓ RUN · eb40ed05                       30.2 KiB  12h 54m         – │ key        sha256:eb40ed05e2e0b69c7803db98715
       │ ✓ COPY · 4fdf24ec                         174 B  12h 54m         – │            01606b7a5513a32c13a050842902b0c67c
       │ ✓ RUN · 765fb925                       30.2 KiB  12h 54m         – │            dc4
       ├ ✓ FILE · 807b3e87                          92 B  12h 54m         – │
       │ ✓ COPY · 1704e8bf                         213 B  12h 54m         – │ Layer
       │ ✓ RUN · da55fffb                       49.9 KiB  12h 54m         – │ blob       sha256:c79cf8ba11277da023b6557bc9b
       │ ✓ COPY · 91cc5c91                         209 B  12h 54m         – │            1124b72c2bde88b9e7f69b95af84551d6e
       │ ├ ✓ RUN · 4fd7e03a                     12.3 KiB  12h 54m         – │            fbc
       │ └ ✓ RUN · ab170239                     12.2 KiB  12h 54m         – │ unpacked   sha256:e6cbb90a1d4fca66d4c1e10e59a
       └ ✓ COPY · d77d59e9                      30.2 KiB  12h 54m         – │            83a07eea9406b631faaab3bb9d8df4616f
         ✓ COPY · 5d74d000                      12.2 KiB  12h 54m         – │            b87
         ✓ COPY · e0d7b2d4                         139 B  12h 54m         – │ type       tar+gzip
         ✓ COPY · 89d21dcb                         161 B  12h 54m         – │ only here  0 B of its chain
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
                                                                            │ the layer stays while this ref does
                                                                            │ … tab scrolls, i shows all
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 4/16 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort  space mark  i details  e export  : command
    ");
}

#[test]
fn a_thinned_cache_named_by_a_file() {
    let shop = shop();
    let mut journey = open(&shop, "c09", USUAL);
    insta::assert_snapshot!(journey.press("n").screen(), @r"
     ./cache › c09                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       10 ✓  5 ○  no names: n takes the build's record, provenance or image
       STEP▴                                                 SIZE      AGE   ALSO IN
    ▸ ╭ Evidence of the build ───────────────────────────────────────────────────╮ –
      │ build     its record, provenance, log, image, or its command             │fs
      │ ›                                                                        │fs
      │ baseline  the same of an earlier build: what changed since               │fs
      │ context   the folder, or NAME=FOLDER: which files changed                │fs
      │                                                                          │fs
      │ docker buildx history export -o run.dockerbuild  writes a build record,  │ –
      │ which has it all                                                         │ef
      │ docker buildx imagetools inspect IMAGE --format '{{json                  │ –
      │ .Provenance.SLSA}}' > provenance.json  that of an image                  │ –
      ╰──────────────────────────────────────────────────────────────────────────╯ –
       └ ○ FILE · 57a5ab45                                      –        –         –
         ○ COPY · 9152319c                                      –        –         –
         ○ RUN · eb40ed05                                       –        –         –
         ○ COPY · 4fdf24ec                                      –        –         –
         ○ RUN · f71fe2ce                                       –        –         –

    ──────────────────────────────────────────────────────────────────────── 1/16 ──
     174 KiB in all · 33.8 KiB only here · made 12h 53m ago
     enter add, go on  tab complete  down next  up previous  ctrl-p before
    ");
    journey.press("'tests/fixtures/shop/provenance/c01.wrong enter");
    assert!(
        journey
            .line("cannot read")
            .contains("! cannot read it: No such file")
    );
    journey.press("ctrl-u 'tests/fixtures/kitchen/provenance/c01.json enter");
    assert!(
        journey.line("c01.json").contains("provenance, 23 steps"),
        "{}",
        journey.screen()
    );
    journey.press("enter");
    assert!(
        journey
            .line("no step")
            .contains("! the build that it tells of has no step in this ref")
    );
    journey.press("n up backspace ctrl-u 'tests/fixtures/shop/provenance/c09.json enter enter");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c09                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       10 ✓  5 ○  named from tests/fixtures/shop/provenance/c09.json
       STEP▴                                                 SIZE      AGE   ALSO IN
    ▸    FROM 127.0.0.1:5055/base:latest AS deps +1             –        –         –
       ▾ deps  3 steps                                   50.3 KiB
         ✓ WORKDIR /app                                      92 B  12h 54m    5 refs
         ✓ COPY package.json package-lock.json ./           227 B  12h 53m    2 refs
         ✓ RUN npm ci                                    49.9 KiB  12h 53m    2 refs
       ▾ web  2 steps                                    12.4 KiB
         ✓ COPY web ./web                                   217 B  12h 53m    2 refs
         ✓ RUN npm run build                             12.2 KiB  12h 53m         –
       ▾ api  5 steps
         ○ WORKDIR /src                                         –        –         –
         ○ COPY go.mod ./                                       –        –         –
         ○ RUN go mod download                                  –        –         –
         ○ COPY api ./api                                       –        –         –
         ○ RUN go build -trimpath ./api                         –        –         –
       ▾ test  1 step                                    12.3 KiB
         ✓ RUN npm test && echo ok > /report.txt         12.3 KiB  12h 53m    2 refs
       ▾ final  4 steps                                  42.7 KiB
    ──────────────────────────────────────────────────────────────────────── 1/21 ──
     174 KiB in all · 33.8 KiB only here · made 12h 53m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort
    ");
    // A new scan keeps the names.
    journey.press("r");
    assert!(journey.line("named from").contains("c09.json"));
}

#[test]
fn a_blob_that_is_gone_breaks_what_stands_on_it() {
    let shop = shop();
    fs::remove_file(blob(&shop, "91bc5cba")).unwrap();
    let mut journey = open(&shop, "c15", LARGE);
    insta::assert_snapshot!(journey.press("j j").screen(), @r"
     ./cache › c15                                                                            15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       1 ✓  11 ○  3 !  no names: n takes the build's record, provenance or image
       STEP▴                                        SIZE      AGE   ALSO IN │ COPY · 5d74d000
         source · 8aa5db81                             –        –         – │
       ├ ✓ COPY · d77d59e9                      30.2 KiB  12h 52m     1 ref │ state      ! a blob of its result is missing:
    ▸  │ ! COPY · 5d74d000                      12.2 KiB  12h 52m     1 ref │            a build that loads it fails
       │ ! COPY · e0d7b2d4                         139 B  12h 52m     1 ref │ missing    sha256:91bc5cbaa7657f9bdb1d25ca751
       │ ! COPY · 89d21dcb                         188 B  12h 52m         – │            054e98186efca730dd0e326e36f40ccfce
       ├ ○ FILE · 57a5ab45                             –        –         – │            c2d
       │ ○ COPY · 9152319c                             –        –         – │ created    12h 52m ago, 2026-11-21T23:07:03Z
       │ ○ RUN · e130a368                              –        –         – │ key        sha256:5d74d000bc05756635ef7f2b6e3
       │ ○ COPY · 4fdf24ec                             –        –         – │            e412fb3e7a024277e4a7b3bc5a4b29caf4
       │ ○ RUN · 826adb52                              –        –         – │            d35
       └ ○ FILE · 807b3e87                             –        –         – │
         ○ COPY · 1704e8bf                             –        –         – │ Layer
         ○ RUN · 91f5b186                              –        –         – │ blob       sha256:91bc5cbaa7657f9bdb1d25ca751
         ○ COPY · 91cc5c91                             –        –         – │            054e98186efca730dd0e326e36f40ccfce
         ├ ○ RUN · 55274cca                            –        –         – │            c2d
         └ ○ RUN · 9f8cf52d                            –        –         – │ unpacked   sha256:2feace1714bba4e49c61b8beac9
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
     enter open  left fold  right unfold  w why  n names  / filter  s sort  space mark  i details  e export  : command
    ");
    insta::assert_snapshot!(journey.press("enter").screen().lines().take(8).collect::<Vec<_>>().join("\n"), @r"
     ./cache › c15 › COPY · 5d74d000                                                           0 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       layer sha256:91bc5cbaa765 · ! the layer is not stored
       PATH                                               SIZE▾ SHARE       FILES  MODE        MODIFIED                OWNER

       ! the layer is not stored
       A build that needs this layer fails, or runs the step again.
       V shows how the blob begins
    ");
}

#[test]
fn folds_unfolds_and_goes_to_what_a_step_is_part_of() {
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
    assert!(
        journey.line("▸").contains("COPY · 91cc5c91"),
        "{}",
        journey.screen()
    );
    journey.press("h");
    insta::assert_snapshot!(journey.line("91cc5c91"), @"▸    ○ ▸2 COPY · 91cc5c91                                   –        –         –");
    assert_eq!(rows(&journey), all - 2);
    journey.press("h h");
    assert!(
        journey.line("source").contains("▸15"),
        "{}",
        journey.screen()
    );
    journey.press("l");
    assert_eq!(rows(&journey), all - 2);
    // The base of the first cache has two keys.
    let mut journey = open(&shop, "c01", USUAL);
    assert!(journey.line("source").contains("+1"));
    journey.press("l");
    assert!(journey.line("8e629cdf").contains('≡'));
    journey.press("left");
    assert!(!journey.screen().contains("8e629cdf"));
}

#[test]
fn an_order_or_a_filter_makes_the_tree_flat_and_marks_stay() {
    let shop = shop();
    let mut journey = open(&shop, "c01", USUAL);
    journey.press("j j space");
    let marked = journey.line("✱").replace('▸', " ");
    journey.press("s j enter");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c01                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  no names: n takes the build's record, provenance or image
       STEP                                                  SIZE▾     AGE   ALSO IN
       ✓ RUN · da55fffb                                  49.9 KiB  12h 54m         –
       ✓ COPY · d77d59e9                                 30.2 KiB  12h 54m         –
    ▸  ✓ RUN · eb40ed05                                  30.2 KiB  12h 54m         –
       ✓ RUN · 765fb925                                  30.2 KiB  12h 54m         –
       ✓ RUN · 4fd7e03a                                  12.3 KiB  12h 54m         –
       ✓ RUN · ab170239                                  12.2 KiB  12h 54m         –
       ✓ COPY · 5d74d000                                 12.2 KiB  12h 54m         –
       ✓ COPY · 1704e8bf                                    213 B  12h 54m         –
       ✓ COPY · 91cc5c91                                    209 B  12h 54m         –
       ✓ COPY · 4fdf24ec                                    174 B  12h 54m         –
       ✓ COPY · 89d21dcb                                    161 B  12h 54m         –
     ✱ ✓ COPY · 9152319c                                    144 B  12h 54m         –
       ✓ COPY · e0d7b2d4                                    139 B  12h 54m         –
       ✓ FILE · 57a5ab45                                     92 B  12h 54m         –
       ✓ FILE · 807b3e87                                     92 B  12h 54m         –
         source · 089e08d6                                      –        –         –
       ≡ source · 8e629cdf                                      –        –         –
    ──────────────────────────────────────────────────────────────────────── 3/17 ──
     237 KiB in all · 190 KiB only here · made 12h 54m ago · ✱ 1 marked, 144 B
     enter open  left fold  right unfold  w why  n names  / filter  s sort
    ");
    journey.press("S S / 'kind:RUN enter");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c01                                    15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       15 ✓  no names: n takes the build's record, provenance or image
       STEP                                                  SIZE▾     AGE   ALSO IN
    ▸  ✓ RUN · da55fffb                                  49.9 KiB  12h 54m         –
       ✓ RUN · eb40ed05                                  30.2 KiB  12h 54m         –
       ✓ RUN · 765fb925                                  30.2 KiB  12h 54m         –
       ✓ RUN · 4fd7e03a                                  12.3 KiB  12h 54m         –
       ✓ RUN · ab170239                                  12.2 KiB  12h 54m         –












    ───────────────────────────────────────────────────────────────────────── 1/5 ──
     5 of 15 steps · filter kind:RUN · ✱ 1 marked, 144 B (1 hidden)
     enter open  left fold  right unfold  w why  n names  / filter  s sort
    ");
    journey.press("esc s k k k k enter");
    assert!(
        !marked.is_empty() && journey.screen().contains("├ ✓"),
        "{}",
        journey.screen()
    );
}

#[test]
fn a_layer_opens_into_its_files_and_back() {
    let shop = shop();
    let files = |size| {
        let mut journey = open(&shop, "c15", size);
        journey.press("j j j j enter");
        journey
    };
    insta::assert_snapshot!(files(SMALL).screen(), @r"
     ./cache › c15 › COPY · 89d2…  2 files · read-only · ? help
    ────────────────────────────────────────────────────────────
       layer sha256:30b7433d5cda · 188 B stored
       PATH                                         SIZE▾ SHARE
    ▸  ▾ srv/assets/                                14 B  ██████
           banner.svg                                7 B  ███
           logo.svg                                  7 B  ███






    ───────────────────────────────────────────────────── 1/3 ──
     14 B unpacked
     enter open  V view  x extract  / filter  s sort
    ");
    insta::assert_snapshot!(files(USUAL).press("G").screen(), @r"
     ./cache › c15 › COPY · 89d21dcb                   2 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:30b7433d5cda · 188 B stored
       PATH                                                  SIZE▾ SHARE       FILES
       ▾ srv/assets/                                         14 B  ██████          2
           banner.svg                                         7 B  ███             –
    ▸      logo.svg                                           7 B  ███             –














    ───────────────────────────────────────────────────────────────────────── 3/3 ──
     14 B unpacked
     enter open  V view  x extract  / filter  s sort  space mark  i details
    ");
    insta::assert_snapshot!(files(LARGE).press("s j enter").screen(), @r"
     ./cache › c15 › COPY · 89d21dcb                                                           2 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       layer sha256:30b7433d5cda · 188 B stored
       PATH                                               SIZE  SHARE       FILES▾ MODE        MODIFIED                OWNER
    ▸  ▾ srv/assets/                                      14 B  ██████          2  drwxr-xr-x  2026-11-21 23:07          0:0
           banner.svg                                      7 B  ███             –  -rw-r--r--  2026-11-21 23:07          0:0
           logo.svg                                        7 B  ███             –  -rw-r--r--  2026-11-21 23:05          0:0

















    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       srv/assets/

       kind       directory
       size       14 B (14 bytes)
       share      100 % of the layer
       files      2
       mode       drwxr-xr-x 0755
       owner      0:0
       modified   2026-11-21T23:07:11Z, 12h 52m ago



    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/3 ──
     14 B unpacked
     enter open  V view  x extract  / filter  s sort  space mark  i details  e export  : command  q back
    ");
    let mut journey = files(USUAL);
    journey.press("/ 'banner enter j y");
    assert_eq!(journey.copied(), Some("srv/assets/banner.svg"));
    journey.press("esc q y");
    assert!(journey.copied().unwrap().starts_with("sha256:89d21dcb"));
    // A row without a layer does not open.
    journey.press("G enter");
    insta::assert_snapshot!(journey.line("there is no layer"), @" ! there is no layer to open: only a key is here");
}

#[test]
fn files_with_room_for_all() {
    let shop = shop();
    let mut journey = open(&shop, "c15", HUGE);
    insta::assert_snapshot!(journey.press("j j j j enter").screen(), @r"
     ./cache › c15 › COPY · 89d21dcb                                                                                                                                           2 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       layer sha256:30b7433d5cda · 188 B stored
       PATH                                              SIZE▾ SHARE       FILES  MODE        MODIFIED                OWNER │ srv/assets/
    ▸  ▾ srv/assets/                                     14 B  ██████          2  drwxr-xr-x  2026-11-21 23:07          0:0 │
           banner.svg                                     7 B  ███             –  -rw-r--r--  2026-11-21 23:07          0:0 │ kind       directory
           logo.svg                                       7 B  ███             –  -rw-r--r--  2026-11-21 23:05          0:0 │ size       14 B (14 bytes)
                                                                                                                            │ share      100 % of the layer
                                                                                                                            │ files      2
                                                                                                                            │ mode       drwxr-xr-x 0755
                                                                                                                            │ owner      0:0
                                                                                                                            │ modified   2026-11-21T23:07:11Z, 12h 52m ago
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/3 ──
     14 B unpacked
     enter open  V view  x extract  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn a_damaged_layer_says_so() {
    let shop = shop();
    let path = blob(&shop, "a1b79a3a");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0);
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let mut journey = open(&shop, "c15", USUAL);
    insta::assert_snapshot!(journey.press("j enter").screen(), @r"
     ./cache › c15 › COPY · d77d59e9                    1 file · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:a1b79a3a68d3 · ! the layer is damaged: its bytes are not those…
       PATH                                                  SIZE▾ SHARE       FILES
    ▸  ▾ usr/local/bin/                                  30.0 KiB  ██████          1
           server                                        30.0 KiB  ██████          –















    ───────────────────────────────────────────────────────────────────────── 1/2 ──
     30.0 KiB unpacked
     enter open  V view  x extract  / filter  s sort  space mark  i details
    ");
}

#[test]
fn deletions_are_shown_as_such() {
    let mut cache = MemoryCache::default();
    let layer = cache.add_blob(
        archive(&["etc/.wh.passwd", "var/cache/.wh..wh..opq", "var/cache/new"]),
        None,
    );
    let record = |digest: &str, rest: &str| {
        format!(r#"{{"digest":"{}"{rest}}}"#, Digest::of(digest.as_bytes()))
    };
    let config = format!(
        r#"{{"layers":[{{"blob":"{layer}","parent":-1}}],"records":[{},{}]}}"#,
        record("base", ""),
        record("run", r#","inputs":[[{"link":0}]],"layers":[{"layer":0}]"#),
    );
    let config_type = "application/vnd.buildkit.cacheconfig.v0";
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor(&mut cache, config_type, config.as_bytes()),
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 4096}]});
    let root = descriptor(&mut cache, MANIFEST, manifest.to_string().as_bytes());
    cache
        .set_index(
            json!({"schemaVersion": 2, "manifests": [root]})
                .to_string()
                .as_bytes(),
        )
        .unwrap();
    let mut journey = Journey::new(vec![memory("made", cache)], USUAL);
    insta::assert_snapshot!(journey.press("enter enter j enter").screen(), @r"
     made › sha256:646be632fec4… › FILE · acba2551      1 file · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:51e50add27dd · 2.5 KiB stored
       PATH                                                  SIZE▾ SHARE       FILES
    ▸  ▸ var/cache/  − emptied first                          0 B                  1
       ▸ etc/                                                 0 B                − 1















    ───────────────────────────────────────────────────────────────────────── 1/2 ──
     0 B unpacked · 2 deleted from below
     enter open  V view  x extract  / filter  s sort  space mark  i details
    ");
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
       8 ✓  22 ○  no names: n takes the build's record, provenance or image
       STEP▴                                                 SIZE      AGE   ALSO IN
    ▸  ▸ linux/amd64  15 steps                           42.7 KiB
       ▾ linux/amd64  15 steps                           42.7 KiB
         source · 089e08d6 +1                                   –        –         –
       ├ ✓ COPY · d77d59e9                               30.2 KiB  12h 54m         –
       │ ✓ COPY · 5d74d000                               12.2 KiB  12h 54m         –
       │ ✓ COPY · e0d7b2d4                                  139 B  12h 54m         –
       │ ✓ COPY · 89d21dcb                                  161 B  12h 54m         –
       ├ ○ FILE · 57a5ab45                                      –        –         –
       │ ○ COPY · 9152319c                                      –        –         –
       │ ○ RUN · eb40ed05                                       –        –         –
       │ ○ COPY · 4fdf24ec                                      –        –         –
       │ ○ RUN · 765fb925                                       –        –         –
       └ ○ FILE · 807b3e87                                      –        –         –
         ○ COPY · 1704e8bf                                      –        –         –
         ○ RUN · da55fffb                                       –        –         –
         ○ COPY · 91cc5c91                                      –        –         –
         ├ ○ RUN · 4fd7e03a                                     –        –         –
    ──────────────────────────────────────────────────────────────────────── 1/18 ──
     150 KiB in all · 150 KiB only here · made 12h 54m ago
     enter open  left fold  right unfold  w why  n names  / filter  s sort
    ");
}

#[test]
fn details_scroll_where_they_stand() {
    let shop = shop();
    let mut journey = open(&shop, "c15", LARGE);
    journey.press("j j tab G");
    insta::assert_snapshot!(journey.screen(), @r"
     ./cache › c15                                                                            15 steps · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       4 ✓  11 ○  no names: n takes the build's record, provenance or image
       STEP▴                                        SIZE      AGE   ALSO IN ┃
         source · 8aa5db81                             –        –         – ┃ Layer
       ├ ✓ COPY · d77d59e9                      30.2 KiB  12h 52m     1 ref ┃ blob       sha256:91bc5cbaa7657f9bdb1d25ca751
    ▸  │ ✓ COPY · 5d74d000                      12.2 KiB  12h 52m     1 ref ┃            054e98186efca730dd0e326e36f40ccfce
       │ ✓ COPY · e0d7b2d4                         139 B  12h 52m     1 ref ┃            c2d
       │ ✓ COPY · 89d21dcb                         188 B  12h 52m         – ┃ unpacked   sha256:2feace1714bba4e49c61b8beac9
       ├ ○ FILE · 57a5ab45                             –        –         – ┃            1d0576c23ded17dff0ce1e0bd12651f9af
       │ ○ COPY · 9152319c                             –        –         – ┃            a4f
       │ ○ RUN · e130a368                              –        –         – ┃ type       tar+gzip
       │ ○ COPY · 4fdf24ec                             –        –         – ┃ only here  0 B of its chain
       │ ○ RUN · 826adb52                              –        –         – ┃
       └ ○ FILE · 807b3e87                             –        –         – ┃ Chain of 4 layers, 89.7 KiB
         ○ COPY · 1704e8bf                             –        –         – ┃  12.2 KiB  91bc5cba  tar+gzip
         ○ RUN · 91f5b186                              –        –         – ┃  30.2 KiB  a1b79a3a  tar+gzip
         ○ COPY · 91cc5c91                             –        –         – ┃  24.3 KiB  c35117ba  tar+gzip
         ├ ○ RUN · 55274cca                            –        –         – ┃  22.9 KiB  1a292d1e  tar+gzip
         └ ○ RUN · 9f8cf52d                            –        –         – ┃
                                                                            ┃ Inputs
                                                                            ┃ 1  ✓ COPY · d77d59e9
                                                                            ┃ 2  ○ RUN · 9f8cf52d · paths b3731a05
                                                                            ┃
                                                                            ┃ Used by
                                                                            ┃ ✓ COPY · e0d7b2d4
                                                                            ┃
                                                                            ┃ Kept by
                                                                            ┃ the layer stays while one of 2 refs does
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
     enter open  left fold  right unfold  w why  n names  / filter  s sort  space mark  i details  e export  : command
    ");
    journey.press("esc j");
    assert!(journey.line("▸").contains("e0d7b2d4"));
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
