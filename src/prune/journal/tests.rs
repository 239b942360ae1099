use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::trim::NEWEST_KEPT;
use super::*;
use crate::backend::Skip;
use crate::prune::plan::file;
use crate::prune::runs::RunState;

/// Returns the text of a plan that moves this many blobs to the trash.
fn plan_text(blobs: u32) -> String {
    let mut digests: Vec<Digest> = (0..blobs)
        .map(|number| Digest::of(&number.to_le_bytes()))
        .collect();
    digests.sort_unstable();
    let item = |(number, digest): (u64, &Digest)| {
        let nanoseconds = 1_795_000_000_000_000_000 + i128::from(number) * 1_234_567_891;
        let modified = Timestamp::from_nanosecond(nanoseconds).unwrap();
        let created: Timestamp = "2026-12-22T12:00:00Z".parse().unwrap();
        json!({
            "kind": "blob",
            "name": digest,
            "digest": digest,
            "bytes": 1000 + number,
            "modified": modified,
            "reasons": [{ "reason": "orphan", "unchanged": created.duration_since(modified) }],
        })
    };
    let delete: Vec<Value> = (0..).zip(&digests).map(item).collect();
    let frees: u64 = delete
        .iter()
        .filter_map(|item| item["bytes"].as_u64())
        .sum();
    let plan = json!({
        "id": "20261222T120000Z-1f2e3d4c",
        "source": "./cache",
        "place": "/cache",
        "policy": "",
        "created": "2026-12-22T12:00:00Z",
        "grace": "PT48H",
        "freed_blobs": "wait",
        "disposal": "trash",
        "fingerprint": Digest::of(b""),
        "delete": delete,
        "keep": [],
        "put_back": [],
        "held": [],
        "live": { "blobs": 0, "bytes": 0 },
        "waits": { "blobs": 0, "bytes": 0 },
        "undetermined": false,
        "drops_every_ref": false,
        "unmet_budgets": [],
        "frees_bytes": frees,
        "frees_objects": blobs,
        "warnings": [],
    });
    let content = plan.to_string();
    let digest = Digest::of(content.as_bytes());
    format!(r#"{{"cachelens_plan":1,"digest":"{digest}","plan":{content}}}"#)
}

fn plan(blobs: u32) -> Plan {
    file::load(&plan_text(blobs)).unwrap()
}

#[test]
fn a_journal_is_complete_in_less_than_100_bytes_per_item() {
    const ITEMS: u32 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let plan = plan(ITEMS);
    let mut journal = Journal::create(&path, &plan).unwrap();
    let mut expected = Vec::new();
    journal.begin(0..plan.delete().len()).unwrap();
    for item in 0..plan.delete().len() {
        let outcome = match item {
            7 => Outcome::Failed("it could not be".to_owned()),
            10..20 => Outcome::Skipped(Skip::Changed),
            _ => Outcome::Done,
        };
        let name = plan.delete().at(item).target.name();
        journal.item(item, name, outcome.clone()).unwrap();
        expected.push(Some(outcome));
    }
    journal.finished().unwrap();
    drop(journal);
    let size = fs::metadata(&path).unwrap().len();
    assert!(size < u64::from(ITEMS) * 100, "{size} bytes");
    let (_, history) = Journal::reopen(&path).unwrap();
    assert_eq!(history.plan, plan);
    assert_eq!(history.outcomes, expected);
    assert!(history.finished);
}

#[test]
fn a_journal_of_the_first_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let header = format!(
        r#"{{"cachelens_journal":1,"started":"2026-12-22T12:00:01Z","plan":{}}}"#,
        plan_text(3)
    );
    let lines = [
        header.as_str(),
        r#"{"begin":{"from":0,"to":3}}"#,
        r#"{"item":{"item":0,"name":"a","outcome":"done"}}"#,
        r#"{"item":{"item":1,"name":"b","outcome":{"skipped":"changed"}}}"#,
    ];
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let (mut journal, history) = Journal::reopen(&path).unwrap();
    let changed = Outcome::Skipped(Skip::Changed);
    assert_eq!(history.outcomes, [Some(Outcome::Done), Some(changed), None]);
    assert_eq!(history.begun, [true; 3]);
    journal.item(2, "c".to_owned(), Outcome::Done).unwrap();
    journal.finished().unwrap();
    drop(journal);
    assert!(Journal::reopen(&path).unwrap().1.finished);
}

#[test]
fn pending_outcomes_are_written_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let plan = plan(4);
    let mut journal = Journal::create(&path, &plan).unwrap();
    for item in 0..3 {
        journal.item(item, "x".to_owned(), Outcome::Done).unwrap();
    }
    journal.note_restored(Digest::of(b"")).unwrap();
    journal.sync().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert!(
        lines[0].starts_with(r#"{"items":{"from":0,"to":3,"#),
        "{lines:?}"
    );
    assert!(lines[1].starts_with(r#"{"put_back""#), "{lines:?}");
}

#[test]
fn a_journal_that_unpacks_to_nonsense_is_damaged() {
    for packed in ["", "AAAA", "not base64", "KLUv/SAAAQAA"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let header = json!({
            "cachelens_journal": 2,
            "started": "2026-12-22T12:00:01Z",
            "plan_zstd": packed,
        });
        fs::write(&path, format!("{header}\n")).unwrap();
        assert!(Journal::reopen(&path).is_err(), "{packed:?}");
    }
}

#[test]
fn only_old_finished_journals_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |number: usize, finished: bool, days: u64| {
        let name = format!(
            "202601{:02}T{:02}0000Z-1f2e3d4c.jsonl",
            number / 24 + 1,
            number % 24
        );
        let path = folder.path().join(name);
        let last = if finished {
            r#"{"finished":"2026-01-01T00:00:00Z"}"#
        } else {
            r#"{"begin":{"from":0,"to":3}}"#
        };
        fs::write(&path, format!("{{}}\n{last}\n")).unwrap();
        let then = SystemTime::now() - Duration::from_hours(days * 24);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(then)
            .unwrap();
        path
    };
    let finished = write(0, true, 100);
    let unfinished = write(1, false, 100);
    let recent = write(2, true, 80);
    let foreign = folder.path().join("notes.jsonl");
    fs::write(&foreign, "{\"finished\":\"2026-01-01T00:00:00Z\"}\n").unwrap();
    let newest: Vec<PathBuf> = (3..3 + NEWEST_KEPT)
        .map(|number| write(number, true, 100))
        .collect();
    trim(folder.path(), Timestamp::now());
    assert!(!finished.exists());
    for kept in newest.iter().chain([&unfinished, &recent, &foreign]) {
        assert!(kept.exists(), "{}", kept.display());
    }
}

#[test]
fn a_resumed_run_tries_what_did_not_end_and_a_failed_undo_does_not_prevent_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::create(&path, &plan(6)).unwrap();
    let outcomes = [
        Outcome::Done,
        Outcome::AlreadyGone,
        Outcome::Skipped(Skip::Changed),
        Outcome::Skipped(Skip::InUse),
        Outcome::Failed("no".to_owned()),
        Outcome::Cancelled,
    ];
    for (item, outcome) in outcomes.iter().enumerate() {
        journal.item(item, "x".to_owned(), outcome.clone()).unwrap();
    }
    journal.finished().unwrap();
    let failed = Outcome::Failed("the store keeps nothing".to_owned());
    journal.undo(0, "x".to_owned(), failed).unwrap();
    journal.sync().unwrap();
    let (history, _) = inspect(&path).unwrap();
    let settled = history.settled_outcomes();
    let tried: Vec<usize> = (0..6).filter(|item| settled[*item].is_none()).collect();
    assert_eq!(tried, [3, 4, 5]);
    assert_eq!(RunState::of(&history, false), RunState::Stopped { left: 3 });
    journal.undo(0, "x".to_owned(), Outcome::Done).unwrap();
    journal.sync().unwrap();
    let (history, _) = inspect(&path).unwrap();
    assert_eq!(RunState::of(&history, false), RunState::Undone);
}
