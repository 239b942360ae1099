//! Notes on the Dockerfile, the contexts and the command of a build.

use std::fmt;

use crate::explain::history::volatile::VolatileVariable;
use crate::text::escape::visible;

/// A note on what describes a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescriptionNote {
    /// The Dockerfile on the disk is not the one that was built. Holds its path.
    OtherDockerfile(String),
    /// The files of a context are not given. Holds its name.
    MissingContext(String),
    /// A directory or a file of a context cannot be used.
    ContextPart { path: String, error: String },
    /// The ignore file of the context is not the one of the build.
    ChangedIgnoreFile {
        /// Whether its current patterns apply, and not those of the build.
        applies_current: bool,
    },
    /// The context is an address.
    RemoteContext(String),
    /// A download has no checksum. Holds its address.
    Download(String),
    /// A base image has the digest that the evidence has. Holds its name.
    PinnedImage(String),
    /// The key of an instruction cannot be computed. Holds the reason.
    UnknownInstruction(String),
    /// An operation has fields that this program does not know.
    UnknownOperation { step: String, part: String },
    /// A context lacks files that a step uses.
    AbsentFiles { step: String, error: String },
    /// A variable changes with every build, according to its name.
    Volatile {
        variable: VolatileVariable,
        file: String,
    },
    /// The flags of a build command that are unknown.
    UnknownFlags(Vec<String>),
}

impl fmt::Display for DescriptionNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDockerfile(path) => write!(
                f,
                "{} is not the one that was built: the steps are those of that build",
                visible(path)
            ),
            Self::MissingContext(name) => write!(
                f,
                "the files of the context `{}` are not given: --context DIR, or --context NAME=DIR, does",
                visible(name)
            ),
            Self::ContextPart { path, error } => write!(f, "{}: {error}", visible(path)),
            Self::ChangedIgnoreFile { applies_current } => write!(
                f,
                "the ignore file of the context has changed since the build: {}",
                if *applies_current {
                    "its current patterns apply, as in the next build"
                } else {
                    "the patterns of the build apply"
                }
            ),
            Self::RemoteContext(context) => write!(
                f,
                "the context {} is known only as a remote source: the files in it are not read",
                visible(context)
            ),
            Self::Download(address) => write!(
                f,
                "the current content of {} is not known from a Dockerfile: `ADD --checksum` pins it",
                visible(address)
            ),
            Self::PinnedImage(name) => {
                let name = visible(name);
                write!(
                    f,
                    "the image {name} is taken as the evidence has it; give --image {name}=IMAGE to ask its registry \
                     for today's"
                )
            }
            Self::UnknownInstruction(reason) => f.write_str(reason),
            Self::UnknownOperation { step, part } => write!(
                f,
                "the key of `{}` is not known: its operation holds {part}, which is new",
                visible(step)
            ),
            Self::AbsentFiles { step, error } => write!(
                f,
                "the context does not contain the files of `{}`: {error}",
                visible(step)
            ),
            Self::Volatile { variable, file } => f.write_str(&variable.sentence(file)),
            Self::UnknownFlags(flags) => write!(
                f,
                "{} of the command is not known, and its effect is not considered",
                visible(&flags.join(", "))
            ),
        }
    }
}
