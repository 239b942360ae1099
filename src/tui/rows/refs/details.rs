//! The details of a ref.

use jiff::Timestamp;

use super::{RefRows, unknown, verdict_word};
use crate::backend::short_branch;
use crate::inventory::blobs::Blob;
use crate::inventory::quota::Visibility;
use crate::inventory::{AgeSource, RecordCounts, RefEntry, RefKind};
use crate::retention::{Criterion, Reason, Verdict};
use crate::text::escape::visible;
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::rows::{Cell, DetailLine, UNKNOWN};
use crate::tui::theme::TextRole;

impl RefRows {
    /// Returns when a ref is evicted, if the store has a quota.
    pub(super) fn eviction(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let evictions = self.evictions.get_or_init(|| self.inventory.evictions());
        let Some(eviction) = evictions
            .as_ref()
            .and_then(|evictions| evictions.refs.get(row as usize))
        else {
            return Vec::new();
        };
        let facts = self.at(row).facts();
        let used = facts.used.map(|used| {
            DetailLine::Fact(
                "last used",
                Cell::text(format!("{}, {used:.0}", Age::between(used, now).ago())),
            )
        });
        let idle = match eviction.idle_at {
            Some(at) if at > now => Cell::text(format!(
                "in {} unless a build uses it",
                Age::between(now, at)
            )),
            Some(_) => Cell::new(
                "at any time: no build has used it for long enough",
                TextRole::Warning,
            ),
            None => unknown(),
        };
        let room = match eviction.after_bytes {
            0 => Cell::new("at any time, for the quota is full", TextRole::Warning),
            bytes => Cell::text(format!("when {} more are written", Size(bytes))),
        };
        let visibility = self.inventory.visibility();
        let branch = facts.branch.as_ref();
        let sees = |of: &&Visibility| branch.is_some_and(|branch| of.reads.contains(branch));
        let readers: Vec<&str> = visibility
            .iter()
            .filter(sees)
            .map(|of| short_branch(&of.branch))
            .collect();
        let readers = match readers.as_slice() {
            [] => Cell::new("no build: the branch is gone", TextRole::Warning),
            readers => Cell::text(format!("builds on {}", readers.join(", "))),
        };
        let facts = [
            DetailLine::Fact("read by", readers),
            DetailLine::Fact("evicted", idle),
            DetailLine::Fact("or", room),
        ];
        used.into_iter().chain(facts).collect()
    }

    pub(super) fn size_details(&self, entry: &RefEntry) -> Vec<DetailLine> {
        if let Some(why) = entry.withheld() {
            let why =
                Cell::new("not known: ", TextRole::Unsure).and(why.to_string(), TextRole::Unsure);
            return vec![DetailLine::Blank, DetailLine::Fact("size", why)];
        }
        let sizes = &entry.sizes;
        let mut details = vec![
            DetailLine::Blank,
            DetailLine::Fact(
                "size",
                self.size_of(entry, sizes.bytes, TextRole::Strong).and(
                    format!(" in {} blobs", grouped(entry.reach.len() as u64)),
                    TextRole::Dim,
                ),
            ),
            DetailLine::Fact(
                "only here",
                match sizes.exclusive_bytes {
                    Some(_) => self
                        .exclusive(entry)
                        .and(": freed by deleting this ref alone", TextRole::Dim),
                    None => Cell::new(
                        "not known: only this ref of the repository was read",
                        TextRole::Unsure,
                    ),
                },
            ),
            DetailLine::Fact("layers", Cell::text(grouped(entry.layers.into()))),
        ];
        if let Some(counts) = entry.counts().filter(|counts| counts.records > 0) {
            details.extend(count_details(counts));
        }
        if sizes.missing_blobs > 0 {
            details.push(DetailLine::Blank);
            details.push(DetailLine::Heading(
                format!("Missing, {} as named", Size(sizes.missing_bytes)).into(),
            ));
            let blobs = entry
                .reach
                .iter()
                .map(|id| self.inventory.blobs.get(*id))
                .filter(Blob::is_missing);
            details.extend(blobs.take(MISSING_SHOWN).map(|blob| {
                DetailLine::Text(Cell::new(blob.digest().to_string(), TextRole::Missing))
            }));
        }
        details
    }
}

/// The maximum number of missing blobs in the details.
const MISSING_SHOWN: usize = 20;

/// Returns why builds cannot use a ref as it is.
pub fn fault(entry: &RefEntry) -> Option<String> {
    if let Some(fault) = entry.faults.first() {
        return Some(fault.kind.to_string());
    }
    match entry.sizes.missing_blobs {
        0 => None,
        1 => Some("1 blob missing: a build that imports this fails".to_owned()),
        count => Some(format!(
            "{count} blobs missing: a build that imports this fails"
        )),
    }
}

/// Returns the verdict on a ref, and its most important reason.
pub(super) fn policy(verdict: &Verdict) -> Cell {
    // The rule is named last, so that the text that differs between rows comes first.
    let reason = match verdict.reasons().first() {
        Some(Reason::Criterion {
            rule,
            criterion: Criterion::Last { place, of },
        }) => format!("#{place} of last {of} · {}", visible(rule)),
        Some(Reason::Criterion { rule, criterion }) => format!("{criterion} · {}", visible(rule)),
        Some(Reason::Expired {
            rule, age, keeps, ..
        }) => format!("{} old, past {keeps} · {}", Age(*age), visible(rule)),
        Some(Reason::Protected { rule } | Reason::Rule { rule }) => visible(rule).into_owned(),
        Some(Reason::NoRule) => "no rule".to_owned(),
        Some(reason) => reason.to_string(),
        None => String::new(),
    };
    verdict_word(verdict)
        .and("  ", TextRole::Text)
        .and(reason, TextRole::Dim)
}

pub(super) fn steps(entry: &RefEntry) -> Cell {
    if entry.withheld().is_some() {
        return unknown();
    }
    if let Some(fault) = fault(entry) {
        return Cell::new("! ", TextRole::Missing).and(fault, TextRole::Missing);
    }
    match entry.counts() {
        _ if entry.kind == RefKind::Image => Cell::new("no cache in it", TextRole::Dim),
        None => Cell::new(UNKNOWN, TextRole::Unsure),
        Some(counts) => {
            let cell = Cell::text(format!("{:>4}", counts.results)).and(" ✓", TextRole::Good);
            let cell = match counts.key_only_steps() {
                0 => cell,
                count => cell
                    .and(format!("{count:>4}"), TextRole::Text)
                    .and(" ○", TextRole::Dim),
            };
            match counts.broken {
                0 => cell,
                count => cell.and(format!("  ! {count} broken"), TextRole::Missing),
            }
        }
    }
}

fn count_details(counts: RecordCounts) -> Vec<DetailLine> {
    let mut details = Vec::new();
    details.extend([
        DetailLine::Fact("records", Cell::text(grouped(counts.records))),
        DetailLine::Fact(
            "results",
            Cell::new(grouped(counts.results), TextRole::Good)
                .and(" whose result can be loaded  ✓", TextRole::Dim),
        ),
        DetailLine::Fact(
            "key only",
            Cell::text(grouped(counts.key_only_steps()))
                .and(" that only let later steps match  ○", TextRole::Dim),
        ),
    ]);
    if counts.broken > 0 {
        let broken = Cell::new(grouped(counts.broken), TextRole::Missing)
            .and(" whose result cannot be loaded  !", TextRole::Dim);
        details.push(DetailLine::Fact("broken", broken));
    }
    details
}

/// Returns the digest of a ref, its other names, its kind and its platforms.
pub(super) fn identity(entry: &RefEntry) -> Vec<DetailLine> {
    // The ID of a withheld ref is not a digest of its content.
    let digest = entry
        .withheld()
        .map_or_else(|| Cell::text(entry.digest().to_string()), |_| unknown());
    let mut details = vec![DetailLine::Fact("digest", digest)];
    let aliases = entry.aliases.iter();
    details.extend(aliases.map(|alias| DetailLine::Fact("also", Cell::text(alias.clone()))));
    details.push(DetailLine::Fact("kind", Cell::text(entry.kind.word())));
    if !entry.platforms.is_empty() {
        let platforms = Cell::text(entry.platforms.join(", "));
        details.push(DetailLine::Fact("platforms", platforms));
    }
    details
}

/// Returns the age of a ref, and where it is from.
pub(super) fn age(entry: &RefEntry, now: Timestamp) -> Option<DetailLine> {
    let (then, source) = entry.age()?;
    let words = match source {
        AgeSource::CacheConfig => "its newest result",
        AgeSource::ImageConfig => "the image's own date",
        AgeSource::Store => "when it was stored",
        AgeSource::Subject => "by the date of its image",
    };
    let age = format!("{}, {:.0}", Age::between(then, now).ago(), then);
    Some(DetailLine::Fact(
        "age",
        Cell::text(age).and(format!(" ({words})"), TextRole::Dim),
    ))
}
