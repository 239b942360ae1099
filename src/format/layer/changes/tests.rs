use super::*;
use crate::format::layer::tree::TreeBuilder;
use crate::format::layer::{LayerLimits, list};
use std::ops::ControlFlow;

/// Packs an archive. A path that ends with a slash is a directory, and `a -> b` a symbolic link.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        if let Some((path, target)) = path.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            builder.append_link(&mut header, path, target).unwrap();
            continue;
        }
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn tree(layer: &[u8]) -> Arc<FileTree> {
    let mut builder = TreeBuilder::default();
    let added = list(layer, &LayerLimits::default(), |entry| {
        builder.add(&entry).unwrap();
        ControlFlow::<()>::Continue(())
    });
    assert!(added.unwrap().is_continue());
    Arc::new(builder.into_tree())
}

/// Compares the first layer with the others, which are given from the nearest one down. One that is
/// `None` cannot be read.
fn changes(top: &[(&str, &str)], below: &[Option<&[(&str, &str)]>]) -> LayerChanges {
    let top = archive(top);
    let limits = LayerLimits::default();
    let mut comparison = LayerComparison::new(tree(&top));
    let mut is_whole = true;
    for layer in below {
        if comparison.is_decided() {
            break;
        }
        let Some(layer) = layer else {
            is_whole = false;
            break;
        };
        comparison
            .read_below(&mut archive(layer).as_slice(), &limits)
            .unwrap();
    }
    if comparison.needs_content() {
        comparison.read_own(&mut top.as_slice(), &limits).unwrap();
    }
    comparison.finish(is_whole)
}

/// Returns the change of each path of the layer, in the order of its archive.
fn shown(changes: &LayerChanges) -> Vec<String> {
    let nodes = 1..u32::try_from(changes.tree.count()).unwrap();
    let line = |node| {
        let change = changes.of(node).map_or("?", LayerChange::word);
        let path = changes.tree.path(node);
        match changes.below(node) {
            Some(file) => {
                let bytes = file
                    .bytes
                    .map_or(String::new(), |bytes| format!(" {bytes} B"));
                let same = match file.has_same_content {
                    Some(true) => " same content",
                    Some(false) => " other content",
                    None => "",
                };
                format!(
                    "{path} {change}: {}{bytes} of {}{same}",
                    file.kind, file.layer
                )
            }
            None => format!("{path} {change}"),
        }
    };
    nodes.map(line).collect()
}

fn compared(top: &[(&str, &str)], below: &[&[(&str, &str)]]) -> Vec<String> {
    let below: Vec<_> = below.iter().map(|layer| Some(*layer)).collect();
    shown(&changes(top, &below))
}

#[test]
fn files_are_added_changed_and_deleted() {
    let below: [&[(&str, &str)]; 2] = [
        &[("etc/", ""), ("etc/near", "near")],
        &[
            ("etc/", ""),
            ("etc/far", "far away"),
            ("etc/near", "hidden"),
            ("etc/gone", "g"),
            ("dir/a/b", "x"),
        ],
    ];
    let top = [
        ("etc/", ""),
        ("etc/near", "NEAR"),
        ("etc/far", "other size"),
        ("etc/new", "n"),
        ("etc/.wh.gone", ""),
        ("etc/.wh.never", ""),
        (".wh.dir", ""),
    ];
    assert_eq!(
        compared(&top, &below),
        [
            "etc same: directory of 0",
            "etc/near changed: file 4 B of 0 other content",
            "etc/far changed: file 8 B of 1 other content",
            "etc/new added",
            "etc/gone deleted: file 1 B of 1",
            "etc/never nothing",
            "dir deleted: directory of 1",
        ]
    );
    let all: Vec<_> = below.iter().map(|layer| Some(*layer)).collect();
    let totals = changes(&top, &all).totals();
    let expected = ChangeTotals {
        added: 1,
        changed: 2,
        bytes_before: 12,
        deleted: 2,
        ..ChangeTotals::default()
    };
    assert_eq!(totals, expected);
}

#[test]
fn a_file_that_is_written_again_has_the_same_content() {
    let top = [
        ("a", "same"),
        ("b", "diff"),
        ("empty", ""),
        ("l -> x", ""),
        ("m -> y", ""),
    ];
    let below = [
        ("a", "same"),
        ("b", "four"),
        ("empty", ""),
        ("l -> x", ""),
        ("m -> z", ""),
    ];
    assert_eq!(
        compared(&top, &[&below]),
        [
            "a changed: file 4 B of 0 same content",
            "b changed: file 4 B of 0 other content",
            "empty changed: file 0 B of 0 same content",
            "l changed: symlink of 0 same content",
            "m changed: symlink of 0 other content",
        ]
    );
    assert_eq!(changes(&top, &[Some(&below)]).totals().same_content, 3);
}

#[test]
fn deletions_of_lower_layers_apply_in_order() {
    // A whiteout hides what is further below, and not what its own layer has.
    let top = [
        ("a", "1"),
        ("d/x", "1"),
        ("d/y", "1"),
        ("o/x", "1"),
        ("o/y", "1"),
    ];
    let near: &[(&str, &str)] = &[
        (".wh.a", ""),
        (".wh.d", ""),
        ("d/y", "22"),
        ("o/.wh..wh..opq", ""),
        ("o/y", "22"),
    ];
    let far: &[(&str, &str)] = &[
        ("a", "3"),
        ("d/x", "3"),
        ("d/y", "3"),
        ("o/x", "3"),
        ("o/y", "3"),
    ];
    assert_eq!(
        compared(&top, &[near, far]),
        [
            "a added",
            "d same: directory of 0",
            "d/x added",
            "d/y changed: file 2 B of 0 other content",
            "o same: directory of 0",
            "o/x added",
            "o/y changed: file 2 B of 0 other content",
        ]
    );
    // Without the nearer layer, all of them are there.
    let all = compared(&top, &[far]);
    assert_eq!(
        all.iter().filter(|line| line.contains("changed")).count(),
        5
    );
}

#[test]
fn a_file_in_the_place_of_a_directory_hides_what_is_below() {
    let top = [("a/b", "1"), ("c", "1"), ("e/", ""), ("e/f", "1")];
    let near: &[(&str, &str)] = &[("a", "file"), ("c/d", "1"), ("e -> lib", "")];
    let far: &[(&str, &str)] = &[("a/b", "2"), ("e/f", "2")];
    assert_eq!(
        compared(&top, &[near, far]),
        [
            "a changed: file 4 B of 0",
            "a/b added",
            "c changed: directory of 0",
            "e changed: symlink of 0",
            "e/f added",
        ]
    );
    // A builder may follow a link that the layer does not replace.
    let through = compared(
        &[("lib/x", "1")],
        &[&[("lib -> usr/lib", "")], &[("lib/x", "2")]],
    );
    assert_eq!(through, ["lib changed: symlink of 0", "lib/x ?"]);
}

#[test]
fn a_directory_changes_with_its_mode() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o700);
    builder.append_data(&mut header, "d/", &[][..]).unwrap();
    let below = builder.into_inner().unwrap();
    let mut comparison = LayerComparison::new(tree(&archive(&[("d/", ""), ("d/a", "")])));
    comparison
        .read_below(&mut below.as_slice(), &LayerLimits::default())
        .unwrap();
    let changes = comparison.finish(true);
    assert_eq!(shown(&changes), ["d changed: directory of 0", "d/a added"]);
    // Only files are counted.
    assert_eq!(changes.totals().changed, 0);
}

#[test]
fn a_missing_layer_leaves_unknown_what_no_nearer_layer_decides() {
    let top = [
        ("near", "1"),
        ("far", "1"),
        (".wh.gone", ""),
        ("o/.wh..wh..opq", ""),
    ];
    let changes = changes(
        &top,
        &[Some(&[("near", "22")]), None, Some(&[("far", "1")])],
    );
    assert_eq!(
        shown(&changes),
        [
            "near changed: file 2 B of 0 other content",
            "far ?",
            "gone ?",
            "o ?"
        ]
    );
    let totals = changes.totals();
    assert_eq!(
        (totals.added, totals.changed, totals.deleted, totals.unknown),
        (0, 1, 0, 3)
    );
}

#[test]
fn reading_ends_when_every_path_is_decided() {
    let mut comparison = LayerComparison::new(tree(&archive(&[("a", "1"), (".wh.b", "")])));
    let limits = LayerLimits::default();
    comparison
        .read_below(&mut archive(&[("a", "2")]).as_slice(), &limits)
        .unwrap();
    assert!(!comparison.is_decided());
    comparison
        .read_below(&mut archive(&[("b", "2")]).as_slice(), &limits)
        .unwrap();
    assert!(comparison.is_decided());
}

#[test]
fn a_damaged_layer_decides_nothing() {
    let mut comparison = LayerComparison::new(tree(&archive(&[("a", "1"), ("b", "1")])));
    let mut below = archive(&[("a", "2"), ("b", "2")]);
    below.truncate(1100);
    let read = comparison.read_below(&mut below.as_slice(), &LayerLimits::default());
    assert!(read.is_err());
    assert_eq!(shown(&comparison.finish(false)), ["a ?", "b ?"]);
}

#[test]
fn an_emptied_directory_deletes_what_is_there() {
    let top = [("o/", ""), ("o/.wh..wh..opq", ""), ("new/.wh..wh..opq", "")];
    let changes = changes(&top, &[Some(&[("o/", ""), ("o/x", "1")])]);
    let node = |name: &str| {
        let mut nodes = 1..u32::try_from(changes.tree.count()).unwrap();
        nodes.find(|node| changes.tree.path(*node) == name).unwrap()
    };
    assert_eq!(changes.of_content(node("o")), Some(LayerChange::Deleted));
    assert_eq!(changes.of_content(node("new")), Some(LayerChange::Nothing));
    assert_eq!(changes.totals().deleted, 1);
}
