//! `devcontainer.json`.

use std::sync::Arc;

use super::command::{CommandContext, inline_argument};
use super::declaration::{Direction, Facts};
use super::embedded::{self, substitute};
use super::kubernetes::words_of_container;
use super::repository::{directory, join};
use super::session::{CacheUse, FindSession};
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// Parses a configuration.
pub(super) fn read(session: &FindSession<'_>, path: &str, root: TreeNode<'_>) {
    let name = root.str_at(&["name"]);
    let build = root.get("build");
    let dockerfile = build
        .and_then(|build| build.str_at(&["dockerfile"]))
        .or_else(|| root.str_at(&["dockerFile"]));
    let facts = Arc::new(Facts {
        dockerfile: dockerfile.and_then(|file| join(directory(path), file)),
        ..Facts::default()
    });
    let emit = |text: &Located, direction| {
        session.declare(&CacheUse {
            text,
            direction,
            tool: "devcontainer",
            target: name,
            when: &[],
            facts: &facts,
        });
    };
    commands(session, root, name);
    let Some(build) = build else { return };
    for (key, direction) in [
        ("cacheFrom", Direction::Import),
        ("cacheTo", Direction::Export),
    ] {
        for text in build
            .get(key)
            .map(TreeNode::one_or_many)
            .unwrap_or_default()
            .into_iter()
            .filter_map(TreeNode::text)
        {
            emit(&resolved(session, text), direction);
        }
    }
    for (key, value) in build.get("args").map(TreeNode::entries).unwrap_or_default() {
        let Some(value) = value.text() else { continue };
        let argument = value.with_text(format!("{}={}", key.as_str(), value.as_str()));
        if let Some(cache) = inline_argument(&argument) {
            emit(&cache, Direction::Export);
        }
    }
    options(session, build, name);
}

/// Reads the commands that run before and in the container.
fn commands(session: &FindSession<'_>, root: TreeNode<'_>, name: Option<&str>) {
    let around = CommandContext {
        target: name.map(str::to_owned),
        ..CommandContext::default()
    };
    for key in [
        "initializeCommand",
        "onCreateCommand",
        "updateContentCommand",
        "postCreateCommand",
        "postStartCommand",
    ] {
        let Some(command) = root.get(key) else {
            continue;
        };
        let named = command.entries().into_iter().map(|(_, command)| command);
        for command in std::iter::once(command).chain(named) {
            match command.text() {
                Some(text) => embedded::run(session, text, &Vec::new(), &around),
                None => {
                    let words = command
                        .items()
                        .filter_map(TreeNode::text)
                        .cloned()
                        .collect();
                    words_of_container(session, words, &Vec::new(), &around);
                }
            }
        }
    }
}

/// Reads the flags in `build.options`.
fn options(session: &FindSession<'_>, build: TreeNode<'_>, name: Option<&str>) {
    let words: Vec<Located> = build
        .get("options")
        .map(TreeNode::one_or_many)
        .unwrap_or_default()
        .into_iter()
        .filter_map(TreeNode::text)
        .map(|text| resolved(session, text))
        .collect();
    let Some(first) = words.first() else { return };
    let mut script = Located::new("devcontainer build", first.place());
    for word in &words {
        script.push_str(" ", word.place());
        script.push(word);
    }
    let around = CommandContext {
        target: name.map(str::to_owned),
        ..CommandContext::default()
    };
    embedded::run(session, &script, &Vec::new(), &around);
}

/// Replaces `${localEnv:NAME:default}` and similar variables.
fn resolved(session: &FindSession<'_>, text: &Located) -> Located {
    substitute(text, "${", "}", |inner, place| {
        let mut parts = inner.splitn(3, ':');
        let _kind = parts.next();
        let name = parts.next().unwrap_or(inner);
        match parts.next() {
            Some(default) => Located::new(default, place),
            None => session.unknown(name, place),
        }
    })
}
