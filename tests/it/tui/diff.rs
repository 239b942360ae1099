//! Two refs are compared.

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};

fn shop(keys: &str, size: (u16, u16)) -> String {
    let layout = Fixture::named("shop").layout("local.json");
    Journey::new(vec![local("./shop", layout.path())], size)
        .press(keys)
        .screen()
}

#[test]
fn two_marked_refs_at_80() {
    insta::assert_snapshot!(shop("enter / 'c07 enter space esc / 'c08 enter space esc d", (80, 24)), @r"
     ./shop › c07 → c08                                          read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       174 KiB → 237 KiB · written 7s later
    ────────────────────────────────────────────────────────────────────────────────
       STEP                      WHERE▴           BEFORE     AFTER  WHAT
    ▸  - RUN · 765fb925          –                     –         –  gone
       ~ COPY · 5d74d000         –              12.2 KiB  12.2 KiB  applied to some…
       ~ COPY · 89d21dcb         –                 164 B     162 B  applied to some…
       ~ COPY · d77d59e9         –              30.2 KiB  30.2 KiB  applied to some…
       ~ COPY · e0d7b2d4         –                 139 B     142 B  applied to some…
       ✓ COPY · 4fdf24ec         –                     –     174 B  has a result now
       ✓ FILE · 57a5ab45         –                     –      91 B  has a result now
       ✓ COPY · 9152319c         –                     –     147 B  has a result now
       ✓ RUN · eb40ed05          –                     –  30.2 KiB  has a result now
       + RUN · f71fe2ce          –                     –  30.2 KiB  new






    ──────────────────────────────────────────────────────────────────────── 1/10 ──
     14 keys are the same · 2 sources and files came or went
     enter open  / filter  s sort  space mark  i details  e export  : command
    ");
}

#[test]
fn a_marked_ref_and_the_one_under_the_cursor_at_200() {
    insta::assert_snapshot!(shop("enter / 'c07 enter space esc / 'c08 enter d", (200, 60)), @r"
     ./shop › c07 → c08                                                                                                                                                                  read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       174 KiB → 237 KiB · written 7s later
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       STEP                                WHERE▴                     BEFORE     AFTER  WHAT                                │ RUN · 765fb925
    ▸  - RUN · 765fb925                    –                               –         –  gone                                │ - gone
       ~ COPY · 5d74d000                   –                        12.2 KiB  12.2 KiB  applied to something else           │
       ~ COPY · 89d21dcb                   –                           164 B     162 B  applied to something else           │ Before
       ~ COPY · d77d59e9                   –                        30.2 KiB  30.2 KiB  applied to something else           │ key        sha256:765fb9258064d026296c0a68cc122271dcdc36af03c2e38a27bcfab391b
       ~ COPY · e0d7b2d4                   –                           139 B     142 B  applied to something else           │            8b7dc
       ✓ COPY · 4fdf24ec                   –                               –     174 B  has a result now                    │ in cache   key-only
       ✓ FILE · 57a5ab45                   –                               –      91 B  has a result now                    │ layer      –
       ✓ COPY · 9152319c                   –                               –     147 B  has a result now                    │
       ✓ RUN · eb40ed05                    –                               –  30.2 KiB  has a result now                    │ After
       + RUN · f71fe2ce                    –                               –  30.2 KiB  new                                 │ the ref has no such key
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
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/10 ──
     14 keys are the same · 2 sources and files came or went
     enter open  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn the_older_ref_comes_first_whichever_was_marked_first() {
    let one = shop("enter / 'c07 enter space esc / 'c08 enter d", (80, 24));
    let other = shop("enter / 'c08 enter space esc / 'c07 enter d", (80, 24));
    assert!(one.contains("c07 → c08"), "{one}");
    assert_eq!(one, other);
}

#[test]
fn one_ref_alone_is_compared_with_nothing() {
    for keys in ["enter d", "enter * d"] {
        let screen = shop(keys, (80, 24));
        assert!(
            screen.contains("mark one ref or two with space"),
            "{screen}"
        );
    }
}

#[test]
fn a_ref_that_cannot_be_read_is_named() {
    let layout = Fixture::named("mini").layout("local.json");
    damage(layout.path());
    let mut journey = Journey::new(vec![local("./mini", layout.path())], (100, 30));
    journey.press("enter * ");
    let marked = journey.screen();
    assert!(marked.contains("marked"), "{marked}");
    journey.press("* space j d");
    // A missing layer does not prevent a comparison of keys.
    assert!(
        journey.screen().contains("keys are the same"),
        "{}",
        journey.screen()
    );
}
