use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;

fn tree(files: &[&str]) -> TempDir {
    let root = TempDir::new().unwrap();
    for file in files {
        let path = root.path().join(file);
        if let Some(folder) = file.strip_suffix('/') {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        } else if let Some((link, target)) = file.split_once(" -> ") {
            symlink(target, root.path().join(link)).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
    }
    root
}

fn paths(root: &TempDir, rules: &Rules) -> Vec<String> {
    let (mut files, problems) = read(root.path(), std::slice::from_ref(rules));
    assert!(problems.is_empty(), "{problems:?}");
    let files = files.pop().unwrap().unwrap();
    files.entries()[1..]
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
        .collect()
}

fn list(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

#[test]
fn the_context_has_only_files_that_the_ignore_rules_allow() {
    let root = tree(&[
        "a/b/c.go",
        "a/b/d.txt",
        "a/e.txt",
        "empty/",
        "x.log",
        "node_modules/m/index.js",
    ]);
    let all = [
        "a",
        "a/b",
        "a/b/c.go",
        "a/b/d.txt",
        "a/e.txt",
        "empty",
        "node_modules",
        "node_modules/m",
    ];
    assert_eq!(paths(&root, &Rules::default())[..8], all);
    let exclude = |patterns: &[&str]| {
        paths(
            &root,
            &Rules {
                exclude: list(patterns),
                ..Rules::default()
            },
        )
    };
    assert_eq!(
        exclude(&["node_modules", "**/*.txt", "*.log"]),
        ["a", "a/b", "a/b/c.go", "empty"]
    );
    // An excluded folder is sent together with the files that are exceptions from the exclusion.
    assert_eq!(exclude(&["*", "!a/b/*.go"]), ["a", "a/b", "a/b/c.go"]);
    assert_eq!(exclude(&["**", "!a/e.txt"]), ["a", "a/e.txt"]);
    let include = |patterns: &[&str]| {
        paths(
            &root,
            &Rules {
                include: list(patterns),
                ..Rules::default()
            },
        )
    };
    assert_eq!(include(&["a/b"]), ["a", "a/b", "a/b/c.go", "a/b/d.txt"]);
    assert_eq!(
        include(&["**/*.js"]),
        ["node_modules", "node_modules/m", "node_modules/m/index.js"]
    );
    assert_eq!(include(&["none"]), Vec::<String>::new());
}

#[test]
fn links_to_requested_files_are_followed() {
    let root = tree(&[
        "real/src/main.rs",
        "real/other",
        "link -> real",
        "abs -> /real/src",
        "up -> ../../real/other",
        "l1 -> l2",
        "l2 -> l1",
        "d/x.c",
        "d/y.c -> ../real/other",
    ]);
    let follow = |patterns: &[&str]| {
        paths(
            &root,
            &Rules {
                follow: list(patterns),
                ..Rules::default()
            },
        )
    };
    assert_eq!(
        follow(&["link/src"]),
        ["link", "real", "real/src", "real/src/main.rs"]
    );
    assert_eq!(
        follow(&["abs"]),
        ["abs", "real", "real/src", "real/src/main.rs"]
    );
    assert_eq!(follow(&["up"]), ["real", "real/other", "up"]);
    assert_eq!(follow(&["l1", "missing"]), ["l1", "l2"]);
    assert_eq!(
        follow(&["d/*.c"]),
        ["d", "d/x.c", "d/y.c", "real", "real/other"]
    );
    assert_eq!(follow(&["d", "."]).len(), 12);
}

#[test]
fn files_of_every_kind_have_the_digest_that_a_builder_gives_them() {
    let root = tree(&["plain", "twin/", "lnk -> plain"]);
    fs::hard_link(root.path().join("plain"), root.path().join("twin/hard")).unwrap();
    fs::set_permissions(
        root.path().join("plain"),
        fs::Permissions::from_mode(0o4711),
    )
    .unwrap();
    fs::set_permissions(root.path().join("twin"), fs::Permissions::from_mode(0o1755)).unwrap();
    let _socket = UnixListener::bind(root.path().join("socket")).unwrap();
    let mode = fs::metadata(root.path().join("socket"))
        .unwrap()
        .permissions()
        .mode()
        & 0o7777;
    rustix::fs::mkfifoat(rustix::fs::CWD, root.path().join("fifo"), 0o644.into()).unwrap();
    let odd = OsStr::from_bytes(b"\xff\xfe");
    fs::write(root.path().join(odd), "odd").unwrap();
    let (files, problems) = read(root.path(), &[Rules::default()]);
    assert!(problems.is_empty(), "{problems:?}");
    let files = files.into_iter().next().unwrap().unwrap();
    let digest = |path: &[u8]| files.entry(path).unwrap().digest.unwrap();
    let hashed = |text: String| crate::format::digest::Digest::of(text.as_bytes());
    let tail = "unamegnamedevmajor0devminor0";
    assert_eq!(
        digest(b"plain"),
        hashed(format!(
            "namemode2505uid0gid0size5typeflag0linkname{tail}plain"
        ))
    );
    assert_eq!(digest(b"plain"), digest(b"twin/hard"));
    assert_eq!(
        digest(b"twin"),
        hashed(format!("namemode1005uid0gid0size0typeflag5linkname{tail}"))
    );
    assert_eq!(
        digest(b"lnk"),
        hashed(format!(
            "namemode511uid0gid0size0typeflag2linknameplain{tail}"
        ))
    );
    assert_eq!(
        digest(b"socket"),
        hashed(format!(
            "namemode{mode}uid0gid0size0typeflag0linkname{tail}"
        ))
    );
    let fifo = fs::metadata(root.path().join("fifo"))
        .unwrap()
        .permissions()
        .mode()
        & 0o7777;
    assert_eq!(
        digest(b"fifo"),
        hashed(format!(
            "namemode{fifo}uid0gid0size0typeflag6linkname{tail}"
        ))
    );
    assert!(files.digest(b"").is_some() && files.entry(b"\xff\xfe").is_some());
}

#[test]
fn extended_attributes_are_part_of_the_digest() {
    let root = tree(&["a"]);
    let path = root.path().join("a");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&path, "user.note", b"hi", flags).unwrap();
    let (files, _) = read(root.path(), &[Rules::default()]);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
    let text = format!(
        "namemode{mode}uid0gid0size1typeflag0linknameunamegnamedevmajor0devminor0user.notehia"
    );
    let expected = crate::format::digest::Digest::of(text.as_bytes());
    assert_eq!(
        files[0].as_ref().unwrap().entry(b"a").unwrap().digest,
        Some(expected)
    );
}

#[test]
fn an_unusable_context_directory_is_an_error_with_a_reason() {
    let root = tree(&["file"]);
    let error = |path: &Path, rules: Rules| {
        let (files, mut problems) = read(path, &[rules]);
        assert!(files[0].is_none());
        problems.remove(0).error.to_string()
    };
    assert_eq!(
        error(&root.path().join("file"), Rules::default()),
        "not a directory"
    );
    assert_eq!(
        error(&root.path().join("none"), Rules::default()),
        "cannot read it"
    );
    let malformed = Rules {
        exclude: list(&["a["]),
        ..Rules::default()
    };
    assert_eq!(
        error(root.path(), malformed),
        "the pattern `a[` is malformed"
    );
}

#[test]
fn the_ignore_file_of_the_dockerfile_has_priority() {
    let root = tree(&["sub/"]);
    let at = |name: &str| root.path().join(name);
    let read = || ignored(root.path(), Some(&at("sub/app.Dockerfile"))).unwrap();
    assert_eq!(read(), None);
    fs::write(at(".dockerignore"), "/a\n#x\n").unwrap();
    assert_eq!(read(), Some(list(&["a"])));
    fs::write(at("sub/app.Dockerfile.dockerignore"), "b\n").unwrap();
    assert_eq!(read(), Some(list(&["b"])));
}

#[test]
fn the_next_build_may_ignore_other_files_of_its_contexts() {
    let main = tree(&["a", "b"]);
    let extra = tree(&["c"]);
    let steps = r#"{"id":"m","op":{"Op":{"source":{"identifier":"local://context","attrs":{"local.excludepatterns":"[\"a\"]"}}}}},
        {"id":"x","op":{"Op":{"source":{"identifier":"local://_extra"}}}},
        {"id":"y","op":{"Op":{"source":{"identifier":"local://elsewhere"}}}}"#;
    let text = format!(
        r#"{{"buildType":"x","invocation":{{"parameters":{{"args":{{"context:extra::linux/amd64":"local:_extra"}}}}}},
            "buildConfig":{{"llbDefinition":[{steps}]}}}}"#
    );
    let build = Build::parse(text.as_bytes()).unwrap();
    let mut directories = Directories {
        main: Some(main.path().to_owned()),
        named: [("extra".to_owned(), extra.path().to_owned())].into(),
        ignores_anew: false,
    };
    let sent = |directories: &Directories, step: u32| -> Vec<String> {
        let contexts = load(&build, directories);
        assert_eq!(contexts.missing, ["elsewhere"]);
        let files = &contexts.files[&StepOutput {
            step: StepIndex(step),
            output: 0,
        }];
        files.entries()[1..]
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
            .collect()
    };
    assert_eq!(
        (sent(&directories, 0), sent(&directories, 1)),
        (list(&["b"]), list(&["c"]))
    );
    fs::write(main.path().join(".dockerignore"), "b\n.dockerignore\n").unwrap();
    assert!(load(&build, &directories).ignores_others);
    assert_eq!(sent(&directories, 0), list(&[".dockerignore", "b"]));
    directories.ignores_anew = true;
    assert!(load(&build, &directories).ignores_others);
    assert_eq!(
        (sent(&directories, 0), sent(&directories, 1)),
        (list(&["a"]), list(&["c"]))
    );
}
