//! The last build of a source: its stages, and the result of each step in the cache.

use crate::explain::load::Explanation;
use crate::explain::load::words::{seconds, sentence};
use crate::explain::solve::CacheVerdict;
use crate::format::provenance::StepIndex;

/// How many steps are drawn.
const MOST_STEPS: usize = 400;

/// A build, or the steps that a ref holds.
#[derive(Debug, Clone)]
pub struct BuildPart {
    /// The ref.
    pub name: String,
    /// Whether verdicts come from evidence of a build. Otherwise they describe the ref.
    pub is_explained: bool,
    /// How many steps have which verdict, in words.
    pub summary: String,
    /// The stages, in the order of the file.
    pub stages: Vec<StagePart>,
    /// How many steps are left out.
    pub more: usize,
    /// What is missing to say more.
    pub notes: Vec<String>,
}

/// A stage with its steps.
#[derive(Debug, Clone)]
pub struct StagePart {
    pub name: String,
    /// The stages that it takes files from or builds on.
    pub needs: Vec<String>,
    /// Its steps, in the order of the file.
    pub steps: Vec<StepPart>,
}

/// A step.
#[derive(Debug, Clone)]
pub struct StepPart {
    /// What it is called.
    pub title: String,
    /// File and line.
    pub place: Option<String>,
    /// Whether it hits.
    pub verdict: StepVerdict,
    /// How long it ran, where a log says so.
    pub seconds: Option<f64>,
    /// Why it runs.
    pub why: Option<String>,
}

/// What a step finds in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepVerdict {
    /// The cache has its result.
    Hit,
    Run,
    /// The evidence does not decide it.
    Undecided,
    /// It is a source, which is resolved each time.
    Source,
}

impl StepVerdict {
    /// Returns the word for it, which is also its class in HTML.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Run => "run",
            Self::Undecided => "undecided",
            Self::Source => "source",
        }
    }

    /// Returns a sign for it, for readers who see no colours.
    pub fn sign(self) -> char {
        match self {
            Self::Hit => '✓',
            Self::Run => '✗',
            Self::Undecided => '?',
            Self::Source => '·',
        }
    }
}

impl BuildPart {
    /// Returns the part of a build that was explained against a ref.
    pub fn explained(name: String, explanation: &Explanation) -> Self {
        let steps = explanation.steps();
        let mut build = Self {
            name,
            is_explained: true,
            summary: summary(explanation),
            stages: Vec::new(),
            more: steps.len().saturating_sub(MOST_STEPS),
            notes: explanation.notes.iter().map(ToString::to_string).collect(),
        };
        let shown = &steps[..steps.len().min(MOST_STEPS)];
        let parts = explanation
            .stages(shown)
            .into_iter()
            .map(|stage| StagePart {
                name: stage.name,
                needs: stage.needs,
                steps: stage
                    .steps
                    .iter()
                    .map(|step| step_of(explanation, *step))
                    .collect(),
            });
        build.stages = parts.collect();
        build
    }

    /// Returns the part about the steps of a ref, each with its stage.
    pub fn held(name: String, steps: Vec<(String, StepPart)>) -> Self {
        let count = |verdict| {
            let of = steps.iter().filter(|(_, step)| step.verdict == verdict);
            of.count()
        };
        let held = count(StepVerdict::Hit);
        let all = held + count(StepVerdict::Run);
        let mut build = Self {
            name,
            is_explained: false,
            summary: format!("{held} of {all} steps have a result that a build can load"),
            stages: Vec::new(),
            more: steps.len().saturating_sub(MOST_STEPS),
            notes: Vec::new(),
        };
        for (stage, step) in steps.into_iter().take(MOST_STEPS) {
            build.stage(&stage).steps.push(step);
        }
        build
    }

    /// Returns the stage of that name.
    fn stage(&mut self, name: &str) -> &mut StagePart {
        let known = self.stages.iter().position(|stage| stage.name == name);
        let place = known.unwrap_or(self.stages.len());
        if place == self.stages.len() {
            self.stages.push(StagePart {
                name: name.to_owned(),
                needs: Vec::new(),
                steps: Vec::new(),
            });
        }
        &mut self.stages[place]
    }

    /// Returns the longest time that a step took.
    pub fn longest(&self) -> f64 {
        let steps = self.stages.iter().flat_map(|stage| &stage.steps);
        steps.filter_map(|step| step.seconds).fold(0.0, f64::max)
    }
}

fn summary(explanation: &Explanation) -> String {
    let counts = [
        (CacheVerdict::Hit, "hit"),
        (CacheVerdict::Miss, "run"),
        (CacheVerdict::Unknown, "undecided"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(verdict, word)| (explanation.count(verdict), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let lost = match explanation.lost().took {
        Some(took) if !took.is_zero() => format!("; the misses took {}", seconds(took)),
        _ => String::new(),
    };
    counts.join(", ") + &lost
}

fn step_of(explanation: &Explanation, step: StepIndex) -> StepPart {
    let verdict = match explanation.standings[step.at()].verdict {
        _ if !explanation.is_judged(step) => StepVerdict::Source,
        CacheVerdict::Hit => StepVerdict::Hit,
        CacheVerdict::Miss => StepVerdict::Run,
        CacheVerdict::Unknown => StepVerdict::Undecided,
    };
    let cause = explanation.causes[step.at()].as_ref();
    let place = explanation.place(step);
    StepPart {
        title: explanation.title(step),
        place: place.map(|place| format!("{}:{}", place.file, place.first_line)),
        verdict,
        seconds: explanation.busy[step.at()].map(|busy| busy.as_secs_f64()),
        why: cause.map(sentence),
    }
}
