//! The changes of a configuration file's document.

use std::fs;
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use crate::config::Setting;
use crate::retention::Rule;
use crate::source::{LocalLocation, Source, SourceLocation};
use crate::text::units::ExactSize;

pub(super) fn add_rule(
    document: &mut DocumentMut,
    rule: &Rule,
    spaced: bool,
) -> Result<(), &'static str> {
    let written: DocumentMut = rule
        .to_string()
        .parse()
        .map_err(|_| "the rule cannot be written")?;
    let mut rule: Table = written.as_table().clone();
    if spaced {
        rule.decor_mut().set_prefix("\n");
    }
    let retention = document.entry("retention").or_insert_with(implicit);
    match retention {
        Item::Table(retention) => {
            let rules = retention
                .entry("rule")
                .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
            match rules {
                Item::ArrayOfTables(rules) => rules.push(rule),
                Item::Value(Value::Array(rules)) => append(rules, rule.into_inline_table().into()),
                _ => return Err("`retention.rule` is not a list"),
            }
        }
        Item::Value(Value::InlineTable(retention)) => {
            let rules = retention
                .entry("rule")
                .or_insert_with(|| Value::Array(Array::new()));
            match rules {
                Value::Array(rules) => append(rules, rule.into_inline_table().into()),
                _ => return Err("`retention.rule` is not a list"),
            }
        }
        _ => return Err("`retention` is not a table"),
    }
    Ok(())
}

pub(super) fn add_source(
    document: &mut DocumentMut,
    source: &Source,
    path: &Path,
) -> Result<(), &'static str> {
    let text = as_written(source, path).to_string();
    let sources = document
        .entry("sources")
        .or_insert_with(|| Item::Value(Value::Array(Array::new())));
    let sources = sources.as_array_mut().ok_or("`sources` is not a list")?;
    if sources.iter().all(|known| known.as_str() != Some(&text)) {
        append(sources, text.into());
    }
    Ok(())
}

/// Returns `source` as written in the configuration file `path`: a directory below the file's own
/// is relative to it.
pub(super) fn as_written(source: &Source, path: &Path) -> Source {
    let mut source = source.clone();
    if let SourceLocation::Local(local) | SourceLocation::RegistryDir(local) = &mut source.location
        && let Some(base) = path.parent()
        && let Ok(absolute) = std::path::absolute(&local.dir)
    {
        let below = absolute
            .strip_prefix(base)
            .map(|rest| Path::new(".").join(rest));
        *local = LocalLocation::new(below.unwrap_or(absolute));
    }
    source
}

/// Adds a value to an array in the style of the others: on a line of its own if they are. Comments
/// stay with the values before them.
fn append(array: &mut Array, mut value: Value) {
    let indent = array
        .iter()
        .next()
        .map(|first| text_of(first.decor().prefix()))
        .and_then(|prefix| Some(prefix.rsplit_once('\n')?.1.to_owned()));
    let Some(indent) = indent else {
        array.push(value);
        return;
    };
    let mut rest = String::new();
    if let Some(last) = array.iter_mut().last() {
        rest = text_of(last.decor().suffix());
        last.decor_mut().set_suffix("");
    }
    rest.push_str(array.trailing().as_str().unwrap_or_default());
    let decor = value.decor_mut();
    decor.set_prefix(format!("{}\n{indent}", rest.trim_end()));
    decor.set_suffix("");
    array.push_formatted(value);
    array.set_trailing("\n");
    array.set_trailing_comma(true);
}

/// Returns a table without a header of its own.
fn implicit() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Sets the size limit of the budget, or removes it.
pub(super) fn set_max_size(
    document: &mut DocumentMut,
    limit: Option<u64>,
) -> Result<(), &'static str> {
    const KEY: &str = "max_size";
    if limit.is_none() && !document.contains_key("retention") {
        return Ok(());
    }
    let retention = document.entry("retention").or_insert_with(implicit);
    let is_inline = matches!(retention, Item::Value(_));
    let retention = retention
        .as_table_like_mut()
        .ok_or("`retention` is not a table")?;
    let Some(bytes) = limit else {
        if let Some(budget) = retention.get_mut("budget") {
            let budget = budget
                .as_table_like_mut()
                .ok_or("`retention.budget` is not a table")?;
            budget.remove(KEY);
        }
        return Ok(());
    };
    if !retention.contains_key("budget") {
        let budget = if is_inline {
            Item::Value(InlineTable::new().into())
        } else {
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            Item::Table(table)
        };
        retention.insert("budget", budget);
    }
    let budget = retention
        .get_mut("budget")
        .and_then(Item::as_table_like_mut)
        .ok_or("`retention.budget` is not a table")?;
    let mut value = Value::from(ExactSize(bytes).to_string());
    match budget.get_mut(KEY).and_then(Item::as_value_mut) {
        // A comment after the limit stays.
        Some(known) => {
            *value.decor_mut() = known.decor().clone();
            *known = value;
        }
        None => {
            budget.insert(KEY, Item::Value(value));
        }
    }
    Ok(())
}

/// Removes a source with the comments about it. `known` are the sources of the document, in order.
pub(super) fn remove_source(
    document: &mut DocumentMut,
    source: &Source,
    known: &[Setting<Source>],
) -> Result<(), &'static str> {
    let is_it = |setting: &Setting<Source>| {
        setting.value.select == source.select && place(&setting.value) == place(source)
    };
    let places = known.iter().enumerate().filter(|(_, known)| is_it(known));
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    if places.is_empty() {
        return Ok(());
    }
    let sources = document
        .get_mut("sources")
        .and_then(Item::as_array_mut)
        .ok_or("`sources` is not a list")?;
    for place in places.into_iter().rev() {
        remove(sources, place);
    }
    Ok(())
}

/// Returns the location of a source. A directory can have many paths.
fn place(source: &Source) -> SourceLocation {
    let mut place = source.location.clone();
    if let SourceLocation::Local(local) | SourceLocation::RegistryDir(local) = &mut place {
        let absolute = fs::canonicalize(&local.dir).or_else(|_| std::path::absolute(&local.dir));
        local.dir = absolute.unwrap_or_else(|_| local.dir.clone());
    }
    place
}

/// Removes a value from an array, with the comment lines above it and the comment after it. The
/// comment after the value before it stays.
fn remove(array: &mut Array, place: usize) {
    let removed = array.remove(place);
    let before = text_of(removed.decor().prefix());
    let own_line = before.split_once('\n').map(|(comment, _)| comment);
    let joined = |after: &str| match (own_line, after.split_once('\n')) {
        (_, Some((_, rest))) => format!("{}\n{rest}", own_line.unwrap_or_default()),
        (Some(comment), None) if comment.contains('#') => format!("{comment}\n{after}"),
        (_, None) => after.to_owned(),
    };
    if let Some(next) = array.get_mut(place) {
        let after = text_of(next.decor().prefix());
        let after = if after.contains('\n') {
            joined(&after)
        } else {
            before.clone()
        };
        next.decor_mut().set_prefix(after);
    } else {
        let after = joined(array.trailing().as_str().unwrap_or_default());
        array.set_trailing(after);
    }
}

fn text_of(raw: Option<&toml_edit::RawString>) -> String {
    let text = raw.and_then(toml_edit::RawString::as_str);
    text.unwrap_or_default().to_owned()
}
