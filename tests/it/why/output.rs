//! What `why` prints, and what counts as evidence.

use std::collections::BTreeSet;

use super::histories::{counts, home};
use crate::support::command::CommandLine;

#[test]
fn why_prints_causes_before_steps() {
    let (sandbox, _) = home("shop");
    insta::assert_snapshot!(sandbox.run("why ./cache#c07 --build provenance/c08.json --build logs/c08.rawjson --baseline provenance/c07.json --context tree/c08"), @r"
    ./cache#c07: 0.6s lost, 6 hit, 9 run

    1  Dockerfile:16 RUN go build -trimpath ./api
        0.4s lost · 4 later steps re-run because of it
        its command changed: `go build ./api` became `go build -trimpath ./api`
    2  Dockerfile:12 WORKDIR /src
       Dockerfile:13 COPY go.mod ./
       Dockerfile:14 RUN go mod download
       Dockerfile:15 COPY api ./api
        0.2s lost
        each: the cache holds its key but no longer its result; `c04`, `c03`, `c02` and 1 more of the same source still have it
        → import `c04`, or run the step again and export

       STEP                                          WHERE          CACHE     TIME  WHY
    ·  FROM 127.0.0.1:5055/base:latest AS deps       Dockerfile:1   key-only  0.1s
    ✓  WORKDIR /app                                  Dockerfile:2   result       –
    ✓  COPY package.json package-lock.json ./        Dockerfile:3   result       –
    ✓  RUN npm ci                                    Dockerfile:4   result       –
    ✓  COPY web ./web                                Dockerfile:7   result       –
    ✓  RUN npm run build                             Dockerfile:9   result    0.5s
    ✗  WORKDIR /src                                  Dockerfile:12  key-only  0.0s  2  result-dropped
    ✗  COPY go.mod ./                                Dockerfile:13  key-only  0.0s  2  result-dropped
    ✗  RUN go mod download                           Dockerfile:14  key-only  0.1s  2  result-dropped
    ✗  COPY api ./api                                Dockerfile:15  key-only  0.1s  2  result-dropped
    ✗  RUN go build -trimpath ./api                  Dockerfile:16  absent    0.2s  1  command
    ✓  RUN npm test && echo ok > /report.txt         Dockerfile:20  result    0.3s
    ✗  COPY --from=api /src/bin /usr/local/bin       Dockerfile:24  absent    0.1s  ↑ 1
    ✗  COPY --from=web /app/dist /srv                Dockerfile:25  absent    0.1s  ↑ 1
    ✗  COPY --from=test /report.txt /srv/report.txt  Dockerfile:26  absent    0.1s  ↑ 1
    ✗  COPY assets /srv/assets                       Dockerfile:27  absent    0.0s  ↑ 1

    ✓ found in the cache   ✗ runs   ? not known   · a source, resolved each time
    exit 0
    ");
    insta::assert_snapshot!(sandbox.run("why ./cache#c05 --build provenance/c06.json --baseline provenance/c05.json --context tree/c06"), @r"
    ./cache#c05: 24.7 KiB rewritten, 9 hit, 3 run, 3 undecided

    1  Dockerfile:7 COPY web ./web
        24.7 KiB rewritten · 2 later steps re-run because of it
        the permissions of files changed: web/index.js
          mode  web/index.js (0644 → 0755)
        → keep the bits the same everywhere: umask, and core.fileMode of git

       STEP                                          WHERE          CACHE     TIME  WHY
    ·  FROM 127.0.0.1:5055/base:latest AS deps       Dockerfile:1   key-only     –
    ✓  WORKDIR /app                                  Dockerfile:2   result       –
    ✓  COPY package.json package-lock.json ./        Dockerfile:3   result       –
    ✓  RUN npm ci                                    Dockerfile:4   result       –
    ✗  COPY web ./web                                Dockerfile:7   absent       –  1  mode
    ✗  RUN npm run build                             Dockerfile:9   absent       –  ↑ 1
    ✓  WORKDIR /src                                  Dockerfile:12  key-only     –
    ✓  COPY go.mod ./                                Dockerfile:13  key-only     –
    ✓  RUN go mod download                           Dockerfile:14  key-only     –
    ✓  COPY api ./api                                Dockerfile:15  key-only     –
    ✓  RUN go build ./api                            Dockerfile:16  key-only     –
    ✗  RUN npm test && echo ok > /report.txt         Dockerfile:20  absent       –  ↑ 1
    ✓  COPY --from=api /src/bin /usr/local/bin       Dockerfile:24  result       –
    ?  COPY --from=web /app/dist /srv                Dockerfile:25  unknown      –  files of a step that runs
    ?  COPY --from=test /report.txt /srv/report.txt  Dockerfile:26  unknown      –  files of a step that runs
    ?  COPY assets /srv/assets                       Dockerfile:27  unknown      –  depends on an undecided step

    ✓ found in the cache   ✗ runs   ? not known   · a source, resolved each time
    note: a log of the build (--progress=rawjson) decides the steps that use the output of other steps
    exit 0
    ");
}

#[test]
fn why_reports_inconsistent_evidence() {
    let (sandbox, _) = home("shop");
    insta::assert_snapshot!(sandbox.run("why ./cache#c07 --build logs/c08.rawjson"), @r"
    error: the evidence does not describe the build's steps
      hint: give the Dockerfile with -f and its context with --context, or the build's provenance (mode=max), its build record or its LLB definition with --build
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run("why ./cache#c07 --build cache/oci-layout"), @r"
    error: cache/oci-layout: not provenance: neither a statement nor a predicate of SLSA
      hint: evidence is provenance (mode=max), a build record, an LLB definition, a log, or cache debug data
    exit 1
    ");
    let other = sandbox.json("why ./cache#c07 --json --build provenance/c08.json --build logs/c05.rawjson --context tree/c12 --baseline provenance/c07.json");
    let notes: Vec<&str> = other["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("the log is of another build")),
        "{notes:?}"
    );
    insta::assert_snapshot!(sandbox.run("why ./cache --build provenance/c08.json"), @r"
    error: ./cache has 15 refs
      hint: name one, as in ./cache#c01
    exit 2
    ");
}

#[test]
fn why_prints_the_document_that_scripts_read() {
    let (sandbox, _) = home("shop");
    let document = sandbox.json("why ./cache#c07 --json --build provenance/c08.json --build logs/c08.rawjson --baseline provenance/c07.json --context tree/c08");
    assert_eq!(
        (&document["schema"], &document["command"]),
        (&1.into(), &"why".into())
    );
    assert_eq!(document["ref"], "./cache#c07");
    assert_eq!(counts(&document), [6, 9, 0]);
    // Each step that ran counts for one cause.
    let seconds = |value: &serde_json::Value| value.as_f64().unwrap();
    let lost = seconds(&document["summary"]["seconds_lost"]);
    let causes = document["root_causes"].as_array().unwrap();
    let of_causes: f64 = causes.iter().map(|cause| seconds(&cause["seconds"])).sum();
    let steps = document["steps"].as_array().unwrap();
    let ran = steps.iter().filter(|step| step["verdict"] == "miss");
    let of_steps: f64 = ran.filter_map(|step| step["seconds"].as_f64()).sum();
    assert!(
        lost > 0.0 && (lost - of_steps).abs() < 1e-6,
        "{lost} {of_steps}"
    );
    assert!((lost - of_causes).abs() < 1e-6, "{lost} {of_causes}");
    let steps = document["steps"].as_array().unwrap();
    let changed = steps
        .iter()
        .find(|step| step["name"] == "RUN go build -trimpath ./api")
        .unwrap();
    assert_eq!(
        (&changed["verdict"], &changed["in_cache"]),
        (&"miss".into(), &"absent".into())
    );
    assert_eq!(
        (&changed["cause"]["kind"], &changed["cause"]["root"]),
        (&"command".into(), &true.into())
    );
    assert_eq!(
        changed["location"],
        serde_json::json!({ "file": "Dockerfile", "line": 16 })
    );
    assert!(changed["vertex"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(changed["keys"].as_array().unwrap().len(), 1);
    let roots = document["root_causes"].as_array().unwrap();
    assert!(
        roots
            .iter()
            .any(|cause| cause["kind"] == "command" && cause["step"] == changed["id"])
    );
    assert!(roots.iter().all(|cause| matches!(
        cause["kind"].as_str().unwrap(),
        "command" | "result-dropped"
    )));
}

#[test]
fn a_build_record_and_a_plain_log_are_enough() {
    let (sandbox, _) = home("mini");
    let record = sandbox.json(
        "why ./cache#c02 dockerbuild/c03.dockerbuild --baseline dockerbuild/c02.dockerbuild --json",
    );
    assert_eq!(counts(&record), [4, 2, 0]);
    assert_eq!(
        record["root_causes"][0]["detail"],
        "`go build` became `go build -race`"
    );
    let plain =
        sandbox.json("why ./cache#c02 --build provenance/c03.json --build logs/c03.plain --json");
    assert_eq!(counts(&plain), [4, 2, 0]);
    let definition = sandbox.json("why ./cache#c02 --build llb/c03.pb --json");
    assert_eq!(counts(&definition), [1, 1, 4]);
}

#[test]
fn texts_of_a_daemon_give_names_and_changes() {
    let (sandbox, _) = home("shop");
    let names = |arguments: &[&str]| -> BTreeSet<String> {
        let shown = sandbox.json(arguments.after("show ./cache#c14 --json"));
        let names = shown["records"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|record| record["name"].as_str());
        names.map(str::to_owned).collect()
    };
    let debug = ["--provenance", "cache-debug/c14.json"];
    for name in [
        "RUN npm ci",
        "RUN go mod download -x",
        "WORKDIR /src",
        "COPY web /app/web",
        "files: extra.go, main.go",
    ] {
        assert!(names(&debug).contains(name), "{name}: {:?}", names(&debug));
    }
    // The Dockerfile takes precedence.
    let both = names(&[&debug[..], &["--provenance", "provenance/c14.json"]].concat());
    assert!(
        both.contains("COPY web ./web") && !both.contains("COPY web /app/web"),
        "{both:?}"
    );

    // Without the previous build, the matching operation in the cache shows the change.
    let given = [
        "why",
        "./cache#c07",
        "--json",
        "--context",
        "tree/c08",
        "--build",
        "provenance/c08.json",
    ];
    let cause = |more: &[&str]| {
        let document = sandbox.json(more.after(&given[..]));
        let steps = document["steps"].as_array().unwrap();
        let step = steps
            .iter()
            .find(|step| step["name"] == "RUN go build -trimpath ./api")
            .unwrap();
        (
            step["cause"]["kind"].as_str().unwrap().to_owned(),
            step["cause"]["detail"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(cause(&[]).0, "upstream");
    let told = (
        "command".to_owned(),
        "`go build ./api` became `go build -trimpath ./api`".to_owned(),
    );
    assert_eq!(cause(&["--build", "cache-debug/c05.json"]), told);
    assert_eq!(cause(&["--baseline", "cache-debug/c05.json"]), told);
}

#[test]
fn changed_lines_of_a_heredoc_are_shown() {
    let (sandbox, _) = home("kitchen");
    let given = [
        "--build",
        "provenance/c11.json",
        "--baseline",
        "provenance/c10.json",
        "--json",
    ];
    let document = sandbox.json(given[..].after("why ./cache#c10"));
    let steps = document["steps"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|step| step["name"] == "COPY <<EOF /etc/kitchen.conf")
        .unwrap();
    assert_eq!(step["cause"]["kind"], "heredoc");
    assert_eq!(step["cause"]["detail"], "1 line removed, 1 line added");
    assert_eq!(
        step["cause"]["diff"],
        serde_json::json!([" name = kitchen", "-level = 1", "+level = 2"])
    );
}
