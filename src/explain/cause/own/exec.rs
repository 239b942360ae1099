//! Finds the parts of a command that changed.

use std::collections::BTreeSet;

use super::{declared, same};
use crate::explain::cause::{CauseKind, CausePart, ComparedBuild};
use crate::explain::text_diff::{became, quoted};
use crate::format::llb::{ExecOp, Mount};
use crate::format::provenance::Build;
use crate::text::secrets;

/// Compares two commands; see [`super::change`]. `is_heredoc` says that the command is the text of
/// a heredoc and that its instruction is unchanged.
pub(in crate::explain::cause) fn exec(
    now: &ComparedBuild<'_>,
    before: &Build,
    op: &ExecOp,
    was: &ExecOp,
    is_heredoc: bool,
    base_changed: bool,
) -> Vec<CausePart> {
    let mut parts = command(&op.meta.args.0, &was.meta.args.0, is_heredoc);
    parts.extend(environment(
        now.build,
        before,
        &op.meta.env.0,
        &was.meta.env.0,
        base_changed,
    ));
    parts.extend(settings(op, was));
    if !same(&op.mounts, &was.mounts) || !same(&op.secret_env, &was.secret_env) {
        parts.push(CausePart::new(CauseKind::Mount, mounts(op, was)));
    }
    parts.extend(options(op, was));
    parts
}

/// Compares arguments. The last one is the command as in the Dockerfile; those before it are the
/// shell (`dockerfile2llb/convert.go`, `dispatchRun`).
fn command(now: &[String], was: &[String], is_heredoc: bool) -> Vec<CausePart> {
    if now == was {
        return Vec::new();
    }
    let (Some((is, shell)), Some((earlier, earlier_shell))) = (now.split_last(), was.split_last())
    else {
        let detail = became(&was.join(" "), &now.join(" "));
        return vec![CausePart::new(CauseKind::Command, detail)];
    };
    let mut parts = Vec::new();
    if is != earlier {
        let kind = if is_heredoc {
            CauseKind::Heredoc
        } else {
            CauseKind::Command
        };
        parts.push(CausePart::new(kind, became(earlier, is)));
    }
    if shell != earlier_shell {
        let change = became(&earlier_shell.join(" "), &shell.join(" "));
        parts.push(CausePart::new(
            CauseKind::Command,
            format!("the shell {change}"),
        ));
    }
    parts
}

/// Compares the settings that have one value each.
fn settings(op: &ExecOp, was: &ExecOp) -> Vec<CausePart> {
    let parts = [
        (
            CauseKind::UserOrWorkdir,
            "the working directory",
            was.meta.cwd.clone(),
            op.meta.cwd.clone(),
        ),
        (
            CauseKind::UserOrWorkdir,
            "the user",
            was.meta.user.clone(),
            op.meta.user.clone(),
        ),
        (
            CauseKind::Network,
            "the network mode",
            network_word(i64::from(was.network)),
            network_word(i64::from(op.network)),
        ),
        (
            CauseKind::Option,
            "the security mode",
            security_word(i64::from(was.security)),
            security_word(i64::from(op.security)),
        ),
        (
            CauseKind::Option,
            "the hostname",
            was.meta.hostname.clone(),
            op.meta.hostname.clone(),
        ),
    ];
    parts
        .into_iter()
        .filter(|(_, _, was, is)| was != is)
        .map(|(kind, name, was, is)| CausePart::new(kind, format!("{name} {}", changed(&was, &is))))
        .collect()
}

/// Describes a change of a setting that may be empty.
fn changed(was: &str, is: &str) -> String {
    match (was.is_empty(), is.is_empty()) {
        (true, false) => format!("was set to {}", quoted(is)),
        (false, true) => format!("{} is no longer set", quoted(was)),
        _ => became(was, is),
    }
}

/// The modes of `pb.NetMode` (`solver/pb/ops.proto`), as `--network` names them.
fn network_word(mode: i64) -> String {
    match mode {
        0 => "default".to_owned(),
        1 => "host".to_owned(),
        2 => "none".to_owned(),
        other => other.to_string(),
    }
}

/// The modes of `pb.SecurityMode` (`solver/pb/ops.proto`), as `--security` names them.
fn security_word(mode: i64) -> String {
    match mode {
        0 => "sandbox".to_owned(),
        1 => "insecure".to_owned(),
        other => other.to_string(),
    }
}

fn options(op: &ExecOp, was: &ExecOp) -> Vec<CausePart> {
    let options = [
        ("ulimit", same(&op.meta.ulimits, &was.meta.ulimits)),
        (
            "add-host",
            same(&op.meta.extra_hosts, &was.meta.extra_hosts),
        ),
        (
            "cgroup-parent",
            op.meta.cgroup_parent == was.meta.cgroup_parent,
        ),
        ("device", same(&op.cdi_devices, &was.cdi_devices)),
        (
            "the client's version",
            op.meta.remove_mount_stubs_recursive == was.meta.remove_mount_stubs_recursive,
        ),
    ];
    options
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| CausePart::new(CauseKind::Option, name))
        .collect()
}

/// Names the mounts that were added, removed or changed, by their paths.
fn mounts(op: &ExecOp, was: &ExecOp) -> String {
    let at = |op: &ExecOp, dest: &str| -> Vec<Mount> {
        let mounts = op.mounts.0.iter();
        mounts.filter(|mount| mount.dest == dest).cloned().collect()
    };
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    let both = op.mounts.0.iter().chain(&was.mounts.0);
    for mount in both.filter(|mount| seen.insert(&mount.dest)) {
        let is = at(op, &mount.dest);
        let was = at(was, &mount.dest);
        let change = match (is.is_empty(), was.is_empty()) {
            (false, true) => "was added",
            (true, false) => "was removed",
            _ if !same(&is, &was) => "changed",
            _ => continue,
        };
        changes.push(format!("{} {change}", quoted(&mount.dest)));
    }
    if !same(&op.secret_env, &was.secret_env) {
        changes.push("a secret of the environment changed".to_owned());
    }
    changes.join(", ")
}

/// Finds the variables that differ.
fn environment(
    build: &Build,
    before: &Build,
    now: &[String],
    was: &[String],
    base_changed: bool,
) -> Vec<CausePart> {
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    for entry in now.iter().chain(was) {
        let name = entry
            .split_once('=')
            .map_or(entry.as_str(), |(name, _)| name);
        if !seen.insert(name) {
            continue;
        }
        let old = value_of(was, name);
        let new = value_of(now, name);
        if old == new {
            continue;
        }
        let (is_arg, is_env) = declared(build, name);
        let (was_arg, was_env) = declared(before, name);
        let given = build
            .request
            .args
            .contains_key(&format!("build-arg:{name}"));
        let is_argument = given || is_arg || was_arg;
        let is_variable = is_env || was_env;
        if base_changed && !is_argument && !is_variable {
            continue;
        }
        let kind = if is_argument && !is_variable {
            CauseKind::BuildArg
        } else {
            CauseKind::Environment
        };
        parts.push(CausePart::new(kind, assigned(name, old, new)));
    }
    // The same variables in another order are another key too.
    if parts.is_empty() && now != was && !base_changed {
        parts.push(CausePart::new(
            CauseKind::Environment,
            "the order of the variables changed",
        ));
    }
    parts
}

/// Returns the value of a variable; the last assignment counts.
fn value_of(entries: &[String], name: &str) -> Option<String> {
    let mut all = entries.iter().rev();
    all.find_map(|entry| {
        let (found, value) = entry.split_once('=').unwrap_or((entry, ""));
        (found == name).then(|| value.to_owned())
    })
}

/// Describes how a variable or an argument changed, with anything that looks like a secret masked.
pub(super) fn assigned(name: &str, was: Option<String>, is: Option<String>) -> String {
    let shown = |value: Option<String>| match value {
        None => "unset".to_owned(),
        Some(_) if secrets::is_secret(name) => "(hidden)".to_owned(),
        Some(value) => quoted(&secrets::mask(&value)),
    };
    format!("{name} was {}, and is {}", shown(was), shown(is))
}
