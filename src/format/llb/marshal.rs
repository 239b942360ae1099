//! Operations as Go marshals their protobuf structs: the fields of `solver/pb/ops.pb.go` in order,
//! all with `omitempty`.

use std::collections::BTreeMap;

use super::{
    BuildOp, CacheOpt, CdiDevice, ChownOpt, CopyAction, DiffOp, ExecOp, HostIp, InputPlace,
    MakeDir, MakeFile, MergeOp, Meta, Mount, MountType, NamedUser, PassthroughOp, Remove,
    SecretEnv, SecretOpt, Symlink, TmpfsOpt, Ulimit, UserOpt,
};
use crate::format::go_json::{Bytes, GoJson, object};
use crate::format::lenient::LenientList;

impl<T: GoJson> GoJson for LenientList<T> {
    fn write(&self, out: &mut String) {
        self.0.as_slice().write(out);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Declares how a struct is marshalled: its fields and their names, in order.
macro_rules! marshal {
    ($name:ident { $($field:ident = $key:literal),* $(,)? }) => {
        impl GoJson for $name {
            fn write(&self, out: &mut String) {
                object(out, |fields| {
                    $(fields.unless_empty($key, &self.$field);)*
                });
            }
        }
    };
}

marshal!(ExecOp {
    meta = "meta",
    mounts = "mounts",
    network = "network",
    security = "security",
    secret_env = "secretenv",
    cdi_devices = "cdiDevices",
});
marshal!(Meta {
    args = "args",
    env = "env",
    cwd = "cwd",
    user = "user",
    extra_hosts = "extraHosts",
    hostname = "hostname",
    ulimits = "ulimit",
    cgroup_parent = "cgroupParent",
    remove_mount_stubs_recursive = "removeMountStubsRecursive",
    valid_exit_codes = "validExitCodes",
});
marshal!(HostIp { host = "Host", ip = "IP" });
marshal!(Ulimit { name = "Name", soft = "Soft", hard = "Hard" });
marshal!(SecretEnv { id = "ID", name = "name", optional = "optional" });
marshal!(CdiDevice { name = "name", optional = "optional" });
marshal!(Mount {
    input = "input",
    selector = "selector",
    dest = "dest",
    output = "output",
    readonly = "readonly",
    mount_type = "mountType",
    tmpfs = "TmpfsOpt",
    cache = "cacheOpt",
    secret = "secretOpt",
    ssh = "SSHOpt",
    result_id = "resultID",
    content_cache = "contentCache",
});
marshal!(TmpfsOpt { size = "size" });
marshal!(CacheOpt { id = "ID", sharing = "sharing" });
marshal!(SecretOpt { id = "ID", uid = "uid", gid = "gid", mode = "mode", optional = "optional" });
marshal!(CopyAction {
    src = "src",
    dest = "dest",
    owner = "owner",
    mode = "mode",
    follow_symlink = "followSymlink",
    dir_copy_contents = "dirCopyContents",
    attempt_unpack = "attemptUnpackDockerCompatibility",
    create_dest_path = "createDestPath",
    allow_wildcard = "allowWildcard",
    allow_empty_wildcard = "allowEmptyWildcard",
    timestamp = "timestamp",
    include_patterns = "include_patterns",
    exclude_patterns = "exclude_patterns",
    always_replace_existing = "alwaysReplaceExistingDestPaths",
    mode_str = "modeStr",
    required_paths = "required_paths",
});
marshal!(MakeDir {
    path = "path",
    mode = "mode",
    make_parents = "makeParents",
    owner = "owner",
    timestamp = "timestamp",
});
marshal!(Remove { path = "path", allow_not_found = "allowNotFound", allow_wildcard = "allowWildcard" });
marshal!(Symlink { old_path = "oldpath", new_path = "newpath", owner = "owner", timestamp = "timestamp" });
marshal!(ChownOpt { user = "user", group = "group" });
marshal!(NamedUser { name = "name", input = "input" });
marshal!(InputPlace { input = "input" });
marshal!(MergeOp { inputs = "inputs" });
marshal!(DiffOp { lower = "lower", upper = "upper" });
marshal!(PassthroughOp { id = "id", outputs = "outputs" });

impl GoJson for MountType {
    fn write(&self, out: &mut String) {
        self.0.write(out);
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

impl GoJson for MakeFile {
    fn write(&self, out: &mut String) {
        object(out, |fields| {
            fields
                .unless_empty("path", &self.path)
                .unless_empty("mode", &self.mode)
                .unless_empty("data", &Bytes(&self.data.0))
                .unless_empty("owner", &self.owner)
                .unless_empty("timestamp", &self.timestamp);
        });
    }
}

impl GoJson for UserOpt {
    fn write(&self, out: &mut String) {
        struct UserOptKind<'a>(&'a UserOpt);
        impl GoJson for UserOptKind<'_> {
            fn write(&self, out: &mut String) {
                object(out, |fields| match self.0 {
                    UserOpt::ByName(named) => {
                        fields.always("byName", named);
                    }
                    UserOpt::ById(id) => {
                        fields.unless_empty("byId", id);
                    }
                });
            }
        }
        object(out, |fields| {
            fields.always("User", &UserOptKind(self));
        });
    }
}

/// An operation with an embedded definition has further fields, which are not read; see
/// [`BuildOp::definition`].
impl GoJson for BuildOp {
    fn write(&self, out: &mut String) {
        let attrs: BTreeMap<String, String> = self
            .attrs
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()))
            .collect();
        object(out, |fields| {
            fields
                .unless_empty("builder", &self.builder)
                .unless_empty("inputs", &self.inputs)
                .unless_empty("attrs", &attrs);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    #[test]
    fn fields_are_written_in_the_order_of_the_protobuf_structs() {
        let sorted = br#"{"dest":"/d","exclude_patterns":["a"],"mode":-1,"owner":{"group":{"User":{"byId":2}},
            "user":{"User":{"byName":{"input":1,"name":"app"}}}},"src":"/s","timestamp":-1}"#;
        let mut out = String::new();
        lenient::parse::<CopyAction>(sorted)
            .unwrap()
            .write(&mut out);
        assert_eq!(
            out,
            concat!(
                r#"{"src":"/s","dest":"/d","owner":{"user":{"User":{"byName":{"name":"app","input":1}}},"#,
                r#""group":{"User":{"byId":2}}},"mode":-1,"timestamp":-1,"exclude_patterns":["a"]}"#
            )
        );
    }

    #[test]
    fn root_as_owner_keeps_the_empty_structs() {
        let mut out = String::new();
        lenient::parse::<ChownOpt>(br#"{"user":{"User":{}}}"#)
            .unwrap()
            .write(&mut out);
        assert_eq!(out, r#"{"user":{"User":{}}}"#);
    }
}
