//! The program as a plugin of the docker CLI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::command::{Run, Sandbox};

/// Runs the program as docker does: under the name of the plugin.
fn docker(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    let plugin = sandbox.path("docker-cachelens");
    if !plugin.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cachelens"), &plugin).unwrap();
    }
    let mut command = Command::new(plugin);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", sandbox.path(""))
        .env("TZ", "UTC")
        .current_dir(sandbox.path(""));
    Run::new(command.output().unwrap())
}

#[test]
fn docker_reads_the_metadata_of_the_plugin() {
    let sandbox = Sandbox::new();
    let run = docker(&sandbox, &["docker-cli-plugin-metadata"]);
    assert_eq!(run.code, Some(0), "{run}");
    let metadata: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(metadata["SchemaVersion"], "0.1.0");
    assert_eq!(metadata["Version"], env!("CARGO_PKG_VERSION"));
    for field in ["Vendor", "ShortDescription", "URL"] {
        assert!(!metadata[field].as_str().unwrap().is_empty(), "{metadata}");
    }
    // Under its own name the program has no such command.
    let own = sandbox.run("docker-cli-plugin-metadata");
    assert_eq!(own.code, Some(2), "{own}");
}

#[test]
fn docker_runs_commands_of_the_plugin() {
    let sandbox = Sandbox::new();
    let plain = sandbox.run("du demo");
    let arguments = ["--context", "ci", "cachelens", "du", "demo"];
    assert_eq!(docker(&sandbox, &arguments).stdout, plain.stdout);
    assert_eq!(
        docker(&sandbox, &["cachelens", "du", "demo"]).stdout,
        plain.stdout
    );
}

/// The docker CLI of the path, or the one that `tests/run` fetches.
fn docker_cli() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/docker/usr/bin");
    let folders = std::env::split_paths(&path).chain([fetched]);
    let mut programs = folders.map(|folder| folder.join("docker"));
    let found = programs.find(|program| program.is_file());
    found.expect("the tests need the docker CLI; tests/run fetches it")
}

/// Runs the real docker CLI, which finds the plugin in its configuration directory.
fn real_docker(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    let plugins = sandbox.path(".docker/cli-plugins");
    fs::create_dir_all(&plugins).unwrap();
    let plugin = plugins.join("docker-cachelens");
    if !plugin.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cachelens"), &plugin).unwrap();
    }
    let mut command = Command::new(docker_cli());
    command
        .args(arguments)
        .env_clear()
        .env("HOME", sandbox.path(""))
        .env("TZ", "UTC")
        .current_dir(sandbox.path(""));
    Run::new(command.output().unwrap())
}

#[test]
fn the_docker_cli_lists_and_runs_the_plugin() {
    let sandbox = Sandbox::new();
    let help = real_docker(&sandbox, &["--help"]);
    assert!(
        help.stdout
            .lines()
            .any(|line| line.trim_start().starts_with("cachelens*")),
        "{help}"
    );
    assert!(!help.stdout.contains("Invalid Plugins"), "{help}");
    let plain = sandbox.run("du demo");
    let run = real_docker(&sandbox, &["cachelens", "du", "demo"]);
    assert_eq!((run.code, &run.stdout), (Some(0), &plain.stdout), "{run}");
    // Exit codes and errors come through.
    let failed = real_docker(&sandbox, &["cachelens", "du", "./nowhere"]);
    assert_eq!(failed.code, sandbox.run("du ./nowhere").code, "{failed}");
    assert!(failed.stderr.contains("nowhere does not exist"), "{failed}");
}
