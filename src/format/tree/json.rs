//! Parses JSON with comments.

use jsonc_parser::ast::{ObjectPropName, Value as Json};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{NodeId, Tree, TreeError, TreeValue};
use crate::format::located::{Located, TextPlace};

/// Parses a file of JSON; comments and trailing commas are allowed.
pub fn parse(text: &str, file: u32) -> Result<Tree, TreeError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = ParseOptions::default();
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options);
    let parsed = parsed.map_err(|error| TreeError {
        line: u32::try_from(error.line_display()).unwrap_or(u32::MAX),
        reason: error.kind().to_string(),
        exceeds_limit: false,
    })?;
    let breaks = text.match_indices('\n').map(|(offset, _)| offset).collect();
    let mut reader = JsonReader {
        tree: Tree::default(),
        breaks,
        file,
    };
    if let Some(value) = &parsed.value {
        let root = reader.add(value);
        reader.tree.documents.push(root);
    }
    Ok(reader.tree)
}

struct JsonReader {
    tree: Tree,
    /// The offsets of all line breaks.
    breaks: Vec<usize>,
    file: u32,
}

impl JsonReader {
    fn place(&self, offset: usize) -> TextPlace {
        let before = self.breaks.partition_point(|at| *at < offset);
        TextPlace::new(self.file, u32::try_from(before + 1).unwrap_or(u32::MAX))
    }

    fn scalar(&mut self, text: &str, quoted: bool, offset: usize) -> NodeId {
        let place = self.place(offset);
        let text = Located::new(text, place);
        self.tree
            .add(TreeValue::Scalar { text, quoted }, place, None)
    }

    /// The parser bounds the nesting, so recursion is bounded.
    fn add(&mut self, value: &Json<'_>) -> NodeId {
        match value {
            Json::StringLit(text) => self.scalar(&text.value, true, text.range.start),
            Json::NumberLit(number) => self.scalar(number.value, false, number.range.start),
            Json::BooleanLit(truth) => {
                let text = if truth.value { "true" } else { "false" };
                self.scalar(text, false, truth.range.start)
            }
            Json::NullKeyword(null) => self.scalar("null", false, null.range.start),
            Json::Array(array) => {
                let place = self.place(array.range.start);
                let items = array.elements.iter().map(|item| self.add(item)).collect();
                self.tree.add(TreeValue::List(items), place, None)
            }
            Json::Object(object) => {
                let place = self.place(object.range.start);
                let mut entries = Vec::with_capacity(object.properties.len());
                for property in &object.properties {
                    let name = match &property.name {
                        ObjectPropName::String(text) => text.value.as_ref(),
                        ObjectPropName::Word(word) => word.value,
                    };
                    let key = self.scalar(name, true, property.range.start);
                    let value = self.add(&property.value);
                    entries.push((key, value));
                }
                self.tree.add(TreeValue::Map(entries), place, None)
            }
        }
    }
}
