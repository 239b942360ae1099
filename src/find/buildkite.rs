//! Buildkite.

use std::sync::Arc;

use super::command::CommandContext;
use super::declaration::{Direction, Facts};
use super::embedded::{self, Environment};
use super::session::{CacheUse, FindSession};
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// The deepest nesting of groups.
const DEPTH: usize = 4;

/// Whether a document with any name is a pipeline, or its steps.
pub(super) fn is_like(root: TreeNode<'_>) -> bool {
    let steps = root.get("steps").unwrap_or(root);
    let is_step = |step: TreeNode<'_>| {
        let keys = ["command", "commands", "plugins"];
        keys.iter().any(|key| step.get(key).is_some())
    };
    steps.items().any(is_step)
}

/// Parses a pipeline.
pub(super) fn read(session: &FindSession<'_>, root: TreeNode<'_>) {
    let mut environment = Environment::new();
    embedded::extend(&mut environment, root.get("env"), Located::clone);
    let steps = if root.is_list() {
        Some(root)
    } else {
        root.get("steps")
    };
    follow(session, steps, &environment, 0);
}

fn follow(
    session: &FindSession<'_>,
    steps: Option<TreeNode<'_>>,
    environment: &Environment,
    depth: usize,
) {
    for step in steps.into_iter().flat_map(TreeNode::items) {
        if depth < DEPTH && step.get("steps").is_some() {
            follow(session, step.get("steps"), environment, depth + 1);
        }
        let mut environment = environment.clone();
        embedded::extend(&mut environment, step.get("env"), Located::clone);
        let name = ["key", "id", "identifier", "label", "name"]
            .iter()
            .find_map(|key| step.str_at(&[key]));
        let around = CommandContext {
            target: name.map(str::to_owned),
            ..CommandContext::default()
        };
        let commands: Vec<&Located> = ["command", "commands"]
            .iter()
            .filter_map(|key| step.get(key))
            .flat_map(TreeNode::one_or_many)
            .filter_map(TreeNode::text)
            .collect();
        // `$$NAME` is an escape for the agent, which converts it to `$NAME`.
        let script = embedded::substitute(&embedded::joined(commands), "$$", "", |_, place| {
            Located::new("$", place)
        });
        embedded::run(session, &script, &environment, &around);
        plugins(session, step, &environment, &around);
    }
}

/// Declares the caches of the plugin `docker-compose`.
fn plugins(
    session: &FindSession<'_>,
    step: TreeNode<'_>,
    environment: &Environment,
    around: &CommandContext,
) {
    let Some(plugins) = step.get("plugins") else {
        return;
    };
    let listed = plugins.items().flat_map(TreeNode::entries);
    for (name, settings) in listed.chain(plugins.entries()) {
        if !name.as_str().contains("docker-compose#") && !name.as_str().ends_with("docker-compose")
        {
            continue;
        }
        for (key, direction) in [
            ("cache-from", Direction::Import),
            ("cache-to", Direction::Export),
        ] {
            for text in settings
                .get(key)
                .map(TreeNode::one_or_many)
                .unwrap_or_default()
                .into_iter()
                .filter_map(TreeNode::text)
            {
                let text = embedded::expanded(session, text, environment);
                let Some((service, _)) = text.as_str().split_once(':') else {
                    continue;
                };
                let service = service.to_owned();
                let cache = without_group(&text.slice(service.len() + 1, text.len()));
                session.declare(&CacheUse {
                    text: &cache,
                    direction,
                    tool: "compose",
                    target: Some(&service),
                    when: &around.when,
                    facts: &Arc::new(Facts::default()),
                });
            }
        }
    }
}

/// Removes the group of the plugin from `IMAGE:TAG:GROUP`.
fn without_group(cache: &Located) -> Located {
    let text = cache.as_str();
    let name = text.rfind('/').map_or(0, |slash| slash + 1);
    let colons: Vec<usize> = text[name..].match_indices(':').map(|(at, _)| at).collect();
    match colons.as_slice() {
        [_, group] if !text.contains('=') => cache.slice(0, name + group),
        _ => cache.clone(),
    }
}
