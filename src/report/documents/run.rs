//! A run of the past in JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::prune::runs::PastRun;

/// A run, as its journal describes it.
#[derive(Debug, Serialize)]
pub struct PastRunDocument {
    started: Option<Timestamp>,
    source: String,
    place: Option<String>,
    state: &'static str,
    refs: u64,
    objects: u64,
    bytes: u64,
    trash_bytes: Option<u64>,
    until: Option<Timestamp>,
    journal: String,
    command: String,
}

impl PastRunDocument {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 11] = [
        "started",
        "source",
        "place",
        "state",
        "refs",
        "objects",
        "bytes",
        "trash_bytes",
        "until",
        "journal",
        "command",
    ];

    /// Returns the document of a run. `until` is the time from which a later run empties its trash.
    pub fn new(run: &PastRun, until: Option<Timestamp>) -> Self {
        Self {
            started: run.started,
            source: run.source.clone(),
            place: run.place.as_ref().map(ToString::to_string),
            state: run.state.word(),
            refs: run.refs,
            objects: run.objects.count,
            bytes: run.objects.bytes,
            trash_bytes: run.trash.map(|trash| trash.stored.bytes),
            until,
            journal: run.journal.to_string_lossy().into_owned(),
            command: run.command(),
        }
    }
}
