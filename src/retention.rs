//! Decides which refs are kept: a policy, facts about the refs, and a verdict with reasons for
//! each.
//!
//! [`decide()`] is a function of its arguments alone, including the time. The first rule that
//! matches a ref and may act on its kind decides about it; a rule that protects wins at any
//! position. Signatures and other artifacts follow the ref that they belong to. Budgets apply after
//! the rules. Anything unknown is kept: a ref of unknown age, a ref that cannot be read, an object
//! that is no cache. Blobs are not decided here: they follow from the refs.

mod budget;
mod decide;
mod facts;
mod flags;
mod follow;
mod matching;
mod pattern;
mod policy;
mod rank;
mod verdict;
mod write;

pub use budget::{BudgetOutcome, BudgetStore, Limit, SharedBlobs};
pub use decide::decide;
pub use facts::{Belongs, Knowledge, RefFacts, facts};
pub use flags::{FlagsError, PruneFlags};
pub use pattern::{Captures, RefPattern, RefPatternError};
pub use policy::{
    Budget, Condition, Criteria, Keep, Percent, Policy, RefGrouping, Rule, RuleAction,
    RuleTextField,
};
pub use verdict::{Criterion, PolicyWarning, Reason, Verdict, Verdicts};
