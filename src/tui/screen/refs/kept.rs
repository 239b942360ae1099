//! The order and the filter of the refs, which are remembered for each source.

use super::{RefsScreen, STANDARD};
use crate::inventory::filter::Filter;
use crate::source::RefSelector;
use crate::tui::effect::JobWork;
use crate::tui::list::{RowList, View};
use crate::tui::navigation::UiContext;
use crate::tui::rows::RowSet as _;
use crate::tui::world::{SourceId, StatusKind};

impl RefsScreen {
    /// Returns the list in the remembered order, and with the remembered filter if no ref is
    /// selected.
    pub(super) fn kept_list(source: SourceId, selects: bool, cx: &mut UiContext<'_>) -> RowList {
        let rows = super::rows(source, cx.world);
        let saved = {
            let label = &cx.world.source(source).info.label;
            cx.world.saved_views.get(label, rows.columns())
        };
        let (sort, filter) = match saved {
            Some(View { sort, .. }) if selects => (sort, Filter::default()),
            Some(View { sort, filter }) => (sort, filter),
            None => (STANDARD, Filter::default()),
        };
        let mut list = RowList::new(rows, sort, cx);
        list.set_filter(filter, cx);
        list
    }

    /// Remembers the order and the filter, if a person changed them.
    pub(super) fn keep(&mut self, cx: &mut UiContext<'_>) {
        let list = &self.screen.list;
        let is_copy = cx.world.source(self.source).info.is_copy;
        if *list.view() == self.kept || is_copy {
            return;
        }
        self.kept = list.view().clone();
        let label = cx.world.source(self.source).info.label.clone();
        let standard = View {
            filter: Filter::default(),
            sort: STANDARD,
        };
        let views = &mut cx.world.saved_views;
        views.set(&label, list.columns(), &self.kept, &standard);
        if views.is_kept() {
            let views = views.clone();
            cx.start(JobWork::SaveViews(views));
        }
    }

    /// Shows the refs that fit a pattern. The filter can be edited like one that was typed.
    pub(super) fn narrow(&mut self, select: &RefSelector, cx: &mut UiContext<'_>) {
        let text = format!("ref:\"{}\"", select.to_string().replace('"', "\"\""));
        match Filter::parse(&text) {
            Ok(filter) if !select.to_string().contains(';') => {
                self.screen.list.set_filter(filter, cx);
                // A file says this filter, and not a person.
                self.kept = self.screen.list.view().clone();
            }
            // A list of names has no filter of its own: all refs are shown.
            Ok(_) | Err(_) => cx.world.note(
                StatusKind::Done,
                format!("these are all refs; the ones that are meant fit {select}"),
            ),
        }
    }
}
