//! Finds the refs that each rule matches.

use jiff::{SignedDuration, Timestamp};

use super::RefPattern;
use super::facts::RefFacts;
use super::policy::{Condition, Policy, Rule, RuleAction, RuleTextField};
use crate::backend::short_branch;
use crate::inventory::RefKind;

impl Policy {
    /// Assigns a rule to each ref: the first one that protects it, else the first one that matches
    /// it and may act on its kind.
    pub(super) fn assign(&self, facts: &[RefFacts], now: Timestamp) -> AssignedRules {
        let mut assigned = AssignedRules {
            matches: vec![false; self.rules.len()],
            ..AssignedRules::default()
        };
        for facts in facts {
            let mut first = None;
            let mut protects = None;
            let mut is_matched = false;
            let rules = self.rules.iter().enumerate();
            for (place, rule) in rules.filter(|(_, rule)| rule.matches(facts, now)) {
                is_matched = true;
                assigned.matches[place] = true;
                if rule.action == RuleAction::Protect {
                    protects = protects.or(Some(place));
                } else if rule.may_act_on(facts.kind) {
                    first = first.or(Some(place));
                }
            }
            assigned.rules.push(protects.or(first));
            assigned.is_matched.push(is_matched);
        }
        assigned
    }
}

/// The assignment of rules to refs.
#[derive(Default)]
pub(super) struct AssignedRules {
    /// For each ref, the index of the rule that decides about it.
    pub rules: Vec<Option<usize>>,
    /// For each ref, whether any rule matches it, even one that may not act on its kind.
    pub is_matched: Vec<bool>,
    /// For each rule, whether it matches any ref.
    pub matches: Vec<bool>,
}

impl Rule {
    /// Returns whether a flag of the command line made the rule; such a rule has the name of the
    /// flag.
    pub(super) fn is_of_flag(&self) -> bool {
        self.name.starts_with("--")
    }

    fn matches(&self, facts: &RefFacts, now: Timestamp) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(facts, now))
    }

    /// Returns whether the rule matches every possible ref.
    pub fn matches_everything(&self) -> bool {
        use RuleTextField::{Kind, Ref, Source, State};
        self.conditions.iter().all(|condition| match condition {
            Condition::Text(Ref | Source | Kind | State, patterns) => {
                patterns.iter().any(RefPattern::matches_anything)
            }
            _ => false,
        })
    }

    /// Returns whether the rule names a kind that `other` may not act on.
    pub fn names_kinds_beyond(&self, other: &Self) -> bool {
        const KINDS: [RefKind; 7] = [
            RefKind::Image,
            RefKind::Inline,
            RefKind::Signature,
            RefKind::Artifact,
            RefKind::Unknown,
            RefKind::Blob,
            RefKind::Entry,
        ];
        let names = |kind: RefKind| {
            self.conditions.iter().any(|condition| match condition {
                Condition::Text(RuleTextField::Kind, patterns) => patterns
                    .iter()
                    .any(|pattern| pattern.matches_any([kind.word()])),
                _ => false,
            })
        };
        let mut kinds = KINDS.into_iter();
        kinds.any(|kind| names(kind) && self.may_act_on(kind) && !other.may_act_on(kind))
    }

    /// Returns whether the rule may delete refs of a kind: caches always, other kinds only if the
    /// rule names them explicitly.
    pub(super) fn may_act_on(&self, kind: RefKind) -> bool {
        use RefKind::{Artifact, Blob, Cache, Entry, Image, Inline, Signature, Unknown};
        let names = |condition: &Condition| match (condition, kind) {
            // Objects that are no refs must be named by their exact kind.
            (
                Condition::Text(RuleTextField::Kind, patterns),
                Blob | Entry | Signature | Artifact,
            ) => patterns
                .iter()
                .any(|pattern| pattern.to_string() == kind.word()),
            (Condition::Text(RuleTextField::Kind, _), Cache | Image | Inline | Unknown) => true,
            // A rule with a pattern for certain refs of a repository includes all kinds there. A
            // rule without one, or with one for all refs, does not.
            (
                Condition::Text(RuleTextField::Ref, patterns),
                Image | Inline | Signature | Artifact,
            ) => patterns.iter().all(|pattern| !pattern.takes_all()),
            _ => false,
        };
        kind == Cache || self.conditions.iter().any(names)
    }
}

impl Condition {
    fn holds(&self, facts: &RefFacts, now: Timestamp) -> bool {
        match self {
            Self::Text(field, patterns) => {
                let texts = field.texts(facts);
                !texts.is_empty()
                    && patterns
                        .iter()
                        .any(|pattern| pattern.matches_any(texts.iter().copied()))
            }
            Self::LargerThan(limit) => facts.bytes > *limit,
            Self::OlderThan(limit) => facts
                .created
                .is_some_and(|(created, _)| age(created, now) > *limit),
        }
    }
}

impl RuleTextField {
    /// Returns the values of a ref in this field; empty if unknown.
    fn texts(self, facts: &RefFacts) -> Vec<&str> {
        match self {
            Self::Ref => facts.names().collect(),
            Self::Source => vec![&facts.source],
            Self::Repository => facts.repository.as_deref().into_iter().collect(),
            Self::Kind => vec![facts.kind.word()],
            Self::Platform => facts.platforms.iter().map(String::as_str).collect(),
            Self::State => vec![facts.state],
            Self::Branch => facts
                .branch
                .iter()
                .flat_map(|branch| [short_branch(branch), branch])
                .collect(),
        }
    }
}

/// Returns how long ago `time` was; a future time counts as now.
pub(super) fn age(time: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(time).max(SignedDuration::ZERO)
}
