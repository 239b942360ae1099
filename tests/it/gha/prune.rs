//! Deleting by entry.

use super::{SOURCE, json, run, shop, tally};
use crate::support::command::Sandbox;
use crate::support::gha::{Answer, Github};

pub(super) fn policy(sandbox: &Sandbox, text: &str) {
    std::fs::write(
        sandbox.path("cachelens.toml"),
        format!("[retention]\ngrace = \"0s\"\n{text}"),
    )
    .unwrap();
}

pub(super) fn keys(server: &Github) -> Vec<String> {
    let mut keys: Vec<String> = server
        .state()
        .entries
        .iter()
        .map(|entry| format!("{} {}", entry.git_ref, entry.key))
        .collect();
    keys.sort();
    keys
}

/// A cache with two branches, one of them deleted, and entries of other tools.
pub(super) fn branches() -> (Sandbox, Github) {
    let (sandbox, server) = (Sandbox::new(), Github::start());
    for (git_ref, hours) in [
        ("refs/heads/main", 50),
        ("refs/heads/old", 60),
        ("refs/pull/7/merge", 70),
    ] {
        server.add_index("app", git_ref, 1, hours, b"{}");
    }
    server.add("node-cache-a", "v", "refs/heads/main", 1_000, 100);
    server.add("node-cache-b", "v", "refs/pull/7/merge", 2_000, 90);
    server.add("pip-x", "v", "refs/heads/main", 3_000, 80);
    (sandbox, server)
}

#[test]
fn superseded_indexes_are_deleted_first_and_reached_entries_kept() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let pruned = json(server.in_job(&sandbox), &["prune", SOURCE, "--yes"]);
    let items = pruned["plan"]["delete"]
        .as_array()
        .unwrap_or_else(|| panic!("{pruned}"));
    let previous: Vec<bool> = items
        .iter()
        .map(|item| item["name"].as_str().unwrap().contains(":index-shop-"))
        .collect();
    assert_eq!(
        (previous.iter().filter(|is| **is).count(), &previous[..14]),
        (14, &[true; 14][..])
    );
    let du = &json(server.in_job(&sandbox), &["du", SOURCE])["sources"][0];
    assert_eq!(
        (
            du["orphan"]["blobs"].as_u64(),
            du["missing"]["blobs"].as_u64(),
            du["refs"].as_u64()
        ),
        (Some(0), Some(0), Some(1))
    );
    let left = tally(&server.state().entries);
    assert_eq!(du["live"]["bytes"].as_u64(), Some(left.1));
    assert_eq!(
        pruned["outcome"]["freed_bytes"],
        pruned["plan"]["frees_bytes"]
    );
}

#[test]
fn generations_keep_the_newest_previous_indexes() {
    let (sandbox, server) = shop();
    policy(
        &sandbox,
        "[[retention.rule]]\nname = \"all\"\nmatch = { ref = \"*\" }\nkeep = { generations = 2 }\n",
    );
    let code = run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(code.code, Some(0), "{code}");
    let left: Vec<String> = keys(&server)
        .into_iter()
        .filter(|key| key.contains("index-"))
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(
        left.iter().any(|key| key.ends_with("#15")) && left.iter().any(|key| key.ends_with("#13"))
    );
}

#[test]
fn caches_of_deleted_branches_are_deleted() {
    let (sandbox, server) = branches();
    policy(
        &sandbox,
        "[[retention.rule]]\nname = \"gone\"\nmatch = { state = \"branch-gone\" }\naction = \"drop\"\n\
        [[retention.rule]]\nname = \"others' of gone ones\"\nmatch = { state = \"branch-gone\", kind = \"entry\" }\naction = \"drop\"\n",
    );
    run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(
        keys(&server),
        [
            "refs/heads/main index-app-1-f921bd05#1",
            "refs/heads/main node-cache-a",
            "refs/heads/main pip-x",
        ],
        "the first rule may not act on entries, so the second one decides about them"
    );
}

#[test]
fn a_budget_keeps_entries_that_no_rule_names() {
    let (sandbox, server) = branches();
    policy(&sandbox, "[retention.budget]\nmax_size = \"2kB\"\n");
    let run_ = run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(tally(&server.state().entries).0, 6, "{run_}");
    policy(
        &sandbox,
        "[[retention.rule]]\nname = \"node\"\nmatch = { kind = \"entry\", ref = \"node-*\" }\nkeep = { within = \"30d\" }\n\
        [retention.budget]\nmax_size = \"5kB\"\n",
    );
    run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    // 6 006 bytes: the least recently used entry is deleted, which is enough for one limit and not
    // for the other.
    assert!(!keys(&server).iter().any(|key| key.contains("node-cache-a")));
    assert_eq!(
        tally(&server.state().entries),
        (4, 3_006),
        "{:?}",
        keys(&server)
    );
}

#[test]
fn scopes_are_deleted_and_blobs_only_by_an_age_rule() {
    let (sandbox, server) = shop();
    let blobs = || {
        keys(&server)
            .iter()
            .filter(|key| key.contains("buildkit-blob"))
            .count()
    };
    let before = blobs();
    policy(
        &sandbox,
        "[[retention.rule]]\nname = \"scope\"\nmatch = { ref = \"shop@*\" }\naction = \"drop\"\n",
    );
    let refused = run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    run(
        server.command(&sandbox),
        &["prune", SOURCE, "--yes", "--confirm", SOURCE],
    );
    assert_eq!(
        (
            blobs(),
            keys(&server)
                .iter()
                .filter(|key| key.contains("index-"))
                .count()
        ),
        (before, 0)
    );
    let (sandbox, server) = shop();
    let half = {
        let mut state = server.state();
        let long_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 20);
        let blobs = state
            .entries
            .iter_mut()
            .filter(|entry| entry.key.contains("buildkit-blob"));
        blobs
            .take(60)
            .map(|entry| entry.last_accessed_at = long_ago)
            .count()
    };
    policy(
        &sandbox,
        "[[retention.rule]]\nname = \"unused layers\"\nmatch = { kind = \"blob\" }\nkeep = { used_within = \"5d\" }\n",
    );
    let plan = json(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(
        keys(&server)
            .iter()
            .filter(|key| key.contains("buildkit-blob"))
            .count(),
        before - half,
        "{plan}"
    );
}

#[test]
fn a_token_without_delete_permission_changes_nothing() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    server.state().read_only = true;
    let before = keys(&server);
    let run = run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!((run.code, keys(&server)), (Some(4), before));
    assert!(
        run.to_string()
            .contains("the token from GITHUB_TOKEN may not do this"),
        "{run}"
    );
    assert!(run.to_string().contains("`actions: write`"), "{run}");
    let asked = server
        .state()
        .requests
        .iter()
        .filter(|line| line.starts_with("DELETE"))
        .count();
    assert_eq!(asked, 1);
}

#[test]
fn an_entry_with_404_that_is_still_listed_is_not_deleted() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let absent = Answer::json(404, &serde_json::json!({"message": "Not Found"}));
    server.state().faults.push_back(("DELETE".into(), absent));
    let run = run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(
        run.stdout.contains("13 done") && run.stdout.contains("1 failed"),
        "{run}"
    );
    assert!(
        run.stdout
            .contains("GitHub lists it, and calls it absent when it is to be deleted"),
        "{run}"
    );
}

#[test]
fn without_a_token_nothing_is_asked_to_be_deleted() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    server.state().is_public = true;
    let before = keys(&server);
    let run = run(server.without_token(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!((run.code, keys(&server)), (Some(4), before), "{run}");
    assert!(
        run.stdout
            .contains("deleting needs a token (set GH_TOKEN or GITHUB_TOKEN"),
        "{run}"
    );
    assert!(
        !server
            .state()
            .requests
            .iter()
            .any(|line| line.starts_with("DELETE"))
    );
}

#[test]
fn entries_within_the_grace_are_reported_as_kept() {
    let (sandbox, server) = shop();
    let plan = run(server.command(&sandbox), &["prune", SOURCE]);
    assert!(plan.stdout.contains("14 entries"), "{plan}");
    assert!(
        plan.stdout.contains("used within the grace of 2d"),
        "{plan}"
    );
}

#[test]
fn entries_that_vanish_count_as_already_gone() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    server.state().vanishing = 5;
    let pruned = json(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(
        (
            &pruned["outcome"]["done"],
            &pruned["outcome"]["already_gone"]
        ),
        (&9.into(), &5.into()),
        "{pruned}"
    );
}

#[test]
fn an_interrupted_prune_is_resumed() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    server.state().deletions_left = Some(6);
    let journal = sandbox.path("journal");
    let first = run(
        server.command(&sandbox),
        &[
            "prune",
            SOURCE,
            "--yes",
            "--journal",
            journal.to_str().unwrap(),
        ],
    );
    assert_ne!(first.code, Some(0), "{first}");
    let indexes = || {
        keys(&server)
            .iter()
            .filter(|key| key.contains("index-"))
            .count()
    };
    assert_eq!(indexes(), 9);
    server.state().deletions_left = None;
    let second = json(
        server.command(&sandbox),
        &["prune", SOURCE, "--resume", journal.to_str().unwrap()],
    );
    assert_eq!(
        (indexes(), &second["outcome"]["done"]),
        (1, &14.into()),
        "{second}"
    );
    let text = std::fs::read_to_string(journal).unwrap();
    assert!(!text.contains(crate::support::gha::TOKEN));
}

#[test]
fn a_secondary_rate_limit_is_waited_for() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let limit = Answer::json(
        403,
        &serde_json::json!({"message": "You have exceeded a secondary rate limit."}),
    );
    server
        .state()
        .faults
        .push_back(("DELETE".into(), limit.with("retry-after", 1)));
    let start = std::time::Instant::now();
    let pruned = json(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(pruned["outcome"]["done"], 14);
    assert!(start.elapsed() >= std::time::Duration::from_secs(1));
    let asked = server
        .state()
        .requests
        .iter()
        .filter(|line| line.starts_with("DELETE"))
        .count();
    assert_eq!(asked, 15);
    let plan = run(server.command(&sandbox), &["prune", SOURCE]);
    assert!(!plan.stderr.contains("requests"), "{plan}");
}

#[test]
fn a_limit_is_waited_for_no_longer_than_the_timeout() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let limit = Answer::json(
        403,
        &serde_json::json!({"message": "You have exceeded a secondary rate limit."}),
    );
    let fault = ("DELETE".to_owned(), limit.with("retry-after", 600));
    server.state().faults.push_back(fault);
    let start = std::time::Instant::now();
    let flags = ["prune", SOURCE, "--yes", "--timeout", "2s"];
    let pruned = run(server.command(&sandbox), &flags);
    assert!(
        start.elapsed() < std::time::Duration::from_secs(10),
        "{pruned}"
    );
    assert_eq!(pruned.code, Some(4), "{pruned}");
    assert!(
        pruned.stdout.contains("GitHub's rate limit is reached"),
        "{pruned}"
    );
}

#[test]
fn the_plan_shows_the_number_of_requests() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let plan = run(server.command(&sandbox), &["prune", SOURCE]);
    assert!(
        plan.to_string().contains(
            "acme/shop as octo: deleting takes 14 requests; 4321 more are allowed until 03:33 UTC"
        ),
        "{plan}"
    );
}

#[test]
fn no_layer_is_deleted_while_indexes_are_unlisted() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let blobs = || {
        keys(&server)
            .iter()
            .filter(|key| key.contains("buildkit-blob"))
            .count()
    };
    let before = blobs();
    let newest = {
        let state = server.state();
        let indexes = state
            .entries
            .iter()
            .filter(|entry| entry.key.starts_with("index-"));
        indexes.max_by_key(|entry| entry.created_at).unwrap().id
    };
    server.state().excluded = (vec![newest], usize::MAX);
    let ls = run(server.in_job(&sandbox), &["ls", SOURCE]);
    assert!(
        ls.stdout
            .contains("? GitHub does not list all indexes: 15 counted, 14 listed"),
        "{ls}"
    );
    let du = run(server.in_job(&sandbox), &["du", SOURCE]);
    assert!(
        du.stdout.contains(
            "GitHub does not list all entries (167 counted, 166 listed): the figures are too small"
        ),
        "{du}"
    );
    let pruned = run(server.in_job(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(blobs(), before, "{pruned}");
    assert!(
        server
            .state()
            .entries
            .iter()
            .any(|entry| entry.id == newest)
    );
    assert!(
        !server
            .state()
            .requests
            .iter()
            .any(|line| line.starts_with("DELETE")),
        "{pruned}"
    );
}

#[test]
fn entries_used_by_a_job_during_a_pause_are_kept() {
    let limit = Answer::json(
        403,
        &serde_json::json!({"message": "You have exceeded a secondary rate limit."}),
    );
    for fault in [
        limit.with("retry-after", 1),
        Answer::json(502, &serde_json::json!({"message": "later"})),
    ] {
        let (sandbox, server) = shop();
        policy(&sandbox, "");
        server.state().used_meanwhile = true;
        server.state().faults.push_back(("DELETE".into(), fault));
        let before = keys(&server);
        let pruned = run(server.command(&sandbox), &["prune", SOURCE, "--yes"]);
        assert_eq!((pruned.code, keys(&server)), (Some(4), before), "{pruned}");
        assert!(pruned.stdout.contains("14 skipped"), "{pruned}");
    }
}

/// Returns the numbers of indexes and of layers.
fn counts(server: &Github) -> [usize; 2] {
    let keys = keys(server);
    let of = |what: &str| keys.iter().filter(|key| key.contains(what)).count();
    [of("index-"), of("buildkit-blob")]
}

const PROTECT_INDEXES: &str = "[[retention.rule]]\nname = \"old indexes\"\n\
    match = { ref = \"shop@*\", state = \"superseded\" }\naction = \"protect\"\n";
const PROTECT_LAYERS: &str = "[[retention.rule]]\nname = \"layers\"\n\
    match = { kind = \"blob\" }\naction = \"protect\"\n";

#[test]
fn protected_indexes_and_layers_stay() {
    let (sandbox, server) = shop();
    let all = counts(&server);
    policy(&sandbox, &format!("{PROTECT_INDEXES}{PROTECT_LAYERS}"));
    let pruned = json(server.in_job(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(counts(&server), all, "{pruned}");
    let reasons = pruned["plan"]["keep"].to_string();
    assert!(reasons.contains("old indexes"), "{pruned}");

    policy(&sandbox, PROTECT_LAYERS);
    let pruned = json(server.in_job(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(counts(&server), [1, all[1]], "{pruned}");

    policy(&sandbox, "");
    let pruned = json(server.in_job(&sandbox), &["prune", SOURCE, "--yes"]);
    assert!(counts(&server)[1] < all[1], "{pruned}");
}

#[test]
fn a_saved_plan_deletes_nothing_that_a_rule_protects_by_now() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    let plan = sandbox.path("plan.json");
    let plan = plan.to_str().unwrap();
    let saved = json(
        server.in_job(&sandbox),
        &["prune", SOURCE, "--plan-out", plan],
    );
    let items = saved["plan"]["delete"].as_array().unwrap().len();
    let all = counts(&server);
    assert!(items > 14, "{saved}");
    policy(&sandbox, &format!("{PROTECT_INDEXES}{PROTECT_LAYERS}"));
    let applied = run(
        server.in_job(&sandbox),
        &["prune", "--apply", plan, SOURCE, "--json"],
    );
    assert_eq!((applied.code, counts(&server)), (Some(4), all), "{applied}");
    assert_eq!(applied.json()["outcome"]["skipped"], items, "{applied}");
}

#[test]
fn an_undo_that_can_restore_nothing_is_refused_and_the_run_can_be_resumed() {
    let (sandbox, server) = shop();
    policy(&sandbox, "");
    server.state().deletions_left = Some(6);
    let journal = sandbox.path("journal");
    let journal = journal.to_str().unwrap();
    let flags = ["prune", SOURCE, "--yes", "--journal", journal];
    let first = run(server.command(&sandbox), &flags);
    assert_eq!(first.code, Some(4), "{first}");
    server.state().deletions_left = None;
    let before = std::fs::read_to_string(journal).unwrap();
    let undone = run(
        server.command(&sandbox),
        &["prune", SOURCE, "--undo", journal],
    );
    assert!(matches!(undone.code, Some(1 | 2)), "{undone}");
    assert!(
        undone
            .stderr
            .contains("the store keeps nothing that was deleted"),
        "{undone}"
    );
    assert_eq!(std::fs::read_to_string(journal).unwrap(), before);
    let resumed = json(
        server.command(&sandbox),
        &["prune", SOURCE, "--resume", journal],
    );
    assert_eq!(
        (counts(&server)[0], &resumed["outcome"]["done"]),
        (1, &14.into()),
        "{resumed}"
    );
}
