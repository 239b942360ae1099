//! The kinds of entries, by key and version: BuildKit's blobs, indexes and signatures, and the
//! entries of other tools, which share the quota.
//!
//! BuildKit's keys are defined in its `cache/remotecache/gha/gha.go`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::backend::entries::BLOB_KEY;
use crate::format::digest::Digest;

/// The version that BuildKit's client gives each of its entries: SHA-256 of `|go-actionscache-1.0`.
pub const BUILDKIT_VERSION: &str =
    "693bb7016429d80366022f036f84856888c9f13e00145f5f6f4dce303a38d6f2";
/// The prefix of the keys of indexes.
pub const INDEX_PREFIX: &str = "index-";
/// The suffix of the keys of signatures.
const SIGNATURE: &str = "-sig";

/// Known prefixes of the keys of other tools.
const TOOLS: [(&str, &str); 13] = [
    ("node-cache-", "setup-node"),
    ("setup-python-", "setup-python"),
    ("setup-go-", "setup-go"),
    ("setup-java-", "setup-java"),
    ("setup-ruby-bundler-cache-", "setup-ruby"),
    ("dotnet-cache-", "setup-dotnet"),
    ("docker.io--tonistiigi--binfmt", "setup-qemu"),
    ("buildx-dl-bin-", "setup-buildx"),
    ("v0-rust-", "rust-cache"),
    ("gradle-", "gradle"),
    ("golangci-lint.cache-", "golangci-lint"),
    ("cache-trivy-", "trivy"),
    ("setup-uv-", "setup-uv"),
];

/// An entry as GitHub lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct ListedEntry {
    /// The number by which it is deleted.
    pub id: u64,
    /// The full name of the branch or pull request that wrote it: `refs/heads/main`.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The key that a job requests.
    pub key: String,
    /// The version that a job requests. Tools hash their way of packing into it.
    pub version: String,
    /// When a job last requested it.
    pub last_accessed_at: Option<Timestamp>,
    /// When it was written. Entries are never modified.
    pub created_at: Timestamp,
    pub size_in_bytes: u64,
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryContent {
    Blob(Digest),
    /// A cache configuration.
    Index(IndexKey),
    /// The signature of a cache configuration.
    Signature,
    /// An entry of another tool, with the name of the tool if its keys are known.
    Foreign(&'static str),
}

/// The parts of an index's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexKey {
    /// The scope of the exporter.
    pub scope: String,
    /// The first eight digits of SHA-256 of the branch.
    pub ref_hash: String,
    /// Whether it is the signed form.
    pub is_signed: bool,
    /// The number that each save raises.
    pub number: u64,
}

impl ListedEntry {
    /// Returns its content.
    pub fn what(&self) -> EntryContent {
        if self.version != BUILDKIT_VERSION {
            return EntryContent::Foreign(tool(&self.key));
        }
        if let Some(name) = self.key.strip_prefix(BLOB_KEY) {
            return match (
                name.parse(),
                name.strip_suffix(SIGNATURE).map(str::parse::<Digest>),
            ) {
                (Ok(digest), _) => EntryContent::Blob(digest),
                (Err(_), Some(Ok(_))) => EntryContent::Signature,
                (Err(_), _) => EntryContent::Foreign("unknown"),
            };
        }
        IndexKey::parse(&self.key).map_or(EntryContent::Foreign("unknown"), EntryContent::Index)
    }

    /// Returns when it was last written or requested. An exporter that finds a layer requests it
    /// and writes nothing.
    pub fn touched(&self) -> Timestamp {
        self.last_accessed_at
            .map_or(self.created_at, |used| used.max(self.created_at))
    }

    /// Returns its name in plans and journals, which begins with the number.
    pub fn name(&self) -> String {
        format!("{}:{}:{}", self.id, self.git_ref, self.key)
    }
}

impl IndexKey {
    /// Parses `index-<scope>-1-<hash>[-sig]#<number>`.
    pub fn parse(key: &str) -> Option<Self> {
        let (rest, number) = key.strip_prefix(INDEX_PREFIX)?.rsplit_once('#')?;
        let (rest, is_signed) = rest
            .strip_suffix(SIGNATURE)
            .map_or((rest, false), |rest| (rest, true));
        let (rest, ref_hash) = rest.rsplit_once('-')?;
        let scope = rest.strip_suffix("-1")?;
        let is_hash = ref_hash.len() == 8
            && ref_hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = number.parse().ok()?;
        is_hash.then(|| Self {
            scope: scope.to_owned(),
            ref_hash: ref_hash.to_owned(),
            is_signed,
            number,
        })
    }
}

/// Returns the part of a branch's hash that keys contain.
pub fn ref_hash(git_ref: &str) -> String {
    Digest::of(git_ref.as_bytes()).short(8)
}

fn tool(key: &str) -> &'static str {
    TOOLS
        .iter()
        .find(|(prefix, _)| key.starts_with(prefix))
        .map_or("actions/cache", |(_, tool)| tool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::entries::blob_in_entry;

    #[test]
    fn hashes_of_branches_are_those_of_the_exporter() {
        let hashes = ["refs/heads/main", "refs/heads/master", "refs/pull/1/merge"].map(ref_hash);
        assert_eq!(hashes, ["f921bd05", "49c8f7d5", "40a31afc"]);
        assert_eq!(Digest::of(b"|go-actionscache-1.0").hex(), BUILDKIT_VERSION);
    }

    #[test]
    fn the_name_of_an_entry_has_the_digest_of_its_blob() {
        let digest = Digest::of(b"x");
        let named = |key: String| {
            let entry = ListedEntry {
                id: 1,
                git_ref: "refs/heads/main".into(),
                key,
                version: BUILDKIT_VERSION.into(),
                last_accessed_at: None,
                created_at: Timestamp::UNIX_EPOCH,
                size_in_bytes: 0,
            };
            blob_in_entry(&entry.name())
        };
        assert_eq!(named(format!("{BLOB_KEY}{digest}")), Some(digest));
        assert_eq!(named(format!("{BLOB_KEY}{digest}-sig")), None);
        assert_eq!(named("index-app-1-f921bd05#1".to_owned()), None);
    }

    #[test]
    fn entries_differ_by_key_and_version() {
        let of = |key: &str, version: &str| {
            ListedEntry {
                id: 1,
                git_ref: "refs/heads/main".into(),
                key: key.into(),
                version: version.into(),
                last_accessed_at: None,
                created_at: Timestamp::UNIX_EPOCH,
                size_in_bytes: 0,
            }
            .what()
        };
        let blob = format!("buildkit-blob-1-{}", Digest::of(b"x"));
        assert_eq!(
            of(&blob, BUILDKIT_VERSION),
            EntryContent::Blob(Digest::of(b"x"))
        );
        assert_eq!(of(&blob, "other"), EntryContent::Foreign("actions/cache"));
        assert_eq!(
            of(&format!("{blob}-sig"), BUILDKIT_VERSION),
            EntryContent::Signature
        );
        assert_eq!(
            of("buildkit-blob-1-sha256:../../x", BUILDKIT_VERSION),
            EntryContent::Foreign("unknown")
        );
        assert_eq!(
            of("node-cache-Linux-x64-npm-1", "v"),
            EntryContent::Foreign("setup-node")
        );
        let index = |scope: &str, is_signed, number| {
            EntryContent::Index(IndexKey {
                scope: scope.into(),
                ref_hash: "f921bd05".into(),
                is_signed,
                number,
            })
        };
        assert_eq!(
            of("index-a-1-1-f921bd05#12", BUILDKIT_VERSION),
            index("a-1", false, 12)
        );
        assert_eq!(
            of("index-#x-1-f921bd05-sig#3", BUILDKIT_VERSION),
            index("#x", true, 3)
        );
        for odd in [
            "index-",
            "index-a-1-f921bd0#1",
            "index-a-2-f921bd05#1",
            "index-a-1-f921bd05#",
            "index-a-1-F921BD05#1",
        ] {
            assert_eq!(
                of(odd, BUILDKIT_VERSION),
                EntryContent::Foreign("unknown"),
                "{odd}"
            );
        }
    }
}
