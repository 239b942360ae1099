//! Computes cache keys from a build's own description and explains cache hits and misses with them.
//!
//! BuildKit names everything in a cache by SHA-256 only. [`keys`] computes those digests from the
//! operations in provenance and from the files of a [`context`]. [`matching`] finds the records
//! that stand for each step, as BuildKit's solver would. [`names`] labels them with the
//! instructions of the Dockerfile ([`outline`](crate::format::dockerfile::outline)). [`evidence`]
//! combines these. [`diff`] compares two refs. [`solve`] finds which steps of a build run, and
//! [`cause`] why. Causes include changes in the texts of a build ([`text_diff`]), without anything
//! that looks like a secret ([`crate::text::secrets`]).

pub mod cause;
pub mod context;
pub mod diff;
pub mod evidence;
pub mod frontend;
pub mod history;
pub mod keys;
pub mod load;
pub mod matching;
pub mod names;
pub mod sizes;
pub mod solve;
pub mod text_diff;
pub mod undecided;
