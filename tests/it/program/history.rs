//! The records that scans leave: growth, and what changed since then.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::command::{Run, Sandbox};

/// Makes a sandbox whose `./cache` has the refs `main` and `pr-7`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("a", 100)]));
    layout.tag("pr-7", &layout.chain(&[layout.layer("b", 100)]));
    sandbox
}

/// Returns what a run printed, without how long ago it was.
fn ageless(run: &Run) -> String {
    let age = Regex::new(r" *(just now|\d+[ms] ago)").unwrap();
    age.replace_all(&run.to_string(), " AGE").into_owned()
}

/// Returns the one file of records.
fn file(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.path(".local/state/cachelens/history");
    let files: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].as_ref().unwrap().path()
}

/// Makes every record of the file `days` days older, and changes it.
fn make_older(sandbox: &Sandbox, days: i64, change: impl Fn(&mut Value)) {
    let path = file(sandbox);
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().enumerate().map(|(place, line)| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if place > 0 {
            let at: Timestamp = record["at"].as_str().unwrap().parse().unwrap();
            let older = at
                .checked_sub(SignedDuration::from_hours(24 * days))
                .unwrap();
            record["at"] = json!(older.to_string());
            change(&mut record);
        }
        record.to_string()
    });
    let lines: Vec<String> = lines.collect();
    fs::write(&path, lines.join("\n")).unwrap();
}

#[test]
fn du_shows_how_a_source_grew() {
    let sandbox = sandbox();
    let run = sandbox.run("du ./cache --history");
    insta::assert_snapshot!(ageless(&run), @r"
    ./cache  1 scan
     SCANNED  REFS   STORED  CHANGE     LIVE  ORPHAN  MISSING
     AGE     2  1.9 KiB       –  1.9 KiB     0 B        –
    the growth per day is known when the scans cover a day
    exit 0
    ");
    let mode = fs::metadata(file(&sandbox)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    make_older(&sandbox, 10, |record| {
        let stored = record["stored_bytes"].as_u64().unwrap();
        record["stored_bytes"] = json!(stored - 100);
    });
    let run = sandbox.run("du ./cache/../cache --history");
    insta::assert_snapshot!(ageless(&run), @r"
    ./cache/../cache  2 scans
     SCANNED  REFS   STORED  CHANGE     LIVE  ORPHAN  MISSING
     10d ago     2  1.8 KiB       –  1.9 KiB     0 B        –
     AGE     2  1.9 KiB  +100 B  1.9 KiB     0 B        –
    it grows by 10 B a day (over 10d)
    exit 0
    ");
    let document = sandbox.json("du ./cache --history --json");
    let history = &document["sources"][0]["history"];
    assert_eq!(history["records"].as_array().unwrap().len(), 3);
    assert_eq!(history["growth"]["bytes_per_day"], 10);
    assert_eq!(history["quota"], Value::Null);
    assert_eq!(history["skipped"], json!([]));
    assert_eq!(
        sandbox.json("du ./cache --json")["sources"][0].get("history"),
        None
    );
}

#[test]
fn diff_shows_which_refs_changed_since_an_earlier_scan() {
    let sandbox = sandbox();
    let first = sandbox.run("diff ./cache --since 7d");
    insta::assert_snapshot!(first, @r"
    error: no earlier scan of ./cache is recorded
      hint: each scan leaves a record: try again after the next builds
    exit 1
    ");
    make_older(&sandbox, 8, |_| ());
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("c", 300)]));
    layout.tag("pr-8", &layout.chain(&[layout.layer("d", 100)]));
    let document = sandbox.json("diff ./cache --since 7d --json");
    let names = |key: &str| -> Vec<&str> {
        let refs = document[key].as_array().unwrap().iter();
        refs.map(|entry| entry["name"].as_str().unwrap()).collect()
    };
    assert_eq!(names("refs_added"), ["pr-8"]);
    assert_eq!(names("refs_removed"), ["pr-7"]);
    assert_eq!(names("refs_changed"), ["main"]);
    let run = sandbox.run("diff ./cache --since 7d");
    assert_eq!(run.code, Some(0), "{run}");
    let table = run.stdout.split_once("\n\n").unwrap().1;
    insta::assert_snapshot!(table, @r"
       REF   BEFORE    AFTER  KEYS
    +  pr-8       –    990 B  –
    ~  main   990 B  1.2 KiB  –
    -  pr-7   990 B        –  –
    ");
    let one = sandbox.json("diff ./cache#pr-* --since 7d --json");
    assert_eq!(one["refs_changed"], json!([]));
    assert_eq!(one["refs_removed"][0]["name"], "pr-7");
    // Of a longer time, the oldest record is used.
    let run = sandbox.run("diff ./cache --since 30d");
    assert!(
        run.stderr
            .contains("is as old as that: the first one was 8d ago"),
        "{run}"
    );
}

#[test]
fn diff_accepts_two_refs_or_a_time() {
    let sandbox = sandbox();
    insta::assert_snapshot!(sandbox.run("diff ./cache#main"), @r"
    error: diff compares two refs, and one is named
      hint: name both, as in `cachelens diff ./cache#c07 ./cache#c08`, or compare with an earlier scan: `--since 7d`
    exit 2
    ");
    insta::assert_snapshot!(
        sandbox.run("diff ./cache#main ./cache#pr-7 --since 7d"),
        @r"
    error: --since compares one source with an earlier scan of itself
      hint: name one, as in `cachelens diff ./cache --since 7d`
    exit 2
    "
    );
}

#[test]
fn no_state_keeps_no_records() {
    let ways: [(&[&str], &str, Option<&str>); 3] = [
        (&["--no-state"], "", None),
        (&[], "[state]\nkeep = false\n", None),
        (&[], "", Some("false")),
    ];
    for (flags, config, variable) in ways {
        let sandbox = sandbox();
        fs::write(sandbox.path("cachelens.toml"), config).unwrap();
        for command in ["ls", "du", "check", "blobs"] {
            let mut run = sandbox.command();
            run.arg(command).arg("./cache").args(flags);
            run.envs(variable.map(|value| ("CACHELENS_STATE", value)));
            assert!(run.output().unwrap().status.success());
        }
        assert!(!sandbox.path(".local/state").exists(), "{config}{flags:?}");
    }
    let run = sandbox().run("du ./cache --history --no-state");
    insta::assert_snapshot!(run, @r"
    ./cache  no scan of it is recorded
    exit 0
    ");
    let run = sandbox().run("diff ./cache --since 1d --no-state");
    insta::assert_snapshot!(run, @r"
    error: no earlier scan of ./cache is recorded
      hint: records are kept without --no-state and with `keep = true` in [state]
    exit 1
    ");
}

#[test]
fn a_damaged_scan_record_is_skipped_with_a_warning() {
    let sandbox = sandbox();
    sandbox.run("ls ./cache");
    sandbox.run("ls ./cache");
    let path = file(&sandbox);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "{\u{1b}[31m";
    fs::write(&path, lines.join("\n")).unwrap();
    let document = sandbox.json("du ./cache --history --json");
    let history = &document["sources"][0]["history"];
    assert_eq!(history["records"].as_array().unwrap().len(), 2);
    let skipped = history["skipped"][0].as_str().unwrap();
    assert!(skipped.contains(".jsonl:2: "), "{skipped}");
    // The scan has written a whole file again.
    let run = sandbox.run("du ./cache --history");
    assert!(run.stdout.starts_with("./cache  3 scans\n"), "{run}");
    assert_eq!(run.stderr, "");
}
