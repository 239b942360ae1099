//! `package.json` and the projects of Nx.

use std::sync::Arc;

use super::command::CommandContext;
use super::declaration::{Direction, Facts};
use super::embedded;
use super::repository::directory;
use super::session::{CacheUse, FindSession};
use crate::format::tree::TreeNode;

/// Parses the scripts of a package.
pub(super) fn package(session: &FindSession<'_>, path: &str, root: TreeNode<'_>) {
    for (name, script) in root
        .get("scripts")
        .map(TreeNode::entries)
        .unwrap_or_default()
    {
        let Some(text) = script.text() else { continue };
        let around = CommandContext {
            target: Some(name.as_str().to_owned()),
            directory: directory(path).to_owned(),
            ..CommandContext::default()
        };
        embedded::run(session, text, &Vec::new(), &around);
    }
    if let Some(nx) = root.get("nx") {
        project(session, path, nx, root.str_at(&["name"]));
    }
}

/// Parses the targets of a project with the executor `nx-container`.
pub(super) fn project(
    session: &FindSession<'_>,
    path: &str,
    root: TreeNode<'_>,
    name: Option<&str>,
) {
    let folder = directory(path).rsplit('/').next().unwrap_or_default();
    let name = root.str_at(&["name"]).or(name).unwrap_or(folder);
    for (_, target) in root
        .get("targets")
        .map(TreeNode::entries)
        .unwrap_or_default()
    {
        let executor = target.str_at(&["executor"]).unwrap_or_default();
        if let Some(command) = target
            .path(&["options", "command"])
            .and_then(TreeNode::text)
        {
            let around = CommandContext {
                target: Some(name.to_owned()),
                ..CommandContext::default()
            };
            embedded::run(session, command, &Vec::new(), &around);
        }
        if !executor.contains("nx-container") && !executor.contains("nx-docker") {
            continue;
        }
        let configurations = target
            .get("configurations")
            .map(TreeNode::entries)
            .unwrap_or_default();
        let options = target
            .get("options")
            .into_iter()
            .chain(configurations.into_iter().map(|(_, node)| node));
        for options in options {
            for (key, direction) in [
                ("cache-from", Direction::Import),
                ("cache-to", Direction::Export),
            ] {
                for text in options
                    .get(key)
                    .map(TreeNode::one_or_many)
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(TreeNode::text)
                {
                    session.declare(&CacheUse {
                        text: &embedded::expanded(session, text, &Vec::new()),
                        direction,
                        tool: "nx-container",
                        target: Some(name),
                        when: &[],
                        facts: &Arc::new(Facts::default()),
                    });
                }
            }
        }
    }
}
