//! A proxy that truncates answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http::{Answer, End, Request};

/// The answers to truncate, and how.
#[derive(Debug, Clone)]
struct Cut {
    /// A part of the request target.
    target: &'static str,
    /// The number of bytes left of the body.
    at: usize,
    end: fn(usize) -> End,
}

/// The target of a request, and the body of its answer.
type Body = (String, Vec<u8>);

/// The running proxy.
pub struct Cutter {
    host: String,
    cut: Arc<Mutex<Option<Cut>>>,
    /// The full bodies of the last answers, by target.
    bodies: Arc<Mutex<Vec<Body>>>,
}

impl Cutter {
    /// Starts a proxy in front of the server at `upstream`, a host with its port.
    pub fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cutter = Self {
            host: listener.local_addr().unwrap().to_string(),
            cut: Arc::default(),
            bodies: Arc::default(),
        };
        let cut = Arc::clone(&cutter.cut);
        let bodies = Arc::clone(&cutter.bodies);
        let upstream = upstream.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let cut = Arc::clone(&cut);
                let bodies = Arc::clone(&bodies);
                let upstream = upstream.clone();
                thread::spawn(move || {
                    let request = Request::read(&mut BufReader::new(&stream))?;
                    let mut answer = forward(&request, &upstream);
                    let whole = answer.body.clone();
                    bodies.lock().unwrap().push((request.target.clone(), whole));
                    let mut end = End::Length;
                    if let Some(cut) = &*cut.lock().unwrap()
                        && request.target.contains(cut.target)
                    {
                        end = (cut.end)(answer.body.len());
                        answer.body.truncate(cut.at);
                    } else if request.method == "HEAD" {
                        answer.write(&request, &stream).ok()?;
                        return None;
                    }
                    answer.write_ended(end, &stream).ok()
                });
            }
        });
        cutter
    }

    /// Returns its name and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Truncates the answers to requests whose target contains `target` after `at` bytes. `end`
    /// returns how they end, given the length of the whole body.
    pub fn cut(&self, target: &'static str, at: usize, end: fn(usize) -> End) {
        *self.cut.lock().unwrap() = Some(Cut { target, at, end });
    }

    /// Returns the whole body of the first answer to a request whose target contains `target`.
    pub fn body(&self, target: &str) -> Vec<u8> {
        let bodies = self.bodies.lock().unwrap();
        let found = bodies.iter().find(|(asked, _)| asked.contains(target));
        found
            .unwrap_or_else(|| panic!("nobody asked for {target}"))
            .1
            .clone()
    }
}

/// Returns the positions in a JSON document after each punctuation mark, and in the middle of
/// words.
pub fn places(body: &[u8]) -> Vec<usize> {
    let signs = (0..body.len().saturating_sub(1))
        .filter(|at| b"{}[],:\"".contains(&body[*at]))
        .map(|at| at + 1);
    let mut places: Vec<usize> = [0].into_iter().chain(signs).collect();
    places.extend([body.len() / 3, body.len() / 2, body.len() - 2]);
    places.retain(|at| *at < body.trim_ascii_end().len());
    places.sort_unstable();
    places.dedup();
    places
}

fn forward(request: &Request, upstream: &str) -> Answer {
    let mut stream = TcpStream::connect(upstream).unwrap();
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all((head + "\r\n").as_bytes()).unwrap();
    stream.write_all(&request.body).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        let name = name.to_ascii_lowercase();
        if name == "content-length" {
            length = value.parse().unwrap();
        } else if name != "connection" {
            headers.push((name, value.to_owned()));
        }
    }
    let mut body = vec![0; if request.method == "HEAD" { 0 } else { length }];
    reader.read_exact(&mut body).unwrap();
    Answer {
        status,
        headers,
        body,
    }
}
