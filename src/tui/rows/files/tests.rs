use super::*;
use crate::format::layer::TarEntry;
use crate::format::layer::tree::TreeBuilder;
use crate::tui::list::{Sort, SortDirection, View};

fn rows(files: &[(&str, TarEntryKind, u64)], opened: &[&str]) -> FileRows {
    let mut builder = TreeBuilder::default();
    for (path, kind, size) in files {
        let entry = TarEntry {
            path: (*path).to_owned(),
            kind: kind.clone(),
            size: *size,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modified: None,
        };
        builder.add(&entry).unwrap();
    }
    let tree = Arc::new(builder.into_tree());
    let mut folds = FileFolds::default();
    for node in 0..count(tree.count()) {
        if opened.contains(&tree.path(node).as_str()) {
            folds.set(node, true, false);
        }
    }
    let view = View {
        sort: Sort {
            column: SIZE,
            order: SortDirection::Descending,
        },
        ..View::default()
    };
    FileRows::new(
        Arc::new(FileOrder::new(
            ComparedTree {
                tree,
                changes: None,
            },
            view,
            Timestamp::UNIX_EPOCH,
        )),
        &folds,
    )
}

fn text(cell: Cell) -> String {
    cell.0.into_iter().map(|piece| piece.0).collect()
}

/// Returns the first cell of each row.
fn shown(rows: &FileRows) -> Vec<String> {
    (0..rows.count())
        .map(|row| text(rows.cells(row, Timestamp::UNIX_EPOCH).swap_remove(0)))
        .collect()
}

const FILES: [(&str, TarEntryKind, u64); 5] = [
    ("usr/lib/app/a", TarEntryKind::File, 10),
    ("usr/lib/app/b", TarEntryKind::File, 30),
    ("etc/gone", TarEntryKind::Whiteout, 0),
    ("var", TarEntryKind::Opaque, 0),
    ("var/cache/x", TarEntryKind::File, 1),
];

#[test]
fn folders_open_one_by_one() {
    let closed = rows(&FILES, &[]);
    assert_eq!(
        shown(&closed),
        ["▸ usr/lib/app/", "▸ var/  − emptied first", "▸ etc/"]
    );
    let open = rows(&FILES, &["usr/lib/app", "var", "etc"]);
    let expected = [
        "▾ usr/lib/app/",
        "    b",
        "    a",
        "▾ var/  − emptied first",
        "  ▸ cache/",
        "▾ etc/",
        "    − gone  deleted",
    ];
    assert_eq!(shown(&open), expected);
    let parents = [1, 4, 6].map(|row| open.parent(row).and_then(|parent| open.find(&parent)));
    assert_eq!(parents, [Some(0), Some(3), Some(5)]);
    assert_eq!(open.name(1), "usr/lib/app/b");
}

#[test]
fn the_sum_of_marks_counts_files_of_a_marked_folder_once() {
    let rows = rows(&FILES, &["usr/lib/app"]);
    assert_eq!(rows.together(&[0, 1, 2]), Size(40).to_string());
    assert_eq!(rows.together(&[1, 2, 3]), Size(41).to_string());
}

#[test]
fn deep_rows_are_indented_up_to_a_limit() {
    let mut files = Vec::new();
    let mut opened = Vec::new();
    let mut path = String::new();
    for level in 0..40 {
        files.push((format!("{path}f{level}"), TarEntryKind::File, 1));
        path.push_str(&format!("d{level}/"));
        opened.push(path.trim_end_matches('/').to_owned());
    }
    let files: Vec<(&str, TarEntryKind, u64)> = files
        .iter()
        .map(|(path, kind, size)| (path.as_str(), kind.clone(), *size))
        .collect();
    let opened: Vec<&str> = opened.iter().map(String::as_str).collect();
    let rows = rows(&files, &opened);
    let widest = shown(&rows).iter().map(|row| row.chars().count()).max();
    assert!(widest < Some(24), "{:?}", shown(&rows));
    assert!(
        shown(&rows)
            .iter()
            .any(|row| row == "            20 ▾ d20/"),
        "{:?}",
        shown(&rows)
    );
}

#[test]
fn shares_are_printed_with_distinguishing_digits() {
    let shares = [(0, 10), (1, 10_000), (5, 100), (99, 100), (1, 0)];
    let written = shares.map(|(part, whole)| details::percent(part, whole));
    assert_eq!(written, ["0.0 %", "below 0.1 %", "5.0 %", "99 %", "–"]);
}
