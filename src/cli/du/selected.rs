//! What the refs that fit a pattern take.

use serde::Serialize;

use crate::backend::Totals;
use crate::cli::open::Scanned;
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::inventory::blobs::Blob;
use crate::report::documents::BlobTotals;
use crate::text::escape::visible;
use crate::text::units::Size;

/// The refs of a source that fit its pattern.
#[derive(Debug, Serialize)]
pub(super) struct Selected {
    pattern: String,
    refs: usize,
    /// What a ref that fits reaches.
    reached: BlobTotals,
    /// What no other ref reaches; unknown if a ref cannot be read.
    only: Option<BlobTotals>,
    #[serde(skip)]
    tallies: (Totals, Option<Totals>),
}

impl Selected {
    /// Returns `None` for a source without a pattern.
    pub(super) fn new(scanned: &Scanned) -> Option<Self> {
        let select = scanned.opened.source.select.as_ref();
        let pattern = select.filter(|select| select.is_pattern())?.to_string();
        let inventory = &scanned.inventory;
        let refs = scanned.selected();
        let mut reached = Totals::default();
        let mut only = Totals::default();
        for blob in inventory.blobs.iter().filter(Blob::is_stored) {
            let fits = refs.iter().filter(|(_, entry)| entry.reaches(blob.id()));
            let fits = fits.count();
            if fits == 0 {
                continue;
            }
            add(&mut reached, blob.stored_size());
            if inventory.refs_of(blob.id()).count() == fits {
                add(&mut only, blob.stored_size());
            }
        }
        let is_known = !inventory.has_unreadable_ref();
        Some(Self {
            pattern,
            refs: refs.len(),
            reached: reached.into(),
            only: is_known.then(|| only.into()),
            tallies: (reached, is_known.then_some(only)),
        })
    }

    pub(super) fn print(&self, scanned: &Scanned, paper: Paper) -> String {
        let mut table = Table::new([
            ("OF THESE REFS", TableAlign::Left),
            ("BLOBS", TableAlign::Right),
            ("SIZE", TableAlign::Right),
            ("", TableAlign::Left),
        ]);
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
        for (name, tally, meaning) in [
            ("reached", Some(self.tallies.0), "reached from one of them"),
            ("theirs", self.tallies.1, "reached from no other ref"),
        ] {
            table.row([
                TableCell::new(name),
                TableCell::new(or_unknown(tally.map(|tally| tally.count.to_string()))),
                TableCell::new(or_unknown(tally.map(|tally| Size(tally.bytes).to_string()))),
                TableCell::new(meaning).style(Style::Dim),
            ]);
        }
        format!(
            "{}  {} of {} refs fit `{}`\n{}the rest of the store is not summed up: name the source without the pattern\n",
            scanned.opened.shown(),
            self.refs,
            scanned.inventory.refs.len(),
            visible(&self.pattern),
            table.render(paper)
        )
    }
}

fn add(tally: &mut Totals, bytes: u64) {
    tally.count += 1;
    tally.bytes = tally.bytes.saturating_add(bytes);
}
