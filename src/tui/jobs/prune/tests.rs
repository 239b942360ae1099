use std::collections::HashSet;

use super::*;
use crate::backend::Skip;
use crate::backend::local::LocalCache;
use crate::explain::evidence::CacheEvidence;
use crate::format::digest::Digest;
use crate::inventory::scan;
use crate::prune::draft::{Choices, Draft, DraftRequest};
use crate::prune::plan::FreedBlobs;

/// A plan that deletes four orphans of a hundred bytes each.
async fn plan() -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for number in 0..4_u8 {
        let bytes = [number; 100];
        std::fs::write(blobs.join(Digest::of(&bytes).hex()), bytes).unwrap();
    }
    let marker = r#"{"imageLayoutVersion":"1.0.0"}"#;
    std::fs::write(folder.path().join("oci-layout"), marker).unwrap();
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    std::fs::write(folder.path().join("index.json"), index).unwrap();
    let reader: SharedReader = Arc::new(LocalCache::new(folder.path()));
    let scan = ScanOptions {
        concurrency: 1,
        cancel: CancellationToken::new(),
    };
    let inventory = scan::scan(&reader, &scan, |_| ()).await.unwrap();
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1000);
    let policy = Policy::default();
    let request = DraftRequest {
        inventory: Arc::new(inventory),
        source: "store",
        policy,
        evidence: Ok(&CacheEvidence::default()),
        settles: true,
        now,
    };
    let draft = Draft::gather(&reader, request, &scan);
    let choices = Choices {
        freed_blobs: FreedBlobs::Wait,
        excluded: HashSet::new(),
        at_once: false,
    };
    draft.await.unwrap().plan(&choices).unwrap()
}

#[tokio::test]
async fn items_that_never_started_are_not_counted_as_done() {
    let plan = plan().await;
    assert_eq!(plan.delete().len(), 4);
    let mut gathered = Gathered::new(&plan, Phase::Deleting);
    let outcomes = [
        Outcome::Done,
        Outcome::Skipped(Skip::Changed),
        Outcome::Cancelled,
        Outcome::Cancelled,
    ];
    for (item, outcome) in outcomes.iter().enumerate() {
        gathered.record(RunStep::Concluded(item, outcome), &plan);
    }
    let news = gathered.take_report();
    assert_eq!(
        (news.concluded, news.deleted, news.freed_bytes),
        (2, 1, 100)
    );
}
