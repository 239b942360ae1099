//! Each screen as it is drawn, at four sizes.

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};

type Size = (u16, u16);

/// Draws the screen that `keys` lead to, over one tidy store and one that is mostly waste and has lost a layer.
fn drawn(keys: &str, size: Size) -> String {
    let (shop, kitchen) =
        (Fixture::named("shop").layout("local.json"), Fixture::named("kitchen").layout("local-latest.json"));
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let sources = vec![local("./shop", shop.path()), local("./kitchen", kitchen.path()), local("./mini", mini.path())];
    Journey::new(sources, size).press(keys).screen()
}

#[test]
fn sources_at_60() {
    insta::assert_snapshot!(drawn("", (60, 16)), @r"
     cachelens                   3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────
       SOURCE▴              LIVE    ORPHAN   MISSING  STATE
    ▸  ./shop            1.9 MiB         –         –  ready
       ███████████████████████  no waste
       ./kitchen         160 KiB   1.2 MiB         –  ready
       ███▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned
       ./mini            245 KiB         –   ! 1 ref  ready
       ████████████████·····××  no waste · ! 1 missing




    ────────────────────────────────────────────────────────────
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB could go
     enter open  p plan a prune  w why  c check  a add  b blobs
    ");
}

#[test]
fn sources_at_80() {
    insta::assert_snapshot!(drawn("", (80, 24)), @r"
     cachelens                                       3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       SOURCE▴             REFS      LIVE    ORPHAN   MISSING    NEWEST  STATE
    ▸  ./shop                15   1.9 MiB         –         –   12h 52m  ready
       ███████████████████████████████████████████  no waste
       ./kitchen              1   160 KiB   1.2 MiB         –   12h 32m  ready
       █████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned
       ./mini                 3   245 KiB         –   ! 1 ref    12h 8m  ready
       ██████████████████████████████·········××××  no waste · ! 1 missing












    ────────────────────────────────────────────────────────────────────────────────
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  / filter  s sort
    ");
}

#[test]
fn sources_at_120() {
    insta::assert_snapshot!(drawn("", (120, 40)), @r"
     cachelens                                                                               3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SOURCE▴                          KIND        REFS      LIVE    ORPHAN   MISSING    NEWEST  STATE
    ▸  ./shop                           local         15   1.9 MiB         –         –   12h 52m  ready
       ███████████████████████████████████████████████████████████████████████████████████  no waste
       ./kitchen                        local          1   160 KiB   1.2 MiB         –   12h 32m  ready
       ██████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned
       ./mini                           local          3   245 KiB         –   ! 1 ref    12h 8m  ready
       ███████████████████████████████████████████████████████████·················×××××××  no waste · ! 1 missing














    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       ./shop
       kind       local
       scan       ready

       What is stored
       in all     1.9 MiB in 182 objects
       live       1.9 MiB in 182 objects, which a ref reaches
       orphan     0 B in 0 objects, which no ref reaches
       newest ref 12h 52m ago




    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn sources_at_200() {
    insta::assert_snapshot!(drawn("", (200, 60)), @r"
     cachelens                                                                                                                                                               3 sources · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SOURCE▴                          KIND        REFS      LIVE    ORPHAN   MISSING    NEWEST  STATE                     │ ./shop
    ▸  ./shop                           local         15   1.9 MiB         –         –   12h 52m  ready                     │ kind       local
       ██████████████████████████████████████████████████████████████████████████████████  no waste                         │ scan       ready
       ./kitchen                        local          1   160 KiB   1.2 MiB         –   12h 32m  ready                     │
       ██████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  88 % orphaned                    │ What is stored
       ./mini                           local          3   245 KiB         –   ! 1 ref    12h 8m  ready                     │ in all     1.9 MiB in 182 objects
       ███████████████████████████████████████████████████████████················×××××××  no waste · ! 1 missing           │ live       1.9 MiB in 182 objects, which a ref reaches
                                                                                                                            │ orphan     0 B in 0 objects, which no ref reaches
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
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  / filter  s sort  space mark  i details  e export  : command  q quit
    ");
}

#[test]
fn refs_at_60() {
    insta::assert_snapshot!(drawn("enter", (60, 16)), @r"
     ./shop › refs       15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────
     ███████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE  ONLY HERE  STEPS
    ▸  c15           12h 52m  95.9 KiB    6.0 KiB     4 ✓  11 ○
       c14           12h 52m   237 KiB   97.1 KiB    15 ✓
       c13           12h 53m   237 KiB    140 KiB    15 ✓
       c12           12h 53m   206 KiB   41.1 KiB    13 ✓   2 ○
       c11           12h 53m   237 KiB   72.4 KiB    15 ✓
       c10           12h 53m   237 KiB    190 KiB    15 ✓
       c09           12h 53m   174 KiB   33.8 KiB    10 ✓   5 ○
    ────────────────────────────────────────────────────────────
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  b blobs
    ");
}

#[test]
fn refs_at_80() {
    insta::assert_snapshot!(drawn("enter", (80, 24)), @r"
     ./shop › refs                           15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE  ONLY HERE  STEPS          POLICY
    ▸  c15           12h 52m  95.9 KiB    6.0 KiB     4 ✓  11 ○   keep  no rule mat…
       c14           12h 52m   237 KiB   97.1 KiB    15 ✓         keep  no rule mat…
       c13           12h 53m   237 KiB    140 KiB    15 ✓         keep  no rule mat…
       c12           12h 53m   206 KiB   41.1 KiB    13 ✓   2 ○   keep  no rule mat…
       c11           12h 53m   237 KiB   72.4 KiB    15 ✓         keep  no rule mat…
       c10           12h 53m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c09           12h 53m   174 KiB   33.8 KiB    10 ✓   5 ○   keep  no rule mat…
       c08           12h 53m   237 KiB   72.6 KiB    15 ✓         keep  no rule mat…
       c07           12h 53m   174 KiB    9.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c06           12h 53m   174 KiB   46.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c05           12h 54m   174 KiB   46.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c04           12h 54m   237 KiB    110 KiB    15 ✓         keep  no rule mat…
       c03           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c02           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c01           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
    ────────────────────────────────────────────────────────────────────────────────
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  b blobs  / filter  s sort
    ");
}

#[test]
fn refs_at_120() {
    insta::assert_snapshot!(drawn("enter", (120, 40)), @r"
     ./shop › refs                                                                   15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████████████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF                KIND          AGE▴     SIZE  ONLY HERE  LAYERS  STEPS                POLICY
    ▸  c15                cache     12h 52m  95.9 KiB    6.0 KiB       6     4 ✓  11 ○         keep  no rule matches it
       c14                cache     12h 52m   237 KiB   97.1 KiB      17    15 ✓               keep  no rule matches it
       c13                cache     12h 53m   237 KiB    140 KiB      17    15 ✓               keep  no rule matches it
       c12                cache     12h 53m   206 KiB   41.1 KiB      15    13 ✓   2 ○         keep  no rule matches it
       c11                cache     12h 53m   237 KiB   72.4 KiB      17    15 ✓               keep  no rule matches it
       c10                cache     12h 53m   237 KiB    190 KiB      17    15 ✓               keep  no rule matches it
       c09                cache     12h 53m   174 KiB   33.8 KiB      12    10 ✓   5 ○         keep  no rule matches it
       c08                cache     12h 53m   237 KiB   72.6 KiB      17    15 ✓               keep  no rule matches it
       c07                cache     12h 53m   174 KiB    9.2 KiB      12    10 ✓   5 ○         keep  no rule matches it
       c06                cache     12h 53m   174 KiB   46.2 KiB      12    10 ✓   5 ○         keep  no rule matches it
       c05                cache     12h 54m   174 KiB   46.2 KiB      12    10 ✓   5 ○         keep  no rule matches it
       c04                cache     12h 54m   237 KiB    110 KiB      17    15 ✓               keep  no rule matches it
       c03                cache     12h 54m   237 KiB    190 KiB      17    15 ✓               keep  no rule matches it
       c02                cache     12h 54m   237 KiB    190 KiB      17    15 ✓               keep  no rule matches it
       c01                cache     12h 54m   237 KiB    190 KiB      17    15 ✓               keep  no rule matches it




    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       c15
       digest     sha256:f621ad55864a88e3fc49df2f527589e4818c6e4cd1a66ca083a32dd811bb90b5
       kind       cache
       age        12h 52m ago, 2026-11-21T23:07:12Z (its newest result)
       policy     keep: no rule matches it

       size       95.9 KiB in 8 blobs
       only here  6.0 KiB: what deleting this ref alone would free
       layers     6
       records    21
       … tab scrolls, i shows all
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  b blobs  / filter  s sort  space mark  i details  e export  : command
    ");
}

#[test]
fn refs_at_200() {
    insta::assert_snapshot!(drawn("enter", (200, 60)), @r"
     ./shop › refs                                                                                                                                                   15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ████████████████████████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF                KIND          AGE▴     SIZE  ONLY HERE  LAYERS  STEPS               POLICY                        │ c15
    ▸  c15                cache     12h 52m  95.9 KiB    6.0 KiB       6     4 ✓  11 ○        keep  no rule matches it      │ digest     sha256:f621ad55864a88e3fc49df2f527589e4818c6e4cd1a66ca083a32dd811b
       c14                cache     12h 52m   237 KiB   97.1 KiB      17    15 ✓              keep  no rule matches it      │            b90b5
       c13                cache     12h 53m   237 KiB    140 KiB      17    15 ✓              keep  no rule matches it      │ kind       cache
       c12                cache     12h 53m   206 KiB   41.1 KiB      15    13 ✓   2 ○        keep  no rule matches it      │ age        12h 52m ago, 2026-11-21T23:07:12Z (its newest result)
       c11                cache     12h 53m   237 KiB   72.4 KiB      17    15 ✓              keep  no rule matches it      │ policy     keep: no rule matches it
       c10                cache     12h 53m   237 KiB    190 KiB      17    15 ✓              keep  no rule matches it      │
       c09                cache     12h 53m   174 KiB   33.8 KiB      12    10 ✓   5 ○        keep  no rule matches it      │ size       95.9 KiB in 8 blobs
       c08                cache     12h 53m   237 KiB   72.6 KiB      17    15 ✓              keep  no rule matches it      │ only here  6.0 KiB: what deleting this ref alone would free
       c07                cache     12h 53m   174 KiB    9.2 KiB      12    10 ✓   5 ○        keep  no rule matches it      │ layers     6
       c06                cache     12h 53m   174 KiB   46.2 KiB      12    10 ✓   5 ○        keep  no rule matches it      │ records    21
       c05                cache     12h 54m   174 KiB   46.2 KiB      12    10 ✓   5 ○        keep  no rule matches it      │ results    4 whose result can be loaded  ✓
       c04                cache     12h 54m   237 KiB    110 KiB      17    15 ✓              keep  no rule matches it      │ key only   11 that only let later steps match  ○
       c03                cache     12h 54m   237 KiB    190 KiB      17    15 ✓              keep  no rule matches it      │
       c02                cache     12h 54m   237 KiB    190 KiB      17    15 ✓              keep  no rule matches it      │
       c01                cache     12h 54m   237 KiB    190 KiB      17    15 ✓              keep  no rule matches it      │
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
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  b blobs  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn broken_refs_at_80() {
    insta::assert_snapshot!(drawn("j j enter", (80, 24)), @r"
     ./mini › refs                            3 refs · 314 KiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████·······×××  245 KiB live · 0 B orphan · ! 1 missing
     bytes by age  <1d ██████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE  ONLY HERE  STEPS           POLICY
    ▸  c03            12h 8m   113 KiB   35.6 KiB  ! 1 blob miss…  keep  no rule ma…
       c02            12h 8m   144 KiB   65.8 KiB     6 ✓          keep  no rule ma…
       c01            12h 8m   144 KiB   65.9 KiB     6 ✓          keep  no rule ma…












    ────────────────────────────────────────────────────────────────────────────────
     245 KiB reached by 3 refs · ! 1 broken
     enter open  p plan a prune  w why  c check  b blobs  / filter  s sort
    ");
}

#[test]
fn broken_refs_at_120() {
    insta::assert_snapshot!(drawn("j j enter", (120, 40)), @r"
     ./mini › refs                                                                    3 refs · 314 KiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████████···············×××××××  245 KiB live · 0 B orphan · ! 1 missing
     bytes by age  <1d ██████████████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF          KIND          AGE▴     SIZE  ONLY HERE  LAYERS  STEPS                           POLICY
    ▸  c03          cache      12h 8m   113 KiB   35.6 KiB       8  ! 1 blob missing: a build tha…  keep  no rule matches it
       c02          cache      12h 8m   144 KiB   65.8 KiB       8     6 ✓                          keep  no rule matches it
       c01          cache      12h 8m   144 KiB   65.9 KiB       8     6 ✓                          keep  no rule matches it
















    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       c03
       ! 1 blob missing: a build that imports this fails
       digest     sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad695519b419
       kind       cache
       age        12h 8m ago, 2026-11-21T23:51:34Z (its newest result)
       policy     keep: no rule matches it

       size       113 KiB in 10 blobs
       only here  35.6 KiB: what deleting this ref alone would free
       layers     8
       … tab scrolls, i shows all
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     245 KiB reached by 3 refs · ! 1 broken
     enter open  p plan a prune  w why  c check  b blobs  / filter  s sort  space mark  i details  e export  : command
    ");
}

#[test]
fn blobs_at_60() {
    insta::assert_snapshot!(drawn("j b", (60, 16)), @r"
     ./kit… › blobs  169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────
       BLOB                       STATE           SIZE▾      AGE
    ▸  sha256:4d2486f2890d33b31…  ○ orphan    37.2 KiB   12h 32m
       sha256:dc5b9e768dfa835ac…  ○ orphan    37.2 KiB   12h 32m
       sha256:e4082698164053e38…  ○ orphan    37.2 KiB   12h 33m
       sha256:3962a45e253fc05a3…  ○ orphan    37.2 KiB   12h 32m
       sha256:cabb629779a40e9eb…  ○ orphan    37.2 KiB   12h 32m
       sha256:c8928c717a8e825fa…  ○ orphan    37.2 KiB   12h 32m
       sha256:9a1b9080e73e72f9a…  ○ orphan    37.2 KiB   12h 32m
       sha256:d14a5ae984a791c21…  ○ orphan    37.2 KiB   12h 32m
       sha256:e19a58cdd66162b46…  ✓ live      37.2 KiB   12h 32m
       sha256:59f03c5e7ddda964c…  ○ orphan    37.2 KiB   12h 33m
    ────────────────────────────────────────────────────────────
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  / filter  s sort
    ");
}

#[test]
fn blobs_at_80() {
    insta::assert_snapshot!(drawn("j b", (80, 24)), @r"
     ./kitchen › blobs                   169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       BLOB                      ROLE          STATE           SIZE▾      AGE   REFS
    ▸  sha256:4d2486f2890d33b3…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:dc5b9e768dfa835a…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:e4082698164053e3…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:3962a45e253fc05a…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:cabb629779a40e9e…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:c8928c717a8e825f…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:9a1b9080e73e72f9…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:d14a5ae984a791c2…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:e19a58cdd66162b4…  layer         ✓ live      37.2 KiB   12h 32m      1
       sha256:59f03c5e7ddda964…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:36e8414f541e5af4…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:fdc4e99270fa5baa…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:4734ca4a21d37f2f…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:e07463ea9245be2a…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:4f7f3ba7e77a2551…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:c9f82e45ede1574e…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:9cb5dbecad08662a…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:b74aeb811d5a9d43…  blob          ○ orphan    36.9 KiB   12h 33m      0
    ────────────────────────────────────────────────────────────────────────────────
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  / filter  s sort  space mark  i details
    ");
}

#[test]
fn blobs_at_120() {
    insta::assert_snapshot!(drawn("j b", (120, 40)), @r"
     ./kitchen › blobs                                                           169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       BLOB                                                              ROLE          STATE           SIZE▾      AGE   REFS
    ▸  sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713e7…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:dc5b9e768dfa835ac96dbc0db334fd76fc005e56b759969ca2e89b06…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:e4082698164053e385bd80ee6c0bc10ec1b507ae86a5fc6ce6af5267…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:3962a45e253fc05a3b13014afac21c1900552e952edfa14e866431bf…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:cabb629779a40e9eb4577489513fb99b093d3a00e3074f424bb371d1…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:c8928c717a8e825fac8a33f80684180148717d0a9c139b0ac7279fa9…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:9a1b9080e73e72f9a2a8df61e416feb7740216741733f6e99aa22744…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:d14a5ae984a791c21567c55f91dc4259fea41188b20fed67ff68e454…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:e19a58cdd66162b46ce374f67f7058c85180eae78757ccf5a08dd1b7…  layer         ✓ live      37.2 KiB   12h 32m      1
       sha256:59f03c5e7ddda964cfef80f175efea38bddc27b88ae6d59c464314f9…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:36e8414f541e5af47834642b5e6f2b27f06a43a4033e68386d1b11c7…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:fdc4e99270fa5baa85c43618d4b47676bb4d73fc919b3a2b03c5ddf7…  blob          ○ orphan    37.2 KiB   12h 32m      0
       sha256:4734ca4a21d37f2fa5a312f862f5bf7d2c8a5a69def18cc8ad252288…  blob          ○ orphan    37.2 KiB   12h 33m      0
       sha256:e07463ea9245be2a4027099db39977c1c3072c74a9f76a23f0b63c26…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:4f7f3ba7e77a2551a19f18153dfc63c52d9496120595c6dd91e48d2e…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:c9f82e45ede1574eb1312d87ef5d5a20f0832f4ed1b8df16d24d54f7…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:9cb5dbecad08662a1cfa01612cae904f21e8e65b280ddf076248ec67…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:b74aeb811d5a9d43273ca4c0b3de6cdff3d5be8637cceedc4edd272b…  blob          ○ orphan    36.9 KiB   12h 33m      0
       sha256:5c1af998a5c7931e76ab1657a77995fd0fef9284dc158723a567958e…  blob          ○ orphan    36.9 KiB   12h 32m      0
       sha256:ea9f031a4919a3836a23c91639426567313b0979387af6ef33e53bf1…  blob          ○ orphan    36.9 KiB   12h 32m      0
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713e784a622c0
       state      ○ orphan
       stored, and no ref names it: it could go

       role       blob
       size       37.2 KiB (38089 bytes)
       written    12h 32m ago, 2026-11-21T23:27:24Z






    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn blobs_at_200() {
    insta::assert_snapshot!(drawn("j b", (200, 60)), @r"
     ./kitchen › blobs                                                                                                                                           169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       BLOB                                                             ROLE          STATE           SIZE▾      AGE   REFS │ sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713e784a622c0
    ▸  sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713e…  blob          ○ orphan    37.2 KiB   12h 32m      0 │ state      ○ orphan
       sha256:dc5b9e768dfa835ac96dbc0db334fd76fc005e56b759969ca2e89b0…  blob          ○ orphan    37.2 KiB   12h 32m      0 │ stored, and no ref names it: it could go
       sha256:e4082698164053e385bd80ee6c0bc10ec1b507ae86a5fc6ce6af526…  blob          ○ orphan    37.2 KiB   12h 33m      0 │
       sha256:3962a45e253fc05a3b13014afac21c1900552e952edfa14e866431b…  blob          ○ orphan    37.2 KiB   12h 32m      0 │ role       blob
       sha256:cabb629779a40e9eb4577489513fb99b093d3a00e3074f424bb371d…  blob          ○ orphan    37.2 KiB   12h 32m      0 │ size       37.2 KiB (38089 bytes)
       sha256:c8928c717a8e825fac8a33f80684180148717d0a9c139b0ac7279fa…  blob          ○ orphan    37.2 KiB   12h 32m      0 │ written    12h 32m ago, 2026-11-21T23:27:24Z
       sha256:9a1b9080e73e72f9a2a8df61e416feb7740216741733f6e99aa2274…  blob          ○ orphan    37.2 KiB   12h 32m      0 │
       sha256:d14a5ae984a791c21567c55f91dc4259fea41188b20fed67ff68e45…  blob          ○ orphan    37.2 KiB   12h 32m      0 │
       sha256:e19a58cdd66162b46ce374f67f7058c85180eae78757ccf5a08dd1b…  layer         ✓ live      37.2 KiB   12h 32m      1 │
       sha256:59f03c5e7ddda964cfef80f175efea38bddc27b88ae6d59c464314f…  blob          ○ orphan    37.2 KiB   12h 33m      0 │
       sha256:36e8414f541e5af47834642b5e6f2b27f06a43a4033e68386d1b11c…  blob          ○ orphan    37.2 KiB   12h 33m      0 │
       sha256:fdc4e99270fa5baa85c43618d4b47676bb4d73fc919b3a2b03c5ddf…  blob          ○ orphan    37.2 KiB   12h 32m      0 │
       sha256:4734ca4a21d37f2fa5a312f862f5bf7d2c8a5a69def18cc8ad25228…  blob          ○ orphan    37.2 KiB   12h 33m      0 │
       sha256:e07463ea9245be2a4027099db39977c1c3072c74a9f76a23f0b63c2…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:4f7f3ba7e77a2551a19f18153dfc63c52d9496120595c6dd91e48d2…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:c9f82e45ede1574eb1312d87ef5d5a20f0832f4ed1b8df16d24d54f…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:9cb5dbecad08662a1cfa01612cae904f21e8e65b280ddf076248ec6…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:b74aeb811d5a9d43273ca4c0b3de6cdff3d5be8637cceedc4edd272…  blob          ○ orphan    36.9 KiB   12h 33m      0 │
       sha256:5c1af998a5c7931e76ab1657a77995fd0fef9284dc158723a567958…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:ea9f031a4919a3836a23c91639426567313b0979387af6ef33e53bf…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:e7fc9c16148a8f906a85163b1da2abfa00635d6140b8f9c3fe419cb…  blob          ○ orphan    36.9 KiB   12h 32m      0 │
       sha256:8645e57db3739b0a32d07fa64ce3b731cc8964bac0d84bc779f9cd4…  blob          ○ orphan    36.9 KiB   12h 33m      0 │
       sha256:47fd7e77fc387b8f75b5e2d2b0a6e182f281269921a42975070fea2…  blob          ○ orphan    36.9 KiB   12h 33m      0 │
       sha256:6203b7246778987465dac23b9877515e679e16b730812e6d90a95d3…  blob          ○ orphan    36.9 KiB   12h 33m      0 │
       sha256:dc9b9b9af3481eabff37df5eb4ba12605ad39fd280342a4666ea95e…  layer         ✓ live      36.7 KiB   12h 32m      1 │
       sha256:58b1e480c91212f981f3fa09154f16bd87d508725aa4abb1b01d586…  blob          ○ orphan    36.3 KiB   12h 32m      0 │
       sha256:ff4a53c4e1b20bf3f34a785f88c99219bc64ed18777d36a82fa6a95…  layer         ✓ live      24.3 KiB   12h 33m      1 │
       sha256:d9b39c8cfe69d52eb4ef7fed08c86a23b0d59fe2e2034ae4fda13f7…  blob          ○ orphan    24.2 KiB   12h 32m      0 │
       sha256:e3ed0787ace068ef6f79708b4ea225089e21f82859244daf324e727…  blob          ○ orphan    24.2 KiB   12h 32m      0 │
       sha256:9fc106053576f4da3db9d09d990eb981936ea35d614b739645eca0b…  blob          ○ orphan    24.2 KiB   12h 33m      0 │
       sha256:cc68f804b409cb6bec798b6b1b0194b0c58a2c2e3c621b27fdda35b…  layer         ✓ live      24.2 KiB   12h 32m      1 │
       sha256:6a801761fa0e31c0fdfbd03bf7b344462e5ac378b41a06545a7d1c9…  blob          ○ orphan    24.2 KiB   12h 32m      0 │
       sha256:e67dbaf6df9d518a897c3f346a868ae243779895c5bd003520ea9e8…  blob          ○ orphan    24.2 KiB   12h 33m      0 │
       sha256:4da03b14a8b977bc4e16505aaa7c1110f0f11ed81e0ea5746e40aa4…  blob          ○ orphan    24.2 KiB   12h 33m      0 │
       sha256:981930d31dc3bacf2f3af15a4ac8355ae1bb9f0ca0b925b4d0acb5f…  layer         ✓ live      22.9 KiB   12h 33m      1 │
       sha256:996f3b56f6f55af4fbf6c6a4da880a07667fbbc9ea7ce1863512a22…  blob          ○ orphan     7.0 KiB   12h 33m      0 │
       sha256:b021960e9b0aac822e4c5f7cc3d14b32116576a4de5116bf2ed6698…  blob          ○ orphan     7.0 KiB   12h 32m      0 │
       sha256:1501939ffcb77a73396dd989c30c3185148901c677e55951a3a87c4…  blob          ○ orphan     7.0 KiB   12h 32m      0 │
       sha256:9ba4980d805365ce261a077fcb7218317435cfa76214720e8b35cc9…  blob          ○ orphan     7.0 KiB   12h 32m      0 │
       sha256:009957fe5aca8977f2c541cb7f8011b08070d7a4d6af641aec9d95f…  blob          ○ orphan     7.0 KiB   12h 33m      0 │
       sha256:d58b7234a5db6e62d6125f432316af80808cdfa41f2c30c62155dee…  blob          ○ orphan     6.9 KiB   12h 33m      0 │
       sha256:66f0c78b30516335b118e9d00a4e3e163e99a92ef35f6152af0bda8…  blob          ○ orphan     6.9 KiB   12h 32m      0 │
       sha256:daf7bf41df13d1d44c91c41c41a798b1dfc6d3d4c15d07e58c191dc…  blob          ○ orphan     6.8 KiB   12h 33m      0 │
       sha256:1c6aba491a38549ac9db5513cad46b6b6a436469cd7418b44ac431a…  blob          ○ orphan     6.7 KiB   12h 32m      0 │
       sha256:ccfb3a51074bbe4d0929fa17e0546b69059436a9493bc5d332f9344…  cache config  ✓ live       6.6 KiB   12h 32m      1 │
       sha256:7b4288993084a8a46627efcf2952167bd587fcecbe2db1382971241…  blob          ○ orphan     6.6 KiB   12h 32m      0 │
       sha256:1487ab20bfd28f7c983027bd9f902393d993cbc209b96a713afff6f…  blob          ○ orphan     6.6 KiB   12h 32m      0 │
       sha256:14fd3c79feae6d8626ee1ac32244e7d221ff6a6f591d00ef2a0dc8d…  blob          ○ orphan     6.6 KiB   12h 32m      0 │
       sha256:6e79a61b4ba81c16d9da2a349711b44c64b019dffdcd550ae3563d1…  blob          ○ orphan     6.3 KiB   12h 32m      0 │
       sha256:333a1cc55b16e50487c7a40677bfb2b5b5f9c957a18dbfe497b03b0…  blob          ○ orphan     6.3 KiB   12h 32m      0 │
       sha256:332f5cb7ca2f7d8ae29884067f4cf7a2f549d3e34c29e9467f1f8d5…  blob          ○ orphan     6.3 KiB   12h 32m      0 │
       sha256:8a715f2c79813a61e80900ed1d1f75cb4bdd090ed5e3eda961606d4…  blob          ○ orphan     6.3 KiB   12h 33m      0 │
       sha256:811dac8776464e5f4f0627c92f3252389b35d971f6d6bc532636cd7…  blob          ○ orphan     6.3 KiB   12h 33m      0 │
       sha256:33013724246e3442f3f429b43f7fe509a0d97879cf9129f174d8dd8…  blob          ○ orphan     6.3 KiB   12h 33m      0 │
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn the_start_at_60() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (60, 16)).screen(), @r#"
     cachelens                   no source · read-only · ? help
    ────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in
      use, what is waste, what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…

      How to name a source
        ./buildkit-cache          a directory that a build wr…
        type=local,dest=./cache   exactly what stands in --ca…
        ./buildkit-cache#main     one ref of it
    ────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    "#);
}

#[test]
fn the_start_at_80() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (80, 24)).screen(), @r#"
     cachelens                                       no source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in use, what is waste,
      what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…

      How to name a source
        ./buildkit-cache          a directory that a build wrote with type=local
        type=local,dest=./cache   exactly what stands in --cache-to or --cache-fr…
        ./buildkit-cache#main     one ref of it

      Sources on the command line, as in `cachelens ./cache`, or in
      cachelens.toml, open at once.





    ────────────────────────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    "#);
}

#[test]
fn the_start_at_120() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (120, 40)).screen(), @r#"
     cachelens                                                                               no source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in use, what is waste, what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…

      How to name a source
        ./buildkit-cache          a directory that a build wrote with type=local
        type=local,dest=./cache   exactly what stands in --cache-to or --cache-from
        ./buildkit-cache#main     one ref of it

      Sources on the command line, as in `cachelens ./cache`, or in cachelens.toml, open at once.























    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    "#);
}

#[test]
fn the_start_at_200() {
    insta::assert_snapshot!(Journey::new(Vec::new(), (200, 60)).screen(), @r#"
     cachelens                                                                                                                                                               no source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

      cachelens shows what is in BuildKit caches: what is in use, what is waste, what is broken.

       d  Open the demo, a small cache that is built in
       a  Open a source…

      How to name a source
        ./buildkit-cache          a directory that a build wrote with type=local
        type=local,dest=./cache   exactly what stands in --cache-to or --cache-from
        ./buildkit-cache#main     one ref of it

      Sources on the command line, as in `cachelens ./cache`, or in cachelens.toml, open at once.











































    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

     enter choose  d demo  a open a source  : command  q quit
    "#);
}

#[test]
fn help_at_80() {
    insta::assert_snapshot!(drawn("?", (80, 24)), @r"
     c╭ Keys · type to search · more below ──────────────────────────────────────╮p
    ──│                                                                          │──
      │                                                                          │
    ▸ │ Sources                                                                  │
      │   enter            Show the refs of the source                           │
      │   p                Plan a prune of the source                            │
      │   w                Ask why a build missed the caches of its record       │
      │   c                Check the source: what is broken, in danger, or waste │
      │   a                Open another source                                   │
      │   b                Show the blobs of the source                          │
      │                                                                          │
      │ In a list                                                                │
      │   /                Filter the rows                                       │
      │   s                Choose the order                                      │
      │   space            Mark the row, or take its mark away                   │
      │   *                Mark every row that is shown, or none of them         │
      │   i                Show all that is known of the row                     │
      │   tab              Scroll the details, or move in the list again         │
      │   y                Copy the name of the row                              │
      │   e                Write the rows that are shown to a file               │
      │   r                Scan again                                            │
    ──╰──────────────────────────────────────────────────────────────────────────╯──
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     esc close
    ");
}

#[test]
fn palette_at_80() {
    insta::assert_snapshot!(drawn(": 'scan", (80, 24)), @r"
     cache╭ Commands ────────────────────────────────────────────────────────╮ help
    ──────│ scan                                                             │──────
       SOU│                                                                  │
    ▸  ./s│ r         Scan again                                             │
       ███│ ctrl-l    Draw the whole screen anew                             │
       ./k│                                                                  │
       ███│                                                                  │
       ./m│                                                                  │
       ███│                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
          │                                                                  │
    ──────╰──────────────────────────────────────────────────────────────────╯──────
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter choose  esc close
    ");
}

#[test]
fn the_sort_menu_at_80() {
    insta::assert_snapshot!(drawn("enter s", (80, 24)), @r"
     ./shop › refs                           15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████  <7d –  <30d –  <90d –  older –
    ───────────────────────╭ Sort by ───────────────────────╮───────────────────────
       REF               AG│   REF         ▴ from A to Z    │     POLICY
    ▸  c15           12h 52│   KIND        ▴ from A to Z    │ ○   keep  no rule mat…
       c14           12h 52│ ✓ AGE         ▴ least first    │     keep  no rule mat…
       c13           12h 53│   SIZE        ▾ most first     │     keep  no rule mat…
       c12           12h 53│   ONLY HERE   ▾ most first     │ ○   keep  no rule mat…
       c11           12h 53│   LAYERS      ▾ most first     │     keep  no rule mat…
       c10           12h 53│   STEPS       ▾ from Z to A    │     keep  no rule mat…
       c09           12h 53│   POLICY      ▴ from A to Z    │ ○   keep  no rule mat…
       c08           12h 53╰────────────────────────────────╯     keep  no rule mat…
       c07           12h 53m   174 KiB    9.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c06           12h 53m   174 KiB   46.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c05           12h 54m   174 KiB   46.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c04           12h 54m   237 KiB    110 KiB    15 ✓         keep  no rule mat…
       c03           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c02           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c01           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
    ────────────────────────────────────────────────────────────────────────────────
     1.9 MiB reached by 15 refs
     enter choose  esc close
    ");
}

#[test]
fn details_at_80() {
    insta::assert_snapshot!(drawn("j j enter i", (80, 24)), @r"
     ./mini › refs                            3 refs · 314 KiB · read-only · ? help
    ╭ Details ─────────────────────────────────────────────────────────────────────╮
    │ c03                                                                          │
    │ ! 1 blob missing: a build that imports this fails                            │
    │ digest     sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad6955 │
    │            19b419                                                            │
    │ kind       cache                                                             │
    │ age        12h 8m ago, 2026-11-21T23:51:34Z (its newest result)              │
    │ policy     keep: no rule matches it                                          │
    │                                                                              │
    │ size       113 KiB in 10 blobs                                               │
    │ only here  35.6 KiB: what deleting this ref alone would free                 │
    │ layers     8                                                                 │
    │ records    11                                                                │
    │ results    5 whose result can be loaded  ✓                                   │
    │ key only   0 that only let later steps match  ○                              │
    │ broken     1 whose result cannot be loaded  !                                │
    │                                                                              │
    │ Missing, 30.3 KiB as named                                                   │
    │ sha256:e3f0942e5d1054d8fbea1289bd6fe33587c4f8f42269b9abd6a5790335e3403a      │
    ╰──────────────────────────────────────────────────────────────────────────────╯
    ────────────────────────────────────────────────────────────────────────────────
     245 KiB reached by 3 refs · ! 1 broken
     esc close
    ");
}

#[test]
fn a_wrong_filter_at_80() {
    insta::assert_snapshot!(drawn("enter / 'sise>1G", (80, 24)), @r"
     ./shop › refs                           15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE  ONLY HERE  STEPS          POLICY
    ▸  c15           12h 52m  95.9 KiB    6.0 KiB     4 ✓  11 ○   keep  no rule mat…
       c14           12h 52m   237 KiB   97.1 KiB    15 ✓         keep  no rule mat…
       c13           12h 53m   237 KiB    140 KiB    15 ✓         keep  no rule mat…
       c12           12h 53m   206 KiB   41.1 KiB    13 ✓   2 ○   keep  no rule mat…
       c11           12h 53m   237 KiB   72.4 KiB    15 ✓         keep  no rule mat…
       c10           12h 53m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c09           12h 53m   174 KiB   33.8 KiB    10 ✓   5 ○   keep  no rule mat…
       c08           12h 53m   237 KiB   72.6 KiB    15 ✓         keep  no rule mat…
       c07           12h 53m   174 KiB    9.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c06           12h 53m   174 KiB   46.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c05           12h 54m   174 KiB   46.2 KiB    10 ✓   5 ○   keep  no rule mat…
       c04           12h 54m   237 KiB    110 KiB    15 ✓         keep  no rule mat…
       c03           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
       c02           12h 54m   237 KiB    190 KiB    15 ✓         keep  no rule mat…
     filter  sise>1G
     ! there is no field `sise` (did you mean `size`?); in quotes it is looked for
       in names · fields: size exclusive age ref name step digest kind state layers
       records refs platform
    ");
}

#[test]
fn a_terminal_that_is_too_small_is_told_so() {
    insta::assert_snapshot!(drawn("", (40, 8)), @r#"
    cachelens needs 60×16 characters; this
    terminal has 40×8. Make it larger, or
    quit with ctrl-c.
    "#);
}
