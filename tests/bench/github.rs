//! Lists a large GitHub Actions cache from a server with slow answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::table::{Table, median_time};

const ENTRIES: usize = 10_000;
const PER_PAGE: usize = 100;
const LATENCY: Duration = Duration::from_millis(50);
const CONCURRENCY: u32 = 8;

pub fn measure(table: &mut Table) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(&stream));
        }
    });
    let listing = median_time(3, || {
        let status = Command::new(env!("CARGO_BIN_EXE_cachelens"))
            .args([
                "du",
                "gha:acme/large",
                "--json",
                "--concurrency",
                &CONCURRENCY.to_string(),
            ])
            .env("GITHUB_API_URL", &address)
            .env("GITHUB_TOKEN", "token")
            .env_remove("ACTIONS_RUNTIME_TOKEN")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err("du failed".into())
        }
    })?;
    let pages = u32::try_from(ENTRIES / PER_PAGE)?;
    table.time(
        "github: list 10000 entries, 50 ms an answer",
        listing,
        LATENCY * pages / CONCURRENCY * 2,
    );
    Ok(())
}

/// Answers like GitHub's listing; any other path is not found.
fn serve(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while matches!(reader.read_line(&mut request), Ok(1..)) {
        let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            let mut header = String::new();
            if !matches!(reader.read_line(&mut header), Ok(1..)) {
                return;
            }
            if header.trim().is_empty() {
                break;
            }
        }
        thread::sleep(LATENCY);
        let (status, body) = answer(&target);
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut writer = stream;
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
        request.clear();
    }
}

fn answer(target: &str) -> (u16, String) {
    if !target.contains("/actions/caches?") {
        return (404, r#"{"message": "Not Found"}"#.to_owned());
    }
    if target.contains("key=") {
        return (
            200,
            r#"{"total_count": 0, "actions_caches": []}"#.to_owned(),
        );
    }
    let page = target
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
        .unwrap_or(1_usize);
    let entry = |number: usize| {
        format!(
            r#"{{"id": {number}, "ref": "refs/heads/main", "key": "node-cache-{number}", "version": "v", "size_in_bytes": 1,
            "created_at": "2026-01-01T00:00:00Z", "last_accessed_at": "2026-01-01T00:00:00Z"}}"#
        )
    };
    let first = (page - 1) * PER_PAGE;
    let entries: Vec<String> = (first..first + PER_PAGE).map(entry).collect();
    (
        200,
        format!(
            r#"{{"total_count": {ENTRIES}, "actions_caches": [{}]}}"#,
            entries.join(",")
        ),
    )
}
