//! Build contexts on disk: the files that a client would send to a builder, read as BuildKit's client reads them.
//!
//! [`load`] reads every directory that a build takes files from: by the rules of each local source it walks the directory
//! (`walk`), follows the links that the rules ask for (`follow`), and hashes each file once, on all cores (`hash`),
//! however many sources and steps take it. The result is a value of [`crate::explain::context`].

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

mod follow;
mod hash;
mod walk;

/// The directories that were given for the contexts of a build.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// The main context.
    pub main: Option<PathBuf>,
    /// The others, by the names that `--build-context` gave them.
    pub named: BTreeMap<String, PathBuf>,
    /// Whether the ignore file of the main context counts, or that there is none, and not what the build left out: to tell
    /// what a next build would send.
    pub ignores_anew: bool,
}

impl Directories {
    /// Reads what a person names: a directory is the main context, `NAME=DIR` another.
    pub fn named_by<T: AsRef<str>>(texts: &[T]) -> Self {
        let mut directories = Self::default();
        for text in texts.iter().map(AsRef::as_ref) {
            match text.split_once('=') {
                Some((name, path)) if !Path::new(text).is_dir() => {
                    directories.named.insert(name.to_owned(), PathBuf::from(path));
                }
                _ => directories.main = Some(PathBuf::from(text)),
            }
        }
        directories
    }
}

/// The files of a build's local sources.
#[derive(Debug, Clone, Default)]
pub struct Contexts {
    /// By the output of the source.
    pub files: KnownFiles,
    /// Where each source's files are.
    pub roots: BTreeMap<StepIndex, PathBuf>,
    /// What could not be read, so that keys which depend on it are not known.
    pub problems: Vec<Problem>,
    /// Local sources for which no directory was given, by the names that the build has for them.
    pub missing: Vec<String>,
    /// Whether the ignore file of the main context leaves out something else than the build did.
    pub ignores_others: bool,
}

/// Something that could not be read.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The directory or file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: ContextError,
}

/// Says why a context or a file of it cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ContextError {
    /// It is not there or may not be read.
    #[error("cannot read it")]
    Read(#[source] Arc<io::Error>),
    /// It is no directory.
    #[error("not a directory")]
    NotADirectory,
    /// It changed between being listed and being read.
    #[error("it changed while it was read")]
    Changed,
    /// There are more files than are ever looked at.
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
    /// The ignore file is larger than any that is read.
    #[error("the ignore file is larger than {} bytes", ignore_file::MAX_SIZE)]
    IgnoreFileTooLarge,
}

impl From<io::Error> for ContextError {
    fn from(error: io::Error) -> Self {
        Self::Read(Arc::new(error))
    }
}

/// Reads the files of all local sources of a build for which a directory was given, by the rules that the build had.
pub fn load(build: &Build, directories: &Directories) -> Contexts {
    let mut contexts = Contexts::default();
    let mut walks: BTreeMap<PathBuf, BTreeMap<Rules, Vec<StepIndex>>> = BTreeMap::new();
    // A context without such a file ignores nothing.
    let ignored = directories.main.as_ref().and_then(|main| match ignored(main, &dockerfile(build, main)) {
        Ok(patterns) => Some(patterns.unwrap_or_default()),
        Err(problem) => {
            contexts.problems.push(problem);
            None
        }
    });
    for (step, of) in (0..).map(StepIndex).zip(&build.steps) {
        let OpKind::Source(op) = &of.op.kind else { continue };
        let ("local", name) = op.scheme() else { continue };
        let Some(directory) = directory_of(build, name, directories) else {
            contexts.missing.push(name.to_owned());
            continue;
        };
        contexts.roots.insert(step, directory.clone());
        let ignored = ignored.as_ref().filter(|_| name == main_source(build));
        match Rules::of_source(op) {
            Ok(mut rules) => {
                if let Some(ignored) = ignored.filter(|ignored| **ignored != rules.exclude) {
                    contexts.ignores_others = true;
                    if directories.ignores_anew {
                        rules.exclude.clone_from(ignored);
                    }
                }
                walks.entry(directory.clone()).or_default().entry(rules).or_default().push(step);
            }
            Err(error) => contexts.problems.push(Problem { path: directory.clone(), error: error.into() }),
        }
    }
    contexts.missing.sort_unstable();
    contexts.missing.dedup();
    for (directory, rules) in walks {
        let (rules, steps): (Vec<Rules>, Vec<Vec<StepIndex>>) = rules.into_iter().unzip();
        let (loaded, problems) = read(&directory, &rules);
        contexts.problems.extend(problems);
        for (files, steps) in loaded.into_iter().zip(steps) {
            let Some(files) = files.map(Arc::new) else { continue };
            let outputs = steps.into_iter().map(|step| StepOutput { step, output: 0 });
            contexts.files.extend(outputs.map(|output| (output, Arc::clone(&files))));
        }
    }
    contexts
}

/// Reads a directory by each of several rules; none where that was not possible.
pub fn read(directory: &Path, rules: &[Rules]) -> (Vec<Option<ContextFiles>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut fail = |path: PathBuf, error| problems.push(Problem { path, error });
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
    let listings: Vec<_> =
        rules.iter().map(|rules| walk::list(&root, rules).map_err(|(path, error)| fail(path, error)).ok()).collect();
    let (hashes, unread) = hash::all(&root, listings.iter().flatten().flatten());
    problems.extend(unread);
    let files = |listing: Vec<walk::Listed>| {
        let entries = listing.into_iter().map(|listed| hashes.finish(listed)).collect();
        ContextFiles::of_context(entries)
    };
    (listings.into_iter().map(|listing| listing.map(files)).collect(), problems)
}

/// Returns where the file of a build lies that was built in `main`.
pub fn dockerfile(build: &Build, main: &Path) -> PathBuf {
    let named = [&build.request.path].into_iter().chain(build.sources.first().map(|source| &source.name));
    main.join(named.into_iter().find(|name| !name.is_empty()).map_or("Dockerfile", String::as_str))
}

/// Returns the name that the build has for its main context.
fn main_source(build: &Build) -> &str {
    build.request.args.get("contextkey").map_or("context", String::as_str)
}

/// Finds the directory for a local source: the build names it itself, and `context:NAME` tells what the user calls it.
fn directory_of<'a>(build: &Build, source: &str, directories: &'a Directories) -> Option<&'a PathBuf> {
    if source == main_source(build) {
        return directories.main.as_ref();
    }
    let names = build.request.args.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("context:")?;
        (value.strip_prefix("local:") == Some(source)).then(|| name.split("::").next().unwrap_or(name))
    });
    names.chain([source]).find_map(|name| directories.named.get(name))
}

/// Reads the patterns that a build of `dockerfile` would exclude from the context in `directory`: those of
/// `<Dockerfile>.dockerignore` beside it or else of `.dockerignore` in the context. None when there is neither.
///
/// # Errors
/// When the file cannot be read or is malformed.
fn ignored(directory: &Path, dockerfile: &Path) -> Result<Option<Vec<String>>, Problem> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    for path in [PathBuf::from(own), directory.join(".dockerignore")] {
        let failed = |error: ContextError| Problem { path: path.clone(), error };
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
        return ignore_file::parse(&text).map(Some).map_err(|error| failed(error.into()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
