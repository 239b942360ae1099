//! What a policy says, as types.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Pattern;
use crate::inventory::filter::Filter;

/// Which refs stay. The one that [`Default`] returns keeps every ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The rules, in the order in which they are asked.
    pub rules: Vec<Rule>,
    /// What the source may take.
    pub budget: Budget,
    /// Nothing that changed more recently than this goes, whatever a rule says.
    pub grace: SignedDuration,
    /// The largest share of a source, by count or bytes, that a plan may delete.
    pub max_delete: Option<Percent>,
    /// The results that go from every ref that stays and is not protected; it takes the place of what rules say.
    pub records: Option<Filter>,
    /// The zone in which hours, days, weeks, months and years begin.
    pub zone: TimeZone,
}

impl Policy {
    /// The grace when nobody says another: two days, longer than builds take.
    pub const DEFAULT_GRACE: SignedDuration = SignedDuration::from_hours(48);

    /// Tells whether a rule counts former contents.
    pub fn counts_generations(&self) -> bool {
        let counts = |rule: &Rule| matches!(&rule.action, Action::Keep(keep) if keep.criteria.generations.is_some());
        self.rules.iter().any(counts)
    }
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

/// Decides about the refs that it matches and no rule before it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What reasons call it.
    pub name: String,
    /// What holds for a ref that it matches: all of these. A rule without any matches every ref.
    pub conditions: Vec<Condition>,
    /// What becomes of such a ref.
    pub action: Action,
    /// The results that go from such a ref when it stays.
    pub drop_records: Option<Filter>,
}

/// Something that holds for a ref or not. What a ref does not know about itself holds for none, not even negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One of the patterns matches the text.
    Text(TextField, Vec<Pattern>),
    /// The ref reaches more bytes than this.
    LargerThan(u64),
    /// Its content was made longer ago than this.
    OlderThan(SignedDuration),
}

/// A text that a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextField {
    /// The names under which a build imports it; a negated pattern matches when no name does.
    Ref,
    /// The source, as it was named.
    Source,
    /// The repository, in a registry or on GitHub.
    Repository,
    /// `cache`, `inline`, `image` or `unknown`.
    Kind,
    /// The platforms, as `linux/amd64`; a negated pattern matches when no platform does.
    Platform,
    /// `live`, `missing` or `broken`.
    State,
    /// The branch that wrote it.
    Branch,
}

impl TextField {
    /// Every field, in the order in which people are told of them.
    pub const ALL: [Self; 7] =
        [Self::Ref, Self::Source, Self::Repository, Self::Kind, Self::Platform, Self::State, Self::Branch];

    /// Returns the word for it, as policies write it.
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

    /// Returns the words that the field can have, when they are few.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &["cache", "inline", "image", "unknown", "blob", "entry"],
            Self::State => &["live", "missing", "broken", "branch-gone", "superseded"],
            Self::Ref | Self::Source | Self::Repository | Self::Platform | Self::Branch => &[],
        }
    }
}

/// What becomes of a ref that a rule decides about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It stays, whatever another rule or a budget says.
    Protect,
    /// It goes.
    Drop,
    /// It stays when it meets one of the criteria, else it goes.
    Keep(Keep),
}

/// What keeps a ref, and among which refs it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// The criteria, of which one is enough.
    pub criteria: Criteria,
    /// What `last` and the periods count within.
    pub group: Group,
}

/// The criteria of a rule; a ref that meets one of them stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Criteria {
    /// The newest refs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<NonZeroU32>,
    /// Refs whose content is no older.
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
    /// Refs whose last use is no longer ago, or not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_within: Option<SignedDuration>,
    /// How many former contents stay with a ref that stays; all of them when it is absent. It says nothing about the ref
    /// itself: alone, it keeps every ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generations: Option<u32>,
}

impl Criteria {
    /// Tells whether there is no criterion.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether something is counted.
    pub fn counts(&self) -> bool {
        let Self { last, hourly, daily, weekly, monthly, yearly, .. } = self;
        [last, hourly, daily, weekly, monthly, yearly].into_iter().any(Option::is_some)
    }

    /// Tells whether there is a criterion for refs themselves, not only for their former contents.
    pub fn speaks_of_refs(&self) -> bool {
        !Self { generations: None, ..*self }.is_empty()
    }
}

/// The refs among which `last` and the periods count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Group {
    /// Those of the same repository; where there are none, of the same source.
    #[default]
    Repository,
    /// Those of the same source.
    Source,
    /// Those of the same repository whose names begin alike, up to the first `/`, `-`, `_` or `.`.
    Prefix,
    /// All of them.
    None,
}

impl Group {
    /// Every grouping, in the order in which people are told of them.
    pub const ALL: [Self; 4] = [Self::Repository, Self::Source, Self::Prefix, Self::None];

    /// Returns the word for it, as policies write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Source => "source",
            Self::Prefix => "prefix",
            Self::None => "none",
        }
    }
}

/// What a source may take. Refs that are not protected go until it does, the one whose use is longest ago first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// The most bytes that its refs may reach together.
    pub max_size: Option<u64>,
    /// The most refs.
    pub max_refs: Option<u64>,
    /// The bytes that are to be free in the file system that holds it.
    pub min_free: Option<u64>,
}

/// A share of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent(u8);

impl Percent {
    /// Tells whether `part` is a larger share of `whole`.
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
        assert_eq!("100%".parse::<Percent>().map(|share| share.to_string()), Ok("100%".to_owned()));
        for wrong in ["", "%", "90", "101%", "-1%", "1.5%"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }
}
