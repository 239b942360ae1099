//! Encodes the graph as BuildKit's client does: every operation once, each after its inputs.

use std::collections::HashMap;
use std::rc::Rc;

use super::graph::{
    About, Exec, ExecMountKind, File, FileStep, Graph, MountView, Owner, OwnerPart, SecretOption,
    SourceVertex, Ssh, Vertex, VertexId, VertexKind,
};
use super::{ConversionRefusal, Converted, ConvertedStep};
use crate::format::digest::Digest;
use crate::format::go_json::GoJson as _;
use crate::format::lenient::LenientList;
use crate::format::llb::{
    CacheOpt, ChownOpt, ExecOp, FileAction, FileChange, FileOp, InputPlace, MergeOp, Meta, Mount,
    MountType, NO_INPUT, NO_OUTPUT, NamedUser, Op, OpKind, Platform, SecretEnv, SecretOpt,
    SourceOp, TmpfsOpt, UserOpt, definition, encode,
};

/// Encodes everything that a vertex needs.
///
/// # Errors
/// If a text is not UTF-8, a command is empty, or the result becomes too large.
pub(super) fn marshal(
    graph: &Graph,
    result: Option<VertexId>,
    platform: &Platform,
) -> Result<Converted, ConversionRefusal> {
    let mut writer = MarshalWriter {
        graph,
        platform,
        places: vec![None; graph.vertices.len()],
        by_digest: HashMap::new(),
        steps: Vec::new(),
        bytes: 0,
    };
    let Some(result) = result else {
        return Ok(Converted::default());
    };
    writer.visit(result)?;
    let last = writer.places[result].unwrap_or_default();
    let input = (writer.steps[last].digest, 0);
    let op = Op::default();
    let bytes = encode::operation(&op, &[input])
        .map_err(|error| ConversionRefusal::plain(error.to_string()))?;
    writer.steps.push(ConvertedStep {
        digest: Digest::of(&bytes),
        bytes,
        op,
        inputs: vec![last],
        name: None,
        command: None,
        locations: Vec::new(),
        ignores_cache: false,
        unknown: None,
        image_layers: None,
    });
    Ok(Converted {
        steps: writer.steps,
    })
}

struct MarshalWriter<'a> {
    graph: &'a Graph,
    /// The platform of commands without their own.
    platform: &'a Platform,
    /// The step of each encoded vertex.
    places: Vec<Option<usize>>,
    by_digest: HashMap<Digest, usize>,
    steps: Vec<ConvertedStep>,
    bytes: usize,
}

/// The inputs of an operation, each once.
#[derive(Default)]
struct MarshalInputs {
    steps: Vec<usize>,
    places: HashMap<usize, i64>,
}

impl MarshalInputs {
    fn place(&mut self, step: usize) -> i64 {
        let next = i64::try_from(self.steps.len()).unwrap_or(i64::MAX);
        *self.places.entry(step).or_insert_with(|| {
            self.steps.push(step);
            next
        })
    }
}

impl MarshalWriter<'_> {
    /// Encodes a vertex after its inputs, without recursion.
    fn visit(&mut self, vertex: VertexId) -> Result<(), ConversionRefusal> {
        let mut open = vec![(vertex, self.graph.children(vertex).into_iter())];
        while let Some((vertex, children)) = open.last_mut() {
            let vertex = *vertex;
            match children.find(|child| self.places[*child].is_none()) {
                Some(child) => open.push((child, self.graph.children(child).into_iter())),
                None => {
                    open.pop();
                    if self.places[vertex].is_none() {
                        self.write(vertex)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, vertex: VertexId) -> Result<(), ConversionRefusal> {
        let Vertex { kind, about } = &self.graph.vertices[vertex];
        let refused = |message: String| ConversionRefusal {
            message,
            lines: about.lines,
        };
        let (op, inputs) = self.operation(kind).map_err(refused)?;
        let digests: Vec<_> = inputs
            .iter()
            .map(|input| (self.steps[*input].digest, 0))
            .collect();
        let bytes = encode::operation(&op, &digests).map_err(|error| refused(error.to_string()))?;
        let names = [&about.name, &about.command].into_iter().flatten();
        self.bytes += bytes.len() + names.map(|name| name.len()).sum::<usize>();
        if self.bytes > definition::MAX_SIZE {
            return Err(refused(super::TOO_LARGE.to_owned()));
        }
        let digest = Digest::of(&bytes);
        let next = self.steps.len();
        let place = *self.by_digest.entry(digest).or_insert(next);
        if place == next {
            self.steps.push(ConvertedStep {
                digest,
                bytes,
                op,
                inputs,
                name: None,
                command: None,
                locations: Vec::new(),
                ignores_cache: false,
                unknown: None,
                image_layers: None,
            });
        }
        merge(&mut self.steps[place], about);
        if let VertexKind::Source(source) = kind {
            self.steps[place].image_layers.clone_from(&source.layers);
        }
        self.places[vertex] = Some(place);
        Ok(())
    }

    fn step(&self, vertex: VertexId) -> usize {
        self.places[vertex].unwrap_or_default()
    }

    fn operation(&self, kind: &VertexKind) -> Result<(Op, Vec<usize>), String> {
        match kind {
            VertexKind::Source(source) => Ok((source_op(source), Vec::new())),
            VertexKind::Exec(exec) => self.exec(exec),
            VertexKind::File(file) => Ok(self.file(file)),
            VertexKind::Merge(inputs) => {
                let places = (0..)
                    .take(inputs.len())
                    .map(|input| InputPlace { input })
                    .collect();
                let op = OpKind::Merge(MergeOp {
                    inputs: LenientList(places),
                });
                let steps = inputs.iter().map(|input| self.step(*input)).collect();
                Ok((
                    Op {
                        kind: op,
                        platform: None,
                    },
                    steps,
                ))
            }
        }
    }

    fn exec(&self, exec: &Exec) -> Result<(Op, Vec<usize>), String> {
        if exec.args.is_empty() {
            return Err("arguments are required".to_owned());
        }
        let mut inputs = MarshalInputs::default();
        let mut mounts = Vec::new();
        for view in exec.sorted_mounts() {
            let input = view
                .source
                .map_or(NO_INPUT, |source| inputs.place(self.step(source)));
            mounts.push(mount(&view, input));
        }
        let mut env = exec.state.env.to_list();
        let sockets = sockets(exec);
        let has_socket = exec
            .state
            .env
            .iter()
            .any(|(name, _)| name == "SSH_AUTH_SOCK");
        if !has_socket && let Some(first) = sockets.first() {
            env.push(format!("SSH_AUTH_SOCK={first}"));
        }
        mounts.extend(exec.secrets.iter().filter_map(secret_mount));
        mounts.extend(exec.ssh.iter().zip(sockets).map(ssh_mount));
        let secret_env = exec.secrets.iter().filter_map(|secret| {
            let name = secret.env.clone()?;
            Some(SecretEnv {
                id: secret.id.clone(),
                name,
                optional: secret.is_optional,
            })
        });
        let op = ExecOp {
            meta: meta(exec, env),
            mounts: LenientList(mounts),
            network: exec.state.network,
            security: i32::from(exec.is_insecure),
            secret_env: LenientList(secret_env.collect()),
            cdi_devices: LenientList::default(),
        };
        let platform = exec
            .state
            .platform
            .as_deref()
            .unwrap_or(self.platform)
            .clone();
        let op = Op {
            kind: OpKind::Exec(Box::new(op)),
            platform: Some(platform),
        };
        Ok((op, inputs.steps))
    }

    fn file(&self, file: &File) -> (Op, Vec<usize>) {
        let mut inputs = MarshalInputs::default();
        let base = file
            .base
            .map_or(NO_INPUT, |base| inputs.place(self.step(base)));
        let sources: Vec<i64> = file
            .actions
            .iter()
            .map(|action| {
                action
                    .source
                    .map_or(NO_INPUT, |at| inputs.place(self.step(at)))
            })
            .collect();
        let count = inputs.steps.len();
        let last = file.actions.len().saturating_sub(1);
        let actions = file
            .actions
            .iter()
            .zip(sources)
            .enumerate()
            .map(|(at, (action, source))| {
                let before = (count + at)
                    .checked_sub(1)
                    .and_then(|place| i64::try_from(place).ok());
                FileAction {
                    input: if at == 0 {
                        base
                    } else {
                        before.unwrap_or(NO_INPUT)
                    },
                    secondary_input: source,
                    output: if at == last { 0 } else { NO_OUTPUT },
                    change: change(action, base),
                }
            });
        let op = OpKind::File(FileOp {
            actions: LenientList(actions.collect()),
        });
        (
            Op {
                kind: op,
                platform: None,
            },
            inputs.steps,
        )
    }
}

/// Adds the description of a vertex to a step that it shares with earlier ones.
fn merge(step: &mut ConvertedStep, about: &About) {
    if about.name.is_some() {
        step.name.clone_from(&about.name);
    }
    if about.command.is_some() {
        step.command.clone_from(&about.command);
    }
    step.locations.extend(about.lines);
    step.ignores_cache |= about.ignores_cache;
    if let Some(reason) = &about.unknown {
        step.unknown
            .get_or_insert_with(|| Rc::clone(reason).to_string());
    }
}

fn source_op(source: &SourceVertex) -> Op {
    let mut attributes = source.attributes.clone();
    if let Some(paths) = &source.follow {
        let paths = paths.borrow();
        if !paths.is_empty() && !paths.contains("/") {
            let paths: Vec<String> = paths.iter().map(|path| path[1..].to_owned()).collect();
            let mut json = String::new();
            paths.as_slice().write(&mut json);
            attributes.insert("local.followpaths".to_owned(), json);
        }
    }
    let op = SourceOp {
        identifier: source.identifier.clone(),
        attrs: attributes
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect(),
    };
    Op {
        kind: OpKind::Source(op),
        platform: source.platform.clone(),
    }
}

fn meta(exec: &Exec, env: Vec<String>) -> Meta {
    Meta {
        args: LenientList(exec.args.clone()),
        env: LenientList(env),
        cwd: exec.state.dir.to_string(),
        user: exec.state.user.to_string(),
        proxy_env: exec.proxy.clone(),
        extra_hosts: LenientList(exec.extra_hosts.to_vec()),
        hostname: exec.state.hostname.to_string(),
        ulimits: LenientList(exec.ulimits.to_vec()),
        cgroup_parent: exec.cgroup_parent.to_string(),
        remove_mount_stubs_recursive: true,
        valid_exit_codes: LenientList::default(),
    }
}

/// Returns the paths of the sockets of SSH agents.
fn sockets(exec: &Exec) -> Vec<String> {
    let socket = |(place, ssh): (usize, &Ssh)| {
        if ssh.target.is_empty() {
            format!("/run/buildkit/ssh_agent.{place}")
        } else {
            ssh.target.clone()
        }
    };
    exec.ssh.iter().enumerate().map(socket).collect()
}

fn mount(view: &MountView<'_>, input: i64) -> Mount {
    let mut mount = Mount {
        input,
        dest: view.target.to_owned(),
        ..Mount::default()
    };
    let Some(given) = view.mount else {
        return mount;
    };
    // Only changes of the root file system are kept.
    mount.output = NO_OUTPUT;
    mount.selector.clone_from(&given.selector);
    mount.readonly = given.readonly;
    match &given.kind {
        ExecMountKind::Bind => {}
        ExecMountKind::Cache { id, sharing } => {
            mount.mount_type = MountType::CACHE;
            mount.cache = Some(CacheOpt {
                id: id.clone(),
                sharing: *sharing,
            });
        }
        ExecMountKind::Tmpfs { size } => {
            mount.mount_type = MountType::TMPFS;
            mount.tmpfs = Some(TmpfsOpt { size: *size });
        }
    }
    mount
}

/// Returns a change with its owner; `base` is the input whose files resolve its names.
fn change(action: &FileStep, base: i64) -> FileChange {
    let owner = action.owner.as_ref().map(|owner| chown(owner, base));
    let mut change = action.change.clone();
    match &mut change {
        FileChange::Copy(copy) => copy.owner = owner,
        FileChange::MakeDir(dir) => dir.owner = owner,
        FileChange::MakeFile(file) => file.owner = owner,
        FileChange::Symlink(_) | FileChange::Remove(_) | FileChange::Unknown => {}
    }
    change
}

fn chown(owner: &Owner, base: i64) -> ChownOpt {
    let part = |part: &OwnerPart| match part {
        OwnerPart::Id(id) => UserOpt::ById(*id),
        OwnerPart::Name(name) => UserOpt::ByName(NamedUser {
            name: name.clone(),
            input: base,
        }),
    };
    ChownOpt {
        user: owner.user.as_ref().map(part),
        group: owner.group.as_ref().map(part),
    }
}

/// Returns the mount of a secret as a file.
fn secret_mount(secret: &SecretOption) -> Option<Mount> {
    let opt = SecretOpt {
        id: secret.id.clone(),
        uid: secret.uid,
        gid: secret.gid,
        mode: secret.mode,
        optional: secret.is_optional,
    };
    Some(Mount {
        input: NO_INPUT,
        dest: secret.target.clone()?,
        mount_type: MountType::SECRET,
        secret: Some(opt),
        ..Mount::default()
    })
}

/// Returns the mount of an agent's socket.
fn ssh_mount((ssh, dest): (&Ssh, String)) -> Mount {
    let opt = SecretOpt {
        id: ssh.id.clone(),
        uid: ssh.uid,
        gid: ssh.gid,
        mode: ssh.mode,
        optional: ssh.is_optional,
    };
    Mount {
        input: NO_INPUT,
        dest,
        mount_type: MountType::SSH,
        ssh: Some(opt),
        ..Mount::default()
    }
}
