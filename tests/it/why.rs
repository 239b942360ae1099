//! Explanations, compared with real events, and their output.

use std::any::Any;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachelens::backend::local::LocalCache;
use cachelens::backend::{self, Access, SharedReader};
use cachelens::explain::load::context::Directories;
use cachelens::explain::load::{Explanation, GivenEvidence, Imported, explain};
use cachelens::explain::solve::{CacheVerdict, InCache};
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
mod before;
mod changed;
mod defaults;
mod files;
mod formats;
mod from_command;
pub(crate) mod from_dockerfile;
mod history;
mod logged;
mod output;
mod recorded;
mod verdicts;

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

    fn document(&self, path: &str) -> evidence::EvidenceDocument {
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
        log: Option<evidence::EvidenceDocument>,
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
        let given = GivenEvidence {
            not_imported: None,
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
                CacheVerdict::Unknown => unknown += 1,
                verdict if (verdict == CacheVerdict::Miss) == (step.result == "ran") => {}
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
        let given = GivenEvidence {
            not_imported: None,
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
    assert!(both.count(CacheVerdict::Miss) < thin.count(CacheVerdict::Miss));
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
