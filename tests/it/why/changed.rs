//! Builds with a single change to a real one: that change is the cause, and nothing else is.
//!
//! The change is made only in the operation, as a Dockerfile would make it; the earlier build and
//! its cache are real.

use serde_json::{Value, json};

use super::histories::home;
use crate::support::command::CommandLine;
use crate::support::fixture::Fixture;

/// The path of a value in an operation, and its new value.
type Change = (&'static str, Value);

/// Changes values at paths in a step's operation.
fn with(fixture: &Fixture, step: &str, changes: &[Change]) -> Value {
    let mut statement: Value = fixture.json("provenance/c02.json");
    let build = "/predicate/buildDefinition/internalParameters/buildConfig/llbDefinition";
    let steps = statement
        .pointer_mut(build)
        .unwrap()
        .as_array_mut()
        .unwrap();
    let op = &mut steps.iter_mut().find(|found| found["id"] == step).unwrap()["op"];
    for (place, value) in changes {
        let (parent, name) = place.rsplit_once('/').unwrap();
        match op.pointer_mut(parent).unwrap() {
            Value::Array(list) if name == "-" => list.push(value.clone()),
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
            other => panic!("{other} has no {name}"),
        }
    }
    statement
}

#[test]
fn a_changed_operation_is_the_only_cause() {
    const EXEC: &str = "/Op/exec/meta";
    let exec = |name: &str, value: Value| -> (String, Value) { (format!("{EXEC}/{name}"), value) };
    let copy = |name: &str, value: Value| (format!("/Op/file/actions/0/Action/copy/{name}"), value);
    let secret = json!({ "dest": "/run/secrets/t", "input": -1, "output": -1, "mountType": 2, "secretOpt": { "ID": "t" } });
    let owner = json!({ "user": { "User": { "byID": 1000 } } });
    // The step, the change, the cause, and a part of its text. Step 4 is `RUN go mod download`, 3
    // is `COPY go.mod ./`, and 1 is `WORKDIR /src`.
    let cases = [
        (
            "step4",
            exec("args/2", json!("go mod download all")),
            "command",
            "`go mod download all`",
        ),
        (
            "step4",
            exec("env/-", json!("GOFLAGS=-mod=mod")),
            "environment",
            "GOFLAGS was unset",
        ),
        (
            "step4",
            exec("env/1", json!("BASE_REV=3")),
            "environment",
            "BASE_REV was `1`, and is `3`",
        ),
        (
            "step4",
            exec("env/-", json!("NPM_TOKEN=abcdef")),
            "environment",
            "NPM_TOKEN was unset, and is (hidden)",
        ),
        (
            "step4",
            exec("cwd", json!("/elsewhere")),
            "user-or-workdir",
            "/elsewhere",
        ),
        (
            "step4",
            exec("user", json!("nobody")),
            "user-or-workdir",
            "nobody",
        ),
        ("step4", exec("hostname", json!("h")), "option", "hostname"),
        (
            "step4",
            exec("extraHosts", json!([{ "Host": "h", "IP": "10.0.0.1" }])),
            "option",
            "add-host",
        ),
        (
            "step4",
            ("/Op/exec/network".to_owned(), json!(2)),
            "network",
            "network",
        ),
        (
            "step4",
            ("/Op/exec/security".to_owned(), json!(1)),
            "option",
            "security",
        ),
        (
            "step4",
            ("/Op/exec/mounts/-".to_owned(), secret),
            "mount",
            "/run/secrets/t",
        ),
        ("step3", copy("owner", owner), "option", "chown"),
        ("step3", copy("mode", json!(493)), "option", "chmod"),
        (
            "step3",
            copy("exclude_patterns", json!(["*.tmp"])),
            "option",
            "exclude",
        ),
        (
            "step3",
            copy("dest", json!("/other/")),
            "user-or-workdir",
            "/other/",
        ),
        (
            "step1",
            (
                "/Op/file/actions/0/Action/mkdir/path".to_owned(),
                json!("/work"),
            ),
            "user-or-workdir",
            "/work",
        ),
    ];
    let (sandbox, fixture) = home("shop");
    for (step, (place, value), kind, words) in cases {
        let place: &'static str = place.leak();
        let changed = with(&fixture, step, &[(place, value.clone())]);
        std::fs::write(sandbox.path("changed.json"), changed.to_string()).unwrap();
        let document = sandbox.json("why ./cache#c01 --json --build changed.json --baseline provenance/c01.json --context tree/c02");
        let roots = document["root_causes"].as_array().unwrap();
        let shown = || format!("{step} {place} = {value}: {roots:#?}");
        assert_eq!(roots.len(), 1, "{}", shown());
        assert_eq!(
            (&roots[0]["step"], &roots[0]["kind"]),
            (&step.into(), &kind.into()),
            "{}",
            shown()
        );
        assert!(
            roots[0]["detail"].as_str().unwrap().contains(words),
            "{}",
            shown()
        );
        assert!(
            !document.to_string().contains("abcdef"),
            "a secret is shown"
        );
        // Dependent steps run, or are undecided; no other step does.
        for found in document["steps"].as_array().unwrap() {
            let is_above = ["step0", "step8", "step9", "step10"]
                .iter()
                .any(|above| found["id"] == *above);
            assert!(!is_above || found["verdict"] != "miss", "{}", shown());
        }
    }
}

#[test]
fn a_variable_that_many_steps_see_is_one_cause() {
    let (sandbox, fixture) = home("shop");
    let mut statement = fixture.json::<Value>("provenance/c02.json");
    let build = "/predicate/buildDefinition/internalParameters/buildConfig/llbDefinition";
    for step in statement
        .pointer_mut(build)
        .unwrap()
        .as_array_mut()
        .unwrap()
    {
        if let Some(env) = step
            .pointer_mut("/op/Op/exec/meta/env")
            .and_then(Value::as_array_mut)
        {
            env.push(json!("CI=true"));
        }
    }
    std::fs::write(sandbox.path("changed.json"), statement.to_string()).unwrap();
    let given = [
        "--build",
        "changed.json",
        "--baseline",
        "provenance/c01.json",
        "--context",
        "tree/c02",
    ];
    let run = sandbox.run(given[..].after("why ./cache#c01"));
    let causes: Vec<&str> = run
        .stdout
        .lines()
        .skip(2)
        .take_while(|line| !line.is_empty())
        .collect();
    insta::assert_snapshot!(causes.join("\n"), @r"
    1  Dockerfile:4 RUN npm ci
       Dockerfile:9 RUN npm run build
       Dockerfile:14 RUN go mod download
       Dockerfile:16 RUN go build ./api
       Dockerfile:20 RUN npm test && echo ok > /report.txt
        135 KiB rewritten · 2 later steps re-run because of them
        each: a variable changed: CI was unset, and is `true`
        → set the variable below the steps that do not need it
    ");
}

#[test]
fn steps_above_an_unknown_operation_are_unknown() {
    let (sandbox, fixture) = home("shop");
    let copy = "/Op/file/actions/0/Action/copy/fromTheFuture";
    std::fs::write(
        sandbox.path("changed.json"),
        with(&fixture, "step3", &[(copy, json!(true))]).to_string(),
    )
    .unwrap();
    for baseline in [&[][..], &["--baseline", "provenance/c01.json"]] {
        let given = [
            "why",
            "./cache#c01",
            "--json",
            "--build",
            "changed.json",
            "--context",
            "tree/c02",
        ];
        let document = sandbox.json(baseline.after(&given[..]));
        assert_eq!(document["summary"]["miss"], 0, "{:#}", document["steps"]);
        let unknown = |id: &str| {
            let steps = document["steps"].as_array().unwrap();
            steps
                .iter()
                .any(|step| step["id"] == id && step["verdict"] == "unknown")
        };
        // The copy, the three commands and copies on top of it, and the copy of their results.
        assert!(
            ["step3", "step4", "step5", "step6", "step7"]
                .into_iter()
                .all(unknown),
            "{:#}",
            document["steps"]
        );
    }
}
