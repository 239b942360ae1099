//! LLB: the operations of a build, as BuildKit's solver gets them.
//!
//! The types are those of `solver/pb/ops.proto`, with its names and its zero values; numbers that stand for something are
//! open, because a newer BuildKit may know more of them. [`json`] reads them from the form that provenance holds, [`definition`] from the protobuf that a client sends, and
//! [`marshal`] writes them as BuildKit does to hash them.

use std::collections::BTreeMap;

use super::lenient::{List, go_struct};

pub mod definition;
mod exec;
mod file;
pub mod json;
pub mod marshal;

pub use exec::{CacheOpt, CdiDevice, ExecOp, HostIp, Meta, Mount, MountType, SecretEnv, SecretOpt, TmpfsOpt, Ulimit};
pub use file::{
    ChownOpt, Copy, FileAction, FileChange, FileOp, MakeDir, MakeFile, NamedUser, Remove, Symlink, UserOpt,
};

/// The number by which mounts and file actions say that there is no input.
pub const NO_INPUT: i64 = -1;
/// The number by which a mount says that what is written there is not kept.
pub const NO_OUTPUT: i64 = -1;

go_struct! {
    /// A vertex of the graph, without its inputs: those stand beside it, in the form of the document that it came from.
    pub struct Op {
        /// What is done.
        pub kind: OpKind = "Op",
        /// For which platform, as the frontend wrote it: not normalized.
        pub platform: Option<Platform> = "platform",
    }
}

/// What a vertex does.
#[derive(Debug, Clone, Default)]
pub enum OpKind {
    /// Nothing: the last vertex of a definition, which only names the result.
    #[default]
    Empty,
    /// Runs a command.
    Exec(Box<ExecOp>),
    /// Fetches files: an image, a repository, a build context.
    Source(SourceOp),
    /// Copies, makes and removes files.
    File(FileOp),
    /// Builds a definition that another vertex made.
    Build(BuildOp),
    /// Lays inputs over each other.
    Merge(MergeOp),
    /// Takes what one input has more than another.
    Diff(DiffOp),
    /// Hands inputs through.
    Passthrough(PassthroughOp),
    /// Something that this program does not know, in whole or in part; nothing can be said of its key.
    Unknown,
}

go_struct! {
    /// An operating system and a processor.
    pub struct Platform {
        /// As Go names it: `amd64`.
        pub architecture: String = "Architecture",
        /// As Go names it: `linux`.
        pub os: String = "OS",
        /// A variant of the architecture: `v7`.
        pub variant: String = "Variant",
        /// The version, for Windows.
        pub os_version: String = "OSVersion",
        /// Features, for Windows.
        pub os_features: List<String> = "OSFeatures",
    }
}

go_struct! {
    /// Fetches files.
    pub struct SourceOp {
        /// What, as a URL: `docker-image://…`, `local://…`, `git://…`, `https://…`.
        pub identifier: String = "identifier",
        /// Options, named in `solver/pb/attr.go`.
        pub attrs: BTreeMap<String, Option<String>> = "attrs",
    }
}

impl SourceOp {
    /// Splits the identifier into its scheme and the rest.
    pub fn scheme(&self) -> (&str, &str) {
        self.identifier.split_once("://").unwrap_or(("", &self.identifier))
    }

    /// Returns an option's value, empty when it is not set.
    pub fn attr(&self, name: &str) -> &str {
        self.attrs.get(name).and_then(Option::as_deref).unwrap_or_default()
    }
}

go_struct! {
    /// Builds a definition that another vertex made.
    pub struct BuildOp {
        /// Who builds; -1 is BuildKit itself.
        pub builder: i64 = "builder",
        /// The inputs by name.
        pub inputs: BTreeMap<String, InputPlace> = "inputs",
        /// Whether a definition stands in the operation itself; nothing reads one, and keys of such an operation are
        /// not known.
        pub definition: Option<serde::de::IgnoredAny> = "def",
        /// Options.
        pub attrs: BTreeMap<String, Option<String>> = "attrs",
    }
}

go_struct! {
    /// The place of an input, or [`NO_INPUT`].
    pub struct InputPlace {
        /// The place.
        pub input: i64 = "input",
    }
}

go_struct! {
    /// Lays inputs over each other.
    pub struct MergeOp {
        /// From bottom to top.
        pub inputs: List<InputPlace> = "inputs",
    }
}

go_struct! {
    /// Takes what `upper` has more than `lower`.
    pub struct DiffOp {
        /// What is taken away.
        pub lower: Option<InputPlace> = "lower",
        /// What remains.
        pub upper: Option<InputPlace> = "upper",
    }
}

go_struct! {
    /// Hands inputs through.
    pub struct PassthroughOp {
        /// A name.
        pub id: String = "id",
        /// For each output, the input that it is.
        pub outputs: List<i64> = "outputs",
    }
}
