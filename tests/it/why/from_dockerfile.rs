//! Explanations from a Dockerfile and its context alone, compared with those from provenance and
//! with real events.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cachelens::backend::Access;
use cachelens::explain::frontend::BuildOptions;
use cachelens::explain::load::dockerfile::{Described, DescribedBuild};
use cachelens::explain::load::images::{GivenImage, ImageLookup};
use cachelens::explain::load::{Explanation, GivenEvidence, Imported, explain};
use cachelens::format::digest::Digest;
use cachelens::format::evidence::EvidenceDocument;
use cachelens::format::llb::{OpKind, Platform};
use cachelens::format::provenance::Build;

use super::histories::{Evidence, History, Store, judge_each};
use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;

/// Writes the description of an image for `--image`.
pub(crate) fn image_file(fixture: &Fixture, digest: Digest, folder: &std::path::Path) -> PathBuf {
    let manifest: serde_json::Value = serde_json::from_slice(&fixture.blob(digest)).unwrap();
    let config: Digest = manifest["config"]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let config: serde_json::Value = serde_json::from_slice(&fixture.blob(config)).unwrap();
    let image = serde_json::json!({ "digest": digest.to_string(), "config": config });
    let path = folder.join(format!("{}.json", digest.hex()));
    std::fs::write(&path, image.to_string()).unwrap();
    path
}

/// Returns the base image of a build: its reference and its digest.
pub(super) fn base_image(build: &Build) -> (String, Digest) {
    let source = build.steps.iter().find_map(|step| match &step.op.kind {
        OpKind::Source(source) => source.identifier.strip_prefix("docker-image://"),
        _ => None,
    });
    let (reference, digest) = source.unwrap().split_once('@').unwrap();
    (reference.to_owned(), digest.parse().unwrap())
}

pub(super) fn provenance(history: &History, place: usize) -> Build {
    let path = format!("provenance/{}.json", history.commits[place].name);
    match history.document(&path) {
        EvidenceDocument::Provenance(build) => *build,
        other => panic!("{other:?}"),
    }
}

/// Returns the build of a commit as its command describes it.
fn described(history: &History, place: usize) -> Described {
    let commit = &history.commits[place].name;
    let build = provenance(history, place);
    let tree = |name: &str| history.trees.path().join("tree").join(name);
    let mut options = BuildOptions {
        no_cache: build.request.args.contains_key("no-cache"),
        ..BuildOptions::default()
    };
    let extra = tree(&format!("{commit}.extra"));
    if extra.is_dir() {
        options.build_contexts = BTreeMap::from([("extra".into(), extra.to_str().unwrap().into())]);
    }
    let (reference, digest) = base_image(&build);
    let folder = tempfile::tempdir().unwrap();
    let file = image_file(&history.fixture, digest, folder.path());
    let given = [GivenImage {
        reference,
        evidence: file.to_str().unwrap().into(),
    }];
    let access = Access::default();
    let lookup = ImageLookup {
        given: &given,
        registries: None,
        access: &access,
        baseline: &[],
        assumes: false,
    };
    let command = DescribedBuild {
        file: Some(tree(commit).join("Dockerfile")),
        text: None,
        context: Some(tree(commit).to_str().unwrap().into()),
        options,
        revision: None,
    };
    let builder = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        ..Platform::default()
    };
    history
        .runtime
        .block_on(command.load(lookup, &builder))
        .unwrap()
}

fn explained(history: &History, place: usize, with_log: bool) -> Explanation {
    let described = described(history, place);
    let mut documents: Vec<EvidenceDocument> = described
        .builds
        .into_iter()
        .map(|build| EvidenceDocument::Definition(Box::new(build)))
        .collect();
    if with_log {
        let log = format!("logs/{}.rawjson", history.commits[place].name);
        documents.push(history.document(&log));
    }
    let before = &history.commits[place - 1].name;
    let entry = history
        .inventory
        .refs
        .iter()
        .find(|entry| entry.name == *before)
        .unwrap();
    let imported = [Imported {
        reader: &history.reader,
        inventory: &history.inventory,
        entry,
    }];
    let given = GivenEvidence {
        not_imported: None,
        documents,
        directories: described.directories,
        ..GivenEvidence::default()
    };
    history.runtime.block_on(explain(&imported, given)).unwrap()
}

#[test]
fn a_dockerfile_gives_the_same_operations_as_provenance() {
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        for place in 0..history.commits.len() {
            let expected = provenance(&history, place);
            let mut described = described(&history, place);
            let found = described.builds.pop().unwrap();
            let shape = |build: &Build| -> Vec<String> {
                let step = |step: &cachelens::format::provenance::Step| {
                    let source = match &step.op.kind {
                        OpKind::Source(source) => source.identifier.clone(),
                        _ => String::new(),
                    };
                    let lines: Vec<_> = step
                        .locations
                        .iter()
                        .map(|at| (at.first_line, at.last_line))
                        .collect();
                    let key = cachelens::explain::keys::preimage(build, step);
                    format!("{} {:?} {lines:?} {source} {key:?}", step.id, step.inputs)
                };
                build.steps.iter().map(step).collect()
            };
            let commit = &history.commits[place].name;
            pretty_equal(
                &format!("{set} {commit}"),
                &shape(&expected),
                &shape(&found),
            );
        }
    }
}

fn pretty_equal(what: &str, expected: &[String], found: &[String]) {
    for (expected, found) in expected.iter().zip(found) {
        assert_eq!(expected, found, "{what}");
    }
    assert_eq!(expected.len(), found.len(), "{what}");
}

#[test]
fn from_a_dockerfile_no_verdict_is_wrong_and_the_keys_are_those_of_provenance() {
    let mut figures = Vec::new();
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        let given = Evidence {
            context: true,
            baseline: false,
            log: false,
        };
        let from_provenance = judge_each(&history, |place| history.explain(place, given));
        let (wrong, unknown, judged) = judge_each(&history, |place| {
            let found = explained(&history, place, false);
            let expected = history.explain(place, given);
            let commit = &history.commits[place].name;
            for (at, (found, expected)) in found.keys.iter().zip(&expected.keys).enumerate() {
                // An image has a second key, which provenance does not always contain.
                let same = found.digests.starts_with(&expected.digests);
                assert!(same, "{set} {commit} step {at}");
                for (found, expected) in found.inputs.iter().zip(&expected.inputs) {
                    assert_eq!(
                        found.selector, expected.selector,
                        "{set} {commit} step {at}"
                    );
                }
            }
            found
        });
        let known = from_provenance.1;
        figures.push(format!(
            "{set}: {wrong} / {unknown} / {judged}, with provenance {known}"
        ));
    }
    // The response to the kitchen's URL is in provenance, and not in a Dockerfile.
    let expected = [
        "shop: 0 / 20 / 210, with provenance 20",
        "kitchen: 0 / 120 / 221, with provenance 32",
    ];
    assert_eq!(figures, expected);
}

#[test]
fn with_the_log_of_the_build_every_verdict_from_a_dockerfile_is_right() {
    for (set, expected) in [("shop", (0, 0, 210)), ("kitchen", (0, 0, 221))] {
        let history = History::of(set, Store::Local);
        let judged = judge_each(&history, |place| {
            let found = explained(&history, place, true);
            let steps = found.build.steps.iter().zip(&found.busy);
            for (step, busy) in steps.filter(|(step, _)| matches!(step.op.kind, OpKind::File(_))) {
                let commit = &history.commits[place].name;
                assert!(busy.is_some(), "{set} {commit}: {:?}", step.vertex_name);
            }
            found
        });
        assert_eq!(judged, expected, "{set}");
    }
}

#[test]
fn the_program_explains_a_build_from_its_dockerfile() {
    let history = History::of("shop", Store::Local);
    let layout = history.fixture.layout("local.json");
    let sandbox = Sandbox::new();
    let (reference, digest) = base_image(&provenance(&history, 1));
    let image = image_file(&history.fixture, digest, layout.path());
    let tree = history.trees.path().join("tree/c02");
    let cache = format!("{}#c01", layout.path().display());
    let (file, context) = (tree.join("Dockerfile"), tree.display().to_string());
    let image = format!("{reference}={}", image.display());
    let file = file.display().to_string();
    let arguments = [
        "why",
        &cache,
        "-f",
        &file,
        "--context",
        &context,
        "--image",
        &image,
        "--json",
    ];
    let run = sandbox.run(&arguments);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        document["build"],
        serde_json::json!([file, context]),
        "{}",
        run.stderr
    );
    assert_eq!(document["summary"]["unknown"], 0, "{document:#}");
    assert!(
        document["summary"]["hit"].as_u64().unwrap() > 3,
        "{document:#}"
    );

    let run = sandbox.run(format!(
        "why {cache} -f {file} --context {context} --offline"
    ));
    assert!(
        run.stdout.contains("--image 127.0.0.1:5055/base=EVIDENCE"),
        "{}{}",
        run.stdout,
        run.stderr
    );

    let broken = layout.path().join("Broken");
    std::fs::write(&broken, "FROM scratch\nRNU x\n").unwrap();
    let broken = broken.display().to_string();
    let run = sandbox.run(format!("why {cache} -f '{broken}'"));
    assert!(
        run.stderr
            .contains("Broken:2: dockerfile parse error on line 2: unknown instruction: RNU"),
        "{}",
        run.stderr
    );
    for command in ["ls", "show", "check"] {
        let run = sandbox.run(format!("{command} {cache} --no-cache"));
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("--no-disk-cache"), "{run}");
    }
}

fn run(program: &str, arguments: &[&str], folder: &std::path::Path) {
    let run = std::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output();
    let run = run.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(
        run.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn a_git_revision_shows_changes_of_the_dockerfile() {
    let history = History::of("shop", Store::Local);
    let place = (1..history.commits.len())
        .find(|place| {
            history.commits[*place]
                .root_causes
                .iter()
                .any(|root| root.kind == "command")
        })
        .unwrap();
    let (before, now) = (
        &history.commits[place - 1].name,
        &history.commits[place].name,
    );
    let tree = |name: &str| history.trees.path().join("tree").join(name);
    let work = tempfile::tempdir().unwrap();
    run(
        "cp",
        &["-a", &format!("{}/.", tree(before).display()), "."],
        work.path(),
    );
    run("git", &["init", "-q"], work.path());
    run("git", &["add", "-A"], work.path());
    let author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    run(
        "git",
        &[&author[..], &["commit", "-q", "-m", "before"]].concat(),
        work.path(),
    );
    run(
        "cp",
        &["-a", &format!("{}/.", tree(now).display()), "."],
        work.path(),
    );

    let layout = history.fixture.layout("local.json");
    let (reference, digest) = base_image(&provenance(&history, place));
    let image = image_file(&history.fixture, digest, layout.path());
    let cache = format!("{}#{before}", layout.path().display());
    let image = format!("{reference}={}", image.display());
    let context = work.path().display().to_string();
    let arguments = [
        "why",
        &cache,
        "--context",
        &context,
        "--image",
        &image,
        "--baseline",
        "git:HEAD",
        "--json",
    ];
    let found = Sandbox::new().run(&arguments);
    let document: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    let kinds: Vec<&str> = document["root_causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|root| root["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"command"), "{document:#}{}", found.stderr);
}
