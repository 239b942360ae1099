//! A definition: the graph of operations as a client sends it, `pb.Definition` of
//! `solver/pb/ops.proto`.
//!
//! The types of the protobuf crate belong to a certain version of BuildKit. A field or an operation
//! that they lack would be lost silently, which would change a key. So each operation is first
//! checked against the known fields, and one with others is [`OpKind::Unknown`].

use std::collections::{BTreeMap, HashMap};

use bollard_buildkit_proto::pb;
use prost::Message as _;

use super::{Op, OpKind};
use crate::format::digest::Digest;
use crate::format::provenance::{
    Build, CodeLocation, ProvenanceError, SOURCE_LIMIT, SourceFile, Step, StepIndex, StepOutput,
};
use crate::text::escape::visible;

/// The key of a vertex's name in the metadata of its operation (`client/llb/state.go`).
const VERTEX_NAME: &str = "llb.customname";

mod convert;
mod fields;

/// The largest definition that is read, in bytes: BuildKit's limit for one message.
pub const MAX_SIZE: usize = 16 << 20;

/// Why bytes are no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// It is larger than BuildKit's limit.
    #[error("the definition is larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// It is not protobuf of that shape.
    #[error("not an LLB definition: {0}")]
    Protobuf(String),
    /// It holds no operations.
    #[error("the definition holds no operations")]
    Empty,
    /// An operation has an input that does not exist.
    #[error("operation {step} takes `{input}`, which is not there")]
    DanglingInput {
        /// The index of the operation, counted from 0.
        step: usize,
        /// The digest of the input.
        input: String,
    },
    /// The graph is invalid.
    #[error(transparent)]
    Graph(#[from] ProvenanceError),
}

/// Parses a definition. A definition does not include the build's request, its resolved sources and
/// its platform.
///
/// # Errors
/// If it is no definition, or its graph is invalid.
pub fn parse(bytes: &[u8]) -> Result<Build, DefinitionError> {
    if bytes.len() > MAX_SIZE {
        return Err(DefinitionError::TooLarge);
    }
    let malformed = |error: prost::DecodeError| DefinitionError::Protobuf(error.to_string());
    let definition = pb::Definition::decode(bytes).map_err(malformed)?;
    if definition.def.is_empty() {
        return Err(DefinitionError::Empty);
    }
    let source = definition.source.unwrap_or_default();
    let digests: Vec<Digest> = definition.def.iter().map(|op| Digest::of(op)).collect();
    let places: HashMap<String, StepIndex> = digests
        .iter()
        .map(Digest::to_string)
        .zip((0..).map(StepIndex))
        .collect();
    let mut steps = Vec::with_capacity(definition.def.len());
    for (at, (bytes, digest)) in definition.def.iter().zip(&digests).enumerate() {
        let op = pb::Op::decode(bytes.as_slice()).map_err(malformed)?;
        let name = digest.to_string();
        let locations = source.locations.get(&name);
        let metadata = definition.metadata.get(&name);
        let platform = op.platform.as_ref().map(convert::platform);
        let unread = (!fields::are_known(bytes)).then(|| "a field of the definition".to_owned());
        let inputs = inputs_of(&op, at, &places)?;
        let kind = if unread.is_some() {
            OpKind::Unknown
        } else {
            convert::kind(op)
        };
        steps.push(Step {
            id: format!("step{at}"),
            op: Op { kind, platform },
            inputs,
            vertices: vec![*digest],
            vertex_name: metadata
                .and_then(|metadata| metadata.description.get(VERTEX_NAME))
                .map(|name| name.as_str().into()),
            locations: locations.map(locations_of).unwrap_or_default(),
            layers: BTreeMap::new(),
            ignores_cache: metadata.is_some_and(|metadata| metadata.ignore_cache),
            image_layers: None,
            unread,
        });
    }
    let sources = source.infos.into_iter().map(source_file).collect();
    Ok(Build {
        sources,
        ..Build::of_steps(steps)?
    })
}

/// Finds the inputs of an operation, which is the `step`-th of its definition.
fn inputs_of(
    op: &pb::Op,
    step: usize,
    places: &HashMap<String, StepIndex>,
) -> Result<Vec<StepOutput>, DefinitionError> {
    let found = op.inputs.iter().map(|input| {
        let output = u32::try_from(input.index).ok();
        let known = places.get(&input.digest).copied().zip(output);
        let (below, output) = known.ok_or_else(|| DefinitionError::DanglingInput {
            step,
            input: visible(&input.digest).into_owned(),
        })?;
        Ok(StepOutput {
            step: below,
            output,
        })
    });
    found.collect()
}

fn locations_of(locations: &pb::Locations) -> Vec<CodeLocation> {
    let line = |position: Option<pb::Position>| {
        position
            .and_then(|position| u32::try_from(position.line).ok())
            .filter(|line| *line > 0)
    };
    let cover = |location: &pb::Location| {
        let first_line = location
            .ranges
            .iter()
            .filter_map(|range| line(range.start))
            .min()?;
        let last_line = location
            .ranges
            .iter()
            .filter_map(|range| line(range.end))
            .max()?;
        let source = usize::try_from(location.source_index).ok()?;
        Some(CodeLocation {
            source,
            first_line,
            last_line: last_line.max(first_line),
        })
    };
    locations.locations.iter().filter_map(cover).collect()
}

fn source_file(info: pb::SourceInfo) -> SourceFile {
    let text =
        (info.data.len() <= SOURCE_LIMIT).then(|| String::from_utf8_lossy(&info.data).into_owned());
    SourceFile {
        name: info.filename,
        language: info.language,
        text: text.filter(|text| !text.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(ops: &[&pb::Op]) -> Vec<u8> {
        pb::Definition {
            def: ops.iter().map(|op| op.encode_to_vec()).collect(),
            ..pb::Definition::default()
        }
        .encode_to_vec()
    }

    fn source(identifier: &str) -> pb::Op {
        let op = pb::SourceOp {
            identifier: identifier.into(),
            ..pb::SourceOp::default()
        };
        pb::Op {
            op: Some(pb::op::Op::Source(op)),
            ..pb::Op::default()
        }
    }

    fn on(op: &pb::Op, index: i64) -> pb::Op {
        let input = pb::Input {
            digest: Digest::of(&op.encode_to_vec()).to_string(),
            index,
        };
        pb::Op {
            inputs: vec![input],
            ..pb::Op::default()
        }
    }

    #[test]
    fn ties_operations_by_their_digests() {
        let first = source("local://context");
        let build = parse(&definition(&[&on(&first, 1), &first])).unwrap();
        assert_eq!(
            build.steps[0].inputs,
            [StepOutput {
                step: StepIndex(1),
                output: 1
            }]
        );
        assert_eq!(build.order, [StepIndex(1), StepIndex(0)]);
        assert_eq!(
            build.steps[1].vertices,
            [Digest::of(&first.encode_to_vec())]
        );
    }

    #[test]
    fn definitions_have_locations_and_ignore_cache_flags() {
        let op = source("local://context");
        let name = Digest::of(&op.encode_to_vec()).to_string();
        let at = |line| Some(pb::Position { line, character: 0 });
        let ranges = vec![
            pb::Range {
                start: at(7),
                end: at(8),
            },
            pb::Range {
                start: at(5),
                end: at(5),
            },
        ];
        let locations = pb::Locations {
            locations: vec![pb::Location {
                source_index: 0,
                ranges,
            }],
        };
        let info = pb::SourceInfo {
            filename: "Dockerfile".into(),
            data: b"FROM x".to_vec(),
            ..Default::default()
        };
        let bytes = pb::Definition {
            def: vec![op.encode_to_vec()],
            metadata: [(
                name.clone(),
                pb::OpMetadata {
                    ignore_cache: true,
                    ..Default::default()
                },
            )]
            .into(),
            source: Some(pb::Source {
                locations: [(name, locations)].into(),
                infos: vec![info],
            }),
        };
        let build = parse(&bytes.encode_to_vec()).unwrap();
        assert_eq!(
            build.steps[0].locations,
            [CodeLocation {
                source: 0,
                first_line: 5,
                last_line: 8
            }]
        );
        assert!(build.steps[0].ignores_cache);
        assert_eq!(build.sources[0].text.as_deref(), Some("FROM x"));
    }

    #[test]
    fn invalid_input_is_an_error_with_a_reason() {
        assert_eq!(parse(b"").unwrap_err(), DefinitionError::Empty);
        assert_eq!(
            parse(&vec![0; MAX_SIZE + 1]).unwrap_err(),
            DefinitionError::TooLarge
        );
        assert!(matches!(
            parse(b"\x0a\xff").unwrap_err(),
            DefinitionError::Protobuf(_)
        ));
        let dangling = parse(&definition(&[&on(&source("a"), 0)])).unwrap_err();
        assert!(matches!(
            dangling,
            DefinitionError::DanglingInput { step: 0, .. }
        ));
        let negative = parse(&definition(&[&on(&source("a"), -1), &source("a")])).unwrap_err();
        assert!(matches!(
            negative,
            DefinitionError::DanglingInput { step: 0, .. }
        ));
    }

    #[test]
    fn unknown_operations_have_no_key() {
        // Field 8 of an operation, and field 30 of a copy.
        let unknown = [
            &b"\x42\x00"[..],
            b"\x22\x09\x12\x07\x22\x05\x0a\x00\xf0\x01\x01",
        ];
        for op in unknown {
            let bytes = pb::Definition {
                def: vec![op.to_vec()],
                ..pb::Definition::default()
            }
            .encode_to_vec();
            let build = parse(&bytes).unwrap();
            assert!(matches!(build.steps[0].op.kind, OpKind::Unknown), "{op:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parse(&bytes);
            let _ = fields::are_known(&bytes);
        }

        #[test]
        fn broken_definitions_never_panic(at in 0_usize..400, byte: u8) {
            let first = source("docker-image://a@sha256:00");
            let mut bytes = definition(&[&first, &on(&first, 0)]);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = parse(&bytes);
            bytes.truncate(at);
            let _ = parse(&bytes);
        }
    }
}
