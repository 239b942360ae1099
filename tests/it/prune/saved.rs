//! Saved plans: `--plan-out` and `--apply`.

use std::fs;

use serde_json::Value;

use super::{Sample, prune};
use crate::support::command::Sandbox;
use crate::support::made::{age, blob_path, content};

#[test]
fn a_saved_plan_is_applied_unchanged_or_refused() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let plan = sample.layout.path().with_extension("plan");
    let file = plan.to_str().unwrap();
    assert_eq!(
        prune(
            &sandbox,
            &sample.layout,
            &["--drop-ref", "old", "--plan-out", file]
        )
        .code,
        Some(0)
    );
    let text = fs::read_to_string(&plan).unwrap();
    let before = content(sample.layout.path());

    let refuse = |text: &str, why: &str| {
        fs::write(&plan, text).unwrap();
        let run = sandbox.run(format!("prune --apply {file}"));
        assert_eq!(run.code, Some(2), "{why}: {run:?}");
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert_eq!(content(sample.layout.path()), before);
    };
    refuse(
        &text.replace("\"name\":\"old\"", "\"name\":\"main\""),
        "it was changed after it was saved",
    );
    refuse(
        &text.replace("\"cachelens_plan\":1", "\"cachelens_plan\":2"),
        "version 2; only version 1 is known",
    );
    refuse(&text[..text.len() / 2], "it is not a plan");
    refuse("", "it is not a plan");
    fs::write(&plan, &text).unwrap();
    let other = Sample::new();
    let elsewhere = prune(&sandbox, &other.layout, format!("--apply {file}"));
    assert!(
        elsewhere.stderr.contains("is a plan for"),
        "{}",
        elsewhere.stderr
    );

    // The refs have changed since: a previous orphan is referenced by now.
    sample
        .layout
        .tag("new", sample.layout.cache(&[sample.orphan], 0));
    let run = sandbox.run(format!("prune --apply {file} --json"));
    let result: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &result["outcome"]["skipped"]),
        (Some(4), &Value::from(1)),
        "{run:?}"
    );
    assert_eq!(result["outcome"]["items"][1]["outcome"]["skipped"], "named");
    assert_eq!(
        sample.layout.refs().into_iter().collect::<Vec<_>>(),
        [("main".to_owned(), true), ("new".to_owned(), true)]
    );

    // A second time there is nothing left to do.
    let again: Value =
        serde_json::from_str(&sandbox.run(format!("prune --apply {file} --json")).stdout).unwrap();
    assert_eq!(
        (&again["outcome"]["done"], &again["outcome"]["already_gone"]),
        (&Value::from(0), &Value::from(1))
    );
    fs::remove_file(plan).unwrap();
}

#[test]
fn changed_items_are_skipped() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let plan = sample.layout.path().with_extension("plan");
    let file = plan.to_str().unwrap();
    prune(
        &sandbox,
        &sample.layout,
        format!("--drop-ref old --plan-out {file}"),
    );
    age(&blob_path(sample.layout.path(), &sample.orphan), 95);
    sample
        .layout
        .tag("old", sample.layout.cache(&[sample.shared], 1));
    let result: Value =
        serde_json::from_str(&sandbox.run(format!("prune --apply {file} --json")).stdout).unwrap();
    assert_eq!(
        (&result["outcome"]["done"], &result["outcome"]["skipped"]),
        (&Value::from(0), &Value::from(2)),
        "{result}"
    );
    assert!(sample.layout.stored().contains(&sample.orphan));
    assert_eq!(sample.layout.refs().len(), 2);
    fs::remove_file(plan).unwrap();
}
