//! Outside a job: entries are listed, and their content is unknown.

use super::{SOURCE, json, numbers, run, shop, tally};
use crate::support::command::Sandbox;
use crate::support::gha::{BUILDKIT, Entry, Github};

fn is_blob(entry: &Entry) -> bool {
    entry.version == BUILDKIT && entry.key.starts_with("buildkit-blob-1-")
}

#[test]
fn figures_are_those_of_an_independent_count() {
    for set in ["shop", "kitchen"] {
        let (sandbox, server) = (Sandbox::new(), Github::of_fixture(set));
        server.add("node-cache-Linux-npm-1", "abc", "refs/heads/main", 5_000, 3);
        server.add(
            "my cache/\u{202e}odd#1",
            "def",
            "refs/pull/7/merge",
            7_000,
            3,
        );
        let du = &json(server.command(&sandbox), &["du", SOURCE])["sources"][0];
        let state = server.state();
        let all = &state.entries;
        let indexes: Vec<&Entry> = all
            .iter()
            .filter(|entry| entry.key.starts_with("index-"))
            .collect();
        let newest = indexes.iter().max_by_key(|entry| entry.created_at).unwrap();
        let previous = indexes
            .iter()
            .copied()
            .filter(|entry| entry.id != newest.id);
        assert_eq!(numbers(&du["total"], "objects"), tally(all), "{set}");
        assert_eq!(
            numbers(&du["undetermined"], "blobs"),
            tally(all.iter().filter(|entry| is_blob(entry)))
        );
        assert_eq!(numbers(&du["superseded"], "objects"), tally(previous));
        assert_eq!(numbers(&du["live"], "blobs"), (1, newest.size_in_bytes));
        assert_eq!(numbers(&du["unknown"], "objects"), (2, 12_000));
        assert!(du["orphan"].is_null() && du["missing"].is_null());
        assert_eq!(du["quota"]["used_bytes"].as_u64(), Some(tally(all).1));
        assert_eq!(du["quota"]["counted_bytes"], du["quota"]["used_bytes"]);
    }
}

#[test]
fn unknown_facts_are_shown_with_their_reason() {
    let (sandbox, server) = shop();
    server.add(
        "node-cache-Linux-npm-1",
        "abc",
        "refs/pull/7/merge",
        5_000_000,
        3,
    );
    server.add("golangci-lint.cache-1", "abc", "refs/heads/gone", 1_000, 26);
    server.state().pulls.push((7, "dev".into()));
    insta::assert_snapshot!(run(server.command(&sandbox), &["ls", SOURCE]), @r#"
    REF        KIND   AGE  SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    shop@main  cache   1h     –          –       –        –          –  ? the content of the index can be read only inside a job
    exit 0
    "#);
    insta::assert_snapshot!(run(server.command(&sandbox), &["du", SOURCE]), @r#"
    gha:acme/shop  1 ref
    STATE         OBJECTS     SIZE  SHARE
    live                1  5.0 KiB    0 %  reached from a ref
    orphan              –        –      –  the content of the index can be read only inside a job
    undetermined      152  1.7 MiB   26 %  a ref that cannot be read may reach them
    superseded         14  123 KiB    2 %  previous indexes, which no build imports
    unknown             2  4.8 MiB   72 %  not the cache's own; only a rule for `entry` deletes it
    total             169  6.6 MiB      –
    missing             –        –      –  the content of the index can be read only inside a job

    quota  6.6 MiB of 10.0 GiB (0 %), 10.0 GiB free
    BRANCH        WHAT                  ENTRIES     SIZE   USED  EVICTED IN  OR AFTER
    pull/7/merge  setup-node                  1  4.8 MiB     3h      6d 20h  10.0 GiB
    main          blobs                     152  1.7 MiB     1h      6d 22h  10.0 GiB
    main          superseded shop@main       14  123 KiB     1h      6d 22h  10.0 GiB
    main          index shop@main             1  5.0 KiB     1h      6d 22h  10.0 GiB
    gone          golangci-lint               1   1000 B  1d 2h      5d 21h  10.0 GiB  the branch is gone

    a build on main reads the caches of main; it cannot see that of gone, pull/7/merge
    a build on pull/7/merge reads the caches of pull/7/merge, dev, main; it cannot see that of gone
    exit 0
    "#);
    let show = run(
        server.command(&sandbox),
        &["show", "gha:acme/shop#shop@main"],
    )
    .to_string();
    let times = regex::Regex::new(r"20[0-9T:.-]+Z").unwrap();
    insta::assert_snapshot!(times.replace_all(&show, "TIME"), @r#"
    shop@main  cache
    written on refs/heads/main, last used 1h ago
    age 1h (TIME, from the store)
    ? the content of the index can be read only inside a job
    exit 0
    "#);
    let json = &json(server.command(&sandbox), &["ls", SOURCE])["sources"][0]["refs"][0];
    for field in [
        "digest",
        "bytes",
        "exclusive_bytes",
        "layers",
        "records",
        "results",
        "missing_blobs",
    ] {
        assert!(json[field].is_null(), "{field}");
    }
    assert_eq!(
        (json["name"].as_str(), json["branch"].as_str()),
        (Some("shop@main"), Some("refs/heads/main"))
    );
}

#[test]
fn the_first_rows_take_one_request_and_the_rest_is_concurrent() {
    let (sandbox, server) = (Sandbox::new(), Github::start());
    for number in 0..1_234 {
        server.add(
            &format!("node-cache-{number}"),
            "v",
            "refs/heads/main",
            1,
            3,
        );
    }
    let du = json(server.command(&sandbox), &["du", SOURCE]);
    assert_eq!(du["sources"][0]["total"]["objects"], 1_234);
    let state = server.state();
    assert!(
        state.requests[0].contains("key=index-"),
        "{:?}",
        state.requests[0]
    );
    let pages = state
        .requests
        .iter()
        .filter(|line| line.contains("/actions/caches?") && !line.contains("key="));
    assert_eq!(pages.count(), 13);
}

#[test]
fn a_scope_narrows_reports_and_cannot_be_pruned() {
    let (sandbox, server) = shop();
    server.add_index("other", "refs/heads/main", 1, 3, b"{}");
    let names = |source: &str| {
        let listed = json(server.command(&sandbox), &["ls", source]);
        let refs = listed["sources"][0]["refs"].as_array().unwrap().iter();
        refs.map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(SOURCE).len(), 2);
    assert_eq!(
        names("type=gha,repository=acme/shop,scope=shop"),
        ["shop@main"]
    );
    assert_eq!(
        names("type=gha,repository=acme/shop,scope=sho"),
        Vec::<String>::new()
    );
    insta::assert_snapshot!(run(server.command(&sandbox), &["prune", "type=gha,repository=acme/shop,scope=shop"]), @r"
    error: prune works on the caches of a whole repository, and the source names the scope shop
      hint: name the source without the scope, and select refs to delete with --drop-ref 'shop@*'
    exit 2
    ");
}

#[test]
fn all_pages_of_branches_are_read_each_once() {
    let (sandbox, server) = shop();
    for number in 0..250 {
        server.state().branches.push(format!("branch-{number}"));
    }
    server.add("tool-a", "v", "refs/heads/branch-249", 1_000, 3);
    server.add("tool-b", "v", "refs/heads/branch-250", 1_000, 3);
    let du = &json(server.command(&sandbox), &["du", SOURCE])["sources"][0];
    let gone: Vec<_> = du["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|group| group["branch_gone"] == true)
        .collect();
    assert_eq!(
        (gone.len(), &gone[0]["branch"]),
        (1, &"refs/heads/branch-250".into()),
        "{du}"
    );
    let mut asked: Vec<String> = server
        .state()
        .requests
        .iter()
        .filter(|line| line.contains("/branches"))
        .cloned()
        .collect();
    asked.sort();
    let page = |number| format!("GET /repos/acme/shop/branches?page={number}&per_page=100");
    assert_eq!(asked, [1, 2, 3].map(page));
}
