//! Notes on the verdicts of a build's steps.

use std::fmt;

use crate::text::escape::visible;
use crate::text::plural::{counted, one_or};

/// A note on the verdicts of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SolutionNote {
    /// Another import has the keys of steps, and not those of the steps that depend on them. Holds
    /// its name, where it is known.
    SharedSteps(Option<String>),
    /// A step ignores the cache.
    IgnoresCache,
    /// Steps came from the builder's own cache. Holds their number.
    FromBuilder(usize),
    /// The caches have no key of the build.
    NoKey,
    /// What may be the reason that the caches have no key of the build.
    Possible(PossibleReason),
}

/// What may be the reason that caches have no key of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PossibleReason {
    /// These base images have other digests.
    Images(Vec<String>),
    /// The frontend has another version.
    Frontend,
    /// The build has other options.
    Options,
    /// The cache is of another repository.
    Repository,
}

impl fmt::Display for SolutionNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedSteps(other) => write!(
                f,
                "two imports share steps: {} also has the keys of these steps, but not those of the steps that depend \
                 on them. BuildKit uses the key of the import that answers first, so the dependent steps hit or miss \
                 by chance; import only one ref",
                other.as_deref().unwrap_or("another import")
            ),
            Self::IgnoresCache => f.write_str(IGNORES_CACHE),
            Self::FromBuilder(count) => {
                let steps = counted(*count as u64, "step");
                let them = one_or(*count as u64, "it", "them");
                write!(
                    f,
                    "{steps} came from the builder's own cache, and no import holds {them}: an empty builder, such as \
                     the next CI runner, runs {them}"
                )
            }
            Self::NoKey => f.write_str(NO_KEY),
            Self::Possible(reason) => write!(f, "possible: {reason}"),
        }
    }
}

impl fmt::Display for PossibleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(names) => write!(
                f,
                "another digest of {}; `docker buildx imagetools inspect` shows the current digest, provenance of the \
                 build that exported shows the earlier one",
                visible(&names.join(" and "))
            ),
            Self::Frontend => f.write_str(
                "another version of the Dockerfile frontend; compare `# syntax=` in the file, and the builders with \
                 `docker buildx inspect`",
            ),
            Self::Options => f.write_str(
                "other options of the build, such as a build argument, the platform or the network; give the command \
                 of the job: `cachelens why -- docker buildx build …`",
            ),
            Self::Repository => f.write_str(
                "another repository or Dockerfile; `cachelens show REF` lists the steps that the cache has",
            ),
        }
    }
}

const IGNORES_CACHE: &str = "a step that ignores the cache passes on no key: the steps that depend on it hit only if it \
    writes the same content";
const NO_KEY: &str = "the cache has no key of this build, and the evidence does not show why";
