//! Computes verdicts from facts.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::budget::{self, BudgetStore};
use super::facts::{Belongs, Knowledge, RefFacts, SUPERSEDED};
use super::follow::Followers;
use super::matching::age;
use super::policy::{Keep, Policy, Rule, RuleAction};
use super::rank::{self, CountedRef};
use super::verdict::{Criterion, PolicyWarning, Reason, Verdict, Verdicts};
use crate::inventory::RefKind;

/// Decides about the refs of one source at the time `now`. `store` provides the measures for
/// budgets, and has the order of `facts`.
///
/// The verdict for a ref does not depend on the order of `facts`: of refs of the same time, the
/// name decides which is newer.
pub fn decide(
    policy: &Policy,
    facts: &[RefFacts],
    now: Timestamp,
    store: &mut dyn BudgetStore,
) -> Verdicts {
    if facts
        .iter()
        .any(|facts| facts.knowledge == Knowledge::Pending)
    {
        // A missing size or time could change the result of any rule for any ref.
        let refs = vec![Verdict::Undecided(vec![Reason::Pending]); facts.len()];
        return Verdicts {
            rules: vec![None; refs.len()],
            refs,
            ..Verdicts::default()
        };
    }
    let assigned = policy.assign(facts, now);
    let input = DecisionInput {
        policy,
        facts,
        now,
        rules: assigned.rules,
        is_matched: assigned.is_matched,
    };
    let mut refs = input.refs();
    input.previous_versions(&mut refs);
    input.superseded(&mut refs);
    let followers = Followers::of(&input);
    followers.settle(&input, &mut refs);
    let budgets = budget::enforce(&input, &followers, &mut refs, store);
    let warnings = input.warnings(&assigned.matches, &refs);
    let rules = input.rules;
    Verdicts {
        refs,
        rules,
        budgets,
        warnings,
    }
}

/// The input of all verdicts.
pub(super) struct DecisionInput<'a> {
    pub policy: &'a Policy,
    pub facts: &'a [RefFacts],
    pub now: Timestamp,
    /// The index of the rule that decides about each ref.
    rules: Vec<Option<usize>>,
    /// Whether any rule matches each ref, even one that may not act on its kind.
    is_matched: Vec<bool>,
}

impl DecisionInput<'_> {
    pub(super) fn rule(&self, place: usize) -> Option<&Rule> {
        self.rules[place].map(|rule| &self.policy.rules[rule])
    }

    /// Decides by the rules. Previous versions get a provisional verdict as refs that have expired.
    fn refs(&self) -> Vec<Verdict> {
        let mut ranked: Vec<Vec<Criterion>> = vec![Vec::new(); self.facts.len()];
        for (number, rule) in self.policy.rules.iter().enumerate() {
            let RuleAction::Keep(keep) = &rule.action else {
                continue;
            };
            let counted = self.counted(number).collect();
            for (place, criterion) in rank::rank(keep, counted, &self.policy.zone) {
                ranked[place].push(criterion);
            }
        }
        (0..)
            .zip(ranked)
            .map(|(place, ranked)| self.verdict(place, ranked))
            .collect()
    }

    /// Returns the refs that the rule counts: those that it may drop.
    fn counted(&self, rule: usize) -> impl Iterator<Item = CountedRef<'_>> {
        self.facts
            .iter()
            .enumerate()
            .filter_map(move |(place, facts)| {
                let is_held = |belongs: &Belongs| !belongs.held_by.is_empty();
                let counts = self.rules[place] == Some(rule)
                    && facts.generation == 0
                    && !facts.belongs.as_ref().is_some_and(is_held)
                    && self.may_delete(place);
                if !counts {
                    return None;
                }
                let (created, _) = facts.created?;
                Some(CountedRef {
                    place,
                    facts,
                    time: created.min(self.now),
                })
            })
    }

    fn verdict(&self, place: usize, ranked: Vec<Criterion>) -> Verdict {
        let facts = &self.facts[place];
        let Some(rule) = self.rule(place) else {
            let kind = facts.kind;
            let reason = if self.is_matched[place] {
                Reason::NotOnlyCache { kind }
            } else {
                Reason::NoRule
            };
            return Verdict::Keep(vec![reason]);
        };
        let name = || rule.name.clone();
        match &rule.action {
            RuleAction::Protect => Verdict::Keep(vec![Reason::Protected { rule: name() }]),
            RuleAction::Drop => self.drop_or_protect(place, Reason::Rule { rule: name() }),
            RuleAction::Keep(keep) => {
                let criteria = self.criteria(keep, facts, ranked);
                let met: Vec<Reason> = criteria
                    .into_iter()
                    .map(|criterion| Reason::Criterion {
                        rule: name(),
                        criterion,
                    })
                    .collect();
                match facts.created {
                    Some(_) if !met.is_empty() => Verdict::Keep(met),
                    Some((created, from)) => {
                        let age = age(created, self.now);
                        self.drop_or_protect(
                            place,
                            Reason::Expired {
                                rule: name(),
                                age,
                                from,
                                keeps: keep.criteria,
                            },
                        )
                    }
                    None => Verdict::Keep(vec![Reason::UnknownAge]),
                }
            }
        }
    }

    /// Returns the criteria that a ref meets.
    fn criteria(&self, keep: &Keep, facts: &RefFacts, ranked: Vec<Criterion>) -> Vec<Criterion> {
        let mut met = Vec::new();
        if !keep.criteria.speaks_of_refs() {
            met.push(Criterion::Current);
        }
        if let (Some(limit), Some((created, _))) = (keep.criteria.within, facts.created) {
            let age = age(created, self.now);
            met.extend((age <= limit).then_some(Criterion::Within { age, limit }));
        }
        met.extend(ranked);
        if let Some(limit) = keep.criteria.used_within {
            met.extend(match facts.used.map(|used| age(used, self.now)) {
                None => Some(Criterion::UnknownUse),
                Some(unused) => {
                    (unused <= limit).then_some(Criterion::UsedWithin { unused, limit })
                }
            });
        }
        met
    }

    /// Drops the ref for `reason`, unless it is unreadable, of unknown age or within the grace
    /// period.
    pub(super) fn drop_or_protect(&self, place: usize, reason: Reason) -> Verdict {
        let protections = self.protections(place);
        if protections.is_empty() {
            Verdict::Drop(vec![reason])
        } else {
            Verdict::Keep(protections)
        }
    }

    /// Returns why a ref stays even if its rule or a budget would drop it.
    pub(super) fn protections(&self, place: usize) -> Vec<Reason> {
        let mut reasons = self.unsure(place);
        reasons.extend(self.within_grace(place));
        reasons
    }

    /// Returns why a ref stays although it belongs to a dropped one.
    pub(super) fn follower_protections(&self, place: usize) -> Vec<Reason> {
        let mut reasons = self.unsure(place);
        reasons.retain(|reason| !matches!(reason, Reason::NotOnlyCache { .. }));
        reasons.extend(self.within_grace(place));
        reasons
    }

    fn within_grace(&self, place: usize) -> Option<Reason> {
        let changed = age(self.facts[place].changed()?, self.now);
        let grace = self.policy.grace;
        (changed < grace).then_some(Reason::WithinGrace { changed, grace })
    }

    /// Returns the unknown facts that forbid dropping a ref.
    fn unsure(&self, place: usize) -> Vec<Reason> {
        let facts = &self.facts[place];
        let only_cache = facts.kind == RefKind::Cache
            || self
                .rule(place)
                .is_some_and(|rule| rule.may_act_on(facts.kind));
        let reasons = [
            (
                matches!(facts.knowledge, Knowledge::Unreadable | Knowledge::Pending),
                Reason::Unreadable,
            ),
            (facts.created.is_none(), Reason::UnknownAge),
            (!only_cache, Reason::NotOnlyCache { kind: facts.kind }),
        ];
        reasons
            .into_iter()
            .filter_map(|(holds, reason)| holds.then_some(reason))
            .collect()
    }

    fn may_delete(&self, place: usize) -> bool {
        self.unsure(place).is_empty()
    }

    /// Returns whether a rule protects a ref.
    pub(super) fn is_protected(&self, place: usize) -> bool {
        self.rule(place)
            .is_some_and(|rule| rule.action == RuleAction::Protect)
    }

    /// Returns how long ago a ref was used, or created if that is later or its use is unknown.
    pub(super) fn unused(&self, place: usize) -> SignedDuration {
        let facts = &self.facts[place];
        let last = facts.used.max(facts.created.map(|(created, _)| created));
        last.map_or(SignedDuration::ZERO, |last| age(last, self.now))
    }

    /// Decides about previous versions: they are dropped with their ref, or if enough newer ones
    /// stay.
    fn previous_versions(&self, verdicts: &mut [Verdict]) {
        let mut of_refs: HashMap<_, Vec<usize>> = HashMap::new();
        for (place, facts) in self.facts.iter().enumerate() {
            of_refs
                .entry((&facts.source, &facts.repository, &facts.name))
                .or_default()
                .push(place);
        }
        for mut places in of_refs.into_values() {
            places.sort_by_key(|place| (self.facts[*place].generation, &self.facts[*place].digest));
            let previous = places.partition_point(|place| self.facts[*place].generation == 0);
            let (current, previous) = places.split_at(previous);
            let ref_goes =
                !current.is_empty() && current.iter().all(|place| verdicts[*place].is_drop());
            for (generation, place) in (1..).zip(previous) {
                let Some((rule, keep)) = self.rule(*place).and_then(|rule| match &rule.action {
                    RuleAction::Keep(keep) => Some((rule.name.clone(), keep)),
                    RuleAction::Protect | RuleAction::Drop => None,
                }) else {
                    continue;
                };
                let of = keep.criteria.generations;
                verdicts[*place] = match of {
                    _ if ref_goes => self.drop_or_protect(*place, Reason::RefGoes { rule }),
                    Some(keeps) if generation > keeps => self.drop_or_protect(
                        *place,
                        Reason::Superseded {
                            rule,
                            generation,
                            keeps,
                        },
                    ),
                    _ => {
                        let criterion = Criterion::Generation {
                            place: generation,
                            of,
                        };
                        Verdict::Keep(vec![Reason::Criterion { rule, criterion }])
                    }
                };
            }
        }
    }

    /// Drops previous versions that no build imports and that are entries of their own: they are
    /// orphans, whatever the verdict for their ref. Only a `protect` rule, or a rule that keeps a
    /// number of them, keeps them.
    fn superseded(&self, verdicts: &mut [Verdict]) {
        let is_held = |verdict: &Verdict| {
            let counted = |reason: &Reason| {
                matches!(
                    reason,
                    Reason::Criterion {
                        criterion: Criterion::Generation { of: Some(_), .. },
                        ..
                    }
                )
            };
            verdict.is_drop() || verdict.reasons().iter().any(counted)
        };
        for (place, facts) in self
            .facts
            .iter()
            .enumerate()
            .filter(|(_, facts)| facts.state == SUPERSEDED)
        {
            if !is_held(&verdicts[place]) && !self.is_protected(place) {
                verdicts[place] = self.drop_or_protect(
                    place,
                    Reason::NotImported {
                        generation: facts.generation,
                    },
                );
            }
        }
    }

    fn warnings(&self, matches: &[bool], verdicts: &[Verdict]) -> Vec<PolicyWarning> {
        let mut warnings = Vec::new();
        let rules = self.policy.rules.iter().zip(matches);
        // A rule of a file that drops matches nothing as soon as it has done its work.
        let idle = rules.filter(|(rule, matches)| {
            let is_expected = rule.action == RuleAction::Drop && !rule.is_of_flag();
            !*matches && !is_expected && !self.facts.is_empty()
        });
        warnings.extend(idle.map(|(rule, _)| PolicyWarning::MatchesNothing {
            rule: rule.name.clone(),
        }));
        let mut refs = self
            .facts
            .iter()
            .zip(verdicts)
            .filter(|(facts, _)| facts.is_of_a_ref() && facts.belongs.is_none())
            .peekable();
        if refs.peek().is_some() && refs.all(|(_, verdict)| verdict.is_drop()) {
            warnings.push(PolicyWarning::DropsEverything);
        }
        let mut ahead: Vec<(&String, Timestamp)> = self
            .facts
            .iter()
            .filter_map(|facts| self.ahead(facts))
            .collect();
        ahead.sort();
        warnings.extend(
            ahead
                .into_iter()
                .map(|(name, time)| PolicyWarning::InTheFuture {
                    name: name.clone(),
                    time,
                }),
        );
        warnings
    }

    /// Returns the date of a ref that is furthest in the future.
    fn ahead<'f>(&self, facts: &'f RefFacts) -> Option<(&'f String, Timestamp)> {
        let latest = facts.changed().max(facts.used)?;
        (latest > self.now).then_some((&facts.name, latest))
    }
}
