//! Signatures and other artifacts: they stay with their subjects and are deleted with them, and a
//! run does what its plan says.

use std::fs;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{document, prune};
use crate::support::command::{CommandLine, Sandbox};
use crate::support::made::MadeLayout;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const HOURS: u64 = 200;

fn described(media_type: &str, digest: Digest) -> Value {
    json!({"mediaType": media_type, "digest": digest, "size": 1})
}

/// Stores an image, and returns its manifest.
fn image(layout: &MadeLayout, name: &str) -> Digest {
    let config =
        json!({"architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}}});
    let config = layout.blob(config.to_string().as_bytes(), HOURS);
    let layer = layout.blob(format!("layer of {name}").as_bytes(), HOURS);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": described("application/vnd.oci.image.config.v1+json", config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    });
    layout.blob(manifest.to_string().as_bytes(), HOURS)
}

/// Stores a signature, and returns its manifest and its content.
pub(super) fn signature(layout: &MadeLayout, subject: Digest, words: &str) -> [Digest; 2] {
    let content = layout.blob(words.as_bytes(), HOURS);
    let empty = layout.blob(b"{}", HOURS);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "config": described("application/vnd.oci.empty.v1+json", empty),
        "layers": [described("application/vnd.dev.sigstore.bundle.v0.3+json", content)],
        "subject": described(MANIFEST, subject),
    });
    [layout.blob(manifest.to_string().as_bytes(), HOURS), content]
}

/// Adds an entry without a name to `index.json`.
fn list(layout: &MadeLayout, digest: Digest) {
    let path = layout.path().join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.push(described(MANIFEST, digest));
    fs::write(path, index.to_string()).unwrap();
}

fn names<'a>(plan: &'a Value, list: &str, kind: &str) -> Vec<&'a str> {
    plan["plan"][list]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["kind"] == kind)
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

/// Executes a plan and compares it with the result.
fn carry_out(sandbox: &Sandbox, layout: &MadeLayout, arguments: &str) -> Value {
    let plan = document(sandbox, layout, arguments);
    let run = document(sandbox, layout, "--yes".after(arguments));
    assert_eq!(run["outcome"]["skipped"], 0, "{run}");
    assert_eq!(run["outcome"]["failed"], 0, "{run}");
    let planned = plan["plan"]["delete"].as_array().unwrap().len();
    assert_eq!(run["outcome"]["done"], planned, "{run}");
    plan
}

#[test]
fn a_tagged_signature_of_a_kept_ref_is_kept() {
    let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
    let (kept, gone) = (image(&layout, "kept"), image(&layout, "gone"));
    layout.tag("v2", kept);
    layout.tag("pr-1", gone);
    let [of_kept, _] = signature(&layout, kept, "of kept");
    let [of_gone, _] = signature(&layout, gone, "of gone");
    layout.tag("pr-kept.sig", of_kept);
    layout.tag("pr-gone.sig", of_gone);
    let plan = carry_out(&sandbox, &layout, "--drop-ref pr-*");
    assert_eq!(names(&plan, "delete", "ref"), ["pr-1", "pr-gone.sig"]);
    let refs: Vec<String> = layout.refs().into_keys().collect();
    assert_eq!(refs, ["pr-kept.sig", "v2"]);
    let listed = sandbox.run(format!("ls {} --json", layout.source()));
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let refs = listed["sources"][0]["refs"].as_array().unwrap();
    let kind = |name: &str| {
        let entry = refs.iter().find(|entry| entry["name"] == name).unwrap();
        entry["kind"].clone()
    };
    assert_eq!(
        (kind("pr-kept.sig"), kind("v2")),
        ("signature".into(), "image".into())
    );
}

#[test]
fn untagged_signatures_are_found_among_a_thousand_blobs() {
    let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
    let kept = image(&layout, "kept");
    layout.tag("v1", kept);
    for number in 0..1_000 {
        layout.blob(format!("waste {number}").as_bytes(), HOURS);
    }
    // Wherever their digests are in the order of the blobs.
    let signatures: Vec<Digest> = (0..20)
        .flat_map(|number| signature(&layout, kept, &format!("of kept {number}")))
        .collect();
    let plan = carry_out(&sandbox, &layout, "");
    assert_eq!(names(&plan, "delete", "blob").len(), 1_000);
    for digest in signatures {
        let file = layout.path().join("blobs/sha256").join(digest.hex());
        assert!(file.exists(), "{digest}");
    }
}

#[test]
fn tags_of_cosign_belong_to_their_image() {
    let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
    let (kept, gone) = (image(&layout, "kept"), image(&layout, "gone"));
    layout.tag("v2", kept);
    layout.tag("v1", gone);
    for (of, name) in [(kept, "kept"), (gone, "gone")] {
        for ending in ["sig", "att", "sbom"] {
            let content = image(&layout, &format!("{ending} of {name}"));
            layout.tag(&format!("sha256-{}.{ending}", of.hex()), content);
        }
        let [referrer, _] = signature(&layout, of, name);
        let fallback = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [described(MANIFEST, referrer)],
        });
        let fallback = layout.blob(fallback.to_string().as_bytes(), HOURS);
        layout.tag(&format!("sha256-{}", of.hex()), fallback);
    }
    let plan = carry_out(&sandbox, &layout, "--drop-ref v1");
    let mut expected: Vec<String> = ["", ".att", ".sbom", ".sig"]
        .iter()
        .map(|ending| format!("sha256-{}{ending}", gone.hex()))
        .collect();
    expected.push("v1".to_owned());
    assert_eq!(names(&plan, "delete", "ref"), expected);
    assert_eq!(layout.refs().len(), 5);
    assert!(layout.refs().into_values().all(|whole| whole));
}

#[test]
fn an_untagged_signature_follows_a_child_of_an_index() {
    let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
    for name in ["v1", "v2"] {
        let child = image(&layout, name);
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [described(MANIFEST, child)],
        });
        layout.tag(name, layout.blob(index.to_string().as_bytes(), HOURS));
        let [of_child, _] = signature(&layout, child, &format!("of the child of {name}"));
        list(&layout, of_child);
        let [of_it, _] = signature(&layout, of_child, &format!("of the signature of {name}"));
        list(&layout, of_it);
    }
    let confirm = layout.source();
    let arguments = format!("--drop-ref v1 --now --confirm {confirm}");
    let plan = carry_out(&sandbox, &layout, &arguments);
    assert_eq!(names(&plan, "delete", "ref").len(), 3, "{plan}");
    let index = fs::read_to_string(layout.path().join("index.json")).unwrap();
    assert_eq!(index.matches("\"digest\"").count(), 3, "{index}");
    let run = prune(&sandbox, &layout, "--orphans-only --yes");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(layout.refs().into_values().all(|whole| whole));
}

/// A signature that no entry of the index lists is deleted with its subject, in the same run if
/// that deletes the subject's blobs, and keeps none of them.
#[test]
fn an_untagged_signature_is_deleted_with_its_subject() {
    for now in [false, true] {
        let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
        layout.tag("main", image(&layout, "main"));
        let old = image(&layout, "old");
        layout.tag("old", old);
        let parts = signature(&layout, old, "of old");
        let confirm = layout.source();
        if now {
            let arguments = format!("--drop-ref old --now --confirm {confirm}");
            carry_out(&sandbox, &layout, &arguments);
        } else {
            let plan = carry_out(&sandbox, &layout, "--drop-ref old");
            assert_eq!(plan["plan"]["frees_objects"], 0, "{plan}");
            assert!(parts.iter().all(|part| layout.stored().contains(part)));
            // The grace period after the ref's deletion has passed.
            let run = prune(
                &sandbox,
                &layout,
                &["--orphans-only", "--grace", "0s", "--yes"],
            );
            assert_eq!(run.code, Some(0), "{run}");
        }
        let stored = layout.stored();
        assert!(!stored.contains(&old), "now: {now}");
        assert!(
            !stored.contains(&parts[0]) && !stored.contains(&parts[1]),
            "now: {now}"
        );
        assert!(layout.refs().into_values().all(|whole| whole));
    }
}

/// JSON of an unknown shape may reference anything.
#[test]
fn json_of_an_unknown_shape_stops_the_sweep() {
    for odd in [
        r#"{"layers":{"a":"b"}}"#,
        r#"{"config":"x","layers":[]}"#,
        r#"{"layers":[{"size":"1"}],"config":{}}"#,
        r#"["a list"]"#,
        r#""a string""#,
    ] {
        for media_type in ["application/vnd.x.artifact+json", ""] {
            let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
            layout.tag("main", image(&layout, "main"));
            let orphan = layout.blob(b"orphan", HOURS);
            let digest = layout.blob(odd.as_bytes(), HOURS);
            let index = json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [described(media_type, digest)],
            });
            layout.tag("odd", layout.blob(index.to_string().as_bytes(), HOURS));
            let run = prune(&sandbox, &layout, "--orphans-only --yes");
            assert_eq!(run.code, Some(4), "{odd}: {run}");
            assert!(layout.stored().contains(&orphan), "{odd}");
        }
    }
}

#[test]
fn an_index_without_its_list_is_no_empty_one() {
    for index in [
        r#"{"schemaVersion":2}"#,
        r#"{"schemaVersion":2,"manifests":null}"#,
    ] {
        let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
        let orphan = layout.blob(b"orphan", HOURS);
        fs::write(layout.path().join("index.json"), index).unwrap();
        let run = prune(&sandbox, &layout, "--orphans-only --yes");
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("manifests"), "{run}");
        assert!(layout.stored().contains(&orphan));
    }
}
