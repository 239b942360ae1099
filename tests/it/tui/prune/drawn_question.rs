//! The questions before a run, drawn at four sizes: with the whole screen at the small ones.

use super::{Store, screen};
use crate::support::journey::region;

#[test]
fn the_question_at_60() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (60, 16)), @r"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to trash   keeps 1 ref · 144 KiB
     ╭ Please confirm ────────────────────────────────────────╮
     │ Delete 9 blobs, 132 KiB, from ./cache? Deleted objects │
     │ can be restored from the trash for 1h.                 │
    ─│                                                        │─
     │ y yes  n no                                            │
    ▸╰────────────────────────────────────────────────────────╯▐
       blob    sha256:39c3…  30.2 KiB  no ref reaches it; writ…▐
       blob    sha256:b7a6…  30.2 KiB  no ref reaches it; writ…
       blob    sha256:79ff…  30.2 KiB  no ref reaches it; writ…
       blob    sha256:16d0…   2.8 KiB  no ref reaches it; writ…
    ───────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_question_at_80() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (80, 24)), @r"
     ./cache › plan                            made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash                   keeps 1 ref · 144 KiB
     waits    nothing
     checked  ✓ breaks no ref ✓ none under 1h ✓ refs first
     [ delete 9 ]   wait 0     keep 1
    ──╭ Please confirm ──────────────────────────────────────────────────────────╮──
      │ Delete 9 blobs, 132 KiB, from ./cache? Deleted objects can be restored   │
    ▸ │ from the trash for 1h.                                                   │ …
      │                                                                          │ …
      │ y yes  n no                                                              │ …
      ╰──────────────────────────────────────────────────────────────────────────╯ …
       blob    sha256:16d0a8ad8789e9…   2.8 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:b082ede498b032…   2.8 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:9cda0bc2af0dbe…   2.5 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:072905c155a2bd…   2.5 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:421d13bb42bc88…     145 B  no ref reaches it; written 12h 8m …




    ───────────────────────────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_question_at_120() {
    insta::assert_snapshot!(region(&screen(&Store::waste(), "p enter", (120, 40)), 11..17, 22), @r"
    ╭ Please confirm ──────────────────────────────────────────────────────────╮0.3 KiB
    │ Delete 9 blobs, 132 KiB, from ./cache? Deleted objects can be restored   │2h 8m ago
    │ from the trash for 1h.                                                   │
    │                                                                          │
    │ y yes  n no                                                              │es it; written 12h 8m
    ╰──────────────────────────────────────────────────────────────────────────╯
    ");
}

#[test]
fn the_question_at_200() {
    insta::assert_snapshot!(region(&screen(&Store::waste(), "p enter", (200, 60)), 18..24, 62), @r"
    ╭ Please confirm ──────────────────────────────────────────────────────────╮
    │ Delete 9 blobs, 132 KiB, from ./cache? Deleted objects can be restored   │
    │ from the trash for 1h.                                                   │
    │                                                                          │
    │ y yes  n no                                                              │
    ╰──────────────────────────────────────────────────────────────────────────╯245118f905da ─────────────────────────────────────────────────
    ");
}

#[test]
fn the_typed_question_at_60() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (60, 16)), @r#"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     ╭ Please confirm ────────────────────────────────────────╮
     │ Delete 13 refs from ./cache? 1.6 MiB wait: a run after │
     │ 22 Nov 13:00 UTC frees them. Deleted objects can be    │
     │ restored from the trash for 1h.                        │
    ─│                                                        │─
     │ Type the name of the source to continue:  ./cache      │
    ▸│                                                        │▐
     │ ›                                                      │
     ╰────────────────────────────────────────────────────────╯
       ref     c10            190 KiB  rule "the newest": 12h …
       ref     c13            140 KiB  rule "the newest": 12h …
    ──────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_80() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (80, 24)), @r#"
     ./cache › plan                            made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 1.6 MiB in two steps            keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: a run after 22 Nov 13:00 UTC frees them
     checked  ✓ breaks no ref ✓ none under 1h ✓ refs first
     [╭ Please confirm ──────────────────────────────────────────────────────────╮
    ──│ Delete 13 refs from ./cache? 1.6 MiB wait: a run after 22 Nov 13:00 UTC  │──
      │ frees them. Deleted objects can be restored from the trash for 1h.       │
    ▸ │                                                                          │p…
      │ Type the name of the source to continue:  ./cache                        │p…
      │                                                                          │p…
      │ ›                                                                        │p…
      ╰──────────────────────────────────────────────────────────────────────────╯p…
       ref     c04            110 KiB  ▒▒▒     rule "the newest": 12h 54m old, keep…
       ref     c08           72.6 KiB  ▒▒      rule "the newest": 12h 53m old, keep…
       ref     c11           72.4 KiB  ▒▒      rule "the newest": 12h 53m old, keep…
       ref     c06           46.2 KiB  ▒       rule "the newest": 12h 53m old, keep…
       ref     c05           46.2 KiB  ▒       rule "the newest": 12h 54m old, keep…
       ref     c12           41.1 KiB  ▒       rule "the newest": 12h 53m old, keep…
       ref     c09           33.8 KiB  ▒       rule "the newest": 12h 53m old, keep…
       ref     c07            9.2 KiB  ▒       rule "the newest": 12h 53m old, keep…
    ──────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_120() {
    insta::assert_snapshot!(region(&screen(&Store::shop(), "p enter", (120, 40)), 10..18, 22), @r"
    ╭ Please confirm ──────────────────────────────────────────────────────────╮31d42bb3d7ce7fe69441a
    │ Delete 13 refs from ./cache? 1.6 MiB wait: a run after 22 Nov 13:00 UTC  │afcca045cd3e5374e35fe
    │ frees them. Deleted objects can be restored from the trash for 1h.       │8752
    │                                                                          │2h 54m ago
    │ Type the name of the source to continue:  ./cache                        │37 KiB
    │                                                                          │90 KiB: no other ref
    │ ›                                                                        │eaches them
    ╰──────────────────────────────────────────────────────────────────────────╯
    ");
}

#[test]
fn the_typed_question_at_200() {
    insta::assert_snapshot!(region(&screen(&Store::shop(), "p enter", (200, 60)), 17..25, 62), @r"
    ╭ Please confirm ──────────────────────────────────────────────────────────╮
    │ Delete 13 refs from ./cache? 1.6 MiB wait: a run after 22 Nov 13:00 UTC  │
    │ frees them. Deleted objects can be restored from the trash for 1h.       │
    │                                                                          │
    │ Type the name of the source to continue:  ./cache                        │
    │                                                                          │
    │ ›                                                                        │──────────────────────────────────────────────────────────────
    ╰──────────────────────────────────────────────────────────────────────────╯                               SIZE              AGE   ALSO IN
    ");
}
