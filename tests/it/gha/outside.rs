//! Outside a job: entries are listed, and contents are not known.

use super::{SOURCE, json, numbers, run, shop, tally};
use crate::support::command::Sandbox;
use crate::support::gha::{BUILDKIT, Entry, Github};

fn is_blob(entry: &&Entry) -> bool {
    entry.version == BUILDKIT && entry.key.starts_with("buildkit-blob-1-")
}

#[test]
fn figures_are_those_of_an_independent_count() {
    for set in ["shop", "kitchen"] {
        let (sandbox, server) = (Sandbox::new(), Github::of_fixture(set));
        server.add("node-cache-Linux-npm-1", "abc", "refs/heads/main", 5_000, 3);
        server.add("my cache/\u{202e}odd#1", "def", "refs/pull/7/merge", 7_000, 3);
        let du = &json(server.command(&sandbox), &["du", SOURCE])["sources"][0];
        let state = server.state();
        let all = &state.entries;
        let indexes: Vec<&Entry> = all.iter().filter(|entry| entry.key.starts_with("index-")).collect();
        let newest = indexes.iter().max_by_key(|entry| entry.created_at).unwrap();
        let former = indexes.iter().copied().filter(|entry| entry.id != newest.id);
        assert_eq!(numbers(&du["total"], "objects"), tally(all), "{set}");
        assert_eq!(numbers(&du["undetermined"], "blobs"), tally(all.iter().filter(is_blob)));
        assert_eq!(numbers(&du["superseded"], "objects"), tally(former));
        assert_eq!(numbers(&du["live"], "blobs"), (1, newest.size_in_bytes));
        assert_eq!(numbers(&du["unknown"], "objects"), (2, 12_000));
        assert!(du["orphan"].is_null() && du["missing"].is_null());
        assert_eq!(du["quota"]["used_bytes"].as_u64(), Some(tally(all).1));
        assert_eq!(du["quota"]["counted_bytes"], du["quota"]["used_bytes"]);
    }
}

#[test]
fn a_person_sees_what_is_known_and_why_the_rest_is_not() {
    let (sandbox, server) = shop();
    server.add("node-cache-Linux-npm-1", "abc", "refs/pull/7/merge", 5_000_000, 3);
    server.state().pulls.push((7, "dev".into()));
    println!("{}", run(server.command(&sandbox), &["ls", SOURCE]));
    println!("{}", run(server.command(&sandbox), &["ls", SOURCE, "--json"]));
    println!("{}", run(server.command(&sandbox), &["du", SOURCE]));
    println!("{}", run(server.command(&sandbox), &["show", SOURCE]));
    println!("{}", run(server.command(&sandbox), &["prune", SOURCE, "--grace", "0s"]));
    println!("{}", run(server.in_job(&sandbox), &["ls", SOURCE]));
    println!("{}", run(server.in_job(&sandbox), &["du", SOURCE]));
    println!("{}", run(server.in_job(&sandbox), &["prune", SOURCE, "--grace", "0s", "--yes"]));
    println!("{}", run(server.command(&sandbox), &["du", SOURCE]));

}
