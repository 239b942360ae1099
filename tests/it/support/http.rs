//! HTTP/1.1, as far as the servers of the tests need it.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A complete request.
pub struct Request {
    pub method: String,
    /// Path and query, as received.
    pub target: String,
    pub path: String,
    pub query: HashMap<String, String>,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection; `None` at its end.
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => {
                    headers.insert(name.to_ascii_lowercase(), value.trim().to_owned())
                }
                None => break,
            };
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        // A client that uses this server as its proxy sends the whole address.
        let target = match target.split_once("://") {
            Some((_, rest)) => rest
                .find('/')
                .map_or("/", |start| &rest[start..])
                .to_owned(),
            None => target,
        };
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let pairs = pairs(query);
        Some(Self {
            method,
            path: path.to_owned(),
            query: pairs,
            headers,
            body,
            target: target.clone(),
        })
    }
}

impl Request {
    /// Returns the fields of a form in the body.
    pub fn form(&self) -> HashMap<String, String> {
        pairs(&String::from_utf8_lossy(&self.body))
    }
}

fn pairs(text: &str) -> HashMap<String, String> {
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// How an answer marks the end of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By its length.
    Length,
    /// By a wrong length.
    OtherLength(usize),
    /// By closing the connection.
    Close,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![(
            "content-type".to_owned(),
            "application/json; charset=utf-8".to_owned(),
        )];
        Self {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// A web page, as proxies send it.
    pub fn html(status: u16) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self {
            status,
            headers,
            body: b"<!DOCTYPE html><html><body>Unicorn!</body></html>".to_vec(),
        }
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sends it; without its body for a HEAD request.
    pub fn write(&self, to: &Request, mut stream: impl Write) -> io::Result<()> {
        let mut head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        stream.write_all((head + "\r\n").as_bytes())?;
        if to.method != "HEAD" {
            stream.write_all(&self.body)?;
        }
        stream.flush()
    }

    /// Sends it with its body in pieces, with pauses between them.
    pub fn write_slowly(
        &self,
        to: &Request,
        mut stream: impl Write,
        bytes: usize,
        pause: Duration,
    ) -> io::Result<()> {
        let head = Self {
            body: Vec::new(),
            ..self.clone()
        };
        head.write_ended(End::OtherLength(self.body.len()), &mut stream)?;
        for piece in self.body.chunks(bytes).take_while(|_| to.method != "HEAD") {
            stream.write_all(piece)?;
            stream.flush()?;
            thread::sleep(pause);
        }
        // The answer announces that the connection will be closed.
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// Sends it with this end of its body. The connection has to be closed then.
    pub fn write_ended(&self, end: End, mut stream: impl Write) -> io::Result<()> {
        let length = match end {
            End::Length => Some(self.body.len()),
            End::OtherLength(length) => Some(length),
            End::Close => None,
        };
        let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", self.status);
        if let Some(length) = length {
            head += &format!("content-length: {length}\r\n");
        }
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        stream.write_all((head + "\r\n").as_bytes())?;
        stream.write_all(&self.body)?;
        stream.flush()
    }
}

/// Serves files, each with its path in addresses, for as long as this process runs. Other paths
/// are answered with 404.
pub fn serve_files(files: Vec<(&'static str, Vec<u8>)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer_from(&files, &stream);
        }
    });
    address
}

fn answer_from(files: &[(&'static str, Vec<u8>)], stream: &TcpStream) {
    let Some(request) = Request::read(&mut BufReader::new(stream)) else {
        return;
    };
    let found = files.iter().find(|(path, _)| *path == request.path);
    let answer = Answer {
        status: if found.is_some() { 200 } else { 404 },
        headers: Vec::new(),
        body: found.map(|(_, body)| body.clone()).unwrap_or_default(),
    };
    // The client may have closed the connection.
    let _ = answer.write_ended(End::Length, stream);
}
