//! The caches that a build imports, according to its record or to its command.

use super::note::{ImportNote, Note};
use super::request::BuildRequest;
use crate::format::build_record::{BuildRecord, RecordedCache};
use crate::format::evidence::EvidenceDocument;
use crate::source::Source;
use crate::text::escape::visible;
use crate::text::plural::one_or;

/// The maximum number of caches of one build to open.
const MOST_CACHES: usize = 16;

/// The caches of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildCaches {
    /// Those to open, as in `--cache-from`.
    pub caches: Vec<String>,
    /// Notes on the others, and on caches that the build does not import.
    pub notes: Vec<Note>,
}

/// Why a build record names no cache to open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRecordedCache {
    #[error("no cache is named, and the evidence names none")]
    NoImport,
    /// An exported record keeps the location only of some types of caches.
    #[error("the build record does not say where the cache was: of {0} it keeps only the type")]
    OnlyTypes(String),
}

impl BuildCaches {
    /// Returns the caches that a build imported according to its record. Its author chose them.
    ///
    /// # Errors
    /// If no record names an import with its location.
    pub fn of_records(documents: &[EvidenceDocument]) -> Result<Self, NoRecordedCache> {
        // Builds without an import reveal nothing about the caches of others.
        let imports = records(documents)
            .map(|record| &record.imports)
            .find(|imports| !imports.is_empty())
            .ok_or(NoRecordedCache::NoImport)?;
        let (placed, bare): (Vec<&RecordedCache>, Vec<&RecordedCache>) =
            imports.iter().partition(|entry| entry.has_place());
        if placed.is_empty() {
            return Err(NoRecordedCache::OnlyTypes(counted(&bare)));
        }
        let mut notes = Vec::new();
        if !bare.is_empty() {
            notes.push(ImportNote::ImportsWithoutPlace(counted(&bare)).into());
        }
        let caches = placed.iter().map(ToString::to_string).collect();
        Ok(Self { caches, notes }.limited())
    }

    /// Returns the caches that a build command imports, else those that it exports to.
    pub fn of_request(request: &BuildRequest) -> Self {
        if !request.imports.is_empty() || request.exports.is_empty() {
            let caches = request.imports.clone();
            return Self {
                caches,
                notes: Vec::new(),
            }
            .limited();
        }
        Self {
            caches: request.exports.clone(),
            notes: vec![ImportNote::ExportsOnly.into()],
        }
        .limited()
    }

    fn limited(mut self) -> Self {
        let count = self.caches.len();
        if count > MOST_CACHES {
            self.caches.truncate(MOST_CACHES);
            let note = ImportNote::FirstCaches {
                all: count,
                opened: MOST_CACHES,
            };
            self.notes.push(note.into());
        }
        self
    }
}

/// Returns the build records among documents.
pub fn records(documents: &[EvidenceDocument]) -> impl Iterator<Item = &BuildRecord> {
    let records = documents.iter().filter_map(|document| match document {
        EvidenceDocument::Records(records) => Some(records),
        _ => None,
    });
    records.flatten()
}

/// Returns the one record among documents.
pub fn only_record(documents: &[EvidenceDocument]) -> Option<&BuildRecord> {
    let mut records = records(documents);
    let first = records.next()?;
    records.next().is_none().then_some(first)
}

/// Returns a note on each import of the one record that the user did not give: a step can come from
/// it. `parse` parses the text of an import as the user's own sources are parsed.
pub fn not_given(
    documents: &[EvidenceDocument],
    parse: impl Fn(&str) -> Option<Source>,
    is_given: impl Fn(&Source) -> bool,
) -> Vec<Note> {
    let Some(record) = only_record(documents) else {
        return Vec::new();
    };
    let placed = record.imports.iter().filter(|entry| entry.has_place());
    let sources = placed.filter_map(|entry| parse(&entry.to_string()));
    let others = sources.filter(|source| !is_given(source));
    let note = |source: Source| ImportNote::UnnamedCache(source.to_string()).into();
    others.map(note).collect()
}

/// Counts caches by type, as in `2 imports of type s3`.
fn counted(entries: &[&RecordedCache]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for entry in entries {
        match kinds.iter_mut().find(|(kind, _)| *kind == entry.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&entry.kind, 1)),
        }
    }
    let texts = kinds.into_iter().map(|(kind, count)| {
        let noun = one_or(count, "import", "imports");
        format!("{count} {noun} of type {}", visible(kind))
    });
    texts.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(kind: &str, attributes: &[(&str, &str)]) -> RecordedCache {
        let attributes = attributes.iter();
        RecordedCache {
            kind: kind.to_owned(),
            attributes: attributes
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn recorded(imports: Vec<RecordedCache>) -> Result<BuildCaches, NoRecordedCache> {
        let record = BuildRecord {
            imports,
            ..BuildRecord::default()
        };
        let documents = [EvidenceDocument::Records(vec![
            BuildRecord::default(),
            record,
        ])];
        BuildCaches::of_records(&documents)
    }

    #[test]
    fn imports_without_a_location_are_noted() {
        assert_eq!(recorded(Vec::new()), Err(NoRecordedCache::NoImport));
        let bare = || import("s3", &[]);
        let only = NoRecordedCache::OnlyTypes("2 imports of type s3".to_owned());
        assert_eq!(recorded(vec![bare(), bare()]), Err(only));
        let placed = import("registry", &[("ref", "ghcr.io/acme/cache:main")]);
        let found = recorded(vec![bare(), placed]).unwrap();
        assert_eq!(found.caches, ["type=registry,ref=ghcr.io/acme/cache:main"]);
        let note = ImportNote::ImportsWithoutPlace("1 import of type s3".to_owned());
        assert_eq!(found.notes, [note.into()]);
    }

    #[test]
    fn a_record_opens_a_limited_number_of_caches() {
        let place = |number: usize| format!("ghcr.io/acme/cache:{number}");
        let placed = |number| import("registry", &[("ref", &place(number))]);
        let found = recorded((0..MOST_CACHES).map(placed).collect()).unwrap();
        assert_eq!((found.caches.len(), found.notes.len()), (MOST_CACHES, 0));
        let found = recorded((0..20).map(placed).collect()).unwrap();
        assert_eq!(found.caches.len(), MOST_CACHES);
        let note = ImportNote::FirstCaches {
            all: 20,
            opened: MOST_CACHES,
        };
        assert_eq!(found.notes, [note.into()]);
    }

    #[test]
    fn a_command_without_imports_has_the_caches_that_it_exports_to() {
        let texts = |text: &str| vec![text.to_owned()];
        let mut request = BuildRequest {
            exports: texts("type=local,dest=out"),
            ..BuildRequest::default()
        };
        let found = BuildCaches::of_request(&request);
        assert_eq!(found.caches, request.exports);
        assert_eq!(found.notes, [ImportNote::ExportsOnly.into()]);
        request.imports = texts("type=local,src=in");
        let found = BuildCaches::of_request(&request);
        assert_eq!((found.caches, found.notes.len()), (request.imports, 0));
    }
}
