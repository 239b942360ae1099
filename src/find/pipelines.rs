//! Google Cloud Build, AWS `CodeBuild`, Bitbucket, Travis, Semaphore and `GoReleaser`.

use super::command::CommandContext;
use super::embedded::{self, Environment, substitute};
use super::kubernetes::words_of_container;
use super::session::FindSession;
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// The deepest nesting that is searched for scripts.
const DEPTH: usize = 24;
/// Keys of lists of commands.
const SCRIPTS: [&str; 8] = [
    "before_install",
    "install",
    "before_script",
    "script",
    "commands",
    "after_success",
    "after_script",
    "after-script",
];

/// Whether the name of a YAML file is that of a pipeline.
pub(super) fn is_named(lower: &str, folder: &str) -> bool {
    let stem = lower.trim_start_matches('.');
    [
        "cloudbuild",
        "buildspec",
        "goreleaser",
        "bitbucket-pipelines",
    ]
    .iter()
    .any(|name| stem.starts_with(name))
        || lower == ".travis.yml"
        || folder == ".semaphore"
}

/// Parses a document.
pub(super) fn read(session: &FindSession<'_>, document: TreeNode<'_>) {
    if document.get("dockers").is_some() || document.get("dockers_v2").is_some() {
        goreleaser(session, document);
    } else if document.get("steps").is_some_and(TreeNode::is_list) {
        cloud_build(session, document);
    } else {
        let reader = Scripts { session };
        reader.walk(document, None, &Environment::new(), 0);
    }
}

/// The builds of `GoReleaser`: each has a list of flags.
fn goreleaser(session: &FindSession<'_>, document: TreeNode<'_>) {
    for (key, flags, program) in [
        ("dockers", "build_flag_templates", "docker build"),
        ("dockers_v2", "flags", "docker buildx build"),
    ] {
        for image in document.get(key).into_iter().flat_map(TreeNode::items) {
            let program = match image.str_at(&["use"]) {
                Some("buildx") => "docker buildx build",
                Some("podman") => continue,
                _ => program,
            };
            let around = CommandContext {
                target: image.str_at(&["id"]).map(str::to_owned),
                ..CommandContext::default()
            };
            let words = image.get(flags).into_iter().flat_map(TreeNode::items);
            let mut script = Located::new(program, image.place());
            for word in words.filter_map(TreeNode::text) {
                let word = substitute(word, "{{", "}}", |inner, place| {
                    let name = inner.trim().trim_start_matches(".Env.");
                    session.unknown(name, place)
                });
                script.push_str(" ", word.place());
                script.push(&word);
            }
            embedded::run(session, &script, &Environment::new(), &around);
        }
    }
}

/// The steps of Cloud Build: containers with arguments.
fn cloud_build(session: &FindSession<'_>, document: TreeNode<'_>) {
    let mut global = Environment::new();
    embedded::extend(&mut global, document.get("substitutions"), Located::clone);
    let shared = document.path(&["options", "env"]);
    for step in document.get("steps").into_iter().flat_map(TreeNode::items) {
        let mut environment = global.clone();
        for variables in [shared, step.get("env")] {
            assignments(variables, &mut environment);
        }
        let around = CommandContext {
            target: step.str_at(&["id"]).map(str::to_owned),
            classic: embedded::get(&environment, "DOCKER_BUILDKIT")
                .is_some_and(|value| value.as_str() == "0"),
            ..CommandContext::default()
        };
        if let Some(script) = step.get("script").and_then(TreeNode::text) {
            embedded::run(session, script, &environment, &around);
        }
        let words = step
            .get("args")
            .map(TreeNode::one_or_many)
            .unwrap_or_default();
        let words = words.into_iter().filter_map(TreeNode::text);
        let words = words.map(|text| embedded::expanded(session, text, &environment));
        let mut command: Vec<Located> = Vec::new();
        match step.get("entrypoint").and_then(TreeNode::text) {
            Some(program) => command.push(program.clone()),
            None => {
                let image = step.str_at(&["name"]).unwrap_or_default();
                let name = image.rsplit('/').next().unwrap_or(image);
                if name.starts_with("docker") {
                    command.push(Located::new("docker", step.place()));
                }
            }
        }
        command.extend(words);
        words_of_container(session, command, &environment, &around);
    }
}

/// Adds `NAME=value` entries of a list.
fn assignments(list: Option<TreeNode<'_>>, environment: &mut Environment) {
    for text in list
        .into_iter()
        .flat_map(TreeNode::items)
        .filter_map(TreeNode::text)
    {
        if let Some((name, _)) = text.as_str().split_once('=') {
            let value = text.slice(name.len() + 1, text.len());
            embedded::put(environment, name, value);
        }
    }
}

struct Scripts<'a> {
    session: &'a FindSession<'a>,
}

impl Scripts<'_> {
    fn walk(&self, node: TreeNode<'_>, name: Option<&str>, outer: &Environment, depth: usize) {
        if depth > DEPTH {
            return;
        }
        for item in node.items() {
            self.walk(item, name, outer, depth + 1);
        }
        let name = node.str_at(&["name"]).or(name);
        let mut environment = outer.clone();
        for path in [&["env", "variables"][..], &["env"], &["variables"]] {
            embedded::extend(&mut environment, node.path(path), Located::clone);
        }
        assignments(node.get("env"), &mut environment);
        assignments(node.path(&["env", "global"]), &mut environment);
        let lists = SCRIPTS.iter().filter_map(|key| node.get(key));
        let lines: Vec<&Located> = lists
            .flat_map(TreeNode::one_or_many)
            .filter_map(TreeNode::text)
            .collect();
        let around = CommandContext {
            target: name.map(str::to_owned),
            ..CommandContext::default()
        };
        embedded::run(
            self.session,
            &embedded::joined(lines),
            &environment,
            &around,
        );
        for (key, value) in node.entries() {
            let is_group = matches!(
                key.as_str(),
                "phases" | "pipelines" | "step" | "steps" | "jobs" | "blocks" | "task" | "parallel"
            );
            let inner = if is_group { name } else { Some(key.as_str()) };
            if value.is_map() || value.is_list() {
                self.walk(value, inner, &environment, depth + 1);
            }
        }
    }
}
