//! The advice on a ref from which builds get nothing names a previous version, and the command to
//! type.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::ended;
use crate::repair::gha;
use crate::repair::local::cache;
use crate::repair::restore::Versions;
use crate::support::command::{Run, Sandbox};
use crate::support::gha::Github;
use crate::support::layout::digest_of;
use crate::support::s3::{S3Server, Service};

/// Returns the command in backticks that restores a version, from the advice on a finding.
fn typed(report: &Value, code: &str) -> String {
    let findings = report["findings"].as_array().unwrap().iter();
    let mut of_code = findings.filter(|finding| finding["code"] == code);
    let finding = of_code.next().unwrap_or_else(|| panic!("{report}"));
    let hint = finding["hint"].as_str().unwrap();
    let mut quoted = hint.split('`').skip(1).step_by(2);
    let command = quoted.find(|text| text.contains(" --restore "));
    command.unwrap_or_else(|| panic!("{hint}")).to_owned()
}

/// Runs a command as a shell does, with `--yes` and the environment of `program`.
fn type_in(sandbox: &Sandbox, program: &Command, command: &str) -> Run {
    let script = format!("cachelens() {{ \"$PROGRAM\" \"$@\"; }}; {command} --yes --json");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("PROGRAM", program.get_program())
        .current_dir(sandbox.path(""));
    let variables = program.get_envs();
    shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    Run::new(shell.output().unwrap())
}

#[test]
fn in_a_directory() {
    for damage in ["config-missing", "manifest-missing", "empty-cache"] {
        let versions = Versions::with_dropped_version();
        let [older, newer] = &versions.manifests;
        let sandbox = &versions.sandbox;
        let dir = sandbox.path("cache");
        versions.name(&[("main", newer)]);
        match damage {
            "config-missing" => versions.lose_config(newer),
            "manifest-missing" => {
                let place = digest_of(newer).replace(':', "/");
                fs::remove_file(dir.join("blobs").join(place)).unwrap();
            }
            _ => {
                let empty = sandbox.layout().chain(&[]);
                versions.name(&[("main", &empty)]);
            }
        }
        let check = ["check", "./cache", "--json"];
        let report = ended(&versions.sandbox.run(&check), 3);
        let command = typed(&report, damage);
        let expected = format!(
            "cachelens repair ./cache#main --restore {}",
            digest_of(older)
        );
        assert_eq!(command, expected);
        let done = type_in(sandbox, &sandbox.command(), &command);
        assert_eq!(done.code, Some(0), "{done}");
        assert_eq!(versions.points_to(), digest_of(older));
        assert!(!cache(&dir, "main").hits(|_| true).unwrap().is_empty());
    }
}

#[test]
fn no_previous_version_is_suggested_without_one() {
    let versions = Versions::new();
    versions.name(&[("main", &versions.manifests[1])]);
    versions.lose_config(&versions.manifests[1]);
    let report = ended(&versions.sandbox.run("check ./cache --json"), 3);
    assert!(!report.to_string().contains("--restore"), "{report}");
}

#[test]
fn in_a_bucket_that_keeps_versions() {
    let (server, bucket) = S3Server::with(Service::Moto, "mini");
    server.keep_versions(&bucket);
    let sandbox = Sandbox::new();
    let source = server.source(&bucket);
    let names = server.names(&bucket, "manifests/");
    let key = format!("manifests/{}", names.first().unwrap());
    let sound = server.read(&bucket, &key).unwrap();
    server.put(&bucket, &key, b"not a cache");
    let check = S3Server::run(&sandbox, format!("check {source} --json"));
    let command = typed(&ended(&check, 3), "manifest-unreadable");
    let done = type_in(&sandbox, &S3Server::command(&sandbox), &command);
    assert_eq!(done.code, Some(0), "{command} {done}");
    assert_eq!(server.read(&bucket, &key).unwrap(), sound);
}

#[test]
fn in_a_job_of_github() {
    let server = Github::of_fixture("mini");
    let sound = gha::newest(&server);
    server.add_index("mini", "refs/heads/main", 99, 0, b"not a cache");
    let sandbox = Sandbox::new();
    let mut check = server.in_job(&sandbox);
    check.args(["check", gha::SOURCE, "--json"]);
    let check = Run::new(check.output().unwrap());
    let command = typed(&ended(&check, 3), "manifest-unreadable");
    let done = type_in(&sandbox, &server.in_job(&sandbox), &command);
    assert_eq!(done.code, Some(0), "{command} {done}");
    assert_eq!(gha::newest(&server).config, sound.config);
}
