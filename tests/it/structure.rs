//! The structure of the code, checked by reading it: layers, traits, names and sizes.

use std::fmt::Display;

mod decisions;
mod layers;
mod names;
pub(crate) mod read;
mod reading;
mod sizes;
mod stores;

/// Asserts that nothing departs from a rule, and lists what does.
#[track_caller]
fn assert_none(found: &[impl Display]) {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}
