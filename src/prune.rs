//! Deleting, decided first and done later.
//!
//! [`plan`] turns an inventory, verdicts and a time into a [`plan::Plan`]: a value that says what goes and why, which was
//! proved before anybody got hold of it. [`execute`] carries one out, and is the only place that takes a
//! [`crate::backend::CachePruner`]. [`journal`] keeps what was done, so that a run that was killed can go on and what is
//! still in the trash can come back ([`undo`]). [`records`] prunes inside of refs.

pub mod draft;
pub mod execute;
pub mod journal;
mod live;
pub mod plan;
pub mod records;
pub mod undo;

pub use live::{MarkError, needed_beside};
