//! Evidence of builds, told by its content: whatever a file is called, what is in it decides.

use super::build_record::{self, BuildRecord, BuildRecordError};
use super::cache_debug::{CacheDebug, CacheDebugError};
use super::llb::definition::{self, DefinitionError};
use super::plain_log::PlainLog;
use super::progress_log::ProgressLog;
use super::provenance::{Build, ProvenanceError};

/// How much of a document is looked at to tell what it is.
const HEAD: usize = 64 << 10;

/// A piece of evidence.
#[derive(Debug, Clone)]
pub enum Document {
    /// The provenance of a build.
    Provenance(Box<Build>),
    /// An LLB definition.
    Definition(Box<Build>),
    /// Builds with their logs, as a `.dockerbuild` holds them.
    Records(Vec<BuildRecord>),
    /// A log in the form of `--progress=rawjson`.
    Log(ProgressLog),
    /// A log in plain form.
    PlainLog(PlainLog),
    /// The texts behind a cache's digests.
    CacheDebug(CacheDebug),
}

/// What a document seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// Provenance of SLSA, in a statement, bare or in an envelope.
    Provenance,
    /// An LLB definition in protobuf.
    Definition,
    /// A build record.
    Records,
    /// A log in JSON, one event a line.
    Log,
    /// A plain log.
    PlainLog,
    /// The answer of a daemon's debug endpoint.
    CacheDebug,
}

/// Says why a document is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is nothing that is known.
    #[error(
        "it is no evidence of a build: neither provenance, a build record, an LLB definition, a build log nor cache debug data"
    )]
    Unknown,
    /// It seems to be provenance.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// It is provenance of `mode=min`, which says nothing of the steps.
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
    /// It seems to be a log, and tells of no vertex.
    #[error("the log tells of no step")]
    EmptyLog,
}

impl EvidenceError {
    /// Returns what to do about it, where that is not plain from the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSteps => Some("build with `--attest type=provenance,mode=max`"),
            Self::Unknown => Some("`docker buildx history export` writes a build record, which holds everything"),
            _ => None,
        }
    }
}

/// Tells what a document seems to be by how it begins; none when it is nothing that is known.
pub fn recognise(bytes: &[u8]) -> Option<EvidenceKind> {
    if build_record::may_be(bytes) {
        return Some(EvidenceKind::Records);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match start.first()? {
        b'[' => return Some(EvidenceKind::CacheDebug),
        b'{' => return Some(in_json(bytes)),
        _ => {}
    }
    // The first field of a definition is a list of operations, and their bytes are no text.
    if head.first() == Some(&0x0a) && std::str::from_utf8(head).map_or(true, |text| text.contains('\0')) {
        return Some(EvidenceKind::Definition);
    }
    let lines = || head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    if lines().any(|line| line.starts_with(b"{\"vertexes\"") || line.starts_with(b"{\"statuses\"")) {
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

/// Tells which of the documents that are JSON objects one seems to be.
fn in_json(bytes: &[u8]) -> EvidenceKind {
    // A log has an object a line; the first may be cut off by a head, so that the line counts and not the document.
    let line = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |name: &[u8]| line.windows(name.len()).any(|window| window == name);
    let is_event = [&b"\"vertexes\""[..], b"\"statuses\"", b"\"logs\"", b"\"warnings\""].iter().any(|name| has(name));
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

/// Reads a document as what it seems to be.
///
/// # Errors
/// When it is nothing that is known, or not whole.
pub fn read(bytes: &[u8]) -> Result<Document, EvidenceError> {
    if bytes.trim_ascii().is_empty() {
        return Err(EvidenceError::Empty);
    }
    Ok(match recognise(bytes).ok_or(EvidenceError::Unknown)? {
        EvidenceKind::Provenance => {
            let build = provenance(bytes)?;
            if build.steps.is_empty() {
                return Err(EvidenceError::NoSteps);
            }
            Document::Provenance(Box::new(build))
        }
        EvidenceKind::Definition => Document::Definition(Box::new(definition::parse(bytes)?)),
        EvidenceKind::Records => Document::Records(build_record::parse(bytes)?),
        EvidenceKind::Log => {
            let log = ProgressLog::parse(bytes);
            if log.vertices.is_empty() {
                return Err(EvidenceError::EmptyLog);
            }
            Document::Log(log)
        }
        EvidenceKind::PlainLog => Document::PlainLog(PlainLog::parse(bytes)),
        EvidenceKind::CacheDebug => Document::CacheDebug(CacheDebug::parse(bytes)?),
    })
}

/// Reads provenance, also as `docker buildx imagetools inspect` prints it: under its name.
fn provenance(bytes: &[u8]) -> Result<Build, ProvenanceError> {
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(rename = "SLSA", borrow)]
        slsa: &'a serde_json::value::RawValue,
    }
    match Build::parse(bytes) {
        Err(ProvenanceError::NotProvenance) => match serde_json::from_slice::<Named<'_>>(bytes) {
            Ok(named) => Build::parse(named.slsa.get().as_bytes()),
            Err(_) => Err(ProvenanceError::NotProvenance),
        },
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_a_document_is_not() {
        let error = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(error(b" \n"), "it is empty");
        assert!(error(b"hello\nworld\n").starts_with("it is no evidence of a build"));
        assert_eq!(error(b"{}"), "not provenance: neither a statement nor a predicate of SLSA");
        assert_eq!(error(br#"{"vertexes":[]}"#), "the log tells of no step");
        assert!(error(b"[1]").starts_with("not debug data of a cache: "));
        assert_eq!(error(br#"{"buildType":"x"}"#), "the provenance holds no steps; it was made with mode=min");
        let named = br#"{"SLSA":{"buildType":"x","buildConfig":{"llbDefinition":[{"id":"a"}]}}}"#;
        assert!(matches!(read(named), Ok(Document::Provenance(build)) if build.steps.len() == 1));
        assert_eq!(recognise(b"FROM x\n#1 nothing"), Some(EvidenceKind::PlainLog));
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = read(&bytes);
        }
    }
}
