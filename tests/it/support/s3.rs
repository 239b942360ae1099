//! Three S3 services: `s3s-fs` in this process, over a folder, and moto and `SeaweedFS` as separate
//! processes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
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

use super::command::{CommandLine, Run, Sandbox};
use super::fixture::Fixture;
use moto::Moto;

mod moto;
pub mod proxy;
mod seaweedfs;

/// The name of the services' key.
pub const KEY: &str = "AKIDEXAMPLE";
/// The services' secret key.
pub const SECRET: &str = "wJalrXUtnFEMIKEXAMPLEKEY";

/// Creates a test of each body for each of the two services. An omitted body is reported as unused.
macro_rules! on_both_services {
    ($($body:ident),+ $(,)?) => {
        mod on_s3s_fs {
            $(#[test] fn $body() { super::$body(crate::support::s3::Service::S3sFs); })+
        }
        mod on_moto {
            $(#[test] fn $body() { super::$body(crate::support::s3::Service::Moto); })+
        }
    };
}
pub(crate) use on_both_services;

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

/// A kind of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// In this process, over a folder of the test.
    S3sFs,
    /// A separate process that all tests share.
    Moto,
    /// Another separate process. The times of its objects cannot be changed.
    SeaweedFs,
}

/// The storage of the objects.
enum Keeper {
    Folder(TempDir),
    /// With the suffix of the test's own bucket names.
    Moto(&'static Moto, String),
    /// With such a suffix, too.
    SeaweedFs(String),
}

/// A service with the buckets of a test.
pub struct S3Server {
    keeper: Keeper,
    address: SocketAddr,
    runtime: Runtime,
}

impl S3Server {
    /// Starts a service without buckets.
    pub fn start(service: Service) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        match service {
            Service::S3sFs => {
                let folder = TempDir::new().unwrap();
                let address = serve(&runtime, folder.path());
                Self {
                    keeper: Keeper::Folder(folder),
                    address,
                    runtime,
                }
            }
            Service::Moto => {
                static TESTS: AtomicUsize = AtomicUsize::new(0);
                let (moto, test) = (Moto::shared(), TESTS.fetch_add(1, Ordering::Relaxed));
                Self {
                    keeper: Keeper::Moto(moto, format!("-{test}")),
                    address: moto.address,
                    runtime,
                }
            }
            Service::SeaweedFs => {
                static TESTS: AtomicUsize = AtomicUsize::new(0);
                let test = TESTS.fetch_add(1, Ordering::Relaxed);
                Self {
                    keeper: Keeper::SeaweedFs(format!("-{test}")),
                    address: seaweedfs::address(),
                    runtime,
                }
            }
        }
    }

    /// Starts a service with the bucket of a set, in which each object has its original age;
    /// returns the bucket's name, too.
    pub fn with(service: Service, set: &str) -> (Self, String) {
        let (server, bucket) = (Self::start(service), format!("{set}-cache"));
        let fixture = Fixture::named(set);
        server.make(&bucket);
        let objects = fixture.json::<Vec<StoredObject>>("s3.json");
        server.put_all(
            &bucket,
            objects
                .iter()
                .map(|object| (object.key.clone(), fixture.blob(object.digest))),
        );
        for object in objects.iter().filter(|_| service != Service::SeaweedFs) {
            server.set_modified(&bucket, &object.key, object.modified.0.unwrap().into());
        }
        (server, bucket)
    }

    /// Returns the name of a bucket of this test in the service.
    pub fn bucket(&self, name: &str) -> String {
        match &self.keeper {
            Keeper::Folder(_) => name.to_owned(),
            Keeper::Moto(_, test) | Keeper::SeaweedFs(test) => format!("{name}{test}"),
        }
    }

    /// Creates an empty bucket.
    pub fn make(&self, bucket: &str) {
        match &self.keeper {
            Keeper::Folder(folder) => fs::create_dir_all(folder.path().join(bucket)).unwrap(),
            Keeper::Moto(..) | Keeper::SeaweedFs(_) => {
                let create = self.client().create_bucket().bucket(self.bucket(bucket));
                self.runtime.block_on(create.send()).unwrap();
            }
        }
    }

    /// Enables versions in a bucket, which `s3s-fs` does not support.
    pub fn keep_versions(&self, bucket: &str) {
        let enabled = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let put = self
            .client()
            .put_bucket_versioning()
            .bucket(self.bucket(bucket))
            .versioning_configuration(enabled);
        self.runtime.block_on(put.send()).unwrap();
    }

    /// Puts an object into a bucket.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        self.put_all(bucket, [(key.to_owned(), content.to_vec())]);
    }

    /// Puts objects into a bucket.
    pub fn put_all(&self, bucket: &str, objects: impl IntoIterator<Item = (String, Vec<u8>)>) {
        match &self.keeper {
            Keeper::Folder(folder) => {
                for (key, content) in objects {
                    let path = folder.path().join(bucket).join(key);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, content).unwrap();
                }
            }
            Keeper::Moto(moto, _) => {
                let bucket = self.bucket(bucket);
                for (key, content) in objects {
                    moto.put(&bucket, &key, &content);
                }
            }
            Keeper::SeaweedFs(_) => {
                let (client, bucket) = (self.client(), self.bucket(bucket));
                self.runtime.block_on(async {
                    for (key, content) in objects {
                        client
                            .put_object()
                            .bucket(&bucket)
                            .key(key)
                            .body(content.into())
                            .send()
                            .await
                            .unwrap();
                    }
                });
            }
        }
    }

    /// Removes an object from a bucket.
    pub fn remove(&self, bucket: &str, key: &str) {
        match &self.keeper {
            Keeper::Folder(folder) => {
                fs::remove_file(folder.path().join(bucket).join(key)).unwrap();
            }
            Keeper::Moto(..) | Keeper::SeaweedFs(_) => {
                let delete = self
                    .client()
                    .delete_object()
                    .bucket(self.bucket(bucket))
                    .key(key);
                self.runtime.block_on(delete.send()).unwrap();
            }
        }
    }

    /// Reads an object; `None` if it does not exist.
    pub fn read(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        match &self.keeper {
            Keeper::Folder(folder) => fs::read(folder.path().join(bucket).join(key)).ok(),
            Keeper::Moto(..) | Keeper::SeaweedFs(_) => {
                let get = self
                    .client()
                    .get_object()
                    .bucket(self.bucket(bucket))
                    .key(key);
                self.runtime.block_on(async {
                    let found = get.send().await.ok()?;
                    Some(found.body.collect().await.unwrap().to_vec())
                })
            }
        }
    }

    /// Returns the names below a prefix that ends at a slash, without it.
    pub fn names(&self, bucket: &str, prefix: &str) -> BTreeSet<String> {
        match &self.keeper {
            Keeper::Folder(folder) => {
                let Ok(entries) = fs::read_dir(folder.path().join(bucket).join(prefix)) else {
                    return BTreeSet::new();
                };
                entries
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect()
            }
            Keeper::Moto(..) | Keeper::SeaweedFs(_) => {
                let list = self
                    .client()
                    .list_objects_v2()
                    .bucket(self.bucket(bucket))
                    .prefix(prefix);
                let mut pages = list.into_paginator().send();
                let mut names = BTreeSet::new();
                while let Some(page) = self.runtime.block_on(pages.next()) {
                    let keys = page.unwrap().contents.unwrap_or_default().into_iter();
                    names.extend(keys.map(|object| object.key.unwrap()[prefix.len()..].to_owned()));
                }
                names
            }
        }
    }

    /// Sets the age of everything in a bucket to this many hours.
    pub fn age(&self, bucket: &str, hours: u64) {
        let then = SystemTime::now() - Duration::from_hours(hours);
        let folder = match &self.keeper {
            Keeper::Folder(folder) => folder,
            Keeper::Moto(moto, _) => return moto.age(&self.bucket(bucket), None, then),
            Keeper::SeaweedFs(_) => panic!("objects in SeaweedFS are as old as they are"),
        };
        let mut folders = vec![folder.path().join(bucket)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if let Ok(file) = File::options().write(true).open(entry.path()) {
                    // An object that was deleted in between has no age.
                    file.set_modified(then).unwrap();
                }
            }
        }
    }

    /// Sets the time of an object.
    pub fn set_modified(&self, bucket: &str, key: &str, moment: SystemTime) {
        match &self.keeper {
            Keeper::Folder(_) => {
                File::options()
                    .write(true)
                    .open(self.path(bucket, key))
                    .unwrap()
                    .set_modified(moment)
                    .unwrap();
            }
            Keeper::Moto(moto, _) => moto.age(&self.bucket(bucket), Some(key), moment),
            Keeper::SeaweedFs(_) => panic!("objects in SeaweedFS are as old as they are"),
        }
    }

    /// Sets the time of the newest version of an object, in moto.
    pub fn set_newest_modified(&self, bucket: &str, key: &str, moment: SystemTime) {
        match &self.keeper {
            Keeper::Moto(moto, _) => moto.age_newest(&self.bucket(bucket), key, moment),
            Keeper::Folder(_) | Keeper::SeaweedFs(_) => panic!("only moto has dated versions"),
        }
    }

    /// Returns the path of an object in the folder of `s3s-fs`.
    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        match &self.keeper {
            Keeper::Folder(folder) => folder.path().join(bucket).join(key),
            Keeper::Moto(..) | Keeper::SeaweedFs(_) => panic!("only s3s-fs keeps them as files"),
        }
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the short name of a source in a bucket, without credentials.
    pub fn source(&self, place: &str) -> String {
        self.source_through(self.address, place)
    }

    /// Returns the short name of a source in a bucket at another address.
    pub fn source_through(&self, address: SocketAddr, place: &str) -> String {
        let (bucket, prefix) = place
            .split_once('/')
            .map_or((place, None), |(bucket, prefix)| (bucket, Some(prefix)));
        let prefix = prefix
            .map(|prefix| format!("/{prefix}"))
            .unwrap_or_default();
        let bucket = self.bucket(bucket);
        format!(
            "s3://{bucket}{prefix}?region=us-east-1&endpoint_url=http://{address}&use_path_style=true"
        )
    }

    /// Creates the reader of a cache in this service.
    pub fn reader(&self, place: &str) -> SharedReader {
        self.reader_through(self.address, place)
    }

    /// Creates the reader of a cache at another address.
    pub fn reader_through(&self, address: SocketAddr, place: &str) -> SharedReader {
        let named = format!(
            "type=s3,bucket={},region=us-east-1,endpoint_url=http://{address},use_path_style=true,access_key_id={KEY},secret_access_key={SECRET}",
            self.bucket(place),
        );
        let source = Source::parse(&named, &|_| false).unwrap().source;
        backend::open(&source, &Access::default()).unwrap()
    }

    /// Creates a client of this service.
    pub fn client(&self) -> Client {
        Self::client_at(self.address)
    }

    /// Creates a client for another address.
    pub fn client_at(address: SocketAddr) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(KEY, SECRET, None, None, "tests"))
            .endpoint_url(format!("http://{address}"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        Client::from_conf(config.build())
    }

    /// Returns the handle of its runtime.
    pub fn handle(&self) -> tokio::runtime::Handle {
        self.runtime.handle().clone()
    }

    /// Runs a future on that runtime to its end.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Creates the program's command with the services' key in its environment.
    pub fn command(sandbox: &Sandbox) -> Command {
        let mut command = sandbox.command();
        command
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// Runs it.
    pub fn run(sandbox: &Sandbox, arguments: impl CommandLine) -> Run {
        Run::new(
            Self::command(sandbox)
                .args(arguments.words())
                .output()
                .unwrap(),
        )
    }
}

/// Serves a folder.
fn serve(runtime: &Runtime, folder: &Path) -> SocketAddr {
    let mut service = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = service.build();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        let server = Builder::new(TokioExecutor::new());
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                return;
            };
            let connection = server
                .serve_connection(TokioIo::new(socket), service.clone())
                .into_owned();
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
    });
    address
}
