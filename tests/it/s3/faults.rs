//! Faults between a prune and its bucket: the work is done, or the run reports what was not done;
//! no referenced blob is deleted.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use cachelens::backend::all_refs;

use super::prune::{Bucket, LONG, journal, thinned};
use crate::support::command::{CommandLine, Run};
use crate::support::s3::proxy::{Fault, Proxy, Seen, Wants, error};
use crate::support::s3::{S3Server, Service, on_both_services};

mod answers;
mod late;

use answers::{
    a_list_in_another_order_deletes_nothing, a_list_that_does_not_continue_deletes_nothing,
    faults_that_pass_are_overcome, missing_permissions_of_a_key_are_reported,
    refused_keys_are_reported_and_the_rest_is_deleted,
    unusual_delete_answers_of_services_are_understood,
};
use late::{
    a_blob_touched_at_the_last_moment_is_kept_with_conditional_deletes,
    a_blob_uploaded_again_during_a_pause_is_kept,
    a_manifest_written_at_the_last_moment_is_reported_or_deleted,
};

on_both_services!(
    faults_that_pass_are_overcome,
    a_list_that_does_not_continue_deletes_nothing,
    a_list_in_another_order_deletes_nothing,
    refused_keys_are_reported_and_the_rest_is_deleted,
    unusual_delete_answers_of_services_are_understood,
    missing_permissions_of_a_key_are_reported,
    a_blob_touched_at_the_last_moment_is_kept_with_conditional_deletes,
    a_blob_uploaded_again_during_a_pause_is_kept,
    a_manifest_written_at_the_last_moment_is_reported_or_deleted,
    a_blob_that_another_cache_references_is_kept,
    a_prune_killed_at_any_change_leaves_complete_refs_and_can_be_resumed,
    two_programs_that_prune_at_once_do_not_meet,
    a_lease_taken_by_another_at_the_last_moment_is_not_ours,
    a_manifest_exported_at_the_last_moment_is_kept,
    a_ref_is_deleted_if_the_service_refuses_conditions,
    a_write_with_a_lost_answer_counts_as_written,
    a_manifest_without_a_tag_is_read_again,
);

impl Bucket {
    fn prune_through(&self, proxy: &Proxy, arguments: impl CommandLine) -> Run {
        let source = self.server.source_through(proxy.address, &self.name);
        self.run(arguments.after(format!("prune {source} --timeout 20s")))
    }

    /// Runs a prune and checks its invariants: no ref and no blob of a ref is deleted, and if the
    /// program succeeds, all orphans are deleted.
    fn prune_in_spite_of(&self, proxy: &Proxy, what: &str) -> Run {
        let (refs, blobs, orphans) = (
            self.server.names(&self.name, "manifests/"),
            self.blobs(),
            self.orphans(),
        );
        let needed: BTreeSet<String> = blobs.difference(&orphans).cloned().collect();
        let run = self.prune_through(proxy, "--yes");
        assert_eq!(
            self.server.names(&self.name, "manifests/"),
            refs,
            "{what}: {run}"
        );
        assert!(self.blobs().is_superset(&needed), "{what}: {run}");
        if run.code == Some(0) {
            assert_eq!(self.blobs(), needed, "{what}: {run}");
        } else {
            assert!(matches!(run.code, Some(1 | 4)), "{what}: {run}");
            assert!(
                run.to_string().contains("error") || run.stdout.contains("failed"),
                "{what}: {run}"
            );
        }
        run
    }
}

/// The fault for a request, given the number of earlier requests of its kind.
type When = fn(&Seen<'_>) -> Option<Fault>;

fn a_blob_that_another_cache_references_is_kept(service: Service) {
    let bucket = Bucket::aged(service, "shop", LONG);
    for name in bucket.refs() {
        let manifest = bucket.manifest(&name);
        bucket
            .server
            .remove(&bucket.name, &format!("manifests/{name}"));
        bucket
            .server
            .put(&bucket.name, &format!("others/{name}"), &manifest);
    }
    bucket.server.put(&bucket.name, "manifests/empty", b"{}");
    bucket.server.age(&bucket.name, LONG);
    let all = bucket.blobs();
    let source = bucket.source();
    // The other source spells the address of the service differently.
    let other = source.replace("&use_path_style", "/&use_path_style");
    let config = format!("sources = [\"{source}\", \"{other}&manifests_prefix=others/\"]\n");
    std::fs::write(bucket.sandbox.path("cachelens.toml"), config).unwrap();
    let orphans = bucket.orphans();
    let needed: BTreeSet<String> = {
        let others = bucket.server.names(&bucket.name, "others/");
        let manifests = others.iter().map(|name| {
            bucket
                .server
                .read(&bucket.name, &format!("others/{name}"))
                .unwrap()
        });
        let text: String = manifests
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect();
        orphans
            .iter()
            .filter(|orphan| text.contains(orphan.as_str()))
            .cloned()
            .collect()
    };
    assert!(!needed.is_empty());
    for arguments in [&["--yes"][..], &["--yes", "--now", "--confirm", &source]] {
        let run = bucket.run(arguments.after(format!("prune {source} --config cachelens.toml")));
        assert_eq!(run.code, Some(0), "{run}");
        assert!(bucket.blobs().is_superset(&needed), "{run}");
    }
    // An unreadable manifest may reference any blob.
    bucket.server.put(&bucket.name, "others/broken", b"<html>");
    let run = bucket.run(format!("prune {source} --config cachelens.toml --yes"));
    assert_eq!(run.code, Some(4), "{run}");
    // Without the other cache, no ref references them.
    std::fs::remove_file(bucket.sandbox.path("cachelens.toml")).unwrap();
    assert!(all.is_superset(&bucket.blobs()));
    let run = bucket.prune("--yes");
    assert_eq!(
        (run.code, bucket.blobs()),
        (Some(0), BTreeSet::new()),
        "{run}"
    );
}

/// A manifest above the read limit may reference everything. `s3s-fs` stores it as a sparse file.
#[test]
fn a_manifest_of_500_mb_keeps_every_blob() {
    let bucket = thinned(Service::S3sFs, "mini", LONG);
    let all = bucket.blobs();
    bucket.server.put(&bucket.name, "manifests/huge", b"");
    let path = bucket.server.path(&bucket.name, "manifests/huge");
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(500 << 20)
        .unwrap();
    let run = bucket.prune("--yes");
    assert_eq!((run.code, bucket.blobs()), (Some(4), all), "{run}");
    assert!(run.to_string().contains("huge"), "{run}");
}

/// Unfinished multipart uploads are deleted when they are older than the grace period; moto dates
/// all of them to 2010. Uploads of other exporters to the same bucket stay.
#[test]
fn uploads_that_were_never_finished_are_ended() {
    let bucket = Bucket::aged(Service::Moto, "mini", LONG);
    let (client, name) = (bucket.server.client(), bucket.server.bucket(&bucket.name));
    let digest = |content: &str| cachelens::format::digest::Digest::of(content.as_bytes());
    let blob = format!("blobs/{}", digest("begun"));
    // Two uploads of one key began in the same second.
    let own = [
        blob.as_str(),
        blob.as_str(),
        &format!("blobs/{}", digest("begun too")),
        "manifests/begun",
    ];
    let others = [
        "backups/db.dump",
        "webshop/video.mp4",
        "blobs/video.mp4",
        &format!("app/blobs/{}", digest("x")),
    ];
    for key in own.iter().chain(&others) {
        bucket
            .server
            .block_on(
                client
                    .create_multipart_upload()
                    .bucket(&name)
                    .key(*key)
                    .send(),
            )
            .unwrap();
    }
    let uploads = || {
        let listed = bucket
            .server
            .block_on(client.list_multipart_uploads().bucket(&name).send())
            .unwrap();
        let mut keys: Vec<String> = listed
            .uploads()
            .iter()
            .map(|upload| upload.key().unwrap().to_owned())
            .collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(
        (uploads().len(), bucket.du()["partial"]["objects"].as_u64()),
        (8, Some(3))
    );
    let run = bucket.prune("--yes");
    let mut left = others.map(str::to_owned);
    left.sort_unstable();
    assert_eq!((run.code, uploads()), (Some(0), left.to_vec()), "{run}");
}

/// In a bucket with versions nothing is lost; `s3s-fs` supports none.
#[test]
fn deleted_objects_are_restored_from_versions() {
    let bucket = Bucket::aged(Service::Moto, "mini", LONG);
    bucket.server.keep_versions(&bucket.name);
    for name in bucket.refs().into_iter().skip(1) {
        bucket
            .server
            .remove(&bucket.name, &format!("manifests/{name}"));
    }
    let (all, orphans) = (bucket.blobs(), bucket.orphans());
    let run = bucket.prune("--yes");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(bucket.blobs().len(), all.len() - orphans.len());
    let undone = bucket.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(bucket.blobs(), all);
    for orphan in &orphans {
        assert!(
            bucket
                .server
                .read(&bucket.name, &format!("blobs/{orphan}"))
                .is_some()
        );
    }
}

fn a_prune_killed_at_any_change_leaves_complete_refs_and_can_be_resumed(service: Service) {
    for at in 0.. {
        let bucket = thinned(service, "mini", LONG);
        bucket.server.put(
            &bucket.name,
            "manifests/old",
            br#"{"layers":[],"records":[]}"#,
        );
        bucket.server.age(&bucket.name, LONG);
        let victim = Arc::new(AtomicU32::new(0));
        let (pid, mut changes) = (Arc::clone(&victim), 0);
        let proxy = Proxy::before(&bucket.server, move |seen| {
            if !matches!(seen.wants, Wants::Put | Wants::Delete | Wants::DeleteMany) {
                return None;
            }
            changes += 1;
            if changes <= at / 2 || pid.load(Ordering::SeqCst) == 0 {
                return None;
            }
            let killed = pid.swap(0, Ordering::SeqCst).to_string();
            assert!(
                Command::new("kill")
                    .args(["-9", &killed])
                    .status()
                    .unwrap()
                    .success()
            );
            // The process is killed once before each change, and once after it, before the answer.
            Some(if at % 2 == 0 {
                Fault::Reset
            } else {
                Fault::Lost
            })
        });
        let journal = bucket.sandbox.path("journal");
        let source = bucket.server.source_through(proxy.address, &bucket.name);
        let mut command = S3Server::command(&bucket.sandbox);
        command.args([
            "prune",
            &source,
            "--drop-ref",
            "old",
            "--now",
            "--confirm",
            &source,
            "--yes",
            "--journal",
        ]);
        let mut child = command
            .arg(&journal)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        victim.store(child.id(), Ordering::SeqCst);
        let status = child.wait().unwrap();
        assert_eq!(bucket.du()["missing"]["blobs"], 0, "at {at}");
        proxy.now(|_| None);
        if status.success() {
            // It finished before that number of changes, so all have been tried.
            assert!(at > 10, "only {at}");
            return;
        }
        assert_eq!(status.signal(), Some(9), "at {at}");
        let resumed = bucket.prune_through(&proxy, format!("--resume {}", journal.display()));
        assert_eq!(resumed.code, Some(0), "at {at}: {resumed}");
        assert_eq!(bucket.orphans(), BTreeSet::new(), "at {at}: {resumed}");
        assert!(!bucket.refs().contains("old"), "at {at}: {resumed}");
        assert_eq!(
            bucket.server.read(&bucket.name, ".cachelens/lease.json"),
            None,
            "at {at}"
        );
    }
}

fn two_programs_that_prune_at_once_do_not_meet(service: Service) {
    let bucket = thinned(service, "mini", LONG);
    let held = Arc::new((Mutex::new(false), Condvar::new()));
    let waiting = Arc::clone(&held);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        if seen.wants == Wants::DeleteMany && seen.key.contains("sha256:") {
            let (is_over, changed) = &*waiting;
            let is_over = is_over.lock().unwrap();
            drop(changed.wait_while(is_over, |is_over| !*is_over).unwrap());
        }
        None
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let mut command = S3Server::command(&bucket.sandbox);
    let mut first = command
        .args(["prune", &source, "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first run is about to delete, after checking the deletions.
    while bucket
        .server
        .read(&bucket.name, ".cachelens/lease.json")
        .is_none()
    {
        assert_eq!(first.try_wait().unwrap(), None, "it ended without a lease");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = bucket.prune("--yes");
    assert_eq!(second.code, Some(1), "{second}");
    assert!(
        second.stderr.contains("another prune is running"),
        "{second}"
    );
    *held.0.lock().unwrap() = true;
    held.1.notify_all();
    let first = Run::new(first.wait_with_output().unwrap());
    assert_eq!(first.code, Some(0), "{first}");
    assert_eq!(bucket.orphans(), BTreeSet::new());
}

/// An expired lease is taken over only if it is unchanged since it was read.
fn a_lease_taken_by_another_at_the_last_moment_is_not_ours(service: Service) {
    let bucket = thinned(service, "mini", LONG);
    let key = ".cachelens/lease.json";
    let lease = |until: &str| {
        serde_json::json!({ "owner": "another", "until": until })
            .to_string()
            .into_bytes()
    };
    bucket
        .server
        .put(&bucket.name, key, &lease("2020-01-01T00:00:00Z"));
    let all = bucket.blobs();
    let (client, handle) = (bucket.server.client(), bucket.server.handle());
    let (name, newer) = (
        bucket.server.bucket(&bucket.name),
        lease("2999-01-01T00:00:00Z"),
    );
    let (mut is_read, mut is_taken) = (false, false);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        if seen.key == key && seen.wants == Wants::Get {
            is_read = true;
        } else if seen.key == key && is_read && !std::mem::replace(&mut is_taken, true) {
            let put = client
                .put_object()
                .bucket(&name)
                .key(key)
                .body(newer.clone().into());
            handle.block_on(put.send()).unwrap();
        }
        None
    });
    let run = bucket.prune_through(&proxy, "--yes");
    assert_eq!((run.code, bucket.blobs()), (Some(1), all), "{run}");
    assert!(run.stderr.contains("another prune is running"), "{run}");
    assert_eq!(
        bucket.server.read(&bucket.name, key),
        Some(lease("2999-01-01T00:00:00Z"))
    );
}

/// `s3s-fs` ignores conditions on deletions.
fn a_manifest_exported_at_the_last_moment_is_kept(service: Service) {
    let bucket = thinned(service, "mini", LONG);
    bucket.server.put(
        &bucket.name,
        "manifests/old",
        br#"{"layers":[],"records":[]}"#,
    );
    bucket.server.age(&bucket.name, LONG);
    let (client, handle) = (bucket.server.client(), bucket.server.handle());
    let name = bucket.server.bucket(&bucket.name);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        // The manifest has been read when it is remembered.
        if seen.wants == Wants::Put && seen.key.starts_with(".cachelens/dropped/") {
            let put = client
                .put_object()
                .bucket(&name)
                .key("manifests/old")
                .body(b"{ }".to_vec().into());
            handle.block_on(put.send()).unwrap();
        }
        None
    });
    let run = bucket.prune_through(&proxy, "--drop-ref old --yes");
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(
        bucket.server.read(&bucket.name, "manifests/old"),
        Some(b"{ }".to_vec()),
        "{run}"
    );
}

fn a_ref_is_deleted_if_the_service_refuses_conditions(service: Service) {
    for refusal in [(501, "NotImplemented"), (400, "InvalidArgument")] {
        let bucket = thinned(service, "mini", LONG);
        bucket.server.put(
            &bucket.name,
            "manifests/old",
            br#"{"layers":[],"records":[]}"#,
        );
        bucket.server.age(&bucket.name, LONG);
        let proxy = Proxy::before(&bucket.server, move |seen| {
            let is_refused = seen.wants == Wants::Delete && seen.headers.contains_key("if-match");
            is_refused.then(|| error(refusal.0, refusal.1))
        });
        let run = bucket.prune_through(&proxy, "--drop-ref old --yes");
        assert_eq!(
            (run.code, bucket.server.read(&bucket.name, "manifests/old")),
            (Some(0), None),
            "{run}"
        );
    }
}

/// The condition of a repeated request fails because of the first request.
fn a_write_with_a_lost_answer_counts_as_written(service: Service) {
    let bucket = thinned(service, "mini", LONG);
    assert_eq!(bucket.prune("--yes").code, Some(0));
    bucket.server.put(
        &bucket.name,
        "manifests/old",
        br#"{"layers":[],"records":[]}"#,
    );
    bucket.server.age(&bucket.name, LONG);
    let mut lost = 0;
    let proxy = Proxy::before(&bucket.server, move |seen| {
        let is_first = seen.wants == Wants::Put && seen.key == "manifests/old" && lost == 0;
        is_first.then(|| lost = 1).map(|()| Fault::Lost)
    });
    let run = bucket.prune_through(&proxy, "--drop-ref old --yes");
    assert_eq!(
        (run.code, bucket.server.read(&bucket.name, "manifests/old")),
        (Some(0), None),
        "{run}"
    );
    let undone = bucket.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert!(!undone.to_string().contains("skipped"), "{undone}");
    assert!(bucket.server.read(&bucket.name, "manifests/old").is_some());
}

/// It may be written twice within a second, and then the list does not distinguish the two.
fn a_manifest_without_a_tag_is_read_again(service: Service) {
    let bucket = Bucket::aged(service, "mini", LONG);
    let (key, then) = (
        "manifests/twice",
        std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(400_000),
    );
    let write = |content: &str| {
        bucket.server.put(&bucket.name, key, content.as_bytes());
        bucket.server.set_modified(&bucket.name, key, then);
    };
    write(r#"{"records":[],"layers":[]}"#);
    let proxy = Proxy::before(&bucket.server, |seen| {
        (seen.wants == Wants::List).then_some(Fault::NoTags)
    });
    let reader = bucket.server.reader_through(proxy.address, &bucket.name);
    let read = || {
        let roots = bucket.server.block_on(all_refs(&*reader)).unwrap();
        let root = roots
            .entries
            .iter()
            .find(|root| root.names == ["twice"])
            .unwrap();
        (root.descriptor.digest.valid(), roots.fingerprint)
    };
    let (first, fingerprint) = read();
    assert!(bucket.server.block_on(reader.still(fingerprint)).unwrap());
    write(r#"{"layers":[],"records":[]}"#);
    let (second, _) = read();
    assert!(
        first.is_some() && second.is_some() && first != second,
        "{first:?}"
    );
    bucket
        .server
        .set_modified(&bucket.name, key, then + Duration::from_hours(1));
    assert!(!bucket.server.block_on(reader.still(fingerprint)).unwrap());
}
