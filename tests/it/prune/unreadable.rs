//! Refs and manifests that cannot be read stop the deletion of what they may reference.

use cachelens::format::digest::Digest;
use serde_json::json;

use super::{Sample, prune};
use crate::support::command::Sandbox;
use crate::support::made::{MadeLayout, blob_path};

#[test]
fn a_ref_that_cannot_be_read_stops_the_deletion_of_blobs() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    sample
        .layout
        .tag("odd", sample.layout.blob(b"{ no manifest", 96));
    let stored = sample.layout.stored();
    let run = prune(&sandbox, &sample.layout, "--grace 0s --yes");
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(
        run.stderr
            .contains("`odd` cannot be read, and may reference any blob"),
        "{}",
        run.stderr
    );
    assert_eq!(sample.layout.stored(), stored);
}

#[test]
fn a_manifest_that_is_not_stored_stops_the_deletion_of_blobs() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    // As in a copy of the cache that has only reached the index.
    let manifest = sample.layout.cache(&[sample.shared, sample.orphan], 96);
    sample.layout.tag("copied", manifest);
    let away = sandbox.path("manifest");
    std::fs::rename(blob_path(sample.layout.path(), &manifest), &away).unwrap();
    let stored = sample.layout.stored();
    for now in [
        &["--grace", "0s", "--yes"][..],
        &[
            "--grace",
            "0s",
            "--yes",
            "--no-trash",
            "--i-am-the-only-writer",
        ],
    ] {
        let run = prune(&sandbox, &sample.layout, now);
        assert_eq!(run.code, Some(4), "{run:?}");
        assert!(
            run.stderr
                .contains("`copied` has a manifest that is not stored, and may reference any blob"),
            "{}",
            run.stderr
        );
        assert_eq!(sample.layout.stored(), stored);
    }
    std::fs::rename(&away, blob_path(sample.layout.path(), &manifest)).unwrap();
    assert!(sample.layout.refs().into_values().all(|whole| whole));
}

#[test]
fn many_refs_with_the_same_fault_have_one_warning() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let warnings = || {
        let run = prune(&sandbox, &sample.layout, "--dry-run");
        let lines = run.stderr.lines().map(str::to_owned);
        let lines: Vec<String> = lines.filter(|line| line.contains("any blob")).collect();
        let [warning] = &lines[..] else {
            panic!("{run:?}");
        };
        warning.clone()
    };
    let mut broken = (0..).map(|number| {
        let odd = sample.layout.blob(format!("{{ {number}").as_bytes(), 96);
        sample.layout.tag(&format!("odd-{number}"), odd);
    });
    for (more, words) in [
        (2, "`odd-0` and `odd-1` cannot be read"),
        (1, "`odd-0`, `odd-1` and `odd-2` cannot be read"),
        (1, "`odd-0`, `odd-1`, `odd-2` and 1 more ref cannot be read"),
        (
            1,
            "`odd-0`, `odd-1`, `odd-2` and 2 more refs cannot be read",
        ),
    ] {
        broken.by_ref().take(more).for_each(drop);
        let warning = warnings();
        assert!(warning.contains(words), "{warning}");
    }
}

#[test]
fn documents_of_unknown_form_stop_the_deletion_of_blobs() {
    let artifact = |orphan: &Digest| {
        format!(r#"{{"mediaType":"application/vnd.x.artifact+json","blobs":["{orphan}"]}}"#)
    };
    let index = |entry: String| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{entry}]}}"#
        )
    };
    for odd in ["artifact", "algorithm"] {
        let (sandbox, sample) = (Sandbox::new(), Sample::new());
        let entry = if odd == "artifact" {
            let digest = sample.layout.blob(artifact(&sample.orphan).as_bytes(), 96);
            format!(r#"{{"mediaType":"application/vnd.x.artifact+json","digest":"{digest}"}}"#)
        } else {
            format!(r#"{{"digest":"sha384:{}"}}"#, "ab".repeat(48))
        };
        sample
            .layout
            .tag("odd", sample.layout.blob(index(entry).as_bytes(), 96));
        let run = prune(&sandbox, &sample.layout, "--grace 0s --yes");
        assert_eq!(run.code, Some(4), "{odd}: {run:?}");
        assert!(sample.layout.stored().contains(&sample.orphan), "{odd}");
    }
    // The subject of an index stays with it.
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let subject = sample.layout.cache(&[sample.orphan], 96);
    let about = format!(
        r#"{{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"subject":{{"digest":"{subject}"}}}}"#
    );
    sample
        .layout
        .tag("about", sample.layout.blob(about.as_bytes(), 96));
    assert_eq!(
        prune(&sandbox, &sample.layout, "--grace 0s --yes").code,
        Some(0)
    );
    assert!(sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn referrers_of_kept_manifests_are_kept_with_their_blobs() {
    let layout = MadeLayout::new();
    let kept = layout.cache(&[layout.blob(b"layer", 96)], 96);
    layout.tag("main", kept);
    let orphan = layout.blob(b"orphan", 96);
    let refers_to = |subject: Digest, words: &[u8]| {
        let content = layout.blob(words, 96);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let described = |digest: Digest, size: usize| json!({ "mediaType": "text/plain", "digest": digest, "size": size });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "config": described(content, words.len()), "layers": [],
            "subject": { "mediaType": kind, "digest": subject, "size": 1 },
        });
        [content, layout.blob(manifest.to_string().as_bytes(), 96)]
    };
    let signature = refers_to(kept, b"a signature");
    let of_it = refers_to(signature[1], b"a signature of the signature");
    let of_nothing = refers_to(orphan, b"a signature of an orphan");
    let sandbox = Sandbox::new();
    let run = prune(&sandbox, &layout, "--orphans-only --yes");
    assert_eq!(run.code, Some(0), "{run}");
    let stored = layout.stored();
    assert!(
        signature
            .iter()
            .chain(&of_it)
            .all(|digest| stored.contains(digest)),
        "{run}"
    );
    assert!(
        !stored.contains(&orphan) && of_nothing.iter().all(|digest| !stored.contains(digest)),
        "{run}"
    );
}
