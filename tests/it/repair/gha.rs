//! The caches of a repository on GitHub, which only a job can write.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Cache;
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::gha::Github;

pub(crate) const SOURCE: &str = "gha:acme/shop";

/// Runs the program as a job.
fn in_job(server: &Github, arguments: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    let mut command = server.in_job(&sandbox);
    Run::new(command.args(arguments).output().unwrap())
}

/// Returns the keys of the indexes, and the newest of each scope with its content.
fn indexes(server: &Github) -> BTreeSet<String> {
    let state = server.state();
    let keys = state.entries.iter().map(|entry| entry.key.clone());
    keys.filter(|key| key.starts_with("index-")).collect()
}

/// Returns the cache that builds import.
pub(crate) fn newest(server: &Github) -> Cache {
    let state = server.state();
    let indexes = state
        .entries
        .iter()
        .filter(|entry| entry.key.starts_with("index-"));
    let newest = indexes.max_by_key(|entry| (entry.created_at, entry.id));
    Cache::bare(state.content(newest.unwrap().digest.unwrap()))
}

/// A server with a cache, one of whose blobs is gone.
fn damaged() -> (Github, Cache, String) {
    let server = Github::of_fixture("mini");
    let old = newest(&server);
    let layers = old.config["layers"].as_array().unwrap();
    let lost = layers[layers.len() - 1]["blob"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = format!("buildkit-blob-1-{lost}");
    server.state().entries.retain(|entry| entry.key != key);
    (server, old, lost)
}

#[test]
fn a_job_saves_a_new_index_and_undo_restores_the_old_one() {
    for is_v1 in [false, true] {
        let (server, old, lost) = damaged();
        let before = indexes(&server);
        let sandbox = Sandbox::new();
        let job = || {
            let mut command = server.in_job(&sandbox);
            if is_v1 {
                command
                    .env_remove("ACTIONS_RESULTS_URL")
                    .env_remove("ACTIONS_CACHE_SERVICE_V2")
                    .env("ACTIONS_CACHE_URL", format!("{}/", server.address()));
            }
            command
        };
        let run = |arguments: &str| Run::new(job().args(arguments.words()).output().unwrap());
        let done = run(&format!("repair {SOURCE} --yes --json"));
        assert_eq!(done.code, Some(0), "{done}");
        let done = done.json();
        assert_eq!(done["outcome"]["done"], 1, "{done}");
        let new = newest(&server);
        let sound = old.hits(|digest| digest != lost).unwrap();
        assert_eq!(new.hits(|_| true).unwrap(), sound);
        // The index before it stays, and takes its place again.
        let after = indexes(&server);
        assert!(after.is_superset(&before) && after.len() == before.len() + 1);
        let journal = done["outcome"]["journal"].as_str().unwrap();
        let undone = run(&format!("repair {SOURCE} --undo {journal}"));
        assert_eq!(undone.code, Some(0), "{undone}");
        assert_eq!(indexes(&server), before);
        assert_eq!(newest(&server).config, old.config);
    }
}

#[test]
fn an_unreadable_index_is_replaced_by_the_previous_one() {
    let server = Github::of_fixture("mini");
    let sound = newest(&server);
    server.add_index("mini", "refs/heads/main", 99, 0, b"not a cache");
    let scope = indexes(&server);
    let done = in_job(&server, &["repair", SOURCE, "--yes", "--json"]);
    let found = newest(&server);
    assert_eq!(found.config, sound.config, "{scope:?} {done}");
    assert_eq!(done.code, Some(0), "{done}");
}

#[test]
fn repair_outside_of_a_job_or_with_a_read_only_token_has_a_reason() {
    let (server, ..) = damaged();
    let before = indexes(&server);
    server.state().job_only_reads = true;
    let refused = in_job(&server, &["repair", SOURCE, "--yes", "--json"]);
    assert_eq!(refused.code, Some(4), "{refused}");
    let why = &refused.json()["plan"]["not_fixed"][0]["why"];
    assert_eq!(why, "the token of this job may not write to the cache");
    assert_eq!(indexes(&server), before);

    let sandbox = Sandbox::new();
    let mut outside = server.command(&sandbox);
    let outside = Run::new(outside.args(["repair", SOURCE, "--json"]).output().unwrap());
    assert_eq!(outside.code, Some(0), "{outside}");
    assert_eq!(outside.json()["plan"]["delete"], Value::Array(Vec::new()));
}
