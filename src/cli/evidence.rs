//! Loads evidence of builds from arguments, and reports the unusable pieces.

use std::path::{Path, PathBuf};

use super::CliSession;
use super::why::build::BuildFlags;
use crate::backend::BackendError;
use crate::error::{Exit, Failure};
use crate::explain::evidence::CacheEvidence;
use crate::explain::load::context::Directories;
use crate::explain::load::documents::Unusable;
use crate::explain::load::documents::named::{self, NamedEvidenceError, StreamInput};
use crate::explain::load::step_names::{StepNames, definitions};
use crate::format::evidence::EvidenceDocument;
use crate::text::escape::visible;

/// Reads all evidence at `paths`. Files in a folder that are not evidence cause a warning.
///
/// # Errors
/// Fails if a path cannot be read, or is not evidence.
pub(super) async fn documents(
    session: &CliSession<'_>,
    paths: &[PathBuf],
) -> Result<Vec<EvidenceDocument>, Failure> {
    let mut documents = Vec::new();
    for path in paths {
        let found = named::read(path, &session.access(), StreamInput::Allowed)
            .await
            .map_err(|error| unusable(session, error, path))?;
        warn_of(session, &found.skipped);
        documents.extend(found.documents);
    }
    Ok(documents)
}

/// Warns of files in a folder that are not evidence.
fn warn_of(session: &CliSession<'_>, skipped: &[Unusable]) {
    for Unusable { path, error } in skipped {
        let shown = visible(&path.to_string_lossy()).into_owned();
        session.output.warn(&format!("{shown}: {error}"));
    }
}

/// Returns the failure for unusable evidence, with advice.
fn unusable(session: &CliSession<'_>, error: NamedEvidenceError, path: &Path) -> Failure {
    let shown = named::shown(&path.to_string_lossy());
    let shown = visible(&shown);
    match error {
        NamedEvidenceError::Load(error) => {
            let failure = Failure::new(Exit::Failed, &error).on(&shown);
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        // Its message names the image.
        NamedEvidenceError::Image(error) => Failure::from(error),
        NamedEvidenceError::Interrupted => Failure::from(BackendError::Interrupted),
        NamedEvidenceError::NoEvidence(ref skipped) => {
            warn_of(session, skipped);
            Failure::new(Exit::Failed, &error).on(&shown)
        }
        NamedEvidenceError::NotAFile | NamedEvidenceError::EmptyFolder => {
            Failure::new(Exit::Failed, &error).on(&shown)
        }
    }
}

/// Reads the evidence that names the steps of a cache.
///
/// # Errors
/// The same as [`documents()`], and if a piece of evidence names no steps.
pub(super) async fn names(
    session: &CliSession<'_>,
    paths: &[PathBuf],
) -> Result<CacheEvidence, Failure> {
    let mut names = StepNames::default();
    for path in paths {
        let documents = documents(session, std::slice::from_ref(path)).await?;
        names.add(documents, &Directories::default());
        if let Some(error) = names.unused.first() {
            let failure = Failure::new(Exit::Failed, error).on(&visible(&path.to_string_lossy()));
            return Err(match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            });
        }
    }
    Ok(names.evidence)
}

/// Adds the steps of the Dockerfile that flags name, with the files of its context in `directory`;
/// nothing where none is named.
///
/// # Errors
/// When the Dockerfile cannot be read, or BuildKit refuses it.
pub(super) async fn with_dockerfile(
    session: &CliSession<'_>,
    evidence: CacheEvidence,
    flags: &BuildFlags,
    directory: Option<&Path>,
) -> Result<CacheEvidence, Failure> {
    flags.refuse_no_cache()?;
    if !flags.is_given() && directory.is_none() {
        return Ok(evidence);
    }
    let named: Vec<String> = directory
        .map(|path| path.to_string_lossy().into_owned())
        .into_iter()
        .collect();
    let Some(build) = flags.build(&Directories::named_by(&named))? else {
        let failure = Failure::message(Exit::Failed, "there is no Dockerfile in the context");
        return Err(failure.hint("name it with -f"));
    };
    let described = flags.load(session, &build, &[], &[]).await?;
    for note in &described.notes {
        session.output.warn(&note.to_string());
    }
    let directories = described.directories;
    let builds = definitions(described.builds);
    let add = move || {
        let mut names = StepNames {
            evidence,
            unused: Vec::new(),
        };
        names.add(builds, &directories);
        names
    };
    let added = tokio::task::spawn_blocking(add).await;
    let names = added.map_err(|_| Failure::from(BackendError::Interrupted))?;
    match names.unused.first() {
        Some(error) => Err(Failure::new(Exit::Failed, error)),
        None => Ok(names.evidence),
    }
}
