//! The integration tests: one binary, so that it links once.

// Clippy takes only functions with `#[test]` for tests; here everything is one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Tables of cases and expected output stand where they are used, however long they are.
#![allow(clippy::too_many_lines)]

mod bytes;
mod check;
mod content_hash;
mod context;
mod counts;
mod demo;
mod evidence;
mod explain;
mod fixtures;
mod gha;
mod layers;
mod local;
mod program;
mod prune;
mod pty;
mod purity;
mod random;
mod registry;
mod retention;
mod s3;
mod scenarios;
mod steps;
mod support;
mod tui;
mod why;
