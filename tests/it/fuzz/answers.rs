//! Changed answers of services and login files: the program ends by itself, prints a reason, and
//! does not panic.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::change::{self, Random};
use crate::support::command::{Run, Sandbox};
use crate::support::http::Request;

/// The number of runs per service.
const RUNS: u64 = 40;

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
const TAGS: &str = r#"{"name":"acme/app","tags":["main","pr-1","pr-2"]}"#;
const ENTRIES: &str = r#"{"total_count":2,"actions_caches":[{"id":1,"ref":"refs/heads/main","key":"index-app-1","version":"v","last_accessed_at":"2026-11-20T10:00:00.000000000Z","created_at":"2026-11-20T10:00:00.000000000Z","size_in_bytes":22},{"id":2,"ref":"refs/heads/main","key":"buildkit-blob-1-sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","version":"v","last_accessed_at":"2026-11-20T10:00:00Z","created_at":"2026-11-20T10:00:00Z","size_in_bytes":2}]}"#;
const OBJECTS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>manifests/main</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified><ETag>"x"</ETag><Size>2</Size><StorageClass>STANDARD</StorageClass></Contents><Contents><Key>blobs/sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified><ETag>"y"</ETag><Size>2</Size></Contents></ListBucketResult>"#;

/// Returns the unchanged answer of a service, and its media type.
fn answer(path: &str) -> (&'static str, &'static str) {
    match path {
        path if path.contains("/tags/list") => (TAGS, "application/json"),
        path if path.contains("/manifests/") => {
            (MANIFEST, "application/vnd.oci.image.manifest.v1+json")
        }
        path if path.contains("/actions/") => (ENTRIES, "application/json"),
        path if path.starts_with("/v2") => ("{}", "application/json"),
        _ => (OBJECTS, "application/xml"),
    }
}

/// Starts a service that changes every answer.
fn service(seed: &Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seed = Arc::clone(seed);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seed = Arc::clone(&seed);
            thread::spawn(move || serve(stream, &seed));
        }
    });
    address
}

fn serve(mut stream: TcpStream, seed: &AtomicU64) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = Request::read(&mut reader) {
        let (text, kind) = answer(&request.path);
        let mut random = Random::new(seed.fetch_add(1, Ordering::Relaxed));
        let body = match kind {
            "application/xml" => change::text(text.as_bytes(), &mut random),
            _ if text == "{}" => text.as_bytes().to_vec(),
            _ => change::json(text.as_bytes(), &mut random),
        };
        let body = if request.method == "HEAD" {
            Vec::new()
        } else {
            body
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body))
            .is_err()
        {
            return;
        }
    }
}

/// Checks that a run ended by itself.
fn ended(run: &Run, what: &str) {
    assert!(matches!(run.code, Some(0..=4)), "{what}: {run}");
    assert!(!run.stderr.contains("panicked"), "{what}: {run}");
}

#[test]
fn lists_of_services() {
    let seed = Arc::new(AtomicU64::new(1));
    let address = service(&seed);
    let sandbox = Sandbox::new();
    let sources = [
        format!("{address}/acme/app"),
        "gha:acme/app".to_owned(),
        format!(
            "s3://b/p?region=us-east-1&endpoint_url=http://{address}&use_path_style=true&access_key_id=a&secret_access_key=b"
        ),
    ];
    for case in 0..RUNS {
        for source in &sources {
            seed.store(case << 20, Ordering::Relaxed);
            let mut command = sandbox.command();
            command
                .env("GITHUB_API_URL", format!("http://{address}"))
                .env("GH_TOKEN", "token")
                .args(["ls", "--json", "--no-cache", "--timeout", "2s", source]);
            let run = Run::new(command.output().unwrap());
            ended(&run, &format!("{source}, case {case}"));
        }
    }
}

#[test]
fn files_of_logins() {
    let logins = r#"{"auths":{"127.0.0.1:1":{"auth":"bWU6cGFzcw=="},"https://index.docker.io/v1/":{"identitytoken":"x"},"ghcr.io/acme":{"username":"a","password":"b"}},"credHelpers":{"x.example":"none"},"credsStore":""}"#;
    let sandbox = Sandbox::new();
    for case in 0..RUNS {
        let changed = change::json(logins.as_bytes(), &mut Random::new(case));
        let file = sandbox.path(".docker/config.json");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &changed).unwrap();
        let run = sandbox.run("ls 127.0.0.1:1/acme/app --timeout 1s");
        ended(&run, &String::from_utf8_lossy(&changed));
    }
}
