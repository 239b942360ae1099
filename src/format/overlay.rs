//! Merges a definition with one that overrides it, as bake and Compose files do.

/// Replaces a value, if the other definition has one.
pub(super) fn take<T: Clone>(mine: &mut Option<T>, theirs: Option<&T>) {
    if let Some(theirs) = theirs {
        *mine = Some(theirs.clone());
    }
}

/// Adds the values of the other definition; a known key moves to the end with its new value.
pub(super) fn put<T: Clone>(mine: &mut Vec<(String, T)>, theirs: &[(String, T)]) {
    for (key, value) in theirs {
        mine.retain(|(known, _)| known != key);
        mine.push((key.clone(), value.clone()));
    }
}

/// Adds the items that are not there yet.
pub(super) fn extend<T: Clone + PartialEq>(mine: &mut Vec<T>, theirs: &[T]) {
    for item in theirs {
        if !mine.contains(item) {
            mine.push(item.clone());
        }
    }
}
