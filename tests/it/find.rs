//! `find`: the caches that files of every kind declare, and their problems.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cachelens::find::{self, Direction, RepositoryFindings};
use tempfile::TempDir;

mod actions;
mod bake;
mod hostile;
mod jenkins;
mod kinds;
mod mistakes;
mod opens;
mod python;
mod scripts;

/// A repository in a temporary directory.
pub(crate) struct Repository {
    root: TempDir,
}

impl Repository {
    pub(crate) fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn with(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let file = self.root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    fn found(&self) -> RepositoryFindings {
        find::find(self.path()).unwrap()
    }

    /// The declarations, one per line.
    fn declared(&self) -> String {
        declared(&self.found())
    }

    /// The codes of the findings.
    fn codes(&self) -> Vec<&'static str> {
        let found = self.found();
        found.findings.iter().map(|finding| finding.code).collect()
    }

    /// The findings with one code, one per line.
    fn findings(&self, code: &str) -> Vec<String> {
        let found = self.found();
        let of_code = found.findings.iter().filter(|finding| finding.code == code);
        of_code
            .map(|finding| format!("{}:{}", finding.file, finding.line))
            .collect()
    }
}

fn declared(found: &RepositoryFindings) -> String {
    let mut text = String::new();
    for declaration in &found.declared {
        let direction = match declaration.direction {
            Direction::Import => "import",
            Direction::Export => "export",
            Direction::Both => "both",
        };
        let target = declaration.target.as_deref().unwrap_or("-");
        write!(
            text,
            "{}:{} {direction} {} by {} for {target}",
            declaration.file, declaration.line, declaration.cache, declaration.tool
        )
        .unwrap();
        if let Some(note) = &declaration.note {
            write!(text, " # {note}").unwrap();
        }
        text.push('\n');
    }
    text
}

/// Reads a fixture: the first line is a description, `-- path --` begins each file, and the parts
/// `declared` and `findings` are the expected output.
pub(crate) fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n').skip(1) {
        let name = line
            .trim_end()
            .strip_prefix("-- ")
            .and_then(|rest| rest.strip_suffix(" --"));
        match (name, sections.last_mut()) {
            (Some(name), _) => sections.push((name.to_owned(), String::new())),
            (None, Some((_, content))) => content.push_str(line),
            (None, None) => panic!("a fixture begins with something that is no file: {line}"),
        }
    }
    sections
}

#[test]
fn declarations_and_mistakes_match_the_expected_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/find");
    let mut fixtures: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    fixtures.sort();
    assert!(fixtures.len() >= 12, "the fixtures of find have gone");
    for fixture in fixtures {
        let text = fs::read_to_string(&fixture).unwrap();
        let mut repository = Repository::new();
        let mut wanted = (String::new(), String::new());
        for (name, content) in sections(&text) {
            match name.as_str() {
                "declared" => wanted.0 = content,
                "findings" => wanted.1 = content,
                path => repository = repository.with(path, content),
            }
        }
        let found = repository.found();
        let mut findings = String::new();
        for finding in &found.findings {
            writeln!(
                findings,
                "{}:{} {} {}",
                finding.file,
                finding.line,
                finding.severity.word(),
                finding.code
            )
            .unwrap();
        }
        let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(declared(&found), wanted.0, "the declarations of {name}");
        assert_eq!(findings, wanted.1, "the findings of {name}");
    }
}
