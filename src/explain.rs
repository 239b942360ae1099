//! Cache keys computed again from a build's own description, and what follows from them.
//!
//! BuildKit names everything in a cache by SHA-256 only. [`keys`] computes those digests from the operations that
//! provenance holds, and from the files of a [`context`]; [`matching`] finds the records that stand for each step as
//! BuildKit's solver would, and [`names`] gives them the words of the Dockerfile ([`dockerfile`]). [`evidence`] puts them
//! together. [`diff`] tells what changed between two refs. [`solve`] tells which steps of a build run, and [`cause`] why,
//! with what changed in the texts of a build ([`text_diff`]) but not what looks like a secret in them ([`secrets`]).

pub mod cause;
pub mod context;
pub mod diff;
pub mod dockerfile;
pub mod evidence;
pub mod keys;
pub mod matching;
pub mod names;
pub mod secrets;
pub mod solve;
pub mod text_diff;
