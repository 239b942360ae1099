//! Build logs in the form of `--progress=plain` (`util/progress/progressui/printer.go` in
//! BuildKit).
//!
//! A vertex has a number and a name, but no digest. `#7 [web 2/3] RUN npm ci` starts its output;
//! `#7 CACHED` or `#7 DONE 0.1s` ends it, sometimes more than once. If a vertex was found in a
//! cache and its layers had to be fetched, only the output about those layers shows it. Other lines
//! are ignored, and so are escape sequences and the prefixes that CI systems put before each line.

use std::borrow::Cow;

use jiff::SignedDuration;

/// The most vertices that are kept.
const MAX_VERTICES: usize = 100_000;
/// The most skipped imports that are kept.
const MAX_SKIPPED_IMPORTS: usize = 100;
/// The longest line that is read, in bytes; longer ones are skipped.
const MAX_LINE: usize = 1 << 20;

/// The parsed log of a build.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlainLog {
    /// The vertices, by their numbers.
    pub vertices: Vec<PlainVertex>,
    /// How many lines belong to no vertex.
    pub skipped_lines: usize,
    /// The warnings of buildx about skipped imports: `local cache import at DIR skipped due to err:
    /// …` (`util/buildflags` and `build/opt.go` in buildx).
    pub skipped_imports: Vec<String>,
}

/// The log of a vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainVertex {
    pub number: u32,
    /// Its name, such as `[web 2/3] RUN npm ci`; logs cut long ones.
    pub name: String,
    pub outcome: PlainOutcome,
    /// Whether layers of its result were fetched. Then it was found in a cache, unless it is a
    /// source.
    pub fetched: bool,
    /// Whether its command printed any output. Then it ran.
    pub wrote: bool,
    /// How long it took, as far as the log has it.
    pub took: SignedDuration,
}

/// The outcome of a vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainOutcome {
    /// Unknown: the log ends earlier.
    Unfinished,
    /// It was found in a cache.
    Cached,
    /// It ended; [`PlainVertex::fetched`] shows whether it ran.
    Done,
    /// It failed with this error.
    Failed(String),
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
            let text = without_escapes(&text);
            let about = (line.len() <= MAX_LINE).then(|| about(&text)).flatten();
            match about
                .and_then(|(number, rest)| log.vertex(number, rest).map(|vertex| (vertex, rest)))
            {
                Some((vertex, rest)) => vertex.add_line(rest),
                None => {
                    log.skipped_lines += 1;
                    add_skipped_import(&mut log.skipped_imports, &text);
                }
            }
        }
        log
    }

    /// Finds a vertex; a new one must start with its name.
    fn vertex(&mut self, number: u32, rest: &str) -> Option<&mut PlainVertex> {
        match self
            .vertices
            .binary_search_by_key(&number, |vertex| vertex.number)
        {
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
    fn add_line(&mut self, rest: &str) {
        if rest == "CACHED" {
            self.outcome = PlainOutcome::Cached;
        } else if let Some(time) = rest.strip_prefix("DONE ") {
            if self.outcome != PlainOutcome::Cached || self.fetched {
                self.outcome = PlainOutcome::Done;
            }
            // Each time is measured from the first start.
            self.took = self.took.max(seconds(time).unwrap_or_default());
        } else if let Some(error) = rest
            .strip_prefix("ERROR: ")
            .or_else(|| rest.strip_prefix("ERROR "))
        {
            self.outcome = PlainOutcome::Failed(error.to_owned());
        } else if rest == "CANCELED" {
            self.outcome = PlainOutcome::Cancelled;
        } else if is_download(rest) {
            self.fetched = true;
        } else if rest
            .split(' ')
            .next()
            .is_some_and(|first| first.contains('.') && first.parse::<f64>().is_ok())
        {
            self.wrote = true;
        }
    }
}

/// Returns whether a line reports the download of a layer: its digest and sizes, or its extraction.
/// Old clients use a bare digest as the name of a vertex.
fn is_download(rest: &str) -> bool {
    rest.starts_with("extracting sha256:") || (rest.starts_with("sha256:") && rest.contains(' '))
}

/// Adds the import that buildx skipped according to a line, if there is room.
pub(super) fn add_skipped_import(skipped: &mut Vec<String>, line: &str) {
    if skipped.len() < MAX_SKIPPED_IMPORTS {
        skipped.extend(skipped_import(line));
    }
}

/// Returns the warning about an import that buildx skipped.
fn skipped_import(line: &str) -> Option<String> {
    let start = line.find("local cache import at ")?;
    let warning = &line[start..];
    let warning = warning.trim_end_matches('"');
    warning
        .contains(" skipped due to err")
        .then(|| warning.to_owned())
}

/// Parses `#7 …`, possibly after the prefixes of a CI system: a time (`2026-11-29T06:50:12Z`,
/// `[06:50:12]`), a stream (`01O` of `GitLab`'s runner), or the name of a job (`[ci/build]   | ` of
/// act, `[build:L3:0s] ` of Woodpecker).
fn about(line: &str) -> Option<(u32, &str)> {
    let mut rest = line.trim_start_matches(['\u{feff}', ' ', '\t']);
    while !rest.starts_with('#') {
        let end = match rest.strip_prefix('[') {
            Some(inner) => inner.find(']')? + 2,
            None => rest.find([' ', '\t'])?,
        };
        let (word, after) = rest.split_at(end);
        if !is_prefix(word) {
            return None;
        }
        rest = after.trim_start();
    }
    let (number, rest) = rest[1..].split_once(' ')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some((number, rest.trim_start()))
}

/// Returns whether a word may be the prefix of a CI system.
fn is_prefix(word: &str) -> bool {
    let is_time = word.parse::<jiff::Timestamp>().is_ok()
        || word.parse::<jiff::civil::DateTime>().is_ok()
        || word.parse::<jiff::civil::Time>().is_ok()
        || word.parse::<jiff::civil::Date>().is_ok();
    is_time || word.starts_with('[') || matches!(word, "|" | ":") || is_stream(word)
}

/// Removes the escape sequences of terminals: colours, and the times of Buildkite
/// (`\x1b_bk;t=…\x07`).
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut parts = text.split('\x1b');
    kept.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = match part.as_bytes().first() {
            Some(b'[') => part[1..]
                .find(|end: char| ('@'..='~').contains(&end))
                .map(|end| end + 2),
            Some(b'_' | b']') => part.find('\x07').map(|end| end + 1),
            _ => Some(0),
        };
        kept.push_str(&part[end.unwrap_or(part.len())..]);
    }
    Cow::Owned(kept)
}

/// Returns whether a word is a stream of `GitLab`'s runner: two hexadecimal digits, `O` or `E`, and
/// `+` for a continued line.
fn is_stream(word: &str) -> bool {
    let word = word.strip_suffix('+').unwrap_or(word);
    let digits = word.strip_suffix(['O', 'E']).unwrap_or_default();
    digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn seconds(text: &str) -> Option<SignedDuration> {
    SignedDuration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vertex_of_a_log_has_its_outcome() {
        let log = PlainLog::parse(
            b"#0 building with \"r\"\n\n#1 [a 1/2] FROM b\n#1 DONE 0.0s\n\n2026-11-24T11:00:00.5Z #2 [a 2/2] RUN x\r\n#2 CACHED\n
#3 RUN y\n#3 0.123 hello\n#3 DONE 1.5s\n#4 RUN z\n#4 CACHED\n#4 sha256:00 1B / 1B\n#4 extracting sha256:00\n#4 DONE 0.1s\n
#5 RUN bad\n#5 ERROR: process failed\n#6 late\n#7 gone\n#7 CANCELED\nWARNING: x\n#x\n#9",
        );
        let statuses: Vec<_> = log
            .vertices
            .iter()
            .map(|vertex| (vertex.number, &vertex.outcome, vertex.fetched))
            .collect();
        assert_eq!(
            statuses,
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
        assert_eq!(
            (log.vertices[1].name.as_str(), log.skipped_lines),
            ("[a 2/2] RUN x", 4)
        );
    }

    #[test]
    fn prefixes_of_ci_systems_are_ignored() {
        for prefix in [
            "2026-11-29T06:50:12.1234567Z ",
            "\u{feff}2026-11-29T06:50:12.1234567Z ",
            "2026-11-29T06:50:12.123456Z 01O ",
            "[2026-11-29T06:50:12.123Z] ",
            "06:50:12  ",
            "2026-11-29 06:50:12 ",
            "[06:50:12] :\t [Step 1/2] ",
            "[ci/build]   | ",
            "[build:L3:0s] ",
            "\x1b_bk;t=1764399012000\x07",
            "\x1b[36m[ci/build] \x1b[0m  | ",
        ] {
            let lines = format!("{prefix}#7 [a 1/2] RUN x\n{prefix}#7 CACHED\x1b[0m\n");
            let log = PlainLog::parse(lines.as_bytes());
            let [vertex] = &log.vertices[..] else {
                panic!("{prefix:?}: {log:?}");
            };
            assert_eq!(vertex.name, "[a 1/2] RUN x", "{prefix:?}");
            assert_eq!(vertex.outcome, PlainOutcome::Cached, "{prefix:?}");
        }
        for line in ["see #7 [a 1/2] RUN x", "[open #7 x", "#x 1", "# 7 x"] {
            assert!(
                PlainLog::parse(line.as_bytes()).vertices.is_empty(),
                "{line}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            PlainLog::parse(&bytes);
            let escaped: Vec<u8> = bytes.iter().flat_map(|byte| [0x1b, b'[', *byte]).collect();
            PlainLog::parse(&escaped);
        }
    }
}
