//! Cache configurations: results that are lost, and what makes them grow.

use super::Desk;
use crate::check::look::Look;
use crate::check::words::{counted, one_or};
use crate::check::{Code, Finding};
use crate::inventory::{RefEntry, RefKind};

/// With fewer of them, it is not worth a word.
const FEW: u64 = 4;

pub(super) fn judge(desk: &Desk<'_>, entry: &RefEntry, look: &Look) -> Vec<Finding> {
    // An inline cache has the results of its image only, and that is how it is meant.
    let is_own = entry.kind == RefKind::Cache;
    let findings = [
        dropped(desk, entry, look),
        thinned(desk, entry, look).filter(|_| is_own),
        ghosts(desk, entry, look).filter(|_| is_own),
        repeated(desk, entry, look).filter(|_| is_own),
    ];
    findings.into_iter().flatten().collect()
}

fn dropped(desk: &Desk<'_>, entry: &RefEntry, look: &Look) -> Option<Finding> {
    let count = look.dropped;
    if count == 0 {
        return None;
    }
    let message = format!(
        "the results of {} name layers that the manifest does not describe: an import drops them, and is not told",
        counted(count, "step")
    );
    Some(desk.about(entry, Code::ResultsDropped, message).hint(desk.renewal(entry)))
}

fn thinned(desk: &Desk<'_>, entry: &RefEntry, look: &Look) -> Option<Finding> {
    let steps = look.results + look.key_only + look.broken + look.dropped;
    if look.key_only < FEW || look.key_only <= look.results {
        return None;
    }
    let message = format!(
        "{} of its {} {} a key and no result: builds run {} whenever something needs what they make",
        look.key_only,
        counted(steps, "step"),
        one_or(look.key_only, "has", "have"),
        one_or(look.key_only, "it", "them"),
    );
    let hint = "export with mode=max; results that are lost for other reasons come back when the step runs again";
    Some(desk.about(entry, Code::Thinned, message).hint(hint))
}

fn ghosts(desk: &Desk<'_>, entry: &RefEntry, look: &Look) -> Option<Finding> {
    if look.ghosts < FEW || look.ghosts * 4 < look.records {
        return None;
    }
    let message = format!(
        "{} of its {} are keys of former builds beside newer ones of the same steps: each export that imports it adds more, \
         up to the size that BuildKit no longer imports",
        look.ghosts,
        counted(look.records, "record")
    );
    let hint = "leave `--cache-from` out of one build that exports, now and then";
    Some(desk.about(entry, Code::GhostRecords, message).hint(hint))
}

fn repeated(desk: &Desk<'_>, entry: &RefEntry, look: &Look) -> Option<Finding> {
    if look.repeated < FEW || look.repeated * 2 < look.layers {
        return None;
    }
    let message = format!(
        "{} of the {} that it lists name a blob that is listed before: they take no room, and each export asks for each",
        look.repeated,
        counted(look.layers, "layer")
    );
    Some(desk.about(entry, Code::DuplicateLayers, message))
}
