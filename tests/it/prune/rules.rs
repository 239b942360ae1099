//! What a prune reports about its rules.

use serde_json::Value;

use super::{Sample, document, prune};
use crate::support::command::Sandbox;

#[test]
fn prune_warns_if_every_rule_protects() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    for (rules, is_told) in [
        (&["--keep-ref", "main"][..], true),
        (&["--keep-ref", "main", "--keep-last", "1"], false),
    ] {
        let run = prune(&sandbox, &sample.layout, rules);
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(
            run.stderr.contains("every rule is `protect`"),
            is_told,
            "{run}"
        );
    }
}

#[test]
fn an_unmet_budget_is_reported_with_and_without_deletions() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let budget = [
        "--keep-ref",
        "*",
        "--max-refs",
        "1",
        "--grace",
        "0s",
        "--yes",
    ];
    for has_something in [true, false] {
        let run = prune(&sandbox, &sample.layout, &budget);
        assert_eq!(run.code, Some(4), "{run}");
        assert!(
            run.stdout.contains(
                "Limit not met, because everything left is protected: the budget of 1 ref"
            ),
            "{run}"
        );
        assert_eq!(run.stdout.contains(" done, "), has_something, "{run}");
        prune(&sandbox, &sample.layout, "--grace 0s --yes");
    }
    let outcome = document(&sandbox, &sample.layout, "--grace 0s --yes")["outcome"].clone();
    assert_eq!(
        (&outcome["done"], &outcome["journal"]),
        (&0.into(), &Value::Null)
    );
}
