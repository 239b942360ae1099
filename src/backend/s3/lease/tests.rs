use super::*;

const WRITTEN: &str = "2026-11-29T12:00:00Z";

fn found(content: &str, written: Option<&str>) -> FoundLease {
    FoundLease {
        term: serde_json::from_str(content).ok(),
        tag: None,
        written: written.map(|written| written.parse().unwrap()),
    }
}

fn until(until: &str) -> String {
    format!(r#"{{"owner":"another","until":"{until}"}}"#)
}

#[test]
fn a_lease_expires_one_term_after_it_was_written() {
    let ends = |content: &str, written| found(content, written).ends().map(|ends| ends.to_string());
    let latest = Some("2026-11-29T12:10:00Z".to_owned());
    for content in ["", "garbage", "{}", "[1]"] {
        assert_eq!(ends(content, Some(WRITTEN)), latest, "{content}");
        assert_eq!(
            found(content, Some(WRITTEN)).holder(),
            "its lease cannot be read"
        );
    }
    for absurd in ["9999-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "soon"] {
        assert_eq!(ends(&until(absurd), Some(WRITTEN)), latest, "{absurd}");
        assert_eq!(
            found(&until(absurd), None).holder(),
            "`another` holds the lease"
        );
    }
    let usual = until("2026-11-29T12:09:58Z");
    assert_eq!(
        ends(&usual, Some(WRITTEN)),
        Some("2026-11-29T12:09:58Z".to_owned())
    );
    assert_eq!(ends(&usual, None), Some("2026-11-29T12:09:58Z".to_owned()));
    assert_eq!(ends("garbage", None), None);
    assert!(found("garbage", Some("2020-01-01T00:00:00Z")).is_over());
    assert!(!found("garbage", Some(&Timestamp::now().to_string())).is_over());
}

#[test]
fn a_lease_shows_its_owner_and_how_to_remove_it() {
    let content = r#"{"owner":"7-1","until":"2026-11-29T12:10:00Z","host":"ci-\u001b[1m4","process":{"space":"x","id":7}}"#;
    let lease = found(content, Some(WRITTEN));
    assert_eq!(lease.holder(), "process 7 on ci-␛[1m4 holds the lease");
    assert_eq!(
        lease.remedy("b", "p/.cachelens/lease.json"),
        "nothing was changed; the lease ends at 2026-11-29 12:15:00 UTC unless it is renewed. \
         If no prune runs, remove it: aws s3 rm 's3://b/p/.cachelens/lease.json'"
    );
    assert_eq!(found("x", None).holder(), "its lease cannot be read");
}
