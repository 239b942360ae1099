//! Looks for evidence of builds near the caches: build records, logs and provenance in the working
//! directory and next to local caches.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Jobs, Reporter, lock};
use crate::source::SourceLocation;
use crate::tui::evidence::EvidenceOffer;
use crate::tui::message::JobReport;

/// The folders below a directory in which builds leave evidence.
const FOLDERS: [&str; 4] = ["", "build", "logs", "provenance"];
/// The maximum number of entries to look at in a folder.
const MOST_ENTRIES: usize = 5_000;
/// The maximum number of files to offer.
const MOST_FILES: usize = 6;

impl Jobs {
    /// Reports the newest files that look like evidence of a build.
    pub(super) fn find_evidence(&mut self, reporter: Reporter) {
        let mut directories = vec![self.settings.readers.directory.clone()];
        let stores = lock(&self.stores);
        for store in stores.iter().filter(|store| store.waiting.is_none()) {
            if let Some(SourceLocation::Local(local)) =
                store.source.as_ref().map(|source| &source.location)
            {
                directories.extend(local.dir.parent().map(Path::to_owned));
            }
        }
        drop(stores);
        directories.dedup();
        self.blocking(reporter, move |_| {
            Some(JobReport::EvidenceFound(files_in(&directories)))
        });
    }
}

/// Returns the newest files in `directories` whose names are those of evidence.
fn files_in(directories: &[PathBuf]) -> Vec<EvidenceOffer> {
    let mut found: Vec<(SystemTime, String, &'static str)> = Vec::new();
    for directory in directories {
        for folder in FOLDERS {
            let Ok(entries) = fs::read_dir(directory.join(folder)) else {
                continue;
            };
            for entry in entries.flatten().take(MOST_ENTRIES) {
                let name = entry.file_name();
                let Some(about) = name.to_str().and_then(kind) else {
                    continue;
                };
                let path = entry.path();
                let path = path.strip_prefix(".").unwrap_or(&path);
                let modified = entry.metadata().and_then(|found| found.modified());
                if let (Ok(modified), Some(text)) = (modified, path.to_str()) {
                    found.push((modified, text.to_owned(), about));
                }
            }
        }
    }
    found.sort_by(|one, other| other.cmp(one));
    found.dedup_by(|one, other| one.1 == other.1);
    let newest = found.into_iter().take(MOST_FILES);
    newest
        .map(|(_, text, about)| EvidenceOffer::new(&text, about))
        .collect()
}

/// Returns the kind of evidence that a file of this name holds.
fn kind(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let is_json = name.ends_with(".json");
    if name.ends_with(".dockerbuild") {
        Some("a build record")
    } else if name.ends_with(".rawjson") {
        Some("a log")
    } else if is_json && (name.contains("provenance") || name.contains("attestation")) {
        Some("provenance")
    } else if is_json && name.ends_with("metadata.json") {
        Some("the metadata file of a build")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_evidence_are_known() {
        let cases = [
            ("run.dockerbuild", Some("a build record")),
            ("Build.RAWJSON", Some("a log")),
            ("provenance-web.json", Some("provenance")),
            ("bake-metadata.json", Some("the metadata file of a build")),
            ("package.json", None),
            ("provenance.txt", None),
        ];
        for (name, expected) in cases {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
