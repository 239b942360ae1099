//! A plan in text.

use std::collections::BTreeMap;

use super::{MOST_ENTRIES, Pruned, RefBytes, not_fixed_text, reasons, unmet};
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::prune::plan::{BlobFate, DeletionTarget, ItemKind, ItemReason, KeptItem, Plan};
use crate::report::plan::later_words;
use crate::retention::Reason;
use crate::text::plural::{counted, one_or};
use crate::text::units::{Exact, Size};

pub(super) fn plan(pruned: &Pruned, paper: Paper) -> String {
    let plan = &pruned.plan;
    let mut parts = vec![format!("{}\n", title(plan))];
    if !plan.delete().is_empty() {
        parts.push(goes(plan, &pruned.ref_bytes).render(paper));
    }
    match plan.not_fixed() {
        None => parts.push(stays(plan, &pruned.ref_bytes).render(paper)),
        Some([]) => {}
        Some(not_fixed) => parts.push(not_fixed_text(not_fixed, paper)),
    }
    let mut notes = notes(plan, pruned.has_rules);
    if plan.refs() > 0 && !pruned.ref_bytes.is_empty() {
        notes.push("The size of a ref is the space that deleting it alone would free.".to_owned());
    }
    notes.push(if pruned.exceeds {
        "The plan frees more than --fail-if-frees allows. Nothing was changed.".to_owned()
    } else if pruned.refusal.is_some() {
        "The plan deletes more than `max_delete` allows. Nothing was changed.".to_owned()
    } else if plan.is_empty() {
        "There is nothing to do.".to_owned()
    } else {
        "Nothing was changed. Add --yes to carry out this plan.".to_owned()
    });
    parts.push(format!("{}\n", notes.join("\n")));
    parts.join("\n")
}

fn title(plan: &Plan) -> String {
    let later = later_words(plan.frees_later());
    let later = later.map_or_else(String::new, |words| format!("; {words}"));
    if plan.not_fixed().is_some() {
        let refs = counted(plan.delete().rewrites().count() as u64, "ref");
        let back = match plan.restored().len() as u64 {
            0 => String::new(),
            count => format!(", {} to restore from the trash", counted(count, "blob")),
        };
        let uploads = match plan.frees_objects() {
            0 => String::new(),
            count => format!(", {} to delete", counted(count, "unfinished upload")),
        };
        return format!("{}: {refs} to rewrite{back}{uploads}{later}", plan.source());
    }
    let refs = counted(plan.refs() as u64, "ref");
    let objects = counted(plan.frees_objects(), "object");
    let results = plan
        .delete()
        .rewrites()
        .map(|rewrite| rewrite.results.len() as u64);
    let results: u64 = results.sum();
    let of_refs = format!("{} of kept refs", counted(results, "result"));
    if plan.frees_objects() == 0 && !later.is_empty() {
        let now = match (plan.refs(), results) {
            (0, 0) => "nothing to delete now".to_owned(),
            (0, _) => format!("{of_refs} to delete now"),
            (_, 0) => format!("{refs} to delete now"),
            (_, _) => format!("{refs} and {of_refs} to delete now"),
        };
        return format!("{}: {now}{later}", plan.source());
    }
    let results = match results {
        0 => String::new(),
        _ => format!(", {of_refs}"),
    };
    format!(
        "{}: {refs} and {objects} to delete{results}, {}{later}",
        plan.source(),
        Size(plan.frees_bytes())
    )
}

fn goes(plan: &Plan, ref_bytes: &RefBytes) -> Table {
    let mut table = Table::new([
        ("DELETE", TableAlign::Left),
        ("NAME", TableAlign::Left),
        ("SIZE", TableAlign::Right),
        ("WHY", TableAlign::Left),
    ]);
    let mut listed = 0;
    let mut more = (0, 0);
    for item in plan.delete().iter() {
        match item.target.kind() {
            ItemKind::Ref | ItemKind::Results | ItemKind::Partial => {}
            ItemKind::Entry if listed < MOST_ENTRIES => listed += 1,
            ItemKind::Entry => {
                more = (more.0 + 1, more.1 + item.target.bytes());
                continue;
            }
            ItemKind::Blob | ItemKind::Object => continue,
        }
        let kind = item.target.kind();
        let size = match &item.target {
            DeletionTarget::Ref(target) => ref_bytes.of_deleted(target, &item.target.name()),
            DeletionTarget::Rewrite(_) => TableCell::none(),
            DeletionTarget::Object(_) => TableCell::new(Size(item.target.bytes()).to_string()),
        };
        table.row([
            TableCell::new(kind.word()),
            TableCell::new(item.target.name()).style(Style::Strong),
            size,
            TableCell::whole(reasons(&item.reasons)).style(Style::Dim),
        ]);
    }
    if more.0 > 0 {
        table.row([
            TableCell::new(ItemKind::Entry.word()),
            TableCell::new(format!("{} more", more.0)).style(Style::Strong),
            TableCell::new(Size(more.1).to_string()),
            TableCell::new("listed in the JSON document").style(Style::Dim),
        ]);
    }
    add_objects(plan, &mut table);
    table
}

fn stays(plan: &Plan, ref_bytes: &RefBytes) -> Table {
    let mut table = Table::new([
        ("KEEP", TableAlign::Left),
        ("NAME", TableAlign::Left),
        ("SIZE", TableAlign::Right),
        ("WHY", TableAlign::Left),
    ]);
    // The trash may hold as many objects as there are blobs, and so may the entries.
    let mut many: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    for kept in plan.keep() {
        if matches!(kept.kind, ItemKind::Object | ItemKind::Entry) {
            let why = why_of_many(kept);
            let what = if kept.kind == ItemKind::Object {
                ("object", "objects")
            } else {
                ("entry", "entries")
            };
            *many.entry((what.0, what.1, why)).or_default() += 1;
            continue;
        }
        table.row([
            TableCell::new(kept.kind.word()),
            TableCell::new(&kept.name).style(Style::Strong),
            ref_bytes.of_kept(kept),
            TableCell::whole(reasons(&kept.reasons)).style(Style::Dim),
        ]);
    }
    for ((kind, kinds, why), count) in many {
        table.row([
            TableCell::new(kind),
            TableCell::new(format!("{count} {}", one_or(count, kind, kinds))).style(Style::Strong),
            TableCell::none(),
            TableCell::whole(why).style(Style::Dim),
        ]);
    }
    let mut blobs = |count: u64, bytes: u64, why: &str| {
        table.row([
            TableCell::new("blob"),
            TableCell::new(counted(count, "blob")).style(Style::Strong),
            TableCell::new(Size(bytes).to_string()),
            TableCell::whole(why).style(Style::Dim),
        ]);
    };
    blobs(
        plan.live().blobs,
        plan.live().bytes,
        "reached from a kept ref",
    );
    for held in plan.held() {
        let why = match held.fate {
            BlobFate::WithinGrace if !plan.settling().is_zero() => {
                "written within touch_refresh and the grace"
            }
            fate => fate.sentence(),
        };
        blobs(held.count.blobs, held.count.bytes, why);
    }
    table
}

/// Returns notes on what the plan frees, and when.
fn notes(plan: &Plan, has_rules: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(disk) = plan.disk() {
        if disk.hard_linked > 0 {
            let files = counted(disk.hard_linked, "file");
            notes.push(format!(
                "No disk space is freed for {files} with other hard links."
            ));
        }
        if disk.sparse > 0 {
            notes.push(format!(
                "Less disk space than the size is freed for {} with holes.",
                counted(disk.sparse, "file")
            ));
        }
        if disk.hard_linked > 0 || disk.sparse > 0 {
            notes.push(format!(
                "In total, {} of disk space is freed.",
                Size(disk.disk_bytes)
            ));
        }
    }
    let mut items = plan.delete().iter();
    if items.any(|item| plan.moves_to_trash(item.target.kind())) {
        notes.push(
            "Objects move to the trash in the cache; a later prune empties it after the grace."
                .to_owned(),
        );
    }
    if plan.later_bytes() > 0 {
        let later = Size(plan.later_bytes());
        notes.push(format!(
            "A later run deletes the blobs that these results free, {later}, after the grace."
        ));
    }
    notes.extend(when_more(plan, has_rules));
    if plan.drops_every_ref() {
        notes.push("The plan deletes every ref, which must be confirmed.".to_owned());
    }
    notes.extend(unmet(plan));
    notes
}

/// Returns notes of an empty plan: when the blobs may be deleted, and how refs are.
fn when_more(plan: &Plan, has_rules: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !plan.is_empty() || plan.not_fixed().is_some() {
        return notes;
    }
    let waits = [BlobFate::WithinGrace, BlobFate::Waits];
    if plan.held().iter().any(|held| waits.contains(&held.fate)) {
        let end = plan.blobs_free_at(plan.created());
        let end = end.unwrap_or(plan.created());
        let touched = if plan.settling().is_zero() {
            String::new()
        } else {
            format!(" after the touch_refresh of {}", Exact(plan.settling()))
        };
        notes.push(format!(
            "The grace is {}{touched}: builds may still use blobs that are younger. A run after {} may delete those that no ref reaches.",
            Exact(plan.grace()),
            end.strftime("%Y-%m-%d %H:%M UTC")
        ));
    }
    if has_rules {
        return notes;
    }
    let is_ruled = |kept: &KeptItem| kept.reasons != [ItemReason::Policy(Reason::NoRule)];
    let mut refs = plan.keep().iter().filter(|kept| kept.kind == ItemKind::Ref);
    if refs.clone().count() > 0 && !refs.any(is_ruled) {
        notes.push(
            "No rule matches a ref, so all refs are kept: add --drop-ref or --keep-last, or write rules in cachelens.toml."
                .to_owned(),
        );
    }
    notes
}

/// Adds the blobs and the objects in the trash, counted.
fn add_objects(plan: &Plan, table: &mut Table) {
    // There may be a million blobs; the JSON document and the saved plan list each of them.
    for (kind, what, why) in [
        (ItemKind::Blob, "blob", "no kept ref reaches them"),
        (
            ItemKind::Object,
            "object",
            "in the trash for longer than the grace",
        ),
    ] {
        let items = plan
            .delete()
            .iter()
            .filter(|item| item.target.kind() == kind);
        let (count, bytes) = items.fold((0, 0), |(count, bytes), item| {
            (count + 1, bytes + item.target.bytes())
        });
        if count > 0 {
            table.row([
                TableCell::new(kind.word()),
                TableCell::new(counted(count, what)).style(Style::Strong),
                TableCell::new(Size(bytes).to_string()),
                TableCell::whole(why).style(Style::Dim),
            ]);
        }
    }
}

/// Returns why an object or an entry stays.
fn why_of_many(kept: &KeptItem) -> String {
    match kept.waits_for() {
        Some(grace) if kept.reasons.len() == 1 => {
            let what = if kept.kind == ItemKind::Object {
                "in the trash for less than"
            } else {
                "used within"
            };
            format!("{what} the grace of {}", Exact(grace))
        }
        _ => reasons(&kept.reasons),
    }
}
