//! What lies above a screen, drawn.

use super::drawn;
use crate::support::journey::region;

#[test]
fn help_at_80() {
    insta::assert_snapshot!(drawn("?", (80, 24)), @r"
     c╭ Keys · type to search · more below ──────────────────────────────────────╮p
    ──│                                                                          │──
      │                                                                          │
    ▸ │ Sources                                                                  │
      │   enter            Show the refs of the source                           │
      │   p                Plan a prune of the source, or of each marked one     │
      │   w                Ask why a build missed the caches of its record       │
      │   c                Check the source, or each marked one, for faults,     │
      │                    dangers and waste                                     │
      │   a                Open another source                                   │
    ──│   b                Show the blobs of the source                          │──
      │   t                Show the bytes as boxes: refs, stages, steps          │
      │   E                Empty the trash of the source; shows a plan first     │
      │   W                Add the source to the configuration; shows the change │
      │                    first                                                 │
      │   x                Close the source; deletes nothing. Offers to remove   │
      │                    it from the configuration                             │
      │                                                                          │
      │ In a list                                                                │
      │   /                Filter the rows                                       │
      │   n                Next row that matches the last filter, even after it  │
    ──╰──────────────────────────────────────────────────────────────────────────╯──
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB orphan · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     esc close
    ");
}

#[test]
fn palette_at_80() {
    insta::assert_snapshot!(drawn(": 'scan", (80, 24)), @r"
    ╭ Commands ────────────────────────────────────────────────────────────────────╮
    │ :scan                                                                        │
    │ enter runs it, tab completes, up recalls                                     │
    │ rescan  r  Scan again                                                        │
    │ jobs    J  Show the running jobs: scans, checks, prunes                      │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    ╰──────────────────────────────────────────────────────────────────────────────╯
     3.5 MiB stored · 2.3 MiB live · 1.2 MiB orphan · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     enter run it  tab complete  esc close
    ");
}

#[test]
fn the_sort_menu_at_80() {
    insta::assert_snapshot!(drawn("enter s", (80, 24)), @r"
     ./shop › refs                           15 refs · 1.9 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     ███████████████████████████████████████████████████  1.9 MiB live · 0 B orphan
     bytes by age  <1d ██████████████████ 1.9 MiB  <7d –  <30d –  <90d –  older –
    ───────────────────────╭ Sort by ───────────────────────╮───────────────────────
       REF                 │   REF         ▴ from A to Z    │LAYERS  STEPS
    ▸  c15             12h │   KIND        ▴ from A to Z    │     6     4 ✓  11 ○
       c14             12h │ ✓ AGE         ▴ newest first   │    17    15 ✓
       c13             12h │   SIZE        ▾ largest first  │    17    15 ✓
       c12             12h │   ONLY HERE   ▾ largest first  │    15    13 ✓   2 ○
       c11             12h │   LAYERS      ▾ most first     │    17    15 ✓
       c10             12h │   STEPS       ▾ most first     │    17    15 ✓
       c09             12h │   POLICY      ▴ from A to Z    │    12    10 ✓   5 ○
       c08             12h ╰────────────────────────────────╯    17    15 ✓
       c07             12h 53m   174 KiB  █░░░      9.2 KiB      12    10 ✓   5 ○
       c06             12h 53m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○
       c05             12h 54m   174 KiB  █░░░     46.2 KiB      12    10 ✓   5 ○
       c04             12h 54m   237 KiB  ██░░░     110 KiB      17    15 ✓
       c03             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
       c02             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
       c01             12h 54m   237 KiB  ████░     190 KiB      17    15 ✓
    ──────────────────────────────────────────────────────────────────────── 1/15 ──
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
    │ age        12h 8m ago, 2026-11-21T23:51:34Z (its newest result)              │
    │ policy     keep: no rule matches it                                          │
    │                                                                              │
    │ size       113 KiB in 10 blobs                                               │
    │ only here  35.6 KiB: freed by deleting this ref alone                        │
    │ layers     8                                                                 │
    │ records    11                                                                │
    │ results    5 whose result can be loaded  ✓                                   │
    │ key only   0 that only let later steps match  ○                              │
    │ broken     1 whose result cannot be loaded  !                                │
    │                                                                              │
    │ Missing, 30.3 KiB as named                                                   │
    │ sha256:e3f0942e5d1054d8fbea1289bd6fe33587c4f8f42269b9abd6a5790335e3403a      │
    │                                                                              │
    │ digest     sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad6955 │
    │            19b419                                                            │
    │ kind       cache                                                             │
    ╰──────────────────────────────────────────────────────────────────────────────╯
     245 KiB reached by 3 refs · ! 1 broken
     esc close
    ");
}

#[test]
fn a_wrong_filter_at_80() {
    insta::assert_snapshot!(region(&drawn("enter / 'sise>1G", (80, 24)), 20..24, 1), @r"
    filter  sise>1G
    ! there is no field `sise` (did you mean `size`?); in quotes it is looked for
      in names · fields: size exclusive age ref name step digest kind state layers
      records refs platform path change
    ");
}
