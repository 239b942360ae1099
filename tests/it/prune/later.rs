//! What a plan says of the blobs that a later run frees.

use std::fs;

use cachelens::text::units::Size;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Sample, document, prune};
use crate::support::command::{CommandLine, Sandbox};
use crate::support::fixture::Fixture;

/// The bytes that `du` counts for these states.
fn stored(sandbox: &Sandbox, sample: &Sample, states: &[&str]) -> u64 {
    let usage = sandbox.json(format!("du {} --json", sample.layout.source()));
    let bytes = |state: &&str| usage["sources"][0][*state]["bytes"].as_u64().unwrap();
    states.iter().map(bytes).sum()
}

#[test]
fn a_plan_shows_how_much_a_later_run_frees_and_from_when() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let planned = document(&sandbox, &sample.layout, "--drop-ref old");
    let plan = &planned["plan"];
    let later = &plan["frees_later"];
    let at: Timestamp = later["at"].as_str().unwrap().parse().unwrap();
    let created: Timestamp = plan["created"].as_str().unwrap().parse().unwrap();
    assert_eq!(created + SignedDuration::from_hours(48), at);
    // Its layer and its manifest; the config and the other layer are shared.
    assert_eq!(later["objects"], 2);
    let bytes = later["bytes"].as_u64().unwrap();

    let (day, size) = (at.strftime("%Y-%m-%d "), Size(bytes));
    let words = format!("; 2 blobs, {size} free after {day}");
    for format in ["text", "github", "markdown"] {
        let arguments = ["--drop-ref", "old", "--format", format];
        let run = prune(&sandbox, &sample.layout, &arguments);
        assert!(run.stdout.contains(&words), "{format}: {run}");
    }

    let before = stored(&sandbox, &sample, &["total"]);
    let run = document(&sandbox, &sample.layout, "--drop-ref old --yes");
    let after = &run["outcome"]["frees_later"];
    assert_eq!(
        (&after["objects"], &after["bytes"]),
        (&json!(2), &json!(bytes))
    );
    assert!(after["at"].as_str().unwrap().parse::<Timestamp>().unwrap() >= at);
    let swept = document(
        &sandbox,
        &sample.layout,
        "--grace 0s --no-trash --i-am-the-only-writer --yes",
    );
    assert_eq!(swept["outcome"]["failed"], 0);
    // The orphan has 6 bytes.
    assert_eq!(stored(&sandbox, &sample, &["total"]), before - bytes - 6);
}

#[test]
fn the_outcome_shows_what_a_later_run_frees_in_every_format() {
    for format in ["text", "github", "markdown"] {
        let (sandbox, sample) = (Sandbox::new(), Sample::new());
        let arguments = ["--drop-ref", "old", "--yes", "--format", format];
        let run = prune(&sandbox, &sample.layout, &arguments);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("; 2 blobs, "), "{format}: {run}");
        assert!(run.stdout.contains(" free after "), "{format}: {run}");
    }
}

#[test]
fn blobs_that_wait_for_nothing_have_no_date() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let nothing = json!({ "bytes": 0, "objects": 0, "at": null });
    for arguments in [
        &["--orphans-only"][..],
        &["--drop-ref", "old", "--now", "--grace", "0s"],
    ] {
        let planned = document(&sandbox, &sample.layout, arguments);
        assert_eq!(planned["plan"]["frees_later"], nothing, "{arguments:?}");
    }
    // A repair that writes refs again leaves their old documents.
    let repair = sandbox.json(format!("repair {} --json", sample.layout.source()));
    let later = &repair["plan"]["frees_later"];
    assert!(later["objects"] != 0 && later["at"].is_string(), "{later}");
}

#[test]
fn dropped_results_wait_like_deleted_refs() {
    let sandbox = Sandbox::new();
    Fixture::named("shop").write_layout("local.json", &sandbox.path("cache"));
    let planned = sandbox.json("prune ./cache --records age>1d --grace 0s --json");
    let later = &planned["plan"]["frees_later"];
    assert!(later["bytes"].as_u64().unwrap() > 0, "{later}");
    assert!(later["objects"].as_u64().unwrap() > 0, "{later}");
    assert!(later["at"].is_string(), "{later}");
    let text = sandbox.run("prune ./cache --records age>1d --grace 0s");
    let title = text.stdout.lines().next().unwrap();
    assert!(
        title.contains(" results of kept refs to delete now; "),
        "{text}"
    );
    assert!(title.contains(" free after "), "{text}");
}

#[test]
fn the_gate_counts_what_a_later_run_frees() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let gate = |arguments: &[&str]| {
        let all = [arguments, &["--fail-if-frees", "20B"]].concat();
        prune(&sandbox, &sample.layout, &all).code
    };
    assert_eq!(gate(&["--orphans-only"]), Some(0));
    assert_eq!(gate(&["--drop-ref", "old", "--yes"]), Some(3));
    assert_eq!(sample.layout.refs().len(), 2);

    // What waits because of an earlier run counts there, and not again.
    prune(&sandbox, &sample.layout, "--drop-ref old --yes");
    let planned = document(&sandbox, &sample.layout, "--fail-if-frees 20B");
    assert_eq!(planned["plan"]["frees_later"]["objects"], 2);
    assert_eq!(gate(&[]), Some(0));
}

#[test]
fn a_filter_by_step_warns_if_no_step_has_a_name() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::named("shop");
    fixture.write_layout("local.json", &sandbox.path("cache"));
    let arguments = ["prune", "./cache", "--records", "step~npm", "--grace", "0s"];
    let warning = "`step~npm` selects no results of 15 refs, because their steps have no names";
    let run = sandbox.run(&arguments);
    assert!(run.stderr.contains(warning), "{run}");
    let planned = sandbox.json("--json".after(&arguments));
    let warnings = planned["plan"]["warnings"].to_string();
    assert!(warnings.contains(warning), "{warnings}");

    let provenance = fixture.path("provenance/c07.json");
    let named = [
        &arguments,
        &["--provenance", provenance.to_str().unwrap()][..],
    ]
    .concat();
    let run = sandbox.run(&named);
    assert!(!run.stderr.contains("have no names"), "{run}");
    // Other filters ask for no names.
    let run = sandbox.run("prune ./cache --records age>900d --grace 0s");
    assert!(!run.stderr.contains("have no names"), "{run}");
}

#[test]
fn a_rule_that_drops_no_ref_is_named() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let run = prune(&sandbox, &sample.layout, "--drop-ref nomatch*");
    let warning = "rule \"--drop-ref nomatch*\" matches no ref";
    assert!(run.stderr.contains(warning), "{run}");
    let advice = "No rule matches a ref";
    assert!(!run.stdout.contains(advice), "{run}");
    let planned = document(&sandbox, &sample.layout, "--drop-ref nomatch*");
    assert!(planned["plan"]["warnings"].to_string().contains("nomatch*"));

    let orphans = prune(&sandbox, &sample.layout, "--orphans-only --yes");
    assert_eq!(orphans.code, Some(0), "{orphans}");
    let again = prune(&sandbox, &sample.layout, "--orphans-only");
    assert!(again.stdout.contains("There is nothing to do."), "{again}");
    assert!(!again.stdout.contains(advice), "{again}");
    assert!(prune(&sandbox, &sample.layout, "").stdout.contains(advice));

    // A rule of a file matches nothing as soon as it has done its work.
    let rule =
        "[[retention.rule]]\nname = \"old ones\"\nmatch = { ref = \"pr-*\" }\naction = \"drop\"\n";
    fs::write(sandbox.path("cachelens.toml"), rule).unwrap();
    let run = prune(&sandbox, &sample.layout, "");
    assert!(!run.stderr.contains("matches no ref"), "{run}");
}

#[test]
fn a_plan_over_the_limit_is_shown_and_not_carried_out() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let arguments = ["--drop-ref", "old", "--max-delete", "10%"];
    for yes in [&[][..], &["--yes"]] {
        let all = [&arguments, yes].concat();
        let run = prune(&sandbox, &sample.layout, &all);
        assert_eq!(run.code, Some(3), "{run}");
        assert!(
            run.stdout.contains("rule \"--drop-ref old\" drops it"),
            "{run}"
        );
        assert!(run.stderr.contains("`max_delete` allows"), "{run}");
        let refused = document(&sandbox, &sample.layout, &all);
        assert_eq!(refused["plan"]["delete"][0]["name"], "old");
        assert_eq!(refused["outcome"], Value::Null);
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("1 of 2 refs"), "{message}");
    }
    let plan = sandbox.path("plan.json");
    let saved = [&arguments, &["--plan-out", plan.to_str().unwrap()][..]].concat();
    assert_eq!(prune(&sandbox, &sample.layout, &saved).code, Some(3));
    assert!(!plan.exists());
    assert_eq!(sample.layout.refs().len(), 2);
}

#[test]
fn the_shape_of_a_document_depends_on_the_number_of_sources() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let source = sample.layout.source();
    let one = sandbox.run(format!("prune {source} --json")).json();
    assert!(one["plan"].is_object() && one["sources"].is_null(), "{one}");
    let two = sandbox
        .run(format!("prune {source} ./nowhere --json"))
        .json();
    assert!(two["plan"].is_null(), "{two}");
    assert_eq!(two["sources"].as_array().unwrap().len(), 1, "{two}");
    assert!(two["sources"][0]["plan"].is_object(), "{two}");
}

#[test]
fn an_undo_has_an_outcome_and_an_undone_run_is_not_resumed() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let plan = sandbox.path("plan.json");
    let plan = plan.to_str().unwrap();
    let source = sample.layout.source();
    let saved = ["prune", &source, "--drop-ref", "old", "--plan-out", plan];
    assert_eq!(sandbox.run(&saved).code, Some(0));
    // Scripts add --yes everywhere.
    let run = sandbox.json(format!("prune --apply {plan} --yes --json"));
    let journal = run["outcome"]["journal"].as_str().unwrap();
    let undone = sandbox.json(format!("prune --undo {journal} --json"));
    let outcome = &undone["outcome"];
    assert_eq!(outcome["done"], run["outcome"]["done"]);
    assert_eq!(outcome["put_back"], outcome["done"]);
    assert_eq!(outcome["items"], undone["undo"]["items"]);

    let resumed = sandbox.run(format!("prune --resume {journal}"));
    assert_eq!(resumed.code, Some(2), "{resumed}");
    assert!(resumed.stderr.contains("the run was undone"), "{resumed}");
    assert!(!resumed.stderr.contains("--resume"), "{resumed}");
}

#[test]
fn an_emptied_trash_promises_no_undo() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let moved = prune(&sandbox, &sample.layout, "--orphans-only --yes");
    assert!(moved.stdout.contains("--undo"), "{moved}");
    let emptied = prune(&sandbox, &sample.layout, "--grace 0s --yes");
    assert!(emptied.stdout.contains("1 done"), "{emptied}");
    assert!(!emptied.stdout.contains("--undo"), "{emptied}");
}
