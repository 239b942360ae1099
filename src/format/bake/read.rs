//! Parses the definitions of HCL and JSON files.

use std::collections::HashMap;
use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey, ObjectValue, TraversalOperator};
use hcl_edit::structure::{Block, Body, Structure};
use hcl_edit::template::Template;

use super::declared::{Declared, json_validations, validations, variable_type};
use super::{BakeError, BakeFile};
use crate::format::located::{Located, TextPlace};
use crate::format::tree::{self, TreeNode};

/// The deepest nesting of brackets.
const DEPTH: usize = 100;
/// The most conditional operators of a file.
const CONDITIONALS: usize = 2_000;

/// An expression of either language.
#[derive(Debug, Clone)]
pub(super) enum BakeSource {
    Hcl(Expression),
    /// A string of JSON, parsed as a template.
    Template(Rc<Template>, TextPlace),
    List(Vec<BakeSource>),
    Map(Vec<(String, BakeSource)>),
    Number(f64),
    Truth(bool),
    Null,
}

/// An expression with its file.
#[derive(Debug, Clone)]
pub(super) struct BakeDefinition {
    pub(super) source: BakeSource,
    pub(super) file: Rc<FileText>,
}

/// A file with the offsets of its lines.
#[derive(Debug)]
pub(super) struct FileText {
    pub(super) number: u32,
    text: String,
    breaks: Vec<usize>,
}

impl FileText {
    fn new(file: &BakeFile<'_>) -> Self {
        Self {
            number: file.number,
            text: file.text.to_owned(),
            breaks: file
                .text
                .match_indices('\n')
                .map(|(offset, _)| offset)
                .collect(),
        }
    }

    pub(super) fn place(&self, offset: usize) -> TextPlace {
        let before = self.breaks.partition_point(|at| *at < offset);
        TextPlace::new(self.number, u32::try_from(before + 1).unwrap_or(u32::MAX))
    }

    /// Returns the source of an expression, shortened to one line.
    pub(super) fn source(&self, range: Option<std::ops::Range<usize>>) -> String {
        let text = range
            .and_then(|range| self.text.get(range))
            .unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().take(80).collect()
    }
}

impl BakeDefinition {
    /// The locations of the entries of an object literal.
    pub(super) fn entry_places(&self) -> HashMap<String, TextPlace> {
        let BakeSource::Hcl(Expression::Object(object)) = &self.source else {
            return HashMap::new();
        };
        let entry = |(key, value): (&ObjectKey, &ObjectValue)| {
            let name = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(Expression::String(text)) => text.as_str().to_owned(),
                ObjectKey::Expression(_) => return None,
            };
            let start = value.expr().span()?.start;
            Some((name, self.file.place(start)))
        };
        object.iter().filter_map(entry).collect()
    }
}

/// A function.
#[derive(Debug, Clone, Default)]
pub(super) struct Function {
    pub(super) place: TextPlace,
    pub(super) has_params: bool,
    pub(super) params: Vec<String>,
    pub(super) variadic: Option<String>,
    pub(super) result: Option<BakeDefinition>,
}

/// A block of a target or a group.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) place: TextPlace,
    pub(super) attributes: Vec<(String, BakeDefinition, TextPlace)>,
}

impl Named {
    pub(super) fn attribute(&self, name: &str) -> Option<&BakeDefinition> {
        self.attributes
            .iter()
            .find(|(key, _, _)| key == name)
            .map(|(_, definition, _)| definition)
    }
}

/// A file or a part of it that could not be parsed.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The name of the file.
    pub file: String,
    pub error: BakeError,
}

/// The definitions of all files, merged as bake merges them.
#[derive(Debug, Default)]
pub struct Definitions {
    pub(super) variables: HashMap<String, Declared>,
    pub(super) attributes: HashMap<String, BakeDefinition>,
    pub(super) functions: HashMap<String, Function>,
    pub(super) groups: Vec<Named>,
    pub(super) targets: Vec<Named>,
}

/// Parses files in the order in which bake merges them.
pub fn read(files: &[BakeFile<'_>]) -> (Definitions, Vec<Problem>) {
    let mut definitions = Definitions::default();
    let mut problems = Vec::new();
    for file in files {
        let json = file.name.ends_with(".json") || file.text.trim_start().starts_with('{');
        let result = if json {
            read_json(&mut definitions, file)
        } else {
            read_hcl(&mut definitions, file)
        };
        if let Err(error) = result {
            problems.push(Problem {
                file: file.name.to_owned(),
                error,
            });
        }
    }
    (definitions, problems)
}

fn read_hcl(definitions: &mut Definitions, file: &BakeFile<'_>) -> Result<(), BakeError> {
    check_nesting(file)?;
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(file.text);
    let body = hcl_edit::parser::parse_body(text).map_err(|error| {
        let line = u32::try_from(error.location().line()).unwrap_or(u32::MAX);
        BakeError::new(
            TextPlace::new(file.number, line),
            error.message().to_owned(),
        )
    })?;
    let origin = Rc::new(FileText::new(file));
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let definition = BakeDefinition {
                    source: BakeSource::Hcl(attribute.value),
                    file: Rc::clone(&origin),
                };
                definitions
                    .attributes
                    .insert(attribute.key.to_string(), definition);
            }
            Structure::Block(block) => add_block(definitions, &block, &origin),
        }
    }
    Ok(())
}

fn add_block(definitions: &mut Definitions, block: &Block, file: &Rc<FileText>) {
    let Some(label) = block.labels.first() else {
        return;
    };
    let name = label.as_str().to_owned();
    let place = file.place(block.span().map_or(0, |span| span.start));
    let named = Named {
        name,
        place,
        attributes: attributes_of(&block.body, file),
    };
    let rules = validations(&block.body, file);
    add(definitions, block.ident.as_str(), named, rules);
}

pub(super) fn attributes_of(
    body: &Body,
    file: &Rc<FileText>,
) -> Vec<(String, BakeDefinition, TextPlace)> {
    let mut attributes = Vec::new();
    for attribute in body.attributes() {
        let place = file.place(attribute.span().map_or(0, |span| span.start));
        let definition = BakeDefinition {
            source: BakeSource::Hcl(attribute.value.clone()),
            file: Rc::clone(file),
        };
        attributes.push((attribute.key.to_string(), definition, place));
    }
    attributes
}

fn add(
    definitions: &mut Definitions,
    kind: &str,
    named: Named,
    validations: Vec<(BakeDefinition, Option<BakeDefinition>)>,
) {
    match kind {
        "variable" => {
            let declared = Declared {
                place: named.place,
                default: named.attribute("default").cloned(),
                kind: named
                    .attribute("type")
                    .map(variable_type)
                    .unwrap_or_default(),
                validations,
            };
            // A later block replaces an earlier one, also where it sets less.
            definitions.variables.insert(named.name, declared);
        }
        "function" => {
            let function = Function {
                place: named.place,
                has_params: named.attribute("params").is_some(),
                params: named.attribute("params").map(keywords).unwrap_or_default(),
                variadic: named
                    .attribute("variadic_params")
                    .and_then(|d| keywords(d).into_iter().next()),
                result: named.attribute("result").cloned(),
            };
            definitions.functions.insert(named.name, function);
        }
        "group" => definitions.groups.push(named),
        "target" => definitions.targets.push(named),
        _ => {}
    }
}

/// The names in a list of parameters.
fn keywords(definition: &BakeDefinition) -> Vec<String> {
    match &definition.source {
        BakeSource::Hcl(Expression::Variable(name)) => vec![name.as_str().to_owned()],
        BakeSource::Hcl(Expression::Array(items)) => items
            .iter()
            .filter_map(|item| match item {
                Expression::Variable(name) => Some(name.as_str().to_owned()),
                Expression::String(text) => Some(text.as_str().to_owned()),
                Expression::Traversal(path) => {
                    path.operators
                        .iter()
                        .find_map(|operator| match operator.value() {
                            TraversalOperator::GetAttr(name) => Some(name.as_str().to_owned()),
                            _ => None,
                        })
                }
                _ => None,
            })
            .collect(),
        BakeSource::List(items) => items.iter().filter_map(literal).collect(),
        other => literal(other).into_iter().collect(),
    }
}

fn literal(source: &BakeSource) -> Option<String> {
    match source {
        BakeSource::Template(template, _) => Some(
            template
                .iter()
                .filter_map(|e| e.as_literal())
                .map(|t| t.as_str())
                .collect(),
        ),
        _ => None,
    }
}

fn read_json(definitions: &mut Definitions, file: &BakeFile<'_>) -> Result<(), BakeError> {
    let tree = tree::json::parse(file.text, file.number)
        .map_err(|error| BakeError::new(TextPlace::new(file.number, error.line), error.reason))?;
    let origin = Rc::new(FileText::new(file));
    let Some(root) = tree.root() else {
        return Ok(());
    };
    for (kind, value) in root.entries() {
        let is_block = matches!(kind.as_str(), "variable" | "function" | "group" | "target");
        if !is_block {
            let definition = definition(value, &origin)?;
            definitions
                .attributes
                .insert(kind.as_str().to_owned(), definition);
            continue;
        }
        // A list of blocks is one object for each of them.
        let blocks: Vec<TreeNode<'_>> = if value.is_list() {
            value.items().collect()
        } else {
            vec![value]
        };
        for (name, body) in blocks.into_iter().flat_map(TreeNode::entries) {
            let bodies: Vec<TreeNode<'_>> = if body.is_list() {
                body.items().collect()
            } else {
                vec![body]
            };
            for body in bodies {
                let mut attributes = Vec::new();
                for (key, value) in body.entries() {
                    attributes.push((
                        key.as_str().to_owned(),
                        definition(value, &origin)?,
                        key.place(),
                    ));
                }
                let rules = json_validations(&attributes);
                let named = Named {
                    name: name.as_str().to_owned(),
                    place: name.place(),
                    attributes,
                };
                add(definitions, kind.as_str(), named, rules);
            }
        }
    }
    Ok(())
}

fn definition(node: TreeNode<'_>, file: &Rc<FileText>) -> Result<BakeDefinition, BakeError> {
    Ok(BakeDefinition {
        source: json_source(node)?,
        file: Rc::clone(file),
    })
}

fn json_source(node: TreeNode<'_>) -> Result<BakeSource, BakeError> {
    if node.is_map() {
        let entry = |(key, value): (&Located, TreeNode<'_>)| {
            Ok((key.as_str().to_owned(), json_source(value)?))
        };
        return Ok(BakeSource::Map(
            node.entries()
                .into_iter()
                .map(entry)
                .collect::<Result<_, BakeError>>()?,
        ));
    }
    if node.is_list() {
        return Ok(BakeSource::List(
            node.items().map(json_source).collect::<Result<_, _>>()?,
        ));
    }
    let Some(text) = node.scalar() else {
        return Ok(BakeSource::Null);
    };
    if node.text().is_none() {
        return Ok(BakeSource::Null);
    }
    if node.is_quoted() {
        let template = parse_template(text.as_str(), text.place())?;
        return Ok(BakeSource::Template(Rc::new(template), text.place()));
    }
    Ok(match text.as_str() {
        "true" => BakeSource::Truth(true),
        "false" => BakeSource::Truth(false),
        number => number.parse().map_or(BakeSource::Null, BakeSource::Number),
    })
}

fn parse_template(text: &str, place: TextPlace) -> Result<Template, BakeError> {
    let file = BakeFile {
        name: "",
        text,
        number: place.file,
    };
    check_nesting(&file)?;
    hcl_edit::parser::parse_template(text)
        .map_err(|error| BakeError::new(place, error.message().to_owned()))
}

/// Refuses texts that would exhaust the stack of a recursive parser.
fn check_nesting(file: &BakeFile<'_>) -> Result<(), BakeError> {
    let mut depth = 0usize;
    let mut prefix = 0usize;
    let mut conditionals = 0usize;
    let mut line = 1u32;
    for byte in file.text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => conditionals += 1,
            b'\n' => line += 1,
            _ => {}
        }
        prefix = match byte {
            b'!' | b'-' => prefix + 1,
            b' ' | b'\t' | b'\n' | b'\r' => prefix,
            _ => 0,
        };
        if depth > DEPTH || prefix > 400 || conditionals > CONDITIONALS {
            return Err(BakeError::new(
                TextPlace::new(file.number, line),
                "expressions are nested too deeply",
            ));
        }
    }
    Ok(())
}
