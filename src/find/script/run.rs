//! Follows the commands of a script.

use super::expand::describe;
use super::variables::{merge, unite};
use super::{DEPTH, Invocation, Item, MOST_COMMANDS, Output, Script, Slot, Variable, Variant};
use crate::find::repository::{directory, join};
use crate::format::located::{Located, Place};
use crate::format::shell::{self, Assigned, Assignment, Command, Join, List, Simple, Word};
use crate::format::unknown::{has_mark, only_mark};

/// The most rounds of a loop over known words.
const MOST_ROUNDS: usize = 64;

impl Script<'_, '_> {
    pub(super) fn follow_list(&mut self, list: &List) {
        let mut previous: Option<&[Command]> = None;
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

    /// Follows the commands after `&&` or `||` of a test.
    fn guarded(&mut self, test: &Simple, wanted: bool, pipeline: &[Command]) {
        match self.known(test) {
            Some(result) if result != wanted => {}
            Some(_) => self.follow_pipeline(pipeline),
            None => {
                let condition = words_of(test);
                let condition = if wanted {
                    condition
                } else {
                    format!("not {condition}")
                };
                let before = self.variables.clone();
                self.guards.push(condition);
                self.follow_pipeline(pipeline);
                self.guards.pop();
                let after = std::mem::take(&mut self.variables);
                self.variables = merge(vec![before, after]);
            }
        }
    }

    fn follow_pipeline(&mut self, pipeline: &[Command]) {
        for command in pipeline {
            self.follow_command(command);
        }
    }

    fn follow_command(&mut self, command: &Command) {
        self.commands += 1;
        if self.commands > MOST_COMMANDS {
            return;
        }
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Group(list) => self.follow_list(list),
            Command::Function { name, body } => {
                self.functions.insert(name.clone(), (body.clone(), false));
            }
            Command::If { arms, otherwise } => self.conditional(arms, otherwise),
            Command::While { condition, body } => {
                let before = self.variables.clone();
                self.follow_list(condition);
                self.follow_list(body);
                let after = std::mem::take(&mut self.variables);
                self.variables = merge(vec![before, after]);
            }
            Command::For {
                variable,
                words,
                body,
            } => self.repeated(variable, words, body),
            Command::Case { subject, arms } => self.case(subject, arms),
        }
    }

    fn conditional(&mut self, arms: &[(List, List)], otherwise: &List) {
        let before = self.variables.clone();
        let mut branches = Vec::new();
        let mut denied = Vec::new();
        for (condition, body) in arms {
            let known = single(condition).and_then(|test| self.known(test));
            if known == Some(false) {
                continue;
            }
            self.variables = before.clone();
            self.follow_list(condition);
            let text = describe(condition);
            if known.is_none() {
                self.guards.push(text.clone());
            }
            self.follow_list(body);
            if known.is_none() {
                self.guards.pop();
                denied.push(text);
            }
            branches.push(std::mem::take(&mut self.variables));
            if known == Some(true) {
                self.variables = merge(branches);
                return;
            }
        }
        self.variables = before;
        let guard = (!denied.is_empty()).then(|| format!("not {}", denied.join(" and not ")));
        let guarded = guard.is_some() && !otherwise.is_empty();
        if guarded {
            self.guards.extend(guard);
        }
        self.follow_list(otherwise);
        if guarded {
            self.guards.pop();
        }
        branches.insert(0, std::mem::take(&mut self.variables));
        self.variables = merge(branches);
    }

    fn repeated(&mut self, variable: &str, words: &[Word], body: &List) {
        let mut values = Vec::new();
        let mut open = words.is_empty();
        for word in words {
            for alternative in self.slot(word) {
                for item in alternative {
                    let text = item.text.as_str();
                    open |= has_mark(text) || text.contains(['*', '?', '{']);
                    values.push(item);
                }
            }
        }
        if open || values.len() > MOST_ROUNDS {
            let place = words.first().map(|word| word.place).unwrap_or_default();
            let text = self.session.unknown(variable, place);
            self.variables.insert(
                variable.to_owned(),
                Variable::Scalar(vec![Variant::of(text)]),
            );
            self.follow_list(body);
            return;
        }
        for item in values {
            let variant = Variant {
                text: item.text,
                when: item.when,
                sure: true,
            };
            self.variables
                .insert(variable.to_owned(), Variable::Scalar(vec![variant]));
            self.follow_list(body);
        }
    }

    fn case(&mut self, subject: &Word, arms: &[(Vec<Word>, List)]) {
        let values = self.values(subject);
        let known = match values.as_slice() {
            [value] if value.sure && !has_mark(value.text.as_str()) => {
                Some(value.text.as_str().to_owned())
            }
            _ => None,
        };
        let before = self.variables.clone();
        let mut branches = vec![before.clone()];
        for (patterns, body) in arms {
            let texts: Option<Vec<String>> = patterns.iter().map(Word::literal).collect();
            let matched = match (&known, texts) {
                (Some(value), Some(texts)) => {
                    let decided = texts
                        .iter()
                        .all(|text| text == "*" || !text.contains(['*', '?', '[']));
                    decided.then(|| texts.iter().any(|text| text == "*" || text == value))
                }
                _ => None,
            };
            if matched == Some(false) {
                continue;
            }
            self.variables.clone_from(&before);
            if matched == Some(true) {
                self.follow_list(body);
                return;
            }
            let patterns: Vec<&str> = patterns.iter().map(|word| word.source.as_str()).collect();
            self.guards
                .push(format!("{} is {}", subject.source, patterns.join(" or ")));
            self.follow_list(body);
            self.guards.pop();
            branches.push(std::mem::take(&mut self.variables));
        }
        self.variables = merge(branches);
    }

    /// Decides a test if its words are known and cannot be changed from outside.
    fn known(&mut self, test: &Simple) -> Option<bool> {
        let mut words = Vec::new();
        for word in &test.words {
            let values = self.values(word);
            let [value] = values.as_slice() else {
                return None;
            };
            if !value.sure || has_mark(value.text.as_str()) {
                return None;
            }
            words.push(value.text.as_str().to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["true" | ":"] => Some(true),
            ["false"] => Some(false),
            ["[" | "test", left, "=" | "==", right, ..] => Some(left == right),
            ["[" | "test", left, "!=", right, ..] => Some(left != right),
            ["[" | "test", "-z", text, ..] => Some(text.is_empty()),
            ["[" | "test", "-n", text, ..] => Some(!text.is_empty()),
            _ => None,
        }
    }

    fn assign(&mut self, assignment: &Assignment) {
        let name = &assignment.name;
        match &assignment.value {
            Assigned::Array(words) => {
                let mut elements = match self.variables.remove(name) {
                    Some(Variable::Array(elements)) if assignment.append => elements,
                    _ => Vec::new(),
                };
                for word in words {
                    for mut item in self.slot(word).into_iter().flatten() {
                        for guard in &self.guards {
                            if !item.when.contains(guard) {
                                item.when.push(guard.clone());
                            }
                        }
                        let known = elements.iter().any(|e: &Item| e.text == item.text);
                        if !known
                            || word.literal().is_none()
                            || !item.text.as_str().starts_with("type=")
                        {
                            elements.push(item);
                        }
                    }
                }
                elements.truncate(500);
                self.variables
                    .insert(name.clone(), Variable::Array(elements));
            }
            Assigned::Scalar(word) => self.assign_scalar(name, word, assignment.append),
        }
    }

    fn assign_scalar(&mut self, name: &str, word: &Word, append: bool) {
        let mut values = self.values(word);
        for value in &mut values {
            self.named(name, value);
            for guard in &self.guards {
                if !value.when.contains(guard) {
                    value.when.push(guard.clone());
                }
            }
            value.sure &= self.guards.is_empty();
        }
        if append {
            match self.variables.get(name) {
                Some(Variable::Scalar(before)) => {
                    let mut joined = Vec::new();
                    for first in before {
                        for second in &values {
                            let mut next = first.clone();
                            next.text.push(&second.text);
                            for condition in &second.when {
                                if !next.when.contains(condition) {
                                    next.when.push(condition.clone());
                                }
                            }
                            joined.push(next);
                        }
                    }
                    joined.truncate(super::variables::MOST_VARIANTS);
                    values = joined;
                }
                Some(Variable::Array(_)) | None => {}
            }
        }
        let values = unite(Vec::new(), values);
        self.variables
            .insert(name.to_owned(), Variable::Scalar(values));
    }

    fn simple(&mut self, simple: &Simple) {
        if simple.words.is_empty() || declares(simple) {
            for assignment in &simple.assignments {
                self.assign(assignment);
            }
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
        if self.depth < DEPTH && self.is_followed(&first, simple, &slots) {
            return;
        }
        if is_printing(&first) {
            self.output(simple, &slots);
            return;
        }
        let environment = self.environment(simple);
        self.invocations.push(Invocation {
            slots,
            environment,
            when: self.guards.clone(),
        });
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
            let arguments = slots[1..].iter().flat_map(arguments).collect();
            self.call(first, Some(arguments));
            return true;
        }
        match first {
            "eval" => {
                let text = joined(&slots[1..]);
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
                if !self.positional.is_empty() {
                    self.positional.remove(0);
                }
                true
            }
            "." | "source" => {
                self.sourced(slots);
                true
            }
            _ => self.runs_text(first, simple, slots),
        }
    }

    /// Returns the output of `$( … )`, if its commands only print.
    pub(super) fn substituted(&mut self, list: &List, source: &str, place: Place) -> Vec<Variant> {
        if let Some(text) = self.printed(list, 0) {
            return text;
        }
        self.follow_subshell(list);
        vec![Variant::of(self.session.unknown(source, place))]
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
        // `$(dirname "$0")/lib.sh` and `${BASH_SOURCE%/*}/lib.sh`: the directory of the script.
        let path = match path.split_once('/') {
            Some((head, tail)) if only_mark(head).is_some() => tail.to_owned(),
            _ => path,
        };
        if has_mark(&path) {
            return;
        }
        let candidates = [join(&self.directory, &path), join("", &path)];
        for file in candidates.into_iter().flatten() {
            if let Some(text) = self.session.repository.read(&file) {
                let place = Place::new(self.session.repository.number(&file), 1);
                let source = Located::lines(text.as_ref(), place);
                let outer = std::mem::replace(&mut self.directory, directory(&file).to_owned());
                self.inner(&source);
                self.directory = outer;
                return;
            }
        }
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

    /// Keeps `echo "name=value" >> "$GITHUB_OUTPUT"`.
    fn output(&mut self, simple: &Simple, slots: &[Slot]) {
        let Some(target) = simple.outputs.first() else {
            return;
        };
        let target = target
            .source
            .trim_matches(['"', '$', '{', '}', '\''])
            .to_owned();
        if !matches!(target.as_str(), "GITHUB_OUTPUT" | "GITHUB_ENV") {
            return;
        }
        for alternative in slots.get(1).into_iter().flatten() {
            let Some(item) = alternative.first() else {
                continue;
            };
            let Some((name, _)) = item.text.as_str().split_once('=') else {
                continue;
            };
            let text = item.text.slice(name.len() + 1, item.text.len());
            let mut when = item.when.clone();
            when.extend(self.guards.iter().cloned());
            self.outputs.push(Output {
                file: target.clone(),
                name: name.to_owned(),
                value: Item { text, when },
            });
        }
    }
}

fn as_test(pipeline: &[Command]) -> Option<&Simple> {
    let [Command::Simple(simple)] = pipeline else {
        return None;
    };
    let first = simple.words.first()?;
    let is_test = first.bare().is_some_and(|word| {
        matches!(word, "[" | "test" | "true" | "false") || word.starts_with("[[")
    });
    is_test.then_some(simple)
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
fn arguments(slot: &Slot) -> Vec<Vec<Variant>> {
    let longest = slot.iter().map(Vec::len).max().unwrap_or_default();
    let variant = |item: &Item| Variant {
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
