//! Azure Pipelines.

use std::collections::HashMap;

use super::command::CommandContext;
use super::embedded::{self, Environment, substitute};
use super::repository::{directory, join};
use super::session::FindSession;
use crate::format::located::Located;
use crate::format::tree::{Tree, TreeNode, yaml};
use crate::format::unknown::to_pattern;

/// The deepest nesting of stages, jobs and steps.
const DEPTH: usize = 16;

/// Parses a pipeline, or a template that no pipeline before it uses.
pub(super) fn read(session: &FindSession<'_>, path: &str, root: TreeNode<'_>) {
    if session.is_used(path) {
        return;
    }
    let reader = AzureReader {
        session,
        path,
        parameters: defaults(root),
        templates: 0,
    };
    let mut variables = Environment::new();
    reader.variables(root.get("variables"), &mut variables);
    reader.walk(root, None, &variables, 0);
}

/// Returns the defaults of the parameters of a pipeline or template.
fn defaults(root: TreeNode<'_>) -> HashMap<String, Located> {
    let mut parameters = HashMap::new();
    if let Some(list) = root.get("parameters") {
        for parameter in list.items() {
            let default = parameter.get("default").and_then(TreeNode::text);
            if let (Some(name), Some(default)) = (parameter.str_at(&["name"]), default) {
                parameters.insert(name.to_owned(), default.clone());
            }
        }
        for (name, value) in list.entries() {
            if let Some(text) = value.text() {
                parameters.insert(name.as_str().to_owned(), text.clone());
            }
        }
    }
    parameters
}

/// Whether a document with another name is a template of pipelines.
pub(super) fn is_like(root: TreeNode<'_>) -> bool {
    let any = |list: &str, keys: &[&str]| {
        let items = root.get(list).into_iter().flat_map(TreeNode::items);
        // Below a condition stands another list of them.
        let conditional = |item: TreeNode<'_>| {
            let entries = item.entries().into_iter();
            let mut lists = entries.filter(|(key, _)| key.as_str().starts_with("${{"));
            lists.any(|(_, list)| list.is_list())
        };
        let mut items = items.filter(|item| item.is_map());
        items.any(|item| keys.iter().any(|key| item.get(key).is_some()) || conditional(item))
    };
    any("stages", &["stage"])
        || any("jobs", &["job", "deployment"])
        || any("steps", &["task", "script", "bash", "pwsh", "powershell"])
}

struct AzureReader<'a> {
    session: &'a FindSession<'a>,
    /// The file that is read.
    path: &'a str,
    parameters: HashMap<String, Located>,
    /// How many templates around the file use it.
    templates: usize,
}

impl AzureReader<'_> {
    fn variables(&self, node: Option<TreeNode<'_>>, variables: &mut Environment) {
        let Some(node) = node else { return };
        if node.is_list() {
            for item in node.items() {
                if let Some((path, tree)) = self.template(item)
                    && let Some(root) = tree.root()
                {
                    let reader = self.reader_of(&path, root, item, variables);
                    reader.variables(root.get("variables"), variables);
                }
                if let (Some(name), Some(value)) = (
                    item.str_at(&["name"]),
                    item.get("value").and_then(TreeNode::text),
                ) {
                    let value = self.resolved(value, variables);
                    embedded::put(variables, name, value);
                }
            }
            return;
        }
        for (name, value) in node.entries() {
            if let Some(text) = value.text() {
                let value = self.resolved(text, variables);
                embedded::put(variables, name.as_str(), value);
            }
        }
    }

    /// Walks stages, jobs and steps. Conditional insertions (`${{ if … }}:`) are keys in between.
    fn walk(&self, node: TreeNode<'_>, job: Option<&str>, variables: &Environment, depth: usize) {
        if depth > DEPTH {
            return;
        }
        for item in node.items() {
            self.walk(item, job, variables, depth + 1);
        }
        if !node.is_map() {
            return;
        }
        let named = node.get("job").or_else(|| node.get("deployment"));
        let named = named
            .and_then(TreeNode::text)
            .map(|name| to_pattern(self.resolved(name, variables).as_str()));
        let job = named.as_deref().or(job);
        let mut local = variables.clone();
        if depth > 0 {
            self.variables(node.get("variables"), &mut local);
        }
        if let Some(matrix) = node.path(&["strategy", "matrix"]) {
            for (_, row) in matrix.entries() {
                for (name, _) in row.entries() {
                    let unknown = self.session.unknown(name.as_str(), name.place());
                    embedded::put(&mut local, name.as_str(), unknown);
                }
            }
        }
        for used in [Some(node), node.get("extends")].into_iter().flatten() {
            self.use_template(used, job, &local, depth);
        }
        self.step(node, job, &local);
        for (key, value) in node.entries() {
            let key = key.as_str();
            let holds = matches!(
                key,
                "stages"
                    | "jobs"
                    | "steps"
                    | "strategy"
                    | "runOnce"
                    | "rolling"
                    | "canary"
                    | "deploy"
                    | "preDeploy"
                    | "routeTraffic"
                    | "postRouteTraffic"
            );
            if holds || key.starts_with("${{") {
                self.walk(value, job, &local, depth + 1);
            }
        }
    }

    /// Reads the file of `template: PATH`, unless it is in another repository.
    fn template(&self, node: TreeNode<'_>) -> Option<(String, Tree)> {
        if self.templates >= DEPTH {
            return None;
        }
        let written = node.str_at(&["template"])?;
        let written = written.strip_suffix("@self").unwrap_or(written);
        let path = match written.strip_prefix('/') {
            Some(from_root) => join("", from_root)?,
            None => join(directory(self.path), written)?,
        };
        let repository = self.session.repository;
        let text = repository.read(&path)?;
        if !self.session.mark_used(&path) {
            return None;
        }
        let tree = yaml::parse(&text, repository.number(&path)).ok()?;
        Some((path, tree))
    }

    /// Returns the reader of a template with the parameters that it gets.
    fn reader_of<'t>(
        &'t self,
        path: &'t str,
        root: TreeNode<'_>,
        used: TreeNode<'_>,
        variables: &Environment,
    ) -> AzureReader<'t> {
        let mut parameters = defaults(root);
        let given = used.get("parameters").map(TreeNode::entries);
        for (name, value) in given.unwrap_or_default() {
            if let Some(text) = value.text() {
                parameters.insert(name.as_str().to_owned(), self.resolved(text, variables));
            }
        }
        AzureReader {
            session: self.session,
            path,
            parameters,
            templates: self.templates + 1,
        }
    }

    /// Follows a template of stages, jobs or steps.
    fn use_template(
        &self,
        node: TreeNode<'_>,
        job: Option<&str>,
        variables: &Environment,
        depth: usize,
    ) {
        let Some((path, tree)) = self.template(node) else {
            return;
        };
        let Some(root) = tree.root() else { return };
        let reader = self.reader_of(&path, root, node, variables);
        let mut variables = variables.clone();
        reader.variables(root.get("variables"), &mut variables);
        reader.walk(root, job, &variables, depth + 1);
    }

    fn step(&self, step: TreeNode<'_>, job: Option<&str>, variables: &Environment) {
        let around = CommandContext {
            target: job.map(str::to_owned),
            ..CommandContext::default()
        };
        let mut environment: Environment = variables
            .iter()
            .map(|(name, value)| (name.to_uppercase().replace('.', "_"), value.clone()))
            .collect();
        embedded::extend(&mut environment, step.get("env"), |text| {
            self.resolved(text, variables)
        });
        for key in ["script", "bash", "pwsh", "powershell"] {
            if let Some(text) = step.get(key).and_then(TreeNode::text) {
                let mut text = self.resolved(text, variables);
                if key.ends_with("sh") && key.starts_with("pw") || key == "powershell" {
                    text = super::other_shells::from_powershell(&text);
                }
                embedded::run(self.session, &text, &environment, &around);
            }
        }
        let Some(task) = step.str_at(&["task"]) else {
            return;
        };
        let Some(inputs) = step.get("inputs") else {
            return;
        };
        for key in ["script", "inlineScript"] {
            if let Some(text) = inputs.get(key).and_then(TreeNode::text) {
                let text = self.resolved(text, variables);
                embedded::run(self.session, &text, &environment, &around);
            }
        }
        let builds = inputs
            .str_at(&["command"])
            .is_none_or(|command| command.to_lowercase().contains("build"));
        if task.starts_with("Docker@")
            && builds
            && let Some(flags) = inputs.get("arguments").and_then(TreeNode::text)
        {
            let flags = self.resolved(flags, variables);
            let mut script = Located::new("docker build ", flags.place());
            for line in flags.split_lines() {
                script.push(&line.trimmed());
                script.push_str(" ", line.place());
            }
            embedded::run(self.session, &script, &environment, &around);
        }
    }

    /// Replaces `${{ … }}` and `$(NAME)`.
    fn resolved(&self, text: &Located, variables: &Environment) -> Located {
        let session = self.session;
        let text = substitute(text, "${{", "}}", |inner, place| {
            let known = if let Some(name) = inner.strip_prefix("parameters.") {
                self.parameters.get(name).cloned()
            } else if let Some(name) = inner.strip_prefix("variables.") {
                embedded::get(variables, name)
            } else {
                None
            };
            known.unwrap_or_else(|| session.unknown(inner, place))
        });
        substitute(&text, "$(", ")", |inner, place| {
            let plain = inner
                .chars()
                .all(|c| c == '_' || c == '.' || c == '-' || c.is_ascii_alphanumeric());
            if !plain {
                return Located::new(format!("$({inner})"), place);
            }
            embedded::get(variables, inner).unwrap_or_else(|| session.unknown(inner, place))
        })
    }
}
