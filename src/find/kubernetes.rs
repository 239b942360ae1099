//! Jobs of Kubernetes, tasks of Tekton and workflows of Argo that run `buildctl`.

use std::collections::HashMap;

use super::command::{self, CommandContext};
use super::embedded::{self, Environment, substitute};
use super::script::Invocation;
use super::session::FindSession;
use crate::format::located::Located;
use crate::format::tree::TreeNode;
use crate::format::unknown::only_mark;

/// The deepest nesting that is searched for containers.
const DEPTH: usize = 24;
/// The most nodes of a document that are visited.
const STEPS: usize = 200_000;

/// Whether a document looks like a resource.
pub(super) fn is_resource(root: TreeNode<'_>) -> bool {
    root.get("kind").is_some() && root.get("apiVersion").is_some()
}

/// Reads a document.
pub(super) fn read(session: &FindSession<'_>, document: TreeNode<'_>) {
    let mut steps = STEPS;
    if document.str_at(&["kind"]) == Some("List") {
        for item in document.get("items").into_iter().flat_map(TreeNode::items) {
            read(session, item);
        }
        return;
    }
    let name = document
        .str_at(&["metadata", "name"])
        .or_else(|| document.str_at(&["metadata", "generateName"]));
    let reader = KubernetesReader {
        session,
        target: name.map(|name| name.trim_end_matches('-').to_owned()),
        parameters: parameters(document),
        template: template(document),
    };
    reader.walk(document, 0, &mut steps);
}

/// Returns the defaults of all parameters in a document.
fn parameters(document: TreeNode<'_>) -> HashMap<String, Located> {
    let mut found = HashMap::new();
    let paths: [&[&str]; 5] = [
        &["spec", "params"],
        &["spec", "taskSpec", "params"],
        &["spec", "pipelineSpec", "params"],
        &["spec", "arguments", "parameters"],
        &["spec", "inputs", "params"],
    ];
    add_parameters(document, &paths, &mut found);
    found
}

/// Adds the defaults of the parameters at paths; a value of the same name wins.
fn add_parameters(node: TreeNode<'_>, paths: &[&[&str]], found: &mut HashMap<String, Located>) {
    for path in paths {
        for parameter in node.path(path).into_iter().flat_map(TreeNode::items) {
            let value = parameter
                .get("default")
                .or_else(|| parameter.get("value"))
                .and_then(TreeNode::text);
            if let (Some(name), Some(value)) = (parameter.str_at(&["name"]), value) {
                found.insert(name.to_owned(), value.clone());
            }
        }
    }
}

/// Returns the variables that all steps of a Tekton task get.
fn template(node: TreeNode<'_>) -> Vec<(String, Located)> {
    let paths: [&[&str]; 3] = [
        &["spec", "stepTemplate", "env"],
        &["spec", "taskSpec", "stepTemplate", "env"],
        &["taskSpec", "stepTemplate", "env"],
    ];
    let lists = paths.iter().filter_map(|path| node.path(path));
    lists.flat_map(variables).collect()
}

/// Returns the variables of a list `env` that have a value.
fn variables(list: TreeNode<'_>) -> Vec<(String, Located)> {
    let variable = |entry: TreeNode<'_>| {
        let name = entry.str_at(&["name"])?;
        let value = entry.get("value").and_then(TreeNode::text)?;
        Some((name.to_owned(), value.clone()))
    };
    list.items().filter_map(variable).collect()
}

struct KubernetesReader<'a> {
    session: &'a FindSession<'a>,
    target: Option<String>,
    parameters: HashMap<String, Located>,
    /// The variables of all containers.
    template: Vec<(String, Located)>,
}

impl KubernetesReader<'_> {
    fn walk(&self, node: TreeNode<'_>, depth: usize, steps: &mut usize) {
        if depth > DEPTH || *steps == 0 {
            return;
        }
        *steps -= 1;
        if let Some(inner) = self.within(node) {
            inner.walk_in(node, depth, steps);
        } else {
            self.walk_in(node, depth, steps);
        }
    }

    /// Returns the reader of a task in a pipeline, or of a template of Argo: it has parameters of
    /// its own.
    fn within(&self, node: TreeNode<'_>) -> Option<Self> {
        let is_task = node.get("taskSpec").is_some() && node.get("name").is_some();
        let is_template = node.path(&["inputs", "parameters"]).is_some();
        if !is_task && !is_template {
            return None;
        }
        let mut parameters = self.parameters.clone();
        let paths: [&[&str]; 3] = [
            &["taskSpec", "params"],
            &["params"],
            &["inputs", "parameters"],
        ];
        add_parameters(node, &paths, &mut parameters);
        // A value may name a parameter around it.
        let values = parameters.into_iter();
        let parameters =
            values.map(|(name, value)| (name, self.resolved(&value, &Environment::new())));
        let name = node.str_at(&["name"]).filter(|_| is_task);
        let mut shared = self.template.clone();
        shared.extend(template(node));
        Some(Self {
            session: self.session,
            target: name.map(str::to_owned).or_else(|| self.target.clone()),
            parameters: parameters.collect(),
            template: shared,
        })
    }

    fn walk_in(&self, node: TreeNode<'_>, depth: usize, steps: &mut usize) {
        if node.is_map() {
            let runs = ["command", "args", "script", "source"]
                .iter()
                .any(|key| node.get(key).is_some());
            if runs {
                self.container(node);
            }
        }
        for item in node.items() {
            self.walk(item, depth + 1, steps);
        }
        for (_, value) in node.own_entries() {
            if value.is_map() || value.is_list() {
                self.walk(value, depth + 1, steps);
            }
        }
    }

    fn container(&self, node: TreeNode<'_>) {
        let mut environment = Environment::new();
        let own = node.get("env").map(variables).unwrap_or_default();
        for (name, value) in self.template.iter().chain(&own) {
            let value = self.resolved(value, &Environment::new());
            embedded::put(&mut environment, name, value);
        }
        let around = CommandContext {
            target: self.target.clone(),
            ..CommandContext::default()
        };
        for key in ["script", "source"] {
            if let Some(script) = node.get(key).and_then(TreeNode::text) {
                let text = self.resolved(script, &environment);
                embedded::run(self.session, &text, &environment, &around);
            }
        }
        let words: Vec<Located> = ["command", "args"]
            .iter()
            .filter_map(|key| node.get(key))
            .flat_map(TreeNode::one_or_many)
            .filter_map(TreeNode::text)
            .map(|text| self.resolved(text, &environment))
            .collect();
        words_of_container(self.session, words, &environment, &around);
    }

    /// Replaces `$(params.x)`, `$(VARIABLE)` and `{{inputs.parameters.x}}`.
    fn resolved(&self, text: &Located, environment: &Environment) -> Located {
        let session = self.session;
        let parameter = |path: &str| {
            let name = path
                .rsplit('.')
                .next()
                .unwrap_or(path)
                .trim_matches(['"', '\'', ']']);
            self.parameters.get(name).cloned()
        };
        let text = substitute(text, "{{", "}}", |inner, place| {
            let known = if inner.contains("parameters.") {
                parameter(inner)
            } else {
                None
            };
            known.unwrap_or_else(|| session.unknown(inner, place))
        });
        let source = text.as_str();
        if !source.contains("$(") {
            return text;
        }
        substitute(&text, "$(", ")", |inner, place| {
            if inner.contains(char::is_whitespace) {
                return Located::new(format!("$({inner})"), place);
            }
            let known = if inner.contains("params.") || inner.contains("params[") {
                parameter(inner)
            } else {
                None
            };
            let known = known.or_else(|| embedded::get(environment, inner));
            match known {
                Some(value) if only_mark(value.as_str()).is_none() => value,
                _ => session.unknown(inner, place),
            }
        })
    }
}

/// Declares the caches of a container's command and arguments.
pub(super) fn words_of_container(
    session: &FindSession<'_>,
    mut words: Vec<Located>,
    environment: &Environment,
    around: &CommandContext,
) {
    let shell = words.iter().position(|word| {
        word.as_str().starts_with('-') && word.as_str().ends_with('c') && word.len() <= 4
    });
    let runs_shell = words.first().is_some_and(|word| {
        matches!(
            word.as_str().rsplit('/').next(),
            Some("sh" | "bash" | "ash" | "dash" | "zsh")
        )
    });
    if let Some(at) = shell
        && runs_shell
    {
        if let Some(script) = words.get(at + 1) {
            embedded::run(session, script, environment, around);
        }
        return;
    }
    let flagged = words.iter().any(|word| {
        let word = word.as_str();
        word.starts_with("--export-cache") || word.starts_with("--import-cache")
    });
    // With arguments only, the image's entrypoint is buildctl.
    if flagged && words.first().is_some_and(|word| word.as_str() == "build") {
        let place = words[0].place();
        words.insert(0, Located::new("buildctl", place));
    }
    let invocation = Invocation::of_words(words);
    command::declare(session, &invocation, around);
}
