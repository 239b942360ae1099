//! Each screen, drawn at four sizes.

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};

mod blobs;
mod layers;
mod refs;

type Size = (u16, u16);

/// Draws the screen after `keys`, over a tidy store and one that is mostly waste and has lost a
/// layer.
fn drawn(keys: &str, size: Size) -> String {
    let (shop, kitchen) = (
        Fixture::named("shop").layout("local.json"),
        Fixture::named("kitchen").layout("local-latest.json"),
    );
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let sources = vec![
        local("./shop", shop.path()),
        local("./kitchen", kitchen.path()),
        local("./mini", mini.path()),
    ];
    Journey::new(sources, size).press(keys).screen()
}

#[test]
fn sources_at_60() {
    insta::assert_snapshot!(drawn("", (60, 16)), @r"
     cachelens                   3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────
       SOURCE                LIVE    ORPHAN  STATE
    ▸  ./shop             1.9 MiB         –  ready
       ███████████████████████  no waste
       ./kitchen          160 KiB   1.2 MiB  ready
       ███▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned
       ./mini             245 KiB         –  ! 1 ref broken
       ████████████████·····××  no waste · ! 1 missing




    ───────────────────────────────────────────────────── 1/3 ──
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB orphan
     enter open  p plan a prune  w why  c check  a add  b blobs
    ");
}

#[test]
fn sources_at_80() {
    insta::assert_snapshot!(drawn("", (80, 24)), @r"
     cachelens                                       3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       SOURCE                REFS      LIVE    ORPHAN    NEWEST  STATE
    ▸  ./shop                  15   1.9 MiB         –   12h 52m  ready
       ███████████████████████████████████████████  no waste
       ./kitchen                1   160 KiB   1.2 MiB   12h 32m  ready
       █████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned
       ./mini                   3   245 KiB         –    12h 8m  ! 1 ref broken
       ██████████████████████████████·········××××  no waste · ! 1 missing

    ────────────────────────────────────────────────────────────────────────────────
       ./shop
       kind       local
       scan       ready

       Stored objects
       in all     1.9 MiB in 182 objects
       live       1.9 MiB in 182 objects that a ref reaches
       orphan     0 B in 0 objects that no ref reaches
       newest ref 12h 52m ago

    ───────────────────────────────────────────────────────────────────────── 1/3 ──
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB orphan · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap  x close
    ");
}

#[test]
fn sources_at_120() {
    insta::assert_snapshot!(drawn("", (120, 40)), @r"
     cachelens                                                                               3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SOURCE                 REFS      LIVE    ORPHAN    NEWEST  STATE                 │ ./shop
    ▸  ./shop                   15   1.9 MiB         –   12h 52m  ready                 │ kind       local
       ██████████████████████████████████████████████  no waste                         │ scan       ready
       ./kitchen                 1   160 KiB   1.2 MiB   12h 32m  ready                 │
       █████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned                    │ Stored objects
       ./mini                    3   245 KiB         –    12h 8m  ! 1 ref broken        │ in all     1.9 MiB in 182 objects
       █████████████████████████████████·········××××  no waste · ! 1 missing           │ live       1.9 MiB in 182 objects
                                                                                        │            that a ref reaches
                                                                                        │ orphan     0 B in 0 objects that
                                                                                        │            no ref reaches
                                                                                        │ newest ref 12h 52m ago
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/3 ──
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB orphan · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap  x close  / filter  s sort  space mark
    ");
}

#[test]
fn sources_at_200() {
    insta::assert_snapshot!(drawn("", (200, 60)), @r"
     cachelens                                                                                                                                                               3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SOURCE                    KIND         REFS      LIVE    ORPHAN       MISSING    NEWEST  STATE                       │ ./shop
    ▸  ./shop                    local          15   1.9 MiB         –             –   12h 52m  ready                       │ kind       local
       ██████████████████████████████████████████████████████████████████████████████████  no waste                         │ scan       ready
       ./kitchen                 local           1   160 KiB   1.2 MiB             –   12h 32m  ready                       │
       ██████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned                    │ Stored objects
       ./mini                    local           3   245 KiB         –       ! 1 ref    12h 8m  ! 1 ref broken              │ in all     1.9 MiB in 182 objects
       ███████████████████████████████████████████████████████████················×××××××  no waste · ! 1 missing           │ live       1.9 MiB in 182 objects that a ref reaches
                                                                                                                            │ orphan     0 B in 0 objects that no ref reaches
    ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ──────────────────────────────────────────────────────────────────── │ newest ref 12h 52m ago
       shared by refs                                    │ c03                  │ c10                                       │
       480 KiB                                           │ 190 KiB only here    │ 190 KiB only here                         │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   ├── enter opens refs ───────────────────────────────────────────────────────────
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   REF                 AGE▴     SIZE          ONLY HERE  LAYERS  STEPS
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c15             12h 52m  95.9 KiB  █░        6.0 KiB       6     4 ✓  11 ○
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │─────────────────────────────────────────  │   c14             12h 52m   237 KiB  ██░░░    97.1 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ c13                                       │   c13             12h 53m   237 KiB  ███░░░    140 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 140 KiB only here                         │   c12             12h 53m   206 KiB  █░░░░    41.1 KiB      15    13 ✓   2 ○
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c11             12h 53m   237 KiB  █░░░░    72.4 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c10             12h 53m   237 KiB  ████░     190 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c09             12h 53m   174 KiB  █░░░     33.8 KiB      12    10 ✓   5 ○
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c08             12h 53m   237 KiB  █░░░░    72.6 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c07             12h 53m   174 KiB  █░░░      9.2 KiB      12    10 ✓   5 ○
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c06             12h 53m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c05             12h 54m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │──────────────────────│─────────────────────────────────────────  │   c04             12h 54m   237 KiB  ██░░░     110 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ c04                    │ c08               │ c11                 │   c03             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ 110 KiB only here      │ 72.6 KiB only here│ 72.4 KiB only here  │   c02             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
      ───────────────────────────────────────────────────│ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   c01             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
       c02                     │ c01                     │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       190 KiB only here       │ 190 KiB only here       │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │─── age of the blobs: █ reached by a ref  ▒ orphaned ──────────────────────────
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 1.9 MiB
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │───────────────────│───────────────────  │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ c06     │ c05     │ c12                 │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │────────────────────────│ 46.2 KiB│ 46.2 KiB│ 41.1 KiB only here  │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ c14                    │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 97.1 KiB only here     │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │───────────────────  │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ c09                 │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ 33.8 KiB only here  │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │───────────────────  │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ 2 more              │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ 15.3 KiB together   │                                                                 ████████
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │  older    <98d     <84d     <70d     <56d     <42d     <28d     <14d
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/3 ──
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB orphan · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap  x close  / filter  s sort  space mark  i details  e export  : command  q quit
    ");
}

#[test]
fn the_start_at_60() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (60, 16)).screen(), @r"
     cachelens                               no source · ? help
    ────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in
      use, what is waste, what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…
       F  Show the caches that this directory declares

      How to name a source
        ./buildkit-cache          a directory that a build wr…
        type=local,dest=./cache   exactly as in --cache-to or…
    ────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    ");
}

#[test]
fn the_start_at_80() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (80, 24)).screen(), @r"
     cachelens                                                   no source · ? help
    ────────────────────────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in use, what is waste,
      what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…
       F  Show the caches that this directory declares

      How to name a source
        ./buildkit-cache          a directory that a build wrote with type=local
        type=local,dest=./cache   exactly as in --cache-to or --cache-from
        ./buildkit-cache#main     one ref of it
        ghcr.io/acme/app          a repository in a registry
        s3://bucket/prefix        a cache that type=s3 wrote
        gha:owner/repository      the cache of GitHub Actions

      Sources on the command line, as in `cachelens ./cache`, or in
      cachelens.toml, open at once.

    ────────────────────────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    ");
}

#[test]
fn the_start_at_120() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (120, 40)).screen(), @r"
     cachelens                                                                                           no source · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in use, what is waste, what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…
       F  Show the caches that this directory declares

      How to name a source
        ./buildkit-cache          a directory that a build wrote with type=local
        type=local,dest=./cache   exactly as in --cache-to or --cache-from
        ./buildkit-cache#main     one ref of it
        ghcr.io/acme/app          a repository in a registry
        s3://bucket/prefix        a cache that type=s3 wrote
        gha:owner/repository      the cache of GitHub Actions

      Sources on the command line, as in `cachelens ./cache`, or in cachelens.toml, open at once.



















    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    ");
}

#[test]
fn the_start_at_200() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (200, 60)).screen(), @r"
     cachelens                                                                                                                                                                           no source · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in use, what is waste, what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…
       F  Show the caches that this directory declares

      How to name a source
        ./buildkit-cache          a directory that a build wrote with type=local
        type=local,dest=./cache   exactly as in --cache-to or --cache-from
        ./buildkit-cache#main     one ref of it
        ghcr.io/acme/app          a repository in a registry
        s3://bucket/prefix        a cache that type=s3 wrote
        gha:owner/repository      the cache of GitHub Actions

      Sources on the command line, as in `cachelens ./cache`, or in cachelens.toml, open at once.







































    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    ");
}

#[test]
fn a_terminal_that_is_too_small_shows_a_message() {
    insta::assert_snapshot!(drawn("", (40, 8)), @r"
    cachelens needs 60×16 characters; this
    terminal has 40×8. Make it larger, or
    quit with ctrl-c.
    ");
}
