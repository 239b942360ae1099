//! `why` of the largest history in the fixtures, as users run it: one process, its cache in a
//! directory, all evidence.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde::Deserialize;
use tempfile::TempDir;

use crate::Outcome;
use crate::table::{Table, median, time};

/// The history whose builds have the most steps.
const SET: &str = "kitchen";
const ROUNDS: usize = 9;
/// The maximum time of one explanation.
const TARGET: Duration = Duration::from_millis(100);

/// The directory that the history was exported to.
#[derive(Deserialize)]
struct Layout {
    index: serde_json::Value,
    blobs: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    digest: String,
}

pub fn measure(table: &mut Table) -> Outcome {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(SET);
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let layout: Layout = serde_json::from_slice(&fs::read(fixture.join("local.json"))?)?;
    let cache = dir.path().join("cache");
    fs::create_dir_all(cache.join("blobs/sha256"))?;
    fs::write(
        cache.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    fs::write(cache.join("index.json"), layout.index.to_string())?;
    for Stored { digest } in layout.blobs {
        let blob = Path::new("blobs").join(digest.replace(':', "/"));
        fs::copy(fixture.join(&blob), cache.join(&blob))?;
    }
    tar::Archive::new(GzDecoder::new(fs::File::open(fixture.join("tree.tar.gz"))?))
        .unpack(dir.path())?;
    let mut times = Vec::new();
    // The first run fills the kernel's caches.
    for _ in 0..=ROUNDS {
        times.push(time(|| why(dir.path(), &fixture))?);
    }
    table.time(
        format!("`why` of the largest history, {SET}, as a process"),
        median(times.split_off(1)),
        TARGET,
    );
    Ok(())
}

fn why(dir: &Path, fixture: &Path) -> Outcome {
    let evidence = |folder: &str, file: &str| fixture.join(folder).join(file).into_os_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachelens"));
    command.args([
        "why",
        "./cache#c07",
        "--context",
        "tree/c08",
        "--context",
        "extra=tree/c08.extra",
    ]);
    command
        .arg("--build")
        .arg(evidence("provenance", "c08.json"))
        .arg("--build")
        .arg(evidence("logs", "c08.rawjson"));
    command
        .arg("--baseline")
        .arg(evidence("provenance", "c07.json"))
        .current_dir(dir)
        .stdout(Stdio::null());
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cachelens why` failed: {status}").into())
    }
}
