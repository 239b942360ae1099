//! Keys of commands (`solver/llbsolver/ops/exec.go` in BuildKit).

use super::{ContentKey, InputKeys, platform};
use crate::format::digest::Digest;
use crate::format::go_json::document;
use crate::format::go_path;
use crate::format::llb::{CacheOpt, ExecOp, Mount, MountType, NO_OUTPUT, Platform};

pub(super) fn digest(op: &ExecOp, platform: &Platform) -> Digest {
    Digest::of(preimage(op, platform).as_bytes())
}

/// Returns the text that BuildKit hashes.
pub(super) fn preimage(op: &ExecOp, platform: &Platform) -> String {
    let mut op = op.clone();
    for host in &mut op.meta.extra_hosts.0 {
        host.ip.clear();
    }
    for mount in &mut op.mounts.0 {
        mount.selector.clear();
        if mount
            .cache
            .as_ref()
            .is_some_and(|cache| !is_default_cache(cache, &mount.dest))
        {
            mount.cache = Some(CacheOpt::default());
        }
    }
    // Old versions left the mounts out by mistake. For the plain `RUN` of a Dockerfile, this stays
    // so.
    if let [root] = op.mounts.0.as_slice()
        && is_plain_root(root)
    {
        op.mounts.0.clear();
    }
    document(|fields| {
        fields
            .always("Type", "buildkit.exec.v0")
            .always("Exec", &op);
        platform::write(platform, fields);
    })
}

/// Returns whether the name of a cache mount follows from its path: only such names are part of the
/// key.
fn is_default_cache(cache: &CacheOpt, dest: &str) -> bool {
    let named_by_path = cache.id == dest
        || cache
            .id
            .split_once('/')
            .is_some_and(|(_, path)| path == dest);
    named_by_path && cache.sharing == 0
}

fn is_plain_root(mount: &Mount) -> bool {
    mount.dest == "/"
        && !mount.readonly
        && mount.mount_type == MountType::BIND
        && mount.cache.is_none()
        && mount.ssh.is_none()
        && mount.secret.is_none()
        && mount.result_id.is_empty()
}

/// Returns how the command uses its inputs. The paths of all mounts of an input count; its last
/// mount decides about content.
pub(super) fn inputs(op: &ExecOp, count: usize) -> Vec<InputKeys> {
    let mut paths = vec![Vec::new(); count];
    let mut content = vec![ContentKey::Never; count];
    for mount in &op.mounts.0 {
        let Some(place) = place(mount).filter(|place| *place < count) else {
            continue;
        };
        let path = clean(&mount.selector);
        content[place] = if looks_at_content(mount, &path) {
            ContentKey::Unknown
        } else {
            ContentKey::Never
        };
        paths[place].push(path);
    }
    let keys = |(paths, content): (Vec<String>, _)| InputKeys {
        selector: (!paths.is_empty()).then(|| super::selector(&paths)),
        content,
        ..InputKeys::default()
    };
    paths.into_iter().zip(content).map(keys).collect()
}

/// Returns the index of the input of a mount.
fn place(mount: &Mount) -> Option<usize> {
    let without_input = matches!(
        mount.mount_type,
        MountType::SECRET | MountType::SSH | MountType::TMPFS
    );
    if without_input {
        return None;
    }
    usize::try_from(mount.input).ok()
}

/// Returns whether a mount has the input at `input`.
pub(super) fn is_of_input(mount: &Mount, input: usize) -> bool {
    place(mount) == Some(input)
}

fn looks_at_content(mount: &Mount, path: &str) -> bool {
    const OFF: i32 = 2;
    const DEFAULT: i32 = 0;
    let safe = mount.output == NO_OUTPUT || mount.readonly || path == "/";
    let wanted =
        mount.content_cache != OFF && !(mount.content_cache == DEFAULT && mount.dest == "/");
    safe && wanted
}

/// Cleans a path below the root as Go's `path.Join("/", …)` does.
pub(super) fn clean(path: &str) -> String {
    format!("/{}", go_path::parts(path).join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    fn op(text: &str) -> ExecOp {
        lenient::parse(text.as_bytes()).unwrap()
    }

    fn key(mounts: &str) -> Digest {
        digest(
            &op(&format!(
                r#"{{"meta":{{"args":["x"]}},"mounts":[{mounts}]}}"#
            )),
            &platform::parse("linux/amd64").unwrap(),
        )
    }

    #[test]
    fn agrees_with_buildkit() {
        let op = op(
            r#"{"meta":{"removeMountStubsRecursive":true,"args":["/bin/sh","-c","echo hi"],"cwd":"/w",
            "env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},"mounts":[{"dest":"/"}]}"#,
        );
        let key = digest(&op, &platform::parse("linux/amd64").unwrap());
        assert_eq!(
            (key.hex(), super::super::root(&key, 0).hex()),
            (
                "99f1e51fd36f70ee6560edc37bd1f784266bd771c0cd8f9a413e6b9dbc8f7bd2".to_owned(),
                "b8fd69b800bde4ee5f5ab238b68e8e4fa7145098e62e8fbae38329d2c0a57143".to_owned()
            )
        );
    }

    #[test]
    fn only_some_fields_of_exec_are_part_of_the_key() {
        let root = r#"{"dest":"/"}"#;
        let same = [
            (
                r#"{"dest":"/","selector":"/sub","input":1,"output":1}"#,
                root,
            ),
            ("", root),
            (
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{"ID":"mine"}}"#,
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{"ID":"/c","sharing":2}}"#,
            ),
        ];
        for (one, other) in same {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        let different = [
            (r#"{"dest":"/","readonly":true}"#, root),
            (
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{}}"#,
                r#"{"dest":"/"},{"dest":"/c","mountType":3}"#,
            ),
            (
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{"ID":"/c"}}"#,
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{"ID":"ns//c"}}"#,
            ),
            (
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{"ID":"/c"}}"#,
                r#"{"dest":"/"},{"dest":"/c","mountType":3,"cacheOpt":{"ID":"/d"}}"#,
            ),
        ];
        for (one, other) in different {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
        let hosts = |ip: &str| {
            let text = format!(r#"{{"meta":{{"extraHosts":[{{"Host":"db","IP":"{ip}"}}]}}}}"#);
            digest(&op(&text), &platform::parse("linux/amd64").unwrap())
        };
        assert_eq!(hosts("10.0.0.1"), hosts("10.0.0.2"));
    }

    #[test]
    fn uses_of_inputs() {
        let op = op(
            r#"{"mounts":[{"dest":"/"},{"dest":"/a","input":1,"selector":"src/../src/","output":-1},
            {"dest":"/s","mountType":1,"input":2},{"dest":"/rw","input":3,"selector":"/x"},
            {"dest":"/again","input":0,"selector":"/src","readonly":true},{"dest":"/far","input":9},{"dest":"/n","input":-1}]}"#,
        );
        let found: Vec<_> = inputs(&op, 4)
            .into_iter()
            .map(|keys| (keys.selector, keys.content))
            .collect();
        let hashed = |text: &str| Some(Digest::of(text.as_bytes()));
        assert_eq!(
            found,
            [
                (hashed("/\0/src"), ContentKey::Unknown),
                (hashed("/src"), ContentKey::Unknown),
                (None, ContentKey::Never),
                (hashed("/x"), ContentKey::Never),
            ]
        );
    }
}
