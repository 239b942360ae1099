//! The parts of an input that an operation uses, in the order of its content key
//! (`solver/llbsolver/ops` in BuildKit).

use crate::explain::context::select::Selector;
use crate::format::go_path;
use crate::format::llb::{ExecOp, FileChange, FileOp, Mount, OpKind};

/// Returns the parts that an operation uses of the input at `input`; empty if its content is not a
/// key.
pub fn of_input(op: &OpKind, input: usize, inputs: usize) -> Vec<Selector> {
    match op {
        OpKind::Exec(op) => of_mounts(op, input),
        OpKind::File(op) => of_actions(op, input, inputs),
        _ => Vec::new(),
    }
}

fn of_mounts(op: &ExecOp, input: usize) -> Vec<Selector> {
    let taken = |mount: &&Mount| super::exec::is_of_input(mount, input);
    let paths = op
        .mounts
        .0
        .iter()
        .filter(taken)
        .map(|mount| super::exec::clean(&mount.selector))
        .collect();
    let paths = without_nested(paths);
    // The root replaces all other paths.
    if paths.iter().any(|path| path == "/") {
        return vec![Selector {
            path: "/".to_owned(),
            ..Selector::default()
        }];
    }
    paths
        .into_iter()
        .map(|path| Selector {
            path,
            follow_links: true,
            ..Selector::default()
        })
        .collect()
}

fn of_actions(op: &FileOp, input: usize, inputs: usize) -> Vec<Selector> {
    let mut selectors = Vec::new();
    for action in &op.actions.0 {
        let owner = match &action.change {
            FileChange::Copy(copy) => {
                if super::file::place(action.secondary_input, inputs) == Some(input) {
                    selectors.push(Selector {
                        path: copy.src.clone(),
                        wildcard: copy.allow_wildcard && go_path::contains_wildcards(&copy.src),
                        follow_links: copy.follow_symlink,
                        include: copy.include_patterns.0.clone(),
                        exclude: copy.exclude_patterns.0.clone(),
                    });
                }
                &copy.owner
            }
            FileChange::MakeFile(file) => &file.owner,
            FileChange::MakeDir(dir) => &dir.owner,
            FileChange::Unknown | FileChange::Remove(_) | FileChange::Symlink(_) => &None,
        };
        let lookups = owner.iter().flat_map(super::file::lookups);
        let here = lookups.filter(|(place, _)| super::file::place(*place, inputs) == Some(input));
        selectors.extend(here.map(|(_, path)| Selector {
            path: path.into(),
            follow_links: true,
            ..Selector::default()
        }));
    }
    let (filters, plain): (Vec<Selector>, Vec<Selector>) =
        selectors.into_iter().partition(Selector::is_filter);
    let paths = |follow_links| {
        let paths = plain
            .iter()
            .filter(|selector| selector.follow_links == follow_links);
        let paths = without_nested(paths.map(|selector| selector.path.clone()).collect());
        paths.into_iter().map(move |path| Selector {
            path,
            follow_links,
            ..Selector::default()
        })
    };
    let mut selectors: Vec<Selector> = paths(false).chain(paths(true)).chain(filters).collect();
    selectors.sort_by(|one, other| one.path.cmp(&other.path));
    selectors
}

/// Sorts paths and removes those below another one; a single path stays unchanged.
fn without_nested(mut paths: Vec<String>) -> Vec<String> {
    if paths.len() <= 1 {
        return paths;
    }
    paths.sort_unstable();
    paths.dedup();
    let folder = |path: &String| {
        if path.ends_with('/') {
            path.clone()
        } else {
            format!("{path}/")
        }
    };
    let is_nested = |path: &String| {
        paths
            .iter()
            .any(|other| other != path && path.starts_with(&folder(other)))
    };
    paths
        .iter()
        .filter(|path| !is_nested(path))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    fn paths(op: &str, input: usize, inputs: usize) -> Vec<String> {
        let op: crate::format::llb::Op =
            lenient::parse(format!(r#"{{"Op":{op}}}"#).as_bytes()).unwrap();
        of_input(&op.kind, input, inputs)
            .into_iter()
            .map(|selector| selector.path)
            .collect()
    }

    #[test]
    fn nested_mounts_add_no_selector_and_the_root_selects_all() {
        let op = r#"{"exec":{"mounts":[{"dest":"/"},{"dest":"/a","input":1,"selector":"/x/y","output":-1},
            {"dest":"/b","input":1,"selector":"x"},{"dest":"/c","input":1,"selector":"/a/../ab"},
            {"dest":"/s","input":1,"mountType":1,"selector":"/secret"},{"dest":"/d","input":2,"selector":"q"},{"dest":"/e","input":2}]}}"#;
        assert_eq!(paths(op, 1, 3), ["/ab", "/x"]);
        assert_eq!(paths(op, 2, 3), ["/"]);
    }

    #[test]
    fn copied_paths_are_sorted_and_patterns_are_kept() {
        let copy = |src: &str, more: &str| {
            format!(
                r#"{{"secondaryInput":1,"Action":{{"copy":{{"src":"{src}","allowWildcard":true,"followSymlink":true{more}}}}}}}"#
            )
        };
        let owner = r#","owner":{"user":{"User":{"byName":{"name":"app","input":1}}}}"#;
        let op = format!(
            r#"{{"file":{{"actions":[{},{},{},{}]}}}}"#,
            copy("/b", ""),
            copy("/b/c", ""),
            copy("/a*", owner),
            copy("/b/c", r#","exclude_patterns":["x"]"#)
        );
        assert_eq!(paths(&op, 1, 2), ["/a*", "/b", "/b/c", "/etc/passwd"]);
        assert!(paths(&op, 0, 2).is_empty());
    }
}
