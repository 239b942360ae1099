//! The outcome of a run in words.

use jiff::Timestamp;

use super::{RunScreen, WIDE};
use crate::backend::Outcome;
use crate::report::plan::later_of_run;
use crate::text::units::Size;
use crate::text::units::grouped;
use crate::tui::message::Ran;
use crate::tui::rows::{Cell, moment};
use crate::tui::theme::TextRole;

impl RunScreen {
    /// Returns the outcome of the items. The trash takes space until it is emptied: none of it is
    /// free.
    pub(super) fn outcome(&self, ran: &Ran, ended: Timestamp, width: u16) -> Cell {
        let report = &ran.report;
        let moved = self.work.moved;

        let freed = report.freed_bytes;
        let counts = self.counts(ran);
        let others = moved.count + self.work.rewritten;
        let is_shown = |number: u64, word: &str| number > 0 || word == "deleted" && others == 0;
        let there = counts
            .into_iter()
            .filter(|(number, word, _)| is_shown(*number, word));
        let cell = there.fold(Cell::default(), |cell, (number, word, role)| {
            let joint = if cell.0.is_empty() { "" } else { " · " };
            cell.and(joint, TextRole::Dim)
                .and(format!("{} {word}", grouped(number)), role)
        });
        let sum = |cell: Cell, bytes, words: String| {
            cell.and(" · ", TextRole::Dim)
                .and(Size(bytes).to_string(), TextRole::Orphan)
                .and(words, TextRole::Dim)
        };
        let cell = if freed > 0 || others == 0 {
            sum(cell, freed, " freed".to_owned())
        } else {
            cell
        };
        let until = ended.checked_add(self.work.plan.grace()).map(moment);
        let later = match until {
            Ok(until) if width >= WIDE => format!(" kept until {until}"),
            _ => " in the trash".to_owned(),
        };
        let cell = if moved.count > 0 {
            sum(cell, moved.bytes, later)
        } else {
            cell
        };
        let waits = later_of_run(&self.work.plan, report, ended).filter(|waits| !waits.is_empty());
        let Some(waits) = waits else {
            return cell;
        };
        let words = match waits.at.map(moment) {
            Some(at) if width >= WIDE => format!(" free after {at}"),
            Some(_) => " free later".to_owned(),
            None => " left to the store's own collection".to_owned(),
        };
        sum(cell, waits.bytes, words)
    }

    /// Returns the number of items with each outcome.
    fn counts(&self, ran: &Ran) -> [(u64, &'static str, TextRole); 7] {
        let count = |is: fn(&Outcome) -> bool| ran.report.count(is) as u64;
        let deleted = count(|outcome| *outcome == Outcome::Done)
            .saturating_sub(self.work.moved.count)
            .saturating_sub(self.work.rewritten);
        [
            (self.work.rewritten, "written again", TextRole::Good),
            (self.work.moved.count, "moved to the trash", TextRole::Good),
            (deleted, "deleted", TextRole::Good),
            (
                count(|outcome| *outcome == Outcome::AlreadyGone),
                "already gone",
                TextRole::Text,
            ),
            (
                count(|outcome| matches!(outcome, Outcome::Skipped(_))),
                "skipped",
                TextRole::Warning,
            ),
            (
                count(|outcome| matches!(outcome, Outcome::Failed(_))),
                "failed",
                TextRole::Error,
            ),
            (
                count(|outcome| *outcome == Outcome::Cancelled),
                "not begun",
                TextRole::Warning,
            ),
        ]
    }
}

pub(super) fn aftermath(ran: &Ran, is_withheld: bool) -> Cell {
    let report = &ran.report;
    let back = match report.restored {
        0 => Cell::default(),
        1 => Cell::new(
            "1 blob was restored, because a ref references it · ",
            TextRole::Warning,
        ),
        count => Cell::new(
            format!(
                "{} blobs were restored, because refs reference them · ",
                grouped(count as u64)
            ),
            TextRole::Warning,
        ),
    };
    let back = match report.deleted_broken.as_slice() {
        [] => back,
        [one] => back.and(
            format!("the ref {one} was written during the run, referenced deleted blobs, and was removed · "),
            TextRole::Warning,
        ),
        deleted_broken => {
            let words = format!(
                "{} refs were written during the run, referenced deleted blobs, and were removed · ",
                deleted_broken.len()
            );
            back.and(words, TextRole::Warning)
        }
    };
    match report.broken.as_slice() {
        [] if is_withheld => back.and(
            "nothing to check: the blobs that the kept refs reference are not known here",
            TextRole::Dim,
        ),
        [] => back.and("✓ ", TextRole::Good).and(
            "checked afterwards: the run broke no kept ref",
            TextRole::Text,
        ),
        [one] => back.and(
            format!("! the ref {one} lacks something now"),
            TextRole::Error,
        ),
        [first, others @ ..] => back.and(
            format!(
                "! {first} and {} more refs lack something now",
                others.len()
            ),
            TextRole::Error,
        ),
    }
}
