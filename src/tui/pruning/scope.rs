//! Which refs a plan deletes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::check::{Code, Finding};
use crate::format::digest::Digest;
use crate::prune::draft::Draft;
use crate::prune::plan::DeletionTarget;
use crate::prune::repair::{self, Remedies};
use crate::retention::{
    Budget, Condition, Policy, RefPattern, RefPatternError, Rule, RuleAction, RuleTextField,
    Verdicts,
};

/// The refs to delete in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionScope {
    /// The refs that the policy drops.
    Policy,
    /// These refs, by name and digest, unless a rule protects them.
    Marked(Vec<(String, String)>),
    /// The refs that the policy drops when this rule comes after its own.
    WithRule(Box<RuleTrial>),
    /// None: the trash is emptied, regardless of its age.
    Trash,
    /// Those that findings of a check are about: a repair writes them again.
    Repair(Box<Repairing>),
}

/// A rule that comes after those of the policy, and the budget that replaces the policy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTrial {
    pub rule: Rule,
    pub budget: Budget,
}

/// The findings that a repair is to fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repairing {
    pub findings: Vec<Finding>,
    /// The blobs that were read and whose bytes do not match their digests.
    pub damaged: Arc<HashSet<Digest>>,
}

impl Repairing {
    /// Returns which findings the repair fixes. A chosen ref whose manifest is gone is deleted
    /// where no previous version is known: the plan shows it, and an undo brings the ref back.
    pub fn remedies(&self) -> Remedies {
        let mut only: Vec<Code> = self.findings.iter().map(|finding| finding.code).collect();
        only.sort_unstable();
        only.dedup();
        Remedies {
            delete_gone: only.contains(&Code::ManifestMissing),
            only,
            ..Remedies::default()
        }
    }
}

/// The verdicts of a policy with an added rule on the refs of a source.
#[derive(Debug, Clone)]
pub struct Trial {
    /// One verdict per ref.
    pub verdicts: Arc<Verdicts>,
    /// The index of the rule in the policy.
    pub place: usize,
}

/// The name of the rule that drops the marked refs.
const MARKED: &str = "marked refs";

impl DeletionScope {
    /// Returns the policy for a plan of this scope.
    ///
    /// # Errors
    /// Fails if the name of a ref cannot be written as a pattern.
    pub fn policy(&self, configured: &Policy) -> Result<Policy, RefPatternError> {
        let refs = match self {
            Self::Policy => return Ok(configured.clone()),
            Self::WithRule(trial) => return Ok(with_rule(configured, (**trial).clone())),
            Self::Trash => return Ok(only_trash(configured)),
            Self::Repair(_) => return Ok(repair::policy(configured.clone())),
            Self::Marked(refs) => refs,
        };
        let patterns: Vec<RefPattern> = refs
            .iter()
            .map(|(name, _)| RefPattern::exactly(name))
            .collect::<Result<_, _>>()?;
        let mut policy = Policy {
            budget: Budget::default(),
            ..configured.clone()
        };
        policy
            .rules
            .retain(|rule| rule.action == RuleAction::Protect);
        policy.rules.push(Rule {
            name: MARKED.to_owned(),
            conditions: vec![Condition::Text(RuleTextField::Ref, patterns)],
            action: RuleAction::Drop,
            drop_records: None,
        });
        Ok(policy)
    }

    /// Returns the items to exclude although the policy of this scope may drop them: refs that only
    /// share names with the marked ones.
    pub fn excluded(&self, draft: &Draft) -> HashSet<DeletionTarget> {
        let Self::Marked(refs) = self else {
            return HashSet::new();
        };
        let meant: HashSet<(&str, &str)> = refs
            .iter()
            .map(|(name, digest)| (name.as_str(), digest.as_str()))
            .collect();
        draft.refs_but(|entry| {
            meant.contains(&(entry.name.as_str(), entry.digest().to_string().as_str()))
        })
    }
}

/// Returns the policy with a rule after its own rules, as in a changed configuration.
pub fn with_rule(configured: &Policy, trial: RuleTrial) -> Policy {
    let mut policy = Policy {
        budget: trial.budget,
        ..configured.clone()
    };
    policy.rules.push(trial.rule);
    policy
}

/// Returns the policy that keeps every ref, and nothing in the trash.
fn only_trash(configured: &Policy) -> Policy {
    Policy {
        rules: vec![Rule {
            name: "every ref".to_owned(),
            conditions: Vec::new(),
            action: RuleAction::Protect,
            drop_records: None,
        }],
        budget: Budget::default(),
        grace: SignedDuration::ZERO,
        records: None,
        max_delete: None,
        ..configured.clone()
    }
}

impl fmt::Display for DeletionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("the policy"),
            Self::WithRule(trial) => write!(f, "the policy with the rule {}", trial.rule.name),
            Self::Trash => f.write_str("the trash"),
            Self::Repair(repairing) if repairing.findings.len() == 1 => f.write_str("the finding"),
            Self::Repair(repairing) => write!(f, "the {} findings", repairing.findings.len()),
            Self::Marked(refs) if refs.len() == 1 => f.write_str("the marked ref"),
            Self::Marked(refs) => write!(f, "the {} marked refs", refs.len()),
        }
    }
}
