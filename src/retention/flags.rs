//! The policy from the flags of `prune`.

use jiff::SignedDuration;

use super::RefPattern;
use super::policy::{
    Budget, Condition, Criteria, Keep, Percent, Policy, Rule, RuleAction, RuleTextField,
};
use crate::inventory::filter::Filter;

/// The flags of `prune`; each field has the name of its flag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PruneFlags {
    /// Protects the refs that match.
    pub keep_ref: Vec<RefPattern>,
    /// The refs that the criteria apply to; without a criterion, they are dropped.
    pub drop_ref: Vec<RefPattern>,
    /// The criteria: `--keep-last`, `--keep-within` and similar flags.
    pub keep: Criteria,
    /// `--max-size`, `--max-refs` and `--min-free`.
    pub budget: Budget,
    /// As [`Policy::grace`].
    pub grace: Option<SignedDuration>,
    /// As [`Policy::max_delete`].
    pub max_delete: Option<Percent>,
    /// As [`Policy::records`].
    pub records: Option<Filter>,
    /// Touches no ref.
    pub orphans_only: bool,
}

/// Why flags make no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagsError {
    /// `--orphans-only` together with a flag about refs.
    #[error("`--orphans-only` deletes no ref, but another flag selects refs to delete")]
    OrphansOnly,
}

impl PruneFlags {
    /// Applies the flags to `policy`.
    ///
    /// A flag about refs replaces both the rules and the budget of the policy; limits, grace and
    /// share replace single values. Rules from `--keep-ref` protect; the others apply to the refs
    /// that match `--drop-ref`.
    ///
    /// # Errors
    /// If the flags contradict each other.
    pub fn over(&self, mut policy: Policy) -> Result<Policy, FlagsError> {
        let decides =
            !(self.keep_ref.is_empty() && self.drop_ref.is_empty() && self.keep.is_empty());
        if self.orphans_only
            && (decides || self.budget != Budget::default() || self.records.is_some())
        {
            return Err(FlagsError::OrphansOnly);
        }
        if decides || self.orphans_only {
            policy.rules = Vec::new();
            policy.budget = Budget::default();
        }
        policy
            .rules
            .extend(self.keep_ref.iter().map(|pattern| Rule {
                name: format!("--keep-ref {pattern}"),
                conditions: vec![Condition::Text(RuleTextField::Ref, vec![pattern.clone()])],
                action: RuleAction::Protect,
                drop_records: None,
            }));
        policy.rules.extend(self.rule());
        policy.budget = Budget {
            max_size: self.budget.max_size.or(policy.budget.max_size),
            max_refs: self.budget.max_refs.or(policy.budget.max_refs),
            min_free: self.budget.min_free.or(policy.budget.min_free),
        };
        policy.grace = self.grace.unwrap_or(policy.grace);
        policy.records.clone_from(&self.records);
        policy.max_delete = self.max_delete.or(policy.max_delete);
        Ok(policy)
    }

    /// Returns the rule of `--drop-ref` and the criteria.
    fn rule(&self) -> Option<Rule> {
        let mut name: Vec<String> = self
            .drop_ref
            .iter()
            .map(|pattern| format!("--drop-ref {pattern}"))
            .collect();
        let action = if self.keep.is_empty() {
            RuleAction::Drop
        } else {
            name.extend(self.keep.flags());
            RuleAction::Keep(Keep {
                criteria: self.keep,
                group: super::RefGrouping::default(),
            })
        };
        if name.is_empty() {
            return None;
        }
        let conditions = match self.drop_ref.as_slice() {
            [] => Vec::new(),
            globs => vec![Condition::Text(RuleTextField::Ref, globs.to_vec())],
        };
        Some(Rule {
            name: name.join(" "),
            conditions,
            action,
            drop_records: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orphans_only_contradicts_every_flag_about_refs() {
        let alone = PruneFlags {
            orphans_only: true,
            grace: Some(SignedDuration::ZERO),
            ..PruneFlags::default()
        };
        assert_eq!(
            alone.over(Policy::default()).map(|policy| policy.grace),
            Ok(SignedDuration::ZERO)
        );
        let pattern = || vec!["x".parse().unwrap()];
        let others = [
            PruneFlags {
                keep_ref: pattern(),
                ..alone.clone()
            },
            PruneFlags {
                drop_ref: pattern(),
                ..alone.clone()
            },
            PruneFlags {
                keep: Criteria {
                    generations: Some(0),
                    ..Criteria::default()
                },
                ..alone.clone()
            },
            PruneFlags {
                budget: Budget {
                    max_refs: Some(3),
                    ..Budget::default()
                },
                ..alone.clone()
            },
        ];
        for flags in others {
            assert_eq!(
                flags.over(Policy::default()),
                Err(FlagsError::OrphansOnly),
                "{flags:?}"
            );
        }
    }
}
