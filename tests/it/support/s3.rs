//! An S3 service in this process: `s3s-fs`, over a folder.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cachelens::backend::{self, Access, SharedReader};
use cachelens::format::digest::Digest;
use cachelens::format::time::GoTime;
use cachelens::source::Source;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::command::Sandbox;
use super::fixture::Fixture;

/// The name of the key that the service knows.
pub const KEY: &str = "AKIDEXAMPLE";
/// The secret key that the service knows.
pub const SECRET: &str = "wJalrXUtnFEMIKEXAMPLEKEY";

/// An object of `s3.json`.
#[derive(Deserialize)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// The digest of its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: GoTime,
}

/// A running service.
pub struct S3Server {
    folder: TempDir,
    address: SocketAddr,
    _runtime: Runtime,
}

impl S3Server {
    /// Starts a service without buckets.
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            loop {
                let Ok((socket, _)) = listener.accept().await else { return };
                let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Self { folder, address, _runtime: runtime }
    }

    /// Starts a service that holds the bucket of a set, each object as old as it was; returns the bucket's name, too.
    pub fn with(set: &str) -> (Self, String) {
        let (server, bucket) = (Self::start(), format!("{set}-cache"));
        let fixture = Fixture::named(set);
        for object in fixture.json::<Vec<StoredObject>>("s3.json") {
            server.put(&bucket, &object.key, &fixture.blob(object.digest));
            let file = File::options().write(true).open(server.path(&bucket, &object.key)).unwrap();
            file.set_modified(object.modified.0.unwrap().into()).unwrap();
        }
        (server, bucket)
    }

    /// Puts an object into a bucket, which is made when it is not there.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let path = self.path(bucket, key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Lets everything in a bucket be so many hours old.
    pub fn age(&self, bucket: &str, hours: u64) {
        let then = SystemTime::now() - Duration::from_hours(hours);
        let mut folders = vec![self.folder.path().join(bucket)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    File::options().write(true).open(entry.path()).unwrap().set_modified(then).unwrap();
                }
            }
        }
    }

    /// Makes an empty bucket.
    pub fn make(&self, bucket: &str) {
        fs::create_dir_all(self.folder.path().join(bucket)).unwrap();
    }

    /// Returns where the service keeps an object.
    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.folder.path().join(bucket).join(Path::new(key))
    }

    /// Returns the short name of a source in a bucket, without credentials.
    pub fn source(&self, place: &str) -> String {
        format!("s3://{place}?region=us-east-1&endpoint_url=http://{}&use_path_style=true", self.address)
    }

    /// Makes the reader of a cache in this service.
    pub fn reader(&self, place: &str) -> SharedReader {
        let named = format!(
            "type=s3,bucket={place},region=us-east-1,endpoint_url=http://{},use_path_style=true,access_key_id={KEY},secret_access_key={SECRET}",
            self.address
        );
        let source = Source::parse(&named, &|_| false).unwrap().source;
        backend::open(&source, &Access::default()).unwrap()
    }

    /// Runs the program with the services' key in its environment.
    pub fn run(sandbox: &Sandbox, arguments: &[&str]) -> super::command::Run {
        let mut command = sandbox.command();
        command
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        super::command::Run::new(command.args(arguments).output().unwrap())
    }
}
