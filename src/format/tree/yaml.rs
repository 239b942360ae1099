//! Parses YAML.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{NodeId, Tree, TreeError, TreeValue};
use crate::format::located::{Located, TextPlace};

/// The deepest nesting of lists and maps.
const DEPTH: usize = 200;
/// The most nodes of a file.
const NODES: usize = 2_000_000;
/// The most nodes of a file with its aliases expanded.
const EXPANDED: u64 = 10_000_000;

/// Blanks the parts of a large file for which `wanted` returns false, without moving any line.
///
/// Parts are the entries at the left margin, and in large parts the entries one level deeper. The
/// result may be parsed as if the file were small.
pub fn thinned(text: &str, wanted: &dyn Fn(&str) -> bool) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut kept = vec![true; lines.len()];
    thin(&lines, 0, lines.len(), 0, wanted, &mut kept);
    let lines = lines
        .iter()
        .zip(&kept)
        .map(|(line, kept)| if *kept { *line } else { "" });
    lines.collect::<Vec<_>>().join("\n")
}

/// How many lines a part may have to be kept whole.
const SMALL: usize = 200;
/// How many levels are split.
const LEVELS: usize = 4;

fn thin(
    lines: &[&str],
    start: usize,
    end: usize,
    level: usize,
    wanted: &dyn Fn(&str) -> bool,
    kept: &mut [bool],
) {
    let indents = lines[start..end]
        .iter()
        .filter(|line| is_content(line))
        .map(|line| indent(line));
    let Some(margin) = indents.min() else { return };
    let begins: Vec<usize> = (start..end)
        .filter(|index| is_content(lines[*index]) && indent(lines[*index]) == margin)
        .collect();
    for (number, first) in begins.iter().enumerate() {
        let last = begins.get(number + 1).copied().unwrap_or(end);
        if !lines[*first..last].iter().any(|line| wanted(line)) {
            kept[*first..last].fill(false);
        } else if last - first > SMALL && level < LEVELS {
            thin(lines, first + 1, last, level + 1, wanted, kept);
        }
    }
}

fn is_content(line: &str) -> bool {
    let trimmed = line.trim_start();
    !trimmed.is_empty() && !trimmed.starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The total size of the texts that are parsed again to indent closing brackets, in bytes.
const PARSED_AGAIN: usize = 16 << 20;

/// Parses all documents of a file.
///
/// Other parsers accept a closing bracket of a flow collection that is not indented, and a single
/// dash in such a collection. This one does not: the bracket is indented or the dash quoted, and
/// the file is parsed again.
pub fn parse(text: &str, file: u32) -> Result<Tree, TreeError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut error = match parse_strictly(text, file) {
        Ok(tree) => return Ok(tree),
        Err(error) => error,
    };
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for _ in 0..PARSED_AGAIN / text.len().max(PARSED_AGAIN / 100) {
        let index = usize::try_from(error.line).unwrap_or(0).checked_sub(1);
        let Some(line) = index.and_then(|index| lines.get_mut(index)) else {
            break;
        };
        let Some(accepted) = accepted(line, &error.reason) else {
            break;
        };
        *line = accepted;
        error = match parse_strictly(&lines.join("\n"), file) {
            Ok(tree) => return Ok(tree),
            Err(error) => error,
        };
    }
    Err(error)
}

/// Returns a line that this parser accepts in place of one that only others accept.
fn accepted(line: &str, reason: &str) -> Option<String> {
    if reason.contains("cannot start with '-'") {
        let quoted = with_dashes_quoted(line);
        return (quoted != line).then_some(quoted);
    }
    let is_bracket = line.trim_start().starts_with([']', '}']);
    if !is_bracket || indent(line) > INDENT || !reason.contains("indentation") {
        return None;
    }
    Some(format!("{}{line}", " ".repeat(INDENT)))
}

/// Quotes the single dashes in the flow collections of a line, as in `[a, -]`.
fn with_dashes_quoted(line: &str) -> String {
    let mut quoted = String::with_capacity(line.len() + 8);
    for (at, character) in line.char_indices() {
        let before = line[..at].trim_end();
        let after = line[at + character.len_utf8()..].trim_start();
        let is_alone = before.ends_with(['[', ',', ':']) && after.starts_with([']', '}', ',']);
        if character == '-' && is_alone {
            quoted.push_str("'-'");
        } else {
            quoted.push(character);
        }
    }
    quoted
}

/// How far a closing bracket is indented: deeper than any key.
const INDENT: usize = 400;

fn parse_strictly(text: &str, file: u32) -> Result<Tree, TreeError> {
    let mut reader = YamlReader {
        tree: Tree::default(),
        source: text.split('\n').collect(),
        file,
        anchors: HashMap::new(),
        open: Vec::new(),
        sizes: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| TreeError {
            line: line_of(error.marker().line()),
            reason: error.info().to_owned(),
            exceeds_limit: false,
        })?;
        let line = line_of(span.start.line());
        reader.event(event, span).map_err(|reason| TreeError {
            line,
            reason: reason.to_owned(),
            exceeds_limit: true,
        })?;
    }
    Ok(reader.tree)
}

fn line_of(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// An unclosed list or map. A map holds its keys and values alternately.
struct OpenNode {
    id: NodeId,
    is_map: bool,
    children: Vec<NodeId>,
}

struct YamlReader<'s> {
    tree: Tree,
    source: Vec<&'s str>,
    file: u32,
    anchors: HashMap<usize, NodeId>,
    open: Vec<OpenNode>,
    /// The size of each node with its aliases expanded.
    sizes: Vec<u64>,
}

impl YamlReader<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), &'static str> {
        let place = TextPlace::new(self.file, line_of(span.start.line()));
        match event {
            Event::Alias(anchor) => {
                let id = self.anchors.get(&anchor).copied();
                let id = id.ok_or("an alias refers to no anchor")?;
                self.put(id);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = self.locate(&text, style, span);
                let quoted = style != ScalarStyle::Plain;
                let value = TreeValue::Scalar { text, quoted };
                let id = self.add(value, place, tag.as_deref())?;
                self.anchor(anchor, id);
                self.put(id);
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(TreeValue::List(Vec::new()), place, anchor, tag.as_deref())?;
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(TreeValue::Map(Vec::new()), place, anchor, tag.as_deref())?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            _ => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        value: TreeValue,
        place: TextPlace,
        tag: Option<&Tag>,
    ) -> Result<NodeId, &'static str> {
        if self.tree.nodes.len() >= NODES {
            return Err("the file has too many nodes");
        }
        let local = tag.filter(|tag| tag.handle == "!");
        let tag = local.map(|tag| tag.suffix.clone());
        self.sizes.push(1);
        Ok(self.tree.add(value, place, tag))
    }

    fn anchor(&mut self, anchor: usize, id: NodeId) {
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
    }

    fn begin(
        &mut self,
        value: TreeValue,
        place: TextPlace,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), &'static str> {
        if self.open.len() >= DEPTH {
            return Err("lists and maps are nested too deeply");
        }
        let is_map = matches!(value, TreeValue::Map(_));
        let id = self.add(value, place, tag)?;
        self.anchor(anchor, id);
        self.open.push(OpenNode {
            id,
            is_map,
            children: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), &'static str> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let sizes = open
            .children
            .iter()
            .map(|child| self.sizes[child.0 as usize]);
        let size = sizes.fold(1, u64::saturating_add);
        if size > EXPANDED {
            return Err("its aliases expand to too many nodes");
        }
        self.sizes[open.id.0 as usize] = size;
        let value = if open.is_map {
            let pairs = open.children.chunks_exact(2);
            TreeValue::Map(pairs.map(|pair| (pair[0], pair[1])).collect())
        } else {
            TreeValue::List(open.children)
        };
        self.tree.nodes[open.id.0 as usize].value = value;
        self.put(open.id);
        Ok(())
    }

    fn put(&mut self, id: NodeId) {
        match self.open.last_mut() {
            Some(open) => open.children.push(id),
            None => self.tree.documents.push(id),
        }
    }

    /// Returns the rest of a scalar's first line from its start on.
    fn rest_of_line(&self, span: Span) -> &str {
        let line = span
            .start
            .line()
            .checked_sub(1)
            .and_then(|index| self.source.get(index));
        let line = line.copied().unwrap_or_default();
        let start = line
            .char_indices()
            .nth(span.start.col())
            .map_or(line.len(), |(offset, _)| offset);
        &line[start..]
    }

    /// Finds the line of each part of a scalar, from the source: folding joins lines.
    fn locate(&self, text: &str, style: ScalarStyle, span: Span) -> Located {
        let first = span.start.line();
        let last = span.end.line().max(first);
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if last == first && !block {
            return Located::new(text, TextPlace::new(self.file, line_of(first)));
        }
        let header = block && self.rest_of_line(span).trim_start().starts_with(['|', '>']);
        let from = if header { first + 1 } else { first };
        let mut located = Located::default();
        let mut position = 0;
        for line in from..=last {
            let Some(source) = line.checked_sub(1).and_then(|index| self.source.get(index)) else {
                break;
            };
            let skip = if line == first && !block {
                span.start.col()
            } else {
                0
            };
            let needle = needle(source, skip, style);
            if needle.is_empty() {
                continue;
            }
            let Some(found) = text[position..].find(needle) else {
                continue;
            };
            let start = position + found;
            if located.is_empty() {
                located.push_str(&text[..start], TextPlace::new(self.file, line_of(line)));
            } else {
                let previous = located.place_at(located.len());
                located.push_str(&text[position..start], previous);
            }
            located.push_str(
                &text[start..start + needle.len()],
                TextPlace::new(self.file, line_of(line)),
            );
            position = start + needle.len();
        }
        let tail = if located.is_empty() {
            TextPlace::new(self.file, line_of(from))
        } else {
            located.place_at(located.len())
        };
        located.push_str(&text[position..], tail);
        located
    }
}

/// Returns the part of a source line to search for in the scalar's text.
fn needle(source: &str, skip: usize, style: ScalarStyle) -> &str {
    let start = source
        .char_indices()
        .nth(skip)
        .map_or(source.len(), |(offset, _)| offset);
    let content = source[start..].trim();
    let content = match style {
        ScalarStyle::Plain => content.split(" #").next().unwrap_or(content).trim_end(),
        ScalarStyle::SingleQuoted => content.trim_matches('\''),
        ScalarStyle::DoubleQuoted => content.trim_matches('"'),
        _ => content,
    };
    match style {
        // Escapes change the text: the words before the first one are enough.
        ScalarStyle::DoubleQuoted => content.split('\\').next().unwrap_or(content),
        ScalarStyle::SingleQuoted => content.split("''").next().unwrap_or(content),
        _ => content,
    }
}
