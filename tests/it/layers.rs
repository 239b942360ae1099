//! The listing of layers, over every layer that BuildKit wrote.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

use cachelens::format::layer::{LayerError, LayerLimits, TarEntry, TarEntryKind, list};
use flate2::read::GzDecoder;
use proptest::prelude::*;

use crate::support::fixture::{Fixture, SETS};

/// The compression of a layer in the fixtures.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Compression {
    Gzip,
    Zstd,
}

/// Returns the layers of a set; no other blob in it is compressed.
fn layers(set: &str) -> Vec<(Compression, Vec<u8>)> {
    let fixture = Fixture::named(set);
    let layer = |blob: Vec<u8>| match blob.as_slice() {
        [0x1f, 0x8b, ..] => Some((Compression::Gzip, blob)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some((Compression::Zstd, blob)),
        _ => None,
    };
    fixture
        .blobs()
        .filter_map(|digest| layer(fixture.blob(digest)))
        .collect()
}

fn decompress(compression: Compression, blob: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Zstd => zstd::decode_all(blob).unwrap(),
        Compression::Gzip => {
            let mut plain = Vec::new();
            GzDecoder::new(blob).read_to_end(&mut plain).unwrap();
            plain
        }
    }
}

fn list_all(blob: &[u8]) -> (Vec<TarEntry>, Result<ControlFlow<()>, LayerError>) {
    let mut entries = Vec::new();
    let limits = LayerLimits {
        bytes: 1 << 24,
        ..LayerLimits::default()
    };
    let end = list(blob, &limits, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (entries, end)
}

#[test]
fn every_layer_lists_the_same_files_as_tar() {
    for (set, expected) in SETS.into_iter().zip([(152, 0), (137, 5), (14, 0)]) {
        let layers = layers(set);
        let zstd = layers
            .iter()
            .filter(|(compression, _)| *compression == Compression::Zstd)
            .count();
        assert_eq!((layers.len() - zstd, zstd), expected, "{set}");
        for (compression, blob) in layers {
            let plain = decompress(compression, &blob);
            let (entries, end) = list_all(&blob);
            assert!(end.unwrap().is_continue());

            let mut archive = tar::Archive::new(plain.as_slice());
            let mut found = entries.iter();
            for expected in archive.entries().unwrap() {
                let expected = expected.unwrap();
                let entry = found.next().unwrap();
                let path = expected.path().unwrap();
                if !matches!(entry.kind, TarEntryKind::Whiteout | TarEntryKind::Opaque) {
                    assert_eq!(
                        Path::new(&entry.path).components().as_path(),
                        path.components().as_path()
                    );
                }
                assert_eq!(
                    entry.kind == TarEntryKind::Directory,
                    expected.header().entry_type().is_dir(),
                    "{}",
                    path.display()
                );
                assert_eq!(
                    (entry.size, entry.mode),
                    (expected.size(), expected.header().mode().unwrap() & 0o7777)
                );
                let seconds = expected.header().mtime().unwrap();
                assert_eq!(
                    entry.modified.map(|time| time.as_second().cast_unsigned()),
                    Some(seconds)
                );
            }
            assert_eq!(found.next(), None);
        }
    }
}

#[test]
fn layers_of_the_kitchen_match_its_dockerfile() {
    let mut kinds = [0; 4];
    for (compression, blob) in layers("kitchen") {
        let (entries, _) = list_all(&blob);
        assert_eq!(entries, list_all(&decompress(compression, &blob)).0);
        for entry in entries {
            match entry.kind {
                TarEntryKind::File => kinds[0] += 1,
                TarEntryKind::Directory => kinds[1] += 1,
                TarEntryKind::Symlink { target } => {
                    assert!(!target.is_empty());
                    kinds[2] += 1;
                }
                _ => kinds[3] += 1,
            }
        }
    }
    assert!(kinds[..3].iter().all(|count| *count > 0), "{kinds:?}");
}

/// A layer with some of its bytes replaced, before or after compression.
fn damaged_layers() -> impl Strategy<Value = Vec<u8>> {
    let layers: Vec<_> = layers("mini")
        .into_iter()
        .chain(layers("kitchen"))
        .filter(|(_, blob)| blob.len() < 4096)
        .collect();
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    (prop::sample::select(layers), any::<bool>(), bytes).prop_map(
        |((compression, blob), plain, bytes)| {
            let mut damaged = if plain {
                decompress(compression, &blob)
            } else {
                blob
            };
            for (at, byte) in bytes {
                let at = at.index(damaged.len());
                damaged[at] = byte;
            }
            damaged
        },
    )
}

proptest! {
    #[test]
    fn a_damaged_layer_is_an_error(blob in damaged_layers()) {
        let _ = list_all(&blob);
    }
}

mod changes;
