//! LLB: the operations of a build, as BuildKit's solver gets them.
//!
//! The types are those of `solver/pb/ops.proto`, with its names and its zero values; numbers that stand for something are
//! open, because a newer BuildKit may know more of them. [`json`] reads them from the form that provenance holds, and
//! [`marshal`] writes them as BuildKit does to hash them.

use std::collections::BTreeMap;

use super::lenient::{List, go_struct};

pub mod json;
pub mod marshal;

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
    /// Runs a command.
    pub struct ExecOp {
        /// The process.
        pub meta: Meta = "meta",
        /// What it sees, its root file system included.
        pub mounts: List<Mount> = "mounts",
        /// 0 sandbox, 1 host, 2 none.
        pub network: i32 = "network",
        /// 0 sandbox, 1 insecure.
        pub security: i32 = "security",
        /// Secrets that become environment variables.
        pub secret_env: List<SecretEnv> = "secretenv",
        /// Devices of the Container Device Interface.
        pub cdi_devices: List<CdiDevice> = "cdiDevices",
    }
}

go_struct! {
    /// A process to run.
    pub struct Meta {
        /// The command and its arguments.
        pub args: List<String> = "args",
        /// `NAME=value`, in order.
        pub env: List<String> = "env",
        /// The working directory.
        pub cwd: String = "cwd",
        /// Who runs it.
        pub user: String = "user",
        /// Additions to `/etc/hosts`.
        pub extra_hosts: List<HostIp> = "extraHosts",
        /// The name of the host.
        pub hostname: String = "hostname",
        /// Limits of resources.
        pub ulimits: List<Ulimit> = "ulimit",
        /// The control group.
        pub cgroup_parent: String = "cgroupParent",
        /// Whether directories made for mounts are removed again; set by every client since BuildKit 0.11.
        pub remove_mount_stubs_recursive: bool = "removeMountStubsRecursive",
        /// Exit codes that count as success.
        pub valid_exit_codes: List<i32> = "validExitCodes",
    }
}

go_struct! {
    /// A line of `/etc/hosts`.
    pub struct HostIp {
        /// The name.
        pub host: String = "Host",
        /// The address.
        pub ip: String = "IP",
    }
}

go_struct! {
    /// A limit of a resource.
    pub struct Ulimit {
        /// Which one.
        pub name: String = "Name",
        /// The soft limit.
        pub soft: i64 = "Soft",
        /// The hard limit.
        pub hard: i64 = "Hard",
    }
}

go_struct! {
    /// A secret that becomes an environment variable.
    pub struct SecretEnv {
        /// The secret's name.
        pub id: String = "ID",
        /// The variable's name.
        pub name: String = "name",
        /// Whether the build goes on without it.
        pub optional: bool = "optional",
    }
}

go_struct! {
    /// A device.
    pub struct CdiDevice {
        /// Its name.
        pub name: String = "name",
        /// Whether the build goes on without it.
        pub optional: bool = "optional",
    }
}

/// The number by which mounts and file actions say that there is no input.
pub const NO_INPUT: i64 = -1;
/// The number by which a mount says that what is written there is not kept.
pub const NO_OUTPUT: i64 = -1;

go_struct! {
    /// What a command sees at a path.
    pub struct Mount {
        /// The place of the input, or [`NO_INPUT`].
        pub input: i64 = "input",
        /// The part of the input that is mounted.
        pub selector: String = "selector",
        /// Where.
        pub dest: String = "dest",
        /// The place of the output, or [`NO_OUTPUT`].
        pub output: i64 = "output",
        /// Whether it cannot be written.
        pub readonly: bool = "readonly",
        /// What kind it is.
        pub mount_type: MountType = "mountType",
        /// For a temporary file system.
        pub tmpfs: Option<TmpfsOpt> = "TmpfsOpt",
        /// For a cache.
        pub cache: Option<CacheOpt> = "cacheOpt",
        /// For a secret.
        pub secret: Option<SecretOpt> = "secretOpt",
        /// For an SSH agent.
        pub ssh: Option<SecretOpt> = "SSHOpt",
        /// A name for the result.
        pub result_id: String = "resultID",
        /// 0 default, 1 on, 2 off.
        pub content_cache: i32 = "contentCache",
    }
}

/// The kind of a mount, an open set of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
pub struct MountType(pub i32);

impl MountType {
    /// An input's files.
    pub const BIND: Self = Self(0);
    /// A secret's file.
    pub const SECRET: Self = Self(1);
    /// An SSH agent's socket.
    pub const SSH: Self = Self(2);
    /// A directory that outlives the build.
    pub const CACHE: Self = Self(3);
    /// A temporary file system.
    pub const TMPFS: Self = Self(4);
}

go_struct! {
    /// Options of a temporary file system.
    pub struct TmpfsOpt {
        /// The largest size in bytes.
        pub size: i64 = "size",
    }
}

go_struct! {
    /// Options of a cache mount.
    pub struct CacheOpt {
        /// The cache's name.
        pub id: String = "ID",
        /// 0 shared, 1 private, 2 locked.
        pub sharing: i32 = "sharing",
    }
}

go_struct! {
    /// Options of a secret, and of an SSH agent, which has the same.
    pub struct SecretOpt {
        /// The name under which the client knows it.
        pub id: String = "ID",
        /// The owner.
        pub uid: u32 = "uid",
        /// The group.
        pub gid: u32 = "gid",
        /// The permission bits.
        pub mode: u32 = "mode",
        /// Whether the build goes on without it.
        pub optional: bool = "optional",
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
        /// What is changed, or [`NO_INPUT`] for nothing.
        pub input: i64 = "input",
        /// Where a copy is taken from.
        pub secondary_input: i64 = "secondaryInput",
        /// Which output of the vertex it makes, or [`NO_OUTPUT`].
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
