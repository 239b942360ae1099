//! A cache configuration of a mebibyte, the import limit of BuildKit: how long it takes to open it.

use std::sync::Arc;
use std::time::Duration;

use cachelens::backend::SharedReader;
use cachelens::format::manifest::ImportLimits;
use cachelens::inventory::cache::RefCache;
use cachelens::inventory::scan::{self, ScanOptions};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::layout::Layout;
use crate::table::{Table, median_time};

pub fn measure(table: &mut Table) -> Outcome {
    let layout = Layout::of_one_large_config(usize::try_from(ImportLimits::newest().config)?);
    let (length, layers) = (layout.config_length(), layout.layers.len());
    let reader: SharedReader = Arc::new(layout.into_memory()?);
    let runtime = Runtime::new()?;
    let inventory = runtime.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ()))?;
    let entry = inventory.refs.first().ok_or("the scan found no ref")?;
    let looked_into = median_time(21, || {
        let caches = runtime.block_on(RefCache::load(&*reader, &inventory.blobs, entry));
        match caches.as_deref() {
            Ok([cache]) if cache.refusal.is_none() && cache.records.len() == layers => Ok(()),
            other => Err(format!("the configuration reads as {other:?}").into()),
        }
    })?;
    let what = format!("look into a cache config of {length} bytes, {layers} records");
    table.time(what, looked_into, Duration::from_millis(20));
    Ok(())
}
