//! Logins and client certificates.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::command::{Run, Sandbox};
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER, log_in};

#[test]
fn logins_are_read_from_flags_and_from_docker() {
    let registry = DockerRegistry::start(Setup {
        login: true,
        ..Setup::default()
    });
    let host = registry.host();
    let sandbox = Sandbox::new();
    let source = format!("{host}/app");
    let run = sandbox.run(format!("ls {source}"));
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.starts_with(&format!(
            "error: {host} asks for a login\n  hint: run `docker login {host}`"
        )),
        "{run}"
    );
    log_in(&sandbox, host, USER, "wrong-one");
    let run = sandbox.run(format!("ls {source}"));
    assert!(
        run.stderr
            .starts_with(&format!("error: {host}: the login is refused\n")),
        "{run}"
    );
    assert!(!run.to_string().contains("wrong-one"), "{run}");
    log_in(&sandbox, host, USER, PASSWORD);
    let run = sandbox.run(format!("ls {source}"));
    assert!(run.stderr.contains("NAME_UNKNOWN"), "{run}");
}

#[test]
fn one_token_serves_many_requests_and_is_renewed() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry.state().tokens = true;
    registry.state().private = true;
    let source = format!("{}/shop-cache", registry.host());
    let run = sandbox.run(format!("ls {source}"));
    assert!(run.stderr.contains("asks for a login"), "{run}");
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    registry.state().requests.clear();
    let run = sandbox.run(format!("ls {source}"));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(registry.asked("GET /token"), 1);

    // A token that expires during the run is requested again.
    registry.state().token_serves = Some(10);
    let again = sandbox.run(format!("ls {source} --no-disk-cache"));
    assert_eq!(again.stdout, run.stdout, "{again}");
    assert!(registry.asked("GET /token") > 2);
    let run = sandbox.run(format!("ls '{}'", registry.host()));
    assert_eq!(run.code, Some(0), "{run}");
}

fn auths(host: &str, user: &str, password: &str) -> Value {
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    json!({ "auths": { host: { "auth": auth } } })
}

fn write(file: &Path, content: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

/// Returns whether the login was accepted, from the registry's answer: it knows no such repository.
fn is_logged_in(run: &Run) -> bool {
    run.stderr.contains("NAME_UNKNOWN")
}

#[test]
fn logins_are_found_where_docker_and_podman_leave_them() {
    let registry = DockerRegistry::start(Setup {
        login: true,
        ..Setup::default()
    });
    let (host, source) = (registry.host(), format!("{}/acme/app", registry.host()));
    let (right, wrong) = (
        auths(host, USER, PASSWORD).to_string(),
        auths(host, USER, "other").to_string(),
    );
    let ls = |sandbox: &Sandbox, environment: &[(&str, &str)]| {
        let mut command = sandbox.command();
        Run::new(
            command
                .args(["ls", &source])
                .envs(environment.iter().copied())
                .output()
                .unwrap(),
        )
    };

    let sandbox = Sandbox::new();
    write(&sandbox.path("elsewhere/config.json"), &right);
    write(&sandbox.path(".docker/config.json"), &wrong);
    let run = ls(
        &sandbox,
        &[("DOCKER_CONFIG", sandbox.path("elsewhere").to_str().unwrap())],
    );
    assert!(is_logged_in(&run), "{run}");
    let run = ls(&sandbox, &[("DOCKER_AUTH_CONFIG", &right)]);
    assert!(is_logged_in(&run), "{run}");

    for file in ["containers/auth.json", ".config/containers/auth.json"] {
        let sandbox = Sandbox::new();
        write(&sandbox.path(file), &right);
        assert!(is_logged_in(&ls(&sandbox, &[])), "{file}");
    }
    let sandbox = Sandbox::new();
    write(
        &sandbox.path("auth.json"),
        &auths(&format!("{host}/acme"), USER, PASSWORD).to_string(),
    );
    let run = ls(
        &sandbox,
        &[(
            "REGISTRY_AUTH_FILE",
            sandbox.path("auth.json").to_str().unwrap(),
        )],
    );
    assert!(is_logged_in(&run), "{run}");

    // Unreadable logins are reported where they matter.
    let sandbox = Sandbox::new();
    write(&sandbox.path(".docker/config.json"), "{\"auths\": no");
    let run = ls(&sandbox, &[]);
    let file = sandbox.path(".docker/config.json");
    let expected = format!(
        "error: the login for {host} cannot be read from {}\n  because: it is no configuration (line 1)\n  hint: run `docker login {host}` again, or give --username and --password-stdin\n",
        file.display()
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn helpers_are_asked_for_logins() {
    let registry = DockerRegistry::start(Setup {
        login: true,
        ..Setup::default()
    });
    let (host, source) = (registry.host(), format!("{}/app", registry.host()));
    let sandbox = Sandbox::new();
    let helper = |script: &str| {
        let file = sandbox.path("bin/docker-credential-tests");
        write(&file, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let ls = || {
        let path = format!(
            "{}:{}",
            sandbox.path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        Run::new(
            sandbox
                .command()
                .args(["ls", &source])
                .env("PATH", path)
                .output()
                .unwrap(),
        )
    };
    // The helper takes precedence over the file itself.
    let mut config = auths(host, USER, "stale");
    config["credHelpers"] = json!({ host: "tests" });
    write(&sandbox.path(".docker/config.json"), &config.to_string());
    helper(&format!(
        "read server; [ \"$1 $server\" = \"get {host}\" ] && echo '{{\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'"
    ));
    let run = ls();
    assert!(is_logged_in(&run), "{run}");
    helper("echo 'credentials not found in native keychain'; exit 1");
    let run = ls();
    assert!(run.stderr.contains("the login is refused"), "{run}");
    helper("echo sEcReT; echo sEcReT >&2; exit 1");
    config["auths"] = json!({});
    write(&sandbox.path(".docker/config.json"), &config.to_string());
    let run = ls();
    assert!(
        run.stderr
            .contains("because: its helper docker-credential-tests failed\n"),
        "{run}"
    );
    assert!(!run.to_string().contains("sEcReT"), "{run}");
}

#[test]
fn a_broken_helper_does_not_block_public_repositories() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry.state().tokens = true;
    write(
        &sandbox.path(".docker/config.json"),
        &json!({ "credsStore": "nowhere" }).to_string(),
    );
    let source = format!("{}/shop-cache", registry.host());
    let run = sandbox.run(format!("ls {source}"));
    assert_eq!(run.code, Some(0), "{run}");
    registry.state().private = true;
    let run = sandbox.run(format!("ls {source}"));
    assert!(
        run.stderr
            .contains("because: its helper docker-credential-nowhere cannot be run: No such file"),
        "{run}"
    );
}

#[test]
fn a_password_is_read_from_standard_input() {
    let registry = DockerRegistry::start(Setup {
        login: true,
        ..Setup::default()
    });
    let (sandbox, source) = (Sandbox::new(), format!("{}/app", registry.host()));
    let ls = |password: &str| {
        let mut command = sandbox.command();
        command.args([
            "ls",
            &source,
            "--username",
            USER,
            "--password-stdin",
            "-vvv",
        ]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(password.as_bytes())
            .unwrap();
        Run::new(child.wait_with_output().unwrap())
    };
    let run = ls(&format!("{PASSWORD}\n"));
    assert!(
        is_logged_in(&run) && !run.to_string().contains(PASSWORD),
        "{run}"
    );
    let run = ls("wrong-one");
    assert!(
        run.stderr.contains("the login is refused") && !run.to_string().contains("wrong-one"),
        "{run}"
    );
    let run = ls("");
    assert!(
        run.stderr
            .contains("error: --password-stdin: standard input is empty\n"),
        "{run}"
    );
    assert_eq!(run.code, Some(2));
}

#[test]
fn an_identity_token_is_exchanged() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    {
        let mut state = registry.state();
        (state.tokens, state.private, state.identity) = (true, true, Some("iDeNtItY".to_owned()));
    }
    let config = |token: &str| {
        let entry = json!({ "auth": "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==", "identitytoken": token });
        json!({ "auths": { registry.host(): entry } }).to_string()
    };
    write(&sandbox.path(".docker/config.json"), &config("iDeNtItY"));
    let run = sandbox.run(format!("ls {}/shop-cache", registry.host()));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(registry.asked("POST /token"), 1);
    write(&sandbox.path(".docker/config.json"), &config("another"));
    let run = sandbox.run(format!("ls {}/shop-cache", registry.host()));
    assert!(
        run.stderr
            .contains("because: its tokens are refused to this login: UNAUTHORIZED refused\n"),
        "{run}"
    );
}

#[test]
fn tokens_are_requested_with_their_scopes() {
    let setup = Setup {
        tls: true,
        tokens: true,
        deletes: true,
        ..Setup::default()
    };
    let registry = DockerRegistry::with("mini", setup);
    let sandbox = Sandbox::new();
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    let (source, ca) = (
        format!("{}/mini-cache", registry.host()),
        registry.authority().file("ca.pem"),
    );
    let ca = ca.to_str().unwrap();
    let run = sandbox.run(format!("ls {source} --ca '{ca}'"));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        run.stdout
            .lines()
            .filter(|line| line.starts_with('c'))
            .count(),
        3,
        "{run}"
    );
    // One token for all reads, for any number of concurrent requests.
    assert_eq!(
        registry.tokens().state().scopes,
        ["repository:mini-cache:pull"]
    );
    registry.tokens().state().scopes.clear();

    let run = sandbox.run(format!("prune {source} --drop-ref c01 --yes --ca '{ca}'"));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        registry.tags("mini-cache").into_keys().collect::<Vec<_>>(),
        ["c02", "c03"]
    );
    let mut scopes = registry.tokens().state().scopes.clone();
    scopes.sort();
    scopes.dedup();
    assert_eq!(
        scopes,
        [
            "repository:mini-cache:pull",
            "repository:mini-cache:pull,push,delete"
        ]
    );

    let run = sandbox.run(format!("ls {}/ --ca {ca}", registry.host()));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(
        registry
            .tokens()
            .state()
            .scopes
            .contains(&"registry:catalog:*".to_owned())
    );
}

#[test]
fn an_unknown_certificate_is_an_error_with_a_hint() {
    let registry = DockerRegistry::with(
        "mini",
        Setup {
            tls: true,
            ..Setup::default()
        },
    );
    let sandbox = Sandbox::new();
    let host = registry.host();
    let source = format!("{host}/mini-cache");
    let run = sandbox.run(format!("ls {source}"));
    assert_eq!(run.code, Some(1));
    let told = run.stderr.replace(host, "HOST");
    assert!(
        told.starts_with("error: HOST cannot be reached\n"),
        "{told}"
    );
    assert!(
        told.contains("invalid peer certificate: UnknownIssuer"),
        "{told}"
    );
    assert!(
        told.ends_with(
            "hint: add the registry's own authority with --ca FILE, or put it where Docker looks: /etc/docker/certs.d/HOST/ca.crt\n"
        ),
        "{told}"
    );
    let folder = sandbox.path(format!(".config/docker/certs.d/{host}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ca.crt"), registry.authority().pem()).unwrap();
    let run = sandbox.run(format!("ls {source}"));
    assert_eq!(run.code, Some(0), "{run}");
    let insecure = Sandbox::new().run(format!(
        "ls type=registry,ref={source},registry.insecure=true"
    ));
    assert_eq!(insecure.code, Some(0), "{insecure}");
}

#[test]
fn a_client_shows_its_certificate() {
    let registry = DockerRegistry::with(
        "mini",
        Setup {
            client_certificates: true,
            ..Setup::default()
        },
    );
    let (sandbox, source) = (Sandbox::new(), format!("{}/mini-cache", registry.host()));
    let file = |name: &str| registry.authority().file(name).to_str().unwrap().to_owned();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let run = sandbox.run(format!("ls {source} --ca '{ca}'"));
    assert_eq!(run.code, Some(1), "{run}");
    let hint = "hint: it closed the connection; if it requires a client certificate, add --client-cert and --client-key\n";
    assert!(run.stderr.ends_with(hint), "{run}");
    let shown = [
        "ls",
        &source,
        "--ca",
        &ca,
        "--client-cert",
        &certificate,
        "--client-key",
        &key,
    ];
    let run = sandbox.run(&shown);
    assert_eq!(run.code, Some(0), "{run}");
    let run = sandbox.run(format!("ls {source} --ca '{key}'"));
    assert_eq!(
        run.stderr,
        format!(
            "error: {key} cannot be used as a certificate\n  because: it holds no certificate in PEM\n"
        )
    );
}
