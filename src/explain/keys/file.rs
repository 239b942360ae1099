//! Keys of file operations (`solver/llbsolver/ops/file.go` in BuildKit).

use std::collections::{BTreeMap, BTreeSet};

use super::{ContentKey, InputKeys};
use crate::format::digest::Digest;
use crate::format::go_json::{Bytes, GoJson, document};
use crate::format::llb::{
    ChownOpt, CopyAction, FileAction, FileChange, FileOp, NO_INPUT, NO_OUTPUT, UserOpt,
};

/// Returns `None` if an action is unknown.
pub(super) fn digest(op: &FileOp, inputs: usize) -> Option<Digest> {
    Some(Digest::of(preimage(op, inputs)?.as_bytes()))
}

/// Returns the text that BuildKit hashes; `None` if an action is unknown.
pub(super) fn preimage(op: &FileOp, inputs: usize) -> Option<String> {
    let actions: Vec<String> = op
        .actions
        .0
        .iter()
        .map(|action| marshal(action, inputs))
        .collect::<Option<_>>()?;
    let encoded: Vec<Bytes<'_>> = actions
        .iter()
        .map(|action| Bytes(action.as_bytes()))
        .collect();
    let places: Vec<[i64; 3]> = op
        .actions
        .0
        .iter()
        .map(|action| [action.input, action.secondary_input, action.output])
        .collect();
    Some(document(|fields| {
        fields
            .always("Type", "buildkit.file.v0")
            .always("Actions", encoded.as_slice());
        // Old versions left the indexes out. For the usual pattern, this stays so.
        if !are_usual(&places) {
            fields.unless_empty("indexes", places.as_slice());
        }
    }))
}

fn marshal(action: &FileAction, inputs: usize) -> Option<String> {
    let mut text = String::new();
    match &action.change {
        FileChange::Unknown => return None,
        // The selector holds the copied path, so only its last part is in the key.
        FileChange::Copy(copy) if place(action.secondary_input, inputs).is_some() => {
            CopyAction {
                src: base(&copy.src).to_owned(),
                ..CopyAction::clone(copy)
            }
            .write(&mut text);
        }
        FileChange::Copy(copy) => copy.write(&mut text),
        FileChange::MakeFile(file) => file.write(&mut text),
        FileChange::MakeDir(dir) => dir.write(&mut text),
        FileChange::Remove(remove) => remove.write(&mut text),
        FileChange::Symlink(link) => link.write(&mut text),
    }
    Some(text)
}

/// Returns whether each action continues the previous one, from the first input to the only output.
fn are_usual(places: &[[i64; 3]]) -> bool {
    let mut expected = NO_INPUT + 1;
    let mut next = i64::try_from(places.len()).unwrap_or(i64::MAX);
    places
        .iter()
        .enumerate()
        .all(|(at, &[input, secondary, output])| {
            let goes_on = input == expected;
            (expected, next) = (next, next.saturating_add(1));
            let last = at + 1 == places.len();
            goes_on
                && matches!(secondary, NO_INPUT | 1)
                && output == if last { 0 } else { NO_OUTPUT }
        })
}

/// Returns how the operation uses its inputs: inputs that it only reads have paths and content
/// keys.
pub(super) fn inputs(op: &FileOp, count: usize) -> Vec<InputKeys> {
    let mut changed = BTreeSet::new();
    let mut paths: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for action in &op.actions.0 {
        changed.extend(place(action.input, count));
        let owner = match &action.change {
            FileChange::Copy(copy) => {
                if let Some(source) = place(action.secondary_input, count) {
                    paths.entry(source).or_default().push(&copy.src);
                }
                &copy.owner
            }
            FileChange::MakeFile(file) => &file.owner,
            FileChange::MakeDir(dir) => &dir.owner,
            FileChange::Unknown | FileChange::Remove(_) | FileChange::Symlink(_) => &None,
        };
        for (input, path) in owner.iter().flat_map(lookups) {
            if let Some(source) = place(input, count) {
                paths.entry(source).or_default().push(path);
            }
        }
    }
    let keys = |input| match paths.get_mut(&input) {
        Some(paths) if !changed.contains(&input) => {
            // Descending, for historical reasons.
            paths.sort_unstable_by(|one, other| other.cmp(one));
            InputKeys {
                selector: Some(super::selector(paths)),
                content: ContentKey::Unknown,
                ..InputKeys::default()
            }
        }
        _ => InputKeys::default(),
    };
    (0..count).map(keys).collect()
}

/// Returns the files that resolve an owner by name.
pub(super) fn lookups(owner: &ChownOpt) -> impl Iterator<Item = (i64, &'static str)> {
    let by_name = |user: &Option<UserOpt>, path| match user {
        Some(UserOpt::ByName(named)) => Some((named.input, path)),
        _ => None,
    };
    by_name(&owner.user, "/etc/passwd")
        .into_iter()
        .chain(by_name(&owner.group, "/etc/group"))
}

pub(super) fn place(input: i64, count: usize) -> Option<usize> {
    usize::try_from(input).ok().filter(|place| *place < count)
}

/// Returns the last part of a path, as Go's `path.Base` does.
fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/') {
        "" => "/",
        path => path.rsplit('/').next().unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    fn op(actions: &str) -> FileOp {
        lenient::parse(format!(r#"{{"actions":[{actions}]}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn agrees_with_buildkit() {
        let workdir = op(r#"{"input":0,"secondaryInput":-1,"output":0,
            "Action":{"mkdir":{"makeParents":true,"mode":493,"path":"/w","timestamp":-1}}}"#);
        let key = digest(&workdir, 1).unwrap();
        assert_eq!(
            key.hex(),
            "9db5dc88869437365acb90a9b626b212b7102e65cfa699358bd0932ce258b729"
        );
        assert_eq!(
            super::super::root(&key, 0).hex(),
            "f6515d8afd8f2d2ce6612a1d4492f88887feb327524d76cfd0f4c19c328711c2"
        );
        let copy = op(
            r#"{"input":0,"secondaryInput":1,"output":0,"Action":{"copy":{"allowEmptyWildcard":true,"allowWildcard":true,
            "createDestPath":true,"dest":"/app/src","dirCopyContents":true,"followSymlink":true,"mode":-1,"src":"/src","timestamp":-1}}}"#,
        );
        let key = digest(&copy, 2).unwrap();
        assert_eq!(
            (key.short(12), super::super::root(&key, 0).short(12)),
            ("09da3a81e46a".into(), "d340c4b5610f".into())
        );
    }

    #[test]
    fn default_positions_are_omitted_from_the_key() {
        let cases: [(&[[i64; 3]], bool); 8] = [
            (&[[0, 1, 0]], true),
            (&[[0, -1, 0]], true),
            (&[[0, 1, -1], [2, 1, 0]], true),
            (&[[0, 1, -1], [3, 1, -1], [4, -1, 0]], true),
            (&[[0, 1, -1], [2, 1, -1], [3, 1, 0]], false),
            (&[[-1, 0, 0]], false),
            (&[[0, 2, 0]], false),
            (&[[0, 1, 1]], false),
        ];
        for (places, usual) in cases {
            assert_eq!(are_usual(places), usual, "{places:?}");
        }
    }

    #[test]
    fn a_modified_input_is_part_of_the_key_completely() {
        let copy = |input: i64, from: i64, src: &str| {
            format!(
                r#"{{"input":{input},"secondaryInput":{from},"output":0,"Action":{{"copy":{{"src":"{src}"}}}}}}"#
            )
        };
        let used = inputs(
            &op(&format!("{},{}", copy(0, 1, "/a"), copy(2, 1, "/b"))),
            2,
        );
        assert_eq!(used[0].selector, None);
        assert_eq!(used[1].selector, Some(Digest::of(b"/b\0/a")));
        assert_eq!(
            (used[0].content, used[1].content),
            (ContentKey::Never, ContentKey::Unknown)
        );
        // The same input read and changed: no selector.
        assert_eq!(inputs(&op(&copy(0, 0, "/a")), 1)[0].selector, None);
        // A source that is another action's result is not an input, and its path stays in the key.
        assert_eq!(inputs(&op(&copy(0, 1, "/a")), 1)[0].selector, None);
        assert_ne!(
            digest(&op(&copy(0, 1, "/x/a")), 1),
            digest(&op(&copy(0, 1, "/y/a")), 1)
        );
        assert_eq!(
            digest(&op(&copy(0, 1, "/x/a")), 2),
            digest(&op(&copy(0, 1, "/y/a")), 2)
        );
    }

    #[test]
    fn owners_by_name_add_passwd_and_group_files() {
        let text = r#"{"input":0,"secondaryInput":1,"output":0,"Action":{"copy":{"src":"/a",
            "owner":{"user":{"User":{"byName":{"name":"app","input":2}}},"group":{"User":{"byName":{"name":"app","input":2}}}}}}}"#;
        let used = inputs(&op(text), 3);
        assert_eq!(used[1].selector, Some(Digest::of(b"/a")));
        assert_eq!(
            used[2].selector,
            Some(Digest::of(b"/etc/passwd\0/etc/group"))
        );
    }

    #[test]
    fn an_unknown_action_has_no_key() {
        assert_eq!(digest(&op(r#"{"Action":{}}"#), 1), None);
    }

    #[test]
    fn the_last_part_of_a_path_is_taken_as_go_does() {
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("//", "/"),
            ("/a/b/", "b"),
            ("a", "a"),
            ("/a/.", "."),
        ] {
            assert_eq!(base(path), expected, "{path}");
        }
    }
}
