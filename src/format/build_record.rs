//! Build records, as `docker buildx history export` and GitHub's build action write them.
//!
//! A `.dockerbuild` is an OCI layout in a tar archive, compressed or not. Each manifest whose
//! config is a history record (`api/services/control` in BuildKit) is a build, with its log and its
//! attestations as layers. The limits below hold whatever sizes the archive claims, and every blob
//! is checked against its digest.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, Read};

use jiff::Timestamp;

use super::attestation;
use super::digest::{Digest, DigestText};
use super::layer;
use super::lenient::{self, LenientList, go_struct};
use super::manifest::{Descriptor, ImageConfig, LayoutIndex, ManifestDocument};
use super::progress_log::{ProgressLog, StatusError};
use super::provenance::{Build, ProvenanceError};
use crate::text::escape::visible;

/// The media type of a build's record.
pub const RECORD: &str = "application/vnd.buildkit.historyrecord.v0";
/// The media type of a build's log.
pub const STATUS: &str = "application/vnd.buildkit.status.v0";
/// The media type of a statement.
const STATEMENT: &str = "application/vnd.in-toto+json";
/// The annotation with the type of a statement.
const PREDICATE: &str = "in-toto.io/predicate-type";

/// The most bytes that are unpacked from an archive.
pub const MAX_UNPACKED: u64 = 128 << 20;
/// The largest blob of it, in bytes; larger ones are skipped.
const MAX_BLOB: u64 = 64 << 20;
/// The most builds that are read from one archive.
const MAX_BUILDS: usize = 1_000;

/// A build in a build record.
#[derive(Debug, Clone, Default)]
pub struct BuildRecord {
    /// BuildKit's name for the build.
    pub reference: String,
    /// The options of the frontend.
    pub attributes: BTreeMap<String, String>,
    /// The caches that the build was to import, without their secrets.
    pub imports: Vec<RecordedCache>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How many steps it had.
    pub total_steps: u32,
    /// How many of them were in a cache.
    pub cached_steps: u32,
    /// The platform of the builder.
    pub platform: String,
    /// The directory of the main context on the client, if it was a directory.
    pub context: Option<String>,
    /// The uncompressed digests of the layers of its base images and of the images that it made,
    /// bottom first.
    pub images: Vec<Vec<Digest>>,
    /// Its provenance, one for each platform.
    pub builds: Vec<Build>,
    pub log: ProgressLog,
    /// Parts that could not be read.
    pub problems: Vec<RecordProblem>,
}

/// A cache that a build imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCache {
    /// The kind: `registry`, `s3` …
    pub kind: String,
    /// Its options, without secrets.
    pub attributes: BTreeMap<String, String>,
}

impl BuildRecord {
    /// Returns how the build ended, if it did not succeed.
    pub fn failure(&self) -> Option<String> {
        let error = self.error.as_deref()?;
        Some(if error.contains("context canceled") {
            "was cancelled".to_owned()
        } else {
            format!("failed: {error}")
        })
    }
}

impl RecordedCache {
    /// Returns whether the entry has the location of the cache. An exported record keeps `ref` of
    /// registries; of all other caches it keeps only the type.
    pub fn has_place(&self) -> bool {
        let names = match self.kind.as_str() {
            "registry" | "inline" => &["ref"][..],
            "local" => &["src"],
            "s3" => &["bucket"],
            _ => return !self.attributes.is_empty(),
        };
        names.iter().any(|name| self.attributes.contains_key(*name))
    }
}

impl fmt::Display for RecordedCache {
    /// Formats the entry as in `--cache-from`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type={}", self.kind)?;
        self.attributes.iter().try_for_each(|(name, value)| {
            // Such strings are CSV.
            if value.contains([',', '"', '\n']) {
                write!(f, ",\"{name}={}\"", value.replace('"', "\"\""))
            } else {
                write!(f, ",{name}={value}")
            }
        })
    }
}

/// A part of a record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    /// A blob is not in the archive.
    #[error("the record's {0} is not in the file")]
    Missing(&'static str),
    /// The log ends early.
    #[error(transparent)]
    Log(#[from] StatusError),
    /// A provenance cannot be read.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
}

/// Why an archive holds no build record.
#[derive(Debug, thiserror::Error)]
pub enum BuildRecordError {
    /// It cannot be unpacked.
    #[error("the build record cannot be unpacked")]
    Unpack(#[source] io::Error),
    /// The unpacked size exceeds the limit.
    #[error("the build record unpacks to more than {MAX_UNPACKED} bytes")]
    TooLarge,
    /// It is something else.
    #[error("not a build record: {0}")]
    NotARecord(&'static str),
    /// A blob does not match its digest.
    #[error("the build record is damaged: {0} does not hash to its name")]
    Damaged(Digest),
    /// A document in it is malformed.
    #[error("the build record is damaged: {0}")]
    Document(String),
}

go_struct! {
    struct RawBuildRecord {
        reference: String = "Ref",
        attributes: BTreeMap<String, Option<String>> = "FrontendAttrs",
        created: RawTime = "CreatedAt",
        completed: RawTime = "CompletedAt",
        error: Option<RawError> = "error",
        response: BTreeMap<String, Option<String>> = "ExporterResponse",
        total: i64 = "numTotalSteps",
        cached: i64 = "numCachedSteps",
        platform: String = "DefaultPlatform",
        local: RawLocal = "localState",
    }
}
go_struct! {
    struct RawLocal { context: String = "LocalPath", dockerfile: String = "DockerfilePath" }
}
go_struct! {
    struct RawTime { seconds: i64 = "seconds", nanos: i32 = "nanos" }
}
go_struct! {
    struct RawError { message: String = "message" }
}
go_struct! {
    struct RawEntry { kind: String = "Type", attributes: BTreeMap<String, Option<String>> = "Attrs" }
}

/// Returns whether bytes may be a build record: a tar archive, compressed or not.
pub fn may_be(bytes: &[u8]) -> bool {
    let is_compressed = bytes.starts_with(b"\x1f\x8b") || bytes.starts_with(b"\x28\xb5\x2f\xfd");
    is_compressed || bytes.get(257..262) == Some(b"ustar")
}

/// Parses all builds of an archive, in its order.
///
/// # Errors
/// If it is no build record, or damaged. Missing parts of a build are listed in the build instead.
pub fn parse(archive: impl Read) -> Result<Vec<BuildRecord>, BuildRecordError> {
    let blobs = unpack(archive)?;
    let index = blobs
        .index
        .ok_or(BuildRecordError::NotARecord("it holds no `index.json`"))?;
    let document = |error: String| BuildRecordError::Document(error);
    let index: LayoutIndex = lenient::parse(&index).map_err(|error| document(error.to_string()))?;
    let mut pending: Vec<(Descriptor, u8)> = index
        .manifests
        .0
        .into_iter()
        .map(|entry| (entry, 0))
        .collect();
    pending.reverse();
    let mut records = Vec::new();
    while let Some((entry, depth)) = pending.pop() {
        let Some(bytes) = entry
            .digest
            .valid()
            .and_then(|digest| blobs.content.get(&digest))
        else {
            continue;
        };
        if records.len() == MAX_BUILDS || pending.len() > MAX_BUILDS {
            return Err(document(format!("it holds more than {MAX_BUILDS} builds")));
        }
        match ManifestDocument::parse(bytes).map_err(|error| document(error.to_string()))? {
            ManifestDocument::Manifest { config, layers, .. } if config.media_type == RECORD => {
                records.push(record(&config, &layers, &blobs.content)?);
            }
            // No writer nests indexes deeper.
            ManifestDocument::Index { entries, .. } if depth < 2 => {
                pending.extend(entries.into_iter().rev().map(|entry| (entry, depth + 1)));
            }
            _ => {}
        }
    }
    if records.is_empty() {
        return Err(BuildRecordError::NotARecord("there is no build in it"));
    }
    Ok(records)
}

/// Returns the statements of provenance of an image in an archive.
///
/// # Errors
/// If the archive cannot be unpacked, or is damaged.
pub fn statements(archive: impl Read) -> Result<Vec<Vec<u8>>, BuildRecordError> {
    let blobs = unpack(archive)?;
    let index = blobs.index.unwrap_or_default();
    let mut blob = |digest: &Digest| blobs.content.get(digest).cloned();
    Ok(attestation::provenance(&index, &mut blob))
}

#[derive(Default)]
struct RecordBlobs {
    index: Option<Vec<u8>>,
    content: HashMap<Digest, Vec<u8>>,
}

fn unpack(archive: impl Read) -> Result<RecordBlobs, BuildRecordError> {
    let content = layer::decompressed(archive).map_err(BuildRecordError::Unpack)?;
    let mut archive = tar::Archive::new(content.take(MAX_UNPACKED));
    let mut blobs = RecordBlobs::default();
    let outcome = entries(&mut archive, &mut blobs);
    // At the limit, an archive ends in the middle; the kind of error does not matter.
    if archive.into_inner().limit() == 0 {
        return Err(BuildRecordError::TooLarge);
    }
    outcome.map(|()| blobs)
}

fn entries<R: Read>(
    archive: &mut tar::Archive<R>,
    blobs: &mut RecordBlobs,
) -> Result<(), BuildRecordError> {
    for entry in archive.entries().map_err(BuildRecordError::Unpack)? {
        let mut entry = entry.map_err(BuildRecordError::Unpack)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path.trim_start_matches("./");
        let digest = path
            .strip_prefix("blobs/")
            .and_then(|path| path.split_once('/'));
        let digest = digest.and_then(|(algorithm, hex)| Digest::from_parts(algorithm, hex).ok());
        let is_wanted = digest.is_some() || path == "index.json";
        if !entry.header().entry_type().is_file() || entry.size() > MAX_BLOB || !is_wanted {
            continue;
        }
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .map_err(BuildRecordError::Unpack)?;
        match digest {
            None => blobs.index = Some(bytes),
            Some(digest) => {
                let mut hasher = digest.hasher();
                hasher.update(&bytes);
                if hasher.finish() != digest {
                    return Err(BuildRecordError::Damaged(digest));
                }
                blobs.content.insert(digest, bytes);
            }
        }
    }
    Ok(())
}

fn record(
    config: &Descriptor,
    layers: &[Descriptor],
    blobs: &HashMap<Digest, Vec<u8>>,
) -> Result<BuildRecord, BuildRecordError> {
    let blob = |of: &Descriptor| of.digest.valid().and_then(|digest| blobs.get(&digest));
    let raw = blob(config)
        .ok_or_else(|| BuildRecordError::Document("the record's config is not there".to_owned()))?;
    let raw: RawBuildRecord =
        lenient::parse(raw).map_err(|error| BuildRecordError::Document(error.to_string()))?;
    let count = |number: i64| u32::try_from(number).unwrap_or_default();
    let attributes = present(raw.attributes);
    let directory = directory_below(&raw.local);
    let mut record = BuildRecord {
        imports: imports(&attributes),
        attributes,
        reference: raw.reference,
        error: raw.error.map(|error| error.message),
        started: raw.created.time(),
        finished: raw.completed.time(),
        total_steps: count(raw.total),
        cached_steps: count(raw.cached),
        platform: raw.platform,
        context: Some(raw.local.context).filter(|path| path.starts_with('/')),
        images: raw
            .response
            .iter()
            .filter_map(|(name, value)| diff_ids(name, value.as_deref()?))
            .collect(),
        ..BuildRecord::default()
    };
    for layer in layers {
        let is_provenance = layer.media_type == STATEMENT
            && layer
                .annotation(PREDICATE)
                .is_some_and(|predicate| predicate.starts_with("https://slsa.dev/provenance/"));
        match (blob(layer), layer.media_type.as_str()) {
            (Some(bytes), STATUS) => {
                let (log, error) = ProgressLog::parse_status(bytes);
                record.log = log;
                record.problems.extend(error.map(RecordProblem::Log));
            }
            (Some(bytes), _) if is_provenance => match Build::parse(bytes) {
                Ok(build) => {
                    let build = record_build(build, &record.platform, directory.as_deref());
                    record.builds.push(build);
                }
                Err(error) => record.problems.push(error.into()),
            },
            (None, STATUS) => record.problems.push(RecordProblem::Missing("log")),
            (None, _) if is_provenance => {
                record.problems.push(RecordProblem::Missing("provenance"));
            }
            _ => {}
        }
    }
    Ok(record)
}

/// Returns the directory of the Dockerfile below the context, from the client's paths of both.
fn directory_below(local: &RawLocal) -> Option<String> {
    let below = local.dockerfile.strip_prefix(&local.context)?;
    let below = below.strip_prefix('/')?;
    let directory = below
        .rsplit_once('/')
        .map_or(".", |(directory, _)| directory);
    let is_inside = !directory.split('/').any(|part| part == "..");
    (!local.context.is_empty() && is_inside).then(|| directory.to_owned())
}

fn record_build(mut build: Build, platform: &str, directory: Option<&str>) -> Build {
    if let Some(directory) = directory {
        build.request.directory = Some(directory.to_owned());
    }
    if build.builder_platform.is_empty() {
        platform.clone_into(&mut build.builder_platform);
    }
    build
}

impl RawTime {
    fn time(&self) -> Option<Timestamp> {
        Timestamp::new(self.seconds, self.nanos)
            .ok()
            .filter(|_| self.seconds != 0)
    }
}

/// Reads the caches of `cache-imports`, and of the older `cache-from`.
fn imports(attributes: &BTreeMap<String, String>) -> Vec<RecordedCache> {
    let listed = attributes
        .get("cache-imports")
        .map(String::as_bytes)
        .unwrap_or_default();
    let listed: LenientList<RawEntry> = lenient::parse(listed).unwrap_or_default();
    let entries = listed.0.into_iter().map(|entry| RecordedCache {
        kind: visible(&entry.kind).into_owned(),
        attributes: present(entry.attributes)
            .into_iter()
            .filter(|(name, _)| !is_secret(name))
            .collect(),
    });
    let older = attributes
        .get("cache-from")
        .into_iter()
        .flat_map(|refs| refs.split(','));
    let older = older
        .filter(|reference| !reference.is_empty())
        .map(|reference| RecordedCache {
            kind: "registry".to_owned(),
            attributes: [("ref".to_owned(), reference.to_owned())].into(),
        });
    entries.chain(older).collect()
}

/// Returns whether an option of a cache must not be shown.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "token", "access_key", "password"]
        .iter()
        .any(|part| name.contains(part))
}

/// Reads the layers of images from the configs that an exporter returned.
fn diff_ids(name: &str, value: &str) -> Option<Vec<Digest>> {
    let is_config = ["containerimage.config", "containerimage.base.config"]
        .iter()
        .any(|known| name.starts_with(known));
    let config: ImageConfig = is_config.then(|| lenient::parse(value.as_bytes()).ok())??;
    let layers: Option<Vec<Digest>> = config
        .rootfs
        .diff_ids
        .0
        .iter()
        .map(DigestText::valid)
        .collect();
    layers.filter(|layers| !layers.is_empty())
}

fn present(map: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    map.into_iter()
        .map(|(name, value)| (name, value.unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests;
