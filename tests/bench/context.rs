//! The content key of a context of 50,000 files and 1 GB, compared with `sha256sum` over the same
//! files on all cores.

use std::ffi::OsStr;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cachelens::explain::context::rules::Rules;
use cachelens::explain::load::context;
use tempfile::TempDir;

use crate::Outcome;
use crate::table::{Table, median, time};

const FILES: usize = 50_000;
const FOLDERS: usize = 500;
const BYTES: usize = 1_000_000_000;
const ROUNDS: usize = 5;
/// The maximum time, as a percentage of the other program's time.
const TARGET: u32 = 130;

pub fn measure(table: &mut Table) -> Outcome {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    write(dir.path())?;
    // The first run of each fills the kernel's caches.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        ours.push(time(|| digest(dir.path()))?);
        theirs.push(sha256sum(dir.path())?);
    }
    let (ours, theirs) = (median(ours.split_off(1)), median(theirs.split_off(1)));
    let what = format_args!(
        "content key of {FILES} files, against {TARGET} % of `sha256sum` on all cores"
    )
    .to_string();
    table.time(what, ours, theirs * TARGET / 100);
    Ok(())
}

fn write(root: &Path) -> Outcome {
    let mut content = vec![0; BYTES / FILES];
    for file in 0..FILES {
        let folder = root.join(format!("folder-{:03}", file % FOLDERS));
        fs::create_dir_all(&folder)?;
        content[..8].copy_from_slice(&(file as u64).to_le_bytes());
        fs::write(folder.join(format!("file-{file:05}")), &content)?;
    }
    Ok(())
}

fn digest(root: &Path) -> Outcome {
    let (files, problems) = context::read(root, &[Rules::default()]);
    let digest = files
        .first()
        .and_then(Option::as_ref)
        .and_then(|files| files.digest(b""));
    if digest.is_some() && problems.is_empty() {
        Ok(())
    } else {
        Err("the context was not read".into())
    }
}

fn sha256sum(root: &Path) -> Outcome<Duration> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    // Enough files per process that its start time does not matter.
    let script = format!("find \"$1\" -type f -print0 | xargs -0 -P {cores} -n 2500 sha256sum");
    let mut command = Command::new("sh");
    command
        .args([
            OsStr::new("-c"),
            OsStr::new(&script),
            OsStr::new("sh"),
            root.as_os_str(),
        ])
        .stdout(Stdio::null());
    time(|| match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(format!("sha256sum failed: {status}; it needs coreutils and findutils").into())
        }
        Err(error) => Err(format!("sh cannot be run: {error}").into()),
    })
}
