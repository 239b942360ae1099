//! Recognizes evidence of builds by its content, whatever the file name.

use std::collections::BTreeMap;

use super::attestation;
use super::build_record::{self, BuildRecord, BuildRecordError};
use super::cache_debug::{CacheDebug, CacheDebugError};
use super::digest::Digest;
use super::llb::definition::{self, DefinitionError};
use super::plain_log::PlainLog;
use super::progress_log::ProgressLog;
use super::provenance::{Build, ProvenanceError};

/// How many bytes at the start of a document are used to recognize it.
const HEAD: usize = 64 << 10;

/// A piece of evidence.
#[derive(Debug, Clone)]
pub enum EvidenceDocument {
    Provenance(Box<Build>),
    /// The provenance of several builds, or of one for several platforms.
    Builds(Vec<NamedBuild>),
    /// The options and images of builds, without their steps: provenance with `mode=min`. The
    /// Dockerfile gives the steps.
    Options(Vec<NamedBuild>),
    /// An LLB definition.
    Definition(Box<Build>),
    /// Builds with their logs, as in a `.dockerbuild`.
    Records(Vec<BuildRecord>),
    /// A log in the form of `--progress=rawjson`.
    Log(ProgressLog),
    /// A log in plain form.
    PlainLog(PlainLog),
    /// The texts behind a cache's digests.
    CacheDebug(CacheDebug),
}

/// A build of a document with several builds.
#[derive(Debug, Clone)]
pub struct NamedBuild {
    /// The target of bake, if the document has one.
    pub target: Option<String>,
    /// Its provenance.
    pub build: Build,
}

/// The apparent kind of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// Provenance of SLSA, in a statement, bare or in an envelope.
    Provenance,
    /// An LLB definition in protobuf.
    Definition,
    /// A build record.
    Records,
    /// A log in JSON, one event per line.
    Log,
    PlainLog,
    /// The response of a daemon's debug endpoint.
    CacheDebug,
}

/// Why a document is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceDocumentError {
    #[error("it is empty")]
    Empty,
    /// Its kind is unknown.
    #[error(
        "it is no evidence of a build: neither provenance, a build record, an LLB definition, a build log nor cache debug data"
    )]
    Unknown,
    /// It seems to be provenance.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// It is provenance of `mode=min`, which does not describe the steps.
    #[error("the provenance holds no steps; it was made with mode=min")]
    NoSteps,
    /// It seems to be a definition.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// It seems to be a build record.
    #[error(transparent)]
    Records(#[from] BuildRecordError),
    /// It seems to be debug data.
    #[error(transparent)]
    CacheDebug(#[from] CacheDebugError),
    /// It is an image without provenance.
    #[error("the image holds no provenance")]
    NoProvenance,
    /// It is a copy of a build's terminal output.
    #[error("it is the terminal output of a build, in which names are cut off")]
    Terminal,
    /// It is the output of `docker buildx history inspect`.
    #[error("it is the output of `docker buildx history inspect`, which holds no steps")]
    Inspection,
    /// It seems to be a log, but has no vertex.
    #[error("the log describes no step")]
    EmptyLog,
}

impl EvidenceDocumentError {
    /// Returns a hint, where the message alone does not say what to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSteps => Some(
                "give the Dockerfile with -f, the build record that `docker buildx history export` writes, or build with `--attest type=provenance,mode=max`",
            ),
            Self::NoProvenance => Some("build with `--attest type=provenance,mode=max`"),
            Self::Terminal => Some(
                "build with `--progress=plain`, or give the record that `docker buildx history export` writes",
            ),
            Self::Inspection => {
                Some("give the build record that `docker buildx history export` writes")
            }
            Self::Unknown => {
                Some("`docker buildx history export` writes a build record, which holds everything")
            }
            _ => None,
        }
    }
}

/// Returns the apparent kind of a document from its first bytes; `None` if it is unknown.
pub fn recognise(bytes: &[u8]) -> Option<EvidenceKind> {
    if build_record::may_be(bytes) {
        return Some(EvidenceKind::Records);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let start = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    match start.first()? {
        // Jenkins writes `[time]` before each line of a log.
        b'[' if PlainLog::parse(head).vertices.is_empty() => {
            return Some(EvidenceKind::CacheDebug);
        }
        b'[' => return Some(EvidenceKind::PlainLog),
        b'{' => return Some(in_json(bytes)),
        _ => {}
    }
    // The first field of a definition is a list of operations, and their bytes are not text.
    if head.first() == Some(&0x0a)
        && std::str::from_utf8(head).map_or(true, |text| text.contains('\0'))
    {
        return Some(EvidenceKind::Definition);
    }
    let lines = || head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    if lines().any(|line| line.starts_with(b"{\"vertexes\"") || line.starts_with(b"{\"statuses\""))
    {
        return Some(EvidenceKind::Log);
    }
    if !PlainLog::parse(head).vertices.is_empty() {
        return Some(EvidenceKind::PlainLog);
    }
    if head.first() == Some(&0x0a) {
        return Some(EvidenceKind::Definition);
    }
    None
}

/// Returns the apparent kind of a document that is a JSON object.
fn in_json(bytes: &[u8]) -> EvidenceKind {
    // A log has one object per line. Check the first line and not the document, because the head
    // may be cut off.
    let line = bytes
        .trim_ascii_start()
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let has = |name: &[u8]| line.windows(name.len()).any(|window| window == name);
    let is_event = [
        &b"\"vertexes\""[..],
        b"\"statuses\"",
        b"\"logs\"",
        b"\"warnings\"",
    ]
    .iter()
    .any(|name| has(name));
    if is_event && !has(b"\"predicate\"") && !has(b"\"buildDefinition\"") {
        return EvidenceKind::Log;
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let mentions = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    if mentions(b"\"subRecords\"") || (mentions(b"\"frames\"") && mentions(b"\"digest\"")) {
        return EvidenceKind::CacheDebug;
    }
    EvidenceKind::Provenance
}

/// Parses a document as its apparent kind.
///
/// # Errors
/// If the kind is unknown, or the document is incomplete.
pub fn read(bytes: &[u8]) -> Result<EvidenceDocument, EvidenceDocumentError> {
    if bytes.trim_ascii().is_empty() {
        return Err(EvidenceDocumentError::Empty);
    }
    if bytes.trim_ascii_start().starts_with(b"[+] Building ") {
        return Err(EvidenceDocumentError::Terminal);
    }
    Ok(
        match recognise(bytes).ok_or(EvidenceDocumentError::Unknown)? {
            EvidenceKind::Provenance => provenance(bytes)?,
            EvidenceKind::Definition => {
                EvidenceDocument::Definition(Box::new(definition::parse(bytes)?))
            }
            EvidenceKind::Records => match build_record::parse(bytes) {
                Ok(records) => EvidenceDocument::Records(records),
                // An image in an archive has its attestations next to it.
                Err(error @ BuildRecordError::NotARecord(_)) => {
                    match build_record::statements(bytes)? {
                        statements if statements.is_empty() => return Err(error.into()),
                        statements => of_statements(&statements)?,
                    }
                }
                Err(error) => return Err(error.into()),
            },
            EvidenceKind::Log => {
                let log = ProgressLog::parse(bytes);
                if log.vertices.is_empty() {
                    return Err(EvidenceDocumentError::EmptyLog);
                }
                EvidenceDocument::Log(log)
            }
            EvidenceKind::PlainLog => EvidenceDocument::PlainLog(PlainLog::parse(bytes)),
            EvidenceKind::CacheDebug => EvidenceDocument::CacheDebug(CacheDebug::parse(bytes)?),
        },
    )
}

/// Reads the attestations of an image in an OCI layout; `blob` reads a blob of it.
///
/// # Errors
/// If there is no provenance, or none with steps.
pub fn read_layout(
    index: &[u8],
    blob: &mut dyn FnMut(&Digest) -> Option<Vec<u8>>,
) -> Result<EvidenceDocument, EvidenceDocumentError> {
    let statements = attestation::provenance(index, blob);
    if statements.is_empty() {
        return Err(EvidenceDocumentError::NoProvenance);
    }
    of_statements(&statements)
}

/// Parses statements of provenance, one for each platform.
fn of_statements(statements: &[Vec<u8>]) -> Result<EvidenceDocument, EvidenceDocumentError> {
    let mut builds = Vec::new();
    for statement in statements {
        builds.push(NamedBuild {
            target: None,
            build: Build::parse(statement)?,
        });
    }
    Ok(of_builds(builds))
}

/// Makes a document of builds. Those without steps count only where none has steps.
fn of_builds(builds: Vec<NamedBuild>) -> EvidenceDocument {
    let (mut whole, without_steps): (Vec<_>, Vec<_>) = builds
        .into_iter()
        .partition(|named| !named.build.steps.is_empty());
    match whole.len() {
        0 => EvidenceDocument::Options(without_steps),
        1 if whole[0].target.is_none() => {
            EvidenceDocument::Provenance(Box::new(whole.swap_remove(0).build))
        }
        _ => EvidenceDocument::Builds(whole),
    }
}

/// Parses provenance: alone, or in the output and the files of buildx about one or several builds.
fn provenance(bytes: &[u8]) -> Result<EvidenceDocument, EvidenceDocumentError> {
    let builds = match Build::parse(bytes) {
        Ok(build) => vec![NamedBuild {
            target: None,
            build,
        }],
        Err(ProvenanceError::NotProvenance) => {
            let mut found = Vec::new();
            collect(bytes, None, MAX_DEPTH, &mut found)?;
            found
        }
        Err(error) => return Err(error.into()),
    };
    if builds.is_empty() {
        let is_inspection = [&b"\"NumTotalSteps\""[..], b"\"Ref\""]
            .iter()
            .all(|name| bytes.windows(name.len()).any(|window| window == *name));
        return Err(if is_inspection {
            EvidenceDocumentError::Inspection
        } else {
            ProvenanceError::NotProvenance.into()
        });
    }
    Ok(of_builds(builds))
}

/// How deeply provenance is nested in files of buildx: target, platform, name.
const MAX_DEPTH: usize = 3;
/// The most builds that are read from one document.
const MAX_BUILDS: usize = 1_000;
/// The key of provenance in a metadata file; with several platforms, a slash and the platform
/// follow (`build/result.go` in buildx).
const METADATA_KEY: &str = "buildx.build.provenance";
/// The key of the exported cache in a metadata file (`cache/remotecache/export.go` in BuildKit).
const EXPORTED_KEY: &str = "cache.manifest";
/// The key of provenance in the output of `docker buildx imagetools inspect`.
const SLSA_KEY: &str = "SLSA";

/// Collects the provenance in a JSON object: by platform in the output of `imagetools inspect`, in
/// the metadata file of a build, and by target in that of a bake.
fn collect(
    bytes: &[u8],
    target: Option<&str>,
    depth: usize,
    found: &mut Vec<NamedBuild>,
) -> Result<(), ProvenanceError> {
    type Fields<'a> = BTreeMap<String, &'a serde_json::value::RawValue>;
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(bytes) else {
        return Ok(());
    };
    let begun = found.len();
    let exported = fields
        .get(EXPORTED_KEY)
        .and_then(|value| exported(value.get()));
    for (name, value) in fields {
        let text = value.get().as_bytes();
        let is_provenance = name == SLSA_KEY || name.starts_with(METADATA_KEY);
        if found.len() == MAX_BUILDS {
            break;
        } else if is_provenance {
            found.push(NamedBuild {
                target: target.map(str::to_owned),
                build: Build::parse(text)?,
            });
        } else if depth > 1 && text.starts_with(b"{") {
            // A platform is not a target.
            let below = target.or((!name.contains('/')).then_some(name.as_str()));
            collect(text, below, depth - 1, found)?;
        }
    }
    for named in &mut found[begun..] {
        named.build.exported = named.build.exported.or(exported);
    }
    Ok(())
}

/// Reads the descriptor of an exported cache: JSON, in a string of its own.
fn exported(value: &str) -> Option<Digest> {
    let value: serde_json::Value = serde_json::from_str(value).ok()?;
    let value = match value.as_str() {
        Some(text) => serde_json::from_str(text).ok()?,
        None => value,
    };
    value.get("digest")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unrecognized_evidence_is_an_error_with_a_reason() {
        let error = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(error(b" \n"), "it is empty");
        assert!(error(b"hello\nworld\n").starts_with("it is no evidence of a build"));
        assert_eq!(
            error(b"{}"),
            "not provenance: neither a statement nor a predicate of SLSA"
        );
        assert_eq!(error(br#"{"vertexes":[]}"#), "the log describes no step");
        assert!(error(b"[1]").starts_with("not debug data of a cache: "));
        let options = read(br#"{"buildType":"x"}"#).unwrap();
        assert!(matches!(options, EvidenceDocument::Options(builds) if builds.len() == 1));
        let named = br#"{"SLSA":{"buildType":"x","buildConfig":{"llbDefinition":[{"id":"a"}]}}}"#;
        assert!(
            matches!(read(named), Ok(EvidenceDocument::Provenance(build)) if build.steps.len() == 1)
        );
        assert_eq!(
            recognise(b"FROM x\n#1 nothing"),
            Some(EvidenceKind::PlainLog)
        );
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = read(&bytes);
        }
    }
}
