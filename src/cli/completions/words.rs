//! Values with fixed names: columns, codes of findings, causes, themes, and topics of the manual.

use clap::Arg;
use clap_complete::engine::CompletionCandidate;

use crate::check::Code;
use crate::cli::help::manual::TOPICS;
use crate::cli::{blobs, command_line, files, ls};
use crate::config::ThemeSetting;
use crate::explain::cause::CauseKind;

/// Returns all values of an argument.
pub(super) type WordList = fn() -> Vec<CompletionCandidate>;

/// Returns the values of an argument of a command, if they have fixed names.
pub(super) fn of(command: &str, argument: &Arg) -> Option<WordList> {
    let list: WordList = match (command, argument.get_long()) {
        ("ls", Some("sort" | "columns")) => || plain(ls::columns()),
        ("blobs", Some("sort" | "columns")) => || plain(blobs::columns()),
        ("files", Some("sort" | "columns")) => || plain(files::columns()),
        ("repair", Some("fix")) => codes,
        ("why", Some("fail-on")) => gates,
        (_, Some("theme")) => || plain(ThemeSetting::ALL.map(|theme| theme.to_string())),
        (_, Some("network")) => || plain(["default", "host", "none"]),
        ("help" | "man", None) if argument.is_positional() => pages,
        _ => return None,
    };
    Some(list)
}

fn plain(words: impl IntoIterator<Item = impl Into<String>>) -> Vec<CompletionCandidate> {
    let words = words.into_iter();
    words
        .map(|word| CompletionCandidate::new(word.into()))
        .collect()
}

fn explained(word: impl Into<String>, text: impl Into<String>) -> CompletionCandidate {
    CompletionCandidate::new(word.into()).help(Some(text.into().into()))
}

/// Returns the findings that a repair can fix.
fn codes() -> Vec<CompletionCandidate> {
    let codes = Code::FIXABLE.iter().chain(Code::COMPACTION);
    codes
        .map(|code| explained(code.name(), code.meaning()))
        .collect()
}

/// Returns the gates of `why`, except lines and names of steps.
fn gates() -> Vec<CompletionCandidate> {
    let causes = CauseKind::ALL.iter();
    let causes = causes.map(|kind| {
        explained(
            format!("cause:{}", kind.word()),
            "any step that runs for this reason",
        )
    });
    let miss = explained("miss", "any step that runs");
    std::iter::once(miss).chain(causes).collect()
}

/// Returns the commands and the topics of the manual. A name may be both.
fn pages() -> Vec<CompletionCandidate> {
    let command = command_line::command();
    let commands = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let mut pages: Vec<CompletionCandidate> = commands
        .map(|command| {
            let about = command.get_about().map(ToString::to_string);
            explained(command.get_name(), about.unwrap_or_default())
        })
        .collect();
    let topics = TOPICS
        .iter()
        .filter(|topic| command.find_subcommand(topic.name).is_none());
    pages.extend(topics.map(|topic| explained(topic.name, topic.summary())));
    pages
}
