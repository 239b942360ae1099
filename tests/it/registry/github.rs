//! GitHub's registry, which deletes with its packages API, where the previous contents of tags are
//! listed.

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::registry::second::{Packages, SecondRegistry, TOKEN};

const SOURCE: &str = "ghcr.io/acme/shop-cache";

/// Starts a server in place of ghcr.io: the caches of `shop` as `acme/shop-cache`; `main` has had
/// all contents.
fn ghcr() -> SecondRegistry {
    let registry = SecondRegistry::with("shop");
    let mut state = registry.state();
    let tags = state.tags.remove("shop-cache").unwrap();
    let mut packages = Packages::default();
    for (day, (_, digest)) in (1..).zip(&tags) {
        let manifest = state
            .manifests
            .remove(&("shop-cache".to_owned(), *digest))
            .unwrap();
        state
            .manifests
            .insert(("acme/shop-cache".to_owned(), *digest), manifest);
        packages
            .times
            .insert(*digest, format!("2026-10-{day:02}T12:00:00Z"));
    }
    let kept = ["c14", "c15"].map(|name| (name.to_owned(), tags[name]));
    state.tags.insert("acme/shop-cache".to_owned(), kept.into());
    state.packages = Some(packages);
    drop(state);
    registry
}

/// Runs the program with the registry of the test as ghcr.io and as GitHub's API.
fn run(sandbox: &Sandbox, registry: &SecondRegistry, arguments: impl CommandLine) -> Run {
    let mut command = sandbox.command();
    command
        .args(arguments.words())
        .arg("--plain-http")
        .env("HTTP_PROXY", format!("http://{}", registry.host()));
    command
        .env("NO_PROXY", "127.0.0.1")
        .env("GITHUB_API_URL", format!("http://{}/api", registry.host()));
    Run::new(command.env("GH_TOKEN", TOKEN).output().unwrap())
}

fn refs(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, Some(0), "{run}");
    run.json()["sources"][0]["refs"].as_array().unwrap().clone()
}

fn names(registry: &SecondRegistry) -> (Vec<String>, usize) {
    let state = registry.state();
    let names = state
        .names("acme/shop-cache")
        .into_iter()
        .map(str::to_owned)
        .collect();
    (
        names,
        state
            .manifests
            .keys()
            .filter(|(place, _)| place == "acme/shop-cache")
            .count(),
    )
}

#[test]
fn versions_without_a_tag_are_previous_versions() {
    let (registry, sandbox) = (ghcr(), Sandbox::new());
    let refs = refs(&run(&sandbox, &registry, format!("ls --json {SOURCE}")));
    let tagged: Vec<&str> = refs
        .iter()
        .filter(|entry| entry["tagged"] == true)
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(tagged, ["c14", "c15"]);
    let previous: Vec<&Value> = refs
        .iter()
        .filter(|entry| entry["generation"] != 0)
        .collect();
    assert_eq!(previous.len(), 13);
    let generations: Vec<u64> = previous
        .iter()
        .map(|entry| entry["generation"].as_u64().unwrap())
        .collect();
    assert_eq!(generations, (1..=13).collect::<Vec<_>>());
    assert_eq!(previous[0]["modified"], "2026-10-13T12:00:00Z");
}

#[test]
fn a_source_lists_what_it_cannot_see() {
    let (registry, sandbox) = (ghcr(), Sandbox::new());
    let mut command = sandbox.command();
    command
        .args(["du", "--plain-http", SOURCE])
        .env("HTTP_PROXY", format!("http://{}", registry.host()));
    command
        .env("NO_PROXY", "127.0.0.1")
        .env("GITHUB_API_URL", format!("http://{}/api", registry.host()));
    let run = Run::new(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "previous versions are not listed: GitHub's packages API: it wants a token (give a classic token with read:packages, in GH_TOKEN or by `gh auth login --scopes read:packages`)"
    );
    let plain = sandbox.run(format!("du {}/shop", registry.host()));
    let last = plain.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "a registry lists only the current manifests of its tags, not previous versions"
    );
}

#[test]
fn parts_of_images_and_signatures_are_no_previous_versions() {
    let (registry, sandbox) = (ghcr(), Sandbox::new());
    {
        let mut state = registry.state();
        let tagged: Vec<Digest> = state.tags["acme/shop-cache"].values().copied().collect();
        let all = state
            .manifests
            .keys()
            .filter(|(place, digest)| place == "acme/shop-cache" && !tagged.contains(digest));
        let mut digests: Vec<String> = all.map(|(_, digest)| digest.to_string()).collect();
        digests.sort_unstable();
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let part = |digest: &String| json!({"mediaType": kind, "digest": digest, "size": 1});
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": digests.iter().take(4).map(part).collect::<Vec<_>>(),
        });
        state.put("acme/shop-cache", "image", &index);
        let signature = json!({
            "schemaVersion": 2, "mediaType": kind, "subject": part(&digests[9]), "layers": [],
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digests[9], "size": 2},
        });
        state.put("acme/shop-cache", "signature", &signature);
        state
            .tags
            .get_mut("acme/shop-cache")
            .unwrap()
            .remove("signature");
    }
    let refs = refs(&run(&sandbox, &registry, format!("ls --json {SOURCE}")));
    let tagged = refs.iter().filter(|entry| entry["tagged"] == true).count();
    let previous = refs.iter().filter(|entry| entry["generation"] != 0).count();
    let other = refs
        .iter()
        .filter(|entry| entry["tagged"] == false && entry["generation"] == 0)
        .count();
    assert_eq!((tagged, previous, other), (3, 13 - 4, 1));
}

#[test]
fn previous_versions_are_deleted_by_generation_and_restored() {
    let (registry, sandbox) = (ghcr(), Sandbox::new());
    let policy = "[[retention.rule]]\nname = \"all\"\nmatch = { ref = \"*\" }\nkeep = { last = 5, generations = 2 }\n";
    std::fs::write(sandbox.path("cachelens.toml"), policy).unwrap();
    let before = names(&registry);
    assert_eq!(before.1, 15);
    let pruned = run(&sandbox, &registry, format!("prune {SOURCE} --yes"));
    assert_eq!(pruned.code, Some(0), "{pruned}");
    assert_eq!(
        names(&registry),
        (vec!["c14".to_owned(), "c15".to_owned()], 4)
    );
    let journal = pruned
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("The journal is "))
        .unwrap()
        .to_owned();
    let undone = run(&sandbox, &registry, format!("prune --undo {journal}"));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(names(&registry), before);
    assert!(registry.asked("POST /api/") == 11);
}

#[test]
fn the_limits_of_github_are_reported() {
    let (registry, sandbox) = (ghcr(), Sandbox::new());
    {
        let mut state = registry.state();
        let popular = state.tags["acme/shop-cache"]["c14"];
        state.packages.as_mut().unwrap().popular.push(popular);
    }
    let pruned = run(
        &sandbox,
        &registry,
        format!("prune {SOURCE} --drop-ref c14 --yes"),
    );
    assert_eq!(pruned.code, Some(4), "{pruned}");
    assert!(
        pruned
            .to_string()
            .contains("more than 5000 downloads cannot be deleted"),
        "{pruned}"
    );
    registry.state().packages.as_mut().unwrap().popular.clear();
    let pruned = run(
        &sandbox,
        &registry,
        format!("prune {SOURCE} --drop-ref c1? --yes"),
    );
    assert_eq!(pruned.code, Some(4), "{pruned}");
    assert!(
        pruned
            .to_string()
            .contains("You cannot delete the last tagged version of a package"),
        "{pruned}"
    );
    assert_eq!(names(&registry).0.len(), 1);
}

#[test]
fn a_version_with_another_kept_tag_is_kept() {
    let (registry, sandbox) = (ghcr(), Sandbox::new());
    registry
        .state()
        .tag("acme/shop-cache", "c14", ["main".to_owned()]);
    let pruned = run(
        &sandbox,
        &registry,
        format!("prune {SOURCE} --drop-ref c14 --yes"),
    );
    assert_eq!(pruned.code, Some(4), "{pruned}");
    assert_eq!(names(&registry).0, ["c14", "c15", "main"]);
    assert_eq!(registry.asked("DELETE "), 0);
}
