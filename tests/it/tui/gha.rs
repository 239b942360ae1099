//! The caches of a repository on GitHub, on the screen.

use cachelens::retention::{Condition, Policy, RefPattern, Rule, RuleAction, RuleTextField};
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::support::gha::Github;
use crate::support::journey::{Journey, SETTLE, github, now};

mod drawn;

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
    journey.shows_in("app@old", "?");
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

/// Opens the repository with the permission to delete, outside a job or inside one.
fn writable(
    (server, in_job): (&Github, bool),
    journals: &TempDir,
    rules: Vec<Rule>,
    size: Size,
) -> Journey {
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
    Journey::with(pruning, vec![github(LABEL, server.reader(in_job))], size)
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
fn superseded_indexes_and_closed_pull_requests_are_deleted() {
    let (server, journals) = (repository(), TempDir::new().unwrap());
    let rules = vec![
        by_state("branch-gone", Some("entry")),
        by_state("branch-gone", None),
    ];
    let mut journey = writable((&server, false), &journals, rules, (120, 40));
    journey.press("p");
    insta::assert_snapshot!(journey.screen(), @r#"
     gha:acme/shop › plan                                                              made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  2 refs · 3 entries  frees 172 MiB                                                            keeps 3 refs · ?
     waits    nothing
     checked  ✓ no blob without a rule for it ✓ nothing younger than 1h ✓ refs are deleted before blobs ✓ each byte once
     ! acme/shop as octo: deleting takes 5 requests; 4321 more are allowed until 03:33 UTC
     ! 5 refs: the content of the index can be read only inside a job; only a rule that names the kind `blob` deletes it
     [ delete 5 ]   wait 0     keep 3
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                  SIZE▾ WHY                                  │ 9:refs/pull/7/merge:node-cache-li
    ▸  entry   node-cache-linux-x64-np…   172 MiB  rule "closed pull requests" drops it │ nux-x64-npm-3d4e5f
       ref     app@pull/7/merge              52 B  rule "closed pull requests" drops it │ kind       entry
       entry   index-app-1-3f31b38f#1 …      52 B  a newer index has superseded it: no… │ size       172 MiB
       entry   index-app-1-f921bd05#1 …      50 B  a newer index has superseded it: no… │ written    3d 23h ago
       ref     app@old                       49 B  rule "closed pull requests" drops it │
                                                                                        │ Why
                                                                                        │ rule "closed pull requests" drops
                                                                                        │ it
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
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/5 ──
     policy cachelens.toml
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark  i details  e export
    "#);
    assert_eq!(deletions(&server), 0);
    journey.press("enter");
    journey.shows("This cannot be");
    assert_eq!(deletions(&server), 0, "nothing goes before the answer");
    journey.press("y");
    let screen = journey.screen();
    let journal = journals.path().to_str().unwrap();
    insta::assert_snapshot!(screen.lines().take(14).filter(|line| !line.contains(&journal[..8])).collect::<Vec<_>>().join("\n"), @r#"
     gha:acme/shop › prune                                                                       5 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     5 deleted · 172 MiB freed
     nothing to check: the blobs that the kept refs reference are not known here
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴    WHAT                                                SIZE  WHY        │ 9:refs/pull/7/merge:node-cache-li
    ▸  deleted     entry   node-cache-linux-x64-npm-3d4e5f on pu…   172 MiB             │ nux-x64-npm-3d4e5f
       deleted     ref     app@pull/7/merge                               –             │ outcome    deleted
       deleted     entry   index-app-1-3f31b38f#1 on pull/7/merge      52 B             │ kind       entry
       deleted     entry   index-app-1-f921bd05#1 on main              50 B             │ size       172 MiB
       deleted     ref     app@old                                        –             │
                                                                                        │ Reason
                                                                                        │ rule "closed pull requests" drops
    "#);
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
    journey.shows("3 refs · 172 MiB");
}

#[test]
fn an_empty_plan_shows_that_a_rule_keeps_waste() {
    let server = Github::start();
    server.add_index(
        "app",
        "refs/heads/main",
        1,
        3,
        br#"{"layers":[],"records":[]}"#,
    );
    server.add_blob(vec![7; 2048], 100);
    let server = server.at_time(now());
    let layers = Condition::Text(
        RuleTextField::Kind,
        vec!["blob".parse::<RefPattern>().unwrap()],
    );
    let protect = Rule {
        name: "layers".into(),
        conditions: vec![layers],
        action: RuleAction::Protect,
        drop_records: None,
    };
    let journals = TempDir::new().unwrap();
    let mut journey = writable((&server, true), &journals, vec![protect], (100, 30));
    journey.press("p");
    journey.shows(
        "Nothing is deleted: 1 blob, 2.0 KiB, which no ref reaches, is kept: a rule protects it",
    );
}
