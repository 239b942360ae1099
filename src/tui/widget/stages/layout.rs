//! Where the stages and steps of the graph are.

use ratatui::layout::Rect;

use super::SIGN;
use crate::format::provenance::StepIndex;
use crate::tui::rows::Cell;
use crate::tui::rows::why::{GraphStep, StageColumn, StageGraph, StepReason};
use crate::tui::theme::TextRole;
use crate::tui::widget::text;

/// The gap between two columns.
const GAP: u16 = 3;
/// The minimum width of a column.
const LEAST: u16 = 20;
/// The lines of a name and of the rule below it.
const NAME: u16 = 2;
/// The minimum number of lines below the names, with lines between stages above them.
const LEAST_STEPS: u16 = 6;
/// The maximum number of lines of an instruction.
const MOST_TITLE: usize = 2;
/// The maximum number of lines of a cause.
const MOST_WHY: usize = 3;

/// How much a step shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Density {
    /// Its title, its facts, the cause of a first miss, its cost, and a line to the next step.
    Whole,
    /// The same without its facts.
    Full,
    /// The same with one line of the cause.
    Short,
    /// Its title and its cost.
    Middle,
    /// One line.
    Least,
}

/// The visible part of a graph.
pub(super) struct StageLayout<'g> {
    /// The lines between the stages.
    pub edges: Rect,
    pub columns: Vec<PlacedColumn<'g>>,
    pub density: Density,
    /// The number of stages to the left and to the right.
    pub outside: [usize; 2],
}

/// A visible stage.
pub(super) struct PlacedColumn<'g> {
    /// Its index.
    pub place: usize,
    pub column: &'g StageColumn,
    /// Its name, a rule, and its steps.
    pub area: Rect,
    pub steps: Vec<PlacedStep<'g>>,
    /// The number of steps that have no room.
    pub hidden: usize,
}

/// A visible step.
pub(super) struct PlacedStep<'g> {
    pub step: &'g GraphStep,
    pub area: Rect,
    /// Whether another step follows in its column.
    pub has_next: bool,
}

impl<'g> StageLayout<'g> {
    /// Places as many stages as fit, so that the step under the cursor is among them.
    pub fn new(graph: &'g StageGraph, cursor: Option<StepIndex>, area: Rect) -> Self {
        let count = graph.columns.len();
        let (fits, width) = fitting(count, area.width);
        let at = cursor.and_then(|cursor| graph.place(cursor));
        let (at, row) = at.unwrap_or_default();
        let first = (at + 1).saturating_sub(fits);
        let shown = &graph.columns[first..(first + fits).min(count)];
        let lines = edge_lines(shown, first);
        let lines = if area.height >= lines + NAME + LEAST_STEPS {
            lines
        } else {
            0
        };
        let edges = Rect {
            height: lines,
            ..area
        };
        let below = Rect {
            y: edges.bottom(),
            height: area.height - lines,
            ..area
        };
        let room = below.height.saturating_sub(NAME);
        let fit = |density: &Density| {
            let mut columns = shown.iter();
            columns.all(|column| column_height(column, *density, width) <= room)
        };
        let all = [
            Density::Whole,
            Density::Full,
            Density::Short,
            Density::Middle,
        ];
        let density = all.into_iter().find(fit).unwrap_or(Density::Least);
        let columns = shown.iter().zip(0u16..).map(|(column, number)| {
            let area = Rect {
                x: below.x + number * (width + GAP),
                width,
                ..below
            };
            let place = first + usize::from(number);
            let row = if place == at { row } else { 0 };
            placed_column(column, place, row, density, area)
        });
        Self {
            edges,
            columns: columns.collect(),
            density,
            outside: [first, count - first - shown.len()],
        }
    }
}

/// Returns how many of `count` columns fit, and their width.
fn fitting(count: usize, room: u16) -> (usize, u16) {
    let fits = usize::from((room + GAP) / (LEAST + GAP)).clamp(1, count.max(1));
    let gaps = GAP * u16::try_from(fits - 1).unwrap_or_default();
    let width = room.saturating_sub(gaps) / u16::try_from(fits).unwrap_or(1).max(1);
    (fits, width)
}

/// Returns the number of lines that all of a graph takes in `width` columns.
pub fn whole_height(graph: &StageGraph, width: u16) -> u16 {
    let (_, width) = fitting(graph.columns.len(), width);
    let columns = graph.columns.iter();
    let heights = columns.map(|column| column_height(column, Density::Whole, width));
    let steps = heights.max().unwrap_or_default();
    edge_lines(&graph.columns, 0)
        .saturating_add(NAME)
        .saturating_add(steps)
}

fn column_height(column: &StageColumn, density: Density, width: u16) -> u16 {
    let heights = column.steps.iter().map(|step| height(step, density, width));
    heights.fold(0, u16::saturating_add)
}

/// Returns how many lines the connections of some stages take: one for each that another uses, and
/// one for the arrows.
fn edge_lines(shown: &[StageColumn], first: usize) -> u16 {
    let used = |place: usize| shown.iter().any(|column| column.needs.contains(&place));
    let count = (first..first + shown.len())
        .filter(|place| used(*place))
        .count();
    match u16::try_from(count).unwrap_or(u16::MAX) {
        0 => 0,
        count => count.saturating_add(1),
    }
}

fn height(step: &GraphStep, density: Density, width: u16) -> u16 {
    match density {
        Density::Least => 1,
        Density::Middle => 2,
        Density::Whole | Density::Full | Density::Short => {
            let facts = u16::from(density == Density::Whole);
            let why = why_lines(step, density, width).len();
            let why = u16::try_from(why).unwrap_or_default();
            let title = title_lines(step, density, width).len();
            let title = u16::try_from(title).unwrap_or(1);
            1 + title + facts + why + u16::from(step.cost > 0)
        }
    }
}

/// Returns the lines of a step's instruction, next to its sign.
pub(super) fn title_lines(step: &GraphStep, density: Density, width: u16) -> Vec<Cell> {
    let role = match step.reason {
        StepReason::First(..) => TextRole::Strong,
        StepReason::None | StepReason::Later(..) => TextRole::Text,
    };
    let title = Cell::new(step.title.clone(), role);
    if density != Density::Whole {
        return vec![title];
    }
    let mut lines = text::wrap(&title, width.saturating_sub(SIGN));
    if lines.len() > MOST_TITLE {
        lines.truncate(MOST_TITLE);
        if let Some(last) = lines.pop() {
            lines.push(last.and(" …", role));
        }
    }
    lines
}

/// Returns the lines that say why a step runs.
pub(super) fn why_lines(step: &GraphStep, density: Density, width: u16) -> Vec<Cell> {
    let room = width.saturating_sub(SIGN);
    match &step.reason {
        StepReason::First(_, why) if density == Density::Short => {
            vec![Cell::text(text::cut(why, room))]
        }
        StepReason::First(_, why) => {
            let mut lines = text::wrap(&Cell::text(why.clone()), room);
            lines.truncate(MOST_WHY);
            lines
        }
        StepReason::Later(_, owner) if density == Density::Whole => {
            let words = text::cut(&format!("because of {owner}"), room);
            vec![Cell::new(words, TextRole::Dim)]
        }
        StepReason::Later(..) | StepReason::None => Vec::new(),
    }
}

/// Places the steps of a column; where they do not fit, those around `row`.
fn placed_column(
    column: &StageColumn,
    place: usize,
    row: usize,
    density: Density,
    area: Rect,
) -> PlacedColumn<'_> {
    let bottom = area.bottom();
    let mut y = area.y + NAME;
    let room = usize::from(bottom.saturating_sub(y));
    let is_cut = density == Density::Least && column.steps.len() > room;
    let (skipped, count) = if is_cut {
        // The last line says how many more there are.
        let room = room.saturating_sub(1);
        ((row + 1).saturating_sub(room), room)
    } else {
        (0, column.steps.len())
    };
    let mut steps = Vec::new();
    for (number, step) in column.steps.iter().enumerate().skip(skipped).take(count) {
        let height = height(step, density, area.width).min(bottom.saturating_sub(y));
        steps.push(PlacedStep {
            step,
            area: Rect { y, height, ..area },
            has_next: number + 1 < column.steps.len(),
        });
        y += height;
    }
    PlacedColumn {
        place,
        column,
        area,
        hidden: column.steps.len() - steps.len(),
        steps,
    }
}

/// Returns the step at a cell.
pub fn at(
    graph: &StageGraph,
    cursor: Option<StepIndex>,
    area: Rect,
    (x, y): (u16, u16),
) -> Option<StepIndex> {
    let layout = StageLayout::new(graph, cursor, area);
    let mut steps = layout.columns.iter().flat_map(|column| &column.steps);
    let placed = steps.find(|placed| placed.area.contains((x, y).into()))?;
    Some(placed.step.step)
}
