//! What older versions of the Dockerfile frontend build otherwise than the newest, so that the keys
//! differ. `# syntax=docker/dockerfile:1.N` selects a version.
//!
//! The conversion here is that of the newest version. A step that the selected version builds
//! otherwise has no known key. The table starts with the version of `BuildKit` 0.12; each row names
//! the commit of moby/buildkit. `assets/manual/why.md` has the same table for people.

use std::collections::HashMap;

use crate::format::dockerfile::outline::{DockerfileOutline, OutlineInstruction};

/// A change of the frontend that changed keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRule {
    /// The first minor version that builds it the old way.
    pub first: u32,
    /// The minor version from which on it is built as here.
    pub since: u32,
    /// The commit in moby/buildkit.
    pub commit: &'static str,
    /// The instructions, and what became of them.
    pub change: &'static str,
    construct: Construct,
}

/// How an affected instruction is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Construct {
    CopyOfHeredoc,
    CopyToDot,
    RunOnStageWithArguments,
    RunWithTargetStage,
    WorkdirWithEpoch,
    CopyParents,
    RunOfIndentedScript,
    GlobalEpoch,
}

/// The rules, oldest first.
pub const RULES: [VersionRule; 8] = [
    VersionRule {
        first: 4,
        since: 6,
        commit: "143042485",
        change: "COPY and ADD of a here-document make files of mode 0644, and no longer 0664",
        construct: Construct::CopyOfHeredoc,
    },
    VersionRule {
        first: 8,
        since: 9,
        commit: "c60528948",
        change: "a destination of `.` is the directory `./` again",
        construct: Construct::CopyToDot,
    },
    VersionRule {
        first: 0,
        since: 9,
        commit: "c7c2f0e97",
        change: "RUN in a stage on another stage has the build arguments of that stage",
        construct: Construct::RunOnStageWithArguments,
    },
    VersionRule {
        first: 0,
        since: 11,
        commit: "6a31a78b4",
        change: "ARG TARGETSTAGE has the name of the target as its value",
        construct: Construct::RunWithTargetStage,
    },
    VersionRule {
        first: 0,
        since: 16,
        commit: "01b3eb44f",
        change: "WORKDIR makes its directory with the time of SOURCE_DATE_EPOCH",
        construct: Construct::WorkdirWithEpoch,
    },
    VersionRule {
        first: 0,
        since: 20,
        commit: "ac10b4193",
        change: "COPY --parents requires paths without wildcards to exist",
        construct: Construct::CopyParents,
    },
    VersionRule {
        first: 0,
        since: 21,
        commit: "2eadae25e",
        change: "RUN <<-EOF of an indented script with `#!` runs it with its interpreter",
        construct: Construct::RunOfIndentedScript,
    },
    VersionRule {
        first: 0,
        since: 23,
        commit: "d751ebd4b",
        change: "ARG SOURCE_DATE_EPOCH before the first FROM counts with its default",
        construct: Construct::GlobalEpoch,
    },
];

/// An instruction that the selected version builds otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionDifference {
    /// Its first line.
    pub line: u32,
    /// The minor version that the file selects.
    pub selected: u32,
    /// The change since.
    pub rule: &'static VersionRule,
}

impl VersionDifference {
    /// Says why the key of the instruction is not known.
    pub fn reason(&self) -> String {
        let Self {
            line,
            selected,
            rule,
        } = self;
        format!(
            "line {line}: docker/dockerfile:1.{selected} builds this differently from the newest version ({}, since 1.{}, moby/buildkit@{}), so its key is not known; add provenance of the build",
            rule.change, rule.since, rule.commit
        )
    }
}

/// Returns the minor version that a Dockerfile selects by `# syntax=docker/dockerfile:1.N`. `None`
/// where it selects none, the newest of version 1, or another frontend.
pub fn selected(text: &str) -> Option<u32> {
    let lines = text.trim_start_matches('\u{feff}').lines();
    let directives = lines.map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    let mut syntax = directives.filter(|(name, _)| name.trim().eq_ignore_ascii_case("syntax"));
    let (_, value) = syntax.next()?;
    let value = value.split_whitespace().next()?;
    let value = value.strip_prefix("docker.io/").unwrap_or(value);
    let tag = value
        .strip_prefix("docker/dockerfile:")
        .or_else(|| value.strip_prefix("docker/dockerfile-upstream:"))?;
    let minor = tag.strip_prefix("1.")?;
    let digits = minor
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(minor.len());
    minor[..digits].parse().ok()
}

/// Finds the instructions that the selected version builds otherwise. `has_epoch` says that the
/// build has the argument `SOURCE_DATE_EPOCH`.
pub fn differences(text: &str, has_epoch: bool) -> Vec<VersionDifference> {
    let Some(selected) = selected(text) else {
        return Vec::new();
    };
    let file = DockerfileOutline::parse(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut reading = Reading::new(&file, has_epoch);
    let mut found = Vec::new();
    for instruction in &file.instructions {
        reading.advance(instruction);
        for rule in &RULES {
            let is_older = rule.first <= selected && selected < rule.since;
            if is_older && reading.has(rule.construct, instruction, &lines) {
                found.push(VersionDifference {
                    line: *instruction.lines.start(),
                    selected,
                    rule,
                });
            }
        }
    }
    found
}

fn word(instruction: &OutlineInstruction) -> String {
    let word = instruction.text.split_whitespace().next();
    word.unwrap_or_default().to_uppercase()
}

/// Where the build has `SOURCE_DATE_EPOCH` from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EpochOrigin {
    None,
    /// From an `ARG` with a default before the first `FROM`.
    Default,
    /// From the command.
    Given,
}

/// What is known of a file up to an instruction.
struct Reading {
    epoch: EpochOrigin,
    /// The stages by name.
    stages: HashMap<String, usize>,
    /// For each stage, whether it declares arguments or stands on one that does.
    has_arguments: Vec<bool>,
    /// Whether the stage of the instruction stands on one that has arguments.
    inherits_arguments: bool,
    has_target_stage: bool,
}

impl Reading {
    fn new(file: &DockerfileOutline, has_epoch: bool) -> Self {
        let global = file
            .instructions
            .iter()
            .take_while(|found| word(found) != "FROM");
        let mut words = global.flat_map(|found| found.text.split_whitespace());
        let epoch = if has_epoch {
            EpochOrigin::Given
        } else if words.any(|word| word.starts_with("SOURCE_DATE_EPOCH=")) {
            EpochOrigin::Default
        } else {
            EpochOrigin::None
        };
        Self {
            epoch,
            stages: HashMap::new(),
            has_arguments: Vec::new(),
            inherits_arguments: false,
            has_target_stage: false,
        }
    }

    /// Goes on to an instruction.
    fn advance(&mut self, instruction: &OutlineInstruction) {
        let mut words = instruction.text.split_whitespace().skip(1);
        match word(instruction).as_str() {
            "FROM" => {
                let base = words
                    .find(|word| !word.starts_with("--"))
                    .map(str::to_lowercase);
                let base = base.and_then(|base| self.stages.get(&base));
                self.inherits_arguments = base.is_some_and(|base| self.has_arguments[*base]);
                self.has_target_stage = false;
                let name = instruction
                    .stage
                    .as_ref()
                    .and_then(|stage| stage.name.clone());
                self.stages
                    .extend(name.map(|name| (name, self.has_arguments.len())));
                self.has_arguments.push(self.inherits_arguments);
            }
            "ARG" => {
                if let Some(has_arguments) = self.has_arguments.last_mut() {
                    *has_arguments = true;
                    self.has_target_stage |=
                        words.any(|word| word.split('=').next() == Some("TARGETSTAGE"));
                }
            }
            _ => {}
        }
    }

    fn has(&self, construct: Construct, instruction: &OutlineInstruction, lines: &[&str]) -> bool {
        let text = instruction.text.as_str();
        let word = word(instruction);
        let copies = matches!(word.as_str(), "COPY" | "ADD");
        match construct {
            Construct::CopyOfHeredoc => copies && text.contains("<<"),
            Construct::CopyToDot => copies && text.split_whitespace().last() == Some("."),
            Construct::RunOnStageWithArguments => word == "RUN" && self.inherits_arguments,
            Construct::RunWithTargetStage => word == "RUN" && self.has_target_stage,
            Construct::WorkdirWithEpoch => word == "WORKDIR" && self.epoch == EpochOrigin::Given,
            Construct::CopyParents => copies && text.contains("--parents"),
            Construct::RunOfIndentedScript => {
                let inside = lines.get(*instruction.lines.start() as usize);
                let is_script =
                    |line: &&&str| line.starts_with('\t') && line.trim_start().starts_with("#!");
                word == "RUN" && text.contains("<<-") && inside.as_ref().is_some_and(is_script)
            }
            Construct::GlobalEpoch => {
                (copies || word == "WORKDIR") && self.epoch == EpochOrigin::Default
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_selects_a_version() {
        let cases = [
            ("# syntax=docker/dockerfile:1.7\nFROM a", Some(7)),
            (
                "#syntax = docker.io/docker/dockerfile:1.10.2-labs\n",
                Some(10),
            ),
            (
                "# escape=`\n# syntax=docker/dockerfile-upstream:1.3\n",
                Some(3),
            ),
            ("# syntax=docker/dockerfile:1\n", None),
            ("# syntax=docker/dockerfile:latest\n", None),
            ("# syntax=example.com/own:1.7\n", None),
            ("FROM a\n# syntax=docker/dockerfile:1.7\n", None),
            ("# a comment\n# syntax=docker/dockerfile:1.7\n", None),
        ];
        for (text, expected) in cases {
            assert_eq!(selected(text), expected, "{text}");
        }
    }

    #[test]
    fn each_version_rule_has_its_instructions() {
        let file = "ARG SOURCE_DATE_EPOCH=1\nFROM a AS base\nARG X=1\nARG TARGETSTAGE\nRUN one\nCOPY <<EOF /f\nx\nEOF\nFROM base\nWORKDIR /w\nCOPY f .\nCOPY --parents a/b /c\nRUN two\nRUN <<-EOF\n\t#!/bin/sh\n\techo\nEOF\n";
        let lines = |version: &str, has_epoch| -> Vec<(&'static str, u32)> {
            let text = format!("# syntax=docker/dockerfile:{version}\n{file}");
            let found = differences(&text, has_epoch).into_iter();
            found
                .map(|found| (found.rule.commit, found.line - 1))
                .collect()
        };
        assert_eq!(
            lines("1.5", true),
            [
                ("6a31a78b4", 5),
                ("143042485", 6),
                ("01b3eb44f", 10),
                ("ac10b4193", 12),
                ("c7c2f0e97", 13),
                ("c7c2f0e97", 14),
                ("2eadae25e", 14),
            ]
        );
        assert!(lines("1.8", true).contains(&("c60528948", 11)));
        assert_eq!(
            lines("1.22", false),
            [
                ("d751ebd4b", 6),
                ("d751ebd4b", 10),
                ("d751ebd4b", 11),
                ("d751ebd4b", 12)
            ]
        );
        assert!(lines("1.24", false).is_empty());
        assert!(lines("1", false).is_empty());
    }

    #[test]
    fn the_manual_has_every_rule() {
        let manual = include_str!("../../../assets/manual/why.md");
        for rule in RULES {
            assert!(manual.contains(rule.commit), "{}", rule.commit);
            assert!(
                manual.contains(&format!("1.{}", rule.since)),
                "{}",
                rule.since
            );
        }
    }
}
