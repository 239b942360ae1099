//! The kinds of causes, with their words and advice.

/// The kind of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseKind {
    /// The command changed.
    Command,
    /// An environment variable changed.
    Environment,
    /// A build argument changed.
    BuildArg,
    /// The user or the working directory changed.
    UserOrWorkdir,
    /// A mount changed.
    Mount,
    /// An option changed: an owner, a mode, a network …
    Option,
    /// The text of a heredoc changed.
    Heredoc,
    /// The content of files changed.
    Content,
    /// The permission bits of files changed.
    Mode,
    /// The owner of files changed.
    Owner,
    /// The target of a link changed.
    LinkTarget,
    FileAdded,
    FileRemoved,
    /// The base image of a stage changed.
    BaseImage,
    /// The content of an address or a repository changed.
    RemoteContent,
    /// The platform changed.
    Platform,
    /// The earlier build had no such step.
    NewStep,
    /// The cache still holds the key, but no longer its result.
    ResultDropped,
    /// The cache was exported without the result, or without the step.
    NotExported,
    /// Blobs of the result are missing.
    BlobMissing,
    /// No cache could be read.
    ConfigUnreadable,
    /// The build ignores the cache by an option.
    NoCache,
    /// No import of the build succeeded, or it named none.
    ImportFailed,
    /// The network mode changed.
    Network,
    /// The timestamp that the build gives to files changed.
    Timestamp,
    /// Several imports share the keys below, and the one that answers first is a matter of chance.
    SeveralImports,
    /// It depends on a linked target of bake, whose keys lead no further.
    LinkedTarget,
    /// The ref was exported to after the build began.
    ExportedSince,
    /// An instruction below it was removed.
    StepRemoved,
    /// The order of the instructions below it changed.
    StepMoved,
    /// A step that it depends on runs.
    Upstream,
    /// The evidence does not show a cause.
    Unexplained,
}

impl CauseKind {
    /// All kinds.
    pub const ALL: [Self; 32] = [
        Self::Command,
        Self::Environment,
        Self::BuildArg,
        Self::UserOrWorkdir,
        Self::Mount,
        Self::Option,
        Self::Heredoc,
        Self::Content,
        Self::Mode,
        Self::Owner,
        Self::LinkTarget,
        Self::FileAdded,
        Self::FileRemoved,
        Self::BaseImage,
        Self::RemoteContent,
        Self::Platform,
        Self::NewStep,
        Self::ResultDropped,
        Self::NotExported,
        Self::BlobMissing,
        Self::ConfigUnreadable,
        Self::NoCache,
        Self::ImportFailed,
        Self::Network,
        Self::Timestamp,
        Self::SeveralImports,
        Self::LinkedTarget,
        Self::ExportedSince,
        Self::StepRemoved,
        Self::StepMoved,
        Self::Upstream,
        Self::Unexplained,
    ];

    /// Returns the word in JSON.
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
            Self::ImportFailed => "import-failed",
            Self::Network => "network",
            Self::Timestamp => "timestamp",
            Self::SeveralImports => "several-imports",
            Self::LinkedTarget => "linked-target",
            Self::ExportedSince => "exported-since",
            Self::StepRemoved => "step-removed",
            Self::StepMoved => "step-moved",
            Self::Upstream => "upstream",
            Self::Unexplained => "unexplained",
        }
    }

    /// Returns whether no input changed: the cache lost the result, or never had it.
    pub fn is_loss(self) -> bool {
        matches!(
            self,
            Self::ResultDropped | Self::NotExported | Self::BlobMissing
        )
    }

    /// Returns whether it is a setting that applies to every step below it.
    pub fn is_setting(self) -> bool {
        matches!(
            self,
            Self::Environment
                | Self::BuildArg
                | Self::UserOrWorkdir
                | Self::Platform
                | Self::Network
                | Self::Timestamp
        )
    }

    /// Returns whether one cause can affect many steps: an image that moved, a flag of the build, a
    /// cache that cannot be read.
    pub fn is_of_many_steps(self) -> bool {
        matches!(
            self,
            Self::BaseImage
                | Self::NoCache
                | Self::ConfigUnreadable
                | Self::ImportFailed
                | Self::ExportedSince
                | Self::SeveralImports
        )
    }

    /// Returns the advice, where something can be done.
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::BuildArg => {
                "declare the ARG below the steps that do not need it, just above the one that does"
            }
            Self::Environment => "set the variable below the steps that do not need it",
            Self::Content | Self::FileAdded | Self::FileRemoved => {
                "copy files that change often in a later step, or exclude unneeded files with .dockerignore"
            }
            Self::Mode => "keep the bits the same everywhere: umask, and core.fileMode of git",
            Self::BaseImage => "pin the image by digest, and move it on purpose",
            Self::RemoteContent => "pin it: a commit for git, --checksum for an address",
            Self::ResultDropped => {
                "import a ref that still has the result, or export it from a build that runs the step"
            }
            Self::NotExported => "export with mode=max",
            Self::ImportFailed => {
                "check that the ref exists when the build starts, and that its login may read it"
            }
            Self::SeveralImports => {
                "import one ref: the branch's alone once it exists, else the one of main"
            }
            Self::LinkedTarget => {
                "make the linked target a stage of the same Dockerfile, or export one ref from a build of all targets"
            }
            Self::ExportedSince => {
                "keep the ref as it was: export to a tag per commit, or explain against its previous version (such as main~1)"
            }
            Self::ConfigUnreadable => {
                "`cachelens check` shows the fault; export the cache again, or import another ref"
            }
            Self::BlobMissing => {
                "export the cache again from a build without it: a build that uses the result would fail"
            }
            _ => return None,
        })
    }
}
