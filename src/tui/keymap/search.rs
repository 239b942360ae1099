//! Finds key bindings by the name of the action, by synonyms, or by parts of its description.

use super::{Action, KeyBinding};

/// From this distance on, only the beginnings of words matched.
pub const SCATTERED: u32 = 5;

/// Returns the distance between `wanted` and a binding: less for the name than for the description,
/// and less for the beginning of a word than for the middle; `None` without a match.
pub fn distance(wanted: &str, binding: &KeyBinding) -> Option<u32> {
    let wanted = wanted.trim().to_lowercase();
    let name = name(binding.action);
    let text = binding.text.to_lowercase();
    let words = format!(
        "{} {}",
        also(binding.action),
        binding.hint.as_deref().unwrap_or_default()
    )
    .to_lowercase();
    let begins_word = |text: &str| {
        text.match_indices(&wanted)
            .any(|(at, _)| at == 0 || text[..at].ends_with(' '))
    };
    let found = [
        name.starts_with(&wanted),
        begins_word(&name) || begins_word(&words),
        name.contains(&wanted),
        begins_word(&text),
        text.contains(&wanted),
    ];
    match (0..).zip(found).find(|(_, found)| *found) {
        Some((distance, _)) => Some(distance),
        None => scattered(&wanted, &text).map(|apart| SCATTERED + apart),
    }
}

/// Returns the name of an action as it stands in the key map and on the command line: `mark-all`.
pub fn command_name(action: Action) -> String {
    name(action).replace(' ', "-")
}

/// Returns the name of an action, as `mark all`.
fn name(action: Action) -> String {
    if action == Action::LeaveOut {
        return "exclude".to_owned();
    }
    let mut name = String::new();
    for character in format!("{action:?}").chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push(' ');
        }
        name.extend(character.to_lowercase());
    }
    name
}

/// Returns synonyms for an action.
fn also(action: Action) -> &'static str {
    match action {
        Action::Quit => "exit leave",
        Action::Help => "keys shortcuts",
        Action::Palette => "commands",
        Action::Redraw => "refresh repaint",
        Action::Up => "previous",
        Action::Down => "next",
        Action::Top => "first home",
        Action::Bottom => "last end",
        Action::Open => "show enter",
        Action::Filter => "search grep",
        Action::Sort => "order",
        Action::Reverse => "sort descending ascending",
        Action::Mark => "select tag",
        Action::Columns => "hide show fields",
        Action::Range => "select mark visual from to",
        Action::MarkAll => "select unmark all",
        Action::Zoom => "maximize full screen pane",
        Action::Details => "info describe",
        Action::Focus => "details pane scroll",
        Action::Copy => "yank clipboard",
        Action::Export => "save write json csv",
        Action::Rescan => "refresh reload",
        Action::Add => "open source",
        Action::Orphans => "waste garbage",
        Action::Missing => "broken",
        Action::Preview => "view cat text content",
        Action::Extract => "save write copy out",
        Action::Find => "declared discover ci bake",
        Action::Check => "faults verify",
        Action::Verify => "read digest",
        Action::Repair => "repair mend remedy heal",
        Action::Treemap => "boxes bytes size map",
        Action::Plan => "prune delete clean gc policy",
        Action::LeaveOut => "leave out keep",
        Action::Save => "write export",
        Action::MakeRule => "policy protect",
        Action::FreeNow => "grace",
        Action::CarryOut => "apply run delete prune",
        Action::Undo => "restore trash",
        Action::Collapse => "fold close",
        Action::Expand => "unfold open",
        Action::Evidence => "names provenance log build",
        Action::Why => "explain miss cause",
        Action::Causes => "explain",
        Action::Stages => "graph picture columns cascade",
        _ => "",
    }
}

/// Returns the number of skipped words if `wanted` consists of the beginnings of words in `text`,
/// such as `ftr` in `filter the rows`; `None` otherwise.
fn scattered(wanted: &str, text: &str) -> Option<u32> {
    let wanted: Vec<char> = wanted
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let text: Vec<char> = text.chars().collect();
    starts(&text, 0).find_map(|at| jumps(&wanted, &text, at))
}

/// Returns the starts of the words after `from`.
fn starts(text: &[char], from: usize) -> impl Iterator<Item = usize> {
    (from..text.len()).filter(|at| {
        at.checked_sub(1)
            .is_none_or(|before| text.get(before) == Some(&' '))
    })
}

/// Counts the skipped words when the first character of `wanted` is at `at`.
fn jumps(wanted: &[char], text: &[char], at: usize) -> Option<u32> {
    let (first, rest) = wanted.split_first()?;
    if text.get(at) != Some(first) {
        return None;
    }
    if rest.is_empty() {
        return Some(0);
    }
    let on = jumps(rest, text, at + 1);
    on.or_else(|| {
        starts(text, at + 2)
            .find_map(|at| jumps(rest, text, at))
            .map(|jumps| jumps + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::{KeyContext, Keymap};

    fn found(wanted: &str) -> Vec<Action> {
        let keymap = Keymap::built_in().unwrap();
        let bindings = [KeyContext::Sources, KeyContext::List, KeyContext::Global]
            .map(|context| keymap.bindings(context).to_vec());
        let mut found: Vec<_> = bindings
            .iter()
            .flatten()
            .filter_map(|binding| Some((distance(wanted, binding)?, binding.action)))
            .collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, action)| action).collect()
    }

    #[test]
    fn names_come_first() {
        let cases = [
            ("sort", Action::Sort),
            ("export", Action::Export),
            ("filter", Action::Filter),
            ("mark", Action::Mark),
            ("mark all", Action::MarkAll),
            ("copy", Action::Copy),
            ("blobs", Action::Blobs),
            ("prune", Action::Plan),
            ("search", Action::Filter),
            ("exit", Action::Quit),
            ("csv", Action::Export),
        ];
        for (wanted, action) in cases {
            assert_eq!(
                found(wanted).first(),
                Some(&action),
                "{wanted}: {:?}",
                found(wanted)
            );
        }
        assert_eq!(found("theme"), []);
        assert_eq!(found("xyz"), []);
    }

    #[test]
    fn substrings_rank_before_scattered_characters() {
        let keymap = Keymap::built_in().unwrap();
        let filter = keymap
            .bindings(KeyContext::List)
            .iter()
            .find(|binding| binding.action == Action::Filter)
            .unwrap();
        let distances = [
            "filter", "search", "ilt", "the rows", "ows", "ftr", "xyz", "",
        ]
        .map(|wanted| distance(wanted, filter));
        assert_eq!(
            distances,
            [
                Some(0),
                Some(1),
                Some(2),
                Some(3),
                Some(4),
                Some(SCATTERED + 2),
                None,
                Some(0)
            ]
        );
    }
}
