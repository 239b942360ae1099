//! Finds the BuildKit caches that a repository declares, and mistakes in the declarations.
//!
//! The files of a repository are read and never executed. File names select the candidates, a
//! search for `cache` in their content reduces them, and a parser for each kind of file finds the
//! declarations. Parts that only a build knows become `*`, with the expression in the note.

mod azure;
mod bake;
mod build_command;
mod buildkite;
mod cache_type;
mod circle;
mod command;
mod compose;
mod declaration;
mod devcontainer;
mod earthfile;
mod embedded;
mod fields;
mod github;
mod gitlab;
mod helm;
mod jenkins;
mod just;
mod kamal;
mod kinds;
mod kubernetes;
mod make;
mod mistakes;
mod node_projects;
mod other_shells;
mod pipelines;
mod plugins;
mod python;
mod quoted;
mod repository;
mod script;
mod session;
mod task;
mod tsops;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use build_command::BuildCommand;
pub use cache_type::CacheType;
pub(crate) use command::Tool;
pub use declaration::{Declaration, Direction};
pub(crate) use fields::csv_fields;
pub use mistakes::{Mistake, MistakeSeverity, codes, meaning};

use crate::format::located::{Located, TextPlace};
use crate::format::tree::{Tree, TreeNode, json, yaml};
use kinds::CiFileKind;
use repository::Repository;
use session::FindSession;

/// The result of a search in a repository.
#[derive(Debug, Default, Serialize)]
pub struct RepositoryFindings {
    /// The declared caches, in the order of files and lines.
    pub declared: Vec<Declaration>,
    /// The mistakes in the declarations.
    pub findings: Vec<Mistake>,
}

impl RepositoryFindings {
    /// Finds out what opens each declared cache, with the values that the environment gives.
    pub fn look_up(&mut self, lookup: &dyn Fn(&str) -> Option<String>) {
        for declaration in &mut self.declared {
            let source = declaration.source(lookup);
            declaration.opens = source.map(|source| {
                if declaration.cache.contains('*') {
                    source.to_string()
                } else {
                    // As it stands there, with the attributes that a source does not keep.
                    declaration.cache.clone()
                }
            });
        }
    }
}

/// Finds the caches that the files below a directory declare.
///
/// The parsers are recursive, so the search runs on a thread with a large stack.
pub fn find(root: &Path) -> std::io::Result<RepositoryFindings> {
    let root: PathBuf = root.to_owned();
    let search = std::thread::Builder::new()
        .name("find".to_owned())
        .stack_size(tsops::stack_size());
    let handle = search.spawn(move || search_in(&root))?;
    handle
        .join()
        .unwrap_or_else(|_| Err(std::io::Error::other("the search ended early")))
}

fn search_in(root: &Path) -> std::io::Result<RepositoryFindings> {
    let repository = Repository::open(root)?;
    let session = FindSession::new(&repository);
    let mut candidates: Vec<(CiFileKind, String)> = Vec::new();
    for path in repository.files() {
        if let Some(kind) = kinds::of(path) {
            candidates.push((kind, path.to_owned()));
        }
    }
    // Workflows come first: they say which actions of the repository they use.
    candidates.sort();
    let mut groups = DeclarationGroups::default();
    let mut including: Vec<(CiFileKind, String)> = Vec::new();
    for (kind, path) in &candidates {
        let Some(text) = repository.read(path) else {
            continue;
        };
        if kinds::may_declare(*kind, &text) {
            read(&session, *kind, path, &text, &mut groups);
        } else if kinds::includes_others(*kind, &text) {
            including.push((*kind, path.clone()));
        }
    }
    groups.add_including(including);
    groups.read(&session);
    let found = session.finish_sorted();
    let findings = mistakes::look(&repository, &found);
    Ok(RepositoryFindings {
        declared: found.declared,
        findings,
    })
}

/// Files that are read together.
#[derive(Default)]
struct DeclarationGroups {
    bake: Vec<String>,
    compose: Vec<String>,
    gitlab: Vec<String>,
    kamal: Vec<String>,
    make: Vec<String>,
}

impl DeclarationGroups {
    /// Adds files without a cache that include others: a file that they include may have one.
    fn add_including(&mut self, files: Vec<(CiFileKind, String)>) {
        for (kind, path) in files {
            match kind {
                CiFileKind::GitLab => self.gitlab.push(path),
                CiFileKind::Kamal if !self.kamal.is_empty() => self.kamal.push(path),
                CiFileKind::Make if !self.make.is_empty() => self.make.push(path),
                CiFileKind::Yaml if !self.compose.is_empty() && compose::is_named(&path) => {
                    self.compose.push(path);
                }
                _ => {}
            }
        }
    }

    fn read(&self, session: &FindSession<'_>) {
        compose::read(session, &self.compose);
        kamal::read(session, &self.kamal);
        let included = gitlab::all_included(session, &self.gitlab);
        for path in self.gitlab.iter().filter(|path| !included.contains(*path)) {
            gitlab::read(session, path);
        }
        let included: HashSet<String> = self
            .make
            .iter()
            .flat_map(|path| make::included(session, path))
            .collect();
        for path in self.make.iter().filter(|path| !included.contains(*path)) {
            make::read(session, path);
        }
        // Last, because commands in the other files join bake files.
        bake::read(session, &self.bake);
    }
}

fn read(
    session: &FindSession<'_>,
    kind: CiFileKind,
    path: &str,
    text: &str,
    groups: &mut DeclarationGroups,
) {
    match kind {
        CiFileKind::Bake => groups.bake.push(path.to_owned()),
        CiFileKind::GitLab => groups.gitlab.push(path.to_owned()),
        CiFileKind::Kamal => groups.kamal.push(path.to_owned()),
        CiFileKind::Make => groups.make.push(path.to_owned()),
        CiFileKind::Tsops => tsops::read(session, path),
        CiFileKind::Jenkins => jenkins::read(session, path, text),
        CiFileKind::Earthfile => earthfile::read(session, path, text),
        CiFileKind::Just => just::read(session, path, text),
        CiFileKind::Python => python::read(session, path, text),
        CiFileKind::Shell => shell_file(session, path, text),
        CiFileKind::PowerShell => other_shell(session, path, text, other_shells::from_powershell),
        CiFileKind::Batch => other_shell(session, path, text, other_shells::from_batch),
        CiFileKind::Devcontainer | CiFileKind::Package | CiFileKind::Project => {
            let Ok(tree) = json::parse(text, session.repository.number(path)) else {
                return;
            };
            let Some(root) = tree.root() else { return };
            match kind {
                CiFileKind::Devcontainer => devcontainer::read(session, path, root),
                CiFileKind::Package => node_projects::package(session, path, root),
                _ => node_projects::project(session, path, root, None),
            }
        }
        _ => {
            let Some(tree) = yaml_of(session, path, text) else {
                return;
            };
            for document in tree.documents() {
                yaml_document(session, kind, path, document, groups);
            }
        }
    }
}

fn yaml_document(
    session: &FindSession<'_>,
    kind: CiFileKind,
    path: &str,
    document: TreeNode<'_>,
    groups: &mut DeclarationGroups,
) {
    match kind {
        CiFileKind::Workflow => github::workflow(session, path, document),
        CiFileKind::Circle => circle::read(session, document),
        CiFileKind::Azure => azure::read(session, path, document),
        CiFileKind::Buildkite => buildkite::read(session, document),
        CiFileKind::Woodpecker => plugins::read(session, document, "woodpecker"),
        CiFileKind::Drone => plugins::read(session, document, "drone"),
        CiFileKind::Task => task::read(session, path, document),
        CiFileKind::Pipeline => pipelines::read(session, document),
        _ if document.path(&["runs", "steps"]).is_some() => github::composite(session, document),
        _ if task::is_like(document) => task::read(session, path, document),
        _ if kubernetes::is_resource(document) => kubernetes::read(session, document),
        _ if azure::is_like(document) => azure::read(session, path, document),
        _ if (compose::is_named(path) || compose::is_like(document))
            && !groups.compose.iter().any(|known| known == path) =>
        {
            groups.compose.push(path.to_owned());
            compose::commands(session, document);
        }
        _ => {}
    }
}

/// The largest YAML file that is parsed as a whole, in bytes.
const LARGE_YAML: usize = 2 << 20;

/// Returns the parts of a large YAML file that mention a cache. Returns `None` for other files.
fn readable(text: &str) -> Option<String> {
    (text.len() > LARGE_YAML).then(|| yaml::thinned(text, &kinds::mentions_cache))
}

fn yaml_of(session: &FindSession<'_>, path: &str, text: &str) -> Option<Tree> {
    let number = session.repository.number(path);
    let thinned = readable(text);
    if thinned.is_some() {
        session.skipped_in_part(path, text.len());
    }
    let thinned = thinned.or_else(|| helm::rendered(session, path, text));
    let parsed = yaml::parse(thinned.as_deref().unwrap_or(text), number);
    match parsed {
        Ok(tree) => Some(tree),
        Err(error) => {
            // Templates of other programs have the extension of YAML too.
            let is_expected = kinds::of(path) != Some(CiFileKind::Yaml) || compose::is_named(path);
            if is_expected || error.exceeds_limit {
                session.skipped(path, error.line, &error.reason);
            }
            None
        }
    }
}

fn shell_file(session: &FindSession<'_>, path: &str, text: &str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    if !name.contains('.') && !kinds::is_shell_script(text) {
        return;
    }
    let number = session.repository.number(path);
    let source = Located::lines(text, TextPlace::new(number, 1));
    script(session, path, &source);
}

fn other_shell(
    session: &FindSession<'_>,
    path: &str,
    text: &str,
    rewrite: fn(&Located) -> Located,
) {
    let number = session.repository.number(path);
    let source = Located::lines(text, TextPlace::new(number, 1));
    script(session, path, &rewrite(&source));
}

fn script(session: &FindSession<'_>, path: &str, source: &Located) {
    let around = command::CommandContext {
        directory: repository::directory(path).to_owned(),
        ..command::CommandContext::default()
    };
    embedded::run(session, source, &Vec::new(), &around);
}
