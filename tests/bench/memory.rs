//! The memory for a million blobs, in a process that does nothing else.

use std::process::Command;
use std::sync::Arc;

use cachelens::backend::SharedReader;
use cachelens::backend::memory::MemoryCache;
use cachelens::inventory::scan::{self, ScanOptions};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::layout::{NOW, layers};
use crate::table::Table;

/// The argument that turns the program into that process.
pub const CHILD: &str = "peak-memory";

const BLOBS: u32 = 1_000_000;
pub fn measure(table: &mut Table) -> Outcome {
    let child = Command::new(std::env::current_exe()?).arg(CHILD).output()?;
    if !child.status.success() {
        return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
    }
    let peak: f64 = str::from_utf8(&child.stdout)?.trim().parse()?;
    table.bytes(
        "peak memory of a scan for each of 1,000,000 blobs",
        peak / f64::from(BLOBS),
        80.0,
    );
    Ok(())
}

/// Scans blobs that are in memory, then prints the peak of the memory that this took in bytes.
pub fn child() -> Outcome {
    let mut cache = MemoryCache::default();
    for (digest, size) in layers(0..BLOBS.into()) {
        cache.add_stored(digest, size, Some(NOW));
    }
    let reader: SharedReader = Arc::new(cache);
    let _filler = fill_gaps()?;
    forget_peak()?;
    let before = resident()?;
    let inventory =
        Runtime::new()?.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ()))?;
    if inventory.blobs.len() != BLOBS as usize {
        return Err(format!("the scan found {} blobs", inventory.blobs.len()).into());
    }
    println!("{}", peak()?.saturating_sub(before));
    Ok(())
}

/// Returns the peak of the resident memory in bytes, as Linux reports it (`proc_pid_status(5)`).
pub fn peak() -> Outcome<u64> {
    status("self", "VmHWM:")
}

/// Returns the peak of another process.
pub fn peak_of(process: u32) -> Outcome<u64> {
    status(&process.to_string(), "VmHWM:")
}

/// Returns the current resident memory in bytes.
pub fn resident() -> Outcome<u64> {
    status("self", "VmRSS:")
}

/// Resets the peak (`proc_pid_clear_refs(5)`).
pub fn forget_peak() -> Outcome {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

/// Allocates the memory that was freed and that the process still holds, so that later allocations
/// cannot use it unnoticed. The gaps are full when the process has to grow.
pub fn fill_gaps() -> Outcome<Vec<Vec<u8>>> {
    let mut filler = Vec::new();
    for size in [65_536, 4096, 512, 64] {
        let begin = resident()?;
        while resident()? < begin + 1_000_000 {
            filler.extend((0..1_000_000 / size / 4).map(|_| vec![1; size]));
        }
    }
    Ok(filler)
}

fn status(process: &str, name: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .ok_or("the status of the process lacks a line")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}
