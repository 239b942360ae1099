//! Recorded histories of builds, and their explanations compared with the real events.

use std::any::Any;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachelens::backend::local::LocalCache;
use cachelens::backend::{self, Access, SharedReader};
use cachelens::explain::load::context::Directories;
use cachelens::explain::load::{Explanation, GivenEvidence, Imported, explain};
use cachelens::explain::solve::CacheVerdict;
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

#[derive(Deserialize)]
pub struct Commit {
    #[serde(rename = "commit")]
    pub name: String,
    pub root_causes: Vec<RootCause>,
    pub steps: Vec<Step>,
}

#[derive(Deserialize)]
pub struct RootCause {
    pub kind: String,
    pub detail: String,
}

#[derive(Deserialize)]
pub struct Step {
    #[serde(rename = "step")]
    pub id: String,
    pub name: String,
    pub result: String,
}

/// The evidence in addition to the provenance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    pub context: bool,
    pub baseline: bool,
    pub log: bool,
}

/// A history, with its cache after each commit.
pub struct History {
    pub fixture: Fixture,
    pub commits: Vec<Commit>,
    pub trees: tempfile::TempDir,
    pub reader: SharedReader,
    pub inventory: Inventory,
    /// Keeps the store as long as the history is needed.
    _store: Box<dyn Any>,
    pub runtime: Runtime,
}

/// The location of the cache.
#[derive(Clone, Copy)]
pub enum Store {
    Local,
    S3,
    Registry,
}

impl History {
    pub fn of(set: &str, store: Store) -> Self {
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

    pub fn document(&self, path: &str) -> evidence::EvidenceDocument {
        evidence::read(&fs::read(self.fixture.path(path)).unwrap()).unwrap()
    }

    /// Explains the build of a commit by the cache of the previous one.
    pub fn explain(&self, place: usize, given: Evidence) -> Explanation {
        let log = format!("logs/{}.rawjson", self.commits[place].name);
        self.explain_with(place, given, given.log.then(|| self.document(&log)))
    }

    pub fn explain_with(
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
pub fn judge(history: &History, given: Evidence) -> (usize, usize, usize) {
    judge_each(history, |place| history.explain(place, given))
}

pub fn judge_each(
    history: &History,
    explain: impl Fn(usize) -> Explanation,
) -> (usize, usize, usize) {
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

pub const ALL: Evidence = Evidence {
    context: true,
    baseline: true,
    log: true,
};

/// Compares both histories with the real events: wrong / unknown / judged.
pub fn figures(given: Evidence) -> String {
    let [figures] = figures_in(Store::Local, [given]);
    figures
}

pub fn figures_in<const COUNT: usize>(store: Store, given: [Evidence; COUNT]) -> [String; COUNT] {
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
pub fn home(set: &str) -> (Sandbox, Fixture) {
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
pub fn counts(document: &serde_json::Value) -> [u64; 3] {
    ["hit", "miss", "unknown"].map(|name| document["summary"][name].as_u64().unwrap())
}

pub fn copy(from: &Path, to: &Path) {
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
