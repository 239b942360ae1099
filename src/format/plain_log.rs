//! Build logs in the form of `--progress=plain`, for what they give (`util/progress/progressui/printer.go` in BuildKit).
//!
//! A vertex has a number and a name, and no digest; `#7 [web 2/3] RUN npm ci` begins what is told of it, `#7 CACHED` or
//! `#7 DONE 0.1s` ends it, perhaps more than once. A vertex that was found in a cache and whose layers had to be fetched is
//! told by those layers alone. Other lines are passed over, and a time that a runner put before each line is, too.

use jiff::SignedDuration;

/// The most vertices that are kept.
const MAX_VERTICES: usize = 100_000;
/// The longest line that is read, in bytes; longer ones are passed over.
const MAX_LINE: usize = 1 << 20;

/// What a log tells of a build.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlainLog {
    /// The vertices, by their numbers.
    pub vertices: Vec<PlainVertex>,
    /// How many lines were about no vertex.
    pub skipped_lines: usize,
}

/// What a log tells of a vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainVertex {
    /// Its number.
    pub number: u32,
    /// Its name, such as `[web 2/3] RUN npm ci`; a log cuts long ones.
    pub name: String,
    /// What became of it.
    pub outcome: PlainOutcome,
    /// Whether layers of its result were fetched: then it was found in a cache, but for a source.
    pub fetched: bool,
    /// Whether a command of it wrote anything: then it ran.
    pub wrote: bool,
    /// How long it took, as far as it is told.
    pub took: SignedDuration,
}

/// What became of a vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainOutcome {
    /// Nothing is told: the log ends before.
    Unfinished,
    /// It was found in a cache.
    Cached,
    /// It ended; whether it ran is told by [`PlainVertex::fetched`].
    Done,
    /// It failed, and why.
    Failed(String),
    /// It was given up.
    Cancelled,
}

impl PlainLog {
    /// Parses a log.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut log = Self::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]);
            let about = (line.len() <= MAX_LINE).then(|| about(&text)).flatten();
            match about.and_then(|(number, rest)| log.vertex(number, rest).map(|vertex| (vertex, rest))) {
                Some((vertex, rest)) => vertex.tell(rest),
                None => log.skipped_lines += 1,
            }
        }
        log
    }

    /// Finds a vertex; one that is new must begin with its name.
    fn vertex(&mut self, number: u32, rest: &str) -> Option<&mut PlainVertex> {
        match self.vertices.binary_search_by_key(&number, |vertex| vertex.number) {
            Ok(place) => self.vertices.get_mut(place),
            Err(_) if self.vertices.len() == MAX_VERTICES => None,
            Err(place) => {
                let vertex = PlainVertex {
                    number,
                    name: rest.to_owned(),
                    outcome: PlainOutcome::Unfinished,
                    fetched: false,
                    wrote: false,
                    took: SignedDuration::ZERO,
                };
                self.vertices.insert(place, vertex);
                self.vertices.get_mut(place)
            }
        }
    }
}

impl PlainVertex {
    fn tell(&mut self, rest: &str) {
        if rest == "CACHED" {
            self.outcome = PlainOutcome::Cached;
        } else if let Some(time) = rest.strip_prefix("DONE ") {
            if self.outcome != PlainOutcome::Cached || self.fetched {
                self.outcome = PlainOutcome::Done;
            }
            // Each time counts from the first beginning.
            self.took = self.took.max(seconds(time).unwrap_or_default());
        } else if let Some(error) = rest.strip_prefix("ERROR: ").or_else(|| rest.strip_prefix("ERROR ")) {
            self.outcome = PlainOutcome::Failed(error.to_owned());
        } else if rest == "CANCELED" {
            self.outcome = PlainOutcome::Cancelled;
        } else if rest.starts_with("sha256:") || rest.starts_with("extracting sha256:") {
            self.fetched = true;
        } else if rest.split(' ').next().is_some_and(|first| first.contains('.') && first.parse::<f64>().is_ok()) {
            self.wrote = true;
        }
    }
}

/// Reads `#7 …`, perhaps after a time.
fn about(line: &str) -> Option<(u32, &str)> {
    let start = if let Some(rest) = line.strip_prefix('#') {
        rest
    } else {
        let (time, rest) = line.split_once(' ')?;
        time.parse::<jiff::Timestamp>().ok()?;
        rest.trim_start().strip_prefix('#')?
    };
    let (number, rest) = start.split_once(' ')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some((number, rest.trim_start()))
}

fn seconds(text: &str) -> Option<SignedDuration> {
    SignedDuration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_became_of_each_vertex() {
        let log = PlainLog::parse(
            b"#0 building with \"r\"\n\n#1 [a 1/2] FROM b\n#1 DONE 0.0s\n\n2026-11-24T11:00:00.5Z #2 [a 2/2] RUN x\r\n#2 CACHED\n
#3 RUN y\n#3 0.123 hello\n#3 DONE 1.5s\n#4 RUN z\n#4 CACHED\n#4 sha256:00 1B / 1B\n#4 extracting sha256:00\n#4 DONE 0.1s\n
#5 RUN bad\n#5 ERROR: process failed\n#6 late\n#7 gone\n#7 CANCELED\nWARNING: x\n#x\n#9",
        );
        let told: Vec<_> = log.vertices.iter().map(|vertex| (vertex.number, &vertex.outcome, vertex.fetched)).collect();
        assert_eq!(
            told,
            [
                (1, &PlainOutcome::Done, false),
                (2, &PlainOutcome::Cached, false),
                (3, &PlainOutcome::Done, false),
                (4, &PlainOutcome::Done, true),
                (5, &PlainOutcome::Failed("process failed".into()), false),
                (6, &PlainOutcome::Unfinished, false),
                (7, &PlainOutcome::Cancelled, false),
            ]
        );
        assert!(log.vertices[2].wrote && log.vertices[2].took.as_millis() == 1500);
        assert_eq!((log.vertices[1].name.as_str(), log.skipped_lines), ("[a 2/2] RUN x", 4));
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            PlainLog::parse(&bytes);
        }
    }
}
