//! The retention policy, with the origin of each part.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::{Origin, Setting};
use crate::retention::{Budget, Percent, Policy, Rule};

/// The content of `[retention]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// As [`Policy::rules`].
    pub rules: Vec<Setting<Rule>>,
    /// As [`Policy::grace`].
    pub grace: Setting<SignedDuration>,
    /// How long a local cache must be unchanged after blobs were moved to its trash.
    pub settle: Setting<Duration>,
    /// As [`Policy::zone`].
    pub zone: Setting<TimeZone>,
    /// As [`Policy::max_delete`].
    pub max_delete: Option<Setting<Percent>>,
    /// As [`Budget::max_size`].
    pub max_size: Option<Setting<u64>>,
    /// As [`Budget::max_refs`].
    pub max_refs: Option<Setting<u64>>,
    /// As [`Budget::min_free`].
    pub min_free: Option<Setting<u64>>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            grace: Setting::new(Policy::DEFAULT_GRACE, Origin::Default),
            settle: Setting::new(Policy::DEFAULT_SETTLE, Origin::Default),
            zone: Setting::new(TimeZone::UTC, Origin::Default),
            max_delete: None,
            max_size: None,
            max_refs: None,
            min_free: None,
        }
    }
}

impl Retention {
    /// Returns the file that sets some of it, if any.
    pub fn file(&self) -> Option<&Path> {
        let limits = [&self.max_size, &self.max_refs, &self.min_free]
            .map(|limit| Some(&limit.as_ref()?.origin));
        let rest = [
            self.rules.first().map(|rule| &rule.origin),
            Some(&self.grace.origin),
            Some(&self.settle.origin),
            Some(&self.zone.origin),
            self.max_delete.as_ref().map(|share| &share.origin),
        ];
        rest.into_iter()
            .chain(limits)
            .flatten()
            .find_map(|origin| match origin {
                Origin::File { path, .. } => Some(path.as_path()),
                Origin::Default | Origin::Environment(_) | Origin::Argument(_) => None,
            })
    }

    /// Returns the policy.
    pub fn policy(&self) -> Policy {
        let value = |setting: &Option<Setting<u64>>| setting.as_ref().map(|setting| setting.value);
        Policy {
            rules: self.rules.iter().map(|rule| rule.value.clone()).collect(),
            budget: Budget {
                max_size: value(&self.max_size),
                max_refs: value(&self.max_refs),
                min_free: value(&self.min_free),
            },
            grace: self.grace.value,
            records: None,
            max_delete: self.max_delete.as_ref().map(|share| share.value),
            zone: self.zone.value.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
