//! Notes on records, provenance, logs and baselines.

use std::fmt;

use crate::explain::load::evidence::BuildLabel;
use crate::explain::load::explanation::OtherBuild;
use crate::text::escape::visible;
use crate::text::plural::one_or;

/// A note on the evidence of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceNote {
    /// The evidence describes several builds.
    SeveralBuilds {
        count: usize,
        shown: BuildLabel,
        others: Vec<OtherBuild>,
        /// The builds that were not explained.
        unexplained: Vec<BuildLabel>,
    },
    /// A history has builds for other targets or platforms.
    ExcludedBuilds {
        count: usize,
        compared: BuildLabel,
    },
    /// Only the last builds of a history are compared.
    LastBuilds {
        all: usize,
        compared: usize,
    },
    /// The recorded build failed. Holds what BuildKit says about it.
    FailedBuild(String),
    /// A part of a build record cannot be used. Holds the error.
    RecordPart(String),
    /// A file that the user named is no evidence.
    NotEvidence {
        file: String,
        error: String,
    },
    /// The provenance has no steps.
    OptionsOnly,
    /// Nothing describes an earlier build.
    NoBaseline,
    /// The evidence of an earlier build has no steps.
    BaselineWithoutSteps,
    /// No log decides the undecided steps.
    NoLog,
    LogOfOtherBuild,
    PlainLogOfOtherBuild,
    /// The build of the log had other options than the Dockerfile that is given with it.
    LogWithOtherOptions,
    /// The log shows build arguments that were not given, as `NAME=VALUE`.
    LoggedArguments(Vec<String>),
    /// The log shows the platforms of the build, and none was given.
    LoggedPlatforms(Vec<String>),
}

impl fmt::Display for EvidenceNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralBuilds {
                count,
                shown,
                others,
                unexplained,
            } => {
                let others = others.iter().map(|other| explained(other, shown));
                let unexplained = unexplained.iter().map(|label| not_explained(label, shown));
                let all: Vec<String> = others.chain(unexplained).collect();
                write!(
                    f,
                    "the evidence describes {count} builds: this is about {shown}; not shown: {}",
                    all.join(", ")
                )
            }
            Self::ExcludedBuilds { count, compared } => write!(
                f,
                "this compares the builds of {compared}; {count} {} for another target or platform are left out \
                 (--target, --platform choose)",
                one_or(*count as u64, "build", "builds")
            ),
            Self::LastBuilds { all, compared } => {
                write!(f, "of {all} builds the last {compared} are compared")
            }
            Self::FailedBuild(failure) => write!(f, "the build {failure}"),
            Self::RecordPart(error) => f.write_str(error),
            Self::NotEvidence { file, error } => {
                write!(f, "{} is not used: {error}", visible(file))
            }
            Self::OptionsOnly => f.write_str(OPTIONS_ONLY),
            Self::NoBaseline => f.write_str(NO_BASELINE),
            Self::BaselineWithoutSteps => f.write_str(BASELINE_WITHOUT_STEPS),
            Self::NoLog => f.write_str(NO_LOG),
            Self::LogOfOtherBuild => f.write_str(LOG_OF_OTHER_BUILD),
            Self::PlainLogOfOtherBuild => f.write_str(PLAIN_LOG_OF_OTHER_BUILD),
            Self::LogWithOtherOptions => f.write_str(LOG_WITH_OTHER_OPTIONS),
            Self::LoggedPlatforms(platforms) => write!(
                f,
                "the log shows that the build had --platform {}",
                visible(&platforms.join(","))
            ),
            Self::LoggedArguments(arguments) => {
                f.write_str("the log shows that the build had")?;
                let mut arguments = arguments.iter();
                arguments.try_for_each(|argument| write!(f, " --build-arg {}", visible(argument)))
            }
        }
    }
}

/// Describes a build with the counts of its steps, and how to show it instead of the shown one.
fn explained(other: &OtherBuild, shown: &BuildLabel) -> String {
    let way = match other.label.way(shown) {
        way if way.is_empty() => way,
        way => format!(", {way}"),
    };
    format!(
        "{} ({} hit, {} run, {} undecided{way})",
        other.label, other.hit, other.miss, other.unknown
    )
}

fn not_explained(label: &BuildLabel, shown: &BuildLabel) -> String {
    match label.way(shown) {
        way if way.is_empty() => label.to_string(),
        way => format!("{label} ({way})"),
    }
}

const OPTIONS_ONLY: &str = "the provenance was made with mode=min: it has the options, images and times of the build, \
    and the steps are those of the Dockerfile";
const NO_BASELINE: &str = "without --baseline, the evidence of an earlier build, a changed command cannot be \
    distinguished from a new one";
const BASELINE_WITHOUT_STEPS: &str = "the evidence in --baseline holds no steps, so a changed command cannot be \
    distinguished from a new one";
const NO_LOG: &str =
    "a log of the build (--progress=rawjson) decides the steps that use the output of other steps";
const LOG_OF_OTHER_BUILD: &str = "the log is of another build, or ends early: it does not know most of the steps, and \
    is left aside";
const PLAIN_LOG_OF_OTHER_BUILD: &str = "the plain log is of another build: it knows none of the steps, and is left \
    aside";
const LOG_WITH_OTHER_OPTIONS: &str = "the log is of a build with another argument, option or base image: it says which \
    steps ran, and their keys are not known; give the whole build command after `--`, or --build-arg and --image";
