//! The columns that a person does not want to see, by list, and the file that remembers them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::rows::Column;

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "columns.toml";
/// The most bytes of the file that are read.
const LARGEST: u64 = 64 << 10;

/// The columns that are hidden. A list is known by the title of its first column, which always
/// shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenColumns {
    #[serde(default)]
    hidden: BTreeMap<String, BTreeSet<String>>,
}

impl HiddenColumns {
    /// Reads what was hidden before; nothing where that cannot be read.
    pub fn load(path: &Path) -> Self {
        let mut text = String::new();
        let read = fs::File::open(path)
            .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
            .map(|_| ());
        match read.map(|()| toml::from_str(&text)) {
            Ok(Ok(hidden)) => hidden,
            Ok(Err(error)) => {
                tracing::warn!(%error, "all columns are shown");
                Self::default()
            }
            Err(_) => Self::default(),
        }
    }

    /// Writes what is hidden.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = path.with_extension(format!("toml.{}", std::process::id()));
        let text = toml::to_string(self).map_err(io::Error::other)?;
        fs::write(&draft, text)?;
        fs::rename(draft, path)
    }

    /// Returns whether the column at `place` of a list is hidden.
    pub fn hides(&self, columns: &[Column], place: usize) -> bool {
        let titles = columns
            .first()
            .and_then(|first| self.hidden.get(first.title));
        let column = columns.get(place).filter(|_| place > 0);
        titles
            .zip(column)
            .is_some_and(|(titles, column)| titles.contains(column.title))
    }

    /// Hides the column at `place` of a list, or shows it again.
    pub fn toggle(&mut self, columns: &[Column], place: usize) {
        let (Some(first), Some(column)) = (columns.first(), columns.get(place)) else {
            return;
        };
        if place == 0 {
            return;
        }
        let titles = self.hidden.entry(first.title.to_owned()).or_default();
        if !titles.remove(column.title) {
            titles.insert(column.title.to_owned());
        }
        self.hidden.retain(|_, titles| !titles.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::rows::{Align, Sortable};

    fn columns() -> Vec<Column> {
        let column = |title| Column {
            title,
            align: Align::Left,
            min: 1,
            max: 1,
            rank: 0,
            sort: Sortable::No,
        };
        ["REF", "KIND", "AGE"].map(column).to_vec()
    }

    #[test]
    fn hidden_columns_are_remembered_and_the_name_is_always_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/columns.toml");
        let mut hidden = HiddenColumns::load(&path);
        hidden.toggle(&columns(), 1);
        hidden.toggle(&columns(), 0);
        hidden.save(&path).unwrap();
        let again = HiddenColumns::load(&path);
        assert_eq!(again, hidden);
        let hides = [0, 1, 2].map(|place| again.hides(&columns(), place));
        assert_eq!(hides, [false, true, false]);
        hidden.toggle(&columns(), 1);
        assert_eq!(hidden, HiddenColumns::default());
        fs::write(&path, "hidden = 3").unwrap();
        assert_eq!(HiddenColumns::load(&path), HiddenColumns::default());
    }
}
