//! LLB: the operations of a build, as BuildKit's solver gets them.
//!
//! The types are those of `solver/pb/ops.proto`, with its names and its zero values. Enumerations
//! are plain numbers, because a newer BuildKit may define more values. [`json`] parses operations
//! from provenance, [`definition`] from the protobuf of a client, and [`marshal`] writes them as
//! BuildKit does for hashing.

use std::collections::BTreeMap;

use super::lenient::{LenientList, go_struct};

pub mod definition;
pub mod encode;
mod exec;
mod file;
pub mod json;
pub mod marshal;

pub use exec::{
    CacheOpt, CdiDevice, ExecOp, HostIp, Meta, Mount, MountType, ProxyEnv, SecretEnv, SecretOpt,
    TmpfsOpt, Ulimit,
};
pub use file::{
    ChownOpt, CopyAction, FileAction, FileChange, FileOp, MakeDir, MakeFile, NamedUser, Remove,
    Symlink, UserOpt,
};

/// The number for "no input" in mounts and file actions.
pub const NO_INPUT: i64 = -1;
/// The number for "not kept" in the output of a mount.
pub const NO_OUTPUT: i64 = -1;

go_struct! {
    /// A vertex of the graph, without its inputs, which are stored separately in the form of the
    /// source document.
    pub struct Op {
        pub kind: OpKind = "Op",
        /// Its platform, as the frontend wrote it: not normalized.
        pub platform: Option<Platform> = "platform",
    }
}

/// The kind of an operation.
#[derive(Debug, Clone, Default)]
pub enum OpKind {
    /// No operation: the last vertex of a definition, which only names the result.
    #[default]
    Empty,
    /// Runs a command.
    Exec(Box<ExecOp>),
    /// Fetches files: an image, a repository, a build context.
    Source(SourceOp),
    /// Copies, makes and removes files.
    File(FileOp),
    /// Builds a definition from another vertex.
    Build(BuildOp),
    /// Merges inputs on top of each other.
    Merge(MergeOp),
    /// Computes the difference of two inputs.
    Diff(DiffOp),
    /// Passes inputs through.
    Passthrough(PassthroughOp),
    /// An operation that this program does not fully know. Its key cannot be computed.
    Unknown,
}

go_struct! {
    /// An operating system and a processor.
    pub struct Platform {
        /// In Go's naming: `amd64`.
        pub architecture: String = "Architecture",
        /// In Go's naming: `linux`.
        pub os: String = "OS",
        /// A variant of the architecture: `v7`.
        pub variant: String = "Variant",
        /// The version, for Windows.
        pub os_version: String = "OSVersion",
        /// Features, for Windows.
        pub os_features: LenientList<String> = "OSFeatures",
    }
}

go_struct! {
    /// Fetches files.
    pub struct SourceOp {
        /// The URL: `docker-image://…`, `local://…`, `git://…`, `https://…`.
        pub identifier: String = "identifier",
        /// Options, named in `solver/pb/attr.go`.
        pub attrs: BTreeMap<String, Option<String>> = "attrs",
    }
}

impl SourceOp {
    /// Splits the identifier into its scheme and the rest.
    pub fn scheme(&self) -> (&str, &str) {
        self.identifier
            .split_once("://")
            .unwrap_or(("", &self.identifier))
    }

    /// Returns an option's value; empty if it is not set.
    pub fn attr(&self, name: &str) -> &str {
        self.attrs
            .get(name)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }
}

go_struct! {
    /// Builds a definition from another vertex.
    pub struct BuildOp {
        /// The builder; -1 is BuildKit itself.
        pub builder: i64 = "builder",
        /// The inputs by name.
        pub inputs: BTreeMap<String, InputPlace> = "inputs",
        /// Whether a definition is embedded in the operation. It is not read, so the keys of such
        /// an operation are unknown.
        pub definition: Option<serde::de::IgnoredAny> = "def",
        pub attrs: BTreeMap<String, Option<String>> = "attrs",
    }
}

go_struct! {
    /// The index of an input, or [`NO_INPUT`].
    pub struct InputPlace {
        /// The index.
        pub input: i64 = "input",
    }
}

go_struct! {
    /// Merges inputs on top of each other.
    pub struct MergeOp {
        /// From bottom to top.
        pub inputs: LenientList<InputPlace> = "inputs",
    }
}

go_struct! {
    /// Computes the files of `upper` that are not in `lower`.
    pub struct DiffOp {
        /// The lower input, which is subtracted.
        pub lower: Option<InputPlace> = "lower",
        pub upper: Option<InputPlace> = "upper",
    }
}

go_struct! {
    /// Passes inputs through.
    pub struct PassthroughOp {
        /// A name.
        pub id: String = "id",
        /// The input of each output.
        pub outputs: LenientList<i64> = "outputs",
    }
}
