//! Measures the promised speed and memory use of the program: `cargo bench`, or
//! `cargo bench -- PART` for a part.
//!
//! Each line compares a measurement with its target; a missed target fails the run. The machine
//! should be idle. Comparisons with another program alternate between both; all other values are
//! medians, or worst cases where people notice the worst.

use std::error::Error;
use std::process::ExitCode;

mod config;
mod context;
mod delete;
mod disk;
mod dockerfile;
mod find;
mod github;
mod layout;
mod memory;
mod plan;
mod registry;
mod repair;
mod rows;
mod s3_delete;
mod s3_list;
mod settle;
mod snapshots;
mod table;
mod terminal;
mod trash;
mod why;

use table::Table;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measures one part and adds it to the table.
type Measure = fn(&mut Table) -> Outcome;

/// The parts, by name. The first one needs a disk that is not busy with the files of the others; of
/// the others, the slowest come last.
const PARTS: [(&str, Measure); 19] = [
    ("terminal", terminal::measure),
    ("config", config::measure),
    ("memory", memory::measure),
    ("rows", rows::measure),
    ("snapshots", snapshots::measure),
    ("plan", plan::measure),
    ("why", why::measure),
    ("dockerfile", dockerfile::measure),
    ("find", find::measure),
    ("repair", repair::measure),
    ("context", context::measure),
    ("github", github::measure),
    ("registry", registry::measure),
    ("s3-delete", s3_delete::measure),
    ("s3-list", s3_list::measure),
    ("delete", delete::measure),
    ("trash", trash::measure),
    ("disk", disk::measure),
    ("settle", settle::measure),
];

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    if wanted == [memory::CHILD] {
        return finish(memory::child());
    }
    if wanted == [plan::CHILD] {
        return finish(plan::child());
    }
    // The clients of the comparisons need it. It can be installed once, and this is the first time.
    let _ = rustls::crypto::ring::default_provider().install_default();
    finish(run(&wanted))
}

fn run(wanted: &[String]) -> Outcome {
    if let Some(unknown) = wanted
        .iter()
        .find(|name| PARTS.iter().all(|(part, _)| part != name))
    {
        return Err(format!(
            "there is no part `{unknown}`; there are {}",
            PARTS.map(|(part, _)| part).join(", ")
        )
        .into());
    }
    let mut table = Table::start();
    for (part, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|name| name == part) {
            measure(&mut table).unwrap_or_else(|error| table.failure(part, &*error));
        }
    }
    table.end()
}

fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
