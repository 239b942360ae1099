//! Snapshots of a running scan, as the terminal UI takes them for display.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachelens::backend::SharedReader;
use cachelens::inventory::Inventory;
use cachelens::inventory::scan::{self, ScanOptions};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::layout::Layout;
use crate::rows::FRAME;
use crate::table::{Table, median};

const INTERVAL: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;

pub fn measure(table: &mut Table) -> Outcome {
    let reader: SharedReader = Arc::new(Layout::new(1_000_000, 300_000).into_memory()?);
    let runtime = Runtime::new()?;
    let (mut plain, mut watched, mut slowest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        runtime.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ()))?;
        plain.push(start.elapsed());

        let (start, mut taken, mut latest) = (Instant::now(), Instant::now(), Inventory::default());
        let mut worst = Duration::ZERO;
        let observe = |inventory: &Inventory| {
            if taken.elapsed() >= INTERVAL {
                taken = Instant::now();
                // Taking a snapshot also drops the previous one.
                latest = inventory.clone();
                worst = worst.max(taken.elapsed());
            }
        };
        runtime.block_on(scan::scan(&reader, &ScanOptions::default(), observe))?;
        watched.push(start.elapsed());
        slowest.push(worst);
    }
    table.time(
        "frame: take a snapshot of a scan of 1,000,000 blobs, the slowest of each",
        median(slowest),
        FRAME,
    );
    let most = median(plain).mul_f64(1.25);
    table.time(
        "scan of 1,000,000 blobs with snapshots, against 1.25 × one without",
        median(watched),
        most,
    );
    Ok(())
}
