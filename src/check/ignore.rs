//! Findings that the configuration ignores, each with a reason, and for a time at most.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::{CheckResult, Code, Finding};
use crate::find::{self, Mistake};
use crate::retention::RefPattern;

/// Which findings are ignored, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// The name of their kind.
    pub code: RefPattern,
    /// The source; any where there is none.
    pub source: Option<RefPattern>,
    /// The ref. With a pattern, findings that are about no ref are not ignored.
    pub ref_name: Option<RefPattern>,
    /// The file, of the findings of `find`.
    pub file: Option<RefPattern>,
    /// Why they are ignored.
    pub reason: String,
    /// The last day on which they are ignored.
    pub until: Option<Date>,
}

/// Returns the codes of all findings of `check` and `find`.
pub fn codes() -> impl Iterator<Item = &'static str> {
    Code::ALL
        .iter()
        .map(|code| code.name())
        .chain(find::codes())
}

/// Returns whether a pattern is about a finding that exists. A negated pattern is about the
/// findings that it excludes.
pub fn is_about_a_code(pattern: &RefPattern) -> bool {
    codes().any(|code| pattern.matches_any([code]) != pattern.is_negated())
}

/// What an [`Ignore`] looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ignorable<'a> {
    /// The name of the kind of finding.
    pub code: &'a str,
    /// The source that it was found in.
    pub source: Option<&'a str>,
    /// The ref that it is about.
    pub ref_name: Option<&'a str>,
    /// The file that it is about.
    pub file: Option<&'a str>,
}

impl Ignorable<'_> {
    /// Returns what an ignore looks at in a finding of a store.
    pub fn of_finding(finding: &Finding) -> Ignorable<'_> {
        Ignorable {
            code: finding.code.name(),
            source: Some(&finding.source),
            ref_name: finding.ref_name.as_deref(),
            file: None,
        }
    }

    /// Returns what an ignore looks at in a mistake of a build file.
    pub fn of_mistake(mistake: &Mistake) -> Ignorable<'_> {
        Ignorable {
            code: mistake.code,
            file: Some(&mistake.file),
            ..Ignorable::default()
        }
    }
}

/// A finding that is ignored.
#[derive(Debug, Clone, Serialize)]
pub struct Ignored<F> {
    #[serde(flatten)]
    pub finding: F,
    /// Why it is ignored.
    pub reason: String,
    /// The last day on which it is.
    pub until: Option<Date>,
}

impl<F> Ignored<F> {
    /// Returns the same with another form of the finding.
    pub fn map<'a, T>(&'a self, change: impl FnOnce(&'a F) -> T) -> Ignored<T> {
        Ignored {
            finding: change(&self.finding),
            reason: self.reason.clone(),
            until: self.until,
        }
    }
}

impl Ignore {
    /// Returns whether it means a finding, whatever day it is.
    pub fn means(&self, finding: &Ignorable<'_>) -> bool {
        let holds = |pattern: &Option<RefPattern>, text: Option<&str>| match (pattern, text) {
            (None, _) => true,
            (Some(pattern), Some(text)) => pattern.matches_any([text]),
            (Some(_), None) => false,
        };
        self.code.matches_any([finding.code])
            && holds(&self.source, finding.source)
            && holds(&self.ref_name, finding.ref_name)
            && holds(&self.file, finding.file)
    }

    /// Returns whether its last day is over.
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

impl fmt::Display for Ignore {
    /// Writes it as the lines of its table in `cachelens.toml`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |text: &str| toml::Value::from(text).to_string();
        writeln!(f, "code = {}", quote(&self.code.to_string()))?;
        let patterns = [
            ("source", &self.source),
            ("ref", &self.ref_name),
            ("file", &self.file),
        ];
        for (key, pattern) in patterns {
            if let Some(pattern) = pattern {
                writeln!(f, "{key} = {}", quote(&pattern.to_string()))?;
            }
        }
        writeln!(f, "reason = {}", quote(&self.reason))?;
        match self.until {
            Some(until) => writeln!(f, "until = \"{until}\""),
            None => Ok(()),
        }
    }
}

impl CheckResult {
    /// Moves the findings that are ignored on `today` to the others.
    #[must_use]
    pub fn ignoring(mut self, ignores: &[Ignore], today: Date) -> Self {
        let (counted, ignored, _) = divide(self.findings, ignores, today, Ignorable::of_finding);
        self.findings = counted;
        self.ignored.extend(ignored);
        self
    }
}

/// Divides findings into those that count and those that are ignored on `today`. Returns also the
/// ignores that mean one of them and are over.
pub fn divide<F>(
    findings: Vec<F>,
    ignores: &[Ignore],
    today: Date,
    look: impl Fn(&F) -> Ignorable<'_>,
) -> (Vec<F>, Vec<Ignored<F>>, Vec<&Ignore>) {
    let mut counted = Vec::new();
    let mut ignored = Vec::new();
    let mut over: Vec<&Ignore> = Vec::new();
    for finding in findings {
        let seen = look(&finding);
        let mut meant = ignores.iter().filter(|ignore| ignore.means(&seen));
        if let Some(ignore) = meant.clone().find(|ignore| !ignore.is_over(today)) {
            ignored.push(Ignored {
                finding,
                reason: ignore.reason.clone(),
                until: ignore.until,
            });
            continue;
        }
        if let Some(ignore) = meant.next().filter(|ignore| !over.contains(ignore)) {
            over.push(ignore);
        }
        counted.push(finding);
    }
    (counted, ignored, over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignore(code: &str, ref_name: Option<&str>, until: Option<&str>) -> Ignore {
        Ignore {
            code: code.parse().unwrap(),
            source: None,
            ref_name: ref_name.map(|name| name.parse().unwrap()),
            file: None,
            reason: "known".to_owned(),
            until: until.map(|day| day.parse().unwrap()),
        }
    }

    fn look<'a>(code: &'a &'static str) -> Ignorable<'a> {
        Ignorable {
            code,
            ..Ignorable::default()
        }
    }

    #[test]
    fn findings_are_ignored_to_the_last_day_and_no_longer() {
        let ignores = [ignore("orphans", None, Some("2026-05-02"))];
        let divided = |today: &str| {
            let findings = vec!["orphans", "blob-missing"];
            let (counted, ignored, over) = divide(findings, &ignores, today.parse().unwrap(), look);
            (counted, ignored.len(), over.len())
        };
        assert_eq!(divided("2026-05-02"), (vec!["blob-missing"], 1, 0));
        assert_eq!(
            divided("2026-05-03"),
            (vec!["orphans", "blob-missing"], 0, 1)
        );
    }

    #[test]
    fn a_pattern_of_refs_means_findings_about_refs_only() {
        let of = |ref_name| Ignorable {
            code: "blob-missing",
            ref_name,
            ..Ignorable::default()
        };
        let ignore = ignore("blob-*", Some("pr-*"), None);
        let means = [Some("pr-5"), Some("main"), None].map(|name| ignore.means(&of(name)));
        assert_eq!(means, [true, false, false]);
    }
}
