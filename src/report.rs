//! Output in the formats of other programs, with one renderer per format for all commands.
//!
//! The findings of a store ([`crate::check`]) and the mistakes of a repository ([`crate::find`])
//! become [`Issue`]s, which are written as annotations, SARIF, `JUnit` or Markdown. So do the
//! misses of a build ([`why_issues`]), and a [`plan`] with its outcome. An explanation ([`why`]) is
//! also written as annotations and as a page of Markdown. A [`page`] reports everything about some
//! sources. Each renderer escapes untrusted text for its format.

pub mod documents;
pub mod file;
pub mod github;
pub mod issue;
pub mod junit;
pub mod markdown;
pub mod page;
pub mod plan;
pub mod sarif;
pub mod why;
pub mod why_history;
pub mod why_issues;

pub use issue::{Issue, IssueLevel};
