//! Makefiles.

use std::collections::HashMap;

use super::command::Surroundings;
use super::embedded;
use super::repository::{directory, join};
use super::script::Variant;
use super::session::Session;
use crate::format::located::{Located, Place};
use crate::format::unknown::{has_mark, only_mark};

/// The deepest nesting of variables.
const DEPTH: usize = 16;
/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;

/// A value of a variable with its conditions.
#[derive(Debug, Clone)]
struct Given {
    text: Located,
    when: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct Rule {
    targets: Vec<String>,
    /// The lines of the recipe, with the conditions of each.
    recipe: Vec<(Located, Vec<String>)>,
}

#[derive(Default)]
struct Makefile {
    variables: HashMap<String, Vec<Given>>,
    /// Variables for the recipe of one target.
    local: HashMap<String, Vec<(String, Given)>>,
    rules: Vec<Rule>,
    conditions: Vec<String>,
    included: Vec<String>,
}

/// Reads a Makefile and its included files.
pub(super) fn read(session: &Session<'_>, path: &str) {
    let mut makefile = Makefile::default();
    makefile.parse(session, path, 0);
    makefile.declare(session, directory(path));
}

/// The files that a Makefile includes.
pub(super) fn included(session: &Session<'_>, path: &str) -> Vec<String> {
    let mut makefile = Makefile::default();
    makefile.parse(session, path, 0);
    makefile.included
}

impl Makefile {
    fn parse(&mut self, session: &Session<'_>, path: &str, depth: usize) {
        let Some(text) = session.repository.read(path) else {
            return;
        };
        let source = Located::lines(
            text.as_ref(),
            Place::new(session.repository.number(path), 1),
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

    fn include(&mut self, session: &Session<'_>, path: &str, files: &str, depth: usize) {
        let files = self.expand(session, &Located::new(files, Place::default()), None, 0);
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
    fn statement(&mut self, session: &Session<'_>, line: &Located) -> Option<usize> {
        let text = line.as_str();
        let mut start = text.len() - text.trim_start().len();
        for prefix in ["export ", "override ", "unexport ", "private "] {
            if text[start..].starts_with(prefix) {
                start += prefix.len();
            }
        }
        let body = &text[start..];
        let assignment = assignment(body);
        let colon = rule_colon(body);
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
                None
            }
            (_, Some(colon)) => {
                let targets = self.expand(session, &line.slice(start, start + colon), None, 0);
                let targets: Vec<String> = targets
                    .as_str()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect();
                let rest_start = start + colon + 1;
                let rest = line.slice(rest_start, text.len());
                let rest = if rest.as_str().starts_with(':') {
                    rest.slice(1, rest.len())
                } else {
                    rest
                };
                if let Some((name_end, operator)) = assignment_of_target(rest.as_str()) {
                    let name = rest.as_str()[..name_end]
                        .trim()
                        .trim_start_matches("export ")
                        .to_owned();
                    let value = without_comment(&rest.slice(name_end + operator.len(), rest.len()))
                        .trimmed();
                    for target in targets {
                        let given = Given {
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
                let mut rule = Rule {
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
            _ => None,
        }
    }

    fn assign(&mut self, session: &Session<'_>, name: &str, operator: &str, value: Located) {
        let simple = matches!(operator, ":=" | "::=" | ":::=");
        let value = if simple {
            self.expand(session, &value, None, 0)
        } else {
            value
        };
        let value = named(session, name, value);
        let given = Given {
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

    fn declare(&self, session: &Session<'_>, folder: &str) {
        for rule in &self.rules {
            for target in &rule.targets {
                if rule.targets.len() > 20 {
                    break;
                }
                self.recipe(session, rule, target, folder);
            }
        }
    }

    fn recipe(&self, session: &Session<'_>, rule: &Rule, target: &str, folder: &str) {
        for (line, conditions) in &rule.recipe {
            let mut environment = Vec::new();
            let text = self.recipe_line(session, line, target, &mut environment);
            let around = Surroundings {
                target: Some(target.to_owned()),
                directory: folder.to_owned(),
                when: conditions.clone(),
                classic: self
                    .variables
                    .get("DOCKER_BUILDKIT")
                    .is_some_and(|values| values.iter().all(|value| value.text.as_str() == "0")),
                ..Surroundings::default()
            };
            embedded::run(session, &text, &environment, &around);
        }
    }

    /// Expands a line of a recipe. Variables with several values become variables of the shell.
    fn recipe_line(
        &self,
        session: &Session<'_>,
        line: &Located,
        target: &str,
        environment: &mut embedded::Environment,
    ) -> Located {
        let text = line.as_str();
        let start = text.len() - text.trim_start_matches(['\t', ' ', '@', '-', '+']).len();
        let line = line.slice(start, text.len());
        let mut scope = Scope {
            target,
            environment: Some(environment),
        };
        self.expand_in(session, &line, Some(&mut scope), 0)
    }

    fn expand(
        &self,
        session: &Session<'_>,
        text: &Located,
        target: Option<&str>,
        depth: usize,
    ) -> Located {
        match target {
            Some(target) => {
                let mut scope = Scope {
                    target,
                    environment: None,
                };
                self.expand_in(session, text, Some(&mut scope), depth)
            }
            None => self.expand_in(session, text, None, depth),
        }
    }

    fn expand_in(
        &self,
        session: &Session<'_>,
        text: &Located,
        mut scope: Option<&mut Scope<'_>>,
        depth: usize,
    ) -> Located {
        let source = text.as_str();
        let mut out = Located::default();
        let mut position = 0;
        while let Some(found) = source[position..].find('$') {
            let start = position + found;
            out.push(&text.slice(position, start));
            let place = text.place_at(start);
            let rest = &source[start + 1..];
            let Some(next) = rest.chars().next() else {
                position = start;
                break;
            };
            let length = match next {
                '$' => {
                    out.push_char('$', place);
                    1
                }
                '(' | '{' => {
                    let Some(end) = closing(rest) else {
                        position = start + 1;
                        break;
                    };
                    let inner = text.slice(start + 2, start + 1 + end);
                    out.push(&self.reference(session, &inner, scope.as_deref_mut(), depth + 1));
                    end + 1
                }
                character => {
                    let name = Located::new(character.to_string(), place);
                    out.push(&self.reference(session, &name, scope.as_deref_mut(), depth + 1));
                    character.len_utf8()
                }
            };
            position = start + 1 + length;
            if out.len() > LONGEST {
                return out;
            }
        }
        out.push(&text.slice(position.min(source.len()), source.len()));
        out
    }

    fn reference(
        &self,
        session: &Session<'_>,
        inner: &Located,
        mut scope: Option<&mut Scope<'_>>,
        depth: usize,
    ) -> Located {
        let name = inner.as_str();
        let place = inner.place();
        if depth > DEPTH {
            return session.unknown(name, place);
        }
        if let Some(value) = self.function(session, inner, scope.as_deref_mut(), depth) {
            return value;
        }
        let name = if name.contains('$') {
            self.expand_in(session, inner, scope.as_deref_mut(), depth)
                .as_str()
                .to_owned()
        } else {
            name.to_owned()
        };
        if let Some((name, pattern)) = name.split_once(':')
            && let Some((from, to)) = pattern.split_once('=')
        {
            let value = self.reference(session, &Located::new(name, place), scope, depth + 1);
            let words: Vec<String> = value
                .as_str()
                .split_whitespace()
                .map(|word| {
                    word.strip_suffix(from)
                        .map_or_else(|| word.to_owned(), |stem| format!("{stem}{to}"))
                })
                .collect();
            return value.with_text(words.join(" "));
        }
        let target = scope.as_ref().map(|scope| scope.target);
        match (name.as_str(), target) {
            ("@", Some(target)) => return Located::new(target.replace('%', "*"), place),
            ("MAKE", _) => return Located::new("make", place),
            _ => {}
        }
        let local = target
            .and_then(|target| self.local.get(target))
            .and_then(|all| all.iter().rfind(|(n, _)| *n == name));
        let values: Vec<Given> = match local {
            Some((_, given)) => vec![given.clone()],
            None => self.variables.get(&name).cloned().unwrap_or_default(),
        };
        match values.as_slice() {
            [] => session.unknown(if name == "*" { "$*" } else { &name }, place),
            [only] if only.when.is_empty() => self
                .expand_in(session, &only.text, scope, depth + 1)
                .used_at(place),
            many => match scope {
                Some(scope) if scope.environment.is_some() => {
                    self.as_shell_variable(session, many, &name, place, scope, depth)
                }
                _ => {
                    let last = many
                        .last()
                        .map(|given| given.text.clone())
                        .unwrap_or_default();
                    self.expand_in(session, &last, scope, depth + 1)
                }
            },
        }
    }

    fn as_shell_variable(
        &self,
        session: &Session<'_>,
        many: &[Given],
        name: &str,
        place: Place,
        scope: &mut Scope<'_>,
        depth: usize,
    ) -> Located {
        let mut variants = Vec::new();
        for given in many {
            let text = self.expand(session, &given.text, Some(scope.target), depth + 1);
            variants.push(Variant {
                text,
                when: given.when.clone(),
                sure: false,
            });
        }
        let Some(environment) = scope.environment.as_deref_mut() else {
            return session.unknown(name, place);
        };
        let variable = format!("_make_{}", environment.len());
        environment.push((variable.clone(), variants));
        Located::new(format!("${{{variable}}}"), place)
    }

    /// `$(foreach name,words,text)`
    fn foreach(&self, session: &Session<'_>, arguments: &Located, depth: usize) -> Option<Located> {
        let parts = split_arguments(arguments);
        let [name, words, text] = parts.as_slice() else {
            return None;
        };
        let words = self.expand(session, words, None, depth + 1);
        let mut whole = Located::default();
        let mut copy = self.copied();
        for word in words.words().into_iter().take(64) {
            let given = Given {
                text: word,
                when: Vec::new(),
            };
            copy.variables
                .insert(name.as_str().trim().to_owned(), vec![given]);
            whole.push(&copy.expand(session, text, None, depth + 2));
            whole.push_str(" ", text.place());
        }
        Some(whole)
    }

    fn copied(&self) -> Self {
        Self {
            variables: self.variables.clone(),
            ..Self::default()
        }
    }

    /// Evaluates the functions that are used to build flags.
    fn function(
        &self,
        session: &Session<'_>,
        inner: &Located,
        mut scope: Option<&mut Scope<'_>>,
        depth: usize,
    ) -> Option<Located> {
        let (name, _) = inner.as_str().split_once([' ', '\t'])?;
        let arguments = inner.slice(name.len() + 1, inner.len());
        if name == "foreach" {
            return self.foreach(session, &arguments, depth);
        }
        let mut expanded: Vec<Located> = Vec::new();
        for argument in split_arguments(&arguments) {
            expanded.push(self.expand_in(session, &argument, scope.as_deref_mut(), depth + 1));
        }
        let at = |index: usize| expanded.get(index).cloned().unwrap_or_default();
        let map = |text: &Located, change: &dyn Fn(&str) -> String| {
            let words: Vec<String> = text.as_str().split_whitespace().map(change).collect();
            text.with_text(words.join(" "))
        };
        let opaque = |text: &Located| has_mark(text.as_str());
        Some(match name {
            "strip" | "sort" | "abspath" | "realpath" => at(0).trimmed(),
            "addprefix" => {
                let prefix = at(0).as_str().trim().to_owned();
                map(&at(1), &|word| format!("{prefix}{word}"))
            }
            "addsuffix" => {
                let suffix = at(0).as_str().trim().to_owned();
                map(&at(1), &|word| format!("{word}{suffix}"))
            }
            "subst" if !opaque(&at(0)) => {
                let value = at(2);
                if opaque(&value) {
                    session.unknown(
                        &format!("subst {}", session.expressed(value.as_str())),
                        inner.place(),
                    )
                } else {
                    value.with_text(value.as_str().replace(at(0).as_str(), at(1).as_str()))
                }
            }
            "notdir" => map(&at(0), &|word| {
                word.rsplit('/').next().unwrap_or(word).to_owned()
            }),
            "firstword" => map(&at(0), &str::to_owned)
                .words()
                .into_iter()
                .next()
                .unwrap_or_default(),
            "lastword" => at(0).words().pop().unwrap_or_default(),
            "or" => expanded
                .into_iter()
                .find(|value| !value.as_str().trim().is_empty())
                .unwrap_or_default(),
            "if" => {
                let condition = at(0);
                if opaque(&condition) {
                    let mut both = at(1);
                    both.push_str(" ", inner.place());
                    both.push(&at(2));
                    both
                } else if condition.as_str().trim().is_empty() {
                    at(2)
                } else {
                    at(1)
                }
            }
            "call" => {
                let function = at(0).as_str().trim().to_owned();
                let body = self.variables.get(&function)?.last()?.text.clone();
                let mut copy = self.copied();
                for (index, value) in expanded.iter().enumerate() {
                    let given = Given {
                        text: value.trimmed(),
                        when: Vec::new(),
                    };
                    copy.variables.insert(index.to_string(), vec![given]);
                }
                if depth > DEPTH / 2 {
                    session.unknown(&function, inner.place())
                } else {
                    copy.expand(session, &body, None, depth + 2)
                }
            }
            "shell" | "wildcard" | "value" | "eval" | "filter" | "filter-out" | "patsubst"
            | "word" | "words" | "dir" | "basename" | "findstring" | "file" | "origin"
            | "error" | "warning" | "info" | "subst" => {
                let shown: Vec<&str> = inner.as_str().split_whitespace().take(3).collect();
                session.unknown(&format!("$({} …)", shown.join(" ")), inner.place())
            }
            _ => return None,
        })
    }
}

struct Scope<'e> {
    target: &'e str,
    environment: Option<&'e mut embedded::Environment>,
}

/// Names a variable after itself if its whole value is unknown.
fn named(session: &Session<'_>, name: &str, value: Located) -> Located {
    let Some(mark) = only_mark(value.as_str()) else {
        return value;
    };
    let source = session.unknowns.name(mark).unwrap_or_default();
    session.unknown(&format!("{name} = {source}"), value.place())
}

/// Joins lines with a backslash at the end. Recipes keep the line break for the shell.
fn logical_lines(source: &Located) -> Vec<Located> {
    let mut lines = Vec::new();
    let mut current: Option<Located> = None;
    for line in source.split_lines() {
        let text = line.as_str().trim_end_matches('\r');
        let line = line.slice(0, text.len());
        let mut whole = match current.take() {
            Some(mut whole) => {
                whole.push(&line);
                whole
            }
            None => line,
        };
        let backslashes = whole.as_str().len() - whole.as_str().trim_end_matches('\\').len();
        if backslashes % 2 == 1 && !whole.as_str().trim_start().starts_with('#') {
            let is_recipe = whole.as_str().starts_with('\t');
            let end = whole.len() - 1;
            let place = whole.place_at(end);
            whole = whole.slice(0, end);
            whole.push_str(if is_recipe { "\\\n" } else { " " }, place);
            current = Some(whole);
        } else {
            lines.push(whole);
        }
    }
    lines.extend(current);
    lines
}

fn without_comment(text: &Located) -> Located {
    match text
        .as_str()
        .find(" #")
        .or_else(|| text.as_str().find("\t#"))
    {
        Some(at) => text.slice(0, at),
        None if text.as_str().starts_with('#') => text.slice(0, 0),
        None => text.clone(),
    }
}

/// Finds an assignment: the end of its name, and its operator.
fn assignment(text: &str) -> Option<(usize, &'static str)> {
    let equals = outside(text, '=')?;
    for operator in [":::=", "::=", ":=", "?=", "+=", "!="] {
        let start = (equals + 1).checked_sub(operator.len());
        if let Some(start) = start
            && text.get(start..=equals) == Some(operator)
        {
            return valid_name(&text[..start]).then_some((start, operator));
        }
    }
    valid_name(&text[..equals]).then_some((equals, "="))
}

fn assignment_of_target(text: &str) -> Option<(usize, &'static str)> {
    assignment(text).filter(|(end, _)| {
        let name = text[..*end].trim().trim_start_matches("export ").trim();
        !name.is_empty()
    })
}

fn valid_name(name: &str) -> bool {
    let name = name.trim().trim_start_matches("export ").trim();
    !name.is_empty() && !name.contains(char::is_whitespace)
}

fn rule_colon(text: &str) -> Option<usize> {
    outside(text, ':')
}

/// Finds a character outside `$( … )`.
fn outside(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, character) in text.char_indices() {
        match character {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            c if c == wanted && depth == 0 => return Some(offset),
            '#' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Returns the offset of the bracket that closes the one at the start.
fn closing(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0usize;
    for (offset, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return Some(offset);
            }
        }
    }
    None
}

fn split_arguments(text: &Located) -> Vec<Located> {
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    for (offset, character) in text.as_str().char_indices() {
        match character {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.slice(start, offset));
                start = offset + 1;
            }
            _ => {}
        }
    }
    parts.push(text.slice(start, text.len()));
    parts
}
