//! The caches of targets: lists of texts and objects.

use super::value::BakeValue;
use super::{BakeError, CacheEntry};
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::to_pattern;

/// Returns the caches of `cache-from` or `cache-to`.
pub(super) fn entries(value: &BakeValue, place: TextPlace) -> Result<Vec<CacheEntry>, BakeError> {
    let mut found = Vec::new();
    collect_entries(value, place, &[], &mut found)?;
    Ok(found)
}

fn collect_entries(
    value: &BakeValue,
    place: TextPlace,
    when: &[String],
    found: &mut Vec<CacheEntry>,
) -> Result<(), BakeError> {
    match value {
        BakeValue::Null => {}
        BakeValue::List(items) | BakeValue::Set(items) => {
            for item in items {
                collect_entries(item, place, when, found)?;
            }
        }
        BakeValue::Either(alternatives) => {
            for (condition, alternative) in alternatives {
                let mut when = when.to_vec();
                when.push(to_pattern(condition));
                collect_entries(alternative, place, &when, found)?;
            }
        }
        BakeValue::Text(text) => found.extend(split_entry(text, when)),
        BakeValue::Map(attributes) => {
            for (attributes, more) in flat_maps(attributes) {
                let mut all = when.to_vec();
                all.extend(more);
                found.extend(object_entry(&attributes, place, &all)?);
            }
        }
        BakeValue::Truth(_) | BakeValue::Number(_) => {
            return Err(BakeError::new(
                place,
                "a cache is neither text nor an object",
            ));
        }
    }
    Ok(())
}

/// The attributes of an object without alternatives, and the conditions under which they apply.
type FlatMap = (Vec<(String, BakeValue)>, Vec<String>);

/// Splits attributes with alternatives into several objects.
fn flat_maps(attributes: &[(String, BakeValue)]) -> Vec<FlatMap> {
    let either = attributes
        .iter()
        .position(|(_, value)| matches!(value, BakeValue::Either(_)));
    let Some(index) = either else {
        return vec![(attributes.to_vec(), Vec::new())];
    };
    let BakeValue::Either(alternatives) = &attributes[index].1 else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (condition, alternative) in alternatives {
        let mut copy = attributes.to_vec();
        copy[index].1 = alternative.clone();
        for (attributes, mut when) in flat_maps(&copy) {
            when.insert(0, to_pattern(condition));
            all.push((attributes, when));
        }
        if all.len() >= super::value::MOST_ALTERNATIVES {
            break;
        }
    }
    all
}

/// Formats an object as `type=…`; its location is that of `type`.
fn object_entry(
    attributes: &[(String, BakeValue)],
    place: TextPlace,
    when: &[String],
) -> Result<Vec<CacheEntry>, BakeError> {
    let kind = attributes.iter().find(|(key, _)| key == "type");
    let Some((_, BakeValue::Text(kind))) = kind else {
        return Err(BakeError::new(place, "a cache has no type"));
    };
    let mut text = format!("type={}", kind.as_str());
    for (key, value) in attributes.iter().filter(|(key, _)| key != "type") {
        let Some(value) = value.to_text() else {
            continue;
        };
        let field = format!("{key}={value}");
        if field.contains([',', '"']) {
            text.push_str(&format!(",\"{}\"", field.replace('"', "\"\"")));
        } else {
            text.push(',');
            text.push_str(&field);
        }
    }
    Ok(vec![CacheEntry {
        text: kind.with_text(text),
        when: when.to_vec(),
    }])
}

/// Splits a list of bare references, and drops empty entries.
pub(super) fn split_entry(text: &Located, when: &[String]) -> Vec<CacheEntry> {
    let entry = |text: Located| CacheEntry {
        text,
        when: when.to_vec(),
    };
    if text.is_empty() {
        return Vec::new();
    }
    if text.as_str().contains('=') {
        return vec![entry(text.clone())];
    }
    text.split(',')
        .into_iter()
        .filter(|field| !field.is_empty())
        .map(entry)
        .collect()
}
