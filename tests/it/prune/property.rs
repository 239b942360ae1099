//! Random stores and policies: properties of every prune.

use std::collections::BTreeSet;
use std::fs;

use cachelens::format::digest::Digest;
use proptest::prelude::*;

use super::race::{execute, plan};
use crate::support::made::{self, MadeLayout, blob_path};

/// A ref: the indexes of its layers, and its age in hours.
type MadeRef = (BTreeSet<usize>, u64);

fn store() -> impl Strategy<Value = (Vec<u64>, Vec<MadeRef>)> {
    let blobs = proptest::collection::vec(0..200_u64, 1..12);
    blobs.prop_flat_map(|blobs| {
        let layers = proptest::collection::btree_set(0..blobs.len(), 0..5);
        let refs = proptest::collection::vec((layers, 0..200_u64), 0..6);
        (Just(blobs), refs)
    })
}

fn policy() -> impl Strategy<Value = Vec<String>> {
    let rule = prop_oneof![
        Just(vec!["--orphans-only".to_owned()]),
        (1..4_u32).prop_map(|count| vec!["--keep-last".to_owned(), count.to_string()]),
        (0..200_u64).prop_map(|hours| vec!["--keep-within".to_owned(), format!("{hours}h")]),
        (0..6_u32).prop_map(|number| vec!["--drop-ref".to_owned(), format!("r{number}")]),
    ];
    let grace = (0..100_u64).prop_map(|hours| vec!["--grace".to_owned(), format!("{hours}h")]);
    (rule, grace, any::<bool>()).prop_map(|(rule, grace, now)| {
        let now = now && rule[0] != "--orphans-only";
        [
            rule,
            grace,
            if now {
                vec!["--now".to_owned()]
            } else {
                Vec::new()
            },
        ]
        .concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn kept_refs_keep_their_blobs_and_the_plan_frees_what_it_shows((blobs, refs) in store(), flags in policy()) {
        let layout = MadeLayout::new();
        let content = |number: usize| format!("blob {number}").repeat(number + 1).into_bytes();
        let digests: Vec<Digest> =
            blobs.iter().enumerate().map(|(number, hours)| layout.blob(&content(number), *hours)).collect();
        for (number, (layers, hours)) in refs.iter().enumerate() {
            let layers: Vec<Digest> = layers.iter().map(|layer| digests[*layer]).collect();
            layout.tag(&format!("r{number}"), layout.cache(&layers, *hours));
        }
        let source = layout.source();
        let mut arguments: Vec<&str> = flags.iter().map(String::as_str).collect();
        arguments.extend(["--confirm", &source]);
        let plan = plan(&layout, &arguments);
        let before = layout.stored();
        let size = |digest: &Digest| fs::metadata(blob_path(layout.path(), digest)).unwrap().len();
        let sizes: Vec<(Digest, u64)> = before.iter().map(|digest| (*digest, size(digest))).collect();

        let journals = tempfile::tempdir().unwrap();
        let report = execute(layout.path(), &plan, &journals.path().join("first"), &|_| ());
        prop_assert!(report.is_complete());
        prop_assert!(layout.refs().into_values().all(|whole| whole));
        let kept: BTreeSet<String> = plan.keep().iter().filter(|kept| kept.kind.word() == "ref").map(|kept| kept.name.clone()).collect();
        prop_assert_eq!(layout.refs().into_keys().collect::<BTreeSet<_>>(), kept);
        let after = layout.stored();
        prop_assert!(made::reached(layout.path()).is_subset(&after));
        let freed: u64 = sizes.iter().filter(|(digest, _)| !after.contains(digest)).map(|(_, size)| size).sum();
        prop_assert_eq!(freed, plan.frees_bytes());
        prop_assert_eq!(report.freed_bytes + report.trashed_bytes, freed);

        let again = execute(layout.path(), &plan, &journals.path().join("second"), &|_| ());
        prop_assert_eq!(again.freed_bytes + again.trashed_bytes, 0);
        prop_assert!(again.outcomes.iter().all(|outcome| *outcome == cachelens::backend::Outcome::AlreadyGone));
        prop_assert_eq!(layout.stored(), after);
    }
}
