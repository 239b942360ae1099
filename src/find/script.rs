//! Follows a shell script without running it.
//!
//! Variables hold every value that they may have: a branch with an unknown condition adds its
//! values to those of the others. Functions are followed at their calls.

mod called;
mod expand;
mod manifests;
mod output;
mod run;
mod texts;
mod variables;

use std::collections::{HashMap, HashSet};

use super::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::shell::{self, List, Word};
use output::OutputBlock;

use variables::ScriptVariables;
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
#[derive(Debug, Default)]
pub(super) struct Invocation {
    pub(super) slots: Vec<Slot>,
    /// The variables set for this command, and the exported ones.
    pub(super) environment: HashMap<String, String>,
    /// The conditions under which it runs.
    pub(super) when: Vec<String>,
    /// The files of the script that it is part of, if another script runs that one.
    pub(super) scripts: Vec<u32>,
}

impl Invocation {
    /// Returns the invocation of words that always run.
    pub(super) fn of_words(words: impl IntoIterator<Item = Located>) -> Self {
        let slot = |text: Located| {
            vec![vec![ScriptWord {
                text,
                when: Vec::new(),
            }]]
        };
        Self {
            slots: words.into_iter().map(slot).collect(),
            ..Self::default()
        }
    }

    /// Returns where it begins.
    pub(super) fn place(&self) -> Option<TextPlace> {
        let mut words = self.slots.iter().flatten().flatten();
        words.next().map(|word| word.text.place())
    }
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
    variables: ScriptVariables,
    functions: HashMap<String, (List, bool)>,
    positional: Vec<Vec<Variant>>,
    has_positional: bool,
    guards: Vec<String>,
    commands: usize,
    depth: usize,
    directory: String,
    /// The variables that commands get.
    exported: HashSet<String>,
    /// Whether the scripts of the repository that it runs are followed.
    pub(super) follows_calls: bool,
    /// The files that it is read from, if another script runs it.
    files: Vec<u32>,
    /// The words that name the file to which the output of the current commands goes.
    redirected: Vec<Word>,
    /// A value of several lines that is being written to such a file.
    block: Option<OutputBlock>,
    /// What the commands of `$( … )` print; `None` outside of one, and where that is not known.
    captured: Option<Vec<Variant>>,
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
            exported: environment.iter().map(|(name, _)| name.clone()).collect(),
            follows_calls: false,
            files: Vec::new(),
            redirected: Vec::new(),
            block: None,
            captured: None,
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
