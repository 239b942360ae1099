//! Evidence from elsewhere: the attestations of an image, and documents of a server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use super::histories::{copy, counts, home};
use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::http::serve_files;
use crate::support::registry::{DockerRegistry, Setup};

#[test]
fn the_attestation_of_an_image_is_evidence_of_its_build() {
    let registry = DockerRegistry::with("shop", Setup::default());
    let sandbox = Sandbox::new();
    let trees = Fixture::named("shop").trees();
    copy(&trees.path().join("tree"), &sandbox.path("tree"));
    let at = |place: &str| format!("{}/{place}", registry.host());
    let (cache, build, baseline) = (at("shop-cache:c07"), at("shop:c08"), at("shop:c07"));
    let document = sandbox.json(format!(
        "why {cache} --build {build} --baseline {baseline} --context tree/c08 --json"
    ));
    assert_eq!(document["build"], json!([build]));
    // Without a log, the outputs of running steps are unknown; the changed command is known.
    assert_eq!(document["root_causes"][0]["kind"], "command");
    assert_eq!(
        document["root_causes"][0]["detail"],
        "`go build ./api` became `go build -trimpath ./api`"
    );
    // An image without attestations is reported, and is not evidence.
    let error = sandbox.run(format!("why {cache} --build {}", at("base:1")));
    assert!(error.to_string().contains("base:1"), "{error}");
    assert!(error.to_string().contains("exit 1"), "{error}");
}

#[test]
fn evidence_is_read_from_a_server() {
    let (sandbox, fixture) = home("mini");
    let address = serve_files(vec![
        (
            "/build.json",
            fs::read(fixture.path("provenance/c03.json")).unwrap(),
        ),
        (
            "/debug/cache/all",
            fs::read(fixture.path("cache-debug/c02.json")).unwrap(),
        ),
    ]);
    let at = format!("http://me:pat@{address}");
    let document = sandbox.json(format!(
        "why ./cache#c02 --build {at}/build.json?signature=abc --build {at} \
         --build logs/c03.plain --json"
    ));
    assert_eq!(counts(&document), [4, 2, 0]);
    let build = document["build"][0].as_str().unwrap();
    assert!(build.ends_with("/build.json"), "{document}");
    // The daemon's own texts show the cached operation in place of the one that ran.
    assert_eq!(
        document["root_causes"][0]["detail"], "`go build` became `go build -race`",
        "{document}"
    );
    let missing = format!("{at}/missing?signature=abc");
    let error = sandbox
        .run(format!("why ./cache#c02 --build '{missing}'"))
        .to_string();
    assert!(
        error.contains("/missing: the server answers with status 404"),
        "{error}"
    );
    assert!(!error.contains("abc") && !error.contains("pat@"), "{error}");
}

#[test]
fn evidence_is_not_fetched_from_a_server_that_another_one_names() {
    let (sandbox, _) = home("mini");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = other.local_addr().unwrap();
    let named = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = named.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in named.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let mut request = BufReader::new(stream.try_clone().unwrap());
            while request.read_line(&mut line).is_ok_and(|read| read > 2) {}
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/build.json\r\nContent-Length: 0\r\n\r\n"
            );
            // The client may have closed the connection.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let build = format!("http://{address}/build.json");
    let run = sandbox.run(format!("why ./cache#c02 --build '{build}'"));
    assert_eq!(run.code, Some(1), "{run}");
    let why = "the server redirects to another one, which is not contacted";
    assert!(run.stderr.contains(why), "{run}");
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err());
}
