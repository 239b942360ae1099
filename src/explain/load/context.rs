//! Build contexts on disk: the files that a client would send to a builder, read as BuildKit's
//! client does.
//!
//! [`load`] reads every directory that a build takes files from. By the rules of each local source,
//! it walks the directory (`walk`), follows the requested links (`follow`), and hashes each file
//! once, on all cores (`hash`), even if several sources and steps use it. The result is a value of
//! [`crate::explain::context`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use crate::explain::context::ContextFiles;
use crate::explain::context::rules::{Rules, RulesError};
use crate::explain::keys::fill::KnownFiles;
use crate::format::ignore_file::{self, LineTooLong};
use crate::format::llb::OpKind;
use crate::format::pattern_matcher::PatternError;
use crate::format::provenance::{Build, StepIndex, StepOutput};

pub(super) mod changed;
mod follow;
mod hash;
pub mod place;
mod walk;

/// The directories for the contexts of a build.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// The main context.
    pub main: Option<PathBuf>,
    /// The others, by their names in `--build-context`.
    pub named: BTreeMap<String, PathBuf>,
    /// Whether to use the current ignore file of the main context (or its absence) instead of the
    /// exclusions of the build. This predicts the context of the next build.
    pub ignores_anew: bool,
}

impl Directories {
    /// Parses arguments: a directory is the main context, `NAME=DIR` a named one.
    pub fn named_by<T: AsRef<str>>(texts: &[T]) -> Self {
        let mut directories = Self::default();
        for text in texts.iter().map(AsRef::as_ref) {
            match text.split_once('=') {
                Some((name, path)) if !Path::new(text).is_dir() => {
                    directories
                        .named
                        .insert(name.to_owned(), PathBuf::from(path));
                }
                _ => directories.main = Some(PathBuf::from(text)),
            }
        }
        directories
    }

    /// Returns the first of them that is not a directory.
    pub fn absent(&self) -> Option<&Path> {
        let mut all = self.main.iter().chain(self.named.values());
        all.find(|path| !path.is_dir()).map(PathBuf::as_path)
    }
}

/// The files of a build's local sources.
#[derive(Debug, Clone, Default)]
pub struct BuildContexts {
    /// The files, by the output of the source.
    pub files: KnownFiles,
    /// The directory of each source.
    pub roots: BTreeMap<StepIndex, PathBuf>,
    /// Files and directories that could not be read. Keys that depend on them are unknown.
    pub problems: Vec<ContextProblem>,
    /// Local sources without a given directory, by their names in the build.
    pub missing: Vec<String>,
    /// Whether the current ignore file of the main context excludes other files than the build did.
    pub ignores_others: bool,
    /// Whether the current ignore file was used instead of the exclusions of the build.
    pub ignores_anew: bool,
}

/// A file or directory that could not be read.
#[derive(Debug, Clone)]
pub struct ContextProblem {
    /// The directory or file.
    pub path: PathBuf,
    pub error: ContextError,
}

/// Why a context or a file of it cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ContextError {
    /// It does not exist or cannot be read.
    #[error("cannot read it")]
    Read(#[source] Arc<io::Error>),
    /// It is not a directory.
    #[error("not a directory")]
    NotADirectory,
    /// It changed between listing and reading.
    #[error("it changed while it was read")]
    Changed,
    /// There are more files than the limit.
    #[error("it holds more than {0} files")]
    TooMany(usize),
    /// A pattern is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The build's options are malformed.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The ignore file is malformed.
    #[error(transparent)]
    IgnoreFile(#[from] LineTooLong),
    #[error("the ignore file is larger than {} bytes", ignore_file::MAX_SIZE)]
    IgnoreFileTooLarge,
}

impl From<io::Error> for ContextError {
    fn from(error: io::Error) -> Self {
        Self::Read(Arc::new(error))
    }
}

/// The walks through directories: for each set of rules, the sources that follow them.
type Walks = BTreeMap<PathBuf, BTreeMap<Rules, Vec<StepIndex>>>;

/// Reads the files of all local sources of a build with a given directory, by the rules of the
/// build.
pub fn load(build: &Build, directories: &Directories) -> BuildContexts {
    let mut contexts = BuildContexts::default();
    let current = CurrentIgnores::find(build, directories, &mut contexts.problems);
    let mut walks = Walks::new();
    for (step, of) in (0..).map(StepIndex).zip(&build.steps) {
        let OpKind::Source(op) = &of.op.kind else {
            continue;
        };
        let ("local", name) = op.scheme() else {
            continue;
        };
        let Some(directory) = directory_of(build, name, directories) else {
            contexts.missing.push(name.to_owned());
            continue;
        };
        contexts.roots.insert(step, directory.clone());
        match Rules::of_source(op) {
            Ok(mut rules) => {
                if name == main_source(build) {
                    contexts.apply_current(&current, &mut rules);
                }
                let walk = walks.entry(directory.clone()).or_default();
                walk.entry(rules).or_default().push(step);
            }
            Err(error) => contexts.problems.push(ContextProblem {
                path: directory.clone(),
                error: error.into(),
            }),
        }
    }
    contexts.missing.sort_unstable();
    contexts.missing.dedup();
    for (directory, rules) in walks {
        contexts.read(&directory, rules);
    }
    contexts
}

/// The exclusions of the current ignore file of the main context.
struct CurrentIgnores {
    /// The patterns; `None` if they are unknown.
    patterns: Option<Vec<String>>,
    /// Whether to use them instead of the exclusions of the build.
    replace: bool,
}

impl CurrentIgnores {
    fn find(build: &Build, directories: &Directories, problems: &mut Vec<ContextProblem>) -> Self {
        let main = directories.main.as_ref();
        let dockerfile = main.and_then(|main| place::dockerfile(build, main, directories));
        let patterns = main.and_then(|main| match ignored(main, dockerfile.as_deref()) {
            // A context without such a file ignores nothing.
            Ok(patterns) => Some(patterns.unwrap_or_default()),
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        // If the Dockerfile is not the one of the build, its ignore file may not be either.
        let text = build.main_source().map(|source| source.text.is_some());
        let is_the_file = dockerfile.is_some() || text != Some(true);
        Self {
            patterns,
            replace: directories.ignores_anew && is_the_file,
        }
    }
}

impl BuildContexts {
    /// Compares the rules of the main context with the current ignore file.
    fn apply_current(&mut self, current: &CurrentIgnores, rules: &mut Rules) {
        let patterns = current.patterns.as_ref();
        if let Some(patterns) = patterns.filter(|patterns| **patterns != rules.exclude) {
            self.ignores_others = true;
            if current.replace {
                self.ignores_anew = true;
                rules.exclude.clone_from(patterns);
            }
        }
    }

    /// Reads a directory for all sources that take files from it.
    fn read(&mut self, directory: &Path, rules: BTreeMap<Rules, Vec<StepIndex>>) {
        let (rules, steps): (Vec<Rules>, Vec<Vec<StepIndex>>) = rules.into_iter().unzip();
        let (loaded, problems) = read(directory, &rules);
        self.problems.extend(problems);
        for (files, steps) in loaded.into_iter().zip(steps) {
            let Some(files) = files.map(Arc::new) else {
                continue;
            };
            let outputs = steps.into_iter().map(|step| StepOutput { step, output: 0 });
            self.files
                .extend(outputs.map(|output| (output, Arc::clone(&files))));
        }
    }
}

/// Reads a directory once for each of several rules; `None` where that failed.
pub fn read(directory: &Path, rules: &[Rules]) -> (Vec<Option<ContextFiles>>, Vec<ContextProblem>) {
    let mut problems = Vec::new();
    let mut fail = |path: PathBuf, error| problems.push(ContextProblem { path, error });
    let root = match fs::canonicalize(directory) {
        Ok(root) if root.is_dir() => root,
        Ok(_) => {
            fail(directory.to_owned(), ContextError::NotADirectory);
            return (vec![None; rules.len()], problems);
        }
        Err(error) => {
            fail(directory.to_owned(), error.into());
            return (vec![None; rules.len()], problems);
        }
    };
    let listings: Vec<_> = rules
        .iter()
        .map(|rules| {
            walk::list(&root, rules)
                .map_err(|(path, error)| fail(path, error))
                .ok()
        })
        .collect();
    let (hashes, unread) = hash::all(&root, listings.iter().flatten().flatten());
    problems.extend(unread);
    let files = |listing: Vec<walk::WalkedFile>| {
        let entries = listing
            .into_iter()
            .map(|listed| hashes.finish(listed))
            .collect();
        ContextFiles::of_context(entries)
    };
    (
        listings
            .into_iter()
            .map(|listing| listing.map(files))
            .collect(),
        problems,
    )
}

/// Returns the name of the main context in the build.
fn main_source(build: &Build) -> &str {
    build
        .request
        .args
        .get("contextkey")
        .map_or("context", String::as_str)
}

/// Finds the directory for a local source. The build names the source, and its `context:NAME` is
/// the user's name for it.
fn directory_of<'a>(
    build: &Build,
    source: &str,
    directories: &'a Directories,
) -> Option<&'a PathBuf> {
    if source == main_source(build) {
        return directories.main.as_ref();
    }
    let names = build.request.args.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("context:")?;
        (value.strip_prefix("local:") == Some(source))
            .then(|| name.split("::").next().unwrap_or(name))
    });
    names
        .chain([source])
        .find_map(|name| directories.named.get(name))
}

/// Reads the patterns that a build of `dockerfile` would exclude from the context in `directory`:
/// those of `<Dockerfile>.dockerignore` next to it, else those of `.dockerignore` in the context.
/// Returns `None` if neither exists.
///
/// # Errors
/// If the file cannot be read or is malformed.
pub(in crate::explain::load) fn ignored(
    directory: &Path,
    dockerfile: Option<&Path>,
) -> Result<Option<Vec<String>>, ContextProblem> {
    let own = dockerfile.map(|dockerfile| {
        let mut own = dockerfile.as_os_str().to_owned();
        own.push(".dockerignore");
        PathBuf::from(own)
    });
    for path in own.into_iter().chain([directory.join(".dockerignore")]) {
        let failed = |error: ContextError| ContextProblem {
            path: path.clone(),
            error,
        };
        let length = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error.into())),
        };
        if length > ignore_file::MAX_SIZE as u64 {
            return Err(failed(ContextError::IgnoreFileTooLarge));
        }
        let text = fs::read(&path).map_err(|error| failed(error.into()))?;
        return ignore_file::parse(&text)
            .map(Some)
            .map_err(|error| failed(error.into()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
