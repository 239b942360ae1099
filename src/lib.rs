//! cachelens opens BuildKit remote caches, shows their content, prunes them, and explains cache
//! misses.
//!
//! The top-level modules, in the order of the data flow:
//!
//! ```text
//!  Source ─open→ Backend ─scan→ Inventory ─────────┬→ ls, du, show, blobs, files, terminal UI
//!                                  │               │
//!                Policy + now ─→ Verdicts ─→ Draft ─→ Plan ─confirm→ Execute → Journal, Outcome
//!                                  │           ↑                                  → runs, undo
//!                               Findings ─→ Repair
//!  Evidence (Dockerfile, provenance, log, context) ─→ steps ─→ keys ─→ Solution → causes, names,
//!                                                                                 diff
//! ```
//!
//! - [`source`]: parses a `type=…` string or a short form into a [`source::Source`];
//! - [`mod@format`]: bytes to types and back, without I/O;
//! - [`backend`]: the stores, behind one reading trait;
//! - [`inventory`]: the result of a scan: refs, records, layers, blobs, their sizes and states;
//! - [`retention`]: decides which refs are kept, with reasons;
//! - [`prune`]: makes plans of deletions, and is the only place that executes them;
//! - [`explain`]: computes cache keys from a build's own description, and derives step names,
//!   changes between refs, and the causes of misses;
//! - [`explain::load`]: fetches and combines the evidence for an explanation;
//! - [`check`]: finds faults of a cache, dangers to its builds, and waste;
//! - [`find`]: finds the caches that the files of a repository declare, and mistakes in them;
//! - [`report`]: results in the formats of other programs, with one renderer per format;
//! - [`cli`] and [`mod@tui`]: the two user interfaces, which only read input and show results;
//! - [`config`], [`error`], [`progress`], [`logging`] and [`text`]: shared by all modules.
//!
//! # Glossary
//!
//! - *ref*: a name that a build imports; *previous version* (`main~1`): content that a tag had
//!   before;
//! - *record*, *result*, *step*: as in BuildKit; a step is a record with its name;
//! - *live*, *orphan*, *missing*: reached from a ref, reached by no ref, referenced but not stored;
//! - *withheld*: stored, but the store does not let us read it;
//! - *delete*, *keep*, *wait*: the decisions of a plan;
//! - *excluded*: removed from a plan by the user; *skipped*: not deleted by a run because it
//!   changed;
//! - *trash*: where deleted blobs of a local cache wait; *restore*: bring back from there, or from
//!   old versions of a bucket;
//! - *lock* and *lease*: keep two prunes of a local store, or of a bucket, apart;
//! - *evidence*: provenance, log, Dockerfile or context of a build;
//! - *verdict* and *cause*: hit, miss or undecided, and the reason of a miss.

// Elsewhere the library is empty, so that the one error is that of `main.rs`.
#![cfg(unix)]

pub mod backend;
pub mod check;
pub mod cli;
pub mod config;
pub mod error;
pub mod explain;
pub mod find;
pub mod format;
pub mod inventory;
pub mod logging;
pub mod progress;
pub mod prune;
pub mod report;
pub mod retention;
pub mod source;
pub mod text;
pub mod tui;
