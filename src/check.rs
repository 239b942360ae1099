//! Whether builds can use a cache, and what is dangerous to them or a waste of room.
//!
//! Each thing that is found is a [`Finding`]: a stable [`Code`], how much it weighs, what it is about, and what to do. They
//! follow from an inventory ([`judge()`]), from a second look into the configurations of its refs ([`look`]), and, where that
//! is asked for, from reading every blob ([`verify`]). What could not be looked at is a finding, too: nobody is told that
//! all is well where that is not known.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::backend::SharedReader;
use crate::inventory::{Inventory, RefId};
use crate::source::Location;

mod code;
mod finding;
mod judge;
pub mod lifecycle;
pub mod look;
pub mod verify;
mod words;

pub use code::{Code, Severity};
pub use finding::Finding;
pub use judge::judge;

use look::Look;
use verify::ReadBlobs;

/// A source with what a scan found in it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What commands call the source.
    pub source: &'a str,
    /// What kind of store it is, as [`crate::source::Source::kind`] tells it.
    pub kind: &'a str,
    /// Where it lies, where that is known.
    pub location: Option<&'a Location>,
    /// What the scan found.
    pub inventory: &'a Inventory,
    /// The refs that are meant; none for all of them, and everything else in the store.
    pub only: Option<&'a [RefId]>,
}

impl Subject<'_> {
    /// Returns the places of the refs that are meant.
    fn refs(&self) -> Vec<RefId> {
        match self.only {
            Some(only) => only.to_vec(),
            None => self.inventory.indexed_refs().map(|(id, _)| id).collect(),
        }
    }
}

/// How a check goes about its work.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Whether every blob is read, and compared with its digest.
    pub verify: bool,
    /// How many refs or blobs are read at once.
    pub concurrency: usize,
    /// Ends the check early.
    pub cancel: CancellationToken,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It looks into refs.
    Refs {
        /// How many are done.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// It reads blobs.
    Blobs {
        /// The bytes that were read.
        read: u64,
        /// The bytes that there are, as far as that is known.
        all: u64,
    },
}

/// What a check has found, and on what it looked.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// How many refs were looked into.
    pub refs: usize,
    /// How many blobs are known to be stored.
    pub blobs: u64,
    /// How many blobs were read to their end; none when none were to be read.
    pub read: Option<u64>,
}

/// Checks a source; none when somebody cancelled it.
///
/// What cannot be read is a finding.
pub async fn check(
    subject: &Subject<'_>,
    reader: &SharedReader,
    options: &CheckOptions,
    now: Timestamp,
    mut observe: impl FnMut(Progress) + Send,
) -> Option<Checked> {
    let refs = subject.refs();
    let looks = look::into(&**reader, subject.inventory, &refs, options, &mut observe).await?;
    let read = if options.verify {
        Some(verify::read(reader, subject.inventory, &refs, options, &mut observe).await?)
    } else {
        None
    };
    let evidence = Evidence { subject: *subject, looks: &looks, read: read.as_ref() };
    let listed = subject.inventory.blobs.iter().filter(|blob| subject.inventory.unlisted.is_none() && blob.is_stored());
    Some(Checked {
        findings: judge(&evidence, now),
        refs: refs.len(),
        blobs: listed.count() as u64,
        read: read.map(|read| read.sound),
    })
}

/// All that findings follow from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The source, and what the scan found.
    pub subject: Subject<'a>,
    /// What a second look into refs told.
    pub looks: &'a [(RefId, Look)],
    /// What became of the blobs that were read, when they were.
    pub read: Option<&'a ReadBlobs>,
}
