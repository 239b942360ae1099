//! Registries that refuse, fail, lie, and change during a run.

use cachelens::format::digest::Digest;

use crate::support::command::{Run, Sandbox};
use crate::support::http::Answer;
use crate::support::ports::free_address;
use crate::support::registry::second::SecondRegistry;

fn ls(sandbox: &Sandbox, registry: &SecondRegistry) -> Run {
    sandbox.run(format!("ls {}/shop-cache", registry.host()))
}

/// Formats a run without the port.
fn shown(run: &Run, registry: &SecondRegistry) -> String {
    run.stderr.replace(registry.host(), "HOST")
}

#[test]
fn refusals_of_a_registry_are_described() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let list = "GET /v2/shop-cache/tags/list".to_owned();
    let envelope = |status, code: &str| {
        Answer::json(
            status,
            &serde_json::json!({"errors": [{"code": code, "message": "no\u{1b}[31m"}]}),
        )
    };
    let mut told = String::new();
    for answer in [
        envelope(403, "DENIED"),
        envelope(404, "NAME_UNKNOWN"),
        envelope(405, "UNSUPPORTED"),
        Answer::html(200),
    ] {
        registry.state().faults.push_back((list.clone(), answer));
        let run = ls(&sandbox, &registry);
        assert_eq!(run.code, Some(1), "{run}");
        told += &shown(&run, &registry);
    }
    for _ in 0..4 {
        registry
            .state()
            .faults
            .push_back((list.clone(), envelope(500, "UNKNOWN")));
    }
    told += &shown(&ls(&sandbox, &registry), &registry);
    registry.state().faults.push_back((
        list,
        envelope(429, "TOOMANYREQUESTS").with("retry-after", 86400),
    ));
    told += &shown(&ls(&sandbox, &registry), &registry);
    insta::assert_snapshot!(told, @r"
    error: HOST/shop-cache: access is denied
      because: the registry answers 403 Forbidden: DENIED no␛[31m
      hint: no login is known: `docker login HOST`
    error: HOST/shop-cache does not exist
      because: the registry answers 404 Not Found: NAME_UNKNOWN no␛[31m
      hint: check the spelling; a registry may also hide repositories from this login
    error: HOST/shop-cache: the registry does not offer this
      because: the registry answers 405 Method Not Allowed: UNSUPPORTED no␛[31m
    error: HOST/shop-cache: the answer is an HTML page
      because: the registry answers 200 OK with an HTML page
      hint: is HOST a registry? It may be behind a login page or a proxy
    error: HOST: the registry fails
      because: it answers 500 Internal Server Error: UNKNOWN no␛[31m
    error: HOST: too many requests
      because: it asks to wait 86400 s
      hint: wait, log in (anonymous clients get less), go slower with --concurrency, or wait longer with --timeout
    ");
}

#[test]
fn a_pause_that_is_asked_for_is_made() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let slow = Answer::empty(429).with("retry-after", 1);
    registry
        .state()
        .faults
        .push_back(("GET /v2/shop-cache/tags/list".to_owned(), slow));
    let run = ls(&sandbox, &registry);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(registry.asked("GET /v2/shop-cache/tags/list") >= 2);
}

#[test]
fn a_false_manifest_affects_only_its_own_ref() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    {
        let mut state = registry.state();
        let (one, two) = (
            state.tags["shop-cache"]["c01"],
            state.tags["shop-cache"]["c02"],
        );
        let other = state.manifests[&("shop-cache".to_owned(), two)].clone();
        state
            .manifests
            .insert(("shop-cache".to_owned(), one), other);
        state
            .tags
            .get_mut("shop-cache")
            .unwrap()
            .insert("odd tag\u{202e}".to_owned(), two);
    }
    let run = sandbox.run(format!("ls --json {}/shop-cache", registry.host()));
    let document = run.json();
    let refs = document["sources"][0]["refs"].as_array().unwrap();
    let broken: Vec<&str> = refs
        .iter()
        .filter(|entry| {
            entry["faults"]
                .as_array()
                .is_some_and(|faults| !faults.is_empty())
        })
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(broken, ["c01", "odd tag\u{202e}"]);
    assert_eq!(refs.len(), 16);
    assert!(
        registry
            .state()
            .requests
            .iter()
            .all(|line| !line.contains("odd"))
    );
}

/// Creates a registry with four tags of pull requests in addition to the caches.
fn with_pulls() -> SecondRegistry {
    let registry = SecondRegistry::with("shop");
    for (at, name) in ["pr-1", "pr-2", "pr-3", "pr-4"].iter().enumerate() {
        registry.state().tag(
            "shop-cache",
            &format!("c{:02}", at + 1),
            [(*name).to_owned()],
        );
    }
    registry.state().requests.clear();
    registry
}

fn prune_pulls(sandbox: &Sandbox, registry: &SecondRegistry) -> Run {
    sandbox.run(format!(
        "prune {}/shop-cache --drop-ref pr-* --yes",
        registry.host()
    ))
}

fn pulls(registry: &SecondRegistry) -> Vec<String> {
    let state = registry.state();
    state
        .names("shop-cache")
        .into_iter()
        .filter(|name| name.starts_with("pr-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_tag_that_moves_during_a_scan_is_one_thing_or_the_other() {
    let registry = SecondRegistry::with("shop");
    let (other, moved) = {
        let state = registry.state();
        let digest = state.tags["shop-cache"]["c09"];
        let (kind, bytes) = state.manifests[&("shop-cache".to_owned(), digest)].clone();
        let answer = Answer {
            status: 200,
            headers: vec![("content-type".to_owned(), kind)],
            body: bytes,
        };
        (digest, answer.with("docker-content-digest", digest))
    };
    registry
        .state()
        .faults
        .push_back(("GET /v2/shop-cache/manifests/c07".to_owned(), moved));
    let run = Sandbox::new().run(format!("ls --json {}/shop-cache", registry.host()));
    let document = run.json();
    let refs = document["sources"][0]["refs"].as_array().unwrap();
    let digest =
        |name: &str| refs.iter().find(|entry| entry["name"] == name).unwrap()["digest"].clone();
    assert_eq!(digest("c07"), other.to_string());
    assert_eq!(digest("c07"), digest("c09"));
    assert!(
        refs.iter()
            .all(|entry| entry["faults"] == serde_json::json!([])),
        "{run}"
    );
}

#[test]
fn a_failed_prune_is_partial_and_can_be_resumed() {
    let (registry, sandbox) = (with_pulls(), Sandbox::new());
    let before = registry.state().tags["shop-cache"].clone();
    for _ in 0..4 {
        registry.state().faults.push_back((
            "DELETE /v2/shop-cache/manifests/pr-3".to_owned(),
            Answer::empty(500),
        ));
    }
    let run = prune_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(pulls(&registry), ["pr-3"]);
    assert!(run.stdout.contains("ref pr-3: failed: "), "{run}");
    assert!(
        run.stdout
            .contains("the registry fails: it answers 500 Internal Server Error"),
        "{run}"
    );
    let journal = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("The journal is "))
        .unwrap()
        .to_owned();
    let run = sandbox.run(format!("prune --resume {journal}"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(pulls(&registry).is_empty());
    let kept: Vec<_> = before
        .into_iter()
        .filter(|(tag, _)| !tag.starts_with("pr-"))
        .collect();
    assert_eq!(
        registry.state().tags["shop-cache"]
            .clone()
            .into_iter()
            .collect::<Vec<_>>(),
        kept
    );
}

#[test]
fn tokens_that_expire_and_pauses_end_no_prune() {
    let (registry, sandbox) = (with_pulls(), Sandbox::new());
    {
        let mut state = registry.state();
        (state.tokens, state.token_serves) = (true, Some(10));
        let pause = Answer::empty(429).with("retry-after", 1);
        state
            .faults
            .push_back(("DELETE /v2/shop-cache/manifests/pr-2".to_owned(), pause));
    }
    let run = prune_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(pulls(&registry).is_empty());
    assert!(registry.asked("GET /token") > 2);
}

#[test]
fn a_login_without_delete_permission_gets_a_hint() {
    let (registry, sandbox) = (with_pulls(), Sandbox::new());
    let denied = serde_json::json!({"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]});
    for _ in 0..4 {
        let line = "DELETE /v2/shop-cache/manifests/pr-".to_owned();
        registry
            .state()
            .faults
            .push_back((line, Answer::json(403, &denied)));
    }
    let run = prune_pulls(&sandbox, &registry);
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(pulls(&registry).len(), 4, "{run}");
    let told = run.stdout.replace(registry.host(), "HOST");
    assert!(
        told.contains(
            ": access is denied: the registry answers 403 Forbidden: DENIED requested access to the resource is denied (no login is known: `docker login HOST`)"
        ),
        "{told}"
    );
}

/// A gate must not pass because a service is down.
#[test]
fn a_ref_that_cannot_be_read_is_a_failure() {
    let host = free_address().to_string();
    let source = format!("{host}/app:main");
    for (command, code) in [("ls", 1), ("show", 1), ("check", 1)] {
        let run = Sandbox::new().run(format!("{command} {source}"));
        assert_eq!(run.code, Some(code), "{command}: {run}");
        assert!(
            run.to_string().contains("cannot be reached"),
            "{command}: {run}"
        );
    }
}

#[test]
fn an_unreachable_registry_is_an_error_with_a_reason() {
    let host = free_address().to_string();
    let run = Sandbox::new().run(format!("ls '{host}/app'"));
    insta::assert_snapshot!(run.stderr.replace(&host, "HOST"), @r"
    error: HOST cannot be reached
      because: Connection refused (os error 111)
      hint: is the name right, and is the registry running? HTTPS_PROXY, HTTP_PROXY and NO_PROXY apply
    ");
}

#[test]
fn deletions_and_failures_during_a_scan_affect_nothing_else() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let not_found = |times: usize| {
        for _ in 0..times {
            let gone = Answer::json(
                404,
                &serde_json::json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": ""}]}),
            );
            let mut state = registry.state();
            state.faults.push_back(("/manifests/c07".to_owned(), gone));
        }
    };
    let rows = |run: &Run| {
        let lines = run.stdout.lines();
        lines.filter(|line| line.starts_with('c')).count()
    };
    // A tag that is listed and not found is looked for once more.
    not_found(1);
    let run = ls(&sandbox, &registry);
    assert_eq!((run.code, rows(&run)), (Some(0), 15), "{run}");
    not_found(2);
    let run = ls(&sandbox, &registry);
    assert_eq!((run.code, rows(&run)), (Some(0), 14), "{run}");
    assert!(run.stderr.contains("`c07` and has no manifest"), "{run}");

    let digest = registry.state().tags["shop-cache"]["c09"];
    registry
        .state()
        .manifests
        .remove(&("shop-cache".to_owned(), digest));
    assert_ne!(digest, Digest::of(b""));
    let run = ls(&sandbox, &registry);
    assert_eq!(
        run.stdout
            .lines()
            .filter(|line| line.starts_with('c'))
            .count(),
        14,
        "{run}"
    );
}

#[test]
fn a_list_that_continues_on_another_host_is_incomplete() {
    let (registry, other) = (SecondRegistry::with("shop"), SecondRegistry::with("shop"));
    let sandbox = Sandbox::new();
    registry.state().page = Some(4);
    // Behind a proxy, a registry may know neither its scheme nor its port.
    for place in [
        format!("http://{}", registry.host()),
        "https://127.0.0.1".to_owned(),
    ] {
        registry.state().links_to = Some(place);
        let run = ls(&sandbox, &registry);
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(
            run.stdout
                .lines()
                .filter(|line| line.starts_with('c'))
                .count(),
            15,
            "{run}"
        );
    }
    registry.state().links_to = Some(format!(
        "http://localhost:{}",
        other.host().rsplit(':').next().unwrap()
    ));
    let run = ls(&sandbox, &registry);
    assert_eq!(run.code, Some(1), "{run}");
    let told = shown(&run, &registry);
    assert!(
        told.starts_with("error: HOST/shop-cache: the list continues on another host\n"),
        "{told}"
    );
    assert_eq!(other.state().requests, Vec::<String>::new());
}

#[test]
fn a_very_long_pause_is_an_error_with_a_reason() {
    let registry = SecondRegistry::with("shop");
    for seconds in [1, u64::MAX] {
        let slow = Answer::empty(429).with("retry-after", seconds);
        registry
            .state()
            .faults
            .push_back(("GET /v2/shop-cache/tags/list".to_owned(), slow));
    }
    let run = ls(&Sandbox::new(), &registry);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(
        run.stderr
            .contains("it asks to wait 18446744073709551615 s"),
        "{run}"
    );
}
