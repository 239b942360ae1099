//! `cachelens du` of a directory with 200,000 blobs, compared with `du` and `umoci gc`, which both
//! look at each of them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;
use crate::layout::Layout;
use crate::table::{Table, median, time};

const BLOBS: u32 = 200_000;
/// The number of blobs that refs reference.
const LIVE: usize = 60_000;
const DU_ROUNDS: usize = 11;
const UMOCI_ROUNDS: usize = 3;
/// The required speedup over `umoci gc`.
const FASTER: u32 = 5;

pub fn measure(table: &mut Table) -> Outcome {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let cache = dir.path().join("cache");
    Layout::new(BLOBS.into(), LIVE).write(&cache)?;

    // The first run of each fills the kernel's caches.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..=DU_ROUNDS {
        ours.push(cachelens_du(&cache)?);
        theirs.push(run(
            "du",
            "coreutils",
            &["-s".as_ref(), "--apparent-size".as_ref(), cache.as_ref()],
        )?);
    }
    let (ours, theirs) = (median(ours.split_off(1)), median(theirs.split_off(1)));
    table.time(
        format_args!("du of {BLOBS} blobs, against `du -s --apparent-size`"),
        ours,
        theirs,
    );

    let copy = dir.path().join("copy");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..UMOCI_ROUNDS {
        // It deletes unreferenced blobs, so each run needs its own directory.
        link(&cache, &copy)?;
        ours.push(cachelens_du(&copy)?);
        theirs.push(run(
            "umoci",
            "umoci",
            &["gc".as_ref(), "--layout".as_ref(), copy.as_ref()],
        )?);
        fs::remove_dir_all(&copy)?;
    }
    let target = median(theirs) / FASTER;
    table.time(
        format_args!("du of {BLOBS} blobs, against a {FASTER}th of `umoci gc`"),
        median(ours),
        target,
    );
    Ok(())
}

fn cachelens_du(cache: &Path) -> Outcome<Duration> {
    run(
        env!("CARGO_BIN_EXE_cachelens"),
        "",
        &["du".as_ref(), "--quiet".as_ref(), cache.as_ref()],
    )
}

/// Runs a program to its end. `package` is its Debian package.
fn run(program: &str, package: &str, arguments: &[&OsStr]) -> Outcome<Duration> {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null());
    time(|| match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed: {status}").into()),
        Err(error) => Err(format!(
            "{program} cannot be run: {error}; install it: apt-get install {package}"
        )
        .into()),
    })
}

/// Copies a directory by hard links.
fn link(from: &Path, to: &Path) -> Outcome {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link(&entry.path(), &to)?;
        } else {
            fs::hard_link(entry.path(), to)?;
        }
    }
    Ok(())
}
