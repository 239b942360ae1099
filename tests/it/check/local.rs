//! Directories.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{codes, ended, findings_of, redacted};
use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};
use crate::support::layout::{CONFIG, IMAGE, LayoutBuilder, chain, digest_of, with};

/// A configuration as [`chain`] makes it, whose results are some years old.
fn old_chain(layers: &[Value]) -> Value {
    let mut config = chain(layers);
    for record in config["records"].as_array_mut().unwrap() {
        for result in record["layers"].as_array_mut().into_iter().flatten() {
            result["createdAt"] = "2020-01-01T00:00:00Z".into();
        }
    }
    config
}

/// Two layers, and a configuration in which the second lies on the first.
fn cache(layout: &LayoutBuilder) -> ([Value; 2], Value) {
    let layers = [layout.layer("one", 100), layout.layer("two", 200)];
    let config = old_chain(&layers);
    (layers, config)
}

/// Stores a complete cache as `main`, and returns its layers, and the descriptors of its
/// configuration and its manifest.
fn whole(layout: &mut LayoutBuilder) -> ([Value; 2], Value, Value) {
    let (layers, config) = cache(layout);
    let config = layout.blob(CONFIG, config.to_string());
    let manifest = layout.manifest(&config, &layers);
    layout.tag("main", &manifest);
    (layers, config, manifest)
}

/// Stores a cache as `main` with a changed configuration.
fn changed(layout: &mut LayoutBuilder, change: impl FnOnce(&mut Value)) {
    let (layers, mut config) = cache(layout);
    change(&mut config);
    let manifest = layout.cache(&config, &layers);
    layout.tag("main", &manifest);
}

/// Adds `count` records to a configuration, each with the digest from `of` and the first record as
/// its input.
fn add_records(config: &mut Value, count: u32, of: impl Fn(u32) -> String) {
    let records = config["records"].as_array_mut().unwrap();
    records
        .extend((0..count).map(|number| json!({"digest": of(number), "inputs": [[{"link": 0}]]})));
}

type Damage = fn(&mut LayoutBuilder);

/// Ways to damage a store, each separate.
const DAMAGES: &[(&str, Damage)] = &[
    ("nothing", |layout| {
        whole(layout);
    }),
    ("a blob is missing", |layout| {
        let ([one, _], ..) = whole(layout);
        layout.lose(&one);
    }),
    ("a blob has another size", |layout| {
        let ([_, two], ..) = whole(layout);
        fs::write(layout.blob_path(&two), "short").unwrap();
    }),
    ("a blob has other bytes of the same number", |layout| {
        let ([_, two], ..) = whole(layout);
        fs::write(layout.blob_path(&two), "x".repeat(200)).unwrap();
    }),
    ("the manifest is not there", |layout| {
        let (.., manifest) = whole(layout);
        layout.lose(&manifest);
    }),
    ("the manifest has other bytes", |layout| {
        let (.., manifest) = whole(layout);
        fs::write(layout.blob_path(&manifest), "{}").unwrap();
    }),
    ("the config is not there", |layout| {
        let (_, config, _) = whole(layout);
        layout.lose(&config);
    }),
    ("the config has other bytes", |layout| {
        let (_, config, _) = whole(layout);
        fs::write(layout.blob_path(&config), "{}").unwrap();
    }),
    ("the config is no JSON", |layout| {
        let (layers, _) = cache(layout);
        let manifest = layout.manifest(&layout.blob(CONFIG, "{\"layers\":"), &layers);
        layout.tag("main", &manifest);
    }),
    ("the config is too large", |layout| {
        changed(layout, |config| {
            config["padding"] = "x".repeat(1 << 20).into();
        });
    }),
    ("the config is nearly too large", |layout| {
        changed(layout, |config| {
            config["padding"] = "x".repeat(900_000).into();
        });
    }),
    ("a record leads to itself", |layout| {
        changed(layout, |config| {
            config["records"][1]["inputs"][0][0]["link"] = 1.into();
        });
    }),
    ("a link leads nowhere", |layout| {
        changed(layout, |config| {
            config["records"][1]["inputs"][0][0]["link"] = 77.into();
        });
    }),
    ("an input is empty", |layout| {
        changed(layout, |config| {
            config["records"][1]["inputs"] = json!([[]]);
        });
    }),
    ("a layer is out of range", |layout| {
        changed(layout, |config| {
            config["records"][1]["layers"][0]["layer"] = 9.into();
        });
    }),
    ("layers lie on each other", |layout| {
        changed(layout, |config| config["layers"][0]["parent"] = 1.into());
    }),
    ("a layer has no digest for a name", |layout| {
        let (layers, config) = cache(layout);
        let [one, two] = layers;
        let manifest = layout.cache(
            &config,
            &[one, two.clone(), with(&two, "digest", "nonsense")],
        );
        layout.tag("main", &manifest);
    }),
    ("the manifest does not describe a layer", |layout| {
        let (layers, config) = cache(layout);
        let manifest = layout.cache(&config, &layers[..1]);
        layout.tag("main", &manifest);
    }),
    ("the cache is empty", |layout| {
        let manifest = layout.cache(&json!({}), &[]);
        layout.tag("main", &manifest);
    }),
    ("the cache has no results", |layout| {
        let manifest = layout.cache(
            &json!({"records": [{"digest": Digest::of(b"a").to_string()}]}),
            &[],
        );
        layout.tag("main", &manifest);
    }),
    ("there is no ref", |_| {}),
    ("two refs have one name", |layout| {
        let (.., manifest) = whole(layout);
        layout.tag("main", &manifest);
    }),
    ("a result is of the year 9000", |layout| {
        changed(layout, |config| {
            config["records"][2]["layers"][0]["createdAt"] = "9000-01-01T00:00:00Z".into();
        });
    }),
    ("a blob was written in a hundred years", |layout| {
        let ([one, _], ..) = whole(layout);
        let file = File::options()
            .write(true)
            .open(layout.blob_path(&one))
            .unwrap();
        file.set_modified(SystemTime::now() + Duration::from_hours(36_500 * 24))
            .unwrap();
    }),
    ("no ref reaches a blob", |layout| {
        whole(layout);
        layout.layer("three", 300);
    }),
    ("an upload was not finished", |layout| {
        whole(layout);
        layout.write("ingest/0a1b/data", "x".repeat(400));
        for changed in ["ingest/0a1b/data", "ingest/0a1b"] {
            File::open(layout.path(changed))
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH)
                .unwrap();
        }
    }),
    ("most steps have lost their results", |layout| {
        changed(layout, |config| {
            add_records(config, 6, |number| {
                Digest::of(&number.to_le_bytes()).to_string()
            });
        });
    }),
    ("most records are keys of previous builds", |layout| {
        changed(layout, |config| {
            let twin = config["records"][1]["digest"].as_str().unwrap().to_owned();
            add_records(config, 6, |_| twin.clone());
        });
    }),
    ("most layers are listed again", |layout| {
        changed(layout, |config| {
            let one = config["layers"][0].clone();
            config["layers"]
                .as_array_mut()
                .unwrap()
                .extend(vec![one; 6]);
        });
    }),
    ("an inline cache does not fit its image", |layout| {
        let layer = layout.layer("one", 100);
        let image = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []},
            "moby.buildkit.cache.v0": "W10="});
        let manifest = layout.manifest(&layout.blob(IMAGE, image.to_string()), &[layer]);
        layout.tag("main", &manifest);
    }),
];

#[test]
fn check_reports_each_fault_once() {
    let mut text = String::new();
    for (name, damage) in DAMAGES {
        let sandbox = Sandbox::new();
        damage(&mut sandbox.layout());
        let run = sandbox.run("check --json ./cache");
        let report = run.json();
        let weight = |word: &str| report["summary"][word].as_u64().unwrap();
        let gates = weight("error") + weight("warning") > 0;
        assert_eq!(run.code, Some(if gates { 3 } else { 0 }), "{name}: {run}");
        text.extend(["# ", name, "\n", &findings_of(&report)]);
    }
    insta::assert_snapshot!(redacted(&text), @r"
    # nothing
    # a blob is missing
    error blob-missing main 100 B: 1 of its 4 blobs is not stored: builds that need `FILE KEY`, `FILE KEY` fail
      re-exporting will not fix this while the build also imports this cache: `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # a blob has another size
    error blob-wrong-size main 5 B: 1 of its 4 blobs has a size other than the one in the ref for it: builds that need `FILE KEY` fail
      an interrupted copy causes this, and exporters skip a stored blob: delete blobs/DIGEST, then build again without importing the refs that reference it; `cachelens repair ./cache` removes unusable results and keeps every other hit
    # a blob has other bytes of the same number
    # the manifest is not there
    error manifest-missing main: the manifest is not stored: a build cannot import this ref
      a build with several cache exporters causes this if the last one wrote elsewhere: export to one cache per build; to replace this ref, export to it once from a build that does not import it, which replaces it
    info not-checked -: orphans are unknown while a ref cannot be read, because it may reference any blob
      follow the hints for that ref; no blob is deleted while a ref cannot be read
    # the manifest has other bytes
    error manifest-unreadable main: the manifest cannot be read: its bytes hash to DIGEST
      inspect it with the tool that wrote it; no blob is deleted while it cannot be read
    info not-checked -: orphans are unknown while a ref cannot be read, because it may reference any blob
      follow the hints for that ref; no blob is deleted while a ref cannot be read
    # the config is not there
    error config-missing main: the config is not stored: a build cannot import this ref
      export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # the config has other bytes
    error config-unreadable main: the config cannot be read: its bytes hash to DIGEST
      export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # the config is no JSON
    error config-unreadable main: the config cannot be read: not a cache config: EOF while parsing a value at line 1 column 10
      export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # the config is too large
    error too-large-to-import main: DIGEST is 1049235 bytes: BuildKit imports no more than 1048576, so that this cache is never used
      an export without an import drops the keys of earlier builds: `cachelens repair ./cache` shrinks it as far as possible without losing a hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # the config is nearly too large
    warning near-import-limit main: its cache config uses 880 KiB of the 1.0 MiB that BuildKit can import: above that, builds get nothing from this ref
      export once from a build without `--cache-from`, which drops the keys of earlier builds
    # a record leads to itself
    error record-loops main: BuildKit refuses the cache config, and builds as if it were empty: record 1 leads to itself
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # a link leads nowhere
    error link-broken main: BuildKit refuses the cache config, and builds as if it were empty: a link of record 1 leads to record 77, which is not there
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # an input is empty
    error input-empty main: BuildKit refuses the cache config, and builds as if it were empty: an input of record 1 is empty
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # a layer is out of range
    error layer-out-of-range main: BuildKit refuses the cache config, and builds as if it were empty: a result of record 1 needs layer 9, which is not there
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # layers lie on each other
    error layer-loops main: BuildKit refuses the cache config, and builds as if it were empty: layer 0 of a result of record 1 is its own parent
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    # a layer has no digest for a name
    error layer-name-invalid main: the layer `nonsense` is no digest: nothing can be stored by that name
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, which replaces it
    info not-checked -: orphans are unknown while a ref cannot be read, because it may reference any blob
      follow the hints for that ref; no blob is deleted while a ref cannot be read
    # the manifest does not describe a layer
    warning results-dropped main: the results of 1 step reference layers that the manifest does not describe: an import silently drops them
      `cachelens repair ./cache` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune ./cache --drop-ref main`
    info orphans - 200 B: 1 blob is not reached by any ref: no build uses it
      `cachelens prune ./cache --orphans-only` shows the plan
    # the cache is empty
    warning empty-cache main: it is empty: an export without a result replaced its content
      export with mode=max, from a build whose steps ran or were loaded; an image whose stages all come from elsewhere has nothing to export
    # the cache has no results
    warning empty-cache main: none of its 1 record has a result: builds that import it load nothing
      export with mode=max, from a build whose steps ran or were loaded; an image whose stages all come from elsewhere has nothing to export
    # there is no ref
    warning no-refs -: there is no ref here: a build that imports from it silently gets nothing
      check that builds export to this place
    # two refs have one name
    warning duplicate-name main: 2 refs are named `main`; a build imports the first
      only their entries keep the others from being orphans: delete the ones that no build needs
    # a result is of the year 9000
    warning future-date main: its newest result is dated 9000-01-01T00:00:00Z, YEARS from now: age rules keep it too long
      correct the clock of the build machine
    # a blob was written in a hundred years
    warning future-date -: 1 blob was written up to YEARS from now: the clock of the store or of this machine is wrong, and the grace relies on both
      correct the clocks before a prune
    # no ref reaches a blob
    info orphans - 300 B: 1 blob is not reached by any ref: no build uses it
      `cachelens prune ./cache --orphans-only` shows the plan
    # an upload was not finished
    info unfinished-uploads - 400 B: 1 upload is not finished, the oldest begun AGE ago
      `cachelens prune ./cache --orphans-only` shows the plan; a build may still be writing a recent one
    # most steps have lost their results
    info thinned main: 6 of its 8 steps have a key and no result: builds run them whenever another step needs the output
      export with mode=max; results that were lost for other reasons return when the step runs again
    # most records are keys of previous builds
    info ghost-records main: 6 of its 9 records are keys of earlier builds of steps that have newer keys: each export that also imports this cache adds more, until it is too large for BuildKit to import
      from time to time, export from a build without `--cache-from`
    # most layers are listed again
    info duplicate-layers main: 6 of the 8 layers that it lists repeat an earlier blob: they use no space, but each export checks each of them
    # an inline cache does not fit its image
    warning inline-skipped main: the inline cache is passed over: the image has 1 layers but 0 uncompressed digests
      build and push the image again with an inline cache
    ");
}

#[test]
fn complete_caches_have_neither_errors_nor_warnings() {
    for (set, list) in SETS
        .iter()
        .flat_map(|set| [(*set, "local.json"), (*set, "local-latest.json")])
    {
        let fixture = Fixture::named(set);
        if !fixture.path(list).exists() {
            continue;
        }
        let sandbox = Sandbox::new();
        fixture.write_layout(list, &sandbox.path("cache"));
        let report = ended(&sandbox.run("check --json --verify ./cache"), 0);
        assert_eq!(
            (&report["summary"]["error"], &report["summary"]["warning"]),
            (&json!(0), &json!(0)),
            "{set} {list}"
        );
        assert!(
            report["checked"][0]["verified_blobs"].as_u64().unwrap() > 0,
            "{set} {list}"
        );
    }
}

#[test]
fn bytes_are_compared_only_when_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let ([_, two], ..) = whole(&mut layout);
    fs::write(layout.blob_path(&two), "x".repeat(200)).unwrap();
    insta::assert_snapshot!(sandbox.run("check ./cache"), @r"
    nothing found
    checked ./cache: 1 ref, 4 blobs stored; the bytes of layers were not read (--verify reads them)
    exit 0
    ");
    let run = sandbox
        .run("check ./cache --verify")
        .to_string()
        .replace(&digest_of(&two)[7..], "DIGEST");
    insta::assert_snapshot!(run, @r"
    SEVERITY  FINDING            COST  REF
    error     blob-wrong-bytes  200 B  main
      the blob's bytes do not match its digest: builds that need it from main fail
      sha256:DIGEST
      hint: delete blobs/sha256/DIGEST, because exporters skip a stored blob; then build again without importing the refs

    1 error
    checked ./cache: 1 ref, 4 blobs stored; 1 layer matches its digest
    exit 3
    ");
}

#[test]
fn the_gate_fails_at_the_configured_severity() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    whole(&mut layout);
    let code = |sandbox: &Sandbox, height: &str| {
        sandbox
            .run(format!("check ./cache --fail-on '{height}'"))
            .code
    };
    let codes =
        |sandbox: &Sandbox| ["error", "warning", "info"].map(|height| code(sandbox, height));
    assert_eq!(codes(&sandbox), [Some(0); 3]);
    let orphan = layout.layer("three", 300);
    assert_eq!(codes(&sandbox), [Some(0), Some(0), Some(3)]);
    layout.tag("empty", &layout.cache(&json!({}), &[]));
    assert_eq!(codes(&sandbox), [Some(0), Some(3), Some(3)]);
    layout.tag(
        "lost",
        &with(&orphan, "digest", Digest::of(b"lost").to_string()),
    );
    assert_eq!(codes(&sandbox), [Some(3); 3]);
    assert_eq!(code(&sandbox, "sometimes"), Some(2));
}

#[test]
fn one_ref_is_checked_alone() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    whole(&mut layout);
    let lost = layout.chain(&[layout.layer("lost", 50)]);
    layout.tag("broken", &lost);
    layout.lose(&lost);
    let image = json!({"os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
    layout.tag(
        "image",
        &layout.manifest(&layout.blob(IMAGE, image.to_string()), &[]),
    );
    let check =
        |name: &str, code| ended(&sandbox.run(format!("check --json './cache#{name}'")), code);
    assert!(codes(&check("main", 0)).is_empty());
    assert_eq!(codes(&check("broken", 3)), ["manifest-missing"]);
    assert_eq!(codes(&check("image", 3)), ["no-cache"]);
    assert_eq!(sandbox.run("check ./cache#nothing").code, Some(1));
}

#[test]
fn an_unreadable_store_is_an_error_next_to_the_others() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    whole(&mut layout);
    fs::create_dir(sandbox.path("other")).unwrap();
    fs::write(
        sandbox.path("other/oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    fs::write(sandbox.path("other/index.json"), "{").unwrap();
    let run = sandbox.run("check ./cache ./other");
    insta::assert_snapshot!(run, @r"
    SEVERITY  FINDING            COST  REF
    error     source-unreadable     –  –
      cannot use other/index.json: EOF while parsing an object at line 1 column 1
      hint: builds cannot use the directory either: restore the file, or export to a new directory

    1 error
    checked ./cache: 1 ref, 4 blobs stored; the bytes of layers were not read (--verify reads them)
    error: cannot use other/index.json
      because: EOF while parsing an object at line 1 column 1
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 3
    ");
    let report = ended(&sandbox.run("check --json ./other"), 1);
    assert_eq!(
        (codes(&report), &report["summary"]["error"]),
        (vec!["source-unreadable"], &json!(1))
    );
}

#[test]
fn an_unlistable_folder_is_not_treated_as_empty() {
    let sandbox = Sandbox::obeying_modes();
    let mut layout = sandbox.layout();
    whole(&mut layout);
    layout.write("notes/data", "x");
    let folder = layout.path("notes");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let report = ended(&sandbox.run("check --json --quiet ./cache"), 0);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(codes(&report).contains(&"not-checked"), "{report}");
}

#[test]
fn names_in_findings_control_neither_the_terminal_nor_a_shell() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let ([one, _], .., manifest) = whole(&mut layout);
    let name = "a\u{1b}[31m";
    layout.tag(name, &manifest);
    layout.tag("it's; rm -rf ~ #", &manifest);
    layout.lose(&one);
    let run = sandbox.run("check ./cache");
    assert_eq!(run.code, Some(3));
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
    assert!(
        run.stdout.contains(r"--drop-ref 'it'\''s; rm -rf ~ #'`"),
        "{run}"
    );
    assert_eq!(run.stdout.matches("--drop-ref").count(), 2, "{run}");
    let report = sandbox.run("check --json ./cache").json();
    let findings = report["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["ref"] == name),
        "JSON is read as it was meant"
    );
}

#[test]
fn a_thousand_faults_of_one_kind_are_one_finding() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let (layers, config) = cache(&layout);
    let [one, two] = layers;
    let nonsense = (0..1_000).map(|number| with(&one, "digest", format!("nonsense {number}")));
    let layers: Vec<Value> = [one.clone(), two].into_iter().chain(nonsense).collect();
    layout.tag("main", &layout.cache(&config, &layers));
    let report = ended(&sandbox.run("check --json ./cache"), 3);
    assert_eq!(codes(&report), ["layer-name-invalid", "not-checked"]);
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.ends_with("(and 999 more of this kind)"),
        "{message}"
    );
}

#[test]
fn blobs_behind_a_link_are_reported_as_kept() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let sound = made.chain(&[made.layer("layer", 40)]);
    made.tag("main", &sound);
    let dir = sandbox.path("cache");
    std::fs::rename(dir.join("blobs"), dir.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", dir.join("blobs")).unwrap();
    let report = ended(&sandbox.run("check ./cache --json"), 0);
    let findings = report["findings"].as_array().unwrap();
    let found = findings
        .iter()
        .find(|finding| finding["code"] == "blobs-elsewhere");
    let message = found.unwrap()["message"].as_str().unwrap();
    assert!(message.contains("`blobs` is a symbolic link"), "{message}");
    // A cache whose blobs lie in it has no such finding.
    std::fs::remove_file(dir.join("blobs")).unwrap();
    std::fs::rename(dir.join("elsewhere"), dir.join("blobs")).unwrap();
    let report = ended(&sandbox.run("check ./cache --json"), 0);
    assert!(!super::codes(&report).contains(&"blobs-elsewhere"));
}
