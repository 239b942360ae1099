//! The list of refs, drawn at four sizes.

use super::drawn;

#[test]
fn refs_at_60() {
    insta::assert_snapshot!(drawn("enter", (60, 16)), @r"
     ./shop › refs       15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────
     ███████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE  ONLY HERE  STEPS
    ▸  c15           12h 52m  95.9 KiB    6.0 KiB     4 ✓  11 ○▐
       c14           12h 52m   237 KiB   97.1 KiB    15 ✓      ▐
       c13           12h 53m   237 KiB    140 KiB    15 ✓      ▐
       c12           12h 53m   206 KiB   41.1 KiB    13 ✓   2 ○
       c11           12h 53m   237 KiB   72.4 KiB    15 ✓
       c10           12h 53m   237 KiB    190 KiB    15 ✓
       c09           12h 53m   174 KiB   33.8 KiB    10 ✓   5 ○
    ──────────────────────────────────────────────────── 1/15 ──
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  R rule  d diff
    ");
}

#[test]
fn refs_at_80() {
    insta::assert_snapshot!(drawn("enter", (80, 24)), @r"
     ./shop › refs                           15 refs · 1.9 MiB · read-only · ? help
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
fn refs_at_120() {
    insta::assert_snapshot!(drawn("enter", (120, 40)), @r"
     ./shop › refs                                                                   15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ████████████████████████ 1.9 MiB  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF                AGE▴     SIZE          ONLY HERE  LAYERS  STEPS          │ c15
    ▸  c15            12h 52m  95.9 KiB  █░        6.0 KiB       6     4 ✓  11 ○   │ age        12h 52m ago,
       c14            12h 52m   237 KiB  ██░░░    97.1 KiB      17    15 ✓         │            2026-11-21T23:07:12Z (its
       c13            12h 53m   237 KiB  ███░░░    140 KiB      17    15 ✓         │            newest result)
       c12            12h 53m   206 KiB  █░░░░    41.1 KiB      15    13 ✓   2 ○   │ policy     keep: no rule matches it
       c11            12h 53m   237 KiB  █░░░░    72.4 KiB      17    15 ✓         │
       c10            12h 53m   237 KiB  ████░     190 KiB      17    15 ✓         │ size       95.9 KiB in 8 blobs
       c09            12h 53m   174 KiB  █░░░     33.8 KiB      12    10 ✓   5 ○   │ only here  6.0 KiB: freed by deleting
       c08            12h 53m   237 KiB  █░░░░    72.6 KiB      17    15 ✓         │            this ref alone
       c07            12h 53m   174 KiB  █░░░      9.2 KiB      12    10 ✓   5 ○   │ layers     6
       c06            12h 53m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○   │ records    21
       c05            12h 54m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○   │ results    4 whose result can be
       c04            12h 54m   237 KiB  ██░░░     110 KiB      17    15 ✓         │            loaded  ✓
       c03            12h 54m   237 KiB  ████░     190 KiB      17    15 ✓         │ key only   11 that only let later
       c02            12h 54m   237 KiB  ████░     190 KiB      17    15 ✓         │            steps match  ○
       c01            12h 54m   237 KiB  ████░     190 KiB      17    15 ✓         │
                                                                                   │ digest     sha256:f621ad55864a88e3fc49
                                                                                   │            df2f527589e4818c6e4cd1a66ca
                                                                                   │            083a32dd811bb90b5
                                                                                   │ kind       cache
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
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/15 ──
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap  / filter  s sort  space mark
    ");
}

#[test]
fn refs_at_200() {
    insta::assert_snapshot!(drawn("enter", (200, 60)), @r"
     ./shop › refs                                                                                                                                                   15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ████████████████████████ 1.9 MiB  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF                KIND          AGE▴     SIZE          ONLY HERE  LAYERS  STEPS               POLICY                │ c15
    ▸  c15                cache     12h 52m  95.9 KiB  █░        6.0 KiB       6     4 ✓  11 ○        keep  no rule         │ age        12h 52m ago, 2026-11-21T23:07:12Z (its newest result)
       c14                cache     12h 52m   237 KiB  ██░░░    97.1 KiB      17    15 ✓              keep  no rule         │ policy     keep: no rule matches it
       c13                cache     12h 53m   237 KiB  ███░░░    140 KiB      17    15 ✓              keep  no rule         │
       c12                cache     12h 53m   206 KiB  █░░░░    41.1 KiB      15    13 ✓   2 ○        keep  no rule         │ size       95.9 KiB in 8 blobs
       c11                cache     12h 53m   237 KiB  █░░░░    72.4 KiB      17    15 ✓              keep  no rule         │ only here  6.0 KiB: freed by deleting this ref alone
       c10                cache     12h 53m   237 KiB  ████░     190 KiB      17    15 ✓              keep  no rule         │ layers     6
       c09                cache     12h 53m   174 KiB  █░░░     33.8 KiB      12    10 ✓   5 ○        keep  no rule         │ records    21
       c08                cache     12h 53m   237 KiB  █░░░░    72.6 KiB      17    15 ✓              keep  no rule         │ results    4 whose result can be loaded  ✓
       c07                cache     12h 53m   174 KiB  █░░░      9.2 KiB      12    10 ✓   5 ○        keep  no rule         │ key only   11 that only let later steps match  ○
       c06                cache     12h 53m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○        keep  no rule         │
       c05                cache     12h 54m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○        keep  no rule         │ digest     sha256:f621ad55864a88e3fc49df2f527589e4818c6e4cd1a66ca083a32dd811b
       c04                cache     12h 54m   237 KiB  ██░░░     110 KiB      17    15 ✓              keep  no rule         │            b90b5
       c03                cache     12h 54m   237 KiB  ████░     190 KiB      17    15 ✓              keep  no rule         │ kind       cache
       c02                cache     12h 54m   237 KiB  ████░     190 KiB      17    15 ✓              keep  no rule         │
       c01                cache     12h 54m   237 KiB  ████░     190 KiB      17    15 ✓              keep  no rule         │
                                                                                                                            │
    ─── enter opens c15 ─────────────────────────────────────────────────────────────────────────────────────────────────── │
       STEP▴                                                                                        SIZE      AGE   ALSO IN │
         source · 8aa5db81                                                                             –        –         – │
       ├ ✓ COPY · d77d59e9                                                                      30.2 KiB  12h 52m     1 ref │
       │ ✓ COPY · 5d74d000                                                                      12.2 KiB  12h 52m     1 ref │
       │ ✓ COPY · e0d7b2d4                                                                         139 B  12h 52m     1 ref │
       │ ✓ COPY · 89d21dcb                                                                         188 B  12h 52m         – │
       ├ ○ FILE · 57a5ab45                                                                             –        –         – │
       │ ○ COPY · 9152319c                                                                             –        –         – │
       │ ○ RUN · e130a368                                                                              –        –         – │
       │ ○ COPY · 4fdf24ec                                                                             –        –         – │
       │ ○ RUN · 826adb52                                                                              –        –         – │
       └ ○ FILE · 807b3e87                                                                             –        –         – │
         ○ COPY · 1704e8bf                                                                             –        –         – │
         ○ RUN · 91f5b186                                                                              –        –         – │
         ○ COPY · 91cc5c91                                                                             –        –         – │
         ├ ○ RUN · 55274cca                                                                            –        –         – │
         └ ○ RUN · 9f8cf52d                                                                            –        –         – ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ─────────────────────────────
                                                                                                                               shared by refs    │ c02          │ c03                │ c04      │ c14
                                                                                                                               480 KiB           │ 190 KiB only…│ 190 KiB only here  │ 110 KiB …│ 97.1 KiB
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │────────────────────│ ▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ c10                │──────────│──────────
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ 190 KiB only here  │ c08     │ c06
                                                                                                                               ░░░░░░░░░░░░░░░░░ │──────────────│ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 72.6 KiB│ 46.2 KiB …
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ c01          │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │───────────
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ 190 KiB only…│ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ c05
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │────────────────────│─────────│ 46.2 KiB …
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ c13                │ c11     │───────────
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ 140 KiB only here  │ 72.4 KiB│ 4 more
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ 90.1 KiB …
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓
                                                                                                                               ░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/15 ──
     1.9 MiB reached by 15 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn broken_refs_at_80() {
    insta::assert_snapshot!(drawn("j j enter", (80, 24)), @r"
     ./mini › refs                            3 refs · 314 KiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████·······×××  245 KiB live · 0 B orphan · ! 1 missing
     bytes by age  <1d ██████████████████ 245 KiB  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE          ONLY HERE  STEPS
    ▸  c03            12h 8m   113 KiB  █░░░     35.6 KiB  ! 1 blob missing: a buil…
       c02            12h 8m   144 KiB  ██░░░░   65.8 KiB     6 ✓
       c01            12h 8m   144 KiB  ██░░░    65.9 KiB     6 ✓

    ────────────────────────────────────────────────────────────────────────────────
       c03
       ! 1 blob missing: a build that imports this fails
       age        12h 8m ago, 2026-11-21T23:51:34Z (its newest result)
       policy     keep: no rule matches it

       size       113 KiB in 10 blobs
       only here  35.6 KiB: freed by deleting this ref alone
       layers     8
       records    11
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 1/3 ──
     245 KiB reached by 3 refs · ! 1 broken
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap
    ");
}

#[test]
fn broken_refs_at_120() {
    insta::assert_snapshot!(drawn("j j enter", (120, 40)), @r"
     ./mini › refs                                                                    3 refs · 314 KiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████████···············×××××××  245 KiB live · 0 B orphan · ! 1 missing
     bytes by age  <1d ████████████████████████ 245 KiB  <7d –  <30d –  <90d –  older –
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF               AGE▴     SIZE          ONLY HERE  STEPS                   │ c03
    ▸  c03            12h 8m   113 KiB  █░░░     35.6 KiB  ! 1 blob missing: a bu… │ ! 1 blob missing: a build that imports
       c02            12h 8m   144 KiB  ██░░░░   65.8 KiB     6 ✓                  │ this fails
       c01            12h 8m   144 KiB  ██░░░    65.9 KiB     6 ✓                  │ age        12h 8m ago,
                                                                                   │            2026-11-21T23:51:34Z (its
                                                                                   │            newest result)
                                                                                   │ policy     keep: no rule matches it
                                                                                   │
                                                                                   │ size       113 KiB in 10 blobs
                                                                                   │ only here  35.6 KiB: freed by deleting
                                                                                   │            this ref alone
                                                                                   │ layers     8
                                                                                   │ records    11
                                                                                   │ results    5 whose result can be
                                                                                   │            loaded  ✓
                                                                                   │ key only   0 that only let later steps
                                                                                   │            match  ○
                                                                                   │ broken     1 whose result cannot be
                                                                                   │            loaded  !
                                                                                   │
                                                                                   │ Missing, 30.3 KiB as named
                                                                                   │ sha256:e3f0942e5d1054d8fbea1289bd6fe33
                                                                                   │ 587c4f8f42269b9abd6a5790335e3403a
                                                                                   │
                                                                                   │ digest     sha256:89b800309d6319d26ac4
                                                                                   │            277afe8f25ccbcf4cfc20b8778c
                                                                                   │            2f647ad695519b419
                                                                                   │ kind       cache
                                                                                   │
                                                                                   │
                                                                                   │
                                                                                   │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/3 ──
     245 KiB reached by 3 refs · ! 1 broken
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap  / filter  s sort  space mark
    ");
}
