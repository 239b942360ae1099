//! cachelens opens BuildKit remote caches, shows what is in them, and says what is waste.
//!
//! The folders are rooms, in the order in which data walks through them:
//!
//! ```text
//!  Source ─open→ Backend ─scan→ Inventory ──────┬──────→ ls, du, show, terminal UI
//!                                   │           │
//!                     Policy + now ─┴→ Verdicts ┴→ Plan ─confirm→ Execute → Journal, Outcome
//!                                               │
//!   Evidence (provenance, log, context) ─→ keys ┴→ step names, why, diff
//! ```
//!
//! - [`source`]: what the user names, a `type=…` string or a short form, becomes a [`source::Source`];
//! - [`mod@format`]: bytes to types and back, without input or output;
//! - [`backend`]: where caches live, behind one reading trait;
//! - [`inventory`]: what a scan found: refs, records, layers, blobs, their sizes and states;
//! - [`retention`]: which refs stay, and the reason of each;
//! - [`prune`]: what goes and why as a plan, and the one place that carries it out;
//! - [`explain`]: cache keys computed again from a build's own description, the step names that follow, what changed between
//!   refs, and which steps run and why;
//! - [`check`]: what is wrong with a cache, dangerous to its builds, or a waste;
//! - [`context`]: build contexts on disk, read as BuildKit's client reads them;
//! - [`evidence`]: what builds leave behind, read from files;
//! - [`why`]: fetches what an explanation needs, and puts it together;
//! - [`cli`] and [`mod@tui`]: the two faces, which decide nothing;
//! - beside them [`config`], [`error`], [`progress`], [`logging`], [`units`], [`nearest`] and [`pattern`], each of which says what it is.

pub mod backend;
pub mod check;
pub mod cli;
pub mod config;
pub mod context;
pub mod error;
pub mod evidence;
pub mod explain;
pub mod format;
pub mod inventory;
pub mod logging;
pub mod nearest;
pub mod pattern;
pub mod progress;
pub mod prune;
pub mod retention;
pub mod source;
pub mod tui;
pub mod units;
pub mod why;
