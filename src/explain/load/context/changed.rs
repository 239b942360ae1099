//! Reads the contexts of a build on a thread that may block, and finds a Dockerfile that changed.

use std::path::Path;

use super::{BuildContexts, Directories, place};
use crate::explain::load::WhyError;
use crate::format::provenance::Build;

/// Reads the contexts of a build. Returns the Dockerfile if its text has changed.
///
/// # Errors
/// If the reading was interrupted.
pub(in crate::explain::load) async fn read_with_build(
    build: Build,
    directories: Directories,
) -> Result<(BuildContexts, Build, Option<String>), WhyError> {
    let read = move || {
        let other = directories
            .main
            .as_ref()
            .and_then(|main| place::dockerfile(&build, main, &directories))
            .filter(|path| {
                let text = build
                    .main_source()
                    .and_then(|source| source.text.as_deref());
                text.is_some_and(|text| is_other(path, text))
            });
        (
            super::load(&build, &directories),
            build,
            other.map(|path| path.display().to_string()),
        )
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| WhyError::Interrupted)
}

/// Returns whether a file exists and holds a different text.
fn is_other(path: &Path, text: &str) -> bool {
    match std::fs::metadata(path) {
        // A special file may never end.
        Ok(found) if found.is_file() && found.len() == text.len() as u64 => {
            std::fs::read(path).is_ok_and(|found| found != text.as_bytes())
        }
        Ok(found) => found.is_file(),
        Err(_) => false,
    }
}
