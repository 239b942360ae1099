//! Journals that a crash cut, and damaged ones.

use std::fs;

use serde_json::Value;

use super::{Sample, document, prune};
use crate::support::command::Sandbox;

#[test]
fn a_run_resumes_from_a_journal_that_a_crash_cut() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let run = document(&sandbox, &sample.layout, "--drop-ref old --yes");
    let journal = run["outcome"]["journal"].as_str().unwrap();
    let text = fs::read_to_string(journal).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // What was begun before the cut was deleted by this run, and the rest before it.
    for (line, is_cut_in, outcomes) in [
        (1, "{\"begin\"", ["already_gone", "already_gone"]),
        (2, "{\"item\"", ["done", "already_gone"]),
        (3, "{\"begin\"", ["done", "already_gone"]),
        (4, "{\"item\"", ["done", "done"]),
        (5, "{\"finished\"", ["done", "done"]),
    ] {
        assert!(lines[line].starts_with(is_cut_in), "{text}");
        // A crash may also happen within a character.
        for part in [&lines[line].as_bytes()[..10], b"{\"item\":\xc3"] {
            let whole = lines[..line].concat();
            fs::write(journal, [whole.as_bytes(), part].concat()).unwrap();
            let resumed = sandbox.json(format!("prune --resume {journal} --json"));
            let items = resumed["outcome"]["items"].as_array().unwrap();
            let found: Vec<&Value> = items.iter().map(|item| &item["outcome"]).collect();
            assert_eq!(found, outcomes, "cut in line {line}");
            assert_eq!(resumed["outcome"]["skipped"], 0, "cut in line {line}");
        }
    }
    assert_eq!(
        sample.layout.refs().into_iter().collect::<Vec<_>>(),
        [("main".to_owned(), true)]
    );
    assert!(!sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn a_damaged_journal_is_refused() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let run = document(&sandbox, &sample.layout, "--drop-ref old --yes");
    let journal = run["outcome"]["journal"].as_str().unwrap();
    let text = fs::read_to_string(journal).unwrap();
    let refused = |text: &str, why: &str| {
        fs::write(journal, text).unwrap();
        let run = sandbox.run(format!("prune --resume {journal}"));
        assert_ne!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains(why), "{run}");
        assert_eq!(fs::read_to_string(journal).unwrap(), text);
    };
    refused(
        &text.replacen("{\"begin\"", "{\"bogus\"", 1),
        "line 2 is not one of a journal",
    );
    refused(&text[..100], "nothing was deleted by that run");
}

#[test]
fn a_journal_is_never_overwritten() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let journal = sandbox.path("journal");
    fs::write(&journal, "another one").unwrap();
    let run = prune(
        &sandbox,
        &sample.layout,
        format!("--yes --journal {}", journal.display()),
    );
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("cannot create the journal"), "{run}");
    assert_eq!(fs::read_to_string(&journal).unwrap(), "another one");
    assert!(sample.layout.stored().contains(&sample.orphan));
}
