//! A proxy between the program and an S3 service: it passes everything on, but for the faults that a test wants.

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

/// What a request wants of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wants {
    List,
    ListUploads,
    ListVersions,
    /// Anything else about the bucket.
    Bucket,
    Head,
    Get,
    Put,
    Delete,
    DeleteMany,
    Abort,
}

/// A request that came by.
pub struct Seen<'a> {
    pub wants: Wants,
    /// The key, the prefix that is listed, or the last parts of the keys that are to go.
    pub key: &'a str,
    /// How many of this kind there were before.
    pub before: usize,
    pub headers: &'a HashMap<String, String>,
}

/// What happens to a request.
#[derive(Clone)]
pub enum Fault {
    /// The service says this, and does nothing.
    Says(Answer),
    /// The connection ends before anything is done.
    Reset,
    /// It is done, and the connection ends before the answer.
    Lost,
    /// The answer ends in its middle.
    Cut,
    /// The answer comes in pieces, each after a while.
    Slow(Duration),
    /// The answer takes a while.
    Late(Duration),
    /// A list says that there is more, and how to go on is left out.
    NoToken,
    /// A list is the first page, whatever is asked for.
    SamePage,
    /// Keys that contain the text are refused with the code; the rest of the batch goes.
    Refuses(&'static str, &'static str),
    /// Keys go only when the conditions hold that are given for them.
    Heeds,
    /// Keys go only when the conditions hold that are given for them, but for the one about the time.
    HeedsNoTime,
    /// A list gives its keys in the reverse order.
    Backwards,
    /// A list gives no tags.
    NoTags,
    /// Something else is asked for. Only for services that check no signatures.
    Asks(fn(&str) -> String),
}

/// An answer of S3 that says what is wrong.
pub fn error(status: u16, code: &str) -> Fault {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said the proxy</Message></Error>");
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    Fault::Says(Answer { status, headers, body: body.into_bytes() })
}

type Script = Box<dyn FnMut(&Seen<'_>) -> Option<Fault> + Send>;

struct State {
    script: Script,
    counts: HashMap<Wants, usize>,
    first_page: Option<Vec<u8>>,
}

/// The proxy.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Stands before a service; the script says what happens to each request.
    pub fn before(server: &S3Server, script: impl FnMut(&Seen<'_>) -> Option<Fault> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { script: Box::new(script), counts: HashMap::new(), first_page: None };
        let state = Arc::new(Mutex::new(state));
        let (shared, upstream, client) = (Arc::clone(&state), server.address(), server.client());
        let (runtime, writing) = (server.handle(), Arc::new(RwLock::new(())));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, writing) = (Arc::clone(&shared), Arc::clone(&writing));
                let (client, runtime) = (client.clone(), runtime.clone());
                thread::spawn(move || serve(&stream, &Behind { state, upstream, client, runtime, writing }));
            }
        });
        Self { address, state }
    }

    /// Lets another script say what happens.
    pub fn now(&self, script: impl FnMut(&Seen<'_>) -> Option<Fault> + Send + 'static) {
        self.state.lock().unwrap().script = Box::new(script);
    }

    /// Returns how many requests of a kind came by.
    pub fn seen(&self, wants: Wants) -> usize {
        self.state.lock().unwrap().counts.get(&wants).copied().unwrap_or_default()
    }
}

struct Behind {
    state: Arc<Mutex<State>>,
    upstream: SocketAddr,
    client: Client,
    runtime: tokio::runtime::Handle,
    /// Held while something is written, and alone while keys go under conditions: between the look and the deed nothing comes.
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
    /// Answers a request; nothing when the connection is to end.
    fn answer(&self, request: &Request, mut stream: &TcpStream) -> Option<()> {
        let wants = wants(request);
        let fault = {
            let mut state = self.state.lock().unwrap();
            let count = state.counts.entry(wants).or_default();
            let before = std::mem::replace(count, *count + 1);
            let key = key(request);
            (state.script)(&Seen { wants, key: &key, before, headers: &request.headers })
        };
        let whole = |answer: &Answer| head(request, answer);
        match fault {
            None => {
                let _writing = (wants == Wants::Put).then(|| self.writing.read().unwrap());
                let answer = self.pass_on(request)?;
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
                answer.body = text.replace("<IsTruncated>false", "<IsTruncated>true").into_bytes();
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::SamePage) => {
                let mut answer = self.pass_on(request)?;
                let first = self.state.lock().unwrap().first_page.get_or_insert(answer.body).clone();
                let text = String::from_utf8(first).unwrap();
                answer.body = text.replace("<IsTruncated>false", "<IsTruncated>true").into_bytes();
                stream.write_all(&whole(&answer)).ok()
            }
            Some(Fault::Refuses(text, code)) => {
                let refuse = |asked: &Asked| asked.key.contains(text).then(|| code.to_owned());
                stream.write_all(&whole(&self.delete_many(request, refuse))).ok()
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
            Some(heeds @ (Fault::Heeds | Fault::HeedsNoTime)) => {
                let _alone = self.writing.write().unwrap();
                let refuse = |asked: &Asked| {
                    let head = self.client.head_object().bucket(bucket(request)).key(&asked.key);
                    let found = self.runtime.block_on(head.send()).ok()?;
                    let tag = asked.tag.as_ref().is_none_or(|tag| Some(tag.as_str()) == found.e_tag());
                    let time = found.last_modified().map(aws_sdk_s3::primitives::DateTime::secs);
                    let time =
                        asked.time.is_none_or(|asked| Some(asked) == time || matches!(heeds, Fault::HeedsNoTime));
                    let size = asked.size.is_none_or(|asked| Some(asked) == found.content_length());
                    (!tag || !time || !size).then(|| "PreconditionFailed".to_owned())
                };
                stream.write_all(&whole(&self.delete_many(request, refuse))).ok()
            }
        }
    }

    /// Asks the service.
    fn pass_on(&self, request: &Request) -> Option<Answer> {
        self.pass_on_as(request, &request.target)
    }

    fn pass_on_as(&self, request: &Request, target: &str) -> Option<Answer> {
        let mut upstream = TcpStream::connect(self.upstream).ok()?;
        let mut head = format!("{} {target} HTTP/1.1\r\nconnection: close\r\n", request.method);
        for (name, value) in request.headers.iter().filter(|(name, _)| *name != "connection") {
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
        if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            body = joined(&body)?;
        }
        Some(Answer { status, headers, body })
    }

    /// Deletes keys in the place of the service, those that are not refused.
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
            let delete = self.client.delete_objects().bucket(bucket(request)).delete(delete);
            self.runtime.block_on(delete.send()).unwrap();
        }
        let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
        let body = format!("<?xml version=\"1.0\"?><DeleteResult>{done}{errors}</DeleteResult>");
        Answer { status: 200, headers, body: body.into_bytes() }
    }
}

/// A key that is to go, and under which conditions.
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
        Some(value.replace("&quot;", "\"").replace("&#34;", "\"").replace("&amp;", "&"))
    };
    let seconds = |time: String| {
        aws_sdk_s3::primitives::DateTime::from_str(&time, aws_sdk_s3::primitives::DateTimeFormat::HttpDate)
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
        let query = request.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        query.split('&').any(|pair| pair.split('=').next() == Some(name))
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
    request.path.trim_start_matches('/').split('/').next().unwrap_or_default()
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
    let key = path.split_once('/').map(|(_, key)| key).filter(|key| !key.is_empty());
    let decoded = |key: &str| percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
    key.map_or_else(|| request.query.get("prefix").cloned().unwrap_or_default(), decoded)
}

/// The bytes of an answer. What a HEAD says of the length is left as it is.
fn head(request: &Request, answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    let is_head = request.method == "HEAD";
    for (name, value) in &answer.headers {
        let is_ours = matches!(name.as_str(), "connection" | "transfer-encoding" | "keep-alive");
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

/// Joins the chunks of a body.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|at| at == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        body = &body[end + 2..];
        if length == 0 {
            return Some(whole);
        }
        whole.extend(body.get(..length)?);
        body = body.get(length + 2..)?;
    }
}

/// A list with its keys in the reverse order.
fn backwards(text: &str) -> String {
    const END: &str = "</Contents>";
    let (Some(from), Some(to)) = (text.find("<Contents>"), text.rfind(END)) else { return text.to_owned() };
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
