//! cachelens opens BuildKit remote caches, shows what is in them, and says what is waste.
//!
//! The folders are rooms, in the order in which data walks through them:
//!
//! ```text
//!  Source ─open→ Backend ─scan→ Inventory ──────┬──────→ ls, du, show, terminal UI
//!                                               │
//!         Evidence (provenance) ─→ cache keys ──┴→ step names
//! ```
//!
//! - [`source`]: what the user names, a `type=…` string or a short form, becomes a [`source::Source`];
//! - [`mod@format`]: bytes to types and back, without input or output;
//! - [`backend`]: where caches live, behind one reading trait;
//! - [`inventory`]: what a scan found: refs, records, layers, blobs, their sizes and states;
//! - [`explain`]: cache keys computed again from a build's own description, and the step names that follow;
//! - [`cli`] and [`mod@tui`]: the two faces, which decide nothing;
//! - beside them [`config`], [`error`], [`progress`], [`logging`], [`units`] and [`nearest`], each of which says what it is.

pub mod backend;
pub mod cli;
pub mod config;
pub mod error;
pub mod explain;
pub mod format;
pub mod inventory;
pub mod logging;
pub mod nearest;
pub mod progress;
pub mod source;
pub mod tui;
pub mod units;
