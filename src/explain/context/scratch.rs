//! The files that a file operation creates without inputs. A here-document of a Dockerfile is
//! copied from such a file.

use super::{ContextEntry, ContextEntryKind, ContextFiles};
use crate::format::go_path;
use crate::format::llb::{ChownOpt, FileChange, FileOp, NO_INPUT, NO_OUTPUT, UserOpt};

/// Returns the files that an operation without inputs creates, if they follow from the operation
/// alone: files and directories directly in the root, one action after another.
pub fn files(op: &FileOp) -> Option<ContextFiles> {
    let mut entries = Vec::new();
    for (place, action) in (0_i64..).zip(&op.actions.0) {
        // Without inputs, the first action has number 0.
        let goes_on = if place == 0 {
            action.input == NO_INPUT
        } else {
            action.input == place - 1
        };
        let is_last = usize::try_from(place + 1) == Ok(op.actions.0.len());
        let ends = action.output == if is_last { 0 } else { NO_OUTPUT };
        if !goes_on || !ends || action.secondary_input != NO_INPUT {
            return None;
        }
        let (path, kind, mode, owner, content) = match &action.change {
            FileChange::MakeFile(file) => {
                let size = file.data.0.len() as u64;
                (
                    &file.path,
                    ContextEntryKind::File(size),
                    file.mode,
                    &file.owner,
                    file.data.0.as_slice(),
                )
            }
            FileChange::MakeDir(dir) => (
                &dir.path,
                ContextEntryKind::Directory,
                dir.mode,
                &dir.owner,
                &[][..],
            ),
            _ => return None,
        };
        let path = go_path::clean(&[b"/", path.as_bytes()].concat());
        let path = path.strip_prefix(b"/").unwrap_or(&path);
        if path.is_empty() || path.contains(&b'/') {
            return None;
        }
        let mode = u32::try_from(mode).ok()? & 0o777;
        let (uid, gid) = owner_of(owner.as_ref())?;
        entries.push(
            ContextEntry {
                uid,
                gid,
                ..ContextEntry::new(path, kind, mode)
            }
            .with_content(content),
        );
    }
    Some(ContextFiles::of_snapshot(entries))
}

/// Returns an owner by number; `None` if it must be looked up in the files of an input.
fn owner_of(owner: Option<&ChownOpt>) -> Option<(u32, u32)> {
    let id = |user: Option<&UserOpt>| match user {
        None => Some(None),
        Some(UserOpt::ById(id)) => Some(Some(*id)),
        Some(UserOpt::ByName(_)) => None,
    };
    let Some(owner) = owner else {
        return Some((0, 0));
    };
    let user = id(owner.user.as_ref())?;
    let group = id(owner.group.as_ref())?;
    Some((user.unwrap_or_default(), group.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    fn made(actions: &str) -> Option<ContextFiles> {
        files(&lenient::parse(format!(r#"{{"actions":[{actions}]}}"#).as_bytes()).unwrap())
    }

    #[test]
    fn a_here_document_is_a_file_of_its_own() {
        let action = |places: &str, more: &str| {
            format!(
                r#"{{{places},"Action":{{"mkfile":{{"path":"/EOF","mode":420,"data":"aGVsbG8K"{more}}}}}}}"#
            )
        };
        let alone = r#""input":-1,"secondaryInput":-1,"output":0"#;
        let files = made(&action(alone, "")).unwrap();
        // BuildKit computed the expected keys from this file.
        let digest = files.digest(b"EOF").unwrap();
        assert_eq!(
            digest.hex(),
            "09eefdc91e8894bc767daae7daa5a4e8cbf396610f10ae20604d9086c76d4a93"
        );
        let named = r#","owner":{"user":{"User":{"byName":{"name":"a"}}}}"#;
        assert!(made(&action(alone, named)).is_none());
        assert!(made(&action(r#""input":0,"secondaryInput":-1,"output":0"#, "")).is_none());
        assert!(
            made(r#"{"input":-1,"secondaryInput":-1,"Action":{"rm":{"path":"/x"}}}"#).is_none()
        );
    }
}
