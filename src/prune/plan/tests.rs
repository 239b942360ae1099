//! Plans over small stores, and broken plans that the proof must reject.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::*;
use crate::backend::memory::MemoryCache;
use crate::backend::{
    Capabilities, ObjectTarget, Obstacle, OtherKind, OtherObject, RefTarget, SharedReader,
    StoredObject, Support, Undoability,
};
use crate::inventory::scan::{ScanOptions, scan};
use crate::prune::rewrite::Rewrites;
use crate::retention::{Policy, Reason, Verdict, Verdicts};

const NOW: &str = "2026-11-22T00:00:00Z";

fn ago(hours: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() - SignedDuration::from_hours(hours)
}

/// A store under construction: refs with name, hours and layers, and a verdict for each.
#[derive(Default)]
struct Store {
    cache: MemoryCache,
    entries: Vec<String>,
    verdicts: Verdicts,
    recent: RecentlyDropped,
    policy: Policy,
    freed: Option<FreedBlobs>,
    capabilities: Option<Capabilities>,
    excluded: HashSet<DeletionTarget>,
}

impl Store {
    fn blob(&mut self, text: &str, hours: i64) -> Digest {
        self.cache
            .add_blob(text.as_bytes().to_vec(), Some(ago(hours)))
    }

    fn a_ref(&mut self, name: &str, goes: bool, layers: &[Digest]) -> Digest {
        let config = self.blob("{}", 100);
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| format!(r#"{{"digest":"{layer}"}}"#))
            .collect();
        let manifest = format!(
            r#"{{"config":{{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"{config}"}},"layers":[{}]}}"#,
            layers.join(",")
        );
        let digest = self.blob(&manifest, 100);
        self.entry(name, goes, digest);
        digest
    }

    fn entry(&mut self, name: &str, goes: bool, digest: Digest) {
        self.entries
            .push(format!(r#"{{"digest":"{digest}","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}}}"#));
        let reasons = vec![Reason::NoRule];
        self.verdicts.refs.push(if goes {
            Verdict::Drop(reasons)
        } else {
            Verdict::Keep(reasons)
        });
    }

    fn plan_and(&mut self, then: impl FnOnce(&Planning<'_>, Result<Plan, PlanError>)) {
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
            self.entries.join(",")
        );
        self.cache.set_index(index.as_bytes()).unwrap();
        let reader: SharedReader = Arc::new(std::mem::take(&mut self.cache));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let inventory = runtime
            .block_on(scan(&reader, &ScanOptions::default(), |_| ()))
            .unwrap();
        let all = Capabilities {
            delete_ref: Support::Yes,
            delete_object: Support::Yes,
            undoability: Undoability::Full,
            settling: SignedDuration::ZERO,
        };
        let planning = Planning {
            source: "./cache",
            place: &Place::Local("/cache".into()),
            inventory: &inventory,
            verdicts: &self.verdicts,
            recent: &self.recent,
            capabilities: self.capabilities.as_ref().unwrap_or(&all),
            policy: &self.policy,
            policy_text: "",
            now: NOW.parse().unwrap(),
            freed_blobs: self.freed.unwrap_or(FreedBlobs::Wait),
            disposal: Disposal::Trash,
            cost: None,
            settles: true,
            rewrites: &Rewrites::default(),
            excluded: &self.excluded,
        };
        then(&planning, Plan::new(&planning));
    }

    fn plan(&mut self) -> Plan {
        let mut made = None;
        self.plan_and(|_, plan| made = Some(plan.unwrap()));
        made.unwrap()
    }
}

fn names(plan: &Plan) -> Vec<String> {
    plan.delete()
        .iter()
        .map(|item| item.target.name())
        .collect()
}

fn held(plan: &Plan) -> Vec<(BlobFate, u64)> {
    plan.held()
        .iter()
        .map(|held| (held.fate, held.count.blobs))
        .collect()
}

#[test]
fn orphans_are_deleted_after_the_grace() {
    let mut store = Store::default();
    let used = store.blob("used", 100);
    let old = store.blob("old", 49);
    store.blob("young", 47);
    store.blob("of the future", -5);
    store.cache.add_stored(Digest::of(b"ageless"), 7, None);
    store.a_ref("main", false, &[used]);
    let plan = store.plan();
    assert_eq!(names(&plan), [old.to_string()]);
    assert_eq!(
        held(&plan),
        [(BlobFate::WithinGrace, 2), (BlobFate::UnknownAge, 1)]
    );
    assert_eq!(
        (plan.frees_bytes(), plan.frees_objects(), plan.live().blobs),
        (3, 1, 3)
    );
    assert_eq!(
        plan.delete().get(0).unwrap().reasons[0].to_string(),
        "no ref reaches it; written 2d 1h ago"
    );
}

#[test]
fn refs_are_deleted_first_and_their_blobs_wait_without_now() {
    let make = || {
        let mut store = Store::default();
        let shared = store.blob("shared", 100);
        let own = store.blob("own", 100);
        store.a_ref("main", false, &[shared]);
        store.a_ref("old", true, &[shared, own]);
        (store, own)
    };
    let (mut store, _) = make();
    let plan = store.plan();
    assert_eq!(
        (names(&plan), plan.waits().blobs),
        (vec!["old".to_owned()], 2)
    );
    let (mut store, own) = make();
    store.freed = Some(FreedBlobs::DeleteNow);
    let plan = store.plan();
    assert_eq!(
        (plan.refs(), plan.frees_objects(), plan.waits().blobs),
        (1, 2, 0)
    );
    assert_eq!(names(&plan)[0], "old");
    assert!(names(&plan).contains(&own.to_string()));
}

#[test]
fn blobs_of_recently_deleted_refs_wait() {
    let mut store = Store::default();
    let freed = store.blob("freed", 100);
    store.recent.blobs.insert(freed);
    let plan = store.plan();
    assert_eq!((names(&plan).len(), plan.waits().blobs), (0, 1));
}

#[test]
fn an_unreadable_ref_stops_deletion_of_blobs_but_not_of_uploads() {
    for recent in [false, true] {
        let mut store = Store::default();
        store.blob("orphan", 100);
        if recent {
            store.recent.unreadable = true;
        } else {
            let odd = store.blob("{ odd", 100);
            store.entry("odd", false, odd);
        }
        let upload = OtherObject {
            name: "ingest/x".into(),
            kind: OtherKind::Upload,
            size: 5,
            modified: Some(ago(100)),
        };
        store.cache.add_other(StoredObject::Partial(upload));
        let plan = store.plan();
        assert_eq!(names(&plan), ["ingest/x"]);
        assert_eq!(held(&plan), [(BlobFate::Undetermined, 1)]);
        assert!(plan.undetermined() && !plan.warnings().is_empty());
    }
}

#[test]
fn a_duplicate_of_a_kept_entry_is_kept() {
    let mut store = Store::default();
    let manifest = store.a_ref("main", true, &[]);
    store.entry("main", false, manifest);
    let plan = store.plan();
    assert_eq!(plan.refs(), 0);
    assert_eq!(
        plan.keep()[0].reasons,
        [ItemReason::Store(StoreReason::SameAsKept)]
    );
}

#[test]
fn unknown_objects_and_foreign_uploads_are_never_deleted() {
    let mut store = Store::default();
    let other = |name: &str, kind| OtherObject {
        name: name.into(),
        kind,
        size: 5,
        modified: Some(ago(1000)),
    };
    store
        .cache
        .add_other(StoredObject::Unknown(other("notes.txt", OtherKind::File)));
    store.cache.add_other(StoredObject::Partial(other(
        "ingest/link",
        OtherKind::Symlink,
    )));
    store.cache.add_other(StoredObject::Partial(OtherObject {
        modified: None,
        ..other("ingest/x", OtherKind::File)
    }));
    let plan = store.plan();
    assert!(plan.is_empty());
    assert_eq!(plan.keep().len(), 2);
}

#[test]
fn operations_that_a_store_denies_are_warnings() {
    let mut store = Store::default();
    store.blob("orphan", 100);
    store.a_ref("old", true, &[]);
    store.capabilities = Some(Capabilities::none(&Obstacle::InMemory));
    let plan = store.plan();
    assert!(plan.is_empty());
    assert_eq!(
        plan.keep()[0].reasons[0].to_string(),
        "nothing can be deleted here"
    );
    assert_eq!(held(&plan), [(BlobFate::Unsupported, 1)]);
}

#[test]
fn grave_plans_are_confirmed_by_typing() {
    let typed = |deleted: usize, kept: usize, freed: FreedBlobs, bytes: u64| {
        let mut store = Store {
            freed: Some(freed),
            ..Store::default()
        };
        for number in 0..deleted + kept {
            let layer = store.blob(&number.to_string(), 100);
            store.a_ref(&format!("ref-{number}"), number < deleted, &[layer]);
        }
        let orphan = Digest::of(b"orphan");
        store.cache.add_stored(orphan, bytes, Some(ago(100)));
        store.plan().needs_typed_confirmation()
    };
    let (wait, now) = (FreedBlobs::Wait, FreedBlobs::DeleteNow);
    let gib = 1 << 30;
    for (reason, outweighs_yes, found) in [
        (None, false, typed(10, 1, wait, 1)),
        (Some(TypedReason::EveryRef), true, typed(1, 0, now, 2 * gib)),
        (Some(TypedReason::FreedNow), true, typed(0, 1, now, 1)),
        (
            Some(TypedReason::ManyRefs(11)),
            false,
            typed(11, 1, wait, 1),
        ),
        (None, false, typed(0, 1, wait, gib)),
        (
            Some(TypedReason::ManyBytes(gib + 1)),
            false,
            typed(0, 1, wait, gib + 1),
        ),
    ] {
        assert_eq!(found, reason);
        assert_eq!(found.is_some_and(TypedReason::outweighs_yes), outweighs_yes);
    }
}

#[test]
fn plans_of_many_objects_are_confirmed_by_typing() {
    for (objects, reason) in [
        (10_000, None),
        (10_001, Some(TypedReason::ManyObjects(10_001))),
    ] {
        let mut store = Store::default();
        let layer = store.blob("layer", 100);
        store.a_ref("main", false, &[layer]);
        for number in 0..objects {
            let orphan = Digest::of(format!("orphan {number}").as_bytes());
            store.cache.add_stored(orphan, 1, Some(ago(100)));
        }
        assert_eq!(store.plan().needs_typed_confirmation(), reason);
    }
}

#[test]
fn emptying_the_trash_at_once_is_confirmed_by_typing() {
    for (grace, reason) in [(0, Some(TypedReason::YoungTrash)), (48, None)] {
        let mut store = Store::default();
        store.policy.grace = SignedDuration::from_hours(grace);
        let trashed = in_trash(Digest::of(b"old"));
        store.cache.add_other(StoredObject::Trashed(trashed));
        let plan = store.plan();
        assert_eq!(plan.delete().len(), 1);
        assert_eq!(plan.needs_typed_confirmation(), reason);
    }
}

/// A blob in the trash.
fn in_trash(digest: Digest) -> OtherObject {
    OtherObject {
        name: format!(
            ".cachelens-trash/20261119T000000Z-00000000/blobs/sha256/{}",
            digest.hex()
        ),
        kind: OtherKind::File,
        size: 4,
        modified: Some(ago(72)),
    }
}

#[test]
fn nothing_else_is_deleted_while_trash_is_referenced_again() {
    let mut store = Store::default();
    store.blob("orphan", 100);
    let lost = Digest::of(b"lost");
    store.a_ref("main", false, &[lost]);
    store.cache.add_other(StoredObject::Trashed(in_trash(lost)));
    store
        .cache
        .add_other(StoredObject::Trashed(in_trash(Digest::of(b"else"))));
    let plan = store.plan();
    assert_eq!((plan.delete().len(), plan.restored()), (0, &[lost][..]));
    assert_eq!(
        plan.keep()
            .iter()
            .filter(|kept| kept.kind == ItemKind::Object)
            .count(),
        2
    );
}

#[test]
fn each_object_in_the_trash_is_deleted_once() {
    let mut store = Store::default();
    for name in ["one", "two", "three"] {
        let object = in_trash(Digest::of(name.as_bytes()));
        store.cache.add_other(StoredObject::Trashed(object));
    }
    store.plan_and(|planning, plan| {
        let plan = plan.unwrap();
        assert_eq!((plan.delete.len(), plan.frees_bytes), (3, 12));
        let with = |places: &[usize]| {
            let chosen = places
                .iter()
                .map(|place| plan.delete.at(*place).into_owned());
            let mut changed = plan.clone();
            changed.delete = chosen.collect();
            changed.frees_objects = places.len() as u64;
            changed.frees_bytes = changed.frees_objects * 4;
            verify::against(&changed, planning)
        };
        assert_eq!(with(&[0, 1, 2]), Ok(()));
        assert_eq!(with(&[2, 0, 1]), Ok(()));
        for twice in [&[0, 0, 1][..], &[0, 1, 2, 1], &[2, 0, 1, 2]] {
            assert!(matches!(with(twice), Err(Violation::Twice(_))), "{twice:?}");
        }
    });
}

#[test]
fn there_is_no_plan_without_every_verdict() {
    let mut store = Store::default();
    store.a_ref("main", false, &[]);
    store.verdicts.refs[0] = Verdict::Undecided(vec![Reason::Pending]);
    store.plan_and(|_, plan| assert_eq!(plan.unwrap_err(), PlanError::Undecided("main".into())));
    let mut store = Store::default();
    store.a_ref("main", false, &[]);
    store.verdicts.refs.clear();
    store.plan_and(|_, plan| assert_eq!(plan.unwrap_err(), PlanError::Incomplete));
}

#[test]
fn a_share_beyond_the_limit_is_refused() {
    let mut store = Store::default();
    store.a_ref("main", false, &[]);
    store.blob(&"orphan".repeat(1000), 100);
    store.policy.max_delete = Some("50%".parse().unwrap());
    store.plan_and(|_, plan| {
        assert!(matches!(
            plan,
            Err(PlanError::TooMuch { what: "bytes", .. })
        ));
    });
}

fn deletion(target: DeletionTarget) -> Deletion {
    Deletion {
        target,
        reasons: Vec::new(),
    }
}

fn blob(digest: Digest, size: u64, hours: i64) -> Deletion {
    let name = ObjectName::Blob(digest);
    deletion(DeletionTarget::Object(ObjectTarget {
        name,
        size,
        modified: ago(hours),
    }))
}

fn a_ref(name: &str, digest: Digest) -> Deletion {
    deletion(DeletionTarget::Ref(RefTarget {
        names: vec![name.to_owned()],
        digest,
        bytes: 0,
    }))
}

/// Makes a sound plan unsound.
type Change = Box<dyn Fn(&mut Vec<Deletion>)>;

#[test]
fn the_proof_finds_each_fault_of_a_plan() {
    let mut store = Store::default();
    let used = store.blob("used", 100);
    let orphan = store.blob("orphan", 100);
    let young = store.blob("young", 1);
    let main = store.a_ref("main", false, &[used]);
    let of_old = store.blob("of old", 100);
    let old = store.a_ref("old", true, &[used, of_old]);
    store.plan_and(|planning, plan| {
        let plan = plan.unwrap();
        let with = |change: &dyn Fn(&mut Vec<Deletion>)| {
            let mut delete = plan.delete.iter().map(Cow::into_owned).collect();
            change(&mut delete);
            let mut changed = plan.clone();
            changed.frees_bytes = delete.iter().map(|item| item.target.bytes()).sum();
            changed.delete = delete.into_iter().collect();
            changed.frees_objects = changed.objects().count() as u64;
            verify::against(&changed, planning)
        };
        assert_eq!(with(&|_| ()), Ok(()));
        let cases: Vec<(Violation, Change)> = vec![
            (
                Violation::Reached {
                    name: used.to_string(),
                    by: "main".into(),
                },
                Box::new(move |delete| delete.push(blob(used, 4, 100))),
            ),
            (
                Violation::Twice(orphan.to_string()),
                Box::new(move |delete| delete.push(blob(orphan, 6, 100))),
            ),
            (
                Violation::TooYoung(young.to_string()),
                Box::new(move |delete| delete.push(blob(young, 5, 1))),
            ),
            // A date that differs from the store's does not make it older.
            (
                Violation::NoSuchObject(young.to_string()),
                Box::new(move |delete| delete.push(blob(young, 5, 100))),
            ),
            (
                Violation::RefAfterObject("old".into()),
                Box::new(|delete| delete.rotate_left(1)),
            ),
            (
                Violation::KeptToo("main".into()),
                Box::new(move |delete| delete.insert(0, a_ref("main", main))),
            ),
            (
                Violation::NoSuchRef("gone".into()),
                Box::new(move |delete| delete.insert(0, a_ref("gone", old))),
            ),
            (
                Violation::OneStep(old.to_string()),
                Box::new(move |delete| delete.push(blob(old, 1, 100))),
            ),
        ];
        for (violation, change) in cases {
            assert_eq!(with(&change), Err(violation));
        }
        let mut unsure = plan.clone();
        unsure.undetermined = true;
        assert_eq!(
            verify::against(&unsure, planning),
            Err(Violation::Undetermined(orphan.to_string()))
        );
        let mut sums = plan.clone();
        sums.frees_bytes += 1;
        assert_eq!(verify::alone(&sums), Err(Violation::Sums));
    });
}

#[test]
fn a_saved_plan_loads_unchanged_or_is_refused() {
    let mut store = Store::default();
    store.blob("orphan", 100);
    let freed = store.blob("freed", 60);
    store.a_ref("old\\u001b[31m", true, &[freed]);
    store.a_ref("main", false, &[]);
    store.freed = Some(FreedBlobs::DeleteNow);
    let plan = store.plan();
    assert_eq!(plan.delete().len(), 4);
    let text = saved(&plan);
    let loaded = file::load(&text).unwrap();
    assert!(loaded.is_loaded() && !plan.is_loaded());
    assert_eq!(saved(&loaded), text);
    assert!(matches!(
        file::load(&text.replace("main", "mine")),
        Err(file::FileError::Edited)
    ));
    for wrong in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"cachelens_plan":2,"later":1}"#,
        r#"{"cachelens_plan":1}"#,
    ] {
        assert!(file::load(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_list_of_deletions_keeps_every_item() {
    let digest = Digest::of(b"blob");
    let orphan = |size, hours, unchanged| {
        let unchanged = SignedDuration::from_hours(unchanged);
        Deletion {
            reasons: vec![StoreReason::Orphan { unchanged }.into()],
            ..blob(digest, size, hours)
        }
    };
    let trashed = |number: u8, hours| {
        let object = in_trash(Digest::of(&[number]));
        let ago = SignedDuration::from_hours(hours);
        Deletion {
            reasons: vec![StoreReason::Trashed { ago }.into()],
            ..deletion(DeletionTarget::Object(ObjectTarget {
                name: ObjectName::Trashed(object.name),
                size: object.size,
                modified: object.modified.unwrap(),
            }))
        }
    };
    let far = Timestamp::MAX;
    let name = ObjectName::Blob(Digest::of(b"far"));
    let of_the_future = deletion(DeletionTarget::Object(ObjectTarget {
        name,
        size: u64::MAX,
        modified: far,
    }));
    let of_the_future = Deletion {
        reasons: vec![StoreReason::FreedNow.into()],
        ..of_the_future
    };
    let given = vec![
        orphan(4, 100, 100),
        // Repeated with other values, and with another time than the first one implies.
        orphan(4, 100, 100),
        orphan(5, 90, 90),
        Deletion {
            reasons: vec![
                StoreReason::Orphan {
                    unchanged: SignedDuration::ZERO,
                }
                .into(),
            ],
            ..blob(Digest::of(b"2"), 1, 50)
        },
        of_the_future,
        trashed(1, 72),
        trashed(2, 72),
        // Of another age than the time of the plan implies.
        trashed(3, 71),
        trashed(2, 72),
        a_ref("main", digest),
        blob(digest, 4, 100),
    ];
    let list: Deletions = given.iter().cloned().collect();
    assert_eq!(list.iter().map(Cow::into_owned).collect::<Vec<_>>(), given);
    let text = serde_json::to_string(&list).unwrap();
    assert_eq!(text, serde_json::to_string(&given).unwrap());
    assert_eq!(serde_json::from_str::<Deletions>(&text).unwrap(), list);
}

#[test]
fn excluded_items_are_kept_with_everything_they_reach() {
    let mut store = Store::default();
    let own = store.blob("own", 100);
    let orphan = store.blob("orphan", 100);
    let digest = store.a_ref("old", true, &[own]);
    store.freed = Some(FreedBlobs::DeleteNow);
    store.excluded.insert(DeletionTarget::Ref(RefTarget {
        names: vec!["old".into()],
        digest,
        bytes: 0,
    }));
    let name = ObjectName::Blob(orphan);
    store.excluded.insert(DeletionTarget::Object(ObjectTarget {
        name,
        size: 6,
        modified: ago(100),
    }));
    let plan = store.plan();
    assert!(plan.is_empty());
    assert_eq!(
        (plan.live().blobs, held(&plan)),
        (3, vec![(BlobFate::Excluded, 1)])
    );
}

fn saved(plan: &Plan) -> String {
    let mut text = Vec::new();
    file::save(plan, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}
