//! `GitLab` CI.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::command::CommandContext;
use super::embedded::{self, Environment};
use super::repository::join;
use super::script::Variant;
use super::session::FindSession;
use crate::format::located::Located;
use crate::format::tree::{Tree, TreeNode, yaml};

/// The deepest nesting of `extends`, `!reference` and `include`.
const DEPTH: usize = 12;

/// Top-level keys that are no jobs.
const RESERVED: [&str; 12] = [
    "stages",
    "variables",
    "include",
    "default",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "types",
];

/// A configuration with its included files. Later files win.
struct Pipeline<'s, 'r> {
    session: &'s FindSession<'r>,
    /// The definitions of each top-level key; the effective one is first.
    keys: HashMap<&'s str, Vec<TreeNode<'s>>>,
    /// The names of the jobs, in the order of the files.
    jobs: Vec<&'s str>,
    /// The variables that the pipeline which triggers this one passes on.
    upstream: &'s Environment,
}

/// Parses a configuration.
pub(super) fn read(session: &FindSession<'_>, path: &str) {
    read_with(session, path, &Environment::new(), 0);
}

fn read_with(session: &FindSession<'_>, path: &str, upstream: &Environment, depth: usize) {
    let mut trees = Vec::new();
    let mut seen = HashSet::new();
    collect(session, path, &mut trees, &mut seen, 0);
    let pipeline = Pipeline::new(session, &trees, upstream);
    for name in &pipeline.jobs {
        pipeline.job(name);
        for child in pipeline.children(name) {
            if depth < 2 {
                let passed = pipeline.variables_of(name);
                read_with(session, &child, &passed, depth + 1);
            }
        }
    }
}

/// Returns the files that a configuration includes or triggers; they are read as parts of it.
pub(super) fn included(session: &FindSession<'_>, path: &str) -> HashSet<String> {
    let mut seen = HashSet::new();
    let mut trees = Vec::new();
    collect(session, path, &mut trees, &mut seen, 0);
    let upstream = Environment::new();
    let pipeline = Pipeline::new(session, &trees, &upstream);
    for name in &pipeline.jobs {
        for child in pipeline.children(name) {
            collect(session, &child, &mut Vec::new(), &mut seen, 0);
        }
    }
    seen.remove(path);
    seen
}

fn collect(
    session: &FindSession<'_>,
    path: &str,
    trees: &mut Vec<Rc<Tree>>,
    seen: &mut HashSet<String>,
    depth: usize,
) {
    if depth > DEPTH || !seen.insert(path.to_owned()) {
        return;
    }
    let Some(text) = session.repository.read(path) else {
        return;
    };
    let tree = match yaml::parse(&text, session.repository.number(path)) {
        Ok(tree) => Rc::new(tree),
        Err(error) => {
            session.skipped(path, error.line, &error.reason);
            return;
        }
    };
    for document in tree.documents() {
        for file in local_files(session, document.get("include")) {
            collect(session, &file, trees, seen, depth + 1);
        }
    }
    trees.push(tree);
}

/// Returns the files of this repository that an `include` lists.
fn local_files(session: &FindSession<'_>, include: Option<TreeNode<'_>>) -> Vec<String> {
    let entries = include.map(|include| {
        if include.is_list() {
            include.items().collect()
        } else {
            vec![include]
        }
    });
    let mut files = Vec::new();
    for entry in entries.unwrap_or_default() {
        let local = entry.str().or_else(|| entry.str_at(&["local"]));
        if let Some(local) = local.filter(|local| !local.contains("://")) {
            files.extend(matching(session, local));
        }
    }
    files
}

/// Returns the files of a local include, which may be a pattern.
fn matching(session: &FindSession<'_>, local: &str) -> Vec<String> {
    let path = local.trim_start_matches('/');
    if !path.contains('*') {
        return join("", path).into_iter().collect();
    }
    let pattern = path.replace("**", "*");
    let files = session.repository.files().filter(|file| {
        crate::format::go_path::matches(pattern.as_bytes(), file.as_bytes()) == Ok(true)
            || (path.contains("**")
                && path.split_once("**").is_some_and(|(head, tail)| {
                    file.starts_with(head) && file.ends_with(tail.trim_start_matches("/*"))
                }))
    });
    files.map(str::to_owned).collect()
}

impl<'s, 'r> Pipeline<'s, 'r> {
    /// Makes a pipeline of files. Their keys are indexed: a pipeline may have thousands of jobs.
    fn new(session: &'s FindSession<'r>, trees: &'s [Rc<Tree>], upstream: &'s Environment) -> Self {
        let mut keys: HashMap<&'s str, Vec<TreeNode<'s>>> = HashMap::new();
        let mut jobs = Vec::new();
        let mut seen = HashSet::new();
        for document in trees.iter().flat_map(|tree| tree.documents()) {
            for (name, node) in document.entries() {
                let name = name.as_str();
                let is_job = node.is_map() && !name.starts_with('.') && !RESERVED.contains(&name);
                if is_job && seen.insert(name) {
                    jobs.push(name);
                }
            }
        }
        for document in trees.iter().rev().flat_map(|tree| tree.documents()) {
            let mut in_document = HashSet::new();
            for (name, node) in document.entries() {
                if in_document.insert(name.as_str()) {
                    keys.entry(name.as_str()).or_default().push(node);
                }
            }
        }
        Self {
            session,
            keys,
            jobs,
            upstream,
        }
    }

    /// Returns the definitions of a key; the effective one is first.
    fn definitions(&self, name: &str) -> &[TreeNode<'s>] {
        self.keys.get(name).map_or(&[], Vec::as_slice)
    }

    /// Collects the maps of a job: its own, then those that it extends, nearest first.
    fn chain(&self, name: &str, depth: usize, found: &mut Vec<TreeNode<'s>>) {
        if depth > DEPTH || found.len() > 64 {
            return;
        }
        for definition in self.definitions(name) {
            found.push(*definition);
            let parents = definition
                .get("extends")
                .map(TreeNode::one_or_many)
                .unwrap_or_default();
            for parent in parents.iter().rev().filter_map(|parent| parent.str()) {
                self.chain(parent, depth + 1, found);
            }
        }
    }

    fn job(&self, name: &str) {
        let mut chain = Vec::new();
        self.chain(name, 0, &mut chain);
        let mut environment = self.variables_of(name);
        self.rules(&chain, &mut environment);
        for (key, variants) in self.upstream {
            environment.retain(|(known, _)| known != key);
            environment.push((key.clone(), variants.clone()));
        }
        self.matrix(&chain, &mut environment);
        let raw = environment.clone();
        for (_, variants) in &mut environment {
            for variant in variants {
                let text = self.with_inputs(&variant.text);
                variant.text = embedded::expanded(self.session, &text, &raw);
            }
        }
        let mut lines = Vec::new();
        for key in ["before_script", "script", "after_script"] {
            let own = chain.iter().find_map(|node| node.get(key));
            let default = || {
                let inherited = self
                    .definitions("default")
                    .iter()
                    .find_map(|node| node.get(key));
                inherited.or_else(|| self.definitions(key).first().copied())
            };
            if let Some(node) = own.or_else(default) {
                self.lines(node, 0, &mut lines);
            }
        }
        let around = CommandContext {
            target: Some(name.to_owned()),
            classic: embedded::get(&environment, "DOCKER_BUILDKIT")
                .is_some_and(|text| text.as_str() == "0"),
            ..CommandContext::default()
        };
        let script = self.with_inputs(&embedded::joined(lines));
        embedded::run(self.session, &script, &environment, &around);
    }

    /// Replaces `$[[ inputs.NAME ]]` by the default of the input.
    fn with_inputs(&self, text: &Located) -> Located {
        embedded::substitute(text, "$[[", "]]", |inner, place| {
            let path = inner.split('|').next().unwrap_or(inner).trim();
            let name = path.strip_prefix("inputs.").unwrap_or(path);
            let specs = self.definitions("spec").iter();
            let default = specs
                .filter_map(|spec| spec.path(&["inputs", name, "default"]))
                .find_map(TreeNode::text);
            default
                .cloned()
                .unwrap_or_else(|| self.session.unknown(path, place))
        })
    }

    fn variables(&self, node: TreeNode<'s>) -> Vec<(String, Located)> {
        if node.tag() == Some("reference") {
            return self
                .referenced(node)
                .map(|node| self.variables(node))
                .unwrap_or_default();
        }
        let mut found = Vec::new();
        for (key, value) in node.entries() {
            let value = if value.tag() == Some("reference") {
                self.referenced(value)
            } else {
                Some(value)
            };
            let text = value.and_then(|value| {
                value
                    .text()
                    .or_else(|| value.get("value").and_then(TreeNode::text))
            });
            if let Some(text) = text {
                found.push((key.as_str().to_owned(), text.clone()));
            }
        }
        found
    }

    /// Returns the variables that a job inherits and defines.
    fn variables_of(&self, name: &str) -> Environment {
        let mut chain = Vec::new();
        self.chain(name, 0, &mut chain);
        let mut environment = Environment::new();
        for variables in self.definitions("variables").iter().rev() {
            embedded::extend(&mut environment, Some(*variables), Located::clone);
        }
        self.rules(self.definitions("workflow"), &mut environment);
        for node in chain.iter().rev() {
            if let Some(variables) = node.get("variables") {
                for (key, text) in self.variables(variables) {
                    embedded::put(&mut environment, &key, text);
                }
            }
        }
        environment
    }

    /// Returns the files of the pipelines that a job triggers.
    fn children(&self, name: &str) -> Vec<String> {
        let mut chain = Vec::new();
        self.chain(name, 0, &mut chain);
        let include = chain
            .iter()
            .find_map(|node| node.path(&["trigger", "include"]));
        local_files(self.session, include)
    }

    /// Adds the values that variables have under the rules of a job.
    fn rules(&self, chain: &[TreeNode<'s>], environment: &mut Environment) {
        let rules = chain.iter().find_map(|node| node.get("rules"));
        for rule in rules.into_iter().flat_map(TreeNode::items) {
            let Some(variables) = rule.get("variables") else {
                continue;
            };
            let when: Vec<String> = rule
                .str_at(&["if"])
                .map(str::to_owned)
                .into_iter()
                .collect();
            for (key, text) in self.variables(variables) {
                let variant = Variant {
                    when: when.clone(),
                    ..Variant::of(text)
                };
                match environment.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, variants)) => variants.push(variant),
                    None => environment.push((key, vec![variant])),
                }
            }
        }
    }

    /// Variables of `parallel: matrix` differ between jobs, so they are unknown.
    fn matrix(&self, chain: &[TreeNode<'s>], environment: &mut Environment) {
        let matrix = chain
            .iter()
            .find_map(|node| node.path(&["parallel", "matrix"]));
        for (key, value) in matrix
            .into_iter()
            .flat_map(TreeNode::items)
            .flat_map(TreeNode::entries)
        {
            let unknown = self.session.unknown(key.as_str(), value.place());
            embedded::put(environment, key.as_str(), unknown);
        }
    }

    /// Resolves `!reference [job, key]`.
    fn referenced(&self, node: TreeNode<'s>) -> Option<TreeNode<'s>> {
        let path: Vec<&str> = node.items().filter_map(TreeNode::str).collect();
        let (first, rest) = path.split_first()?;
        let mut chain = Vec::new();
        self.chain(first, 0, &mut chain);
        chain
            .into_iter()
            .find_map(|definition| definition.path(rest))
    }

    fn lines(&self, node: TreeNode<'s>, depth: usize, lines: &mut Vec<&'s Located>) {
        if depth > DEPTH || lines.len() > 5_000 {
            return;
        }
        if node.tag() == Some("reference") {
            if let Some(target) = self.referenced(node) {
                self.lines(target, depth + 1, lines);
            }
        } else if let Some(text) = node.text() {
            lines.push(text);
        } else {
            for item in node.items() {
                self.lines(item, depth + 1, lines);
            }
        }
    }
}

/// Returns the files that any file of the repository includes, to read each file once.
pub(super) fn all_included(session: &FindSession<'_>, paths: &[String]) -> HashSet<String> {
    let mut map: HashMap<&str, HashSet<String>> = HashMap::new();
    for path in paths {
        map.insert(path, included(session, path));
    }
    map.into_values().flatten().collect()
}
