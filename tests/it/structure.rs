//! The structure of the code, checked by reading it: layers, traits, names and sizes.
//!
//! What departs from a rule today is in a list next to this file. A list may only shrink: an entry
//! that grows fails, and so does an entry that is no longer needed. With `STRUCTURE_SHRINK=1` the
//! tests write the smaller lists themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

mod decisions;
mod layers;
mod names;
pub(crate) mod read;
mod reading;
mod sizes;
mod stores;

fn count(found: &mut BTreeMap<String, usize>, name: &str, number: usize) {
    if number > 0 {
        found.insert(name.to_owned(), number);
    }
}

/// A list of what departs from a rule today: a name and a number on each line.
struct Allowed {
    file: PathBuf,
    entries: BTreeMap<String, usize>,
}

impl Allowed {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/structure");
        let file = folder.join(format!("{name}.txt"));
        let text = fs::read_to_string(&file).unwrap();
        let entry = |line: &str| {
            let (name, number) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), number.parse().unwrap())
        };
        Self {
            entries: text.lines().map(entry).collect(),
            file,
        }
    }

    /// Checks that nothing was added to the list, and that every entry is still needed.
    fn check(&self, found: &BTreeMap<String, usize>) {
        let allowed = |name: &str| self.entries.get(name).copied().unwrap_or_default();
        let grown = lines(
            found
                .iter()
                .filter(|(name, number)| **number > allowed(name)),
        );
        assert!(
            grown.is_empty(),
            "{} allows less than this:\n{grown}",
            self.file.display()
        );
        let unneeded = self
            .entries
            .keys()
            .filter(|name| !found.contains_key(*name));
        let unneeded: Vec<&String> = unneeded.collect();
        if std::env::var_os("STRUCTURE_SHRINK").is_some() {
            fs::write(&self.file, lines(found.iter())).unwrap();
        } else {
            assert!(
                unneeded.is_empty(),
                "{} names what is no longer there: {unneeded:?}; STRUCTURE_SHRINK=1 removes it",
                self.file.display()
            );
        }
    }
}

fn lines<'a>(entries: impl Iterator<Item = (&'a String, &'a usize)>) -> String {
    entries.fold(String::new(), |mut text, (name, number)| {
        let _ = writeln!(text, "{name} {number}");
        text
    })
}
