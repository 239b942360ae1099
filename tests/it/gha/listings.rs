//! A listing of GitHub is complete, or it is an error.

use cachelens::backend::{CacheReader as _, StoredObject, all_refs};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{SOURCE, json, run, shop};
use crate::support::cut::{Cutter, places};
use crate::support::gha::{Answer, BUILDKIT, Github, reader_at};
use crate::support::http::End;

/// A server with three entries; one is an index.
fn small() -> Github {
    let server = Github::start();
    server.add_index("app", "refs/heads/main", 1, 5, b"{}");
    server.add("tool-a", "v", "refs/heads/main", 10, 3);
    server.add("tool-b", BUILDKIT, "refs/heads/main", 20, 3);
    server
}

/// Lists everything; returns the number of refs and objects, or `None` if a listing fails.
fn listed(address: &str) -> Option<(usize, usize)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let reader = reader_at(address, None);
        let roots = all_refs(&*reader).await.ok()?;
        let (sender, mut batches) = mpsc::channel(4);
        let counting = async {
            let mut objects = 0;
            while let Some(batch) = batches.recv().await {
                let batch: Vec<StoredObject> = batch;
                objects += batch.len();
            }
            objects
        };
        let listing = reader
            .abilities()
            .list_objects(sender, CancellationToken::new());
        let (listing, objects) = tokio::join!(listing, counting);
        listing.ok()?;
        assert_eq!(reader.facts().await.unseen, None);
        Some((roots.entries.len(), objects))
    })
}

#[test]
fn a_list_that_is_cut_anywhere_is_an_error() {
    let server = small();
    let upstream = server.address().strip_prefix("http://").unwrap();
    let cutter = Cutter::before(upstream);
    let address = format!("http://{}", cutter.host());
    assert_eq!(listed(&address), Some((1, 2)));
    for target in ["key=index-", "/actions/caches?"] {
        let body = cutter.body(target);
        let places = places(&body);
        for at in &places {
            for end in [|_| End::Length, |_| End::Close] as [fn(usize) -> End; 2] {
                cutter.cut(target, *at, end);
                assert_eq!(listed(&address), None, "{target} cut at {at}");
            }
        }
        cutter.cut(target, places[places.len() / 2], End::OtherLength);
        assert_eq!(listed(&address), None, "{target}");
    }
}

#[test]
fn a_list_without_its_fields_is_an_error() {
    let server = small();
    for body in [
        json!({}),
        json!({"total_count": 3}),
        json!({"actions_caches": []}),
        json!([]),
    ] {
        let fault = ("/actions/caches".to_owned(), Answer::json(200, &body));
        server.state().faults.push_back(fault);
        assert_eq!(listed(server.address()), None, "{body}");
    }
}

#[test]
fn a_repository_that_keeps_changing_is_shown_in_part() {
    let (sandbox, server) = shop();
    let first = server.state().entries[0].id;
    server.state().excluded = (vec![first], usize::MAX);
    let ls = run(server.in_job(&sandbox), &["ls", SOURCE]);
    assert_eq!(ls.code, Some(4), "{ls}");
    assert!(ls.stdout.contains("shop@main"), "{ls}");
    let shown =
        "error: gha:acme/shop: only a part of it is shown: GitHub does not list all entries";
    assert!(ls.stderr.contains(shown), "{ls}");
    let pruned = run(server.in_job(&sandbox), &["prune", SOURCE, "--yes"]);
    assert_eq!(pruned.code, Some(4), "{pruned}");
    let state = server.state();
    let deletions = state
        .requests
        .iter()
        .filter(|line| line.starts_with("DELETE"));
    assert_eq!(deletions.count(), 0);
}

/// A branch that is missing from a list would count as deleted, and so would its caches.
#[test]
fn without_a_complete_list_of_branches_none_counts_as_deleted() {
    let (sandbox, server) = shop();
    for number in 0..150 {
        server.state().branches.push(format!("branch-{number}"));
    }
    server.add("tool-a", "v", "refs/heads/branch-149", 1_000, 3);
    let is_gone = || {
        let du = json(server.command(&sandbox), &["du", SOURCE]);
        let groups = du["sources"][0]["groups"].as_array().unwrap().clone();
        let group = groups
            .into_iter()
            .find(|group| group["branch"] == "refs/heads/branch-149");
        group.unwrap()["branch_gone"].clone()
    };
    assert_eq!(is_gone(), false);
    // A full page without its header is followed by another one.
    let names: Vec<_> = (0..100)
        .map(|at| json!({"name": format!("other-{at}")}))
        .collect();
    let page = Answer::json(200, &json!(names));
    let fault = ("/branches?page=1".to_owned(), page.clone());
    server.state().faults.push_back(fault);
    assert_eq!(is_gone(), false);
    // Pages without new entries are not a list of branches.
    for _ in 0..8 {
        let again = page.clone().with(
            "link",
            format!("<{}/x?page=3>; rel=\"next\"", server.address()),
        );
        server
            .state()
            .faults
            .push_back(("/branches?".to_owned(), again));
    }
    assert_ne!(is_gone(), true);
}

#[test]
fn an_entry_that_is_reported_without_an_address_is_an_error() {
    let (sandbox, server) = shop();
    for body in [
        json!({"ok": true}),
        json!({"ok": true, "matched_key": "index-shop"}),
        json!({"ok": true, "signed_download_url": "http://127.0.0.1:1/x"}),
    ] {
        let fault = ("/twirp/".to_owned(), Answer::json(200, &body));
        server.state().faults.push_back(fault);
        let ls = run(server.in_job(&sandbox), &["ls", SOURCE]);
        assert_eq!(ls.code, Some(1), "{body}: {ls}");
        assert!(ls.stderr.contains("the answer is not whole"), "{ls}");
    }
}
