//! Earlier runs as rows.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable, moment};
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use crate::prune::runs::{PastRun, RunState};
use crate::report::documents::{PastRunDocument, fields_of};
use crate::text::escape::visible;
use crate::text::plural::counted_in_groups;
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::theme::TextRole;

/// The column of the time.
pub const WHEN: usize = 0;

const COLUMNS: &[Column] = &[
    Column {
        title: "WHEN",
        align: Align::Left,
        min: 16,
        max: 20,
        rank: 0,
        sort: Sortable::Descending,
    },
    Column {
        title: "SOURCE",
        align: Align::Path,
        min: 14,
        max: 60,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "DELETED",
        align: Align::Left,
        min: 14,
        max: 40,
        rank: 3,
        sort: Sortable::Descending,
    },
    Column {
        title: "STATE",
        align: Align::Left,
        min: 20,
        max: 26,
        rank: 1,
        sort: Sortable::Ascending,
    },
    Column {
        title: "IN THE TRASH",
        align: Align::Right,
        min: 12,
        max: 12,
        rank: 2,
        sort: Sortable::Descending,
    },
    Column {
        title: "KEPT UNTIL",
        align: Align::Left,
        min: 16,
        max: 20,
        rank: 4,
        sort: Sortable::No,
    },
];

/// Earlier runs.
#[derive(Debug)]
pub struct PastRuns {
    runs: Arc<Vec<PastRun>>,
    /// How long the current policy keeps the trash.
    grace: SignedDuration,
}

impl PastRuns {
    /// Shows `runs`; a prune deletes trash that is older than `grace`.
    pub fn new(runs: Arc<Vec<PastRun>>, grace: SignedDuration) -> Self {
        Self { runs, grace }
    }

    /// Returns the run of a row.
    pub fn run(&self, row: u32) -> Option<&PastRun> {
        self.runs.get(row as usize)
    }

    /// Returns the bytes of all runs in the trash.
    pub fn in_trash(&self) -> u64 {
        let trash = self.runs.iter().filter_map(|run| run.trash);
        trash
            .map(|trash| trash.stored.bytes)
            .fold(0, u64::saturating_add)
    }

    /// Returns the bytes of all journals.
    pub fn journals(&self) -> u64 {
        let journals = self.runs.iter().map(|run| run.journal_bytes);
        journals.fold(0, u64::saturating_add)
    }

    fn at(&self, row: u32) -> &PastRun {
        &self.runs[row as usize]
    }

    fn until(&self, run: &PastRun) -> Option<Timestamp> {
        run.trash?.since.checked_add(self.grace).ok()
    }
}

/// Returns the state of a run as text.
pub fn state(state: &RunState) -> Cell {
    match state {
        RunState::AtWork => Cell::new("running", TextRole::Title),
        RunState::Done => Cell::new("✓ done", TextRole::Good),
        RunState::Stopped { left } => Cell::new(
            format!("! stopped, {} left", grouped(*left as u64)),
            TextRole::Warning,
        ),
        RunState::Undone => Cell::new("↶ undone", TextRole::Dim),
        RunState::Unreadable(_) => Cell::new("? unreadable", TextRole::Unsure),
    }
}

fn deleted(run: &PastRun) -> String {
    let mut parts = Vec::new();
    if run.refs > 0 {
        parts.push(counted_in_groups(run.refs, "ref", "refs"));
    }
    if run.objects.count > 0 {
        parts.push(counted_in_groups(run.objects.count, "object", "objects"));
        parts.push(Size(run.objects.bytes).to_string());
    }
    if parts.is_empty() {
        NONE.to_owned()
    } else {
        parts.join(" · ")
    }
}

impl RowSet for PastRuns {
    fn count(&self) -> u32 {
        u32::try_from(self.runs.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let run = self.at(row);
        let source = if run.source.is_empty() {
            run.journal.to_string_lossy().into_owned()
        } else {
            run.source.clone()
        };
        let trash = run.trash.map_or(NONE.to_owned(), |trash| {
            Size(trash.stored.bytes).to_string()
        });
        vec![
            Cell::text(run.started.map_or(NONE.to_owned(), moment)),
            Cell::text(visible(&source).into_owned()),
            Cell::text(deleted(run)),
            state(&run.state),
            Cell::new(trash, TextRole::Orphan),
            Cell::text(self.until(run).map_or(NONE.to_owned(), moment)),
        ]
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let run = self.at(row);
        let fact = |name, words: String| DetailLine::Fact(name, Cell::text(words));
        let mut details = Vec::new();
        if let Some(started) = run.started {
            details.push(DetailLine::Heading(
                visible(&run.source).into_owned().into(),
            ));
            let ago = Age::between(started, now).ago();
            details.push(fact("began", format!("{} ({ago})", moment(started))));
            details.push(fact("plan", format!("{} items", grouped(run.items as u64))));
            details.push(fact("deleted", deleted(run)));
            let place = run
                .place
                .as_ref()
                .map_or_else(String::new, ToString::to_string);
            details.push(fact("store", visible(&place).into_owned()));
        }
        details.push(DetailLine::Fact("state", state(&run.state)));
        if let RunState::Unreadable(why) = &run.state {
            details.extend(
                why.lines()
                    .map(|line| DetailLine::Text(Cell::text(line.to_owned()))),
            );
        }
        if let (Some(trash), Some(until)) = (run.trash, self.until(run)) {
            details.push(fact(
                "trash",
                format!(
                    "{} in {} objects; a prune after {} deletes them",
                    Size(trash.stored.bytes),
                    grouped(trash.stored.count),
                    moment(until)
                ),
            ));
        }
        let journal = visible(&run.journal.to_string_lossy()).into_owned();
        details.push(fact(
            "journal",
            format!("{journal} ({})", Size(run.journal_bytes)),
        ));
        details.extend([DetailLine::Blank, DetailLine::Heading("Command".into())]);
        let command = visible(&run.command()).into_owned();
        details.push(DetailLine::Text(Cell::new(command, TextRole::Strong)));
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let one = self.at(a);
        let other = self.at(b);
        let trash = |run: &PastRun| run.trash.map_or(0, |trash| trash.stored.bytes);
        match column {
            WHEN => (one.started, &one.journal).cmp(&(other.started, &other.journal)),
            1 => one.source.cmp(&other.source),
            2 => one.objects.bytes.cmp(&other.objects.bytes),
            4 => trash(one).cmp(&trash(other)),
            _ => one.state.word().cmp(other.state.word()),
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Object(self.at(row).journal.to_string_lossy().into_owned())
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        (0..self.count()).find(|row| self.identity(*row) == *identity)
    }

    fn bytes(&self, row: u32) -> u64 {
        self.at(row).trash.map_or(0, |trash| trash.stored.bytes)
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let run = self.at(row);
        let document = PastRunDocument::new(run, self.until(run));
        fields_of(&document, &PastRunDocument::FIELDS)
    }

    /// The copied text is the command.
    fn name(&self, row: u32) -> String {
        self.at(row).command()
    }
}

impl FilterSubject for PastRun {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.source)),
            FilterTextField::State => Some(test(self.state.word())),
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::Kind
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        (field == NumberField::Size).then_some(self.objects.bytes)
    }

    fn created(&self) -> Option<Timestamp> {
        self.started
    }
}
