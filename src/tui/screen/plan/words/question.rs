//! The questions before a plan is carried out.

use jiff::SignedDuration;

use super::{count, goes};
use crate::backend::{Disposal, Undoability};
use crate::prune::plan::ItemKind;
use crate::text::plural::one_or;
use crate::text::units::{Exact, Size};
use crate::tui::effect::NewBroken;
use crate::tui::pruning::Planned;
use crate::tui::rows::moment;

/// Returns the question before a repair.
pub(in crate::tui::screen::plan) fn to_repair(planned: &Planned, label: &str) -> String {
    let plan = &planned.plan;
    let parts = [
        (planned.count(ItemKind::Results), "write", "ref", " again"),
        (planned.count(ItemKind::Ref), "delete", "ref", ""),
        (
            planned.count(ItemKind::Partial),
            "delete",
            "unfinished upload",
            "",
        ),
        (
            plan.restored().len() as u64,
            "restore",
            "blob",
            " from the trash",
        ),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, verb, one, end)| {
            let counted = count(number, one, &format!("{one}s"));
            format!("{verb} {counted}{end}")
        })
        .collect();
    let mut sentences = vec![format!("Repair {label}: {}?", parts.join(", "))];
    if planned.count(ItemKind::Results) > 0 {
        let grace = Exact(plan.grace());
        sentences.push(format!(
            "The previous version of each ref is kept for {grace}, and undo restores it."
        ));
    }
    sentences.join(" ")
}

/// Returns the question before a plan is executed.
pub(in crate::tui::screen::plan) fn to_delete(
    planned: &Planned,
    label: &str,
    new_broken: NewBroken,
) -> String {
    let plan = &planned.plan;
    let goes = goes(planned);
    let mut sentences = Vec::new();
    sentences.push(match plan.frees_bytes() {
        _ if goes.is_empty() => {
            format!(
                "Restore {} in {label}?",
                count(plan.restored().len() as u64, "blob", "blobs")
            )
        }
        0 => format!("Delete {} from {label}?", goes.join(", ")),
        bytes => format!("Delete {}, {}, from {label}?", goes.join(", "), Size(bytes)),
    });
    if plan.drops_every_ref() {
        sentences.push("Every ref would be deleted.".to_owned());
    }
    if planned.frees_now() {
        sentences.push(
            "Blobs are deleted together with their refs: a build that is importing one of them fails."
                .to_owned(),
        );
    } else if plan.frees_later().bytes > 0 {
        let bytes = Size(plan.frees_later().bytes);
        sentences.push(match planned.waits_until().map(moment) {
            Some(then) => format!("{bytes} wait: a run after {then} frees them."),
            None => format!("{bytes} wait for a run after the grace."),
        });
    }
    if new_broken == NewBroken::Delete {
        sentences.push(
            "A ref that is written during the run and references a deleted blob is removed."
                .to_owned(),
        );
    }
    match (plan.disposal(), planned.count(ItemKind::Object), goes.len()) {
        (_, 0, 0) => {}
        (Disposal::AtOnce, ..) => sentences.push(match planned.draft.undoability() {
            Undoability::Partial(limit) => limit.to_string(),
            Undoability::Full | Undoability::None => "This cannot be undone.".to_owned(),
        }),
        (Disposal::Trash, 0, _) => sentences.push(until(plan.grace())),
        (Disposal::Trash, _, 1) => {
            let words = one_or(plan.delete().len(), "It is", "They are");
            sentences.push(format!("{words} deleted for good."));
        }
        (Disposal::Trash, ..) => {
            sentences.push(
                "Objects in the trash are deleted permanently; the rest can be restored."
                    .to_owned(),
            );
        }
    }
    sentences.join(" ")
}

/// Returns how long the trash keeps deleted objects.
fn until(grace: SignedDuration) -> String {
    if grace.is_zero() {
        return "Deleted objects can be restored until the next prune.".to_owned();
    }
    let grace = Exact(grace);
    format!("Deleted objects can be restored from the trash for {grace}.")
}

/// Returns the question before the trash is emptied.
pub(in crate::tui::screen::plan) fn to_empty_trash(planned: &Planned, label: &str) -> String {
    let plan = &planned.plan;
    format!(
        "Empty the trash of {label}: delete {}, {}, for good? Nothing of it can be restored. \
        A build that is exporting at this moment may still need some of it.",
        count(plan.delete().len() as u64, "object", "objects"),
        Size(plan.frees_bytes())
    )
}
