//! Ranks refs: the newest of a group, and the newest of each period.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use jiff::tz::TimeZone;
use jiff::{RoundMode, Timestamp, Unit, ZonedRound};

use super::facts::RefFacts;
use super::policy::{Criteria, Keep, RefGrouping};
use super::verdict::{Criterion, Period};

/// A ref that is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedRef<'a> {
    /// Its index.
    pub place: usize,
    pub facts: &'a RefFacts,
    /// The time of its content; a future time counts as now.
    pub time: Timestamp,
}

/// Returns the criteria that each ref meets as one of the newest of its group, by index of the ref.
pub(super) fn rank(
    keep: &Keep,
    counted: Vec<CountedRef<'_>>,
    zone: &TimeZone,
) -> Vec<(usize, Criterion)> {
    let mut groups: BTreeMap<_, Vec<CountedRef<'_>>> = BTreeMap::new();
    for counted in counted {
        groups
            .entry(keep.group.key(counted.facts))
            .or_default()
            .push(counted);
    }
    let mut ranked = Vec::new();
    for group in groups.values_mut() {
        group.sort_by_key(|counted| {
            (
                std::cmp::Reverse(counted.time),
                &counted.facts.name,
                &counted.facts.digest,
            )
        });
        rank_group(&keep.criteria, group, zone, &mut ranked);
    }
    ranked
}

impl RefGrouping {
    /// Returns the key that refs of the same group share.
    fn key<'a>(&self, facts: &'a RefFacts) -> Vec<Option<&'a str>> {
        let source = Some(facts.source.as_str());
        let repository = facts.repository.as_deref();
        match self {
            Self::Repository => vec![source, repository],
            Self::Source => vec![source],
            Self::Prefix => vec![
                source,
                repository,
                facts.name.split(['/', '-', '_', '.']).next(),
            ],
            Self::None => Vec::new(),
            Self::Captures(captures) => {
                let captured = facts.names().find_map(|name| captures.of(name));
                let mut key = vec![source, repository];
                key.extend(captured.unwrap_or_default());
                key
            }
        }
    }
}

/// Ranks the refs of a group, which are sorted with the newest first.
fn rank_group(
    criteria: &Criteria,
    group: &[CountedRef<'_>],
    zone: &TimeZone,
    ranked: &mut Vec<(usize, Criterion)>,
) {
    if let Some(last) = criteria.last.map(NonZeroU32::get) {
        for (place, counted) in (1..=last).zip(group) {
            ranked.push((counted.place, Criterion::Last { place, of: last }));
        }
    }
    let periods = [
        (Period::Hour, criteria.hourly),
        (Period::Day, criteria.daily),
        (Period::Week, criteria.weekly),
        (Period::Month, criteria.monthly),
        (Period::Year, criteria.yearly),
    ];
    for (period, count) in periods {
        let mut left = count.map_or(0, NonZeroU32::get);
        let mut before = None;
        for counted in group {
            if left == 0 {
                break;
            }
            let start = start(period, counted.time, zone);
            if before != Some(start) {
                (before, left) = (Some(start), left - 1);
                ranked.push((counted.place, Criterion::Period { period, start }));
            }
        }
    }
}

/// Returns the start of the period that contains `time`; at the ends of the calendar, `time`
/// itself.
///
/// Periods are compared as instants, not by name: an hour that occurs twice on the clock is two
/// hours.
fn start(period: Period, time: Timestamp, zone: &TimeZone) -> Timestamp {
    let zoned = time.to_zoned(zone.clone());
    let date = zoned.date();
    let start = match period {
        Period::Hour => zoned.round(
            ZonedRound::new()
                .smallest(Unit::Hour)
                .mode(RoundMode::Trunc),
        ),
        Period::Day => zoned.start_of_day(),
        Period::Week => date
            .checked_sub(jiff::Span::new().days(date.weekday().to_monday_zero_offset()))
            .and_then(|monday| monday.to_zoned(zone.clone())?.start_of_day()),
        Period::Month => date
            .first_of_month()
            .to_zoned(zone.clone())
            .and_then(|first| first.start_of_day()),
        Period::Year => date
            .first_of_year()
            .to_zoned(zone.clone())
            .and_then(|first| first.start_of_day()),
    };
    start.map_or(time, |start| start.timestamp())
}
