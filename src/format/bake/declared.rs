//! The declarations of variables.

use std::rc::Rc;

use hcl_edit::structure::{Block, Body};

use super::read::{BakeDefinition, BakeSource, FileText, attributes_of};
use super::types::Type;
use crate::format::located::TextPlace;

/// The type of a variable.
#[derive(Debug, Clone, Default)]
pub(super) enum VariableType {
    #[default]
    Unset,
    Known(Type),
    /// The expression is not a type.
    Wrong,
}

/// A variable.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    pub(super) place: TextPlace,
    pub(super) default: Option<BakeDefinition>,
    pub(super) kind: VariableType,
    /// Conditions that the value satisfies, with messages for when it does not.
    pub(super) validations: Vec<(BakeDefinition, Option<BakeDefinition>)>,
}

pub(super) fn variable_type(definition: &BakeDefinition) -> VariableType {
    let parsed = match &definition.source {
        BakeSource::Hcl(expression) => Type::parse(expression),
        BakeSource::Template(template, _) => {
            let text: String = template
                .iter()
                .filter_map(|element| element.as_literal())
                .map(|text| text.as_str())
                .collect();
            let expression = hcl_edit::parser::parse_expr(&text).ok();
            expression.and_then(|expression| Type::parse(&expression))
        }
        BakeSource::Null => return VariableType::Unset,
        _ => None,
    };
    parsed.map_or(VariableType::Wrong, VariableType::Known)
}

/// The rules in the `validation` blocks of a variable.
pub(super) fn validations(
    body: &Body,
    file: &Rc<FileText>,
) -> Vec<(BakeDefinition, Option<BakeDefinition>)> {
    let blocks = body
        .blocks()
        .filter(|block| block.ident.as_str() == "validation");
    let rule = |block: &Block| {
        let attributes = attributes_of(&block.body, file);
        let find = |name: &str| {
            let found = attributes.iter().find(|(key, _, _)| key == name);
            found.map(|(_, definition, _)| definition.clone())
        };
        Some((find("condition")?, find("error_message")))
    };
    blocks.filter_map(rule).collect()
}

/// The rules in the `validation` of a variable in JSON: an object, or a list of them.
pub(super) fn json_validations(
    attributes: &[(String, BakeDefinition, TextPlace)],
) -> Vec<(BakeDefinition, Option<BakeDefinition>)> {
    let found = attributes.iter().find(|(key, _, _)| key == "validation");
    let Some((_, definition, _)) = found else {
        return Vec::new();
    };
    let objects = match &definition.source {
        BakeSource::List(objects) => objects.as_slice(),
        object => std::slice::from_ref(object),
    };
    let rule = |object: &BakeSource| {
        let BakeSource::Map(entries) = object else {
            return None;
        };
        let find = |name: &str| {
            let source = entries.iter().find(|(key, _)| key == name)?.1.clone();
            let file = Rc::clone(&definition.file);
            Some(BakeDefinition { source, file })
        };
        Some((find("condition")?, find("error_message")))
    };
    objects.iter().filter_map(rule).collect()
}
