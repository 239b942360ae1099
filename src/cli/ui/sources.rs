//! Opens the sources that the user interface shows, and those that a person names in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::backend::demo::DemoEvidence;
use crate::backend::{self, Access as StoreAccess, SharedReader};
use crate::cli::Global;
use crate::config::Consents;
use crate::error::{Exit, Failure};
use crate::source::{RefSelector, Source, SourceLocation, environment};
use crate::tui::evidence::NamedEvidence;
use crate::tui::pruning::DeletionAccess;
use crate::tui::{self, Finder, OpenedSource, Opener};

/// The permissions to delete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rights {
    /// For the sources of the user.
    pub(super) access: DeletionAccess,
    /// For the demo, which is a copy.
    pub(super) demo: DeletionAccess,
}

impl Rights {
    pub(super) fn of(global: &Global) -> Self {
        let access = if global.write && !global.read_only {
            DeletionAccess::Write
        } else {
            DeletionAccess::ReadOnly
        };
        // The demo is a copy of its own: nothing is lost with it.
        let demo = if global.read_only {
            DeletionAccess::ReadOnly
        } else {
            DeletionAccess::Write
        };
        Self { access, demo }
    }
}

/// The consents that the user gives while the UI runs.
type SharedConsents = Arc<Mutex<Consents>>;

pub(super) fn lock(consents: &SharedConsents) -> std::sync::MutexGuard<'_, Consents> {
    consents.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the function that opens a source that the user names.
pub(super) fn opener(rights: Rights, asking: &StoreAccess) -> tui::Opener {
    let asking = asking.clone();
    Arc::new(move |text| {
        let text = environment::filled(text, &|name| std::env::var(name).ok());
        let parsed = Source::parse(&text, &Path::is_dir).map_err(Failure::from);
        parsed
            .and_then(|parsed| opened(&parsed.source, rights, &asking))
            .map_err(|failure| failure.to_string())
    })
}

/// Returns the function that opens a declared cache chosen by the user; the choice is consent to
/// contact its host.
pub(super) fn declared_opener(
    rights: Rights,
    asking: &StoreAccess,
    consents: &SharedConsents,
) -> tui::Opener {
    let asking = asking.clone();
    let consents = Arc::clone(consents);
    Arc::new(move |text| {
        let parsed = Source::parse(text, &Path::is_dir).map_err(Failure::from);
        parsed
            .and_then(|parsed| opened(&consented(&consents, parsed.source), rights, &asking))
            .map_err(|failure| failure.to_string())
    })
}

/// Saves the user's consent to contact the host of a source. Returns the source with it.
fn consented(consents: &SharedConsents, source: Source) -> Source {
    let (source, saved) = lock(consents).give(source);
    if let Err(error) = saved {
        tracing::warn!(%error, "the consent is kept for this run only");
    }
    source
}

/// Lists a source of the command line or the configuration. A source that a file names and the user
/// has not opened yet waits for that.
pub(super) fn listed(
    source: &Source,
    rights: Rights,
    asking: &StoreAccess,
    consents: &SharedConsents,
) -> Result<OpenedSource, Failure> {
    if source.may_be_contacted() {
        return opened(source, rights, asking);
    }
    let asking = asking.clone();
    let consents = Arc::clone(consents);
    let waiting = source.clone();
    Ok(OpenedSource {
        label: label_of_waiting(source),
        kind: source.kind(),
        source: Some(whole_store(source)),
        reader: Err(Failure::message(
            Exit::Failed,
            "a file of this checkout names it: it is not contacted before you open it",
        )),
        select: source.select.clone(),
        find: None,
        copy_journals: None,
        evidence: NamedEvidence::default(),
        evidence_of_refs: BTreeMap::new(),
        pruner: None,
        waiting: Some(Arc::new(move || {
            let source = consented(&consents, waiting.clone());
            opened(&source, rights, &asking)
        })),
    })
}

/// Opens a source for the UI. An unreadable store is a row like others; its scan reports the error.
pub(super) fn opened(
    source: &Source,
    rights: Rights,
    asking: &StoreAccess,
) -> Result<OpenedSource, Failure> {
    let is_demo = matches!(source.location, SourceLocation::Demo);
    let access = if is_demo { rights.demo } else { rights.access };
    let pruner = if access == DeletionAccess::Write {
        backend::open_pruner(source, asking)
    } else {
        None
    };
    let pattern = source.ref_pattern();
    let reads_all = source.select.is_none() || pattern.is_some();
    // The same instance, so that the next plan knows what a deletion revealed about the store.
    let reader = match &pruner {
        Some(pruner) if reads_all => Arc::clone(pruner) as SharedReader,
        _ => backend::open(source, asking)?,
    };
    let store = whole_store(source);
    Ok(OpenedSource {
        label: label(&store),
        kind: source.kind(),
        source: Some(store),
        reader: Ok(reader),
        select: match pattern {
            Some(pattern) => Some(RefSelector::Glob(pattern)),
            None => source.select.clone(),
        },
        find: backend::may_be_several(source).then(|| finder(source, rights, asking)),
        copy_journals: (is_demo && pruner.is_some())
            .then(backend::demo::journals)
            .flatten(),
        evidence: (is_demo.then(backend::demo::evidence).flatten())
            .map(named_evidence)
            .unwrap_or_default(),
        evidence_of_refs: if is_demo {
            let builds = backend::demo::other_builds().into_iter();
            builds
                .map(|(name, evidence)| (name.to_owned(), named_evidence(evidence)))
                .collect()
        } else {
            BTreeMap::new()
        },
        pruner,
        waiting: None,
    })
}

/// Names the evidence of a build of the demo.
fn named_evidence(evidence: DemoEvidence) -> NamedEvidence {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    NamedEvidence::new(
        evidence.build.into_iter().map(text).collect(),
        vec![text(evidence.baseline)],
        vec![text(evidence.context)],
    )
}

/// Returns the function that finds the stores of a source.
fn finder(source: &Source, rights: Rights, asking: &StoreAccess) -> Finder {
    let source = source.clone();
    let asking = asking.clone();
    Arc::new(move |sender| {
        let source = source.clone();
        let asking = asking.clone();
        Box::pin(async move {
            let (found, mut stores) = mpsc::channel(1);
            let finding = backend::find_stores(&source, &asking, found);
            let sending = async {
                while let Some(store) = stores.recv().await {
                    // From here on it is a store of its own.
                    let store = opened(&store, rights, &asking).map(|store| OpenedSource {
                        find: None,
                        ..store
                    });
                    if let Ok(store) = store
                        && sender.send(store).await.is_err()
                    {
                        return;
                    }
                }
            };
            let (end, ()) = tokio::join!(finding, sending);
            end.map_err(Failure::from)
        })
    })
}

/// Returns the store that a source lies in. The scope of a GitHub cache narrows its refs only.
pub(super) fn whole_store(source: &Source) -> Source {
    let mut store = Source {
        select: None,
        ..source.clone()
    };
    if let SourceLocation::Gha(gha) = &mut store.location {
        gha.scope = None;
    }
    store
}

/// Returns what a source is called that is not open yet: with the pattern of the refs that are
/// meant.
fn label_of_waiting(source: &Source) -> String {
    match &source.select {
        Some(select) if select.is_pattern() => source.to_string(),
        _ => label(source),
    }
}

/// Returns the display name of a source; for a bucket, only the path of the cache in it.
fn label(source: &Source) -> String {
    match &source.location {
        SourceLocation::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.prefix)
            .trim_end_matches('/')
            .to_owned(),
        _ => Source {
            select: None,
            ..source.clone()
        }
        .to_string(),
    }
}

/// Opens the stores that a search finds.
pub(super) fn found_opener(
    rights: Rights,
    asking: StoreAccess,
    consents: SharedConsents,
) -> Opener {
    Arc::new(move |text| {
        let parsed = Source::parse(text, &Path::is_dir).map_err(Failure::from);
        let judge = |source| lock(&consents).judge(source);
        parsed
            .and_then(|parsed| opened(&judge(parsed.source), rights, &asking))
            .map_err(|failure| failure.to_string())
    })
}
