//! Previous versions of tags: the manifests to which they pointed when cachelens saw them before.

use serde_json::Value;

use crate::repair::remote;
use crate::support::command::Sandbox;
use crate::support::registry::{DockerRegistry, Setup};

#[test]
fn a_version_that_was_seen_before_is_named_and_restored() {
    let registry = DockerRegistry::start(Setup {
        deletes: true,
        ..Setup::default()
    });
    let sandbox = Sandbox::new();
    let source = format!("{}/app", registry.host());
    let manifest = || registry.tags("app")["main"].clone();
    registry.push_cache("app", "main", "2026-01-01T00:00:00Z");
    let first = manifest();
    assert_eq!(sandbox.run(&["ls", &source]).code, Some(0));
    registry.push_cache("app", "main", "2026-02-01T00:00:00Z");
    let second = manifest();
    assert_ne!(first, second);
    let read = std::fs::read(remote::data(&registry, &second)).unwrap();
    let read: Value = serde_json::from_slice(&read).unwrap();
    let config = read["config"]["digest"].as_str().unwrap();
    std::fs::remove_file(remote::data(&registry, config)).unwrap();

    let checked = sandbox.run(&["check", &source, "--json"]).json();
    let hints = checked["findings"].as_array().unwrap().iter();
    let hints: Vec<&str> = hints.filter_map(|found| found["hint"].as_str()).collect();
    let restore = format!("--restore {first}");
    assert!(
        hints.iter().any(|hint| hint.contains(&restore)),
        "{checked}"
    );

    // Another machine has not seen it.
    let other = Sandbox::new().run(&["check", &source, "--json"]).json();
    assert!(!other.to_string().contains(&first), "{other}");

    let done = sandbox.run(&["repair", &source, "--yes", "--json"]);
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(manifest(), first);
}
