//! Files of a revision, read from the objects of a git repository. The work tree is not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::explain::cause::CauseKind;

/// Why a file of a revision cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The revision is malformed.
    #[error("`{0}` is no revision")]
    Revision(String),
    /// Git cannot be started.
    #[error("git cannot be run")]
    Run(#[source] std::io::Error),
    /// Git does not list files or revisions.
    #[error("git cannot list {revision}: {message}")]
    List {
        /// The revision, or the range.
        revision: String,
        /// What git says.
        message: String,
    },
    /// Git returns an error.
    #[error("git cannot read {file} of {revision}: {message}")]
    Refused {
        file: String,
        revision: String,
        /// Git's message.
        message: String,
    },
    /// A file is larger than its reader takes.
    #[error("{file} of {revision} is larger than {most} bytes")]
    TooLarge {
        file: String,
        revision: String,
        /// The limit.
        most: u64,
    },
    /// A filter in git's configuration cannot be switched off, because of its name.
    #[error("the configuration of git names the filter `{0}`, which could run a program")]
    Filter(String),
}

/// Reads a file of a revision, of `most` bytes at most. `path` is its path in the work tree.
///
/// # Errors
/// If the revision has no such file, the file is larger, or git cannot be started.
pub fn read(revision: &str, path: &Path, most: u64) -> Result<Vec<u8>, GitError> {
    named(revision)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    let parent = parent.unwrap_or(Path::new("."));
    let object = format!("{revision}:./{name}");
    let file = || path.display().to_string();
    let output = run_up_to(parent, &["cat-file", "blob", &object], most + 1)?;
    let bytes = output.map_err(|message| GitError::Refused {
        file: file(),
        revision: revision.to_owned(),
        message,
    })?;
    if bytes.len() as u64 > most {
        return Err(GitError::TooLarge {
            file: file(),
            revision: revision.to_owned(),
            most,
        });
    }
    Ok(bytes)
}

/// A file of a revision: its mode, and the name of its content in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// The path below the directory that was listed.
    pub path: Vec<u8>,
    /// Mode and object name, as git has them.
    pub content: String,
}

/// Lists the files of a revision below a directory of the work tree.
///
/// # Errors
/// When there is no such revision, or git cannot be run.
pub fn files(revision: &str, directory: &Path) -> Result<Vec<TreeFile>, GitError> {
    named(revision)?;
    let output = run(directory, &["ls-tree", "-r", "-z", revision])?;
    let output = output.map_err(|message| GitError::List {
        revision: revision.to_owned(),
        message,
    })?;
    let files = output.split(|byte| *byte == 0).filter_map(|line| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        Some(TreeFile {
            path: line[tab + 1..].to_vec(),
            content: String::from_utf8_lossy(&line[..tab]).into_owned(),
        })
    });
    Ok(files.collect())
}

/// Lists the tracked files below a directory whose content or mode in the work tree is another than
/// in a revision, by their path below the directory. A file that a filter such as that of Git LFS
/// writes may count as changed, because no filter runs.
///
/// # Errors
/// If there is no such revision, or git cannot be run without running the programs of a checkout.
pub fn changes(revision: &str, directory: &Path) -> Result<BTreeMap<Vec<u8>, CauseKind>, GitError> {
    named(revision)?;
    let settings = without_programs(directory)?;
    let mut arguments: Vec<&str> = settings.iter().flat_map(|set| ["-c", set]).collect();
    arguments.extend([
        "diff",
        "--raw",
        "-z",
        "--relative",
        "--no-renames",
        "--no-ext-diff",
        "--ignore-submodules=all",
        revision,
        "--",
        ".",
    ]);
    let output = run(directory, &arguments)?.map_err(|message| GitError::List {
        revision: revision.to_owned(),
        message,
    })?;
    let mut fields = output.split(|byte| *byte == 0);
    let mut changes = BTreeMap::new();
    while let (Some(facts), Some(path)) = (fields.next(), fields.next()) {
        changes.insert(path.to_vec(), change_kind(facts));
    }
    Ok(changes)
}

/// Returns settings with which git runs none of the programs that the configuration of a checkout
/// may name: a monitor of files, and the filters of its attributes (`convert.c`).
fn without_programs(directory: &Path) -> Result<Vec<String>, GitError> {
    let arguments = [
        "config",
        "--null",
        "--name-only",
        "--get-regexp",
        "^filter\\.",
    ];
    // Git fails if nothing matches.
    let output = run(directory, &arguments)?.unwrap_or_default();
    let keys = String::from_utf8_lossy(&output);
    let names: BTreeSet<&str> = keys
        .split('\0')
        .filter_map(|key| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0))
        .collect();
    let mut settings = vec!["core.fsmonitor=false".to_owned()];
    for name in names {
        // Git ends the name of a setting at the first `=`. A name that is not UTF-8 is another one
        // here.
        if name.contains(['=', '\u{fffd}']) {
            return Err(GitError::Filter(name.to_owned()));
        }
        settings.extend([
            format!("filter.{name}.clean="),
            format!("filter.{name}.process="),
            format!("filter.{name}.required=false"),
        ]);
    }
    Ok(settings)
}

/// Returns the kind of a change from its line of `git diff --raw`:
/// `:100644 100755 OLD NEW M`. The name of the new content is unknown there, so a change of both
/// mode and content counts as one of content only where the mode is the same.
fn change_kind(facts: &[u8]) -> CauseKind {
    let text = String::from_utf8_lossy(facts);
    let mut fields = text.trim_start_matches(':').split(' ');
    let modes = [fields.next(), fields.next()];
    match text.bytes().last() {
        Some(b'A') => CauseKind::FileAdded,
        Some(b'D') => CauseKind::FileRemoved,
        Some(b'T') => CauseKind::Content,
        _ if modes == [Some("120000"); 2] => CauseKind::LinkTarget,
        _ if modes[0] != modes[1] => CauseKind::Mode,
        _ => CauseKind::Content,
    }
}

/// Lists the revisions of a range as `A..B`, the oldest first, along the first parents; of a long
/// range the newest `most`.
///
/// # Errors
/// When there is no such range, or git cannot be run.
pub fn revisions(range: &str, directory: &Path, most: usize) -> Result<Vec<String>, GitError> {
    named(range)?;
    let most = format!("--max-count={most}");
    let arguments = ["rev-list", "--first-parent", &most, range];
    let output = run(directory, &arguments)?.map_err(|message| GitError::List {
        revision: range.to_owned(),
        message,
    })?;
    let text = String::from_utf8_lossy(&output);
    let mut revisions: Vec<String> = text.lines().map(str::to_owned).collect();
    revisions.reverse();
    Ok(revisions)
}

fn named(revision: &str) -> Result<(), GitError> {
    if revision.is_empty() || revision.starts_with('-') || revision.contains(':') {
        return Err(GitError::Revision(revision.to_owned()));
    }
    Ok(())
}

/// Runs git in a directory; returns its output, or its first line of complaint.
fn run(directory: &Path, arguments: &[&str]) -> Result<Result<Vec<u8>, String>, GitError> {
    let output = command(directory, arguments).output();
    let output = output.map_err(GitError::Run)?;
    Ok(if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(first_line(&output.stderr))
    })
}

/// Runs git in a directory; returns the first `most` bytes of its output, or its first line of
/// complaint. For commands that print few errors: they have to fit into a pipe.
fn run_up_to(
    directory: &Path,
    arguments: &[&str],
    most: u64,
) -> Result<Result<Vec<u8>, String>, GitError> {
    let child = command(directory, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(GitError::Run)?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(most).read_to_end(&mut output);
        read.map_err(GitError::Run)?;
    }
    // The pipe for output is closed now, which ends a git that has more to write.
    let ended = child.wait_with_output().map_err(GitError::Run)?;
    Ok(if ended.status.success() || output.len() as u64 == most {
        Ok(output)
    } else {
        Err(first_line(&ended.stderr))
    })
}

/// Returns a command that takes no locks, does not prompt, and fetches nothing.
fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .stdin(Stdio::null());
    command
}

fn first_line(complaint: &[u8]) -> String {
    let message = String::from_utf8_lossy(complaint);
    let first = message.lines().next().unwrap_or_default();
    first.trim_start_matches("fatal: ").to_owned()
}
