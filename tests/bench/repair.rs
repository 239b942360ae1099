//! Checks and repairs: what a check adds to a scan, how long a ref takes that is written again, and
//! how long it takes to make a large configuration smaller.
//!
//! Each has a ratio to a peer of the same run, which depends less on the machine than a time: the
//! scan for a check, and for a rewriter `serde_json`, which reads the same text into a tree and
//! writes it again.

use std::sync::Arc;
use std::time::Duration;

use cachelens::backend::SharedReader;
use cachelens::check::{self, CheckOptions, CheckSubject};
use cachelens::format::cache_config::LayerIndex;
use cachelens::format::cache_config::fix::{self, FixedConfig};
use cachelens::inventory::scan::{self, ScanOptions};
use cachelens::source::StoreKind;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::layout::{Layout, NOW};
use crate::table::{Table, in_turns};

/// The size of the configuration that becomes smaller, in bytes.
const LARGE: usize = 16 << 20;
/// How many records the ref has that is written again.
const RECORDS: usize = 2000;
/// How many layers the store has that is checked.
const LAYERS: usize = 60_000;

/// How often `serde_json` may read and write the text while a ref is written again.
const MOST_TIMES_WRITTEN: f64 = 8.0;
/// How often it may while a configuration is made smaller, which is proved, too.
const MOST_TIMES_SMALLER: f64 = 8.0;

pub fn measure(table: &mut Table) -> Outcome {
    next_to_the_scan(table)?;
    written_again(table)?;
    made_smaller(table)
}

fn next_to_the_scan(table: &mut Table) -> Outcome {
    let folder = tempfile::tempdir()?;
    Layout::new(LAYERS as u64, LAYERS).write(folder.path())?;
    let cache = cachelens::backend::local::LocalCache::new(folder.path());
    let reader: SharedReader = Arc::new(cache);
    let runtime = Runtime::new()?;
    let scan_options = ScanOptions::default();
    let inventory = runtime.block_on(scan::scan(&reader, &scan_options, |_| ()))?;
    let subject = CheckSubject {
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
    let check = || {
        let checked = runtime.block_on(check::check(&subject, &reader, &options, NOW, |_| ()));
        Ok(checked.ok_or("the check was cancelled")?)
    };
    let scan = || Ok(runtime.block_on(scan::scan(&reader, &scan_options, |_| ()))?);
    let (checked, scanned) = in_turns(5, check, scan)?;
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
    let fix = || {
        let fixed = fix::fix(text, is_lost, false)?;
        match fixed {
            FixedConfig { dropped, .. } if dropped.lost_results > 0 => Ok(()),
            other => Err(format!("nothing is lost of {:?}", other.records).into()),
        }
    };
    let (took, peer) = in_turns(21, fix, || copied(text))?;
    let what = format!("write a ref of {RECORDS} records again");
    table.time(&what, took, Duration::from_millis(100));
    let part = took.as_secs_f64() / peer.as_secs_f64();
    table.number(format!("{what}, per copy"), part, MOST_TIMES_WRITTEN);
    Ok(())
}

fn made_smaller(table: &mut Table) -> Outcome {
    let text = doubled(Layout::of_one_large_config(LARGE / 2).config())?;
    let fix = || {
        let fixed = fix::fix(&text, |_| false, true)?;
        if fixed.text.len() * 3 > text.len() * 2 {
            return Err(format!("{} of {} bytes are left", fixed.text.len(), text.len()).into());
        }
        Ok(())
    };
    let (took, peer) = in_turns(3, fix, || copied(&text))?;
    let what = format!("make a config of {} bytes smaller", text.len());
    table.time(&what, took, Duration::from_secs(1));
    let part = took.as_secs_f64() / peer.as_secs_f64();
    table.number(format!("{what}, per copy"), part, MOST_TIMES_SMALLER);
    Ok(())
}

/// Reads a configuration into a tree and writes it again: the peer of a rewriter.
fn copied(text: &str) -> Outcome<String> {
    let tree: Value = serde_json::from_str(text)?;
    Ok(tree.to_string())
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
