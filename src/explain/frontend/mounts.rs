//! Mounts of `RUN` (`dockerfile2llb/convert_runmount.go`).

use super::convert::Converter;
use super::graph::{
    About, ExecMount, ExecMountKind, File, FileStep, Owner, SecretOption, Ssh, VertexState,
};
use super::path;
use super::resolve::context_path;
use super::stages::{SCRATCH, StageCommand, StageId};
use crate::format::dockerfile::RunInstruction;
use crate::format::dockerfile::mount::{self, MountKind, RunMount, Sharing};
use crate::format::go_text;
use crate::format::llb::{FileChange, MakeDir};

/// The mounts of a command, by kind.
#[derive(Debug, Default)]
pub(super) struct Mounted {
    pub mounts: Vec<ExecMount>,
    pub secrets: Vec<SecretOption>,
    pub ssh: Vec<Ssh>,
}

impl Converter<'_> {
    /// Expands and parses the mounts of a command.
    pub fn parse_mounts(
        &mut self,
        id: StageId,
        run: &RunInstruction,
    ) -> Result<Vec<RunMount>, String> {
        let env = self.stages.all[id].state.env.clone();
        let lexer = self.lexer;
        let expand = |value: &str| lexer.word(value, &env).map_err(|error| error.0);
        let mut mounts = Vec::with_capacity(run.mounts.len());
        for text in &run.mounts {
            let mount = mount::parse(text, &expand)?;
            let texts = [&mount.source, &mount.target, &mount.id, &mount.from];
            self.spend(text.len() + texts.iter().map(|text| text.len()).sum::<usize>())?;
            mounts.push(mount);
        }
        Ok(mounts)
    }

    pub(super) fn mounts(
        &mut self,
        id: StageId,
        command: &StageCommand,
        mounts: &[RunMount],
    ) -> Result<Mounted, String> {
        let mut mounted = Mounted::default();
        for (mount, source) in mounts.iter().zip(&command.sources) {
            let is_own = mount.from.is_empty() && mount.kind != MountKind::Cache;
            let from = if mount.from.is_empty() {
                SCRATCH
            } else {
                &mount.from
            };
            let source = &self.stages.all[*source];
            if !is_own && !source.is_dispatched {
                return Err(format!(
                    "cannot mount from stage {} to {}, stage needs to be defined before current \
                     command",
                    go_text::quote(from),
                    go_text::quote(&mount.target)
                ));
            }
            let files = if is_own {
                self.context.clone()
            } else {
                source.state.clone()
            };
            let paths = source.paths.clone();
            match mount.kind {
                MountKind::Secret => mounted.secrets.push(secret(mount)?),
                MountKind::Ssh => mounted.ssh.push(ssh(mount)?),
                MountKind::Bind | MountKind::Cache | MountKind::Tmpfs => {
                    mounted.mounts.push(self.mount(id, mount, &files)?);
                    let path = context_path(&mount.source);
                    if is_own {
                        self.stages.all[id].context_paths.push(path);
                    } else {
                        paths.borrow_mut().insert(path);
                    }
                }
            }
        }
        Ok(mounted)
    }

    fn mount(
        &mut self,
        id: StageId,
        mount: &RunMount,
        files: &VertexState,
    ) -> Result<ExecMount, String> {
        let kind = match mount.kind {
            MountKind::Cache => {
                let own = path::clean(&mount.target);
                let name = if mount.id.is_empty() { &own } else { &mount.id };
                let sharing = match mount.sharing {
                    None | Some(Sharing::Shared) => 0,
                    Some(Sharing::Private) => 1,
                    Some(Sharing::Locked) => 2,
                };
                let id = format!("{}/{name}", self.options.cache_namespace);
                ExecMountKind::Cache { id, sharing }
            }
            MountKind::Tmpfs => ExecMountKind::Tmpfs { size: mount.size },
            MountKind::Bind | MountKind::Secret | MountKind::Ssh => ExecMountKind::Bind,
        };
        let target = if path::clean(&mount.target).starts_with('/') {
            mount.target.clone()
        } else {
            path::join(&["/", &self.stages.all[id].state.dir, &mount.target])
        };
        if target == "/" {
            return Err(format!("invalid mount target {}", go_text::quote(&target)));
        }
        let mut source = if mount.kind == MountKind::Tmpfs {
            None
        } else {
            files.output
        };
        let mut selector = context_path(&mount.source);
        if selector == "/" {
            selector.clear();
            if mount.uid.is_some() || mount.gid.is_some() || mount.mode.is_some() {
                source = Some(self.owned_cache(id, mount, files));
                "/cache".clone_into(&mut selector);
            }
        }
        Ok(ExecMount {
            target,
            source,
            selector,
            readonly: mount.readonly,
            kind,
        })
    }

    /// Makes the initial directory of a cache with an owner or permission bits.
    fn owned_cache(&mut self, id: StageId, mount: &RunMount, files: &VertexState) -> usize {
        let mode = mount.mode.unwrap_or(0o755) & 0o777;
        let change = FileChange::MakeDir(MakeDir {
            path: path::of_operation(&files.dir, "/cache", false),
            mode: i32::try_from(mode).unwrap_or_default(),
            make_parents: false,
            owner: None,
            timestamp: -1,
        });
        let owner = Owner::ids(mount.uid.unwrap_or_default(), mount.gid.unwrap_or_default());
        let actions = vec![FileStep {
            change,
            owner: Some(owner),
            source: None,
        }];
        let name = Some("[internal] setting cache mount permissions".into());
        let about = About {
            name,
            ..About::default()
        };
        self.add_file(
            id,
            File {
                base: files.output,
                actions,
            },
            about,
        )
    }
}

fn secret(mount: &RunMount) -> Result<SecretOption, String> {
    let id = if mount.source.is_empty() {
        &mount.id
    } else {
        &mount.source
    };
    let id = match (id.is_empty(), mount.target.is_empty()) {
        (false, _) => id.clone(),
        (true, false) => path::base(&mount.target),
        (true, true) => return Err("one of source, target required".to_owned()),
    };
    let target = match (mount.target.is_empty(), &mount.env) {
        (false, _) => Some(mount.target.clone()),
        (true, None) => Some(format!("/run/secrets/{}", path::base(&id))),
        (true, Some(_)) => None,
    };
    Ok(SecretOption {
        id,
        target,
        env: mount.env.clone(),
        uid: mount.uid.unwrap_or_default(),
        gid: mount.gid.unwrap_or_default(),
        mode: mount.mode.unwrap_or(0o400),
        is_optional: !mount.required,
    })
}

fn ssh(mount: &RunMount) -> Result<Ssh, String> {
    if !mount.source.is_empty() {
        return Err("ssh does not support source".to_owned());
    }
    Ok(Ssh {
        id: mount.id.clone(),
        target: mount.target.clone(),
        uid: mount.uid.unwrap_or_default(),
        gid: mount.gid.unwrap_or_default(),
        mode: mount.mode.unwrap_or(0o600),
        is_optional: !mount.required,
    })
}
