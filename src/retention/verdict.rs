//! Verdicts about refs, with reasons.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::budget::{BudgetOutcome, Limit};
use super::policy::Criteria;
use crate::inventory::{AgeSource, RefKind};

mod display;

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
    pub warnings: Vec<PolicyWarning>,
}

/// The verdict about a ref, with at least one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "reasons", rename_all = "kebab-case")]
pub enum Verdict {
    Keep(Vec<Reason>),
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

    /// Returns whether it comes from a protecting rule.
    pub fn is_protected(&self) -> bool {
        let mut reasons = self.reasons().iter();
        reasons.any(|reason| matches!(reason, Reason::Protected { .. }))
    }

    /// Returns whether the ref is dropped.
    pub fn is_drop(&self) -> bool {
        matches!(self, Self::Drop(_))
    }
}

/// Why a ref stays or is dropped. It prints for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// It stays: a rule protects it.
    Protected { rule: String },
    /// It stays: it meets a criterion of the rule that decides about it.
    Criterion {
        rule: String,
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
    NotOnlyCache { kind: RefKind },
    /// It stays: its subject stays.
    Belongs {
        /// The ref that holds its subject.
        to: String,
    },
    /// It stays: its subject is not in the store, and no rule that matches it names its kind.
    SubjectAbsent { kind: RefKind },
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
    Rule { rule: String },
    /// It is dropped: it meets none of the criteria of the rule that decides about it.
    Expired {
        rule: String,
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
        rule: String,
        /// Its number among the previous versions, from the newest on.
        generation: u32,
        /// How many stay.
        keeps: u32,
    },
    /// It is dropped: it is a previous version of a dropped ref.
    RefGoes { rule: String },
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
        age: SignedDuration,
        /// The largest age.
        limit: SignedDuration,
    },
    /// It is the newest of a period.
    Period {
        period: Period,
        /// The start of the period.
        start: Timestamp,
    },
    /// It was used recently enough.
    UsedWithin {
        /// How long ago.
        unused: SignedDuration,
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
    Hour,
    Day,
    /// A week, starting on Monday.
    Week,
    Month,
    Year,
}

/// A warning about a policy before it is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum PolicyWarning {
    /// A rule that protects or keeps, or a flag, matches nothing: it may be mistyped.
    MatchesNothing { rule: String },
    /// Every ref would be deleted.
    DropsEverything,
    /// A date is in the future; it counts as now.
    InTheFuture {
        /// The ref.
        name: String,
        /// The date.
        time: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn verdicts_round_trip_through_json() {
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
    fn names_of_rules_are_escaped_for_a_terminal() {
        let reason = Reason::Rule {
            rule: "a\u{1b}[31m".to_owned(),
        };
        assert_eq!(reason.to_string(), "rule \"a␛[31m\" drops it");
    }
}
