//! Completion of a line.

use super::Verb;
use super::{Commands, Here, keys, place_of};
use crate::config::ThemeSetting;
use crate::tui::keymap::Action;
use crate::tui::message::Completion;

impl Commands {
    /// Completes a line: its name, else its value.
    pub fn complete(&self, line: &str, here: &Here) -> Completion {
        let begun = line.trim_start();
        let Some((name, value)) = begun.split_once(char::is_whitespace) else {
            let names: Vec<&str> = self.0.iter().map(|command| command.name.as_str()).collect();
            let mut completion = completed("", begun, &names);
            let whole = self
                .0
                .iter()
                .find(|command| command.name == completion.text);
            if completion.names.is_empty() && whole.is_some_and(|command| !command.value.is_empty())
            {
                completion.text.push(' ');
            }
            return completion;
        };
        let themes = ThemeSetting::ALL.map(|theme| theme.to_string());
        let columns: Vec<String> = keys(here.columns).collect();
        let known: Vec<&str> = match self.named(name).map(|command| command.verb) {
            Some(Verb::Theme) => themes.iter().map(String::as_str).collect(),
            Some(Verb::Perform(Action::Sort)) => columns.iter().map(String::as_str).collect(),
            Some(Verb::Go(_)) => here.names().collect(),
            Some(Verb::Perform(action)) if place_of(action).is_some() => here.names().collect(),
            _ => Vec::new(),
        };
        completed(&format!("{name} "), value.trim_start(), &known)
    }

    /// Returns the name of a source that a line begins, when it is a path to be completed.
    pub fn path<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        let (name, value) = line.trim_start().split_once(char::is_whitespace)?;
        let verb = self.named(name)?.verb;
        let opens = matches!(
            verb,
            Verb::OpenSource | Verb::Perform(Action::Open | Action::Add)
        );
        opens.then_some((name, value.trim_start()))
    }
}

/// Completes `begun` to the common start of all `known` words that begin with it.
fn completed(before: &str, begun: &str, known: &[&str]) -> Completion {
    let found: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| name.starts_with(begun))
        .collect();
    let Some(first) = found.first() else {
        return Completion {
            text: format!("{before}{begun}"),
            names: Vec::new(),
        };
    };
    let is_common = |length: &usize| {
        first.is_char_boundary(*length)
            && found
                .iter()
                .all(|name| name.get(..*length) == first.get(..*length))
    };
    let length = (0..=first.len()).rev().find(is_common).unwrap_or_default();
    let names = if found.len() > 1 {
        found.iter().map(|name| (*name).to_owned()).collect()
    } else {
        Vec::new()
    };
    Completion {
        text: format!("{before}{}", &first[..length]),
        names,
    }
}
