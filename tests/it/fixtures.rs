//! The fixtures match their descriptions; all other tests rely on that.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use cachelens::format::digest::Digest;
use jiff::Timestamp;

use crate::support::fixture::{Fixture, Layout, SETS};

#[test]
fn fixture_blobs_match_their_digests() {
    for set in SETS {
        let fixture = Fixture::named(set);
        let mut count = 0;
        for digest in fixture.blobs() {
            assert_eq!(Digest::of(&fixture.blob(digest)), digest, "{set}");
            count += 1;
        }
        assert!(count > 20, "{set} holds {count} blobs");
    }
}

#[test]
fn a_layout_has_only_its_blobs_with_their_original_ages() {
    for (set, list) in SETS
        .iter()
        .flat_map(|set| [(set, "local.json"), (set, "local-latest.json")])
    {
        let fixture = Fixture::named(set);
        let expected: Layout = fixture.json(list);
        let folder = fixture.layout(list);

        let mut stored = BTreeSet::new();
        for blob in &expected.blobs {
            let path = folder.path().join("blobs/sha256").join(blob.digest.hex());
            assert_eq!(Digest::of(&fs::read(&path).unwrap()), blob.digest);
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!(
                Timestamp::try_from(metadata.modified().unwrap()).ok(),
                blob.modified.0
            );
            assert_eq!(metadata.permissions().mode() & 0o777, 0o444);
            stored.insert(blob.digest);
        }
        assert_eq!(
            fs::read_dir(folder.path().join("blobs/sha256"))
                .unwrap()
                .count(),
            stored.len()
        );

        let index: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.path().join("index.json")).unwrap()).unwrap();
        let refs = index["manifests"].as_array().unwrap();
        assert!(!refs.is_empty(), "{set}/{list}");
        for manifest in refs {
            let digest: Digest = manifest["digest"].as_str().unwrap().parse().unwrap();
            assert!(stored.contains(&digest), "{set}/{list} names {digest}");
            assert_eq!(
                manifest["size"].as_u64(),
                Some(fixture.blob(digest).len() as u64)
            );
        }
        assert!(folder.path().join("oci-layout").is_file());
    }
}
