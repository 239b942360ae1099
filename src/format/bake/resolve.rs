//! Targets: matrices, inheritance, groups and overrides.

use std::collections::{HashMap, HashSet};

use super::attributes::{check, check_group, check_name};
use super::evaluate::{Evaluator, Locals};
use super::read::{Definitions, Named};
use super::target::texts;
use super::value::BakeValue;
use super::{BakeError, BakeOptions, Target};

/// The most targets of a matrix.
const MOST_TARGETS: usize = 2_000;

/// All targets and groups.
#[derive(Debug, Default)]
pub struct BakeConfig {
    /// The targets in the order of the files, each merged from all of its blocks.
    pub targets: Vec<Target>,
    /// The groups with their members.
    pub groups: Vec<(String, Vec<String>)>,
    /// Whether a block defines a group. A matrix also makes one.
    has_group_blocks: bool,
    /// Whether a parent that no file defines is left out. Otherwise it is an error.
    skips_unknown_parents: bool,
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
    /// Whether these definitions do not define a name that `others` define and `text` uses. `text` is
    /// the source of these definitions.
    pub fn lacks(&self, others: &Self, text: &str) -> bool {
        let used: HashSet<&str> = text
            .split(|c: char| !(c == '_' || c == '-' || c.is_alphanumeric()))
            .collect();
        let own = self.names();
        let mut missing = others.names().difference(&own).copied().collect::<Vec<_>>();
        missing.retain(|name| used.contains(name));
        !missing.is_empty()
    }

    /// The names of variables, functions and targets.
    fn names(&self) -> HashSet<&str> {
        let variables = self.variables.keys().chain(self.attributes.keys());
        let names = variables.chain(self.functions.keys()).map(String::as_str);
        let targets = self.targets.iter().map(|target| target.name.as_str());
        names.chain(targets).collect()
    }

    /// Evaluates all targets and groups. In find mode, faulty parts are left out.
    pub fn evaluate(
        &self,
        options: &BakeOptions<'_>,
    ) -> Result<(BakeConfig, Vec<BakeError>), BakeError> {
        let evaluator = Evaluator::new(self, options);
        let lenient = options.unknowns.is_some();
        let mut config = BakeConfig {
            skips_unknown_parents: lenient,
            ..BakeConfig::default()
        };
        let mut problems = Vec::new();
        if !lenient {
            evaluator.check_variables()?;
        }
        let mut labels = Vec::new();
        for block in &self.targets {
            match expand(&evaluator, block, lenient, &mut problems) {
                Ok(targets) => config.add_targets(block, targets, &mut labels),
                Err(error) if lenient => problems.push(error),
                Err(error) => return Err(error),
            }
        }
        config.add_label_groups(labels);
        config.has_group_blocks = !self.groups.is_empty();
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
    let BakeValue::Map(axes) = matrix else {
        return Err(BakeError::new(block.place, "the matrix is no map"));
    };
    let mut rows = vec![Locals::new()];
    for (name, values) in axes {
        let values = match values {
            BakeValue::Either(alternatives) => {
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

/// A label of target blocks, and the names of the targets that all blocks with it define.
type LabelTargets = (String, Vec<String>);

/// Parts of the names of targets that only hold attributes for others.
const ABSTRACT: [&str; 12] = [
    "_", "common", "base", "cache", "default", "shared", "template", "args", "meta", "settings",
    "global", "parent",
];

impl BakeConfig {
    fn add_targets(&mut self, block: &Named, targets: Vec<Target>, labels: &mut Vec<LabelTargets>) {
        let names = targets.iter().map(|target| target.name.clone());
        match labels.iter_mut().find(|(label, _)| *label == block.name) {
            Some((_, known)) => known.extend(names),
            None => labels.push((block.name.clone(), names.collect())),
        }
        for target in targets {
            self.add(target);
        }
    }

    /// Adds a group for each label that is not just the name of one target. A block without a
    /// matrix and with the label of a matrix target does not change that target: it defines one
    /// more member of the group (buildx, `bake/hclparser`, `ParseMeta.Renamed`).
    fn add_label_groups(&mut self, labels: Vec<LabelTargets>) {
        for (label, names) in labels {
            if names.iter().any(|name| *name != label) {
                self.add_group(&label, &names);
            }
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
            // `docker/metadata-action` generates the file that defines `docker-metadata-action`.
            if self.skips_unknown_parents && !self.has(parent) {
                continue;
            }
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

    /// Whether a target is defined.
    pub fn has(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.name == name)
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

    /// Returns whether a target only holds attributes for those that inherit from it: no group
    /// names it, and it has neither a tag, a stage, a context nor a Dockerfile of its own. Without
    /// any group, its name has a word such as `base`.
    pub fn is_abstract(&self, name: &str) -> bool {
        let inherited = self
            .targets
            .iter()
            .any(|target| target.inherits.iter().any(|parent| parent == name));
        let grouped = self
            .groups
            .iter()
            .any(|(_, members)| members.iter().any(|member| member == name));
        let mut same = self.targets.iter().filter(|target| target.name == name);
        let lower = name.to_lowercase();
        let is_named_so = ABSTRACT.iter().any(|word| lower.contains(word));
        let builds = same.any(|target| {
            let context = target.context.as_deref().unwrap_or(".");
            let dockerfile = target.dockerfile.as_deref().unwrap_or("Dockerfile");
            target.tags.iter().flatten().next().is_some()
                || target.target.is_some()
                || !matches!(context, "." | "./")
                || (dockerfile != "Dockerfile" && !is_named_so)
        });
        inherited && !grouped && !builds && (is_named_so || self.has_group_blocks)
    }
}
