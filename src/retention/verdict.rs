//! What becomes of a ref, and why.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::budget::{BudgetOutcome, Limit};
use super::policy::Criteria;
use crate::format::text::visible;
use crate::inventory::{AgeSource, RefKind};
use crate::units::{Age, Exact, Size};

/// What [`super::decide()`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdicts {
    /// One for each ref, in the order of the facts.
    pub refs: Vec<Verdict>,
    /// For each ref the place of the rule that decides about it.
    pub rules: Vec<Option<usize>>,
    /// What became of each budget.
    pub budgets: Vec<BudgetOutcome>,
    /// What a person should know before anything is done.
    pub warnings: Vec<Warning>,
}

/// What becomes of a ref, with at least one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "reasons", rename_all = "kebab-case")]
pub enum Verdict {
    /// It stays.
    Keep(Vec<Reason>),
    /// It goes.
    Drop(Vec<Reason>),
    /// It cannot be decided about yet.
    Undecided(Vec<Reason>),
}

impl Verdict {
    /// Returns the word for it, as tables show it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Keep(_) => "keep",
            Self::Drop(_) => "drop",
            Self::Undecided(_) => "undecided",
        }
    }

    /// Returns its reasons, the one that weighs most first.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Keep(reasons) | Self::Drop(reasons) | Self::Undecided(reasons) => reasons,
        }
    }

    /// Tells whether the ref goes.
    pub fn is_drop(&self) -> bool {
        matches!(self, Self::Drop(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        for (index, reason) in self.reasons().iter().enumerate() {
            write!(f, "{} {reason}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

/// Why a ref stays or goes. It prints as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// It stays: a rule protects it.
    Protected {
        /// The rule.
        rule: String,
    },
    /// It stays: it meets a criterion of the rule that decides about it.
    Criterion {
        /// The rule.
        rule: String,
        /// The criterion.
        #[serde(flatten)]
        criterion: Criterion,
    },
    /// It stays: no rule matches it.
    NoRule,
    /// It stays: something of it could not be read.
    Unreadable,
    /// It stays: it changed too recently.
    WithinGrace {
        /// How long ago it changed.
        changed: SignedDuration,
        /// How long a change keeps it.
        grace: SignedDuration,
    },
    /// It stays: nobody knows how old it is.
    UnknownAge,
    /// It stays: it is more than a cache, and no rule that matches it names its kind.
    NotOnlyCache {
        /// What it is.
        kind: RefKind,
    },
    /// It goes: a rule drops it.
    Rule {
        /// The rule.
        rule: String,
    },
    /// It goes: it meets none of the criteria of the rule that decides about it.
    Expired {
        /// The rule.
        rule: String,
        /// How old it is.
        age: SignedDuration,
        /// Who says how old it is.
        from: AgeSource,
        /// What would have kept it.
        keeps: Criteria,
    },
    /// It goes: a former content that no build imports.
    NotImported {
        /// How many newer contents the ref has.
        generation: u32,
    },
    /// It goes: the ref has newer contents, of which enough stay.
    Superseded {
        /// The rule.
        rule: String,
        /// How many newer former contents the ref has, this one included.
        generation: u32,
        /// How many stay.
        keeps: u32,
    },
    /// It goes: it is a former content of a ref that goes.
    RefGoes {
        /// The rule.
        rule: String,
    },
    /// It goes: the source takes more than its budget.
    Evicted {
        /// The budget.
        limit: Limit,
        /// How long ago it was used, or made when its use is not known.
        unused: SignedDuration,
        /// The bytes that this frees.
        frees: u64,
    },
    /// It is not decided about: the scan has not ended.
    Pending,
}

/// What keeps a ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "criterion", rename_all = "kebab-case")]
pub enum Criterion {
    /// It is one of the newest.
    Last {
        /// Its place among them, from 1 on.
        place: u32,
        /// How many stay.
        of: u32,
    },
    /// It is young enough.
    Within {
        /// How old it is.
        age: SignedDuration,
        /// How old it may be.
        limit: SignedDuration,
    },
    /// It is the newest of a period.
    Period {
        /// The period.
        period: Period,
        /// When the period began.
        start: Timestamp,
    },
    /// It was used recently enough.
    UsedWithin {
        /// How long ago.
        unused: SignedDuration,
        /// How long ago it may have been.
        limit: SignedDuration,
    },
    /// Nobody knows when it was last used.
    UnknownUse,
    /// The criteria speak of former contents only.
    Current,
    /// It is one of the newest former contents.
    Generation {
        /// Its place among them, from 1 on.
        place: u32,
        /// How many stay; absent when all do.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<u32>,
    },
}

/// A span of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected { rule } => write!(f, "rule {} protects it", Quoted(rule)),
            Self::Criterion { rule, criterion } => write!(f, "rule {}: {criterion}", Quoted(rule)),
            Self::NoRule => f.write_str("no rule matches it"),
            Self::Unreadable => f.write_str("cannot be read"),
            Self::WithinGrace { changed, grace } => {
                write!(f, "changed {}, within the grace of {}", Age(*changed).ago(), Exact(*grace))
            }
            Self::UnknownAge => f.write_str("its age is not known"),
            Self::NotOnlyCache { kind: RefKind::Unknown } => {
                f.write_str("nobody knows what it is, and no rule names the kind `unknown`")
            }
            Self::NotOnlyCache { kind: RefKind::Blob | RefKind::Entry } => {
                f.write_str("it is no cache of a build, and no rule names its kind")
            }
            Self::NotImported { generation: 1 } => f.write_str("a newer index has superseded it: no build imports it"),
            Self::NotImported { generation } => {
                write!(f, "{generation} newer indexes have superseded it: no build imports it")
            }
            Self::NotOnlyCache { kind } => {
                write!(f, "it is an image, and no rule says by name or kind (`{}`) that it means it", kind.word())
            }
            Self::Rule { rule } => write!(f, "rule {} drops it", Quoted(rule)),
            Self::Expired { rule, age, from, keeps } => {
                let from = if *from == AgeSource::Store { " in the store" } else { "" };
                write!(f, "rule {}: {} old{from}, keeps {keeps}", Quoted(rule), Age(*age))
            }
            Self::Superseded { rule, generation, keeps } => {
                write!(f, "rule {}: former content {generation}, keeps {keeps}", Quoted(rule))
            }
            Self::RefGoes { rule } => write!(f, "rule {}: former content of a ref that goes", Quoted(rule)),
            Self::Evicted { limit, unused, frees } => {
                write!(f, "over {limit}: last used {}, frees {}", Age(*unused).ago(), Size(*frees))
            }
            Self::Pending => f.write_str("the scan has not ended"),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last { place, of } => write!(f, "number {place} of the last {of}"),
            Self::Within { age, limit } => write!(f, "{} old, keeps {}", Age(*age), Exact(*limit)),
            Self::Period { period, .. } => write!(f, "the newest of its {}", period.word()),
            Self::UsedWithin { unused, limit } => write!(f, "used {}, keeps {}", Age(*unused).ago(), Exact(*limit)),
            Self::UnknownUse => f.write_str("its last use is not known"),
            Self::Current => f.write_str("keeps all refs"),
            Self::Generation { place, of: Some(of) } => write!(f, "former content {place} of {of}"),
            Self::Generation { place, of: None } => write!(f, "former content {place}, keeps all"),
        }
    }
}

impl fmt::Display for Criteria {
    /// Prints what keeps a ref, as in `14d or the last 20`.
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
        parts.extend(periods.into_iter().filter_map(|(count, word)| Some(format!("{} {word}", count?))));
        parts.extend(self.used_within.map(|limit| format!("what was used within {}", Exact(limit))));
        let last = parts.pop().unwrap_or_default();
        if parts.is_empty() { f.write_str(&last) } else { write!(f, "{} or {last}", parts.join(", ")) }
    }
}

/// Something about a policy that a person should know before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// A rule that protects or keeps matches nothing: it may be a typing error.
    MatchesNothing {
        /// The rule.
        rule: String,
    },
    /// No ref would stay.
    DropsEverything,
    /// A date lies in the future; it counts as now.
    InTheFuture {
        /// The ref.
        name: String,
        /// The date.
        time: Timestamp,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MatchesNothing { rule } => write!(f, "rule {} matches no ref", Quoted(rule)),
            Self::DropsEverything => f.write_str("no ref would stay"),
            Self::InTheFuture { name, time } => {
                write!(f, "`{}` is dated {time}, which is in the future; that counts as now", visible(name))
            }
        }
    }
}

/// The name of a rule, fit to be shown.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", visible(self.0))
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn verdicts_are_values_in_json_and_read_back() {
        let rule = || "pull requests".to_owned();
        let day = SignedDuration::from_hours(24);
        let within = Criterion::Within { age: day, limit: day * 14 };
        let keeps = Criteria { within: Some(day * 14), ..Criteria::default() };
        let verdicts = [
            Verdict::Keep(vec![Reason::Criterion { rule: rule(), criterion: within }]),
            Verdict::Drop(vec![Reason::Expired { rule: rule(), age: day * 41, from: AgeSource::Store, keeps }]),
            Verdict::Drop(vec![Reason::Evicted { limit: Limit::MaxSize(50), unused: day, frees: 7 }]),
            Verdict::Undecided(vec![Reason::Pending]),
        ];
        let json = verdicts.each_ref().map(|verdict| serde_json::to_string(verdict).unwrap());
        assert_eq!(json.each_ref().map(|json| serde_json::from_str::<Verdict>(json).unwrap()), verdicts);
        assert_snapshot!(json.join("\n"), @r#"
        {"verdict":"keep","reasons":[{"reason":"criterion","rule":"pull requests","criterion":"within","age":"PT24H","limit":"PT336H"}]}
        {"verdict":"drop","reasons":[{"reason":"expired","rule":"pull requests","age":"PT984H","from":"store","keeps":{"within":"PT336H"}}]}
        {"verdict":"drop","reasons":[{"reason":"evicted","limit":{"max-size":50},"unused":"PT24H","frees":7}]}
        {"verdict":"undecided","reasons":[{"reason":"pending"}]}
        "#);
    }

    #[test]
    fn names_of_rules_cannot_steer_a_terminal() {
        let reason = Reason::Rule { rule: "a\u{1b}[31m".to_owned() };
        assert_eq!(reason.to_string(), "rule \"a␛[31m\" drops it");
    }
}
