//! The lines above the list: the progress of a run, or how it ended.

use std::borrow::Cow;
use std::path::PathBuf;

use jiff::SignedDuration;

use super::outcome::aftermath;
use super::{RunScreen, RunScreenState};
use crate::backend::{Disposal, Undoability};
use crate::prune::runs::RunState;
use crate::text::escape::visible;
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::keymap::Action;
use crate::tui::message::{OpenedRun, Phase};
use crate::tui::rows::Cell;
use crate::tui::rows::runs::state;
use crate::tui::screen::Screen as _;
use crate::tui::theme::TextRole;
use crate::tui::widget::{meter, text};
use crate::tui::world::World;

impl RunScreen {
    pub(super) fn lines(&self, world: &World, width: u16) -> [Cell; 3] {
        let empty = Cell::default;
        match &self.state {
            RunScreenState::Running(_) | RunScreenState::Stopping(_) => {
                let of = self.plan.delete().len();
                [self.progress(width), self.pace(world, of), self.doing()]
            }
            RunScreenState::Ended(ran) => [
                self.outcome(ran, self.began, width),
                aftermath(ran, self.plan.is_withheld()),
                journal_line(Some(&ran.journal)),
            ],
            RunScreenState::Failed(fault) => [
                Cell::new("! ", TextRole::Error).and(sentence(&fault.why), TextRole::Error),
                Cell::text(match self.news.deleted {
                    0 => "Nothing was deleted.".to_owned(),
                    1 => "1 item was deleted before that.".to_owned(),
                    count => format!("{} items were deleted before that.", grouped(count as u64)),
                }),
                journal_line(fault.journal.as_ref()),
            ],
            RunScreenState::Past(opened) => [
                past(opened),
                Cell::new(self.past_hint(opened, world), TextRole::Dim),
                journal_line(Some(&opened.journal)),
            ],
            RunScreenState::Undoing(_, of) => [
                self.meter(*of, "restored", width),
                self.pace(world, *of),
                Cell::new("Restoring what the run deleted…", TextRole::Title),
            ],
            RunScreenState::Undone(back, of) => {
                let role = if back == of {
                    TextRole::Good
                } else {
                    TextRole::Warning
                };
                let words = format!(
                    "{} of {} items are restored",
                    grouped(*back as u64),
                    grouped(*of as u64)
                );
                [Cell::new(words, role), empty(), empty()]
            }
            RunScreenState::NotUndone(why) => [
                Cell::new("! ", TextRole::Error).and(sentence(why), TextRole::Error),
                Cell::text("It was not undone."),
                empty(),
            ],
        }
    }

    fn past_hint(&self, opened: &OpenedRun, world: &World) -> Cow<'static, str> {
        match opened.state {
            RunState::AtWork => "Another process is carrying it out.".into(),
            RunState::Undone => {
                "It was undone, as far as the trash still had what it deleted.".into()
            }
            RunState::Stopped { .. } => {
                let key = world.keymap.key_for(self.contexts(), Action::Resume);
                format!("It did not come to its end; {key} resumes it.").into()
            }
            RunState::Done | RunState::Unreadable(_) => "".into(),
        }
    }

    /// Returns the keys that are useful in this state, with their effects.
    pub(super) fn available(&self, world: &World) -> String {
        let key = |action| world.keymap.key_for(self.contexts(), action);
        let leaves = format!("{} leaves", key(Action::Back));
        match &self.state {
            RunScreenState::Running(_) if self.is_watching() => {
                let escape = key(Action::Escape);
                format!("{escape} asks to stop watching · {leaves}, and it keeps running")
            }
            RunScreenState::Running(_) => {
                format!("{} stops after what is in flight", key(Action::Escape))
            }
            RunScreenState::Stopping(_) => "stopping…".to_owned(),
            RunScreenState::Past(opened) if opened.deleted() == 0 => leaves,
            RunScreenState::Ended(_) | RunScreenState::Failed(_) | RunScreenState::Past(_)
                if self.journal().is_some() =>
            {
                let undo = key(Action::Undo);
                match self.undoability {
                    Undoability::Full => {
                        format!("{undo} restores what is in the trash · {leaves}")
                    }
                    Undoability::Partial(_) => format!("{undo} restores what can be · {leaves}"),
                    Undoability::None => leaves,
                }
            }
            _ => leaves,
        }
    }

    pub(super) fn progress(&self, width: u16) -> Cell {
        // Which of them leave the store permanently is known at the end of the run.
        let word = if self.plan.disposal() == Disposal::Trash {
            "taken away"
        } else {
            "freed"
        };
        self.meter(self.plan.delete().len(), word, width)
    }

    /// Returns the progress with its rate and the time left, for the list of jobs.
    pub(super) fn progress_with_pace(&self, world: &World) -> Cell {
        let (progress, of) = match self.state {
            RunScreenState::Undoing(_, of) => (self.meter(of, "restored", 0), of),
            RunScreenState::Running(_) => (self.progress(0), self.plan.delete().len()),
            _ => return self.progress(0),
        };
        progress
            .and(" · ", TextRole::Dim)
            .and_all(self.pace(world, of))
    }

    /// Draws the number of processed items out of `of`.
    pub(super) fn meter(&self, of: usize, word: &str, width: u16) -> Cell {
        let done = self.news.concluded as u64;
        let of = of as u64;
        let words = format!(
            "  {} of {} · {} {word}",
            grouped(done),
            grouped(of),
            Size(self.news.freed_bytes)
        );
        let room = width.saturating_sub(text::width(&words)).min(80);
        let bar = if done == 0 || room == 0 {
            String::new()
        } else {
            meter::bar(done, of, room)
        };
        let rest = usize::from(room.saturating_sub(text::width(&bar)));
        Cell::new(bar, TextRole::Live)
            .and("░".repeat(rest), TextRole::Rule)
            .and(words, TextRole::Strong)
    }

    fn pace(&self, world: &World, of: usize) -> Cell {
        let elapsed = world
            .now
            .duration_since(self.began)
            .as_millis()
            .unsigned_abs();
        let done = self.news.concluded as u128;
        let of = of as u128;
        if done == 0 || elapsed == 0 {
            return Cell::new("rate and time left are not known yet", TextRole::Dim);
        }
        let per_second = |number: u128| u64::try_from(number * 1000 / elapsed).unwrap_or(u64::MAX);
        let left = i64::try_from(of.saturating_sub(done) * elapsed / done).unwrap_or(i64::MAX);
        let bytes = Size(per_second(self.news.freed_bytes.into()));
        Cell::text(format!("{} items/s · {bytes}/s", grouped(per_second(done)))).and(
            format!(" · {}", left_in_words(SignedDuration::from_millis(left))),
            TextRole::Strong,
        )
    }

    fn doing(&self) -> Cell {
        if matches!(self.state, RunScreenState::Stopping(_)) {
            return Cell::new(
                "Stopping: what is in flight comes to its end.",
                TextRole::Warning,
            );
        }
        Cell::new(
            match self.news.phase {
                Phase::Marking => "Reading what is needed…".to_owned(),
                Phase::Waiting => "Waiting: a build is writing to the cache.".to_owned(),
                Phase::Deleting => "Deleting; each item is checked again just before.".to_owned(),
                Phase::Watching(left) => format!(
                    "Watching {left} s for builds that were exporting; what they need is restored."
                ),
                Phase::Restoring => "Restoring what the run deleted…".to_owned(),
                Phase::Checking => {
                    "Reading the refs again, and whether each kept ref is complete…".to_owned()
                }
            },
            TextRole::Title,
        )
    }
}

fn left_in_words(left: SignedDuration) -> String {
    if left.as_secs() < 1 {
        return "almost done".to_owned();
    }
    format!("about {} left", Age(left))
}

/// Returns how an earlier run ended.
pub(super) fn past(opened: &OpenedRun) -> Cell {
    let (count, all, word) = if opened.state == RunState::Undone {
        let items = 0..opened.outcomes.len();
        let restored = items.filter(|item| opened.is_restored(*item)).count();
        (restored, restored + opened.deleted(), "restored")
    } else {
        (opened.deleted(), opened.outcomes.len(), "deleted")
    };
    let (count, all) = (grouped(count as u64), grouped(all as u64));
    state(&opened.state)
        .and(" · ", TextRole::Dim)
        .and(format!("{count} of {all} items {word}"), TextRole::Text)
}

fn journal_line(journal: Option<&PathBuf>) -> Cell {
    journal.map_or(Cell::default(), |path| {
        Cell::new("journal  ", TextRole::Dim).and(
            visible(&path.to_string_lossy()).into_owned(),
            TextRole::Text,
        )
    })
}

fn sentence(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_is_near_in_its_last_second() {
        let words = |milliseconds| left_in_words(SignedDuration::from_millis(milliseconds));
        assert_eq!(words(0), "almost done");
        assert_eq!(words(999), "almost done");
        assert_eq!(words(1_000), "about 1s left");
        assert_eq!(words(61_000), "about 1m left");
    }
}
