//! Follows a shell script without running it.
//!
//! Variables hold every value that they may have: a branch with an unknown condition adds its
//! values to those of the others. Functions are followed at their calls.

mod expand;
mod run;
mod texts;
mod variables;

use std::collections::HashMap;

use super::session::FindSession;
use crate::format::located::Located;
use crate::format::shell::{self, List};

pub(super) use variables::{Variable, Variant};

/// The most commands of one script that are followed.
const MOST_COMMANDS: usize = 20_000;
/// The deepest nesting of functions, `eval` and sourced files.
const DEPTH: usize = 8;

/// A word with its conditions.
#[derive(Debug, Clone)]
pub(super) struct ScriptWord {
    pub(super) text: Located,
    pub(super) when: Vec<String>,
}

/// The possible expansions of a word in a command: alternatives of no, one or several words.
pub(super) type Slot = Vec<Vec<ScriptWord>>;

/// A command with its variables replaced.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) slots: Vec<Slot>,
    /// The variables set for this command, and the exported ones.
    pub(super) environment: HashMap<String, String>,
    /// The conditions under which it runs.
    pub(super) when: Vec<String>,
}

/// A line that a script appends to a file of GitHub Actions.
#[derive(Debug, Clone)]
pub(super) struct ScriptOutput {
    /// `GITHUB_OUTPUT` or `GITHUB_ENV`.
    pub(super) file: String,
    pub(super) name: String,
    pub(super) value: ScriptWord,
}

/// Follows one script.
pub(super) struct Script<'s, 'r> {
    session: &'s FindSession<'r>,
    variables: HashMap<String, Variable>,
    functions: HashMap<String, (List, bool)>,
    positional: Vec<Vec<Variant>>,
    has_positional: bool,
    guards: Vec<String>,
    commands: usize,
    depth: usize,
    directory: String,
    pub(super) invocations: Vec<Invocation>,
    pub(super) outputs: Vec<ScriptOutput>,
}

impl<'s, 'r> Script<'s, 'r> {
    /// Makes a script that starts with variables of its environment.
    pub(super) fn new(
        session: &'s FindSession<'r>,
        environment: &[(String, Vec<Variant>)],
        directory: &str,
    ) -> Self {
        let variables = environment
            .iter()
            .map(|(name, variants)| (name.clone(), Variable::Scalar(variants.clone())));
        Self {
            session,
            variables: variables.collect(),
            functions: HashMap::new(),
            positional: Vec::new(),
            has_positional: false,
            guards: Vec::new(),
            commands: 0,
            depth: 0,
            directory: directory.to_owned(),
            invocations: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Follows a script to its end, then the functions that it did not call.
    pub(super) fn follow(&mut self, source: &Located) {
        self.follow_list(&shell::parse(source));
        loop {
            let uncalled = self.functions.iter().find(|(_, (_, called))| !called);
            let Some(name) = uncalled.map(|(name, _)| name.clone()) else {
                break;
            };
            self.call(&name, None);
        }
    }
}
