//! The content of a ref as a build found it that wrote to it afterwards.
//!
//! Most CI jobs import and export the same ref. Once the build has exported, the ref holds the
//! results of that build and cannot say what the build found.

use jiff::Timestamp;

use super::Imported;
use super::evidence::GatheredEvidence;
use super::note::{ImportNote, Note};
use crate::inventory::RefEntry;
use crate::inventory::previous::{self, EarlierContent};
use crate::text::units::Age;

/// Returns when the builds began; `None` if one of them has not begun or does not say when.
pub(super) fn started(builds: &[GatheredEvidence]) -> Option<Timestamp> {
    let started = builds
        .iter()
        .map(|evidence| evidence.build.started.or_else(|| evidence.log.started()));
    started.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// Returns the earlier content of each ref that was written after `started`, where the store still
/// has it for sure, and notes what was found.
pub(super) async fn contents(
    imported: &[Imported<'_>],
    started: Option<Timestamp>,
    notes: &mut Vec<Note>,
) -> Vec<Option<EarlierContent>> {
    let mut found = Vec::new();
    for Imported {
        reader,
        inventory,
        entry,
    } in imported
    {
        let Some(started) = started.filter(|started| holds_later_results(entry, *started)) else {
            found.push(None);
            continue;
        };
        let earlier = previous::at(&***reader, inventory, entry, started).await;
        if let Some(before) = earlier.as_ref().and_then(EarlierContent::entry) {
            notes.push(note(&entry.name, before, started).into());
        }
        found.push(earlier);
    }
    found
}

/// Returns the imports with their earlier contents, where these are known.
pub(super) fn replaced<'a>(
    imported: &[Imported<'a>],
    earlier: &'a [Option<EarlierContent>],
) -> Vec<Imported<'a>> {
    let replace = |(imported, earlier): (&Imported<'a>, &'a Option<EarlierContent>)| {
        let before = earlier.as_ref().and_then(|earlier| {
            Some(Imported {
                reader: imported.reader,
                inventory: &earlier.inventory,
                entry: earlier.entry()?,
            })
        });
        before.unwrap_or(*imported)
    };
    imported.iter().zip(earlier).map(replace).collect()
}

/// Returns whether a ref holds results that were saved after a build began.
fn holds_later_results(entry: &RefEntry, started: Timestamp) -> bool {
    entry
        .newest_result()
        .is_some_and(|newest| newest >= started)
}

fn note(name: &str, before: &RefEntry, started: Timestamp) -> ImportNote {
    let newest = before.newest_result();
    ImportNote::EarlierContent {
        name: name.to_owned(),
        digest: before.digest().to_string(),
        age: newest.map(|newest| Age::between(newest, started)),
    }
}
