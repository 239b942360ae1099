//! Pieces of screens. Whatever they draw goes through [`text`], where text from a store is made fit for a terminal.

pub mod detail;
pub mod histogram;
pub mod input;
pub mod meter;
pub mod popup;
pub mod table;
pub mod text;
