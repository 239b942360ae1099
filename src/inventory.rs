//! What a scan found, and how rows of it are chosen.

pub mod filter;
