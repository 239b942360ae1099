//! The types of a policy.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Captures, RefPattern};
use crate::inventory::filter::Filter;

/// The rules for keeping refs. The [`Default`] policy keeps every ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The limits of the source.
    pub budget: Budget,
    /// Objects that changed more recently are never deleted.
    pub grace: SignedDuration,
    /// The largest share of a source, by count or bytes, that a plan may delete.
    pub max_delete: Option<Percent>,
    /// The results to drop from every ref that stays and is not protected. It replaces the filters
    /// of the rules.
    pub records: Option<Filter>,
    /// The time zone of hours, days, weeks, months and years.
    pub zone: TimeZone,
}

impl Policy {
    /// The default grace: two days, longer than builds take.
    pub const DEFAULT_GRACE: SignedDuration = SignedDuration::from_hours(48);

    /// The default for how long a store must be unchanged after blobs were moved to its trash.
    pub const DEFAULT_SETTLE: Duration = Duration::from_secs(30);
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            budget: Budget::default(),
            grace: Self::DEFAULT_GRACE,
            max_delete: None,
            records: None,
            zone: TimeZone::UTC,
        }
    }
}

/// A rule. It decides about the refs that it matches and no earlier rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in reasons.
    pub name: String,
    /// The conditions, which must all hold. A rule without conditions matches every ref.
    pub conditions: Vec<Condition>,
    /// The action for such a ref.
    pub action: RuleAction,
    /// The results to drop from such a ref if it stays.
    pub drop_records: Option<Filter>,
}

/// A condition on a ref. It never holds for an unknown fact of a ref, not even negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One of the patterns matches the text.
    Text(RuleTextField, Vec<RefPattern>),
    /// The ref reaches more bytes than this.
    LargerThan(u64),
    /// Its content was created longer ago than this.
    OlderThan(SignedDuration),
}

/// A text field of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleTextField {
    /// The names that a build can import it by; a negated pattern matches if no name does.
    Ref,
    /// The source, as the user named it.
    Source,
    /// The repository, in a registry or on GitHub.
    Repository,
    /// `cache`, `inline`, `image`, `signature`, `artifact` or `unknown`.
    Kind,
    /// The platforms, as `linux/amd64`; a negated pattern matches if no platform does.
    Platform,
    /// `live`, `missing` or `broken`.
    State,
    /// The branch that wrote it.
    Branch,
}

impl RuleTextField {
    /// Every field, in the order of messages.
    pub const ALL: [Self; 7] = [
        Self::Ref,
        Self::Source,
        Self::Repository,
        Self::Kind,
        Self::Platform,
        Self::State,
        Self::Branch,
    ];

    /// Returns the word in policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ref => "ref",
            Self::Source => "source",
            Self::Repository => "repository",
            Self::Kind => "kind",
            Self::Platform => "platform",
            Self::State => "state",
            Self::Branch => "branch",
        }
    }

    /// Returns the possible values of the field, if they are few.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &[
                "cache",
                "inline",
                "image",
                "signature",
                "artifact",
                "unknown",
                "blob",
                "entry",
            ],
            Self::State => &["live", "missing", "broken", "branch-gone", "superseded"],
            Self::Ref | Self::Source | Self::Repository | Self::Platform | Self::Branch => &[],
        }
    }
}

/// The action of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAction {
    /// The ref stays, whatever another rule or a budget decides.
    Protect,
    /// The ref is dropped.
    Drop,
    /// The ref stays if it meets one of the criteria, else it is dropped.
    Keep(Keep),
}

/// The criteria for keeping a ref, and the group in which it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// The criteria; one is enough.
    pub criteria: Criteria,
    /// The group for `last` and the periods.
    pub group: RefGrouping,
}

/// The criteria of a rule; a ref that meets one of them stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Criteria {
    /// The newest refs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<NonZeroU32>,
    /// Refs whose content is at most this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<SignedDuration>,
    /// The newest ref of each of the last hours that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly: Option<NonZeroU32>,
    /// The newest ref of each of the last days that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<NonZeroU32>,
    /// The newest ref of each of the last weeks, from Monday on, that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<NonZeroU32>,
    /// The newest ref of each of the last months that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly: Option<NonZeroU32>,
    /// The newest ref of each of the last years that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yearly: Option<NonZeroU32>,
    /// Refs whose last use is at most this long ago, or unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_within: Option<SignedDuration>,
    /// How many previous versions stay with a ref that stays; `None` keeps all. It does not decide
    /// about the ref itself: alone, it keeps every ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generations: Option<u32>,
}

impl Criteria {
    /// Returns whether there is no criterion.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether some criterion counts refs.
    pub fn counts(&self) -> bool {
        let Self {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            ..
        } = self;
        [last, hourly, daily, weekly, monthly, yearly]
            .into_iter()
            .any(Option::is_some)
    }

    /// Returns whether there is a criterion for refs themselves, and not only for previous
    /// versions.
    pub fn speaks_of_refs(&self) -> bool {
        !Self {
            generations: None,
            ..*self
        }
        .is_empty()
    }
}

/// The group of refs in which `last` and the periods count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RefGrouping {
    /// The refs of the same repository, or of the same source if there are no repositories.
    #[default]
    Repository,
    /// The refs of the same source.
    Source,
    /// The refs of the same repository with the same prefix, up to the first `/`, `-`, `_` or `.`.
    Prefix,
    None,
    /// The refs of the same repository with the same captures of an expression.
    Captures(Captures),
}

impl RefGrouping {
    /// The groups with a keyword, in the order of messages.
    pub const WORDS: [(&str, Self); 4] = [
        ("repository", Self::Repository),
        ("source", Self::Source),
        ("prefix", Self::Prefix),
        ("none", Self::None),
    ];
}

impl fmt::Display for RefGrouping {
    /// Prints the group as in policies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository => f.write_str("repository"),
            Self::Source => f.write_str("source"),
            Self::Prefix => f.write_str("prefix"),
            Self::None => f.write_str("none"),
            Self::Captures(captures) => captures.fmt(f),
        }
    }
}

/// The limits of a source. Refs that are not protected are dropped until the limits are met, the
/// least recently used first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// The most bytes that its refs may reach together.
    pub max_size: Option<u64>,
    /// The most refs.
    pub max_refs: Option<u64>,
    /// The bytes that must be free in the file system.
    pub min_free: Option<u64>,
}

/// A percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent(u8);

impl Percent {
    /// Returns whether `part` is a larger share of `whole`.
    pub fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 100 > u128::from(whole) * u128::from(self.0)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_suffix('%')
            .and_then(|number| number.trim().parse().ok())
            .filter(|percent| *percent <= 100)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a share; write it as 90%"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exceeded_by_a_larger_one() {
        let share: Percent = "90%".parse().unwrap();
        assert!(!share.is_exceeded_by(9, 10) && share.is_exceeded_by(91, 100));
        assert!(!share.is_exceeded_by(0, 0) && share.is_exceeded_by(u64::MAX, u64::MAX));
        assert_eq!(
            "100%".parse::<Percent>().map(|share| share.to_string()),
            Ok("100%".to_owned())
        );
        for wrong in ["", "%", "90", "101%", "-1%", "1.5%"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }
}
