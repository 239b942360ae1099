//! Provenance: BuildKit's attestation of a build, down to every step of its graph.
//!
//! SLSA statements of versions 1 and 0.2 are supported, their bare predicates, and both in a DSSE
//! envelope (`solver/llbsolver/provenance/types` in BuildKit). With `mode=max`, the whole graph is
//! present; with `mode=min`, only the build's request and the resolved sources.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::digest::Digest;
use super::llb::Op;
use super::manifest::Descriptor;

mod graph;
mod raw;

/// The largest source file whose text is kept, in bytes.
pub const SOURCE_LIMIT: usize = 4 << 20;

/// The index of a step in its build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub u32);

impl StepIndex {
    /// Returns the index as `usize`.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// One of the outputs of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepOutput {
    pub step: StepIndex,
    /// The number of the output; nearly always 0.
    pub output: u32,
}

/// A build according to provenance.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// The steps, in the document's order; none with `mode=min`.
    pub steps: Vec<Step>,
    /// All steps, each after its inputs.
    pub order: Vec<StepIndex>,
    /// The files with the locations of steps: Dockerfiles.
    pub sources: Vec<SourceFile>,
    /// The resolved images, repositories and downloads.
    pub dependencies: Vec<Dependency>,
    /// The request of the client.
    pub request: FrontendRequest,
    /// The platform of the builder, such as `linux/amd64`; the default of steps.
    pub builder_platform: String,
    /// When the build began.
    pub started: Option<Timestamp>,
    /// When the build ended.
    pub finished: Option<Timestamp>,
    /// The revision of git that it was described from, if it was.
    pub revision: Option<GitRevision>,
    /// The manifest of the cache that the build exported, if a metadata file says so.
    pub exported: Option<Digest>,
}

/// A revision of a git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRevision {
    /// Its name, such as `HEAD~1`.
    pub name: String,
    /// The directory of the build context in the work tree.
    pub directory: PathBuf,
}

/// A step of a build.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name in the document, such as `step4`.
    pub id: String,
    pub op: Op,
    /// Its inputs, in order.
    pub inputs: Vec<StepOutput>,
    /// Its digests in the progress log of the same build.
    pub vertices: Vec<Digest>,
    /// Its name in that log, such as `[web 2/3] RUN npm ci`; only the frontend and a definition
    /// have it.
    pub vertex_name: Option<Arc<str>>,
    /// Its locations in the sources; several if stages share it.
    pub locations: Vec<CodeLocation>,
    /// The layers of its outputs, for steps in the exported image's own chain: for each output,
    /// lists of layers, bottom first.
    pub layers: BTreeMap<u32, Vec<Vec<Descriptor>>>,
    /// Whether the build ignores caches for it; only a definition has this field.
    pub ignores_cache: bool,
    /// The uncompressed digests of the layers of an image, bottom first, if its configuration is
    /// known.
    pub image_layers: Option<Vec<Digest>>,
    /// The path in the document of a part of the operation that this program does not know. The
    /// operation is then [`Unknown`](super::llb::OpKind::Unknown), because a key without that part
    /// would be wrong.
    pub unread: Option<String>,
}

/// The location of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLocation {
    /// The index of the file in [`Build::sources`]; it may be out of range.
    pub source: usize,
    /// The first line, counted from 1.
    pub first_line: u32,
    pub last_line: u32,
}

/// A file with the locations of steps.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its name, such as `Dockerfile`.
    pub name: String,
    /// The language, such as `Dockerfile`.
    pub language: String,
    /// Its text, unless it is larger than [`SOURCE_LIMIT`].
    pub text: Option<String>,
}

/// A dependency that the build resolved.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// A package URL (`pkg:docker/…`) or an address.
    pub uri: String,
    /// Its digests by algorithm.
    pub digests: BTreeMap<String, String>,
}

/// The request of the client.
#[derive(Debug, Clone, Default)]
pub struct FrontendRequest {
    /// The file that was built, such as `Dockerfile`.
    pub path: String,
    /// The directory of that file, relative to the context, if the evidence has it.
    pub directory: Option<String>,
    /// The repository of that file, for a context that the builder fetched.
    pub origin: String,
    /// The frontend, such as `dockerfile.v0`.
    pub frontend: String,
    /// Its arguments: `build-arg:NAME`, `target`, `no-cache`, `context:NAME` …
    pub args: BTreeMap<String, String>,
    /// The names of the local directories.
    pub locals: Vec<String>,
    /// The names of the secrets.
    pub secrets: Vec<String>,
    /// The version of the frontend's behaviour; 0 if unknown.
    pub compatibility_version: i64,
    /// The version of the Dockerfile frontend; empty if unknown.
    pub dockerfile_version: String,
}

/// Why a document is no usable provenance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// It is not JSON of that shape.
    #[error("not provenance: {0}")]
    Json(String),
    /// The statement is of another type, such as a bill of materials.
    #[error("the statement is of type `{0}`, not SLSA provenance")]
    OtherPredicate(String),
    /// The JSON has no fields of provenance.
    #[error("not provenance: neither a statement nor a predicate of SLSA")]
    NotProvenance,
    /// Two steps have one name.
    #[error("two steps are named `{0}`")]
    DuplicateStep(String),
    /// A step has an input that does not exist.
    #[error("step `{step}` takes `{input}`, which is not there")]
    DanglingInput { step: String, input: String },
    /// Steps form a loop.
    #[error("step `{0}` needs itself")]
    Loop(String),
    /// More steps than can be counted.
    #[error("the build has too many steps")]
    TooManySteps,
}

impl Build {
    /// Returns the index in [`Build::sources`] of the file that was built: the one of the last
    /// step. Linked targets add files of their own.
    pub fn main_source_index(&self) -> Option<usize> {
        let mut last = self.order.iter().rev();
        last.find_map(|step| Some(self.step(*step)?.locations.first()?.source))
    }

    /// Returns the file that was built.
    pub fn main_source(&self) -> Option<&SourceFile> {
        let index = self.main_source_index();
        self.sources.get(index.unwrap_or_default())
    }

    /// Parses provenance.
    ///
    /// # Errors
    /// If the bytes are no provenance, or the graph is invalid.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProvenanceError> {
        raw::parse(bytes)
    }

    /// Makes a build of steps with resolved inputs.
    ///
    /// # Errors
    /// If steps form a loop.
    pub fn of_steps(mut steps: Vec<Step>) -> Result<Self, ProvenanceError> {
        u32::try_from(steps.len()).map_err(|_| ProvenanceError::TooManySteps)?;
        graph::unknown_where_empty(&mut steps);
        let order = graph::order(&steps)?;
        Ok(Self {
            steps,
            order,
            ..Self::default()
        })
    }

    /// Returns the step at `index`, if it is in range.
    pub fn step(&self, index: StepIndex) -> Option<&Step> {
        self.steps.get(index.at())
    }

    /// Returns the steps with their indexes, each after its inputs.
    pub fn ordered(&self) -> impl DoubleEndedIterator<Item = (StepIndex, &Step)> {
        self.order
            .iter()
            .filter_map(|&index| Some((index, self.step(index)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(steps: &str) -> Vec<u8> {
        format!(
            r#"{{"predicateType":"https://slsa.dev/provenance/v1","predicate":{{"buildDefinition":{{"internalParameters":
                {{"buildConfig":{{"llbDefinition":[{steps}]}}}}}}}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn steps_are_linked_by_position_in_any_order() {
        let build = Build::parse(&statement(
            r#"{"id":"b","inputs":["a:1","c:0"]},{"id":"a"},{"id":"c","inputs":["a:0"]}"#,
        ))
        .unwrap();
        let at = |step, output| StepOutput {
            step: StepIndex(step),
            output,
        };
        assert_eq!(build.steps[0].inputs, [at(1, 1), at(2, 0)]);
        assert_eq!(build.order, [StepIndex(1), StepIndex(2), StepIndex(0)]);
    }

    #[test]
    fn provenance_that_is_no_graph_is_refused() {
        let dangling = |input: &str| ProvenanceError::DanglingInput {
            step: "a".into(),
            input: input.into(),
        };
        let cases = [
            (
                r#"{"id":"a"},{"id":"a"}"#,
                ProvenanceError::DuplicateStep("a".into()),
            ),
            (r#"{"id":"a","inputs":["b:0"]}"#, dangling("b:0")),
            (r#"{"id":"a","inputs":["a"]}"#, dangling("a")),
            (r#"{"id":"a","inputs":["a:-1"]}"#, dangling("a:-1")),
            (
                r#"{"id":"a","inputs":["a:0"]}"#,
                ProvenanceError::Loop("a".into()),
            ),
            (
                r#"{"id":"x"},{"id":"a","inputs":["b:0"]},{"id":"b","inputs":["a:0"]}"#,
                ProvenanceError::Loop("a".into()),
            ),
        ];
        for (steps, error) in cases {
            assert_eq!(
                Build::parse(&statement(steps)).unwrap_err(),
                error,
                "{steps}"
            );
        }
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_steps_is_ordered() {
        let steps: Vec<String> = (0..100_000)
            .map(|n| {
                if n == 0 {
                    r#"{"id":"s0"}"#.to_owned()
                } else {
                    format!(r#"{{"id":"s{n}","inputs":["s{}:0"]}}"#, n - 1)
                }
            })
            .collect();
        let build = Build::parse(&statement(&steps.join(","))).unwrap();
        assert_eq!(build.order.len(), 100_000);
    }

    #[test]
    fn predicates_envelopes_and_mode_min_are_supported() {
        use base64::Engine as _;
        let bare = br#"{"buildType":"https://mobyproject.org/buildkit@v1","invocation":{"parameters":{"args":{"build-arg:A":"1","no-cache":null}},
            "environment":{"platform":"linux/arm64"}},"materials":[{"uri":"pkg:docker/a","digest":{"sha256":"00"}}]}"#;
        let payload = base64::engine::general_purpose::STANDARD.encode(bare);
        let envelope = format!(
            r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{payload}","signatures":[]}}"#
        );
        for bytes in [&bare[..], envelope.as_bytes()] {
            let build = Build::parse(bytes).unwrap();
            assert!(build.steps.is_empty());
            assert_eq!(build.builder_platform, "linux/arm64");
            assert_eq!(build.dependencies[0].digests["sha256"], "00");
            let args: Vec<_> = build
                .request
                .args
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(args, [("build-arg:A", "1"), ("no-cache", "")]);
        }
    }

    #[test]
    fn a_document_of_another_type_is_reported_by_its_type() {
        let spdx = br#"{"predicateType":"https://spdx.dev/Document","predicate":{}}"#;
        assert_eq!(
            Build::parse(spdx).unwrap_err(),
            ProvenanceError::OtherPredicate("https://spdx.dev/Document".into())
        );
        for nothing in [&b"{}"[..], b"null", br#"{"schemaVersion":2,"layers":[]}"#] {
            assert_eq!(
                Build::parse(nothing).unwrap_err(),
                ProvenanceError::NotProvenance
            );
        }
        assert!(matches!(
            Build::parse(b"FROM scratch"),
            Err(ProvenanceError::Json(_))
        ));
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let _ = Build::parse(&bytes);
        }

        #[test]
        fn broken_documents_never_panic(cut in 0..9_000_usize, flip in 0..9_000_usize) {
            let mut bytes = include_bytes!("../../tests/fixtures/mini/provenance/c01.json").to_vec();
            let flip = flip % bytes.len();
            bytes[flip] ^= 4;
            bytes.truncate(cut.max(1) * bytes.len() / 9_000);
            let _ = Build::parse(&bytes);
        }
    }
}
