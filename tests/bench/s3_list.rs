//! Lists a cache of 50,000 blobs in a bucket, compared with `aws s3 ls --recursive` and
//! `rclone lsf -R`. All use the same service in this process, which keeps its objects in memory,
//! with and without a delay of each answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cachelens::format::digest::Digest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    CommonPrefix, GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectInput,
    GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListObjectsV2Input, ListObjectsV2Output, Object, StreamingBlob,
    Timestamp,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::table::{Table, median, time};

const BLOBS: u32 = 50_000;
const DELAY: Duration = Duration::from_millis(30);
const ROUNDS: usize = 5;
const PLACE: &str = "bench/cache/";
const MANIFEST: &str = "cache/manifests/main";

pub fn measure(table: &mut Table) -> Outcome {
    let runtime = Runtime::new()?;
    let service = Service::new();
    let delay = Arc::clone(&service.delay);
    let address = serve(&runtime, service)?;

    for (pause, faster_than_aws, faster_than_rclone) in [(DELAY, 8, 8), (Duration::ZERO, 3, 1)] {
        delay.store(u64::try_from(pause.as_millis())?, Ordering::Relaxed);
        let (mut ours, mut aws, mut rclone) = (Vec::new(), Vec::new(), Vec::new());
        // The first run of each fills the kernel's caches.
        for _ in 0..=ROUNDS {
            ours.push(cachelens(address)?);
            aws.push(of_aws(address)?);
            rclone.push(of_rclone(address)?);
        }
        let [ours, aws, rclone] = [ours, aws, rclone].map(|mut times| median(times.split_off(1)));
        let what = format!("s3: list {BLOBS} blobs, {} ms added", pause.as_millis());
        table.time(
            format_args!("{what}, against 1/{faster_than_aws} of `aws s3 ls`"),
            ours,
            aws / faster_than_aws,
        );
        table.time(
            format_args!("{what}, against 1/{faster_than_rclone} of `rclone lsf`"),
            ours,
            rclone / faster_than_rclone,
        );
    }
    Ok(())
}

fn cachelens(address: SocketAddr) -> Outcome<Duration> {
    let source =
        format!("s3://{PLACE}?region=us-east-1&endpoint_url=http://{address}&use_path_style=true");
    run(
        env!("CARGO_BIN_EXE_cachelens"),
        "",
        &["du", "--json", "--quiet", &source],
    )
}

fn of_aws(address: SocketAddr) -> Outcome<Duration> {
    let (place, endpoint) = (format!("s3://{PLACE}"), format!("http://{address}"));
    run(
        "aws",
        "pip install awscli",
        &[
            "s3",
            "ls",
            "--recursive",
            "--endpoint-url",
            &endpoint,
            &place,
        ],
    )
}

fn of_rclone(address: SocketAddr) -> Outcome<Duration> {
    let remote = format!(
        ":s3,provider=Other,env_auth=true,region=us-east-1,force_path_style=true,list_version=2,endpoint=\"http://{address}\":{PLACE}"
    );
    run("rclone", "apt-get install rclone", &["lsf", "-R", &remote])
}

/// Runs a program to its end; `install` is the command that installs it.
fn run(program: &str, install: &str, arguments: &[&str]) -> Outcome<Duration> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // rclone does not accept it.
        .env_remove("AWS_CA_BUNDLE")
        .stdout(Stdio::null());
    time(|| match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed: {status}").into()),
        Err(error) => {
            Err(format!("{program} cannot be run: {error}; install it: {install}").into())
        }
    })
}

/// A bucket in memory.
#[derive(Clone)]
struct Service {
    objects: Arc<BTreeMap<String, i64>>,
    /// The delay of each answer, in milliseconds.
    delay: Arc<AtomicU64>,
    modified: Timestamp,
}

impl Service {
    fn new() -> Self {
        let blobs = (0..BLOBS).map(|number| {
            let digest = Digest::of(&number.to_le_bytes());
            (format!("cache/blobs/{digest}"), i64::from(number))
        });
        let objects = blobs.chain([(MANIFEST.to_owned(), 2)]).collect();
        Self {
            objects: Arc::new(objects),
            delay: Arc::default(),
            modified: SystemTime::UNIX_EPOCH.into(),
        }
    }

    async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(self.delay.load(Ordering::Relaxed))).await;
    }
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.wait().await;
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let mut after = input
            .continuation_token
            .or(input.start_after)
            .unwrap_or_default();
        // rclone sends an empty delimiter, which means none.
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let most = usize::try_from(input.max_keys.unwrap_or(1000))
            .unwrap_or(1000)
            .min(1000);
        let (mut contents, mut folders): (Vec<Object>, Vec<CommonPrefix>) =
            (Vec::new(), Vec::new());
        let mut truncated = false;
        loop {
            let from = if after < prefix {
                Bound::Included(prefix.clone())
            } else {
                Bound::Excluded(after.clone())
            };
            let mut leap = None;
            for (key, size) in self
                .objects
                .range((from, Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(&prefix))
            {
                if contents.len() + folders.len() == most {
                    truncated = true;
                    break;
                }
                after.clone_from(key);
                let rest = &key[prefix.len()..];
                if let Some((folder, _)) = delimiter
                    .as_deref()
                    .and_then(|delimiter| rest.split_once(delimiter))
                {
                    let folder = format!("{prefix}{folder}/");
                    leap = Some(format!("{folder}~"));
                    folders.push(CommonPrefix {
                        prefix: Some(folder),
                    });
                    break;
                }
                contents.push(Object {
                    key: Some(key.clone()),
                    size: Some(*size),
                    last_modified: Some(self.modified.clone()),
                    ..Object::default()
                });
            }
            match leap {
                Some(leap) => after = leap,
                None => break,
            }
        }
        let count = i32::try_from(contents.len() + folders.len()).unwrap_or_default();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            delimiter,
            key_count: Some(count),
            max_keys: Some(1000),
            is_truncated: Some(truncated),
            next_continuation_token: truncated.then_some(after),
            contents: Some(contents),
            common_prefixes: Some(folders),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn head_object(
        &self,
        _: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.wait().await;
        // The requests are for folders, to check whether they are objects.
        Err(s3_error!(NoSuchKey))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.wait().await;
        if request.input.key != MANIFEST {
            return Err(s3_error!(NoSuchKey));
        }
        let body = StreamingBlob::from(s3s::Body::from("{}".to_owned()));
        Ok(S3Response::new(GetObjectOutput {
            body: Some(body),
            content_length: Some(2),
            ..GetObjectOutput::default()
        }))
    }

    async fn get_bucket_versioning(
        &self,
        _: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.wait().await;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn list_multipart_uploads(
        &self,
        _: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.wait().await;
        Ok(S3Response::new(ListMultipartUploadsOutput::default()))
    }
}

fn serve(runtime: &Runtime, service: Service) -> Outcome<SocketAddr> {
    let mut service = S3ServiceBuilder::new(service);
    service.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        let server = Builder::new(TokioExecutor::new());
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            let connection = server
                .serve_connection(TokioIo::new(socket), service.clone())
                .into_owned();
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
    });
    Ok(address)
}
