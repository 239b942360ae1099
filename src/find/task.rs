//! Taskfiles.

mod branches;

use std::cell::RefCell;
use std::collections::HashMap;

use super::command::CommandContext;
use super::embedded::{self, Environment, substitute};
use super::repository::directory;
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::tree::TreeNode;
use crate::format::unknown::only_mark;

/// The deepest nesting of variables.
const DEPTH: usize = 8;

type Variables<'t> = HashMap<String, TreeNode<'t>>;

/// Parses a Taskfile.
pub(super) fn read(session: &FindSession<'_>, path: &str, root: TreeNode<'_>) {
    let mut globals = Variables::new();
    collect(root.get("vars"), &mut globals);
    collect(root.get("env"), &mut globals);
    let branches = RefCell::default();
    for (name, task) in root.get("tasks").map(TreeNode::entries).unwrap_or_default() {
        let mut variables = globals.clone();
        collect(task.get("vars"), &mut variables);
        collect(task.get("env"), &mut variables);
        let templates = Templates {
            session,
            variables: &variables,
            task: name.as_str(),
            branches: &branches,
        };
        let mut environment = Environment::new();
        for node in [root.get("env"), task.get("env")] {
            for (key, value) in node.into_iter().flat_map(TreeNode::entries) {
                let text = templates.variable(key.as_str(), value, value.place(), 0);
                embedded::put_all(&mut environment, key.as_str(), templates.variants(&text));
            }
        }
        let around = CommandContext {
            target: Some(name.as_str().to_owned()),
            directory: directory(path).to_owned(),
            ..CommandContext::default()
        };
        for (command, items) in commands(task, &templates) {
            for item in items {
                let script = match item {
                    Some(item) => substitute(command, "{{", "}}", |inner, place| {
                        let name = inner.trim_matches('-').trim().strip_prefix('.');
                        if name == Some(item.name) {
                            templates.evaluate(&item.value, 0)
                        } else {
                            Located::new(format!("{{{{{inner}}}}}"), place)
                        }
                    }),
                    None => command.clone(),
                };
                let script = templates.evaluate(&script, 0);
                let mut environment = environment.clone();
                environment.extend(branches.borrow().iter().cloned());
                embedded::run(session, &script, &environment, &around);
            }
        }
    }
}

fn collect<'t>(node: Option<TreeNode<'t>>, variables: &mut Variables<'t>) {
    for (name, value) in node.into_iter().flat_map(TreeNode::entries) {
        variables.insert(name.as_str().to_owned(), value);
    }
}

/// Whether a document with another name is a Taskfile.
pub(super) fn is_like(root: TreeNode<'_>) -> bool {
    let tasks = root.get("tasks").is_some_and(TreeNode::is_map);
    tasks && (root.get("version").is_some() || root.get("includes").is_some())
}

/// A round of a loop: the name of its variable, and the value.
struct LoopItem<'t> {
    name: &'t str,
    value: Located,
}

/// Returns the rounds of `for`; `None` if they are not known.
fn rounds<'t>(looped: TreeNode<'t>, variables: &Variables<'t>) -> Option<Vec<LoopItem<'t>>> {
    let name = looped.str_at(&["as"]).unwrap_or("ITEM");
    let list = match looped.str_at(&["var"]) {
        Some(variable) => *variables.get(variable)?,
        None => looped,
    };
    let values: Vec<Located> = if list.is_list() {
        list.items().filter_map(TreeNode::text).cloned().collect()
    } else {
        let text = list.text().filter(|text| !text.as_str().contains("{{"))?;
        let separator = looped
            .str_at(&["split"])
            .and_then(|text| text.chars().next());
        match separator {
            Some(separator) => text.split(separator).iter().map(Located::trimmed).collect(),
            None => text.words(),
        }
    };
    Some(
        values
            .into_iter()
            .map(|value| LoopItem { name, value })
            .collect(),
    )
}

/// Returns the commands of a task, each with the items of its loop.
fn commands<'t>(
    task: TreeNode<'t>,
    templates: &Templates<'_, 't>,
) -> Vec<(&'t Located, Vec<Option<LoopItem<'t>>>)> {
    let listed = task.get("cmds").or_else(|| task.get("cmd"));
    let entries: Vec<TreeNode<'_>> = if task.text().is_some() || task.is_list() {
        vec![task]
    } else {
        listed.into_iter().collect()
    };
    let mut found = Vec::new();
    for entry in entries {
        let items: Vec<TreeNode<'_>> = if entry.is_list() {
            entry.items().collect()
        } else {
            vec![entry]
        };
        for item in items {
            let text = item
                .text()
                .or_else(|| item.get("cmd").and_then(TreeNode::text))
                .or_else(|| item.get("defer").and_then(TreeNode::text));
            let looped = item.get("for");
            let rounds = looped.and_then(|looped| rounds(looped, templates.variables));
            let items = match rounds {
                Some(rounds) => rounds.into_iter().map(Some).collect(),
                None => vec![None],
            };
            found.extend(text.map(|text| (text, items)));
        }
    }
    found
}

struct Templates<'a, 't> {
    session: &'a FindSession<'a>,
    variables: &'a Variables<'t>,
    task: &'a str,
    /// The conditional parts, as variables of the shell.
    branches: &'a RefCell<Environment>,
}

impl Templates<'_, '_> {
    /// Replaces the templates of a text without conditional parts.
    fn replaced(&self, text: &Located, depth: usize) -> Located {
        substitute(text, "{{", "}}", |inner, place| {
            self.expression(inner.trim_matches('-').trim(), place, depth)
        })
    }

    fn expression(&self, inner: &str, place: TextPlace, depth: usize) -> Located {
        let first = inner.split_whitespace().next().unwrap_or_default();
        if matches!(first, "if" | "else" | "end" | "range" | "with" | "/*") {
            return Located::new("", place);
        }
        let (subject, default) = match inner.split_once('|') {
            Some((subject, filter)) => (subject.trim(), filter.trim().strip_prefix("default")),
            None => match inner.strip_prefix("default ") {
                Some(rest) => {
                    let (default, subject) = rest.rsplit_once(' ').unwrap_or((rest, ""));
                    (subject.trim(), Some(default))
                }
                None => (inner, None),
            },
        };
        let default = default.map(|text| text.trim().trim_matches(['"', '`', '\'']));
        let Some(name) = subject.strip_prefix('.') else {
            return self.session.unknown(inner, place);
        };
        if name == "TASK" {
            return Located::new(self.task, place);
        }
        let plain = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        match self.variables.get(name) {
            Some(node) if depth < DEPTH && plain => {
                let own = node
                    .str()
                    .is_some_and(|text| text.contains(&format!(".{name}")));
                if own && let Some(text) = node.text() {
                    return self.default_of_itself(text, name, place);
                }
                self.variable(name, *node, place, depth)
            }
            _ => match default {
                Some(default) => Located::new(default, place),
                None => self.session.unknown(name, place),
            },
        }
    }

    /// `X: '{{.X | default "y"}}'`: the value comes from outside, or is the default.
    fn default_of_itself(&self, text: &Located, name: &str, place: TextPlace) -> Located {
        let empty = Variables::new();
        let outside = Templates {
            session: self.session,
            variables: &empty,
            task: self.task,
            branches: self.branches,
        };
        let value = outside.evaluate(text, DEPTH);
        if only_mark(value.as_str()).is_some() {
            self.session.unknown(name, place)
        } else {
            value
        }
    }

    fn variable(&self, name: &str, node: TreeNode<'_>, place: TextPlace, depth: usize) -> Located {
        if let Some(command) = node.get("sh").and_then(TreeNode::str) {
            let words: Vec<&str> = command.split_whitespace().take(2).collect();
            return self
                .session
                .unknown(&format!("{name} = $({} …)", words.join(" ")), place);
        }
        match node.text() {
            Some(text) => self.evaluate(text, depth + 1),
            None => self.session.unknown(name, place),
        }
    }
}
