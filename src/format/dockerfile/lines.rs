//! Splits a Dockerfile into lines as BuildKit's parser does: joined where they continue, with the
//! bodies of here-documents (`frontend/dockerfile/parser/parser.go`).

use super::directives::{Directive, Directives};
use super::here_document::{self, HereDocument};
use super::node::DockerfileNode;
use super::{Lines, ParseError};
use crate::format::go_text;

/// The longest line without its line end, in bytes.
pub const MAX_LINE: usize = 65_535;

/// The instructions of a file, with unparsed arguments.
#[derive(Debug)]
pub struct LineTree {
    /// The instructions.
    pub nodes: Vec<DockerfileNode>,
    /// The escape character.
    pub escape: char,
}

/// Splits a file into instructions.
///
/// # Errors
/// If a line is too long, a here-document does not end, a directive or an instruction is malformed,
/// or there is no instruction.
pub fn parse(bytes: &[u8]) -> Result<LineTree, ParseError> {
    let mut reader = LineReader {
        rest: bytes,
        count: 0,
        is_cut: false,
    };
    let mut directives = Directives::new("#");
    let mut tree = LineTree {
        nodes: Vec::new(),
        escape: '\\',
    };
    while let Some(line) = reader.next() {
        let line = if reader.count == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        let text = without_end(line);
        let text = text.trim_start();
        // BuildKit counts the line of a bad directive from 0.
        let at_directive = |message: String| ParseError::at(message, Lines::only(reader.count - 1));
        match directives.line(text).map_err(at_directive)? {
            Some(Directive { name, value }) if name == "escape" => {
                tree.escape = escape(&value).map_err(at_directive)?;
            }
            _ => {}
        }
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let first = reader.count;
        let line = joined(text, &mut reader, tree.escape);
        let node = instruction(line, first, &mut reader, tree.escape)?;
        tree.nodes.push(node);
    }
    if tree.nodes.is_empty() {
        return Err(ParseError::at(
            "file with no instructions",
            Lines::only(reader.count),
        ));
    }
    if reader.is_cut {
        let message = format!("dockerfile line greater than max allowed size of {MAX_LINE}");
        return Err(ParseError::at(message, Lines::only(reader.count)));
    }
    Ok(tree)
}

/// Checks the value of the `escape` directive.
fn escape(value: &str) -> Result<char, String> {
    match value {
        "\\" => Ok('\\'),
        "`" => Ok('`'),
        other => Err(format!(
            "invalid escape token '{other}' does not match ` or \\"
        )),
    }
}

/// Reads the lines that continue an instruction. Their leading blanks stay; comments and blank
/// lines among them are removed.
fn joined(text: &str, reader: &mut LineReader<'_>, escape: char) -> String {
    let Some(start) = continued(text, escape) else {
        return text.to_owned();
    };
    let mut line = start.to_owned();
    while let Some(next) = reader.next() {
        let next = without_end(next);
        let content = next.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let Some(start) = continued(&next, escape) else {
            line.push_str(&next);
            break;
        };
        line.push_str(start);
    }
    line
}

/// Returns the text before an escape character that continues the line. Another escape character
/// before it cancels that.
fn continued(line: &str, escape: char) -> Option<&str> {
    line.trim_end_matches([' ', '\t'])
        .strip_suffix(escape)
        .filter(|before| !before.ends_with(escape))
}

/// Parses an instruction, and reads its here-documents.
fn instruction(
    line: String,
    first: u32,
    reader: &mut LineReader<'_>,
    escape: char,
) -> Result<DockerfileNode, ParseError> {
    let at = |reader: &LineReader<'_>| Lines {
        first,
        last: reader.count,
    };
    let mut node = DockerfileNode::parse(line, escape)
        .map_err(|message| ParseError::at(message, at(reader)))?;
    if node.may_hold_here_documents() && node.original.contains("<<") {
        let announced = here_document::in_line(&node.original)
            .map_err(|error| ParseError::at(error.0, at(reader)))?;
        for mut document in announced {
            let Some(content) = body(&document, reader) else {
                return Err(ParseError::at("unterminated heredoc", at(reader)));
            };
            document.content = content.into();
            node.here_documents.push(document);
        }
    }
    node.lines = at(reader);
    Ok(node)
}

/// Reads the body of a here-document as in the file. Returns `None` if it does not end.
fn body(document: &HereDocument, reader: &mut LineReader<'_>) -> Option<String> {
    let name = go_text::to_bytes(&document.name);
    let mut content = Vec::new();
    while let Some(line) = reader.next() {
        let end = line
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |last| last + 1);
        let start = if document.chomp {
            line.iter()
                .take_while(|byte| **byte == b'\t')
                .count()
                .min(end)
        } else {
            0
        };
        if line[start..end] == *name {
            return Some(go_text::from_bytes(&content));
        }
        content.extend_from_slice(line);
    }
    None
}

/// Returns a line as text, without its line end.
fn without_end(line: &[u8]) -> String {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
        .map_or(0, |last| last + 1);
    go_text::from_bytes(&line[..end])
}

/// Reads lines with their line ends.
struct LineReader<'a> {
    rest: &'a [u8],
    /// The number of lines read so far.
    count: u32,
    /// Whether a line was too long: reading stops there.
    is_cut: bool,
}

impl<'a> LineReader<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() || self.is_cut {
            return None;
        }
        // BuildKit searches for the end of a line in this many bytes.
        let window = &self.rest[..self.rest.len().min(MAX_LINE + 1)];
        let length = match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() > MAX_LINE => {
                self.is_cut = true;
                return None;
            }
            None => self.rest.len(),
        };
        let (line, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.count = self.count.saturating_add(1);
        Some(line)
    }
}
