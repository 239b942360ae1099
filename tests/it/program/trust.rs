//! Sources in files of a checkout are listed, and contacted only if the user names or opens them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::command::{CommandLine, Run, Sandbox};

/// A service that answers each request with 404 and records all requests.
struct Service {
    address: String,
    requests: Receiver<String>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut bytes = [0; 16_384];
                let read = stream.read(&mut bytes).unwrap_or_default();
                let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
                if sender.send(request).is_err() {
                    return;
                }
                let answer =
                    "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, requests }
    }

    /// Returns all received requests.
    fn sent(&self) -> String {
        self.requests.try_iter().collect()
    }
}

/// Runs the program with ambient credentials of every kind.
fn run(sandbox: &Sandbox, arguments: impl CommandLine) -> Run {
    let mut command: Command = sandbox.command();
    command
        .env("AWS_ACCESS_KEY_ID", "AKIAAMBIENTAMBIENT00")
        .env("AWS_SECRET_ACCESS_KEY", "AMBIENTSECRET")
        .env("AWS_SESSION_TOKEN", "AMBIENTSESSION")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("GH_TOKEN", "AMBIENTGH")
        .env("ACTIONS_RUNTIME_TOKEN", "AMBIENTRUNTIME")
        .args(arguments.words());
    Run::new(command.output().unwrap())
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("layer", 100)]));
    sandbox
}

fn configure(sandbox: &Sandbox, file: &str, sources: &[&str]) {
    let path = sandbox.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("sources = {sources:?}\n")).unwrap();
}

#[test]
fn remote_sources_of_a_checkout_are_listed_and_not_contacted() {
    let (sandbox, service) = (sandbox(), Service::start());
    let address = &service.address;
    let remote = [
        format!("{address}/acme/app"),
        format!("s3://bucket/prefix?region=us-east-1&endpoint_url=http://{address}"),
        format!("type=gha,repository=acme/app,url=http://{address}"),
    ];
    let mut sources = vec!["./cache"];
    sources.extend(remote.iter().map(String::as_str));
    configure(&sandbox, "cachelens.toml", &sources);
    for command in ["ls", "du", "check", "prune"] {
        let run = run(&sandbox, command);
        // For `check`, an unreadable source is a finding.
        let code = if command == "check" { 3 } else { 4 };
        assert_eq!(run.code, Some(code), "{run}");
        assert!(
            run.stdout.contains("main") || run.stdout.contains("cache"),
            "{run}"
        );
        assert_eq!(run.stderr.matches("is not contacted").count(), 3, "{run}");
        assert!(
            run.stderr.contains(&format!("name it: {};", remote[0])),
            "{run}"
        );
    }
    configure(&sandbox, "cachelens.toml", &sources[1..]);
    let run = run(&sandbox, "ls --json");
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(run.json()["errors"].as_array().unwrap().len(), 3, "{run}");
    assert_eq!(service.sent(), "");
}

#[test]
fn sources_in_files_of_the_user_count_as_named() {
    let (sandbox, service) = (sandbox(), Service::start());
    let source = format!("{}/acme/app", service.address);
    configure(&sandbox, "mine.toml", &[&source]);
    run(&sandbox, "ls --config mine.toml");
    assert!(service.sent().contains("acme/app"));
    configure(&sandbox, ".config/cachelens/cachelens.toml", &[&source]);
    run(&sandbox, "ls");
    assert!(service.sent().contains("acme/app"));
    // A checkout below the configuration directory is not trusted.
    configure(&sandbox, ".config/repo/cachelens.toml", &[&source]);
    let mut command = sandbox.command();
    command.current_dir(sandbox.path(".config/repo")).arg("ls");
    let run = Run::new(command.output().unwrap());
    assert_eq!(
        (run.code, service.sent()),
        (Some(2), String::new()),
        "{run}"
    );
}

#[test]
fn naming_a_source_is_consent_for_its_host_in_this_checkout() {
    let (sandbox, service) = (sandbox(), Service::start());
    let source = format!("{}/acme/app", service.address);
    let other = format!("{}/acme/other", service.address);
    for checkout in ["one", "two"] {
        configure(
            &sandbox,
            &format!("{checkout}/cachelens.toml"),
            &[&source, &other],
        );
    }
    let ls = |checkout: &str, arguments: &[&str]| {
        let mut command = sandbox.command();
        command
            .current_dir(sandbox.path(checkout))
            .arg("ls")
            .args(arguments);
        Run::new(command.output().unwrap());
        service.sent()
    };
    assert_eq!(ls("one", &[]), "");
    assert!(ls("one", &[&source]).contains("acme/app"));
    assert!(ls("one", &[]).contains("acme/other"));
    assert_eq!(ls("two", &[]), "");
}

#[test]
fn ambient_credentials_are_never_sent_to_found_endpoints() {
    let (sandbox, service) = (sandbox(), Service::start());
    let address = &service.address;
    let found = [
        format!("s3://bucket?region=us-east-1&endpoint_url=http://{address}"),
        format!("type=gha,repository=acme/app,url=http://{address}"),
    ];
    configure(&sandbox, "cachelens.toml", &[&found[0], &found[1]]);
    let consent = format!(
        r#"{{"cachelens_consent":1,"given":[{{"checkout":"{}","host":"{address}"}}]}}"#,
        fs::canonicalize(sandbox.path(".")).unwrap().display()
    );
    let state = sandbox.path(".local/state/cachelens");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("consent.json"), consent).unwrap();
    let run = run(&sandbox, "ls --timeout 5s");
    let sent = service.sent();
    assert!(sent.contains("bucket"), "it was opened: {run}");
    assert!(
        !sent.contains("AMBIENT") && !sent.to_lowercase().contains("authorization"),
        "{sent}"
    );
}

#[test]
fn directories_outside_of_the_checkout_wait_as_well() {
    let sandbox = sandbox();
    configure(&sandbox, "repo/cachelens.toml", &["../cache", "./inside"]);
    fs::create_dir_all(sandbox.path("repo/.git")).unwrap();
    let mut command = sandbox.command();
    command.current_dir(sandbox.path("repo")).arg("ls");
    let run = Run::new(command.output().unwrap());
    assert!(run.stderr.contains("cache is not contacted"), "{run}");
    assert!(run.stderr.contains("inside does not exist"), "{run}");
}
