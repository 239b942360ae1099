//! A build that exports like BuildKit while the program prunes in another process: it checks for
//! each blob, reuses, touches or writes it, and writes the manifest last.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::MetadataDirective;
use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use crate::support::command::{CommandLine, Sandbox};
use crate::support::s3::proxy::{Fault, Proxy, Seen, Wants};
use crate::support::s3::{KEY, S3Server, SECRET, Service};

/// The number of distinct blobs that the builds create.
const POOL: usize = 12;
/// The number of layers per cache.
const LAYERS: usize = 3;
/// The number of caches.
const NAMES: usize = 3;

/// A blob of a build, determined by its number.
fn blob(number: usize) -> Vec<u8> {
    format!("layer {number}").into_bytes()
}

fn manifest(layers: &[usize]) -> Vec<u8> {
    let layer = |number: &usize| {
        let (bytes, digest) = (blob(*number), Digest::of(&blob(*number)).to_string());
        let annotations = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "diffID": digest, "size": bytes.len() });
        json!({ "blob": digest, "parent": -1, "annotations": annotations })
    };
    let records: Vec<_> = (0..layers.len())
        .map(|layer| json!({ "digest": Digest::of(&layer.to_le_bytes()).to_string(), "layers": [{ "layer": layer }] }))
        .collect();
    json!({ "layers": layers.iter().map(layer).collect::<Vec<_>>(), "records": records })
        .to_string()
        .into_bytes()
}

/// A build's side of the race.
struct Writer {
    client: Client,
    bucket: String,
    random: u64,
}

impl Writer {
    fn any(&mut self, below: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn key(number: usize) -> String {
        format!("blobs/{}", Digest::of(&blob(number)))
    }

    /// Exports a cache, and returns its index and the blobs that it references. `None` if the
    /// export failed, as in BuildKit when a blob is deleted between the check and the touch.
    async fn export(&mut self) -> Option<(usize, Vec<usize>)> {
        let mut layers = BTreeSet::new();
        while layers.len() < LAYERS {
            layers.insert(self.any(POOL));
        }
        let layers: Vec<usize> = layers.into_iter().collect();
        for number in &layers {
            let key = Self::key(*number);
            let Ok(found) = self
                .client
                .head_object()
                .bucket(&self.bucket)
                .key(&key)
                .send()
                .await
            else {
                let put = self
                    .client
                    .put_object()
                    .bucket(&self.bucket)
                    .key(&key)
                    .body(blob(*number).into());
                put.send().await.unwrap();
                continue;
            };
            let modified = SystemTime::try_from(*found.last_modified().unwrap()).unwrap();
            let age = SystemTime::now()
                .duration_since(modified)
                .unwrap_or_default();
            if age > Duration::from_hours(24) {
                let source = format!("{}/{key}", self.bucket);
                let copy = self
                    .client
                    .copy_object()
                    .bucket(&self.bucket)
                    .key(&key)
                    .copy_source(source);
                let copy = copy
                    .metadata_directive(MetadataDirective::Replace)
                    .metadata("updated-at", "now");
                copy.send().await.ok()?;
            }
        }
        let name = self.any(NAMES);
        let key = format!("manifests/pr-{name}");
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(manifest(&layers).into());
        put.send().await.unwrap();
        Some((name, layers))
    }
}

/// A prune of all orphans by the program, in another process; returns the numbers of deleted blobs
/// and of refs that it reports as broken.
fn prune(sandbox: &Sandbox, place: &str, no_recheck: bool) -> (usize, usize) {
    let recheck = if no_recheck {
        &["--no-recheck"][..]
    } else {
        &[]
    };
    let run = S3Server::run(
        sandbox,
        recheck.after(format!("prune {place} --yes --delete-broken-refs --json")),
    );
    let document: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    let outcome = &document["outcome"];
    let went = outcome["done"]
        .as_u64()
        .map_or(0, |done| usize::try_from(done).unwrap());
    (went, outcome["broken"].as_array().map_or(0, Vec::len))
}

/// The totals of the prunes in a race: the numbers of prunes, deleted blobs, and broken refs.
#[derive(Default)]
struct Tried {
    prunes: AtomicUsize,
    went: AtomicUsize,
    broken: AtomicUsize,
}

/// The result of a race.
#[derive(Debug, Default)]
struct Raced {
    /// The numbers of prunes and of deleted blobs.
    prunes: usize,
    went: usize,
    /// The number of refs that lacked a blob at the end of a prune, but not before it.
    broken: usize,
    /// The number of completed exports.
    exports: usize,
    /// The number of times a manifest referenced a missing blob.
    dangling: usize,
}

/// Runs exports while prunes run one after the other, in a service that behaves as the script says.
fn race(
    service: Service,
    rounds: usize,
    no_recheck: bool,
    script: impl FnMut(&Seen<'_>) -> Option<Fault> + Send + 'static,
) -> Raced {
    let server = S3Server::start(service);
    server.make("race");
    let proxy = Proxy::before(&server, script);
    let bucket = server.bucket("race");
    let place = format!(
        "type=s3,bucket={bucket},region=us-east-1,endpoint_url=http://{},use_path_style=true,access_key_id={KEY},secret_access_key={SECRET}",
        proxy.address
    );
    let (over, tried) = (Arc::new(AtomicBool::new(false)), Arc::new(Tried::default()));
    let pruning = std::thread::spawn({
        let (over, tried) = (Arc::clone(&over), Arc::clone(&tried));
        move || {
            let sandbox = Sandbox::new();
            while !over.load(Ordering::Relaxed) {
                let (went, broken) = prune(&sandbox, &place, no_recheck);
                tried.went.fetch_add(went, Ordering::Relaxed);
                tried.broken.fetch_add(broken, Ordering::Relaxed);
                tried.prunes.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut writer = Writer {
        client: S3Server::client_at(proxy.address),
        bucket,
        random: 1,
    };
    let mut raced = Raced::default();
    let mut named: [Vec<usize>; NAMES] = Default::default();
    // On a busy machine there are fewer prunes per round.
    let is_enough = || {
        tried
            .prunes
            .load(Ordering::Relaxed)
            .min(tried.went.load(Ordering::Relaxed))
            >= rounds / 20
    };
    for round in (0..rounds * 20).take_while(|round| *round < rounds || !is_enough()) {
        // Sometimes a month passes between two exports. All months have different lengths: a
        // service reports times in seconds, and a touched blob must not get the same time that it
        // had before.
        if writer.any(8) == 0 {
            server.age("race", 24 * 30 + u64::try_from(round).unwrap());
        }
        if let Some((name, layers)) = server.block_on(writer.export()) {
            raced.exports += 1;
            named[name] = layers;
        }
        let stored = server.names("race", "blobs/");
        let is_missing =
            |number: &&usize| !stored.contains(&Digest::of(&blob(**number)).to_string());
        raced.dangling += named.iter().flatten().filter(is_missing).count();
    }
    over.store(true, Ordering::Relaxed);
    pruning.join().unwrap();
    (raced.prunes, raced.went) = (
        tried.prunes.load(Ordering::Relaxed),
        tried.went.load(Ordering::Relaxed),
    );
    raced.broken = tried.broken.load(Ordering::Relaxed);
    raced
}

/// A service that deletes a blob only if it was not touched since the last check.
fn checks_conditions(seen: &Seen<'_>) -> Option<Fault> {
    (seen.wants == Wants::DeleteMany).then_some(Fault::ChecksConditions)
}

fn no_manifest_references_a_missing_blob(service: Service, rounds: usize, no_recheck: bool) {
    let raced = race(service, rounds, no_recheck, checks_conditions);
    assert_eq!((raced.dangling, raced.broken), (0, 0), "{raced:?}");
    // Otherwise nothing was tested.
    assert!(
        raced.prunes >= rounds / 20 && raced.went >= rounds / 20 && raced.exports >= rounds / 2,
        "{raced:?}"
    );
}

#[test]
fn no_manifest_references_a_missing_blob_on_s3s_fs() {
    no_manifest_references_a_missing_blob(Service::S3sFs, 300, false);
}

#[test]
fn no_manifest_references_a_missing_blob_without_the_last_check() {
    no_manifest_references_a_missing_blob(Service::S3sFs, 100, true);
}

#[test]
fn no_manifest_references_a_missing_blob_on_moto() {
    no_manifest_references_a_missing_blob(Service::Moto, 100, false);
}

/// The race is real: without checks, and with a service that ignores conditions, blobs are deleted
/// that manifests reference.
#[test]
fn without_any_check_manifests_reference_missing_blobs() {
    let pretends = |seen: &Seen<'_>| {
        (seen.wants == Wants::DeleteMany && seen.key == "probe").then_some(Fault::ChecksConditions)
    };
    let mut dangling = 0;
    for _ in 0..10 {
        dangling += race(Service::S3sFs, 40, true, pretends).dangling;
        if dangling > 0 {
            return;
        }
    }
    panic!("no blob went that was named");
}
