//! Workflows and composite actions of GitHub, Gitea and Forgejo.

mod action;
mod build;
mod expression;
mod passed;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;

use super::declaration::CiJob;
use super::script::Variant;
use super::session::FindSession;
use crate::format::tree::TreeNode;
use crate::format::unknown::{has_mark, only_mark};
use expression::ExpressionContexts;
use steps::{JobSteps, RunDefaults};

/// Parses a workflow.
pub(super) fn workflow(session: &FindSession<'_>, file: &str, root: TreeNode<'_>) {
    let Some(jobs) = root.get("jobs") else { return };
    let mut contexts = ExpressionContexts::new(session);
    let called = root.get("on").or_else(|| root.get("true"));
    for kind in ["workflow_call", "workflow_dispatch"] {
        if let Some(inputs) = called.and_then(|on| on.path(&[kind, "inputs"])) {
            contexts.inputs(inputs);
        }
    }
    contexts.env(root.get("env"));
    let settings = WorkflowSettings {
        file,
        triggers: triggers(root),
        defaults: RunDefaults::default().with(root),
    };
    for (name, job) in in_order(jobs) {
        let outputs = workflow_job(session, &settings, &contexts, name, job);
        contexts.outputs.extend(outputs);
    }
}

/// Returns the jobs, each after those that it needs where the file allows that.
fn in_order(jobs: TreeNode<'_>) -> Vec<(&str, TreeNode<'_>)> {
    let mut waiting: Vec<(&str, TreeNode<'_>)> = jobs
        .entries()
        .into_iter()
        .map(|(name, job)| (name.as_str(), job))
        .collect();
    let mut ordered: Vec<(&str, TreeNode<'_>)> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |(_, job): &(&str, TreeNode<'_>)| {
            let needs = job
                .get("needs")
                .map(TreeNode::one_or_many)
                .unwrap_or_default();
            let mut needs = needs.into_iter().filter_map(TreeNode::str);
            needs.all(|name| waiting.iter().all(|(waits, _)| *waits != name))
        };
        let next = waiting.iter().position(is_ready).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

/// The parts of a workflow that each job uses.
struct WorkflowSettings<'w> {
    file: &'w str,
    triggers: Vec<String>,
    defaults: RunDefaults,
}

fn workflow_job(
    session: &FindSession<'_>,
    workflow: &WorkflowSettings<'_>,
    contexts: &ExpressionContexts<'_>,
    name: &str,
    job: TreeNode<'_>,
) -> Vec<(String, Vec<Variant>)> {
    let mut contexts = contexts.clone();
    contexts.env(job.get("env"));
    let Some(condition) = condition(job) else {
        return Vec::new();
    };
    let facts = Arc::new(job_facts(workflow.file, &workflow.triggers, name, job));
    let steps = JobSteps {
        session,
        job: Some(facts),
        target: Some(name.to_owned()),
        when: condition,
        defaults: workflow.defaults.clone().with(job),
    };
    if let Some(list) = job.get("steps") {
        let contexts = steps.follow(list, contexts);
        return job_outputs(name, job, &contexts);
    }
    if let (Some(uses), Some(with)) = (job.str_at(&["uses"]), job.get("with")) {
        steps.wrapper(uses, with, &contexts);
    }
    Vec::new()
}

/// Returns the outputs of a job by `job.output`, where the steps of the job determine them.
fn job_outputs(
    name: &str,
    job: TreeNode<'_>,
    contexts: &ExpressionContexts<'_>,
) -> Vec<(String, Vec<Variant>)> {
    let mut found = Vec::new();
    let outputs = job
        .get("outputs")
        .map(TreeNode::entries)
        .unwrap_or_default();
    for (output, value) in outputs {
        let Some(text) = value.text() else { continue };
        let values = contexts.evaluate(text);
        let is_known = |variant: &Variant| only_mark(variant.text.as_str()).is_none();
        if values.iter().all(is_known) {
            let key = format!("needs.{name}.{}", output.as_str()).to_lowercase();
            found.push((key, values));
        }
    }
    found
}

/// Reads the steps of a composite action.
pub(super) fn composite(session: &FindSession<'_>, root: TreeNode<'_>) {
    let Some(list) = root.path(&["runs", "steps"]) else {
        return;
    };
    let mut contexts = ExpressionContexts::new(session);
    if let Some(inputs) = root.get("inputs") {
        contexts.inputs(inputs);
    }
    let steps = JobSteps {
        session,
        job: None,
        target: None,
        when: Vec::new(),
        defaults: RunDefaults::default(),
    };
    let after = steps.follow(list, contexts);
    steps.exported_flags(root, &after);
}

fn triggers(root: TreeNode<'_>) -> Vec<String> {
    let Some(on) = root.get("on").or_else(|| root.get("true")) else {
        return Vec::new();
    };
    let names = on.one_or_many();
    let listed = names
        .iter()
        .filter_map(|node| node.str().map(str::to_owned));
    let keyed = on
        .entries()
        .into_iter()
        .map(|(name, _)| name.as_str().to_owned());
    listed.chain(keyed).collect()
}

/// Returns the condition of a job or step. Returns `None` if it never runs.
fn condition(node: TreeNode<'_>) -> Option<Vec<String>> {
    let Some(text) = node.str_at(&["if"]) else {
        return Some(Vec::new());
    };
    let text = text.trim();
    let text = text
        .strip_prefix("${{")
        .and_then(|t| t.strip_suffix("}}"))
        .unwrap_or(text)
        .trim();
    match text {
        "false" => None,
        "true" | "always()" | "success()" | "" => Some(Vec::new()),
        _ => Some(vec![text.chars().take(120).collect()]),
    }
}

fn job_facts(file: &str, triggers: &[String], name: &str, job: TreeNode<'_>) -> CiJob {
    let mut facts = CiJob {
        id: format!("{file}#{name}"),
        on_pull_request: triggers.iter().any(|trigger| trigger == "pull_request"),
        ..CiJob::default()
    };
    if let Some(matrix) = job.path(&["strategy", "matrix"]) {
        for (variable, value) in matrix.entries() {
            match variable.as_str() {
                "include" => {
                    let keys = value.items().flat_map(TreeNode::entries);
                    facts
                        .matrix
                        .extend(keys.map(|(key, _)| key.as_str().to_owned()));
                }
                "exclude" => {}
                name => facts.matrix.push(name.to_owned()),
            }
        }
        facts.matrix.sort();
        facts.matrix.dedup();
    }
    if job.get("uses").is_some() {
        // The steps are those of the called workflow.
        facts.has_builder = true;
        facts.exposes_runtime = true;
    }
    for step in job.get("steps").into_iter().flat_map(TreeNode::items) {
        let uses = step.str_at(&["uses"]).unwrap_or_default();
        let run = step.str_at(&["run"]).unwrap_or_default();
        if uses.contains("setup-buildx")
            || uses.contains("setup-docker")
            || uses.starts_with("depot/")
            || run.contains("buildx create")
        {
            facts.has_builder = true;
            let is_depot = uses.starts_with("depot/");
            for key in ["version", "driver-opts"] {
                if !is_depot && let Some(text) = step.path(&["with", key]).and_then(TreeNode::text)
                {
                    facts.pinned = Some((text.as_str().to_owned(), text.place()));
                }
            }
        }
        // A local action may set up anything.
        if uses.starts_with("./") {
            facts.has_builder = true;
            facts.exposes_runtime = true;
        }
        if uses.contains("github-runtime") || run.contains("ACTIONS_RUNTIME_TOKEN") {
            facts.exposes_runtime = true;
        }
        let script = step.str_at(&["with", "script"]).unwrap_or_default();
        facts.exposes_runtime |= script.contains("ACTIONS_RUNTIME_TOKEN");
    }
    let env = job.get("env").into_iter().flat_map(TreeNode::entries);
    facts.exposes_runtime |= env
        .into_iter()
        .any(|(name, _)| name.as_str() == "ACTIONS_RUNTIME_TOKEN");
    facts
}

/// Whether all variants are known and select the classic builder.
fn is_classic(env: &HashMap<String, Vec<Variant>>) -> bool {
    env.get("DOCKER_BUILDKIT").is_some_and(|variants| {
        variants
            .iter()
            .all(|variant| variant.text.as_str() == "0" && !has_mark(variant.text.as_str()))
    })
}
