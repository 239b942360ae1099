//! Blobs that several repositories of one registry reference. A registry stores each once, so
//! deleting one from a single repository frees nothing.

use std::collections::HashMap;

use crate::backend::Totals;
use crate::cli::open::Scanned;
use crate::format::digest::Digest;
use crate::source::SourceLocation;

/// Returns, for each source, the blobs that other sources in the same registry also reference.
/// `None` for a source that is not a repository, or the only one of its registry.
pub(super) fn shared(scanned: &[Scanned]) -> Vec<Option<Totals>> {
    let mut repositories: HashMap<&str, usize> = HashMap::new();
    let mut named: HashMap<(&str, Digest), usize> = HashMap::new();
    for (host, scanned) in scanned
        .iter()
        .filter_map(|scanned| Some((host(scanned)?, scanned)))
    {
        *repositories.entry(host).or_default() += 1;
        for blob in scanned.inventory.blobs.iter() {
            *named.entry((host, blob.digest())).or_default() += 1;
        }
    }
    let of_one = |scanned: &Scanned| {
        let host =
            host(scanned).filter(|host| repositories.get(host).is_some_and(|count| *count > 1))?;
        let blobs = scanned.inventory.blobs.iter();
        let shared = blobs.filter(|blob| {
            named
                .get(&(host, blob.digest()))
                .is_some_and(|count| *count > 1)
        });
        Some(shared.map(|blob| blob.size().unwrap_or_default()).collect())
    };
    scanned.iter().map(of_one).collect()
}

fn host(scanned: &Scanned) -> Option<&str> {
    match &scanned.opened.source.location {
        SourceLocation::Registry(registry) => Some(&registry.host),
        SourceLocation::Local(_)
        | SourceLocation::RegistryDir(_)
        | SourceLocation::S3(_)
        | SourceLocation::Gha(_)
        | SourceLocation::Demo => None,
    }
}
