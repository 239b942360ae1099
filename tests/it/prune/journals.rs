//! Journals that a crash cut, and damaged ones.

use std::fs;

use super::{Sample, document, prune};
use crate::support::command::Sandbox;

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
