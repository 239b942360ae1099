//! Commands: `ExecOp` and its parts.

use crate::format::lenient::{LenientList, go_struct};

go_struct! {
    /// Runs a command.
    pub struct ExecOp {
        /// The process.
        pub meta: Meta = "meta",
        /// Its mounts, including the root file system.
        pub mounts: LenientList<Mount> = "mounts",
        /// 0 sandbox, 1 host, 2 none.
        pub network: i32 = "network",
        /// 0 sandbox, 1 insecure.
        pub security: i32 = "security",
        /// Secrets that become environment variables.
        pub secret_env: LenientList<SecretEnv> = "secretenv",
        /// Devices of the Container Device Interface.
        pub cdi_devices: LenientList<CdiDevice> = "cdiDevices",
    }
}

go_struct! {
    /// A process to run.
    pub struct Meta {
        /// The command and its arguments.
        pub args: LenientList<String> = "args",
        /// `NAME=value`, in order.
        pub env: LenientList<String> = "env",
        /// The working directory.
        pub cwd: String = "cwd",
        pub user: String = "user",
        /// Proxies, which are not part of the key.
        pub proxy_env: Option<ProxyEnv> = "proxy_env",
        /// Additions to `/etc/hosts`.
        pub extra_hosts: LenientList<HostIp> = "extraHosts",
        /// The name of the host.
        pub hostname: String = "hostname",
        /// Limits of resources.
        pub ulimits: LenientList<Ulimit> = "ulimit",
        /// The control group.
        pub cgroup_parent: String = "cgroupParent",
        /// Whether directories created for mounts are removed again; every client sets it since
        /// BuildKit 0.11.
        pub remove_mount_stubs_recursive: bool = "removeMountStubsRecursive",
        /// Exit codes that count as success.
        pub valid_exit_codes: LenientList<i32> = "validExitCodes",
    }
}

go_struct! {
    /// The proxies in the environment of a command.
    pub struct ProxyEnv {
        /// For `http`.
        pub http_proxy: String = "http_proxy",
        /// For `https`.
        pub https_proxy: String = "https_proxy",
        /// For `ftp`.
        pub ftp_proxy: String = "ftp_proxy",
        /// Hosts without a proxy.
        pub no_proxy: String = "no_proxy",
        /// For all protocols.
        pub all_proxy: String = "all_proxy",
    }
}

go_struct! {
    /// A line of `/etc/hosts`.
    pub struct HostIp {
        pub host: String = "Host",
        pub ip: String = "IP",
    }
}

go_struct! {
    /// A limit of a resource.
    pub struct Ulimit {
        /// The name of the limit.
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
        /// Whether the build continues without it.
        pub optional: bool = "optional",
    }
}

go_struct! {
    /// A device.
    pub struct CdiDevice {
        pub name: String = "name",
        /// Whether the build continues without it.
        pub optional: bool = "optional",
    }
}

go_struct! {
    /// A mount of a command.
    pub struct Mount {
        /// The index of the input, or [`NO_INPUT`](super::NO_INPUT).
        pub input: i64 = "input",
        /// The part of the input that is mounted.
        pub selector: String = "selector",
        /// The path in the container.
        pub dest: String = "dest",
        /// The index of the output, or [`NO_OUTPUT`](super::NO_OUTPUT).
        pub output: i64 = "output",
        /// Whether it is read-only.
        pub readonly: bool = "readonly",
        pub mount_type: MountType = "mountType",
        /// Options of a temporary file system.
        pub tmpfs: Option<TmpfsOpt> = "TmpfsOpt",
        pub cache: Option<CacheOpt> = "cacheOpt",
        pub secret: Option<SecretOpt> = "secretOpt",
        /// Options of an SSH agent.
        pub ssh: Option<SecretOpt> = "SSHOpt",
        /// A name for the result.
        pub result_id: String = "resultID",
        /// 0 default, 1 on, 2 off.
        pub content_cache: i32 = "contentCache",
    }
}

/// The type of a mount. A newer BuildKit may define more numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
pub struct MountType(pub i32);

impl MountType {
    /// An input's files.
    pub const BIND: Self = Self(0);
    /// A secret's file.
    pub const SECRET: Self = Self(1);
    /// An SSH agent's socket.
    pub const SSH: Self = Self(2);
    /// A directory that persists after the build.
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
    /// Options of a secret, and of an SSH agent, which has the same fields.
    pub struct SecretOpt {
        /// Its name in the client.
        pub id: String = "ID",
        pub uid: u32 = "uid",
        pub gid: u32 = "gid",
        /// The permission bits.
        pub mode: u32 = "mode",
        /// Whether the build continues without it.
        pub optional: bool = "optional",
    }
}
