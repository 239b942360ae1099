//! The commands that the actions run.

use super::action::ActionInputs;
use crate::find::BuildCommand;
use crate::find::fields::{csv_fields, without_secrets};
use crate::find::session::FindSession;
use crate::format::unknown::has_mark;

/// The words of a command as they are put together.
struct CommandWords<'s> {
    session: &'s FindSession<'s>,
    words: Vec<String>,
    is_complete: bool,
}

impl CommandWords<'_> {
    fn push(&mut self, flag: &str, value: &str) {
        self.is_complete &= !has_mark(value);
        let value = self.session.expressed(value);
        if !flag.is_empty() {
            self.words.push(flag.to_owned());
        }
        self.words.push(value);
    }

    fn command(self) -> Option<BuildCommand> {
        BuildCommand::new(self.words, self.is_complete)
    }
}

impl ActionInputs<'_> {
    fn words(&self, program: &[&str]) -> CommandWords<'_> {
        CommandWords {
            session: self.session,
            words: program.iter().map(|word| (*word).to_owned()).collect(),
            is_complete: true,
        }
    }

    /// Adds each value of an input. Of several possible ones the first counts, and the command is
    /// not complete.
    fn each(&self, words: &mut CommandWords<'_>, input: &str, flag: &str, is_csv: bool) {
        for (text, when) in self.entries(input) {
            words.is_complete &= when.is_empty();
            let values = if is_csv {
                csv_fields(text.as_str())
            } else {
                vec![text.as_str().to_owned()]
            };
            for value in values {
                words.push(flag, value.trim());
            }
        }
    }

    /// The command of `docker/build-push-action`.
    pub(super) fn build_command(&self) -> Option<BuildCommand> {
        let mut words = self.words(&["docker", "buildx", "build"]);
        self.each(&mut words, "file", "-f", false);
        self.each(&mut words, "target", "--target", false);
        self.each(&mut words, "platforms", "--platform", true);
        self.each(&mut words, "build-args", "--build-arg", false);
        self.each(&mut words, "build-contexts", "--build-context", false);
        self.each(&mut words, "network", "--network", false);
        self.each(&mut words, "no-cache-filters", "--no-cache-filter", true);
        if self
            .entries("no-cache")
            .iter()
            .any(|(text, _)| text.as_str() == "true")
        {
            words.words.push("--no-cache".to_owned());
        }
        for (input, flag) in [("cache-from", "--cache-from"), ("cache-to", "--cache-to")] {
            for (text, _) in self.entries(input) {
                // Exports do not decide what the build finds.
                let is_complete = words.is_complete;
                words.push(flag, &without_secrets(text.as_str()));
                words.is_complete |= is_complete && input == "cache-to";
            }
        }
        let context = self.entries("context");
        match context.as_slice() {
            // The action builds the commit from git, which may differ from the checkout.
            [] => {
                words.is_complete = false;
                words.words.push("{git context, or .}".to_owned());
            }
            [(text, when)] => {
                words.is_complete &= when.is_empty();
                words.push("", text.as_str());
            }
            [(text, _), ..] => {
                words.is_complete = false;
                words.push("", text.as_str());
            }
        }
        words.command()
    }

    /// The command of `docker/bake-action`.
    pub(super) fn bake_command(&self) -> Option<BuildCommand> {
        let mut words = self.words(&["docker", "buildx", "bake"]);
        self.each(&mut words, "files", "-f", true);
        self.each(&mut words, "set", "--set", false);
        self.each(&mut words, "targets", "", true);
        words.command()
    }
}
