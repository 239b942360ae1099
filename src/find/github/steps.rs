//! The steps of a job or a composite action.

use std::sync::Arc;

use super::action::ActionInputs;
use super::expression::{ExpressionContexts, closing};
use super::{condition, is_classic, passed};
use crate::find::command::{self, CommandContext};
use crate::find::declaration::{CiJob, Direction};
use crate::find::script::{Script, ScriptOutput, ScriptWord, Variant};
use crate::find::session::FindSession;
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// Inputs of actions with a shell script.
const SCRIPT_INPUTS: [&str; 5] = ["command", "run", "script", "inlineScript", "cmd"];

/// The data that all steps of a job share.
pub(super) struct JobSteps<'s> {
    pub(super) session: &'s FindSession<'s>,
    pub(super) job: Option<Arc<CiJob>>,
    pub(super) target: Option<String>,
    pub(super) when: Vec<String>,
    /// The `defaults: run:` of the job, or else of the workflow.
    pub(super) defaults: RunDefaults,
}

/// The settings that `run` steps have without their own.
#[derive(Debug, Clone, Default)]
pub(super) struct RunDefaults {
    shell: String,
    directory: String,
}

impl RunDefaults {
    /// Reads the settings of a workflow or a job. `self` has those of the workflow.
    pub(super) fn with(mut self, node: TreeNode<'_>) -> Self {
        let setting = |name: &str| node.path(&["defaults", "run"])?.str_at(&[name]);
        if let Some(shell) = setting("shell") {
            shell.clone_into(&mut self.shell);
        }
        if let Some(directory) = setting("working-directory") {
            directory.clone_into(&mut self.directory);
        }
        self
    }
}

impl JobSteps<'_> {
    /// Follows all steps. Returns the contexts after the last one.
    pub(super) fn follow<'c>(
        &self,
        list: TreeNode<'_>,
        mut contexts: ExpressionContexts<'c>,
    ) -> ExpressionContexts<'c> {
        for step in list.items() {
            let Some(condition) = condition(step) else {
                continue;
            };
            let mut when = self.when.clone();
            when.extend(condition);
            let mut local = contexts.clone();
            local.env(step.get("env"));
            if let Some(uses) = step.str_at(&["uses"]) {
                let with = step.get("with");
                if let Some(with) = with {
                    self.action(uses, with, &local, &when);
                }
                if passed::is_local(uses) {
                    for output in self.outputs_of_action(uses, with, &local) {
                        let variant = variant_of(output.value);
                        contexts.env.entry(output.name).or_default().push(variant);
                    }
                }
            } else if let Some(run) = step.get("run").and_then(TreeNode::text) {
                let id = step.str_at(&["id"]).unwrap_or_default().to_lowercase();
                let shell = step.str_at(&["shell"]).unwrap_or(&self.defaults.shell);
                let directory = step.str_at(&["working-directory"]);
                let directory = directory.unwrap_or(&self.defaults.directory);
                let outputs = self.run(run, shell, directory, &local, &when);
                for output in outputs {
                    let variant = variant_of(output.value);
                    if output.file == "GITHUB_ENV" {
                        contexts.env.entry(output.name).or_default().push(variant);
                    } else if !id.is_empty() {
                        let key = format!("steps.{id}.{}", output.name.to_lowercase());
                        contexts.outputs.entry(key).or_default().push(variant);
                    }
                }
            }
        }
        contexts
    }

    /// Follows a script, declares the caches of its commands, and returns what it writes to the
    /// files of GitHub Actions.
    pub(super) fn run(
        &self,
        run: &Located,
        shell: &str,
        directory: &str,
        contexts: &ExpressionContexts<'_>,
        when: &[String],
    ) -> Vec<ScriptOutput> {
        let Some(script) = self.script(run, shell, directory, contexts) else {
            return Vec::new();
        };
        let around = CommandContext {
            target: self.target.clone(),
            job: self.job.clone(),
            directory: directory.trim_start_matches("./").to_owned(),
            when: when.to_vec(),
            classic: is_classic(&contexts.env),
        };
        for invocation in &script.invocations {
            command::declare(self.session, invocation, &around);
        }
        script.outputs
    }

    /// Follows a script. Returns `None` for one that no shell runs.
    pub(super) fn script(
        &self,
        run: &Located,
        shell: &str,
        directory: &str,
        contexts: &ExpressionContexts<'_>,
    ) -> Option<Script<'_, '_>> {
        if shell.starts_with("python") || shell.starts_with("node") {
            return None;
        }
        let mut environment: Vec<(String, Vec<Variant>)> = contexts
            .env
            .iter()
            .map(|(name, variants)| (name.clone(), variants.clone()))
            .collect();
        let text = inserted(self.session, run, contexts, &mut environment);
        let text = if shell.starts_with("pwsh") || shell.starts_with("powershell") {
            crate::find::other_shells::from_powershell(&text)
        } else if shell.starts_with("cmd") {
            crate::find::other_shells::from_batch(&text)
        } else {
            text
        };
        let mut script = Script::new(self.session, &environment, directory);
        script.follows_calls = true;
        script.follow(&text);
        Some(script)
    }

    fn action(
        &self,
        uses: &str,
        with: TreeNode<'_>,
        contexts: &ExpressionContexts<'_>,
        when: &[String],
    ) {
        let (name, version) = uses.split_once('@').unwrap_or((uses, ""));
        let is_old = ["v1", "v2"].contains(&version.split('.').next().unwrap_or_default());
        let inputs = ActionInputs {
            session: self.session,
            with,
            contexts,
            target: self.target.as_deref(),
            when,
            job: self.job.as_ref(),
            unquotes: is_old,
            command: None,
        };
        let lower = name.to_lowercase();
        if lower.ends_with("/build-push-action") {
            inputs.build_push(&lower);
        } else if lower.ends_with("/bake-action") {
            inputs.bake(&lower);
        } else if lower == "devcontainers/ci" {
            inputs.lines("cacheFrom", Direction::Import, "devcontainers/ci");
            inputs.lines("cacheTo", Direction::Export, "devcontainers/ci");
        } else {
            inputs.typed(name);
            if passed::is_local(name) {
                self.passed_flags(with, contexts, when);
            }
            for input in SCRIPT_INPUTS {
                if let Some(text) = with.get(input).and_then(TreeNode::text)
                    && !lower.starts_with("actions/github-script")
                {
                    self.run(text, "", "", contexts, when);
                }
            }
        }
    }

    /// Declares the caches that a job passes to a reusable workflow.
    pub(super) fn wrapper(
        &self,
        uses: &str,
        with: TreeNode<'_>,
        contexts: &ExpressionContexts<'_>,
    ) {
        let inputs = ActionInputs {
            session: self.session,
            with,
            contexts,
            target: self.target.as_deref(),
            when: &self.when,
            job: self.job.as_ref(),
            unquotes: false,
            command: None,
        };
        inputs.typed(uses.split('@').next().unwrap_or(uses));
        self.passed_flags(with, contexts, &self.when);
    }
}

fn variant_of(value: ScriptWord) -> Variant {
    Variant {
        text: value.text,
        when: value.when,
        sure: false,
    }
}

/// Inserts the values of expressions into a script. Expressions with several values become
/// variables. Those in a test stay unknown, because nothing that they decide is certain.
fn inserted(
    session: &FindSession<'_>,
    run: &Located,
    contexts: &ExpressionContexts<'_>,
    environment: &mut Vec<(String, Vec<Variant>)>,
) -> Located {
    let source = run.as_str();
    let mut text = Located::default();
    let mut position = 0;
    while let Some(found) = source[position..].find("${{") {
        let start = position + found;
        let Some(end) = closing(&source[start..]).map(|end| start + end + 2) else {
            break;
        };
        text.push(&run.slice(position, start));
        if is_tested(&source[..start]) {
            let inner = source[start + 3..end].trim_end_matches("}}").trim();
            text.push(&session.unknown(inner, run.place_at(start)));
            position = end;
            continue;
        }
        let values = contexts.evaluate(&run.slice(start, end));
        if let [only] = values.as_slice()
            && only.when.is_empty()
        {
            text.push(&only.text);
        } else {
            let name = format!("_expression_{}", environment.len());
            text.push_str(&format!("${{{name}}}"), run.place_at(start));
            environment.push((name, values));
        }
        position = end;
    }
    text.push(&run.slice(position, source.len()));
    text
}

/// Whether the text after the start of a script is a word of a test.
fn is_tested(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let is_quoted = line.matches('\'').count() % 2 == 1;
    let mut words = line.split_whitespace();
    !is_quoted && words.any(|word| matches!(word, "[" | "[[" | "test" | "case"))
}
