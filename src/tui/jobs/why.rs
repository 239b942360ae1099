//! Explains builds.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::build_command::LoadedEvidence;
use super::evidence;
use super::{Jobs, Reporter};
use crate::backend::SharedReader;
use crate::error::Failure;
use crate::explain::load::imports::{BuildCaches, not_given};
use crate::explain::load::{self, Imported, WhyError};
use crate::inventory::scan::{self, ScanError, ScanOptions};
use crate::inventory::{Inventory, RefEntry, RefId};
use crate::source::{RefSelector, Source, SourceLocation, environment};
use crate::text::escape::visible;
use crate::text::secrets::mask_source;
use crate::tui::effect::BuildImports;
use crate::tui::evidence::{EvidenceReaders, NamedEvidence};
use crate::tui::message::JobReport;
use crate::tui::rows::why::ArrangedExplanation;
use crate::tui::{OpenedSource, Opener};

/// A ref that a build imports, with the access to its store.
struct Import {
    label: String,
    location: Option<SourceLocation>,
    reader: SharedReader,
    inventory: Arc<Inventory>,
    id: RefId,
}

impl Import {
    fn imported(&self) -> Option<Imported<'_>> {
        Some(Imported {
            reader: &self.reader,
            inventory: &self.inventory,
            entry: self.inventory.get_ref(self.id)?,
        })
    }

    /// Returns whether an import of a build is this ref.
    fn is(&self, import: &Source) -> bool {
        let Some(entry) = self.inventory.get_ref(self.id) else {
            return false;
        };
        let digest = entry.digest().valid();
        let is_selected = |select: &RefSelector| {
            let mut names = entry.names();
            names.any(|name| select.selects(name, digest.as_ref()))
        };
        self.location.as_ref() == Some(&import.location)
            && import.select.as_ref().is_none_or(is_selected)
    }
}

impl Jobs {
    /// Explains a build.
    pub(super) fn explain(
        &mut self,
        imports: BuildImports,
        given: NamedEvidence,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let open = Arc::clone(&self.settings.openers.found);
        let readers = self.settings.readers.clone();
        let options = self.scan_options(cancel.clone());
        let store = match &imports {
            BuildImports::Ref { source, .. } => self.store(*source),
            BuildImports::Named => None,
        };
        let job = reporter.job;
        self.tasks.spawn(async move {
            let known = match imports {
                BuildImports::Ref { inventory, id, .. } => store.and_then(|store| {
                    Some(Import {
                        label: store.label,
                        location: store.source.map(|source| source.location),
                        reader: store.reader?,
                        inventory,
                        id,
                    })
                }),
                BuildImports::Named => None,
            };
            let explaining = Box::pin(explain(known, &given, &open, &readers, &options, &reporter));
            if let Some(explained) = cancel.run_until_cancelled(explaining).await {
                reporter
                    .report(JobReport::Explained(explained.map(Arc::new)))
                    .await;
            }
            job
        });
    }
}

async fn explain(
    known: Option<Import>,
    given: &NamedEvidence,
    open: &Opener,
    readers: &EvidenceReaders,
    options: &ScanOptions,
    reporter: &Reporter,
) -> Result<ArrangedExplanation, Vec<String>> {
    let report_progress = |words: String| reporter.report(JobReport::Explaining(words));
    let (mut loaded, baseline) = evidence::of_builds(given, readers)
        .await
        .map_err(|fault| vec![fault])?;
    let mut problems = Vec::new();
    let imports = if let Some(known) = known {
        let notes = not_given(&loaded.documents, source_of, |source| known.is(source));
        loaded.notes.extend(notes);
        vec![known]
    } else {
        let mut opened = Vec::new();
        for text in named(&mut loaded)? {
            let shown = mask_source(&text);
            let shown = visible(&shown);
            report_progress(format!("opening {shown}")).await;
            match import(&text, open, options).await {
                Ok(import) => opened.push(import),
                Err(problem) => problems.push(format!("{shown}: {problem}")),
            }
        }
        opened
    };
    // The content of a cache that cannot be opened is unknown, so steps must not be reported as
    // missing because of it.
    if !problems.is_empty() {
        return Err(problems);
    }
    report_progress("comparing the build with the cache".to_owned()).await;
    let imported: Vec<Imported<'_>> = imports.iter().filter_map(Import::imported).collect();
    let pairs = imports.iter().zip(&imported);
    let against = pairs
        .map(|(import, found)| format!("{}#{}", import.label, found.entry.name))
        .collect();
    let given = load::GivenEvidence {
        not_imported: None,
        wanted: load::Wanted::default(),
        documents: loaded.documents,
        baseline,
        directories: evidence::merged(given.directories(), loaded.directories),
    };
    let mut explanation = load::explain(&imported, given).await.map_err(faults)?;
    explanation.notes.extend(loaded.notes);
    Ok(ArrangedExplanation::new(explanation, against))
}

/// Returns the caches in the build's record or command, in the form of `--cache-from`. Adds notes
/// about imports that are not among them.
fn named(loaded: &mut LoadedEvidence) -> Result<Vec<String>, Vec<String>> {
    let of_commands = std::mem::take(&mut loaded.imports);
    let recorded = match BuildCaches::of_records(&loaded.documents) {
        Ok(recorded) => recorded,
        Err(error) if of_commands.is_empty() => {
            return Err(vec![
                error.to_string(),
                "go to the ref that it imports, and ask why from there".to_owned(),
            ]);
        }
        // The command names the caches.
        Err(_) => BuildCaches::default(),
    };
    loaded.notes.extend(recorded.notes);
    Ok(recorded.caches.into_iter().chain(of_commands).collect())
}

/// Parses the text of an import.
fn source_of(text: &str) -> Option<Source> {
    let text = environment::filled(text, &|name| std::env::var(name).ok());
    let parsed = Source::parse(&text, &Path::is_dir).ok()?;
    Some(parsed.source.as_import())
}

/// Opens a cache by its name, and finds its ref.
async fn import(text: &str, open: &Opener, options: &ScanOptions) -> Result<Import, String> {
    let open = Arc::clone(open);
    let name = text.to_owned();
    let opened = tokio::task::spawn_blocking(move || open(&name)).await;
    let OpenedSource {
        label,
        source,
        reader,
        select,
        ..
    } = opened.map_err(|_| "it was interrupted".to_owned())??;
    let reader = reader.map_err(|failure| failure.to_string())?;
    let select = select.or_else(|| source_of(text)?.select);
    let scanned = async {
        let inventory = scan::scan(&reader, options, |_| ()).await?;
        scan::with_selected(&*reader, inventory, select.as_ref(), options).await
    };
    let inventory = scanned.await.map_err(|error| match error {
        ScanError::Cancelled => "it was stopped".to_owned(),
        ScanError::Backend(error) => Failure::from(error).to_string(),
    })?;
    let is_meant = |entry: &RefEntry| {
        let digest = entry.digest().valid();
        select.as_ref().is_none_or(|select| {
            entry
                .names()
                .any(|name| select.selects(name, digest.as_ref()))
        })
    };
    let mut meant = inventory
        .indexed_refs()
        .filter(|(_, entry)| is_meant(entry));
    let id = match (meant.next(), meant.next()) {
        (Some((id, _)), None) => id,
        (Some((id, _)), Some(_)) if select.as_ref().is_some_and(|s| !s.is_pattern()) => id,
        (Some(_), Some(_)) => {
            return Err("it has several refs: open the source, and go to the one".to_owned());
        }
        (None, _) => return Err(no_such_ref(select.as_ref())),
    };
    drop(meant);
    Ok(Import {
        label,
        location: source.map(|source| source.location),
        reader,
        inventory: Arc::new(inventory),
        id,
    })
}

fn no_such_ref(select: Option<&RefSelector>) -> String {
    match select {
        Some(select) => {
            let wanted = select.to_string();
            format!(
                "it has no ref `{}`, which the build imports",
                visible(&wanted)
            )
        }
        None => "it has no refs".to_owned(),
    }
}

fn faults(error: WhyError) -> Vec<String> {
    let said = error.to_string();
    match error {
        WhyError::NoGraph => {
            vec![
                said,
                "give its provenance (mode=max), its build record, or its LLB definition"
                    .to_owned(),
            ]
        }
        WhyError::NoCache { faults, .. } => std::iter::once(said).chain(faults).collect(),
        WhyError::OtherBuilds { .. } | WhyError::Interrupted => vec![said],
    }
}
