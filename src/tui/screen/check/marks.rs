//! Findings about refs that were marked when the check was asked for.

use super::{CONTEXTS, CheckScreen};
use crate::inventory::filter::Filter;
use crate::text::plural::one_or;
use crate::tui::keymap::Action;
use crate::tui::navigation::UiContext;
use crate::tui::world::StatusKind;

impl CheckScreen {
    /// Shows only the findings about the marked refs, if there are any: other findings are not
    /// hidden by refs without one.
    pub(super) fn narrow(&mut self, cx: &mut UiContext<'_>) {
        let names = std::mem::take(&mut self.about);
        if names.is_empty() {
            return;
        }
        let count = names.len();
        let marked = one_or(count, "marked ref", "marked refs");
        let mut refs = self.work.checked.findings.iter();
        let is_about = refs.any(|finding| {
            let name = finding.ref_name.as_ref();
            name.is_some_and(|name| names.contains(name))
        });
        let filter = if is_about { filter(&names) } else { None };
        let Some(filter) = filter else {
            self.screen.list.set_filter(Filter::default(), cx);
            let words = format!("nothing was found about the {count} {marked}; these are others");
            return cx.world.note(StatusKind::Done, words);
        };
        self.screen.list.set_filter(filter, cx);
        let key = cx.world.keymap.key_for(CONTEXTS, Action::Escape);
        let words = format!("findings about {count} {marked}; {key} shows all");
        cx.world.note(StatusKind::Done, words);
    }
}

/// Returns a filter for these refs; none if their names are too long for one.
fn filter(names: &[String]) -> Option<Filter> {
    let escaped = names
        .iter()
        .map(|name| regex::escape(name).replace('"', "\"\""));
    let names = escaped.collect::<Vec<_>>().join("|");
    Filter::parse(&format!("ref~\"^({names})$\"")).ok()
}
