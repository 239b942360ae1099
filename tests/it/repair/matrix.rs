//! Each way of damage in each kind of store that is not a directory: found, repaired, and checked
//! clean, with the hits that another importer counts. Directories have the same test over all
//! fixtures.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cachelens::format::digest::Digest;
use serde_json::Value;

use super::damage::{spoil, top_layer};
use super::importer::Hits;
use super::{Cache, remote};
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::gha::Github;
use crate::support::layout::digest_of;
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::s3::{S3Server, Service};

/// The damages of blobs.
const OF_BLOBS: [&str; 3] = ["blob-missing", "blob-wrong-size", "blob-wrong-bytes"];
/// The damages of configurations that make BuildKit refuse them.
const OF_CONFIGS: [&str; 5] = [
    "record-loops",
    "link-broken",
    "input-empty",
    "layer-out-of-range",
    "layer-loops",
];

/// A store with a ref.
trait Store {
    /// Runs the program with the source.
    fn run(&self, arguments: &str) -> Run;
    /// Returns the cache that the ref points to.
    fn cache(&self) -> Cache;
    /// Returns the bytes of a blob.
    fn blob(&self, digest: &str) -> Option<Vec<u8>>;
    /// Stores other bytes as a blob, or removes it.
    fn put_blob(&self, digest: &str, bytes: Option<Vec<u8>>);
    /// Lets the ref point to another configuration.
    fn replace(&self, config: &Value);
    /// Returns the code of the finding about a damage.
    fn code<'a>(&self, how: &'a str) -> &'a str {
        how
    }
    /// Lets the store describe a layer no more. Returns the code of the finding.
    fn forget_description(&self, layer: &str) -> &'static str;
}

/// Returns the codes of all findings.
fn codes(store: &impl Store) -> BTreeSet<String> {
    let check = store.run("check --verify --json").json();
    let findings = check["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

/// Checks that the damage is found and repaired, and that these hits stay.
fn assert_repaired(store: &impl Store, how: &str, expected: &Hits) {
    let code = store.code(how);
    let found = codes(store);
    assert!(found.contains(code), "{how}: {found:?}");
    let done = store.run("repair --verify --yes --json");
    assert_eq!(done.code, Some(0), "{how}: {done}");
    let repaired = store.cache();
    assert_eq!(&repaired.hits(|_| true).unwrap(), expected, "{how}: {done}");
    assert!(!codes(store).contains(code), "{how}");
}

/// Goes through all damages; `make` prepares a sound store.
fn each_damage<S: Store>(make: impl Fn(&str) -> S) {
    for how in OF_BLOBS {
        let store = make(how);
        let sound = store.cache();
        let layer = top_layer(&sound.config);
        let bytes = store.blob(&layer).unwrap();
        let damaged = match how {
            "blob-missing" => None,
            "blob-wrong-size" => Some([&bytes[..], b"0"].concat()),
            _ => Some([&[bytes[0] ^ 1], &bytes[1..]].concat()),
        };
        store.put_blob(&layer, damaged);
        let expected = sound.hits(|digest| digest != layer).unwrap();
        assert!(!expected.is_empty() && expected != sound.hits(|_| true).unwrap());
        assert_repaired(&store, how, &expected);
        // Other repositories may share the blob.
        store.put_blob(&layer, Some(bytes));
    }
    for how in OF_CONFIGS {
        let store = make(how);
        let sound = store.cache();
        let mut config = sound.config.clone();
        spoil(&mut config, how);
        store.replace(&config);
        assert!(store.cache().hits(|_| true).is_err(), "{how}");
        assert_repaired(&store, how, &sound.hits(|_| true).unwrap());
    }
    let store = make("described");
    let sound = store.cache();
    let layer = top_layer(&sound.config);
    let how = store.forget_description(&layer);
    let expected = sound.hits(|digest| digest != layer).unwrap();
    assert_repaired(&store, how, &expected);
}

/// A repository of a registry.
struct Repository<'a> {
    registry: &'a DockerRegistry,
    sandbox: Sandbox,
    name: String,
}

const TAG: &str = "c05";

impl Repository<'_> {
    fn push(&self, configs: &[String], manifest: &Value) {
        remote::push_to(self.registry, &self.name, configs, manifest, TAG);
    }
}

impl Store for Repository<'_> {
    fn run(&self, arguments: &str) -> Run {
        let source = format!("{}/{}:{TAG}", self.registry.host(), self.name);
        self.sandbox.run(format!("{arguments} {source}"))
    }

    fn code<'a>(&self, how: &'a str) -> &'a str {
        // A registry does not list sizes: the whole blob is read.
        match how {
            "blob-wrong-size" => "blob-wrong-bytes",
            how => how,
        }
    }

    fn cache(&self) -> Cache {
        let digest = &self.registry.tags(&self.name)[TAG];
        remote::cache(self.registry, digest)
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        fs::read(remote::data(self.registry, digest)).ok()
    }

    fn put_blob(&self, digest: &str, bytes: Option<Vec<u8>>) {
        let path = remote::data(self.registry, digest);
        match bytes {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
    }

    fn replace(&self, config: &Value) {
        let mut manifest = self.cache().manifest.unwrap();
        let config = config.to_string();
        manifest["config"]["digest"] = Digest::of(config.as_bytes()).to_string().into();
        manifest["config"]["size"] = config.len().into();
        self.push(&[config], &manifest);
    }

    fn forget_description(&self, layer: &str) -> &'static str {
        let mut manifest = self.cache().manifest.unwrap();
        let layers = manifest["layers"].as_array_mut().unwrap();
        layers.retain(|described| digest_of(described) != layer);
        self.push(&[], &manifest);
        "results-dropped"
    }
}

/// Copies a repository with some of its tags under another name: it consists of links to blobs.
pub(super) fn copy_repository(registry: &DockerRegistry, from: &str, to: &str, tags: &[&str]) {
    let repositories = registry.store().join("docker/registry/v2/repositories");
    copy(&repositories.join(from), &repositories.join(to));
    let copied = repositories.join(to).join("_manifests/tags");
    for tag in fs::read_dir(copied).unwrap().map(Result::unwrap) {
        if !tags.iter().any(|kept| tag.file_name() == *kept) {
            fs::remove_dir_all(tag.path()).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn in_a_registry() {
    let setup = Setup {
        deletes: true,
        ..Setup::default()
    };
    let registry = DockerRegistry::with("shop", setup);
    each_damage(|how| {
        let name = format!("damaged/{how}");
        copy_repository(&registry, "shop-cache", &name, &[TAG]);
        Repository {
            registry: &registry,
            sandbox: Sandbox::new(),
            name,
        }
    });
}

/// A cache in a bucket.
struct Bucket {
    server: S3Server,
    name: String,
    /// The key of the manifest.
    key: String,
    sandbox: Sandbox,
}

impl Store for Bucket {
    fn run(&self, arguments: &str) -> Run {
        let source = self.server.source(&self.name);
        S3Server::run(&self.sandbox, format!("{arguments} {source}"))
    }

    fn cache(&self) -> Cache {
        Cache::bare(&self.server.read(&self.name, &self.key).unwrap())
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.server.read(&self.name, &format!("blobs/{digest}"))
    }

    fn put_blob(&self, digest: &str, bytes: Option<Vec<u8>>) {
        let key = format!("blobs/{digest}");
        match bytes {
            Some(bytes) => self.server.put(&self.name, &key, &bytes),
            None => self.server.remove(&self.name, &key),
        }
    }

    fn replace(&self, config: &Value) {
        let text = config.to_string();
        self.server.put(&self.name, &self.key, text.as_bytes());
    }

    fn forget_description(&self, layer: &str) -> &'static str {
        self.replace(&undescribed(self.cache().config, layer));
        "layer-undescribed"
    }
}

/// Removes what a configuration without a manifest says of a layer.
fn undescribed(mut config: Value, layer: &str) -> Value {
    let layers = config["layers"].as_array_mut().unwrap().iter_mut();
    for found in layers.filter(|found| found["blob"] == layer) {
        found.as_object_mut().unwrap().remove("annotations");
    }
    config
}

#[test]
fn in_a_bucket() {
    each_damage(|_| {
        let (server, name) = S3Server::with(Service::S3sFs, "mini");
        let names = server.names(&name, "manifests/");
        let key = format!("manifests/{}", names.first().unwrap());
        Bucket {
            server,
            name,
            key,
            sandbox: Sandbox::new(),
        }
    });
}

/// The cache of a repository on GitHub, seen from a job.
struct Scope {
    server: Github,
    sandbox: Sandbox,
}

impl Store for Scope {
    fn run(&self, arguments: &str) -> Run {
        let mut command = self.server.in_job(&self.sandbox);
        command.args(arguments.words()).arg(super::gha::SOURCE);
        Run::new(command.output().unwrap())
    }

    fn cache(&self) -> Cache {
        super::gha::newest(&self.server)
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let state = self.server.state();
        let key = format!("buildkit-blob-1-{digest}");
        let entry = state.entries.iter().find(|entry| entry.key == key)?;
        Some(state.content(entry.digest?).to_vec())
    }

    fn put_blob(&self, digest: &str, bytes: Option<Vec<u8>>) {
        let key = format!("buildkit-blob-1-{digest}");
        self.server.state().entries.retain(|entry| entry.key != key);
        if let Some(bytes) = bytes {
            self.server.add_blob_as(&key, &bytes);
        }
    }

    fn replace(&self, config: &Value) {
        let text = config.to_string();
        let branch = "refs/heads/main";
        self.server
            .add_index("mini", branch, 99, 0, text.as_bytes());
    }

    fn forget_description(&self, layer: &str) -> &'static str {
        self.replace(&undescribed(self.cache().config, layer));
        "layer-undescribed"
    }
}

#[test]
fn in_a_job_of_github() {
    each_damage(|_| Scope {
        server: Github::of_fixture("mini"),
        sandbox: Sandbox::new(),
    });
}
