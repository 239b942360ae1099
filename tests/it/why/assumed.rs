//! What a Dockerfile alone leaves open: images, versions of the frontend, and caches of other
//! builds.

use std::fs;

use cachelens::explain::load::images::PinnedImage;
use serde_json::{Value, json};

use super::from_dockerfile::{base_image, provenance};
use super::histories::{History, Store, home};
use crate::support::command::Sandbox;

fn notes(document: &Value) -> Vec<&str> {
    let notes = document["notes"].as_array().unwrap();
    notes.iter().filter_map(Value::as_str).collect()
}

/// Explains a Dockerfile on `alpine:3` by the cache of `shop`.
fn on_alpine(sandbox: &Sandbox, dockerfile: &str) -> Value {
    fs::write(sandbox.path("Dockerfile"), dockerfile).unwrap();
    let image = json!({
        "digest": format!("sha256:{}", "a".repeat(64)),
        "config": {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", "b".repeat(64))] },
            "config": { "Env": ["PATH=/bin"] },
        },
    });
    fs::write(sandbox.path("image.json"), image.to_string()).unwrap();
    sandbox.json("why ./cache#c08 -f Dockerfile --offline --image alpine:3=image.json --json")
}

#[test]
fn a_cache_without_keys_of_the_build_lists_possible_reasons() {
    let (sandbox, _) = home("shop");
    let document = on_alpine(&sandbox, "FROM alpine:3\nRUN make\n");
    let notes = notes(&document);
    let possible: Vec<&&str> = notes
        .iter()
        .filter(|note| note.starts_with("possible: "))
        .collect();
    assert_eq!(possible.len(), 4, "{notes:#?}");
    for (note, words) in possible.iter().zip([
        [
            "another digest of alpine:3",
            "docker buildx imagetools inspect",
        ],
        ["another version of the Dockerfile frontend", "# syntax="],
        ["other options of the build", "cachelens why -- "],
        ["another repository", "cachelens show REF"],
    ]) {
        assert!(words.iter().all(|word| note.contains(word)), "{note}");
    }
    // A cache with keys of the build says more than that.
    let known = sandbox.json("why ./cache#c08 --build provenance/c09.json --json");
    let known = known["notes"].to_string();
    assert!(!known.contains("possible: "), "{known}");
}

#[test]
fn steps_that_differ_between_frontend_versions_are_undecided() {
    let (sandbox, _) = home("shop");
    fs::write(sandbox.path("a"), "").unwrap();
    let file = |version: &str| {
        format!(
            "# syntax=docker/dockerfile:{version}\nFROM alpine:3\nWORKDIR /w\nRUN --mount=target=/c cp /c/a .\nCOPY a .\n"
        )
    };
    let copy = |document: &Value| {
        let steps = document["steps"].as_array().unwrap();
        let copy = steps.iter().find(|step| step["location"]["line"] == 5);
        copy.unwrap()["keys"].as_array().unwrap().len()
    };
    let old = on_alpine(&sandbox, &file("1.8"));
    assert_eq!(copy(&old), 0, "{old:#}");
    let note = notes(&old).into_iter().find(|note| note.contains("1.8"));
    insta::assert_snapshot!(note.unwrap_or_default(), @"line 5: docker/dockerfile:1.8 builds this differently from the newest version (a destination of `.` is the directory `./` again, since 1.9, moby/buildkit@c60528948), so its key is not known; add provenance of the build");
    assert_eq!(copy(&on_alpine(&sandbox, &file("1.9"))), 1);
    assert_eq!(copy(&on_alpine(&sandbox, &file("1"))), 1);
}

#[test]
fn the_images_of_a_baseline_are_known_by_their_digests() {
    let history = History::of("shop", Store::Local);
    let (reference, digest) = base_image(&provenance(&history, 7));
    let images = PinnedImage::of_documents(&[history.document("provenance/c08.json")]);
    let [image] = images.as_slice() else {
        panic!("{images:?}");
    };
    assert_eq!((&image.name, image.digest), (&reference, digest));
    // Two builds with two digests settle nothing.
    let moved = ["provenance/c08.json", "provenance/c10.json"].map(|path| history.document(path));
    assert!(PinnedImage::of_documents(&moved).is_empty());

    let (sandbox, _) = home("shop");
    let run = sandbox.run("why ./cache#c07 -f tree/c08/Dockerfile --context tree/c08 --baseline provenance/c07.json --offline");
    let reason = "the evidence has its digest and not its configuration";
    assert!(run.stdout.contains(reason), "{run}");
}
