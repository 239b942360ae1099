//! Refs that cannot be read: previous versions, versions that a person names, and refs whose
//! manifests are gone.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::local::{blob, cache, entries, entry, is_stored};
use super::{Cache, codes};
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::layout::{self, LayoutBuilder, MANIFEST, digest_of};
use crate::support::s3::{S3Server, Service};

/// A directory with two versions of a ref.
pub(crate) struct Versions {
    pub(crate) sandbox: Sandbox,
    /// The manifests, the older one first.
    pub(crate) manifests: [Value; 2],
    /// The layers that only the older one has.
    old_layer: Value,
}

impl Versions {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let made = sandbox.layout();
        let layers: Vec<Value> = (0..3)
            .map(|number| made.layer(&format!("layer {number}"), 40))
            .collect();
        let older = made.chain(&layers);
        let newer = made.chain(&layers[..2]);
        Self {
            sandbox,
            manifests: [older, newer],
            old_layer: layers[2].clone(),
        }
    }

    /// The same, where the trash remembers that `main` was the older one.
    pub(crate) fn with_dropped_version() -> Self {
        let versions = Self::new();
        let older = &versions.manifests[0];
        versions.name(&[("main", older)]);
        // What changed within the grace is not dropped.
        let place = digest_of(older).replace(':', "/");
        let file = versions.sandbox.path("cache").join("blobs").join(place);
        let then = SystemTime::now() - Duration::from_hours(3);
        fs::File::open(file).unwrap().set_modified(then).unwrap();
        let drop = ["--drop-ref", "main", "--grace", "1h", "--yes"];
        let confirm = ["--confirm", "./cache"];
        let dropped = versions.run(confirm.after(drop[..].after("prune ./cache")));
        assert_eq!(dropped.code, Some(0), "{dropped}");
        versions
    }

    /// Lets the refs be these, and no others.
    pub(crate) fn name(&self, refs: &[(&str, &Value)]) {
        let mut made = LayoutBuilder::new(self.sandbox.path("cache"));
        for (name, manifest) in refs {
            made.tag(name, manifest);
        }
    }

    /// Removes the configuration of a manifest.
    pub(crate) fn lose_config(&self, manifest: &Value) {
        let dir = self.sandbox.path("cache");
        let manifest: Value = serde_json::from_slice(&blob(&dir, digest_of(manifest))).unwrap();
        let config = digest_of(&manifest["config"]).replace(':', "/");
        fs::remove_file(dir.join("blobs").join(config)).unwrap();
    }

    pub(crate) fn points_to(&self) -> String {
        digest_of(&entry(&self.sandbox.path("cache"), "main")).to_owned()
    }

    fn run(&self, arguments: impl CommandLine) -> Run {
        self.sandbox.run(arguments)
    }
}

#[test]
fn a_version_that_an_earlier_run_replaced_is_restored() {
    let versions = Versions::with_dropped_version();
    let [older, newer] = &versions.manifests;
    versions.name(&[("main", newer)]);
    versions.lose_config(newer);
    let check = versions.run("check ./cache --json").json();
    assert!(codes(&check, "main").contains("config-missing"), "{check}");

    let plan = versions.sandbox.json("repair ./cache --json");
    let reason = &plan["plan"]["delete"][0]["reasons"][0];
    assert_eq!(reason["fix"]["what"], "restored", "{plan}");
    assert_eq!(reason["fix"]["digest"], digest_of(older));
    assert_eq!(versions.points_to(), digest_of(newer));

    let done = versions.run("repair ./cache --yes --json");
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(versions.points_to(), digest_of(older));
    let dir = versions.sandbox.path("cache");
    let hits = cache(&dir, "main").hits(|digest| is_stored(&dir, digest));
    assert_eq!(hits.unwrap().len(), 3);
    let check = versions.run("check ./cache --json").json();
    assert!(codes(&check, "main").is_empty(), "{check}");

    let done = done.json();
    let journal = done["outcome"]["journal"].as_str().unwrap();
    let undone = versions.run(format!("repair --undo {journal}"));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(versions.points_to(), digest_of(newer));
}

#[test]
fn an_unreferenced_manifest_is_restored_on_request() {
    let versions = Versions::new();
    let [older, newer] = &versions.manifests;
    versions.name(&[("main", newer)]);
    versions.lose_config(newer);
    let dir = versions.sandbox.path("cache");

    let plan = versions.sandbox.json("repair ./cache --json");
    assert_eq!(plan["plan"]["delete"], json!([]));
    let not_fixed = &plan["plan"]["not_fixed"][0];
    assert_eq!(not_fixed["code"], "config-missing");
    let hint = format!("--restore {}", digest_of(older));
    assert!(not_fixed["why"].as_str().unwrap().contains(&hint), "{plan}");

    // Of what the version had, a blob is gone by now.
    let lost = versions.old_layer["digest"]
        .as_str()
        .unwrap()
        .replace(':', "/");
    fs::remove_file(dir.join("blobs").join(lost)).unwrap();
    let arguments = ["repair", "./cache#main", "--restore", digest_of(older)];
    let done = versions.run("--yes --json".after(&arguments[..]));
    assert_eq!(done.code, Some(0), "{done}");
    let found = cache(&dir, "main");
    assert_eq!(found.hits(|_| true).unwrap().len(), 2);
    let hits = found.hits(|digest| is_stored(&dir, digest)).unwrap();
    assert_eq!(hits.len(), 2);
}

#[test]
fn another_ref_of_the_store_counts_as_a_version() {
    let versions = Versions::new();
    let [older, newer] = &versions.manifests;
    versions.name(&[("main", newer), ("release", older)]);
    let restore = |version: &str, source: &str| {
        versions.run(format!("repair {source} --restore {version} --yes --json"))
    };
    // It says what it cannot do, and changes nothing.
    let usage = restore("release", "./cache");
    assert_eq!(usage.code, Some(2), "{usage}");
    for (version, why) in [
        ("nightly", "the store has no cache `nightly` to restore"),
        ("main", "it points there already"),
    ] {
        let refused = restore(version, "./cache#main");
        assert_eq!(refused.code, Some(4), "{refused}");
        assert_eq!(refused.json()["plan"]["not_fixed"][0]["why"], why);
    }
    assert_eq!(versions.points_to(), digest_of(newer));
    let done = restore("release", "./cache#main");
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(versions.points_to(), digest_of(older));
}

#[test]
fn a_ref_without_its_manifest_is_deleted_on_request() {
    let versions = Versions::new();
    let gone = layout::descriptor(MANIFEST, b"that is nowhere");
    versions.name(&[("main", &versions.manifests[0]), ("gone", &gone)]);
    let dir = versions.sandbox.path("cache");
    let names = || entries(&dir).len();
    let without = versions.run("repair ./cache --yes --json");
    assert_eq!(without.code, Some(4), "{without}");
    assert_eq!(names(), 2);

    // By a saved plan, which is proved again.
    let saved = versions.sandbox.path("plan");
    let saved = saved.to_str().unwrap();
    let plan = versions.run(format!("repair ./cache --delete-gone --plan-out {saved}"));
    assert_eq!(plan.code, Some(0), "{plan}");
    let done = versions.run(format!("repair --apply {saved} --json"));
    assert_eq!(done.code, Some(0), "{done}");
    let done = done.json();
    assert_eq!(
        done["plan"]["delete"][0]["reasons"][0]["reason"],
        "manifest-missing"
    );
    assert_eq!(names(), 1);
    let check = versions.run("check ./cache --json").json();
    assert!(codes(&check, "gone").is_empty(), "{check}");
    let journal = done["outcome"]["journal"].as_str().unwrap();
    let undone = versions.run(format!("repair --undo {journal}"));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(names(), 2);

    // Where every ref would be deleted, the name has to be typed.
    versions.name(&[("gone", &gone)]);
    let arguments = ["repair", "./cache", "--delete-gone", "--yes"];
    let refused = versions.run(&arguments);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert_eq!(names(), 1);
    let done = versions.run("--confirm ./cache".after(&arguments[..]));
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(names(), 0);
}

#[test]
fn a_plan_that_was_changed_deletes_no_ref_that_a_build_can_import() {
    let versions = Versions::new();
    let gone = layout::descriptor(MANIFEST, b"that is nowhere");
    versions.name(&[("main", &versions.manifests[0]), ("gone", &gone)]);
    let dir = versions.sandbox.path("cache");
    let saved = versions.sandbox.path("plan");
    let path = saved.to_str().unwrap();
    let plan = versions.run(format!("repair ./cache --delete-gone --plan-out {path}"));
    assert_eq!(plan.code, Some(0), "{plan}");
    let text = fs::read_to_string(&saved).unwrap();
    let main = digest_of(&versions.manifests[0]);
    let forged = text
        .replace(digest_of(&gone), main)
        .replace("\"gone\"", "\"main\"");
    fs::write(&saved, forged).unwrap();
    let done = versions.run(format!("repair --apply {path} --json"));
    assert_ne!(done.code, Some(0), "{done}");
    assert_eq!(entries(&dir).len(), 2);
}

#[test]
fn a_bucket_with_versions_restores_the_previous_manifest() {
    let (server, bucket) = S3Server::with(Service::Moto, "mini");
    server.keep_versions(&bucket);
    let sandbox = Sandbox::new();
    let source = server.source(&bucket);
    let names = server.names(&bucket, "manifests/");
    let name = names.iter().next().unwrap();
    let key = format!("manifests/{name}");
    let sound = server.read(&bucket, &key).unwrap();
    server.put(&bucket, &key, b"not a cache");
    let check = S3Server::run(&sandbox, format!("check {source} --json")).json();
    let found = codes(&check, name);
    assert!(
        found.contains("config-unreadable") || found.contains("manifest-unreadable"),
        "{check}"
    );

    let done = S3Server::run(&sandbox, format!("repair {source} --yes --json"));
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(server.read(&bucket, &key).unwrap(), sound);
    let hits = Cache::bare(&sound).hits(|_| true).unwrap();
    assert!(!hits.is_empty());
}
