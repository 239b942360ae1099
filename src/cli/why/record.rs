//! The imported caches in build records, including those without a usable location.

use super::WhyArguments;
use super::build::have_graph;
use super::command::quoted;
use crate::cli::CliSession;
use crate::cli::open;
use crate::error::{Exit, Failure};
use crate::explain::load::imports::{self, BuildCaches, NoRecordedCache, records};
use crate::explain::load::note::Note;
use crate::format::evidence::{EvidenceDocument, EvidenceDocumentError};
use crate::source::Source;
use crate::text::escape::visible;

/// Returns the caches that a build imported according to its record, and notes about those whose
/// location the record does not contain.
///
/// # Errors
/// Fails if none can be opened.
pub(super) fn sources_of_imports(
    session: &CliSession<'_>,
    documents: &[EvidenceDocument],
    arguments: &WhyArguments,
) -> Result<(Vec<Source>, Vec<Note>), Failure> {
    let BuildCaches { caches, notes } = match BuildCaches::of_records(documents) {
        Ok(found) => found,
        Err(error) => {
            let command = format!("cachelens why SOURCE#REF {}", arguments.typed());
            let hint = match error {
                NoRecordedCache::NoImport => {
                    "name the ref that the build imports, as in `cachelens why ./cache#main --build build.json`"
                        .to_owned()
                }
                NoRecordedCache::OnlyTypes(_) => format!("name the cache: {}", command.trim_end()),
            };
            return Err(Failure::new(Exit::Usage, &error).hint(hint));
        }
    };
    // The author of the record chose these sources.
    let sources = caches
        .iter()
        .map(|cache| open::parse_found(session, cache).map(Source::as_import));
    let sources: Vec<Source> = sources.collect::<Result<_, _>>()?;
    Ok((sources, notes))
}

/// Returns notes on the imports of a record that the user did not give.
pub(super) fn not_given(
    session: &CliSession<'_>,
    documents: &[EvidenceDocument],
    sources: &[Source],
) -> Vec<Note> {
    let is_it = |given: &Source, found: &Source| {
        given.location == found.location && given.select == found.select
    };
    imports::not_given(
        documents,
        |text| open::parse_found(session, text).ok(),
        |found| sources.iter().any(|given| is_it(given, found)),
    )
}

/// Returns a failure if a record contains no steps, and no other evidence does either.
pub(super) fn without_steps(documents: &[EvidenceDocument]) -> Option<Failure> {
    if have_graph(documents) {
        return None;
    }
    let has_options =
        |document: &EvidenceDocument| matches!(document, EvidenceDocument::Options(_));
    if documents.iter().any(has_options) {
        let error = EvidenceDocumentError::NoSteps;
        let hint = error.hint().unwrap_or_default();
        return Some(Failure::new(Exit::Failed, &error).hint(hint));
    }
    let record = records(documents).next()?;
    let message = match record.failure() {
        Some(failure) => {
            let failure = crate::text::secrets::mask(&failure);
            format!(
                "the build {}, so its record holds no steps",
                visible(&failure)
            )
        }
        None => "the build record holds no provenance, so it holds no steps".to_owned(),
    };
    Some(Failure::message(Exit::Usage, message).hint(
        "give the Dockerfile of the build with -f and its context with --context; the record has the options and the log",
    ))
}

impl WhyArguments {
    /// Returns the evidence arguments as typed, with the records as `--build`.
    fn typed(&self) -> String {
        let mut words = Vec::new();
        for source in &self.sources {
            words.push(format!("--build {}", quoted(source.expose())));
        }
        let flags = [("--build", &self.build), ("--baseline", &self.baseline)];
        for (flag, paths) in flags {
            words.extend(
                paths
                    .iter()
                    .map(|path| format!("{flag} {}", quoted(&path.to_string_lossy()))),
            );
        }
        words.extend(
            self.context
                .iter()
                .map(|context| format!("--context {}", quoted(context))),
        );
        words.join(" ")
    }
}
