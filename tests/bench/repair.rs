//! Checks and repairs: what a check adds to a scan, how long a ref takes that is written again, and
//! how long it takes to make a large configuration smaller.

use std::sync::Arc;
use std::time::Duration;

use cachelens::backend::SharedReader;
use cachelens::check::{self, CheckOptions, Subject};
use cachelens::format::cache_config::LayerIndex;
use cachelens::format::cache_config::mend::{self, Mended};
use cachelens::inventory::scan::{self, ScanOptions};
use cachelens::source::StoreKind;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::layout::{Layout, NOW};
use crate::table::{Table, median_time};

/// The size of the configuration that becomes smaller, in bytes.
const LARGE: usize = 16 << 20;
/// How many records the ref has that is written again.
const RECORDS: usize = 2000;
/// How many layers the store has that is checked.
const LAYERS: usize = 60_000;

pub fn measure(table: &mut Table) -> Outcome {
    beside_the_scan(table)?;
    written_again(table)?;
    made_smaller(table)
}

fn beside_the_scan(table: &mut Table) -> Outcome {
    let folder = tempfile::tempdir()?;
    Layout::new(LAYERS as u64, LAYERS).write(folder.path())?;
    let cache = cachelens::backend::local::LocalCache::new(folder.path());
    let reader: SharedReader = Arc::new(cache);
    let runtime = Runtime::new()?;
    let options = ScanOptions::default();
    let scanned = median_time(5, || {
        Ok(runtime.block_on(scan::scan(&reader, &options, |_| ()))?)
    })?;
    let inventory = runtime.block_on(scan::scan(&reader, &options, |_| ()))?;
    let subject = Subject {
        source: "./cache",
        kind: StoreKind::Local,
        location: None,
        inventory: &inventory,
        only: None,
    };
    let options = CheckOptions {
        verify: false,
        concurrency: 8,
        cancel: CancellationToken::new(),
    };
    let checked = median_time(5, || {
        let checked = runtime.block_on(check::check(&subject, &reader, &options, NOW, |_| ()));
        Ok(checked.ok_or("the check was cancelled")?)
    })?;
    let what = format!(
        "check of {} refs, {LAYERS} blobs, beside the scan",
        inventory.refs.len()
    );
    let part = checked.as_secs_f64() / scanned.as_secs_f64();
    table.number(what, part, 0.25);
    Ok(())
}

fn written_again(table: &mut Table) -> Outcome {
    let layout = Layout::of_records(RECORDS);
    let text = std::str::from_utf8(layout.config())?;
    // Of each hundred layers, one is lost.
    let is_lost = |layer: LayerIndex| layer.at().is_multiple_of(100);
    let took = median_time(21, || {
        let mended = mend::mend(text, is_lost, false)?;
        match mended {
            Mended { dropped, .. } if dropped.lost_results > 0 => Ok(()),
            other => Err(format!("nothing is lost of {:?}", other.records).into()),
        }
    })?;
    let what = format!("write a ref of {RECORDS} records again");
    table.time(what, took, Duration::from_millis(100));
    Ok(())
}

fn made_smaller(table: &mut Table) -> Outcome {
    let text = doubled(Layout::of_one_large_config(LARGE / 2).config())?;
    let took = median_time(3, || {
        let mended = mend::mend(&text, |_| false, true)?;
        if mended.text.len() * 3 > text.len() * 2 {
            return Err(format!("{} of {} bytes are left", mended.text.len(), text.len()).into());
        }
        Ok(())
    })?;
    let what = format!("make a config of {} bytes smaller", text.len());
    table.time(what, took, Duration::from_secs(1));
    Ok(())
}

/// Lists every record twice, the second with the links of the first: what exports after imports
/// leave.
fn doubled(config: &[u8]) -> Outcome<String> {
    let mut config: Value = serde_json::from_slice(config)?;
    let records = config["records"].as_array().ok_or("there are no records")?;
    let count = records.len() as u64;
    let again = records.iter().map(|record| {
        let mut record = record.clone();
        let groups = record["inputs"].as_array_mut().into_iter().flatten();
        let links = groups.filter_map(Value::as_array_mut).flatten();
        for link in links {
            link["link"] = json!(link["link"].as_u64().unwrap_or(0) + count);
        }
        record
    });
    let all: Vec<Value> = records.iter().cloned().chain(again).collect();
    config["records"] = Value::Array(all);
    Ok(config.to_string())
}
