//! Verdicts about refs, with reasons.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::budget::{BudgetOutcome, Limit};
use super::policy::Criteria;
use crate::inventory::{AgeSource, RefKind};
use crate::text::escape::visible;
use crate::text::units::{Age, Exact, Size};

/// The result of [`super::decide()`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdicts {
    /// One for each ref, in the order of the facts.
    pub refs: Vec<Verdict>,
    /// For each ref, the index of the rule that decides about it.
    pub rules: Vec<Option<usize>>,
    /// The outcome of each budget.
    pub budgets: Vec<BudgetOutcome>,
    /// Warnings for the user, before anything is done.
    pub warnings: Vec<Warning>,
}

/// The verdict about a ref, with at least one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "reasons", rename_all = "kebab-case")]
pub enum Verdict {
    /// It stays.
    Keep(Vec<Reason>),
    /// It is dropped.
    Drop(Vec<Reason>),
    /// It cannot be decided yet.
    Undecided(Vec<Reason>),
}

impl Verdict {
    /// Returns the word in tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Keep(_) => "keep",
            Self::Drop(_) => "drop",
            Self::Undecided(_) => "undecided",
        }
    }

    /// Returns its reasons, the most important first.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Keep(reasons) | Self::Drop(reasons) | Self::Undecided(reasons) => reasons,
        }
    }

    /// Returns whether the ref is dropped.
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

/// Why a ref stays or is dropped. It prints for people.
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
    /// It stays: some part could not be read.
    Unreadable,
    /// It stays: it changed too recently.
    WithinGrace {
        /// How long ago it changed.
        changed: SignedDuration,
        /// The grace period.
        grace: SignedDuration,
    },
    /// It stays: its age is unknown.
    UnknownAge,
    /// It stays: it is more than a cache, and no rule that matches it names its kind.
    NotOnlyCache {
        /// Its kind.
        kind: RefKind,
    },
    /// It stays: its subject stays.
    Belongs {
        /// The ref that holds its subject.
        to: String,
    },
    /// It stays: its subject is not in the store, and no rule that matches it names its kind.
    SubjectAbsent {
        /// Its kind.
        kind: RefKind,
    },
    /// It stays: a ref that cannot be read may hold its subject.
    SubjectUnsure,
    /// It stays although its subject is dropped.
    LeftBehind {
        /// The ref that held its subject.
        to: String,
    },
    /// It is dropped: its subject is dropped.
    SubjectGoes {
        /// The ref that held its subject.
        to: String,
    },
    /// It is dropped: a rule drops it.
    Rule {
        /// The rule.
        rule: String,
    },
    /// It is dropped: it meets none of the criteria of the rule that decides about it.
    Expired {
        /// The rule.
        rule: String,
        /// Its age.
        age: SignedDuration,
        /// The origin of its age.
        from: AgeSource,
        /// The criteria that would have kept it.
        keeps: Criteria,
    },
    /// It is dropped: it is a previous version that no build imports.
    NotImported {
        /// How many newer versions the ref has.
        generation: u32,
    },
    /// It is dropped: enough newer previous versions of the ref stay.
    Superseded {
        /// The rule.
        rule: String,
        /// Its number among the previous versions, from the newest on.
        generation: u32,
        /// How many stay.
        keeps: u32,
    },
    /// It is dropped: it is a previous version of a dropped ref.
    RefGoes {
        /// The rule.
        rule: String,
    },
    /// It is dropped: the source exceeds its budget.
    Evicted {
        /// The budget.
        limit: Limit,
        /// How long ago it was used, or created if its use is unknown.
        unused: SignedDuration,
        /// The bytes that this frees.
        frees: u64,
    },
    /// It is undecided: the scan has not finished.
    Pending,
}

/// A criterion that keeps a ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "criterion", rename_all = "kebab-case")]
pub enum Criterion {
    /// It is one of the newest.
    Last {
        /// Its rank among them, from 1 on.
        place: u32,
        /// How many stay.
        of: u32,
    },
    /// It is recent enough.
    Within {
        /// Its age.
        age: SignedDuration,
        /// The largest age.
        limit: SignedDuration,
    },
    /// It is the newest of a period.
    Period {
        /// The period.
        period: Period,
        /// The start of the period.
        start: Timestamp,
    },
    /// It was used recently enough.
    UsedWithin {
        /// How long ago.
        unused: SignedDuration,
        /// The limit.
        limit: SignedDuration,
    },
    /// Its last use is unknown.
    UnknownUse,
    /// The criteria are about previous versions only.
    Current,
    /// It is one of the newest previous versions.
    Generation {
        /// Its rank among them, from 1 on.
        place: u32,
        /// How many stay; `None` if all do.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<u32>,
    },
}

/// A calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, starting on Monday.
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
    #[expect(clippy::too_many_lines, reason = "one arm per reason")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected { rule } => write!(f, "rule {} protects it", Quoted(rule)),
            Self::Criterion { rule, criterion } => write!(f, "rule {}: {criterion}", Quoted(rule)),
            Self::NoRule => f.write_str("no rule matches it"),
            Self::Unreadable => f.write_str("cannot be read"),
            Self::WithinGrace { changed, grace } => {
                write!(
                    f,
                    "changed {}, within the grace of {}",
                    Age(*changed).ago(),
                    Exact(*grace)
                )
            }
            Self::UnknownAge => f.write_str("its age is not known"),
            Self::NotOnlyCache {
                kind: RefKind::Unknown,
            } => f.write_str("nobody knows what it is, and no rule names the kind `unknown`"),
            Self::NotOnlyCache {
                kind: RefKind::Blob | RefKind::Entry,
            } => f.write_str("it is no cache of a build, and no rule names its kind"),
            Self::NotImported { generation: 1 } => {
                f.write_str("a newer index has superseded it: no build imports it")
            }
            Self::NotImported { generation } => {
                write!(
                    f,
                    "{generation} newer indexes have superseded it: no build imports it"
                )
            }
            Self::NotOnlyCache { kind } => {
                write!(
                    f,
                    "it is an image, and no rule says by name or kind (`{}`) that it means it",
                    kind.word()
                )
            }
            Self::Belongs { to } => write!(f, "it belongs to `{}`, which stays", visible(to)),
            Self::SubjectAbsent { kind } => write!(
                f,
                "what it belongs to is not here, and no rule names the kind `{}`",
                kind.word()
            ),
            Self::SubjectUnsure => {
                f.write_str("a ref that cannot be read may hold what it belongs to")
            }
            Self::LeftBehind { to } => write!(
                f,
                "it stays behind: it belongs to `{}`, which is deleted",
                visible(to)
            ),
            Self::SubjectGoes { to } => {
                write!(f, "it belongs to `{}`, which is deleted", visible(to))
            }
            Self::Rule { rule } => write!(f, "rule {} drops it", Quoted(rule)),
            Self::Expired {
                rule,
                age,
                from,
                keeps,
            } => {
                let from = if *from == AgeSource::Store {
                    " in the store"
                } else {
                    ""
                };
                write!(
                    f,
                    "rule {}: {} old{from}, keeps {keeps}",
                    Quoted(rule),
                    Age(*age)
                )
            }
            Self::Superseded {
                rule,
                generation,
                keeps,
            } => {
                write!(
                    f,
                    "rule {}: former content {generation}, keeps {keeps}",
                    Quoted(rule)
                )
            }
            Self::RefGoes { rule } => write!(
                f,
                "rule {}: former content of a ref that goes",
                Quoted(rule)
            ),
            Self::Evicted {
                limit,
                unused,
                frees,
            } => {
                write!(
                    f,
                    "over {limit}: last used {}, frees {}",
                    Age(*unused).ago(),
                    Size(*frees)
                )
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
            Self::UsedWithin { unused, limit } => {
                write!(f, "used {}, keeps {}", Age(*unused).ago(), Exact(*limit))
            }
            Self::UnknownUse => f.write_str("its last use is not known"),
            Self::Current => f.write_str("keeps all refs"),
            Self::Generation {
                place,
                of: Some(of),
            } => write!(f, "former content {place} of {of}"),
            Self::Generation { place, of: None } => write!(f, "former content {place}, keeps all"),
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
                .map(|limit| format!("what was used within {}", Exact(limit))),
        );
        let last = parts.pop().unwrap_or_default();
        if parts.is_empty() {
            f.write_str(&last)
        } else {
            write!(f, "{} or {last}", parts.join(", "))
        }
    }
}

/// A warning about a policy before it is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// A rule that protects or keeps matches nothing: it may be mistyped.
    MatchesNothing {
        /// The rule.
        rule: String,
    },
    /// No ref would stay.
    DropsEverything,
    /// A date is in the future; it counts as now.
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn verdicts_are_values_in_json_and_read_back() {
        let rule = || "pull requests".to_owned();
        let day = SignedDuration::from_hours(24);
        let within = Criterion::Within {
            age: day,
            limit: day * 14,
        };
        let keeps = Criteria {
            within: Some(day * 14),
            ..Criteria::default()
        };
        let verdicts = [
            Verdict::Keep(vec![Reason::Criterion {
                rule: rule(),
                criterion: within,
            }]),
            Verdict::Drop(vec![Reason::Expired {
                rule: rule(),
                age: day * 41,
                from: AgeSource::Store,
                keeps,
            }]),
            Verdict::Drop(vec![Reason::Evicted {
                limit: Limit::MaxSize(50),
                unused: day,
                frees: 7,
            }]),
            Verdict::Undecided(vec![Reason::Pending]),
        ];
        let json = verdicts
            .each_ref()
            .map(|verdict| serde_json::to_string(verdict).unwrap());
        assert_eq!(
            json.each_ref()
                .map(|json| serde_json::from_str::<Verdict>(json).unwrap()),
            verdicts
        );
        assert_snapshot!(json.join("\n"), @r#"
        {"verdict":"keep","reasons":[{"reason":"criterion","rule":"pull requests","criterion":"within","age":"PT24H","limit":"PT336H"}]}
        {"verdict":"drop","reasons":[{"reason":"expired","rule":"pull requests","age":"PT984H","from":"store","keeps":{"within":"PT336H"}}]}
        {"verdict":"drop","reasons":[{"reason":"evicted","limit":{"max-size":50},"unused":"PT24H","frees":7}]}
        {"verdict":"undecided","reasons":[{"reason":"pending"}]}
        "#);
    }

    #[test]
    fn names_of_rules_cannot_steer_a_terminal() {
        let reason = Reason::Rule {
            rule: "a\u{1b}[31m".to_owned(),
        };
        assert_eq!(reason.to_string(), "rule \"a␛[31m\" drops it");
    }
}
