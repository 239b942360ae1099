//! Verdicts, reasons and warnings in words.

use std::fmt;

use jiff::SignedDuration;

use super::{Criterion, Period, PolicyWarning, Reason, Verdict};
use crate::inventory::{AgeSource, RefKind};
use crate::retention::policy::Criteria;
use crate::text::escape::visible;
use crate::text::units::{Age, Exact, Size};

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        for (index, reason) in self.reasons().iter().enumerate() {
            write!(f, "{} {reason}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl Reason {
    /// Returns the reason without what is particular to one ref or object, for a group of those
    /// that have it.
    pub fn of_group(&self) -> String {
        match self {
            Self::Criterion { rule, .. } => format!("rule {} keeps it", Quoted(rule)),
            Self::WithinGrace { grace, .. } => {
                format!("changed within the grace of {}", Exact(*grace))
            }
            Self::Belongs { .. } => "belongs to a ref that is kept".to_owned(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected { rule } => write!(f, "rule {} protects it", Quoted(rule)),
            Self::Criterion { rule, criterion } => write!(f, "rule {}: {criterion}", Quoted(rule)),
            Self::NoRule => f.write_str("no rule matches it"),
            Self::Unreadable => f.write_str("cannot be read"),
            Self::WithinGrace { changed, grace } => {
                let changed = Age(*changed).ago();
                let grace = Exact(*grace);
                write!(f, "changed {changed}, within the grace of {grace}")
            }
            Self::UnknownAge => f.write_str("its age is not known"),
            Self::NotOnlyCache { kind } => not_only_cache(f, *kind),
            Self::NotImported { generation } => not_imported(f, *generation),
            Self::Belongs { to } => write!(f, "it belongs to `{}`, which is kept", visible(to)),
            Self::SubjectAbsent { kind } => subject_absent(f, *kind),
            Self::SubjectUnsure => f.write_str("an unreadable ref may be its subject"),
            Self::LeftBehind { to } => {
                let to = visible(to);
                write!(f, "kept although `{to}`, to which it belongs, is deleted")
            }
            Self::SubjectGoes { to } => {
                write!(f, "it belongs to `{}`, which is deleted", visible(to))
            }
            Self::Rule { rule } => write!(f, "rule {} drops it", Quoted(rule)),
            Self::Expired {
                rule,
                age,
                from,
                keeps,
            } => expired(f, rule, (*age, *from), keeps),
            Self::Superseded {
                rule,
                generation,
                keeps,
            } => {
                let rule = Quoted(rule);
                let version = format_args!("previous version {generation}");
                write!(f, "rule {rule}: {version}, keeps {keeps}")
            }
            Self::RefGoes { rule } => {
                let rule = Quoted(rule);
                write!(f, "rule {rule}: previous version of a deleted ref")
            }
            Self::Evicted {
                limit,
                unused,
                frees,
            } => {
                let used = Age(*unused).ago();
                let frees = Size(*frees);
                write!(f, "over {limit}: last used {used}, frees {frees}")
            }
            Self::Pending => f.write_str("the scan has not ended"),
        }
    }
}

/// Writes why a ref that is more than a cache stays.
fn not_only_cache(f: &mut fmt::Formatter<'_>, kind: RefKind) -> fmt::Result {
    match kind {
        RefKind::Unknown => {
            f.write_str("its kind is not known, and no rule names the kind `unknown`")
        }
        RefKind::Blob | RefKind::Entry => {
            f.write_str("it is no cache of a build, and no rule names its kind")
        }
        kind => write!(
            f,
            "it is an image, and no rule says by name or kind (`{}`) that it means it",
            kind.word()
        ),
    }
}

/// Writes that the subject of a ref is not in the store.
fn subject_absent(f: &mut fmt::Formatter<'_>, kind: RefKind) -> fmt::Result {
    write!(
        f,
        "its subject is not stored, and no rule names the kind `{}`",
        kind.word()
    )
}

/// Writes why a previous version of an index is dropped.
fn not_imported(f: &mut fmt::Formatter<'_>, generation: u32) -> fmt::Result {
    if generation == 1 {
        f.write_str("a newer index has superseded it")?;
    } else {
        write!(f, "{generation} newer indexes have superseded it")?;
    }
    f.write_str(": no build imports it")
}

/// Writes that a ref meets no criterion. The age is with its origin.
fn expired(
    f: &mut fmt::Formatter<'_>,
    rule: &str,
    (age, from): (SignedDuration, AgeSource),
    keeps: &Criteria,
) -> fmt::Result {
    let from = match from {
        AgeSource::Store => " in the store",
        _ => "",
    };
    let age = Age(age);
    write!(f, "rule {}: {age} old{from}, keeps {keeps}", Quoted(rule))
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last { place, of } => write!(f, "number {place} of the last {of}"),
            Self::Within { age, limit } => write!(f, "{} old, keeps {}", Age(*age), Exact(*limit)),
            Self::Period { period, .. } => write!(f, "the newest of its {}", period.word()),
            Self::UsedWithin { unused, limit } => {
                write!(f, "used {}, keeps {}", Age(*unused).ago(), Exact(*limit))
            }
            Self::UnknownUse => f.write_str("its last use is not known"),
            Self::Current => f.write_str("keeps all refs"),
            Self::Generation {
                place,
                of: Some(of),
            } => write!(f, "previous version {place} of {of}"),
            Self::Generation { place, of: None } => {
                write!(f, "previous version {place}, keeps all")
            }
        }
    }
}

impl Period {
    fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl fmt::Display for Criteria {
    /// Prints the criteria, as in `14d or the last 20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.within.map(|limit| Exact(limit).to_string()));
        parts.extend(self.last.map(|count| format!("the last {count}")));
        let periods = [
            (self.hourly, "hourly"),
            (self.daily, "daily"),
            (self.weekly, "weekly"),
            (self.monthly, "monthly"),
            (self.yearly, "yearly"),
        ];
        parts.extend(
            periods
                .into_iter()
                .filter_map(|(count, word)| Some(format!("{} {word}", count?))),
        );
        parts.extend(
            self.used_within
                .map(|limit| format!("anything used within {}", Exact(limit))),
        );
        let last = parts.pop().unwrap_or_default();
        if parts.is_empty() {
            f.write_str(&last)
        } else {
            write!(f, "{} or {last}", parts.join(", "))
        }
    }
}

impl fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MatchesNothing { rule } => write!(f, "rule {} matches no ref", Quoted(rule)),
            Self::DropsEverything => f.write_str("every ref would be deleted"),
            Self::InTheFuture { name, time } => {
                write!(
                    f,
                    "`{}` is dated {time}, which is in the future; that counts as now",
                    visible(name)
                )
            }
        }
    }
}

/// The name of a rule, escaped for display.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", visible(self.0))
    }
}
