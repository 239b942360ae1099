//! The changes of a layer to the layers below it, compared with unpacking all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;

use cachelens::backend::layer_changes::{self, ComparedLayer};
use cachelens::backend::local::LocalCache;
use cachelens::backend::{CacheReader, SharedReader};
use cachelens::format::digest::{Digest, DigestText};
use cachelens::format::layer::changes::{LayerChange, LayerComparison};
use cachelens::format::layer::tree::{FileTree, TreeBuilder};
use cachelens::format::layer::{LayerLimits, TarEntryKind, list, read};
use cachelens::inventory::Inventory;
use cachelens::inventory::below;
use cachelens::inventory::cache::RefCache;
use cachelens::inventory::scan::{self, ScanOptions};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::fixture::{Fixture, SETS};

/// A file of an unpacked stack of layers: its kind and content.
type Unpacked = BTreeMap<String, (&'static str, Vec<u8>)>;

/// Unpacks a layer on top of others: first its deletions, then its entries.
fn unpack(files: &mut Unpacked, layer: &[u8]) {
    let mut entries = Vec::new();
    read(layer, &LayerLimits::default(), |entry, _, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        if let Some(target) = entry.kind.link() {
            bytes = target.as_bytes().to_vec();
        }
        entries.push((entry, bytes));
        Ok(())
    })
    .unwrap();
    let is_below = |path: &str, folder: &str| {
        folder == "."
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    for (entry, _) in &entries {
        match entry.kind {
            TarEntryKind::Whiteout => {
                files.retain(|path, _| *path != entry.path && !is_below(path, &entry.path));
            }
            TarEntryKind::Opaque => files.retain(|path, _| !is_below(path, &entry.path)),
            _ => {}
        }
    }
    for (entry, content) in entries {
        if entry.kind.removes() || entry.path == "." {
            continue;
        }
        let is_folder = entry.kind == TarEntryKind::Directory;
        if !is_folder {
            files.retain(|path, _| !is_below(path, &entry.path));
        }
        for (at, _) in entry.path.match_indices('/') {
            let folder = files.entry(entry.path[..at].to_owned());
            folder.or_insert(("directory", Vec::new()));
        }
        files.insert(entry.path, (entry.kind.word(), content));
    }
}

fn tree(layer: &[u8]) -> Arc<FileTree> {
    let mut builder = TreeBuilder::default();
    let end = list(layer, &LayerLimits::default(), |entry| {
        builder.add(&entry).unwrap();
        ControlFlow::<()>::Continue(())
    });
    assert!(end.unwrap().is_continue());
    Arc::new(builder.into_tree())
}

/// Compares the changes of each node of a layer with the unpacked layers below, and returns the
/// words.
fn check(
    layer: &[u8],
    compared: &cachelens::format::layer::changes::LayerChanges,
    below: &Unpacked,
) -> BTreeMap<&'static str, usize> {
    let tree = tree(layer);
    let mut own = Unpacked::new();
    unpack(&mut own, layer);
    let mut words = BTreeMap::new();
    for node in 1..u32::try_from(tree.count()).unwrap() {
        let path = tree.path(node);
        let before = below.get(&path);
        let is_folder = tree.is_folder(node);
        let Some(change) = compared.of(node) else {
            // Its mode is compared with that of a directory that no entry describes.
            assert!(
                is_folder && before.map(|(kind, _)| *kind) == Some("directory"),
                "{path}"
            );
            continue;
        };
        let expected = match before {
            None if tree.is_whiteout(node) => LayerChange::Nothing,
            None => LayerChange::Added,
            Some(_) if tree.is_whiteout(node) => LayerChange::Deleted,
            // Whether a directory changes depends on its mode.
            Some(("directory", _)) if is_folder => change,
            Some(_) => LayerChange::Changed,
        };
        assert_eq!(change, expected, "{path}");
        *words.entry(change.word()).or_default() += 1;
        let found = compared.below(node);
        assert_eq!(
            found.map(|file| file.kind),
            before.map(|(kind, _)| *kind),
            "{path}"
        );
        if let (Some(file), Some(("file", content))) = (found, before) {
            assert_eq!(file.bytes, Some(content.len() as u64), "{path}");
        }
        if let Some(is_same) = found.and_then(|file| file.has_same_content) {
            let content = own.get(&path).map(|(_, content)| content);
            assert_eq!(
                is_same,
                content == before.map(|(_, content)| content),
                "{path}"
            );
            let word = if is_same {
                "same content"
            } else {
                "other content"
            };
            *words.entry(word).or_default() += 1;
        }
    }
    words
}

/// A layout with its inventory, and the layers that each step of each ref has.
struct Steps {
    layout: TempDir,
    cache: SharedReader,
    inventory: Inventory,
}

async fn scanned(set: &str) -> Steps {
    let layout = Fixture::named(set).layout("local.json");
    let cache: SharedReader = Arc::new(LocalCache::new(layout.path()));
    let inventory = scan::scan(&cache, &ScanOptions::default(), |_| {})
        .await
        .unwrap();
    Steps {
        layout,
        cache,
        inventory,
    }
}

/// Returns each layer of the steps of a source once, with those below it.
async fn stacks(steps: &Steps) -> BTreeSet<(DigestText, Vec<DigestText>)> {
    let mut stacks = BTreeSet::new();
    for (_, entry) in steps.inventory.indexed_refs() {
        let caches = RefCache::load(&*steps.cache, &steps.inventory.blobs, entry).await;
        for cache in caches.unwrap_or_default() {
            for result in cache
                .records
                .iter()
                .filter_map(|record| record.result.as_ref())
            {
                let top = cache.top_layer(result).unwrap();
                let layer = cache.graph.layers[top.at()].blob.clone();
                stacks.insert((layer, below::of_result(&cache, result)));
            }
        }
    }
    stacks
}

async fn compare(
    reader: &dyn CacheReader,
    own: Digest,
    below: &[DigestText],
) -> Result<ComparedLayer, String> {
    let mut blob = Vec::new();
    let mut stored = reader.open_blob(own).await.unwrap();
    std::io::Read::read_to_end(&mut stored, &mut blob).unwrap();
    let cancel = CancellationToken::new();
    let progress = Arc::new(|_| {});
    layer_changes::compare(reader, own, tree(&blob), below, cancel, progress).await
}

#[tokio::test]
async fn changes_of_each_recorded_layer_match_an_unpacked_stack() {
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    for set in SETS {
        let steps = scanned(set).await;
        let fixture = Fixture::named(set);
        for (layer, below) in stacks(&steps).await {
            let own = layer.valid().unwrap();
            let compared = compare(&*steps.cache, own, &below).await.unwrap();
            assert_eq!(compared.gap, None);
            let mut unpacked = Unpacked::new();
            for layer in below.iter().rev() {
                unpack(&mut unpacked, &fixture.blob(layer.valid().unwrap()));
            }
            for (word, count) in check(&fixture.blob(own), &compared.changes, &unpacked) {
                *words.entry(word).or_default() += count;
            }
            count += 1;
        }
    }
    let expected = [
        ("added", 657),
        ("changed", 19),
        ("other content", 19),
        ("same", 223),
    ];
    assert_eq!((count, words), (328, expected.into()));
}

#[tokio::test]
async fn a_missing_layer_below_is_named_and_leaves_the_rest_known() {
    let steps = scanned("shop").await;
    let all = stacks(&steps).await;
    // A layer with at least two below it, the nearest of which is deleted.
    let (layer, below) = all.iter().find(|(_, below)| below.len() > 1).unwrap();
    let missing = below[0].valid().unwrap();
    let path = steps.layout.path().join("blobs/sha256").join(missing.hex());
    fs::remove_file(path).unwrap();
    let own = layer.valid().unwrap();
    let compared = compare(&*steps.cache, own, below).await.unwrap();
    let gap = compared.gap.unwrap();
    assert_eq!((gap.layer, gap.digest.valid()), (0, Some(missing)));
    assert_eq!(
        gap.to_string(),
        "the layer below is not in the cache: changes are unknown"
    );
    let totals = compared.changes.totals();
    assert_eq!((totals.added, totals.changed), (0, 0));
    assert!(totals.unknown > 0);
}

#[tokio::test]
async fn a_damaged_layer_below_is_not_used() {
    let steps = scanned("shop").await;
    let all = stacks(&steps).await;
    let (layer, below) = all.iter().find(|(_, below)| below.len() > 1).unwrap();
    let damaged = below[0].valid().unwrap();
    let path = steps.layout.path().join("blobs/sha256").join(damaged.hex());
    let mut bytes = fs::read(&path).unwrap();
    // The size in the trailer of gzip, which leaves the archive readable.
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let compared = compare(&*steps.cache, layer.valid().unwrap(), below)
        .await
        .unwrap();
    let gap = compared.gap.unwrap().to_string();
    assert!(
        gap.starts_with("the layer below cannot be read, so changes are unknown: "),
        "{gap}"
    );
    assert_eq!(compared.changes.totals().changed, 0);
}

#[tokio::test]
async fn a_cancelled_comparison_ends_without_changes() {
    let steps = scanned("shop").await;
    let all = stacks(&steps).await;
    let (layer, below) = all.iter().find(|(_, below)| below.len() > 1).unwrap();
    let own = layer.valid().unwrap();
    let blob = Fixture::named("shop").blob(own);
    // The progress after the first layer cancels.
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let progress = Arc::new(move |_| stop.cancel());
    let compared =
        layer_changes::compare(&*steps.cache, own, tree(&blob), below, cancel, progress).await;
    assert_eq!(compared.unwrap_err(), "reading was stopped");
}

/// The paths of random layers: directories with files, two levels deep.
const PATHS: [&str; 6] = ["a", "b", "d/a", "d/b", "d/e/a", "f/a"];
const FOLDERS: [&str; 4] = ["d", "d/e", "f", "."];

/// A random layer: files with their content, deleted paths, and emptied directories.
fn layers() -> impl Strategy<Value = Vec<u8>> {
    let file = (prop::sample::select(&PATHS[..]), "[xy]{1,2}");
    let deleted = prop::sample::select(vec!["a", "d", "d/a", "d/e", "f", "never"]);
    let emptied = prop::sample::select(&FOLDERS[..]);
    (
        prop::collection::btree_map(file.0, file.1, 0..5),
        prop::collection::btree_set(deleted, 0..3),
        prop::collection::btree_set(emptied, 0..2),
        any::<bool>(),
    )
        .prop_map(|(files, deleted, emptied, describes)| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut add = |path: String, content: &str, entry_type| {
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                header.set_mode(0o755);
                header.set_entry_type(entry_type);
                builder
                    .append_data(&mut header, path, content.as_bytes())
                    .unwrap();
            };
            for path in deleted {
                let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
                add(format!("{folder}/.wh.{name}"), "", tar::EntryType::Regular);
            }
            for folder in emptied {
                add(
                    format!("{folder}/.wh..wh..opq"),
                    "",
                    tar::EntryType::Regular,
                );
            }
            for (path, content) in files {
                if let Some((folder, _)) = path.rsplit_once('/')
                    && describes
                {
                    add(format!("{folder}/"), "", tar::EntryType::Directory);
                }
                add(path.to_owned(), &content, tar::EntryType::Regular);
            }
            builder.into_inner().unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changes_of_random_layers_match_an_unpacked_stack(
        own in layers(),
        below in prop::collection::vec(layers(), 0..4),
    ) {
        let limits = LayerLimits::default();
        let mut comparison = LayerComparison::new(tree(&own));
        let mut unpacked = Unpacked::new();
        for layer in below.iter().rev() {
            unpack(&mut unpacked, layer);
        }
        for layer in &below {
            if comparison.is_decided() {
                break;
            }
            comparison.read_below(&mut layer.as_slice(), &limits).unwrap();
        }
        if comparison.needs_content() {
            comparison.read_own(&mut own.as_slice(), &limits).unwrap();
        }
        let changes = comparison.finish(true);
        check(&own, &changes, &unpacked);
    }
}
