//! Builds that exported to the ref that they imported: the ref holds their own results afterwards,
//! and the store often still has its content from before.

use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::histories::{copy, home};
use crate::support::command::{Run, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::gha::{Entry, Github};
use crate::support::s3::{S3Server, Service, StoredObject};

/// Lets the index have one ref, with the manifest that another name had. The other manifests stay
/// in the directory, as exports leave them.
fn name_only(sandbox: &Sandbox, name: &str, of: &str) {
    let path = sandbox.path("cache/index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    let title = "org.opencontainers.image.ref.name";
    entries.retain(|entry| entry["annotations"][title] == of);
    assert_eq!(entries.len(), 1, "{of}");
    entries[0]["annotations"][title] = json!(name);
    fs::write(&path, index.to_string()).unwrap();
}

/// Explains the build of a commit with its log against a ref. Returns the verdict and the cause of
/// each step, and the notes.
fn explain(sandbox: &Sandbox, source: &str, commit: &str, with_log: bool) -> (Value, String) {
    explain_by(sandbox.command(), source, commit, with_log)
}

/// The same with a command that can reach the source.
fn explain_by(mut command: Command, source: &str, commit: &str, with_log: bool) -> (Value, String) {
    let provenance = format!("provenance/{commit}.json");
    let log = format!("logs/{commit}.rawjson");
    let context = format!("tree/{commit}");
    let mut arguments = vec!["why", source, "--build", &provenance, "--context", &context];
    if with_log {
        arguments.extend(["--build", &log]);
    }
    arguments.push("--json");
    let run = Run::new(command.args(&arguments).output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    let document = run.json();
    let steps = document["steps"].as_array().unwrap().iter();
    let steps = steps.map(|step| {
        // The advice names refs, and one of the two stores has more of them.
        let cause = &step["cause"]["kind"];
        json!([step["id"], step["verdict"], step["in_cache"], cause])
    });
    (steps.collect(), document["notes"].to_string())
}

/// Asserts that a build is explained by `command` against a ref that it overwrote as it is against
/// the cache that it imported, and that a note says so.
fn is_explained_as(sandbox: &Sandbox, command: Command, source: &str, exact: &str, commit: &str) {
    let (asked, notes) = explain_by(command, source, commit, true);
    let (exact, _) = explain(sandbox, exact, commit, true);
    assert_eq!(asked, exact, "{commit}");
    assert!(
        notes.contains("this build or a later one exported to `"),
        "{commit}: {notes}"
    );
}

/// Returns the names of the commits, the oldest first.
fn commits(fixture: &Fixture) -> Vec<String> {
    let commits: Vec<Value> = fixture.json("history.json");
    let names = commits.iter().map(|commit| commit["commit"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

#[test]
fn a_directory_still_has_the_imported_version() {
    let (sandbox, fixture) = home("shop");
    let names = commits(&fixture);
    copy(&sandbox.path("cache"), &sandbox.path("all"));
    for pair in names.windows(2) {
        let [before, now] = pair else { unreachable!() };
        fs::copy(
            sandbox.path("all/index.json"),
            sandbox.path("cache/index.json"),
        )
        .unwrap();
        name_only(&sandbox, "main", now);
        for with_log in [true, false] {
            let (asked, notes) = explain(&sandbox, "./cache#main", now, with_log);
            let (exact, _) = explain(&sandbox, &format!("./all#{before}"), now, with_log);
            assert_eq!(asked, exact, "{now} {with_log}");
            assert!(
                notes.contains("this build or a later one exported to `main`"),
                "{notes}"
            );
        }
    }
}

#[test]
fn a_bucket_with_versions_still_has_the_imported_version() {
    let (sandbox, fixture) = home("shop");
    let names = commits(&fixture);
    let objects: Vec<StoredObject> = fixture.json("s3.json");
    let server = S3Server::start(Service::Moto);
    server.make("ci");
    let blobs = objects
        .iter()
        .filter(|object| object.key.starts_with("blobs/"));
    server.put_all(
        "ci",
        blobs.map(|object| (object.key.clone(), fixture.blob(object.digest))),
    );
    server.keep_versions("ci");
    let source = format!("{}#main", server.source("ci"));
    for (position, now) in names.iter().enumerate() {
        let key = format!("manifests/{now}");
        let exported = objects.iter().find(|object| object.key == key).unwrap();
        let written = exported.modified.0.unwrap();
        server.put("ci", "manifests/main", &fixture.blob(exported.digest));
        server.set_newest_modified("ci", "manifests/main", written.into());
        let Some(before) = position.checked_sub(1).map(|before| &names[before]) else {
            continue;
        };
        let exact = format!("./cache#{before}");
        is_explained_as(&sandbox, S3Server::command(&sandbox), &source, &exact, now);
    }
}

#[test]
fn github_still_has_the_imported_version() {
    let (sandbox, fixture) = home("shop");
    let names = commits(&fixture);
    let server = Github::of_fixture("shop");
    let entries: Vec<Entry> = fixture.json("gha.json");
    server.state().entries = entries;
    for pair in names.windows(2) {
        let [before, now] = pair else { unreachable!() };
        let exact = format!("./cache#{before}");
        is_explained_as(
            &sandbox,
            server.in_job(&sandbox),
            "gha:acme/shop",
            &exact,
            now,
        );
    }
}

#[test]
fn ambiguous_results_and_files_select_no_previous_version() {
    let (sandbox, _) = home("shop");
    let listed = sandbox.run("ls ./cache --json").json();
    let refs = listed["sources"][0]["refs"].as_array().unwrap().clone();
    let manifest = |name: &str| {
        let entry = refs.iter().find(|entry| entry["name"] == name).unwrap();
        let digest = entry["digest"].as_str().unwrap();
        sandbox.path(format!("cache/blobs/{}", digest.replace(':', "/")))
    };
    name_only(&sandbox, "main", "c08");
    let (_, notes) = explain(&sandbox, "./cache#main", "c08", false);
    assert!(
        notes.contains("compared with the newest version"),
        "{notes}"
    );
    // As if the older results had been exported last.
    let last = fs::metadata(manifest("c07")).unwrap().modified().unwrap();
    let file = File::options().write(true).open(manifest("c05")).unwrap();
    file.set_modified(last + Duration::from_secs(1)).unwrap();
    let (_, notes) = explain(&sandbox, "./cache#main", "c08", false);
    assert!(
        !notes.contains("compared with the newest version"),
        "{notes}"
    );
    assert!(notes.contains("this build itself exported"), "{notes}");
}

#[test]
fn none_of_several_refs_is_treated_as_the_previous_version() {
    let (sandbox, _) = home("shop");
    let (_, notes) = explain(&sandbox, "./cache#c05", "c05", false);
    assert!(
        !notes.contains("compared with the newest version"),
        "{notes}"
    );
    assert!(notes.contains("this build itself exported"), "{notes}");
}

#[test]
fn a_manifest_that_no_ref_has_is_opened_by_its_digest() {
    let (sandbox, _) = home("shop");
    let listed = sandbox.run("ls ./cache --json").json();
    let refs = listed["sources"][0]["refs"].as_array().unwrap().iter();
    let digest = refs
        .filter(|entry| entry["name"] == "c04")
        .map(|entry| entry["digest"].as_str().unwrap().to_owned())
        .next()
        .unwrap();
    name_only(&sandbox, "main", "c05");
    let (by_name, _) = {
        copy(&sandbox.path("cache"), &sandbox.path("named"));
        explain(&sandbox, "./cache#main", "c05", true)
    };
    for source in [
        format!("./cache#{digest}"),
        format!("type=local,src=./cache,digest={digest}"),
    ] {
        let (by_digest, _) = explain(&sandbox, &source, "c05", true);
        assert_eq!(by_digest, by_name, "{source}");
    }
    let shown = sandbox.run(format!("show ./cache#{digest} --json"));
    assert_eq!(shown.json()["ref"]["digest"], json!(digest), "{shown}");
    // A prune sees the refs of the store only.
    let plan = sandbox.run("prune ./cache --orphans-only --grace 0s --json");
    assert!(plan.stdout.contains(&digest), "{plan}");
}
