//! Opens the sources of a command and scans them.

use std::path::Path;

use super::{CliSession, init};
use crate::backend::SharedReader;
use crate::config::LoadedHistory;
use crate::error::{Exit, Failure};
use crate::find::Mistake;
use crate::inventory::{Inventory, RefEntry, RefId, StoreWarning};
use crate::source::{RefSelector, Source, SourceLocation, SourceText, Trust, environment};
use crate::text::escape::visible;
use crate::text::pattern::fits_stars;

mod scan;

pub(super) use scan::{scan_all, scan_found};

/// A source with its reader.
pub(super) struct Opened {
    pub source: Source,
    pub reader: SharedReader,
}

impl Opened {
    /// Returns the source's name without its `#REF`, as results show it.
    pub(super) fn label(&self) -> String {
        Source {
            select: None,
            ..self.source.clone()
        }
        .to_string()
    }

    /// Returns the same name, escaped for display.
    pub(super) fn shown(&self) -> String {
        visible(&self.label()).into_owned()
    }
}

/// A source with the result of its scan.
pub(super) struct Scanned {
    pub opened: Opened,
    pub inventory: Inventory,
    /// What earlier scans found, with this one.
    pub past: LoadedHistory,
}

impl Scanned {
    /// Returns the selected refs: all, or those of the source's `#REF`.
    pub(super) fn selected(&self) -> Vec<(RefId, &RefEntry)> {
        let refs = self
            .inventory
            .indexed_refs()
            .filter(|(_, entry)| self.is_in_scope(entry));
        let Some(select) = &self.opened.source.select else {
            return refs.collect();
        };
        let means = |entry: &RefEntry| {
            let digest = entry.digest().valid();
            entry
                .names()
                .any(|name| select.selects(name, digest.as_ref()))
        };
        refs.filter(|(_, entry)| means(entry)).collect()
    }

    /// Returns whether a ref is in the GitHub Actions scope that the source names, if it names one.
    fn is_in_scope(&self, entry: &RefEntry) -> bool {
        let SourceLocation::Gha(gha) = &self.opened.source.location else {
            return true;
        };
        gha.scope.as_ref().is_none_or(|scope| {
            // The branch follows.
            fits_stars(&format!("{scope}@*"), &entry.name)
        })
    }
}

/// Parses the sources of a command, or returns those of the configuration if there are none. The
/// result includes sources that a file names and the user has not opened; opening them fails with
/// an explanation.
///
/// Naming a source is consent to contact its host for sources that files of this checkout name
/// there.
pub(super) fn sources(
    session: &CliSession<'_>,
    texts: &[SourceText],
) -> Result<Vec<Source>, Failure> {
    if texts.is_empty() {
        let configured = configured(session);
        if configured.is_empty() {
            let failure =
                Failure::message(Exit::Usage, "no source is named, and none is configured");
            return Err(failure.hint(
                "name a directory that type=local wrote, or try `demo`; `sources` in cachelens.toml works, too",
            ));
        }
        return Ok(configured);
    }
    let named: Vec<Source> = texts
        .iter()
        .map(|text| parse(session, text))
        .collect::<Result<_, _>>()?;
    if let ([text], [source]) = (texts, named.as_slice()) {
        image_for_directory(text.expose(), source)?;
    }
    let found = configured(session)
        .into_iter()
        .filter(|source| source.trust == Trust::Found);
    for found in found {
        let host = found.host();
        if host.is_some() && named.iter().any(|named| named.host() == host) {
            session.consent_to(found);
        }
    }
    Ok(named)
}

/// Refuses a single word such as `alpine` that names no directory here: Docker takes it for an
/// image.
fn image_for_directory(text: &str, source: &Source) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let SourceLocation::Local(local) = &source.location else {
        return Ok(());
    };
    if !text.chars().all(is_plain) || local.dir.exists() {
        return Ok(());
    }
    let failure = Failure::message(Exit::Failed, format!("{text} does not exist"));
    Err(failure.hint(format!(
        "name the directory that `--cache-to type=local,dest=…` writes; the image on Docker Hub is docker.io/library/{text}"
    )))
}

/// Parses the sources of a read-only command. Without any, returns those of the configuration, and
/// without these, those that files below the current directory declare. Directories that no build
/// has written yet are skipped.
///
/// # Errors
/// The same as [`sources()`].
pub(super) fn sources_to_read(
    session: &CliSession<'_>,
    texts: &[SourceText],
) -> Result<Vec<Source>, Failure> {
    let found = find_sources(session, texts, LookFor::Sources)?;
    Ok(found.0)
}

/// Mistakes in the declarations of sources, each with the name of its source.
pub(super) type SourceMistakes = Vec<(String, Mistake)>;

/// Returns the sources as [`sources_to_read`] does. With no SOURCE named, those that were found in
/// this checkout come with the mistakes in their declarations.
///
/// # Errors
/// As [`sources()`].
pub(super) fn sources_with_mistakes(
    session: &CliSession<'_>,
    texts: &[SourceText],
) -> Result<(Vec<Source>, SourceMistakes), Failure> {
    find_sources(session, texts, LookFor::Mistakes)
}

/// Why the files of the current directory are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookFor {
    /// For sources, where none is named or configured.
    Sources,
    /// For mistakes in the declarations of the sources, too.
    Mistakes,
}

fn find_sources(
    session: &CliSession<'_>,
    texts: &[SourceText],
    look_for: LookFor,
) -> Result<(Vec<Source>, SourceMistakes), Failure> {
    let configured = configured(session);
    // The user's own configuration may be used anywhere, in a home directory, too.
    let is_of_checkout = configured.iter().all(|source| source.trust != Trust::Named);
    let looks = configured.is_empty() || (look_for == LookFor::Mistakes && is_of_checkout);
    if texts.is_empty() && looks {
        let here = init::declared_here(Path::new("."));
        if let Err(error) = &here {
            tracing::warn!(%error, "the current directory is not searched for caches");
        }
        let Ok(here) = here else {
            return Ok((sources(session, texts)?, Vec::new()));
        };
        if !configured.is_empty() {
            let mistakes = here.mistakes_of(&configured);
            return Ok((configured, mistakes));
        }
        let declared = present(session, here.sources.clone());
        if !declared.is_empty() {
            let shown: Vec<String> = declared
                .iter()
                .map(|source| visible(&source.to_string()).into_owned())
                .collect();
            let words = format!(
                "no source is named: files of this directory declare {}",
                shown.join(", ")
            );
            tracing::info!("{words}");
            let mistakes = here.mistakes_of(&declared);
            return Ok((declared, mistakes));
        }
    }
    Ok((sources(session, texts)?, Vec::new()))
}

/// Returns the stores of the sources, each once, regardless of selected refs.
pub(super) fn whole_stores(sources: Vec<Source>) -> Vec<Source> {
    let mut stores: Vec<Source> = Vec::new();
    for source in sources {
        let store = Source {
            select: None,
            ..source
        };
        if !stores.iter().any(|known| known.location == store.location) {
            stores.push(store);
        }
    }
    stores
}

/// Returns the sources, with the whole store of each that names one ref; each store once.
pub(super) fn without_refs(sources: Vec<Source>) -> Vec<Source> {
    let mut stores: Vec<Source> = Vec::new();
    for mut source in sources {
        source.select = source.select.filter(RefSelector::is_pattern);
        let is_same =
            |known: &Source| known.location == source.location && known.select == source.select;
        if !stores.iter().any(is_same) {
            stores.push(source);
        }
    }
    stores
}

/// Returns the declared sources that exist, as far as that is known without contacting a service,
/// with their trust.
pub(super) fn present(session: &CliSession<'_>, declared: Vec<Source>) -> Vec<Source> {
    declared
        .into_iter()
        .map(|source| session.judged(source))
        .filter(|source| source.directory().is_none_or(Path::is_dir))
        .collect()
}

/// Returns the sources of the configuration.
pub(super) fn configured(session: &CliSession<'_>) -> Vec<Source> {
    let settings = session.settings.sources.iter();
    settings.map(|setting| setting.value.clone()).collect()
}

/// Parses a source that the user names, and warns about anything unusual in it.
pub(super) fn parse(session: &CliSession<'_>, text: &SourceText) -> Result<Source, Failure> {
    let text = environment::filled(text.expose(), &|name| std::env::var(name).ok());
    let parsed = Source::parse(&text, &Path::is_dir)?;
    if parsed.source.has_vague_place() && parsed.source.directory().is_none_or(|dir| !dir.is_dir())
    {
        let message = format!("{} names no store", visible(&parsed.source.to_string()));
        return Err(Failure::message(Exit::Usage, message)
            .hint("`*` may stand for refs: a tag, a name of an S3 manifest, a scope"));
    }
    for warning in &parsed.warnings {
        session.output.warn(&warning.to_string());
    }
    Ok(parsed.source)
}

/// Parses one source that a file names.
pub(super) fn parse_found(session: &CliSession<'_>, text: &str) -> Result<Source, Failure> {
    let text = SourceText::from(text.to_owned());
    Ok(session.judged(parse(session, &text)?))
}

pub(super) fn no_such_ref(scanned: &Scanned) -> Failure {
    let select = scanned.opened.source.select.as_ref();
    let label = scanned.opened.shown();
    if let Some(pattern) = select.filter(|select| select.is_pattern()) {
        let message = format!("no ref of {label} fits `{}`", visible(&pattern.to_string()));
        let hint = format!("`cachelens ls {label}` lists its refs");
        return Failure::message(Exit::Failed, message).hint(hint);
    }
    let wanted = match select {
        Some(RefSelector::AnyOf(names)) => names.join(" or "),
        Some(select) => select.to_string(),
        None => String::new(),
    };
    let message = format!("{label} has no ref `{}`", visible(&wanted));
    let names: Vec<&str> = scanned
        .inventory
        .refs
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    let hint = match crate::text::nearest::nearest(&wanted, names.iter().copied()) {
        Some(near) => format!("did you mean `{}`?", visible(near)),
        None if names.is_empty() => "it has no refs at all".to_owned(),
        None => format!(
            "`cachelens ls {label}` lists the {} that it has",
            names.len()
        ),
    };
    let failure = Failure::message(Exit::Failed, message).hint(hint);
    let mut warnings = scanned.inventory.warnings.iter();
    if warnings.any(|warning| matches!(warning, StoreWarning::Part(_))) {
        return failure;
    }
    failure.absent()
}

/// Returns the failures to read documents of the selected refs, one for each source: the refs are
/// listed, and what is in them is not known.
pub(super) fn unread(scanned: &[Scanned]) -> Vec<(String, Failure)> {
    let of_source = |scanned: &Scanned| {
        let selected = scanned.selected();
        let failed = |entry: &&RefEntry| {
            entry
                .faults
                .iter()
                .any(|fault| fault.read_failure.is_some())
        };
        let mut refs = selected.iter().map(|(_, entry)| *entry).filter(failed);
        let first = refs.next()?;
        let which = match refs.count() {
            0 => visible(&first.name).into_owned(),
            more => format!("{} refs", more + 1),
        };
        let fault = first
            .faults
            .iter()
            .find(|fault| fault.read_failure.is_some())?;
        let message = format!("{}: {which} could not be read", scanned.opened.shown());
        let mut failure = Failure::message(Exit::Partial, message);
        failure.causes.push(fault.to_string());
        Some((scanned.opened.label(), failure))
    };
    scanned.iter().filter_map(of_source).collect()
}

/// Reports failures that do not affect the exit code, such as a source that is listed only in part.
pub(super) fn report(session: &CliSession<'_>, failures: &[(String, Failure)]) {
    for (_, failure) in failures {
        session.output.failure(failure);
    }
}

/// Reports failures and returns the exit code.
pub(super) fn conclude(
    session: &CliSession<'_>,
    done: usize,
    failures: &[(String, Failure)],
) -> Exit {
    let exit = match (done, failures.first()) {
        (_, None) => Exit::Done,
        (0, Some((_, first))) => first.exit,
        _ => Exit::Partial,
    };
    report(session, failures);
    exit
}
