//! Small things that people stumble over.

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;

#[test]
fn a_command_after_a_source_is_pointed_out() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    insta::assert_snapshot!(sandbox.run("./cache ls"), @r"
    error: the command `ls` stands after a source
      hint: write it first, as in `cachelens ls SOURCE`
    exit 2
    ");
    // A directory of that name is a source.
    std::fs::create_dir(sandbox.path("ls")).unwrap();
    let run = sandbox.run("./cache ls");
    assert!(
        run.stderr.contains("ls is not an OCI image layout"),
        "{run}"
    );
}

#[test]
fn times_for_people_have_no_fractions_of_seconds() {
    let run = Sandbox::new().run("show demo#main");
    let line = run.stdout.lines().find(|line| line.starts_with("age "));
    let line = line.unwrap_or_else(|| panic!("{run}"));
    let time = line.split_once('(').unwrap().1;
    assert!(
        time.contains("Z, from the ") && !time.contains('.'),
        "{line}"
    );
}

#[test]
fn a_name_that_does_not_resolve_is_reported_once() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("ls registry.invalid/acme/app:cache --timeout 60s");
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.stderr.matches("because:").count(), 1, "{run}");
}

#[test]
fn the_long_version_has_the_target_platform() {
    let sandbox = Sandbox::new();
    let long = sandbox.run("--version").stdout;
    assert!(long.contains(std::env::consts::ARCH), "{long}");
    assert_eq!(
        sandbox.run("-V").stdout,
        format!("cachelens {}\n", env!("CARGO_PKG_VERSION"))
    );
}
