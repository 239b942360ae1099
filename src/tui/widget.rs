//! Parts of screens. They draw all text through [`text`], which makes text from a store safe for a
//! terminal.

pub mod detail;
pub mod histogram;
pub mod input;
pub mod meter;
pub mod popup;
pub mod scrollbar;
pub mod stages;
pub mod table;
pub mod text;
pub mod treemap;
