//! Justfiles.

use std::cell::RefCell;
use std::collections::HashMap;

use super::command::CommandContext;
use super::embedded::{self, Environment, substitute};
use super::repository::directory;
use super::script::Variant;
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};

/// The deepest nesting of variables.
const DEPTH: usize = 8;

#[derive(Default)]
struct Justfile {
    variables: HashMap<String, Located>,
    exported: Vec<String>,
    recipes: Vec<Recipe>,
}

struct Recipe {
    name: String,
    parameters: Vec<(String, Option<Located>)>,
    lines: Vec<Located>,
}

/// Parses a justfile.
pub(super) fn read(session: &FindSession<'_>, path: &str, text: &str) {
    let source = Located::lines(text, TextPlace::new(session.repository.number(path), 1));
    let justfile = parse(&source);
    for recipe in &justfile.recipes {
        follow(session, &justfile, recipe, directory(path));
    }
}

fn parse(source: &Located) -> Justfile {
    let mut justfile = Justfile::default();
    let mut in_recipe = false;
    for line in source.split_lines() {
        let text = line.as_str().trim_end_matches('\r');
        if text.starts_with([' ', '\t']) {
            if in_recipe && let Some(recipe) = justfile.recipes.last_mut() {
                recipe.lines.push(line.slice(0, text.len()));
            }
            continue;
        }
        if text.is_empty() {
            continue;
        }
        in_recipe = false;
        if text.starts_with(['#', '['])
            || text.starts_with("set ")
            || text.starts_with("import ")
            || text.starts_with("mod ")
        {
            continue;
        }
        if let Some(at) = text.find(":=") {
            let head = text[..at].trim();
            let name = head
                .trim_start_matches("export ")
                .trim_start_matches("alias ")
                .trim()
                .to_owned();
            if head.starts_with("export ") {
                justfile.exported.push(name.clone());
            }
            justfile
                .variables
                .insert(name, line.slice(at + 2, text.len()).trimmed());
            continue;
        }
        if let Some(recipe) = head(&line) {
            justfile.recipes.push(recipe);
            in_recipe = true;
        }
    }
    justfile
}

/// Parses the head of a recipe: its name and parameters.
fn head(line: &Located) -> Option<Recipe> {
    let text = line.as_str();
    let mut quote = None;
    let colon = text.char_indices().find_map(|(offset, character)| {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), c) if c == open => quote = None,
            (None, ':') => return Some(offset),
            _ => {}
        }
        None
    })?;
    let words = line.slice(0, colon).words();
    let name = words.first()?.as_str().trim_start_matches('@').to_owned();
    let parameter = |word: &Located| {
        let text = word.as_str().trim_start_matches(['+', '*', '$']);
        let start = word.len() - text.len();
        match text.split_once('=') {
            Some((name, _)) => (
                name.to_owned(),
                Some(word.slice(start + name.len() + 1, word.len())),
            ),
            None => (text.to_owned(), None),
        }
    };
    Some(Recipe {
        name,
        parameters: words[1..].iter().map(parameter).collect(),
        lines: Vec::new(),
    })
}

fn follow(session: &FindSession<'_>, justfile: &Justfile, recipe: &Recipe, folder: &str) {
    let evaluator = JustEvaluator {
        session,
        justfile,
        recipe,
    };
    let mut environment = Environment::new();
    for name in &justfile.exported {
        if let Some(value) = justfile.variables.get(name) {
            embedded::put(&mut environment, name, evaluator.expression(value, 0));
        }
    }
    let around = CommandContext {
        target: Some(recipe.name.clone()),
        directory: folder.to_owned(),
        ..CommandContext::default()
    };
    let chosen = RefCell::new(Environment::new());
    let expand = |line: &Located| evaluator.expanded(line, &chosen);
    let first = recipe
        .lines
        .first()
        .map(|line| line.as_str().trim())
        .unwrap_or_default();
    if first.starts_with("#!") {
        if first.contains("sh") {
            let lines: Vec<Located> = recipe.lines.iter().map(expand).collect();
            environment.append(&mut chosen.take());
            embedded::run(session, &embedded::joined(&lines), &environment, &around);
        }
        return;
    }
    let mut command = Located::default();
    for line in &recipe.lines {
        let text = line.as_str();
        let start = text.len() - text.trim_start().trim_start_matches(['@', '-']).len();
        let start = if command.is_empty() { start } else { 0 };
        command.push(&expand(&line.slice(start, text.len())));
        if text.ends_with('\\') {
            command.push_str("\n", line.place());
        } else {
            environment.append(&mut chosen.take());
            embedded::run(session, &command, &environment, &around);
            command = Located::default();
        }
    }
    environment.append(&mut chosen.take());
    embedded::run(session, &command, &environment, &around);
}

struct JustEvaluator<'a> {
    session: &'a FindSession<'a>,
    justfile: &'a Justfile,
    recipe: &'a Recipe,
}

impl JustEvaluator<'_> {
    /// Replaces the expressions of a line. One with several values becomes a variable.
    fn expanded(&self, line: &Located, chosen: &RefCell<Environment>) -> Located {
        substitute(line, "{{", "}}", |inner, place| {
            let values = self.alternatives(inner, place, 0);
            if let [only] = values.as_slice()
                && only.when.is_empty()
            {
                return only.text.clone();
            }
            let mut chosen = chosen.borrow_mut();
            let name = format!("_expression_{}_{}", place.line, chosen.len());
            let used = Located::new(format!("${{{name}}}"), place);
            chosen.push((name, values));
            used
        })
    }

    /// Returns the values of an expression, which `if` may choose between.
    fn alternatives(&self, text: &str, place: TextPlace, depth: usize) -> Vec<Variant> {
        let text = text.trim();
        let mut values = Vec::new();
        if depth > DEPTH {
            return values;
        }
        let defined = self.justfile.variables.get(text);
        let is_parameter = self.recipe.parameters.iter().any(|(name, _)| name == text);
        if let Some(defined) = defined.filter(|_| !is_parameter)
            && defined.as_str().trim().starts_with("if ")
        {
            return self.alternatives(defined.as_str(), defined.place(), depth + 1);
        }
        let Some((condition, then, otherwise)) = conditional(text) else {
            let whole = Located::new(text, place);
            return vec![Variant::of(self.expression(&whole, depth))];
        };
        for (branch, condition) in [
            (then, condition.to_owned()),
            (otherwise, format!("not {condition}")),
        ] {
            for mut value in self.alternatives(branch, place, depth + 1) {
                value.when.insert(0, condition.clone());
                values.push(value);
            }
        }
        values
    }

    fn expression(&self, source: &Located, depth: usize) -> Located {
        let text = source.as_str().trim();
        let place = source.place();
        if depth > DEPTH {
            return self.session.unknown(text, place);
        }
        for operator in [" + ", " / "] {
            let Some((first, mut rest)) = split_outside(text, operator) else {
                continue;
            };
            let mut value = self.expression(&Located::new(first, place), depth + 1);
            loop {
                if operator == " / " {
                    value.push_str("/", place);
                }
                let (next, after) = split_outside(rest, operator).unwrap_or((rest, ""));
                value.push(&self.expression(&Located::new(next, place), depth + 1));
                if after.is_empty() {
                    return value;
                }
                rest = after;
            }
        }
        if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let inner = text.trim_matches(quote);
            return Located::new(inner, place);
        }
        if let Some((function, arguments)) = text.split_once('(') {
            return self.function(
                text,
                function.trim(),
                arguments.trim_end_matches(')'),
                place,
                depth,
            );
        }
        if text.starts_with('`') {
            let words: Vec<&str> = text.trim_matches('`').split_whitespace().take(2).collect();
            return self
                .session
                .unknown(&format!("$({} …)", words.join(" ")), place);
        }
        if let Some((_, default)) = self.recipe.parameters.iter().find(|(name, _)| name == text) {
            return match default {
                Some(default) => self.expression(default, depth + 1),
                None => self.session.unknown(text, place),
            };
        }
        match self.justfile.variables.get(text) {
            Some(value) => {
                let found = self.expression(value, depth + 1);
                self.named(text, found)
            }
            None => self.session.unknown(text, place),
        }
    }

    fn named(&self, name: &str, value: Located) -> Located {
        let Some(mark) = crate::format::unknown::only_mark(value.as_str()) else {
            return value;
        };
        let source = self.session.unknowns.name(mark).unwrap_or_default();
        self.session
            .unknown(&format!("{name} = {source}"), value.place())
    }

    fn function(
        &self,
        whole: &str,
        name: &str,
        arguments: &str,
        place: TextPlace,
        depth: usize,
    ) -> Located {
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        match (name, arguments.as_slice()) {
            ("env_var_or_default" | "env", [_, default]) => {
                self.expression(&Located::new(*default, place), depth + 1)
            }
            ("env_var" | "env", [name]) => {
                self.session.unknown(name.trim_matches(['"', '\'']), place)
            }
            ("trim" | "quote", [value]) => self.expression(&Located::new(*value, place), depth + 1),
            _ => self.session.unknown(whole, place),
        }
    }
}

/// Splits `if CONDITION { A } else { B }`. The text after `else` may be another `if`.
fn conditional(text: &str) -> Option<(&str, &str, &str)> {
    let rest = text.strip_prefix("if ")?;
    let (condition, rest) = split_outside(rest, "{")?;
    let (then, rest) = split_outside(rest, "}")?;
    let otherwise = rest.trim().strip_prefix("else")?.trim();
    let otherwise = match otherwise.strip_prefix('{') {
        Some(inner) => inner.trim_end().strip_suffix('}')?,
        None => otherwise,
    };
    Some((condition.trim(), then.trim(), otherwise.trim()))
}

fn split_outside<'t>(text: &'t str, operator: &str) -> Option<(&'t str, &'t str)> {
    let mut quote = None;
    let mut depth = 0usize;
    for (offset, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'' | '`') => quote = Some(character),
            (Some(open), c) if c == open => quote = None,
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ if quote.is_none() && depth == 0 && text[offset..].starts_with(operator) => {
                return Some((&text[..offset], &text[offset + operator.len()..]));
            }
            _ => {}
        }
    }
    None
}
