use std::collections::HashMap;

use super::*;
use crate::backend::Totals;
use crate::backend::bucket::Noncurrent;

fn bucket(rules: Vec<LifecycleRule>) -> Bucket {
    Bucket {
        places: Places {
            bucket: "b".to_owned(),
            prefix: "web/".to_owned(),
            manifests: "web/manifests/".to_owned(),
            blobs: "web/blobs/".to_owned(),
            touch_refresh: Duration::from_hours(24),
        },
        versioning: Ok(Versioning::Off),
        noncurrent: Ok(Noncurrent::default()),
        lifecycle: Ok(Some(rules)),
        classes: Vec::new(),
        unusual: HashMap::new(),
        own: Totals::default(),
        unnamed: Totals::default(),
        uncounted: None,
        elsewhere: Vec::new(),
        unlisted_uploads: None,
    }
}

fn rule(prefix: &str) -> LifecycleRule {
    LifecycleRule {
        id: format!("on {prefix}"),
        is_enabled: true,
        prefix: prefix.to_owned(),
        ..LifecycleRule::default()
    }
}

fn expiring(prefix: &str, days: u32) -> LifecycleRule {
    LifecycleRule {
        expiration: Some(When::Days(days)),
        ..rule(prefix)
    }
}

fn ending_uploads() -> LifecycleRule {
    LifecycleRule {
        abort_days: Some(7),
        ..rule("")
    }
}

/// Returns the findings, apart from those about uploads.
fn found(mut rules: Vec<LifecycleRule>) -> Vec<(Severity, Code)> {
    rules.push(ending_uploads());
    audit("s", &bucket(rules))
        .findings
        .iter()
        .map(|finding| (finding.severity, finding.code))
        .collect()
}

#[test]
fn blobs_must_outlive_manifests_by_touch_refresh_and_a_day() {
    let expires = |weight| vec![(weight, Code::LifecycleExpiresBlobs)];
    let both = |manifests, blobs| {
        vec![
            expiring("web/manifests/", manifests),
            expiring("web/blobs/", blobs),
        ]
    };
    let cases = [
        (vec![], vec![]),
        (vec![expiring("", 30)], expires(Severity::Error)),
        (vec![expiring("web/", 30)], expires(Severity::Error)),
        (vec![expiring("web/blobs/", 30)], expires(Severity::Error)),
        (
            vec![expiring("web/blobs/sha256:a", 30)],
            expires(Severity::Error),
        ),
        (
            vec![expiring("web/manifests/", 30)],
            vec![(Severity::Info, Code::LifecycleLeavesBlobs)],
        ),
        (both(30, 30), expires(Severity::Error)),
        (both(30, 31), expires(Severity::Warning)),
        (both(30, 32), vec![]),
        (both(1, 1), expires(Severity::Error)),
        // Among several rules the earliest counts.
        ([both(30, 40), vec![expiring("web/", 35)]].concat(), vec![]),
        (
            [both(30, 40), vec![expiring("", 30)]].concat(),
            expires(Severity::Error),
        ),
        // Rules for other keys, disabled ones, or for a neighbour whose name has the same
        // beginning.
        (
            vec![
                expiring("logs/", 1),
                expiring("web2/", 1),
                expiring("web/blobs2/", 1),
            ],
            vec![],
        ),
        (
            vec![LifecycleRule {
                is_enabled: false,
                ..expiring("", 1)
            }],
            vec![],
        ),
        // A rule about some manifests must not delete blobs with them.
        (
            vec![
                LifecycleRule {
                    is_narrowed: true,
                    ..expiring("web/manifests/", 1)
                },
                expiring("web/blobs/", 90),
            ],
            expires(Severity::Error),
        ),
        (
            vec![LifecycleRule {
                is_narrowed: true,
                ..expiring("web/blobs/", 90)
            }],
            expires(Severity::Error),
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(found(rules.clone()), expected, "{rules:#?}");
    }
}

#[test]
fn a_longer_touch_refresh_asks_for_more() {
    let mut longer = bucket(vec![
        expiring("web/manifests/", 30),
        expiring("web/blobs/", 32),
        ending_uploads(),
    ]);
    assert_eq!(audit("s", &longer).findings, []);
    longer.places.touch_refresh = Duration::from_hours(49);
    assert_eq!(audit("s", &longer).findings[0].severity, Severity::Error);
    longer.lifecycle = Ok(Some(vec![
        expiring("web/manifests/", 30),
        expiring("web/blobs/", 34),
        ending_uploads(),
    ]));
    assert_eq!(audit("s", &longer).findings, []);
}

#[test]
fn findings_quote_the_lifecycle_rule_and_its_effect() {
    let found = |rules| {
        let found = audit("s", &bucket(rules)).findings.into_iter();
        found.map(|finding| {
            format!(
                "{} {}\n  {}",
                finding.code,
                finding.message,
                finding.hint_text().unwrap_or_default()
            )
        })
    };
    let date = "2027-01-01T00:00:00Z".parse().unwrap();
    let all = [
        found(vec![expiring("", 30), ending_uploads()]),
        found(vec![expiring("web/blobs/", 1), ending_uploads()]),
        found(vec![
            expiring("web/manifests/", 7),
            expiring("web/blobs/", 7),
            ending_uploads(),
        ]),
        found(vec![
            LifecycleRule {
                expiration: Some(When::Date(date)),
                ..rule("")
            },
            ending_uploads(),
        ]),
        found(vec![
            LifecycleRule {
                transitions: vec![(When::Days(3), "GLACIER".to_owned())],
                ..rule("web/")
            },
            ending_uploads(),
        ]),
        found(vec![]),
    ];
    insta::assert_snapshot!(all.into_iter().flatten().collect::<Vec<_>>().join("\n"), @r"
    lifecycle-expires-blobs the rule `on ` deletes blobs after 30 days, and manifests after the same time; a blob may be 24 h older than the manifest that references it, so it expires first and builds that import fail
      keep blobs for at least 32 days if manifests are kept for 30 days
    lifecycle-expires-blobs the rule `on web/blobs/` deletes blobs 1 day after they were written, and exporters reuse them without a refresh for 24 h: even a cache that is exported every day loses blobs that it references
      delete manifests after N days, and blobs after at least N + 2 days; or leave both to `cachelens prune`
    lifecycle-expires-blobs the rule `on web/blobs/` deletes blobs after 7 days, and the rule `on web/manifests/` manifests after 7 days; a blob may be 24 h older than the manifest that references it, so it expires first and builds that import fail
      keep blobs for at least 9 days if manifests are kept for 7 days
    lifecycle-expires-blobs the rule `on ` deletes every blob from 2027-01-01 on, even if it is new or referenced: builds that import fail
      delete manifests after N days, and blobs after at least N + 2 days; or leave both to `cachelens prune`
    lifecycle-archives the rule `on web/` moves blobs and manifests to GLACIER, which builds cannot read: builds that import fail
      delete them instead, or use a class with immediate access, such as GLACIER_IR
    lifecycle-keeps-uploads no rule aborts unfinished uploads: data from interrupted exports is stored and billed forever
      add a rule with AbortIncompleteMultipartUpload, or run `cachelens prune`
    ");
}

#[test]
fn only_storage_classes_that_need_a_restore_are_reported() {
    let moving = |class: &str| LifecycleRule {
        transitions: vec![(When::Days(30), class.to_owned())],
        ..rule("web/")
    };
    assert_eq!(
        found(vec![moving("DEEP_ARCHIVE")]),
        [(Severity::Error, Code::LifecycleArchives)]
    );
    for class in ["STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"] {
        assert_eq!(found(vec![moving(class)]), []);
    }
}

#[test]
fn old_object_versions_are_reported_with_their_bytes() {
    let versions = Noncurrent {
        versions: Totals {
            count: 3,
            bytes: 300,
        },
        markers: 2,
    };
    let kept = Bucket {
        versioning: Ok(Versioning::On),
        noncurrent: Ok(versions),
        ..bucket(vec![ending_uploads()])
    };
    let found = audit("s", &kept);
    assert_eq!(found.findings[0].code, Code::LifecycleKeepsVersions);
    assert_eq!(found.findings[0].bytes, Some(300));
    let going = LifecycleRule {
        noncurrent_days: Some(7),
        ..rule("")
    };
    assert_eq!(
        audit(
            "s",
            &Bucket {
                lifecycle: Ok(Some(vec![ending_uploads(), going])),
                ..kept
            }
        )
        .findings,
        []
    );
}

#[test]
fn unknown_lifecycle_rules_are_reported() {
    let unread = Bucket {
        lifecycle: Err("cannot read".to_owned()),
        ..bucket(Vec::new())
    };
    let found = audit("s", &unread);
    assert_eq!(found.findings[0].code, Code::NotChecked);
    assert_eq!(found.safe, None);
}

#[test]
fn suggested_rules_keep_unrelated_rules() {
    let whole = |rule: LifecycleRule| {
        let whole = serde_json::json!({ "ID": rule.id, "Status": "Enabled", "Filter": { "Prefix": rule.prefix } });
        LifecycleRule { whole, ..rule }
    };
    let rules = vec![whole(expiring("logs/", 3)), whole(expiring("web/", 14))];
    let safe = audit("s", &bucket(rules)).safe.unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&safe).unwrap(), @r#"
    {
      "Rules": [
        {
          "Filter": {
            "Prefix": "logs/"
          },
          "ID": "on logs/",
          "Status": "Enabled"
        },
        {
          "Filter": {
            "Prefix": "web/"
          },
          "ID": "on web/",
          "Status": "Disabled"
        },
        {
          "Expiration": {
            "Days": 14
          },
          "Filter": {
            "Prefix": "web/manifests/"
          },
          "ID": "cachelens web/manifests",
          "Status": "Enabled"
        },
        {
          "Expiration": {
            "Days": 16
          },
          "Filter": {
            "Prefix": "web/blobs/"
          },
          "ID": "cachelens web/blobs",
          "Status": "Enabled"
        },
        {
          "AbortIncompleteMultipartUpload": {
            "DaysAfterInitiation": 7
          },
          "Filter": {
            "Prefix": "web/"
          },
          "ID": "cachelens web/cache",
          "Status": "Enabled"
        }
      ]
    }
    "#);
}
