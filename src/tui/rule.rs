//! A rule that is being edited: its fields, and how keys and typed text change them.

use std::num::NonZeroU32;

use jiff::SignedDuration;

use crate::retention::{
    Budget, Condition, Criteria, Keep, RefPattern, RefPatternError, Rule, RuleAction, RuleTextField,
};
use crate::text::units::{Exact, ExactSize, parse_duration, parse_size};
use crate::tui::pruning::RuleTrial;
use crate::tui::rows::NONE;

/// The separators of words in a ref's name.
const JOINTS: [char; 4] = ['-', '_', '.', '/'];
/// The number of newest refs that a new rule keeps.
const LAST: u32 = 5;
/// The ages that a key steps through, in days; unset comes before the first.
const DAYS: [i64; 9] = [1, 2, 3, 7, 14, 30, 60, 90, 180];
/// The units of the sizes that a key steps through.
const UNITS: [u64; 4] = [1 << 10, 1 << 20, 1 << 30, 1 << 40];

/// A field of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleField {
    /// The refs that it matches.
    Refs,
    /// The action on these refs.
    Action,
    /// The number of newest refs to keep.
    Last,
    /// The maximum age of refs to keep.
    Within,
    /// The size limit of the policy, which applies after all rules.
    Budget,
}

impl RuleField {
    /// All fields, in display order.
    pub const ALL: [Self; 5] = [
        Self::Refs,
        Self::Action,
        Self::Last,
        Self::Within,
        Self::Budget,
    ];

    /// Returns the word for the field.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refs => "refs",
            Self::Action => "action",
            Self::Last => "keep last",
            Self::Within => "keep within",
            Self::Budget => "budget",
        }
    }
}

/// The action on the refs that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftAction {
    /// Refs that meet a criterion are kept, the others are dropped.
    Keep,
    /// The refs are dropped.
    Drop,
    /// The refs are kept, regardless of later rules and budgets.
    Protect,
}

impl DraftAction {
    const ALL: [Self; 3] = [Self::Keep, Self::Drop, Self::Protect];

    /// Returns the word that policies use.
    fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Protect => "protect",
        }
    }
}

/// A rule that is being edited.
#[derive(Debug, Clone)]
pub struct RuleDraft {
    patterns: Vec<RefPattern>,
    choice: DraftAction,
    last: Option<NonZeroU32>,
    within: Option<SignedDuration>,
    /// The budget of the policy, with another size limit.
    budget: Budget,
    /// The bytes that all refs reach: a limit from here on has no effect.
    live_bytes: u64,
}

impl RuleDraft {
    /// Starts with a rule about refs with names like `names`, after the rules of a policy with
    /// `budget`. All refs reach `live_bytes`.
    ///
    /// # Errors
    /// Fails if a name cannot be written as a pattern.
    pub fn about(
        names: &[String],
        choice: DraftAction,
        budget: Budget,
        live_bytes: u64,
    ) -> Result<Self, RefPatternError> {
        Ok(Self {
            patterns: patterns(names)?,
            choice,
            last: NonZeroU32::new(LAST),
            within: None,
            budget,
            live_bytes,
        })
    }

    /// Returns the rule with the budget.
    pub fn trial(&self) -> RuleTrial {
        RuleTrial {
            rule: self.rule(),
            budget: self.budget,
        }
    }

    /// Returns the budget.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Uses the sizes of a new scan.
    pub fn set_live_bytes(&mut self, bytes: u64) {
        self.live_bytes = bytes;
    }

    /// Returns the rule.
    pub fn rule(&self) -> Rule {
        let name = match self.patterns.as_slice() {
            [pattern] => format!("refs like {pattern}"),
            _ => "some refs".to_owned(),
        };
        let criteria = Criteria {
            last: self.last,
            within: self.within,
            ..Criteria::default()
        };
        Rule {
            name,
            conditions: vec![Condition::Text(RuleTextField::Ref, self.patterns.clone())],
            action: match self.choice {
                DraftAction::Keep => RuleAction::Keep(Keep {
                    criteria,
                    ..Keep::default()
                }),
                DraftAction::Drop => RuleAction::Drop,
                DraftAction::Protect => RuleAction::Protect,
            },
            drop_records: None,
        }
    }

    /// Returns whether the rule matches a ref with one of these names.
    pub fn matches(&self, names: &[&str]) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.matches_any(names.iter().copied()))
    }

    /// Returns the text of a field, as it is typed.
    pub fn text(&self, field: RuleField) -> String {
        let none = || NONE.to_owned();
        match field {
            RuleField::Refs => {
                let patterns = self.patterns.iter().map(ToString::to_string);
                patterns.collect::<Vec<_>>().join(" ")
            }
            RuleField::Action => self.choice.word().to_owned(),
            RuleField::Last => self.last.map_or_else(none, |last| last.to_string()),
            RuleField::Within => self
                .within
                .map_or_else(none, |within| Exact(within).to_string()),
            RuleField::Budget => self
                .budget
                .max_size
                .map_or_else(none, |bytes| ExactSize(bytes).to_string()),
        }
    }

    /// Returns whether a field has an effect, given the other fields.
    pub fn is_used(&self, field: RuleField) -> bool {
        match field {
            RuleField::Refs | RuleField::Action | RuleField::Budget => true,
            RuleField::Last | RuleField::Within => self.choice == DraftAction::Keep,
        }
    }

    /// Uses the next larger or smaller value of a field; returns whether there is one.
    pub fn step(&mut self, field: RuleField, up: bool) -> bool {
        let before = self.text(field);
        match field {
            RuleField::Refs => {}
            RuleField::Action => {
                let place = self.choice as usize;
                let step = if up { 1 } else { DraftAction::ALL.len() - 1 };
                self.choice = DraftAction::ALL[(place + step) % DraftAction::ALL.len()];
            }
            RuleField::Last => {
                let last = self.last.map_or(0, NonZeroU32::get);
                let last = if up {
                    last.saturating_add(1)
                } else {
                    last.saturating_sub(1)
                };
                // A rule that keeps needs a criterion.
                if last > 0 || self.within.is_some() {
                    self.last = NonZeroU32::new(last);
                }
            }
            RuleField::Within => {
                let days = |within: SignedDuration| within.as_hours() / 24;
                let now = self.within.map_or(0, days);
                let next = if up {
                    DAYS.into_iter().find(|days| *days > now)
                } else {
                    DAYS.into_iter().rev().find(|days| *days < now)
                };
                match next {
                    Some(days) => self.within = Some(SignedDuration::from_hours(days * 24)),
                    None if !up && self.last.is_some() => self.within = None,
                    None => {}
                }
            }
            RuleField::Budget => self.step_budget(up),
        }
        before != self.text(field)
    }

    /// Uses the next larger or smaller size limit. No limit is larger than one from which on
    /// nothing changes.
    fn step_budget(&mut self, up: bool) {
        let limit = self.budget.max_size;
        if up {
            let mut above = round_sizes().filter(|size| limit.is_some_and(|limit| *size > limit));
            self.budget.max_size = above.next().filter(|size| *size < self.live_bytes);
        } else {
            let limit = limit.unwrap_or(self.live_bytes);
            let below = round_sizes().rfind(|size| *size < limit);
            self.budget.max_size = below.or(self.budget.max_size);
        }
    }

    /// Sets a field to the typed value.
    ///
    /// # Errors
    /// Returns a sentence about the expected input.
    pub fn set(&mut self, field: RuleField, text: &str) -> Result<(), String> {
        let text = text.trim();
        let is_none = text.is_empty() || text == NONE || text == "-";
        match field {
            RuleField::Refs => {
                let patterns: Result<Vec<RefPattern>, RefPatternError> =
                    text.split_whitespace().map(str::parse).collect();
                let patterns = patterns.map_err(|error| error.to_string())?;
                if patterns.is_empty() {
                    return Err(RefPatternError::Empty.to_string());
                }
                self.patterns = patterns;
            }
            RuleField::Action => {
                let choice = DraftAction::ALL
                    .into_iter()
                    .find(|choice| choice.word() == text);
                self.choice = choice.ok_or("write keep, drop or protect")?;
            }
            RuleField::Last if is_none && self.within.is_some() => self.last = None,
            RuleField::Last => {
                let last = text.parse().map_err(|_| "write how many to keep, as 5")?;
                self.last = Some(last);
            }
            RuleField::Within if is_none && self.last.is_some() => self.within = None,
            RuleField::Within => {
                let within = parse_duration(text)?;
                let within = SignedDuration::try_from(within).map_err(|error| error.to_string())?;
                self.within = Some(within);
            }
            RuleField::Budget if is_none => self.budget.max_size = None,
            RuleField::Budget => self.budget.max_size = Some(parse_size(text)?),
        }
        Ok(())
    }
}

/// Returns the sizes that a key steps through, in order: those with one digit other than zero.
fn round_sizes() -> impl DoubleEndedIterator<Item = u64> {
    let digits = [1, 10, 100].into_iter();
    let numbers = digits.flat_map(|digits| (1..10).map(move |digit| digit * digits));
    let numbers: Vec<u64> = numbers.collect();
    let sizes = UNITS
        .into_iter()
        .flat_map(move |unit| numbers.clone().into_iter().map(move |number| number * unit));
    sizes.collect::<Vec<_>>().into_iter()
}

/// Returns the patterns that match `names`: one for all with a common prefix, else one each.
fn patterns(names: &[String]) -> Result<Vec<RefPattern>, RefPatternError> {
    let beginning = match names {
        [name] => name.rfind(JOINTS).map_or("", |joint| &name[..=joint]),
        [first, others @ ..] => others
            .iter()
            .fold(first.as_str(), |prefix, name| common(prefix, name)),
        [] => "",
    };
    if beginning.is_empty() {
        return names.iter().map(|name| RefPattern::exactly(name)).collect();
    }
    Ok(vec![RefPattern::beginning(beginning)?])
}

/// Returns the common prefix of both texts.
fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let differs = a
        .char_indices()
        .zip(b.chars())
        .find(|((_, one), other)| one != other);
    let end = differs.map_or(a.len().min(b.len()), |((at, _), _)| at);
    &a[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(names: &[&str]) -> RuleDraft {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        RuleDraft::about(&names, DraftAction::Keep, Budget::default(), 3 << 30).unwrap()
    }

    #[test]
    fn names_with_a_common_prefix_make_one_glob() {
        let cases: [(&[&str], &str); 7] = [
            (&["pr-1790"], "pr-*"),
            (&["feature/a/b"], "feature/a/*"),
            (&["main"], "main"),
            (&["pr-1841", "pr-1790"], "pr-1*"),
            (&["main", "release-2"], "main release-2"),
            (&["é-1", "è-1"], "é-1 è-1"),
            (&["a*b-1", "a*b-2"], "/^a\\*b\\-/"),
        ];
        for (names, expected) in cases {
            let draft = draft(names);
            assert_eq!(draft.text(RuleField::Refs), expected, "{names:?}");
            for name in names {
                assert!(draft.matches(&[*name]), "{name}");
            }
        }
    }

    #[test]
    fn a_rule_that_keeps_always_has_something_to_keep_by() {
        let mut draft = draft(&["pr-1"]);
        while draft.step(RuleField::Last, false) {}
        assert_eq!(draft.text(RuleField::Last), "1");
        assert!(draft.set(RuleField::Last, "").is_err());
        assert!(draft.step(RuleField::Within, true));
        assert_eq!(draft.text(RuleField::Within), "1d");
        assert!(draft.step(RuleField::Last, false));
        assert_eq!(draft.text(RuleField::Last), NONE);
        assert!(!draft.step(RuleField::Within, false));
        assert!(draft.set(RuleField::Within, "–").is_err());
        assert!(draft.step(RuleField::Last, true) && draft.step(RuleField::Within, false));
        assert_eq!(draft.text(RuleField::Within), NONE);
    }

    #[test]
    fn the_budget_moves_by_one_digit_and_ends_where_it_has_no_effect() {
        let mut draft = draft(&["pr-1"]);
        let mut down = Vec::new();
        while draft.step(RuleField::Budget, false) {
            down.push(draft.text(RuleField::Budget));
        }
        let expected = ["2GiB", "1GiB", "900MiB", "800MiB"];
        assert_eq!(&down[..4], expected);
        assert_eq!(down.last().unwrap(), "1KiB");
        let mut up = vec![draft.text(RuleField::Budget)];
        while draft.step(RuleField::Budget, true) {
            up.push(draft.text(RuleField::Budget));
        }
        assert_eq!(up.pop().unwrap(), NONE);
        up.reverse();
        assert_eq!(up, down);
        draft.set(RuleField::Budget, "1.5 GiB").unwrap();
        assert_eq!(draft.budget().max_size, Some(3 << 29));
        draft.step(RuleField::Budget, false);
        assert_eq!(draft.text(RuleField::Budget), "1GiB");
        assert!(draft.set(RuleField::Budget, "much").is_err());
        draft.set(RuleField::Budget, "").unwrap();
        assert_eq!(draft.text(RuleField::Budget), NONE);
    }

    #[test]
    fn the_rule_is_written_as_typed() {
        let mut draft = draft(&["pr-1"]);
        draft.set(RuleField::Refs, " release-* main ").unwrap();
        draft.set(RuleField::Last, "3").unwrap();
        draft.set(RuleField::Within, "2w").unwrap();
        let rule = draft.rule().to_string();
        for line in ["release-*", "main", "last = 3", "within = \"14d\""] {
            assert!(rule.contains(line), "{line} is not in {rule}");
        }
        let refused = [
            (RuleField::Refs, ""),
            (RuleField::Refs, "/("),
            (RuleField::Action, "delete"),
            (RuleField::Last, "0"),
            (RuleField::Last, "-1"),
            (RuleField::Within, "soon"),
        ];
        for (field, text) in refused {
            assert!(draft.set(field, text).is_err(), "{field:?} {text:?}");
        }
        assert_eq!(draft.rule().to_string(), rule);
        draft.set(RuleField::Action, "protect").unwrap();
        assert!(!draft.is_used(RuleField::Last));
        assert!(draft.step(RuleField::Action, true) && draft.text(RuleField::Action) == "keep");
    }
}
