//! Values that a job passes to a composite action or a reusable workflow of the repository.

use super::action::ActionInputs;
use super::expression::ExpressionContexts;
use super::steps::JobSteps;
use crate::find::command::inline_argument;
use crate::find::declaration::Direction;
use crate::find::script::ScriptOutput;
use crate::find::session::FindSession;
use crate::find::yaml_of;
use crate::format::located::Located;
use crate::format::tree::{Tree, TreeNode};

/// Names of inputs whose direction the name gives.
pub(super) const NAMED_INPUTS: [(&str, Direction); 6] = [
    ("cache-from", Direction::Import),
    ("cache_from", Direction::Import),
    ("cacheFrom", Direction::Import),
    ("cache-to", Direction::Export),
    ("cache_to", Direction::Export),
    ("cacheTo", Direction::Export),
];

/// Whether `uses` names an action or a workflow of the repository itself.
pub(super) fn is_local(uses: &str) -> bool {
    uses.starts_with("./")
}

/// Reads the file of a local action or workflow.
fn file_of(session: &FindSession<'_>, uses: &str) -> Option<Tree> {
    let path = uses.strip_prefix("./")?.trim_end_matches('/');
    let is_file = |path: &str| {
        let extension = path.rsplit_once('.').map(|(_, extension)| extension);
        matches!(extension, Some("yml" | "yaml"))
    };
    let files = if is_file(path) {
        vec![path.to_owned()]
    } else {
        vec![format!("{path}/action.yml"), format!("{path}/action.yaml")]
    };
    files.iter().find_map(|file| {
        let text = session.repository.read(file)?;
        yaml_of(session, file, &text)
    })
}

impl ActionInputs<'_> {
    /// Declares the caches in inputs whose names do not give a direction: the called file does,
    /// where it uses them.
    pub(super) fn passed_on(&self, uses: &str, tool: &str) {
        let is_named = |name: &str| NAMED_INPUTS.iter().any(|(known, _)| *known == name);
        let mut called = None;
        for (name, _) in self.with.entries() {
            let name = name.as_str();
            if is_named(name) || name == "set" {
                continue;
            }
            for (text, when) in self.entries(name) {
                if let Some(cache) = inline_argument(&text) {
                    self.declare(&cache, &when, Direction::Export, tool, self.target);
                } else if text.as_str().starts_with("type=") {
                    let called = called.get_or_insert_with(|| file_of(self.session, uses));
                    for direction in directions(called.as_ref(), name) {
                        self.declare(&text, &when, direction, tool, self.target);
                    }
                }
            }
        }
    }
}

/// Returns whether a file imports or exports the cache in an input.
fn directions(called: Option<&Tree>, input: &str) -> Vec<Direction> {
    let mut found = Vec::new();
    let mut add = |direction| {
        if !found.contains(&direction) {
            found.push(direction);
        }
    };
    let mut waiting: Vec<(String, TreeNode<'_>)> = called
        .and_then(Tree::root)
        .map(|root| (String::new(), root))
        .into_iter()
        .collect();
    while let Some((key, node)) = waiting.pop() {
        if let Some(text) = node.scalar() {
            for line in text.as_str().lines().filter(|line| uses(line, input)) {
                if key == "cache-from" || line.contains("cache-from") {
                    add(Direction::Import);
                }
                if key == "cache-to" || line.contains("cache-to") {
                    add(Direction::Export);
                }
            }
        }
        let entries = node.own_entries();
        waiting.extend(entries.filter_map(|(key, value)| Some((key.str()?.to_owned(), value))));
        waiting.extend(node.items().map(|item| (key.clone(), item)));
    }
    found
}

/// Whether a line uses an input.
fn uses(line: &str, input: &str) -> bool {
    let is_end =
        |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
    let mut uses = line.match_indices("inputs.");
    uses.any(|(at, prefix)| {
        let rest = line[at + prefix.len()..].strip_prefix(input);
        rest.is_some_and(is_end)
    })
}

impl JobSteps<'_> {
    /// Follows flags that a job passes to a local action or workflow, which adds them to its
    /// command.
    pub(super) fn passed_flags(
        &self,
        with: TreeNode<'_>,
        contexts: &ExpressionContexts<'_>,
        when: &[String],
    ) {
        for (_, value) in with.entries() {
            let Some(text) = value.text() else { continue };
            let has = |words: &[&str]| words.iter().any(|word| text.as_str().contains(word));
            let program = if has(&[".cache-from", ".cache-to"]) {
                "docker buildx bake "
            } else if has(&["--cache-from", "--cache-to"]) {
                "docker buildx build "
            } else {
                continue;
            };
            if text.as_str().trim_start().starts_with('-') {
                let command = with_program(program, text);
                self.run(&command, "", "", contexts, when);
            }
        }
    }

    /// Declares the caches in flags that a composite action gives to later steps in a variable of
    /// the environment, unless a job of the repository is followed that uses it.
    pub(super) fn exported_flags(&self, action: TreeNode<'_>, after: &ExpressionContexts<'_>) {
        let file = self.session.repository.name(action.place().file);
        if self.session.is_used(&file) {
            return;
        }
        let mut names: Vec<&String> = after.env.keys().collect();
        names.sort_unstable();
        for variant in names.iter().flat_map(|name| &after.env[*name]) {
            if variant.text.as_str().starts_with("--cache-") {
                let command = with_program("docker build ", &variant.text);
                self.run(&command, "", "", after, &variant.when);
            }
        }
    }

    /// Follows a composite action of the repository, for the variables that it sets in the
    /// environment of the job.
    pub(super) fn outputs_of_action(
        &self,
        uses: &str,
        with: Option<TreeNode<'_>>,
        contexts: &ExpressionContexts<'_>,
    ) -> Vec<ScriptOutput> {
        let Some(called) = file_of(self.session, uses) else {
            return Vec::new();
        };
        let Some(root) = called.root() else {
            return Vec::new();
        };
        let mut inside = ExpressionContexts::new(self.session);
        if let Some(inputs) = root.get("inputs") {
            inside.inputs(inputs);
        }
        inside.given(with, contexts);
        let mut outputs = Vec::new();
        for step in root
            .path(&["runs", "steps"])
            .into_iter()
            .flat_map(TreeNode::items)
        {
            let Some(run) = step.get("run").and_then(TreeNode::text) else {
                continue;
            };
            if !run.as_str().contains("GITHUB_ENV") {
                continue;
            }
            let shell = step.str_at(&["shell"]).unwrap_or_default();
            let script = self.script(run, shell, "", &inside);
            let written = script.map(|script| script.outputs).unwrap_or_default();
            outputs.extend(
                written
                    .into_iter()
                    .filter(|output| output.file == "GITHUB_ENV"),
            );
        }
        if !outputs.is_empty() {
            let file = self.session.repository.name(root.place().file);
            self.session.mark_used(&file);
        }
        outputs
    }
}

/// Returns a command with flags, whose lines are joined.
fn with_program(program: &str, flags: &Located) -> Located {
    let mut command = Located::new(program, flags.place());
    for (index, line) in flags.split_lines().iter().enumerate() {
        let line = line.trimmed();
        if index > 0 {
            command.push_str(" ", line.place());
        }
        command.push(&line);
    }
    command
}
