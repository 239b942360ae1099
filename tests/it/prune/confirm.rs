//! Confirmations and gates: what a prune refuses before it deletes anything.

use super::{Sample, prune};
use crate::support::command::Sandbox;
use crate::support::made::content;

#[test]
fn now_deletes_ref_and_blobs_after_the_name_is_typed() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let refused = prune(&sandbox, &sample.layout, "--drop-ref old --now --yes");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let wrong = prune(
        &sandbox,
        &sample.layout,
        "--drop-ref old --now --yes --confirm elsewhere",
    );
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert_eq!(content(sample.layout.path()), before);
    let source = sample.layout.source();
    let done = prune(
        &sandbox,
        &sample.layout,
        format!("--drop-ref old --now --yes --confirm {source}"),
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!sample.layout.stored().contains(&sample.of_old));
    assert_eq!(
        sample.layout.refs().into_iter().collect::<Vec<_>>(),
        [("main".to_owned(), true)]
    );
}

#[test]
fn a_confirmation_is_valid_for_its_source_only() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let gone = sandbox.path("gone");
    let source = sample.layout.source();
    let run = sandbox.run(format!(
        "prune {} {source} --drop-ref old --now --yes --confirm {}",
        gone.display(),
        gone.display()
    ));
    assert_ne!(run.code, Some(0), "{run}");
    assert!(
        run.stderr.contains(&format!("add --confirm '{source}'")),
        "{run}"
    );
    assert_eq!(content(sample.layout.path()), before);
}

#[test]
fn a_policy_that_would_delete_every_ref_has_to_be_confirmed() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let refused = prune(&sandbox, &sample.layout, "--drop-ref * --yes");
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("the plan deletes every ref"),
        "{}",
        refused.stderr
    );
    let share = prune(
        &sandbox,
        &sample.layout,
        "--drop-ref * --yes --max-delete 50%",
    );
    assert!(
        share.stderr.contains("2 of 2 refs, more than the 50%"),
        "{}",
        share.stderr
    );
    assert_eq!(content(sample.layout.path()), before);
}

#[test]
fn a_gate_fails_before_anything_is_deleted() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    assert_eq!(
        prune(
            &sandbox,
            &sample.layout,
            &["--yes", "--fail-if-frees", ">5B"]
        )
        .code,
        Some(3)
    );
    assert_eq!(content(sample.layout.path()), before);
    assert_eq!(
        prune(
            &sandbox,
            &sample.layout,
            &["--yes", "--fail-if-frees", ">6B"]
        )
        .code,
        Some(0)
    );
}
