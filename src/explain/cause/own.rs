//! Finds the parts of an operation that changed.

use super::{CauseKind, CausePart, ComparedBuild};
use crate::explain::keys::platform;
use crate::explain::text_diff::{self, TextDiffLine, became};
use crate::format::dockerfile::outline::DockerfileOutline;
use crate::format::llb::{FileChange, OpKind};
use crate::format::provenance::{Build, Step, StepIndex};

mod exec;
mod file;

pub(super) use exec::exec;
pub(super) use file::file;

/// Compares a step with its earlier version. `base_changed` says that its base image changed, which
/// brings its own variables. Returns every part that differs, each kind once.
pub fn change(
    now: &ComparedBuild<'_>,
    step: StepIndex,
    before: &ComparedBuild<'_>,
    earlier: StepIndex,
    base_changed: bool,
) -> Vec<CausePart> {
    let (Some(of), Some(was)) = (now.build.step(step), before.build.step(earlier)) else {
        return Vec::new();
    };
    let same_text = text(now, step) == text(before, earlier);
    let whole = || {
        let detail = became(text(before, earlier), text(now, step));
        CausePart::new(CauseKind::Command, detail)
    };
    let mut parts = match (&of.op.kind, &was.op.kind) {
        (OpKind::Exec(op), OpKind::Exec(was)) => {
            let is_heredoc = same_text && text(now, step).contains("<<");
            exec(now, before.build, op, was, is_heredoc, base_changed)
        }
        (OpKind::File(op), OpKind::File(was)) => {
            let epoch = source_date_epoch(now.build, before.build);
            let pairs = op.actions.0.iter().zip(&was.actions.0);
            let mut parts: Vec<CausePart> = pairs
                .flat_map(|(action, was)| file(action, was, same_text, epoch.as_ref()))
                .collect();
            if parts.is_empty() && op.actions.0.len() != was.actions.0.len() {
                parts.push(whole());
            }
            parts
        }
        (OpKind::Merge(_) | OpKind::Diff(_) | OpKind::Build(_) | OpKind::Passthrough(_), _) => {
            vec![whole()]
        }
        _ => Vec::new(),
    };
    parts.extend(platform_change(now.build, of, before.build, was));
    by_kind(parts)
}

/// Joins the parts of one kind into one, in the order of their first appearance.
fn by_kind(parts: Vec<CausePart>) -> Vec<CausePart> {
    let mut joined: Vec<CausePart> = Vec::new();
    for part in parts {
        match joined.iter_mut().find(|other| other.kind == part.kind) {
            Some(other) if other.detail == part.detail => {}
            Some(other) => {
                other.detail.push_str("; ");
                other.detail.push_str(&part.detail);
            }
            None => joined.push(part),
        }
    }
    joined
}

fn platform_change(now: &Build, step: &Step, before: &Build, earlier: &Step) -> Option<CausePart> {
    let was = platform::of_step(before, earlier)?;
    let is = platform::of_step(now, step)?;
    let detail = became(&platform::name(&was), &platform::name(&is));
    (!same(&was, &is)).then(|| CausePart::new(CauseKind::Platform, detail))
}

/// Describes how the argument `SOURCE_DATE_EPOCH` changed. The frontend uses it as the time of
/// files that `WORKDIR` and `COPY` create. It is therefore in their keys although no instruction
/// names it (`dockerfile2llb/convert.go`).
fn source_date_epoch(now: &Build, before: &Build) -> Option<CausePart> {
    let value = |build: &Build| {
        let args = &build.request.args;
        args.get("build-arg:SOURCE_DATE_EPOCH").cloned()
    };
    let is = value(now);
    let was = value(before);
    (is != was).then(|| {
        let detail = exec::assigned("SOURCE_DATE_EPOCH", was, is);
        CausePart::new(CauseKind::BuildArg, detail)
    })
}

/// Compares the text of a step that has several lines: a heredoc, a script.
pub fn text_change(
    now: &Build,
    step: StepIndex,
    before: &Build,
    earlier: StepIndex,
) -> Option<Vec<TextDiffLine>> {
    let (was, is) = match (&before.step(earlier)?.op.kind, &now.step(step)?.op.kind) {
        (OpKind::Exec(was), OpKind::Exec(is)) => (
            was.meta.args.0.last()?.clone().into_bytes(),
            is.meta.args.0.last()?.clone().into_bytes(),
        ),
        (OpKind::File(was), OpKind::File(is)) => {
            let mut pairs = was.actions.0.iter().zip(&is.actions.0);
            pairs.find_map(|(was, is)| match (&was.change, &is.change) {
                (FileChange::MakeFile(was), FileChange::MakeFile(is))
                    if was.data.0 != is.data.0 =>
                {
                    Some((was.data.0.clone(), is.data.0.clone()))
                }
                _ => None,
            })?
        }
        _ => return None,
    };
    if was != is && (was.contains(&b'\n') || is.contains(&b'\n')) {
        text_diff::lines("", &was, &is)
    } else {
        None
    }
}

/// Returns how many lines were added and removed, in words.
pub fn counted(lines: &[TextDiffLine]) -> String {
    let count =
        |sign: &str, word: &str| match lines.iter().filter(|line| line.parts().0 == sign).count() {
            0 => None,
            1 => Some(format!("1 line {word}")),
            count => Some(format!("{count} lines {word}")),
        };
    let parts = [count("-", "removed"), count("+", "added")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Returns whether the build's Dockerfile declares a name as an argument, and as a variable.
pub(super) fn declared(build: &Build, name: &str) -> (bool, bool) {
    let has = |word: &str| {
        let mut texts = build
            .sources
            .iter()
            .filter_map(|source| source.text.as_deref());
        texts.any(|text| declares(text, word, name))
    };
    (has("ARG"), has("ENV"))
}

/// Returns whether a Dockerfile has an instruction `word` that sets a name.
fn declares(text: &str, word: &str, name: &str) -> bool {
    DockerfileOutline::parse(text)
        .instructions
        .iter()
        .any(|instruction| {
            let mut words = instruction.text.split_whitespace();
            words
                .next()
                .is_some_and(|first| first.eq_ignore_ascii_case(word))
                && words.any(|word| {
                    word == name || word.split_once('=').is_some_and(|(found, _)| found == name)
                })
        })
}

/// Returns whether two values have the same debug output. The types of LLB cannot be compared
/// otherwise.
pub(super) fn same<T: std::fmt::Debug>(one: &T, other: &T) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

fn text<'a>(build: &'a ComparedBuild<'_>, step: StepIndex) -> &'a str {
    build.names.get(step.at()).map_or("", |name| &name.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_of_a_dockerfile_may_span_lines() {
        let file = "ARG BASE=1\nFROM a\nenv A=1 \\\n  # no instruction: ENV C=3\n    B=2\nENV OLD value\nRUN ENV=1 D=4\n";
        let of = |name: &str| (declares(file, "ARG", name), declares(file, "ENV", name));
        assert_eq!(of("BASE"), (true, false));
        assert_eq!(
            (of("A"), of("B"), of("OLD")),
            ((false, true), (false, true), (false, true))
        );
        assert_eq!(
            (of("C"), of("D"), of("value=")),
            ((false, false), (false, false), (false, false))
        );
    }
}
