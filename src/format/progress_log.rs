//! Build logs in the form of `--progress=rawjson`: one `SolveStatus` per line (`client/graph.go` in
//! BuildKit).
//!
//! A vertex appears in many events, and later events can contradict earlier ones. An event may mark
//! a vertex as `cached` and a later one not: the result was found in the cache, but its layers had
//! to be fetched. The last event counts, and contradictions in earlier ones are kept too. A log
//! comes from standard error and may contain other lines, which are skipped. `status` parses the
//! form in build records.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::digest::{Digest, DigestText};
use super::lenient::{self, LenientList, go_struct};
use super::plain_log;
use super::time::GoTime;

mod status;

pub use status::StatusError;

/// The longest line that is read, in bytes; longer ones are skipped.
pub const MAX_LINE: usize = 8 << 20;
/// The longest part of a line without an event that is read, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// The most vertices that are kept; events of others are skipped.
pub const MAX_VERTICES: usize = 100_000;
/// The most statuses that are kept of a vertex.
pub const MAX_STATUSES: usize = 1_000;
/// The error of a cancelled vertex: Go's `context.Canceled`.
const CANCELLED: &str = "context canceled";

/// The parsed log of a build.
#[derive(Debug, Clone, Default)]
pub struct ProgressLog {
    /// The vertices, in the order of their first event.
    pub vertices: Vec<LoggedVertex>,
    /// How many lines were not events: other output, or longer than [`MAX_LINE`].
    pub skipped_lines: usize,
    /// The warnings of buildx about imports that it skipped: text between the events.
    pub skipped_imports: Vec<String>,
    places: HashMap<Digest, usize>,
}

/// The log of a vertex.
#[derive(Debug, Clone)]
pub struct LoggedVertex {
    /// Its digest. The provenance of the same build maps it to a step.
    pub digest: Digest,
    /// Its name, such as `[web 2/3] RUN npm run build`.
    pub name: String,
    pub inputs: Vec<Digest>,
    /// When it first started.
    pub started: Option<Timestamp>,
    /// When it last completed; `None` while it runs, or if it was not needed.
    pub completed: Option<Timestamp>,
    /// How often it started. A start before the last completion does not count again: the log of a
    /// bake repeats it for each target, shifted by some microseconds.
    pub starts: u32,
    /// How long it ran, without pauses.
    pub busy: SignedDuration,
    /// Whether its result came from a cache, according to the last event.
    pub cached: bool,
    /// Whether any event reported a cached result.
    pub ever_cached: bool,
    /// Whether one event reported both a cached result and a failure: the result could not be
    /// loaded, and the step ran.
    pub load_failed: bool,
    /// Its error; empty if it did not fail.
    pub error: String,
    /// Its progress reports, such as `transferring context:`.
    pub statuses: Vec<VertexProgress>,
    /// Its warnings, one line each.
    pub warnings: Vec<String>,
    last_start: Option<Timestamp>,
}

/// Progress within a vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexProgress {
    /// The subject, such as `inferred cache manifest type: …`.
    pub id: String,
    /// The current progress, in bytes for transfers.
    pub current: i64,
    /// The total; 0 if unknown.
    pub total: i64,
}

go_struct! {
    struct SolveStatus {
        vertexes: LenientList<RawVertex> = "vertexes",
        statuses: LenientList<RawStatus> = "statuses",
        warnings: LenientList<RawWarning> = "warnings",
    }
}
go_struct! {
    struct RawVertex {
        digest: DigestText = "digest",
        inputs: LenientList<DigestText> = "inputs",
        name: String = "name",
        started: GoTime = "started",
        completed: GoTime = "completed",
        cached: bool = "cached",
        error: String = "error",
    }
}
go_struct! {
    struct RawStatus {
        vertex: DigestText = "vertex",
        id: String = "id",
        current: i64 = "current",
        total: i64 = "total",
    }
}
go_struct! {
    struct RawWarning { vertex: DigestText = "vertex", short: Base64Text = "short" }
}

/// A line of text, which is bytes in Go.
#[derive(Debug, Clone, Default)]
struct Base64Text(String);

impl<'de> serde::Deserialize<'de> for Base64Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = super::llb::json::Base64::deserialize(deserializer)?;
        Ok(Self(String::from_utf8_lossy(&bytes.0).into_owned()))
    }
}

impl ProgressLog {
    /// Parses a whole log.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut reader = LogReader::default();
        reader.feed(bytes);
        reader.finish()
    }

    /// Parses the log of a build record as far as possible. The error is the reason why it ends
    /// early.
    pub fn parse_status(bytes: &[u8]) -> (Self, Option<StatusError>) {
        status::parse(bytes)
    }

    /// Returns the log of a vertex.
    pub fn vertex(&self, digest: &Digest) -> Option<&LoggedVertex> {
        self.vertices.get(*self.places.get(digest)?)
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        let Some(event) = line
            .starts_with(b"{")
            .then(|| lenient::parse::<SolveStatus>(line).ok())
            .flatten()
        else {
            self.skipped_lines += 1;
            let text = String::from_utf8_lossy(&line[..line.len().min(MAX_TEXT)]);
            plain_log::add_skipped_import(&mut self.skipped_imports, &text);
            return;
        };
        self.take(event);
    }

    fn take(&mut self, event: SolveStatus) {
        for raw in event.vertexes.0 {
            if let Some(vertex) = self.entry(&raw.digest) {
                vertex.merge(raw);
            }
        }
        for raw in event.statuses.0 {
            if let Some(vertex) = self.entry(&raw.vertex) {
                vertex.report(VertexProgress {
                    id: raw.id,
                    current: raw.current,
                    total: raw.total,
                });
            }
        }
        for raw in event.warnings.0 {
            if let Some(vertex) = self
                .entry(&raw.vertex)
                .filter(|vertex| vertex.warnings.len() < MAX_STATUSES)
            {
                vertex.warnings.push(raw.short.0);
            }
        }
    }

    fn entry(&mut self, digest: &DigestText) -> Option<&mut LoggedVertex> {
        let digest = digest.valid()?;
        let place = match self.places.get(&digest) {
            Some(place) => *place,
            None if self.vertices.len() == MAX_VERTICES => return None,
            None => {
                self.places.insert(digest, self.vertices.len());
                self.vertices.push(LoggedVertex::new(digest));
                self.vertices.len() - 1
            }
        };
        self.vertices.get_mut(place)
    }
}

impl LoggedVertex {
    fn new(digest: Digest) -> Self {
        Self {
            digest,
            name: String::new(),
            inputs: Vec::new(),
            started: None,
            starts: 0,
            last_start: None,
            completed: None,
            busy: SignedDuration::ZERO,
            cached: false,
            ever_cached: false,
            load_failed: false,
            error: String::new(),
            statuses: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Returns whether it was cancelled because another failure ended the build.
    pub fn was_cancelled(&self) -> bool {
        self.error.contains(CANCELLED)
    }

    fn merge(&mut self, raw: RawVertex) {
        if !raw.name.is_empty() {
            self.name = raw.name;
        }
        // Only some events contain the inputs.
        if !raw.inputs.0.is_empty() {
            self.inputs = raw.inputs.0.iter().filter_map(DigestText::valid).collect();
        }
        let started = raw.started.0;
        let completed = raw.completed.0;
        if let Some(started) = started {
            let is_new = self.last_start.is_none_or(|last| {
                started != last && self.completed.is_some_and(|ended| started >= ended)
            });
            self.starts += u32::from(is_new);
            self.last_start = Some(started);
        }
        self.started = self.started.or(started);
        if let (Some(started), Some(completed)) = (started, completed) {
            // Later events may repeat an interval that is already counted.
            if self.completed.is_none_or(|counted| completed > counted) {
                self.busy = self.busy.saturating_add(completed.duration_since(started));
            }
        }
        self.completed = self.completed.max(completed);
        self.cached = raw.cached;
        self.ever_cached |= raw.cached;
        self.load_failed |= raw.cached && !raw.error.is_empty() && !raw.error.contains(CANCELLED);
        self.error = raw.error;
    }

    fn report(&mut self, status: VertexProgress) {
        match self
            .statuses
            .iter()
            .rposition(|known| known.id == status.id)
        {
            Some(known) => self.statuses[known] = status,
            None if self.statuses.len() == MAX_STATUSES => {}
            None => self.statuses.push(status),
        }
    }
}

/// Parses a log in chunks of any size.
#[derive(Debug, Default)]
pub struct LogReader {
    log: ProgressLog,
    rest: Vec<u8>,
    too_long: bool,
}

impl LogReader {
    /// Parses the next chunk.
    pub fn feed(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.rest.len() + part.len() > MAX_LINE {
                self.too_long = true;
                self.rest.clear();
            }
            if !self.too_long {
                self.rest.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    /// Ends the log and returns it.
    pub fn finish(mut self) -> ProgressLog {
        self.end_line();
        self.log
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.too_long) {
            self.log.skipped_lines += 1;
        } else {
            self.log.line(&self.rest);
        }
        self.rest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    #[test]
    fn failed_cache_loads_are_distinguished_from_given_up_ones() {
        let event = |error: &str| {
            let vertex = vertex("a");
            let line = format!(
                r#"{{"vertexes":[{{"digest":"{vertex}","cached":true,"error":"{error}"}}]}}"#
            );
            let log = ProgressLog::parse(line.as_bytes());
            let vertex = log.vertex(&vertex).unwrap();
            (vertex.load_failed, vertex.was_cancelled())
        };
        assert_eq!(event(""), (false, false));
        assert_eq!(event("failed to load cache key: not found"), (true, false));
        assert_eq!(event("context canceled: context canceled"), (false, true));
    }

    #[test]
    fn the_last_event_of_a_vertex_counts() {
        let a = vertex("a");
        let b = vertex("b");
        let log = format!(
            r#"{{"vertexes":[{{"digest":"{a}","name":"A","inputs":["{b}"],"started":"2026-01-01T00:00:00Z","completed":"2026-01-01T00:00:01Z","cached":true}}]}}
warning: something else {{
{{"vertexes":[{{"digest":"{a}","name":"A","started":"2026-01-01T00:00:05Z"}}],"logs":[{{"data":"AA=="}}]}}
{{"vertexes":[{{"digest":"{a}","name":"A","started":"2026-01-01T00:00:05Z","completed":"2026-01-01T00:00:07Z"}},{{"digest":"nonsense"}}]}}

{{"vertexes":[{{"digest":"{b}","error":"no"}}],"statuses":[{{"id":"s","vertex":"{b}","current":1}},{{"id":"s","vertex":"{b}","current":2,"total":2}}],"warnings":[{{"vertex":"{b}","short":"aGk="}}]}}"#
        );
        let whole = ProgressLog::parse(log.as_bytes());
        let mut by_bytes = LogReader::default();
        log.bytes().for_each(|byte| by_bytes.feed(&[byte]));
        for log in [whole, by_bytes.finish()] {
            assert_eq!((log.vertices.len(), log.skipped_lines), (2, 1));
            let first = log.vertex(&a).unwrap();
            assert_eq!(
                (first.cached, first.ever_cached, first.busy.as_secs()),
                (false, true, 3)
            );
            assert_eq!(first.inputs, [b]);
            let second = log.vertex(&b).unwrap();
            assert_eq!(
                (second.error.as_str(), second.warnings.as_slice()),
                ("no", ["hi".to_owned()].as_slice())
            );
            assert_eq!(
                second.statuses,
                [VertexProgress {
                    id: "s".into(),
                    current: 2,
                    total: 2
                }]
            );
        }
    }

    #[test]
    fn passes_over_lines_without_end() {
        let mut reader = LogReader::default();
        for _ in 0..3 {
            reader.feed(&vec![b'{'; MAX_LINE / 2]);
        }
        assert!(reader.rest.capacity() <= MAX_LINE * 2);
        reader.feed(format!("\n{{\"vertexes\":[{{\"digest\":\"{}\"}}]}}", vertex("a")).as_bytes());
        let log = reader.finish();
        assert_eq!((log.vertices.len(), log.skipped_lines), (1, 1));
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            ProgressLog::parse(&bytes);
        }
    }
}
