//! The questions before a run, drawn at four sizes.

use super::{Store, screen};

#[test]
fn the_question_at_60() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (60, 16)), @r"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash
     ╭ Please confirm ────────────────────────────────────────╮
     │ Delete 9 blobs, 132 KiB, from ./cache? It can be       │
     │ restored from the trash.                               │
    ─│                                                        │─
     │ y yes  n no                                            │
    ▸╰────────────────────────────────────────────────────────╯…
       blob    sha256:39c3…  30.2 KiB  no ref reaches it; writt…
       blob    sha256:b7a6…  30.2 KiB  no ref reaches it; writt…
       blob    sha256:79ff…  30.2 KiB  no ref reaches it; writt…
       blob    sha256:16d0…   2.8 KiB  no ref reaches it; writt…
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
     checked  ✓ kept refs whole ✓ none under 1h ✓ refs first
     [ delete 9 ]   wait 0     keep 1
    ──╭ Please confirm ──────────────────────────────────────────────────────────╮──
      │ Delete 9 blobs, 132 KiB, from ./cache? It can be restored from the       │
    ▸ │ trash.                                                                   │ …
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
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (120, 40)), @r"
     ./cache › plan                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash                                                           keeps 1 ref · 144 KiB
     waits    nothing
     checked  ✓ every kept ref is complete ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ delete 9 ]   wait 0     keep 1
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                                      SIZE▾ WHY
    ▸  blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf…  30.3 KiB  no ref reaches it; written 12h 8m ago
       blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4dd…  30.2 KiB  no ref reaches it; written 12h 8m ago
       blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c03…  30.2 KiB  no ref reaches it; written 12h 8m ago
       blob    sha256:79ff╭ Please confirm ──────────────────────────────────────────────────────────╮it; written 12h 8m ago
       blob    sha256:16d0│ Delete 9 blobs, 132 KiB, from ./cache? It can be restored from the       │it; written 12h 8m ago
       blob    sha256:b082│ trash.                                                                   │it; written 12h 8m ago
       blob    sha256:9cda│                                                                          │it; written 12h 8m ago
       blob    sha256:0729│ y yes  n no                                                              │it; written 12h 8m ago
       blob    sha256:421d╰──────────────────────────────────────────────────────────────────────────╯it; written 12h 8m ago








    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1
       kind       blob
       size       30.3 KiB
       written    12h 8m ago

       Why
       no ref reaches it; written 12h 8m ago




    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_question_at_200() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (200, 60)), @r"
     ./cache › plan                                                                                                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash                                                                                                                                           keeps 1 ref · 144 KiB
     waits    nothing
     checked  ✓ every kept ref is complete ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ delete 9 ]   wait 0     keep 1
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                                     SIZE▾ WHY                                   │ sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1
    ▸  blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997ab…  30.3 KiB  no ref reaches it; written 12h 8m ago │ kind       blob
       blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4d…  30.2 KiB  no ref reaches it; written 12h 8m ago │ size       30.3 KiB
       blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c0…  30.2 KiB  no ref reaches it; written 12h 8m ago │ written    12h 8m ago
       blob    sha256:79ffe2e44f7d1a62dbb59cf1b42b51f56a00cc173a2b3455e5c…  30.2 KiB  no ref reaches it; written 12h 8m ago │
       blob    sha256:16d0a8ad8789e99aee8970a282c81a140561dc5697808256e99…   2.8 KiB  no ref reaches it; written 12h 8m ago │ Why
       blob    sha256:b082ede498b0329524fc09640a3c33dfaeadf3b76c2f8bb6cb0…   2.8 KiB  no ref reaches it; written 12h 8m ago │ no ref reaches it; written 12h 8m ago
       blob    sha256:9cda0bc2af0dbeda16d8712ee56709a2b8689f29cc3f563c019…   2.5 KiB  no ref reaches it; written 12h 8m ago │
       blob    sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb…   2.5 KiB  no ref reaches it; written 12h 8m ago │
       blob    sha256:421d13bb42bc886edf474ca7d97fd4f13e2e47441023da9cc1b…     145 B  no ref reaches it; written 12h 8m ago │
                                                                                                                            │
                                                                  ╭ Please confirm ──────────────────────────────────────────────────────────╮
                                                                  │ Delete 9 blobs, 132 KiB, from ./cache? It can be restored from the       │
                                                                  │ trash.                                                                   │
                                                                  │                                                                          │
                                                                  │ y yes  n no                                                              │
                                                                  ╰──────────────────────────────────────────────────────────────────────────╯
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_typed_question_at_60() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (60, 16)), @r#"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     ╭ Please confirm ────────────────────────────────────────╮
     │ Delete 13 refs from ./cache? 1.6 MiB wait, and go with │
     │ a later run. It can be restored from the trash.        │
     │                                                        │
    ─│ Type the name of the source to go on:  ./cache         │─
     │                                                        │
    ▸│ ›                                                      │…
     ╰────────────────────────────────────────────────────────╯…
       ref     c03            190 KiB  rule "the newest": 12h 5…
       ref     c10            190 KiB  rule "the newest": 12h 5…
       ref     c13            140 KiB  rule "the newest": 12h 5…
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
     deletes  13 refs  frees 0 B                             keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: a run after 22 Nov 13:00 UTC frees them
     checked  ✓ kept refs whole ✓ none under 1h ✓ refs first
     [╭ Please confirm ──────────────────────────────────────────────────────────╮
    ──│ Delete 13 refs from ./cache? 1.6 MiB wait, and go with a later run. It   │──
      │ can be restored from the trash.                                          │
    ▸ │                                                                          │a…
      │ Type the name of the source to go on:  ./cache                           │a…
      │                                                                          │a…
      │ ›                                                                        │a…
      ╰──────────────────────────────────────────────────────────────────────────╯a…
       ref     c04            110 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c08           72.6 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c11           72.4 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c06           46.2 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c05           46.2 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c12           41.1 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c09           33.8 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c07            9.2 KiB  rule "the newest": 12h 53m old, keeps the la…
    ──────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_120() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (120, 40)), @r#"
     ./cache › plan                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                                                                     keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: their refs go first; a run after 22 Nov 13:00 UTC frees them
     checked  ✓ every kept ref is complete ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ delete 13 ]   wait 160     keep 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                         SIZE▾ WHY
    ▸  ref     c02                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c01                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c03        ╭ Please confirm ──────────────────────────────────────────────────────────╮st 2
       ref     c10        │ Delete 13 refs from ./cache? 1.6 MiB wait, and go with a later run. It   │st 2
       ref     c13        │ can be restored from the trash.                                          │st 2
       ref     c04        │                                                                          │st 2
       ref     c08        │ Type the name of the source to go on:  ./cache                           │st 2
       ref     c11        │                                                                          │st 2
       ref     c06        │ ›                                                                        │st 2
       ref     c05        ╰──────────────────────────────────────────────────────────────────────────╯st 2
       ref     c12                              41.1 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c09                              33.8 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c07                               9.2 KiB  rule "the newest": 12h 53m old, keeps the last 2




    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       c02
       kind       ref
       digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fec8752
       age        12h 54m ago
       size       237 KiB
       only here  190 KiB: what no other ref reaches

       Why
       rule "the newest": 12h 54m old, keeps the last 2


    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_200() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (200, 60)), @r#"
     ./cache › plan                                                                                                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                                                                                                                                                     keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: their refs go first; a run after 22 Nov 13:00 UTC frees them
     checked  ✓ every kept ref is complete ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ delete 13 ]   wait 160     keep 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                        SIZE▾ WHY                                                                │ c02
    ▸  ref     c02                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ kind       ref
       ref     c01                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fe
       ref     c03                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │            c8752
       ref     c10                              190 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ age        12h 54m ago
       ref     c13                              140 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ size       237 KiB
       ref     c04                              110 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ only here  190 KiB: what no other ref reaches
       ref     c08                             72.6 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │
       ref     c11                             72.4 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ Why
       ref     c06                             46.2 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ rule "the newest": 12h 54m old, keeps the last 2
       ref     c05                             46.2 KiB  rule "the╭ Please confirm ──────────────────────────────────────────────────────────╮
       ref     c12                             41.1 KiB  rule "the│ Delete 13 refs from ./cache? 1.6 MiB wait, and go with a later run. It   │
       ref     c09                             33.8 KiB  rule "the│ can be restored from the trash.                                          │
       ref     c07                              9.2 KiB  rule "the│                                                                          │
                                                                  │ Type the name of the source to go on:  ./cache                           │
                                                                  │                                                                          │
                                                                  │ ›                                                                        │
                                                                  ╰──────────────────────────────────────────────────────────────────────────╯
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
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}
