//! Deletes old journals of runs that have ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::JournalLine;
use crate::backend::PlanId;

/// The number of journals that are always kept, regardless of age.
pub(super) const NEWEST_KEPT: usize = 50;

/// How long other journals are kept: much longer than a trash.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The last line of a journal is searched in this many bytes at its end.
const TAIL: i64 = 1 << 10;

/// Deletes old journals from the folder of runs: those that are not among the newest, and whose
/// runs finished long ago. A failed deletion is ignored.
pub(super) fn trim(folder: &Path, now: Timestamp) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let is_journal = |path: &PathBuf| {
        let stem = path.file_stem().and_then(OsStr::to_str);
        let is_named_so = stem
            .and_then(|stem| stem.get(..25))
            .is_some_and(|plan| plan.parse::<PlanId>().is_ok());
        is_named_so && path.extension().is_some_and(|end| end == "jsonl")
    };
    let mut journals: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_journal)
        .collect();
    journals.sort();
    let old = journals.len().saturating_sub(NEWEST_KEPT);
    for path in &journals[..old] {
        if matches!(is_over(path, now), Ok(true)) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Returns whether a run finished long ago.
fn is_over(path: &Path, now: Timestamp) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    let written = Timestamp::try_from(found.modified()?).map_err(io::Error::other)?;
    if !found.is_file() || now.duration_since(written) < KEPT_FOR {
        return Ok(false);
    }
    let tail = i64::try_from(found.len()).unwrap_or(TAIL).min(TAIL);
    file.seek(SeekFrom::End(-tail))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let last = bytes.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    Ok(last
        .is_some_and(|line| matches!(serde_json::from_slice(line), Ok(JournalLine::Finished(_)))))
}
