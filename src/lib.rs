//! cachelens opens BuildKit remote caches, shows what is in them, and says what is waste.
//!
//! The folders are rooms, in the order in which data walks through them:
//!
//! ```text
//!  Source ─open→ Backend ─scan→ Inventory ─────────────────────────────→ ls, du, show, terminal UI
//!                                   │
//!         Evidence (provenance) ────┴→ step names
//! ```
//!
//! - [`source`]: what the user names, a `type=…` string or a short form, becomes a [`source::Source`];
//! - [`format`](mod@format): bytes to types and back, without input or output;
//! - [`backend`]: where caches live, behind one reading trait;
//! - [`inventory`]: what a scan found: refs, records, layers, blobs, their sizes and states;
//! - [`explain`]: cache keys computed again from a build's own description, and the step names that follow;
//! - [`cli`] and [`tui`]: the two faces, which decide nothing.

pub mod backend;
pub mod explain;
pub mod format;
pub mod inventory;
pub mod units;
