//! Parses `[retention]` into a policy.

use std::num::NonZeroU32;

use jiff::SignedDuration;
use jiff::tz::{self, TimeZone};
use toml::Spanned;
use toml::de::DeTable;

use super::super::{Retention, Setting};
use super::{ConfigReader, Key, Value};
use crate::inventory::filter::Filter;
use crate::retention::{
    Captures, Condition, Criteria, Keep, RefGrouping, RefPattern, Rule, RuleAction, RuleTextField,
};
use crate::text::nearest::nearest;
use crate::text::units;

const RULE_KEYS: [&str; 6] = ["name", "match", "action", "keep", "group", "drop_records"];
const DURATION: &str = "a duration in quotes";
const SIZE: &str = "a size in quotes";

impl ConfigReader<'_> {
    pub(super) fn retention(&mut self, value: &Value<'_>) -> Retention {
        let mut retention = Retention::default();
        for (key, value) in self.table(value) {
            match key.get_ref().as_ref() {
                "grace" => {
                    retention.grace = self
                        .parsed(value, DURATION, duration)
                        .unwrap_or(retention.grace);
                }
                "settle" => {
                    retention.settle = self
                        .parsed(value, DURATION, units::parse_duration)
                        .unwrap_or(retention.settle);
                }
                "zone" => {
                    retention.zone = self
                        .parsed(value, "a time zone", zone)
                        .unwrap_or(retention.zone);
                }
                "max_delete" => {
                    retention.max_delete = self.parsed(value, "a share in quotes", str::parse);
                }
                "rule" => retention.rules = self.rules(value),
                "budget" => self.budget(value, &mut retention),
                _ => self.unknown_key(
                    key,
                    "[retention]",
                    &["grace", "settle", "zone", "max_delete", "rule", "budget"],
                ),
            }
        }
        retention
    }

    fn budget(&mut self, value: &Value<'_>, retention: &mut Retention) {
        for (key, value) in self.table(value) {
            match key.get_ref().as_ref() {
                "max_size" => retention.max_size = self.parsed(value, SIZE, units::parse_size),
                "min_free" => retention.min_free = self.parsed(value, SIZE, units::parse_size),
                "max_refs" => {
                    retention.max_refs = self
                        .whole(value, "a number of refs")
                        .map(|refs: u64| self.setting(value, refs));
                }
                _ => self.unknown_key(
                    key,
                    "[retention.budget]",
                    &["max_size", "max_refs", "min_free"],
                ),
            }
        }
    }

    fn rules(&mut self, value: &Value<'_>) -> Vec<Setting<Rule>> {
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type::<()>(value, "an array of tables: write `[[retention.rule]]`");
            return Vec::new();
        };
        let mut rules: Vec<Setting<Rule>> = Vec::new();
        for item in items {
            let Some(rule) = self.rule(item) else {
                continue;
            };
            let name_span = item
                .get_ref()
                .get("name")
                .map_or(item.span(), Spanned::span);
            if rules.iter().any(|before| before.value.name == rule.name) {
                self.problem(&name_span, &format!("two rules are named `{}`", rule.name));
            }
            let catch_all = rules
                .iter()
                .find(|before| before.value.matches_everything());
            let is_shadowed = |before: &&Setting<Rule>| {
                rule.action != RuleAction::Protect && !rule.names_kinds_beyond(&before.value)
            };
            if let Some(before) = catch_all.filter(is_shadowed) {
                let before = &before.value.name;
                let message = format!(
                    "rule `{}` never decides: rule `{before}` before it matches every ref",
                    rule.name
                );
                self.problem(&name_span, &message);
            }
            rules.push(self.setting(item, rule));
        }
        rules
    }

    fn rule(&mut self, value: &Value<'_>) -> Option<Rule> {
        let rule = value
            .get_ref()
            .as_table()
            .or_else(|| self.wrong_type(value, "a table"))?;
        for key in rule
            .keys()
            .filter(|key| !RULE_KEYS.contains(&key.get_ref().as_ref()))
        {
            self.unknown_key(key, "a rule", &RULE_KEYS);
        }
        let name = match rule.get("name") {
            Some(name) => self.text(name, "a string", |text| Ok(text.to_owned())),
            None => self.missing(value, "a rule needs a `name`, by which reasons call it"),
        };
        let conditions = match rule.get("match") {
            Some(conditions) => self.conditions(conditions),
            None => self.missing(
                value,
                "a rule needs a `match`, as in `match = { ref = \"pr-*\" }`",
            ),
        };
        let action = self.action(value, rule);
        let drop_records = rule
            .get("drop_records")
            .map(|filter| self.drop_records(filter, action.as_ref()));
        let drop_records = drop_records.map_or(Some(None), |filter| filter.map(Some));
        Some(Rule {
            name: name?,
            conditions: conditions?,
            action: action?,
            drop_records: drop_records?,
        })
    }

    fn drop_records(&mut self, value: &Value<'_>, action: Option<&RuleAction>) -> Option<Filter> {
        let parse = |text: &str| Filter::parse(text).map_err(|error| error.to_string());
        let filter = self.text(value, "a filter in quotes", parse)?;
        if filter == Filter::default() {
            return self.missing(
                value,
                "an empty filter matches every result: to drop the refs, write action = \"drop\"",
            );
        }
        if matches!(action, Some(RuleAction::Protect | RuleAction::Drop)) {
            let message = "`drop_records` is for kept refs that may change: it needs `keep`";
            return self.missing(value, message);
        }
        Some(filter)
    }

    fn action(&mut self, value: &Value<'_>, rule: &DeTable<'_>) -> Option<RuleAction> {
        let group = rule
            .get("group")
            .map(|group| self.text(group, "a string", parse_group));
        let action = match (rule.get("action"), rule.get("keep")) {
            (Some(action), None) => self.text(action, "a string", parse_action),
            (None, Some(keep)) => self.criteria(keep).map(|criteria| {
                RuleAction::Keep(Keep {
                    criteria,
                    group: group.flatten().unwrap_or_default(),
                })
            }),
            (Some(_), Some(keep)) => {
                self.problem(
                    &keep.span(),
                    "a rule has either `action` or `keep`: `keep` drops the refs that meet none of its criteria",
                );
                None
            }
            (None, None) => self.missing(
                value,
                "a rule needs `keep`, or `action`, which is protect or drop",
            ),
        }?;
        match (&action, rule.get("group")) {
            (RuleAction::Keep(keep), _) if keep.criteria.counts() => {}
            (_, Some(group)) => self.problem(
                &group.span(),
                "`group` says among which refs to count, and this rule has neither `last` nor a period to count",
            ),
            (_, None) => {}
        }
        Some(action)
    }

    fn criteria(&mut self, value: &Value<'_>) -> Option<Criteria> {
        const KEYS: [&str; 9] = [
            "last",
            "within",
            "hourly",
            "daily",
            "weekly",
            "monthly",
            "yearly",
            "used_within",
            "generations",
        ];
        let mut criteria = Criteria::default();
        let before = self.problems.len();
        for (key, value) in self.table(value) {
            match key.get_ref().as_ref() {
                "last" => criteria.last = self.count(value),
                "within" => criteria.within = self.text(value, DURATION, duration),
                "hourly" => criteria.hourly = self.count(value),
                "daily" => criteria.daily = self.count(value),
                "weekly" => criteria.weekly = self.count(value),
                "monthly" => criteria.monthly = self.count(value),
                "yearly" => criteria.yearly = self.count(value),
                "used_within" => criteria.used_within = self.text(value, DURATION, duration),
                "generations" => {
                    criteria.generations = self.whole(value, "a number of previous versions");
                }
                _ => self.unknown_key(key, "`keep`", &KEYS),
            }
        }
        if self.problems.len() > before {
            return None;
        }
        if criteria.is_empty() {
            return self.missing(
                value,
                "an empty `keep` keeps nothing: to drop all, write action = \"drop\"",
            );
        }
        Some(criteria)
    }

    fn conditions(&mut self, value: &Value<'_>) -> Option<Vec<Condition>> {
        let mut conditions = Vec::new();
        let before = self.problems.len();
        for (key, value) in self.table(value) {
            conditions.extend(match key.get_ref().as_ref() {
                "larger_than" => self
                    .text(value, SIZE, units::parse_size)
                    .map(Condition::LargerThan),
                "older_than" => self
                    .text(value, DURATION, duration)
                    .map(Condition::OlderThan),
                word => match RuleTextField::ALL
                    .into_iter()
                    .find(|field| field.word() == word)
                {
                    Some(field) => self
                        .patterns(field, value)
                        .map(|patterns| Condition::Text(field, patterns)),
                    None => self.unknown_condition(key),
                },
            });
        }
        if self.problems.len() > before {
            return None;
        }
        if conditions.is_empty() {
            return self.missing(
                value,
                "an empty `match` says nothing: to match every ref, write { ref = \"*\" }",
            );
        }
        Some(conditions)
    }

    fn unknown_condition(&mut self, key: &Key<'_>) -> Option<Condition> {
        let mut known = RuleTextField::ALL.map(RuleTextField::word).to_vec();
        known.extend(["larger_than", "older_than"]);
        self.unknown_key(key, "`match`", &known);
        None
    }

    fn patterns(&mut self, field: RuleTextField, value: &Value<'_>) -> Option<Vec<RefPattern>> {
        let Some(items) = value.get_ref().as_array() else {
            return self
                .pattern(field, value, "a string or an array of strings")
                .map(|pattern| vec![pattern]);
        };
        if items.is_empty() {
            return self.missing(value, "an empty list matches nothing");
        }
        let patterns: Vec<RefPattern> = items
            .iter()
            .filter_map(|item| self.pattern(field, item, "a string"))
            .collect();
        if patterns.len() > 1 && patterns.iter().any(RefPattern::is_negated) {
            let message = "one pattern of a list is enough, so `!` next to another pattern matches nearly everything";
            let hint = "write a separate rule for the exceptions, and put it before this one";
            self.warnings
                .push(self.point(&value.span(), message, Some(hint.to_owned())));
        }
        (patterns.len() == items.len()).then_some(patterns)
    }

    fn pattern(
        &mut self,
        field: RuleTextField,
        value: &Value<'_>,
        expected: &str,
    ) -> Option<RefPattern> {
        let pattern = self.text(value, expected, |text| {
            text.parse::<RefPattern>()
                .map_err(|error| error.to_string())
        })?;
        let word = pattern.word();
        let words = field.words();
        if let Some(word) = word.filter(|word| !words.is_empty() && !words.contains(word)) {
            let message = format!("no ref has the {} `{word}`", field.word());
            let hint = match nearest(word, words.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("there is {}", words.join(", ")),
            };
            self.problems
                .push(self.point(&value.span(), &message, Some(hint)));
        }
        Some(pattern)
    }

    fn count(&mut self, value: &Value<'_>) -> Option<NonZeroU32> {
        self.whole(value, "a number from 1 on")
    }

    pub(super) fn missing<T>(&mut self, value: &Value<'_>, message: &str) -> Option<T> {
        self.problem(&value.span(), message);
        None
    }
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    units::parse_duration(text).and_then(|duration| {
        SignedDuration::try_from(duration)
            .map_err(|_| format!("`{text}` is longer than any calendar"))
    })
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        if tz::db().is_definitively_empty() {
            format!("the zone `{text}` cannot be looked up: no time zones are installed here")
        } else {
            format!("`{text}` is not a time zone; write it as Europe/Berlin or UTC")
        }
    })
}

fn parse_action(text: &str) -> Result<RuleAction, String> {
    match text {
        "protect" => Ok(RuleAction::Protect),
        "drop" => Ok(RuleAction::Drop),
        _ => Err(format!(
            "`{text}` is not an action; there are protect and drop, and `keep` in its place"
        )),
    }
}

fn parse_group(text: &str) -> Result<RefGrouping, String> {
    if text.starts_with('/') {
        let captures = text
            .parse::<Captures>()
            .map_err(|error| error.to_string())?;
        return Ok(RefGrouping::Captures(captures));
    }
    let words = RefGrouping::WORDS.map(|(word, _)| word);
    let found = RefGrouping::WORDS
        .into_iter()
        .find(|(word, _)| *word == text);
    found
        .map(|(_, group)| group)
        .ok_or_else(|| match nearest(text, words) {
            Some(nearest) => format!("`{text}` is not a group; did you mean `{nearest}`?"),
            None => format!(
                "`{text}` is not a group; there are {}, and regular expressions with captures, as in `/^v(\\d+)/`",
                words.join(", ")
            ),
        })
}
