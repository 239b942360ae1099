//! Deletes the orphans of a large bucket, each after a recheck, alternating with `aws s3 rm`, which
//! does not recheck.
//!
//! The service is `s3s-fs` over a folder in this process. The bench fails with a message if `aws`
//! is missing.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use cachelens::format::digest::Digest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use crate::Outcome;
use crate::table::{Table, median, time};

const ORPHANS: u32 = 20_000;
const ROUNDS: usize = 3;
const BUCKET: &str = "large";
const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMIKEXAMPLEKEY";

pub fn measure(table: &mut Table) -> Outcome {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let address = runtime.block_on(serve(folder.path()))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        fill(folder.path())?;
        ours.push(time(|| prune(address, folder.path()))?);
        emptied(folder.path(), "cachelens")?;
        fill(folder.path())?;
        theirs.push(time(|| aws(address))?);
        emptied(folder.path(), "aws")?;
    }
    table.time(
        "s3: delete 20000 orphans, each looked at again; aws s3 rm",
        median(ours),
        median(theirs),
    );
    Ok(())
}

/// Serves a folder; returns its address.
async fn serve(folder: &Path) -> Outcome<SocketAddr> {
    let files = FileSystem::new(folder).map_err(|error| format!("s3s-fs: {error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let server = Builder::new(TokioExecutor::new());
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

/// Fills the bucket with unreferenced blobs, all a month old.
fn fill(folder: &Path) -> Outcome {
    let bucket = folder.join(BUCKET);
    fs::create_dir_all(bucket.join("blobs"))?;
    fs::create_dir_all(bucket.join("manifests"))?;
    fs::write(bucket.join("manifests/empty"), "{}")?;
    let then = SystemTime::now() - Duration::from_hours(24 * 30);
    for number in 0..ORPHANS {
        let bytes = number.to_le_bytes();
        let path = bucket.join("blobs").join(Digest::of(&bytes).to_string());
        fs::write(&path, bytes)?;
        File::options()
            .write(true)
            .open(&path)?
            .set_modified(then)?;
    }
    Ok(())
}

/// Checks that the blobs are deleted.
fn emptied(folder: &Path, who: &str) -> Outcome {
    let left = fs::read_dir(folder.join(BUCKET).join("blobs")).map_or(0, Iterator::count);
    if left == 0 {
        Ok(())
    } else {
        Err(format!("{who} left {left} blobs").into())
    }
}

fn prune(address: SocketAddr, journals: &Path) -> Outcome {
    let source =
        format!("s3://{BUCKET}?region=us-east-1&endpoint_url=http://{address}&use_path_style=true");
    let journal = journals.join("journal");
    let _ = fs::remove_file(&journal);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachelens"));
    command
        .args(["prune", &source, "--yes", "--journal"])
        .arg(journal);
    run(command)
}

fn aws(address: SocketAddr) -> Outcome {
    let mut command = Command::new("aws");
    command.args(["s3", "rm", "--recursive", "--only-show-errors"]);
    command.args([
        format!("s3://{BUCKET}/blobs/"),
        format!("--endpoint-url=http://{address}"),
    ]);
    run(command)
}

fn run(mut command: Command) -> Outcome {
    command
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::null());
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(|error| format!("{program}: {error}; is it installed?"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} failed: {status}").into())
    }
}
