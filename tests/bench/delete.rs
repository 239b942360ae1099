//! `cachelens prune` of a directory with 100,000 orphans, compared with `xargs rm` of the same
//! files, on a disk and in memory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;
use crate::layout::Layout;
use crate::table::{Table, median, time};

const BLOBS: u64 = 100_000;
/// The number of further blobs, which a ref references.
const LIVE: u64 = 600;
const ROUNDS: usize = 5;
/// A file system in memory, which takes no time itself.
const MEMORY: &str = "/dev/shm";

pub fn measure(table: &mut Table) -> Outcome {
    compare(table, "on disk", env!("CARGO_TARGET_TMPDIR"))?;
    compare(table, "in memory", MEMORY)
}

fn compare(table: &mut Table, medium: &str, place: &str) -> Outcome {
    let layout = Layout::new(BLOBS + LIVE, usize::try_from(LIVE)?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first run of each fills the kernel's caches.
    for _ in 0..=ROUNDS {
        ours.push(one(&layout, place, |dir| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cachelens"));
            command.args([
                "prune",
                "--orphans-only",
                "--grace",
                "0s",
                "--yes",
                "--quiet",
                "cache",
            ]);
            command
                .args([
                    "--no-trash",
                    "--i-am-the-only-writer",
                    "--journal",
                    "journal",
                ])
                .current_dir(dir);
            command
        })?);
        theirs.push(one(&layout, place, |dir| {
            let mut command = Command::new("sh");
            command
                .args(["-c", "ls | xargs rm"])
                .current_dir(dir.join("cache/blobs/sha256"));
            command
        })?);
    }
    let (ours, theirs) = (median(ours.split_off(1)), median(theirs.split_off(1)));
    table.time(
        format_args!("prune of {BLOBS} blobs {medium}, against 1.5 times `xargs rm`"),
        ours,
        theirs * 3 / 2,
    );
    Ok(())
}

/// Measures a command over a fresh copy of the layout.
fn one(layout: &Layout, place: &str, command: impl FnOnce(&Path) -> Command) -> Outcome<Duration> {
    let dir = TempDir::new_in(place)?;
    layout.write(&dir.path().join("cache"))?;
    // Pending writes to the disk are not part of the command's work.
    Command::new("sync").arg("-f").arg(dir.path()).status()?;
    let mut command = command(dir.path());
    let taken = time(|| match command.stdout(Stdio::null()).status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{command:?} failed: {status}").into()),
    })?;
    let left = fs::read_dir(dir.path().join("cache/blobs/sha256"))?.count() as u64;
    if left > LIVE + 2 {
        Err(format!("{left} blobs are left").into())
    } else {
        Ok(taken)
    }
}
