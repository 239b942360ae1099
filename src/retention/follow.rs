//! Signatures and other artifacts: they stay while their subject stays, and are dropped with it.

use std::collections::{HashMap, HashSet};

use super::decide::DecisionInput;
use super::facts::{Belongs, Knowledge, RefFacts};
use super::policy::RuleAction;
use super::verdict::{Reason, Verdict};

/// The refs that belong to others, by index.
pub(super) struct Followers {
    /// Those whose subject is held by a ref that belongs to no other, directly or not.
    rooted: Vec<usize>,
    /// Those whose subject is held by no such ref.
    dangling: Vec<usize>,
    /// Whether some ref cannot be read and may hold any of their subjects.
    is_unsure: bool,
}

impl Followers {
    /// Finds the followers.
    pub(super) fn of(input: &DecisionInput<'_>) -> Self {
        let all = input.facts.iter().enumerate();
        let mut open: Vec<(usize, &Belongs)> = all
            .filter_map(|(place, facts)| Some((place, facts.belongs.as_ref()?)))
            .collect();
        let mut rooted = Vec::new();
        let mut is_rooted: HashSet<usize> = HashSet::new();
        loop {
            let before = rooted.len();
            open.retain(|(place, belongs)| {
                let holds = |place: &usize| {
                    input.facts[*place].belongs.is_none() || is_rooted.contains(place)
                };
                let found = belongs.held_by.iter().any(holds);
                if found {
                    rooted.push(*place);
                }
                !found
            });
            if rooted.len() == before {
                break;
            }
            is_rooted.extend(&rooted[before..]);
        }
        let is_unsure = |facts: &RefFacts| {
            facts.belongs.is_none()
                && facts.is_of_a_ref()
                && matches!(facts.knowledge, Knowledge::Unreadable | Knowledge::Withheld)
        };
        Self {
            rooted,
            dangling: open.into_iter().map(|(place, _)| place).collect(),
            is_unsure: input.facts.iter().any(is_unsure),
        }
    }

    /// Decides about the followers by the verdicts for the refs that hold their subjects; returns
    /// those that are newly dropped.
    pub(super) fn settle(&self, input: &DecisionInput<'_>, verdicts: &mut [Verdict]) -> Vec<usize> {
        let mut new = Vec::new();
        for place in &self.dangling {
            let may_delete = input.rule(*place).is_some() && !self.is_unsure;
            if !may_delete && !input.is_protected(*place) {
                let kind = input.facts[*place].kind;
                verdicts[*place] = Verdict::Keep(vec![if self.is_unsure {
                    Reason::SubjectUnsure
                } else {
                    Reason::SubjectAbsent { kind }
                }]);
            }
        }
        let staying = self.staying(input, verdicts);
        for place in &self.rooted {
            let Some(belongs) = &input.facts[*place].belongs else {
                continue;
            };
            let protects = input
                .rule(*place)
                .is_some_and(|rule| rule.action == RuleAction::Protect);
            if protects {
                continue;
            }
            let verdict = match staying.get(place) {
                Some(holder) => Verdict::Keep(vec![Reason::Belongs {
                    to: input.facts[*holder].name.clone(),
                }]),
                None => self.drop_or_protect(input, *place, belongs.to.clone()),
            };
            if verdict.is_drop() && !verdicts[*place].is_drop() {
                new.push(*place);
            }
            verdicts[*place] = verdict;
        }
        new
    }

    /// Returns the followers whose subject is held by a ref that stays, each with that ref.
    fn staying(&self, input: &DecisionInput<'_>, verdicts: &[Verdict]) -> HashMap<usize, usize> {
        let rooted: HashSet<usize> = self.rooted.iter().copied().collect();
        let mut staying = HashMap::new();
        loop {
            let stays = |place: &usize| {
                if rooted.contains(place) {
                    // This function decides about these.
                    staying.contains_key(place) || input.is_protected(*place)
                } else {
                    !verdicts[*place].is_drop()
                }
            };
            let holder = |place: &usize| {
                let belongs = input.facts[*place].belongs.as_ref()?;
                let holder = belongs.held_by.iter().copied().find(|place| stays(place))?;
                Some((*place, holder))
            };
            let open = self.rooted.iter();
            let open = open.filter(|place| !staying.contains_key(*place));
            let more: Vec<(usize, usize)> = open.filter_map(holder).collect();
            if more.is_empty() {
                return staying;
            }
            staying.extend(more);
        }
    }

    fn drop_or_protect(&self, input: &DecisionInput<'_>, place: usize, to: String) -> Verdict {
        let mut protections = input.follower_protections(place);
        if self.is_unsure {
            protections.insert(0, Reason::SubjectUnsure);
        }
        if protections.is_empty() {
            return Verdict::Drop(vec![Reason::SubjectGoes { to }]);
        }
        protections.insert(0, Reason::LeftBehind { to });
        Verdict::Keep(protections)
    }
}
