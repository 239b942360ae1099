//! File systems with errors: full ones and read-only ones.

use std::process::{Command, Output};

use super::Sample;
use crate::support::command::{Run, Sandbox};

/// Copies the sample into a small file system, runs `before` there, then the program with
/// `arguments`, and then prints the index and the number of blobs. The journal is outside.
fn in_small_file_system(sample: &Sample, before: &str, arguments: &[&str]) -> (Output, String) {
    let sandbox = Sandbox::new();
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        r#"
        set -e
        layout=$1 program=$2 sample=$3
        shift 3
        mount -t tmpfs -o size=1m none "$layout"
        cp -a "$sample"/. "$layout"
        cd "$layout"
        {before}
        code=0
        "$program" prune --settle 1ms "$layout" "$@" >&2 || code=$?
        cat index.json
        ls blobs/sha256 | wc -l
        exit $code
        "#
    );
    let mut command = Command::new("unshare");
    let program = sandbox.command();
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command
        .arg(folder.path())
        .arg(program.get_program())
        .arg(sample.layout.path())
        .args(arguments);
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

fn unchanged(sample: &Sample) -> String {
    let index = std::fs::read_to_string(sample.layout.path().join("index.json")).unwrap();
    format!("{index}{}\n", sample.layout.stored().len())
}

/// Fills the file system.
const FILL: &str = "cat /dev/zero >filler 2>/dev/null || true";

/// Extracts the index and the number of blobs from the output of a script.
fn left(output: &Output) -> (String, usize) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (index, count) = text.rsplit_once('}').unwrap();
    (format!("{index}}}"), count.trim().parse().unwrap())
}

fn index_of(sample: &Sample) -> String {
    std::fs::read_to_string(sample.layout.path().join("index.json")).unwrap()
}

#[test]
fn the_trash_needs_no_room_on_a_full_disk() {
    let sample = Sample::new();
    let (output, said) = in_small_file_system(&sample, FILL, &["--orphans-only", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (index, blobs) = left(&output);
    assert_eq!(index, index_of(&sample));
    assert_eq!(blobs, sample.layout.stored().len() - 1, "{said}");
}

#[test]
fn a_ref_is_kept_on_a_full_disk_with_a_hint() {
    let sample = Sample::new();
    for number in 0..20 {
        sample
            .layout
            .blob(format!("orphan {number}").as_bytes(), 96);
    }
    let (output, said) = in_small_file_system(&sample, FILL, &["--drop-ref", "old", "--yes"]);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(said.matches("No space left on device").count(), 1, "{said}");
    assert!(said.contains("--no-trash --i-am-the-only-writer"), "{said}");
    assert_eq!(left(&output).0, index_of(&sample), "{said}");
}

#[test]
fn without_a_trash_a_full_disk_is_freed_and_the_ref_deleted() {
    let sample = Sample::new();
    for number in 0..20 {
        sample
            .layout
            .blob(format!("orphan {number}").as_bytes(), 96);
    }
    let flags = [
        "--drop-ref",
        "old",
        "--no-trash",
        "--i-am-the-only-writer",
        "--yes",
    ];
    let (output, said) = in_small_file_system(&sample, FILL, &flags);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (index, blobs) = left(&output);
    assert!(!index.contains("old"), "{index}");
    assert_eq!(blobs, sample.layout.stored().len() - 21, "{said}");
}

#[test]
fn blobs_on_another_file_system_are_kept_with_a_hint() {
    let sample = Sample::new();
    for number in 0..100 {
        sample
            .layout
            .blob(format!("orphan {number}").as_bytes(), 96);
    }
    let mount = "mkdir other; mount -t tmpfs -o size=1m none other; cp -a blobs/. other; \
        mount --bind other blobs";
    let (output, said) = in_small_file_system(&sample, mount, &["--orphans-only", "--yes"]);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(
        said.matches("another file system than the trash").count(),
        1,
        "{said}"
    );
    assert!(said.contains("--no-trash --i-am-the-only-writer"), "{said}");
    assert_eq!(left(&output).1, sample.layout.stored().len());

    let flags = [
        "--orphans-only",
        "--no-trash",
        "--i-am-the-only-writer",
        "--yes",
    ];
    let (output, said) = in_small_file_system(&sample, mount, &flags);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(
        left(&output).1,
        sample.layout.stored().len() - 101,
        "{said}"
    );
}

#[test]
fn a_disk_that_is_full_when_the_index_is_written_keeps_the_old_one() {
    let sample = Sample::new();
    // The trash has its folders; then there is space for the run's records, and none for the index.
    for number in 0..400 {
        sample.layout.tag(
            &format!("many-{number}"),
            sample.layout.cache(&[sample.shared], 96),
        );
    }
    let fill = "mkdir .cachelens-trash; touch .cachelens-trash/lock index.json.lock; \
        cat /dev/zero >filler 2>/dev/null || true; truncate -s -24K filler";
    let (output, said) = in_small_file_system(&sample, fill, &["--drop-ref", "old", "--yes"]);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains("cannot write") && said.contains("No space left on device"),
        "{said}"
    );
    let index = std::fs::read_to_string(sample.layout.path().join("index.json")).unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with(&index),
        "{said}"
    );
}

#[test]
fn a_read_only_file_system_is_reported_as_such() {
    let sample = Sample::new();
    let (output, said) =
        in_small_file_system(&sample, "mount -o remount,ro \"$layout\"", &["--yes"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("hint: the file system is read-only"),
        "{said}"
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        unchanged(&sample),
        "{said}"
    );
}

#[test]
fn a_plan_that_cannot_be_written_leaves_the_old_file() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let file = sandbox.path("plan.json");
    std::fs::write(&file, "old").unwrap();
    let program = sandbox.command();
    // No file may grow, as on a full disk.
    let script = r#"trap '' XFSZ; ulimit -f 0; exec "$@""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh"])
        .arg(program.get_program())
        .args(["prune", &sample.layout.source(), "--plan-out"])
        .arg(&file);
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let run = Run::new(command.output().unwrap());
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("cannot write the plan"), "{run}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
    let entries = std::fs::read_dir(sandbox.path("")).unwrap();
    let is_left = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".part");
    assert!(!entries.flatten().any(|entry| is_left(entry.file_name())));
}
