//! A list that ends early is an error: no prune and no count uses a part of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cachelens::backend::{SharedReader, all_refs};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::prune::{Bucket, LONG, thinned};
use crate::support::s3::proxy::{Fault, Length, Proxy, Wants};
use crate::support::s3::{S3Server, Service, on_both_services};

on_both_services!(
    a_partial_list_is_never_treated_as_complete,
    nothing_is_deleted_or_counted_by_a_part_of_a_list,
    a_manifest_that_ends_early_keeps_every_blob,
);

#[test]
fn a_partial_list_of_seaweedfs_is_never_treated_as_complete() {
    a_partial_list_is_never_treated_as_complete(Service::SeaweedFs);
}

/// The positions at which a document is cut: before, after and inside each tag.
fn cuts(body: &[u8]) -> Vec<usize> {
    let mut cuts = vec![0];
    for (place, byte) in body.iter().enumerate() {
        match byte {
            b'<' => cuts.extend([place, place + 2]),
            b'>' => cuts.extend([place, place + 1]),
            _ => {}
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    // The text after the last tag is not part of the document.
    let end = body.iter().rposition(|byte| *byte == b'>').unwrap();
    cuts.retain(|cut| *cut <= end);
    cuts
}

const LENGTHS: [Length; 3] = [Length::OfPart, Length::OfWhole, Length::Unsaid];

/// Lists everything but the manifests; fails also if a part could not be listed.
async fn list(reader: &SharedReader) -> Result<(), String> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let (listed, ()) = tokio::join!(
        reader
            .abilities()
            .list_objects(sender, CancellationToken::new()),
        async { while receiver.recv().await.is_some() {} }
    );
    listed.map_err(|error| error.to_string())?;
    let facts = reader.facts().await;
    let bucket = facts.surroundings.bucket().unwrap();
    let unknown: Vec<String> = bucket
        .not_known()
        .map(|(what, why)| format!("{what}: {why}"))
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(unknown.join("\n"))
    }
}

fn a_partial_list_is_never_treated_as_complete(service: Service) {
    let (server, bucket) = S3Server::with(service, "mini");
    let mut lists = vec![(Wants::List, "blobs/"), (Wants::List, "")];
    // s3s-fs supports neither uploads nor versions.
    if service != Service::S3sFs {
        server.keep_versions(&bucket);
        let mut manifests = server.names(&bucket, "manifests/");
        let first = manifests.pop_first().unwrap();
        server.remove(&bucket, &format!("manifests/{first}"));
        let begin = server.client().create_multipart_upload();
        let begin = begin.bucket(server.bucket(&bucket)).key("manifests/begun");
        server.block_on(begin.send()).unwrap();
        lists.extend([(Wants::ListUploads, ""), (Wants::ListVersions, "")]);
    }
    let clear = Proxy::before(&server, |_| None);
    let reader = server.reader_through(clear.address, &bucket);
    server.block_on(async {
        all_refs(&*reader).await.unwrap();
        list(&reader).await.unwrap();
    });
    let cut_short = |wants: Wants, prefix: &'static str, cut: usize, length: Length| {
        let proxy = Proxy::before(&server, move |seen| {
            (seen.wants == wants && seen.key == prefix).then_some(Fault::Ends(cut, length))
        });
        server.reader_through(proxy.address, &bucket)
    };

    // Every position in the list of the manifests, which decides the deletions.
    let body = clear.body(Wants::List, "manifests/");
    let lengths = LENGTHS.into_iter().cycle();
    let cases: Vec<(usize, Length)> = cuts(&body).into_iter().zip(lengths).collect();
    assert!(cases.len() > 60, "{}", cases.len());
    let reads = cases.iter().map(|(cut, length)| {
        let reader = cut_short(Wants::List, "manifests/", *cut, *length);
        async move { all_refs(&*reader).await.map(|roots| roots.entries.len()) }
    });
    let answers = server.block_on(join_all(reads));
    for ((cut, length), answer) in cases.into_iter().zip(answers) {
        let part = String::from_utf8_lossy(&body[..cut]).into_owned();
        assert!(answer.is_err(), "{length:?}: {part}");
    }

    // Some positions in each of the other lists.
    for (wants, prefix) in lists {
        let body = clear.body(wants, prefix);
        let all = cuts(&body);
        let cases: Vec<(usize, Length)> = (0..12)
            .map(|case| (all[case * (all.len() - 1) / 11], LENGTHS[case % 3]))
            .collect();
        let reads = cases.iter().map(|(cut, length)| {
            let reader = cut_short(wants, prefix, *cut, *length);
            async move { list(&reader).await }
        });
        let answers = server.block_on(join_all(reads));
        for ((cut, length), answer) in cases.into_iter().zip(answers) {
            let part = String::from_utf8_lossy(&body[..cut]).into_owned();
            assert!(answer.is_err(), "{wants:?} {prefix} {length:?}: {part}");
        }
    }
}

fn nothing_is_deleted_or_counted_by_a_part_of_a_list(service: Service) {
    let bucket = thinned(service, "mini", LONG);
    bucket.server.put(
        &bucket.name,
        "manifests/second",
        b"{\"layers\":[],\"records\":[]}",
    );
    bucket.server.age(&bucket.name, LONG);
    let all = bucket.blobs();
    let clear = Proxy::before(&bucket.server, |_| None);
    let source = |proxy: &Proxy| bucket.server.source_through(proxy.address, &bucket.name);
    assert_eq!(bucket.run(format!("ls {}", source(&clear))).code, Some(0));
    for prefix in ["manifests/", "blobs/"] {
        let body = clear.body(Wants::List, prefix);
        let text = String::from_utf8(body.clone()).unwrap();
        let places = [
            text.find("<Contents>").unwrap(),
            text.find("</Key>").unwrap() - 3,
            text.find("</Contents>").unwrap() + "</Contents>".len(),
        ];
        for place in places {
            let proxy = Proxy::before(&bucket.server, move |seen| {
                let is_meant = seen.wants == Wants::List && seen.key == prefix;
                is_meant.then_some(Fault::Ends(place, Length::OfPart))
            });
            let pruned = bucket.run(format!("prune {} --yes", source(&proxy)));
            assert_eq!(
                (pruned.code, bucket.blobs()),
                (Some(1), all.clone()),
                "{prefix} {place}: {pruned}"
            );
            assert!(
                pruned.stderr.contains("error: cannot list the bucket")
                    && pruned
                        .stderr
                        .contains("the answer is not complete: the answer ends inside <"),
                "{pruned}"
            );
        }
        let proxy = Proxy::before(&bucket.server, move |seen| {
            let is_meant = seen.wants == Wants::List && seen.key == prefix;
            is_meant.then_some(Fault::Ends(places[0], Length::Unsaid))
        });
        // The bucket has a second cache, which `ls` and `du` read.
        for command in ["ls", "du", "check"] {
            let told = bucket.run(format!("{command} {}", source(&proxy)));
            assert!(matches!(told.code, Some(1 | 4)), "{command}: {told}");
            assert!(!told.to_string().contains("no refs"), "{command}: {told}");
            assert!(
                told.stderr.contains("error: cannot list the bucket"),
                "{command}: {told}"
            );
        }
        // A single partial answer among complete ones is requested again.
        let count = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&count);
        let proxy = Proxy::before(&bucket.server, move |seen| {
            let is_meant = seen.wants == Wants::List && seen.key == prefix;
            let is_first = is_meant && counting.fetch_add(1, Ordering::Relaxed) == 0;
            is_first.then_some(Fault::Ends(places[2], Length::OfPart))
        });
        let planned = bucket.run(format!("prune {}", source(&proxy)));
        assert_eq!(planned.code, Some(0), "{planned}");
        assert!(count.load(Ordering::Relaxed) > 1);
    }
    assert_eq!(bucket.prune("--yes").code, Some(0));
    assert!(bucket.orphans().is_empty());
}

fn a_manifest_that_ends_early_keeps_every_blob(service: Service) {
    for length in [Length::OfPart, Length::OfWhole, Length::Unsaid] {
        let bucket = thinned(service, "mini", LONG);
        let all = bucket.blobs();
        let name = bucket.refs().first().unwrap().clone();
        let key = format!("manifests/{name}");
        let half = bucket.manifest(&name).len() / 2;
        let cut = key.clone();
        let proxy = Proxy::before(&bucket.server, move |seen| {
            (seen.wants == Wants::Get && seen.key == cut).then_some(Fault::Ends(half, length))
        });
        let source = bucket.server.source_through(proxy.address, &bucket.name);
        let listed = bucket.run(format!("ls {source}"));
        assert_eq!(listed.code, Some(0), "{listed}");
        assert!(listed.stdout.contains(&name), "{listed}");
        let pruned = bucket.run(format!("prune {source} --yes"));
        assert_eq!(
            (pruned.code, bucket.blobs()),
            (Some(4), all),
            "{length:?}: {pruned}"
        );
    }
}

/// The test services list everything in one page; this one returns a page of two keys, and then
/// nothing new forever.
#[test]
fn a_list_without_end_is_an_error() {
    let bucket = Bucket::aged(Service::Moto, "mini", LONG);
    let pages = AtomicUsize::new(0);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        (seen.wants == Wants::List && seen.key == "manifests/").then(|| {
            let page = pages.fetch_add(1, Ordering::Relaxed);
            let body = format!(
                "<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount>\
                 <NextContinuationToken>{page}</NextContinuationToken></ListBucketResult>"
            );
            Fault::Says(crate::support::http::Answer {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/xml".to_owned())],
                body: body.into_bytes(),
            })
        })
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let planned = bucket.run(format!("prune {source}"));
    assert_eq!(planned.code, Some(1), "{planned}");
    assert!(planned.stderr.contains("gives nothing new"), "{planned}");
    assert!(proxy.seen(Wants::List) < 300, "{}", proxy.seen(Wants::List));
}
