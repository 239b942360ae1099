//! The JSON form of operations in provenance and in the output of `buildctl debug dump-llb`
//! (`solver/pb/json.go` in BuildKit).

use base64::Engine as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{
    BuildOp, CopyAction, DiffOp, ExecOp, FileChange, FileOp, MakeDir, MakeFile, MergeOp, NamedUser,
    OpKind, PassthroughOp, Remove, SourceOp, Symlink, UserOpt,
};
use crate::format::lenient::go_struct;

/// Bytes, written in base64.
#[derive(Debug, Clone, Default)]
pub struct Base64(pub Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        // Go accepts line breaks inside base64, and nothing else.
        let text: String = text
            .chars()
            .filter(|character| !matches!(character, '\r' | '\n'))
            .collect();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map(Self)
            .map_err(|_| D::Error::custom("a value is not base64"))
    }
}

go_struct! {
    struct RawOpKind {
        exec: Option<Box<ExecOp>> = "exec",
        source: Option<SourceOp> = "source",
        file: Option<FileOp> = "file",
        build: Option<BuildOp> = "build",
        merge: Option<MergeOp> = "merge",
        diff: Option<DiffOp> = "diff",
        passthrough: Option<PassthroughOp> = "passthrough",
    }
}

impl<'de> Deserialize<'de> for OpKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawOpKind::deserialize(deserializer)?;
        let kinds = [
            raw.exec.map(Self::Exec),
            raw.source.map(Self::Source),
            raw.file.map(Self::File),
            raw.build.map(Self::Build),
            raw.merge.map(Self::Merge),
            raw.diff.map(Self::Diff),
            raw.passthrough.map(Self::Passthrough),
        ];
        Ok(kinds.into_iter().flatten().next().unwrap_or_default())
    }
}

go_struct! {
    struct RawChange {
        copy: Option<Box<CopyAction>> = "copy",
        make_file: Option<MakeFile> = "mkfile",
        make_dir: Option<MakeDir> = "mkdir",
        remove: Option<Remove> = "rm",
        symlink: Option<Symlink> = "symlink",
    }
}

impl<'de> Deserialize<'de> for FileChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawChange::deserialize(deserializer)?;
        let changes = [
            raw.copy.map(Self::Copy),
            raw.make_file.map(Self::MakeFile),
            raw.make_dir.map(Self::MakeDir),
            raw.remove.map(Self::Remove),
            raw.symlink.map(Self::Symlink),
        ];
        Ok(changes.into_iter().flatten().next().unwrap_or_default())
    }
}

go_struct! {
    struct RawUser { user: RawUserKind = "User" }
}
go_struct! {
    struct RawUserKind { by_name: Option<NamedUser> = "byName", by_id: u32 = "byId" }
}

impl<'de> Deserialize<'de> for UserOpt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawUser::deserialize(deserializer)?.user;
        Ok(raw.by_name.map_or(Self::ById(raw.by_id), Self::ByName))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;
    use crate::format::llb::{MountType, Op};

    #[test]
    fn every_kind_of_operation_is_read_as_leniently_as_in_go() {
        let op: Op = lenient::parse(
            br#"{"Op":{"EXEC":{"meta":{"args":["a",null],"x":1},"mounts":[{"dest":"/","mountType":3,"cacheOpt":{}}],
                 "network":null}},"platform":{"Architecture":"arm64","os":"linux"},"constraints":{}}"#,
        )
        .unwrap();
        assert_eq!(op.platform.unwrap().os, "linux");
        let OpKind::Exec(exec) = op.kind else {
            panic!()
        };
        assert_eq!((exec.meta.args.0[1].as_str(), exec.network), ("", 0));
        assert_eq!(exec.mounts.0[0].mount_type, MountType::CACHE);
        assert!(exec.mounts.0[0].cache.is_some() && exec.mounts.0[0].secret.is_none());

        for empty in ["{}", r#"{"Op":{}}"#, r#"{"Op":null}"#, "null"] {
            let op: Op = lenient::parse(empty.as_bytes()).unwrap();
            assert!(matches!(op.kind, OpKind::Empty), "{empty}");
        }
    }

    #[test]
    fn reads_owners_by_name_and_by_number() {
        let owner = |text: &str| lenient::parse::<UserOpt>(text.as_bytes()).unwrap();
        assert!(matches!(owner(r#"{"User":{}}"#), UserOpt::ById(0)));
        assert!(matches!(
            owner(r#"{"User":{"byId":1000}}"#),
            UserOpt::ById(1000)
        ));
        assert!(
            matches!(owner(r#"{"User":{"byName":{"name":"app","input":1}}}"#),
            UserOpt::ByName(NamedUser { name, input: 1 }) if name == "app")
        );
    }
}
