//! Warnings about refs that a plan does not write again, or not as asked for.

use std::fmt;

use super::RewriteRefError;
use crate::text::causes::in_one_line;
use crate::text::escape::visible;
use crate::text::plural::one_or;

/// A warning about the refs that a plan writes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewriteWarning {
    /// The evidence does not name the steps of a build, so a rule about steps selects nothing.
    NoStepNames(UnusableEvidence),
    /// A filter asks for the names of steps, and no step of the refs has one.
    UnnamedSteps {
        filter: String,
        /// The name of the first ref.
        first: String,
        /// The number of refs.
        refs: usize,
    },
    /// A ref keeps all results, although a rule selects some of them.
    KeepsResults {
        /// The name of the ref.
        name: String,
        why: RewriteRefError,
    },
    /// A repair keeps blobs whose bytes do not match their digests.
    DamagedBlobs {
        /// The number of blobs.
        blobs: u64,
    },
}

/// Why evidence names no steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusableEvidence {
    /// It cannot be read.
    Unread(String),
    /// The reading was interrupted.
    Interrupted,
    /// It does not describe the steps of a build.
    NoSteps,
}

impl fmt::Display for UnusableEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unread(text) => text,
            Self::Interrupted => "it was interrupted",
            Self::NoSteps => {
                "it does not describe the steps: give the build's provenance (mode=max), its record or its \
                 definition"
            }
        })
    }
}

impl fmt::Display for RewriteWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStepNames(why) => write!(
                f,
                "the given evidence names no steps, so a filter for steps selects nothing: {why}"
            ),
            Self::UnnamedSteps {
                filter,
                first,
                refs,
            } => unnamed_steps(filter, first, *refs, f),
            Self::KeepsResults { name, why } => {
                let why = in_one_line(why);
                write!(f, "`{}` keeps all its results: {why}", visible(name))
            }
            Self::DamagedBlobs { blobs } => damaged_blobs(*blobs, f),
        }
    }
}

fn unnamed_steps(
    filter: &str,
    first: &str,
    refs: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let (refs, steps) = match refs {
        1 => (format!("`{}`", visible(first)), "its steps"),
        count => (format!("{count} refs"), "their steps"),
    };
    write!(
        f,
        "`{}` selects no results of {refs}, because {steps} have no names: add --provenance FILE, or -f DOCKERFILE",
        visible(filter)
    )
}

fn damaged_blobs(blobs: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let what = match blobs {
        1 => "1 damaged blob is kept".to_owned(),
        count => format!("{count} damaged blobs are kept"),
    };
    let them = one_or(blobs, "it", "them");
    write!(
        f,
        "{what}, and a build that makes {them} again finds {them} stored and uploads nothing: delete {them} once \
         no ref reaches {them}, with `prune --orphans-only` when the grace has passed"
    )
}
