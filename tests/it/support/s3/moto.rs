//! The S3 service of moto, as a separate process: one for all tests, which use different buckets.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

/// Where `tests/run` installs it if the Python in the path does not have it.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/moto/bin/python");
const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/support/s3/run_moto.py"
);

/// Returns a Python with moto.
pub(super) fn python() -> &'static str {
    if Path::new(INSTALLED).exists() {
        INSTALLED
    } else {
        "python3"
    }
}

/// The running service. It ends when its input is closed, so it ends with this process in any case.
pub struct Moto {
    pub address: SocketAddr,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _child: Child,
}

impl Moto {
    /// Returns the service; the first call starts it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let python = python();
        let mut command = Command::new(python);
        let started = command
            .arg(PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let hint = "`tests/run` installs it, as does: python3 -m venv target/moto && target/moto/bin/pip install 'moto[server,s3]'";
        let mut child = started
            .unwrap_or_else(|error| panic!("moto cannot be run by {python}: {error}; {hint}"));
        let (input, mut output) = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let port = port
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("moto cannot be run by {python}; {hint}"));
        Self {
            address: ([127, 0, 0, 1], port).into(),
            pipes: Mutex::new((input, output)),
            _child: child,
        }
    }

    /// Sets the time of an object in a bucket, or of all its objects.
    pub fn age(&self, bucket: &str, key: Option<&str>, moment: SystemTime) {
        match key {
            Some(key) => self.order(&json!(["age", bucket, seconds(moment), key])),
            None => self.order(&json!(["age", bucket, seconds(moment)])),
        }
    }

    /// Sets the time of the newest version of an object.
    pub fn age_newest(&self, bucket: &str, key: &str, moment: SystemTime) {
        self.order(&json!(["age_newest", bucket, seconds(moment), key]));
    }

    /// Stores an object.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        self.order(&json!([
            "put",
            bucket,
            key,
            BASE64_STANDARD.encode(content)
        ]));
    }

    fn order(&self, order: &Value) {
        let mut pipes = self.pipes.lock().unwrap();
        let (input, output) = &mut *pipes;
        input.write_all(format!("{order}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        drop(pipes);
        let name = &order[0];
        assert_eq!(answer, "done\n", "{name}");
    }
}

/// Returns a moment as seconds of the epoch.
fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).unwrap().as_secs()
}
