//! Several builds of one Dockerfile: the inputs that change in nearly every build, the steps that
//! run because of each, and the instruction to move.
//!
//! [`inputs`] lists the inputs of a build with their values, `runs` the steps that depend on one,
//! and [`advice`] reads in the Dockerfile how far down an instruction may stand. Nothing is said of
//! a pair of builds in which the evidence does not have an input.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use self::inputs::{BuildInputs, TakenFiles};
use super::keys::StepKeys;
use super::names::StepName;
use super::solve::CacheVerdict;
use crate::format::provenance::{Build, StepIndex};
use crate::text::secrets;
use crate::text::shortened;

pub mod advice;
pub mod inputs;
mod runs;
pub mod volatile;

pub use advice::Advice;
pub use inputs::InputKind;

/// An input counts as changing in nearly every build from this share of the builds on: 4 of 5.
const FREQUENT: (usize, usize) = (4, 5);
/// How many values of an input are kept.
const MOST_VALUES: usize = 3;
/// The maximum length of a value, in characters.
const LONGEST_VALUE: usize = 80;

/// A build of a history.
#[derive(Debug, Clone, Default)]
pub struct HistoryBuild {
    /// The name by which the evidence knows it.
    pub name: String,
    /// When it began.
    pub started: Option<Timestamp>,
    pub build: Build,
    pub names: Vec<StepName>,
    pub keys: Vec<StepKeys>,
    /// How long steps ran, where a log has it.
    pub busy: Vec<Option<SignedDuration>>,
    /// Which steps ran, where a log has it.
    pub logged: Vec<Option<CacheVerdict>>,
    /// The files that steps take of the main context, where they are known.
    pub files: Option<TakenFiles>,
}

impl HistoryBuild {
    fn ran(&self, step: StepIndex) -> bool {
        self.logged.get(step.at()).copied().flatten() == Some(CacheVerdict::Miss)
    }

    fn has_log(&self) -> bool {
        self.logged.iter().any(Option::is_some)
    }
}

/// An input that is not the same in all builds.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangingInput {
    /// What it is.
    pub kind: InputKind,
    /// Its name: of a variable, an image, or a file.
    pub name: String,
    /// In how many builds it was another one than in the build before.
    pub changed: usize,
    /// In how many builds that can be told.
    pub compared: usize,
    /// Its last values, the newest last, without secrets.
    pub values: Vec<String>,
    /// The instruction by which it enters the build.
    pub place: Option<ChangedInputPlace>,
    /// The steps of the last build that run when it changes.
    pub runs: Vec<StepIndex>,
    /// The steps that run as well when a step before them writes other files.
    pub may_run: Vec<StepIndex>,
    /// How long the steps that ran because of it took in a build, on average; `None` without logs.
    pub took: Option<SignedDuration>,
    /// What to do.
    pub advice: Option<Advice>,
    /// Whether only logs show it: an instruction ran although nothing below it did, for its files
    /// or because the cache had lost its result.
    pub from_log: bool,
}

impl ChangingInput {
    /// Returns whether it changed in nearly every build.
    pub fn is_frequent(&self) -> bool {
        self.compared > 0 && self.changed * FREQUENT.1 >= self.compared * FREQUENT.0
    }
}

/// An instruction of the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedInputPlace {
    pub file: String,
    /// The first line, counted from 1.
    pub line: u32,
    /// The instruction, without secrets.
    pub text: String,
}

/// In how many pairs of builds an input changed.
#[derive(Debug, Default)]
struct InputChanges {
    /// The places of the builds in which it was another one than before.
    changed_in: BTreeSet<usize>,
    compared: usize,
    values: Vec<String>,
    from_log: bool,
}

/// Compares builds in their order. The inputs that change in nearly every build come first, of
/// these the ones that cost most.
pub fn compare(builds: &[HistoryBuild]) -> Vec<ChangingInput> {
    let Some(last) = builds.last() else {
        return Vec::new();
    };
    let all: Vec<BuildInputs> = builds.iter().map(inputs::of_build).collect();
    let mut changes: BTreeMap<(InputKind, &str), InputChanges> = BTreeMap::new();
    for inputs in &all {
        for (kind, name) in inputs.values.keys() {
            changes.entry((*kind, name.as_str())).or_default();
        }
    }
    for ((kind, name), changes) in &mut changes {
        count(*kind, name, &all, changes);
    }
    let copies = inputs::copies_that_ran(builds);
    for copy in &copies {
        let found = changes
            .entry((InputKind::Content, copy.name.as_str()))
            .or_default();
        found.changed_in.extend(&copy.ran_in);
        found.compared += copy.compared;
        found.from_log = true;
    }
    let changed = changes
        .iter()
        .filter(|(_, changes)| !changes.changed_in.is_empty());
    let is_derived = |kind: InputKind, name: &str, changes: &InputChanges| {
        kind == InputKind::Environment && follows_argument(last, name, changes, &all)
    };
    let mut inputs: Vec<ChangingInput> = changed
        .filter(|((kind, name), changes)| !is_derived(*kind, name, changes))
        .map(|((kind, name), changes)| changing(builds, *kind, name, changes))
        .collect();
    inputs.sort_by(|one, other| {
        let key = |input: &ChangingInput| (input.is_frequent(), input.took, input.runs.len());
        key(other)
            .cmp(&key(one))
            .then_with(|| other.changed.cmp(&one.changed))
    });
    inputs
}

fn count(kind: InputKind, name: &str, all: &[BuildInputs], changes: &mut InputChanges) {
    let key = (kind, name.to_owned());
    for (place, pair) in all.windows(2).enumerate() {
        let [before, now] = pair else { continue };
        if !before.knows(&key) || !now.knows(&key) {
            continue;
        }
        changes.compared += 1;
        if before.values.get(&key) != now.values.get(&key) {
            changes.changed_in.insert(place + 1);
        }
    }
    for inputs in all {
        let value = inputs
            .values
            .get(&key)
            .map(|value| shown(kind, name, value));
        if let Some(value) = value.filter(|value| changes.values.last() != Some(value)) {
            changes.values.push(value);
        }
    }
    let extra = changes.values.len().saturating_sub(MOST_VALUES);
    changes.values.drain(..extra);
}

/// Returns a value fit to be shown: without a secret, and cut where it is long.
fn shown(kind: InputKind, name: &str, value: &str) -> String {
    if kind.is_variable() && secrets::is_secret(name) {
        return "(hidden)".to_owned();
    }
    shortened(&secrets::mask(value), LONGEST_VALUE)
}

/// Returns whether a variable changes only with a build argument that it is set from: the argument
/// is the input then.
fn follows_argument(
    last: &HistoryBuild,
    name: &str,
    changes: &InputChanges,
    all: &[BuildInputs],
) -> bool {
    let used = advice::used_by(&last.build, name);
    used.iter().any(|argument| {
        let key = (InputKind::BuildArg, argument.clone());
        let is_changed =
            |place: &usize| all[place - 1].values.get(&key) != all[*place].values.get(&key);
        changes.changed_in.iter().all(is_changed)
    })
}

fn changing(
    builds: &[HistoryBuild],
    kind: InputKind,
    name: &str,
    changes: &InputChanges,
) -> ChangingInput {
    // The last build has the Dockerfile that would be changed; a file may be gone from it.
    let of = |build: &HistoryBuild| runs::of(build, kind, name);
    let newest = builds
        .iter()
        .rev()
        .find(|build| !of(build).enters.is_empty());
    let shown = newest.or(builds.last());
    let affected = shown.map(of).unwrap_or_default();
    let took = {
        let places = changes
            .changed_in
            .iter()
            .filter_map(|place| builds.get(*place));
        average(
            places
                .filter(|build| build.has_log())
                .map(|build| lost(build, &of(build))),
        )
    };
    let place = shown.and_then(|build| inputs::place(build, kind, name, &affected.enters));
    let advice = shown.and_then(|build| advice::of_input(build, kind, name, place.as_ref()));
    ChangingInput {
        kind,
        name: name.to_owned(),
        changed: changes.changed_in.len(),
        compared: changes.compared,
        values: changes.values.clone(),
        place,
        runs: affected.runs,
        may_run: affected.may_run,
        took,
        advice,
        from_log: changes.from_log,
    }
}

/// Returns how long the steps took that ran because of an input.
fn lost(build: &HistoryBuild, affected: &runs::Affected) -> SignedDuration {
    let steps = affected.runs.iter().chain(&affected.may_run);
    let ran = steps.filter(|step| build.ran(**step));
    ran.filter_map(|step| build.busy.get(step.at()).copied().flatten())
        .sum()
}

fn average(times: impl Iterator<Item = SignedDuration>) -> Option<SignedDuration> {
    let mut count = 0;
    let mut sum = SignedDuration::ZERO;
    for time in times {
        count += 1;
        sum += time;
    }
    (count > 0).then(|| sum / count)
}
