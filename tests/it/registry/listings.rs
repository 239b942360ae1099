//! A listing of a registry is complete, or it is an error.

use std::path::Path;

use cachelens::backend::{self, Access, SharedReader, all_refs};
use cachelens::source::Source;
use serde_json::json;

use crate::support::command::{Run, Sandbox};
use crate::support::cut::{Cutter, places};
use crate::support::http::{Answer, End};
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, Setup};

fn source(text: &str) -> Source {
    Source::parse(text, &Path::is_dir).unwrap().source
}

fn access() -> Access {
    Access::default()
}

fn reader(text: &str) -> SharedReader {
    backend::open(&source(text), &access()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Returns the names of the refs, or `None` if the listing fails.
fn names(text: &str) -> Option<Vec<String>> {
    let roots = runtime().block_on(all_refs(&*reader(text))).ok()?;
    Some(
        roots
            .entries
            .iter()
            .map(cachelens::backend::ListedRef::name)
            .collect(),
    )
}

/// Returns the repositories of a registry, or `None` if the listing fails.
fn repositories(text: &str) -> Option<Vec<String>> {
    let (stores, _) = runtime()
        .block_on(backend::expand(source(text), &access()))
        .ok()?;
    Some(stores.iter().map(ToString::to_string).collect())
}

/// Cuts the answers to `target` at each place of their bodies, and requires an error each time.
fn cut_everywhere<T: std::fmt::Debug>(
    cutter: &Cutter,
    target: &'static str,
    list: impl Fn() -> Option<T>,
) {
    assert!(list().is_some(), "{target} is not even listed whole");
    let body = cutter.body(target);
    let places = places(&body);
    assert!(places.len() > 8, "{}", String::from_utf8_lossy(&body));
    for at in &places {
        for end in [|_| End::Length, |_| End::Close] as [fn(usize) -> End; 2] {
            cutter.cut(target, *at, end);
            let found = list();
            assert!(found.is_none(), "{target} cut at {at}: {found:?}");
        }
    }
    // A length other than that of the body takes several attempts.
    cutter.cut(target, places[places.len() / 2], End::OtherLength);
    assert!(list().is_none(), "{target}");
}

#[test]
fn a_list_that_is_cut_anywhere_is_an_error() {
    let docker = DockerRegistry::with("mini", Setup::default());
    let second = SecondRegistry::with("mini");
    for host in [docker.host(), second.host()] {
        let cutter = Cutter::before(host);
        let repository = format!("{}/mini-cache", cutter.host());
        cut_everywhere(&cutter, "/tags/list", || names(&repository));
        let cutter = Cutter::before(host);
        let registry = format!("{}/", cutter.host());
        cut_everywhere(&cutter, "/_catalog", || repositories(&registry));
    }
}

#[test]
fn a_list_without_its_field_is_an_error_and_null_is_an_empty_list() {
    let registry = SecondRegistry::with("mini");
    let repository = format!("{}/mini-cache", registry.host());
    let answer = |body| Answer::json(200, &body);
    for (body, is_list) in [
        (json!({}), false),
        (json!({"name": "mini-cache"}), false),
        (json!({"tags": {}}), false),
        (json!([]), false),
        (json!({"name": "mini-cache", "tags": null}), true),
        (json!({"tags": []}), true),
    ] {
        let fault = ("/tags/list".to_owned(), answer(body.clone()));
        registry.state().faults.push_back(fault);
        assert_eq!(names(&repository).is_some(), is_list, "{body}");
    }
    let fault = ("/_catalog".to_owned(), answer(json!({})));
    registry.state().faults.push_back(fault);
    assert_eq!(repositories(&format!("{}/", registry.host())), None);
}

/// A registry whose repository has 1,500 tags, on pages of 1,000.
fn large() -> SecondRegistry {
    let registry = SecondRegistry::with("mini");
    let mut state = registry.state();
    let tags = (0..1_500).map(|number| format!("pr-{number}"));
    state.tag("mini-cache", "c01", tags);
    state.page = Some(1_000);
    drop(state);
    registry
}

#[test]
fn a_full_page_without_a_link_is_not_the_last() {
    let registry = large();
    let repository = format!("{}/mini-cache", registry.host());
    let whole = names(&repository).unwrap();
    assert_eq!(whole.len(), 1_503);
    registry.state().drops_links = true;
    assert_eq!(names(&repository), Some(whole));
}

#[test]
fn a_catalog_that_never_ends_is_given_up() {
    let registry = SecondRegistry::with("mini");
    registry.state().goes_on = true;
    assert_eq!(repositories(&format!("{}/", registry.host())), None);
    let asked = registry.asked("GET /v2/_catalog");
    assert!((200..250).contains(&asked), "{asked}");
    let run = Sandbox::new().run(format!("ls {}/", registry.host()));
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("the list has no end"), "{run}");
}

fn prune(registry: &SecondRegistry) -> Run {
    let source = format!("{}/mini-cache", registry.host());
    Sandbox::new().run(format!("prune {source} --drop-ref c01 --yes"))
}

#[test]
fn a_manifest_with_unknown_referrers_is_kept() {
    for body in [
        json!({}),
        json!({"schemaVersion": 2}),
        json!({"manifests": {}}),
    ] {
        let registry = SecondRegistry::with("mini");
        registry.state().deletes_tags = false;
        for _ in 0..4 {
            let fault = ("/referrers/".to_owned(), Answer::json(200, &body));
            registry.state().faults.push_back(fault);
        }
        let run = prune(&registry);
        assert_eq!(run.code, Some(4), "{body}: {run}");
        assert_eq!(registry.asked("DELETE /v2/mini-cache/manifests/sha256"), 0);
        assert!(registry.state().names("mini-cache").contains(&"c01"));
    }
    let registry = SecondRegistry::with("mini");
    registry.state().deletes_tags = false;
    let run = prune(&registry);
    assert_eq!(run.code, Some(0), "{run}");
}
