use super::*;
use crate::format::layer::TarEntry;
use crate::format::layer::tree::TreeBuilder;
use crate::inventory::filter::Filter;
use crate::tui::list::Sort;

fn tree(files: &[(&str, u64)]) -> Arc<FileTree> {
    let mut builder = TreeBuilder::default();
    for (path, size) in files {
        let kind = match path.strip_suffix('/') {
            Some(_) => TarEntryKind::Directory,
            None => TarEntryKind::File,
        };
        let entry = TarEntry {
            path: path.trim_end_matches('/').to_owned(),
            kind,
            size: *size,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modified: None,
        };
        builder.add(&entry).unwrap();
    }
    Arc::new(builder.tree().clone())
}

fn order(tree: &Arc<FileTree>, filter: &str, column: usize, order: SortDirection) -> FileOrder {
    let view = View {
        filter: Filter::parse(filter).unwrap(),
        sort: Sort { column, order },
    };
    let files = ComparedTree {
        tree: Arc::clone(tree),
        changes: None,
    };
    FileOrder::new(files, view, Timestamp::UNIX_EPOCH)
}

/// Formats the tree of an order, with the bytes of each row.
fn shown(order: &FileOrder) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = vec![(ROOT, 0)];
    while let Some((node, level)) = open.pop() {
        if node != ROOT {
            let sum = order.sum(node);
            let name = order.tree.name(node);
            lines.push(format!("{}{name} {}", "  ".repeat(level - 1), sum.bytes));
        }
        let children = order.children(node).iter().rev();
        open.extend(children.map(|child| (*child, level + 1)));
    }
    lines
}

const FILES: [(&str, u64); 6] = [
    ("usr/bin/a", 10),
    ("usr/bin/b", 30),
    ("usr/share/doc/x", 5),
    ("etc/passwd", 7),
    ("big", 20),
    ("empty/", 0),
];

#[test]
fn the_largest_file_is_first_and_folders_have_sums() {
    let tree = tree(&FILES);
    let largest = order(&tree, "", SIZE, SortDirection::Descending);
    let expected = [
        "usr 45",
        "  bin 40",
        "    b 30",
        "    a 10",
        "  share 5",
        "    doc 5",
        "      x 5",
        "big 20",
        "etc 7",
        "  passwd 7",
        "empty 0",
    ];
    assert_eq!(shown(&largest), expected);
    assert_eq!(largest.sum(ROOT).files, 5);
    let named = order(&tree, "", 0, SortDirection::Ascending);
    assert_eq!(shown(&named)[..3], ["big 20", "empty 0", "etc 7"]);
}

#[test]
fn a_filter_keeps_matching_files_with_their_folders() {
    let tree = tree(&FILES);
    let cases = [
        (
            "path~/bin/",
            &["usr 40", "  bin 40", "    b 30", "    a 10"][..],
            (2, 0),
        ),
        (
            "size>8 !path~b$",
            &["big 20", "usr 10", "  bin 10", "    a 10"],
            (2, 0),
        ),
        // A folder that passes the filter itself counts as a whole.
        ("path:usr/share", &["usr 5", "  share 5"], (0, 1)),
        (
            "path~^usr/share",
            &["usr 5", "  share 5", "    doc 5", "      x 5"],
            (1, 2),
        ),
        ("nothing", &[], (0, 0)),
    ];
    for (filter, expected, matched) in cases {
        let order = order(&tree, filter, SIZE, SortDirection::Descending);
        assert_eq!(shown(&order), expected, "{filter}");
        assert_eq!(order.matched(), matched, "{filter}");
    }
}

#[test]
fn folders_that_hold_one_folder_only_are_one_row() {
    let tree = tree(&FILES);
    let order = order(&tree, "", SIZE, SortDirection::Descending);
    let end = |path: &str| {
        let mut nodes = 0..number(tree.count());
        let node = nodes.find(|node| tree.path(*node) == path).unwrap();
        tree.path(order.chain_end(node))
    };
    assert_eq!(end("usr/share"), "usr/share/doc");
    assert_eq!(end("usr"), "usr");
    assert_eq!(end("etc"), "etc");
    assert_eq!(end("empty"), "empty");
}

#[test]
fn deep_paths_are_sorted_without_recursion() {
    let mut builder = TreeBuilder::default();
    let mut path = String::from("a");
    for _ in 0..100_000 {
        path.push_str("/a");
    }
    let entry = TarEntry {
        path,
        kind: TarEntryKind::File,
        size: 1,
        mode: 0,
        uid: 0,
        gid: 0,
        modified: None,
    };
    builder.add(&entry).unwrap();
    let tree = Arc::new(builder.tree().clone());
    let order = order(&tree, "path~a$", SIZE, SortDirection::Descending);
    assert_eq!(order.sum(1).bytes, 1);
    assert_eq!(tree.parent(tree.parent(order.chain_end(1))), 99_998);
}
