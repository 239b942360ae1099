//! What takes time, measured: `cargo bench`.

use std::collections::HashSet;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cachelens::backend::memory::MemoryCache;
use cachelens::backend::{Capabilities, Disposal, SharedReader, Support};
use cachelens::format::digest::Digest;
use cachelens::inventory::filter::{Filter, NumberField, Subject, TextField};
use cachelens::inventory::scan::{self, ScanOptions};
use cachelens::prune::plan::{FreedBlobs, Plan, Planning, RecentlyDropped};
use cachelens::retention::{self, Criteria, Policy, PruneFlags, SharedBlobs};
use jiff::{SignedDuration, Timestamp};

fn main() {
    plans_ten_thousand_refs();
    filters_a_million_rows();
}

/// Prints the best of five runs of `work`: the others were disturbed.
fn measure(name: &str, mut work: impl FnMut()) {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    println!("{name:<60} {:>10.1?}", best.min().unwrap_or(Duration::ZERO));
}

fn filters_a_million_rows() {
    struct Row {
        name: String,
        size: u64,
        created: Timestamp,
    }

    impl Subject for Row {
        fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
            match field {
                TextField::Name => Some(test(&self.name)),
                TextField::State => Some(test(if self.size.is_multiple_of(3) { "orphan" } else { "live" })),
                _ => None,
            }
        }

        fn number(&self, field: NumberField) -> Option<u64> {
            (field == NumberField::Size).then_some(self.size)
        }

        fn created(&self) -> Option<Timestamp> {
            Some(self.created)
        }
    }

    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56);
    let rows: Vec<Row> = (0..1_000_000)
        .map(|n: u32| Row {
            name: format!("refs/pull/{n}/merge"),
            size: u64::from(n) * 4099,
            created: now - SignedDuration::from_secs(i64::from(n) * 60),
        })
        .collect();
    for text in ["size>1G age>30d state:orphan", "merge", "*/7*/merge", "name~/[0-7]+/", "!live size>=3GB 99"] {
        let filter = Filter::parse(text).unwrap_or_default();
        measure(&format!("filter 1,000,000 rows: {text}"), || {
            black_box(rows.iter().filter(|row| filter.matches(*row, now)).count());
        });
    }
}

/// Verdicts and a plan, with its proof, for 10,000 refs over 1,000,000 blobs of which a third is orphaned.
fn plans_ten_thousand_refs() {
    let old: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap_or_default();
    let now = old + SignedDuration::from_hours(24 * 60);
    let mut cache = MemoryCache::default();
    let layers: Vec<Digest> = (0..1_000_000_u32).map(|number| Digest::of(&number.to_le_bytes())).collect();
    for (number, layer) in layers.iter().enumerate() {
        cache.add_stored(*layer, 4096 + number as u64, Some(old));
    }
    let config = cache.add_blob(b"{}".to_vec(), Some(old));
    let mut entries = Vec::new();
    for number in 0..10_000 {
        let named = (0..80).map(|layer| format!(r#"{{"digest":"{}"}}"#, layers[(number * 66 + layer) % 660_000]));
        let manifest = format!(
            r#"{{"config":{{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"{config}"}},"layers":[{}]}}"#,
            named.collect::<Vec<_>>().join(",")
        );
        let digest = cache.add_blob(manifest.into_bytes(), Some(old));
        let annotations = format!(r#"{{"org.opencontainers.image.ref.name":"pr-{number}"}}"#);
        entries.push(format!(r#"{{"digest":"{digest}","annotations":{annotations}}}"#));
    }
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
    if let Err(error) = cache.set_index(index.as_bytes()) {
        return println!("{error}");
    }
    let reader: SharedReader = Arc::new(cache);
    let scanned = tokio::runtime::Runtime::new()
        .map(|runtime| runtime.block_on(scan::scan(&reader, &ScanOptions::default(), |_| ())));
    let Ok(Ok(inventory)) = scanned else { return println!("the store cannot be scanned") };
    let flags =
        PruneFlags { keep: Criteria { last: NonZeroU32::new(5_000), ..Criteria::default() }, ..PruneFlags::default() };
    let Ok(policy) = flags.over(Policy::default()) else { return println!("no policy") };
    let all = Capabilities { delete_ref: Support::Yes, delete_object: Support::Yes };
    measure("decide and plan 10,000 refs over 1,000,000 blobs", || {
        let facts = retention::facts(&inventory, "bench");
        let verdicts = retention::decide(&policy, &facts, now, &mut SharedBlobs::new(&inventory, None));
        let plan = Plan::new(&Planning {
            source: "bench",
            place: "/bench",
            inventory: &inventory,
            verdicts: &verdicts,
            recent: &RecentlyDropped::default(),
            capabilities: &all,
            policy: &policy,
            policy_text: "",
            now,
            freed_blobs: FreedBlobs::Wait,
            disposal: Disposal::Trash,
            spared: &HashSet::new(),
        });
        black_box(plan.map_or(0, |plan| plan.frees_objects()));
    });
}
