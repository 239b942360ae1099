//! Makefiles.

use std::collections::{BTreeSet, HashMap};

use super::command::CommandContext;
use super::embedded;
use super::repository::{directory, join};
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::only_mark;

mod expand;
mod functions;
mod lines;

use expand::RecipeScope;
use lines::{assignment, assignment_of_target, logical_lines, rule_colon, without_comment};

/// The deepest nesting of variables.
const DEPTH: usize = 16;
/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;

/// A value of a variable with its conditions.
#[derive(Debug, Clone)]
struct MakeValue {
    text: Located,
    when: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct MakeRule {
    targets: Vec<String>,
    /// The lines of the recipe, with the conditions of each.
    recipe: Vec<(Located, Vec<String>)>,
}

#[derive(Default)]
struct Makefile {
    variables: HashMap<String, Vec<MakeValue>>,
    /// Variables for the recipe of one target.
    local: HashMap<String, Vec<(String, MakeValue)>>,
    /// The targets that need a target, which gets their variables.
    needed_by: HashMap<String, Vec<String>>,
    /// The variables that the commands of recipes get.
    exported: BTreeSet<String>,
    rules: Vec<MakeRule>,
    conditions: Vec<String>,
    included: Vec<String>,
}

/// Reads a Makefile and its included files.
pub(super) fn read(session: &FindSession<'_>, path: &str) {
    let mut makefile = Makefile::default();
    makefile.parse(session, path, 0);
    makefile.declare(session, directory(path));
}

/// The files that a Makefile includes.
pub(super) fn included(session: &FindSession<'_>, path: &str) -> Vec<String> {
    let mut makefile = Makefile::default();
    makefile.parse(session, path, 0);
    makefile.included
}

impl Makefile {
    fn parse(&mut self, session: &FindSession<'_>, path: &str, depth: usize) {
        let Some(text) = session.repository.read(path) else {
            return;
        };
        let source = Located::lines(
            text.as_ref(),
            TextPlace::new(session.repository.number(path), 1),
        );
        let mut lines = logical_lines(&source).into_iter().peekable();
        let mut current: Option<usize> = None;
        while let Some(line) = lines.next() {
            let text = line.as_str();
            if text.starts_with('\t')
                && let Some(index) = current
            {
                let conditions = self.conditions.clone();
                self.rules[index].recipe.push((line, conditions));
                continue;
            }
            let trimmed = text.trim_start();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            if self.conditional(trimmed) {
                continue;
            }
            if let Some(name) = trimmed.strip_prefix("define ") {
                let name = name.trim_end_matches('=').trim().to_owned();
                let mut body = Vec::new();
                for line in lines.by_ref() {
                    if line.as_str().trim() == "endef" {
                        break;
                    }
                    body.push(line);
                }
                self.assign(session, &name, "=", embedded::joined(&body).trimmed());
                continue;
            }
            if let Some(files) = trimmed
                .strip_prefix("include ")
                .or_else(|| trimmed.strip_prefix("-include "))
                .or_else(|| trimmed.strip_prefix("sinclude "))
            {
                self.include(session, path, files, depth);
                continue;
            }
            current = self.statement(session, &line).or(current);
        }
    }

    fn include(&mut self, session: &FindSession<'_>, path: &str, files: &str, depth: usize) {
        let files = self.expand(session, &Located::new(files, TextPlace::default()), None, 0);
        for file in files.as_str().split_whitespace() {
            let file = file.trim_start_matches(|c| crate::format::unknown::is_mark(c) || c == '/');
            let candidates = [join(directory(path), file), join("", file)];
            let found = candidates
                .into_iter()
                .flatten()
                .find(|file| session.repository.has(file));
            if let Some(file) = found
                && depth < 8
                && !self.included.contains(&file)
            {
                self.included.push(file.clone());
                self.parse(session, &file, depth + 1);
            }
        }
    }

    /// Handles `ifdef` and similar directives. Returns false for other lines.
    fn conditional(&mut self, line: &str) -> bool {
        let word = line.split([' ', '\t', '(']).next().unwrap_or_default();
        match word {
            "ifdef" | "ifndef" | "ifeq" | "ifneq" => {
                let condition = line[word.len()..].trim();
                let condition = match word {
                    "ifdef" => format!("{condition} is set"),
                    "ifndef" => format!("{condition} is not set"),
                    _ => format!("{word} {condition}"),
                };
                self.conditions.push(
                    condition
                        .replace("$(", "")
                        .replace(['(', ')'], "")
                        .chars()
                        .take(80)
                        .collect(),
                );
                true
            }
            "else" => {
                if let Some(last) = self.conditions.pop() {
                    let more = line[4..].trim();
                    let condition = if more.is_empty() {
                        format!("not {last}")
                    } else {
                        format!("{more} and not {last}")
                    };
                    self.conditions.push(condition.chars().take(160).collect());
                }
                true
            }
            "endif" => {
                self.conditions.pop();
                true
            }
            _ => false,
        }
    }

    /// Parses an assignment or the head of a rule. Returns the rule.
    fn statement(&mut self, session: &FindSession<'_>, line: &Located) -> Option<usize> {
        let text = line.as_str();
        let mut start = text.len() - text.trim_start().len();
        let mut is_exported = false;
        for prefix in ["export ", "override ", "unexport ", "private "] {
            if text[start..].starts_with(prefix) {
                start += prefix.len();
                is_exported |= prefix == "export ";
            }
        }
        let body = &text[start..];
        let assignment = assignment(body);
        let colon = rule_colon(body);
        if is_exported && assignment.is_none() && colon.is_none() {
            let names = body.split_whitespace().map(str::to_owned);
            self.exported.extend(names);
        }
        match (assignment, colon) {
            (Some((name_end, operator)), colon)
                if colon.is_none_or(|colon| {
                    name_end <= colon || operator.starts_with(':') && colon == name_end
                }) =>
            {
                let name = body[..name_end].trim();
                let value =
                    without_comment(&line.slice(start + name_end + operator.len(), text.len()))
                        .trimmed();
                let name = self
                    .expand(session, &Located::new(name, line.place()), None, 0)
                    .as_str()
                    .to_owned();
                self.assign(session, &name, operator, value);
                if is_exported {
                    self.exported.insert(name);
                }
                None
            }
            (_, Some(colon)) => self.rule_or_local(session, line, start, colon),
            _ => None,
        }
    }

    /// Parses the head of a rule, or an assignment for a target. The line has a target from `start`
    /// and a colon behind it. Returns the rule.
    fn rule_or_local(
        &mut self,
        session: &FindSession<'_>,
        line: &Located,
        start: usize,
        colon: usize,
    ) -> Option<usize> {
        let targets = self.expand(session, &line.slice(start, start + colon), None, 0);
        let targets: Vec<String> = targets
            .as_str()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let rest_start = start + colon + 1;
        let rest = line.slice(rest_start, line.len());
        let rest = if rest.as_str().starts_with(':') {
            rest.slice(1, rest.len())
        } else {
            rest
        };
        if let Some((name_end, operator)) = assignment_of_target(rest.as_str()) {
            let written = rest.as_str()[..name_end].trim();
            let name = written.trim_start_matches("export ").trim().to_owned();
            if name.len() < written.len() {
                self.exported.insert(name.clone());
            }
            let value =
                without_comment(&rest.slice(name_end + operator.len(), rest.len())).trimmed();
            for target in targets {
                let given = MakeValue {
                    text: value.clone(),
                    when: Vec::new(),
                };
                self.local
                    .entry(target)
                    .or_default()
                    .push((name.clone(), given));
            }
            return None;
        }
        self.add_needs(session, &targets, &rest);
        let mut rule = MakeRule {
            targets,
            recipe: Vec::new(),
        };
        if let Some(at) = rest.as_str().find(';') {
            rule.recipe
                .push((rest.slice(at + 1, rest.len()), self.conditions.clone()));
        }
        self.rules.push(rule);
        Some(self.rules.len() - 1)
    }

    fn assign(&mut self, session: &FindSession<'_>, name: &str, operator: &str, value: Located) {
        let simple = matches!(operator, ":=" | "::=" | ":::=");
        let value = if simple {
            self.expand(session, &value, None, 0)
        } else {
            value
        };
        let value = named(session, name, value);
        let given = MakeValue {
            text: value,
            when: self.conditions.clone(),
        };
        let conditional = !self.conditions.is_empty();
        let known = self.variables.entry(name.to_owned()).or_default();
        match operator {
            "+=" => {
                if known.is_empty() {
                    known.push(given);
                } else if conditional {
                    let last = known.last().cloned();
                    if let Some(mut last) = last {
                        last.text.push_str(" ", given.text.place());
                        last.text.push(&given.text);
                        last.when.extend(given.when);
                        known.push(last);
                    }
                } else {
                    for value in known {
                        value.text.push_str(" ", given.text.place());
                        value.text.push(&given.text);
                    }
                }
            }
            "?=" if !known.is_empty() && !conditional => {}
            _ if conditional => known.push(given),
            _ => *known = vec![given],
        }
        if let Some(values) = self.variables.get_mut(name) {
            values.truncate(8);
        }
    }

    fn declare(&self, session: &FindSession<'_>, folder: &str) {
        for rule in &self.rules {
            for target in &rule.targets {
                if rule.targets.len() > 20 {
                    break;
                }
                self.recipe(session, rule, target, folder);
            }
        }
    }

    /// Remembers that targets need those after their colon.
    fn add_needs(&mut self, session: &FindSession<'_>, targets: &[String], rest: &Located) {
        let end = rest.as_str().find(';').unwrap_or(rest.len());
        let needed = self.expand(session, &rest.slice(0, end), None, 0);
        for name in needed.as_str().split_whitespace().take(100) {
            let needed_by = self.needed_by.entry(name.to_owned()).or_default();
            needed_by.extend(targets.iter().take(20).cloned());
        }
    }

    /// Follows a recipe. Each line has a shell of its own, unless `.ONESHELL` is a target.
    fn recipe(&self, session: &FindSession<'_>, rule: &MakeRule, target: &str, folder: &str) {
        let mut rules = self.rules.iter().flat_map(|rule| &rule.targets);
        let has_one_shell = rules.any(|target| target == ".ONESHELL");
        let mut lines = rule.recipe.clone();
        if has_one_shell {
            let whole = embedded::joined(rule.recipe.iter().map(|(line, _)| line));
            let conditions = rule
                .recipe
                .first()
                .map(|(_, conditions)| conditions.clone());
            lines = vec![(whole, conditions.unwrap_or_default())];
        }
        for (line, conditions) in &lines {
            let mut environment = Vec::new();
            if line.as_str().contains("$$") {
                self.export(session, target, &mut environment);
            }
            let text = self.recipe_line(session, line, target, &mut environment);
            let around = CommandContext {
                target: Some(target.to_owned()),
                directory: folder.to_owned(),
                when: conditions.clone(),
                classic: self
                    .variables
                    .get("DOCKER_BUILDKIT")
                    .is_some_and(|values| values.iter().all(|value| value.text.as_str() == "0")),
                ..CommandContext::default()
            };
            embedded::run(session, &text, &environment, &around);
        }
    }

    /// Expands a line of a recipe. Variables with several values become variables of the shell.
    fn recipe_line(
        &self,
        session: &FindSession<'_>,
        line: &Located,
        target: &str,
        environment: &mut embedded::Environment,
    ) -> Located {
        let text = line.as_str();
        let start = text.len() - text.trim_start_matches(['\t', ' ', '@', '-', '+']).len();
        let line = line.slice(start, text.len());
        let mut scope = RecipeScope {
            target,
            environment: Some(environment),
        };
        self.expand_in(session, &line, Some(&mut scope), 0)
    }
}

/// Names a variable after itself if its whole value is unknown.
fn named(session: &FindSession<'_>, name: &str, value: Located) -> Located {
    let Some(mark) = only_mark(value.as_str()) else {
        return value;
    };
    let source = session.unknowns.name(mark).unwrap_or_default();
    session.unknown(&format!("{name} = {source}"), value.place())
}
