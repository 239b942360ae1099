//! The order and the filter of the refs of each source, the evidence that was given last, and the
//! file that remembers them.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::evidence::BUILD_HERE;
use super::list::{Sort, SortDirection, View};
use super::rows::{Column, Sortable};
use crate::explain::load::documents::named;
use crate::inventory::filter::Filter;
use crate::text::secrets;

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "views.toml";
/// The most bytes of the file that are read.
const LARGEST: u64 = 256 << 10;
/// The most sources that are remembered: those that were changed last.
const MOST: usize = 200;
/// The longest filter that is remembered, in bytes.
const LONGEST_FILTER: usize = 1_000;
/// The most pieces of evidence that are remembered.
const MOST_EVIDENCE: usize = 20;
/// The longest piece of evidence that is remembered, in bytes.
const LONGEST_EVIDENCE: usize = 2_000;
/// The longest name of a source that is remembered, in bytes.
const LONGEST_NAME: usize = 250;

/// The remembered views, the latest at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedViews {
    /// The names of evidence, the latest at the end.
    #[serde(default)]
    evidence: Vec<String>,
    #[serde(default)]
    views: Vec<SavedView>,
    /// The file; none where nothing is remembered.
    #[serde(skip)]
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedView {
    source: String,
    /// The title of the sort column.
    sort: String,
    #[serde(default)]
    descending: bool,
    #[serde(default)]
    filter: String,
}

impl SavedViews {
    /// Reads what was remembered in a file; nothing where that cannot be read.
    pub fn load(file: Option<PathBuf>) -> Self {
        let read = |path: &PathBuf| {
            let mut text = String::new();
            let file = fs::File::open(path)?;
            file.take(LARGEST).read_to_string(&mut text)?;
            io::Result::Ok(text)
        };
        let text = file.as_ref().map(read);
        let saved = match text.map(|text| text.map(|text| toml::from_str::<Self>(&text))) {
            Some(Ok(Ok(saved))) => saved,
            Some(Ok(Err(error))) => {
                tracing::warn!(%error, "no order and no filter is remembered");
                Self::default()
            }
            Some(Err(_)) | None => Self::default(),
        };
        Self { file, ..saved }
    }

    /// Writes the file, if there is one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = path.with_extension(format!("toml.{}", std::process::id()));
        let text = toml::to_string(self).map_err(io::Error::other)?;
        fs::write(&draft, text)?;
        fs::rename(draft, path)
    }

    /// Returns whether views are remembered after this run.
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the names of the evidence that was given last, the latest at the end. The Dockerfile
    /// of `directory`, if it has one, is the very last.
    pub fn evidence_in(&self, directory: &Path) -> Vec<String> {
        let mut evidence = self.evidence.clone();
        if directory.join("Dockerfile").is_file() {
            evidence.retain(|known| known != BUILD_HERE);
            evidence.push(BUILD_HERE.to_owned());
        }
        evidence
    }

    /// Remembers the name of a piece of evidence, unless it may contain a secret.
    pub fn add_evidence(&mut self, text: &str) {
        self.evidence.retain(|known| known != text);
        let has_secret = secrets::mask(text) != text || named::shown(text) != text;
        if has_secret || text.len() > LONGEST_EVIDENCE {
            return;
        }
        self.evidence.push(text.to_owned());
        let excess = self.evidence.len().saturating_sub(MOST_EVIDENCE);
        self.evidence.drain(..excess);
    }

    /// Returns the remembered view of a source. A column or a filter that does not exist any more
    /// is left out.
    pub fn get(&self, source: &str, columns: &[Column]) -> Option<View> {
        let saved = self.views.iter().find(|view| view.source == source)?;
        let sorts = |column: &Column| column.title == saved.sort && column.sort != Sortable::No;
        let column = columns.iter().position(sorts)?;
        let order = if saved.descending {
            SortDirection::Descending
        } else {
            SortDirection::Ascending
        };
        Some(View {
            filter: Filter::parse(&saved.filter).unwrap_or_default(),
            sort: Sort { column, order },
        })
    }

    /// Remembers the view of a source, or forgets it, if it is the `standard` one.
    pub fn set(&mut self, source: &str, columns: &[Column], view: &View, standard: &View) {
        self.views.retain(|saved| saved.source != source);
        let Some(column) = columns.get(view.sort.column) else {
            return;
        };
        let filter = view.filter.to_string();
        if view == standard || source.len() > LONGEST_NAME || filter.len() > LONGEST_FILTER {
            return;
        }
        self.views.push(SavedView {
            source: source.to_owned(),
            sort: column.title.to_owned(),
            descending: view.sort.order == SortDirection::Descending,
            filter,
        });
        let excess = self.views.len().saturating_sub(MOST);
        self.views.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::rows::Align;

    const fn column(title: &'static str) -> Column {
        Column {
            title,
            align: Align::Left,
            min: 1,
            max: 1,
            rank: 0,
            sort: Sortable::Ascending,
        }
    }

    const COLUMNS: [Column; 2] = [column("REF"), column("SIZE")];

    fn by_size(filter: &str) -> View {
        let sort = Sort {
            column: 1,
            order: SortDirection::Descending,
        };
        View {
            filter: Filter::parse(filter).unwrap(),
            sort,
        }
    }

    #[test]
    fn settings_are_restored_and_their_file_is_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/views.toml");
        let mut saved = SavedViews::load(Some(path.clone()));
        let standard = View::default();
        for number in 0..MOST + 50 {
            let filter = format!("ref:{}", "x".repeat(LONGEST_FILTER - 10));
            saved.set(
                &format!("source-{number}"),
                &COLUMNS,
                &by_size(&filter),
                &standard,
            );
        }
        saved.set("one", &COLUMNS, &by_size("size>1G !shared"), &standard);
        saved.set("two", &COLUMNS, &standard, &standard);
        saved.save().unwrap();
        assert!(fs::metadata(&path).unwrap().len() < LARGEST);
        let again = SavedViews::load(Some(path.clone()));
        assert_eq!(again, saved);
        assert_eq!(again.get("one", &COLUMNS), Some(by_size("size>1G !shared")));
        assert_eq!(again.get("two", &COLUMNS), None);
        assert_eq!(again.get("source-0", &COLUMNS), None);
        assert_eq!(again.get("one", &COLUMNS[..1]), None);
        fs::write(&path, "views = 3").unwrap();
        assert_eq!(SavedViews::load(Some(path)).get("one", &COLUMNS), None);
    }

    #[test]
    fn evidence_with_secrets_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("views.toml");
        let mut saved = SavedViews::load(Some(path.clone()));
        for number in 0..MOST_EVIDENCE {
            saved.add_evidence(&format!("provenance-{number}.json"));
        }
        saved.add_evidence("docker buildx build --build-arg NPM_TOKEN=hunter2hunter2 .");
        saved.add_evidence("https://user:hunter2@example.test/provenance.json");
        saved.add_evidence("docker buildx build --target web .");
        saved.add_evidence("provenance-5.json");
        saved.save().unwrap();
        assert!(!fs::read_to_string(&path).unwrap().contains("hunter2"));
        let again = SavedViews::load(Some(path));
        assert_eq!(again, saved);
        let evidence = again.evidence_in(folder.path());
        assert_eq!(evidence.len(), MOST_EVIDENCE);
        assert_eq!(evidence[0], "provenance-1.json");
        assert!(evidence.ends_with(&[
            "docker buildx build --target web .".to_owned(),
            "provenance-5.json".to_owned()
        ]));
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let evidence = again.evidence_in(folder.path());
        assert_eq!(evidence.last().unwrap(), BUILD_HERE);
    }

    #[test]
    fn without_a_file_nothing_is_written() {
        let mut saved = SavedViews::load(None);
        saved.set("one", &COLUMNS, &by_size(""), &View::default());
        saved.save().unwrap();
        assert!(!saved.is_kept());
    }
}
