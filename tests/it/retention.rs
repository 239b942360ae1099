//! Properties of every policy, for any refs.

use std::num::NonZeroU32;
use std::sync::Arc;

use cachelens::backend::SharedReader;
use cachelens::backend::memory;
use cachelens::inventory::scan::{ScanOptions, scan};
use cachelens::inventory::{AgeSource, RefKind};
use cachelens::retention::{
    Budget, BudgetStore, Condition, Criteria, Keep, Knowledge, Policy, RefFacts, RefGrouping, Rule,
    RuleAction, RuleTextField, SharedBlobs, Verdict, Verdicts, decide, facts,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::naive::NaiveStore;

/// A ref, and the blobs that it reaches.
#[derive(Debug, Clone)]
struct Case {
    facts: RefFacts,
    blobs: Vec<u64>,
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Times with few distinct values, so that ties are common; some are in the future.
fn time() -> impl Strategy<Value = Timestamp> {
    (-5..2000_i64).prop_map(|hours| now() - SignedDuration::from_hours(hours / 7 * 7))
}

fn case() -> impl Strategy<Value = Case> {
    let names = prop_oneof![Just("main".to_owned()), "[ab]-[0-3]"];
    let kind = prop_oneof![6 => Just(RefKind::Cache), 1 => Just(RefKind::Inline), 1 => Just(RefKind::Unknown)];
    let knowledge = prop_oneof![9 => Just(Knowledge::Complete), 1 => Just(Knowledge::Unreadable)];
    let created = prop::option::weighted(0.9, time());
    let times = (created, prop::option::of(time()), prop::option::of(time()));
    let generation = prop_oneof![5 => Just(0_u32), 2 => 1..4_u32];
    let blobs = prop::collection::vec(0..12_u64, 0..5);
    (
        names,
        kind,
        knowledge,
        times,
        generation,
        select(vec![None, Some("x"), Some("y")]),
        blobs,
    )
        .prop_map(
            |(name, kind, knowledge, (created, modified, used), generation, repository, blobs)| {
                Case {
                    facts: RefFacts {
                        name,
                        aliases: Vec::new(),
                        digest: String::new(),
                        source: "./cache".to_owned(),
                        repository: repository.map(str::to_owned),
                        branch: None,
                        kind,
                        platforms: Vec::new(),
                        bytes: blobs.len() as u64,
                        created: created.map(|created| (created, AgeSource::CacheConfig)),
                        modified: modified.filter(|_| created.is_some()),
                        used,
                        state: "live",
                        knowledge,
                        generation,
                        belongs: None,
                    },
                    blobs,
                }
            },
        )
}

/// Refs with different digests.
fn cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec(case(), 0..24).prop_map(|mut cases| {
        for (number, case) in cases.iter_mut().enumerate() {
            case.facts.digest = format!("sha256:{number:02}");
        }
        cases
    })
}

fn criteria() -> impl Strategy<Value = Criteria> {
    let count = || {
        prop::option::weighted(
            0.3,
            (1..5_u32).prop_map(|count| NonZeroU32::new(count).unwrap()),
        )
    };
    let span = || prop::option::weighted(0.3, (0..1500_i64).prop_map(SignedDuration::from_hours));
    let periods = (count(), count(), count(), count(), count());
    (count(), span(), periods, span(), prop::option::of(0..3_u32)).prop_map(
        |(last, within, (hourly, daily, weekly, monthly, yearly), used_within, generations)| {
            // A criterion that is always present, so that removing another one cannot leave none.
            let last = last.or(NonZeroU32::new(1));
            Criteria {
                last,
                within,
                hourly,
                daily,
                weekly,
                monthly,
                yearly,
                used_within,
                generations,
            }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let action = prop_oneof![
        1 => Just(RuleAction::Protect),
        1 => Just(RuleAction::Drop),
        4 => (criteria(), select(RefGrouping::WORDS.map(|(_, group)| group).to_vec())).prop_map(|(criteria, group)| RuleAction::Keep(Keep { criteria, group })),
    ];
    (
        select(vec!["*", "a-*", "b-*", "main", "!main", "/[12]$/"]),
        any::<bool>(),
        action,
    )
        .prop_map(|(pattern, all_kinds, action)| {
            let mut conditions = vec![Condition::Text(
                RuleTextField::Ref,
                vec![pattern.parse().unwrap()],
            )];
            conditions.extend(
                all_kinds.then(|| Condition::Text(RuleTextField::Kind, vec!["*".parse().unwrap()])),
            );
            Rule {
                name: pattern.to_owned(),
                conditions,
                action,
                drop_records: None,
            }
        })
}

fn budget() -> impl Strategy<Value = Budget> {
    let limit = |most: u64| prop::option::weighted(0.5, 0..most);
    (limit(60), limit(20), limit(60)).prop_map(|(max_size, max_refs, min_free)| Budget {
        max_size,
        max_refs,
        min_free,
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let zone = select(vec![TimeZone::UTC, TimeZone::get("Europe/Berlin").unwrap()]);
    (
        prop::collection::vec(rule(), 0..4),
        budget(),
        0..100_i64,
        zone,
    )
        .prop_map(|(rules, budget, grace, zone)| Policy {
            rules,
            budget,
            grace: SignedDuration::from_hours(grace),
            max_delete: None,
            records: None,
            zone,
        })
}

fn without_budget(policy: &Policy) -> Policy {
    Policy {
        budget: Budget::default(),
        ..policy.clone()
    }
}

fn decided(policy: &Policy, cases: &[Case]) -> (Verdicts, NaiveStore) {
    let facts: Vec<RefFacts> = cases.iter().map(|case| case.facts.clone()).collect();
    let blobs = |case: &Case| {
        case.blobs
            .iter()
            .map(|blob| (blob.to_string(), blob + 1))
            .collect()
    };
    let mut store = NaiveStore {
        refs: cases.iter().map(|case| Some(blobs(case))).collect(),
        free: Some(5),
    };
    (decide(policy, &facts, now(), &mut store), store)
}

/// Returns whether `more` drops everything that `less` drops.
fn drops_as_many(less: &Verdicts, more: &Verdicts) -> bool {
    less.refs
        .iter()
        .zip(&more.refs)
        .all(|(less, more)| !less.is_drop() || more.is_drop())
}

/// Makes the criterion at `choice` stricter.
fn stricter(criteria: &mut Criteria, choice: usize) {
    let fewer = |count: NonZeroU32| NonZeroU32::new(count.get() - 1);
    let shorter = |span: SignedDuration| span / 2;
    let Criteria {
        last,
        within,
        hourly,
        daily,
        weekly,
        monthly,
        yearly,
        used_within,
        generations,
    } = criteria;
    match choice % 9 {
        0 => *last = last.and_then(fewer).or(*last),
        1 => *within = within.map(shorter),
        2 => *hourly = None,
        3 => *daily = daily.and_then(fewer),
        4 => *weekly = weekly.and_then(fewer),
        5 => *monthly = monthly.and_then(fewer),
        6 => *yearly = yearly.and_then(fewer),
        7 => *used_within = used_within.map(shorter),
        _ => *generations = Some(generations.map_or(2, |count| count.saturating_sub(1))),
    }
}

proptest! {
    #[test]
    fn the_order_of_refs_never_matters(policy in policy(), cases in cases(), seed in any::<u64>()) {
        let mut shuffled: Vec<(usize, Case)> = cases.iter().cloned().enumerate().collect();
        shuffled.sort_by_key(|(number, _)| (*number as u64 + 1).wrapping_mul(seed | 1));
        let (numbers, shuffled): (Vec<usize>, Vec<Case>) = shuffled.into_iter().unzip();
        let (verdicts, _) = decided(&policy, &cases);
        let (mut other, _) = decided(&policy, &shuffled);
        let mut back = vec![Verdict::Undecided(Vec::new()); cases.len()];
        let mut rules = vec![None; cases.len()];
        for ((number, verdict), rule) in numbers.iter().zip(other.refs).zip(other.rules) {
            (back[*number], rules[*number]) = (verdict, rule);
        }
        (other.refs, other.rules) = (back, rules);
        prop_assert_eq!(verdicts, other);
    }

    #[test]
    fn young_protected_and_unknown_refs_are_never_dropped(policy in policy(), cases in cases()) {
        let (verdicts, _) = decided(&policy, &cases);
        prop_assert_eq!(verdicts.refs.len(), cases.len());
        for (Case { facts, .. }, verdict) in cases.iter().zip(&verdicts.refs) {
            prop_assert!(!verdict.reasons().is_empty() && !matches!(verdict, Verdict::Undecided(_)));
            let young = facts.changed().is_some_and(|changed| now().duration_since(changed) < policy.grace);
            let protected = policy.rules.iter().any(|rule| {
                let Condition::Text(_, patterns) = &rule.conditions[0] else { return false };
                rule.action == RuleAction::Protect
                    && patterns[0].matches_any([facts.name.as_str()])
            });
            let unknown = facts.created.is_none() || facts.knowledge != Knowledge::Complete;
            prop_assert!(!verdict.is_drop() || !(young || protected || unknown), "{}: {}", facts.name, verdict);
        }
    }

    #[test]
    fn a_stricter_rule_never_keeps_more(
        policy in policy(), cases in cases(), which in any::<prop::sample::Index>(), choice in 0..11_usize
    ) {
        let policy = without_budget(&policy);
        let mut other = policy.clone();
        if !other.rules.is_empty() {
            let rule = which.index(other.rules.len());
            match &mut other.rules[rule].action {
                RuleAction::Keep(keep) if choice < 9 => stricter(&mut keep.criteria, choice),
                RuleAction::Keep(keep) if choice < 10 => keep.group = RefGrouping::None,
                action @ RuleAction::Keep(_) => *action = RuleAction::Drop,
                RuleAction::Protect | RuleAction::Drop => {}
            }
        }
        other.grace /= 2;
        prop_assert!(drops_as_many(&decided(&policy, &cases).0, &decided(&other, &cases).0));
    }

    #[test]
    fn a_protecting_rule_never_deletes_more(policy in policy(), cases in cases(), mut rule in rule()) {
        let policy = without_budget(&policy);
        rule.action = RuleAction::Protect;
        let mut other = policy.clone();
        other.rules.push(rule);
        prop_assert!(drops_as_many(&decided(&other, &cases).0, &decided(&policy, &cases).0));
    }

    #[test]
    fn a_smaller_budget_never_keeps_more(policy in policy(), cases in cases()) {
        let Budget { max_size, max_refs, min_free } = policy.budget;
        let half = |limit: u64| limit / 2;
        let budget = Budget {
            max_size: max_size.map(half),
            max_refs: max_refs.map(half),
            min_free: min_free.map(|free| free * 2),
        };
        let other = Policy { budget, ..policy.clone() };
        let (none, some, more) =
            (decided(&without_budget(&policy), &cases).0, decided(&policy, &cases).0, decided(&other, &cases).0);
        prop_assert!(drops_as_many(&none, &some) && drops_as_many(&some, &more));
    }

    #[test]
    fn a_budget_measures_the_remaining_refs(policy in policy(), cases in cases()) {
        let (verdicts, store) = decided(&policy, &cases);
        let limits = [policy.budget.max_refs, policy.budget.max_size, policy.budget.min_free];
        prop_assert_eq!(verdicts.budgets.len(), limits.into_iter().flatten().count());
        if !verdicts.budgets.is_empty() {
            for (verdict, left) in verdicts.refs.iter().zip(&store.refs) {
                prop_assert_eq!(verdict.is_drop(), left.is_none());
            }
        }
        for outcome in &verdicts.budgets {
            if outcome.is_unreachable() {
                let spare = verdicts.refs.iter().zip(&cases).filter(|(verdict, case)| {
                    let reasons = verdict.reasons();
                    case.facts.generation == 0
                        && reasons.iter().any(|reason| reason.to_string() == "no rule matches it")
                        && case.facts.kind == RefKind::Cache
                        && case.facts.knowledge == Knowledge::Complete
                        && case.facts.created.is_some()
                        && case.facts.changed().is_some_and(|changed| now().duration_since(changed) >= policy.grace)
                });
                prop_assert_eq!(spare.count(), 0, "{} although more could go", outcome);
            }
        }
    }
}

#[tokio::test]
async fn the_blobs_of_a_scan_are_counted_as_a_naive_count_does() {
    let reader: SharedReader = Arc::new(memory::demo(now()).unwrap());
    let inventory = scan(&reader, &ScanOptions::default(), |_| ())
        .await
        .unwrap();
    let refs: Vec<_> = inventory
        .refs
        .iter()
        .map(|entry| {
            let blobs = entry.reach.iter().map(|id| inventory.blobs.get(*id));
            Some(
                blobs
                    .map(|blob| (blob.digest().to_string(), blob.stored_size()))
                    .collect(),
            )
        })
        .collect();
    let count = refs.len();
    assert!(count > 2);
    for first in 0..count {
        let (mut shared, mut naive) = (
            SharedBlobs::new(&inventory, None),
            NaiveStore {
                refs: refs.clone(),
                free: None,
            },
        );
        for place in (0..count).map(|step| (first + step) % count) {
            assert_eq!(shared.bytes(), naive.bytes());
            let freed = shared.leave_out(place);
            assert_eq!(freed, naive.leave_out(place));
            assert!(place != first || Some(freed) == inventory.refs[place].sizes.exclusive_bytes);
        }
        assert_eq!(shared.bytes(), 0);
    }
}

#[tokio::test]
async fn a_scan_has_the_facts_that_rules_need() {
    let reader: SharedReader = Arc::new(memory::demo(now()).unwrap());
    let mut during = Vec::new();
    let inventory = scan(&reader, &ScanOptions::default(), |inventory| {
        during.push(facts(inventory, "demo"));
    })
    .await
    .unwrap();
    let facts = facts(&inventory, "demo");
    assert_eq!(facts.len(), inventory.refs.len());
    for (facts, entry) in facts.iter().zip(inventory.refs.iter()) {
        assert_eq!(
            (&facts.name, facts.kind, facts.created),
            (&entry.name, entry.kind, entry.age())
        );
        assert_eq!(facts.knowledge, Knowledge::Complete);
    }
    assert!(
        during[0]
            .iter()
            .all(|facts| facts.knowledge == Knowledge::Pending)
    );
}
