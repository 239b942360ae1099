//! Pruning buckets.

use std::collections::BTreeSet;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::json;
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::s3::{S3Server, Service, on_both_services};

on_both_services!(
    orphans_are_deleted_and_referenced_blobs_kept,
    blobs_that_a_build_may_use_are_kept,
    blobs_of_a_dropped_ref_wait_and_the_ref_can_be_restored,
    blobs_touched_since_the_plan_are_kept,
    blobs_of_a_new_manifest_are_kept,
    two_prunes_do_not_run_at_once,
    results_of_a_cache_are_dropped_and_restored,
);

/// Hours, longer than any grace period.
pub(super) const LONG: u64 = 24 * 30;

pub(super) struct Bucket {
    pub(super) server: S3Server,
    pub(super) name: String,
    pub(super) sandbox: Sandbox,
}

impl Bucket {
    /// A bucket of a set, in which everything is this many hours old.
    pub(super) fn aged(service: Service, set: &str, hours: u64) -> Self {
        let (server, name) = S3Server::with(service, set);
        server.age(&name, hours);
        Self {
            server,
            name,
            sandbox: Sandbox::new(),
        }
    }

    pub(super) fn source(&self) -> String {
        self.server.source(&self.name)
    }

    pub(super) fn run(&self, arguments: impl CommandLine) -> Run {
        S3Server::run(&self.sandbox, arguments)
    }

    pub(super) fn prune(&self, arguments: impl CommandLine) -> Run {
        self.run(arguments.after(format!("prune {}", self.source())))
    }

    pub(super) fn du(&self) -> Value {
        json(&self.sandbox, format!("du {} --json", self.source()))["sources"][0].clone()
    }

    pub(super) fn refs(&self) -> BTreeSet<String> {
        let listed = json(&self.sandbox, format!("ls {} --json", self.source()));
        let refs = listed["sources"][0]["refs"].as_array().unwrap();
        refs.iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) fn manifest(&self, name: &str) -> Vec<u8> {
        self.server
            .read(&self.name, &format!("manifests/{name}"))
            .unwrap()
    }

    pub(super) fn blobs(&self) -> BTreeSet<String> {
        self.server.names(&self.name, "blobs/")
    }

    /// The blobs that no manifest at the root references.
    pub(super) fn orphans(&self) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        for name in self.server.names(&self.name, "manifests/") {
            let config: Value = serde_json::from_slice(&self.manifest(&name)).unwrap();
            let layers = config["layers"].as_array().into_iter().flatten();
            named.extend(layers.map(|layer| layer["blob"].as_str().unwrap().to_owned()));
        }
        self.blobs()
            .into_iter()
            .filter(|blob| !named.contains(blob))
            .collect()
    }
}

pub(super) fn journal(run: &Run) -> String {
    let line = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("The journal is "));
    line.unwrap_or_else(|| panic!("{run}")).to_owned()
}

/// A bucket in which all refs but one are deleted, so that there are orphans.
pub(super) fn thinned(service: Service, set: &str, hours: u64) -> Bucket {
    let bucket = Bucket::aged(service, set, hours);
    for name in bucket.refs().into_iter().skip(1) {
        bucket
            .server
            .remove(&bucket.name, &format!("manifests/{name}"));
    }
    bucket
}

fn orphans_are_deleted_and_referenced_blobs_kept(service: Service) {
    for set in ["shop", "kitchen", "mini"] {
        let bucket = thinned(service, set, LONG);
        let (before, orphans) = (bucket.du(), bucket.orphans());
        assert!(!orphans.is_empty());
        assert_eq!(before["orphan"]["blobs"], orphans.len());
        let all = bucket.blobs();
        let planned = bucket.prune("");
        assert_eq!(planned.code, Some(0), "{planned}");
        assert_eq!(bucket.blobs(), all);
        let run = bucket.prune("--yes");
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(bucket.blobs(), all.difference(&orphans).cloned().collect());
        let after = bucket.du();
        assert_eq!(
            (&after["live"], &after["orphan"]),
            (&before["live"], &json!({ "blobs": 0, "bytes": 0 }))
        );
        // No lease is left.
        assert_eq!(
            bucket.server.read(&bucket.name, ".cachelens/lease.json"),
            None
        );
    }
}

fn blobs_that_a_build_may_use_are_kept(service: Service) {
    // `touch_refresh` is a day and the grace is two.
    let bucket = thinned(service, "mini", 70);
    let all = bucket.blobs();
    let words = || {
        let from = Timestamp::now() + SignedDuration::from_hours(72);
        format!("A run after {} ", from.strftime("%Y-%m-%d"))
    };
    let before = words();
    let planned = bucket.prune("").stdout;
    let is_right = planned.contains(&before) || planned.contains(&words());
    assert!(is_right, "{before}: {planned}");
    assert!(
        planned.contains("written within touch_refresh and the grace"),
        "{planned}"
    );
    let run = bucket.prune("--yes");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(bucket.blobs(), all);
    bucket.server.age(&bucket.name, 73);
    bucket.prune("--yes");
    assert!(bucket.orphans().is_empty());
}

fn blobs_of_a_dropped_ref_wait_and_the_ref_can_be_restored(service: Service) {
    let bucket = Bucket::aged(service, "shop", LONG);
    let (refs, all) = (bucket.refs(), bucket.blobs());
    let first = refs.first().unwrap().clone();
    let run = bucket.prune(format!(
        "--drop-ref {first} --yes --confirm {}",
        bucket.source()
    ));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(bucket.refs().len(), refs.len() - 1);
    // Builds that imported it may still fetch its blobs: a second run deletes none of them.
    let again = bucket.prune("--yes");
    assert_eq!(again.code, Some(0), "{again}");
    assert!(bucket.blobs().len() <= all.len());
    let undone = bucket.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(bucket.refs(), refs);
    assert_eq!(bucket.du()["missing"], json!({ "blobs": 0, "bytes": 0 }));
}

fn blobs_touched_since_the_plan_are_kept(service: Service) {
    let bucket = thinned(service, "shop", LONG);
    let touched = bucket.orphans().first().unwrap().clone();
    assert_eq!(bucket.prune("--plan-out plan.json").code, Some(0));
    bucket
        .server
        .set_modified(&bucket.name, &format!("blobs/{touched}"), SystemTime::now());
    let run = bucket.prune("--apply plan.json");
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(bucket.orphans(), BTreeSet::from([touched]));
}

fn blobs_of_a_new_manifest_are_kept(service: Service) {
    let bucket = thinned(service, "shop", LONG);
    let fixture = Fixture::named("shop");
    let needed = bucket.orphans();
    assert_eq!(bucket.prune("--plan-out plan.json").code, Some(0));
    // An export happens in between, as in s3.json.
    let objects: Vec<crate::support::s3::StoredObject> = fixture.json("s3.json");
    for object in objects
        .iter()
        .filter(|object| object.key.starts_with("manifests/"))
    {
        bucket
            .server
            .put(&bucket.name, &object.key, &fixture.blob(object.digest));
    }
    let left = bucket.orphans();
    assert!(left.len() < needed.len());
    let run = bucket.prune("--apply plan.json");
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(bucket.du()["missing"], json!({ "blobs": 0, "bytes": 0 }));
    assert!(bucket.orphans().is_empty());
}

fn two_prunes_do_not_run_at_once(service: Service) {
    let bucket = thinned(service, "mini", LONG);
    let lease = |until: &str| json!({ "owner": "another", "until": until }).to_string();
    let key = ".cachelens/lease.json";
    bucket
        .server
        .put(&bucket.name, key, lease("2999-01-01T00:00:00Z").as_bytes());
    let all = bucket.blobs();
    let run = bucket.prune("--yes");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("another prune is running"), "{run}");
    assert_eq!(bucket.blobs(), all);
    // The lease of a killed owner has expired.
    bucket
        .server
        .put(&bucket.name, key, lease("2020-01-01T00:00:00Z").as_bytes());
    let run = bucket.prune("--yes");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(bucket.orphans().is_empty());
}

fn results_of_a_cache_are_dropped_and_restored(service: Service) {
    let bucket = Bucket::aged(service, "shop", LONG);
    let name = bucket.refs().first().unwrap().clone();
    let before = bucket.manifest(&name);
    let provenance = Fixture::named("shop").path("provenance/c15.json");
    let arguments = [
        "--records",
        "size>1",
        "--provenance",
        provenance.to_str().unwrap(),
        "--keep-ref",
        &format!("!{name}"),
        "--yes",
    ];
    let run = bucket.prune(&arguments);
    assert_eq!(run.code, Some(0), "{run}");
    assert_ne!(bucket.manifest(&name), before, "{run}");
    let undone = bucket.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(bucket.manifest(&name), before);
}
