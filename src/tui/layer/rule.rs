//! A rule of `cachelens.toml` that was made from refs, to copy or save.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Layer;
use super::save::SavePrompt;
use crate::retention::{Action as RuleAction, Condition, Pattern, PatternError, Rule, TextField};
use crate::tui::effect::{Effect, Saving};
use crate::tui::keymap::{self, Action};
use crate::tui::message::Key;
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::Role;
use crate::tui::view;
use crate::tui::widget::{popup, text};
use crate::tui::world::{Context, Handled, World};

/// What parts the words of a ref's name.
const JOINTS: [char; 4] = ['-', '_', '.', '/'];

/// A rule, and how many refs it matches.
#[derive(Debug)]
pub struct RulePopup {
    toml: String,
    chosen: usize,
    matched: usize,
}

impl RulePopup {
    /// Makes the rule that does `action` to refs called like `chosen`, some of `all`.
    ///
    /// # Errors
    /// When a name cannot be written as a pattern.
    pub fn new<'a>(
        chosen: &[String],
        action: RuleAction,
        all: impl Iterator<Item = &'a str>,
    ) -> Result<Self, PatternError> {
        let patterns = patterns(chosen)?;
        let matched = all.filter(|name| patterns.iter().any(|pattern| pattern.matches_any([*name]))).count();
        let name = match patterns.as_slice() {
            [pattern] => format!("refs like {pattern}"),
            _ => "some refs".to_owned(),
        };
        let rule =
            Rule { name, conditions: vec![Condition::Text(TextField::Ref, patterns)], action, drop_records: None };
        Ok(Self { toml: format!("[[retention.rule]]\n{rule}"), chosen: chosen.len(), matched })
    }
}

/// Returns the patterns that match `names`: one for all when they begin alike, else one each.
fn patterns(names: &[String]) -> Result<Vec<Pattern>, PatternError> {
    let beginning = match names {
        [name] => name.rfind(JOINTS).map_or("", |joint| &name[..=joint]),
        [first, others @ ..] => others.iter().fold(first.as_str(), |prefix, name| common(prefix, name)),
        [] => "",
    };
    if beginning.is_empty() {
        return names.iter().map(|name| Pattern::exactly(name)).collect();
    }
    Ok(vec![Pattern::beginning(beginning)?])
}

/// Returns what both texts begin with.
fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let differs = a.char_indices().zip(b.chars()).find(|((_, one), other)| one != other);
    let end = differs.map_or(a.len().min(b.len()), |((at, _), _)| at);
    &a[..end]
}

impl Layer for RulePopup {
    fn context(&self) -> keymap::Context {
        keymap::Context::Rule
    }

    fn key(&mut self, _key: Key, action: Option<Action>, cx: &mut Context<'_>) -> Handled {
        match action {
            Some(Action::Copy) => {
                cx.effect(Effect::Copy(self.toml.clone()));
                cx.close();
            }
            Some(Action::Save) => {
                cx.close();
                cx.show(SavePrompt::new(Saving::Rule(self.toml.clone())));
            }
            Some(Action::Cancel) => cx.close(),
            _ => {}
        }
        Handled::Yes
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = area.width.saturating_sub(6).min(76);
        let mut lines: Vec<Cell> =
            self.toml.lines().flat_map(|line| text::wrap(&Cell::text(line.to_owned()), width)).collect();
        let others = self.matched.saturating_sub(self.chosen);
        let refs = if self.matched == 1 { "ref" } else { "refs" };
        let words = Cell::new(format!("matches {} {refs} here", self.matched), Role::Dim);
        let words = match others {
            0 => words,
            _ => words.and(format!(", {others} of them not chosen"), Role::Warning),
        };
        lines.extend([Cell::default(), words, Cell::default(), view::hints(world, &[self.context()], "", width, None)]);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(4));
        let inside = popup::open("A rule for cachelens.toml", width, height, &world.theme, frame, area);
        for (line, row) in lines.iter().zip(0..inside.height) {
            text::put(frame.buffer_mut(), text::Line::of(inside, row), line, &world.theme, Style::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_alike_make_one_glob() {
        let cases: [(&[&str], &[&str]); 7] = [
            (&["pr-1790"], &["pr-*"]),
            (&["feature/a/b"], &["feature/a/*"]),
            (&["main"], &["main"]),
            (&["pr-1841", "pr-1790"], &["pr-1*"]),
            (&["main", "release-2"], &["main", "release-2"]),
            (&["é-1", "è-1"], &["é-1", "è-1"]),
            (&["a*b-1", "a*b-2"], &["/^a\\*b\\-/"]),
        ];
        for (names, expected) in cases {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let found: Vec<String> = patterns(&names).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{names:?}");
            let matches =
                |name: &String| patterns(&names).unwrap().iter().any(|pattern| pattern.matches_any([name.as_str()]));
            assert!(names.iter().all(matches), "{names:?}");
        }
    }
}
