//! Lists on the command line: rows, order, limit, columns, and format.

use std::cmp::Ordering;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;

use super::filter_argument;
use super::open::Scanned;
use super::output::CommandOutput;
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::text::nearest::nearest;

mod datum;

pub(super) use datum::Datum;

/// The flags that all lists have.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ListFlags {
    /// List only matching rows, such as 'size>1G age>30d !shared'.
    ///
    /// See `cachelens help filters`.
    #[arg(long, value_name = "FILTER", value_parser = filter_argument)]
    filter: Option<Filter>,
    /// Sort by a column, such as size; the largest number or age is first.
    #[arg(long, value_name = "KEY")]
    sort: Option<String>,
    /// Reverse the order.
    #[arg(long)]
    reverse: bool,
    /// List at most N rows of each source, after sorting.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Show these columns, such as size,age.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    columns: Vec<String>,
    /// Omit the header line.
    #[arg(long)]
    no_headers: bool,
    /// The output format.
    ///
    /// Sizes and times in csv and tsv are the same as in JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ListFormat,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ListFormat {
    /// A table.
    #[default]
    Text,
    /// A JSON document with all fields, as with --json.
    Json,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
}

/// A column of a list.
#[derive(Debug)]
pub(super) struct ListColumn {
    /// Its name in `--columns` and `--sort`, and its header in CSV.
    pub(super) name: &'static str,
    /// Its header in a table.
    pub(super) title: &'static str,
    pub(super) align: TableAlign,
    /// Whether it is shown by default.
    pub(super) is_default: bool,
    /// Whether sorting by it starts with the largest value.
    pub(super) is_largest_first: bool,
}

impl ListColumn {
    /// Returns a column of words.
    pub(super) const fn words(name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            align: TableAlign::Left,
            is_default: true,
            is_largest_first: false,
        }
    }

    /// Returns a column of numbers, sizes or ages.
    pub(super) const fn numbers(name: &'static str, title: &'static str) -> Self {
        Self {
            align: TableAlign::Right,
            is_largest_first: true,
            ..Self::words(name, title)
        }
    }

    /// Hides the column by default.
    pub(super) const fn on_request(self) -> Self {
        Self {
            is_default: false,
            ..self
        }
    }
}

/// Rows that can be listed. A row is a number.
pub(super) trait Rows {
    /// The columns; the first one names the row.
    const COLUMNS: &'static [ListColumn];
    /// The default sort column; `None` keeps the rows' own order.
    const SORT: Option<&'static str> = None;

    fn count(&self) -> u32;

    /// Returns whether the rows have values for a column. A table omits the others by default.
    fn has(&self, column: &'static str) -> bool {
        let _ = column;
        true
    }

    fn datum(&self, row: u32, column: &'static str) -> Datum;

    fn style(&self, row: u32, column: &'static str) -> Style {
        let _ = (row, column);
        Style::Plain
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool;

    fn compare(&self, a: u32, b: u32, column: &'static str) -> Ordering {
        self.datum(a, column).compare(&self.datum(b, column))
    }
}

/// The flags of a list, checked against its columns.
pub(super) struct CheckedListFlags<'a> {
    flags: &'a ListFlags,
    sort: Option<&'static ListColumn>,
    columns: Vec<&'static ListColumn>,
    now: Timestamp,
}

impl ListFlags {
    /// Checks the flags against the columns of a list.
    ///
    /// # Errors
    /// Fails if a flag names an unknown column.
    pub(super) fn listing<R: Rows>(&self, now: Timestamp) -> Result<CheckedListFlags<'_>, Failure> {
        let sort = self.sort.as_deref().or(R::SORT);
        let sort = sort.map(column::<R>).transpose()?;
        let chosen = self.columns.iter().filter(|name| !name.is_empty());
        let mut columns = chosen
            .map(|name| column::<R>(name))
            .collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() && !self.columns.is_empty() {
            let failure = Failure::message(Exit::Usage, "`--columns` names no column");
            return Err(failure.hint(format!("the columns are {}", names::<R>().join(", "))));
        }
        if columns.is_empty() {
            columns.extend(R::COLUMNS.iter().filter(|column| column.is_default));
        }
        Ok(CheckedListFlags {
            flags: self,
            sort,
            columns,
            now,
        })
    }

    /// Returns whether tables have a header, and so lines about the list.
    pub(super) fn has_headers(&self) -> bool {
        !self.no_headers
    }

    /// Returns the format; `--json` selects JSON.
    pub(super) fn format(&self, is_json: bool) -> ListFormat {
        if is_json {
            ListFormat::Json
        } else {
            self.format
        }
    }
}

/// The names of fields in JSON whose columns have other names, with those.
const JSON_NAMES: &[(&str, &str)] = &[
    ("name", "ref"),
    ("name", "digest"),
    ("bytes", "size"),
    ("exclusive_bytes", "exclusive"),
    ("created", "age"),
    ("modified", "age"),
    ("last_used", "used"),
    ("platforms", "platform"),
    ("key_only", "keys-only"),
    ("media_type", "media-type"),
    ("uid", "owner"),
    ("gid", "owner"),
    ("faults", "trouble"),
];

pub(super) fn names<R: Rows>() -> Vec<&'static str> {
    R::COLUMNS.iter().map(|column| column.name).collect()
}

/// Finds a column by its name, or by that of its field in JSON.
fn column<R: Rows>(name: &str) -> Result<&'static ListColumn, Failure> {
    let wanted = name.trim().to_lowercase();
    let of_json = JSON_NAMES.iter().filter(|(name, _)| *name == wanted);
    let mut meant = std::iter::once(wanted.as_str()).chain(of_json.map(|(_, column)| *column));
    let found = meant.find_map(|name| R::COLUMNS.iter().find(|column| column.name == name));
    found.ok_or_else(|| {
        let names = names::<R>();
        let near = nearest(&wanted, names.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        let shown = crate::text::escape::visible(name).into_owned();
        Failure::message(Exit::Usage, format!("there is no column `{shown}`"))
            .hint(format!("{near}the columns are {}", names.join(", ")))
    })
}

/// The rows of a source, and the listed ones in order.
pub(super) struct ListedRows<'a, R> {
    pub(super) scanned: &'a Scanned,
    pub(super) rows: R,
    pub(super) shown: Vec<u32>,
}

impl CheckedListFlags<'_> {
    /// Returns the rows of sources, with the rows to list.
    pub(super) fn lists<'a, R: Rows>(
        &self,
        scanned: &'a [Scanned],
        rows: impl Fn(&'a Scanned) -> R,
    ) -> Vec<ListedRows<'a, R>> {
        let listed = scanned.iter().map(|scanned| {
            let rows = rows(scanned);
            let shown = self.arrange(&rows);
            ListedRows {
                scanned,
                rows,
                shown,
            }
        });
        listed.collect()
    }

    /// Prints lists as tables, each below the name of its source if `sources` is several, or as
    /// separated values. `why_empty` returns why a source has no listed rows.
    pub(super) fn print<R: Rows>(
        &self,
        output: &CommandOutput,
        format: ListFormat,
        sources: usize,
        lists: &[ListedRows<'_, R>],
        why_empty: impl Fn(&ListedRows<'_, R>) -> String,
    ) -> Result<Exit, Failure> {
        if matches!(format, ListFormat::Csv | ListFormat::Tsv) {
            let lists: Vec<_> = lists
                .iter()
                .map(|list| (list.scanned.opened.label(), &list.rows, list.shown.clone()))
                .collect();
            return output.raw(&self.values(format, &lists)?);
        }
        let blocks = lists.iter().map(|list| {
            let title = if sources > 1 {
                format!("{}\n", list.scanned.opened.shown())
            } else {
                String::new()
            };
            let table = if list.shown.is_empty() && self.flags.limit == Some(0) {
                String::new()
            } else if list.shown.is_empty() {
                why_empty(list)
            } else {
                self.table(&list.rows, &list.shown, output.paper)
            };
            title + &table
        });
        output.text(&blocks.collect::<Vec<String>>().join("\n"))
    }

    /// Returns the rows to list, in order.
    pub(super) fn arrange<R: Rows>(&self, rows: &R) -> Vec<u32> {
        let filter = self.flags.filter.as_ref();
        let mut kept: Vec<u32> = (0..rows.count())
            .filter(|row| filter.is_none_or(|filter| rows.matches(*row, filter, self.now)))
            .collect();
        if let Some(column) = self.sort {
            kept.sort_by(|a, b| {
                let ordering = rows.compare(*a, *b, column.name);
                if column.is_largest_first {
                    ordering.reverse()
                } else {
                    ordering
                }
            });
        }
        if self.flags.reverse {
            kept.reverse();
        }
        kept.truncate(self.flags.limit.unwrap_or(usize::MAX));
        kept
    }

    /// Prints rows as a table.
    pub(super) fn table<R: Rows>(&self, rows: &R, shown: &[u32], paper: Paper) -> String {
        let is_chosen = !self.flags.columns.is_empty();
        let mut columns = self.columns.clone();
        columns.retain(|column| is_chosen || rows.has(column.name));
        let heads = columns.iter();
        let mut table = Table::new(heads.map(|column| (column.title, column.align)));
        for row in shown {
            table.row(columns.iter().map(|column| {
                let datum = rows.datum(*row, column.name);
                let style = rows.style(*row, column.name);
                match datum {
                    Datum::None => TableCell::none(),
                    datum => datum.cell(self.now).style(style),
                }
            }));
        }
        let text = table.render(paper);
        if self.flags.no_headers {
            return text
                .split_once('\n')
                .map_or_else(String::new, |(_, rest)| rest.to_owned());
        }
        text
    }

    /// Prints the rows of sources as comma- or tab-separated values; with several sources, the
    /// first column is `source`.
    pub(super) fn values<R: Rows>(
        &self,
        format: ListFormat,
        lists: &[(String, &R, Vec<u32>)],
    ) -> Result<Vec<u8>, Failure> {
        // Values contain no tabs and no line ends, so TSV needs no quotes.
        let (delimiter, quotes) = if format == ListFormat::Tsv {
            (b'\t', csv::QuoteStyle::Never)
        } else {
            (b',', csv::QuoteStyle::Necessary)
        };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote_style(quotes)
            .from_writer(Vec::new());
        let failed = |error: csv::Error| Failure::new(Exit::Failed, &error);
        let has_source = lists.len() > 1;
        let source = |name: &str| has_source.then(|| name.to_owned());
        if !self.flags.no_headers {
            let heads = self.columns.iter().map(|column| column.name.to_owned());
            let record = source("source").into_iter().chain(heads);
            writer.write_record(record).map_err(failed)?;
        }
        for (name, rows, shown) in lists {
            for row in shown {
                let fields = self.columns.iter().map(|column| {
                    let datum = rows.datum(*row, column.name);
                    match datum.value() {
                        Value::Null => String::new(),
                        Value::String(text) => safe(&text),
                        value => value.to_string(),
                    }
                });
                let record = source(&safe(name)).into_iter().chain(fields);
                writer.write_record(record).map_err(failed)?;
            }
        }
        let written = writer.into_inner();
        written.map_err(|error| Failure::new(Exit::Failed, &error))
    }
}

/// Escapes text for a terminal and for a spreadsheet, which would take a leading sign of this set
/// for a formula.
fn safe(text: &str) -> String {
    let text = crate::text::escape::visible(text).into_owned();
    if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text
    }
}
