//! The lines above the list: the progress of a run, or how it ended.

use std::borrow::Cow;
use std::path::PathBuf;

use super::RunScreen;
use super::outcome::aftermath;
use crate::backend::Undoability;
use crate::prune::runs::RunState;
use crate::text::escape::visible;
use crate::text::units::grouped;
use crate::tui::keymap::Action;
use crate::tui::message::{OpenedRun, Phase};
use crate::tui::rows::Cell;
use crate::tui::rows::runs::state;
use crate::tui::screen::Screen as _;
use crate::tui::theme::TextRole;
use crate::tui::work::run::RunProgress;
use crate::tui::world::World;

impl RunScreen {
    pub(super) fn lines(&self, world: &World, width: u16) -> [Cell; 3] {
        let empty = Cell::default;
        match &self.work.state {
            RunProgress::Running(_) | RunProgress::Stopping(_) => {
                let of = self.work.plan.delete().len();
                [
                    self.work.progress(width),
                    self.work.pace(world, of),
                    self.doing(),
                ]
            }
            RunProgress::Ended(ran) => [
                self.outcome(ran, self.work.began, width),
                aftermath(ran, self.work.plan.is_withheld()),
                journal_line(Some(&ran.journal)),
            ],
            RunProgress::Failed(fault) => [
                Cell::new("! ", TextRole::Error).and(sentence(&fault.why), TextRole::Error),
                Cell::text(match self.work.news.deleted {
                    0 => "Nothing was deleted.".to_owned(),
                    1 => "1 item was deleted before that.".to_owned(),
                    count => format!("{} items were deleted before that.", grouped(count as u64)),
                }),
                journal_line(fault.journal.as_ref()),
            ],
            RunProgress::Past(opened) => [
                past(opened),
                Cell::new(self.past_hint(opened, world), TextRole::Dim),
                journal_line(Some(&opened.journal)),
            ],
            RunProgress::Undoing(_, of) => [
                self.work.meter(*of, "restored", width),
                self.work.pace(world, *of),
                Cell::new("Restoring what the run deleted…", TextRole::Title),
            ],
            RunProgress::Undone(back, of) => {
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
            RunProgress::NotUndone(why) => [
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
        match &self.work.state {
            RunProgress::Running(_) if self.work.is_watching() => {
                let escape = key(Action::Escape);
                format!("{escape} asks to stop watching · {leaves}, and it keeps running")
            }
            RunProgress::Running(_) => {
                format!("{} stops after what is in flight", key(Action::Escape))
            }
            RunProgress::Stopping(_) => "stopping…".to_owned(),
            RunProgress::Past(opened) if opened.deleted() == 0 => leaves,
            RunProgress::Ended(_) | RunProgress::Failed(_) | RunProgress::Past(_)
                if self.work.journal().is_some() =>
            {
                let undo = key(Action::Undo);
                match self.work.undoability {
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

    fn doing(&self) -> Cell {
        if matches!(self.work.state, RunProgress::Stopping(_)) {
            return Cell::new(
                "Stopping: what is in flight comes to its end.",
                TextRole::Warning,
            );
        }
        Cell::new(
            match self.work.news.phase {
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
