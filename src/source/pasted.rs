//! Cleans pasted sources: a whole flag, or a line of a bake file, Compose file or workflow.

use std::path::Path;

use super::SourceError;
use crate::text::secrets::mask_source;

/// The flags and keys in front of a source, the longest first.
const LEADS: [&str; 12] = [
    "--cache-from",
    "--cache-to",
    "--export-cache",
    "--import-cache",
    "cache-from",
    "cache-to",
    "cache_from",
    "cache_to",
    "export-cache",
    "import-cache",
    "cacheFrom",
    "cacheTo",
];

/// Returns the source in a pasted text: without blanks, without the flag or key in front, and
/// without the quotes, brackets and commas of its file.
pub fn pasted(text: &str) -> &str {
    let text = text.trim_start();
    let text = text.strip_prefix("- ").map_or(text, str::trim_start);
    match after_lead(text) {
        Some(rest) => unwrapped(without_end(rest)),
        None if text.contains("type=") => unwrapped(without_end(text)),
        // A short form is typed by hand; the name of a ref may end with any character.
        None => unwrapped(text),
    }
}

/// Removes blanks, and the line continuation of a command.
fn without_end(text: &str) -> &str {
    text.trim_end().trim_end_matches('\\').trim_end()
}

/// Returns whether an argument is only the flag in front of a source.
pub fn is_flag(text: &str) -> bool {
    text.starts_with("--") && LEADS.contains(&text)
}

/// Returns whether an argument is the flag in front of a source together with the source.
pub fn begins_with_flag(text: &str) -> bool {
    let text = text.trim_start();
    // An item of a list in a workflow starts with a dash too.
    text.starts_with("- ") || (text.starts_with("--") && after_lead(text).is_some())
}

/// Returns the text after the flag or key at the start.
fn after_lead(text: &str) -> Option<&str> {
    let lead = LEADS.iter().find(|lead| text.starts_with(**lead))?;
    let rest = &text[lead.len()..];
    let value = rest.trim_start();
    let value = match value.strip_prefix(['=', ':']) {
        Some(value) => value.trim_start(),
        None if value.len() < rest.len() => value,
        None => return None,
    };
    (!value.is_empty()).then_some(value)
}

/// Removes the quotes and brackets of a file around a value. Quotes belong to the value if they
/// enclose only one of several attributes.
fn unwrapped(mut text: &str) -> &str {
    loop {
        let before = text;
        if let Some(inner) = enclosed(text, '[', ']') {
            text = inner;
        }
        if text.starts_with(['"', '\'']) || text.contains("type=") {
            text = text.trim_end_matches(',');
        }
        for quote in ['"', '\''] {
            if let Some(inner) = enclosed(text, quote, quote).filter(|inner| !inner.contains(quote))
            {
                text = inner;
            }
        }
        if text != before {
            text = text.trim();
        }
        if text == before {
            return text;
        }
    }
}

fn enclosed(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// Checks that no part of a source is a variable that a shell, bake file or workflow should have
/// replaced. Credentials may hold a `$`, and so may an existing directory.
///
/// # Errors
/// The first such variable.
pub(super) fn no_variables(text: &str, exists: &dyn Fn(&Path) -> bool) -> Result<(), SourceError> {
    if !text.contains('$') || exists(Path::new(text)) {
        return Ok(());
    }
    // Possible credentials are cut off; the name of a ref may hold a `$` too.
    let named = text.split('#').next().unwrap_or_default();
    let shown = mask_source(named);
    for (at, _) in shown.match_indices('$') {
        let Some(name) = variable(&shown[at..]) else {
            continue;
        };
        let value = shown[..at].rsplit(['=', ',']).next().unwrap_or_default();
        let rest = shown[at..].split([',', '#']).next().unwrap_or_default();
        if !exists(Path::new(&format!("{value}{rest}"))) {
            return Err(SourceError::Variable(name.to_owned()));
        }
    }
    Ok(())
}

/// Returns the variable at the start of a text: `$NAME`, `${NAME}`, `${{ … }}` or `$(…)`.
fn variable(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let close = match rest.chars().next()? {
        '{' if rest.starts_with("{{") => "}}",
        '{' => "}",
        '(' => ")",
        'A'..='Z' | 'a'..='z' | '_' => {
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let end = rest
                .find(|character| !is_name(character))
                .unwrap_or(rest.len());
            return text.get(..=end);
        }
        _ => return None,
    };
    let end = rest
        .find(close)
        .map_or(text.len(), |at| 1 + at + close.len());
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_extracted_from_a_pasted_line() {
        let source = "type=local,dest=cache,mode=max";
        for text in [
            format!(" {source} "),
            format!("\t{source}\n"),
            format!("--cache-to={source}"),
            format!("--cache-to {source}"),
            format!("--cache-from  =  {source}"),
            format!("--export-cache {source} \\"),
            format!("cache-to = [\"{source}\"]"),
            format!("cache-to = \"{source}\","),
            format!("cache_from: {source}"),
            format!("- {source}"),
            format!("- \"{source}\""),
            format!("'{source}'"),
            format!("\"{source}\","),
        ] {
            assert_eq!(pasted(&text), source, "{text}");
        }
        for same in [
            "./cache",
            "cache-to",
            "cache-to/x",
            "type=local,\"dest=a,b\"",
            "\"type=local\",\"dest=a,b\"",
            "[::1]:5000/x",
            "a,b",
        ] {
            assert_eq!(pasted(same), same);
        }
    }

    #[test]
    fn an_unset_variable_is_reported_by_name() {
        let variables = [
            ("type=registry,ref=${IMAGE_NAME}:cache", "${IMAGE_NAME}"),
            (
                "type=local,dest=$RUNNER_TEMP/cache,mode=max",
                "$RUNNER_TEMP",
            ),
            ("type=gha,scope=${{ github.ref }}", "${{ github.ref }}"),
            ("ghcr.io/$(whoami)/x", "$(whoami)"),
            ("$CACHE", "$CACHE"),
            ("${UNCLOSED", "${UNCLOSED"),
        ];
        for (text, name) in variables {
            let error = no_variables(text, &|_| false).unwrap_err();
            assert_eq!(error, SourceError::Variable(name.to_owned()), "{text}");
        }
        for other in [
            "type=s3,bucket=b,secret_access_key=a$TOP",
            "type=local,dest=a$",
            "cost$5",
            "plain",
        ] {
            assert_eq!(no_variables(other, &|_| false), Ok(()), "{other}");
        }
        assert_eq!(
            no_variables("type=local,dest=$odd", &|path| path == Path::new("$odd")),
            Ok(())
        );
    }
}
