//! The attributes of a cache, as in `type=registry,ref=…`.

use crate::text::secrets;

/// Returns an attribute with its name in lower case, as buildx reads it.
pub(super) fn with_lower_name(field: String) -> String {
    match field.split_once('=') {
        Some((name, value)) if name.contains(char::is_uppercase) => {
            format!("{}={value}", name.to_lowercase())
        }
        _ => field,
    }
}

/// Moves the type to the front, where all programs print it. Their order has no meaning.
pub(super) fn with_type_in_front(mut fields: Vec<String>) -> Vec<String> {
    let mut names = fields.iter().map(|field| field.split('=').next());
    if let Some(at) = names.position(|name| name.is_some_and(|name| name.trim() == "type")) {
        fields[..=at].rotate_right(1);
    }
    fields
}

/// Whether a registry reference lacks its repository: a variable that names it is empty, which the
/// script excludes by a condition.
pub(super) fn has_no_repository(fields: &[String]) -> bool {
    let mut references = fields.iter().filter_map(|field| field.strip_prefix("ref="));
    references.any(|reference| reference.starts_with([':', '/', '@']))
}

pub(super) fn is_secret(field: &str) -> bool {
    field
        .split_once('=')
        .is_some_and(|(key, _)| secrets::is_secret(key.trim()))
}

/// Returns a cache without its credentials.
pub(super) fn without_secrets(cache: &str) -> String {
    let fields = csv_fields(cache).into_iter();
    let kept = fields.filter(|field| !is_secret(field));
    join_fields(kept.map(|field| without_login(&field)))
}

/// Removes `user:password@` from URLs and references.
pub(super) fn without_login(field: &str) -> String {
    let Some((key, value)) = field.split_once('=') else {
        return field.to_owned();
    };
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), value),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let Some((login, _)) = authority.rsplit_once('@') else {
        return field.to_owned();
    };
    let is_digest = scheme.is_empty() && authority.contains("@sha256:");
    if is_digest || (scheme.is_empty() && !login.contains(':')) {
        return field.to_owned();
    }
    format!("{key}={scheme}{}", &rest[login.len() + 1..])
}

/// Splits fields as buildx does: at commas, with fields quoted as a whole.
pub(crate) fn csv_fields(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = rest
                .split_once(',')
                .map_or((rest, None), |(f, a)| (f, Some(a)));
            fields.push(field.to_owned());
            match after {
                Some(after) => rest = after,
                None => return fields,
            }
            continue;
        };
        let mut field = String::new();
        let mut tail = quoted;
        loop {
            let (part, after) = tail.split_once('"').unwrap_or((tail, ""));
            field.push_str(part);
            if let Some(more) = after.strip_prefix('"') {
                field.push('"');
                tail = more;
            } else {
                tail = after;
                break;
            }
        }
        fields.push(field);
        match tail.split_once(',') {
            Some((_, after)) => rest = after,
            None => return fields,
        }
    }
}

pub(super) fn join_fields(fields: impl Iterator<Item = String>) -> String {
    let quote = |field: String| {
        if field.contains([',', '"']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    };
    fields.map(quote).collect::<Vec<_>>().join(",")
}
