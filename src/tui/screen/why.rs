//! Why the steps of a build ran: the causes as text, then every step in the order of the file.

use std::collections::HashSet;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::changes::Changes;
use super::list_screen::ListScreen;
use super::{Header, Pointer, Request, Screen};
use crate::format::provenance::StepIndex;
use crate::inventory::{Inventory, RefId};
use crate::tui::effect::{Imports, JobId, Work};
use crate::tui::evidence::{Part, is_command};
use crate::tui::found::Found;
use crate::tui::keymap::{self, Action};
use crate::tui::layer::details::Details;
use crate::tui::layer::evidence::{EvidencePrompt, INSPECT};
use crate::tui::list::{List, Sort};
use crate::tui::message::Report;
use crate::tui::rows::why::{Explained, Shape, WhyRows};
use crate::tui::rows::{Cell, Detail, Identity};
use crate::tui::theme::Role;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text::{self, Line};
use crate::tui::world::{Context, Handled, SourceId, StatusKind, World};

mod command;

/// From this width on, all distinctive columns of a step are visible.
const LIST_WIDTH: u16 = 84;

/// Why the steps of a build ran.
#[derive(Debug)]
pub struct Why {
    against: Against,
    screen: ListScreen,
    rows: Arc<WhyRows>,
    opened: HashSet<StepIndex>,
    state: State,
    /// The row of the steps of a ref from which it was asked, and the name of the step there.
    asked: Option<(Identity, String)>,
    /// The row that the cursor goes to as soon as it shows.
    wanted: Option<Identity>,
}

/// The caches that a build is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// A ref of a source, by its name and digest.
    Ref(SourceId, String, String),
    /// The caches in the build's record.
    Named,
}

/// The progress of the explanation.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// There is no evidence of a build yet.
    Asking,
    /// It is being made, with the current step as text.
    Working(JobId, String),
    /// It is available.
    Done,
    /// It was stopped.
    Stopped,
    /// It failed, for these reasons.
    Failed(Vec<String>),
}

impl Why {
    /// Explains the build in the evidence against the ref at `id`; prompts for evidence if there is
    /// none.
    pub fn of_ref(
        source: SourceId,
        inventory: &Inventory,
        id: RefId,
        cx: &mut Context<'_>,
    ) -> Self {
        let entry = inventory.get_ref(id);
        let name = entry.map(|entry| entry.name.clone()).unwrap_or_default();
        let digest = entry
            .map(|entry| entry.digest().to_string())
            .unwrap_or_default();
        Self::new(Against::Ref(source, name, digest), cx)
    }

    /// Explains a build against the caches in its record; prompts for the record if there is none.
    pub fn of_record(cx: &mut Context<'_>) -> Self {
        Self::new(Against::Named, cx)
    }

    /// Lets the cursor stand on the step of a row from which it was asked.
    #[must_use]
    pub fn asked_from(self, row: Option<(Identity, String)>) -> Self {
        Self { asked: row, ..self }
    }

    fn new(against: Against, cx: &mut Context<'_>) -> Self {
        Self::with_line(against, String::new(), cx)
    }

    fn with_line(against: Against, line: String, cx: &mut Context<'_>) -> Self {
        let rows = Arc::new(WhyRows::new(None, HashSet::new(), Shape::Folded));
        let list = List::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let screen = ListScreen::new(list, RowHeight::Single, 1).wanting(LIST_WIDTH);
        let mut why = Self {
            against,
            screen,
            rows,
            opened: HashSet::new(),
            state: State::Asking,
            asked: None,
            wanted: None,
        };
        if cx.world.evidence.is_empty() {
            EvidencePrompt::open_with(line, cx);
        } else {
            why.begin(cx);
        }
        why
    }

    /// Starts or restarts the explanation; the visible result stays until that is done.
    fn begin(&mut self, cx: &mut Context<'_>) {
        self.stop(cx);
        let imports = match &self.against {
            Against::Named => Imports::Named,
            Against::Ref(source, name, digest) => {
                let found = cx.world.source(*source).found.as_ref();
                let Some(found) = found.filter(|found| found.is_complete()) else {
                    self.state =
                        State::Failed(vec!["the scan has not ended yet: r tries again".to_owned()]);
                    return;
                };
                let inventory = Arc::clone(&found.inventory);
                let called = || {
                    inventory
                        .indexed_refs()
                        .filter(|(_, entry)| entry.name == *name)
                };
                let same = called().find(|(_, entry)| entry.digest().to_string() == *digest);
                let Some((id, _)) = same.or_else(|| called().next()) else {
                    self.state = State::Failed(vec!["the ref is not there any more".to_owned()]);
                    return;
                };
                Imports::Ref {
                    source: *source,
                    inventory: Arc::clone(&inventory),
                    id,
                }
            }
        };
        let given = cx.world.evidence.clone();
        let job = cx.start(Work::Explain(imports, given));
        self.state = State::Working(job, "reading the evidence".to_owned());
    }

    /// Stops running jobs; returns whether there were any.
    fn stop(&mut self, cx: &mut Context<'_>) -> Handled {
        let State::Working(job, _) = self.state else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = if self.rows.explained().is_some() {
            State::Done
        } else {
            State::Stopped
        };
        Handled::Yes
    }

    fn done(&mut self, explained: &Arc<Explained>, cx: &mut Context<'_>) {
        self.state = State::Done;
        let count = explained.groups.all.len();
        let mut lead = Vec::new();
        for (number, group) in (1..).zip(&explained.groups.all) {
            let sentences = explained.sentences(group);
            lead.extend(sentences.into_iter().enumerate().map(|(place, sentence)| {
                let sign = if place == 0 {
                    format!("{number}  ")
                } else {
                    "   ".to_owned()
                };
                Cell::new(sign, Role::Strong).and_all(sentence)
            }));
        }
        if count == 0 {
            let [_, misses, open] = explained.counts;
            let words = match (misses, open) {
                (0, 0) => Cell::new("✓  ", Role::Good)
                    .and("Every step is found in the cache.", Role::Text),
                (0, _) => {
                    Cell::new("?  ", Role::Unsure).and("No step is known to run.", Role::Text)
                }
                _ => Cell::new("?  ", Role::Unsure).and("Nothing tells why steps run.", Role::Text),
            };
            lead.push(words);
        }
        if explained.counts[2] > 0 {
            lead.push(self.settled_by(explained, cx.world));
        }
        lead.extend(
            explained
                .explanation
                .notes
                .iter()
                .map(|note| Cell::new("·  ", Role::Dim).and(note.clone(), Role::Dim)),
        );
        self.screen.set_lead(lead);
        // Later explanations leave the cursor where it is.
        let asked = self.asked.take();
        if let Some(step) = asked.and_then(|(row, name)| explained.step_at(&row, &name)) {
            self.opened.extend(explained.groups.owner(step));
            self.wanted = Some(Identity::BuildStep(step.0));
        }
        self.show(Some(Arc::clone(explained)), self.rows.shape(), cx);
        self.stand();
    }

    /// Puts the cursor on the row that is wanted, if it shows.
    fn stand(&mut self) {
        let list = &mut self.screen.list;
        self.wanted = self
            .wanted
            .take()
            .filter(|row| list.select(row) == Handled::No);
    }

    fn show(&mut self, explained: Option<Arc<Explained>>, shape: Shape, cx: &mut Context<'_>) {
        self.rows = Arc::new(WhyRows::new(explained, self.opened.clone(), shape));
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    /// Folds only if all steps are in their own order.
    fn reshape(&mut self, cx: &mut Context<'_>) {
        let view = self.screen.list.view();
        let is_whole = view.filter.is_empty() && view.sort == Sort::default();
        let shape = if is_whole { Shape::Folded } else { Shape::Flat };
        if shape != self.rows.shape() {
            self.show(self.rows.explained().cloned(), shape, cx);
        }
    }

    fn fold(&mut self, action: Action, cx: &mut Context<'_>) {
        let Some(row) = self
            .screen
            .list
            .current()
            .filter(|_| self.rows.shape() == Shape::Folded)
        else {
            return;
        };
        let Some(step) = self.rows.step(row) else {
            return;
        };
        let changed = match action {
            Action::Expand => self.rows.below(row) > 0 && self.opened.insert(step),
            _ => self.opened.remove(&step),
        };
        if changed {
            self.show(self.rows.explained().cloned(), Shape::Folded, cx);
        } else if let Some(parent) = self.rows.parent(row).filter(|_| action == Action::Collapse) {
            self.screen.list.select(&parent);
        }
    }

    /// Opens the files behind the cause of the row, else all its details.
    fn open(&mut self, cx: &mut Context<'_>) {
        let Some((explained, row)) = self
            .rows
            .explained()
            .cloned()
            .zip(self.screen.list.current())
        else {
            if self.state == State::Asking {
                EvidencePrompt::open(cx);
            }
            return;
        };
        let Some(step) = self.rows.step(row) else {
            return;
        };
        let cause = explained
            .explanation
            .causes
            .get(step.at())
            .and_then(Option::as_ref);
        if cause.is_some_and(|cause| !cause.paths.is_empty()) {
            let changes = Changes::new(explained, step, cx);
            cx.push(changes);
        } else {
            cx.show(Details::new(explained.details(step)));
        }
    }

    /// Shows all causes in full, with the facts that the evidence lacks.
    fn show_causes(&self, cx: &mut Context<'_>) {
        let Some(explained) = self.rows.explained() else {
            return;
        };
        let mut lines = Vec::new();
        for (number, group) in (1..).zip(&explained.groups.all) {
            if number > 1 {
                lines.push(Detail::Blank);
            }
            lines.push(Detail::Heading(format!("{number}").into()));
            lines.extend(explained.sentences(group).into_iter().map(Detail::Text));
            if group.steps.len() > 2 {
                let steps = group
                    .steps
                    .iter()
                    .map(|step| Cell::new("· ", Role::Dim).and_all(explained.title(*step)));
                lines.extend(steps.map(Detail::Text));
            }
        }
        if explained.groups.all.is_empty() {
            lines.push(Detail::Text(Cell::text(
                "No step is known to run for a reason of its own.",
            )));
        }
        let notes = &explained.explanation.notes;
        if !notes.is_empty() {
            lines.extend([
                Detail::Blank,
                Detail::Heading("What the evidence does not tell".into()),
            ]);
            lines.extend(
                notes
                    .iter()
                    .map(|note| Detail::Text(Cell::text(format!("· {note}")))),
            );
        }
        lines.extend([Detail::Blank, Detail::Heading("Evidence".into())]);
        for item in &cx.world.evidence.items {
            let seen = item
                .seen
                .as_ref()
                .map(|seen| format!("  {seen}"))
                .unwrap_or_default();
            let cell = Cell::text(item.text.clone()).and(seen, Role::Dim);
            lines.push(Detail::Fact(item.part.word(), cell));
        }
        cx.show(Details::new(lines));
    }

    /// Returns the line above the causes: the sums, and their inputs.
    fn head(&self, world: &World) -> Cell {
        match &self.state {
            State::Working(_, words) => {
                return Cell::new(format!("{words}… esc stops it"), Role::Title);
            }
            State::Failed(faults) if self.rows.explained().is_some() => {
                return Cell::new(format!("! {}", faults.join(" · ")), Role::Error);
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
                Cell::new(format!("{lost}  "), Role::Warning)
            })
            .and(format!("{hits} ✓ hit  "), Role::Good)
            .and(format!("{misses} ✗ miss  "), Role::Missing);
        if open > 0 {
            cell = cell.and(format!("{open} ? undecided  "), Role::Unsure);
        }
        let by = Part::ALL.into_iter().filter_map(|part| {
            let names: Vec<String> = world
                .evidence
                .of(part)
                .iter()
                .map(|text| short(text))
                .collect();
            (!names.is_empty()).then(|| format!("{} {}", part.word(), names.join(", ")))
        });
        cell.and(by.collect::<Vec<_>>().join(" · "), Role::Dim)
    }

    fn empty(&self, world: &World) -> Vec<Cell> {
        let key = |action| world.keymap.key_for(self.contexts(), action);
        match &self.state {
            State::Asking | State::Stopped => {
                let first = if self.state == State::Stopped {
                    Cell::text("It was stopped; ")
                        .and(key(Action::Rescan), Role::Key)
                        .and(" begins again.", Role::Text)
                } else {
                    Cell::text("Nothing tells of a build yet; ")
                        .and(key(Action::Evidence), Role::Key)
                        .and(" takes evidence of one.", Role::Text)
                };
                vec![
                    first,
                    Cell::default(),
                    Cell::new("A build record has all that is needed:", Role::Dim),
                    Cell::new("docker buildx history export -o run.dockerbuild", Role::Key),
                    Cell::new("The provenance of an image has the steps:", Role::Dim),
                    Cell::new(INSPECT, Role::Key),
                ]
            }
            State::Working(..) => vec![Cell::new(
                "The steps come when the build is explained.",
                Role::Dim,
            )],
            State::Done => vec![Cell::text("The build has no steps.")],
            State::Failed(faults) => {
                // The first line is the problem; the others explain it, or give advice.
                let faults = faults.iter().enumerate().map(|(place, fault)| match place {
                    0 => Cell::new(format!("! {fault}"), Role::Error),
                    _ => Cell::text(fault.clone()),
                });
                let hint = Cell::new(key(Action::Evidence), Role::Key)
                    .and(" changes the evidence, ", Role::Dim)
                    .and(key(Action::Rescan), Role::Key)
                    .and(" tries again", Role::Dim);
                faults.chain([Cell::default(), hint]).collect()
            }
        }
    }
}

fn steps(count: usize) -> String {
    if count == 1 {
        "1 step".to_owned()
    } else {
        format!("{count} steps")
    }
}

fn pieces(count: usize) -> String {
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
    let parts: Vec<&str> = text.trim_end_matches('/').rsplit('/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

impl Screen for Why {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[
            keymap::Context::Why,
            keymap::Context::List,
            keymap::Context::Global,
        ]
    }

    fn header(&self, world: &World) -> Header {
        let facts = match self.rows.explained() {
            Some(explained) if self.against == Against::Named => {
                vec![text::cut(
                    &explained.against.join(" "),
                    world.size.width / 3,
                )]
            }
            Some(explained) => vec![steps(explained.steps())],
            None => vec![pieces(world.evidence.items.len())],
        };
        let path = match &self.against {
            Against::Ref(source, name, _) => {
                let name = text::cut(name, world.size.width / 3);
                vec![
                    world.source(*source).info.label.clone(),
                    name,
                    "why".to_owned(),
                ]
            }
            Against::Named => vec!["the caches of a build".to_owned(), "why".to_owned()],
        };
        Header { path, facts }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = Cell::new(
            "✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that",
            Role::Dim,
        );
        self.screen.summary(world, "steps", words)
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Collapse | Action::Expand => self.fold(action, cx),
            Action::Causes => self.show_causes(cx),
            Action::Evidence => EvidencePrompt::open(cx),
            Action::Rescan if cx.world.evidence.is_empty() => EvidencePrompt::open(cx),
            Action::Rescan => self.begin(cx),
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            Action::Escape if self.stop(cx) == Handled::Yes => {
                cx.world.note(StatusKind::Done, "it was stopped");
            }
            _ => {
                let handled = self.screen.act(action, cx);
                self.reshape(cx);
                return handled;
            }
        }
        Handled::Yes
    }

    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        if matches!(request, Request::Evidence) {
            self.begin(cx);
        } else {
            self.screen.answer(request, cx);
            self.reshape(cx);
        }
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        if self.screen.pointer(pointer, cx) == Handled::Yes {
            self.open(cx);
        }
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        let is_ours = matches!(self.state, State::Working(ours, _) if ours == job);
        match report {
            Report::Explaining(words) if is_ours => self.state = State::Working(job, words.clone()),
            Report::Explained(Ok(explained)) if is_ours => self.done(explained, cx),
            Report::Explained(Err(faults)) if is_ours => self.state = State::Failed(faults.clone()),
            _ => {
                self.screen.report(job, report, cx);
                self.stand();
            }
        }
    }

    fn leave(&mut self, cx: &mut Context<'_>) {
        self.stop(cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut Context<'_>) {
        let is_ours = matches!(self.against, Against::Ref(ours, ..) if ours == source);
        let is_complete = cx
            .world
            .source(source)
            .found
            .as_ref()
            .is_some_and(Found::is_complete);
        // An existing result stays; only a screen that waits for the scan starts by itself.
        if is_ours
            && is_complete
            && matches!(self.state, State::Failed(_))
            && !cx.world.evidence.is_empty()
        {
            self.begin(cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let head = self.screen.areas(area).head;
        let line = Line {
            x: head.x + 3,
            width: head.width.saturating_sub(4),
            ..Line::of(head, 0)
        };
        text::put(
            frame.buffer_mut(),
            line,
            &self.head(world),
            &world.theme,
            Style::default(),
        );
        self.screen.draw(world, frame, area, &self.empty(world));
    }

    fn list(&self) -> Option<&List> {
        Some(&self.screen.list)
    }

    fn file_name(&self) -> &'static str {
        "why"
    }
}
