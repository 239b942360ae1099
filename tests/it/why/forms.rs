//! Evidence and caches in the forms that people have them.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::histories::home;
use super::situations;
use crate::support::command::Sandbox;
use crate::support::layout::{LayoutBuilder, digest_of};

/// Returns the path of a blob in a layout.
fn blob(digest: &Value) -> String {
    format!("blobs/{}", digest.as_str().unwrap().replace(':', "/"))
}

#[test]
fn logs_with_the_prefixes_of_ci_systems_give_the_same_verdicts() {
    let (sandbox, _) = home("mini");
    let plain = fs::read_to_string(sandbox.path("logs/c03.plain")).unwrap();
    let explained = |prefix: &str, end: &str| {
        let lines = plain.lines().map(|line| format!("{prefix}{line}{end}\n"));
        fs::write(sandbox.path("ci.log"), lines.collect::<String>()).unwrap();
        let document = sandbox.json(
            "why ./cache#c02 --build provenance/c03.json --build ci.log --context tree/c03 --json",
        );
        let steps = document["steps"].as_array().unwrap().iter();
        let of_log = steps.filter(|step| step["from_log"] == true);
        of_log
            .map(|step| (step["name"].clone(), step["verdict"].clone()))
            .collect::<Vec<_>>()
    };
    let expected = explained("", "");
    assert!(expected.len() > 2, "{expected:?}");
    for (prefix, end) in [
        ("2026-11-29T06:50:12.1234567Z ", ""),
        ("2026-11-29T06:50:12.123456Z 01O ", "\r"),
        ("[2026-11-29T06:50:12.123Z] ", ""),
        ("[ci/build]   | ", ""),
        ("\x1b_bk;t=1764399012000\x07", "\x1b[0m"),
    ] {
        assert_eq!(explained(prefix, end), expected, "{prefix:?}");
    }
}

#[test]
fn an_image_without_a_cache_is_named_as_the_reason() {
    let (sandbox, _) = home("mini");
    let mut layout = LayoutBuilder::new(sandbox.path("images"));
    let layer = layout.layer("app", 100);
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(&layer)]}});
    let config = layout.blob(
        "application/vnd.oci.image.config.v1+json",
        config.to_string(),
    );
    let manifest = layout.manifest(&config, &[layer]);
    layout.tag("app", &manifest);
    let command = "why ./images#app --build provenance/c03.json";
    let document = sandbox.json(format!("{command} --json"));
    assert_eq!(document["summary"]["hit"], 0, "{document}");
    let run = sandbox.run(&command.split(' ').collect::<Vec<_>>());
    let shown = format!("{}{}", run.stdout, run.stderr);
    assert!(
        shown.contains("is an image without a BuildKit cache"),
        "{shown}"
    );
    assert!(shown.contains("--cache-to"), "{shown}");
}

#[test]
fn entries_of_estargz_are_no_files_of_the_step() {
    let sandbox = Sandbox::new();
    situations::unpack(&sandbox);
    let cache = sandbox.path("own-ignore-file-and-a-change/cache");
    let read = |path: String| fs::read(cache.join(path)).unwrap();
    let json = |path: String| -> Value { serde_json::from_slice(&read(path)).unwrap() };
    let mut index = json("index.json".into());
    let mut manifest = json(blob(&index["manifests"][0]["digest"]));
    let layers = manifest["layers"].as_array().unwrap().clone();
    let has_source = |layer: &&Value| {
        let bytes = read(blob(&layer["digest"]));
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let mut entries = archive.entries().unwrap();
        entries.any(|entry| entry.unwrap().path().unwrap().ends_with("src/index.js"))
    };
    let layer = layers.iter().find(has_source).unwrap();
    // The same layer, with the table of contents and the landmark of the format.
    let mut plain = Vec::new();
    let bytes = read(blob(&layer["digest"]));
    std::io::copy(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain).unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    for name in [".no.prefetch.landmark", "stargz.index.json"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o444);
        archive.append_data(&mut header, name, &b"{}"[..]).unwrap();
    }
    let mut both = archive.into_inner().unwrap();
    // Without the two blocks that end the archive.
    both.truncate(both.len() - 1024);
    both.extend(plain);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&both).unwrap();
    let store = LayoutBuilder::new(sandbox.path("made"));
    let made = store.blob("", gzip.finish().unwrap());
    let old = layer["digest"].as_str().unwrap();
    let config = String::from_utf8(read(blob(&manifest["config"]["digest"]))).unwrap();
    let config = store.blob("", config.replace(old, digest_of(&made)));
    for of in manifest["layers"].as_array_mut().unwrap() {
        if of["digest"] == old {
            of["digest"] = made["digest"].clone();
            of["size"] = made["size"].clone();
        }
    }
    manifest["config"]["digest"] = config["digest"].clone();
    manifest["config"]["size"] = config["size"].clone();
    let manifest = store.blob("", manifest.to_string());
    index["manifests"][0]["digest"] = manifest["digest"].clone();
    index["manifests"][0]["size"] = manifest["size"].clone();
    for descriptor in [&made, &config, &manifest] {
        let path = blob(&descriptor["digest"]);
        fs::copy(sandbox.path("made").join(&path), cache.join(&path)).unwrap();
    }
    fs::write(cache.join("index.json"), index.to_string()).unwrap();
    let document = sandbox.json(
        "why ./own-ignore-file-and-a-change/cache --build own-ignore-file-and-a-change/after.json \
         --context own-ignore-file-and-a-change/context --json",
    );
    let causes = &document["root_causes"];
    assert_eq!(causes[0]["kind"], "content", "{document}");
    assert_eq!(causes[0]["paths"], json!(["src/index.js"]), "{causes}");
    assert_eq!(causes.as_array().unwrap().len(), 1, "{causes}");
}
