//! Lists a repository of many caches in Debian's registry: compared with a loop of `skopeo`, by the
//! number of requests, and with a distant registry.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cachelens::format::digest::Digest;
use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use crate::Outcome;
use crate::table::{Table, median, time};

const TAGS: usize = 500;
/// The number of tags that `skopeo` reads: its time is the same for each.
const SAMPLE: usize = 50;
const LATENCY: Duration = Duration::from_millis(30);
const CONCURRENCY: u32 = 8;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub fn measure(table: &mut Table) -> Outcome {
    let registry = Registry::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    // One build per tag; and, as pull requests leave them, many tags per build.
    runtime.block_on(registry.seed("distinct", TAGS))?;
    runtime.block_on(registry.seed("shared", 50))?;

    let far = Proxy::start(&registry.host)?;
    // If no two tags share blobs, a registry on the same two cores answers two requests per tag,
    // which dominates the time on both sides, so the target is lower.
    for (repository, faster) in [("shared", 10), ("distinct", 5)] {
        let (mut own, mut loops) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            loops
                .push(time(|| skopeo(&registry.host, repository))? * u32::try_from(TAGS / SAMPLE)?);
            own.push(time(|| {
                list(&registry.host, repository, &["--no-disk-cache"])
            })?);
        }
        let what = format!(
            "registry: list 500 {repository} caches, against 1/{faster} of skopeo for each"
        );
        table.time(what, median(own), median(loops) / faster);
    }

    for (repository, most) in [("shared", 1.2), ("distinct", 2.1)] {
        let home = TempDir::new()?;
        far.take();
        list_in(home.path(), &far.host, repository, &[])?;
        let first = far.take();
        table.number(
            format!("registry: requests a tag at the first look, {repository}"),
            first.all as f64 / TAGS as f64,
            most,
        );
        list_in(home.path(), &far.host, repository, &[])?;
        let second = far.take();
        // The ping of the registry, and the list before and after.
        table.number(
            format!("registry: requests but HEADs at the second look, {repository}"),
            (second.all - second.heads) as f64,
            3.0,
        );
    }

    far.latency
        .store(u64::try_from(LATENCY.as_millis())?, Ordering::Relaxed);
    far.take();
    let start = Instant::now();
    list(
        &far.host,
        "distinct",
        &["--no-disk-cache", "--concurrency", &CONCURRENCY.to_string()],
    )?;
    let took = start.elapsed();
    let requests = u32::try_from(far.take().all)?;
    table.time(
        "registry: list 500 caches, 30 ms an answer",
        took,
        LATENCY * requests / CONCURRENCY * 3,
    );
    Ok(())
}

fn list(host: &str, repository: &str, arguments: &[&str]) -> Outcome {
    list_in(TempDir::new()?.path(), host, repository, arguments)
}

fn list_in(home: &Path, host: &str, repository: &str, arguments: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_cachelens"))
        .args(["ls", "--json", &format!("{host}/{repository}")])
        .args(arguments)
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home)
        .stderr(Stdio::null())
        .output()?;
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let found = document["sources"][0]["refs"]
        .as_array()
        .map_or(0, Vec::len);
    if output.status.success() && found == TAGS {
        Ok(())
    } else {
        Err(format!("ls found {found} refs").into())
    }
}

fn skopeo(host: &str, repository: &str) -> Outcome {
    for place in 0..SAMPLE {
        let image = format!("docker://{host}/{repository}:pr-{place}");
        let status = Command::new("skopeo")
            .args(["inspect", "--raw", "--tls-verify=false", &image])
            .stdout(Stdio::null())
            .status()
            .map_err(|error| format!("skopeo: {error}; install Debian's package skopeo"))?;
        if !status.success() {
            return Err("skopeo failed".into());
        }
    }
    Ok(())
}

/// Debian's registry.
struct Registry {
    child: Child,
    host: String,
    _folder: TempDir,
}

impl Registry {
    fn start() -> Outcome<Self> {
        let folder = TempDir::new()?;
        // The port is free after the listener is dropped.
        let host = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let store = folder.path().join("store");
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {host}}}\n",
            store.display()
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config)?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                format!("docker-registry: {error}; install Debian's package docker-registry")
            })?;
        let registry = Self {
            child,
            host,
            _folder: folder,
        };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            if Instant::now() > until {
                return Err("docker-registry does not answer".into());
            }
            thread::yield_now();
        }
        Ok(registry)
    }

    /// Pushes this many caches, and tags for each.
    async fn seed(&self, repository: &str, caches: usize) -> Outcome {
        let client = Client::new();
        let base = format!("http://{}/v2/{repository}", self.host);
        let pushes: Vec<_> = (0..caches)
            .map(|cache| push(client.clone(), base.clone(), cache, caches))
            .collect();
        let mut pushing = futures_util::stream::iter(pushes).buffer_unordered(16);
        while let Some(pushed) = pushing.next().await {
            pushed?;
        }
        Ok(())
    }
}

async fn push(client: Client, base: String, cache: usize, caches: usize) -> Outcome {
    let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
    // Each cache has its own layer: a registry does not accept the same blob twice at the same
    // time.
    let layer = format!("the layer of build {cache} of {caches}").into_bytes();
    let records: Vec<_> = (0..40)
        .map(|record| {
            let name = digest(format!("{cache} {record}").as_bytes());
            match record {
                0 => json!({ "digest": name }),
                _ => json!({ "digest": name, "inputs": [[{ "link": record - 1 }]],
                    "layers": [{ "layer": 0, "createdAt": "2026-10-02T08:00:00Z" }] }),
            }
        })
        .collect();
    let config =
        json!({ "layers": [{ "blob": digest(&layer), "parent": -1 }], "records": records });
    let config = config.to_string().into_bytes();
    let described = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": described("application/vnd.buildkit.cacheconfig.v0", &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar+gzip", &layer)],
    });
    for blob in [layer, config] {
        let begun = client.post(format!("{base}/blobs/uploads/")).send().await?;
        let place = begun
            .headers()
            .get(LOCATION)
            .ok_or("no place for a blob")?
            .to_str()?;
        let place = format!("{place}&digest={}", digest(&blob));
        let put = client
            .put(place)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(blob)
            .send()
            .await?;
        expect(put).await?;
    }
    for tag in (cache..TAGS).step_by(caches) {
        let place = format!("{base}/manifests/pr-{tag}");
        let put = client
            .put(place)
            .header(CONTENT_TYPE, MANIFEST)
            .body(manifest.to_string())
            .send()
            .await?;
        expect(put).await?;
    }
    Ok(())
}

async fn expect(answer: Response) -> Outcome {
    let status = answer.status();
    if status == StatusCode::CREATED {
        return Ok(());
    }
    Err(format!("the registry answers {status}: {}", answer.text().await?).into())
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts the requests to a registry, and delays each answer.
struct Proxy {
    host: String,
    all: Arc<AtomicUsize>,
    heads: Arc<AtomicUsize>,
    /// In milliseconds.
    latency: Arc<AtomicU64>,
}

struct Requests {
    all: usize,
    heads: usize,
}

impl Proxy {
    fn start(registry: &str) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Self {
            host: listener.local_addr()?.to_string(),
            all: Arc::default(),
            heads: Arc::default(),
            latency: Arc::default(),
        };
        let (all, heads, latency) = (
            Arc::clone(&proxy.all),
            Arc::clone(&proxy.heads),
            Arc::clone(&proxy.latency),
        );
        let registry = registry.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (all, heads, latency) =
                    (Arc::clone(&all), Arc::clone(&heads), Arc::clone(&latency));
                let registry = registry.clone();
                thread::spawn(move || {
                    // The connection ends when either side closes it.
                    let _ = forward(&stream, &registry, &all, &heads, &latency);
                });
            }
        });
        Ok(proxy)
    }

    /// Returns the requests since the last time.
    fn take(&self) -> Requests {
        Requests {
            all: self.all.swap(0, Ordering::Relaxed),
            heads: self.heads.swap(0, Ordering::Relaxed),
        }
    }
}

/// Forwards requests without bodies, and their answers.
fn forward(
    client: &TcpStream,
    registry: &str,
    all: &AtomicUsize,
    heads: &AtomicUsize,
    latency: &AtomicU64,
) -> Outcome {
    let upstream = TcpStream::connect(registry)?;
    upstream.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut requests, mut answers) = (BufReader::new(client), BufReader::new(&upstream));
    while let Some((head, _)) = read_head(&mut requests)? {
        let is_head = head.starts_with("HEAD ");
        all.fetch_add(1, Ordering::Relaxed);
        heads.fetch_add(usize::from(is_head), Ordering::Relaxed);
        (&upstream).write_all(head.as_bytes())?;
        let (answer, length) = read_head(&mut answers)?.ok_or("the registry hung up")?;
        let mut answer = answer.into_bytes();
        match length {
            _ if is_head => {}
            Length::Known(length) => {
                answers.by_ref().take(length).read_to_end(&mut answer)?;
            }
            Length::Chunked => read_chunks(&mut answers, &mut answer)?,
        }
        thread::sleep(Duration::from_millis(latency.load(Ordering::Relaxed)));
        (&*client).write_all(&answer)?;
    }
    Ok(())
}

/// The length of a body.
enum Length {
    Known(u64),
    Chunked,
}

/// Reads a head, and the length of the body in it.
fn read_head(reader: &mut impl BufRead) -> Outcome<Option<(String, Length)>> {
    let (mut head, mut length) = (String::new(), Length::Known(0));
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        let line = head[start..].trim().to_ascii_lowercase();
        if let Some(told) = line.strip_prefix("content-length:") {
            length = Length::Known(told.trim().parse()?);
        }
        if line == "transfer-encoding: chunked" {
            length = Length::Chunked;
        }
        if line.is_empty() {
            return Ok(Some((head, length)));
        }
    }
}

/// Reads a chunked body unchanged.
fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Outcome {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16)?;
        body.extend_from_slice(line.as_bytes());
        reader.take(size + 2).read_to_end(body)?;
        if size == 0 {
            return Ok(());
        }
    }
}
