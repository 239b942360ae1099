//! Splits a Dockerfile into instructions: their lines, their stage, and their text as written.
//!
//! Reads only the part of the language that this needs (`frontend/dockerfile/parser` in BuildKit):
//! the `escape` directive, comments, continued lines and here-documents.

use std::ops::RangeInclusive;

/// A Dockerfile.
#[derive(Debug, Clone, Default)]
pub struct DockerfileOutline {
    /// The instructions, in order.
    pub instructions: Vec<OutlineInstruction>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineInstruction {
    /// Its lines, counted from 1, with those of its here-documents.
    pub lines: RangeInclusive<u32>,
    /// Its text: continued lines are joined by a space, comments within it are removed, and only
    /// the first line of a here-document is kept.
    pub text: String,
    /// Its stage; `None` before the first `FROM`.
    pub stage: Option<OutlineStage>,
}

/// A stage of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineStage {
    /// Its index, counted from 0.
    pub index: u32,
    /// Its name, as in `FROM … AS name`.
    pub name: Option<String>,
}

impl OutlineStage {
    /// Returns the stage that an instruction begins, if it is a `FROM`.
    fn begun_by(text: &str, index: u32) -> Option<Self> {
        let mut words = text.split_whitespace();
        words
            .next()
            .filter(|word| word.eq_ignore_ascii_case("FROM"))?;
        let mut words = words.skip_while(|word| word.starts_with("--")).skip(1);
        let is_named = words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("AS"));
        Some(Self {
            index,
            name: words.next().filter(|_| is_named).map(str::to_lowercase),
        })
    }
}

impl std::fmt::Display for OutlineStage {
    /// Names the stage as BuildKit's progress does.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "stage-{}", self.index),
        }
    }
}

impl DockerfileOutline {
    /// Parses a Dockerfile. Every text is accepted: a line that is no instruction is ignored later.
    pub fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().collect();
        let mut reader = OutlineReader {
            lines,
            next: 0,
            escape: '\\',
            patience: PATIENCE,
        };
        reader.directives();
        let mut instructions: Vec<OutlineInstruction> = Vec::new();
        let mut stage: Option<OutlineStage> = None;
        while let Some((lines, text)) = reader.instruction() {
            let next = stage.as_ref().map_or(0, |stage| stage.index + 1);
            stage = OutlineStage::begun_by(&text, next).or(stage);
            instructions.push(OutlineInstruction {
                lines,
                text,
                stage: stage.clone(),
            });
        }
        Self { instructions }
    }

    /// Returns the instruction that contains a line.
    pub fn at(&self, line: u32) -> Option<&OutlineInstruction> {
        let after = self
            .instructions
            .partition_point(|instruction| *instruction.lines.start() <= line);
        self.instructions[..after]
            .last()
            .filter(|instruction| instruction.lines.contains(&line))
    }
}

/// How many here-documents without an end are looked for. A file that was built ends them all. In
/// any other file, the search for each end would read the whole rest of the file.
const PATIENCE: u32 = 16;

struct OutlineReader<'a> {
    lines: Vec<&'a str>,
    next: usize,
    escape: char,
    patience: u32,
}

impl OutlineReader<'_> {
    /// Reads the directives at the top. Only `escape` matters.
    fn directives(&mut self) {
        for line in &self.lines {
            let Some((name, value)) = line
                .trim()
                .strip_prefix('#')
                .and_then(|line| line.split_once('='))
            else {
                break;
            };
            match (name.trim().to_lowercase().as_str(), value.trim()) {
                ("escape", "`") => self.escape = '`',
                ("escape" | "syntax" | "check", _) => {}
                _ => break,
            }
        }
    }

    fn instruction(&mut self) -> Option<(RangeInclusive<u32>, String)> {
        let is_nothing = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
        self.next += self
            .lines
            .get(self.next..)?
            .iter()
            .take_while(|line| is_nothing(line))
            .count();
        let first = self.next;
        let mut text = String::new();
        while let Some(line) = self.lines.get(self.next) {
            self.next += 1;
            if is_nothing(line) {
                continue;
            }
            let continued = line.trim_end().strip_suffix(self.escape);
            let words = continued.unwrap_or(line).trim();
            if !text.is_empty() && !words.is_empty() {
                text.push(' ');
            }
            text.push_str(words);
            if continued.is_none() {
                break;
            }
        }
        if first == self.next {
            return None;
        }
        for document in here_documents(&text) {
            self.skip(&document);
        }
        let line = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Some((line(first + 1)..=line(self.next), text))
    }

    /// Skips a here-document. Without an end, it is not a here-document.
    fn skip(&mut self, document: &OutlineHereDocument) {
        let rest = self.lines.get(self.next..).unwrap_or_default();
        let ends = |line: &&str| {
            document.end
                == if document.indented {
                    line.trim_start_matches('\t')
                } else {
                    line
                }
        };
        if self.patience == 0 {
            return;
        }
        match rest.iter().position(ends) {
            Some(end) => self.next += end + 1,
            None => self.patience -= 1,
        }
    }
}

struct OutlineHereDocument {
    end: String,
    indented: bool,
}

/// Finds the words `<<NAME`, `<<-NAME` and `<<"NAME"` of an instruction that may have
/// here-documents.
fn here_documents(text: &str) -> Vec<OutlineHereDocument> {
    let mut first = text
        .split_whitespace()
        .skip_while(|word| word.eq_ignore_ascii_case("ONBUILD"));
    let may = first.next().is_some_and(|word| {
        ["RUN", "COPY", "ADD"]
            .iter()
            .any(|may| word.eq_ignore_ascii_case(may))
    });
    if !may {
        return Vec::new();
    }
    words(text).into_iter().filter_map(here_document).collect()
}

fn here_document(word: &str) -> Option<OutlineHereDocument> {
    let word = word
        .trim_start_matches(|character: char| character.is_ascii_digit())
        .strip_prefix("<<")?;
    let (word, indented) = word
        .strip_prefix('-')
        .map_or((word, false), |word| (word, true));
    let end: String = word
        .chars()
        .filter(|character| !matches!(character, '"' | '\''))
        .collect();
    (!end.is_empty() && !end.contains('<')).then_some(OutlineHereDocument { end, indented })
}

/// Splits at white space outside of quotes.
fn words(text: &str) -> Vec<&str> {
    let mut quote = None;
    text.split(|character: char| {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        quote.is_none() && character.is_whitespace()
    })
    .filter(|word| !word.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(u32, u32, String, String)> {
        let file = DockerfileOutline::parse(text);
        let stage = |instruction: &OutlineInstruction| {
            instruction
                .stage
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        file.instructions
            .iter()
            .map(|i| (*i.lines.start(), *i.lines.end(), stage(i), i.text.clone()))
            .collect()
    }

    fn row(first: u32, last: u32, stage: &str, text: &str) -> (u32, u32, String, String) {
        (first, last, stage.to_owned(), text.to_owned())
    }

    #[test]
    fn continued_lines_are_joined_and_stages_named() {
        let text = "# syntax=docker/dockerfile:1\n\nARG V=1\nfrom --platform=$BUILDPLATFORM base:$V as Build\nRUN a \\\n  # why\n\n  && b \\\n  c\nFROM scratch\nCOPY --from=build /x /x\n";
        assert_eq!(
            parsed(text),
            [
                row(3, 3, "", "ARG V=1"),
                row(
                    4,
                    4,
                    "build",
                    "from --platform=$BUILDPLATFORM base:$V as Build"
                ),
                row(5, 9, "build", "RUN a && b c"),
                row(10, 10, "stage-1", "FROM scratch"),
                row(11, 11, "stage-1", "COPY --from=build /x /x"),
            ]
        );
        let file = DockerfileOutline::parse(text);
        assert_eq!(file.at(7).unwrap().text, "RUN a && b c");
        assert!(file.at(1).is_none() && file.at(12).is_none());
    }

    #[test]
    fn here_documents_are_no_instructions() {
        let text = "FROM a\nRUN <<EOF cat <<-\"B\" 3<<C\nFROM x\nEOF\n\tFROM y\n\tB\nC\nCOPY <<a.txt <<b.txt /d/\n1\na.txt\n2\nb.txt\nRUN echo '<<NO' \"x <<EOF\" a<<b <<< c\nCMD <<Z\nENV A=1";
        assert_eq!(
            parsed(text),
            [
                row(1, 1, "stage-0", "FROM a"),
                row(2, 7, "stage-0", "RUN <<EOF cat <<-\"B\" 3<<C"),
                row(8, 12, "stage-0", "COPY <<a.txt <<b.txt /d/"),
                row(13, 13, "stage-0", "RUN echo '<<NO' \"x <<EOF\" a<<b <<< c"),
                row(14, 14, "stage-0", "CMD <<Z"),
                row(15, 15, "stage-0", "ENV A=1"),
            ]
        );
    }

    #[test]
    fn the_escape_directive_and_unusual_line_ends_are_supported() {
        let text = "\u{feff}# escape=`\r\nFROM a\r\nRUN dir c:\\ `\r\n  /b\r\nRUN last `";
        assert_eq!(
            parsed(text),
            [
                row(2, 2, "stage-0", "FROM a"),
                row(3, 4, "stage-0", "RUN dir c:\\ /b"),
                row(5, 5, "stage-0", "RUN last"),
            ]
        );
        assert!(parsed("").is_empty() && parsed("\n# only\n").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_an_outline(text in "([ \\\\\n#<EOF\"'-]|RUN|FROM|AS|COPY){0,60}") {
            let file = DockerfileOutline::parse(&text);
            let mut before = 0;
            for instruction in &file.instructions {
                proptest::prop_assert!(*instruction.lines.start() > before);
                before = *instruction.lines.end();
            }
        }
    }
}
