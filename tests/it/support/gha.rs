//! GitHub's caches: a stateful server with the REST calls, both versions of the cache service for
//! jobs, and signed addresses for content.

use std::collections::{HashMap, VecDeque};
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cachelens::backend::Access;
use cachelens::backend::gha::GhaCache;
use cachelens::format::digest::Digest;
use cachelens::source::{GhaLocation, Secret};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::command::Sandbox;
use super::fixture::Fixture;
use super::http::Request;

mod answer;

pub use super::http::Answer;

/// The version in BuildKit's entries.
pub const BUILDKIT: &str = "693bb7016429d80366022f036f84856888c9f13e00145f5f6f4dce303a38d6f2";
/// The repository that the server has.
pub const REPOSITORY: &str = "acme/shop";
/// The token with all permissions.
pub const TOKEN: &str = "ghp_sEcReT0123456789";

/// An entry of the cache.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub id: u64,
    pub key: String,
    pub version: String,
    #[serde(rename = "ref")]
    pub git_ref: String,
    pub created_at: Timestamp,
    pub last_accessed_at: Timestamp,
    pub size_in_bytes: u64,
    #[serde(default, skip_serializing)]
    pub digest: Option<Digest>,
}

/// The state and behaviour of the server.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct State {
    pub entries: Vec<Entry>,
    contents: HashMap<Digest, Vec<u8>>,
    /// Entries that jobs have begun to save: key and version, and the content as far as it came.
    reserved: Vec<(String, String, Option<Vec<u8>>)>,
    /// Method, path and query of each request, in order.
    pub requests: Vec<String>,
    /// Whether the token may delete.
    pub read_only: bool,
    /// Whether the token of a job can only read.
    pub job_only_reads: bool,
    /// The delay of each answer.
    pub latency: Duration,
    /// Replacement answers for the next requests whose line contains the text.
    pub faults: VecDeque<(String, Answer)>,
    /// Whether a job reads all entries just after one of those answers.
    pub used_meanwhile: bool,
    /// The entries missing from lists, and the number of further answers that omit them.
    pub excluded: (Vec<u64>, usize),
    /// The existing branches.
    pub branches: Vec<String>,
    /// Open pull requests with their base branches.
    pub pulls: Vec<(u64, String)>,
    /// The scopes that a job's token may read, and may write if permitted.
    pub scopes: Vec<String>,
    /// Whether public data may be read without a token.
    pub is_public: bool,
    /// The number of deletions just before which the entries vanish.
    pub vanishing: usize,
    /// The number of deletions that are answered before the server closes the connection on every
    /// further one; `None` for no limit.
    pub deletions_left: Option<usize>,
    /// The quota in GB.
    pub quota: u64,
    /// The comments on issues and pull requests: number, whether a bot wrote it, body.
    pub comments: Vec<(u64, bool, String)>,
}

/// The running server.
pub struct Github {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Github {
    /// Starts a server whose cache is empty.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            branches: vec!["main".into()],
            scopes: vec!["refs/heads/main".into()],
            quota: 10,
            ..State::default()
        }));
        let (shared, base) = (Arc::clone(&state), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, base) = (Arc::clone(&shared), base.clone());
                thread::spawn(move || serve(&stream, &state, &base));
            }
        });
        Self { address, state }
    }

    /// Starts a server with the entries of a fixture; the newest is an hour old.
    pub fn of_fixture(name: &str) -> Self {
        let server = Self::start();
        let fixture = Fixture::named(name);
        let mut entries: Vec<Entry> = fixture.json("gha.json");
        let newest = entries
            .iter()
            .map(|entry| entry.last_accessed_at)
            .max()
            .unwrap();
        let shift = Timestamp::now().duration_since(newest) - SignedDuration::from_hours(1);
        for entry in &mut entries {
            entry.created_at += shift;
            entry.last_accessed_at += shift;
        }
        let contents = entries
            .iter()
            .filter_map(|entry| entry.digest)
            .map(|digest| (digest, fixture.blob(digest)));
        let mut state = server.state();
        state.contents = contents.collect();
        state.entries = entries;
        drop(state);
        server
    }

    /// Shifts all times, as if the tests ran at `now`.
    pub fn at_time(self, now: Timestamp) -> Self {
        let shift = now.duration_since(Timestamp::now());
        for entry in &mut self.state().entries {
            // In seconds, like GitHub's times, so that the elapsed time does not show.
            entry.created_at = (entry.created_at + shift)
                .round(jiff::Unit::Minute)
                .unwrap();
            entry.last_accessed_at = (entry.last_accessed_at + shift)
                .round(jiff::Unit::Minute)
                .unwrap();
        }
        self
    }

    /// Returns a reader of the repository that may also delete; in a job it reads contents, too.
    pub fn reader(&self, in_job: bool) -> Arc<GhaCache> {
        reader_at(&self.address, in_job.then(|| self.job_token(-60, 3600)))
    }

    /// Adds a blob of the default branch; returns its digest.
    pub fn add_blob(&self, content: Vec<u8>, hours_old: i64) -> Digest {
        let digest = Digest::of(&content);
        let mut state = self.state();
        let key = format!("buildkit-blob-1-{digest}");
        state.add(
            &key,
            BUILDKIT,
            "refs/heads/main",
            content.len() as u64,
            hours_old,
        );
        state.contents.insert(digest, content);
        state.entries.last_mut().unwrap().digest = Some(digest);
        digest
    }

    /// Adds an entry with the content of a blob under another name; returns its id.
    pub fn add_blob_as(&self, key: &str, content: &[u8]) -> u64 {
        let mut state = self.state();
        let id = state.add(key, BUILDKIT, "refs/heads/main", content.len() as u64, 1);
        let digest = Digest::of(content);
        state.contents.insert(digest, content.to_vec());
        state.entries.last_mut().unwrap().digest = Some(digest);
        id
    }

    /// Returns the state; the server waits while it is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns the address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Adds an entry without content; returns its id.
    pub fn add(&self, key: &str, version: &str, git_ref: &str, size: u64, hours_old: i64) -> u64 {
        self.state().add(key, version, git_ref, size, hours_old)
    }

    /// Adds an index of `scope` with this content.
    pub fn add_index(
        &self,
        scope: &str,
        git_ref: &str,
        number: u64,
        hours_old: i64,
        content: &[u8],
    ) -> u64 {
        let hash = Digest::of(git_ref.as_bytes());
        let key = format!("index-{scope}-1-{}#{number}", &hash.hex()[..8]);
        let mut state = self.state();
        let id = state.add(&key, BUILDKIT, git_ref, content.len() as u64, hours_old);
        let digest = Digest::of(content);
        state.contents.insert(digest, content.to_vec());
        state.entries.last_mut().unwrap().digest = Some(digest);
        id
    }

    /// Returns the program as a command that finds the server and has the token.
    pub fn command(&self, sandbox: &Sandbox) -> Command {
        let mut command = self.without_token(sandbox);
        command.env("GITHUB_TOKEN", TOKEN);
        command
    }

    /// Returns the program as a command that finds the server.
    pub fn without_token(&self, sandbox: &Sandbox) -> Command {
        let mut command = sandbox.command();
        command.env("GITHUB_API_URL", &self.address);
        command
    }

    /// Returns the program as a command that runs in a job.
    pub fn in_job(&self, sandbox: &Sandbox) -> Command {
        let mut command = self.command(sandbox);
        command
            .env("ACTIONS_CACHE_SERVICE_V2", "True")
            .env("ACTIONS_RESULTS_URL", format!("{}/", self.address));
        command.env("ACTIONS_RUNTIME_TOKEN", self.job_token(-60, 3600));
        command
    }

    /// Returns a job's token that is valid in this range of seconds from now.
    pub fn job_token(&self, from: i64, until: i64) -> String {
        let permission = if self.state().job_only_reads { 1 } else { 3 };
        let scopes: Vec<Value> = self
            .state()
            .scopes
            .iter()
            .map(|scope| json!({"Scope": scope, "Permission": permission}))
            .collect();
        let now = Timestamp::now().as_second();
        let claims =
            json!({"ac": json!(scopes).to_string(), "nbf": now + from, "exp": now + until});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!(
            "{}.{}.jObSiGnAtUrE",
            part(&json!({"alg": "RS256"})),
            part(&claims)
        )
    }
}

/// Returns a reader of the repository at a server, with the token of a job if there is one.
pub fn reader_at(address: &str, job_token: Option<String>) -> Arc<GhaCache> {
    let location = GhaLocation {
        repository: Some(REPOSITORY.parse().unwrap()),
        ghtoken: Some(Secret::new(TOKEN.to_owned())),
        url_v2: job_token.is_some().then(|| address.to_owned()),
        token: job_token.map(Secret::new),
        ..GhaLocation::default()
    };
    let access = Access {
        concurrency: 4,
        timeout: Duration::from_secs(20),
        ..Access::default()
    };
    Arc::new(GhaCache::at(address, &location, &access).unwrap())
}

impl State {
    /// Returns the content of an entry.
    pub fn content(&self, digest: Digest) -> &[u8] {
        &self.contents[&digest]
    }

    fn add(&mut self, key: &str, version: &str, git_ref: &str, size: u64, hours_old: i64) -> u64 {
        let id = self
            .entries
            .iter()
            .map(|entry| entry.id)
            .max()
            .unwrap_or_default()
            + 1;
        let then = Timestamp::now() - SignedDuration::from_hours(hours_old);
        self.entries.push(Entry {
            id,
            key: key.into(),
            version: version.into(),
            git_ref: git_ref.into(),
            created_at: then,
            last_accessed_at: then,
            size_in_bytes: size,
            digest: None,
        });
        id
    }

    /// Evicts like GitHub when the quota is exceeded: the least recently used entries first.
    pub fn evict(&mut self, limit: u64) {
        while self
            .entries
            .iter()
            .map(|entry| entry.size_in_bytes)
            .sum::<u64>()
            > limit
        {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|entry| entry.last_accessed_at)
                .unwrap()
                .id;
            self.entries.retain(|entry| entry.id != oldest);
        }
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>, base: &str) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let latency = state.lock().unwrap().latency;
        thread::sleep(latency);
        let Some(answer) = answer::answer(&mut state.lock().unwrap(), &request, base) else {
            return;
        };
        if answer.write(&request, stream).is_err() {
            return;
        }
    }
}
