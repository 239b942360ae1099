//! Changes of a variable within its reference, as in `${name%suffix}`.

use crate::find::script::Variant;
use crate::format::unknown::has_mark;

/// Applies `${name##pattern}` and similar operations to known values.
pub(super) fn edit(variants: &[Variant], name: &str, source: &str) -> Option<Vec<Variant>> {
    let inner = source.strip_prefix("${")?.strip_suffix('}')?;
    let operation = inner.strip_prefix(name)?;
    let mut edited = Vec::new();
    for variant in variants {
        let text = variant.text.as_str();
        if has_mark(text) {
            return None;
        }
        let result = match operation {
            ",," => text.to_lowercase(),
            "^^" => text.to_uppercase(),
            _ => replaced(text, operation)?,
        };
        edited.push(Variant {
            text: variant.text.with_text(result),
            when: variant.when.clone(),
            sure: variant.sure,
        });
    }
    Some(edited)
}

fn replaced(text: &str, operation: &str) -> Option<String> {
    let plain =
        |pattern: &str| !pattern.is_empty() && !pattern.contains(['*', '?', '[', '$', '\\']);
    if let Some(rest) = operation.strip_prefix("//") {
        let (from, to) = split_slash(rest);
        let from = from.replace("\\/", "/");
        return plain(&from).then(|| text.replace(&from, to));
    }
    if let Some(rest) = operation.strip_prefix('/') {
        let (from, to) = rest.split_once('/').unwrap_or((rest, ""));
        return plain(from).then(|| text.replacen(from, to, 1));
    }
    if let Some(pattern) = operation.strip_prefix("##") {
        let end = pattern.strip_prefix('*')?;
        return plain(end).then(|| {
            text.rsplit_once(end)
                .map_or(text, |(_, tail)| tail)
                .to_owned()
        });
    }
    if let Some(pattern) = operation.strip_prefix('#') {
        return match pattern.strip_prefix('*') {
            Some(end) => plain(end).then(|| {
                text.split_once(end)
                    .map_or(text, |(_, tail)| tail)
                    .to_owned()
            }),
            None => plain(pattern).then(|| text.strip_prefix(pattern).unwrap_or(text).to_owned()),
        };
    }
    if let Some(pattern) = operation.strip_prefix("%%") {
        let start = pattern.strip_suffix('*')?;
        return plain(start).then(|| {
            text.split_once(start)
                .map_or(text, |(head, _)| head)
                .to_owned()
        });
    }
    let pattern = operation.strip_prefix('%')?;
    match pattern.strip_suffix('*') {
        Some(start) => plain(start).then(|| {
            text.rsplit_once(start)
                .map_or(text, |(head, _)| head)
                .to_owned()
        }),
        None => plain(pattern).then(|| text.strip_suffix(pattern).unwrap_or(text).to_owned()),
    }
}

/// Splits `pattern/replacement` at the first unescaped slash.
fn split_slash(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        match bytes[index] {
            b'\\' => index += 1,
            b'/' if index > 0 => return (&text[..index], &text[index + 1..]),
            _ => {}
        }
        index += 1;
    }
    (text, "")
}
