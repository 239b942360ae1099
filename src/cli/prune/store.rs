//! Opens the store that a `prune` command changes: that of a source, or that of a saved plan.

use std::fs;
use std::path::Path;

use super::{PruneArguments, journals, shown};
use crate::backend::{self, SharedPruner};
use crate::cli::{CliSession, open};
use crate::error::{Exit, Failure};
use crate::prune::plan::Plan;
use crate::source::{LocalLocation, Place, Source, SourceLocation, SourceText, Trust};
use crate::text::escape::visible;
use crate::text::shell;

/// Opens a source for deletion.
pub(super) fn pruner(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    source: &Source,
) -> Result<SharedPruner, Failure> {
    let mut access = session.access();
    access.s3.no_recheck = arguments.no_recheck;
    if arguments.no_recheck && !matches!(source.location, SourceLocation::S3(_)) {
        let message = format!(
            "{source} is no bucket: only there each blob is looked at again, and --no-recheck is of use"
        );
        return Err(Failure::message(Exit::Usage, message));
    }
    backend::open_pruner(source, &access).ok_or_else(|| {
        Failure::message(Exit::Usage, format!("nothing can be deleted from {source}"))
    })
}

/// A plan or journal, as the user named it.
pub(super) struct NamedFile<'a> {
    /// The flag that names it.
    pub(super) flag: &'static str,
    pub(super) path: &'a Path,
}

/// Opens the store of a plan or journal.
///
/// A store on this machine is opened as the file names it. A remote one is opened as SOURCE names
/// it, so that the user chooses its address and credentials. Only files in cachelens's own state
/// directory are trusted to name a remote store.
///
/// # Errors
/// Fails if the file is not trusted and no SOURCE is given, or if SOURCE is another store.
pub(super) async fn pruner_of(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    plan: &Plan,
    file: NamedFile<'_>,
) -> Result<SharedPruner, Failure> {
    if let [named] = arguments.sources.as_slice() {
        let source = open::parse(session, named)?;
        let place = backend::open(&source, &session.access())?.place().await?;
        if place == *plan.place() {
            return pruner(session, arguments, &source);
        }
        let message = format!(
            "{} is a plan for {}, not for {named}",
            shown(file.path),
            visible(&plan.place().to_string())
        );
        return Err(Failure::message(Exit::Usage, message));
    }
    if !arguments.sources.is_empty() {
        let message = format!("`{}` takes one SOURCE: the store of the plan", file.flag);
        return Err(Failure::message(Exit::Usage, message));
    }
    if matches!(plan.place(), Place::Local(_)) || is_own_file(file.path) {
        return pruner_at(session, arguments, plan);
    }
    let message = format!(
        "{} is not in cachelens's own directory, and its store is not on this machine: {}",
        shown(file.path),
        visible(&plan.place().to_string())
    );
    let command = format!(
        "cachelens {} {} {} {}",
        arguments.command(),
        file.flag,
        shell::word(&visible(&file.path.to_string_lossy())),
        shell::word(&visible(plan.source()))
    );
    Err(Failure::message(Exit::Usage, message).hint(format!(
        "if that is the store that you mean, name it as well: {command}"
    )))
}

/// Returns whether a file lies in the directory of cachelens's journals.
fn is_own_file(path: &Path) -> bool {
    let Some(folder) = journals().and_then(|journals| Some(journals.parent()?.to_owned())) else {
        return false;
    };
    match (fs::canonicalize(path), fs::canonicalize(folder)) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

/// Opens the store that a plan names.
fn pruner_at(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    plan: &Plan,
) -> Result<SharedPruner, Failure> {
    let source = match plan.place() {
        Place::Local(dir) => Source {
            location: SourceLocation::Local(LocalLocation { dir: dir.clone() }),
            select: None,
            ignored: Vec::new(),
            trust: Trust::default(),
        },
        place => open::parse(session, &SourceText::from(place.source()))?,
    };
    pruner(session, arguments, &source)
}
