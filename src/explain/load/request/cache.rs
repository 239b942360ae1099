//! Caches as `type=…` strings.

use super::RequestError;
use crate::find::csv_fields;

/// Reads the value of a cache flag: an attribute list, or bare references.
pub(super) fn entries(flag: &str, value: &str) -> Result<Vec<String>, RequestError> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let fields = csv_fields(value);
    if !value.contains('=') {
        let present = fields.iter().filter(|field| !field.is_empty());
        return Ok(present
            .map(|field| format!("type=registry,ref={field}"))
            .collect());
    }
    let typed = fields.iter().any(|field| {
        field
            .split_once('=')
            .is_some_and(|(key, _)| key.eq_ignore_ascii_case("type"))
    });
    if !typed {
        let reason = format!("the cache {value} has no type");
        return Err(RequestError::Flag {
            flag: flag.to_owned(),
            reason,
        });
    }
    Ok(vec![value.to_owned()])
}

/// Adds entries that are not in the list yet.
pub(super) fn add(list: &mut Vec<String>, entries: Vec<String>) {
    for entry in entries {
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
}
