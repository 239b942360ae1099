//! The records of scans, in cachelens's state directory.
//!
//! There is one file for each source, `history/HASH.jsonl`. Its first line names the source, each
//! other line is the record of one scan. A scan rewrites the file with its own record and without
//! those that are too old ([`ScanHistory::trim`]), in one step, with mode 0600. A line that cannot
//! be read is skipped and named. Two scans of a source that end at the same moment may leave only
//! one record; nothing but the records depends on that.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::format::digest::Digest;
use crate::inventory::history::{ScanHistory, ScanRecord};
use crate::source::{LocalLocation, RefSelector, Source, SourceLocation, Trust};

const FOLDER: &str = "history";
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const LIMIT: u64 = 64 << 20;

/// Where records of scans are kept.
#[derive(Debug, Clone, Default)]
pub struct HistoryStore {
    folder: Option<PathBuf>,
}

/// The records of a source, and what could not be read of them.
#[derive(Debug, Clone, Default)]
pub struct LoadedHistory {
    pub history: ScanHistory,
    /// The file and lines that were skipped, and why.
    pub skipped: Vec<String>,
}

/// A source that was scanned lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentSource {
    /// Its name, which opens it from every directory.
    pub name: String,
    /// Whether the user named it. One that was found in a file still does not choose where
    /// credentials go.
    pub is_named: bool,
}

#[derive(Serialize, Deserialize)]
struct HistoryHeader {
    cachelens_history: u32,
    source: String,
    #[serde(default)]
    named: bool,
}

impl HistoryStore {
    /// Keeps records in the state directory `folder`; without one, keeps none.
    pub fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(|folder| folder.join(FOLDER)),
        }
    }

    /// Returns whether records are kept.
    pub fn is_kept(&self) -> bool {
        self.folder.is_some()
    }

    /// Adds the record of a scan of `source`. `repository` is the GitHub repository that the scan
    /// found, for a source that names none. Returns all records of the source.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(
        &self,
        source: &Source,
        repository: Option<&str>,
        record: ScanRecord,
    ) -> io::Result<LoadedHistory> {
        let Some((path, name)) = self.path(source, repository) else {
            return Ok(LoadedHistory::default());
        };
        let mut loaded = read(&path, &name);
        let now = record.at;
        loaded.history.add(record);
        loaded.history.trim(now);
        let was_named = header_of(&path).is_some_and(|header| header.named);
        let header = HistoryHeader {
            cachelens_history: VERSION,
            source: name,
            named: was_named || source.trust == Trust::Named,
        };
        write(&path, &header, &loaded.history)?;
        Ok(loaded)
    }

    /// Returns the sources that were scanned last, the latest first.
    pub fn recent(&self, most: usize) -> Vec<RecentSource> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let mut files: Vec<(SystemTime, PathBuf)> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let is_records = entry.path().extension().is_some_and(|end| end == "jsonl");
                let modified = entry.metadata().ok()?.modified().ok()?;
                is_records.then(|| (modified, entry.path()))
            })
            .collect();
        files.sort();
        let headers = files.iter().rev().filter_map(|(_, path)| header_of(path));
        let sources = headers.map(|header| RecentSource {
            name: header.source,
            is_named: header.named,
        });
        sources.take(most).collect()
    }

    /// Reads the records of a source.
    pub fn load(&self, source: &Source, repository: Option<&str>) -> LoadedHistory {
        match self.path(source, repository) {
            Some((path, name)) => read(&path, &name),
            None => LoadedHistory::default(),
        }
    }

    /// Returns the file of a source, and the name that it has there. None for the demo and for a
    /// source that shows a part of its store, of which no history is kept.
    fn path(&self, source: &Source, repository: Option<&str>) -> Option<(PathBuf, String)> {
        let folder = self.folder.as_ref()?;
        let name = name_of(source, repository)?;
        let file = format!("{}.jsonl", Digest::of(name.as_bytes()).short(32));
        Some((folder.join(file), name))
    }
}

/// Returns the name of a store that is the same from every directory. It holds no credentials.
fn name_of(source: &Source, repository: Option<&str>) -> Option<String> {
    let reads_all = source.select.as_ref().is_none_or(RefSelector::is_pattern);
    let mut store = Source {
        select: None,
        ignored: Vec::new(),
        ..source.clone()
    };
    match &mut store.location {
        SourceLocation::Demo => return None,
        // Of a registry, only the tag that is named is read.
        SourceLocation::Registry(_) if !reads_all => return None,
        SourceLocation::Local(local) | SourceLocation::RegistryDir(local) => {
            *local = LocalLocation::new(fs::canonicalize(&local.dir).ok()?);
        }
        SourceLocation::Gha(gha) => {
            gha.scope = None;
            if gha.repository.is_none() {
                gha.repository = Some(repository?.parse().ok()?);
            }
        }
        SourceLocation::S3(_) | SourceLocation::Registry(_) => {}
    }
    Some(store.to_string())
}

fn read(path: &Path, name: &str) -> LoadedHistory {
    let mut loaded = LoadedHistory::default();
    let shown = crate::text::escape::visible(&path.to_string_lossy()).into_owned();
    let text = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return loaded,
        Err(error) => Err(error.to_string()),
        Ok(found) if !found.is_file() => Err("it is not a file".to_owned()),
        Ok(found) if found.len() > LIMIT => Err("it is too large".to_owned()),
        Ok(_) => fs::read_to_string(path).map_err(|error| error.to_string()),
    };
    let text = match text {
        Ok(text) => text,
        Err(why) => {
            loaded.skipped.push(format!("{shown}: {why}"));
            return loaded;
        }
    };
    let mut lines = text.lines().enumerate();
    let header = lines.next().map(|(_, line)| serde_json::from_str(line));
    match header {
        Some(Ok(HistoryHeader {
            cachelens_history: VERSION,
            source,
            ..
        })) if source == name => {}
        _ => {
            let why = "it does not begin as a history of this source";
            loaded.skipped.push(format!("{shown}: {why}"));
            return loaded;
        }
    }
    let mut records = Vec::new();
    for (place, line) in lines {
        match serde_json::from_str::<ScanRecord>(line) {
            Ok(record) => records.push(record),
            Err(error) => {
                let why = format!("{shown}:{}: {error}", place + 1);
                loaded.skipped.push(why);
            }
        }
    }
    loaded.history = ScanHistory::new(records);
    loaded
}

/// Reads the first line of a file of records.
fn header_of(path: &Path) -> Option<HistoryHeader> {
    const LONGEST: u64 = 1 << 16;
    let mut line = String::new();
    let file = fs::File::open(path).ok()?.take(LONGEST);
    BufReader::new(file).read_line(&mut line).ok()?;
    let header: HistoryHeader = serde_json::from_str(&line).ok()?;
    (header.cachelens_history == VERSION).then_some(header)
}

fn write(path: &Path, header: &HistoryHeader, history: &ScanHistory) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut text = serde_json::to_string(header)?;
    for record in history.records() {
        text.push('\n');
        text.push_str(&serde_json::to_string(record)?);
    }
    text.push('\n');
    // A name of its own for each write, which `tempfile` makes with mode 0600.
    let mut draft = tempfile::Builder::new()
        .prefix(".history-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn source(text: &str) -> Source {
        Source::parse(text, &|_| false).unwrap().source
    }

    fn record(second: i64, stored_bytes: u64) -> ScanRecord {
        ScanRecord {
            at: Timestamp::from_second(second).unwrap(),
            refs: 0,
            stored_bytes,
            live_bytes: 0,
            orphan_bytes: None,
            missing_bytes: 0,
            trash_bytes: 0,
            limit_bytes: None,
            list: Some(Vec::new()),
        }
    }

    #[test]
    fn each_store_has_one_file_that_only_its_user_reads() {
        let state = tempfile::tempdir().unwrap();
        let store = HistoryStore::new(Some(state.path()));
        let one = source("ghcr.io/a/b");
        store.record(&one, None, record(1, 10)).unwrap();
        // Another name of the same store.
        let pattern = source("type=registry,ref=ghcr.io/a/b:pr-*,mode=max");
        let loaded = store.record(&pattern, None, record(2, 20)).unwrap();
        assert_eq!(loaded.history.records().len(), 2);
        assert!(
            store
                .load(&source("ghcr.io/a/c"), None)
                .history
                .records()
                .is_empty()
        );
        // One tag shows only a part of it.
        store
            .record(&source("ghcr.io/a/b:x"), None, record(3, 1))
            .unwrap();
        assert_eq!(store.load(&one, None).history.records().len(), 2);
        let files: Vec<_> = fs::read_dir(state.path().join(FOLDER)).unwrap().collect();
        assert_eq!(files.len(), 1);
        let mode = files[0]
            .as_ref()
            .unwrap()
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn recent_sources_keep_whether_they_were_named() {
        let state = tempfile::tempdir().unwrap();
        let store = HistoryStore::new(Some(state.path()));
        let found = source("s3://b?endpoint_url=https://s3.example").with_trust(Trust::Found);
        store.record(&found, None, record(1, 1)).unwrap();
        let recent = |most| store.recent(most);
        assert_eq!(recent(5).len(), 1);
        assert!(!recent(5)[0].is_named);
        assert_eq!(source(&recent(5)[0].name).location, found.location);
        let named = found.with_trust(Trust::Named);
        store.record(&named, None, record(2, 1)).unwrap();
        let found = named.with_trust(Trust::Found);
        store.record(&found, None, record(3, 1)).unwrap();
        assert!(recent(5)[0].is_named);
        store
            .record(&source("gha:a/b"), None, record(4, 1))
            .unwrap();
        assert_eq!(recent(5).len(), 2);
        assert_eq!(recent(1).len(), 1);
        fs::write(state.path().join("history/x.jsonl"), "{").unwrap();
        assert_eq!(recent(5).len(), 2);
    }

    #[test]
    fn a_damaged_scan_record_is_skipped_with_a_warning() {
        let state = tempfile::tempdir().unwrap();
        let store = HistoryStore::new(Some(state.path()));
        let one = source("s3://bucket/prefix");
        store.record(&one, None, record(1, 10)).unwrap();
        store.record(&one, None, record(2, 20)).unwrap();
        let (path, _) = store.path(&one, None).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1] = "{\"at\":";
        fs::write(&path, lines.join("\n")).unwrap();
        let loaded = store.load(&one, None);
        assert_eq!(loaded.history.records().len(), 1);
        assert_eq!(loaded.skipped.len(), 1);
        assert!(
            loaded.skipped[0].contains(".jsonl:2: "),
            "{:?}",
            loaded.skipped
        );
        // The next scan writes a whole file again.
        store.record(&one, None, record(3, 30)).unwrap();
        assert_eq!(store.load(&one, None).skipped, [""; 0]);
        fs::write(&path, [0xff, 0xfe]).unwrap();
        let loaded = store.load(&one, None);
        assert!(loaded.history.records().is_empty());
        assert_eq!(loaded.skipped.len(), 1);
    }

    #[test]
    fn nothing_is_kept_without_a_folder_and_of_the_demo() {
        let nowhere = HistoryStore::new(None);
        assert!(!nowhere.is_kept());
        nowhere
            .record(&source("ghcr.io/a/b"), None, record(1, 1))
            .unwrap();
        let state = tempfile::tempdir().unwrap();
        let store = HistoryStore::new(Some(state.path()));
        store.record(&source("demo"), None, record(1, 1)).unwrap();
        store.record(&source("gha:"), None, record(1, 1)).unwrap();
        assert!(!state.path().join(FOLDER).exists());
        store
            .record(&source("gha:"), Some("a/b"), record(1, 1))
            .unwrap();
        let loaded = store.load(&source("gha:a/b?scope=x"), None);
        assert_eq!(loaded.history.records().len(), 1);
    }
}
