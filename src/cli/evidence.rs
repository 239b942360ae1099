//! Loads evidence of builds from arguments: files, folders, standard input, images in a registry,
//! addresses.

use std::path::{Path, PathBuf};

use super::CliSession;
use super::why::build::BuildFlags;
use crate::backend::{Access, BackendError, registry};
use crate::error::{Exit, Failure};
use crate::explain::evidence::{CacheEvidence, EvidenceError};
use crate::explain::load::context::{self, Directories};
use crate::explain::load::documents::{self, LoadError, web};
use crate::format::evidence::EvidenceDocument;
use crate::source::{Source, SourceLocation};
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
        if let Some(url) = path.to_str().and_then(web::address) {
            let shown = visible(&web::shown(&url)).into_owned();
            let found = web::fetch(url, &session.access()).await;
            documents.push(found.map_err(|error| unusable(&error, &shown))?.document);
            continue;
        }
        if let Some(statements) = of_image(&session.access(), path).await? {
            let read = |statement: &Vec<u8>| crate::format::evidence::read(statement);
            let shown = visible(&path.to_string_lossy()).into_owned();
            for read in statements.iter().map(read) {
                match read {
                    Ok(document) => documents.push(document),
                    Err(error) => {
                        let failure = Failure::new(Exit::Failed, &error).on(&shown);
                        return Err(match error.hint() {
                            Some(hint) => failure.hint(hint),
                            None => failure,
                        });
                    }
                }
            }
            continue;
        }
        let is_folder = path.is_dir();
        // A pipe, such as `<(…)`, may block its reader.
        let load = {
            let path = path.clone();
            move || documents::load(&path)
        };
        let loaded = tokio::task::spawn_blocking(load).await;
        let (found, without_evidence) =
            loaded.map_err(|_| Failure::from(BackendError::Interrupted))?;
        documents.extend(found.into_iter().map(|found| found.document));
        for found in without_evidence {
            let failure = unusable(&found.error, &visible(&found.path.to_string_lossy()));
            // A folder may contain other files, too.
            if !is_folder {
                return Err(failure);
            }
            let hint = failure.hint.iter().map(|hint| format!("; {hint}"));
            let hint: String = hint.filter(|_| is_layout(path)).collect();
            session.output.warn(&format!("{}{hint}", failure.message));
        }
    }
    Ok(documents)
}

/// Returns whether a folder is one image rather than a folder of evidence.
fn is_layout(path: &Path) -> bool {
    path.join("oci-layout").is_file()
}

/// Reads the evidence that names the steps of a cache.
///
/// # Errors
/// The same as [`documents()`], and if a piece of evidence names no steps.
pub(super) async fn names(
    session: &CliSession<'_>,
    paths: &[PathBuf],
) -> Result<CacheEvidence, Failure> {
    let mut evidence = CacheEvidence::default();
    for path in paths {
        let documents = documents(session, std::slice::from_ref(path)).await?;
        if documents.is_empty() {
            let shown = visible(&path.to_string_lossy()).into_owned();
            return Err(
                Failure::message(Exit::Failed, "nothing there is evidence of a build").on(&shown),
            );
        }
        for document in documents {
            evidence.add_document(document).map_err(|error| {
                let failure =
                    Failure::new(Exit::Failed, &error).on(&visible(&path.to_string_lossy()));
                match error.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            })?;
        }
    }
    Ok(evidence)
}

/// Adds the steps of the Dockerfile that flags name, with the files of its context in `directory`;
/// nothing where none is named.
///
/// # Errors
/// When the Dockerfile cannot be read, or BuildKit refuses it.
pub(super) async fn with_dockerfile(
    session: &CliSession<'_>,
    mut evidence: CacheEvidence,
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
        session.output.warn(note);
    }
    let directories = described.directories;
    let builds = described.builds;
    let add = move || {
        for build in builds {
            let contexts = context::load(&build, &directories);
            evidence.add_build_with(build, &contexts.files)?;
        }
        Ok(evidence)
    };
    let added = tokio::task::spawn_blocking(add).await;
    let added = added.map_err(|_| Failure::from(BackendError::Interrupted))?;
    added.map_err(|error: EvidenceError| Failure::new(Exit::Failed, &error))
}

/// Returns the failure for unusable evidence, with advice.
fn unusable(error: &LoadError, shown: &str) -> Failure {
    let failure = Failure::new(Exit::Failed, error).on(shown);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Reads the provenance of the image at `path`; `None` if it is a file, or not an image.
pub(super) async fn of_image(
    access: &Access,
    path: &Path,
) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let (Some(text), false) = (path.to_str(), path.exists()) else {
        return Ok(None);
    };
    let Ok(parsed) = Source::parse(text, &Path::is_dir) else {
        return Ok(None);
    };
    let (SourceLocation::Registry(location), Some(select)) =
        (&parsed.source.location, &parsed.source.select)
    else {
        return Ok(None);
    };
    let statements = registry::provenance(location, select, access)
        .await
        .map_err(BackendError::from)?;
    Ok(Some(statements))
}
