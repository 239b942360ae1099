//! Earthfiles.

use std::sync::Arc;

use super::command::CommandContext;
use super::declaration::{Direction, Facts};
use super::embedded::{self, Environment};
use super::session::{CacheUse, FindSession};
use crate::format::located::{Located, TextPlace};
use crate::format::shell;
use crate::format::shell::ShellCommand;

/// Parses an Earthfile: `SAVE IMAGE --cache-from=REF` and the builds of `RUN`, with the arguments
/// before them.
pub(super) fn read(session: &FindSession<'_>, path: &str, text: &str) {
    let source = Located::lines(text, TextPlace::new(session.repository.number(path), 1));
    let mut target = String::new();
    let mut global = Environment::new();
    let mut arguments = Environment::new();
    for line in instructions(&source) {
        let text = line.as_str();
        let trimmed = text.trim();
        if !text.starts_with(char::is_whitespace)
            && let Some(name) = trimmed.strip_suffix(':')
        {
            name.clone_into(&mut target);
            arguments.clone_from(&global);
        }
        if let Some((name, value)) = argument(session, &line) {
            let is_global = target.is_empty() || trimmed.contains("--global");
            if is_global {
                embedded::put(&mut global, &name, value.clone());
            }
            embedded::put(&mut arguments, &name, value);
        }
        if trimmed.starts_with("SAVE IMAGE") {
            let line = embedded::expanded(session, &line.trimmed(), &arguments);
            save_image(session, &target, &line);
        }
        if let Some(command) = command_of(&line) {
            let around = CommandContext {
                target: Some(target.clone()).filter(|target| !target.is_empty()),
                ..CommandContext::default()
            };
            embedded::run(session, &command, &arguments, &around);
        }
    }
}

/// Returns the instructions; those that go on after a backslash have several lines.
fn instructions(source: &Located) -> Vec<Located> {
    let mut instructions: Vec<Located> = Vec::new();
    let mut goes_on = false;
    for line in source.split_lines() {
        let ends = !line.as_str().trim_end().ends_with('\\');
        match instructions.last_mut() {
            Some(last) if goes_on => {
                last.push_str("\n", line.place());
                last.push(&line);
            }
            _ => instructions.push(line),
        }
        goes_on = !ends;
    }
    instructions
}

/// Returns the command of `RUN`, without the flags of Earthly.
fn command_of(line: &Located) -> Option<Located> {
    let line = line.trimmed();
    let mut start = "RUN ".len();
    line.as_str().strip_prefix("RUN ")?;
    loop {
        let rest = &line.as_str()[start..];
        let blanks = rest.len() - rest.trim_start().len();
        let word = rest.split_whitespace().next()?;
        if !word.starts_with("--") {
            return Some(line.slice(start + blanks, line.len()));
        }
        start += blanks + word.len();
        if word == "--" {
            return Some(line.slice(start, line.len()));
        }
    }
}

/// `ARG NAME=default`: without a default the value comes from outside.
fn argument(session: &FindSession<'_>, line: &Located) -> Option<(String, Located)> {
    let line = line.trimmed();
    let mut words = line.words().into_iter();
    let is_argument = words.next().is_some_and(|word| word.as_str() == "ARG");
    let declared = words.find(|word| !word.as_str().starts_with("--"))?;
    let text = declared.as_str();
    let (name, default) = text.split_once('=').unwrap_or((text, ""));
    let value = default.trim_matches(['"', '\'']);
    let value = if value.is_empty() {
        session.unknown(name, declared.place())
    } else {
        declared.with_text(value)
    };
    is_argument.then(|| (name.to_owned(), value))
}

fn save_image(session: &FindSession<'_>, target: &str, line: &Located) {
    for step in shell::parse(line) {
        for command in step.pipeline {
            let ShellCommand::Simple(simple) = command else {
                continue;
            };
            for word in simple.words {
                let Some(value) = word.literal() else {
                    continue;
                };
                let Some(reference) = value.strip_prefix("--cache-from=") else {
                    continue;
                };
                session.declare(&CacheUse {
                    text: &Located::new(reference, word.place),
                    direction: Direction::Import,
                    tool: "earthly",
                    target: Some(target),
                    when: &[],
                    facts: &Arc::new(Facts::default()),
                });
            }
        }
    }
}
