//! Contexts with a single change to a real one: that file is named, with its change, and no other
//! file is.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::histories::home;
use crate::support::command::CommandLine;

/// A change to a file or a folder.
#[derive(Debug, Clone, Copy)]
enum FileChange {
    Write,
    Touch,
    Mode,
    Remove,
    Add,
}

/// A change, and the cause with its path; `None` if everything still hits.
type Case = (FileChange, Option<(&'static str, &'static str)>);

fn make(change: FileChange, path: &Path) {
    let link = fs::read_link(path);
    match change {
        FileChange::Write if link.is_ok() => {
            fs::remove_file(path).unwrap();
            symlink("elsewhere", path).unwrap();
        }
        FileChange::Write => fs::OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b"x")
            .unwrap(),
        FileChange::Touch => fs::File::open(path)
            .unwrap()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap(),
        FileChange::Mode => {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            let mode = if path.is_dir() { 0o700 } else { mode ^ 0o111 };
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        FileChange::Remove => fs::remove_file(path).unwrap(),
        FileChange::Add => fs::write(path.join("new file é"), "x").unwrap(),
    }
}

#[test]
fn a_changed_file_of_the_context_is_the_only_cause() {
    use FileChange::{Add, Mode, Remove, Touch, Write};
    // A set, and its changes.
    let cases: &[(&str, &str, &[Case])] = &[
        (
            "shop",
            "api",
            &[
                (Mode, Some(("mode", "api/"))),
                (Add, Some(("file-added", "api/new file é"))),
            ],
        ),
        (
            "shop",
            "assets",
            &[
                (Mode, Some(("mode", "assets/"))),
                (Add, Some(("file-added", "assets/new file é"))),
            ],
        ),
        (
            "shop",
            "web/index.js",
            &[
                (Write, Some(("content", "web/index.js"))),
                (Mode, Some(("mode", "web/index.js"))),
                (Remove, Some(("file-removed", "web/index.js"))),
                (Touch, None),
            ],
        ),
        (
            "shop",
            "go.mod",
            &[
                (Write, Some(("content", "go.mod"))),
                (Mode, Some(("mode", "go.mod"))),
                (Touch, None),
            ],
        ),
        (
            "shop",
            "README.md",
            &[(Write, None), (Mode, None), (Remove, None)],
        ),
        (
            "kitchen",
            "Cargo.lock",
            &[
                (Write, Some(("content", "Cargo.lock"))),
                (Mode, Some(("mode", "Cargo.lock"))),
            ],
        ),
        // A mount, which no layer contains.
        (
            "kitchen",
            "bench/data.txt",
            &[
                (Write, Some(("content", "bench/data.txt"))),
                (Mode, Some(("mode", "bench/data.txt"))),
                (Remove, Some(("content", "bench"))),
            ],
        ),
        (
            "kitchen",
            "bench",
            &[
                (Mode, Some(("mode", "bench/"))),
                (Add, Some(("content", "bench"))),
            ],
        ),
        // A pattern, and a copy that sets the mode itself.
        (
            "kitchen",
            "scripts/a.sh",
            &[
                (Write, Some(("content", "scripts/a.sh"))),
                (Mode, Some(("mode", "scripts/a.sh"))),
                (Remove, Some(("file-removed", "scripts/a.sh"))),
            ],
        ),
        (
            "kitchen",
            "scripts/skip.txt",
            &[(Write, None), (Mode, None), (Remove, None)],
        ),
        ("kitchen", "scripts", &[(Mode, None), (Add, None)]),
        (
            "kitchen",
            "docs/index.md",
            &[
                (Write, Some(("content", "docs/index.md"))),
                (Remove, Some(("file-removed", "docs/index.md"))),
            ],
        ),
        (
            "kitchen",
            "docs/draft.tmp",
            &[(Write, None), (Mode, None), (Remove, None)],
        ),
        ("kitchen", "src/debug.log", &[(Write, None), (Remove, None)]),
        (
            "kitchen",
            "src/alias.rs",
            &[
                (Write, Some(("link-target", "src/alias.rs"))),
                (Remove, Some(("file-removed", "src/alias.rs"))),
            ],
        ),
        ("kitchen", "src", &[(Mode, Some(("mode", "src/")))]),
        (
            "kitchen",
            "src/lib",
            &[
                (Mode, Some(("mode", "src/lib/"))),
                (Add, Some(("file-added", "src/lib/new file é"))),
            ],
        ),
        // An archive, which is unpacked.
        (
            "kitchen",
            "vendor.tar.gz",
            &[
                (Write, Some(("content", "vendor.tar.gz"))),
                (Mode, Some(("mode", "vendor.tar.gz"))),
            ],
        ),
    ];
    for set in ["shop", "kitchen"] {
        let (sandbox, _) = home(set);
        for (_, path, changes) in cases.iter().filter(|(of, ..)| *of == set) {
            for (change, cause) in *changes {
                let context = sandbox.path("context");
                let _ = fs::remove_dir_all(&context);
                assert!(
                    Command::new("cp")
                        .arg("-a")
                        .arg(sandbox.path("tree/c02"))
                        .arg(&context)
                        .status()
                        .unwrap()
                        .success()
                );
                make(*change, &context.join(path));
                // Not every build has a named context.
                let extra = if sandbox.path("tree/c02.extra").is_dir() {
                    " --context extra=tree/c02.extra"
                } else {
                    ""
                };
                let document = sandbox.json(format!(
                    "why ./cache#c01 --json --build provenance/c02.json \
                     --baseline provenance/c01.json --context context{extra}"
                ));
                let roots = document["root_causes"].as_array().unwrap();
                let found: Vec<_> = roots
                    .iter()
                    .map(|root| (&root["kind"], &root["paths"]))
                    .collect();
                let shown = format!("{set} {path} {change:?}: {found:?}");
                match cause {
                    None => {
                        assert_eq!(document["summary"]["miss"], 0, "{shown}");
                        assert_eq!(document["summary"]["unknown"], 0, "{shown}");
                    }
                    Some((kind, path)) => {
                        let paths = if path.is_empty() {
                            json!([])
                        } else {
                            json!([path])
                        };
                        assert_eq!(found, [(&json!(kind), &paths)], "{shown}");
                    }
                }
            }
        }
    }
}

#[test]
fn changed_lines_of_small_files_are_shown() {
    let (sandbox, _) = home("shop");
    // A context that was changed since: a line of a file, and a file that must stay hidden.
    let before = fs::read_to_string(sandbox.path("tree/c08/web/index.js")).unwrap();
    fs::write(
        sandbox.path("tree/c08/web/index.js"),
        format!("{before}let API_TOKEN = 'abc'\u{1b}[31m\n"),
    )
    .unwrap();
    let given = [
        "why",
        "./cache#c07",
        "--build",
        "provenance/c08.json",
        "--context",
        "tree/c08",
    ];
    let run = sandbox.run(&given).to_string();
    assert!(run.contains("content  web/index.js"), "{run}");
    assert!(run.contains("+ let API_TOKEN = (hidden)"), "{run}");
    assert!(!run.contains("abc") && !run.contains('\u{1b}'), "{run}");
    let document = sandbox.json("--json".after(&given[..]));
    let changes: Vec<_> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["cause"]["changes"].as_array())
        .flatten()
        .collect();
    let change = changes
        .iter()
        .find(|change| change["path"] == "web/index.js")
        .unwrap();
    assert!(
        change["diff"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line == "+let API_TOKEN = (hidden)"),
        "{change}"
    );
}

#[test]
fn modes_of_folders_and_empty_folders_are_causes() {
    let (sandbox, _) = home("shop");
    fs::create_dir(sandbox.path("tree/c08/web/empty")).unwrap();
    let empty = sandbox.path("tree/c08/web/empty");
    fs::set_permissions(empty, Permissions::from_mode(0o755)).unwrap();
    let document =
        sandbox.json("why ./cache#c07 --build provenance/c08.json --context tree/c08 --json");
    let root = &document["root_causes"][0];
    assert_eq!(
        (&root["kind"], &root["paths"]),
        (&"file-added".into(), &json!(["web/empty/"])),
        "{root}"
    );
}
