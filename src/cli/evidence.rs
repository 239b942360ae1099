//! Evidence of builds, from what arguments name: files, folders, standard input, images in a registry, addresses.

use std::path::{Path, PathBuf};

use super::Session;
use crate::backend::{Access, BackendError, registry};
use crate::error::{Exit, Failure};
use crate::evidence::{self, LoadError, web};
use crate::explain::evidence::Evidence;
use crate::format::evidence::Document;
use crate::format::text::visible;
use crate::source::{Location, Source};

/// Reads all evidence that `paths` name. In a folder, files that are none are warned of.
///
/// # Errors
/// When something cannot be read, or is no evidence.
pub(super) async fn documents(session: &Session<'_>, paths: &[PathBuf]) -> Result<Vec<Document>, Failure> {
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
            let read: Result<Vec<Document>, _> = statements.iter().map(read).collect();
            documents.extend(read.map_err(|error| Failure::new(Exit::Failed, &error).on(&shown))?);
            continue;
        }
        let is_folder = path.is_dir();
        // A pipe, as `<(…)` makes it, may keep its reader waiting.
        let load = {
            let path = path.clone();
            move || evidence::load(&path)
        };
        let loaded = tokio::task::spawn_blocking(load).await;
        let (found, without_evidence) = loaded.map_err(|_| Failure::from(BackendError::Interrupted))?;
        documents.extend(found.into_iter().map(|found| found.document));
        for found in without_evidence {
            let failure = unusable(&found.error, &visible(&found.path.to_string_lossy()));
            // A folder may hold other things, too.
            if !is_folder {
                return Err(failure);
            }
            session.output.warn(&failure.message);
        }
    }
    Ok(documents)
}

/// Reads what names the steps of a cache.
///
/// # Errors
/// As [`documents`], and when something of it tells no steps.
pub(super) async fn names(session: &Session<'_>, paths: &[PathBuf]) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    for path in paths {
        let documents = documents(session, std::slice::from_ref(path)).await?;
        if documents.is_empty() {
            let shown = visible(&path.to_string_lossy()).into_owned();
            return Err(Failure::message(Exit::Failed, "nothing there tells of a build").on(&shown));
        }
        for document in documents {
            evidence.add_document(document).map_err(|error| {
                let failure = Failure::new(Exit::Failed, &error).on(&visible(&path.to_string_lossy()));
                match error.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            })?;
        }
    }
    Ok(evidence)
}

/// Says that a piece of evidence is none, and what to do about it.
fn unusable(error: &LoadError, shown: &str) -> Failure {
    let failure = Failure::new(Exit::Failed, error).on(shown);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Reads the provenance of the image that `path` names; none when it names a file, or nothing of the sort.
pub(super) async fn of_image(access: &Access, path: &Path) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let (Some(text), false) = (path.to_str(), path.exists()) else { return Ok(None) };
    let Ok(parsed) = Source::parse(text, &Path::is_dir) else { return Ok(None) };
    let (Location::Registry(location), Some(select)) = (&parsed.source.location, &parsed.source.select) else {
        return Ok(None);
    };
    let statements = registry::provenance(location, select, access).await.map_err(BackendError::from)?;
    Ok(Some(statements))
}
