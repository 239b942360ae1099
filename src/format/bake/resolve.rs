//! Targets: matrices, inheritance, groups and overrides.

use std::collections::{HashMap, HashSet};

use super::attributes::{OTHERS, check, check_group, check_name};
use super::caches::{entries, split_entry};
use super::evaluate::{Evaluator, Locals, located};
use super::read::{Definitions, Named};
use super::value::Value;
use super::{BakeError, CacheEntry, Options, Target};
use crate::format::go_path;
use crate::format::located::{Located, TextPlace};
use crate::format::overlay::{extend, put, take};

/// The most targets of a matrix.
const MOST_TARGETS: usize = 2_000;

/// Attributes that overrides may set and that do not affect caches.
const OVERRIDABLE: [&str; 15] = [
    "output",
    "secrets",
    "secret",
    "ssh",
    "attest",
    "annotations",
    "entitlements",
    "pull",
    "push",
    "load",
    "call",
    "resources",
    "policy",
    "no-cache-filter",
    "ulimits",
];

/// All targets and groups.
#[derive(Debug, Default)]
pub struct Config {
    /// The targets in the order of the files, each merged from all of its blocks.
    pub targets: Vec<Target>,
    /// The groups with their members.
    pub groups: Vec<(String, Vec<String>)>,
}

/// A value of `--set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// A pattern of targets.
    pub pattern: String,
    /// The attribute, with the name after it as in `args.NAME`.
    pub key: String,
    /// The value; `None` for `--set target.args.NAME`.
    pub value: Option<String>,
    /// Whether the value is appended.
    pub append: bool,
}

impl Definitions {
    /// Evaluates all targets and groups. In find mode, faulty parts are left out.
    pub fn evaluate(&self, options: &Options<'_>) -> Result<(Config, Vec<BakeError>), BakeError> {
        let evaluator = Evaluator::new(self, options);
        let lenient = options.unknowns.is_some();
        let mut config = Config::default();
        let mut problems = Vec::new();
        if !lenient {
            evaluator.check_variables()?;
        }
        for block in &self.targets {
            match expand(&evaluator, block, lenient, &mut problems) {
                Ok(targets) => config.add_targets(block, targets),
                Err(error) if lenient => problems.push(error),
                Err(error) => return Err(error),
            }
        }
        for block in &self.groups {
            if !lenient {
                check_group(block)?;
            }
            let Some(definition) = block.attribute("targets") else {
                continue;
            };
            let value = evaluator.evaluate(definition, &Locals::new());
            let value = value.and_then(|value| {
                check("targets", &value, block.place)?;
                Ok(value)
            });
            match value {
                Ok(value) => config.set_group(&block.name, &texts(&value)),
                Err(error) if lenient => problems.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok((config, problems))
    }
}

/// Creates the targets of a block: one, or one for each combination of its matrix.
fn expand(
    evaluator: &Evaluator<'_>,
    block: &Named,
    lenient: bool,
    problems: &mut Vec<BakeError>,
) -> Result<Vec<Target>, BakeError> {
    let mut targets: Vec<Target> = Vec::new();
    if !lenient && block.attribute("name").is_some() && block.attribute("matrix").is_none() {
        return Err(BakeError::new(block.place, "name requires matrix"));
    }
    for locals in combinations(evaluator, block)? {
        let name = match block.attribute("name") {
            Some(definition) => {
                let value = evaluator.evaluate(definition, &locals)?;
                value
                    .to_text()
                    .ok_or_else(|| BakeError::new(block.place, "the name of a target is no text"))?
            }
            None => block.name.clone(),
        };
        if !lenient {
            check_name(&name, block.place)?;
            if targets.iter().any(|known| known.name == name) {
                let message = format!("the target {name} exists twice");
                return Err(BakeError::new(block.place, message));
            }
        }
        let mut target = Target {
            name,
            place: block.place,
            ..Target::default()
        };
        for (key, definition, place) in &block.attributes {
            let applied = match evaluator.evaluate(definition, &locals) {
                Ok(value) => {
                    check(key, &value, *place).and_then(|()| target.set(key, &value, *place))
                }
                Err(error) => Err(error),
            };
            match applied {
                Err(error) if lenient => problems.push(error),
                other => other?,
            }
            if key == "args" {
                target.place_arguments(&definition.entry_places(), *place);
            }
        }
        targets.push(target);
    }
    Ok(targets)
}

pub(super) fn combinations(
    evaluator: &Evaluator<'_>,
    block: &Named,
) -> Result<Vec<Locals>, BakeError> {
    let Some(definition) = block.attribute("matrix") else {
        return Ok(vec![Locals::new()]);
    };
    let matrix = evaluator.evaluate(definition, &Locals::new())?;
    let Value::Map(axes) = matrix else {
        return Err(BakeError::new(block.place, "the matrix is no map"));
    };
    let mut rows = vec![Locals::new()];
    for (name, values) in axes {
        let values = match values {
            Value::Either(alternatives) => {
                let lists = alternatives.iter().filter_map(|(_, value)| value.list());
                lists.max_by_key(Vec::len).unwrap_or_default()
            }
            other => other
                .list()
                .ok_or_else(|| BakeError::new(block.place, "a value of the matrix is no list"))?,
        };
        let mut next = Vec::new();
        for value in &values {
            for row in &rows {
                let mut row = row.clone();
                row.push((name.clone(), value.clone()));
                next.push(row);
                if next.len() > MOST_TARGETS {
                    return Err(BakeError::new(block.place, "the matrix is too large"));
                }
            }
        }
        rows = next;
    }
    Ok(rows)
}

impl Config {
    fn add_targets(&mut self, block: &Named, targets: Vec<Target>) {
        let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
        for target in targets {
            self.add(target);
        }
        let renamed = names.iter().any(|name| *name != block.name);
        if renamed {
            self.add_group(&block.name, &names);
        }
    }

    /// Adds a target, or merges it with the target of the same name.
    pub fn add(&mut self, target: Target) {
        match self
            .targets
            .iter_mut()
            .find(|known| known.name == target.name)
        {
            Some(known) => known.merge(&target),
            None => self.targets.push(target),
        }
    }

    /// Defines a group. A later definition replaces an earlier one.
    pub fn set_group(&mut self, name: &str, members: &[String]) {
        self.groups.retain(|(known, _)| known != name);
        self.add_group(name, members);
    }

    /// Adds members to a group.
    pub fn add_group(&mut self, name: &str, members: &[String]) {
        let position = self.groups.iter().position(|(known, _)| known == name);
        let index = position.unwrap_or_else(|| {
            self.groups.push((name.to_owned(), Vec::new()));
            self.groups.len() - 1
        });
        for member in members {
            if !self.groups[index].1.contains(member) {
                self.groups[index].1.push(member.clone());
            }
        }
    }

    /// Returns a target with its inherited attributes. Returns an error if a name does not exist.
    pub fn resolve(&self, name: &str, overrides: &[Override]) -> Result<Target, String> {
        self.inherited(name, overrides, &mut HashSet::new(), 0)?
            .ok_or_else(|| format!("there is no target {name}"))
    }

    fn inherited(
        &self,
        name: &str,
        overrides: &[Override],
        visited: &mut HashSet<String>,
        depth: usize,
    ) -> Result<Option<Target>, String> {
        if depth > 64 || !visited.insert(name.to_owned()) {
            return Ok(None);
        }
        let Some(own) = self.targets.iter().find(|target| target.name == name) else {
            return Err(format!("there is no target {name}"));
        };
        let mut whole = Target {
            name: name.to_owned(),
            place: own.place,
            ..Target::default()
        };
        for parent in &own.inherits {
            if let Some(parent) = self.inherited(parent, overrides, visited, depth + 1)? {
                whole.merge(&parent);
            }
        }
        visited.remove(name);
        whole.merge(own);
        whole.apply(overrides)?;
        whole.contexts.retain(|(_, value)| !value.is_empty());
        Ok(Some(whole))
    }

    /// Returns the targets of a group, or the name itself.
    pub fn members(&self, name: &str) -> Vec<String> {
        self.collect_members(name, &mut HashMap::new())
    }

    fn collect_members(
        &self,
        name: &str,
        visited: &mut HashMap<String, Vec<String>>,
    ) -> Vec<String> {
        if let Some(known) = visited.get(name) {
            return known.clone();
        }
        let Some((_, members)) = self.groups.iter().find(|(group, _)| group == name) else {
            return vec![name.to_owned()];
        };
        visited.insert(name.to_owned(), Vec::new());
        let mut found: Vec<String> = Vec::new();
        for member in members {
            let mut targets = self.collect_members(member, visited);
            // Within a group, its own name is that of a target.
            if targets.is_empty() {
                targets.push(member.clone());
            }
            for target in targets {
                if !found.contains(&target) {
                    found.push(target);
                }
            }
        }
        visited.insert(name.to_owned(), found.clone());
        found
    }

    /// Returns whether other targets inherit from a target that no group and no build names.
    pub fn is_abstract(&self, name: &str) -> bool {
        let inherited = self
            .targets
            .iter()
            .any(|target| target.inherits.iter().any(|parent| parent == name));
        let grouped = self
            .groups
            .iter()
            .any(|(_, members)| members.iter().any(|member| member == name));
        inherited && !grouped
    }
}

impl Target {
    /// Sets the location of arguments whose values have none of their own, such as numbers.
    fn place_arguments(&mut self, places: &HashMap<String, TextPlace>, fallback: TextPlace) {
        for (name, value) in &mut self.args {
            if value.place() == TextPlace::default() {
                let place = places.get(name).copied().unwrap_or(fallback);
                *value = Located::new(value.as_str(), place);
            }
        }
    }

    fn set(&mut self, key: &str, value: &Value, place: TextPlace) -> Result<(), BakeError> {
        if matches!(value, Value::Null) {
            return Ok(());
        }
        let text = || -> Result<Option<String>, BakeError> {
            match value {
                Value::Either(alternatives) => {
                    Ok(alternatives.first().and_then(|(_, value)| value.to_text()))
                }
                value => value
                    .to_text()
                    .map(Some)
                    .ok_or_else(|| BakeError::new(place, format!("{key} is no text"))),
            }
        };
        match key {
            "inherits" => self.inherits = texts(value),
            "context" => self.context = text()?,
            "dockerfile" => self.dockerfile = text()?,
            "dockerfile-inline" => self.dockerfile_inline = text()?,
            "target" => self.target = text()?,
            "network" => self.network = text()?,
            "shm-size" => self.shm_size = text()?,
            "args" => self.args = arguments(value),
            "labels" => self.labels = pairs(value),
            "contexts" => self.contexts = pairs(value),
            "extra-hosts" => self.extra_hosts = pairs(value),
            "tags" => self.tags = Some(texts(value)),
            "platforms" => self.platforms = Some(texts(value)),
            "no-cache" => self.no_cache = value.truth(),
            "no-cache-filter" => self.no_cache_filter = texts(value),
            "ulimits" => self.ulimits = texts(value),
            "cache-from" => self.cache_from = entries(value, place)?,
            "cache-to" => self.cache_to = Some(entries(value, place)?),
            key if OTHERS.contains(&key) => {}
            key => self.unknown_attributes.push((key.to_owned(), place)),
        }
        Ok(())
    }

    /// Merges another definition of the target, as bake does.
    pub fn merge(&mut self, other: &Self) {
        take(&mut self.context, other.context.as_ref());
        take(&mut self.dockerfile, other.dockerfile.as_ref());
        take(
            &mut self.dockerfile_inline,
            other.dockerfile_inline.as_ref(),
        );
        take(&mut self.target, other.target.as_ref());
        take(&mut self.network, other.network.as_ref());
        take(&mut self.shm_size, other.shm_size.as_ref());
        take(&mut self.tags, other.tags.as_ref());
        take(&mut self.platforms, other.platforms.as_ref());
        take(&mut self.no_cache, other.no_cache.as_ref());
        take(&mut self.cache_to, other.cache_to.as_ref());
        put(&mut self.args, &other.args);
        put(&mut self.labels, &other.labels);
        put(&mut self.contexts, &other.contexts);
        put(&mut self.extra_hosts, &other.extra_hosts);
        extend(&mut self.no_cache_filter, &other.no_cache_filter);
        extend(&mut self.ulimits, &other.ulimits);
        self.inherits.extend(other.inherits.iter().cloned());
        self.add_imports(&other.cache_from);
        self.unknown_attributes
            .extend(other.unknown_attributes.iter().cloned());
    }

    fn add_imports(&mut self, imports: &[CacheEntry]) {
        for entry in imports {
            let known = self
                .cache_from
                .iter()
                .any(|mine| mine.text.as_str() == entry.text.as_str());
            if !known {
                self.cache_from.push(entry.clone());
            }
        }
    }

    /// Applies overrides. The values of a list are combined, and the last override of a key decides
    /// whether they replace the current ones.
    fn apply(&mut self, overrides: &[Override]) -> Result<(), String> {
        let mut grouped: Vec<(&str, Vec<String>, bool)> = Vec::new();
        for given in overrides {
            let matched = go_path::matches(given.pattern.as_bytes(), self.name.as_bytes());
            if matched != Ok(true) {
                continue;
            }
            let value = given.value.clone().unwrap_or_default();
            match grouped.iter_mut().find(|(key, _, _)| *key == given.key) {
                Some((_, values, append)) => {
                    values.push(value);
                    *append = given.append;
                }
                None => grouped.push((&given.key, vec![value], given.append)),
            }
        }
        for (key, values, append) in grouped {
            self.apply_one(key, &values, append)?;
        }
        Ok(())
    }

    fn apply_one(&mut self, key: &str, values: &[String], append: bool) -> Result<(), String> {
        let last = values.last().cloned().unwrap_or_default();
        let split = key.split_once('.');
        let (attribute, name) = split.map_or((key, None), |(key, name)| (key, Some(name)));
        let entries = || -> Vec<CacheEntry> {
            let texts = values
                .iter()
                .map(|value| Located::new(value.as_str(), TextPlace::default()));
            texts.flat_map(|text| split_entry(&text, &[])).collect()
        };
        let list = |mine: &mut Vec<String>| {
            if !append {
                mine.clear();
            }
            mine.extend(values.iter().cloned());
        };
        match (attribute, name) {
            ("context", _) => self.context = Some(last),
            ("dockerfile", _) => self.dockerfile = Some(last),
            ("target", _) => self.target = Some(last),
            // Bake reads the value as a list, and then sets the text, which stays empty.
            ("network", _) => self.network = Some(String::new()),
            ("shm-size", _) => self.shm_size = Some(last),
            ("no-cache", _) => {
                self.no_cache = Some(matches!(
                    last.as_str(),
                    "1" | "t" | "T" | "true" | "True" | "TRUE"
                ));
            }
            // Bake takes no values for these: it only clears them, also to append.
            ("no-cache-filter", _) => self.no_cache_filter.clear(),
            ("ulimits", _) => self.ulimits.clear(),
            ("tags", _) => list(self.tags.get_or_insert_default()),
            ("platform", _) => list(self.platforms.get_or_insert_default()),
            ("cache-from", _) => {
                if !append {
                    self.cache_from.clear();
                }
                self.add_imports(&entries());
            }
            ("cache-to", _) => {
                let exports = self.cache_to.get_or_insert_default();
                if !append {
                    exports.clear();
                }
                exports.extend(entries());
            }
            ("args", Some(name)) => {
                put_one(
                    &mut self.args,
                    name,
                    Located::new(last, TextPlace::default()),
                );
            }
            ("labels", Some(name)) => put_one(&mut self.labels, name, last),
            ("contexts", Some(name)) => put_one(&mut self.contexts, name, last),
            ("extra-hosts", Some(name)) => put_one(&mut self.extra_hosts, name, last),
            (attribute, _) if OVERRIDABLE.contains(&attribute) => {}
            _ => return Err(format!("the override {key} is not known")),
        }
        Ok(())
    }
}

fn put_one<T>(entries: &mut Vec<(String, T)>, name: &str, value: T) {
    entries.retain(|(known, _)| known != name);
    entries.push((name.to_owned(), value));
}

/// Returns the texts of a list, of all alternatives.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Either(alternatives) => {
            let mut all: Vec<String> = Vec::new();
            for text in alternatives.iter().flat_map(|(_, value)| texts(value)) {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
            all
        }
        Value::List(items) | Value::Set(items) => items.iter().flat_map(texts).collect(),
        other => other.to_text().into_iter().collect(),
    }
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let Value::Map(entries) = value else {
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.to_text()?)))
        .collect()
}

fn arguments(value: &Value) -> Vec<(String, Located)> {
    let entries = match value {
        Value::Map(entries) => entries.clone(),
        Value::Either(alternatives) => {
            return alternatives
                .iter()
                .flat_map(|(_, value)| arguments(value))
                .collect();
        }
        _ => return Vec::new(),
    };
    let argument = |(key, value): (String, Value)| {
        let text = match &value {
            Value::Text(text) => text.clone(),
            Value::Either(alternatives) => located(&alternatives.first()?.1)?,
            other => Located::new(other.to_text()?, TextPlace::default()),
        };
        Some((key, text))
    };
    entries.into_iter().filter_map(argument).collect()
}
