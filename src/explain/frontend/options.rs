//! The options of a build, in addition to its Dockerfile and its context.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::format::dockerfile::mount;
use crate::format::go_text::{self, quote};
use crate::format::llb::{HostIp, Platform, Ulimit};
use crate::format::platform;

/// The names of container limits.
const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// The options of a build, as `docker buildx build` takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// The stage to build (`--target`); empty for the last one.
    pub target: String,
    /// `--build-arg`.
    pub build_args: BTreeMap<String, String>,
    /// `--label`. Labels create no operation.
    pub labels: BTreeMap<String, String>,
    /// `--platform`, as written; empty for that of the builder. Each platform is a build of its
    /// own.
    pub platforms: Vec<String>,
    /// `--build-context`: the value of each name, as written.
    pub build_contexts: BTreeMap<String, String>,
    /// `--network`: `host`, `none`, `default` or nothing.
    pub network: String,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--no-cache-filter`: the stages that are built without the cache.
    pub no_cache_filter: Vec<String>,
    /// `--add-host`, as `name:ip` or `name=ip`.
    pub add_hosts: Vec<String>,
    /// `--shm-size`, as written.
    pub shm_size: String,
    /// `--ulimit`, as `name=soft:hard`.
    pub ulimits: Vec<String>,
    /// `--cgroup-parent`.
    pub cgroup_parent: String,
    /// The host name of commands (`BUILDKIT_SANDBOX_HOSTNAME`, `hostname`).
    pub hostname: String,
    /// The namespace of cache mounts (`BUILDKIT_CACHE_MOUNT_NS`).
    pub cache_mount_namespace: String,
    /// `image-resolve-mode`: `pull`, `local`, `default` or nothing; `--pull` is `pull`.
    pub resolve_mode: String,
    /// Whether the platform is part of step names (`multi-platform`); `None` lets the number of
    /// platforms decide.
    pub multi_platform: Option<bool>,
}

impl BuildOptions {
    /// Returns the platforms to build for; `None` in the list is the platform of the builder.
    ///
    /// # Errors
    /// If a platform is malformed.
    pub fn target_platforms(&self, builder: &Platform) -> Result<Vec<Option<Platform>>, String> {
        let parse = |text: &String| {
            let parsed = platform::parse(text.trim(), builder);
            let wrong = |error| format!("failed to parse target platform {text}: {error}");
            parsed
                .map(|platform| Some(platform::normalize(&platform)))
                .map_err(wrong)
        };
        if self.platforms.is_empty() {
            return Ok(vec![None]);
        }
        self.platforms.iter().map(parse).collect()
    }

    /// Returns the options for one platform. The caller sets the contexts.
    ///
    /// # Errors
    /// If a value is malformed.
    pub fn for_platform(
        &self,
        platform: Option<Platform>,
        builder: &Platform,
    ) -> Result<ConvertOptions, String> {
        let argument = |name: &str| self.build_args.get(name).filter(|value| !value.is_empty());
        let or_argument = |own: &String, name| argument(name).unwrap_or(own).clone();
        let multi_platform = match argument("BUILDKIT_MULTI_PLATFORM") {
            Some(value) => Some(
                go_text::parse_bool(value)
                    .ok_or_else(|| format!("invalid boolean value for multi-platform: {value}"))?,
            ),
            None => self.multi_platform,
        };
        let no_cache = match (self.no_cache, self.no_cache_filter.as_slice()) {
            (true, _) => NoCache::All,
            (false, []) => NoCache::Off,
            (false, stages) => NoCache::Stages(stages.to_vec()),
        };
        let shm_size = match self.shm_size.as_str() {
            "" => 0,
            text => mount::size(text).ok_or_else(|| format!("invalid size: {}", quote(text)))?,
        };
        Ok(ConvertOptions {
            target: self.target.clone(),
            build_args: self.build_args.clone(),
            platform,
            build_platform: builder.clone(),
            multi_platform: multi_platform.unwrap_or(self.platforms.len() > 1),
            network: network(&self.network)?,
            hostname: or_argument(&self.hostname, "BUILDKIT_SANDBOX_HOSTNAME"),
            extra_hosts: self
                .add_hosts
                .iter()
                .map(|host| extra_host(host))
                .collect::<Result<_, _>>()?,
            shm_size,
            ulimits: ulimits(&self.ulimits)?,
            cgroup_parent: self.cgroup_parent.clone(),
            cache_namespace: or_argument(&self.cache_mount_namespace, "BUILDKIT_CACHE_MOUNT_NS"),
            resolve_mode: resolve_mode(&self.resolve_mode)?,
            no_cache,
            ..ConvertOptions::default()
        })
    }
}

fn network(text: &str) -> Result<i32, String> {
    match text {
        "" | "default" | "sandbox" => Ok(0),
        "host" => Ok(1),
        "none" => Ok(2),
        other => Err(format!(
            "the network mode {} is not one of BuildKit: default, host or none",
            quote(other)
        )),
    }
}

fn resolve_mode(text: &str) -> Result<String, String> {
    match text {
        "" | "default" => Ok(String::new()),
        "pull" | "local" => Ok(text.to_owned()),
        other => Err(format!("invalid image-resolve-mode: {other}")),
    }
}

/// Parses `name:ip` or `name=ip`.
fn extra_host(text: &str) -> Result<HostIp, String> {
    let wrong = || format!("invalid host {}: it is not NAME:IP", quote(text));
    let (host, ip) = text
        .split_once('=')
        .or_else(|| text.split_once(':'))
        .ok_or_else(wrong)?;
    let ip = ip
        .strip_prefix('[')
        .and_then(|ip| ip.strip_suffix(']'))
        .unwrap_or(ip);
    let ip = match ip.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => ip
            .to_ipv4_mapped()
            .map_or(ip.to_string(), |ip| ip.to_string()),
        Ok(ip) => ip.to_string(),
        // The address is not part of any key.
        Err(_) if ip == "host-gateway" => ip.to_owned(),
        Err(_) => return Err(wrong()),
    };
    if host.is_empty() {
        return Err(wrong());
    }
    Ok(HostIp {
        host: go_text::lower(host),
        ip,
    })
}

/// Parses `name=soft[:hard]`. As in Docker's client, the last one of a name counts, and names are
/// sorted.
fn ulimits(texts: &[String]) -> Result<Vec<Ulimit>, String> {
    let mut limits = BTreeMap::new();
    for text in texts {
        let wrong = || format!("invalid ulimit {}: it is not NAME=SOFT:HARD", quote(text));
        let (name, values) = text.split_once('=').ok_or_else(wrong)?;
        if !ULIMITS.contains(&name) {
            return Err(format!("invalid ulimit type: {name}"));
        }
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let number = |text| go_text::parse_int(text).ok_or_else(wrong);
        let limit = Ulimit {
            name: name.to_owned(),
            soft: number(soft)?,
            hard: number(hard)?,
        };
        if limit.hard != -1 && (limit.soft > limit.hard || limit.soft == -1) {
            return Err(format!(
                "ulimit soft limit must be less than or equal to hard limit: {text}"
            ));
        }
        limits.insert(name, limit);
    }
    Ok(limits.into_values().collect())
}

/// The options for one platform, as the converter takes them.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// The stage to build; empty for the last one.
    pub target: String,
    /// Build arguments.
    pub build_args: BTreeMap<String, String>,
    /// The target platform; `None` for that of the builder.
    pub platform: Option<Platform>,
    /// The platform of the builder.
    pub build_platform: Platform,
    /// Whether the platform is part of step names.
    pub multi_platform: bool,
    /// The network of commands: 0 sandbox, 1 host, 2 none.
    pub network: i32,
    /// The host name of commands.
    pub hostname: String,
    /// Additions to `/etc/hosts`.
    pub extra_hosts: Vec<HostIp>,
    /// The size of `/dev/shm` in bytes; 0 for the default.
    pub shm_size: i64,
    /// Limits of resources.
    pub ulimits: Vec<Ulimit>,
    /// The control group.
    pub cgroup_parent: String,
    /// The namespace of cache mounts.
    pub cache_namespace: String,
    /// The value of `image.resolvemode`; empty for the default.
    pub resolve_mode: String,
    /// The stages that are built without the cache.
    pub no_cache: NoCache,
    /// The build context.
    pub context: MainContext,
    pub contexts: BTreeMap<String, NamedContext>,
    /// Whether to ignore a `SOURCE_DATE_EPOCH` that must be fetched, as for a conversion that can
    /// fetch nothing. Otherwise everything that depends on it is unknown.
    pub without_remote_epoch: bool,
}

/// The stages that are built without the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NoCache {
    /// None.
    #[default]
    Off,
    All,
    /// Those with these names.
    Stages(Vec<String>),
}

impl NoCache {
    /// Returns whether a stage is built without the cache. A stage without a name has an empty name
    /// here.
    pub fn is_for(&self, stage: &str) -> bool {
        match self {
            Self::Off => false,
            Self::All => true,
            Self::Stages(names) => names
                .iter()
                .any(|name| crate::format::go_text::equal_fold(name, stage)),
        }
    }
}

/// The source of files for `COPY`.
#[derive(Debug, Clone)]
pub enum MainContext {
    /// A directory of the client.
    Local {
        /// Attributes of the source, except the followed paths.
        attributes: BTreeMap<String, String>,
        /// Whether only the paths in the Dockerfile are sent.
        follow_paths: bool,
    },
    /// A source that is fetched: a repository or a download.
    Remote {
        identifier: String,
        attributes: BTreeMap<String, String>,
        /// The name of the step.
        name: String,
    },
}

impl Default for MainContext {
    fn default() -> Self {
        Self::Local {
            attributes: BTreeMap::new(),
            follow_paths: true,
        }
    }
}

/// The value of a named context.
#[derive(Debug, Clone)]
pub enum NamedContext {
    /// Nothing: `docker-image://scratch`.
    Scratch,
    /// An image of a registry, by its reference.
    Image(String),
    /// An image of a layout, by the name of its store and its digest.
    Layout { store: String, digest: String },
    /// A directory of the client.
    Local {
        /// Its name for the client.
        name: String,
        /// The patterns of its ignore file.
        excludes: Vec<String>,
    },
    /// A source that is fetched.
    Remote {
        identifier: String,
        attributes: BTreeMap<String, String>,
        /// The name of the step.
        name: String,
    },
    /// An unknown context, with the reason.
    Unknown(String),
}
