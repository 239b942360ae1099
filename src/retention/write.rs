//! Formats policies for `cachelens.toml` and for the command line. The output parses to the same
//! policy.

use std::fmt;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::policy::{Budget, Condition, Criteria, Policy, Rule, RuleAction};
use crate::text::escape::visible;
use crate::text::units::{Exact, ExactSize};

impl Criteria {
    /// Returns each criterion with its key in a rule and its value as TOML.
    fn entries(&self) -> impl Iterator<Item = (&'static str, PolicyValue)> {
        let count = |count: Option<std::num::NonZeroU32>| {
            count.map(|count| PolicyValue::Number(count.get()))
        };
        let entries = [
            ("last", count(self.last)),
            ("within", self.within.map(PolicyValue::Duration)),
            ("hourly", count(self.hourly)),
            ("daily", count(self.daily)),
            ("weekly", count(self.weekly)),
            ("monthly", count(self.monthly)),
            ("yearly", count(self.yearly)),
            ("used_within", self.used_within.map(PolicyValue::Duration)),
            ("generations", self.generations.map(PolicyValue::Number)),
        ];
        entries
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
    }

    /// Returns each criterion as a flag of `prune`.
    pub(super) fn flags(&self) -> impl Iterator<Item = String> {
        self.entries().map(|(key, value)| match value {
            PolicyValue::Number(number) => format!("--keep-{} {number}", key.replace('_', "-")),
            PolicyValue::Duration(duration) => {
                format!("--keep-{} {}", key.replace('_', "-"), Exact(duration))
            }
        })
    }
}

enum PolicyValue {
    Number(u32),
    Duration(SignedDuration),
}

impl fmt::Display for PolicyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Duration(duration) => write!(f, "\"{}\"", Exact(*duration)),
        }
    }
}

impl fmt::Display for Policy {
    /// Prints the policy as the `[retention]` of `cachelens.toml`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[retention]\ngrace = \"{}\"", Exact(self.grace))?;
        if let Some(share) = self.max_delete {
            writeln!(f, "max_delete = \"{share}\"")?;
        }
        if self.zone != TimeZone::UTC {
            writeln!(
                f,
                "zone = {}",
                quoted(self.zone.iana_name().unwrap_or("Etc/Unknown"))
            )?;
        }
        // The file has no key for this: it is a flag, but it decides too.
        let records = self.records.iter().map(ToString::to_string);
        records
            .map(|records| visible(&records).into_owned())
            .try_for_each(|records| writeln!(f, "# --records {records}"))?;
        self.rules
            .iter()
            .try_for_each(|rule| write!(f, "\n[[retention.rule]]\n{rule}"))?;
        let Budget {
            max_size,
            max_refs,
            min_free,
        } = self.budget;
        if self.budget != Budget::default() {
            writeln!(f, "\n[retention.budget]")?;
        }
        max_size
            .iter()
            .try_for_each(|bytes| writeln!(f, "max_size = \"{}\"", ExactSize(*bytes)))?;
        max_refs
            .iter()
            .try_for_each(|refs| writeln!(f, "max_refs = {refs}"))?;
        min_free
            .iter()
            .try_for_each(|bytes| writeln!(f, "min_free = \"{}\"", ExactSize(*bytes)))
    }
}

impl fmt::Display for Rule {
    /// Prints the rule as a table of `cachelens.toml`, without its header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "name = {}", quoted(&self.name))?;
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        let conditions = if conditions.is_empty() {
            "ref = \"*\"".to_owned()
        } else {
            conditions.join(", ")
        };
        writeln!(f, "match = {{ {conditions} }}")?;
        match &self.action {
            RuleAction::Protect => writeln!(f, "action = \"protect\""),
            RuleAction::Drop => writeln!(f, "action = \"drop\""),
            RuleAction::Keep(keep) => {
                let criteria: Vec<String> = keep
                    .criteria
                    .entries()
                    .map(|(key, value)| format!("{key} = {value}"))
                    .collect();
                writeln!(f, "keep = {{ {} }}", criteria.join(", "))?;
                if keep.criteria.counts() {
                    writeln!(f, "group = {}", quoted(&keep.group.to_string()))?;
                }
                Ok(())
            }
        }?;
        self.drop_records
            .iter()
            .try_for_each(|filter| writeln!(f, "drop_records = {}", quoted(&filter.to_string())))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(field, patterns) => {
                let patterns: Vec<String> = patterns
                    .iter()
                    .map(|pattern| quoted(&pattern.to_string()))
                    .collect();
                match patterns.as_slice() {
                    [pattern] => write!(f, "{} = {pattern}", field.word()),
                    _ => write!(f, "{} = [{}]", field.word(), patterns.join(", ")),
                }
            }
            Self::LargerThan(bytes) => write!(f, "larger_than = \"{}\"", ExactSize(*bytes)),
            Self::OlderThan(age) => write!(f, "older_than = \"{}\"", Exact(*age)),
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
