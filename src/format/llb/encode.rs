//! Encodes operations in protobuf as BuildKit's client does. The hash of the bytes is the digest of
//! the vertex.
//!
//! Go writes fields in the order of their numbers, and the member of a `oneof` after all others.
//! Zero values are omitted, except for members of a `oneof`. Field numbers are those of
//! `solver/pb/ops.proto`.

use super::{
    ChownOpt, CopyAction, ExecOp, FileAction, FileChange, MakeDir, MakeFile, Meta, Mount, Op,
    OpKind, Platform, ProxyEnv, SecretOpt, SourceOp, UserOpt,
};
use crate::format::digest::Digest;
use crate::format::go_text;

/// Why an operation cannot be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A text is not UTF-8.
    #[error("string field contains invalid UTF-8")]
    NotUtf8,
    /// Its kind never comes from a Dockerfile.
    #[error("operations of this kind are not encoded")]
    Kind,
}

/// Encodes an operation with its inputs: the digest and the output of each.
///
/// # Errors
/// If a text is not UTF-8, or the kind of the operation never comes from a Dockerfile.
pub fn operation(op: &Op, inputs: &[(Digest, u32)]) -> Result<Vec<u8>, EncodeError> {
    let mut message = ProtobufMessage::default();
    for (digest, output) in inputs {
        message.message(1, |input| {
            input.text(1, &digest.to_string());
            input.number(2, i64::from(*output));
        });
    }
    if !matches!(op.kind, OpKind::Empty) {
        if let Some(platform) = &op.platform {
            message.message(10, |inner| write_platform(inner, platform));
        }
        message.message(11, |_| ());
    }
    match &op.kind {
        OpKind::Empty => {}
        OpKind::Exec(exec) => message.message(2, |inner| write_exec(inner, exec)),
        OpKind::Source(source) => message.message(3, |inner| write_source(inner, source)),
        OpKind::File(file) => message.message(4, |inner| {
            for action in &file.actions.0 {
                inner.message(2, |inner| write_action(inner, action));
            }
        }),
        OpKind::Merge(merge) => message.message(6, |inner| {
            for input in &merge.inputs.0 {
                inner.message(1, |inner| inner.number(1, input.input));
            }
        }),
        OpKind::Build(_) | OpKind::Diff(_) | OpKind::Passthrough(_) | OpKind::Unknown => {
            return Err(EncodeError::Kind);
        }
    }
    if message.is_wrong {
        Err(EncodeError::NotUtf8)
    } else {
        Ok(message.bytes)
    }
}

fn write_platform(message: &mut ProtobufMessage, platform: &Platform) {
    message.text(1, &platform.architecture);
    message.text(2, &platform.os);
    message.text(3, &platform.variant);
    message.text(4, &platform.os_version);
    message.texts(5, &platform.os_features.0);
}

fn write_exec(message: &mut ProtobufMessage, exec: &ExecOp) {
    message.message(1, |inner| write_meta(inner, &exec.meta));
    for mount in &exec.mounts.0 {
        message.message(2, |inner| write_mount(inner, mount));
    }
    message.number(3, i64::from(exec.network));
    message.number(4, i64::from(exec.security));
    for secret in &exec.secret_env.0 {
        message.message(5, |inner| {
            inner.text(1, &secret.id);
            inner.text(2, &secret.name);
            inner.truth(3, secret.optional);
        });
    }
    for device in &exec.cdi_devices.0 {
        message.message(6, |inner| {
            inner.text(1, &device.name);
            inner.truth(2, device.optional);
        });
    }
}

fn write_meta(message: &mut ProtobufMessage, meta: &Meta) {
    message.texts(1, &meta.args.0);
    message.texts(2, &meta.env.0);
    message.text(3, &meta.cwd);
    message.text(4, &meta.user);
    if let Some(proxy) = &meta.proxy_env {
        message.message(5, |inner| write_proxy(inner, proxy));
    }
    for host in &meta.extra_hosts.0 {
        message.message(6, |inner| {
            inner.text(1, &host.host);
            inner.text(2, &host.ip);
        });
    }
    message.text(7, &meta.hostname);
    for limit in &meta.ulimits.0 {
        message.message(9, |inner| {
            inner.text(1, &limit.name);
            inner.number(2, limit.soft);
            inner.number(3, limit.hard);
        });
    }
    message.text(10, &meta.cgroup_parent);
    message.truth(11, meta.remove_mount_stubs_recursive);
}

fn write_proxy(message: &mut ProtobufMessage, proxy: &ProxyEnv) {
    message.text(1, &proxy.http_proxy);
    message.text(2, &proxy.https_proxy);
    message.text(3, &proxy.ftp_proxy);
    message.text(4, &proxy.no_proxy);
    message.text(5, &proxy.all_proxy);
}

fn write_mount(message: &mut ProtobufMessage, mount: &Mount) {
    message.number(1, mount.input);
    message.text(2, &mount.selector);
    message.text(3, &mount.dest);
    message.number(4, mount.output);
    message.truth(5, mount.readonly);
    message.number(6, i64::from(mount.mount_type.0));
    if let Some(tmpfs) = &mount.tmpfs {
        message.message(19, |inner| inner.number(1, tmpfs.size));
    }
    if let Some(cache) = &mount.cache {
        message.message(20, |inner| {
            inner.text(1, &cache.id);
            inner.number(2, i64::from(cache.sharing));
        });
    }
    let secrets = [(21, &mount.secret), (22, &mount.ssh)];
    for (field, secret) in secrets {
        if let Some(secret) = secret {
            message.message(field, |inner| write_secret(inner, secret));
        }
    }
    message.text(23, &mount.result_id);
    message.number(24, i64::from(mount.content_cache));
}

fn write_secret(message: &mut ProtobufMessage, secret: &SecretOpt) {
    message.text(1, &secret.id);
    message.number(2, i64::from(secret.uid));
    message.number(3, i64::from(secret.gid));
    message.number(4, i64::from(secret.mode));
    message.truth(5, secret.optional);
}

fn write_source(message: &mut ProtobufMessage, source: &SourceOp) {
    message.text(1, &source.identifier);
    for (name, value) in &source.attrs {
        message.message(2, |inner| {
            inner.always_text(1, name);
            inner.always_text(2, value.as_deref().unwrap_or_default());
        });
    }
}

fn write_action(message: &mut ProtobufMessage, action: &FileAction) {
    message.number(1, action.input);
    message.number(2, action.secondary_input);
    message.number(3, action.output);
    match &action.change {
        FileChange::Unknown => {}
        FileChange::Copy(copy) => message.message(4, |inner| write_copy(inner, copy)),
        FileChange::MakeFile(file) => message.message(5, |inner| write_file(inner, file)),
        FileChange::MakeDir(dir) => message.message(6, |inner| write_dir(inner, dir)),
        FileChange::Remove(remove) => message.message(7, |inner| {
            inner.text(1, &remove.path);
            inner.truth(2, remove.allow_not_found);
            inner.truth(3, remove.allow_wildcard);
        }),
        FileChange::Symlink(link) => message.message(8, |inner| {
            inner.text(1, &link.old_path);
            inner.text(2, &link.new_path);
            write_owner(inner, 3, link.owner.as_ref());
            inner.number(4, link.timestamp);
        }),
    }
}

fn write_copy(message: &mut ProtobufMessage, copy: &CopyAction) {
    message.text(1, &copy.src);
    message.text(2, &copy.dest);
    write_owner(message, 3, copy.owner.as_ref());
    message.number(4, i64::from(copy.mode));
    message.truth(5, copy.follow_symlink);
    message.truth(6, copy.dir_copy_contents);
    message.truth(7, copy.attempt_unpack);
    message.truth(8, copy.create_dest_path);
    message.truth(9, copy.allow_wildcard);
    message.truth(10, copy.allow_empty_wildcard);
    message.number(11, copy.timestamp);
    message.texts(12, &copy.include_patterns.0);
    message.texts(13, &copy.exclude_patterns.0);
    message.truth(14, copy.always_replace_existing);
    message.text(15, &copy.mode_str);
    message.texts(16, &copy.required_paths.0);
}

fn write_file(message: &mut ProtobufMessage, file: &MakeFile) {
    message.text(1, &file.path);
    message.number(2, i64::from(file.mode));
    if !file.data.0.is_empty() {
        message.length_delimited(3, &file.data.0);
    }
    write_owner(message, 4, file.owner.as_ref());
    message.number(5, file.timestamp);
}

fn write_dir(message: &mut ProtobufMessage, dir: &MakeDir) {
    message.text(1, &dir.path);
    message.number(2, i64::from(dir.mode));
    message.truth(3, dir.make_parents);
    write_owner(message, 4, dir.owner.as_ref());
    message.number(5, dir.timestamp);
}

fn write_owner(message: &mut ProtobufMessage, field: u32, owner: Option<&ChownOpt>) {
    let Some(owner) = owner else { return };
    message.message(field, |inner| {
        for (field, user) in [(1, &owner.user), (2, &owner.group)] {
            if let Some(user) = user {
                inner.message(field, |inner| write_user(inner, user));
            }
        }
    });
}

fn write_user(message: &mut ProtobufMessage, user: &UserOpt) {
    match user {
        UserOpt::ByName(named) => message.message(1, |inner| {
            inner.text(1, &named.name);
            inner.number(2, named.input);
        }),
        // A member of a `oneof` is written even if it is 0.
        UserOpt::ById(id) => message.varint_field(2, u64::from(*id)),
    }
}

/// A message under construction.
#[derive(Debug, Default)]
struct ProtobufMessage {
    bytes: Vec<u8>,
    /// Whether a text was not UTF-8.
    is_wrong: bool,
}

impl ProtobufMessage {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            // The low seven bits, and a bit for more bytes.
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }

    fn varint_field(&mut self, field: u32, value: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(value);
    }

    fn number(&mut self, field: u32, value: i64) {
        if value != 0 {
            self.varint_field(field, value.cast_unsigned());
        }
    }

    fn truth(&mut self, field: u32, value: bool) {
        self.number(field, i64::from(value));
    }

    fn length_delimited(&mut self, field: u32, bytes: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.always_text(field, text);
        }
    }

    fn always_text(&mut self, field: u32, text: &str) {
        self.is_wrong |= !go_text::is_utf8(text);
        self.length_delimited(field, &go_text::to_bytes(text));
    }

    fn texts(&mut self, field: u32, texts: &[String]) {
        for text in texts {
            self.always_text(field, text);
        }
    }

    fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.is_wrong |= inner.is_wrong;
        self.length_delimited(field, &inner.bytes);
    }
}
