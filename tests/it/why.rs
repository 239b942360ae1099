//! Explanations, compared with real events, and their output.

mod assumed;
mod before;
mod changed;
mod defaults;
mod evidence;
mod files;
mod formats;
mod forms;
mod from_command;
pub(crate) mod from_dockerfile;
mod histories;
mod history;
mod imports;
mod logged;
mod output;
mod recorded;
mod situations;
mod verdicts;
