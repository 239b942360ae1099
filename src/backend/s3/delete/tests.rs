use super::*;
use crate::backend::Access;
use crate::source::{Source, SourceLocation};

/// A cache in a service that cannot be reached, with a lease that was lost.
fn without_lease() -> S3Pruner {
    let source = "type=s3,bucket=b,region=r,endpoint_url=http://127.0.0.1:1,access_key_id=x,secret_access_key=x";
    let SourceLocation::S3(location) = Source::parse(source, &|_| false).unwrap().source.location
    else {
        panic!()
    };
    S3Pruner::new(&location, &Access::default())
}

#[tokio::test]
async fn nothing_more_is_asked_for_once_the_lease_is_lost() {
    let cache = without_lease();
    let deletions = [ObjectDeletion {
        key: "blobs/x".to_owned(),
        tag: None,
        modified: None,
    }];
    for batch in [DeleteBatch::Many, DeleteBatch::One] {
        let behaviour = DeleteBehaviour {
            batch,
            checks_tag: false,
            checks_time: false,
        };
        let sent = cache.send_batch(behaviour, &deletions).await;
        let [(_, Sent::Settled(Outcome::Failed(why)))] = sent.as_slice() else {
            panic!("{sent:?}")
        };
        assert!(why.contains("the lease was lost"), "{why}");
    }
}
