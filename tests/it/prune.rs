//! `prune` as people and scripts run it: the deleted and the kept items, without losses under any
//! interruption.

use std::fs;
use std::path::PathBuf;

use cachelens::format::digest::Digest;
use serde_json::Value;

use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::made::{MadeLayout, content};

mod confirm;
mod demo;
mod faults;
mod forged;
mod journals;
pub(crate) mod kill;
mod later;
mod links;
mod property;
mod race;
mod records;
mod rules;
mod saved;
mod settle;
mod signed;
mod trash;
mod unreadable;

/// A layout with two refs, four days old, that share a layer, and with an orphan.
struct Sample {
    layout: MadeLayout,
    shared: Digest,
    of_old: Digest,
    orphan: Digest,
}

impl Sample {
    fn new() -> Self {
        let layout = MadeLayout::new();
        let [shared, of_main, of_old, orphan] =
            [b"shared", b"main  ", b"old   ", b"orphan"].map(|bytes| layout.blob(bytes, 96));
        layout.tag("main", layout.cache(&[shared, of_main], 96));
        layout.tag("old", layout.cache(&[shared, of_old], 96));
        Self {
            layout,
            shared,
            of_old,
            orphan,
        }
    }

    fn trash(&self) -> PathBuf {
        self.layout.path().join(".cachelens-trash")
    }
}

fn prune(sandbox: &Sandbox, layout: &MadeLayout, arguments: impl CommandLine) -> Run {
    sandbox.run(arguments.after(format!("prune {}", layout.source())))
}

fn document(sandbox: &Sandbox, layout: &MadeLayout, arguments: impl CommandLine) -> Value {
    let run = prune(sandbox, layout, "--json".after(arguments));
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn a_plan_changes_nothing() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let run = prune(&sandbox, &sample.layout, "--drop-ref old");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), ""),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("Nothing was changed."),
        "{}",
        run.stdout
    );
    assert_eq!(content(sample.layout.path()), before);

    let plan = document(&sandbox, &sample.layout, "--drop-ref old");
    assert_eq!(
        (&plan["schema"], &plan["command"]),
        (&Value::from(1), &Value::from("prune"))
    );
    let plan = &plan["plan"];
    let deleted: Vec<_> = plan["delete"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (&item["kind"], &item["name"]))
        .collect();
    assert_eq!(
        deleted,
        [
            (&Value::from("ref"), &Value::from("old")),
            (
                &Value::from("blob"),
                &Value::from(sample.orphan.to_string())
            )
        ]
    );
    assert_eq!(
        (&plan["frees_bytes"], &plan["frees_objects"]),
        (&Value::from(6), &Value::from(1))
    );
    for field in ["source", "policy", "created", "keep", "fingerprint"] {
        assert!(!plan[field].is_null(), "{field}");
    }
}

#[test]
fn a_ref_is_deleted_first_and_its_blobs_after_the_grace() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let index = fs::read_to_string(sample.layout.path().join("index.json")).unwrap();
    assert_eq!(
        prune(&sandbox, &sample.layout, "--drop-ref old --yes").code,
        Some(0)
    );
    assert_eq!(
        sample.layout.refs().into_iter().collect::<Vec<_>>(),
        [("main".to_owned(), true)]
    );
    assert!(!sample.layout.stored().contains(&sample.orphan));
    assert!(sample.layout.stored().contains(&sample.of_old));
    // The kept entry is unchanged.
    let entry = &index[index.find(r#"{"annotations""#).unwrap()..=index.find("},{").unwrap()];
    assert!(
        fs::read_to_string(sample.layout.path().join("index.json"))
            .unwrap()
            .contains(entry),
        "{entry}"
    );

    // The refs were deleted a moment ago: builds that imported them may still fetch the blobs.
    let soon = document(&sandbox, &sample.layout, "");
    assert_eq!(
        (
            &soon["plan"]["frees_objects"],
            &soon["plan"]["waits"]["blobs"]
        ),
        (&Value::from(0), &Value::from(2))
    );
    let later = document(&sandbox, &sample.layout, "--grace 0s --yes");
    assert_eq!(later["outcome"]["failed"], 0);
    assert!(!sample.layout.stored().contains(&sample.of_old));
    assert!(sample.layout.stored().contains(&sample.shared));
}

#[test]
fn read_only_changes_nothing() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    assert_eq!(
        prune(&sandbox, &sample.layout, "--yes --read-only").code,
        Some(2)
    );
    assert_eq!(prune(&sandbox, &sample.layout, "--read-only").code, Some(0));
    assert!(sample.layout.stored().contains(&sample.orphan));
}
