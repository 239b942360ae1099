//! Previous versions of tags: the manifests to which they pointed when cachelens saw them before.

use serde_json::Value;

use crate::repair::remote;
use crate::support::command::Sandbox;
use crate::support::registry::{DockerRegistry, Setup};

#[test]
fn a_previously_seen_version_is_suggested_and_restored() {
    let registry = DockerRegistry::start(Setup {
        deletes: true,
        ..Setup::default()
    });
    let sandbox = Sandbox::new();
    let source = format!("{}/app", registry.host());
    let manifest = || registry.tags("app")["main"].clone();
    registry.push_cache("app", "main", "2026-01-01T00:00:00Z");
    let first = manifest();
    assert_eq!(sandbox.run(format!("ls {source}")).code, Some(0));
    registry.push_cache("app", "main", "2026-02-01T00:00:00Z");
    let second = manifest();
    assert_ne!(first, second);
    let read = std::fs::read(remote::data(&registry, &second)).unwrap();
    let read: Value = serde_json::from_slice(&read).unwrap();
    let config = read["config"]["digest"].as_str().unwrap();
    std::fs::remove_file(remote::data(&registry, config)).unwrap();

    let checked = sandbox.run(format!("check {source} --json")).json();
    let hints = checked["findings"].as_array().unwrap().iter();
    let hints: Vec<&str> = hints.filter_map(|found| found["hint"].as_str()).collect();
    let restore = format!("--restore {first}");
    assert!(
        hints.iter().any(|hint| hint.contains(&restore)),
        "{checked}"
    );

    // Another machine has not seen it.
    let other = Sandbox::new().run(format!("check {source} --json")).json();
    assert!(!other.to_string().contains(&first), "{other}");

    let done = sandbox.run(format!("repair {source} --yes --json"));
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(manifest(), first);
}

#[test]
fn a_tag_without_a_manifest_is_a_finding_and_blocks_nothing() {
    let registry = DockerRegistry::start(Setup {
        deletes: true,
        ..Setup::default()
    });
    let sandbox = Sandbox::new();
    let source = format!("{}/app", registry.host());
    for tag in ["main", "lost", "old"] {
        registry.push_cache("app", tag, "2026-01-01T00:00:00Z");
    }
    let lost = registry.tags("app")["lost"].clone();
    std::fs::remove_file(remote::data(&registry, &lost)).unwrap();
    let listed = sandbox.run(format!("ls {source}"));
    assert_eq!(listed.code, Some(0), "{listed}");
    assert!(
        listed.stderr.contains("`lost` and has no manifest"),
        "{listed}"
    );
    let checked = sandbox.run(format!("check {source} --json")).json();
    let findings = checked["findings"].as_array().unwrap();
    let found = findings
        .iter()
        .find(|found| found["ref"] == "lost")
        .unwrap_or_else(|| panic!("{checked}"));
    assert_eq!(found["code"], "manifest-missing");
    assert!(
        found["message"]
            .as_str()
            .unwrap()
            .contains("has no manifest"),
        "{found}"
    );
    assert!(!checked.to_string().contains("--restore"), "{checked}");
    // Nothing can be referenced by it, so it keeps no manifest of another tag.
    let pruned = sandbox.run(format!(
        "prune {source} --drop-ref old --grace 0s --yes --json"
    ));
    assert_eq!(pruned.code, Some(0), "{pruned}");
    assert_eq!(pruned.json()["outcome"]["done"], 1, "{pruned}");
    let listed = sandbox.run(format!("ls {source} --json")).json();
    let refs = listed["sources"][0]["refs"].as_array().unwrap().iter();
    let names: Vec<&str> = refs.map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["main"]);
}
