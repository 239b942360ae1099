//! The program as a whole: its output and its exit codes.

mod action;
mod browser;
mod cat;
mod changes;
mod colours;
mod completions;
mod config;
mod declared;
mod diff;
mod docker;
mod du;
mod endings;
mod help;
mod history;
mod hostile;
mod ignores;
mod init;
mod lists;
mod ls;
mod manual;
mod packages;
mod page;
mod patterns;
mod plans;
mod progress;
mod readme;
pub(crate) mod reports;
mod schemas;
mod secrets;
mod show;
mod small;
mod sources;
mod summary;
mod trust;

use regex::Regex;

use crate::support::command::Run;

/// Returns the output of a run, with every age replaced by `AGE` and without the padding of absent
/// values, because ages and column widths grow.
fn ageless(run: &Run) -> String {
    let age = Regex::new(r" +(AGE|now|in the future|(\d+[ydhms] )?\d+[ydhms])( |\n)").unwrap();
    let none = Regex::new(" +–").unwrap();
    let time = Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let text = none.replace_all(&run.stdout, " –").into_owned() + &run.stderr;
    let text = time
        .replace_all(&age.replace_all(&text, " AGE$3"), "TIME")
        .into_owned();
    format!("{text}exit {}", run.code.unwrap_or(-1))
}
