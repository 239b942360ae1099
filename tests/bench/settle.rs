//! Exports to a local cache whose orphans they need, each with a prune with default settings at a
//! random moment of the export: how many end with a ref that lacks a blob. `CACHELENS_TRIALS` sets
//! the number; the default of 500 takes a quarter of an hour.

use std::ops::Range;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;
use crate::table::Table;

#[path = "../it/support/exporter.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests")]
mod exporter;
#[path = "../it/support/made.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests")]
mod made;

use exporter::{Exported, Exporter, Pauses};
use made::MadeLayout;

/// The maximum pause between two steps of an export.
const MOST: Duration = Duration::from_secs(3);
const AT_ONCE: usize = 25;
/// The number of pauses in an export.
const PAUSES: u64 = 7;

pub fn measure(table: &mut Table) -> Outcome {
    let count = match std::env::var("CACHELENS_TRIALS") {
        Ok(count) => count.parse()?,
        Err(_) => 500,
    };
    let broken = trials(0..count)?;
    if !broken.is_empty() {
        eprintln!("broken with the seeds {broken:?}");
    }
    table.number(
        format!("{count} exports within a prune: broken refs"),
        broken.len() as f64,
        // None is allowed, but a ratio needs a target above zero.
        0.5,
    );
    Ok(())
}

/// Runs the trials, several at once; returns the seeds of those that failed.
fn trials(seeds: Range<u64>) -> Outcome<Vec<u64>> {
    let seeds = Mutex::new(seeds);
    let ended = Mutex::new(Vec::new());
    let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    let trial = trial(seed).map_err(|error| error.to_string());
                    ended
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((seed, trial));
                }
            });
        }
    });
    let mut broken = Vec::new();
    for (seed, whole) in ended.into_inner().unwrap_or_else(PoisonError::into_inner) {
        if !whole? {
            broken.push(seed);
        }
    }
    Ok(broken)
}

/// Exports to a cache and prunes it at the same time; returns whether every ref is complete.
fn trial(seed: u64) -> Outcome<bool> {
    let home = TempDir::new()?;
    let layout = MadeLayout::new();
    layout.tag("main", layout.cache(&[layout.blob(b"main", 96)], 96));
    let mut pauses = Pauses::new(seed, MOST);
    let chosen = pauses.below(1 << 5);
    // A prune starts at any moment of an export, or slightly before it.
    let late = Duration::from_micros(pauses.below(u64::try_from(MOST.as_micros())? * PAUSES));
    let layers: [&[u8]; 3] = [b"one", b"two", b"three"];
    let mut exporter = Exporter::new(layout.path().to_owned(), "branch", &layers, pauses);
    for (number, blob) in exporter.blobs().iter().enumerate() {
        // Many exports find everything stored; others upload some of it.
        if seed.is_multiple_of(3) || chosen & (1 << number) != 0 {
            layout.blob(blob, 96);
        }
    }
    thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export());
        thread::sleep(late);
        let prune = Command::new(env!("CARGO_BIN_EXE_cachelens"))
            .args(["prune", &layout.source(), "--orphans-only", "--yes"])
            .env_clear()
            .env("HOME", home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        let exported = export.join().map_err(|_| "an export panicked")?;
        let is_whole = layout.refs().into_values().all(|whole| whole);
        // 4: planned deletions of needed blobs were skipped.
        Ok(is_whole && exported == Exported::Done && matches!(prune.code(), Some(0 | 4)))
    })
}
