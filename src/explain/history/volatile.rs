//! Variables whose names say that their values change with every build: a commit, a date, the
//! number of a build. A name proves nothing, so this is a note and never a cause.

use super::advice::{self, Move};
use crate::format::dockerfile::outline::DockerfileOutline;

/// How many variables of a file are looked at.
const MOST_VARIABLES: usize = 20;
/// Names that are volatile as a whole.
const NAMES: [&str; 13] = [
    "VERSION",
    "APP_VERSION",
    "BUILD_VERSION",
    "IMAGE_VERSION",
    "PACKAGE_VERSION",
    "PROJECT_VERSION",
    "RELEASE_VERSION",
    "RELEASE",
    "SHA",
    "DATE",
    "NOW",
    "CACHEBUST",
    "CACHE_BUST",
];
/// Words of a name that are volatile wherever they stand.
const WORDS: [&str; 7] = [
    "COMMIT",
    "REVISION",
    "TIMESTAMP",
    "DATETIME",
    "BUILDNUMBER",
    "BUILDDATE",
    "CACHEBUST",
];
/// Pairs of words that are volatile in this order, with others around them.
const PAIRS: [(&str, &str); 22] = [
    ("GIT", "SHA"),
    ("GIT", "REF"),
    ("GIT", "REV"),
    ("GIT", "HASH"),
    ("GIT", "DESCRIBE"),
    ("GIT", "TAG"),
    ("GITHUB", "SHA"),
    ("CI", "SHA"),
    ("VCS", "REF"),
    ("VCS", "SHA"),
    ("SHORT", "SHA"),
    ("SOURCE", "SHA"),
    ("BUILD", "SHA"),
    ("BUILD", "DATE"),
    ("BUILD", "TIME"),
    ("BUILD", "NUMBER"),
    ("BUILD", "NUM"),
    ("BUILD", "NO"),
    ("BUILD", "ID"),
    ("BUILD", "REV"),
    ("RUN", "ID"),
    ("RUN", "NUMBER"),
];

/// A variable of a Dockerfile whose name says that it changes often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolatileVariable {
    /// `ARG` or `ENV`.
    pub word: String,
    pub name: String,
    /// The line that declares it.
    pub line: u32,
    /// The move that keeps it from the steps which do not name it.
    pub to: Move,
}

impl VolatileVariable {
    /// Says it in a sentence. `file` is the name of the Dockerfile.
    pub fn sentence(&self, file: &str) -> String {
        let Self {
            word,
            name,
            line,
            to,
        } = self;
        let lines: Vec<String> = to.passed.iter().take(5).map(u32::to_string).collect();
        let more = to.passed.len().saturating_sub(lines.len());
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        let (run, lines) = match lines.as_slice() {
            [one] => (
                "the RUN below it that does not name it".to_owned(),
                format!("line {one}"),
            ),
            several => (
                format!("the {} RUNs below it that do not name it", to.passed.len()),
                format!("lines {}{more}", several.join(", ")),
            ),
        };
        format!(
            "{file}:{line}: {word} {name}: if it changes with every build, as its name suggests, {run} ({lines}) cannot hit; move it to just above line {}, unless a command reads it from its environment",
            to.to
        )
    }
}

/// Returns whether a name is known to be of something that changes with nearly every build.
pub fn is_volatile(name: &str) -> bool {
    let name = name.to_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    let has = |word: &&str| words.contains(word);
    let has_pair = |(first, second): &(&str, &str)| {
        let first = words.iter().position(|word| word == first);
        let second = words.iter().rposition(|word| word == second);
        first.is_some_and(|first| second.is_some_and(|second| first < second))
    };
    NAMES.contains(&name.as_str()) || WORDS.iter().any(has) || PAIRS.iter().any(has_pair)
}

/// Finds the volatile variables of a Dockerfile that stand above RUN instructions which do not name
/// them.
pub fn of_file(text: &str) -> Vec<VolatileVariable> {
    let file = DockerfileOutline::parse(text);
    let in_stages = file
        .instructions
        .iter()
        .filter(|found| found.stage.is_some());
    let declared = in_stages.flat_map(|instruction| {
        let word = advice::word(&instruction.text);
        let names = match word.as_str() {
            "ARG" | "ENV" => advice::names(&instruction.text),
            _ => Vec::new(),
        };
        let line = *instruction.lines.start();
        names
            .into_iter()
            .map(move |name| (word.clone(), name, line))
    });
    // Each reads the rest of the file.
    let volatile = declared
        .filter(|(_, name, _)| is_volatile(name))
        .take(MOST_VARIABLES);
    let found = volatile.filter_map(|(word, name, line)| {
        let to = advice::of_variable(text, &file, &name, line)?.to?;
        Some(VolatileVariable {
            word,
            name,
            line,
            to,
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatile_names_are_recognized() {
        for name in [
            "GIT_SHA",
            "GIT_COMMIT_SHA",
            "COMMIT",
            "BUILD_DATE",
            "BUILD_NUMBER",
            "CI_COMMIT_SHORT_SHA",
            "VCS_REF",
            "VERSION",
            "app_version",
            "GITHUB_RUN_ID",
            "CACHEBUST",
            "REVISION",
        ] {
            assert!(is_volatile(name), "{name}");
        }
        for name in [
            "NODE_VERSION",
            "GO_VERSION",
            "NODE_SHA256",
            "DEBIAN_RELEASE",
            "TZ",
            "PATH",
            "BUILDPLATFORM",
            "RUN_TESTS",
            "GIT_VERSION",
            "UPDATE",
            "TARGETARCH",
            "SOURCE_DATE_EPOCH",
            "BUILD_TYPE",
        ] {
            assert!(!is_volatile(name), "{name}");
        }
    }

    #[test]
    fn only_volatile_names_above_unrelated_steps_are_found() {
        let file = "ARG VERSION\nFROM a\nARG GIT_SHA\nARG NODE_VERSION\nRUN apt-get update\nRUN npm ci\nRUN build --rev=$GIT_SHA\nARG BUILD_DATE\nLABEL date=$BUILD_DATE\n";
        let found = of_file(file);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].sentence("Dockerfile"),
            "Dockerfile:3: ARG GIT_SHA: if it changes with every build, as its name suggests, the 2 RUNs below it that do not name it (lines 5, 6) cannot hit; move it to just above line 7, unless a command reads it from its environment"
        );
    }
}
