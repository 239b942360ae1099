//! The archive of the demo, with its times moved to the present.
//!
//! The archive was made for one moment. Each time in it moves by the time that has passed since
//! then, so the demo always looks as old as it was made: modification times, and the times in
//! configs, provenance and logs. A config that changes gets another digest, and so does the
//! manifest that references it.

use std::collections::HashMap;
use std::io::{self, Read as _};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::format::digest::Digest;

/// A local cache, the evidence of its last build, and the files of that build.
const DEMO: &[u8] = include_bytes!("../../../assets/demo.tar.gz");
/// The moment for which the archive was made, in seconds since 1970: `NOW` of `assets/make-demo`.
const MADE: i64 = 1_767_225_600;

const INDEX: &str = "cache/index.json";
const BLOBS: &str = "cache/blobs/sha256";

/// A file of the demo.
pub(in crate::backend) struct DemoFile {
    /// The path: `cache/…`, `provenance/…`, `build/…`, `checkout/…` or `checkout-web/…`.
    pub path: String,
    /// The permission bits.
    pub mode: u32,
    pub modified: Timestamp,
    pub bytes: Vec<u8>,
}

/// Returns the files of the demo, moved to `now` in whole hours.
///
/// # Errors
/// Returns an error if the archive in the program is damaged.
pub(in crate::backend) fn files(now: Timestamp) -> io::Result<Vec<DemoFile>> {
    let made = Timestamp::from_second(MADE).map_err(io::Error::other)?;
    // Whole hours, so two copies made in the same hour are identical.
    let passed = SignedDuration::from_hours(now.duration_since(made).as_hours());
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(DEMO));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let modified = i64::try_from(entry.header().mtime()?).map_err(io::Error::other)?;
        let modified = Timestamp::from_second(modified).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.push(DemoFile {
            path: entry.path()?.to_string_lossy().into_owned(),
            mode: entry.header().mode()?,
            modified: modified.saturating_add(passed).map_err(io::Error::other)?,
            bytes,
        });
    }
    for file in &mut files {
        let folder = file.path.split('/').next().unwrap_or_default();
        if matches!(folder, "provenance" | "build") || file.path.starts_with("cache/ingest/") {
            file.bytes = moved(&file.bytes, passed);
        }
    }
    move_refs(&mut files, passed)?;
    Ok(files)
}

/// Moves the times in the configs of all refs.
fn move_refs(files: &mut [DemoFile], passed: SignedDuration) -> io::Result<()> {
    let places: HashMap<String, usize> = files
        .iter()
        .enumerate()
        .map(|(place, file)| (file.path.clone(), place))
        .collect();
    let damaged = || io::Error::other("the built-in demo is damaged");
    let place = |path: &str| places.get(path).copied().ok_or_else(damaged);
    let index = place(INDEX)?;
    let mut document: Value = serde_json::from_slice(&files[index].bytes)?;
    let manifests = document["manifests"].as_array_mut().ok_or_else(damaged)?;
    for descriptor in manifests {
        let manifest = place(&path_of(descriptor))?;
        let text = moved(&files[manifest].bytes, passed);
        let mut content: Value = serde_json::from_slice(&text)?;
        let config = place(&path_of(&content["config"]))?;
        let text = moved(&files[config].bytes, passed);
        replace(&mut files[config], text, &mut content["config"]);
        replace(
            &mut files[manifest],
            serde_json::to_vec(&content)?,
            descriptor,
        );
    }
    files[index].bytes = serde_json::to_vec(&document)?;
    Ok(())
}

/// Returns the path of the blob that a descriptor references.
fn path_of(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    format!(
        "{BLOBS}/{}",
        digest.strip_prefix("sha256:").unwrap_or(digest)
    )
}

/// Replaces the content of a blob, and updates its descriptor.
fn replace(file: &mut DemoFile, bytes: Vec<u8>, descriptor: &mut Value) {
    let digest = Digest::of(&bytes);
    descriptor["digest"] = digest.to_string().into();
    descriptor["size"] = bytes.len().into();
    file.path = format!("{BLOBS}/{}", digest.hex());
    file.bytes = bytes;
}

/// Moves each time in a JSON text, or in a file that is only a time.
fn moved(text: &[u8], passed: SignedDuration) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let parts: Vec<String> = text
        .split('"')
        .map(|part| {
            let is_time = part.len() >= 20 && part.ends_with('Z');
            let time = part.parse::<Timestamp>().ok().filter(|_| is_time);
            let time = time.and_then(|time| time.saturating_add(passed).ok());
            time.map_or_else(|| part.to_owned(), |time| time.to_string())
        })
        .collect();
    parts.join("\"").into_bytes()
}
