//! Cases of retention in `tests/scenarios`: refs, a policy and a time, and the readable verdict on
//! each ref.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cachelens::config;
use cachelens::inventory::{AgeSource, RefKind};
use cachelens::retention::{
    Belongs, Budget, Criteria, Knowledge, Policy, PruneFlags, RefFacts, RefPattern, Verdicts,
    decide,
};
use cachelens::text::units;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::support::naive::NaiveStore;

/// A file of `tests/scenarios`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// The subject of the case.
    about: String,
    now: Timestamp,
    /// The content of `cachelens.toml`.
    #[serde(default)]
    policy: String,
    #[serde(default)]
    flags: Flags,
    /// The free bytes of the store's file system.
    free: Option<String>,
    /// The sizes of the blobs that refs share.
    #[serde(default)]
    blobs: BTreeMap<String, String>,
    refs: Vec<Ref>,
    #[serde(default)]
    budgets: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// Flags of `prune`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Flags {
    keep_ref: Vec<String>,
    drop_ref: Vec<String>,
    keep: Criteria,
    max_size: Option<String>,
    grace: Option<SignedDuration>,
    orphans_only: bool,
}

/// A ref, and its expected verdict. Times are instants, or durations before now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ref {
    name: String,
    verdict: String,
    #[serde(alias = "created")]
    age: Option<String>,
    #[serde(default)]
    from: Option<AgeSource>,
    modified: Option<String>,
    used: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    digest: Option<String>,
    source: Option<String>,
    repository: Option<String>,
    branch: Option<String>,
    kind: Option<RefKind>,
    #[serde(default)]
    platforms: Vec<String>,
    state: Option<String>,
    knowledge: Option<String>,
    #[serde(default)]
    generation: u32,
    /// The names of the refs that hold its subject, for a signature or another artifact.
    belongs: Option<Vec<String>>,
    /// The bytes that it shares with no other ref.
    size: Option<String>,
    /// The blobs that it shares.
    #[serde(default)]
    blobs: Vec<String>,
}

impl Scenario {
    fn policy(&self) -> Policy {
        let loaded = config::parse(&self.policy, Path::new("policy"))
            .unwrap_or_else(|error| panic!("{error}"));
        let patterns = |texts: &[String]| {
            texts
                .iter()
                .map(|text| text.parse::<RefPattern>().unwrap())
                .collect()
        };
        let flags = PruneFlags {
            keep_ref: patterns(&self.flags.keep_ref),
            drop_ref: patterns(&self.flags.drop_ref),
            keep: self.flags.keep,
            budget: Budget {
                max_size: self.flags.max_size.as_deref().map(size),
                ..Budget::default()
            },
            grace: self.flags.grace,
            max_delete: None,
            records: None,
            orphans_only: self.flags.orphans_only,
        };
        flags
            .over(loaded.layer.retention.unwrap_or_default().policy())
            .unwrap()
    }

    fn facts(&self, entry: &Ref, refs: &[&Ref]) -> RefFacts {
        let place = |name: &String| refs.iter().position(|entry| entry.name == *name).unwrap();
        let time = |text: &Option<String>| text.as_deref().map(|text| instant(text, self.now));
        RefFacts {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            digest: entry.digest.clone().unwrap_or_default(),
            source: entry.source.clone().unwrap_or_else(|| "./cache".to_owned()),
            repository: entry.repository.clone(),
            branch: entry.branch.clone(),
            kind: entry.kind.unwrap_or(RefKind::Cache),
            platforms: entry.platforms.clone(),
            bytes: self.blobs_of(entry).iter().map(|(_, bytes)| bytes).sum(),
            created: time(&entry.age)
                .map(|time| (time, entry.from.unwrap_or(AgeSource::CacheConfig))),
            modified: time(&entry.modified),
            used: time(&entry.used),
            state: match entry.state.as_deref() {
                None => "live",
                Some("missing") => "missing",
                Some("broken") => "broken",
                Some("superseded") => "superseded",
                Some(other) => panic!("no ref has the state {other}"),
            },
            knowledge: match entry.knowledge.as_deref() {
                None => Knowledge::Complete,
                Some("unreadable") => Knowledge::Unreadable,
                Some("pending") => Knowledge::Pending,
                Some(other) => panic!("{other} is no knowledge"),
            },
            generation: entry.generation,
            belongs: entry.belongs.as_ref().map(|names| Belongs {
                to: names.first().map_or("sha256:0", String::as_str).to_owned(),
                held_by: names.iter().map(place).collect(),
            }),
        }
    }

    /// Returns the blobs of a ref with their sizes; its own blob is named after the ref.
    fn blobs_of(&self, entry: &Ref) -> Vec<(String, u64)> {
        let own = format!("{} {:?} {}", entry.name, entry.digest, entry.generation);
        let shared = entry
            .blobs
            .iter()
            .map(|blob| (blob.clone(), size(&self.blobs[blob])));
        shared
            .chain([(own, entry.size.as_deref().map_or(0, size))])
            .collect()
    }

    /// Decides about the refs in the given order.
    fn decide(&self, refs: &[&Ref]) -> Verdicts {
        let facts: Vec<RefFacts> = refs.iter().map(|entry| self.facts(entry, refs)).collect();
        let mut store = NaiveStore {
            refs: refs
                .iter()
                .map(|entry| Some(self.blobs_of(entry)))
                .collect(),
            free: self.free.as_deref().map(size),
        };
        decide(&self.policy(), &facts, self.now, &mut store)
    }

    /// Returns the differences from the expected verdicts, one per line.
    fn differences(&self) -> String {
        let refs: Vec<&Ref> = self.refs.iter().collect();
        let verdicts = self.decide(&refs);
        let mut differences = String::new();
        let mut expect = |what: &str, expected: &str, found: &str| {
            if expected != found {
                let _ = writeln!(
                    differences,
                    "  {what}\n    expected  {expected}\n    found     {found}"
                );
            }
        };
        for (entry, verdict) in refs.iter().zip(&verdicts.refs) {
            expect(&entry.name, &entry.verdict, &verdict.to_string());
        }
        let shown = |texts: Vec<String>| texts.join(" | ");
        expect(
            "budgets",
            &self.budgets.join(" | "),
            &shown(verdicts.budgets.iter().map(ToString::to_string).collect()),
        );
        expect(
            "warnings",
            &self.warnings.join(" | "),
            &shown(verdicts.warnings.iter().map(ToString::to_string).collect()),
        );

        let reversed: Vec<&Ref> = self.refs.iter().rev().collect();
        let mut turned = self.decide(&reversed);
        turned.refs.reverse();
        turned.rules.reverse();
        expect(
            "turned around",
            &format!("{verdicts:?}"),
            &format!("{turned:?}"),
        );
        differences
    }
}

fn size(text: &str) -> u64 {
    units::parse_size(text).unwrap()
}

fn instant(text: &str, now: Timestamp) -> Timestamp {
    if text.contains('T') {
        return text.parse().unwrap();
    }
    let (ahead, text) = text
        .strip_prefix('-')
        .map_or((false, text), |text| (true, text));
    let duration = SignedDuration::try_from(units::parse_duration(text).unwrap()).unwrap();
    if ahead {
        now + duration
    } else {
        now - duration
    }
}

#[test]
fn every_scenario_has_its_expected_verdicts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 60, "{} scenarios are left", files.len());
    let mut failures = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let scenario: Scenario =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let differences = scenario.differences();
        if !differences.is_empty() {
            let _ = writeln!(
                failures,
                "{}: {}\n{differences}",
                file.display(),
                scenario.about
            );
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
