//! Names and keys, compared with two histories of builds by real BuildKit and a third in older
//! forms.

use std::collections::{BTreeMap, BTreeSet};

use cachelens::explain::keys::{self, StepKeys, root};
use cachelens::explain::matching::Matches;
use cachelens::explain::names::records::{self, RecordName, RecordRole};
use cachelens::explain::names::{self, StepName};
use cachelens::format::cache_config::{CacheGraph, CacheResult, Parent, RecordIndex, ResultLayers};
use cachelens::format::digest::{Digest, DigestText};
use cachelens::format::lenient;
use cachelens::format::llb::OpKind;
use cachelens::format::manifest::{ImageConfig, ManifestDocument};
use cachelens::format::progress_log::ProgressLog;
use cachelens::format::provenance::{Build, StepIndex, StepOutput};
use cachelens::inventory::labels::Certainty;
use serde::Deserialize;

use crate::support::fixture::{Fixture, SETS};

/// A commit of a history: its evidence, its cache, and the derived facts.
struct Commit {
    label: String,
    build: Build,
    graph: CacheGraph,
    keys: Vec<StepKeys>,
    matches: Matches,
    steps: Vec<StepName>,
    records: Vec<Vec<RecordName>>,
}

impl Commit {
    fn read(fixture: &Fixture, set: &str, name: &str, manifest: Digest) -> Self {
        let build =
            Build::parse(&std::fs::read(fixture.path(format!("provenance/{name}.json"))).unwrap())
                .unwrap();
        let graph = cache(fixture, manifest);
        let keys = keys::of_build(&build);
        let matches = Matches::find(&build, &keys, &graph);
        let steps = names::of_steps(&build);
        let records = records::of_records(&build, &keys, &graph, &matches);
        Self {
            label: format!("{set} {name}"),
            build,
            graph,
            keys,
            matches,
            steps,
            records,
        }
    }

    fn texts(&self, record: RecordIndex) -> Vec<String> {
        self.records[record.at()]
            .iter()
            .map(|name| name.text(&self.steps))
            .collect()
    }

    /// Returns the indexes of the records that are operations: those with inputs.
    fn operations(&self) -> Vec<RecordIndex> {
        self.graph
            .indexed_records()
            .filter(|(_, record)| record.input_count() > 0)
            .map(|(index, _)| index)
            .collect()
    }
}

/// Reads the commits of a set with the caches that their builds pushed.
fn commits(set: &str) -> Vec<Commit> {
    let fixture = Fixture::named(set);
    let pushed = |name: &str| pushed(&fixture, &format!("{set}-cache"), name);
    history(&fixture)
        .iter()
        .map(|commit| Commit::read(&fixture, set, &commit.commit, pushed(&commit.commit)))
        .collect()
}

#[derive(Deserialize)]
struct Pushed {
    repository: String,
    digest: Digest,
    tags: Vec<String>,
}

/// Returns the manifest of a tag in the registry.
pub fn pushed(fixture: &Fixture, repository: &str, tag: &str) -> Digest {
    let pushed: Vec<Pushed> = fixture.json("registry.json");
    let is_tagged = |entry: &&Pushed| {
        entry.repository == repository && entry.tags.iter().any(|known| known == tag)
    };
    pushed
        .iter()
        .find(is_tagged)
        .unwrap_or_else(|| panic!("{repository}:{tag}"))
        .digest
}

/// Reads the cache of a manifest, or of an index in the old form.
pub fn cache(fixture: &Fixture, manifest: Digest) -> CacheGraph {
    let config = match ManifestDocument::parse(&fixture.blob(manifest)).unwrap() {
        ManifestDocument::Manifest { config, .. } => config.digest,
        ManifestDocument::Index { entries, .. } => entries
            .iter()
            .find(|entry| entry.is_cache_config())
            .unwrap()
            .digest
            .clone(),
        other => panic!("{other:?} is no cache"),
    };
    CacheGraph::parse(&fixture.blob(config.valid().unwrap())).unwrap()
}

#[derive(Deserialize)]
pub struct HistoryCommit {
    pub commit: String,
    steps: Vec<HistoryStep>,
}

#[derive(Deserialize)]
struct HistoryStep {
    vertex: Digest,
    name: String,
    result: String,
    step: Option<String>,
}

pub fn history(fixture: &Fixture) -> Vec<HistoryCommit> {
    fixture.json("history.json")
}

#[test]
fn every_record_has_one_name_and_every_operation_its_line() {
    for commit in SETS.iter().flat_map(|set| commits(set)) {
        for (index, record) in commit.graph.indexed_records() {
            let names = &commit.records[index.at()];
            let [name] = names.as_slice() else {
                panic!("{} {index:?} {:?}", commit.label, commit.texts(index))
            };
            assert!(
                name.certainty >= Certainty::Assumed,
                "{} {index:?} {name:?}",
                commit.label
            );
            if record.input_count() == 0 {
                continue;
            }
            assert!(
                matches!(name.role, RecordRole::Key { output: 0 }),
                "{} {index:?}",
                commit.label
            );
            let step = &commit.steps[name.step.at()];
            let place = step
                .places
                .first()
                .unwrap_or_else(|| panic!("{} {index:?} {step:?}", commit.label));
            // The log uses this name for the merge of a linked copy.
            let text = step.text.strip_prefix("LINK ").unwrap_or(&step.text);
            assert_eq!(
                (place.file.as_str(), place.text.as_str()),
                ("Dockerfile", text)
            );
            let dockerfile = commit.build.sources[0].text.as_deref().unwrap();
            let line = dockerfile
                .lines()
                .nth(place.first_line as usize - 1)
                .unwrap();
            assert!(
                line.starts_with(text.split(" && ").next().unwrap()),
                "{line} is not {}",
                step.text
            );
        }
        // Each step with a key has a record, because the exported cache holds all of the build.
        for (index, step) in commit.build.ordered() {
            let found = commit.matches.of(StepOutput {
                step: index,
                output: 0,
            });
            assert_eq!(
                found.is_empty(),
                commit.keys[index.at()].digests.is_empty(),
                "{} {}",
                commit.label,
                step.id
            );
        }
    }
}

#[test]
fn shop_reads_as_its_dockerfile() {
    let commit = &commits("shop")[0];
    let place = |record: &RecordIndex| {
        let step = &commit.steps[commit.records[record.at()][0].step.at()];
        let stages: Vec<_> = step
            .places
            .iter()
            .map(|place| place.stage.as_ref().unwrap().to_string())
            .collect();
        (
            step.places[0].first_line,
            stages.join(" "),
            step.text.clone(),
        )
    };
    let found: BTreeSet<_> = commit.operations().iter().map(place).collect();
    let found: Vec<String> = found
        .into_iter()
        .map(|(line, stage, text)| format!("{line} {stage}: {text}"))
        .collect();
    assert_eq!(
        found,
        [
            "2 deps: WORKDIR /app",
            "3 deps: COPY package.json package-lock.json ./",
            "4 deps: RUN npm ci",
            "7 web test: COPY web ./web",
            "9 web: RUN npm run build",
            "12 api: WORKDIR /src",
            "13 api: COPY go.mod ./",
            "14 api: RUN go mod download",
            "15 api: COPY api ./api",
            "16 api: RUN go build ./api",
            "20 test: RUN npm test && echo ok > /report.txt",
            "24 final: COPY --from=api /src/bin /usr/local/bin",
            "25 final: COPY --from=web /app/dist /srv",
            "26 final: COPY --from=test /report.txt /srv/report.txt",
            "27 final: COPY assets /srv/assets",
        ]
    );
}

/// BuildKit names a vertex `[stage k/n] INSTRUCTION`, with variables expanded and the body of a
/// here-document after it.
#[test]
fn steps_have_the_names_of_buildkits_vertices() {
    for set in SETS {
        for (commit, history) in commits(set).iter().zip(history(&Fixture::named(set))) {
            for told in history.steps.iter().filter(|told| told.step.is_some()) {
                let vertices = |index: &StepIndex| &commit.build.steps[index.at()].vertices;
                let mut steps = (0..).map(StepIndex).take(commit.build.steps.len());
                let index = steps
                    .find(|index| vertices(index).contains(&told.vertex))
                    .unwrap();
                assert_eq!(told.step.as_ref(), Some(&commit.build.steps[index.at()].id));
                let name = &commit.steps[index.at()];
                let (stage, text) = told
                    .name
                    .strip_prefix('[')
                    .unwrap()
                    .split_once("] ")
                    .unwrap();
                if name.places.is_empty() {
                    // BuildKit gives a download the position of its `ADD`; provenance does not.
                    assert!(text.starts_with(&name.text), "{text} is not {}", name.text);
                    continue;
                }
                let stage = stage.split(' ').next().unwrap();
                assert!(
                    name.places
                        .iter()
                        .any(|place| place.stage.as_ref().unwrap().to_string() == stage),
                    "{} {told:?}",
                    commit.label,
                    told = told.name
                );
                let fixed = name
                    .text
                    .split(['$'])
                    .next()
                    .unwrap()
                    .split(" AS ")
                    .next()
                    .unwrap();
                assert!(text.starts_with(fixed), "{text} is not {fixed}");
            }
        }
    }
}

/// Provenance lists the layers of steps, which are independent of keys. The layers that a build
/// took from the previous build's cache must be those of the records that match the step there.
#[test]
fn layers_of_matching_records_are_those_that_a_build_loaded() {
    let mut compared = 0;
    for set in SETS {
        let (commits, history) = (commits(set), history(&Fixture::named(set)));
        for ((before, after), told) in commits.iter().zip(&commits[1..]).zip(&history[1..]) {
            let matches = Matches::find(&after.build, &after.keys, &before.graph);
            let hits = told
                .steps
                .iter()
                .filter(|step| matches!(step.result.as_str(), "cached" | "pulled"));
            let hits: BTreeSet<_> = hits.filter_map(|step| step.step.as_ref()).collect();
            for (step, of) in (0..)
                .map(StepIndex)
                .zip(&after.build.steps)
                .filter(|(_, of)| hits.contains(&of.id))
            {
                for (&output, listed) in &of.layers {
                    let listed = listed.iter().map(|chain| {
                        chain
                            .iter()
                            .filter_map(|layer| layer.digest.valid())
                            .collect()
                    });
                    let listed: Vec<Vec<Digest>> = listed.collect();
                    let found = matches.of(StepOutput { step, output });
                    let records = found
                        .iter()
                        .filter(|(_, certainty)| *certainty >= Certainty::Assumed);
                    let mut results =
                        records.flat_map(|(record, _)| &before.graph.records[record.at()].results);
                    assert!(
                        results.any(|result| listed.contains(&chain(&before.graph, result))),
                        "{} {}",
                        after.label,
                        of.id
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

/// Returns the blobs of a result, bottom first.
fn chain(graph: &CacheGraph, result: &CacheResult) -> Vec<Digest> {
    let ResultLayers::Top(top) = result.layers else {
        panic!("not an inline cache")
    };
    let mut next = graph.layer_at(top);
    let mut chain = Vec::new();
    while let Some(layer) = next.map(|layer| &graph.layers[layer.at()]) {
        chain.insert(0, layer.blob.valid().unwrap());
        next = if let Parent::Layer(parent) = layer.parent {
            Some(parent)
        } else {
            None
        };
    }
    chain
}

/// An image has a second key, from its config; a cache may hold either.
#[test]
fn the_other_key_of_an_image_is_the_chain_of_its_layers() {
    for set in SETS {
        let fixture = Fixture::named(set);
        let image = fixture.blob(pushed(&fixture, "base", "1"));
        let ManifestDocument::Manifest { config, .. } = ManifestDocument::parse(&image).unwrap()
        else {
            panic!()
        };
        let config: ImageConfig =
            lenient::parse(&fixture.blob(config.digest.valid().unwrap())).unwrap();
        let diff_ids: Vec<Digest> = config
            .rootfs
            .diff_ids
            .0
            .iter()
            .filter_map(DigestText::valid)
            .collect();
        let chain = root(&keys::source::image_chain(&diff_ids).unwrap(), 0);
        let commit = commits(set).into_iter().next().unwrap();
        let (record, _) = commit
            .graph
            .indexed_records()
            .find(|(_, record)| record.digest.valid() == Some(chain))
            .unwrap();
        assert!(
            commit.texts(record)[0].starts_with("FROM 127.0.0.1:5055/base:latest"),
            "{set}"
        );
    }
}

/// In `shop`, c10 changed the base image, and so the environment of every command.
#[test]
fn a_moved_base_image_leaves_only_the_same_operations() {
    let commits = commits("shop");
    let (before, after) = (&commits[8], &commits[9]);
    assert_eq!(
        (before.label.as_str(), after.label.as_str()),
        ("shop c09", "shop c10")
    );
    let tally = |keys: &[StepKeys]| {
        let matches = Matches::find(&after.build, keys, &before.graph);
        let names = records::of_records(&after.build, keys, &before.graph, &matches);
        let mut tally: BTreeMap<Certainty, Vec<String>> = BTreeMap::new();
        for name in before
            .operations()
            .iter()
            .flat_map(|record| &names[record.at()])
        {
            tally
                .entry(name.certainty)
                .or_default()
                .push(name.text(&after.steps));
        }
        for names in tally.values_mut() {
            names.sort();
        }
        tally
    };
    // Without the image's config its second key is unknown, so steps on it may still be right.
    assert_eq!(
        tally(&after.keys)[&Certainty::Assumed],
        [
            "COPY go.mod ./",
            "COPY package.json package-lock.json ./",
            "WORKDIR /app",
            "WORKDIR /src"
        ]
    );
    let mut complete = after.keys.clone();
    for keys in &mut complete {
        keys.complete = true;
    }
    let tally = tally(&complete);
    assert_eq!(
        tally[&Certainty::SameOperation],
        [
            "COPY --from=api /src/bin /usr/local/bin",
            "COPY api ./api",
            "COPY web ./web",
            "WORKDIR /app",
            "WORKDIR /src"
        ]
    );
    assert_eq!(
        tally[&Certainty::SameSteps],
        [
            "COPY --from=test /report.txt /srv/report.txt",
            "COPY --from=web /app/dist /srv",
            "COPY assets /srv/assets",
            "COPY go.mod ./",
            "COPY package.json package-lock.json ./",
        ]
    );
    assert_eq!(tally.len(), 2);
}

#[test]
fn a_log_shows_which_steps_ran_were_cached_or_fetched() {
    for set in SETS {
        let fixture = Fixture::named(set);
        for commit in history(&fixture) {
            let log =
                std::fs::read(fixture.path(format!("logs/{}.rawjson", commit.commit))).unwrap();
            let log = ProgressLog::parse(&log);
            for step in commit.steps {
                let vertex = log
                    .vertex(&step.vertex)
                    .unwrap_or_else(|| panic!("{set} {} {}", commit.commit, step.name));
                assert_eq!(vertex.name, step.name);
                let told = match (vertex.cached, vertex.ever_cached) {
                    (true, _) => "cached",
                    (false, true) => "pulled",
                    (false, false) => "ran",
                };
                assert!(
                    step.result == told || step.result == "source",
                    "{set} {} {}: {told}",
                    commit.commit,
                    step.name
                );
            }
        }
    }
}

#[test]
fn parameters_and_builder_of_provenance_are_read() {
    let build = &commits("kitchen")[0].build;
    assert_eq!(build.request.args["context:extra"], "local:extra");
    assert_eq!(
        (
            build.request.secrets.as_slice(),
            build.request.compatibility_version
        ),
        (["token".to_owned()].as_slice(), 30)
    );
    assert_eq!(
        (build.builder_platform.as_str(), build.request.path.as_str()),
        ("linux/amd64", "Dockerfile")
    );
    assert_eq!(build.dependencies.len(), 2);
    assert!(matches!(build.steps.last().unwrap().op.kind, OpKind::Empty));
    let old = &commits("mini")[0].build;
    assert_eq!(
        (
            old.builder_platform.as_str(),
            old.dependencies.len(),
            old.steps.len()
        ),
        ("linux/amd64", 1, 9)
    );
}
