//! Random stores: the result of a scan, compared with the simplest possible count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cachelens::backend::SharedReader;
use cachelens::backend::memory::MemoryCache;
use cachelens::format::cache_config::RecordIndex;
use cachelens::format::digest::{Digest, DigestText};
use cachelens::inventory::cache::{RecordState, RefCache};
use cachelens::inventory::scan::{ScanOptions, scan};
use cachelens::inventory::{BlobState, Inventory};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::layout::{CONFIG, LAYER, MANIFEST, annotated, descriptor};

/// The number of layer blobs in a store. Small, so that refs share them.
const BLOBS: usize = 8;

/// A store: the stored layer blobs, and the refs.
#[derive(Debug, Clone)]
struct Plan {
    stored: [bool; BLOBS],
    refs: Vec<RefPlan>,
}

/// A cache: its layers as (blob, parent), where every parent comes earlier, and the top layers of
/// its records' results.
#[derive(Debug, Clone)]
struct RefPlan {
    layers: Vec<(usize, Option<usize>)>,
    results: Vec<Option<usize>>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let layer = (
        0..BLOBS,
        prop::option::weighted(0.8, any::<prop::sample::Index>()),
    );
    let result = prop::option::weighted(0.7, any::<prop::sample::Index>());
    let reference = (
        prop::collection::vec(layer, 1..7),
        prop::collection::vec(result, 0..6),
    )
        .prop_map(|(layers, tops)| {
            let count = layers.len();
            let on = |place: usize, parent: Option<prop::sample::Index>| {
                parent
                    .filter(|_| place > 0)
                    .map(|parent| parent.index(place))
            };
            RefPlan {
                layers: layers
                    .into_iter()
                    .enumerate()
                    .map(|(place, (blob, parent))| (blob, on(place, parent)))
                    .collect(),
                results: tops
                    .into_iter()
                    .map(|top| top.map(|top| top.index(count)))
                    .collect(),
            }
        });
    (
        prop::array::uniform8(prop::bool::weighted(0.8)),
        prop::collection::vec(reference, 0..5),
    )
        .prop_map(|(stored, refs)| Plan { stored, refs })
}

/// The content of a layer blob; all lengths differ, so that no sum is right by chance.
fn content(blob: usize) -> Vec<u8> {
    vec![u8::try_from(blob).unwrap(); 1 << blob]
}

fn layer(blob: usize) -> Value {
    let diff_id = Digest::of(&[b"uncompressed", &content(blob)[..]].concat()).to_string();
    annotated(
        &descriptor(LAYER, &content(blob)),
        "containerd.io/uncompressed",
        &diff_id,
    )
}

impl RefPlan {
    /// Returns the documents of the ref: configuration and manifest.
    fn documents(&self) -> [(Value, String); 2] {
        let digest = |blob: usize| layer(blob)["digest"].clone();
        let layers = self.layers.iter().map(|(blob, parent)| match parent {
            // Go omits a zero.
            Some(0) => json!({"blob": digest(*blob)}),
            Some(parent) => json!({"blob": digest(*blob), "parent": parent}),
            None => json!({"blob": digest(*blob), "parent": -1}),
        });
        let records = self.results.iter().map(|top| match top {
            Some(top) => json!({"layers": [{"layer": top, "createdAt": "2026-11-21T12:00:00Z"}]}),
            None => json!({}),
        });
        let config =
            json!({"layers": layers.collect::<Vec<_>>(), "records": records.collect::<Vec<_>>()})
                .to_string();
        let descriptors: Vec<Value> = self.layers.iter().map(|(blob, _)| layer(*blob)).collect();
        let described = descriptor(CONFIG, config.as_bytes());
        let manifest =
            json!({"mediaType": MANIFEST, "config": described, "layers": descriptors}).to_string();
        [
            (described, config),
            (descriptor(MANIFEST, manifest.as_bytes()), manifest),
        ]
    }

    /// Returns the blobs of a result, each once.
    fn chain(&self, top: usize) -> BTreeSet<usize> {
        std::iter::successors(Some(top), |place| self.layers[*place].1)
            .map(|place| self.layers[place].0)
            .collect()
    }

    /// Returns everything that the ref references, with sizes.
    fn reach(&self) -> BTreeMap<Digest, u64> {
        let documents = self
            .documents()
            .into_iter()
            .map(|(_, text)| (Digest::of(text.as_bytes()), text.len() as u64));
        let layers = self
            .layers
            .iter()
            .map(|(blob, _)| (Digest::of(&content(*blob)), 1 << blob));
        documents.chain(layers).collect()
    }
}

impl Plan {
    fn store(&self) -> SharedReader {
        let mut cache = MemoryCache::default();
        for blob in (0..BLOBS).filter(|blob| self.stored[*blob]) {
            cache.add_blob(content(blob), None);
        }
        let mut entries = Vec::new();
        for (number, reference) in self.refs.iter().enumerate() {
            let [config, manifest] = reference.documents();
            entries.push(annotated(
                &manifest.0,
                "org.opencontainers.image.ref.name",
                &number.to_string(),
            ));
            for (_, text) in [config, manifest] {
                cache.add_blob(text.into_bytes(), None);
            }
        }
        cache
            .set_index(
                json!({"schemaVersion": 2, "manifests": entries})
                    .to_string()
                    .as_bytes(),
            )
            .unwrap();
        Arc::new(cache)
    }

    fn is_stored(&self, digest: &Digest) -> bool {
        (0..BLOBS).all(|blob| self.stored[blob] || Digest::of(&content(blob)) != *digest)
    }
}

fn check_refs(plan: &Plan, inventory: &Inventory) {
    let reaches: Vec<BTreeMap<Digest, u64>> = plan.refs.iter().map(RefPlan::reach).collect();
    for (place, (entry, reference)) in inventory.refs.iter().zip(&plan.refs).enumerate() {
        let others: Vec<_> = reaches
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .map(|it| it.1)
            .collect();
        let here = |digest: &&Digest| plan.is_stored(digest);
        let sum = |digests: &[&Digest]| {
            digests
                .iter()
                .map(|digest| reaches[place][*digest])
                .sum::<u64>()
        };
        let stored: Vec<&Digest> = reaches[place].keys().filter(here).collect();
        let missing: Vec<&Digest> = reaches[place]
            .keys()
            .filter(|digest| !here(digest))
            .collect();
        let own: Vec<&Digest> = stored
            .iter()
            .copied()
            .filter(|digest| others.iter().all(|other| !other.contains_key(digest)))
            .collect();
        let sizes = entry.sizes;
        assert_eq!(
            (sizes.bytes, sizes.exclusive_bytes),
            (sum(&stored), Some(sum(&own)))
        );
        assert_eq!(
            (sizes.missing_blobs, sizes.missing_bytes),
            (missing.len() as u64, sum(&missing))
        );
        let loadable = |top: &usize| reference.chain(*top).iter().all(|blob| plan.stored[*blob]);
        let with_result = reference.results.iter().flatten();
        let results = with_result.clone().filter(|top| loadable(top)).count();
        let counts = entry.counts().unwrap();
        let expected = [
            reference.results.len(),
            results,
            with_result.count() - results,
        ];
        assert_eq!(
            [counts.records, counts.results, counts.broken],
            expected.map(|count| count as u64)
        );
        assert_eq!(
            counts.key_only,
            counts.records - counts.results - counts.broken
        );
        assert_eq!(entry.layers as usize, reference.layers.len());
    }
}

fn check_totals(plan: &Plan, inventory: &Inventory) {
    let reached: BTreeMap<Digest, u64> = plan.refs.iter().flat_map(RefPlan::reach).collect();
    let layers = (0..BLOBS).map(|blob| (Digest::of(&content(blob)), 1 << blob));
    let all: BTreeMap<Digest, u64> = layers
        .filter(|(digest, _)| plan.is_stored(digest))
        .chain(reached.clone())
        .collect();
    let sum = |wanted: BlobState| {
        let state = |digest: &Digest| match (plan.is_stored(digest), reached.contains_key(digest)) {
            (true, true) => BlobState::Live,
            (true, false) => BlobState::Orphan,
            (false, _) => BlobState::Missing,
        };
        let sizes: Vec<u64> = all
            .iter()
            .filter(|(digest, _)| state(digest) == wanted)
            .map(|it| *it.1)
            .collect();
        (sizes.len() as u64, sizes.iter().sum::<u64>())
    };
    let totals = inventory.totals();
    let pair = |tally: cachelens::backend::Totals| (tally.count, tally.bytes);
    assert_eq!(pair(totals.live), sum(BlobState::Live));
    assert_eq!(pair(totals.orphan.unwrap()), sum(BlobState::Orphan));
    assert_eq!(pair(totals.missing), sum(BlobState::Missing));
    assert_eq!(
        totals.stored().count,
        sum(BlobState::Live).0 + sum(BlobState::Orphan).0
    );
}

fn check_records(
    plan: &RefPlan,
    whole: &Plan,
    inventory: &Inventory,
    place: usize,
    cache: &RefCache,
) {
    let users = |blob: usize| {
        plan.results
            .iter()
            .flatten()
            .filter(|top| plan.chain(**top).contains(&blob))
            .count()
    };
    let elsewhere = |blob: usize| {
        let has = |(other, reference): (usize, &RefPlan)| {
            other != place && reference.layers.iter().any(|(used, _)| *used == blob)
        };
        whole.refs.iter().enumerate().any(has)
    };
    for ((index, top), detail) in (0..)
        .map(RecordIndex)
        .zip(&plan.results)
        .zip(&cache.records)
    {
        let Some(top) = *top else {
            assert_eq!((detail.state, detail.sizes), (RecordState::KeyOnly, None));
            continue;
        };
        let chain = plan.chain(top);
        let complete = chain.iter().all(|blob| whole.stored[*blob]);
        assert_eq!(
            detail.state,
            if complete {
                RecordState::Result
            } else {
                RecordState::Broken
            }
        );
        let sizes = detail.sizes.unwrap();
        assert_eq!(sizes.bytes, chain.iter().map(|blob| 1 << blob).sum::<u64>());
        assert_eq!(sizes.layer_bytes, 1 << plan.layers[top].0);
        let own = chain
            .iter()
            .filter(|blob| users(**blob) == 1 && !elsewhere(**blob));
        assert_eq!(
            sizes.exclusive_bytes,
            Some(own.map(|blob| 1 << blob).sum::<u64>())
        );
        let missing: BTreeSet<Digest> = chain
            .iter()
            .filter(|blob| !whole.stored[**blob])
            .map(|blob| Digest::of(&content(*blob)))
            .collect();
        let told: BTreeSet<Digest> = cache
            .missing_blobs(&inventory.blobs, index)
            .iter()
            .filter_map(DigestText::valid)
            .collect();
        assert_eq!(told, missing);
    }
    let (layer_users, is_cut) = cache.layer_users();
    assert!(!is_cut);
    for (layer, told) in layer_users.iter().enumerate() {
        let lies_under = |top: &usize| {
            std::iter::successors(Some(*top), |place| plan.layers[*place].1).any(|it| it == layer)
        };
        let records = (0..)
            .zip(&plan.results)
            .filter(|(_, top)| top.as_ref().is_some_and(lies_under))
            .map(|it| it.0);
        assert_eq!(
            told.iter().map(|record| record.0).collect::<Vec<u32>>(),
            records.collect::<Vec<_>>()
        );
    }
}

proptest! {
    #[test]
    fn a_scan_agrees_with_a_naive_count(plan in plans()) {
        let runtime = Runtime::new().unwrap();
        let reader = plan.store();
        let inventory = runtime.block_on(scan(&reader, &ScanOptions::default(), |_| ())).unwrap();
        check_refs(&plan, &inventory);
        check_totals(&plan, &inventory);
        for (place, (entry, reference)) in inventory.refs.iter().zip(&plan.refs).enumerate() {
            let caches = runtime.block_on(RefCache::load(&*reader, &inventory.blobs, entry)).unwrap();
            check_records(reference, &plan, &inventory, place, &caches[0]);
        }
    }
}
