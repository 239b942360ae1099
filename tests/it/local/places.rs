//! Locations that are not a cache, or a cache whose own files cannot be used.

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::add_main;
use crate::support::command::Sandbox;
use crate::support::layout::LayoutBuilder;

/// Creates a pipe without a writer.
pub(super) fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Creates a character device like `/dev/null`. Only root can do that.
pub(super) fn make_device(path: &Path) -> bool {
    Command::new("mknod")
        .arg(path)
        .args(["c", "1", "3"])
        .output()
        .unwrap()
        .status
        .success()
}

/// A name and a change to a layout.
type Case<'a> = (&'a str, &'a dyn Fn(&LayoutBuilder));

/// Runs `du` on a complete layout with the damage of each of `cases`.
fn report(cases: &[Case<'_>]) -> String {
    let mut report = String::new();
    for (name, damage) in cases {
        let sandbox = Sandbox::new();
        let mut layout = sandbox.layout();
        add_main(&mut layout);
        damage(&layout);
        let run = sandbox.run("du ./cache");
        assert_eq!(run.stdout, "", "{name}");
        // The same in JSON: a document with the failure, and the same exit code.
        let json = sandbox.run("du --json ./cache");
        assert_eq!(
            (json.code, json.stderr.as_str()),
            (run.code, run.stderr.as_str()),
            "{name}"
        );
        let failure = &json.json()["errors"][0];
        assert!(
            run.stderr.contains(failure["message"].as_str().unwrap()),
            "{name}: {failure}"
        );
        writeln!(report, "# {name}\n{run}").unwrap();
    }
    report
}

#[test]
fn a_directory_without_a_layout_is_an_error() {
    let remove = |layout: &LayoutBuilder| fs::remove_dir_all(layout.path("")).unwrap();
    let cases: &[Case<'_>] = &[
        ("nothing there", &remove),
        ("a file", &|layout| {
            remove(layout);
            fs::write(
                layout
                    .path("")
                    .as_os_str()
                    .to_str()
                    .unwrap()
                    .trim_end_matches('/'),
                "hello",
            )
            .unwrap();
        }),
        ("an empty folder", &|layout| {
            remove(layout);
            fs::create_dir(layout.path("")).unwrap();
        }),
        ("a folder with other things", &|layout| {
            remove(layout);
            layout.write("src/main.rs", "fn main() {}");
            layout.write("package.json", "{}");
        }),
        ("a link to nothing", &|layout| {
            remove(layout);
            symlink(
                "nowhere",
                layout
                    .path("")
                    .as_os_str()
                    .to_str()
                    .unwrap()
                    .trim_end_matches('/'),
            )
            .unwrap();
        }),
    ];
    insta::assert_snapshot!(report(cases), @r"
    # nothing there
    error: cache does not exist
      hint: name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`
    exit 1
    # a file
    error: cache is not an OCI image layout: it is not a directory
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # an empty folder
    error: cache is not an OCI image layout: it has no index.json
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # a folder with other things
    error: cache is not an OCI image layout: it has no index.json
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # a link to nothing
    error: cache does not exist
      hint: name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`
    exit 1
    ");
}

#[test]
fn a_layout_with_unusable_files_of_its_own_is_refused() {
    let index =
        |content: &'static str| move |layout: &LayoutBuilder| layout.write("index.json", content);
    let marker =
        |content: &'static str| move |layout: &LayoutBuilder| layout.write("oci-layout", content);
    let replaced = |layout: &LayoutBuilder, name: &str| {
        fs::remove_file(layout.path(name)).unwrap();
        layout.path(name)
    };
    let cases: &[Case<'_>] = &[
        ("index.json is missing", &|layout| {
            drop(replaced(layout, "index.json"));
        }),
        ("index.json is empty", &index("")),
        (
            "index.json is cut short",
            &index(r#"{"schemaVersion":2,"manifests":[{"digest":"sha"#),
        ),
        (
            "index.json is of another version",
            &index(r#"{"schemaVersion":1,"manifests":[]}"#),
        ),
        ("index.json has no version", &index(r#"{"manifests":[]}"#)),
        (
            "index.json is of another type",
            &index(r#"{"schemaVersion":2,"mediaType":"a\u001b[2Jb\u202e"}"#),
        ),
        ("index.json is a list", &index("[]")),
        (
            "index.json has something after it",
            &index(r#"{"schemaVersion":2,"manifests":[]}{}"#),
        ),
        (
            "a size beyond 64 bits",
            &index(r#"{"schemaVersion":2,"manifests":[{"size":18446744073709551616}]}"#),
        ),
        (
            "a size that is text",
            &index(r#"{"schemaVersion":2,"manifests":[{"size":"12"}]}"#),
        ),
        ("index.json is a pipe", &|layout| {
            make_fifo(&replaced(layout, "index.json"));
        }),
        ("index.json is a folder", &|layout| {
            fs::create_dir(replaced(layout, "index.json")).unwrap();
        }),
        ("index.json is a link to itself", &|layout| {
            symlink("index.json", replaced(layout, "index.json")).unwrap();
        }),
        ("index.json is huge", &|layout| {
            File::create(layout.path("index.json"))
                .unwrap()
                .set_len(1 << 40)
                .unwrap();
        }),
        ("index.json lists too much", &|layout| {
            let many = "{},".repeat(1_000_001);
            layout.write(
                "index.json",
                format!(r#"{{"schemaVersion":2,"manifests":[{many}{{}}]}}"#),
            );
        }),
        (
            "oci-layout is of another version",
            &marker(r#"{"imageLayoutVersion":"2.0.0"}"#),
        ),
        ("oci-layout is empty", &marker("")),
        ("oci-layout is no JSON", &marker("1.0.0")),
        ("oci-layout is a pipe", &|layout| {
            make_fifo(&replaced(layout, "oci-layout"));
        }),
        ("neither of the two files", &|layout| {
            replaced(layout, "index.json");
            replaced(layout, "oci-layout");
        }),
    ];
    insta::assert_snapshot!(report(cases), @r#"
    # index.json is missing
    error: cache is not an OCI image layout: it has no index.json; did its first export end early?
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # index.json is empty
    error: cannot use cache/index.json
      because: the file is empty
      hint: the next build that exports to the directory writes the file again
    exit 1
    # index.json is cut short
    error: cannot use cache/index.json
      because: EOF while parsing a string at line 1 column 46
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # index.json is of another version
    error: cannot use cache/index.json
      because: schemaVersion is `1`; only `2` is known
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # index.json has no version
    error: cannot use cache/index.json
      because: schemaVersion is `0`; only `2` is known
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # index.json is of another type
    error: cannot use cache/index.json
      because: mediaType is `a␛[2Jb<U+202E>`; only `application/vnd.oci.image.index.v1+json` is known
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # index.json is a list
    error: cannot use cache/index.json
      because: invalid type: sequence, expected an object at line 1 column 2
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # index.json has something after it
    error: cannot use cache/index.json
      because: trailing characters at line 1 column 35
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # a size beyond 64 bits
    error: cannot use cache/index.json
      because: invalid type: floating point `1.8446744073709552e+19`, expected i64 at line 1 column 60
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # a size that is text
    error: cannot use cache/index.json
      because: invalid type: string "12", expected i64 at line 1 column 44
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # index.json is a pipe
    error: cache is not an OCI image layout: its index.json is not a plain file
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # index.json is a folder
    error: cache is not an OCI image layout: its index.json is not a plain file
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # index.json is a link to itself
    error: cannot read cache/index.json
      because: a symbolic link inside a cache is not followed
    exit 1
    # index.json is huge
    error: cache/index.json is 1099511627776 bytes, more than the limit of 16777216
    exit 1
    # index.json lists too much
    error: cannot use cache/index.json
      because: a list has more than 1000000 elements at line 1 column 3000035
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # oci-layout is of another version
    error: cannot use cache/oci-layout
      because: imageLayoutVersion is `2.0.0`; only `1.0.0` is known
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # oci-layout is empty
    error: cannot use cache/oci-layout
      because: the file is empty
      hint: the next build that exports to the directory writes the file again
    exit 1
    # oci-layout is no JSON
    error: cannot use cache/oci-layout
      because: invalid type: floating point `1.0`, expected an object at line 1 column 3
      hint: builds cannot use the directory either: restore the file, or export to a new directory
    exit 1
    # oci-layout is a pipe
    error: cache is not an OCI image layout: its oci-layout is not a plain file
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    # neither of the two files
    error: cache is not an OCI image layout: it has no index.json
      hint: a local cache is a directory with oci-layout, index.json and blobs/, as type=local writes it
    exit 1
    "#);
}

#[test]
fn a_device_instead_of_index_json_is_not_read() {
    let sandbox = Sandbox::new();
    let layout = sandbox.layout();
    fs::remove_file(layout.path("index.json")).unwrap();
    // A link to a device is equivalent, and needs no special rights.
    if !make_device(&layout.path("index.json")) {
        symlink("/dev/zero", layout.path("index.json")).unwrap();
    }
    let run = sandbox.run("ls ./cache");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.starts_with(
        "error: cache is not an OCI image layout: its index.json is not a plain file\n"
    ));
}

#[test]
fn a_layout_without_its_marker_can_be_imported() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    fs::remove_file(layout.path("oci-layout")).unwrap();
    assert_eq!(super::usage(&sandbox)["live"]["blobs"], 4);
}

#[test]
fn a_layout_without_refs_is_all_orphans() {
    let sandbox = Sandbox::new();
    let layout = sandbox.layout();
    layout.layer("a", 100);
    let usage = super::usage(&sandbox);
    assert_eq!(
        (&usage["refs"], &usage["orphan"]["bytes"]),
        (&0.into(), &100.into())
    );
    let run = sandbox.run("ls ./cache");
    assert_eq!(
        run.to_string(),
        "no refs: nothing has been exported here yet\nexit 0"
    );
    let run = sandbox.run("show ./cache");
    assert_eq!(
        (run.to_string().as_str(), run.code),
        ("error: ./cache has no refs\nexit 1", Some(1))
    );
}

#[test]
fn permission_errors_have_a_hint() {
    let cases = [
        ("", 0o000),
        ("index.json", 0o000),
        ("blobs", 0o000),
        ("blobs/sha256", 0o000),
        ("blobs/sha256", 0o444),
    ];
    let mut report = String::new();
    for (path, mode) in cases {
        let sandbox = Sandbox::obeying_modes();
        let mut layout = sandbox.layout();
        add_main(&mut layout);
        let denied = layout.path(path);
        let before = fs::metadata(&denied).unwrap().permissions();
        fs::set_permissions(&denied, Permissions::from_mode(mode)).unwrap();
        let run = sandbox.run("du ./cache");
        fs::set_permissions(&denied, before).unwrap();
        writeln!(report, "# ./cache/{path} {mode:o}\n{run}").unwrap();
    }
    insta::assert_snapshot!(report, @r"
    # ./cache/ 0
    error: cannot read cache/oci-layout
      because: Permission denied (os error 13)
      hint: BuildKit may have written it as another user; run as that user, or change the permissions
    exit 1
    # ./cache/index.json 0
    error: cannot read cache/index.json
      because: Permission denied (os error 13)
      hint: BuildKit may have written it as another user; run as that user, or change the permissions
    exit 1
    # ./cache/blobs 0
    error: cannot read cache/blobs
      because: Permission denied (os error 13)
      hint: BuildKit may have written it as another user; run as that user, or change the permissions
    exit 1
    # ./cache/blobs/sha256 0
    error: cannot read cache/blobs/sha256
      because: Permission denied (os error 13)
      hint: BuildKit may have written it as another user; run as that user, or change the permissions
    exit 1
    # ./cache/blobs/sha256 444
    error: cannot read cache/blobs/sha256
      because: Permission denied (os error 13)
      hint: BuildKit may have written it as another user; run as that user, or change the permissions
    exit 1
    ");
}
