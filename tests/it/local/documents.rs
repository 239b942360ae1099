//! Manifests and configurations that cannot be read, or have impossible content.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::places::{make_device, make_fifo};
use super::{add_main, refs, usage};
use crate::support::command::Sandbox;
use crate::support::layout::{
    CONFIG, IMAGE, LAYER, LayoutBuilder, MANIFEST, annotated, chain, descriptor, with,
};

type Case<'a> = (&'a str, &'a dyn Fn(&mut LayoutBuilder));

/// Creates a layout with an orphan of 7 bytes for each of `cases`, and reports the state of the ref
/// and of the orphan.
fn report(cases: &[Case<'_>]) -> String {
    let mut report = String::new();
    for (name, build) in cases {
        let sandbox = Sandbox::new();
        let mut layout = sandbox.layout();
        layout.layer("orphan", 7);
        build(&mut layout);
        writeln!(report, "# {name}").unwrap();
        for row in refs(&sandbox) {
            let counts =
                ["records", "results", "key_only", "broken"].map(|field| row[field].to_string());
            let of = |field: &str| row[field].to_string();
            let (name, kind) = (row["name"].as_str().unwrap(), row["kind"].as_str().unwrap());
            let blobs = format!(
                "{} missing, {} resized",
                of("missing_blobs"),
                of("resized_blobs")
            );
            let (bytes, layers, counts) = (of("bytes"), of("layers"), counts.join("/"));
            writeln!(
                report,
                "{name} {kind}, {bytes} bytes, {layers} layers, {blobs}, records {counts}"
            )
            .unwrap();
            for fault in row["faults"].as_array().unwrap() {
                writeln!(report, "  {}", fault.as_str().unwrap()).unwrap();
            }
        }
        let usage = usage(&sandbox);
        writeln!(report, "  orphan {}", usage["orphan"]).unwrap();
        // The commands with text output report it as well, and do not fail.
        for command in ["ls", "du"] {
            assert_eq!(
                sandbox.run(format!("{command} ./cache")).code,
                Some(0),
                "{name}"
            );
        }
    }
    // Digests are long and not needed here.
    let digest = regex::Regex::new("sha256:([0-9a-f]{8})[0-9a-f]{56}").unwrap();
    digest.replace_all(&report, "sha256:$1…").into_owned()
}

/// Creates a complete, untagged manifest.
fn whole(layout: &LayoutBuilder) -> Value {
    layout.chain(&[layout.layer("base", 100), layout.layer("top", 50)])
}

#[test]
fn nothing_is_an_orphan_while_a_manifest_is_unreadable() {
    let replaced = |layout: &LayoutBuilder, manifest: &Value| {
        layout.lose(manifest);
        layout.blob_path(manifest)
    };
    let cases: &[Case<'_>] = &[
        ("other bytes than its digest says", &|layout| {
            let manifest = add_main(layout);
            fs::write(layout.blob_path(&manifest), "{}").unwrap();
        }),
        ("2 GB, and sparse", &|layout| {
            let manifest = add_main(layout);
            File::options()
                .write(true)
                .open(layout.blob_path(&manifest))
                .unwrap()
                .set_len(2_000_000_000)
                .unwrap();
        }),
        ("a pipe", &|layout| {
            let manifest = add_main(layout);
            make_fifo(&replaced(layout, &manifest));
        }),
        ("a folder", &|layout| {
            let manifest = add_main(layout);
            fs::create_dir(replaced(layout, &manifest)).unwrap();
        }),
        ("a link to a file that would do", &|layout| {
            let manifest = add_main(layout);
            let path = layout.blob_path(&manifest);
            fs::rename(&path, layout.path("elsewhere")).unwrap();
            symlink("../../elsewhere", path).unwrap();
        }),
        ("no JSON", &|layout| {
            layout.tag("main", &layout.blob(MANIFEST, "<html>"));
        }),
        ("empty", &|layout| {
            layout.tag("main", &layout.blob(MANIFEST, ""));
        }),
        ("neither manifest nor index", &|layout| {
            layout.tag("main", &layout.blob(MANIFEST, "{}"));
        }),
        ("both manifest and index", &|layout| {
            layout.tag(
                "main",
                &layout.blob(MANIFEST, r#"{"manifests":[],"layers":[]}"#),
            );
        }),
        ("a manifest of another kind", &|layout| {
            let kind = "application/vnd.oci.artifact.manifest.v1+json";
            layout.tag(
                "main",
                &layout.blob(kind, json!({"mediaType": kind, "blobs": []}).to_string()),
            );
        }),
        ("a size beyond 64 bits in it", &|layout| {
            layout.tag(
                "main",
                &layout.blob(MANIFEST, r#"{"layers":[{"size":9223372036854775808}]}"#),
            );
        }),
        ("of an algorithm that is not known", &|layout| {
            layout.tag(
                "main",
                &with(
                    &whole(layout),
                    "digest",
                    format!("sha384:{}", "ab".repeat(48)),
                ),
            );
        }),
        ("one of two in an index", &|layout| {
            let bad = layout.blob(MANIFEST, "");
            layout.tag("main", &layout.index(&[whole(layout), bad]));
        }),
    ];
    insta::assert_snapshot!(report(cases), @r#"
    # other bytes than its digest says
    main unknown, null bytes, null layers, 0 missing, 1 resized, records null/null/null/null
      sha256:a229ff98…: the manifest cannot be read: its bytes hash to sha256:44136fa3…
      orphan null
    # 2 GB, and sparse
    main unknown, null bytes, null layers, 0 missing, 1 resized, records null/null/null/null
      sha256:a229ff98…: the manifest cannot be read: 2000000000 bytes, more than the limit of 16777216
      orphan null
    # a pipe
    main unknown, null bytes, null layers, 1 missing, 0 resized, records null/null/null/null
      sha256:a229ff98…: the manifest cannot be read: not a plain file
      orphan null
    # a folder
    main unknown, null bytes, null layers, 1 missing, 0 resized, records null/null/null/null
      sha256:a229ff98…: the manifest cannot be read: not a plain file
      orphan null
    # a link to a file that would do
    main unknown, null bytes, null layers, 1 missing, 0 resized, records null/null/null/null
      sha256:a229ff98…: the manifest cannot be read: not a plain file
      orphan null
    # no JSON
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      sha256:b7d082ee…: the manifest cannot be read: not a manifest: expected value at line 1 column 1
      orphan null
    # empty
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      sha256:e3b0c442…: the manifest cannot be read: not a manifest: EOF while parsing a value at line 1 column 0
      orphan null
    # neither manifest nor index
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      sha256:44136fa3…: the manifest cannot be read: neither a manifest nor an index (media type ``)
      orphan null
    # both manifest and index
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      sha256:41593c9e…: the manifest cannot be read: a manifest that is also an index
      orphan null
    # a manifest of another kind
    main unknown, 72 bytes, 0 layers, 0 missing, 0 resized, records null/null/null/null
      orphan {"blobs":1,"bytes":7}
    # a size beyond 64 bits in it
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      sha256:04bfe3e0…: the manifest cannot be read: not a manifest: invalid value: integer `9223372036854775808`, expected i64 at line 1 column 38
      orphan null
    # of an algorithm that is not known
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha384:ababababababababababababababababababababababababababababababababababababa…`: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # one of two in an index
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      sha256:e3b0c442…: the manifest cannot be read: not a manifest: EOF while parsing a value at line 1 column 0
      sha256:3bb43359…: BuildKit refuses the cache config, and builds as if it were empty: the ref is an index of cache manifests, from which BuildKit imports nothing
      orphan null
    "#);
}

#[test]
fn a_device_instead_of_a_manifest_is_not_read() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let manifest = add_main(&mut layout);
    layout.lose(&manifest);
    if !make_device(&layout.blob_path(&manifest)) {
        symlink("/dev/null", layout.blob_path(&manifest)).unwrap();
    }
    assert!(super::faults(&sandbox)[0].ends_with("the manifest cannot be read: not a plain file"));
    let usage = usage(&sandbox);
    assert_eq!(
        (&usage["orphan"], &usage["unknown"]["objects"]),
        (&Value::Null, &json!(1))
    );
}

#[test]
fn a_name_that_is_no_digest_opens_nothing() {
    let upper = format!("sha256:{}", "AB".repeat(32));
    let long = format!("sha256:{}", "ab".repeat(33));
    let names = [
        "",
        "sha256:../../../../etc/passwd",
        "../../etc/passwd",
        &upper,
        &long,
        "a\u{1b}[2J\u{202e}b\n",
    ];
    let mut told = String::new();
    for name in names {
        for role in ["manifest", "config", "layer"] {
            let build = |layout: &mut LayoutBuilder| {
                let entry = match role {
                    "manifest" => with(&whole(layout), "digest", name),
                    "config" => {
                        layout.manifest(&with(&layout.blob(CONFIG, "{}"), "digest", name), &[])
                    }
                    _ => layout.chain(&[
                        layout.layer("base", 100),
                        with(&layout.layer("top", 50), "digest", name),
                    ]),
                };
                layout.tag("main", &entry);
            };
            told += &report(&[(&format!("{name:?} as {role}"), &build)]);
        }
    }
    insta::assert_snapshot!(told, @r#"
    # "" as manifest
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      ``: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # "" as config
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      ``: the manifest cannot be read: the name of its config is not a digest of a known algorithm
      orphan null
    # "" as layer
    main cache, null bytes, null layers, 0 missing, 0 resized, records 3/1/2/0
      ``: is no digest: nothing can be stored by that name
      orphan null
    # "sha256:../../../../etc/passwd" as manifest
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha256:../../../../etc/passwd`: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # "sha256:../../../../etc/passwd" as config
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha256:../../../../etc/passwd`: the manifest cannot be read: the name of its config is not a digest of a known algorithm
      orphan null
    # "sha256:../../../../etc/passwd" as layer
    main cache, null bytes, null layers, 0 missing, 0 resized, records 3/1/2/0
      `sha256:../../../../etc/passwd`: is no digest: nothing can be stored by that name
      orphan null
    # "../../etc/passwd" as manifest
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `../../etc/passwd`: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # "../../etc/passwd" as config
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `../../etc/passwd`: the manifest cannot be read: the name of its config is not a digest of a known algorithm
      orphan null
    # "../../etc/passwd" as layer
    main cache, null bytes, null layers, 0 missing, 0 resized, records 3/1/2/0
      `../../etc/passwd`: is no digest: nothing can be stored by that name
      orphan null
    # "sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB" as manifest
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB`: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # "sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB" as config
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB`: the manifest cannot be read: the name of its config is not a digest of a known algorithm
      orphan null
    # "sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB" as layer
    main cache, null bytes, null layers, 0 missing, 0 resized, records 3/1/2/0
      `sha256:ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB`: is no digest: nothing can be stored by that name
      orphan null
    # "sha256:abababab…ab" as manifest
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha256:abababab…ab`: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # "sha256:abababab…ab" as config
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `sha256:abababab…ab`: the manifest cannot be read: the name of its config is not a digest of a known algorithm
      orphan null
    # "sha256:abababab…ab" as layer
    main cache, null bytes, null layers, 0 missing, 0 resized, records 3/1/2/0
      `sha256:abababab…ab`: is no digest: nothing can be stored by that name
      orphan null
    # "a\u{1b}[2J\u{202e}b\n" as manifest
    main unknown, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `a␛[2J<U+202E>b␊`: the manifest cannot be read: its name is not a digest of a known algorithm
      orphan null
    # "a\u{1b}[2J\u{202e}b\n" as config
    main cache, null bytes, null layers, 0 missing, 0 resized, records null/null/null/null
      `a␛[2J<U+202E>b␊`: the manifest cannot be read: the name of its config is not a digest of a known algorithm
      orphan null
    # "a\u{1b}[2J\u{202e}b\n" as layer
    main cache, null bytes, null layers, 0 missing, 0 resized, records 3/1/2/0
      `a␛[2J<U+202E>b␊`: is no digest: nothing can be stored by that name
      orphan null
    "#);
}

#[test]
fn missing_blobs_are_listed_and_the_rest_is_counted() {
    let cases: &[Case<'_>] = &[
        ("the manifest", &|layout| {
            layout.tag("main", &descriptor(MANIFEST, b"nothing"));
        }),
        ("one of two manifests in an index", &|layout| {
            let index = layout.index(&[whole(layout), descriptor(MANIFEST, b"nothing")]);
            layout.tag("main", &index);
        }),
        ("the config", &|layout| {
            let layers = [layout.layer("base", 100)];
            layout.tag(
                "main",
                &layout.manifest(&descriptor(CONFIG, b"{}"), &layers),
            );
        }),
        ("the config of one of two caches", &|layout| {
            let gone = layout.manifest(&descriptor(CONFIG, b"{}"), &[]);
            layout.tag("main", &layout.index(&[whole(layout), gone]));
        }),
        ("the config of an image", &|layout| {
            let layers = [layout.layer("base", 100)];
            layout.tag("main", &layout.manifest(&descriptor(IMAGE, b"{}"), &layers));
        }),
        ("the bottom layer", &|layout| {
            let base = layout.layer("base", 100);
            layout.tag(
                "main",
                &layout.chain(&[base.clone(), layout.layer("top", 50)]),
            );
            layout.lose(&base);
        }),
        ("the top layer", &|layout| {
            let top = layout.layer("top", 50);
            layout.tag(
                "main",
                &layout.chain(&[layout.layer("base", 100), top.clone()]),
            );
            layout.lose(&top);
        }),
        ("a layer of another size is no better", &|layout| {
            let base = layout.layer("base", 100);
            layout.tag(
                "main",
                &layout.chain(&[base.clone(), layout.layer("top", 50)]),
            );
            fs::write(layout.blob_path(&base), "short").unwrap();
        }),
        ("a layer named with another size", &|layout| {
            let layers = [
                layout.layer("base", 100),
                with(&layout.layer("top", 50), "size", 51),
            ];
            layout.tag("main", &layout.chain(&layers));
        }),
        (
            "a layer with a negative size is as long as it is",
            &|layout| {
                let layers = [
                    layout.layer("base", 100),
                    with(&layout.layer("top", 50), "size", -50),
                ];
                layout.tag("main", &layout.chain(&layers));
            },
        ),
        ("a layer with a negative size, missing", &|layout| {
            let layers = [
                layout.layer("base", 100),
                with(&descriptor(LAYER, b"gone"), "size", -4),
            ];
            layout.tag("main", &layout.chain(&layers));
        }),
    ];
    insta::assert_snapshot!(report(cases), @r#"
    # the manifest
    main unknown, null bytes, null layers, 1 missing, 0 resized, records null/null/null/null
      sha256:1785cfc3…: the manifest is not stored: a build cannot import this ref
      orphan null
    # one of two manifests in an index
    main cache, null bytes, null layers, 1 missing, 0 resized, records null/null/null/null
      sha256:1785cfc3…: the manifest is not stored: a build cannot import this ref
      sha256:3bb43359…: BuildKit refuses the cache config, and builds as if it were empty: the ref is an index of cache manifests, from which BuildKit imports nothing
      orphan null
    # the config
    main cache, 617 bytes, 1 layers, 1 missing, 0 resized, records null/null/null/null
      sha256:44136fa3…: the config is not stored: a build cannot import this ref
      orphan {"blobs":1,"bytes":7}
    # the config of one of two caches
    main cache, 2211 bytes, 2 layers, 1 missing, 0 resized, records null/null/null/null
      sha256:44136fa3…: the config is not stored: a build cannot import this ref
      sha256:3bb43359…: BuildKit refuses the cache config, and builds as if it were empty: the ref is an index of cache manifests, from which BuildKit imports nothing
      orphan {"blobs":1,"bytes":7}
    # the config of an image
    main image, 618 bytes, 1 layers, 1 missing, 0 resized, records null/null/null/null
      sha256:44136fa3…: the config is not stored: a build cannot import this ref
      orphan {"blobs":1,"bytes":7}
    # the bottom layer
    main cache, 1473 bytes, 2 layers, 1 missing, 0 resized, records 3/0/1/2
      orphan {"blobs":1,"bytes":7}
    # the top layer
    main cache, 1523 bytes, 2 layers, 1 missing, 0 resized, records 3/1/1/1
      orphan {"blobs":1,"bytes":7}
    # a layer of another size is no better
    main cache, 1478 bytes, 2 layers, 0 missing, 1 resized, records 3/0/1/2
      orphan {"blobs":1,"bytes":7}
    # a layer named with another size
    main cache, 1573 bytes, 2 layers, 0 missing, 1 resized, records 3/1/1/1
      orphan {"blobs":1,"bytes":7}
    # a layer with a negative size is as long as it is
    main cache, 1574 bytes, 2 layers, 0 missing, 0 resized, records 3/2/1/0
      orphan {"blobs":1,"bytes":7}
    # a layer with a negative size, missing
    main cache, 1404 bytes, 2 layers, 1 missing, 0 resized, records 3/1/1/1
      sha256:0457481e…: 1 of its layers lack the annotation `containerd.io/uncompressed`: a build cannot load a result that needs them
      orphan {"blobs":1,"bytes":7}
    "#);
}

#[test]
fn an_unreadable_config_hides_its_records_but_no_blob() {
    let with_config = |layout: &mut LayoutBuilder, config: &Value| {
        let layers = [layout.layer("base", 100)];
        layout.tag("main", &layout.manifest(config, &layers));
    };
    let cases: &[Case<'_>] = &[
        ("no JSON", &|layout| {
            with_config(layout, &layout.blob(CONFIG, "<html>"));
        }),
        ("other bytes", &|layout| {
            let config = layout.blob(CONFIG, "{}");
            with_config(layout, &config);
            fs::write(layout.blob_path(&config), "[]").unwrap();
        }),
        ("2 GB", &|layout| {
            let config = layout.blob(CONFIG, "{}");
            with_config(layout, &config);
            File::options()
                .write(true)
                .open(layout.blob_path(&config))
                .unwrap()
                .set_len(2_000_000_000)
                .unwrap();
        }),
        ("a link beyond 64 bits", &|layout| {
            with_config(
                layout,
                &layout.blob(
                    CONFIG,
                    r#"{"records":[{"inputs":[[{"link":9223372036854775808}]]}]}"#,
                ),
            );
        }),
        ("a time that is none", &|layout| {
            with_config(
                layout,
                &layout.blob(
                    CONFIG,
                    r#"{"records":[{"layers":[{"layer":0,"createdAt":"now"}]}]}"#,
                ),
            );
        }),
        ("an empty one is readable", &|layout| {
            with_config(layout, &layout.blob(CONFIG, "{}"));
        }),
        ("an image's", &|layout| {
            with_config(layout, &layout.blob(IMAGE, "<html>"));
        }),
        ("an image whose inline cache is no base64", &|layout| {
            let config = r#"{"rootfs":{"diff_ids":["a"]},"moby.buildkit.cache.v0":"*"}"#;
            with_config(layout, &layout.blob(IMAGE, config));
        }),
        (
            "an image with fewer uncompressed digests than layers",
            &|layout| {
                with_config(
                    layout,
                    &layout.blob(
                        IMAGE,
                        r#"{"rootfs":{"diff_ids":[]},"moby.buildkit.cache.v0":"W10="}"#,
                    ),
                );
            },
        ),
    ];
    insta::assert_snapshot!(report(cases), @r#"
    # no JSON
    main cache, 623 bytes, 1 layers, 0 missing, 0 resized, records null/null/null/null
      sha256:b7d082ee…: the config cannot be read: not a cache config: expected value at line 1 column 1
      orphan {"blobs":1,"bytes":7}
    # other bytes
    main cache, 619 bytes, 1 layers, 0 missing, 0 resized, records null/null/null/null
      sha256:44136fa3…: the config cannot be read: its bytes hash to sha256:4f53cda1…
      orphan {"blobs":1,"bytes":7}
    # 2 GB
    main cache, 2000000617 bytes, 1 layers, 0 missing, 1 resized, records null/null/null/null
      sha256:44136fa3…: the config cannot be read: 2000000000 bytes, more than the limit of 16777216
      orphan {"blobs":1,"bytes":7}
    # a link beyond 64 bits
    main cache, 675 bytes, 1 layers, 0 missing, 0 resized, records null/null/null/null
      sha256:bbd45f46…: the config cannot be read: not a cache config: invalid value: integer `9223372036854775808`, expected i64 at line 1 column 51
      orphan {"blobs":1,"bytes":7}
    # a time that is none
    main cache, 674 bytes, 1 layers, 0 missing, 0 resized, records null/null/null/null
      sha256:79105839…: the config cannot be read: not a cache config: `now` is not a time of RFC 3339 at line 1 column 51
      orphan {"blobs":1,"bytes":7}
    # an empty one is readable
    main cache, 619 bytes, 1 layers, 0 missing, 0 resized, records 0/0/0/0
      orphan {"blobs":1,"bytes":7}
    # an image's
    main image, 624 bytes, 1 layers, 0 missing, 0 resized, records null/null/null/null
      sha256:b7d082ee…: the config cannot be read: expected value at line 1 column 1
      orphan {"blobs":1,"bytes":7}
    # an image whose inline cache is no base64
    main image, 677 bytes, 1 layers, 0 missing, 0 resized, records 0/0/0/0
      sha256:d1c4a9c4…: the inline cache is passed over: the inline cache is not base64
      orphan {"blobs":1,"bytes":7}
    # an image with fewer uncompressed digests than layers
    main image, 677 bytes, 1 layers, 0 missing, 0 resized, records 0/0/0/0
      sha256:7f71b388…: the inline cache is passed over: the image has 1 layers but 0 uncompressed digests
      orphan {"blobs":1,"bytes":7}
    "#);
}

#[test]
fn a_config_beyond_the_import_limit_is_shown_with_a_warning() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let layers = [layout.layer("base", 100)];
    let mut config = chain(&layers);
    // Enough records for more than a mebibyte.
    let record = config["records"][0].clone();
    config["records"]
        .as_array_mut()
        .unwrap()
        .resize(14_000, record);
    layout.tag("main", &layout.cache(&config, &layers));
    let size = config.to_string().len();
    assert!(size > 1 << 20);
    let shown = sandbox.run("show --json ./cache");
    assert_eq!(shown.json()["records"].as_array().unwrap().len(), 14_000);
    let warning = format!(
        "is {size} bytes: BuildKit imports no more than 1048576, so that this cache is never used\n"
    );
    assert!(
        shown.stderr.starts_with("warning: sha256:") && shown.stderr.ends_with(&warning),
        "{}",
        shown.stderr
    );
    assert!(
        sandbox
            .run("ls ./cache")
            .stdout
            .contains("BuildKit imports no more than 1048576")
    );
}

#[test]
fn names_of_refs_are_shown_as_builds_use_them() {
    let image =
        |descriptor: &Value, name: &str| annotated(descriptor, "io.containerd.image.name", name);
    let tag = |descriptor: &Value, name: &str| {
        annotated(descriptor, "org.opencontainers.image.ref.name", name)
    };
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let (one, two) = (whole(&layout), layout.chain(&[layout.layer("other", 9)]));
    layout.entry(&image(&tag(&one, "1.0"), "docker.io/acme/app:1.0"));
    layout.entry(&tag(&one, "again"));
    layout.entry(&two);
    layout.tag("main", &one);
    layout.tag("main", &two);
    let names: Vec<_> = refs(&sandbox)
        .iter()
        .map(|row| {
            json!([
                row["name"],
                row["aliases"],
                row["tagged"],
                row["exclusive_bytes"]
            ])
        })
        .collect();
    let two_is = &two["digest"];
    // Blobs that another ref also reaches are exclusive to none.
    assert_eq!(
        names,
        [
            json!(["docker.io/acme/app:1.0", ["1.0"], true, 0]),
            json!(["again", [], true, 0]),
            json!([two_is, [], false, 0]),
            json!(["main", [], true, 0]),
            json!(["main", [], true, 0]),
        ]
    );
    let run = sandbox.run("ls ./cache#main");
    assert_eq!(
        run.stderr,
        "warning: ./cache: 2 refs are named `main`; a build imports the first\n"
    );
    assert_eq!(run.stdout.lines().count(), 3);
    for select in [
        "1.0",
        "docker.io/acme/app:1.0",
        "again",
        two_is.as_str().unwrap(),
    ] {
        let shown = sandbox.json(format!("show --json './cache#{select}'"));
        assert_eq!(
            shown["ref"]["name"].as_str().unwrap() == two_is,
            select == two_is,
            "{select}"
        );
    }
    let shown = sandbox.run("show --json ./cache#main");
    assert_eq!(shown.json()["ref"]["digest"], one["digest"]);
}
