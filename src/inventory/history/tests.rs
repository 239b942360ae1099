use super::*;

const DAY: i64 = 86_400;

fn day(days: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + days * DAY).unwrap()
}

fn record(at: Timestamp, stored_bytes: u64) -> ScanRecord {
    ScanRecord {
        at,
        refs: 1,
        stored_bytes,
        live_bytes: stored_bytes,
        orphan_bytes: Some(0),
        missing_bytes: 0,
        trash_bytes: 0,
        limit_bytes: Some(1000),
        list: Some(vec![entry("main", "a")]),
    }
}

fn entry(name: &str, digest: &str) -> RefRecord {
    RefRecord {
        name: name.to_owned(),
        digest: digest.to_owned(),
        kind: RefKind::Cache,
        bytes: Some(1),
    }
}

fn history(records: &[(i64, u64)]) -> ScanHistory {
    let records = records.iter();
    ScanHistory::new(
        records
            .map(|(at, bytes)| record(day(*at), *bytes))
            .collect(),
    )
}

#[test]
fn growth_is_that_of_the_last_month() {
    assert_eq!(history(&[]).growth(), None);
    assert_eq!(history(&[(0, 5)]).growth(), None);
    let per_day = |records: &[(i64, u64)]| history(records).growth().unwrap().bytes_per_day;
    assert_eq!(per_day(&[(0, 100), (1, 110), (2, 120)]), 10);
    assert_eq!(per_day(&[(0, 100), (10, 50)]), -5);
    // Earlier states do not count.
    assert_eq!(per_day(&[(0, 9_000), (100, 100), (110, 200)]), 10);
    let half = ScanHistory::new(vec![
        record(day(0), 1),
        record(
            day(0).checked_add(SignedDuration::from_hours(12)).unwrap(),
            2,
        ),
    ]);
    assert_eq!(half.growth(), None);
}

#[test]
fn a_quota_is_forecast_by_the_growth() {
    assert_eq!(history(&[(0, 100), (10, 200)]).full_at(), Some(day(90)));
    assert_eq!(history(&[(0, 200), (10, 200)]).full_at(), None);
    assert_eq!(history(&[(0, 300), (10, 200)]).full_at(), None);
    assert_eq!(history(&[(0, 900), (10, 1000)]).full_at(), Some(day(10)));
    let mut endless = history(&[(0, 0), (10, 10)]);
    endless.records[1].limit_bytes = Some(u64::MAX);
    assert_eq!(endless.full_at(), None);
    endless.records[1].limit_bytes = None;
    assert_eq!(endless.full_at(), None);
}

#[test]
fn old_records_are_thinned_out() {
    let hour = SignedDuration::from_hours(1);
    let mut records = Vec::new();
    let mut at = day(0);
    while at < day(500) {
        records.push(record(at, 1));
        at = at.checked_add(hour * 8).unwrap();
    }
    let mut history = ScanHistory::new(records);
    history.trim(day(500));
    let ages: Vec<i64> = history
        .records()
        .iter()
        .map(|record| day(500).duration_since(record.at).as_hours())
        .collect();
    assert_eq!(ages.first().map(|hours| hours / 24), Some(MOST_DAYS));
    assert_eq!(
        ages.iter().filter(|hours| **hours < ALL_DAYS * 24).count(),
        20
    );
    assert!(ages.len() < 420, "{}", ages.len());
    let again = history.clone();
    history.trim(day(500));
    assert_eq!(history, again);
    // Of more than fit, the newest stay.
    let many = (0..300).map(|second| record(Timestamp::from_second(second).unwrap(), 1));
    let mut history = ScanHistory::new(many.collect());
    history.trim(Timestamp::from_second(300).unwrap());
    assert_eq!(history.records().len(), MOST_RECENT);
    assert_eq!(history.records().last().unwrap().at.as_second(), 299);
}

#[test]
fn lists_of_refs_are_dropped_from_the_oldest() {
    let list: Vec<RefRecord> = (0..MOST_REFS / 2)
        .map(|i| entry(&i.to_string(), "a"))
        .collect();
    let records = (0..3).map(|at| ScanRecord {
        list: Some(list.clone()),
        ..record(day(at), 1)
    });
    let mut history = ScanHistory::new(records.collect());
    history.trim(day(3));
    let listed = history.records().iter().map(|record| record.list.is_some());
    assert_eq!(listed.collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn refs_are_compared_by_name() {
    let with = |list: &[(&str, &str)]| ScanRecord {
        list: Some(
            list.iter()
                .map(|(name, digest)| entry(name, digest))
                .collect(),
        ),
        ..record(day(0), 1)
    };
    let before = with(&[("a", "1"), ("b", "1"), ("c", "1")]);
    let after = with(&[("b", "1"), ("c", "2"), ("d", "1")]);
    let changes = ref_changes(&before, &after).unwrap();
    let names = |list: &[&RefRecord]| {
        let names = list.iter().map(|entry| entry.name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&changes.added), ["d"]);
    assert_eq!(names(&changes.removed), ["a"]);
    assert_eq!(changes.changed.len(), 1);
    assert_eq!(changes.same, 1);
    let without = ScanRecord {
        list: None,
        ..after.clone()
    };
    assert_eq!(ref_changes(&before, &without), None);
}

#[test]
fn a_trend_has_stored_bytes_at_equal_intervals() {
    assert_eq!(history(&[(0, 1)]).trend(4), [0; 0]);
    assert_eq!(history(&[(0, 1), (3, 9)]).trend(4), [1, 1, 1, 9]);
    assert_eq!(history(&[(0, 1), (1, 5), (4, 9)]).trend(3), [1, 5, 9]);
}

#[test]
fn the_scan_record_of_a_time_is_the_latest_before_it() {
    let history = history(&[(0, 1), (5, 2)]);
    assert_eq!(history.at(day(-1)), None);
    assert_eq!(
        history.at(day(4)).map(|record| record.stored_bytes),
        Some(1)
    );
    assert_eq!(
        history.at(day(5)).map(|record| record.stored_bytes),
        Some(2)
    );
}
