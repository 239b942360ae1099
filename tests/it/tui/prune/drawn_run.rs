//! A run, drawn at four sizes.

use super::{Store, screen};

#[test]
fn the_run_at_60() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (60, 16)), @r"
     ./cache › prune                 9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB in the trash
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────
       OUTCOME▴    WHAT                        SIZE  WHY
    ▸  trashed     blob    sha256:245118…  30.3 KiB            ▐
       trashed     blob    sha256:39c3d1…  30.2 KiB            ▐
       trashed     blob    sha256:b7a6ad…  30.2 KiB            ▐
       trashed     blob    sha256:79ffe2…  30.2 KiB            ▐
       trashed     blob    sha256:16d0a8…   2.8 KiB
       trashed     blob    sha256:b082ed…   2.8 KiB
    ───────────────────────────────────────────────────── 1/9 ──
     u restores what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark
    ");
}

#[test]
fn the_run_at_80() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (80, 24)), @r"
     ./cache › prune                                     9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB kept until 22 Nov 13:00 UTC
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴    WHAT                                             SIZE  WHY
    ▸  trashed     blob    sha256:245118f905da62d8fd52a4c37d4…  30.3 KiB
       trashed     blob    sha256:39c3d17cdc017cfba1e55b3e29e…  30.2 KiB
       trashed     blob    sha256:b7a6ad1fe92a187b24fe098af6a…  30.2 KiB
       trashed     blob    sha256:79ffe2e44f7d1a62dbb59cf1b42…  30.2 KiB
       trashed     blob    sha256:16d0a8ad8789e99aee8970a282c…   2.8 KiB
       trashed     blob    sha256:b082ede498b0329524fc09640a3…   2.8 KiB
       trashed     blob    sha256:9cda0bc2af0dbeda16d8712ee56…   2.5 KiB
       trashed     blob    sha256:072905c155a2bdef19047d6df8a…   2.5 KiB
       trashed     blob    sha256:421d13bb42bc886edf474ca7d97…     145 B





    ───────────────────────────────────────────────────────────────────────── 1/9 ──
     u restores what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn the_run_at_120() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (120, 40)), @r"
     ./cache › prune                                                                             9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB kept until 22 Nov 13:00 UTC
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴    WHAT                                                SIZE  WHY        │ sha256:245118f905da62d8fd52a4c37d
    ▸  trashed     blob    sha256:245118f905da62d8fd52a4c37d4649…  30.3 KiB             │ 464929e78e2ff8971d1c997abf2775f6c
       trashed     blob    sha256:39c3d17cdc017cfba1e55b3e29ea08…  30.2 KiB             │ 716b1
       trashed     blob    sha256:b7a6ad1fe92a187b24fe098af6a6c4…  30.2 KiB             │ outcome    trashed
       trashed     blob    sha256:79ffe2e44f7d1a62dbb59cf1b42b51…  30.2 KiB             │ kind       blob
       trashed     blob    sha256:16d0a8ad8789e99aee8970a282c81a…   2.8 KiB             │ size       30.3 KiB
       trashed     blob    sha256:b082ede498b0329524fc09640a3c33…   2.8 KiB             │
       trashed     blob    sha256:9cda0bc2af0dbeda16d8712ee56709…   2.5 KiB             │ Reason
       trashed     blob    sha256:072905c155a2bdef19047d6df8a61a…   2.5 KiB             │ no ref reaches it; written 12h 8m
       trashed     blob    sha256:421d13bb42bc886edf474ca7d97fd4…     145 B             │ ago
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     u restores what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn the_run_at_200() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (200, 60)), @r"
     ./cache › prune                                                                                                                                                             9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB kept until 22 Nov 13:00 UTC
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴     WHAT                                                                                  SIZE  WHY         │ sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1
    ▸  trashed      blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1   30.3 KiB              │ outcome    trashed
       trashed      blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4ddc9abad4ece24   30.2 KiB              │ kind       blob
       trashed      blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c0319ec91731b01   30.2 KiB              │ size       30.3 KiB
       trashed      blob    sha256:79ffe2e44f7d1a62dbb59cf1b42b51f56a00cc173a2b3455e5c1c29fc9f677e9   30.2 KiB              │
       trashed      blob    sha256:16d0a8ad8789e99aee8970a282c81a140561dc5697808256e99b1b71c6b85135    2.8 KiB              │ Reason
       trashed      blob    sha256:b082ede498b0329524fc09640a3c33dfaeadf3b76c2f8bb6cb08b64688acd4d5    2.8 KiB              │ no ref reaches it; written 12h 8m ago
       trashed      blob    sha256:9cda0bc2af0dbeda16d8712ee56709a2b8689f29cc3f563c019d9e78f29ca8e1    2.5 KiB              │
       trashed      blob    sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb25bbd84c81651    2.5 KiB              │
       trashed      blob    sha256:421d13bb42bc886edf474ca7d97fd4f13e2e47441023da9cc1bbd4a59a16c4b0      145 B              │
                                                                                                                            │
    ─── inside refs ─────────────────────────────────────────────────────────────────────────────────────────────────────── │
       REF           KIND          AGE▴     SIZE          ONLY HERE  LAYERS  STEPS          POLICY                          │
       latest        cache      12h 8m   144 KiB  ██████    144 KiB       8     6 ✓         keep  #1 of last 2 · the newest │
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
                                                                                                                            ─── bytes: ▚ in the trash  ▒ deleted  ░ still there  × failed ──────────────────
                                                                                                                               blob sha256:245…│ blob sha256:39…│ blob sha256:b7a…│ blob sha256:79ffe2e44f…
                                                                                                                               30.3 KiB        │ 30.2 KiB       │ 30.2 KiB        │ 30.2 KiB
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │────────────────────────
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ blob sh…│ 4 more
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ 2.8 KiB │ 8.0 KiB toge…
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚
                                                                                                                               ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚ │ ▚▚▚▚▚▚▚▚▚▚▚▚
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     u restores what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}
