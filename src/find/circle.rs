//! `CircleCI`.

use std::collections::HashMap;
use std::sync::Arc;

use super::command::CommandContext;
use super::declaration::Direction;
use super::embedded::{self, Environment, substitute};
use super::session::{CacheUse, FindSession};
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// The deepest nesting of calls of commands.
const DEPTH: usize = 6;

type Parameters = HashMap<String, Located>;

/// Parses a configuration.
pub(super) fn read(session: &FindSession<'_>, root: TreeNode<'_>) {
    let mut pipeline = Parameters::new();
    defaults(root.get("parameters"), &mut pipeline);
    for (name, job) in root.get("jobs").map(TreeNode::entries).unwrap_or_default() {
        let reader = CircleReader {
            session,
            root,
            pipeline: &pipeline,
            around: CommandContext {
                target: Some(name.as_str().to_owned()),
                ..CommandContext::default()
            },
        };
        let mut parameters = Parameters::new();
        defaults(job.get("parameters"), &mut parameters);
        let mut environment = Environment::new();
        let executor = job
            .get("executor")
            .and_then(|node| node.str().or_else(|| node.str_at(&["name"])));
        let executor = executor.and_then(|name| root.path(&["executors", name]));
        for node in [executor, Some(job)].into_iter().flatten() {
            reader.environment(node.get("environment"), &parameters, &mut environment);
        }
        reader.steps(job.get("steps"), &parameters, &environment, 0);
    }
    workflows(session, root, &pipeline);
}

/// Reads the flags of jobs that orbs define.
fn workflows(session: &FindSession<'_>, root: TreeNode<'_>, pipeline: &Parameters) {
    let all = root
        .get("workflows")
        .map(TreeNode::entries)
        .unwrap_or_default();
    let jobs = all
        .into_iter()
        .filter_map(|(_, workflow)| workflow.get("jobs"));
    for (name, arguments) in jobs.flat_map(TreeNode::items).flat_map(TreeNode::entries) {
        if root.path(&["jobs", name.as_str()]).is_some() {
            continue;
        }
        let target = arguments.str_at(&["name"]).unwrap_or(name.as_str());
        let reader = CircleReader {
            session,
            root,
            pipeline,
            around: CommandContext {
                target: Some(target.to_owned()),
                ..CommandContext::default()
            },
        };
        let none = Parameters::new();
        reader.orb(name.as_str(), arguments, &none, &Environment::new());
        for steps in ["pre-steps", "post-steps"] {
            let none = Environment::new();
            reader.steps(arguments.get(steps), &Parameters::new(), &none, 0);
        }
    }
}

fn defaults(node: Option<TreeNode<'_>>, parameters: &mut Parameters) {
    for (name, parameter) in node.into_iter().flat_map(TreeNode::entries) {
        if let Some(default) = parameter.get("default").and_then(TreeNode::text) {
            parameters.insert(name.as_str().to_owned(), default.clone());
        }
    }
}

struct CircleReader<'a> {
    session: &'a FindSession<'a>,
    root: TreeNode<'a>,
    pipeline: &'a Parameters,
    around: CommandContext,
}

impl<'a> CircleReader<'a> {
    fn environment(
        &self,
        node: Option<TreeNode<'_>>,
        parameters: &Parameters,
        environment: &mut Environment,
    ) {
        embedded::extend(environment, node, |text| self.resolved(text, parameters));
    }

    fn steps(
        &self,
        node: Option<TreeNode<'a>>,
        parameters: &Parameters,
        environment: &Environment,
        depth: usize,
    ) {
        for step in node.into_iter().flat_map(TreeNode::items) {
            if let Some(name) = step.str() {
                self.call(name, None, parameters, environment, depth);
                continue;
            }
            for (kind, body) in step.entries() {
                match kind.as_str() {
                    "run" => self.run(body, parameters, environment),
                    "when" | "unless" => {
                        self.steps(body.get("steps"), parameters, environment, depth + 1);
                    }
                    name => self.call(name, Some(body), parameters, environment, depth),
                }
            }
        }
    }

    fn run(&self, body: TreeNode<'_>, parameters: &Parameters, environment: &Environment) {
        let Some(command) = body
            .text()
            .or_else(|| body.get("command").and_then(TreeNode::text))
        else {
            return;
        };
        let mut environment = environment.clone();
        self.environment(body.get("environment"), parameters, &mut environment);
        let script = self.resolved(command, parameters);
        embedded::run(self.session, &script, &environment, &self.around);
    }

    /// Follows a reusable command, or reads the flags of an orb.
    fn call(
        &self,
        name: &str,
        arguments: Option<TreeNode<'a>>,
        parameters: &Parameters,
        environment: &Environment,
        depth: usize,
    ) {
        if depth > DEPTH {
            return;
        }
        let Some(command) = self.root.path(&["commands", name]) else {
            if let Some(arguments) = arguments {
                self.orb(name, arguments, parameters, environment);
            }
            return;
        };
        let mut inner = Parameters::new();
        defaults(command.get("parameters"), &mut inner);
        for (key, value) in arguments.into_iter().flat_map(TreeNode::entries) {
            if let Some(text) = value.text() {
                inner.insert(key.as_str().to_owned(), self.resolved(text, parameters));
            }
        }
        self.steps(command.get("steps"), &inner, environment, depth + 1);
    }

    fn orb(
        &self,
        name: &str,
        arguments: TreeNode<'_>,
        parameters: &Parameters,
        environment: &Environment,
    ) {
        if self.is_docker_orb(name) {
            self.docker_orb(arguments, parameters);
        }
        for key in [
            "extra_build_args",
            "extra-build-args",
            "docker-build-args",
            "docker_build_args",
            "build_args",
        ] {
            let Some(flags) = arguments.get(key).and_then(TreeNode::text) else {
                continue;
            };
            let flags = self.resolved(flags, parameters);
            let mut script = Located::new("docker build ", flags.place());
            let oneline = flags.split_lines();
            for (index, line) in oneline.iter().enumerate() {
                if index > 0 {
                    script.push_str(" ", line.place());
                }
                script.push(line);
            }
            embedded::run(self.session, &script, environment, &self.around);
        }
    }

    /// Whether a command or job is of the orb `circleci/docker`, whatever its name here.
    fn is_docker_orb(&self, name: &str) -> bool {
        let orb = name.split('/').next().unwrap_or_default();
        let source = self.root.str_at(&["orbs", orb]).unwrap_or_default();
        source.starts_with("circleci/docker@")
    }

    /// The parameters of the orb `circleci/docker`.
    fn docker_orb(&self, arguments: TreeNode<'_>, parameters: &Parameters) {
        let keys = [
            ("cache_from", Direction::Import),
            ("cache-from", Direction::Import),
            ("cache_to", Direction::Export),
            ("cache-to", Direction::Export),
        ];
        for (key, direction) in keys {
            let Some(text) = arguments.get(key).and_then(TreeNode::text) else {
                continue;
            };
            self.session.declare(&CacheUse {
                text: &self.resolved(text, parameters),
                direction,
                tool: "docker build",
                target: self.around.target.as_deref(),
                when: &[],
                facts: &Arc::default(),
            });
        }
    }

    fn resolved(&self, text: &Located, parameters: &Parameters) -> Located {
        let mut out = Located::default();
        let mut start = 0;
        // `\<<` is a literal `<<`.
        for (escaped, _) in text.as_str().match_indices("\\<<") {
            out.push(&self.substituted(&text.slice(start, escaped), parameters));
            out.push_str("<<", text.place_at(escaped));
            start = escaped + 3;
        }
        out.push(&self.substituted(&text.slice(start, text.len()), parameters));
        out
    }

    fn substituted(&self, text: &Located, parameters: &Parameters) -> Located {
        substitute(text, "<<", ">>", |inner, place| {
            let known = if let Some(name) = inner.strip_prefix("parameters.") {
                parameters.get(name)
            } else if let Some(name) = inner.strip_prefix("pipeline.parameters.") {
                self.pipeline.get(name)
            } else {
                None
            };
            known
                .cloned()
                .unwrap_or_else(|| self.session.unknown(inner, place))
        })
    }
}
