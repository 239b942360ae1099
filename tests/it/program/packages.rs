//! What packages are made from: each file that they name exists, and says what the program is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::Sandbox;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn manifest() -> toml::Table {
    fs::read_to_string(root().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn the_debian_package_has_files_that_exist() {
    let manifest = manifest();
    let deb = &manifest["package"]["metadata"]["deb"];
    let mut count = 0;
    for asset in deb["assets"].as_array().unwrap() {
        let path = asset[0].as_str().unwrap();
        // Those are built first.
        if !path.starts_with("target/") {
            assert!(root().join(path).is_file(), "{path}");
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}

#[test]
fn the_manual_pages_of_the_package_are_written() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("man --out man");
    assert_eq!(run.code, Some(0), "{run}");
    for section in [".1", ".7"] {
        assert!(run.stdout.lines().any(|page| page.ends_with(section)));
    }
    // Hidden commands have none.
    assert!(!run.stdout.contains("cachelens-complete.1"), "{run}");
}

#[test]
fn the_crate_package_includes_every_file_of_its_build() {
    let manifest = manifest();
    let include = manifest["package"]["include"].as_array().unwrap();
    let include: Vec<&str> = include.iter().map(|path| path.as_str().unwrap()).collect();
    for path in ["/src", "/assets", "/LICENSE", "/README.md"] {
        assert!(include.contains(&path), "{path}");
        assert!(root().join(&path[1..]).exists(), "{path}");
    }
    let bench = manifest["bench"][0]["path"].as_str().unwrap();
    let folder = Path::new("/").join(Path::new(bench).parent().unwrap());
    assert!(include.contains(&folder.to_str().unwrap()), "{bench}");
}

#[test]
fn the_test_of_the_formula_matches_the_output() {
    let formula = fs::read_to_string(root().join(".ci/packaging/cachelens.rb")).unwrap();
    let test = formula.split("assert_match \"").nth(1).unwrap();
    let wanted = test.split('"').next().unwrap();
    let run = Sandbox::new().run("du demo");
    assert!(run.stdout.contains(wanted), "{wanted}: {run}");
}
