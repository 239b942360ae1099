//! Verdicts and a plan with its proof, for 10,000 refs over 1,000,000 blobs, a third of them
//! orphaned.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::process::Command;
use std::sync::Arc;

use cachelens::backend::memory::MemoryCache;
use cachelens::backend::{Capabilities, SharedReader, Support, Undoability};
use cachelens::explain::evidence::CacheEvidence;
use cachelens::format::digest::Digest;
use cachelens::inventory::Inventory;
use cachelens::inventory::scan::{self, ScanOptions};
use cachelens::prune::draft::{Choices, Draft, DraftRequest};
use cachelens::prune::plan::{FreedBlobs, Plan};
use cachelens::retention::{Criteria, Policy, PruneFlags};
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::layout::NOW;
use crate::memory;
use crate::rows::ANSWER;
use crate::table::{Table, median_time};

const REFS: usize = 10_000;
/// The number of layers per ref; it shares some with the next one.
const LAYERS: usize = 80;
const OWN_LAYERS: usize = 66;

/// The argument that turns the program into a process that measures its memory.
pub const CHILD: &str = "plan-memory";

pub fn measure(table: &mut Table) -> Outcome {
    let reader: SharedReader = Arc::new(store(NOW - SignedDuration::from_hours(24 * 60))?);
    let inventory =
        Runtime::new()?.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ()))?;
    let inventory = Arc::new(inventory);
    let planning = median_time(5, || plan(&reader, &inventory))?;
    table.time(
        "answer: decide and plan 10,000 refs over 1,000,000 blobs",
        planning,
        ANSWER,
    );
    let child = Command::new(std::env::current_exe()?).arg(CHILD).output()?;
    if !child.status.success() {
        return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
    }
    let share: f64 = str::from_utf8(&child.stdout)?.trim().parse()?;
    table.bytes(
        "memory of the same for each 100 bytes of the inventory",
        share * 100.0,
        25.0,
    );
    Ok(())
}

/// Prints the additional memory for planning, as a share of the inventory's.
pub fn child() -> Outcome {
    let reader: SharedReader = Arc::new(store(NOW - SignedDuration::from_hours(24 * 60))?);
    let before = memory::resident()?;
    let inventory =
        Runtime::new()?.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ()))?;
    let inventory = Arc::new(inventory);
    let with_inventory = memory::resident()?;
    let filler = memory::fill_gaps()?;
    let before_plan = memory::resident()?;
    memory::forget_peak()?;
    let plan = plan(&reader, &inventory)?;
    let more = memory::peak()?.saturating_sub(before_plan);
    println!(
        "{}",
        more as f64 / with_inventory.saturating_sub(before).max(1) as f64
    );
    drop((plan, filler));
    Ok(())
}

fn plan(reader: &SharedReader, inventory: &Arc<Inventory>) -> Outcome<Plan> {
    let flags = PruneFlags {
        keep: Criteria {
            last: NonZeroU32::new(5_000),
            ..Criteria::default()
        },
        ..PruneFlags::default()
    };
    let policy = flags.over(Policy::default())?;
    let request = DraftRequest {
        inventory: Arc::clone(inventory),
        source: "bench",
        policy,
        evidence: Ok(&CacheEvidence::default()),
        settles: true,
        now: NOW,
    };
    let options = ScanOptions::default();
    let draft = Runtime::new()?.block_on(Draft::gather(reader, request, &options))?;
    Ok(draft.plan(&Choices {
        freed_blobs: FreedBlobs::Wait,
        excluded: HashSet::new(),
        at_once: false,
    })?)
}

fn store(old: Timestamp) -> Outcome<MemoryCache> {
    let mut cache = MemoryCache::default();
    cache.set_capabilities(Capabilities {
        delete_ref: Support::Yes,
        delete_object: Support::Yes,
        undoability: Undoability::Full,
        settling: SignedDuration::ZERO,
    });
    let layers: Vec<Digest> = (0..1_000_000_u32)
        .map(|number| Digest::of(&number.to_le_bytes()))
        .collect();
    for (size, layer) in (4096..).zip(&layers) {
        cache.add_stored(*layer, size, Some(old));
    }
    let config = cache.add_blob(b"{}".to_vec(), Some(old));
    let mut entries = Vec::new();
    for number in 0..REFS {
        let named =
            (0..LAYERS).map(|layer| layers[(number * OWN_LAYERS + layer) % (REFS * OWN_LAYERS)]);
        let named: Vec<String> = named
            .map(|layer| format!(r#"{{"digest":"{layer}"}}"#))
            .collect();
        let manifest = format!(
            r#"{{"config":{{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"{config}"}},"layers":[{}]}}"#,
            named.join(",")
        );
        let digest = cache.add_blob(manifest.into_bytes(), Some(old));
        let annotations = format!(r#"{{"org.opencontainers.image.ref.name":"pr-{number}"}}"#);
        entries.push(format!(
            r#"{{"digest":"{digest}","annotations":{annotations}}}"#
        ));
    }
    cache.set_index(
        format!(
            r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
            entries.join(",")
        )
        .as_bytes(),
    )?;
    Ok(cache)
}
