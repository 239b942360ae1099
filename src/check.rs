//! Whether builds can use a cache, and what is dangerous to them or a waste of room.
//!
//! Each thing that is found is a [`Finding`]: a stable [`Code`], how much it weighs, what it is about, and what to do.

mod code;
mod finding;
pub mod lifecycle;

pub use code::{Code, Severity};
pub use finding::Finding;
