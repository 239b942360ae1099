//! Converts operations of the protobuf crate to those of this program.

use bollard_buildkit_proto::pb;
use pb::file_action::Action;

use crate::format::lenient::LenientList;
use crate::format::llb::json::Base64;
use crate::format::llb::{
    BuildOp, CacheOpt, CdiDevice, ChownOpt, CopyAction, DiffOp, ExecOp, FileAction, FileChange,
    FileOp, HostIp, InputPlace, MakeDir, MakeFile, MergeOp, Meta, Mount, MountType, NamedUser,
    OpKind, Platform, ProxyEnv, Remove, SecretEnv, SecretOpt, SourceOp, Symlink, TmpfsOpt, Ulimit,
    UserOpt,
};

pub(super) fn platform(platform: &pb::Platform) -> Platform {
    Platform {
        architecture: platform.architecture.clone(),
        os: platform.os.clone(),
        variant: platform.variant.clone(),
        os_version: platform.os_version.clone(),
        os_features: LenientList(platform.os_features.clone()),
    }
}

pub(super) fn kind(op: pb::Op) -> OpKind {
    match op.op {
        None => OpKind::Empty,
        Some(pb::op::Op::Exec(op)) => OpKind::Exec(Box::new(exec(op))),
        Some(pb::op::Op::Source(op)) => OpKind::Source(SourceOp {
            identifier: op.identifier,
            attrs: some(op.attrs),
        }),
        Some(pb::op::Op::File(op)) => OpKind::File(FileOp {
            actions: list(op.actions, action),
        }),
        Some(pb::op::Op::Build(op)) => OpKind::Build(BuildOp {
            builder: op.builder,
            inputs: op
                .inputs
                .into_iter()
                .map(|(name, input)| (name, place(input.input)))
                .collect(),
            definition: op.def.map(|_| serde::de::IgnoredAny),
            attrs: some(op.attrs),
        }),
        Some(pb::op::Op::Merge(op)) => OpKind::Merge(MergeOp {
            inputs: list(op.inputs, |input| place(input.input)),
        }),
        Some(pb::op::Op::Diff(op)) => OpKind::Diff(DiffOp {
            lower: op.lower.map(|lower| place(lower.input)),
            upper: op.upper.map(|upper| place(upper.input)),
        }),
    }
}

fn exec(op: pb::ExecOp) -> ExecOp {
    ExecOp {
        meta: meta(op.meta.unwrap_or_default()),
        mounts: list(op.mounts, mount),
        network: op.network,
        security: op.security,
        secret_env: list(op.secretenv, |secret| SecretEnv {
            id: secret.id,
            name: secret.name,
            optional: secret.optional,
        }),
        cdi_devices: list(op.cdi_devices, |device| CdiDevice {
            name: device.name,
            optional: device.optional,
        }),
    }
}

fn meta(meta: pb::Meta) -> Meta {
    Meta {
        args: LenientList(meta.args),
        env: LenientList(meta.env),
        cwd: meta.cwd,
        user: meta.user,
        proxy_env: meta.proxy_env.map(|proxy| ProxyEnv {
            http_proxy: proxy.http_proxy,
            https_proxy: proxy.https_proxy,
            ftp_proxy: proxy.ftp_proxy,
            no_proxy: proxy.no_proxy,
            all_proxy: proxy.all_proxy,
        }),
        extra_hosts: list(meta.extra_hosts, |host| HostIp {
            host: host.host,
            ip: host.ip,
        }),
        hostname: meta.hostname,
        ulimits: list(meta.ulimit, |limit| Ulimit {
            name: limit.name,
            soft: limit.soft,
            hard: limit.hard,
        }),
        cgroup_parent: meta.cgroup_parent,
        remove_mount_stubs_recursive: meta.remove_mount_stubs_recursive,
        valid_exit_codes: LenientList(meta.valid_exit_codes),
    }
}

fn mount(mount: pb::Mount) -> Mount {
    Mount {
        input: mount.input,
        selector: mount.selector,
        dest: mount.dest,
        output: mount.output,
        readonly: mount.readonly,
        mount_type: MountType(mount.mount_type),
        tmpfs: mount.tmpfs_opt.map(|tmpfs| TmpfsOpt { size: tmpfs.size }),
        cache: mount.cache_opt.map(|cache| CacheOpt {
            id: cache.id,
            sharing: cache.sharing,
        }),
        secret: mount.secret_opt.map(|secret| SecretOpt {
            id: secret.id,
            uid: secret.uid,
            gid: secret.gid,
            mode: secret.mode,
            optional: secret.optional,
        }),
        ssh: mount.ssh_opt.map(|ssh| SecretOpt {
            id: ssh.id,
            uid: ssh.uid,
            gid: ssh.gid,
            mode: ssh.mode,
            optional: ssh.optional,
        }),
        result_id: mount.result_id,
        content_cache: mount.content_cache,
    }
}

fn action(action: pb::FileAction) -> FileAction {
    let change = match action.action {
        None => FileChange::Unknown,
        Some(Action::Copy(copy)) => FileChange::Copy(Box::new(CopyAction {
            src: copy.src,
            dest: copy.dest,
            owner: copy.owner.map(owner),
            mode: copy.mode,
            follow_symlink: copy.follow_symlink,
            dir_copy_contents: copy.dir_copy_contents,
            attempt_unpack: copy.attempt_unpack_docker_compatibility,
            create_dest_path: copy.create_dest_path,
            allow_wildcard: copy.allow_wildcard,
            allow_empty_wildcard: copy.allow_empty_wildcard,
            timestamp: copy.timestamp,
            include_patterns: LenientList(copy.include_patterns),
            exclude_patterns: LenientList(copy.exclude_patterns),
            always_replace_existing: copy.always_replace_existing_dest_paths,
            mode_str: copy.mode_str,
            required_paths: LenientList(copy.required_paths),
        })),
        Some(Action::Mkfile(file)) => FileChange::MakeFile(MakeFile {
            path: file.path,
            mode: file.mode,
            data: Base64(file.data),
            owner: file.owner.map(owner),
            timestamp: file.timestamp,
        }),
        Some(Action::Mkdir(dir)) => FileChange::MakeDir(MakeDir {
            path: dir.path,
            mode: dir.mode,
            make_parents: dir.make_parents,
            owner: dir.owner.map(owner),
            timestamp: dir.timestamp,
        }),
        Some(Action::Rm(remove)) => FileChange::Remove(Remove {
            path: remove.path,
            allow_not_found: remove.allow_not_found,
            allow_wildcard: remove.allow_wildcard,
        }),
        Some(Action::Symlink(link)) => FileChange::Symlink(Symlink {
            old_path: link.oldpath,
            new_path: link.newpath,
            owner: link.owner.map(owner),
            timestamp: link.timestamp,
        }),
    };
    FileAction {
        input: action.input,
        secondary_input: action.secondary_input,
        output: action.output,
        change,
    }
}

fn owner(owner: pb::ChownOpt) -> ChownOpt {
    ChownOpt {
        user: owner.user.map(user),
        group: owner.group.map(user),
    }
}

fn user(user: pb::UserOpt) -> UserOpt {
    match user.user {
        Some(pb::user_opt::User::ByName(named)) => UserOpt::ByName(NamedUser {
            name: named.name,
            input: named.input,
        }),
        Some(pb::user_opt::User::ById(id)) => UserOpt::ById(id),
        None => UserOpt::ById(0),
    }
}

fn place(input: i64) -> InputPlace {
    InputPlace { input }
}

fn list<T, U>(items: Vec<T>, convert: impl Fn(T) -> U) -> LenientList<U> {
    LenientList(items.into_iter().map(convert).collect())
}

fn some(
    map: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, Option<String>> {
    map.into_iter()
        .map(|(name, value)| (name, Some(value)))
        .collect()
}
