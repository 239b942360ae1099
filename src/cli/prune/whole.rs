//! Sources that are not a whole store.

use crate::error::{Exit, Failure};
use crate::source::Source;
use crate::text::escape::visible;
use crate::text::shell;

/// The error for a source that selects refs. Refs share blobs, so a plan needs the whole store.
pub(super) fn not_whole(source: &Source) -> Failure {
    let shown = source.to_string();
    let shown = visible(&shown);
    let pattern = source.select.as_ref().filter(|select| select.is_pattern());
    let Some(pattern) = pattern.map(ToString::to_string) else {
        let message = format!("prune works on a whole store, and {shown} names one ref");
        return Failure::message(Exit::Usage, message)
            .hint("name the source without the ref, and select refs to delete with --drop-ref");
    };
    let store = Source {
        select: None,
        ..source.clone()
    };
    let store = store.to_string();
    let message = format!(
        "prune works on a whole store, and {shown} names the refs that fit `{}`",
        visible(&pattern)
    );
    let hint = format!(
        "to delete these refs: cachelens prune {} --drop-ref {}",
        shell::word(&visible(&store)),
        shell::word(&visible(&pattern))
    );
    Failure::message(Exit::Usage, message).hint(hint)
}
