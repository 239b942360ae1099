//! Names from the plain text that a daemon kept behind its digests (`--save-cache-debug`). No build
//! has to be known for them.
//!
//! The text behind the key of an operation is the input of BuildKit's hash (`CacheMap` in
//! `solver/llbsolver/ops`): an exec without its inputs, the actions of a file operation each as
//! JSON in Base64, the name of a source.

use serde_json::{Map, Value, json};

use super::derived;
use crate::format::cache_debug::{CacheDebug, Plain};
use crate::format::digest::Digest;
use crate::format::lenient;
use crate::format::llb::OpKind;
use crate::format::llb::json::Base64;

/// The most files that are named for the content of a directory.
const MOST_FILES: usize = 4;

/// The meaning of a record, from the text behind its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebugName {
    /// The step, in the words of a Dockerfile where possible.
    Step(String),
    /// The record is the content of files.
    Files(String),
}

/// Returns the meaning of a record from the text behind its key; `None` if the data does not hold
/// it.
pub fn name(debug: &CacheDebug, record: &Digest) -> Option<DebugName> {
    match debug.of_record(record)? {
        Plain::Text(text) => step(debug, text).map(DebugName::Step),
        Plain::Digests(digests) => {
            let files = digests
                .iter()
                .filter_map(|digest| match debug.plain(digest)? {
                    Plain::Files(files) => Some(files),
                    _ => None,
                });
            let names: Vec<String> = files
                .flatten()
                .filter(|(path, _)| !path.is_empty())
                .map(|(path, _)| {
                    String::from_utf8_lossy(path)
                        .trim_start_matches('/')
                        .to_owned()
                })
                .collect();
            let more = names.len().saturating_sub(MOST_FILES);
            let shown = names[..names.len() - more].join(", ");
            match more {
                _ if names.is_empty() => None,
                0 => Some(DebugName::Files(format!("files: {shown}"))),
                more => Some(DebugName::Files(format!("files: {shown}, and {more} more"))),
            }
        }
        _ => None,
    }
}

/// Parses an operation from the text that BuildKit hashes for it. The text does not hold its
/// inputs.
pub fn operation(text: &str) -> Option<OpKind> {
    let value: Value = serde_json::from_str(text).ok()?;
    let op = match value.get("Type")?.as_str()? {
        "buildkit.exec.v0" => json!({ "exec": value.get("Exec")? }),
        "buildkit.file.v0" => {
            let actions = value.get("Actions")?.as_array()?.iter().map(|text| {
                let change = action(text)?;
                Some(json!({ "Action": { kind(&change): change } }))
            });
            json!({ "file": { "actions": actions.collect::<Option<Vec<_>>>()? } })
        }
        "buildkit.merge.v0" => json!({ "merge": {} }),
        "buildkit.diff.v0" => json!({ "diff": {} }),
        "buildkit.build.v0" => json!({ "build": {} }),
        _ => return None,
    };
    lenient::parse(op.to_string().as_bytes()).ok()
}

/// Parses one action of a file operation, which is Base64 in the text.
pub fn action(text: &Value) -> Option<Map<String, Value>> {
    let Base64(bytes) = serde_json::from_value(text.clone()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Returns the kind of a file change by its fields: the text has no other sign of it.
fn kind(change: &Map<String, Value>) -> &'static str {
    let has = |name: &str| change.contains_key(name);
    match () {
        () if has("src") => "copy",
        () if has("oldpath") => "symlink",
        () if has("data") => "mkfile",
        () if has("mode") => "mkdir",
        () => "rm",
    }
}

fn step(debug: &CacheDebug, text: &str) -> Option<String> {
    let Some(source) = text.strip_prefix("buildkit.source.v0:") else {
        return Some(derived::name(&operation(text)?)).filter(|name| !name.is_empty());
    };
    // An image is named by its manifest; for other sources, the name itself is hashed.
    let known = source.parse().ok().and_then(|digest| debug.plain(&digest));
    let Some(Plain::Text(behind)) = known else {
        return Some(format!("source {}", short(source)));
    };
    let image = serde_json::from_str::<Value>(behind).ok();
    let digest = image
        .as_ref()
        .and_then(|image| image.get("Digest"))
        .and_then(Value::as_str);
    Some(digest.map_or_else(
        || format!("source {}", short(behind)),
        |digest| format!("FROM {}", short(digest)),
    ))
}

/// Cuts a digest to its first digits.
fn short(text: &str) -> &str {
    if text.starts_with("sha256:") {
        text.get(..19).unwrap_or(text)
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_parsed_from_the_hashed_text() {
        let base64 = |text: &str| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(text)
        };
        let file = |actions: &[&str]| {
            let actions: Vec<String> = actions.iter().map(|action| base64(action)).collect();
            json!({ "Type": "buildkit.file.v0", "Actions": actions }).to_string()
        };
        let cases = [
            (
                r#"{"Type":"buildkit.exec.v0","Exec":{"meta":{"args":["/bin/sh","-c","npm ci"]}},"OS":"linux"}"#
                    .to_owned(),
                "RUN npm ci",
            ),
            (file(&[r#"{"src":"a","dest":"/d/"}"#, r#"{"src":"b","dest":"/d/"}"#]), "COPY a b /d/"),
            (file(&[r#"{"path":"/app","mode":493,"makeParents":true}"#]), "WORKDIR /app"),
            (file(&[r#"{"path":"/f","mode":420,"data":"eA=="}"#]), "make file /f"),
            (file(&[r#"{"path":"/f","allowNotFound":true}"#]), "remove /f"),
            (file(&[r#"{"oldpath":"/a","newpath":"/b"}"#]), "link /b to /a"),
            (r#"{"Type":"buildkit.merge.v0"}"#.to_owned(), "merge"),
        ];
        for (text, name) in cases {
            assert_eq!(derived::name(&operation(&text).unwrap()), name, "{text}");
        }
        for text in [
            "",
            "{}",
            "[]",
            r#"{"Type":1}"#,
            r#"{"Type":"buildkit.exec.v0"}"#,
            r#"{"Type":"other"}"#,
        ] {
            assert!(operation(text).is_none(), "{text}");
        }
        assert!(operation(&file(&["no JSON"])).is_none());
    }
}
