//! A list: its visible rows and their order, the cursor, and the marks.
//!
//! Few rows are filtered and sorted at once, many in a background job; until that ends, the old
//! rows stay. The cursor and the marks belong to the identity of a row, not to its position.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::effect::{JobId, JobWork};
use super::keymap::Action;
use super::message::Wheel;
use super::navigation::{Handled, UiContext};
use super::rows::{Column, Identity, RowSet, Sortable};
use crate::inventory::filter::Filter;

mod arrange;
mod marks;
mod matches;
mod place;

pub use arrange::{Arrangement, Sort, SortDirection, arrange};
use marks::Range;
pub use place::ListPlace;

/// Up to this many rows are filtered and sorted within a frame.
pub const AT_ONCE: u32 = 20_000;
/// The number of rows that the wheel moves.
const WHEEL_ROWS: usize = 3;
/// Two clicks within this time on a selected row are a double click.
const DOUBLE_CLICK: SignedDuration = SignedDuration::from_millis(400);

/// A list with its cursor.
#[derive(Debug)]
pub struct RowList {
    rows: Arc<dyn RowSet>,
    shown: Arc<Vec<u32>>,
    /// The order and filter of `shown`.
    applied: View,
    /// The requested order and filter.
    wanted: View,
    work: Option<Working>,
    /// Rows that arrived while others were being arranged.
    newer: Option<Arc<dyn RowSet>>,
    cursor: usize,
    /// Whether a person moved the cursor. If not, the cursor stays on the first row.
    moved: bool,
    top: usize,
    marks: HashSet<Identity>,
    range: Option<Range>,
    /// The last filter; it stays when the filter is cleared.
    searched: Filter,
    click: Option<(Timestamp, usize)>,
}

/// An order and a filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// The filter of the rows.
    pub filter: Filter,
    /// Their order.
    pub sort: Sort,
}

#[derive(Debug)]
struct Working {
    job: JobId,
    done: u32,
    rows: u32,
}

/// The marked rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marked {
    /// Their number.
    pub count: usize,
    /// Their combined size, as text.
    pub together: String,
    /// The number of marked rows that the filter hides.
    pub hidden: usize,
}

impl RowList {
    /// Creates a list of `rows` in the order `sort`.
    pub fn new(rows: Arc<dyn RowSet>, sort: Sort, cx: &mut UiContext<'_>) -> Self {
        let view = View {
            filter: Filter::default(),
            sort,
        };
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
            range: None,
            searched: Filter::default(),
            click: None,
        };
        list.begin(rows, cx);
        list
    }

    /// Returns the source of the rows.
    pub fn rows(&self) -> &Arc<dyn RowSet> {
        &self.rows
    }

    /// Returns the visible rows, in order.
    pub fn shown(&self) -> &Arc<Vec<u32>> {
        &self.shown
    }

    /// Returns the requested order and filter.
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

    /// Returns the index of the cursor among the visible rows.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the first row on a screen of `height` rows.
    pub fn top(&self, height: usize) -> usize {
        let height = height.max(1);
        let last = self.shown.len().saturating_sub(height);
        self.top
            .clamp((self.cursor + 1).saturating_sub(height), self.cursor)
            .min(last)
    }

    /// Returns whether a row is marked.
    pub fn is_marked(&self, row: u32) -> bool {
        !self.marks.is_empty() && self.marks.contains(&self.rows.identity(row))
    }

    /// Returns the marked rows that still exist, in row order.
    pub fn marks(&self) -> Vec<Identity> {
        let rows = self.marked_rows().into_iter();
        rows.map(|row| self.rows.identity(row)).collect()
    }

    fn marked_rows(&self) -> Vec<u32> {
        let marks = self.marks.iter();
        let rows = marks.filter_map(|identity| self.rows.find(identity));
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_unstable();
        rows
    }

    /// Returns the rows that are written to a file: the marked ones, or all visible ones if none is
    /// marked. The visible ones are in the order of the list.
    pub fn exported(&self) -> Arc<Vec<u32>> {
        let marked = self.marked_rows();
        if marked.is_empty() {
            return Arc::clone(&self.shown);
        }
        let is_marked = |row: &u32| marked.binary_search(row).is_ok();
        let visible: Vec<u32> = self.shown.iter().copied().filter(is_marked).collect();
        let seen: HashSet<u32> = visible.iter().copied().collect();
        let hidden = marked.iter().copied().filter(|row| !seen.contains(row));
        let hidden: Vec<u32> = hidden.collect();
        Arc::new([visible, hidden].concat())
    }

    /// Returns the number of rows of [`Self::exported`], and whether they are the marked ones.
    pub fn exported_count(&self) -> (usize, bool) {
        match self.marked_rows().len() {
            0 => (self.shown.len(), false),
            marked => (marked, true),
        }
    }

    /// Removes all marks.
    pub fn unmark(&mut self) {
        self.range = None;
        self.marks.clear();
    }

    /// Sums up the marked rows. A mark on a row that no longer exists does not count.
    pub fn marked(&self, now: Timestamp) -> Marked {
        let rows = self.marked_rows();
        if rows.is_empty() {
            return Marked::default();
        }
        let is_hidden = |row: &&u32| !self.rows.matches(**row, &self.applied.filter, now);
        Marked {
            count: rows.len(),
            together: self.rows.together(&rows),
            hidden: rows.iter().filter(is_hidden).count(),
        }
    }

    /// Returns the progress of a running arrangement, in percent.
    pub fn progress(&self) -> Option<u64> {
        self.work
            .as_ref()
            .map(|work| u64::from(work.done) * 100 / u64::from(work.rows.max(1)))
    }

    /// Returns whether another order or filter was requested and is not shown yet.
    pub fn is_rearranging(&self) -> bool {
        self.work.is_some() && self.applied != self.wanted
    }

    /// Replaces the rows.
    pub fn set_rows(&mut self, rows: Arc<dyn RowSet>, cx: &mut UiContext<'_>) {
        if self.work.is_some() {
            self.newer = Some(rows);
        } else {
            self.begin(rows, cx);
        }
    }

    /// Applies another filter.
    pub fn set_filter(&mut self, filter: Filter, cx: &mut UiContext<'_>) {
        if filter != self.wanted.filter {
            if !filter.is_empty() {
                self.searched = filter.clone();
            }
            self.want(
                View {
                    filter,
                    sort: self.wanted.sort,
                },
                cx,
            );
        }
    }

    /// Applies another order.
    pub fn set_sort(&mut self, sort: Sort, cx: &mut UiContext<'_>) {
        if sort != self.wanted.sort {
            self.want(
                View {
                    filter: self.wanted.filter.clone(),
                    sort,
                },
                cx,
            );
        }
    }

    /// Moves the cursor to the row with `identity`.
    pub fn select(&mut self, identity: &Identity) -> Handled {
        let place = self
            .rows
            .find(identity)
            .and_then(|row| self.shown.iter().position(|shown| *shown == row));
        if let Some(place) = place {
            (self.cursor, self.moved) = (place, true);
        }
        place.is_some().into()
    }

    /// Handles the progress of an arrangement.
    pub fn arranging(&mut self, job: JobId, done: u32) {
        if let Some(work) = self.work.as_mut().filter(|work| work.job == job) {
            work.done = done;
        }
    }

    /// Applies an arrangement, if it is the expected one.
    pub fn arranged(
        &mut self,
        job: JobId,
        rows: &Arc<dyn RowSet>,
        shown: &[u32],
        cx: &mut UiContext<'_>,
    ) {
        if self.work.take_if(|work| work.job == job).is_none() {
            return;
        }
        self.show(Arc::clone(rows), shown.to_vec());
        if let Some(newer) = self.newer.take() {
            self.begin(newer, cx);
        }
    }

    /// Handles an action that all lists share.
    pub fn act(&mut self, action: Action, height: usize, cx: &mut UiContext<'_>) -> Handled {
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
            Action::Range if self.range.take().is_none() => {
                self.range = Some(Range {
                    from: self.cursor,
                    before: self.marks.clone(),
                });
                self.mark_range();
            }
            Action::Range => {}
            Action::Escape | Action::Mark if self.range.take().is_some() => {}
            Action::Mark => {
                self.toggle_mark();
                self.go(self.cursor + 1, height);
            }
            Action::MarkAll => self.toggle_all(),
            Action::NextMatch | Action::PreviousMatch => self.go_to_match(action, height, cx),
            Action::Reverse => self.set_sort(self.wanted.sort.reversed(), cx),
            Action::Escape => return self.escape(cx),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    /// Selects the row at `place` on the screen; returns whether it was selected already, so that
    /// the click opens it.
    pub fn click(&mut self, place: usize, height: usize, now: Timestamp) -> Handled {
        let place = self.top(height) + place;
        if place >= self.shown.len() {
            return Handled::No;
        }
        let again = self.click.is_some_and(|(at, clicked)| {
            clicked == place && now.duration_since(at) <= DOUBLE_CLICK
        });
        let selected = self.cursor == place;
        self.click = Some((now, place));
        self.go(place, height);
        (again || selected).into()
    }

    /// Scrolls with the wheel: the view moves, and the cursor moves only with its edge.
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
        self.mark_range();
    }

    /// Returns whether the rows that the cursor passes are marked.
    pub fn is_marking(&self) -> bool {
        self.range.is_some()
    }

    fn escape(&mut self, cx: &mut UiContext<'_>) -> Handled {
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

    fn want(&mut self, view: View, cx: &mut UiContext<'_>) {
        self.wanted = view;
        if let Some(work) = self.work.take() {
            cx.stop(work.job);
        }
        let rows = self.newer.take().unwrap_or_else(|| Arc::clone(&self.rows));
        self.begin(rows, cx);
    }

    fn begin(&mut self, rows: Arc<dyn RowSet>, cx: &mut UiContext<'_>) {
        let count = rows.count();
        let arrangement = Arrangement {
            rows,
            view: self.wanted.clone(),
            now: cx.world.now,
        };
        if count > AT_ONCE {
            let job = cx.start(JobWork::Arrange(arrangement));
            self.work = Some(Working {
                job,
                done: 0,
                rows: count,
            });
        } else if let Some(shown) = arrange(&arrangement, |_| true) {
            self.show(arrangement.rows, shown);
        }
    }

    fn show(&mut self, rows: Arc<dyn RowSet>, shown: Vec<u32>) {
        let held = self
            .current()
            .filter(|_| self.moved)
            .map(|row| self.rows.identity(row));
        // The rows of the range have changed; marks are kept.
        self.range = None;
        (self.rows, self.shown) = (rows, Arc::new(shown));
        self.applied = self.wanted.clone();
        let found = held.is_some_and(|identity| self.select(&identity) == Handled::Yes);
        if !found {
            self.cursor = self.cursor.min(self.shown.len().saturating_sub(1));
        }
    }
}

impl Sort {
    /// Returns the initial order of a column.
    pub fn by(column: usize, columns: &[Column]) -> Self {
        let order = match columns.get(column).map(|column| column.sort) {
            Some(Sortable::Descending) => SortDirection::Descending,
            _ => SortDirection::Ascending,
        };
        Self { column, order }
    }
}
