//! Scripts of the repository that a command runs, as in `CACHE_TO=… ./scripts/build.sh`.

use super::{Invocation, Script, ScriptWord, Slot, Variable, Variant};
use crate::find::embedded::Environment;
use crate::find::kinds;
use crate::find::repository::directory;
use crate::format::located::Located;
use crate::format::shell::{Assigned, Simple, Word};
use crate::format::unknown::only_mark;

/// The largest script that is followed at its calls, in bytes.
const LARGEST: usize = 256 << 10;

/// Programs that run the script in their arguments.
const RUNNERS: [&str; 14] = [
    "sh", "bash", "zsh", "dash", "ash", "ksh", "sudo", "env", "time", "exec", "nice", "timeout",
    "command", "nohup",
];

impl Script<'_, '_> {
    /// Remembers the variables of `export`.
    pub(super) fn export(&mut self, simple: &Simple) {
        if simple.words.first().and_then(Word::bare) != Some("export") {
            return;
        }
        let assigned = simple.assignments.iter().map(|a| a.name.clone());
        self.exported.extend(assigned);
        let named = simple.words.iter().skip(1).filter_map(Word::literal);
        self.exported.extend(named);
    }

    /// Follows a script in another file with the variables and arguments that it gets, if a cache
    /// may be among them.
    ///
    /// Its commands are marked: only caches whose text is outside of the script belong to the
    /// caller. The others are found when the file is read.
    pub(super) fn call_script(&mut self, simple: &Simple, slots: &[Slot]) {
        let Some((at, path)) = script_of(slots) else {
            return;
        };
        let environment = self.passed_on(simple);
        let arguments: Vec<Vec<Variant>> = slots[at + 1..]
            .iter()
            .flat_map(super::run::arguments)
            .collect();
        let mut given = environment.iter().map(|(_, variants)| variants);
        let holds_cache = given.any(|variants| may_hold_cache(variants))
            || arguments.iter().any(|variants| may_hold_cache(variants));
        if !holds_cache {
            return;
        }
        let Some((file, source)) = self.file_at(&path) else {
            return;
        };
        let is_script = file.ends_with(".sh")
            || file.ends_with(".bash")
            || kinds::is_shell_script(source.as_str());
        let number = source.place().file;
        if !is_script || source.len() > LARGEST || self.files.contains(&number) {
            return;
        }
        self.pass_flags(&slots[at + 1..]);
        let mut called = Script::new(self.session, &environment, directory(&file));
        called.follows_calls = true;
        called.files.clone_from(&self.files);
        called.files.push(number);
        called.positional = arguments;
        called.has_positional = true;
        called.guards.clone_from(&self.guards);
        called.commands = self.commands;
        called.depth = self.depth + 1;
        called.follow(&source);
        self.commands = called.commands;
        self.invocations.append(&mut called.invocations);
        for (name, variants) in &environment {
            if may_hold_cache(variants) {
                self.session.supply(&called.files, name);
            }
        }
    }

    /// Flags for caches among the arguments of a script, as in `./build.sh --cache-from type=gha`,
    /// are for the build that it runs.
    fn pass_flags(&mut self, arguments: &[Slot]) {
        let mut words = arguments.iter().flatten().flatten();
        let is_flag = |word: &ScriptWord| {
            let text = word.text.as_str();
            text.starts_with("--cache-from") || text.starts_with("--cache-to")
        };
        let Some(first) = words.find(|word| is_flag(word)) else {
            return;
        };
        let place = first.text.place();
        let word = |text: &str| ScriptWord {
            text: Located::new(text, place),
            when: Vec::new(),
        };
        let program = ["docker", "buildx", "build"].map(|text| vec![vec![word(text)]]);
        let slots = program.into_iter().chain(arguments.iter().cloned());
        self.invocations.push(Invocation {
            slots: slots.collect(),
            when: self.guards.clone(),
            scripts: self.files.clone(),
            ..Invocation::default()
        });
    }

    /// Returns the exported variables, and those that are set for one command.
    fn passed_on(&mut self, simple: &Simple) -> Environment {
        let mut environment: Environment = Vec::new();
        for name in &self.exported {
            if let Some(Variable::Scalar(variants)) = self.variables.get(name) {
                environment.push((name.clone(), variants.clone()));
            }
        }
        for assignment in &simple.assignments {
            if let Assigned::Scalar(word) = &assignment.value {
                let variants = self.values(word);
                environment.retain(|(name, _)| *name != assignment.name);
                environment.push((assignment.name.clone(), variants));
            }
        }
        environment.sort_by(|(a, _), (b, _)| a.cmp(b));
        environment
    }
}

/// Returns the position and the path of the script that a command runs.
fn script_of(slots: &[Slot]) -> Option<(usize, String)> {
    for (at, slot) in slots.iter().enumerate() {
        let word: &Located = &slot.first()?.first()?.text;
        let text = word.as_str();
        let name = text.rsplit('/').next().unwrap_or(text);
        let is_number = text.starts_with(|c: char| c.is_ascii_digit());
        if RUNNERS.contains(&name) || text.starts_with('-') || text.contains('=') || is_number {
            continue;
        }
        return text.contains(['/', '.']).then(|| (at, text.to_owned()));
    }
    None
}

/// Whether a value may be a cache, or flags with one.
fn may_hold_cache(variants: &[Variant]) -> bool {
    variants.iter().any(|variant| {
        let text = variant.text.as_str();
        only_mark(text).is_none() && (text.contains("type=") || kinds::mentions_cache(text))
    })
}
