//! What a finding leads to, and the panes of a wide screen next to and below the findings.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::CheckScreen;
use super::words::state_of;
use crate::check::{Code, Finding, Severity};
use crate::format::digest::Digest;
use crate::inventory::{Inventory, RefId};
use crate::tui::navigation::UiContext;
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::screen::blobs::BlobsScreen;
use crate::tui::screen::list_screen::draw_lines_below;
use crate::tui::screen::steps::StepsScreen;
use crate::tui::theme::TextRole;
use crate::tui::world::{SourceId, World};

/// The width of the names of checks.
const NAMES: usize = 28;

/// What a finding is about.
pub(super) enum FindingTarget {
    Step(Arc<Inventory>, RefId, Option<Digest>),
    /// The blobs in a state.
    State(&'static str),
    Blob(Digest),
}

impl FindingTarget {
    /// Returns the ref of a finding, else its blobs.
    pub(super) fn of(source: SourceId, finding: &Finding, world: &World) -> Option<Self> {
        let named = finding.ref_name.as_ref().and_then(|name| {
            let inventory = &world.source(source).found.as_ref()?.inventory;
            let mut refs = inventory.indexed_refs();
            let (id, _) = refs.find(|(_, entry)| entry.names().any(|other| other == name))?;
            Some(Self::Step(Arc::clone(inventory), id, finding.digest()))
        });
        named
            .or_else(|| state_of(finding.code).map(Self::State))
            .or_else(|| finding.digest().map(Self::Blob))
    }

    /// Goes there.
    pub(super) fn push(self, source: SourceId, cx: &mut UiContext<'_>) {
        match self {
            Self::Step(inventory, id, layer) => {
                let steps = StepsScreen::at(source, inventory, id, layer, cx);
                cx.push(steps);
            }
            Self::State(state) => {
                let blobs = BlobsScreen::in_state(source, state, cx);
                cx.push(blobs);
            }
            Self::Blob(blob) => {
                let blobs = BlobsScreen::at(source, blob, cx);
                cx.push(blobs);
            }
        }
    }

    /// Prepares it as a preview, where that is cheap.
    pub(super) fn preview(
        self,
        source: SourceId,
        cx: &mut UiContext<'_>,
    ) -> Option<Box<dyn Screen>> {
        if !cx.world.is_cheap(source) {
            return None;
        }
        Some(match self {
            Self::Step(inventory, id, layer) => {
                Box::new(StepsScreen::at(source, inventory, id, layer, cx))
            }
            Self::State(state) => Box::new(BlobsScreen::in_state(source, state, cx)),
            Self::Blob(blob) => Box::new(BlobsScreen::at(source, blob, cx)),
        })
    }
}

impl CheckScreen {
    /// Lists every check with the number of its findings, below few findings.
    pub(super) fn draw_codes(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let Some(filler) = self.screen.areas(area).filler else {
            return;
        };
        let title = "what a check looks for, and how often it was found";
        draw_lines_below(
            title,
            |inside| self.code_lines(inside),
            world,
            frame,
            filler,
        );
    }

    fn code_lines(&self, inside: Rect) -> Vec<Cell> {
        let mut codes: Vec<(Code, usize)> = Code::ALL
            .iter()
            .map(|code| (*code, self.count(*code)))
            .collect();
        // Findings come first.
        codes.sort_by_key(|(_, count)| *count == 0);
        let room = usize::from(inside.height);
        let hidden = codes.len().saturating_sub(room);
        let shown = if hidden > 0 {
            room.saturating_sub(1)
        } else {
            room
        };
        let lines = codes.iter().take(shown);
        let mut lines: Vec<Cell> = lines
            .map(|(code, count)| code_line(*code, *count))
            .collect();
        if hidden > 0 {
            let words = format!("      … and {} more", hidden + 1);
            lines.push(Cell::new(words, TextRole::Dim));
        }
        lines
    }

    fn count(&self, code: Code) -> usize {
        let findings = self.work.checked.findings.iter();
        findings.filter(|finding| finding.code == code).count()
    }
}

fn code_line(code: Code, count: usize) -> Cell {
    let role = match code.severity() {
        Severity::Error => TextRole::Error,
        Severity::Warning => TextRole::Warning,
        Severity::Info => TextRole::Text,
    };
    let (number, name) = match count {
        0 => (Cell::new("   –  ", TextRole::Dim), TextRole::Dim),
        count => (Cell::new(format!("{count:>4}  "), role), TextRole::Strong),
    };
    number
        .and(format!("{:<NAMES$}", code.name()), name)
        .and(code.meaning(), TextRole::Dim)
}
