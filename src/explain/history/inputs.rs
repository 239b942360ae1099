//! The inputs of a build: build arguments, variables, labels, images, downloads and files.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChangedInputPlace, HistoryBuild, advice};
use crate::explain::cause;
use crate::explain::solve::CacheVerdict;
use crate::format::digest::Digest;
use crate::format::dockerfile::outline::DockerfileOutline;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex};
use crate::text::secrets::mask;

/// The files that each step takes of the main context, by path.
pub type TakenFiles = BTreeMap<StepIndex, BTreeMap<String, Digest>>;

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputKind {
    /// A build argument.
    BuildArg,
    /// A variable that the Dockerfile sets.
    Environment,
    /// A label that the build command sets.
    Label,
    /// An image that a stage stands on or copies from.
    BaseImage,
    /// An address or a repository.
    RemoteContent,
    /// A file of the context, or the files that one instruction takes.
    Content,
}

impl InputKind {
    /// Returns the word for it, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::BuildArg => "build-arg",
            Self::Environment => "environment",
            Self::Label => "label",
            Self::BaseImage => "base-image",
            Self::RemoteContent => "remote-content",
            Self::Content => "content",
        }
    }

    /// Returns what people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::BuildArg => "build argument",
            Self::Environment => "variable",
            Self::Label => "label",
            Self::BaseImage => "image",
            Self::RemoteContent => "download",
            Self::Content => "file",
        }
    }

    /// Returns whether its values say something to people: those of files are digests.
    pub fn has_values(self) -> bool {
        self.is_variable()
    }

    /// Returns whether it is set by name: an argument, a variable or a label.
    pub(super) fn is_variable(self) -> bool {
        matches!(self, Self::BuildArg | Self::Environment | Self::Label)
    }
}

/// The inputs of one build.
#[derive(Debug, Default)]
pub(super) struct BuildInputs {
    /// The values by kind and name.
    pub(super) values: BTreeMap<(InputKind, String), String>,
    has_files: bool,
}

impl BuildInputs {
    /// Returns whether the evidence shows the value of an input, or that the build has none.
    pub(super) fn knows(&self, key: &(InputKind, String)) -> bool {
        match key.0 {
            InputKind::BuildArg | InputKind::Label => true,
            InputKind::Content => self.has_files,
            // A stage that is not built has no variables and images.
            InputKind::Environment | InputKind::BaseImage | InputKind::RemoteContent => {
                self.values.contains_key(key)
            }
        }
    }
}

/// Lists the inputs of a build with their values.
pub(super) fn of_build(history: &HistoryBuild) -> BuildInputs {
    let mut values = BTreeMap::new();
    for (name, value) in &history.build.request.args {
        let kinds = [
            ("build-arg:", InputKind::BuildArg),
            ("label:", InputKind::Label),
        ];
        for (prefix, kind) in kinds {
            if let Some(name) = name.strip_prefix(prefix) {
                values.insert((kind, name.to_owned()), value.clone());
            }
        }
    }
    for (word, kind) in [
        ("ENV", InputKind::Environment),
        ("ARG", InputKind::BuildArg),
    ] {
        for (name, value) in variables(&history.build, word) {
            // A build argument has the value of the command, else its default.
            values.entry((kind, name)).or_insert(value);
        }
    }
    for (place, step) in history.build.steps.iter().enumerate() {
        if let Some((kind, name)) = source(&history.build, StepIndex(index(place)))
            && let Some(keys) = history.keys.get(place)
            && !keys.digests.is_empty()
        {
            let pinned = match &step.op.kind {
                OpKind::Source(op) => op.identifier.split_once('@').map(|(_, digest)| digest),
                _ => None,
            };
            let digests = keys.digests.iter().map(ToString::to_string);
            let value = pinned.map_or_else(|| digests.collect::<Vec<_>>().join(" "), str::to_owned);
            values.insert((kind, name), value);
        }
    }
    for files in history.files.iter().flat_map(BTreeMap::values) {
        for (path, digest) in files {
            values.insert((InputKind::Content, path.clone()), digest.to_string());
        }
    }
    BuildInputs {
        values,
        has_files: history.files.is_some(),
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Returns the variables that instructions of the Dockerfile called `word` set, with all values
/// that commands have of them.
fn variables(build: &Build, word: &str) -> BTreeMap<String, String> {
    let declared: BTreeSet<String> = advice::files(build)
        .flat_map(|(_, file)| file.instructions)
        .filter(|instruction| advice::word(&instruction.text) == word)
        .flat_map(|instruction| advice::names(&instruction.text))
        .collect();
    let mut values: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for step in &build.steps {
        let OpKind::Exec(op) = &step.op.kind else {
            continue;
        };
        for entry in &op.meta.env.0 {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            if declared.contains(name) {
                values.entry(name.to_owned()).or_default().insert(value);
            }
        }
    }
    let joined = |values: BTreeSet<&str>| values.into_iter().collect::<Vec<_>>().join(" ");
    values
        .into_iter()
        .map(|(name, values)| (name, joined(values)))
        .collect()
}

/// Returns the kind and name of a source other than the context.
pub(super) fn source(build: &Build, step: StepIndex) -> Option<(InputKind, String)> {
    let OpKind::Source(op) = &build.step(step)?.op.kind else {
        return None;
    };
    if cause::is_context_source(build, op) {
        return None;
    }
    let (scheme, reference) = op.scheme();
    let kind = match scheme {
        "docker-image" | "oci-layout" => InputKind::BaseImage,
        "http" | "https" | "git" => InputKind::RemoteContent,
        _ => return None,
    };
    let name = match kind {
        InputKind::BaseImage => reference.split('@').next().unwrap_or(reference),
        _ if scheme == "git" => reference,
        _ => &op.identifier,
    };
    Some((kind, mask(name)))
}

/// An instruction that takes files of the context, and the builds in which it ran for no other
/// reason.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) name: String,
    pub(super) ran_in: BTreeSet<usize>,
    pub(super) compared: usize,
}

/// Finds the instructions that take files of the context and ran although their text and all steps
/// below them were as before. Only logs show that, and it is not needed where files are known.
pub(super) fn copies_that_ran(builds: &[HistoryBuild]) -> Vec<Copied> {
    if builds.iter().any(|build| build.files.is_some()) {
        return Vec::new();
    }
    let Some(last) = builds.last() else {
        return Vec::new();
    };
    let steps = (0..).map(StepIndex).take(last.build.steps.len());
    let copies = steps.filter(|step| takes_context(&last.build, *step));
    // Stages may share an instruction.
    let names: BTreeSet<String> = copies
        .filter_map(|step| Some(last.names.get(step.at())?.text.clone()))
        .collect();
    let copied = names.into_iter().filter_map(|name| {
        let mut copied = Copied {
            name: mask(&name),
            ran_in: BTreeSet::new(),
            compared: 0,
        };
        for (place, pair) in builds.windows(2).enumerate() {
            let [before, now] = pair else { continue };
            if let Some(ran) = ran_alone(before, now, &name) {
                copied.compared += 1;
                copied.ran_in.extend(ran.then_some(place + 1));
            }
        }
        (copied.compared > 0).then_some(copied)
    });
    copied.collect()
}

/// Returns whether a step takes files of the main context.
pub(super) fn takes_context(build: &Build, step: StepIndex) -> bool {
    let Some(of) = build.step(step) else {
        return false;
    };
    let is_context = |step: StepIndex| {
        build
            .step(step)
            .is_some_and(|step| cause::is_context(build, step))
    };
    !is_context(step) && of.inputs.iter().any(|input| is_context(input.step))
}

/// Returns whether a step ran, where its operation is that of the build before and no step below
/// it ran.
fn ran_alone(before: &HistoryBuild, now: &HistoryBuild, name: &str) -> Option<bool> {
    let find = |build: &HistoryBuild| {
        let place = build.names.iter().position(|found| found.text == name)?;
        Some(StepIndex(index(place)))
    };
    let step = find(now)?;
    let was = find(before)?;
    let digests = |build: &HistoryBuild, step: StepIndex| {
        let keys = build.keys.get(step.at())?;
        Some(keys.digests.clone())
    };
    let verdict = now.logged.get(step.at()).copied().flatten()?;
    let inputs = &now.build.step(step)?.inputs;
    let earlier = &before.build.step(was)?.inputs;
    let is_as_before = inputs.len() == earlier.len()
        && inputs.iter().zip(earlier).all(|(input, earlier)| {
            let is_source = now
                .build
                .step(input.step)
                .is_some_and(|step| matches!(step.op.kind, OpKind::Source(_)));
            if is_source {
                digests(now, input.step) == digests(before, earlier.step)
            } else {
                !now.ran(input.step)
            }
        });
    let same = digests(now, step) == digests(before, was);
    (same && is_as_before).then_some(verdict == CacheVerdict::Miss)
}

/// Returns the instruction by which an input enters a build: the one that declares it, else the
/// first step that takes it.
pub(super) fn place(
    history: &HistoryBuild,
    kind: InputKind,
    name: &str,
    enters: &[StepIndex],
) -> Option<ChangedInputPlace> {
    let build = &history.build;
    let places = enters
        .iter()
        .filter_map(|step| history.names.get(step.at())?.places.first());
    let first = places.min_by_key(|place| place.first_line);
    if kind.is_variable() {
        let words: &[&str] = match kind {
            InputKind::BuildArg => &["ARG"],
            InputKind::Environment => &["ENV"],
            _ => return None,
        };
        let stage = first.and_then(|place| place.stage.clone());
        return advice::files(build).find_map(|(source, file)| {
            let found = declaration(&file, words, name, stage.as_ref())?;
            Some(ChangedInputPlace {
                file: source.name.clone(),
                line: *found.lines.start(),
                text: mask(&found.text),
            })
        });
    }
    first.map(|place| ChangedInputPlace {
        file: place.file.clone(),
        line: place.first_line,
        text: mask(&place.text),
    })
}

/// Finds the instruction that declares a name: in a stage if it does there, else before the first.
fn declaration<'a>(
    file: &'a DockerfileOutline,
    words: &[&str],
    name: &str,
    stage: Option<&crate::format::dockerfile::outline::OutlineStage>,
) -> Option<&'a crate::format::dockerfile::outline::OutlineInstruction> {
    let declares = |instruction: &&crate::format::dockerfile::outline::OutlineInstruction| {
        words.contains(&advice::word(&instruction.text).as_str())
            && advice::names(&instruction.text)
                .iter()
                .any(|found| found == name)
    };
    let mut found = file.instructions.iter().filter(declares);
    let in_stage = found
        .clone()
        .find(|instruction| instruction.stage.is_some() && instruction.stage.as_ref() == stage);
    in_stage.or_else(|| found.next())
}
