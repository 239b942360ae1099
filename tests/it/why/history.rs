//! `why --history`: several builds, and the inputs that change in nearly every one.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::histories::home;
use crate::repair::remote;
use crate::support::client::client_builder;
use crate::support::command::{CommandLine, Sandbox};
use crate::support::registry::{DockerRegistry, Setup};

/// Writes four provenance documents whose value of `API_URL` differs, and one label.
fn four_builds(sandbox: &Sandbox) {
    let text = fs::read_to_string(sandbox.path("provenance/c08.json")).unwrap();
    fs::create_dir(sandbox.path("four")).unwrap();
    for number in 1..=4 {
        let api = format!("https://api{number}.example.test");
        let mut document: Value =
            serde_json::from_str(&text.replace("https://api.example.test", &api)).unwrap();
        let request =
            &mut document["predicate"]["buildDefinition"]["externalParameters"]["request"];
        request["args"] = json!({
            "build-arg:API_URL": api,
            "build-arg:DEPLOY_TOKEN": format!("s3cret-{number}"),
            "label:revision": format!("r{number}"),
        });
        let started = format!("2026-11-2{number}T10:00:00Z");
        document["predicate"]["runDetails"]["metadata"]["startedOn"] = json!(started);
        fs::write(
            sandbox.path(format!("four/{number}.json")),
            document.to_string(),
        )
        .unwrap();
    }
}

fn input<'a>(document: &'a Value, name: &str) -> &'a Value {
    let inputs = document["history"]["inputs"].as_array().unwrap();
    let found = inputs.iter().find(|input| input["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {document:#}"))
}

fn lines(steps: &Value) -> Vec<u64> {
    let steps = steps.as_array().unwrap().iter();
    steps
        .map(|step| step["location"]["line"].as_u64().unwrap())
        .collect()
}

#[test]
fn an_argument_that_changes_in_every_build_is_listed_with_its_steps() {
    let (sandbox, _) = home("shop");
    four_builds(&sandbox);
    let document = sandbox.json("why --history four --json");
    assert_eq!(document["history"]["builds"].as_array().unwrap().len(), 4);
    let argument = input(&document, "API_URL");
    assert_eq!(
        [&argument["changed"], &argument["compared"]],
        [&json!(3), &json!(3)]
    );
    assert_eq!(argument["frequent"], true);
    assert_eq!(argument["kind"], "build-arg");
    assert_eq!(
        argument["location"],
        json!({ "file": "Dockerfile", "line": 8 })
    );
    assert_eq!(lines(&argument["runs"]), [9]);
    // What copies the result of line 9 is found under its content.
    assert_eq!(lines(&argument["may_run"]), [25, 26, 27]);
    assert_eq!(argument["seconds"], Value::Null);
    assert_eq!(argument["values"][2], "https://api4.example.test");
    // A label is in the image alone, and a secret is not shown.
    assert_eq!(lines(&input(&document, "revision")["runs"]), [0_u64; 0]);
    assert_eq!(
        input(&document, "DEPLOY_TOKEN")["values"],
        json!(["(hidden)"])
    );

    let page = sandbox.run("why --history four");
    insta::assert_snapshot!(page.stdout, @r"
    4 builds compared: 1 cause in nearly every one

    1  Dockerfile:8 ARG API_URL=https://api.example.test
        build argument API_URL changed in 3 of 3 builds: `https://api2.example.test` → `https://api3.example.test` → `https://api4.example.test`
        1 step runs: line 9 RUN npm run build; 3 steps that copy from them may run, too
        → move ARG API_URL from line 8 to the end of its stage, unless a command reads it from its environment: no RUN of the stage names it

    Changed, and runs no step: build argument DEPLOY_TOKEN (3 of 3), label revision (3 of 3)
    ");
    let markdown = sandbox.run("why --history four --format markdown");
    for words in [
        "### 4 builds compared: 1 cause in nearly every one\n\n1. `Dockerfile:8 ARG API_URL",
        "   - move ARG API\\_URL from line 8 to the end of its stage",
        "> Changed, and runs no step: build argument DEPLOY\\_TOKEN",
    ] {
        assert!(markdown.stdout.contains(words), "{words}: {markdown}");
    }
    let github = sandbox.run("why --history four --format github");
    let start = "::warning file=Dockerfile,line=8,title=changes in nearly every build%3A build-arg::build argument API_URL changed in 3 of 3 builds";
    assert!(github.stdout.starts_with(start), "{github}");
    let end = "::notice title=build history::4 builds compared: 1 cause in nearly every one\n";
    assert!(github.stdout.ends_with(end), "{github}");
}

#[test]
fn logs_show_which_copies_ran_and_their_cost() {
    let (sandbox, _) = home("shop");
    let document = sandbox.json("why --history provenance logs --json");
    assert_eq!(document["history"]["builds"].as_array().unwrap().len(), 15);
    let copy = input(&document, "COPY web ./web");
    assert_eq!(copy["kind"], "content");
    assert_eq!(copy["frequent"], false);
    assert!(copy["seconds"].as_f64().unwrap() > 0.0, "{copy:#}");
    assert!(lines(&copy["runs"]).contains(&9), "{copy:#}");
    let image = input(&document, "127.0.0.1:5055/base:latest");
    assert_eq!(image["kind"], "base-image");
    assert_eq!(image["changed"], 1, "{image:#}");
    assert!(image["advice"].as_str().unwrap().contains("digest"));
}

fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let run = Command::new("git")
        .arg("-C")
        .arg(sandbox.path("."))
        .args(["-c", "user.name=a", "-c", "user.email=a@example.test"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

const FILE: &str = "FROM alpine:3\nWORKDIR /app\nARG GIT_SHA=0\nENV REVISION=$GIT_SHA\nCOPY package.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\nRUN echo $REVISION > /revision\n";

/// A repository with four commits: each changes `version.txt` and the default of an argument, one
/// `package.json`.
fn repository() -> Sandbox {
    let sandbox = Sandbox::new();
    git(&sandbox, &["init", "-q"]);
    fs::write(sandbox.path(".dockerignore"), "notes\n").unwrap();
    for number in 1..=4 {
        let file = FILE.replace("GIT_SHA=0", &format!("GIT_SHA={number}"));
        fs::write(sandbox.path("Dockerfile"), file).unwrap();
        fs::write(sandbox.path("version.txt"), number.to_string()).unwrap();
        fs::write(sandbox.path("notes"), number.to_string()).unwrap();
        fs::write(sandbox.path("package.json"), (number / 4).to_string()).unwrap();
        git(&sandbox, &["add", "."]);
        git(&sandbox, &["commit", "-q", "-m", "change"]);
    }
    sandbox
}

#[test]
fn revisions_of_git_are_builds_with_their_files() {
    let sandbox = repository();
    let document = sandbox.json("why --history git:HEAD~3 git:HEAD~3..HEAD --json");
    assert_eq!(document["history"]["builds"].as_array().unwrap().len(), 4);
    let version = input(&document, "version.txt");
    assert_eq!(version["changed"], 3);
    assert_eq!(version["location"]["line"], 7);
    assert_eq!(lines(&version["runs"]), [7, 8, 9]);
    let package = input(&document, "package.json");
    assert_eq!(
        [&package["changed"], &package["frequent"]],
        [&json!(1), &json!(false)]
    );
    assert_eq!(package["location"]["line"], 5);
    // What the ignore file leaves out is no input.
    let inputs = document["history"]["inputs"].as_array().unwrap();
    assert!(
        inputs.iter().all(|input| input["name"] != "notes"),
        "{document:#}"
    );

    // The variable that is set from an argument changes with it.
    let argument = input(&document, "GIT_SHA");
    assert_eq!(argument["changed"], 3, "{document:#}");
    assert_eq!(
        argument["move"],
        json!({ "from": 3, "above": 9, "passes": [6, 8] })
    );
    assert!(
        inputs.iter().all(|input| input["name"] != "REVISION"),
        "{document:#}"
    );
    let page = sandbox.run("why --history git:HEAD~3 git:HEAD~3..HEAD");
    insta::assert_snapshot!(page.stdout, @r"
    4 builds compared: 2 causes in nearly every one

    1  Dockerfile:3 ARG GIT_SHA=4
        build argument GIT_SHA changed in 3 of 3 builds: `2` → `3` → `4`
        4 steps run: line 6 RUN npm ci, line 7 COPY . ., line 8 RUN npm run build, line 9 RUN echo $REVISION > /revision
        → move ARG GIT_SHA from line 3 to just above line 9, with line 4, which uses it, unless a command reads it from its environment: 2 RUNs stand above line 9 that do not name it

    2  Dockerfile:7 COPY . .
        file Dockerfile changed in 3 of 3 builds
        file version.txt changed in 3 of 3 builds
        3 steps run: line 7 COPY . ., line 8 RUN npm run build, line 9 RUN echo $REVISION > /revision
        → above line 8 copy only the files that it reads, and the rest below it; or list files that the image does not need in .dockerignore

    Changed less often:
        1 of 3  file package.json (Dockerfile:5)
    ");
}

#[test]
fn a_volatile_name_above_steps_is_a_note() {
    let sandbox = home("shop").0;
    fs::write(sandbox.path("Dockerfile"), FILE).unwrap();
    let document = sandbox.json("why ./cache#c08 -f Dockerfile --offline --json");
    let notes: Vec<&str> = document["notes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let note = notes.iter().find(|note| note.contains("GIT_SHA"));
    insta::assert_snapshot!(note.unwrap_or_else(|| panic!("{notes:#?}")), @"Dockerfile:3: ARG GIT_SHA: if it changes with every build, as its name suggests, the 2 RUNs below it that do not name it (lines 6, 8) cannot hit; move it to just above line 9, unless a command reads it from its environment");
}

#[test]
fn a_history_needs_two_builds_with_their_steps() {
    let (sandbox, _) = home("shop");
    for arguments in [
        &["provenance/c01.json"][..],
        &["./cache#c01"],
        &["./cache#c01", "./cache#c02"],
        &["git:"],
        &["nothing-of-that-name"],
    ] {
        let run = sandbox.run(arguments.after("why --history"));
        assert!(matches!(run.code, Some(1 | 2)), "{arguments:?}: {run}");
        assert!(
            run.stderr.contains("hint: ") || run.stderr.contains("revision"),
            "{arguments:?}: {run}"
        );
    }
    let run = sandbox.run("why --history provenance --baseline provenance");
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn previous_versions_of_an_image_are_builds_of_a_history() {
    let registry = DockerRegistry::with("shop", Setup::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let images = registry.tags("shop");
    let commits = ["c07", "c08", "c09"];
    for commit in commits {
        let digest = &images[commit];
        let manifest = std::fs::read(remote::data(&registry, digest)).unwrap();
        let read: Value = serde_json::from_slice(&manifest).unwrap();
        let address = format!("http://{}/v2/shop/manifests/main", registry.host());
        let put = client_builder()
            .build()
            .unwrap()
            .put(address)
            .header("content-type", read["mediaType"].as_str().unwrap())
            .body(manifest);
        let answer = runtime.block_on(put.send()).unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
    for commit in commits {
        let link = format!("docker/registry/v2/repositories/shop/_manifests/tags/{commit}");
        std::fs::remove_dir_all(registry.store().join(link)).unwrap();
    }
    let sandbox = Sandbox::new();
    let store = registry.store();
    let of = |name: &str| format!("registry-dir:{}#shop:{name}", store.display());
    let [newest, before, oldest] = ["main", "main~1", "main~2"].map(of);
    let history = sandbox.run(format!(
        "why --json --history '{newest}' --history '{before}' --history '{oldest}'"
    ));
    assert_eq!(history.code, Some(0), "{history}");
    let document = history.json();
    assert_eq!(
        document["history"]["builds"].as_array().unwrap().len(),
        3,
        "{history}"
    );
    let none = of("main~9");
    let failed = sandbox.run(format!("why --history '{newest}' --history '{none}'"));
    assert_ne!(failed.code, Some(0), "{failed}");
    assert!(failed.stderr.contains("main~9"), "{failed}");
}
