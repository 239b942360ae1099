//! Lists: columns, order, filters, formats, and the two lists of a store's content.

use serde_json::Value;

use super::ageless;
use crate::support::command::{CommandLine, Sandbox};

fn digests(sandbox: &Sandbox, arguments: impl CommandLine) -> Vec<String> {
    let document = sandbox.json(arguments);
    let blobs = document["sources"][0]["blobs"].as_array().unwrap().clone();
    let digest = |blob: &Value| blob["digest"].as_str().unwrap().to_owned();
    blobs.iter().map(digest).collect()
}

#[test]
fn ls_sorts_cuts_and_chooses_columns() {
    let sandbox = Sandbox::new();
    let arguments = [
        "ls",
        "demo",
        "--sort",
        "size",
        "--limit",
        "3",
        "--columns",
        "ref,size",
    ];
    insta::assert_snapshot!(sandbox.run(&arguments).stdout, @r"
    REF               SIZE
    web-amd64-386  522 KiB
    pr-14          237 KiB
    main           237 KiB
    ");
    let arguments = [
        "ls",
        "demo",
        "--sort",
        "ref",
        "--reverse",
        "--columns",
        "ref",
        "--no-headers",
    ];
    insta::assert_snapshot!(sandbox.run(&arguments).stdout, @r"
    web-amd64-386
    release-1.1
    release-1.0
    pr-9
    pr-5
    pr-3
    pr-18
    pr-14
    main
    ");
    let arguments = [
        "ls",
        "demo",
        "--format",
        "csv",
        "--columns",
        "ref,size,kind",
        "--filter",
        "pr-1*",
    ];
    insta::assert_snapshot!(sandbox.run(&arguments).stdout, @r"
    ref,size,kind
    pr-18,242681,cache
    pr-14,242756,cache
    ");
    let json = sandbox.json("ls demo --sort exclusive --limit 1 --json");
    assert_eq!(json["sources"][0]["refs"].as_array().unwrap().len(), 1);
    assert_eq!(json["sources"][0]["refs"][0]["name"], "web-amd64-386");
}

#[test]
fn an_unknown_column_suggests_the_nearest_before_anything_is_read() {
    let run = Sandbox::new().run("ls ./nowhere --sort sizes");
    insta::assert_snapshot!(ageless(&run), @r"
    error: there is no column `sizes`
      hint: did you mean `size`? the columns are ref, kind, age, size, exclusive, layers, results, keys-only, records, modified, used, platform, digest, state, trouble
    exit 2
    ");
}

#[test]
fn blobs_and_du_agree() {
    let sandbox = Sandbox::new();
    let arguments = ["blobs", "demo", "--filter", "state:missing"];
    insta::assert_snapshot!(ageless(&sandbox.run(&arguments)), @r"
    BLOB                                                                     ROLE   STATE        SIZE AGE  REFS
    sha256:c833a2d9395276490f8923723da0722b6e2de4296cbecf5cdde8effd734da48f  layer  missing  12.3 KiB –     1
    exit 0
    ");
    let du = sandbox.json("du demo --json");
    let blobs = sandbox.json("blobs demo --json");
    let blobs = blobs["sources"][0]["blobs"].as_array().unwrap();
    for state in ["live", "orphan", "missing"] {
        let of_state = || blobs.iter().filter(|blob| blob["state"] == state);
        let bytes: u64 = of_state().filter_map(|blob| blob["bytes"].as_u64()).sum();
        let totals = &du["sources"][0][state];
        assert_eq!(totals["blobs"], of_state().count(), "{state}");
        assert_eq!(totals["bytes"], bytes, "{state}");
    }
    let sizes: Vec<u64> = blobs
        .iter()
        .filter_map(|blob| blob["bytes"].as_u64())
        .collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "the largest come first");
    for blob in blobs {
        // A manifest declares the type of each reached blob.
        let is_reached = blob["refs"].as_u64().unwrap() > 0;
        assert_eq!(blob["media_type"].is_string(), is_reached, "{blob}");
    }
    let types: Vec<&str> = blobs
        .iter()
        .filter_map(|blob| blob["media_type"].as_str())
        .collect();
    assert!(types.contains(&"application/vnd.buildkit.cacheconfig.v0"));
    assert!(types.contains(&"application/vnd.oci.image.layer.v1.tar+gzip"));
}

#[test]
fn blobs_of_one_ref_are_those_it_reaches() {
    let sandbox = Sandbox::new();
    let of_ref = digests(&sandbox, "blobs demo#main --json --sort digest");
    let by_filter = [
        "blobs", "demo", "--filter", "ref:main", "--json", "--sort", "digest",
    ];
    assert_eq!(of_ref, digests(&sandbox, &by_filter));
    assert!(!of_ref.is_empty());
}

#[test]
fn files_finds_a_layer_by_its_digest_and_by_its_step() {
    let sandbox = Sandbox::new();
    let shown = sandbox.json("show demo#main --json");
    let record = shown["records"].as_array().unwrap().iter();
    let record = record
        .clone()
        .find(|record| record["layer"].is_u64())
        .unwrap()
        .clone();
    let place = usize::try_from(record["layer"].as_u64().unwrap()).unwrap();
    let layer = shown["layers"][place]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let by_digest = sandbox.json(format!("files demo {layer} --json"));
    assert_eq!(by_digest["layer"], layer.as_str());
    assert_eq!(by_digest["complete"], true);
    let files = by_digest["files"].as_array().unwrap();
    assert!(!files.is_empty());
    for field in [
        "path", "bytes", "mode", "uid", "gid", "modified", "link", "kind",
    ] {
        assert!(files[0].get(field).is_some(), "{field}");
    }
    let prefix = &layer["sha256:".len()..][..12];
    let key = record["digest"].as_str().unwrap();
    for wanted in [prefix, key] {
        let found = sandbox.json(format!("files demo#main '{wanted}' --json"));
        assert_eq!(found["layer"], layer.as_str(), "{wanted}");
        assert_eq!(found["files"], by_digest["files"], "{wanted}");
    }
    let absent = format!("sha256:{}", "0".repeat(64));
    let absent = sandbox.run(format!("files demo {absent}"));
    assert_eq!(absent.code, Some(1));
    assert!(
        absent.stderr.contains("demo holds no blob sha256:00"),
        "{absent}"
    );
    let none = sandbox.run("files demo#main 'no such step'");
    insta::assert_snapshot!(ageless(&none), @r"
    error: demo#main has no layer and no step `no such step`
      hint: `cachelens show demo#main` lists its steps and layers
    exit 1
    ");
}

#[test]
fn files_lists_a_layer_that_no_ref_reaches() {
    let sandbox = Sandbox::new();
    let orphans = digests(&sandbox, "blobs demo --filter state:orphan --json");
    let has_files = orphans.iter().any(|digest| {
        let run = sandbox.run(format!("files demo {digest} --json"));
        run.code == Some(0) && !run.json()["files"].as_array().unwrap().is_empty()
    });
    assert!(has_files, "{orphans:?}");
    // A manifest among them is not a layer, which is an error.
    let has_document = orphans.iter().any(|digest| {
        let run = sandbox.run(format!("files demo {digest}"));
        run.code == Some(1) && run.stderr.contains("no tar archive")
    });
    assert!(has_document, "{orphans:?}");
}

#[test]
fn files_filters_by_path() {
    let sandbox = Sandbox::new();
    let arguments = ["files", "demo#main", "--filter", "path~^srv kind:file"];
    let layers = sandbox.json("show demo#main --json");
    let mut matched = 0;
    for layer in layers["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap();
        let mut arguments: Vec<&str> = arguments.to_vec();
        arguments.insert(2, digest);
        arguments.push("--json");
        let found = sandbox.json(&arguments);
        for file in found["files"].as_array().unwrap() {
            assert!(file["path"].as_str().unwrap().starts_with("srv"), "{file}");
            assert_eq!(file["kind"], "file");
            matched += 1;
        }
    }
    assert!(matched > 0);
}

#[test]
fn version_prints_version_commit_and_platform() {
    let document = Sandbox::new().json("version --json");
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["command"], "version");
    assert!(document["sources"].as_array().unwrap().len() > 4);
}

#[test]
fn columns_answer_to_their_names_in_json() {
    let sandbox = Sandbox::new();
    let list = |arguments: &str| {
        let run = sandbox.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments}: {run}");
        run.stdout
    };
    let same = |own: &str, json: &str| list(own) == list(json);
    assert!(same(
        "ls demo --columns ref,size,platform --sort size",
        "ls demo --columns name,bytes,platforms --sort bytes",
    ));
    assert!(same(
        "blobs demo --columns digest,size,media-type",
        "blobs demo --columns digest,bytes,media_type",
    ));
    // A minute may end between two runs, which changes an age; not between each two of several.
    let ages = (
        "ls demo --columns ref,age",
        "ls demo --columns name,created",
    );
    assert!((0..5).any(|_| same(ages.0, ages.1)));

    let none = sandbox.run("ls demo --columns=");
    assert_eq!(none.code, Some(2), "{none}");
    assert!(
        none.stderr.contains("`--columns` names no column"),
        "{none}"
    );
    assert_eq!(list("ls demo --limit 0"), "");
}

#[test]
fn separated_values_of_files_are_those_of_json() {
    let sandbox = Sandbox::new();
    let shown = sandbox.json("show demo#main --json");
    let layers = shown["layers"].as_array().unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for layer in layers {
        let digest = layer["digest"].as_str().unwrap();
        let files = sandbox.json(format!("files demo {digest} --json"));
        let run = sandbox.run(format!(
            "files demo {digest} --format csv --columns mode,size --no-headers"
        ));
        let rows = files["files"].as_array().unwrap().iter();
        let rows = rows.inspect(|file| {
            kinds.insert(file["kind"].as_str().unwrap().to_owned());
        });
        let expected: Vec<String> = rows
            .map(|file| format!("{},{}", file["mode"].as_str().unwrap(), file["bytes"]))
            .collect();
        assert_eq!(run.stdout.lines().collect::<Vec<_>>(), expected, "{run}");
    }
    assert!(
        kinds.contains("file") && kinds.contains("directory"),
        "{kinds:?}"
    );
}
