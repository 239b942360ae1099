//! Registries that refuse, fail, lie, and change meanwhile.

use cachelens::format::digest::Digest;

use crate::support::command::{Run, Sandbox};
use crate::support::http::Answer;
use crate::support::registry::second::SecondRegistry;

fn ls(sandbox: &Sandbox, registry: &SecondRegistry) -> Run {
    sandbox.run(&["ls", &format!("{}/shop-cache", registry.host())])
}

/// Shows a run without the port.
fn shown(run: &Run, registry: &SecondRegistry) -> String {
    run.stderr.replace(registry.host(), "HOST")
}

#[test]
fn refusals_are_told_in_words() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let list = "GET /v2/shop-cache/tags/list".to_owned();
    let envelope = |status, code: &str| {
        Answer::json(status, &serde_json::json!({"errors": [{"code": code, "message": "no\u{1b}[31m"}]}))
    };
    let mut told = String::new();
    for answer in
        [envelope(403, "DENIED"), envelope(404, "NAME_UNKNOWN"), envelope(405, "UNSUPPORTED"), Answer::html(200)]
    {
        registry.state().faults.push_back((list.clone(), answer));
        let run = ls(&sandbox, &registry);
        assert_eq!(run.code, Some(1), "{run}");
        told += &shown(&run, &registry);
    }
    for _ in 0..4 {
        registry.state().faults.push_back((list.clone(), envelope(500, "UNKNOWN")));
    }
    told += &shown(&ls(&sandbox, &registry), &registry);
    registry.state().faults.push_back((list, envelope(429, "TOOMANYREQUESTS").with("retry-after", 86400)));
    told += &shown(&ls(&sandbox, &registry), &registry);
    insta::assert_snapshot!(told, @r"
    error: HOST/shop-cache: access is denied
      because: the registry answers 403 Forbidden: DENIED no␛[31m
      hint: nobody is logged in: `docker login HOST`
    error: HOST/shop-cache does not exist
      because: the registry answers 404 Not Found: NAME_UNKNOWN no␛[31m
      hint: look at the spelling; a registry may also hide what a login may not see
    error: HOST/shop-cache: the registry does not offer this
      because: the registry answers 405 Method Not Allowed: UNSUPPORTED no␛[31m
    error: HOST/shop-cache: the answer is a page for people
      because: the registry answers 200 OK with an HTML page
      hint: is HOST a registry? A login page or a proxy may stand before it
    error: HOST: the registry fails
      because: it answers 500 Internal Server Error
    error: HOST: too many requests
      because: it asks to wait 86400 s
      hint: wait, log in (anonymous clients get less), or go slower with --concurrency; --timeout waits longer
    ");
}

#[test]
fn a_pause_that_is_asked_for_is_made() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let slow = Answer::empty(429).with("retry-after", 1);
    registry.state().faults.push_back(("GET /v2/shop-cache/tags/list".to_owned(), slow));
    let run = ls(&sandbox, &registry);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(registry.asked("GET /v2/shop-cache/tags/list") >= 2);
}

#[test]
fn a_manifest_that_lies_spoils_its_own_ref_only() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    {
        let mut state = registry.state();
        let (one, two) = (state.tags["shop-cache"]["c01"], state.tags["shop-cache"]["c02"]);
        let other = state.manifests[&("shop-cache".to_owned(), two)].clone();
        state.manifests.insert(("shop-cache".to_owned(), one), other);
        state.tags.get_mut("shop-cache").unwrap().insert("odd tag\u{202e}".to_owned(), two);
    }
    let run = sandbox.run(&["ls", "--json", &format!("{}/shop-cache", registry.host())]);
    let document = run.json();
    let refs = document["sources"][0]["refs"].as_array().unwrap();
    let broken: Vec<&str> = refs
        .iter()
        .filter(|entry| entry["faults"].as_array().is_some_and(|faults| !faults.is_empty()))
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(broken, ["c01", "odd tag\u{202e}"]);
    assert_eq!(refs.len(), 16);
    assert!(registry.state().requests.iter().all(|line| !line.contains("odd")));
}

#[test]
fn what_goes_or_fails_during_a_scan_harms_nothing_else() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let gone = Answer::json(404, &serde_json::json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": ""}]}));
    registry.state().faults.push_back(("/manifests/c07".to_owned(), gone));
    let run = ls(&sandbox, &registry);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with('c')).count(), 14);

    let digest = registry.state().tags["shop-cache"]["c09"];
    registry.state().manifests.remove(&("shop-cache".to_owned(), digest));
    assert_ne!(digest, Digest::of(b""));
    let run = ls(&sandbox, &registry);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with('c')).count(), 14, "{run}");
}
