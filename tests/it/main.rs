//! The integration tests: one binary, so that it links once.

// Clippy treats only functions with `#[test]` as tests; here all code is test code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Tables of cases and expected output are next to their use, regardless of their length.
#![allow(clippy::too_many_lines)]

mod bytes;
mod check;
mod content_hash;
mod context;
mod counts;
mod demo;
mod dockerfile;
mod evidence;
mod explain;
mod find;
mod fixtures;
mod fuzz;
mod gha;
mod layers;
mod local;
mod mutation;
mod program;
mod prose;
mod prune;
mod pty;
mod purity;
mod random;
mod registry;
mod repair;
mod requests;
mod retention;
mod s3;
mod scenarios;
mod steps;
mod structure;
mod support;
mod tui;
mod why;
