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
pub mod backend;
pub mod cli;
pub mod config;
pub mod error;
pub mod format;
pub mod inventory;
pub mod logging;
pub mod nearest;
pub mod progress;
pub mod source;
pub mod units;
