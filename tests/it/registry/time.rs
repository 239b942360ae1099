//! Timeouts for services.

use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use cachelens::format::digest::Digest;
use serde_json::json;

use crate::support::command::{Run, Sandbox};
use crate::support::http::Answer;
use crate::support::pty::Terminal;
use crate::support::registry::second::SecondRegistry;

/// Runs a command and returns its complete output, including progress lines.
fn whole(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    sandbox.command().args(arguments).output().unwrap()
}

fn ls(registry: &SecondRegistry, timeout: &str) -> Run {
    let source = format!("{}/mini-cache", registry.host());
    Sandbox::new().run(format!("ls {source} --timeout '{timeout}'"))
}

#[test]
fn a_service_that_is_slow_but_steady_has_answered() {
    let registry = SecondRegistry::with("mini");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
        "annotations": { "filling": "x".repeat(300_000) },
    });
    registry.state().put("mini-cache", "slow", &manifest);
    registry.state().drip = Some((20_000, Duration::from_millis(150)));
    let start = Instant::now();
    let run = ls(&registry, "1s");
    assert!(start.elapsed() > Duration::from_secs(2), "{run}");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("slow"), "{run}");
}

#[test]
fn many_404_answers_are_answers() {
    let registry = SecondRegistry::with("mini");
    let absent = Digest::of(b"absent");
    let tags = (0..3_000).map(|number| (format!("pr-{number}"), absent));
    registry
        .state()
        .tags
        .get_mut("mini-cache")
        .unwrap()
        .extend(tags);
    registry.state().latency = Duration::from_millis(5);
    let start = Instant::now();
    let run = ls(&registry, "1s");
    assert!(start.elapsed() > Duration::from_secs(1), "{run}");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_service_that_is_silent_is_given_up_after_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    let start = Instant::now();
    let run = Sandbox::new().run(format!("ls '{host}/app' --timeout 1s"));
    assert!(start.elapsed() < Duration::from_secs(5), "{run}");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("has not answered for 1"), "{run}");
}

#[test]
fn the_timeout_bounds_a_request_with_its_pauses() {
    let registry = SecondRegistry::with("mini");
    for _ in 0..6 {
        let pause = Answer::empty(429).with("retry-after", 1);
        registry
            .state()
            .faults
            .push_back(("/tags/list".to_owned(), pause));
    }
    let start = Instant::now();
    let run = ls(&registry, "2500ms");
    assert!(start.elapsed() < Duration::from_secs(4), "{run}");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("too many requests"), "{run}");
    assert!(!run.stderr.contains("has not answered"), "{run}");
}

#[test]
fn a_long_pause_is_shown_with_a_clock() {
    let registry = SecondRegistry::with("mini");
    let pause = || {
        (
            "/tags/list".to_owned(),
            Answer::empty(429).with("retry-after", 3),
        )
    };
    registry.state().faults.push_back(pause());
    let source = format!("{}/mini-cache", registry.host());
    let output = whole(&Sandbox::new(), &["ls", &source]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let shown = format!("{} asks to wait: ", registry.host());
    assert!(
        stderr.contains(&shown) && stderr.contains(" s left"),
        "{stderr}"
    );

    registry.state().faults.push_back(pause());
    let mut terminal = Terminal::start(&[&source], 100, 30);
    terminal.wait("the clock", |screen| screen.contains("asks to wait: "));
    terminal.wait("the refs", |screen| !screen.contains("asks to wait: "));
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}
