use super::*;

fn digest(number: u32) -> Digest {
    Digest::of(&number.to_le_bytes())
}

#[test]
fn a_row_is_as_small_as_promised() {
    assert_eq!(size_of::<BlobTableRow>(), 54);
}

#[test]
fn referenced_and_stored_blobs_are_found_across_chunks() {
    let mut table = BlobTable::default();
    for number in 0..10_000 {
        table.store(digest(number), u64::from(number), None);
    }
    assert_eq!(table.len(), 10_000);
    for number in (0..10_000).step_by(997) {
        let id = table.find(&digest(number)).unwrap();
        assert_eq!(
            (table.get(id).size(), table.get(id).digest()),
            (Some(u64::from(number)), digest(number))
        );
    }
    assert_eq!(table.find(&digest(10_000)), None);
    let long = Digest::Sha512([7; 64]);
    let id = table.store(long, 1, None);
    assert_eq!(
        (table.find(&long), table.get(id).digest()),
        (Some(id), long)
    );
}

#[test]
fn a_size_that_differs_from_the_descriptor_is_shown() {
    let mut table = BlobTable::default();
    let id = table.name(digest(1), Some(10), BlobRole::Layer);
    assert!(!table.get(id).is_stored());
    assert_eq!(table.get(id).stored_size(), 0);
    table.store(digest(1), 9, None);
    assert!(table.get(id).is_resized());
    let unsure = table.name(digest(2), None, BlobRole::Layer);
    table.store(digest(2), 9, None);
    assert!(!table.get(unsure).is_resized());
}

#[test]
fn the_first_media_type_of_a_blob_is_kept_up_to_a_limit() {
    let mut table = BlobTable::default();
    let id = table.name(digest(1), Some(10), BlobRole::Layer);
    assert_eq!(table.get(id).media_type(), None);
    for text in ["a/b", "c/d"] {
        let media_type = table.media_type(text).unwrap();
        table.set_media_type(id, media_type);
    }
    table.store(digest(1), 9, None);
    assert_eq!(table.get(id).media_type(), Some("a/b"));
    assert!(table.get(id).is_resized());
    table.lose(&digest(1));
    assert_eq!(table.get(id).media_type(), Some("a/b"));
    assert!(table.get(id).is_missing());
    let most = u32::try_from(MOST_MEDIA_TYPES).unwrap();
    for number in 2..most {
        let media_type = table.media_type(&format!("x/{number}")).unwrap();
        let id = table.store(digest(number), 1, None);
        table.set_media_type(id, media_type);
    }
    let last = table.find(&digest(most - 1)).unwrap();
    assert_eq!(
        (table.get(last).media_type(), table.get(last).is_stored()),
        (Some("x/62"), true)
    );
    assert_eq!(table.media_type("one/too-many"), None);
    assert_eq!(table.media_type(""), None);
    assert!(table.media_type("a/b").is_some());
}

#[test]
fn snapshots_do_not_change() {
    let mut table = BlobTable::default();
    let id = table.name(digest(1), None, BlobRole::Layer);
    let before = table.clone();
    table.store(digest(1), 5, None);
    table.store(digest(2), 5, None);
    assert_eq!((before.len(), before.get(id).is_stored()), (1, false));
    assert_eq!((table.len(), table.get(id).is_stored()), (2, true));
}

#[test]
fn times_beyond_the_calendar_are_bounded() {
    let mut table = BlobTable::default();
    let id = table.store(digest(1), 5, Some(Timestamp::MAX));
    assert_eq!(
        table
            .get(id)
            .modified()
            .map(|time| time.to_string()[..4].to_owned())
            .as_deref(),
        Some("2262")
    );
}
