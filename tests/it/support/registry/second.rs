//! A stateful registry in this process: pages by `Link`, tokens that expire, limits, blobs at other
//! hosts, deletion by tag, and broken answers on request.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{PASSWORD, Pushed, USER, blobs_of};
use crate::support::fixture::Fixture;
use crate::support::http::{Answer, Request};

mod packages;

pub use packages::{Packages, TOKEN};

/// A manifest with its media type.
pub type Manifest = (String, Vec<u8>);

/// The content and behaviour of the registry.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way to behave")]
pub struct State {
    /// The digests of the tags, by repository.
    pub tags: BTreeMap<String, BTreeMap<String, Digest>>,
    /// Manifests, by repository and digest.
    pub manifests: HashMap<(String, Digest), Manifest>,
    /// Blobs; all repositories share them.
    pub blobs: HashMap<Digest, Vec<u8>>,
    /// Manifests with referrers.
    pub referrers: HashSet<Digest>,
    /// Descriptors of the referrers of a manifest.
    pub referring: HashMap<Digest, Value>,
    /// The number of names per page, regardless of the request; `None` for all at once.
    pub page: Option<usize>,
    /// Whether each page names itself as the next.
    pub loops: bool,
    /// The address before the path of the next page; `None` for the registry itself.
    pub links_to: Option<String>,
    /// Whether pages omit the address of the next one.
    pub drops_links: bool,
    /// Whether each page of a list has one new name and announces another page.
    pub goes_on: bool,
    /// The address of the token service; `None` for the registry itself.
    pub realm: Option<String>,
    /// Whether single tags can be deleted.
    pub deletes_tags: bool,
    /// Whether deleting a tag also deletes the manifest with all its tags.
    pub takes_siblings: bool,
    /// Whether deletions are refused.
    pub refuses_deletion: bool,
    /// Whether a token is required.
    pub tokens: bool,
    /// Whether tokens require a login.
    pub private: bool,
    /// The challenge of `/v2/`; `None` if it asks for nothing.
    pub challenge: Option<String>,
    /// The number of requests until a token expires.
    pub token_serves: Option<usize>,
    /// The identity token that is exchanged for others, instead of a user and a password.
    pub identity: Option<String>,
    /// GitHub's packages API, if this is one of GitHub's registries; then the registry itself
    /// deletes nothing.
    pub packages: Option<Packages>,
    /// Whether referrers can be listed.
    pub tells_referrers: bool,
    /// The host of the blobs, if they are elsewhere.
    pub blobs_at: Option<String>,
    /// Replacement answers for the next requests whose line contains the text.
    pub faults: VecDeque<(String, Answer)>,
    /// Changes to tags after each of the next replacement answers: pushes by others.
    pub moves: Vec<(String, String, Option<Digest>)>,
    /// The delay of each answer.
    pub latency: Duration,
    /// The number of manifest bytes per piece, and the pause between pieces.
    pub drip: Option<(usize, Duration)>,
    /// Method and path of each request, in order.
    pub requests: Vec<String>,
    /// The line and the `authorization` header of each request that has one.
    pub logins: Vec<(String, String)>,
    valid: HashMap<String, (String, usize)>,
    given: usize,
}

/// The running registry.
pub struct SecondRegistry {
    host: String,
    state: Arc<Mutex<State>>,
}

impl SecondRegistry {
    /// Starts an empty registry.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State {
            deletes_tags: true,
            tells_referrers: true,
            ..State::default()
        }));
        let (shared, base) = (Arc::clone(&state), host.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, base) = (Arc::clone(&shared), base.clone());
                thread::spawn(move || serve(&stream, &state, &base));
            }
        });
        Self { host, state }
    }

    /// Starts a registry with the repositories of a set of fixtures.
    pub fn with(set: &str) -> Self {
        let registry = Self::start();
        let fixture = Fixture::named(set);
        let mut state = registry.state();
        for pushed in fixture.json::<Vec<Pushed>>("registry.json") {
            let bytes = fixture.blob(pushed.digest);
            state.blobs.extend(
                blobs_of(&bytes)
                    .into_iter()
                    .map(|blob| (blob, fixture.blob(blob))),
            );
            state.manifests.insert(
                (pushed.repository.clone(), pushed.digest),
                (pushed.media_type, bytes),
            );
            let tags = state.tags.entry(pushed.repository).or_default();
            tags.extend(pushed.tags.into_iter().map(|tag| (tag, pushed.digest)));
        }
        drop(state);
        registry
    }

    /// Returns the state; the registry waits while it is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns its name and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Counts the requests whose line begins with `start`.
    pub fn asked(&self, start: &str) -> usize {
        self.state()
            .requests
            .iter()
            .filter(|line| line.starts_with(start))
            .count()
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>, host: &str) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let latency = state.lock().unwrap().latency;
        thread::sleep(latency);
        let answer = state.lock().unwrap().answer(&request, host);
        let drip = state.lock().unwrap().drip;
        if let Some((bytes, pause)) = drip.filter(|_| request.path.contains("/manifests/")) {
            if answer.write_slowly(&request, stream, bytes, pause).is_err() {
                return;
            }
        } else if answer.write(&request, stream).is_err() {
            return;
        }
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::json(
        status,
        &json!({"errors": [{"code": code, "message": "refused"}]}),
    )
}

impl State {
    fn answer(&mut self, request: &Request, host: &str) -> Answer {
        let line = format!("{} {}", request.method, request.path);
        self.requests.push(line.clone());
        if let Some(login) = request.headers.get("authorization") {
            self.logins.push((line.clone(), login.clone()));
        }
        if self
            .faults
            .front()
            .is_some_and(|(when, _)| line.contains(when.as_str()))
        {
            for (repository, tag, digest) in std::mem::take(&mut self.moves) {
                let tags = self.tags.entry(repository).or_default();
                match digest {
                    Some(digest) => tags.insert(tag, digest),
                    None => tags.remove(&tag),
                };
            }
            return self.faults.pop_front().unwrap().1;
        }
        if request.path == "/token" {
            return self.token(request);
        }
        if let Some(path) = request.path.strip_prefix("/api/") {
            return packages::answer(self, request, path);
        }
        let Some(path) = request.path.strip_prefix("/v2/") else {
            return error(404, "NOT_FOUND");
        };
        if path.is_empty() {
            return match &self.challenge {
                Some(challenge) => error(401, "UNAUTHORIZED").with("www-authenticate", challenge),
                None => Answer::json(200, &json!({})),
            };
        }
        if let Some(refusal) = self.check(request, path, host) {
            return refusal;
        }
        if path == "_catalog" {
            let names: Vec<String> = self.tags.keys().cloned().collect();
            return self.list(request, "repositories", &names);
        }
        let parts: Vec<&str> = path.rsplitn(3, '/').collect();
        let [reference, kind, repository] = parts[..] else {
            return error(404, "NAME_UNKNOWN");
        };
        match (request.method.as_str(), kind) {
            ("GET", "tags") => match self.tags.get(repository) {
                Some(tags) => {
                    let names: Vec<String> = tags.keys().cloned().collect();
                    self.list(request, "tags", &names)
                }
                None => error(404, "NAME_UNKNOWN"),
            },
            ("GET" | "HEAD", "manifests") => self.manifest(repository, reference),
            ("PUT", "manifests") => {
                let digest = Digest::of(&request.body);
                let kind = request.headers["content-type"].clone();
                self.manifests.insert(
                    (repository.to_owned(), digest),
                    (kind, request.body.clone()),
                );
                // A manifest that is put by digest has no tag.
                if reference.parse::<Digest>().is_err() {
                    self.tags
                        .entry(repository.to_owned())
                        .or_default()
                        .insert(reference.to_owned(), digest);
                }
                Answer::empty(201).with("docker-content-digest", digest)
            }
            ("DELETE", "manifests") => self.delete(repository, reference),
            ("GET" | "HEAD", "blobs") => {
                let digest: Digest = reference.parse().unwrap();
                match (&self.blobs_at, self.blobs.get(&digest)) {
                    (_, None) => error(404, "BLOB_UNKNOWN"),
                    (Some(elsewhere), Some(_)) => Answer::empty(307).with(
                        "location",
                        format!("http://{elsewhere}{}?signature=sIgNeD", request.path),
                    ),
                    (None, Some(bytes)) => Answer {
                        status: 200,
                        headers: Vec::new(),
                        body: bytes.clone(),
                    },
                }
            }
            ("GET", "referrers") if self.tells_referrers => {
                let refers = reference
                    .parse()
                    .is_ok_and(|digest: Digest| self.referrers.contains(&digest));
                let one = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::of(b"x").to_string(), "size": 1});
                let known = reference
                    .parse()
                    .ok()
                    .and_then(|digest: Digest| self.referring.get(&digest).cloned());
                let all: Vec<Value> = refers.then_some(one).into_iter().chain(known).collect();
                Answer::json(
                    200,
                    &json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": all}),
                )
            }
            _ => error(404, "UNSUPPORTED"),
        }
    }

    fn token(&mut self, request: &Request) -> Answer {
        let expected =
            base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let login = request.headers.get("authorization").map(String::as_str);
        let form: HashMap<String, String> = request.form();
        match login {
            None if self.identity.is_some() => {
                let is_right = form.get("grant_type").map(String::as_str) == Some("refresh_token")
                    && form.get("refresh_token") == self.identity.as_ref();
                if !is_right {
                    return error(401, "UNAUTHORIZED");
                }
            }
            Some(login) if login == format!("Basic {expected}") => {}
            None if !self.private => {}
            Some(_) | None => return error(401, "UNAUTHORIZED"),
        }
        self.given += 1;
        let token = format!("tOkEn{}", self.given);
        let scope = request
            .query
            .get("scope")
            .or_else(|| form.get("scope"))
            .cloned()
            .unwrap_or_default();
        self.valid.insert(
            token.clone(),
            (scope, self.token_serves.unwrap_or(usize::MAX)),
        );
        Answer::json(200, &json!({"token": token, "expires_in": 300}))
    }

    /// Rejects requests without a token, or with an expired one, or one of another scope.
    fn check(&mut self, request: &Request, path: &str, host: &str) -> Option<Answer> {
        if !self.tokens {
            return None;
        }
        let scope = match path.split("/manifests/").next() {
            _ if path == "_catalog" => "registry:catalog:*".to_owned(),
            Some(repository) if request.method == "DELETE" => {
                format!("repository:{repository}:pull,push,delete")
            }
            _ => {
                let repository = path
                    .split("/manifests/")
                    .next()?
                    .split("/tags/")
                    .next()?
                    .split("/blobs/")
                    .next()?;
                format!("repository:{repository}:pull")
            }
        };
        let token = request
            .headers
            .get("authorization")
            .and_then(|login| login.strip_prefix("Bearer "));
        if let Some((granted, left)) = token.and_then(|token| self.valid.get_mut(token))
            && granted.starts_with(&scope)
            && *left > 0
        {
            *left -= 1;
            return None;
        }
        let own = format!("http://{host}/token");
        let realm = self.realm.as_deref().unwrap_or(&own);
        let challenge = format!("Bearer realm=\"{realm}\",service=\"second\",scope=\"{scope}\"");
        Some(error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
    }

    /// Answers a list by pages; each page names the next.
    fn list(&self, request: &Request, name: &str, names: &[String]) -> Answer {
        if self.goes_on {
            let number = self.requests.len();
            let link = format!("<{}?last={number}>; rel=\"next\"", request.path);
            let page = json!({ name: [format!("name-{number}")] });
            return Answer::json(200, &page).with("link", link);
        }
        let Some(size) = self.page else {
            return Answer::json(200, &json!({ name: names }));
        };
        let last = request.query.get("last").cloned().unwrap_or_default();
        let rest: Vec<&String> = names.iter().filter(|name| **name > last).collect();
        let page: Vec<&String> = rest.iter().copied().take(size).collect();
        let answer = Answer::json(200, &json!({ name: page }));
        match page.last() {
            Some(_) if self.loops => {
                answer.with("link", format!("<{}?n={size}>; rel=\"next\"", request.path))
            }
            Some(last) if rest.len() > size && !self.drops_links => {
                let place = self.links_to.as_deref().unwrap_or_default();
                answer.with(
                    "link",
                    format!(
                        "<{place}{}?last={last}&n={size}>; rel=\"next\"",
                        request.path
                    ),
                )
            }
            _ => answer,
        }
    }

    fn manifest(&self, repository: &str, reference: &str) -> Answer {
        let tagged = self
            .tags
            .get(repository)
            .and_then(|tags| tags.get(reference))
            .copied();
        let found = tagged.or_else(|| reference.parse().ok());
        match found.and_then(|digest| {
            Some((
                digest,
                self.manifests.get(&(repository.to_owned(), digest))?,
            ))
        }) {
            Some((digest, (kind, bytes))) => {
                let headers = vec![("content-type".to_owned(), kind.clone())];
                Answer {
                    status: 200,
                    headers,
                    body: bytes.clone(),
                }
                .with("docker-content-digest", digest)
            }
            None => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn delete(&mut self, repository: &str, reference: &str) -> Answer {
        if self.refuses_deletion || self.packages.is_some() {
            return error(405, "UNSUPPORTED");
        }
        let tags = self.tags.get_mut(repository).unwrap();
        if let Ok(digest) = reference.parse::<Digest>() {
            tags.retain(|_, found| *found != digest);
            return match self.manifests.remove(&(repository.to_owned(), digest)) {
                Some(_) => Answer::empty(202),
                None => error(404, "MANIFEST_UNKNOWN"),
            };
        }
        if !self.deletes_tags {
            return error(400, "UNSUPPORTED");
        }
        match tags.remove(reference) {
            Some(digest) if self.takes_siblings => {
                tags.retain(|_, found| *found != digest);
                self.manifests.remove(&(repository.to_owned(), digest));
                Answer::empty(202)
            }
            Some(_) => Answer::empty(202),
            None => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    /// Adds tags with the digest of an existing tag.
    pub fn tag(&mut self, repository: &str, from: &str, names: impl IntoIterator<Item = String>) {
        let tags = self.tags.get_mut(repository).unwrap();
        let digest = tags[from];
        tags.extend(names.into_iter().map(|name| (name, digest)));
    }

    /// Returns the names of the tags of a repository.
    pub fn names(&self, repository: &str) -> Vec<&str> {
        self.tags[repository].keys().map(String::as_str).collect()
    }

    /// Puts a manifest under a tag.
    pub fn put(&mut self, repository: &str, tag: &str, manifest: &Value) -> Digest {
        let bytes = manifest.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let kind = manifest["mediaType"].as_str().unwrap().to_owned();
        self.manifests
            .insert((repository.to_owned(), digest), (kind, bytes));
        self.tags
            .entry(repository.to_owned())
            .or_default()
            .insert(tag.to_owned(), digest);
        digest
    }
}
