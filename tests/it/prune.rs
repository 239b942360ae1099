//! `prune` as people and scripts run it: the deleted and the kept items, without losses under any
//! interruption.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cachelens::format::digest::Digest;
use serde_json::Value;

use crate::support::command::{Run, Sandbox};
use crate::support::made::{MadeLayout, age, blob_path};

mod faults;
mod forged;
pub(crate) mod kill;
mod links;
mod property;
mod race;
mod records;
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

fn prune(sandbox: &Sandbox, layout: &MadeLayout, arguments: &[&str]) -> Run {
    sandbox.run(&[&["prune", &layout.source()], arguments].concat())
}

fn document(sandbox: &Sandbox, layout: &MadeLayout, arguments: &[&str]) -> Value {
    let run = prune(sandbox, layout, &[arguments, &["--json"]].concat());
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// Returns every file below `dir` with its bytes.
fn content(dir: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert((path.clone(), fs::read(path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn a_plan_changes_nothing() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let run = prune(&sandbox, &sample.layout, &["--drop-ref", "old"]);
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

    let plan = document(&sandbox, &sample.layout, &["--drop-ref", "old"]);
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
fn a_ref_goes_first_and_its_blobs_when_the_grace_has_passed() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let index = fs::read_to_string(sample.layout.path().join("index.json")).unwrap();
    assert_eq!(
        prune(&sandbox, &sample.layout, &["--drop-ref", "old", "--yes"]).code,
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
    let soon = document(&sandbox, &sample.layout, &[]);
    assert_eq!(
        (
            &soon["plan"]["frees_objects"],
            &soon["plan"]["waits"]["blobs"]
        ),
        (&Value::from(0), &Value::from(2))
    );
    let later = document(&sandbox, &sample.layout, &["--grace", "0s", "--yes"]);
    assert_eq!(later["outcome"]["failed"], 0);
    assert!(!sample.layout.stored().contains(&sample.of_old));
    assert!(sample.layout.stored().contains(&sample.shared));
}

#[test]
fn with_now_both_go_once_the_name_was_typed() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let refused = prune(
        &sandbox,
        &sample.layout,
        &["--drop-ref", "old", "--now", "--yes"],
    );
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let wrong = prune(
        &sandbox,
        &sample.layout,
        &[
            "--drop-ref",
            "old",
            "--now",
            "--yes",
            "--confirm",
            "elsewhere",
        ],
    );
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert_eq!(content(sample.layout.path()), before);
    let source = sample.layout.source();
    let done = prune(
        &sandbox,
        &sample.layout,
        &["--drop-ref", "old", "--now", "--yes", "--confirm", &source],
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!sample.layout.stored().contains(&sample.of_old));
    assert_eq!(
        sample.layout.refs().into_iter().collect::<Vec<_>>(),
        [("main".to_owned(), true)]
    );
}

#[test]
fn what_was_confirmed_of_one_source_is_not_confirmed_of_another() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let gone = sandbox.path("gone");
    let source = sample.layout.source();
    let run = sandbox.run(&[
        "prune",
        gone.to_str().unwrap(),
        &source,
        "--drop-ref",
        "old",
        "--now",
        "--yes",
        "--confirm",
        gone.to_str().unwrap(),
    ]);
    assert_ne!(run.code, Some(0), "{run}");
    assert!(
        run.stderr.contains(&format!("add --confirm '{source}'")),
        "{run}"
    );
    assert_eq!(content(sample.layout.path()), before);
}

#[test]
fn rules_that_only_protect_are_said_to_let_nothing_go() {
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
fn a_budget_that_cannot_be_kept_is_told_whether_or_not_anything_goes() {
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
        prune(&sandbox, &sample.layout, &["--grace", "0s", "--yes"]);
    }
    let outcome =
        document(&sandbox, &sample.layout, &["--grace", "0s", "--yes"])["outcome"].clone();
    assert_eq!(
        (&outcome["done"], &outcome["journal"]),
        (&0.into(), &Value::Null)
    );
}

#[test]
fn a_policy_that_would_delete_every_ref_has_to_be_confirmed() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let before = content(sample.layout.path());
    let refused = prune(&sandbox, &sample.layout, &["--drop-ref", "*", "--yes"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("the plan deletes every ref"),
        "{}",
        refused.stderr
    );
    let share = prune(
        &sandbox,
        &sample.layout,
        &["--drop-ref", "*", "--yes", "--max-delete", "50%"],
    );
    assert!(
        share.stderr.contains("2 of 2 refs, more than the 50%"),
        "{}",
        share.stderr
    );
    assert_eq!(content(sample.layout.path()), before);
}

#[test]
fn a_gate_stops_before_anything_goes() {
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

#[test]
fn blobs_behind_a_link_are_left_alone() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let dir = sample.layout.path();
    fs::rename(dir.join("blobs"), dir.join("elsewhere")).unwrap();
    symlink("elsewhere", dir.join("blobs")).unwrap();
    let stored = sample.layout.stored();
    let run = prune(&sandbox, &sample.layout, &["--grace", "0s", "--yes"]);
    assert!(run.stderr.contains("`blobs` is a symbolic link"), "{run:?}");
    assert_eq!(sample.layout.stored(), stored);
}

#[test]
fn hard_links_and_holes_give_less_back_than_their_size() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    fs::hard_link(
        blob_path(sample.layout.path(), &sample.orphan),
        sample.layout.path().join("mine"),
    )
    .unwrap();
    let hole = blob_path(sample.layout.path(), &Digest::of(b"hole"));
    File::create(&hole).unwrap().set_len(1 << 20).unwrap();
    age(&hole, 96);
    let disk = document(&sandbox, &sample.layout, &[])["plan"]["disk"].clone();
    assert_eq!(
        (&disk["hard_linked"], &disk["sparse"]),
        (&Value::from(1), &Value::from(1))
    );
    assert!(disk["disk_bytes"].as_u64().unwrap() < 1 << 20, "{disk}");
    let shown = prune(&sandbox, &sample.layout, &[]).stdout;
    assert!(
        shown.contains("No disk space is freed for 1 file with other hard links"),
        "{shown}"
    );
}

#[test]
fn a_saved_plan_is_carried_out_as_it_is_or_not_at_all() {
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
        let run = sandbox.run(&["prune", "--apply", file]);
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
    let elsewhere = prune(&sandbox, &other.layout, &["--apply", file]);
    assert!(
        elsewhere.stderr.contains("is a plan for"),
        "{}",
        elsewhere.stderr
    );

    // The refs have changed since: a previous orphan is referenced by now.
    sample
        .layout
        .tag("new", sample.layout.cache(&[sample.orphan], 0));
    let run = sandbox.run(&["prune", "--apply", file, "--json"]);
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
        serde_json::from_str(&sandbox.run(&["prune", "--apply", file, "--json"]).stdout).unwrap();
    assert_eq!(
        (&again["outcome"]["done"], &again["outcome"]["already_gone"]),
        (&Value::from(0), &Value::from(1))
    );
    fs::remove_file(plan).unwrap();
}

#[test]
fn what_has_changed_is_skipped() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let plan = sample.layout.path().with_extension("plan");
    let file = plan.to_str().unwrap();
    prune(
        &sandbox,
        &sample.layout,
        &["--drop-ref", "old", "--plan-out", file],
    );
    age(&blob_path(sample.layout.path(), &sample.orphan), 95);
    sample
        .layout
        .tag("old", sample.layout.cache(&[sample.shared], 1));
    let result: Value =
        serde_json::from_str(&sandbox.run(&["prune", "--apply", file, "--json"]).stdout).unwrap();
    assert_eq!(
        (&result["outcome"]["done"], &result["outcome"]["skipped"]),
        (&Value::from(0), &Value::from(2)),
        "{result}"
    );
    assert!(sample.layout.stored().contains(&sample.orphan));
    assert_eq!(sample.layout.refs().len(), 2);
    fs::remove_file(plan).unwrap();
}

#[test]
fn another_prune_keeps_out() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    fs::create_dir(sample.trash()).unwrap();
    let lock = File::create(sample.trash().join("lock")).unwrap();
    lock.try_lock().unwrap();
    let stored = sample.layout.stored();
    let run = prune(&sandbox, &sample.layout, &["--yes"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("another prune is at work"),
        "{}",
        run.stderr
    );
    assert_eq!(sample.layout.stored(), stored);
    drop(lock);
    assert_eq!(prune(&sandbox, &sample.layout, &["--yes"]).code, Some(0));
}

#[test]
fn a_journal_that_is_cut_goes_on_and_a_damaged_one_does_not() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let run = document(&sandbox, &sample.layout, &["--drop-ref", "old", "--yes"]);
    let journal = run["outcome"]["journal"].as_str().unwrap();
    let text = fs::read_to_string(journal).unwrap();
    let last = text.trim_end().rfind('\n').unwrap();
    fs::write(journal, &text[..last + 10]).unwrap();
    let resumed = sandbox.run(&["prune", "--resume", journal]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    // The crash may also happen within a character.
    fs::write(journal, [text.as_bytes(), b"{\"item\":\xc3"].concat()).unwrap();
    assert_eq!(sandbox.run(&["prune", "--resume", journal]).code, Some(0));
    fs::write(journal, text.replacen("{\"begin\"", "{\"bogus\"", 1)).unwrap();
    let damaged = sandbox.run(&["prune", "--resume", journal]);
    assert!(
        damaged.stderr.contains("line 2 is not one of a journal"),
        "{}",
        damaged.stderr
    );
    fs::write(journal, &text[..100]).unwrap();
    let cut = sandbox.run(&["prune", "--resume", journal]);
    assert!(
        cut.stderr.contains("nothing was deleted by that run"),
        "{}",
        cut.stderr
    );
    let twice = prune(
        &sandbox,
        &sample.layout,
        &["--grace", "0s", "--yes", "--journal", journal],
    );
    assert!(
        twice.stderr.contains("cannot create the journal"),
        "{}",
        twice.stderr
    );
}

#[test]
fn read_only_changes_nothing() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    assert_eq!(
        prune(&sandbox, &sample.layout, &["--yes", "--read-only"]).code,
        Some(2)
    );
    assert_eq!(
        prune(&sandbox, &sample.layout, &["--read-only"]).code,
        Some(0)
    );
    assert!(sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn the_demo_has_a_plan_and_stays_as_it_is() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["prune", "demo"]).code, Some(0));
}

#[test]
fn the_demo_is_pruned_as_a_copy_of_which_nothing_is_left() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("tmp");
    fs::create_dir(&temporary).unwrap();
    for _ in 0..2 {
        let mut command = sandbox.command();
        command.env("TMPDIR", &temporary);
        command.args(["prune", "demo", "--yes"]);
        let run = Run::new(command.output().unwrap());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("the demo is a copy"), "{run}");
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    }
    assert!(!sandbox.path(".local/state/cachelens").exists());
}
