//! Limits for a gate: the maximum of orphans, the maximum size of a store and the maximum age of
//! refs.

use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::words::{counted, listed, one_or};
use super::{CheckSubject, Code, Finding};
use crate::inventory::{RefEntry, RefKind};
use crate::text::escape::visible;
use crate::text::units::{Exact, Size, parse_size};

/// The limits; an unset field sets no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckLimits {
    /// The maximum part of the store that no ref reaches.
    pub orphan: Option<Portion>,
    /// The maximum size of the store in bytes; with selected refs, of each ref.
    pub size: Option<u64>,
    /// The maximum age of a ref.
    pub age: Option<Duration>,
}

/// A part of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// In hundredths of a percent of the stored bytes.
    Share(u64),
    /// In bytes.
    Bytes(u64),
}

impl FromStr for Portion {
    type Err = String;

    /// Parses `20%`, `2.5%`, or a size.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(number) = text.trim().strip_suffix('%') else {
            let size = parse_size(text);
            return size.map(Self::Bytes).map_err(|_| {
                format!(
                    "`{}` is neither a percentage nor a size; write it as 20% or 5GB",
                    visible(text)
                )
            });
        };
        let percent = number.trim().parse::<f64>().ok();
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        let percent = percent.ok_or_else(|| {
            format!(
                "`{}` is not a percentage between 0% and 100%",
                visible(text)
            )
        })?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 10,000"
        )]
        Ok(Self::Share((percent * 100.0).round() as u64))
    }
}

/// Compares a source with limits.
pub fn judge(subject: &CheckSubject<'_>, limits: &CheckLimits, now: Timestamp) -> Vec<Finding> {
    let orphan = limits.orphan.and_then(|portion| orphan(subject, portion));
    let size = limits.size.map(|size| match subject.only {
        Some(_) => refs_over_size(subject, size),
        None => store_over_size(subject, size).into_iter().collect(),
    });
    let age = limits.age.and_then(|age| refs_over_age(subject, age, now));
    let size = size.into_iter().flatten();
    orphan.into_iter().chain(size).chain(age).collect()
}

fn orphan(subject: &CheckSubject<'_>, portion: Portion) -> Option<Finding> {
    let totals = subject.inventory.totals();
    let why = match (subject.only, subject.inventory.unlisted) {
        (Some(_), _) => Some("it applies to a whole source, and one ref is selected".to_owned()),
        (None, Some(why)) => Some(why.to_owned()),
        (None, None) if totals.orphan.is_none() => {
            Some("a ref cannot be read, and it may reach any blob".to_owned())
        }
        (None, None) => None,
    };
    if let Some(why) = why {
        let message = format!("--max-orphan cannot be checked: {why}");
        let finding = Finding::new(subject.source, Code::LimitNotChecked, message);
        return Some(finding.hint("remove --max-orphan for this source"));
    }
    let orphan = totals.orphan.unwrap_or_default();
    let stored = totals.stored().bytes;
    let (is_over, allowed) = match portion {
        Portion::Bytes(most) => (orphan.bytes > most, Size(most).to_string()),
        Portion::Share(most) => {
            let is_over = u128::from(orphan.bytes) * 10_000 > u128::from(stored) * u128::from(most);
            (is_over, format!("{} %", most as f64 / 100.0))
        }
    };
    let share = orphan.bytes as f64 * 100.0 / stored.max(1) as f64;
    let message = format!(
        "{} ({share:.1} % of {}) are orphans; the limit is {allowed}",
        Size(orphan.bytes),
        Size(stored)
    );
    is_over.then(|| {
        let source = crate::text::shell::word(&visible(subject.source)).into_owned();
        Finding::new(subject.source, Code::OrphansOverLimit, message)
            .costing(orphan.bytes)
            .hint(format!(
                "`cachelens prune {source} --orphans-only` plans to delete them"
            ))
    })
}

fn store_over_size(subject: &CheckSubject<'_>, most: u64) -> Option<Finding> {
    let totals = subject.inventory.totals();
    let stored = totals.stored().bytes;
    (stored > most).then(|| {
        let message = format!(
            "the source holds {}; the limit is {}",
            Size(stored),
            Size(most)
        );
        let source = crate::text::shell::word(&visible(subject.source)).into_owned();
        Finding::new(subject.source, Code::SizeOverLimit, message)
            .costing(stored - most)
            .hint(format!(
                "`cachelens prune {source} --max-size SIZE` plans deletions"
            ))
    })
}

fn refs_over_size(subject: &CheckSubject<'_>, most: u64) -> Vec<Finding> {
    let over = limited(subject).filter(|entry| entry.sizes.bytes > most);
    over.map(|entry| {
        let bytes = entry.sizes.bytes;
        let message = format!("the ref has {}; the limit is {}", Size(bytes), Size(most));
        Finding::new(subject.source, Code::SizeOverLimit, message)
            .of_ref(&entry.name)
            .costing(bytes - most)
    })
    .collect()
}

fn refs_over_age(subject: &CheckSubject<'_>, most: Duration, now: Timestamp) -> Option<Finding> {
    let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
    let mut over: Vec<(Timestamp, &RefEntry)> = limited(subject)
        .filter_map(|entry| entry.age().map(|(time, _)| (time, entry)))
        .filter(|(time, _)| now.duration_since(*time) > most)
        .collect();
    over.sort_by_key(|(time, entry)| (*time, &entry.name));
    let count = over.len() as u64;
    let names: Vec<String> = over
        .iter()
        .map(|(_, entry)| visible(&entry.name).into_owned())
        .collect();
    (count > 0).then(|| {
        let message = format!(
            "{} {} older than {}: {}",
            counted(count, "ref"),
            one_or(count, "is", "are"),
            Exact(most),
            listed(names.iter().map(String::as_str), count, 5)
        );
        let finding = Finding::new(subject.source, Code::AgeOverLimit, message);
        let bytes = over
            .iter()
            .filter_map(|(_, entry)| entry.sizes.exclusive_bytes);
        let finding = finding.costing(bytes.fold(0, u64::saturating_add));
        match over.as_slice() {
            [(_, entry)] => finding.of_ref(&entry.name),
            _ => finding,
        }
    })
}

/// Returns the refs that limits apply to: signatures and artifacts follow their images.
fn limited<'a>(subject: &CheckSubject<'a>) -> impl Iterator<Item = &'a RefEntry> + use<'a> {
    let inventory = subject.inventory;
    let refs = subject.refs().into_iter();
    refs.filter_map(move |id| inventory.get_ref(id))
        .filter(|entry| {
            matches!(
                entry.kind,
                RefKind::Cache | RefKind::Inline | RefKind::Image | RefKind::Unknown
            )
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::format::digest::Digest;
    use crate::inventory::{Inventory, ScanProgress};
    use crate::source::StoreKind;

    #[test]
    fn portions_are_percentages_or_sizes() {
        assert_eq!("20%".parse(), Ok(Portion::Share(2000)));
        assert_eq!(" 2.5 % ".parse(), Ok(Portion::Share(250)));
        assert_eq!("5MB".parse(), Ok(Portion::Bytes(5_000_000)));
        for wrong in ["101%", "-1%", "%", "NaN%", "lots", ""] {
            assert!(wrong.parse::<Portion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_exceeded_only_above_its_value() {
        let mut inventory = Inventory {
            progress: ScanProgress::Complete,
            ..Inventory::default()
        };
        inventory.blobs.store(Digest::of(b"a"), 20, None);
        let live = inventory.blobs.store(Digest::of(b"b"), 80, None);
        inventory.blobs.add_ref(live);
        let codes = |inventory: &Inventory, orphan: &str, size| {
            let subject = CheckSubject {
                source: "./c",
                kind: StoreKind::Local,
                location: None,
                inventory,
                only: None,
            };
            let limits = CheckLimits {
                orphan: orphan.parse().ok(),
                size: Some(size),
                age: None,
            };
            let found = judge(&subject, &limits, Timestamp::UNIX_EPOCH);
            found.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&inventory, "20%", 100), []);
        let both = [Code::OrphansOverLimit, Code::SizeOverLimit];
        assert_eq!(codes(&inventory, "19.99%", 99), both);
        assert_eq!(codes(&inventory, "19B", 100), [Code::OrphansOverLimit]);
        // An unlisted amount is not zero.
        inventory.unlisted = Some("the registry does not list its blobs");
        inventory.refs = Arc::default();
        assert_eq!(codes(&inventory, "20%", 100), [Code::LimitNotChecked]);
    }
}
