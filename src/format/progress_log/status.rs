//! The log in a build record: protobuf messages, each preceded by its length in four little-endian
//! bytes (`solver/llbsolver/history.go` in BuildKit).

use bollard_buildkit_proto::google::protobuf;
use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use jiff::Timestamp;
use prost::Message as _;

use super::{ProgressLog, RawStatus, RawVertex, RawWarning, SolveStatus};
use crate::format::digest::DigestText;
use crate::format::lenient::LenientList;
use crate::format::time::GoTime;

/// The largest message that is read, in bytes: BuildKit's limit for one message.
const MAX_MESSAGE: usize = 16 << 20;

/// Why a log ends early. The part before that was parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// It ends within a message.
    #[error("the log ends in the middle of a message")]
    Truncated,
    /// A message is larger than BuildKit's limit.
    #[error("the log holds a message of {0} bytes")]
    TooLarge(usize),
    /// A message is malformed.
    #[error("the log is damaged: {0}")]
    Protobuf(String),
}

/// Parses a log, as far as possible.
pub(super) fn parse(bytes: &[u8]) -> (ProgressLog, Option<StatusError>) {
    let mut log = ProgressLog::default();
    let mut rest = bytes;
    loop {
        match next(&mut rest) {
            Ok(Some(message)) => log.take(message),
            Ok(None) => return (log, None),
            Err(error) => return (log, Some(error)),
        }
    }
}

fn next(rest: &mut &[u8]) -> Result<Option<SolveStatus>, StatusError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (length, after) = rest
        .split_first_chunk::<4>()
        .ok_or(StatusError::Truncated)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_MESSAGE {
        return Err(StatusError::TooLarge(length));
    }
    let (message, after) = after
        .split_at_checked(length)
        .ok_or(StatusError::Truncated)?;
    *rest = after;
    let message = StatusResponse::decode(message)
        .map_err(|error| StatusError::Protobuf(error.to_string()))?;
    let vertexes = message.vertexes.into_iter().map(|vertex| RawVertex {
        digest: DigestText::from(vertex.digest.as_str()),
        inputs: LenientList(
            vertex
                .inputs
                .iter()
                .map(|input| DigestText::from(input.as_str()))
                .collect(),
        ),
        name: vertex.name,
        started: time(vertex.started),
        completed: time(vertex.completed),
        cached: vertex.cached,
        error: vertex.error,
    });
    let statuses = message.statuses.into_iter().map(|status| RawStatus {
        vertex: DigestText::from(status.vertex.as_str()),
        id: status.id,
        current: status.current,
        total: status.total,
    });
    let warnings = message.warnings.into_iter().map(|warning| RawWarning {
        vertex: DigestText::from(warning.vertex.as_str()),
        short: super::Base64Text(String::from_utf8_lossy(&warning.short).into_owned()),
    });
    Ok(Some(SolveStatus {
        vertexes: LenientList(vertexes.collect()),
        statuses: LenientList(statuses.collect()),
        warnings: LenientList(warnings.collect()),
    }))
}

fn time(time: Option<protobuf::Timestamp>) -> GoTime {
    GoTime(time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok()))
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::buildkit::v1::Vertex;

    use super::*;
    use crate::format::digest::Digest;

    fn message() -> Vec<u8> {
        let digest = Digest::of(b"a").to_string();
        let started = Some(protobuf::Timestamp {
            seconds: 10,
            nanos: 5,
        });
        let vertex = Vertex {
            digest,
            name: "A".into(),
            started,
            cached: true,
            ..Vertex::default()
        };
        let message = StatusResponse {
            vertexes: vec![vertex],
            ..StatusResponse::default()
        }
        .encode_to_vec();
        [
            &u32::try_from(message.len()).unwrap().to_le_bytes()[..],
            &message,
        ]
        .concat()
    }

    #[test]
    fn truncated_messages_are_read_up_to_their_end() {
        let (log, error) = parse(&[message(), message()].concat());
        assert_eq!(
            (log.vertices.len(), log.vertices[0].cached, error),
            (1, true, None)
        );
        assert_eq!(log.vertices[0].started, Timestamp::new(10, 5).ok());
        let cut = [message(), message()[..9].to_vec()].concat();
        assert_eq!(parse(&cut).1, Some(StatusError::Truncated));
        assert_eq!(parse(&cut).0.vertices.len(), 1);
        assert_eq!(parse(b"\0\0").1, Some(StatusError::Truncated));
        assert_eq!(
            parse(b"\xff\xff\xff\xff").1,
            Some(StatusError::TooLarge(u32::MAX as usize))
        );
        assert!(matches!(
            parse(b"\x01\0\0\0\xff").1,
            Some(StatusError::Protobuf(_))
        ));
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            parse(&bytes);
        }
    }
}
