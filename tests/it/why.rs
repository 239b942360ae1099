//! Explanations, compared with real events, and their output.

use std::any::Any;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachelens::backend::local::LocalCache;
use cachelens::backend::{self, Access, SharedReader};
use cachelens::explain::load::context::Directories;
use cachelens::explain::load::{Explanation, Given, Imported, explain};
use cachelens::explain::solve::{InCache, Verdict};
use cachelens::format::evidence;
use cachelens::inventory::Inventory;
use cachelens::inventory::scan::{ScanOptions, scan};
use cachelens::source::Source;
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::s3::{S3Server, Service};

mod assumed;
mod changed;
mod files;
mod formats;
mod from_command;
pub(crate) mod from_dockerfile;
mod history;
mod recorded;

#[derive(Deserialize)]
struct Commit {
    #[serde(rename = "commit")]
    name: String,
    root_causes: Vec<RootCause>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct RootCause {
    kind: String,
    detail: String,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "step")]
    id: String,
    name: String,
    result: String,
}

/// The evidence in addition to the provenance.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Evidence {
    context: bool,
    baseline: bool,
    log: bool,
}

/// A history, with its cache after each commit.
struct History {
    fixture: Fixture,
    commits: Vec<Commit>,
    trees: tempfile::TempDir,
    reader: SharedReader,
    inventory: Inventory,
    /// Keeps the store as long as the history is needed.
    _store: Box<dyn Any>,
    runtime: Runtime,
}

/// The location of the cache.
#[derive(Clone, Copy)]
enum Store {
    Local,
    S3,
    Registry,
}

impl History {
    fn of(set: &str, store: Store) -> Self {
        let fixture = Fixture::named(set);
        let (reader, store): (SharedReader, Box<dyn Any>) = match store {
            Store::Local => {
                let layout = fixture.layout("local.json");
                (Arc::new(LocalCache::new(layout.path())), Box::new(layout))
            }
            Store::S3 => {
                let (server, bucket) = S3Server::with(Service::S3sFs, set);
                (server.reader(&bucket), Box::new(server))
            }
            Store::Registry => {
                let registry = DockerRegistry::with(set, Setup::default());
                let repository = format!("{}/{set}-cache", registry.host());
                let source = Source::parse(&repository, &|_| false).unwrap().source;
                (
                    backend::open(&source, &Access::default()).unwrap(),
                    Box::new(registry),
                )
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let inventory = runtime
            .block_on(scan(&reader, &ScanOptions::default(), |_| ()))
            .unwrap();
        let (commits, trees) = (fixture.json("history.json"), fixture.trees());
        Self {
            fixture,
            commits,
            trees,
            reader,
            inventory,
            _store: store,
            runtime,
        }
    }

    fn document(&self, path: &str) -> evidence::Document {
        evidence::read(&fs::read(self.fixture.path(path)).unwrap()).unwrap()
    }

    /// Explains the build of a commit by the cache of the previous one.
    fn explain(&self, place: usize, given: Evidence) -> Explanation {
        let log = format!("logs/{}.rawjson", self.commits[place].name);
        self.explain_with(place, given, given.log.then(|| self.document(&log)))
    }

    fn explain_with(
        &self,
        place: usize,
        given: Evidence,
        log: Option<evidence::Document>,
    ) -> Explanation {
        let (before, now) = (&self.commits[place - 1].name, &self.commits[place].name);
        let mut documents = vec![self.document(&format!("provenance/{now}.json"))];
        documents.extend(log);
        let baseline = given
            .baseline
            .then(|| self.document(&format!("provenance/{before}.json")));
        let tree = |name: String| -> PathBuf { self.trees.path().join("tree").join(name) };
        let directories = Directories {
            main: given.context.then(|| tree(now.clone())),
            named: if given.context {
                [("extra".into(), tree(format!("{now}.extra")))].into()
            } else {
                [].into()
            },
            ..Directories::default()
        };
        let entry = self
            .inventory
            .refs
            .iter()
            .find(|entry| entry.name == *before)
            .unwrap();
        let imported = [Imported {
            reader: &self.reader,
            inventory: &self.inventory,
            entry,
        }];
        let given = Given {
            wanted: cachelens::explain::load::Wanted::default(),
            documents,
            baseline: baseline.into_iter().collect(),
            directories,
        };
        self.runtime.block_on(explain(&imported, given)).unwrap()
    }
}

/// Counts the verdicts that are wrong, unknown, and judged in total.
fn judge(history: &History, given: Evidence) -> (usize, usize, usize) {
    judge_each(history, |place| history.explain(place, given))
}

fn judge_each(history: &History, explain: impl Fn(usize) -> Explanation) -> (usize, usize, usize) {
    let (mut wrong, mut unknown, mut judged) = (Vec::new(), 0, 0);
    for place in 1..history.commits.len() {
        let commit = &history.commits[place];
        let explanation = explain(place);
        for step in commit.steps.iter().filter(|step| step.result != "source") {
            judged += 1;
            let index = explanation
                .build
                .steps
                .iter()
                .position(|found| found.id == step.id)
                .unwrap();
            match explanation.standings[index].verdict {
                Verdict::Unknown => unknown += 1,
                verdict if (verdict == Verdict::Miss) == (step.result == "ran") => {}
                verdict => wrong.push(format!(
                    "{} {}: {verdict:?}, but it {}",
                    commit.name, step.id, step.result
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (wrong.len(), unknown, judged)
}

const ALL: Evidence = Evidence {
    context: true,
    baseline: true,
    log: true,
};

/// Compares both histories with the real events: wrong / unknown / judged.
fn figures(given: Evidence) -> String {
    let [figures] = figures_in(Store::Local, [given]);
    figures
}

fn figures_in<const COUNT: usize>(store: Store, given: [Evidence; COUNT]) -> [String; COUNT] {
    let histories = ["shop", "kitchen"].map(|set| History::of(set, store));
    given.map(|given| {
        let figures = histories.iter().map(|history| judge(history, given));
        let (wrong, unknown, judged) = figures.fold((0, 0, 0), |sum, of| {
            (sum.0 + of.0, sum.1 + of.1, sum.2 + of.2)
        });
        format!("{wrong} / {unknown} / {judged}")
    })
}

#[test]
fn with_all_evidence_every_verdict_is_right() {
    assert_eq!(figures(ALL), "0 / 0 / 431");
}

#[test]
fn in_s3_the_verdicts_are_those_of_a_directory() {
    let figures = figures_in(Store::S3, [ALL, Evidence { log: false, ..ALL }]);
    assert_eq!(figures, ["0 / 0 / 431", "0 / 52 / 431"]);
}

#[test]
fn in_a_registry_the_verdicts_are_those_of_a_directory() {
    let figures = figures_in(Store::Registry, [ALL, Evidence { log: false, ..ALL }]);
    assert_eq!(figures, ["0 / 0 / 431", "0 / 52 / 431"]);
}

#[test]
fn without_a_log_only_what_running_steps_write_is_unknown() {
    assert_eq!(figures(Evidence { log: false, ..ALL }), "0 / 52 / 431");
}

#[test]
fn with_less_evidence_more_is_unknown_and_nothing_wrong() {
    assert_eq!(
        figures(Evidence {
            context: true,
            baseline: false,
            log: false
        }),
        "0 / 52 / 431"
    );
    assert_eq!(
        figures(Evidence {
            context: false,
            baseline: true,
            log: false
        }),
        "0 / 331 / 431"
    );
    assert_eq!(
        figures(Evidence {
            context: false,
            baseline: false,
            log: false
        }),
        "0 / 331 / 431"
    );
    assert_eq!(
        figures(Evidence {
            context: false,
            baseline: false,
            log: true
        }),
        "0 / 0 / 431"
    );
}

/// A log may end anywhere, because its build was stopped or its file is truncated.
#[test]
fn a_log_that_breaks_off_leads_to_no_wrong_verdict() {
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        for tenths in [1, 3, 5, 7, 9] {
            let cut = |place: usize| {
                let log = fs::read(
                    history
                        .fixture
                        .path(format!("logs/{}.rawjson", history.commits[place].name)),
                )
                .unwrap();
                let log = evidence::read(&log[..log.len() * tenths / 10]).unwrap();
                history.explain_with(place, Evidence { log: false, ..ALL }, Some(log))
            };
            let (_, unknown, judged) = judge_each(&history, cut);
            assert!(
                unknown * 4 < judged,
                "{set}: {unknown} of {judged} unknown with {tenths}/10 of the log"
            );
        }
    }
}

/// The last build and the current tree before the next build: they predict which of its steps will
/// hit.
#[test]
fn the_next_build_is_foretold_from_the_last_one() {
    let (mut foretold, mut unknown, mut changed_files) = (0, 0, 0);
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        let tree = |name: &str| history.trees.path().join("tree").join(name);
        for place in 1..history.commits.len() {
            let (before, now) = (&history.commits[place - 1], &history.commits[place]);
            let directories = Directories {
                main: Some(tree(&now.name)),
                named: [("extra".into(), tree(&format!("{}.extra", now.name)))].into(),
                ..Directories::default()
            };
            let last = || history.document(&format!("provenance/{}.json", before.name));
            let given = Given {
                wanted: cachelens::explain::load::Wanted::default(),
                documents: vec![last()],
                baseline: vec![last()],
                directories,
            };
            let entry = history
                .inventory
                .refs
                .iter()
                .find(|entry| entry.name == before.name)
                .unwrap();
            let imported = [Imported {
                reader: &history.reader,
                inventory: &history.inventory,
                entry,
            }];
            let explanation = history.runtime.block_on(explain(&imported, given)).unwrap();
            let file = |commit: &Commit| fs::read(tree(&commit.name).join("Dockerfile")).unwrap();
            let is_told = explanation
                .notes
                .iter()
                .any(|note| note.contains("is not the one that was built"));
            assert_eq!(
                is_told,
                file(before) != file(now),
                "{set} {}: {:?}",
                now.name,
                explanation.notes
            );
            changed_files += usize::from(is_told);
            // Later changes in the world or on the command line cannot be predicted from a tree.
            let is_outside = |cause: &RootCause| {
                matches!(
                    &*cause.kind,
                    "base-image" | "remote-content" | "no-cache" | "build-arg"
                )
            };
            let told_to_ignore = before
                .root_causes
                .iter()
                .any(|cause| cause.kind == "no-cache");
            if is_told || told_to_ignore || now.root_causes.iter().any(is_outside) {
                continue;
            }
            for step in now.steps.iter().filter(|step| step.result != "source") {
                let is_same = |of: &&Step| of.name == step.name && of.result != "source";
                let id = &before.steps.iter().find(is_same).unwrap().id;
                let index = explanation
                    .build
                    .steps
                    .iter()
                    .position(|found| found.id == *id)
                    .unwrap();
                match explanation.standings[index].verdict {
                    Verdict::Unknown => unknown += 1,
                    verdict => assert_eq!(
                        verdict == Verdict::Miss,
                        step.result == "ran",
                        "{set} {}: {} {verdict:?}, but it {}",
                        now.name,
                        step.name,
                        step.result
                    ),
                }
                foretold += 1;
            }
        }
    }
    assert_eq!((unknown, foretold, changed_files), (29, 273, 6));
}

#[test]
fn root_causes_are_what_was_changed() {
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        for place in 1..history.commits.len() {
            let commit = &history.commits[place];
            let explanation = history.explain(place, ALL);
            let found = explanation.root_causes();
            let is_thin = |kind: &str| matches!(kind, "result-dropped" | "not-exported");
            for wanted in commit
                .root_causes
                .iter()
                .filter(|cause| !is_thin(&cause.kind))
            {
                let is_it = found.iter().any(|(_, cause)| {
                    let paths = cause
                        .paths
                        .iter()
                        .any(|change| change.path.contains(&wanted.detail));
                    cause.kind.word() == wanted.kind
                        && (cause.detail.contains(&wanted.detail) || paths)
                });
                assert!(
                    is_it,
                    "{set} {}: {} {}; found {found:?}",
                    commit.name, wanted.kind, wanted.detail
                );
            }
            let wanted: BTreeSet<&str> = commit
                .root_causes
                .iter()
                .map(|cause| cause.kind.as_str())
                .collect();
            let kinds: BTreeSet<&str> = found.iter().map(|(_, cause)| cause.kind.word()).collect();
            let others: Vec<_> = kinds
                .difference(&wanted)
                .filter(|kind| !is_thin(kind))
                .collect();
            assert!(others.is_empty(), "{set} {}: also {others:?}", commit.name);
        }
    }
}

#[test]
fn every_step_that_runs_has_a_cause_and_no_other_has() {
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        for place in 1..history.commits.len() {
            let explanation = history.explain(place, ALL);
            for step in explanation
                .steps()
                .into_iter()
                .filter(|step| explanation.is_judged(*step))
            {
                let runs = explanation.standings[step.at()].verdict == Verdict::Miss;
                let cause = &explanation.causes[step.at()];
                assert_eq!(
                    runs,
                    cause.is_some(),
                    "{set} {}",
                    history.commits[place].name
                );
            }
        }
    }
}

/// A home folder with the cache of a set as `./cache` and the trees of its commits as `./tree`.
fn home(set: &str) -> (Sandbox, Fixture) {
    let (sandbox, fixture) = (Sandbox::new(), Fixture::named(set));
    fixture.write_layout("local.json", &sandbox.path("cache"));
    let trees = fixture.trees();
    copy(&trees.path().join("tree"), &sandbox.path("tree"));
    for folder in ["provenance", "logs", "dockerbuild", "llb", "cache-debug"] {
        if fixture.path(folder).is_dir() {
            copy(&fixture.path(folder), &sandbox.path(folder));
        }
    }
    (sandbox, fixture)
}

/// Returns how many steps hit, run and are undecided.
fn counts(document: &serde_json::Value) -> [u64; 3] {
    ["hit", "miss", "unknown"].map(|name| document["summary"][name].as_u64().unwrap())
}

fn copy(from: &Path, to: &Path) {
    assert!(
        std::process::Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn why_tells_causes_first_and_then_the_steps() {
    let (sandbox, _) = home("shop");
    insta::assert_snapshot!(sandbox.run(&["why", "./cache#c07", "--build", "provenance/c08.json", "--build", "logs/c08.rawjson",
        "--baseline", "provenance/c07.json", "--context", "tree/c08"]), @r"
    ./cache#c07: 0.6s lost, 6 hit, 9 run

    1  Dockerfile:16 RUN go build -trimpath ./api
        0.4s lost · 4 steps after it run, too
        its command changed: `go build ./api` became `go build -trimpath ./api`
    2  Dockerfile:12 WORKDIR /src
       Dockerfile:13 COPY go.mod ./
       Dockerfile:14 RUN go mod download
       Dockerfile:15 COPY api ./api
        0.2s lost
        each: the cache holds its key but no longer its result; `c04`, `c03`, `c02` and 2 more of the same source still have it
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
    insta::assert_snapshot!(sandbox.run(&["why", "./cache#c05", "--build", "provenance/c06.json", "--baseline",
        "provenance/c05.json", "--context", "tree/c06"]), @r"
    ./cache#c05: 24.7 KiB rewritten, 9 hit, 3 run, 3 undecided

    1  Dockerfile:7 COPY web ./web
        24.7 KiB rewritten · 2 steps after it run, too
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
    ?  COPY --from=web /app/dist /srv                Dockerfile:25  unknown      –
    ?  COPY --from=test /report.txt /srv/report.txt  Dockerfile:26  unknown      –
    ?  COPY assets /srv/assets                       Dockerfile:27  unknown      –

    ✓ found in the cache   ✗ runs   ? not known   · a source, resolved each time
    note: a log of the build (--progress=rawjson) settles what depends on what steps write
    exit 0
    ");
}

#[test]
fn why_says_what_does_not_fit_together() {
    let (sandbox, _) = home("shop");
    insta::assert_snapshot!(sandbox.run(&["why", "./cache#c07", "--build", "logs/c08.rawjson"]), @r"
    error: nothing among the evidence tells the steps of the build
      hint: give the Dockerfile with -f and its context with --context, or the build's provenance (mode=max), its build record or its LLB definition with --build
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run(&["why", "./cache#c07", "--build", "cache/oci-layout"]), @r"
    error: cache/oci-layout: not provenance: neither a statement nor a predicate of SLSA
      hint: evidence is provenance (mode=max), a build record, an LLB definition, a log, or cache debug data
    exit 1
    ");
    let other = sandbox.json(&[
        "why",
        "./cache#c07",
        "--json",
        "--build",
        "provenance/c08.json",
        "--build",
        "logs/c05.rawjson",
        "--context",
        "tree/c12",
        "--baseline",
        "provenance/c07.json",
    ]);
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
    insta::assert_snapshot!(sandbox.run(&["why", "./cache", "--build", "provenance/c08.json"]), @r"
    error: ./cache has 15 refs
      hint: name one, as in ./cache#c01
    exit 2
    ");
}

#[test]
fn why_prints_the_document_that_scripts_read() {
    let (sandbox, _) = home("shop");
    let document = sandbox.json(&[
        "why",
        "./cache#c07",
        "--json",
        "--build",
        "provenance/c08.json",
        "--build",
        "logs/c08.rawjson",
        "--baseline",
        "provenance/c07.json",
        "--context",
        "tree/c08",
    ]);
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
    let record = sandbox.json(&[
        "why",
        "./cache#c02",
        "dockerbuild/c03.dockerbuild",
        "--baseline",
        "dockerbuild/c02.dockerbuild",
        "--json",
    ]);
    assert_eq!(counts(&record), [4, 2, 0]);
    assert_eq!(
        record["root_causes"][0]["detail"],
        "`go build` became `go build -race`"
    );
    let plain = sandbox.json(&[
        "why",
        "./cache#c02",
        "--build",
        "provenance/c03.json",
        "--build",
        "logs/c03.plain",
        "--json",
    ]);
    assert_eq!(counts(&plain), [4, 2, 0]);
    let definition = sandbox.json(&["why", "./cache#c02", "--build", "llb/c03.pb", "--json"]);
    assert_eq!(counts(&definition), [1, 1, 4]);
}

#[test]
fn the_texts_that_a_daemon_kept_tell_names_and_changes() {
    let (sandbox, _) = home("shop");
    let names = |arguments: &[&str]| -> BTreeSet<String> {
        let shown = sandbox.json(&[&["show", "./cache#c14", "--json"], arguments].concat());
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
        let document = sandbox.json(&[&given[..], more].concat());
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
fn a_heredoc_that_changed_is_told_line_by_line() {
    let (sandbox, _) = home("kitchen");
    let given = [
        "--build",
        "provenance/c11.json",
        "--baseline",
        "provenance/c10.json",
        "--json",
    ];
    let document = sandbox.json(&[&["why", "./cache#c10"], &given[..]].concat());
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

#[test]
fn an_image_tells_of_its_build_by_the_attestation_beside_it() {
    let registry = DockerRegistry::with("shop", Setup::default());
    let sandbox = Sandbox::new();
    let trees = Fixture::named("shop").trees();
    copy(&trees.path().join("tree"), &sandbox.path("tree"));
    let at = |place: &str| format!("{}/{place}", registry.host());
    let (cache, build, baseline) = (at("shop-cache:c07"), at("shop:c08"), at("shop:c07"));
    let given = [
        "--build",
        &build,
        "--baseline",
        &baseline,
        "--context",
        "tree/c08",
        "--json",
    ];
    let document = sandbox.json(&[&["why", &cache], &given[..]].concat());
    assert_eq!(document["build"], serde_json::json!([build]));
    // Without a log, the outputs of running steps are unknown; the changed command is known.
    assert_eq!(document["root_causes"][0]["kind"], "command");
    assert_eq!(
        document["root_causes"][0]["detail"],
        "`go build ./api` became `go build -trimpath ./api`"
    );
    // An image without attestations is reported, and is not evidence.
    let error = sandbox.run(&["why", &cache, "--build", &at("base:1")]);
    assert!(error.to_string().contains("base:1"), "{error}");
    assert!(error.to_string().contains("exit 1"), "{error}");
}

#[test]
fn of_several_caches_any_may_have_a_step_and_each_by_itself() {
    let history = History::of("shop", Store::Local);
    let alone = |name: &str| {
        let entry = history
            .inventory
            .refs
            .iter()
            .find(|entry| entry.name == name)
            .unwrap();
        Imported {
            reader: &history.reader,
            inventory: &history.inventory,
            entry,
        }
    };
    let explained = |names: &[&str]| {
        let documents = vec![history.document("provenance/c08.json")];
        let directories = Directories {
            main: Some(history.trees.path().join("tree/c08")),
            ..Directories::default()
        };
        let imported: Vec<Imported<'_>> = names.iter().map(|name| alone(name)).collect();
        let given = Given {
            wanted: cachelens::explain::load::Wanted::default(),
            documents,
            baseline: Vec::new(),
            directories,
        };
        history.runtime.block_on(explain(&imported, given)).unwrap()
    };
    let (thin, full, both) = (
        explained(&["c07"]),
        explained(&["c04"]),
        explained(&["c07", "c04"]),
    );
    let has = |explanation: &Explanation, place: usize| explanation.standings[place].in_cache;
    for place in 0..both.build.steps.len() {
        let (found, best) = (has(&both, place), has(&thin, place).max(has(&full, place)));
        // A step that neither ref has may be undecided with both: a step above that hits in one of
        // them leads to files whose key was not computed.
        let is_open = best == InCache::Absent && found == InCache::Unknown;
        assert!(
            found == best || is_open,
            "{}: {found:?} of {best:?}",
            both.build.steps[place].id
        );
    }
    // With the ref that still has the results, only the changed command and its dependents run.
    assert!(both.count(Verdict::Miss) < thin.count(Verdict::Miss));
    assert!(
        both.root_causes()
            .iter()
            .all(|(_, cause)| cause.kind.word() != "result-dropped")
    );
}

#[test]
fn a_part_of_an_operation_that_is_not_known_makes_its_key_unknown_and_is_named() {
    let (sandbox, _) = home("shop");
    let text = fs::read_to_string(sandbox.path("provenance/c08.json")).unwrap();
    let newer = text.replacen(r#""meta":{"#, r#""meta":{"sandboxProfile":"x","#, 1);
    let newer = if newer == text {
        text.replacen(r#""meta": {"#, r#""meta": {"sandboxProfile":"x","#, 1)
    } else {
        newer
    };
    assert_ne!(newer, text);
    fs::write(sandbox.path("newer.json"), newer).unwrap();
    let document = sandbox.json(&[
        "why",
        "./cache#c07",
        "--build",
        "newer.json",
        "--context",
        "tree/c08",
        "--json",
    ]);
    let notes = document["notes"].to_string();
    assert!(
        notes.contains("its operation holds Op.exec.meta.sandboxProfile, which is new"),
        "{notes}"
    );
    let steps = document["steps"].as_array().unwrap();
    let keyless: Vec<_> = steps
        .iter()
        .filter(|step| step["keys"] == serde_json::json!([]))
        .collect();
    assert_eq!(keyless.len(), 1, "{keyless:?}");
    assert_ne!(keyless[0]["verdict"], "miss");
    assert_eq!(keyless[0]["in_cache"], "unknown");
}

#[test]
fn a_cache_that_builds_refuse_is_the_cause_of_every_step() {
    let (sandbox, fixture) = home("shop");
    let manifest: serde_json::Value = serde_json::from_slice(
        &fixture.blob(crate::explain::pushed(&fixture, "shop-cache", "c07")),
    )
    .unwrap();
    let config = manifest["config"]["digest"]
        .as_str()
        .unwrap()
        .replace(':', "/");
    fs::remove_file(sandbox.path(format!("cache/blobs/{config}"))).unwrap();
    let document = sandbox.json(&[
        "why",
        "./cache#c07",
        "--build",
        "provenance/c08.json",
        "--context",
        "tree/c08",
        "--json",
    ]);
    assert_eq!(document["summary"]["hit"], 0, "{document}");
    assert_eq!(document["root_causes"].as_array().unwrap().len(), 1);
    assert_eq!(document["root_causes"][0]["kind"], "config-unreadable");
    // Next to a readable cache, it is only a note.
    let beside = [
        "why",
        "./cache#c07",
        "./cache#c06",
        "--build",
        "provenance/c08.json",
        "--context",
        "tree/c08",
        "--json",
    ];
    let document = sandbox.json(&beside);
    assert!(
        document["notes"]
            .to_string()
            .contains("a build cannot import `c07`"),
        "{document}"
    );
    assert_ne!(document["summary"]["hit"], 0);
}

#[test]
fn of_small_files_the_lines_that_changed_are_told() {
    let (sandbox, _) = home("shop");
    // A context that was changed since: a line of a file, and a file that must stay hidden.
    let before = fs::read_to_string(sandbox.path("tree/c08/web/index.js")).unwrap();
    fs::write(
        sandbox.path("tree/c08/web/index.js"),
        format!("{before}let API_TOKEN = 'abc'\u{1b}[31m\n"),
    )
    .unwrap();
    let given = [
        "why",
        "./cache#c07",
        "--build",
        "provenance/c08.json",
        "--context",
        "tree/c08",
    ];
    let run = sandbox.run(&given).to_string();
    assert!(run.contains("content  web/index.js"), "{run}");
    assert!(run.contains("+ let API_TOKEN = (hidden)"), "{run}");
    assert!(!run.contains("abc") && !run.contains('\u{1b}'), "{run}");
    let document = sandbox.json(&[&given[..], &["--json"]].concat());
    let changes: Vec<_> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["cause"]["changes"].as_array())
        .flatten()
        .collect();
    let change = changes
        .iter()
        .find(|change| change["path"] == "web/index.js")
        .unwrap();
    assert!(
        change["diff"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line == "+let API_TOKEN = (hidden)"),
        "{change}"
    );
}

#[test]
fn bits_of_folders_and_empty_folders_are_told_too() {
    use std::os::unix::fs::PermissionsExt as _;
    let (sandbox, _) = home("shop");
    fs::create_dir(sandbox.path("tree/c08/web/empty")).unwrap();
    fs::set_permissions(
        sandbox.path("tree/c08/web/empty"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let given = [
        "why",
        "./cache#c07",
        "--build",
        "provenance/c08.json",
        "--context",
        "tree/c08",
        "--json",
    ];
    let document = sandbox.json(&given);
    let root = &document["root_causes"][0];
    assert_eq!(
        (&root["kind"], &root["paths"]),
        (&"file-added".into(), &serde_json::json!(["web/empty/"])),
        "{root}"
    );
}

#[test]
fn evidence_comes_from_a_server_too() {
    use std::io::{BufReader, Write as _};
    let (sandbox, fixture) = home("mini");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://me:pat@{}", listener.local_addr().unwrap());
    let files = [
        (
            "/build.json",
            fs::read(fixture.path("provenance/c03.json")).unwrap(),
        ),
        (
            "/debug/cache/all",
            fs::read(fixture.path("cache-debug/c02.json")).unwrap(),
        ),
    ];
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&socket);
            let Some(request) = crate::support::http::Request::read(&mut reader) else {
                continue;
            };
            let found = files.iter().find(|(path, _)| *path == request.path);
            let (status, body) =
                found.map_or(("404 Not Found", &[][..]), |(_, body)| ("200 OK", body));
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = (&socket).write_all(&[head.as_bytes(), body].concat());
        }
    });
    let (build, missing) = (
        format!("{at}/build.json?signature=abc"),
        format!("{at}/missing?signature=abc"),
    );
    let document = sandbox.json(&[
        "why",
        "./cache#c02",
        "--build",
        &build,
        "--build",
        &at,
        "--build",
        "logs/c03.plain",
        "--json",
    ]);
    assert_eq!(counts(&document), [4, 2, 0]);
    assert!(
        document["build"][0]
            .as_str()
            .unwrap()
            .ends_with("/build.json"),
        "{document}"
    );
    // The daemon's own texts show the cached operation in place of the one that ran.
    assert_eq!(
        document["root_causes"][0]["detail"], "`go build` became `go build -race`",
        "{document}"
    );
    let error = sandbox
        .run(&["why", "./cache#c02", "--build", &missing])
        .to_string();
    assert!(
        error.contains("/missing: the server answers with status 404"),
        "{error}"
    );
    assert!(!error.contains("abc") && !error.contains("pat@"), "{error}");
}
