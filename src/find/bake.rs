//! Bake files.

use std::collections::HashSet;
use std::sync::Arc;

use super::command::is_truthy;
use super::declaration::{Direction, Facts};
use super::kinds::default_bake_files;
use super::repository::{directory, join};
use super::session::{CacheUse, FindSession};
use crate::format::bake::{self, BakeConfig, BakeFile, BakeOptions, Target};
use crate::format::located::Located;
use crate::format::unknown::{has_mark, to_pattern};

/// Reads the bake files of a directory: the default files together, every other file alone.
pub(super) fn read(session: &FindSession<'_>, paths: &[String]) {
    let mut folders: Vec<&str> = paths.iter().map(|path| directory(path)).collect();
    folders.sort_unstable();
    folders.dedup();
    let mut done: HashSet<String> = HashSet::new();
    for folder in folders {
        let defaults = default_bake_files(session.repository, folder);
        if !defaults.is_empty() {
            together(session, &defaults, folder);
            done.extend(defaults);
        }
    }
    for path in paths {
        if !done.contains(path) {
            together(session, std::slice::from_ref(path), directory(path));
        }
    }
}

fn together(session: &FindSession<'_>, paths: &[String], folder: &str) {
    let texts: Vec<_> = paths
        .iter()
        .filter_map(|path| Some((path, session.repository.read(path)?)))
        .collect();
    let files: Vec<BakeFile<'_>> = texts
        .iter()
        .map(|(path, text)| BakeFile {
            name: path,
            text,
            number: session.repository.number(path),
        })
        .collect();
    let (definitions, problems) = bake::read(&files);
    for problem in problems {
        if problem.file.contains("bake") {
            session.skipped(
                &problem.file,
                problem.error.place.line,
                &problem.error.message,
            );
        }
    }
    let nothing = |_: &str| None;
    let options = BakeOptions {
        lookup: &nothing,
        unknowns: Some(&session.unknowns),
        now: 0,
        platform: "",
    };
    let Ok((config, _)) = definitions.evaluate(&options) else {
        return;
    };
    declare(session, &config, folder, "bake");
}

/// Declares the caches of all targets.
pub(super) fn declare(session: &FindSession<'_>, config: &BakeConfig, folder: &str, tool: &str) {
    for target in &config.targets {
        for (name, place) in &target.unknown_attributes {
            let intended = name.replace('_', "-");
            if name.to_lowercase().contains("cache") {
                let message = format!("Bake has no attribute `{name}`, so this cache is not used.");
                session.remark(
                    "unknown-attribute",
                    *place,
                    message,
                    Some(format!("Write `{intended}`.")),
                );
            }
        }
        let is_abstract = config.is_abstract(&target.name) || target.name.starts_with('_');
        if is_abstract {
            continue;
        }
        if let Ok(resolved) = config.resolve(&target.name, &[]) {
            declare_target(session, &resolved, folder, tool);
        }
    }
}

fn declare_target(session: &FindSession<'_>, target: &Target, folder: &str, tool: &str) {
    let facts = Arc::new(facts(target, folder));
    let emit = |text: &Located, when: &[String], direction| {
        session.declare(&CacheUse {
            text,
            direction,
            tool,
            target: Some(&target.name),
            when,
            facts: &facts,
        });
    };
    for entry in &target.cache_from {
        emit(&entry.text, &entry.when, Direction::Import);
    }
    for entry in target.cache_to.iter().flatten() {
        emit(&entry.text, &entry.when, Direction::Export);
    }
    for (name, value) in &target.args {
        if name == "BUILDKIT_INLINE_CACHE" && is_truthy(value.as_str()) {
            emit(&value.with_text("type=inline"), &[], Direction::Export);
        }
    }
}

fn facts(target: &Target, folder: &str) -> Facts {
    let context = target.context.as_deref().unwrap_or(".");
    let dockerfile = target.dockerfile.as_deref().unwrap_or("Dockerfile");
    let path = format!("{context}/{dockerfile}");
    let known = target.dockerfile_inline.is_none() && !has_mark(&path);
    Facts {
        dockerfile: if known { join(folder, &path) } else { None },
        tags: target
            .tags
            .iter()
            .flatten()
            .map(|tag| to_pattern(tag))
            .collect(),
        ..Facts::default()
    }
}
