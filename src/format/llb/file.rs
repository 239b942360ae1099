//! File operations: `FileOp` and its parts.

use super::json;
use crate::format::lenient::{LenientList, go_struct};

go_struct! {
    /// Copies, makes and removes files.
    pub struct FileOp {
        /// The actions, in order.
        pub actions: LenientList<FileAction> = "actions",
    }
}

go_struct! {
    /// One change of files.
    ///
    /// Input numbers count the vertex's inputs first, then the results of earlier actions.
    pub struct FileAction {
        /// The input that is changed, or [`NO_INPUT`](super::NO_INPUT) for none.
        pub input: i64 = "input",
        /// The input that a copy reads.
        pub secondary_input: i64 = "secondaryInput",
        /// The output of the vertex, or [`NO_OUTPUT`](super::NO_OUTPUT).
        pub output: i64 = "output",
        pub change: FileChange = "Action",
    }
}

/// The change of a file action.
#[derive(Debug, Clone, Default)]
pub enum FileChange {
    /// An unknown change: the JSON in provenance of older BuildKit versions has no symbolic links.
    #[default]
    Unknown,
    Copy(Box<CopyAction>),
    MakeFile(MakeFile),
    /// Makes a directory.
    MakeDir(MakeDir),
    Remove(Remove),
    /// Makes a symbolic link.
    Symlink(Symlink),
}

go_struct! {
    /// Copies files.
    pub struct CopyAction {
        /// The source path.
        pub src: String = "src",
        /// The destination path.
        pub dest: String = "dest",
        /// The owner of the copies.
        pub owner: Option<ChownOpt> = "owner",
        /// Permission bits, or -1 to keep them.
        pub mode: i32 = "mode",
        /// Whether a link at `src` is followed.
        pub follow_symlink: bool = "followSymlink",
        /// Whether a directory's contents are copied instead of itself.
        pub dir_copy_contents: bool = "dirCopyContents",
        /// Whether an archive is unpacked: `ADD`.
        pub attempt_unpack: bool = "attemptUnpackDockerCompatibility",
        /// Whether the parent directories of `dest` are created.
        pub create_dest_path: bool = "createDestPath",
        /// Whether `src` is a pattern.
        pub allow_wildcard: bool = "allowWildcard",
        /// Whether the pattern may match nothing.
        pub allow_empty_wildcard: bool = "allowEmptyWildcard",
        /// The time of the copies in nanoseconds, or -1 to keep it.
        pub timestamp: i64 = "timestamp",
        /// Only paths that match one of these patterns are copied.
        pub include_patterns: LenientList<String> = "include_patterns",
        /// Paths that match one of these patterns are not copied.
        pub exclude_patterns: LenientList<String> = "exclude_patterns",
        /// Whether a file of another kind at `dest` is replaced.
        pub always_replace_existing: bool = "alwaysReplaceExistingDestPaths",
        /// Permission bits as text, such as `u+x`.
        pub mode_str: String = "modeStr",
        /// Paths that must exist.
        pub required_paths: LenientList<String> = "required_paths",
    }
}

go_struct! {
    /// Makes a file.
    pub struct MakeFile {
        pub path: String = "path",
        /// Permission bits.
        pub mode: i32 = "mode",
        pub data: json::Base64 = "data",
        pub owner: Option<ChownOpt> = "owner",
        /// Its time in nanoseconds, or -1 for now.
        pub timestamp: i64 = "timestamp",
    }
}

go_struct! {
    /// Makes a directory.
    pub struct MakeDir {
        pub path: String = "path",
        /// Permission bits.
        pub mode: i32 = "mode",
        /// Whether missing parent directories are created too.
        pub make_parents: bool = "makeParents",
        pub owner: Option<ChownOpt> = "owner",
        /// Its time in nanoseconds, or -1 for now.
        pub timestamp: i64 = "timestamp",
    }
}

go_struct! {
    /// Removes files.
    pub struct Remove {
        pub path: String = "path",
        /// Whether they may be missing.
        pub allow_not_found: bool = "allowNotFound",
        /// Whether the path is a pattern.
        pub allow_wildcard: bool = "allowWildcard",
    }
}

go_struct! {
    /// Makes a symbolic link.
    pub struct Symlink {
        /// The target of the link.
        pub old_path: String = "oldpath",
        /// The path of the link.
        pub new_path: String = "newpath",
        pub owner: Option<ChownOpt> = "owner",
        /// Its time in nanoseconds, or -1 for now.
        pub timestamp: i64 = "timestamp",
    }
}

go_struct! {
    /// An owner and a group.
    pub struct ChownOpt {
        pub user: Option<UserOpt> = "user",
        pub group: Option<UserOpt> = "group",
    }
}

/// A user or a group.
#[derive(Debug, Clone)]
pub enum UserOpt {
    /// By name, resolved with the files of an input.
    ByName(NamedUser),
    /// By number.
    ById(u32),
}

go_struct! {
    /// A user or a group by name.
    pub struct NamedUser {
        pub name: String = "name",
        /// The input whose `/etc/passwd` or `/etc/group` resolves the name.
        pub input: i64 = "input",
    }
}
