//! The causes there are, with their words and what to do about them.

/// What makes a step run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseKind {
    /// The command is another.
    Command,
    /// A variable of the environment is another.
    Environment,
    /// A build argument is another.
    BuildArg,
    /// The user or the working directory is another.
    UserOrWorkdir,
    /// A mount is another.
    Mount,
    /// An option is another: an owner, a mode, a network …
    Option,
    /// The text of a heredoc is another.
    Heredoc,
    /// The content of files is another.
    Content,
    /// The permission bits of files are others.
    Mode,
    /// The owner of files is another.
    Owner,
    /// A link points elsewhere.
    LinkTarget,
    /// A file came.
    FileAdded,
    /// A file went.
    FileRemoved,
    /// The image that a stage stands on is another.
    BaseImage,
    /// What an address or a repository holds is something else.
    RemoteContent,
    /// The platform is another.
    Platform,
    /// The earlier build had no such step.
    NewStep,
    /// The cache holds the key, and its result no longer.
    ResultDropped,
    /// The cache was exported without the result, or without the step.
    NotExported,
    /// Blobs of the result are gone.
    BlobMissing,
    /// No cache could be read.
    ConfigUnreadable,
    /// The build was told not to look into caches.
    NoCache,
    /// A step that it takes from runs.
    Upstream,
    /// The evidence does not tell.
    Unexplained,
}

impl CauseKind {
    /// Returns the word for it, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Environment => "environment",
            Self::BuildArg => "build-arg",
            Self::UserOrWorkdir => "user-or-workdir",
            Self::Mount => "mount",
            Self::Option => "option",
            Self::Heredoc => "heredoc",
            Self::Content => "content",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::LinkTarget => "link-target",
            Self::FileAdded => "file-added",
            Self::FileRemoved => "file-removed",
            Self::BaseImage => "base-image",
            Self::RemoteContent => "remote-content",
            Self::Platform => "platform",
            Self::NewStep => "new-step",
            Self::ResultDropped => "result-dropped",
            Self::NotExported => "not-exported",
            Self::BlobMissing => "blob-missing",
            Self::ConfigUnreadable => "config-unreadable",
            Self::NoCache => "no-cache",
            Self::Upstream => "upstream",
            Self::Unexplained => "unexplained",
        }
    }

    /// Tells whether nobody changed anything: the cache has lost, or never had, the result.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::ResultDropped | Self::NotExported | Self::BlobMissing)
    }

    /// Tells whether it is a setting, which holds for every step below it.
    pub fn is_setting(self) -> bool {
        matches!(self, Self::Environment | Self::BuildArg | Self::UserOrWorkdir | Self::Platform)
    }

    /// Tells whether it is one thing however many steps it strikes: an image that moved, a flag of the build, a cache that
    /// cannot be read.
    pub fn is_of_many_steps(self) -> bool {
        matches!(self, Self::BaseImage | Self::NoCache | Self::ConfigUnreadable)
    }

    /// Returns what to do about it, where something can be done.
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::BuildArg => "declare the ARG below the steps that do not need it, just above the one that does",
            Self::Environment => "set the variable below the steps that do not need it",
            Self::Content | Self::FileAdded | Self::FileRemoved => {
                "copy what changes often later, or leave out what is not needed with .dockerignore"
            }
            Self::Mode => "keep the bits the same everywhere: umask, and core.fileMode of git",
            Self::BaseImage => "pin the image by digest, and move it on purpose",
            Self::RemoteContent => "pin it: a commit for git, --checksum for an address",
            Self::ResultDropped => {
                "import a ref that still has the result as well, or export it from a build that runs the step"
            }
            Self::NotExported => "export with mode=max",
            Self::ConfigUnreadable => {
                "`cachelens check` says what is wrong; export the cache again, or import another ref"
            }
            Self::BlobMissing => {
                "export the cache again from a build without it: a build that uses the result would fail"
            }
            _ => return None,
        })
    }
}
