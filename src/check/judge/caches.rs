//! Cache configurations: lost results, and causes of growth.

use super::CheckCase;
use crate::check::look::RefConfigFacts;
use crate::check::words::{counted, one_or};
use crate::check::{Code, Finding};
use crate::inventory::{RefEntry, RefKind};
use crate::text::units::Size;

/// Smaller numbers are not reported.
const FEW: u64 = 4;
/// A configuration that would shrink by fewer bytes is not reported.
const LEAST_SAVED: u64 = 4096;

pub(super) fn judge(case: &CheckCase<'_>, entry: &RefEntry, look: &RefConfigFacts) -> Vec<Finding> {
    let mut findings = Vec::from_iter(dropped(case, entry, look));
    // An inline cache holds only the results of its image, by design.
    if entry.kind == RefKind::Cache {
        findings.extend(thinned(case, entry, look));
        findings.extend(ghosts(case, entry, look));
        findings.extend(repeated(case, entry, look));
        findings.extend(compactable(case, entry, look));
    }
    findings
}

fn dropped(case: &CheckCase<'_>, entry: &RefEntry, look: &RefConfigFacts) -> Option<Finding> {
    let count = look.figures.dropped;
    if count == 0 {
        return None;
    }
    let message = format!(
        "the results of {} reference layers that the manifest does not describe: an import silently drops them",
        counted(count, "step")
    );
    let finding = case.about(entry, Code::ResultsDropped, message);
    let mut finding = finding.advised([case.renewal(entry)]);
    case.name_repair(entry, &mut finding);
    Some(finding)
}

fn thinned(case: &CheckCase<'_>, entry: &RefEntry, look: &RefConfigFacts) -> Option<Finding> {
    let steps =
        look.figures.results + look.figures.key_only + look.figures.broken + look.figures.dropped;
    if look.figures.key_only < FEW || look.figures.key_only <= look.figures.results {
        return None;
    }
    let message = format!(
        "{} of its {} {} a key and no result: builds run {} whenever another step needs the output",
        look.figures.key_only,
        counted(steps, "step"),
        one_or(look.figures.key_only, "has", "have"),
        one_or(look.figures.key_only, "it", "them"),
    );
    let hint = "export with mode=max; results that were lost for other reasons return when the step runs again";
    Some(case.about(entry, Code::Thinned, message).hint(hint))
}

fn ghosts(case: &CheckCase<'_>, entry: &RefEntry, look: &RefConfigFacts) -> Option<Finding> {
    if look.figures.ghosts < FEW || look.figures.ghosts * 4 < look.figures.records {
        return None;
    }
    let message = format!(
        "{} of its {} are keys of earlier builds of steps that have newer keys: each export that also imports this cache adds more, \
         until it is too large for BuildKit to import",
        look.figures.ghosts,
        counted(look.figures.records, "record")
    );
    let hint = "from time to time, export from a build without `--cache-from`";
    Some(case.about(entry, Code::GhostRecords, message).hint(hint))
}

/// Reports by how much a configuration can shrink, if that is worth it.
fn compactable(case: &CheckCase<'_>, entry: &RefEntry, look: &RefConfigFacts) -> Option<Finding> {
    let shrinks = look.compacted?;
    let saved = shrinks.bytes_before.saturating_sub(shrinks.bytes);
    if saved < LEAST_SAVED || saved * 10 < shrinks.bytes_before {
        return None;
    }
    let message = format!(
        "its config can shrink to {} from {} without losing a hit: {} of its {} are enough",
        Size(shrinks.bytes),
        Size(shrinks.bytes_before),
        shrinks.records,
        counted(shrinks.records_before, "record"),
    );
    let hint = format!("`{}` shrinks it", case.command("repair", "--compact"));
    Some(
        case.about(entry, Code::Compactable, message)
            .costing(saved)
            .hint(hint),
    )
}

fn repeated(case: &CheckCase<'_>, entry: &RefEntry, look: &RefConfigFacts) -> Option<Finding> {
    if look.figures.repeated < FEW || look.figures.repeated * 2 < look.figures.layers {
        return None;
    }
    let message = format!(
        "{} of the {} that it lists repeat an earlier blob: they use no space, but each export checks each of them",
        look.figures.repeated,
        counted(look.figures.layers, "layer")
    );
    Some(case.about(entry, Code::DuplicateLayers, message))
}
