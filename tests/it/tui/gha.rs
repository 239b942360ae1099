//! The caches of a repository on GitHub, on the screen.

use cachelens::retention::{Condition, Policy, RefPattern, Rule, RuleAction, RuleTextField};
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::support::gha::Github;
use crate::support::journey::{Journey, SETTLE, github, now};

const LABEL: &str = "gha:acme/shop";

type Size = (u16, u16);

/// A repository with the caches of three branches, one of them deleted, those of two pull requests,
/// one of them closed, and entries of another tool.
fn repository() -> Github {
    let server = Github::start();
    {
        let mut state = server.state();
        state.branches = vec!["main".into(), "feature".into()];
        state.pulls = vec![(12, "main".into())];
        state.quota = 1;
    }
    let refs = [
        ("refs/heads/main", 1, 30),
        ("refs/heads/main", 2, 3),
        ("refs/heads/feature", 1, 26),
        ("refs/heads/old", 1, 120),
        ("refs/pull/7/merge", 1, 100),
        ("refs/pull/7/merge", 2, 90),
        ("refs/pull/12/merge", 1, 5),
    ];
    for (git_ref, number, hours) in refs {
        server.add_index(
            "app",
            git_ref,
            number,
            hours,
            format!(r#"{{"layers":[],"records":[],"n":"{git_ref} {number}"}}"#).as_bytes(),
        );
    }
    server.add(
        "node-cache-linux-x64-npm-0a1b2c",
        "v",
        "refs/heads/main",
        180_000_000,
        50,
    );
    server.add(
        "node-cache-linux-x64-npm-3d4e5f",
        "v",
        "refs/pull/7/merge",
        180_000_000,
        95,
    );
    server.at_time(now())
}

fn read_only(server: &Github, in_job: bool, size: Size) -> Journey {
    Journey::new(vec![github(LABEL, server.reader(in_job))], size)
}

fn drawn(keys: &str, size: Size) -> String {
    read_only(&repository(), false, size).press(keys).screen()
}

#[test]
fn sources_at_60() {
    insta::assert_snapshot!(drawn("", (60, 16)), @r"
     cachelens                    1 source · read-only · ? help
    ────────────────────────────────────────────────────────────
       SOURCE▴              LIVE    ORPHAN   MISSING  STATE
    ▸  gha:acme/shop       257 B         ?         ?  ready
       █······▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?








    ───────────────────────────────────────────────────── 1/1 ──
     343 MiB stored · 257 B live · ? could go
     enter open  p plan a prune  w why  c check  a add  b blobs
    ");
}

#[test]
fn sources_at_80() {
    insta::assert_snapshot!(drawn("", (80, 24)), @r"
     cachelens                                        1 source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       SOURCE▴             REFS      LIVE    ORPHAN   MISSING    NEWEST  STATE
    ▸  gha:acme/shop          5     257 B         ?         ?        3h  ready
       █·············▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?
















    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     343 MiB stored · 257 B live · ? could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap
    ");
}

#[test]
fn sources_at_120() {
    insta::assert_snapshot!(drawn("", (120, 40)), @r"
     cachelens                                                                                1 source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SOURCE▴                          KIND        REFS      LIVE    ORPHAN   MISSING    NEWEST  STATE
    ▸  gha:acme/shop                    gha            5     257 B         ?         ?        3h  ready
       █··························▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?


















    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       gha:acme/shop
       kind       gha
       scan       ready

       What is stored
       in all     343 MiB in 9 objects
       live       257 B in 5 objects, which a ref reaches
       orphan     not known: what indexes name can be read inside a job only
       unknown    343 MiB in 2 objects, none of the cache's own
       superseded 102 B in 2 objects, indexes that no build imports
       quota      ████████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 %
                  343 MiB of 1.0 GiB
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/1 ──
     343 MiB stored · 257 B live · ? could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap  / filter  s sort  space mark  i details
    ");
}

#[test]
fn sources_at_200() {
    insta::assert_snapshot!(drawn("", (200, 60)), @r"
     cachelens                                                                                                                                                                1 source · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       SOURCE▴                          KIND        REFS      LIVE    ORPHAN   MISSING    NEWEST  STATE                     │ gha:acme/shop
    ▸  gha:acme/shop                    gha            5     257 B         ?         ?        3h  ready                     │ kind       gha
       █··························▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 % of the quota · orphans ?    │ scan       ready
                                                                                                                            │
                                                                                                                            │ What is stored
                                                                                                                            │ in all     343 MiB in 9 objects
                                                                                                                            │ live       257 B in 5 objects, which a ref reaches
                                                                                                                            │ orphan     not known: what indexes name can be read inside a job only
                                                                                                                            │ unknown    343 MiB in 2 objects, none of the cache's own
                                                                                                                            │ superseded 102 B in 2 objects, indexes that no build imports
                                                                                                                            │ quota      ████████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  33 %
                                                                                                                            │            343 MiB of 1.0 GiB
                                                                                                                            │ room       681 MiB until what was used longest ago is evicted
                                                                                                                            │
                                                                                                                            │ Which builds read which caches
                                                                                                                            │ a build on feature reads the caches of feature, main
                                                                                                                            │   it cannot see the cache of old, pull/12/merge, pull/7/merge
                                                                                                                            │ a build on main reads the caches of main
    ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ──────────────────────────────────────────────────────────────────── │   it cannot see the cache of feature, old, pull/12/merge, pull/7/merge
       app@feature                                   │ app@pull/7/merge                                                     │ a build on pull/12/merge reads the caches of pull/12/merge, main
       53 B only here                                │ 52 B only here                                                       │   it cannot see the cache of feature, old, pull/7/merge
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │ … tab scrolls, i shows all
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   ├── enter opens refs ───────────────────────────────────────────────────────────
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   REF                            AGE▴     SIZE  ONLY HERE  STEPS
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   app@main                        3h         ?          ?  ?
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   app@pull/12/merge               5h         ?          ?  ?
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   app@feature                  1d 2h         ?          ?  ?
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   app@pull/7/merge            3d 18h         ?          ?  ?
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │   app@old                         5d         ?          ?  ?
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │────────────────────────────────────────────────────────────────────  │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ app@main                        │ app@old                            │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 50 B only here                  │ 49 B only here                     │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
      ───────────────────────────────────────────────│ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       app@pull/12/merge                             │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       53 B only here                                │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/1 ──
     343 MiB stored · 257 B live · ? could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 90 days
     enter open  p plan a prune  w why  c check  a add  b blobs  t treemap  / filter  s sort  space mark  i details  e export  : command  q quit
    ");
}

#[test]
fn refs_at_60() {
    insta::assert_snapshot!(drawn("enter", (60, 16)), @r"
     gha:acme/sh… › refs  5 refs · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────
     █·························  257 B live · orphans not known
     bytes by age  ? what the index names can be read inside a…
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
     bytes by age  ? what the index names can be read inside a job only
    ────────────────────────────────────────────────────────────────────────────────
       REF                            AGE▴     SIZE  ONLY HERE  STEPS
    ▸  app@main                        3h         ?          ?  ?
       app@pull/12/merge               5h         ?          ?  ?
       app@feature                  1d 2h         ?          ?  ?
       app@pull/7/merge            3d 18h         ?          ?  ?
       app@old                         5d         ?          ?  ?










    ───────────────────────────────────────────────────────────────────────── 1/5 ──
     257 B in the indexes of 5 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap
    ");
}

#[test]
fn refs_at_120() {
    insta::assert_snapshot!(drawn("enter", (120, 40)), @r"
     gha:acme/shop › refs                                                             5 refs · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     █·····················································································  257 B live · orphans not known
     bytes by age  ? what the index names can be read inside a job only
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF                           AGE▴     SIZE  ONLY HERE  STEPS               │ app@main
    ▸  app@main                       3h         ?          ?  ?                   │ digest     ?
       app@pull/12/merge              5h         ?          ?  ?                   │ also       2:refs/heads/main:index-app
       app@feature                 1d 2h         ?          ?  ?                   │            -1-f921bd05#2
       app@pull/7/merge           3d 18h         ?          ?  ?                   │ kind       cache
       app@old                        5d         ?          ?  ?                   │ age        3h ago,
                                                                                   │            2026-11-22T09:00:00Z (when
                                                                                   │            it was stored)
                                                                                   │ policy     keep: no rule matches it
                                                                                   │ last used  3h ago,
                                                                                   │            2026-11-22T09:00:00Z
                                                                                   │ read by    builds on feature, main,
                                                                                   │            pull/12/merge
                                                                                   │ evicted    in 6d 21h unless a build
                                                                                   │            uses it
                                                                                   │ or         when 1024 MiB more are
                                                                                   │            written
                                                                                   │
                                                                                   │ size       not known: what the index
                                                                                   │            names can be read inside a
                                                                                   │            job only
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/5 ──
     257 B in the indexes of 5 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap  / filter  s sort  space mark
    ");
}

#[test]
fn refs_at_200() {
    insta::assert_snapshot!(drawn("enter", (200, 60)), @r"
     gha:acme/shop › refs                                                                                                                                             5 refs · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     █·····································································································································································  257 B live · orphans not known
     bytes by age  ? what the index names can be read inside a job only
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       REF                    KIND          AGE▴     SIZE          ONLY HERE  LAYERS  STEPS             POLICY              │ app@main
    ▸  app@main               cache          3h         ?                  ?       ?  ?                 keep  no rule       │ digest     ?
       app@pull/12/merge      cache          5h         ?                  ?       ?  ?                 keep  no rule       │ also       2:refs/heads/main:index-app-1-f921bd05#2
       app@feature            cache       1d 2h         ?                  ?       ?  ?                 keep  no rule       │ kind       cache
       app@pull/7/merge       cache      3d 18h         ?                  ?       ?  ?                 keep  no rule       │ age        3h ago, 2026-11-22T09:00:00Z (when it was stored)
       app@old                cache          5d         ?                  ?       ?  ?                 keep  no rule       │ policy     keep: no rule matches it
                                                                                                                            │ last used  3h ago, 2026-11-22T09:00:00Z
                                                                                                                            │ read by    builds on feature, main, pull/12/merge
                                                                                                                            │ evicted    in 6d 21h unless a build uses it
                                                                                                                            │ or         when 1024 MiB more are written
                                                                                                                            │
                                                                                                                            │ size       not known: what the index names can be read inside a job only
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
    ─── bytes: ▓ only in one ref  ░ shared  ▒ orphaned ──────────────────────────────────────────────────────────────────── │
       app@feature                                   │ app@pull/7/merge     │ app@main                                      │
       53 B only here                                │ 52 B only here       │ 50 B only here                                │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
      ───────────────────────────────────────────────│ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │─────────────────────────────────────────────  │
       app@pull/12/merge                             │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ app@old                                       │
       53 B only here                                │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ 49 B only here                                │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/5 ──
     257 B in the indexes of 5 refs
     enter open  p plan a prune  w why  c check  R rule  d diff  b blobs  t treemap  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn entries_at_60() {
    insta::assert_snapshot!(drawn("enter b", (60, 16)), @r"
     gha:acm… › blobs  9 objects · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────
       BLOB                     STATE             SIZE▾      AGE
    ▸  node-cache-linux-x64-n…  · unknown      172 MiB    3d 23h
       node-cache-linux-x64-n…  · unknown      172 MiB     2d 2h
       index-app-1-3f31b38f#1…  ○ superseded      52 B     4d 4h
       index-app-1-f921bd05#1…  ○ superseded      50 B     1d 6h






    ───────────────────────────────────────────────────── 1/4 ──
     257 B live · 343 MiB unknown
     enter open  o orphans  m missing  / filter  s sort
    ");
}

#[test]
fn entries_at_80() {
    insta::assert_snapshot!(drawn("enter b", (80, 24)), @r"
     gha:acme/shop › blobs                 9 objects · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       BLOB                                         STATE             SIZE▾      AGE
    ▸  node-cache-linux-x64-npm-3d4e5f on pull/7/…  · unknown      172 MiB    3d 23h
       node-cache-linux-x64-npm-0a1b2c on main      · unknown      172 MiB     2d 2h
       index-app-1-3f31b38f#1 on pull/7/merge       ○ superseded      52 B     4d 4h
       index-app-1-f921bd05#1 on main               ○ superseded      50 B     1d 6h














    ───────────────────────────────────────────────────────────────────────── 1/4 ──
     257 B live · 343 MiB unknown
     enter open  o orphans  m missing  / filter  s sort  space mark  i details
    ");
}

#[test]
fn entries_at_120() {
    insta::assert_snapshot!(drawn("enter b", (120, 40)), @r"
     gha:acme/shop › blobs                                                         9 objects · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       BLOB                                                          ROLE          STATE               SIZE▾      AGE   REFS
    ▸  node-cache-linux-x64-npm-3d4e5f on pull/7/merge               setup-node    · unknown        172 MiB    3d 23h      –
       node-cache-linux-x64-npm-0a1b2c on main                       setup-node    · unknown        172 MiB     2d 2h      –
       index-app-1-3f31b38f#1 on pull/7/merge                        index         ○ superseded        52 B     4d 4h      –
       index-app-1-f921bd05#1 on main                                index         ○ superseded        50 B     1d 6h      –
















    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       node-cache-linux-x64-npm-3d4e5f on pull/7/merge
       state      · unknown
       of another tool, in the same quota: only a rule that names the kind `entry` deletes it

       kind       setup-node
       size       172 MiB
       branch     pull/7/merge, which is gone
       written    3d 23h ago, 2026-11-18T13:00:00Z
       last used  3d 23h ago




    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/4 ──
     257 B live · 343 MiB unknown
     enter open  o orphans  m missing  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn entries_at_200() {
    insta::assert_snapshot!(drawn("enter b", (200, 60)), @r"
     gha:acme/shop › blobs                                                                                                                                         9 objects · 343 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       BLOB                                                         ROLE          STATE               SIZE▾      AGE   REFS │ node-cache-linux-x64-npm-3d4e5f on pull/7/merge
    ▸  node-cache-linux-x64-npm-3d4e5f on pull/7/merge              setup-node    · unknown        172 MiB    3d 23h      – │ state      · unknown
       node-cache-linux-x64-npm-0a1b2c on main                      setup-node    · unknown        172 MiB     2d 2h      – │ of another tool, in the same quota: it goes only by a rule that names the
       index-app-1-3f31b38f#1 on pull/7/merge                       index         ○ superseded        52 B     4d 4h      – │ kind `entry`
       index-app-1-f921bd05#1 on main                               index         ○ superseded        50 B     1d 6h      – │
                                                                                                                            │ kind       setup-node
                                                                                                                            │ size       172 MiB
                                                                                                                            │ branch     pull/7/merge, which is gone
                                                                                                                            │ written    3d 23h ago, 2026-11-18T13:00:00Z
                                                                                                                            │ last used  3d 23h ago
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/4 ──
     257 B live · 343 MiB unknown
     enter open  o orphans  m missing  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn a_plan_at_60() {
    insta::assert_snapshot!(drawn("p", (60, 16)), @r"
     gha:acme/s… › plan  made 12:00:00 UTC · read-only · ? help
    ────────────────────────────────────────────────────────────
     deletes  1 entry  frees 52 B              keeps 5 refs · ?
     waits    1 entry: younger than 2d
     checked  ✓ blobs by rule ✓ none under 2d ✓ refs first
     ! acme/shop as octo: deleting takes 1 request; 4321 more …
     ! 5 refs: what the index names can be read inside a job o…
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
     ! 5 refs: what the index names can be read inside a job only; a blob goes onl…
     [ delete 1 ]   wait 1     keep 5
    ────────────────────────────────────────────────────────────────────────────────
       WHAT                                SIZE▾ WHY
    ▸  entry   index-app-1-3f31b38f#…      52 B  a newer index has superseded it: n…










    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     no policy: orphans and unfinished uploads only
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort
    ");
}

#[test]
fn a_plan_at_120() {
    insta::assert_snapshot!(drawn("p", (120, 40)), @r"
     gha:acme/shop › plan                                                            made 12:00:00 UTC · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  1 entry  frees 52 B                                                                          keeps 5 refs · ?
     waits    1 entry: younger than 2d
     checked  ✓ no blob without a rule for it ✓ nothing younger than 2d ✓ refs go before blobs ✓ each byte once
     ! acme/shop as octo: deleting takes 1 request; 4321 more are allowed until 03:33 UTC
     ! 5 refs: what the index names can be read inside a job only; only a rule that names the kind `blob` deletes it
     [ delete 1 ]   wait 1     keep 5
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                    SIZE▾ WHY
    ▸  entry   index-app-1-3f31b38f#1 on pull/7/merge          52 B  a newer index has superseded it: no build imports it















    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       5:refs/pull/7/merge:index-app-1-3f31b38f#1
       kind       entry
       size       52 B
       written    4d 4h ago

       Why
       a newer index has superseded it: no build imports it



    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/1 ──
     no policy: orphans and unfinished uploads only
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn a_plan_at_200() {
    insta::assert_snapshot!(drawn("p", (200, 60)), @r"
     gha:acme/shop › plan                                                                                                                                            made 12:00:00 UTC · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  1 entry  frees 52 B                                                                                                                                                          keeps 5 refs · ?
     waits    1 entry: younger than 2d
     checked  ✓ no blob without a rule for it ✓ nothing younger than 2d ✓ refs go before blobs ✓ each byte once
     ! acme/shop as octo: deleting takes 1 request; 4321 more are allowed until 03:33 UTC
     ! 5 refs: what the index names can be read inside a job only; only a rule that names the kind `blob` deletes it
     [ delete 1 ]   wait 1     keep 5
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                   SIZE▾ WHY                                                     │ 5:refs/pull/7/merge:index-app-1-3f31b38f#1
    ▸  entry   index-app-1-3f31b38f#1 on pull/7/merge         52 B  a newer index has superseded it: no build imports it    │ kind       entry
                                                                                                                            │ size       52 B
                                                                                                                            │ written    4d 4h ago
                                                                                                                            │
                                                                                                                            │ Why
                                                                                                                            │ a newer index has superseded it: no build imports it
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/1 ──
     no policy: orphans and unfinished uploads only
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn inside_a_job_everything_is_known_that_its_token_may_read() {
    let server = repository();
    let mut journey = read_only(&server, true, (120, 40));
    journey.press("enter");
    let line = journey.line("▸  app@main");
    assert!(
        !line.contains('?') && line.contains("50 B"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("app@old").contains('?'),
        "{}",
        journey.screen()
    );
}

fn by_state(state: &str, kind: Option<&str>) -> Rule {
    let one = |field, text: &str| Condition::Text(field, vec![text.parse::<RefPattern>().unwrap()]);
    let kind = kind.map(|kind| one(RuleTextField::Kind, kind));
    let conditions = std::iter::once(one(RuleTextField::State, state))
        .chain(kind)
        .collect();
    Rule {
        name: "closed pull requests".into(),
        conditions,
        action: RuleAction::Drop,
        drop_records: None,
    }
}

/// Opens the repository with the permission to delete.
fn writable(server: &Github, journals: &TempDir, rules: Vec<Rule>, size: Size) -> Journey {
    let policy = Policy {
        grace: SignedDuration::from_hours(1),
        rules,
        ..Policy::default()
    };
    let policy_from = Some("cachelens.toml".to_owned());
    let pruning = Pruning {
        access: DeletionAccess::Write,
        policy,
        policy_from,
        journals: Some(journals.path().to_owned()),
        settle: SETTLE,
    };
    Journey::with(pruning, vec![github(LABEL, server.reader(false))], size)
}

/// Returns the branches and keys of the server's entries.
fn stored(server: &Github) -> Vec<String> {
    let state = server.state();
    let mut all: Vec<String> = state
        .entries
        .iter()
        .map(|entry| format!("{} {}", entry.git_ref, entry.key))
        .collect();
    all.sort();
    all
}

fn deletions(server: &Github) -> usize {
    server
        .state()
        .requests
        .iter()
        .filter(|line| line.starts_with("DELETE"))
        .count()
}

#[test]
fn superseded_indexes_and_closed_pull_requests_go() {
    let (server, journals) = (repository(), TempDir::new().unwrap());
    let rules = vec![
        by_state("branch-gone", Some("entry")),
        by_state("branch-gone", None),
    ];
    let mut journey = writable(&server, &journals, rules, (120, 40));
    journey.press("p");
    insta::assert_snapshot!(journey.screen(), @r#"
     gha:acme/shop › plan                                                              made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  2 refs · 3 entries  frees 172 MiB                                                            keeps 3 refs · ?
     waits    nothing
     checked  ✓ no blob without a rule for it ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     ! acme/shop as octo: deleting takes 5 requests; 4321 more are allowed until 03:33 UTC
     ! 5 refs: what the index names can be read inside a job only; only a rule that names the kind `blob` deletes it
     [ delete 5 ]   wait 0     keep 3
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                       SIZE▾ WHY
    ▸  entry   node-cache-linux-x64-npm-3d4e5f on pull/7/me…   172 MiB  rule "closed pull requests" drops it
       ref     app@pull/7/merge                                   52 B  rule "closed pull requests" drops it
       entry   index-app-1-3f31b38f#1 on pull/7/merge             52 B  a newer index has superseded it: no build imports it
       entry   index-app-1-f921bd05#1 on main                     50 B  a newer index has superseded it: no build imports it
       ref     app@old                                            49 B  rule "closed pull requests" drops it











    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       9:refs/pull/7/merge:node-cache-linux-x64-npm-3d4e5f
       kind       entry
       size       172 MiB
       written    3d 23h ago

       Why
       rule "closed pull requests" drops it



    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/5 ──
     policy cachelens.toml
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark  i details  e export
    "#);
    assert_eq!(deletions(&server), 0);
    journey.press("enter");
    assert!(
        journey.screen().contains("There is no way"),
        "{}",
        journey.screen()
    );
    assert_eq!(deletions(&server), 0, "nothing goes before the answer");
    journey.press("y");
    let screen = journey.screen();
    let journal = journals.path().to_str().unwrap();
    insta::assert_snapshot!(screen.lines().take(14).filter(|line| !line.contains(&journal[..8])).collect::<Vec<_>>().join("\n"), @r"
     gha:acme/shop › prune                                                                       5 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     5 deleted · 172 MiB freed
     nothing to check: what the kept refs name is not known here
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴      WHAT                                                                      SIZE  WHY
    ▸  deleted       ref     app@old                                                              –
       deleted       ref     app@pull/7/merge                                                     –
       deleted       entry   index-app-1-3f31b38f#1 on pull/7/merge                            52 B
       deleted       entry   index-app-1-f921bd05#1 on main                                    50 B
       deleted       entry   node-cache-linux-x64-npm-3d4e5f on pull/7/merge                172 MiB
    ");
    assert_eq!(
        stored(&server),
        [
            "refs/heads/feature index-app-1-f04dcc3f#1",
            "refs/heads/main index-app-1-f921bd05#2",
            "refs/heads/main node-cache-linux-x64-npm-0a1b2c",
            "refs/pull/12/merge index-app-1-5349eb8d#1"
        ]
    );
    assert_eq!(deletions(&server), 5);
    // The remaining entries are read again.
    journey.press("q q enter");
    assert!(
        journey.screen().contains("3 refs · 172 MiB"),
        "{}",
        journey.screen()
    );
}
