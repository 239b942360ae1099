//! The repository and the token for a source that names neither.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::{json, run, shop};
use crate::support::command::Sandbox;
use crate::support::gha::{Github, TOKEN};

/// Runs git in the home folder.
fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let done = Command::new("git")
        .args(arguments)
        .current_dir(sandbox.path("."))
        .env("HOME", sandbox.path("."))
        .status()
        .unwrap();
    assert!(done.success(), "git {arguments:?}");
}

/// Makes the home folder a repository with this remote.
fn with_remote(sandbox: &Sandbox, address: &str) {
    git(sandbox, &["init", "-q"]);
    git(sandbox, &["remote", "add", "origin", address]);
}

/// Adds a program named `gh` to the front of the search path; it prints `token` for `host`.
fn with_gh(sandbox: &Sandbox, command: &mut Command, host: &str, token: &str) {
    let file = sandbox.path("bin/gh");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let script =
        format!("#!/bin/sh\n[ \"$*\" = 'auth token --hostname {host}' ] && echo {token}\n");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", sandbox.path("bin").display()));
}

/// Returns the repository that `type=gha` opens.
fn opened(sandbox: &Sandbox, server: &Github) -> String {
    let run = run(server.command(sandbox), &["ls", "type=gha"]);
    let asked = server.state().requests.last().cloned().unwrap_or_default();
    let path = asked
        .split("/repos/")
        .nth(1)
        .unwrap_or_else(|| panic!("{run}"));
    let mut parts = path.split('/');
    format!("{}/{}", parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn the_repository_is_that_of_the_remote() {
    for (address, repository) in [
        ("https://127.0.0.1/0xPolygon/bor.git", "0xPolygon/bor"),
        ("git@127.0.0.1:99designs/gqlgen.git", "99designs/gqlgen"),
        ("ssh://git@127.0.0.1:22/42/7.git", "42/7"),
        ("ssh://git@127.0.0.1/acme/shop", "acme/shop"),
    ] {
        let (sandbox, server) = (Sandbox::new(), Github::start());
        with_remote(&sandbox, address);
        assert_eq!(opened(&sandbox, &server), repository, "{address}");
    }
}

#[test]
fn addresses_are_resolved_by_git() {
    let (sandbox, server) = (Sandbox::new(), Github::start());
    with_remote(&sandbox, "work:0x/shop");
    git(
        &sandbox,
        &["config", "url.https://127.0.0.1/.insteadOf", "work:"],
    );
    assert_eq!(opened(&sandbox, &server), "0x/shop");
    // Another remote counts if `origin` is not on the host.
    git(
        &sandbox,
        &["remote", "set-url", "origin", "https://gitlab.example/a/b"],
    );
    git(&sandbox, &["remote", "add", "fork", "work:1/2"]);
    assert_eq!(opened(&sandbox, &server), "1/2");
}

#[test]
fn a_remote_on_another_host_opens_nothing() {
    let (sandbox, server) = (Sandbox::new(), Github::start());
    with_remote(&sandbox, "https://127.0.0.1.evil.example/acme/shop");
    let run = run(server.command(&sandbox), &["ls", "type=gha"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(
        run.stderr.contains("the source does not name a repository"),
        "{run}"
    );
    assert_eq!(server.state().requests, Vec::<String>::new());
}

#[test]
fn gh_token_has_priority_over_github_token() {
    let (sandbox, server) = shop();
    let mut command = server.without_token(&sandbox);
    command.env("GITHUB_TOKEN", "weak").env("GH_TOKEN", TOKEN);
    assert_eq!(json(command, &["ls", super::SOURCE])["command"], "ls");
    let mut command = server.without_token(&sandbox);
    command.env("GITHUB_ENTERPRISE_TOKEN", TOKEN);
    assert_eq!(json(command, &["ls", super::SOURCE])["command"], "ls");
}

/// Only `gh` knows the active one of several accounts.
#[test]
fn the_token_of_the_active_account_is_asked_of_gh() {
    let (sandbox, server) = shop();
    fs::create_dir_all(sandbox.path(".config/gh")).unwrap();
    let hosts = "127.0.0.1:\n    users:\n        alice:\n            oauth_token: ALICE\n        bob:\n            oauth_token: BOB\n    user: bob\n";
    fs::write(sandbox.path(".config/gh/hosts.yml"), hosts).unwrap();
    let refused = run(server.without_token(&sandbox), &["ls", super::SOURCE]);
    assert!(refused.stderr.contains("there is no token"), "{refused}");
    let mut command = server.without_token(&sandbox);
    with_gh(&sandbox, &mut command, "127.0.0.1", TOKEN);
    assert_eq!(json(command, &["ls", super::SOURCE])["command"], "ls");
}
