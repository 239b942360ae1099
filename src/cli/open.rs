//! From the sources that a user names to inventories.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Session;
use crate::backend::{self, SharedReader};
use crate::config::Origin;
use crate::error::{Exit, Failure};
use crate::format::text::visible;
use crate::inventory::scan::{self, ScanOptions};
use crate::inventory::{Inventory, RefEntry, RefId};
use crate::source::{Location, RefSelector, Source};

/// A source with a reader that can be asked.
pub(super) struct Opened {
    pub source: Source,
    pub reader: SharedReader,
}

impl Opened {
    /// Returns the source's name without its `#REF`, as results name it.
    pub(super) fn label(&self) -> String {
        Source { select: None, ..self.source.clone() }.to_string()
    }

    /// Returns the same, fit to be shown.
    pub(super) fn shown(&self) -> String {
        visible(&self.label()).into_owned()
    }
}

/// A source with what a scan found in it.
pub(super) struct Scanned {
    pub opened: Opened,
    pub inventory: Inventory,
}

impl Scanned {
    /// Returns the refs that the source means: all, or those of its `#REF`.
    pub(super) fn selected(&self) -> Vec<(RefId, &RefEntry)> {
        let refs = self.inventory.indexed_refs().filter(|(_, entry)| self.is_in_scope(entry));
        let Some(select) = &self.opened.source.select else { return refs.collect() };
        let means = |entry: &RefEntry| {
            let digest = entry.digest().valid();
            entry.names().any(|name| select.selects(name, digest.as_ref()))
        };
        refs.filter(|(_, entry)| means(entry)).collect()
    }

    /// Tells whether a ref is in the scope of GitHub Actions that the source names, when it names one.
    fn is_in_scope(&self, entry: &RefEntry) -> bool {
        let Location::Gha(gha) = &self.opened.source.location else { return true };
        gha.scope
            .as_ref()
            .is_none_or(|scope| entry.name.strip_prefix(scope.as_str()).is_some_and(|rest| rest.starts_with('@')))
    }
}

/// Parses the sources of a command, or takes those of the configuration when it names none.
pub(super) fn sources(session: &Session<'_>, texts: &[String]) -> Result<Vec<Source>, Failure> {
    if texts.is_empty() {
        let configured = configured(session)?;
        if configured.is_empty() {
            let failure = Failure::message(Exit::Usage, "no source is named, and none is configured");
            return Err(failure.hint(
                "name a directory that type=local wrote, or try `demo`; `sources` in cachelens.toml works, too",
            ));
        }
        return Ok(configured);
    }
    texts.iter().map(|text| parse(session, text)).collect()
}

/// Returns the sources of the configuration.
///
/// # Errors
/// When a file that merely lies around, as in a repository that was cloned, names a service of its own for S3: it would get
/// what the environment's keys sign.
pub(super) fn configured(session: &Session<'_>) -> Result<Vec<Source>, Failure> {
    let of_user = etcetera::choose_base_strategy().ok().map(|strategy| etcetera::BaseStrategy::config_dir(&strategy));
    for setting in &session.settings.sources {
        let Origin::File { path, line } = &setting.origin else { continue };
        let is_chosen = session.config_is_named || of_user.as_ref().is_some_and(|of_user| path.starts_with(of_user));
        if setting.value.signs_for_another_service() && !is_chosen {
            let file = visible(&path.to_string_lossy()).into_owned();
            let message = format!(
                "{file}:{line}: names an S3 service of its own, which would get requests signed with your keys"
            );
            return Err(Failure::message(Exit::Usage, message)
                .hint("when it is yours, name the file with --config, or the source itself"));
        }
    }
    Ok(session.settings.sources.iter().map(|setting| setting.value.clone()).collect())
}

/// Parses one source, and warns about what is odd in it.
pub(super) fn parse(session: &Session<'_>, text: &str) -> Result<Source, Failure> {
    let parsed = Source::parse(text, &Path::is_dir)?;
    for warning in &parsed.warnings {
        session.output.warn(&warning.to_string());
    }
    Ok(parsed.source)
}

/// Opens and scans sources, one after the other. What fails is given apart, so that the rest is of use. A bucket is the cache in
/// its root: whoever compares refs, or means to delete, names what is meant.
///
/// # Errors
/// When a source is of a kind that this build does not open, before anything is read; when the user interrupts.
pub(super) async fn scan_all(
    session: &Session<'_>,
    sources: Vec<Source>,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    scan_each(session, sources, |source| matches!(source.location, Location::S3(_))).await
}

/// Scans sources as [`scan_all`] does, a bucket being all the caches that are found in it.
///
/// # Errors
/// As [`scan_all`].
pub(super) async fn scan_found(
    session: &Session<'_>,
    sources: Vec<Source>,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    scan_each(session, sources, |_| false).await
}

/// Opens and scans sources, those that are one store alone as they are.
async fn scan_each(
    session: &Session<'_>,
    sources: Vec<Source>,
    is_one: impl Fn(&Source) -> bool,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    let (access, mut opened) = (session.access(), Vec::new());
    let (mut scanned, mut failures) = (Vec::new(), Vec::new());
    for source in sources {
        let label = source.to_string();
        let expanded =
            if is_one(&source) { Ok((vec![source], None)) } else { Box::pin(backend::expand(source, &access)).await };
        match expanded {
            Ok((found, left_out)) => {
                if let Some(left_out) = left_out {
                    session.output.warn(&format!("{}: {left_out}", visible(&label)));
                }
                for source in found {
                    opened.push(Opened { reader: backend::open(&source, &access)?, source });
                }
            }
            Err(error) => failures.push((label, error.into())),
        }
    }
    for opened in opened {
        let label = opened.label();
        match scan(session, opened).await {
            Ok(result) => {
                for warning in &result.inventory.warnings {
                    session.output.warn(&format!("{}: {warning}", result.opened.shown()));
                }
                if result.opened.source.select.is_some() && result.selected().is_empty() {
                    failures.push((label, no_such_ref(&result)));
                } else {
                    scanned.push(result);
                }
            }
            Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
            Err(failure) => failures.push((label, failure)),
        }
    }
    Ok((scanned, failures))
}

async fn scan(session: &Session<'_>, opened: Opened) -> Result<Scanned, Failure> {
    let shown = opened.shown();
    let options =
        ScanOptions { concurrency: session.settings.concurrency.value.get(), cancel: session.cancel.child_token() };
    let signs_of_life = AtomicU64::new(0);
    let reader = Arc::clone(&opened.reader);
    let scanning = scan::scan(&reader, &options, |inventory| {
        signs_of_life.fetch_add(1, Ordering::Relaxed);
        session.output.progress.scanning(&shown, inventory);
    });
    let silence = until_silent(&signs_of_life, session.settings.timeout.value);
    let inventory = tokio::select! {
        inventory = scanning => inventory?,
        timeout = silence => {
            let message = format!("{shown} has not answered for {}s", timeout.as_secs());
            return Err(Failure::message(Exit::Failed, message).hint("give it more time with --timeout"));
        }
    };
    tracing::info!(source = shown, refs = inventory.refs.len(), blobs = inventory.blobs.len(), "scanned");
    Ok(Scanned { opened, inventory })
}

/// Ends when `signs_of_life` has not changed for as long as `timeout`.
async fn until_silent(signs_of_life: &AtomicU64, timeout: Duration) -> Duration {
    let mut seen = None;
    loop {
        let now = Some(signs_of_life.load(Ordering::Relaxed));
        if now == seen {
            return timeout;
        }
        seen = now;
        tokio::time::sleep(timeout).await;
    }
}

pub(super) fn no_such_ref(scanned: &Scanned) -> Failure {
    let wanted = match &scanned.opened.source.select {
        Some(RefSelector::Name(name)) => name.clone(),
        Some(RefSelector::AnyOf(names)) => names.join(" or "),
        Some(RefSelector::Digest(digest)) => digest.to_string(),
        None => String::new(),
    };
    let label = scanned.opened.shown();
    let message = format!("{label} has no ref `{}`", visible(&wanted));
    let names: Vec<&str> = scanned.inventory.refs.iter().map(|entry| entry.name.as_str()).collect();
    let hint = match crate::nearest::nearest(&wanted, names.iter().copied()) {
        Some(near) => format!("did you mean `{}`?", visible(near)),
        None if names.is_empty() => "it has no refs at all".to_owned(),
        None => format!("`cachelens ls {label}` lists the {} that it has", names.len()),
    };
    Failure::message(Exit::Failed, message).hint(hint)
}

/// Reports what failed and says how the command ends.
pub(super) fn conclude(session: &Session<'_>, done: usize, failures: Vec<(String, Failure)>) -> Exit {
    let exit = match (done, failures.first()) {
        (_, None) => Exit::Done,
        (0, Some((_, first))) => first.exit,
        _ => Exit::Partial,
    };
    for (_, failure) in failures {
        session.output.failure(&failure);
    }
    exit
}
