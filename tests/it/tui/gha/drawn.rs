//! The screens of a repository, drawn at four sizes: completely at the small ones, and the region
//! that uses the room at the large ones.

use super::{Size, read_only, repository};
use crate::support::journey::region;

fn drawn(keys: &str, size: Size) -> String {
    read_only(&repository(), false, size).press(keys).screen()
}

#[test]
fn sources_at_60() {
    insta::assert_snapshot!(drawn("", (60, 16)), @r"
     cachelens                    1 source · read-only · ? help
    ────────────────────────────────────────────────────────────
       SOURCE                LIVE    ORPHAN  STATE
    ▸  gha:acme/shop        257 B         ?  ready
       █······▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?

    ────────────────────────────────────────────────────────────
       gha:acme/shop
       kind       gha
       scan       ready

       Stored objects
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────── 1/1 ──
     343 MiB stored · 257 B live · orphans not known
     enter open  p plan a prune  w why  c check  a add  b blobs
    ");
}

#[test]
fn sources_at_80() {
    insta::assert_snapshot!(drawn("", (80, 24)), @r"
     cachelens                                        1 source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       SOURCE                REFS      LIVE    ORPHAN    NEWEST  STATE
    ▸  gha:acme/shop            5     257 B         ?        3h  ready
       █·············▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?

    ────────────────────────────────────────────────────────────────────────────────
       gha:acme/shop
       kind       gha
       scan       ready

       Stored objects
       in all     343 MiB in 9 objects
       live       257 B in 5 objects that a ref reaches
       orphan     not known: the content of indexes can be read only inside a job
       unknown    343 MiB in 2 objects that are not the cache's own
       superseded 102 B in 2 objects of indexes that no build imports
       quota      █████▎▁▁▁▁▁▁▁▁▁▁  33 %
                  343 MiB of 1.0 GiB
       room       681 MiB until the least recently used entries are evicted
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     343 MiB stored · 257 B live · orphans not known · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap  x close
    ");
}

#[test]
fn sources_at_120() {
    insta::assert_snapshot!(region(&drawn("", (120, 40)), 2..37, 0), @r"
       SOURCE                 REFS      LIVE    ORPHAN    NEWEST  STATE                 │ gha:acme/shop
    ▸  gha:acme/shop             5     257 B         ?        3h  ready                 │ kind       gha
       █··············▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?    │ scan       ready
                                                                                        │
                                                                                        │ Stored objects
                                                                                        │ in all     343 MiB in 9 objects
                                                                                        │ live       257 B in 5 objects
                                                                                        │            that a ref reaches
                                                                                        │ orphan     not known: the content
                                                                                        │            of indexes can be read
                                                                                        │            only inside a job
                                                                                        │ unknown    343 MiB in 2 objects
                                                                                        │            that are not the
                                                                                        │            cache's own
                                                                                        │ superseded 102 B in 2 objects of
                                                                                        │            indexes that no build
                                                                                        │            imports
                                                                                        │ quota      █████▎▁▁▁▁▁▁▁▁▁▁  33 %
                                                                                        │            343 MiB of 1.0 GiB
                                                                                        │ room       681 MiB until the
                                                                                        │            least recently used
                                                                                        │            entries are evicted
                                                                                        │
                                                                                        │ Which builds read which caches
                                                                                        │ a build on feature reads the
                                                                                        │ caches of feature, main
                                                                                        │   it cannot see the cache of old,
                                                                                        │ pull/12/merge, pull/7/merge
                                                                                        │ a build on main reads the caches
                                                                                        │ of main
                                                                                        │   it cannot see the cache of
                                                                                        │ feature, old, pull/12/merge,
                                                                                        │ pull/7/merge
                                                                                        │ a build on pull/12/merge reads
                                                                                        │ … tab scrolls, i shows all
    ");
}

#[test]
fn sources_at_200() {
    let screen = drawn("", (200, 60));
    insta::assert_snapshot!(region(&screen, 2..5, 0), @r"
       SOURCE                    KIND         REFS      LIVE    ORPHAN       MISSING    NEWEST  STATE                       │ gha:acme/shop
    ▸  gha:acme/shop             gha             5     257 B         ?             ?        3h  ready                       │ kind       gha
       █··························▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?    │ scan       ready
    ");
    insta::assert_snapshot!(region(&screen, 2..24, 120), @r"
    │ gha:acme/shop
    │ kind       gha
    │ scan       ready
    │
    │ Stored objects
    │ in all     343 MiB in 9 objects
    │ live       257 B in 5 objects that a ref reaches
    │ orphan     not known: the content of indexes can be read only inside a job
    │ unknown    343 MiB in 2 objects that are not the cache's own
    │ superseded 102 B in 2 objects of indexes that no build imports
    │ quota      █████▎▁▁▁▁▁▁▁▁▁▁  33 %
    │            343 MiB of 1.0 GiB
    │ room       681 MiB until the least recently used entries are evicted
    │
    │ Which builds read which caches
    │ a build on feature reads the caches of feature, main
    │   it cannot see the cache of old, pull/12/merge, pull/7/merge
    │ … tab scrolls, i shows all
    ├── enter opens refs ───────────────────────────────────────────────────────────
    │   REF                            AGE▴     SIZE  ONLY HERE  STEPS
    │   app@main                        3h         ?          ?  ?
    │   app@pull/12/merge               5h         ?          ?  ?
    ");
}

#[test]
fn refs_at_60() {
    insta::assert_snapshot!(drawn("enter", (60, 16)), @r"
     gha:acme/shop › refs           5 refs · read-only · ? help
    ────────────────────────────────────────────────────────────
     █·························  257 B live · orphans not known
     bytes by age  ? the content of the index can be read only…
    ────────────────────────────────────────────────────────────
       REF                        AGE▴     SIZE  STEPS
    ▸  app@main                    3h         ?  ?
       app@pull/12/merge           5h         ?  ?
       app@feature              1d 2h         ?  ?
       app@pull/7/merge        3d 18h         ?  ?
       app@old                     5d         ?  ?


    ───────────────────────────────────────────────────── 1/5 ──
     257 B in the indexes of 5 refs
     enter open  p plan a prune  w why  c check  R rule  d diff
    ");
}

#[test]
fn refs_at_80() {
    insta::assert_snapshot!(drawn("enter", (80, 24)), @r"
     gha:acme/shop › refs                     5 refs · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     █·············································  257 B live · orphans not known
     bytes by age  ? the content of the index can be read only inside a job
    ────────────────────────────────────────────────────────────────────────────────
       REF                            AGE▴     SIZE  ONLY HERE  STEPS
    ▸  app@main                        3h         ?          ?  ?
       app@pull/12/merge               5h         ?          ?  ?
       app@feature                  1d 2h         ?          ?  ?
       app@pull/7/merge            3d 18h         ?          ?  ?
       app@old                         5d         ?          ?  ?

    ────────────────────────────────────────────────────────────────────────────────
       app@main
       age        3h ago, 2026-11-22T09:00:00Z (when it was stored)
       policy     keep: no rule matches it
       last used  3h ago, 2026-11-22T09:00:00Z
       read by    builds on feature, main, pull/12/merge
       evicted    in 6d 21h unless a build uses it
       or         when 1024 MiB more are written
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 1/5 ──
     257 B in the indexes of 5 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap
    ");
}

#[test]
fn refs_at_120() {
    insta::assert_snapshot!(region(&drawn("enter", (120, 40)), 5..26, 0), @r"
       REF                           AGE▴     SIZE  ONLY HERE  STEPS               │ app@main
    ▸  app@main                       3h         ?          ?  ?                   │ age        3h ago,
       app@pull/12/merge              5h         ?          ?  ?                   │            2026-11-22T09:00:00Z (when
       app@feature                 1d 2h         ?          ?  ?                   │            it was stored)
       app@pull/7/merge           3d 18h         ?          ?  ?                   │ policy     keep: no rule matches it
       app@old                        5d         ?          ?  ?                   │ last used  3h ago,
                                                                                   │            2026-11-22T09:00:00Z
                                                                                   │ read by    builds on feature, main,
                                                                                   │            pull/12/merge
                                                                                   │ evicted    in 6d 21h unless a build
                                                                                   │            uses it
                                                                                   │ or         when 1024 MiB more are
                                                                                   │            written
                                                                                   │
                                                                                   │ size       not known: the content of
                                                                                   │            the index can be read only
                                                                                   │            inside a job
                                                                                   │
                                                                                   │ digest     ?
                                                                                   │ also       2:refs/heads/main:index-app
                                                                                   │            -1-f921bd05#2
    ");
}

#[test]
fn refs_at_200() {
    insta::assert_snapshot!(region(&drawn("enter", (200, 60)), 5..17, 0), @r"
       REF                    KIND          AGE▴     SIZE          ONLY HERE  LAYERS  STEPS             POLICY              │ app@main
    ▸  app@main               cache          3h         ?                  ?       ?  ?                 keep  no rule       │ age        3h ago, 2026-11-22T09:00:00Z (when it was stored)
       app@pull/12/merge      cache          5h         ?                  ?       ?  ?                 keep  no rule       │ policy     keep: no rule matches it
       app@feature            cache       1d 2h         ?                  ?       ?  ?                 keep  no rule       │ last used  3h ago, 2026-11-22T09:00:00Z
       app@pull/7/merge       cache      3d 18h         ?                  ?       ?  ?                 keep  no rule       │ read by    builds on feature, main, pull/12/merge
       app@old                cache          5d         ?                  ?       ?  ?                 keep  no rule       │ evicted    in 6d 21h unless a build uses it
                                                                                                                            │ or         when 1024 MiB more are written
    ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ──────────────────────────────────────────────────────────────────── │
       app@feature                                   │ app@pull/7/merge                                                     │ size       not known: the content of the index can be read only inside a job
       53 B only here                                │ 52 B only here                                                       │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ digest     ?
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ also       2:refs/heads/main:index-app-1-f921bd05#2
    ");
}

#[test]
fn entries_at_60() {
    insta::assert_snapshot!(drawn("enter b", (60, 16)), @r"
     gha:acme/shop › blobs       9 objects · read-only · ? help
    ────────────────────────────────────────────────────────────
       BLOB                      STATE             SIZE▾     AGE
    ▸  …64-npm-3d4e5f on pull/…  · unknown      172 MiB   3d 23h
       …64-npm-0a1b2c on main    · unknown      172 MiB    2d 2h
       index-app-1-3f31b38f#1 …  ○ superseded      52 B    4d 4h
       index-app-1-f921bd05#1 …  ○ superseded      50 B    1d 6h

    ────────────────────────────────────────────────────────────
       node-cache-linux-x64-npm-3d4e5f on pull/7/merge
       state      · unknown
       of another tool, in the same quota: only a rule that
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────── 1/4 ──
     257 B live · 343 MiB unknown
     enter open  o orphans  m missing  p plan a prune  / filter
    ");
}

#[test]
fn entries_at_80() {
    insta::assert_snapshot!(drawn("enter b", (80, 24)), @r"
     gha:acme/shop › blobs                 9 objects · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       BLOB                                  STATE             SIZE▾             AGE
    ▸  node-cache-linux-x64-npm-3d4e5f on …  · unknown      172 MiB  ······   3d 23h
       node-cache-linux-x64-npm-0a1b2c on …  · unknown      172 MiB  ······    2d 2h
       index-app-1-3f31b38f#1 on pull/7/me…  ○ superseded      52 B  ·         4d 4h
       index-app-1-f921bd05#1 on main        ○ superseded      50 B  ·         1d 6h

    ────────────────────────────────────────────────────────────────────────────────
       node-cache-linux-x64-npm-3d4e5f on pull/7/merge
       state      · unknown
       of another tool, in the same quota: only a rule that names the kind `entry`
       deletes it

       kind       setup-node
       size       172 MiB
       branch     pull/7/merge, which is gone
       written    3d 23h ago, 2026-11-18T13:00:00Z
       last used  3d 23h ago


    ───────────────────────────────────────────────────────────────────────── 1/4 ──
     257 B live · 343 MiB unknown
     enter open  o orphans  m missing  p plan a prune  / filter  s sort  space mark
    ");
}

#[test]
fn entries_at_120() {
    insta::assert_snapshot!(region(&drawn("enter b", (120, 40)), 2..16, 0), @r"
       BLOB                                     STATE             SIZE▾             AGE │ node-cache-linux-x64-npm-3d4e5f
    ▸  node-cache-linux-x64-npm-3d4e5f on pul…  · unknown      172 MiB  ······   3d 23h │ on pull/7/merge
       node-cache-linux-x64-npm-0a1b2c on main  · unknown      172 MiB  ······    2d 2h │ state      · unknown
       index-app-1-3f31b38f#1 on pull/7/merge   ○ superseded      52 B  ·         4d 4h │ of another tool, in the same
       index-app-1-f921bd05#1 on main           ○ superseded      50 B  ·         1d 6h │ quota: only a rule that names the
                                                                                        │ kind `entry` deletes it
                                                                                        │
                                                                                        │ kind       setup-node
                                                                                        │ size       172 MiB
                                                                                        │ branch     pull/7/merge, which is
                                                                                        │            gone
                                                                                        │ written    3d 23h ago,
                                                                                        │            2026-11-18T13:00:00Z
                                                                                        │ last used  3d 23h ago
    ");
}

#[test]
fn entries_at_200() {
    insta::assert_snapshot!(region(&drawn("enter b", (200, 60)), 2..12, 0), @r"
       BLOB                                                 ROLE          STATE               SIZE▾              AGE   REFS │ node-cache-linux-x64-npm-3d4e5f on pull/7/merge
    ▸  node-cache-linux-x64-npm-3d4e5f on pull/7/merge      setup-node    · unknown        172 MiB  ······    3d 23h      – │ state      · unknown
       node-cache-linux-x64-npm-0a1b2c on main              setup-node    · unknown        172 MiB  ······     2d 2h      – │ of another tool, in the same quota: only a rule that names the kind `entry`
       index-app-1-3f31b38f#1 on pull/7/merge               index         ○ superseded        52 B  ·          4d 4h      – │ deletes it
       index-app-1-f921bd05#1 on main                       index         ○ superseded        50 B  ·          1d 6h      – │
                                                                                                                            │ kind       setup-node
                                                                                                                            │ size       172 MiB
                                                                                                                            │ branch     pull/7/merge, which is gone
                                                                                                                            │ written    3d 23h ago, 2026-11-18T13:00:00Z
                                                                                                                            │ last used  3d 23h ago
    ");
}

#[test]
fn a_plan_at_60() {
    insta::assert_snapshot!(drawn("p", (60, 16)), @r"
     gha:acme/shop › plan                    read-only · ? help
    ────────────────────────────────────────────────────────────
     deletes  1 entry  frees 52 B              keeps 5 refs · ?
     waits    1 entry: younger than 2d
     checked  ✓ blobs by rule ✓ none under 2d ✓ refs first
     ! acme/shop as octo: deleting takes 1 request; 4321 more …
     ! 5 refs: the content of the index can be read only insid…
     [ delete 1 ]   wait 1     keep 5
    ────────────────────────────────────────────────────────────
       WHAT                      SIZE▾ WHY
    ▸  entry   index-app-1…      52 B  a newer index has supers…


    ───────────────────────────────────────────────────── 1/1 ──
     no policy: orphans and unfinished uploads only
     enter carry out  x exclude  right wait, keep  W save
    ");
}

#[test]
fn a_plan_at_80() {
    insta::assert_snapshot!(drawn("p", (80, 24)), @r"
     gha:acme/shop › plan                    made 12:00:00 UTC · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  1 entry  frees 52 B                                  keeps 5 refs · ?
     waits    1 entry: younger than 2d
     checked  ✓ blobs by rule ✓ none under 2d ✓ refs first
     ! acme/shop as octo: deleting takes 1 request; 4321 more are allowed until 03…
     ! 5 refs: the content of the index can be read only inside a job; only a rule…
     [ delete 1 ]   wait 1     keep 5
    ────────────────────────────────────────────────────────────────────────────────
       WHAT                                SIZE▾ WHY
    ▸  entry   index-app-1-3f31b38f#…      52 B  a newer index has superseded it: n…

    ────────────────────────────────────────────────────────────────────────────────
       5:refs/pull/7/merge:index-app-1-3f31b38f#1
       kind       entry
       size       52 B
       written    4d 4h ago

       Why
       a newer index has superseded it: no build imports it

    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     no policy: orphans and unfinished uploads only
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort
    ");
}

#[test]
fn a_plan_at_120() {
    insta::assert_snapshot!(region(&drawn("p", (120, 40)), 9..18, 0), @r"
       WHAT                                  SIZE▾ WHY                                  │ 5:refs/pull/7/merge:index-app-1-3
    ▸  entry   index-app-1-3f31b38f#1 …      52 B  a newer index has superseded it: no… │ f31b38f#1
                                                                                        │ kind       entry
                                                                                        │ size       52 B
                                                                                        │ written    4d 4h ago
                                                                                        │
                                                                                        │ Why
                                                                                        │ a newer index has superseded it:
                                                                                        │ no build imports it
    ");
}

#[test]
fn a_plan_at_200() {
    insta::assert_snapshot!(region(&drawn("p", (200, 60)), 9..16, 0), @r"
       WHAT                                                SIZE▾         WHY                                                │ 5:refs/pull/7/merge:index-app-1-3f31b38f#1
    ▸  entry   index-app-1-3f31b38f#1 on pull/7/merge      52 B  ▒▒▒▒▒▒  a newer index has superseded it: no build imports… │ kind       entry
                                                                                                                            │ size       52 B
    ─── bytes: ▒ deleted  ░ waiting  ▓ kept ─────────────────────────────────────────────────────────────────────────────── │ written    4d 4h ago
       entry index-app-1-3f31b38f#1 on pull/7/merge                                                                         │
       52 B                                                                                                                 │ Why
       ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │ a newer index has superseded it: no build imports it
    ");
}
