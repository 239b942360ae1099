//! The user's consents to contact hosts that are named in the files of a checkout.
//!
//! One JSON file in the state directory lists pairs of a checkout and a host. A file that cannot be
//! read gives no consent.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::{Source, Trust};

const FILE_NAME: &str = "consent.json";
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// The user's consents, and the current checkout.
#[derive(Debug, Clone, Default)]
pub struct Consents {
    folder: Option<PathBuf>,
    checkout: PathBuf,
    given: BTreeSet<Consent>,
    /// Whether new consents hold for this run alone.
    is_passing: bool,
}

/// The user opened `host` from `checkout`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Consent {
    checkout: String,
    host: String,
}

#[derive(Serialize, Deserialize)]
struct ConsentFile {
    cachelens_consent: u32,
    given: BTreeSet<Consent>,
}

impl Consents {
    /// Reads the consents in cachelens's state directory; `checkout` is the current checkout.
    pub fn load(folder: Option<PathBuf>, checkout: &Path) -> Self {
        let given = folder.as_deref().and_then(read).unwrap_or_default();
        Self {
            folder,
            checkout: fs::canonicalize(checkout).unwrap_or_else(|_| checkout.to_owned()),
            given,
            is_passing: false,
        }
    }

    /// Returns the same consents; those that are given from now on hold for this run alone.
    #[must_use]
    pub fn without_keeping(self) -> Self {
        Self {
            is_passing: true,
            ..self
        }
    }

    /// Sets the trust of a source that a file names. A directory inside the checkout, the demo, and
    /// a host that the user opened from here may be contacted.
    #[must_use]
    pub fn judge(&self, source: Source) -> Source {
        let trust = match (source.directory(), source.host()) {
            (Some(directory), _) if self.is_inside(directory) => Trust::Consented,
            (None, Some(host)) if self.given.contains(&self.consent(host.clone())) => {
                Trust::Consented
            }
            (Some(_), _) | (None, Some(_)) => Trust::Found,
            (None, None) => Trust::Consented,
        };
        source.with_trust(trust)
    }

    /// Saves the user's consent to contact the host of a source from this checkout. Returns the
    /// source with it.
    ///
    /// # Errors
    /// If it cannot be saved; the consent then applies to this run only.
    pub fn give(&mut self, source: Source) -> (Source, io::Result<()>) {
        let Some(host) = source.host() else {
            return (source.with_trust(Trust::Consented), Ok(()));
        };
        let is_new = self.given.insert(self.consent(host));
        let saved = if is_new && !self.is_passing {
            self.save()
        } else {
            Ok(())
        };
        (source.with_trust(Trust::Consented), saved)
    }

    fn consent(&self, host: String) -> Consent {
        Consent {
            checkout: self.checkout.to_string_lossy().into_owned(),
            host,
        }
    }

    /// Returns whether a directory is inside the checkout, after following links.
    fn is_inside(&self, directory: &Path) -> bool {
        match fs::canonicalize(directory) {
            Ok(directory) => directory.starts_with(&self.checkout),
            // Opening it only reports that it does not exist, but no part of its path may lead
            // outside.
            Err(_) => {
                let is_parent = |part| part == std::path::Component::ParentDir;
                let existing = directory.ancestors().find(|path| path.exists());
                let existing = existing.and_then(|path| fs::canonicalize(path).ok());
                !directory.components().any(is_parent)
                    && existing.is_some_and(|path| path.starts_with(&self.checkout))
            }
        }
    }

    fn save(&self) -> io::Result<()> {
        let folder = self
            .folder
            .as_deref()
            .ok_or_else(|| io::Error::other("there is no state directory"))?;
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE_NAME);
        let draft = folder.join(format!("{FILE_NAME}.{}", std::process::id()));
        let document = ConsentFile {
            cachelens_consent: VERSION,
            // Another process may have added to the file.
            given: read(folder)
                .unwrap_or_default()
                .union(&self.given)
                .cloned()
                .collect(),
        };
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(&document)?)?;
        fs::rename(draft, path)
    }
}

fn read(folder: &Path) -> Option<BTreeSet<Consent>> {
    let path = folder.join(FILE_NAME);
    let found = fs::metadata(&path).ok()?;
    if !found.is_file() || found.len() > LIMIT {
        return None;
    }
    let document: ConsentFile = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (document.cachelens_consent == VERSION).then_some(document.given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::parse(text, &|_| false).unwrap().source
    }

    fn trust(consents: &Consents, text: &str) -> Trust {
        consents.judge(source(text)).trust
    }

    #[test]
    fn consent_is_for_one_host_and_one_checkout() {
        let state = tempfile::tempdir().unwrap();
        let one = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let load = |checkout: &tempfile::TempDir| {
            Consents::load(Some(state.path().to_owned()), checkout.path())
        };
        let mut consents = load(&one);
        assert_eq!(trust(&consents, "ghcr.io/a/b"), Trust::Found);
        let (given, saved) = consents.give(source("ghcr.io/a/b"));
        saved.unwrap();
        assert_eq!(given.trust, Trust::Consented);
        let again = load(&one);
        assert_eq!(trust(&again, "ghcr.io/c/d"), Trust::Consented);
        assert_eq!(trust(&again, "evil.example/a"), Trust::Found);
        assert_eq!(trust(&load(&other), "ghcr.io/a/b"), Trust::Found);
        fs::write(state.path().join(FILE_NAME), "{").unwrap();
        assert_eq!(trust(&load(&one), "ghcr.io/a/b"), Trust::Found);
    }

    #[test]
    fn directories_are_compared_by_their_real_path() {
        let checkout = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir(checkout.path().join("cache")).unwrap();
        std::os::unix::fs::symlink(outside.path(), checkout.path().join("link")).unwrap();
        let consents = Consents::load(None, checkout.path());
        let at = |path: &str| {
            let dir = checkout.path().join(path);
            trust(&consents, dir.to_str().unwrap())
        };
        assert_eq!(at("cache"), Trust::Consented);
        assert_eq!(at("absent/cache"), Trust::Consented);
        assert_eq!(at("link"), Trust::Found);
        assert_eq!(at("link/absent"), Trust::Found);
        assert_eq!(at("absent/../../x"), Trust::Found);
        assert_eq!(
            trust(&consents, outside.path().to_str().unwrap()),
            Trust::Found
        );
        assert_eq!(trust(&consents, "demo"), Trust::Consented);
    }
}
