//! The graph of a Dockerfile: states, and the vertices that produce them (`client/llb`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::env::Env;
use crate::format::digest::Digest;
use crate::format::dockerfile::Lines;
use crate::format::llb::{FileChange, HostIp, Platform, ProxyEnv, Ulimit};

/// The index of a vertex in the graph.
pub(super) type VertexId = usize;

/// The paths of a source that are used.
pub(super) type Paths = Rc<RefCell<BTreeSet<String>>>;

/// A file system, with the settings for commands in it.
#[derive(Debug, Clone)]
pub(super) struct VertexState {
    /// The vertex that produces the files; `None` for an empty file system.
    pub output: Option<VertexId>,
    pub env: Env,
    pub dir: Rc<str>,
    pub user: Rc<str>,
    pub hostname: Rc<str>,
    pub network: i32,
    /// The normalized platform; `None` for the platform of the build.
    pub platform: Option<Rc<Platform>>,
}

impl VertexState {
    /// Returns the state of a vertex.
    pub fn of(output: Option<VertexId>) -> Self {
        Self {
            output,
            env: Env::default(),
            dir: "/".into(),
            user: "".into(),
            hostname: "".into(),
            network: 0,
            platform: None,
        }
    }

    /// Returns a state without files.
    pub fn scratch() -> Self {
        Self::of(None)
    }

    /// Returns the same state with other files.
    pub fn with_output(&self, output: VertexId) -> Self {
        Self {
            output: Some(output),
            ..self.clone()
        }
    }

    /// Sets the working directory; a relative one is joined to the current one.
    pub fn set_dir(&mut self, dir: &str) {
        self.dir = if dir.starts_with('/') {
            dir.into()
        } else {
            super::path::join(&[&self.dir, dir]).into()
        };
    }
}

/// A vertex: an operation with its description.
#[derive(Debug)]
pub(super) struct Vertex {
    pub kind: VertexKind,
    pub about: About,
}

/// The description of a vertex.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// The name of the step.
    pub name: Option<Arc<str>>,
    /// The instruction as written.
    pub command: Option<Arc<str>>,
    /// The lines of the instruction; `None` for an image in a mount.
    pub lines: Option<Lines>,
    pub ignores_cache: bool,
    /// Why the operation is unknown, if it is.
    pub unknown: Option<Rc<str>>,
}

#[derive(Debug)]
pub(super) enum VertexKind {
    Source(SourceVertex),
    Exec(Box<Exec>),
    File(File),
    Merge(Vec<VertexId>),
}

#[derive(Debug)]
pub(super) struct SourceVertex {
    pub identifier: String,
    pub attributes: BTreeMap<String, String>,
    pub platform: Option<Platform>,
    /// The paths for `local.followpaths`, which are complete at the end of the conversion.
    pub follow: Option<Paths>,
    /// The uncompressed digests of the layers, for an image.
    pub layers: Option<Vec<Digest>>,
}

#[derive(Debug)]
pub(super) struct Exec {
    pub args: Vec<String>,
    /// The settings without the output, which is the root file system.
    pub state: VertexState,
    pub proxy: Option<ProxyEnv>,
    pub extra_hosts: Rc<[HostIp]>,
    pub ulimits: Rc<[Ulimit]>,
    pub cgroup_parent: Rc<str>,
    pub is_insecure: bool,
    /// The mounts in addition to the root file system.
    pub mounts: Vec<ExecMount>,
    pub secrets: Vec<SecretOption>,
    pub ssh: Vec<Ssh>,
}

#[derive(Debug)]
pub(super) struct ExecMount {
    pub target: String,
    pub source: Option<VertexId>,
    pub selector: String,
    pub readonly: bool,
    pub kind: ExecMountKind,
}

#[derive(Debug)]
pub(super) enum ExecMountKind {
    Bind,
    Cache { id: String, sharing: i32 },
    Tmpfs { size: i64 },
}

#[derive(Debug)]
pub(super) struct SecretOption {
    pub id: String,
    pub target: Option<String>,
    pub env: Option<String>,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    pub is_optional: bool,
}

#[derive(Debug)]
pub(super) struct Ssh {
    pub id: String,
    pub target: String,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    pub is_optional: bool,
}

#[derive(Debug)]
pub(super) struct File {
    pub base: Option<VertexId>,
    pub actions: Vec<FileStep>,
}

/// A file change. Its owner is set when the inputs are counted.
#[derive(Debug)]
pub(super) struct FileStep {
    pub change: FileChange,
    pub owner: Option<Owner>,
    /// The source of a copy; `None` if it is no copy, or copies from an empty file system.
    pub source: Option<VertexId>,
}

/// An owner and a group.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub user: Option<OwnerPart>,
    pub group: Option<OwnerPart>,
}

#[derive(Debug, Clone)]
pub(super) enum OwnerPart {
    Id(u32),
    Name(String),
}

impl Owner {
    /// Parses `user[:group]`. A number out of range counts as a name, and an empty text as root.
    pub fn parse(text: &str) -> Self {
        let part = |text: &str| {
            if text == "root" || text.is_empty() {
                return OwnerPart::Id(0);
            }
            let number = crate::format::go_text::parse_int(text);
            match number.and_then(|number| i32::try_from(number).ok()) {
                Some(id) => OwnerPart::Id(id.cast_unsigned()),
                None => OwnerPart::Name(text.to_owned()),
            }
        };
        match text.split_once(':') {
            Some((user, group)) => Self {
                user: Some(part(user)),
                group: Some(part(group)),
            },
            None => Self {
                user: Some(part(text)),
                group: None,
            },
        }
    }

    /// Returns an owner by numbers.
    pub fn ids(uid: u32, gid: u32) -> Self {
        Self {
            user: Some(OwnerPart::Id(uid)),
            group: Some(OwnerPart::Id(gid)),
        }
    }
}

/// All vertices.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub vertices: Vec<Vertex>,
}

impl Graph {
    /// Adds a vertex.
    pub fn add(&mut self, kind: VertexKind, about: About) -> VertexId {
        self.vertices.push(Vertex { kind, about });
        self.vertices.len() - 1
    }

    /// Returns the inputs of a vertex, in the order in which BuildKit visits them.
    pub fn children(&self, vertex: VertexId) -> Vec<VertexId> {
        match &self.vertices[vertex].kind {
            VertexKind::Source(_) => Vec::new(),
            VertexKind::Merge(inputs) => inputs.clone(),
            VertexKind::Exec(exec) => exec
                .sorted_mounts()
                .into_iter()
                .filter_map(|mount| mount.source)
                .collect(),
            // From the last action to the first.
            VertexKind::File(file) => {
                let pair = |action: &FileStep| [file.base, action.source];
                file.actions.iter().rev().flat_map(pair).flatten().collect()
            }
        }
    }
}

/// A mount of a command, including the root file system.
#[derive(Debug)]
pub(super) struct MountView<'a> {
    pub target: &'a str,
    pub source: Option<VertexId>,
    /// `None` for the root file system.
    pub mount: Option<&'a ExecMount>,
}

impl<'a> MountView<'a> {
    fn of(mount: &'a ExecMount) -> Self {
        Self {
            target: &mount.target,
            source: mount.source,
            mount: Some(mount),
        }
    }
}

impl Exec {
    /// Returns the mounts with the root file system, by their targets.
    pub fn sorted_mounts(&self) -> Vec<MountView<'_>> {
        let root = MountView {
            target: "/",
            source: self.state.output,
            mount: None,
        };
        let mut mounts: Vec<MountView<'_>> = std::iter::once(root)
            .chain(self.mounts.iter().map(MountView::of))
            .collect();
        mounts.sort_by(|a, b| a.target.as_bytes().cmp(b.target.as_bytes()));
        mounts
    }
}
