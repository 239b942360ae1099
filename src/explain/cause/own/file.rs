//! Finds the parts of a file operation that changed.

use super::same;
use crate::explain::cause::{CauseKind, CausePart};
use crate::explain::text_diff::{became, quoted};
use crate::format::llb::{CopyAction, FileAction, FileChange};

/// Compares two file actions; see [`super::change`]. `epoch` describes how `SOURCE_DATE_EPOCH`
/// changed, which explains other timestamps.
pub(in crate::explain::cause) fn file(
    action: &FileAction,
    was: &FileAction,
    same_text: bool,
    epoch: Option<&CausePart>,
) -> Vec<CausePart> {
    if (action.input < 0) != (was.input < 0) {
        return vec![CausePart::new(CauseKind::Option, "link")];
    }
    match (&action.change, &was.change) {
        (FileChange::Copy(copy), FileChange::Copy(was)) => copied(copy, was, same_text, epoch),
        (FileChange::MakeFile(file), FileChange::MakeFile(was)) => {
            let mut parts = Vec::new();
            if !same(&file.data, &was.data) {
                // The frontend keeps the text of a heredoc in a file named like its delimiter.
                let delimiter = format!("<<{}", file.path.trim_start_matches('/'));
                let detail = format!("the text of {}", quoted(&delimiter));
                parts.push(CausePart::new(CauseKind::Heredoc, detail));
            }
            parts.extend(option("chown", same(&file.owner, &was.owner)));
            parts.extend(option("chmod", file.mode == was.mode));
            if file.path != was.path {
                let detail = became(&was.path, &file.path);
                parts.push(CausePart::new(CauseKind::Command, detail));
            }
            parts
        }
        (FileChange::MakeDir(dir), FileChange::MakeDir(was)) => {
            if dir.path != was.path {
                // The words are those of a command, so that both have one cause.
                let detail = format!("the working directory {}", became(&was.path, &dir.path));
                return vec![CausePart::new(CauseKind::UserOrWorkdir, detail)];
            }
            let mut parts: Vec<CausePart> = timestamp(dir.timestamp, was.timestamp, epoch)
                .into_iter()
                .collect();
            if parts.is_empty() && !same(dir, was) {
                let detail = "the directory's mode or owner";
                parts.push(CausePart::new(CauseKind::Option, detail));
            }
            parts
        }
        (change, was) if same(change, was) => Vec::new(),
        _ => vec![CausePart::new(
            CauseKind::Command,
            "the action on the files",
        )],
    }
}

fn copied(
    copy: &CopyAction,
    was: &CopyAction,
    same_text: bool,
    epoch: Option<&CausePart>,
) -> Vec<CausePart> {
    let base = |path: &str| crate::format::go_path::base(path.as_bytes()).to_vec();
    let mut parts = Vec::new();
    if copy.dest != was.dest {
        // The same words mean another path in another working directory.
        let kind = if same_text {
            CauseKind::UserOrWorkdir
        } else {
            CauseKind::Command
        };
        parts.push(CausePart::new(kind, became(&was.dest, &copy.dest)));
    }
    if base(&copy.src) != base(&was.src) {
        let detail = became(&was.src, &copy.src);
        parts.push(CausePart::new(CauseKind::Command, detail));
    }
    let modes = copy.mode == was.mode && copy.mode_str == was.mode_str;
    let excluded = copy.exclude_patterns.0 == was.exclude_patterns.0;
    let included = copy.include_patterns.0 == was.include_patterns.0;
    parts.extend(option("chown", same(&copy.owner, &was.owner)));
    parts.extend(option("chmod", modes));
    parts.extend(option("exclude", excluded));
    parts.extend(option("parents", included));
    parts.extend(timestamp(copy.timestamp, was.timestamp, epoch));
    parts.extend(option("unpack", copy.attempt_unpack == was.attempt_unpack));
    if parts.is_empty() && !same(copy, was) {
        parts.push(CausePart::new(
            CauseKind::Option,
            "an option of the frontend",
        ));
    }
    parts
}

fn option(name: &str, is_same: bool) -> Option<CausePart> {
    (!is_same).then(|| CausePart::new(CauseKind::Option, name))
}

/// Compares the timestamps that a build gives to its files.
fn timestamp(is: i64, was: i64, epoch: Option<&CausePart>) -> Option<CausePart> {
    if is == was {
        return None;
    }
    let of_option = || CausePart::new(CauseKind::Timestamp, "the time of the files");
    Some(epoch.cloned().unwrap_or_else(of_option))
}
