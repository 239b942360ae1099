//! A proxy between the program and an S3 service: it forwards everything, apart from the faults
//! that a test requests.

use std::collections::HashMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::S3Server;
use crate::support::http::{Answer, Request};

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wants {
    List,
    ListUploads,
    ListVersions,
    /// Another operation on the bucket.
    Bucket,
    Head,
    Get,
    Put,
    Delete,
    DeleteMany,
    Abort,
}

/// A request.
pub struct Seen<'a> {
    pub wants: Wants,
    /// The key, the listed prefix, or the last parts of the keys to delete.
    pub key: &'a str,
    /// The number of earlier requests of this kind.
    pub before: usize,
    pub headers: &'a HashMap<String, String>,
}

/// A fault of a request.
#[derive(Clone)]
pub enum Fault {
    /// The service returns this answer, and does nothing.
    Says(Answer),
    /// The connection ends before the operation.
    Reset,
    /// The operation is done, and the connection ends before the answer.
    Lost,
    /// The answer ends in the middle.
    Cut,
    /// The body of the answer ends after this many bytes.
    Ends(usize, Length),
    /// The service reports that everything is deleted, and does nothing.
    Pretends,
    /// The answer comes in pieces, with pauses.
    Slow(Duration),
    /// The answer is delayed.
    Late(Duration),
    /// A list is marked as truncated, without a token to continue.
    NoToken,
    /// A list always returns the first page.
    SamePage,
    /// Keys that contain the text are refused with the code; the rest of the batch is deleted.
    Refuses(&'static str, &'static str),
    /// Keys are deleted only if their conditions hold.
    ChecksConditions,
    /// Keys are deleted only if their conditions hold, apart from the one about the time.
    ChecksAllButTime,
    /// A list returns its keys in reverse order.
    Backwards,
    /// A list returns no tags.
    NoTags,
    /// The request is changed. Only for services that do not check signatures.
    Asks(fn(&str) -> String),
}

/// The announced length of a body that ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// That of the part.
    OfPart,
    /// That of the whole.
    OfWhole,
    /// None: the connection ends with the body.
    Unsaid,
}

/// An S3 error.
pub fn error(status: u16, code: &str) -> Fault {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said the proxy</Message></Error>"
    );
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    Fault::Says(Answer {
        status,
        headers,
        body: body.into_bytes(),
    })
}

type Script = Box<dyn FnMut(&Seen<'_>) -> Option<Fault> + Send>;

struct State {
    script: Script,
    counts: HashMap<Wants, usize>,
    first_page: Option<Vec<u8>>,
    /// The last answers that were forwarded unchanged, by operation and key.
    bodies: HashMap<(Wants, String), Vec<u8>>,
}

/// The proxy.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Starts in front of a service; the script returns the fault of each request.
    pub fn before(
        server: &S3Server,
        script: impl FnMut(&Seen<'_>) -> Option<Fault> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            script: Box::new(script),
            counts: HashMap::new(),
            first_page: None,
            bodies: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (shared, upstream, client) = (Arc::clone(&state), server.address(), server.client());
        let (runtime, writing) = (server.handle(), Arc::new(RwLock::new(())));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, writing) = (Arc::clone(&shared), Arc::clone(&writing));
                let (client, runtime) = (client.clone(), runtime.clone());
                thread::spawn(move || {
                    serve(
                        &stream,
                        &Behind {
                            state,
                            upstream,
                            client,
                            runtime,
                            writing,
                        },
                    );
                });
            }
        });
        Self { address, state }
    }

    /// Replaces the script.
    pub fn now(&self, script: impl FnMut(&Seen<'_>) -> Option<Fault> + Send + 'static) {
        self.state.lock().unwrap().script = Box::new(script);
    }

    /// Returns the body of the last answer for a key or prefix that was forwarded unchanged.
    pub fn body(&self, wants: Wants, key: &str) -> Vec<u8> {
        self.state.lock().unwrap().bodies[&(wants, key.to_owned())].clone()
    }

    /// Returns the number of requests of a kind.
    pub fn seen(&self, wants: Wants) -> usize {
        self.state
            .lock()
            .unwrap()
            .counts
            .get(&wants)
            .copied()
            .unwrap_or_default()
    }
}

struct Behind {
    state: Arc<Mutex<State>>,
    upstream: SocketAddr,
    client: Client,
    runtime: tokio::runtime::Handle,
    /// Locked for reading during writes, and for writing during conditional deletions, so that no
    /// write comes between the check and the deletion.
    writing: Arc<RwLock<()>>,
}

fn serve(stream: &TcpStream, behind: &Behind) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        if behind.answer(&request, stream).is_none() {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

impl Behind {
    /// Answers a request; `None` closes the connection.
    fn answer(&self, request: &Request, mut stream: &TcpStream) -> Option<()> {
        let wants = wants(request);
        let fault = {
            let mut state = self.state.lock().unwrap();
            let count = state.counts.entry(wants).or_default();
            let before = std::mem::replace(count, *count + 1);
            let key = key(request);
            (state.script)(&Seen {
                wants,
                key: &key,
                before,
                headers: &request.headers,
            })
        };
        let whole = |answer: &Answer| head(request, answer);
        match fault {
            None => {
                let _writing = (wants == Wants::Put).then(|| self.writing.read().unwrap());
                let answer = self.pass_on(request)?;
                let about = (wants, key(request));
                let mut state = self.state.lock().unwrap();
                state.bodies.insert(about, answer.body.clone());
                drop(state);
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::Ends(end, length)) => {
                let answer = self.pass_on(request)?;
                let _ = stream.write_all(&part(request, &answer, end, length));
                // Only the end of the connection marks the end of such a body.
                (length == Length::OfPart).then_some(())
            }
            Some(Fault::Pretends) => {
                let answer = match wants {
                    Wants::DeleteMany => pretend(request),
                    _ => Answer::empty(204),
                };
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::Says(answer)) => stream.write_all(&whole(&answer)).ok(),
            Some(Fault::Reset) => None,
            Some(Fault::Lost) => {
                self.pass_on(request)?;
                None
            }
            Some(Fault::Cut) => {
                let bytes = whole(&self.pass_on(request)?);
                let body = bytes.windows(4).position(|at| at == b"\r\n\r\n").unwrap() + 4;
                let _ = stream.write_all(&bytes[..body + (bytes.len() - body) / 2]);
                None
            }
            Some(Fault::Slow(pause)) => {
                let bytes = whole(&self.pass_on(request)?);
                for piece in bytes.chunks(bytes.len().div_ceil(4)) {
                    thread::sleep(pause);
                    stream.write_all(piece).ok()?;
                }
                Some(())
            }
            Some(Fault::Late(pause)) => {
                thread::sleep(pause);
                let answer = self.pass_on(request)?;
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::NoToken) => {
                let mut answer = self.pass_on(request)?;
                let text = String::from_utf8(answer.body).unwrap();
                let text = without(&text, "NextContinuationToken");
                answer.body = text
                    .replace("<IsTruncated>false", "<IsTruncated>true")
                    .into_bytes();
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::SamePage) => {
                let mut answer = self.pass_on(request)?;
                let first = self
                    .state
                    .lock()
                    .unwrap()
                    .first_page
                    .get_or_insert(answer.body)
                    .clone();
                let text = String::from_utf8(first).unwrap();
                answer.body = text
                    .replace("<IsTruncated>false", "<IsTruncated>true")
                    .into_bytes();
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::Refuses(text, code)) => {
                let refuse = |asked: &Asked| asked.key.contains(text).then(|| code.to_owned());
                stream
                    .write_all(&whole(&self.delete_many(request, refuse)))
                    .ok()
            }
            Some(Fault::Backwards) => {
                let mut answer = self.pass_on(request)?;
                let text = String::from_utf8(answer.body).unwrap();
                answer.body = backwards(&text).into_bytes();
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::NoTags) => {
                let mut answer = self.pass_on(request)?;
                let mut text = String::from_utf8(answer.body).unwrap();
                while text.contains("<ETag>") {
                    text = without(&text, "ETag");
                }
                answer.body = text.into_bytes();
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::Asks(what)) => {
                let answer = self.pass_on_as(request, &what(&request.target))?;
                stream.write_all(&whole(&answer)).ok()
            }
            Some(fault @ (Fault::ChecksConditions | Fault::ChecksAllButTime)) => {
                let _alone = self.writing.write().unwrap();
                let refuse = |asked: &Asked| {
                    let head = self
                        .client
                        .head_object()
                        .bucket(bucket(request))
                        .key(&asked.key);
                    let found = self.runtime.block_on(head.send()).ok()?;
                    let tag = asked
                        .tag
                        .as_ref()
                        .is_none_or(|tag| Some(tag.as_str()) == found.e_tag());
                    let time = found
                        .last_modified()
                        .map(aws_sdk_s3::primitives::DateTime::secs);
                    let time = asked.time.is_none_or(|asked| {
                        Some(asked) == time || matches!(fault, Fault::ChecksAllButTime)
                    });
                    let size = asked
                        .size
                        .is_none_or(|asked| Some(asked) == found.content_length());
                    (!tag || !time || !size).then(|| "PreconditionFailed".to_owned())
                };
                stream
                    .write_all(&whole(&self.delete_many(request, refuse)))
                    .ok()
            }
        }
    }

    /// Forwards a request to the service.
    fn pass_on(&self, request: &Request) -> Option<Answer> {
        self.pass_on_as(request, &request.target)
    }

    fn pass_on_as(&self, request: &Request, target: &str) -> Option<Answer> {
        let mut upstream = TcpStream::connect(self.upstream).ok()?;
        let mut head = format!(
            "{} {target} HTTP/1.1\r\nconnection: close\r\n",
            request.method
        );
        for (name, value) in request
            .headers
            .iter()
            .filter(|(name, _)| *name != "connection")
        {
            head.extend([name, ": ", value, "\r\n"]);
        }
        upstream.write_all(head.as_bytes()).ok()?;
        upstream.write_all(b"\r\n").ok()?;
        upstream.write_all(&request.body).ok()?;
        let mut bytes = Vec::new();
        upstream.read_to_end(&mut bytes).ok()?;
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut body = bytes.split_off(end + 4);
        if headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked")
        {
            body = joined(&body)?;
        }
        Some(Answer {
            status,
            headers,
            body,
        })
    }

    /// Deletes keys in place of the service, except for refused ones.
    fn delete_many(&self, request: &Request, refuse: impl Fn(&Asked) -> Option<String>) -> Answer {
        let (mut done, mut errors) = (String::new(), String::new());
        let mut going = Vec::new();
        for asked in asked(&request.body) {
            if let Some(code) = refuse(&asked) {
                let message = "</Code><Message>said the proxy</Message></Error>";
                errors.extend(["<Error><Key>", &asked.key, "</Key><Code>", &code, message]);
            } else {
                done.extend(["<Deleted><Key>", &asked.key, "</Key></Deleted>"]);
                going.push(ObjectIdentifier::builder().key(&asked.key).build().unwrap());
            }
        }
        if !going.is_empty() {
            let delete = Delete::builder().set_objects(Some(going)).build().unwrap();
            let delete = self
                .client
                .delete_objects()
                .bucket(bucket(request))
                .delete(delete);
            self.runtime.block_on(delete.send()).unwrap();
        }
        let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
        let body = format!("<?xml version=\"1.0\"?><DeleteResult>{done}{errors}</DeleteResult>");
        Answer {
            status: 200,
            headers,
            body: body.into_bytes(),
        }
    }
}

/// Reports all keys as deleted.
fn pretend(request: &Request) -> Answer {
    let mut done = String::new();
    for asked in asked(&request.body) {
        done.extend(["<Deleted><Key>", &asked.key, "</Key></Deleted>"]);
    }
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    let body = format!("<?xml version=\"1.0\"?><DeleteResult>{done}</DeleteResult>");
    Answer {
        status: 200,
        headers,
        body: body.into_bytes(),
    }
}

/// A key to delete, with its conditions.
struct Asked {
    key: String,
    tag: Option<String>,
    time: Option<i64>,
    size: Option<i64>,
}

fn asked(body: &[u8]) -> Vec<Asked> {
    let text = String::from_utf8_lossy(body);
    let field = |object: &str, name: &str| {
        let (_, after) = object.split_once(&format!("<{name}>"))?;
        let (value, _) = after.split_once(&format!("</{name}>"))?;
        Some(
            value
                .replace("&quot;", "\"")
                .replace("&#34;", "\"")
                .replace("&amp;", "&"),
        )
    };
    let seconds = |time: String| {
        aws_sdk_s3::primitives::DateTime::from_str(
            &time,
            aws_sdk_s3::primitives::DateTimeFormat::HttpDate,
        )
    };
    let objects = text.split("<Object>").skip(1);
    let asked = objects.map(|object| Asked {
        key: field(object, "Key").unwrap(),
        tag: field(object, "ETag"),
        time: field(object, "LastModifiedTime").map(|time| seconds(time).unwrap().secs()),
        size: field(object, "Size").map(|size| size.parse().unwrap()),
    });
    asked.collect()
}

fn wants(request: &Request) -> Wants {
    let has = |name: &str| {
        let query = request
            .target
            .split_once('?')
            .map(|(_, query)| query)
            .unwrap_or_default();
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let is_bucket = request.path.trim_matches('/').split('/').count() == 1;
    match request.method.as_str() {
        "GET" if is_bucket && has("list-type") => Wants::List,
        "GET" if is_bucket && has("uploads") => Wants::ListUploads,
        "GET" if is_bucket && has("versions") => Wants::ListVersions,
        "POST" if is_bucket && has("delete") => Wants::DeleteMany,
        _ if is_bucket => Wants::Bucket,
        "HEAD" => Wants::Head,
        "GET" => Wants::Get,
        "PUT" | "POST" => Wants::Put,
        "DELETE" if has("uploadId") => Wants::Abort,
        "DELETE" => Wants::Delete,
        _ => Wants::Bucket,
    }
}

fn bucket(request: &Request) -> &str {
    request
        .path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default()
}

fn key(request: &Request) -> String {
    if wants(request) == Wants::DeleteMany {
        return asked(&request.body)
            .iter()
            .map(|asked| asked.key.rsplit('/').next().unwrap())
            .collect::<Vec<_>>()
            .join(" ");
    }
    let path = request.path.trim_start_matches('/');
    let key = path
        .split_once('/')
        .map(|(_, key)| key)
        .filter(|key| !key.is_empty());
    let decoded = |key: &str| {
        percent_encoding::percent_decode_str(key)
            .decode_utf8_lossy()
            .into_owned()
    };
    key.map_or_else(
        || request.query.get("prefix").cloned().unwrap_or_default(),
        decoded,
    )
}

/// The bytes of an answer. The length in the answer to a HEAD request is unchanged.
fn head(request: &Request, answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    let is_head = request.method == "HEAD";
    for (name, value) in &answer.headers {
        let is_ours = matches!(
            name.as_str(),
            "connection" | "transfer-encoding" | "keep-alive"
        );
        if !is_ours && (name != "content-length" || is_head) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    if !is_head && answer.status != 204 {
        head.extend(["content-length: ", &answer.body.len().to_string(), "\r\n"]);
    }
    let mut bytes = (head + "\r\n").into_bytes();
    if !is_head {
        bytes.extend(&answer.body);
    }
    bytes
}

/// The bytes of an answer whose body ends early.
fn part(request: &Request, answer: &Answer, end: usize, length: Length) -> Vec<u8> {
    let whole = head(request, answer);
    let start = whole.len() - answer.body.len();
    let length = match length {
        Length::OfPart => format!("content-length: {end}\r\n"),
        Length::OfWhole => format!("content-length: {}\r\n", answer.body.len()),
        Length::Unsaid => "connection: close\r\n".to_owned(),
    };
    let said = format!("content-length: {}\r\n", answer.body.len());
    let head = String::from_utf8(whole[..start].to_vec()).unwrap();
    let mut bytes = head.replace(&said, &length).into_bytes();
    bytes.extend(&answer.body[..end]);
    bytes
}

/// Joins the chunks of a body.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|at| at == b"\r\n")?;
        let length =
            usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        body = &body[end + 2..];
        if length == 0 {
            return Some(whole);
        }
        whole.extend(body.get(..length)?);
        body = body.get(length + 2..)?;
    }
}

/// A list with its keys in reverse order.
fn backwards(text: &str) -> String {
    const END: &str = "</Contents>";
    let (Some(from), Some(to)) = (text.find("<Contents>"), text.rfind(END)) else {
        return text.to_owned();
    };
    let (keys, rest) = (&text[from..to + END.len()], &text[to + END.len()..]);
    let keys: Vec<&str> = keys.split_inclusive(END).collect();
    let keys = keys.into_iter().rev().collect::<String>();
    format!("{}{keys}{rest}", &text[..from])
}

fn without(text: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    match (text.find(&open), text.find(&close)) {
        (Some(from), Some(to)) => format!("{}{}", &text[..from], &text[to + close.len()..]),
        _ => text.to_owned(),
    }
}
