//! Registries: Debian's `docker-registry`, started for a test, and a second one in this process for
//! features that the first one lacks.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use cachelens::format::digest::Digest;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::client::client_builder;
use super::command::Sandbox;
use super::fixture::Fixture;
use super::ports::free_address;

pub mod second;
pub mod tls;
pub mod tokens;

use tls::Authority;
use tokens::{ISSUER, SERVICE, TokenService};

/// The user of a registry with logins.
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

/// The configuration of a registry.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the registry, apart from the others"
)]
pub struct Setup {
    /// Whether it supports deletions.
    pub deletes: bool,
    /// Whether it requires a login.
    pub login: bool,
    /// Whether it has a certificate of a private authority.
    pub tls: bool,
    /// Whether it requires client certificates of the same authority.
    pub client_certificates: bool,
    /// Whether it requires tokens.
    pub tokens: bool,
}

/// Debian's registry, as a separate process.
pub struct DockerRegistry {
    child: Child,
    host: String,
    authority: Option<Arc<Authority>>,
    asks_for_password: bool,
    tokens: Option<TokenService>,
    folder: TempDir,
}

impl DockerRegistry {
    /// Starts an empty registry.
    pub fn start(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let host = free_address().to_string();
        let store = folder.path().join("store");
        let has_certificates = setup.tls || setup.client_certificates || setup.tokens;
        let authority = has_certificates.then(|| Arc::new(Authority::new(folder.path())));
        let file = |name: &str| folder.path().join(name).display().to_string();
        let tls = if setup.tls || setup.client_certificates {
            let clients = if setup.client_certificates {
                format!(", clientcas: [{}]", file("ca.pem"))
            } else {
                String::new()
            };
            format!(
                ", tls: {{certificate: {}, key: {}{clients}}}",
                file("server.pem"),
                file("server.key")
            )
        } else {
            String::new()
        };
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: {}}}}}\nhttp: {{addr: {host}{tls}}}\n",
            store.display(),
            setup.deletes
        );
        let tokens = authority
            .clone()
            .filter(|_| setup.tokens)
            .map(TokenService::start);
        if let Some(tokens) = &tokens {
            let (realm, bundle) = (tokens.realm(), file("ca.pem"));
            let settings = format!(
                "realm: \"{realm}\", service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {bundle}"
            );
            config.extend(["auth: {token: {", &settings, "}}\n"]);
        }
        if setup.login {
            let passwords = folder.path().join("htpasswd");
            fs::write(&passwords, HTPASSWD).unwrap();
            let passwords = passwords.display();
            config.extend([
                "auth: {htpasswd: {realm: tests, path: ",
                &passwords.to_string(),
                "}}\n",
            ]);
        }
        let file = folder.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = started.unwrap_or_else(|error| {
            panic!("docker-registry: {error}; install Debian's package docker-registry")
        });
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&host).is_err() {
            assert!(
                Instant::now() < until,
                "docker-registry does not answer at {host}"
            );
            std::thread::yield_now();
        }
        Self {
            child,
            host,
            authority,
            asks_for_password: setup.login,
            tokens,
            folder,
        }
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

    /// Returns the folder of its store.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Returns the authority behind its certificate.
    pub fn authority(&self) -> &Authority {
        self.authority.as_deref().unwrap()
    }

    /// Returns the service that gives its tokens.
    pub fn tokens(&self) -> &TokenService {
        self.tokens.as_ref().unwrap()
    }

    /// Creates a client with all permissions in `repositories`, and returns it with the registry's
    /// address.
    fn client(&self, repositories: &[&str]) -> (Client, Url) {
        let mut builder = client_builder();
        let mut scheme = "http";
        if let Some(authority) = &self.authority {
            scheme = "https";
            builder = builder
                .tls_certs_merge([reqwest::Certificate::from_pem(&authority.pem()).unwrap()]);
            let identity = [
                fs::read(authority.file("client.pem")).unwrap(),
                fs::read(authority.file("client.key")).unwrap(),
            ];
            builder = builder.identity(reqwest::Identity::from_pem(&identity.concat()).unwrap());
        }
        if self.tokens.is_some() {
            let all = |repository: &&str| format!("repository:{repository}:pull,push,delete");
            let token = tokens::token(
                self.authority(),
                &repositories.iter().map(all).collect::<Vec<_>>(),
                300,
            );
            let headers = [(
                reqwest::header::AUTHORIZATION,
                format!("Bearer {token}").parse().unwrap(),
            )];
            builder = builder.default_headers(headers.into_iter().collect());
        }
        if self.asks_for_password {
            let pair =
                base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
            let headers = [(
                reqwest::header::AUTHORIZATION,
                format!("Basic {pair}").parse().unwrap(),
            )];
            builder = builder.default_headers(headers.into_iter().collect());
        }
        (
            builder.build().unwrap(),
            Url::parse(&format!("{scheme}://{}/v2/", self.host)).unwrap(),
        )
    }

    /// Pushes a set of fixtures in the order in which BuildKit did.
    pub fn seed(&self, set: &str) {
        let fixture = Fixture::named(set);
        let mut pushed: Vec<Pushed> = fixture.json("registry.json");
        // An index follows its content.
        pushed.sort_by_key(|pushed| (pushed.media_type.contains("index"), pushed.time.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let repositories: Vec<&str> = pushed
                .iter()
                .map(|manifest| manifest.repository.as_str())
                .collect();
            let (client, base) = self.client(&repositories);
            let push = Push { client, base };
            for manifest in pushed.clone() {
                let bytes = fixture.blob(manifest.digest);
                for blob in blobs_of(&bytes) {
                    push.blob(&manifest.repository, blob, fixture.blob(blob))
                        .await;
                }
                let tags = match manifest.tags {
                    tags if !tags.is_empty() => tags,
                    // A cache without a tag was replaced by a later push.
                    _ if is_cache(&bytes) => vec!["buildcache".to_owned()],
                    _ => vec![manifest.digest.to_string()],
                };
                for tag in tags {
                    push.manifest(
                        &manifest.repository,
                        &tag,
                        &manifest.media_type,
                        bytes.clone(),
                    )
                    .await;
                }
            }
        });
    }

    /// Pushes a cache of one step, whose result was created at `created`.
    pub fn push_cache(&self, repository: &str, tag: &str, created: &str) {
        let layer = format!("the layer of {tag} of {created}").into_bytes();
        let (on, step) = (Digest::of(b"a source"), Digest::of(tag.as_bytes()));
        let config = serde_json::json!({
            "layers": [{ "blob": Digest::of(&layer).to_string(), "parent": -1 }],
            "records": [
                { "digest": on.to_string() },
                { "digest": step.to_string(), "inputs": [[{ "link": 0 }]], "layers": [{ "layer": 0, "createdAt": created }] },
            ],
        });
        let config = config.to_string().into_bytes();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let described = |media_type: &str, bytes: &[u8]| serde_json::json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() });
        let mut described_layer = described("application/vnd.oci.image.layer.v1.tar+gzip", &layer);
        described_layer["annotations"] = serde_json::json!({
            "containerd.io/uncompressed": Digest::of(&layer).to_string(),
        });
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": described("application/vnd.buildkit.cacheconfig.v0", &config),
            "layers": [described_layer],
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (client, base) = self.client(&[repository]);
            let push = Push { client, base };
            push.blob(repository, Digest::of(&layer), layer).await;
            push.blob(repository, Digest::of(&config), config).await;
            push.manifest(
                repository,
                tag,
                media_type,
                manifest.to_string().into_bytes(),
            )
            .await;
        });
    }

    /// Returns the digests of a repository's tags, according to the registry.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (client, base) = self.client(&[repository]);
            let base = format!("{base}{repository}");
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

/// Returns the blobs that a manifest references, except for manifests in an index.
pub fn blobs_of(manifest: &[u8]) -> Vec<Digest> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let named = ["layers", "manifests"]
        .iter()
        .filter_map(|list| manifest[list].as_array())
        .flatten();
    let named = named.chain(manifest.get("config"));
    let is_blob = |entry: &&Value| {
        let media_type = entry["mediaType"].as_str().unwrap();
        !media_type.contains("image.manifest") && !media_type.contains("image.index")
    };
    named
        .filter(is_blob)
        .map(|entry| entry["digest"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// Returns whether a manifest belongs to a cache.
pub fn is_cache(manifest: &[u8]) -> bool {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    manifest["config"]["mediaType"] == "application/vnd.buildkit.cacheconfig.v0"
}

struct Push {
    client: Client,
    base: Url,
}

impl Push {
    async fn blob(&self, repository: &str, digest: Digest, bytes: Vec<u8>) {
        let blob = self
            .base
            .join(&format!("{repository}/blobs/{digest}"))
            .unwrap();
        if self
            .client
            .head(blob)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
        {
            return;
        }
        let uploads = self
            .base
            .join(&format!("{repository}/blobs/uploads/"))
            .unwrap();
        let begun = self.client.post(uploads.clone()).send().await.unwrap();
        let mut place = uploads
            .join(begun.headers()[LOCATION].to_str().unwrap())
            .unwrap();
        place
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let put = self
            .client
            .put(place)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(bytes);
        assert_eq!(
            put.send().await.unwrap().status(),
            StatusCode::CREATED,
            "{digest}"
        );
    }

    async fn manifest(&self, repository: &str, reference: &str, media_type: &str, bytes: Vec<u8>) {
        let place = self
            .base
            .join(&format!("{repository}/manifests/{reference}"))
            .unwrap();
        let put = self
            .client
            .put(place)
            .header(CONTENT_TYPE, media_type)
            .body(bytes)
            .send()
            .await
            .unwrap();
        assert_eq!(
            put.status(),
            StatusCode::CREATED,
            "{repository} {reference}"
        );
    }
}

/// Adds the login of a registry to a sandbox, like `docker login`.
pub fn log_in(sandbox: &Sandbox, host: &str, user: &str, password: &str) {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    fs::create_dir_all(sandbox.path(".docker")).unwrap();
    let config = serde_json::json!({ "auths": { host: { "auth": auth } } });
    fs::write(sandbox.path(".docker/config.json"), config.to_string()).unwrap();
}
