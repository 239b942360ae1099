//! Failures for display: the message, the causes, a hint, and the exit code.
//!
//! Each module has its own small error type. The one table here turns them into a message, its
//! causes, a hint and an exit code.

use std::error::Error;
use std::fmt;

use crate::backend::PruneError;
use crate::backend::{BackendError, OpenError, RemoteKind};
use crate::config::ConfigError;
use crate::format::layout::LayoutError;
use crate::inventory::scan::ScanError;
use crate::prune::MarkError;
use crate::prune::execute::ExecuteError;
use crate::prune::journal::JournalError;
use crate::prune::plan::PlanError;
use crate::source::SourceError;
use crate::text::causes::causes;

/// The outcome of a run of the program, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    Failed,
    /// The arguments or the configuration are wrong, or request something unsupported.
    Usage,
    /// A gate found something.
    Found,
    /// Part of it failed or was skipped; the rest is done.
    Partial,
    /// The user interrupted it.
    Interrupted,
    /// A signal ended the terminal UI.
    Signal(u8),
}

impl Exit {
    /// Returns the exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Found => 3,
            Self::Partial => 4,
            Self::Interrupted => 130,
            // The code that a shell reports for a process ended by a signal.
            Self::Signal(number) => 128 + number,
        }
    }

    /// Returns a rank: the worst of several outcomes has the largest.
    pub fn severity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partial => 1,
            Self::Found => 2,
            Self::Usage => 3,
            Self::Failed => 4,
            Self::Interrupted | Self::Signal(_) => 5,
        }
    }
}

/// A failure, ready for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One line: what failed, and on which object.
    pub message: String,
    /// The causes, outermost first.
    pub causes: Vec<String>,
    /// Advice on how to fix it.
    pub hint: Option<String>,
    /// The exit code, if nothing else went wrong.
    pub exit: Exit,
    /// Whether the store was asked and does not have the ref, or does not exist.
    pub is_absent: bool,
}

impl Failure {
    /// Makes a failure from `error`, with the chain of its sources as causes.
    pub fn new(exit: Exit, error: &dyn Error) -> Self {
        Self {
            message: error.to_string(),
            causes: causes(error),
            hint: None,
            exit,
            is_absent: false,
        }
    }

    /// Makes a failure from a message alone.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            exit,
            is_absent: false,
        }
    }

    /// Returns the innermost cause, which says what is wrong.
    pub fn innermost(&self) -> &str {
        self.causes.last().unwrap_or(&self.message)
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says that the store was asked and has nothing of that name.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.is_absent = true;
        self
    }

    /// Adds the object of the failure to the message.
    #[must_use]
    pub fn on(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    /// Writes the message, its causes and the hint, one per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, "\n  because: {cause}"))?;
        self.hint
            .iter()
            .try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Returns an error and its causes, one per line.
pub fn in_lines(error: &dyn Error) -> String {
    Failure::new(Exit::Failed, error).to_string()
}

impl From<quick_junit::SerializeError> for Failure {
    fn from(error: quick_junit::SerializeError) -> Self {
        Self::new(Exit::Failed, &error).on("cannot write the JUnit document")
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self {
            hint: error.hint(),
            ..Self::new(Exit::Usage, &error)
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, &error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Demo(_) => Self::new(Exit::Failed, &error),
            OpenError::NotNamed(_) => Self {
                hint: error.hint(),
                ..Self::new(Exit::Usage, &error)
            },
        }
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Backend(error) => error.into(),
            ScanError::Cancelled => Self::new(Exit::Interrupted, &error),
        }
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let failure = Self::new(Exit::Failed, &error);
        match &error {
            BackendError::NotFound(_) => {
                let hint = "name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`";
                failure.hint(hint).absent()
            }
            BackendError::NotAStore(_) => {
                failure.hint("name its `rootdirectory`, as the configuration of the registry has it")
            }
            BackendError::NotALayout { hint: Some(hint), .. } => failure.hint(hint.clone()),
            BackendError::NotALayout { hint: None, .. } => failure
                .hint("a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it"),
            // BuildKit overwrites an empty file, and fails on one that it cannot read
            // (`client/ociindex`).
            BackendError::Layout { source: LayoutError::Empty, .. } => {
                failure.hint("the next build that exports to the directory writes the file again")
            }
            BackendError::Layout { .. } => {
                failure.hint("builds cannot use the directory either: restore the file, or export to a new directory")
            }
            BackendError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => failure
                .hint("BuildKit may have written it as another user; run as that user, or change the permissions"),
            BackendError::Remote(remote) => {
                let is_absent = remote.kind == RemoteKind::NotFound;
                Self { causes: remote.causes.clone(), hint: remote.hint.clone(), is_absent, ..failure }
            }
            _ => failure,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::TooMuch { .. } => Self::new(Exit::Found, &error)
                .hint("nothing was changed; raise `max_delete` when the plan is right"),
            PlanError::Incomplete | PlanError::Undecided(_) | PlanError::Unsound(_) => {
                Self::new(Exit::Failed, &error)
            }
        }
    }
}

impl From<PruneError> for Failure {
    fn from(error: PruneError) -> Self {
        let failure = Self::new(Exit::Failed, &error);
        match error {
            PruneError::Backend(error) => error.into(),
            PruneError::Busy(_) => failure.hint("nothing was changed; wait until it has ended"),
            PruneError::Leased { remedy, .. } => failure.hint(remedy),
            PruneError::Refused(_) => Self {
                exit: Exit::Usage,
                ..failure
            }
            .hint("nothing was changed; leave it out"),
            PruneError::IndexHeld(_) => failure.hint("try again when the build has ended"),
            PruneError::TrashOccupied(_) => {
                failure.hint("nothing was changed; move it away, cachelens needs that name")
            }
            PruneError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::ReadOnlyFilesystem => {
                    failure.hint("the file system is read-only")
                }
                std::io::ErrorKind::StorageFull => failure.hint(
                    "the file system is full; `--no-trash --i-am-the-only-writer` needs less room",
                ),
                std::io::ErrorKind::PermissionDenied => {
                    failure.hint("run as the user who owns the cache")
                }
                _ => failure,
            },
            PruneError::Irreplaceable { .. }
            | PruneError::Layout { .. }
            | PruneError::PartlyRestored { .. } => failure,
        }
    }
}

impl From<MarkError> for Failure {
    fn from(error: MarkError) -> Self {
        match error {
            MarkError::Scan(error) => error.into(),
            MarkError::Dropped(error) => error.into(),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let failure = Self::new(Exit::Failed, &error);
        match error {
            JournalError::Cut(_) => failure.hint("make a new plan"),
            JournalError::Busy(_) => failure.hint("wait until it has ended"),
            JournalError::Line { .. } | JournalError::NoSuchItem { .. } => {
                failure.hint("make a new plan: that run has changed the store")
            }
            JournalError::Io { source, .. }
                if source.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                failure.hint("`--resume` continues a run; a new one needs another file")
            }
            _ => failure,
        }
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::OtherStore { .. } | ExecuteError::Undone => {
                Self::new(Exit::Usage, &error)
            }
            ExecuteError::Prune(error) => error.into(),
            ExecuteError::Backend(error) => error.into(),
            ExecuteError::Journal(error) => error.into(),
            ExecuteError::Future { .. } => Self::new(Exit::Usage, &error)
                .hint("nothing was changed; set the clock, then make a new plan"),
            ExecuteError::TooOld { .. } => {
                Self::new(Exit::Usage, &error).hint("nothing was changed; make a new plan")
            }
            ExecuteError::LastRef => Self::new(Exit::Usage, &error)
                .hint("nothing was changed; make a new plan, which asks for a confirmation"),
            ExecuteError::Mark(_) | ExecuteError::Check(_) | ExecuteError::Proof(_) => {
                Self::new(Exit::Failed, &error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_cause_is_the_last() {
        let failure = Failure::message(Exit::Failed, "cannot list the bucket prod");
        assert_eq!(failure.innermost(), "cannot list the bucket prod");
        let causes = ["the service refused it", "InvalidAccessKeyId"];
        let failure = Failure {
            causes: causes.map(str::to_owned).to_vec(),
            ..failure.hint("set AWS_ACCESS_KEY_ID")
        };
        assert_eq!(failure.innermost(), "InvalidAccessKeyId");
    }
}
