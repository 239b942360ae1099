//! Follows the commands of a script.

use super::output;
use super::variables::merge;
use super::{DEPTH, Invocation, MOST_COMMANDS, Script, ScriptWord, Slot, Variable, Variant};
use crate::find::repository::{directory, join};
use crate::format::located::{Located, TextPlace};
use crate::format::shell;
use crate::format::shell::{
    Assigned, Join, List, ShellCommand, Simple, VariableChange, Word, WordPart,
};
use crate::format::unknown::{has_mark, is_mark, only_mark};

mod assign;
mod compound;
mod input;
mod narrow;

use compound::as_test;

/// The most rounds of a loop over known words.
const MOST_ROUNDS: usize = 64;

impl Script<'_, '_> {
    pub(super) fn follow_list(&mut self, list: &List) {
        let mut previous: Option<&[ShellCommand]> = None;
        for step in list {
            if self.commands >= MOST_COMMANDS {
                return;
            }
            let test = previous.and_then(as_test);
            match (step.join, test) {
                (Join::And, Some(test)) => self.guarded(test, true, &step.pipeline),
                (Join::Or, Some(test)) => self.guarded(test, false, &step.pipeline),
                _ => self.follow_pipeline(&step.pipeline),
            }
            if step.join == Join::Always || test.is_none() {
                previous = Some(&step.pipeline);
            }
        }
    }

    fn follow_pipeline(&mut self, pipeline: &[ShellCommand]) {
        self.manifests(pipeline);
        if pipeline.len() > 1 {
            self.captured = None;
        }
        let file = output::teed(pipeline);
        let outer = file.map(|file| std::mem::replace(&mut self.redirected, file));
        for command in pipeline {
            self.follow_command(command);
        }
        if let Some(outer) = outer {
            self.redirected = outer;
        }
    }

    fn follow_command(&mut self, command: &ShellCommand) {
        self.commands += 1;
        if self.commands > MOST_COMMANDS {
            return;
        }
        match command {
            ShellCommand::Simple(simple) => self.simple(simple),
            ShellCommand::Group(list) => self.follow_list(list),
            ShellCommand::Redirected { command, outputs } => {
                let outer = std::mem::replace(&mut self.redirected, outputs.clone());
                self.follow_command(command);
                self.redirected = outer;
            }
            ShellCommand::Function { name, body } => {
                self.functions.insert(name.clone(), (body.clone(), false));
            }
            ShellCommand::If { arms, otherwise } => self.conditional(arms, otherwise),
            ShellCommand::While { condition, body } => {
                let before = self.variables.clone();
                self.follow_list(condition);
                self.follow_list(body);
                let after = std::mem::take(&mut self.variables);
                self.variables = merge(vec![before, after]);
            }
            ShellCommand::For {
                variable,
                words,
                body,
            } => self.repeated(variable, words, body),
            ShellCommand::Case { subject, arms } => self.case(subject, arms),
        }
    }

    fn simple(&mut self, simple: &Simple) {
        if simple.words.is_empty() || declares(simple) {
            for assignment in &simple.assignments {
                self.assign(assignment);
            }
            self.export(simple);
            if simple.words.is_empty() || !is_environment(simple) {
                return;
            }
        }
        let mut slots: Vec<Slot> = Vec::new();
        for word in &simple.words {
            let slot = self.slot(word);
            slots.push(slot);
        }
        let Some(first) = first_word(&slots) else {
            return;
        };
        if first == "xargs" {
            self.replace_placeholder(&mut slots);
        }
        if self.depth < DEPTH && self.follows_calls {
            self.call_script(simple, &slots);
        }
        if self.depth < DEPTH && self.is_followed(&first, simple, &slots) {
            return;
        }
        if first == ":" {
            self.set_defaults(simple);
        }
        if is_printing(&first) {
            self.output(simple);
            return;
        }
        let environment = self.environment(simple);
        self.invocations.push(Invocation {
            slots,
            environment,
            when: self.guards.clone(),
            scripts: self.files.clone(),
        });
    }

    /// `: "${NAME=default}"` sets a variable that is not set.
    fn set_defaults(&mut self, simple: &Simple) {
        for part in simple.words.iter().flat_map(|word| &word.parts) {
            if let WordPart::Variable {
                name,
                change: VariableChange::Default { word, .. },
                ..
            } = part
                && !self.variables.contains_key(name)
            {
                let mut values = self.values(word);
                for value in &mut values {
                    value.sure = false;
                }
                let values = Variable::Scalar(values);
                self.variables.insert(name.clone(), values);
            }
        }
    }

    fn environment(&mut self, simple: &Simple) -> std::collections::HashMap<String, String> {
        let mut environment = std::collections::HashMap::new();
        for name in [
            "DOCKER_BUILDKIT",
            "COMPOSE_DOCKER_CLI_BUILD",
            "EARTHLY_REMOTE_CACHE",
            "EARTHLY_PUSH",
        ] {
            if let Some(Variable::Scalar(variants)) = self.variables.get(name)
                && let [only] = variants.as_slice()
            {
                environment.insert(name.to_owned(), only.text.as_str().to_owned());
            }
        }
        for assignment in &simple.assignments {
            if let Assigned::Scalar(word) = &assignment.value
                && let Some(text) = word.literal()
            {
                environment.insert(assignment.name.clone(), text);
            }
        }
        environment
    }

    /// Follows functions, sourced files and commands that run other commands.
    fn is_followed(&mut self, first: &str, simple: &Simple, slots: &[Slot]) -> bool {
        if self.functions.contains_key(first) {
            // `"$@"` passes on arguments that are not known here.
            let passes_all = |word: &Word| matches!(word.source.as_str(), "\"$@\"" | "$@" | "$*");
            let is_open = !self.has_positional && simple.words[1..].iter().all(passes_all);
            let is_open = is_open && simple.words.len() > 1;
            let arguments = slots[1..].iter().flat_map(arguments).collect();
            self.call(first, (!is_open).then_some(arguments));
            return true;
        }
        match first {
            "eval" => {
                let text = without_indirection(&joined(&slots[1..]));
                self.inner(&text);
                true
            }
            "set" => {
                let dashes = simple
                    .words
                    .iter()
                    .position(|word| word.bare() == Some("--"));
                if let Some(at) = dashes {
                    self.positional = slots[at + 1..].iter().flat_map(arguments).collect();
                    self.has_positional = true;
                }
                true
            }
            "shift" => {
                let count = simple.words.get(1).and_then(Word::bare);
                let count = count.and_then(|word| word.parse().ok()).unwrap_or(1);
                let count = self.positional.len().min(count);
                self.positional.drain(..count);
                true
            }
            "." | "source" => {
                self.sourced(slots);
                true
            }
            "read" => self.read_words(simple),
            "mapfile" | "readarray" => self.read_lines(simple),
            _ => self.runs_text(first, simple, slots),
        }
    }

    /// Returns the output of `$( … )`, if its commands only print.
    pub(super) fn substituted(
        &mut self,
        list: &List,
        source: &str,
        place: TextPlace,
    ) -> Vec<Variant> {
        if let Some(text) = self.printed(list, 0) {
            return text;
        }
        let known = self.invocations.len();
        let outer = self.captured.replace(Vec::new());
        self.follow_subshell(list);
        let captured = std::mem::replace(&mut self.captured, outer);
        let is_silent = |invocation: &Invocation| {
            first_word(&invocation.slots).is_some_and(|word| output::is_silent(&word))
        };
        let captured = captured
            .filter(|lines| !lines.is_empty() && self.invocations[known..].iter().all(is_silent));
        captured.unwrap_or_else(|| vec![Variant::of(self.session.unknown(source, place))])
    }

    /// Follows the commands of `$( … )`. They run, even if what they print is not known; their
    /// variables are their own.
    fn follow_subshell(&mut self, list: &List) {
        if self.depth < DEPTH {
            let before = self.variables.clone();
            self.depth += 1;
            self.follow_list(list);
            self.depth -= 1;
            self.variables = before;
        }
    }

    pub(super) fn inner(&mut self, text: &Located) {
        self.depth += 1;
        self.follow_list(&shell::parse(text));
        self.depth -= 1;
    }

    fn sourced(&mut self, slots: &[Slot]) {
        let Some(path) = slots
            .get(1)
            .and_then(|slot| Some(slot.first()?.first()?.text.as_str().to_owned()))
        else {
            return;
        };
        let Some((file, source)) = self.file_at(&path) else {
            return;
        };
        if !self.files.is_empty() {
            self.files.push(source.place().file);
        }
        let outer = std::mem::replace(&mut self.directory, directory(&file).to_owned());
        self.inner(&source);
        self.directory = outer;
    }

    /// Reads a file of the repository that a script names.
    pub(super) fn file_at(&self, path: &str) -> Option<(String, Located)> {
        // `$(dirname "$0")/lib.sh` and `${BASH_SOURCE%/*}/lib.sh`: the directory of the script.
        let path = match path.split_once('/') {
            Some((head, tail)) if only_mark(head).is_some() => tail,
            _ => path,
        };
        if has_mark(path) {
            return None;
        }
        let repository = self.session.repository;
        let candidates = [join(&self.directory, path), join("", path)];
        candidates.into_iter().flatten().find_map(|file| {
            let text = repository.read(&file)?;
            let place = TextPlace::new(repository.number(&file), 1);
            Some((file, Located::lines(text.as_ref(), place)))
        })
    }

    /// Follows the body of a function.
    pub(super) fn call(&mut self, name: &str, arguments: Option<Vec<Vec<Variant>>>) {
        let Some((body, called)) = self.functions.get_mut(name) else {
            return;
        };
        *called = true;
        let body = body.clone();
        let given = arguments.is_some();
        let outer = std::mem::replace(&mut self.positional, arguments.unwrap_or_default());
        let had = std::mem::replace(&mut self.has_positional, given);
        self.depth += 1;
        self.follow_list(&body);
        self.depth -= 1;
        self.positional = outer;
        self.has_positional = had;
    }
}

fn single(list: &List) -> Option<&Simple> {
    match list.as_slice() {
        [step] => as_test(&step.pipeline),
        _ => None,
    }
}

fn words_of(simple: &Simple) -> String {
    let words: Vec<&str> = simple
        .words
        .iter()
        .map(|word| word.source.as_str())
        .collect();
    words.join(" ").chars().take(80).collect()
}

fn declares(simple: &Simple) -> bool {
    let first = simple.words.first().and_then(Word::bare);
    !simple.assignments.is_empty()
        && first.is_some_and(|word| {
            matches!(
                word,
                "export" | "local" | "readonly" | "declare" | "typeset" | "setenv"
            )
        })
}

fn is_environment(simple: &Simple) -> bool {
    simple.words.first().and_then(Word::bare) == Some("env")
}

/// Whether a command only prints or ignores its words.
fn is_printing(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    matches!(
        name,
        "echo"
            | "printf"
            | "print"
            | ":"
            | "cat"
            | "grep"
            | "egrep"
            | "sed"
            | "awk"
            | "logger"
            | "test"
            | "["
    ) || name.starts_with("[[")
        || name.starts_with("log_")
        || matches!(
            name,
            "log"
                | "info"
                | "warn"
                | "die"
                | "error"
                | "say"
                | "usage"
                | "notice"
                | "debug"
                | "fail"
                | "Write-Host"
                | "Write-Output"
        )
}

fn first_word(slots: &[Slot]) -> Option<String> {
    slots
        .iter()
        .find_map(|slot| Some(slot.first()?.first()?.text.as_str().to_owned()))
}

/// The arguments that a slot passes on, each with its values.
pub(super) fn arguments(slot: &Slot) -> Vec<Vec<Variant>> {
    let longest = slot.iter().map(Vec::len).max().unwrap_or_default();
    let variant = |item: &ScriptWord| Variant {
        text: item.text.clone(),
        when: item.when.clone(),
        sure: slot.len() == 1,
    };
    let at = |index: usize| {
        slot.iter()
            .filter_map(|words| words.get(index))
            .map(variant)
            .collect()
    };
    (0..longest).map(at).collect()
}

/// Removes the `$` in front of an unknown name, as in `eval "A=\$$B"`: the value of that variable is
/// not known either.
fn without_indirection(text: &Located) -> Located {
    let source = text.as_str();
    let mut plain = Located::default();
    let mut start = 0;
    for (at, _) in source.match_indices('$') {
        if source[at + 1..].chars().next().is_some_and(is_mark) {
            plain.push(&text.slice(start, at));
            start = at + 1;
        }
    }
    plain.push(&text.slice(start, source.len()));
    plain
}

fn joined(slots: &[Slot]) -> Located {
    let mut text = Located::default();
    for item in slots.iter().filter_map(|slot| slot.first()).flatten() {
        if !text.is_empty() {
            text.push_str(" ", item.text.place());
        }
        text.push(&item.text);
    }
    text
}
