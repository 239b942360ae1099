//! Which refs a rule matches.

use jiff::{SignedDuration, Timestamp};

use super::facts::RefFacts;
use super::policy::{Action, Condition, Policy, Rule, TextField};
use crate::backend::short_branch;
use crate::inventory::RefKind;

impl Policy {
    /// Returns the place of the rule that decides about each ref, and of each rule whether it matches any ref.
    pub(super) fn assign(&self, facts: &[RefFacts], now: Timestamp) -> (Vec<Option<usize>>, Vec<bool>) {
        let mut matches = vec![false; self.rules.len()];
        let mut decides = |facts: &RefFacts| {
            let (mut first, mut protects) = (None, None);
            for (place, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.matches(facts, now)) {
                matches[place] = true;
                first = first.or(Some(place));
                protects = protects.or((rule.action == Action::Protect).then_some(place));
            }
            protects.or(first)
        };
        (facts.iter().map(&mut decides).collect(), matches)
    }
}

impl Rule {
    fn matches(&self, facts: &RefFacts, now: Timestamp) -> bool {
        self.conditions.iter().all(|condition| condition.holds(facts, now))
    }

    /// Tells whether the rule matches every ref that there can be.
    pub fn matches_everything(&self) -> bool {
        use TextField::{Kind, Ref, Source, State};
        self.conditions.iter().all(|condition| match condition {
            Condition::Text(Ref | Source | Kind | State, patterns) => {
                patterns.iter().any(|pattern| pattern.to_string() == "*")
            }
            _ => false,
        })
    }

    /// Tells whether the rule says that it means refs of a kind beside caches.
    pub(super) fn names_kind(&self, kind: RefKind) -> bool {
        self.conditions.iter().any(|condition| match (condition, kind) {
            // What shares the quota with caches must be meant by its very name.
            (Condition::Text(TextField::Kind, patterns), RefKind::Blob | RefKind::Entry) => {
                patterns.iter().any(|pattern| pattern.to_string() == kind.word())
            }
            (Condition::Text(TextField::Kind, _), _) => true,
            // Whoever says which refs of a repository go means what is there; whoever says none, or all, may not.
            (Condition::Text(TextField::Ref, patterns), RefKind::Image | RefKind::Inline) => {
                patterns.iter().all(|pattern| !pattern.takes_all())
            }
            _ => false,
        })
    }
}

impl Condition {
    fn holds(&self, facts: &RefFacts, now: Timestamp) -> bool {
        match self {
            Self::Text(field, patterns) => {
                let texts = field.texts(facts);
                !texts.is_empty() && patterns.iter().any(|pattern| pattern.matches_any(texts.iter().copied()))
            }
            Self::LargerThan(limit) => facts.bytes > *limit,
            Self::OlderThan(limit) => facts.created.is_some_and(|(created, _)| age(created, now) > *limit),
        }
    }
}

impl TextField {
    /// Returns what a ref has in this field; nothing when it does not know.
    fn texts(self, facts: &RefFacts) -> Vec<&str> {
        match self {
            Self::Ref => facts.names().collect(),
            Self::Source => vec![&facts.source],
            Self::Repository => facts.repository.as_deref().into_iter().collect(),
            Self::Kind => vec![facts.kind.word()],
            Self::Platform => facts.platforms.iter().map(String::as_str).collect(),
            Self::State => vec![facts.state],
            Self::Branch => facts.branch.iter().flat_map(|branch| [short_branch(branch), branch]).collect(),
        }
    }
}

/// Returns how long ago `time` was; a time in the future counts as now.
pub(super) fn age(time: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(time).max(SignedDuration::ZERO)
}
