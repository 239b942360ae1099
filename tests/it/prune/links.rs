//! Symbolic and hard links in a layout: nothing outside the layout changes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cachelens::format::digest::Digest;
use serde_json::Value;
use tempfile::TempDir;

use super::{Sample, document, prune};
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::made::{MadeLayout, age, blob_path, content, entry};

const RUN: &str = "20261122T005918Z-1f2e3d4c";

/// Another cache, which must not change.
struct Victim {
    layout: MadeLayout,
    manifest: Digest,
    before: BTreeSet<(PathBuf, Vec<u8>)>,
}

impl Victim {
    fn new() -> Self {
        let layout = MadeLayout::new();
        let manifest = layout.cache(&[layout.blob(b"theirs", 96)], 96);
        layout.tag("main", manifest);
        let before = content(layout.path());
        Self {
            layout,
            manifest,
            before,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.layout.path().join(name)
    }

    fn expect_unchanged(&self, how: &str, run: &Run) {
        assert_eq!(content(self.layout.path()), self.before, "{how}: {run}");
    }
}

/// Creates the folder of an old run in the trash of a layout.
fn trash(layout: &MadeLayout) -> PathBuf {
    let folder = layout.path().join(".cachelens-trash").join(RUN);
    fs::create_dir_all(&folder).unwrap();
    let run = format!(r#"{{"version":1,"plan":"{RUN}","since":"2026-11-22T00:59:18Z","refs":[]}}"#);
    fs::write(folder.join("run.json"), run).unwrap();
    folder
}

#[test]
fn nothing_is_restored_out_of_another_cache() {
    type Trap<'a> = (&'a str, &'a dyn Fn(&MadeLayout, &Victim));
    let blobs_of = |layout: &MadeLayout| {
        let blobs = trash(layout).join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        blobs
    };
    let traps: [Trap<'_>; 5] = [
        ("the blobs of a run", &|layout, victim| {
            symlink(victim.path("blobs"), trash(layout).join("blobs")).unwrap();
        }),
        ("the blobs of an algorithm", &|layout, victim| {
            let blobs = blobs_of(layout);
            fs::remove_dir(&blobs).unwrap();
            symlink(victim.path("blobs/sha256"), blobs).unwrap();
        }),
        ("a run", &|layout, victim| {
            let folder = trash(layout);
            fs::remove_dir_all(&folder).unwrap();
            symlink(victim.path(""), folder).unwrap();
        }),
        ("the trash", &|layout, victim| {
            symlink(victim.path(""), layout.path().join(".cachelens-trash")).unwrap();
        }),
        ("a blob", &|layout, victim| {
            let place = blobs_of(layout).join(victim.manifest.hex());
            symlink(blob_path(victim.layout.path(), &victim.manifest), place).unwrap();
        }),
    ];
    for (what, set) in traps {
        let sandbox = Sandbox::new();
        let victim = Victim::new();
        let layout = MadeLayout::new();
        layout.blob(b"an orphan", 96);
        layout.tag("trap", victim.manifest);
        set(&layout, &victim);
        for arguments in [
            &["prune", &layout.source(), "--orphans-only", "--yes"][..],
            &["prune", &layout.source(), "--grace", "0s", "--yes"],
            &["check", &layout.source()],
        ] {
            let run = sandbox.run(arguments);
            victim.expect_unchanged(what, &run);
        }
        let place = blob_path(layout.path(), &victim.manifest);
        assert!(fs::symlink_metadata(place).is_err(), "{what}");
    }
}

/// Runs a plan that deletes everything in a layout, after a folder was replaced.
fn swapped_before_apply(folder: &str, flags: &[&str]) -> (Run, TempDir, MadeLayout) {
    let sandbox = Sandbox::new();
    let layout = MadeLayout::new();
    layout.blob(b"an orphan", 96);
    let run = trash(&layout);
    for upload in [
        layout.path().join("ingest/documents"),
        run.join("ingest/documents"),
    ] {
        fs::create_dir_all(&upload).unwrap();
        fs::write(upload.join("letter"), "Dear").unwrap();
    }
    let plan = sandbox.path("plan");
    let plan = plan.to_str().unwrap();
    let source = layout.source();
    let planned = sandbox.run(flags.after(format!("prune {source} --grace 0s --plan-out {plan}")));
    assert_eq!(planned.code, Some(0), "{planned}");

    // The same files are outside, with the same ages.
    let outside = TempDir::new().unwrap();
    let inside = layout.path().join(folder);
    fs::rename(&inside, outside.path().join("folder")).unwrap();
    symlink(outside.path().join("folder"), &inside).unwrap();
    let run = sandbox.run(format!("prune --apply {plan}"));
    (run, outside, layout)
}

#[test]
fn a_folder_that_becomes_a_link_before_a_plan_is_applied_leads_nowhere() {
    let in_trash = format!(".cachelens-trash/{RUN}/ingest");
    let whole_run = format!(".cachelens-trash/{RUN}");
    for (folder, files) in [
        ("blobs", 1),
        ("blobs/sha256", 1),
        ("ingest", 1),
        (&in_trash, 1),
        (&whole_run, 2),
    ] {
        for flags in [&[][..], &["--no-trash", "--i-am-the-only-writer"]] {
            let (run, outside, _layout) = swapped_before_apply(folder, flags);
            let left = content(outside.path());
            assert_eq!(left.len(), files, "{folder} {flags:?}: {run}");
        }
    }
}

#[test]
fn the_layout_itself_may_be_a_link() {
    let sandbox = Sandbox::new();
    let layout = MadeLayout::new();
    layout.tag("main", layout.cache(&[layout.blob(b"main", 96)], 96));
    let orphan = layout.blob(b"an orphan", 96);
    symlink(layout.path(), sandbox.path("link")).unwrap();
    let run = sandbox.run("prune ./link --yes");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!layout.stored().contains(&orphan));
    assert_eq!(
        sandbox.json("ls ./link --json")["sources"][0]["refs"][0]["name"],
        "main"
    );
}

#[test]
fn blobs_behind_a_link_are_read_and_not_deleted() {
    for name in ["blobs", "blobs/sha256"] {
        let sandbox = Sandbox::new();
        let layout = MadeLayout::new();
        layout.tag("main", layout.cache(&[layout.blob(b"main", 96)], 96));
        layout.blob(b"an orphan", 96);
        let elsewhere = TempDir::new().unwrap();
        let place = layout.path().join(name);
        fs::rename(&place, elsewhere.path().join("blobs")).unwrap();
        symlink(elsewhere.path().join("blobs"), &place).unwrap();
        let source = layout.source();
        let usage = sandbox.json(format!("du {source} --json"));
        assert_eq!(usage["sources"][0]["live"]["blobs"], 3, "{name}: {usage}");
        assert_eq!(
            usage["sources"][0]["missing"]["blobs"], 0,
            "{name}: {usage}"
        );
        let before = content(elsewhere.path());
        let run = sandbox.run(format!("prune {source} --grace 0s --yes"));
        assert!(run.stderr.contains("is a symbolic link"), "{name}: {run}");
        assert_eq!(content(elsewhere.path()), before, "{name}: {run}");
    }
}

#[test]
fn blobs_that_are_links_are_reported_as_not_followed() {
    let sandbox = Sandbox::new();
    let layout = MadeLayout::new();
    let layer = layout.blob(b"main", 96);
    layout.tag("main", layout.cache(&[layer], 96));
    let elsewhere = TempDir::new().unwrap();
    let place = blob_path(layout.path(), &layer);
    fs::rename(&place, elsewhere.path().join("layer")).unwrap();
    symlink(elsewhere.path().join("layer"), &place).unwrap();
    let run = sandbox.run(format!("check {} --json", layout.source()));
    let findings = run.json()["findings"].clone();
    let about = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["code"] == "blob-missing");
    let about = about.unwrap();
    assert_eq!(about["severity"], "warning", "{run}");
    let message = about["message"].as_str().unwrap();
    assert!(
        message.contains("is a symbolic link, which cachelens does not follow"),
        "{message}"
    );
}

#[test]
fn a_date_after_the_year_9999_counts_as_in_the_future() {
    let sandbox = Sandbox::new();
    let layout = MadeLayout::new();
    layout.tag("main", layout.cache(&[layout.blob(b"main", 96)], 96));
    let orphan = layout.blob(b"an orphan", 96);
    let path = blob_path(layout.path(), &orphan);
    age(&path, 0);
    let touched = std::process::Command::new("touch")
        .args(["-h", "-d", "@400000000000"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(touched.success(), "touch cannot set such a date here");
    let source = layout.source();
    let run = sandbox.run(format!("prune {source} --yes"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(layout.stored().contains(&orphan), "within the grace");
    let run = sandbox.run(format!("prune {source} --grace 0s --yes"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!layout.stored().contains(&orphan), "{run}");
}

#[test]
fn a_directory_of_any_name_is_a_source() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    for name in [&b"new\nline"[..], b"tab\there", b"caf\xe9", b"\xff\xfe"] {
        let sandbox = Sandbox::new();
        let layout = MadeLayout::new();
        layout.tag("main", layout.cache(&[layout.blob(b"main", 96)], 96));
        let orphan = layout.blob(b"an orphan", 96);
        let mut argument = b"./".to_vec();
        argument.extend(name);
        let link = sandbox.path(OsStr::from_bytes(name));
        fs::rename(layout.path(), &link).unwrap();
        let run = |arguments: &[&str], source: bool| {
            let mut command = sandbox.command();
            command.args(arguments);
            if source {
                command.arg(OsStr::from_bytes(&argument));
            }
            Run::new(command.output().unwrap())
        };
        let listed = run(&["ls", "--json"], true);
        assert_eq!(listed.code, Some(0), "{listed}");
        assert_eq!(listed.json()["sources"][0]["refs"][0]["name"], "main");
        let pruned = run(&["prune", "--yes", "--settle", "1ms", "--json"], true);
        assert_eq!(pruned.code, Some(0), "{pruned}");
        assert!(!blob_path(&link, &orphan).exists());
        let journal = pruned.json()["outcome"]["journal"].clone();
        let undone = run(&["prune", "--undo", journal.as_str().unwrap()], false);
        assert_eq!(undone.code, Some(0), "{undone}");
        assert!(blob_path(&link, &orphan).exists());
        fs::rename(&link, layout.path()).unwrap();
    }
}

#[test]
fn an_index_entry_cannot_name_a_path() {
    let sandbox = Sandbox::new();
    let victim = Victim::new();
    let layout = MadeLayout::new();
    let mut index = entry("up", victim.manifest);
    index["digest"] = "sha256:../../../etc/passwd".into();
    let text = serde_json::json!({ "schemaVersion": 2, "manifests": [index] }).to_string();
    fs::write(layout.path().join("index.json"), text).unwrap();
    let run = sandbox.run(format!("prune {} --grace 0s --yes", layout.source()));
    victim.expect_unchanged("an entry", &run);
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn blobs_behind_a_link_inside_the_layout_are_kept() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let dir = sample.layout.path();
    fs::rename(dir.join("blobs"), dir.join("elsewhere")).unwrap();
    symlink("elsewhere", dir.join("blobs")).unwrap();
    let stored = sample.layout.stored();
    let run = prune(&sandbox, &sample.layout, "--grace 0s --yes");
    assert!(run.stderr.contains("`blobs` is a symbolic link"), "{run:?}");
    assert_eq!(sample.layout.stored(), stored);
}

#[test]
fn hard_links_and_holes_free_less_than_their_size() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    fs::hard_link(
        blob_path(sample.layout.path(), &sample.orphan),
        sample.layout.path().join("mine"),
    )
    .unwrap();
    let hole = blob_path(sample.layout.path(), &Digest::of(b"hole"));
    File::create(&hole).unwrap().set_len(1 << 20).unwrap();
    age(&hole, 96);
    let disk = document(&sandbox, &sample.layout, "")["plan"]["disk"].clone();
    assert_eq!(
        (&disk["hard_linked"], &disk["sparse"]),
        (&Value::from(1), &Value::from(1))
    );
    assert!(disk["disk_bytes"].as_u64().unwrap() < 1 << 20, "{disk}");
    let shown = prune(&sandbox, &sample.layout, "").stdout;
    assert!(
        shown.contains("No disk space is freed for 1 file with other hard links"),
        "{shown}"
    );
}
