//! Filters and sorts the rows of a store, as the terminal UI does: few rows within a frame, many in
//! the background, so that the UI stays responsive.

use std::sync::Arc;
use std::time::Duration;

use cachelens::backend::SharedReader;
use cachelens::inventory::Inventory;
use cachelens::inventory::filter::Filter;
use cachelens::inventory::scan::{self, ScanOptions};
use cachelens::tui::list::{AT_ONCE, Arrangement, Sort, SortDirection, View, arrange};
use cachelens::tui::rows::blobs::{AGE, BlobRows, SIZE};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::layout::{Layout, NOW};
use crate::table::{Table, median_time};

/// The time between two frames of a screen.
pub const FRAME: Duration = Duration::from_millis(16);
/// The time that a person waits without losing the thread.
pub const ANSWER: Duration = Duration::from_secs(1);

const FILTERS: [&str; 5] = [
    "size>1K age>30d state:orphan",
    "5891b5",
    "*7*b5",
    "name~/[0-7]{12}/",
    "!live size>=1kB digest:99",
];

pub fn measure(table: &mut Table) -> Outcome {
    for (within, blobs, target) in [("frame", AT_ONCE, FRAME), ("answer", 1_000_000, ANSWER)] {
        let inventory = scanned(blobs)?;
        let summing = median_time(9, || Ok(inventory.totals()))?;
        table.time(
            format_args!("frame: sum up {} blobs", inventory.blobs.len()),
            summing,
            FRAME,
        );
        let rows = Arc::new(BlobRows::new(Arc::new(inventory)));
        let mut arranging = |what: String, filter: Filter, column| {
            let view = View {
                filter,
                sort: Sort {
                    column,
                    order: SortDirection::Descending,
                },
            };
            let arrangement = Arrangement {
                rows: rows.clone(),
                view,
                now: NOW,
            };
            let time = median_time(5, || Ok(arrange(&arrangement, |_| true)))?;
            table.time(format_args!("{within}: {blobs} blobs {what}"), time, target);
            Outcome::Ok(())
        };
        arranging("by size".to_owned(), Filter::default(), SIZE)?;
        arranging("by age".to_owned(), Filter::default(), AGE)?;
        for text in FILTERS {
            arranging(
                format!("that pass {text}, by size"),
                Filter::parse(text)?,
                SIZE,
            )?;
        }
    }
    Ok(())
}

/// Scans about this many blobs; three in ten are live.
fn scanned(blobs: u32) -> Outcome<Inventory> {
    let layout = Layout::new(blobs.into(), blobs as usize * 3 / 10);
    let reader: SharedReader = Arc::new(layout.into_memory()?);
    Ok(Runtime::new()?.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ()))?)
}
