//! Earthfiles.

use std::sync::Arc;

use super::declaration::{Direction, Facts};
use super::session::{CacheUse, FindSession};
use crate::format::located::{Located, TextPlace};
use crate::format::shell;
use crate::format::shell::ShellCommand;

/// Parses an Earthfile: `SAVE IMAGE --cache-from=REF`.
pub(super) fn read(session: &FindSession<'_>, path: &str, text: &str) {
    let source = Located::lines(text, TextPlace::new(session.repository.number(path), 1));
    let mut target = String::new();
    for line in source.split_lines() {
        let text = line.as_str();
        let trimmed = text.trim();
        if !text.starts_with(char::is_whitespace)
            && let Some(name) = trimmed.strip_suffix(':')
        {
            name.clone_into(&mut target);
        }
        if !trimmed.starts_with("SAVE IMAGE") {
            continue;
        }
        for step in shell::parse(&line.trimmed()) {
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
                        target: Some(&target),
                        when: &[],
                        facts: &Arc::new(Facts::default()),
                    });
                }
            }
        }
    }
}
