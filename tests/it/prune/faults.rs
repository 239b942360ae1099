//! File systems that refuse: full ones and read-only ones.

use std::process::{Command, Output};

use super::Sample;
use crate::support::command::Sandbox;

/// Copies the sample into a small file system of its own, runs `before` there, then the program with `arguments`, and then
/// prints the index and the number of blobs. The journal lies outside.
fn in_small_file_system(sample: &Sample, before: &str, arguments: &[&str]) -> (Output, String) {
    let sandbox = Sandbox::new();
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        r#"
        set -e
        layout=$1 program=$2 sample=$3
        shift 3
        mount -t tmpfs -o size=256k none "$layout"
        cp -a "$sample"/. "$layout"
        cd "$layout"
        {before}
        code=0
        "$program" prune "$layout" "$@" >&2 || code=$?
        cat index.json
        ls blobs/sha256 | wc -l
        exit $code
        "#
    );
    let mut command = Command::new("unshare");
    let program = sandbox.command();
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.arg(folder.path()).arg(program.get_program()).arg(sample.layout.path()).args(arguments);
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

#[test]
fn a_full_disk_loses_nothing() {
    let sample = Sample::new();
    let fill = "cat /dev/zero >filler 2>/dev/null || true";
    let (output, said) = in_small_file_system(&sample, fill, &["--drop-ref", "old", "--yes"]);
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), unchanged(&sample), "{said}");
}

#[test]
fn a_disk_that_is_full_when_the_index_is_written_keeps_the_old_one() {
    let sample = Sample::new();
    // The trash has its folders; then there is room for what the run remembers, and none for the index.
    for number in 0..400 {
        sample.layout.tag(&format!("many-{number}"), sample.layout.cache(&[sample.shared], 96));
    }
    let fill = "mkdir .cachelens-trash; touch .cachelens-trash/lock index.json.lock; \
        cat /dev/zero >filler 2>/dev/null || true; truncate -s -24K filler";
    let (output, said) = in_small_file_system(&sample, fill, &["--drop-ref", "old", "--yes"]);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("cannot write") && said.contains("No space left on device"), "{said}");
    let index = std::fs::read_to_string(sample.layout.path().join("index.json")).unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&index), "{said}");
}

#[test]
fn a_read_only_file_system_is_said_to_be_one() {
    let sample = Sample::new();
    let (output, said) = in_small_file_system(&sample, "mount -o remount,ro \"$layout\"", &["--yes"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("hint: the file system is read-only"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), unchanged(&sample), "{said}");
}
