//! Functions on text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use unicode_segmentation::UnicodeSegmentation as _;

use super::arguments::{CallArguments, count, whole};
use super::json;
use super::pattern;
use super::{CallError, Called, MOST_ITEMS};
use crate::format::bake::value::BakeValue;
use crate::format::go_path;
use crate::format::unknown::is_mark;

/// The most blanks of an indentation.
const MOST_BLANKS: usize = 1000;

/// Calls a function on text. Returns `None` for other functions.
pub(super) fn call(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "lower" => given.map_text(|text| cased(text, char::to_lowercase)),
        "upper" => given.map_text(|text| cased(text, char::to_uppercase)),
        "title" => given.map_text(title),
        "trimspace" => given.map_text(|text| text.trim().to_owned()),
        "chomp" => given.map_text(|text| text.trim_end_matches(['\n', '\r']).to_owned()),
        "reverse" => given.map_text(|text| text.graphemes(true).rev().collect()),
        "sanitize" => given.map_text(sanitized),
        "basename" => given.map_text(|text| lossy(go_path::base(text.as_bytes()))),
        "dirname" => given.map_text(dirname),
        "urlencode" => given.map_text(urlencoded),
        "strlen" => given
            .text(0)
            .map(|text| count(text.graphemes(true).count())),
        "replace" => replace(given),
        "regex_replace" => pattern::replace(given),
        "regex" => pattern::first(given),
        "regexall" => pattern::all(given),
        "substr" => substr(given),
        "trim" => trimmed(given, |text, cut| text.trim_matches(|c| cut.contains(c))),
        "trimprefix" => trimmed(given, |text, cut| text.strip_prefix(cut).unwrap_or(text)),
        "trimsuffix" => trimmed(given, |text, cut| text.strip_suffix(cut).unwrap_or(text)),
        "indent" => indent(given),
        "split" => split(given),
        "join" => join(given),
        "csvdecode" => csv_rows(given),
        "jsondecode" => given
            .text(0)
            .and_then(|text| json::decode(&text, given.place)),
        "jsonencode" => given
            .get(0)
            .and_then(|value| Ok(given.made(&json::encode(value)?))),
        _ => return digest(name, given),
    })
}

fn digest(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "md5" => given.map_text(|text| hex(&Md5::digest(text.as_bytes()))),
        "sha1" => given.map_text(|text| hex(&Sha1::digest(text.as_bytes()))),
        "sha256" => given.map_text(|text| hex(&Sha256::digest(text.as_bytes()))),
        "sha512" => given.map_text(|text| hex(&Sha512::digest(text.as_bytes()))),
        "uuidv5" => uuid(given),
        "base64encode" => given.map_text(|text| STANDARD.encode(text)),
        "base64decode" => given.text(0).and_then(|text| {
            let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
            let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
            Ok(given.made(&text))
        }),
        _ => return None,
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Changes the case of each character that has one counterpart.
fn cased<C: Iterator<Item = char> + ExactSizeIterator>(
    text: &str,
    change: impl Fn(char) -> C,
) -> String {
    let changed = text.chars().map(|character| {
        let mut changed = change(character);
        match changed.len() {
            1 => changed.next().unwrap_or(character),
            _ => character,
        }
    });
    changed.collect()
}

fn title(text: &str) -> String {
    let mut previous = ' ';
    let change = |character: char| {
        let is_first = !previous.is_alphanumeric() && previous != '_';
        previous = character;
        if is_first {
            cased(character.encode_utf8(&mut [0; 4]), char::to_uppercase)
        } else {
            character.to_string()
        }
    };
    text.chars().map(change).collect()
}

fn sanitized(text: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || is_mark(c);
    text.chars()
        .map(|c| if keep(c) { c } else { '_' })
        .collect()
}

fn dirname(text: &str) -> String {
    let end = text.rfind('/').map_or(0, |slash| slash + 1);
    lossy(&go_path::clean(&text.as_bytes()[..end]))
}

fn urlencoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn replace(given: &CallArguments<'_>) -> Called {
    let text = given.text(0)?;
    let from = given.text(1)?;
    let to = given.text(2)?;
    if from.chars().any(is_mark) {
        return Ok(given.made(&text));
    }
    Ok(given.made(&text.replace(&from, &to)))
}

fn trimmed(given: &CallArguments<'_>, trim: impl for<'t> Fn(&'t str, &str) -> &'t str) -> Called {
    let text = given.text(0)?;
    let cut = given.text(1)?;
    Ok(given.made(trim(&text, &cut)))
}

fn substr(given: &CallArguments<'_>) -> Called {
    let text = given.text(0)?;
    let characters: Vec<&str> = text.graphemes(true).collect();
    let offset = given.whole(1)?;
    let length = given.whole(2)?;
    let total = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 { offset + total } else { offset };
    if start < 0 || start > total || length == 0 {
        // Bake returns the start of the text for an offset in front of it.
        let start = start.clamp(0, total);
        let end = if length < 0 {
            total
        } else {
            (start + length).min(total)
        };
        return Ok(given.made(&joined(&characters, start, end)));
    }
    let end = if length < 0 {
        total
    } else {
        start.saturating_add(length).min(total)
    };
    Ok(given.made(&joined(&characters, start, end)))
}

fn joined(characters: &[&str], start: i64, end: i64) -> String {
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(0);
    characters.get(start..end).unwrap_or_default().concat()
}

fn indent(given: &CallArguments<'_>) -> Called {
    let blanks = usize::try_from(whole(given.number(0)?)?).map_err(|_| "a negative indentation")?;
    if blanks > MOST_BLANKS {
        return Err(CallError::gap("an indentation is too large"));
    }
    let text = given.text(1)?;
    Ok(given.made(&text.replace('\n', &format!("\n{}", " ".repeat(blanks)))))
}

fn split(given: &CallArguments<'_>) -> Called {
    let separator = given.text(0)?;
    let text = given.text(1)?;
    let parts: Vec<BakeValue> = if separator.is_empty() {
        text.chars().map(|c| given.made(&c.to_string())).collect()
    } else {
        text.split(&separator)
            .map(|part| given.made(part))
            .collect()
    };
    Ok(BakeValue::List(parts))
}

fn join(given: &CallArguments<'_>) -> Called {
    let separator = given.text(0)?;
    if given.values.len() == 1 {
        return Err("a list is missing".into());
    }
    let mut texts = Vec::new();
    for index in 1..given.values.len() {
        for item in given.list(index)? {
            texts.push(item.to_text().ok_or("an item is no text")?);
        }
    }
    Ok(given.made(&texts.join(&separator)))
}

fn csv_rows(given: &CallArguments<'_>) -> Called {
    let text = given.text(0)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    if headers.is_empty() {
        return Err("there is no line with the names of the columns".into());
    }
    for (index, name) in headers.iter().enumerate() {
        if headers.iter().take(index).any(|known| known == name) {
            return Err(format!("the column {name} exists twice").into());
        }
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        if rows.len() >= MOST_ITEMS {
            return Err(CallError::gap("there are too many lines"));
        }
        let fields = headers.iter().zip(row.iter());
        let fields = fields.map(|(name, value)| (name.to_owned(), given.made(value)));
        rows.push(BakeValue::Map(fields.collect()));
    }
    Ok(BakeValue::List(rows))
}

/// The UUID of version 5 of a name.
fn uuid(given: &CallArguments<'_>) -> Called {
    let namespace = match given.text(0)?.as_str() {
        "dns" | "DNS" => "6ba7b8109dad11d180b400c04fd430c8".to_owned(),
        "url" | "URL" => "6ba7b8119dad11d180b400c04fd430c8".to_owned(),
        "oid" | "OID" => "6ba7b8129dad11d180b400c04fd430c8".to_owned(),
        "x500" | "X500" => "6ba7b8149dad11d180b400c04fd430c8".to_owned(),
        other => other.replace('-', ""),
    };
    let number = u128::from_str_radix(&namespace, 16)
        .ok()
        .filter(|_| namespace.len() == 32)
        .ok_or("the namespace is no UUID")?;
    let mut hash = Sha1::new();
    hash.update(number.to_be_bytes());
    hash.update(given.text(1)?.as_bytes());
    let mut bytes = hash.finalize()[..16].to_vec();
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    Ok(given.made(&parts.join("-")))
}
