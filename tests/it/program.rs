//! The program as a whole: what it prints, where, and how it ends.

mod diff;
mod endings;
mod hostile;
mod sources;
mod tables;

use regex::Regex;

use crate::support::command::Run;

/// Returns what a run printed, with every age written as `AGE`: they grow, and columns with them, also where there is none.
fn ageless(run: &Run) -> String {
    let age = Regex::new(r" +(AGE|now|in the future|(\d+[ydhms] )?\d+[ydhms])( |\n)").unwrap();
    let none = Regex::new(" +–").unwrap();
    let time = Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let text = none.replace_all(&run.stdout, " –").into_owned() + &run.stderr;
    let text = time.replace_all(&age.replace_all(&text, " AGE$3"), "TIME").into_owned();
    format!("{text}exit {}", run.code.unwrap_or(-1))
}
