//! Small text helpers that every module may use: units and durations, globs and regular
//! expressions, the nearest known word, escaping of untrusted text, and masking of secrets.

pub mod causes;
pub mod escape;
pub mod nearest;
pub mod pattern;
pub mod secrets;
pub mod shell;
pub mod units;
