//! Foreign and unfinished files in the folders of a layout.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::places::{make_device, make_fifo};
use super::{add_main, refs, refs_with_code, usage, usage_with_code};
use crate::support::command::Sandbox;
use crate::support::layout::LAYER;

/// Returns the counts and sizes in `usage` for these states.
fn of(usage: &Value, states: &[&str]) -> Vec<(u64, u64)> {
    let number = |state: &str, fields: [&str; 2]| {
        fields
            .iter()
            .find_map(|field| usage[state][field].as_u64())
            .unwrap_or_else(|| panic!("{state} in {usage}"))
    };
    states
        .iter()
        .map(|state| {
            (
                number(state, ["blobs", "objects"]),
                number(state, ["bytes", "bytes"]),
            )
        })
        .collect()
}

#[test]
fn only_plain_files_with_a_digest_for_a_name_are_blobs() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    layout.layer("orphan", 7);
    let blobs = layout.path("blobs/sha256");
    let name = |of: &str| Digest::of(of.as_bytes()).hex();
    symlink("/etc/passwd", blobs.join(name("link"))).unwrap();
    symlink("nowhere", blobs.join(name("broken link"))).unwrap();
    make_fifo(&blobs.join(name("pipe")));
    let _socket = UnixListener::bind(layout.path("socket")).unwrap();
    let devices = u64::from(make_device(&blobs.join(name("device"))));
    layout.write(&format!("blobs/sha256/{}/inside", name("folder")), "12345");
    layout.write(
        &format!("blobs/sha256/{}", name("upper").to_uppercase()),
        "123",
    );
    layout.write(&format!("blobs/sha256/{}.tmp", name("suffix")), "123");
    layout.write("blobs/sha256/README", "123");
    layout.write(&format!("blobs/md5/{}", "ab".repeat(16)), "123");
    layout.write("blobs/stray", "123");
    layout.write("notes/a/b/c.txt", "123");
    layout.write("na\u{1b}[2Jme", "123");
    // A digest of OCI's other algorithm is a blob like any other.
    layout.write(&format!("blobs/sha512/{}", "ab".repeat(64)), "123456789");
    layout.write("index.json.lock", "");

    let usage = usage(&sandbox);
    let link_sizes = ("/etc/passwd".len() + "nowhere".len()) as u64;
    assert_eq!(
        of(&usage, &["orphan", "unknown", "partial", "missing"]),
        [
            (2, 7 + 9),
            (12 + devices, link_sizes + 5 + 7 * 3),
            (0, 0),
            (0, 0)
        ]
    );
    assert_eq!(usage["live"]["blobs"], 4);
}

#[test]
fn an_unfinished_upload_is_partial_as_a_whole() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    for (file, content) in [
        ("data", "0123456789"),
        ("ref", "layer-sha256:…"),
        ("startedat", "now"),
        ("total", "99"),
    ] {
        layout.write(&format!("ingest/3f2a/{file}"), content);
    }
    layout.write("ingest/stray", "12345");
    fs::create_dir(layout.path("ingest/empty")).unwrap();
    symlink("3f2a", layout.path("ingest/link")).unwrap();
    let usage = usage(&sandbox);
    let upload = (10 + "layer-sha256:…".len() + 3 + 2) as u64;
    assert_eq!(
        of(&usage, &["partial", "unknown"]),
        [(4, upload + 5 + 4), (0, 0)]
    );
}

#[test]
fn folders_that_are_links_or_files_are_counted_once() {
    type Case = (&'static str, fn(&Path), [(u64, u64); 3]);
    let cases: [Case; 5] = [
        (
            "blobs is a link",
            |cache| move_away(cache, "blobs"),
            [(0, 0), (0, 0), (0, 0)],
        ),
        (
            "blobs/sha256 is a link",
            |cache| move_away(cache, "blobs/sha256"),
            [(0, 0), (0, 0), (0, 0)],
        ),
        (
            "ingest is a link",
            |cache| move_away(cache, "ingest"),
            [(0, 0), (0, 0), (1, 11)],
        ),
        (
            "ingest is a file",
            |cache| {
                fs::remove_dir_all(cache.join("ingest")).unwrap();
                fs::write(cache.join("ingest"), "123").unwrap();
            },
            [(0, 0), (0, 0), (1, 3)],
        ),
        (
            "ingest is gone",
            |cache| fs::remove_dir_all(cache.join("ingest")).unwrap(),
            [(0, 0), (0, 0), (0, 0)],
        ),
    ];
    for (name, change, expected) in cases {
        let sandbox = Sandbox::new();
        let mut layout = sandbox.layout();
        add_main(&mut layout);
        layout.write("ingest/3f2a/data", "1234");
        let live = usage(&sandbox)["live"].clone();
        change(&layout.path(""));
        let usage = usage(&sandbox);
        assert_eq!(usage["live"], live, "{name}");
        let partial = if name.starts_with("blobs") {
            (1, 4)
        } else {
            (0, 0)
        };
        assert_eq!(
            of(&usage, &["missing", "orphan", "unknown"]),
            expected,
            "{name}"
        );
        assert_eq!(of(&usage, &["partial"]), [partial], "{name}");
    }
}

/// Moves a folder out of the cache and leaves a link of 11 bytes in its place.
fn move_away(cache: &Path, folder: &str) {
    fs::rename(cache.join(folder), cache.with_file_name("moved")).unwrap();
    let up = if folder.contains('/') {
        "../../moved"
    } else {
        "./../moved/"
    };
    symlink(up, cache.join(folder)).unwrap();
}

#[test]
fn blobs_that_are_a_file_leave_everything_missing() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    fs::remove_dir_all(layout.path("blobs")).unwrap();
    layout.write("blobs", "123");
    let usage = usage_with_code(&sandbox, 4);
    assert_eq!(of(&usage, &["live", "unknown"]), [(0, 0), (1, 3)]);
    assert_eq!(usage["missing"]["blobs"], 1);
    let refs = refs_with_code(&sandbox, 4);
    let fault = refs[0]["faults"][0].as_str().unwrap();
    assert!(fault.contains("cannot be read: Not a directory"), "{fault}");
}

#[test]
fn an_unlistable_folder_is_unknown_with_a_warning() {
    let sandbox = Sandbox::obeying_modes();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    let folders = ["lost+found", "notes/private", "ingest/secret"];
    for folder in folders {
        layout.write(&format!("{folder}/data"), "12345");
        fs::set_permissions(layout.path(folder), Permissions::from_mode(0o000)).unwrap();
    }
    let run = sandbox.run("du --json ./cache");
    for folder in folders {
        fs::set_permissions(layout.path(folder), Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let usage = run.json()["sources"][0].clone();
    assert_eq!(
        (&usage["live"]["blobs"], &usage["unknown"]["objects"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(usage["partial"]["objects"], 1);
    for folder in folders {
        assert!(
            run.stderr.contains(&format!(
                "warning: ./cache: {folder} may not be listed: its content is not counted"
            )),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_blob_that_may_not_be_read_is_stored_all_the_same() {
    let sandbox = Sandbox::obeying_modes();
    let mut layout = sandbox.layout();
    let manifest = add_main(&mut layout);
    let layer = layout.blob(LAYER, "orphan");
    for (blob, orphan, code) in [
        (&layer, json!({"blobs": 1, "bytes": 6}), 0),
        (&manifest, Value::Null, 4),
    ] {
        fs::set_permissions(layout.blob_path(blob), Permissions::from_mode(0o000)).unwrap();
        assert_eq!(usage_with_code(&sandbox, code)["orphan"], orphan);
    }
    let refs = refs_with_code(&sandbox, 4);
    let fault = refs[0]["faults"][0].as_str().unwrap();
    let expected = "the manifest cannot be read: Permission denied (os error 13)";
    assert!(fault.ends_with(expected), "{fault}");
}

#[test]
fn files_with_impossible_dates_have_a_time() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let manifest = add_main(&mut layout);
    let file = fs::File::options()
        .write(true)
        .open(layout.blob_path(&manifest))
        .unwrap();
    for (seconds, expected) in [
        (-1, "1969-12-31T23:59:59Z"),
        (0, "1970-01-01T00:00:00Z"),
        (8_000_000_000, "2223-07-06T14:13:20Z"),
    ] {
        let time = jiff::Timestamp::from_second(seconds).unwrap();
        file.set_modified(time.into()).unwrap();
        assert_eq!(refs(&sandbox)[0]["modified"], expected);
    }
}
