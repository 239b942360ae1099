//! Debug data of a daemon with `--save-cache-debug`: the plain text behind the digests of a cache.
//!
//! The endpoints `/debug/cache/load`, `/debug/cache/all` and `/debug/cache/lookup` return it for
//! `Accept: application/json` (`cmd/buildkitd/debug.go`, `util/cachedigest` in BuildKit). A text is
//! kept only if it hashes to its digest. The text of a file lacks the file's content and cannot be
//! checked.

use std::collections::HashMap;

use super::digest::{Digest, DigestText};
use super::lenient::{self, LenientList, go_struct};
use super::llb::json::Base64;

/// The largest document that is read, in bytes.
pub const MAX_SIZE: usize = 256 << 20;

/// The texts behind digests.
#[derive(Debug, Clone, Default)]
pub struct CacheDebug {
    texts: HashMap<Digest, Plain>,
    /// How many texts did not match their digest.
    pub refuted: usize,
}

/// The text behind a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// The preimage of an operation, or the name of a source or a key.
    Text(String),
    /// Paths, in the operation's order.
    Paths(Vec<String>),
    /// The digests that form a content key.
    Digests(Vec<Digest>),
    /// Files by path with their digests; the empty path is the directory itself.
    Files(Vec<(Vec<u8>, Digest)>),
    File(FileHeader),
}

/// The hashed attributes of a file, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileHeader {
    /// The permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// The size in bytes.
    pub size: u64,
}

/// Why bytes are no debug data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheDebugError {
    #[error("the debug data is larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// It is not JSON of that shape.
    #[error("not debug data of a cache: {0}")]
    Json(String),
    /// It holds no text.
    #[error("not debug data of a cache: it holds no text behind any digest")]
    Nothing,
}

go_struct! {
    /// A record of `/debug/cache/load`, or an entry of the others.
    struct RawDebugRecord {
        digest: DigestText = "digest",
        kind: String = "type",
        data: LenientList<RawFrame> = "data",
        debug: LenientList<RawDebugRecord> = "debug",
        inner: LenientList<RawDebugRecord> = "subRecords",
    }
}
go_struct! {
    struct RawFrame { kind: u32 = "type", data: Base64 = "data" }
}

impl CacheDebug {
    /// Parses the response of the endpoint.
    ///
    /// # Errors
    /// If it is no debug data.
    pub fn parse(bytes: &[u8]) -> Result<Self, CacheDebugError> {
        if bytes.len() > MAX_SIZE {
            return Err(CacheDebugError::TooLarge);
        }
        let json = |error: serde_json::Error| CacheDebugError::Json(error.to_string());
        let mut pending = if bytes.trim_ascii_start().starts_with(b"[") {
            lenient::parse::<LenientList<RawDebugRecord>>(bytes)
                .map_err(json)?
                .0
        } else {
            vec![lenient::parse::<RawDebugRecord>(bytes).map_err(json)?]
        };
        let mut debug = Self::default();
        while let Some(record) = pending.pop() {
            debug.take(&record);
            pending.extend(record.debug.0);
            pending.extend(record.inner.0);
        }
        if debug.texts.is_empty() {
            Err(CacheDebugError::Nothing)
        } else {
            Ok(debug)
        }
    }

    /// Returns the text behind a digest, if it is known.
    pub fn plain(&self, digest: &Digest) -> Option<&Plain> {
        self.texts.get(digest)
    }

    /// Returns the text behind the digest of a record: that of its key.
    pub fn of_record(&self, record: &Digest) -> Option<&Plain> {
        let Plain::Text(text) = self.plain(record)? else {
            return None;
        };
        let (key, _) = text.rsplit_once('@')?;
        self.plain(&key.parse().ok()?)
    }

    /// Returns how many digests are known.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns whether no digest is known.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    fn take(&mut self, record: &RawDebugRecord) {
        let Some(digest) = record.digest.valid() else {
            return;
        };
        if record.kind.is_empty() {
            return;
        }
        let frames: Vec<&[u8]> = record
            .data
            .0
            .iter()
            .filter(|frame| frame.kind == DATA)
            .map(|frame| frame.data.0.as_slice())
            .collect();
        let whole = frames.concat();
        let is_whole = record.data.0.iter().all(|frame| frame.kind == DATA);
        if is_whole && Digest::of(&whole) != digest {
            // A file without content is complete, and hashes to its digest.
            self.refuted += 1;
            return;
        }
        let text = || String::from_utf8_lossy(&whole).into_owned();
        let plain = match record.kind.as_str() {
            "json" | "string" if is_whole => Some(Plain::Text(text())),
            "string-list" if is_whole => Some(Plain::Paths(
                text().split('\0').map(str::to_owned).collect(),
            )),
            "digest-list" if is_whole => {
                let digests = text()
                    .split('\0')
                    .map(|digest| digest.parse().ok())
                    .collect::<Option<_>>();
                digests.map(Plain::Digests)
            }
            "file-list" if is_whole => files(&whole).map(Plain::Files),
            "file" => Some(Plain::File(header(&frames))),
            _ => None,
        };
        if let Some(plain) = plain {
            self.texts.insert(digest, plain);
        }
    }
}

/// The kind of frame with hashed bytes; other frames hold the number of omitted bytes of a file.
const DATA: u32 = 2;
/// The length of a digest as text.
const DIGEST: usize = "sha256:".len() + 64;

/// Parses paths: each follows a NUL, has NUL for its slashes, and precedes its digest.
fn files(mut rest: &[u8]) -> Option<Vec<(Vec<u8>, Digest)>> {
    let mut files = Vec::new();
    while !rest.is_empty() {
        let at = rest
            .windows(b"sha256:".len())
            .position(|window| window == b"sha256:")?;
        let digest = std::str::from_utf8(rest.get(at..at + DIGEST)?)
            .ok()?
            .parse()
            .ok()?;
        let path = rest[..at].strip_prefix(b"\0").unwrap_or(&rest[..at]);
        files.push((
            path.iter()
                .map(|byte| if *byte == 0 { b'/' } else { *byte })
                .collect(),
            digest,
        ));
        rest = &rest[at + DIGEST..];
    }
    Some(files)
}

fn header(frames: &[&[u8]]) -> FileHeader {
    fn number<T: std::str::FromStr>(frames: &[&[u8]], name: &str) -> Option<T> {
        let value = frames.iter().find_map(|frame| {
            frame
                .strip_prefix(name.as_bytes())
                .filter(|rest| !rest.is_empty())
        })?;
        std::str::from_utf8(value).ok()?.parse().ok()
    }
    FileHeader {
        mode: number(frames, "mode").unwrap_or_default(),
        uid: number(frames, "uid").unwrap_or_default(),
        gid: number(frames, "gid").unwrap_or_default(),
        size: number(frames, "size").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_that_match_their_digest_are_kept() {
        use base64::Engine as _;
        let entry = |digest: Digest, kind: &str, text: &[u8]| {
            let data = base64::engine::general_purpose::STANDARD.encode(text);
            format!(
                r#"{{"digest":"{digest}","type":"{kind}","data":[{{"type":2,"data":"{data}"}}]}}"#
            )
        };
        let a = Digest::of(b"/a\0/b");
        let b = Digest::of(b"other");
        let list = format!("\0{b}\0x\0y{a}");
        let listed = Digest::of(list.as_bytes());
        let text = format!(
            "[{},{},{}]",
            entry(a, "string-list", b"/a\0/b"),
            entry(b, "json", b"false"),
            entry(listed, "file-list", list.as_bytes())
        );
        let debug = CacheDebug::parse(text.as_bytes()).unwrap();
        assert_eq!(
            debug.plain(&a),
            Some(&Plain::Paths(vec!["/a".into(), "/b".into()]))
        );
        assert_eq!(
            debug.plain(&listed),
            Some(&Plain::Files(vec![(vec![], b), (b"x/y".to_vec(), a)]))
        );
        assert_eq!((debug.plain(&b), debug.refuted, debug.len()), (None, 1, 2));
        assert!(matches!(
            CacheDebug::parse(b"{}"),
            Err(CacheDebugError::Nothing)
        ));
        assert!(matches!(
            CacheDebug::parse(b"x"),
            Err(CacheDebugError::Json(_))
        ));
    }

    proptest::proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = CacheDebug::parse(&bytes);
            let _ = files(&bytes);
        }
    }
}
