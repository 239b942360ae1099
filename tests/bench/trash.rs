//! The memory of `cachelens prune` that empties a trash of a million blobs.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cachelens::format::digest::Digest;
use tempfile::TempDir;

use crate::Outcome;
use crate::memory;
use crate::table::Table;

const BLOBS: u32 = 1_000_000;
/// The run that moved the blobs to the trash.
const RUN: &str = "20260101T000000Z-1f2e3d4c";
/// The peak that the program may reach, in bytes.
const TARGET: f64 = 200e6;

pub fn measure(table: &mut Table) -> Outcome {
    let home = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let cache = home.path().join("cache");
    make(&cache)?;
    let child = Command::new(env!("CARGO_BIN_EXE_cachelens"))
        .args(["prune", "--grace", "1d", "--yes", "--quiet", "--no-state"])
        .args(["--journal", "journal", "cache"])
        .current_dir(home.path())
        .stdout(Stdio::null())
        .spawn()?;
    let peak = peak_of(child)?;
    if cache.join(".cachelens-trash").join(RUN).exists() {
        return Err("the trash was not emptied".into());
    }
    table.bytes(
        format_args!("peak memory of emptying a trash of {BLOBS} blobs"),
        peak as f64,
        TARGET,
    );
    Ok(())
}

/// Creates a layout that has nothing but blobs in its trash.
fn make(cache: &Path) -> Outcome {
    let run = cache.join(".cachelens-trash").join(RUN);
    let blobs = run.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    fs::create_dir_all(cache.join("blobs/sha256"))?;
    fs::write(
        cache.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    fs::write(
        cache.join("index.json"),
        r#"{"schemaVersion":2,"manifests":[]}"#,
    )?;
    let description =
        format!(r#"{{"version":1,"plan":"{RUN}","since":"2026-01-01T00:00:00Z","refs":[]}}"#);
    fs::write(run.join("run.json"), description)?;
    for number in 0..BLOBS {
        let name = Digest::of(&number.to_le_bytes()).hex();
        fs::write(blobs.join(name), b"x")?;
    }
    Ok(())
}

/// Waits for a process to end, and returns its peak memory in bytes. The system keeps the peak, so
/// only growth within the last pause before the end is missed.
fn peak_of(mut child: Child) -> Outcome<u64> {
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() {
                Ok(peak)
            } else {
                Err(format!("cachelens failed: {status}").into())
            };
        }
        // The file has no such line once the process has ended.
        peak = memory::peak_of(child.id()).unwrap_or(peak).max(peak);
        thread::sleep(Duration::from_millis(5));
    }
}
