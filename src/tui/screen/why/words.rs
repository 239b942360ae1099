//! The sentences above the list, and those that stand for an empty one.

use super::WhyScreen;
use crate::explain::load::documents::named;
use crate::explain::load::note::{DescriptionNote, Note};
use crate::text::plural::counted_in_groups;
use crate::tui::evidence::{EvidencePart, is_command};
use crate::tui::keymap::Action;
use crate::tui::layer::details::Details;
use crate::tui::layer::evidence::INSPECT;
use crate::tui::navigation::UiContext;
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::work::explanation::ExplanationState;
use crate::tui::world::World;

impl WhyScreen {
    /// Returns a note in the words of the UI: a missing context is a field of the prompt here.
    pub(super) fn note(&self, note: &Note, world: &World) -> String {
        let Note::Description(DescriptionNote::MissingContext(name)) = note else {
            return note.to_string();
        };
        let key = world.keymap.key_for(self.contexts(), Action::Evidence);
        if name == "context" {
            return format!("build context not given ({key}, field \"context\")");
        }
        format!("context `{name}` not given ({key}, field \"context\": {name}=FOLDER)")
    }

    /// Shows all causes in full, with the facts that the evidence lacks.
    pub(super) fn show_causes(&self, cx: &mut UiContext<'_>) {
        let Some(explained) = self.rows.explained() else {
            return;
        };
        let mut lines = Vec::new();
        for (number, group) in (1..).zip(&explained.groups.all) {
            if number > 1 {
                lines.push(DetailLine::Blank);
            }
            lines.push(DetailLine::Heading(format!("{number}").into()));
            lines.extend(explained.sentences(group).into_iter().map(DetailLine::Text));
            if group.steps.len() > 2 {
                let steps = group
                    .steps
                    .iter()
                    .map(|step| Cell::new("· ", TextRole::Dim).and_all(explained.title(*step)));
                lines.extend(steps.map(DetailLine::Text));
            }
        }
        if explained.groups.all.is_empty() {
            lines.push(DetailLine::Text(Cell::text(
                "No step is known to run for a reason of its own.",
            )));
        }
        let notes = &explained.explanation.notes;
        if !notes.is_empty() {
            lines.extend([
                DetailLine::Blank,
                DetailLine::Heading("What the evidence does not show".into()),
            ]);
            lines.extend(
                notes
                    .iter()
                    .map(|note| self.note(note, cx.world))
                    .map(|note| DetailLine::Text(Cell::text(format!("· {note}")))),
            );
        }
        lines.extend([DetailLine::Blank, DetailLine::Heading("Evidence".into())]);
        for item in &self.evidence(cx.world).items {
            let seen = item
                .seen
                .as_ref()
                .map(|seen| format!("  {seen}"))
                .unwrap_or_default();
            let cell = Cell::text(named::shown(&item.text)).and(seen, TextRole::Dim);
            lines.push(DetailLine::Fact(item.part.word(), cell));
        }
        cx.show(Details::new(lines));
    }

    /// Returns the line above the causes: the sums, and their inputs.
    pub(super) fn head(&self, world: &World) -> Cell {
        match &self.work.state {
            ExplanationState::Working(_, words) => {
                let key = world.keymap.key_for(self.contexts(), Action::Escape);
                return Cell::new(format!("{words}… {key} stops it"), TextRole::Title);
            }
            ExplanationState::Failed(faults) if self.rows.explained().is_some() => {
                return Cell::new(format!("! {}", faults.join(" · ")), TextRole::Error);
            }
            _ => {}
        }
        let Some(explained) = self.rows.explained() else {
            return Cell::default();
        };
        let [hits, misses, open] = explained.counts;
        let lost = explained.lost.as_ref();
        let mut cell = lost
            .map_or_else(Cell::default, |lost| {
                Cell::new(format!("{lost}  "), TextRole::Warning)
            })
            .and(format!("{hits} ✓ hit  "), TextRole::Good)
            .and(format!("{misses} ✗ miss  "), TextRole::Missing);
        if open > 0 {
            cell = cell.and(format!("{open} ? undecided  "), TextRole::Unsure);
        }
        let by = EvidencePart::ALL.into_iter().filter_map(|part| {
            let names: Vec<String> = world
                .evidence
                .of(part)
                .iter()
                .map(|text| short(text))
                .collect();
            (!names.is_empty()).then(|| format!("{} {}", part.word(), names.join(", ")))
        });
        cell.and(by.collect::<Vec<_>>().join(" · "), TextRole::Dim)
    }

    pub(super) fn empty(&self, world: &World) -> Vec<Cell> {
        let key = |action| world.keymap.key_for(self.contexts(), action);
        match &self.work.state {
            ExplanationState::Asking | ExplanationState::Stopped => {
                let first = if self.work.state == ExplanationState::Stopped {
                    Cell::text("It was stopped; ")
                        .and(key(Action::Rescan), TextRole::Key)
                        .and(" begins again.", TextRole::Text)
                } else {
                    Cell::text("There is no evidence of a build yet; ")
                        .and(key(Action::Evidence), TextRole::Key)
                        .and(" takes evidence of one.", TextRole::Text)
                };
                vec![
                    first,
                    Cell::default(),
                    Cell::new("A build record has all that is needed:", TextRole::Dim),
                    Cell::new(
                        "docker buildx history export -o run.dockerbuild",
                        TextRole::Key,
                    ),
                    Cell::new("The provenance of an image has the steps:", TextRole::Dim),
                    Cell::new(INSPECT, TextRole::Key),
                ]
            }
            ExplanationState::Working(..) => vec![Cell::new(
                "The steps come when the build is explained.",
                TextRole::Dim,
            )],
            ExplanationState::Done => vec![Cell::text("The build has no steps.")],
            ExplanationState::Failed(faults) => {
                // The first line is the problem; the others explain it, or give advice.
                let faults = faults.iter().enumerate().map(|(place, fault)| match place {
                    0 => Cell::new(format!("! {fault}"), TextRole::Error),
                    _ => Cell::text(fault.clone()),
                });
                let hint = Cell::new(key(Action::Evidence), TextRole::Key)
                    .and(" changes the evidence, ", TextRole::Dim)
                    .and(key(Action::Rescan), TextRole::Key)
                    .and(" tries again", TextRole::Dim);
                faults.chain([Cell::default(), hint]).collect()
            }
        }
    }
}

pub(super) fn steps(count: usize) -> String {
    counted_in_groups(count as u64, "step", "steps")
}

pub(super) fn pieces(count: usize) -> String {
    match count {
        0 => "no evidence".to_owned(),
        1 => "1 piece of evidence".to_owned(),
        _ => format!("{count} pieces of evidence"),
    }
}

/// Returns the last two parts of a path, the distinctive part of evidence.
fn short(text: &str) -> String {
    if is_command(text) {
        return text.to_owned();
    }
    let text = named::shown(text);
    let parts: Vec<&str> = text.trim_end_matches('/').rsplit('/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}
