//! From facts to verdicts.

use jiff::Timestamp;

use super::budget::Store;
use super::facts::RefFacts;
use super::policy::Policy;
use super::verdict::Verdicts;

/// Decides about the refs of one source at the time `now`; `store` is what budgets measure, and shares the order of `facts`.
///
/// The verdict about a ref never depends on the order of `facts`: refs of the same time count by name.
pub fn decide(policy: &Policy, facts: &[RefFacts], now: Timestamp, store: &mut dyn Store) -> Verdicts {
    let _ = (policy, facts, now, store);
    Verdicts::default()
}
