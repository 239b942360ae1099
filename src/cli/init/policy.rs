//! The first policy of a configuration, by the names of refs that were seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::text::pattern::has_glob_syntax;

/// The most names that a rule lists.
const MOST_NAMES: usize = 20;

/// How the caches of pull requests are called, by how their names begin.
const REQUESTS: [&str; 8] = [
    "pr-", "pr_", "pr/", "pull-", "pull/", "mr-", "mr_", "merge-",
];

/// How releases are called, by how their names begin.
const RELEASES: [&str; 3] = ["release-", "release/", "releases-"];

/// What stands below the sources where no name of a ref is known: all of it is a comment.
const SAMPLE: &str = r#"
# Which refs `cachelens prune` keeps; `cachelens help prune` explains the rules. Nothing is deleted
# without --yes.
#
# [retention]
# grace = "48h"
#
# [[retention.rule]]
# name = "releases"
# match = { ref = ["main", "release-*"] }
# action = "protect"
#
# [[retention.rule]]
# name = "pull requests"
# match = { ref = "pr-*" }
# keep = { last = 20, within = "14d" }
"#;

/// Names of refs, sorted by how long they are of use.
#[derive(Debug, Default, PartialEq, Eq)]
struct Families {
    /// Names that stay the same, and patterns of releases.
    lasting: BTreeSet<String>,
    /// Patterns of pull requests.
    requests: BTreeSet<String>,
    /// Whether there are names that a branch gives.
    has_branches: bool,
    /// Whether GitHub keeps caches, whose names end with their branch.
    has_github: bool,
}

/// Returns the rules that fit the names: those of refs, and patterns in which `*` is what a build
/// fills in. `has_github` says whether a source is a cache of GitHub Actions.
pub(super) fn text(names: &BTreeSet<String>, has_github: bool) -> String {
    let families = Families::of(names, has_github);
    if families == Families::default() {
        return SAMPLE.to_owned();
    }
    let mut text = String::from(
        "\n# Which refs `cachelens prune SOURCE` keeps, by the names that are in use here. Look at the plan that\n\
         # it prints: nothing is deleted without --yes, and a ref that no rule matches stays.\n\
         # `cachelens help prune` explains the rules.\n\
         [retention]\n\
         # Nothing that changed more recently is deleted, whatever a rule says.\n\
         grace = \"48h\"\n",
    );
    if !families.lasting.is_empty() {
        text += "\n# Names that builds write again and again.\n";
        rule(
            &mut text,
            "main and releases",
            &families.lasting,
            "action = \"protect\"",
        );
    }
    if !families.requests.is_empty() {
        text += "\n# Keeps the newest 20, and all that are younger than two weeks.\n";
        let keep = "keep = { last = 20, within = \"14d\" }";
        rule(&mut text, "pull requests", &families.requests, keep);
    }
    if families.has_branches {
        text += "\n# Every other name is that of a branch. It is kept for a month after its last build.\n";
        let all = BTreeSet::from(["*".to_owned()]);
        let keep = "keep = { last = 20, within = \"30d\" }";
        rule(&mut text, "branches", &all, keep);
    }
    if families.has_github {
        text += "\n# No build reads the caches of a branch that is gone.\n\
            [[retention.rule]]\n\
            name = \"branches that are gone\"\n\
            match = { state = \"branch-gone\", kind = [\"cache\", \"blob\", \"entry\"] }\n\
            action = \"drop\"\n";
    }
    text
}

fn rule(text: &mut String, name: &str, patterns: &BTreeSet<String>, last: &str) {
    let list: toml_edit::Array = patterns.iter().map(String::as_str).collect();
    let list = toml_edit::Value::Array(list);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "[[retention.rule]]\nname = \"{name}\"\nmatch = {{ ref = {list} }}\n{last}"
    );
}

impl Families {
    fn of(names: &BTreeSet<String>, has_github: bool) -> Self {
        let mut families = Self {
            has_github,
            ..Self::default()
        };
        for name in names {
            let begins = |with: &[&'static str]| {
                let lower = name.to_ascii_lowercase();
                with.iter().find(|with| lower.starts_with(**with)).copied()
            };
            let is_version = name
                .strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '*'));
            if let Some(start) = begins(&REQUESTS) {
                families.requests.insert(format!("{start}*"));
            } else if let Some(start) = begins(&RELEASES) {
                families.lasting.insert(format!("{start}*"));
            } else if is_version {
                families.lasting.insert("v[0-9]*".to_owned());
            } else if name.contains('*') {
                families.has_branches = true;
            } else if !has_glob_syntax(name)
                && !name.starts_with(['!', '/'])
                && families.lasting.len() < MOST_NAMES
            {
                families.lasting.insert(name.clone());
            }
        }
        // The default branch has one of these names; it would be a branch like others otherwise.
        if families.has_branches {
            let main = ["main", "master"].map(str::to_owned);
            families.lasting.extend(main);
        }
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(names: &[&str]) -> String {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        text(&names, false)
    }

    #[test]
    fn the_suggested_policy_matches_the_names_in_use() {
        insta::assert_snapshot!(policy(&["main", "v1.2", "PR-7", "pr-*", "release-3", "buildcache"]), @r#"

        # Which refs `cachelens prune SOURCE` keeps, by the names that are in use here. Look at the plan that
        # it prints: nothing is deleted without --yes, and a ref that no rule matches stays.
        # `cachelens help prune` explains the rules.
        [retention]
        # Nothing that changed more recently is deleted, whatever a rule says.
        grace = "48h"

        # Names that builds write again and again.
        [[retention.rule]]
        name = "main and releases"
        match = { ref = ["buildcache", "main", "release-*", "v[0-9]*"] }
        action = "protect"

        # Keeps the newest 20, and all that are younger than two weeks.
        [[retention.rule]]
        name = "pull requests"
        match = { ref = ["pr-*"] }
        keep = { last = 20, within = "14d" }
        "#);
        insta::assert_snapshot!(policy(&["app-*"]), @r#"

        # Which refs `cachelens prune SOURCE` keeps, by the names that are in use here. Look at the plan that
        # it prints: nothing is deleted without --yes, and a ref that no rule matches stays.
        # `cachelens help prune` explains the rules.
        [retention]
        # Nothing that changed more recently is deleted, whatever a rule says.
        grace = "48h"

        # Names that builds write again and again.
        [[retention.rule]]
        name = "main and releases"
        match = { ref = ["main", "master"] }
        action = "protect"

        # Every other name is that of a branch. It is kept for a month after its last build.
        [[retention.rule]]
        name = "branches"
        match = { ref = ["*"] }
        keep = { last = 20, within = "30d" }
        "#);
    }

    #[test]
    fn every_suggested_policy_is_valid() {
        let path = std::path::Path::new("/x/cachelens.toml");
        for names in [
            &["main", "pr-*"][..],
            &["*"],
            &["we\"ird", "a\\b", "[x]", "!no", "/re/"],
            &["v2", "mr-1", "merge-2", "pull/3/merge"],
        ] {
            for has_github in [false, true] {
                let names = names.iter().map(|name| (*name).to_owned()).collect();
                let text = text(&names, has_github);
                let loaded = crate::config::parse(&text, path);
                assert!(loaded.is_ok(), "{text}\n{loaded:?}");
            }
        }
        assert_eq!(policy(&[]), SAMPLE);
    }
}
