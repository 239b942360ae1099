//! In which of its parts an operation is another than it was.

use std::collections::BTreeSet;

use super::{CauseKind, Described};
use crate::explain::dockerfile::Dockerfile;
use crate::explain::keys::platform;
use crate::explain::secrets;
use crate::explain::text_diff::{self, Line, became, quoted};
use crate::format::llb::{Copy, ExecOp, FileAction, FileChange, Mount, OpKind};
use crate::format::provenance::{Build, StepIndex};

/// Compares a step with the one that it was; `base_changed` says that it stands on another image, which brings variables
/// of its own along. None when nothing of the step's own is another.
pub fn change(
    now: &Described<'_>,
    step: StepIndex,
    before: &Described<'_>,
    former: StepIndex,
    base_changed: bool,
) -> Option<(CauseKind, String)> {
    let (op, was) = (now.build.step(step)?, before.build.step(former)?);
    let platforms = (platform::of_step(before.build, was), platform::of_step(now.build, op));
    let kind_of_change = match (&op.op.kind, &was.op.kind) {
        (OpKind::Exec(op), OpKind::Exec(was)) => exec(now, before.build, op, was, step, base_changed),
        (OpKind::File(op), OpKind::File(was)) => {
            let same_text = text(now, step) == text(before, former);
            let pairs = op.actions.0.iter().zip(&was.actions.0);
            let changed = pairs.clone().find_map(|(action, was)| file(action, was, same_text));
            let count = (op.actions.0.len() != was.actions.0.len())
                .then(|| (CauseKind::Command, became(text(before, former), text(now, step))));
            changed.or(count)
        }
        (OpKind::Merge(_) | OpKind::Diff(_) | OpKind::Build(_) | OpKind::Passthrough(_), _) => {
            Some((CauseKind::Command, became(text(before, former), text(now, step))))
        }
        _ => None,
    };
    kind_of_change.or_else(|| {
        let (Some(was), Some(is)) = platforms else { return None };
        (!same(&was, &is)).then(|| {
            let name = |platform: &crate::format::llb::Platform| format!("{}/{}", platform.os, platform.architecture);
            (CauseKind::Platform, became(&name(&was), &name(&is)))
        })
    })
}

/// Compares the text of a step that has several lines with what it was: a heredoc, a script.
pub fn text_change(now: &Build, step: StepIndex, before: &Build, former: StepIndex) -> Option<Vec<Line>> {
    let (was, is) = match (&before.step(former)?.op.kind, &now.step(step)?.op.kind) {
        (OpKind::Exec(was), OpKind::Exec(is)) => {
            (was.meta.args.0.last()?.clone().into_bytes(), is.meta.args.0.last()?.clone().into_bytes())
        }
        (OpKind::File(was), OpKind::File(is)) => {
            let mut pairs = was.actions.0.iter().zip(&is.actions.0);
            pairs.find_map(|(was, is)| match (&was.change, &is.change) {
                (FileChange::MakeFile(was), FileChange::MakeFile(is)) if was.data.0 != is.data.0 => {
                    Some((was.data.0.clone(), is.data.0.clone()))
                }
                _ => None,
            })?
        }
        _ => return None,
    };
    if was.contains(&b'\n') || is.contains(&b'\n') { text_diff::lines("", &was, &is) } else { None }
}

/// Says how many lines came and went.
pub fn counted(lines: &[Line]) -> String {
    let count = |sign: char, word: &str| match lines.iter().filter(|line| line.parts().0 == sign).count() {
        0 => None,
        1 => Some(format!("1 line {word}")),
        count => Some(format!("{count} lines {word}")),
    };
    let parts = [count('-', "removed"), count('+', "added")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn exec(
    now: &Described<'_>,
    before: &Build,
    op: &ExecOp,
    was: &ExecOp,
    step: StepIndex,
    base_changed: bool,
) -> Option<(CauseKind, String)> {
    if op.meta.args.0 != was.meta.args.0 {
        let command = |op: &ExecOp| op.meta.args.0.last().cloned().unwrap_or_default();
        let kind = if text(now, step).contains("<<") { CauseKind::Heredoc } else { CauseKind::Command };
        return Some((kind, became(&command(was), &command(op))));
    }
    if let Some(change) = environment(now.build, before, &op.meta.env.0, &was.meta.env.0, base_changed) {
        return Some(change);
    }
    let parts = [
        (CauseKind::UserOrWorkdir, "the working directory", was.meta.cwd.clone(), op.meta.cwd.clone()),
        (CauseKind::UserOrWorkdir, "the user", was.meta.user.clone(), op.meta.user.clone()),
        (CauseKind::Option, "network", was.network.to_string(), op.network.to_string()),
        (CauseKind::Option, "security", was.security.to_string(), op.security.to_string()),
        (CauseKind::Option, "hostname", was.meta.hostname.clone(), op.meta.hostname.clone()),
    ];
    if let Some((kind, name, was, is)) = parts.into_iter().find(|(_, _, was, is)| was != is) {
        return Some((kind, format!("{name}: {}", became(&was, &is))));
    }
    if !same(&op.mounts, &was.mounts) || !same(&op.secret_env, &was.secret_env) {
        return Some((CauseKind::Mount, mounts(op, was)));
    }
    let rest = [
        ("ulimit", same(&op.meta.ulimits, &was.meta.ulimits)),
        ("add-host", same(&op.meta.extra_hosts, &was.meta.extra_hosts)),
        ("cgroup-parent", op.meta.cgroup_parent == was.meta.cgroup_parent),
        ("device", same(&op.cdi_devices, &was.cdi_devices)),
        ("the client's version", op.meta.remove_mount_stubs_recursive == was.meta.remove_mount_stubs_recursive),
    ];
    rest.into_iter().find(|(_, same)| !same).map(|(name, _)| (CauseKind::Option, name.to_owned()))
}

/// Names the mounts that came, went, or are others, by where they are.
fn mounts(op: &ExecOp, was: &ExecOp) -> String {
    let at = |op: &ExecOp, dest: &str| -> Vec<Mount> {
        op.mounts.0.iter().filter(|mount| mount.dest == dest).cloned().collect()
    };
    let mut seen = BTreeSet::new();
    let mut told = Vec::new();
    for mount in op.mounts.0.iter().chain(&was.mounts.0).filter(|mount| seen.insert(&mount.dest)) {
        let (is, was) = (at(op, &mount.dest), at(was, &mount.dest));
        let what = match (is.is_empty(), was.is_empty()) {
            (false, true) => "was added",
            (true, false) => "was removed",
            _ if !same(&is, &was) => "is another",
            _ => continue,
        };
        told.push(format!("{} {what}", quoted(&mount.dest)));
    }
    if told.is_empty() { "a secret of the environment".to_owned() } else { told.join(", ") }
}

/// Finds the first variable that is another.
fn environment(
    build: &Build,
    before: &Build,
    now: &[String],
    was: &[String],
    base_changed: bool,
) -> Option<(CauseKind, String)> {
    let split = |entry: &'_ String| -> (String, String) {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        (name.to_owned(), value.to_owned())
    };
    let value = |entries: &[String], name: &str| {
        entries.iter().rev().map(split).find(|(found, _)| found == name).map(|(_, value)| value)
    };
    for (name, _) in now.iter().chain(was).map(split) {
        let (old, new) = (value(was, &name), value(now, &name));
        if old == new {
            continue;
        }
        let (is_arg, is_env) = declared(build, &name);
        let (was_arg, was_env) = declared(before, &name);
        let is_argument = build.request.args.contains_key(&format!("build-arg:{name}")) || is_arg || was_arg;
        if base_changed && !is_argument && !is_env && !was_env {
            continue;
        }
        let shown = |value: Option<String>| match value {
            None => "unset".to_owned(),
            Some(_) if secrets::is_secret(&name) => "(hidden)".to_owned(),
            Some(value) => quoted(&secrets::without(&value)),
        };
        let kind = if is_argument && !is_env && !was_env { CauseKind::BuildArg } else { CauseKind::Environment };
        return Some((kind, format!("{name} was {}, and is {}", shown(old), shown(new))));
    }
    // The same variables in another order are another key, too.
    (now != was && !base_changed).then(|| (CauseKind::Environment, "the order of the variables".to_owned()))
}

/// Tells whether the build's file declares a name as an argument, and as a variable.
fn declared(build: &Build, name: &str) -> (bool, bool) {
    let has = |word: &str| {
        let mut texts = build.sources.iter().filter_map(|source| source.text.as_deref());
        texts.any(|text| declares(text, word, name))
    };
    (has("ARG"), has("ENV"))
}

/// Tells whether an instruction of a Dockerfile that is called `word` sets a name.
fn declares(text: &str, word: &str, name: &str) -> bool {
    Dockerfile::parse(text).instructions.iter().any(|instruction| {
        let mut words = instruction.text.split_whitespace();
        words.next().is_some_and(|first| first.eq_ignore_ascii_case(word))
            && words.any(|word| word == name || word.split_once('=').is_some_and(|(found, _)| found == name))
    })
}

pub(super) fn file(action: &FileAction, was: &FileAction, same_text: bool) -> Option<(CauseKind, String)> {
    if action.input < 0 && was.input >= 0 || action.input >= 0 && was.input < 0 {
        return Some((CauseKind::Option, "link".to_owned()));
    }
    match (&action.change, &was.change) {
        (FileChange::Copy(copy), FileChange::Copy(was)) => copied(copy, was, same_text),
        (FileChange::MakeFile(file), FileChange::MakeFile(was)) => {
            if !same(&file.data, &was.data) {
                // The frontend keeps the text of a heredoc in a file that is named like its delimiter.
                let delimiter = file.path.trim_start_matches('/');
                return Some((CauseKind::Heredoc, format!("the text of {}", quoted(&format!("<<{delimiter}")))));
            }
            if !same(&file.owner, &was.owner) {
                return Some((CauseKind::Option, "chown".to_owned()));
            }
            if file.mode != was.mode {
                return Some((CauseKind::Option, "chmod".to_owned()));
            }
            (file.path != was.path).then(|| (CauseKind::Command, became(&was.path, &file.path)))
        }
        (FileChange::MakeDir(dir), FileChange::MakeDir(was)) => {
            if dir.path != was.path {
                return Some((CauseKind::UserOrWorkdir, became(&was.path, &dir.path)));
            }
            (!same(dir, was)).then(|| (CauseKind::Option, "the directory's time, mode or owner".to_owned()))
        }
        (change, was) => (!same(change, was)).then(|| (CauseKind::Command, "what is done with the files".to_owned())),
    }
}

fn copied(copy: &Copy, was: &Copy, same_text: bool) -> Option<(CauseKind, String)> {
    let base = |path: &str| crate::format::go_path::base(path.as_bytes()).to_vec();
    if copy.dest != was.dest {
        // The same words lead elsewhere from another directory.
        let kind = if same_text { CauseKind::UserOrWorkdir } else { CauseKind::Command };
        return Some((kind, became(&was.dest, &copy.dest)));
    }
    if base(&copy.src) != base(&was.src) {
        return Some((CauseKind::Command, became(&was.src, &copy.src)));
    }
    let options = [
        ("chown", same(&copy.owner, &was.owner)),
        ("chmod", copy.mode == was.mode && copy.mode_str == was.mode_str),
        ("exclude", copy.exclude_patterns.0 == was.exclude_patterns.0),
        ("parents", copy.include_patterns.0 == was.include_patterns.0),
        ("the time of the files", copy.timestamp == was.timestamp),
        ("unpack", copy.attempt_unpack == was.attempt_unpack),
    ];
    let option = options.into_iter().find(|(_, same)| !same).map(|(name, _)| (CauseKind::Option, name.to_owned()));
    option.or_else(|| (!same(copy, was)).then(|| (CauseKind::Option, "an option of the frontend".to_owned())))
}

/// Tells whether two values are written alike. The types of LLB have no other way to be compared.
fn same<T: std::fmt::Debug>(one: &T, other: &T) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

fn text<'a>(build: &'a Described<'_>, step: StepIndex) -> &'a str {
    build.names.get(step.at()).map_or("", |name| &name.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_declares_may_stand_on_several_lines() {
        let file =
            "ARG BASE=1\nFROM a\nenv A=1 \\\n  # no instruction: ENV C=3\n    B=2\nENV OLD value\nRUN ENV=1 D=4\n";
        let of = |name: &str| (declares(file, "ARG", name), declares(file, "ENV", name));
        assert_eq!(of("BASE"), (true, false));
        assert_eq!((of("A"), of("B"), of("OLD")), ((false, true), (false, true), (false, true)));
        assert_eq!((of("C"), of("D"), of("value=")), ((false, false), (false, false), (false, false)));
    }
}
