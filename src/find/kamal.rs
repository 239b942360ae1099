//! Kamal: `config/deploy.yml` and the files of its destinations.

use std::sync::Arc;

use super::command::is_truthy;
use super::declaration::{Direction, Facts};
use super::repository::directory;
use super::session::{CacheUse, FindSession};
use crate::format::located::{Located, TextPlace};
use crate::format::tree::{Tree, TreeNode, yaml};
use crate::format::unknown::has_mark;

/// Reads all configurations.
pub(super) fn read(session: &FindSession<'_>, paths: &[String]) {
    for path in paths {
        let base = base_of(path);
        let tree = load(session, path);
        let base_tree = if base == *path {
            None
        } else {
            load(session, &base)
        };
        let layers: Vec<&Tree> = tree.iter().chain(base_tree.iter()).collect();
        declare(session, &layers);
    }
}

fn base_of(path: &str) -> String {
    let folder = directory(path);
    if folder.is_empty() {
        "deploy.yml".to_owned()
    } else {
        format!("{folder}/deploy.yml")
    }
}

fn load(session: &FindSession<'_>, path: &str) -> Option<Tree> {
    let text = session.repository.read(path)?;
    let rendered = rendered(session, &text);
    yaml::parse(&rendered, session.repository.number(path)).ok()
}

/// Replaces ERB by marks, or by its default value.
fn rendered(session: &FindSession<'_>, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("<%") {
        out.push_str(head);
        let Some((code, after)) = tail.split_once("%>") else {
            rest = "";
            break;
        };
        if let Some(expression) = code.strip_prefix('=') {
            out.push_str(&value_of(
                session,
                expression.trim().trim_end_matches('-').trim(),
            ));
        }
        out.extend(code.matches('\n'));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn value_of(session: &FindSession<'_>, expression: &str) -> String {
    let quoted: Vec<&str> = expression.split(['"', '\'']).skip(1).step_by(2).collect();
    let has_default = expression.contains("fetch") || expression.contains("||");
    match quoted.as_slice() {
        [_, default, ..] if has_default => (*default).to_owned(),
        [name, ..] => session.unknowns.mark(name).to_string(),
        [] => session.unknowns.mark(expression).to_string(),
    }
}

/// Finds a value in the first layer that has it, as a deep merge does.
fn find<'t>(layers: &[&'t Tree], path: &[&str]) -> Option<TreeNode<'t>> {
    layers.iter().find_map(|tree| tree.root()?.path(path))
}

fn declare(session: &FindSession<'_>, layers: &[&Tree]) {
    let text = |path: &[&str]| find(layers, path).and_then(TreeNode::text);
    let inline = text(&["builder", "args", "BUILDKIT_INLINE_CACHE"]);
    if let Some(value) = inline.filter(|value| is_truthy(value.as_str())) {
        let cache = value.with_text("type=inline");
        emit(session, layers, &cache, Direction::Export);
    }
    let Some(kind) = text(&["builder", "cache", "type"]) else {
        return;
    };
    let place = kind.place();
    let image = text(&["image"]).map(Located::as_str).unwrap_or_default();
    let server = text(&["registry", "server"])
        .map(Located::as_str)
        .unwrap_or_default();
    let options = text(&["builder", "cache", "options"])
        .map(Located::as_str)
        .unwrap_or_default();
    let mut cache = format!("type={}", kind.as_str());
    if kind.as_str() == "registry" {
        let given = text(&["builder", "cache", "image"]);
        let name = given.map_or_else(
            || format!("{image}-build-cache"),
            |given| given.as_str().to_owned(),
        );
        let reference = if server.is_empty() {
            name.clone()
        } else {
            format!("{server}/{name}")
        };
        cache.push_str(&format!(",ref={reference}"));
        if !server.is_empty() && name.starts_with(&format!("{server}/")) {
            let message = format!(
                "Kamal puts `{server}` in front of the image, so the cache is {reference}."
            );
            let place = given.map_or(place, Located::place);
            let corrected = name[server.len() + 1..].to_owned();
            session.remark(
                "server-twice",
                place,
                session.expressed(&message),
                Some(session.expressed(&format!("Write `image: {corrected}`."))),
            );
        }
    }
    if !options.is_empty() {
        cache.push_str(&format!(",{options}"));
    }
    let cache = Located::new(cache, TextPlace::new(place.file, place.line));
    emit(session, layers, &cache, Direction::Both);
}

fn emit(session: &FindSession<'_>, layers: &[&Tree], cache: &Located, direction: Direction) {
    let text = |path: &[&str]| find(layers, path).and_then(TreeNode::text);
    let service = text(&["service"]).map(Located::as_str);
    session.declare(&CacheUse {
        text: cache,
        direction,
        tool: "kamal",
        target: service.filter(|name| !has_mark(name)),
        when: &[],
        facts: &Arc::new(Facts {
            dockerfile: text(&["builder", "dockerfile"])
                .map_or(Some("Dockerfile".to_owned()), |t| {
                    Some(t.as_str().to_owned())
                }),
            ..Facts::default()
        }),
    });
}
