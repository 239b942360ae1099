//! Bake files.

use std::collections::HashSet;
use std::sync::Arc;

use super::command::is_truthy;
use super::declaration::{Direction, Facts};
use super::kinds::{self, CiFileKind, default_bake_files};
use super::repository::{directory, join};
use super::session::{CacheUse, FindSession};
use crate::format::bake::{self, BakeConfig, BakeFile, BakeOptions, Definitions, Problem, Target};
use crate::format::located::Located;
use crate::format::unknown::{has_mark, to_pattern};

/// Files that one command reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BakeFileList {
    /// The directory of the command.
    pub(super) directory: String,
    pub(super) paths: Vec<String>,
}

/// The most lists of files that are kept.
const MOST_LISTS: usize = 1_000;

/// Keeps the files that a command of bake reads, to read them together. Files with an unknown name
/// are left out.
pub(super) fn add_files<'f>(
    session: &FindSession<'_>,
    folder: &str,
    files: impl Iterator<Item = &'f str>,
) {
    let path = |file: &str| join(folder, file).filter(|path| session.repository.has(path));
    let is_bake = |path: &String| kinds::of(path) == Some(CiFileKind::Bake);
    let list = BakeFileList {
        directory: folder.to_owned(),
        paths: files.filter_map(path).filter(is_bake).collect(),
    };
    let mut lists = session.bake_files.borrow_mut();
    if !list.paths.is_empty() && lists.len() < MOST_LISTS && !lists.contains(&list) {
        lists.push(list);
    }
}

/// Reads bake files: the default files of a directory together, the files of a command together,
/// every other file alone.
pub(super) fn read(session: &FindSession<'_>, paths: &[String]) {
    let mut folders: Vec<&str> = paths.iter().map(|path| directory(path)).collect();
    folders.sort_unstable();
    folders.dedup();
    let mut done: HashSet<String> = HashSet::new();
    for folder in folders {
        let defaults = default_bake_files(session.repository, folder);
        if defaults.is_empty() {
            continue;
        }
        let needs_others = {
            let lists = session.bake_files.borrow();
            let mut lists = lists.iter().filter(|list| list.has_all(&defaults));
            lists.any(|list| lacks(session, &defaults, &list.paths))
        };
        if !needs_others {
            together(session, &defaults, folder);
        }
        done.extend(defaults);
    }
    for list in session.bake_files.borrow().iter() {
        if list.paths.iter().any(|path| paths.contains(path)) {
            together(session, &list.paths, &list.directory);
            done.extend(list.paths.iter().cloned());
        }
    }
    for path in paths {
        if !done.contains(path) {
            alone(session, path);
        }
    }
}

impl BakeFileList {
    fn has_all(&self, paths: &[String]) -> bool {
        paths.iter().all(|path| self.paths.contains(path))
    }
}

/// Whether files use names that only other files define.
fn lacks(session: &FindSession<'_>, paths: &[String], others: &[String]) -> bool {
    let (own, _) = parsed(session, paths);
    let (others, _) = parsed(session, others);
    let mut texts = paths
        .iter()
        .filter_map(|path| session.repository.read(path));
    texts.any(|text| own.lacks(&others, &text))
}

/// Reads a file that no known command reads. If it uses names that only the default files of its
/// directory define, those are read with it.
fn alone(session: &FindSession<'_>, path: &String) {
    let folder = directory(path);
    let paths = std::slice::from_ref(path);
    let (own, problems) = parsed(session, paths);
    report(session, &problems);
    let defaults = default_bake_files(session.repository, folder);
    let Some(config) = evaluated(session, &own) else {
        return;
    };
    if defaults.is_empty() || !lacks(session, paths, &defaults) {
        declare(session, &config, folder, "bake");
        return;
    }
    let mut all = defaults;
    all.push(path.clone());
    if let Some(whole) = evaluated(session, &parsed(session, &all).0) {
        declare_some(session, &whole, folder, "bake", |name| config.has(name));
    }
}

fn together(session: &FindSession<'_>, paths: &[String], folder: &str) {
    let (definitions, problems) = parsed(session, paths);
    report(session, &problems);
    if let Some(config) = evaluated(session, &definitions) {
        declare(session, &config, folder, "bake");
    }
}

fn parsed(session: &FindSession<'_>, paths: &[String]) -> (Definitions, Vec<Problem>) {
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
    bake::read(&files)
}

/// Adds a remark for each file that could not be parsed.
fn report(session: &FindSession<'_>, problems: &[Problem]) {
    for problem in problems {
        if problem.file.contains("bake") {
            session.skipped(
                &problem.file,
                problem.error.place.line,
                &problem.error.message,
            );
        }
    }
}

fn evaluated(session: &FindSession<'_>, definitions: &Definitions) -> Option<BakeConfig> {
    let nothing = |_: &str| None;
    let options = BakeOptions {
        lookup: &nothing,
        unknowns: Some(&session.unknowns),
        now: 0,
        platform: "",
    };
    let (config, _) = definitions.evaluate(&options).ok()?;
    Some(config)
}

/// Declares the caches of all targets.
pub(super) fn declare(session: &FindSession<'_>, config: &BakeConfig, folder: &str, tool: &str) {
    declare_some(session, config, folder, tool, |_| true);
}

/// Declares the caches of the targets with certain names.
fn declare_some(
    session: &FindSession<'_>,
    config: &BakeConfig,
    folder: &str,
    tool: &str,
    is_included: impl Fn(&str) -> bool,
) {
    for target in config.targets.iter().filter(|t| is_included(&t.name)) {
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
