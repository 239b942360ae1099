//! The declared caches of a directory and their problems, as rows: the most severe first.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Align, Cell, Column, DetailLine, FilterHelp, Identity, NONE, RowSet, Sortable};
use crate::find::{Declaration, Direction, Mistake, MistakeSeverity, RepositoryFindings};
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField};
use crate::report::documents::fields_of;
use crate::text::plural::counted_in_groups;
use crate::tui::theme::TextRole;

/// The fields of findings and declarations in a table.
const FIELDS: [&str; 11] = [
    "severity",
    "code",
    "cache",
    "direction",
    "file",
    "line",
    "tool",
    "target",
    "note",
    "message",
    "hint",
];

/// The column of severities, the initial sort column.
pub const TROUBLE: usize = 0;

const COLUMNS: &[Column] = &[
    Column {
        title: "WHAT",
        align: Align::Left,
        min: 9,
        max: 9,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "CACHE",
        align: Align::Left,
        min: 28,
        max: 160,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "WHERE",
        align: Align::Path,
        min: 16,
        max: 48,
        rank: 1,
        sort: Sortable::Ascending,
    },
    Column {
        title: "TOOL",
        align: Align::Left,
        min: 24,
        max: 24,
        rank: 3,
        sort: Sortable::Ascending,
    },
    Column {
        title: "NOTE",
        align: Align::Left,
        min: 50,
        max: 90,
        rank: 4,
        sort: Sortable::No,
    },
];

/// Returns the part of a declared cache that distinguishes it: the ref or the directory, where the
/// attributes begin with that.
fn place_of(cache: &str) -> &str {
    const BEGINNINGS: [&str; 4] = [
        "type=registry,ref=",
        "type=inline,ref=",
        "type=local,dest=",
        "type=local,src=",
    ];
    let mut places = BEGINNINGS
        .iter()
        .filter_map(|beginning| cache.strip_prefix(beginning));
    places.next().unwrap_or(cache)
}

/// The result of a search: findings first, then declarations.
#[derive(Debug, Default)]
pub struct FindRows {
    found: Arc<RepositoryFindings>,
    /// For each declaration, the worst finding on its line.
    worst: Vec<Option<MistakeSeverity>>,
}

/// A row.
#[derive(Debug, Clone, Copy)]
enum FindItem<'a> {
    Finding(&'a Mistake),
    Declaration(&'a Declaration, Option<MistakeSeverity>),
}

impl FindRows {
    /// Shows the result of a search.
    pub fn new(found: Arc<RepositoryFindings>) -> Self {
        let worst = found.declared.iter().map(|declaration| {
            let at = (&declaration.file, declaration.line);
            let of = found.findings.iter();
            let same = of.filter(|finding| (&finding.file, finding.line) == at);
            same.map(|finding| finding.severity).min()
        });
        Self {
            worst: worst.collect(),
            found,
        }
    }

    /// Returns the result of the search.
    pub fn found(&self) -> &RepositoryFindings {
        &self.found
    }

    /// Returns the declaration of a row; for a finding, the one on its line.
    pub fn declaration(&self, row: u32) -> Option<&Declaration> {
        match self.at(row) {
            FindItem::Declaration(declaration, _) => Some(declaration),
            FindItem::Finding(finding) => {
                let mut declared = self.found.declared.iter();
                declared.find(|declaration| {
                    (&declaration.file, declaration.line) == (&finding.file, finding.line)
                })
            }
        }
    }

    /// Returns the file and the line of a row.
    pub fn place(&self, row: u32) -> Option<(&str, u32)> {
        (row < self.count()).then(|| self.at(row).place())
    }

    fn at(&self, row: u32) -> FindItem<'_> {
        let place = row as usize;
        match place.checked_sub(self.found.findings.len()) {
            None => FindItem::Finding(&self.found.findings[place]),
            Some(place) => FindItem::Declaration(&self.found.declared[place], self.worst[place]),
        }
    }
}

impl<'a> FindItem<'a> {
    fn place(self) -> (&'a str, u32) {
        match self {
            Self::Finding(finding) => (&finding.file, finding.line),
            Self::Declaration(declaration, _) => (&declaration.file, declaration.line),
        }
    }

    /// Returns the sort key by severity: findings, then declarations with a problem.
    fn trouble(self) -> (bool, u8) {
        let number = |severity| match severity {
            Some(MistakeSeverity::Error) => 0,
            Some(MistakeSeverity::Warning) => 1,
            Some(MistakeSeverity::Info) => 2,
            None => 3,
        };
        match self {
            Self::Finding(finding) => (false, number(Some(finding.severity))),
            Self::Declaration(_, worst) => (true, number(worst)),
        }
    }

    fn text(self) -> &'a str {
        match self {
            Self::Finding(finding) => &finding.message,
            Self::Declaration(declaration, _) => &declaration.cache,
        }
    }

    fn tool(self) -> &'a str {
        match self {
            Self::Finding(_) => "",
            Self::Declaration(declaration, _) => &declaration.tool,
        }
    }

    fn note(self) -> Option<&'a str> {
        match self {
            Self::Finding(finding) => finding.hint.as_deref(),
            Self::Declaration(declaration, _) => declaration.note.as_deref(),
        }
    }

    fn target(self) -> Option<&'a str> {
        match self {
            Self::Finding(_) => None,
            Self::Declaration(declaration, _) => declaration.target.as_deref(),
        }
    }
}

/// Returns a sign and the word for a severity.
pub fn severity(severity: MistakeSeverity) -> Cell {
    match severity {
        MistakeSeverity::Error => Cell::new("! error", TextRole::Error),
        MistakeSeverity::Warning => Cell::new("~ warning", TextRole::Warning),
        MistakeSeverity::Info => Cell::new("· hint", TextRole::Dim),
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Import => "import",
        Direction::Export => "export",
        Direction::Both => "both",
    }
}

fn finding_lines(finding: &Mistake, details: &mut Vec<DetailLine>) {
    details.push(DetailLine::Text(
        severity(finding.severity).and(format!("  {}", finding.code), TextRole::Dim),
    ));
    details.push(DetailLine::Text(Cell::text(finding.message.clone())));
    if let Some(hint) = &finding.hint {
        details.push(DetailLine::Blank);
        details.push(DetailLine::Fact("to do", Cell::text(hint.clone())));
    }
}

fn declaration_lines(declaration: &Declaration, details: &mut Vec<DetailLine>) {
    let fact = |name, value: &str| DetailLine::Fact(name, Cell::text(value.to_owned()));
    details.push(DetailLine::Text(Cell::new(
        declaration.cache.clone(),
        TextRole::Strong,
    )));
    details.push(DetailLine::Blank);
    let used = match declaration.direction {
        Direction::Import => "a build imports it",
        Direction::Export => "a build exports to it",
        Direction::Both => "a build imports it and exports to it",
    };
    details.push(fact("use", used));
    details.push(fact("tool", &declaration.tool));
    if let Some(target) = &declaration.target {
        details.push(fact("target", target));
    }
    if let Some(note) = &declaration.note {
        details.push(fact("note", note));
    }
}

impl RowSet for FindRows {
    fn count(&self) -> u32 {
        let count = self.found.findings.len() + self.found.declared.len();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let item = self.at(row);
        let (file, line) = item.place();
        let what = match item {
            FindItem::Finding(finding) => severity(finding.severity),
            FindItem::Declaration(declaration, worst) => {
                let sign = match worst {
                    Some(MistakeSeverity::Error) => ("! ", TextRole::Error),
                    Some(MistakeSeverity::Warning) => ("~ ", TextRole::Warning),
                    Some(MistakeSeverity::Info) | None => ("  ", TextRole::Dim),
                };
                Cell::new(sign.0, sign.1).and(direction(declaration.direction), TextRole::Dim)
            }
        };
        let or_none = |text: Option<&str>| match text.filter(|text| !text.is_empty()) {
            Some(text) => Cell::text(text.to_owned()),
            None => Cell::new(NONE, TextRole::Dim),
        };
        vec![
            what,
            match item {
                FindItem::Finding(finding) => Cell::text(finding.message.clone()),
                FindItem::Declaration(declaration, _) => {
                    Cell::new(place_of(&declaration.cache).to_owned(), TextRole::Strong)
                }
            },
            Cell::new(format!("{file}:{line}"), TextRole::Dim),
            or_none(Some(item.tool())),
            or_none(item.note()),
        ]
    }

    fn details(&self, row: u32, _now: Timestamp) -> Vec<DetailLine> {
        let item = self.at(row);
        let (file, line) = item.place();
        let mut details = Vec::new();
        match item {
            FindItem::Finding(finding) => {
                finding_lines(finding, &mut details);
                details.push(DetailLine::Fact(
                    "where",
                    Cell::text(format!("{file}:{line}")),
                ));
                if let Some(declaration) = self.declaration(row) {
                    details.push(DetailLine::Blank);
                    declaration_lines(declaration, &mut details);
                }
            }
            FindItem::Declaration(declaration, _) => {
                declaration_lines(declaration, &mut details);
                details.push(DetailLine::Fact(
                    "where",
                    Cell::text(format!("{file}:{line}")),
                ));
                let findings = self.found.findings.iter();
                for finding in
                    findings.filter(|finding| (&*finding.file, finding.line) == (file, line))
                {
                    details.push(DetailLine::Blank);
                    finding_lines(finding, &mut details);
                }
            }
        }
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(&self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let a = self.at(a);
        let b = self.at(b);
        match column {
            TROUBLE => a.trouble().cmp(&b.trouble()),
            1 => a.text().cmp(b.text()),
            2 => a.place().cmp(&b.place()),
            _ => a.tool().cmp(b.tool()),
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Item(row as usize)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::Item(place) => u32::try_from(*place).ok().filter(|row| *row < self.count()),
            _ => None,
        }
    }

    /// A declaration takes no space by itself.
    fn bytes(&self, _row: u32) -> u64 {
        0
    }

    fn together(&self, rows: &[u32]) -> String {
        counted_in_groups(rows.len() as u64, "row", "rows")
    }

    fn filter_help(&self) -> FilterHelp {
        FilterHelp {
            examples: "path~compose  kind:export  kind:error  name~registry  or any part of a text",
            fields: Some(&["name", "path", "kind"]),
        }
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        match self.at(row) {
            FindItem::Finding(finding) => fields_of(finding, &FIELDS),
            FindItem::Declaration(declaration, _) => fields_of(declaration, &FIELDS),
        }
    }

    /// The copied text of a finding is its message, location and advice.
    fn name(&self, row: u32) -> String {
        match self.at(row) {
            FindItem::Declaration(declaration, _) => declaration.cache.clone(),
            FindItem::Finding(finding) => {
                let hint = finding.hint.as_ref();
                let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
                let Mistake {
                    file,
                    line,
                    code,
                    message,
                    ..
                } = finding;
                format!("{file}:{line}: {code}: {message}{hint}")
            }
        }
    }
}

impl FilterSubject for FindItem<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match (field, self) {
            (FilterTextField::Name, item) => {
                let (file, _) = item.place();
                let texts = [item.text(), file, item.tool(), item.target().unwrap_or("")];
                Some(texts.into_iter().any(test))
            }
            (FilterTextField::Path, item) => Some(test(item.place().0)),
            (FilterTextField::Kind, Self::Finding(finding)) => Some(
                [finding.severity.word(), finding.code]
                    .into_iter()
                    .any(test),
            ),
            (FilterTextField::Kind, Self::Declaration(declaration, _)) => Some(
                [direction(declaration.direction), declaration.tool.as_str()]
                    .into_iter()
                    .any(test),
            ),
            (
                FilterTextField::Ref
                | FilterTextField::Step
                | FilterTextField::State
                | FilterTextField::Platform
                | FilterTextField::Change,
                _,
            ) => None,
        }
    }
}
