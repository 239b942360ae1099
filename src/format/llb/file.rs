//! Changes of files: `FileOp` and what belongs to it.

use super::json;
use crate::format::lenient::{List, go_struct};

go_struct! {
    /// Copies, makes and removes files.
    pub struct FileOp {
        /// What is done, one after another.
        pub actions: List<FileAction> = "actions",
    }
}

go_struct! {
    /// One change of files.
    ///
    /// Inputs count the vertex's inputs first and the results of earlier actions after them.
    pub struct FileAction {
        /// What is changed, or [`NO_INPUT`](super::NO_INPUT) for nothing.
        pub input: i64 = "input",
        /// Where a copy is taken from.
        pub secondary_input: i64 = "secondaryInput",
        /// Which output of the vertex it makes, or [`NO_OUTPUT`](super::NO_OUTPUT).
        pub output: i64 = "output",
        /// The change.
        pub change: FileChange = "Action",
    }
}

/// What a file action does.
#[derive(Debug, Clone, Default)]
pub enum FileChange {
    /// Nothing that the document holds: provenance by BuildKit before symbolic links were part of its JSON.
    #[default]
    Unknown,
    /// Copies files.
    Copy(Box<Copy>),
    /// Makes a file.
    MakeFile(MakeFile),
    /// Makes a directory.
    MakeDir(MakeDir),
    /// Removes files.
    Remove(Remove),
    /// Makes a symbolic link.
    Symlink(Symlink),
}

go_struct! {
    /// Copies files.
    pub struct Copy {
        /// From which path.
        pub src: String = "src",
        /// To which path.
        pub dest: String = "dest",
        /// Who owns the copies.
        pub owner: Option<ChownOpt> = "owner",
        /// Permission bits, or -1 to keep them.
        pub mode: i32 = "mode",
        /// Whether a link at `src` is followed.
        pub follow_symlink: bool = "followSymlink",
        /// Whether a directory's contents are copied instead of itself.
        pub dir_copy_contents: bool = "dirCopyContents",
        /// Whether an archive is unpacked: `ADD`.
        pub attempt_unpack: bool = "attemptUnpackDockerCompatibility",
        /// Whether the directories of `dest` are made.
        pub create_dest_path: bool = "createDestPath",
        /// Whether `src` is a pattern.
        pub allow_wildcard: bool = "allowWildcard",
        /// Whether the pattern may match nothing.
        pub allow_empty_wildcard: bool = "allowEmptyWildcard",
        /// The time of the copies in nanoseconds, or -1 to keep it.
        pub timestamp: i64 = "timestamp",
        /// Only what one of these matches.
        pub include_patterns: List<String> = "include_patterns",
        /// Nothing that one of these matches.
        pub exclude_patterns: List<String> = "exclude_patterns",
        /// Whether something of another kind at `dest` is replaced.
        pub always_replace_existing: bool = "alwaysReplaceExistingDestPaths",
        /// Permission bits as text, such as `u+x`.
        pub mode_str: String = "modeStr",
        /// Paths that must be there.
        pub required_paths: List<String> = "required_paths",
    }
}

go_struct! {
    /// Makes a file.
    pub struct MakeFile {
        /// Where.
        pub path: String = "path",
        /// Permission bits.
        pub mode: i32 = "mode",
        /// What stands in it.
        pub data: json::Base64 = "data",
        /// Who owns it.
        pub owner: Option<ChownOpt> = "owner",
        /// Its time in nanoseconds, or -1 for now.
        pub timestamp: i64 = "timestamp",
    }
}

go_struct! {
    /// Makes a directory.
    pub struct MakeDir {
        /// Where.
        pub path: String = "path",
        /// Permission bits.
        pub mode: i32 = "mode",
        /// Whether the directories above are made too.
        pub make_parents: bool = "makeParents",
        /// Who owns it.
        pub owner: Option<ChownOpt> = "owner",
        /// Its time in nanoseconds, or -1 for now.
        pub timestamp: i64 = "timestamp",
    }
}

go_struct! {
    /// Removes files.
    pub struct Remove {
        /// Which.
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
        /// Where it leads.
        pub old_path: String = "oldpath",
        /// Where it is.
        pub new_path: String = "newpath",
        /// Who owns it.
        pub owner: Option<ChownOpt> = "owner",
        /// Its time in nanoseconds, or -1 for now.
        pub timestamp: i64 = "timestamp",
    }
}

go_struct! {
    /// An owner and a group.
    pub struct ChownOpt {
        /// The owner.
        pub user: Option<UserOpt> = "user",
        /// The group.
        pub group: Option<UserOpt> = "group",
    }
}

/// A user or a group.
#[derive(Debug, Clone)]
pub enum UserOpt {
    /// By name, looked up in the files of an input.
    ByName(NamedUser),
    /// By number.
    ById(u32),
}

go_struct! {
    /// A user or a group by name.
    pub struct NamedUser {
        /// The name.
        pub name: String = "name",
        /// The input whose `/etc/passwd` or `/etc/group` knows it.
        pub input: i64 = "input",
    }
}
