//! Details of an item of a plan.

use jiff::Timestamp;

use super::PlanRow;
use crate::prune::plan::ItemKind;
use crate::prune::rewrite::Rewrite;
use crate::text::units::Size;
use crate::tui::rows::{Cell, DetailLine, moment};
use crate::tui::theme::TextRole;

/// Explains the bytes of an item; those of results are deleted after `until`.
pub(super) fn bytes_fact(item: &PlanRow<'_>, bytes: u64, until: Option<Timestamp>) -> DetailLine {
    let is_withheld = item.entry.is_some_and(|entry| entry.withheld().is_some());
    let later = match until {
        Some(until) => format!(": a run after {} deletes them", moment(until)),
        None => ": a run after the grace deletes them".to_owned(),
    };
    let (name, words) = match item.kind {
        ItemKind::Ref if is_withheld => ("frees", ": the index itself"),
        ItemKind::Ref => ("only here", ": no other ref reaches them"),
        ItemKind::Results => ("later", later.as_str()),
        ItemKind::Blob | ItemKind::Partial | ItemKind::Object | ItemKind::Entry => ("size", ""),
    };
    DetailLine::Fact(
        name,
        Cell::text(Size(bytes).to_string()).and(words.to_owned(), TextRole::Dim),
    )
}

/// Lists the results that a rewrite leaves out.
pub(super) fn result_lines(rewrite: &Rewrite) -> Vec<DetailLine> {
    let mut details = Vec::new();
    details.extend([DetailLine::Blank, DetailLine::Heading("Results".into())]);
    details.extend(rewrite.results.iter().map(|result| {
        let name = result
            .name
            .clone()
            .unwrap_or_else(|| result.digest.chars().take(19).collect());
        let size = result
            .bytes
            .map(|bytes| format!("  {}", Size(bytes)))
            .unwrap_or_default();
        DetailLine::Text(Cell::text(name).and(size, TextRole::Dim))
    }));
    details
}
