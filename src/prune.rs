//! Deletion in two phases: plan first, then execute.
//!
//! [`plan`] turns an inventory, verdicts and a time into a [`plan::Plan`]: a proved value that
//! lists every deletion with its reasons. Only [`execute`] deletes. [`journal`] records each step,
//! so an interrupted run can resume, and [`undo`] can restore what it deleted. [`records`] prunes
//! within refs, and [`repair`] plans fixes for the findings of a check.

pub mod draft;
pub mod execute;
pub mod journal;
mod live;
mod options;
pub mod plan;
mod proof;
pub mod records;
pub mod repair;
pub mod rewrite;
pub mod runs;
pub mod undo;

pub use live::{MarkError, blobs_needed_by_others};
pub use proof::CLOCK_TOLERANCE;
