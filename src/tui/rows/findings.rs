//! The findings of a check as rows: the most severe first.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable};
use crate::check::{CheckResult, Finding, Severity};
use crate::format::digest::Digest;
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use crate::report::documents::fields_of;
use crate::text::units::Size;
use crate::tui::theme::TextRole;

/// The column of severities, the initial sort column.
pub const SEVERITY: usize = 0;

const COLUMNS: &[Column] = &[
    Column {
        title: "SEVERITY",
        align: Align::Left,
        min: 9,
        max: 9,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "FINDING",
        align: Align::Left,
        min: 14,
        max: 19,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "COST",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 3,
        sort: Sortable::Descending,
    },
    Column {
        title: "REF",
        align: Align::Left,
        min: 8,
        max: 20,
        rank: 2,
        sort: Sortable::Ascending,
    },
    Column {
        title: "WHAT",
        align: Align::Left,
        min: 28,
        max: 160,
        rank: 1,
        sort: Sortable::No,
    },
];

/// The findings of a check.
#[derive(Debug, Default)]
pub struct FindingRows {
    checked: Arc<CheckResult>,
    /// What tells the findings from each other, also after another check.
    keys: Vec<String>,
    places: HashMap<String, u32>,
}

impl FindingRows {
    /// Shows the result of a check.
    pub fn new(checked: Arc<CheckResult>) -> Self {
        let keys: Vec<String> = checked.findings.iter().map(key).collect();
        let places = keys.iter().cloned().zip(0..).collect();
        Self {
            checked,
            keys,
            places,
        }
    }

    /// Returns the finding of a row.
    pub fn at(&self, row: u32) -> &Finding {
        &self.checked.findings[row as usize]
    }
}

/// Returns what tells a finding from the others of a source.
fn key(finding: &Finding) -> String {
    let of = finding.ref_name.as_deref().unwrap_or_default();
    let subject = finding.subject.as_deref().unwrap_or_default();
    // A finding without a subject is identified by its message.
    let rest = if subject.is_empty() {
        &finding.message
    } else {
        subject
    };
    format!("{}\n{of}\n{rest}", finding.code)
}

/// Returns a sign and the word for a severity.
fn severity(severity: Severity) -> Cell {
    match severity {
        Severity::Error => Cell::new("! error", TextRole::Error),
        Severity::Warning => Cell::new("~ warning", TextRole::Warning),
        Severity::Info => Cell::new("· info", TextRole::Dim),
    }
}

impl RowSet for FindingRows {
    fn count(&self) -> u32 {
        u32::try_from(self.checked.findings.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let finding = self.at(row);
        vec![
            severity(finding.severity),
            Cell::new(finding.code.name(), TextRole::Strong),
            Cell::text(
                finding
                    .bytes
                    .map_or_else(|| NONE.to_owned(), |bytes| Size(bytes).to_string()),
            ),
            Cell::text(finding.ref_name.clone().unwrap_or_else(|| NONE.to_owned())),
            Cell::text(finding.message.clone()),
        ]
    }

    fn details(&self, row: u32, _now: Timestamp) -> Vec<DetailLine> {
        let finding = self.at(row);
        let mut details = vec![
            DetailLine::Heading(finding.code.name().into()),
            DetailLine::Text(Cell::text(finding.message.clone())),
            DetailLine::Blank,
        ];
        if let Some(hint) = finding.hint_text() {
            details.extend([
                DetailLine::Fact("to do", Cell::text(hint)),
                DetailLine::Blank,
            ]);
        }
        details.push(DetailLine::Fact("severity", severity(finding.severity)));
        let facts = [
            ("ref", finding.ref_name.clone()),
            ("about", finding.subject.clone()),
            ("cost", finding.bytes.map(|bytes| Size(bytes).to_string())),
            ("source", Some(finding.source.clone())),
        ];
        details.extend(
            facts
                .into_iter()
                .filter_map(|(name, value)| Some(DetailLine::Fact(name, Cell::text(value?)))),
        );
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let a = self.at(a);
        let b = self.at(b);
        match column {
            SEVERITY => a.order().cmp(&b.order()),
            1 => a.code.name().cmp(b.code.name()),
            2 => a.bytes.cmp(&b.bytes),
            _ => a.ref_name.cmp(&b.ref_name),
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Object(self.keys[row as usize].clone())
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::Object(key) => self.places.get(key).copied(),
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        self.at(row).bytes.unwrap_or_default()
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        fields_of(self.at(row), &Finding::FIELDS)
    }

    /// The copied text of a finding is its message, subject and advice.
    fn name(&self, row: u32) -> String {
        let finding = self.at(row);
        let Finding {
            severity,
            code,
            source,
            ref_name,
            message,
            ..
        } = finding;
        let place = ref_name
            .as_ref()
            .map_or_else(|| source.clone(), |name| format!("{source}#{name}"));
        let hint = finding
            .hint_text()
            .map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        format!("{severity} {code} in {place}: {message}{hint}")
    }
}

impl FilterSubject for Finding {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => {
                let texts = [
                    Some(self.code.name()),
                    self.ref_name.as_deref(),
                    self.subject.as_deref(),
                    Some(&self.message),
                ];
                Some(texts.into_iter().flatten().any(test))
            }
            FilterTextField::Ref => self.ref_name.as_deref().map(test),
            FilterTextField::Kind => Some(
                [self.code.name(), self.severity.word()]
                    .into_iter()
                    .any(test),
            ),
            FilterTextField::State
            | FilterTextField::Step
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        self.bytes.filter(|_| field == NumberField::Size)
    }

    fn digest(&self) -> Option<Digest> {
        Finding::digest(self)
    }
}
