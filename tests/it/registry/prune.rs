//! Deletes tags and manifests, and pushes them again.

use std::fs;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use crate::support::command::{Run, Sandbox};
use crate::support::http::Answer;
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, Setup};

fn journal(run: &Run) -> String {
    let line = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("The journal is "));
    line.unwrap_or_else(|| panic!("{run}")).to_owned()
}

#[test]
fn deleted_manifests_can_be_pushed_again() {
    let registry = DockerRegistry::with(
        "shop",
        Setup {
            deletes: true,
            ..Setup::default()
        },
    );
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    let before = registry.tags("shop-cache");
    let run = sandbox.run(format!("prune {source} --drop-ref c0* --yes"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("registry garbage-collect"), "{run}");
    let left: Vec<String> = registry.tags("shop-cache").into_keys().collect();
    assert_eq!(left, ["c10", "c11", "c12", "c13", "c14", "c15"]);
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(registry.tags("shop-cache"), before);
}

#[test]
fn a_saved_plan_is_applied_only_to_its_repository() {
    let registry = DockerRegistry::with(
        "mini",
        Setup {
            deletes: true,
            ..Setup::default()
        },
    );
    let sandbox = Sandbox::new();
    let source = format!("{}/mini-cache", registry.host());
    let plan = sandbox.run(format!(
        "prune {source} --drop-ref c01 --plan-out plan.json"
    ));
    assert_eq!(plan.code, Some(0), "{plan}");
    assert_eq!(registry.tags("mini-cache").len(), 3);
    let run = sandbox.run(format!("prune {source} --apply plan.json"));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        registry.tags("mini-cache").into_keys().collect::<Vec<_>>(),
        ["c02", "c03"]
    );
}

#[test]
fn a_registry_without_deletes_is_reported() {
    let registry = DockerRegistry::with("mini", Setup::default());
    let sandbox = Sandbox::new();
    let source = format!("{}/mini-cache", registry.host());
    let run = sandbox.run(format!(
        "prune {source} --drop-ref c0? --keep-ref c03 --yes --json"
    ));
    assert_eq!(run.code, Some(4), "{run}");
    let outcome = run.json()["sources"][0]["outcome"].clone();
    let outcome = if outcome.is_null() {
        run.json()["outcome"].clone()
    } else {
        outcome
    };
    assert_eq!(
        (&outcome["failed"], &outcome["done"]),
        (&json!(2), &json!(0)),
        "{run}"
    );
    assert!(
        run.stdout.contains("REGISTRY_STORAGE_DELETE_ENABLED=true"),
        "{run}"
    );
    assert_eq!(registry.tags("mini-cache").len(), 3);
}

#[test]
fn a_manifest_shared_with_a_kept_tag_is_kept() {
    let registry = DockerRegistry::with(
        "shop",
        Setup {
            deletes: true,
            ..Setup::default()
        },
    );
    let sandbox = Sandbox::new();
    let source = format!("{}/base", registry.host());
    // `2` and `latest` are one manifest, and this registry does not delete single tags.
    let policy = "[[retention.rule]]\nname = \"old\"\nmatch = { ref = \"latest\", kind = \"image\" }\naction = \"drop\"\n";
    fs::write(sandbox.path("cachelens.toml"), policy).unwrap();
    let run = sandbox.run(format!("prune {source} --yes"));
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(
        registry.tags("base").into_keys().collect::<Vec<_>>(),
        ["1", "2", "latest"]
    );
}

fn drop_pulls(sandbox: &Sandbox, registry: &SecondRegistry) -> Run {
    sandbox.run(format!(
        "prune {}/shop-cache --drop-ref pr-* --yes",
        registry.host()
    ))
}

#[test]
fn tags_are_deleted_individually_if_the_registry_supports_it() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry
        .state()
        .tag("shop-cache", "c03", ["pr-1".to_owned(), "pr-2".to_owned()]);
    let run = drop_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(registry.state().names("shop-cache").len(), 15);
    let shared = registry.state().tags["shop-cache"]["c03"];
    assert_eq!(
        registry.asked(&format!("DELETE /v2/shop-cache/manifests/{shared}")),
        0
    );
}

#[test]
fn a_registry_that_deletes_too_much_is_detected_before_any_deletion() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry
        .state()
        .tag("shop-cache", "c03", ["pr-1".to_owned()]);
    registry
        .state()
        .tag("shop-cache", "c04", ["pr-2".to_owned()]);
    registry.state().takes_siblings = true;
    let run = drop_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(4), "{run}");
    let state = registry.state();
    let names = state.names("shop-cache");
    assert_eq!(names.len(), 17, "{names:?}");
    // A kept tag exists at every moment: only tags of this program were put and deleted.
    let changing = state
        .requests
        .iter()
        .filter(|line| line.starts_with("PUT ") || line.starts_with("DELETE "));
    let digest = |line: &str| line.contains("/manifests/sha256:");
    let others: Vec<_> = changing
        .filter(|line| !line.contains("/cachelens-probe-") && !digest(line))
        .collect();
    assert_eq!(others, Vec::<&String>::new());
}

#[test]
fn without_a_probe_manifests_of_other_tags_are_not_at_risk() {
    let registry = SecondRegistry::with("shop");
    registry
        .state()
        .tag("shop-cache", "c03", ["pr-1".to_owned()]);
    let denied = json!({"errors": [{"code": "DENIED", "message": "read only"}]});
    registry.state().faults.push_back((
        "PUT /v2/shop-cache/manifests/".to_owned(),
        Answer::json(403, &denied),
    ));
    let run = drop_pulls(&Sandbox::new(), &registry);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(
        run.stdout.contains(
            "others need the manifest, and a probe could not show whether the registry deletes it with a tag"
        ),
        "{run}"
    );
    assert_eq!(registry.asked("DELETE /v2/shop-cache/manifests/pr-1"), 0);
    assert_eq!(registry.state().names("shop-cache").len(), 16);
}

#[test]
fn a_tag_pushed_during_a_retried_deletion_is_kept() {
    let pause = Answer::empty(429).with("retry-after", 1);
    for fault in [Answer::empty(503), pause] {
        for deletes_tags in [true, false] {
            let registry = SecondRegistry::with("shop");
            {
                let mut state = registry.state();
                state.deletes_tags = deletes_tags;
                let (one, two) = (
                    state.tags["shop-cache"]["c03"],
                    state.tags["shop-cache"]["c05"],
                );
                let tags = state.tags.get_mut("shop-cache").unwrap();
                tags.remove("c03");
                tags.insert("pr-1".to_owned(), one);
                let reference = if deletes_tags {
                    "pr-1".to_owned()
                } else {
                    one.to_string()
                };
                state.faults.push_back((
                    format!("DELETE /v2/shop-cache/manifests/{reference}"),
                    fault.clone(),
                ));
                state
                    .moves
                    .push(("shop-cache".to_owned(), "pr-1".to_owned(), Some(two)));
            }
            let run = drop_pulls(&Sandbox::new(), &registry);
            assert_eq!(run.code, Some(4), "{run}");
            let state = registry.state();
            assert_eq!(
                state.tags["shop-cache"]["pr-1"], state.tags["shop-cache"]["c05"],
                "{run}"
            );
        }
    }
}

#[test]
fn each_tag_has_its_own_outcome_and_is_restored_by_it() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let pulls = ["pr-1", "pr-2", "pr-3"];
    registry
        .state()
        .tag("shop-cache", "c03", pulls.map(str::to_owned));
    let (one, two) = {
        let state = registry.state();
        (
            state.tags["shop-cache"]["c03"],
            state.tags["shop-cache"]["c05"],
        )
    };
    // The answer to the first deletion is lost, and by then the first tag is gone and the second
    // one has changed.
    {
        let mut state = registry.state();
        state.faults.push_back((
            "DELETE /v2/shop-cache/manifests/pr-1".to_owned(),
            Answer::empty(503),
        ));
        state
            .moves
            .push(("shop-cache".to_owned(), "pr-1".to_owned(), None));
        state
            .moves
            .push(("shop-cache".to_owned(), "pr-2".to_owned(), Some(two)));
    }
    let run = drop_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(
        run.stdout.contains("2 done") && run.stdout.contains("1 skipped"),
        "{run}"
    );
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    let state = registry.state();
    assert_eq!(
        pulls.map(|tag| state.tags["shop-cache"].get(tag).copied()),
        [Some(one), Some(two), Some(one)]
    );
}

#[test]
fn undo_overwrites_no_newer_tag_and_verifies_digests() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry
        .state()
        .tag("shop-cache", "c03", ["pr-1".to_owned()]);
    let run = drop_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(0), "{run}");
    let lie = Answer::empty(201).with("docker-content-digest", Digest::of(b"other"));
    registry
        .state()
        .faults
        .push_back(("PUT /v2/shop-cache/manifests/pr-1".to_owned(), lie));
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(4), "{undone}");
    assert!(
        undone
            .stdout
            .contains("the registry does not take it as it is"),
        "{undone}"
    );

    registry
        .state()
        .tag("shop-cache", "c05", ["pr-1".to_owned()]);
    for _ in 0..20 {
        registry.state().faults.push_back((
            "HEAD /v2/shop-cache/manifests/pr-1".to_owned(),
            Answer::empty(405),
        ));
    }
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(4), "{undone}");
    let state = registry.state();
    assert_eq!(
        state.tags["shop-cache"]["pr-1"],
        state.tags["shop-cache"]["c05"]
    );
}

#[test]
fn manifests_that_others_reference_are_kept() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let named = {
        let mut state = registry.state();
        state.deletes_tags = false;
        let (one, two) = (
            state.tags["shop-cache"]["c01"],
            state.tags["shop-cache"]["c02"],
        );
        let tags = state.tags.get_mut("shop-cache").unwrap();
        tags.clear();
        tags.extend([("pr-1".to_owned(), one), ("pr-2".to_owned(), two)]);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let index: Value = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{"mediaType": kind, "digest": one.to_string(), "size": 1}],
        });
        state.put("shop-cache", "main", &index);
        state.referrers.insert(two);
        (one, two)
    };
    assert_ne!(named.0, named.1);
    let run = drop_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(
        registry.state().names("shop-cache"),
        ["main", "pr-1", "pr-2"]
    );
    assert_eq!(registry.asked("DELETE /v2/shop-cache/manifests/sha256:"), 0);

    registry.state().referrers.clear();
    let run = drop_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(registry.state().names("shop-cache"), ["main", "pr-1"]);
}

#[test]
fn a_tag_that_moved_since_the_plan_is_kept() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry
        .state()
        .tag("shop-cache", "c03", ["pr-1".to_owned(), "pr-2".to_owned()]);
    let source = format!("{}/shop-cache", registry.host());
    let plan = sandbox.run(format!(
        "prune {source} --drop-ref pr-* --plan-out plan.json"
    ));
    assert_eq!(plan.code, Some(0), "{plan}");
    registry
        .state()
        .tag("shop-cache", "c05", ["pr-1".to_owned()]);
    let run = sandbox.run(format!("prune {source} --apply plan.json"));
    assert_eq!(run.code, Some(4), "{run}");
    let state = registry.state();
    assert!(state.names("shop-cache").contains(&"pr-1"));
    assert!(!state.names("shop-cache").contains(&"pr-2"));
}

#[test]
fn results_of_a_cache_are_dropped_and_restored() {
    let registry = DockerRegistry::with(
        "shop",
        Setup {
            deletes: true,
            ..Setup::default()
        },
    );
    let sandbox = Sandbox::new();
    let (cache, image) = (
        format!("{}/shop-cache", registry.host()),
        format!("{}/shop:c06", registry.host()),
    );
    let before = registry.tags("shop-cache");
    let arguments = [
        "prune",
        &cache,
        "--records",
        "step~npm",
        "--provenance",
        &image,
        "--keep-ref",
        "!c05",
        "--yes",
    ];
    let run = sandbox.run(&arguments);
    assert_eq!(run.code, Some(0), "{run}");
    let after = registry.tags("shop-cache");
    let changed: Vec<&String> = before
        .keys()
        .filter(|tag| before[*tag] != after[*tag])
        .collect();
    assert_eq!(changed, ["c05"], "{run}");
    let shown = sandbox.json(format!("show {cache}:c05 --json"));
    assert_eq!(shown["ref"]["faults"], json!([]));
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(registry.tags("shop-cache"), before);
}
