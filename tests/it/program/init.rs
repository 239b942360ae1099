//! `init`: a configuration from the caches that a repository declares.

use std::fs;

use crate::support::command::Sandbox;

fn repository() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path(".github/workflows")).unwrap();
    let workflow = "jobs:\n  a:\n    runs-on: x\n    steps:\n\
        \x20     - run: docker buildx build --cache-from type=registry,ref=ghcr.io/acme/app:cache --cache-to type=registry,ref=ghcr.io/acme/app:cache,mode=max .\n\
        \x20     - run: docker buildx build --cache-from type=registry,ref=ghcr.io/acme/app:pr-$NUMBER .\n\
        \x20     - run: docker buildx build --cache-from type=registry,ref=ghcr.io/$OWNER/app:x .\n\
        \x20     - run: docker buildx build --cache-to type=local,dest=./cache .\n";
    fs::write(sandbox.path(".github/workflows/build.yml"), workflow).unwrap();
    sandbox
}

#[test]
fn init_writes_a_configuration_with_the_declared_caches() {
    let sandbox = repository();
    let mut layout = sandbox.layout();
    layout.tag("v1.2", &layout.chain(&[layout.layer("a", 100)]));
    let printed = sandbox.run("init --stdout");
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(!sandbox.path("cachelens.toml").exists());
    insta::assert_snapshot!(printed.stdout, @r#"
    # Written by `cachelens init`. `cachelens help config` explains the keys.

    # The caches that this repository declares.
    sources = [
        # .github/workflows/build.yml:5
        "ghcr.io/acme/app:cache",
        # .github/workflows/build.yml:6
        "ghcr.io/acme/app:pr-*",
        # .github/workflows/build.yml:8
        "./cache",
    ]

    # Declared as well, and not usable as a source here:
    #   type=registry,ref=ghcr.io/*/app:x
    #     .github/workflows/build.yml:7: its place is known to the build only

    # Which refs `cachelens prune SOURCE` keeps, by the names that are in use here. Look at the plan that
    # it prints: nothing is deleted without --yes, and a ref that no rule matches stays.
    # `cachelens help prune` explains the rules.
    [retention]
    # Nothing that changed more recently is deleted, whatever a rule says.
    grace = "48h"

    # Names that builds write again and again.
    [[retention.rule]]
    name = "main and releases"
    match = { ref = ["cache", "v[0-9]*"] }
    action = "protect"

    # Keeps the newest 20, and all that are younger than two weeks.
    [[retention.rule]]
    name = "pull requests"
    match = { ref = ["pr-*"] }
    keep = { last = 20, within = "14d" }
    "#);
    let written = sandbox.run("init");
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let file = fs::read_to_string(sandbox.path("cachelens.toml")).unwrap();
    assert_eq!(file, printed.stdout);
    assert_eq!(written.stdout, format!("{file}\nwrote ./cachelens.toml\n"));
    let check = sandbox.run("config check");
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    let again = sandbox.run("init");
    insta::assert_snapshot!(again, @r"
    ./cachelens.toml says all of this already
    exit 0
    ");
}

#[test]
fn init_shows_the_file_that_it_would_replace() {
    let sandbox = repository();
    let old = "# mine\nsources = [\"./other\"]\n";
    fs::write(sandbox.path("cachelens.toml"), old).unwrap();
    let refused = sandbox.run("init");
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stdout.contains("\n-sources = [\"./other\"]\n"),
        "{refused}"
    );
    assert!(
        refused.stdout.contains("\n+    \"./cache\",\n"),
        "{refused}"
    );
    insta::assert_snapshot!(refused.stderr, @r"
    error: ./cachelens.toml exists already
      hint: `cachelens init --yes` replaces it and keeps the old file as cachelens.toml.bak
    ");
    let read = |name: &str| fs::read_to_string(sandbox.path(name)).unwrap();
    assert_eq!(read("cachelens.toml"), old);
    let replaced = sandbox.run("init --yes");
    assert_eq!(replaced.code, Some(0), "{replaced}");
    assert!(
        replaced.stdout.contains("\n-sources = [\"./other\"]\n"),
        "{replaced}"
    );
    assert_eq!(read("cachelens.toml.bak"), old);
    assert!(read("cachelens.toml").contains("\"ghcr.io/acme/app:pr-*\""));
}

#[test]
fn init_reports_that_nothing_is_declared() {
    let run = Sandbox::new().run("init");
    insta::assert_snapshot!(run, @r"
    error: no cache is declared in .
      hint: `cachelens help config` shows how a cachelens.toml is written by hand
    exit 1
    ");
}

#[test]
fn init_lists_each_cache_without_a_source_once() {
    let sandbox = Sandbox::new();
    let compose = "x-build: &build\n  context: .\n  cache_from: ['${REGISTRY}/base:main']\n  \
        cache_to: [type=inline]\nservices:\n  a:\n    build: *build\n  b:\n    build: *build\n  \
        c:\n    build:\n      context: .\n      cache_to: [type=inline]\n";
    fs::write(sandbox.path("compose.yaml"), compose).unwrap();
    let printed = sandbox.run("init --stdout");
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let (_, rest) = printed.stdout.split_once("sources = [\n]\n\n").unwrap();
    let (list, _) = rest.split_once("\n\n").unwrap();
    insta::assert_snapshot!(list, @r"
    # Declared as well, and not usable as a source here:
    #   type=registry,ref=*/base:main
    #     compose.yaml:3: its place is known to the build only
    #   type=inline
    #     compose.yaml:4, compose.yaml:13: it is in the image that the build pushes; add that image to the sources
    ");
}
