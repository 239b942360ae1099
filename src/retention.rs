//! Which refs stay: a policy, what is known of the refs, and a verdict with its reasons for each.
//!
//! [`decide()`] is a function of its arguments alone, the time among them. The first rule that matches a ref decides about it;
//! a rule that protects wins wherever it stands. Budgets come after the rules. Whatever is not known keeps: an unknown age,
//! a ref that cannot be read, something that is no cache. Blobs are not decided about here: they follow from the refs.

mod budget;
mod decide;
mod facts;
mod flags;
mod matching;
mod pattern;
mod policy;
mod rank;
mod verdict;
mod write;

pub use budget::{BudgetOutcome, Limit, SharedBlobs, Store};
pub use decide::decide;
pub use facts::{Knowledge, RefFacts, facts};
pub use flags::{FlagsError, PruneFlags};
pub use pattern::{Pattern, PatternError};
pub use policy::{Action, Budget, Condition, Criteria, Group, Keep, Percent, Policy, Rule, TextField};
pub use verdict::{Criterion, Reason, Verdict, Verdicts, Warning};
