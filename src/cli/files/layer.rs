//! Finds the layer that a digest or a step names.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::CliSession;
use crate::cli::evidence::StepEvidence;
use crate::cli::open::Scanned;
use crate::cli::show::{self, rows};
use crate::error::{Exit, Failure};
use crate::format::digest::Digest;
use crate::inventory::below::{self, LayersBelow};
use crate::inventory::cache::RefCache;
use crate::inventory::filter::Filter;
use crate::inventory::{RefEntry, image};
use crate::report::documents::FirstIndexes;
use crate::text::escape::visible;

/// The minimum number of hexadecimal digits that select a digest.
const SHORTEST_PREFIX: usize = 6;

/// The maximum number of candidates in an error.
const CANDIDATES: usize = 8;

/// The selected layer, and the step that led to it.
pub(in crate::cli) struct SelectedLayer {
    pub(in crate::cli) digest: Digest,
    pub(in crate::cli) step: Option<String>,
    /// The layers below it in the result of the step.
    pub(in crate::cli) below: Option<LayersBelow>,
}

/// Finds the selected layer.
pub(in crate::cli) async fn find(
    session: &CliSession<'_>,
    scanned: &Scanned,
    layer: &str,
    provenance: &[PathBuf],
) -> Result<SelectedLayer, Failure> {
    let wanted = layer.trim();
    if wanted.is_empty() {
        let failure = Failure::message(Exit::Usage, "the layer is empty");
        return Err(failure.hint("name it by a digest, or by a step of a ref"));
    }
    let entry = match scanned.opened.source.select {
        Some(_) => Some(show::the_ref(session, scanned)?),
        None => None,
    };
    if let Some(digest) = by_digest(scanned, entry, wanted)? {
        return Ok(SelectedLayer {
            digest,
            step: None,
            below: None,
        });
    }
    let entry = match entry {
        Some(entry) => entry,
        None if wanted.parse::<Digest>().is_ok() || is_prefix(wanted) => {
            let message = format!("{} holds no blob {wanted}", scanned.opened.shown());
            return Err(Failure::message(Exit::Failed, message)
                .hint("`cachelens blobs SOURCE` lists its blobs; for the key of a step, name its ref as in SOURCE#REF"));
        }
        None => show::the_ref(session, scanned)?,
    };
    let steps = steps(session, scanned, entry, provenance).await?;
    by_step(&steps, wanted, scanned, entry)
}

/// Finds the layers below a layer, with the names of their steps.
pub(super) async fn below(
    session: &CliSession<'_>,
    scanned: &Scanned,
    selected: &SelectedLayer,
    provenance: &[PathBuf],
) -> Result<LayersBelow, String> {
    let inventory = &scanned.inventory;
    let below = if let Some(below) = &selected.below {
        below.clone()
    } else {
        let from = match scanned.opened.source.select {
            Some(_) => Some(show::the_ref(session, scanned).map_err(|failure| failure.message)?),
            None => None,
        };
        let reader = &*scanned.opened.reader;
        let found = below::find(reader, inventory, selected.digest, from).await;
        found.map_err(|why| why.to_string())?
    };
    let mut refs = inventory.indexed_refs().map(|(_, entry)| entry);
    let Some(entry) = refs.find(|entry| entry.name == below.from) else {
        return Ok(below);
    };
    // Without names, the digests have to do.
    let steps = steps(session, scanned, entry, provenance).await;
    let steps = steps.unwrap_or_default();
    Ok(below.named(|digest| {
        let layer = digest.to_string();
        let step = steps
            .iter()
            .find(|step| step.layer.as_ref() == Some(&layer));
        step.map(|step| step.title.clone())
    }))
}

/// Returns the blob for a digest, or for the first digits of one.
fn by_digest(
    scanned: &Scanned,
    entry: Option<&RefEntry>,
    wanted: &str,
) -> Result<Option<Digest>, Failure> {
    if let Ok(digest) = wanted.parse::<Digest>() {
        let blobs = &scanned.inventory.blobs;
        // A store without a listing may hold a blob that no ref references.
        if blobs.find(&digest).is_some() || scanned.inventory.unlisted.is_some() {
            return Ok(Some(digest));
        }
        return Ok(None);
    }
    if !is_prefix(wanted) {
        return Ok(None);
    }
    let hex = hex_of(wanted);
    let Ok(filter) = Filter::parse(&format!("digest:{hex}")) else {
        return Ok(None);
    };
    let blobs = scanned.inventory.blobs.iter().filter(|blob| {
        let is_meant = entry.is_none_or(|entry| entry.reaches(blob.id()));
        is_meant && filter.matches(&OnlyDigest(blob.digest()), Timestamp::UNIX_EPOCH)
    });
    let found: Vec<Digest> = blobs
        .map(|blob| blob.digest())
        .take(CANDIDATES + 1)
        .collect();
    match found.as_slice() {
        [] => Ok(None),
        [digest] => Ok(Some(*digest)),
        several => {
            let names = several.iter().map(ToString::to_string).collect();
            Err(ambiguous("blobs begin with", wanted, names))
        }
    }
}

fn hex_of(wanted: &str) -> &str {
    wanted.strip_prefix("sha256:").unwrap_or(wanted)
}

/// Returns whether a text may be the first digits of a digest.
fn is_prefix(wanted: &str) -> bool {
    let hex = hex_of(wanted);
    hex.len() >= SHORTEST_PREFIX && hex.chars().all(|c| c.is_ascii_hexdigit())
}

/// A digest, for a filter.
struct OnlyDigest(Digest);

impl crate::inventory::filter::FilterSubject for OnlyDigest {
    fn digest(&self) -> Option<Digest> {
        Some(self.0)
    }
}

/// A step of a ref that created a layer.
struct LayerStep {
    /// Its name, or a replacement.
    title: String,
    key: String,
    digest: String,
    /// File and line.
    place: Option<String>,
    layer: Option<String>,
    /// Its configuration, and the number of its record in it.
    record: Option<(Arc<RefCache>, usize)>,
}

impl LayerStep {
    /// Returns the layers below its layer.
    fn below(&self, entry: &RefEntry) -> Option<LayersBelow> {
        let (cache, record) = self.record.as_ref()?;
        let result = cache.records.get(*record)?.result.as_ref()?;
        let layers = below::of_result(cache, result);
        Some(LayersBelow::new(entry.name.clone(), layers))
    }
}

/// Returns the steps of a ref; for an image without a cache, its layers.
async fn steps(
    session: &CliSession<'_>,
    scanned: &Scanned,
    entry: &RefEntry,
    provenance: &[PathBuf],
) -> Result<Vec<LayerStep>, Failure> {
    let steps = StepEvidence::of_provenance(provenance);
    let evidence = show::evidence(session, scanned, entry, steps).await?;
    let inventory = &scanned.inventory;
    let reader = &*scanned.opened.reader;
    let caches = RefCache::load(reader, &inventory.blobs, entry)
        .await
        .unwrap_or_default();
    let mut steps = Vec::new();
    let has_cache = !caches.is_empty();
    for cache in caches.into_iter().map(Arc::new) {
        let labels = evidence.labels(&cache.graph);
        let layers = &cache.graph.layers;
        for record in rows::records(&cache, inventory, &labels, FirstIndexes::default()) {
            let layer = record.layer.and_then(|layer| layers.get(layer));
            steps.push(LayerStep {
                title: record.title(),
                key: record.short_key(),
                place: record
                    .location
                    .as_ref()
                    .map(|location| format!("{}:{}", location.file, location.line)),
                layer: layer.map(|layer| layer.blob.to_string()),
                record: Some((Arc::clone(&cache), record.index)),
                digest: record.digest,
            });
        }
    }
    if !has_cache {
        let images = image::layers(reader, entry).await;
        steps.extend(
            rows::image_layers(inventory, &images)
                .into_iter()
                .map(|layer| LayerStep {
                    title: format!("layer {}", layer.index),
                    key: String::new(),
                    digest: layer.digest.clone(),
                    place: None,
                    layer: Some(layer.digest),
                    record: None,
                }),
        );
    }
    Ok(steps)
}

/// Returns the layer of the one step that matches `wanted`.
fn by_step(
    steps: &[LayerStep],
    wanted: &str,
    scanned: &Scanned,
    entry: &RefEntry,
) -> Result<SelectedLayer, Failure> {
    for found in matching(steps, wanted) {
        let mut layers: Vec<&str> = found
            .iter()
            .filter_map(|step| step.layer.as_deref())
            .collect();
        layers.sort_unstable();
        layers.dedup();
        match (layers.as_slice(), found.first()) {
            ([layer], _) => return selected(layer, &found, entry),
            ([], Some(step)) => {
                let title = visible(&step.title).into_owned();
                let message = format!("`{title}` has no layer: only its key is left");
                return Err(Failure::message(Exit::Failed, message)
                    .hint("`cachelens show` marks the steps whose result can be loaded with ✓"));
            }
            ([], None) => {}
            _ => {
                let names = found.iter().filter(|step| step.layer.is_some());
                let names = names.map(|step| match &step.place {
                    Some(place) => format!("{place} {}", step.title),
                    None if step.title.contains(&step.key) => step.title.clone(),
                    None => format!("{} {}", step.key, step.title),
                });
                return Err(ambiguous("steps match", wanted, names.collect()));
            }
        }
    }
    let place = scanned.opened.shown();
    let name = visible(&entry.name).into_owned();
    let shown = visible(wanted).into_owned();
    let message = format!("{place}#{name} has no layer and no step `{shown}`");
    let source = crate::text::shell::word(&format!("{place}#{name}")).into_owned();
    Err(Failure::message(Exit::Failed, message).hint(format!(
        "`cachelens show {source}` lists its steps and layers"
    )))
}

fn ambiguous(what: &str, wanted: &str, mut names: Vec<String>) -> Failure {
    let count = names.len();
    let shown = visible(wanted).into_owned();
    names.truncate(CANDIDATES);
    let names: Vec<String> = names
        .iter()
        .map(|name| visible(name).into_owned())
        .collect();
    let several = if count > CANDIDATES {
        format!("more than {CANDIDATES}")
    } else {
        count.to_string()
    };
    let failure = Failure::message(Exit::Usage, format!("{several} {what} `{shown}`"));
    failure.hint(format!("name one of them: {}", names.join(" · ")))
}

/// Returns the steps that a text may mean, the more exact matches first: by key, by place, by
/// whole title and by a part of it.
fn matching<'a>(steps: &'a [LayerStep], wanted: &str) -> [Vec<&'a LayerStep>; 4] {
    let lower = wanted.to_lowercase();
    let is_hex = wanted.len() >= SHORTEST_PREFIX && wanted.chars().all(|c| c.is_ascii_hexdigit());
    let key = |step: &&LayerStep| {
        let digest = step.digest.strip_prefix("sha256:").unwrap_or(&step.digest);
        step.digest == wanted || (is_hex && digest.starts_with(&lower))
    };
    let place = |step: &&LayerStep| {
        let place = step.place.as_deref();
        place.is_some_and(|place| place == wanted || place.rsplit('/').next() == Some(wanted))
    };
    let same = |step: &&LayerStep| step.title.to_lowercase() == lower;
    let part = |step: &&LayerStep| step.title.to_lowercase().contains(&lower);
    let tests: [&dyn Fn(&&LayerStep) -> bool; 4] = [&key, &place, &same, &part];
    tests.map(|test| steps.iter().filter(test).collect())
}

/// Selects a layer that a step created.
fn selected(layer: &str, found: &[&LayerStep], entry: &RefEntry) -> Result<SelectedLayer, Failure> {
    let step = found
        .iter()
        .find(|step| step.layer.as_deref() == Some(layer));
    let digest = layer.parse().map_err(|_| {
        let shown = visible(layer).into_owned();
        Failure::message(Exit::Failed, format!("the layer `{shown}` is no digest"))
    })?;
    Ok(SelectedLayer {
        digest,
        step: step.map(|step| step.title.clone()),
        below: step.and_then(|step| step.below(entry)),
    })
}
