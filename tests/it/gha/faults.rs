//! Failures of GitHub, and the resulting messages.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::json;

use super::{SOURCE, run, shop};
use crate::support::command::Sandbox;
use crate::support::gha::{Answer, Github};

fn failing(answer: &Answer) -> (Sandbox, Github) {
    let (sandbox, server) = shop();
    for _ in 0..10 {
        server
            .state()
            .faults
            .push_back(("/actions/caches".into(), answer.clone()));
    }
    (sandbox, server)
}

fn message(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"message": text}))
}

#[test]
fn errors_of_github_have_a_cause_and_a_hint() {
    let mut report = String::new();
    let mut say = |what: &str, server: &Github, command: Command, source: &str| {
        let run = run(command, format!("ls {source}"))
            .to_string()
            .replace(server.address(), "http://SERVER");
        let until = regex::Regex::new(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC")
            .unwrap()
            .replace_all(&run, "TIME")
            .into_owned();
        writeln!(report, "# {what}\n{until}\n").unwrap();
    };
    let (sandbox, server) = shop();
    say("no token", &server, server.without_token(&sandbox), SOURCE);
    let mut wrong = server.without_token(&sandbox);
    wrong.env("GH_TOKEN", "ghp_expired");
    say("an expired token", &server, wrong, SOURCE);
    say(
        "a wrong repository",
        &server,
        server.command(&sandbox),
        "gha:acme/shpo",
    );
    say(
        "no repository",
        &server,
        server.command(&sandbox),
        "type=gha",
    );
    let mut open = server.command(&sandbox);
    open.env("GITHUB_API_URL", "http://ghe.example/api/v3");
    say("an address in the open", &server, open, SOURCE);
    let mut late = server.in_job(&sandbox);
    late.env(
        "ACTIONS_RUNTIME_TOKEN",
        server
            .job_token(-7200, -3600)
            .replace("jObSiGnAtUrE", "expired"),
    );
    let late_said = run(late, format!("ls {SOURCE}"));
    assert!(
        late_said.stderr.contains("by the clock here it expired 36"),
        "{late_said}"
    );
    assert!(
        late_said.stderr.contains("set the clock when it is ahead"),
        "{late_said}"
    );
    let mut early = server.in_job(&sandbox);
    early.env(
        "ACTIONS_RUNTIME_TOKEN",
        server
            .job_token(600, 3600)
            .replace("jObSiGnAtUrE", "skewed"),
    );
    let early_said = run(early, format!("ls {SOURCE}"));
    assert!(
        early_said
            .stderr
            .contains("hint: set the clock: it is behind"),
        "{early_said}"
    );
    let mut broken = server.in_job(&sandbox);
    broken.env("ACTIONS_RUNTIME_TOKEN", "no token at all");
    say("a job's token that is none", &server, broken, SOURCE);
    let saml = message(403, "Resource protected by organization SAML enforcement.").with(
        "x-github-sso",
        "required; url=https://github.com/orgs/acme/sso?authorization_request=sIgNeD",
    );
    let cases = [
        ("single sign-on", saml),
        (
            "no permission",
            message(403, "Resource not accessible by personal access token"),
        ),
        (
            "the limit is reached",
            message(403, "API rate limit exceeded")
                .with("x-ratelimit-remaining", 0)
                .with("x-ratelimit-reset", 4_102_444_800_u64),
        ),
        ("a page instead of an answer", Answer::html(200)),
        ("a page with an error", Answer::html(502)),
        (
            "half an answer",
            Answer {
                status: 200,
                headers: Vec::new(),
                body: b"{\"total_count\": 1".to_vec(),
            },
        ),
    ];
    for (what, answer) in cases {
        let (sandbox, server) = failing(&answer);
        say(what, &server, server.command(&sandbox), SOURCE);
    }
    insta::assert_snapshot!(report, @r#"
    # no token
    error: gha:acme/shop: there is no such public repository, and there is no token for private ones
      because: GitHub answers 404 Not Found: Not Found
      hint: set GH_TOKEN or GITHUB_TOKEN (GH_ENTERPRISE_TOKEN for a server of your own), or log in with `gh auth login`
    exit 1

    # an expired token
    error: gha:acme/shop: the token from GH_TOKEN is refused
      because: GitHub answers 401 Unauthorized: Bad credentials
      hint: it has expired, was revoked, or belongs to another host; make a new one, or run `gh auth login`
    exit 1

    # a wrong repository
    error: gha:acme/shpo: there is no such repository, or the token from GITHUB_TOKEN may not see it
      because: GitHub answers 404 Not Found: Not Found
      hint: look at the spelling of OWNER/REPOSITORY; a fine-grained token needs the repository and `actions: read`
    exit 1

    # no repository
    error: the source does not name a repository
      because: git knows no remote of the current directory that is a repository on 127.0.0.1
      hint: name it as gha:OWNER/REPOSITORY; another host is named by GH_HOST or GITHUB_API_URL
    exit 1

    # an address in the open
    error: GITHUB_API_URL cannot be used
      because: `http://ghe.example/api/v3` is not encrypted: a token would travel in the open
      hint: use https://
    exit 1

    # a job's token that is none
    error: the token of the job cannot be understood
      hint: ACTIONS_RUNTIME_TOKEN must have the value that GitHub sets in a job
    exit 1

    # single sign-on
    error: gha:acme/shop: the organisation asks for single sign-on (SAML)
      because: GitHub answers 403 Forbidden: Resource protected by organization SAML enforcement.
      hint: authorise the token for the organisation at https://github.com/orgs/acme/sso
    exit 1

    # no permission
    error: gha:acme/shop: the token from GITHUB_TOKEN may not do this
      because: GitHub answers 403 Forbidden: Resource not accessible by personal access token
      hint: it needs the permission `actions: read` (a classic token: `repo`)
    exit 1

    # the limit is reached
    error: gha:acme/shop: GitHub's rate limit is reached
      because: it asks to wait until 2100-01-01 00:00 UTC: API rate limit exceeded
      hint: wait until then, or wait longer with --timeout; without a token the limit is 60 requests an hour, with one 5000
    exit 1

    # a page instead of an answer
    error: gha:acme/shop: the answer cannot be understood
      because: it is an HTML page
      hint: GITHUB_API_URL must be the address of the API, as in https://HOST/api/v3
    exit 1

    # a page with an error
    error: gha:acme/shop: the service fails
      because: it answers 502 Bad Gateway with an HTML page
    exit 1

    # half an answer
    error: gha:acme/shop: the answer cannot be understood
      because: EOF while parsing an object at line 1 column 17
    exit 1
    "#);
}

#[test]
fn public_data_is_read_without_a_token() {
    let (sandbox, server) = shop();
    server.state().is_public = true;
    assert_eq!(
        run(server.without_token(&sandbox), &["ls", SOURCE]).code,
        Some(0)
    );
}

#[test]
fn a_temporary_error_is_retried() {
    let (sandbox, server) = shop();
    for status in [502, 503, 500] {
        server
            .state()
            .faults
            .push_back(("page=2".into(), message(status, "later")));
    }
    assert_eq!(run(server.command(&sandbox), &["du", SOURCE]).code, Some(0));
}

#[test]
fn keys_may_be_long_and_odd() {
    let (sandbox, server) = shop();
    for key in [
        "é".repeat(512),
        "\u{1b}]0;x\u{7}\u{202e}".repeat(80),
        "index-".to_owned(),
        ":::".to_owned(),
        "index-a-1-f921bd05#99999999999999999999".to_owned(),
    ] {
        server.add(
            &key,
            crate::support::gha::BUILDKIT,
            "refs/heads/ma:in",
            1,
            3,
        );
    }
    for arguments in [["du", SOURCE], ["ls", SOURCE], ["prune", SOURCE]] {
        let run = run(server.command(&sandbox), &arguments);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{run}");
    }
}

#[test]
fn tokens_are_never_logged() {
    let (sandbox, server) = shop();
    let mut command = server.in_job(&sandbox);
    let token = server.job_token(-60, 3600);
    command
        .args(["du", SOURCE, "-vvv", "--log-file", "log"])
        .env("RUST_LOG", "trace")
        .env("ACTIONS_RUNTIME_TOKEN", &token);
    let output = command.output().unwrap();
    let log = std::fs::read_to_string(sandbox.path("log")).unwrap();
    assert!(output.status.success() && !log.is_empty());
    for text in [
        log,
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    ] {
        for secret in [
            crate::support::gha::TOKEN,
            token.as_str(),
            "jObSiGnAtUrE",
            "sIgNeD",
        ] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[test]
fn evicted_entries_are_absent() {
    let (sandbox, server) = shop();
    server.state().evict(100_000);
    let du = super::json(server.in_job(&sandbox), &["du", SOURCE]);
    let du = &du["sources"][0];
    assert!(du["total"]["bytes"].as_u64().unwrap() <= 100_000);
    assert!(du["missing"]["blobs"].as_u64().unwrap() > 0, "{du}");
}

#[test]
fn a_list_without_an_end_is_not_read() {
    let (sandbox, server) = failing(&Answer::json(
        200,
        &json!({"total_count": u64::MAX, "actions_caches": []}),
    ));
    let run = run(server.command(&sandbox), &["ls", SOURCE]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("the list has no end"), "{run}");
}

#[test]
fn a_list_from_which_entries_are_lacking_is_read_once_more() {
    let (sandbox, server) = shop();
    let before = super::json(server.in_job(&sandbox), &["du", SOURCE])["sources"][0].clone();
    let first = server.state().entries[0].id;
    // The list of indexes has one page, and the list of all entries has two.
    for answers in 1..=3 {
        server.state().excluded = (vec![first], answers);
        let after = super::json(server.in_job(&sandbox), &["du", SOURCE])["sources"][0].clone();
        assert_eq!(after["total"], before["total"], "{answers}");
    }
}
