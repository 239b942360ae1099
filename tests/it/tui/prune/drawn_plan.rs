//! The plan, drawn at four sizes.

use super::{Store, keep_last, screen};

#[test]
fn the_plan_at_60() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (60, 16)), @r#"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     deletes  13 refs  frees 1.6 MiB in two steps
     waits    160 blobs, 1.6 MiB: free after 22 Nov 13:00 UTC
     checked  ✓ breaks no ref ✓ none under 1h ✓ refs first
     [ delete 13 ]   wait 160     keep 2          keeps 243 KiB
    ────────────────────────────────────────────────────────────
       WHAT                      SIZE▾ WHY
    ▸  ref     c02            190 KiB  rule "the newest": 12h …▐
       ref     c01            190 KiB  rule "the newest": 12h …
       ref     c03            190 KiB  rule "the newest": 12h …
       ref     c10            190 KiB  rule "the newest": 12h …
       ref     c13            140 KiB  rule "the newest": 12h …
    ──────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x exclude  right wait, keep  W save
    "#);
}

#[test]
fn the_plan_at_80() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (80, 24)), @r#"
     ./cache › plan                            made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 1.6 MiB in two steps            keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: a run after 22 Nov 13:00 UTC frees them
     checked  ✓ breaks no ref ✓ none under 1h ✓ refs first
     [ delete 13 ]   wait 160     keep 2
    ────────────────────────────────────────────────────────────────────────────────
       WHAT                      SIZE▾         WHY
    ▸  ref     c02            190 KiB  ▒▒▒▒▒▒  rule "the newest": 12h 54m old, keep…
       ref     c01            190 KiB  ▒▒▒▒▒   rule "the newest": 12h 54m old, keep…
       ref     c03            190 KiB  ▒▒▒▒▒   rule "the newest": 12h 54m old, keep…
       ref     c10            190 KiB  ▒▒▒▒▒   rule "the newest": 12h 53m old, keep…
       ref     c13            140 KiB  ▒▒▒▒    rule "the newest": 12h 53m old, keep…
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
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort
    "#);
}

#[test]
fn the_plan_at_120() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (120, 40)), @r#"
     ./cache › plan                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 1.6 MiB in two steps                                                    keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: refs first, a run after 22 Nov 13:00 UTC frees them
     checked  ✓ breaks no kept ref ✓ nothing younger than 1h ✓ refs are deleted before blobs ✓ each byte once
     [ delete 13 ]   wait 160     keep 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                      SIZE▾         WHY                                      │ c02
    ▸  ref     c02            190 KiB  ▒▒▒▒▒▒  rule "the newest": 12h 54m old, keeps t… │ kind       ref
       ref     c01            190 KiB  ▒▒▒▒▒   rule "the newest": 12h 54m old, keeps t… │ digest     sha256:2f8282de6db7e0a
       ref     c03            190 KiB  ▒▒▒▒▒   rule "the newest": 12h 54m old, keeps t… │            d31d42bb3d7ce7fe69441a
       ref     c10            190 KiB  ▒▒▒▒▒   rule "the newest": 12h 53m old, keeps t… │            9afcca045cd3e5374e35fe
       ref     c13            140 KiB  ▒▒▒▒    rule "the newest": 12h 53m old, keeps t… │            c8752
       ref     c04            110 KiB  ▒▒▒     rule "the newest": 12h 54m old, keeps t… │ age        12h 54m ago
       ref     c08           72.6 KiB  ▒▒      rule "the newest": 12h 53m old, keeps t… │ size       237 KiB
       ref     c11           72.4 KiB  ▒▒      rule "the newest": 12h 53m old, keeps t… │ only here  190 KiB: no other ref
       ref     c06           46.2 KiB  ▒       rule "the newest": 12h 53m old, keeps t… │            reaches them
       ref     c05           46.2 KiB  ▒       rule "the newest": 12h 54m old, keeps t… │
       ref     c12           41.1 KiB  ▒       rule "the newest": 12h 53m old, keeps t… │ Why
       ref     c09           33.8 KiB  ▒       rule "the newest": 12h 53m old, keeps t… │ rule "the newest": 12h 54m old,
       ref     c07            9.2 KiB  ▒       rule "the newest": 12h 53m old, keeps t… │ keeps the last 2
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
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark  i details  e export
    "#);
}

#[test]
fn the_plan_at_200() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (200, 60)), @r#"
     ./cache › plan                                                                                                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 1.6 MiB in two steps                                                                                                                                    keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: refs first, a run after 22 Nov 13:00 UTC frees them
     checked  ✓ breaks no kept ref ✓ nothing younger than 1h ✓ refs are deleted before blobs ✓ each byte once
     [ delete 13 ]   wait 160     keep 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                    SIZE▾         WHY                                                            │ c02
    ▸  ref     c02                          190 KiB  ▒▒▒▒▒▒  rule "the newest": 12h 54m old, keeps the last 2               │ kind       ref
       ref     c01                          190 KiB  ▒▒▒▒▒   rule "the newest": 12h 54m old, keeps the last 2               │ digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fe
       ref     c03                          190 KiB  ▒▒▒▒▒   rule "the newest": 12h 54m old, keeps the last 2               │            c8752
       ref     c10                          190 KiB  ▒▒▒▒▒   rule "the newest": 12h 53m old, keeps the last 2               │ age        12h 54m ago
       ref     c13                          140 KiB  ▒▒▒▒    rule "the newest": 12h 53m old, keeps the last 2               │ size       237 KiB
       ref     c04                          110 KiB  ▒▒▒     rule "the newest": 12h 54m old, keeps the last 2               │ only here  190 KiB: no other ref reaches them
       ref     c08                         72.6 KiB  ▒▒      rule "the newest": 12h 53m old, keeps the last 2               │
       ref     c11                         72.4 KiB  ▒▒      rule "the newest": 12h 53m old, keeps the last 2               │ Why
       ref     c06                         46.2 KiB  ▒       rule "the newest": 12h 53m old, keeps the last 2               │ rule "the newest": 12h 54m old, keeps the last 2
       ref     c05                         46.2 KiB  ▒       rule "the newest": 12h 54m old, keeps the last 2               │
       ref     c12                         41.1 KiB  ▒       rule "the newest": 12h 53m old, keeps the last 2               │
       ref     c09                         33.8 KiB  ▒       rule "the newest": 12h 53m old, keeps the last 2               │
       ref     c07                          9.2 KiB  ▒       rule "the newest": 12h 53m old, keeps the last 2               │
                                                                                                                            │
    ─── bytes: ▒ deleted  ░ waiting  ▓ kept ─────────────────────────────────────────────────────────────────────────────── │
       waiting                                                   │ kept refs           │ ref c02        │ ref c01           ├── inside c02 ─────────────────────────────────────────────────────────────────
       1.6 MiB                                                   │ 243 KiB             │ 190 KiB        │ 190 KiB           │   STEP▴                                        SIZE              AGE   ALSO IN
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │     source · 089e08d6 +1                          –                –         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   ├ ✓ FILE · 807b3e87                          92 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ ✓ COPY · 1704e8bf                         215 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ ✓ RUN · da55fffb                       49.9 KiB  ██████  12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ ✓ COPY · 91cc5c91                         210 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ ├ ✓ RUN · ab170239                     12.2 KiB  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ └ ✓ RUN · 4fd7e03a                     12.3 KiB  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   ├ ✓ FILE · 57a5ab45                          92 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ ✓ COPY · 9152319c                         147 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   │ ✓ RUN · eb40ed05                       30.2 KiB  ███     12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │─────────────────────│────────────────│─────────────────  │   │ ✓ COPY · 4fdf24ec                         173 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ref c03             │ ref c13          │ ref c04         │   │ ✓ RUN · 765fb925                       30.2 KiB  ███     12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ 190 KiB             │ 140 KiB          │ 110 KiB         │   └ ✓ COPY · d77d59e9                      30.2 KiB  ███     12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒   │     ✓ COPY · 5d74d000                      12.2 KiB  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒   │     ✓ COPY · e0d7b2d4                         142 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒   │     ✓ COPY · 89d21dcb                         163 B  █       12h 54m         –
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒   │
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒   │─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ────────────────────────────
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒   │   RUN · da55fffb     │ COPY · d77…│ RUN · eb40…│ RUN · 765f…│ RUN · 4fd7e03a
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │──────────────────│───────────────  │   49.9 KiB only here │ 30.2 KiB o…│ 30.2 KiB o…│ 30.2 KiB o…│ 12.3 KiB only …
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ref c08      │ ref c06             │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │─────────────────────│ 72.6 KiB     │ 46.2 KiB            │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ref c10             │ ▒▒▒▒▒▒▒▒▒▒▒▒ │───────────────────  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │────────────────
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ 190 KiB             │ ▒▒▒▒▒▒▒▒▒▒▒▒ │ ref c05             │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ RUN · ab170239
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒ │ 46.2 KiB            │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ 12.2 KiB only …
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │──────────────│───────────────────  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ref c11      │ ref c12             │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │────────────────
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ 72.4 KiB     │ 41.1 KiB            │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ 9 more
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒ │───────────────────  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ 13.4 KiB toget…
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒ │ 2 more              │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒ │ 43.0 KiB together   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒ │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark  i details  e export  : command  q back
    "#);
}

#[test]
fn kept_refs_are_folded_by_reason_and_unfolded_by_space() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(3)], (100, 30));
    journey.press("p");
    journey.press("right right");
    // Three refs are too few for a group.
    journey.shows("[ keep 3 ]").shows("ref     c15");
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(9)], (100, 30));
    journey.press("p right right");
    let group = journey.line("▸ 9 refs");
    assert!(group.contains("keeps it"), "{group}");
    journey.hides("c15");
    journey.press("space");
    journey.shows("▾ 9 refs").shows("c15");
    journey.press("j y");
    assert!(
        journey.copied().unwrap().starts_with('c'),
        "{:?}",
        journey.copied()
    );
    journey.press("k space");
    journey.shows("▸ 9 refs").hides("c15");
    // A filter looks into the groups, and a rule may be about all refs of one.
    journey.press("/ 'c15 enter");
    journey.shows("1 of").shows("c15").hides("▸ 9 refs");
    journey.press("esc R");
    journey.shows("protect").shows("c15");
}
