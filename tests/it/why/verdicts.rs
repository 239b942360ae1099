//! Verdicts and causes of recorded builds, compared with what their logs say.

use std::collections::BTreeSet;
use std::fs;

use cachelens::explain::load::context::Directories;
use cachelens::explain::load::note::{DescriptionNote, Note};
use cachelens::explain::load::{GivenEvidence, Imported, explain};
use cachelens::explain::solve::CacheVerdict;
use cachelens::format::evidence;

use super::histories::{
    ALL, Commit, Evidence, History, RootCause, Step, Store, figures, figures_in, home, judge_each,
};

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
fn without_a_log_only_outputs_of_running_steps_are_unknown() {
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
fn the_next_build_is_predicted_from_the_last_one() {
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
            let given = GivenEvidence {
                not_imported: None,
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
            let is_noted = explanation
                .notes
                .iter()
                .any(|note| matches!(note, Note::Description(DescriptionNote::OtherDockerfile(_))));
            assert_eq!(
                is_noted,
                file(before) != file(now),
                "{set} {}: {:?}",
                now.name,
                explanation.notes
            );
            changed_files += usize::from(is_noted);
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
            if is_noted || told_to_ignore || now.root_causes.iter().any(is_outside) {
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
                    CacheVerdict::Unknown => unknown += 1,
                    verdict => assert_eq!(
                        verdict == CacheVerdict::Miss,
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
fn root_causes_are_the_actual_changes() {
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
                let runs = explanation.standings[step.at()].verdict == CacheVerdict::Miss;
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

#[test]
fn an_unknown_field_of_an_operation_makes_its_key_unknown() {
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
    let document = sandbox.json("why ./cache#c07 --build newer.json --context tree/c08 --json");
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
