//! Inside a job: indexes are read, so everything is known.

use std::collections::HashSet;
use std::io::Read as _;

use cachelens::backend::{CacheReader as _, ReadError};
use cachelens::format::digest::Digest;
use serde_json::Value;

use super::{SOURCE, json, numbers, run, shop, tally};
use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::gha::{Entry, Github};

/// Counts the references of the newest index independently, from the JSON alone.
fn live(set: &str, entries: &[Entry]) -> (u64, u64) {
    let indexes = entries
        .iter()
        .filter(|entry| entry.key.starts_with("index-"));
    let newest = indexes.max_by_key(|entry| entry.created_at).unwrap();
    let config: Value =
        serde_json::from_slice(&Fixture::named(set).blob(newest.digest.unwrap())).unwrap();
    let named: HashSet<&str> = config["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["blob"].as_str().unwrap())
        .collect();
    let is_named = |entry: &&Entry| {
        entry
            .key
            .strip_prefix("buildkit-blob-1-")
            .is_some_and(|name| named.contains(name))
    };
    tally(entries.iter().filter(is_named).chain([newest]))
}

#[test]
fn figures_are_exact_in_both_versions_of_the_service() {
    for set in ["shop", "kitchen"] {
        let (sandbox, server) = (Sandbox::new(), Github::of_fixture(set));
        let mut v1 = server.command(&sandbox);
        v1.env("ACTIONS_CACHE_URL", format!("{}/", server.address()))
            .env("ACTIONS_RUNTIME_TOKEN", server.job_token(0, 60));
        for command in [server.in_job(&sandbox), v1] {
            let du = &json(command, format!("du {SOURCE}"))["sources"][0];
            let (all, live) = {
                let state = server.state();
                (tally(&state.entries), live(set, &state.entries))
            };
            assert_eq!(numbers(&du["total"], "objects"), all);
            assert_eq!(numbers(&du["live"], "blobs"), live, "{set}");
            assert_eq!(
                numbers(&du["orphan"], "blobs"),
                (all.0 - live.0, all.1 - live.1)
            );
            assert_eq!(numbers(&du["missing"], "blobs"), (0, 0));
        }
        assert!(
            server
                .state()
                .requests
                .iter()
                .any(|line| line.starts_with("GET /_apis/artifactcache/cache"))
        );
    }
}

#[test]
fn steps_of_github_caches_are_read_and_named() {
    let (sandbox, server) = shop();
    let provenance = Fixture::named("shop").path("provenance/c15.json");
    let show = json(
        server.in_job(&sandbox),
        &["show", SOURCE, "--provenance", provenance.to_str().unwrap()],
    );
    let names: Vec<&str> = show["records"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|record| record["name"].as_str())
        .collect();
    assert!(names.iter().any(|name| name.contains("npm")), "{names:?}");
    assert_eq!(
        show["ref"]["digest"]
            .as_str()
            .map(|digest| digest.parse::<Digest>().is_ok()),
        Some(true)
    );
}

#[test]
fn a_missing_blob_shows() {
    let (sandbox, server) = shop();
    let du = |command| json(command, format!("du {SOURCE}"))["sources"][0].clone();
    let before = du(server.in_job(&sandbox));
    let show = json(server.in_job(&sandbox), &["show", SOURCE]);
    let lost = format!(
        "buildkit-blob-1-{}",
        show["layers"][0]["digest"].as_str().unwrap()
    );
    server.state().entries.retain(|entry| entry.key != lost);
    let after = du(server.in_job(&sandbox));
    assert_eq!(
        (&before["missing"]["blobs"], &after["missing"]["blobs"]),
        (&0.into(), &1.into())
    );
    let ls = run(server.in_job(&sandbox), &["ls", SOURCE]);
    assert!(ls.stdout.contains("! 1 blob missing"), "{ls}");
    assert_eq!(
        ls.stderr,
        "warning: gha:acme/shop: reading 1 index entry counted as a use; --no-touch leaves the entries alone\n"
    );
}

#[test]
fn no_touch_reads_nothing() {
    let (sandbox, server) = shop();
    let used = |server: &Github| {
        server
            .state()
            .entries
            .iter()
            .map(|entry| entry.last_accessed_at)
            .max()
    };
    let before = used(&server);
    let ls = run(server.in_job(&sandbox), &["ls", SOURCE, "--no-touch"]);
    assert!(
        ls.stdout
            .contains("? not read, because that counts as a use of it"),
        "{ls}"
    );
    assert_eq!(used(&server), before);
    run(server.in_job(&sandbox), &["ls", SOURCE]);
    assert!(used(&server) > before);
}

#[test]
fn entries_of_other_branches_are_unknown() {
    let (sandbox, server) = shop();
    server.add_index("shop", "refs/pull/7/merge", 1, 3, b"{}");
    server.state().pulls.push((7, "main".into()));
    let du = &json(server.in_job(&sandbox), &["du", SOURCE])["sources"][0];
    assert!(du["orphan"].is_null() && du["missing"].is_null());
    let ls = run(server.in_job(&sandbox), &["ls", SOURCE]);
    assert!(
        ls.stdout
            .contains("? this job may not read the caches of that branch"),
        "{ls}"
    );
}

#[test]
fn large_blobs_are_streamed() {
    let server = Github::start();
    // Larger than the limit of documents.
    let content: Vec<u8> = (0..17_u32 << 20)
        .map(|place| (place >> 10).to_le_bytes()[0])
        .collect();
    let digest = server.add_blob(content.clone(), 5);
    let reader = server.reader(true);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut blob = runtime.block_on(reader.open_blob(digest)).unwrap();
    let mut read = Vec::new();
    blob.read_to_end(&mut read).unwrap();
    assert!(read == content);
    let absent = runtime.block_on(reader.open_blob(Digest::of(b"absent")));
    assert!(matches!(absent, Err(ReadError::Absent)));
    let refused = runtime.block_on(reader.read_document(digest, u64::MAX));
    assert!(refused.is_err(), "a document of that size is none");
    let outside = runtime
        .block_on(server.reader(false).open_blob(digest))
        .err()
        .unwrap();
    assert!(outside.to_string().contains("inside a job"), "{outside}");
}

#[test]
fn the_token_of_a_job_is_never_sent_to_an_address_from_a_file() {
    let ((sandbox, server), other) = (shop(), Github::of_fixture("shop"));
    for named in ["url_v2", "url"] {
        let address = other.address();
        let version = if named == "url" { ",version=1" } else { "" };
        let source = format!("type=gha,repository=acme/shop,{named}={address}{version}");
        std::fs::write(
            sandbox.path("mine.toml"),
            format!("sources = [\"{source}\"]\n"),
        )
        .unwrap();
        for arguments in [
            vec!["ls", "--config", "mine.toml"],
            vec!["ls", source.as_str()],
        ] {
            let run = run(server.in_job(&sandbox), &arguments);
            assert_eq!(run.code, Some(1), "{run}");
            let told = run.stderr.replace(address, "http://OTHER");
            assert!(
                told.contains(
                    "`http://OTHER` is not the service of this job, and ACTIONS_RUNTIME_TOKEN"
                ),
                "{told}"
            );
            assert!(told.contains("of that service as `token=`"), "{told}");
        }
    }
    assert_eq!(other.state().requests, Vec::<String>::new());
    // With a token meant for it, the other server is used, and the job's own address may be named.
    let token = server.job_token(-60, 60);
    let with_token = format!(
        "type=gha,repository=acme/shop,url_v2={},token={token}",
        other.address()
    );
    let own = format!("type=gha,repository=acme/shop,url_v2={}/", server.address());
    for source in [with_token, own] {
        let ls = run(server.in_job(&sandbox), &["ls", &source]);
        assert_eq!(ls.code, Some(0), "{ls}");
    }
    assert!(
        other
            .state()
            .requests
            .iter()
            .any(|line| line.starts_with("POST /twirp/"))
    );
}

#[test]
fn blobs_are_verified_with_every_digest_algorithm() {
    let server = Github::start();
    let mut hasher = format!("sha512:{}", "0".repeat(128))
        .parse::<Digest>()
        .unwrap()
        .hasher();
    hasher.update(b"right");
    let digest = hasher.finish();
    let id = server.add_blob_as(&format!("buildkit-blob-1-{digest}"), b"right");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read = || runtime.block_on(server.reader(true).read_document(digest, 100));
    assert_eq!(read().unwrap(), b"right");
    server.state().entries.retain(|entry| entry.id != id);
    server.add_blob_as(&format!("buildkit-blob-1-{digest}"), b"wrong");
    assert!(matches!(read(), Err(ReadError::WrongBytes { .. })));
}

#[test]
fn a_read_only_job_gets_a_finding_that_exports_fail() {
    let (sandbox, server) = shop();
    let check = || {
        let run = run(server.in_job(&sandbox), &["check", "--json", SOURCE]);
        let findings = run.json()["findings"].as_array().unwrap().clone();
        findings
            .into_iter()
            .find(|finding| finding["code"] == "cache-read-only")
    };
    assert_eq!(check(), None);
    server.state().job_only_reads = true;
    let finding = check().unwrap();
    let hint = finding["hint"].as_str().unwrap();
    assert!(hint.contains("ignore-error=true"), "{finding}");
}
