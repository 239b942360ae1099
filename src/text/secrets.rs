//! Masks text that looks like a secret: in sources that a user types, in configuration files, and
//! in texts of builds.
//!
//! A secret is recognized by the name in front of it (`TOKEN=…`, `--password …`) or by its own
//! shape (`ghp_…`, a JWT, a PEM block). [`mask`] does both for a text of a build. [`mask_values`]
//! does the second for all displayed text. [`mask_source`] masks the credentials in a source as
//! typed.

use std::borrow::Cow;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex::Regex;

/// The parts of names whose values are masked.
const WORDS: [&str; 11] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "AUTH_CONFIG",
    "PRIVATE",
];
/// How many bytes before a `=` may belong to a name.
const LONGEST_NAME: usize = 256;
/// The replacement for a value.
pub const HIDDEN: &str = "(hidden)";
/// The replacement for a credential in a source.
const STARS: &str = "***";

/// Values that are secrets whatever their name: tokens of GitHub, `GitLab`, npm, Docker, `PyPI` and
/// Slack, access keys of Amazon, JSON web tokens, and PEM blocks. The match of a PEM block ends
/// before a quote, so a JSON document stays valid.
static VALUES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        \b gh[oprsu]_[A-Za-z0-9]{16,}
      | \b github_pat_[A-Za-z0-9_]{16,}
      | \b gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-[A-Za-z0-9_\-]{16,}
      | \b npm_[A-Za-z0-9]{30,}
      | \b dckr_(?:pat|oat)_[A-Za-z0-9_\-]{16,}
      | \b pypi-[A-Za-z0-9_\-]{32,}
      | \b xox[abeoprs]-[A-Za-z0-9\-]{16,}
      | \b (?:AKIA|ASIA)[A-Z0-9]{16} \b
      | \b eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*
      | -----BEGIN\ [A-Z0-9\ ]+-----[^"']*? (?:-----END\ [A-Z0-9\ ]+----- | ["'] | \z)
        "#,
    )
    .ok()
});

/// Masks values that look like secrets.
pub fn mask_values(text: &str) -> Cow<'_, str> {
    let Some(values) = VALUES.as_ref() else {
        return Cow::Borrowed(text);
    };
    values.replace_all(text, |found: &regex::Captures<'_>| {
        // The quote after an unclosed block does not belong to it.
        let end = found[0]
            .chars()
            .last()
            .filter(|last| matches!(last, '"' | '\''));
        end.map_or_else(|| HIDDEN.to_owned(), |quote| format!("{HIDDEN}{quote}"))
    })
}

/// Masks the credentials in a source as a user typed it, well-formed or not: the value of each
/// attribute with the name of a credential, and the login in an address.
pub fn mask_source(text: &str) -> Cow<'_, str> {
    let text = mask_logins(text);
    let Some(first) = first_credential(&text) else {
        return without_values(text);
    };
    // The rest may be another attribute only if nothing is quoted or encoded.
    let is_plain = !text.contains(['"', '\'', '%', '\\', '\n', ' ']);
    if !is_plain {
        return Cow::Owned(format!("{}{STARS}", &text[..first]));
    }
    let mut masked = String::with_capacity(text.len());
    // A part that is no attribute may be the rest of a credential.
    let mut is_rest = false;
    for part in text.split_inclusive([',', '&', '?', '#']) {
        let (body, end) = match part.char_indices().next_back() {
            Some((at, ',' | '&' | '?' | '#')) => part.split_at(at),
            _ => (part, ""),
        };
        match body.split_once('=') {
            Some((name, value)) => {
                is_rest = is_secret(name);
                masked.push_str(name);
                masked.push('=');
                masked.push_str(if is_rest && !value.is_empty() {
                    STARS
                } else {
                    value
                });
            }
            None if is_rest && !body.is_empty() => masked.push_str(STARS),
            None => masked.push_str(body),
        }
        masked.push_str(end);
    }
    Cow::Owned(mask_values(&masked).into_owned())
}

/// Masks the rest of each line of a message from its first credential on.
pub fn mask_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return mask_line(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(mask_line).collect();
    Cow::Owned(lines.join("\n"))
}

/// Masks the rest of a line from its first credential on.
pub fn mask_line(line: &str) -> Cow<'_, str> {
    let line = mask_logins(line);
    match first_credential(&line) {
        Some(first) => Cow::Owned(format!("{}{STARS}", &line[..first])),
        None => without_values(line),
    }
}

fn without_values(text: Cow<'_, str>) -> Cow<'_, str> {
    let masked = match mask_values(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    };
    masked.map_or(text, Cow::Owned)
}

/// Returns the offset of the value of the first credential. Names may be percent-encoded, and so
/// may the `=` after them.
fn first_credential(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let plain = text.match_indices('=').map(|(at, _)| (at, at + 1));
    let encoded = lower.match_indices("%3d").map(|(at, _)| (at, at + 3));
    let is_credential = |at: &usize| {
        // No name is longer, even encoded.
        let begin = text.floor_char_boundary(at.saturating_sub(LONGEST_NAME));
        let before = percent_decode_str(text[begin..*at].trim_end()).decode_utf8_lossy();
        let ends = [',', '&', '?', '#', '"', '\'', ' ', '\t', '\n', '{', '='];
        is_secret(before.rsplit(ends).next().unwrap_or_default())
    };
    let first = plain.chain(encoded).filter(|(at, _)| is_credential(at));
    let begin = |(_, at): (usize, usize)| at + text[at..].len() - text[at..].trim_start().len();
    // Help texts name attributes, as in `token=` and `access_key_id=…`.
    let is_value = |at: &usize| !text[*at..].starts_with(['…', '*', '`']) && *at < text.len();
    first.map(begin).filter(is_value).min()
}

/// Masks the login in each address of a text.
fn mask_logins(text: &str) -> Cow<'_, str> {
    if !text.contains("://") || !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let ends = |character: char| {
            matches!(character, '/' | '?' | '#' | '"' | '\'' | ',') || character.is_whitespace()
        };
        let end = after.find(ends).unwrap_or(after.len());
        match after[..end].rsplit_once('@') {
            Some((_, host)) => {
                masked.push_str(STARS);
                masked.push('@');
                masked.push_str(host);
            }
            None => masked.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// Returns whether the value of a variable with this name is masked.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    WORDS.iter().any(|word| name.contains(word))
        || name.ends_with("_KEY")
        || name == "KEY"
        || name.ends_with("_PAT")
        || name.ends_with("_PASS")
        || name.ends_with("_AUTH")
        || name == "AUTHORIZATION"
}

/// Returns whether the whole content of a file with this name is masked.
pub fn is_secret_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let starts = [
        ".env",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        ".htpasswd",
        "id_",
        "kubeconfig",
    ];
    let ends = [
        ".pem",
        ".key",
        ".p12",
        ".pfx",
        ".jks",
        ".keystore",
        ".tfstate",
        ".tfvars",
        ".env",
    ];
    starts.iter().any(|start| name.starts_with(start))
        || ends.iter().any(|end| name.ends_with(end))
        || is_secret(&name.replace('.', "_"))
}

/// Masks secrets in a command or a line of a file: the value of a name that looks secret, after
/// `=`, `:` or, for an option, a space; the password of a URL; the text after `Bearer` or `Basic`.
pub fn mask(text: &str) -> String {
    mask_names(&mask_values(text))
}

fn mask_names(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // Whether a value follows, and the quote that must end the masked one.
    let mut awaits = false;
    let mut quote = None;
    let all: Vec<(&str, &str)> = words(text).collect();
    for (place, (word, gap)) in all.iter().copied().enumerate() {
        let bare = word.trim_start_matches(['"', '\'', '-']);
        let is_scheme = ["bearer", "basic"]
            .iter()
            .any(|scheme| bare.eq_ignore_ascii_case(scheme));
        if let Some(end) = quote {
            if word.trim_end_matches([',', ';', ')']).ends_with(end) {
                quote = None;
                shown.push_str(gap);
            }
            continue;
        }
        if word.is_empty() || is_assignment(word) || is_scheme {
            shown.push_str(word);
            awaits |= bare.eq_ignore_ascii_case("bearer");
        } else if awaits {
            awaits = false;
            quote = open_quote(word);
            shown.push_str(HIDDEN);
        } else if let Some(at) = secret_name(word) {
            let value = &word[at + 1..];
            shown.push_str(&word[..=at]);
            if value.trim_matches(['"', '\'', '=']).is_empty() && open_quote(value).is_none() {
                awaits = true;
                shown.push_str(value);
            } else {
                quote = open_quote(value);
                shown.push_str(HIDDEN);
            }
        } else {
            // `--password x` and `password = x`, but not a bare word of prose.
            awaits = is_secret(bare.trim_matches(['"', '\'']))
                && !bare.contains('=')
                && (word.starts_with('-')
                    || next_word(&all[place + 1..]).is_some_and(is_assignment));
            shown.push_str(&without_password(word));
        }
        if quote.is_none() {
            shown.push_str(gap);
        }
    }
    shown
}

fn next_word<'a>(words: &[(&'a str, &str)]) -> Option<&'a str> {
    words
        .iter()
        .map(|(word, _)| *word)
        .find(|word| !word.is_empty())
}

fn is_assignment(word: &str) -> bool {
    matches!(word, "=" | ":" | "=>" | ":=")
}

/// Returns the end of a name in the word whose value is secret: at a `=` or a `:`.
fn secret_name(word: &str) -> Option<usize> {
    word.match_indices(['=', ':']).map(|(at, _)| at).find(|at| {
        let name = word[..*at].trim_matches(|character: char| !is_of_name(character));
        is_secret(
            name.rsplit(|character: char| !is_of_name(character))
                .next()
                .unwrap_or(name),
        )
    })
}

/// Returns the quote that opens a value and is not closed in it.
fn open_quote(value: &str) -> Option<char> {
    let quote = value
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))?;
    let rest = value[1..].trim_end_matches([',', ';', ')']);
    (!rest.ends_with(quote)).then_some(quote)
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Splits a text into its words, each with the white space after it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_inclusive(char::is_whitespace).map(|piece| {
        let word = piece.trim_end_matches(char::is_whitespace);
        (word, &piece[word.len()..])
    })
}

/// Masks `user:password@` of a URL.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{}", &rest[end..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests;
