//! `oci-client`: reads back what cachelens pushed, and sends requests for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use crate::support::client::choose_ring;
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::http::Answer;
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER, blobs_of, log_in};

const DELETES: Setup = Setup {
    deletes: true,
    login: false,
    tls: false,
    client_certificates: false,
    tokens: false,
};
const KINDS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

/// Reads every ref of a repository and all its blobs, which `oci-client` checks against their
/// digests; returns the digests of the manifests.
fn read_all(registry: &DockerRegistry, repository: &str) -> BTreeMap<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    choose_ring();
    let client = Client::try_from(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    })
    .unwrap();
    let read = async |tag: &String| {
        let host = registry.host().to_owned();
        let image = Reference::with_tag(host, repository.to_owned(), tag.clone());
        let pulled = client.pull_manifest_raw(&image, &RegistryAuth::Anonymous, &KINDS);
        let (manifest, digest) = pulled.await.unwrap();
        for blob in blobs_of(&manifest) {
            let mut content = Vec::new();
            let blob = blob.to_string();
            let pulled = client.pull_blob(&image, blob.as_str(), &mut content).await;
            pulled.unwrap_or_else(|error| panic!("{tag}: {blob}: {error}"));
        }
        digest
    };
    let tags = registry.tags(repository);
    runtime.block_on(async {
        let mut digests = BTreeMap::new();
        for tag in tags.keys() {
            digests.insert(tag.clone(), read(tag).await);
        }
        digests
    })
}

fn journal(run: &Run) -> &str {
    run.stdout
        .lines()
        .find_map(|line| line.strip_prefix("The journal is "))
        .unwrap_or_else(|| panic!("{run}"))
}

#[test]
fn another_client_reads_manifests_of_a_prune_and_its_undo() {
    let registry = DockerRegistry::with("shop", DELETES);
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    let image = format!("{}/shop:c06", registry.host());
    let before = read_all(&registry, "shop-cache");
    assert_eq!(before.len(), 15);
    let run = sandbox.run(format!(
        "prune {source} --records step~npm --provenance '{image}' --keep-ref !c05 --yes"
    ));
    assert_eq!(run.code, Some(0), "{run}");
    let after = read_all(&registry, "shop-cache");
    let changed = before
        .iter()
        .filter(|(tag, digest)| after[*tag] != **digest);
    let changed: Vec<&String> = changed.map(|(tag, _)| tag).collect();
    assert_eq!(changed, ["c05"], "{run}");
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(read_all(&registry, "shop-cache"), before);

    let run = sandbox.run(format!("prune {source} --drop-ref c0* --yes"));
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(read_all(&registry, "shop-cache").len(), 6);
    let undone = sandbox.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(read_all(&registry, "shop-cache"), before);
}

#[test]
fn another_client_reads_manifests_of_a_repair() {
    let registry = DockerRegistry::with("shop", DELETES);
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    let before = read_all(&registry, "shop-cache");
    let shown = sandbox.json(format!("show {source}:c05 --json"));
    let layers = shown["layers"].as_array().unwrap();
    let lost = layers.last().unwrap()["digest"].as_str().unwrap();
    let hex = lost.strip_prefix("sha256:").unwrap();
    let blobs = registry.store().join("docker/registry/v2/blobs/sha256");
    fs::remove_file(blobs.join(&hex[..2]).join(hex).join("data")).unwrap();
    let run = sandbox.run(format!("repair {source} --yes"));
    assert_eq!(run.code, Some(0), "{run}");
    let after = read_all(&registry, "shop-cache");
    assert_eq!(after.len(), before.len());
    assert_ne!(after["c05"], before["c05"], "{run}");
}

/// Runs the program with a log of what `oci-client` does, too.
fn run(sandbox: &Sandbox, arguments: impl CommandLine) -> (Run, String) {
    let log = sandbox.path("log");
    let _ = fs::remove_file(&log);
    let mut command = sandbox.command();
    command
        .args(arguments.words())
        .args(["--log-file", "log"])
        .env("CACHELENS_LOG", "cachelens=debug,oci_client=debug");
    let run = Run::new(command.output().unwrap());
    (run, read(&log))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

/// Counts the requests of a kind that were left to `oci-client`.
fn calls(log: &str, call: &str) -> usize {
    let event = format!("oci-client sends a request call=\"{call}\"");
    log.lines().filter(|line| line.contains(&event)).count()
}

/// Runs commands with a login, and checks that `oci-client` carries it in `kind`.
fn check_carried(setup: Setup, kind: &str) {
    let registry = DockerRegistry::with("shop", setup);
    let sandbox = Sandbox::new();
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    let source = format!("{}/shop-cache", registry.host());
    let image = format!("{}/shop:c06", registry.host());
    let ca = registry.authority().file("ca.pem");
    let ca = ca.to_str().unwrap();
    let cache = format!("{source}:c05");
    let commands: [(&str, &[&str]); 4] = [
        ("blob stream", &["ls", &source, "--ca", ca]),
        ("existence check", &["check", &source, "--ca", ca]),
        ("referrers", &["show", &cache, "--ca", ca]),
        (
            "push",
            &[
                "prune",
                &source,
                "--records",
                "step~npm",
                "--provenance",
                &image,
                "--keep-ref",
                "!c05",
                "--yes",
                "--settle",
                "1ms",
                "--ca",
                ca,
            ],
        ),
    ];
    for (call, arguments) in commands {
        let (run, log) = run(&sandbox, arguments);
        assert!(matches!(run.code, Some(0 | 3)), "{run}");
        let sent = calls(&log, call);
        assert!(sent > 0, "{call}: {log}");
        // `oci-client` reports itself that each request carried the login. The log hides the words
        // around it.
        let carried = log.matches(kind).count();
        assert!(carried >= sent, "{call}: {carried} of {sent}");
        assert!(!log.contains("the request is sent again"), "{log}");
        assert!(
            !log.contains("Bearer ey") && !log.contains(PASSWORD),
            "{log}"
        );
    }
}

#[test]
fn a_token_is_carried_to_blobs_checks_referrers_and_pushes() {
    let setup = Setup {
        tls: true,
        tokens: true,
        ..DELETES
    };
    check_carried(setup, "Using bearer (hidden) authentication");
}

#[test]
fn a_password_is_carried_to_blobs_checks_referrers_and_pushes() {
    let setup = Setup {
        tls: true,
        login: true,
        ..DELETES
    };
    check_carried(setup, "Using HTTP basic");
}

#[test]
fn a_password_is_not_passed_to_a_token_service_by_oci_client() {
    let registry = SecondRegistry::with("shop");
    let other = SecondRegistry::start();
    let sandbox = Sandbox::new();
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    let service = format!(
        "Bearer realm=\"http://{}/token\",service=\"x\"",
        other.host()
    );
    registry.state().challenge = Some(service);
    let asks = Answer::empty(401).with("www-authenticate", "Basic realm=\"x\"");
    let fault = ("GET /v2/shop-cache/".to_owned(), asks);
    registry.state().faults.push_back(fault);
    let source = format!("{}/shop-cache", registry.host());
    let (found, log) = run(&sandbox, format!("ls {source} --no-disk-cache"));
    assert_eq!(found.code, Some(0), "{found}");
    assert!(!registry.state().logins.is_empty());
    assert_eq!(calls(&log, "blob stream"), 0, "{log}");
    assert_eq!(other.state().requests, [""; 0]);
}

#[test]
fn requests_that_oci_client_cannot_finish_are_sent_again() {
    for answer in [
        Answer::empty(429).with("retry-after", "1"),
        Answer::empty(500),
        Answer::empty(401),
    ] {
        let registry = SecondRegistry::with("shop");
        registry.state().tokens = true;
        let sandbox = Sandbox::new();
        let source = format!("{}/shop-cache", registry.host());
        let expected = sandbox.run(format!("ls {source} --no-disk-cache"));
        assert_eq!(expected.code, Some(0), "{expected}");
        let fault = ("GET /v2/shop-cache/blobs/".to_owned(), answer);
        registry.state().faults.push_back(fault);
        let (found, log) = run(&sandbox, format!("ls {source} --no-disk-cache"));
        assert!(calls(&log, "blob stream") > 0, "{log}");
        assert_eq!(found, expected, "{log}");
    }
}

#[test]
fn a_client_certificate_is_not_passed_to_oci_client() {
    let registry = DockerRegistry::with(
        "mini",
        Setup {
            tls: true,
            client_certificates: true,
            tokens: true,
            ..DELETES
        },
    );
    let sandbox = Sandbox::new();
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    let source = format!("{}/mini-cache", registry.host());
    let file = |name: &str| registry.authority().file(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let arguments = ["ls", &source, "--ca", &ca];
    let with_certificate = ["--client-cert", &certificate, "--client-key", &key];
    let (found, log) = run(&sandbox, with_certificate[..].after(&arguments[..]));
    assert_eq!(found.code, Some(0), "{found}");
    assert_eq!(calls(&log, "blob stream"), 0, "{log}");
}
