//! Registries: Debian's `docker-registry`, started for a test, and a second one in this process that does what that one
//! does not.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cachelens::format::digest::Digest;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::command::Sandbox;
use super::fixture::Fixture;

pub mod second;

/// The user that a registry with logins knows, and the password.
pub const USER: &str = "builder";
/// The password of that user.
pub const PASSWORD: &str = "pass-word";
/// The same in bcrypt, as `htpasswd -B` writes it.
const HTPASSWD: &str = "builder:$2b$05$abcdefghijklmnopqrstuulQElbHkP7vjLqXxb3Lzm18cJsfRyGH6\n";

/// A manifest of `registry.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Pushed {
    pub repository: String,
    pub digest: Digest,
    pub media_type: String,
    pub tags: Vec<String>,
    #[serde(rename = "pushed")]
    pub time: String,
}

/// How a registry is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// Whether it deletes.
    pub deletes: bool,
    /// Whether it asks for a login.
    pub login: bool,
}

/// Debian's registry, as a program of its own.
pub struct DockerRegistry {
    child: Child,
    host: String,
    _folder: TempDir,
}

impl DockerRegistry {
    /// Starts an empty registry.
    pub fn start(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        // The port is free once the listener is gone.
        let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let store = folder.path().join("store");
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: {}}}}}\nhttp: {{addr: {host}}}\n",
            store.display(),
            setup.deletes
        );
        if setup.login {
            let passwords = folder.path().join("htpasswd");
            fs::write(&passwords, HTPASSWD).unwrap();
            let passwords = passwords.display();
            config.extend(["auth: {htpasswd: {realm: tests, path: ", &passwords.to_string(), "}}\n"]);
        }
        let file = folder.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let started =
            Command::new("docker-registry").arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = started
            .unwrap_or_else(|error| panic!("docker-registry: {error}; install Debian's package docker-registry"));
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&host).is_err() {
            assert!(Instant::now() < until, "docker-registry does not answer at {host}");
            std::thread::yield_now();
        }
        Self { child, host, _folder: folder }
    }

    /// Starts a registry with the repositories of a set of fixtures.
    pub fn with(set: &str, setup: Setup) -> Self {
        let registry = Self::start(setup);
        registry.seed(set);
        registry
    }

    /// Returns its name and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Pushes a set of fixtures in the order in which BuildKit did.
    pub fn seed(&self, set: &str) {
        let fixture = Fixture::named(set);
        let mut pushed: Vec<Pushed> = fixture.json("registry.json");
        // An index comes after what is in it.
        pushed.sort_by_key(|pushed| (pushed.media_type.contains("index"), pushed.time.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let push = Push { client: Client::new(), base: Url::parse(&format!("http://{}/v2/", self.host)).unwrap() };
            for manifest in pushed {
                let bytes = fixture.blob(manifest.digest);
                for blob in blobs_of(&bytes) {
                    push.blob(&manifest.repository, blob, fixture.blob(blob)).await;
                }
                let tags = if manifest.tags.is_empty() { vec![manifest.digest.to_string()] } else { manifest.tags };
                for tag in tags {
                    push.manifest(&manifest.repository, &tag, &manifest.media_type, bytes.clone()).await;
                }
            }
        });
    }

    /// Returns what the tags of a repository point to, as the registry says itself.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::new();
            let base = format!("http://{}/v2/{repository}", self.host);
            let list: Value = serde_json::from_slice(
                &client.get(format!("{base}/tags/list")).send().await.unwrap().bytes().await.unwrap(),
            )
            .unwrap();
            let mut tags = BTreeMap::new();
            for tag in list["tags"].as_array().into_iter().flatten() {
                let tag = tag.as_str().unwrap();
                let accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
                let head =
                    client.head(format!("{base}/manifests/{tag}")).header("accept", accept).send().await.unwrap();
                assert_eq!(head.status(), StatusCode::OK, "{tag}");
                tags.insert(tag.to_owned(), head.headers()["docker-content-digest"].to_str().unwrap().to_owned());
            }
            tags
        })
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the blobs that a manifest names, manifests in an index left out.
pub fn blobs_of(manifest: &[u8]) -> Vec<Digest> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let named = ["layers", "manifests"].iter().filter_map(|list| manifest[list].as_array()).flatten();
    let named = named.chain(manifest.get("config"));
    let is_blob = |entry: &&Value| {
        let media_type = entry["mediaType"].as_str().unwrap();
        !media_type.contains("image.manifest") && !media_type.contains("image.index")
    };
    named.filter(is_blob).map(|entry| entry["digest"].as_str().unwrap().parse().unwrap()).collect()
}

struct Push {
    client: Client,
    base: Url,
}

impl Push {
    async fn blob(&self, repository: &str, digest: Digest, bytes: Vec<u8>) {
        let blob = self.base.join(&format!("{repository}/blobs/{digest}")).unwrap();
        if self.client.head(blob).send().await.unwrap().status().is_success() {
            return;
        }
        let uploads = self.base.join(&format!("{repository}/blobs/uploads/")).unwrap();
        let begun = self.client.post(uploads.clone()).send().await.unwrap();
        let mut place = uploads.join(begun.headers()[LOCATION].to_str().unwrap()).unwrap();
        place.query_pairs_mut().append_pair("digest", &digest.to_string());
        let put = self.client.put(place).header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED, "{digest}");
    }

    async fn manifest(&self, repository: &str, reference: &str, media_type: &str, bytes: Vec<u8>) {
        let place = self.base.join(&format!("{repository}/manifests/{reference}")).unwrap();
        let put = self.client.put(place).header(CONTENT_TYPE, media_type).body(bytes).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::CREATED, "{repository} {reference}");
    }
}

/// Makes the login of a registry known to a sandbox, as `docker login` leaves it.
pub fn log_in(sandbox: &Sandbox, host: &str, user: &str, password: &str) {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    fs::create_dir_all(sandbox.path(".docker")).unwrap();
    let config = serde_json::json!({ "auths": { host: { "auth": auth } } });
    fs::write(sandbox.path(".docker/config.json"), config.to_string()).unwrap();
}
