//! Caches that change while they are scanned.

use std::fs::{self, File};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cachelens::backend::{BackendError, SharedReader, local::LocalCache};
use cachelens::inventory::scan::{ScanError, ScanOptions, scan};
use cachelens::inventory::{Inventory, StoreWarning};
use tokio::runtime::Runtime;

use super::add_main;
use crate::support::command::Sandbox;
use crate::support::layout::LayoutBuilder;

/// The number of scans while the cache changes.
const SCANS: usize = 200;

fn scan_once(layout: &LayoutBuilder, runtime: &Runtime) -> Result<Inventory, ScanError> {
    let reader: SharedReader = Arc::new(LocalCache::new(layout.path("")));
    runtime.block_on(scan(&reader, &ScanOptions::default(), |_| ()))
}

/// Scans repeatedly while another thread runs `change` in a loop, with its iteration number.
fn scan_while(
    layout: &LayoutBuilder,
    change: impl Fn(usize) + Send + Sync,
    mut check: impl FnMut(Result<Inventory, ScanError>),
) {
    let runtime = Runtime::new().unwrap();
    let goes_on = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut runs = 0;
            while goes_on.load(Ordering::Relaxed) {
                change(runs);
                runs += 1;
            }
        });
        // The changes end however a check ends.
        let _end = Ending(&goes_on);
        (0..SCANS).for_each(|_| check(scan_once(layout, &runtime)));
    });
}

/// Ends the changes when dropped.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Checks the invariants of an inventory that hold for any store.
fn assert_sound(inventory: &Inventory) {
    let totals = inventory.totals();
    let stored: u64 = inventory.blobs.iter().map(|blob| blob.stored_size()).sum();
    assert_eq!(
        totals.stored().bytes,
        stored + totals.partial.bytes + totals.unknown.bytes
    );
    for entry in inventory.refs.iter() {
        assert!(entry.sizes.exclusive_bytes.unwrap() <= entry.sizes.bytes);
        if let Some(counts) = entry.counts() {
            assert_eq!(
                counts.results + counts.key_only + counts.broken,
                counts.records
            );
        }
    }
}

#[test]
fn referenced_blobs_are_never_orphans_while_refs_change() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    let blob = |number: usize| layout.path("blobs/sha256").join(format!("{number:064x}"));
    let upload = |number: usize| layout.path("ingest").join(number.to_string());
    let change = |number: usize| {
        fs::write(blob(number), "new").unwrap();
        fs::create_dir_all(upload(number)).unwrap();
        fs::write(upload(number).join("data"), "new").unwrap();
        if let Some(old) = number.checked_sub(3) {
            fs::remove_file(blob(old)).unwrap();
            fs::remove_dir_all(upload(old)).unwrap();
        }
    };
    scan_while(&layout, change, |scanned| {
        let inventory = scanned.unwrap();
        assert_sound(&inventory);
        assert_eq!(
            (
                inventory.totals().live.count,
                inventory.totals().missing.count
            ),
            (4, 0)
        );
    });
}

#[test]
fn an_index_written_in_place_is_read_completely() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let main = add_main(&mut layout);
    let short = fs::read(layout.path("index.json")).unwrap();
    layout.tag("a-second-ref", &layout.chain(&[layout.layer("other", 9)]));
    layout.tag("a-third-ref", &main);
    let long = fs::read(layout.path("index.json")).unwrap();
    // As in BuildKit: the file is overwritten, and truncated afterwards.
    let change = |number: usize| {
        let content = if number.is_multiple_of(2) {
            &short
        } else {
            &long
        };
        let mut file = File::options()
            .write(true)
            .open(layout.path("index.json"))
            .unwrap();
        file.write_all(content).unwrap();
        file.set_len(content.len() as u64).unwrap();
    };
    scan_while(&layout, change, |scanned| match scanned {
        Ok(inventory) => {
            assert_sound(&inventory);
            assert_eq!(inventory.totals().missing.count, 0);
            let orphans = inventory.totals().orphan.unwrap().count;
            assert_eq!(
                (inventory.refs.len(), orphans),
                if inventory.refs.len() == 1 {
                    (1, 3)
                } else {
                    (3, 0)
                }
            );
        }
        // Possible and correct if each of several reads came between two writes.
        Err(ScanError::Backend(BackendError::Layout { .. })) => {}
        Err(error) => panic!("{error}"),
    });
}

#[test]
fn a_blob_lost_during_a_scan_is_missing_in_its_ref() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let top = layout.layer("top", 50);
    layout.tag(
        "main",
        &layout.chain(&[layout.layer("base", 100), top.clone()]),
    );
    let change = |_| {
        layout.lose(&top);
        layout.layer("top", 50);
    };
    scan_while(&layout, change, |scanned| {
        let inventory = scanned.unwrap();
        assert_sound(&inventory);
        let totals = inventory.totals();
        assert_eq!(totals.live.count + totals.missing.count, 4);
        assert_eq!(totals.orphan.unwrap().count, 0);
    });
}

#[test]
fn nothing_is_an_orphan_after_a_manifest_appears_during_a_scan() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let manifest = add_main(&mut layout);
    let kept = sandbox.path("manifest");
    fs::copy(layout.blob_path(&manifest), &kept).unwrap();
    let change = |_| {
        layout.lose(&manifest);
        fs::hard_link(&kept, layout.blob_path(&manifest)).unwrap();
    };
    scan_while(&layout, change, |scanned| {
        let inventory = scanned.unwrap();
        assert_sound(&inventory);
        let totals = inventory.totals();
        // If it was read, everything is live. If not, its references are unknown.
        let expected = if inventory.refs[0].reach.len() == 1 {
            None
        } else {
            Some(0)
        };
        assert_eq!(totals.orphan.map(|orphan| orphan.count), expected);
    });
}

#[test]
fn a_folder_that_vanishes_ends_the_scan_with_an_error_or_without_refs() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    let away = sandbox.path("away");
    let here = sandbox.path("cache");
    let change = |_| {
        fs::rename(&here, &away).unwrap();
        fs::rename(&away, &here).unwrap();
    };
    scan_while(&layout, change, |scanned| match scanned {
        Ok(inventory) => assert_sound(&inventory),
        Err(ScanError::Backend(
            BackendError::NotFound(_) | BackendError::NotALayout { .. } | BackendError::Io { .. },
        )) => {}
        Err(error) => panic!("{error}"),
    });
    // Once the changes have ended, everything is as before.
    let inventory = scan_once(&layout, &Runtime::new().unwrap()).unwrap();
    assert_eq!(
        (
            inventory.totals().live.count,
            inventory.totals().stored().count
        ),
        (4, 4)
    );
}

#[test]
fn a_cancelled_scan_ends_as_such() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    add_main(&mut layout);
    let reader: SharedReader = Arc::new(LocalCache::new(layout.path("")));
    let runtime = Runtime::new().unwrap();
    // Before anything is read, and at each progress report of the scan.
    let options = ScanOptions::default();
    options.cancel.cancel();
    assert!(matches!(
        runtime.block_on(scan(&reader, &options, |_| ())),
        Err(ScanError::Cancelled)
    ));
    for moment in 0..2 {
        let options = ScanOptions::default();
        let mut seen = 0;
        let scanned = runtime.block_on(scan(&reader, &options, |_| {
            if seen == moment {
                options.cancel.cancel();
            }
            seen += 1;
        }));
        assert!(matches!(scanned, Err(ScanError::Cancelled)), "{moment}");
    }
}

#[test]
fn duplicate_names_are_warnings() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let main = add_main(&mut layout);
    layout.tag("main", &main);
    let inventory = scan_once(&layout, &Runtime::new().unwrap()).unwrap();
    assert_eq!(
        inventory.warnings,
        [StoreWarning::DuplicateName {
            name: "main".into(),
            count: 2
        }]
    );
}
