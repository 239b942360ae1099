//! Woodpecker and Drone: the settings of their plugins, and their commands.

use std::sync::Arc;

use super::command::{CommandContext, inline_argument};
use super::declaration::{Direction, Facts};
use super::embedded::{self, Environment};
use super::session::{CacheUse, FindSession};
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// Parses a document of a pipeline. `tool` is `woodpecker` or `drone`.
pub(super) fn read(session: &FindSession<'_>, document: TreeNode<'_>, tool: &str) {
    let mut global = Environment::new();
    embedded::extend(&mut global, document.get("environment"), Located::clone);
    for (name, _) in document
        .get("matrix")
        .map(TreeNode::entries)
        .unwrap_or_default()
    {
        let unknown = session.unknown(name.as_str(), name.place());
        embedded::put(&mut global, name.as_str(), unknown);
    }
    for steps in ["steps", "pipeline"]
        .iter()
        .filter_map(|key| document.get(key))
    {
        for step in steps.items() {
            let name = step.str_at(&["name"]);
            follow(session, name, step, &global, tool);
        }
        for (name, step) in steps.entries() {
            follow(session, Some(name.as_str()), step, &global, tool);
        }
    }
}

fn follow(
    session: &FindSession<'_>,
    name: Option<&str>,
    step: TreeNode<'_>,
    global: &Environment,
    tool: &str,
) {
    let mut environment = global.clone();
    embedded::extend(&mut environment, step.get("environment"), Located::clone);
    let around = CommandContext {
        target: name.map(str::to_owned),
        ..CommandContext::default()
    };
    let script = script(step);
    embedded::run(session, &script, &environment, &around);
    let image = step.str_at(&["image"]).unwrap_or_default();
    let is_buildah =
        image.contains("kaniko") || image.contains("buildah") || image.contains("podman");
    let builds = image.contains("docker") || image.contains("buildx") || image.contains("buildkit");
    if !builds || is_buildah {
        return;
    }
    let settings = step.get("settings").unwrap_or(step);
    let facts = Arc::new(facts(settings));
    let emit = |text: &Located, direction| {
        session.declare(&CacheUse {
            text,
            direction,
            tool,
            target: name,
            when: &[],
            facts: &facts,
        });
    };
    for (keys, direction) in [
        (["cache_from", "cache-from"], Direction::Import),
        (["cache_to", "cache-to"], Direction::Export),
        (["cache_images", "cache-images"], Direction::Both),
    ] {
        for node in keys.iter().filter_map(|key| settings.get(key)) {
            for text in node.one_or_many().into_iter().filter_map(TreeNode::text) {
                let text = embedded::expanded(session, text, &environment);
                for entry in entries(&text) {
                    emit(&entry, direction);
                }
            }
        }
    }
    for cache in inline_caches(settings) {
        emit(&cache, Direction::Export);
    }
}

/// Returns the inline caches that build arguments switch on.
fn inline_caches(settings: TreeNode<'_>) -> Vec<Located> {
    let keys = ["build_args", "build-args", "build_args_from_env"];
    let mut caches = Vec::new();
    for node in keys.iter().filter_map(|key| settings.get(key)) {
        for text in node.one_or_many().into_iter().filter_map(TreeNode::text) {
            let arguments = text.split(',').into_iter();
            caches.extend(arguments.filter_map(|argument| inline_argument(&argument.trimmed())));
        }
        for (key, value) in node.entries() {
            let Some(value) = value.text() else { continue };
            let argument = value.with_text(format!("{}={}", key.as_str(), value.as_str()));
            caches.extend(inline_argument(&argument));
        }
    }
    caches
}

/// Returns the commands of a step. `$$` is a dollar sign for the shell.
fn script(step: TreeNode<'_>) -> Located {
    let commands = step.get("commands").map(TreeNode::one_or_many);
    let commands = commands.unwrap_or_default().into_iter();
    let joined = embedded::joined(commands.filter_map(TreeNode::text));
    embedded::substitute(&joined, "$$", "", |_, place| Located::new("$", place))
}

/// Splits a setting at unescaped commas. Attributes stay with their type.
fn entries(text: &Located) -> Vec<Located> {
    let mut parts: Vec<Located> = vec![Located::default()];
    let mut escaped = false;
    for (offset, character) in text.as_str().char_indices() {
        let place = text.place_at(offset);
        match character {
            '\\' if !escaped => escaped = true,
            ',' if !escaped => parts.push(Located::default()),
            character => {
                // Quoted once more, a comma has several backslashes.
                if escaped && character == '\\' {
                    continue;
                }
                if escaped
                    && character != ','
                    && let Some(last) = parts.last_mut()
                {
                    last.push_char('\\', place);
                }
                escaped = false;
                if let Some(last) = parts.last_mut() {
                    last.push_char(character, place);
                }
            }
        }
    }
    let mut joined: Vec<Located> = Vec::new();
    for part in parts
        .into_iter()
        .map(|part| part.trimmed())
        .filter(|part| !part.is_empty())
    {
        let begins = part.as_str().starts_with("type=") || !part.as_str().contains('=');
        match joined.last_mut() {
            Some(last) if !begins && last.as_str().contains("type=") => {
                last.push_str(",", part.place());
                last.push(&part);
            }
            _ => joined.push(part),
        }
    }
    joined
}

fn facts(settings: TreeNode<'_>) -> Facts {
    let dockerfile = settings.str_at(&["dockerfile"]).unwrap_or("Dockerfile");
    let repository = settings.str_at(&["repo"]);
    let tags = settings
        .get("tags")
        .or_else(|| settings.get("tag"))
        .map(TreeNode::one_or_many)
        .unwrap_or_default();
    let mut tags: Vec<&str> = tags.into_iter().filter_map(TreeNode::str).collect();
    if tags.is_empty() {
        tags.push("latest");
    }
    Facts {
        dockerfile: super::repository::join("", dockerfile),
        tags: repository
            .map(|name| tags.iter().map(|tag| format!("{name}:{tag}")).collect())
            .unwrap_or_default(),
        ..Facts::default()
    }
}
