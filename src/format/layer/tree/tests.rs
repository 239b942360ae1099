use super::*;

fn entry(path: &str, kind: TarEntryKind, size: u64) -> TarEntry {
    TarEntry {
        path: path.to_owned(),
        kind,
        size,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: None,
    }
}

fn build(entries: &[(&str, TarEntryKind, u64)]) -> FileTree {
    let mut builder = TreeBuilder::default();
    for (path, kind, size) in entries {
        builder.add(&entry(path, kind.clone(), *size)).unwrap();
    }
    builder.tree().clone()
}

fn paths(tree: &FileTree) -> Vec<String> {
    (0..tree.count())
        .map(|node| tree.path(u32::try_from(node).unwrap()))
        .collect()
}

#[test]
fn folders_are_made_where_no_entry_describes_them() {
    let tree = build(&[
        ("a/b/one", TarEntryKind::File, 3),
        ("a/b", TarEntryKind::Directory, 0),
        ("a/c/two", TarEntryKind::File, 4),
    ]);
    assert_eq!(paths(&tree), [".", "a", "a/b", "a/b/one", "a/c", "a/c/two"]);
    assert!(tree.is_folder(1) && tree.is_folder(2) && !tree.is_folder(3));
    let expected = LayerTotals {
        bytes: 7,
        files: 2,
        removed: 0,
    };
    assert_eq!(tree.totals(), expected);
    assert_eq!(
        (tree.entry(1).is_some(), tree.entry(2).is_some()),
        (false, true)
    );
}

#[test]
fn the_later_of_two_entries_for_a_path_is_used() {
    let target = "b".to_owned();
    let tree = build(&[
        ("a", TarEntryKind::File, 3),
        ("./x/../a", TarEntryKind::File, 5),
        ("link", TarEntryKind::File, 9),
        ("../../link", TarEntryKind::Symlink { target }, 0),
    ]);
    assert_eq!(paths(&tree), [".", "a", "link"]);
    assert_eq!(tree.totals().bytes, 5);
    assert_eq!(tree.totals().files, 2);
    assert_eq!(tree.entry(1).unwrap().number, 1);
    assert_eq!(tree.kind(2).link(), Some("b"));
}

#[test]
fn deletions_are_next_to_files_that_were_written_again() {
    let tree = build(&[
        ("a", TarEntryKind::Whiteout, 0),
        ("a", TarEntryKind::Whiteout, 0),
        ("a", TarEntryKind::File, 2),
        ("var", TarEntryKind::Opaque, 0),
        ("var", TarEntryKind::Directory, 0),
        ("var/new", TarEntryKind::File, 1),
    ]);
    assert_eq!(paths(&tree), [".", "a", "a", "var", "var/new"]);
    assert_eq!(*tree.kind(1), TarEntryKind::Whiteout);
    assert!(tree.is_emptied(3));
    let expected = LayerTotals {
        bytes: 3,
        files: 2,
        removed: 2,
    };
    assert_eq!(tree.totals(), expected);
}

#[test]
fn a_tree_at_its_bounds_does_not_grow() {
    let bounds = [
        Bounds {
            nodes: 100,
            ..Bounds::default()
        },
        Bounds {
            text: 250,
            ..Bounds::default()
        },
    ];
    for bounds in bounds {
        let mut builder = TreeBuilder {
            bounds,
            ..TreeBuilder::default()
        };
        let added = (0..1000)
            .take_while(|number| {
                let path = format!("{number}");
                builder.add(&entry(&path, TarEntryKind::File, 1)).is_ok()
            })
            .count();
        assert!((99..150).contains(&added), "{bounds:?} {added}");
        let tree = builder.tree();
        assert_eq!(
            (tree.totals().files, tree.count()),
            (added as u64, added + 1)
        );
    }
}
