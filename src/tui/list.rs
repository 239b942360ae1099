//! A list: which rows are shown in which order, where the cursor is, and what is marked.
//!
//! Few rows are filtered and sorted at once, many beside the UI; until that is done, the old rows stay. Cursor and marks
//! belong to what a row stands for, not to its place.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::effect::{JobId, Work};
use super::keymap::Action;
use super::message::Wheel;
use super::rows::{Column, Identity, RowSet, Sortable};
use super::world::{Context, Handled};
use crate::inventory::filter::Filter;

mod arrange;

pub use arrange::{Arrangement, Order, Sort, arrange};

/// So many rows are filtered and sorted within a frame.
pub const AT_ONCE: u32 = 20_000;
/// How many rows the wheel moves.
const WHEEL_ROWS: usize = 3;
/// Two clicks within this time are one on a row that is selected already.
const DOUBLE_CLICK: SignedDuration = SignedDuration::from_millis(400);

/// A list and where one is in it.
#[derive(Debug)]
pub struct List {
    rows: Arc<dyn RowSet>,
    shown: Arc<Vec<u32>>,
    /// The order and filter of `shown`.
    applied: View,
    /// The order and filter that are asked for.
    wanted: View,
    work: Option<Working>,
    /// Rows that came while others were being arranged.
    newer: Option<Arc<dyn RowSet>>,
    cursor: usize,
    /// Whether somebody went to the row under the cursor; whoever did not wants to see what comes first.
    moved: bool,
    top: usize,
    marks: HashSet<Identity>,
    click: Option<(Timestamp, usize)>,
}

/// An order and a filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Which rows.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
}

#[derive(Debug)]
struct Working {
    job: JobId,
    done: u32,
    rows: u32,
}

/// What is marked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marked {
    /// How many things.
    pub count: usize,
    /// What they take together, in words.
    pub together: String,
    /// How many of them the filter hides.
    pub hidden: usize,
}

impl List {
    /// Makes a list of `rows` in the order `sort`.
    pub fn new(rows: Arc<dyn RowSet>, sort: Sort, cx: &mut Context<'_>) -> Self {
        let view = View { filter: Filter::default(), sort };
        let mut list = Self {
            rows: Arc::clone(&rows),
            shown: Arc::default(),
            applied: view.clone(),
            wanted: view,
            work: None,
            newer: None,
            cursor: 0,
            moved: false,
            top: 0,
            marks: HashSet::new(),
            click: None,
        };
        list.begin(rows, cx);
        list
    }

    /// Returns where the rows come from.
    pub fn rows(&self) -> &Arc<dyn RowSet> {
        &self.rows
    }

    /// Returns the rows that are shown, in order.
    pub fn shown(&self) -> &Arc<Vec<u32>> {
        &self.shown
    }

    /// Returns the order and filter that are asked for.
    pub fn view(&self) -> &View {
        &self.wanted
    }

    /// Returns the columns.
    pub fn columns(&self) -> &'static [Column] {
        self.rows.columns()
    }

    /// Returns the row under the cursor.
    pub fn current(&self) -> Option<u32> {
        self.shown.get(self.cursor).copied()
    }

    /// Returns the place of the cursor among the rows that are shown.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the first row on a screen of `height` rows.
    pub fn top(&self, height: usize) -> usize {
        let height = height.max(1);
        let last = self.shown.len().saturating_sub(height);
        self.top.clamp((self.cursor + 1).saturating_sub(height), self.cursor).min(last)
    }

    /// Tells whether a row is marked.
    pub fn is_marked(&self, row: u32) -> bool {
        !self.marks.is_empty() && self.marks.contains(&self.rows.identity(row))
    }

    /// Returns what is marked and still there, in the order of the rows.
    pub fn marks(&self) -> Vec<Identity> {
        let mut rows: Vec<u32> = self.marks.iter().filter_map(|identity| self.rows.find(identity)).collect();
        rows.sort_unstable();
        rows.into_iter().map(|row| self.rows.identity(row)).collect()
    }

    /// Takes all marks away.
    pub fn unmark(&mut self) {
        self.marks.clear();
    }

    /// Sums up what is marked. A mark on something that is gone counts for nothing.
    pub fn marked(&self, now: Timestamp) -> Marked {
        let rows: Vec<u32> = self.marks.iter().filter_map(|identity| self.rows.find(identity)).collect();
        if rows.is_empty() {
            return Marked::default();
        }
        let is_hidden = |row: &&u32| !self.rows.matches(**row, &self.applied.filter, now);
        Marked { count: rows.len(), together: self.rows.together(&rows), hidden: rows.iter().filter(is_hidden).count() }
    }

    /// Returns how far a running arrangement has come, in percent.
    pub fn progress(&self) -> Option<u64> {
        self.work.as_ref().map(|work| u64::from(work.done) * 100 / u64::from(work.rows.max(1)))
    }

    /// Puts other rows in place of those that are there.
    pub fn set_rows(&mut self, rows: Arc<dyn RowSet>, cx: &mut Context<'_>) {
        if self.work.is_some() {
            self.newer = Some(rows);
        } else {
            self.begin(rows, cx);
        }
    }

    /// Filters anew.
    pub fn set_filter(&mut self, filter: Filter, cx: &mut Context<'_>) {
        if filter != self.wanted.filter {
            self.want(View { filter, sort: self.wanted.sort }, cx);
        }
    }

    /// Sorts anew.
    pub fn set_sort(&mut self, sort: Sort, cx: &mut Context<'_>) {
        if sort != self.wanted.sort {
            self.want(View { filter: self.wanted.filter.clone(), sort }, cx);
        }
    }

    /// Moves the cursor to the row that stands for `identity`.
    pub fn select(&mut self, identity: &Identity) -> Handled {
        let place = self.rows.find(identity).and_then(|row| self.shown.iter().position(|shown| *shown == row));
        if let Some(place) = place {
            (self.cursor, self.moved) = (place, true);
        }
        place.is_some().into()
    }

    /// Heeds how far an arrangement has come.
    pub fn arranging(&mut self, job: JobId, done: u32) {
        if let Some(work) = self.work.as_mut().filter(|work| work.job == job) {
            work.done = done;
        }
    }

    /// Takes an arrangement over, when it is the one that is waited for.
    pub fn arranged(&mut self, job: JobId, rows: &Arc<dyn RowSet>, shown: &[u32], cx: &mut Context<'_>) {
        if self.work.take_if(|work| work.job == job).is_none() {
            return;
        }
        self.show(Arc::clone(rows), shown.to_vec());
        if let Some(newer) = self.newer.take() {
            self.begin(newer, cx);
        }
    }

    /// Does what is the same in every list.
    pub fn act(&mut self, action: Action, height: usize, cx: &mut Context<'_>) -> Handled {
        let page = height.saturating_sub(1).max(1);
        match action {
            Action::Up => self.go(self.cursor.saturating_sub(1), height),
            Action::Down => self.go(self.cursor + 1, height),
            Action::PageUp => self.go(self.cursor.saturating_sub(page), height),
            Action::PageDown => self.go(self.cursor + page, height),
            Action::HalfPageUp => self.go(self.cursor.saturating_sub(page.div_ceil(2)), height),
            Action::HalfPageDown => self.go(self.cursor + page.div_ceil(2), height),
            Action::Top => self.go(0, height),
            Action::Bottom => self.go(usize::MAX, height),
            Action::Mark => {
                self.toggle_mark();
                self.go(self.cursor + 1, height);
            }
            Action::MarkAll => self.toggle_all(),
            Action::Reverse => self.set_sort(self.wanted.sort.reversed(), cx),
            Action::Escape => return self.escape(cx),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    /// Selects the row at `place` of what is on the screen; tells whether it was selected already and is meant to be opened.
    pub fn click(&mut self, place: usize, height: usize, now: Timestamp) -> Handled {
        let place = self.top(height) + place;
        if place >= self.shown.len() {
            return Handled::No;
        }
        let again = self.click.is_some_and(|(at, clicked)| clicked == place && now.duration_since(at) <= DOUBLE_CLICK);
        let selected = self.cursor == place;
        self.click = Some((now, place));
        self.go(place, height);
        (again || selected).into()
    }

    /// Turns the wheel: what is seen moves, and the cursor only with its edge.
    pub fn wheel(&mut self, wheel: Wheel, height: usize) {
        let last = self.shown.len().saturating_sub(height);
        let top = self.top(height);
        self.top = match wheel {
            Wheel::Up => top.saturating_sub(WHEEL_ROWS),
            Wheel::Down => (top + WHEEL_ROWS).min(last),
        };
        let bottom = (self.top + height).min(self.shown.len()).saturating_sub(1);
        self.cursor = self.cursor.clamp(self.top.min(bottom), bottom);
    }

    fn go(&mut self, place: usize, height: usize) {
        self.cursor = place.min(self.shown.len().saturating_sub(1));
        self.moved = self.cursor > 0;
        self.top = self.top(height);
    }

    fn escape(&mut self, cx: &mut Context<'_>) -> Handled {
        if let Some(work) = self.work.take() {
            cx.stop(work.job);
            self.wanted = self.applied.clone();
            if let Some(newer) = self.newer.take() {
                self.begin(newer, cx);
            }
            return Handled::Yes;
        }
        let filtered = !self.wanted.filter.is_empty();
        self.set_filter(Filter::default(), cx);
        filtered.into()
    }

    fn toggle_mark(&mut self) {
        if let Some(row) = self.current() {
            let identity = self.rows.identity(row);
            if !self.marks.remove(&identity) {
                self.marks.insert(identity);
            }
        }
    }

    fn toggle_all(&mut self) {
        let shown = || self.shown.iter().map(|row| self.rows.identity(*row));
        let mut marks = self.marks.clone();
        if shown().all(|identity| marks.contains(&identity)) {
            shown().for_each(|identity| {
                marks.remove(&identity);
            });
        } else {
            marks.extend(shown());
        }
        self.marks = marks;
    }

    fn want(&mut self, view: View, cx: &mut Context<'_>) {
        self.wanted = view;
        if let Some(work) = self.work.take() {
            cx.stop(work.job);
        }
        let rows = self.newer.take().unwrap_or_else(|| Arc::clone(&self.rows));
        self.begin(rows, cx);
    }

    fn begin(&mut self, rows: Arc<dyn RowSet>, cx: &mut Context<'_>) {
        let count = rows.count();
        let arrangement = Arrangement { rows, view: self.wanted.clone(), now: cx.world.now };
        if count > AT_ONCE {
            let job = cx.start(Work::Arrange(arrangement));
            self.work = Some(Working { job, done: 0, rows: count });
        } else if let Some(shown) = arrange(&arrangement, |_| true) {
            self.show(arrangement.rows, shown);
        }
    }

    fn show(&mut self, rows: Arc<dyn RowSet>, shown: Vec<u32>) {
        let held = self.current().filter(|_| self.moved).map(|row| self.rows.identity(row));
        (self.rows, self.shown) = (rows, Arc::new(shown));
        self.applied = self.wanted.clone();
        let found = held.is_some_and(|identity| self.select(&identity) == Handled::Yes);
        if !found {
            self.cursor = self.cursor.min(self.shown.len().saturating_sub(1));
        }
    }
}

impl Sort {
    /// Returns the order that a column begins with.
    pub fn by(column: usize, columns: &[Column]) -> Self {
        let order = match columns.get(column).map(|column| column.sort) {
            Some(Sortable::Descending) => Order::Descending,
            _ => Order::Ascending,
        };
        Self { column, order }
    }
}
