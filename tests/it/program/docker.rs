//! The program as a plugin of the docker CLI.

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
fn docker_learns_what_the_plugin_is() {
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
    let own = sandbox.run(&["docker-cli-plugin-metadata"]);
    assert_eq!(own.code, Some(2), "{own}");
}

#[test]
fn docker_runs_commands_of_the_plugin() {
    let sandbox = Sandbox::new();
    let plain = sandbox.run(&["du", "demo"]);
    let arguments = ["--context", "ci", "cachelens", "du", "demo"];
    assert_eq!(docker(&sandbox, &arguments).stdout, plain.stdout);
    assert_eq!(
        docker(&sandbox, &["cachelens", "du", "demo"]).stdout,
        plain.stdout
    );
}
