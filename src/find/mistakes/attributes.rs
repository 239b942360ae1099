//! Attributes that BuildKit does not know.

use super::MistakeSearch;
use crate::find::cache_type::CacheType;
use crate::find::declaration::{Declaration, Direction};
use crate::text::nearest::nearest;

/// Attributes of all exports.
const EXPORT: [&str; 4] = ["type", "mode", "ignore-error", "timeout"];
/// Attributes of exports that write layers.
const COMPRESSION: [&str; 5] = [
    "compression",
    "compression-level",
    "force-compression",
    "oci-mediatypes",
    "image-manifest",
];
/// Attributes of caches in S3.
const S3: [&str; 13] = [
    "bucket",
    "region",
    "prefix",
    "name",
    "endpoint_url",
    "use_path_style",
    "blobs_prefix",
    "manifests_prefix",
    "upload_parallelism",
    "touch_refresh",
    "access_key_id",
    "secret_access_key",
    "session_token",
];
/// Attributes of caches in Azure Blob Storage.
const AZURE: [&str; 8] = [
    "account_url",
    "container",
    "prefix",
    "name",
    "blobs_prefix",
    "manifests_prefix",
    "secret_access_key",
    "account_name",
];
/// Attributes of caches in GitHub's cache.
const GHA: [&str; 8] = [
    "scope",
    "url",
    "url_v2",
    "token",
    "version",
    "repository",
    "ghtoken",
    "timeout",
];

/// Returns the attributes of a kind of cache; `None` for unknown kinds.
fn known(kind: &CacheType, direction: Direction) -> Option<Vec<&'static str>> {
    let mut names = vec!["type"];
    if direction.exports() {
        names.extend(EXPORT);
    }
    match kind {
        CacheType::Registry => {
            names.push("ref");
            names.push("registry.insecure");
            if direction.exports() {
                names.extend(COMPRESSION);
            }
        }
        CacheType::Local => {
            if direction.imports() {
                names.extend(["src", "digest", "tag"]);
            }
            if direction.exports() {
                names.extend(["dest", "tag", "reset"]);
                names.extend(COMPRESSION);
            }
        }
        CacheType::Gha => names.extend(GHA),
        CacheType::S3 => names.extend(S3),
        CacheType::Azblob => names.extend(AZURE),
        CacheType::Inline => names.extend(["mode", "ref"]),
        CacheType::Other(_) => return None,
    }
    if direction == Direction::Both {
        names.extend(["src", "dest"]);
    }
    Some(names)
}

impl MistakeSearch<'_> {
    pub(super) fn attributes(&mut self) {
        for declaration in self.declared {
            self.attributes_of(declaration);
        }
    }

    fn attributes_of(&mut self, at: &Declaration) {
        let Some(known) = known(&at.kind(), at.direction) else {
            return;
        };
        for field in crate::find::fields::csv_fields(&at.cache) {
            let Some((name, value)) = field.split_once('=') else {
                continue;
            };
            // A blank at the start is another mistake.
            if name.starts_with(' ') || name.contains('*') {
                continue;
            }
            let lower = name.trim().to_lowercase();
            let is_mode = lower == "mode";
            if known.contains(&lower.as_str()) || is_mode {
                continue;
            }
            let kind = at.kind();
            let side = if at.direction == Direction::Import {
                "import"
            } else {
                "export"
            };
            let message = format!(
                "An {side} of type={kind} has no attribute `{name}`, so it is ignored or the build fails."
            );
            let near = nearest(&lower, known.iter().copied());
            let corrected = match near {
                Some(near) => at.corrected(&[(name, None), (near, Some(value))]),
                None => at.corrected(&[(name, None)]),
            };
            let hint = Some(format!("Write `{corrected}`."));
            self.add("unknown-attribute", at, message, hint);
        }
    }
}
