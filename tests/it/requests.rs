//! The requests of build commands: a table of commands with their meaning, and definitions that
//! `docker buildx bake --print` and `docker compose config` printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cachelens::explain::load::request::{self, BuildRequest, Disk};
use cachelens::format::go_path;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::find::{Repository, sections};

/// The variables for all commands of the table.
fn environment(name: &str) -> Option<String> {
    (name == "FROM_ENV").then(|| "env".to_owned())
}

fn fixture(name: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requests");
    sections(&fs::read_to_string(folder.join(name)).unwrap())
}

/// Writes the files of a fixture. Returns the other sections.
fn laid_out(name: &str, others: &[&str]) -> (Repository, BTreeMap<String, String>) {
    let mut repository = Repository::new();
    let mut found = BTreeMap::new();
    for (path, text) in fixture(name) {
        if others.contains(&path.as_str()) || path.starts_with("print ") {
            found.insert(path, text);
        } else {
            repository = repository.with(&path, text);
        }
    }
    (repository, found)
}

/// Formats a request on one line, without empty fields.
fn line(request: &BuildRequest) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: &str| write!(text, " {name}={value}").unwrap();
    if let Some(name) = &request.name {
        add("name", name);
    }
    add("tool", &request.tool.replace(' ', "-"));
    for (name, value) in [
        ("context", &request.context),
        ("file", &request.file),
        ("target", &request.target),
        ("network", &request.network),
        ("shm-size", &request.shm_size),
    ] {
        if let Some(value) = value {
            add(name, value);
        }
    }
    for (name, map) in [
        ("arg", &request.build_args),
        ("build-context", &request.build_contexts),
        ("label", &request.labels),
    ] {
        for (key, value) in map {
            add(name, &format!("{key}:{value}"));
        }
    }
    for (name, list) in [
        ("platform", &request.platforms),
        ("import", &request.imports),
        ("export", &request.exports),
        ("no-cache-filter", &request.no_cache_filter),
        ("add-host", &request.add_hosts),
        ("ulimit", &request.ulimits),
        ("unknown", &request.unknown_flags),
    ] {
        for value in list {
            add(name, value);
        }
    }
    if request.no_cache {
        add("no-cache", "true");
    }
    text.trim_start().to_owned()
}

#[test]
fn commands_are_parsed_as_in_the_table() {
    let (repository, others) = laid_out("commands.txt", &["commands"]);
    let disk = Disk {
        directory: repository.path().to_owned(),
    };
    let table = &others["commands"];
    let mut meant = String::new();
    let mut commands = 0;
    for command in table.lines().filter_map(|line| line.strip_prefix("$ ")) {
        commands += 1;
        writeln!(meant, "$ {command}").unwrap();
        match request::read(&[command.to_owned()], &disk, &environment) {
            Ok(requests) => {
                for request in requests {
                    writeln!(meant, "  {}", line(&request)).unwrap();
                }
            }
            Err(error) => writeln!(meant, "  error: {error}").unwrap(),
        }
    }
    assert!(commands >= 40, "the table of commands has gone");
    similar(&meant, table);
}

fn similar(found: &str, wanted: &str) {
    for (found, wanted) in found.lines().zip(wanted.lines()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.lines().count(), wanted.lines().count());
}

/// Caches as sets of attributes, from `type=…` or from bake's objects.
fn caches(list: &Value) -> Vec<BTreeMap<String, String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<BTreeMap<String, String>> = Vec::new();
    for entry in list.as_array().into_iter().flatten() {
        let attributes = match entry {
            Value::Object(object) => object.iter().map(|(k, v)| (k.clone(), text(v))).collect(),
            other => {
                let other = text(other);
                let fields = other.split(',').filter_map(|field| field.split_once('='));
                fields.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
            }
        };
        found.push(attributes);
    }
    found.sort();
    found
}

#[test]
fn bake_evaluates_as_buildx_prints() {
    evaluates_as_printed("bake.txt", 12);
}

#[test]
fn bake_evaluates_functions_types_and_inheritance_as_buildx_prints() {
    evaluates_as_printed("language.txt", 12);
}

/// The home directory and the project directory where `docker compose config` printed.
const HOME: &str = "/home/user";
const PROJECT: &str = "/project";

/// Returns a path as Compose prints it.
fn printed_path(directory: &str, path: &str) -> String {
    if path.contains("://") || path.starts_with("target:") {
        return path.to_owned();
    }
    let path = Path::new(PROJECT).join(directory).join(path);
    let path = go_path::clean(path.to_str().unwrap().as_bytes());
    String::from_utf8(path).unwrap()
}

#[test]
fn compose_evaluates_as_docker_compose_prints() {
    let (repository, mut printed) = laid_out("compose.txt", &[]);
    printed.retain(|name, _| name.starts_with("print "));
    assert!(printed.len() >= 15, "the recorded projects have gone");
    let disk = Disk {
        directory: repository.path().to_owned(),
    };
    let environment = |name: &str| match name {
        "EMPTY" => Some(String::new()),
        "HOME" => Some(HOME.to_owned()),
        other => environment(other),
    };
    for (name, text) in printed {
        let arguments = name.strip_prefix("print ").unwrap().trim();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let command = format!("docker compose {arguments} build");
        let found = request::read(std::slice::from_ref(&command), &disk, &environment);
        let wanted = recorded.as_object().unwrap();
        if wanted.is_empty() || wanted.contains_key("error") {
            assert!(found.is_err(), "{command}: {found:?}");
            continue;
        }
        let found = found.unwrap();
        assert_eq!(found.len(), wanted.len(), "the services of {command}");
        for request in found {
            let name = request.name.clone().unwrap();
            check_service(&format!("{command}: {name}"), &request, &wanted[&name]);
        }
    }
}

fn check_service(place: &str, request: &BuildRequest, wanted: &Value) {
    let context = printed_path(&request.directory, request.context.as_deref().unwrap());
    let contexts: BTreeMap<_, _> = request
        .build_contexts
        .iter()
        .map(|(name, value)| (name.clone(), printed_path(&request.directory, value)))
        .collect();
    // Compose prints arguments without a value, and takes their values when it builds.
    let mut arguments = wanted.get("args").cloned().unwrap_or_default();
    if let Some(arguments) = arguments.as_object_mut() {
        arguments.retain(|_, value| !value.is_null());
    }
    let file = match &request.dockerfile_inline {
        Some(_) => None,
        None => Some(request.file.as_deref().unwrap_or("Dockerfile")),
    };
    let mut platforms = wanted.get("platforms").cloned().unwrap_or_default();
    if platforms.is_null() && !wanted["platform"].is_null() {
        platforms = json!([wanted["platform"]]);
    }
    let mut hosts = Vec::new();
    for host in &request.add_hosts {
        hosts.push(json!(host));
    }
    for (key, found, empty, wanted) in [
        (
            "context",
            json!(context),
            Value::Null,
            wanted["context"].clone(),
        ),
        (
            "dockerfile",
            json!(file),
            Value::Null,
            wanted["dockerfile"].clone(),
        ),
        (
            "contexts",
            json!(contexts),
            json!({}),
            wanted["additional_contexts"].clone(),
        ),
        ("args", json!(request.build_args), json!({}), arguments),
        (
            "labels",
            json!(request.labels),
            json!({}),
            wanted["labels"].clone(),
        ),
        (
            "target",
            json!(request.target),
            Value::Null,
            wanted["target"].clone(),
        ),
        (
            "network",
            json!(request.network),
            Value::Null,
            wanted["network"].clone(),
        ),
        (
            "no_cache",
            json!(request.no_cache),
            json!(false),
            wanted["no_cache"].clone(),
        ),
        (
            "hosts",
            json!(hosts),
            json!([]),
            wanted["extra_hosts"].clone(),
        ),
    ] {
        let wanted = if wanted.is_null() { empty } else { wanted };
        assert_eq!(found, wanted, "{key} of {place}");
    }
    let listed: Vec<&str> = platforms
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut unique: Vec<&str> = Vec::new();
    for platform in listed {
        if !unique.contains(&platform) {
            unique.push(platform);
        }
    }
    assert_eq!(request.platforms, unique, "platforms of {place}");
    let imports = json!(request.imports);
    let exports = json!(request.exports);
    let named = |caches: &Value| -> Value {
        let caches = caches
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let named = caches.map(|cache| {
            if cache.contains('=') {
                return cache.to_owned();
            }
            format!("type=registry,ref={cache}")
        });
        json!(named.collect::<Vec<_>>())
    };
    assert_eq!(
        caches(&imports),
        caches(&named(&wanted["cache_from"])),
        "{place}"
    );
    assert_eq!(
        caches(&exports),
        caches(&named(&wanted["cache_to"])),
        "{place}"
    );
}

/// Undoes the escapes of templates in what buildx prints.
fn unescaped(printed: Value) -> Value {
    match printed {
        Value::String(text) => text.replace("$${", "${").replace("%%{", "%{").into(),
        Value::Object(entries) => {
            let entries = entries.into_iter();
            Value::Object(
                entries
                    .map(|(key, value)| (key, unescaped(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// Compares the requests of `bake` with the definitions in the sections `print` of a fixture.
fn evaluates_as_printed(fixture: &str, least: usize) {
    let (repository, mut printed) = laid_out(fixture, &[]);
    printed.retain(|name, _| name.starts_with("print "));
    let disk = Disk {
        directory: repository.path().to_owned(),
    };
    assert!(printed.len() >= least, "the recorded definitions have gone");
    for (name, text) in printed {
        let arguments = name.strip_prefix("print ").unwrap().trim();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let command = format!("docker buildx bake {arguments}");
        let requests = request::read(std::slice::from_ref(&command), &disk, &environment).unwrap();
        let wanted = recorded["target"].as_object().unwrap();
        assert_eq!(requests.len(), wanted.len(), "the targets of {command}");
        for request in requests {
            let name = request.name.clone().unwrap();
            let target = &wanted[&name];
            let found = serde_json::to_value(&request).unwrap();
            let place = format!("{command}: {name}");
            for (mine, theirs, empty) in [
                ("context", "context", Value::Null),
                ("file", "dockerfile", Value::Null),
                ("target", "target", Value::Null),
                ("network", "network", Value::Null),
                ("dockerfile_inline", "dockerfile-inline", Value::Null),
                ("ulimits", "ulimits", Value::Null),
                ("build_args", "args", serde_json::json!({})),
                ("labels", "labels", serde_json::json!({})),
                ("build_contexts", "contexts", serde_json::json!({})),
                ("platforms", "platforms", serde_json::json!([])),
                ("no_cache_filter", "no-cache-filter", serde_json::json!([])),
                ("no_cache", "no-cache", Value::Bool(false)),
            ] {
                let theirs = unescaped(target.get(theirs).cloned().unwrap_or(empty));
                assert_eq!(found[mine], theirs, "{mine} of {place}");
            }
            assert_eq!(
                caches(&found["imports"]),
                caches(&target["cache-from"]),
                "{place}"
            );
            let inline = target["args"].get("BUILDKIT_INLINE_CACHE").is_some();
            let mut exports = caches(&found["exports"]);
            exports.retain(|export| {
                !inline || export.get("type").map(String::as_str) != Some("inline")
            });
            assert_eq!(exports, caches(&target["cache-to"]), "{place}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_words_never_panic(words in proptest::collection::vec("(docker|buildx|bake|build|--set|-f|--|a=b|\\PC{0,12})", 0..10)) {
        // `-` would read the standard input of the tests.
        prop_assume!(words.iter().all(|word| word != "-"));
        let repository = Repository::new();
        let disk = Disk { directory: repository.path().to_owned() };
        // Any outcome but a panic is right.
        let _ = request::read(&words, &disk, &environment);
    }
}
