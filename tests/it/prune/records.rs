//! Prunes within refs: results are dropped, and everything else in the ref stays the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cachelens::format::cache_config::rewrite::without_results;
use cachelens::format::cache_config::{CacheGraph, RecordIndex, ResultLayers};
use cachelens::format::digest::Digest;
use proptest::prelude::*;
use serde_json::Value;

use super::kill::VICTIM;
use crate::support::command::{CommandLine, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::{made, victim};

/// A home folder with `set` as `./cache` and as `./before`, and the path of a commit's provenance.
fn home(set: &str, commit: &str) -> (Sandbox, String) {
    let (sandbox, fixture) = (Sandbox::new(), Fixture::named(set));
    fixture.write_layout("local.json", &sandbox.path("cache"));
    fixture.write_layout("local.json", &sandbox.path("before"));
    (
        sandbox,
        fixture
            .path(format!("provenance/{commit}.json"))
            .to_str()
            .unwrap()
            .to_owned(),
    )
}

fn index(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("cache/index.json")).unwrap()
}

fn digests(list: &Value, is_meant: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let meant = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| is_meant(entry));
    meant
        .map(|entry| entry["digest"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_plan_shows_dropped_results_and_later_frees() {
    let (sandbox, provenance) = home("shop", "c08");
    let arguments = [
        "prune",
        "./cache",
        "--records",
        "step~npm",
        "--provenance",
        &provenance,
        "--grace",
        "0s",
        "--keep-ref",
        "!c08",
    ];
    let run = sandbox.run(&arguments);
    let shown: String = run
        .to_string()
        .lines()
        .filter(|line| !line.starts_with("ref "))
        .collect::<Vec<_>>()
        .join("\n");
    let date = regex::Regex::new("after .* UTC").unwrap();
    insta::assert_snapshot!(date.replace(&shown, "after DATE"), @r"
    ./cache: 3 results of kept refs to delete now; 2 blobs, 11.5 KiB free after DATE

    DELETE   NAME  SIZE  WHY
    results  c08      –  3 results of it: `step~npm` chose them

    KEEP  NAME           SIZE  WHY
    blob  182 blobs   1.9 MiB  reached from a kept ref

    A later run deletes the blobs that these results free, 11.5 KiB, after the grace.
    Nothing was changed. Add --yes to carry out this plan.
    exit 0
    ");
    assert_eq!(
        index(&sandbox),
        fs::read_to_string(sandbox.path("before/index.json")).unwrap()
    );
}

/// For example, if a script's variable is not set.
#[test]
fn an_empty_filter_empties_no_ref() {
    let (sandbox, _) = home("mini", "c03");
    let before = index(&sandbox);
    let run = sandbox.run("prune ./cache --records '' --grace 0s --yes");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(
        run.stderr.contains("an empty filter matches every result"),
        "{run}"
    );
    assert_eq!(index(&sandbox), before);
}

#[test]
fn chosen_results_are_dropped_and_the_others_keep_their_keys() {
    for (set, commit, filter) in [
        ("shop", "c08", "step~npm"),
        ("kitchen", "c13", "size>1K"),
        ("kitchen", "c05", "age>0s"),
        ("mini", "c03", "kind:RUN"),
    ] {
        let (sandbox, provenance) = home(set, commit);
        let (before, cache) = (format!("./before#{commit}"), format!("./cache#{commit}"));
        let others = format!("!{commit}");
        let arguments = [
            "--records",
            filter,
            "--provenance",
            &provenance,
            "--grace",
            "0s",
            "--keep-ref",
            &others,
        ];
        let old = sandbox.json(format!(
            "show '{before}' --provenance '{provenance}' --json"
        ));
        let chosen = sandbox.json(format!(
            "show '{before}' --provenance '{provenance}' --json --filter '{filter} state:result'"
        ));
        let chosen = digests(&chosen["records"], |_| true);
        assert!(!chosen.is_empty(), "{set} {commit}");
        let done = sandbox.json(arguments[..].after("prune ./cache --yes --json"));
        assert_eq!(done["outcome"]["done"], 1, "{done}");
        assert_eq!(done["plan"]["frees_bytes"], 0);
        let item = &done["plan"]["delete"][0];
        assert_eq!(
            (&item["kind"], &item["name"]),
            (&Value::from("results"), &Value::from(commit))
        );

        let new = sandbox.json(format!("show {cache} --json"));
        let results = |of: &Value| digests(&of["records"], |record| record["state"] == "result");
        assert_eq!(results(&new), &results(&old) - &chosen, "{set} {commit}");
        assert_eq!(new["ref"]["faults"], Value::Array(Vec::new()));
        // By key, nothing was added, nothing else changed, and nothing else was lost.
        let diff = sandbox.json(format!("diff '{before}' {cache} --json"));
        for list in ["added", "changed", "gained_results", "layers_added"] {
            assert_eq!(
                diff[list],
                Value::Array(Vec::new()),
                "{set} {commit} {list}"
            );
        }
        assert!(digests(&diff["lost_results"], |_| true).is_subset(&chosen));
        assert!(digests(&diff["removed"], |record| record["state"] == "result").is_subset(&chosen));
        assert!(
            made::reached(&sandbox.path("cache")).is_subset(&made::stored(&sandbox.path("cache")))
        );

        // The old manifest is remembered for the grace period; then the blobs that only it reached
        // are deleted, to the byte.
        let later = sandbox.json("prune ./cache --json");
        assert_eq!(later["plan"]["frees_objects"], 0);
        assert!(later["plan"]["waits"]["blobs"].as_u64().unwrap() > 0);
        let last = sandbox.json("prune ./cache --grace 0s --json");
        assert_eq!(
            last["plan"]["frees_bytes"], item["rewrite"]["later_bytes"],
            "{set} {commit}"
        );

        // It is restored unchanged.
        let journal = done["outcome"]["journal"].as_str().unwrap();
        let undone = sandbox.run(format!("prune --undo {journal}"));
        assert_eq!(undone.code, Some(0), "{undone}");
        assert_eq!(
            index(&sandbox),
            fs::read_to_string(sandbox.path("before/index.json")).unwrap()
        );
    }
}

#[test]
fn a_configured_rule_drops_results() {
    let (sandbox, _) = home("shop", "c08");
    fs::write(
        sandbox.path("cachelens.toml"),
        r#"
        [retention]
        grace = "0s"
        [[retention.rule]]
        name = "releases"
        match = { ref = '/^c0[1-7]$/' }
        action = "protect"
        [[retention.rule]]
        name = "rest"
        match = { ref = "*" }
        keep = { last = 100 }
        drop_records = "size>20K"
        "#,
    )
    .unwrap();
    let plan = sandbox.json("prune ./cache --json");
    let losers: Vec<&str> = plan["plan"]["delete"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        losers,
        ["c08", "c09", "c10", "c11", "c12", "c13", "c14", "c15"]
    );
    assert!(
        plan["plan"]["policy"]
            .as_str()
            .unwrap()
            .contains("drop_records = \"size>20K\""),
        "{plan}"
    );
    let checked = sandbox.run("config check");
    assert_eq!(checked.code, Some(0), "{checked}");

    fs::write(
        sandbox.path("cachelens.toml"),
        "[[retention.rule]]\nname = \"a\"\nmatch = { ref = \"x\" }\naction = \"drop\"\ndrop_records = \"size>>1\"\n",
    )
    .unwrap();
    let wrong = sandbox.run("config check");
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains(":5:16: `>1` is not a size"),
        "{wrong}"
    );
}

#[test]
fn young_protected_and_unknown_refs_are_left_unchanged() {
    let (sandbox, _) = home("shop", "c08");
    let young = sandbox.json("prune ./cache --records size>0 --grace 100000d --json");
    assert_eq!(young["plan"]["delete"], Value::Array(Vec::new()));
    let all = sandbox.json("prune ./cache --records size>0 --grace 0s --keep-ref * --json");
    assert_eq!(all["plan"]["delete"], Value::Array(Vec::new()));
    insta::assert_snapshot!(sandbox.run("prune ./cache --records size>0 --orphans-only"), @r"
    error: `--orphans-only` deletes no ref, but another flag selects refs to delete
    exit 2
    ");

    // An unknown field would be lost.
    let show = sandbox.json("show ./cache#c08 --json");
    let manifest: Digest = show["ref"]["digest"].as_str().unwrap().parse().unwrap();
    let blobs = sandbox.path("cache/blobs/sha256");
    let text = fs::read_to_string(blobs.join(manifest.hex())).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let config: Digest = document["config"]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let old = fs::read_to_string(blobs.join(config.hex())).unwrap();
    let new = format!(r#"{{"future":1,{}"#, &old[1..]);
    let new_digest = Digest::of(new.as_bytes());
    fs::write(blobs.join(new_digest.hex()), &new).unwrap();
    let text = text.replace(&config.to_string(), &new_digest.to_string());
    let text = text.replace(
        &format!("\"size\":{}", old.len()),
        &format!("\"size\":{}", new.len()),
    );
    let new_manifest = Digest::of(text.as_bytes());
    fs::write(blobs.join(new_manifest.hex()), &text).unwrap();
    let entry = index(&sandbox).replace(&manifest.to_string(), &new_manifest.to_string());
    fs::write(sandbox.path("cache/index.json"), entry).unwrap();
    let run = sandbox.run("prune ./cache --records size>0 --grace 0s --keep-ref !c08");
    assert_eq!(
        run.stderr,
        "warning: ./cache: `c08` keeps all its results: its config cannot be written again: a part of it would be lost: \
         unknown field `future`, expected `layers` or `records` at line 1 column 9\n\
         warning: ./cache: a grace of 0s disables the protection of running builds: objects that they upload or have \
         found stored may be deleted\n"
    );
    assert_eq!(run.code, Some(0));
}

#[test]
fn a_ref_replaced_by_a_build_is_skipped() {
    let (sandbox, _) = home("shop", "c08");
    let plan = sandbox.path("plan");
    let saved = [
        "prune",
        "./cache",
        "--records",
        "size>0",
        "--grace",
        "0s",
        "--keep-ref",
        "!c08",
        "--plan-out",
    ];
    assert_eq!(
        sandbox.run(plan.to_str().unwrap().after(&saved[..])).code,
        Some(0)
    );
    let show =
        |name: &str| sandbox.json(format!("show './cache#{name}' --json"))["ref"]["digest"].clone();
    let (old, new) = (show("c08"), show("c09"));
    let entry = index(&sandbox).replace(old.as_str().unwrap(), new.as_str().unwrap());
    fs::write(sandbox.path("cache/index.json"), &entry).unwrap();
    let applied = sandbox.run(format!("prune --apply {} --json", plan.display()));
    assert_eq!(applied.code, Some(4), "{applied}");
    assert_eq!(
        applied.json()["outcome"]["items"][0]["outcome"],
        serde_json::json!({ "skipped": "changed" })
    );
    assert_eq!(index(&sandbox), entry);
}

#[test]
fn a_rewrite_killed_at_any_step_keeps_the_ref_and_can_be_resumed() {
    let mut survived = false;
    for steps in 0..60 {
        let (sandbox, _) = home("mini", "c03");
        let (saved, journal) = (sandbox.path("plan"), sandbox.path("journal"));
        let (saved, journal) = (saved.to_str().unwrap(), journal.to_str().unwrap());
        let made = sandbox.run(format!(
            "prune ./cache --records kind:RUN --grace 0s --plan-out '{saved}'"
        ));
        assert_eq!(made.code, Some(0), "{made}");
        let cache = sandbox.path("cache");
        let words = [cache.to_str().unwrap(), saved, journal];
        let is_over = victim::survives(VICTIM, &words, steps);
        assert!(
            made::reached(&cache).is_subset(&made::stored(&cache)),
            "after {steps} steps"
        );
        let resumed = sandbox.run(format!("prune --resume {journal} --json"));
        assert_eq!(resumed.code, Some(0), "after {steps} steps: {resumed}");
        assert_eq!(
            resumed.json()["outcome"]["done"],
            3,
            "after {steps} steps: {resumed}"
        );
        let left = sandbox.json("prune ./cache --records kind:RUN --grace 0s --json");
        let of = |kind: &str| {
            left["plan"]["delete"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| item["kind"] == kind)
                .count()
        };
        assert_eq!(of("results"), 0, "after {steps} steps");
        if is_over {
            survived = true;
            break;
        }
    }
    assert!(survived);
}

/// Everything that a configuration leads to: for each key the blobs of its results. A simple
/// implementation for comparison.
fn found_by_key(graph: &CacheGraph) -> BTreeMap<Digest, Vec<Vec<String>>> {
    fn key(graph: &CacheGraph, at: usize) -> Digest {
        let record = &graph.records[at];
        let mut text = record.digest.to_string();
        for links in graph.inputs(record) {
            let mut below: Vec<String> = links
                .iter()
                .map(|link| {
                    format!(
                        "{:?}{}",
                        link.selector,
                        key(graph, usize::try_from(link.target).unwrap())
                    )
                })
                .collect();
            below.sort();
            text += "[";
            text += &below.join(",");
            text += "]";
        }
        Digest::of(text.as_bytes())
    }
    let mut found: BTreeMap<Digest, Vec<Vec<String>>> = BTreeMap::new();
    for (at, record) in graph.records.iter().enumerate() {
        for result in &record.results {
            let ResultLayers::Top(top) = result.layers else {
                panic!("fixtures have no lists")
            };
            let (mut chain, mut layer) = (Vec::new(), graph.layer_at(top));
            while let Some(index) = layer {
                chain.push(graph.layers[index.at()].blob.to_string());
                layer = graph.layers[index.at()]
                    .parent
                    .layer()
                    .map(|below| graph.layer_at(below.into()).unwrap());
            }
            found.entry(key(graph, at)).or_default().push(chain);
        }
    }
    for results in found.values_mut() {
        results.sort();
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn dropping_results_keeps_every_other_hit(set in 0..3_usize, pick in any::<prop::sample::Index>(), goes in any::<u64>()) {
        let fixture = Fixture::named(crate::support::fixture::SETS[set]);
        let configs: Vec<String> = fixture
            .blobs()
            .filter_map(|digest| String::from_utf8(fixture.blob(digest)).ok())
            .filter(|text| text.starts_with(r#"{"layers":[{"blob""#))
            .collect();
        let text = &configs[pick.index(configs.len())];
        let goes = |index: RecordIndex| goes >> (index.0 % 64) & 1 == 1;
        let rewritten = without_results(text, goes).unwrap();
        let (old, new) = (CacheGraph::parse(text.as_bytes()).unwrap(), CacheGraph::parse(rewritten.text.as_bytes()).unwrap());
        let mut expected = old.clone();
        for (at, record) in expected.records.iter_mut().enumerate() {
            if goes(RecordIndex(u32::try_from(at).unwrap())) {
                record.results.clear();
            }
        }
        prop_assert_eq!(found_by_key(&new), found_by_key(&expected));
        // Everything that is left is needed.
        let again = without_results(&rewritten.text, |_| false).unwrap();
        prop_assert_eq!(again.text, rewritten.text);
    }
}
