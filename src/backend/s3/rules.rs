//! Converts lifecycle rules from the client's types to plain ones, and to complete JSON: setting
//! one rule replaces all of them, so users need the others.

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleRule as Rule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, NoncurrentVersionTransition, Tag, Transition,
    TransitionStorageClass,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::backend::bucket::{LifecycleRule, When};

/// Converts a rule to the plain type.
pub(super) fn plain(rule: &Rule) -> LifecycleRule {
    let (prefix, is_narrowed) = rule
        .filter()
        .map_or((of_rule(rule).unwrap_or_default(), false), filter);
    let days = |days: Option<i32>| days.and_then(|days| u32::try_from(days).ok());
    let when = |of: Option<i32>, date: Option<&DateTime>| {
        let date = date
            .and_then(|date| Timestamp::from_second(date.secs()).ok())
            .map(When::Date);
        days(of).map(When::Days).or(date)
    };
    LifecycleRule {
        id: rule.id().unwrap_or_default().to_owned(),
        is_enabled: *rule.status() == ExpirationStatus::Enabled,
        prefix: prefix.to_owned(),
        is_narrowed,
        expiration: rule
            .expiration()
            .and_then(|expiration| when(expiration.days(), expiration.date())),
        transitions: rule
            .transitions()
            .iter()
            .filter_map(|transition| {
                let class = transition.storage_class()?.as_str().to_owned();
                Some((when(transition.days(), transition.date())?, class))
            })
            .collect(),
        noncurrent_days: days(
            rule.noncurrent_version_expiration()
                .and_then(NoncurrentVersionExpiration::noncurrent_days),
        ),
        abort_days: days(
            rule.abort_incomplete_multipart_upload()
                .and_then(AbortIncompleteMultipartUpload::days_after_initiation),
        ),
        whole: whole(rule),
    }
}

/// Returns the prefix of a rule of the older form, which is next to the filter.
#[expect(deprecated, reason = "there are still such rules")]
fn of_rule(rule: &Rule) -> Option<&str> {
    rule.prefix()
}

/// Returns the prefix of a filter, and whether it has other conditions.
fn filter(filter: &LifecycleRuleFilter) -> (&str, bool) {
    let of_size = |more: Option<i64>, less: Option<i64>| more.is_some() || less.is_some();
    if let Some(and) = filter.and() {
        let by_size = of_size(and.object_size_greater_than(), and.object_size_less_than());
        (
            and.prefix().unwrap_or_default(),
            by_size || !and.tags().is_empty(),
        )
    } else {
        let by_size = of_size(
            filter.object_size_greater_than(),
            filter.object_size_less_than(),
        );
        (
            filter.prefix().unwrap_or_default(),
            by_size || filter.tag().is_some(),
        )
    }
}

/// Returns a rule in the format of Amazon's command line.
fn whole(rule: &Rule) -> Value {
    let expiration = rule.expiration().map(|expiration| {
        object([
            ("Date", json!(date(expiration.date()))),
            ("Days", json!(expiration.days())),
            (
                "ExpiredObjectDeleteMarker",
                json!(expiration.expired_object_delete_marker()),
            ),
        ])
    });
    let noncurrent = rule.noncurrent_version_expiration().map(|expiration| {
        object([
            ("NoncurrentDays", json!(expiration.noncurrent_days())),
            (
                "NewerNoncurrentVersions",
                json!(expiration.newer_noncurrent_versions()),
            ),
        ])
    });
    let abort = rule
        .abort_incomplete_multipart_upload()
        .map(|abort| object([("DaysAfterInitiation", json!(abort.days_after_initiation()))]));
    object([
        ("ID", json!(rule.id())),
        ("Status", json!(rule.status().as_str())),
        ("Prefix", json!(of_rule(rule))),
        ("Filter", json!(rule.filter().map(filter_json))),
        ("Expiration", json!(expiration)),
        (
            "Transitions",
            list(rule.transitions().iter().map(transition_json)),
        ),
        (
            "NoncurrentVersionTransitions",
            list(
                rule.noncurrent_version_transitions()
                    .iter()
                    .map(noncurrent_transition_json),
            ),
        ),
        ("NoncurrentVersionExpiration", json!(noncurrent)),
        ("AbortIncompleteMultipartUpload", json!(abort)),
    ])
}

fn filter_json(filter: &LifecycleRuleFilter) -> Value {
    let tag = |tag: &Tag| json!({ "Key": tag.key(), "Value": tag.value() });

    let and = filter.and().map(|and| {
        object([
            ("Prefix", json!(and.prefix())),
            ("Tags", list(and.tags().iter().map(tag))),
            (
                "ObjectSizeGreaterThan",
                json!(and.object_size_greater_than()),
            ),
            ("ObjectSizeLessThan", json!(and.object_size_less_than())),
        ])
    });
    object([
        ("Prefix", json!(filter.prefix())),
        ("Tag", json!(filter.tag().map(tag))),
        (
            "ObjectSizeGreaterThan",
            json!(filter.object_size_greater_than()),
        ),
        ("ObjectSizeLessThan", json!(filter.object_size_less_than())),
        ("And", json!(and)),
    ])
}

fn transition_json(transition: &Transition) -> Value {
    object([
        ("Date", json!(date(transition.date()))),
        ("Days", json!(transition.days())),
        (
            "StorageClass",
            json!(
                transition
                    .storage_class()
                    .map(TransitionStorageClass::as_str)
            ),
        ),
    ])
}

fn noncurrent_transition_json(transition: &NoncurrentVersionTransition) -> Value {
    object([
        ("NoncurrentDays", json!(transition.noncurrent_days())),
        (
            "StorageClass",
            json!(
                transition
                    .storage_class()
                    .map(TransitionStorageClass::as_str)
            ),
        ),
        (
            "NewerNoncurrentVersions",
            json!(transition.newer_noncurrent_versions()),
        ),
    ])
}

fn date(date: Option<&DateTime>) -> Option<String> {
    date.and_then(|date| date.fmt(DateTimeFormat::DateTime).ok())
}

/// Creates an object from the fields that exist.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        there
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

/// Creates a list, or nothing if it is empty.
fn list(values: impl Iterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.collect();
    if values.is_empty() {
        Value::Null
    } else {
        Value::Array(values)
    }
}
