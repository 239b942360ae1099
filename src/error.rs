//! Failures as people see them: what failed, why, what to do about it, and with which exit code.
//!
//! Each room has its own small error type; the one table here turns them into a message, its causes, a hint and an
//! exit code.

use std::error::Error;
use std::fmt;

use crate::backend::PruneError;
use crate::backend::{BackendError, OpenError};
use crate::config::ConfigError;
use crate::format::layout::LayoutError;
use crate::inventory::scan::ScanError;
use crate::prune::MarkError;
use crate::prune::execute::ExecuteError;
use crate::prune::journal::JournalError;
use crate::prune::plan::PlanError;
use crate::source::SourceError;

/// How a run of the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// It failed.
    Failed,
    /// The arguments or the configuration are wrong, or ask for what this program cannot do.
    Usage,
    /// A gate found something.
    Found,
    /// Some of it failed; the rest is done.
    Partial,
    /// The user interrupted it.
    Interrupted,
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
        }
    }
}

impl Exit {
    /// Returns a number that is larger for what weighs more, to end with the worst of several.
    pub fn severity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partial => 1,
            Self::Found => 2,
            Self::Usage => 3,
            Self::Failed => 4,
            Self::Interrupted => 5,
        }
    }
}

/// A failure, ready to be shown.
#[derive(Debug, Clone)]
pub struct Failure {
    /// One line: what failed, on what.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the program ends when nothing else was to do.
    pub exit: Exit,
}

impl Failure {
    /// Makes a failure of `error`, with the chain of its sources as causes.
    pub fn new(exit: Exit, error: &dyn Error) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self { message: error.to_string(), causes, hint: None, exit }
    }

    /// Makes a failure of a message alone.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hint: None, exit }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says on what it failed.
    #[must_use]
    pub fn on(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    /// Writes the message, its causes and the hint, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, "\n  because: {cause}"))?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { hint: error.hint(), ..Self::new(Exit::Usage, &error) }
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
                failure.hint("name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`")
            }
            BackendError::NotAStore(_) => {
                failure.hint("name its `rootdirectory`, as the configuration of the registry has it")
            }
            BackendError::NotALayout { .. } => failure
                .hint("a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it"),
            // BuildKit writes an empty file anew, and fails on one that it cannot read (`client/ociindex`).
            BackendError::Layout { source: LayoutError::Empty, .. } => {
                failure.hint("the next build that exports to the directory writes the file anew")
            }
            BackendError::Layout { .. } => {
                failure.hint("builds cannot use the directory either: restore the file, or export to a new directory")
            }
            BackendError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => failure
                .hint("BuildKit may have written it as another user; run as that user, or change the permissions"),
            BackendError::Remote(remote) => {
                Self { causes: remote.causes.clone(), hint: remote.hint.clone(), ..failure }
            }
            _ => failure,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::TooMuch { .. } => {
                Self::new(Exit::Found, &error).hint("nothing was changed; raise `max_delete` when the plan is right")
            }
            PlanError::Incomplete | PlanError::Undecided(_) | PlanError::Unsound(_) => Self::new(Exit::Failed, &error),
        }
    }
}

impl From<PruneError> for Failure {
    fn from(error: PruneError) -> Self {
        let failure = Self::new(Exit::Failed, &error);
        match error {
            PruneError::Backend(error) => error.into(),
            PruneError::Busy(_) => failure.hint("nothing was changed; wait until it has ended"),
            PruneError::Refused(_) => Self { exit: Exit::Usage, ..failure }.hint("nothing was changed; leave it out"),
            PruneError::IndexHeld(_) => failure.hint("try again when the build has ended"),
            PruneError::TrashOccupied(_) => {
                failure.hint("nothing was changed; move it away, cachelens needs that name")
            }
            PruneError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::ReadOnlyFilesystem => failure.hint("the file system is read-only"),
                std::io::ErrorKind::StorageFull => {
                    failure.hint("the file system is full; `--no-trash --i-am-the-only-writer` needs less room")
                }
                std::io::ErrorKind::PermissionDenied => failure.hint("run as the user who owns the cache"),
                _ => failure,
            },
            PruneError::Irreplaceable { .. } | PruneError::Layout { .. } | PruneError::PutBackInPart { .. } => failure,
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
                failure.hint("make a new plan, which sees what that run has left")
            }
            JournalError::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                failure.hint("`--resume` goes on with a run; a new one needs another file")
            }
            _ => failure,
        }
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::OtherStore { .. } | ExecuteError::Undone => Self::new(Exit::Usage, &error),
            ExecuteError::Prune(error) => error.into(),
            ExecuteError::Backend(error) => error.into(),
            ExecuteError::Journal(error) => error.into(),
            ExecuteError::Mark(_) | ExecuteError::Check(_) => Self::new(Exit::Failed, &error),
        }
    }
}
